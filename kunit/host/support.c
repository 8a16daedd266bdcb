// SPDX-License-Identifier: GPL-2.0
/*
 * What random.h and threads.h promise, on the host.
 */
#include <pthread.h>
#include <stdio.h>

#include "random.h"
#include "threads.h"

__thread kmemx_step_fn *kmemx_step_hook;

u64 test_seed(void)
{
	const char *text = getenv("KMEMX_SEED");
	u64 seed = text ? strtoull(text, NULL, 0) : 0;

	return seed ? seed : TEST_SEED;
}

void test_breathe(void)
{
}

struct job {
	void (*fn)(void *arg, unsigned int i);
	void *arg;
	unsigned int i;
	pthread_t thread;
};

static void *run_job(void *data)
{
	struct job *job = data;

	job->fn(job->arg, job->i);
	return NULL;
}

void test_run_threads(struct kunit *test, void (*fn)(void *arg, unsigned int i), void *arg)
{
	struct job job[TEST_THREADS];
	unsigned int i, nr;

	for (nr = 0; nr < TEST_THREADS; nr++) {
		job[nr] = (struct job){ .fn = fn, .arg = arg, .i = nr };
		if (pthread_create(&job[nr].thread, NULL, run_job, &job[nr])) {
			KUNIT_FAIL(test, "no thread %u", nr);
			break;
		}
	}
	for (i = 0; i < nr; i++)
		pthread_join(job[i].thread, NULL);
}
