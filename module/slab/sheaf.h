/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A sheaf: objects set aside for who must not fail, or wait, later. They are out, as in
 * a front, until they are issued, so that a free of one before that is a double free.
 *
 * Locking: none; a sheaf is its user's, who lets one context at a time have it.
 */
#ifndef KMEMX_SLAB_SHEAF_H
#define KMEMX_SLAB_SHEAF_H

#include <linux/slab.h>

#include "slab/cache.h"

/**
 * struct kmemx_sheaf - objects of a cache
 * @cache: the cache
 * @nr: how many there are
 * @cap: how many there is room for
 * @slot: the objects
 */
struct kmemx_sheaf {
	struct kmemx_cache *cache;
	unsigned int nr;
	unsigned int cap;
	struct kmemx_front_slot slot[];
};

/* A sheaf is one piece of the kernel's memory, so that it can be freed wherever an object can. */
#define KMEMX_SHEAF_MAX	((unsigned int)((KMALLOC_MAX_SIZE - sizeof(struct kmemx_sheaf)) /	\
					sizeof(struct kmemx_front_slot)))

struct kmemx_sheaf *kmemx_sheaf_new(struct kmemx_cache *cache, unsigned int cap, gfp_t gfp);
int kmemx_sheaf_fill(struct kmemx_sheaf *sheaf, unsigned int nr);
void *kmemx_sheaf_pop(struct kmemx_sheaf *sheaf, unsigned long call_site);
void kmemx_sheaf_free(struct kmemx_sheaf *sheaf);

#endif /* KMEMX_SLAB_SHEAF_H */
