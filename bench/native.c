// SPDX-License-Identifier: GPL-2.0
/*
 * mode=native: nanoseconds of an operation, with the caches that the kernel runs
 * on. On one CPU, the median of nine runs; for the kernel uml of scripts/vm/run, and
 * for hardware. Never to be compared with another run.
 *
 * hot, rand4096 and churn4096 are those of mode=cost, but as often as takes a
 * millisecond and more.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/sched.h>
#include <linux/sort.h>
#include <linux/vmalloc.h>

#include "bench.h"
#include "order.h"

#define RUNS		9
#define HOT_PAIRS	65536
#define CHURNS		(16 * BENCH_LIVE)

/**
 * struct work - what the loops work on
 * @peer: the allocator
 * @ctx: its state
 * @objs: live objects
 * @at: the order in which they are freed
 * @live: how many are alive in rand4096 and churn4096
 * @random: where orders come from
 */
struct work {
	const struct bench_peer *peer;
	void *ctx;
	void **objs;
	u32 *at;
	u32 live;
	u64 random;
};

/* Each returns picoseconds per pair, or 0 if an allocation failed. */

static u64 per_pair(u64 start, u64 pairs)
{
	return div64_u64((ktime_get_ns() - start) * 1000, pairs);
}

static u64 hot(struct work *work)
{
	u64 start = ktime_get_ns();

	return work->peer->loops->hot(work->ctx, HOT_PAIRS) ? per_pair(start, HOT_PAIRS) : 0;
}

static u64 at_random(struct work *work)
{
	u64 start;

	order_shuffle(work->at, work->live, &work->random);
	start = ktime_get_ns();
	if (!work->peer->loops->take(work->ctx, work->objs, work->live))
		return 0;
	work->peer->loops->give_at(work->ctx, work->objs, work->at, work->live);
	return per_pair(start, work->live);
}

static u64 churn(struct work *work)
{
	u64 start, picoseconds = 0, ticks;
	u32 i;

	order_draw(work->at, CHURNS, work->live, &work->random);
	if (!work->peer->loops->take(work->ctx, work->objs, work->live))
		return 0;
	start = ktime_get_ns();
	if (work->peer->loops->churn(work->ctx, work->objs, work->at, CHURNS))
		picoseconds = per_pair(start, CHURNS);
	for (i = 0; i < work->live; i++)
		if (work->objs[i])
			work->peer->loops->give_one(work->ctx, work->objs[i], &ticks);
	return picoseconds;
}

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static void measure(struct work *work, const char *workload, u64 (*run)(struct work *work))
{
	u64 picoseconds[RUNS];
	unsigned int i;

	for (i = 0; i < RUNS; i++) {
		picoseconds[i] = run(work);
		if (!picoseconds[i]) {
			bench_no_row(work->peer->name, workload, "ns_pair", "an allocation failed");
			return;
		}
		cond_resched();
	}
	sort(picoseconds, RUNS, sizeof(*picoseconds), compare, NULL);
	bench_row(work->peer->name, workload, "ns_pair", div_u64(picoseconds[RUNS / 2], 100), "ns");
}

static int measure_peer(const struct bench_peer *peer, void *ctx)
{
	struct work work = { .peer = peer, .ctx = ctx, .random = ORDER_SEED };
	int ret = -ENOMEM;

	work.live = bench_live(peer, bench_params.region >> PAGE_SHIFT);
	work.objs = vzalloc(BENCH_LIVE * sizeof(*work.objs));
	work.at = vmalloc(CHURNS * sizeof(*work.at));
	if (work.objs && work.at) {
		measure(&work, "hot", hot);
		measure(&work, "rand4096", at_random);
		measure(&work, "churn4096", churn);
		ret = 0;
	}
	vfree(work.at);
	vfree(work.objs);
	return ret;
}

static void missing_peer(const struct bench_peer *peer)
{
	bench_no_row(peer->name, "hot", "ns_pair", peer->missing);
}

/**
 * bench_native() - mode=native
 *
 * Return: 0 or an error.
 */
int bench_native(void)
{
	return bench_measure_peers(measure_peer, missing_peer);
}
