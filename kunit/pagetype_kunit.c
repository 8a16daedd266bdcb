// SPDX-License-Identifier: GPL-2.0
/*
 * What chunks are used for: each type, and all of them at random against a kind per
 * frame. The free blocks of all types together are those of buddyinfo.
 */
#include "buddy/pagetype.h"
#include "buddy/zone_block.h"
#include "buddy/zone_census.h"
#include "buddy/zone_info.h"
#include "buddy/zone_run.h"
#include "random.h"

#define NR_CHUNKS	8
/* The first and the last chunk are not all there. */
#define FIRST		100U
#define END		(NR_CHUNKS * KMEMX_CHUNK_FRAMES - 50U)

struct fixture {
	struct kmemx_extent ext;
	struct kmemx_zone zone;
	struct kmemx_pagetypes types;
	u8 *owner;	/* Per frame: the kind of its block. */
};

static int pagetype_fixture_init(struct kunit *test)
{
	struct fixture *fx = kunit_kzalloc(test, sizeof(*fx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fx);
	test->priv = fx;
	fx->ext = (struct kmemx_extent){ .pfn = 0x40000 + FIRST, .nr_frames = END - FIRST };
	KUNIT_ASSERT_EQ(test, kmemx_zone_init(&fx->zone, 1, &fx->ext), 0);
	fx->owner = kunit_kzalloc(test, END, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fx->owner);
	return 0;
}

static void pagetype_fixture_exit(struct kunit *test)
{
	struct fixture *fx = test->priv;

	if (fx)
		kmemx_zone_fini(&fx->zone);
}

/* Take just these frames. */
static void put(struct kunit *test, struct fixture *fx, unsigned int frame, unsigned int nr,
		enum kmemx_kind kind)
{
	KUNIT_ASSERT_EQ(test, kmemx_zone_alloc_at(&fx->zone, frame, nr, kind), 0);
	if (kind == KMEMX_KIND_SLAB)
		kmemx_zone_mark_tails(&fx->zone, frame, order_base_2(nr), true);
	memset(fx->owner + frame, kind, nr);
}

/* Whatever the types are, their free blocks are those that buddyinfo shows. */
static void look(struct kunit *test, struct fixture *fx)
{
	unsigned int nr[KMEMX_NR_ORDERS + 1] = { 0 };
	unsigned int chunks = 0, type, k;

	kmemx_pagetype_count(&fx->zone, &fx->types);
	kmemx_zone_count(&fx->zone, nr);
	for (type = 0; type < KMEMX_NR_PAGETYPES; type++) {
		chunks += fx->types.chunks[type];
		for (k = 0; k <= KMEMX_NR_ORDERS; k++)
			nr[k] -= fx->types.free[type][k];
	}
	for (k = 0; k <= KMEMX_NR_ORDERS; k++)
		KUNIT_ASSERT_EQ_MSG(test, nr[k], 0U, "order %u", k);
	KUNIT_ASSERT_EQ(test, chunks, (unsigned int)NR_CHUNKS);
}

static unsigned int free_frames(const struct fixture *fx, enum kmemx_pagetype type)
{
	unsigned int sum = 0, k;

	for (k = 0; k <= KMEMX_NR_ORDERS; k++)
		sum += fx->types.free[type][k] << k;
	return sum;
}

static void pagetype_of_nothing_is_free(struct kunit *test)
{
	struct fixture *fx = test->priv;

	look(test, fx);
	KUNIT_EXPECT_EQ(test, fx->types.chunks[KMEMX_PAGETYPE_FREE], (unsigned int)NR_CHUNKS);
	KUNIT_EXPECT_EQ(test, free_frames(fx, KMEMX_PAGETYPE_FREE), END - FIRST);
	/* Chunks 1 to 6 of a base that is an even chunk: 2 and 3, 4 and 5 are pairs. */
	KUNIT_EXPECT_EQ(test, fx->types.free[KMEMX_PAGETYPE_FREE][KMEMX_CHUNK_ORDER], 2U);
	KUNIT_EXPECT_EQ(test, fx->types.free[KMEMX_PAGETYPE_FREE][KMEMX_NR_ORDERS], 2U);
}

static void pagetype_of_one_kind_is_that(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int type;

	put(test, fx, 1 * 512, 8, KMEMX_KIND_PAGES);
	put(test, fx, 1 * 512 + 99, 1, KMEMX_KIND_PAGES);
	put(test, fx, 2 * 512, 4, KMEMX_KIND_LARGE);
	put(test, fx, 3 * 512, 300, KMEMX_KIND_CONTIG);
	put(test, fx, 4 * 512 + 16, 16, KMEMX_KIND_SLAB);
	put(test, fx, 5 * 512, 8, KMEMX_KIND_PAGES);
	put(test, fx, 5 * 512 + 511, 1, KMEMX_KIND_LARGE);
	put(test, fx, 6 * 512 + 7, 1, KMEMX_KIND_QUARANTINE);
	look(test, fx);
	for (type = KMEMX_PAGETYPE_PAGES; type < KMEMX_NR_PAGETYPES; type++)
		KUNIT_EXPECT_EQ_MSG(test, fx->types.chunks[type], 1U, "%s",
				    kmemx_pagetype_name(type));
	KUNIT_EXPECT_EQ(test, fx->types.chunks[KMEMX_PAGETYPE_FREE], 2U);
	KUNIT_EXPECT_EQ(test, free_frames(fx, KMEMX_PAGETYPE_PAGES), 503U);
	KUNIT_EXPECT_EQ(test, free_frames(fx, KMEMX_PAGETYPE_LARGE), 508U);
	KUNIT_EXPECT_EQ(test, free_frames(fx, KMEMX_PAGETYPE_CONTIG), 212U);
	KUNIT_EXPECT_EQ(test, free_frames(fx, KMEMX_PAGETYPE_SLAB), 496U);
	KUNIT_EXPECT_EQ(test, free_frames(fx, KMEMX_PAGETYPE_MIXED), 503U);
	KUNIT_EXPECT_EQ(test, free_frames(fx, KMEMX_PAGETYPE_QUARANTINE), 511U);
}

/* Blocks that continue an allocation are of its kind, whatever chunk they are in. */
static void pagetype_goes_on_with_an_allocation(struct kunit *test)
{
	struct fixture *fx = test->priv;

	put(test, fx, 1 * 512, 1, KMEMX_KIND_SLAB);
	put(test, fx, 2 * 512, 2 * 512 + 13, KMEMX_KIND_CONTIG);
	look(test, fx);
	KUNIT_EXPECT_EQ(test, fx->types.chunks[KMEMX_PAGETYPE_SLAB], 1U);
	KUNIT_EXPECT_EQ(test, fx->types.chunks[KMEMX_PAGETYPE_CONTIG], 3U);
	KUNIT_EXPECT_EQ(test, free_frames(fx, KMEMX_PAGETYPE_CONTIG), 499U);
	put(test, fx, 4 * 512 + 20, 1, KMEMX_KIND_SLAB);
	look(test, fx);
	KUNIT_EXPECT_EQ(test, fx->types.chunks[KMEMX_PAGETYPE_CONTIG], 2U);
	KUNIT_EXPECT_EQ(test, fx->types.chunks[KMEMX_PAGETYPE_MIXED], 1U);
}

/* What a front has is not in use; but neither is it free in the chunk. */
static void pagetype_does_not_see_fronts(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_taken taken = kmemx_zone_take(&fx->zone, 3, 4);
	unsigned int nr = hweight64(taken.heads);
	u64 heads;

	KUNIT_ASSERT_GE(test, taken.base, 0L);
	KUNIT_ASSERT_GT(test, nr, 0U);
	for (heads = taken.heads; heads; heads &= heads - 1)
		fx->zone.info[taken.base + __ffs64(heads)] = KMEMX_INFO_FRONT | 3;
	look(test, fx);
	KUNIT_EXPECT_EQ(test, fx->types.chunks[KMEMX_PAGETYPE_FREE], (unsigned int)NR_CHUNKS);
	KUNIT_EXPECT_EQ(test, free_frames(fx, KMEMX_PAGETYPE_FREE), END - FIRST - 8 * nr);
}

static void pagetype_names_fit_their_column(struct kunit *test)
{
	unsigned int type;

	for (type = 0; type < KMEMX_NR_PAGETYPES; type++) {
		KUNIT_ASSERT_NOT_NULL(test, (void *)kmemx_pagetype_name(type));
		KUNIT_EXPECT_LE(test, strlen(kmemx_pagetype_name(type)), (size_t)12);
	}
}

static enum kmemx_pagetype naive_type(const u8 *owner, unsigned int from, unsigned int end)
{
	static const enum kmemx_pagetype types[KMEMX_NR_KINDS] = {
		[KMEMX_KIND_PAGES] = KMEMX_PAGETYPE_PAGES,
		[KMEMX_KIND_LARGE] = KMEMX_PAGETYPE_LARGE,
		[KMEMX_KIND_CONTIG] = KMEMX_PAGETYPE_CONTIG,
		[KMEMX_KIND_SLAB] = KMEMX_PAGETYPE_SLAB,
	};
	u8 kind = KMEMX_KIND_NONE;

	for (; from < end; from++) {
		if (kind && owner[from] && owner[from] != kind)
			return KMEMX_PAGETYPE_MIXED;
		kind = owner[from] ?: kind;
	}
	return kind ? types[kind] : KMEMX_PAGETYPE_FREE;
}

static void fill_at_random(struct kunit *test, struct fixture *fx, struct rnd *rnd)
{
	static const enum kmemx_kind kinds[] = {
		KMEMX_KIND_PAGES, KMEMX_KIND_LARGE, KMEMX_KIND_CONTIG, KMEMX_KIND_SLAB,
	};
	unsigned int nr = rnd_below(rnd, 20);

	for (; nr; nr--) {
		enum kmemx_kind kind = kinds[rnd_below(rnd, ARRAY_SIZE(kinds))];
		long frame, frames = 1 + rnd_below(rnd, 700);

		if (kind == KMEMX_KIND_SLAB)
			frames = 1L << rnd_below(rnd, 4);
		frame = kmemx_zone_alloc(&fx->zone, frames, roundup_pow_of_two(frames), kind);
		if (frame < 0)
			continue;
		if (kind == KMEMX_KIND_SLAB)
			kmemx_zone_mark_tails(&fx->zone, frame, order_base_2(frames), true);
		memset(fx->owner + frame, kind, frames);
	}
}

static void pagetype_random_zones(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct rnd rnd = rnd_start(test);
	unsigned int step, c;

	for (step = 0; step < 200; step++) {
		unsigned int want[KMEMX_NR_PAGETYPES] = { 0 };

		kmemx_zone_fini(&fx->zone);
		KUNIT_ASSERT_EQ(test, kmemx_zone_init(&fx->zone, 1, &fx->ext), 0);
		memset(fx->owner, KMEMX_KIND_NONE, END);
		fill_at_random(test, fx, &rnd);
		look(test, fx);
		for (c = 0; c < NR_CHUNKS; c++)
			want[naive_type(fx->owner, c * 512, min(c * 512 + 512, END))]++;
		for (c = 0; c < KMEMX_NR_PAGETYPES; c++)
			KUNIT_ASSERT_EQ_MSG(test, fx->types.chunks[c], want[c], "%s",
					    kmemx_pagetype_name(c));
	}
}

static struct kunit_case pagetype_cases[] = {
	KUNIT_CASE(pagetype_of_nothing_is_free),
	KUNIT_CASE(pagetype_of_one_kind_is_that),
	KUNIT_CASE(pagetype_goes_on_with_an_allocation),
	KUNIT_CASE(pagetype_does_not_see_fronts),
	KUNIT_CASE(pagetype_names_fit_their_column),
	KUNIT_CASE(pagetype_random_zones),
	{}
};

static struct kunit_suite pagetype_suite = {
	.name = "kmemx_pagetype",
	.init = pagetype_fixture_init,
	.exit = pagetype_fixture_exit,
	.test_cases = pagetype_cases,
};

kunit_test_suites(&pagetype_suite);
