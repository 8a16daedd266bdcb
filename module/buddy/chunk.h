/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A chunk: 512 page frames (2 MiB with 4 KiB pages), eight words of bits, and
 * one state word beside them (state.h).
 *
 *   map    a set bit is a taken frame; eight words, one cache line
 *   state  how many frames may still be reserved, how many blocks are live,
 *	    whether the chunk is taken as one block, and the rank of each word
 *
 * An allocation reads a word of the map, makes its reservation in the state word,
 * with the rank that the word is going to have, and then sets the bits; a free
 * clears bits, then gives the reservation back. So the free count never exceeds
 * the number of clear bits, and a free count of 512 says that every bit is clear
 * and nobody is in between: a whole chunk is taken in the state word alone and its
 * map stays clear. Ranks may be wrong while somebody is in between; whoever
 * changed a word looks at it once more after its rank is written.
 *
 * Locking: none. Every function may run on any number of CPUs at once, in any
 * context, nested in itself. A take may fail with -EAGAIN where others keep
 * changing the words it looks at; a give never fails for that.
 *
 * Each function that changes a state word adds to a struct kmemx_moved what the bins
 * (state.h) have to be told.
 */
#ifndef KMEMX_BUDDY_CHUNK_H
#define KMEMX_BUDDY_CHUNK_H

#include <kmemx/platform.h>
#include "buddy/state.h"

/**
 * struct kmemx_chunk - the bits of a chunk
 * @map: a set bit is a taken, or absent, frame
 * @state: see state.h
 *
 * The two live in arrays of their own (a chunk's map is one cache line), so
 * this is a view, passed by value.
 */
struct kmemx_chunk {
	atomic64_t *map;
	atomic64_t *state;
};

/**
 * struct kmemx_moved - where changes of its state have moved a chunk
 * @bins: bins that it has left or entered, a bit each, 0 at first; one may be
 *	  KMEMX_BIN_NONE
 * @state: if there are any, the last state that was written
 * @whole: 1 if the chunk has become free as a whole, -1 if it was that, 0 if neither or
 *	   both
 */
struct kmemx_moved {
	u64 bins;
	u64 state;
	int whole;
};

/**
 * struct kmemx_change - what one change of its state has made of a chunk
 * @old: the state before
 * @new: and after
 * @word: which word of the map was to be changed with it, 0..7, or -1 if none would do
 * @nr: blocks that were to be taken of it
 * @delta: what is to be given back to the counts, as that word could not be
 * @settled: is the word, and its rank, still as it was left? If not,
 *	     kmemx_chunk_settle() is due.
 */
struct kmemx_change {
	u64 old;
	u64 new;
	u64 delta;
	int word;
	u32 nr;
	bool settled;
};

/* What is added to a state word when @nr_blocks blocks of @nr frames in all go. */
static __always_inline u64 kmemx_chunk_worth(unsigned int nr, int nr_blocks)
{
	return nr - (u64)nr_blocks * KMEMX_STATE_LIVE_ONE;
}

/*
 * Choose the blocks that kmemx_chunk_take_bits() is to take: returns the first bit of each, in
 * @change->word of the map, which was @word; 0 if there is none. @change->new is the state with
 * them taken.
 */
static __always_inline u64 kmemx_chunk_choose(struct kmemx_chunk chunk, unsigned int order,
					      unsigned int nr, struct kmemx_change *change,
					      u64 *word)
{
	u64 old = change->old;
	struct kmemx_picked picked;
	int i;

	i = kmemx_state_free(old) >> order ? kmemx_state_fit(old, order) : -1;
	change->word = i;
	if (unlikely(i < 0))
		return 0;
	/* Bits that are clear may be reserved by somebody who comes to set them. */
	nr = min(nr, kmemx_state_free(old) >> order);
	*word = (u64)atomic64_read(&chunk.map[i]);
	picked = kmemx_word_pick(*word, order, nr);
	change->settled = picked.heads;
	if (unlikely(!picked.heads))
		return 0;
	change->nr = picked.nr;
	change->new = kmemx_state_lower(old, kmemx_chunk_worth(picked.nr << (order & 7),
							       (int)picked.nr),
					(unsigned int)i, picked.rank);
	return picked.heads;
}

/* The same, one block, where the state is KMEMX_STATE_EMPTIED: all frames are free. */
static __always_inline u64 kmemx_chunk_choose_first(unsigned int order,
						    struct kmemx_change *change, u64 *word)
{
	u64 new = KMEMX_STATE_EMPTIED - kmemx_chunk_worth(1U << (order & 7), 1);

	*word = 0;
	change->word = 0;
	change->nr = 1;
	/* Half of the word is free, or nothing. */
	change->new = kmemx_state_set_rank(new, 0, order < KMEMX_WORD_ORDER ?
					   KMEMX_WORD_ORDER : 0);
	return 1;
}

/**
 * kmemx_chunk_take_bits() - a try of kmemx_chunk_take_some()
 * @chunk: the chunk
 * @order: 0..6
 * @nr: how many at most, at least 1
 * @change: set to what it came to; if it is not settled the caller sees to that
 *
 * Reserves the blocks in the state word, with the rank that their word is going to have,
 * and then sets their bits.
 *
 * Context: any.
 * Return: the first bit of each block, in @change->word; 0 if there is no such block
 * (@change->word is -1), or another CPU was faster.
 */
static __always_inline u64 kmemx_chunk_take_bits(struct kmemx_chunk chunk,
						 unsigned int order, unsigned int nr,
						 struct kmemx_change *change)
{
	u64 old = (u64)atomic64_read(chunk.state);
	u64 word, taken, heads;
	atomic64_t *map;

	change->old = old;
	change->new = old;
	change->delta = 0;
	change->settled = true;
	heads = nr == 1 && unlikely(old == KMEMX_STATE_EMPTIED) ?
		kmemx_chunk_choose_first(order, change, &word) :
		kmemx_chunk_choose(chunk, order, nr, change, &word);
	if (unlikely(!heads))
		return 0;
	taken = word | kmemx_word_spread(heads, order);
	map = &chunk.map[change->word];
	kmemx_step();
	if (unlikely(!atomic64_try_cmpxchg(chunk.state, (s64 *)&old, (s64)change->new))) {
		change->new = change->old;
		return 0;
	}
	kmemx_step();
	if (unlikely(!atomic64_try_cmpxchg(map, (s64 *)&word, (s64)taken))) {
		change->delta = kmemx_chunk_worth(change->nr << (order & 7), (int)change->nr);
		change->settled = false;
		return 0;
	}
	kmemx_step();
	/* Who gave frames of this word back meanwhile may have written a rank. */
	change->settled = likely(!(((u64)atomic64_read(chunk.state) ^ change->new) &
				   kmemx_state_rank_mask((unsigned int)change->word)));
	return heads;
}

/*
 * Set all bits of two words of the map, or none of them. A word whose bits are all set is changed
 * by nobody else, so a store gives the first one back; a release, which pairs with the
 * compare-and-exchange of who takes it next.
 */
static __always_inline bool kmemx_chunk_fill_two(atomic64_t *one, atomic64_t *other)
{
	s64 none = 0;

	if (unlikely(!atomic64_try_cmpxchg(one, &none, -1)))
		return false;
	kmemx_step();
	if (likely(atomic64_try_cmpxchg(other, &none, -1)))
		return true;
	kmemx_step();
	atomic64_set_release(one, 0);
	return false;
}

/**
 * kmemx_chunk_take_two() - a try to take all blocks of two words that are free
 * @chunk: the chunk
 * @order: 0..6, of the blocks
 * @change: set to what it came to, its @word being the first of the two; if it is not settled,
 *	    kmemx_chunk_settle_two() is due
 *
 * As kmemx_chunk_take_bits(), if no other word will do: one change of the state.
 *
 * Context: any.
 * Return: which words are the caller's, a bit each; or 0.
 */
static __always_inline unsigned int kmemx_chunk_take_two(struct kmemx_chunk chunk,
							 unsigned int order,
							 struct kmemx_change *change)
{
	u64 worth = kmemx_chunk_worth(2 * KMEMX_WORD_BITS,
				      2 * KMEMX_WORD_BITS >> (order & 7));
	u64 old = (u64)atomic64_read(chunk.state), ranks;
	unsigned int words = kmemx_state_fit_two(old, order);

	change->old = old;
	change->new = old;
	change->delta = 0;
	change->settled = true;
	if (!words || unlikely(kmemx_state_free(old) < 2 * KMEMX_WORD_BITS))
		return 0;
	change->word = (int)__ffs64(words);
	/* A bit for each of the words in each slice of the ranks. */
	ranks = words * KMEMX_STATE_RANK_OF_0;
	kmemx_step();
	change->new = kmemx_state_lower_slow(old, (old - worth) & ~ranks, KMEMX_RANK_FULL);
	if (unlikely(!atomic64_try_cmpxchg(chunk.state, (s64 *)&old, (s64)change->new))) {
		change->new = change->old;
		return 0;
	}
	kmemx_step();
	if (unlikely(!kmemx_chunk_fill_two(chunk.map + change->word,
					   chunk.map + __ffs64(words & (words - 1))))) {
		change->delta = worth;
		change->settled = false;
		return 0;
	}
	kmemx_step();
	/* Who gave frames of these words back meanwhile may have written a rank. */
	change->settled = likely(!(((u64)atomic64_read(chunk.state) ^ change->new) & ranks));
	return words;
}

/*
 * Clear bits of a word; none of them if some are clear already, and so not the caller's. Fully
 * ordered: the info bytes that the caller has cleared come first. @word is set to what it is
 * then.
 */
static __always_inline bool kmemx_chunk_clear_bits(atomic64_t *map, u64 mask, u64 *word)
{
	u64 old = (u64)atomic64_read(map);

	do {
		kmemx_step();
		if (unlikely(~old & mask))
			return false;
		*word = old ^ mask;
	} while (unlikely(!atomic64_try_cmpxchg(map, (s64 *)&old, (s64)*word)));
	return true;
}

/**
 * kmemx_chunk_count_back() - count a block whose bits have been cleared
 * @map: the word of the map that it is in
 * @state: the state word of its chunk
 * @i: which of the chunk's words it is, 0..7
 * @word: what it was when they were
 * @bit: the block's first bit in it
 * @order: 0..6, as it was taken
 * @change: set to what it came to; if it is not settled the caller sees to that
 *
 * Context: any.
 */
static __always_inline void kmemx_chunk_count_back(atomic64_t *map, atomic64_t *state,
						   unsigned int i, u64 word, unsigned int bit,
						   unsigned int order,
						   struct kmemx_change *change)
{
	change->word = (int)i;
	change->delta = 0;
	change->old = (u64)atomic64_read(state);
	do {
		kmemx_step();
		change->new = kmemx_state_raise(change->old, i, word, bit, order);
		/* The bits before the count; see replace_state() in chunk.c. */
	} while (!atomic64_try_cmpxchg(state, (s64 *)&change->old, (s64)change->new));
	kmemx_step();
	/* Who is the last to look is the last to put the rank right. */
	change->settled = likely((u64)atomic64_read(map) == word);
}

/**
 * kmemx_chunk_count_once() - one try of that
 * @map: as for kmemx_chunk_count_back(), and so are the others
 * @state: see there
 * @i: see there
 * @word: see there
 * @bit: see there
 * @order: see there
 * @change: see there, if it was counted
 *
 * Inline, for who frees past a front: without a loop there is less to keep.
 *
 * Context: any.
 * Return: false if another CPU was faster; nothing has changed.
 */
static __always_inline bool kmemx_chunk_count_once(atomic64_t *map, atomic64_t *state,
						   unsigned int i, u64 word, unsigned int bit,
						   unsigned int order,
						   struct kmemx_change *change)
{
	u64 old = (u64)atomic64_read(state);

	change->word = (int)i;
	change->delta = 0;
	change->old = old;
	kmemx_step();
	change->new = kmemx_state_raise(old, i, word, bit, order);
	/* The bits before the count; see replace_state() in chunk.c. */
	if (unlikely(!atomic64_try_cmpxchg(state, (s64 *)&old, (s64)change->new)))
		return false;
	kmemx_step();
	/* Who is the last to look is the last to put the rank right. */
	change->settled = likely((u64)atomic64_read(map) == word);
	return true;
}

/**
 * kmemx_chunk_count_quietly() - the same, if no rank and no bin is another then
 * @state: the state word of its chunk
 * @i: which of the chunk's words it is, 0..7
 * @word: what it was when the bits were cleared
 * @bit: the block's first bit in it
 * @order: 0..6, as it was taken
 *
 * Inline, for who frees past a front. A rank that is not written needs no second look at
 * the word: who changes that later has seen these bits clear.
 *
 * Context: any.
 * Return: false if it was not counted.
 */
static __always_inline bool kmemx_chunk_count_quietly(atomic64_t *state, unsigned int i,
						      u64 word, unsigned int bit,
						      unsigned int order)
{
	u64 old = (u64)atomic64_read(state);

	kmemx_step();
	/* The bits before the count; see replace_state() in chunk.c. */
	return likely(kmemx_state_keeps_bin(old, i, word, bit, order)) &&
		likely(atomic64_try_cmpxchg(state, (s64 *)&old, (s64)
					    (old + kmemx_chunk_worth(1U << (order & 7), 1))));
}

/**
 * kmemx_chunk_empty() - count the last live block of a chunk, whose bits have been cleared
 * @state: the state word of its chunk
 * @i: which of the chunk's words it is in, 0..7; no bit of that is set
 * @order: 0..6, as it was taken
 * @new: KMEMX_STATE_EMPTIED or KMEMX_STATE_ALL_FREE
 *
 * To @new, fully ordered, in one try. The rank that is written needs no second
 * look at the word: as all frames are free then, nobody is in between, and who takes some of
 * them later has seen it.
 *
 * Context: any.
 * Return: false if it is not the last, or another CPU was faster; nothing has changed.
 */
static __always_inline bool kmemx_chunk_empty(atomic64_t *state, unsigned int i,
					      unsigned int order, u64 new)
{
	u64 old = (u64)atomic64_read(state);

	kmemx_step();
	/* With the rank of its word as it is going to be. */
	if ((old | kmemx_state_rank_mask(i)) !=
	    KMEMX_STATE_EMPTIED - kmemx_chunk_worth(1U << (order & 7), 1))
		return false;
	/* The bits before the count; see replace_state() in chunk.c. */
	return likely(atomic64_try_cmpxchg(state, (s64 *)&old, (s64)new));
}

/**
 * kmemx_chunk_give_some() - give back blocks that are neighbours
 * @map: the word of the map that all of them are in
 * @state: the state word of its chunk
 * @i: which of the chunk's words it is, 0..7
 * @heads: the first bit of each block in it
 * @order: 0..6, of all of them, as they were taken
 * @nr: how many, at least 1
 * @change: set to what it came to; if it is not settled the caller sees to that
 *
 * One change of the word, and one of the state.
 *
 * Context: any.
 * Return: false if one of the blocks was free already; nothing has changed.
 */
static __always_inline bool kmemx_chunk_give_some(atomic64_t *map, atomic64_t *state,
						  unsigned int i, u64 heads,
						  unsigned int order, unsigned int nr,
						  struct kmemx_change *change)
{
	unsigned int rank;
	u64 word;

	if (unlikely(!kmemx_chunk_clear_bits(map, kmemx_word_spread(heads, order), &word)))
		return false;
	rank = (unsigned int)(kmemx_word_max_order(word) + 1);
	change->word = (int)i;
	change->delta = 0;
	change->old = (u64)atomic64_read(state);
	do {
		u64 new = change->old + kmemx_chunk_worth(nr << (order & 7), (int)nr);

		kmemx_step();
		change->new = kmemx_state_raise_some(change->old, new, i, rank);
		/* The bits before the count; see replace_state() in chunk.c. */
	} while (!atomic64_try_cmpxchg(state, (s64 *)&change->old, (s64)change->new));
	kmemx_step();
	/* Who is the last to look is the last to put the rank right. */
	change->settled = likely((u64)atomic64_read(map) == word);
	return true;
}

/**
 * kmemx_chunk_take_whole() - take all frames of a chunk as one block
 * @chunk: the chunk
 *
 * From KMEMX_STATE_ALL_FREE, KMEMX_STATE_ALL_ZERO or KMEMX_STATE_EMPTIED to
 * KMEMX_STATE_ALL_TAKEN, fully ordered.
 *
 * Context: any.
 * Return: the state that it had, or 0 if they were not all free.
 */
static __always_inline u64 kmemx_chunk_take_whole(struct kmemx_chunk chunk)
{
	u64 old = KMEMX_STATE_ALL_FREE;

	while (unlikely(!atomic64_try_cmpxchg(chunk.state, (s64 *)&old,
					      (s64)KMEMX_STATE_ALL_TAKEN)))
		if (old != KMEMX_STATE_ALL_FREE && old != KMEMX_STATE_ALL_ZERO &&
		    old != KMEMX_STATE_EMPTIED)
			return 0;
	return old;
}

/**
 * kmemx_chunk_take_known() - the same, of a chunk whose state is known
 * @chunk: the chunk
 * @old: KMEMX_STATE_ALL_FREE, KMEMX_STATE_ALL_ZERO or KMEMX_STATE_EMPTIED
 *
 * Context: any.
 * Return: false if it is another.
 */
static __always_inline bool kmemx_chunk_take_known(struct kmemx_chunk chunk, u64 old)
{
	return atomic64_try_cmpxchg(chunk.state, (s64 *)&old, (s64)KMEMX_STATE_ALL_TAKEN);
}

/**
 * kmemx_chunk_give_whole() - give them back
 * @chunk: the chunk
 * @new: KMEMX_STATE_ALL_FREE; or KMEMX_STATE_ALL_ZERO if the caller has zeroed them
 *
 * From KMEMX_STATE_ALL_TAKEN, fully ordered: of several who give the same chunk, one
 * succeeds, and who takes it sees the zeroes.
 *
 * Context: any.
 * Return: false if the chunk was not taken whole; nothing has changed.
 */
static __always_inline bool kmemx_chunk_give_whole(struct kmemx_chunk chunk, u64 new)
{
	s64 old = (s64)KMEMX_STATE_ALL_TAKEN;

	return atomic64_try_cmpxchg(chunk.state, &old, (s64)new);
}

void kmemx_chunk_init(struct kmemx_chunk chunk, unsigned int first,
		      unsigned int end);
void kmemx_chunk_settle(struct kmemx_chunk chunk, const struct kmemx_change *change,
			struct kmemx_moved *moved);
int kmemx_chunk_take(struct kmemx_chunk chunk, unsigned int order,
		     struct kmemx_moved *moved);
int kmemx_chunk_take_some(struct kmemx_chunk chunk, unsigned int order,
			  unsigned int nr, u64 *heads,
			  struct kmemx_moved *moved);
int kmemx_chunk_take_words(struct kmemx_chunk chunk, unsigned int order,
			   struct kmemx_change *change);
void kmemx_chunk_give_words(struct kmemx_chunk chunk, unsigned int frame, unsigned int order,
			    struct kmemx_change *change);
void kmemx_chunk_settle_words(struct kmemx_chunk chunk, unsigned int order,
			      const struct kmemx_change *change, struct kmemx_moved *moved);
void kmemx_chunk_settle_two(struct kmemx_chunk chunk, const struct kmemx_change *change,
			    struct kmemx_moved *moved);
bool kmemx_chunk_give(struct kmemx_chunk chunk, unsigned int frame,
		      unsigned int order, struct kmemx_moved *moved);
unsigned int kmemx_chunk_trim(struct kmemx_chunk chunk, unsigned int frame,
			      unsigned int order, unsigned int nr,
			      struct kmemx_moved *moved);
void kmemx_chunk_split(struct kmemx_chunk chunk, unsigned int order, unsigned int nr_blocks,
		       struct kmemx_moved *moved);
int kmemx_chunk_take_range(struct kmemx_chunk chunk, unsigned int first, unsigned int end,
			   unsigned int nr_blocks, struct kmemx_moved *moved);
bool kmemx_chunk_is_taken(struct kmemx_chunk chunk, unsigned int frame);
unsigned int kmemx_chunk_count(struct kmemx_chunk chunk,
			       unsigned int nr[KMEMX_NR_ORDERS]);
bool kmemx_chunk_check_ranks(struct kmemx_chunk chunk);

#endif /* KMEMX_BUDDY_CHUNK_H */
