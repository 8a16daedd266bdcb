/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Many measurements of one thing, and what is said of them.
 */
#ifndef KMEMX_BENCH_VALUES_H
#define KMEMX_BENCH_VALUES_H

#include <linux/types.h>

void values_sort(u64 *values, u32 nr);
u64 values_percentile(const u64 *sorted, u32 nr, u32 per_mille);

#endif /* KMEMX_BENCH_VALUES_H */
