// SPDX-License-Identifier: GPL-2.0
/*
 * What is known of the objects of a cache; see usage.h.
 */
#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "slab/cache.h"
#include "slab/exchange.h"
#include "slab/partial.h"
#include "slab/usage.h"

/* How many ids a walk looks at before it lets others run. */
#define WALK_BATCH	4096

#define ANY	0

/* From @id on, find the next slab, of the cache with this number or of ANY. May sleep. */
static bool next_slab(const struct kmemx_depot *depot, unsigned int number, u32 *id,
		      unsigned int *owner)
{
	for (; *id < depot->nr_ids; ++*id) {
		if (!(*id % WALK_BATCH))
			cond_resched();
		*owner = kmemx_slab_cache((u64)atomic64_read(&depot->slab[*id].state));
		if (!*owner || (number != ANY && *owner != number))
			continue;
		/* Pairs with the exchange in kmemx_slab_init(): where it is, after that it is. */
		smp_rmb();
		return true;
	}
	return false;
}

static bool next_of_cache(const struct kmemx_cache *cache, u32 *id)
{
	unsigned int owner;

	return next_slab(cache->depot, cache->number, id, &owner);
}

/* What is not in a slab that can be found. */
static void begin_usage(const struct kmemx_cache *cache, struct kmemx_cache_usage *usage)
{
	unsigned long nr_waiting = READ_ONCE(cache->nr_waiting);
	s64 nr_sheaved = 0;
	unsigned int cpu;

	/* Of those that have ended, nothing is in use. */
	*usage = (struct kmemx_cache_usage){
		.nr_slabs = nr_waiting,
		.nr_objs = nr_waiting * cache->layout.nr_objs,
		.nr_free = nr_waiting * cache->layout.nr_objs,
	};
	usage->nr_front = kmemx_exchange_nr(cache);
	for_each_possible_cpu(cpu) {
		usage->nr_front += kmemx_cache_nr_front(cache, cpu);
		nr_sheaved += READ_ONCE(per_cpu_ptr(cache->front, cpu)->nr_sheaved);
	}
	/* What one CPU filled and another used meanwhile may be seen used only. */
	usage->nr_front += (unsigned long)max(nr_sheaved, 0LL);
}

static void add_slab(const struct kmemx_cache *cache, u32 id, struct kmemx_cache_usage *usage)
{
	unsigned int nr_free = kmemx_slab_nr_free(kmemx_cache_state_at(cache, id));
	unsigned int nr_live = kmemx_slab_nr_live(kmemx_cache_slab_at(cache, id), &cache->layout);

	usage->nr_slabs++;
	usage->nr_objs += cache->layout.nr_objs;
	usage->nr_free += nr_free;
	usage->nr_live += nr_live;
	usage->nr_partial += !!nr_free;
	usage->nr_partial_live += nr_free ? nr_live : 0;
}

/**
 * kmemx_cache_usage() - where are its objects?
 * @cache: the cache; it is not destroyed meanwhile
 * @usage: set to what a walk over the depot's slabs and the fronts finds
 *
 * Each number is counted at its own place, so at rest
 * nr_live + nr_front + nr_free = nr_objs.
 *
 * Context: may sleep.
 */
void kmemx_cache_usage(const struct kmemx_cache *cache, struct kmemx_cache_usage *usage)
{
	u32 id;

	begin_usage(cache, usage);
	for (id = 0; next_of_cache(cache, &id); id++)
		add_slab(cache, id, usage);
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_usage);

/**
 * kmemx_depot_usage() - as kmemx_cache_usage(), of all caches, in one walk
 * @depot: whose; its lock is held
 *
 * What is found is in @usage of each cache.
 *
 * Context: may sleep.
 */
void kmemx_depot_usage(struct kmemx_depot *depot)
{
	struct kmemx_cache *cache;
	unsigned int owner, i = 0;
	u32 id;

	while ((cache = kmemx_depot_next(depot, &i))) {
		begin_usage(cache, &cache->usage);
		cond_resched();
	}
	for (id = 0; next_slab(depot, ANY, &id, &owner); id++) {
		cache = depot->cache[owner];
		if (cache)
			add_slab(cache, id, &cache->usage);
	}
}
KMEMX_EXPORT_FOR_TEST(kmemx_depot_usage);

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

static unsigned long visit_slab(const struct kmemx_cache *cache, u32 id, kmemx_visit_fn fn,
				void *arg)
{
	unsigned long nr = 0;
	unsigned int i;

	for (i = cache->layout.skip; i < cache->layout.nr_slots; i++)
		nr += visit(cache, id, i, fn, arg);
	/* There may be thousands in each. */
	cond_resched();
	return nr;
}

/**
 * kmemx_cache_visit_live() - visit the objects that users hold
 * @cache: the cache; it is not destroyed meanwhile
 * @fn: called for each
 * @arg: passed to @fn
 *
 * Context: may sleep.
 * Return: how many there are.
 */
unsigned long kmemx_cache_visit_live(const struct kmemx_cache *cache,
					kmemx_visit_fn fn, void *arg)
{
	unsigned long nr = 0;
	u32 id;

	for (id = 0; next_of_cache(cache, &id); id++)
		nr += visit_slab(cache, id, fn, arg);
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_visit_live);

/**
 * kmemx_depot_visit_live() - as kmemx_cache_visit_live(), of all caches, in one walk
 * @depot: whose; its lock is held
 * @fn: called for each
 * @arg: passed to @fn
 *
 * Context: may sleep.
 */
void kmemx_depot_visit_live(const struct kmemx_depot *depot, kmemx_visit_fn fn, void *arg)
{
	unsigned int owner;
	u32 id;

	for (id = 0; next_slab(depot, ANY, &id, &owner); id++)
		if (depot->cache[owner])
			visit_slab(depot->cache[owner], id, fn, arg);
}
KMEMX_EXPORT_FOR_TEST(kmemx_depot_visit_live);

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

	size_t summaries = kmemx_cache_nr_summaries(cache->is_typesafe) *
		kmemx_summary_bytes(cache->depot->nr_ids);

	return sizeof(*cache) + summaries + num_possible_cpus() * front +
		kmemx_exchange_bytes(cache);
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

	for (id = 0; next_of_cache(cache, &id); id++) {
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
