// SPDX-License-Identifier: GPL-2.0
/*
 * The word of bits against a reading of it that looks at every bit.
 */
#include "buddy/word.h"
#include "random.h"

#define NR_RANDOM	2000

static bool naive_is_free(u64 word, unsigned int bit, unsigned int order)
{
	unsigned int i;

	for (i = bit; i < bit + (1U << order); i++)
		if (word & BIT_ULL(i))
			return false;
	return true;
}

static u64 naive_heads(u64 word, unsigned int order)
{
	unsigned int bit;
	u64 heads = 0;

	for (bit = 0; bit < KMEMX_WORD_BITS; bit += 1U << order)
		if (naive_is_free(word, bit, order))
			heads |= BIT_ULL(bit);
	return heads;
}

/* The order of the largest free block that holds a free bit. */
static unsigned int naive_fit(u64 word, unsigned int bit)
{
	unsigned int order = 0;

	while (order < KMEMX_WORD_ORDER &&
	       naive_is_free(word, round_down(bit, 2U << order), order + 1))
		order++;
	return order;
}

static int naive_find(u64 word, unsigned int order, unsigned int *fit)
{
	int best = -1;
	unsigned int bit;

	*fit = KMEMX_WORD_ORDER + 1;
	for (bit = 0; bit < KMEMX_WORD_BITS; bit += 1U << order) {
		if (!naive_is_free(word, bit, order) || naive_fit(word, bit) >= *fit)
			continue;
		*fit = naive_fit(word, bit);
		best = (int)bit;
	}
	return best;
}

/* One block that is picked is the best-fitting one, and what is left is as it says. */
static void compare_picked(struct kunit *test, u64 word, unsigned int order, int found)
{
	struct kmemx_picked picked = kmemx_word_pick(word, order, 1);
	u64 taken = word;

	KUNIT_ASSERT_EQ(test, picked.heads, found < 0 ? 0 : BIT_ULL(found));
	KUNIT_ASSERT_EQ(test, picked.nr, found >= 0);
	if (found >= 0)
		taken |= kmemx_word_mask((unsigned int)found, order);
	KUNIT_ASSERT_EQ(test, (int)picked.rank, 1 + kmemx_word_max_order(taken));
}

/* Several that are picked at once are those that would be one after the other. */
static void compare_several(struct kunit *test, u64 word, unsigned int order, unsigned int nr)
{
	struct kmemx_picked picked = kmemx_word_pick(word, order, nr);
	u64 taken = word, one_by_one = 0;
	unsigned int fit;

	while (nr--) {
		int found = kmemx_word_find(taken, order, &fit);

		if (found < 0)
			break;
		one_by_one |= BIT_ULL(found);
		taken |= kmemx_word_mask((unsigned int)found, order);
	}
	KUNIT_ASSERT_EQ(test, picked.heads, one_by_one);
	KUNIT_ASSERT_EQ(test, picked.nr, (unsigned int)hweight64(one_by_one));
	KUNIT_ASSERT_EQ(test, (int)picked.rank, 1 + kmemx_word_max_order(taken));
}

static void compare(struct kunit *test, u64 word)
{
	unsigned int nr[KMEMX_WORD_ORDER + 1] = { 0 };
	unsigned int order, frames = 0;
	int max_order = -1;

	for (order = 0; order <= KMEMX_WORD_ORDER; order++) {
		unsigned int fit = 0, naive = 0;
		int found = kmemx_word_find(word, order, &fit);

		KUNIT_ASSERT_EQ(test, kmemx_word_free_heads(word, order), naive_heads(word, order));
		KUNIT_ASSERT_EQ(test, found, naive_find(word, order, &naive));
		compare_picked(test, word, order, found);
		compare_several(test, word, order, 3);
		compare_several(test, word, order, 8);
		if (found >= 0) {
			KUNIT_ASSERT_EQ(test, fit, naive);
			max_order = (int)order;
		}
	}
	KUNIT_ASSERT_EQ(test, kmemx_word_max_order(word), max_order);
	kmemx_word_count(word, nr);
	for (order = 0; order <= KMEMX_WORD_ORDER; order++)
		frames += nr[order] << order;
	KUNIT_ASSERT_EQ(test, frames, (unsigned int)hweight64(~word));
}

static void word_masks_cover_their_blocks(struct kunit *test)
{
	unsigned int order, bit, i;

	for (order = 0; order <= KMEMX_WORD_ORDER; order++) {
		for (bit = 0; bit < KMEMX_WORD_BITS; bit += 1U << order) {
			u64 mask = 0;

			for (i = 0; i < 1U << order; i++)
				mask |= BIT_ULL(bit + i);
			KUNIT_ASSERT_EQ(test, kmemx_word_mask(bit, order), mask);
			KUNIT_ASSERT_EQ(test, kmemx_word_range(bit, bit + (1U << order)), mask);
		}
	}
	KUNIT_EXPECT_EQ(test, kmemx_word_range(3, 7), 0x78ULL);
	KUNIT_EXPECT_EQ(test, kmemx_word_range(0, 64), ~0ULL);
	KUNIT_EXPECT_EQ(test, kmemx_word_range(63, 64), 1ULL << 63);
}

/* Every pattern of eight bits, at each end of a word that is full or empty. */
static void word_every_small_pattern(struct kunit *test)
{
	u64 pattern;

	for (pattern = 0; pattern < 256; pattern++) {
		compare(test, pattern);
		compare(test, ~0ULL << 8 | pattern);
		compare(test, pattern << 56);
		compare(test, pattern << 56 | ~0ULL >> 8);
		compare(test, pattern << 28);
	}
}

static void word_random_patterns(struct kunit *test)
{
	struct rnd rnd = rnd_start(test);
	unsigned int i;

	for (i = 0; i < NR_RANDOM; i++) {
		u64 a = rnd_next64(&rnd), b = rnd_next64(&rnd), c = rnd_next64(&rnd);

		compare(test, a);
		compare(test, a & b & c);
		compare(test, a | b | c);
	}
}

static void word_find_breaks_the_smallest_block(struct kunit *test)
{
	unsigned int fit;

	/* Free: a block of 8 at 0, one of 4 at 16, a single one at 33. */
	u64 word = ~(0xffULL | 0xfULL << 16 | 1ULL << 33);

	KUNIT_EXPECT_EQ(test, kmemx_word_find(word, 0, &fit), 33);
	KUNIT_EXPECT_EQ(test, fit, 0U);
	KUNIT_EXPECT_EQ(test, kmemx_word_find(word, 1, &fit), 16);
	KUNIT_EXPECT_EQ(test, fit, 2U);
	KUNIT_EXPECT_EQ(test, kmemx_word_find(word, 3, &fit), 0);
	KUNIT_EXPECT_EQ(test, fit, 3U);
	KUNIT_EXPECT_EQ(test, kmemx_word_find(word, 4, &fit), -1);
}

static struct kunit_case word_cases[] = {
	KUNIT_CASE(word_masks_cover_their_blocks),
	KUNIT_CASE(word_every_small_pattern),
	KUNIT_CASE(word_random_patterns),
	KUNIT_CASE(word_find_breaks_the_smallest_block),
	{}
};

static struct kunit_suite word_suite = {
	.name = "kmemx_word",
	.test_cases = word_cases,
};

kunit_test_suites(&word_suite);
