// SPDX-License-Identifier: GPL-2.0
/*
 * Ratios: what two CPUs get done, over what one does in the same time.
 *
 * Chunks with one CPU and with two alternate, so that whatever else happens on
 * the host meets both. A chunk with two counts only if each CPU saw the other get
 * ahead by half of its work while it was at work itself: two CPUs that take turns
 * prove nothing. The peer null_percpu, which shares nothing, is what the machine
 * itself makes of two CPUs.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sched/task.h>

#include "chunk.h"
#include "values.h"

/* Chunks that may be made for those that count. */
#define TRIES		(10 * CHUNKS)

/* A chunk takes at least this. */
#define CHUNK_NS	(20 * NSEC_PER_MSEC)

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

/* ---- For workloads ---------------------------------------------------- */

/**
 * chunk_done() - a round is done
 * @chunk: of which chunk
 * @id: by which CPU
 */
void chunk_done(struct chunk *chunk, unsigned int id)
{
	/* Pairs with the acquire of a CPU in chunk_wait(). */
	smp_store_release(&chunk->cpu[id].done, chunk->cpu[id].done + 1);
}

/**
 * chunk_wait() - wait until a CPU has done that much
 * @chunk: in which chunk
 * @id: which CPU; for one that does not take part, nobody has to wait
 * @rounds: how much; below 1, there is nothing to wait for
 *
 * Return: false if the chunk has failed before.
 */
bool chunk_wait(struct chunk *chunk, unsigned int id, long rounds)
{
	if (id >= chunk->nr_cpus)
		return true;
	/* Pairs with the release in chunk_done(): what that CPU did can be seen. */
	while ((long)smp_load_acquire(&chunk->cpu[id].done) < rounds) {
		if (READ_ONCE(chunk->failed))
			return false;
		cpu_relax();
	}
	return true;
}

/**
 * chunk_fail() - an allocation failed
 * @chunk: in which chunk
 */
void chunk_fail(struct chunk *chunk)
{
	WRITE_ONCE(chunk->failed, true);
}

/* ---- Chunks ----------------------------------------------------------- */

static int worker_thread(void *arg)
{
	struct worker *worker = arg;
	struct chunk *chunk = worker->chunk;
	struct chunk_cpu *own = &chunk->cpu[worker->id], *other = &chunk->cpu[!worker->id];
	unsigned long before;

	atomic_inc(&chunk->arrived);
	while (atomic_read(&chunk->arrived) < chunk->nr_cpus)
		cpu_relax();
	before = READ_ONCE(other->done);
	own->begin = ktime_get_ns();
	chunk->workload->run(chunk, worker->id);
	own->end = ktime_get_ns();
	own->seen = READ_ONCE(other->done) - before;
	complete(&worker->finished);
	return 0;
}

static struct task_struct *start_worker(struct worker *worker, int cpu)
{
	struct task_struct *task = kthread_create(worker_thread, worker, "kmemx_bench/%d", cpu);

	if (!IS_ERR(task)) {
		kthread_bind(task, cpu);
		get_task_struct(task);
	}
	return task;
}

/* On the first two CPUs. */
static int run_workers(struct chunk *chunk)
{
	struct worker worker[2] = { { .chunk = chunk, .id = 0 }, { .chunk = chunk, .id = 1 } };
	struct task_struct *task[2];
	unsigned int i;

	for (i = 0; i < chunk->nr_cpus; i++) {
		init_completion(&worker[i].finished);
		task[i] = start_worker(&worker[i], i);
		if (IS_ERR(task[i])) {
			while (i--) {
				kthread_stop(task[i]);
				put_task_struct(task[i]);
			}
			return -ENOMEM;
		}
	}
	for (i = 0; i < chunk->nr_cpus; i++)
		wake_up_process(task[i]);
	for (i = 0; i < chunk->nr_cpus; i++) {
		wait_for_completion(&worker[i].finished);
		kthread_stop(task[i]);
		put_task_struct(task[i]);
	}
	return chunk->failed ? -ENOMEM : 0;
}

/* Returns the time from the first start to the last end, or an error. */
static s64 run_chunk(struct chunk *chunk, unsigned int nr_cpus)
{
	u64 begin, end;
	int ret;

	chunk->nr_cpus = nr_cpus;
	atomic_set(&chunk->arrived, 0);
	memset(chunk->cpu, 0, sizeof(chunk->cpu));
	ret = run_workers(chunk);
	if (ret)
		return ret;
	begin = chunk->cpu[0].begin;
	end = chunk->cpu[0].end;
	if (nr_cpus == 2) {
		begin = min(begin, chunk->cpu[1].begin);
		end = max(end, chunk->cpu[1].end);
	}
	return end - begin;
}

static bool both_ran(const struct chunk *chunk)
{
	return min(chunk->cpu[0].seen, chunk->cpu[1].seen) >= chunk->rounds / 2;
}

/* As many rounds as make a chunk long enough. */
static int set_rounds(struct chunk *chunk)
{
	s64 ns;

	for (chunk->rounds = chunk->workload->rounds;; chunk->rounds *= 2) {
		ns = run_chunk(chunk, 1);
		if (ns < 0)
			return ns;
		if (ns >= CHUNK_NS)
			return 0;
	}
}

/**
 * struct result - of several chunks, in thousandths
 * @ratio: what two CPUs got done, over one
 * @ns: time of two CPUs for each pair
 */
struct result {
	u64 ratio[CHUNKS];
	u64 ns[CHUNKS];
};

static u64 ratio(const struct chunk *chunk, s64 one, s64 two)
{
	return div64_u64((chunk->workload->is_split ? 1000 : 2000) * (u64)one, two);
}

static u64 pair_ns(const struct chunk *chunk, s64 two)
{
	u64 pairs = chunk->rounds * chunk->workload->pairs;

	return pairs ? div64_u64((chunk->workload->is_split ? 1000 : 500) * (u64)two, pairs) : 0;
}

static int measure_ratios(struct chunk *chunk, struct result *result, unsigned int nr)
{
	unsigned int i = 0, tries;
	s64 one, two;
	int ret = set_rounds(chunk);

	for (tries = 0; !ret && i < nr && tries < TRIES; tries++) {
		one = run_chunk(chunk, 1);
		two = run_chunk(chunk, 2);
		if (one < 0 || two <= 0)
			return -ENOMEM;
		if (both_ran(chunk)) {
			result->ratio[i] = ratio(chunk, one, two);
			result->ns[i++] = pair_ns(chunk, two);
		}
		cond_resched();
	}
	if (!ret && i < nr)
		ret = -EBUSY;
	values_sort(result->ratio, i);
	values_sort(result->ns, i);
	return ret;
}

static int set_up_and_measure(struct chunk *chunk, struct result *result, unsigned int nr)
{
	const struct chunk_workload *workload = chunk->workload;
	int ret = workload->start ? workload->start(chunk) : 0;

	ret = ret ?: measure_ratios(chunk, result, nr);
	if (workload->stop)
		workload->stop(chunk);
	return ret;
}

/**
 * chunk_ratio_rows() - measure what two CPUs get done, over one
 * @chunk: to be filled in
 * @peer: the allocator
 * @workload: what to do
 * @data: the workload's own
 */
void chunk_ratio_rows(struct chunk *chunk, const struct bench_peer *peer,
		      const struct chunk_workload *workload, void *data)
{
	unsigned int nr = bench_params.quick ? CHUNKS_QUICK : CHUNKS;
	struct result result;
	int ret;

	chunk->workload = workload;
	chunk->data = data;
	chunk->failed = false;
	ret = set_up_and_measure(chunk, &result, nr);
	if (ret) {
		bench_no_row(peer->name, workload->name, "ratio",
			     ret == -EBUSY ? "two CPUs never ran at once" : "an allocation failed");
		return;
	}
	bench_fine_row(peer->name, workload->name, "ratio", result.ratio[nr / 2], "times");
	bench_fine_row(peer->name, workload->name, "ratio_q1", result.ratio[nr / 4], "times");
	bench_fine_row(peer->name, workload->name, "ratio_q3", result.ratio[nr - 1 - nr / 4],
		       "times");
	if (workload->pairs)
		bench_fine_row(peer->name, workload->name, "pair_ns", result.ns[nr / 2], "ns");
}

/**
 * chunk_measure_peers() - measure null_percpu and all other peers on two CPUs
 * @measure: called with each peer and what its create() returned
 * @missing: called with those that this kernel does not have
 *
 * Return: 0 or an error; -ENODEV with one CPU.
 */
int chunk_measure_peers(bench_measure_t measure, bench_missing_t missing)
{
	int ret;

	if (!cpu_online(0) || !cpu_online(1)) {
		pr_err("CPUs 0 and 1 are needed; boot with scripts/vm/run --smp 2\n");
		return -ENODEV;
	}
	ret = bench_measure_peer(bench_null_percpu, measure);
	return ret ?: bench_measure_peers(measure, missing);
}
