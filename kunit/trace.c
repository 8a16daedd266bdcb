// SPDX-License-Identifier: GPL-2.0
/*
 * The bench's traces in the suites: an object belongs to one module, so they are compiled
 * once more.
 */
#include "../bench/trace.c"
