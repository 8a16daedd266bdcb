/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The clock of the bench. Under scripts/vm/run --icount the time stamp counter
 * of an amd64 guest counts instructions: one tick is one of them. Elsewhere a tick is
 * a nanosecond, and only modes that do not care may run.
 */
#ifndef KMEMX_BENCH_CLOCK_H
#define KMEMX_BENCH_CLOCK_H

#include <linux/ktime.h>
#include <linux/types.h>

#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)
#define BENCH_COUNTS_INSTRUCTIONS
#include <asm/msr.h>
#include <asm/tsc.h>

static __always_inline u64 clock_read(void)
{
	return rdtsc_ordered();
}
#else
static __always_inline u64 clock_read(void)
{
	return ktime_get_ns();
}
#endif

int clock_calibrate(void);

#endif /* KMEMX_BENCH_CLOCK_H */
