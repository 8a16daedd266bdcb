// SPDX-License-Identifier: GPL-2.0
/*
 * Finding frames in a row, and taking all of them or none; see zone_run.h.
 */
#include "buddy/zone_block.h"
#include "buddy/zone_run.h"

static void trim_block(struct kmemx_zone *zone, unsigned int c, unsigned int frame,
		       unsigned int order, unsigned int nr)
{
	struct kmemx_moved moved = { 0 };

	kmemx_chunk_trim(kmemx_zone_chunk(zone, c), frame, order, nr, &moved);
	kmemx_zone_settle(zone, c, &moved);
}

/* Up to one chunk: a block of @order, of which @nr frames are kept. */
static long alloc_block(struct kmemx_zone *zone, unsigned int order,
			unsigned int nr)
{
	long frame = kmemx_zone_take_block(zone, order);

	if (frame >= 0 && nr < 1U << order)
		trim_block(zone, (unsigned int)frame / KMEMX_CHUNK_FRAMES,
			   (unsigned int)frame % KMEMX_CHUNK_FRAMES, order, nr);
	return frame;
}

static bool is_whole(const struct kmemx_zone *zone, unsigned int c)
{
	return kmemx_bin_is_whole(kmemx_zone_bin_of(zone, c));
}

/* Chunks in a row from @c on that could be taken whole, @nr at most. */
static unsigned int count_whole(const struct kmemx_zone *zone, unsigned int c,
				unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr && is_whole(zone, c + i); i++)
		if (!kmemx_zone_joins_next(zone, c + i))
			return i + 1;
	return i;
}

static bool take_whole(struct kmemx_zone *zone, unsigned int c)
{
	u64 old = kmemx_chunk_take_whole(kmemx_zone_chunk(zone, c));

	if (unlikely(!old))
		return false;
	kmemx_zone_settle_edge(zone, c, kmemx_state_bin(old), KMEMX_BIN_NONE,
			       KMEMX_STATE_ALL_TAKEN);
	return true;
}

static void give_chunks(struct kmemx_zone *zone, unsigned int c, unsigned int nr)
{
	while (nr--)
		kmemx_zone_give_block(zone, c + nr, 0, KMEMX_CHUNK_ORDER);
}

/* Take chunks @c to @c + @nr - 1 whole, or none of them. */
static bool take_chunks(struct kmemx_zone *zone, unsigned int c, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		kmemx_step();
		if (!take_whole(zone, c + i))
			break;
	}
	if (i < nr)
		give_chunks(zone, c, i);
	return i == nr;
}

/**
 * struct run - a run of chunks that is wanted
 * @nr: how many
 * @step: the physical number of the first is a multiple
 * @bound: a power of two, no multiple of which lies inside; 0: any may
 */
struct run {
	unsigned int nr;
	unsigned long step;
	unsigned long bound;
};

/*
 * The first chunk at or after @c, in the same extent, where a run may start; past the
 * end of the zone if there is none.
 */
static unsigned long align_chunk(const struct kmemx_zone *zone, unsigned long c,
				 const struct run *run)
{
	unsigned long number = zone->base_pfn[c] / KMEMX_CHUNK_FRAMES;
	unsigned long start = ALIGN(number, run->step);

	/* What is aligned to more than the boundary does not cross it. */
	if (run->bound && (start & (run->bound - 1)) + run->nr > run->bound)
		start = ALIGN(start, run->bound);
	return c + start - number;
}

/* From chunk @c to @to, which comes after it, or to the end of the extent before that. */
static unsigned long go_towards(const struct kmemx_zone *zone, unsigned long c,
				unsigned long to)
{
	while (c < to && kmemx_zone_joins_next(zone, (unsigned int)c))
		c++;
	return c;
}

/* The first chunk at or after @from that is free as a whole, or -1. */
static long next_whole(struct kmemx_zone *zone, unsigned int from)
{
	long c = kmemx_bins_next(&zone->bins, KMEMX_BIN_ALL_FREE, from);
	long zero = kmemx_bins_next(&zone->bins, KMEMX_BIN_ALL_ZERO, from);

	return c < 0 || (zero >= 0 && zero < c) ? zero : c;
}

/*
 * The first run of whole chunks at or after @from: where it starts, or -1. At most two
 * looks at each chunk.
 */
static long find_run(struct kmemx_zone *zone, unsigned long from, const struct run *run)
{
	while (from < zone->nr_chunks) {
		long found = next_whole(zone, (unsigned int)from);
		unsigned long c, reached;
		unsigned int whole;

		if (found < 0)
			break;
		c = align_chunk(zone, (unsigned long)found, run);
		reached = go_towards(zone, (unsigned long)found, c);
		if (reached != c) {
			from = reached + 1;
			continue;
		}
		whole = count_whole(zone, (unsigned int)c, run->nr);
		if (whole == run->nr)
			return (long)c;
		/* Chunk c + whole is not whole, or in another extent. */
		from = c + max(whole, 1U);
	}
	return -1;
}

/* More than one chunk: the first run of whole chunks that is long enough. */
static long alloc_run(struct kmemx_zone *zone, unsigned long nr, unsigned long align,
		      unsigned long boundary)
{
	unsigned long nr_chunks = DIV_ROUND_UP(nr, KMEMX_CHUNK_FRAMES);
	unsigned int rest = nr % KMEMX_CHUNK_FRAMES;
	struct run run = {
		.nr = (unsigned int)nr_chunks,
		.step = max(align / KMEMX_CHUNK_FRAMES, 1UL),
		.bound = boundary / KMEMX_CHUNK_FRAMES,
	};
	int err = -ENOSPC;
	long c = 0;

	if (nr_chunks > zone->nr_chunks)
		return err;
	kmemx_zone_settle_emptied(zone);
	for (;; c++) {
		c = find_run(zone, (unsigned long)c, &run);
		if (c < 0)
			return err;
		if (take_chunks(zone, (unsigned int)c, run.nr))
			break;
		/* They were whole a moment ago: somebody was faster. */
		err = -EAGAIN;
	}
	if (rest)
		trim_block(zone, (unsigned int)(c + nr_chunks - 1), 0, KMEMX_CHUNK_ORDER, rest);
	return c * KMEMX_CHUNK_FRAMES;
}

/**
 * kmemx_zone_alloc_bound() - allocate frames in a row
 * @zone: the zone
 * @nr: number of frames, at least 1
 * @align: a power of two; the physical frame number of the first is a multiple
 * @boundary: 0, or a power of two, at least @nr; no physical frame number inside, but for
 *	      the first, is a multiple
 * @kind: what for
 *
 * The chunk with the most live blocks that has a block large enough is used (see
 * state.h), and in it the block that breaks the least; what is more than @nr is
 * freed at once. More than KMEMX_CHUNK_FRAMES frames, or such an alignment, take
 * whole chunks in a row, the lowest ones, and need time in proportion to the
 * number of chunks.
 *
 * Context: any.
 * Return: the first frame; -ENOSPC if there is no such run, or @nr is 0; -EAGAIN
 * if there was one but other CPUs got there first.
 */
long kmemx_zone_alloc_bound(struct kmemx_zone *zone, unsigned long nr, unsigned long align,
			    unsigned long boundary, enum kmemx_kind kind)
{
	long frame;

	if (!nr)
		return -ENOSPC;
	if (nr <= KMEMX_CHUNK_FRAMES && align <= KMEMX_CHUNK_FRAMES) {
		unsigned int order = max(order_base_2(nr), ilog2(align));

		/* A block is aligned to itself, and no larger than the boundary. */
		frame = alloc_block(zone, order, (unsigned int)nr);
	} else {
		frame = alloc_run(zone, nr, align, boundary);
	}
	if (frame >= 0)
		kmemx_zone_write_info(zone, (unsigned int)frame, nr, kind);
	return frame;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_alloc_bound);

/* ---- Chunks that are known to be zero ----------------------------------- */

/* Take a whole chunk whose state is @old: its number, or -1. */
static long take_known(struct kmemx_zone *zone, u64 old)
{
	unsigned int bin = kmemx_state_bin(old);
	long c;

	kmemx_zone_settle_emptied(zone);
	if (!((u64)atomic64_read(&zone->bins.used) & BIT_ULL(bin)))
		return -1;
	c = kmemx_bins_next(&zone->bins, bin, 0);
	kmemx_step();
	if (c < 0 || !kmemx_chunk_take_known(kmemx_zone_chunk(zone, (unsigned int)c), old))
		return -1;
	kmemx_step();
	kmemx_zone_settle_edge(zone, (unsigned long)c, bin, KMEMX_BIN_NONE,
			       KMEMX_STATE_ALL_TAKEN);
	return c;
}

/**
 * kmemx_zone_take_unzeroed() - take a whole chunk to zero it
 * @zone: the zone
 *
 * It has no info byte, as what is just being allocated.
 *
 * Context: any, with preemption off.
 * Return: its first frame, for kmemx_zone_give_zeroed(); -ENOSPC if there is none that is
 * not known to be zero, or another CPU was faster.
 */
long kmemx_zone_take_unzeroed(struct kmemx_zone *zone)
{
	long c = take_known(zone, KMEMX_STATE_ALL_FREE);

	return c < 0 ? -ENOSPC : c * KMEMX_CHUNK_FRAMES;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_take_unzeroed);

/**
 * kmemx_zone_give_zeroed() - give it back
 * @zone: the zone
 * @frame: the chunk's first frame; all of them are zero
 *
 * Context: any, with preemption off.
 */
void kmemx_zone_give_zeroed(struct kmemx_zone *zone, unsigned int frame)
{
	kmemx_zone_give_chunk(zone, frame / KMEMX_CHUNK_FRAMES, KMEMX_STATE_ALL_ZERO);
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_give_zeroed);

/**
 * kmemx_zone_alloc_zeroed() - allocate frames in a row that are known to be zero
 * @zone: the zone
 * @nr: number of frames
 * @kind: what for
 *
 * As kmemx_zone_alloc() with an alignment of up to a chunk, for what would take a whole
 * chunk anyway: more than half of its frames, and not more than all.
 *
 * Context: any, with preemption off.
 * Return: the first frame; -ENOSPC if no chunk is known to be zero, or @nr is not that.
 */
long kmemx_zone_alloc_zeroed(struct kmemx_zone *zone, unsigned long nr, enum kmemx_kind kind)
{
	long c;

	if (nr <= KMEMX_CHUNK_FRAMES / 2 || nr > KMEMX_CHUNK_FRAMES)
		return -ENOSPC;
	c = take_known(zone, KMEMX_STATE_ALL_ZERO);
	if (c < 0)
		return -ENOSPC;
	if (nr < KMEMX_CHUNK_FRAMES)
		trim_block(zone, (unsigned int)c, 0, KMEMX_CHUNK_ORDER, (unsigned int)nr);
	kmemx_zone_write_info(zone, (unsigned int)c * KMEMX_CHUNK_FRAMES, nr, kind);
	return c * KMEMX_CHUNK_FRAMES;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_alloc_zeroed);

/* ---- Just these frames -------------------------------------------------- */

/* Give back @nr frames from @frame on, which have no info bytes yet. */
static void give_range(struct kmemx_zone *zone, unsigned int frame, unsigned long nr)
{
	while (nr) {
		unsigned int order = kmemx_zone_first_order(frame, nr);

		kmemx_zone_give_block(zone, frame / KMEMX_CHUNK_FRAMES, frame % KMEMX_CHUNK_FRAMES,
				      order);
		frame += 1U << order;
		nr -= 1UL << order;
	}
}

/* Take @nr frames of one chunk. */
static int take_range(struct kmemx_zone *zone, unsigned int frame, unsigned int nr)
{
	unsigned int c = frame / KMEMX_CHUNK_FRAMES, first = frame % KMEMX_CHUNK_FRAMES;
	struct kmemx_moved moved = { 0 };
	int ret = kmemx_chunk_take_range(kmemx_zone_chunk(zone, c), first, first + nr,
					 kmemx_zone_count_blocks(frame, nr), &moved);

	kmemx_zone_settle(zone, c, &moved);
	return ret;
}

/* How many of @nr frames from @at on are in its chunk. */
static unsigned int in_chunk(unsigned int at, unsigned long nr)
{
	return min_t(unsigned long, nr, KMEMX_CHUNK_FRAMES - at % KMEMX_CHUNK_FRAMES);
}

/*
 * Do chunks in a row seem to have these frames? Or others that are free, in the first and the
 * last. So that nobody is short of what is taken, and given back as one of them is in use.
 */
static bool seem_free(struct kmemx_zone *zone, unsigned int frame, unsigned long nr)
{
	unsigned long done;

	for (done = 0; done < nr; done += in_chunk(frame + (unsigned int)done, nr - done)) {
		unsigned int at = frame + (unsigned int)done, c = at / KMEMX_CHUNK_FRAMES;

		if (done && !kmemx_zone_joins_next(zone, c - 1))
			return false;
		if (kmemx_state_free((u64)atomic64_read(&zone->state[c])) < in_chunk(at, nr - done))
			return false;
	}
	return true;
}

/**
 * kmemx_zone_alloc_at() - allocate just these frames
 * @zone: the zone
 * @frame: the first
 * @nr: how many, at least 1
 * @kind: what for
 *
 * Context: any.
 * Return: 0; -ENOSPC if one of them is not free, or not there, or in another extent than
 * the first.
 */
int kmemx_zone_alloc_at(struct kmemx_zone *zone, unsigned int frame, unsigned long nr,
			enum kmemx_kind kind)
{
	unsigned long done = 0;

	if (nr > kmemx_zone_end(zone) - frame || !seem_free(zone, frame, nr))
		return -ENOSPC;
	kmemx_zone_settle_emptied(zone);
	while (done < nr) {
		unsigned int at = frame + (unsigned int)done, here = in_chunk(at, nr - done);

		if (take_range(zone, at, here))
			break;
		done += here;
	}
	if (done < nr) {
		give_range(zone, frame, done);
		return -ENOSPC;
	}
	kmemx_zone_write_info(zone, frame, nr, kind);
	return 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_alloc_at);
