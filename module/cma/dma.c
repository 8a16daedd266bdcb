// SPDX-License-Identifier: GPL-2.0
/*
 * kmemx backend "cma", second choice: the DMA API, which takes large requests
 * from CMA, on a platform device of our own.
 *
 * Used where cma_alloc() is not exported, and for the areas of single nodes
 * (numa_cma=), which only the DMA API can name. It zeroes what it gives and
 * aligns it to CMA_ALIGNMENT (1 MiB), not to a chunk.
 *
 * The API falls back to the page allocator without a word. What proves that
 * memory came from CMA is its size: the page allocator has no block above
 * MAX_PAGE_ORDER, and our device has no other pool. The counter of free CMA
 * pages proves nothing: it hardly moves when pages in use are migrated out of
 * the area, and moves without us when others allocate. So a request that the
 * page allocator could satisfy is made one page larger than it can.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/vmstat.h>

#include <kmemx/compat.h>

#include "backend.h"

#ifdef CONFIG_DMA_CMA

/**
 * struct dma_source - what a later dma_free_pages() must be told
 * @pdev: our device
 * @page: the allocation; NULL if there is none
 * @handle: its DMA address
 * @size: its size in bytes, which may exceed the span's
 */
struct dma_source {
	struct platform_device *pdev;
	struct page *page;
	dma_addr_t handle;
	size_t size;
};

/* Necessary, not sufficient; a second opinion on what the size already proves. */
static bool zone_has_cma(struct page *page, unsigned long nr_pages)
{
	return zone_cma_pages(page_zone(page)) >= nr_pages;
}

static int source_create(struct kmemx_grant *grant, unsigned long nr_pages)
{
	struct platform_device *pdev;
	struct dma_source *src;
	int ret;

	src = kzalloc(sizeof(*src), GFP_KERNEL);
	if (!src)
		return -ENOMEM;
	grant->priv = src;
	src->size = max(nr_pages, (1UL << MAX_PAGE_ORDER) + 1) << PAGE_SHIFT;

	pdev = platform_device_register_simple("kmemx-cma", PLATFORM_DEVID_AUTO, NULL, 0);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	src->pdev = pdev;

	ret = dma_coerce_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	return ret;
}

static bool source_alloc(struct dma_source *src, int nid)
{
	struct device *dev = &src->pdev->dev;

	set_dev_node(dev, nid);
	src->page = dma_alloc_pages(dev, src->size, &src->handle, DMA_BIDIRECTIONAL,
				    GFP_KERNEL | __GFP_NOWARN);

	return src->page;
}

/* The default area first; then, for want of it, the areas of single nodes. */
static bool source_alloc_any(struct dma_source *src, int nid)
{
	if (source_alloc(src, nid))
		return true;
	if (nid != NUMA_NO_NODE || !IS_ENABLED(CONFIG_DMA_NUMA_CMA))
		return false;

	for_each_online_node(nid)
		if (source_alloc(src, nid))
			return true;

	return false;
}

static void source_free(struct dma_source *src)
{
	dma_free_pages(&src->pdev->dev, src->size, src->page, src->handle,
		       DMA_BIDIRECTIONAL);
	src->page = NULL;
}

static int dma_reserve(struct kmemx_grant *grant, unsigned long nr_pages, int nid)
{
	struct dma_source *src;
	int ret;

	ret = kmemx_grant_check_cma(grant, nr_pages);
	if (ret)
		return ret;
	ret = kmemx_grant_init_spans(grant, 1);
	if (ret)
		return ret;
	ret = source_create(grant, nr_pages);
	if (ret) {
		kmemx_grant_say(grant, "no device to allocate for; see the lines above");
		return ret;
	}

	src = grant->priv;
	if (!source_alloc_any(src, nid)) {
		kmemx_grant_say(grant, "no CMA area for DMA has a run of %lu MiB to spare (free in all areas: %lu MiB); load with a smaller size= or boot with cma=%luM",
				kmemx_mib(nr_pages),
				kmemx_mib(global_zone_page_state(NR_FREE_CMA_PAGES)),
				kmemx_cma_advice(nr_pages));
		return -ENOMEM;
	}
	if (!zone_has_cma(src->page, nr_pages)) {
		source_free(src);
		kmemx_grant_say(grant, "the memory did not come from CMA; boot with cma=%luM",
				kmemx_cma_advice(nr_pages));
		return -EOPNOTSUPP;
	}

	grant->span[0].pfn = page_to_pfn(src->page);
	grant->span[0].nr_pages = nr_pages;

	return 0;
}

static void dma_release(struct kmemx_grant *grant, unsigned int i)
{
	source_free(grant->priv);
}

/* The device of memory that is kept stays too: CONFIG_DMA_API_DEBUG looks at both. */
static void dma_fini(struct kmemx_grant *grant)
{
	struct dma_source *src = grant->priv;

	if (src && !src->page)
		platform_device_unregister(src->pdev);
	kfree(src);
}

#else /* !CONFIG_DMA_CMA */

static int dma_reserve(struct kmemx_grant *grant, unsigned long nr_pages, int nid)
{
	kmemx_grant_say(grant, "this kernel has no CONFIG_DMA_CMA; use backend=contig, or a kernel that has it");
	return -EOPNOTSUPP;
}

static void dma_release(struct kmemx_grant *grant, unsigned int i)
{
}

static void dma_fini(struct kmemx_grant *grant)
{
}

#endif /* CONFIG_DMA_CMA */

const struct kmemx_backend kmemx_backend_dma = {
	.name = "cma",
	.how = "dma_alloc_pages",
	.reserve = dma_reserve,
	.release = dma_release,
	.fini = dma_fini,
};
KMEMX_EXPORT_FOR_TEST(kmemx_backend_dma);
