/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A cache: objects of one size and purpose, in slabs of a depot, behind a
 * per-CPU front.
 */
#ifndef KMEMX_SLAB_CACHE_H
#define KMEMX_SLAB_CACHE_H

#include <kmemx/verdict.h>
#include "buddy/summary.h"
#include "slab/depot.h"
#include "slab/front.h"

#define KMEMX_CACHE_NAME	32

/**
 * struct kmemx_cache_spec - what a cache is to be
 * @name: unique in the depot, shorter than KMEMX_CACHE_NAME
 * @size: object size in bytes, 1..KMEMX_OBJECT_MAX
 * @align: power of two, or 0
 * @ctor: called once for each object when its slab is made, in any context
 */
struct kmemx_cache_spec {
	const char *name;
	u32 size;
	u32 align;
	void (*ctor)(void *obj);
};

struct kmemx_cache {
	struct kmemx_layout layout;
	struct kmemx_depot *depot;
	struct kmemx_front __percpu *front;
	struct kmemx_summary partial;	/* Ids of slabs that have a free object. */
	void *partial_mem;
	void (*ctor)(void *obj);
	unsigned int number;		/* In depot->cache[]. */
	unsigned int front_cap;
	atomic64_t nr_slabs;
	bool is_dying;			/* Destroyed while objects were live. */
	char name[KMEMX_CACHE_NAME];
};

/**
 * struct kmemx_cache_usage - where a cache's objects are, a snapshot
 * @nr_slabs: slabs found by walking the depot
 * @nr_objs: objects in them
 * @nr_live: objects that users hold
 * @nr_front: objects in fronts
 * @nr_free: objects in slabs, by the slabs' own counts
 */
struct kmemx_cache_usage {
	unsigned long nr_slabs;
	unsigned long nr_objs;
	unsigned long nr_live;
	unsigned long nr_front;
	unsigned long nr_free;
};

/* Called for a live object, with its call site, or 0 if the depot does not track. */
typedef void (*kmemx_visit_fn)(const struct kmemx_cache *cache, void *obj,
			       unsigned long call_site, void *arg);

struct kmemx_cache *kmemx_cache_new(struct kmemx_depot *depot,
				    const struct kmemx_cache_spec *spec);
int kmemx_cache_delete(struct kmemx_cache *cache);
void kmemx_cache_forget(struct kmemx_cache *cache);

void *kmemx_cache_take(struct kmemx_cache *cache, unsigned long call_site);
enum kmemx_verdict kmemx_cache_put(struct kmemx_depot *depot, u32 id, const void *obj,
				   const struct kmemx_cache *want,
				   struct kmemx_cache **cache);
void kmemx_cache_drain(struct kmemx_cache *cache);
void kmemx_cache_drain_dead(struct kmemx_cache *cache, unsigned int cpu);
unsigned long kmemx_cache_shrink(struct kmemx_cache *cache);

bool kmemx_cache_is_live(const struct kmemx_cache *cache, u32 id, const void *obj);
void kmemx_cache_usage(const struct kmemx_cache *cache, struct kmemx_cache_usage *usage);
unsigned long kmemx_cache_visit_live(const struct kmemx_cache *cache,
					kmemx_visit_fn fn, void *arg);
const char *kmemx_cache_check(const struct kmemx_cache *cache);

#endif /* KMEMX_SLAB_CACHE_H */
