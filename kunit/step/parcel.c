// SPDX-License-Identifier: GPL-2.0
/* Once more, with the points at which kunit/pagestep_kunit.c interrupts it. */
#define KMEMX_STEPS
#include "../../module/buddy/parcel.c"
