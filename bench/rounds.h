/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The mean of an operation, in instructions: loops with interrupts and preemption off,
 * of which the first is a warm-up.
 */
#ifndef KMEMX_BENCH_ROUNDS_H
#define KMEMX_BENCH_ROUNDS_H

#include "work.h"

/**
 * struct sum - ticks of a workload
 * @alloc: of allocations
 * @free: of frees
 * @pairs: how many of each
 */
struct sum {
	u64 alloc;
	u64 free;
	u64 pairs;
};

/**
 * typedef round_t - allocate some objects and free them
 * @work: where
 * @n: how many
 * @sum: what it took is added to it
 *
 * Return: false if an allocation failed; then there is none left, and @sum is no good.
 */
typedef bool (*round_t)(struct work *work, u32 n, struct sum *sum);

unsigned long rounds_begin(void);
void rounds_end(unsigned long flags);

bool round_in_order(struct work *work, u32 n, struct sum *sum);
bool round_at_random(struct work *work, u32 n, struct sum *sum);

void rounds_pair_row(const struct work *work, const char *workload, u64 ticks, u64 n);
void rounds_repeat(struct work *work, const char *workload, u32 n, unsigned int nr,
		   round_t round);
void rounds_hot(struct work *work, const char *workload, unsigned long n);

#endif /* KMEMX_BENCH_ROUNDS_H */
