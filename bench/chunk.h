/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A chunk of work on one CPU, or on two at once; kthreads do it.
 *
 * Locking: none. The CPUs of a chunk wait for each other by what each has done.
 */
#ifndef KMEMX_BENCH_CHUNK_H
#define KMEMX_BENCH_CHUNK_H

#include <linux/atomic.h>
#include <linux/cache.h>
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
 * @pairs: allocations and frees of a round, or 0 if that is not to be told
 * @is_split: two CPUs do together what one does alone; else, each does as much
 * @run: CPU @id's part, 0 or 1; calls chunk_done() after each round and ends early once
 *	 the chunk has failed, with nothing left behind that @stop does not know of
 * @start: before the first chunk, or NULL; 0 or an error
 * @stop: after the last, also if @start failed, or NULL
 */
struct chunk_workload {
	const char *name;
	unsigned long rounds;
	unsigned long pairs;
	bool is_split;
	void (*run)(struct chunk *chunk, unsigned int id);
	int (*start)(struct chunk *chunk);
	void (*stop)(struct chunk *chunk);
};

/**
 * struct chunk_cpu - what a CPU has got done
 * @done: rounds; the other one reads it
 * @seen: rounds that it saw the other do
 * @begin: when it began
 * @end: when it ended
 * @apart: so that it shares no line with the other, nor with what both read
 */
struct chunk_cpu {
	unsigned long done;
	unsigned long seen;
	u64 begin;
	u64 end;
	u8 apart[2 * SMP_CACHE_BYTES];
};

/**
 * struct chunk - one measurement
 * @loops: the allocator's
 * @ctx: its state
 * @workload: what to do
 * @data: the workload's own
 * @rounds: for each CPU
 * @nr_cpus: that take part, 1 or 2
 * @failed: an allocation failed
 * @arrived: CPUs that are ready; they start when all are
 * @apart: as in struct chunk_cpu
 * @cpu: of each
 */
struct chunk {
	const struct bench_loops *loops;
	void *ctx;
	const struct chunk_workload *workload;
	void *data;
	unsigned long rounds;
	unsigned int nr_cpus;
	bool failed;
	atomic_t arrived;
	u8 apart[SMP_CACHE_BYTES];
	struct chunk_cpu cpu[2];
};

void chunk_done(struct chunk *chunk, unsigned int id);
bool chunk_wait(struct chunk *chunk, unsigned int id, long rounds);
void chunk_fail(struct chunk *chunk);
void chunk_ratio_rows(struct chunk *chunk, const struct bench_peer *peer,
		      const struct chunk_workload *workload, void *data);
int chunk_measure_peers(bench_measure_t measure, bench_missing_t missing);

#endif /* KMEMX_BENCH_CHUNK_H */
