// SPDX-License-Identifier: GPL-2.0
/*
 * The textbook list buddy (listbuddy.c) as a peer; and its variants, which mode=policies
 * alone has.
 */
#include <linux/err.h>
#include <linux/mm.h>

#include "listbuddy.h"
#include "loops.h"

static struct listbuddy *create(enum listbuddy_list list)
{
	return listbuddy_create(bench_params.region >> PAGE_SHIFT, list);
}

static void *listbuddy_peer_create(const struct bench_peer *peer)
{
	return create(LISTBUDDY_LIFO);
}

static void listbuddy_peer_destroy(void *ctx)
{
	listbuddy_destroy(ctx);
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

/* <name>_blocks: any order, by <name>_alloc() and <name>_free(). */
#define LISTBUDDY_BLOCKS(name)								\
static void *name##_take(void *ctx, unsigned int order)					\
{											\
	return name##_alloc(ctx, order);						\
}											\
static void name##_give(void *ctx, void *block, unsigned int order)			\
{											\
	name##_free(ctx, block, order);							\
}											\
static const struct bench_blocks name##_blocks = {					\
	.take = name##_take,								\
	.give = name##_give,								\
	.frame = frame,									\
	.capacity = capacity,								\
}

/* <name>_o<nr>_loops: one order. */
#define LISTBUDDY_LOOPS(name, nr)							\
static __always_inline void *name##_o##nr##_alloc(void *ctx, gfp_t gfp)			\
{											\
	return name##_alloc(ctx, BENCH_O##nr);						\
}											\
static __always_inline void name##_o##nr##_free(void *ctx, void *obj)			\
{											\
	name##_free(ctx, obj, BENCH_O##nr);						\
}											\
BENCH_LOOPS(name##_o##nr)

/* ---- The peer --------------------------------------------------------- */

LISTBUDDY_BLOCKS(listbuddy);
LISTBUDDY_LOOPS(listbuddy, 0);
LISTBUDDY_LOOPS(listbuddy, 2);
LISTBUDDY_LOOPS(listbuddy, 4);
LISTBUDDY_LOOPS(listbuddy, 9);

#define LISTBUDDY(nr) {					\
	.name = "listbuddy_o" #nr,			\
	.order = BENCH_O##nr,				\
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

/* ---- The variants ----------------------------------------------------- */

LISTBUDDY_BLOCKS(listbuddy_lifo);
LISTBUDDY_LOOPS(listbuddy_lifo, 0);
LISTBUDDY_BLOCKS(listbuddy_fifo);
LISTBUDDY_LOOPS(listbuddy_fifo, 0);
LISTBUDDY_BLOCKS(listbuddy_address);
LISTBUDDY_LOOPS(listbuddy_address, 0);
LISTBUDDY_BLOCKS(listbuddy_slack);
LISTBUDDY_LOOPS(listbuddy_slack, 0);
LISTBUDDY_BLOCKS(listbuddy_deferred);
LISTBUDDY_LOOPS(listbuddy_deferred, 0);

static void *address_create(const struct bench_peer *peer)
{
	return create(LISTBUDDY_ADDRESS);
}

/* Of a variant that lets blocks wait, the peer's size is how many. */
static void *deferred_create(const struct bench_peer *peer)
{
	struct listbuddy *buddy = create(LISTBUDDY_LIFO);

	if (!IS_ERR(buddy))
		buddy->watermark = peer->size;
	return buddy;
}

#define POLICY(policy, variant, creates, ...) {		\
	.name = "policy_" #policy "_o0",		\
	.pages = true,					\
	.create = creates,				\
	.destroy = listbuddy_peer_destroy,		\
	.loops = &variant##_o0_loops,			\
	.blocks = &variant##_blocks,			\
	__VA_ARGS__					\
}

#define DEFERRED(watermark)								\
	POLICY(deferred##watermark, listbuddy_deferred, deferred_create, .size = watermark)

const struct bench_peer bench_policy[] = {
	POLICY(lifo, listbuddy_lifo, listbuddy_peer_create),
	POLICY(fifo, listbuddy_fifo, listbuddy_peer_create),
	POLICY(address, listbuddy_address, address_create),
	POLICY(slack, listbuddy_slack, listbuddy_peer_create),
	DEFERRED(16),
	DEFERRED(64),
	DEFERRED(256),
	DEFERRED(1024),
	DEFERRED(16384),
	{ }
};

/**
 * bench_is_policy() - is a peer a variant of the list buddy?
 * @peer: the allocator
 *
 * Return: whether its state is a struct listbuddy that counts splits and merges.
 */
bool bench_is_policy(const struct bench_peer *peer)
{
	return peer >= bench_policy && peer < bench_policy + ARRAY_SIZE(bench_policy);
}
