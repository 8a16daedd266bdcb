// SPDX-License-Identifier: GPL-2.0
/*
 * Sorting, and ranks. Modes have medians, quartiles and tails of what they measured.
 */
#include <linux/math.h>
#include <linux/sort.h>

#include "values.h"

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/**
 * values_sort() - the smallest first
 * @values: to be sorted
 * @nr: how many
 */
void values_sort(u64 *values, u32 nr)
{
	sort(values, nr, sizeof(*values), compare, NULL);
}

/**
 * values_percentile() - the smallest value that a share of all does not exceed
 * @sorted: by values_sort()
 * @nr: how many, at least 1
 * @per_mille: the share, 1 to 1000
 */
u64 values_percentile(const u64 *sorted, u32 nr, u32 per_mille)
{
	return sorted[DIV_ROUND_UP(nr * per_mille, 1000) - 1];
}
