/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who may touch what a CPU has for itself: its own code, one context at a time, with
 * preemption off and plain stores. An interrupt or NMI that finds its CPU busy there
 * takes another way. Another CPU does not touch it at all: who wants it emptied has
 * that done by an interrupt of its CPU, which is tried again where it found that busy.
 */
#ifndef KMEMX_BUSY_H
#define KMEMX_BUSY_H

#include <linux/compiler.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/types.h>

#include <kmemx/platform.h>

/**
 * kmemx_busy_enter() - begin to work on what is this CPU's
 * @busy: of the CPU that runs this, with preemption off
 *
 * An interrupt between the test and the store is harmless: it is over, and has
 * cleared @busy, before the store.
 *
 * Return: false if this context interrupted one that is at work there.
 */
static __always_inline bool kmemx_busy_enter(u8 *busy)
{
	/* Plain, so that it may be the operand of a comparison. */
	if (unlikely(data_race(*busy)))
		return false;
	kmemx_step();
	WRITE_ONCE(*busy, 1);
	/* What follows must not be moved before the store; same CPU. */
	barrier();
	kmemx_step();
	return true;
}

/**
 * kmemx_busy_leave() - end the work on what is this CPU's
 * @busy: entered
 */
static __always_inline void kmemx_busy_leave(u8 *busy)
{
	/* What came before must not be moved after the store; same CPU. */
	barrier();
	kmemx_step();
	WRITE_ONCE(*busy, 0);
	kmemx_step();
}

/* What emptying what this CPU has for itself has come to. */
enum kmemx_emptied {
	KMEMX_EMPTY,		/* As much has gone as was there. */
	KMEMX_EMPTY_MORE,	/* There is, but interrupts have been off for a while. */
	KMEMX_EMPTY_BUSY,	/* The CPU was at work there. */
};

struct kmemx_emptying {
	enum kmemx_emptied (*empty)(void *ctx);
	void *ctx;
	enum kmemx_emptied state;
};

static inline void kmemx_empty_this_cpu(void *arg)
{
	struct kmemx_emptying *emptying = arg;

	emptying->state = emptying->empty(emptying->ctx);
}

/**
 * kmemx_empty_all_cpus() - have every CPU empty what it has for itself
 * @empty: called on each, with interrupts off, until it says KMEMX_EMPTY
 * @has_any: does a CPU seem to have anything, as seen from another? One that has not is not
 *	     interrupted. NULL: each is
 * @ctx: passed to both
 *
 * One CPU after the other. Each is busy for some instructions at a time only, so it is
 * asked again soon. One that is offline, or goes, is passed over.
 *
 * Context: may sleep.
 */
static inline void kmemx_empty_all_cpus(enum kmemx_emptied (*empty)(void *ctx),
					bool (*has_any)(const void *ctx, unsigned int cpu),
					void *ctx)
{
	struct kmemx_emptying emptying = { .empty = empty, .ctx = ctx };
	unsigned int cpu;

	might_sleep();
	/* Which are online may change meanwhile: one that is not is not called. */
	for_each_possible_cpu(cpu) {
		while ((!has_any || has_any(ctx, cpu)) &&
		       !smp_call_function_single((int)cpu, kmemx_empty_this_cpu, &emptying, 1) &&
		       emptying.state != KMEMX_EMPTY) {
			if (emptying.state == KMEMX_EMPTY_BUSY)
				usleep_range(10, 100);
			else
				cond_resched();
		}
	}
}

#endif /* KMEMX_BUSY_H */
