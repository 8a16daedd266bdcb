// SPDX-License-Identifier: GPL-2.0
/*
 * The exported functions of the loaded module, which nobody else uses now.
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <kmemx/kmemx.h>
#include <kunit/test.h>

#include "api.h"
#include "buddy/pages_front.h"
#include "buddy/pages_quarantine.h"
#include "buddy/prezero.h"
#include "buddy/zone_census.h"
#include "buddy/zone_check.h"
#include "few_whole.h"
#include "observe/callers.h"
#include "observe/snapshot.h"
#include "observe/stat.h"
#include "slab/usage.h"
#include "used_up.h"

#define QUIET	(GFP_KERNEL | __GFP_NOWARN)

static s64 read_stat(enum kmemx_stat_item item)
{
	return kmemx_snapshot_stat(&kmemx_live, item);
}

static s64 counted(enum kmemx_stat_item item, s64 before)
{
	return read_stat(item) - before;
}

static size_t region_bytes(void)
{
	return kmemx_live.pages.nr_frames << PAGE_SHIFT;
}

/* After each case: every byte is accounted for, by counters and by walking. */
static void api_expect_settled(struct kunit *test)
{
	unsigned long kinds[KMEMX_NR_KINDS];
	unsigned int nr[KMEMX_NR_ORDERS + 1] = { 0 };
	struct kmemx_snapshot snap;
	unsigned long walked;
	const char *why;

	kmemx_snapshot_take(&kmemx_live, &snap);
	KUNIT_EXPECT_EQ(test, snap.unsettled, 0LL);
	KUNIT_EXPECT_EQ(test, snap.region, (u64)region_bytes());
	KUNIT_EXPECT_EQ(test, snap.used, 0ULL);
	why = kmemx_zone_check(&kmemx_live.pages.zone);
	KUNIT_EXPECT_TRUE_MSG(test, !why, "%s", why ?: "");
	walked = kmemx_zone_count(&kmemx_live.pages.zone, nr);
	KUNIT_EXPECT_EQ(test, (u64)walked << PAGE_SHIFT, snap.free);
	kmemx_pages_tally(&kmemx_live.pages, kinds);
	KUNIT_EXPECT_EQ(test, (u64)kinds[KMEMX_KIND_NONE] << PAGE_SHIFT,
			snap.free + snap.page_front);
	KUNIT_EXPECT_EQ(test, (u64)kinds[KMEMX_KIND_SLAB] << PAGE_SHIFT,
			snap.front - snap.page_front + snap.slab_free + snap.used +
			snap.overhead);
}

static void api_every_size(struct kunit *test)
{
	size_t size;

	for (size = 1; size <= 70000; size += size < 600 ? 1 : 211) {
		u8 *ptr = kmemx_alloc(size, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, ptr);
		KUNIT_ASSERT_GE(test, kmemx_size(ptr), size);
		if (is_power_of_2(size))
			KUNIT_ASSERT_TRUE(test, IS_ALIGNED((unsigned long)ptr, size));
		memset(ptr, 0xff, kmemx_size(ptr));
		kmemx_free(ptr);
		KUNIT_ASSERT_EQ(test, kmemx_size(ptr), 0UL);

		ptr = kmemx_zalloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, ptr);
		KUNIT_ASSERT_NULL(test, memchr_inv(ptr, 0, size));
		kmemx_free(ptr);
	}
}

static void api_large_powers_of_two_are_aligned(struct kunit *test)
{
	size_t size;

	for (size = PAGE_SIZE; size <= region_bytes() / 4; size *= 2) {
		void *ptr = kmemx_alloc(size, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, ptr);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)ptr,
						   min(size, PAGE_SIZE << KMEMX_CHUNK_ORDER)));
		KUNIT_EXPECT_EQ(test, kmemx_size(ptr), size);
		kmemx_free(ptr);
	}
}

/* Boot with init_on_alloc=1 and init_on_free=1 to see the other halves. */
static void api_init_on_alloc_and_free_are_honoured(struct kunit *test)
{
	static const size_t sizes[] = { 8, 100, 4096, 8192, 100000 };
	unsigned int i;

	/* What this CPU has freed is what it gets next. */
	migrate_disable();
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u8 *ptr = kmemx_alloc(sizes[i], GFP_KERNEL);
		u8 *again;

		KUNIT_ASSERT_NOT_NULL(test, ptr);
		memset(ptr, 0xff, sizes[i]);
		kmemx_free(ptr);
		KUNIT_EXPECT_EQ(test, ptr[sizes[i] - 1], want_init_on_free() ? 0 : 0xff);
		again = kmemx_alloc(sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_PTR_EQ(test, again, ptr);
		KUNIT_EXPECT_EQ(test, !memchr_inv(again, 0, sizes[i]),
				want_init_on_alloc(GFP_KERNEL) || want_init_on_free());
		kmemx_free(again);
	}
	migrate_enable();
}

/* Out of a front, past it, whole chunks and more, and many at once. */
static void api_pages_are_zeroed(struct kunit *test)
{
	struct page *many[2 * KMEMX_WORD_BITS];
	unsigned int order, i;

	for (order = 0; order <= KMEMX_CHUNK_ORDER + 1; order++) {
		size_t bytes = PAGE_SIZE << order;
		struct page *page;

		/* The second is one that was there, wherever it is. */
		for (i = 0; i < 2; i++) {
			page = kmemx_alloc_pages(GFP_KERNEL | __GFP_ZERO, order);
			KUNIT_ASSERT_NOT_NULL(test, page);
			KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0, bytes));
			memset(page_address(page), 0xff, bytes);
			kmemx_free_pages(page, order);
		}
	}
	for (order = 0; order < 2; order++) {
		KUNIT_ASSERT_EQ(test, kmemx_alloc_pages_bulk(GFP_KERNEL | __GFP_ZERO,
							     ARRAY_SIZE(many), many),
				(unsigned long)ARRAY_SIZE(many));
		for (i = 0; i < ARRAY_SIZE(many); i++) {
			KUNIT_EXPECT_NULL(test, memchr_inv(page_address(many[i]), 0, PAGE_SIZE));
			memset(page_address(many[i]), 0xff, PAGE_SIZE);
		}
		kmemx_free_pages_bulk(ARRAY_SIZE(many), many);
	}
}

/*
 * A chunk that is known to be zero has a byte that is not, which who zeroes it again, or
 * takes another, would not see.
 */
static u8 *plant_byte(struct kunit *test)
{
	struct kmemx_pages *pages = &kmemx_live.pages;
	u8 *addr;
	long c;

	/* The first may only hear that somebody has needed every frame. */
	KUNIT_ASSERT_TRUE(test, kmemx_pages_zero_chunk(pages) || kmemx_pages_zero_chunk(pages));
	c = kmemx_bins_next(&pages->zone.bins, KMEMX_BIN_ALL_ZERO, 0);
	KUNIT_ASSERT_GE(test, c, 0L);
	addr = kmemx_pages_address(pages, (u32)c * KMEMX_CHUNK_FRAMES);
	KUNIT_EXPECT_NULL(test, memchr_inv(addr, 0, PAGE_SIZE << KMEMX_CHUNK_ORDER));
	addr[1234] = 0x5a;
	return addr;
}

static s64 zeroing_saved(void)
{
	return kmemx_snapshot_stat(&kmemx_live, KMEMX_STAT_ZEROING_SAVED);
}

static void api_what_was_zeroed_ahead_is_not_zeroed_again(struct kunit *test)
{
	const size_t bytes = PAGE_SIZE << KMEMX_CHUNK_ORDER, part = 300 * PAGE_SIZE;
	s64 saved = zeroing_saved();
	struct kmemx_snapshot snap;
	struct page *page;
	u8 *addr, *got;

	if (want_init_on_free())
		kunit_skip(test, "all that is free is zero");
	addr = plant_byte(test);
	kmemx_snapshot_take(&kmemx_live, &snap);
	KUNIT_EXPECT_EQ(test, snap.zeroed, (u64)bytes);
	page = kmemx_alloc_pages(GFP_KERNEL | __GFP_ZERO, KMEMX_CHUNK_ORDER);
	KUNIT_ASSERT_PTR_EQ(test, (u8 *)page_address(page), addr);
	KUNIT_EXPECT_EQ(test, addr[1234], 0x5a);
	KUNIT_EXPECT_EQ(test, zeroing_saved() - saved, (s64)bytes);
	kmemx_free_pages(page, KMEMX_CHUNK_ORDER);
	/* What somebody had is not known to be zero. */
	page = kmemx_alloc_pages(GFP_KERNEL | __GFP_ZERO, KMEMX_CHUNK_ORDER);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0, bytes));
	KUNIT_EXPECT_EQ(test, zeroing_saved() - saved, (s64)bytes);
	kmemx_free_pages(page, KMEMX_CHUNK_ORDER);
	/* More than half a chunk. */
	addr = plant_byte(test);
	got = kmemx_alloc_contig(part, 0, GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_PTR_EQ(test, got, addr);
	KUNIT_EXPECT_EQ(test, addr[1234], 0x5a);
	KUNIT_EXPECT_EQ(test, zeroing_saved() - saved, (s64)(bytes + part));
	kmemx_free_contig(got);
}

static void api_thread_zeroes_ahead(struct kunit *test)
{
	const unsigned long bytes = 3 * PAGE_SIZE << KMEMX_CHUNK_ORDER;
	struct kmemx_prezero prezero;
	struct kmemx_snapshot snap;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, kmemx_prezero_start(&prezero, &kmemx_live.pages, bytes), 0);
	for (i = 0; i < 1000; i++) {
		kmemx_snapshot_take(&kmemx_live, &snap);
		if (snap.zeroed >= bytes)
			break;
		msleep(20);
	}
	/* It does no more than it is told to. */
	msleep(300);
	kmemx_snapshot_take(&kmemx_live, &snap);
	kmemx_prezero_stop(&prezero);
	if (want_init_on_free())
		KUNIT_EXPECT_EQ(test, snap.zeroed, snap.free + snap.page_front);
	else
		KUNIT_EXPECT_EQ(test, snap.zeroed, (u64)bytes);
}

static void api_nothing_is_not_an_error(struct kunit *test)
{
	void *ptr = kmemx_alloc(0, GFP_KERNEL);

	KUNIT_EXPECT_PTR_EQ(test, ptr, ZERO_SIZE_PTR);
	KUNIT_EXPECT_EQ(test, kmemx_size(ptr), 0UL);
	kmemx_free(ptr);
	kmemx_free(NULL);
	kmemx_free_contig(NULL);
	kmemx_free_pages(NULL, 3);
	kmemx_cache_destroy(NULL);
	KUNIT_EXPECT_NULL(test, kmemx_alloc_contig(0, 0, QUIET));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_contig(1, 3, QUIET));
	KUNIT_EXPECT_EQ(test, kmemx_size(test), 0UL);
}

/* Objects in fronts hold slabs; a caller that may wait gets their frames. */
static void api_whole_region_can_be_had(struct kunit *test)
{
	size_t bytes = region_bytes();
	void *obj[40], *all;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(obj); i++)
		obj[i] = kmemx_alloc(100, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(obj); i++)
		kmemx_free(obj[i]);
	KUNIT_EXPECT_NULL(test, kmemx_alloc(bytes, GFP_NOWAIT | __GFP_NOWARN));
	all = kmemx_alloc(bytes, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, all);
	KUNIT_EXPECT_EQ(test, kmemx_size(all), bytes);
	KUNIT_EXPECT_NULL(test, kmemx_alloc(1, QUIET));
	kmemx_free(all);
}

static void api_failures_have_reasons(struct kunit *test)
{
	s64 too_large = read_stat(KMEMX_STAT_FAIL_TOO_LARGE);
	s64 exhausted = read_stat(KMEMX_STAT_FAIL_EXHAUSTED);
	s64 fragmentation = read_stat(KMEMX_STAT_FAIL_FRAGMENTATION);
	size_t bytes = region_bytes();
	struct page *pin;
	void *ptr;

	KUNIT_EXPECT_NULL(test, kmemx_alloc(bytes + 1, QUIET));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_pages(QUIET, 60));
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_FAIL_TOO_LARGE), too_large + 2);
	ptr = kmemx_alloc(bytes - PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	KUNIT_EXPECT_NULL(test, kmemx_alloc(2 * PAGE_SIZE, QUIET));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_contig(2 * PAGE_SIZE, 0, QUIET));
	/* Who may not wait gets to know on a shorter way. */
	KUNIT_EXPECT_NULL(test, kmemx_alloc_pages(GFP_NOWAIT | __GFP_NOWARN, 1));
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_FAIL_EXHAUSTED), exhausted + 3);
	kmemx_free(ptr);
	pin = kmemx_alloc_pages(GFP_KERNEL, 0);
	KUNIT_EXPECT_NULL(test, kmemx_alloc(bytes - PAGE_SIZE, QUIET));
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_FAIL_FRAGMENTATION), fragmentation + 1);
	kmemx_free_pages(pin, 0);
}

static void api_counts_what_it_does(struct kunit *test)
{
	s64 before[KMEMX_NR_STATS];
	struct page *page;
	void *small, *large, *contig;
	int i;

	for (i = 0; i < KMEMX_NR_STATS; i++)
		before[i] = read_stat(i);
	small = kmemx_alloc(100, GFP_KERNEL);
	large = kmemx_alloc(9 * PAGE_SIZE, GFP_KERNEL);
	contig = kmemx_alloc_contig(3 * PAGE_SIZE, 0, GFP_KERNEL);
	page = kmemx_alloc_pages(GFP_KERNEL, 1);
	KUNIT_EXPECT_EQ(test, counted(KMEMX_STAT_ALLOC, before[KMEMX_STAT_ALLOC]), 1LL);
	KUNIT_EXPECT_EQ(test, counted(KMEMX_STAT_PAGE_ALLOC, before[KMEMX_STAT_PAGE_ALLOC]), 3LL);
	KUNIT_EXPECT_EQ(test, counted(KMEMX_STAT_USED_BYTES, before[KMEMX_STAT_USED_BYTES]),
			(s64)(kmemx_size(small) + 14 * PAGE_SIZE));
	kmemx_free(small);
	kmemx_free(large);
	kmemx_free_contig(contig);
	kmemx_free_pages(page, 1);
	KUNIT_EXPECT_EQ(test, counted(KMEMX_STAT_FREE, before[KMEMX_STAT_FREE]), 1LL);
	KUNIT_EXPECT_EQ(test, counted(KMEMX_STAT_PAGE_FREE, before[KMEMX_STAT_PAGE_FREE]), 3LL);
	KUNIT_EXPECT_EQ(test, counted(KMEMX_STAT_USED_BYTES, before[KMEMX_STAT_USED_BYTES]), 0LL);
}

static void api_page_blocks(struct kunit *test)
{
	unsigned int order;

	for (order = 0; PAGE_SIZE << order <= region_bytes() / 4; order++) {
		struct page *page = kmemx_alloc_pages(GFP_KERNEL | __GFP_ZERO, order);

		KUNIT_ASSERT_NOT_NULL(test, page);
		KUNIT_EXPECT_EQ(test, page_to_pfn(page) & ((1UL << order) - 1), 0UL);
		KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
		KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0, PAGE_SIZE << order));
		memset(page_address(page), 0xff, PAGE_SIZE << order);
		kmemx_free_pages(page, order);
	}
}

static void api_contig_any_size_and_alignment(struct kunit *test)
{
	size_t size, align;

	for (align = 0; align <= (4UL << 20); align = align ? align * 4 : PAGE_SIZE) {
		for (size = 1; size < (5UL << 20); size = size * 3 + 1000) {
			u8 *ptr = kmemx_alloc_contig(size, align, GFP_KERNEL);

			KUNIT_ASSERT_NOT_NULL(test, ptr);
			KUNIT_EXPECT_TRUE(test, IS_ALIGNED(virt_to_phys(ptr),
							   max(align, PAGE_SIZE)));
			KUNIT_EXPECT_EQ(test, kmemx_size(ptr), PAGE_ALIGN(size));
			ptr[0] = 1;
			ptr[size - 1] = 1;
			kmemx_free_contig(ptr);
		}
	}
}

/* It is given back by this, or by the reaper just now. */
static void expect_let_go(struct kunit *test)
{
	unsigned int tries;

	kmemx_pages_sweep(&kmemx_live.pages);
	for (tries = 0; tries < 1000 && atomic64_read(&kmemx_live.pages.nr_quarantined); tries++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, atomic64_read(&kmemx_live.pages.nr_quarantined), 0LL);
}

/* A consumer that keeps a page after it freed the block. */
static void api_held_pages_are_set_aside_and_counted(struct kunit *test)
{
	s64 held = read_stat(KMEMX_STAT_HELD_ON_FREE);
	struct page *page = kmemx_alloc_pages(GFP_KERNEL, 2);
	struct kmemx_snapshot snap;

	KUNIT_ASSERT_NOT_NULL(test, page);
	get_page(page + 1);
	kmemx_free_pages(page, 2);
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_HELD_ON_FREE), held + 1);
	kmemx_snapshot_take(&kmemx_live, &snap);
	KUNIT_EXPECT_EQ(test, snap.quarantined, (u64)PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, snap.unsettled, 0LL);
	put_page(page + 1);
	kmemx_region_reclaim(&kmemx_live);
	expect_let_go(test);
}

/*
 * The reaper wakes no CPU that has nothing to do, and may be on any of them: a tick is to find each
 * at work.
 */
static void let_reaper_run(void)
{
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		set_cpus_allowed_ptr(current, cpumask_of(cpu));
		mdelay(jiffies_to_msecs(1) + 1);
	}
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	msleep(20);
}

/* Nobody asks: it is looked for now and then. */
static void api_held_pages_come_back_by_themselves(struct kunit *test)
{
	struct page *page = kmemx_alloc_pages(GFP_KERNEL, 0);
	unsigned int tries;

	KUNIT_ASSERT_NOT_NULL(test, page);
	get_page(page);
	kmemx_free_pages(page, 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&kmemx_live.pages.nr_quarantined), 1LL);
	put_page(page);
	for (tries = 0; tries < 1000 && atomic64_read(&kmemx_live.pages.nr_quarantined); tries++)
		let_reaper_run();
	KUNIT_EXPECT_EQ(test, atomic64_read(&kmemx_live.pages.nr_quarantined), 0LL);
}

#define NR_PAST	6

/* Blocks of @order, which go past the front. */
static void free_past_the_front(struct kunit *test, unsigned int order)
{
	s64 freed = read_stat(KMEMX_STAT_PAGE_FREE);
	struct page *page[NR_PAST];
	unsigned long nr_front;
	unsigned int i;
	u32 frame;

	for (i = 0; i < NR_PAST; i++) {
		page[i] = kmemx_alloc_pages(GFP_KERNEL, order);
		KUNIT_ASSERT_NOT_NULL(test, page[i]);
		KUNIT_ASSERT_TRUE(test, kmemx_pages_find(&kmemx_live.pages, page_address(page[i]),
							 &frame));
		KUNIT_EXPECT_FALSE(test, kmemx_zone_is_dense(&kmemx_live.pages.zone, frame));
	}
	nr_front = kmemx_pages_nr_front(&kmemx_live.pages);
	for (i = 0; i < NR_PAST; i++)
		kmemx_free_pages(page[i], order);
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_front(&kmemx_live.pages), nr_front);
	KUNIT_EXPECT_EQ(test, counted(KMEMX_STAT_PAGE_FREE, freed), (s64)NR_PAST);
}

/* The last page of a block of @order is held when that goes past the front. */
static void hold_past_the_front(struct kunit *test, unsigned int order)
{
	s64 held = read_stat(KMEMX_STAT_HELD_ON_FREE);
	struct page *page = kmemx_alloc_pages(GFP_KERNEL, order), *last;
	struct kmemx_snapshot snap;

	KUNIT_ASSERT_NOT_NULL(test, page);
	last = page + (1U << order) - 1;
	get_page(last);
	kmemx_free_pages(page, order);
	KUNIT_EXPECT_EQ(test, counted(KMEMX_STAT_HELD_ON_FREE, held), 1LL);
	kmemx_snapshot_take(&kmemx_live, &snap);
	KUNIT_EXPECT_EQ(test, snap.quarantined, (u64)PAGE_SIZE);
	put_page(last);
	expect_let_go(test);
}

static void api_frees_past_the_front(struct kunit *test)
{
	struct few_whole few;
	unsigned int order;

	few_whole_begin(test, &few);
	for (order = 0; order < KMEMX_PCP_ORDERS; order++) {
		free_past_the_front(test, order);
		hold_past_the_front(test, order);
	}
	few_whole_end(&few);
}

/* Sizes that wrap when they are rounded up, as an errno used as a size does. */
static void api_absurd_sizes_fail(struct kunit *test)
{
	static const size_t sizes[] = {
		SIZE_MAX, SIZE_MAX - 4094, SIZE_MAX - 4096, -ENOMEM, LONG_MAX,
	};
	s64 too_large = read_stat(KMEMX_STAT_FAIL_TOO_LARGE);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_NULL(test, kmemx_alloc(sizes[i], QUIET));
		KUNIT_EXPECT_NULL(test, kmemx_alloc_contig(sizes[i], 0, QUIET));
	}
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_FAIL_TOO_LARGE), too_large + 2 * i);
}

/* What cannot be is refused, and that is counted. */
static void api_refused_arguments_are_counted(struct kunit *test)
{
	s64 refused = read_stat(KMEMX_STAT_FAIL_REFUSED);

	KUNIT_EXPECT_NULL(test, kmemx_alloc_contig(0, 0, QUIET));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_contig(PAGE_SIZE, 3 * PAGE_SIZE, QUIET));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_contig_bound(2 * PAGE_SIZE, 0, PAGE_SIZE, QUIET));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_contig_bound(PAGE_SIZE, 0, 3 * PAGE_SIZE, QUIET));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_contig_at(1, PAGE_SIZE, QUIET));
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_FAIL_REFUSED), refused + 5);
}

/* More than a chunk, which is zeroed in parts. */
static void api_large_is_zero_to_its_end(struct kunit *test)
{
	size_t bytes = 3 * (PAGE_SIZE << KMEMX_CHUNK_ORDER) - PAGE_SIZE;
	u8 *ptr = kmemx_alloc_contig(bytes, 0, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ptr);
	memset(ptr, 0x5c, bytes);
	kmemx_free_contig(ptr);
	ptr = kmemx_alloc_contig(bytes, 0, GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	KUNIT_EXPECT_NULL(test, memchr_inv(ptr, 0, bytes));
	kmemx_free_contig(ptr);
}

/* Pages that were held when they were freed serve a caller that may not sleep. */
static void api_released_pages_serve_atomic_callers(struct kunit *test)
{
	size_t bytes = region_bytes();
	struct page *page;
	void *all;

	kmemx_region_reclaim(&kmemx_live);
	page = kmemx_alloc_pages(GFP_KERNEL, 0);
	KUNIT_ASSERT_NOT_NULL(test, page);
	get_page(page);
	kmemx_free_pages(page, 0);
	KUNIT_EXPECT_NULL(test, kmemx_alloc(bytes, GFP_NOWAIT | __GFP_NOWARN));
	put_page(page);
	kmemx_pages_drain(&kmemx_live.pages);
	all = kmemx_alloc(bytes, GFP_NOWAIT);
	KUNIT_EXPECT_NOT_NULL(test, all);
	kmemx_free(all);
}

/* What is in fronts is lost to a caller that may not wait, and no other. */
static void api_says_what_is_stranded_in_fronts(struct kunit *test)
{
	s64 stranded = read_stat(KMEMX_STAT_FAIL_STRANDED);
	struct page *page;
	void *rest, *last;

	kmemx_region_reclaim(&kmemx_live);
	/* The fronts of two CPUs are looked at, of which this is one. */
	migrate_disable();
	page = kmemx_alloc_pages(GFP_KERNEL, 0);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_GT(test, kmemx_pages_nr_front(&kmemx_live.pages), 0UL);
	rest = used_up_take(test);
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_FAIL_STRANDED), stranded + 1);
	migrate_enable();
	last = kmemx_alloc_contig(PAGE_SIZE, 0, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, last);
	kmemx_free_contig(last);
	kmemx_free_pages(page, 0);
	used_up_give(rest);
}

/* Leaves what it was filled with in the front of the CPU that it runs on. */
static void fill_this_front(void *unused)
{
	struct page *page = kmemx_alloc_pages(GFP_NOWAIT, 0);

	if (page)
		kmemx_free_pages(page, 0);
}

/* That of another CPU is found by who fails often enough, and the next time too. */
static void api_finds_what_another_front_has(struct kunit *test)
{
	s64 stranded = read_stat(KMEMX_STAT_FAIL_STRANDED);
	unsigned int other, tries = 0;
	void *rest;

	kmemx_region_reclaim(&kmemx_live);
	migrate_disable();
	other = cpumask_any_but(cpu_online_mask, raw_smp_processor_id());
	if (other >= nr_cpu_ids) {
		migrate_enable();
		kunit_skip(test, "on one CPU there is no other front");
	}
	KUNIT_ASSERT_EQ(test, smp_call_function_single((int)other, fill_this_front, NULL, 1), 0);
	KUNIT_ASSERT_GT(test, kmemx_pages_nr_front_of(&kmemx_live.pages, other), 0UL);
	KUNIT_ASSERT_EQ(test, kmemx_pages_nr_front_of(&kmemx_live.pages, raw_smp_processor_id()),
			0UL);
	rest = used_up_take(test);
	while (read_stat(KMEMX_STAT_FAIL_STRANDED) == stranded && tries++ < nr_cpu_ids)
		KUNIT_EXPECT_NULL(test, kmemx_alloc_contig(PAGE_SIZE, 0,
							   GFP_NOWAIT | __GFP_NOWARN));
	stranded++;
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_FAIL_STRANDED), stranded);
	KUNIT_EXPECT_NULL(test, kmemx_alloc_contig(PAGE_SIZE, 0, GFP_NOWAIT | __GFP_NOWARN));
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_FAIL_STRANDED), stranded + 1);
	migrate_enable();
	used_up_give(rest);
}

/*
 * What is in this CPU's front after an allocation that fills it, if another was emptied @ticks ago;
 * the clock must not go on meanwhile.
 */
static unsigned long fill_after(struct kunit *test, unsigned long ticks)
{
	struct kmemx_pages *live = &kmemx_live.pages;
	unsigned long now, nr;
	struct page *page;

	do {
		kmemx_region_reclaim(&kmemx_live);
		preempt_disable();
		now = jiffies;
		WRITE_ONCE(live->drained_at, now - ticks);
		page = kmemx_alloc_pages(GFP_NOWAIT, 0);
		nr = kmemx_pages_nr_front_of(live, (unsigned int)raw_smp_processor_id());
		now = jiffies - now;
		preempt_enable();
		KUNIT_EXPECT_NOT_NULL(test, page);
		kmemx_free_pages(page, 0);
	} while (now);
	return nr;
}

/* So that there is something for who is short of it. */
static void api_front_is_not_filled_while_others_are_drained(struct kunit *test)
{
	struct kmemx_pages *live = &kmemx_live.pages;
	const unsigned long long_ago = 1000 * HZ;
	struct few_whole few;

	few_whole_begin(test, &few);
	KUNIT_EXPECT_EQ(test, fill_after(test, 0), 0UL);
	KUNIT_EXPECT_EQ(test, fill_after(test, 1), 0UL);
	if (raw_cpu_ptr(live->pcp)->list[0].few > 1)
		KUNIT_EXPECT_GT(test, fill_after(test, KMEMX_DRAINED_TICKS), 0UL);
	/* One CPU has nobody to leave it to. */
	WRITE_ONCE(live->drained_at, jiffies - long_ago);
	kmemx_region_reclaim(&kmemx_live);
	KUNIT_EXPECT_EQ(test, jiffies - READ_ONCE(live->drained_at) < long_ago,
			num_online_cpus() > 1);
	few_whole_end(&few);
}

/* Takes pages, @page[nr] the next, until its CPU has used up what others have left for it. */
struct taker {
	struct page *page[64];
	unsigned int nr;
};

static void take_what_is_left(void *arg)
{
	const struct kmemx_pcp *pcp = this_cpu_ptr(kmemx_live.pages.pcp);
	struct taker *taker = arg;

	do
		taker->page[taker->nr++] = kmemx_alloc_pages(GFP_NOWAIT, 0);
	while (kmemx_parcel_blocks(pcp) && taker->nr < ARRAY_SIZE(taker->page));
}

/* A CPU that has found its stack empty is left what another one frees to a full one. */
static void api_gives_other_cpus_what_they_want(struct kunit *test)
{
	struct kmemx_pages *live = &kmemx_live.pages;
	unsigned long part = kmemx_pcp_part(live->nr_frames, num_possible_cpus()), nr = 2 * part, i;
	struct taker *taker = kunit_kzalloc(test, sizeof(*taker), GFP_KERNEL);
	struct page **pages = kunit_kcalloc(test, nr, sizeof(*pages), GFP_KERNEL);
	s64 nr_freed = read_stat(KMEMX_STAT_PAGE_FREE);
	struct kmemx_pcp *pcp;
	unsigned int other;

	KUNIT_ASSERT_NOT_NULL(test, taker);
	KUNIT_ASSERT_NOT_NULL(test, pages);
	if (!kmemx_parcel_is_for(live, 0))
		kunit_skip(test, "nobody leaves pages for another CPU here");
	kmemx_region_reclaim(&kmemx_live);
	migrate_disable();
	other = cpumask_any_but(cpu_online_mask, raw_smp_processor_id());
	pcp = per_cpu_ptr(live->pcp, other);
	for (i = 0; i < nr; i++) {
		pages[i] = kmemx_alloc_pages(QUIET, 0);
		KUNIT_EXPECT_NOT_NULL(test, pages[i]);
	}
	/* That this CPU has wanted some is no reason to leave it what it frees. */
	for (i = 0; i < part; i++)
		kmemx_free_pages(pages[i], 0);
	KUNIT_EXPECT_EQ(test, live->wanting[0], 0U);
	KUNIT_ASSERT_EQ(test, smp_call_function_single((int)other, take_what_is_left, taker, 1), 0);
	KUNIT_EXPECT_EQ(test, live->wanting[0], other + 1);
	for (; i < nr; i++)
		kmemx_free_pages(pages[i], 0);
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_PAGE_FREE), nr_freed + (s64)nr);
	KUNIT_EXPECT_EQ(test, kmemx_parcel_blocks(pcp), KMEMX_PARCEL_BLOCKS);
	KUNIT_ASSERT_EQ(test, smp_call_function_single((int)other, take_what_is_left, taker, 1), 0);
	KUNIT_EXPECT_EQ(test, kmemx_parcel_blocks(pcp), 0U);
	migrate_enable();
	for (i = 0; i < taker->nr; i++) {
		KUNIT_EXPECT_NOT_NULL(test, taker->page[i]);
		kmemx_free_pages(taker->page[i], 0);
	}
}

#define NOWAIT	(GFP_NOWAIT | __GFP_NOWARN)

/* All frames of the region that are to be had, one by one. */
static struct page **take_every_frame(struct kunit *test)
{
	unsigned long all = kmemx_live.pages.nr_frames;
	struct page **pages = kvcalloc(all, sizeof(*pages), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pages);
	kmemx_region_reclaim(&kmemx_live);
	KUNIT_EXPECT_GT(test, kmemx_alloc_pages_bulk(QUIET, all, pages), 0UL);
	return pages;
}

static void give_every_frame(struct page **pages)
{
	kmemx_free_pages_bulk(kmemx_live.pages.nr_frames, pages);
	kvfree(pages);
}

/* An object that no slab can be made for, as there is no frame, or none that is next to another. */
static void api_failing_slabs_have_reasons(struct kunit *test)
{
	struct page **pages = take_every_frame(test);
	s64 fragmentation = read_stat(KMEMX_STAT_FAIL_FRAGMENTATION);
	s64 exhausted = read_stat(KMEMX_STAT_FAIL_EXHAUSTED);
	size_t large = 2 * PAGE_SIZE;
	unsigned long i;

	KUNIT_EXPECT_NULL(test, kmemx_alloc(100, NOWAIT));
	KUNIT_EXPECT_NULL(test, kmemx_alloc(large, NOWAIT));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_pages(NOWAIT, 0));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_pages(NOWAIT | __GFP_ZERO, 0));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_pages(NOWAIT, KMEMX_CHUNK_ORDER));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_pages(NOWAIT | __GFP_ZERO, KMEMX_CHUNK_ORDER));
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_FAIL_EXHAUSTED), exhausted + 6);
	for (i = 0; i < kmemx_live.pages.nr_frames; i++) {
		if (page_to_pfn(pages[i]) % 2)
			continue;
		kmemx_free_pages(pages[i], 0);
		pages[i] = NULL;
	}
	KUNIT_EXPECT_NULL(test, kmemx_alloc(large, NOWAIT));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_pages(NOWAIT, 1));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_pages(NOWAIT, KMEMX_CHUNK_ORDER));
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_FAIL_FRAGMENTATION), fragmentation + 3);
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_FAIL_EXHAUSTED), exhausted + 6);
	give_every_frame(pages);
}

/* That no slab can be made does not matter to who finds an object in one that is there. */
static void api_objects_need_no_frame(struct kunit *test)
{
	void *first = kmemx_alloc(100, GFP_KERNEL), *second;
	struct page **pages = take_every_frame(test);

	KUNIT_EXPECT_NULL(test, kmemx_alloc_pages(NOWAIT, 0));
	second = kmemx_alloc(100, NOWAIT);
	KUNIT_EXPECT_NOT_NULL(test, second);
	kmemx_free(second);
	kmemx_free(first);
	give_every_frame(pages);
}

/* Let each bin have each chunk, or only those that it should have, which is none. */
static void hint_at_every_chunk(bool is_wrong)
{
	struct kmemx_zone *zone = &kmemx_live.pages.zone;
	unsigned int c, bin;

	for (c = 0; c < zone->nr_chunks; c++) {
		for (bin = 0; bin < KMEMX_NR_BINS; bin++) {
			if (is_wrong)
				kmemx_bins_add(&zone->bins, bin, c);
			else
				kmemx_bins_remove(&zone->bins, bin, c);
		}
	}
}

/* Bins that promise what is gone: so it looks to who is not as fast as others, again and again. */
static void api_says_that_others_were_faster(struct kunit *test)
{
	struct page **pages = take_every_frame(test);
	s64 contended = read_stat(KMEMX_STAT_FAIL_CONTENDED);

	hint_at_every_chunk(true);
	KUNIT_EXPECT_NULL(test, kmemx_alloc_pages(NOWAIT, 0));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_pages(NOWAIT, 5));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_contig(3 * PAGE_SIZE, 0, NOWAIT));
	KUNIT_EXPECT_NULL(test, kmemx_alloc(100, NOWAIT));
	KUNIT_EXPECT_NULL(test, kmemx_alloc(2 * PAGE_SIZE, NOWAIT));
	hint_at_every_chunk(false);
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_FAIL_CONTENDED), contended + 5);
	give_every_frame(pages);
}

#define NR_BULK	700

static void api_bulk_gives_distinct_frames(struct kunit *test)
{
	struct page **pages = kunit_kcalloc(test, NR_BULK, sizeof(*pages), GFP_KERNEL);
	s64 before = read_stat(KMEMX_STAT_PAGE_ALLOC);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	KUNIT_ASSERT_EQ(test, kmemx_alloc_pages_bulk(GFP_KERNEL | __GFP_ZERO, 1, pages), 1UL);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(pages[0]), 0, PAGE_SIZE));
	KUNIT_ASSERT_EQ(test, kmemx_alloc_pages_bulk(GFP_KERNEL, NR_BULK - 1, pages + 1),
			NR_BULK - 1UL);
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_PAGE_ALLOC) - before, (s64)NR_BULK);
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_USED_BYTES), (s64)(NR_BULK * PAGE_SIZE));
	for (i = 0; i < NR_BULK; i++)
		memset(page_address(pages[i]), (int)(i % 251), PAGE_SIZE);
	for (i = 0; i < NR_BULK; i++)
		KUNIT_ASSERT_NULL(test, memchr_inv(page_address(pages[i]), (int)(i % 251),
						   PAGE_SIZE));
	kmemx_free_pages(pages[3], 0);
	pages[3] = NULL;
	before = read_stat(KMEMX_STAT_PAGE_FREE);
	kmemx_free_pages_bulk(NR_BULK, pages);
	kmemx_free_pages_bulk(0, NULL);
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_PAGE_FREE) - before, NR_BULK - 1LL);
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_USED_BYTES), 0LL);
}

/* What would keep a chunk from being whole goes to it, be it one of many. */
static void api_bulk_keeps_few_where_few_chunks_are_whole(struct kunit *test)
{
	struct page *pages[16];
	struct few_whole few;

	few_whole_begin(test, &few);
	KUNIT_ASSERT_EQ(test, kmemx_alloc_pages_bulk(GFP_KERNEL, ARRAY_SIZE(pages), pages),
			(unsigned long)ARRAY_SIZE(pages));
	kmemx_pages_drain(&kmemx_live.pages);
	kmemx_free_pages_bulk(ARRAY_SIZE(pages), pages);
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_front(&kmemx_live.pages), 0UL);
	few_whole_end(&few);
}

/* As many as there are; the rest of the array is left alone. */
static void api_bulk_stops_where_nothing_is_left(struct kunit *test)
{
	unsigned long all = kmemx_live.pages.nr_frames, nr;
	struct page **pages = kvcalloc(all + 2, sizeof(*pages), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pages);
	pages[all] = ERR_PTR(-EBUSY);
	nr = kmemx_alloc_pages_bulk(QUIET, all + 2, pages);
	KUNIT_EXPECT_EQ(test, nr, all);
	KUNIT_EXPECT_PTR_EQ(test, pages[all], (struct page *)ERR_PTR(-EBUSY));
	KUNIT_EXPECT_NULL(test, pages[all + 1]);
	kmemx_free_pages_bulk(nr, pages);
	kvfree(pages);
}

static void api_contig_keeps_within_boundaries(struct kunit *test)
{
	size_t size = 3 * SZ_1M, boundary;

	for (boundary = SZ_4M; boundary <= region_bytes() / 4; boundary *= 2) {
		void *ptr = kmemx_alloc_contig_bound(size, 0, boundary, GFP_KERNEL);
		phys_addr_t phys;

		KUNIT_ASSERT_NOT_NULL(test, ptr);
		phys = virt_to_phys(ptr);
		KUNIT_EXPECT_EQ(test, (u64)phys / boundary, (u64)(phys + size - 1) / boundary);
		kmemx_free_contig(ptr);
	}
	KUNIT_EXPECT_NULL(test, kmemx_alloc_contig_bound(PAGE_SIZE, 0, 3 * PAGE_SIZE, QUIET));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_contig_bound(2 * PAGE_SIZE, 0, PAGE_SIZE, QUIET));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_contig_bound(1, 0, PAGE_SIZE / 2, QUIET));
}

static void api_contig_at_is_just_there(struct kunit *test)
{
	size_t size = 5 * PAGE_SIZE + 1;
	void *ptr = kmemx_alloc_contig(3 * SZ_1M, 0, GFP_KERNEL), *at;
	s64 before = read_stat(KMEMX_STAT_FAIL_PLACE);
	struct page *front;
	phys_addr_t phys;

	KUNIT_ASSERT_NOT_NULL(test, ptr);
	phys = virt_to_phys(ptr) + 3 * PAGE_SIZE;
	KUNIT_EXPECT_NULL(test, kmemx_alloc_contig_at(phys, size, QUIET));
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_FAIL_PLACE), before + 1);
	kmemx_free_contig(ptr);
	/* Also what is in a front, for a caller that may wait. */
	front = kmemx_alloc_pages(GFP_KERNEL, 0);
	KUNIT_ASSERT_NOT_NULL(test, front);
	kmemx_free_pages(front, 0);
	KUNIT_EXPECT_NULL(test, kmemx_alloc_contig_at(phys + 1, size, QUIET));
	at = kmemx_alloc_contig_at(phys, size, GFP_KERNEL);
	KUNIT_ASSERT_PTR_EQ(test, at, ptr + 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, kmemx_size(at), 6 * PAGE_SIZE);
	memset(at, 0xa7, size);
	KUNIT_EXPECT_NULL(test, kmemx_alloc_contig_at(phys + 5 * PAGE_SIZE, 1, QUIET));
	ptr = kmemx_alloc_contig_at(phys + 6 * PAGE_SIZE, SZ_4M, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, ptr, at + 6 * PAGE_SIZE);
	KUNIT_EXPECT_NULL(test, memchr_inv(at, 0xa7, size));
	kmemx_free_contig(ptr);
	kmemx_free_contig(at);
	/* Nor what is not ours. */
	KUNIT_EXPECT_NULL(test, kmemx_alloc_contig_at(0, size, QUIET));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_contig_at(virt_to_phys(test) & PAGE_MASK, 1, QUIET));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_contig_at((phys_addr_t)PAGE_MASK, 1, QUIET));
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_FAIL_PLACE), before + 5);
	KUNIT_EXPECT_NULL(test, kmemx_alloc_contig_at(phys, 0, QUIET));
	KUNIT_EXPECT_NULL(test, kmemx_alloc_contig_at(phys, SIZE_MAX, QUIET));
}

static void api_trim_gives_the_end_back(struct kunit *test)
{
	static const unsigned int keep[] = { 1500, 1025, 1024, 700, 512, 511, 300, 7, 6, 1 };
	void *ptr = kmemx_alloc_contig(1600 * PAGE_SIZE, 0, GFP_KERNEL), *tail;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, ptr);
	memset(ptr, 0x3c, 1600 * PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, kmemx_trim_contig(ptr, SIZE_MAX));
	KUNIT_EXPECT_EQ(test, kmemx_size(ptr), 1600 * PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(keep); i++) {
		size_t size = keep[i] * PAGE_SIZE;
		const char *why;

		/* Not less than a page, of which a byte is needed. */
		KUNIT_ASSERT_TRUE(test, kmemx_trim_contig(ptr, size - 17));
		KUNIT_EXPECT_EQ(test, kmemx_size(ptr), size);
		KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_USED_BYTES), (s64)size);
		KUNIT_EXPECT_NULL(test, memchr_inv(ptr, 0x3c, size));
		why = kmemx_zone_check(&kmemx_live.pages.zone);
		KUNIT_ASSERT_TRUE_MSG(test, !why, "%s", why ?: "");
		tail = kmemx_alloc_contig_at(virt_to_phys(ptr) + size, PAGE_SIZE, GFP_KERNEL);
		KUNIT_EXPECT_PTR_EQ(test, tail, ptr + size);
		kmemx_free_contig(tail);
	}
	kmemx_free_contig(ptr);
}

static void api_trim_sets_held_pages_aside(struct kunit *test)
{
	void *ptr = kmemx_alloc_contig(100 * PAGE_SIZE, 0, GFP_KERNEL);
	struct page *page;

	KUNIT_ASSERT_NOT_NULL(test, ptr);
	page = virt_to_page(ptr + 60 * PAGE_SIZE);
	get_page(page);
	KUNIT_EXPECT_TRUE(test, kmemx_trim_contig(ptr, 10 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, atomic64_read(&kmemx_live.pages.nr_quarantined), 1LL);
	put_page(page);
	expect_let_go(test);
	kmemx_free_contig(ptr);
	page = kmemx_alloc_pages(GFP_KERNEL, 5);
	KUNIT_ASSERT_NOT_NULL(test, page);
	get_page(page + 20);
	KUNIT_EXPECT_TRUE(test, kmemx_page_trim(page, 5, 10));
	KUNIT_EXPECT_EQ(test, atomic64_read(&kmemx_live.pages.nr_quarantined), 1LL);
	put_page(page + 20);
	expect_let_go(test);
	kmemx_free_pages(page, 4);
}

/* Of a block of @order: what is kept is freed by the least order that has so many. */
static void expect_trimmed(struct kunit *test, unsigned int order, unsigned long keep)
{
	struct page *page = kmemx_alloc_pages(GFP_KERNEL, order);
	s64 used = read_stat(KMEMX_STAT_USED_BYTES);
	unsigned int least = (unsigned int)get_order(keep << PAGE_SHIFT);
	s64 gone = (s64)(((1UL << order) - keep) * PAGE_SIZE);
	void *tail;

	KUNIT_ASSERT_NOT_NULL(test, page);
	memset(page_address(page), 0x3c, keep << PAGE_SHIFT);
	KUNIT_EXPECT_TRUE(test, kmemx_page_trim(page, order, keep));
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_USED_BYTES), used - gone);
	KUNIT_EXPECT_NULL(test, (void *)kmemx_zone_check(&kmemx_live.pages.zone));
	if (gone) {
		tail = kmemx_alloc_contig_at(page_to_phys(page + keep), PAGE_SIZE, GFP_KERNEL);
		KUNIT_EXPECT_PTR_EQ(test, tail, page_address(page + keep));
		kmemx_free_contig(tail);
	}
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0x3c, keep << PAGE_SHIFT));
	kmemx_free_pages(page, least);
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_USED_BYTES), used - (s64)(PAGE_SIZE << order));
}

static void api_trim_of_blocks(struct kunit *test)
{
	unsigned int order;

	for (order = 0; order <= 10; order++) {
		unsigned long all = 1UL << order;

		expect_trimmed(test, order, all);
		expect_trimmed(test, order, DIV_ROUND_UP(all * 5, 8));
		expect_trimmed(test, order, DIV_ROUND_UP(all, 2));
		expect_trimmed(test, order, 1);
	}
}

static void api_trim_of_a_trimmed_block(struct kunit *test)
{
	struct page *page = kmemx_alloc_pages(GFP_KERNEL, 5);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_TRUE(test, kmemx_page_trim(page, 5, 100));
	KUNIT_EXPECT_TRUE(test, kmemx_page_trim(page, 5, 21));
	KUNIT_EXPECT_TRUE(test, kmemx_page_trim(page, 5, 17));
	KUNIT_EXPECT_TRUE(test, kmemx_page_trim(page, 5, 16));
	KUNIT_EXPECT_TRUE(test, kmemx_page_trim(page, 4, 3));
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_USED_BYTES), 3LL * PAGE_SIZE);
	kmemx_free_pages(page, 2);
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_USED_BYTES), 0LL);
}

static void api_pages_exact(struct kunit *test)
{
	void *ptr = kmemx_alloc_pages_exact(5 * PAGE_SIZE - 1, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ptr);
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_USED_BYTES), 5LL * PAGE_SIZE);
	kmemx_free_pages_exact(ptr, 5 * PAGE_SIZE - 1);
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_USED_BYTES), 0LL);
	kmemx_free_pages_exact(NULL, 1);
}

static void api_pages_of_a_node(struct kunit *test)
{
	int nid = kmemx_live.origin.nid;
	s64 before = read_stat(KMEMX_STAT_FAIL_NODE);
	struct page *page;
	unsigned int order;

	for (order = 0; order <= 10; order++) {
		page = kmemx_alloc_pages_node(nid, GFP_KERNEL | __GFP_THISNODE | __GFP_ZERO, order);
		KUNIT_ASSERT_NOT_NULL(test, page);
		KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0, PAGE_SIZE << order));
		kmemx_free_pages(page, order);
		page = kmemx_alloc_pages_node(nid + 1, GFP_KERNEL, order);
		KUNIT_EXPECT_NOT_NULL(test, page);
		kmemx_free_pages(page, order);
		KUNIT_EXPECT_NULL(test, kmemx_alloc_pages_node(nid + 1, QUIET | __GFP_THISNODE,
							       order));
	}
	KUNIT_EXPECT_EQ(test, read_stat(KMEMX_STAT_FAIL_NODE), before + 11);
}

struct thing {
	u64 magic;
	u8 rest[60];
};

static void make_thing(void *obj)
{
	((struct thing *)obj)->magic = 0x7717;
}

static void api_cache_constructs_and_aligns(struct kunit *test)
{
	struct kmemx_cache_args args = { .ctor = make_thing };
	struct kmemx_cache *cache;
	struct thing *thing[50];
	unsigned int i;

	cache = kmemx_cache_create("kunit-things", sizeof(struct thing), &args,
				   SLAB_HWCACHE_ALIGN);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	for (i = 0; i < ARRAY_SIZE(thing); i++) {
		thing[i] = kmemx_cache_alloc(cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, thing[i]);
		KUNIT_EXPECT_EQ(test, thing[i]->magic, 0x7717ULL);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)thing[i], cache_line_size()));
		KUNIT_EXPECT_EQ(test, kmemx_size(thing[i]), sizeof(struct thing));
	}
	for (i = 0; i < ARRAY_SIZE(thing); i++)
		kmemx_cache_free(cache, thing[i]);
	kmemx_cache_destroy(cache);
}

static void api_cache_says_what_cpus_may_keep(struct kunit *test)
{
	static const unsigned int magazines[] = { 0, 5, KMEMX_NO_MAGAZINE };
	unsigned int i, k;

	for (k = 0; k < ARRAY_SIZE(magazines); k++) {
		struct kmemx_cache_args args = { .magazine = magazines[k] };
		unsigned int most = k ? (k == 1 ? 5 : 0) : 40;
		struct kmemx_cache_usage usage;
		struct kmemx_cache *cache;
		void *obj[40];

		/* Of more than a page, so objects lie in any frame of a slab. */
		cache = kmemx_cache_create("kunit-magazine", 3000, &args, 0);
		KUNIT_ASSERT_NOT_NULL(test, cache);
		migrate_disable();
		for (i = 0; i < ARRAY_SIZE(obj); i++) {
			obj[i] = kmemx_cache_alloc(cache, GFP_KERNEL);
			KUNIT_EXPECT_NOT_NULL(test, obj[i]);
		}
		kmemx_cache_drain(cache);
		for (i = 0; i < ARRAY_SIZE(obj); i++)
			kmemx_cache_free(cache, obj[i]);
		migrate_enable();
		kmemx_cache_usage(cache, &usage);
		KUNIT_EXPECT_EQ(test, usage.nr_live, 0UL);
		KUNIT_EXPECT_LE(test, usage.nr_front, (unsigned long)most);
		KUNIT_EXPECT_EQ(test, !usage.nr_front, !most);
		/* The reaper gives empty slabs back with this held. */
		mutex_lock(&kmemx_live.depot.lock);
		KUNIT_EXPECT_NULL(test, kmemx_cache_check(cache));
		mutex_unlock(&kmemx_live.depot.lock);
		kmemx_cache_destroy(cache);
	}
}

/* Order 0 until there is none, chained through the pages themselves. */
static struct page *take_all_pages(gfp_t gfp, struct page *first, unsigned long *nr)
{
	struct page *page;

	while ((page = kmemx_alloc_pages(gfp | __GFP_NOWARN, 0))) {
		*(struct page **)page_address(page) = first;
		first = page;
		++*nr;
	}
	return first;
}

/* Frees that leave slabs empty keep their frames from nobody who cannot wait. */
static void api_who_may_not_wait_gets_empty_slabs(struct kunit *test)
{
	struct kmemx_cache_args args = { .magazine = KMEMX_NO_MAGAZINE };
	struct kmemx_cache *cache = kmemx_cache_create("kunit-empty", 1024, &args, 0);
	struct kmemx_cache *other = kmemx_cache_create("kunit-other", 1024, &args, 0);
	unsigned long nr = 0, nr_slabs, nr_before;
	struct page *first, *page;
	unsigned int i;
	void *obj[64];

	KUNIT_ASSERT_NOT_NULL(test, cache);
	KUNIT_ASSERT_NOT_NULL(test, other);
	for (i = 0; i < ARRAY_SIZE(obj); i++) {
		obj[i] = kmemx_cache_alloc(cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj[i]);
	}
	nr_slabs = (unsigned long)atomic64_read(&cache->nr_slabs);
	first = take_all_pages(GFP_KERNEL, NULL, &nr);
	nr_before = nr;
	for (i = 0; i < ARRAY_SIZE(obj); i++)
		kmemx_cache_free(cache, obj[i]);
	/* An object of another cache, and pages. */
	obj[0] = kmemx_cache_alloc(other, GFP_NOWAIT | __GFP_NOWARN);
	KUNIT_EXPECT_NOT_NULL(test, obj[0]);
	kmemx_cache_free(other, obj[0]);
	first = take_all_pages(GFP_NOWAIT, first, &nr);
	KUNIT_EXPECT_EQ(test, nr - nr_before, nr_slabs << cache->layout.order);
	KUNIT_EXPECT_EQ(test, atomic64_read(&cache->nr_slabs), 0LL);
	while ((page = first)) {
		first = *(struct page **)page_address(page);
		kmemx_free_pages(page, 0);
	}
	kmemx_cache_destroy(other);
	kmemx_cache_destroy(cache);
}

#define NR_CALLS	8

/* One of each way to allocate, and each from a line of its own. */
static void allocate_each_way(struct kunit *test, struct kmemx_cache *cache, void *got[NR_CALLS])
{
	struct kmemx_sheaf *sheaf = kmemx_cache_prefill(cache, GFP_KERNEL, 1);
	struct page *page;

	KUNIT_ASSERT_NOT_NULL(test, sheaf);
	got[0] = kmemx_alloc(64, GFP_KERNEL);
	got[1] = kmemx_alloc(3 * PAGE_SIZE, GFP_KERNEL);
	got[2] = kmemx_cache_alloc(cache, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, kmemx_cache_alloc_bulk(cache, GFP_KERNEL, 1, &got[3]), 1U);
	got[4] = kmemx_alloc_from_sheaf(sheaf, GFP_KERNEL);
	page = kmemx_alloc_pages(GFP_KERNEL, 1);
	got[5] = page ? page_address(page) : NULL;
	KUNIT_EXPECT_EQ(test, kmemx_alloc_pages_bulk(GFP_KERNEL, 1, &page), 1UL);
	got[6] = page_address(page);
	got[7] = kmemx_alloc_contig(5 * PAGE_SIZE, 0, GFP_KERNEL);
	kmemx_return_sheaf(sheaf);
}

static void free_each(void *got[NR_CALLS])
{
	unsigned int i;

	for (i = 0; i < 5; i++)
		kmemx_free(got[i]);
	kmemx_free_pages(virt_to_page(got[5]), 1);
	kmemx_free_pages(virt_to_page(got[6]), 0);
	kmemx_free_contig(got[7]);
}

static void api_call_sites_are_kept_when_told(struct kunit *test)
{
	struct kmemx_cache *cache = kmemx_cache_create("kunit-callers", 56, NULL, 0);
	void *before[NR_CALLS], *got[NR_CALLS];
	struct kmemx_callers callers = { };
	unsigned long site[NR_CALLS], other;
	unsigned int i, k;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	allocate_each_way(test, cache, before);
	KUNIT_ASSERT_EQ(test, kmemx_callers_start(&callers, &kmemx_live.pages), 0);
	allocate_each_way(test, cache, got);
	for (i = 0; i < NR_CALLS; i++) {
		KUNIT_EXPECT_FALSE(test, kmemx_callers_find(&callers, before[i], &other));
		KUNIT_ASSERT_TRUE(test, kmemx_callers_find(&callers, got[i], &site[i]));
		for (k = 0; k < i; k++)
			KUNIT_EXPECT_NE(test, site[i], site[k]);
	}
	/* The same lines again, and in part the same memory. */
	free_each(before);
	allocate_each_way(test, cache, before);
	for (i = 0; i < NR_CALLS; i++) {
		KUNIT_EXPECT_TRUE(test, kmemx_callers_find(&callers, before[i], &other));
		KUNIT_EXPECT_EQ(test, other, site[i]);
	}
	kmemx_callers_stop(&callers);
	KUNIT_EXPECT_FALSE(test, kmemx_callers_is_on(&callers));
	KUNIT_ASSERT_EQ(test, kmemx_callers_start(&callers, &kmemx_live.pages), 0);
	for (i = 0; i < NR_CALLS; i++)
		KUNIT_EXPECT_FALSE(test, kmemx_callers_find(&callers, got[i], &other));
	KUNIT_EXPECT_FALSE(test, kmemx_callers_find(&callers, &callers, &other));
	kmemx_callers_stop(&callers);
	free_each(before);
	free_each(got);
	kmemx_cache_destroy(cache);
}

static void api_cache_that_cannot_be_is_refused(struct kunit *test)
{
	struct kmemx_cache_args args = { .align = 3 };

	KUNIT_EXPECT_NULL(test, kmemx_cache_create("kunit odd", 8, NULL, 0));
	KUNIT_EXPECT_NULL(test, kmemx_cache_create("", 8, NULL, 0));
	KUNIT_EXPECT_NULL(test, kmemx_cache_create(NULL, 8, NULL, 0));
	KUNIT_EXPECT_NULL(test, kmemx_cache_create("kunit-odd", 0, NULL, 0));
	KUNIT_EXPECT_NULL(test, kmemx_cache_create("kunit-odd", 8, &args, 0));
	KUNIT_EXPECT_NULL(test, kmemx_cache_create("kunit-odd", 8, NULL, SLAB_PANIC));
	KUNIT_EXPECT_NULL(test, kmemx_cache_create("kmemx-64", 8, NULL, 0));
}

static void api_cache_with_live_objects_is_kept(struct kunit *test)
{
	struct kmemx_cache *cache = kmemx_cache_create("kunit-kept", 64, NULL, 0);
	u8 *obj;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	obj = kmemx_cache_zalloc(cache, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	kmemx_cache_destroy(cache);
	KUNIT_EXPECT_EQ(test, kmemx_size(obj), 64UL);
	KUNIT_EXPECT_NULL(test, kmemx_cache_create("kunit-kept", 64, NULL, 0));
	kmemx_cache_free(cache, obj);
	kmemx_cache_destroy(cache);
	cache = kmemx_cache_create("kunit-kept", 64, NULL, 0);
	KUNIT_EXPECT_NOT_NULL(test, cache);
	kmemx_cache_destroy(cache);
}

struct in_irq {
	struct irq_work work;
	bool was_hardirq;
	void *small;
	void *large;
	struct page *page;
};

static void alloc_in_irq(struct irq_work *work)
{
	struct in_irq *irq = container_of(work, struct in_irq, work);

	irq->was_hardirq = in_hardirq();
	irq->small = kmemx_alloc(50, GFP_ATOMIC);
	irq->large = kmemx_alloc(50000, GFP_ATOMIC);
	irq->page = kmemx_alloc_pages(GFP_NOWAIT, 2);
}

static void free_in_irq(struct irq_work *work)
{
	struct in_irq *irq = container_of(work, struct in_irq, work);

	kmemx_free(irq->small);
	kmemx_free(irq->large);
	kmemx_free_pages(irq->page, 2);
}

static void api_works_in_hardirq(struct kunit *test)
{
	struct in_irq *irq = kunit_kzalloc(test, sizeof(*irq), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, irq);
	for (i = 0; i < 100; i++) {
		irq->work = IRQ_WORK_INIT_HARD(alloc_in_irq);
		irq_work_queue(&irq->work);
		irq_work_sync(&irq->work);
		KUNIT_ASSERT_TRUE(test, irq->was_hardirq);
		KUNIT_ASSERT_NOT_NULL(test, irq->small);
		KUNIT_ASSERT_NOT_NULL(test, irq->large);
		KUNIT_ASSERT_NOT_NULL(test, irq->page);
		irq->work = IRQ_WORK_INIT_HARD(free_in_irq);
		irq_work_queue(&irq->work);
		irq_work_sync(&irq->work);
	}
}

#ifdef CONFIG_HOTPLUG_CPU
static void free_here(void *obj)
{
	kmemx_free(obj);
}

/* A CPU that goes offline has objects in its front. */
static void api_dead_cpu_keeps_nothing(struct kunit *test)
{
	unsigned int class = kmemx_classes_find(&kmemx_live.classes, 64);
	unsigned int cpu = cpumask_last(cpu_online_mask);
	struct kmemx_front *front = per_cpu_ptr(kmemx_live.class[class]->front, cpu);
	void *obj;

	KUNIT_ASSERT_GT(test, cpu, 0U);
	obj = kmemx_alloc(64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_ASSERT_EQ(test, smp_call_function_single(cpu, free_here, obj, 1), 0);
	KUNIT_EXPECT_GT(test, kmemx_front_nr(front), 0U);
	KUNIT_ASSERT_EQ(test, remove_cpu(cpu), 0);
	KUNIT_EXPECT_EQ(test, kmemx_front_nr(front), 0U);
	KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
}
#endif

static struct kunit_case api_cases[] = {
	KUNIT_CASE(api_every_size),
	KUNIT_CASE(api_large_powers_of_two_are_aligned),
	KUNIT_CASE(api_init_on_alloc_and_free_are_honoured),
	KUNIT_CASE(api_pages_are_zeroed),
	KUNIT_CASE(api_what_was_zeroed_ahead_is_not_zeroed_again),
	KUNIT_CASE(api_thread_zeroes_ahead),
	KUNIT_CASE(api_nothing_is_not_an_error),
	KUNIT_CASE(api_whole_region_can_be_had),
	KUNIT_CASE(api_failures_have_reasons),
	KUNIT_CASE(api_counts_what_it_does),
	KUNIT_CASE(api_absurd_sizes_fail),
	KUNIT_CASE(api_refused_arguments_are_counted),
	KUNIT_CASE(api_large_is_zero_to_its_end),
	KUNIT_CASE(api_released_pages_serve_atomic_callers),
	KUNIT_CASE(api_says_what_is_stranded_in_fronts),
	KUNIT_CASE(api_finds_what_another_front_has),
	KUNIT_CASE(api_front_is_not_filled_while_others_are_drained),
	KUNIT_CASE(api_gives_other_cpus_what_they_want),
	KUNIT_CASE(api_failing_slabs_have_reasons),
	KUNIT_CASE(api_objects_need_no_frame),
	KUNIT_CASE(api_says_that_others_were_faster),
	KUNIT_CASE(api_page_blocks),
	KUNIT_CASE(api_contig_any_size_and_alignment),
	KUNIT_CASE(api_held_pages_come_back_by_themselves),
	KUNIT_CASE(api_held_pages_are_set_aside_and_counted),
	KUNIT_CASE(api_frees_past_the_front),
	KUNIT_CASE(api_bulk_gives_distinct_frames),
	KUNIT_CASE(api_bulk_keeps_few_where_few_chunks_are_whole),
	KUNIT_CASE(api_bulk_stops_where_nothing_is_left),
	KUNIT_CASE(api_contig_keeps_within_boundaries),
	KUNIT_CASE(api_contig_at_is_just_there),
	KUNIT_CASE(api_trim_gives_the_end_back),
	KUNIT_CASE(api_trim_sets_held_pages_aside),
	KUNIT_CASE(api_trim_of_blocks),
	KUNIT_CASE(api_trim_of_a_trimmed_block),
	KUNIT_CASE(api_pages_exact),
	KUNIT_CASE(api_pages_of_a_node),
	KUNIT_CASE(api_cache_constructs_and_aligns),
	KUNIT_CASE(api_cache_says_what_cpus_may_keep),
	KUNIT_CASE(api_who_may_not_wait_gets_empty_slabs),
	KUNIT_CASE(api_call_sites_are_kept_when_told),
	KUNIT_CASE(api_cache_that_cannot_be_is_refused),
	KUNIT_CASE(api_cache_with_live_objects_is_kept),
	KUNIT_CASE(api_works_in_hardirq),
#ifdef CONFIG_HOTPLUG_CPU
	KUNIT_CASE(api_dead_cpu_keeps_nothing),
#endif
	{}
};

static struct kunit_suite api_suite = {
	.name = "kmemx_api",
	.exit = api_expect_settled,
	.test_cases = api_cases,
};

kunit_test_suites(&api_suite);
