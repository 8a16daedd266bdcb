// SPDX-License-Identifier: GPL-2.0
/*
 * The exported functions for objects of one kind: kmemx_cache_alloc() and those beside it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cache.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <kmemx/compat.h>
#include <kmemx/kmemx.h>

#include "api_object.h"
#include "buddy/zone_bins.h"
#include "buddy/zone_info.h"
#include "slab/exchange.h"
#include "slab/partial.h"
#include "slab/sheaf.h"

/* ---- Objects ----------------------------------------------------------- */

/* As SLUB: what a constructor made, or a reader may look at, is zeroed on no other account. */
static bool is_zeroed(const struct kmemx_cache *cache, gfp_t gfp)
{
	if (cache->ctor)
		return false;
	return cache->is_typesafe ? !!(gfp & __GFP_ZERO) : want_init_on_alloc(gfp);
}

static void zero_as_asked(const struct kmemx_cache *cache, void *obj, gfp_t gfp)
{
	if (is_zeroed(cache, gfp))
		memset(obj, 0, cache->layout.size);
}

/* What is done for an object that does not come on a short way. */
static void hand_out(const struct kmemx_cache *cache, void *obj,
		     const struct kmemx_request *req, u64 start)
{
	zero_as_asked(cache, obj, req->gfp);
	kmemx_tell_kmemleak(obj, cache->layout.size, req->gfp);
	trace_kmemx_alloc(req->call_site, obj, req->size, cache->layout.stride, req->gfp,
			  kmemx_live.origin.nid, cache->name, kmemx_stop_clock(start));
}

static __always_inline struct kmemx_request request(const struct kmemx_cache *cache, gfp_t gfp,
						    size_t size, unsigned long call_site)
{
	return (struct kmemx_request){
		.size = size ?: cache->layout.size,
		.need = 1UL << cache->layout.order,
		.align = KMEMX_OBJECT_MIN,
		.cache = cache,
		.gfp = gfp,
		.call_site = call_site,
	};
}

/* Whatever has to be done for it: a front to fill, a trace, reclaim. */
static noinline void *alloc_long(struct kmemx_cache *cache, gfp_t gfp, size_t size,
				 unsigned long call_site)
{
	struct kmemx_request req = request(cache, gfp, size, call_site);
	void *obj = ERR_PTR(-EINVAL);
	u64 start = kmemx_start_clock();

	if (kmemx_request_is_refused(&req))
		goto failed;
	/* Where nothing is special the front has just been found empty. */
	if (!kmemx_api_is_special(gfp) || !kmemx_cache_pop(cache, &obj))
		obj = kmemx_cache_take(cache, call_site);
	if (IS_ERR(obj) && kmemx_request_reclaim(&req))
		obj = kmemx_cache_take(cache, call_site);
	if (IS_ERR(obj))
		goto failed;
	hand_out(cache, obj, &req, start);
	return obj;

failed:
	kmemx_request_fail(&req, (int)PTR_ERR(obj));
	return NULL;
}

static noinline void tell_none(const struct kmemx_cache *cache, gfp_t gfp, size_t size,
			       unsigned long call_site)
{
	struct kmemx_request req = request(cache, gfp, size, call_site);

	kmemx_request_fail(&req, -ENOSPC);
}

/*
 * No slab can be made. Who may not wait, and whose cache has no object in a slab, is told so at
 * once.
 */
static noinline void *alloc_none(struct kmemx_cache *cache, gfp_t gfp, size_t size,
				 unsigned long call_site)
{
	if (kmemx_api_is_told(gfp) || gfpflags_allow_blocking(gfp) ||
	    kmemx_cache_has_partial(cache) ||
	    /* That of another CPU now, or filled meanwhile, or what is on top was freed twice. */
	    !kmemx_front_is_empty(raw_cpu_ptr(cache->front)) ||
	    !kmemx_exchange_is_empty(cache) ||
	    kmemx_region_reclaim_some(&kmemx_live))
		return alloc_long(cache, gfp, size, call_site);
	if (likely(!kmemx_request_is_told(gfp)))
		kmemx_request_count_none(1UL << cache->layout.order, KMEMX_OBJECT_MIN, cache, gfp);
	else
		tell_none(cache, gfp, size, call_site);
	return NULL;
}

/* The front has just been found empty, or something is special. */
static __always_inline void *alloc_behind(struct kmemx_cache *cache, gfp_t gfp, size_t size,
					  unsigned long call_site)
{
	if (unlikely(!kmemx_zone_has_block(&kmemx_live.pages.zone, cache->layout.order)))
		return alloc_none(cache, gfp, size, call_site);
	return alloc_long(cache, gfp, size, call_site);
}

/* It is only to be zeroed, as with init_on_alloc each object is. */
static noinline void *alloc_zeroed(struct kmemx_cache *cache, gfp_t gfp, size_t size,
				   unsigned long call_site)
{
	void *obj;

	kmemx_debug_might_alloc(gfp);
	if (unlikely(!kmemx_cache_pop(cache, &obj)))
		return alloc_behind(cache, gfp, size, call_site);
	zero_as_asked(cache, obj, gfp);
	return obj;
}

/**
 * kmemx_api_alloc_object() - allocate an object where kmemx_api_pop() does not
 * @cache: the cache
 * @gfp: flags
 * @size: what was asked for; 0 is the size of the cache
 * @call_site: who asks
 *
 * Context: what @gfp allows.
 * Return: the object, or NULL, which has been reported.
 */
void *kmemx_api_alloc_object(struct kmemx_cache *cache, gfp_t gfp, size_t size,
			     unsigned long call_site)
{
	if (want_init_on_alloc(gfp) && !kmemx_api_is_told(gfp))
		return alloc_zeroed(cache, gfp, size, call_site);
	return alloc_behind(cache, gfp, size, call_site);
}

/**
 * kmemx_api_free_object() - free an object where the short way does not
 * @want: the cache it must be of, or NULL for any
 * @obj: any address
 * @call_site: who asks
 *
 * A front that is busy or full, a trace, or a free that is to be refused.
 *
 * Context: any.
 * Return: whether it was freed; if not, that has been reported.
 */
bool kmemx_api_free_object(const struct kmemx_cache *want, const void *obj,
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
	return !verdict;
}

/* ---- Caches ------------------------------------------------------------ */

#define CACHE_FLAGS	(SLAB_HWCACHE_ALIGN | SLAB_TYPESAFE_BY_RCU | SLAB_NO_MERGE | KMEMX_DMA)

/* As SLUB: to a line, or the smallest part of one, a power of two, that an object fits in. */
static u32 line_align(u32 size)
{
	u32 align = cache_line_size();

	while (align > 1 && size <= align / 2)
		align /= 2;
	return align;
}

/* What a device reads and writes, no other device does, nor a CPU, in the same line. */
static u32 dma_align(void)
{
	return max_t(u32, dma_get_cache_alignment(), cache_line_size());
}

/**
 * kmemx_cache_create() - make a cache of objects
 * @name: unique, shorter than 32 bytes, no white space; it is copied
 * @size: object size in bytes, 1..65536
 * @args: alignment, constructor, destructor, or NULL
 * @flags: SLAB_HWCACHE_ALIGN; SLAB_TYPESAFE_BY_RCU, with which a slab goes only after a grace
 *	   period: kmemx_cache_shrink(), kmemx_cache_destroy(), and an allocation that may sleep
 *	   and finds nothing, wait for one, and once a second what is empty begins to;
 *	   KMEMX_DMA; SLAB_NO_MERGE, for caches never are merged
 *
 * Context: may sleep.
 * Return: the cache, or NULL with a line in the log that says why.
 */
struct kmemx_cache *kmemx_cache_create(const char *name, unsigned int size,
				       const struct kmemx_cache_args *args,
				       slab_flags_t flags)
{
	struct kmemx_cache_spec spec = {
		.name = name,
		.size = size,
		.is_typesafe = flags & SLAB_TYPESAFE_BY_RCU,
		.is_hwcache_aligned = flags & SLAB_HWCACHE_ALIGN,
		.is_for_dma = flags & KMEMX_DMA,
	};
	struct kmemx_cache *cache = ERR_PTR(-EINVAL);
	static_assert(KMEMX_NO_MAGAZINE == KMEMX_FRONT_NONE);
	bool is_good = !(flags & ~CACHE_FLAGS) && name && *name && !strpbrk(name, " \t\n");

	if (args) {
		spec.align = args->align;
		spec.ctor = args->ctor;
		spec.dtor = args->dtor;
		spec.magazine = args->magazine;
		spec.useroffset = args->useroffset;
		spec.usersize = args->usersize;
		is_good = is_good && args->useroffset <= size &&
			args->usersize <= size - args->useroffset;
	}
	if ((flags & SLAB_HWCACHE_ALIGN) && is_power_of_2(spec.align ?: 1))
		spec.align = max(spec.align, line_align(size));
	if ((flags & KMEMX_DMA) && is_power_of_2(spec.align ?: 1))
		spec.align = max(spec.align, dma_align());
	if (is_good)
		cache = kmemx_cache_new(&kmemx_live.depot, &spec);
	if (!IS_ERR(cache))
		return cache;
	pr_warn("%pS: no cache \"%s\" of %u-byte objects, align %u, flags %#x: %pe\n",
		(void *)_RET_IP_, name ?: "(null)", size, spec.align,
		(__force u32)flags, cache);
	return NULL;
}
KMEMX_EXPORT(kmemx_cache_create);

/**
 * kmemx_cache_destroy() - destroy a cache
 * @cache: the cache, or NULL; nobody allocates from it any more, and sheaves of it have been
 *	   returned
 *
 * If objects are still live, they are listed and the cache is kept, so that they can be
 * freed; its name stays taken. It is kept for objects in a sheaf too, which are not listed.
 *
 * Context: may sleep; not a callback of CPU hotplug, as it waits for CPUs that come or go.
 */
void kmemx_cache_destroy(struct kmemx_cache *cache)
{
	if (!cache || !kmemx_cache_delete(cache))
		return;
	kmemx_api_list_live(cache);
	pr_warn("%pS: cache %s is kept, its objects are live, or in a sheaf\n", (void *)_RET_IP_,
		cache->name);
}
KMEMX_EXPORT(kmemx_cache_destroy);

/**
 * kmemx_cache_shrink() - give back what a cache does not need
 * @cache: the cache
 *
 * Empties its fronts, and gives back slabs without live objects.
 *
 * Context: may sleep.
 * Return: page frames given back, those of slabs that others have ended meanwhile included.
 */
unsigned long kmemx_cache_shrink(struct kmemx_cache *cache)
{
	s64 nr_ended;

	/* Whoever destroys it waits until slabs that have ended are gone. */
	mutex_lock(&cache->depot->lock);
	nr_ended = atomic64_read(&cache->nr_ended) - (s64)cache->nr_waiting;
	/* Some end as soon as their last object is back. */
	kmemx_cache_drain(cache);
	kmemx_cache_retire(cache);
	nr_ended = atomic64_read(&cache->nr_ended) - nr_ended;
	mutex_unlock(&cache->depot->lock);
	return (unsigned long)nr_ended << cache->layout.order;
}
KMEMX_EXPORT(kmemx_cache_shrink);

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
	void *obj;

	if (kmemx_api_pop(cache, gfp, &obj))
		return obj;
	return kmemx_api_alloc_object(cache, gfp, 0, _RET_IP_);
}
KMEMX_EXPORT(kmemx_cache_alloc);

/**
 * kmemx_cache_alloc_node() - allocate an object on a node
 * @cache: the cache
 * @gfp: as for kmemx_cache_alloc(); with __GFP_THISNODE another node than the region's fails
 * @nid: the node wanted, or NUMA_NO_NODE
 *
 * A region is on one node, and without __GFP_THISNODE better than nothing.
 *
 * Context: as for kmemx_alloc().
 * Return: the object, or NULL.
 */
void *kmemx_cache_alloc_node(struct kmemx_cache *cache, gfp_t gfp, int nid)
{
	if (kmemx_api_is_elsewhere(gfp, nid))
		return kmemx_api_alloc_elsewhere(cache->layout.size, gfp, _RET_IP_);
	return kmemx_api_object(cache, gfp, 0, _RET_IP_);
}
KMEMX_EXPORT(kmemx_cache_alloc_node);

/**
 * kmemx_cache_free() - free an object
 * @cache: the cache it was allocated from, never NULL
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
		kmemx_api_free_object(cache, obj, _RET_IP_);
}
KMEMX_EXPORT(kmemx_cache_free);

/* ---- Many at once ------------------------------------------------------ */

/**
 * kmemx_cache_alloc_bulk() - allocate many objects
 * @cache: the cache
 * @gfp: as for kmemx_cache_alloc()
 * @nr: how many
 * @objs: where to put them
 *
 * Context: as for kmemx_alloc().
 * Return: @nr; or 0, and then nothing is allocated, whatever @objs says.
 */
unsigned int kmemx_cache_alloc_bulk(struct kmemx_cache *cache, gfp_t gfp, unsigned int nr,
				    void **objs)
{
	unsigned int got = 0, i;

	if (!kmemx_api_is_told(gfp)) {
		kmemx_debug_might_alloc(gfp);
		got = kmemx_cache_pop_bulk(cache, nr, objs);
		if (is_zeroed(cache, gfp))
			for (i = 0; i < got; i++)
				memset(objs[i], 0, cache->layout.size);
	}
	for (; got < nr; got++) {
		objs[got] = kmemx_api_object(cache, gfp, 0, _RET_IP_);
		if (unlikely(!objs[got]))
			break;
	}
	if (likely(got == nr))
		return nr;
	kmemx_cache_free_bulk(cache, got, objs);
	return 0;
}
KMEMX_EXPORT(kmemx_cache_alloc_bulk);

static __always_inline const struct kmemx_slab *slab_at(const void *addr)
{
	return kmemx_region_slab_at(&kmemx_live, addr);
}

/**
 * kmemx_cache_free_bulk() - free many objects
 * @cache: the cache
 * @nr: how many
 * @objs: each as for kmemx_cache_free()
 *
 * Context: any.
 */
void kmemx_cache_free_bulk(struct kmemx_cache *cache, unsigned int nr, void **objs)
{
	while (nr) {
		if (!trace_kmemx_free_enabled())
			nr = kmemx_cache_push_bulk(cache, nr, objs, slab_at);
		if (nr)
			kmemx_cache_free(cache, objs[--nr]);
	}
}
KMEMX_EXPORT(kmemx_cache_free_bulk);

/* ---- Sheaves ----------------------------------------------------------- */

/* For @nr objects, of which there are some. */
static struct kmemx_request sheaf_request(const struct kmemx_cache *cache, unsigned int nr,
					  unsigned int has, gfp_t gfp, unsigned long call_site)
{
	const struct kmemx_layout *layout = &cache->layout;

	return (struct kmemx_request){
		.size = (size_t)nr * layout->size,
		/* Slabs for all that are missing, as what was had of them has gone back. */
		.need = (1UL << layout->order) *
			DIV_ROUND_UP(nr - min(nr, has), layout->nr_objs),
		.align = KMEMX_OBJECT_MIN,
		.cache = cache,
		.gfp = gfp,
		.call_site = call_site,
	};
}

/* Could no sheaf, no region, or not this one, have so many? Then it is said. */
static bool is_refused(const struct kmemx_request *req, unsigned int nr)
{
	if (!kmemx_request_is_refused(req) && !kmemx_request_is_too_large(req) &&
	    nr <= KMEMX_SHEAF_MAX)
		return false;
	kmemx_request_fail(req, -EINVAL);
	return true;
}

static bool fill_sheaf(struct kmemx_sheaf *sheaf, unsigned int nr,
		       const struct kmemx_request *req)
{
	int err = kmemx_sheaf_fill(sheaf, nr);

	if (err && kmemx_request_reclaim(req))
		err = kmemx_sheaf_fill(sheaf, nr);
	if (!err)
		return true;
	kmemx_request_fail(req, err);
	return false;
}

/**
 * kmemx_cache_prefill() - set objects aside
 * @cache: the cache
 * @gfp: as for kmemx_cache_alloc(), now
 * @nr: how many, at least 1; no more than 16 bytes for each fit into what kmalloc() gives, 262,143
 *	with pages of 4 KiB as a rule
 *
 * As many allocations out of the sheaf will not fail, and never sleep, whatever else goes
 * on in the region.
 *
 * Context: as for kmemx_alloc(), where kmalloc() may be called too: not in NMI, and on
 * PREEMPT_RT only with preemption and interrupts on.
 * Return: a sheaf of @nr objects, to be given back with kmemx_return_sheaf(); or NULL,
 * without a word for @nr 0, and with the kernel's own where it has no memory for the sheaf.
 */
struct kmemx_sheaf *kmemx_cache_prefill(struct kmemx_cache *cache, gfp_t gfp, unsigned int nr)
{
	struct kmemx_request req = sheaf_request(cache, nr, 0, gfp, _RET_IP_);
	struct kmemx_sheaf *sheaf;

	if (!nr || is_refused(&req, nr))
		return NULL;
	sheaf = kmemx_sheaf_new(cache, nr, gfp);
	if (sheaf && fill_sheaf(sheaf, nr, &req))
		return sheaf;
	kfree(sheaf);
	return NULL;
}
KMEMX_EXPORT(kmemx_cache_prefill);

/**
 * kmemx_refill_sheaf() - let a sheaf have objects again
 * @sheaf: the sheaf
 * @gfp: as for kmemx_cache_alloc(), now
 * @nr: how many it is to have; more than it was made for is false at once
 *
 * Context: as for kmemx_alloc().
 * Return: whether it has; if not, it is as it was.
 */
bool kmemx_refill_sheaf(struct kmemx_sheaf *sheaf, gfp_t gfp, unsigned int nr)
{
	struct kmemx_request req = sheaf_request(sheaf->cache, nr, sheaf->nr, gfp, _RET_IP_);

	return nr <= sheaf->cap && !is_refused(&req, nr) && fill_sheaf(sheaf, nr, &req);
}
KMEMX_EXPORT(kmemx_refill_sheaf);

/**
 * kmemx_alloc_from_sheaf() - allocate an object that was set aside
 * @sheaf: the sheaf, which nobody else uses meanwhile
 * @gfp: __GFP_ZERO is honoured; nothing else matters
 *
 * It is freed as any other.
 *
 * Context: any.
 * Return: the object, or NULL if the sheaf is empty.
 */
void *kmemx_alloc_from_sheaf(struct kmemx_sheaf *sheaf, gfp_t gfp)
{
	struct kmemx_request req = {
		.size = sheaf->cache->layout.size,
		/* kmemleak allocates with it. */
		.gfp = (gfp & __GFP_ZERO) | GFP_NOWAIT,
		.call_site = _RET_IP_,
	};
	u64 start = kmemx_start_clock();
	void *obj = kmemx_sheaf_pop(sheaf, _RET_IP_);

	if (obj)
		hand_out(sheaf->cache, obj, &req, start);
	return obj;
}
KMEMX_EXPORT(kmemx_alloc_from_sheaf);

/**
 * kmemx_sheaf_size() - how many objects has a sheaf?
 * @sheaf: the sheaf
 *
 * Return: how many allocations out of it will not fail.
 */
unsigned int kmemx_sheaf_size(const struct kmemx_sheaf *sheaf)
{
	return sheaf->nr;
}
KMEMX_EXPORT(kmemx_sheaf_size);

/**
 * kmemx_return_sheaf() - give back a sheaf, and what is left in it
 * @sheaf: the sheaf, or NULL; nobody uses it any more. Objects that were allocated out of it
 *	   stay live.
 *
 * Context: where kfree() may be called: not in NMI, and on PREEMPT_RT only with preemption
 * and interrupts on.
 */
void kmemx_return_sheaf(struct kmemx_sheaf *sheaf)
{
	if (sheaf)
		kmemx_sheaf_free(sheaf);
}
KMEMX_EXPORT(kmemx_return_sheaf);
