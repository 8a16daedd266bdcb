/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A depot: the slabs and the caches over one source of page frames.
 *
 * The source is a struct kmemx_page_ops, all that this layer knows of pages: it
 * gives naturally aligned blocks and numbers their first frame. Everything
 * else about a slab is found from that number (its id): a descriptor of
 * KMEMX_DESC_BYTES per frame, set aside when the depot is made so that a slab
 * can be made in any context, and a state word, in an array of its own so that
 * it never is anything else, however often frames change hands.
 *
 * Locking: @lock for the table of caches. A reader of the table that does not
 * hold it has preemption disabled, and a cache is freed after a grace period.
 */
#ifndef KMEMX_SLAB_DEPOT_H
#define KMEMX_SLAB_DEPOT_H

#include <linux/mutex.h>
#include "slab/slab.h"

#define KMEMX_CACHES_MAX	1024

struct kmemx_cache;

/**
 * struct kmemx_page_ops - where slabs come from
 * @alloc: give 2^@order frames, naturally aligned, and the id of the first, or
 *	   NULL. Any context.
 * @free: take back what @alloc gave. Any context, never fails.
 * @id_of: the id that @alloc gave with the block that holds this address
 */
struct kmemx_page_ops {
	void *(*alloc)(void *ctx, unsigned int order, u32 *id);
	void (*free)(void *ctx, void *addr, unsigned int order);
	u32 (*id_of)(void *ctx, const void *addr);
};

struct kmemx_depot {
	const struct kmemx_page_ops *ops;
	void *ctx;
	u32 nr_ids;
	bool track;			/* Keep call sites. */
	unsigned int front_bytes;	/* What a front may hold. */
	u8 *desc;			/* KMEMX_DESC_BYTES per id. */
	atomic64_t *state;		/* One word per id. */
	struct mutex lock;		/* Protects writes to @cache. */
	struct kmemx_cache *cache[KMEMX_CACHES_MAX];	/* [0] stays NULL. */
};

int kmemx_depot_init(struct kmemx_depot *depot, const struct kmemx_page_ops *ops,
		     void *ctx, u32 nr_ids, bool track);
void kmemx_depot_fini(struct kmemx_depot *depot);
struct kmemx_slab kmemx_depot_slab(const struct kmemx_depot *depot, u32 id,
				   const struct kmemx_layout *layout);
void kmemx_depot_set_base(struct kmemx_depot *depot, u32 id, void *base);
struct kmemx_cache *kmemx_depot_owner(const struct kmemx_depot *depot, u32 id);
size_t kmemx_depot_meta_bytes(const struct kmemx_depot *depot);

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
