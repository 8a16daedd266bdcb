// SPDX-License-Identifier: GPL-2.0
/*
 * The summary against an array of bytes.
 */
#include "buddy/summary.h"
#include "random.h"
#include "threads.h"

/* Up to 16384 leaves there are two levels, up to 1048576 three. */
static const unsigned int sizes[] = {
	1, 2, 63, 64, 65, 4095, 4096, 4097, 8192, 8193, 16383, 16384, 16385, 300000,
};

struct fixture {
	struct kmemx_summary sum;
	void *mem;
	u8 *leaf;
};

static void summary_fixture_make(struct kunit *test, struct fixture *fx, unsigned int nr)
{
	fx->mem = vzalloc(kmemx_summary_bytes(nr));
	fx->leaf = vzalloc(nr);
	KUNIT_ASSERT_NOT_NULL(test, fx->mem);
	KUNIT_ASSERT_NOT_NULL(test, fx->leaf);
	kmemx_summary_init(&fx->sum, fx->mem, nr);
}

static void summary_fixture_free(struct fixture *fx)
{
	vfree(fx->mem);
	vfree(fx->leaf);
}

static long naive_find(const struct fixture *fx, unsigned int from)
{
	for (; from < fx->sum.nr_leaves; from++)
		if (fx->leaf[from])
			return from;
	return -1;
}

static void summary_has_as_few_levels_as_will_do(struct kunit *test)
{
	static const struct {
		unsigned int nr, nr_levels;
	} as[] = {
		{ 1, 2 }, { 64, 2 }, { 65, 2 }, { 512, 2 }, { 513, 2 }, { 4096, 2 }, { 4097, 2 },
		{ 16384, 2 }, { 16385, 3 }, { 32768, 3 }, { 32769, 3 },
		{ 1048576, 3 }, { 1048577, 4 },
	};
	struct fixture fx;
	unsigned int i, nr_top;

	for (i = 0; i < ARRAY_SIZE(as); i++) {
		summary_fixture_make(test, &fx, as[i].nr);
		KUNIT_EXPECT_EQ(test, fx.sum.nr_levels, as[i].nr_levels);
		nr_top = fx.sum.nr_top > 1 ? KMEMX_SUMMARY_TOP : 1;
		KUNIT_EXPECT_TRUE(test, (u8 *)(fx.sum.top + nr_top) ==
				  (u8 *)fx.mem + kmemx_summary_bytes(as[i].nr));
		KUNIT_EXPECT_EQ(test, kmemx_summary_is_flat(&fx.sum), as[i].nr_levels == 2);
		summary_fixture_free(&fx);
	}
}

static void summary_empty_finds_nothing(struct kunit *test)
{
	struct fixture fx;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		summary_fixture_make(test, &fx, sizes[i]);
		KUNIT_EXPECT_EQ(test, kmemx_summary_find(&fx.sum, 0), -1L);
		KUNIT_EXPECT_EQ(test, kmemx_summary_find(&fx.sum, sizes[i]), -1L);
		KUNIT_EXPECT_EQ(test, kmemx_summary_first(&fx.sum), -1L);
		KUNIT_EXPECT_TRUE(test, kmemx_summary_is_empty(&fx.sum));
		summary_fixture_free(&fx);
	}
}

static void summary_single_leaf_is_found_from_everywhere(struct kunit *test)
{
	struct fixture fx;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned int leaf = sizes[i] - 1;

		summary_fixture_make(test, &fx, sizes[i]);
		kmemx_summary_set(&fx.sum, leaf);
		KUNIT_EXPECT_EQ(test, kmemx_summary_find(&fx.sum, 0), (long)leaf);
		KUNIT_EXPECT_EQ(test, kmemx_summary_find(&fx.sum, leaf / 2), (long)leaf);
		KUNIT_EXPECT_EQ(test, kmemx_summary_find(&fx.sum, leaf), (long)leaf);
		KUNIT_EXPECT_EQ(test, kmemx_summary_find(&fx.sum, leaf + 1), -1L);
		KUNIT_EXPECT_EQ(test, kmemx_summary_first(&fx.sum), (long)leaf);
		KUNIT_EXPECT_FALSE(test, kmemx_summary_is_empty(&fx.sum));
		KUNIT_EXPECT_FALSE(test, kmemx_summary_has_other(&fx.sum, leaf));
		if (leaf)
			KUNIT_EXPECT_TRUE(test, kmemx_summary_has_other(&fx.sum, 0));
		KUNIT_EXPECT_TRUE(test, kmemx_summary_check(&fx.sum));
		kmemx_summary_clear(&fx.sum, leaf);
		KUNIT_EXPECT_TRUE(test, kmemx_summary_is_empty(&fx.sum));
		KUNIT_EXPECT_EQ(test, kmemx_summary_find(&fx.sum, 0), -1L);
		summary_fixture_free(&fx);
	}
}

/* One leaf below each, and then one less each time. */
static void summary_looks_at_each_word_of_the_top(struct kunit *test)
{
	const unsigned int below = KMEMX_SUMMARY_FANOUT * KMEMX_SUMMARY_FANOUT;
	struct fixture fx;
	unsigned int i;

	summary_fixture_make(test, &fx, KMEMX_SUMMARY_TOP * below);
	KUNIT_ASSERT_TRUE(test, kmemx_summary_is_flat(&fx.sum));
	for (i = 0; i < KMEMX_SUMMARY_TOP; i++)
		kmemx_summary_set(&fx.sum, i * below + 100 * i);
	for (i = 0; i < KMEMX_SUMMARY_TOP; i++) {
		long leaf = i * below + 100 * i;

		KUNIT_EXPECT_FALSE(test, kmemx_summary_is_empty(&fx.sum));
		KUNIT_EXPECT_EQ(test, kmemx_summary_lowest(&fx.sum), leaf);
		KUNIT_EXPECT_EQ(test, kmemx_summary_first(&fx.sum), leaf);
		KUNIT_EXPECT_EQ(test, kmemx_summary_find(&fx.sum, 0), leaf);
		KUNIT_EXPECT_EQ(test, kmemx_summary_has_other(&fx.sum, leaf),
				i < KMEMX_SUMMARY_TOP - 1);
		kmemx_summary_clear(&fx.sum, leaf);
	}
	KUNIT_EXPECT_TRUE(test, kmemx_summary_is_empty(&fx.sum));
	KUNIT_EXPECT_EQ(test, kmemx_summary_lowest(&fx.sum), -1L);
	summary_fixture_free(&fx);
}

static bool naive_has_other(const struct fixture *fx, unsigned int leaf)
{
	long first = naive_find(fx, 0);

	return first >= 0 && (first != leaf || naive_find(fx, leaf + 1) >= 0);
}

static void walk(struct kunit *test, struct fixture *fx, struct rnd *rnd)
{
	unsigned int nr = fx->sum.nr_leaves;
	unsigned int step;

	for (step = 0; step < 3000; step++) {
		unsigned int leaf = rnd_below(rnd, nr);

		if (rnd_below(rnd, 3)) {
			kmemx_summary_clear(&fx->sum, leaf);
			fx->leaf[leaf] = 0;
		} else {
			kmemx_summary_set(&fx->sum, leaf);
			fx->leaf[leaf] = 1;
		}
		leaf = rnd_below(rnd, nr + 1);
		if (leaf < nr)
			KUNIT_ASSERT_EQ(test, kmemx_summary_test(&fx->sum, leaf),
					(bool)fx->leaf[leaf]);
		if (nr >= 10000 && step % 64)
			continue;
		KUNIT_ASSERT_EQ(test, kmemx_summary_find(&fx->sum, leaf), naive_find(fx, leaf));
		KUNIT_ASSERT_EQ(test, kmemx_summary_has_other(&fx->sum, leaf),
				naive_has_other(fx, leaf));
	}
	KUNIT_EXPECT_TRUE(test, kmemx_summary_check(&fx->sum));
}

static void summary_random_walk(struct kunit *test)
{
	struct rnd rnd = rnd_start(test);
	struct fixture fx;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		summary_fixture_make(test, &fx, sizes[i]);
		walk(test, &fx, &rnd);
		summary_fixture_free(&fx);
	}
}

/* Upper bits set without cause, as a race may leave them. */
static void summary_stale_bits_are_put_right(struct kunit *test)
{
	struct fixture fx;

	summary_fixture_make(test, &fx, 300000);
	kmemx_summary_set(&fx.sum, 299999);
	atomic64_fetch_or(0x7, &fx.sum.level[1][0]);
	atomic64_fetch_or(0x3, &fx.sum.top[0]);
	KUNIT_EXPECT_EQ(test, kmemx_summary_find(&fx.sum, 0), 299999L);
	/* Bit 0 leads to where the search began, so nobody met it. */
	KUNIT_EXPECT_EQ(test, atomic64_read(&fx.sum.level[1][0]) & 0x6, 0LL);
	KUNIT_EXPECT_EQ(test, atomic64_read(&fx.sum.top[0]) & 0x2, 0LL);
	KUNIT_EXPECT_TRUE(test, kmemx_summary_check(&fx.sum));
	summary_fixture_free(&fx);
}

static void summary_stale_bits_of_a_flat_one_are_put_right(struct kunit *test)
{
	struct fixture fx;

	summary_fixture_make(test, &fx, 16384);
	kmemx_summary_set(&fx.sum, 16383);
	atomic64_fetch_or(0x6, &fx.sum.top[0]);
	atomic64_fetch_or(0x1, &fx.sum.top[2]);
	KUNIT_EXPECT_EQ(test, kmemx_summary_lowest(&fx.sum), -1L);
	KUNIT_EXPECT_EQ(test, kmemx_summary_first(&fx.sum), 16383L);
	KUNIT_EXPECT_EQ(test, kmemx_summary_lowest(&fx.sum), 16383L);
	kmemx_summary_clear(&fx.sum, 16383);
	KUNIT_EXPECT_TRUE(test, kmemx_summary_is_empty(&fx.sum));
	summary_fixture_free(&fx);
}

/* A bit that is missing, as it is for a moment. */
static void summary_mends_what_is_above_a_word(struct kunit *test)
{
	static const unsigned int nr[] = { 16384, 300000, 2000000 };
	unsigned int i, level;
	struct fixture fx;

	for (i = 0; i < ARRAY_SIZE(nr); i++) {
		summary_fixture_make(test, &fx, nr[i]);
		kmemx_summary_set(&fx.sum, nr[i] - 1);
		KUNIT_EXPECT_TRUE(test, kmemx_summary_check(&fx.sum));
		for (level = 1; level < fx.sum.nr_levels; level++) {
			unsigned int index = (nr[i] - 1) >> (6 * level);

			atomic64_set(&fx.sum.level[level][index / 64], 0);
			KUNIT_EXPECT_FALSE(test, kmemx_summary_check(&fx.sum));
			kmemx_summary_mend(&fx.sum, nr[i] - 1);
			KUNIT_EXPECT_TRUE(test, kmemx_summary_check(&fx.sum));
			KUNIT_EXPECT_EQ(test, kmemx_summary_first(&fx.sum), (long)nr[i] - 1);
		}
		summary_fixture_free(&fx);
	}
}

/* Each thread owns the leaves that are its number modulo TEST_THREADS. */
static void toggle(void *arg, unsigned int i)
{
	struct fixture *fx = arg;
	struct rnd rnd = { .state = TEST_SEED + i };
	unsigned int step;

	for (step = 0; step < 50000; step++) {
		unsigned int leaf = rnd_below(&rnd, fx->sum.nr_leaves / TEST_THREADS) *
			TEST_THREADS + i;

		fx->leaf[leaf] = !fx->leaf[leaf];
		if (fx->leaf[leaf])
			kmemx_summary_set(&fx->sum, leaf);
		else
			kmemx_summary_clear(&fx->sum, leaf);
		kmemx_summary_find(&fx->sum, leaf);
		if (!(step % 1024))
			test_breathe();
	}
}

static void summary_threads_lose_no_leaf(struct kunit *test)
{
	static const unsigned int nr[] = { 512, 16384, 70000 };
	struct fixture fx;
	unsigned int leaf, i;

	for (i = 0; i < ARRAY_SIZE(nr); i++) {
		summary_fixture_make(test, &fx, nr[i]);
		test_run_threads(test, toggle, &fx);
		KUNIT_EXPECT_TRUE(test, kmemx_summary_check(&fx.sum));
		for (leaf = 0; leaf < nr[i]; leaf += 1 + nr[i] / 512)
			KUNIT_EXPECT_EQ(test, kmemx_summary_find(&fx.sum, leaf),
					naive_find(&fx, leaf));
		summary_fixture_free(&fx);
	}
}

static struct kunit_case summary_cases[] = {
	KUNIT_CASE(summary_has_as_few_levels_as_will_do),
	KUNIT_CASE(summary_empty_finds_nothing),
	KUNIT_CASE(summary_single_leaf_is_found_from_everywhere),
	KUNIT_CASE(summary_looks_at_each_word_of_the_top),
	KUNIT_CASE(summary_random_walk),
	KUNIT_CASE(summary_stale_bits_are_put_right),
	KUNIT_CASE(summary_stale_bits_of_a_flat_one_are_put_right),
	KUNIT_CASE(summary_mends_what_is_above_a_word),
	KUNIT_CASE(summary_threads_lose_no_leaf),
	{}
};

static struct kunit_suite summary_suite = {
	.name = "kmemx_summary",
	.test_cases = summary_cases,
};

kunit_test_suites(&summary_suite);
