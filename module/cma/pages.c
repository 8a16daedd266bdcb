// SPDX-License-Identifier: GPL-2.0
/*
 * kmemx backend "pages": as many blocks of the page allocator as it takes, of
 * two chunks each where it has them (4 MiB), split into order-0 pages.
 *
 * The last resort: needs nothing, moves little, and gives several spans, all of
 * one node. Blocks that happen to lie side by side stay apart: what is left
 * allocated at unload keeps its span, and with joined ones that could be the
 * whole region.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sort.h>
#include <linux/topology.h>

#include <kmemx/compat.h>

#include "backend.h"

/* No block is smaller than a chunk, so a span is whole chunks, chunk-aligned. */
#define BLOCK_ORDER_MIN		KMEMX_BACKEND_CHUNK_ORDER
#define BLOCK_ORDER_MAX		min(KMEMX_BACKEND_CHUNK_ORDER + 1, MAX_PAGE_ORDER)

/*
 * The largest order that still fits and still succeeds. Only the smallest is
 * worth pressing for; an order that failed once is not asked for again.
 */
static struct page *alloc_block(int nid, unsigned long nr_left, unsigned int *order)
{
	gfp_t gfp = GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN;

	*order = min_t(unsigned int, *order, ilog2(nr_left));
	for (;;) {
		bool last = *order <= BLOCK_ORDER_MIN;
		struct page *page;

		page = alloc_pages_node(nid, gfp | (last ? __GFP_RETRY_MAYFAIL : __GFP_NORETRY),
					*order);
		if (page || last)
			return page;
		--*order;
	}
}

static int cmp_span(const void *a, const void *b)
{
	const struct kmemx_span *l = a, *r = b;

	return l->pfn < r->pfn ? -1 : l->pfn > r->pfn;
}

/* Of one node; if that has not enough, what it had is in @grant. */
static int collect(struct kmemx_grant *grant, unsigned long nr_pages, int nid)
{
	unsigned int order = BLOCK_ORDER_MAX, nr_spans = 0;
	unsigned long nr_left;
	struct page *page;
	int ret;

	ret = kmemx_grant_check_room(grant, nr_pages, nid);
	if (ret)
		return ret;

	for (nr_left = nr_pages; nr_left; nr_left -= 1UL << order) {
		if (fatal_signal_pending(current)) {
			kmemx_grant_say(grant, "killed while it collected blocks; load again");
			return -EINTR;
		}
		page = alloc_block(nid, nr_left, &order);
		if (!page) {
			kmemx_grant_say(grant, "node %d is out of free blocks of %lu KiB with %lu of %lu MiB to go; load with a smaller size=, or sooner after boot",
					nid, PAGE_SIZE << order >> 10, kmemx_mib(nr_left),
					kmemx_mib(nr_pages));
			return -ENOMEM;
		}
		split_page(page, order);
		grant->span[nr_spans].pfn = page_to_pfn(page);
		grant->span[nr_spans++].nr_pages = 1UL << order;
		cond_resched();
	}
	grant->nr_spans = nr_spans;
	sort(grant->span, nr_spans, sizeof(*grant->span), cmp_span, NULL);

	return 0;
}

static void give_back(struct kmemx_grant *grant)
{
	unsigned int i;

	for (i = 0; i < grant->nr_spans; i++)
		kmemx_backend_release(grant, i);
}

/* One node if there is no choice, else the caller's own first. */
static int collect_any(struct kmemx_grant *grant, unsigned long nr_pages, int nid)
{
	int home = nid == NUMA_NO_NODE ? numa_mem_id() : nid;
	int other, ret;

	ret = collect(grant, nr_pages, home);
	if (ret != -ENOMEM || nid != NUMA_NO_NODE)
		return ret;

	for_each_online_node(other) {
		if (other == home)
			continue;
		give_back(grant);
		ret = collect(grant, nr_pages, other);
		if (ret != -ENOMEM)
			return ret;
	}

	return -ENOMEM;
}

static int pages_reserve(struct kmemx_grant *grant, unsigned long nr_pages, int nid)
{
	int ret;

	if (MAX_PAGE_ORDER < BLOCK_ORDER_MIN) {
		kmemx_grant_say(grant, "the page allocator has no blocks of %lu KiB here; use backend=cma or contig",
				PAGE_SIZE << BLOCK_ORDER_MIN >> 10);
		return -EOPNOTSUPP;
	}
	ret = kmemx_grant_check_room(grant, nr_pages, NUMA_NO_NODE);
	if (ret)
		return ret;
	ret = kmemx_grant_init_spans(grant, nr_pages >> BLOCK_ORDER_MIN);
	if (ret)
		return ret;

	return collect_any(grant, nr_pages, nid);
}

static void pages_release(struct kmemx_grant *grant, unsigned int i)
{
	const struct kmemx_span *span = &grant->span[i];
	unsigned long pfn;

	for (pfn = span->pfn; pfn < span->pfn + span->nr_pages; pfn++) {
		__free_page(pfn_to_page(pfn));
		if (IS_ALIGNED(pfn, KMEMX_BACKEND_CHUNK))
			cond_resched();
	}
}

const struct kmemx_backend kmemx_backend_pages = {
	.name = "pages",
	.how = "alloc_pages_node",
	.reserve = pages_reserve,
	.release = pages_release,
};
KMEMX_EXPORT_FOR_TEST(kmemx_backend_pages);
