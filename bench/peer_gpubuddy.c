// SPDX-License-Identifier: GPL-2.0
/*
 * gpu_buddy, which was drm_buddy until 6.19: a buddy over offsets, without flags,
 * so that it chooses blocks as its users' default does. Locking is its users': a
 * mutex, as drivers have it, is in the rows of mode=smp only.
 */
#include "bench.h"

#ifdef BENCH_HAVE_GPU_BUDDY

#include <linux/err.h>
#include <linux/gpu_buddy.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "loops.h"

/**
 * struct gpubuddy - the allocator and its users' lock
 * @mm: the allocator
 * @lock: its users'
 */
struct gpubuddy {
	struct gpu_buddy mm;
	struct mutex lock;	/* protects mm where two CPUs use it */
};

static void *gpubuddy_create(const struct bench_peer *peer)
{
	struct gpubuddy *buddy = kzalloc(sizeof(*buddy), GFP_KERNEL);
	int ret;

	if (!buddy)
		return ERR_PTR(-ENOMEM);
	mutex_init(&buddy->lock);
	ret = gpu_buddy_init(&buddy->mm, bench_params.region, PAGE_SIZE);
	if (!ret)
		return buddy;
	kfree(buddy);
	return ERR_PTR(ret);
}

static void gpubuddy_destroy(void *ctx)
{
	struct gpubuddy *buddy = ctx;

	gpu_buddy_fini(&buddy->mm);
	kfree(buddy);
}

/* Blocks come on a list, which the link of a freed one no longer belongs to. */
static __always_inline void *alloc_block(struct gpubuddy *buddy, u64 size)
{
	LIST_HEAD(blocks);

	if (gpu_buddy_alloc_blocks(&buddy->mm, 0, buddy->mm.size, size, size, &blocks, 0))
		return NULL;
	return list_first_entry(&blocks, struct gpu_buddy_block, link);
}

static __always_inline void free_block(struct gpubuddy *buddy, void *block)
{
	gpu_buddy_free_block(&buddy->mm, block);
}

#define GPUBUDDY_LOOPS(nr)							\
static __always_inline void *gpubuddy_o##nr##_alloc(void *ctx, gfp_t gfp)	\
{										\
	return alloc_block(ctx, PAGE_SIZE << BENCH_O##nr);				\
}										\
static __always_inline void gpubuddy_o##nr##_free(void *ctx, void *obj)		\
{										\
	free_block(ctx, obj);							\
}										\
static __always_inline void *locked_o##nr##_alloc(void *ctx, gfp_t gfp)		\
{										\
	struct gpubuddy *buddy = ctx;						\
	void *block;								\
										\
	mutex_lock(&buddy->lock);						\
	block = alloc_block(buddy, PAGE_SIZE << BENCH_O##nr);			\
	mutex_unlock(&buddy->lock);						\
	return block;								\
}										\
static __always_inline void locked_o##nr##_free(void *ctx, void *obj)		\
{										\
	struct gpubuddy *buddy = ctx;						\
										\
	mutex_lock(&buddy->lock);						\
	free_block(buddy, obj);							\
	mutex_unlock(&buddy->lock);						\
}										\
BENCH_LOOPS(gpubuddy_o##nr);							\
BENCH_LOOPS(locked_o##nr)

GPUBUDDY_LOOPS(0);
GPUBUDDY_LOOPS(2);
GPUBUDDY_LOOPS(4);
GPUBUDDY_LOOPS(9);

static void *take(void *ctx, unsigned int order)
{
	return alloc_block(ctx, PAGE_SIZE << order);
}

static void give(void *ctx, void *block, unsigned int order)
{
	free_block(ctx, block);
}

static unsigned long frame(void *ctx, void *block)
{
	return gpu_buddy_block_offset(block) >> PAGE_SHIFT;
}

static unsigned long capacity(void *ctx)
{
	return bench_params.region >> PAGE_SHIFT;
}

static const struct bench_blocks gpubuddy_blocks = {
	.take = take,
	.give = give,
	.frame = frame,
	.capacity = capacity,
};

#define GPUBUDDY(nr) {					\
	.name = "gpubuddy_o" #nr,			\
	.order = BENCH_O##nr,				\
	.pages = true,					\
	.create = gpubuddy_create,			\
	.destroy = gpubuddy_destroy,			\
	.loops = &gpubuddy_o##nr##_loops,		\
	.smp_loops = &locked_o##nr##_loops,		\
	.blocks = &gpubuddy_blocks,			\
}

#else

#define GPUBUDDY(nr) { .name = "gpubuddy_o" #nr, .missing = "not in this kernel" }

#endif /* BENCH_HAVE_GPU_BUDDY */

const struct bench_peer bench_gpubuddy[] = {
	GPUBUDDY(0),
	GPUBUDDY(2),
	GPUBUDDY(4),
	GPUBUDDY(9),
	{ }
};
