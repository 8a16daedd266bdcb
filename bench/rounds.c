// SPDX-License-Identifier: GPL-2.0
/*
 * Rounds of the measured loops, and their mean. What is between two rounds is not
 * measured, and so is nothing that an interrupt does.
 */
#include <linux/irqflags.h>
#include <linux/math64.h>
#include <linux/preempt.h>
#include <linux/sched.h>

#include "order.h"
#include "rounds.h"

#define UNIT		"instructions"

/**
 * rounds_begin() - from now on, nobody else is to run on this CPU
 *
 * Return: for rounds_end().
 */
unsigned long rounds_begin(void)
{
	unsigned long flags;

	preempt_disable();
	local_irq_save(flags);
	return flags;
}

/**
 * rounds_end() - let the others have a go
 * @flags: from rounds_begin()
 */
void rounds_end(unsigned long flags)
{
	local_irq_restore(flags);
	preempt_enable();
	cond_resched();
}

/* ---- Rows ------------------------------------------------------------- */

static void one_row(const struct work *work, const char *workload, const char *metric,
		    u64 ticks, u64 n)
{
	if (n)
		bench_row(work->peer->name, workload, metric,
			  div64_u64(ticks * 10 + n / 2, n), UNIT);
	else
		bench_no_row(work->peer->name, workload, metric, "an allocation failed");
}

/**
 * rounds_pair_row() - note the mean of a pair whose halves cannot be told apart
 * @work: whose
 * @workload: what it was
 * @ticks: that it took
 * @n: pairs; 0 if an allocation failed
 */
void rounds_pair_row(const struct work *work, const char *workload, u64 ticks, u64 n)
{
	one_row(work, workload, "pair", ticks, n);
}

static void rows(const struct work *work, const char *workload, const struct sum *sum)
{
	one_row(work, workload, "pair", sum->alloc + sum->free, sum->pairs);
	one_row(work, workload, "alloc", sum->alloc, sum->pairs);
	one_row(work, workload, "free", sum->free, sum->pairs);
}

/* ---- Rounds ----------------------------------------------------------- */

/**
 * round_in_order() - the objects are freed in the order in which they were allocated
 * @work: where
 * @n: how many
 * @sum: what it took is added to it
 *
 * Return: false if an allocation failed.
 */
bool round_in_order(struct work *work, u32 n, struct sum *sum)
{
	unsigned long flags = rounds_begin();
	u64 alloc = work->peer->loops->take(work->ctx, work->objs, n);
	u64 free = alloc ? work->peer->loops->give(work->ctx, work->objs, n) : 0;

	rounds_end(flags);
	*sum = (struct sum) { sum->alloc + alloc, sum->free + free, sum->pairs + n };
	return alloc;
}

/**
 * round_at_random() - the objects are freed in random order
 * @work: where
 * @n: how many
 * @sum: what it took is added to it
 *
 * Return: false if an allocation failed.
 */
bool round_at_random(struct work *work, u32 n, struct sum *sum)
{
	unsigned long flags;
	u64 alloc, free = 0;

	order_shuffle(work->at, n, &work->random);
	flags = rounds_begin();
	alloc = work->peer->loops->take(work->ctx, work->objs, n);
	if (alloc)
		free = work->peer->loops->give_at(work->ctx, work->objs, work->at, n);
	rounds_end(flags);
	*sum = (struct sum) { sum->alloc + alloc, sum->free + free, sum->pairs + n };
	return alloc;
}

/**
 * rounds_repeat() - a warm-up, then rounds that count
 * @work: where
 * @workload: name of the rows
 * @n: objects of a round; 0: they would not fit
 * @nr: rounds
 * @round: does one
 */
void rounds_repeat(struct work *work, const char *workload, u32 n, unsigned int nr,
		   round_t round)
{
	struct sum sum = { }, warm_up = { };
	bool ok = n && round(work, n, &warm_up);

	while (ok && nr--)
		ok = round(work, n, &sum);
	rows(work, workload, ok ? &sum : &(struct sum) { });
}

/**
 * rounds_hot() - one object, allocated and freed again at once, in two rounds
 * @work: where
 * @workload: name of the row
 * @n: how often
 */
void rounds_hot(struct work *work, const char *workload, unsigned long n)
{
	unsigned long flags = rounds_begin();
	u64 ticks;

	work->peer->loops->hot(work->ctx, n);
	ticks = work->peer->loops->hot(work->ctx, n);
	rounds_end(flags);
	rounds_pair_row(work, workload, ticks, ticks ? n : 0);
}
