// SPDX-License-Identifier: GPL-2.0
/*
 * mode=tail: what a single operation can cost, in instructions.
 *
 * fill0    the region is empty
 * fill90   it is 90 % full, and fragmented
 * size1g   it is half full, and fragmented, and this large (size64m: likewise);
 *	    two runs with different region= show what grows with the region
 *
 * 32,768 allocations and as many frees, as in rand4096: up to 4096 at a time are
 * allocated and freed in random order, each with interrupts off and timed by
 * itself. Those that fail, and those that had to drain fronts, are told apart.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/sort.h>
#include <linux/vmalloc.h>

#include "clock.h"
#include "fill.h"
#include "order.h"

#define UNIT		"instructions"

#define SAMPLES		32768U
#define DRAINS		16

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

/**
 * struct work - what is measured
 * @peer: the allocator
 * @ctx: its state
 * @objs: live objects
 * @at: the order in which they are freed
 * @random: where orders come from
 * @samples: the result
 */
struct work {
	const struct bench_peer *peer;
	void *ctx;
	void **objs;
	u32 *at;
	u64 random;
	struct samples samples;
};

static void *timed_try(struct work *work, u64 *ticks)
{
	unsigned long flags;
	void *obj;

	preempt_disable();
	local_irq_save(flags);
	obj = work->peer->loops->try_one(work->ctx, ticks);
	local_irq_restore(flags);
	preempt_enable();
	return obj;
}

static void timed_give(struct work *work, void *obj, u64 *ticks)
{
	unsigned long flags;

	preempt_disable();
	local_irq_save(flags);
	work->peer->loops->give_one(work->ctx, obj, ticks);
	local_irq_restore(flags);
	preempt_enable();
}

/* ---- Rounds ----------------------------------------------------------- */

/* Up to @n objects; less if one cannot be had, or all samples are there. */
static u32 take_some(struct work *work, u32 n)
{
	struct samples *samples = &work->samples;
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

static void give_all(struct work *work, u32 n)
{
	struct samples *samples = &work->samples;
	u32 i;

	order_shuffle(work->at, n, &work->random);
	for (i = 0; i < n; i++)
		timed_give(work, work->objs[work->at[i]], &samples->free[samples->nr + i]);
	samples->nr += n;
}

/* Rounds without a single object are given up after a while: it is full. */
static void sample(struct work *work, u32 live)
{
	struct samples *samples = &work->samples;
	u32 limit = bench_params.quick ? SAMPLES / 4 : SAMPLES;

	samples->nr = 0;
	samples->nr_failed = 0;
	samples->fail_max = 0;
	while (samples->nr < limit && samples->nr_failed < SAMPLES / BENCH_LIVE_MIN) {
		give_all(work, take_some(work, live));
		cond_resched();
	}
}

/* ---- Rows ------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/* The smallest value that @per_mille of all do not exceed. */
static u64 percentile(const u64 *sorted, u32 nr, u32 per_mille)
{
	return sorted[DIV_ROUND_UP(nr * per_mille, 1000) - 1];
}

static void percentile_rows(struct work *work, const char *workload, const char *what,
			    u64 *ticks)
{
	static const struct {
		const char *name;
		u32 per_mille;
	} wanted[] = {
		{ "p50", 500 }, { "p99", 990 }, { "p99.9", 999 }, { "max", 1000 },
	};
	u32 i, nr = work->samples.nr;
	char metric[16];

	sort(ticks, nr, sizeof(*ticks), compare, NULL);
	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		snprintf(metric, sizeof(metric), "%s_%s", what, wanted[i].name);
		if (nr)
			bench_row(work->peer->name, workload, metric,
				  10 * percentile(ticks, nr, wanted[i].per_mille), UNIT);
		else
			bench_no_row(work->peer->name, workload, metric, "none can be had");
	}
}

static void rows(struct work *work, const char *workload)
{
	struct samples *samples = &work->samples;

	percentile_rows(work, workload, "alloc", samples->alloc);
	percentile_rows(work, workload, "free", samples->free);
	if (samples->nr_failed)
		bench_row(work->peer->name, workload, "fail_max", 10 * samples->fail_max, UNIT);
	else
		bench_no_row(work->peer->name, workload, "fail_max", "none failed");
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

static int sample_filled(struct work *work, const char *workload, unsigned int percent)
{
	unsigned long nr_frames = work->peer->blocks->capacity(work->ctx);
	struct fill fill;
	int ret = fill_init(&fill, work->peer, work->ctx, percent, ORDER_SEED);

	if (ret)
		return ret;
	fill_up(&fill);
	sample(work, bench_live(work->peer, nr_frames - fill.used));
	fill_fini(&fill);
	rows(work, workload);
	return 0;
}

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

static int measure(struct work *work)
{
	unsigned long bytes = bench_params.region;
	int ret;

	if (work->peer->blocks && work->peer->pages)
		bytes = work->peer->blocks->capacity(work->ctx) << PAGE_SHIFT;
	sample(work, bench_live(work->peer, bytes >> PAGE_SHIFT));
	rows(work, "fill0");
	drain_row(work, "fill0");
	if (!work->peer->blocks)
		return 0;
	ret = sample_filled(work, "fill90", 90);
	if (!ret && size_name(bytes))
		ret = sample_filled(work, size_name(bytes), 50);
	return ret;
}

static int measure_peer(const struct bench_peer *peer, void *ctx)
{
	struct work work = { .peer = peer, .ctx = ctx, .random = ORDER_SEED };
	int ret = -ENOMEM;

	work.objs = vmalloc(BENCH_LIVE * sizeof(*work.objs));
	work.at = vmalloc(BENCH_LIVE * sizeof(*work.at));
	work.samples.alloc = vmalloc(SAMPLES * sizeof(u64));
	work.samples.free = vmalloc(SAMPLES * sizeof(u64));
	if (work.objs && work.at && work.samples.alloc && work.samples.free)
		ret = measure(&work);
	vfree(work.samples.free);
	vfree(work.samples.alloc);
	vfree(work.at);
	vfree(work.objs);
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

	return ret ?: bench_measure_peers(measure_peer, missing_peer);
}
