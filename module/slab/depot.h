/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A depot: the slabs and the caches over one source of page frames.
 *
 * The source is a struct kmemx_page_ops, all that this layer knows of pages: it
 * gives naturally aligned blocks of frames that are numbered (ids). For each frame
 * there is a struct kmemx_slab and KMEMX_STATUS_BYTES, set aside when the depot is made so
 * that a slab can be made in any context, and never anything else, however often frames
 * change hands.
 *
 * Locking: @lock for the table of caches. Who finds a cache by a frame does not need it: it
 * has preemption disabled, and a cache is freed after a grace period.
 */
#ifndef KMEMX_SLAB_DEPOT_H
#define KMEMX_SLAB_DEPOT_H

#include <linux/mutex.h>
#include <linux/percpu.h>
#include "slab/slab.h"

#define KMEMX_CACHES_MAX	1024

struct kmemx_cache;

/**
 * struct kmemx_page_ops - where slabs come from
 * @alloc: give 2^@order frames, naturally aligned, and the id of the first; or -ENOSPC, or
 *	   -EAGAIN if other CPUs got there first. Any context.
 * @free: take back what @alloc gave, by its address and its id. Any context, never fails.
 * @id_of: the id that @alloc gave with the block that holds this address
 */
struct kmemx_page_ops {
	void *(*alloc)(void *ctx, unsigned int order, u32 *id);
	void (*free)(void *ctx, u32 id, void *addr, unsigned int order);
	u32 (*id_of)(void *ctx, const void *addr);
};

/**
 * struct kmemx_depot_watch - who wants to know of caches that come and go
 * @made: a cache can be used. May sleep.
 * @goes: a cache is about to be freed; when this returns nobody looks at it any more
 *	  on account of @made. May sleep, without a lock held.
 */
struct kmemx_depot_watch {
	void (*made)(struct kmemx_cache *cache);
	void (*goes)(struct kmemx_cache *cache);
};

struct kmemx_depot {
	const struct kmemx_page_ops *ops;
	void *ctx;
	u32 nr_ids;
	bool track;			/* Keep call sites. */
	const struct kmemx_depot_watch *watch;	/* Or NULL; set while no cache comes or goes. */
	struct kmemx_slab *slab;	/* One per id. */
	u8 *status;			/* KMEMX_STATUS_BYTES per id. */
	struct kmemx_summary empty;	/* Ids of slabs that a free has left empty; a hint. */
	void *empty_mem;		/* What @empty lives in. */
	s64 __percpu *room;		/* Bytes that fronts may still be granted, */
	s64 exchange_all;		/* and that exchanges may hold. */
	unsigned int magazine;		/* Of caches that do not say; 0: no limit of theirs. */
	struct mutex lock;		/* Protects @cache. */
	struct kmemx_cache *cache[KMEMX_CACHES_MAX];	/* [0] stays NULL. */
	/* What is left of @exchange_all; apart, as it is written where all else is read. */
	atomic64_t exchange_room ____cacheline_aligned_in_smp;
};

int kmemx_depot_init(struct kmemx_depot *depot, const struct kmemx_page_ops *ops,
		     void *ctx, u32 nr_ids, bool track);
void kmemx_depot_fini(struct kmemx_depot *depot);
void kmemx_depot_open(struct kmemx_depot *depot, u32 id, void *base,
		      const struct kmemx_layout *layout, struct kmemx_cache *cache);
void kmemx_depot_close(struct kmemx_depot *depot, u32 id, const struct kmemx_layout *layout);
size_t kmemx_depot_meta_bytes(const struct kmemx_depot *depot);

/**
 * kmemx_depot_owner() - whose slab is this frame part of?
 * @depot: the depot
 * @id: the frame
 *
 * Context: any, with preemption disabled or depot->lock held as long as the
 * cache is used, unless the caller holds a live object of it.
 * Return: the cache, or NULL if it is part of no slab.
 */
static inline struct kmemx_cache *kmemx_depot_owner(const struct kmemx_depot *depot, u32 id)
{
	/* Pairs with kmemx_depot_open(): so where its slab begins is known. */
	return smp_load_acquire(&depot->slab[id].cache);
}

/**
 * kmemx_depot_next() - walk the caches of a depot
 * @depot: the depot; its lock is held
 * @i: where the walk is, 0 at first
 *
 * Return: the next cache, or NULL after the last.
 */
static inline struct kmemx_cache *kmemx_depot_next(const struct kmemx_depot *depot,
						   unsigned int *i)
{
	while (++*i < KMEMX_CACHES_MAX)
		if (depot->cache[*i])
			return depot->cache[*i];
	return NULL;
}

#endif /* KMEMX_SLAB_DEPOT_H */
