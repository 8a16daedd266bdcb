// SPDX-License-Identifier: GPL-2.0
/*
 * What a driver gets wrong: each bad free is refused, counted, and warned of
 * once. A module of its own, because the warnings are real: load it where the
 * reports of kmemx are expected.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <kmemx/compat.h>
#include <kmemx/kmemx.h>
#include <kunit/test.h>

#include "api.h"
#include "observe/snapshot.h"
#include "observe/stat.h"

static s64 count_before[KMEMX_NR_STATS];

static int misuse_fixture_init(struct kunit *test)
{
	int i;

	for (i = 0; i < KMEMX_NR_STATS; i++)
		count_before[i] = kmemx_snapshot_stat(&kmemx_live, i);
	return 0;
}

/* Nothing but what was allocated and freed rightly has changed. */
static void misuse_fixture_exit(struct kunit *test)
{
	struct kmemx_snapshot snap;

	kmemx_snapshot_take(&kmemx_live, &snap);
	KUNIT_EXPECT_EQ(test, snap.unsettled, 0LL);
	KUNIT_EXPECT_EQ(test, snap.used, 0ULL);
}

static void expect_counted(struct kunit *test, enum kmemx_stat_item item, s64 n)
{
	KUNIT_EXPECT_EQ(test, kmemx_snapshot_stat(&kmemx_live, item) - count_before[item], n);
}

/*
 * Two CPUs that free the same block at the same time, both to their fronts, as
 * nearly as one CPU can do it: the block is in a front twice. Who comes to it while it
 * is in use drops it.
 */
static void misuse_racing_double_free(struct kunit *test)
{
	struct page *page = kmemx_alloc_pages(GFP_KERNEL, 0), *again;
	struct kmemx_pcp_list *list;
	u32 frame;

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_TRUE(test, kmemx_pages_find(&kmemx_live.pages, page_address(page), &frame));
	migrate_disable();
	list = &this_cpu_ptr(kmemx_live.pages.pcp)->list[0];
	KUNIT_ASSERT_GT(test, list->cap, 2U);
	kmemx_free_pages(page, 0);
	/* What the other CPU would have done. */
	kmemx_pcp_add(list, page, &kmemx_live.pages.zone.info[frame]);
	kmemx_stat_block_free(0);
	again = kmemx_alloc_pages(GFP_KERNEL, 0);
	KUNIT_EXPECT_PTR_EQ(test, again, page);
	page = kmemx_alloc_pages(GFP_KERNEL, 0);
	migrate_enable();
	KUNIT_EXPECT_NOT_NULL(test, page);
	KUNIT_EXPECT_PTR_NE(test, again, page);
	expect_counted(test, KMEMX_STAT_BAD_FREE_DOUBLE, 1);
	kmemx_free_pages(page, 0);
	kmemx_free_pages(again, 0);
}

static void misuse_racing_double_free_of_an_object(struct kunit *test)
{
	struct kmemx_cache *cache = kmemx_cache_create("kunit-twice", 64, NULL, 0);
	struct kmemx_front *front;
	void *obj, *again;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	obj = kmemx_cache_alloc(cache, GFP_KERNEL);
	migrate_disable();
	kmemx_cache_free(cache, obj);
	front = this_cpu_ptr(cache->front);
	KUNIT_ASSERT_PTR_EQ(test, front->top->obj, obj);
	KUNIT_ASSERT_LT(test, kmemx_front_nr(front), front->granted);
	/* What the other CPU would have done. */
	kmemx_front_add(front, front->top, obj, front->top->status);
	KUNIT_EXPECT_PTR_EQ(test, kmemx_cache_alloc(cache, GFP_KERNEL), obj);
	again = kmemx_cache_alloc(cache, GFP_KERNEL);
	migrate_enable();
	KUNIT_EXPECT_NOT_NULL(test, again);
	KUNIT_EXPECT_PTR_NE(test, again, obj);
	expect_counted(test, KMEMX_STAT_BAD_FREE_DOUBLE, 1);
	kmemx_cache_free(cache, obj);
	kmemx_cache_free(cache, again);
	kmemx_cache_destroy(cache);
}

static void misuse_double_free(struct kunit *test)
{
	struct page *page = kmemx_alloc_pages(GFP_KERNEL, 3);
	void *small = kmemx_alloc(64, GFP_KERNEL);
	void *large = kmemx_alloc(64000, GFP_KERNEL);
	void *contig = kmemx_alloc_contig(5 * PAGE_SIZE, 0, GFP_KERNEL);

	kmemx_free_pages(page, 3);
	kmemx_free_pages(page, 3);
	kmemx_free(small);
	kmemx_free(small);
	kmemx_free(large);
	kmemx_free(large);
	kmemx_free_contig(contig);
	kmemx_free_contig(contig);
	KUNIT_EXPECT_FALSE(test, kmemx_trim_contig(contig, 1));
	expect_counted(test, KMEMX_STAT_BAD_FREE_DOUBLE, 5);
}

static void misuse_wrong_order(struct kunit *test)
{
	struct page *page = kmemx_alloc_pages(GFP_KERNEL, 3);

	kmemx_free_pages(page, 2);
	kmemx_free_pages(page, 4);
	kmemx_free_pages(page, 63);
	kmemx_free_pages(page, 3);
	expect_counted(test, KMEMX_STAT_BAD_FREE_ORDER, 3);
}

static void misuse_inside_an_allocation(struct kunit *test)
{
	struct page *page = kmemx_alloc_pages(GFP_KERNEL, 3);
	u8 *small = kmemx_alloc(64, GFP_KERNEL);
	u8 *large = kmemx_alloc(64000, GFP_KERNEL);

	kmemx_free_pages(page + 1, 0);
	kmemx_free(small + 8);
	kmemx_free(small + 1);
	kmemx_free(large + 8);
	kmemx_free(large + PAGE_SIZE);
	expect_counted(test, KMEMX_STAT_BAD_FREE_MISALIGNED, 5);
	kmemx_free_pages(page, 3);
	kmemx_free(small);
	kmemx_free(large);
}

static void misuse_foreign_address(struct kunit *test)
{
	struct kmemx_cache *cache = kmemx_cache_create("kunit-foreign", 64, NULL, 0);
	u8 *alien = kunit_kzalloc(test, 64, GFP_KERNEL);
	u8 local;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	kmemx_free(alien);
	kmemx_free(&local);
	kmemx_free((void *)~7UL);
	kmemx_free_contig(alien);
	kmemx_free_pages(virt_to_page(alien), 0);
	kmemx_cache_free(cache, alien);
	expect_counted(test, KMEMX_STAT_BAD_FREE_FOREIGN, 6);
	kmemx_cache_destroy(cache);
}

static void misuse_wrong_cache(struct kunit *test)
{
	struct kmemx_cache *a = kmemx_cache_create("kunit-a", 64, NULL, 0);
	struct kmemx_cache *b = kmemx_cache_create("kunit-b", 64, NULL, 0);
	void *obj;

	KUNIT_ASSERT_NOT_NULL(test, a);
	KUNIT_ASSERT_NOT_NULL(test, b);
	obj = kmemx_cache_alloc(a, GFP_KERNEL);
	kmemx_cache_free(b, obj);
	expect_counted(test, KMEMX_STAT_BAD_FREE_CACHE, 1);
	kmemx_cache_free(a, obj);
	kmemx_cache_destroy(a);
	kmemx_cache_destroy(b);
}

static void misuse_wrong_function(struct kunit *test)
{
	struct page *page = kmemx_alloc_pages(GFP_KERNEL, 0);
	void *contig = kmemx_alloc_contig(PAGE_SIZE, 0, GFP_KERNEL);
	void *small = kmemx_alloc(64, GFP_KERNEL);

	kmemx_free(page_address(page));
	kmemx_free(contig);
	kmemx_free_contig(page_address(page));
	kmemx_free_contig(small);
	kmemx_free_pages(virt_to_page(small), 0);
	KUNIT_EXPECT_FALSE(test, kmemx_trim_contig(page_address(page), 1));
	expect_counted(test, KMEMX_STAT_BAD_FREE_FUNCTION, 6);
	kmemx_free_pages(page, 0);
	kmemx_free_contig(contig);
	kmemx_free(small);
}

static void misuse_nofail_is_refused(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, kmemx_alloc(64, GFP_KERNEL | __GFP_NOFAIL | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_pages(GFP_KERNEL | __GFP_NOFAIL | __GFP_NOWARN, 0));
	expect_counted(test, KMEMX_STAT_FAIL_REFUSED, 2);
}

static struct kunit_case misuse_cases[] = {
	KUNIT_CASE(misuse_racing_double_free),
	KUNIT_CASE(misuse_racing_double_free_of_an_object),
	KUNIT_CASE(misuse_double_free),
	KUNIT_CASE(misuse_wrong_order),
	KUNIT_CASE(misuse_inside_an_allocation),
	KUNIT_CASE(misuse_foreign_address),
	KUNIT_CASE(misuse_wrong_cache),
	KUNIT_CASE(misuse_wrong_function),
	KUNIT_CASE(misuse_nofail_is_refused),
	{}
};

static struct kunit_suite misuse_suite = {
	.name = "kmemx_misuse",
	.init = misuse_fixture_init,
	.exit = misuse_fixture_exit,
	.test_cases = misuse_cases,
};

kunit_test_suites(&misuse_suite);

KMEMX_IMPORT_NS(KMEMX);
KMEMX_IMPORT_NS(KMEMX_TEST);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("The kmemx authors");
MODULE_DESCRIPTION("KUnit suite of what kmemx refuses");
