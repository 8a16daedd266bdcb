// SPDX-License-Identifier: GPL-2.0
/*
 * Searching and counting in a word of bits; see word.h.
 *
 * The search folds the word: with f the free bits, f & (f >> 1) on even bits
 * is the free pairs, and the same step on pairs gives the free quads, and so
 * on. Six steps decide every order, whatever the word holds.
 */
#include "buddy/word.h"

const u64 kmemx_word_ones[KMEMX_WORD_ORDER + 1] = {
	0x1, 0x3, 0xf, 0xff, 0xffff, 0xffffffff, ~0ULL,
};
KMEMX_EXPORT_FOR_TEST(kmemx_word_ones);

/* heads[k]: the bits at which a block of order k may start. */
static const u64 heads[KMEMX_WORD_ORDER + 1] = {
	0xffffffffffffffffULL,
	0x5555555555555555ULL,
	0x1111111111111111ULL,
	0x0101010101010101ULL,
	0x0001000100010001ULL,
	0x0000000100000001ULL,
	0x0000000000000001ULL,
};

/* From the heads of the free blocks of @order, 0..5, to those of @order + 1. */
static __always_inline u64 fold(u64 free, unsigned int order)
{
	/* An addition, not a subscript, which some kernels check; so with the masks. */
	return free & (free >> (1U << (order & 7) & 63)) & *(heads + order + 1);
}

/* Without the halves of those of @order + 1, which are @larger. */
static __always_inline u64 unpaired(u64 free, u64 larger, unsigned int order)
{
	return free & ~(larger | larger << (1U << (order & 7) & 63));
}

/**
 * kmemx_word_free_heads() - where the free blocks of an order start
 * @word: the bits, set is taken
 * @order: 0..6
 *
 * Return: a word in which bit i is set if bits i to i + 2^@order - 1 are a
 * block and all clear in @word.
 */
u64 kmemx_word_free_heads(u64 word, unsigned int order)
{
	u64 free = ~word;
	unsigned int k;

	for (k = 0; k < order; k++)
		free = fold(free, k);
	return free;
}
KMEMX_EXPORT_FOR_TEST(kmemx_word_free_heads);

/**
 * kmemx_word_find() - best-fitting free block
 * @word: the bits, set is taken
 * @order: 0..6, the block wanted
 * @fit: set to the order of the maximal free block that the found one is part
 *	 of: @order for a perfect fit, larger if taking it breaks a larger block
 *
 * The block that breaks the smallest maximal block is chosen, the lowest of
 * equals, so that large blocks stay whole as long as smaller ones serve.
 *
 * Return: the first bit of the block, or -1 if the word has none.
 */
int kmemx_word_find(u64 word, unsigned int order, unsigned int *fit)
{
	u64 free = kmemx_word_free_heads(word, order);
	unsigned int k;

	if (!free)
		return -1;
	for (k = order; k < KMEMX_WORD_ORDER; k++) {
		u64 larger = fold(free, k);
		u64 exact = unpaired(free, larger, k);

		if (exact) {
			*fit = k;
			return (int)__ffs64(exact);
		}
		free = larger;
	}
	*fit = KMEMX_WORD_ORDER;
	return 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_word_find);

/**
 * struct pick - a choice of free blocks that is being made
 * @fitting: the first bit of each free block of the order that is wanted
 * @picked: of those chosen so far
 * @left: how many more are wanted
 */
struct pick {
	u64 fitting;
	u64 picked;
	unsigned int left;
};

/* Choose the lowest of @bits, of which there is one. Returns whether that is all. */
static __always_inline bool pick_lowest(struct pick *pick, u64 bits)
{
	u64 rest = bits;

	do {
		rest &= rest - 1;
		pick->left--;
	} while (rest && pick->left);
	pick->picked |= bits ^ rest;
	return !pick->left;
}

/*
 * Go on from the free blocks of order @k to those of @k + 1, choosing what is not part of the
 * latter. Returns whether that is all. Orders are constants, and so are shifts and masks.
 */
static __always_inline bool pick_level(struct pick *pick, u64 *free, unsigned int order,
				       unsigned int k)
{
	u64 larger = fold(*free, k), exact;

	if (k == order)
		pick->fitting = *free;
	if (k >= order) {
		exact = unpaired(*free, larger, k);
		/* From the first bits of blocks to all of theirs. */
		if (k > order)
			exact = pick->fitting & kmemx_word_spread(exact, k);
		if (exact && pick_lowest(pick, exact))
			return true;
	}
	*free = larger;
	return !larger;
}

/* The best-fitting blocks of a word that is not all free. @order is a constant. */
static __always_inline void pick_of(struct pick *pick, u64 word, unsigned int order)
{
	u64 free = ~word;

	/* So nothing in it is larger than half of it. */
	if (!pick_level(pick, &free, order, 0) && !pick_level(pick, &free, order, 1) &&
	    !pick_level(pick, &free, order, 2) && !pick_level(pick, &free, order, 3) &&
	    !pick_level(pick, &free, order, 4))
		pick_level(pick, &free, order, 5);
}

/* The same, each order in code of its own. */
static __always_inline void pick_fitting(struct pick *pick, u64 word, unsigned int order)
{
	if (order == 0)
		pick_of(pick, word, 0);
	else if (order == 2)
		pick_of(pick, word, 2);
	else if (order == 4)
		pick_of(pick, word, 4);
	else if (order == 1)
		pick_of(pick, word, 1);
	else if (order == 3)
		pick_of(pick, word, 3);
	else if (order == 5)
		pick_of(pick, word, 5);
}

static __always_inline int max_order(u64 word)
{
	u64 pairs, quads, eights, more;

	if (!word)
		return KMEMX_WORD_ORDER;
	if (!~word)
		return -1;
	/* fold() with constants, up to where the word would have to be all free. */
	pairs = ~word & (~word >> 1) & heads[1];
	quads = pairs & (pairs >> 2) & heads[2];
	eights = quads & (quads >> 4) & heads[3];
	if (!eights)
		return quads ? 2 : !!pairs;
	more = eights & (eights >> 8) & heads[4];
	if (!more)
		return 3;
	return more & (more >> 16) & heads[5] ? 5 : 4;
}

/* The first @nr blocks of a word that is all free. */
static __always_inline struct kmemx_picked first_blocks(unsigned int order, unsigned int nr)
{
	unsigned int end = nr << (order & 7);

	if (end >= KMEMX_WORD_BITS)
		return (struct kmemx_picked){
			.heads = *(heads + order),
			.nr = KMEMX_WORD_BITS >> (order & 7),
		};
	/* What is behind them begins with its smaller blocks. */
	return (struct kmemx_picked){
		.heads = *(heads + order) & (BIT_ULL(end & 63) - 1),
		.nr = nr,
		.rank = (u32)fls64(KMEMX_WORD_BITS - end),
	};
}

/**
 * kmemx_word_pick() - free blocks that break the least
 * @word: the bits, set is taken
 * @order: 0..6, of the blocks wanted
 * @nr: how many at most, 1..64
 *
 * Maximal free blocks of just that order first, then those that the smallest larger
 * ones are broken into, and so on.
 *
 * Return: see struct kmemx_picked.
 */
struct kmemx_picked kmemx_word_pick(u64 word, unsigned int order, unsigned int nr)
{
	struct pick pick = { .left = nr };

	/* Often so, and known without a look at the halves. */
	if (!word)
		return first_blocks(order, nr);
	pick_fitting(&pick, word, order);
	return (struct kmemx_picked){
		.heads = pick.picked,
		.nr = nr - pick.left,
		.rank = (u32)(1 + max_order(word | kmemx_word_spread(pick.picked, order))),
	};
}
KMEMX_EXPORT_FOR_TEST(kmemx_word_pick);

/**
 * kmemx_word_max_order() - the largest free block
 * @word: the bits, set is taken
 *
 * Return: its order, 0..6, or -1 if no bit is free.
 */
int kmemx_word_max_order(u64 word)
{
	return max_order(word);
}
KMEMX_EXPORT_FOR_TEST(kmemx_word_max_order);

/**
 * kmemx_word_count() - count the maximal free blocks of each order
 * @word: the bits, set is taken
 * @nr: nr[k] is increased by the free blocks of order k that are not part of a
 *	larger free block of this word
 */
void kmemx_word_count(u64 word, unsigned int nr[KMEMX_WORD_ORDER + 1])
{
	u64 free = ~word;
	unsigned int k;

	for (k = 0; k < KMEMX_WORD_ORDER; k++) {
		u64 larger = fold(free, k);

		nr[k] += hweight64(free) - 2 * hweight64(larger);
		free = larger;
	}
	nr[KMEMX_WORD_ORDER] += hweight64(free);
}
KMEMX_EXPORT_FOR_TEST(kmemx_word_count);
