// SPDX-License-Identifier: GPL-2.0
/*
 * The peers that do nothing: rows of null are what the loops cost, and null_percpu,
 * which writes to the CPU's own line, is what two CPUs at once are worth.
 */
#include <linux/err.h>
#include <linux/percpu.h>

#include "loops.h"

/* ---- null ------------------------------------------------------------- */

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

/* ---- null_percpu ------------------------------------------------------ */

static unsigned long __percpu *counts;

static void *percpu_create(const struct bench_peer *peer)
{
	counts = alloc_percpu(unsigned long);
	return counts ? &counts : ERR_PTR(-ENOMEM);
}

static void percpu_destroy(void *ctx)
{
	free_percpu(counts);
}

static __always_inline void *percpu_alloc(void *ctx, gfp_t gfp)
{
	this_cpu_inc(*counts);
	return ctx;
}

static __always_inline void percpu_free(void *ctx, void *obj)
{
	this_cpu_dec(*counts);
}

BENCH_LOOPS(percpu);

const struct bench_peer bench_null_percpu[] = {
	{
		.name = "null_percpu",
		.create = percpu_create,
		.destroy = percpu_destroy,
		.loops = &percpu_loops,
	},
	{ }
};
