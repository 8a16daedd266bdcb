// SPDX-License-Identifier: GPL-2.0
/*
 * mempool over a slab cache: as usual, when the cache has something and the pool
 * is not touched, and out of the pool's reserve.
 */
#include <linux/err.h>
#include <linux/mempool.h>
#include <linux/slab.h>

#include "compat.h"
#include "loops.h"

/* Drivers keep a few objects for bad times. */
#define NR_KEPT		16

static void *create(const struct bench_peer *peer, int nr_kept)
{
	struct kmem_cache *cache = kmem_cache_create(peer->name, peer->size, 0, 0, NULL);
	mempool_t *pool = cache ? mempool_create_slab_pool(nr_kept, cache) : NULL;

	if (pool)
		return pool;
	kmem_cache_destroy(cache);
	return ERR_PTR(-ENOMEM);
}

static void mempool_peer_destroy(void *ctx)
{
	mempool_t *pool = ctx;
	struct kmem_cache *cache = pool->pool_data;

	mempool_destroy(pool);
	kmem_cache_destroy(cache);
}

static __always_inline void mempool_peer_free(void *ctx, void *obj)
{
	mempool_free(obj, ctx);
}

/* ---- The cache has something ------------------------------------------ */

static void *mempool_slab_create(const struct bench_peer *peer)
{
	return create(peer, NR_KEPT);
}

static __always_inline void *mempool_slab_alloc(void *ctx, gfp_t gfp)
{
	return mempool_alloc(ctx, gfp);
}

#define mempool_slab_free mempool_peer_free
BENCH_LOOPS(mempool_slab);

#define MEMPOOL {					\
	.name = "mempool_64",				\
	.size = 64,					\
	.create = mempool_slab_create,			\
	.destroy = mempool_peer_destroy,		\
	.loops = &mempool_slab_loops,			\
}

/* ---- Out of the reserve ----------------------------------------------- */

#ifdef BENCH_HAVE_MEMPOOL_PREALLOCATED

static void *mempool_reserve_create(const struct bench_peer *peer)
{
	return create(peer, BENCH_LIVE);
}

static __always_inline void *mempool_reserve_alloc(void *ctx, gfp_t gfp)
{
	return mempool_alloc_preallocated(ctx);
}

#define mempool_reserve_free mempool_peer_free
BENCH_LOOPS(mempool_reserve);

#define MEMPOOL_RESERVE {				\
	.name = "mempool_64_reserve",			\
	.size = 64,					\
	.create = mempool_reserve_create,		\
	.destroy = mempool_peer_destroy,		\
	.loops = &mempool_reserve_loops,		\
}

#else

#define MEMPOOL_RESERVE { .name = "mempool_64_reserve", .missing = "not in this kernel" }

#endif /* BENCH_HAVE_MEMPOOL_PREALLOCATED */

const struct bench_peer bench_mempool[] = {
	MEMPOOL,
	MEMPOOL_RESERVE,
	{ }
};
