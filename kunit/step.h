/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What kmemx_step_kunit.ko has for its suites, beside a copy of what they interrupt.
 */
#ifndef KMEMX_KUNIT_STEP_H
#define KMEMX_KUNIT_STEP_H

#include <kmemx/busy.h>

struct kmemx_cache;
struct kmemx_pages;

/* Bad frees that were reported; what reports them is not in the copy. */
extern unsigned int step_nr_reports;

/* What the interrupt of a drain does on this CPU, once. */
enum kmemx_emptied step_empty_pages(struct kmemx_pages *pages);
enum kmemx_emptied step_empty_objects(struct kmemx_cache *cache);

#endif /* KMEMX_KUNIT_STEP_H */
