// SPDX-License-Identifier: GPL-2.0
/*
 * Caches: how one is made, and how it ends; see cache.h.
 *
 * Locking: depot->lock, which is taken here, for the table of caches.
 */
#include <linux/cpu.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "observe/stat.h"
#include "slab/cache.h"
#include "slab/exchange.h"
#include "slab/partial.h"
#include "slab/usage.h"

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
	kmemx_exchange_free(cache);
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
	cache->is_for_dma = spec->is_for_dma;
	cache->useroffset = spec->useroffset;
	cache->usersize = spec->usersize;
	cache->partial_mem = vzalloc(kmemx_cache_nr_summaries(spec->is_typesafe) * bytes);
	if (!cache->partial_mem)
		return -ENOMEM;
	for (k = 0; k < KMEMX_NR_PARTIAL; k++)
		kmemx_summary_init(&cache->partial[k], cache->partial_mem + k * bytes,
				   depot->nr_ids);
	if (spec->is_typesafe)
		kmemx_summary_init(&cache->ended, cache->partial_mem + k * bytes, depot->nr_ids);
	ret = kmemx_cache_make_fronts(cache, spec) ?: kmemx_exchange_make(cache);
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

static bool is_code_of(const struct module *mod, void (*fn)(void *obj))
{
	return fn && within_module((unsigned long)fn, mod);
}

/**
 * kmemx_cache_forget_code() - call no constructor or destructor of a module any more
 * @depot: the depot
 * @mod: the module, past its exit; its code is still there
 *
 * For a cache that it has not destroyed, or that was kept as objects were live. Slabs that are
 * empty go, while their objects can still be destroyed.
 *
 * Context: may sleep.
 */
void kmemx_cache_forget_code(struct kmemx_depot *depot, const struct module *mod)
{
	struct kmemx_cache *cache;
	bool any = false;
	unsigned int i = 0;

	/* No CPU may leave with a full front meanwhile. */
	cpus_read_lock();
	mutex_lock(&depot->lock);
	while ((cache = kmemx_depot_next(depot, &i))) {
		if (!is_code_of(mod, cache->ctor) && !is_code_of(mod, cache->dtor))
			continue;
		kmemx_cache_drain(cache);
		kmemx_cache_retire(cache);
		WRITE_ONCE(cache->ctor, NULL);
		WRITE_ONCE(cache->dtor, NULL);
		any = true;
	}
	mutex_unlock(&depot->lock);
	cpus_read_unlock();
	/* Somebody short of frames may be half-way with a slab, with preemption off. */
	if (any)
		synchronize_rcu();
}

/**
 * kmemx_cache_reclaim() - give back what the caches of a depot do not need
 * @depot: the depot
 *
 * Empties their fronts, and gives back every slab that is empty.
 *
 * Context: may sleep, with depot->lock held; for one RCU grace period if slabs of typesafe caches
 * were empty.
 */
void kmemx_cache_reclaim(struct kmemx_depot *depot)
{
	struct kmemx_cache *cache;
	bool is_any_waiting = false;
	unsigned int i = 0;

	while ((cache = kmemx_depot_next(depot, &i))) {
		kmemx_cache_drain(cache);
		kmemx_cache_end_empty(cache, true);
		is_any_waiting |= cache->nr_waiting;
	}
	if (!is_any_waiting)
		return;
	synchronize_rcu();
	for (i = 0; (cache = kmemx_depot_next(depot, &i)); )
		kmemx_cache_give_ended(cache);
}

/**
 * kmemx_cache_close() - let go of all that a cache holds
 * @cache: the cache; nobody allocates from it any more
 *
 * Empties its fronts, and gives its slabs back.
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
	/*
	 * Somebody short of frames may be half-way with a slab of it, with preemption off, or with
	 * the summary that says where it is.
	 */
	if (atomic64_read(&cache->nr_slabs)) {
		synchronize_rcu();
		kmemx_cache_retire(cache);
	}
	is_busy = atomic64_read(&cache->nr_slabs);
	mutex_unlock(&cache->depot->lock);
	cpus_read_unlock();
	return is_busy ? -EBUSY : 0;
}

/**
 * kmemx_cache_delete() - destroy a cache that has no live objects
 * @cache: the cache; nobody allocates from it any more
 *
 * Context: may sleep.
 * Return: 0, or -EBUSY if objects are live: the cache then stays, with its fronts empty.
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
