// SPDX-License-Identifier: GPL-2.0
/* Once more, with the points at which kunit/step_kunit.c interrupts it. */
#define KMEMX_STEPS
#include "../../module/buddy/zone_info.c"
