/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is known of the objects of a cache: where they are, who holds them, how many came and
 * went, and whether all that agrees. For files, reports and tests; no object is changed here.
 *
 * Locking: none, but for the functions of all of a depot, for which its lock is held. The
 * caller sees to it that the cache is not destroyed meanwhile. What others change meanwhile is
 * seen as it was before or after.
 */
#ifndef KMEMX_SLAB_USAGE_H
#define KMEMX_SLAB_USAGE_H

#include <linux/percpu.h>
#include <linux/types.h>

#include "slab/cache.h"

/* Objects allocated and freed, over all CPUs; a snapshot. */
struct kmemx_cache_counts {
	u64 nr_alloc;
	u64 nr_free;
};

/* Called for a live object, with its call site, or 0 if the depot does not track. */
typedef void (*kmemx_visit_fn)(const struct kmemx_cache *cache, void *obj,
			       unsigned long call_site, void *arg);

/* Objects that are free in the front of one CPU; a snapshot. */
static inline unsigned int kmemx_cache_nr_front(const struct kmemx_cache *cache, unsigned int cpu)
{
	return kmemx_front_nr(per_cpu_ptr(cache->front, cpu));
}

void kmemx_cache_usage(const struct kmemx_cache *cache, struct kmemx_cache_usage *usage);
void kmemx_depot_usage(struct kmemx_depot *depot);
void kmemx_cache_counts(const struct kmemx_cache *cache, struct kmemx_cache_counts *counts);
unsigned long kmemx_cache_visit_live(const struct kmemx_cache *cache,
					kmemx_visit_fn fn, void *arg);
void kmemx_depot_visit_live(const struct kmemx_depot *depot, kmemx_visit_fn fn, void *arg);
bool kmemx_cache_is_live(const struct kmemx_cache *cache, u32 id, const void *obj);
size_t kmemx_cache_meta_bytes(const struct kmemx_cache *cache);
const char *kmemx_cache_check(const struct kmemx_cache *cache);

#endif /* KMEMX_SLAB_USAGE_H */
