// SPDX-License-Identifier: GPL-2.0
/*
 * Where blocks are placed, over time, in a region of 64 MiB whose fronts are as any
 * region's: what is left for large requests.
 */
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>

#include "buddy/pages_front.h"
#include "buddy/zone_bins.h"
#include "buddy/zone_check.h"
#include "cma/backend.h"
#include "fronts.h"
#include "load.h"
#include "region.h"

struct fixture {
	struct kmemx_grant grant;
	struct kmemx_extent extent[TRACE_FRAMES / KMEMX_CHUNK_FRAMES];
	struct kmemx_region region;
	struct kmemx_pages *pages;
};

static int placement_fixture_init(struct kunit *test)
{
	struct fixture *fx = vzalloc(sizeof(*fx));
	struct kmemx_classes classes;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, fx);
	test->priv = fx;
	KUNIT_ASSERT_EQ(test, kmemx_backend_try(&fx->grant, &kmemx_backend_pages, TRACE_FRAMES,
						NUMA_NO_NODE), 0);
	KUNIT_ASSERT_LE(test, fx->grant.nr_spans, (unsigned int)ARRAY_SIZE(fx->extent));
	for (i = 0; i < fx->grant.nr_spans; i++)
		fx->extent[i] = (struct kmemx_extent){ fx->grant.span[i].pfn,
						       fx->grant.span[i].nr_pages };
	kmemx_classes_init(&classes, KMEMX_CLASSES_HALF);
	KUNIT_ASSERT_EQ(test, kmemx_region_init(&fx->region, fx->grant.nr_spans, fx->extent,
						&classes, false), 0);
	fx->pages = &fx->region.pages;
	KUNIT_ASSERT_EQ(test, fx->pages->nr_frames, (unsigned long)TRACE_FRAMES);
	return 0;
}

static void placement_fixture_exit(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int i;

	if (!fx)
		return;
	if (fx->pages) {
		kmemx_region_empty(&fx->region);
		KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), (unsigned long)TRACE_FRAMES);
		KUNIT_EXPECT_NULL(test, (void *)kmemx_zone_check(&fx->pages->zone));
		kmemx_region_fini(&fx->region);
	}
	for (i = 0; i < fx->grant.nr_spans; i++)
		kmemx_backend_release(&fx->grant, i);
	kmemx_backend_fini(&fx->grant);
	vfree(fx);
}

/* As kmemx_alloc_pages() and kmemx_free_pages() of a caller that may not wait. */
static bool page_take(void *ctx, unsigned int order, unsigned long *block)
{
	struct fixture *fx = ctx;
	struct page *page;

	if (order >= KMEMX_PCP_ORDERS ||
	    !kmemx_pages_pop(fx->pages, order, KMEMX_KIND_PAGES, &page))
		page = kmemx_pages_take(fx->pages, order);
	*block = (unsigned long)page;
	return !IS_ERR(page);
}

static bool page_give(void *ctx, unsigned int order, unsigned long block)
{
	struct fixture *fx = ctx;
	struct page *page = (struct page *)block;
	u8 *info = kmemx_pages_place_of(fx->pages, page);

	if (order < KMEMX_PCP_ORDERS &&
	    kmemx_pages_push(fx->pages, page, info, order, KMEMX_KIND_PAGES))
		return true;
	return fronts_put(fx->pages, page, info, order);
}

static int page_max_order(void *ctx)
{
	struct fixture *fx = ctx;

	return kmemx_zone_highest_order(&fx->pages->zone);
}

static const struct load_ops page_ops = {
	.take = page_take,
	.give = page_give,
	.max_order = page_max_order,
};

/*
 * Fronts are each CPU's own: what is placed where must not depend on where this runs. For
 * good, as a case is a thread of its own.
 */
static void stay_here(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(raw_smp_processor_id())), 0);
}

/*
 * Fronts must have had a part in it, or this would be the other suite. What has to be zeroed
 * when it is freed goes past them, so then they have what refills left, which may be nothing.
 */
static void expect_fronts(struct kunit *test)
{
	struct fixture *fx = test->priv;

	if (!want_init_on_free())
		KUNIT_EXPECT_GT(test, kmemx_pages_nr_front(fx->pages), 0UL);
}

static void placement_with_fronts_keeps_room_for_large_blocks(struct kunit *test)
{
	if (want_init_on_free())
		kunit_skip(test, "20 GiB to zero, and past the fronts: kmemx_placement has it");
	stay_here(test);
	load_expect_few_failures(test, &page_ops, test->priv, 1);
	expect_fronts(test);
}

static unsigned int without_64(struct kunit *test, enum load_mix mix)
{
	return load_without_64_in_a_row(test, &page_ops, test->priv, 1, mix);
}

static void placement_with_fronts_keeps_64_in_a_row(struct kunit *test)
{
	stay_here(test);
	KUNIT_EXPECT_EQ(test, without_64(test, LOAD_SMALL), 0U);
	expect_fronts(test);
}

static void placement_with_fronts_mostly_keeps_64_for_buffers(struct kunit *test)
{
	stay_here(test);
	KUNIT_EXPECT_LE(test, without_64(test, LOAD_BUFFERS), 400U);
	expect_fronts(test);
}

static struct kunit_case placement_cases[] = {
	KUNIT_CASE_SLOW(placement_with_fronts_keeps_room_for_large_blocks),
	KUNIT_CASE_SLOW(placement_with_fronts_keeps_64_in_a_row),
	KUNIT_CASE_SLOW(placement_with_fronts_mostly_keeps_64_for_buffers),
	{}
};

static struct kunit_suite placement_suite = {
	.name = "kmemx_placement_fronts",
	.init = placement_fixture_init,
	.exit = placement_fixture_exit,
	.test_cases = placement_cases,
};

kunit_test_suites(&placement_suite);
