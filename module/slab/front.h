/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A front: a CPU's own stack of objects that have left their slabs and are not
 * live. The short way, inline in cache.h, has no atomic operation.
 *
 * Only its CPU touches a front, one context at a time, with preemption off and plain
 * stores. While it is at work there, what others on the same CPU find in its place is
 * kmemx_front_closed, which has nothing and takes nothing; so an interrupt or NMI leaves the
 * front alone and works on the slabs, and the short way needs no test for that. Another CPU
 * that wants the front emptied has that done as <kmemx/busy.h> has it.
 *
 * All fronts of a CPU share what they may hold, the depot's @room: a front that is
 * full is granted more of it, a little at a time, until the room or the front's own
 * cap is used up. What it was granted goes back when the front is emptied.
 */
#ifndef KMEMX_SLAB_FRONT_H
#define KMEMX_SLAB_FRONT_H

#include <linux/mm.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/types.h>
#include <kmemx/verdict.h>

#include "slab/slab.h"

struct kmemx_cache;
struct kmemx_cache_spec;
struct kmemx_depot;

/* Objects that a front may hold, at most. */
#define KMEMX_FRONT_MAX		4096U
/* Fronts of objects hold no more than this part of the region in all; a sheaf is none. */
#define KMEMX_FRONT_SHARE	32
/* One front holds no more than this part of what its CPU may. */
#define KMEMX_FRONT_PART	8
/* Objects that an empty front is filled with, and that a full one is granted at a time. */
#define KMEMX_FRONT_BATCH	8U
#define KMEMX_FRONT_GRANT	16U
/* So that the stack takes no more than a quarter of what small objects take. */
#define KMEMX_FRONT_STRIDE_MIN	64U

/* What is in a front: an object, and its status byte. */
struct kmemx_front_slot {
	void *obj;
	u8 *status;
};

/**
 * struct kmemx_front - the objects of one cache that a CPU has for itself
 * @open: this front; kmemx_front_closed while somebody is at work in it
 * @top: the next to go; @bottom if there is none
 * @limit: frees on the short way add no more when @top is here
 * @bottom: no object, and its status never that of one in a front, so that an empty
 *	    stack needs no test of its own; the first of what the stack is in
 * @known: what lies between @top and here went out of the stack, and is as it was there
 * @nr_ended: of the cache, when @known was set; if it has changed, nothing is known
 * @granted: objects that the stack may hold now
 * @nr_alloc: objects allocated out of it; with @nr_free counted while the front is entered
 * @nr_free: objects freed into it
 * @nr_past_alloc: objects allocated past it; with @nr_past_free counted in one instruction,
 *		   as this_cpu_inc() is, since nobody else keeps interrupts away
 * @nr_past_free: objects freed past it
 * @nr_sheaved: objects put into sheaves here, less those taken from sheaves here
 * @nr_refill: how often it was filled; this and what follows is counted as @nr_past_alloc
 * @nr_flush: how often it was full, and gave some back to their slab, or left them for others
 * @nr_slabs_made: slabs that were made here
 * @nr_slabs_ended: slabs whose frames were given back here
 */
struct kmemx_front {
	struct kmemx_front *open;
	struct kmemx_front_slot *top;
	struct kmemx_front_slot *limit;
	struct kmemx_front_slot *bottom;
	struct kmemx_front_slot *known;
	s64 nr_ended;
	unsigned int granted;
	u64 nr_alloc;
	u64 nr_free;
	u64 nr_past_alloc;
	u64 nr_past_free;
	s64 nr_sheaved;
	u64 nr_refill;
	u64 nr_flush;
	u64 nr_slabs_made;
	u64 nr_slabs_ended;
};

/* Of a cache that is to have no fronts. */
#define KMEMX_FRONT_NONE	(~0U)

/* What all fronts of a CPU may hold, in bytes. */
static inline u64 kmemx_front_room(u64 region_bytes, unsigned int nr_cpus)
{
	return region_bytes / KMEMX_FRONT_SHARE / nr_cpus;
}

/* How many objects of this size a front may hold; 0 is no front at all. */
static inline unsigned int kmemx_front_cap(unsigned int stride, u64 room)
{
	u64 cap = room / KMEMX_FRONT_PART / max(stride, KMEMX_FRONT_STRIDE_MIN);

	return (unsigned int)min_t(u64, cap, KMEMX_FRONT_MAX);
}

/* Bytes of the stack of a front that may hold so many; with the one at its bottom. */
static inline size_t kmemx_front_bytes(unsigned int cap)
{
	return (cap + 1) * sizeof(struct kmemx_front_slot);
}

/* Objects in a front; of another CPU's, a snapshot. */
static inline unsigned int kmemx_front_nr(const struct kmemx_front *front)
{
	return (unsigned int)(READ_ONCE(front->top) - front->bottom);
}

static __always_inline bool kmemx_front_is_empty(const struct kmemx_front *front)
{
	return READ_ONCE(front->top) == front->bottom;
}

/* In place of a front while somebody is at work in it, and never changed. */
extern struct kmemx_front kmemx_front_closed;

/**
 * kmemx_front_enter() - begin to work in this CPU's front
 * @fronts: of a cache; preemption is off
 *
 * An interrupt between the load and the store is harmless: it is over, and has left the
 * front open, before the store.
 *
 * Return: the front; or kmemx_front_closed if this context interrupted one that is at work
 * there. kmemx_front_leave() in either case.
 */
static __always_inline struct kmemx_front *kmemx_front_enter(struct kmemx_front __percpu *fronts)
{
	struct kmemx_front *front = __this_cpu_read(fronts->open);

	kmemx_step();
	__this_cpu_write(fronts->open, &kmemx_front_closed);
	/* What follows must not be moved before the store; same CPU. */
	barrier();
	kmemx_step();
	return front;
}

/**
 * kmemx_front_leave() - end the work in this CPU's front
 * @fronts: of a cache, entered
 * @front: what kmemx_front_enter() returned
 */
static __always_inline void kmemx_front_leave(struct kmemx_front __percpu *fronts,
					      struct kmemx_front *front)
{
	/* What came before must not be moved after the store; same CPU. */
	barrier();
	kmemx_step();
	__this_cpu_write(fronts->open, front);
	kmemx_step();
}

/* Of this CPU: is nobody at work there? */
static inline bool kmemx_front_is_open(const struct kmemx_front *front)
{
	return READ_ONCE(front->open) == front;
}

static inline bool kmemx_front_is_closed(const struct kmemx_front *front)
{
	return front == &kmemx_front_closed;
}

/* The next object of a front, the caller's, which has one that is good, becomes live. */
static __always_inline void *kmemx_front_issue(struct kmemx_front *front)
{
	struct kmemx_front_slot *slot = front->top;

	kmemx_step();
	WRITE_ONCE(*slot->status, KMEMX_OBJECT_LIVE);
	kmemx_step();
	/* Who counts from another CPU sees one or the other. */
	data_race(front->top--);
	kmemx_step();
	/* As before. */
	data_race(front->nr_alloc++);
	return slot->obj;
}

/* Free an object into a front, the caller's, which has room above @top. */
static __always_inline void kmemx_front_add(struct kmemx_front *front,
					    struct kmemx_front_slot *top, const void *obj,
					    u8 *status)
{
	top[1].obj = (void *)obj;
	kmemx_step();
	top[1].status = status;
	kmemx_step();
	/* Who counts from another CPU sees one or the other. */
	data_race(front->top++);
	kmemx_step();
	/* As before. */
	data_race(front->nr_free++);
}

int kmemx_cache_make_fronts(struct kmemx_cache *cache, const struct kmemx_cache_spec *spec);
void kmemx_cache_free_fronts(struct kmemx_cache *cache);

/* Where the short ways in cache.h do not succeed. */
void *kmemx_cache_take(struct kmemx_cache *cache, unsigned long call_site);
enum kmemx_verdict kmemx_cache_put(struct kmemx_depot *depot, u32 id, const void *obj,
				   const struct kmemx_cache *want,
				   struct kmemx_cache **cache);
unsigned int kmemx_cache_pop_bulk(struct kmemx_cache *cache, unsigned int nr, void **objs);

void kmemx_cache_note_call_site(const struct kmemx_cache *cache, const void *obj,
				unsigned long call_site);
void kmemx_cache_drain(struct kmemx_cache *cache);
void kmemx_cache_drain_dead(struct kmemx_cache *cache, unsigned int cpu);

#endif /* KMEMX_SLAB_FRONT_H */
