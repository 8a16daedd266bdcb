// SPDX-License-Identifier: GPL-2.0
/*
 * mode=named: the workloads of named.h on one CPU, in instructions per pair.
 *
 * llfree_bulk and llfree_rand have half of the region alive. Of larson and prodcons, the
 * threads take turns, as they would on one CPU: each runs until it hands over an array, or
 * the ring is full or empty. Handing over is not measured, but the ring's part is in
 * prodcons; see the rows of null for it.
 */
#include <linux/math.h>

#include "clock.h"
#include "named.h"
#include "order.h"
#include "rounds.h"

#define REPEATS		16384
#define RINGS		64

/* ---- For both forms --------------------------------------------------- */

static bool has_blocks(const struct bench_peer *peer)
{
	return peer->pages && (peer->order == BENCH_O0 || peer->order == BENCH_O9);
}

static bool has_objects(const struct bench_peer *peer)
{
	return !peer->pages;
}

/**
 * named_measure() - measure what a peer can take part in
 * @peer: the allocator
 * @ctx: its state
 * @blocks: measures llfree_*
 * @objects: measures larson and prodcons
 *
 * Return: 0 or an error.
 */
int named_measure(const struct bench_peer *peer, void *ctx, bench_measure_t blocks,
		  bench_measure_t objects)
{
	if (has_blocks(peer))
		return blocks(peer, ctx);
	return has_objects(peer) ? objects(peer, ctx) : 0;
}

/**
 * named_missing() - note that this kernel does not have a peer
 * @peer: which
 * @metric: what would have been measured
 */
void named_missing(const struct bench_peer *peer, const char *metric)
{
	if (has_blocks(peer))
		bench_no_row(peer->name, "llfree_bulk", metric, peer->missing);
	else if (has_objects(peer))
		bench_no_row(peer->name, "larson", metric, peer->missing);
}

/**
 * named_blocks() - how many blocks a part of the region is
 * @peer: an allocator with blocks
 * @ctx: its state
 * @part: so many of them are the region
 *
 * Return: 1 or more, whether or not there is one.
 */
u32 named_blocks(const struct bench_peer *peer, void *ctx, unsigned int part)
{
	return max(work_frames(peer, ctx) / part >> peer->order, 1UL);
}

/* ---- Workloads -------------------------------------------------------- */

static void larson(struct work *work)
{
	unsigned int turn;
	unsigned long flags;
	u64 ticks, sum = 0;

	order_draw(work->at, LARSON_TURN, LARSON_SLOTS, &work->random);
	ticks = work->peer->loops->take(work->ctx, work->objs, LARSON_LIVE);
	for (turn = 0; ticks && turn < 2 * LARSON_ARRAYS; turn++) {
		void **array = work->objs + turn % LARSON_ARRAYS * LARSON_SLOTS;

		flags = rounds_begin();
		ticks = work->peer->loops->churn(work->ctx, array, work->at, LARSON_TURN);
		rounds_end(flags);
		/* The first turn of each array is a warm-up. */
		sum += turn < LARSON_ARRAYS ? 0 : ticks;
	}
	work_give_rest(work, LARSON_LIVE);
	rounds_pair_row(work, "larson", sum, ticks ? LARSON_ARRAYS * LARSON_TURN : 0);
}

/* A full ring, and an empty one. After a failure there are objects in it as well. */
static bool round_ring(struct work *work, u32 n, struct sum *sum)
{
	unsigned long flags = rounds_begin();
	u64 alloc = work->peer->loops->produce(work->ctx, work->objs, n);
	u64 free = work->peer->loops->consume(work->ctx, work->objs, n);

	rounds_end(flags);
	*sum = (struct sum) { sum->alloc + alloc, sum->free + free, sum->pairs + n };
	return alloc;
}

/* larson leaves no objects behind, so the ring is empty. */
static void prodcons(struct work *work)
{
	rounds_repeat(work, "prodcons", BENCH_RING, RINGS, round_ring);
}

/* ---- A peer ----------------------------------------------------------- */

static int measure_blocks(const struct bench_peer *peer, void *ctx)
{
	u32 n = named_blocks(peer, ctx, 2);
	struct work work;
	int ret = work_init(&work, peer, ctx, n, n);

	if (bench_params.quick)
		n = DIV_ROUND_UP(n, 8);
	if (!ret) {
		rounds_repeat(&work, "llfree_bulk", n, 1, round_in_order);
		rounds_hot(&work, "llfree_repeat", REPEATS);
		rounds_repeat(&work, "llfree_rand", n, 1, round_at_random);
	}
	work_fini(&work);
	return ret;
}

static int measure_objects(const struct bench_peer *peer, void *ctx)
{
	struct work work;
	int ret = work_init(&work, peer, ctx, NAMED_OBJECTS, LARSON_TURN);

	if (!ret) {
		larson(&work);
		prodcons(&work);
	}
	work_fini(&work);
	return ret;
}

static int measure_peer(const struct bench_peer *peer, void *ctx)
{
	return named_measure(peer, ctx, measure_blocks, measure_objects);
}

static void missing_peer(const struct bench_peer *peer)
{
	named_missing(peer, "pair");
}

/**
 * bench_named() - mode=named
 *
 * Return: 0 or an error.
 */
int bench_named(void)
{
	int ret = clock_calibrate();

	return ret ?: bench_measure_peers(measure_peer, missing_peer);
}
