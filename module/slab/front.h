/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A front: a CPU's own stack of objects that have left their slabs and are not
 * live. The short way, inline in cache.h, has no atomic operation.
 *
 * Only its CPU touches a front, as <kmemx/busy.h> has it. An interrupt or NMI that
 * finds it busy leaves the front alone and works on the slabs.
 *
 * All fronts of a CPU share what they may hold, the depot's @room: a front that is
 * full is granted more of it, a little at a time, until the room or the front's own
 * cap is used up. What it was granted goes back when the front is emptied.
 */
#ifndef KMEMX_SLAB_FRONT_H
#define KMEMX_SLAB_FRONT_H

#include <linux/mm.h>
#include <linux/minmax.h>
#include <linux/types.h>
#include <kmemx/busy.h>

#include "slab/slab.h"

/* Objects that a front may hold, at most. */
#define KMEMX_FRONT_MAX		4096U
/* All fronts together hold no more than this part of the region. */
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
 * @busy: see <kmemx/busy.h>
 * @none: the status byte of what is at the bottom
 * @granted: objects that the stack may hold now
 * @top: the next to go; @bottom if there is none
 * @limit: frees on the short way add no more when @top is here
 * @bottom: no object, and its status never that of one in a front, so that an empty
 *	    stack needs no test of its own; the first of what the stack is in
 * @nr_alloc: objects allocated out of it; with @nr_free counted while the front is busy
 * @nr_free: objects freed into it
 * @nr_past_alloc: objects allocated past it; with @nr_past_free counted in one instruction,
 *		   as this_cpu_inc() is, since nobody else keeps interrupts away
 * @nr_past_free: objects freed past it
 * @nr_sheaved: objects put into sheaves here, less those taken from sheaves here
 * @nr_refill: how often it was filled; this and what follows is counted as @nr_past_alloc
 * @nr_slabs_made: slabs that were made here
 * @nr_slabs_ended: slabs whose frames were given back here
 */
struct kmemx_front {
	u8 busy;
	u8 none;
	unsigned int granted;
	struct kmemx_front_slot *top;
	struct kmemx_front_slot *limit;
	struct kmemx_front_slot *bottom;
	u64 nr_alloc;
	u64 nr_free;
	u64 nr_past_alloc;
	u64 nr_past_free;
	s64 nr_sheaved;
	u64 nr_refill;
	u64 nr_slabs_made;
	u64 nr_slabs_ended;
};

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

/* Objects in a front; of another CPU's, a snapshot. */
static inline unsigned int kmemx_front_nr(const struct kmemx_front *front)
{
	return (unsigned int)(READ_ONCE(front->top) - front->bottom);
}

/* Free an object into a front, the caller's, which has room above @top. */
static __always_inline void kmemx_front_add(struct kmemx_front *front,
					    struct kmemx_front_slot *top, const void *obj,
					    u8 *status)
{
	top[1].obj = (void *)obj;
	top[1].status = status;
	/* Who counts from another CPU sees one or the other. */
	data_race(front->top = top + 1);
	/* As before. */
	data_race(front->nr_free++);
}

#endif /* KMEMX_SLAB_FRONT_H */
