/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counting what is free in a zone: frames, blocks of each order, the longest run.
 * Nothing is kept for it; the states of the chunks are added up, or their maps walked,
 * when somebody asks.
 *
 * Locking: none. What changes meanwhile may be counted as it was or as it is.
 */
#ifndef KMEMX_BUDDY_ZONE_CENSUS_H
#define KMEMX_BUDDY_ZONE_CENSUS_H

#include <kmemx/platform.h>
#include "buddy/zone.h"

unsigned long kmemx_zone_look_around(struct kmemx_zone *zone, u64 used, unsigned long nr);

/*
 * What is free at least, if the bins are right: each bin that is used has a chunk with a block
 * of its order, so the bits of a class of live counts are, as a number, frames. Those of two
 * classes are added, and then those of three such pairs.
 */
static __always_inline unsigned long kmemx_zone_least_free(u64 used)
{
	const u64 every_other = (BIT_ULL(KMEMX_NR_ORDERS) - 1) * (1 | BIT_ULL(20) | BIT_ULL(40));
	u64 sum = (used & every_other) + (used >> KMEMX_NR_ORDERS & every_other);

	static_assert(KMEMX_LIVE_CLASSES == 6 && KMEMX_NR_ORDERS == 10);
	return (sum + (sum >> 20) + (sum >> 40)) & (BIT_ULL(20) - 1);
}

/**
 * kmemx_zone_seem_free() - how many frames may be allocated, by one short look?
 * @zone: the zone
 * @nr: more than that do not matter
 *
 * Looks at the word of used bins, and if that does not tell at a few chunks, those with few live
 * blocks first, whatever the zone's size. In doubt, as more have something free, it is enough.
 *
 * Return: at least @nr if so many may be; if it is less, that is right. A snapshot.
 */
static __always_inline unsigned long kmemx_zone_seem_free(struct kmemx_zone *zone,
							  unsigned long nr)
{
	u64 used = (u64)atomic64_read(&zone->bins.used);

	if (!used)
		return 0;
	return kmemx_zone_least_free(used) >= nr ? nr : kmemx_zone_look_around(zone, used, nr);
}

unsigned long kmemx_zone_nr_free(const struct kmemx_zone *zone);
unsigned long kmemx_zone_nr_zero(const struct kmemx_zone *zone);
unsigned int kmemx_zone_peak_chunks(const struct kmemx_zone *zone);
unsigned long kmemx_zone_extent_nr_free(const struct kmemx_zone *zone,
					const struct kmemx_extent *ext);
int kmemx_zone_highest_order(const struct kmemx_zone *zone);
unsigned long kmemx_zone_largest(const struct kmemx_zone *zone,
				 const struct kmemx_extent *ext);
unsigned long kmemx_zone_count_chunk(const struct kmemx_zone *zone, unsigned int c,
				     bool *even_is_free, unsigned int nr[KMEMX_NR_ORDERS + 1]);
unsigned long kmemx_zone_count(const struct kmemx_zone *zone,
			       unsigned int nr[KMEMX_NR_ORDERS + 1]);

#endif /* KMEMX_BUDDY_ZONE_CENSUS_H */
