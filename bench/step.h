/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KMEMX_BENCH_STEP_H
#define KMEMX_BENCH_STEP_H

#include <linux/types.h>

/**
 * struct step_counts - what a piece of code executed
 * @insns: instructions
 * @rmw: read-modify-writes of memory that other CPUs may write: those with a LOCK
 *	 prefix and xchg, but not those that are relative to %gs, which is the CPU's own
 */
struct step_counts {
	u64 insns;
	u64 rmw;
};

int step_count(void (*run)(void *arg), void *arg, struct step_counts *counts);

#endif /* KMEMX_BENCH_STEP_H */
