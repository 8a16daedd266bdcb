// SPDX-License-Identifier: GPL-2.0
/*
 * Where blocks are placed, over time: what the zone alone has left for large requests.
 * placement_fronts_kunit.c is the same with all that is around it.
 */
#include "buddy/zone.h"
#include "buddy/zone_bins.h"
#include "buddy/zone_block.h"
#include "buddy/zone_census.h"
#include "buddy/zone_check.h"
#include "buddy/zone_info.h"
#include "load.h"

/* In a guest, the suite of fronts takes long enough. */
#ifdef __KERNEL__
#define NR_SEEDS	1
#else
#define NR_SEEDS	TRACE_SEEDS
#endif

struct fixture {
	struct kmemx_extent ext;
	struct kmemx_zone zone;
	u64 lowest[TRACE_FRAMES / KMEMX_WORD_BITS];
};

static int placement_fixture_init(struct kunit *test)
{
	struct fixture *fx = kunit_kzalloc(test, sizeof(*fx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fx);
	test->priv = fx;
	fx->ext = (struct kmemx_extent){ .pfn = 0x40000, .nr_frames = TRACE_FRAMES };
	KUNIT_ASSERT_EQ(test, kmemx_zone_init(&fx->zone, 1, &fx->ext), 0);
	return 0;
}

static void placement_fixture_exit(struct kunit *test)
{
	struct fixture *fx = test->priv;

	if (!fx || !fx->zone.meta)
		return;
	KUNIT_EXPECT_EQ(test, kmemx_zone_nr_free(&fx->zone), (unsigned long)TRACE_FRAMES);
	KUNIT_EXPECT_NULL(test, (void *)kmemx_zone_check(&fx->zone));
	kmemx_zone_fini(&fx->zone);
}

static bool zone_take(void *ctx, unsigned int order, unsigned long *block)
{
	struct fixture *fx = ctx;
	long frame = kmemx_zone_alloc_order(&fx->zone, order, KMEMX_KIND_PAGES);

	*block = (unsigned long)frame;
	return frame >= 0;
}

static bool zone_give(void *ctx, unsigned int order, unsigned long block)
{
	struct fixture *fx = ctx;
	u8 info;

	if (kmemx_zone_claim(&fx->zone, (unsigned int)block, KMEMX_KIND_PAGES, 1UL << order, &info))
		return false;
	kmemx_zone_give(&fx->zone, (unsigned int)block, order);
	return true;
}

static int zone_max_order(void *ctx)
{
	struct fixture *fx = ctx;

	return kmemx_zone_highest_order(&fx->zone);
}

static const struct load_ops zone_ops = {
	.take = zone_take,
	.give = zone_give,
	.max_order = zone_max_order,
};

static void placement_keeps_room_for_large_blocks(struct kunit *test)
{
	load_expect_few_failures(test, &zone_ops, test->priv, NR_SEEDS);
}

/*
 * What a zone is measured against: each block goes where there is room for it first, by address,
 * whatever else is there. Up to order 6, so a word is all there is to it.
 */
static bool lowest_take(void *ctx, unsigned int order, unsigned long *block)
{
	struct fixture *fx = ctx;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fx->lowest); i++) {
		u64 heads = kmemx_word_free_heads(fx->lowest[i], order);
		unsigned int bit;

		if (!heads)
			continue;
		bit = __ffs64(heads);
		fx->lowest[i] |= kmemx_word_mask(bit, order);
		*block = i * KMEMX_WORD_BITS + bit;
		return true;
	}
	return false;
}

static bool lowest_give(void *ctx, unsigned int order, unsigned long block)
{
	struct fixture *fx = ctx;
	u64 mask = kmemx_word_mask(block % KMEMX_WORD_BITS, order);
	u64 *word = &fx->lowest[block / KMEMX_WORD_BITS];

	*word ^= mask;
	return !(*word & mask);
}

static int lowest_max_order(void *ctx)
{
	struct fixture *fx = ctx;
	int order = -1;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fx->lowest); i++)
		order = max(order, kmemx_word_max_order(fx->lowest[i]));
	return order;
}

static const struct load_ops lowest_ops = {
	.take = lowest_take,
	.give = lowest_give,
	.max_order = lowest_max_order,
};

/* At how many looks of 1000 there are none. */
static unsigned int without_64(struct kunit *test, const struct load_ops *ops, enum load_mix mix)
{
	return load_without_64_in_a_row(test, ops, test->priv, NR_SEEDS, mix);
}

static void placement_keeps_64_in_a_row(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, without_64(test, &zone_ops, LOAD_SMALL), 0U);
}

static void placement_mostly_keeps_64_for_buffers(struct kunit *test)
{
	KUNIT_EXPECT_LE(test, without_64(test, &zone_ops, LOAD_BUFFERS), 400U);
}

static void placement_by_address_has_no_64_in_a_row(struct kunit *test)
{
	KUNIT_EXPECT_GE(test, without_64(test, &lowest_ops, LOAD_SMALL), 500U);
	KUNIT_EXPECT_GE(test, without_64(test, &lowest_ops, LOAD_BUFFERS), 500U);
}

static struct kunit_case placement_cases[] = {
	KUNIT_CASE_SLOW(placement_keeps_room_for_large_blocks),
	KUNIT_CASE_SLOW(placement_keeps_64_in_a_row),
	KUNIT_CASE_SLOW(placement_mostly_keeps_64_for_buffers),
	KUNIT_CASE_SLOW(placement_by_address_has_no_64_in_a_row),
	{}
};

static struct kunit_suite placement_suite = {
	.name = "kmemx_placement",
	.init = placement_fixture_init,
	.exit = placement_fixture_exit,
	.test_cases = placement_cases,
};

kunit_test_suites(&placement_suite);
