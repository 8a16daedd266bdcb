/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The life of the results; bench.h has what adds to them.
 */
#ifndef KMEMX_BENCH_ROWS_H
#define KMEMX_BENCH_ROWS_H

void rows_start(const char *name);
int rows_publish(void);
void rows_end(void);

#endif /* KMEMX_BENCH_ROWS_H */
