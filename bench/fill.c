// SPDX-License-Identifier: GPL-2.0
/*
 * Plays a trace on a peer's region. mode=frag counts what fails, the other modes
 * want the state that the reference trace leaves behind.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "fill.h"
#include "order.h"
#include "work.h"

/*
 * A block of any trace has 16 frames on average, so a request for every 4 frames
 * fills the region and then replaces each block about three times.
 */
#define FRAMES_PER_REQUEST	4

/**
 * fill_init() - get ready to play
 * @fill: to be filled in
 * @peer: an allocator with blocks
 * @ctx: its region, all free
 * @percent: of the frames that may be in use
 * @kind: the trace
 * @seed: of the trace
 *
 * Return: 0 or -ENOMEM.
 */
int fill_init(struct fill *fill, const struct bench_peer *peer, void *ctx,
	      unsigned int percent, enum trace_kind kind, u64 seed)
{
	unsigned long nr_frames = work_frames(peer, ctx);

	*fill = (struct fill) { .peer = peer, .ctx = ctx, .mark = nr_frames * percent / 100 };
	fill->live = vmalloc_array(fill->mark + 1, sizeof(*fill->live));
	if (!fill->live)
		return -ENOMEM;
	trace_start(&fill->trace, kind, seed);
	return 0;
}

/* Lasting blocks come first in live[], the others after them. */
static void add_live(struct fill *fill, struct fill_block block, bool lasts)
{
	u32 i = fill->nr_live++;

	if (lasts) {
		fill->live[i] = fill->live[fill->nr_lasting];
		i = fill->nr_lasting++;
	}
	fill->live[i] = block;
	fill->used += 1UL << block.order;
}

static struct fill_block del_live(struct fill *fill, u32 i)
{
	struct fill_block block = fill->live[i];

	if (i < fill->nr_lasting) {
		fill->live[i] = fill->live[--fill->nr_lasting];
		i = fill->nr_lasting;
	}
	fill->live[i] = fill->live[--fill->nr_live];
	fill->used -= 1UL << block.order;
	return block;
}

static void free_one(struct fill *fill, u32 i)
{
	struct fill_block victim = del_live(fill, i);

	fill->peer->blocks->give(fill->ctx, victim.block, victim.order);
}

/**
 * fill_request() - play one request
 * @fill: the region
 *
 * Return: the order that was asked for, with FILL_FAILED if it could not be had.
 */
int fill_request(struct fill *fill)
{
	unsigned int order = trace_order(&fill->trace);
	bool lasts = trace_lasts(&fill->trace, order);
	void *block;

	while (fill->used + (1UL << order) > fill->mark && fill->nr_live)
		free_one(fill, trace_victim(&fill->trace, fill->nr_lasting, fill->nr_live));
	block = fill->peer->blocks->take(fill->ctx, order);
	if (!block)
		return order | FILL_FAILED;
	add_live(fill, (struct fill_block) { block, order }, lasts);
	return order;
}

/**
 * fill_fini() - free all blocks
 * @fill: the region
 */
void fill_fini(struct fill *fill)
{
	while (fill->nr_live)
		free_one(fill, fill->nr_live - 1);
	vfree(fill->live);
	if (fill->is_made)
		fill->peer->destroy(fill->ctx);
}

/* ---- A full region, for other modes ----------------------------------- */

/**
 * fill_has_region() - whether there is a region to fill
 * @peer: an allocator
 */
bool fill_has_region(const struct bench_peer *peer)
{
	return peer->blocks || peer->region;
}

/* Orders above what the mark leaves room for are drawn, and dropped, as well. */
static void fill_up(struct fill *fill)
{
	unsigned long i;

	for (i = 0; i < fill->mark / FRAMES_PER_REQUEST; i++) {
		fill_request(fill);
		if (i % 64 == 0)
			cond_resched();
	}
}

/* As fill_region(), but that nothing is allocated yet. */
static int start(struct fill *fill, const struct bench_peer *peer, void *ctx,
		 unsigned int percent)
{
	const struct bench_peer *owner = peer->region ?: peer;
	int ret;

	if (peer->region) {
		ctx = owner->create(owner);
		if (IS_ERR(ctx))
			return PTR_ERR(ctx);
	}
	ret = fill_init(fill, owner, ctx, percent, TRACE_REFERENCE, ORDER_SEED);
	fill->is_made = peer->region;
	if (ret && fill->is_made)
		owner->destroy(ctx);
	return ret;
}

static bool take_order(struct fill *fill, unsigned int order)
{
	void *block = fill->peer->blocks->take(fill->ctx, order);

	if (block)
		add_live(fill, (struct fill_block) { block, order }, false);
	return block;
}

/**
 * fill_region() - fill a region with the reference trace
 * @fill: to be filled in
 * @peer: an allocator that has a region, or whose objects come from one
 * @ctx: its state; nothing is allocated
 * @percent: of the frames that will be in use
 *
 * Return: 0 or an error; 0 calls for fill_fini().
 */
int fill_region(struct fill *fill, const struct bench_peer *peer, void *ctx,
		unsigned int percent)
{
	int ret = start(fill, peer, ctx, percent);

	if (!ret)
		fill_up(fill);
	return ret;
}

/**
 * fill_whole() - allocate all there is of a region, the largest blocks first
 * @fill: to be filled in
 * @peer: as for fill_region()
 * @ctx: likewise
 * @nr_single: before that, so many single frames; then every other one of them is freed again
 *
 * Return: 0 or an error; 0 calls for fill_fini().
 */
int fill_whole(struct fill *fill, const struct bench_peer *peer, void *ctx, u32 nr_single)
{
	int ret = start(fill, peer, ctx, 100), order;
	u32 i;

	if (ret)
		return ret;
	for (i = 0; i < nr_single && take_order(fill, 0); i++)
		;
	for (order = BENCH_O9; order >= 0; order--)
		while (take_order(fill, (unsigned int)order))
			cond_resched();
	/* What comes in the place of one that goes has been looked at, or is no such one. */
	while (i--)
		if (fill->peer->blocks->frame(fill->ctx, fill->live[i].block) & 1)
			free_one(fill, i);
	return 0;
}

/**
 * fill_bytes() - the region's size
 * @fill: the region
 */
unsigned long fill_bytes(const struct fill *fill)
{
	/* What is no page is of another size, with as many in the region. */
	return work_frames(fill->peer, fill->ctx) << PAGE_SHIFT;
}

/**
 * fill_free() - what is free
 * @fill: the region
 *
 * Return: frames.
 */
unsigned long fill_free(const struct fill *fill)
{
	return work_frames(fill->peer, fill->ctx) - fill->used;
}
