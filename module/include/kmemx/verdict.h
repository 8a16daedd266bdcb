/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a free turned out to be. The layers that hold state return a verdict
 * and change nothing unless it is KMEMX_FREE_OK; who called them counts it and
 * says so.
 */
#ifndef KMEMX_VERDICT_H
#define KMEMX_VERDICT_H

enum kmemx_verdict {
	KMEMX_FREE_OK,
	KMEMX_FREE_DOUBLE,	/* Not allocated at this moment. */
	KMEMX_FREE_ORDER,	/* Allocated, with another order. */
	KMEMX_FREE_MISALIGNED,	/* Inside an allocation, not its start. */
	KMEMX_FREE_FOREIGN,	/* Not an address of the region. */
	KMEMX_FREE_CACHE,	/* An object of another cache. */
	KMEMX_FREE_FUNCTION,	/* Allocated by another family of functions. */
	KMEMX_NR_VERDICTS
};

#endif /* KMEMX_VERDICT_H */
