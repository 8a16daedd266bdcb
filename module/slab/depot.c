// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors and the table of caches; see depot.h.
 */
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "slab/depot.h"
#include "slab/front.h"

/* The head of a descriptor; the maps follow at KMEMX_DESC_HEADER. */
struct desc_head {
	void *base;
};

static_assert(sizeof(struct desc_head) <= KMEMX_DESC_HEADER);

static struct desc_head *head_of(const struct kmemx_depot *depot, u32 id)
{
	return (struct desc_head *)(depot->desc + (size_t)id * KMEMX_DESC_BYTES);
}

/**
 * kmemx_depot_init() - make a depot without caches
 * @depot: to fill in
 * @ops: where slabs come from
 * @ctx: passed to @ops
 * @nr_ids: ids that @ops gives are below this
 * @track: keep the call site of each live object
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int kmemx_depot_init(struct kmemx_depot *depot, const struct kmemx_page_ops *ops,
		     void *ctx, u32 nr_ids, bool track)
{
	memset(depot, 0, sizeof(*depot));
	mutex_init(&depot->lock);
	depot->ops = ops;
	depot->ctx = ctx;
	depot->nr_ids = nr_ids;
	depot->track = track;
	depot->front_bytes = kmemx_front_budget((u64)nr_ids << PAGE_SHIFT,
						num_possible_cpus());
	depot->desc = vzalloc((size_t)nr_ids * KMEMX_DESC_BYTES);
	depot->state = vzalloc((size_t)nr_ids * sizeof(*depot->state));
	if (depot->desc && depot->state)
		return 0;
	kmemx_depot_fini(depot);
	return -ENOMEM;
}
KMEMX_EXPORT_FOR_TEST(kmemx_depot_init);

/**
 * kmemx_depot_fini() - free a depot's metadata
 * @depot: nobody uses it, or its caches, any more; may be half built
 */
void kmemx_depot_fini(struct kmemx_depot *depot)
{
	vfree(depot->state);
	vfree(depot->desc);
	depot->state = NULL;
	depot->desc = NULL;
}
KMEMX_EXPORT_FOR_TEST(kmemx_depot_fini);

/**
 * kmemx_depot_slab() - the slab that starts at a frame
 * @depot: the depot
 * @id: the frame
 * @layout: the shape of its cache's slabs
 *
 * Return: a view of its descriptor.
 */
struct kmemx_slab kmemx_depot_slab(const struct kmemx_depot *depot, u32 id,
				   const struct kmemx_layout *layout)
{
	struct desc_head *head = head_of(depot, id);
	atomic64_t *map = (void *)((u8 *)head + KMEMX_DESC_HEADER);

	return (struct kmemx_slab){
		.base = &head->base,
		.state = &depot->state[id],
		.taken = map,
		.live = map + layout->nr_words,
	};
}
KMEMX_EXPORT_FOR_TEST(kmemx_depot_slab);

/**
 * kmemx_depot_set_base() - say where a new slab's first object is
 * @depot: the depot
 * @id: first frame of a block that @ops gave
 * @base: its address
 */
void kmemx_depot_set_base(struct kmemx_depot *depot, u32 id, void *base)
{
	WRITE_ONCE(head_of(depot, id)->base, base);
}

/**
 * kmemx_depot_owner() - whose slab starts at this frame?
 * @depot: the depot
 * @id: the frame
 *
 * Context: any, with preemption disabled or depot->lock held as long as the
 * cache is used, unless the caller holds a live object of it.
 * Return: the cache, or NULL if no slab starts there.
 */
struct kmemx_cache *kmemx_depot_owner(const struct kmemx_depot *depot, u32 id)
{
	unsigned int n = kmemx_slab_cache((u64)atomic64_read(&depot->state[id]));

	return n < KMEMX_CACHES_MAX ? READ_ONCE(depot->cache[n]) : NULL;
}
KMEMX_EXPORT_FOR_TEST(kmemx_depot_owner);

/**
 * kmemx_depot_meta_bytes() - memory that descriptors and states take
 * @depot: the depot
 *
 * Return: bytes, all of them outside the region.
 */
size_t kmemx_depot_meta_bytes(const struct kmemx_depot *depot)
{
	return sizeof(*depot) +
		(size_t)depot->nr_ids * (KMEMX_DESC_BYTES + sizeof(*depot->state));
}
