/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels in the interfaces of kmemx's peers, one spelling
 * per change. What a kernel does not export is found out by Kbuild, which
 * defines BENCH_HAVE_*.
 */
#ifndef KMEMX_BENCH_COMPAT_H
#define KMEMX_BENCH_COMPAT_H

#include <linux/gfp.h>
#include <linux/mempool.h>
#include <linux/numa.h>
#include <linux/slab.h>
#include <linux/zsmalloc.h>

/* 6.14 dropped "array" from the name. */
#ifdef alloc_pages_bulk
#define bench_alloc_pages_bulk(gfp, n, pages)	alloc_pages_bulk(gfp, n, pages)
#else
#define bench_alloc_pages_bulk(gfp, n, pages)	alloc_pages_bulk_array(gfp, n, pages)
#endif

/* 6.17 added the node; Kbuild looks for it in the header. */
#ifdef BENCH_ZS_MALLOC_HAS_NODE
#define bench_zs_malloc(pool, size, gfp)	zs_malloc(pool, size, gfp, NUMA_NO_NODE)
#else
#define bench_zs_malloc(pool, size, gfp)	zs_malloc(pool, size, gfp)
#endif

#endif /* KMEMX_BENCH_COMPAT_H */
