/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A slab: page frames cut into objects of one size, seen through a descriptor
 * that lives outside the region.
 *
 *   state  free objects that may still be reserved, and whose slab it is
 *   taken  a set bit is an object that has left the slab: it is live, or in a
 *	    per-CPU front
 *   live   a set bit is an object that a user holds
 *
 * Taking works as in a chunk (buddy/chunk.h): reserve in the state word, then
 * find and set a bit of taken. A slab whose free count equals its objects is
 * empty and nobody is in between, so it can be retired in the state word alone.
 *
 * A free of an object happens where its live bit is cleared: one atomic
 * operation, in any context, on any CPU. Who finds it clear has found a double
 * free.
 *
 * Locking: none. Every function may run on any number of CPUs at once, in any
 * context, nested in itself.
 */
#ifndef KMEMX_SLAB_SLAB_H
#define KMEMX_SLAB_SLAB_H

#include <kmemx/platform.h>
#include "slab/layout.h"

/* State word: bits 0-15 free objects, 16-31 number of the cache, 0 for none. */
#define KMEMX_SLAB_FREE_MASK	0xffffULL
#define KMEMX_SLAB_CACHE_SHIFT	16

/**
 * struct kmemx_slab - one slab
 * @base: where the address of the first object is; to be read only once the slab
 *	  is known to be the cache's own, by a reservation, a retirement or a live
 *	  object, for the descriptor may have been part of another slab's maps before
 * @state: free count and cache
 * @taken: objects that have left the slab
 * @live: objects that a user holds
 *
 * A view of a descriptor, made by kmemx_depot_slab() and passed by value.
 */
struct kmemx_slab {
	void **base;
	atomic64_t *state;
	atomic64_t *taken;
	atomic64_t *live;
};

static inline unsigned int kmemx_slab_nr_free(u64 state)
{
	return state & KMEMX_SLAB_FREE_MASK;
}

static inline unsigned int kmemx_slab_cache(u64 state)
{
	return (state >> KMEMX_SLAB_CACHE_SHIFT) & 0xffff;
}

void kmemx_slab_init(struct kmemx_slab slab, const struct kmemx_layout *layout,
		     unsigned int cache);
unsigned int kmemx_slab_take(struct kmemx_slab slab, const struct kmemx_layout *layout,
			     unsigned int cache, void **obj, unsigned int nr);
unsigned int kmemx_slab_give(struct kmemx_slab slab, unsigned int i);
bool kmemx_slab_retire(struct kmemx_slab slab, const struct kmemx_layout *layout,
		       unsigned int cache);
bool kmemx_slab_index(struct kmemx_slab slab, const struct kmemx_layout *layout,
		      const void *obj, unsigned int *i);
bool kmemx_slab_issue(struct kmemx_slab slab, unsigned int i);
bool kmemx_slab_withdraw(struct kmemx_slab slab, unsigned int i);
unsigned int kmemx_slab_nr_live(struct kmemx_slab slab, const struct kmemx_layout *layout);
const char *kmemx_slab_check(struct kmemx_slab slab, const struct kmemx_layout *layout);

static inline bool kmemx_slab_is_live(struct kmemx_slab slab, unsigned int i)
{
	return (u64)atomic64_read(&slab.live[i / 64]) & BIT_ULL(i % 64);
}

static inline void *kmemx_slab_base(struct kmemx_slab slab)
{
	return READ_ONCE(*slab.base);
}

static inline void *kmemx_slab_object(struct kmemx_slab slab,
				      const struct kmemx_layout *layout, unsigned int i)
{
	return (u8 *)kmemx_slab_base(slab) + (size_t)i * layout->stride;
}

#endif /* KMEMX_SLAB_SLAB_H */
