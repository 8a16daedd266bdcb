/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One operation in another, at every point between two steps, and a third one in that: what
 * an interrupt, and an NMI that interrupts it, do on a CPU that is at work in a front. For one
 * suite, which has all of it to itself.
 */
#ifndef KMEMX_KUNIT_NEST_H
#define KMEMX_KUNIT_NEST_H

#include <linux/sched.h>
#include <kmemx/platform.h>
#include <kunit/test.h>

#define NEST_MAX	2
/* No operation has as many; one that does not end is one that hangs. */
#define NEST_STEPS_MAX	2000U

enum nest_context {
	NEST_TASK,
	NEST_IRQ,
	NEST_NMI,
};

/**
 * struct nest_op - an operation
 * @name: for people
 * @run: does it
 * @arg: passed to @run
 * @from: in which context it is, if it interrupts nothing
 * @until: it may interrupt what is below this one, to be in it
 */
struct nest_op {
	const char *name;
	void (*run)(unsigned int arg);
	unsigned int arg;
	enum nest_context from;
	enum nest_context until;
};

/* Who interrupts, at which step, and how many steps there have been. */
struct nest_level {
	const struct nest_op *by;
	unsigned int at;
	unsigned int nr;
};

/* What the hook needs: one test at a time, on one thread. */
static struct nest_level nest_level[NEST_MAX];
static unsigned int nest_depth, nest_max;
static const struct nest_op *nest_outer;
/* Runs what interrupts. */
static void (*nest_run)(const struct nest_op *op);

static void nest_interrupt(void)
{
	struct nest_level *l = &nest_level[nest_depth];

	if (l->nr++ != l->at)
		return;
	if (++nest_depth < nest_max)
		nest_level[nest_depth].nr = 0;
	else
		kmemx_step_hook = NULL;
	nest_run(l->by);
	nest_depth--;
	kmemx_step_hook = nest_interrupt;
}

static void nest_end(void)
{
	kmemx_step_hook = NULL;
	nest_depth = 0;
}

static void nest_run_outer(void)
{
	nest_level[0].nr = 0;
	nest_level[1].nr = 0;
	kmemx_step_hook = nest_interrupt;
	nest_outer->run(nest_outer->arg);
	nest_end();
}

/* What is said if something is wrong. */
#define NEST_FMT	"%s at step %u by %s, at %u by %s"
#define NEST_ARGS	nest_outer->name, nest_level[0].at, nest_level[0].by->name, \
			nest_max > 1 ? nest_level[1].at : 0, \
			nest_max > 1 ? nest_level[1].by->name : "nothing"

/*
 * Have @outer interrupted, and what interrupts it, at each of their steps, once each. @once
 * sees to what is there before, calls nest_run_outer(), and looks at what is there afterwards.
 * Returns how many times.
 */
static unsigned long nest_everywhere(struct kunit *test, const struct nest_op *outer,
				     void (*once)(struct kunit *test))
{
	unsigned long nr = 0;

	nest_outer = outer;
	for (nest_level[0].at = 0; nest_level[0].at < NEST_STEPS_MAX; nest_level[0].at++) {
		cond_resched();
		for (nest_level[1].at = 0; nest_level[1].at < NEST_STEPS_MAX;
		     nest_level[1].at++) {
			once(test);
			nr++;
			if (nest_max == 1 || nest_level[1].nr <= nest_level[1].at)
				break;
		}
		if (nest_level[0].nr <= nest_level[0].at)
			return nr;
	}
	KUNIT_FAIL(test, "%s does not end", outer->name);
	return nr;
}

/* As that, by each of @nr operations that can. */
static unsigned long nest_by_each(struct kunit *test, const struct nest_op *outer,
				  const struct nest_op *ops, unsigned int nr,
				  void (*once)(struct kunit *test))
{
	unsigned long runs = 0;
	unsigned int i;

	nest_max = 1;
	for (i = 0; i < nr; i++) {
		if (outer->from >= ops[i].until)
			continue;
		nest_level[0].by = &ops[i];
		runs += nest_everywhere(test, outer, once);
	}
	return runs;
}

/* As that, with an NMI in it, by each of @nr operations that may be one. */
static unsigned long nest_twice(struct kunit *test, const struct nest_op *outer,
				const struct nest_op *ops, unsigned int nr,
				void (*once)(struct kunit *test))
{
	unsigned long runs = 0;
	unsigned int i, k;

	nest_max = 2;
	for (i = 0; i < nr; i++) {
		for (k = 0; k < nr; k++) {
			nest_level[0].by = &ops[i];
			nest_level[1].by = &ops[k];
			runs += nest_everywhere(test, outer, once);
		}
	}
	return runs;
}

#endif /* KMEMX_KUNIT_NEST_H */
