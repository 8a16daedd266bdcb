// SPDX-License-Identifier: GPL-2.0
/*
 * What kmemx_step_kunit.ko has beside its suites and their copy of what they interrupt.
 */
#include <linux/module.h>
#define KMEMX_STEPS
#include <kmemx/platform.h>

#include "observe/report.h"
#include "random.h"
#include "step.h"

/* Of the one suite that runs at a time. */
void (*kmemx_step_hook)(void);
unsigned int step_nr_reports;

void kmemx_report_bad_free(enum kmemx_verdict verdict, const void *addr, const char *cache,
			   unsigned long call_site)
{
	step_nr_reports++;
}

static ulong seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "start of the tests' random numbers; 0: the usual one");

u64 test_seed(void)
{
	return seed ?: TEST_SEED;
}

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit suites that interrupt kmemx between its steps");
