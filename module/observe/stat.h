/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters of what happened, one set per CPU.
 *
 * A counter may be bumped in any context and is never locked. The sum over all
 * possible CPUs is exact at rest; it may run ahead or behind by what other CPUs
 * are doing at that moment.
 */
#ifndef KMEMX_OBSERVE_STAT_H
#define KMEMX_OBSERVE_STAT_H

#include <linux/percpu.h>
#include <linux/types.h>
#include <kmemx/verdict.h>

enum kmemx_stat_item {
	/* But for what caches, and fronts of pages on the short way, count: see snapshot.h. */
	KMEMX_STAT_USED_BYTES,		/* Held by users: objects and pages. */
	KMEMX_STAT_ALLOC,		/* Of objects, whose caches are gone. */
	KMEMX_STAT_FREE,
	KMEMX_STAT_PAGE_ALLOC,
	KMEMX_STAT_PAGE_FREE,
	KMEMX_STAT_RECLAIM,
	KMEMX_STAT_HELD_ON_FREE,	/* Frees that met a page somebody else held. */
	KMEMX_STAT_ZEROED_AHEAD,	/* Bytes that were free meanwhile, */
	KMEMX_STAT_ZEROING_SAVED,	/* and that need not be zeroed for an allocation. */
	/* In the order of enum kmemx_failure. */
	KMEMX_STAT_FAIL_EXHAUSTED,
	KMEMX_STAT_FAIL_FRAGMENTATION,
	KMEMX_STAT_FAIL_STRANDED,
	KMEMX_STAT_FAIL_CONTENDED,
	KMEMX_STAT_FAIL_TOO_LARGE,
	KMEMX_STAT_FAIL_REFUSED,
	KMEMX_STAT_FAIL_NODE,
	KMEMX_STAT_FAIL_PLACE,
	/* In the order of enum kmemx_verdict. */
	KMEMX_STAT_BAD_FREE_DOUBLE,
	KMEMX_STAT_BAD_FREE_ORDER,
	KMEMX_STAT_BAD_FREE_MISALIGNED,
	KMEMX_STAT_BAD_FREE_FOREIGN,
	KMEMX_STAT_BAD_FREE_CACHE,
	KMEMX_STAT_BAD_FREE_FUNCTION,
	KMEMX_STAT_BAD_USERCOPY,
	KMEMX_NR_STATS
};

/* Why an allocation failed. */
enum kmemx_failure {
	KMEMX_FAIL_EXHAUSTED,		/* Less is free than was asked for. */
	KMEMX_FAIL_FRAGMENTATION,	/* Enough is free, but not in a row. */
	KMEMX_FAIL_STRANDED,		/* Enough is free, but in the fronts of CPUs. */
	KMEMX_FAIL_CONTENDED,		/* Other CPUs were faster. */
	KMEMX_FAIL_TOO_LARGE,		/* The region is not that large. */
	KMEMX_FAIL_REFUSED,		/* The arguments ask for the impossible. */
	KMEMX_FAIL_NODE,		/* Another node's memory, and no other, is wanted. */
	KMEMX_FAIL_PLACE,		/* What is there is in use, or not the region's. */
};

/* Blocks of one order are counted in one place. */
#define KMEMX_STAT_ORDERS	10

/**
 * struct kmemx_stat - what one CPU has counted
 * @item: each counter, but for what is counted as blocks
 * @block_alloc: blocks of page frames allocated, by order
 * @block_free: freed
 */
struct kmemx_stat {
	s64 item[KMEMX_NR_STATS];
	s64 block_alloc[KMEMX_STAT_ORDERS];
	s64 block_free[KMEMX_STAT_ORDERS];
};

DECLARE_PER_CPU(struct kmemx_stat, kmemx_stat);

static inline void kmemx_stat_add(enum kmemx_stat_item item, s64 n)
{
	this_cpu_add(kmemx_stat.item[item], n);
}

/* One block is allocated: KMEMX_STAT_PAGE_ALLOC and KMEMX_STAT_USED_BYTES. */
static __always_inline void kmemx_stat_block_alloc(unsigned int order)
{
	this_cpu_inc(*(kmemx_stat.block_alloc + order));
}

/* One block is freed: KMEMX_STAT_PAGE_FREE and KMEMX_STAT_USED_BYTES. */
static __always_inline void kmemx_stat_block_free(unsigned int order)
{
	this_cpu_inc(*(kmemx_stat.block_free + order));
}

static inline void kmemx_stat_bad_free(enum kmemx_verdict verdict)
{
	kmemx_stat_add(KMEMX_STAT_BAD_FREE_DOUBLE + (verdict - KMEMX_FREE_DOUBLE), 1);
}

static inline void kmemx_stat_fail(enum kmemx_failure why)
{
	kmemx_stat_add(KMEMX_STAT_FAIL_EXHAUSTED + why, 1);
}

s64 kmemx_stat_read(enum kmemx_stat_item item);
const char *kmemx_stat_name(enum kmemx_stat_item item);

#endif /* KMEMX_OBSERVE_STAT_H */
