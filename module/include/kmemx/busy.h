/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who may touch what a CPU has for itself: its own code, one context at a time, with
 * preemption off and plain stores. An interrupt or NMI that finds its CPU busy there
 * takes another way. Another CPU does not touch it at all: who wants it emptied has
 * that done by an interrupt of its CPU, which is tried again where it found that busy.
 */
#ifndef KMEMX_BUSY_H
#define KMEMX_BUSY_H

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/delay.h>
#include <linux/smp.h>
#include <linux/types.h>

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
	if (unlikely(READ_ONCE(*busy)))
		return false;
	WRITE_ONCE(*busy, 1);
	/* What follows must not be moved before the store; same CPU. */
	barrier();
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
	WRITE_ONCE(*busy, 0);
}

struct kmemx_emptying {
	bool (*empty)(void *ctx);
	void *ctx;
	atomic_t nr_busy;
};

static inline void kmemx_empty_this_cpu(void *arg)
{
	struct kmemx_emptying *emptying = arg;

	if (!emptying->empty(emptying->ctx))
		atomic_inc(&emptying->nr_busy);
}

/**
 * kmemx_empty_all_cpus() - have every CPU empty what it has for itself
 * @empty: called on each, with interrupts off; false if it found its CPU busy
 * @ctx: passed to @empty
 *
 * A CPU is busy for some instructions at a time, so few rounds are enough.
 *
 * Context: may sleep.
 */
static inline void kmemx_empty_all_cpus(bool (*empty)(void *ctx), void *ctx)
{
	struct kmemx_emptying emptying = { .empty = empty, .ctx = ctx };

	might_sleep();
	for (;;) {
		atomic_set(&emptying.nr_busy, 0);
		on_each_cpu(kmemx_empty_this_cpu, &emptying, 1);
		if (!atomic_read(&emptying.nr_busy))
			return;
		usleep_range(10, 100);
	}
}

#endif /* KMEMX_BUSY_H */
