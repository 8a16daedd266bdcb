/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A chunk of work on one CPU, or on two at once; kthreads do it.
 *
 * Locking: none. The CPUs of a chunk wait for each other by what each has done.
 */
#ifndef KMEMX_BENCH_CHUNK_H
#define KMEMX_BENCH_CHUNK_H

#include <linux/atomic.h>
#include <linux/types.h>

#include "bench.h"

/* How many chunks make a ratio. */
#define CHUNKS		11
#define CHUNKS_QUICK	9

struct chunk;

/**
 * struct chunk_workload - what the CPUs of a chunk do
 * @name: of the rows
 * @rounds: that a chunk has at least, an even number
 * @is_split: two CPUs do together what one does alone; else, each does as much
 * @run: CPU @id's part, 0 or 1; calls chunk_done() after each round and ends early once
 *	 the chunk has failed, with nothing left behind that @stop does not know of
 * @start: before the first chunk, or NULL; 0 or an error
 * @stop: after the last, also if @start failed, or NULL
 */
struct chunk_workload {
	const char *name;
	unsigned long rounds;
	bool is_split;
	void (*run)(struct chunk *chunk, unsigned int id);
	int (*start)(struct chunk *chunk);
	void (*stop)(struct chunk *chunk);
};

/**
 * struct chunk - one measurement
 * @loops: the allocator's
 * @ctx: its state
 * @workload: what to do
 * @data: the workload's own
 * @rounds: for each CPU
 * @nr_cpus: that take part, 1 or 2
 * @arrived: CPUs that are ready; they start when all are
 * @done: rounds that each CPU has done; the other one reads it
 * @seen: rounds that each saw the other do
 * @begin: when each began
 * @end: when each ended
 * @failed: an allocation failed
 */
struct chunk {
	const struct bench_loops *loops;
	void *ctx;
	const struct chunk_workload *workload;
	void *data;
	unsigned long rounds;
	unsigned int nr_cpus;
	atomic_t arrived;
	unsigned long done[2];
	unsigned long seen[2];
	u64 begin[2];
	u64 end[2];
	bool failed;
};

void chunk_done(struct chunk *chunk, unsigned int id);
bool chunk_wait(struct chunk *chunk, unsigned int id, long rounds);
void chunk_fail(struct chunk *chunk);
void chunk_ratio_rows(struct chunk *chunk, const struct bench_peer *peer,
		      const struct chunk_workload *workload, void *data);
int chunk_measure_peers(bench_measure_t measure, bench_missing_t missing);

#endif /* KMEMX_BENCH_CHUNK_H */
