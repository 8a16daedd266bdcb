/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A cache: objects of one size and purpose, in slabs of a depot, behind a
 * per-CPU front. The short ways of an object are here, inline; see front.h for the fronts
 * and the long ways, partial.h for the slabs, usage.h for who wants to know.
 *
 * Locking: none on the way of an object. depot->lock is held by those who make,
 * destroy or walk caches.
 */
#ifndef KMEMX_SLAB_CACHE_H
#define KMEMX_SLAB_CACHE_H

#include <linux/kmemleak.h>
#include <linux/percpu.h>
#include <linux/preempt.h>

#include "buddy/summary.h"
#include "slab/depot.h"
#include "slab/front.h"

#define KMEMX_CACHE_NAME	32

struct module;

/**
 * struct kmemx_cache_spec - what a cache is to be
 * @name: unique in the depot, shorter than KMEMX_CACHE_NAME
 * @size: object size in bytes, 1..KMEMX_OBJECT_MAX
 * @align: power of two, or 0
 * @ctor: called once for each object when its slab is made, in any context
 * @dtor: called once for each object before its slab goes, in any context
 * @is_typesafe: the slab of an object stays a slab of this cache for an RCU grace period
 *		 after the object was freed; none goes but in kmemx_cache_give_ended()
 * @is_hwcache_aligned: SLAB_HWCACHE_ALIGN was asked for; @align has what it takes
 * @is_for_dma: so was KMEMX_DMA
 * @useroffset: of the part of an object that may be copied to and from user space
 * @usersize: bytes of that part, for who checks such copies
 * @magazine: objects that a front may hold at most, 0 for what the depot says, or
 *	      KMEMX_FRONT_NONE
 */
struct kmemx_cache_spec {
	const char *name;
	u32 size;
	u32 align;
	void (*ctor)(void *obj);
	void (*dtor)(void *obj);
	bool is_typesafe;
	bool is_hwcache_aligned;
	bool is_for_dma;
	u32 useroffset;
	u32 usersize;
	unsigned int magazine;
};

/*
 * Slabs that have a free object. Those that are more than half in use go first, so that the
 * others have a chance to become empty.
 */
enum kmemx_partial {
	KMEMX_PARTIAL_FULLER,
	KMEMX_PARTIAL_EMPTIER,		/* Empty ones too. */
	KMEMX_NR_PARTIAL
};

/**
 * struct kmemx_cache_usage - where a cache's objects are, a snapshot
 * @nr_slabs: slabs found by walking the depot, and those that wait for a grace period
 * @nr_objs: objects in them
 * @nr_live: objects that users hold
 * @nr_front: objects in fronts, in the exchange, and in sheaves
 * @nr_free: objects in slabs, by the slabs' own counts
 * @nr_partial: slabs with a free object
 * @nr_partial_live: objects in these that users hold
 */
struct kmemx_cache_usage {
	unsigned long nr_slabs;
	unsigned long nr_objs;
	unsigned long nr_live;
	unsigned long nr_front;
	unsigned long nr_free;
	unsigned long nr_partial;
	unsigned long nr_partial_live;
};

struct kmemx_cache {
	struct kmemx_front __percpu *front;
	struct kmemx_layout layout;
	struct kmemx_depot *depot;
	struct kmemx_summary partial[KMEMX_NR_PARTIAL];	/* Ids of slabs, see kmemx_partial. */
	struct kmemx_summary ended;	/* If it is typesafe: those that wait for a grace period. */
	unsigned long nr_waiting;	/* How many; the depot's lock. */
	unsigned long ended_at;		/* Which grace period, for the reaper. */
	void *partial_mem;		/* What the summaries live in. */
	void (*ctor)(void *obj);
	void (*dtor)(void *obj);
	bool is_typesafe;		/* As in the spec. */
	unsigned int number;		/* In depot->cache[]. */
	unsigned int front_cap;		/* Objects that a front may hold; 0: there is none. */
	struct kmemx_exchange *exchange;	/* Or NULL. */
	atomic64_t nr_slabs;
	atomic64_t peak_slabs;		/* The most that @nr_slabs has been. */
	atomic64_t nr_ended;		/* Slabs that were its own. */
	bool is_hwcache_aligned;	/* As in the spec. */
	bool is_for_dma;		/* As in the spec. */
	u32 useroffset;			/* As in the spec. */
	u32 usersize;			/* As in the spec. */
	void *files;			/* Of who watches the depot. */
	struct kmemx_cache_usage usage;	/* When kmemx_depot_usage() looked; the depot's lock. */
	char name[KMEMX_CACHE_NAME];
};

/* Of a cache, those of partial slabs and, if it is typesafe, one more. */
static inline unsigned int kmemx_cache_nr_summaries(bool is_typesafe)
{
	return KMEMX_NR_PARTIAL + is_typesafe;
}

struct kmemx_cache *kmemx_cache_new(struct kmemx_depot *depot,
				    const struct kmemx_cache_spec *spec);
int kmemx_cache_close(struct kmemx_cache *cache);
int kmemx_cache_delete(struct kmemx_cache *cache);
void kmemx_cache_forget(struct kmemx_cache *cache);
void kmemx_cache_reclaim(struct kmemx_depot *depot);
void kmemx_cache_forget_code(struct kmemx_depot *depot, const struct module *mod);

static inline struct kmemx_slab *kmemx_cache_slab_at(const struct kmemx_cache *cache, u32 id)
{
	return &cache->depot->slab[id];
}

static inline u64 kmemx_cache_state_at(const struct kmemx_cache *cache, u32 id)
{
	return (u64)atomic64_read(&kmemx_cache_slab_at(cache, id)->state);
}

/* The slab of an object that has left it, so that the slab stays. */
static inline u32 kmemx_cache_slab_of(const struct kmemx_cache *cache, const void *obj)
{
	return cache->depot->ops->id_of(cache->depot->ctx, obj);
}

/* Where the call site of an object is kept. */
static inline unsigned long *kmemx_cache_track_word(const struct kmemx_cache *cache,
						    const struct kmemx_slab *slab,
						    unsigned int i)
{
	return (unsigned long *)((u8 *)READ_ONCE(slab->base) + cache->layout.track) + i;
}

/* In an NMI kmemleak must not be called: who has the object next does so, kmemx_tell_kmemleak(). */
static __always_inline void kmemx_forget_leak(const void *obj)
{
	if (IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) && !in_nmi())
		kmemleak_free(obj);
}

/**
 * kmemx_cache_pop() - allocate an object from this CPU's front, if it has one
 * @cache: the cache
 * @obj: set to the object, which is live
 *
 * The hot path of allocation, inline and without a call. Where it does not succeed
 * kmemx_cache_take() is next.
 *
 * What comes out of a front is looked at once more: two that free the same object within the
 * same few instructions may both find it live. If both have it in a front, who is about to take
 * it while the other has it out finds out here; two that take it within the same few
 * instructions remain. If one of them goes past its front, its slab may count one too many, see
 * slab.h. docs/locking.md has all of it.
 *
 * Context: any.
 * Return: false if there was none.
 */
static __always_inline bool kmemx_cache_pop(struct kmemx_cache *cache, void **obj)
{
	struct kmemx_front __percpu *fronts = cache->front;
	struct kmemx_front *front;
	bool found = false;

	preempt_disable();
	front = kmemx_front_enter(fronts);
	/* Racy only where an object is freed twice. */
	if (likely(data_race(*front->top->status) == KMEMX_OBJECT_OUT)) {
		*obj = kmemx_front_issue(front);
		found = true;
	}
	kmemx_front_leave(fronts, front);
	preempt_enable();
	return found;
}

/*
 * Is a slab the cache's still? If it is, what was read of it before is so too, its status bytes
 * included: a slab of this cache on this frame always begins at the same place, and a byte that
 * says live is not that of another cache's object.
 */
static __always_inline bool kmemx_cache_still_has(const struct kmemx_cache *cache,
						  const struct kmemx_slab *slab)
{
	/*
	 * Pairs with the full barriers that lie between the end of a slab (kmemx_depot_close())
	 * and an object of the next one there that is live: the last of them is the exchange in
	 * kmemx_slab_init().
	 */
	smp_rmb();
	/* Plain, so that it may be the operand of a comparison. */
	return data_race(slab->cache) == cache;
}

/* With preemption off: @cache was that of @slab a moment ago. */
static __always_inline bool kmemx_cache_push_to(const struct kmemx_cache *cache,
						const struct kmemx_slab *slab, const void *obj)
{
	struct kmemx_front __percpu *fronts = cache->front;
	struct kmemx_front_slot *top;
	struct kmemx_front *front;
	bool freed = false;
	u8 *status;

	/* As in kmemx_depot_owner(): whose it is was read plainly. */
	smp_rmb();
	if (unlikely(!kmemx_slab_find(slab, &cache->layout, obj, &status)))
		return false;
	front = kmemx_front_enter(fronts);
	top = front->top;
	/* Racy only where an object is freed twice, */
	if (likely(top < front->limit && data_race(*status) == KMEMX_OBJECT_LIVE &&
		   /* and where a free is none. */
		   kmemx_cache_still_has(cache, slab))) {
		kmemx_step();
		WRITE_ONCE(*status, KMEMX_OBJECT_OUT);
		kmemx_forget_leak(obj);
		kmemx_step();
		kmemx_front_add(front, top, obj, status);
		freed = true;
	}
	kmemx_front_leave(fronts, front);
	return freed;
}

/**
 * kmemx_cache_push() - free an object to this CPU's front, if there is room
 * @cache: the cache it must be of
 * @slab: what the depot has for the frame that @obj is in
 * @obj: any address in that frame
 *
 * The hot path of frees, as kmemx_cache_pop(); kmemx_cache_put() is next. The slab may
 * end, and its frames be another's, while a free that is none looks at it; so it is asked
 * again at the end whose it is.
 *
 * Context: any.
 * Return: false if the object was not freed.
 */
static __always_inline bool kmemx_cache_push(const struct kmemx_cache *cache,
					     const struct kmemx_slab *slab, const void *obj)
{
	bool freed;

	preempt_disable();
	/* Plain, so that it may be the operand of a comparison. */
	freed = likely(data_race(slab->cache) == cache) && kmemx_cache_push_to(cache, slab, obj);
	preempt_enable();
	return freed;
}

/* As kmemx_cache_push(), of whatever cache it is: as long as preemption is off that stays. */
static __always_inline bool kmemx_cache_push_any(const struct kmemx_slab *slab, const void *obj)
{
	const struct kmemx_cache *cache;
	bool freed;

	preempt_disable();
	cache = READ_ONCE(slab->cache);
	freed = likely(cache) && kmemx_cache_push_to(cache, slab, obj);
	preempt_enable();
	return freed;
}

/* What the depot has for the frame of an address, whatever that is. */
typedef const struct kmemx_slab *(*kmemx_slab_at_fn)(const void *addr);

/*
 * Bring up to date what is known of the slots above the top of a front, the caller's. What
 * is in one of them is still right if no slab has ended since, whoever has the object.
 */
static __always_inline void kmemx_cache_know(const struct kmemx_cache *cache,
					     struct kmemx_front *front)
{
	s64 nr_ended = atomic64_read(&cache->nr_ended);

	kmemx_step();
	if (front->nr_ended != nr_ended || front->known < front->top) {
		front->nr_ended = nr_ended;
		front->known = front->top;
	}
}

/* How many of @nr more objects a front may have, up to @limit, which may be below its top. */
static __always_inline unsigned int kmemx_cache_room(const struct kmemx_front *front,
						     const struct kmemx_front_slot *limit,
						     unsigned int nr)
{
	return front->top < limit ? min(nr, (unsigned int)(limit - front->top)) : 0;
}

/*
 * Free objects, the last of @nr first, as long as they come back as they went: then their
 * slots are still there, and there is nothing to look up. Returns how many are left.
 */
static __always_inline unsigned int kmemx_cache_push_known(const struct kmemx_cache *cache,
							   struct kmemx_front *front,
							   unsigned int nr, void **objs)
{
	unsigned long left = kmemx_cache_room(front, min(front->known, front->limit), nr);
	struct kmemx_front_slot *slot = front->top;
	s64 nr_ended = front->nr_ended;

	for (objs += nr - left; left; left--) {
		u8 *status = slot[1].status;

		if (objs[left - 1] != slot[1].obj ||
		    /* Racy only where an object is freed twice. */
		    data_race(*status) != KMEMX_OBJECT_LIVE)
			break;
		/* As in kmemx_cache_still_has(): no slab has ended, nor the one this was in. */
		smp_rmb();
		if (atomic64_read(&cache->nr_ended) != nr_ended)
			break;
		slot++;
		kmemx_step();
		WRITE_ONCE(*status, KMEMX_OBJECT_OUT);
		kmemx_forget_leak(slot->obj);
		kmemx_step();
	}
	nr -= (unsigned int)(slot - front->top);
	/* Who counts from another CPU sees one or the other. */
	data_race(front->top = slot);
	return nr;
}

/*
 * As that, for any objects, as long as there is room. The next is often in the slab of the one
 * before, which by then stays: an object of it is in the front.
 */
static __always_inline unsigned int kmemx_cache_push_found(const struct kmemx_cache *cache,
							   struct kmemx_front *front,
							   unsigned int nr, void **objs,
							   kmemx_slab_at_fn slab_at)
{
	unsigned long left = kmemx_cache_room(front, front->limit, nr);
	struct kmemx_front_slot *slot = front->top;
	/* Of the slab at hand: there is none yet, and every address is outside. */
	const u8 *base = NULL;
	u8 *first_status = NULL;
	size_t bytes = 0;

	for (objs += nr - left; left; left--) {
		const struct kmemx_slab *slab = NULL;
		void *obj = objs[left - 1];
		u8 *status;
		u64 i;

		if (unlikely((size_t)((u8 *)obj - base) >= bytes)) {
			slab = slab_at(obj);
			/* As in kmemx_depot_owner(). */
			if (smp_load_acquire(&slab->cache) != cache)
				break;
			bytes = PAGE_SIZE << cache->layout.order;
			base = READ_ONCE(slab->base);
			first_status = READ_ONCE(slab->status);
		}
		if (unlikely(!kmemx_layout_find(&cache->layout, (u32)((u8 *)obj - base), &i)))
			break;
		status = first_status + i;
		/* Racy only where an object is freed twice. */
		if (unlikely(data_race(*status) != KMEMX_OBJECT_LIVE ||
			     (slab && !kmemx_cache_still_has(cache, slab))))
			break;
		kmemx_step();
		WRITE_ONCE(*status, KMEMX_OBJECT_OUT);
		kmemx_forget_leak(obj);
		slot++;
		slot->obj = obj;
		kmemx_step();
		slot->status = status;
	}
	nr -= (unsigned int)(slot - front->top);
	/* Who counts from another CPU sees one or the other. */
	data_race(front->top = slot);
	return nr;
}

/**
 * kmemx_cache_push_bulk() - free objects to this CPU's front, as long as there is room
 * @cache: the cache they must be of
 * @nr: how many
 * @objs: the objects; the last is freed first
 * @slab_at: finds the slab; constant, so that it is inline
 *
 * As kmemx_cache_push(), which see, for many.
 *
 * Context: any.
 * Return: how many are left, the first of @objs; the last of those has to go the long way.
 */
static __always_inline unsigned int kmemx_cache_push_bulk(const struct kmemx_cache *cache,
							  unsigned int nr, void **objs,
							  kmemx_slab_at_fn slab_at)
{
	struct kmemx_front *front;
	unsigned int left = nr;

	preempt_disable();
	front = kmemx_front_enter(cache->front);
	if (likely(!kmemx_front_is_closed(front))) {
		kmemx_cache_know(cache, front);
		left = kmemx_cache_push_known(cache, front, left, objs);
		if (left)
			left = kmemx_cache_push_found(cache, front, left, objs, slab_at);
		kmemx_step();
		/* As top. */
		data_race(front->nr_free += nr - left);
	}
	kmemx_front_leave(cache->front, front);
	preempt_enable();
	return left;
}

#endif /* KMEMX_SLAB_CACHE_H */
