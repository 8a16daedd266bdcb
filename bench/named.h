/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Workloads with names that people know, as far as the counted and the timed form of
 * them are the same.
 *
 * llfree_bulk, llfree_repeat and llfree_rand are those of the module that LLFree (USENIX
 * ATC 2023) was measured with, for blocks of order 0 and 9: many blocks, all allocated and
 * then all freed in that order; one block again and again; many, freed in random order,
 * everybody those of everybody. That module does not time rand's allocations; here they
 * are in the pair, and frees have a row of their own.
 *
 * larson (Larson & Krishnan, ISMM 1998), for objects: an array of them, of which a thread
 * replaces any, again and again; then it hands the array over to another thread.
 *
 * prodcons, for objects: one thread allocates what another one frees, one at a time.
 */
#ifndef KMEMX_BENCH_NAMED_H
#define KMEMX_BENCH_NAMED_H

#include <linux/minmax.h>

#include "bench.h"

/* Enough for two threads to have one to work on and one to hand over. */
#define LARSON_ARRAYS	4
#define LARSON_SLOTS	1000
/* Objects in all. */
#define LARSON_LIVE	(LARSON_ARRAYS * LARSON_SLOTS)
/* Replacements before an array is handed over: a quarter of what is freed is another's. */
#define LARSON_TURN	(4 * LARSON_SLOTS)

/* What either workload of objects needs, in objs[]. */
#define NAMED_OBJECTS	max(LARSON_LIVE, BENCH_RING)

int named_measure(const struct bench_peer *peer, void *ctx, bench_measure_t blocks,
		  bench_measure_t objects);
void named_missing(const struct bench_peer *peer, const char *metric);
u32 named_blocks(const struct bench_peer *peer, void *ctx, unsigned int part);

#endif /* KMEMX_BENCH_NAMED_H */
