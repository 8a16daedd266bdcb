/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that it takes to port a driver: each call has the name, the arguments and the
 * meaning of the kernel's. In a driver of one's own these are edits.
 */
#ifndef PORT_H
#define PORT_H

#include <kmemx/kmemx.h>

/* Newer kernels have macros for these. */
#undef KMEM_CACHE
#undef kmem_cache_zalloc
#undef kmem_cache_alloc_bulk
#undef krealloc

#define kmem_cache		kmemx_cache
#define KMEM_CACHE		KMEMX_CACHE
#define kmem_cache_zalloc	kmemx_cache_zalloc
#define kmem_cache_free		kmemx_cache_free
#define kmem_cache_alloc_bulk	kmemx_cache_alloc_bulk
#define kmem_cache_free_bulk	kmemx_cache_free_bulk
#define kmem_cache_destroy	kmemx_cache_destroy
#define krealloc		kmemx_realloc
#define kfree			kmemx_free

#endif /* PORT_H */
