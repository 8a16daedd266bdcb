// SPDX-License-Identifier: GPL-2.0
/*
 * What kmemx_step_kunit.ko has beside its suites and their copy of the cores.
 */
#include <linux/module.h>
#define KMEMX_STEPS
#include <kmemx/platform.h>

#include "random.h"

/* Of the one suite that runs at a time. */
void (*kmemx_step_hook)(void);

static ulong seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "start of the tests' random numbers; 0: the usual one");

u64 test_seed(void)
{
	return seed ?: TEST_SEED;
}

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit suites that interrupt the cores of kmemx between their steps");
