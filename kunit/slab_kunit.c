// SPDX-License-Identifier: GPL-2.0
/*
 * One slab: taking, giving, being live, and ending.
 */
#include "slab/slab.h"
#include "random.h"
#include "threads.h"

#define PAGE	4096U
#define CACHE	7U

struct fixture {
	struct kmemx_layout layout;
	struct kmemx_slab slab;
	atomic64_t state;
	atomic64_t *map;
	void *mem;
};

/* 24-byte objects: 170 of them, three words, the last of which is not full. */
static int slab_fixture_init(struct kunit *test)
{
	struct fixture *fx = kunit_kzalloc(test, sizeof(*fx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fx);
	KUNIT_ASSERT_EQ(test, kmemx_layout_init(&fx->layout, 24, 0, false, PAGE), 0);
	fx->map = kunit_kzalloc(test, KMEMX_DESC_BYTES, GFP_KERNEL);
	fx->mem = kunit_kzalloc(test, PAGE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fx->map);
	KUNIT_ASSERT_NOT_NULL(test, fx->mem);
	fx->slab = (struct kmemx_slab){
		.base = &fx->mem,
		.state = &fx->state,
		.taken = fx->map,
		.live = fx->map + fx->layout.nr_words,
	};
	kmemx_slab_init(fx->slab, &fx->layout, CACHE);
	test->priv = fx;
	return 0;
}

static void expect_sound(struct kunit *test, struct fixture *fx)
{
	const char *why = kmemx_slab_check(fx->slab, &fx->layout);

	KUNIT_ASSERT_TRUE_MSG(test, !why, "%s", why ? why : "");
}

static unsigned int index_of(struct kunit *test, struct fixture *fx, void *obj)
{
	unsigned int i = ~0U;

	KUNIT_ASSERT_TRUE(test, kmemx_slab_index(fx->slab, &fx->layout, obj, &i));
	return i;
}

static void slab_gives_every_object_once(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *obj[7];
	u8 seen[170] = { 0 };
	unsigned int got, total = 0, k;

	KUNIT_ASSERT_EQ(test, fx->layout.nr_objs, 170U);
	while ((got = kmemx_slab_take(fx->slab, &fx->layout, CACHE, obj, 7))) {
		for (k = 0; k < got; k++) {
			unsigned int i = index_of(test, fx, obj[k]);

			KUNIT_ASSERT_LT(test, i, 170U);
			KUNIT_ASSERT_EQ(test, seen[i], 0);
			seen[i] = 1;
		}
		total += got;
		expect_sound(test, fx);
	}
	KUNIT_EXPECT_EQ(test, total, 170U);
	for (k = 0; k < 170; k++)
		KUNIT_EXPECT_EQ(test, kmemx_slab_give(fx->slab, k), k + 1);
	expect_sound(test, fx);
}

static void slab_serves_its_own_cache_only(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *obj;

	KUNIT_EXPECT_EQ(test, kmemx_slab_take(fx->slab, &fx->layout, CACHE + 1, &obj, 1), 0U);
	KUNIT_EXPECT_EQ(test, kmemx_slab_cache((u64)atomic64_read(&fx->state)), CACHE);
	expect_sound(test, fx);
}

static void slab_object_is_freed_once(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *obj;
	unsigned int i;

	KUNIT_EXPECT_FALSE(test, kmemx_slab_withdraw(fx->slab, 0));
	KUNIT_ASSERT_EQ(test, kmemx_slab_take(fx->slab, &fx->layout, CACHE, &obj, 1), 1U);
	i = index_of(test, fx, obj);
	KUNIT_EXPECT_TRUE(test, kmemx_slab_issue(fx->slab, i));
	KUNIT_EXPECT_FALSE(test, kmemx_slab_issue(fx->slab, i));
	KUNIT_EXPECT_EQ(test, kmemx_slab_nr_live(fx->slab, &fx->layout), 1U);
	KUNIT_EXPECT_TRUE(test, kmemx_slab_withdraw(fx->slab, i));
	KUNIT_EXPECT_FALSE(test, kmemx_slab_withdraw(fx->slab, i));
	kmemx_slab_give(fx->slab, i);
	KUNIT_EXPECT_FALSE(test, kmemx_slab_withdraw(fx->slab, i));
	expect_sound(test, fx);
}

static void slab_index_refuses_what_is_no_object(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int i;

	KUNIT_EXPECT_FALSE(test, kmemx_slab_index(fx->slab, &fx->layout, fx->mem + 1, &i));
	KUNIT_EXPECT_FALSE(test, kmemx_slab_index(fx->slab, &fx->layout, fx->mem + 23, &i));
	KUNIT_EXPECT_TRUE(test, kmemx_slab_index(fx->slab, &fx->layout, fx->mem + 24, &i));
	KUNIT_EXPECT_EQ(test, i, 1U);
	/* The tail begins where object 170 would. */
	KUNIT_EXPECT_FALSE(test, kmemx_slab_index(fx->slab, &fx->layout, fx->mem + 170 * 24, &i));
}

static void slab_ends_only_when_empty(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *obj;

	KUNIT_ASSERT_EQ(test, kmemx_slab_take(fx->slab, &fx->layout, CACHE, &obj, 1), 1U);
	KUNIT_EXPECT_FALSE(test, kmemx_slab_retire(fx->slab, &fx->layout, CACHE));
	kmemx_slab_give(fx->slab, index_of(test, fx, obj));
	KUNIT_EXPECT_FALSE(test, kmemx_slab_retire(fx->slab, &fx->layout, CACHE + 1));
	KUNIT_EXPECT_TRUE(test, kmemx_slab_retire(fx->slab, &fx->layout, CACHE));
	KUNIT_EXPECT_EQ(test, kmemx_slab_take(fx->slab, &fx->layout, CACHE, &obj, 1), 0U);
	KUNIT_EXPECT_FALSE(test, kmemx_slab_retire(fx->slab, &fx->layout, CACHE));
}

struct shared {
	struct fixture *fx;
	atomic64_t nr_wrong;
};

static void churn(void *arg, unsigned int thread)
{
	struct shared *shared = arg;
	struct fixture *fx = shared->fx;
	struct rnd rnd = { .state = TEST_SEED * (thread + 1) };
	void *obj[24];
	unsigned int step, got, k, i;

	for (step = 0; step < 20000; step++) {
		got = kmemx_slab_take(fx->slab, &fx->layout, CACHE, obj, 1 + rnd_below(&rnd, 24));
		for (k = 0; k < got; k++) {
			if (!kmemx_slab_index(fx->slab, &fx->layout, obj[k], &i) ||
			    !kmemx_slab_issue(fx->slab, i))
				atomic64_add(1, &shared->nr_wrong);
		}
		for (k = 0; k < got; k++) {
			kmemx_slab_index(fx->slab, &fx->layout, obj[k], &i);
			if (!kmemx_slab_withdraw(fx->slab, i))
				atomic64_add(1, &shared->nr_wrong);
			kmemx_slab_give(fx->slab, i);
		}
		if (!(step % 256))
			test_breathe();
	}
}

static void slab_threads_never_share_an_object(struct kunit *test)
{
	struct shared shared = { .fx = test->priv };

	test_run_threads(test, churn, &shared);
	KUNIT_EXPECT_EQ(test, atomic64_read(&shared.nr_wrong), 0LL);
	expect_sound(test, shared.fx);
	KUNIT_EXPECT_TRUE(test, kmemx_slab_retire(shared.fx->slab, &shared.fx->layout, CACHE));
}

static struct kunit_case slab_cases[] = {
	KUNIT_CASE(slab_gives_every_object_once),
	KUNIT_CASE(slab_serves_its_own_cache_only),
	KUNIT_CASE(slab_object_is_freed_once),
	KUNIT_CASE(slab_index_refuses_what_is_no_object),
	KUNIT_CASE(slab_ends_only_when_empty),
	KUNIT_CASE(slab_threads_never_share_an_object),
	{}
};

static struct kunit_suite slab_suite = {
	.name = "kmemx_slab",
	.init = slab_fixture_init,
	.test_cases = slab_cases,
};

kunit_test_suites(&slab_suite);
