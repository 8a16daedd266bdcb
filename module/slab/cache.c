// SPDX-License-Identifier: GPL-2.0
/*
 * Caches: the way of an object from its slab through a front to a user and
 * back; see cache.h, front.h and slab.h.
 *
 * Locking: none on the way of an object. depot->lock is held by those who make,
 * destroy or walk caches.
 */
#include <linux/cpu.h>
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "slab/cache.h"

/* ---- Slabs of a cache -------------------------------------------------- */

static struct kmemx_slab slab_at(const struct kmemx_cache *cache, u32 id)
{
	return kmemx_depot_slab(cache->depot, id, &cache->layout);
}

static u64 state_at(const struct kmemx_cache *cache, u32 id)
{
	return (u64)atomic64_read(&cache->depot->state[id]);
}

static bool is_partial(const struct kmemx_cache *cache, u32 id)
{
	u64 state = state_at(cache, id);

	return kmemx_slab_cache(state) == cache->number && kmemx_slab_nr_free(state);
}

/*
 * Bring the summary's bit for a slab in line with the slab. Whoever changes
 * the slab after the last look here comes here itself.
 */
static void publish(struct kmemx_cache *cache, u32 id)
{
	bool partial = is_partial(cache, id);
	bool seen;

	do {
		seen = partial;
		if (seen && !kmemx_summary_test(&cache->partial, id))
			kmemx_summary_set(&cache->partial, id);
		else if (!seen && kmemx_summary_test(&cache->partial, id))
			kmemx_summary_clear(&cache->partial, id);
		partial = is_partial(cache, id);
	} while (partial != seen);
}

static void construct(const struct kmemx_cache *cache, struct kmemx_slab slab)
{
	unsigned int i;

	for (i = 0; i < cache->layout.nr_objs; i++)
		cache->ctor(kmemx_slab_object(slab, &cache->layout, i));
}

static bool grow(struct kmemx_cache *cache)
{
	struct kmemx_depot *depot = cache->depot;
	struct kmemx_slab slab;
	void *base;
	u32 id;

	base = depot->ops->alloc(depot->ctx, cache->layout.order, &id);
	if (!base)
		return false;
	kmemx_depot_set_base(depot, id, base);
	slab = slab_at(cache, id);
	if (cache->ctor) {
		if (want_init_on_alloc(0))
			memset(base, 0, PAGE_SIZE << cache->layout.order);
		construct(cache, slab);
	}
	atomic64_add(1, &cache->nr_slabs);
	kmemx_slab_init(slab, &cache->layout, cache->number);
	publish(cache, id);
	return true;
}

/* Give an empty slab's frames back, if it still is empty. */
static bool retire(struct kmemx_cache *cache, u32 id)
{
	struct kmemx_depot *depot = cache->depot;
	struct kmemx_slab slab = slab_at(cache, id);

	if (!kmemx_slab_retire(slab, &cache->layout, cache->number))
		return false;
	/* Before the frames: they may become a slab of this cache again. */
	publish(cache, id);
	atomic64_add(-1, &cache->nr_slabs);
	depot->ops->free(depot->ctx, kmemx_slab_base(slab), cache->layout.order);
	return true;
}

/* Does the cache have a slab with free objects other than this one? */
static bool has_other_partial(struct kmemx_cache *cache, u32 id)
{
	long first = kmemx_summary_find(&cache->partial, 0);

	if (first == id)
		first = kmemx_summary_find(&cache->partial, id + 1);
	return first >= 0;
}

/* Take up to @nr objects out of one slab, a new one if need be. */
static unsigned int take_from_slabs(struct kmemx_cache *cache, void **obj,
				    unsigned int nr)
{
	do {
		long id;

		for (id = kmemx_summary_find(&cache->partial, 0); id >= 0;
		     id = kmemx_summary_find(&cache->partial, (unsigned int)id + 1)) {
			unsigned int got = kmemx_slab_take(slab_at(cache, (u32)id),
							   &cache->layout,
							   cache->number, obj, nr);

			publish(cache, (u32)id);
			if (got)
				return got;
		}
	} while (grow(cache));
	return 0;
}

/*
 * Put an object back into its slab. A cache keeps one slab with free objects,
 * so that a pair of alloc and free does not make and retire one.
 */
static void give_to_slab(struct kmemx_cache *cache, const void *obj)
{
	u32 id = cache->depot->ops->id_of(cache->depot->ctx, obj);
	struct kmemx_slab slab = slab_at(cache, id);
	unsigned int i;

	kmemx_slab_index(slab, &cache->layout, obj, &i);
	if (kmemx_slab_give(slab, i) == cache->layout.nr_objs && has_other_partial(cache, id) &&
	    retire(cache, id))
		return;
	publish(cache, id);
}

/* ---- Fronts ------------------------------------------------------------ */

/* Give the @nr oldest objects of a front back; the front is the caller's. */
static void flush(struct kmemx_cache *cache, struct kmemx_front *front, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		give_to_slab(cache, front->obj[i]);
	front->nr -= nr;
	memmove(front->obj, front->obj + nr, front->nr * sizeof(*front->obj));
}

static void *pop(struct kmemx_cache *cache, struct kmemx_front *front)
{
	if (!front->nr)
		front->nr = take_from_slabs(cache, front->obj, max(cache->front_cap / 2, 1U));
	return front->nr ? front->obj[--front->nr] : NULL;
}

static void push(struct kmemx_cache *cache, struct kmemx_front *front, void *obj)
{
	if (front->nr >= cache->front_cap)
		flush(cache, front, (front->nr + 1) / 2);
	front->obj[front->nr++] = obj;
}

/* An object that is taken and not live, from the front or past it. */
static void *take(struct kmemx_cache *cache)
{
	struct kmemx_front *front;
	void *obj = NULL;

	preempt_disable();
	front = this_cpu_ptr(cache->front);
	if (cache->front_cap && kmemx_busy_enter(&front->busy)) {
		obj = pop(cache, front);
		kmemx_busy_leave(&front->busy);
	} else {
		take_from_slabs(cache, &obj, 1);
	}
	preempt_enable();
	return obj;
}

static void give(struct kmemx_cache *cache, void *obj)
{
	struct kmemx_front *front;

	preempt_disable();
	front = this_cpu_ptr(cache->front);
	if (cache->front_cap && kmemx_busy_enter(&front->busy)) {
		push(cache, front, obj);
		kmemx_busy_leave(&front->busy);
	} else {
		give_to_slab(cache, obj);
	}
	preempt_enable();
}

/* On the CPU of the front. */
static enum kmemx_emptied empty_front(void *ctx)
{
	struct kmemx_cache *cache = ctx;
	struct kmemx_front *front = this_cpu_ptr(cache->front);

	if (!kmemx_busy_enter(&front->busy))
		return KMEMX_EMPTY_BUSY;
	flush(cache, front, front->nr);
	kmemx_busy_leave(&front->busy);
	return KMEMX_EMPTY;
}

/**
 * kmemx_cache_drain() - empty the fronts of all CPUs
 * @cache: the cache
 *
 * Objects freed meanwhile may be in a front again on return.
 *
 * Context: may sleep.
 */
void kmemx_cache_drain(struct kmemx_cache *cache)
{
	kmemx_empty_all_cpus(empty_front, cache);
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_drain);

/**
 * kmemx_cache_drain_dead() - empty the front of a CPU that has gone offline
 * @cache: the cache
 * @cpu: the CPU; it runs nothing any more
 *
 * Context: may sleep, CPU hotplug's prepare stage.
 */
void kmemx_cache_drain_dead(struct kmemx_cache *cache, unsigned int cpu)
{
	struct kmemx_front *front = per_cpu_ptr(cache->front, cpu);

	flush(cache, front, front->nr);
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_drain_dead);

/**
 * kmemx_cache_shrink() - give back every slab that is empty
 * @cache: the cache; drain its fronts first to find more
 *
 * Context: any.
 * Return: page frames given back.
 */
unsigned long kmemx_cache_shrink(struct kmemx_cache *cache)
{
	unsigned long nr = 0;
	long id;

	for (id = kmemx_summary_find(&cache->partial, 0); id >= 0;
	     id = kmemx_summary_find(&cache->partial, (unsigned int)id + 1))
		if (retire(cache, (u32)id))
			nr += 1UL << cache->layout.order;
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_shrink);

/* ---- Objects ----------------------------------------------------------- */

static unsigned long *track_word(const struct kmemx_cache *cache, struct kmemx_slab slab,
				 unsigned int i)
{
	return (unsigned long *)((u8 *)kmemx_slab_base(slab) + cache->layout.track) + i;
}

/**
 * kmemx_cache_take() - allocate an object
 * @cache: the cache
 * @call_site: who asks, kept if the depot tracks
 *
 * The memory is as its last user left it (or its constructor made it).
 *
 * Context: any.
 * Return: the object, live, or NULL if the source of pages has none.
 */
void *kmemx_cache_take(struct kmemx_cache *cache, unsigned long call_site)
{
	void *obj = take(cache);
	struct kmemx_slab slab;
	unsigned int i;

	if (!obj)
		return NULL;
	slab = slab_at(cache, cache->depot->ops->id_of(cache->depot->ctx, obj));
	kmemx_slab_index(slab, &cache->layout, obj, &i);
	if (cache->layout.track)
		*track_word(cache, slab, i) = call_site;
	kmemx_slab_issue(slab, i);
	return obj;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_take);

static enum kmemx_verdict withdraw(struct kmemx_cache *cache, u32 id, const void *obj)
{
	struct kmemx_slab slab = slab_at(cache, id);
	unsigned int i;

	if (!kmemx_slab_index(slab, &cache->layout, obj, &i))
		return KMEMX_FREE_MISALIGNED;
	return kmemx_slab_withdraw(slab, i) ? KMEMX_FREE_OK : KMEMX_FREE_DOUBLE;
}

/**
 * kmemx_cache_put() - free an object
 * @depot: the depot
 * @id: first frame of the slab that holds @obj
 * @obj: the object
 * @want: the cache it must be of, or NULL for any
 * @cache: set to the cache it is of, or NULL; valid if the verdict is
 *	   KMEMX_FREE_OK or while preemption is off
 *
 * With init_on_free, an object without a constructor is zeroed.
 *
 * Context: any.
 * Return: the verdict; nothing has changed unless it is KMEMX_FREE_OK.
 */
enum kmemx_verdict kmemx_cache_put(struct kmemx_depot *depot, u32 id, const void *obj,
				   const struct kmemx_cache *want,
				   struct kmemx_cache **cache)
{
	enum kmemx_verdict verdict;

	*cache = kmemx_depot_owner(depot, id);
	if (!*cache)
		return KMEMX_FREE_DOUBLE;
	if (want && *cache != want)
		return KMEMX_FREE_CACHE;
	verdict = withdraw(*cache, id, obj);
	if (verdict)
		return verdict;
	/* In an NMI kmemleak must not be called, and was not told of the object. */
	if (!in_nmi())
		kmemleak_free(obj);
	if (want_init_on_free() && !(*cache)->ctor)
		memset((void *)obj, 0, (*cache)->layout.size);
	give(*cache, (void *)obj);
	return KMEMX_FREE_OK;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_put);

/**
 * kmemx_cache_is_live() - does a user hold this object?
 * @cache: the cache that owns the slab
 * @id: first frame of the slab
 * @obj: an address in the slab
 *
 * Return: true if a live object starts there.
 */
bool kmemx_cache_is_live(const struct kmemx_cache *cache, u32 id, const void *obj)
{
	struct kmemx_slab slab = slab_at(cache, id);
	unsigned int i;

	return kmemx_slab_index(slab, &cache->layout, obj, &i) && kmemx_slab_is_live(slab, i);
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
	free_percpu(cache->front);
	vfree(cache->partial_mem);
	kfree(cache);
}

static int build(struct kmemx_cache *cache, const struct kmemx_cache_spec *spec)
{
	struct kmemx_depot *depot = cache->depot;
	int ret;

	if (strscpy(cache->name, spec->name, sizeof(cache->name)) < 0)
		return -EINVAL;
	ret = kmemx_layout_init(&cache->layout, spec->size, spec->align, depot->track,
				PAGE_SIZE);
	if (ret)
		return ret;
	cache->ctor = spec->ctor;
	cache->front_cap = kmemx_front_cap(cache->layout.stride, depot->front_bytes);
	cache->front = alloc_percpu(struct kmemx_front);
	cache->partial_mem = vzalloc(kmemx_summary_bytes(depot->nr_ids));
	if (!cache->front || !cache->partial_mem)
		return -ENOMEM;
	kmemx_summary_init(&cache->partial, cache->partial_mem, depot->nr_ids);
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
	if (!ret)
		return cache;
	free_cache(cache);
	return ERR_PTR(ret);
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_new);

/**
 * kmemx_cache_forget() - free a cache's metadata, whatever is live
 * @cache: the cache; nobody will use it, or free an object of it, ever again
 *
 * Context: may sleep.
 */
void kmemx_cache_forget(struct kmemx_cache *cache)
{
	struct kmemx_depot *depot = cache->depot;

	/*
	 * No state word names the cache any more, but who read one before may
	 * still look at the cache, or compare with its number, which is free for
	 * another only after that.
	 */
	synchronize_rcu();
	mutex_lock(&depot->lock);
	WRITE_ONCE(depot->cache[cache->number], NULL);
	mutex_unlock(&depot->lock);
	free_cache(cache);
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_forget);

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
	bool is_busy;

	/* No CPU may leave with a full front, and no reclaim be half-way, meanwhile. */
	cpus_read_lock();
	mutex_lock(&cache->depot->lock);
	kmemx_cache_drain(cache);
	kmemx_cache_shrink(cache);
	cache->is_dying = true;
	is_busy = atomic64_read(&cache->nr_slabs);
	mutex_unlock(&cache->depot->lock);
	cpus_read_unlock();
	if (is_busy)
		return -EBUSY;
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
		if (kmemx_slab_cache(state_at(cache, *id)) == cache->number)
			return true;
		if (!(*id % WALK_BATCH))
			cond_resched();
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
		usage->nr_front += READ_ONCE(per_cpu_ptr(cache->front, cpu)->nr);
	for (id = 0; next_slab(cache, &id); id++) {
		usage->nr_slabs++;
		usage->nr_objs += cache->layout.nr_objs;
		usage->nr_free += kmemx_slab_nr_free(state_at(cache, id));
		usage->nr_live += kmemx_slab_nr_live(slab_at(cache, id), &cache->layout);
	}
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_usage);

static bool visit(const struct kmemx_cache *cache, u32 id, unsigned int i,
		  kmemx_visit_fn fn, void *arg)
{
	struct kmemx_slab slab = slab_at(cache, id);
	unsigned long *track = track_word(cache, slab, i);
	void *obj = kmemx_slab_object(slab, &cache->layout, i);

	if (!kmemx_slab_is_live(slab, i))
		return false;
	/* If the slab is still the cache's, what was read of it before is too. */
	smp_rmb();
	if (kmemx_slab_cache(state_at(cache, id)) != cache->number)
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
		for (i = 0; i < cache->layout.nr_objs; i++)
			nr += visit(cache, id, i, fn, arg);
	}
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_visit_live);

/**
 * kmemx_cache_check() - do slabs, summary and counts agree?
 * @cache: the cache, at rest
 *
 * Return: NULL, or what is wrong.
 */
const char *kmemx_cache_check(const struct kmemx_cache *cache)
{
	struct kmemx_cache_usage usage;
	u32 id;

	for (id = 0; next_slab(cache, &id); id++) {
		const char *why = kmemx_slab_check(slab_at(cache, id), &cache->layout);

		if (why)
			return why;
		if (kmemx_summary_test(&cache->partial, id) != is_partial(cache, id))
			return "summary disagrees with its slab";
	}
	kmemx_cache_usage(cache, &usage);
	if (usage.nr_slabs != (unsigned long)atomic64_read(&cache->nr_slabs))
		return "count of slabs is wrong";
	if (usage.nr_live + usage.nr_front + usage.nr_free != usage.nr_objs)
		return "objects are missing";
	return kmemx_summary_check(&cache->partial) ? NULL : "summary levels disagree";
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_check);
