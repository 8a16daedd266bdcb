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
	int order = KMEMX_CHUNK_ORDER;

	while (order >= 0 && !kmemx_zone_has_block(&fx->zone, (unsigned int)order))
		order--;
	return order;
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

static void placement_keeps_64_in_a_row(struct kunit *test)
{
	load_expect_64_in_a_row(test, &zone_ops, test->priv, NR_SEEDS);
}

static struct kunit_case placement_cases[] = {
	KUNIT_CASE_SLOW(placement_keeps_room_for_large_blocks),
	KUNIT_CASE_SLOW(placement_keeps_64_in_a_row),
	{}
};

static struct kunit_suite placement_suite = {
	.name = "kmemx_placement",
	.init = placement_fixture_init,
	.exit = placement_fixture_exit,
	.test_cases = placement_cases,
};

kunit_test_suites(&placement_suite);
