// SPDX-License-Identifier: GPL-2.0
/*
 * The exported functions for memory of any size, what kmemx promises to a driver in terms of
 * a region. With the other api_*.c and request.c the only place that counts, traces and
 * reports, and the only one that says fail, reclaim once, retry.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <kmemx/compat.h>
#include <kmemx/kmemx.h>

#include "api.h"
#include "api_object.h"
#include "buddy/zone_info.h"
#include "observe/report.h"
#include "observe/trace.h"
#include "request.h"
#include "slab/usage.h"

struct kmemx_region kmemx_live;
KMEMX_EXPORT_FOR_TEST(kmemx_live);

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
	if (size <= KMEMX_CLASS_MAX_SIZE) {
		unsigned int class = kmemx_classes_find(&kmemx_live.classes, size);

		return kmemx_api_object(kmemx_live.class[class], gfp, size, call_site);
	}
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
 * pages), anything else to 8 bytes or better. Two objects may share a cache line: what
 * a device is to write to is better had of a cache with KMEMX_DMA, or by the page.
 *
 * Context: any that @gfp allows, NMI with GFP_NOWAIT or GFP_ATOMIC.
 * Return: the memory, or NULL; kmemx:kmemx_fail and the log say why.
 */
void *kmemx_alloc(size_t size, gfp_t gfp)
{
	struct kmemx_cache *cache;
	void *obj;

	if (unlikely(size - 1 >= KMEMX_CLASS_TABLE_MAX))
		return alloc_large(size, gfp, _RET_IP_);
	cache = kmemx_region_small(&kmemx_live, size);
	if (kmemx_api_pop(cache, gfp, &obj))
		return obj;
	return kmemx_api_alloc_object(cache, gfp, size, _RET_IP_);
}
KMEMX_EXPORT(kmemx_alloc);

/* For who has been called by somebody else. */
static void *alloc_for(size_t size, gfp_t gfp, unsigned long call_site)
{
	return size - 1 < KMEMX_CLASS_TABLE_MAX ?
		kmemx_api_object(kmemx_region_small(&kmemx_live, size), gfp, size, call_site) :
		alloc_large(size, gfp, call_site);
}

/**
 * kmemx_api_alloc_elsewhere() - fail, as memory of another node is wanted and no other will do
 * @size: how much
 * @gfp: flags
 * @call_site: who asks
 *
 * Context: what @gfp allows.
 * Return: NULL.
 */
void *kmemx_api_alloc_elsewhere(size_t size, gfp_t gfp, unsigned long call_site)
{
	struct kmemx_request req = {
		.size = size,
		.align = KMEMX_OBJECT_MIN,
		.gfp = gfp,
		.call_site = call_site,
	};

	kmemx_request_fail(&req, kmemx_request_is_refused(&req) ? -EINVAL : -EXDEV);
	return NULL;
}

/**
 * kmemx_alloc_node() - allocate memory of the region on a node
 * @size: as for kmemx_alloc()
 * @gfp: as for kmemx_alloc(); with __GFP_THISNODE another node than the region's fails
 * @nid: the node wanted, or NUMA_NO_NODE
 *
 * A region is on one node, and without __GFP_THISNODE better than nothing.
 *
 * Context: as for kmemx_alloc().
 * Return: the memory, or NULL.
 */
void *kmemx_alloc_node(size_t size, gfp_t gfp, int nid)
{
	/* Of no bytes there is enough on every node. */
	if (size && kmemx_api_is_elsewhere(gfp, nid))
		return kmemx_api_alloc_elsewhere(size, gfp, _RET_IP_);
	return alloc_for(size, gfp, _RET_IP_);
}
KMEMX_EXPORT(kmemx_alloc_node);

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
		kmemx_api_free_object(NULL, ptr, call_site);
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

	/* Where the caller is costs an instruction, so it is asked on the long way only. */
	if (trace_kmemx_free_enabled() || unlikely(!kmemx_cache_push_any(slab, ptr)))
		free_slow(ptr, _RET_IP_);
}
KMEMX_EXPORT(kmemx_free);

/* As kmemx_free(), for who has been called by somebody else. */
static __always_inline void free_for(const void *ptr, unsigned long call_site)
{
	const struct kmemx_slab *slab = kmemx_region_slab_at(&kmemx_live, ptr);

	if (trace_kmemx_free_enabled() || unlikely(!kmemx_cache_push_any(slab, ptr)))
		free_slow(ptr, call_site);
}

/**
 * kmemx_free_bulk() - free many allocations
 * @nr: how many
 * @ptrs: each as for kmemx_free()
 *
 * Context: any.
 */
void kmemx_free_bulk(size_t nr, void **ptrs)
{
	for (; nr; nr--, ptrs++)
		free_for(*ptrs, _RET_IP_);
}
KMEMX_EXPORT(kmemx_free_bulk);

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

/* What may be used at an address, of an object or of pages of one kind; 0 for all else. */
static size_t size_of(const void *ptr, enum kmemx_kind *kind)
{
	u32 frame;
	u8 info;

	if (ZERO_OR_NULL_PTR(ptr) || !kmemx_pages_find(&kmemx_live.pages, ptr, &frame))
		return 0;
	info = kmemx_pages_info(&kmemx_live.pages, frame);
	*kind = kmemx_info_kind(info);
	switch (*kind) {
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

/**
 * kmemx_size() - bytes that may be used at an address
 * @ptr: what kmemx_alloc(), kmemx_cache_alloc() or kmemx_alloc_contig() gave
 *
 * Context: any.
 * Return: at least the bytes that were asked for; 0 for anything else.
 */
size_t kmemx_size(const void *ptr)
{
	enum kmemx_kind kind;

	return size_of(ptr, &kind);
}
KMEMX_EXPORT(kmemx_size);

/* As kmemx_size(), but 0 for what kmemx_free() refuses. */
static size_t freeable_size(const void *ptr)
{
	enum kmemx_kind kind;
	size_t size = size_of(ptr, &kind);

	return size && kind != KMEMX_KIND_CONTIG ? size : 0;
}

/**
 * kmemx_free_sensitive() - overwrite memory, then free it
 * @ptr: as for kmemx_free()
 *
 * All that kmemx_size() says is zeroed, in a way that no compiler leaves out; nothing if
 * the free is refused.
 *
 * Context: any.
 */
void kmemx_free_sensitive(void *ptr)
{
	size_t size = freeable_size(ptr);

	if (size)
		memzero_explicit(ptr, size);
	kmemx_free(ptr);
}
KMEMX_EXPORT(kmemx_free_sensitive);

/**
 * kmemx_realloc() - make an allocation larger or smaller
 * @ptr: what kmemx_alloc() gave; NULL and ZERO_SIZE_PTR are as no allocation
 * @size: bytes wanted; 0 frees it
 * @gfp: as for kmemx_alloc(). With __GFP_ZERO, and if it was used for all allocations
 *	 before, what is new is zero, as with krealloc().
 *
 * What fits stays where it is. What kmemx_free() would refuse is refused here.
 *
 * Context: as for kmemx_alloc().
 * Return: the memory; ZERO_SIZE_PTR for @size 0; or NULL, and @ptr is as it was.
 */
void *kmemx_realloc(const void *ptr, size_t size, gfp_t gfp)
{
	size_t old = freeable_size(ptr);
	void *new;

	if (!size) {
		free_for(ptr, _RET_IP_);
		return ZERO_SIZE_PTR;
	}
	if (!old && !ZERO_OR_NULL_PTR(ptr)) {
		/* Which says what it is. */
		free_slow(ptr, _RET_IP_);
		return NULL;
	}
	if (size <= old) {
		/* So that it is zero if it is asked for again. */
		if (want_init_on_alloc(gfp))
			memset((void *)ptr + size, 0, old - size);
		return (void *)ptr;
	}
	new = alloc_for(size, gfp, _RET_IP_);
	if (!new)
		return NULL;
	if (old) {
		memcpy(new, ptr, old);
		free_for(ptr, _RET_IP_);
	}
	return new;
}
KMEMX_EXPORT(kmemx_realloc);

/**
 * kmemx_owns() - is an address in the region?
 * @ptr: any value at all; it is not dereferenced
 *
 * Context: any.
 * Return: whether it is, allocated or not.
 */
bool kmemx_owns(const void *ptr)
{
	u32 frame;

	return kmemx_pages_find(&kmemx_live.pages, ptr, &frame);
}
KMEMX_EXPORT(kmemx_owns);

static void dump_object(u32 id, const void *ptr)
{
	struct kmemx_cache *cache;

	/* It may be gone as soon as preemption is on. */
	preempt_disable();
	cache = kmemx_depot_owner(&kmemx_live.depot, id);
	if (cache) {
		const struct kmemx_slab *slab = &kmemx_live.depot.slab[id];
		u32 offset = (u32)((const u8 *)ptr - (const u8 *)slab->base);
		u32 i = kmemx_layout_index(&cache->layout, offset);
		void *obj = kmemx_slab_object(slab, &cache->layout, i);

		pr_info("%p: cache %s, %s object %p of %u bytes, offset %u\n", ptr, cache->name,
			kmemx_cache_is_live(cache, id, obj) ? "live" : "free", obj,
			cache->layout.size, offset - i * cache->layout.stride);
	} else {
		pr_info("%p: in a slab that is gone\n", ptr);
	}
	preempt_enable();
}

/**
 * kmemx_dump_obj() - say in the log what is known of an address
 * @ptr: any value at all; it is not dereferenced
 *
 * As kmem_dump_obj(), for what is in the region.
 *
 * Context: any.
 */
void kmemx_dump_obj(const void *ptr)
{
	struct kmemx_pages *pages = &kmemx_live.pages;
	u32 frame;
	u8 info;

	if (!kmemx_pages_find(pages, ptr, &frame)) {
		pr_info("%p: not an address of the region\n", ptr);
		return;
	}
	info = kmemx_pages_info(pages, frame);
	switch (kmemx_info_kind(info)) {
	case KMEMX_KIND_SLAB:
	case KMEMX_KIND_SLAB_TAIL:
		dump_object(frame, ptr);
		break;
	case KMEMX_KIND_PAGES:
	case KMEMX_KIND_LARGE:
	case KMEMX_KIND_CONTIG:
		pr_info("%p: pfn %#lx, start of %lu pages, allocated as %s\n", ptr,
			kmemx_pages_pfn(pages, frame), kmemx_zone_block_frames(&pages->zone, frame),
			kmemx_kind_name[kmemx_info_kind(info)]);
		break;
	default:
		pr_info("%p: pfn %#lx, free, in a front, or inside of an allocation\n", ptr,
			kmemx_pages_pfn(pages, frame));
	}
}
KMEMX_EXPORT(kmemx_dump_obj);

/* ---- What is left behind ------------------------------------------------ */

/* How many live objects of a cache are listed one by one. */
#define LIST_MAX	10
/* Frames that are looked at before others are let run. */
#define WALK_BATCH	4096

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

		if (!(frame % WALK_BATCH))
			cond_resched();
		if (!kmemx_kind_name[kind] ||
		    (mod && !within_module(kmemx_live.site[frame], mod)))
			continue;
		if ((*listed)++ < LIST_MAX)
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

	if (!kmemx_live.site)
		return;
	mutex_lock(&kmemx_live.depot.lock);
	kmemx_depot_visit_live(&kmemx_live.depot, list_leftover, &left);
	mutex_unlock(&kmemx_live.depot.lock);
	list_pages(mod, &left.nr);
	if (left.nr)
		pr_warn("%s is unloaded and leaves %u allocations behind\n", mod->name,
			left.nr);
}
