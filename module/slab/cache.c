// SPDX-License-Identifier: GPL-2.0
/*
 * Caches: the way of an object from its slab through a front to a user and
 * back; see cache.h, front.h and slab.h.
 *
 * Locking: none on the way of an object. depot->lock is held by those who make,
 * destroy or walk caches.
 */
#include <linux/cpu.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/topology.h>
#include <linux/vmalloc.h>

#include <kmemx/busy.h>

#include "observe/report.h"
#include "observe/stat.h"
#include "slab/cache.h"
#include "slab/partial.h"

/**
 * kmemx_cache_is_live() - does a user hold this object?
 * @cache: the cache that owns the slab
 * @id: a frame of the slab
 * @obj: an address in the slab
 *
 * Return: true if a live object starts there.
 */
bool kmemx_cache_is_live(const struct kmemx_cache *cache, u32 id, const void *obj)
{
	u8 *status;

	return kmemx_slab_find(kmemx_cache_slab_at(cache, id), &cache->layout, obj, &status) &&
		READ_ONCE(*status) == KMEMX_OBJECT_LIVE;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_is_live);

/* ---- Caches ------------------------------------------------------------ */

static int register_cache(struct kmemx_cache *cache)
{
	struct kmemx_depot *depot = cache->depot;
	struct kmemx_cache *other;
	unsigned int i = 0, slot = 0;
	int ret = -ENOSPC;

	mutex_lock(&depot->lock);
	while ((other = kmemx_depot_next(depot, &i))) {
		if (!strcmp(other->name, cache->name)) {
			ret = -EEXIST;
			goto out;
		}
	}
	for (i = 1; i < KMEMX_CACHES_MAX && !slot; i++)
		if (!depot->cache[i])
			slot = i;
	if (slot) {
		cache->number = slot;
		WRITE_ONCE(depot->cache[slot], cache);
		ret = 0;
	}
out:
	mutex_unlock(&depot->lock);
	return ret;
}

/* Accepts a half-built cache that is not registered (any more). */
static void free_cache(struct kmemx_cache *cache)
{
	kmemx_cache_free_fronts(cache);
	vfree(cache->partial_mem);
	kfree(cache);
}

static int build(struct kmemx_cache *cache, const struct kmemx_cache_spec *spec)
{
	struct kmemx_depot *depot = cache->depot;
	size_t bytes = kmemx_summary_bytes(depot->nr_ids);
	unsigned int k;
	int ret;

	if (strscpy(cache->name, spec->name, sizeof(cache->name)) < 0)
		return -EINVAL;
	ret = kmemx_layout_init(&cache->layout, spec->size, spec->align, depot->track,
				PAGE_SIZE);
	if (ret)
		return ret;
	cache->ctor = spec->ctor;
	cache->dtor = spec->dtor;
	cache->is_typesafe = spec->is_typesafe;
	cache->is_hwcache_aligned = spec->is_hwcache_aligned;
	cache->usersize = spec->usersize;
	cache->partial_mem = vzalloc(KMEMX_NR_PARTIAL * bytes);
	if (!cache->partial_mem)
		return -ENOMEM;
	for (k = 0; k < KMEMX_NR_PARTIAL; k++)
		kmemx_summary_init(&cache->partial[k], cache->partial_mem + k * bytes,
				   depot->nr_ids);
	ret = kmemx_cache_make_fronts(cache, spec);
	if (ret)
		return ret;
	return register_cache(cache);
}

/**
 * kmemx_cache_new() - make a cache
 * @depot: the depot
 * @spec: what it is to be
 *
 * Context: may sleep.
 * Return: the cache, or an ERR_PTR: -EINVAL for a size, an alignment or a name
 * out of range, -EEXIST for a name that is taken, -ENOSPC if there are
 * KMEMX_CACHES_MAX - 1 caches, -ENOMEM.
 */
struct kmemx_cache *kmemx_cache_new(struct kmemx_depot *depot,
				    const struct kmemx_cache_spec *spec)
{
	struct kmemx_cache *cache;
	int ret;

	cache = kzalloc(sizeof(*cache), GFP_KERNEL);
	if (!cache)
		return ERR_PTR(-ENOMEM);
	cache->depot = depot;
	ret = build(cache, spec);
	if (ret) {
		free_cache(cache);
		return ERR_PTR(ret);
	}
	if (depot->watch)
		depot->watch->made(cache);
	return cache;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_new);

/**
 * kmemx_cache_forget() - free a cache's metadata, whatever is live
 * @cache: the cache; nobody will use it, or free an object of it, ever again, and
 *	   a grace period has passed since its last slab went
 *
 * No state word names the cache any more, but who read one before may still look at the
 * cache, or compare with its number, which is free for another only after that.
 *
 * Context: may sleep.
 */
void kmemx_cache_forget(struct kmemx_cache *cache)
{
	struct kmemx_depot *depot = cache->depot;
	struct kmemx_cache_counts counts;

	if (depot->watch)
		depot->watch->goes(cache);
	kmemx_cache_counts(cache, &counts);
	mutex_lock(&depot->lock);
	WRITE_ONCE(depot->cache[cache->number], NULL);
	/* Who sums up holds the lock: it is counted here or there. */
	kmemx_stat_add(KMEMX_STAT_ALLOC, (s64)counts.nr_alloc);
	kmemx_stat_add(KMEMX_STAT_FREE, (s64)counts.nr_free);
	kmemx_stat_add(KMEMX_STAT_USED_BYTES,
		       (s64)(counts.nr_alloc - counts.nr_free) * cache->layout.stride);
	mutex_unlock(&depot->lock);
	free_cache(cache);
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_forget);

/**
 * kmemx_cache_close() - let go of all that a cache holds
 * @cache: the cache; nobody allocates from it any more
 *
 * Empties its fronts, gives its slabs back, and marks it dying.
 *
 * Context: may sleep.
 * Return: 0, and kmemx_cache_forget() may follow after a grace period; or -EBUSY if
 * objects are live.
 */
int kmemx_cache_close(struct kmemx_cache *cache)
{
	bool is_busy;

	/* No CPU may leave with a full front, and no reclaim be half-way, meanwhile. */
	cpus_read_lock();
	mutex_lock(&cache->depot->lock);
	kmemx_cache_drain(cache);
	kmemx_cache_retire(cache);
	cache->is_dying = true;
	/* Somebody short of frames may be half-way with a slab of it, with preemption off. */
	if (atomic64_read(&cache->nr_slabs))
		synchronize_rcu();
	is_busy = atomic64_read(&cache->nr_slabs);
	mutex_unlock(&cache->depot->lock);
	cpus_read_unlock();
	return is_busy ? -EBUSY : 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_close);

/**
 * kmemx_cache_delete() - destroy a cache that has no live objects
 * @cache: the cache; nobody allocates from it any more
 *
 * Context: may sleep.
 * Return: 0, or -EBUSY if objects are live: the cache then stays, marked dying,
 * with its fronts empty.
 */
int kmemx_cache_delete(struct kmemx_cache *cache)
{
	int ret = kmemx_cache_close(cache);

	if (ret)
		return ret;
	synchronize_rcu();
	kmemx_cache_forget(cache);
	return 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_delete);

/* How many ids a walk looks at before it lets others run. */
#define WALK_BATCH	4096

/* From @id on, find the cache's next slab. May sleep. */
static bool next_slab(const struct kmemx_cache *cache, u32 *id)
{
	for (; *id < cache->depot->nr_ids; ++*id) {
		if (!(*id % WALK_BATCH))
			cond_resched();
		if (kmemx_slab_cache(kmemx_cache_state_at(cache, *id)) == cache->number)
			return true;
	}
	return false;
}

/**
 * kmemx_cache_usage() - where are its objects?
 * @cache: the cache; it is not destroyed meanwhile
 * @usage: set to what a walk over the depot's slabs and the fronts finds
 *
 * Each number is counted at its own place, so at rest
 * nr_live + nr_front + nr_free = nr_objs.
 */
void kmemx_cache_usage(const struct kmemx_cache *cache, struct kmemx_cache_usage *usage)
{
	unsigned int cpu;
	u32 id;

	memset(usage, 0, sizeof(*usage));
	for_each_possible_cpu(cpu)
		usage->nr_front += kmemx_front_nr(per_cpu_ptr(cache->front, cpu)) +
			READ_ONCE(per_cpu_ptr(cache->front, cpu)->nr_sheaved);
	for (id = 0; next_slab(cache, &id); id++) {
		unsigned int nr_free = kmemx_slab_nr_free(kmemx_cache_state_at(cache, id));
		unsigned int nr_live = kmemx_slab_nr_live(kmemx_cache_slab_at(cache, id),
							  &cache->layout);

		usage->nr_slabs++;
		usage->nr_objs += cache->layout.nr_objs;
		usage->nr_free += nr_free;
		usage->nr_live += nr_live;
		usage->nr_partial += !!nr_free;
		usage->nr_partial_live += nr_free ? nr_live : 0;
	}
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_usage);

static bool visit(const struct kmemx_cache *cache, u32 id, unsigned int i,
		  kmemx_visit_fn fn, void *arg)
{
	const struct kmemx_slab *slab = kmemx_cache_slab_at(cache, id);
	unsigned long *track = kmemx_cache_track_word(cache, slab, i);
	void *obj = kmemx_slab_object(slab, &cache->layout, i);

	if (READ_ONCE(READ_ONCE(slab->status)[i]) != KMEMX_OBJECT_LIVE)
		return false;
	/* As in kmemx_cache_still_has(). */
	smp_rmb();
	if (kmemx_slab_cache(kmemx_cache_state_at(cache, id)) != cache->number)
		return false;
	fn(cache, obj, cache->layout.track ? READ_ONCE(*track) : 0, arg);
	return true;
}

/**
 * kmemx_cache_visit_live() - visit the objects that users hold
 * @cache: the cache; it is not destroyed meanwhile
 * @fn: called for each
 * @arg: passed to @fn
 *
 * Return: how many there are.
 */
unsigned long kmemx_cache_visit_live(const struct kmemx_cache *cache,
					kmemx_visit_fn fn, void *arg)
{
	unsigned long nr = 0;
	unsigned int i;
	u32 id;

	for (id = 0; next_slab(cache, &id); id++) {
		for (i = cache->layout.skip; i < cache->layout.nr_slots; i++)
			nr += visit(cache, id, i, fn, arg);
	}
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_visit_live);

/**
 * kmemx_cache_counts() - what has been allocated and freed
 * @cache: the cache; it is not destroyed meanwhile
 * @counts: set to the sums over possible, not online, CPUs: one that went offline keeps
 *	    what it counted
 */
void kmemx_cache_counts(const struct kmemx_cache *cache, struct kmemx_cache_counts *counts)
{
	unsigned int cpu;

	*counts = (struct kmemx_cache_counts){ 0 };
	for_each_possible_cpu(cpu) {
		const struct kmemx_front *front = per_cpu_ptr(cache->front, cpu);

		counts->nr_alloc += READ_ONCE(front->nr_alloc) + READ_ONCE(front->nr_past_alloc);
		counts->nr_free += READ_ONCE(front->nr_free) + READ_ONCE(front->nr_past_free);
	}
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_counts);

/**
 * kmemx_cache_meta_bytes() - memory outside the region that a cache costs
 * @cache: the cache
 *
 * Return: bytes of itself, its summary and its fronts.
 */
size_t kmemx_cache_meta_bytes(const struct kmemx_cache *cache)
{
	size_t front = sizeof(struct kmemx_front) + kmemx_front_bytes(cache->front_cap);

	return sizeof(*cache) + KMEMX_NR_PARTIAL * kmemx_summary_bytes(cache->depot->nr_ids) +
		num_possible_cpus() * front;
}

/**
 * kmemx_cache_check() - do slabs, summary and counts agree?
 * @cache: the cache, at rest
 *
 * Return: NULL, or what is wrong.
 */
const char *kmemx_cache_check(const struct kmemx_cache *cache)
{
	struct kmemx_cache_usage usage;
	unsigned int k;
	u32 id;

	for (id = 0; next_slab(cache, &id); id++) {
		const char *why = kmemx_slab_check(kmemx_cache_slab_at(cache, id), &cache->layout);

		if (why)
			return why;
		if (!kmemx_partial_check(cache, id))
			return "summary disagrees with its slab";
	}
	kmemx_cache_usage(cache, &usage);
	if (usage.nr_slabs != (unsigned long)atomic64_read(&cache->nr_slabs))
		return "count of slabs is wrong";
	if (usage.nr_live + usage.nr_front + usage.nr_free != usage.nr_objs)
		return "objects are missing";
	for (k = 0; k < KMEMX_NR_PARTIAL; k++)
		if (!kmemx_summary_check(&cache->partial[k]))
			return "summary levels disagree";
	return NULL;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_check);
