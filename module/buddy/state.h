/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state word of a chunk: all that an allocation has to know to choose the
 * chunk, and the word in it, without looking at its map.
 *
 *   bits 0-9    frames that may still be reserved
 *   bits 10-19  live blocks
 *   bit 20      taken as one block
 *   bits 24-47  the rank of each of the eight words of the map: 1 + the order of
 *		 its largest free block, 0 if it has none. Sliced: three bytes,
 *		 the ranks' bits 0, 1 and 2, a bit per word, so that eight ranks are
 *		 compared by a few operations on bytes
 *   bits 48-53  the chunk's bin, which follows from live blocks and ranks
 *
 * Pure functions, values in, values out: who changes a state word, and when, is
 * in chunk.c.
 *
 * What is here also says which chunk goes first. A chunk is whole again when its
 * last live block is freed, and every live block is as likely to go next as any
 * other; so a new block belongs where most blocks are live, and into the smallest
 * hole that holds it. A bin is a class of live counts (16 and more, 8 to 15, 4 to
 * 7, 2 or 3, 1, none) and the order of the largest free block; bins are numbered
 * in the order in which they are to be used. The last is that of chunks that are free
 * and known to be zero: whatever is taken of one, it is in another bin by the same change
 * of its word, and nobody knows any more.
 *
 * The chunk whose last live block went last may be kept in the bin that it was in with that
 * block, KMEMX_STATE_EMPTIED: so blocks that come and go one at a time move no chunk from bin
 * to bin. It is one of a zone (zone.h), which who wants a whole chunk asks for it.
 */
#ifndef KMEMX_BUDDY_STATE_H
#define KMEMX_BUDDY_STATE_H

#include <kmemx/platform.h>
#include "buddy/word.h"

#define KMEMX_CHUNK_ORDER	9
#define KMEMX_CHUNK_FRAMES	512
#define KMEMX_CHUNK_WORDS	8
#define KMEMX_NR_ORDERS		(KMEMX_CHUNK_ORDER + 1)

#define KMEMX_STATE_FREE_MASK	0x3ffULL
#define KMEMX_STATE_LIVE_SHIFT	10
#define KMEMX_STATE_LIVE_ONE	BIT_ULL(KMEMX_STATE_LIVE_SHIFT)
#define KMEMX_STATE_LIVE_MASK	(0x3ffULL << KMEMX_STATE_LIVE_SHIFT)
#define KMEMX_STATE_WHOLE	BIT_ULL(20)
#define KMEMX_STATE_RANK_SHIFT	24
#define KMEMX_STATE_RANK_STEP	8
#define KMEMX_STATE_RANKS	(0xffffffULL << KMEMX_STATE_RANK_SHIFT)
#define KMEMX_STATE_RANK_OF_0	(0x010101ULL << KMEMX_STATE_RANK_SHIFT)

#define KMEMX_STATE_BIN_SHIFT	48
#define KMEMX_STATE_BIN_MASK	(0x3fULL << KMEMX_STATE_BIN_SHIFT)

/* A word all of whose frames are free. */
#define KMEMX_RANK_FULL		(KMEMX_WORD_ORDER + 1)

#define KMEMX_LIVE_CLASSES	6
/* A power of two of live blocks, from which on there is no other class. */
#define KMEMX_STATE_LIVE_MANY	(16 * KMEMX_STATE_LIVE_ONE)
/* From so many live blocks on a chunk is dense: it will not be whole soon. */
#define KMEMX_LIVE_DENSE	64
#define KMEMX_NR_BINS		(KMEMX_LIVE_CLASSES * KMEMX_NR_ORDERS + 1)
/* Of a chunk without a free frame. */
#define KMEMX_BIN_NONE		KMEMX_NR_BINS
/* Of a chunk that is free, and not known to be zero. */
#define KMEMX_BIN_ALL_FREE	(KMEMX_NR_BINS - 2)
/* Of one that is. */
#define KMEMX_BIN_ALL_ZERO	(KMEMX_NR_BINS - 1)
/* Of one that has one live block, and all other frames: the half that the block is not in. */
#define KMEMX_BIN_ONE_LIVE	((KMEMX_LIVE_CLASSES - 2) * KMEMX_NR_ORDERS + \
				 KMEMX_CHUNK_ORDER - 1)

/* All 512 frames are free, and nobody is in between. */
#define KMEMX_STATE_ALL_FREE	(KMEMX_CHUNK_FRAMES | KMEMX_STATE_RANKS | \
				 (u64)KMEMX_BIN_ALL_FREE << KMEMX_STATE_BIN_SHIFT)
/* The same, and they are known to be zero. */
#define KMEMX_STATE_ALL_ZERO	(KMEMX_CHUNK_FRAMES | KMEMX_STATE_RANKS | \
				 (u64)KMEMX_BIN_ALL_ZERO << KMEMX_STATE_BIN_SHIFT)
/* The same as KMEMX_STATE_ALL_FREE, and it is kept where its last block has left it. */
#define KMEMX_STATE_EMPTIED	(KMEMX_CHUNK_FRAMES | KMEMX_STATE_RANKS | \
				 (u64)KMEMX_BIN_ONE_LIVE << KMEMX_STATE_BIN_SHIFT)
/* Taken as one block. */
#define KMEMX_STATE_ALL_TAKEN	(KMEMX_STATE_WHOLE | KMEMX_STATE_LIVE_ONE | \
				 (u64)KMEMX_BIN_NONE << KMEMX_STATE_BIN_SHIFT)

static inline unsigned int kmemx_state_free(u64 state)
{
	return state & KMEMX_STATE_FREE_MASK;
}

static inline unsigned int kmemx_state_live(u64 state)
{
	return (state & KMEMX_STATE_LIVE_MASK) >> KMEMX_STATE_LIVE_SHIFT;
}

/* One of the three slices of the ranks, a bit per word. */
static inline unsigned int kmemx_state_slice(u64 state, unsigned int bit)
{
	return (u8)(state >> (KMEMX_STATE_RANK_SHIFT + bit * KMEMX_STATE_RANK_STEP));
}

/* The bits that hold the rank of word @i, which is masked: some kernels check shifts. */
static inline u64 kmemx_state_rank_mask(unsigned int i)
{
	return KMEMX_STATE_RANK_OF_0 << (i & 7);
}

/**
 * kmemx_state_set_rank() - change the rank of a word
 * @state: the state word
 * @i: which word, 0..7
 * @rank: 0..7
 *
 * Return: the new state word.
 */
static inline u64 kmemx_state_set_rank(u64 state, unsigned int i, unsigned int rank)
{
	/* A rank's three bits, seven more apart each: a multiplication is three shifts. */
	u64 bits = rank * 0x4081ULL & 0x010101;

	return (state & ~kmemx_state_rank_mask(i)) | bits << (KMEMX_STATE_RANK_SHIFT + (i & 7));
}

static inline unsigned int kmemx_state_rank(u64 state, unsigned int i)
{
	u64 bits = state >> (KMEMX_STATE_RANK_SHIFT + (i & 7)) & 0x010101;

	/* Bits 0, 8 and 16, each to its place above bit 16. */
	return bits * 0x10204 >> 16 & 7;
}

/* The words all of whose frames are free, a bit per word. */
static inline unsigned int kmemx_state_full_words(u64 state)
{
	return kmemx_state_slice(state, 0) & kmemx_state_slice(state, 1) &
		kmemx_state_slice(state, 2);
}

/**
 * kmemx_state_pairs() - aligned pairs in a row of words
 * @words: a bit per word
 *
 * Return: the first word of each pair whose two bits are set.
 */
static inline unsigned int kmemx_state_pairs(unsigned int words)
{
	return words & (words >> 1) & 0x55;
}

/* As kmemx_state_pairs(), for four words. */
static inline unsigned int kmemx_state_quads(unsigned int words)
{
	unsigned int pairs = kmemx_state_pairs(words);

	return pairs & (pairs >> 2) & 0x11;
}

/* Those of @words that are wanted, if there are any. */
static __always_inline unsigned int kmemx_state_prefer(unsigned int words, unsigned int wanted)
{
	unsigned int both = words & wanted;

	return both ? both : words;
}

/* The words that have a block of @order, 0..6, a bit per word. */
static __always_inline unsigned int kmemx_state_words_for(u64 state, unsigned int order)
{
	unsigned int s0 = kmemx_state_slice(state, 0);
	unsigned int s1 = kmemx_state_slice(state, 1);
	unsigned int s2 = kmemx_state_slice(state, 2);
	unsigned int rank = order + 1, left;

	/* Those of that rank or more: bit by bit from the lowest, the higher one decides. */
	left = rank & 1 ? s0 : 0xff;
	left = rank & 2 ? left & s1 : left | s1;
	return rank & 4 ? left & s2 : left | s2;
}

/**
 * kmemx_state_fit() - the word whose largest free block is the smallest that will do
 * @state: the state word
 * @order: 0..6, the block wanted
 *
 * Return: the lowest such word, 0..7, or -1 if there is none.
 */
static inline int kmemx_state_fit(u64 state, unsigned int order)
{
	unsigned int left = kmemx_state_words_for(state, order);

	if (unlikely(!left))
		return -1;
	/* The smallest rank among them. */
	left = kmemx_state_prefer(left, ~kmemx_state_slice(state, 2));
	left = kmemx_state_prefer(left, ~kmemx_state_slice(state, 1));
	left = kmemx_state_prefer(left, ~kmemx_state_slice(state, 0));
	return (int)__ffs64(left);
}

/**
 * kmemx_state_fit_two() - two words that are free as a whole, to be broken together
 * @state: the state word
 * @order: 0..6, of the blocks wanted
 *
 * Return: the lowest two, a bit per word; 0 if there are none, or a word that is not all free
 * will do.
 */
static __always_inline unsigned int kmemx_state_fit_two(u64 state, unsigned int order)
{
	unsigned int full = kmemx_state_full_words(state);
	unsigned int rest = full & (full - 1);

	if (!rest || full != kmemx_state_words_for(state, order))
		return 0;
	return full ^ (rest & (rest - 1));
}

/* The largest rank of the eight words: of those left, who has the next lower bit? */
static inline unsigned int kmemx_state_max_rank(u64 state)
{
	unsigned int s0 = kmemx_state_slice(state, 0);
	unsigned int s1 = kmemx_state_slice(state, 1);
	unsigned int s2 = kmemx_state_slice(state, 2);
	unsigned int left = kmemx_state_prefer(kmemx_state_prefer(s2, s1), s0);

	/* None, where all have rank 0: then no slice has a bit of it either. */
	if (!s2)
		left = kmemx_state_prefer(kmemx_state_prefer(0xff, s1), s0);
	return (left & s2 ? 4 : 0) + (left & s1 ? 2 : 0) + (left & s0 ? 1 : 0);
}

/* The largest block of a chunk some of whose words are free as a whole. */
static inline unsigned int kmemx_state_full_order(u64 state)
{
	unsigned int full = kmemx_state_full_words(state);

	if (kmemx_state_free(state) == KMEMX_CHUNK_FRAMES && full == 0xff)
		return KMEMX_CHUNK_ORDER;
	if (kmemx_state_quads(full))
		return 8;
	return kmemx_state_pairs(full) ? 7 : 6;
}

/**
 * kmemx_state_max_order() - the largest block that could be taken
 * @state: the state word
 *
 * Return: its order, 0..9, or -1 if there is no free frame.
 */
static inline int kmemx_state_max_order(u64 state)
{
	unsigned int rank = kmemx_state_max_rank(state);

	return rank < KMEMX_RANK_FULL ? (int)rank - 1 : (int)kmemx_state_full_order(state);
}

/* 0: none, 1: one, 2: 2 or 3, 3: 4 to 7, 4: 8 to 15, 5: more. */
static inline unsigned int kmemx_state_class(u64 state)
{
	return min_t(unsigned int, fls64(kmemx_state_live(state)), KMEMX_LIVE_CLASSES - 1);
}

/**
 * kmemx_state_find_bin() - which bin does a chunk belong to?
 * @state: its state word, but for the bin in it
 *
 * Return: 0..KMEMX_BIN_ALL_FREE, the lower the sooner the chunk is to be used, or
 * KMEMX_BIN_NONE.
 */
static inline unsigned int kmemx_state_find_bin(u64 state)
{
	int order = kmemx_state_max_order(state);

	if (order < 0)
		return KMEMX_BIN_NONE;
	return (KMEMX_LIVE_CLASSES - 1 - kmemx_state_class(state)) * KMEMX_NR_ORDERS +
		(unsigned int)order;
}

/* The bin of a chunk of the class of @state whose largest free block is of @order. */
static inline u64 kmemx_state_put_bin(u64 state, unsigned int order)
{
	u64 bin = (KMEMX_LIVE_CLASSES - 1 - kmemx_state_class(state)) * KMEMX_NR_ORDERS + order;

	return (state & ~KMEMX_STATE_BIN_MASK) | bin << KMEMX_STATE_BIN_SHIFT;
}

/* The bin that is noted in a state word. */
static inline unsigned int kmemx_state_bin(u64 state)
{
	return (unsigned int)((state & KMEMX_STATE_BIN_MASK) >> KMEMX_STATE_BIN_SHIFT);
}

/* Are all chunks of a bin free as a whole? */
static __always_inline bool kmemx_bin_is_whole(unsigned int bin)
{
	return bin - KMEMX_BIN_ALL_FREE <= KMEMX_BIN_ALL_ZERO - KMEMX_BIN_ALL_FREE;
}

/* Whether both states are of one class of live counts. */
static __always_inline bool kmemx_state_same_class(u64 old, u64 new)
{
	/* Many before and after: often so, and soon known. */
	if (likely((old & new & KMEMX_STATE_LIVE_MASK) >= KMEMX_STATE_LIVE_MANY))
		return true;
	return kmemx_state_class(old) == kmemx_state_class(new);
}

/* Does a chunk leave its class when one of its live blocks goes? */
static __always_inline bool kmemx_state_ends_class(u64 state)
{
	unsigned int live = kmemx_state_live(state);

	/* The least of each class, none of which is more than 16. */
	return live <= 16 && BIT(live) & (BIT(1) | BIT(2) | BIT(4) | BIT(8) | BIT(16));
}

/**
 * kmemx_state_rebin() - note the bin in a new state word
 * @old: the state word as it is, its bin right
 * @new: what it is to be, with the bin of @old
 *
 * Return: @new with its own bin.
 */
static inline u64 kmemx_state_rebin(u64 old, u64 new)
{
	if (!((old ^ new) & KMEMX_STATE_RANKS) && kmemx_state_same_class(old, new))
		return new;
	return (new & ~KMEMX_STATE_BIN_MASK) |
		(u64)kmemx_state_find_bin(new) << KMEMX_STATE_BIN_SHIFT;
}

u64 kmemx_state_lower_slow(u64 old, u64 new, unsigned int rank);

/**
 * kmemx_state_lower() - a state word after blocks are taken
 * @old: the state word as it is, its bin right
 * @delta: what to take off the counts
 * @i: the word of the blocks
 * @rank: the rank that it is going to have
 *
 * As kmemx_state_set_rank() and kmemx_state_rebin().
 *
 * Return: the new state word, with its own bin.
 */
static __always_inline u64 kmemx_state_lower(u64 old, u64 delta, unsigned int i,
					     unsigned int rank)
{
	u64 new = old - delta;

	if (likely(rank == kmemx_state_rank(old, i) &&
		   (old & new & KMEMX_STATE_LIVE_MASK) >= KMEMX_STATE_LIVE_MANY))
		return new;
	return kmemx_state_lower_slow(old, kmemx_state_set_rank(new, i, rank),
				      max(rank, kmemx_state_rank(old, i)));
}

/* The order of the largest free block of a bin's chunks; less than 0 for KMEMX_BIN_NONE. */
extern const s8 kmemx_bin_order[KMEMX_NR_BINS + 1];

/**
 * kmemx_state_keeps_bin() - does nothing but the counts change when a block comes back?
 * @old: the state word as it is
 * @i: the word of the block
 * @word: its bits, the block's cleared
 * @bit: the first bit of the block
 * @order: its order, 0..6
 *
 * Most blocks that come back do not make one that is larger than all in their word, which
 * one look at the bits around them tells, and leave many live ones.
 *
 * Return: whether kmemx_state_raise() would leave ranks and bin as they are.
 */
static __always_inline bool kmemx_state_keeps_bin(u64 old, unsigned int i, u64 word,
						  unsigned int bit, unsigned int order)
{
	unsigned int rank = kmemx_state_rank(old, i);

	/* As an order, a rank is the smallest that the word has no block of. */
	return rank > order && rank < KMEMX_RANK_FULL && word & kmemx_word_around(bit, rank) &&
		!kmemx_state_ends_class(old);
}

/*
 * The rank that a word comes to by a block that has come back, see kmemx_state_raise(), if it had
 * @rank; 0 if it keeps that.
 */
static __always_inline unsigned int kmemx_state_grown(unsigned int rank, u64 word,
						      unsigned int bit, unsigned int order)
{
	/* Four blocks a word: few questions, and no table. */
	if (__builtin_constant_p(order) && order == KMEMX_WORD_ORDER - 2) {
		unsigned int grown = KMEMX_RANK_FULL - !!word -
			!!(word & 0xffffffffULL << (bit & 32));

		return grown > rank ? grown : 0;
	}
	/* As an order, the rank is one that the block is part of. */
	if (rank <= order ||
	    (rank < KMEMX_RANK_FULL && !(word & kmemx_word_around(bit, rank))))
		return 1 + kmemx_word_merge(word, bit, max(rank, order));
	return 0;
}

/**
 * kmemx_state_raise() - a state word after a block has come back
 * @old: the state word as it is, its bin right
 * @i: the word of the block
 * @word: its bits, the block's cleared
 * @bit: the first bit of the block
 * @order: its order, 0..6
 *
 * As kmemx_state_set_rank() and kmemx_state_rebin(), with the rank that the word has, or
 * that of the block with its free buddies, whichever is more.
 *
 * Return: the new state word, with its own bin.
 */
static __always_inline u64 kmemx_state_raise(u64 old, unsigned int i, u64 word,
					     unsigned int bit, unsigned int order)
{
	u64 new = old + (1ULL << (order & 7)) - KMEMX_STATE_LIVE_ONE;
	unsigned int rank = kmemx_state_grown(kmemx_state_rank(old, i), word, bit, order);
	unsigned int up = 0;

	if (rank) {
		int was = *(kmemx_bin_order + kmemx_state_bin(old));

		new = kmemx_state_set_rank(new, i, rank);
		/* Words in a row may be more than each of them. */
		order = rank < KMEMX_RANK_FULL ? rank - 1 : kmemx_state_full_order(new);
		if (unlikely(was < 0))
			return kmemx_state_put_bin(new, order);
		/* The bins of a class follow each other by order. */
		up = max_t(int, order, was) - was;
	} else if (unlikely(!kmemx_state_live(new))) {
		/* It may be free as a whole: a larger block than any word has. */
		return kmemx_state_rebin(old, new);
	}
	/* Behind them those of the next class. */
	if (unlikely(kmemx_state_ends_class(old)))
		up += KMEMX_NR_ORDERS;
	return new + ((u64)up << KMEMX_STATE_BIN_SHIFT);
}

u64 kmemx_state_raise_some(u64 old, u64 new, unsigned int i, unsigned int rank);

#endif /* KMEMX_BUDDY_STATE_H */
