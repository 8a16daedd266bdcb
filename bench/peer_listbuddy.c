// SPDX-License-Identifier: GPL-2.0
/*
 * The textbook list buddy (listbuddy.c) as a peer.
 */
#include <linux/mm.h>

#include "listbuddy.h"
#include "loops.h"

static void *listbuddy_peer_create(const struct bench_peer *peer)
{
	return listbuddy_create(bench_params.region >> PAGE_SHIFT);
}

static void listbuddy_peer_destroy(void *ctx)
{
	listbuddy_destroy(ctx);
}

#define LISTBUDDY_LOOPS(nr)							\
static __always_inline void *listbuddy_o##nr##_alloc(void *ctx, gfp_t gfp)	\
{										\
	return listbuddy_alloc(ctx, BENCH_O##nr);				\
}										\
static __always_inline void listbuddy_o##nr##_free(void *ctx, void *obj)	\
{										\
	listbuddy_free(ctx, obj, BENCH_O##nr);					\
}										\
BENCH_LOOPS(listbuddy_o##nr)

LISTBUDDY_LOOPS(0);
LISTBUDDY_LOOPS(2);
LISTBUDDY_LOOPS(4);
LISTBUDDY_LOOPS(9);

static void *take(void *ctx, unsigned int order)
{
	return listbuddy_alloc(ctx, order);
}

static void give(void *ctx, void *block, unsigned int order)
{
	listbuddy_free(ctx, block, order);
}

static unsigned long frame(void *ctx, void *block)
{
	struct listbuddy *buddy = ctx;

	return (struct listbuddy_frame *)block - buddy->frames;
}

static unsigned long capacity(void *ctx)
{
	return bench_params.region >> PAGE_SHIFT;
}

static const struct bench_blocks listbuddy_blocks = {
	.take = take,
	.give = give,
	.frame = frame,
	.capacity = capacity,
};

#define LISTBUDDY(nr) {					\
	.name = "listbuddy_o" #nr,			\
	.order = BENCH_O##nr,					\
	.pages = true,					\
	.create = listbuddy_peer_create,		\
	.destroy = listbuddy_peer_destroy,		\
	.loops = &listbuddy_o##nr##_loops,		\
	.blocks = &listbuddy_blocks,			\
}

const struct bench_peer bench_listbuddy[] = {
	LISTBUDDY(0),
	LISTBUDDY(2),
	LISTBUDDY(4),
	LISTBUDDY(9),
	{ }
};
