// SPDX-License-Identifier: GPL-2.0
/*
 * Counting what is free in a zone; see zone_census.h.
 */
#include "buddy/zone_bins.h"
#include "buddy/zone_census.h"

/* How many are looked at, at most, to say whether enough is free. */
#define LOOK_CHUNKS	8

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

/* The first word of a bin's chunks, at or after @word, that may have one; or -1. */
static __always_inline long next_word(struct kmemx_summary *chunks, unsigned int word)
{
	u64 top;
	long c;

	if (likely(chunks->nr_top == 1 && kmemx_summary_is_flat(chunks))) {
		top = (u64)atomic64_read(chunks->top) >> (word % KMEMX_SUMMARY_FANOUT);
		return top && word < KMEMX_SUMMARY_FANOUT ? (long)(word + __ffs64(top)) : -1;
	}
	c = kmemx_summary_find(chunks, word * KMEMX_SUMMARY_FANOUT);
	return c < 0 ? -1 : c / KMEMX_SUMMARY_FANOUT;
}

/* By chunks of the bins in @used; @nr if there are more than are looked at. */
static noinline unsigned long look_around(struct kmemx_zone *zone, u64 used, unsigned long nr)
{
	unsigned int looks = LOOK_CHUNKS;
	unsigned long sum = 0;

	/* The last bins are those with the fewest live blocks. */
	for (; used; used &= ~BIT_ULL(fls64(used) - 1)) {
		struct kmemx_summary *chunks = zone->bins.chunks + fls64(used) - 1;
		long word;

		for (word = next_word(chunks, 0); word >= 0;
		     word = next_word(chunks, (unsigned int)word + 1)) {
			u64 left = (u64)atomic64_read(chunks->level[0] + word);
			const atomic64_t *state = zone->state + word * KMEMX_SUMMARY_FANOUT;

			for (; left; left &= left - 1) {
				if (!looks--)
					return nr;
				sum += kmemx_state_free((u64)atomic64_read(state + __ffs64(left)));
				if (sum >= nr)
					return sum;
			}
		}
	}
	return sum;
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
unsigned long kmemx_zone_seem_free(struct kmemx_zone *zone, unsigned long nr)
{
	u64 used = (u64)atomic64_read(&zone->bins.used);

	if (!used)
		return 0;
	return least_free(used) >= nr ? nr : look_around(zone, used, nr);
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_seem_free);

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
