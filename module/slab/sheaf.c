// SPDX-License-Identifier: GPL-2.0
/*
 * Objects set aside; see sheaf.h.
 */
#include <linux/overflow.h>
#include <linux/slab.h>

#include "slab/sheaf.h"

/**
 * kmemx_sheaf_new() - make a sheaf without objects
 * @cache: the cache
 * @cap: how many objects there is to be room for, at least 1
 * @gfp: flags for the sheaf itself, which is the kernel's memory
 *
 * Context: what @gfp allows.
 * Return: the sheaf, or NULL.
 */
struct kmemx_sheaf *kmemx_sheaf_new(struct kmemx_cache *cache, unsigned int cap, gfp_t gfp)
{
	struct kmemx_sheaf *sheaf = kmalloc(struct_size(sheaf, slot, cap), gfp & ~__GFP_ZERO);

	if (!sheaf)
		return NULL;
	sheaf->cache = cache;
	sheaf->nr = 0;
	sheaf->cap = cap;
	return sheaf;
}
KMEMX_EXPORT_FOR_TEST(kmemx_sheaf_new);

/**
 * kmemx_sheaf_fill() - let a sheaf have as many objects
 * @sheaf: the sheaf
 * @nr: how many, at most its capacity; if it has more, nothing happens
 *
 * Context: any.
 * Return: false if there are not enough; the sheaf is as it was then.
 */
bool kmemx_sheaf_fill(struct kmemx_sheaf *sheaf, unsigned int nr)
{
	if (sheaf->nr >= nr)
		return true;
	if (!kmemx_cache_take_out(sheaf->cache, nr - sheaf->nr, sheaf->slot + sheaf->nr))
		return false;
	sheaf->nr = nr;
	return true;
}
KMEMX_EXPORT_FOR_TEST(kmemx_sheaf_fill);

/**
 * kmemx_sheaf_pop() - allocate an object out of a sheaf
 * @sheaf: the sheaf
 * @call_site: who asks
 *
 * Context: any.
 * Return: the object, live, or NULL if the sheaf is empty.
 */
void *kmemx_sheaf_pop(struct kmemx_sheaf *sheaf, unsigned long call_site)
{
	struct kmemx_front_slot *slot;

	if (!sheaf->nr)
		return NULL;
	slot = &sheaf->slot[--sheaf->nr];
	kmemx_cache_issue(sheaf->cache, slot, call_site);
	return slot->obj;
}
KMEMX_EXPORT_FOR_TEST(kmemx_sheaf_pop);

/**
 * kmemx_sheaf_free() - give back a sheaf and what is in it
 * @sheaf: the sheaf
 *
 * Context: any but NMI.
 */
void kmemx_sheaf_free(struct kmemx_sheaf *sheaf)
{
	kmemx_cache_give_back(sheaf->cache, sheaf->nr, sheaf->slot);
	kfree(sheaf);
}
KMEMX_EXPORT_FOR_TEST(kmemx_sheaf_free);
