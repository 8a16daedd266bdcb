// SPDX-License-Identifier: GPL-2.0
/*
 * mode=named_smp: the workloads of named.h on two CPUs, over one (chunk.c).
 *
 * llfree_*  each CPU has as many blocks of its own; both allocate, and both free, at the
 *	     same time
 * larson    the CPUs hand their arrays over to each other
 * prodcons  one CPU allocates what the other frees; alone, it does both in turns
 */
#include <linux/compiler.h>
#include <linux/minmax.h>

#include "chunk.h"
#include "named.h"
#include "order.h"
#include "work.h"

/* Blocks of a CPU: so many, or a quarter of the region. */
#define BLOCKS		16384U

/* Pairs of a round of llfree_repeat. */
#define REPEATS		256

/**
 * struct shared - what the CPUs work on
 * @work: objects of both; for llfree_*, those of a CPU are next to each other
 * @nr: blocks of a CPU
 * @has_blocks: CPUs whose blocks are allocated
 */
struct shared {
	struct work work;
	u32 nr;
	bool has_blocks[2];
};

/* ---- llfree_bulk and llfree_rand -------------------------------------- */

static bool take_blocks(struct chunk *chunk, unsigned int id)
{
	struct shared *shared = chunk->data;
	void **objs = shared->work.objs + id * shared->nr;

	if (!chunk->loops->take(chunk->ctx, objs, shared->nr)) {
		chunk_fail(chunk);
		return false;
	}
	shared->has_blocks[id] = true;
	return true;
}

static void give_own(struct chunk *chunk, unsigned int id)
{
	struct shared *shared = chunk->data;

	chunk->loops->give(chunk->ctx, shared->work.objs + id * shared->nr, shared->nr);
	shared->has_blocks[id] = false;
}

/* Of all: at[] has an order of the blocks of both CPUs, and then one of the first's. */
static void give_any(struct chunk *chunk, unsigned int id)
{
	struct shared *shared = chunk->data;
	u32 *at = shared->work.at + (chunk->nr_cpus == 2 ? id : 2) * shared->nr;

	chunk->loops->give_at(chunk->ctx, shared->work.objs, at, shared->nr);
	shared->has_blocks[id] = false;
}

/* Nobody begins to free before all is allocated, nor the other way round. */
static void run_blocks(struct chunk *chunk, unsigned int id,
		       void (*give)(struct chunk *chunk, unsigned int id))
{
	unsigned long n;

	for (n = 0; n < chunk->rounds && chunk_wait(chunk, !id, n); n++) {
		if (n % 2)
			give(chunk, id);
		else if (!take_blocks(chunk, id))
			return;
		chunk_done(chunk, id);
	}
}

static void run_bulk(struct chunk *chunk, unsigned int id)
{
	run_blocks(chunk, id, give_own);
}

static void run_rand(struct chunk *chunk, unsigned int id)
{
	run_blocks(chunk, id, give_any);
}

static int start_rand(struct chunk *chunk)
{
	struct shared *shared = chunk->data;
	struct work *work = &shared->work;

	order_shuffle(work->at, 2 * shared->nr, &work->random);
	order_shuffle(work->at + 2 * shared->nr, shared->nr, &work->random);
	return 0;
}

/* The one that did not fail may have been waiting with its blocks. */
static void stop_blocks(struct chunk *chunk)
{
	struct shared *shared = chunk->data;
	unsigned int id;

	for (id = 0; id < 2; id++)
		if (shared->has_blocks[id])
			give_own(chunk, id);
}

static void run_repeat(struct chunk *chunk, unsigned int id)
{
	unsigned long n;

	for (n = 0; n < chunk->rounds; n++) {
		if (!chunk->loops->hot(chunk->ctx, REPEATS)) {
			chunk_fail(chunk);
			return;
		}
		chunk_done(chunk, id);
	}
}

static const struct chunk_workload block_workloads[] = {
	{ .name = "llfree_bulk", .rounds = 4, .run = run_bulk, .stop = stop_blocks },
	{ .name = "llfree_repeat", .rounds = 4, .run = run_repeat },
	{
		.name = "llfree_rand",
		.rounds = 4,
		.run = run_rand,
		.start = start_rand,
		.stop = stop_blocks,
	},
};

/* ---- larson ----------------------------------------------------------- */

static int start_larson(struct chunk *chunk)
{
	struct shared *shared = chunk->data;
	struct work *work = &shared->work;

	order_draw(work->at, LARSON_TURN, LARSON_SLOTS, &work->random);
	return chunk->loops->take(chunk->ctx, work->objs, LARSON_LIVE) ? 0 : -ENOMEM;
}

static void stop_larson(struct chunk *chunk)
{
	struct shared *shared = chunk->data;

	work_give_rest(&shared->work, LARSON_LIVE);
}

/* A CPU is half of the arrays ahead of the other: it gets what that one had two turns ago. */
static void run_larson(struct chunk *chunk, unsigned int id)
{
	struct shared *shared = chunk->data;
	struct work *work = &shared->work;
	unsigned long n;

	for (n = 0; n < chunk->rounds && chunk_wait(chunk, !id, (long)n - 1); n++) {
		u32 array = (n + id * LARSON_ARRAYS / 2) % LARSON_ARRAYS;

		if (!chunk->loops->churn(chunk->ctx, work->objs + array * LARSON_SLOTS,
					 work->at, LARSON_TURN)) {
			chunk_fail(chunk);
			return;
		}
		chunk_done(chunk, id);
	}
}

/* ---- prodcons --------------------------------------------------------- */

/* Ends by itself when the producer fails: that is in the ring, behind all objects. */
static void run_prodcons(struct chunk *chunk, unsigned int id)
{
	struct shared *shared = chunk->data;
	void **ring = shared->work.objs;
	bool ok = true;
	unsigned long n;

	for (n = 0; n < chunk->rounds; n++) {
		if (id == 0)
			ok = chunk->loops->produce(chunk->ctx, ring, BENCH_RING);
		if (id == 1 || chunk->nr_cpus == 1)
			ok = chunk->loops->consume(chunk->ctx, ring, BENCH_RING);
		if (!ok) {
			chunk_fail(chunk);
			return;
		}
		chunk_done(chunk, id);
	}
}

/* larson leaves no objects behind, so the ring is empty. */
static const struct chunk_workload object_workloads[] = {
	{
		.name = "larson",
		.rounds = 4,
		.pairs = LARSON_TURN,
		.run = run_larson,
		.start = start_larson,
		.stop = stop_larson,
	},
	{
		.name = "prodcons",
		.rounds = 4,
		.pairs = BENCH_RING,
		.is_split = true,
		.run = run_prodcons,
	},
};

/* ---- A peer ----------------------------------------------------------- */

static void measure(struct shared *shared, const struct chunk_workload *workloads,
		    unsigned int nr)
{
	const struct bench_peer *peer = shared->work.peer;
	struct chunk chunk = { .loops = peer->smp_loops ?: peer->loops, .ctx = shared->work.ctx };
	unsigned int i;

	for (i = 0; i < nr; i++)
		chunk_ratio_rows(&chunk, peer, &workloads[i], shared);
}

static int measure_blocks(const struct bench_peer *peer, void *ctx)
{
	struct shared shared = { .nr = min(named_blocks(peer, ctx, 4), BLOCKS) };
	int ret = work_init(&shared.work, peer, ctx, 2 * shared.nr, 3 * shared.nr);

	if (!ret)
		measure(&shared, block_workloads, ARRAY_SIZE(block_workloads));
	work_fini(&shared.work);
	return ret;
}

static int measure_objects(const struct bench_peer *peer, void *ctx)
{
	struct shared shared = { };
	int ret = work_init(&shared.work, peer, ctx, NAMED_OBJECTS, LARSON_TURN);

	if (!ret)
		measure(&shared, object_workloads, ARRAY_SIZE(object_workloads));
	work_fini(&shared.work);
	return ret;
}

static int measure_peer(const struct bench_peer *peer, void *ctx)
{
	return named_measure(peer, ctx, measure_blocks, measure_objects);
}

static void missing_peer(const struct bench_peer *peer)
{
	named_missing(peer, "ratio");
}

/**
 * bench_named_smp() - mode=named_smp
 *
 * Return: 0 or an error; -ENODEV with one CPU.
 */
int bench_named_smp(void)
{
	return chunk_measure_peers(measure_peer, missing_peer);
}
