// SPDX-License-Identifier: GPL-2.0
/*
 * One extent: allocations of any number of frames, refused frees, and the whole
 * against a byte per frame.
 */
#include "buddy/extent.h"
#include "random.h"
#include "threads.h"

#define BASE_PFN	0x12300UL	/* In the middle of a chunk. */
#define NR_FRAMES	(7 * 512UL + 100)
#define KIND		KMEMX_KIND_CONTIG

struct fixture {
	struct kmemx_extent ext;
	u8 *owner;	/* Per frame: 0 free, else a tag. */
};

static int extent_fixture_init(struct kunit *test)
{
	struct fixture *fx = kunit_kzalloc(test, sizeof(*fx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fx);
	test->priv = fx;
	KUNIT_ASSERT_EQ(test, kmemx_extent_init(&fx->ext, BASE_PFN, NR_FRAMES), 0);
	fx->owner = vzalloc(fx->ext.end);
	KUNIT_ASSERT_NOT_NULL(test, fx->owner);
	return 0;
}

static void extent_fixture_exit(struct kunit *test)
{
	struct fixture *fx = test->priv;

	if (!fx)
		return;
	kmemx_extent_fini(&fx->ext);
	vfree(fx->owner);
}

static void expect_sound(struct kunit *test, struct fixture *fx)
{
	const char *why = kmemx_extent_check(&fx->ext);

	KUNIT_ASSERT_TRUE_MSG(test, !why, "%s", why ? why : "");
}

static void expect_all_free(struct kunit *test, struct fixture *fx)
{
	expect_sound(test, fx);
	KUNIT_ASSERT_EQ(test, kmemx_extent_nr_free(&fx->ext), NR_FRAMES);
}

static enum kmemx_verdict free_all(struct kmemx_extent *ext, unsigned int frame,
				   enum kmemx_kind kind, unsigned long nr)
{
	enum kmemx_verdict verdict;
	u8 info;

	verdict = kmemx_extent_claim(ext, frame, kind, nr, &info);
	if (verdict)
		return verdict;
	for (;;) {
		unsigned int block = frame, order = kmemx_info_order(info);
		bool more = info & KMEMX_INFO_MORE;

		if (more)
			frame = kmemx_extent_next(ext, frame, &info);
		kmemx_extent_give(ext, block, order);
		if (!more)
			return KMEMX_FREE_OK;
	}
}

static void extent_starts_free(struct kunit *test)
{
	struct fixture *fx = test->priv;

	expect_all_free(test, fx);
	KUNIT_EXPECT_EQ(test, kmemx_extent_alloc(&fx->ext, 0, 1, KIND), (long)-ENOSPC);
	expect_all_free(test, fx);
	KUNIT_EXPECT_EQ(test, fx->ext.base_pfn % KMEMX_CHUNK_FRAMES, 0UL);
	KUNIT_EXPECT_EQ(test, fx->ext.base_pfn + fx->ext.first, BASE_PFN);
	KUNIT_EXPECT_EQ(test, fx->ext.end - fx->ext.first, (unsigned int)NR_FRAMES);
}

static void extent_blocks_are_naturally_aligned(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int order;

	for (order = 0; order <= 11; order++) {
		unsigned long nr = 1UL << order;
		long frame = kmemx_extent_alloc(&fx->ext, nr, nr, KIND);

		KUNIT_ASSERT_GE(test, frame, 0L);
		KUNIT_EXPECT_EQ(test, (fx->ext.base_pfn + frame) % nr, 0UL);
		expect_sound(test, fx);
		KUNIT_EXPECT_EQ(test, kmemx_extent_block_frames(&fx->ext, frame), nr);
		KUNIT_EXPECT_EQ(test, free_all(&fx->ext, frame, KIND, nr), KMEMX_FREE_OK);
		expect_all_free(test, fx);
	}
}

static void extent_any_length_takes_no_more(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned long nr;

	for (nr = 1; nr < 1600; nr += nr < 70 ? 1 : 37) {
		long frame = kmemx_extent_alloc(&fx->ext, nr, 1, KIND);

		KUNIT_ASSERT_GE(test, frame, 0L);
		expect_sound(test, fx);
		KUNIT_ASSERT_EQ(test, kmemx_extent_nr_free(&fx->ext), NR_FRAMES - nr);
		KUNIT_ASSERT_EQ(test, kmemx_extent_block_frames(&fx->ext, frame), nr);
		KUNIT_ASSERT_EQ(test, free_all(&fx->ext, frame, KIND, 0), KMEMX_FREE_OK);
		expect_all_free(test, fx);
	}
}

static void extent_honours_alignment(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned long align;

	for (align = 1; align <= 2048; align *= 2) {
		long first = kmemx_extent_alloc(&fx->ext, 3, align, KIND);
		long second = kmemx_extent_alloc(&fx->ext, 3, align, KIND);

		KUNIT_ASSERT_GE(test, first, 0L);
		KUNIT_EXPECT_EQ(test, (fx->ext.base_pfn + first) % align, 0UL);
		if (second >= 0) {
			KUNIT_EXPECT_EQ(test, (fx->ext.base_pfn + second) % align, 0UL);
			free_all(&fx->ext, second, KIND, 0);
		}
		free_all(&fx->ext, first, KIND, 0);
		expect_all_free(test, fx);
	}
}

static void extent_gives_every_frame_once(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int order;

	for (order = 0; order <= 3; order++) {
		unsigned long nr = 0;
		long frame;

		memset(fx->owner, 0, fx->ext.end);
		for (;;) {
			frame = kmemx_extent_alloc(&fx->ext, 1UL << order, 1UL << order, KIND);
			if (frame < 0)
				break;
			KUNIT_ASSERT_GE(test, frame, (long)fx->ext.first);
			KUNIT_ASSERT_LE(test, frame + (1L << order), (long)fx->ext.end);
			KUNIT_ASSERT_EQ(test, fx->owner[frame], 0);
			fx->owner[frame] = 1;
			nr += 1UL << order;
		}
		KUNIT_EXPECT_EQ(test, frame, (long)-ENOSPC);
		KUNIT_EXPECT_EQ(test, nr + kmemx_extent_nr_free(&fx->ext), NR_FRAMES);
		KUNIT_EXPECT_LT(test, kmemx_extent_largest(&fx->ext), 1UL << order);
		for (frame = 0; frame < fx->ext.end; frame++)
			if (fx->owner[frame])
				free_all(&fx->ext, frame, KIND, 1UL << order);
		expect_all_free(test, fx);
	}
}

static void extent_run_needs_whole_chunks_in_a_row(struct kunit *test)
{
	struct fixture *fx = test->priv;
	long pin, run;

	/* The extent has whole chunks 1..6; a pin in chunk 3 leaves 3 in a row. */
	pin = kmemx_extent_alloc(&fx->ext, 3 * 512, 512, KIND);
	KUNIT_ASSERT_EQ(test, pin, 512L);
	run = kmemx_extent_alloc(&fx->ext, 512, 512, KIND);
	KUNIT_ASSERT_EQ(test, run, 4 * 512L);
	KUNIT_ASSERT_EQ(test, free_all(&fx->ext, pin, KIND, 0), KMEMX_FREE_OK);
	KUNIT_EXPECT_EQ(test, kmemx_extent_largest(&fx->ext), 3 * 512UL);
	KUNIT_EXPECT_EQ(test, kmemx_extent_alloc(&fx->ext, 3 * 512 + 1, 1, KIND), (long)-ENOSPC);
	expect_sound(test, fx);
	pin = kmemx_extent_alloc(&fx->ext, 3 * 512 - 5, 1, KIND);
	KUNIT_EXPECT_EQ(test, pin, 512L);
	expect_sound(test, fx);
	free_all(&fx->ext, pin, KIND, 0);
	free_all(&fx->ext, run, KIND, 0);
	expect_all_free(test, fx);
}

/* A summary that is behind, as a race may leave it, offers a chunk that is taken. */
static void extent_run_that_met_a_taken_chunk_keeps_nothing(struct kunit *test)
{
	struct fixture *fx = test->priv;
	long first, taken, run;

	first = kmemx_extent_alloc(&fx->ext, 512, 512, KIND);
	taken = kmemx_extent_alloc(&fx->ext, 512, 512, KIND);
	KUNIT_ASSERT_EQ(test, first, 512L);
	KUNIT_ASSERT_EQ(test, taken, 2 * 512L);
	free_all(&fx->ext, first, KIND, 0);
	kmemx_summary_set(&fx->ext.free[KMEMX_CHUNK_ORDER], 2);
	run = kmemx_extent_alloc(&fx->ext, 2 * 512, 1, KIND);
	KUNIT_EXPECT_EQ(test, run, 3 * 512L);
	expect_sound(test, fx);
	free_all(&fx->ext, run, KIND, 0);
	/* Nothing else is long enough, but a moment ago there was. */
	kmemx_summary_set(&fx->ext.free[KMEMX_CHUNK_ORDER], 2);
	KUNIT_EXPECT_EQ(test, kmemx_extent_alloc(&fx->ext, 5 * 512, 1, KIND), (long)-EAGAIN);
	KUNIT_EXPECT_EQ(test, kmemx_extent_alloc(&fx->ext, 5 * 512, 1, KIND), (long)-ENOSPC);
	expect_sound(test, fx);
	free_all(&fx->ext, taken, KIND, 0);
	expect_all_free(test, fx);
}

static void extent_refuses_bad_frees(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_extent *ext = &fx->ext;
	long frame = kmemx_extent_alloc(ext, 8, 8, KMEMX_KIND_PAGES);
	long odd = kmemx_extent_alloc(ext, 5, 1, KMEMX_KIND_CONTIG);
	long whole = kmemx_extent_alloc(ext, 512, 512, KMEMX_KIND_PAGES);
	unsigned long free = kmemx_extent_nr_free(ext);

	KUNIT_EXPECT_EQ(test, free_all(ext, frame, KMEMX_KIND_PAGES, 4), KMEMX_FREE_ORDER);
	KUNIT_EXPECT_EQ(test, free_all(ext, frame, KMEMX_KIND_PAGES, 16), KMEMX_FREE_ORDER);
	KUNIT_EXPECT_EQ(test, free_all(ext, whole, KMEMX_KIND_PAGES, 256), KMEMX_FREE_ORDER);
	KUNIT_EXPECT_EQ(test, free_all(ext, frame + 1, KMEMX_KIND_PAGES, 1), KMEMX_FREE_MISALIGNED);
	KUNIT_EXPECT_EQ(test, free_all(ext, whole + 7, KMEMX_KIND_PAGES, 1), KMEMX_FREE_MISALIGNED);
	KUNIT_EXPECT_EQ(test, free_all(ext, odd + 4, KMEMX_KIND_CONTIG, 0), KMEMX_FREE_MISALIGNED);
	KUNIT_EXPECT_EQ(test, free_all(ext, frame, KMEMX_KIND_CONTIG, 0), KMEMX_FREE_FUNCTION);
	KUNIT_EXPECT_EQ(test, free_all(ext, ext->end - 1, KMEMX_KIND_PAGES, 1), KMEMX_FREE_DOUBLE);
	KUNIT_EXPECT_EQ(test, kmemx_extent_nr_free(ext), free);
	expect_sound(test, fx);

	KUNIT_EXPECT_EQ(test, free_all(ext, frame, KMEMX_KIND_PAGES, 8), KMEMX_FREE_OK);
	KUNIT_EXPECT_EQ(test, free_all(ext, frame, KMEMX_KIND_PAGES, 8), KMEMX_FREE_DOUBLE);
	KUNIT_EXPECT_EQ(test, free_all(ext, odd, KMEMX_KIND_CONTIG, 0), KMEMX_FREE_OK);
	KUNIT_EXPECT_EQ(test, free_all(ext, odd, KMEMX_KIND_CONTIG, 0), KMEMX_FREE_DOUBLE);
	KUNIT_EXPECT_EQ(test, free_all(ext, whole, KMEMX_KIND_PAGES, 512), KMEMX_FREE_OK);
	KUNIT_EXPECT_EQ(test, free_all(ext, whole, KMEMX_KIND_PAGES, 512), KMEMX_FREE_DOUBLE);
	expect_all_free(test, fx);
}

static void extent_quarantine_splits_a_block(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int order;

	for (order = 0; order <= KMEMX_CHUNK_ORDER; order++) {
		long frame = kmemx_extent_alloc(&fx->ext, 1UL << order, 1UL << order, KIND);
		unsigned int i;
		u8 info;

		KUNIT_ASSERT_EQ(test, kmemx_extent_claim(&fx->ext, frame, KIND, 0, &info),
				KMEMX_FREE_OK);
		kmemx_extent_quarantine(&fx->ext, frame, order);
		expect_sound(test, fx);
		KUNIT_ASSERT_EQ(test, kmemx_extent_nr_free(&fx->ext), NR_FRAMES - (1UL << order));
		KUNIT_ASSERT_EQ(test, free_all(&fx->ext, frame, KIND, 0), KMEMX_FREE_DOUBLE);
		for (i = 0; i < 1U << order; i++)
			KUNIT_ASSERT_EQ(test, KMEMX_FREE_OK,
					free_all(&fx->ext, frame + i, KMEMX_KIND_QUARANTINE, 1));
		expect_all_free(test, fx);
	}
}

static void extent_slab_frames_know_their_slab(struct kunit *test)
{
	struct fixture *fx = test->priv;
	long frame = kmemx_extent_alloc(&fx->ext, 8, 8, KMEMX_KIND_SLAB);
	unsigned int i;

	kmemx_extent_mark_tails(&fx->ext, frame, 3, true);
	expect_sound(test, fx);
	for (i = 1; i < 8; i++) {
		KUNIT_EXPECT_EQ(test, kmemx_info_kind(fx->ext.info[frame + i]),
				KMEMX_KIND_SLAB_TAIL);
		KUNIT_EXPECT_EQ(test, kmemx_info_order(fx->ext.info[frame + i]), 3U);
		KUNIT_EXPECT_EQ(test, free_all(&fx->ext, frame + i, KMEMX_KIND_PAGES, 1),
				KMEMX_FREE_FUNCTION);
	}
	kmemx_extent_mark_tails(&fx->ext, frame, 3, false);
	KUNIT_EXPECT_EQ(test, free_all(&fx->ext, frame, KMEMX_KIND_SLAB, 8), KMEMX_FREE_OK);
	expect_all_free(test, fx);
}

static void extent_counts_blocks_as_buddyinfo(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int nr[KMEMX_NR_ORDERS + 1] = { 0 };
	unsigned long sum = 0;
	unsigned int k;

	KUNIT_EXPECT_EQ(test, kmemx_extent_count(&fx->ext, nr), NR_FRAMES);
	for (k = 0; k <= KMEMX_NR_ORDERS; k++)
		sum += (unsigned long)nr[k] << k;
	KUNIT_EXPECT_EQ(test, sum, NR_FRAMES);
	/* Whole chunks 1..6 of a base that is an odd chunk: pairs 1-2, 3-4, 5-6. */
	KUNIT_EXPECT_EQ(test, fx->ext.base_pfn / KMEMX_CHUNK_FRAMES % 2, 1UL);
	KUNIT_EXPECT_EQ(test, nr[10], 3U);
	KUNIT_EXPECT_EQ(test, nr[9], 0U);
}

/* ---- Against a byte per frame ------------------------------------------ */

#define WALK_LIVE	300

struct live {
	long frame;
	unsigned long nr;
	u8 tag;
};

static void walk_alloc(struct kunit *test, struct fixture *fx, struct rnd *rnd,
		       struct live *live, unsigned int *nr_live)
{
	struct live *new = &live[*nr_live];
	unsigned long i;

	new->nr = rnd_below(rnd, 10) ? 1 + rnd_below(rnd, 40) : 1 + rnd_below(rnd, 1200);
	new->tag = (u8)(1 + rnd_below(rnd, 255));
	new->frame = kmemx_extent_alloc(&fx->ext, new->nr, 1UL << rnd_below(rnd, 4), KIND);
	if (new->frame < 0)
		return;
	for (i = 0; i < new->nr; i++) {
		KUNIT_ASSERT_EQ(test, fx->owner[new->frame + i], 0);
		fx->owner[new->frame + i] = new->tag;
	}
	++*nr_live;
}

static void walk_free(struct kunit *test, struct fixture *fx, struct rnd *rnd,
		      struct live *live, unsigned int *nr_live)
{
	struct live *old = &live[rnd_below(rnd, *nr_live)];
	unsigned long i;

	for (i = 0; i < old->nr; i++)
		KUNIT_ASSERT_EQ(test, fx->owner[old->frame + i], old->tag);
	memset(fx->owner + old->frame, 0, old->nr);
	KUNIT_ASSERT_EQ(test, free_all(&fx->ext, old->frame, KIND, old->nr), KMEMX_FREE_OK);
	*old = live[--*nr_live];
}

static void extent_random_walk(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct rnd rnd = rnd_start(test);
	struct live *live = kunit_kzalloc(test, WALK_LIVE * sizeof(*live), GFP_KERNEL);
	unsigned int nr_live = 0, step, i;

	KUNIT_ASSERT_NOT_NULL(test, live);
	for (step = 0; step < 20000; step++) {
		if (nr_live < WALK_LIVE && (!nr_live || rnd_below(&rnd, 2)))
			walk_alloc(test, fx, &rnd, live, &nr_live);
		else
			walk_free(test, fx, &rnd, live, &nr_live);
		if (step % 128)
			continue;
		expect_sound(test, fx);
		for (i = fx->ext.first; i < fx->ext.end; i++) {
			struct kmemx_chunk chunk = kmemx_extent_chunk(&fx->ext, i / 512);

			KUNIT_ASSERT_EQ(test, kmemx_chunk_is_taken(chunk, i % 512),
					(bool)fx->owner[i]);
		}
		test_breathe();
	}
	while (nr_live)
		walk_free(test, fx, &rnd, live, &nr_live);
	expect_all_free(test, fx);
}

/* ---- Several threads --------------------------------------------------- */

#define THREAD_LIVE	40
#define THREAD_STEPS	30000

struct shared {
	struct kmemx_extent *ext;
	u8 *owner;
	atomic64_t nr_wrong;
	atomic64_t nr_lost_races;
};

/* Marks frames that nobody else may have marked. */
static void mark(struct shared *shared, long frame, unsigned long nr, u8 from, u8 to)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		u8 old = from;

		if (!try_cmpxchg(&shared->owner[frame + i], &old, to))
			atomic64_add(1, &shared->nr_wrong);
	}
}

static void churn(void *arg, unsigned int thread)
{
	struct shared *shared = arg;
	struct live live[THREAD_LIVE];
	struct rnd rnd = { .state = TEST_SEED * (thread + 1) };
	u8 tag = (u8)(thread + 1);
	unsigned int nr_live = 0, step;

	for (step = 0; step < THREAD_STEPS || nr_live; step++) {
		unsigned int i = nr_live ? rnd_below(&rnd, nr_live) : 0;

		if (!(step % 1024))
			test_breathe();
		if (step < THREAD_STEPS && nr_live < THREAD_LIVE && rnd_below(&rnd, 2)) {
			struct live *new = &live[nr_live];

			new->nr = 1UL << rnd_below(&rnd, 10);
			if (!rnd_below(&rnd, 4))
				new->nr = 1 + rnd_below(&rnd, 700);
			new->frame = kmemx_extent_alloc(shared->ext, new->nr, 1, KIND);
			if (new->frame < 0)
				continue;
			mark(shared, new->frame, new->nr, 0, tag);
			nr_live++;
		} else if (nr_live) {
			mark(shared, live[i].frame, live[i].nr, tag, 0);
			if (free_all(shared->ext, live[i].frame, KIND, live[i].nr))
				atomic64_add(1, &shared->nr_wrong);
			live[i] = live[--nr_live];
		}
	}
}

static void extent_threads_never_share_a_frame(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct shared shared = { .ext = &fx->ext, .owner = fx->owner };

	test_run_threads(test, churn, &shared);
	KUNIT_EXPECT_EQ(test, atomic64_read(&shared.nr_wrong), 0LL);
	expect_all_free(test, fx);
}

#define RACES		100
#define RACE_BLOCKS	2000
#define RACE_PATIENCE	100000

struct race {
	struct kmemx_extent *ext;
	atomic64_t nr_ready;
	atomic64_t frame[RACE_BLOCKS];
	atomic64_t nr_won;
};

/* Once they have started together, who is behind finds blocks that are free, and is quick. */
static void free_everything(void *arg, unsigned int thread)
{
	struct race *race = arg;
	unsigned int i;

	atomic64_add(1, &race->nr_ready);
	for (i = 0; i < RACE_PATIENCE && atomic64_read(&race->nr_ready) < TEST_THREADS; i++)
		test_breathe();
	for (i = 0; i < RACE_BLOCKS; i++)
		if (!free_all(race->ext, (unsigned int)atomic64_read(&race->frame[i]), KIND, 1))
			atomic64_add(1, &race->nr_won);
}

/* Every thread frees every block: each is freed by one of them. */
static void extent_racing_frees_have_one_winner(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	unsigned int n, i;

	KUNIT_ASSERT_NOT_NULL(test, race);
	race->ext = &fx->ext;
	for (n = 0; n < RACES; n++) {
		atomic64_set(&race->nr_ready, 0);
		atomic64_set(&race->nr_won, 0);
		for (i = 0; i < RACE_BLOCKS; i++)
			atomic64_set(&race->frame[i], kmemx_extent_alloc(&fx->ext, 1, 1, KIND));
		test_run_threads(test, free_everything, race);
		KUNIT_ASSERT_EQ(test, atomic64_read(&race->nr_won), (s64)RACE_BLOCKS);
		expect_all_free(test, fx);
	}
}

static struct kunit_case extent_cases[] = {
	KUNIT_CASE(extent_starts_free),
	KUNIT_CASE(extent_blocks_are_naturally_aligned),
	KUNIT_CASE(extent_any_length_takes_no_more),
	KUNIT_CASE(extent_honours_alignment),
	KUNIT_CASE(extent_gives_every_frame_once),
	KUNIT_CASE(extent_run_needs_whole_chunks_in_a_row),
	KUNIT_CASE(extent_run_that_met_a_taken_chunk_keeps_nothing),
	KUNIT_CASE(extent_refuses_bad_frees),
	KUNIT_CASE(extent_quarantine_splits_a_block),
	KUNIT_CASE(extent_slab_frames_know_their_slab),
	KUNIT_CASE(extent_counts_blocks_as_buddyinfo),
	KUNIT_CASE(extent_random_walk),
	KUNIT_CASE(extent_threads_never_share_a_frame),
	KUNIT_CASE(extent_racing_frees_have_one_winner),
	{}
};

static struct kunit_suite extent_suite = {
	.name = "kmemx_extent",
	.init = extent_fixture_init,
	.exit = extent_fixture_exit,
	.test_cases = extent_cases,
};

kunit_test_suites(&extent_suite);
