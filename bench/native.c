// SPDX-License-Identifier: GPL-2.0
/*
 * mode=native: nanoseconds of an operation, with the caches that the kernel runs
 * on. On one CPU, the median of nine runs; for the kernel uml of scripts/vm/run, and
 * for hardware. Never to be compared with another run.
 *
 * hot, rand4096 and churn4096 are those of mode=cost, but as often as takes a
 * millisecond and more.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/sched.h>

#include "order.h"
#include "values.h"
#include "work.h"

#define RUNS		9
#define HOT_PAIRS	65536
#define CHURNS		(16 * BENCH_LIVE)

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
	u64 start, picoseconds = 0;

	order_draw(work->at, CHURNS, work->live, &work->random);
	if (!work->peer->loops->take(work->ctx, work->objs, work->live))
		return 0;
	start = ktime_get_ns();
	if (work->peer->loops->churn(work->ctx, work->objs, work->at, CHURNS))
		picoseconds = per_pair(start, CHURNS);
	work_give_rest(work, work->live);
	return picoseconds;
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
	values_sort(picoseconds, RUNS);
	bench_row(work->peer->name, workload, "ns_pair", div_u64(picoseconds[RUNS / 2], 100), "ns");
}

static int measure_peer(const struct bench_peer *peer, void *ctx)
{
	struct work work;
	int ret = work_init(&work, peer, ctx, BENCH_LIVE, CHURNS);

	if (!ret) {
		measure(&work, "hot", hot);
		measure(&work, "rand4096", at_random);
		measure(&work, "churn4096", churn);
	}
	work_fini(&work);
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
