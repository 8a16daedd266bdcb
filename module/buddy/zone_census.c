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

/**
 * struct look - a look at a few chunks
 * @enough: free frames that would do
 * @sum: those that were found
 * @left: chunks that may still be looked at
 */
struct look {
	unsigned long enough;
	unsigned long sum;
	int left;
};

/* At chunks of one word of a bin. True if that is all: there is enough, or one chunk too many. */
static __always_inline bool look_at_word(const struct kmemx_zone *zone,
					 const struct kmemx_summary *bin, unsigned long word,
					 struct look *look)
{
	const atomic64_t *state = zone->state + word * KMEMX_SUMMARY_FANOUT;
	u64 chunks = (u64)atomic64_read(*bin->level + word);

	for (; chunks; chunks &= chunks - 1) {
		if (unlikely(--look->left < 0)) {
			look->sum = look->enough;
			return true;
		}
		look->sum += kmemx_state_free((u64)atomic64_read(state + __ffs64(chunks)));
		if (look->sum >= look->enough)
			return true;
	}
	return false;
}

/* At those of a bin whose top is a word. */
static __always_inline bool look_near(const struct kmemx_zone *zone, struct kmemx_summary *bin,
				      struct look *look)
{
	u64 words = (u64)atomic64_read(bin->top);

	for (; words; words &= words - 1)
		if (look_at_word(zone, bin, __ffs64(words), look))
			return true;
	return false;
}

/* The same, however many words and levels there are. */
static __always_inline bool look_far(const struct kmemx_zone *zone, struct kmemx_summary *bin,
				     struct look *look)
{
	long chunk = 0;

	while ((chunk = kmemx_summary_find(bin, (unsigned int)chunk)) >= 0) {
		if (look_at_word(zone, bin, (unsigned long)chunk / KMEMX_SUMMARY_FANOUT, look))
			return true;
		chunk = round_up(chunk + 1, KMEMX_SUMMARY_FANOUT);
	}
	return false;
}

static __always_inline unsigned long look_around(struct kmemx_zone *zone, u64 used,
						 unsigned long nr, bool is_near)
{
	struct look look = { .enough = nr, .left = LOOK_CHUNKS };

	do {
		/* The last bins are those with the fewest live blocks. */
		unsigned int last = (unsigned int)fls64(used) - 1;
		struct kmemx_summary *bin = zone->bins.chunks + last;

		used &= ~BIT_ULL(last);
		if (is_near ? look_near(zone, bin, &look) : look_far(zone, bin, &look))
			break;
	} while (used);
	return look.sum;
}

static noinline unsigned long look_around_far(struct kmemx_zone *zone, u64 used, unsigned long nr)
{
	return look_around(zone, used, nr, false);
}

/**
 * kmemx_zone_look_around() - how many frames may be allocated, by chunks of some bins?
 * @zone: the zone
 * @used: the bins, at least one
 * @nr: as for kmemx_zone_seem_free()
 *
 * Return: as kmemx_zone_seem_free().
 */
unsigned long kmemx_zone_look_around(struct kmemx_zone *zone, u64 used, unsigned long nr)
{
	if (unlikely(zone->bins.chunks->nr_top > 1 || !kmemx_bins_is_flat(&zone->bins)))
		return look_around_far(zone, used, nr);
	return look_around(zone, used, nr, true);
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_look_around);

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
 * kmemx_zone_highest_order() - the order of the largest block that a chunk has
 * @zone: the zone
 *
 * By the word of used bins alone: cheap, whatever the size of the zone, and at rest the truth.
 *
 * Context: any.
 * Return: 0..KMEMX_CHUNK_ORDER, or -1 if no frame is free.
 */
int kmemx_zone_highest_order(const struct kmemx_zone *zone)
{
	int order = KMEMX_CHUNK_ORDER;

	while (order >= 0 && !kmemx_zone_has_block(zone, (unsigned int)order))
		order--;
	return order;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_highest_order);

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
