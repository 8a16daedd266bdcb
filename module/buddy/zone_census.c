// SPDX-License-Identifier: GPL-2.0
/*
 * Counting what is free in a zone; see zone_census.h.
 */
#include "buddy/zone_bins.h"
#include "buddy/zone_census.h"

/* How many are looked at, without further ado, to say whether enough is free. */
#define LAST_CHUNKS	16

/* Free frames of chunks @c to @end - 1. */
static unsigned long sum_free(const struct kmemx_zone *zone, unsigned int c, unsigned int end)
{
	unsigned long nr = 0;

	for (; c < end; c++)
		nr += kmemx_state_free((u64)atomic64_read(&zone->state[c]));
	return nr;
}

/**
 * kmemx_zone_nr_free() - frames that may be allocated
 * @zone: the zone
 *
 * Return: the sum of the chunks' free counts.
 */
unsigned long kmemx_zone_nr_free(const struct kmemx_zone *zone)
{
	return sum_free(zone, 0, zone->nr_chunks);
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_nr_free);

/**
 * kmemx_zone_nr_zero() - free frames that are known to be zero
 * @zone: the zone
 *
 * Looks at each chunk.
 *
 * Return: how many; a snapshot.
 */
unsigned long kmemx_zone_nr_zero(const struct kmemx_zone *zone)
{
	unsigned long nr = 0;
	unsigned int c;

	for (c = 0; c < zone->nr_chunks; c++)
		nr += kmemx_zone_bin_of(zone, c) == KMEMX_BIN_ALL_ZERO;
	return nr * KMEMX_CHUNK_FRAMES;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_nr_zero);

/**
 * kmemx_zone_peak_chunks() - the most chunks at a time that were not free as a whole
 * @zone: the zone
 *
 * Those that an extent does not fill never are; nor is one that is KMEMX_STATE_EMPTIED, but no
 * other is broken while it is there. Never were more frames allocated, or in fronts, than
 * these have, but for what was just changing hands.
 *
 * Return: chunks, since the zone was made.
 */
unsigned int kmemx_zone_peak_chunks(const struct kmemx_zone *zone)
{
	return zone->nr_chunks -
		(unsigned int)(atomic64_read(&zone->least_spare) + kmemx_zone_reserve(zone));
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_peak_chunks);

/* Free frames of chunks of bin @bin, 64 neighbours at most; no more than about @nr. */
static unsigned long sum_bin(struct kmemx_zone *zone, unsigned int bin, unsigned long nr)
{
	const struct kmemx_summary *sum = zone->bins.chunks + bin;
	long c = kmemx_bins_next(&zone->bins, bin, 0);
	unsigned long frames = 0;
	u64 left;

	if (c < 0)
		return 0;
	c = round_down(c, (long)KMEMX_SUMMARY_FANOUT);
	left = (u64)atomic64_read(sum->level[0] + c / KMEMX_SUMMARY_FANOUT);
	for (; left && frames < nr; left &= left - 1)
		frames += kmemx_state_free((u64)atomic64_read(zone->state + c + __ffs64(left)));
	return frames;
}

/*
 * What is free at least, if the bins are right: each bin that is used has a chunk with a block
 * of its order, so the bits of a class of live counts are, as a number, frames. Those of two
 * classes are added, and then those of three such pairs.
 */
static unsigned long least_free(u64 used)
{
	const u64 every_other = (BIT_ULL(KMEMX_NR_ORDERS) - 1) * (1 | BIT_ULL(20) | BIT_ULL(40));
	u64 sum = (used & every_other) + (used >> KMEMX_NR_ORDERS & every_other);

	static_assert(KMEMX_LIVE_CLASSES == 6 && KMEMX_NR_ORDERS == 10);
	return (sum + (sum >> 20) + (sum >> 40)) & (BIT_ULL(20) - 1);
}

static unsigned int free_in(const atomic64_t *state)
{
	return kmemx_state_free((u64)atomic64_read(state));
}

/* Free frames of the last chunks, which are used last; of no more than it takes to have @nr. */
static unsigned long last_free(const struct kmemx_zone *zone, unsigned long nr)
{
	const atomic64_t *state = zone->state + zone->nr_chunks;
	unsigned int left = min_t(unsigned int, zone->nr_chunks, LAST_CHUNKS) / 4;
	unsigned long sum = 0;

	/* Four at a time, as every instruction is one more for each. */
	for (; left && sum < nr; left--) {
		state -= 4;
		sum += free_in(state) + free_in(state + 1);
		sum += free_in(state + 2) + free_in(state + 3);
	}
	return sum;
}

/**
 * kmemx_zone_has_free() - may that many frames be allocated, in whatever pieces?
 * @zone: the zone
 * @nr: how many
 *
 * Looks at the word of used bins; if that does not tell, at a few chunks, the last ones and
 * then those with few live blocks; and only if these are not enough at all.
 *
 * Return: whether they may; a snapshot.
 */
bool kmemx_zone_has_free(struct kmemx_zone *zone, unsigned long nr)
{
	u64 used = (u64)atomic64_read(&zone->bins.used);
	unsigned long sum = 0;
	unsigned int c;

	if (least_free(used) >= nr || last_free(zone, nr) >= nr)
		return true;
	/* The last bins are those with the fewest live blocks. */
	for (; used && sum < nr; used &= ~BIT_ULL(fls64(used) - 1))
		sum += sum_bin(zone, (unsigned int)fls64(used) - 1, nr - sum);
	if (sum >= nr)
		return true;
	if (kmemx_bins_max_order(&zone->bins) < 0)
		return false;
	sum = 0;
	for (c = 0; c < zone->nr_chunks && sum < nr; c++)
		sum += kmemx_state_free((u64)atomic64_read(&zone->state[c]));
	return sum >= nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_has_free);

/**
 * kmemx_zone_extent_nr_free() - frames of one extent that may be allocated
 * @zone: the zone
 * @ext: one of its extents
 *
 * Return: the sum of its chunks' free counts.
 */
unsigned long kmemx_zone_extent_nr_free(const struct kmemx_zone *zone,
					const struct kmemx_extent *ext)
{
	return sum_free(zone, ext->chunk, ext->chunk + kmemx_extent_chunks(ext));
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_extent_nr_free);

/**
 * kmemx_zone_largest() - the longest run that could be allocated
 * @zone: the zone
 * @ext: one of its extents, or NULL for all of them
 *
 * Return: its frames; 0 if none is free.
 */
unsigned long kmemx_zone_largest(const struct kmemx_zone *zone,
				 const struct kmemx_extent *ext)
{
	unsigned int c = ext ? ext->chunk : 0;
	unsigned int end = ext ? c + kmemx_extent_chunks(ext) : zone->nr_chunks;
	unsigned long run = 0, best = 0;
	int order = -1;

	for (; c < end; c++) {
		int max_order = kmemx_state_max_order((u64)atomic64_read(&zone->state[c]));

		order = max(order, max_order);
		run = max_order == KMEMX_CHUNK_ORDER ? run + 1 : 0;
		best = max(best, run);
		if (!kmemx_zone_joins_next(zone, c))
			run = 0;
	}
	if (best)
		return best * KMEMX_CHUNK_FRAMES;
	return order < 0 ? 0 : 1UL << order;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_largest);

/**
 * kmemx_zone_count_chunk() - count the free blocks of a chunk by walking its map
 * @zone: the zone
 * @c: the chunk, one behind the other
 * @even_is_free: false before the first chunk; the next call's
 * @nr: as for kmemx_zone_count(), but that the second half of a block of order 10 has the
 *	first one taken off
 *
 * Return: the free frames counted.
 */
unsigned long kmemx_zone_count_chunk(const struct kmemx_zone *zone, unsigned int c,
				     bool *even_is_free, unsigned int nr[KMEMX_NR_ORDERS + 1])
{
	bool is_even = !(zone->base_pfn[c] / KMEMX_CHUNK_FRAMES & 1);
	unsigned int whole = nr[KMEMX_CHUNK_ORDER];
	unsigned long frames = kmemx_chunk_count(kmemx_zone_chunk(zone, c), nr);
	bool is_free = nr[KMEMX_CHUNK_ORDER] != whole;

	if (is_free && *even_is_free) {
		nr[KMEMX_CHUNK_ORDER] -= 2;
		nr[KMEMX_NR_ORDERS]++;
	}
	*even_is_free = is_even && is_free && kmemx_zone_joins_next(zone, c);
	return frames;
}

/**
 * kmemx_zone_count() - count the free blocks by walking the maps
 * @zone: the zone
 * @nr: nr[k] is increased by the maximal free blocks of order k; a larger run
 *	counts as blocks of order 10, two whole chunks, where its alignment allows
 *
 * Return: the free frames counted, which at rest is kmemx_zone_nr_free().
 */
unsigned long kmemx_zone_count(const struct kmemx_zone *zone,
			       unsigned int nr[KMEMX_NR_ORDERS + 1])
{
	unsigned long frames = 0;
	bool even_is_free = false;
	unsigned int c;

	for (c = 0; c < zone->nr_chunks; c++)
		frames += kmemx_zone_count_chunk(zone, c, &even_is_free, nr);
	return frames;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_count);
