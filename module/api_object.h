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

void *kmemx_api_alloc_object(struct kmemx_cache *cache, size_t size, gfp_t gfp,
			     unsigned long call_site);
bool kmemx_api_free_object(const void *obj, const struct kmemx_cache *want,
			   unsigned long call_site);

/* Is there to be done what the short way does not do? */
static __always_inline bool kmemx_api_is_special(gfp_t gfp)
{
	return unlikely(gfp & (__GFP_NOFAIL | __GFP_ZERO)) || want_init_on_alloc(0) ||
		trace_kmemx_alloc_enabled() || IS_ENABLED(CONFIG_DEBUG_KMEMLEAK);
}

/* Allocate an object for a request of @size bytes; 0 is the size of the cache. */
static __always_inline void *kmemx_api_object(struct kmemx_cache *cache, size_t size, gfp_t gfp,
					      unsigned long call_site)
{
	void *obj;

	if (kmemx_api_is_special(gfp))
		return kmemx_api_alloc_object(cache, size, gfp, call_site);
	kmemx_debug_might_alloc(gfp);
	if (unlikely(!kmemx_cache_pop(cache, &obj)))
		return kmemx_api_alloc_object(cache, size, gfp, call_site);
	return obj;
}

#endif /* KMEMX_API_OBJECT_H */
