// SPDX-License-Identifier: GPL-2.0
/*
 * The changes of a state word that are too rare to be inline; see state.h.
 */
#include "buddy/state.h"

const s8 kmemx_bin_order[KMEMX_NR_BINS + 1] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
	KMEMX_CHUNK_ORDER, -1,
};
KMEMX_EXPORT_FOR_TEST(kmemx_bin_order);

/* The order of the largest block of a state word; its bin is right. */
static __always_inline int order_of(u64 state)
{
	return *(kmemx_bin_order + kmemx_state_bin(state));
}

/* @new, with the bin of @old, where no rank is another. */
static __always_inline u64 reclass(u64 old, u64 new)
{
	if (kmemx_state_same_class(old, new))
		return new;
	/* A chunk without a live block may be free as a whole: a larger block. */
	if (!kmemx_state_live(new) || order_of(old) < 0)
		return kmemx_state_rebin(old, new);
	return kmemx_state_put_bin(new, (unsigned int)order_of(old));
}

/**
 * kmemx_state_lower_slow() - note the bin where a word may have lost its largest block
 * @old: the state word as it is, its bin right
 * @new: what it is to be, with the bin of @old
 * @rank: what the word had, or is going to have, if that is more
 *
 * Return: @new with its own bin.
 */
u64 kmemx_state_lower_slow(u64 old, u64 new, unsigned int rank)
{
	/* There are other words with more. */
	if (rank < KMEMX_RANK_FULL && (int)rank <= order_of(old))
		return reclass(old, new);
	return kmemx_state_rebin(old, new);
}
KMEMX_EXPORT_FOR_TEST(kmemx_state_lower_slow);

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
	unsigned int was = kmemx_state_rank(old, i), order = rank - 1;

	if (rank == was)
		return reclass(old, new);
	new = kmemx_state_set_rank(new, i, rank);
	/* Less than before only where somebody is in between. */
	if (unlikely(rank < was))
		return kmemx_state_rebin(old, new);
	/* Words in a row may be more than each of them. */
	if (rank == KMEMX_RANK_FULL)
		order = kmemx_state_full_order(new);
	return (int)order > order_of(old) ? kmemx_state_put_bin(new, order) : reclass(old, new);
}
KMEMX_EXPORT_FOR_TEST(kmemx_state_raise_some);
