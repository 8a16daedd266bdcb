// SPDX-License-Identifier: GPL-2.0
/*
 * The exported functions for objects of the loaded module, beside the plain pair: many at
 * once, sheaves, caches with more than a size.
 */
#include <linux/cache.h>
#include <linux/dma-mapping.h>
#include <linux/irqflags.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <kmemx/kmemx.h>
#include <kunit/test.h>

#include "api.h"
#include "observe/snapshot.h"
#include "random.h"
#include "slab/sheaf.h"
#include "slab/usage.h"
#include "used_up.h"

#define QUIET	(GFP_KERNEL | __GFP_NOWARN)
#define NR	300

struct fixture {
	struct kmemx_cache *cache;
	void *objs[NR];
};

static int object_fixture_init(struct kunit *test)
{
	struct fixture *fx = kunit_kzalloc(test, sizeof(*fx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fx);
	test->priv = fx;
	fx->cache = kmemx_cache_create("kunit-objects", 72, NULL, SLAB_NO_MERGE);
	KUNIT_ASSERT_NOT_NULL(test, fx->cache);
	return 0;
}

/* What a case leaves behind fails it. */
static void object_fixture_exit(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_snapshot snap;
	const char *why;

	if (!fx || !fx->cache)
		return;
	mutex_lock(&kmemx_live.depot.lock);
	why = kmemx_cache_check(fx->cache);
	mutex_unlock(&kmemx_live.depot.lock);
	KUNIT_EXPECT_TRUE_MSG(test, !why, "%s", why ?: "");
	kmemx_cache_destroy(fx->cache);
	kmemx_snapshot_take(&kmemx_live, &snap);
	KUNIT_EXPECT_EQ(test, snap.unsettled, 0LL);
	KUNIT_EXPECT_EQ(test, snap.used, 0ULL);
}

static void expect_sound(struct kunit *test, struct kmemx_cache *cache)
{
	const char *why;

	/* Not while the reaper ends slabs. */
	mutex_lock(&cache->depot->lock);
	why = kmemx_cache_check(cache);
	mutex_unlock(&cache->depot->lock);
	KUNIT_ASSERT_TRUE_MSG(test, !why, "%s", why ?: "");
}

/* Each its own: what one wrote is what it reads. */
static void expect_apart(struct kunit *test, void **objs, unsigned int nr, size_t size)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		memset(objs[i], (int)i, size);
	for (i = 0; i < nr; i++)
		KUNIT_ASSERT_NULL(test, memchr_inv(objs[i], (int)i, size));
}

static void object_bulk_is_all_or_nothing(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_cache *large = kmemx_cache_create("kunit-large", SZ_64K, NULL, 0);
	unsigned int nr_chunks = (unsigned int)(kmemx_live.pages.nr_frames / 16), round, i;
	void **many = kunit_kcalloc(test, nr_chunks + 1, sizeof(*many), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, large);
	KUNIT_ASSERT_NOT_NULL(test, many);
	for (round = 0; round < 3; round++) {
		KUNIT_ASSERT_EQ(test, kmemx_cache_alloc_bulk(fx->cache, GFP_KERNEL, NR, fx->objs),
				(unsigned int)NR);
		expect_apart(test, fx->objs, NR, 72);
		/* Not in the order in which they lie. */
		swap(fx->objs[0], fx->objs[NR - 1]);
		swap(fx->objs[1], fx->objs[NR / 2]);
		/* NULL is nothing to free, at the start, after an object and at the end. */
		for (i = 0; i < NR; i += NR / 2 - 1) {
			kmemx_cache_free(fx->cache, fx->objs[i]);
			fx->objs[i] = NULL;
		}
		kmemx_cache_free_bulk(fx->cache, NR, fx->objs);
		expect_sound(test, fx->cache);
	}
	/* More than the region has. */
	KUNIT_EXPECT_EQ(test, kmemx_cache_alloc_bulk(large, QUIET, nr_chunks + 1, many), 0U);
	expect_sound(test, large);
	kmemx_cache_destroy(large);
	KUNIT_EXPECT_EQ(test, kmemx_cache_alloc_bulk(fx->cache, GFP_KERNEL, 0, fx->objs), 0U);
}

static void object_bulk_zeroes(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, kmemx_cache_alloc_bulk(fx->cache, GFP_KERNEL, NR, fx->objs),
			(unsigned int)NR);
	for (i = 0; i < NR; i++)
		memset(fx->objs[i], 0xa5, 72);
	kmemx_cache_free_bulk(fx->cache, NR, fx->objs);
	KUNIT_ASSERT_EQ(test, kmemx_cache_alloc_bulk(fx->cache, GFP_KERNEL | __GFP_ZERO, NR,
						     fx->objs), (unsigned int)NR);
	for (i = 0; i < NR; i++)
		KUNIT_ASSERT_NULL(test, memchr_inv(fx->objs[i], 0, 72));
	kmemx_cache_free_bulk(fx->cache, NR, fx->objs);
}

static void object_free_bulk_takes_any_size(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct rnd rnd = rnd_start(test);
	unsigned int i;

	for (i = 0; i < NR; i++) {
		fx->objs[i] = kmemx_alloc(rnd_below(&rnd, 20000), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, fx->objs[i]);
	}
	kmemx_free(fx->objs[NR / 2]);
	fx->objs[NR / 2] = NULL;
	kmemx_free_bulk(NR, fx->objs);
}

static void object_arrays_do_not_overflow(struct kunit *test)
{
	u8 *array = kmemx_calloc(33, 3, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, array);
	KUNIT_EXPECT_NULL(test, memchr_inv(array, 0, 99));
	KUNIT_EXPECT_GE(test, kmemx_size(array), (size_t)99);
	kmemx_free(array);
	KUNIT_EXPECT_NULL(test, kmemx_alloc_array(SIZE_MAX / 2, 3, QUIET));
	KUNIT_EXPECT_NULL(test, kmemx_calloc(SIZE_MAX, SIZE_MAX, QUIET));
	KUNIT_EXPECT_PTR_EQ(test, kmemx_calloc(0, 8, GFP_KERNEL), ZERO_SIZE_PTR);
}

static void object_realloc_keeps_what_there_is(struct kunit *test)
{
	static const size_t sizes[] = { 10, 16, 100, 90, 1, 5000, 9000, 40000, 39000, 2000000, 24 };
	u8 *ptr = kmemx_realloc(NULL, 8, GFP_KERNEL), *old;
	size_t have = 8;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, ptr);
	memset(ptr, 0x6b, have);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t fits = kmemx_size(ptr);

		old = ptr;
		ptr = kmemx_realloc(old, sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, ptr);
		KUNIT_EXPECT_EQ(test, ptr == old, sizes[i] <= fits);
		KUNIT_EXPECT_NULL(test, memchr_inv(ptr, 0x6b, min(have, sizes[i])));
		have = sizes[i];
		memset(ptr, 0x6b, have);
	}
	KUNIT_EXPECT_NULL(test, kmemx_realloc(ptr, SZ_1G, QUIET | GFP_NOWAIT));
	KUNIT_EXPECT_NULL(test, memchr_inv(ptr, 0x6b, have));
	KUNIT_EXPECT_PTR_EQ(test, kmemx_realloc(ptr, 0, GFP_KERNEL), ZERO_SIZE_PTR);
	ptr = kmemx_realloc(ZERO_SIZE_PTR, 5, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, kmemx_size(ptr), (size_t)8);
	kmemx_free(ptr);
}

/* Also what was in use before, and was given up where it stayed. */
static void object_realloc_zeroes_what_is_new(struct kunit *test)
{
	static const size_t sizes[] = { 48, 17, 64, 2, 60, 300, 5000, 4097, 8000, 20000 };
	size_t have = 30;
	u8 *ptr = kmemx_zalloc(have, GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, ptr);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		memset(ptr, 0x5a, have);
		ptr = kmemx_realloc(ptr, sizes[i], GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, ptr);
		KUNIT_EXPECT_NULL(test, memchr_inv(ptr, 0x5a, min(have, sizes[i])));
		if (sizes[i] > have)
			KUNIT_EXPECT_NULL(test, memchr_inv(ptr + have, 0, sizes[i] - have));
		have = sizes[i];
	}
	kmemx_free(ptr);
}

static void object_free_sensitive_overwrites(struct kunit *test)
{
	u8 *obj = kmemx_alloc(200, GFP_KERNEL);
	size_t size = kmemx_size(obj);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	memset(obj, 0xff, size);
	kmemx_free_sensitive(obj);
	/* It is still there, and nobody else has it yet. */
	KUNIT_EXPECT_NULL(test, memchr_inv(obj, 0, size));
	kmemx_free_sensitive(NULL);
	kmemx_free_sensitive(ZERO_SIZE_PTR);
}

static void object_node_is_the_regions(struct kunit *test)
{
	int nid = kmemx_live.origin.nid;
	void *obj = kmemx_alloc_node(64, GFP_KERNEL | __GFP_THISNODE, nid);
	s64 before;

	KUNIT_EXPECT_NOT_NULL(test, obj);
	kmemx_free(obj);
	obj = kmemx_alloc_node(64, GFP_KERNEL, nid + 1);
	KUNIT_EXPECT_NOT_NULL(test, obj);
	kmemx_free(obj);
	before = kmemx_snapshot_stat(&kmemx_live, KMEMX_STAT_FAIL_NODE);
	KUNIT_EXPECT_NULL(test, kmemx_alloc_node(64, QUIET | __GFP_THISNODE, nid + 1));
	/* Of no bytes there is enough anywhere. */
	KUNIT_EXPECT_PTR_EQ(test, kmemx_alloc_node(0, QUIET | __GFP_THISNODE, nid + 1),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_EQ(test, kmemx_snapshot_stat(&kmemx_live, KMEMX_STAT_FAIL_NODE), before + 1);
	obj = kmemx_alloc_node(30000, GFP_KERNEL | __GFP_THISNODE, NUMA_NO_NODE);
	KUNIT_EXPECT_NOT_NULL(test, obj);
	kmemx_free(obj);
}

static void object_node_of_a_cache_is_the_regions(struct kunit *test)
{
	struct fixture *fx = test->priv;
	int nid = kmemx_live.origin.nid;
	s64 before = kmemx_snapshot_stat(&kmemx_live, KMEMX_STAT_FAIL_NODE);
	void *obj = kmemx_cache_alloc_node(fx->cache, GFP_KERNEL | __GFP_THISNODE, nid);

	KUNIT_EXPECT_NOT_NULL(test, obj);
	kmemx_cache_free(fx->cache, obj);
	obj = kmemx_cache_alloc_node(fx->cache, GFP_KERNEL, nid + 1);
	KUNIT_EXPECT_NOT_NULL(test, obj);
	kmemx_cache_free(fx->cache, obj);
	KUNIT_EXPECT_NULL(test, kmemx_cache_alloc_node(fx->cache, QUIET | __GFP_THISNODE, nid + 1));
	KUNIT_EXPECT_EQ(test, kmemx_snapshot_stat(&kmemx_live, KMEMX_STAT_FAIL_NODE), before + 1);
}

static void object_owns_its_region(struct kunit *test)
{
	void *obj = kmemx_alloc(64, GFP_KERNEL);

	KUNIT_EXPECT_TRUE(test, kmemx_owns(obj));
	KUNIT_EXPECT_TRUE(test, kmemx_owns(obj + 5));
	kmemx_free(obj);
	KUNIT_EXPECT_TRUE(test, kmemx_owns(obj));
	KUNIT_EXPECT_FALSE(test, kmemx_owns(test));
	KUNIT_EXPECT_FALSE(test, kmemx_owns(NULL));
	/* Each kind; that it says something true is for the reader of the log. */
	kmemx_dump_obj(obj);
	obj = kmemx_alloc(100000, GFP_KERNEL);
	kmemx_dump_obj(obj);
	kmemx_dump_obj(obj + PAGE_SIZE);
	kmemx_free(obj);
	kmemx_dump_obj(test);
	kmemx_dump_obj(NULL);
}

#ifdef DEFINE_FREE
static void object_goes_with_its_scope(struct kunit *test)
{
	s64 before = kmemx_snapshot_stat(&kmemx_live, KMEMX_STAT_FREE);

	{
		void *obj __free(kmemx_free) = kmemx_alloc(64, GFP_KERNEL);
		void *none __free(kmemx_free) = NULL;

		KUNIT_EXPECT_NOT_NULL(test, obj);
		KUNIT_EXPECT_NULL(test, none);
	}
	KUNIT_EXPECT_EQ(test, kmemx_snapshot_stat(&kmemx_live, KMEMX_STAT_FREE), before + 1);
}
#endif

/* ---- Sheaves ----------------------------------------------------------- */

static void object_sheaf_does_not_fail(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_sheaf *sheaf = kmemx_cache_prefill(fx->cache, GFP_KERNEL, 100);
	struct kmemx_cache_usage usage;
	unsigned long flags;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, sheaf);
	KUNIT_EXPECT_EQ(test, kmemx_sheaf_size(sheaf), 100U);
	expect_sound(test, fx->cache);
	kmemx_cache_usage(fx->cache, &usage);
	KUNIT_EXPECT_EQ(test, usage.nr_live, 0UL);
	KUNIT_EXPECT_GE(test, usage.nr_front, 100UL);
	/* No front to fill, nothing to wait for. */
	local_irq_save(flags);
	for (i = 0; i < 60; i++)
		fx->objs[i] = kmemx_alloc_from_sheaf(sheaf, GFP_NOWAIT);
	local_irq_restore(flags);
	for (i = 0; i < 60; i++)
		KUNIT_ASSERT_NOT_NULL(test, fx->objs[i]);
	expect_apart(test, fx->objs, 60, 72);
	KUNIT_EXPECT_EQ(test, kmemx_sheaf_size(sheaf), 40U);
	KUNIT_EXPECT_TRUE(test, kmemx_refill_sheaf(sheaf, GFP_KERNEL, 70));
	KUNIT_EXPECT_EQ(test, kmemx_sheaf_size(sheaf), 70U);
	KUNIT_EXPECT_FALSE(test, kmemx_refill_sheaf(sheaf, GFP_KERNEL, 101));
	expect_sound(test, fx->cache);
	kmemx_cache_free_bulk(fx->cache, 60, fx->objs);
	kmemx_return_sheaf(sheaf);
	expect_sound(test, fx->cache);
	kmemx_cache_usage(fx->cache, &usage);
	KUNIT_EXPECT_EQ(test, usage.nr_live, 0UL);
	kmemx_return_sheaf(NULL);
	KUNIT_EXPECT_NULL(test, kmemx_cache_prefill(fx->cache, GFP_KERNEL, 0));
}

/* The region has them, but the kernel's allocator no room for so many in one piece. */
static void object_sheaf_is_not_that_large(struct kunit *test)
{
	struct kmemx_cache *tiny = kmemx_cache_create("kunit-tiny", 8, NULL, 0);
	s64 refused = kmemx_snapshot_stat(&kmemx_live, KMEMX_STAT_FAIL_REFUSED);

	KUNIT_ASSERT_NOT_NULL(test, tiny);
	KUNIT_EXPECT_NULL(test, kmemx_cache_prefill(tiny, QUIET, KMEMX_SHEAF_MAX + 1));
	KUNIT_EXPECT_EQ(test, kmemx_snapshot_stat(&kmemx_live, KMEMX_STAT_FAIL_REFUSED),
			refused + 1);
	kmemx_cache_destroy(tiny);
}

/* Where nothing else is left, as an allocation does. */
static void object_sheaf_takes_what_the_front_has(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_cache_usage usage;
	struct kmemx_sheaf *sheaf;
	unsigned int nr_front;
	void *rest;

	migrate_disable();
	KUNIT_ASSERT_EQ(test, kmemx_cache_alloc_bulk(fx->cache, GFP_KERNEL, NR, fx->objs),
			(unsigned int)NR);
	kmemx_cache_free_bulk(fx->cache, NR, fx->objs);
	rest = used_up_take(test);
	kmemx_cache_usage(fx->cache, &usage);
	nr_front = kmemx_cache_nr_front(fx->cache, raw_smp_processor_id());
	if (fx->cache->front_cap)
		KUNIT_EXPECT_GT(test, nr_front, 0U);
	sheaf = kmemx_cache_prefill(fx->cache, GFP_NOWAIT | __GFP_NOWARN,
				    (unsigned int)usage.nr_free + nr_front);
	KUNIT_EXPECT_NOT_NULL(test, sheaf);
	KUNIT_EXPECT_EQ(test, kmemx_cache_nr_front(fx->cache, raw_smp_processor_id()), 0U);
	expect_sound(test, fx->cache);
	kmemx_return_sheaf(sheaf);
	migrate_enable();
	used_up_give(rest);
}

static void object_sheaf_ends(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_sheaf *sheaf = kmemx_cache_prefill(fx->cache, GFP_KERNEL, 3);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, sheaf);
	for (i = 0; i < 3; i++) {
		fx->objs[i] = kmemx_alloc_from_sheaf(sheaf, GFP_NOWAIT | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, fx->objs[i]);
		KUNIT_EXPECT_NULL(test, memchr_inv(fx->objs[i], 0, 72));
	}
	KUNIT_EXPECT_NULL(test, kmemx_alloc_from_sheaf(sheaf, GFP_NOWAIT));
	kmemx_cache_free_bulk(fx->cache, 3, fx->objs);
	kmemx_return_sheaf(sheaf);
}

/* What cannot be had is said at once, and nothing is kept of it. */
static void object_sheaf_is_all_or_nothing(struct kunit *test)
{
	struct kmemx_cache *large = kmemx_cache_create("kunit-large", SZ_64K, NULL, 0);
	unsigned int nr = (unsigned int)(kmemx_live.pages.nr_frames * PAGE_SIZE / SZ_64K);
	s64 too_large = kmemx_snapshot_stat(&kmemx_live, KMEMX_STAT_FAIL_TOO_LARGE);
	void *one = kmemx_alloc_contig(PAGE_SIZE, 0, GFP_KERNEL);
	struct kmemx_snapshot snap;

	KUNIT_ASSERT_NOT_NULL(test, large);
	KUNIT_EXPECT_NOT_NULL(test, one);
	KUNIT_EXPECT_NULL(test, kmemx_cache_prefill(large, QUIET, nr + 1));
	KUNIT_EXPECT_NULL(test, kmemx_cache_prefill(large, QUIET, UINT_MAX));
	KUNIT_EXPECT_EQ(test, kmemx_snapshot_stat(&kmemx_live, KMEMX_STAT_FAIL_TOO_LARGE),
			too_large + 2);
	/* All but the last, in whose place something else is. */
	KUNIT_EXPECT_NULL(test, kmemx_cache_prefill(large, QUIET, nr));
	KUNIT_EXPECT_EQ(test, kmemx_snapshot_stat(&kmemx_live, KMEMX_STAT_FAIL_TOO_LARGE),
			too_large + 2);
	kmemx_free_contig(one);
	expect_sound(test, large);
	kmemx_cache_shrink(large);
	kmemx_snapshot_take(&kmemx_live, &snap);
	KUNIT_EXPECT_EQ(test, snap.unsettled, 0LL);
	kmemx_cache_destroy(large);
}

/* ---- Caches with more than a size -------------------------------------- */

static unsigned int nr_made, nr_ended;

static void make_one(void *obj)
{
	*(u32 *)obj = 0xc0ffee;
	nr_made++;
}

static void end_one(void *obj)
{
	nr_ended += *(u32 *)obj == 0xc0ffee;
}

static void object_destructor_runs_once_per_object(struct kunit *test)
{
	struct kmemx_cache_args args = { .ctor = make_one, .dtor = end_one };
	struct fixture *fx = test->priv;
	struct kmemx_cache *cache = kmemx_cache_create("kunit-dtor", 72, &args, 0);
	unsigned int round;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	nr_made = 0;
	nr_ended = 0;
	for (round = 0; round < 5; round++) {
		KUNIT_EXPECT_EQ(test, kmemx_cache_alloc_bulk(cache, GFP_KERNEL, NR, fx->objs),
				(unsigned int)NR);
		kmemx_cache_free_bulk(cache, NR, fx->objs);
		kmemx_cache_shrink(cache);
		KUNIT_EXPECT_GE(test, nr_made, (unsigned int)NR);
		KUNIT_EXPECT_EQ(test, nr_made, nr_ended);
	}
	kmemx_cache_destroy(cache);
	KUNIT_EXPECT_EQ(test, nr_made, nr_ended);
}

/* No slab goes by a free alone, and a free object stays an object, as it was. */
static void object_typesafe_slabs_stay(struct kunit *test)
{
	struct kmemx_cache *cache = kmemx_cache_create("kunit-typesafe", 1000, NULL,
						       SLAB_TYPESAFE_BY_RCU);
	struct fixture *fx = test->priv;
	s64 nr_slabs;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	KUNIT_ASSERT_EQ(test, kmemx_cache_alloc_bulk(cache, GFP_KERNEL, NR, fx->objs),
			(unsigned int)NR);
	for (i = 0; i < NR; i++)
		memset(fx->objs[i], 0x77, 1000);
	nr_slabs = atomic64_read(&cache->nr_slabs);
	KUNIT_EXPECT_GE(test, nr_slabs, (s64)NR / 16);
	/* The reaper does not come. */
	mutex_lock(&kmemx_live.depot.lock);
	kmemx_cache_free_bulk(cache, NR, fx->objs);
	kmemx_cache_drain(cache);
	KUNIT_EXPECT_EQ(test, atomic64_read(&cache->nr_slabs), nr_slabs);
	rcu_read_lock();
	for (i = 0; i < NR; i++)
		KUNIT_EXPECT_NULL(test, memchr_inv(fx->objs[i], 0x77, 1000));
	rcu_read_unlock();
	mutex_unlock(&kmemx_live.depot.lock);
	KUNIT_EXPECT_GT(test, kmemx_cache_shrink(cache), 0UL);
	KUNIT_EXPECT_EQ(test, atomic64_read(&cache->nr_slabs), 0LL);
	expect_sound(test, cache);
	kmemx_cache_destroy(cache);
}

/* Be it that a slab ends because what a front gives back was all that was missing. */
static void object_shrink_says_what_it_has_given_back(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned long nr;
	s64 nr_slabs;

	KUNIT_ASSERT_EQ(test, kmemx_cache_alloc_bulk(fx->cache, GFP_KERNEL, NR, fx->objs),
			(unsigned int)NR);
	nr_slabs = atomic64_read(&fx->cache->nr_slabs);
	kmemx_cache_free_bulk(fx->cache, NR, fx->objs);
	nr = kmemx_cache_shrink(fx->cache);
	KUNIT_EXPECT_LE(test, nr, (unsigned long)nr_slabs << fx->cache->layout.order);
	/* Of what fronts have the reaper gives nothing back before. */
	if (fx->cache->front_cap >= NR)
		KUNIT_EXPECT_EQ(test, nr, (unsigned long)nr_slabs << fx->cache->layout.order);
	KUNIT_EXPECT_EQ(test, atomic64_read(&fx->cache->nr_slabs), 0LL);
}

static void object_usercopy_window_is_inside(struct kunit *test)
{
	struct kmemx_cache_args args = { .useroffset = 8, .usersize = 56 };
	struct kmemx_cache *cache = kmemx_cache_create("kunit-window", 64, &args, 0);

	u8 *obj;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	obj = kmemx_cache_alloc(cache, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_TRUE(test, kmemx_check_usercopy(obj + 8, 56));
	KUNIT_EXPECT_TRUE(test, kmemx_check_usercopy(obj + 63, 1));
	KUNIT_EXPECT_TRUE(test, kmemx_check_usercopy(obj, 0));
	kmemx_cache_free(cache, obj);
	kmemx_cache_destroy(cache);
	args.usersize = 57;
	KUNIT_EXPECT_NULL(test, kmemx_cache_create("kunit-window", 64, &args, 0));
	args.useroffset = UINT_MAX;
	KUNIT_EXPECT_NULL(test, kmemx_cache_create("kunit-window", 64, &args, 0));
}

/* What has no window of its own may be copied as a whole; what is not the region's, too. */
static void object_usercopy_of_the_rest(struct kunit *test)
{
	u8 *small = kmemx_alloc(100, GFP_KERNEL), *large = kmemx_alloc(100000, GFP_KERNEL);
	struct page *page = kmemx_alloc_pages(GFP_KERNEL, 3);
	u8 *contig = kmemx_alloc_contig(5 * PAGE_SIZE, 0, GFP_KERNEL);
	s64 before = kmemx_snapshot_stat(&kmemx_live, KMEMX_STAT_BAD_USERCOPY);

	KUNIT_EXPECT_TRUE(test, kmemx_check_usercopy(small, kmemx_size(small)));
	KUNIT_EXPECT_TRUE(test, kmemx_check_usercopy(small + 99, 1));
	KUNIT_EXPECT_TRUE(test, kmemx_check_usercopy(large, kmemx_size(large)));
	KUNIT_EXPECT_TRUE(test, kmemx_check_usercopy(large + 99999, 1));
	KUNIT_EXPECT_TRUE(test, kmemx_check_usercopy(page_address(page), 8 * PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, kmemx_check_usercopy(page_address(page) + 5000, PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, kmemx_check_usercopy(contig, 5 * PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, kmemx_check_usercopy(contig + 4 * PAGE_SIZE, PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, kmemx_check_usercopy(test, sizeof(*test)));
	KUNIT_EXPECT_TRUE(test, kmemx_check_usercopy(NULL, 1));
	KUNIT_EXPECT_EQ(test, kmemx_snapshot_stat(&kmemx_live, KMEMX_STAT_BAD_USERCOPY), before);
	kmemx_free(small);
	kmemx_free(large);
	kmemx_free_pages(page, 3);
	kmemx_free_contig(contig);
}

struct thing {
	u8 byte;
} __aligned(32);

static void object_cache_of_a_structure(struct kunit *test)
{
	struct kmemx_cache *cache = KMEMX_CACHE(thing, SLAB_HWCACHE_ALIGN);
	void *a, *b;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	a = kmemx_cache_zalloc(cache, GFP_KERNEL);
	b = kmemx_cache_alloc(cache, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)a | (unsigned long)b, 32));
	kmemx_cache_free(cache, a);
	kmemx_cache_free(cache, b);
	kmemx_cache_destroy(cache);
}

/* To a line, or the smallest part of one that it fits in. */
static void object_cache_lines_are_shared_by_small_objects(struct kunit *test)
{
	unsigned int line = cache_line_size(), size;

	for (size = 1; size <= line + 1; size++) {
		struct kmemx_cache *cache = kmemx_cache_create("kunit-line", size, NULL,
							       SLAB_HWCACHE_ALIGN);

		KUNIT_ASSERT_NOT_NULL(test, cache);
		if (size > line / 2)
			KUNIT_EXPECT_EQ(test, cache->layout.stride % line, 0U);
		else
			KUNIT_EXPECT_EQ(test, line % cache->layout.stride, 0U);
		/* At least half of what it takes is used. */
		KUNIT_EXPECT_LT(test, cache->layout.stride,
				max(2 * size, 2U * KMEMX_OBJECT_MIN));
		kmemx_cache_destroy(cache);
	}
}

/* Whatever their size and the alignment that was asked for, nothing else is in their lines. */
static void object_for_dma_has_lines_of_its_own(struct kunit *test)
{
	static const unsigned int sizes[] = { 1, 8, 60, 64, 65, 100, 129, 1500, 4096, 9000 };
	unsigned int line = max_t(unsigned int, dma_get_cache_alignment(), cache_line_size());
	struct fixture *fx = test->priv;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct kmemx_cache_args args = { .align = 4U << i };
		struct kmemx_cache *cache = kmemx_cache_create("kunit-dma", sizes[i], &args,
							       KMEMX_DMA);

		KUNIT_ASSERT_NOT_NULL(test, cache);
		KUNIT_EXPECT_EQ(test, cache->layout.align, max(4U << i, line));
		for (k = 0; k < 40; k++) {
			fx->objs[k] = kmemx_cache_alloc(cache, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, fx->objs[k]);
			KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)fx->objs[k], line));
		}
		expect_apart(test, fx->objs, 40, ALIGN(sizes[i], line));
		kmemx_cache_free_bulk(cache, 40, fx->objs);
		kmemx_cache_destroy(cache);
	}
}

/* All at once, both ways; with CONFIG_DMA_API_DEBUG the kernel looks on. */
static void object_is_mapped_for_dma(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct platform_device *pdev;
	struct kmemx_cache *cache;
	dma_addr_t addr[64];
	unsigned int i;

	if (!IS_ENABLED(CONFIG_HAS_DMA))
		kunit_skip(test, "the kernel has no DMA");
	cache = kmemx_pktcache_create(100, 16, 0, 8);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	pdev = platform_device_register_simple("kunit-dma", PLATFORM_DEVID_AUTO, NULL, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(pdev));
	KUNIT_EXPECT_EQ(test, dma_coerce_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64)), 0);
	for (i = 0; i < ARRAY_SIZE(addr); i++) {
		fx->objs[i] = kmemx_cache_alloc(cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, fx->objs[i]);
		memset(fx->objs[i], (int)i, 116);
		addr[i] = dma_map_single(&pdev->dev, fx->objs[i], 116, DMA_BIDIRECTIONAL);
		KUNIT_EXPECT_EQ(test, dma_mapping_error(&pdev->dev, addr[i]), 0);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED(addr[i], dma_get_cache_alignment()));
	}
	for (i = 0; i < ARRAY_SIZE(addr); i++) {
		dma_unmap_single(&pdev->dev, addr[i], 116, DMA_BIDIRECTIONAL);
		KUNIT_EXPECT_NULL(test, memchr_inv(fx->objs[i], (int)i, 116));
		kmemx_cache_free(cache, fx->objs[i]);
	}
	platform_device_unregister(pdev);
	kmemx_cache_destroy(cache);
}

/* MTU, headroom and tailroom as drivers have them, and what is left over. */
static void object_packet_buffers_are_as_small_as_can_be(struct kunit *test)
{
	static const struct {
		unsigned int mtu, headroom, tailroom;
		size_t size, waste;
	} want[] = {
		{ 1500, 64, 64, 1664, 36 },
		{ 1500, 128, 320, 2048, 100 },
		{ 9000, 128, 320, 9472, 24 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		size_t size = kmemx_pktbuf_size(want[i].mtu, want[i].headroom, want[i].tailroom,
						128);

		KUNIT_EXPECT_EQ(test, size, want[i].size);
		KUNIT_EXPECT_EQ(test, size - want[i].mtu - want[i].headroom - want[i].tailroom,
				want[i].waste);
	}
	KUNIT_EXPECT_EQ(test, kmemx_pktbuf_size(1500, 0, 36, 128), (size_t)1536);
	KUNIT_EXPECT_EQ(test, kmemx_pktbuf_size(1500, 0, 37, 128), (size_t)1664);
	KUNIT_EXPECT_EQ(test, kmemx_pktbuf_size(1500, 64, 64, 100), (size_t)1700);
	KUNIT_EXPECT_EQ(test, kmemx_pktbuf_size(U32_MAX, U32_MAX, 1, 1), (size_t)U32_MAX * 2 + 1);
	KUNIT_EXPECT_EQ(test, kmemx_pktbuf_size(1500, 64, 64, 0), (size_t)0);
}

/* Two drivers with buffers of the same size, and one that has larger ones as well. */
static void object_packet_caches_have_buffers(struct kunit *test)
{
	struct kmemx_cache *small = kmemx_pktcache_create(1500, 64, 64, 128);
	struct kmemx_cache *same = kmemx_pktcache_create(1500, 64, 64, 128);
	struct kmemx_cache *jumbo = kmemx_pktcache_create(9000, 128, 320, 128);
	struct fixture *fx = test->priv;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, small);
	KUNIT_ASSERT_NOT_NULL(test, same);
	KUNIT_ASSERT_NOT_NULL(test, jumbo);
	for (i = 0; i < 12; i++) {
		struct kmemx_cache *cache = i < 4 ? small : i < 8 ? same : jumbo;

		fx->objs[i] = kmemx_cache_alloc(cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, fx->objs[i]);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)fx->objs[i], 128));
		KUNIT_EXPECT_EQ(test, kmemx_size(fx->objs[i]), i < 8 ? (size_t)1664 : (size_t)9472);
	}
	expect_apart(test, fx->objs, 8, 1664);
	expect_apart(test, fx->objs + 8, 4, 9472);
	kmemx_free_bulk(12, fx->objs);
	kmemx_cache_destroy(small);
	kmemx_cache_destroy(same);
	kmemx_cache_destroy(jumbo);
	/* No such size, no such alignment; the log says so. */
	KUNIT_EXPECT_NULL(test, kmemx_pktcache_create(65537, 0, 0, 1));
	KUNIT_EXPECT_NULL(test, kmemx_pktcache_create(1500, 64, 64, 0));
	KUNIT_EXPECT_NULL(test, kmemx_pktcache_create(1500, 64, 64, 100));
}

static struct kunit_case object_cases[] = {
	KUNIT_CASE(object_bulk_is_all_or_nothing),
	KUNIT_CASE(object_bulk_zeroes),
	KUNIT_CASE(object_free_bulk_takes_any_size),
	KUNIT_CASE(object_arrays_do_not_overflow),
	KUNIT_CASE(object_realloc_keeps_what_there_is),
	KUNIT_CASE(object_realloc_zeroes_what_is_new),
	KUNIT_CASE(object_free_sensitive_overwrites),
	KUNIT_CASE(object_node_is_the_regions),
	KUNIT_CASE(object_node_of_a_cache_is_the_regions),
	KUNIT_CASE(object_owns_its_region),
#ifdef DEFINE_FREE
	KUNIT_CASE(object_goes_with_its_scope),
#endif
	KUNIT_CASE(object_sheaf_does_not_fail),
	KUNIT_CASE(object_sheaf_is_not_that_large),
	KUNIT_CASE(object_sheaf_takes_what_the_front_has),
	KUNIT_CASE(object_sheaf_ends),
	KUNIT_CASE(object_sheaf_is_all_or_nothing),
	KUNIT_CASE(object_destructor_runs_once_per_object),
	KUNIT_CASE(object_typesafe_slabs_stay),
	KUNIT_CASE(object_shrink_says_what_it_has_given_back),
	KUNIT_CASE(object_usercopy_window_is_inside),
	KUNIT_CASE(object_usercopy_of_the_rest),
	KUNIT_CASE(object_cache_of_a_structure),
	KUNIT_CASE(object_cache_lines_are_shared_by_small_objects),
	KUNIT_CASE(object_for_dma_has_lines_of_its_own),
	KUNIT_CASE(object_is_mapped_for_dma),
	KUNIT_CASE(object_packet_buffers_are_as_small_as_can_be),
	KUNIT_CASE(object_packet_caches_have_buffers),
	{}
};

static struct kunit_suite object_suite = {
	.name = "kmemx_object",
	.init = object_fixture_init,
	.exit = object_fixture_exit,
	.test_cases = object_cases,
};

kunit_test_suites(&object_suite);
