// SPDX-License-Identifier: GPL-2.0
/*
 * What is set aside for slabs, and the table of caches; see depot.h.
 */
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "slab/depot.h"
#include "slab/exchange.h"

/*
 * Who looks up an address while slabs come and go may see where one begins and the status bytes of
 * another: it looks no further behind these than the largest slab has objects, and believes none
 * of it.
 */
#define SPARE_BYTES	((PAGE_SIZE << KMEMX_SLAB_MAX_ORDER) / KMEMX_OBJECT_MIN)

static size_t status_bytes(u32 nr_ids)
{
	return (size_t)nr_ids * KMEMX_STATUS_BYTES + SPARE_BYTES;
}

static int make_room(struct kmemx_depot *depot)
{
	u64 room = kmemx_front_room((u64)depot->nr_ids << PAGE_SHIFT, num_possible_cpus());
	u64 exchange = room / KMEMX_EXCHANGE_PART;
	unsigned int cpu;

	depot->room = alloc_percpu(s64);
	if (!depot->room)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		s64 *left = per_cpu_ptr(depot->room, cpu);

		*left = (s64)(room - exchange);
		depot->exchange_all += (s64)exchange;
	}
	atomic64_set(&depot->exchange_room, depot->exchange_all);
	return 0;
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
	depot->slab = vzalloc((size_t)nr_ids * sizeof(*depot->slab));
	depot->status = vzalloc(status_bytes(nr_ids));
	depot->empty_mem = vzalloc(kmemx_summary_bytes(nr_ids));
	if (depot->slab && depot->status && depot->empty_mem && !make_room(depot)) {
		kmemx_summary_init(&depot->empty, depot->empty_mem, nr_ids);
		return 0;
	}
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
	free_percpu(depot->room);
	vfree(depot->empty_mem);
	vfree(depot->status);
	vfree(depot->slab);
	depot->room = NULL;
	depot->empty_mem = NULL;
	depot->status = NULL;
	depot->slab = NULL;
}
KMEMX_EXPORT_FOR_TEST(kmemx_depot_fini);

/* The status bytes, where there are too many, in the place of the first objects. */
static noinline u8 *place_inside(void *base, const struct kmemx_layout *layout)
{
	memset(base, 0, (size_t)layout->skip * layout->stride);
	memset(base, KMEMX_OBJECT_NONE, layout->skip);
	return base;
}

/**
 * kmemx_depot_open() - let the frames of a new slab know what they are
 * @depot: the depot
 * @id: first frame of a block that @ops gave
 * @base: its address
 * @layout: the shape of the slab
 * @cache: whose it is
 *
 * All but the state of the slab, which comes last (kmemx_slab_init()).
 */
void kmemx_depot_open(struct kmemx_depot *depot, u32 id, void *base,
		      const struct kmemx_layout *layout, struct kmemx_cache *cache)
{
	struct kmemx_slab *slab = &depot->slab[id], *end = slab + (1U << layout->order);
	u8 *status = depot->status + (size_t)id * KMEMX_STATUS_BYTES;

	if (unlikely(layout->skip))
		status = place_inside(base, layout);
	for (; slab < end; slab++) {
		WRITE_ONCE(slab->base, base);
		kmemx_step();
		WRITE_ONCE(slab->status, status);
		kmemx_step();
		/*
		 * Who sees the cache sees the other two, or those of a later slab; which matters if
		 * there was none before. Pairs with kmemx_depot_owner() and kmemx_cache_push_to().
		 */
		smp_store_release(&slab->cache, cache);
	}
}

/**
 * kmemx_depot_close() - let the frames of a slab that has ended know nothing
 * @depot: the depot
 * @id: its first frame
 * @layout: its shape
 */
void kmemx_depot_close(struct kmemx_depot *depot, u32 id, const struct kmemx_layout *layout)
{
	struct kmemx_slab *slab = &depot->slab[id], *end = slab + (1U << layout->order);

	for (; slab < end; slab++)
		WRITE_ONCE(slab->cache, NULL);
}

/**
 * kmemx_depot_meta_bytes() - memory that descriptors and states take
 * @depot: the depot
 *
 * Return: bytes, all of them outside the region.
 */
size_t kmemx_depot_meta_bytes(const struct kmemx_depot *depot)
{
	return sizeof(*depot) +
		(size_t)depot->nr_ids * sizeof(*depot->slab) + status_bytes(depot->nr_ids) +
		kmemx_summary_bytes(depot->nr_ids) +
		num_possible_cpus() * sizeof(*depot->room);
}
KMEMX_EXPORT_FOR_TEST(kmemx_depot_meta_bytes);
