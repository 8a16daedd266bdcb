/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The slabs of a cache that have free objects: where an object comes from that is in no
 * front, and where it goes. Slabs are made here when there is none, and end here.
 *
 * Locking: none. The state word of a slab says what is free in it; whoever changes that
 * brings the cache's summaries, which are hints, in line afterwards; see docs/locking.md.
 */
#ifndef KMEMX_SLAB_PARTIAL_H
#define KMEMX_SLAB_PARTIAL_H

#include "slab/cache.h"

/* What becomes of a slab whose objects are all free. */
enum kmemx_empty_slab {
	KMEMX_SLAB_ENDS,	/* It ends, unless the cache has no other with free objects. */
	KMEMX_SLAB_STAYS	/* Who frees one object does no more: see kmemx_cache_trim(). */
};

int kmemx_cache_take_from_slabs(struct kmemx_cache *cache, struct kmemx_front_slot *slot,
				unsigned int nr);
void kmemx_cache_settle(struct kmemx_cache *cache, u32 id, unsigned int nr_free,
			unsigned int nr, enum kmemx_empty_slab empty);
unsigned long kmemx_cache_end_empty(struct kmemx_cache *cache, bool all);
void kmemx_cache_give_ended(struct kmemx_cache *cache);
unsigned long kmemx_cache_retire(struct kmemx_cache *cache);
unsigned long kmemx_cache_trim(struct kmemx_depot *depot);
unsigned int kmemx_cache_trim_some(struct kmemx_depot *depot);
void kmemx_cache_drop_twice(const struct kmemx_cache *cache, const void *obj);
bool kmemx_partial_check(const struct kmemx_cache *cache, u32 id);

/* Has a slab of the cache a free object? A moment ago, as its summaries say. */
static inline bool kmemx_cache_has_partial(const struct kmemx_cache *cache)
{
	return !kmemx_summary_is_empty(&cache->partial[KMEMX_PARTIAL_FULLER]) ||
		!kmemx_summary_is_empty(&cache->partial[KMEMX_PARTIAL_EMPTIER]);
}

/* Put an object back into its slab. False if it was there already. */
static inline bool kmemx_cache_give_to_slab(struct kmemx_cache *cache, u32 id, u8 *status,
					    enum kmemx_empty_slab empty)
{
	int nr_free = kmemx_slab_give(kmemx_cache_slab_at(cache, id), status);

	if (unlikely(nr_free < 0))
		return false;
	kmemx_cache_settle(cache, id, (unsigned int)nr_free, 1, empty);
	return true;
}

#endif /* KMEMX_SLAB_PARTIAL_H */
