// SPDX-License-Identifier: GPL-2.0
/*
 * SLUB: a kmem_cache per size, made as a driver would make it.
 */
#include <linux/err.h>
#include <linux/slab.h>

#include "compat.h"
#include "loops.h"

static void *slub_create(const struct bench_peer *peer)
{
	/* A constructor would be called; SLAB_NO_MERGE is not what drivers say. */
	struct kmem_cache *cache = kmem_cache_create(peer->name, peer->size, 0, 0, NULL);

	return cache ?: ERR_PTR(-ENOMEM);
}

static void slub_destroy(void *ctx)
{
	kmem_cache_destroy(ctx);
}

static __always_inline void *slub_alloc(void *ctx, gfp_t gfp)
{
	return kmem_cache_alloc(ctx, gfp);
}

static __always_inline void slub_free(void *ctx, void *obj)
{
	kmem_cache_free(ctx, obj);
}

BENCH_LOOPS(slub);

static bool slub_bulk_take(void *ctx, void **objs, unsigned long n)
{
	return kmem_cache_alloc_bulk(ctx, BENCH_GFP, n, objs);
}

static void slub_bulk_give(void *ctx, void **objs, unsigned long n)
{
	kmem_cache_free_bulk(ctx, n, objs);
}

static const struct bench_bulk slub_bulk = {
	.take = slub_bulk_take,
	.give = slub_bulk_give,
};

#define SLUB(bytes) {					\
	.name = "slub_" #bytes,				\
	.size = bytes,					\
	.create = slub_create,				\
	.destroy = slub_destroy,			\
	.loops = &slub_loops,				\
	.bulk = &slub_bulk,				\
}

const struct bench_peer bench_slub[] = {
	SLUB(64),
	SLUB(256),
	SLUB(1024),
	{ }
};
