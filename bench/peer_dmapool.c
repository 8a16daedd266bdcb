// SPDX-License-Identifier: GPL-2.0
/*
 * dma_pool, for a device of our own without an IOMMU. An object is freed by two
 * addresses; a driver keeps the second in its descriptor, and so do we.
 */
#include "bench.h"

#ifdef CONFIG_HAS_DMA

#include <linux/err.h>
#include <linux/dma-mapping.h>
#include <linux/dmapool.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include "loops.h"

/**
 * struct dmapool_ctx - a pool and whose it is
 * @device: the device
 * @pool: the pool
 */
struct dmapool_ctx {
	struct platform_device *device;
	struct dma_pool *pool;
};

static int init(struct dmapool_ctx *ctx, const struct bench_peer *peer)
{
	struct device *dev;
	int ret;

	ctx->device = platform_device_register_simple(peer->name, PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(ctx->device))
		return PTR_ERR(ctx->device);
	dev = &ctx->device->dev;
	ret = dma_coerce_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (!ret) {
		ctx->pool = dma_pool_create(peer->name, dev, peer->size, peer->size, 0);
		ret = ctx->pool ? 0 : -ENOMEM;
	}
	if (ret)
		platform_device_unregister(ctx->device);
	return ret;
}

static void *dmapool_create(const struct bench_peer *peer)
{
	struct dmapool_ctx *ctx = kzalloc(sizeof(*ctx), GFP_KERNEL);
	int ret;

	if (!ctx)
		return ERR_PTR(-ENOMEM);
	ret = init(ctx, peer);
	if (!ret)
		return ctx;
	kfree(ctx);
	return ERR_PTR(ret);
}

static void dmapool_destroy(void *data)
{
	struct dmapool_ctx *ctx = data;

	dma_pool_destroy(ctx->pool);
	platform_device_unregister(ctx->device);
	kfree(ctx);
}

static __always_inline void *dmapool_alloc(void *data, gfp_t gfp)
{
	struct dmapool_ctx *ctx = data;
	dma_addr_t dma;
	dma_addr_t *obj = dma_pool_alloc(ctx->pool, gfp, &dma);

	if (likely(obj))
		*obj = dma;
	return obj;
}

static __always_inline void dmapool_free(void *data, void *obj)
{
	struct dmapool_ctx *ctx = data;

	dma_pool_free(ctx->pool, obj, *(dma_addr_t *)obj);
}

BENCH_LOOPS(dmapool);

#define DMAPOOL(bytes) {				\
	.name = "dmapool_" #bytes,			\
	.size = bytes,					\
	.create = dmapool_create,			\
	.destroy = dmapool_destroy,			\
	.loops = &dmapool_loops,			\
}

#else

#define DMAPOOL(bytes) { .name = "dmapool_" #bytes, .missing = "not in this kernel" }

#endif /* CONFIG_HAS_DMA */

const struct bench_peer bench_dmapool[] = {
	DMAPOOL(64),
	DMAPOOL(1024),
	{ }
};
