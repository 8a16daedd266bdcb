// SPDX-License-Identifier: GPL-2.0
/*
 * The summary against an array of bytes.
 */
#include "buddy/summary.h"
#include "random.h"
#include "threads.h"

static const unsigned int sizes[] = { 1, 2, 63, 64, 65, 4095, 4096, 4097, 300000 };

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

static void summary_empty_finds_nothing(struct kunit *test)
{
	struct fixture fx;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		summary_fixture_make(test, &fx, sizes[i]);
		KUNIT_EXPECT_EQ(test, kmemx_summary_find(&fx.sum, 0), -1L);
		KUNIT_EXPECT_EQ(test, kmemx_summary_find(&fx.sum, sizes[i]), -1L);
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
		KUNIT_EXPECT_FALSE(test, kmemx_summary_has_other(&fx.sum, leaf));
		if (leaf)
			KUNIT_EXPECT_TRUE(test, kmemx_summary_has_other(&fx.sum, 0));
		KUNIT_EXPECT_TRUE(test, kmemx_summary_check(&fx.sum));
		kmemx_summary_clear(&fx.sum, leaf);
		KUNIT_EXPECT_EQ(test, kmemx_summary_find(&fx.sum, 0), -1L);
		summary_fixture_free(&fx);
	}
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
	atomic64_fetch_or(0x3, &fx.sum.level[2][0]);
	atomic64_fetch_or(0x1, &fx.sum.level[3][0]);
	KUNIT_EXPECT_EQ(test, kmemx_summary_find(&fx.sum, 0), 299999L);
	/* Bit 0 leads to where the search began, so nobody met it. */
	KUNIT_EXPECT_EQ(test, atomic64_read(&fx.sum.level[1][0]) & 0x6, 0LL);
	KUNIT_EXPECT_TRUE(test, kmemx_summary_check(&fx.sum));
	summary_fixture_free(&fx);
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
	struct fixture fx;
	unsigned int leaf;

	summary_fixture_make(test, &fx, 512);
	test_run_threads(test, toggle, &fx);
	KUNIT_EXPECT_TRUE(test, kmemx_summary_check(&fx.sum));
	for (leaf = 0; leaf < 512; leaf++)
		KUNIT_EXPECT_EQ(test, kmemx_summary_find(&fx.sum, leaf), naive_find(&fx, leaf));
	summary_fixture_free(&fx);
}

static struct kunit_case summary_cases[] = {
	KUNIT_CASE(summary_empty_finds_nothing),
	KUNIT_CASE(summary_single_leaf_is_found_from_everywhere),
	KUNIT_CASE(summary_random_walk),
	KUNIT_CASE(summary_stale_bits_are_put_right),
	KUNIT_CASE(summary_threads_lose_no_leaf),
	{}
};

static struct kunit_suite summary_suite = {
	.name = "kmemx_summary",
	.test_cases = summary_cases,
};

kunit_test_suites(&summary_suite);
