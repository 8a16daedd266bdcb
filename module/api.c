// SPDX-License-Identifier: GPL-2.0
/*
 * The exported functions for objects, what kmemx promises to a driver in terms of a
 * region. With api_pages.c and request.c the only place that counts, traces and reports,
 * and the only one that says fail, reclaim once, retry.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <kmemx/compat.h>
#include <kmemx/kmemx.h>

#include "api.h"
#include "observe/report.h"
#include "observe/stat.h"
#include "observe/trace.h"
#include "request.h"

struct kmemx_region kmemx_live;
KMEMX_EXPORT_FOR_TEST(kmemx_live);

/* ---- Objects ----------------------------------------------------------- */

/* What has to be done beside handing an object out, which the short way does not do. */
static __always_inline bool is_special(gfp_t gfp)
{
	return unlikely(gfp & (__GFP_NOFAIL | __GFP_ZERO)) || want_init_on_alloc(0) ||
		trace_kmemx_alloc_enabled() || IS_ENABLED(CONFIG_DEBUG_KMEMLEAK);
}

/* A front to fill, zeroes, a trace, reclaim; @size 0 is that of the cache. */
static noinline void *alloc_object_slow(struct kmemx_cache *cache, size_t size, gfp_t gfp,
					unsigned long call_site)
{
	struct kmemx_request req = {
		.size = size ?: cache->layout.size,
		.need = PAGE_SIZE << cache->layout.order,
		.align = KMEMX_OBJECT_MIN,
		.gfp = gfp,
		.call_site = call_site,
	};
	u64 start = kmemx_start_clock();
	void *obj;

	if (kmemx_request_is_refused(&req))
		goto failed;
	if (!kmemx_cache_pop(cache, &obj))
		obj = kmemx_cache_take(cache, call_site);
	if (unlikely(!obj) && kmemx_request_reclaim(&req))
		obj = kmemx_cache_take(cache, call_site);
	if (unlikely(!obj))
		goto failed;
	if (want_init_on_alloc(gfp) && !cache->ctor)
		memset(obj, 0, cache->layout.size);
	kmemx_tell_kmemleak(obj, cache->layout.size, gfp);
	trace_kmemx_alloc(call_site, obj, req.size, cache->layout.stride, gfp,
			  kmemx_live.origin.nid, cache->name, kmemx_stop_clock(start));
	return obj;

failed:
	kmemx_request_fail(&req, 0);
	return NULL;
}

static __always_inline void *alloc_object(struct kmemx_cache *cache, size_t size, gfp_t gfp,
					  unsigned long call_site)
{
	void *obj;

	if (is_special(gfp))
		return alloc_object_slow(cache, size, gfp, call_site);
	kmemx_debug_might_alloc(gfp);
	if (unlikely(!kmemx_cache_pop(cache, &obj)))
		return alloc_object_slow(cache, size, gfp, call_site);
	return obj;
}

/* A front that is busy or full, a trace, or a free that is to be refused. */
static noinline void free_object_slow(const void *obj, const struct kmemx_cache *want,
				      unsigned long call_site)
{
	enum kmemx_verdict verdict = KMEMX_FREE_FOREIGN;
	struct kmemx_cache *cache = NULL;
	u32 frame;

	/* A free that is refused looks at a cache that nothing else keeps alive. */
	preempt_disable();
	if (kmemx_pages_find(&kmemx_live.pages, obj, &frame)) {
		u8 info = kmemx_pages_info(&kmemx_live.pages, frame);

		switch (kmemx_info_kind(info)) {
		case KMEMX_KIND_SLAB:
		case KMEMX_KIND_SLAB_TAIL:
			verdict = kmemx_cache_put(&kmemx_live.depot,
						  kmemx_region_slab_id(frame, info), obj, want,
						  &cache);
			break;
		default:
			verdict = kmemx_zone_judge(&kmemx_live.pages.zone, frame);
		}
	}
	if (likely(!verdict))
		trace_kmemx_free(call_site, obj, cache->name);
	else
		kmemx_bad_free(verdict, obj, cache ? cache->name : want ? want->name : NULL,
			       call_site);
	preempt_enable();
}

/* ---- kmemx_alloc() and its family -------------------------------------- */

/* A power of two is aligned to itself, up to a chunk. */
static size_t natural_align(size_t size)
{
	return is_power_of_2(size) ? min(size, PAGE_SIZE << KMEMX_CHUNK_ORDER) : PAGE_SIZE;
}

/* What is not in the table of classes: nothing, larger classes, and pages. */
static noinline void *alloc_large(size_t size, gfp_t gfp, unsigned long call_site)
{
	struct kmemx_request req = {
		.size = size,
		.align = natural_align(size),
		.gfp = gfp,
		.call_site = call_site,
	};
	u64 start = kmemx_start_clock();
	void *ptr;

	if (unlikely(!size))
		return ZERO_SIZE_PTR;
	if (size <= KMEMX_CLASS_MAX_SIZE)
		return alloc_object(kmemx_live.class[kmemx_classes_find(&kmemx_live.classes, size)],
				    size, gfp, call_site);
	ptr = kmemx_api_alloc_frames(&req, KMEMX_KIND_LARGE);
	if (!ptr)
		return NULL;
	kmemx_tell_kmemleak(ptr, size, gfp);
	trace_kmemx_alloc(call_site, ptr, size, PAGE_ALIGN(size), gfp, kmemx_live.origin.nid,
			  kmemx_kind_name[KMEMX_KIND_LARGE], kmemx_stop_clock(start));
	return ptr;
}

/**
 * kmemx_alloc() - allocate memory of the region
 * @size: bytes wanted, up to the region's size; 0 gives ZERO_SIZE_PTR
 * @gfp: GFP_KERNEL may sleep to reclaim; GFP_NOWAIT and GFP_ATOMIC do not.
 *	 __GFP_ZERO and __GFP_NOWARN are honoured, __GFP_NOFAIL is refused with a
 *	 warning. Zone and node flags have no meaning here.
 *
 * Up to KMEMX_CLASS_MAX_SIZE bytes come from the cache of a size class, more as
 * whole pages. A power of two is aligned to itself (up to 2 MiB with 4 KiB
 * pages), anything else to 8 bytes or better.
 *
 * Context: any that @gfp allows, NMI with GFP_NOWAIT or GFP_ATOMIC.
 * Return: the memory, or NULL; kmemx:kmemx_fail and the log say why.
 */
void *kmemx_alloc(size_t size, gfp_t gfp)
{
	if (likely(size - 1 < KMEMX_CLASS_TABLE_MAX))
		return alloc_object(kmemx_region_small(&kmemx_live, size), size, gfp, _RET_IP_);
	return alloc_large(size, gfp, _RET_IP_);
}
KMEMX_EXPORT(kmemx_alloc);

static noinline void free_slow(const void *ptr, unsigned long call_site)
{
	u32 frame;
	u8 info;

	if (ZERO_OR_NULL_PTR(ptr))
		return;
	if (unlikely(!kmemx_pages_find(&kmemx_live.pages, ptr, &frame))) {
		kmemx_bad_free(KMEMX_FREE_FOREIGN, ptr, NULL, call_site);
		return;
	}
	info = kmemx_pages_info(&kmemx_live.pages, frame);
	switch (kmemx_info_kind(info)) {
	case KMEMX_KIND_SLAB:
	case KMEMX_KIND_SLAB_TAIL:
		free_object_slow(ptr, NULL, call_site);
		break;
	default:
		if (kmemx_api_free_frames(ptr, KMEMX_KIND_LARGE, 0, call_site))
			trace_kmemx_free(call_site, ptr, kmemx_kind_name[KMEMX_KIND_LARGE]);
	}
}

/**
 * kmemx_free() - free what kmemx_alloc() or kmemx_cache_alloc() gave
 * @ptr: its address; NULL and ZERO_SIZE_PTR are ignored
 *
 * Context: any.
 */
void kmemx_free(const void *ptr)
{
	const struct kmemx_slab *slab = kmemx_region_slab_at(&kmemx_live, ptr);

	if (trace_kmemx_free_enabled() || unlikely(!kmemx_cache_push_any(slab, ptr)))
		free_slow(ptr, _RET_IP_);
}
KMEMX_EXPORT(kmemx_free);

static size_t object_size(u32 id, const void *ptr)
{
	struct kmemx_cache *cache;
	size_t size = 0;

	preempt_disable();
	cache = kmemx_depot_owner(&kmemx_live.depot, id);
	if (cache && kmemx_cache_is_live(cache, id, ptr))
		size = cache->layout.size;
	preempt_enable();
	return size;
}

/**
 * kmemx_size() - bytes that may be used at an address
 * @ptr: what kmemx_alloc(), kmemx_cache_alloc() or kmemx_alloc_contig() gave
 *
 * Context: any.
 * Return: at least the bytes that were asked for; 0 for anything else.
 */
size_t kmemx_size(const void *ptr)
{
	u32 frame;
	u8 info;

	if (ZERO_OR_NULL_PTR(ptr) || !kmemx_pages_find(&kmemx_live.pages, ptr, &frame))
		return 0;
	info = kmemx_pages_info(&kmemx_live.pages, frame);
	switch (kmemx_info_kind(info)) {
	case KMEMX_KIND_SLAB:
	case KMEMX_KIND_SLAB_TAIL:
		return object_size(kmemx_region_slab_id(frame, info), ptr);
	case KMEMX_KIND_LARGE:
	case KMEMX_KIND_CONTIG:
		if (!offset_in_page(ptr))
			return kmemx_zone_block_frames(&kmemx_live.pages.zone, frame) << PAGE_SHIFT;
		return 0;
	default:
		return 0;
	}
}
KMEMX_EXPORT(kmemx_size);

/* ---- kmemx_cache_*() --------------------------------------------------- */

/**
 * kmemx_cache_create() - make a cache of objects
 * @name: unique, shorter than 32 bytes, no white space; it is copied
 * @size: object size in bytes, 1..65536
 * @args: alignment and constructor, or NULL
 * @flags: 0 or SLAB_HWCACHE_ALIGN
 *
 * Context: may sleep.
 * Return: the cache, or NULL with a line in the log that says why.
 */
struct kmemx_cache *kmemx_cache_create(const char *name, unsigned int size,
				       const struct kmemx_cache_args *args,
				       slab_flags_t flags)
{
	struct kmemx_cache_spec spec = { .name = name, .size = size };
	struct kmemx_cache *cache = ERR_PTR(-EINVAL);

	if (args) {
		spec.align = args->align;
		spec.ctor = args->ctor;
	}
	/* As SLUB: an object smaller than a line need not fill one. */
	if ((flags & SLAB_HWCACHE_ALIGN) && size >= cache_line_size() / 2 &&
	    is_power_of_2(spec.align ?: 1))
		spec.align = max_t(u32, spec.align, cache_line_size());
	if (!(flags & ~SLAB_HWCACHE_ALIGN) && name && *name && !strpbrk(name, " \t\n"))
		cache = kmemx_cache_new(&kmemx_live.depot, &spec);
	if (!IS_ERR(cache))
		return cache;
	pr_warn("%pS: no cache \"%s\" of %u-byte objects, align %u, flags %#x: %pe\n",
		(void *)_RET_IP_, name ?: "(null)", size, spec.align,
		(__force u32)flags, cache);
	return NULL;
}
KMEMX_EXPORT(kmemx_cache_create);

/* How many live objects of a cache are listed one by one. */
#define LIST_MAX	10

static void list_one(const struct kmemx_cache *cache, void *obj, unsigned long call_site,
		     void *arg)
{
	unsigned int *nr = arg;

	if ((*nr)++ >= LIST_MAX)
		return;
	if (call_site)
		pr_warn("  %s: live object %p, allocated by %pS\n", cache->name, obj,
			(void *)call_site);
	else
		pr_warn("  %s: live object %p\n", cache->name, obj);
}

/**
 * kmemx_api_list_live() - say which objects of a cache are live
 * @cache: the cache
 *
 * Lists the first few, with their call sites if the module was loaded with
 * track=1, and how many more there are.
 *
 * Return: how many are live.
 */
unsigned long kmemx_api_list_live(struct kmemx_cache *cache)
{
	unsigned int listed = 0;
	unsigned long nr = kmemx_cache_visit_live(cache, list_one, &listed);

	if (nr)
		pr_warn("cache %s: %lu live object%s%s\n", cache->name, nr,
			nr > 1 ? "s" : "",
			cache->layout.track ? "" : " (load with track=1 for call sites)");
	return nr;
}

/**
 * kmemx_cache_destroy() - destroy a cache
 * @cache: the cache, or NULL; nobody allocates from it any more
 *
 * If objects are still live, they are listed and the cache is kept, so that
 * they can be freed; its name stays taken.
 *
 * Context: may sleep.
 */
void kmemx_cache_destroy(struct kmemx_cache *cache)
{
	if (!cache || !kmemx_cache_delete(cache))
		return;
	kmemx_api_list_live(cache);
	pr_warn("%pS: cache %s is kept, its objects are live\n", (void *)_RET_IP_,
		cache->name);
}
KMEMX_EXPORT(kmemx_cache_destroy);

/**
 * kmemx_cache_alloc() - allocate an object
 * @cache: the cache
 * @gfp: as for kmemx_alloc(); __GFP_ZERO has no effect if the cache has a
 *	 constructor
 *
 * Context: as for kmemx_alloc().
 * Return: the object, or NULL.
 */
void *kmemx_cache_alloc(struct kmemx_cache *cache, gfp_t gfp)
{
	return alloc_object(cache, 0, gfp, _RET_IP_);
}
KMEMX_EXPORT(kmemx_cache_alloc);

/**
 * kmemx_cache_free() - free an object
 * @cache: the cache it was allocated from
 * @obj: the object, or NULL
 *
 * Context: any.
 */
void kmemx_cache_free(struct kmemx_cache *cache, void *obj)
{
	const struct kmemx_slab *slab = kmemx_region_slab_at(&kmemx_live, obj);

	if (!trace_kmemx_free_enabled() && likely(kmemx_cache_push(cache, slab, obj)))
		return;
	if (obj)
		free_object_slow(obj, cache, _RET_IP_);
}
KMEMX_EXPORT(kmemx_cache_free);

/* ---- What is left behind ------------------------------------------------ */

static void list_frames(u32 frame, enum kmemx_kind kind)
{
	unsigned long bytes = kmemx_zone_block_frames(&kmemx_live.pages.zone, frame) << PAGE_SHIFT;
	unsigned long site = kmemx_live.site ? kmemx_live.site[frame] : 0;

	if (site)
		pr_warn("  %s: %lu bytes at pfn %#lx, allocated by %pS\n", kmemx_kind_name[kind],
			bytes, kmemx_pages_pfn(&kmemx_live.pages, frame), (void *)site);
	else
		pr_warn("  %s: %lu bytes at pfn %#lx\n", kmemx_kind_name[kind], bytes,
			kmemx_pages_pfn(&kmemx_live.pages, frame));
}

/* Those of @mod only, unless it is NULL. */
static void list_pages(const struct module *mod, unsigned int *listed)
{
	u32 frame;

	for (frame = 0; frame < kmemx_pages_end(&kmemx_live.pages); frame++) {
		enum kmemx_kind kind = kmemx_info_kind(kmemx_pages_info(&kmemx_live.pages, frame));

		if (mod && !within_module(kmemx_live.site[frame], mod))
			continue;
		if (kmemx_kind_name[kind] && (*listed)++ < LIST_MAX)
			list_frames(frame, kind);
	}
}

/**
 * kmemx_api_list_pages() - say which page allocations are live
 *
 * The first few, with their call sites if the module was loaded with track=1.
 */
void kmemx_api_list_pages(void)
{
	unsigned int listed = 0;

	list_pages(NULL, &listed);
}

/* What a module that is being unloaded leaves behind. */
struct leftover {
	const struct module *mod;
	unsigned int nr;
};

static void list_leftover(const struct kmemx_cache *cache, void *obj,
			  unsigned long call_site, void *arg)
{
	struct leftover *left = arg;

	if (within_module(call_site, left->mod))
		list_one(cache, obj, call_site, &left->nr);
}

/**
 * kmemx_api_list_module() - say what a module that is being unloaded did not free
 * @mod: the module, past its exit; its code is still there
 *
 * Later its call sites are numbers without a name. Only with track=1.
 *
 * Context: may sleep.
 */
void kmemx_api_list_module(const struct module *mod)
{
	struct leftover left = { .mod = mod };
	struct kmemx_cache *cache;
	unsigned int i = 0;

	if (!kmemx_live.site)
		return;
	mutex_lock(&kmemx_live.depot.lock);
	while ((cache = kmemx_depot_next(&kmemx_live.depot, &i)))
		kmemx_cache_visit_live(cache, list_leftover, &left);
	mutex_unlock(&kmemx_live.depot.lock);
	list_pages(mod, &left.nr);
	if (left.nr)
		pr_warn("%s is unloaded and leaves %u allocations behind\n", mod->name,
			left.nr);
}
