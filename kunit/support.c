// SPDX-License-Identifier: GPL-2.0
/*
 * What random.h and threads.h promise, in the kernel; host/support.c has the
 * twin.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <kmemx/compat.h>

#include "random.h"
#include "threads.h"

static ulong seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "start of the tests' random numbers; 0: the usual one");

u64 test_seed(void)
{
	return seed ?: TEST_SEED;
}

void test_breathe(void)
{
	cond_resched();
}

struct job {
	void (*fn)(void *arg, unsigned int i);
	void *arg;
	unsigned int i;
	struct completion done;
};

static int run_job(void *data)
{
	struct job *job = data;

	job->fn(job->arg, job->i);
	complete(&job->done);
	return 0;
}

void test_run_threads(struct kunit *test, void (*fn)(void *arg, unsigned int i), void *arg)
{
	struct job job[TEST_THREADS];
	struct task_struct *task;
	unsigned int i;

	for (i = 0; i < TEST_THREADS; i++) {
		job[i] = (struct job){ .fn = fn, .arg = arg, .i = i };
		init_completion(&job[i].done);
		task = kthread_run(run_job, &job[i], "kmemx_test/%u", i);
		if (IS_ERR(task)) {
			KUNIT_FAIL(test, "no thread %u: %pe", i, task);
			complete(&job[i].done);
		}
	}
	for (i = 0; i < TEST_THREADS; i++)
		wait_for_completion(&job[i].done);
}

KMEMX_IMPORT_NS(KMEMX);
KMEMX_IMPORT_NS(KMEMX_TEST);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("The kmemx authors");
MODULE_DESCRIPTION("KUnit suites of kmemx");
