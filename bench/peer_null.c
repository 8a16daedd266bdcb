// SPDX-License-Identifier: GPL-2.0
/*
 * The peer that does nothing: its rows are what the loops cost.
 */
#include "loops.h"

static void *null_create(const struct bench_peer *peer)
{
	return (void *)peer;
}

static void null_destroy(void *ctx)
{
}

/* The compiler must not see that it is always the same. */
static __always_inline void *null_alloc(void *ctx, gfp_t gfp)
{
	OPTIMIZER_HIDE_VAR(ctx);
	return ctx;
}

static __always_inline void null_free(void *ctx, void *obj)
{
	asm volatile("" : : "r" (obj));
}

BENCH_LOOPS(null);

const struct bench_peer bench_null[] = {
	{ .name = "null", .create = null_create, .destroy = null_destroy, .loops = &null_loops },
	{ }
};
