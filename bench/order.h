/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Orders in which objects are freed, the same in every run.
 */
#ifndef KMEMX_BENCH_ORDER_H
#define KMEMX_BENCH_ORDER_H

#include <linux/minmax.h>
#include <linux/types.h>

#include "trace.h"

#define ORDER_SEED	0x9E3779B97F4A7C15ULL

/* Each of 0..n - 1 once, in random order. */
static inline void order_shuffle(u32 *at, u32 n, u64 *random)
{
	u32 i, other;

	for (i = 0; i < n; i++)
		at[i] = i;
	for (i = n; i > 1; i--) {
		other = trace_random(random) % i;
		swap(at[i - 1], at[other]);
	}
}

/* @nr times any of 0..n - 1. */
static inline void order_draw(u32 *at, u32 nr, u32 n, u64 *random)
{
	u32 i;

	for (i = 0; i < nr; i++)
		at[i] = trace_random(random) % n;
}

#endif /* KMEMX_BENCH_ORDER_H */
