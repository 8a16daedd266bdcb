// SPDX-License-Identifier: GPL-2.0
/*
 * The concurrent page-frame allocator over the chunks of a zone; see zone.h.
 *
 * An allocation finds a chunk in the bins, takes a block there, brings the bins in
 * line, and writes the block's info byte. A free claims the info byte, gives the
 * block back, and brings the bins in line.
 */
#include "buddy/zone.h"

/*
 * How many chunks an allocation asks, one after the other, where those that the bins
 * name have been used up by others meanwhile.
 */
#define CHUNK_TRIES	8
/* How many are looked at, without further ado, to say whether enough is free. */
#define LAST_CHUNKS	16

/* ---- Chunks and bins --------------------------------------------------- */

static unsigned int bin_of(const struct kmemx_zone *zone, unsigned int c)
{
	return kmemx_state_bin((u64)atomic64_read(&zone->state[c]));
}

/*
 * Let chunk @c be in @bin if its state says so and not else, until that holds
 * still: whoever changes the state after the last look comes here itself. Both the
 * change of a state and that of a bin are fully ordered, so one of two CPUs sees the
 * other's.
 */
static void settle_bin(struct kmemx_zone *zone, unsigned int c, unsigned int bin)
{
	bool belongs = bin_of(zone, c) == bin;
	bool seen;

	if (bin == KMEMX_BIN_NONE)
		return;
	do {
		seen = belongs;
		kmemx_step();
		if (seen)
			kmemx_bins_add(&zone->bins, bin, c);
		else
			kmemx_bins_remove(&zone->bins, bin, c);
		belongs = bin_of(zone, c) == bin;
	} while (belongs != seen);
}

/*
 * One chunk more, or less, is free as a whole. The least there were is for people: who
 * comes second of two that lower it writes the lower, and it orders nothing.
 */
static void add_whole(struct kmemx_zone *zone, int nr)
{
	s64 spare = atomic64_add_return(nr, &zone->spare);
	s64 least = atomic64_read(&zone->least_spare);

	while (unlikely(spare < least) &&
	       !atomic64_try_cmpxchg(&zone->least_spare, &least, spare))
		;
}

/*
 * Tell the bins that chunk @c has moved. If its state is in the end what this CPU has
 * written, what it did to the bins is right; else each is looked at again.
 */
static void settle_moved(struct kmemx_zone *zone, unsigned int c,
			 const struct kmemx_moved *moved)
{
	unsigned int to = kmemx_state_bin(moved->state);
	u64 bins = moved->bins & ~BIT_ULL(to) & ~BIT_ULL(KMEMX_BIN_NONE);

	if (moved->whole)
		add_whole(zone, moved->whole);
	/* In two bins for a moment, not in none. */
	if (to != KMEMX_BIN_NONE)
		kmemx_bins_add(&zone->bins, to, c);
	for (; bins; bins &= bins - 1) {
		kmemx_step();
		kmemx_bins_remove(&zone->bins, __ffs64(bins), c);
	}
	kmemx_step();
	if (likely((u64)atomic64_read(&zone->state[c]) == moved->state))
		return;
	for (bins = moved->bins; bins; bins &= bins - 1)
		settle_bin(zone, c, __ffs64(bins));
}

static void settle(struct kmemx_zone *zone, unsigned int c, const struct kmemx_moved *moved)
{
	if (moved->bins)
		settle_moved(zone, c, moved);
}

/*
 * Where something has been in the way, or bins are not flat. Called last, so that who calls it
 * has nothing to keep.
 */
static noinline void settle_both(struct kmemx_zone *zone, unsigned long c, unsigned int from,
				 unsigned int to)
{
	if (from != KMEMX_BIN_NONE)
		kmemx_bins_mend(&zone->bins, from, (unsigned int)c);
	settle_bin(zone, (unsigned int)c, to);
	settle_bin(zone, (unsigned int)c, from);
}

/**
 * kmemx_zone_settle_edge() - tell the bins of a chunk that has come, or gone
 * @zone: the zone
 * @c: the chunk
 * @from: its bin before
 * @to: and after; one of them is KMEMX_BIN_NONE, or bins are not flat
 * @new: its state after
 *
 * As kmemx_zone_settle_change().
 *
 * Context: any, with preemption off.
 */
void kmemx_zone_settle_edge(struct kmemx_zone *zone, unsigned long c, unsigned int from,
			    unsigned int to, u64 new)
{
	bool done = kmemx_bins_is_flat(&zone->bins);

	if (kmemx_bin_is_whole(from) || kmemx_bin_is_whole(to))
		add_whole(zone, kmemx_bin_is_whole(to) ? 1 : -1);
	if (unlikely(!done)) {
		settle_both(zone, c, from, to);
		return;
	}
	if (to != KMEMX_BIN_NONE)
		kmemx_bins_put(&zone->bins, to, c);
	else
		done = kmemx_bins_drop(&zone->bins, from, c);
	kmemx_step();
	if (unlikely(!done) || unlikely((u64)atomic64_read(zone->state + c) != new))
		settle_both(zone, c, from, to);
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_settle_edge);

/**
 * kmemx_zone_settle_change() - tell the bins of one change of a state that moved a chunk
 * @zone: the zone
 * @c: the chunk
 * @old: its state before
 * @new: and after
 *
 * It is in two bins for a moment, not in none.
 *
 * Context: any, with preemption off.
 */
void kmemx_zone_settle_change(struct kmemx_zone *zone, unsigned long c, u64 old, u64 new)
{
	unsigned int from = kmemx_state_bin(old), to = kmemx_state_bin(new);
	unsigned int last = max(from, to);
	bool done;

	if (unlikely(last >= zone->bins.nr_plain)) {
		if (last == KMEMX_BIN_NONE || unlikely(!kmemx_bins_is_flat(&zone->bins))) {
			kmemx_zone_settle_edge(zone, c, from, to, new);
			return;
		}
		/* One of them is of whole chunks; none moves from one such to the other. */
		add_whole(zone, to == last ? 1 : -1);
	}
	kmemx_bins_put(&zone->bins, to, c);
	kmemx_step();
	done = kmemx_bins_drop(&zone->bins, from, c);
	kmemx_step();
	if (unlikely(!done) || unlikely((u64)atomic64_read(zone->state + c) != new))
		settle_both(zone, c, from, to);
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_settle_change);

/**
 * kmemx_zone_settle_again() - the same, where more has changed meanwhile
 * @zone: the zone
 * @c: the chunk
 * @old: its state before
 * @new: and after
 * @i: which of its words, or of their ranks, has changed
 * @delta: what is to be given back to the counts
 *
 * Context: any, with preemption off.
 */
void kmemx_zone_settle_again(struct kmemx_zone *zone, unsigned int c, u64 old, u64 new,
			     int i, u64 delta)
{
	struct kmemx_change change = { .old = old, .new = new, .word = i, .delta = delta };
	struct kmemx_moved moved = { 0 };

	kmemx_chunk_settle(kmemx_zone_chunk(zone, c), &change, &moved);
	settle(zone, c, &moved);
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_settle_again);

/* Let chunk @c, if it is KMEMX_STATE_EMPTIED, be in the bin of those that are all free. */
static void make_whole(struct kmemx_zone *zone, unsigned int c)
{
	s64 old = (s64)KMEMX_STATE_EMPTIED;

	if (atomic64_read(&zone->state[c]) != old)
		return;
	kmemx_step();
	if (atomic64_try_cmpxchg(&zone->state[c], &old, (s64)KMEMX_STATE_ALL_FREE))
		kmemx_zone_settle_change(zone, c, KMEMX_STATE_EMPTIED, KMEMX_STATE_ALL_FREE);
}

/* The same, of that which is kept: for who looks for whole chunks in their bins, or breaks one. */
static void settle_emptied(struct kmemx_zone *zone)
{
	make_whole(zone, (unsigned int)atomic64_read(&zone->emptied));
}

/*
 * Chunk @c has been emptied, so the one before it is not kept any longer. Who writes
 * KMEMX_STATE_EMPTIED looks at the note afterwards, and who takes a chunk off the note looks
 * at its state afterwards. The compare-and-exchange of the state and the exchange of the note
 * are fully ordered, so one of two CPUs sees the other's: no chunk stays so that is not noted.
 */
static void note_emptied(struct kmemx_zone *zone, unsigned int c)
{
	kmemx_step();
	if (likely(atomic64_read(&zone->emptied) == c))
		return;
	kmemx_step();
	make_whole(zone, (unsigned int)atomic64_xchg(&zone->emptied, c));
}

/*
 * Count the last block of its word. If it is the last of its chunk too, that is kept in its bin,
 * unless whole chunks are few: then a chunk is to be broken only if no other has such a block.
 * Returns false if that is not so.
 */
static __always_inline bool count_last(struct kmemx_zone *zone, unsigned int frame,
				       unsigned int order)
{
	unsigned int c = frame / KMEMX_CHUNK_FRAMES;
	bool keep = kmemx_zone_has_plenty(zone);

	if (!kmemx_chunk_empty(&zone->state[c], frame / KMEMX_WORD_BITS % KMEMX_CHUNK_WORDS, order,
			       keep ? KMEMX_STATE_EMPTIED : KMEMX_STATE_ALL_FREE))
		return false;
	if (keep)
		note_emptied(zone, c);
	else
		/* It was in the bin of one that is kept. */
		kmemx_zone_settle_change(zone, c, KMEMX_STATE_EMPTIED, KMEMX_STATE_ALL_FREE);
	return true;
}

/* Any other block. */
static noinline void count_any(struct kmemx_zone *zone, unsigned int frame, unsigned int order,
			       u64 word)
{
	unsigned int w = frame / KMEMX_WORD_BITS, c = frame / KMEMX_CHUNK_FRAMES;
	struct kmemx_change change;

	kmemx_chunk_count_back(&zone->map[w], &zone->state[c], w % KMEMX_CHUNK_WORDS, word,
			       frame % KMEMX_WORD_BITS, order, &change);
	kmemx_zone_settle_word(zone, c, &change);
}

/**
 * kmemx_zone_count_back() - count a block whose bits have been cleared
 * @zone: the zone
 * @frame: its first frame
 * @order: 0..6
 * @word: its word of the map, as it was then
 *
 * Context: any, with preemption off.
 */
void kmemx_zone_count_back(struct kmemx_zone *zone, unsigned int frame, unsigned int order,
			   u64 word)
{
	if (word || !count_last(zone, frame, order))
		count_any(zone, frame, order, word);
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_count_back);

static bool take_whole(struct kmemx_zone *zone, unsigned int c)
{
	u64 old = kmemx_chunk_take_whole(kmemx_zone_chunk(zone, c));

	if (unlikely(!old))
		return false;
	kmemx_zone_settle_edge(zone, c, kmemx_state_bin(old), KMEMX_BIN_NONE,
			       KMEMX_STATE_ALL_TAKEN);
	return true;
}

static void give_block(struct kmemx_zone *zone, unsigned int c, unsigned int frame,
		       unsigned int order)
{
	struct kmemx_moved moved = { 0 };

	kmemx_chunk_give(kmemx_zone_chunk(zone, c), frame, order, &moved);
	settle(zone, c, &moved);
}

static void trim_block(struct kmemx_zone *zone, unsigned int c, unsigned int frame,
		       unsigned int order, unsigned int nr)
{
	struct kmemx_moved moved = { 0 };

	kmemx_chunk_trim(kmemx_zone_chunk(zone, c), frame, order, nr, &moved);
	settle(zone, c, &moved);
}

/* ---- Making and ending a zone ------------------------------------------ */

/* Lay out one allocation: maps (whole cache lines) first, bytes last. */
static void place_meta(struct kmemx_zone *zone)
{
	u8 *next = zone->meta;

	zone->map = (atomic64_t *)next;
	next += (size_t)zone->nr_chunks * KMEMX_CHUNK_WORDS * sizeof(*zone->map);
	zone->state = (atomic64_t *)next;
	next += (size_t)zone->nr_chunks * sizeof(*zone->state);
	zone->base_pfn = (unsigned long *)next;
	next += (size_t)zone->nr_chunks * sizeof(*zone->base_pfn);
	kmemx_bins_init(&zone->bins, next, zone->nr_chunks);
	next += kmemx_bins_bytes(zone->nr_chunks);
	zone->starts = (bool *)next;
	next += zone->nr_chunks * sizeof(*zone->starts);
	zone->info = next;
}

static size_t meta_bytes(unsigned int nr_chunks)
{
	size_t bytes = KMEMX_CHUNK_WORDS * sizeof(atomic64_t) + sizeof(atomic64_t) +
		sizeof(unsigned long) + sizeof(bool) + KMEMX_CHUNK_FRAMES;

	return nr_chunks * bytes + kmemx_bins_bytes(nr_chunks);
}

/* Frame 0 of the first chunk of an extent. */
static unsigned long extent_base(const struct kmemx_extent *ext)
{
	return round_down(ext->pfn, KMEMX_CHUNK_FRAMES);
}

static unsigned int extent_chunks(const struct kmemx_extent *ext)
{
	return DIV_ROUND_UP(ext->pfn - extent_base(ext) + ext->nr_frames, KMEMX_CHUNK_FRAMES);
}

static void init_chunks(struct kmemx_zone *zone, const struct kmemx_extent *ext)
{
	unsigned long pfn = extent_base(ext);
	unsigned int c = ext->chunk;

	zone->starts[c] = true;
	for (; pfn < ext->pfn + ext->nr_frames; pfn += KMEMX_CHUNK_FRAMES, c++) {
		unsigned long first = max(ext->pfn, pfn) - pfn;
		unsigned long left = ext->pfn + ext->nr_frames - pfn;

		unsigned long end = min_t(unsigned long, left, KMEMX_CHUNK_FRAMES);
		u8 *info = zone->info + (size_t)c * KMEMX_CHUNK_FRAMES;

		zone->base_pfn[c] = pfn;
		memset(info, KMEMX_INFO_ABSENT, first);
		memset(info + end, KMEMX_INFO_ABSENT, KMEMX_CHUNK_FRAMES - end);
		kmemx_chunk_init(kmemx_zone_chunk(zone, c), (unsigned int)first,
				 (unsigned int)end);
		settle_bin(zone, c, bin_of(zone, c));
	}
}

/* A quarter of the chunks. */
static unsigned int reserve(const struct kmemx_zone *zone)
{
	return DIV_ROUND_UP(zone->nr_chunks, 4);
}

/* What kmemx_zone.spare is to be, at rest. */
static s64 count_spare(const struct kmemx_zone *zone)
{
	unsigned int c, nr = 0;

	for (c = 0; c < zone->nr_chunks; c++)
		nr += kmemx_bin_is_whole(bin_of(zone, c));
	return (s64)nr - reserve(zone);
}

/**
 * kmemx_zone_init() - put frames under management, all of them free
 * @zone: the zone to fill in
 * @nr_extents: at least 1
 * @extent: where they are; no two share a chunk. Stays the caller's and must last
 *	    as long as the zone; the first chunk of each is noted in it.
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM, or -EINVAL for KMEMX_ZONE_FRAMES_MAX frames or more.
 */
int kmemx_zone_init(struct kmemx_zone *zone, unsigned int nr_extents,
		    struct kmemx_extent *extent)
{
	unsigned long nr_chunks = 0;
	unsigned int i;

	zone->meta = NULL;
	zone->nr_extents = nr_extents;
	zone->extent = extent;
	for (i = 0; i < nr_extents; i++) {
		if (extent[i].nr_frames >= KMEMX_ZONE_FRAMES_MAX)
			return -EINVAL;
		extent[i].chunk = (unsigned int)nr_chunks;
		nr_chunks += extent_chunks(&extent[i]);
		if (nr_chunks >= KMEMX_ZONE_FRAMES_MAX / KMEMX_CHUNK_FRAMES)
			return -EINVAL;
	}
	zone->nr_chunks = (unsigned int)nr_chunks;
	zone->meta_bytes = meta_bytes(zone->nr_chunks);
	zone->meta = vzalloc(zone->meta_bytes);
	if (!zone->meta)
		return -ENOMEM;
	place_meta(zone);
	for (i = 0; i < nr_extents; i++)
		init_chunks(zone, &extent[i]);
	atomic64_set(&zone->spare, count_spare(zone));
	atomic64_set(&zone->least_spare, count_spare(zone));
	atomic64_set(&zone->emptied, 0);
	return 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_init);

/**
 * kmemx_zone_fini() - free a zone's metadata
 * @zone: the zone; nobody uses it any more. May be half built.
 */
void kmemx_zone_fini(struct kmemx_zone *zone)
{
	vfree(zone->meta);
	zone->meta = NULL;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_fini);

/* ---- Allocating -------------------------------------------------------- */

/**
 * kmemx_zone_write_info() - write the info bytes of an allocation
 * @zone: the zone
 * @frame: its first frame
 * @nr: how many it has; they are taken, as blocks of kmemx_zone_first_order()
 * @kind: what for
 */
void kmemx_zone_write_info(struct kmemx_zone *zone, unsigned int frame, unsigned long nr,
			   enum kmemx_kind kind)
{
	while (nr) {
		unsigned int order = kmemx_zone_first_order(frame, nr);
		u8 info = kmemx_info(kind, order);

		nr -= 1UL << order;
		if (nr)
			info |= KMEMX_INFO_MORE;
		WRITE_ONCE(zone->info[frame], info);
		frame += 1U << order;
		kind = KMEMX_KIND_MORE;
	}
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_write_info);

/* As kmemx_chunk_take_some(), or kmemx_chunk_take(), and the bins are told. */
static noinline int take_from(struct kmemx_zone *zone, unsigned int c, unsigned int order,
			      unsigned int nr, u64 *heads)
{
	struct kmemx_chunk chunk = kmemx_zone_chunk(zone, c);
	struct kmemx_moved moved = { 0 };
	int frame;

	if (order <= KMEMX_WORD_ORDER) {
		frame = kmemx_chunk_take_some(chunk, order, nr, heads, &moved);
	} else {
		frame = kmemx_chunk_take(chunk, order, &moved);
		*heads = 1;
	}
	kmemx_step();
	settle(zone, c, &moved);
	return frame;
}

/* Where something has been in the way of kmemx_zone_take_two(). */
static noinline void settle_two(struct kmemx_zone *zone, unsigned int c,
				const struct kmemx_change *change)
{
	struct kmemx_moved moved = { 0 };

	kmemx_chunk_settle_two(kmemx_zone_chunk(zone, c), change, &moved);
	settle(zone, c, &moved);
}

/**
 * kmemx_zone_take_two() - take all blocks of two words that are free, without info bytes
 * @zone: the zone
 * @c: the chunk that is to be used for @order
 * @order: 0..6, of the blocks
 *
 * If no smaller hole of it will do.
 *
 * Context: any, with preemption off.
 * Return: which words of the chunk, a bit each; 0 if kmemx_zone_take() is to be asked.
 */
unsigned int kmemx_zone_take_two(struct kmemx_zone *zone, unsigned int c, unsigned int order)
{
	struct kmemx_change change;
	unsigned int words;

	words = kmemx_chunk_take_two(kmemx_zone_chunk(zone, c), order, &change);
	kmemx_step();
	if (unlikely(!change.settled))
		settle_two(zone, c, &change);
	else if ((change.old ^ change.new) & KMEMX_STATE_BIN_MASK)
		kmemx_zone_settle_change(zone, c, change.old, change.new);
	return words;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_take_two);

/**
 * kmemx_zone_take_slow() - kmemx_zone_take(), where something has been in the way
 * @zone: the zone
 * @order: 0..9
 * @nr: how many at most, 1..64; above order 6 it is always one
 *
 * One chunk after the other.
 *
 * Context: any, with preemption off.
 * Return: see struct kmemx_taken.
 */
struct kmemx_taken kmemx_zone_take_slow(struct kmemx_zone *zone, unsigned int order,
					unsigned int nr)
{
	struct kmemx_taken taken = { .base = -ENOSPC };
	unsigned int tries, bin;
	long found;

	if (unlikely(!kmemx_zone_has_block(zone, order)))
		return taken;
	if (order == KMEMX_CHUNK_ORDER)
		settle_emptied(zone);
	found = kmemx_bins_find(&zone->bins, order, &bin);
	for (tries = 0; tries < CHUNK_TRIES && found >= 0; tries++) {
		unsigned int c = (unsigned int)found;
		int frame;

		kmemx_step();
		frame = take_from(zone, c, order, nr, &taken.heads);
		if (frame >= 0) {
			taken.base = (int)found * KMEMX_CHUNK_FRAMES + frame;
			taken.nr = (unsigned int)hweight64(taken.heads);
			return taken;
		}
		taken.base = -EAGAIN;
		/* The bins promised a block, so somebody was faster, or is at it. */
		settle_bin(zone, c, bin);
		found = kmemx_bins_find_next(&zone->bins, order, &bin, c);
	}
	return taken;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_take_slow);

/**
 * kmemx_zone_take_emptied() - kmemx_zone_take_chunk(), of the chunk that was emptied last
 * @zone: the zone
 *
 * Context: any, with preemption off.
 * Return: its first frame; -ENOSPC if another CPU was faster.
 */
long kmemx_zone_take_emptied(struct kmemx_zone *zone)
{
	unsigned int c = (unsigned int)atomic64_read(&zone->emptied);

	kmemx_step();
	if (!kmemx_chunk_take_known(kmemx_zone_chunk(zone, c), KMEMX_STATE_EMPTIED))
		return -ENOSPC;
	kmemx_step();
	kmemx_zone_settle_change(zone, c, KMEMX_STATE_EMPTIED, KMEMX_STATE_ALL_TAKEN);
	return (long)c * KMEMX_CHUNK_FRAMES;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_take_emptied);

/* One block: its first frame, or an error. */
static __always_inline long take_block(struct kmemx_zone *zone, unsigned int order)
{
	struct kmemx_taken taken;

	if (order == KMEMX_CHUNK_ORDER) {
		long frame = kmemx_zone_take_chunk(zone);

		if (likely(frame >= 0))
			return frame;
	}
	taken = likely(order <= KMEMX_WORD_ORDER) ? kmemx_zone_take(zone, order, 1) :
						     kmemx_zone_take_slow(zone, order, 1);
	return likely(taken.base >= 0) ? taken.base + (int)__ffs64(taken.heads) : taken.base;
}

/**
 * kmemx_zone_alloc_order() - allocate one block
 * @zone: the zone
 * @order: 0..9
 * @kind: what for
 *
 * As kmemx_zone_alloc(), which see, for that many frames with that alignment.
 *
 * Context: any.
 * Return: the first frame, or an error.
 */
long kmemx_zone_alloc_order(struct kmemx_zone *zone, unsigned int order,
			    enum kmemx_kind kind)
{
	long frame = take_block(zone, order);

	if (likely(frame >= 0))
		WRITE_ONCE(zone->info[frame], kmemx_info(kind, order));
	return frame;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_alloc_order);

/* Up to one chunk: a block of @order, of which @nr frames are kept. */
static long alloc_block(struct kmemx_zone *zone, unsigned int order,
			unsigned int nr)
{
	long frame = take_block(zone, order);

	if (frame >= 0 && nr < 1U << order)
		trim_block(zone, (unsigned int)frame / KMEMX_CHUNK_FRAMES,
			   (unsigned int)frame % KMEMX_CHUNK_FRAMES, order, nr);
	return frame;
}

static bool is_whole(const struct kmemx_zone *zone, unsigned int c)
{
	return kmemx_bin_is_whole(bin_of(zone, c));
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

static void give_chunks(struct kmemx_zone *zone, unsigned int c, unsigned int nr)
{
	while (nr--)
		give_block(zone, c + nr, 0, KMEMX_CHUNK_ORDER);
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
	settle_emptied(zone);
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

	settle_emptied(zone);
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
		nr += bin_of(zone, c) == KMEMX_BIN_ALL_ZERO;
	return nr * KMEMX_CHUNK_FRAMES;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_nr_zero);

/* ---- Just these frames -------------------------------------------------- */

/* How many blocks @nr frames from @frame on are. */
static unsigned int count_blocks(unsigned int frame, unsigned int nr)
{
	unsigned int nr_blocks = 0;

	while (nr) {
		unsigned int order = kmemx_zone_first_order(frame, nr);

		frame += 1U << order;
		nr -= 1U << order;
		nr_blocks++;
	}
	return nr_blocks;
}

/* Give back @nr frames from @frame on, which have no info bytes yet. */
static void give_range(struct kmemx_zone *zone, unsigned int frame, unsigned long nr)
{
	while (nr) {
		unsigned int order = kmemx_zone_first_order(frame, nr);

		give_block(zone, frame / KMEMX_CHUNK_FRAMES, frame % KMEMX_CHUNK_FRAMES, order);
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
					 count_blocks(frame, nr), &moved);

	settle(zone, c, &moved);
	return ret;
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

	if (nr > kmemx_zone_end(zone) - frame)
		return -ENOSPC;
	settle_emptied(zone);
	while (done < nr) {
		unsigned int at = frame + (unsigned int)done;
		unsigned int here = min_t(unsigned long, nr - done,
					  KMEMX_CHUNK_FRAMES - at % KMEMX_CHUNK_FRAMES);

		if (done && !kmemx_zone_joins_next(zone, at / KMEMX_CHUNK_FRAMES - 1))
			break;
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

/**
 * kmemx_zone_mark_tails() - let every frame of a slab know its slab
 * @zone: the zone
 * @frame: first frame of a block of kind KMEMX_KIND_SLAB, the caller's own
 * @order: its order
 * @is_slab: true after it was allocated, false before it is given back
 *
 * The first frame is ALIGN_DOWN(frame, 1 << order) of any of them.
 */
void kmemx_zone_mark_tails(struct kmemx_zone *zone, unsigned int frame,
			     unsigned int order, bool is_slab)
{
	u8 info = is_slab ? kmemx_info(KMEMX_KIND_SLAB_TAIL, order) : 0;
	unsigned int i;

	for (i = 1; i < 1U << order; i++)
		WRITE_ONCE(zone->info[frame + i], info);
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_mark_tails);

/**
 * kmemx_zone_block_frames() - the length of an allocation
 * @zone: the zone
 * @frame: its first frame
 *
 * Return: the frames of all its blocks. Meaningless, but harmless, if the
 * allocation is freed meanwhile.
 */
unsigned long kmemx_zone_block_frames(const struct kmemx_zone *zone,
					unsigned int frame)
{
	unsigned long nr = 0;
	u8 info;

	do {
		info = READ_ONCE(zone->info[frame + nr]);
		nr += 1UL << kmemx_info_order(info);
	} while ((info & KMEMX_INFO_MORE) && frame + nr < kmemx_zone_end(zone));
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_block_frames);

/**
 * kmemx_zone_judge() - what is wrong with freeing this frame?
 * @zone: the zone
 * @frame: a frame that is not the start of an allocation of the kind expected
 *
 * Return: a verdict other than KMEMX_FREE_OK. While another CPU is allocating
 * or freeing the same frame, DOUBLE and MISALIGNED may be confused.
 */
enum kmemx_verdict kmemx_zone_judge(const struct kmemx_zone *zone,
				      unsigned int frame)
{
	unsigned int c = frame / KMEMX_CHUNK_FRAMES;
	u8 info = READ_ONCE(zone->info[frame]);

	if (info == KMEMX_INFO_ABSENT)
		return KMEMX_FREE_FOREIGN;
	switch (kmemx_info_kind(info)) {
	case KMEMX_KIND_NONE:
		if (info & KMEMX_INFO_FRONT)
			return KMEMX_FREE_DOUBLE;
		if (kmemx_chunk_is_taken(kmemx_zone_chunk(zone, c),
					 frame % KMEMX_CHUNK_FRAMES))
			return KMEMX_FREE_MISALIGNED;
		return KMEMX_FREE_DOUBLE;
	case KMEMX_KIND_MORE:
		return KMEMX_FREE_MISALIGNED;
	case KMEMX_KIND_QUARANTINE:
		return KMEMX_FREE_DOUBLE;
	default:
		return KMEMX_FREE_FUNCTION;
	}
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_judge);

/**
 * kmemx_zone_claim() - win the right to free an allocation
 * @zone: the zone
 * @frame: its first frame
 * @kind: what it was allocated for
 * @nr: its frames, or 0 if the caller does not know
 * @info: set to the info byte of its first block
 *
 * This is where a free happens: of all who try, exactly one gets
 * KMEMX_FREE_OK, and it goes on with kmemx_zone_give() for the first block
 * and, while there are more, kmemx_zone_next().
 *
 * Context: any.
 * Return: the verdict; nothing has changed unless it is KMEMX_FREE_OK.
 */
enum kmemx_verdict kmemx_zone_claim(struct kmemx_zone *zone, unsigned int frame,
				      enum kmemx_kind kind, unsigned long nr, u8 *info)
{
	u8 seen = READ_ONCE(zone->info[frame]);

	if (kmemx_info_kind(seen) != kind)
		return kmemx_zone_judge(zone, frame);
	if (nr && kmemx_zone_block_frames(zone, frame) != nr)
		return READ_ONCE(zone->info[frame]) == seen ?
			KMEMX_FREE_ORDER : KMEMX_FREE_DOUBLE;
	*info = seen;
	if (!try_cmpxchg(&zone->info[frame], &seen, 0))
		return KMEMX_FREE_DOUBLE;
	return KMEMX_FREE_OK;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_claim);

/**
 * kmemx_zone_next() - the next block of a claimed allocation
 * @zone: the zone
 * @frame: first frame of the current block
 * @info: the current block's info byte, with KMEMX_INFO_MORE set; replaced by
 *	  that of the next block
 *
 * To be called before the current block is given back.
 *
 * Return: the first frame of the next block.
 */
unsigned int kmemx_zone_next(struct kmemx_zone *zone, unsigned int frame, u8 *info)
{
	unsigned int next = frame + (1U << kmemx_info_order(*info));

	*info = READ_ONCE(zone->info[next]);
	WRITE_ONCE(zone->info[next], 0);
	return next;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_next);

/**
 * kmemx_zone_give() - give back one block of a claimed allocation
 * @zone: the zone
 * @frame: its first frame
 * @order: its order, from its info byte
 *
 * Context: any.
 */
void kmemx_zone_give(struct kmemx_zone *zone, unsigned int frame,
		       unsigned int order)
{
	if (order <= KMEMX_WORD_ORDER)
		kmemx_zone_give_small(zone, frame, order);
	else if (order == KMEMX_CHUNK_ORDER)
		kmemx_zone_give_chunk(zone, frame / KMEMX_CHUNK_FRAMES, KMEMX_STATE_ALL_FREE);
	else
		give_block(zone, frame / KMEMX_CHUNK_FRAMES, frame % KMEMX_CHUNK_FRAMES, order);
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_give);

/**
 * kmemx_zone_free_block() - give back a block that is nobody else's
 * @zone: the zone
 * @frame: its first frame
 * @order: 0..9, its order
 *
 * As kmemx_zone_claim() and kmemx_zone_give(), where a look at its info byte has said that
 * it is a block of that order in use, or in the caller's front. The byte is cleared with a
 * plain store: up to order 6 it is the bits that decide who frees, and for a whole chunk
 * its state word.
 *
 * Context: any.
 * Return: false if the block was free already.
 */
bool kmemx_zone_free_block(struct kmemx_zone *zone, unsigned int frame,
			   unsigned int order)
{
	u8 info = READ_ONCE(zone->info[frame]);

	if (likely(order <= KMEMX_WORD_ORDER)) {
		WRITE_ONCE(zone->info[frame], 0);
		return kmemx_zone_give_small(zone, frame, order);
	}
	if (order == KMEMX_CHUNK_ORDER) {
		WRITE_ONCE(zone->info[frame], 0);
		return kmemx_zone_give_chunk(zone, frame / KMEMX_CHUNK_FRAMES,
					     KMEMX_STATE_ALL_FREE);
	}
	/* Some of its words may be cleared, others not: its byte decides. */
	if (kmemx_info_order(info) != order || !try_cmpxchg(&zone->info[frame], &info, 0))
		return false;
	give_block(zone, frame / KMEMX_CHUNK_FRAMES, frame % KMEMX_CHUNK_FRAMES, order);
	return true;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_free_block);

/**
 * kmemx_zone_split() - split a block of a claimed allocation
 * @zone: the zone
 * @frame: its first frame
 * @order: its order, at least 1
 * @nr: frames of the first part, 1..2^@order - 1
 *
 * Each part is from now on as many blocks as kmemx_zone_first_order() makes of it, to be
 * given back on their own.
 *
 * Context: any.
 */
void kmemx_zone_split(struct kmemx_zone *zone, unsigned int frame, unsigned int order,
		      unsigned int nr)
{
	unsigned int c = frame / KMEMX_CHUNK_FRAMES;
	struct kmemx_moved moved = { 0 };

	kmemx_chunk_split(kmemx_zone_chunk(zone, c), order, count_blocks(frame, nr) +
			  count_blocks(frame + nr, (1U << order) - nr), &moved);
	settle(zone, c, &moved);
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_split);

/**
 * kmemx_zone_quarantine() - set a block of a claimed allocation aside
 * @zone: the zone
 * @frame: its first frame
 * @order: its order
 *
 * Turns it into allocations of one frame of kind KMEMX_KIND_QUARANTINE, each
 * of which can be claimed and given back on its own.
 *
 * Context: any.
 */
void kmemx_zone_quarantine(struct kmemx_zone *zone, unsigned int frame,
			     unsigned int order)
{
	unsigned int c = frame / KMEMX_CHUNK_FRAMES;
	struct kmemx_moved moved = { 0 };
	unsigned int i;

	kmemx_chunk_split(kmemx_zone_chunk(zone, c), order, 1U << order, &moved);
	settle(zone, c, &moved);
	for (i = 0; i < 1U << order; i++)
		WRITE_ONCE(zone->info[frame + i], kmemx_info(KMEMX_KIND_QUARANTINE, 0));
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_quarantine);

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
		(unsigned int)(atomic64_read(&zone->least_spare) + reserve(zone));
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
	return sum_free(zone, ext->chunk, ext->chunk + extent_chunks(ext));
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
	unsigned int end = ext ? c + extent_chunks(ext) : zone->nr_chunks;
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

/* The blocks that info bytes describe must cover the taken bits and no others. */
static const char *check_blocks(const struct kmemx_zone *zone, unsigned int c, u64 *counts)
{
	struct kmemx_chunk chunk = kmemx_zone_chunk(zone, c);
	unsigned int tail = 0, i;

	for (i = 0; i < KMEMX_CHUNK_FRAMES; i++) {
		u8 info = zone->info[c * KMEMX_CHUNK_FRAMES + i];
		bool taken = kmemx_chunk_is_taken(chunk, i);

		if (kmemx_info_kind(info) == KMEMX_KIND_SLAB_TAIL) {
			if (!tail)
				return "slab tail without a slab";
		} else if (info && info != KMEMX_INFO_ABSENT) {
			if (tail)
				return "block starts inside another";
			if (i & ((1U << kmemx_info_order(info)) - 1))
				return "block is not aligned";
			tail = 1U << kmemx_info_order(info);
			*counts += KMEMX_STATE_LIVE_ONE;
		}
		if (taken != (tail || info == KMEMX_INFO_ABSENT))
			return taken ? "taken frame belongs to no block" :
				"frame of a block is marked free";
		if (tail)
			tail--;
		*counts += !taken;
	}
	return NULL;
}

static bool is_in(const struct kmemx_zone *zone, unsigned int c, unsigned int bin)
{
	return bin_of(zone, c) == bin;
}

static const char *check_bins(const struct kmemx_zone *zone, unsigned int c)
{
	unsigned int i;

	for (i = 0; i < KMEMX_NR_BINS; i++)
		if (kmemx_summary_test(&zone->bins.chunks[i], c) != is_in(zone, c, i))
			return "chunk is in a wrong bin";
	return NULL;
}

static const char *check_chunk(const struct kmemx_zone *zone, unsigned int c)
{
	u64 state = (u64)atomic64_read(&zone->state[c]);
	u64 counts = 0;
	const char *why = check_blocks(zone, c, &counts);

	if (why)
		return why;
	if (state & ~(KMEMX_STATE_FREE_MASK | KMEMX_STATE_LIVE_MASK | KMEMX_STATE_WHOLE |
		      KMEMX_STATE_RANKS | KMEMX_STATE_BIN_MASK))
		return "state word has unknown bits";
	if (kmemx_state_free(state) != kmemx_state_free(counts))
		return "free count is not the number of clear bits";
	if (kmemx_state_live(state) != kmemx_state_live(counts))
		return "live count is not the number of blocks";
	if (!kmemx_chunk_check_ranks(kmemx_zone_chunk(zone, c)))
		return "rank is not that of its word";
	if (state == KMEMX_STATE_EMPTIED && kmemx_zone_emptied(zone) != c)
		return "emptied chunk is not noted";
	return check_bins(zone, c);
}

/**
 * kmemx_zone_check() - do map, state, info bytes and bins agree?
 * @zone: the zone, at rest
 *
 * This is the definition of a correct zone: the blocks that the info bytes
 * describe tile exactly the taken frames, counts and ranks are right, and every
 * chunk is in the bin that its state says, and in no other.
 *
 * Return: NULL, or what is wrong.
 */
const char *kmemx_zone_check(const struct kmemx_zone *zone)
{
	unsigned int c;

	for (c = 0; c < zone->nr_chunks; c++) {
		const char *why = check_chunk(zone, c);

		if (why)
			return why;
	}
	if (atomic64_read(&zone->spare) != count_spare(zone))
		return "spare chunks are not those that are whole";
	return kmemx_bins_check(&zone->bins) ? NULL : "bins disagree with their word";
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_check);
