/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Objects behind the exported functions: the short way, inline where an object is asked
 * for, and the long way behind it.
 */
#ifndef KMEMX_API_OBJECT_H
#define KMEMX_API_OBJECT_H

#include <linux/mm.h>

#include "api.h"
#include "observe/trace.h"
#include "request.h"

/* Their arguments are in the order of the exported functions', so that those move none. */
void *kmemx_api_alloc_object(struct kmemx_cache *cache, gfp_t gfp, size_t size,
			     unsigned long call_site);
bool kmemx_api_free_object(const struct kmemx_cache *want, const void *obj,
			   unsigned long call_site);

/* Is it to be refused, or somebody to be told of it? */
static __always_inline bool kmemx_api_is_told(gfp_t gfp)
{
	return unlikely(gfp & __GFP_NOFAIL) || trace_kmemx_alloc_enabled() ||
		IS_ENABLED(CONFIG_DEBUG_KMEMLEAK);
}

/* Is there to be done what the short way does not do? */
static __always_inline bool kmemx_api_is_special(gfp_t gfp)
{
	return unlikely(gfp & (__GFP_NOFAIL | __GFP_ZERO)) || want_init_on_alloc(0) ||
		kmemx_api_is_told(0);
}

/* The short way of an allocation; if it is false, kmemx_api_alloc_object() is the long one. */
static __always_inline bool kmemx_api_pop(struct kmemx_cache *cache, gfp_t gfp, void **obj)
{
	if (kmemx_api_is_special(gfp))
		return false;
	kmemx_debug_might_alloc(gfp);
	return likely(kmemx_cache_pop(cache, obj));
}

/* Allocate an object for a request of @size bytes; 0 is the size of the cache. */
static __always_inline void *kmemx_api_object(struct kmemx_cache *cache, gfp_t gfp, size_t size,
					      unsigned long call_site)
{
	void *obj;

	if (kmemx_api_pop(cache, gfp, &obj))
		return obj;
	return kmemx_api_alloc_object(cache, gfp, size, call_site);
}

#endif /* KMEMX_API_OBJECT_H */
