/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the bins of a zone follow the states of its chunks: who has changed a state word
 * tells the bins, and adds to the count of spare chunks if one has become free as a whole,
 * or is no longer. At rest both are right. The chunk that was emptied last is kept in
 * its bin, and noted.
 *
 * Locking: none. The last to change a state is the last to look at it; docs/locking.md.
 */
#ifndef KMEMX_BUDDY_ZONE_BINS_H
#define KMEMX_BUDDY_ZONE_BINS_H

#include <kmemx/platform.h>
#include "buddy/zone.h"

/* The bin that chunk @c is to be in. */
static inline unsigned int kmemx_zone_bin_of(const struct kmemx_zone *zone, unsigned int c)
{
	return kmemx_state_bin((u64)atomic64_read(&zone->state[c]));
}

/* So many whole chunks, a quarter of all, are not spare. */
static inline unsigned int kmemx_zone_reserve(const struct kmemx_zone *zone)
{
	return DIV_ROUND_UP(zone->nr_chunks, 4);
}

/* Are so many chunks free as a whole that one more or less does not matter? */
static __always_inline bool kmemx_zone_has_plenty(const struct kmemx_zone *zone)
{
	return atomic64_read(&zone->spare) >= 0;
}

/**
 * kmemx_zone_emptied() - the chunk that was emptied last, if it is kept as it was
 * @zone: the zone
 *
 * It is free as a whole, but in the bin of those with one live block: who wants whole chunks
 * does not find it among these.
 *
 * Context: any.
 * Return: the chunk; -1 if there is none. A snapshot.
 */
static __always_inline long kmemx_zone_emptied(const struct kmemx_zone *zone)
{
	long c = (long)atomic64_read(&zone->emptied);

	return unlikely((u64)atomic64_read(zone->state + c) == KMEMX_STATE_EMPTIED) ? c : -1;
}

/* Has any chunk a free block of @order, 0..9? At rest the truth. */
static inline bool kmemx_zone_has_block(const struct kmemx_zone *zone, unsigned int order)
{
	return (u64)atomic64_read(&zone->bins.used) & *(kmemx_bins_for + order) ||
		(order == KMEMX_CHUNK_ORDER && kmemx_zone_emptied(zone) >= 0);
}

void kmemx_zone_settle_bin(struct kmemx_zone *zone, unsigned int c, unsigned int bin);
void kmemx_zone_settle_moved(struct kmemx_zone *zone, unsigned int c,
			     const struct kmemx_moved *moved);
void kmemx_zone_settle_change(struct kmemx_zone *zone, unsigned long c, u64 old, u64 new);
void kmemx_zone_settle_edge(struct kmemx_zone *zone, unsigned long c, unsigned int from,
			    unsigned int to, u64 new);
void kmemx_zone_settle_again(struct kmemx_zone *zone, unsigned int c, u64 old, u64 new, int i,
			     u64 delta);
void kmemx_zone_settle_emptied(struct kmemx_zone *zone);
void kmemx_zone_count_back(struct kmemx_zone *zone, unsigned int frame, unsigned int order,
			   u64 word);
s64 kmemx_zone_count_spare(const struct kmemx_zone *zone);

/* Bring in line what chunk.c has done to chunk @c. */
static inline void kmemx_zone_settle(struct kmemx_zone *zone, unsigned int c,
				     const struct kmemx_moved *moved)
{
	if (moved->bins)
		kmemx_zone_settle_moved(zone, c, moved);
}

/* Bring in line what one change of a word of chunk @c, and of its state, came to. */
static __always_inline void kmemx_zone_settle_word(struct kmemx_zone *zone, unsigned int c,
						   const struct kmemx_change *change)
{
	if (unlikely(!change->settled))
		kmemx_zone_settle_again(zone, c, change->old, change->new, change->word,
					change->delta);
	else if ((change->old ^ change->new) & KMEMX_STATE_BIN_MASK)
		kmemx_zone_settle_change(zone, c, change->old, change->new);
}

#endif /* KMEMX_BUDDY_ZONE_BINS_H */
