/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A slab: page frames cut into objects of one size. What is known of it lies outside
 * of the objects: a struct kmemx_slab for each of its frames, so that it is found from
 * any address in it, and a status byte per object.
 *
 *   state   free objects that may still be reserved, and whose slab it is
 *   status  KMEMX_OBJECT_FREE, in the slab; _OUT, taken, in a front or on its way; _LIVE, a
 *	     user holds it
 *
 * Taking works as in a chunk (buddy/chunk.h): reserve in the state word, then find
 * objects that are free. A slab whose free count equals its objects is empty and nobody
 * is in between, so it can be retired in the state word alone. All its status bytes are
 * 0 then, and so the next slab there has nothing to clear.
 *
 * A byte, not a bit: it is written with a plain store by who may write it. Free to out
 * is a cmpxchg, of which one of several succeeds; from there on the object is its
 * taker's, until it is live; and who frees it is its user, who has to be the only one.
 * If two do so all the same, and in the same moment, see kmemx_cache_pop(); then the count may
 * say one more than there is, which is found when it says more than all, or all.
 *
 * Small objects are so many that their status bytes do not fit into what is set aside for
 * them; these lie in the slab, where its first objects would be. What is in the place of
 * such an object is KMEMX_OBJECT_NONE.
 *
 * Locking: none. Every function may run on any number of CPUs at once, in any
 * context, nested in itself.
 */
#ifndef KMEMX_SLAB_SLAB_H
#define KMEMX_SLAB_SLAB_H

#include <kmemx/platform.h>
#include "buddy/summary.h"
#include "slab/layout.h"

struct kmemx_cache;

/* State word: bits 0-15 free objects, 16-31 number of the cache, 0 for none. */
#define KMEMX_SLAB_FREE_MASK	0xffffULL
#define KMEMX_SLAB_CACHE_SHIFT	16

/* Of an object. */
#define KMEMX_OBJECT_FREE	0
#define KMEMX_OBJECT_OUT	1
#define KMEMX_OBJECT_LIVE	2
#define KMEMX_OBJECT_NONE	3

/**
 * struct kmemx_slab - a slab, as one of its frames has it
 * @state: free count and cache; of the first frame only
 * @base: its address, where object 0 is, or would be
 * @status: the status byte of object 0; the others follow
 * @cache: whose it is; NULL if the frame is not part of a slab
 *
 * @base and @status are a slab's for as long as it is known to be its cache's: by a
 * reservation, by a retirement, by an object that is out or live.
 */
struct kmemx_slab {
	atomic64_t state;
	void *base;
	u8 *status;
	struct kmemx_cache *cache;
};

static inline unsigned int kmemx_slab_nr_free(u64 state)
{
	return state & KMEMX_SLAB_FREE_MASK;
}

static inline unsigned int kmemx_slab_cache(u64 state)
{
	return (state >> KMEMX_SLAB_CACHE_SHIFT) & 0xffff;
}

void kmemx_slab_init(struct kmemx_slab *slab, const struct kmemx_layout *layout,
		     unsigned int number, unsigned int nr_out);
unsigned int kmemx_slab_take(struct kmemx_slab *slab, const struct kmemx_layout *layout,
			     unsigned int number, unsigned int *taken, unsigned int nr);
int kmemx_slab_give(struct kmemx_slab *slab, u8 *status);
int kmemx_slab_give_word(struct kmemx_slab *slab, u64 *bytes, u64 which);
bool kmemx_slab_is_empty(const struct kmemx_slab *slab, const struct kmemx_layout *layout,
			 unsigned int number);
void kmemx_slab_note_empty(struct kmemx_summary *empty, u32 id);
int kmemx_slab_retire(struct kmemx_slab *slab, const struct kmemx_layout *layout,
		      unsigned int number);
bool kmemx_slab_mend(struct kmemx_slab *slab, const struct kmemx_layout *layout,
		     unsigned int number);
bool kmemx_slab_withdraw(u8 *status);
unsigned int kmemx_slab_nr_live(const struct kmemx_slab *slab,
				const struct kmemx_layout *layout);
const char *kmemx_slab_check(const struct kmemx_slab *slab, const struct kmemx_layout *layout);

static inline void *kmemx_slab_object(const struct kmemx_slab *slab,
				      const struct kmemx_layout *layout, unsigned int i)
{
	return (u8 *)READ_ONCE(slab->base) + (size_t)i * layout->stride;
}

/**
 * kmemx_slab_find() - the status byte of the object at an address
 * @slab: the slab
 * @layout: its shape
 * @obj: an address in the slab
 * @status: set to the byte
 *
 * There may be one that would begin behind the last; its byte is never that of an object
 * that is live or out.
 *
 * Return: false if no object starts at @obj.
 */
static __always_inline bool kmemx_slab_find(const struct kmemx_slab *slab,
					    const struct kmemx_layout *layout, const void *obj,
					    u8 **status)
{
	/* Plain, so that both may be operands; who may not trust them looks at @cache later. */
	u32 offset = (u32)((const u8 *)obj - (const u8 *)data_race(slab->base));
	bool is_start;
	u64 i;

	is_start = kmemx_layout_find(layout, offset, &i);
	/* As before. */
	*status = data_race(slab->status) + i;
	return likely(is_start);
}

#endif /* KMEMX_SLAB_SLAB_H */
