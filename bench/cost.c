// SPDX-License-Identifier: GPL-2.0
/*
 * mode=cost: what an operation costs on average, in instructions.
 *
 * hot        one object, allocated and freed again at once
 * batch128   128 allocated, then freed in the same order
 * rand4096   4096 alive, freed in random order
 * churn4096  4096 alive, one of which is replaced
 * bulk128    128 in one call
 *
 * Blocks of pages: fewer of them where 4096 would be more than half of the region.
 *
 * Interrupts and preemption are off around each loop. The first round is a
 * warm-up; the value is the mean of those that follow.
 */
#include <linux/kernel.h>

#include "clock.h"
#include "fill.h"
#include "order.h"
#include "rounds.h"

#define HOT_PAIRS	4096
#define BATCHES		64
#define BULKS		16
#define RANDOM_ROUNDS	8
#define CHURNS		(4 * BENCH_LIVE)

#define QUICK_SHARE	4	/* of the above, with quick=1 */

static unsigned int rounds(unsigned int n)
{
	return bench_params.quick ? DIV_ROUND_UP(n, QUICK_SHARE) : n;
}

/* ---- Workloads that only this mode has -------------------------------- */

static void churn(struct work *work)
{
	u32 n = rounds(CHURNS);
	unsigned long flags;
	u64 ticks;

	order_draw(work->at, n, work->live, &work->random);
	flags = rounds_begin();
	ticks = work->peer->loops->take(work->ctx, work->objs, work->live);
	if (ticks)
		ticks = work->peer->loops->churn(work->ctx, work->objs, work->at, n);
	if (ticks)
		ticks = work->peer->loops->churn(work->ctx, work->objs, work->at, n);
	work_give_rest(work, work->live);
	rounds_end(flags);
	rounds_pair_row(work, "churn4096", ticks, ticks ? n : 0);
}

static bool round_bulk(struct work *work, u32 n, struct sum *sum)
{
	unsigned long flags = rounds_begin();
	u64 start = clock_read(), middle;
	bool ok = work->peer->bulk->take(work->ctx, work->objs, n);

	middle = clock_read();
	if (ok)
		work->peer->bulk->give(work->ctx, work->objs, n);
	sum->free += clock_read() - middle;
	sum->alloc += middle - start;
	sum->pairs += n;
	rounds_end(flags);
	return ok;
}

static void bulk(struct work *work)
{
	if (work->peer->bulk)
		rounds_repeat(work, "bulk128", BENCH_BATCH, rounds(BULKS), round_bulk);
	else
		bench_no_row(work->peer->name, "bulk128", "pair", "no call for it");
}

/* ---- A peer ----------------------------------------------------------- */

/* @nr_frames: that are free; what is not a block of a region fits in any case. */
static void measure(struct work *work, unsigned long nr_frames)
{
	u32 room = min(nr_frames >> work->peer->order, BENCH_BATCH);

	rounds_hot(work, "hot", rounds(HOT_PAIRS));
	rounds_repeat(work, "batch128", work->peer->blocks ? room : BENCH_BATCH,
		      rounds(BATCHES), round_in_order);
	rounds_repeat(work, "rand4096", work->live, rounds(RANDOM_ROUNDS), round_at_random);
	churn(work);
	bulk(work);
}

static int measure_filled(struct work *work)
{
	struct fill fill;
	int ret = fill_region(&fill, work->peer, work->ctx, bench_params.fill);

	if (ret)
		return ret;
	work->live = work_live(work->peer, fill_free(&fill));
	measure(work, fill_free(&fill));
	fill_fini(&fill);
	return 0;
}

static int measure_peer(const struct bench_peer *peer, void *ctx)
{
	struct work work;
	int ret = work_init(&work, peer, ctx, BENCH_LIVE, CHURNS);

	if (!ret && !bench_params.fill)
		measure(&work, work_frames(peer, ctx));
	else if (!ret && fill_has_region(peer))
		ret = measure_filled(&work);
	work_fini(&work);
	return ret;
}

static void missing_peer(const struct bench_peer *peer)
{
	bench_no_row(peer->name, "hot", "pair", peer->missing);
}

/**
 * bench_cost() - mode=cost
 *
 * Return: 0 or an error.
 */
int bench_cost(void)
{
	int ret = clock_calibrate();

	return ret ?: bench_measure_peers(measure_peer, missing_peer);
}
