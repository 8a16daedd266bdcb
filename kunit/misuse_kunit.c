// SPDX-License-Identifier: GPL-2.0
/*
 * What a driver gets wrong: each bad free is refused, counted, and warned of
 * once. A module of its own, because the warnings are real: load it where the
 * reports of kmemx are expected.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <kmemx/compat.h>
#include <kmemx/kmemx.h>
#include <kunit/test.h>

#include "api.h"
#include "buddy/pages_front.h"
#include "buddy/pages_quarantine.h"
#include "buddy/zone_block.h"
#include "buddy/zone_check.h"
#include "buddy/zone_info.h"
#include "few_whole.h"
#include "observe/snapshot.h"
#include "observe/stat.h"
#include "slab/exchange.h"
#include "slab/sheaf.h"
#include "slab/usage.h"
#include "used_up.h"

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

/* Into this CPU's front, as a free that races with another one would have put it there. */
static void put_in_front(struct kunit *test, struct page *page)
{
	struct kmemx_pages *pages = &kmemx_live.pages;
	u32 frame;

	KUNIT_ASSERT_TRUE(test, kmemx_pages_find(pages, page_address(page), &frame));
	WRITE_ONCE(pages->zone.info[frame], KMEMX_INFO_FRONT);
	kmemx_pcp_add(&this_cpu_ptr(pages->pcp)->list[0], page, &pages->zone.info[frame]);
	kmemx_stat_block_free(0);
}

/*
 * The same, and nothing is free but what is in the front: who comes to the block again gets the
 * one below it, or is told that there is none.
 */
static void misuse_racing_double_free_where_nothing_else_is_free(struct kunit *test)
{
	unsigned int below;

	for (below = 0; below < 2; below++) {
		struct page *page = kmemx_alloc_pages(GFP_KERNEL, 0);
		struct page *other = kmemx_alloc_pages(GFP_KERNEL, 0);
		void *chain;

		KUNIT_ASSERT_NOT_NULL(test, page);
		KUNIT_ASSERT_NOT_NULL(test, other);
		kmemx_pages_drain(&kmemx_live.pages);
		migrate_disable();
		chain = used_up_take(test);
		if (below)
			put_in_front(test, other);
		put_in_front(test, page);
		put_in_front(test, page);
		KUNIT_EXPECT_PTR_EQ(test, kmemx_alloc_pages(GFP_NOWAIT, 0), page);
		KUNIT_EXPECT_PTR_EQ(test, kmemx_alloc_pages(GFP_NOWAIT | __GFP_NOWARN, 0),
				    below ? other : NULL);
		expect_counted(test, KMEMX_STAT_BAD_FREE_DOUBLE, below + 1);
		KUNIT_EXPECT_NULL(test, kmemx_alloc_pages(GFP_NOWAIT | __GFP_NOWARN, 0));
		migrate_enable();
		used_up_give(chain);
		kmemx_free_pages(page, 0);
		kmemx_free_pages(other, 0);
	}
}

/* The frames of blocks in a row that wait for others in this CPU's front, freed and counted. */
static void let_wait(struct kunit *test, const u32 *frame, unsigned int nr)
{
	struct kmemx_pcp_group *group = &this_cpu_ptr(kmemx_live.pages.pcp)->group;

	KUNIT_EXPECT_EQ(test, group->nr, 0);
	*group = (struct kmemx_pcp_group){ .where = round_down(frame[0], KMEMX_WORD_BITS) };
	for (; group->nr < nr; group->nr++) {
		group->heads |= BIT_ULL(frame[group->nr] % KMEMX_WORD_BITS);
		kmemx_stat_block_free(0);
	}
}

/*
 * The same, where the block waits to go back with others: it is in use again, or has gone
 * back already. Its neighbour does so all the same.
 */
static void misuse_racing_double_free_of_what_waits(struct kunit *test)
{
	struct kmemx_zone *zone = &kmemx_live.pages.zone;
	struct page *page[2];
	unsigned int gone, i;
	u32 frame[2];

	for (gone = 0; gone < 2; gone++) {
		kmemx_pages_drain(&kmemx_live.pages);
		migrate_disable();
		for (i = 0; i < 2; i++) {
			page[i] = kmemx_alloc_pages(GFP_KERNEL, 0);
			KUNIT_EXPECT_TRUE(test, kmemx_pages_find(&kmemx_live.pages,
								 page_address(page[i]), &frame[i]));
		}
		KUNIT_EXPECT_EQ(test, frame[0] / KMEMX_WORD_BITS, frame[1] / KMEMX_WORD_BITS);
		WRITE_ONCE(zone->info[frame[0]], KMEMX_INFO_FRONT);
		if (gone) {
			preempt_disable();
			KUNIT_EXPECT_TRUE(test, kmemx_zone_free_block(zone, frame[1], 0));
			preempt_enable();
			kmemx_stat_block_free(0);
			WRITE_ONCE(zone->info[frame[1]], KMEMX_INFO_FRONT);
		}
		let_wait(test, frame, 2);
		migrate_enable();
		kmemx_pages_drain(&kmemx_live.pages);
		expect_counted(test, KMEMX_STAT_BAD_FREE_DOUBLE, gone + 1);
		KUNIT_EXPECT_EQ(test, kmemx_pages_info(&kmemx_live.pages, frame[0]), 0);
		if (!gone)
			kmemx_free_pages(page[1], 0);
		KUNIT_EXPECT_NULL(test, (void *)kmemx_zone_check(zone));
	}
}

/* The same, of one that has waited alone. */
static void misuse_racing_double_free_of_one_that_waits(struct kunit *test)
{
	struct kmemx_zone *zone = &kmemx_live.pages.zone;
	unsigned int gone;

	for (gone = 0; gone < 2; gone++) {
		struct page *page = kmemx_alloc_pages(GFP_KERNEL, 0);
		struct kmemx_pcp_group group = { .nr = 1 };
		u32 frame;

		KUNIT_ASSERT_NOT_NULL(test, page);
		KUNIT_ASSERT_TRUE(test, kmemx_pages_find(&kmemx_live.pages, page_address(page),
							 &frame));
		group.where = round_down(frame, KMEMX_WORD_BITS);
		group.heads = BIT_ULL(frame % KMEMX_WORD_BITS);
		preempt_disable();
		if (gone) {
			KUNIT_EXPECT_TRUE(test, kmemx_zone_free_block(zone, frame, 0));
			kmemx_stat_block_free(0);
			WRITE_ONCE(zone->info[frame], KMEMX_INFO_FRONT);
		}
		kmemx_stat_block_free(0);
		kmemx_pages_give_group(&kmemx_live.pages, group);
		preempt_enable();
		expect_counted(test, KMEMX_STAT_BAD_FREE_DOUBLE, gone + 1);
		KUNIT_EXPECT_EQ(test, kmemx_pages_info(&kmemx_live.pages, frame),
				gone ? 0 : kmemx_info(KMEMX_KIND_PAGES, 0));
		if (!gone)
			kmemx_free_pages(page, 0);
		KUNIT_EXPECT_NULL(test, (void *)kmemx_zone_check(zone));
	}
}

/* One has claimed a block, as somebody held it then; the other frees it by its bits. */
static void misuse_racing_double_free_of_one_that_is_claimed(struct kunit *test)
{
	struct page *page = kmemx_alloc_pages(GFP_KERNEL, 2);
	struct kmemx_zone *zone = &kmemx_live.pages.zone;
	u32 frame;
	u8 info;

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_TRUE(test, kmemx_pages_find(&kmemx_live.pages, page_address(page), &frame));
	KUNIT_ASSERT_EQ(test, kmemx_zone_claim(zone, frame, KMEMX_KIND_PAGES, 4, &info),
			KMEMX_FREE_OK);
	preempt_disable();
	KUNIT_EXPECT_TRUE(test, kmemx_zone_free_block(zone, frame, 2));
	preempt_enable();
	kmemx_stat_block_free(2);
	kmemx_stat_block_free(2);
	kmemx_pages_give_frames(&kmemx_live.pages, frame, 2);
	expect_counted(test, KMEMX_STAT_BAD_FREE_DOUBLE, 1);
	KUNIT_EXPECT_NULL(test, (void *)kmemx_zone_check(zone));
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

/* A batch with that object, as a CPU would have left it that freed it when another did. */
static struct kmemx_exchange_batch *leave_twice(struct kmemx_cache *cache, u32 number)
{
	struct kmemx_exchange_batch *batch = cache->exchange->batch;

	batch->at[0] = number;
	batch->nr = 1;
	kmemx_stat_add(KMEMX_STAT_FREE, 1);
	kmemx_stat_add(KMEMX_STAT_USED_BYTES, -(s64)cache->layout.stride);
	atomic64_sub((s64)cache->exchange->size * cache->layout.stride,
		     &kmemx_live.depot.exchange_room);
	atomic_set_release(&batch->state, KMEMX_BATCH_FULL);
	return batch;
}

/* One that is in use, in a batch that was left for others too: who takes it there finds out. */
static void misuse_racing_double_free_of_one_that_was_left(struct kunit *test)
{
	struct kmemx_cache *cache = kmemx_cache_create("kunit-left", 64, NULL, 0);
	struct kmemx_exchange_batch *batch;
	struct kmemx_front_slot slot;
	void *obj;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	KUNIT_ASSERT_NOT_NULL(test, cache->exchange);
	migrate_disable();
	obj = kmemx_cache_alloc(cache, GFP_KERNEL);
	/* It has been issued since. */
	KUNIT_EXPECT_PTR_EQ(test, this_cpu_ptr(cache->front)->top[1].obj, obj);
	batch = leave_twice(cache, kmemx_exchange_number(cache,
							 this_cpu_ptr(cache->front)->top + 1));
	preempt_disable();
	KUNIT_EXPECT_FALSE(test, kmemx_exchange_take_one(cache, &slot));
	preempt_enable();
	migrate_enable();
	expect_counted(test, KMEMX_STAT_BAD_FREE_DOUBLE, 1);
	KUNIT_EXPECT_TRUE(test, kmemx_exchange_is_empty(cache));
	KUNIT_EXPECT_EQ(test, atomic_read(&batch->state), KMEMX_BATCH_NONE);
	kmemx_cache_free(cache, obj);
	kmemx_cache_destroy(cache);
}

/* Where its slab is gone, and its frames are a slab of other objects, of whatever kind. */
static void misuse_racing_double_free_of_one_without_a_slab(struct kunit *test)
{
	static const unsigned int sizes[] = { 8, 24, 64, 3000 };
	struct kmemx_front_slot slot;
	unsigned int i, k, nr = 0;

	for (i = 0; i < ARRAY_SIZE(sizes) * ARRAY_SIZE(sizes); i++) {
		unsigned int size = sizes[i / ARRAY_SIZE(sizes)];
		struct kmemx_cache *cache = kmemx_cache_create("kunit-gone", size, NULL, 0);
		struct kmemx_cache *other = kmemx_cache_create("kunit-other",
							       sizes[i % ARRAY_SIZE(sizes)],
							       NULL, 0);
		void *obj, *others[64];
		u32 number;

		KUNIT_ASSERT_NOT_NULL(test, cache);
		KUNIT_ASSERT_NOT_NULL(test, other);
		if (!cache->exchange)
			goto next;
		migrate_disable();
		obj = kmemx_cache_alloc(cache, GFP_KERNEL);
		number = kmemx_exchange_number(cache, this_cpu_ptr(cache->front)->top + 1);
		kmemx_cache_free(cache, obj);
		migrate_enable();
		KUNIT_EXPECT_GT(test, kmemx_cache_shrink(cache), 0UL);
		for (k = 0; k < ARRAY_SIZE(others); k++)
			others[k] = kmemx_cache_alloc(other, GFP_KERNEL);
		/* To its front, as if one of them might be issued. */
		kmemx_cache_free_bulk(other, ARRAY_SIZE(others), others);
		leave_twice(cache, number);
		preempt_disable();
		KUNIT_EXPECT_FALSE(test, kmemx_exchange_take_one(cache, &slot));
		preempt_enable();
		/* And where a front is filled. */
		leave_twice(cache, number);
		obj = kmemx_cache_alloc(cache, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, obj);
		KUNIT_EXPECT_TRUE(test, kmemx_exchange_is_empty(cache));
		kmemx_cache_free(cache, obj);
		nr += 2;
		expect_counted(test, KMEMX_STAT_BAD_FREE_DOUBLE, nr);
next:
		kmemx_cache_destroy(other);
		kmemx_cache_destroy(cache);
	}
}

/* The same, where objects go back to their slab together. */
static void misuse_racing_double_free_of_neighbours(struct kunit *test)
{
	struct kmemx_cache *cache = kmemx_cache_create("kunit-twice", 64, NULL, 0);
	struct kmemx_front *front;
	void *obj[3];
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	for (i = 0; i < ARRAY_SIZE(obj); i++)
		obj[i] = kmemx_cache_alloc(cache, GFP_KERNEL);
	migrate_disable();
	for (i = 0; i < ARRAY_SIZE(obj); i++)
		kmemx_cache_free(cache, obj[i]);
	front = this_cpu_ptr(cache->front);
	KUNIT_ASSERT_LT(test, kmemx_front_nr(front), front->granted);
	kmemx_front_add(front, front->top, obj[2], front->top->status);
	migrate_enable();
	kmemx_cache_drain(cache);
	expect_counted(test, KMEMX_STAT_BAD_FREE_DOUBLE, 1);
	/* The reaper gives empty slabs back with this held. */
	mutex_lock(&kmemx_live.depot.lock);
	KUNIT_EXPECT_NULL(test, kmemx_cache_check(cache));
	mutex_unlock(&kmemx_live.depot.lock);
	kmemx_cache_destroy(cache);
}

/*
 * Freed once more by an interrupt of the free, past the front, between its look at the status byte
 * and its store: the object is in the front, and its slab has counted it.
 */
static void misuse_racing_double_free_past_the_front(struct kunit *test)
{
	struct kmemx_cache *cache = kmemx_cache_create("kunit-twice", 64, NULL, 0);
	unsigned int keep;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	for (keep = 0; keep < 2; keep++) {
		void *obj = kmemx_cache_alloc(cache, GFP_KERNEL);
		const struct kmemx_slab *slab = kmemx_region_slab_at(&kmemx_live, obj);
		struct kmemx_slab *first;
		struct kmemx_front *front;
		u8 *status;

		KUNIT_ASSERT_NOT_NULL(test, obj);
		KUNIT_ASSERT_TRUE(test, kmemx_slab_find(slab, &cache->layout, obj, &status));
		first = kmemx_cache_slab_at(cache, kmemx_cache_slab_of(cache, obj));
		migrate_disable();
		KUNIT_EXPECT_TRUE(test, kmemx_slab_withdraw(status));
		KUNIT_EXPECT_GT(test, kmemx_slab_give(first, status), 0);
		this_cpu_inc(cache->front->nr_past_free);
		WRITE_ONCE(*status, KMEMX_OBJECT_OUT);
		front = this_cpu_ptr(cache->front);
		KUNIT_ASSERT_LT(test, kmemx_front_nr(front), front->granted);
		kmemx_front_add(front, front->top, obj, status);
		/* The slab goes while it is in use again, or not. */
		if (keep)
			KUNIT_EXPECT_PTR_EQ(test, kmemx_cache_alloc(cache, GFP_KERNEL), obj);
		migrate_enable();
		kmemx_cache_shrink(cache);
		expect_counted(test, KMEMX_STAT_BAD_FREE_DOUBLE, keep + 1);
		KUNIT_EXPECT_EQ(test, atomic64_read(&cache->nr_slabs), (s64)keep);
		if (keep) {
			KUNIT_EXPECT_PTR_EQ(test, slab->cache, cache);
			KUNIT_EXPECT_EQ(test, *status, KMEMX_OBJECT_LIVE);
			kmemx_cache_free(cache, obj);
		}
	}
	mutex_lock(&kmemx_live.depot.lock);
	KUNIT_EXPECT_NULL(test, kmemx_cache_check(cache));
	mutex_unlock(&kmemx_live.depot.lock);
	KUNIT_EXPECT_EQ(test, kmemx_cache_delete(cache), 0);
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

static void misuse_trim_of_what_is_no_block(struct kunit *test)
{
	struct page *page = kmemx_alloc_pages(GFP_KERNEL, 3);
	void *contig = kmemx_alloc_contig(8 * PAGE_SIZE, 0, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_NOT_NULL(test, contig);
	KUNIT_EXPECT_FALSE(test, kmemx_page_trim(NULL, 3, 1));
	expect_counted(test, KMEMX_STAT_BAD_FREE_FOREIGN, 1);
	KUNIT_EXPECT_FALSE(test, kmemx_page_trim(page, 3, 0));
	KUNIT_EXPECT_FALSE(test, kmemx_page_trim(page + 1, 0, 1));
	expect_counted(test, KMEMX_STAT_BAD_FREE_MISALIGNED, 2);
	KUNIT_EXPECT_FALSE(test, kmemx_page_trim(page, UINT_MAX, 1));
	KUNIT_EXPECT_FALSE(test, kmemx_page_trim(page, 2, 1));
	KUNIT_EXPECT_FALSE(test, kmemx_page_trim(page, 4, 1));
	expect_counted(test, KMEMX_STAT_BAD_FREE_ORDER, 3);
	KUNIT_EXPECT_FALSE(test, kmemx_page_trim(virt_to_page(contig), 3, 1));
	KUNIT_EXPECT_FALSE(test, kmemx_trim_contig(page_address(page), PAGE_SIZE));
	expect_counted(test, KMEMX_STAT_BAD_FREE_FUNCTION, 2);
	kmemx_free_pages(page, 3);
	KUNIT_EXPECT_FALSE(test, kmemx_page_trim(page, 3, 1));
	expect_counted(test, KMEMX_STAT_BAD_FREE_DOUBLE, 1);
	kmemx_free_contig(contig);
}

/* What is left of eight pages is five, and then four: another order each time. */
static void misuse_orders_of_a_trimmed_block(struct kunit *test)
{
	struct page *page = kmemx_alloc_pages(GFP_KERNEL, 3);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_TRUE(test, kmemx_page_trim(page, 3, 5));
	kmemx_free_pages(page, 2);
	kmemx_free_pages(page, 4);
	KUNIT_EXPECT_FALSE(test, kmemx_page_trim(page, 4, 1));
	expect_counted(test, KMEMX_STAT_BAD_FREE_ORDER, 3);
	KUNIT_EXPECT_TRUE(test, kmemx_page_trim(page, 3, 4));
	kmemx_free_pages(page, 3);
	expect_counted(test, KMEMX_STAT_BAD_FREE_ORDER, 4);
	kmemx_free_pages(page, 2);
	kmemx_free_pages(page, 2);
	expect_counted(test, KMEMX_STAT_BAD_FREE_DOUBLE, 1);
}

/*
 * A block of @order that goes past the front: freed twice; then by two CPUs at the same time,
 * as nearly as one can do it, so that the one behind finds it in use, and its bits clear.
 */
static void free_twice_past_the_front(struct kunit *test, unsigned int order)
{
	struct page *page = kmemx_alloc_pages(GFP_KERNEL, order);
	struct kmemx_pages *pages = &kmemx_live.pages;
	u32 frame;

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_TRUE(test, kmemx_pages_find(pages, page_address(page), &frame));
	kmemx_free_pages(page, order + 1);
	kmemx_free_pages(page, order);
	kmemx_free_pages(page, order);
	WRITE_ONCE(pages->zone.info[frame], kmemx_info(KMEMX_KIND_PAGES, order));
	kmemx_free_pages(page, order);
}

static void misuse_past_the_front(struct kunit *test)
{
	struct few_whole few;
	unsigned int order;

	few_whole_begin(test, &few);
	for (order = 0; order < KMEMX_PCP_ORDERS; order++)
		free_twice_past_the_front(test, order);
	expect_counted(test, KMEMX_STAT_BAD_FREE_ORDER, KMEMX_PCP_ORDERS);
	expect_counted(test, KMEMX_STAT_BAD_FREE_DOUBLE, 2 * KMEMX_PCP_ORDERS);
	few_whole_end(&few);
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

	memset(contig, 0x5c, PAGE_SIZE);
	kmemx_free(page_address(page));
	kmemx_free(contig);
	kmemx_free_sensitive(contig);
	KUNIT_EXPECT_NULL(test, kmemx_realloc(contig, 1, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, kmemx_realloc(contig, 2 * PAGE_SIZE, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, memchr_inv(contig, 0x5c, PAGE_SIZE));
	kmemx_free_contig(page_address(page));
	kmemx_free_contig(small);
	kmemx_free_pages(virt_to_page(small), 0);
	KUNIT_EXPECT_FALSE(test, kmemx_trim_contig(page_address(page), 1));
	expect_counted(test, KMEMX_STAT_BAD_FREE_FUNCTION, 9);
	kmemx_free_pages(page, 0);
	kmemx_free_contig(contig);
	kmemx_free(small);
}

static void misuse_copy_beyond_the_window(struct kunit *test)
{
	struct kmemx_cache_args args = { .useroffset = 8, .usersize = 40 };
	struct kmemx_cache *cache = kmemx_cache_create("kunit-window", 64, &args, 0);
	struct kmemx_cache *none = kmemx_cache_create("kunit-no-window", 64, NULL, 0);
	u8 *obj, *other;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	KUNIT_ASSERT_NOT_NULL(test, none);
	obj = kmemx_cache_alloc(cache, GFP_KERNEL);
	other = kmemx_cache_alloc(none, GFP_KERNEL);
	KUNIT_EXPECT_FALSE(test, kmemx_check_usercopy(obj, 1));
	KUNIT_EXPECT_FALSE(test, kmemx_check_usercopy(obj + 7, 2));
	KUNIT_EXPECT_FALSE(test, kmemx_check_usercopy(obj + 8, 41));
	KUNIT_EXPECT_FALSE(test, kmemx_check_usercopy(obj + 48, 1));
	KUNIT_EXPECT_FALSE(test, kmemx_check_usercopy(obj + 63, 1));
	KUNIT_EXPECT_FALSE(test, kmemx_check_usercopy(obj + 47, SIZE_MAX));
	KUNIT_EXPECT_FALSE(test, kmemx_check_usercopy(other, 1));
	/* A page that user space could have is not even looked at. */
	KUNIT_EXPECT_EQ(test, kmemx_copy_to_user((void __user *)PAGE_SIZE, obj, 5), 5UL);
	KUNIT_EXPECT_EQ(test, kmemx_copy_from_user(obj, (void __user *)PAGE_SIZE, 5), 5UL);
	expect_counted(test, KMEMX_STAT_BAD_USERCOPY, 9);
	kmemx_cache_free(cache, obj);
	KUNIT_EXPECT_FALSE(test, kmemx_check_usercopy(obj + 8, 1));
	expect_counted(test, KMEMX_STAT_BAD_USERCOPY, 10);
	kmemx_cache_free(none, other);
	kmemx_cache_destroy(cache);
	kmemx_cache_destroy(none);
}

static void misuse_copy_beyond_an_allocation(struct kunit *test)
{
	u8 *small = kmemx_alloc(64, GFP_KERNEL), *large = kmemx_alloc(100000, GFP_KERNEL);
	struct page *page = kmemx_alloc_pages(GFP_KERNEL, 0);
	u8 *contig = kmemx_alloc_contig(3 * PAGE_SIZE, 0, GFP_KERNEL);

	KUNIT_EXPECT_FALSE(test, kmemx_check_usercopy(small, 65));
	KUNIT_EXPECT_FALSE(test, kmemx_check_usercopy(small + 63, 2));
	KUNIT_EXPECT_FALSE(test, kmemx_check_usercopy(large, kmemx_size(large) + 1));
	KUNIT_EXPECT_FALSE(test, kmemx_check_usercopy(large, SIZE_MAX));
	KUNIT_EXPECT_FALSE(test, kmemx_check_usercopy(page_address(page) + 1, PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, kmemx_check_usercopy(contig + 2 * PAGE_SIZE, PAGE_SIZE + 1));
	expect_counted(test, KMEMX_STAT_BAD_USERCOPY, 6);
	kmemx_free(small);
	kmemx_free(large);
	kmemx_free_pages(page, 0);
	kmemx_free_contig(contig);
	KUNIT_EXPECT_FALSE(test, kmemx_check_usercopy(small, 1));
	KUNIT_EXPECT_FALSE(test, kmemx_check_usercopy(page_address(page), 1));
	KUNIT_EXPECT_FALSE(test, kmemx_check_usercopy(contig + PAGE_SIZE, 1));
	expect_counted(test, KMEMX_STAT_BAD_USERCOPY, 9);
}

static void misuse_nofail_is_refused(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, kmemx_alloc(64, GFP_KERNEL | __GFP_NOFAIL | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_pages(GFP_KERNEL | __GFP_NOFAIL | __GFP_NOWARN, 0));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_node(64, GFP_KERNEL | __GFP_NOFAIL | __GFP_THISNODE |
						 __GFP_NOWARN, kmemx_live.origin.nid + 1));
	expect_counted(test, KMEMX_STAT_FAIL_REFUSED, 3);
}

/* ---- Each bad free of an object, on each way --------------------------- */

struct bad_free {
	struct kmemx_cache *cache;
	void *obj;
	struct rcu_head rcu;
};

static void free_it(void *arg)
{
	struct bad_free *bad = arg;

	kmemx_cache_free(bad->cache, bad->obj);
}

static void by_cache(struct bad_free *bad) { free_it(bad); }
static void by_address(struct bad_free *bad) { kmemx_free(bad->obj); }

static void by_bulk(struct bad_free *bad)
{
	void *objs[] = { bad->obj };

	kmemx_cache_free_bulk(bad->cache, 1, objs);
}

/* As an interrupt does that meets its CPU at work in the front. */
static void past_the_front(struct bad_free *bad)
{
	struct kmemx_front *front;

	preempt_disable();
	front = kmemx_front_enter(bad->cache->front);
	free_it(bad);
	kmemx_front_leave(bad->cache->front, front);
	preempt_enable();
}

static void on_another_cpu(struct bad_free *bad)
{
	unsigned int cpu;

	migrate_disable();
	cpu = cpumask_any_but(cpu_online_mask, smp_processor_id());
	smp_call_function_single((int)cpu, free_it, bad, 1);
	migrate_enable();
}

static void free_after_grace_period(struct rcu_head *rcu)
{
	free_it(container_of(rcu, struct bad_free, rcu));
}

static void by_rcu(struct bad_free *bad)
{
	init_rcu_head_on_stack(&bad->rcu);
	call_rcu(&bad->rcu, free_after_grace_period);
	rcu_barrier();
	destroy_rcu_head_on_stack(&bad->rcu);
}

#define MAGAZINE	16

/* To where others have to go back for it. */
static void into_a_full_front(struct bad_free *bad)
{
	void *others[MAGAZINE];
	unsigned int i;

	migrate_disable();
	for (i = 0; i < MAGAZINE; i++)
		others[i] = kmemx_cache_alloc(bad->cache, GFP_KERNEL);
	for (i = 0; i < MAGAZINE; i++)
		kmemx_cache_free(bad->cache, others[i]);
	free_it(bad);
	migrate_enable();
}

/* The only object of its slab goes back to it. */
static void leaving_its_slab_empty(struct bad_free *bad)
{
	kmemx_cache_drain(bad->cache);
	past_the_front(bad);
}

/* Where there is one CPU, what another does is left out. */
static bool is_possible(void (*free)(struct bad_free *bad))
{
	return free != on_another_cpu || num_online_cpus() > 1;
}

static const struct way {
	const char *name;
	void (*free)(struct bad_free *bad);
} ways[] = {
	{ "kmemx_cache_free", by_cache },
	{ "kmemx_free", by_address },
	{ "bulk", by_bulk },
	{ "past the front", past_the_front },
	{ "another CPU", on_another_cpu },
	{ "RCU callback", by_rcu },
};

/* Where an object is after its right free. */
static const struct where {
	const char *name;
	void (*free)(struct bad_free *bad);
	bool is_drained, is_alone, is_gone, is_trimmed;
} places[] = {
	{ "in the front", by_cache },
	{ "in another CPU's front", on_another_cpu },
	{ "freed past the front", past_the_front },
	{ "freed in bulk", by_bulk },
	{ "freed by RCU callback", by_rcu },
	{ "back in its slab", by_cache, .is_drained = true },
	{ "in a full front", into_a_full_front },
	{ "in a slab left empty", leaving_its_slab_empty, .is_alone = true },
	{ "slab given back", by_cache, .is_drained = true, .is_alone = true, .is_gone = true },
	{ "empty slab given back", leaving_its_slab_empty, .is_alone = true, .is_gone = true,
	  .is_trimmed = true },
};

static void expect_caught(struct kunit *test, const char *what, const char *where,
			  const char *way, enum kmemx_stat_item item, s64 before)
{
	bool is_caught = kmemx_snapshot_stat(&kmemx_live, item) == before + 1;

	kunit_info(test, "%-14s %-24s %-18s %s\n", what, where, way,
		   is_caught ? "caught" : "MISSED");
	KUNIT_EXPECT_TRUE(test, is_caught);
}

static void expect_sound(struct kunit *test, struct kmemx_cache *cache)
{
	const char *why = kmemx_cache_check(cache);

	KUNIT_ASSERT_TRUE_MSG(test, !why, "%s", why ?: "");
}

static void misuse_every_double_free(struct kunit *test)
{
	struct kmemx_cache_args args = { .magazine = MAGAZINE };
	struct kmemx_cache *cache = kmemx_cache_create("kunit-double", 104, &args, 0);
	struct bad_free bad = { .cache = cache };
	unsigned int p, w;
	void *keep;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	for (p = 0; p < ARRAY_SIZE(places); p++) {
		for (w = 0; w < ARRAY_SIZE(ways); w++) {
			s64 before = kmemx_snapshot_stat(&kmemx_live, KMEMX_STAT_BAD_FREE_DOUBLE);

			if (!is_possible(places[p].free) || !is_possible(ways[w].free))
				continue;
			/* Another keeps the slab, unless that is to go. */
			keep = places[p].is_alone ? NULL : kmemx_cache_alloc(cache, GFP_KERNEL);
			bad.obj = kmemx_cache_alloc(cache, GFP_KERNEL);
			places[p].free(&bad);
			if (places[p].is_drained)
				kmemx_cache_drain(cache);
			if (places[p].is_trimmed)
				kmemx_region_reclaim_some(&kmemx_live);
			else if (places[p].is_gone)
				KUNIT_EXPECT_GT(test, kmemx_cache_shrink(cache), 0UL);
			if (places[p].is_gone)
				KUNIT_EXPECT_EQ(test, atomic64_read(&cache->nr_slabs), 0LL);
			ways[w].free(&bad);
			expect_caught(test, "double free", places[p].name, ways[w].name,
				      KMEMX_STAT_BAD_FREE_DOUBLE, before);
			kmemx_cache_free(cache, keep);
			expect_sound(test, cache);
		}
	}
	kmemx_cache_destroy(cache);
}

static void misuse_every_free_of_what_is_in_a_sheaf(struct kunit *test)
{
	struct kmemx_cache *cache = kmemx_cache_create("kunit-sheaf", 104, NULL, 0);
	struct bad_free bad = { .cache = cache };
	struct kmemx_sheaf *sheaf;
	unsigned int w;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	sheaf = kmemx_cache_prefill(cache, GFP_KERNEL, 2);
	KUNIT_ASSERT_NOT_NULL(test, sheaf);
	bad.obj = sheaf->slot[1].obj;
	for (w = 0; w < ARRAY_SIZE(ways); w++) {
		s64 before = kmemx_snapshot_stat(&kmemx_live, KMEMX_STAT_BAD_FREE_DOUBLE);

		if (!is_possible(ways[w].free))
			continue;
		ways[w].free(&bad);
		expect_caught(test, "never issued", "in a sheaf", ways[w].name,
			      KMEMX_STAT_BAD_FREE_DOUBLE, before);
		expect_sound(test, cache);
	}
	kmemx_return_sheaf(sheaf);
	kmemx_cache_destroy(cache);
}

static void misuse_every_free_of_something_else(struct kunit *test)
{
	struct kmemx_cache *cache = kmemx_cache_create("kunit-one", 104, NULL, 0);
	struct kmemx_cache *other = kmemx_cache_create("kunit-other", 104, NULL, 0);
	u8 *obj = kmemx_cache_alloc(cache, GFP_KERNEL);
	const struct {
		const char *name;
		struct bad_free bad;
		enum kmemx_stat_item item;
	} kinds[] = {
		{ "inside", { cache, obj + 8 }, KMEMX_STAT_BAD_FREE_MISALIGNED },
		{ "odd address", { cache, obj + 1 }, KMEMX_STAT_BAD_FREE_MISALIGNED },
		{ "other cache", { other, obj }, KMEMX_STAT_BAD_FREE_CACHE },
		{ "foreign", { cache, test }, KMEMX_STAT_BAD_FREE_FOREIGN },
		/* Where an object would be if a slab were at 0. */
		{ "no address", { cache, (void *)104 }, KMEMX_STAT_BAD_FREE_FOREIGN },
	};
	unsigned int k, w;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_ASSERT_NOT_NULL(test, other);
	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (w = 0; w < ARRAY_SIZE(ways); w++) {
			s64 before = kmemx_snapshot_stat(&kmemx_live, kinds[k].item);
			struct bad_free bad = kinds[k].bad;

			/* To kmemx_free() any cache will do. */
			if ((ways[w].free == by_address && bad.cache == other) ||
			    !is_possible(ways[w].free))
				continue;
			ways[w].free(&bad);
			expect_caught(test, kinds[k].name, "live", ways[w].name, kinds[k].item,
				      before);
			expect_sound(test, cache);
		}
	}
	kmemx_cache_free(cache, obj);
	kmemx_cache_destroy(cache);
	kmemx_cache_destroy(other);
}

/* Allocate objects until one is at @addr; the others are freed. */
static void *alloc_at(struct kmemx_cache *cache, const void *addr)
{
	void *objs[64], *found = NULL;
	unsigned int nr = 0;

	while (nr < ARRAY_SIZE(objs) && !found) {
		void *obj = kmemx_cache_alloc(cache, GFP_KERNEL);

		if (obj == addr)
			found = obj;
		else
			objs[nr++] = obj;
	}
	kmemx_cache_free_bulk(cache, nr, objs);
	return found;
}

/*
 * What a front handed out is freed in bulk without being looked up, if it comes back as it
 * went. Meanwhile its slab has ended, and the address is an object of another cache.
 */
static void misuse_bulk_of_what_another_cache_has_now(struct kunit *test)
{
	struct kmemx_cache *cache = kmemx_cache_create("kunit-before", 64, NULL, 0);
	struct kmemx_cache *other = kmemx_cache_create("kunit-after", 64, NULL, 0);
	/* More than a refill is, so that one leaves the last slots as they are. */
	void *objs[KMEMX_FRONT_BATCH + 4], *obj;
	const unsigned int nr = ARRAY_SIZE(objs);
	struct kmemx_front *front;
	unsigned int round;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	KUNIT_ASSERT_NOT_NULL(test, other);
	migrate_disable();
	front = this_cpu_ptr(cache->front);
	for (round = 0; round < 2; round++) {
		KUNIT_ASSERT_EQ(test, kmemx_cache_alloc_bulk(cache, GFP_KERNEL, nr, objs), nr);
		kmemx_cache_free_bulk(cache, nr, objs);
	}
	obj = front->bottom[KMEMX_FRONT_BATCH + 1].obj;
	kmemx_cache_shrink(cache);
	KUNIT_ASSERT_EQ(test, atomic64_read(&cache->nr_slabs), 0LL);
	KUNIT_ASSERT_PTR_EQ(test, alloc_at(other, obj), obj);
	/* The front may hold something again, and the object is in the slot above its top. */
	kmemx_cache_free(cache, kmemx_cache_alloc(cache, GFP_KERNEL));
	if (kmemx_front_nr(front) == KMEMX_FRONT_BATCH) {
		KUNIT_EXPECT_TRUE(test, front->top < front->limit);
		KUNIT_EXPECT_PTR_EQ(test, front->top[1].obj, obj);
	}
	kmemx_cache_free_bulk(cache, 1, &obj);
	migrate_enable();
	expect_counted(test, KMEMX_STAT_BAD_FREE_CACHE, 1);
	expect_sound(test, cache);
	expect_sound(test, other);
	kmemx_cache_free(other, obj);
	expect_counted(test, KMEMX_STAT_BAD_FREE_DOUBLE, 0);
	kmemx_cache_destroy(cache);
	kmemx_cache_destroy(other);
}

static struct kunit_case misuse_cases[] = {
	KUNIT_CASE(misuse_racing_double_free),
	KUNIT_CASE(misuse_racing_double_free_where_nothing_else_is_free),
	KUNIT_CASE(misuse_racing_double_free_of_what_waits),
	KUNIT_CASE(misuse_racing_double_free_of_one_that_waits),
	KUNIT_CASE(misuse_racing_double_free_of_one_that_is_claimed),
	KUNIT_CASE(misuse_racing_double_free_of_an_object),
	KUNIT_CASE(misuse_racing_double_free_of_one_that_was_left),
	KUNIT_CASE(misuse_racing_double_free_of_one_without_a_slab),
	KUNIT_CASE(misuse_racing_double_free_of_neighbours),
	KUNIT_CASE(misuse_racing_double_free_past_the_front),
	KUNIT_CASE(misuse_double_free),
	KUNIT_CASE(misuse_every_double_free),
	KUNIT_CASE(misuse_every_free_of_what_is_in_a_sheaf),
	KUNIT_CASE(misuse_every_free_of_something_else),
	KUNIT_CASE(misuse_bulk_of_what_another_cache_has_now),
	KUNIT_CASE(misuse_past_the_front),
	KUNIT_CASE(misuse_wrong_order),
	KUNIT_CASE(misuse_inside_an_allocation),
	KUNIT_CASE(misuse_foreign_address),
	KUNIT_CASE(misuse_wrong_cache),
	KUNIT_CASE(misuse_wrong_function),
	KUNIT_CASE(misuse_trim_of_what_is_no_block),
	KUNIT_CASE(misuse_orders_of_a_trimmed_block),
	KUNIT_CASE(misuse_copy_beyond_the_window),
	KUNIT_CASE(misuse_copy_beyond_an_allocation),
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
