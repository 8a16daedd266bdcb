// SPDX-License-Identifier: GPL-2.0
/*
 * One slab: taking, giving, being live, and ending.
 */
#include "slab/slab.h"
#include "random.h"
#include "threads.h"

#define PAGE	4096U
#define CACHE	7U
/* 40-byte objects: 102 of them, a tail, and the last word of status bytes is not full. */
#define SIZE	40U
#define NR	102U

struct fixture {
	struct kmemx_layout layout;
	struct kmemx_slab slab;
	u8 status[KMEMX_STATUS_BYTES] __aligned(sizeof(u64));
	u8 *mem;
};

static int slab_fixture_init(struct kunit *test)
{
	struct fixture *fx = kunit_kzalloc(test, sizeof(*fx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fx);
	KUNIT_ASSERT_EQ(test, kmemx_layout_init(&fx->layout, SIZE, 0, false, PAGE), 0);
	KUNIT_ASSERT_EQ(test, fx->layout.nr_objs, NR);
	fx->mem = kunit_kzalloc(test, PAGE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fx->mem);
	fx->slab.base = fx->mem;
	fx->slab.status = fx->status;
	kmemx_slab_init(&fx->slab, &fx->layout, CACHE, 0);
	test->priv = fx;
	return 0;
}

static void expect_sound(struct kunit *test, struct fixture *fx)
{
	const char *why = kmemx_slab_check(&fx->slab, &fx->layout);

	KUNIT_ASSERT_TRUE_MSG(test, !why, "%s", why ? why : "");
}

static unsigned int take(struct fixture *fx, unsigned int *taken, unsigned int nr)
{
	return kmemx_slab_take(&fx->slab, &fx->layout, CACHE, taken, nr);
}

static void slab_gives_every_object_once(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int taken[7], got, total = 0, k;
	u8 seen[NR] = { 0 };

	while ((got = take(fx, taken, 7))) {
		for (k = 0; k < got; k++) {
			KUNIT_ASSERT_LT(test, taken[k], NR);
			KUNIT_ASSERT_EQ(test, seen[taken[k]], 0);
			KUNIT_ASSERT_EQ(test, fx->status[taken[k]], KMEMX_OBJECT_OUT);
			seen[taken[k]] = 1;
		}
		total += got;
		expect_sound(test, fx);
	}
	KUNIT_EXPECT_EQ(test, total, NR);
	for (k = 0; k < NR; k++)
		KUNIT_EXPECT_EQ(test, kmemx_slab_give(&fx->slab, &fx->status[k]), (int)k + 1);
	expect_sound(test, fx);
}

static void slab_begins_with_objects_that_are_out(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int taken[1], k;

	KUNIT_ASSERT_EQ(test, kmemx_slab_retire(&fx->slab, &fx->layout, CACHE), 1);
	kmemx_slab_init(&fx->slab, &fx->layout, CACHE, 5);
	expect_sound(test, fx);
	KUNIT_EXPECT_EQ(test, kmemx_slab_nr_free((u64)atomic64_read(&fx->slab.state)), NR - 5);
	KUNIT_EXPECT_EQ(test, kmemx_slab_retire(&fx->slab, &fx->layout, CACHE), 0);
	KUNIT_ASSERT_EQ(test, take(fx, taken, 1), 1U);
	KUNIT_EXPECT_EQ(test, taken[0], 5U);
	for (k = 0; k < 6; k++)
		KUNIT_EXPECT_EQ(test, kmemx_slab_give(&fx->slab, &fx->status[k]),
				(int)(NR - 5 + k));
	KUNIT_EXPECT_EQ(test, kmemx_slab_retire(&fx->slab, &fx->layout, CACHE), 1);
}

static void slab_takes_the_lowest_first(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int taken[NR], k;

	for (k = 0; k < NR; k += 8)
		take(fx, taken, 8);
	for (k = 0; k < NR; k += 3)
		kmemx_slab_give(&fx->slab, &fx->status[k]);
	for (k = 0; k < NR; k += 3) {
		KUNIT_ASSERT_EQ(test, take(fx, taken, 1), 1U);
		KUNIT_ASSERT_EQ(test, taken[0], k);
	}
	KUNIT_EXPECT_EQ(test, take(fx, taken, 1), 0U);
	expect_sound(test, fx);
}

static unsigned int nr_free(const struct fixture *fx)
{
	return kmemx_slab_nr_free((u64)atomic64_read(&fx->slab.state));
}

/* What two that free an object in the same moment may leave behind: one that is counted twice. */
static void slab_count_that_is_too_high_is_put_right(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int taken[NR], got = 0, more, k;

	atomic64_add(1, &fx->slab.state);
	while ((more = take(fx, taken + got, min(NR - got + 1, 7U))))
		got += more;
	/* A search for what is not there ends, and takes nothing off. */
	KUNIT_EXPECT_EQ(test, got, NR);
	KUNIT_EXPECT_EQ(test, nr_free(fx), 1U);
	for (k = 0; k < NR - 1; k++)
		KUNIT_EXPECT_EQ(test, kmemx_slab_give(&fx->slab, &fx->status[k]), (int)k + 2);
	/* All are free, by the count. */
	fx->status[NR - 1] = KMEMX_OBJECT_LIVE;
	KUNIT_EXPECT_EQ(test, kmemx_slab_retire(&fx->slab, &fx->layout, CACHE), -1);
	expect_sound(test, fx);
	KUNIT_EXPECT_TRUE(test, kmemx_slab_withdraw(&fx->status[NR - 1]));
	/* More than all are. */
	atomic64_add(1, &fx->slab.state);
	KUNIT_EXPECT_EQ(test, kmemx_slab_give(&fx->slab, &fx->status[NR - 1]), (int)NR + 1);
	KUNIT_EXPECT_EQ(test, kmemx_slab_retire(&fx->slab, &fx->layout, CACHE), 0);
	KUNIT_EXPECT_FALSE(test, kmemx_slab_mend(&fx->slab, &fx->layout, CACHE + 1));
	KUNIT_EXPECT_TRUE(test, kmemx_slab_mend(&fx->slab, &fx->layout, CACHE));
	KUNIT_EXPECT_FALSE(test, kmemx_slab_mend(&fx->slab, &fx->layout, CACHE));
	expect_sound(test, fx);
	KUNIT_EXPECT_EQ(test, kmemx_slab_retire(&fx->slab, &fx->layout, CACHE), 1);
}

static void slab_serves_its_own_cache_only(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, kmemx_slab_take(&fx->slab, &fx->layout, CACHE + 1, &i, 1), 0U);
	KUNIT_EXPECT_EQ(test, kmemx_slab_cache((u64)atomic64_read(&fx->slab.state)), CACHE);
	expect_sound(test, fx);
}

static void slab_object_is_freed_once(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int i;
	u8 *status;

	KUNIT_EXPECT_FALSE(test, kmemx_slab_withdraw(fx->status));
	KUNIT_ASSERT_EQ(test, take(fx, &i, 1), 1U);
	status = &fx->status[i];
	KUNIT_EXPECT_FALSE(test, kmemx_slab_withdraw(status));
	*status = KMEMX_OBJECT_LIVE;
	KUNIT_EXPECT_EQ(test, kmemx_slab_nr_live(&fx->slab, &fx->layout), 1U);
	KUNIT_EXPECT_EQ(test, kmemx_slab_give(&fx->slab, status), -1);
	KUNIT_EXPECT_TRUE(test, kmemx_slab_withdraw(status));
	KUNIT_EXPECT_FALSE(test, kmemx_slab_withdraw(status));
	KUNIT_EXPECT_EQ(test, kmemx_slab_give(&fx->slab, status), (int)NR);
	KUNIT_EXPECT_EQ(test, kmemx_slab_give(&fx->slab, status), -1);
	KUNIT_EXPECT_FALSE(test, kmemx_slab_withdraw(status));
	expect_sound(test, fx);
}

/* Bytes 2 to 7 of a word, each in every state, and each set of them. */
#define WORD_FIRST	2U
#define WORD_NR		6U

/* Returns how many of @set are not out. */
static unsigned int set_states(struct fixture *fx, unsigned int states, unsigned int set)
{
	static const u8 state[] = { KMEMX_OBJECT_FREE, KMEMX_OBJECT_OUT, KMEMX_OBJECT_LIVE };
	unsigned int i, nr = 0;

	for (i = WORD_FIRST; i < WORD_FIRST + WORD_NR; i++, states /= 3) {
		fx->status[i] = state[states % 3];
		nr += (set >> i & 1) && fx->status[i] != KMEMX_OBJECT_OUT;
	}
	return nr;
}

static void slab_gives_a_word_back_at_once(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int states, set, i;

	for (states = 0; states < 3 * 3 * 3 * 3 * 3 * 3; states++) {
		for (set = 1U << WORD_FIRST; set < 1U << 8; set += 1U << WORD_FIRST) {
			unsigned int nr_not_out = set_states(fx, states, set);
			s64 old_state = atomic64_read(&fx->slab.state);
			u8 old[8], which[8] __aligned(sizeof(u64)) = { 0 };
			int nr;

			memcpy(old, fx->status, sizeof(old));
			for (i = 0; i < 8; i++)
				which[i] = set >> i & 1;
			nr = kmemx_slab_give_word(&fx->slab, (u64 *)fx->status, *(u64 *)which);
			if (nr_not_out) {
				KUNIT_ASSERT_EQ(test, nr, -1);
				KUNIT_ASSERT_EQ(test, memcmp(old, fx->status, sizeof(old)), 0);
				KUNIT_ASSERT_EQ(test, atomic64_read(&fx->slab.state), old_state);
				continue;
			}
			KUNIT_ASSERT_EQ(test, nr, (int)(NR + hweight32(set)));
			for (i = 0; i < 8; i++)
				KUNIT_ASSERT_EQ(test, fx->status[i],
						which[i] ? KMEMX_OBJECT_FREE : old[i]);
			/* The slab is one in which nothing was out. */
			atomic64_set(&fx->slab.state, old_state);
		}
	}
	memset(fx->status, KMEMX_OBJECT_FREE, 8);
	expect_sound(test, fx);
}

static void slab_has_a_status_for_objects_only(struct kunit *test)
{
	struct fixture *fx = test->priv;
	const struct kmemx_slab *slab = &fx->slab;
	u32 offset;

	for (offset = 0; offset < PAGE; offset++) {
		u8 *status;

		KUNIT_ASSERT_EQ(test, kmemx_slab_find(slab, &fx->layout, fx->mem + offset, &status),
				!(offset % SIZE));
		KUNIT_ASSERT_PTR_EQ(test, status, &fx->status[offset / SIZE]);
	}
	/* The tail begins where object 102 would. */
	KUNIT_EXPECT_EQ(test, fx->status[NR], KMEMX_OBJECT_FREE);
}

static void slab_ends_only_when_empty(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, take(fx, &i, 1), 1U);
	KUNIT_EXPECT_EQ(test, kmemx_slab_retire(&fx->slab, &fx->layout, CACHE), 0);
	kmemx_slab_give(&fx->slab, &fx->status[i]);
	KUNIT_EXPECT_EQ(test, kmemx_slab_retire(&fx->slab, &fx->layout, CACHE + 1), 0);
	KUNIT_EXPECT_EQ(test, kmemx_slab_retire(&fx->slab, &fx->layout, CACHE), 1);
	KUNIT_EXPECT_EQ(test, take(fx, &i, 1), 0U);
	KUNIT_EXPECT_EQ(test, kmemx_slab_retire(&fx->slab, &fx->layout, CACHE), 0);
}

struct shared {
	struct fixture *fx;
	atomic64_t nr_wrong;
};

/* Objects of the one word that has the first of @nr, all of them out. Returns how many. */
static unsigned int give_a_word(struct fixture *fx, const unsigned int *taken, unsigned int nr)
{
	u64 *word = (u64 *)fx->status + taken[0] / 8;
	u8 which[8] __aligned(sizeof(u64)) = { 0 };
	unsigned int k;

	for (k = 0; k < nr && taken[k] / 8 == taken[0] / 8; k++)
		which[taken[k] % 8] = 1;
	return kmemx_slab_give_word(&fx->slab, word, *(u64 *)which) < 0 ? 0 : k;
}

static void churn(void *arg, unsigned int thread)
{
	struct shared *shared = arg;
	struct fixture *fx = shared->fx;
	struct rnd rnd = { .state = TEST_SEED * (thread + 1) };
	unsigned int taken[24], step, got, k;

	for (step = 0; step < 20000; step++) {
		got = take(fx, taken, 1 + rnd_below(&rnd, 24));
		for (k = 0; k < got; k++) {
			u8 *status = &fx->status[taken[k]];

			/* Who else had it would have it live, or free. */
			if (READ_ONCE(*status) != KMEMX_OBJECT_OUT)
				atomic64_add(1, &shared->nr_wrong);
			WRITE_ONCE(*status, KMEMX_OBJECT_LIVE);
		}
		for (k = 0; k < got; k++)
			if (!kmemx_slab_withdraw(&fx->status[taken[k]]))
				atomic64_add(1, &shared->nr_wrong);
		k = got && rnd_below(&rnd, 2) ? give_a_word(fx, taken, got) : 0;
		for (; k < got; k++)
			if (kmemx_slab_give(&fx->slab, &fx->status[taken[k]]) < 0)
				atomic64_add(1, &shared->nr_wrong);
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
	KUNIT_EXPECT_EQ(test, kmemx_slab_retire(&shared.fx->slab, &shared.fx->layout, CACHE), 1);
}

static struct kunit_case slab_cases[] = {
	KUNIT_CASE(slab_gives_every_object_once),
	KUNIT_CASE(slab_begins_with_objects_that_are_out),
	KUNIT_CASE(slab_takes_the_lowest_first),
	KUNIT_CASE(slab_count_that_is_too_high_is_put_right),
	KUNIT_CASE(slab_serves_its_own_cache_only),
	KUNIT_CASE(slab_object_is_freed_once),
	KUNIT_CASE(slab_gives_a_word_back_at_once),
	KUNIT_CASE(slab_has_a_status_for_objects_only),
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
