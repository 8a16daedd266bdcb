// SPDX-License-Identifier: GPL-2.0
/*
 * mode=tail: what a single operation can cost, in instructions.
 *
 * fill0    the region is empty
 * fill90   it is 90 % full, and fragmented
 * size1g   it is half full, and fragmented, and this large (size64m: likewise);
 *	    two runs with different region= show what grows with the region
 * full     it is all allocated, the largest blocks first
 * comb     the same, but that of 4096 frames, which were allocated first and one by one, every
 *	    other one is free again: enough, but no two in a row
 *
 * 32,768 allocations and as many frees, as in rand4096: up to 4096 at a time are
 * allocated and freed in random order, each with interrupts off and timed by
 * itself. Those that fail, and those that had to drain fronts, are told apart. Of
 * kmemx every order is measured.
 */
#include <linux/err.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>

#include "clock.h"
#include "fill.h"
#include "order.h"
#include "rounds.h"
#include "values.h"

#define UNIT		"instructions"

#define SAMPLES		32768U
#define DRAINS		16
#define FAILURES	64
#define COMB_FRAMES	4096

/**
 * struct samples - what single operations took
 * @alloc: ticks of allocations
 * @free: ticks of frees
 * @nr: how many of each
 * @nr_failed: allocations that failed
 * @fail_max: the longest of those
 */
struct samples {
	u64 *alloc;
	u64 *free;
	u32 nr;
	u32 nr_failed;
	u64 fail_max;
};

/* ---- Rounds ----------------------------------------------------------- */

static void *timed_try(struct work *work, u64 *ticks)
{
	unsigned long flags = rounds_begin();
	void *obj = work->peer->loops->try_one(work->ctx, ticks);

	rounds_end(flags);
	return obj;
}

static void timed_give(struct work *work, void *obj, u64 *ticks)
{
	unsigned long flags = rounds_begin();

	work->peer->loops->give_one(work->ctx, obj, ticks);
	rounds_end(flags);
}

/* Up to @n objects; less if one cannot be had, or all samples are there. */
static u32 take_some(struct work *work, struct samples *samples, u32 n)
{
	u64 ticks;
	u32 i;

	n = min(n, SAMPLES - samples->nr);
	for (i = 0; i < n; i++) {
		work->objs[i] = timed_try(work, &ticks);
		if (!work->objs[i]) {
			samples->nr_failed++;
			samples->fail_max = max(samples->fail_max, ticks);
			break;
		}
		samples->alloc[samples->nr + i] = ticks;
	}
	return i;
}

static void give_all(struct work *work, struct samples *samples, u32 n)
{
	u32 i;

	order_shuffle(work->at, n, &work->random);
	for (i = 0; i < n; i++)
		timed_give(work, work->objs[work->at[i]], &samples->free[samples->nr + i]);
	samples->nr += n;
}

/* Rounds without a single object are given up after a while: it is full. */
static void sample(struct work *work, struct samples *samples, u32 live)
{
	u32 limit = bench_params.quick ? SAMPLES / 4 : SAMPLES;

	samples->nr = 0;
	samples->nr_failed = 0;
	samples->fail_max = 0;
	while (samples->nr < limit && samples->nr_failed < SAMPLES / BENCH_LIVE_MIN) {
		give_all(work, samples, take_some(work, samples, live));
		cond_resched();
	}
}

/* ---- Rows ------------------------------------------------------------- */

static void percentile_rows(const char *allocator, const char *workload, const char *what,
			    u64 *ticks, u32 nr)
{
	static const struct {
		const char *name;
		u32 per_mille;
	} wanted[] = {
		{ "p50", 500 }, { "p99", 990 }, { "p99.9", 999 }, { "max", 1000 },
	};
	char metric[16];
	u32 i;

	values_sort(ticks, nr);
	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		snprintf(metric, sizeof(metric), "%s_%s", what, wanted[i].name);
		if (nr)
			bench_row(allocator, workload, metric,
				  10 * values_percentile(ticks, nr, wanted[i].per_mille), UNIT);
		else
			bench_no_row(allocator, workload, metric, "none can be had");
	}
}

static void rows(const char *allocator, const char *workload, const struct samples *samples)
{
	percentile_rows(allocator, workload, "alloc", samples->alloc, samples->nr);
	percentile_rows(allocator, workload, "free", samples->free, samples->nr);
	if (samples->nr_failed)
		bench_row(allocator, workload, "fail_max", 10 * samples->fail_max, UNIT);
	else
		bench_no_row(allocator, workload, "fail_max", "none failed");
}

/* An allocation that may sleep, so with interrupts on. */
static void drain_row(struct work *work, const char *workload)
{
	u64 ticks, longest = 0;
	unsigned int i;

	for (i = 0; work->peer->drain && i < DRAINS; i++) {
		ticks = work->peer->drain(work->ctx, work->peer->order);
		longest = max(longest, ticks);
	}
	if (longest)
		bench_row(work->peer->name, workload, "drain_max", 10 * longest, UNIT);
	else
		bench_no_row(work->peer->name, workload, "drain_max", "none drained");
}

/* ---- Workloads -------------------------------------------------------- */

/* Returns NULL for a size that no row is for. */
static const char *size_name(unsigned long bytes)
{
	switch (bytes) {
	case SZ_1G:
		return "size1g";
	case SZ_64M:
		return "size64m";
	default:
		return NULL;
	}
}

/* @workload: NULL if it is named after the region's size. */
static int sample_filled(struct work *work, struct samples *samples, const char *workload,
			 unsigned int percent)
{
	struct fill fill;
	int ret = fill_region(&fill, work->peer, work->ctx, percent);

	if (ret)
		return ret;
	workload = workload ?: size_name(fill_bytes(&fill));
	if (workload) {
		sample(work, samples, work_live(work->peer, fill_free(&fill)));
		rows(work->peer->name, workload, samples);
	}
	fill_fini(&fill);
	return 0;
}

/* As many as there are to be had, and then those that fail. */
static void fail_row(struct work *work, const char *workload)
{
	u64 ticks, longest = 0;
	u32 nr = 0, i;

	while (nr < BENCH_LIVE && (work->objs[nr] = timed_try(work, &ticks)))
		nr++;
	/* The first has to look at what frees have left behind. */
	if (nr < BENCH_LIVE)
		longest = ticks;
	for (i = 0; i < FAILURES; i++) {
		void *obj = timed_try(work, &ticks);

		if (obj)
			timed_give(work, obj, &ticks);
		else
			longest = max(longest, ticks);
	}
	while (nr--)
		timed_give(work, work->objs[nr], &ticks);
	if (longest)
		bench_row(work->peer->name, workload, "fail_max", 10 * longest, UNIT);
	else
		bench_no_row(work->peer->name, workload, "fail_max", "none failed");
}

static int sample_failing(struct work *work, const char *workload, u32 nr_single)
{
	struct fill fill;
	int ret = fill_whole(&fill, work->peer, work->ctx, nr_single);

	if (ret)
		return ret;
	fail_row(work, workload);
	fill_fini(&fill);
	return 0;
}

static int measure(struct work *work, struct samples *samples)
{
	const char *allocator = work->peer->name;
	int ret;

	sample(work, samples, work->live);
	rows(allocator, "fill0", samples);
	drain_row(work, "fill0");
	if (!fill_has_region(work->peer)) {
		bench_no_row(allocator, "fill90", "alloc_max", "no region that could be filled");
		return 0;
	}
	ret = sample_filled(work, samples, "fill90", 90) ?:
	      sample_filled(work, samples, NULL, 50) ?:
	      sample_failing(work, "full", 0);
	if (!ret && work->peer->blocks && work->peer->order)
		ret = sample_failing(work, "comb", COMB_FRAMES);
	return ret;
}

static int measure_peer(const struct bench_peer *peer, void *ctx)
{
	struct samples samples = {
		.alloc = vmalloc(SAMPLES * sizeof(u64)),
		.free = vmalloc(SAMPLES * sizeof(u64)),
	};
	struct work work;
	int ret = work_init(&work, peer, ctx, BENCH_LIVE, BENCH_LIVE);

	if (!samples.alloc || !samples.free)
		ret = -ENOMEM;
	if (!ret)
		ret = measure(&work, &samples);
	work_fini(&work);
	vfree(samples.free);
	vfree(samples.alloc);
	return ret;
}

static void missing_peer(const struct bench_peer *peer)
{
	bench_no_row(peer->name, "fill0", "alloc_p50", peer->missing);
}

/**
 * bench_tail() - mode=tail
 *
 * Return: 0 or an error.
 */
int bench_tail(void)
{
	int ret = clock_calibrate();

	return ret ?: bench_measure_peers(measure_peer, missing_peer) ?:
	       bench_measure_family(bench_kmemx_orders, measure_peer, missing_peer);
}
