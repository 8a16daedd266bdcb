// SPDX-License-Identifier: GPL-2.0
/*
 * The exported functions: what kmemx promises to a driver, in terms of a
 * region. The only place that counts, traces and reports, and the only one that
 * says fail, reclaim once, retry.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bug.h>
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/printk.h>
#include <linux/sched/mm.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <kmemx/compat.h>
#include <kmemx/kmemx.h>

#include "api.h"
#include "observe/report.h"
#include "observe/stat.h"
#include "observe/trace.h"

struct kmemx_region kmemx_live;
KMEMX_EXPORT_FOR_TEST(kmemx_live);

static const char * const kind_name[KMEMX_NR_KINDS] = {
	[KMEMX_KIND_PAGES]	= "pages",
	[KMEMX_KIND_LARGE]	= "large",
	[KMEMX_KIND_CONTIG]	= "contig",
};

/* What a request is, from the exported function to the tracepoint. */
struct request {
	size_t size;
	size_t need;		/* Bytes in a row that it takes, if it takes any. */
	size_t align;
	gfp_t gfp;
	unsigned long call_site;
};

/* ---- Failing ----------------------------------------------------------- */

static bool is_too_large(const struct request *req)
{
	return req->size > (u64)kmemx_live.pages.nr_frames << PAGE_SHIFT;
}

/*
 * Are @need bytes free, in whatever pieces? A look at the bins and a few chunks, unless
 * there is hardly anything left.
 */
static bool is_enough_free(size_t need)
{
	return kmemx_zone_has_free(&kmemx_live.pages.zone, DIV_ROUND_UP(need, PAGE_SIZE));
}

/* Would it be enough with what is in fronts, which only a caller that may wait gets? */
static bool is_stranded(const struct request *req)
{
	unsigned long need = DIV_ROUND_UP(req->need, PAGE_SIZE);
	unsigned long front = kmemx_pages_nr_front(&kmemx_live.pages);

	return !gfpflags_allow_blocking(req->gfp) &&
		kmemx_zone_has_free(&kmemx_live.pages.zone, need - min(need, front));
}

/* @err is that of the last try, or 0 if all that is known is that it failed. */
static enum kmemx_failure why(const struct request *req, int err)
{
	if (req->gfp & __GFP_NOFAIL)
		return KMEMX_FAIL_REFUSED;
	if (is_too_large(req))
		return KMEMX_FAIL_TOO_LARGE;
	if (err == -EAGAIN)
		return KMEMX_FAIL_CONTENDED;
	if (!is_enough_free(req->need))
		return is_stranded(req) ? KMEMX_FAIL_STRANDED : KMEMX_FAIL_EXHAUSTED;
	/* Enough in a row, but not where the alignment wants it, is no use either. */
	if (err == -ENOSPC || req->need > PAGE_SIZE)
		return KMEMX_FAIL_FRAGMENTATION;
	return KMEMX_FAIL_CONTENDED;
}

/* What is free is only counted for who wants to know. */
static void fail(const struct request *req, int err)
{
	struct kmemx_shortage shortage = {
		.size = req->size,
		.align = req->align,
		.gfp = req->gfp,
		.why = why(req, err),
		.call_site = req->call_site,
	};

	bool is_due = kmemx_report_is_due(req->gfp);

	kmemx_stat_fail(shortage.why);
	if (!is_due && !trace_kmemx_fail_enabled())
		return;
	shortage.free = (u64)kmemx_pages_nr_free(&kmemx_live.pages) << PAGE_SHIFT;
	shortage.largest = (u64)kmemx_zone_largest(&kmemx_live.pages.zone, NULL) << PAGE_SHIFT;
	trace_kmemx_fail(req->call_site, req->size, get_order(req->size), req->gfp,
			 kmemx_report_reason(shortage.why), shortage.free,
			 shortage.largest);
	if (is_due)
		kmemx_report_shortage(&shortage);
}

/* Without those checks it would be no more than a place to reschedule. */
static __always_inline void debug_might_alloc(gfp_t gfp)
{
	if (IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP) || IS_ENABLED(CONFIG_LOCKDEP))
		might_alloc(gfp);
}

static bool is_refused(const struct request *req)
{
	might_alloc(req->gfp);
	if (likely(!(req->gfp & __GFP_NOFAIL)))
		return false;
	WARN_ONCE(1, KBUILD_MODNAME ": __GFP_NOFAIL from %pS: a region is finite; handle NULL\n",
		  (void *)req->call_site);
	return true;
}

/* May an allocation that failed be tried once more? */
static bool reclaim(const struct request *req)
{
	/* Not an empty chance: frames that were held may have been let go. */
	if (!gfpflags_allow_blocking(req->gfp))
		return kmemx_pages_sweep(&kmemx_live.pages);
	kmemx_stat_add(KMEMX_STAT_RECLAIM, 1);
	kmemx_region_reclaim(&kmemx_live);
	return true;
}

static void bad_free(enum kmemx_verdict verdict, const void *addr, const char *cache,
		     unsigned long call_site)
{
	kmemx_stat_bad_free(verdict);
	kmemx_report_bad_free(verdict, addr, cache, call_site);
}

static u64 start_clock(void)
{
	return trace_kmemx_alloc_enabled() ? ktime_get_mono_fast_ns() : 0;
}

static u64 stop_clock(u64 start)
{
	return start ? ktime_get_mono_fast_ns() - start : 0;
}

/*
 * kmemleak allocates a record of its own, which it cannot in an NMI, nor where a
 * lock that sleeps on PREEMPT_RT may not be taken. What it was not told of, it
 * does not miss.
 */
static void tell_kmemleak(const void *ptr, size_t size, gfp_t gfp)
{
	if (in_nmi() || in_hardirq() || (IS_ENABLED(CONFIG_PREEMPT_RT) && !preemptible()))
		return;
	kmemleak_alloc(ptr, size, 1, gfp);
}

/* ---- Objects ----------------------------------------------------------- */

static void *alloc_object(struct kmemx_cache *cache, struct request *req)
{
	u64 start = start_clock();
	void *obj;

	req->need = PAGE_SIZE << cache->layout.order;
	if (is_refused(req))
		goto failed;
	obj = kmemx_cache_take(cache, req->call_site);
	if (unlikely(!obj) && reclaim(req))
		obj = kmemx_cache_take(cache, req->call_site);
	if (unlikely(!obj))
		goto failed;
	if (want_init_on_alloc(req->gfp) && !cache->ctor)
		memset(obj, 0, cache->layout.size);
	tell_kmemleak(obj, cache->layout.size, req->gfp);
	kmemx_stat_add(KMEMX_STAT_ALLOC, 1);
	kmemx_stat_add(KMEMX_STAT_USED_BYTES, cache->layout.stride);
	trace_kmemx_alloc(req->call_site, obj, req->size, cache->layout.stride, req->gfp,
			  kmemx_live.origin.nid, cache->name, stop_clock(start));
	return obj;

failed:
	fail(req, 0);
	return NULL;
}

/*
 * Preemption is off because a free that is refused looks at a cache that
 * nothing keeps alive.
 */
static void free_object(u32 id, const void *obj, const struct kmemx_cache *want,
			unsigned long call_site)
{
	enum kmemx_verdict verdict;
	struct kmemx_cache *cache;

	preempt_disable();
	verdict = kmemx_cache_put(&kmemx_live.depot, id, obj, want, &cache);
	if (likely(!verdict)) {
		kmemx_stat_add(KMEMX_STAT_FREE, 1);
		kmemx_stat_add(KMEMX_STAT_USED_BYTES, -(s64)cache->layout.stride);
		trace_kmemx_free(call_site, obj, cache->name);
	} else {
		bad_free(verdict, obj, cache ? cache->name : NULL, call_site);
	}
	preempt_enable();
}

/* ---- Pages ------------------------------------------------------------- */

static int try_frames(const struct request *req, enum kmemx_kind kind,
		      u32 *frame)
{
	unsigned long nr = DIV_ROUND_UP(req->size, PAGE_SIZE);
	unsigned long align = max(req->align >> PAGE_SHIFT, 1UL);
	unsigned int tries;
	int ret = -ENOSPC;

	for (tries = 0; tries < KMEMX_PAGE_TRIES; tries++) {
		ret = kmemx_pages_alloc(&kmemx_live.pages, nr, align, kind, frame);
		if (ret != -EAGAIN)
			break;
	}
	return ret;
}

/* What is done for every allocation of pages when it has its frames, which it returns. */
static void *hand_out(void *addr, unsigned long nr, unsigned int order, enum kmemx_kind kind,
		      gfp_t gfp, unsigned long call_site)
{
	u32 frame;

	if (unlikely(kmemx_live.site) && kmemx_pages_find(&kmemx_live.pages, addr, &frame))
		kmemx_live.site[frame] = call_site;
	if (want_init_on_alloc(gfp))
		memset(addr, 0, nr << PAGE_SHIFT);
	kmemx_stat_add(KMEMX_STAT_PAGE_ALLOC, 1);
	kmemx_stat_add(KMEMX_STAT_USED_BYTES, nr << PAGE_SHIFT);
	trace_kmemx_page_alloc(call_site, page_to_pfn(virt_to_page(addr)), nr, order,
			       kind_name[kind], gfp);
	return addr;
}

static void *alloc_frames(struct request *req, enum kmemx_kind kind)
{
	size_t bytes = PAGE_ALIGN(req->size);
	u32 frame;
	int err = -ENOSPC;

	req->need = bytes;
	/* The size goes first: one that is absurd would wrap when rounded. */
	if (!is_refused(req) && !is_too_large(req)) {
		err = try_frames(req, kind, &frame);
		if (err && reclaim(req))
			err = try_frames(req, kind, &frame);
	}
	if (err) {
		fail(req, err);
		return NULL;
	}
	return hand_out(kmemx_pages_address(&kmemx_live.pages, frame), bytes >> PAGE_SHIFT,
			get_order(bytes), kind, req->gfp, req->call_site);
}

/* What is done for every free of pages that was not refused. */
static __always_inline void take_back(unsigned long pfn, unsigned long nr, unsigned int order,
				      enum kmemx_kind kind, unsigned long call_site)
{
	kmemx_stat_add(KMEMX_STAT_PAGE_FREE, 1);
	kmemx_stat_add(KMEMX_STAT_USED_BYTES, -(s64)(nr << PAGE_SHIFT));
	trace_kmemx_page_free(call_site, pfn, nr, order, kind_name[kind]);
}

/* @nr is 0 if the caller does not know. Returns the frames that were freed. */
static unsigned long free_frames(const void *addr, enum kmemx_kind kind, unsigned long nr,
				 unsigned long call_site)
{
	enum kmemx_verdict verdict = KMEMX_FREE_FOREIGN;
	struct kmemx_freed freed;
	u32 frame;

	if (kmemx_pages_find(&kmemx_live.pages, addr, &frame)) {
		u8 info = kmemx_pages_info(&kmemx_live.pages, frame);

		if (offset_in_page(addr) && kmemx_info_kind(info) == kind)
			verdict = KMEMX_FREE_MISALIGNED;
		else
			verdict = kmemx_pages_free(&kmemx_live.pages, frame, kind, nr,
						   &freed);
	}
	if (unlikely(verdict)) {
		bad_free(verdict, addr, NULL, call_site);
		return 0;
	}
	if (unlikely(freed.nr_held))
		kmemx_report_held(addr, freed.nr_held, call_site);
	take_back(page_to_pfn(virt_to_page(addr)), freed.nr_frames,
		  get_order(freed.nr_frames << PAGE_SHIFT), kind, call_site);
	return freed.nr_frames;
}

/* ---- kmemx_alloc() and its family -------------------------------------- */

/* A power of two is aligned to itself, up to a chunk. */
static size_t natural_align(size_t size)
{
	return is_power_of_2(size) ? min(size, PAGE_SIZE << KMEMX_CHUNK_ORDER) : PAGE_SIZE;
}

static void *alloc_large(struct request *req)
{
	u64 start = start_clock();
	void *ptr;

	req->align = natural_align(req->size);
	ptr = alloc_frames(req, KMEMX_KIND_LARGE);
	if (!ptr)
		return NULL;
	tell_kmemleak(ptr, req->size, req->gfp);
	trace_kmemx_alloc(req->call_site, ptr, req->size, PAGE_ALIGN(req->size), req->gfp,
			  kmemx_live.origin.nid, kind_name[KMEMX_KIND_LARGE],
			  stop_clock(start));
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
	struct request req = {
		.size = size,
		.align = KMEMX_OBJECT_MIN,
		.gfp = gfp,
		.call_site = _RET_IP_,
	};
	unsigned int class;

	if (unlikely(!size))
		return ZERO_SIZE_PTR;
	if (size > KMEMX_CLASS_MAX_SIZE)
		return alloc_large(&req);
	class = kmemx_classes_find(&kmemx_live.classes, size);
	return alloc_object(kmemx_live.class[class], &req);
}
KMEMX_EXPORT(kmemx_alloc);

/**
 * kmemx_free() - free what kmemx_alloc() or kmemx_cache_alloc() gave
 * @ptr: its address; NULL and ZERO_SIZE_PTR are ignored
 *
 * Context: any.
 */
void kmemx_free(const void *ptr)
{
	u32 frame;
	u8 info;

	if (ZERO_OR_NULL_PTR(ptr))
		return;
	if (unlikely(!kmemx_pages_find(&kmemx_live.pages, ptr, &frame))) {
		bad_free(KMEMX_FREE_FOREIGN, ptr, NULL, _RET_IP_);
		return;
	}
	info = kmemx_pages_info(&kmemx_live.pages, frame);
	switch (kmemx_info_kind(info)) {
	case KMEMX_KIND_SLAB:
	case KMEMX_KIND_SLAB_TAIL:
		free_object(kmemx_region_slab_id(frame, info), ptr, NULL, _RET_IP_);
		break;
	default:
		if (free_frames(ptr, KMEMX_KIND_LARGE, 0, _RET_IP_))
			trace_kmemx_free(_RET_IP_, ptr, kind_name[KMEMX_KIND_LARGE]);
	}
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
	struct request req = {
		.size = cache->layout.size,
		.align = KMEMX_OBJECT_MIN,
		.gfp = gfp,
		.call_site = _RET_IP_,
	};

	return alloc_object(cache, &req);
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
	enum kmemx_verdict verdict = KMEMX_FREE_FOREIGN;
	u32 frame;
	u8 info;

	if (!obj)
		return;
	if (kmemx_pages_find(&kmemx_live.pages, obj, &frame)) {
		info = kmemx_pages_info(&kmemx_live.pages, frame);
		switch (kmemx_info_kind(info)) {
		case KMEMX_KIND_SLAB:
		case KMEMX_KIND_SLAB_TAIL:
			free_object(kmemx_region_slab_id(frame, info), obj, cache, _RET_IP_);
			return;
		default:
			verdict = kmemx_zone_judge(&kmemx_live.pages.zone, frame);
		}
	}
	bad_free(verdict, obj, cache->name, _RET_IP_);
}
KMEMX_EXPORT(kmemx_cache_free);

/* ---- kmemx_alloc_pages() and kmemx_alloc_contig() ---------------------- */

/* What the short way does not do: large blocks, a front to fill, zeroes, reclaim. */
static noinline struct page *alloc_pages_slow(gfp_t gfp, unsigned int order,
					      unsigned long call_site)
{
	struct request req = { .gfp = gfp, .call_site = call_site };
	void *addr;

	if (order <= KMEMX_CHUNK_ORDER && !is_refused(&req)) {
		struct page *page = kmemx_pages_take(&kmemx_live.pages, order, KMEMX_KIND_PAGES);

		if (likely(page)) {
			hand_out(page_address(page), 1UL << order, order, KMEMX_KIND_PAGES, gfp,
				 call_site);
			return page;
		}
	}
	/* An order that overflows is too large as well. */
	req.size = order < BITS_PER_LONG - PAGE_SHIFT - 1 ? PAGE_SIZE << order : LONG_MAX;
	req.align = req.size;
	addr = alloc_frames(&req, KMEMX_KIND_PAGES);
	return addr ? virt_to_page(addr) : NULL;
}

/* Returns @page, so that nothing has to be kept for afterwards. */
static noinline struct page *trace_alloc(struct page *page, unsigned int order, gfp_t gfp,
					 unsigned long call_site)
{
	trace_kmemx_page_alloc(call_site, page_to_pfn(page), 1UL << order, order,
			       kind_name[KMEMX_KIND_PAGES], gfp);
	return page;
}

/* Inline for a constant order. */
static __always_inline struct page *alloc_pages_fast(gfp_t gfp, unsigned int order,
						     unsigned long call_site)
{
	struct page *page;

	if (unlikely(!kmemx_pages_pop(&kmemx_live.pages, order, KMEMX_KIND_PAGES, &page)))
		return alloc_pages_slow(gfp, order, call_site);
	kmemx_stat_block_alloc(order);
	if (trace_kmemx_page_alloc_enabled())
		return trace_alloc(page, order, gfp, call_site);
	return page;
}

static noinline struct page *alloc_pages_order(gfp_t gfp, unsigned int order,
					       unsigned long call_site)
{
	if (unlikely(order >= KMEMX_PCP_ORDERS))
		return alloc_pages_slow(gfp, order, call_site);
	return alloc_pages_fast(gfp, order, call_site);
}

/**
 * kmemx_alloc_pages() - allocate 2^order page frames
 * @gfp: as for kmemx_alloc()
 * @order: 0 to that of the whole region
 *
 * The block is naturally aligned in physical memory; each page is an order-0
 * page with one reference, which is kmemx's own.
 *
 * Context: as for kmemx_alloc().
 * Return: the first page, or NULL.
 */
struct page *kmemx_alloc_pages(gfp_t gfp, unsigned int order)
{
	/* One test for both flags: want_init_on_alloc() of none is what was booted with. */
	if (unlikely(gfp & (__GFP_NOFAIL | __GFP_ZERO)) || want_init_on_alloc(0))
		return alloc_pages_slow(gfp, order, _RET_IP_);
	debug_might_alloc(gfp);
	if (!order)
		return alloc_pages_fast(gfp, 0, _RET_IP_);
	return alloc_pages_order(gfp, order, _RET_IP_);
}
KMEMX_EXPORT(kmemx_alloc_pages);

static noinline void trace_free(struct page *page, unsigned int order,
				unsigned long call_site)
{
	trace_kmemx_page_free(call_site, page_to_pfn(page), 1UL << order, order,
			      kind_name[KMEMX_KIND_PAGES]);
}

static __always_inline void count_free(struct page *page, unsigned int order,
				       unsigned long call_site)
{
	kmemx_stat_block_free(order);
	if (trace_kmemx_page_free_enabled())
		trace_free(page, order, call_site);
}

/* A front that is busy or full, a large block, or a free that is to be refused. */
static noinline void free_pages_slow(struct page *page, u8 *info, unsigned int order,
				     unsigned long call_site)
{
	if (order <= KMEMX_CHUNK_ORDER &&
	    kmemx_pages_put(&kmemx_live.pages, page, info, order, KMEMX_KIND_PAGES)) {
		count_free(page, order, call_site);
		return;
	}
	if (!page)
		return;
	if (order >= BITS_PER_LONG - PAGE_SHIFT) {
		bad_free(KMEMX_FREE_ORDER, page_address(page), NULL, call_site);
		return;
	}
	free_frames(page_address(page), KMEMX_KIND_PAGES, 1UL << order, call_site);
}

/* Inline for a constant order. */
static __always_inline void free_pages_fast(struct page *page, unsigned int order,
					    unsigned long call_site)
{
	struct kmemx_pages *pages = &kmemx_live.pages;
	u8 *info;

	/* Elsewhere a number is made of the address, and refused further down. */
	if (IS_ENABLED(CONFIG_SPARSEMEM) && !IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP) && !page)
		return;
	info = kmemx_pages_place_of(pages, page);
	if (likely(order < KMEMX_PCP_ORDERS &&
		   kmemx_pages_push(pages, page, info, order, KMEMX_KIND_PAGES)))
		count_free(page, order, call_site);
	else
		free_pages_slow(page, info, order, call_site);
}

static noinline void free_pages_order(struct page *page, unsigned int order,
				      unsigned long call_site)
{
	free_pages_fast(page, order, call_site);
}

/**
 * kmemx_free_pages() - free page frames
 * @page: what kmemx_alloc_pages() gave, or NULL
 * @order: the order it was given for
 *
 * A frame that somebody else holds a reference to is set aside until they let
 * go.
 *
 * Context: any.
 */
void kmemx_free_pages(struct page *page, unsigned int order)
{
	if (!order)
		free_pages_fast(page, 0, _RET_IP_);
	else
		free_pages_order(page, order, _RET_IP_);
}
KMEMX_EXPORT(kmemx_free_pages);

/**
 * kmemx_alloc_contig() - allocate physically contiguous memory of any size
 * @size: bytes wanted; whole pages are used, and no more
 * @align: physical alignment in bytes, a power of two; 0 or less than a page
 *	   means a page
 * @gfp: as for kmemx_alloc()
 *
 * Context: as for kmemx_alloc().
 * Return: the memory, or NULL; also for @size 0 or an @align that is no power
 * of two.
 */
void *kmemx_alloc_contig(size_t size, size_t align, gfp_t gfp)
{
	struct request req = {
		.size = size,
		.align = max(align, PAGE_SIZE),
		.gfp = gfp,
		.call_site = _RET_IP_,
	};
	void *ptr;

	if (!size || (align && !is_power_of_2(align)))
		return NULL;
	ptr = alloc_frames(&req, KMEMX_KIND_CONTIG);
	if (ptr)
		tell_kmemleak(ptr, size, gfp);
	return ptr;
}
KMEMX_EXPORT(kmemx_alloc_contig);

/**
 * kmemx_free_contig() - free contiguous memory
 * @ptr: what kmemx_alloc_contig() gave, or NULL
 *
 * Context: any.
 */
void kmemx_free_contig(void *ptr)
{
	if (ptr)
		free_frames(ptr, KMEMX_KIND_CONTIG, 0, _RET_IP_);
}
KMEMX_EXPORT(kmemx_free_contig);

static void list_frames(u32 frame, enum kmemx_kind kind)
{
	unsigned long bytes = kmemx_zone_block_frames(&kmemx_live.pages.zone, frame) << PAGE_SHIFT;
	unsigned long site = kmemx_live.site ? kmemx_live.site[frame] : 0;

	if (site)
		pr_warn("  %s: %lu bytes at pfn %#lx, allocated by %pS\n", kind_name[kind],
			bytes, kmemx_pages_pfn(&kmemx_live.pages, frame), (void *)site);
	else
		pr_warn("  %s: %lu bytes at pfn %#lx\n", kind_name[kind], bytes,
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
		if (kind_name[kind] && (*listed)++ < LIST_MAX)
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
