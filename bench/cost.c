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
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "clock.h"
#include "fill.h"
#include "order.h"

#define UNIT		"instructions"

#define HOT_PAIRS	4096
#define BATCHES		64
#define BULKS		16
#define RANDOM_ROUNDS	8
#define CHURNS		(4 * BENCH_LIVE)

#define QUICK_SHARE	4	/* of the above, with quick=1 */

/**
 * struct work - what the loops work on
 * @peer: the allocator
 * @ctx: its state
 * @objs: live objects
 * @at: the order in which they are freed
 * @live: how many are alive in rand4096 and churn4096
 * @suffix: of the workloads' names: how full the region is
 * @random: where orders come from
 */
struct work {
	const struct bench_peer *peer;
	void *ctx;
	void **objs;
	u32 *at;
	u32 live;
	char suffix[16];
	u64 random;
};

/**
 * struct sum - ticks of a workload
 * @alloc: of allocations
 * @free: of frees
 * @pairs: how many of each
 */
struct sum {
	u64 alloc;
	u64 free;
	u64 pairs;
};

static unsigned int rounds(unsigned int n)
{
	return bench_params.quick ? DIV_ROUND_UP(n, QUICK_SHARE) : n;
}

static unsigned long quiet(void)
{
	unsigned long flags;

	preempt_disable();
	local_irq_save(flags);
	return flags;
}

static void loud(unsigned long flags)
{
	local_irq_restore(flags);
	preempt_enable();
	cond_resched();
}

/* ---- Rows ------------------------------------------------------------- */

static void one_row(struct work *work, const char *workload, const char *metric,
		    u64 ticks, u64 n)
{
	char name[32];

	snprintf(name, sizeof(name), "%s%s", workload, work->suffix);
	if (n)
		bench_row(work->peer->name, name, metric,
			  div64_u64(ticks * 10 + n / 2, n), UNIT);
	else
		bench_no_row(work->peer->name, name, metric, "an allocation failed");
}

static void rows(struct work *work, const char *workload, const struct sum *sum)
{
	one_row(work, workload, "pair", sum->alloc + sum->free, sum->pairs);
	one_row(work, workload, "alloc", sum->alloc, sum->pairs);
	one_row(work, workload, "free", sum->free, sum->pairs);
}

/* ---- Workloads -------------------------------------------------------- */

static void hot(struct work *work)
{
	unsigned long n = rounds(HOT_PAIRS);
	unsigned long flags = quiet();
	u64 ticks;

	work->peer->loops->hot(work->ctx, n);
	ticks = work->peer->loops->hot(work->ctx, n);
	loud(flags);
	one_row(work, "hot", "pair", ticks, ticks ? n : 0);
}

/* One round; false, and nothing in @sum, if an allocation failed. */
static bool round_in_order(struct work *work, u32 n, struct sum *sum)
{
	unsigned long flags = quiet();
	u64 alloc = work->peer->loops->take(work->ctx, work->objs, n);
	u64 free = alloc ? work->peer->loops->give(work->ctx, work->objs, n) : 0;

	loud(flags);
	*sum = (struct sum) { sum->alloc + alloc, sum->free + free, sum->pairs + n };
	return alloc;
}

static bool round_at_random(struct work *work, u32 n, struct sum *sum)
{
	unsigned long flags;
	u64 alloc, free = 0;

	order_shuffle(work->at, n, &work->random);
	flags = quiet();
	alloc = work->peer->loops->take(work->ctx, work->objs, n);
	if (alloc)
		free = work->peer->loops->give_at(work->ctx, work->objs, work->at, n);
	loud(flags);
	*sum = (struct sum) { sum->alloc + alloc, sum->free + free, sum->pairs + n };
	return alloc;
}

static void repeat(struct work *work, const char *workload, u32 n, unsigned int nr,
		   bool (*round)(struct work *work, u32 n, struct sum *sum))
{
	struct sum sum = { }, warm_up = { };
	bool ok = n && round(work, n, &warm_up);

	while (ok && nr--)
		ok = round(work, n, &sum);
	rows(work, workload, ok ? &sum : &(struct sum) { });
}

/* Objects beyond the first NULL are still there after a churn that failed. */
static void give_rest(struct work *work)
{
	u64 ticks;
	u32 i;

	for (i = 0; i < work->live; i++)
		if (work->objs[i])
			work->peer->loops->give_one(work->ctx, work->objs[i], &ticks);
}

static void churn(struct work *work)
{
	u32 n = rounds(CHURNS);
	unsigned long flags;
	u64 ticks;

	order_draw(work->at, n, work->live, &work->random);
	flags = quiet();
	ticks = work->peer->loops->take(work->ctx, work->objs, work->live);
	if (ticks)
		ticks = work->peer->loops->churn(work->ctx, work->objs, work->at, n);
	if (ticks)
		ticks = work->peer->loops->churn(work->ctx, work->objs, work->at, n);
	give_rest(work);
	loud(flags);
	one_row(work, "churn4096", "pair", ticks, ticks ? n : 0);
}

static bool round_bulk(struct work *work, u32 n, struct sum *sum)
{
	unsigned long flags = quiet();
	u64 start = clock_read(), middle;
	bool ok = work->peer->bulk->take(work->ctx, work->objs, n);

	middle = clock_read();
	if (ok)
		work->peer->bulk->give(work->ctx, work->objs, n);
	sum->free += clock_read() - middle;
	sum->alloc += middle - start;
	sum->pairs += n;
	loud(flags);
	return ok;
}

static void bulk(struct work *work)
{
	if (work->peer->bulk)
		repeat(work, "bulk128", BENCH_BATCH, rounds(BULKS), round_bulk);
	else
		bench_no_row(work->peer->name, "bulk128", "pair", "no call for it");
}

/* ---- A peer ----------------------------------------------------------- */

static void measure(struct work *work, unsigned long room)
{
	hot(work);
	repeat(work, "batch128", min(room, BENCH_BATCH), rounds(BATCHES), round_in_order);
	repeat(work, "rand4096", work->live, rounds(RANDOM_ROUNDS), round_at_random);
	churn(work);
	bulk(work);
}

static int measure_filled(struct work *work)
{
	unsigned long nr_frames = work->peer->blocks->capacity(work->ctx);
	struct fill fill;
	int ret = fill_init(&fill, work->peer, work->ctx, bench_params.fill, ORDER_SEED);

	if (ret)
		return ret;
	fill_up(&fill);
	nr_frames -= fill.used;
	work->live = bench_live(work->peer, nr_frames);
	measure(work, nr_frames >> work->peer->order);
	fill_fini(&fill);
	return 0;
}

static int measure_peer(const struct bench_peer *peer, void *ctx)
{
	struct work work = { .peer = peer, .ctx = ctx, .random = ORDER_SEED };
	unsigned long room = BENCH_BATCH;
	int ret = -ENOMEM;

	work.live = bench_live(peer, bench_params.region >> PAGE_SHIFT);
	if (peer->blocks)
		room = peer->blocks->capacity(ctx) >> peer->order;
	work.objs = vzalloc(BENCH_LIVE * sizeof(*work.objs));
	work.at = vmalloc(CHURNS * sizeof(*work.at));
	if (work.objs && work.at) {
		ret = 0;
		if (!bench_params.fill)
			measure(&work, room);
		else if (peer->blocks)
			ret = measure_filled(&work);
	}
	vfree(work.at);
	vfree(work.objs);
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
