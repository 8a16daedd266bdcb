// SPDX-License-Identifier: GPL-2.0
/*
 * mode=smp: what two CPUs get done, over what one does in the same time (chunk.c).
 *
 * own    each allocates 128 objects and frees them, again and again
 * cross  one allocates what the other frees; on one CPU, it does both
 *
 * And as time is noisy: the read-modify-writes of shared lines, which are counted.
 */
#include <linux/errno.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "chunk.h"
#include "step.h"
#include "work.h"

#define RING_MAX	8
#define ROUNDS		(4 * RING_MAX)
/* Batches whose shared changes are counted. */
#define COUNTED		4

/**
 * struct ring - batches that were allocated, from where done[0] counts them, and freed,
 *		 up to where done[1] does
 * @nr: how many may be under way from one CPU to the other
 * @batch: their objects; with own, each CPU has one of them
 */
struct ring {
	unsigned long nr;
	void *batch[RING_MAX][BENCH_BATCH];
};

/*
 * What takes at most three quarters of the region: large blocks are under way in fewer; but
 * one for each CPU, with own.
 */
static unsigned long ring_nr(const struct bench_peer *peer, void *ctx)
{
	unsigned long blocks = work_frames(peer, ctx) >> peer->order;

	return clamp(blocks * 3 / 4 / BENCH_BATCH, 2UL, (unsigned long)RING_MAX);
}

/* ---- A CPU's work ----------------------------------------------------- */

static bool take_batch(struct chunk *chunk, unsigned long n)
{
	struct ring *ring = chunk->data;

	if (chunk->loops->take(chunk->ctx, ring->batch[n % ring->nr], BENCH_BATCH))
		return true;
	chunk_fail(chunk);
	return false;
}

static void give_batch(struct chunk *chunk, unsigned long n)
{
	struct ring *ring = chunk->data;

	chunk->loops->give(chunk->ctx, ring->batch[n % ring->nr], BENCH_BATCH);
}

static void run_own(struct chunk *chunk, unsigned int id)
{
	unsigned long n;

	for (n = 0; n < chunk->rounds && !READ_ONCE(chunk->failed); n++) {
		if (!take_batch(chunk, id))
			return;
		give_batch(chunk, id);
		chunk_done(chunk, id);
	}
}

/* Waits for room. */
static void run_taker(struct chunk *chunk)
{
	struct ring *ring = chunk->data;
	unsigned long n;

	for (n = 0; n < chunk->rounds && chunk_wait(chunk, 1, (long)(n - ring->nr + 1)); n++) {
		if (!take_batch(chunk, n))
			return;
		chunk_done(chunk, 0);
	}
}

/* Waits for a batch; those that are there when the taker fails are freed as well. */
static void run_giver(struct chunk *chunk)
{
	unsigned long n;

	for (n = 0; n < chunk->rounds && chunk_wait(chunk, 0, n + 1); n++) {
		give_batch(chunk, n);
		chunk_done(chunk, 1);
	}
}

static void run_cross(struct chunk *chunk, unsigned int id)
{
	if (chunk->nr_cpus == 1)
		run_own(chunk, id);
	else if (id == 0)
		run_taker(chunk);
	else
		run_giver(chunk);
}

static const struct chunk_workload own = {
	.name = "own",
	.rounds = ROUNDS,
	.pairs = BENCH_BATCH,
	.run = run_own,
};

static const struct chunk_workload cross = {
	.name = "cross",
	.rounds = ROUNDS,
	.pairs = BENCH_BATCH,
	.is_split = true,
	.run = run_cross,
};

/* ---- Shared lines ----------------------------------------------------- */

/* After many rounds: nothing happens for the first time. */
static void step_take(void *arg)
{
	take_batch(arg, 0);
}

static void step_give(void *arg)
{
	give_batch(arg, 0);
}

/**
 * struct count_job - what a CPU is asked to count
 * @chunk: whose batch
 * @run: the half
 * @counts: the result
 * @ret: of step_count()
 */
struct count_job {
	struct chunk *chunk;
	void (*run)(void *arg);
	struct step_counts counts;
	int ret;
};

static long count_on_cpu(void *arg)
{
	struct count_job *job = arg;

	job->ret = step_count(job->run, job->chunk, &job->counts);
	return 0;
}

static int count_half(struct chunk *chunk, void (*run)(void *arg), int cpu, u64 *rmw)
{
	struct count_job job = { .chunk = chunk, .run = run };

	work_on_cpu(cpu, count_on_cpu, &job);
	*rmw += job.counts.rmw;
	return job.ret;
}

static int count_batch(struct chunk *chunk, u64 *rmw)
{
	int ret, giver = chunk->workload->is_split;

	chunk->failed = false;
	ret = count_half(chunk, step_take, 0, rmw);
	if (ret || chunk->failed)
		return ret ?: -ENOMEM;
	return count_half(chunk, step_give, giver, rmw);
}

/* What goes from CPU to CPU in larger portions than these is not the same in each of them. */
static int count_rmw(struct chunk *chunk, u64 *rmw)
{
	unsigned int i;
	int ret = 0;

	*rmw = 0;
	for (i = 0; i < COUNTED && !ret; i++)
		ret = count_batch(chunk, rmw);
	return ret;
}

/* ---- Rows ------------------------------------------------------------- */

static void rmw_row(const struct bench_peer *peer, struct chunk *chunk)
{
	u64 rmw;

	if (count_rmw(chunk, &rmw))
		bench_no_row(peer->name, chunk->workload->name, "rmw",
			     "not counted on this machine");
	else
		bench_fine_row(peer->name, chunk->workload->name, "rmw",
			       div_u64(1000 * rmw, COUNTED * BENCH_BATCH), "per pair");
}

static int measure_peer(const struct bench_peer *peer, void *ctx)
{
	struct chunk chunk = { .loops = peer->smp_loops ?: peer->loops, .ctx = ctx };
	struct ring *ring = kvzalloc(sizeof(*ring), GFP_KERNEL);

	if (!ring)
		return -ENOMEM;
	ring->nr = ring_nr(peer, ctx);
	chunk_ratio_rows(&chunk, peer, &own, ring);
	rmw_row(peer, &chunk);
	chunk_ratio_rows(&chunk, peer, &cross, ring);
	rmw_row(peer, &chunk);
	kvfree(ring);
	return 0;
}

static void missing_peer(const struct bench_peer *peer)
{
	bench_no_row(peer->name, "own", "ratio", peer->missing);
}

/**
 * bench_smp() - mode=smp
 *
 * Return: 0 or an error; -ENODEV with one CPU.
 */
int bench_smp(void)
{
	return chunk_measure_peers(measure_peer, missing_peer);
}
