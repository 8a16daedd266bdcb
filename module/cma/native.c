// SPDX-License-Identifier: GPL-2.0
/*
 * kmemx backend "cma", first choice: the kernel's CMA allocator itself.
 *
 * Takes one span from the default CMA area, aligned to a chunk. Per-node areas
 * (numa_cma=) cannot be named through what the kernel exports; dma.c reaches
 * them. The build defines KMEMX_HAVE_CMA_ALLOC where the target kernel's
 * Module.symvers has cma_alloc and dev_get_cma_area.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cma.h>
#include <linux/dma-map-ops.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/vmstat.h>

#include <kmemx/compat.h>

#include "backend.h"

#ifdef KMEMX_HAVE_CMA_ALLOC

static int native_reserve(struct kmemx_grant *grant, unsigned long nr_pages, int nid)
{
	struct cma *area = dev_get_cma_area(NULL);
	struct page *page;
	int ret;

	ret = kmemx_grant_check_cma(grant, nr_pages);
	if (ret)
		return ret;
	if (!area) {
		kmemx_grant_say(grant, "no default CMA area, only areas for others; boot with cma=%luM",
				kmemx_cma_advice(nr_pages));
		return -EOPNOTSUPP;
	}
	ret = kmemx_grant_init_spans(grant, 1);
	if (ret)
		return ret;

	page = cma_alloc(area, nr_pages, KMEMX_BACKEND_CHUNK_ORDER, true);
	if (!page) {
		kmemx_grant_say(grant, "the default CMA area has no run of %lu MiB to spare (free in all areas: %lu MiB); load with a smaller size= or boot with cma=%luM",
				kmemx_mib(nr_pages),
				kmemx_mib(global_zone_page_state(NR_FREE_CMA_PAGES)),
				kmemx_cma_advice(nr_pages));
		return -ENOMEM;
	}

	grant->priv = area;
	grant->span[0].pfn = page_to_pfn(page);
	grant->span[0].nr_pages = nr_pages;

	return 0;
}

static void native_release(struct kmemx_grant *grant, unsigned int i)
{
	const struct kmemx_span *span = &grant->span[i];

	/* False would mean that the area never gave it: our own bookkeeping is broken. */
	WARN_ON_ONCE(!cma_release(grant->priv, pfn_to_page(span->pfn), span->nr_pages));
}

#else /* !KMEMX_HAVE_CMA_ALLOC */

static int native_reserve(struct kmemx_grant *grant, unsigned long nr_pages, int nid)
{
	kmemx_grant_say(grant, "this kernel does not export cma_alloc(); use one that does, as Debian's 7.2");
	return -EOPNOTSUPP;
}

static void native_release(struct kmemx_grant *grant, unsigned int i)
{
}

#endif /* KMEMX_HAVE_CMA_ALLOC */

const struct kmemx_backend kmemx_backend_native = {
	.name = "cma",
	.how = "cma_alloc",
	.reserve = native_reserve,
	.release = native_release,
};
KMEMX_EXPORT_FOR_TEST(kmemx_backend_native);
