// SPDX-License-Identifier: GPL-2.0
/*
 * A region of its own, of several extents: addresses, struct pages, slabs and
 * page blocks side by side, and what free memory looks like.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "buddy/pages_front.h"
#include "buddy/pages_quarantine.h"
#include "buddy/prezero.h"
#include "buddy/zone_bins.h"
#include "buddy/zone_check.h"
#include "buddy/zone_run.h"
#include "cma/backend.h"
#include "fronts.h"
#include "observe/snapshot.h"
#include "random.h"
#include "region.h"
#include "slab/usage.h"
#include "threads.h"

#define NR_PAGES	(16UL << (20 - PAGE_SHIFT))
/* Missing at its ends, as where a backend does not align to chunks. */
#define NR_HEAD		100
#define NR_TAIL		50
#define NR_FRAMES	(NR_PAGES - NR_HEAD - NR_TAIL)
#define CHUNK_BYTES	(PAGE_SIZE << KMEMX_CHUNK_ORDER)
/* What init_on_free leaves behind cannot be told from a wrong write but for zeroes. */
#define PATTERN		(want_init_on_free() ? 0 : 0xA5)

struct fixture {
	struct kmemx_grant grant;
	struct kmemx_extent extent[16];
	unsigned int nr_extents;
	struct kmemx_classes classes;
	struct kmemx_region region;
	struct kmemx_pages *pages;
};

static int region_fixture_init(struct kunit *test)
{
	struct fixture *fx = vzalloc(sizeof(*fx));
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, fx);
	test->priv = fx;
	fx->pages = &fx->region.pages;
	KUNIT_ASSERT_EQ(test, kmemx_backend_try(&fx->grant, &kmemx_backend_pages, NR_PAGES,
						NUMA_NO_NODE), 0);
	fx->nr_extents = fx->grant.nr_spans;
	KUNIT_ASSERT_LE(test, fx->nr_extents, (unsigned int)ARRAY_SIZE(fx->extent));
	for (i = 0; i < fx->nr_extents; i++)
		fx->extent[i] = (struct kmemx_extent){ fx->grant.span[i].pfn,
						 fx->grant.span[i].nr_pages };
	fx->extent[0].pfn += NR_HEAD;
	fx->extent[0].nr_frames -= NR_HEAD;
	fx->extent[fx->nr_extents - 1].nr_frames -= NR_TAIL;
	kmemx_classes_init(&fx->classes, KMEMX_CLASSES_HALF);
	KUNIT_ASSERT_EQ(test, kmemx_region_init(&fx->region, fx->nr_extents, fx->extent,
						&fx->classes, false), 0);
	return 0;
}

static enum kmemx_verdict put_object(struct fixture *fx, struct kmemx_cache *cache, void *obj)
{
	struct kmemx_cache *owner;
	u32 frame;

	kmemx_pages_find(fx->pages, obj, &frame);
	return kmemx_cache_put(&fx->region.depot,
			       kmemx_region_slab_id(frame, kmemx_pages_info(fx->pages, frame)),
			       obj, cache, &owner);
}

/* Every frame must have come back. */
static void region_fixture_exit(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int i;

	if (!fx)
		return;
	if (fx->pages->extent) {
		kmemx_region_empty(&fx->region);
		KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), NR_FRAMES);
		kmemx_region_fini(&fx->region);
	}
	for (i = 0; i < fx->grant.nr_spans; i++)
		kmemx_backend_release(&fx->grant, i);
	kmemx_backend_fini(&fx->grant);
	vfree(fx);
}

static void expect_sound(struct kunit *test, struct fixture *fx)
{
	struct kmemx_cache *cache;
	const char *why;
	unsigned int i = 0;

	why = kmemx_zone_check(&fx->pages->zone);
	KUNIT_ASSERT_TRUE_MSG(test, !why, "zone: %s", why ?: "");
	mutex_lock(&fx->region.depot.lock);
	while ((cache = kmemx_depot_next(&fx->region.depot, &i)))
		if (!why)
			why = kmemx_cache_check(cache);
	mutex_unlock(&fx->region.depot.lock);
	KUNIT_ASSERT_TRUE_MSG(test, !why, "cache: %s", why ?: "");
}

static u8 *info_of(struct fixture *fx, const struct page *page)
{
	return kmemx_pages_place_of(fx->pages, page);
}

static u32 number_of(struct fixture *fx, const struct page *page)
{
	return kmemx_pages_number(fx->pages, info_of(fx, page));
}

static void region_finds_every_frame_and_nothing_else(struct kunit *test)
{
	struct fixture *fx = test->priv;
	u32 frame;
	unsigned long pfn, lo, hi;
	unsigned int i, k, found = 0;

	for (i = 0; i < fx->nr_extents; i++) {
		for (pfn = fx->extent[i].pfn, k = 0; k < fx->extent[i].nr_frames; k++) {
			u8 *addr = kmemx_pfn_address(pfn + k);

			KUNIT_ASSERT_TRUE(test, kmemx_pages_find(fx->pages, addr + 4095, &frame));
			KUNIT_ASSERT_PTR_EQ(test, kmemx_pages_address(fx->pages, frame),
					    (void *)addr);
			found++;
		}
	}
	KUNIT_EXPECT_EQ(test, found, (unsigned int)NR_FRAMES);
	KUNIT_EXPECT_FALSE(test, kmemx_pages_find(fx->pages, NULL, &frame));
	KUNIT_EXPECT_FALSE(test, kmemx_pages_find(fx->pages, (void *)~0UL, &frame));
	KUNIT_EXPECT_FALSE(test, kmemx_pages_find(fx->pages, &frame, &frame));
	KUNIT_EXPECT_FALSE(test, kmemx_pages_find(fx->pages, fx, &frame));
	lo = fx->pages->start;
	hi = lo + (fx->pages->span << PAGE_SHIFT);
	KUNIT_EXPECT_FALSE(test, kmemx_pages_find(fx->pages, (void *)(lo - 1), &frame));
	KUNIT_EXPECT_FALSE(test, kmemx_pages_find(fx->pages, (void *)hi, &frame));
	/* What lies between the extents is not ours, nor what is missing at the ends. */
	for (; lo < hi; lo += PAGE_SIZE)
		found -= kmemx_pages_find(fx->pages, (void *)lo, &frame);
	KUNIT_EXPECT_EQ(test, found, 0U);
}

static void region_refuses_extents_that_share_a_chunk(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_extent extent[] = { { 0x1000, 100 }, { 0x1000 + 200, 100 } };
	struct kmemx_region *region = kunit_kzalloc(test, sizeof(*region), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, region);
	KUNIT_EXPECT_EQ(test, kmemx_region_init(region, 2, extent, &fx->classes, false), -EINVAL);
	KUNIT_EXPECT_NULL(test, region->pages.extent);
}

/* What a request of each size gets is what the arithmetic says, and aligned as promised. */
static void region_wastes_what_is_expected(struct kunit *test)
{
	static const u32 list[] = { 8, 24, 40, 64, 1040 };
	struct fixture *fx = test->priv;
	struct kmemx_demand demand[100];
	struct kmemx_waste waste;
	unsigned long held = 0;
	unsigned int i;

	kmemx_region_fini(&fx->region);
	KUNIT_ASSERT_EQ(test, kmemx_classes_init_list(&fx->classes, ARRAY_SIZE(list), list), 0);
	KUNIT_ASSERT_EQ(test, kmemx_region_init(&fx->region, fx->nr_extents, fx->extent,
						&fx->classes, false), 0);
	for (i = 0; i < ARRAY_SIZE(demand); i++) {
		u32 size = i % 4 ? 3 * i * i % KMEMX_CLASS_TABLE_MAX + 1 : 1U << i / 4 % 14;
		unsigned int class = kmemx_classes_find(&fx->region.classes, size);
		struct kmemx_cache *cache;
		void *obj;

		cache = size <= KMEMX_CLASS_TABLE_MAX ? kmemx_region_small(&fx->region, size) :
			fx->region.class[class];
		obj = kmemx_cache_take(cache, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, obj);
		KUNIT_EXPECT_TRUE(test, !is_power_of_2(size) ||
				  IS_ALIGNED((unsigned long)obj, min_t(u32, size, PAGE_SIZE)));
		demand[i] = (struct kmemx_demand){ size, 1 };
		held += cache->layout.stride;
		KUNIT_EXPECT_EQ(test, put_object(fx, cache, obj), KMEMX_FREE_OK);
	}
	KUNIT_EXPECT_EQ(test, kmemx_classes_waste(&fx->classes, ARRAY_SIZE(demand), demand,
						  &waste), 0);
	KUNIT_EXPECT_EQ(test, waste.held, (u64)held);
	expect_sound(test, fx);
}

static void region_sets_held_pages_aside(struct kunit *test)
{
	struct fixture *fx = test->priv;
	u32 frame;
	struct kmemx_freed freed;
	struct page *page;

	KUNIT_ASSERT_EQ(test, kmemx_pages_alloc(fx->pages, 8, 8, KMEMX_KIND_PAGES, &frame), 0);
	page = virt_to_page(kmemx_pages_address(fx->pages, frame)) + 3;
	get_page(page);
	KUNIT_EXPECT_EQ(test, kmemx_pages_free(fx->pages, frame, KMEMX_KIND_PAGES, 8, &freed),
			KMEMX_FREE_OK);
	KUNIT_EXPECT_EQ(test, freed.nr_frames, 8UL);
	KUNIT_EXPECT_EQ(test, freed.nr_held, 1UL);
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), NR_FRAMES - 1);
	KUNIT_EXPECT_EQ(test, atomic64_read(&fx->pages->nr_quarantined), 1LL);
	KUNIT_EXPECT_EQ(test, kmemx_pages_free(fx->pages, frame, KMEMX_KIND_PAGES, 8, &freed),
			KMEMX_FREE_DOUBLE);
	expect_sound(test, fx);
	KUNIT_EXPECT_EQ(test, kmemx_pages_sweep(fx->pages), 0UL);
	kmemx_region_reclaim(&fx->region);
	KUNIT_EXPECT_EQ(test, atomic64_read(&fx->pages->nr_quarantined), 1LL);
	put_page(page);
	kmemx_region_reclaim(&fx->region);
	KUNIT_EXPECT_EQ(test, atomic64_read(&fx->pages->nr_quarantined), 0LL);
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), NR_FRAMES);
	expect_sound(test, fx);
}

static struct page *hold_page(struct fixture *fx, u32 frame)
{
	struct page *page = kmemx_pages_page(fx->pages, frame);

	get_page(page);
	return page;
}

/* A block of which pages here and there are held: the others are free, in pieces. */
static void region_sets_aside_what_is_held_only(struct kunit *test)
{
	static const unsigned int held_by_order[][4] = {
		{ 0, 0, 0, 0 }, { 0, 511, 256, 255 }, { 3, 4, 5, 100 }, { 1, 2, 64, 66 },
	};
	struct fixture *fx = test->priv;
	unsigned int order, set, i;

	for (set = 0; set < ARRAY_SIZE(held_by_order); set++) {
		for (order = 0; order <= KMEMX_CHUNK_ORDER; order++) {
			unsigned long nr = 1UL << order, nr_held = 0;
			struct page *page[4] = { NULL };
			struct kmemx_freed freed;
			u32 frame;

			KUNIT_ASSERT_EQ(test, kmemx_pages_alloc(fx->pages, nr, nr, KMEMX_KIND_PAGES,
								&frame), 0);
			for (i = 0; i < 4; i++) {
				unsigned int at = held_by_order[set][i];

				if (at >= nr || (i && !at))
					continue;
				page[i] = hold_page(fx, frame + at);
				nr_held++;
			}
			KUNIT_EXPECT_EQ(test, kmemx_pages_free(fx->pages, frame, KMEMX_KIND_PAGES,
							       nr, &freed), KMEMX_FREE_OK);
			KUNIT_EXPECT_EQ(test, freed.nr_frames, nr);
			KUNIT_EXPECT_EQ(test, freed.nr_held, nr_held);
			KUNIT_EXPECT_EQ(test, atomic64_read(&fx->pages->nr_quarantined),
					(s64)nr_held);
			KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), NR_FRAMES - nr_held);
			expect_sound(test, fx);
			KUNIT_EXPECT_EQ(test, kmemx_pages_sweep(fx->pages), 0UL);
			for (i = 0; i < 4; i++)
				if (page[i])
					put_page(page[i]);
			KUNIT_EXPECT_EQ(test, kmemx_pages_sweep(fx->pages), nr_held);
			KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), NR_FRAMES);
			expect_sound(test, fx);
		}
	}
}

/* A word at a time, each in turn: what is held for long hides nothing. */
static void region_atomic_sweeps_take_turns(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_freed freed;
	struct page *page[5];
	unsigned long nr = 0;
	unsigned int i, tries;

	for (i = 0; i < ARRAY_SIZE(page); i++) {
		u32 frame;

		KUNIT_ASSERT_EQ(test, kmemx_pages_alloc(fx->pages, KMEMX_CHUNK_FRAMES,
							KMEMX_CHUNK_FRAMES, KMEMX_KIND_CONTIG,
							&frame), 0);
		page[i] = hold_page(fx, frame + 100 * i + 7);
	}
	for (i = 0; i < ARRAY_SIZE(page); i++) {
		u32 frame = round_down(number_of(fx, page[i]), KMEMX_CHUNK_FRAMES);

		KUNIT_ASSERT_EQ(test, kmemx_pages_free(fx->pages, frame, KMEMX_KIND_CONTIG,
						       KMEMX_CHUNK_FRAMES, &freed),
				KMEMX_FREE_OK);
		KUNIT_EXPECT_EQ(test, freed.nr_held, 1UL);
	}
	/* Whichever is let go, here the last, is found in one round, and the others stay. */
	for (i = ARRAY_SIZE(page); i--;) {
		put_page(page[i]);
		for (tries = 0, nr = 0; tries < ARRAY_SIZE(page) && !nr; tries++)
			nr = kmemx_pages_sweep_some(fx->pages);
		KUNIT_EXPECT_EQ(test, nr, 1UL);
		expect_sound(test, fx);
	}
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), NR_FRAMES);
	KUNIT_EXPECT_EQ(test, kmemx_pages_sweep_some(fx->pages), 0U);
}

/* Be they held or not. */
static void region_atomic_sweeps_are_short(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_freed freed;
	unsigned int i;
	u32 frame;

	KUNIT_ASSERT_EQ(test, kmemx_pages_alloc(fx->pages, 32, 32, KMEMX_KIND_PAGES, &frame), 0);
	for (i = 0; i < 32; i++)
		hold_page(fx, frame + i);
	KUNIT_EXPECT_EQ(test, kmemx_pages_free(fx->pages, frame, KMEMX_KIND_PAGES, 32, &freed),
			KMEMX_FREE_OK);
	KUNIT_EXPECT_EQ(test, freed.nr_held, 32UL);
	fx->pages->sweep_from = frame;
	for (i = 1; i <= 3; i++) {
		KUNIT_EXPECT_EQ(test, kmemx_pages_sweep_some(fx->pages), 0U);
		KUNIT_EXPECT_EQ(test, fx->pages->sweep_from, frame + 8 * i);
	}
	for (i = 0; i < 32; i++)
		put_page(kmemx_pages_page(fx->pages, frame + i));
	fx->pages->sweep_from = frame;
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, kmemx_pages_sweep_some(fx->pages), 8U);
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), NR_FRAMES);
	expect_sound(test, fx);
}

/* ---- Fronts ------------------------------------------------------------ */

#define FRONT_CAP	4

/* From so many on, blocks may wait beside the stacks. */
#define GROUPS_CAP	(2 * KMEMX_PCP_GROUP)

/* Whatever this region's size and the number of CPUs make of it. */
static void set_fronts(struct kunit *test, struct fixture *fx, unsigned int cap)
{
	unsigned int cpu, k;

	for_each_possible_cpu(cpu) {
		struct kmemx_pcp *pcp = per_cpu_ptr(fx->pages->pcp, cpu);
		struct kmemx_pcp_block *next =
			kunit_kcalloc(test, KMEMX_PCP_ORDERS * (cap + 1), sizeof(*next),
				      GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, next);
		pcp->wait_max = cap >= GROUPS_CAP ? KMEMX_PCP_GROUP : 0;
		for (k = 0; k < KMEMX_PCP_ORDERS; k++, next += cap + 1)
			kmemx_pcp_open(&pcp->list[k], next, cap, cap, &pcp->none);
	}
}

static bool push(struct fixture *fx, struct page *page, unsigned int order)
{
	return kmemx_pages_push(fx->pages, page, info_of(fx, page), order, KMEMX_KIND_PAGES);
}

static bool put(struct fixture *fx, struct page *page, unsigned int order)
{
	return fronts_put(fx->pages, page, info_of(fx, page), order);
}

static struct page *take(struct fixture *fx, unsigned int order)
{
	struct page *page = kmemx_pages_take(fx->pages, order);

	return IS_ERR(page) ? NULL : page;
}

/* Into the front, or past it. */
static bool let_block_go(struct fixture *fx, struct page *page, unsigned int order)
{
	return push(fx, page, order) || put(fx, page, order);
}

/*
 * Alloc, free, alloc: out of the front that the first has filled, unless what is freed
 * has to be zeroed, which is not done on the short way.
 */
static void region_front_serves_what_it_has(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int order;

	set_fronts(test, fx, FRONT_CAP);
	for (order = 0; order < KMEMX_PCP_ORDERS; order++) {
		struct page *page, *again;
		bool pushed;

		migrate_disable();
		KUNIT_EXPECT_FALSE(test, kmemx_pages_pop(fx->pages, order, KMEMX_KIND_PAGES,
							 &page));
		page = take(fx, order);
		KUNIT_ASSERT_NOT_NULL(test, page);
		KUNIT_EXPECT_EQ(test, page_to_pfn(page) % (1UL << order), 0UL);
		pushed = push(fx, page, order);
		KUNIT_EXPECT_EQ(test, pushed, !want_init_on_free());
		if (pushed) {
			KUNIT_EXPECT_GE(test, kmemx_pages_nr_front(fx->pages), 1UL << order);
			KUNIT_ASSERT_TRUE(test, kmemx_pages_pop(fx->pages, order,
								KMEMX_KIND_PAGES, &again));
			KUNIT_EXPECT_PTR_EQ(test, again, page);
		}
		migrate_enable();
		KUNIT_EXPECT_TRUE(test, let_block_go(fx, page, order));
		expect_sound(test, fx);
		kmemx_pages_drain(fx->pages);
		KUNIT_EXPECT_EQ(test, kmemx_pages_nr_front(fx->pages), 0UL);
		KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), NR_FRAMES);
		expect_sound(test, fx);
	}
}

static unsigned long push_many(struct fixture *fx, unsigned long nr, struct page **page)
{
	return kmemx_pages_push_bulk(fx->pages, nr, KMEMX_KIND_PAGES, page);
}

/* As many as there is room for, the last first, and back in the same order. */
static void region_front_takes_many_at_once(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct page *page[FRONT_CAP + 2], *again[FRONT_CAP + 2], *none = NULL;
	unsigned int i, round;

	set_fronts(test, fx, FRONT_CAP);
	/* Nothing has ever been in the stack. */
	KUNIT_EXPECT_EQ(test, push_many(fx, 1, &none), 1UL);
	for (i = 0; i < ARRAY_SIZE(page); i++) {
		page[i] = take(fx, 0);
		KUNIT_ASSERT_NOT_NULL(test, page[i]);
	}
	migrate_disable();
	kmemx_pages_drain(fx->pages);
	KUNIT_EXPECT_EQ(test, kmemx_pages_pop_bulk(fx->pages, 1, KMEMX_KIND_PAGES, again), 0U);
	if (want_init_on_free()) {
		KUNIT_EXPECT_EQ(test, push_many(fx, ARRAY_SIZE(page), page), ARRAY_SIZE(page));
		goto free;
	}
	KUNIT_EXPECT_EQ(test, push_many(fx, ARRAY_SIZE(page), page), 2UL);
	/* In the second round each is where it was. */
	for (round = 0; round < 2; round++) {
		KUNIT_EXPECT_EQ(test, kmemx_pages_nr_front(fx->pages), (unsigned long)FRONT_CAP);
		KUNIT_EXPECT_EQ(test, push_many(fx, 2, page), 2UL);
		KUNIT_ASSERT_EQ(test, kmemx_pages_pop_bulk(fx->pages, ARRAY_SIZE(again),
							   KMEMX_KIND_PAGES, again), FRONT_CAP);
		for (i = 0; i < FRONT_CAP; i++)
			KUNIT_EXPECT_PTR_EQ(test, again[i], page[i + 2]);
		KUNIT_EXPECT_EQ(test, push_many(fx, FRONT_CAP, again), 0UL);
	}
	KUNIT_ASSERT_EQ(test, kmemx_pages_pop_bulk(fx->pages, FRONT_CAP, KMEMX_KIND_PAGES, again),
			FRONT_CAP);
	/* One that is free by then, or that somebody holds, has to go alone. */
	again[2] = again[3];
	KUNIT_EXPECT_EQ(test, push_many(fx, FRONT_CAP, again), 3UL);
	get_page(page[3]);
	KUNIT_EXPECT_EQ(test, push_many(fx, 2, page + 2), 2UL);
	put_page(page[3]);
	KUNIT_EXPECT_TRUE(test, kmemx_pages_pop(fx->pages, 0, KMEMX_KIND_PAGES, &again[0]));
	KUNIT_EXPECT_PTR_EQ(test, again[0], page[5]);
free:
	migrate_enable();
	for (i = 0; i < ARRAY_SIZE(page); i++)
		KUNIT_EXPECT_TRUE(test, let_block_go(fx, page[i], 0));
	expect_sound(test, fx);
}

static void region_front_is_bounded(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct page *page[4 * FRONT_CAP];
	unsigned int order, cpu, i;

	set_fronts(test, fx, FRONT_CAP);
	for (order = 0; order < KMEMX_PCP_ORDERS; order++) {
		for (i = 0; i < ARRAY_SIZE(page); i++) {
			page[i] = take(fx, order);
			KUNIT_ASSERT_NOT_NULL(test, page[i]);
		}
		for (i = 0; i < ARRAY_SIZE(page); i++)
			KUNIT_ASSERT_TRUE(test, let_block_go(fx, page[i], order));
		for_each_possible_cpu(cpu)
			KUNIT_EXPECT_LE(test, kmemx_pcp_blocks(per_cpu_ptr(fx->pages->pcp, cpu)),
					(unsigned int)FRONT_CAP);
		expect_sound(test, fx);
		kmemx_pages_drain(fx->pages);
	}
	/* And what it is set to: no more than its part of the region in all. */
	for (i = 1; i <= 4096; i *= 2) {
		unsigned long sum = 0;

		for (order = 0; order < KMEMX_PCP_ORDERS; order++)
			sum += (unsigned long)kmemx_pcp_cap(order, 1UL << 18, i) << order;
		sum += kmemx_pcp_spare(1UL << 18, i);
		if (kmemx_pcp_lets_wait(1UL << 18, i))
			sum += KMEMX_WORD_BITS;
		KUNIT_EXPECT_LE(test, sum * i * KMEMX_PCP_SHARE, 1UL << 18);
	}
}

#define LENT_FRAMES	(KMEMX_PCP_ORDERS * 64U)

/* Whoever may have something to lend is asked. */
static bool grows(struct kunit *test, struct kmemx_pcp *pcp, unsigned int order)
{
	unsigned int tries;

	pcp->nr_refused = 0;
	for (tries = 0; tries < KMEMX_PCP_ORDERS; tries++) {
		bool could = kmemx_pcp_could_grow(pcp, order);

		KUNIT_ASSERT_EQ(test, kmemx_pcp_grow(pcp, order), could);
		if (could)
			return true;
	}
	KUNIT_ASSERT_TRUE(test, kmemx_pcp_is_short(pcp));
	return false;
}

static void region_front_lends_what_it_does_not_use(struct kunit *test)
{
	struct kmemx_pcp_block *next;
	struct kmemx_pcp pcp = { 0 };
	struct page *page = NULL;
	unsigned int k, nr;
	u8 info;

	next = kunit_kcalloc(test, KMEMX_PCP_ORDERS * (LENT_FRAMES + 1), sizeof(*next), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, next);
	for (k = 0; k < KMEMX_PCP_ORDERS; k++, next += LENT_FRAMES + 1) {
		kmemx_pcp_open(&pcp.list[k], next, 64U >> k, LENT_FRAMES >> k, &pcp.none);
		/* With init_on_free, too. */
		pcp.list[k].limit = next + (64U >> k);
	}
	for (k = 0; k < KMEMX_PCP_ORDERS; k++) {
		struct kmemx_pcp_list *list = kmemx_pcp_list(&pcp, k);

		/* It gets all there is, and no more, */
		for (nr = 0; list->top < list->limit || grows(test, &pcp, k); nr++)
			kmemx_pcp_add(list, page, &info);
		KUNIT_EXPECT_EQ(test, nr, LENT_FRAMES >> k);
		KUNIT_EXPECT_EQ(test, fronts_limits(&pcp), LENT_FRAMES);
		/* and what a stack holds nobody else gets. */
		KUNIT_EXPECT_FALSE(test, grows(test, &pcp, (k + 1) % KMEMX_PCP_ORDERS));
		list->top = list->bottom;
	}
	KUNIT_EXPECT_EQ(test, fronts_limits(&pcp), LENT_FRAMES);
}

/* One that holds all there is gives it back to another that needs it. */
static void region_front_follows_demand(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_pcp *pcp;
	unsigned int round, i, limit = 0;
	struct page *page[16];

	set_fronts(test, fx, 16);
	migrate_disable();
	pcp = this_cpu_ptr(fx->pages->pcp);
	pcp->spare = 0;
	for (i = 0; i < KMEMX_PCP_ORDERS; i++) {
		pcp->list[i].limit = i ? pcp->list[i].bottom : pcp->list[i].limit;
		/* As if each could hold all of these 16 frames. */
		pcp->list[i].room = 16U >> i;
	}
	for (i = 0; i < 16; i++)
		page[i] = take(fx, 0);
	for (i = 0; i < 16; i++)
		KUNIT_EXPECT_TRUE(test, let_block_go(fx, page[i], 0));
	if (!want_init_on_free())
		KUNIT_EXPECT_GE(test, kmemx_pcp_nr(&pcp->list[0]), 16U);
	for (round = 0; round < 100; round++) {
		for (i = 0; i < 8; i++)
			page[i] = take(fx, 1);
		for (i = 0; i < 8; i++)
			KUNIT_EXPECT_TRUE(test, page[i] && let_block_go(fx, page[i], 1));
		limit = (unsigned int)(pcp->list[1].limit - pcp->list[1].bottom);
		KUNIT_EXPECT_EQ(test, fronts_limits(pcp), want_init_on_free() ? 0U : 16U);
	}
	migrate_enable();
	KUNIT_EXPECT_EQ(test, limit, want_init_on_free() ? 0U : 8U);
	expect_sound(test, fx);
}

static void expect_zero(struct kunit *test, struct fixture *fx, u32 frame, unsigned long nr)
{
	void *addr = kmemx_pages_address(fx->pages, frame);

	if (kmemx_pages_free_is_zero())
		KUNIT_EXPECT_NULL(test, memchr_inv(addr, 0, nr << PAGE_SHIFT));
	memset(addr, 0xFF, nr << PAGE_SHIFT);
}

static void expect_all_zero(struct kunit *test, struct fixture *fx)
{
	u32 frame;

	if (!kmemx_pages_free_is_zero())
		return;
	for (frame = 0; frame < kmemx_pages_end(fx->pages); frame++)
		if (kmemx_pages_info(fx->pages, frame) != KMEMX_INFO_ABSENT)
			KUNIT_ASSERT_NULL(test, memchr_inv(kmemx_pages_address(fx->pages, frame),
							   0, PAGE_SIZE));
}

/* From the start, and whatever way frames come back; but only with init_on_free. */
static void region_free_memory_is_zero(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int round, order;
	struct kmemx_freed freed;
	u32 frame;

	expect_all_zero(test, fx);
	for (round = 0; round < 3; round++) {
		for (order = 0; order <= KMEMX_CHUNK_ORDER; order++) {
			struct page *page = take(fx, order);

			KUNIT_ASSERT_NOT_NULL(test, page);
			expect_zero(test, fx, number_of(fx, page), 1UL << order);
			/* Large blocks have no front. */
			KUNIT_ASSERT_TRUE(test, order < KMEMX_PCP_ORDERS ?
					  let_block_go(fx, page, order) : put(fx, page, order));
		}
		KUNIT_ASSERT_EQ(test, kmemx_pages_alloc(fx->pages, 301, 1, KMEMX_KIND_CONTIG,
							&frame), 0);
		expect_zero(test, fx, frame, 301);
		KUNIT_EXPECT_EQ(test, kmemx_pages_trim(fx->pages, frame, KMEMX_KIND_CONTIG, 0, 5,
						       &freed), KMEMX_FREE_OK);
		KUNIT_EXPECT_EQ(test, kmemx_pages_free(fx->pages, frame, KMEMX_KIND_CONTIG, 0,
						       &freed), KMEMX_FREE_OK);
		kmemx_pages_drain(fx->pages);
	}
	expect_all_zero(test, fx);
	expect_sound(test, fx);
}

/* So deep that it takes several rounds to empty it. */
static void region_drains_deep_fronts(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct page *first = NULL, *page;
	unsigned int i;

	set_fronts(test, fx, 1000);
	for (i = 0; i < 1000; i++) {
		page = take(fx, 0);
		KUNIT_ASSERT_NOT_NULL(test, page);
		*(struct page **)page_address(page) = first;
		first = page;
	}
	migrate_disable();
	for (; first; first = page) {
		page = *(struct page **)page_address(first);
		if (!let_block_go(fx, first, 0))
			break;
	}
	migrate_enable();
	KUNIT_EXPECT_NULL(test, first);
	if (!want_init_on_free())
		KUNIT_EXPECT_GE(test, kmemx_pages_nr_front(fx->pages), 500UL);
	kmemx_pages_drain(fx->pages);
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_front(fx->pages), 0UL);
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), NR_FRAMES);
	expect_sound(test, fx);
}

/* When few chunks are whole, a front keeps few blocks, and those of dense chunks. */
static void region_front_does_not_pin_chunks(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int few = 1000 / KMEMX_PCP_FEW, i;
	struct page *page, *first = NULL;
	struct kmemx_freed freed;
	unsigned int nr_rest = 0;
	unsigned long nr_front;
	u32 rest[16];

	set_fronts(test, fx, 1000);
	while (nr_rest < ARRAY_SIZE(rest) &&
	       !kmemx_pages_alloc(fx->pages, KMEMX_CHUNK_FRAMES, KMEMX_CHUNK_FRAMES,
				  KMEMX_KIND_CONTIG, &rest[nr_rest]))
		nr_rest++;
	KUNIT_ASSERT_GT(test, nr_rest, 0U);
	KUNIT_ASSERT_FALSE(test, kmemx_zone_has_plenty(&fx->pages->zone));
	/* One block of a chunk that has few goes past the front. */
	migrate_disable();
	page = take(fx, 0);
	KUNIT_ASSERT_NOT_NULL(test, page);
	nr_front = kmemx_pages_nr_front(fx->pages);
	KUNIT_EXPECT_FALSE(test, push(fx, page, 0));
	KUNIT_EXPECT_TRUE(test, put(fx, page, 0));
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_front(fx->pages), nr_front);
	/* Into the last chunks, until they are dense and one frame more than fronts keep. */
	for (i = 0; i < few + KMEMX_LIVE_DENSE + 1; i++) {
		page = take(fx, 0);
		if (!page)
			break;
		*(struct page **)page_address(page) = first;
		first = page;
	}
	KUNIT_EXPECT_EQ(test, i, few + KMEMX_LIVE_DENSE + 1);
	for (; first; first = page) {
		page = *(struct page **)page_address(first);
		KUNIT_EXPECT_TRUE(test, let_block_go(fx, first, 0));
	}
	/* With init_on_free what is left of the last batch. */
	KUNIT_EXPECT_LE(test, kmemx_pages_nr_front(fx->pages), (unsigned long)few);
	if (!want_init_on_free())
		KUNIT_EXPECT_EQ(test, kmemx_pages_nr_front(fx->pages), (unsigned long)few);
	migrate_enable();
	expect_sound(test, fx);
	while (nr_rest--)
		KUNIT_EXPECT_EQ(test, kmemx_pages_free(fx->pages, rest[nr_rest], KMEMX_KIND_CONTIG,
						       KMEMX_CHUNK_FRAMES, &freed), KMEMX_FREE_OK);
	KUNIT_EXPECT_TRUE(test, kmemx_zone_has_plenty(&fx->pages->zone));
	expect_sound(test, fx);
}

/* A block that is free in a front is not freed again, by whatever way. */
static void region_front_finds_double_frees(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_freed freed;
	unsigned int order;

	set_fronts(test, fx, FRONT_CAP);
	for (order = 0; order < KMEMX_PCP_ORDERS; order++) {
		struct page *page = take(fx, order);

		KUNIT_ASSERT_TRUE(test, let_block_go(fx, page, order));
		KUNIT_EXPECT_FALSE(test, push(fx, page, order));
		KUNIT_EXPECT_FALSE(test, put(fx, page, order));
		KUNIT_EXPECT_EQ(test, kmemx_pages_free(fx->pages, number_of(fx, page),
						       KMEMX_KIND_PAGES, 1UL << order, &freed),
				KMEMX_FREE_DOUBLE);
		expect_sound(test, fx);
	}
}

static void region_front_leaves_held_pages_alone(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int order, i;

	set_fronts(test, fx, FRONT_CAP);
	for (order = 0; order < KMEMX_PCP_ORDERS; order++) {
		struct page *page = take(fx, order);

		for (i = 0; i < 1U << order; i++) {
			get_page(page + i);
			KUNIT_ASSERT_FALSE(test, push(fx, page, order));
			KUNIT_ASSERT_FALSE(test, put(fx, page, order));
			put_page(page + i);
		}
		KUNIT_EXPECT_TRUE(test, let_block_go(fx, page, order));
	}
}


/* Frees of @page, in a row on one CPU, that change the zone. */
static unsigned int count_changes(struct kunit *test, struct fixture *fx, struct page **page,
				  unsigned int nr, unsigned int order)
{
	unsigned long nr_free = kmemx_pages_nr_free(fx->pages);
	unsigned int changes = 0, i;

	for (i = 0; i < nr; i++) {
		KUNIT_EXPECT_TRUE(test, let_block_go(fx, page[i], order));
		changes += kmemx_pages_nr_free(fx->pages) != nr_free;
		nr_free = kmemx_pages_nr_free(fx->pages);
	}
	return changes;
}

/* Those that find the front full, but for a few that ask whether it may grow. */
static void region_front_frees_a_word_at_a_time(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int order, i;
	struct page **page;

	page = kunit_kcalloc(test, 256, sizeof(*page), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	set_fronts(test, fx, GROUPS_CAP);
	for (order = 0; order < KMEMX_PCP_ORDERS; order++) {
		unsigned int nr = min(256U, 768U >> order), changes;
		unsigned int word = min(KMEMX_PCP_GROUP, KMEMX_WORD_BITS >> order);

		for (i = 0; i < nr; i++) {
			page[i] = take(fx, order);
			KUNIT_ASSERT_NOT_NULL(test, page[i]);
		}
		migrate_disable();
		changes = count_changes(test, fx, page, nr, order);
		migrate_enable();
		if (!want_init_on_free())
			KUNIT_EXPECT_LE(test, changes,
					nr / word + nr / KMEMX_WORD_BITS + KMEMX_PCP_ORDERS);
		expect_sound(test, fx);
		kmemx_pages_drain(fx->pages);
		KUNIT_EXPECT_EQ(test, kmemx_pages_nr_front(fx->pages), 0UL);
		KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), NR_FRAMES);
	}
}

/* What waits is free in the front, and has not left it. */
static void region_front_counts_what_waits(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct page *page[3 * GROUPS_CAP];
	unsigned long nr_front;
	unsigned int i, cpu;

	set_fronts(test, fx, GROUPS_CAP);
	for (i = 0; i < ARRAY_SIZE(page); i++) {
		page[i] = take(fx, 2);
		KUNIT_ASSERT_NOT_NULL(test, page[i]);
	}
	migrate_disable();
	for (i = 0; i < ARRAY_SIZE(page); i++)
		KUNIT_EXPECT_TRUE(test, let_block_go(fx, page[i], 2));
	cpu = smp_processor_id();
	nr_front = kmemx_pages_nr_front(fx->pages);
	KUNIT_EXPECT_EQ(test, nr_front + kmemx_pages_nr_free(fx->pages), NR_FRAMES);
	if (!want_init_on_free()) {
		KUNIT_EXPECT_GT(test, nr_front, GROUPS_CAP * 4UL);
		KUNIT_EXPECT_FALSE(test, put(fx, page[ARRAY_SIZE(page) - 1], 2));
	}
	/* As if it had gone. */
	kmemx_pages_drain_dead(fx->pages, cpu);
	migrate_enable();
	kmemx_pages_drain(fx->pages);
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_front(fx->pages), 0UL);
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), NR_FRAMES);
	expect_sound(test, fx);
}

/* Where no block may wait, it is found out once. */
static void region_front_without_room_to_wait_is_gone_past(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct page *page[4 * FRONT_CAP];
	unsigned int i;

	if (want_init_on_free())
		kunit_skip(test, "no front takes what has to be zeroed");
	set_fronts(test, fx, FRONT_CAP);
	for (i = 0; i < ARRAY_SIZE(page); i++) {
		page[i] = take(fx, 0);
		KUNIT_ASSERT_NOT_NULL(test, page[i]);
	}
	migrate_disable();
	for (i = 1; i < ARRAY_SIZE(page); i++)
		KUNIT_EXPECT_TRUE(test, let_block_go(fx, page[i], 0));
	KUNIT_EXPECT_TRUE(test, kmemx_pcp_is_short(this_cpu_ptr(fx->pages->pcp)));
	KUNIT_EXPECT_EQ(test, kmemx_pages_way(fx->pages, 0), KMEMX_WAY_PAST);
	KUNIT_EXPECT_TRUE(test, let_block_go(fx, page[0], 0));
	migrate_enable();
	expect_sound(test, fx);
}

/* Who zeroes ahead leaves the last whole chunks alone. */
static void region_zeroing_ahead_takes_no_last_chunk(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_zone *zone = &fx->pages->zone;
	struct kmemx_prezero prezero;
	struct page *page[16];
	unsigned int nr = 0, i;

	if (want_init_on_free())
		kunit_skip(test, "nothing is zeroed ahead");
	while (nr < ARRAY_SIZE(page) && atomic64_read(&zone->spare) > 0) {
		page[nr] = take(fx, KMEMX_CHUNK_ORDER);
		KUNIT_ASSERT_NOT_NULL(test, page[nr++]);
	}
	KUNIT_ASSERT_GT(test, nr, 0U);
	KUNIT_ASSERT_EQ(test, atomic64_read(&zone->spare), (s64)0);
	KUNIT_ASSERT_EQ(test, kmemx_prezero_start(&prezero, fx->pages, LONG_MAX), 0);
	msleep(300);
	KUNIT_EXPECT_EQ(test, kmemx_zone_nr_zero(zone), 0UL);
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_TRUE(test, put(fx, page[i], KMEMX_CHUNK_ORDER));
	for (i = 0; i < 500 && !kmemx_zone_nr_zero(zone); i++)
		msleep(20);
	kmemx_prezero_stop(&prezero);
	KUNIT_EXPECT_GT(test, kmemx_zone_nr_zero(zone), 0UL);
	expect_sound(test, fx);
}

/* Until a chunk is away, or there is none to zero, or it goes too fast to be seen. */
static void wait_for_zeroing(const struct fixture *fx)
{
	unsigned int i;

	for (i = 0; i < 5000 && kmemx_pages_nr_free(fx->pages) == NR_FRAMES; i++)
		usleep_range(50, 100);
}

/*
 * The bytes of a region in which nothing is allocated that are nowhere. What is used is counted by
 * the exported functions, which are for another region.
 */
static s64 lost_bytes(struct fixture *fx)
{
	struct kmemx_snapshot snap;

	kmemx_snapshot_take(&fx->region, &snap);
	return snap.unsettled + (s64)snap.used;
}

/* While somebody is at work it may be away for a moment, which is long if that one waits. */
static void expect_settled(struct kunit *test, struct fixture *fx)
{
	s64 lost = lost_bytes(fx);
	unsigned int i;

	for (i = 0; i < 1000 && lost; i++) {
		msleep(20);
		lost = lost_bytes(fx);
	}
	KUNIT_EXPECT_EQ(test, lost, 0LL);
}

/* Known to be zero, and is not? */
static void expect_zeroes(struct kunit *test, struct fixture *fx)
{
	struct kmemx_freed freed;
	u32 frame[16];
	unsigned int nr;

	for (nr = 0; nr < ARRAY_SIZE(frame); nr++) {
		if (kmemx_pages_alloc_zeroed(fx->pages, KMEMX_CHUNK_FRAMES, KMEMX_KIND_LARGE,
					     &frame[nr]))
			break;
		KUNIT_EXPECT_NULL(test, memchr_inv(kmemx_pages_address(fx->pages, frame[nr]), 0,
						   CHUNK_BYTES));
	}
	while (nr--)
		KUNIT_EXPECT_EQ(test, kmemx_pages_free(fx->pages, frame[nr], KMEMX_KIND_LARGE,
						       KMEMX_CHUNK_FRAMES, &freed),
				KMEMX_FREE_OK);
}

/* All @nr whole chunks, and no other writes to them; returns whether one was being zeroed. */
static bool use_all(struct kunit *test, struct fixture *fx, struct page **page, unsigned int nr)
{
	bool was_away = false;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		page[i] = take(fx, KMEMX_CHUNK_ORDER);
		if (!page[i]) {
			was_away |= kmemx_region_reclaim_some(&fx->region) > 0;
			page[i] = take(fx, KMEMX_CHUNK_ORDER);
		}
		KUNIT_EXPECT_NOT_NULL(test, page[i]);
	}
	/* The last is the one that has been taken back. */
	for (i = nr; i--;)
		if (page[i])
			memset(page_address(page[i]), 0xff, CHUNK_BYTES);
	/* Whoever zeroes may be on this CPU. */
	msleep(20);
	for (i = nr; i--;) {
		if (!page[i])
			continue;
		KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page[i]), 0xff, CHUNK_BYTES));
		KUNIT_EXPECT_TRUE(test, put(fx, page[i], KMEMX_CHUNK_ORDER));
	}
	return was_away;
}

static void region_zeroing_ahead_fails_no_request(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int nr = atomic64_read(&fx->pages->zone.spare) +
			  kmemx_zone_reserve(&fx->pages->zone);
	struct kmemx_prezero prezero;
	unsigned int k, nr_away = 0;
	struct page *page[16];

	if (want_init_on_free())
		kunit_skip(test, "nothing is zeroed ahead");
	KUNIT_ASSERT_LE(test, nr, (unsigned int)ARRAY_SIZE(page));
	KUNIT_ASSERT_EQ(test, kmemx_prezero_start(&prezero, fx->pages, LONG_MAX), 0);
	/* How often one is met half way is chance. */
	for (k = 0; k < 8 || (k < 32 && nr_away < 4); k++) {
		wait_for_zeroing(fx);
		expect_settled(test, fx);
		nr_away += use_all(test, fx, page, nr);
	}
	kunit_info(test, "%u of %u met a chunk that was being zeroed\n", nr_away, k);
	wait_for_zeroing(fx);
	kmemx_pages_recall_chunk(fx->pages);
	kmemx_prezero_stop(&prezero);
	expect_zeroes(test, fx);
	expect_sound(test, fx);
}

static void send_away(struct kunit *test, struct fixture *fx)
{
	preempt_disable();
	fx->pages->away = kmemx_zone_take_unzeroed(&fx->pages->zone);
	preempt_enable();
	KUNIT_ASSERT_GE(test, fx->pages->away, 0L);
	memset(kmemx_pages_address(fx->pages, (u32)fx->pages->away), 0xff, CHUNK_BYTES);
}

/* Whoever came before it began: at each number, and after each so many steps of others. */
static void region_reclaim_of_others_is_enough_if_whole(struct kunit *test)
{
	unsigned int nr, steps, i;

	for (nr = UINT_MAX - 4; nr != 5; nr++) {
		unsigned int wanted = kmemx_region_reclaim_wanted(nr), now = nr;

		for (steps = 0; steps < 8; steps++, now++) {
			bool has_begun = false, is_done = false;

			/* An odd one ends what has begun, an even one begins. */
			for (i = 0; i < steps; i++) {
				is_done |= has_begun && ((nr + i) & 1);
				has_begun |= !((nr + i) & 1);
			}
			KUNIT_EXPECT_EQ_MSG(test, kmemx_region_reclaim_is_done(now, wanted),
					    is_done, "from %u, after %u", nr, steps);
		}
	}
}

static void region_reclaim_ends_typesafe_slabs(struct kunit *test)
{
	struct kmemx_cache_spec spec = {
		.name = "typesafe", .size = 512, .is_typesafe = true, .magazine = KMEMX_FRONT_NONE,
	};
	struct fixture *fx = test->priv;
	struct kmemx_cache *cache = kmemx_cache_new(&fx->region.depot, &spec);
	unsigned long nr_free = kmemx_pages_nr_free(fx->pages);
	void *obj[64];
	unsigned int i;

	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	for (i = 0; i < ARRAY_SIZE(obj); i++) {
		obj[i] = kmemx_cache_take(cache, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, obj[i]);
	}
	for (i = 0; i < ARRAY_SIZE(obj); i++)
		KUNIT_EXPECT_EQ(test, put_object(fx, cache, obj[i]), KMEMX_FREE_OK);
	KUNIT_EXPECT_LT(test, kmemx_pages_nr_free(fx->pages), nr_free);
	kmemx_region_reclaim(&fx->region);
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), nr_free);
	KUNIT_EXPECT_EQ(test, fx->region.nr_reclaims, 2U);
	KUNIT_EXPECT_EQ(test, kmemx_cache_delete(cache), 0);
}

/* Though whoever zeroes it does not run. */
static void region_reclaim_takes_back_what_is_away(struct kunit *test)
{
	struct fixture *fx = test->priv;

	if (want_init_on_free())
		kunit_skip(test, "nothing is zeroed ahead");
	send_away(test, fx);
	KUNIT_EXPECT_EQ(test, kmemx_region_reclaim_some(&fx->region),
			(unsigned int)KMEMX_CHUNK_FRAMES);
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), NR_FRAMES);
	send_away(test, fx);
	KUNIT_EXPECT_EQ(test, lost_bytes(fx), 0LL);
	kmemx_region_reclaim(&fx->region);
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), NR_FRAMES);
	/* It may be zeroed in part. */
	expect_zeroes(test, fx);
	/* The next one has to pause. */
	KUNIT_EXPECT_FALSE(test, kmemx_pages_zero_chunk(fx->pages));
	KUNIT_EXPECT_TRUE(test, kmemx_pages_zero_chunk(fx->pages));
	expect_zeroes(test, fx);
	expect_sound(test, fx);
}

#define TWO_BLOCKS	32U

/* Take so many blocks of order 4; returns the most that were in the front after one of them. */
static unsigned int most_in_front(struct kunit *test, struct fixture *fx, struct page **page)
{
	unsigned long nr_free = kmemx_pages_nr_free(fx->pages);
	unsigned int most = 0, i, k;

	migrate_disable();
	for (i = 0; i < TWO_BLOCKS; i++) {
		page[i] = take(fx, 4);
		KUNIT_EXPECT_NOT_NULL(test, page[i]);
		for (k = 0; k < i; k++)
			KUNIT_EXPECT_PTR_NE(test, page[i], page[k]);
		k = kmemx_pcp_nr(&this_cpu_ptr(fx->pages->pcp)->list[4]);
		KUNIT_EXPECT_EQ(test, nr_free,
				kmemx_pages_nr_free(fx->pages) + 16 * (i + 1 + k));
		most = max(most, k);
	}
	migrate_enable();
	return most;
}

/* Of order 4 a word has four blocks: eight are taken of two, unless few chunks are whole. */
static void region_front_is_filled_from_two_words(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct page *page[TWO_BLOCKS], *whole[5];
	unsigned int few, i;

	set_fronts(test, fx, 8 * KMEMX_PCP_FEW);
	for (few = 0; few < 2; few++) {
		for (i = 0; few && i < ARRAY_SIZE(whole); i++) {
			whole[i] = take(fx, 9);
			KUNIT_ASSERT_NOT_NULL(test, whole[i]);
		}
		KUNIT_EXPECT_EQ(test, kmemx_zone_has_plenty(&fx->pages->zone), !few);
		KUNIT_EXPECT_EQ(test, most_in_front(test, fx, page), few ? 3U : 7U);
		expect_sound(test, fx);
		for (i = 0; i < TWO_BLOCKS; i++)
			KUNIT_EXPECT_TRUE(test, let_block_go(fx, page[i], 4));
		kmemx_pages_drain(fx->pages);
		KUNIT_EXPECT_EQ(test, kmemx_pages_nr_front(fx->pages), 0UL);
	}
	for (i = 0; i < ARRAY_SIZE(whole); i++)
		KUNIT_EXPECT_TRUE(test, put(fx, whole[i], 9));
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), NR_FRAMES);
}

/* A front whose CPU is at work there, as an interrupt finds it. */
static void region_works_past_a_busy_front(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct page *first, *nested;
	bool pushed, popped, freed;

	set_fronts(test, fx, FRONT_CAP);
	first = take(fx, 0);
	preempt_disable();
	this_cpu_ptr(fx->pages->pcp)->busy = 1;
	popped = kmemx_pages_pop(fx->pages, 0, KMEMX_KIND_PAGES, &nested);
	nested = take(fx, 0);
	pushed = push(fx, first, 0);
	freed = put(fx, first, 0);
	this_cpu_ptr(fx->pages->pcp)->busy = 0;
	preempt_enable();
	KUNIT_EXPECT_FALSE(test, popped);
	KUNIT_EXPECT_NOT_NULL(test, nested);
	KUNIT_EXPECT_PTR_NE(test, nested, first);
	KUNIT_EXPECT_FALSE(test, pushed);
	KUNIT_EXPECT_TRUE(test, freed);
	expect_sound(test, fx);
	KUNIT_EXPECT_TRUE(test, let_block_go(fx, nested, 0));
}

static void region_dead_cpu_loses_nothing(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int order, cpu;

	set_fronts(test, fx, FRONT_CAP);
	for (order = 0; order < KMEMX_PCP_ORDERS; order++)
		let_block_go(fx, take(fx, order), order);
	KUNIT_EXPECT_GT(test, kmemx_pages_nr_front(fx->pages), 0UL);
	/* As if each CPU had gone; nobody else uses this region. */
	for_each_possible_cpu(cpu)
		kmemx_pages_drain_dead(fx->pages, cpu);
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_front(fx->pages), 0UL);
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), NR_FRAMES);
	expect_sound(test, fx);
}

/* ---- Parcels ------------------------------------------------------------ */

/* What a stack may hold, so that it can pay for some parcels. */
#define PARCEL_CAP	(4 * KMEMX_PARCEL_BLOCKS)

/* CPUs are such as others leave blocks for, of all orders. */
static struct kmemx_pcp *set_parcels(struct kunit *test, struct fixture *fx)
{
	unsigned int cpu;

	set_fronts(test, fx, PARCEL_CAP);
	for_each_possible_cpu(cpu) {
		struct kmemx_pcp *pcp = per_cpu_ptr(fx->pages->pcp, cpu);

		pcp->spare = 0;
		kmemx_parcel_free(pcp);
		KUNIT_ASSERT_EQ(test, kmemx_parcel_make(pcp, (int)cpu), 0);
	}
	fx->pages->parcel_frames = KMEMX_PARCEL_BLOCKS << (KMEMX_PCP_ORDERS - 1);
	return raw_cpu_ptr(fx->pages->pcp);
}

static unsigned int nr_in_state(const struct kmemx_pcp *pcp, int state)
{
	unsigned int nr = 0, i;

	for (i = 0; i < KMEMX_PARCELS; i++)
		nr += atomic_read(&pcp->parcels->state[i]) == state;
	return nr;
}

static unsigned int nr_wanted(const struct kmemx_pcp *pcp, unsigned int order)
{
	return nr_in_state(pcp, kmemx_parcel_wanted(order));
}

/* So many blocks in the stack. */
static void stack_blocks(struct kunit *test, struct fixture *fx, unsigned int order,
			 unsigned int nr)
{
	struct kmemx_pcp_list *list = kmemx_pcp_list(raw_cpu_ptr(fx->pages->pcp), order);

	while (kmemx_pcp_nr(list) < nr) {
		long frame = kmemx_zone_alloc_order(&fx->pages->zone, order, KMEMX_KIND_PAGES);

		KUNIT_ASSERT_GE(test, frame, 0L);
		fx->pages->zone.info[frame] = KMEMX_INFO_FRONT | order;
		kmemx_pcp_add(list, kmemx_pages_page(fx->pages, (u32)frame),
			      fx->pages->zone.info + frame);
	}
	KUNIT_EXPECT_LE(test, kmemx_pcp_nr(list), (unsigned int)(list->limit - list->bottom));
}

/* The stack has nothing. */
static void unstack_blocks(struct fixture *fx, unsigned int order)
{
	struct page *page;

	while (kmemx_pages_pop(fx->pages, order, KMEMX_KIND_PAGES, &page))
		kmemx_pages_put(fx->pages, page, info_of(fx, page), order, KMEMX_KIND_PAGES);
}

/* Who finds its stack empty says so, is left some blocks, and takes them past the zone. */
static void region_parcels_bring_blocks(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned long nr_free, nr_front;
	struct kmemx_pcp_list *list;
	struct kmemx_pcp *pcp;
	struct page *page;
	unsigned int nr = KMEMX_PARCEL_BLOCKS, order, sum, i;
	struct page *left[KMEMX_PARCEL_BLOCKS];

	if (want_init_on_free())
		kunit_skip(test, "no front takes what has to be zeroed");
	migrate_disable();
	pcp = set_parcels(test, fx);
	sum = fronts_limits(pcp);
	for (order = 0; order < KMEMX_PCP_ORDERS; order++) {
		list = kmemx_pcp_list(pcp, order);
		page = take(fx, order);
		KUNIT_ASSERT_NOT_NULL(test, page);
		KUNIT_EXPECT_EQ(test, nr_wanted(pcp, order), 1U);
		KUNIT_EXPECT_EQ(test, fx->pages->wanting[order], raw_smp_processor_id() + 1);
		stack_blocks(test, fx, order, nr + 1);
		/* It is for others to leave something. */
		KUNIT_EXPECT_FALSE(test, kmemx_parcel_send(fx->pages, pcp, order));
		KUNIT_EXPECT_EQ(test, fx->pages->wanting[order], 0U);
		nr_free = kmemx_pages_nr_free(fx->pages);
		nr_front = kmemx_pages_nr_front(fx->pages);
		for (i = 0; i < nr; i++)
			left[i] = (list->top - (nr - 1) + i)->page;
		KUNIT_EXPECT_TRUE(test, kmemx_parcel_fill(fx->pages, pcp->parcels, list, order));
		/* No more than it was asked for. */
		KUNIT_EXPECT_FALSE(test, kmemx_parcel_fill(fx->pages, pcp->parcels, list, order));
		KUNIT_EXPECT_EQ(test, kmemx_parcel_frames(pcp), (unsigned long)nr << order);
		KUNIT_EXPECT_EQ(test, kmemx_parcel_blocks(pcp), nr);
		KUNIT_EXPECT_EQ(test, kmemx_pages_nr_front(fx->pages), nr_front);
		KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), nr_free);
		KUNIT_EXPECT_TRUE(test, let_block_go(fx, page, order));
		unstack_blocks(fx, order);
		KUNIT_EXPECT_TRUE(test, kmemx_pages_front_may_help(fx->pages, order));
		nr_free = kmemx_pages_nr_free(fx->pages);
		page = take(fx, order);
		KUNIT_ASSERT_NOT_NULL(test, page);
		KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), nr_free);
		KUNIT_EXPECT_EQ(test, kmemx_pcp_nr(list), nr - 1);
		/* In the order in which they were freed. */
		KUNIT_EXPECT_PTR_EQ(test, page, left[0]);
		for (i = 1; i < nr; i++)
			KUNIT_EXPECT_PTR_EQ(test, (list->top - (i - 1))->page, left[i]);
		KUNIT_EXPECT_EQ(test, kmemx_parcel_frames(pcp), 0UL);
		/* Now that one has come, it wants two. */
		KUNIT_EXPECT_EQ(test, nr_wanted(pcp, order), 2U);
		KUNIT_EXPECT_EQ(test, fx->pages->wanting[order], raw_smp_processor_id() + 1);
		KUNIT_EXPECT_TRUE(test, let_block_go(fx, page, order));
		KUNIT_EXPECT_EQ(test, fronts_limits(pcp), sum);
		kmemx_pages_drain(fx->pages);
		KUNIT_EXPECT_EQ(test, nr_in_state(pcp, KMEMX_PARCEL_NONE), KMEMX_PARCELS);
		KUNIT_EXPECT_EQ(test, fronts_limits(pcp), sum);
		KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), NR_FRAMES);
		expect_sound(test, fx);
	}
	migrate_enable();
}

/* No more than what stacks do not use, and an empty one keeps what it is filled with. */
static void region_parcels_are_paid_for(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int price = KMEMX_PARCEL_BLOCKS, sum, i;
	struct kmemx_pcp_list *list;
	struct kmemx_pcp *pcp;

	if (want_init_on_free())
		kunit_skip(test, "no front takes what has to be zeroed");
	migrate_disable();
	pcp = set_parcels(test, fx);
	list = kmemx_pcp_list(pcp, 0);
	for (i = 1; i < KMEMX_PCP_ORDERS; i++)
		pcp->list[i].limit = pcp->list[i].bottom;
	preempt_disable();
	/* A block less than it takes. */
	list->limit = list->bottom + list->batch + price - 1;
	for (i = 0; i < KMEMX_PCP_ORDERS; i++)
		KUNIT_EXPECT_FALSE(test, kmemx_parcel_receive(fx->pages, pcp, 0));
	KUNIT_EXPECT_EQ(test, nr_wanted(pcp, 0), 0U);
	KUNIT_EXPECT_EQ(test, fx->pages->wanting[0], 0U);
	KUNIT_EXPECT_PTR_EQ(test, list->limit, list->bottom + list->batch + price - 1);
	/* That one lent by another stack, whose turn comes. */
	pcp->list[2].limit += pcp->list[2].batch + 1;
	sum = fronts_limits(pcp);
	for (i = 0; i < KMEMX_PCP_ORDERS; i++)
		KUNIT_EXPECT_FALSE(test, kmemx_parcel_receive(fx->pages, pcp, 0));
	KUNIT_EXPECT_EQ(test, nr_wanted(pcp, 0), 1U);
	KUNIT_EXPECT_PTR_EQ(test, list->limit, list->bottom + list->batch);
	KUNIT_EXPECT_EQ(test, fronts_limits(pcp), sum);
	/* What has come is on the stack, with what it was paid for with. */
	pcp->nr_refused = KMEMX_PCP_ORDERS;
	list->limit += price;
	stack_blocks(test, fx, 0, price);
	KUNIT_EXPECT_TRUE(test, kmemx_parcel_fill(fx->pages, pcp->parcels, list, 0));
	list->limit -= price;
	KUNIT_EXPECT_TRUE(test, kmemx_parcel_receive(fx->pages, pcp, 0));
	KUNIT_EXPECT_EQ(test, kmemx_pcp_nr(list), price);
	KUNIT_EXPECT_PTR_EQ(test, list->limit, list->top);
	KUNIT_EXPECT_EQ(test, pcp->nr_refused, 0);
	KUNIT_EXPECT_EQ(test, nr_wanted(pcp, 0), 0U);
	KUNIT_EXPECT_EQ(test, fronts_limits(pcp), sum);
	preempt_enable();
	migrate_enable();
	kmemx_pages_drain(fx->pages);
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), NR_FRAMES);
	expect_sound(test, fx);
}

/* If a stack is full, parcels end that do nothing for its order, with whatever is in them. */
static void region_full_stack_ends_idle_parcels(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_pcp_list *list;
	struct page *page[3];
	struct kmemx_pcp *pcp;
	unsigned int i, sum, full;

	if (want_init_on_free())
		kunit_skip(test, "no front takes what has to be zeroed");
	migrate_disable();
	pcp = set_parcels(test, fx);
	sum = fronts_limits(pcp);
	list = kmemx_pcp_list(pcp, 1);
	for (i = 0; i < ARRAY_SIZE(page); i++)
		page[i] = take(fx, 1);
	KUNIT_EXPECT_EQ(test, nr_wanted(pcp, 1), 1U);
	/* Three of another order have come; one more is wanted; its own are full of one. */
	KUNIT_EXPECT_FALSE(test, kmemx_parcel_receive(fx->pages, pcp, 0));
	stack_blocks(test, fx, 0, 3);
	KUNIT_EXPECT_TRUE(test, kmemx_parcel_fill(fx->pages, pcp->parcels,
						  kmemx_pcp_list(pcp, 0), 0));
	fx->pages->wanting[1] = 0;
	for (i = 0; i < KMEMX_PCP_ORDERS; i++) {
		sum -= i == 1 ? 0 : (unsigned int)(pcp->list[i].limit - pcp->list[i].bottom) << i;
		if (i != 1)
			pcp->list[i].limit = pcp->list[i].bottom;
	}
	sum -= pcp->spare;
	pcp->spare = 0;
	full = (unsigned int)(list->limit - list->bottom);
	stack_blocks(test, fx, 1, full);
	/* Whosever turn it is; first the one that nobody has filled. */
	pcp->nr_refused = 0;
	KUNIT_EXPECT_EQ(test, kmemx_pages_way(fx->pages, 1), KMEMX_WAY_MORE);
	KUNIT_EXPECT_TRUE(test, put(fx, page[0], 1));
	KUNIT_EXPECT_EQ(test, nr_wanted(pcp, 1), 0U);
	KUNIT_EXPECT_EQ(test, kmemx_parcel_blocks(pcp), 3U);
	KUNIT_EXPECT_EQ(test, fronts_limits(pcp), sum);
	full += KMEMX_PARCEL_BLOCKS;
	KUNIT_EXPECT_PTR_EQ(test, list->limit, list->bottom + full);
	/* Then the other: what was in it is on its stack, and the rest of its price is there. */
	list->room = (u16)(full + KMEMX_PARCEL_BLOCKS);
	stack_blocks(test, fx, 1, full);
	KUNIT_EXPECT_TRUE(test, put(fx, page[1], 1));
	KUNIT_EXPECT_EQ(test, kmemx_parcel_blocks(pcp), 0U);
	KUNIT_EXPECT_EQ(test, kmemx_pcp_nr(kmemx_pcp_list(pcp, 0)), 3U);
	KUNIT_EXPECT_EQ(test, nr_in_state(pcp, KMEMX_PARCEL_NONE), KMEMX_PARCELS);
	KUNIT_EXPECT_GT(test, list->limit - list->bottom, (long)full);
	KUNIT_EXPECT_EQ(test, fronts_limits(pcp), sum);
	/* There is no other. */
	KUNIT_EXPECT_FALSE(test, kmemx_parcel_could_help(pcp, 1));
	KUNIT_EXPECT_TRUE(test, let_block_go(fx, page[2], 1));
	pcp->nr_refused = KMEMX_PCP_ORDERS;
	migrate_enable();
	kmemx_pages_drain(fx->pages);
	KUNIT_EXPECT_EQ(test, pcp->nr_refused, 0);
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), NR_FRAMES);
	expect_sound(test, fx);
}

/*
 * Orders that are asked for share the parcels. What has been left of another is in the way only if
 * its stack has no place; and of orders of which one would have few there are none.
 */
static void region_parcels_are_of_the_order_asked_for(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_pcp_list *list;
	struct kmemx_pcp *pcp;
	unsigned int i, sum;

	if (want_init_on_free())
		kunit_skip(test, "no front takes what has to be zeroed");
	migrate_disable();
	pcp = set_parcels(test, fx);
	list = kmemx_pcp_list(pcp, 0);
	sum = fronts_limits(pcp);
	preempt_disable();
	/* In vain it asks for one; as long as blocks come, for more. */
	for (i = 0; i < KMEMX_PARCELS; i++)
		KUNIT_EXPECT_FALSE(test, kmemx_parcel_receive(fx->pages, pcp, 0));
	KUNIT_EXPECT_EQ(test, nr_wanted(pcp, 0), 1U);
	stack_blocks(test, fx, 0, 3);
	for (i = 0; i < KMEMX_PCP_ORDERS * KMEMX_PARCELS; i++) {
		KUNIT_EXPECT_TRUE(test, kmemx_parcel_fill(fx->pages, pcp->parcels, list, 0));
		KUNIT_EXPECT_TRUE(test, kmemx_parcel_receive(fx->pages, pcp, 0));
	}
	KUNIT_EXPECT_EQ(test, nr_wanted(pcp, 0), KMEMX_PARCELS);
	KUNIT_EXPECT_EQ(test, kmemx_pcp_nr(list), 3U);
	/* Another order has one of them, whose turn it is. */
	KUNIT_EXPECT_FALSE(test, kmemx_parcel_receive(fx->pages, pcp, 1));
	KUNIT_EXPECT_FALSE(test, kmemx_parcel_receive(fx->pages, pcp, 1));
	KUNIT_EXPECT_EQ(test, nr_wanted(pcp, 0), KMEMX_PARCELS - 1);
	KUNIT_EXPECT_EQ(test, nr_wanted(pcp, 1), 1U);
	KUNIT_EXPECT_EQ(test, fronts_limits(pcp), sum);
	/* That has blocks, for which its stack has no place, and then one. */
	KUNIT_EXPECT_TRUE(test, kmemx_parcel_fill(fx->pages, pcp->parcels, list, 0));
	for (i = 0; !kmemx_parcel_is_full(atomic_read(&pcp->parcels->state[i])); i++)
		;
	KUNIT_EXPECT_FALSE(test, kmemx_parcel_receive(fx->pages, pcp, 1));
	KUNIT_EXPECT_EQ(test, kmemx_parcel_blocks(pcp), 3U);
	pcp->parcels->next = (u8)i;
	list->room = 2;
	KUNIT_EXPECT_FALSE(test, kmemx_parcel_receive(fx->pages, pcp, 2));
	KUNIT_EXPECT_EQ(test, kmemx_parcel_blocks(pcp), 3U);
	KUNIT_EXPECT_EQ(test, nr_wanted(pcp, 2), 0U);
	list->room = PARCEL_CAP;
	pcp->parcels->next = (u8)i;
	KUNIT_EXPECT_FALSE(test, kmemx_parcel_receive(fx->pages, pcp, 2));
	KUNIT_EXPECT_EQ(test, kmemx_parcel_blocks(pcp), 0U);
	KUNIT_EXPECT_EQ(test, kmemx_pcp_nr(list), 3U);
	KUNIT_EXPECT_EQ(test, atomic_read(&pcp->parcels->state[i]), kmemx_parcel_wanted(2));
	KUNIT_EXPECT_EQ(test, fronts_limits(pcp), sum);
	fx->pages->parcel_frames = 8 * KMEMX_PARCEL_BLOCKS;
	KUNIT_EXPECT_FALSE(test, kmemx_parcel_receive(fx->pages, pcp, 4));
	KUNIT_EXPECT_EQ(test, fx->pages->wanting[4], 0U);
	KUNIT_EXPECT_FALSE(test, kmemx_parcel_receive(fx->pages, pcp, 3));
	KUNIT_EXPECT_EQ(test, fx->pages->wanting[3], raw_smp_processor_id() + 1);
	preempt_enable();
	migrate_enable();
}

/* Parcel @i of a CPU, as if that had found its stack empty. */
static void want(struct kmemx_pcp *pcp, unsigned int i, unsigned int order)
{
	pcp->list[order].limit -= KMEMX_PARCEL_BLOCKS;
	pcp->parcels->nr_paid[order]++;
	atomic_set(&pcp->parcels->state[i], kmemx_parcel_wanted(order));
}

/* A full stack leaves what another CPU wants, and that CPU, dead, loses none of it. */
static void region_full_stack_sends_what_is_wanted(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int nr = KMEMX_PARCEL_BLOCKS, other, sum;
	struct kmemx_pcp *pcp, *to;
	struct page *page, *own;
	long whole[NR_FRAMES / KMEMX_CHUNK_FRAMES];
	unsigned int i = 0;

	if (num_possible_cpus() == 1)
		kunit_skip(test, "there is one CPU");
	if (want_init_on_free())
		kunit_skip(test, "no front takes what has to be zeroed");
	migrate_disable();
	pcp = set_parcels(test, fx);
	other = cpumask_any_but(cpu_possible_mask, raw_smp_processor_id());
	to = per_cpu_ptr(fx->pages->pcp, other);
	sum = fronts_limits(to);
	own = take(fx, 0);
	page = take(fx, 0);
	/* All there is place for. */
	pcp->list[0].limit = pcp->list[0].bottom + PARCEL_CAP;
	stack_blocks(test, fx, 0, PARCEL_CAP);
	KUNIT_EXPECT_FALSE(test, push(fx, page, 0));
	/* This one has wanted some, and does not now. */
	KUNIT_EXPECT_EQ(test, fx->pages->wanting[0], raw_smp_processor_id() + 1);
	KUNIT_EXPECT_TRUE(test, put(fx, own, 0));
	KUNIT_EXPECT_EQ(test, fx->pages->wanting[0], 0U);
	KUNIT_EXPECT_EQ(test, kmemx_pcp_nr(kmemx_pcp_list(pcp, 0)), PARCEL_CAP);
	KUNIT_EXPECT_NE(test, kmemx_pages_way(fx->pages, 0), KMEMX_WAY_SENT);
	/* The other one has, and wants another order. */
	fx->pages->wanting[0] = other + 1;
	want(to, 1, 1);
	KUNIT_EXPECT_FALSE(test, kmemx_parcel_send(fx->pages, pcp, 0));
	KUNIT_EXPECT_EQ(test, fx->pages->wanting[0], 0U);
	/* It does, but few chunks are whole. */
	fx->pages->wanting[0] = other + 1;
	want(to, 2, 0);
	for (; kmemx_zone_has_plenty(&fx->pages->zone) && i < ARRAY_SIZE(whole); i++) {
		whole[i] = kmemx_zone_alloc_order(&fx->pages->zone, KMEMX_CHUNK_ORDER,
						  KMEMX_KIND_PAGES);
		KUNIT_ASSERT_GE(test, whole[i], 0L);
	}
	KUNIT_EXPECT_NE(test, kmemx_pages_way(fx->pages, 0), KMEMX_WAY_SENT);
	KUNIT_EXPECT_FALSE(test, kmemx_pages_put_sent(fx->pages, page, info_of(fx, page), 0,
						      KMEMX_KIND_PAGES));
	while (i--)
		kmemx_zone_free_block(&fx->pages->zone, (unsigned int)whole[i], KMEMX_CHUNK_ORDER);
	KUNIT_EXPECT_EQ(test, kmemx_parcel_blocks(to), 0U);
	KUNIT_EXPECT_EQ(test, kmemx_pages_way(fx->pages, 0), KMEMX_WAY_SENT);
	KUNIT_EXPECT_TRUE(test, put(fx, page, 0));
	KUNIT_EXPECT_EQ(test, kmemx_pcp_nr(kmemx_pcp_list(pcp, 0)), PARCEL_CAP - nr + 1);
	KUNIT_EXPECT_EQ(test, kmemx_parcel_blocks(to), nr);
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_front_of(fx->pages, other), (unsigned long)nr);
	/* As if that had gone, and this one. */
	kmemx_pages_drain_dead(fx->pages, other);
	KUNIT_EXPECT_EQ(test, nr_in_state(to, KMEMX_PARCEL_NONE), KMEMX_PARCELS);
	KUNIT_EXPECT_EQ(test, fronts_limits(to), sum);
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_front_of(fx->pages, other), 0UL);
	migrate_enable();
	kmemx_pages_drain(fx->pages);
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), NR_FRAMES);
	expect_sound(test, fx);
}

/* Who has nothing to send says nothing of who wants some, and few blocks are no parcel yet. */
static void region_small_stacks_send_little(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_pcp *pcp, *to;
	struct kmemx_pcp_list *list;
	struct page *page[2];
	unsigned int other, i;

	if (num_possible_cpus() == 1)
		kunit_skip(test, "there is one CPU");
	if (want_init_on_free())
		kunit_skip(test, "no front takes what has to be zeroed");
	migrate_disable();
	pcp = set_parcels(test, fx);
	other = cpumask_any_but(cpu_possible_mask, raw_smp_processor_id());
	to = per_cpu_ptr(fx->pages->pcp, other);
	list = kmemx_pcp_list(pcp, 2);
	for (i = 0; i < ARRAY_SIZE(page); i++)
		page[i] = take(fx, 2);
	kmemx_pages_drain_dead(fx->pages, raw_smp_processor_id());
	for (i = 0; i < KMEMX_PCP_ORDERS; i++)
		pcp->list[i].limit = pcp->list[i].bottom;
	pcp->spare = 0;
	fx->pages->wanting[2] = other + 1;
	want(to, 0, 2);
	KUNIT_EXPECT_EQ(test, kmemx_pages_way(fx->pages, 2), KMEMX_WAY_SENT);
	KUNIT_EXPECT_FALSE(test, kmemx_pages_put_sent(fx->pages, page[0], info_of(fx, page[0]), 2,
						      KMEMX_KIND_PAGES));
	KUNIT_EXPECT_EQ(test, fx->pages->wanting[2], other + 1);
	/* It may have one, and could have more. */
	list->limit = list->bottom + 1;
	pcp->spare = 4;
	stack_blocks(test, fx, 2, 1);
	KUNIT_EXPECT_TRUE(test, put(fx, page[0], 2));
	KUNIT_EXPECT_EQ(test, kmemx_pcp_nr(list), 2U);
	KUNIT_EXPECT_EQ(test, kmemx_parcel_blocks(to), 0U);
	/* No more than that. */
	pcp->nr_refused = KMEMX_PCP_ORDERS;
	KUNIT_EXPECT_TRUE(test, put(fx, page[1], 2));
	KUNIT_EXPECT_EQ(test, kmemx_pcp_nr(list), 1U);
	KUNIT_EXPECT_EQ(test, kmemx_parcel_blocks(to), 2U);
	kmemx_pages_drain_dead(fx->pages, other);
	migrate_enable();
	kmemx_pages_drain(fx->pages);
	KUNIT_EXPECT_EQ(test, kmemx_pages_nr_free(fx->pages), NR_FRAMES);
	expect_sound(test, fx);
}

/* ---- Free memory is never written -------------------------------------- */

#define CHURN_LIVE	400

struct held {
	void *obj;
	struct kmemx_cache *cache;	/* NULL: frames. */
	u32 frame;
	unsigned long nr;
};

/*
 * Those of the smallest objects have their status bytes in their slabs: which are in use,
 * but these tests cannot tell.
 */
static struct kmemx_cache *some_class(struct fixture *fx, struct rnd *rnd)
{
	struct kmemx_cache *cache;

	do
		cache = fx->region.class[rnd_below(rnd, fx->region.classes.nr)];
	while (cache->layout.skip);
	return cache;
}

static bool hold(struct fixture *fx, struct rnd *rnd, struct held *held)
{
	if (rnd_below(rnd, 4)) {
		held->cache = some_class(fx, rnd);
		held->obj = kmemx_cache_take(held->cache, 0);
		return !IS_ERR(held->obj);
	}
	held->cache = NULL;
	held->nr = 1 + rnd_below(rnd, rnd_below(rnd, 4) ? 20 : 900);
	return !kmemx_pages_alloc(fx->pages, held->nr, 1, KMEMX_KIND_CONTIG, &held->frame);
}

static enum kmemx_verdict let_go(struct fixture *fx, struct held *held)
{
	struct kmemx_freed freed;

	if (!held->cache)
		return kmemx_pages_free(fx->pages, held->frame, KMEMX_KIND_CONTIG, held->nr,
					&freed);
	return put_object(fx, held->cache, held->obj);
}

static void fill(struct fixture *fx, int byte)
{
	unsigned int i;

	/* All that the backend gave, what is missing at the ends too. */
	for (i = 0; i < fx->grant.nr_spans; i++)
		memset(kmemx_pfn_address(fx->grant.span[i].pfn), byte,
		       fx->grant.span[i].nr_pages << PAGE_SHIFT);
}

static void expect_filled(struct kunit *test, struct fixture *fx, int byte)
{
	unsigned int i;

	for (i = 0; i < fx->grant.nr_spans; i++)
		KUNIT_EXPECT_NULL(test, memchr_inv(kmemx_pfn_address(fx->grant.span[i].pfn), byte,
						   fx->grant.span[i].nr_pages << PAGE_SHIFT));
}

static void churn(struct kunit *test, struct fixture *fx, unsigned int steps)
{
	struct rnd rnd = rnd_start(test);
	struct held *held = kunit_kzalloc(test, CHURN_LIVE * sizeof(*held), GFP_KERNEL);
	unsigned int nr = 0, step;

	KUNIT_ASSERT_NOT_NULL(test, held);
	for (step = 0; step < steps || nr; step++) {
		if (step < steps && nr < CHURN_LIVE && rnd_below(&rnd, 2)) {
			nr += hold(fx, &rnd, &held[nr]);
		} else if (nr) {
			unsigned int i = rnd_below(&rnd, nr);

			KUNIT_ASSERT_EQ(test, let_go(fx, &held[i]), KMEMX_FREE_OK);
			held[i] = held[--nr];
		}
		if (!(step % 1024)) {
			expect_sound(test, fx);
			test_breathe();
		}
	}
}

/*
 * The users of this churn write nothing, so with all state outside, every byte
 * of the region, free or not, is as it was.
 */
static void region_never_writes_free_memory(struct kunit *test)
{
	struct fixture *fx = test->priv;

	fill(fx, PATTERN);
	churn(test, fx, 20000);
	kmemx_region_reclaim(&fx->region);
	expect_filled(test, fx, PATTERN);
	expect_sound(test, fx);
}

#define NR_HELD		60

/* Users scribble over what they hold; what stayed free stays as it was. */
static void region_keeps_neighbours_apart(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct rnd rnd = rnd_start(test);
	struct held *held = kunit_kzalloc(test, NR_HELD * sizeof(*held), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, held);
	fill(fx, PATTERN);
	for (i = 0; i < NR_HELD; i++) {
		KUNIT_ASSERT_TRUE(test, hold(fx, &rnd, &held[i]));
		if (held[i].cache)
			memset(held[i].obj, (int)i, held[i].cache->layout.size);
		else
			memset(kmemx_pages_address(fx->pages, held[i].frame), (int)i,
			       held[i].nr << PAGE_SHIFT);
	}
	for (i = 0; i < NR_HELD; i++) {
		if (held[i].cache) {
			KUNIT_EXPECT_NULL(test, memchr_inv(held[i].obj, (int)i,
							   held[i].cache->layout.size));
			memset(held[i].obj, PATTERN, held[i].cache->layout.size);
		} else {
			void *addr = kmemx_pages_address(fx->pages, held[i].frame);

			KUNIT_EXPECT_NULL(test, memchr_inv(addr, (int)i,
							   held[i].nr << PAGE_SHIFT));
			memset(addr, PATTERN, held[i].nr << PAGE_SHIFT);
		}
	}
	expect_filled(test, fx, PATTERN);
	for (i = 0; i < NR_HELD; i++)
		KUNIT_EXPECT_EQ(test, let_go(fx, &held[i]), KMEMX_FREE_OK);
	expect_filled(test, fx, PATTERN);
}

/* A table by chunk of the span, and one by frame of a chunk that is not ours. */
static void region_counts_what_it_has_outside(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_region *region = &fx->region;
	size_t bytes = KMEMX_CHUNK_FRAMES * sizeof(struct kmemx_slab) +
		fx->pages->span / KMEMX_CHUNK_FRAMES * sizeof(struct kmemx_slab *);
	struct kmemx_snapshot snap;

	/* No cache has any then. */
	kmemx_region_empty(region);
	kmemx_snapshot_take(region, &snap);
	KUNIT_EXPECT_EQ(test, snap.outside, (u64)kmemx_pages_meta_bytes(fx->pages) +
			kmemx_depot_meta_bytes(&region->depot) + bytes);
}

static void region_tally_follows_allocations(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned long nr[KMEMX_NR_KINDS];
	u32 a, b;
	struct kmemx_freed freed;

	KUNIT_ASSERT_EQ(test, kmemx_pages_alloc(fx->pages, 7, 1, KMEMX_KIND_LARGE, &a), 0);
	KUNIT_ASSERT_EQ(test, kmemx_pages_alloc(fx->pages, 600, 1, KMEMX_KIND_CONTIG, &b), 0);
	kmemx_pages_tally(fx->pages, nr);
	KUNIT_EXPECT_EQ(test, nr[KMEMX_KIND_LARGE], 7UL);
	KUNIT_EXPECT_EQ(test, nr[KMEMX_KIND_CONTIG], 600UL);
	KUNIT_EXPECT_EQ(test, nr[KMEMX_KIND_NONE], NR_FRAMES - 607);
	kmemx_pages_free(fx->pages, a, KMEMX_KIND_LARGE, 0, &freed);
	KUNIT_EXPECT_EQ(test, freed.nr_frames, 7UL);
	kmemx_pages_free(fx->pages, b, KMEMX_KIND_CONTIG, 0, &freed);
	KUNIT_EXPECT_EQ(test, freed.nr_frames, 600UL);
}

struct shared {
	struct fixture *fx;
	atomic_t nr_wrong;
};

static void torture(void *arg, unsigned int thread)
{
	struct shared *shared = arg;
	struct rnd rnd = { .state = TEST_SEED * (thread + 1) };
	struct held *held = kcalloc(CHURN_LIVE / 4, sizeof(*held), GFP_KERNEL);
	unsigned int nr = 0, step;

	if (!held) {
		atomic_inc(&shared->nr_wrong);
		return;
	}
	for (step = 0; step < 15000 || nr; step++) {
		if (step < 15000 && nr < CHURN_LIVE / 4 && rnd_below(&rnd, 2)) {
			struct held *new = &held[nr];

			if (hold(shared->fx, &rnd, new)) {
				if (new->cache)
					*(u64 *)new->obj = (u64)thread << 32 | nr;
				nr++;
			}
		} else if (nr) {
			unsigned int i = rnd_below(&rnd, nr);

			if (held[i].cache && *(u64 *)held[i].obj >> 32 != thread)
				atomic_inc(&shared->nr_wrong);
			if (let_go(shared->fx, &held[i]))
				atomic_inc(&shared->nr_wrong);
			held[i] = held[--nr];
		}
		if (!(step % 256))
			test_breathe();
	}
	kfree(held);
}

static void region_threads(struct kunit *test)
{
	struct shared shared = { .fx = test->priv };

	test_run_threads(test, torture, &shared);
	KUNIT_EXPECT_EQ(test, atomic_read(&shared.nr_wrong), 0);
	expect_sound(test, shared.fx);
}

static struct kunit_case region_cases[] = {
	KUNIT_CASE(region_finds_every_frame_and_nothing_else),
	KUNIT_CASE(region_refuses_extents_that_share_a_chunk),
	KUNIT_CASE(region_wastes_what_is_expected),
	KUNIT_CASE(region_sets_held_pages_aside),
	KUNIT_CASE(region_sets_aside_what_is_held_only),
	KUNIT_CASE(region_atomic_sweeps_take_turns),
	KUNIT_CASE(region_atomic_sweeps_are_short),
	KUNIT_CASE(region_front_serves_what_it_has),
	KUNIT_CASE(region_front_takes_many_at_once),
	KUNIT_CASE(region_front_is_bounded),
	KUNIT_CASE(region_front_lends_what_it_does_not_use),
	KUNIT_CASE(region_front_follows_demand),
	KUNIT_CASE(region_free_memory_is_zero),
	KUNIT_CASE(region_drains_deep_fronts),
	KUNIT_CASE(region_front_does_not_pin_chunks),
	KUNIT_CASE(region_front_finds_double_frees),
	KUNIT_CASE(region_front_leaves_held_pages_alone),
	KUNIT_CASE(region_front_frees_a_word_at_a_time),
	KUNIT_CASE(region_front_counts_what_waits),
	KUNIT_CASE(region_front_without_room_to_wait_is_gone_past),
	KUNIT_CASE(region_zeroing_ahead_takes_no_last_chunk),
	KUNIT_CASE(region_zeroing_ahead_fails_no_request),
	KUNIT_CASE(region_reclaim_of_others_is_enough_if_whole),
	KUNIT_CASE(region_reclaim_ends_typesafe_slabs),
	KUNIT_CASE(region_reclaim_takes_back_what_is_away),
	KUNIT_CASE(region_front_is_filled_from_two_words),
	KUNIT_CASE(region_works_past_a_busy_front),
	KUNIT_CASE(region_dead_cpu_loses_nothing),
	KUNIT_CASE(region_parcels_bring_blocks),
	KUNIT_CASE(region_parcels_are_paid_for),
	KUNIT_CASE(region_full_stack_ends_idle_parcels),
	KUNIT_CASE(region_small_stacks_send_little),
	KUNIT_CASE(region_parcels_are_of_the_order_asked_for),
	KUNIT_CASE(region_full_stack_sends_what_is_wanted),
	KUNIT_CASE(region_never_writes_free_memory),
	KUNIT_CASE(region_keeps_neighbours_apart),
	KUNIT_CASE(region_counts_what_it_has_outside),
	KUNIT_CASE(region_tally_follows_allocations),
	KUNIT_CASE(region_threads),
	{}
};

static struct kunit_suite region_suite = {
	.name = "kmemx_region",
	.init = region_fixture_init,
	.exit = region_fixture_exit,
	.test_cases = region_cases,
};

kunit_test_suites(&region_suite);
