/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bins: which chunk serves an order, as a set of chunks per bin of state.h and
 * one word that says which bins are not empty. The chunk to use is found in the
 * first bin of that word that has blocks large enough: a handful of instructions,
 * however many chunks there are and whatever their state.
 *
 * Like a summary, a hint: a chunk's own state word decides, and who changes that
 * brings the bins in line; see zone_bins.h.
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
 * @nr_plain: bins below this have no chunk that is free as a whole; 0 if summaries are not
 *	      flat. So one look tells whether a move is an ordinary one.
 * @chunks: the chunks of a bin
 */
struct kmemx_bins {
	atomic64_t used;
	unsigned int nr_plain;
	struct kmemx_summary chunks[KMEMX_NR_BINS];
};

size_t kmemx_bins_bytes(unsigned int nr_chunks);
void kmemx_bins_init(struct kmemx_bins *bins, void *mem, unsigned int nr_chunks);
void kmemx_bins_add(struct kmemx_bins *bins, unsigned int bin, unsigned int chunk);
void kmemx_bins_remove(struct kmemx_bins *bins, unsigned int bin, unsigned int chunk);
void kmemx_bins_mend(struct kmemx_bins *bins, unsigned int bin, unsigned int chunk);
extern const u64 kmemx_bins_for[KMEMX_NR_ORDERS];

/**
 * kmemx_bins_first() - kmemx_bins_find(), where every bit on the way is as it should be
 * @bins: the bins
 * @order: 0..9, of the block
 *
 * Context: any.
 * Return: the chunk, or -1 if there is none, or kmemx_bins_find() is needed to tell.
 */
static __always_inline long kmemx_bins_first(struct kmemx_bins *bins, unsigned int order)
{
	u64 bits = (u64)atomic64_read(&bins->used) & *(kmemx_bins_for + order);
	struct kmemx_summary *sum;

	if (unlikely(!bits))
		return -1;
	sum = bins->chunks + __ffs64(bits);
	return likely(kmemx_summary_is_flat(sum)) ? kmemx_summary_lowest(sum) :
						    kmemx_summary_first(sum);
}

/* All summaries have as many levels. */
static __always_inline bool kmemx_bins_is_flat(const struct kmemx_bins *bins)
{
	return kmemx_summary_is_flat(bins->chunks);
}

/**
 * kmemx_bins_put() - kmemx_bins_add(), inline, where bins are flat
 * @bins: the bins
 * @bin: 0..KMEMX_NR_BINS - 1
 * @chunk: 0..nr_chunks - 1
 *
 * Whether the bin is still not empty is not looked at again. If it is, another CPU has moved
 * the chunk on meanwhile, and the caller's look at the chunk's state shows that.
 *
 * Context: any.
 */
static __always_inline void kmemx_bins_put(struct kmemx_bins *bins, unsigned int bin,
					   unsigned long chunk)
{
	kmemx_summary_raise(bins->chunks + bin, chunk);
	if (test_bit(bin, kmemx_summary_bits(&bins->used)))
		return;
	kmemx_step();
	set_bit(bin, kmemx_summary_bits(&bins->used));
	/* Pairs with that in kmemx_bins_drop(). */
	smp_mb__after_atomic();
	kmemx_step();
}

/**
 * kmemx_bins_drop() - kmemx_bins_remove(), inline, where bins are flat
 * @bins: the bins
 * @bin: 0..KMEMX_NR_BINS - 1
 * @chunk: 0..nr_chunks - 1
 *
 * Context: any.
 * Return: false if kmemx_bins_mend() is left to be done; it is not called here, so that who
 * inlines this has no call in its way.
 */
static __always_inline bool kmemx_bins_drop(struct kmemx_bins *bins, unsigned int bin,
					    unsigned long chunk)
{
	struct kmemx_summary *sum = bins->chunks + bin;
	enum kmemx_summary_left left = kmemx_summary_lower(sum, chunk);

	if (left != KMEMX_LEFT_NONE)
		return left == KMEMX_LEFT_SOME;
	/* That it is used is said by who sets a bit of the top, not by who clears another. */
	if (!kmemx_summary_is_empty(sum))
		return true;
	kmemx_step();
	clear_bit(bin, kmemx_summary_bits(&bins->used));
	/* Pairs with that in kmemx_summary_raise(): of two CPUs one sees the other's change. */
	smp_mb__after_atomic();
	kmemx_step();
	return kmemx_summary_is_empty(sum);
}

long kmemx_bins_find(struct kmemx_bins *bins, unsigned int order, unsigned int *bin);
long kmemx_bins_find_next(struct kmemx_bins *bins, unsigned int order, unsigned int *bin,
			  unsigned int chunk);
long kmemx_bins_next(struct kmemx_bins *bins, unsigned int bin, unsigned int from);
bool kmemx_bins_check(const struct kmemx_bins *bins);

#endif /* KMEMX_BUDDY_BINS_H */
