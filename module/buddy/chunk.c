// SPDX-License-Identifier: GPL-2.0
/*
 * Taking and giving blocks of 1 to 512 frames in one chunk; see chunk.h for
 * what the two parts of its state promise each other.
 */
#include "buddy/chunk.h"

/*
 * How often a take looks again after another CPU changed the word it had
 * chosen. Each loss means that somebody else made progress.
 */
#define TAKE_TRIES	16

static u64 map_word(struct kmemx_chunk chunk, unsigned int i)
{
	return (u64)atomic64_read(&chunk.map[i]);
}

/* The words that a block of order 7 or 8 covers. */
static unsigned int nr_words(unsigned int order)
{
	return 1U << (order - KMEMX_WORD_ORDER);
}

/**
 * kmemx_chunk_init() - make a chunk whose frames are free
 * @chunk: the chunk; nobody else knows it yet
 * @first: first frame that exists, 0..511
 * @end: one past the last frame that exists, @first + 1..512
 *
 * Frames outside @first..@end - 1 are marked taken for good. They count
 * neither as free nor as live, so such a chunk is never taken whole.
 */
void kmemx_chunk_init(struct kmemx_chunk chunk, unsigned int first,
		      unsigned int end)
{
	unsigned int i;

	for (i = 0; i < KMEMX_CHUNK_WORDS; i++) {
		unsigned int base = i * KMEMX_WORD_BITS;
		unsigned int lo = max(first, base);
		unsigned int hi = min(end, base + KMEMX_WORD_BITS);
		u64 present = lo < hi ? kmemx_word_range(lo - base, hi - base) : 0;

		atomic64_set(&chunk.map[i], (s64)~present);
	}
	atomic64_set(chunk.state, (s64)(end - first));
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_init);

/*
 * Take @nr frames off the free count. The full ordering of the successful
 * cmpxchg pairs with release_frames(): whoever sees the count sees the clear
 * bits that it stands for.
 */
static int reserve_frames(struct kmemx_chunk chunk, unsigned int nr)
{
	s64 old = atomic64_read(chunk.state);

	do {
		if (kmemx_state_free((u64)old) < nr)
			return -ENOSPC;
	} while (!atomic64_try_cmpxchg(chunk.state, &old,
				       old - nr + (s64)KMEMX_STATE_LIVE_ONE));
	return 0;
}

/* Pairs with reserve_frames(); the bits were cleared before. */
static void release_frames(struct kmemx_chunk chunk, unsigned int nr,
			   unsigned int nr_blocks)
{
	atomic64_add_return((s64)nr - (s64)(nr_blocks * KMEMX_STATE_LIVE_ONE),
			    chunk.state);
}

static int take_whole(struct kmemx_chunk chunk)
{
	s64 old = KMEMX_CHUNK_FRAMES;

	if (atomic64_try_cmpxchg(chunk.state, &old,
				 (s64)(KMEMX_STATE_WHOLE | KMEMX_STATE_LIVE_ONE)))
		return 0;
	return -ENOSPC;
}

/* The word whose best-fitting free block of @order breaks the least. */
static int best_word(struct kmemx_chunk chunk, unsigned int order,
		     unsigned int *bit, u64 *seen)
{
	unsigned int best_fit = KMEMX_WORD_ORDER + 1;
	int best = -1;
	unsigned int i;

	for (i = 0; i < KMEMX_CHUNK_WORDS && best_fit > order; i++) {
		u64 word = map_word(chunk, i);
		unsigned int fit;
		int found = kmemx_word_find(word, order, &fit);

		if (found >= 0 && fit < best_fit) {
			best_fit = fit;
			best = (int)i;
			*bit = (unsigned int)found;
			*seen = word;
		}
	}
	return best;
}

static int take_in_word(struct kmemx_chunk chunk, unsigned int order)
{
	unsigned int tries;

	for (tries = 0; tries < TAKE_TRIES; tries++) {
		unsigned int bit;
		u64 seen;
		int i = best_word(chunk, order, &bit, &seen);
		s64 old;

		if (i < 0)
			return -ENOSPC;
		old = (s64)seen;
		if (atomic64_try_cmpxchg(&chunk.map[i], &old,
					 (s64)(seen | kmemx_word_mask(bit, order))))
			return i * KMEMX_WORD_BITS + (int)bit;
	}
	return -EAGAIN;
}

/* Fill @nr clear words from @first, or none of them. */
static bool fill_words(struct kmemx_chunk chunk, unsigned int first,
		       unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		s64 old = 0;

		if (!atomic64_try_cmpxchg(&chunk.map[first + i], &old, -1))
			break;
	}
	if (i == nr)
		return true;
	while (i--)
		atomic64_set_release(&chunk.map[first + i], 0);
	return false;
}

static int take_words(struct kmemx_chunk chunk, unsigned int order)
{
	unsigned int nr = nr_words(order);
	unsigned int first;

	for (first = 0; first < KMEMX_CHUNK_WORDS; first += nr)
		if (!map_word(chunk, first) && fill_words(chunk, first, nr))
			return (int)(first * KMEMX_WORD_BITS);
	return -ENOSPC;
}

/**
 * kmemx_chunk_take() - take a free block
 * @chunk: the chunk
 * @order: 0..9
 *
 * Context: any.
 * Return: the first frame of the block, 0..511; -ENOSPC if the chunk has no
 * free block of that order; -EAGAIN if other CPUs kept getting there first.
 */
int kmemx_chunk_take(struct kmemx_chunk chunk, unsigned int order)
{
	int frame;

	if (order == KMEMX_CHUNK_ORDER)
		return take_whole(chunk);
	if (reserve_frames(chunk, 1U << order))
		return -ENOSPC;
	if (order <= KMEMX_WORD_ORDER)
		frame = take_in_word(chunk, order);
	else
		frame = take_words(chunk, order);
	if (frame < 0)
		release_frames(chunk, 1U << order, 1);
	return frame;
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_take);

/* Clear taken bits that belong to the caller, frames @first to @end - 1. */
static void clear_frames(struct kmemx_chunk chunk, unsigned int first,
			 unsigned int end)
{
	while (first < end) {
		unsigned int base = round_down(first, KMEMX_WORD_BITS);
		unsigned int stop = min(end, base + KMEMX_WORD_BITS);

		atomic64_fetch_andnot((s64)kmemx_word_range(first - base, stop - base),
				      &chunk.map[base / KMEMX_WORD_BITS]);
		first = stop;
	}
}

/**
 * kmemx_chunk_give() - give a taken block back
 * @chunk: the chunk
 * @frame: first frame of the block
 * @order: 0..9, as it was taken
 *
 * The caller owns the block: it has won the right to free it (the info byte
 * of extent.h decides who does).
 *
 * Context: any.
 */
void kmemx_chunk_give(struct kmemx_chunk chunk, unsigned int frame,
		      unsigned int order)
{
	if (order == KMEMX_CHUNK_ORDER) {
		/*
		 * Nobody else writes the state of a chunk that is taken whole, but
		 * a plain store could become visible after publish()'s second look
		 * (extent.c), which would then have missed it.
		 */
		atomic64_xchg(chunk.state, KMEMX_CHUNK_FRAMES);
		return;
	}
	clear_frames(chunk, frame, frame + (1U << order));
	release_frames(chunk, 1U << order, 1);
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_give);

/* From one live block taken whole to @nr taken frames in @nr_blocks blocks. */
static void open_whole(struct kmemx_chunk chunk, unsigned int nr,
		       unsigned int nr_blocks)
{
	unsigned int i;

	for (i = 0; i < KMEMX_CHUNK_WORDS; i++) {
		unsigned int base = i * KMEMX_WORD_BITS;
		unsigned int end = min(max(nr, base), base + KMEMX_WORD_BITS);

		atomic64_set(&chunk.map[i], base < end ?
			     (s64)kmemx_word_range(0, end - base) : 0);
	}
	/* Pairs with reserve_frames(): the bits before the count. No store, as above. */
	atomic64_xchg(chunk.state, (s64)(KMEMX_CHUNK_FRAMES - nr +
					 nr_blocks * KMEMX_STATE_LIVE_ONE));
}

/**
 * kmemx_chunk_trim() - keep the first frames of a taken block, free the rest
 * @chunk: the chunk
 * @frame: first frame of the block, which the caller owns
 * @order: 1..9, as it was taken
 * @nr: frames to keep, 1..2^@order - 1
 *
 * What is kept is from now on a row of blocks, one for each bit set in @nr,
 * the largest first, each to be given back on its own.
 *
 * Context: any.
 * Return: the number of those blocks.
 */
unsigned int kmemx_chunk_trim(struct kmemx_chunk chunk, unsigned int frame,
			      unsigned int order, unsigned int nr)
{
	unsigned int nr_blocks = hweight32(nr);

	if (order == KMEMX_CHUNK_ORDER) {
		open_whole(chunk, nr, nr_blocks);
	} else {
		clear_frames(chunk, frame + nr, frame + (1U << order));
		atomic64_add_return((s64)((1U << order) - nr) +
				    (s64)((nr_blocks - 1) * KMEMX_STATE_LIVE_ONE),
				    chunk.state);
	}
	return nr_blocks;
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_trim);

/**
 * kmemx_chunk_shatter() - count a taken block as taken blocks of one frame
 * @chunk: the chunk
 * @order: 0..9, the order of the block, which the caller owns
 *
 * Context: any.
 */
void kmemx_chunk_shatter(struct kmemx_chunk chunk, unsigned int order)
{
	if (order == KMEMX_CHUNK_ORDER)
		open_whole(chunk, KMEMX_CHUNK_FRAMES, KMEMX_CHUNK_FRAMES);
	else
		atomic64_add_return((s64)(((1U << order) - 1) * KMEMX_STATE_LIVE_ONE),
				    chunk.state);
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_shatter);

/**
 * kmemx_chunk_is_taken() - is a frame part of anything but free memory?
 * @chunk: the chunk
 * @frame: 0..511
 *
 * A snapshot: good for telling a double free from a free inside a block, not
 * for deciding who owns what.
 *
 * Return: true if the frame is taken, alone or with its whole chunk, or absent.
 */
bool kmemx_chunk_is_taken(struct kmemx_chunk chunk, unsigned int frame)
{
	if ((u64)atomic64_read(chunk.state) & KMEMX_STATE_WHOLE)
		return true;
	return map_word(chunk, frame / KMEMX_WORD_BITS) &
		BIT_ULL(frame % KMEMX_WORD_BITS);
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_is_taken);

/* Clear words in a row, aligned to their number, as a mask of first words. */
static unsigned int clear_pairs(unsigned int clear)
{
	return clear & (clear >> 1) & 0x55;
}

/**
 * kmemx_chunk_max_order() - the largest block that could be taken now
 * @chunk: the chunk
 *
 * Return: its order, 0..9, or -1 if no frame is free.
 */
int kmemx_chunk_max_order(struct kmemx_chunk chunk)
{
	u64 state = (u64)atomic64_read(chunk.state);
	unsigned int clear = 0;
	int order = -1;
	unsigned int i;

	if (state & KMEMX_STATE_WHOLE)
		return -1;
	if (kmemx_state_free(state) == KMEMX_CHUNK_FRAMES)
		return KMEMX_CHUNK_ORDER;
	for (i = 0; i < KMEMX_CHUNK_WORDS; i++) {
		u64 word = map_word(chunk, i);

		order = max(order, kmemx_word_max_order(word));
		clear |= (unsigned int)!word << i;
	}
	clear = clear_pairs(clear);
	if (clear & (clear >> 2) & 0x11)
		return 8;
	return clear ? 7 : order;
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_max_order);

/**
 * kmemx_chunk_count() - count the maximal free blocks of each order
 * @chunk: the chunk
 * @nr: nr[k] is increased by the maximal free blocks of order k
 *
 * Walks the map: independent of the free count in the state word.
 *
 * Return: the free frames counted.
 */
unsigned int kmemx_chunk_count(struct kmemx_chunk chunk,
			       unsigned int nr[KMEMX_NR_ORDERS])
{
	unsigned int sixes, pairs, quads, i;
	unsigned int frames = 0;
	unsigned int clear = 0;

	if ((u64)atomic64_read(chunk.state) & KMEMX_STATE_WHOLE)
		return 0;
	for (i = 0; i < KMEMX_CHUNK_WORDS; i++) {
		u64 word = map_word(chunk, i);

		frames += KMEMX_WORD_BITS - hweight64(word);
		if (word)
			kmemx_word_count(word, nr);
		else
			clear |= 1U << i;
	}
	if (clear == 0xff) {
		nr[KMEMX_CHUNK_ORDER]++;
		return frames;
	}
	sixes = hweight32(clear);
	clear = clear_pairs(clear);
	pairs = hweight32(clear);
	quads = hweight32(clear & (clear >> 2) & 0x11);
	nr[6] += sixes - 2 * pairs;
	nr[7] += pairs - 2 * quads;
	nr[8] += quads;
	return frames;
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_count);
