// SPDX-License-Identifier: GPL-2.0
/*
 * gen_pool, with its default algorithm (first fit). It keeps addresses and never
 * looks at what is there, so the region is a range of numbers: 4 KiB granules
 * for blocks of pages, and as many 64-byte granules for objects.
 */
#include "bench.h"

#ifdef BENCH_HAVE_GENPOOL

#include <linux/err.h>
#include <linux/genalloc.h>
#include <linux/mm.h>
#include <linux/numa.h>
#include <linux/sizes.h>

#include "loops.h"

/* Anything but 0, which is what a failure looks like. */
#define BASE	SZ_2G

#define GRANULE_SHIFT	6
#define GRANULE		BIT(GRANULE_SHIFT)

static unsigned long nr_granules(void *ctx)
{
	return bench_params.region >> PAGE_SHIFT;
}

static struct gen_pool *create(int shift)
{
	struct gen_pool *pool = gen_pool_create(shift, NUMA_NO_NODE);
	int ret;

	if (!pool)
		return ERR_PTR(-ENOMEM);
	ret = gen_pool_add(pool, BASE, nr_granules(NULL) << shift, NUMA_NO_NODE);
	if (!ret)
		return pool;
	gen_pool_destroy(pool);
	return ERR_PTR(ret);
}

static void *genpool_create(const struct bench_peer *peer)
{
	return create(PAGE_SHIFT);
}

static void *genpool_64_create(const struct bench_peer *peer)
{
	return create(GRANULE_SHIFT);
}

static void genpool_destroy(void *ctx)
{
	gen_pool_destroy(ctx);
}

/* Orders of objects, in granules. */
enum {
	GRANULES_64 = 0,
	GRANULES_256 = 2,
	GRANULES_1024 = 4,
	GRANULES_4096 = 6,
};

static __always_inline void *alloc_bytes(void *ctx, size_t bytes)
{
	return (void *)gen_pool_alloc(ctx, bytes);
}

static __always_inline void free_bytes(void *ctx, void *obj, size_t bytes)
{
	gen_pool_free(ctx, (unsigned long)obj, bytes);
}

#define GENPOOL_4K_LOOPS(nr)							\
static __always_inline void *genpool_4k_o##nr##_alloc(void *ctx, gfp_t gfp)	\
{										\
	return alloc_bytes(ctx, PAGE_SIZE << BENCH_O##nr);			\
}										\
static __always_inline void genpool_4k_o##nr##_free(void *ctx, void *obj)	\
{										\
	free_bytes(ctx, obj, PAGE_SIZE << BENCH_O##nr);				\
}										\
BENCH_LOOPS(genpool_4k_o##nr)

GENPOOL_4K_LOOPS(0);
GENPOOL_4K_LOOPS(2);
GENPOOL_4K_LOOPS(4);
GENPOOL_4K_LOOPS(9);

#define GENPOOL_LOOPS(nr)							\
static __always_inline void *genpool_##nr##_alloc(void *ctx, gfp_t gfp)		\
{										\
	return alloc_bytes(ctx, GRANULE << GRANULES_##nr);			\
}										\
static __always_inline void genpool_##nr##_free(void *ctx, void *obj)		\
{										\
	free_bytes(ctx, obj, GRANULE << GRANULES_##nr);				\
}										\
BENCH_LOOPS(genpool_##nr)

GENPOOL_LOOPS(64);
GENPOOL_LOOPS(256);
GENPOOL_LOOPS(1024);
GENPOOL_LOOPS(4096);

/* ---- Blocks of any order ---------------------------------------------- */

static void *take_pages(void *ctx, unsigned int order)
{
	return (void *)gen_pool_alloc(ctx, PAGE_SIZE << order);
}

static void give_pages(void *ctx, void *block, unsigned int order)
{
	gen_pool_free(ctx, (unsigned long)block, PAGE_SIZE << order);
}

static unsigned long page_frame(void *ctx, void *block)
{
	return ((unsigned long)block - BASE) >> PAGE_SHIFT;
}

static const struct bench_blocks genpool_blocks = {
	.take = take_pages,
	.give = give_pages,
	.frame = page_frame,
	.capacity = nr_granules,
};

/* The same in granules. */
static void *take_granules(void *ctx, unsigned int order)
{
	return (void *)gen_pool_alloc(ctx, 1UL << (order + GRANULE_SHIFT));
}

static void give_granules(void *ctx, void *block, unsigned int order)
{
	gen_pool_free(ctx, (unsigned long)block, 1UL << (order + GRANULE_SHIFT));
}

static unsigned long granule(void *ctx, void *block)
{
	return ((unsigned long)block - BASE) >> GRANULE_SHIFT;
}

static const struct bench_blocks genpool_64_blocks = {
	.take = take_granules,
	.give = give_granules,
	.frame = granule,
	.capacity = nr_granules,
};

#define GENPOOL_4K(nr) {				\
	.name = "genpool_4k_o" #nr,			\
	.order = BENCH_O##nr,				\
	.pages = true,					\
	.create = genpool_create,			\
	.destroy = genpool_destroy,			\
	.loops = &genpool_4k_o##nr##_loops,		\
	.blocks = &genpool_blocks,			\
}

#define GENPOOL(nr) {					\
	.name = "genpool_" #nr,				\
	.order = GRANULES_##nr,				\
	.create = genpool_64_create,			\
	.destroy = genpool_destroy,			\
	.loops = &genpool_##nr##_loops,			\
	.blocks = &genpool_64_blocks,			\
}

#else

#define GENPOOL_4K(nr) { .name = "genpool_4k_o" #nr, .missing = "not in this kernel" }
#define GENPOOL(nr) { .name = "genpool_" #nr, .missing = "not in this kernel" }

#endif /* BENCH_HAVE_GENPOOL */

const struct bench_peer bench_genpool[] = {
	GENPOOL(64),
	GENPOOL(256),
	GENPOOL(1024),
	GENPOOL(4096),
	GENPOOL_4K(0),
	GENPOOL_4K(2),
	GENPOOL_4K(4),
	GENPOOL_4K(9),
	{ }
};
