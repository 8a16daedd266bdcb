// SPDX-License-Identifier: GPL-2.0
/* Once more, for what is counted here must not be counted in kmemx.ko. */
#define KMEMX_STEPS
#include "../../module/observe/stat.c"
