// SPDX-License-Identifier: GPL-2.0
/*
 * The changes of a state word that are too rare to be inline; see state.h.
 */
#include "buddy/state.h"

/* @new, with the bin of @old, where no rank is another. */
static u64 reclass(u64 old, u64 new)
{
	u64 step;

	if (kmemx_state_same_class(old, new))
		return new;
	/* A chunk without a live block may be free as a whole: a larger block. */
	if (!kmemx_state_live(new) || kmemx_state_bin(old) == KMEMX_BIN_NONE)
		return kmemx_state_rebin(old, new);
	step = (u64)kmemx_state_class(old) - kmemx_state_class(new);
	return new + (step * KMEMX_NR_ORDERS << KMEMX_STATE_BIN_SHIFT);
}

/* @new, with the bin of @old, where a word has a block that it did not have. */
static u64 regrow(u64 old, u64 new, unsigned int rank)
{
	unsigned int bin = kmemx_state_bin(old), order = rank - 1;

	/* Words in a row may be more than each of them. */
	if (rank == KMEMX_RANK_FULL)
		order = kmemx_state_full_order(new);
	else if (bin != KMEMX_BIN_NONE && rank <= bin % KMEMX_NR_ORDERS + 1)
		return reclass(old, new);
	bin = (KMEMX_LIVE_CLASSES - 1 - kmemx_state_class(new)) * KMEMX_NR_ORDERS + order;
	return (new & ~KMEMX_STATE_BIN_MASK) | (u64)bin << KMEMX_STATE_BIN_SHIFT;
}

/**
 * kmemx_state_lower_slow() - note the bin where a word may have lost its largest block
 * @old: the state word as it is, its bin right
 * @new: what it is to be, with the bin of @old
 * @rank: what the word had
 *
 * Return: @new with its own bin.
 */
u64 kmemx_state_lower_slow(u64 old, u64 new, unsigned int rank)
{
	/* There are other words with more. */
	if (rank < KMEMX_RANK_FULL && rank <= kmemx_state_bin(old) % KMEMX_NR_ORDERS)
		return reclass(old, new);
	return kmemx_state_rebin(old, new);
}
KMEMX_EXPORT_FOR_TEST(kmemx_state_lower_slow);

/**
 * kmemx_state_raise_slow() - as kmemx_state_raise(), whatever changes
 * @old: the state word as it is, its bin right
 * @i: the word of the block
 * @word: its bits, the block's cleared
 * @bit: the first bit of the block
 * @order: its order, 0..6
 *
 * Return: the new state word, with its own bin.
 */
u64 kmemx_state_raise_slow(u64 old, unsigned int i, u64 word, unsigned int bit,
			   unsigned int order)
{
	u64 new = old + (1ULL << (order & 7)) - KMEMX_STATE_LIVE_ONE;
	unsigned int rank = kmemx_state_rank(old, i);

	if (rank > order) {
		if (rank >= KMEMX_RANK_FULL || word & kmemx_word_around(bit, rank))
			return reclass(old, new);
		/* As an order, its block is free, and larger than what the word had. */
		order = rank;
	}
	rank = 1 + kmemx_word_merge(word, bit, order);
	return regrow(old, kmemx_state_set_rank(new, i, rank), rank);
}
KMEMX_EXPORT_FOR_TEST(kmemx_state_raise_slow);

/**
 * kmemx_state_raise_some() - a state word after several blocks have come back
 * @old: the state word as it is, its bin right
 * @new: what it is to be, with the bin and the ranks of @old
 * @i: the word of the blocks
 * @rank: what that has now
 *
 * As kmemx_state_set_rank() and kmemx_state_rebin().
 *
 * Return: @new with that rank, and its own bin.
 */
u64 kmemx_state_raise_some(u64 old, u64 new, unsigned int i, unsigned int rank)
{
	unsigned int was = kmemx_state_rank(old, i);

	if (rank == was)
		return reclass(old, new);
	new = kmemx_state_set_rank(new, i, rank);
	/* Less than before only where somebody is in between. */
	return likely(rank > was) ? regrow(old, new, rank) : kmemx_state_rebin(old, new);
}
KMEMX_EXPORT_FOR_TEST(kmemx_state_raise_some);
