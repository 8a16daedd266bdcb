// SPDX-License-Identifier: GPL-2.0
/*
 * mode=policies: textbook buddies that differ in one thing, with kmemx beside them: which
 * free block of an order is taken, and when buddies are merged (listbuddy.h).
 *
 * The reference trace, as in mode=frag: what a request and a free take on average and at
 * most, how often a block is split or merged, what fails, and how the region comes to look as
 * time goes by. Then single pages, as in mode=cost.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "clock.h"
#include "listbuddy.h"
#include "rounds.h"
#include "view.h"

#define UNIT		"instructions"

#define HOT_PAIRS	4096
#define RANDOM_ROUNDS	4

/* Parts of the trace that the region is looked at by. */
#define PARTS		4
#define PART		((TRACE_REQUESTS - TRACE_WARM_UP) / PARTS)

static const unsigned int marks[] = { 80, 90 };

/**
 * struct operations - those of one kind
 * @nr: how many
 * @ticks: that they took
 * @max: that the longest took
 */
struct operations {
	u64 nr;
	u64 ticks;
	u64 max;
};

/**
 * struct game - an allocator on the trace at one mark, all seeds
 * @peer: the allocator
 * @ctx: its state
 * @view: room for a look
 * @is_counting: the counts below are of what comes now
 * @takes: requests, those that failed too
 * @gives: frees
 * @asked: requests by order
 * @failed: those that could not be had
 * @largest: sum over snapshots of the largest free block's frames
 * @own_largest: the same, of what needs no merging
 * @unusable: sums over the snapshots of each part of the trace of what order 9 cannot use
 * @nr_snapshots: how many, of a part
 * @nr_splits: blocks that were halved
 * @nr_merges: halves that were merged
 */
struct game {
	const struct bench_peer *peer;
	void *ctx;
	struct view *view;
	bool is_counting;
	struct operations takes;
	struct operations gives;
	u64 asked[TRACE_ORDERS];
	u64 failed[TRACE_ORDERS];
	u64 largest;
	u64 own_largest;
	u64 unusable[PARTS];
	u64 nr_snapshots[PARTS];
	u64 nr_splits;
	u64 nr_merges;
};

/* ---- Operations, timed one by one ------------------------------------- */

static void note(struct game *game, struct operations *operations, u64 ticks)
{
	if (!game->is_counting)
		return;
	operations->nr++;
	operations->ticks += ticks;
	operations->max = max(operations->max, ticks);
}

static void *timed_take(void *ctx, unsigned int order)
{
	struct game *game = ctx;
	unsigned long flags = rounds_begin();
	u64 start = clock_read();
	void *block = game->peer->blocks->take(game->ctx, order);
	u64 ticks = clock_read() - start;

	rounds_end(flags);
	/* One that fails has merged all that waited. */
	note(game, &game->takes, ticks);
	return block;
}

static void timed_give(void *ctx, void *block, unsigned int order)
{
	struct game *game = ctx;
	unsigned long flags = rounds_begin();
	u64 start = clock_read(), ticks;

	game->peer->blocks->give(game->ctx, block, order);
	ticks = clock_read() - start;
	rounds_end(flags);
	note(game, &game->gives, ticks);
}

static unsigned long timed_frame(void *ctx, void *block)
{
	struct game *game = ctx;

	return game->peer->blocks->frame(game->ctx, block);
}

static unsigned long timed_capacity(void *ctx)
{
	return TRACE_FRAMES;
}

static const struct bench_blocks timed_blocks = {
	.take = timed_take,
	.give = timed_give,
	.frame = timed_frame,
	.capacity = timed_capacity,
};

static const struct bench_peer timed_peer = { .name = "timed", .blocks = &timed_blocks };

/* ---- The trace -------------------------------------------------------- */

static void snapshot(struct game *game, const struct fill *fill, unsigned int part)
{
	view_look(game->view, fill);
	game->largest += view_largest(game->view);
	game->unusable[part] += view_unusable(game->view, BENCH_O9);
	game->nr_snapshots[part]++;
	if (bench_is_policy(game->peer))
		game->own_largest += listbuddy_largest(game->ctx);
}

static void play(struct game *game, struct fill *fill)
{
	u32 i;

	for (i = 0; i < TRACE_REQUESTS - TRACE_WARM_UP; i++) {
		int order = fill_request(fill);

		game->asked[order & ~FILL_FAILED]++;
		if (order & FILL_FAILED)
			game->failed[order & ~FILL_FAILED]++;
		if ((i + 1) % TRACE_SNAPSHOT == 0)
			snapshot(game, fill, i / PART);
	}
}

/* What comes before and after is not counted. */
static void count(struct game *game, bool is_counting)
{
	struct listbuddy *buddy = game->ctx;

	game->is_counting = is_counting;
	if (!bench_is_policy(game->peer))
		return;
	if (!is_counting) {
		game->nr_splits += buddy->nr_splits;
		game->nr_merges += buddy->nr_merges;
	}
	buddy->nr_splits = 0;
	buddy->nr_merges = 0;
}

static int play_seed(struct game *game, unsigned int mark, u64 seed)
{
	struct fill fill;
	u32 i;
	int ret = fill_init(&fill, &timed_peer, game, mark, TRACE_REFERENCE, seed);

	if (ret)
		return ret;
	for (i = 0; i < TRACE_WARM_UP; i++)
		fill_request(&fill);
	count(game, true);
	play(game, &fill);
	count(game, false);
	fill_fini(&fill);
	return 0;
}

/* ---- Rows ------------------------------------------------------------- */

/* "policy_fifo_o0" is the fifo policy, of all orders. */
static void family(char *name, size_t size, const struct bench_peer *peer)
{
	strscpy(name, peer->name, size);
	name[strlen(name) - strlen("_o0")] = '\0';
}

static void operation_rows(const char *name, const char *workload, const char *what,
			   const struct operations *operations)
{
	char metric[16];

	bench_row(name, workload, what,
		  div64_u64(operations->ticks * 10 + operations->nr / 2, operations->nr), UNIT);
	snprintf(metric, sizeof(metric), "%s_max", what);
	bench_row(name, workload, metric, operations->max * 10, UNIT);
}

static void fail_row(const char *name, const char *workload, unsigned int order,
		     const struct game *game)
{
	char metric[16];

	snprintf(metric, sizeof(metric), "fail_o%u", order);
	bench_row(name, workload, metric,
		  div64_u64(game->failed[order] * 1000 + game->asked[order] / 2,
			    game->asked[order]), "percent");
}

static void policy_rows(const char *name, const char *workload, const struct game *game,
			u64 looks)
{
	bench_fine_row(name, workload, "splits", div64_u64(game->nr_splits * 1000, game->takes.nr),
		       "per allocation");
	bench_fine_row(name, workload, "merges", div64_u64(game->nr_merges * 1000, game->gives.nr),
		       "per free");
	bench_row(name, workload, "own_largest", div64_u64(game->own_largest * 10, looks), "pages");
}

static void rows(const struct game *game, unsigned int mark)
{
	char name[32], workload[16], metric[16];
	unsigned int part;
	u64 looks = 0;

	family(name, sizeof(name), game->peer);
	snprintf(workload, sizeof(workload), "fill%u", mark);
	operation_rows(name, workload, "alloc", &game->takes);
	operation_rows(name, workload, "free", &game->gives);
	fail_row(name, workload, BENCH_O8, game);
	fail_row(name, workload, BENCH_O9, game);
	for (part = 0; part < PARTS; part++) {
		snprintf(metric, sizeof(metric), "unusable_%u", part + 1);
		bench_row(name, workload, metric,
			  div64_u64(game->unusable[part] * 1000,
				    game->nr_snapshots[part] * VIEW_ONE), "percent");
		looks += game->nr_snapshots[part];
	}
	bench_row(name, workload, "largest", div64_u64(game->largest * 10, looks), "pages");
	if (bench_is_policy(game->peer))
		policy_rows(name, workload, game, looks);
}

/* ---- A peer ----------------------------------------------------------- */

static int play_mark(const struct bench_peer *peer, void *ctx, struct view *view,
		     unsigned int mark)
{
	struct game *game = kzalloc(sizeof(*game), GFP_KERNEL);
	unsigned int i, nr_seeds = bench_params.quick ? 1 : TRACE_SEEDS;
	int ret = 0;

	if (!game)
		return -ENOMEM;
	*game = (struct game) { .peer = peer, .ctx = ctx, .view = view };
	for (i = 0; i < nr_seeds && !ret; i++)
		ret = play_seed(game, mark, trace_seeds[i].seed);
	if (!ret)
		rows(game, mark);
	kfree(game);
	return ret;
}

static int play_marks(const struct bench_peer *peer, void *ctx)
{
	struct view *view = kvmalloc(sizeof(*view), GFP_KERNEL);
	unsigned int i;
	int ret = view ? 0 : -ENOMEM;

	for (i = 0; i < ARRAY_SIZE(marks) && !ret; i++)
		ret = play_mark(peer, ctx, view, marks[i]);
	kvfree(view);
	return ret;
}

static int pairs(const struct bench_peer *peer, void *ctx)
{
	struct work work;
	int ret = work_init(&work, peer, ctx, BENCH_LIVE, BENCH_LIVE);

	if (!ret) {
		rounds_hot(&work, "hot", HOT_PAIRS);
		rounds_repeat(&work, "batch128", BENCH_BATCH, RANDOM_ROUNDS, round_in_order);
		rounds_repeat(&work, "rand4096", work.live, RANDOM_ROUNDS, round_at_random);
	}
	work_fini(&work);
	return ret;
}

static int measure_peer(const struct bench_peer *peer, void *ctx)
{
	if (!peer->blocks || !peer->pages || peer->order)
		return 0;
	if (peer->blocks->capacity(ctx) != TRACE_FRAMES) {
		pr_err("mode=policies: the trace is for %u frames, %s has %lu; load kmemx with size=64M and kmemx_bench with region=64M\n",
		       TRACE_FRAMES, peer->name, peer->blocks->capacity(ctx));
		return -EINVAL;
	}
	return play_marks(peer, ctx) ?: pairs(peer, ctx);
}

static void missing_peer(const struct bench_peer *peer)
{
	bench_no_row(peer->name, "fill80", "alloc", peer->missing);
}

/**
 * bench_policies() - mode=policies
 *
 * Return: 0 or an error.
 */
int bench_policies(void)
{
	return clock_calibrate() ?:
		bench_measure_family(bench_policy, measure_peer, missing_peer) ?:
		bench_measure_family(bench_kmemx, measure_peer, missing_peer);
}
