// SPDX-License-Identifier: GPL-2.0
/*
 * zsmalloc: handles, not addresses; what it takes to map an object is not in
 * these rows.
 */
#include "bench.h"

#ifdef BENCH_HAVE_ZSMALLOC

#include <linux/err.h>

#include "compat.h"
#include "loops.h"

static void *zsmalloc_create(const struct bench_peer *peer)
{
	return zs_create_pool(peer->name) ?: ERR_PTR(-ENOMEM);
}

static void zsmalloc_destroy(void *ctx)
{
	zs_destroy_pool(ctx);
}

#define ZSMALLOC_LOOPS(bytes)							\
static __always_inline void *zsmalloc_##bytes##_alloc(void *ctx, gfp_t gfp)	\
{										\
	unsigned long handle = bench_zs_malloc(ctx, bytes, gfp);		\
										\
	return IS_ERR_VALUE(handle) ? NULL : (void *)handle;			\
}										\
static __always_inline void zsmalloc_##bytes##_free(void *ctx, void *obj)	\
{										\
	zs_free(ctx, (unsigned long)obj);					\
}										\
BENCH_LOOPS(zsmalloc_##bytes)

ZSMALLOC_LOOPS(64);
ZSMALLOC_LOOPS(1024);

#define ZSMALLOC(bytes) {				\
	.name = "zsmalloc_" #bytes,			\
	.size = bytes,					\
	.create = zsmalloc_create,			\
	.destroy = zsmalloc_destroy,			\
	.loops = &zsmalloc_##bytes##_loops,		\
}

#else

#define ZSMALLOC(bytes) { .name = "zsmalloc_" #bytes, .missing = "not in this kernel" }

#endif /* BENCH_HAVE_ZSMALLOC */

const struct bench_peer bench_zsmalloc[] = {
	ZSMALLOC(64),
	ZSMALLOC(1024),
	{ }
};
