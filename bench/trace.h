/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Traces: which orders are asked for, and which block goes when the pool is full.
 * Streams of random numbers and no memory, so the same file is part of
 * kmemx_bench.ko, of the KUnit suites and of programs in user space.
 *
 * Locking: none; a struct trace belongs to whoever runs it.
 */
#ifndef KMEMX_BENCH_TRACE_H
#define KMEMX_BENCH_TRACE_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
typedef unsigned char u8;
typedef unsigned int u32;
/* As who else may define it has it, from <stdint.h>. */
typedef unsigned long u64;
#endif

#define TRACE_FRAMES	16384	/* of the pool that the trace is played in */
#define TRACE_REQUESTS	220000
#define TRACE_WARM_UP	20000	/* first requests, which are not counted */
#define TRACE_SNAPSHOT	1000	/* every such counted request, the pool is looked at */
#define TRACE_ORDERS	10	/* 0 to 9 */
#define TRACE_FIRST	16	/* orders that a seed is recognised by */

/**
 * enum trace_kind - the traces
 * @TRACE_REFERENCE: mostly small blocks, some of every order; any block that is
 *		     alive is as likely to be freed next as any other
 * @TRACE_MIXED: three sizes and nothing in between, as a network driver has them:
 *		 descriptors and headers (orders 0 and 1), receive buffers (order 4)
 *		 and huge pages for its tables (order 9)
 * @TRACE_BIMODAL: the orders of the reference, one for one, but a few blocks, most
 *		   of them small, live much longer than the others: what a kernel
 *		   notes about files, among their pages
 * @NR_TRACES: how many
 */
enum trace_kind {
	TRACE_REFERENCE,
	TRACE_MIXED,
	TRACE_BIMODAL,
	NR_TRACES,
};

/**
 * struct trace - one pass over a trace
 * @kind: which
 * @requests: state of the stream that orders are drawn from
 * @victims: state of the stream that chooses what is freed
 * @lives: state of the stream that says which blocks last
 */
struct trace {
	enum trace_kind kind;
	u64 requests;
	u64 victims;
	u64 lives;
};

#define TRACE_LASTS	0x80

#define TRACE_MARK	80	/* percent of the frames, for the hash of the victims */

/* What trace_hash_add() begins with. */
#define TRACE_HASH_START	0xcbf29ce484222325ULL

/**
 * struct trace_seed - a seed and what it must bring forth
 * @seed: where the streams start
 * @first: the first orders of the reference trace
 * @hash: FNV-1a of all requests of each trace, a byte each: the order, and
 *	  TRACE_LASTS with it if the block is to last
 * @victims: FNV-1a of all victims of each trace, at TRACE_MARK percent and when no request
 *	     fails: the number of the request that brought the block, counted from 1, in
 *	     four bytes with the lowest first
 * @nr_order9: requests of order 9 among those of the reference trace that count
 */
struct trace_seed {
	u64 seed;
	u8 first[TRACE_FIRST];
	u64 hash[NR_TRACES];
	u64 victims[NR_TRACES];
	u32 nr_order9;
};

#define TRACE_SEEDS	4
extern const struct trace_seed trace_seeds[TRACE_SEEDS];

u32 trace_random(u64 *state);
void trace_start(struct trace *trace, enum trace_kind kind, u64 seed);
unsigned int trace_order(struct trace *trace);
bool trace_lasts(struct trace *trace, unsigned int order);
u32 trace_victim(struct trace *trace, u32 nr_lasting, u32 n);
u64 trace_hash_add(u64 hash, u8 byte);
u64 trace_hash(enum trace_kind kind, u64 seed);
bool trace_is_reference(const struct trace_seed *seed);

#endif /* KMEMX_BENCH_TRACE_H */
