// SPDX-License-Identifier: GPL-2.0
/*
 * Per-CPU counters; see stat.h.
 */
#include <linux/build_bug.h>
#include <linux/cpumask.h>
#include <kmemx/compat.h>

#include "observe/stat.h"

/* Static, as one instruction then counts; modules share little such space, this is 352 bytes. */
DEFINE_PER_CPU(struct kmemx_stat, kmemx_stat);
/* As EXPORT_PER_CPU_SYMBOL() has it: to sparse an export is no per-CPU variable. */
#ifndef __CHECKER__
KMEMX_EXPORT_FOR_TEST(kmemx_stat);
#endif

static const char * const names[] = {
	[KMEMX_STAT_USED_BYTES]			= "used_bytes",
	[KMEMX_STAT_ALLOC]			= "alloc",
	[KMEMX_STAT_FREE]			= "free",
	[KMEMX_STAT_PAGE_ALLOC]			= "page_alloc",
	[KMEMX_STAT_PAGE_FREE]			= "page_free",
	[KMEMX_STAT_RECLAIM]			= "reclaim",
	[KMEMX_STAT_HELD_ON_FREE]		= "held_on_free",
	[KMEMX_STAT_ZEROED_AHEAD]		= "zeroed_ahead_bytes",
	[KMEMX_STAT_ZEROING_SAVED]		= "zeroing_saved_bytes",
	[KMEMX_STAT_FAIL_EXHAUSTED]		= "fail_exhausted",
	[KMEMX_STAT_FAIL_FRAGMENTATION]		= "fail_fragmentation",
	[KMEMX_STAT_FAIL_STRANDED]		= "fail_stranded",
	[KMEMX_STAT_FAIL_CONTENDED]		= "fail_contended",
	[KMEMX_STAT_FAIL_TOO_LARGE]		= "fail_too_large",
	[KMEMX_STAT_FAIL_REFUSED]		= "fail_refused",
	[KMEMX_STAT_FAIL_NODE]			= "fail_node",
	[KMEMX_STAT_FAIL_PLACE]			= "fail_place",
	[KMEMX_STAT_BAD_FREE_DOUBLE]		= "bad_free_double",
	[KMEMX_STAT_BAD_FREE_ORDER]		= "bad_free_order",
	[KMEMX_STAT_BAD_FREE_MISALIGNED]	= "bad_free_misaligned",
	[KMEMX_STAT_BAD_FREE_FOREIGN]		= "bad_free_foreign",
	[KMEMX_STAT_BAD_FREE_CACHE]		= "bad_free_cache",
	[KMEMX_STAT_BAD_FREE_FUNCTION]		= "bad_free_function",
	[KMEMX_STAT_BAD_USERCOPY]		= "bad_usercopy",
};

static_assert(ARRAY_SIZE(names) == KMEMX_NR_STATS);
static_assert(KMEMX_STAT_BAD_FREE_FUNCTION - KMEMX_STAT_BAD_FREE_DOUBLE ==
	      KMEMX_FREE_FUNCTION - KMEMX_FREE_DOUBLE);
static_assert(KMEMX_STAT_FAIL_PLACE - KMEMX_STAT_FAIL_EXHAUSTED ==
	      KMEMX_FAIL_PLACE - KMEMX_FAIL_EXHAUSTED);

/* What a CPU's blocks come to in a counter. */
static s64 read_blocks(const struct kmemx_stat *stat, enum kmemx_stat_item item)
{
	s64 sum = 0;
	unsigned int k;

	for (k = 0; k < KMEMX_STAT_ORDERS; k++) {
		s64 nr_alloc = READ_ONCE(stat->block_alloc[k]);
		s64 nr_free = READ_ONCE(stat->block_free[k]);

		if (item == KMEMX_STAT_PAGE_ALLOC)
			sum += nr_alloc;
		else if (item == KMEMX_STAT_PAGE_FREE)
			sum += nr_free;
		else if (item == KMEMX_STAT_USED_BYTES)
			sum += (nr_alloc - nr_free) * (s64)(PAGE_SIZE << k);
	}
	return sum;
}

/**
 * kmemx_stat_read() - the sum of a counter
 * @item: which
 *
 * Over possible, not online, CPUs: one that went offline keeps what it counted.
 *
 * Return: the sum.
 */
s64 kmemx_stat_read(enum kmemx_stat_item item)
{
	s64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(kmemx_stat, cpu).item[item]) +
			read_blocks(per_cpu_ptr(&kmemx_stat, cpu), item);
	return sum;
}
KMEMX_EXPORT_FOR_TEST(kmemx_stat_read);

/**
 * kmemx_stat_name() - what a counter is called in debugfs
 * @item: which
 *
 * Return: its name.
 */
const char *kmemx_stat_name(enum kmemx_stat_item item)
{
	return names[item];
}
