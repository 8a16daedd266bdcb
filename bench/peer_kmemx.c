// SPDX-License-Identifier: GPL-2.0
/*
 * kmemx, through its exported functions, out of the one region that it was
 * loaded with. Everybody's region is the same, so blocks are found by where they
 * lie from the lowest frame.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <kmemx/kmemx.h>

#include "clock.h"
#include "loops.h"

/* ---- Objects ---------------------------------------------------------- */

static void *kmemx_peer_cache_create(const struct bench_peer *peer)
{
	return kmemx_cache_create(peer->name, peer->size, NULL, 0) ?: ERR_PTR(-ENOMEM);
}

static void kmemx_peer_cache_destroy(void *ctx)
{
	kmemx_cache_destroy(ctx);
}

static __always_inline void *kmemx_peer_cache_alloc(void *ctx, gfp_t gfp)
{
	return kmemx_cache_alloc(ctx, gfp);
}

static __always_inline void kmemx_peer_cache_free(void *ctx, void *obj)
{
	kmemx_cache_free(ctx, obj);
}

BENCH_LOOPS(kmemx_peer_cache);

static void *shared_create(const struct bench_peer *peer)
{
	return (void *)peer;
}

static void shared_destroy(void *ctx)
{
}

#define ALLOC_LOOPS(bytes)							\
static __always_inline void *kmemx_alloc_##bytes##_alloc(void *ctx, gfp_t gfp)	\
{										\
	return kmemx_alloc(bytes, gfp);						\
}										\
static __always_inline void kmemx_alloc_##bytes##_free(void *ctx, void *obj)	\
{										\
	kmemx_free(obj);							\
}										\
BENCH_LOOPS(kmemx_alloc_##bytes)

ALLOC_LOOPS(64);
ALLOC_LOOPS(256);
ALLOC_LOOPS(1024);

/* ---- Pages ------------------------------------------------------------ */

/**
 * struct kmemx_region_view - the region as a consumer sees it
 * @base: pfn of its first frame
 * @nr_frames: how many can be had
 */
struct kmemx_region_view {
	unsigned long base;
	unsigned long nr_frames;
};

#define PROBE_ORDER	9

/*
 * Take every chunk there is, to see how many and where; then give them back. May
 * sleep, so that empty slabs of those who were here before do not keep any.
 */
static int look(struct kmemx_region_view *view)
{
	struct page *page, *first = NULL;
	unsigned long end = 0;

	view->base = ULONG_MAX;
	while ((page = kmemx_alloc_pages(GFP_KERNEL | __GFP_NOWARN, PROBE_ORDER))) {
		unsigned long pfn = page_to_pfn(page);

		*(struct page **)page_address(page) = first;
		first = page;
		view->nr_frames += 1UL << PROBE_ORDER;
		view->base = min(view->base, pfn);
		end = max(end, pfn + (1UL << PROBE_ORDER));
	}
	while ((page = first)) {
		first = *(struct page **)page_address(page);
		kmemx_free_pages(page, PROBE_ORDER);
	}
	if (view->nr_frames && end - view->base == view->nr_frames)
		return 0;
	pr_err("kmemx's region is not one free run of chunks; load kmemx with backend=cma or backend=contig, and no other consumer\n");
	return -EBUSY;
}

static void *kmemx_pages_create(const struct bench_peer *peer)
{
	struct kmemx_region_view *view = kzalloc(sizeof(*view), GFP_KERNEL);
	int ret;

	if (!view)
		return ERR_PTR(-ENOMEM);
	ret = look(view);
	if (!ret)
		return view;
	kfree(view);
	return ERR_PTR(ret);
}

static void kmemx_pages_destroy(void *ctx)
{
	kfree(ctx);
}

#define KMEMX_PAGES_LOOPS(nr)							\
static __always_inline void *kmemx_pages_o##nr##_alloc(void *ctx, gfp_t gfp)	\
{										\
	return kmemx_alloc_pages(gfp, BENCH_O##nr);					\
}										\
static __always_inline void kmemx_pages_o##nr##_free(void *ctx, void *obj)	\
{										\
	kmemx_free_pages(obj, BENCH_O##nr);						\
}										\
BENCH_LOOPS(kmemx_pages_o##nr)

KMEMX_PAGES_LOOPS(0);
KMEMX_PAGES_LOOPS(1);
KMEMX_PAGES_LOOPS(2);
KMEMX_PAGES_LOOPS(3);
KMEMX_PAGES_LOOPS(4);
KMEMX_PAGES_LOOPS(5);
KMEMX_PAGES_LOOPS(6);
KMEMX_PAGES_LOOPS(7);
KMEMX_PAGES_LOOPS(8);
KMEMX_PAGES_LOOPS(9);

/* ---- An allocation that has to drain ------------------------------------ */

/* All there is of one order, onto a list: each block's first page says which is next. */
static struct page *take_order(struct page *first, unsigned int order)
{
	struct page *page;

	while ((page = kmemx_alloc_pages(BENCH_GFP_TRY, order))) {
		struct page **next = page_address(page);

		next[0] = first;
		next[1] = (struct page *)(unsigned long)order;
		first = page;
	}
	return first;
}

static struct page *give_one(struct page *page)
{
	struct page **next = page_address(page), *rest = next[0];

	kmemx_free_pages(page, (unsigned int)(unsigned long)next[1]);
	return rest;
}

static void give_list(struct page *first)
{
	while (first)
		first = give_one(first);
}

/*
 * With the region full but for one chunk, and frames of that free in this CPU's front
 * of another order, as many as it keeps.
 */
static u64 kmemx_pages_drain(void *ctx, unsigned int order)
{
	struct page *chunk = kmemx_alloc_pages(GFP_KERNEL, PROBE_ORDER), *rest, *page;
	u64 ticks;

	if (!chunk)
		return 0;
	rest = take_order(NULL, PROBE_ORDER);
	kmemx_free_pages(chunk, PROBE_ORDER);
	give_list(take_order(NULL, order ? 0 : 1));
	/* What went past the front. */
	rest = take_order(rest, order);
	ticks = clock_read();
	page = kmemx_alloc_pages(GFP_KERNEL | __GFP_NOWARN, order);
	ticks = clock_read() - ticks;
	if (page)
		kmemx_free_pages(page, order);
	give_list(rest);
	return page ? ticks : 0;
}

static bool bulk_take(void *ctx, void **objs, unsigned long n)
{
	unsigned long got = kmemx_alloc_pages_bulk(BENCH_GFP, n, (struct page **)objs);

	if (got == n)
		return true;
	kmemx_free_pages_bulk(got, (struct page **)objs);
	return false;
}

static void bulk_give(void *ctx, void **objs, unsigned long n)
{
	kmemx_free_pages_bulk(n, (struct page **)objs);
}

static const struct bench_bulk kmemx_bulk = {
	.take = bulk_take,
	.give = bulk_give,
};

static bool cache_bulk_take(void *ctx, void **objs, unsigned long n)
{
	return kmemx_cache_alloc_bulk(ctx, BENCH_GFP, (unsigned int)n, objs);
}

static void cache_bulk_give(void *ctx, void **objs, unsigned long n)
{
	kmemx_cache_free_bulk(ctx, (unsigned int)n, objs);
}

static const struct bench_bulk kmemx_cache_bulk = {
	.take = cache_bulk_take,
	.give = cache_bulk_give,
};

/* ---- Blocks of any order ------------------------------------------------ */

static void *take(void *ctx, unsigned int order)
{
	return kmemx_alloc_pages(BENCH_GFP_TRY, order);
}

static void give(void *ctx, void *block, unsigned int order)
{
	kmemx_free_pages(block, order);
}

static unsigned long frame(void *ctx, void *block)
{
	struct kmemx_region_view *view = ctx;
	struct page *page = block;

	return page_to_pfn(page) - view->base;
}

static unsigned long capacity(void *ctx)
{
	struct kmemx_region_view *view = ctx;

	return view->nr_frames;
}

static const struct bench_blocks kmemx_blocks = {
	.take = take,
	.give = give,
	.frame = frame,
	.capacity = capacity,
};

/* ---- The rows --------------------------------------------------------- */

#define KMEMX_PAGES(nr)					\
	.name = "kmemx_pages_o" #nr,			\
	.order = BENCH_O##nr,					\
	.pages = true,					\
	.create = kmemx_pages_create,			\
	.destroy = kmemx_pages_destroy,			\
	.drain = kmemx_pages_drain,			\
	.loops = &kmemx_pages_o##nr##_loops,		\
	.blocks = &kmemx_blocks

/* What objects come out of. */
static const struct bench_peer region = { KMEMX_PAGES(0) };

#define CACHE(bytes) {					\
	.name = "kmemx_cache_" #bytes,			\
	.size = bytes,					\
	.create = kmemx_peer_cache_create,		\
	.destroy = kmemx_peer_cache_destroy,		\
	.loops = &kmemx_peer_cache_loops,		\
	.bulk = &kmemx_cache_bulk,			\
	.region = &region,				\
}

#define ALLOC(bytes) {					\
	.name = "kmemx_alloc_" #bytes,			\
	.size = bytes,					\
	.create = shared_create,			\
	.destroy = shared_destroy,			\
	.loops = &kmemx_alloc_##bytes##_loops,		\
	.region = &region,				\
}

const struct bench_peer bench_kmemx[] = {
	CACHE(64),
	CACHE(256),
	CACHE(1024),
	ALLOC(64),
	ALLOC(256),
	ALLOC(1024),
	{ KMEMX_PAGES(0), .bulk = &kmemx_bulk },
	{ KMEMX_PAGES(2) },
	{ KMEMX_PAGES(4) },
	{ KMEMX_PAGES(9) },
	{ }
};

const struct bench_peer bench_kmemx_orders[] = {
	{ KMEMX_PAGES(1) },
	{ KMEMX_PAGES(3) },
	{ KMEMX_PAGES(5) },
	{ KMEMX_PAGES(6) },
	{ KMEMX_PAGES(7) },
	{ KMEMX_PAGES(8) },
	{ }
};

/* MODULE_IMPORT_NS() of any kernel: its argument became a string in Linux 6.13. */
MODULE_INFO(import_ns, "KMEMX");
