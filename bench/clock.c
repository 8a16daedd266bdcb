// SPDX-License-Identifier: GPL-2.0
/*
 * The calibration: a loop of known length, timed with the bench's own clock.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/irqflags.h>
#include <linux/preempt.h>
#include <linux/printk.h>

#include "bench.h"
#include "clock.h"

#define ROUNDS		1000000UL

/* What reading the clock twice may add to the loop. */
#define SLACK		16

#ifdef BENCH_COUNTS_INSTRUCTIONS
/* Two instructions a round. */
static u64 count_down(unsigned long n)
{
	unsigned long flags;
	u64 start, end;

	preempt_disable();
	local_irq_save(flags);
	start = clock_read();
	asm volatile("1: dec %0\n\tjnz 1b" : "+r" (n) : : "cc");
	end = clock_read();
	local_irq_restore(flags);
	preempt_enable();
	return end - start;
}

/**
 * clock_calibrate() - make sure that the clock counts instructions
 *
 * Return: 0, or -EOPNOTSUPP where it counts anything else.
 */
int clock_calibrate(void)
{
	u64 ticks = count_down(ROUNDS);

	if (ticks < 2 * ROUNDS || ticks > 2 * ROUNDS + SLACK) {
		pr_err("the clock does not count instructions: %lu of them took %llu ticks; boot with scripts/vm/run --icount\n",
		       2 * ROUNDS, ticks);
		return -EOPNOTSUPP;
	}
	pr_info("calibration: %lu instructions took %llu ticks\n", 2 * ROUNDS, ticks);
	bench_row("null", "calibration", "ticks", ticks * 10, "instructions");
	return 0;
}
#else
int clock_calibrate(void)
{
	pr_err("instructions are counted on amd64 only, under scripts/vm/run --icount; mode=frag, memory, smp and native work here\n");
	return -EOPNOTSUPP;
}
#endif
