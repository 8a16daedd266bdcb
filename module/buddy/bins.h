/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bins: which chunk serves an order, as a set of chunks per bin of state.h and
 * one word that says which bins are not empty. The chunk to use is found in the
 * first bin of that word that has blocks large enough: a handful of instructions,
 * however many chunks there are and whatever their state.
 *
 * Like a summary, a hint: a chunk's own state word decides, and who changes that
 * brings the bins in line; see zone.c.
 *
 * Locking: none, as in summary.h.
 */
#ifndef KMEMX_BUDDY_BINS_H
#define KMEMX_BUDDY_BINS_H

#include <kmemx/platform.h>
#include "buddy/state.h"
#include "buddy/summary.h"

/**
 * struct kmemx_bins - the chunks of each bin
 * @used: a bit per bin that may have a chunk
 * @chunks: the chunks of a bin
 */
struct kmemx_bins {
	atomic64_t used;
	struct kmemx_summary chunks[KMEMX_NR_BINS];
};

size_t kmemx_bins_bytes(unsigned int nr_chunks);
void kmemx_bins_init(struct kmemx_bins *bins, void *mem, unsigned int nr_chunks);
void kmemx_bins_add(struct kmemx_bins *bins, unsigned int bin, unsigned int chunk);
void kmemx_bins_remove(struct kmemx_bins *bins, unsigned int bin, unsigned int chunk);
void kmemx_bins_settle(struct kmemx_bins *bins, unsigned int bin);
extern const u64 kmemx_bins_for[KMEMX_NR_ORDERS];

/**
 * kmemx_bins_first() - kmemx_bins_find(), where every bit on the way is as it should be
 * @bins: the bins
 * @order: 0..9, of the block
 *
 * Context: any.
 * Return: the chunk, or -1 if there is none, or kmemx_bins_find() is needed to tell.
 */
static __always_inline long kmemx_bins_first(const struct kmemx_bins *bins, unsigned int order)
{
	u64 bits = (u64)atomic64_read(&bins->used) & *(kmemx_bins_for + order);
	const struct kmemx_summary *sum;
	unsigned int level, index = 0;

	if (unlikely(!bits))
		return -1;
	sum = bins->chunks + __ffs64(bits);
	level = sum->nr_levels;
	do {
		bits = (u64)atomic64_read(*(sum->level + --level) + index);
		if (unlikely(!bits))
			return -1;
		index = (index * KMEMX_SUMMARY_FANOUT) + __ffs64(bits);
	} while (level);
	return index;
}

/* kmemx_bins_add(), inline. */
static __always_inline void kmemx_bins_put(struct kmemx_bins *bins, unsigned int bin,
					   unsigned int chunk)
{
	struct kmemx_summary *sum = bins->chunks + bin;

	kmemx_summary_add(sum, chunk);
	kmemx_step();
	if (test_bit(bin, kmemx_summary_bits(&bins->used)))
		return;
	set_bit(bin, kmemx_summary_bits(&bins->used));
	/* As in kmemx_bins_settle(). */
	smp_mb__after_atomic();
	kmemx_step();
	if (unlikely(kmemx_summary_is_empty(sum)))
		kmemx_bins_settle(bins, bin);
}

/* kmemx_bins_remove(), inline. */
static __always_inline void kmemx_bins_drop(struct kmemx_bins *bins, unsigned int bin,
					    unsigned int chunk)
{
	struct kmemx_summary *sum = bins->chunks + bin;

	/* What is above is not empty either, and nothing that this CPU has to see to. */
	if (!kmemx_summary_drop(sum, chunk))
		return;
	if (!kmemx_summary_is_empty(sum)) {
		/* So it was before, unless a repair has made it so. */
		if (unlikely(!test_bit(bin, kmemx_summary_bits(&bins->used))))
			kmemx_bins_settle(bins, bin);
		return;
	}
	kmemx_step();
	clear_bit(bin, kmemx_summary_bits(&bins->used));
	/* As in kmemx_bins_settle(). */
	smp_mb__after_atomic();
	kmemx_step();
	if (unlikely(!kmemx_summary_is_empty(sum)))
		kmemx_bins_settle(bins, bin);
}

/**
 * kmemx_bins_move() - let a chunk be in another bin
 * @bins: the bins
 * @from: the bin that it leaves, or KMEMX_BIN_NONE
 * @to: the bin that it enters, or KMEMX_BIN_NONE
 * @chunk: 0..nr_chunks - 1
 *
 * It is in two bins for a moment, not in none. The caller looks at the chunk's state
 * afterwards.
 *
 * Context: any.
 */
static __always_inline void kmemx_bins_move(struct kmemx_bins *bins, unsigned int from,
					    unsigned int to, unsigned int chunk)
{
	if (likely(to != KMEMX_BIN_NONE))
		kmemx_bins_put(bins, to, chunk);
	kmemx_step();
	if (likely(from != KMEMX_BIN_NONE))
		kmemx_bins_drop(bins, from, chunk);
}

long kmemx_bins_find(struct kmemx_bins *bins, unsigned int order, unsigned int *bin);
long kmemx_bins_find_next(struct kmemx_bins *bins, unsigned int order, unsigned int *bin,
			  unsigned int chunk);
long kmemx_bins_next(struct kmemx_bins *bins, unsigned int bin, unsigned int from);
int kmemx_bins_max_order(const struct kmemx_bins *bins);
bool kmemx_bins_check(const struct kmemx_bins *bins);

#endif /* KMEMX_BUDDY_BINS_H */
