// SPDX-License-Identifier: GPL-2.0
/*
 * Caches over a fake source of pages.
 */
#include <linux/bitmap.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>

#include "fake_pages.h"
#include "random.h"
#include "slab/cache.h"
#include "slab/exchange.h"
#include "slab/partial.h"
#include "slab/reap.h"
#include "slab/sheaf.h"
#include "slab/usage.h"
#include "threads.h"

struct fixture {
	struct fake_pages fake;
	struct kmemx_depot depot;
	struct kmemx_cache *cache;
};

static struct kmemx_cache *make(struct fixture *fx, const char *name, u32 size, u32 align,
				void (*ctor)(void *obj))
{
	struct kmemx_cache_spec spec = {
		.name = name, .size = size, .align = align, .ctor = ctor,
	};

	return kmemx_cache_new(&fx->depot, &spec);
}

static int cache_fixture_init(struct kunit *test)
{
	struct fixture *fx = vzalloc(sizeof(*fx));

	KUNIT_ASSERT_NOT_NULL(test, fx);
	test->priv = fx;
	KUNIT_ASSERT_EQ(test, fake_pages_init(&fx->fake), 0);
	KUNIT_ASSERT_EQ(test, kmemx_depot_init(&fx->depot, &fake_page_ops, &fx->fake,
					       FAKE_BLOCKS << KMEMX_SLAB_MAX_ORDER, false), 0);
	fx->cache = make(fx, "test", 100, 0, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(fx->cache));
	return 0;
}

/* What a case leaves behind fails it. */
static void cache_fixture_exit(struct kunit *test)
{
	struct fixture *fx = test->priv;

	if (!fx)
		return;
	if (!IS_ERR_OR_NULL(fx->cache))
		KUNIT_EXPECT_EQ(test, kmemx_cache_delete(fx->cache), 0);
	KUNIT_EXPECT_EQ(test, fx->fake.nr_out, 0U);
	kmemx_depot_fini(&fx->depot);
	fake_pages_fini(&fx->fake);
	vfree(fx);
}

static void expect_sound(struct kunit *test, struct kmemx_cache *cache)
{
	const char *why = kmemx_cache_check(cache);

	KUNIT_ASSERT_TRUE_MSG(test, !why, "%s", why ?: "");
}

static enum kmemx_verdict put(struct fixture *fx, const void *obj, struct kmemx_cache *want)
{
	struct kmemx_cache *cache;

	return kmemx_cache_put(&fx->depot, fake_page_ops.id_of(&fx->fake, obj), obj, want,
			       &cache);
}

/* The short ways. */
static void *pop(struct kmemx_cache *cache)
{
	void *obj;

	return kmemx_cache_pop(cache, &obj) ? obj : NULL;
}

static bool push(struct fixture *fx, const void *obj, const struct kmemx_cache *want)
{
	return kmemx_cache_push(want, &fx->depot.slab[fake_page_ops.id_of(&fx->fake, obj)], obj);
}

static void cache_objects_do_not_overlap(struct kunit *test)
{
	struct fixture *fx = test->priv;
	u8 **obj = kunit_kmalloc_array(test, 1000, sizeof(*obj), GFP_KERNEL);
	unsigned int i, k;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (i = 0; i < 1000; i++) {
		obj[i] = kmemx_cache_take(fx->cache, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, obj[i]);
		memset(obj[i], (int)i, 100);
	}
	expect_sound(test, fx->cache);
	for (i = 0; i < 1000; i++)
		for (k = 0; k < 100; k++)
			KUNIT_ASSERT_EQ(test, obj[i][k], (u8)i);
	for (i = 0; i < 1000; i++)
		KUNIT_ASSERT_EQ(test, put(fx, obj[i], fx->cache), KMEMX_FREE_OK);
	expect_sound(test, fx->cache);
}

static unsigned int nr_constructed;

static void stamp(void *obj)
{
	*(u64 *)obj = 0x600DF00D;
	nr_constructed++;
}

static void cache_constructor_runs_once_per_object(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_cache *cache = make(fx, "ctor", 64, 0, stamp);
	unsigned int round, i;
	u64 *obj[100];

	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	nr_constructed = 0;
	/* What is in the front of another CPU is not found. */
	migrate_disable();
	for (round = 0; round < 10; round++) {
		for (i = 0; i < 100; i++) {
			obj[i] = kmemx_cache_take(cache, 0);
			KUNIT_ASSERT_NOT_ERR_OR_NULL(test, obj[i]);
			KUNIT_ASSERT_EQ(test, *obj[i], 0x600DF00DULL);
		}
		for (i = 0; i < 100; i++)
			put(fx, obj[i], cache);
	}
	migrate_enable();
	KUNIT_EXPECT_GE(test, nr_constructed, 100U);
	KUNIT_EXPECT_EQ(test, nr_constructed % cache->layout.nr_objs, 0U);
	KUNIT_EXPECT_LE(test, nr_constructed, 100 + 2 * cache->layout.nr_objs);
	KUNIT_EXPECT_EQ(test, kmemx_cache_delete(cache), 0);
}

static void cache_bad_frees_change_nothing(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_cache *other = make(fx, "other", 100, 0, NULL);
	struct kmemx_cache_usage before, after;
	u8 *obj, *second;

	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	obj = kmemx_cache_take(fx->cache, 0);
	second = kmemx_cache_take(fx->cache, 0);
	kmemx_cache_usage(fx->cache, &before);
	KUNIT_EXPECT_EQ(test, put(fx, obj + 8, fx->cache), KMEMX_FREE_MISALIGNED);
	KUNIT_EXPECT_EQ(test, put(fx, obj, other), KMEMX_FREE_CACHE);
	kmemx_cache_usage(fx->cache, &after);
	KUNIT_EXPECT_MEMEQ(test, &before, &after, sizeof(after));
	KUNIT_EXPECT_EQ(test, put(fx, obj, fx->cache), KMEMX_FREE_OK);
	KUNIT_EXPECT_EQ(test, put(fx, obj, fx->cache), KMEMX_FREE_DOUBLE);
	KUNIT_EXPECT_EQ(test, put(fx, second, NULL), KMEMX_FREE_OK);
	KUNIT_EXPECT_EQ(test, put(fx, second, NULL), KMEMX_FREE_DOUBLE);
	expect_sound(test, fx->cache);
	/* Back in the slab, past the front. */
	kmemx_cache_drain(fx->cache);
	KUNIT_EXPECT_EQ(test, put(fx, obj, fx->cache), KMEMX_FREE_DOUBLE);
	expect_sound(test, fx->cache);
	KUNIT_EXPECT_EQ(test, kmemx_cache_delete(other), 0);
}

/* Where what a directory of files shows comes from. */
static void cache_counts_refills_and_slabs(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int nr = 3 * fx->cache->layout.nr_objs, i, cpu;
	void **obj = kunit_kmalloc_array(test, nr, sizeof(*obj), GFP_KERNEL);
	struct kmemx_cache_usage usage;
	u64 refills = 0, made = 0, ended = 0;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (i = 0; i < nr; i++) {
		obj[i] = kmemx_cache_take(fx->cache, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, obj[i]);
	}
	/* One slab has a free object, and an empty one is left when the others have gone. */
	KUNIT_ASSERT_EQ(test, put(fx, obj[--nr], fx->cache), KMEMX_FREE_OK);
	kmemx_cache_drain(fx->cache);
	kmemx_cache_retire(fx->cache);
	kmemx_cache_usage(fx->cache, &usage);
	KUNIT_EXPECT_EQ(test, usage.nr_slabs, 3UL);
	KUNIT_EXPECT_EQ(test, usage.nr_partial, 1UL);
	KUNIT_EXPECT_EQ(test, usage.nr_partial_live, (unsigned long)fx->cache->layout.nr_objs - 1);
	for (i = 0; i < nr; i++)
		KUNIT_ASSERT_EQ(test, put(fx, obj[i], fx->cache), KMEMX_FREE_OK);
	kmemx_cache_drain(fx->cache);
	kmemx_cache_usage(fx->cache, &usage);
	KUNIT_EXPECT_EQ(test, usage.nr_partial_live, 0UL);
	for_each_possible_cpu(cpu) {
		const struct kmemx_front *front = per_cpu_ptr(fx->cache->front, cpu);

		refills += front->nr_refill;
		made += front->nr_slabs_made;
		ended += front->nr_slabs_ended;
	}
	/* Eight at a time, but for the last of a slab. */
	KUNIT_EXPECT_GE(test, refills, (u64)nr / KMEMX_FRONT_BATCH);
	KUNIT_EXPECT_LE(test, refills, (u64)nr / KMEMX_FRONT_BATCH + 3 * KMEMX_FRONT_BATCH);
	KUNIT_EXPECT_GE(test, made, 3ULL);
	KUNIT_EXPECT_EQ(test, made - ended, (u64)usage.nr_slabs);
	/* The most at a time, which neither all that ever were nor a first one is. */
	KUNIT_EXPECT_EQ(test, atomic64_read(&fx->cache->peak_slabs), 3LL);
	kmemx_cache_retire(fx->cache);
	obj[0] = kmemx_cache_take(fx->cache, 0);
	kmemx_cache_drain(fx->cache);
	KUNIT_ASSERT_EQ(test, put(fx, obj[0], fx->cache), KMEMX_FREE_OK);
	KUNIT_EXPECT_EQ(test, atomic64_read(&fx->cache->peak_slabs), 3LL);
}

static void put_visited(const struct kmemx_cache *cache, void *obj, unsigned long call_site,
			void *arg)
{
	struct kunit *test = arg;

	KUNIT_EXPECT_EQ(test, put(test->priv, obj, (struct kmemx_cache *)cache), KMEMX_FREE_OK);
}

/* As files of all caches have it, and those of one. */
static void cache_usage_of_all_is_that_of_each(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_cache *cache[3] = {
		fx->cache, make(fx, "other", 100, 0, NULL), make(fx, "large", 5000, 0, NULL),
	};
	struct kmemx_cache_usage usage;
	unsigned int i, k, looks;
	void *obj[3][20];

	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_FALSE(test, IS_ERR(cache[i]));
		for (k = 0; k <= i * 8; k++) {
			obj[i][k] = kmemx_cache_take(cache[i], 0);
			KUNIT_ASSERT_NOT_ERR_OR_NULL(test, obj[i][k]);
		}
	}
	for (looks = 0; looks < 2; looks++) {
		mutex_lock(&fx->depot.lock);
		kmemx_depot_usage(&fx->depot);
		mutex_unlock(&fx->depot.lock);
		for (i = 0; i < 3; i++) {
			kmemx_cache_usage(cache[i], &usage);
			KUNIT_EXPECT_EQ(test, usage.nr_live, i * 8 + 1UL);
			KUNIT_EXPECT_MEMEQ(test, &usage, &cache[i]->usage, sizeof(usage));
		}
	}
	mutex_lock(&fx->depot.lock);
	kmemx_depot_visit_live(&fx->depot, put_visited, test);
	mutex_unlock(&fx->depot.lock);
	KUNIT_EXPECT_EQ(test, kmemx_cache_delete(cache[1]), 0);
	KUNIT_EXPECT_EQ(test, kmemx_cache_delete(cache[2]), 0);
}

static unsigned int nr_made, nr_gone;

static void note_made(struct kmemx_cache *cache)
{
	cache->files = cache;
	nr_made++;
}

/* It can still be looked at, and nobody else has its name yet. */
static void note_gone(struct kmemx_cache *cache)
{
	struct kmemx_cache_usage usage;

	kmemx_cache_usage(cache, &usage);
	nr_gone += cache->files == cache && cache->depot->cache[cache->number] == cache &&
		!usage.nr_slabs;
}

static void cache_watchers_see_caches_come_and_go(struct kunit *test)
{
	static const struct kmemx_depot_watch watch = { .made = note_made, .goes = note_gone };
	struct fixture *fx = test->priv;
	struct kmemx_cache *cache;
	void *obj;

	nr_made = 0;
	nr_gone = 0;
	fx->depot.watch = &watch;
	cache = make(fx, "watched", 64, 0, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	KUNIT_EXPECT_EQ(test, nr_made, 1U);
	/* What is not made, or stays, is not told of. */
	KUNIT_EXPECT_TRUE(test, IS_ERR(make(fx, "watched", 64, 0, NULL)));
	obj = kmemx_cache_take(cache, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, obj);
	KUNIT_EXPECT_EQ(test, kmemx_cache_delete(cache), -EBUSY);
	KUNIT_EXPECT_EQ(test, nr_gone, 0U);
	KUNIT_EXPECT_EQ(test, put(fx, obj, cache), KMEMX_FREE_OK);
	KUNIT_EXPECT_EQ(test, kmemx_cache_delete(cache), 0);
	KUNIT_EXPECT_EQ(test, nr_made, 1U);
	KUNIT_EXPECT_EQ(test, nr_gone, 1U);
	fx->depot.watch = NULL;
}

static void cache_gives_empty_slabs_back(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void **obj = kunit_kmalloc_array(test, 500, sizeof(*obj), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (i = 0; i < 500; i++)
		obj[i] = kmemx_cache_take(fx->cache, 0);
	KUNIT_EXPECT_GE(test, fx->fake.nr_out, 500 / fx->cache->layout.nr_objs);
	for (i = 0; i < 500; i++)
		put(fx, obj[i], fx->cache);
	/* Slabs that were in a front go at once, those that frees have left empty then. */
	kmemx_cache_drain(fx->cache);
	kmemx_cache_trim(&fx->depot);
	KUNIT_EXPECT_EQ(test, fx->fake.nr_out, 1U);
	KUNIT_EXPECT_EQ(test, kmemx_cache_retire(fx->cache), 1UL);
	KUNIT_EXPECT_EQ(test, fx->fake.nr_out, 0U);
	expect_sound(test, fx->cache);
}

/* Objects of @slab's frames that are live, out of @nr. */
static unsigned int nr_in(struct fixture *fx, void **obj, unsigned int nr, u32 slab)
{
	unsigned int i, n = 0;

	for (i = 0; i < nr; i++)
		n += obj[i] && fake_page_ops.id_of(&fx->fake, obj[i]) == slab;
	return n;
}

/* One slab is in use to a quarter, one to three quarters: the next goes into that. */
static void cache_fuller_slabs_go_first(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int per_slab = fx->cache->layout.nr_objs, nr = 2 * per_slab, i;
	void **obj = kunit_kcalloc(test, nr, sizeof(*obj), GFP_KERNEL);
	u32 first, second;
	void *next;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (i = 0; i < nr; i++)
		obj[i] = kmemx_cache_take(fx->cache, 0);
	first = fake_page_ops.id_of(&fx->fake, obj[0]);
	second = fake_page_ops.id_of(&fx->fake, obj[nr - 1]);
	KUNIT_ASSERT_LT(test, first, second);
	for (i = 0; i < nr; i++) {
		u32 id = fake_page_ops.id_of(&fx->fake, obj[i]);

		if (nr_in(fx, obj, nr, id) <= (id == first ? per_slab / 4 : per_slab * 3 / 4))
			continue;
		put(fx, obj[i], fx->cache);
		obj[i] = NULL;
	}
	kmemx_cache_drain(fx->cache);
	expect_sound(test, fx->cache);
	next = kmemx_cache_take(fx->cache, 0);
	KUNIT_EXPECT_EQ(test, fake_page_ops.id_of(&fx->fake, next), second);
	put(fx, next, fx->cache);
	for (i = 0; i < nr; i++)
		if (obj[i])
			put(fx, obj[i], fx->cache);
}

/* The source fails at the 1st, 2nd, 3rd... block: so does who asks, and nothing is lost. */
static void cache_survives_a_source_that_fails(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void **obj = kunit_kmalloc_array(test, 200, sizeof(*obj), GFP_KERNEL);
	unsigned int allowed, i;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (allowed = 0; allowed < 4; allowed++) {
		fx->fake.nr_allowed = allowed;
		for (i = 0; i < 200; i++) {
			obj[i] = kmemx_cache_take(fx->cache, 0);
			if (IS_ERR(obj[i]))
				break;
		}
		KUNIT_EXPECT_PTR_EQ(test, obj[i], ERR_PTR(-ENOSPC));
		KUNIT_EXPECT_EQ(test, i, allowed * fx->cache->layout.nr_objs);
		expect_sound(test, fx->cache);
		while (i--)
			put(fx, obj[i], fx->cache);
		kmemx_cache_drain(fx->cache);
		kmemx_cache_retire(fx->cache);
		KUNIT_EXPECT_EQ(test, fx->fake.nr_out, 0U);
	}
}

/* That somebody else was faster at the source is told to who asks, as that may be worth a try. */
static void cache_says_that_its_source_is_busy(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *obj;

	fx->fake.is_busy = true;
	KUNIT_EXPECT_PTR_EQ(test, kmemx_cache_take(fx->cache, 0), ERR_PTR(-EAGAIN));
	fx->fake.is_busy = false;
	obj = kmemx_cache_take(fx->cache, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, obj);
	KUNIT_EXPECT_EQ(test, put(fx, obj, fx->cache), KMEMX_FREE_OK);
	kmemx_cache_drain(fx->cache);
	kmemx_cache_retire(fx->cache);
}

static void cache_delete_keeps_live_objects(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_cache *cache = make(fx, "busy", 256, 0, NULL);
	u8 *obj;

	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	obj = kmemx_cache_take(cache, 0);
	memset(obj, 0x5a, 256);
	KUNIT_EXPECT_EQ(test, kmemx_cache_delete(cache), -EBUSY);
	KUNIT_EXPECT_EQ(test, obj[255], 0x5a);
	KUNIT_EXPECT_EQ(test, put(fx, obj, cache), KMEMX_FREE_OK);
	KUNIT_EXPECT_EQ(test, kmemx_cache_delete(cache), 0);
}

static void note_site(const struct kmemx_cache *cache, void *obj, unsigned long call_site,
		      void *arg)
{
	*(unsigned long *)arg += call_site;
}

/* Whoever asks is noted, so nothing takes the short way. */
static void cache_remembers_call_sites(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_cache *cache;
	unsigned long sum = 0;
	void *a, *b;

	fx->depot.track = true;
	cache = make(fx, "tracked", 100, 0, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	a = kmemx_cache_take(cache, 1000);
	b = kmemx_cache_take(cache, 30);
	KUNIT_EXPECT_EQ(test, kmemx_cache_visit_live(cache, note_site, &sum), 2UL);
	KUNIT_EXPECT_EQ(test, sum, 1030UL);
	KUNIT_EXPECT_FALSE(test, push(fx, a, cache));
	put(fx, a, cache);
	KUNIT_EXPECT_NULL(test, pop(cache));
	sum = 0;
	KUNIT_EXPECT_EQ(test, kmemx_cache_visit_live(cache, note_site, &sum), 1UL);
	KUNIT_EXPECT_EQ(test, sum, 30UL);
	put(fx, b, cache);
	expect_sound(test, cache);
	KUNIT_EXPECT_EQ(test, kmemx_cache_delete(cache), 0);
}

static void cache_refuses_what_cannot_be(struct kunit *test)
{
	struct fixture *fx = test->priv;

	KUNIT_EXPECT_EQ(test, PTR_ERR(make(fx, "test", 8, 0, NULL)), -EEXIST);
	KUNIT_EXPECT_EQ(test, PTR_ERR(make(fx, "zero", 0, 0, NULL)), -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(make(fx, "huge", KMEMX_OBJECT_MAX + 1, 0, NULL)), -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(make(fx, "odd", 64, 3, NULL)), -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(make(fx, "a-name-that-is-quite-a-bit-too-long", 8, 0, NULL)),
			-EINVAL);
}

/* A front whose CPU is at work there, as an interrupt finds it. */
static void cache_works_past_a_busy_front(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_front *front;
	void *a, *b, *nested;
	unsigned int nr, nr_after;
	bool is_open_within;

	a = kmemx_cache_take(fx->cache, 0);
	b = kmemx_cache_take(fx->cache, 0);
	preempt_disable();
	front = kmemx_front_enter(fx->cache->front);
	nr = kmemx_front_nr(front);
	KUNIT_EXPECT_NULL(test, pop(fx->cache));
	nested = kmemx_cache_take(fx->cache, 0);
	KUNIT_EXPECT_FALSE(test, push(fx, a, fx->cache));
	KUNIT_EXPECT_EQ(test, put(fx, a, fx->cache), KMEMX_FREE_OK);
	KUNIT_EXPECT_EQ(test, put(fx, a, fx->cache), KMEMX_FREE_DOUBLE);
	nr_after = kmemx_front_nr(front);
	is_open_within = kmemx_front_is_open(front);
	kmemx_front_leave(fx->cache->front, front);
	preempt_enable();
	KUNIT_EXPECT_TRUE(test, kmemx_front_is_open(front));
	KUNIT_EXPECT_EQ(test, nr_after, nr);
	KUNIT_EXPECT_FALSE(test, is_open_within);
	KUNIT_EXPECT_NOT_NULL(test, nested);
	KUNIT_EXPECT_PTR_NE(test, nested, a);
	KUNIT_EXPECT_PTR_NE(test, nested, b);
	expect_sound(test, fx->cache);
	put(fx, b, fx->cache);
	put(fx, nested, fx->cache);
}

static s64 room_of_all(const struct kmemx_depot *depot)
{
	unsigned int cpu;
	s64 sum = 0;

	for_each_possible_cpu(cpu)
		sum += *per_cpu_ptr(depot->room, cpu);
	return sum;
}

#define NR_SHARING	(KMEMX_FRONT_PART + 2)

static unsigned int granted_to(const struct kmemx_cache *cache)
{
	unsigned int cpu, nr = 0;

	for_each_possible_cpu(cpu)
		nr += per_cpu_ptr(cache->front, cpu)->granted;
	return nr;
}

/* What fronts may hold is granted, to more caches than have their full cap in it. */
static void cache_fronts_share_their_room(struct kunit *test)
{
	struct fixture *fx = test->priv;
	s64 room = room_of_all(&fx->depot), granted = 0;
	struct kmemx_cache *cache[NR_SHARING];
	unsigned int c, i, nr_full = 0;
	char name[16];
	void *obj[20];

	migrate_disable();
	for (c = 0; c < NR_SHARING; c++) {
		snprintf(name, sizeof(name), "sharing-%u", c);
		cache[c] = make(fx, name, 8192, 0, NULL);
		KUNIT_ASSERT_FALSE(test, IS_ERR(cache[c]));
		KUNIT_ASSERT_LT(test, cache[c]->front_cap, (unsigned int)ARRAY_SIZE(obj));
		for (i = 0; i < ARRAY_SIZE(obj); i++)
			obj[i] = kmemx_cache_take(cache[c], 0);
		for (i = 0; i < ARRAY_SIZE(obj); i++)
			KUNIT_EXPECT_EQ(test, put(fx, obj[i], cache[c]), KMEMX_FREE_OK);
		granted += (s64)granted_to(cache[c]) * cache[c]->layout.stride;
		nr_full += granted_to(cache[c]) == cache[c]->front_cap;
		KUNIT_EXPECT_GE(test, *this_cpu_ptr(fx->depot.room), 0LL);
		expect_sound(test, cache[c]);
	}
	migrate_enable();
	KUNIT_EXPECT_GT(test, nr_full, 0U);
	KUNIT_EXPECT_LT(test, nr_full, NR_SHARING);
	KUNIT_EXPECT_EQ(test, room_of_all(&fx->depot), room - granted);
	for (c = 0; c < NR_SHARING; c++)
		KUNIT_EXPECT_EQ(test, kmemx_cache_delete(cache[c]), 0);
	KUNIT_EXPECT_EQ(test, room_of_all(&fx->depot), room);
}

static u64 nr_flush_of(const struct kmemx_cache *cache)
{
	unsigned int cpu;
	u64 nr = 0;

	for_each_possible_cpu(cpu)
		nr += per_cpu_ptr(cache->front, cpu)->nr_flush;
	return nr;
}

/* What comes back in the order in which it went finds its neighbours in the front. */
static void cache_full_front_gives_neighbours_back_together(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int cap = fx->cache->front_cap, nr = cap + 512, i;
	void **obj = kunit_kmalloc_array(test, nr, sizeof(*obj), GFP_KERNEL);
	struct kmemx_cache_usage usage;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	migrate_disable();
	for (i = 0; i < nr; i++)
		obj[i] = kmemx_cache_take(fx->cache, 0);
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ(test, put(fx, obj[i], fx->cache), KMEMX_FREE_OK);
	migrate_enable();
	kunit_info(test, "%llu times for %u objects\n", nr_flush_of(fx->cache), nr - cap);
	/* A slab's last word of status bytes is not full. */
	KUNIT_EXPECT_GE(test, nr_flush_of(fx->cache), 512ULL / 8);
	KUNIT_EXPECT_LE(test, nr_flush_of(fx->cache), 512ULL / 5);
	kmemx_cache_usage(fx->cache, &usage);
	KUNIT_EXPECT_EQ(test, usage.nr_live, 0UL);
	KUNIT_EXPECT_LE(test, usage.nr_front, (unsigned long)cap);
	expect_sound(test, fx->cache);
}

/* Another CPU, whichever there are; this one stays where it is. */
static unsigned int another_cpu(void)
{
	return raw_smp_processor_id() + 1;
}

/*
 * Fill this CPU's front, and free @nr objects more than that, after the front of @cpu had
 * nothing; a few stay live.
 */
static void overfill(struct kunit *test, unsigned int nr, unsigned int cpu)
{
	struct fixture *fx = test->priv;
	unsigned int all = fx->cache->front_cap + nr, i;
	void **obj = kvmalloc_array(all, sizeof(*obj), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (i = 0; i < all; i++)
		obj[i] = kmemx_cache_take(fx->cache, 0);
	while (pop(fx->cache))
		;
	fx->cache->exchange->wanting = cpu + 1;
	for (i = 0; i < all; i++)
		KUNIT_EXPECT_EQ(test, put(fx, obj[i], fx->cache), KMEMX_FREE_OK);
	kvfree(obj);
}

static void leave_for_others(struct kunit *test, unsigned int nr)
{
	overfill(test, nr, another_cpu());
}

/* What one CPU leaves, another takes, and no slab is asked. */
static void cache_exchange_hands_batches_over(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_exchange *exchange = fx->cache->exchange;
	s64 room = atomic64_read(&fx->depot.exchange_room);
	struct kmemx_cache_usage usage;
	unsigned int i, nr_slabs;
	void *obj;

	KUNIT_ASSERT_NOT_NULL(test, exchange);
	migrate_disable();
	leave_for_others(test, exchange->size);
	KUNIT_EXPECT_EQ(test, kmemx_exchange_nr(fx->cache), exchange->size);
	KUNIT_EXPECT_EQ(test, atomic64_read(&fx->depot.exchange_room),
			room - (s64)exchange->size * fx->cache->layout.stride);
	nr_slabs = fx->fake.nr_out;
	/* As if this were another CPU: its front has nothing. */
	for (i = 0; i < fx->cache->front_cap; i++)
		KUNIT_ASSERT_NOT_NULL(test, pop(fx->cache));
	KUNIT_EXPECT_NULL(test, pop(fx->cache));
	kmemx_cache_usage(fx->cache, &usage);
	obj = kmemx_cache_take(fx->cache, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, obj);
	KUNIT_EXPECT_EQ(test, kmemx_exchange_nr(fx->cache), 0U);
	KUNIT_EXPECT_EQ(test, kmemx_front_nr(raw_cpu_ptr(fx->cache->front)), exchange->size - 1);
	i = (unsigned int)usage.nr_free;
	kmemx_cache_usage(fx->cache, &usage);
	KUNIT_EXPECT_EQ(test, usage.nr_free, (unsigned long)i);
	KUNIT_EXPECT_EQ(test, fx->fake.nr_out, nr_slabs);
	migrate_enable();
	KUNIT_EXPECT_EQ(test, atomic64_read(&fx->depot.exchange_room), room);
	KUNIT_EXPECT_EQ(test, put(fx, obj, fx->cache), KMEMX_FREE_OK);
	kmemx_cache_visit_live(fx->cache, put_visited, test);
	expect_sound(test, fx->cache);
}

/* What was freed first comes out first, as it would where one CPU does both in bulk. */
static void cache_exchange_keeps_the_order(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_exchange *exchange = fx->cache->exchange;
	void *left[KMEMX_EXCHANGE_BATCH];
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, exchange);
	migrate_disable();
	leave_for_others(test, 1);
	KUNIT_ASSERT_EQ(test, kmemx_exchange_nr(fx->cache), exchange->size);
	/* They are above the top still, but for the first, in place of which the last free went. */
	for (i = 1; i < exchange->size; i++)
		left[i] = this_cpu_ptr(fx->cache->front)->top[i].obj;
	while (pop(fx->cache))
		;
	KUNIT_EXPECT_FALSE(test, IS_ERR_OR_NULL(kmemx_cache_take(fx->cache, 0)));
	for (i = 1; i < exchange->size; i++)
		KUNIT_EXPECT_PTR_EQ(test, pop(fx->cache), left[i]);
	KUNIT_EXPECT_NULL(test, pop(fx->cache));
	migrate_enable();
	kmemx_cache_visit_live(fx->cache, put_visited, test);
	expect_sound(test, fx->cache);
}

#define NUMBERED	600U

/* Where the status bytes are aside, and where they are in the slab; of one frame and of several. */
static void cache_exchange_knows_objects_by_number(struct kunit *test)
{
	static const u32 sizes[] = { 8, 24, 32, 100, 700 };
	struct fixture *fx = test->priv;
	void **obj = kunit_kmalloc_array(test, NUMBERED, sizeof(*obj), GFP_KERNEL);
	struct kmemx_front_slot slot, got;
	unsigned int k, i, nr;
	u32 id;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (k = 0; k < ARRAY_SIZE(sizes); k++) {
		struct kmemx_cache *cache = make(fx, "numbers", sizes[k], 0, NULL);

		KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
		/* Where there are many CPUs, a large object has none. */
		nr = !cache->exchange ? 0 :
			 min(2 * cache->layout.nr_objs + 1, NUMBERED);
		for (i = 0; i < nr; i++) {
			obj[i] = kmemx_cache_take(cache, 0);
			KUNIT_ASSERT_NOT_ERR_OR_NULL(test, obj[i]);
			id = fake_page_ops.id_of(&fx->fake, obj[i]);
			slot.obj = obj[i];
			KUNIT_ASSERT_TRUE(test, kmemx_slab_find(&fx->depot.slab[id], &cache->layout,
								obj[i], &slot.status));
			got = kmemx_exchange_slot(cache, kmemx_exchange_number(cache, &slot));
			KUNIT_ASSERT_PTR_EQ(test, got.obj, slot.obj);
			KUNIT_ASSERT_PTR_EQ(test, got.status, slot.status);
		}
		while (nr--)
			KUNIT_EXPECT_EQ(test, put(fx, obj[nr], cache), KMEMX_FREE_OK);
		KUNIT_ASSERT_EQ(test, kmemx_cache_delete(cache), 0);
	}
	/* None for more than there are numbers. */
	fx->depot.nr_ids = (U32_MAX >> 7) + 1;
	kmemx_exchange_free(fx->cache);
	KUNIT_EXPECT_EQ(test, kmemx_exchange_make(fx->cache), 0);
	KUNIT_EXPECT_NULL(test, fx->cache->exchange);
	fx->depot.nr_ids--;
	KUNIT_EXPECT_EQ(test, kmemx_exchange_make(fx->cache), 0);
	KUNIT_EXPECT_NOT_NULL(test, fx->cache->exchange);
	fx->depot.nr_ids = FAKE_BLOCKS << KMEMX_SLAB_MAX_ORDER;
}

/* Nothing is left where nobody else has asked, nor once there is no room for it. */
static void cache_exchange_is_for_who_asks(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_exchange *exchange = fx->cache->exchange;
	unsigned int nr = (exchange->nr + 1) * exchange->size;
	void *obj;

	KUNIT_EXPECT_EQ(test, exchange->wanting, 0U);
	migrate_disable();
	overfill(test, nr, raw_smp_processor_id());
	KUNIT_EXPECT_EQ(test, kmemx_exchange_nr(fx->cache), 0U);
	KUNIT_EXPECT_EQ(test, exchange->wanting, 0U);
	/* Nobody at all. */
	overfill(test, nr, -1U);
	KUNIT_EXPECT_EQ(test, kmemx_exchange_nr(fx->cache), 0U);
	atomic64_set(&fx->depot.exchange_room, S64_MAX);
	leave_for_others(test, nr);
	KUNIT_EXPECT_EQ(test, kmemx_exchange_nr(fx->cache), exchange->nr * exchange->size);
	KUNIT_EXPECT_EQ(test, exchange->wanting, 0U);
	while (pop(fx->cache))
		;
	obj = kmemx_cache_take(fx->cache, 0);
	KUNIT_EXPECT_EQ(test, exchange->wanting, raw_smp_processor_id() + 1U);
	migrate_enable();
	KUNIT_EXPECT_FALSE(test, IS_ERR_OR_NULL(obj));
	kmemx_cache_visit_live(fx->cache, put_visited, test);
	expect_sound(test, fx->cache);
}

/* What nobody comes for goes back to the slabs, unless somebody has asked a moment ago. */
static void cache_exchange_is_reaped(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_exchange *exchange = fx->cache->exchange;

	migrate_disable();
	leave_for_others(test, exchange->size);
	kmemx_exchange_reap(fx->cache);
	KUNIT_EXPECT_EQ(test, kmemx_exchange_nr(fx->cache), exchange->size);
	kmemx_exchange_want(exchange);
	kmemx_exchange_reap(fx->cache);
	KUNIT_EXPECT_EQ(test, kmemx_exchange_nr(fx->cache), exchange->size);
	migrate_enable();
	kmemx_exchange_reap(fx->cache);
	KUNIT_EXPECT_EQ(test, kmemx_exchange_nr(fx->cache), 0U);
	KUNIT_EXPECT_EQ(test, atomic64_read(&fx->depot.exchange_room), fx->depot.exchange_all);
	kmemx_cache_visit_live(fx->cache, put_visited, test);
	expect_sound(test, fx->cache);
}

/* All exchanges together hold what they may, and what does not fit goes back to its slab. */
static void cache_exchange_has_a_bound(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_exchange *exchange = fx->cache->exchange;
	s64 bytes = (s64)exchange->size * fx->cache->layout.stride;

	atomic64_set(&fx->depot.exchange_room, 2 * bytes - 1);
	migrate_disable();
	leave_for_others(test, 4 * exchange->size);
	/* Not twice the bytes of a batch, so it is one. */
	migrate_enable();
	KUNIT_EXPECT_EQ(test, kmemx_exchange_nr(fx->cache), exchange->size);
	KUNIT_EXPECT_EQ(test, atomic64_read(&fx->depot.exchange_room), bytes - 1);
	kmemx_cache_drain(fx->cache);
	KUNIT_EXPECT_EQ(test, atomic64_read(&fx->depot.exchange_room), 2 * bytes - 1);
	atomic64_set(&fx->depot.exchange_room, S64_MAX);
	migrate_disable();
	leave_for_others(test, (exchange->nr + 1) * exchange->size);
	migrate_enable();
	KUNIT_EXPECT_EQ(test, kmemx_exchange_nr(fx->cache), exchange->nr * exchange->size);
	kmemx_cache_drain(fx->cache);
	KUNIT_EXPECT_EQ(test, kmemx_exchange_nr(fx->cache), 0U);
	KUNIT_EXPECT_EQ(test, atomic64_read(&fx->depot.exchange_room), S64_MAX);
	kmemx_cache_visit_live(fx->cache, put_visited, test);
	expect_sound(test, fx->cache);
}

/* Nobody is told that there is nothing as long as something is left, not who has no front. */
static void cache_exchange_is_for_who_has_no_front(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int size = fx->cache->exchange->size, i;
	struct kmemx_front *front;
	void *obj;

	migrate_disable();
	leave_for_others(test, size);
	fx->fake.nr_allowed = 0;
	for (i = 0; i < fx->cache->front_cap; i++)
		KUNIT_ASSERT_NOT_NULL(test, pop(fx->cache));
	preempt_disable();
	front = kmemx_front_enter(fx->cache->front);
	do
		obj = kmemx_cache_take(fx->cache, 0);
	while (!IS_ERR(obj));
	kmemx_front_leave(fx->cache->front, front);
	preempt_enable();
	migrate_enable();
	KUNIT_EXPECT_PTR_EQ(test, obj, ERR_PTR(-ENOSPC));
	KUNIT_EXPECT_EQ(test, kmemx_exchange_nr(fx->cache), 0U);
	expect_sound(test, fx->cache);
	KUNIT_EXPECT_GE(test, kmemx_cache_visit_live(fx->cache, put_visited, test),
			(unsigned long)fx->cache->front_cap + size);
	expect_sound(test, fx->cache);
}

/* A front that may not have a whole batch goes to the slabs. */
static void cache_exchange_gives_no_more_than_was_granted(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int size = fx->cache->exchange->size;
	const struct kmemx_front *front;
	s64 *room, left;
	void *obj;

	KUNIT_ASSERT_GT(test, size, KMEMX_FRONT_GRANT);
	migrate_disable();
	leave_for_others(test, size);
	front = raw_cpu_ptr(fx->cache->front);
	room = raw_cpu_ptr(fx->depot.room);
	kmemx_cache_drain_dead(fx->cache, raw_smp_processor_id());
	KUNIT_EXPECT_EQ(test, kmemx_exchange_nr(fx->cache), size);
	left = *room - (s64)KMEMX_FRONT_GRANT * fx->cache->layout.stride;
	*room -= left;
	fx->cache->exchange->wanting = 0;
	obj = kmemx_cache_take(fx->cache, 0);
	*room += left;
	/* Nor does it ask for more. */
	KUNIT_EXPECT_EQ(test, fx->cache->exchange->wanting, 0U);
	KUNIT_EXPECT_LE(test, kmemx_front_nr(front), front->granted);
	KUNIT_EXPECT_EQ(test, kmemx_exchange_nr(fx->cache), size);
	migrate_enable();
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, obj);
	kmemx_cache_visit_live(fx->cache, put_visited, test);
	expect_sound(test, fx->cache);
}

/* A cache whose fronts are small, so that most frees go past them. */
static struct kmemx_cache *make_shallow(struct fixture *fx, u32 size)
{
	struct kmemx_cache_spec spec = { .name = "shallow", .size = size, .magazine = 16 };

	return kmemx_cache_new(&fx->depot, &spec);
}

static u64 slabs_made(const struct kmemx_cache *cache)
{
	unsigned int cpu;
	u64 nr = 0;

	for_each_possible_cpu(cpu)
		nr += per_cpu_ptr(cache->front, cpu)->nr_slabs_made;
	return nr;
}

#define NR_SLABS	20U

/* Of objects all of which are freed one by one, on one CPU. Returns how many there were. */
static unsigned int leave_slabs_empty(struct kunit *test, struct kmemx_cache *cache, void **obj)
{
	struct fixture *fx = test->priv;
	unsigned int nr = NR_SLABS * cache->layout.nr_objs, i;

	migrate_disable();
	for (i = 0; i < nr; i++) {
		obj[i] = kmemx_cache_take(cache, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, obj[i]);
	}
	KUNIT_ASSERT_EQ(test, fx->fake.nr_out, NR_SLABS);
	for (i = 0; i < nr; i++)
		KUNIT_ASSERT_EQ(test, put(fx, obj[i], cache), KMEMX_FREE_OK);
	migrate_enable();
	expect_sound(test, cache);
	return nr;
}

/* No free ends a slab; who trims does, or an allocation uses it. */
static void cache_frees_leave_slabs_empty(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_cache *cache = make_shallow(fx, 512);
	struct kmemx_cache_usage usage;
	void **obj = kunit_kcalloc(test, NR_SLABS * 8, sizeof(*obj), GFP_KERNEL);
	unsigned int nr, i;
	u64 made;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	KUNIT_ASSERT_LE(test, cache->layout.nr_objs, 8U);
	nr = leave_slabs_empty(test, cache, obj);
	KUNIT_EXPECT_EQ(test, fx->fake.nr_out, NR_SLABS);
	made = slabs_made(cache);
	for (i = 0; i < nr; i++)
		obj[i] = kmemx_cache_take(cache, 0);
	KUNIT_EXPECT_EQ(test, slabs_made(cache), made);
	/* They are noted as long as they are empty. */
	KUNIT_EXPECT_TRUE(test, kmemx_summary_is_empty(&fx->depot.empty));
	KUNIT_EXPECT_EQ(test, kmemx_cache_trim(&fx->depot), 0UL);
	expect_sound(test, cache);
	migrate_disable();
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ(test, put(fx, obj[i], cache), KMEMX_FREE_OK);
	migrate_enable();
	KUNIT_EXPECT_EQ(test, fx->fake.nr_out, NR_SLABS);
	/* A front has objects of a few of them. */
	KUNIT_EXPECT_GE(test, kmemx_cache_trim(&fx->depot), (unsigned long)NR_SLABS - 4);
	KUNIT_EXPECT_LE(test, fx->fake.nr_out, 4U);
	expect_sound(test, cache);
	kmemx_cache_usage(cache, &usage);
	KUNIT_EXPECT_EQ(test, usage.nr_live, 0UL);
	KUNIT_EXPECT_EQ(test, kmemx_cache_delete(cache), 0);
	KUNIT_EXPECT_EQ(test, fx->fake.nr_out, 0U);
}

/* The one that a cache keeps is kept, until somebody is short. */
static void cache_trim_keeps_a_slab(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_cache_spec spec = {
		.name = "bare", .size = 512, .magazine = KMEMX_FRONT_NONE,
	};
	struct kmemx_cache *cache = kmemx_cache_new(&fx->depot, &spec);
	void **obj = kunit_kcalloc(test, NR_SLABS * 8, sizeof(*obj), GFP_KERNEL);
	unsigned int some;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	leave_slabs_empty(test, cache, obj);
	some = kmemx_cache_trim_some(&fx->depot);
	KUNIT_EXPECT_GT(test, some, 0U);
	KUNIT_EXPECT_LT(test, some, NR_SLABS);
	KUNIT_EXPECT_EQ(test, fx->fake.nr_out, NR_SLABS - some);
	KUNIT_EXPECT_EQ(test, kmemx_cache_trim(&fx->depot), (unsigned long)NR_SLABS - some - 1);
	KUNIT_EXPECT_EQ(test, fx->fake.nr_out, 1U);
	KUNIT_EXPECT_EQ(test, kmemx_cache_trim(&fx->depot), 0UL);
	expect_sound(test, cache);
	KUNIT_EXPECT_EQ(test, kmemx_cache_trim_some(&fx->depot), 1U);
	KUNIT_EXPECT_EQ(test, fx->fake.nr_out, 0U);
	expect_sound(test, cache);
	KUNIT_EXPECT_EQ(test, kmemx_cache_delete(cache), 0);
}

/* Who frees the last object of a slab may be late with the note. */
static void note_all(struct kunit *test, void **obj, unsigned int nr)
{
	struct fixture *fx = test->priv;

	while (nr--)
		kmemx_summary_set(&fx->depot.empty, fake_page_ops.id_of(&fx->fake, obj[nr]));
}

/* A note of an empty slab may outlive the slab; the next one there may be none that trims end. */
static void cache_trim_ends_no_typesafe_slab(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_cache_spec spec = {
		.name = "bare", .size = 512, .magazine = KMEMX_FRONT_NONE,
	};
	struct kmemx_cache *bare = kmemx_cache_new(&fx->depot, &spec), *typesafe;
	void **obj = kunit_kcalloc(test, NR_SLABS * 8, sizeof(*obj), GFP_KERNEL);
	unsigned int nr;

	spec.name = "typesafe";
	spec.is_typesafe = true;
	typesafe = kmemx_cache_new(&fx->depot, &spec);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_ASSERT_FALSE(test, IS_ERR(bare));
	KUNIT_ASSERT_FALSE(test, IS_ERR(typesafe));
	leave_slabs_empty(test, bare, obj);
	KUNIT_EXPECT_EQ(test, kmemx_cache_retire(bare), (unsigned long)NR_SLABS);
	KUNIT_EXPECT_TRUE(test, kmemx_summary_is_empty(&fx->depot.empty));
	nr = leave_slabs_empty(test, typesafe, obj);
	KUNIT_EXPECT_TRUE(test, kmemx_summary_is_empty(&fx->depot.empty));
	note_all(test, obj, nr);
	KUNIT_EXPECT_EQ(test, kmemx_cache_trim(&fx->depot), 0UL);
	note_all(test, obj, nr);
	KUNIT_EXPECT_EQ(test, kmemx_cache_trim_some(&fx->depot), 0U);
	KUNIT_EXPECT_EQ(test, fx->fake.nr_out, NR_SLABS);
	KUNIT_EXPECT_EQ(test, kmemx_cache_delete(typesafe), 0);
	KUNIT_EXPECT_EQ(test, kmemx_cache_delete(bare), 0);
	KUNIT_EXPECT_EQ(test, fx->fake.nr_out, 0U);
}

static unsigned long grace_cookie;
static unsigned int nr_too_early;

/* Since the cookie, readers must have come to an end. */
static void free_after_readers(void *ctx, u32 id, void *addr, unsigned int order)
{
	nr_too_early += !poll_state_synchronize_rcu(grace_cookie);
	fake_page_ops.free(ctx, id, addr, order);
}

/* Whoever found an object before it was freed may look at it until then. */
static void cache_typesafe_slabs_outlive_readers(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_cache_spec spec = { .name = "typesafe", .size = 512, .is_typesafe = true };
	struct kmemx_cache *cache = kmemx_cache_new(&fx->depot, &spec);
	struct kmemx_page_ops ops = fake_page_ops;
	void **obj = kunit_kcalloc(test, NR_SLABS * 8, sizeof(*obj), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	leave_slabs_empty(test, cache, obj);
	ops.free = free_after_readers;
	fx->depot.ops = &ops;
	grace_cookie = get_state_synchronize_rcu();
	nr_too_early = 0;
	kmemx_cache_drain(cache);
	KUNIT_EXPECT_EQ(test, kmemx_cache_retire(cache), (unsigned long)NR_SLABS);
	KUNIT_EXPECT_EQ(test, fx->fake.nr_out, 0U);
	KUNIT_EXPECT_EQ(test, nr_too_early, 0U);
	fx->depot.ops = &fake_page_ops;
	KUNIT_EXPECT_EQ(test, kmemx_cache_delete(cache), 0);
}

/* Nobody has to wait for the grace period, and one slab with free objects is kept. */
static void cache_typesafe_slabs_wait_to_be_given_back(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_cache_spec spec = { .name = "typesafe", .size = 512, .is_typesafe = true };
	struct kmemx_cache *cache = kmemx_cache_new(&fx->depot, &spec);
	void **obj = kunit_kcalloc(test, NR_SLABS * 8, sizeof(*obj), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	leave_slabs_empty(test, cache, obj);
	kmemx_cache_drain(cache);
	mutex_lock(&fx->depot.lock);
	KUNIT_EXPECT_EQ(test, kmemx_cache_end_empty(cache, false), NR_SLABS - 1UL);
	KUNIT_EXPECT_EQ(test, kmemx_cache_end_empty(cache, false), 0UL);
	KUNIT_EXPECT_TRUE(test, kmemx_cache_has_partial(cache));
	KUNIT_EXPECT_EQ(test, fx->fake.nr_out, NR_SLABS);
	expect_sound(test, cache);
	synchronize_rcu();
	kmemx_cache_give_ended(cache);
	KUNIT_EXPECT_EQ(test, fx->fake.nr_out, 1U);
	KUNIT_EXPECT_EQ(test, cache->nr_waiting, 0UL);
	expect_sound(test, cache);
	mutex_unlock(&fx->depot.lock);
	/* Those that wait go with it. */
	leave_slabs_empty(test, cache, obj);
	kmemx_cache_drain(cache);
	mutex_lock(&fx->depot.lock);
	kmemx_cache_end_empty(cache, false);
	KUNIT_EXPECT_GT(test, cache->nr_waiting, 0UL);
	mutex_unlock(&fx->depot.lock);
	KUNIT_EXPECT_EQ(test, kmemx_cache_delete(cache), 0);
	KUNIT_EXPECT_EQ(test, fx->fake.nr_out, 0U);
}

/* Frames of the slabs that have an object in @obj: what is not to be had without moving one. */
static unsigned int frames_of(struct fixture *fx, const struct kmemx_cache *cache, void **obj,
			      unsigned int nr)
{
	DECLARE_BITMAP(used, FAKE_BLOCKS) = { 0 };
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (obj[i])
			__set_bit(fake_page_ops.id_of(&fx->fake, obj[i]) >> KMEMX_SLAB_MAX_ORDER,
				  used);
	return (unsigned int)bitmap_weight(used, FAKE_BLOCKS) << cache->layout.order;
}

/* Nine tenths go, at random, and no slab stays that is without an object. */
static void cache_shrink_leaves_slabs_in_use_only(struct kunit *test)
{
	static const u32 sizes[] = { 8, 24, 64, 256, 896, 1024, 4096, 8192 };
	unsigned int nr = 200, k, i, nr_live;
	void **obj = kunit_kcalloc(test, nr, sizeof(*obj), GFP_KERNEL);
	struct fixture *fx = test->priv;
	struct rnd rnd = { .state = TEST_SEED };
	struct kmemx_cache_usage usage;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (k = 0; k < ARRAY_SIZE(sizes); k++) {
		struct kmemx_cache *cache = make(fx, "shrunk", sizes[k], 0, NULL);

		KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
		for (i = 0; i < nr; i++) {
			obj[i] = kmemx_cache_take(cache, 0);
			KUNIT_ASSERT_NOT_ERR_OR_NULL(test, obj[i]);
		}
		for (nr_live = nr; nr_live > nr / 10;) {
			i = (unsigned int)rnd_below(&rnd, nr);
			if (!obj[i])
				continue;
			put(fx, obj[i], cache);
			obj[i] = NULL;
			nr_live--;
		}
		kmemx_cache_drain(cache);
		kmemx_cache_retire(cache);
		kmemx_cache_usage(cache, &usage);
		KUNIT_EXPECT_EQ(test, usage.nr_slabs << cache->layout.order,
				(unsigned long)frames_of(fx, cache, obj, nr));
		for (i = 0; i < nr; i++)
			if (obj[i])
				put(fx, obj[i], cache);
		KUNIT_EXPECT_EQ(test, kmemx_cache_delete(cache), 0);
	}
}

/* The reaper wakes no CPU that has nothing to do: so it is on this one, */
static void start_reaper(struct fixture *fx, struct kmemx_reaper *reaper)
{
	migrate_disable();
	kmemx_reaper_start(reaper, &fx->depot, NULL, NULL);
}

/* which is found at work by a tick. */
static void let_reaper_run(void)
{
	msleep(20);
	mdelay(jiffies_to_msecs(1) + 1);
}

static void stop_reaper(struct kmemx_reaper *reaper)
{
	kmemx_reaper_stop(reaper);
	migrate_enable();
}

/* With slabs that are empty. */
static struct kmemx_reaper *begin_to_reap(struct kunit *test, struct kmemx_cache *cache)
{
	void **obj = kunit_kcalloc(test, NR_SLABS * 8, sizeof(*obj), GFP_KERNEL);
	struct kmemx_reaper *reaper = kunit_kzalloc(test, sizeof(*reaper), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	/* Not on the stack, which work that is to be found by debugobjects must not be. */
	KUNIT_ASSERT_NOT_NULL(test, reaper);
	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	leave_slabs_empty(test, cache, obj);
	start_reaper(test->priv, reaper);
	return reaper;
}

static void expect_reaped(struct kunit *test, struct kmemx_reaper *reaper,
			  struct kmemx_cache *cache)
{
	struct fixture *fx = test->priv;
	unsigned int i;

	for (i = 0; i < 1000 && READ_ONCE(fx->fake.nr_out) > 4; i++)
		let_reaper_run();
	stop_reaper(reaper);
	KUNIT_EXPECT_LE(test, fx->fake.nr_out, 4U);
	expect_sound(test, cache);
	KUNIT_EXPECT_EQ(test, kmemx_cache_delete(cache), 0);
}

static void cache_reaper_gives_empty_slabs_back(struct kunit *test)
{
	struct kmemx_cache *cache = make_shallow(test->priv, 512);

	expect_reaped(test, begin_to_reap(test, cache), cache);
}

static struct kmemx_cache *make_typesafe(struct fixture *fx)
{
	struct kmemx_cache_spec spec = {
		.name = "typesafe", .size = 512, .is_typesafe = true, .magazine = KMEMX_FRONT_NONE,
	};

	return kmemx_cache_new(&fx->depot, &spec);
}

/* Once they have ended, and once more when readers must have come to an end. */
static void cache_reaper_gives_typesafe_slabs_back(struct kunit *test)
{
	struct kmemx_cache *cache = make_typesafe(test->priv);

	expect_reaped(test, begin_to_reap(test, cache), cache);
}

static bool is_reading;

static int read_for_long(void *unused)
{
	unsigned long end = jiffies + 10 * HZ;

	rcu_read_lock();
	WRITE_ONCE(is_reading, true);
	/* Not for ever, wherever it runs. */
	while (!kthread_should_stop() && time_before(jiffies, end))
		cpu_relax();
	rcu_read_unlock();
	while (!kthread_should_stop())
		msleep(20);
	return 0;
}

/* A reader on another CPU: one that no preemption ends keeps this one from all else. */
static struct task_struct *start_reader(struct kunit *test)
{
	unsigned int cpu = cpumask_any_but(cpu_online_mask, (unsigned int)raw_smp_processor_id());
	struct task_struct *task;

	is_reading = false;
	task = kthread_create(read_for_long, NULL, "kmemx_reader");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	kthread_bind(task, cpu);
	wake_up_process(task);
	while (!READ_ONCE(is_reading))
		msleep(20);
	return task;
}

static void cache_reaper_waits_for_readers(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_cache *cache = make_typesafe(fx);
	struct kmemx_reaper *reaper;
	struct task_struct *reader;
	unsigned long nr_waiting;
	unsigned int i;

	if (num_online_cpus() == 1) {
		KUNIT_EXPECT_EQ(test, kmemx_cache_delete(cache), 0);
		kunit_skip(test, "there is no other CPU on which one could read");
	}
	/* On another CPU than that of the reaper, which is this one. */
	migrate_disable();
	reader = start_reader(test);
	reaper = begin_to_reap(test, cache);
	migrate_enable();
	for (i = 0; i < 200 && !READ_ONCE(cache->nr_waiting); i++)
		let_reaper_run();
	/* When all have ended. */
	mutex_lock(&fx->depot.lock);
	nr_waiting = cache->nr_waiting;
	mutex_unlock(&fx->depot.lock);
	KUNIT_EXPECT_GT(test, nr_waiting, 0UL);
	/* It is asked every 50 ms whether a grace period has passed. */
	for (i = 0; i < 20; i++)
		let_reaper_run();
	KUNIT_EXPECT_EQ(test, READ_ONCE(cache->nr_waiting), nr_waiting);
	kthread_stop(reader);
	expect_reaped(test, reaper, cache);
}

static void cache_reaper_comes_by_the_exchange(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_reaper *reaper = kunit_kzalloc(test, sizeof(*reaper), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, reaper);
	migrate_disable();
	leave_for_others(test, fx->cache->exchange->size);
	migrate_enable();
	KUNIT_ASSERT_GT(test, kmemx_exchange_nr(fx->cache), 0U);
	start_reaper(fx, reaper);
	for (i = 0; i < 1000 && kmemx_exchange_nr(fx->cache); i++)
		let_reaper_run();
	stop_reaper(reaper);
	KUNIT_EXPECT_EQ(test, kmemx_exchange_nr(fx->cache), 0U);
	kmemx_cache_visit_live(fx->cache, put_visited, test);
	expect_sound(test, fx->cache);
}

static void cache_dead_cpu_loses_nothing(struct kunit *test)
{
	struct fixture *fx = test->priv;
	s64 room = room_of_all(&fx->depot);
	struct kmemx_cache_usage usage;
	unsigned int cpu;
	void *obj;

	obj = kmemx_cache_take(fx->cache, 0);
	put(fx, obj, fx->cache);
	kmemx_cache_usage(fx->cache, &usage);
	KUNIT_EXPECT_GT(test, usage.nr_front, 0UL);
	KUNIT_EXPECT_LT(test, room_of_all(&fx->depot), room);
	/* As if each CPU had gone; nobody else uses this cache. */
	for_each_possible_cpu(cpu)
		kmemx_cache_drain_dead(fx->cache, cpu);
	kmemx_cache_usage(fx->cache, &usage);
	KUNIT_EXPECT_EQ(test, usage.nr_front, 0UL);
	KUNIT_EXPECT_EQ(test, room_of_all(&fx->depot), room);
	expect_sound(test, fx->cache);
}

#define LIVE	64
#define STEPS	20000

struct shared {
	struct fixture *fx;
	void *swap[LIVE];	/* Objects in passing: freed by whoever picks them up. */
	atomic_t nr_wrong;
};

/* Allocate, stamp, swap with another thread's, check the stamp, free. */
static void churn(void *arg, unsigned int thread)
{
	struct shared *shared = arg;
	struct rnd rnd = { .state = TEST_SEED * (thread + 1) };
	unsigned int step;

	for (step = 0; step < STEPS; step++) {
		unsigned long *obj = kmemx_cache_take(shared->fx->cache, thread);

		if (IS_ERR(obj)) {
			obj = NULL;
		} else {
			obj[0] = (unsigned long)obj;
			obj[11] = ~(unsigned long)obj;
		}
		obj = xchg(&shared->swap[rnd_below(&rnd, LIVE)], obj);
		if (!obj)
			continue;
		if (obj[0] != (unsigned long)obj || obj[11] != ~(unsigned long)obj)
			atomic_inc(&shared->nr_wrong);
		if (put(shared->fx, obj, shared->fx->cache))
			atomic_inc(&shared->nr_wrong);
		if (!(step % 256))
			test_breathe();
	}
}

static void cache_threads_and_cross_frees(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct shared *shared = kunit_kzalloc(test, sizeof(*shared), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, shared);
	shared->fx = fx;
	test_run_threads(test, churn, shared);
	KUNIT_EXPECT_EQ(test, atomic_read(&shared->nr_wrong), 0);
	for (i = 0; i < LIVE; i++)
		if (shared->swap[i])
			KUNIT_EXPECT_EQ(test, put(fx, shared->swap[i], fx->cache), KMEMX_FREE_OK);
	expect_sound(test, fx->cache);
}

/* ---- A random walk ------------------------------------------------------ */

#define WALK_LIVE	300U
#define WALK_STEPS	1200U
#define WALK_SHEAF	40U

/**
 * struct walk - what a cache is to be like, whatever is done to it
 * @cache: the cache
 * @sheaf: made of it, with room for WALK_SHEAF
 * @rnd: what is done
 * @obj: what is live
 * @serial: of each, which allocation it was: what it begins with, and is full of
 * @nr: how many there are
 * @nr_alloc: how many ever were allocated
 */
struct walk {
	struct kmemx_cache *cache;
	struct kmemx_sheaf *sheaf;
	struct rnd rnd;
	void *obj[WALK_LIVE];
	u64 serial[WALK_LIVE];
	unsigned int nr;
	u64 nr_alloc;
};

/* If somebody else has it, or a byte of it, that one's is not as it was. */
static void walk_add(struct kunit *test, struct walk *walk, void *obj)
{
	u64 serial = ++walk->nr_alloc;

	KUNIT_ASSERT_TRUE(test, IS_ALIGNED((unsigned long)obj, walk->cache->layout.align));
	*(u64 *)obj = serial;
	memset(obj + sizeof(u64), (u8)serial, walk->cache->layout.size - sizeof(u64));
	walk->obj[walk->nr] = obj;
	walk->serial[walk->nr] = serial;
	walk->nr++;
}

static bool walk_is_kept(const struct walk *walk, unsigned int i)
{
	const void *obj = walk->obj[i];
	u64 serial = walk->serial[i];

	return *(const u64 *)obj == serial &&
		!memchr_inv(obj + sizeof(u64), (u8)serial,
			    walk->cache->layout.size - sizeof(u64));
}

/* Any of them is live no more, as far as the oracle goes. */
static void *walk_remove(struct kunit *test, struct walk *walk)
{
	unsigned int i = rnd_below(&walk->rnd, walk->nr);
	void *obj = walk->obj[i];

	KUNIT_EXPECT_TRUE(test, walk_is_kept(walk, i));
	walk->nr--;
	walk->obj[i] = walk->obj[walk->nr];
	walk->serial[i] = walk->serial[walk->nr];
	return obj;
}

static unsigned long nr_in_fronts(const struct kmemx_cache *cache)
{
	unsigned long nr = 0;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		nr += kmemx_cache_nr_front(cache, cpu);
	return nr;
}

/* What each has is what the cache says, and the source. */
static void walk_compare(struct kunit *test, struct walk *walk)
{
	struct fixture *fx = test->priv;
	struct kmemx_cache_counts counts;
	struct kmemx_cache_usage usage;
	unsigned int i;

	for (i = 0; i < walk->nr; i++)
		KUNIT_ASSERT_TRUE(test, walk_is_kept(walk, i));
	expect_sound(test, walk->cache);
	kmemx_cache_usage(walk->cache, &usage);
	kmemx_cache_counts(walk->cache, &counts);
	KUNIT_ASSERT_EQ(test, usage.nr_live, (unsigned long)walk->nr);
	KUNIT_ASSERT_EQ(test, usage.nr_front - nr_in_fronts(walk->cache),
			(unsigned long)walk->sheaf->nr + kmemx_exchange_nr(walk->cache));
	KUNIT_ASSERT_EQ(test, usage.nr_slabs, (unsigned long)fx->fake.nr_out);
	KUNIT_ASSERT_EQ(test, counts.nr_alloc, walk->nr_alloc);
	KUNIT_ASSERT_EQ(test, counts.nr_alloc - counts.nr_free, (u64)walk->nr);
}

/* There was none, so there is none: neither in a slab, nor in a front, nor in the source. */
static void walk_found_none(struct kunit *test, struct walk *walk)
{
	struct fixture *fx = test->priv;
	struct kmemx_cache_usage usage;

	kmemx_cache_usage(walk->cache, &usage);
	KUNIT_ASSERT_EQ(test, usage.nr_free, 0UL);
	KUNIT_ASSERT_EQ(test, nr_in_fronts(walk->cache), 0UL);
	KUNIT_ASSERT_EQ(test, kmemx_exchange_nr(walk->cache), 0U);
	KUNIT_ASSERT_EQ(test, fx->fake.nr_allowed, 0U);
}

static void walk_take(struct kunit *test, struct walk *walk, unsigned int nr)
{
	void *obj;

	for (; nr && walk->nr < WALK_LIVE; nr--) {
		obj = rnd_below(&walk->rnd, 2) ? pop(walk->cache) : NULL;
		if (!obj)
			obj = kmemx_cache_take(walk->cache, 0);
		if (IS_ERR(obj)) {
			walk_found_none(test, walk);
			return;
		}
		walk_add(test, walk, obj);
	}
}

static void walk_put(struct kunit *test, struct walk *walk, unsigned int nr)
{
	struct fixture *fx = test->priv;

	for (; nr && walk->nr; nr--) {
		void *obj = walk_remove(test, walk);

		if (rnd_below(&walk->rnd, 2) && push(fx, obj, walk->cache))
			continue;
		KUNIT_ASSERT_EQ(test, put(fx, obj, walk->cache), KMEMX_FREE_OK);
		if (!rnd_below(&walk->rnd, 8))
			KUNIT_ASSERT_EQ(test, put(fx, obj, walk->cache), KMEMX_FREE_DOUBLE);
	}
}

/* What the front has. */
static void walk_pop_bulk(struct kunit *test, struct walk *walk, unsigned int nr)
{
	unsigned int had = (unsigned int)nr_in_fronts(walk->cache), i;
	void *obj[WALK_SHEAF];

	nr = min3(nr, WALK_SHEAF, WALK_LIVE - walk->nr);
	KUNIT_ASSERT_EQ(test, kmemx_cache_pop_bulk(walk->cache, nr, obj), min(nr, had));
	for (i = 0; i < min(nr, had); i++)
		walk_add(test, walk, obj[i]);
}

/* As it is the only source, what it has is known without asking. */
static struct fake_pages *walk_source;

static const struct kmemx_slab *walk_slab_at(const void *addr)
{
	struct kmemx_depot *depot = &container_of(walk_source, struct fixture, fake)->depot;

	return &depot->slab[fake_page_ops.id_of(walk_source, addr)];
}

/* As many as the front has room for; the others take the long way. */
static void walk_push_bulk(struct kunit *test, struct walk *walk, unsigned int nr)
{
	struct fixture *fx = test->priv;
	unsigned int left, i;
	void *obj[WALK_SHEAF];

	nr = min3(nr, WALK_SHEAF, walk->nr);
	for (i = 0; i < nr; i++)
		obj[i] = walk_remove(test, walk);
	left = kmemx_cache_push_bulk(walk->cache, nr, obj, walk_slab_at);
	KUNIT_ASSERT_LE(test, left, nr);
	for (i = 0; i < left; i++)
		KUNIT_ASSERT_EQ(test, put(fx, obj[i], walk->cache), KMEMX_FREE_OK);
}

static void walk_fill_sheaf(struct kunit *test, struct walk *walk)
{
	unsigned int want = rnd_below(&walk->rnd, WALK_SHEAF + 1), had = walk->sheaf->nr;
	bool is_filled = !kmemx_sheaf_fill(walk->sheaf, want);

	KUNIT_ASSERT_EQ(test, walk->sheaf->nr, is_filled ? max(want, had) : had);
	KUNIT_ASSERT_TRUE(test, is_filled || want > had);
}

/* One that is in it is free, until it is issued. */
static void walk_pop_sheaf(struct kunit *test, struct walk *walk, unsigned int nr)
{
	struct fixture *fx = test->priv;
	unsigned int had;
	void *obj;

	for (; nr && walk->nr < WALK_LIVE; nr--) {
		had = walk->sheaf->nr;
		if (had)
			KUNIT_ASSERT_EQ(test, put(fx, walk->sheaf->slot[0].obj, walk->cache),
					KMEMX_FREE_DOUBLE);
		obj = kmemx_sheaf_pop(walk->sheaf, 0);
		KUNIT_ASSERT_EQ(test, !!obj, !!had);
		if (!obj)
			return;
		KUNIT_ASSERT_EQ(test, walk->sheaf->nr, had - 1);
		walk_add(test, walk, obj);
	}
}

static void walk_new_sheaf(struct kunit *test, struct walk *walk)
{
	if (walk->sheaf)
		kmemx_sheaf_free(walk->sheaf);
	walk->sheaf = kmemx_sheaf_new(walk->cache, WALK_SHEAF, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, walk->sheaf);
}

/* As many blocks as the source has left, or fewer. */
static void walk_limit(struct kunit *test, struct walk *walk)
{
	struct fixture *fx = test->priv;

	fx->fake.nr_allowed = rnd_below(&walk->rnd, 4) ?
		(FAKE_BLOCKS - fx->fake.nr_out) / 2 : rnd_below(&walk->rnd, 4);
}

/* Nothing that is empty is left. */
static void walk_shrink(struct kunit *test, struct walk *walk)
{
	struct fixture *fx = test->priv;
	unsigned int nr_out;

	kmemx_cache_drain(walk->cache);
	KUNIT_ASSERT_EQ(test, nr_in_fronts(walk->cache), 0UL);
	KUNIT_ASSERT_EQ(test, kmemx_exchange_nr(walk->cache), 0U);
	nr_out = fx->fake.nr_out;
	KUNIT_ASSERT_EQ(test, kmemx_cache_retire(walk->cache),
			(unsigned long)(nr_out - fx->fake.nr_out) << walk->cache->layout.order);
	if (!walk->nr && !walk->sheaf->nr)
		KUNIT_ASSERT_EQ(test, fx->fake.nr_out, 0U);
}

static void walk_step(struct kunit *test, struct walk *walk)
{
	struct fixture *fx = test->priv;
	/* Now and then all, or until there is no more. */
	unsigned int nr = rnd_below(&walk->rnd, rnd_below(&walk->rnd, 16) ? 24 : WALK_LIVE + 1);

	switch (rnd_below(&walk->rnd, 16)) {
	case 0 ... 3:
		walk_take(test, walk, nr);
		break;
	case 4 ... 7:
		walk_put(test, walk, nr);
		break;
	case 8:
		walk_pop_bulk(test, walk, nr);
		break;
	case 9:
	case 10:
		walk_push_bulk(test, walk, nr);
		break;
	case 11:
		walk_fill_sheaf(test, walk);
		break;
	case 12:
		walk_pop_sheaf(test, walk, nr);
		break;
	case 13:
		walk_limit(test, walk);
		break;
	case 14:
		kmemx_cache_trim_some(&fx->depot);
		break;
	default:
		switch (rnd_below(&walk->rnd, 4)) {
		case 0:
			kmemx_cache_drain(walk->cache);
			break;
		case 1:
			kmemx_cache_trim(&fx->depot);
			break;
		case 2:
			walk_new_sheaf(test, walk);
			break;
		default:
			walk_shrink(test, walk);
		}
	}
}

/* Of all that may be done to a cache, anything, in any order, and the oracle always agrees. */
static void cache_random_walk(struct kunit *test)
{
	static const struct kmemx_cache_spec specs[] = {
		{ .name = "walk-8", .size = 8 },
		{ .name = "walk-100", .size = 100, .magazine = KMEMX_EXCHANGE_CAP },
		{ .name = "walk-700", .size = 700, .align = 64 },
		{ .name = "walk-bare", .size = 256, .magazine = KMEMX_FRONT_NONE },
		{ .name = "walk-typesafe", .size = 500, .is_typesafe = true },
	};
	struct fixture *fx = test->priv;
	struct walk *walk = kunit_kzalloc(test, sizeof(*walk), GFP_KERNEL);
	unsigned int k, step;

	KUNIT_ASSERT_NOT_NULL(test, walk);
	walk->rnd = rnd_start(test);
	walk_source = &fx->fake;
	for (k = 0; k < ARRAY_SIZE(specs); k++) {
		walk->cache = kmemx_cache_new(&fx->depot, &specs[k]);
		KUNIT_ASSERT_FALSE(test, IS_ERR(walk->cache));
		walk->nr_alloc = 0;
		walk_new_sheaf(test, walk);
		/* So that there is one front. */
		migrate_disable();
		for (step = 0; step < WALK_STEPS; step++) {
			walk_step(test, walk);
			if (!(step % 64))
				walk_compare(test, walk);
		}
		migrate_enable();
		walk_put(test, walk, walk->nr);
		walk_compare(test, walk);
		kmemx_sheaf_free(walk->sheaf);
		walk->sheaf = NULL;
		KUNIT_ASSERT_EQ(test, kmemx_cache_delete(walk->cache), 0);
		KUNIT_ASSERT_EQ(test, fx->fake.nr_out, 0U);
		fx->fake.nr_allowed = FAKE_BLOCKS;
	}
}

static struct kunit_case cache_cases[] = {
	KUNIT_CASE(cache_objects_do_not_overlap),
	KUNIT_CASE(cache_constructor_runs_once_per_object),
	KUNIT_CASE(cache_bad_frees_change_nothing),
	KUNIT_CASE(cache_counts_refills_and_slabs),
	KUNIT_CASE(cache_usage_of_all_is_that_of_each),
	KUNIT_CASE(cache_watchers_see_caches_come_and_go),
	KUNIT_CASE(cache_gives_empty_slabs_back),
	KUNIT_CASE(cache_fuller_slabs_go_first),
	KUNIT_CASE(cache_survives_a_source_that_fails),
	KUNIT_CASE(cache_says_that_its_source_is_busy),
	KUNIT_CASE(cache_delete_keeps_live_objects),
	KUNIT_CASE(cache_remembers_call_sites),
	KUNIT_CASE(cache_refuses_what_cannot_be),
	KUNIT_CASE(cache_works_past_a_busy_front),
	KUNIT_CASE(cache_fronts_share_their_room),
	KUNIT_CASE(cache_full_front_gives_neighbours_back_together),
	KUNIT_CASE(cache_exchange_hands_batches_over),
	KUNIT_CASE(cache_exchange_keeps_the_order),
	KUNIT_CASE(cache_exchange_knows_objects_by_number),
	KUNIT_CASE(cache_exchange_is_for_who_asks),
	KUNIT_CASE(cache_exchange_is_reaped),
	KUNIT_CASE(cache_exchange_has_a_bound),
	KUNIT_CASE(cache_exchange_is_for_who_has_no_front),
	KUNIT_CASE(cache_exchange_gives_no_more_than_was_granted),
	KUNIT_CASE(cache_frees_leave_slabs_empty),
	KUNIT_CASE(cache_trim_ends_no_typesafe_slab),
	KUNIT_CASE(cache_typesafe_slabs_outlive_readers),
	KUNIT_CASE(cache_typesafe_slabs_wait_to_be_given_back),
	KUNIT_CASE(cache_trim_keeps_a_slab),
	KUNIT_CASE(cache_shrink_leaves_slabs_in_use_only),
	KUNIT_CASE(cache_reaper_gives_empty_slabs_back),
	KUNIT_CASE(cache_reaper_gives_typesafe_slabs_back),
	KUNIT_CASE(cache_reaper_waits_for_readers),
	KUNIT_CASE(cache_reaper_comes_by_the_exchange),
	KUNIT_CASE(cache_dead_cpu_loses_nothing),
	KUNIT_CASE(cache_threads_and_cross_frees),
	KUNIT_CASE(cache_random_walk),
	{}
};

static struct kunit_suite cache_suite = {
	.name = "kmemx_cache",
	.init = cache_fixture_init,
	.exit = cache_fixture_exit,
	.test_cases = cache_cases,
};

kunit_test_suites(&cache_suite);
