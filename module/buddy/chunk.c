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

static u64 state_word(struct kmemx_chunk chunk)
{
	return (u64)atomic64_read(chunk.state);
}

static unsigned int rank_of(u64 word)
{
	return (unsigned int)(kmemx_word_max_order(word) + 1);
}

/* The words that a block of order 7 or 8 covers. */
static unsigned int nr_words(unsigned int order)
{
	return 1U << (order - KMEMX_WORD_ORDER);
}

static u64 with_bin(u64 state)
{
	return state | (u64)kmemx_state_find_bin(state) << KMEMX_STATE_BIN_SHIFT;
}

static __always_inline void note_move(struct kmemx_moved *moved, u64 old, u64 new)
{
	if (!((old ^ new) & KMEMX_STATE_BIN_MASK))
		return;
	moved->bins |= BIT_ULL(kmemx_state_bin(old)) | BIT_ULL(kmemx_state_bin(new));
	moved->state = new;
	moved->whole += kmemx_bin_is_whole(kmemx_state_bin(new)) -
		kmemx_bin_is_whole(kmemx_state_bin(old));
}

/*
 * Replace a state word. Fully ordered: whoever sees the count sees the clear bits
 * that it stands for, and who looks at the map afterwards sees every change whose
 * author has not seen this state.
 */
static __always_inline bool replace_state(struct kmemx_chunk chunk, u64 *old, u64 new,
					  struct kmemx_moved *moved)
{
	if (!atomic64_try_cmpxchg(chunk.state, (s64 *)old, (s64)new))
		return false;
	note_move(moved, *old, new);
	return true;
}

/* As replace_state(), where @new has the bin of @old yet. */
static bool change_state(struct kmemx_chunk chunk, u64 *old, u64 new,
			 struct kmemx_moved *moved)
{
	return replace_state(chunk, old, kmemx_state_rebin(*old, new), moved);
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
	u64 state = end - first;
	unsigned int i;

	for (i = 0; i < KMEMX_CHUNK_WORDS; i++) {
		unsigned int base = i * KMEMX_WORD_BITS;
		unsigned int lo = max(first, base);
		unsigned int hi = min(end, base + KMEMX_WORD_BITS);
		u64 present = lo < hi ? kmemx_word_range(lo - base, hi - base) : 0;

		atomic64_set(&chunk.map[i], (s64)~present);
		state = kmemx_state_set_rank(state, i, rank_of(~present));
	}
	atomic64_set(chunk.state, (s64)with_bin(state));
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_init);

/*
 * Add @delta to the counts and bring the rank of word @i in line with its bits,
 * until that holds still: whoever changes the word after the last look comes here
 * itself. A chunk that is taken whole has no ranks; it cannot be while @delta, which
 * stands for frames of the caller's, is not 0.
 */
static void settle_word(struct kmemx_chunk chunk, unsigned int i, u64 delta,
			struct kmemx_moved *moved)
{
	u64 old = state_word(chunk);

	for (;;) {
		u64 word = map_word(chunk, i);
		u64 new = kmemx_state_set_rank(old + delta, i, rank_of(word));

		if (!delta && (old & KMEMX_STATE_WHOLE))
			return;
		kmemx_step();
		if (new != old) {
			if (!change_state(chunk, &old, new, moved))
				continue;
			delta = 0;
		}
		kmemx_step();
		if (map_word(chunk, i) == word)
			return;
		old = state_word(chunk);
	}
}

static int take_whole(struct kmemx_chunk chunk, struct kmemx_moved *moved)
{
	u64 old = kmemx_chunk_take_whole(chunk);

	if (!old)
		return -ENOSPC;
	note_move(moved, old, KMEMX_STATE_ALL_TAKEN);
	return 0;
}

/**
 * kmemx_chunk_settle() - bring a chunk in line after a change
 * @chunk: the chunk
 * @change: what has been done, and perhaps is to be undone
 * @moved: see chunk.h; what @change has done is added as well
 *
 * Context: any.
 */
void kmemx_chunk_settle(struct kmemx_chunk chunk, const struct kmemx_change *change,
			struct kmemx_moved *moved)
{
	note_move(moved, change->old, change->new);
	kmemx_step();
	if (!change->settled)
		settle_word(chunk, (unsigned int)change->word, change->delta, moved);
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_settle);

/**
 * kmemx_chunk_take_some() - take free blocks that are neighbours
 * @chunk: the chunk
 * @order: 0..6
 * @nr: how many at most, at least 1
 * @heads: set to the first bit of each block
 * @moved: see chunk.h
 *
 * All are from one word, that with the smallest hole that will do, and in it they
 * are chosen as by kmemx_word_pick().
 *
 * Context: any.
 * Return: the first frame of that word; -ENOSPC if the chunk has no free block of
 * that order; -EAGAIN if other CPUs kept getting there first.
 */
int kmemx_chunk_take_some(struct kmemx_chunk chunk, unsigned int order,
			  unsigned int nr, u64 *heads, struct kmemx_moved *moved)
{
	unsigned int tries;

	for (tries = 0; tries < TAKE_TRIES; tries++) {
		struct kmemx_change change;

		*heads = kmemx_chunk_take_bits(chunk, order, nr, &change);
		kmemx_chunk_settle(chunk, &change, moved);
		if (*heads)
			return change.word * KMEMX_WORD_BITS;
		if (change.word < 0)
			return -ENOSPC;
	}
	return -EAGAIN;
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_take_some);

/* Fill @nr clear words from @first, or none of them. */
static bool fill_words(struct kmemx_chunk chunk, unsigned int first,
		       unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		s64 old = 0;

		kmemx_step();
		if (!atomic64_try_cmpxchg(&chunk.map[first + i], &old, -1))
			break;
	}
	kmemx_step();
	if (i == nr)
		return true;
	while (i--)
		atomic64_set_release(&chunk.map[first + i], 0);
	return false;
}

/* The ranks of @nr words from @first. */
static u64 ranks_of(unsigned int first, unsigned int nr)
{
	return (BIT_ULL(nr) - 1) * kmemx_state_rank_mask(first);
}

static void settle_words(struct kmemx_chunk chunk, unsigned int first, unsigned int nr,
			 u64 delta, struct kmemx_moved *moved)
{
	unsigned int i;

	for (i = first; i < first + nr; i++, delta = 0)
		settle_word(chunk, i, delta, moved);
}

/**
 * kmemx_chunk_take_words() - a try to take a block of whole words
 * @chunk: the chunk
 * @order: 7 or 8
 * @change: set to what it came to, its @word being the block's first; if it is not settled,
 *	    kmemx_chunk_settle_words() is due
 *
 * As kmemx_chunk_take_bits().
 *
 * Context: any.
 * Return: the first frame of the block; -ENOSPC if there is none; -EAGAIN if another CPU was
 * faster.
 */
int kmemx_chunk_take_words(struct kmemx_chunk chunk, unsigned int order,
			   struct kmemx_change *change)
{
	u64 old = state_word(chunk), new;
	u64 worth = kmemx_chunk_worth(1U << order, 1);
	unsigned int nr = nr_words(order), full = kmemx_state_full_words(old);
	unsigned int first;

	*change = (struct kmemx_change){ .old = old, .new = old, .settled = true };
	full = nr == 2 ? kmemx_state_pairs(full) : kmemx_state_quads(full);
	if (!full || kmemx_state_free(old) < 1U << order)
		return -ENOSPC;
	first = __ffs64(full);
	new = kmemx_state_rebin(old, (old - worth) & ~ranks_of(first, nr));
	kmemx_step();
	if (!atomic64_try_cmpxchg(chunk.state, (s64 *)&old, (s64)new))
		return -EAGAIN;
	change->new = new;
	change->word = (int)first;
	if (unlikely(!fill_words(chunk, first, nr))) {
		change->delta = worth;
		change->settled = false;
		return -EAGAIN;
	}
	/* Who gave frames of these words back meanwhile may have written a rank. */
	change->settled = likely(!((state_word(chunk) ^ new) & ranks_of(first, nr)));
	return (int)(first * KMEMX_WORD_BITS);
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_take_words);

/**
 * kmemx_chunk_give_words() - give back a block of whole words
 * @chunk: the chunk
 * @frame: its first frame, in the chunk; the caller has won the right to free it
 * @order: 7 or 8, as it was taken
 * @change: as for kmemx_chunk_take_words()
 *
 * All bits of these words are set and the caller's, so nobody else changes them, and a store
 * clears a word: a release, which pairs with the compare-and-exchange of who takes it next. They
 * come before the count, as in replace_state().
 *
 * Context: any.
 */
void kmemx_chunk_give_words(struct kmemx_chunk chunk, unsigned int frame, unsigned int order,
			    struct kmemx_change *change)
{
	unsigned int first = frame / KMEMX_WORD_BITS, end = first + nr_words(order), i;
	u64 up = kmemx_chunk_worth(1U << order, 1);
	u64 ranks = ranks_of(first, nr_words(order)), taken = 0;

	for (i = first; i < end; i++) {
		atomic64_set_release(&chunk.map[i], 0);
		kmemx_step();
	}
	change->word = (int)first;
	change->delta = 0;
	change->old = state_word(chunk);
	do {
		kmemx_step();
		/* Free as a whole: all bits of a rank. */
		change->new = kmemx_state_rebin(change->old, (change->old + up) | ranks);
	} while (!atomic64_try_cmpxchg(chunk.state, (s64 *)&change->old, (s64)change->new));
	kmemx_step();
	/* Who was late with the rank of one may have shown it to others before. */
	for (i = first; i < end; i++)
		taken |= map_word(chunk, i);
	change->settled = likely(!taken);
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_give_words);

/**
 * kmemx_chunk_settle_words() - kmemx_chunk_settle(), after a change of whole words
 * @chunk: the chunk
 * @order: 7 or 8, of the block
 * @change: what has been done, and perhaps is to be undone
 * @moved: see chunk.h; what @change has done is added as well
 *
 * Context: any.
 */
void kmemx_chunk_settle_words(struct kmemx_chunk chunk, unsigned int order,
			      const struct kmemx_change *change, struct kmemx_moved *moved)
{
	note_move(moved, change->old, change->new);
	kmemx_step();
	if (!change->settled)
		settle_words(chunk, (unsigned int)change->word, nr_words(order), change->delta,
			     moved);
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_settle_words);

static int take_words(struct kmemx_chunk chunk, unsigned int order,
		      struct kmemx_moved *moved)
{
	struct kmemx_change change;
	unsigned int tries;
	int frame = -EAGAIN;

	for (tries = 0; tries < TAKE_TRIES && frame == -EAGAIN; tries++) {
		frame = kmemx_chunk_take_words(chunk, order, &change);
		kmemx_chunk_settle_words(chunk, order, &change, moved);
	}
	return frame;
}

/**
 * kmemx_chunk_take() - take a free block
 * @chunk: the chunk
 * @order: 0..9
 * @moved: see chunk.h
 *
 * Context: any.
 * Return: the first frame of the block, 0..511; -ENOSPC if the chunk has no
 * free block of that order; -EAGAIN if other CPUs kept getting there first.
 */
int kmemx_chunk_take(struct kmemx_chunk chunk, unsigned int order,
		     struct kmemx_moved *moved)
{
	u64 heads;
	int base;

	if (order == KMEMX_CHUNK_ORDER)
		return take_whole(chunk, moved);
	if (order > KMEMX_WORD_ORDER)
		return take_words(chunk, order, moved);
	base = kmemx_chunk_take_some(chunk, order, 1, &heads, moved);
	return base < 0 ? base : base + (int)__ffs64(heads);
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_take);

/**
 * kmemx_chunk_settle_two() - kmemx_chunk_settle(), after kmemx_chunk_take_two()
 * @chunk: the chunk
 * @change: what has been done, and perhaps is to be undone
 * @moved: see chunk.h; what @change has done is added as well
 *
 * The other word is the second of the lowest two that were free as a whole.
 *
 * Context: any.
 */
void kmemx_chunk_settle_two(struct kmemx_chunk chunk, const struct kmemx_change *change,
			    struct kmemx_moved *moved)
{
	unsigned int full = kmemx_state_full_words(change->old);

	note_move(moved, change->old, change->new);
	kmemx_step();
	settle_word(chunk, (unsigned int)__ffs64(full), change->delta, moved);
	settle_word(chunk, (unsigned int)__ffs64(full & (full - 1)), 0, moved);
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_settle_two);

/* Clear taken bits that belong to the caller, frames @first to @end - 1. */
static void clear_frames(struct kmemx_chunk chunk, unsigned int first,
			 unsigned int end)
{
	while (first < end) {
		unsigned int base = round_down(first, KMEMX_WORD_BITS);
		unsigned int stop = min(end, base + KMEMX_WORD_BITS);

		atomic64_fetch_andnot((s64)kmemx_word_range(first - base, stop - base),
				      &chunk.map[base / KMEMX_WORD_BITS]);
		kmemx_step();
		first = stop;
	}
}

static void settle_frames(struct kmemx_chunk chunk, unsigned int first, unsigned int end,
			  u64 delta, struct kmemx_moved *moved)
{
	unsigned int i = first / KMEMX_WORD_BITS;

	settle_words(chunk, i, (end - 1) / KMEMX_WORD_BITS - i + 1, delta, moved);
}

/*
 * Give back a block within a word: its bits are cleared together, and only if all are set; if some
 * are not, the caller is one of several who free it, or worse. So of several CPUs that give the
 * same block one succeeds.
 */
static bool give_small(struct kmemx_chunk chunk, unsigned int frame, unsigned int order,
		       struct kmemx_moved *moved)
{
	unsigned int i = frame / KMEMX_WORD_BITS, bit = frame % KMEMX_WORD_BITS;
	struct kmemx_change change;
	u64 word;

	if (!kmemx_chunk_clear_bits(&chunk.map[i], kmemx_word_mask(bit, order), &word))
		return false;
	kmemx_chunk_count_back(&chunk.map[i], chunk.state, i, word, bit, order, &change);
	kmemx_chunk_settle(chunk, &change, moved);
	return true;
}

/**
 * kmemx_chunk_give() - give a taken block back
 * @chunk: the chunk
 * @frame: first frame of the block
 * @order: 0..9, as it was taken
 * @moved: see chunk.h
 *
 * A block of order 7 or 8 the caller must have won the right to free (the info byte
 * of zone_info.h decides who does).
 *
 * Context: any.
 * Return: false if the block was free already; nothing has changed.
 */
bool kmemx_chunk_give(struct kmemx_chunk chunk, unsigned int frame,
		      unsigned int order, struct kmemx_moved *moved)
{
	struct kmemx_change change;

	if (order == KMEMX_CHUNK_ORDER) {
		if (!kmemx_chunk_give_whole(chunk, KMEMX_STATE_ALL_FREE))
			return false;
		note_move(moved, KMEMX_STATE_ALL_TAKEN, KMEMX_STATE_ALL_FREE);
		return true;
	}
	if (order <= KMEMX_WORD_ORDER)
		return give_small(chunk, frame, order, moved);
	kmemx_chunk_give_words(chunk, frame, order, &change);
	kmemx_chunk_settle_words(chunk, order, &change, moved);
	return true;
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_give);

/* From one live block taken whole to @nr taken frames in @nr_blocks blocks. */
static void open_whole(struct kmemx_chunk chunk, unsigned int nr,
		       unsigned int nr_blocks, struct kmemx_moved *moved)
{
	u64 state = KMEMX_CHUNK_FRAMES - nr + nr_blocks * KMEMX_STATE_LIVE_ONE;
	unsigned int i;

	for (i = 0; i < KMEMX_CHUNK_WORDS; i++) {
		unsigned int base = i * KMEMX_WORD_BITS;
		unsigned int end = min(max(nr, base), base + KMEMX_WORD_BITS);
		u64 taken = base < end ? kmemx_word_range(0, end - base) : 0;

		atomic64_set(&chunk.map[i], (s64)taken);
		state = kmemx_state_set_rank(state, i, rank_of(taken));
	}
	state = with_bin(state);
	/* As change_state(): the bits before the count. No store, as in a give. */
	atomic64_xchg(chunk.state, (s64)state);
	note_move(moved, KMEMX_STATE_ALL_TAKEN, state);
}

/**
 * kmemx_chunk_trim() - keep the first frames of a taken block, free the rest
 * @chunk: the chunk
 * @frame: first frame of the block, which the caller owns
 * @order: 1..9, as it was taken
 * @nr: frames to keep, 1..2^@order - 1
 * @moved: see chunk.h
 *
 * What is kept is from now on a row of blocks, one for each bit set in @nr,
 * the largest first, each to be given back on its own.
 *
 * Context: any.
 * Return: the number of those blocks.
 */
unsigned int kmemx_chunk_trim(struct kmemx_chunk chunk, unsigned int frame,
			      unsigned int order, unsigned int nr,
			      struct kmemx_moved *moved)
{
	unsigned int end = frame + (1U << order);
	unsigned int nr_blocks = hweight32(nr);

	if (order == KMEMX_CHUNK_ORDER) {
		open_whole(chunk, nr, nr_blocks, moved);
	} else {
		clear_frames(chunk, frame + nr, end);
		settle_frames(chunk, frame + nr, end,
			      kmemx_chunk_worth((1U << order) - nr, 1 - (int)nr_blocks), moved);
	}
	return nr_blocks;
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_trim);

/**
 * kmemx_chunk_split() - count a taken block as several
 * @chunk: the chunk
 * @order: 0..9, the order of the block, which the caller owns
 * @nr_blocks: 1..2^@order, how many it is from now on
 * @moved: see chunk.h
 *
 * Context: any.
 */
void kmemx_chunk_split(struct kmemx_chunk chunk, unsigned int order, unsigned int nr_blocks,
		       struct kmemx_moved *moved)
{
	u64 old = state_word(chunk);

	if (order == KMEMX_CHUNK_ORDER) {
		open_whole(chunk, KMEMX_CHUNK_FRAMES, nr_blocks, moved);
		return;
	}
	while (!change_state(chunk, &old, old - kmemx_chunk_worth(0, (int)nr_blocks - 1), moved))
		;
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_split);

/* Set the bits @mask of a word, all of which must be clear. */
static bool fill_bits(atomic64_t *word, u64 mask)
{
	s64 old = atomic64_read(word);

	do {
		kmemx_step();
		if ((u64)old & mask)
			return false;
	} while (!atomic64_try_cmpxchg(word, &old, old | (s64)mask));
	kmemx_step();
	return true;
}

/**
 * kmemx_chunk_take_range() - take just these frames
 * @chunk: the chunk
 * @first: the first, 0..511
 * @end: one past the last, @first + 1..512
 * @nr_blocks: as how many blocks they count
 * @moved: see chunk.h
 *
 * Context: any.
 * Return: 0; -ENOSPC if one of them is not free, and nothing has changed.
 */
int kmemx_chunk_take_range(struct kmemx_chunk chunk, unsigned int first, unsigned int end,
			   unsigned int nr_blocks, struct kmemx_moved *moved)
{
	u64 delta = kmemx_chunk_worth(end - first, (int)nr_blocks);
	u64 old = state_word(chunk);
	unsigned int at, stop;

	if (end - first == KMEMX_CHUNK_FRAMES)
		return take_whole(chunk, moved);
	do {
		if (kmemx_state_free(old) < end - first)
			return -ENOSPC;
		kmemx_step();
	} while (!change_state(chunk, &old, old - delta, moved));
	for (at = first; at < end; at = stop) {
		unsigned int base = round_down(at, KMEMX_WORD_BITS);

		stop = min(end, base + KMEMX_WORD_BITS);
		if (!fill_bits(&chunk.map[base / KMEMX_WORD_BITS],
			       kmemx_word_range(at - base, stop - base)))
			break;
	}
	/* The ranks, and what was reserved for frames that are not free. */
	if (at < end)
		clear_frames(chunk, first, at);
	settle_frames(chunk, first, end, at < end ? delta : 0, moved);
	return at < end ? -ENOSPC : 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_take_range);

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
	if (state_word(chunk) & KMEMX_STATE_WHOLE)
		return true;
	return map_word(chunk, frame / KMEMX_WORD_BITS) &
		BIT_ULL(frame % KMEMX_WORD_BITS);
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_is_taken);

/**
 * kmemx_chunk_count() - count the maximal free blocks of each order
 * @chunk: the chunk
 * @nr: nr[k] is increased by the maximal free blocks of order k
 *
 * Walks the map: independent of the counts and ranks in the state word.
 *
 * Return: the free frames counted.
 */
unsigned int kmemx_chunk_count(struct kmemx_chunk chunk,
			       unsigned int nr[KMEMX_NR_ORDERS])
{
	unsigned int pairs, quads, i;
	unsigned int frames = 0;
	unsigned int clear = 0;

	if (state_word(chunk) & KMEMX_STATE_WHOLE)
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
	pairs = hweight32(kmemx_state_pairs(clear));
	quads = hweight32(kmemx_state_quads(clear));
	nr[6] += hweight32(clear) - 2 * pairs;
	nr[7] += pairs - 2 * quads;
	nr[8] += quads;
	return frames;
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_count);

/**
 * kmemx_chunk_check_ranks() - are the ranks those of the words, and the bin right?
 * @chunk: the chunk, at rest
 *
 * Return: whether they are; a chunk that is taken whole has none.
 */
bool kmemx_chunk_check_ranks(struct kmemx_chunk chunk)
{
	u64 state = state_word(chunk);
	unsigned int i;

	if (state != KMEMX_STATE_ALL_ZERO && state != KMEMX_STATE_EMPTIED &&
	    kmemx_state_bin(state) != kmemx_state_find_bin(state))
		return false;
	if (state & KMEMX_STATE_WHOLE)
		return !(state & KMEMX_STATE_RANKS);
	for (i = 0; i < KMEMX_CHUNK_WORDS; i++)
		if (kmemx_state_rank(state, i) != rank_of(map_word(chunk, i)))
			return false;
	return true;
}
KMEMX_EXPORT_FOR_TEST(kmemx_chunk_check_ranks);
