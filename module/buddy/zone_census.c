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

/**
 * struct look - a look at some chunks that have something free
 * @left: how many more may be looked at
 * @sum: their free frames
 * @is_all: there were no others in the bins that were looked at
 */
struct look {
	unsigned int left;
	unsigned long sum;
	bool is_all;
};

/* Look at chunks of a bin, 64 neighbours at most, until there are @nr frames. */
static void look_at_bin(struct kmemx_zone *zone, unsigned int bin, unsigned long nr,
			struct look *look)
{
	struct kmemx_summary *chunks = zone->bins.chunks + bin;
	long c = kmemx_summary_is_flat(chunks) ? kmemx_summary_lowest(chunks) :
						 kmemx_summary_first(chunks);
	u64 top = (u64)atomic64_read(chunks->top), left;

	if (c < 0)
		return;
	c = round_down(c, (long)KMEMX_SUMMARY_FANOUT);
	left = (u64)atomic64_read(chunks->level[0] + c / KMEMX_SUMMARY_FANOUT);
	for (; left && look->left && look->sum < nr; left &= left - 1, look->left--)
		look->sum += kmemx_state_free((u64)atomic64_read(zone->state + c + __ffs64(left)));
	look->is_all = look->is_all && !left && chunks->nr_top == 1 && !(top & (top - 1));
}

/* Has a chunk of the last bin in @used so many free frames? If not, another may. */
static __always_inline bool last_bin_has(struct kmemx_zone *zone, u64 used, unsigned long nr)
{
	const struct kmemx_summary *chunks = zone->bins.chunks + fls64(used) - 1;
	long c = kmemx_summary_is_flat(chunks) ? kmemx_summary_lowest(chunks) : -1;

	return c >= 0 && kmemx_state_free((u64)atomic64_read(zone->state + c)) >= nr;
}

/* By chunks of the bins in @used; at least @nr if there may be so many. */
static noinline unsigned long look_around(struct kmemx_zone *zone, u64 used, unsigned long nr)
{
	struct look look = { .left = LOOK_CHUNKS, .is_all = true };

	/* The last bins are those with the fewest live blocks. */
	for (; used && look.is_all && look.sum < nr; used &= ~BIT_ULL(fls64(used) - 1))
		look_at_bin(zone, (unsigned int)fls64(used) - 1, nr, &look);
	return look.is_all ? look.sum : max(look.sum, nr);
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
	if (least_free(used) >= nr || last_bin_has(zone, used, nr))
		return nr;
	return look_around(zone, used, nr);
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
