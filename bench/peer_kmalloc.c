// SPDX-License-Identifier: GPL-2.0
/*
 * kmalloc() with a size that the compiler knows, as nearly all of its callers have.
 */
#include <linux/slab.h>

#include "loops.h"

static void *kmalloc_create(const struct bench_peer *peer)
{
	return (void *)peer;
}

static void kmalloc_destroy(void *ctx)
{
}

#define KMALLOC_LOOPS(bytes)							\
static __always_inline void *kmalloc_##bytes##_alloc(void *ctx, gfp_t gfp)	\
{										\
	return kmalloc(bytes, gfp);						\
}										\
static __always_inline void kmalloc_##bytes##_free(void *ctx, void *obj)	\
{										\
	kfree(obj);								\
}										\
BENCH_LOOPS(kmalloc_##bytes)

KMALLOC_LOOPS(64);
KMALLOC_LOOPS(256);
KMALLOC_LOOPS(1024);

#define KMALLOC(bytes) {				\
	.name = "kmalloc_" #bytes,			\
	.size = bytes,					\
	.create = kmalloc_create,			\
	.destroy = kmalloc_destroy,			\
	.loops = &kmalloc_##bytes##_loops,		\
}

const struct bench_peer bench_kmalloc[] = {
	KMALLOC(64),
	KMALLOC(256),
	KMALLOC(1024),
	{ }
};
