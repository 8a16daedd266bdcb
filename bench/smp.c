// SPDX-License-Identifier: GPL-2.0
/*
 * mode=smp: what two CPUs get done, over what one does in the same time.
 *
 * own    each allocates 128 objects and frees them, again and again
 * cross  one allocates what the other frees; on one CPU, it does both
 *
 * Chunks with one CPU and with two alternate, so that whatever else happens on
 * the host meets both. A chunk with two counts only if each CPU saw the other get
 * ahead by half of its work while it was at work itself: two CPUs that take turns
 * prove nothing. null_percpu, which shares nothing, is what the machine itself
 * makes of two CPUs. And as all that is noisy: the read-modify-writes of shared
 * lines, counted, are the same each time.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/sort.h>
#include <linux/workqueue.h>

#include "loops.h"
#include "step.h"

/* Chunks that count, and how many may be made for them. */
#define CHUNKS		11
#define CHUNKS_QUICK	9
#define TRIES		(10 * CHUNKS)

/* A chunk takes at least this. */
#define CHUNK_NS	(20 * NSEC_PER_MSEC)

/* Batches under way from one CPU to the other. */
#define RING		8

/**
 * struct chunk - one measurement
 * @loops: the allocator's
 * @ctx: its state
 * @rounds: batches for each CPU
 * @nr_cpus: that take part, 1 or 2
 * @is_cross: workload cross
 * @arrived: CPUs that are ready; they start when all are
 * @done: batches that each CPU has done; the other one reads it
 * @seen: batches that each saw the other do
 * @start: when each began
 * @end: when each ended
 * @ring: batches that were allocated, from where done[0] counts them, and freed,
 *	  up to where done[1] does; with own, each CPU has a half of it
 * @failed: an allocation failed
 */
struct chunk {
	const struct bench_loops *loops;
	void *ctx;
	unsigned long rounds;
	unsigned int nr_cpus;
	bool is_cross;
	atomic_t arrived;
	unsigned long done[2];
	unsigned long seen[2];
	u64 start[2];
	u64 end[2];
	void *ring[RING][BENCH_BATCH];
	bool failed;
};

/**
 * struct worker - a CPU's part in a chunk
 * @chunk: which
 * @id: 0 or 1
 * @finished: when it is done
 */
struct worker {
	struct chunk *chunk;
	unsigned int id;
	struct completion finished;
};

/* ---- A CPU's work ----------------------------------------------------- */

static void one_done(struct chunk *chunk, unsigned int id)
{
	/* Pairs with the acquire of a CPU that waits for this batch, or for its room. */
	smp_store_release(&chunk->done[id], chunk->done[id] + 1);
}

static void take_batch(struct chunk *chunk, unsigned long n)
{
	if (!chunk->loops->take(chunk->ctx, chunk->ring[n % RING], BENCH_BATCH))
		WRITE_ONCE(chunk->failed, true);
}

static void give_batch(struct chunk *chunk, unsigned long n)
{
	chunk->loops->give(chunk->ctx, chunk->ring[n % RING], BENCH_BATCH);
}

static void work_own(struct chunk *chunk, unsigned int id)
{
	unsigned long n;

	for (n = 0; n < chunk->rounds && !READ_ONCE(chunk->failed); n++) {
		take_batch(chunk, id);
		if (READ_ONCE(chunk->failed))
			return;
		give_batch(chunk, id);
		one_done(chunk, id);
	}
}

static void work_taker(struct chunk *chunk)
{
	unsigned long n;

	for (n = 0; n < chunk->rounds; n++) {
		/* Pairs with the giver's release in one_done(): the room is free. */
		while (n - smp_load_acquire(&chunk->done[1]) >= RING)
			cpu_relax();
		take_batch(chunk, n);
		if (READ_ONCE(chunk->failed))
			return;
		one_done(chunk, 0);
	}
}

static void work_giver(struct chunk *chunk)
{
	unsigned long n;

	for (n = 0; n < chunk->rounds; n++) {
		/* Pairs with the taker's release in one_done(): the batch is there. */
		while (smp_load_acquire(&chunk->done[0]) <= n) {
			if (READ_ONCE(chunk->failed))
				return;
			cpu_relax();
		}
		give_batch(chunk, n);
		one_done(chunk, 1);
	}
}

static void work(struct chunk *chunk, unsigned int id)
{
	if (!chunk->is_cross || chunk->nr_cpus == 1)
		work_own(chunk, id);
	else if (id == 0)
		work_taker(chunk);
	else
		work_giver(chunk);
}

static int worker_thread(void *arg)
{
	struct worker *worker = arg;
	struct chunk *chunk = worker->chunk;
	unsigned int id = worker->id;
	unsigned long before;

	atomic_inc(&chunk->arrived);
	while (atomic_read(&chunk->arrived) < chunk->nr_cpus)
		cpu_relax();
	before = READ_ONCE(chunk->done[!id]);
	chunk->start[id] = ktime_get_ns();
	work(chunk, id);
	chunk->end[id] = ktime_get_ns();
	chunk->seen[id] = READ_ONCE(chunk->done[!id]) - before;
	complete(&worker->finished);
	return 0;
}

/* ---- Chunks ----------------------------------------------------------- */

static struct task_struct *start_worker(struct worker *worker, int cpu)
{
	struct task_struct *task = kthread_create(worker_thread, worker, "kmemx_bench/%d", cpu);

	if (!IS_ERR(task)) {
		kthread_bind(task, cpu);
		get_task_struct(task);
	}
	return task;
}

/* On the first two CPUs. Returns the time from the first start to the last end. */
static s64 run_chunk(struct chunk *chunk, unsigned int nr_cpus)
{
	struct worker worker[2] = { { .chunk = chunk, .id = 0 }, { .chunk = chunk, .id = 1 } };
	struct task_struct *task[2];
	unsigned int i;
	u64 start, end;

	chunk->nr_cpus = nr_cpus;
	atomic_set(&chunk->arrived, 0);
	for (i = 0; i < 2; i++) {
		chunk->done[i] = 0;
		chunk->seen[i] = 0;
		init_completion(&worker[i].finished);
	}
	for (i = 0; i < nr_cpus; i++) {
		task[i] = start_worker(&worker[i], i);
		if (IS_ERR(task[i])) {
			while (i--) {
				kthread_stop(task[i]);
				put_task_struct(task[i]);
			}
			return -ENOMEM;
		}
	}
	for (i = 0; i < nr_cpus; i++)
		wake_up_process(task[i]);
	for (i = 0; i < nr_cpus; i++) {
		wait_for_completion(&worker[i].finished);
		kthread_stop(task[i]);
		put_task_struct(task[i]);
	}
	if (chunk->failed)
		return -ENOMEM;
	start = nr_cpus == 2 ? min(chunk->start[0], chunk->start[1]) : chunk->start[0];
	end = nr_cpus == 2 ? max(chunk->end[0], chunk->end[1]) : chunk->end[0];
	return end - start;
}

static bool both_ran(const struct chunk *chunk)
{
	return chunk->seen[0] >= chunk->rounds / 2 && chunk->seen[1] >= chunk->rounds / 2;
}

/* As many rounds as make a chunk long enough. */
static int set_rounds(struct chunk *chunk)
{
	s64 ns;

	for (chunk->rounds = 4 * RING;; chunk->rounds *= 2) {
		ns = run_chunk(chunk, 1);
		if (ns < 0)
			return ns;
		if (ns >= CHUNK_NS)
			return 0;
	}
}

/* Thousandths: twice the work with own, as much with cross. */
static u64 ratio(const struct chunk *chunk, s64 one, s64 two)
{
	return div64_u64((chunk->is_cross ? 1000 : 2000) * (u64)one, two);
}

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static int measure_ratios(struct chunk *chunk, u64 *ratios, unsigned int nr)
{
	unsigned int i = 0, tries;
	s64 one, two;
	int ret = set_rounds(chunk);

	for (tries = 0; !ret && i < nr && tries < TRIES; tries++) {
		one = run_chunk(chunk, 1);
		two = run_chunk(chunk, 2);
		if (one < 0 || two <= 0)
			return -ENOMEM;
		if (both_ran(chunk))
			ratios[i++] = ratio(chunk, one, two);
		cond_resched();
	}
	if (!ret && i < nr)
		ret = -EBUSY;
	sort(ratios, i, sizeof(*ratios), compare, NULL);
	return ret;
}

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

static int count_rmw(struct chunk *chunk, u64 *rmw)
{
	int ret, giver = chunk->is_cross;

	*rmw = 0;
	chunk->failed = false;
	ret = count_half(chunk, step_take, 0, rmw);
	if (ret || chunk->failed)
		return ret ?: -ENOMEM;
	return count_half(chunk, step_give, giver, rmw);
}

/* ---- Rows ------------------------------------------------------------- */

static void ratio_rows(const struct bench_peer *peer, const char *workload, struct chunk *chunk)
{
	unsigned int nr = bench_params.quick ? CHUNKS_QUICK : CHUNKS;
	u64 ratios[CHUNKS];
	int ret = measure_ratios(chunk, ratios, nr);

	if (ret) {
		bench_no_row(peer->name, workload, "ratio",
			     ret == -EBUSY ? "two CPUs never ran at once" : "an allocation failed");
		return;
	}
	bench_fine_row(peer->name, workload, "ratio", ratios[nr / 2], "times");
	bench_fine_row(peer->name, workload, "ratio_q1", ratios[nr / 4], "times");
	bench_fine_row(peer->name, workload, "ratio_q3", ratios[nr - 1 - nr / 4], "times");
}

static void rmw_row(const struct bench_peer *peer, const char *workload, struct chunk *chunk)
{
	u64 rmw;

	if (count_rmw(chunk, &rmw))
		bench_no_row(peer->name, workload, "rmw", "not counted on this machine");
	else
		bench_fine_row(peer->name, workload, "rmw", div_u64(1000 * rmw, BENCH_BATCH),
			       "per pair");
}

static int measure_peer(const struct bench_peer *peer, void *ctx)
{
	static const char * const workload[] = { "own", "cross" };
	struct chunk *chunk = kvzalloc(sizeof(*chunk), GFP_KERNEL);
	unsigned int i;

	if (!chunk)
		return -ENOMEM;
	chunk->loops = peer->smp_loops ?: peer->loops;
	chunk->ctx = ctx;
	for (i = 0; i < ARRAY_SIZE(workload); i++) {
		chunk->is_cross = i;
		chunk->failed = false;
		ratio_rows(peer, workload[i], chunk);
		rmw_row(peer, workload[i], chunk);
	}
	kvfree(chunk);
	return 0;
}

static void missing_peer(const struct bench_peer *peer)
{
	bench_no_row(peer->name, "own", "ratio", peer->missing);
}

/* ---- The calibrator --------------------------------------------------- */

static unsigned long __percpu *counts;

static void *percpu_create(const struct bench_peer *peer)
{
	counts = alloc_percpu(unsigned long);
	return counts ? &counts : ERR_PTR(-ENOMEM);
}

static void percpu_destroy(void *ctx)
{
	free_percpu(counts);
}

static __always_inline void *percpu_alloc(void *ctx, gfp_t gfp)
{
	this_cpu_inc(*counts);
	return ctx;
}

static __always_inline void percpu_free(void *ctx, void *obj)
{
	this_cpu_dec(*counts);
}

BENCH_LOOPS(percpu);

static const struct bench_peer calibrator = {
	.name = "null_percpu",
	.create = percpu_create,
	.destroy = percpu_destroy,
	.loops = &percpu_loops,
};

/**
 * bench_smp() - mode=smp
 *
 * Return: 0 or an error; -ENODEV with one CPU.
 */
int bench_smp(void)
{
	int ret;

	if (!cpu_online(0) || !cpu_online(1)) {
		pr_err("mode=smp: CPUs 0 and 1 are needed; boot with scripts/vm/run --smp 2\n");
		return -ENODEV;
	}
	ret = bench_measure_peer(&calibrator, measure_peer);
	return ret ?: bench_measure_peers(measure_peer, missing_peer);
}
