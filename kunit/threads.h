/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Running a function on several threads at once, in the kernel and on the host.
 */
#ifndef KMEMX_KUNIT_THREADS_H
#define KMEMX_KUNIT_THREADS_H

#include <kunit/test.h>

#define TEST_THREADS	4

/* Calls @fn(@arg, 0..TEST_THREADS - 1), each in a thread; returns when all have. */
void test_run_threads(struct kunit *test, void (*fn)(void *arg, unsigned int i), void *arg);

/* To be called now and then by a thread that runs long. */
void test_breathe(void);

#endif /* KMEMX_KUNIT_THREADS_H */
