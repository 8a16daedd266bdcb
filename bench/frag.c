// SPDX-License-Identifier: GPL-2.0
/*
 * mode=frag: what the traces cannot have, and how the region looks.
 *
 * The pool is 16,384 frames, so kmemx must have been loaded with size=64M. Every
 * 1000th counted request, the free frames are looked at (view.h).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "fill.h"
#include "view.h"

/**
 * struct workload - a trace at a mark
 * @name: of the rows
 * @kind: the trace
 * @mark: percent of the frames that may be in use
 */
struct workload {
	const char *name;
	enum trace_kind kind;
	unsigned int mark;
};

static const struct workload workloads[] = {
	{ "fill50", TRACE_REFERENCE, 50 },
	{ "fill80", TRACE_REFERENCE, 80 },
	{ "fill90", TRACE_REFERENCE, 90 },
	{ "fill95", TRACE_REFERENCE, 95 },
	{ "mixed_fill80", TRACE_MIXED, 80 },
	{ "mixed_fill90", TRACE_MIXED, 90 },
	{ "bimodal_fill80", TRACE_BIMODAL, 80 },
	{ "bimodal_fill90", TRACE_BIMODAL, 90 },
};

/* Orders that the unusable index is shown for. */
static const unsigned int unusable_orders[] = { 4, 9 };

/* Of which the highest order with a free block is to be a proxy: that of a chunk. */
#define PROXY_ORDER	9

/**
 * struct looks - the snapshots in which one order was the highest with a free block
 * @nr: how many
 * @extfrag: sum of the index of external fragmentation, for PROXY_ORDER
 */
struct looks {
	u64 nr;
	s64 extfrag;
};

/**
 * struct counts - what one allocator did in one workload, over all seeds
 * @asked: requests by order
 * @failed: those that could not be had
 * @largest: sum over snapshots of the largest free block's frames
 * @unusable: sum over snapshots of the share of free frames that a request of
 *	      that order cannot use, in units of 1/VIEW_ONE
 * @nr_snapshots: how many
 * @at: of these, by the highest order with a free block, up to PROXY_ORDER
 * @extfrag_squares: sum of the squares of what @at has the sums of
 */
struct counts {
	u64 asked[TRACE_ORDERS];
	u64 failed[TRACE_ORDERS];
	u64 largest;
	u64 unusable[ARRAY_SIZE(unusable_orders)];
	u64 nr_snapshots;
	struct looks at[PROXY_ORDER + 1];
	u64 extfrag_squares;
};

static void count_proxy(struct counts *counts, const struct view *view)
{
	u32 largest = view_largest(view);
	struct looks *at;
	int extfrag;

	if (!largest)
		return;
	at = &counts->at[min_t(unsigned int, ilog2(largest), PROXY_ORDER)];
	extfrag = view_extfrag(view, PROXY_ORDER);
	at->nr++;
	at->extfrag += extfrag;
	counts->extfrag_squares += (u64)((s64)extfrag * extfrag);
}

static void snapshot(struct counts *counts, struct view *view, const struct fill *fill)
{
	unsigned int i;

	view_look(view, fill);
	counts->largest += view_largest(view);
	for (i = 0; i < ARRAY_SIZE(unusable_orders); i++)
		counts->unusable[i] += view_unusable(view, unusable_orders[i]);
	count_proxy(counts, view);
	counts->nr_snapshots++;
}

/* ---- The traces ------------------------------------------------------- */

static void play(struct counts *counts, struct view *view, struct fill *fill)
{
	u32 i;

	for (i = 0; i < TRACE_REQUESTS; i++) {
		int order = fill_request(fill);

		if (i % TRACE_SNAPSHOT == 0)
			cond_resched();
		if (i < TRACE_WARM_UP)
			continue;
		counts->asked[order & ~FILL_FAILED]++;
		if (order & FILL_FAILED)
			counts->failed[order & ~FILL_FAILED]++;
		if ((i + 1 - TRACE_WARM_UP) % TRACE_SNAPSHOT == 0)
			snapshot(counts, view, fill);
	}
}

/* "gpubuddy_o0" plays for gpubuddy. */
static void family(char *name, size_t size, const struct bench_peer *peer)
{
	strscpy(name, peer->name, size);
	name[strlen(name) - strlen("_o0")] = '\0';
}

static void fail_row(const char *name, const char *workload, unsigned int order,
		     const struct counts *counts)
{
	u64 asked = counts->asked[order];
	char metric[16];

	snprintf(metric, sizeof(metric), "fail_o%u", order);
	if (asked)
		bench_row(name, workload, metric,
			  div64_u64(counts->failed[order] * 1000 + asked / 2, asked), "percent");
	else
		bench_no_row(name, workload, metric, "the trace has no such requests");
}

/* What the report makes a correlation of; rows have a tenth. */
static void proxy_rows(const char *name, const char *workload, const struct counts *counts)
{
	char metric[16];
	unsigned int i;

	for (i = 0; i <= PROXY_ORDER; i++) {
		if (!counts->at[i].nr)
			continue;
		snprintf(metric, sizeof(metric), "looks_h%u", i);
		bench_row(name, workload, metric, counts->at[i].nr * 10, "looks");
		/* From 0 to 2000, as a row has no sign. */
		snprintf(metric, sizeof(metric), "extfrag_h%u", i);
		bench_row(name, workload, metric,
			  (u64)(counts->at[i].extfrag + 1000 * (s64)counts->at[i].nr) * 10,
			  "thousandths");
	}
	bench_row(name, workload, "extfrag_squares", counts->extfrag_squares * 10, "millionths");
}

static void rows(const struct bench_peer *peer, const char *workload, const struct counts *counts)
{
	char name[32], metric[16];
	unsigned int i;

	family(name, sizeof(name), peer);
	for (i = 0; i < TRACE_ORDERS; i++)
		fail_row(name, workload, i, counts);
	bench_row(name, workload, "largest",
		  div64_u64(counts->largest * 10, counts->nr_snapshots), "pages");
	for (i = 0; i < ARRAY_SIZE(unusable_orders); i++) {
		snprintf(metric, sizeof(metric), "unusable_o%u", unusable_orders[i]);
		bench_row(name, workload, metric,
			  div64_u64(counts->unusable[i] * 1000, counts->nr_snapshots * VIEW_ONE),
			  "percent");
	}
	proxy_rows(name, workload, counts);
}

static int measure_workload(const struct bench_peer *peer, void *ctx,
			    const struct workload *workload, struct view *view)
{
	unsigned int i, nr_seeds = bench_params.quick ? 1 : TRACE_SEEDS;
	struct counts counts = { };

	for (i = 0; i < nr_seeds; i++) {
		struct fill fill;
		int ret = fill_init(&fill, peer, ctx, workload->mark, workload->kind,
				    trace_seeds[i].seed);

		if (ret)
			return ret;
		play(&counts, view, &fill);
		fill_fini(&fill);
	}
	rows(peer, workload->name, &counts);
	return 0;
}

/* In a hurry, the reference has to do. */
static bool is_wanted(const struct workload *workload)
{
	return !bench_params.quick || workload->kind == TRACE_REFERENCE;
}

static int measure_workloads(const struct bench_peer *peer, void *ctx)
{
	struct view *view = kvmalloc(sizeof(*view), GFP_KERNEL);
	unsigned int i;
	int ret = view ? 0 : -ENOMEM;

	for (i = 0; i < ARRAY_SIZE(workloads) && !ret; i++)
		if (is_wanted(&workloads[i]))
			ret = measure_workload(peer, ctx, &workloads[i], view);
	kvfree(view);
	return ret;
}

/* Once a family: the orders are the traces'. */
static bool plays(const struct bench_peer *peer)
{
	return peer->blocks && peer->pages && !peer->order;
}

static int measure_peer(const struct bench_peer *peer, void *ctx)
{
	if (!plays(peer))
		return 0;
	if (peer->blocks->capacity(ctx) != TRACE_FRAMES) {
		pr_err("mode=frag: the traces are for %u frames, %s has %lu; load kmemx with size=64M and kmemx_bench with region=64M\n",
		       TRACE_FRAMES, peer->name, peer->blocks->capacity(ctx));
		return -EINVAL;
	}
	return measure_workloads(peer, ctx);
}

static void missing_peer(const struct bench_peer *peer)
{
	char name[32];

	if (!strstr(peer->name, "_o0"))
		return;
	family(name, sizeof(name), peer);
	bench_no_row(name, "fill80", "fail_o9", peer->missing);
}

/* ---- Whether the traces are what they were ---------------------------- */

/**
 * struct perfect - an allocator that never fails, to see what it is told to free
 * @nr_taken: blocks; each is the number of its request
 * @victims: hash of those that were freed
 */
struct perfect {
	unsigned long nr_taken;
	u64 victims;
};

static void *perfect_take(void *ctx, unsigned int order)
{
	struct perfect *perfect = ctx;

	perfect->nr_taken++;
	return (void *)perfect->nr_taken;
}

static void perfect_give(void *ctx, void *block, unsigned int order)
{
	struct perfect *perfect = ctx;
	u32 number = (unsigned long)block;
	unsigned int i;

	for (i = 0; i < sizeof(number); i++)
		perfect->victims = trace_hash_add(perfect->victims, number >> 8 * i);
}

static unsigned long perfect_capacity(void *ctx)
{
	return TRACE_FRAMES;
}

static const struct bench_blocks perfect_blocks = {
	.take = perfect_take,
	.give = perfect_give,
	.capacity = perfect_capacity,
};

static const struct bench_peer perfect_peer = { .name = "perfect", .blocks = &perfect_blocks };

static int check_victims(enum trace_kind kind, const struct trace_seed *seed)
{
	struct perfect perfect = { .victims = TRACE_HASH_START };
	struct fill fill;
	u64 victims;
	u32 i;
	int ret = fill_init(&fill, &perfect_peer, &perfect, TRACE_MARK, kind, seed->seed);

	if (ret)
		return ret;
	for (i = 0; i < TRACE_REQUESTS; i++)
		fill_request(&fill);
	victims = perfect.victims;
	fill_fini(&fill);
	return victims == seed->victims[kind] ? 0 : -EIO;
}

/* main.c has seen to the requests of the reference, but not to its victims. */
static int check_trace(enum trace_kind kind, const struct trace_seed *seed)
{
	int ret = trace_hash(kind, seed->seed) == seed->hash[kind] ? 0 : -EIO;

	ret = ret ?: check_victims(kind, seed);
	if (ret == -EIO)
		pr_err("mode=frag: seed %#llx does not bring forth trace %u as it was\n",
		       seed->seed, kind);
	cond_resched();
	return ret;
}

static int check_traces(void)
{
	unsigned int i, kind;
	int ret = 0;

	for (i = 0; i < TRACE_SEEDS && !ret; i++)
		for (kind = 0; kind < NR_TRACES && !ret; kind++)
			ret = check_trace(kind, &trace_seeds[i]);
	return ret;
}

/**
 * bench_frag() - mode=frag
 *
 * Return: 0 or an error.
 */
int bench_frag(void)
{
	return check_traces() ?: bench_measure_peers(measure_peer, missing_peer);
}
