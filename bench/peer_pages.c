// SPDX-License-Identifier: GPL-2.0
/*
 * The page allocator. It has no region that could be filled: the machine's
 * memory is everybody's.
 */
#include <linux/gfp.h>
#include <linux/mm.h>

#include "compat.h"
#include "loops.h"

static void *pages_create(const struct bench_peer *peer)
{
	return (void *)peer;
}

static void pages_destroy(void *ctx)
{
}

#define PAGES_LOOPS(nr)								\
static __always_inline void *pages_o##nr##_alloc(void *ctx, gfp_t gfp)		\
{										\
	return alloc_pages(gfp, BENCH_O##nr);						\
}										\
static __always_inline void pages_o##nr##_free(void *ctx, void *obj)		\
{										\
	__free_pages(obj, BENCH_O##nr);							\
}										\
BENCH_LOOPS(pages_o##nr)

PAGES_LOOPS(0);
PAGES_LOOPS(2);
PAGES_LOOPS(4);
PAGES_LOOPS(9);

static void pages_bulk_give(void *ctx, void **objs, unsigned long n)
{
	unsigned long i;

	for (i = 0; i < n; i++)
		__free_page(objs[i]);
}

/* It fills what is empty, and may be content with less than was asked for. */
static bool pages_bulk_take(void *ctx, void **objs, unsigned long n)
{
	unsigned long got;

	memset(objs, 0, n * sizeof(*objs));
	got = bench_alloc_pages_bulk(BENCH_GFP, n, (struct page **)objs);
	if (got == n)
		return true;
	pages_bulk_give(ctx, objs, got);
	return false;
}

static const struct bench_bulk pages_bulk = {
	.take = pages_bulk_take,
	.give = pages_bulk_give,
};

#define PAGES(nr) \
	.name = "pages_o" #nr,				\
	.order = BENCH_O##nr,				\
	.pages = true,					\
	.create = pages_create,				\
	.destroy = pages_destroy,			\
	.loops = &pages_o##nr##_loops

const struct bench_peer bench_pages[] = {
	{ PAGES(0), .bulk = &pages_bulk },
	{ PAGES(2) },
	{ PAGES(4) },
	{ PAGES(9) },
	{ }
};
