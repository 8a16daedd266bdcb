// SPDX-License-Identifier: GPL-2.0
/*
 * Sets of chunks by what they are good for; see bins.h.
 *
 * The word of used bins is one more level above the summaries. Whoever may have changed
 * the top of a summary, also by a repair, brings the word in line afterwards. Who has put a
 * chunk in looks at the word in any case, so that the chunk is found although whoever has set a
 * bit of the top is still on its way here.
 */
#include "buddy/bins.h"

/* The bins of order 0 and more, one in each class. */
#define EVERY_CLASS	0x0004010040100401ULL
#define CLASS_ORDERS	(BIT_ULL(KMEMX_NR_ORDERS) - 1)
#define BINS_FOR(order)	(EVERY_CLASS * (CLASS_ORDERS & (~0ULL << (order))) | \
			 BIT_ULL(KMEMX_BIN_ALL_ZERO))

/* Of each order, the bins whose chunks have blocks of it, or larger ones. */
const u64 kmemx_bins_for[KMEMX_NR_ORDERS] = {
	BINS_FOR(0), BINS_FOR(1), BINS_FOR(2), BINS_FOR(3), BINS_FOR(4),
	BINS_FOR(5), BINS_FOR(6), BINS_FOR(7), BINS_FOR(8), BINS_FOR(9),
};
KMEMX_EXPORT_FOR_TEST(kmemx_bins_for);

/**
 * kmemx_bins_bytes() - memory that bins need
 * @nr_chunks: at least 1
 *
 * Return: the bytes to pass zeroed to kmemx_bins_init().
 */
size_t kmemx_bins_bytes(unsigned int nr_chunks)
{
	return KMEMX_NR_BINS * kmemx_summary_bytes(nr_chunks);
}
KMEMX_EXPORT_FOR_TEST(kmemx_bins_bytes);

/**
 * kmemx_bins_init() - make bins without chunks
 * @bins: the bins
 * @mem: kmemx_bins_bytes() zeroed bytes, which stay the caller's
 * @nr_chunks: at least 1
 */
void kmemx_bins_init(struct kmemx_bins *bins, void *mem, unsigned int nr_chunks)
{
	unsigned int i;

	static_assert(KMEMX_BIN_NONE < 64);
	atomic64_set(&bins->used, 0);
	for (i = 0; i < KMEMX_NR_BINS; i++)
		kmemx_summary_init(&bins->chunks[i], (u8 *)mem + i * kmemx_summary_bytes(nr_chunks),
				   nr_chunks);
	bins->nr_plain = kmemx_bins_is_flat(bins) ? KMEMX_BIN_ALL_FREE : 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_bins_init);

static bool is_used(const struct kmemx_bins *bins, unsigned int bin)
{
	return (u64)atomic64_read(&bins->used) & BIT_ULL(bin);
}

/*
 * Let the word say whether a bin has chunks, until that holds still: after whatever may have
 * changed the top of its summary, which a repair in there may as well.
 */
static void settle(struct kmemx_bins *bins, unsigned int bin)
{
	for (;;) {
		bool empty = kmemx_summary_is_empty(&bins->chunks[bin]);

		if (is_used(bins, bin) != empty)
			return;
		kmemx_step();
		if (empty)
			atomic64_andnot((s64)BIT_ULL(bin), &bins->used);
		else
			atomic64_or((s64)BIT_ULL(bin), &bins->used);
		/* Pairs with itself: of two CPUs one sees the other's top, or word. */
		smp_mb__after_atomic();
		kmemx_step();
	}
}

/**
 * kmemx_bins_mend() - bring what is above a chunk in line with its word
 * @bins: the bins
 * @bin: 0..KMEMX_NR_BINS - 1
 * @chunk: 0..nr_chunks - 1; the word that it is in has changed
 *
 * Context: any.
 */
void kmemx_bins_mend(struct kmemx_bins *bins, unsigned int bin, unsigned int chunk)
{
	kmemx_summary_mend(&bins->chunks[bin], chunk);
	settle(bins, bin);
}
KMEMX_EXPORT_FOR_TEST(kmemx_bins_mend);

/**
 * kmemx_bins_add() - put a chunk into a bin
 * @bins: the bins
 * @bin: 0..KMEMX_NR_BINS - 1
 * @chunk: 0..nr_chunks - 1
 *
 * Context: any.
 */
void kmemx_bins_add(struct kmemx_bins *bins, unsigned int bin, unsigned int chunk)
{
	kmemx_bins_put(bins, bin, chunk);
	if (unlikely(!kmemx_bins_is_flat(bins)))
		kmemx_bins_mend(bins, bin, chunk);
}
KMEMX_EXPORT_FOR_TEST(kmemx_bins_add);

/**
 * kmemx_bins_remove() - take a chunk out of a bin
 * @bins: the bins
 * @bin: 0..KMEMX_NR_BINS - 1
 * @chunk: 0..nr_chunks - 1
 *
 * The caller looks at the chunk's state afterwards, as for kmemx_summary_clear().
 *
 * Context: any.
 */
void kmemx_bins_remove(struct kmemx_bins *bins, unsigned int bin, unsigned int chunk)
{
	if (unlikely(!kmemx_bins_drop(bins, bin, chunk)) || unlikely(!kmemx_bins_is_flat(bins)))
		kmemx_bins_mend(bins, bin, chunk);
}
KMEMX_EXPORT_FOR_TEST(kmemx_bins_remove);

/**
 * kmemx_bins_next() - the first chunk of a bin at or after a place
 * @bins: the bins
 * @bin: 0..KMEMX_NR_BINS - 1
 * @from: where to start, may be nr_chunks
 *
 * Context: any.
 * Return: the chunk, or -1 if there is none.
 */
long kmemx_bins_next(struct kmemx_bins *bins, unsigned int bin, unsigned int from)
{
	long chunk = kmemx_summary_find(&bins->chunks[bin], from);

	/* The search repairs what it meets. */
	settle(bins, bin);
	return chunk;
}
KMEMX_EXPORT_FOR_TEST(kmemx_bins_next);

/* The first chunk of the bins @left, and its bin; -1 if there is none. */
static long first_of(struct kmemx_bins *bins, u64 left, unsigned int *bin)
{
	for (; left; left &= left - 1) {
		long chunk;

		*bin = __ffs64(left);
		kmemx_step();
		chunk = kmemx_summary_first(&bins->chunks[*bin]);
		if (likely(chunk >= 0))
			return chunk;
		settle(bins, *bin);
	}
	return -1;
}

/**
 * kmemx_bins_find() - the chunk to take a block from
 * @bins: the bins
 * @order: 0..9, of the block
 * @bin: set to the bin that the chunk was found in
 *
 * The lowest chunk of the first bin that has one. A chunk that is just changing its
 * bin may be missed.
 *
 * Context: any.
 * Return: the chunk, or -1 if none has such a block.
 */
long kmemx_bins_find(struct kmemx_bins *bins, unsigned int order, unsigned int *bin)
{
	return first_of(bins, (u64)atomic64_read(&bins->used) & kmemx_bins_for[order], bin);
}
KMEMX_EXPORT_FOR_TEST(kmemx_bins_find);

/**
 * kmemx_bins_find_next() - the chunk to try if one has refused
 * @bins: the bins
 * @order: 0..9, of the block
 * @bin: where @chunk was found; set to the bin of the chunk that is found
 * @chunk: the one that has refused
 *
 * What a chunk seems to have may be reserved by a CPU that stands still, or by what this
 * one has interrupted: so it is not asked again.
 *
 * Context: any.
 * Return: the chunk, or -1 if there is none behind that.
 */
long kmemx_bins_find_next(struct kmemx_bins *bins, unsigned int order, unsigned int *bin,
			  unsigned int chunk)
{
	u64 behind = ~0ULL << *bin << 1;
	long next = kmemx_summary_find(&bins->chunks[*bin], chunk + 1);

	if (next >= 0)
		return next;
	settle(bins, *bin);
	return first_of(bins, (u64)atomic64_read(&bins->used) & kmemx_bins_for[order] & behind,
			bin);
}
KMEMX_EXPORT_FOR_TEST(kmemx_bins_find_next);

/**
 * kmemx_bins_check() - do the levels agree?
 * @bins: the bins, which nobody changes meanwhile
 *
 * Return: true if every bin that has a chunk says so, and no other.
 */
bool kmemx_bins_check(const struct kmemx_bins *bins)
{
	unsigned int i;

	for (i = 0; i < KMEMX_NR_BINS; i++)
		if (!kmemx_summary_check(&bins->chunks[i]) ||
		    is_used(bins, i) == kmemx_summary_is_empty(&bins->chunks[i]))
			return false;
	return true;
}
KMEMX_EXPORT_FOR_TEST(kmemx_bins_check);
