/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A word of bits: 64 neighbouring slots, a set bit is taken, a clear one free.
 *
 * Everything kmemx manages is this word in another place. These functions are
 * pure: values in, values out. A block of order k is 2^k neighbouring bits
 * whose first bit is a multiple of 2^k; two clear halves of a block are the
 * block, so nothing ever has to be merged.
 *
 * Locking: none, there is no state.
 */
#ifndef KMEMX_BUDDY_WORD_H
#define KMEMX_BUDDY_WORD_H

#include <kmemx/platform.h>

#define KMEMX_WORD_ORDER	6
#define KMEMX_WORD_BITS		64

/* The bits of a block of each order that starts at bit 0. Its users add to it, and mask what
 * they shift by, which costs nothing: some kernels check subscripts and shifts.
 */
extern const u64 kmemx_word_ones[KMEMX_WORD_ORDER + 1];

/**
 * kmemx_word_mask() - the bits of a block
 * @bit: first bit, 0..63, a multiple of 2^@order
 * @order: 0..6
 *
 * Return: a word with the 2^@order bits from @bit set.
 */
static inline u64 kmemx_word_mask(unsigned int bit, unsigned int order)
{
	return *(kmemx_word_ones + order) << (bit & 63);
}

/* The bits of the block of @order, 0..6, that @bit is in. */
static inline u64 kmemx_word_around(unsigned int bit, unsigned int order)
{
	return *(kmemx_word_ones + order) << (bit & 63 & ~0U << (order & 7));
}

/**
 * kmemx_word_range() - the bits of a run that need not be a block
 * @first: first bit, 0..63
 * @end: one past the last bit, @first + 1..64
 *
 * Return: a word with bits @first to @end - 1 set.
 */
static inline u64 kmemx_word_range(unsigned int first, unsigned int end)
{
	return (~0ULL << first) & (~0ULL >> (KMEMX_WORD_BITS - end));
}

/**
 * kmemx_word_spread() - the bits of several blocks
 * @heads: the first bit of each block
 * @order: 0..6, of all of them
 *
 * Return: a word with the 2^@order bits from each set bit of @heads set.
 */
static inline u64 kmemx_word_spread(u64 heads, unsigned int order)
{
	/* Each block is the difference of two powers of two; a shift by 64 is two. */
	return (heads << (((1U << (order & 7)) - 1) & 63) << 1) - heads;
}

/**
 * kmemx_word_merge() - the free block that a free block is part of
 * @word: the bits, set is taken
 * @bit: first bit of a block that is free
 * @order: 0..6, its order
 *
 * Return: the order of the maximal free block around it.
 */
static inline unsigned int kmemx_word_merge(u64 word, unsigned int bit, unsigned int order)
{
	if (!word)
		return KMEMX_WORD_ORDER;
	while (!(word & kmemx_word_around(bit, order + 1)))
		order++;
	return order;
}

/**
 * struct kmemx_picked - blocks of a word that are to be taken
 * @heads: the first bit of each; 0 if there are none
 * @nr: how many
 * @rank: 1 + the order of the largest free block that is left, or 0
 */
struct kmemx_picked {
	u64 heads;
	u32 nr;
	u32 rank;
};

u64 kmemx_word_free_heads(u64 word, unsigned int order);
int kmemx_word_find(u64 word, unsigned int order, unsigned int *fit);
struct kmemx_picked kmemx_word_pick(u64 word, unsigned int order, unsigned int nr);
int kmemx_word_max_order(u64 word);
void kmemx_word_count(u64 word, unsigned int nr[KMEMX_WORD_ORDER + 1]);

#endif /* KMEMX_BUDDY_WORD_H */
