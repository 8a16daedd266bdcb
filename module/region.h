/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A region: page frames, the depot that makes slabs of them, and a cache per
 * size class. This is where the two allocators meet: the slab side sees frames
 * through the page operations that region.c gives it, and the page side knows
 * of slabs no more than a kind in an info byte.
 */
#ifndef KMEMX_REGION_H
#define KMEMX_REGION_H

#include "buddy/pages.h"
#include "slab/cache.h"
#include "slab/classes.h"

/* Other CPUs may get there first so often before a caller gives up. */
#define KMEMX_PAGE_TRIES	4

/**
 * struct kmemx_origin - where a region came from
 * @backend: the rung: cma, contig or pages
 * @how: the kernel interface
 * @nid: the node that it is on
 * @load_ms: how long it took
 */
struct kmemx_origin {
	const char *backend;
	const char *how;
	int nid;
	unsigned int load_ms;
};

/**
 * struct kmemx_region - a region
 * @origin: where it came from
 * @magazine: as for struct kmemx_depot, set before the region is made
 * @pages: its frames
 * @depot: its slabs and caches
 * @span: bytes from @pages.start to the end of the last chunk
 * @chunk_slab: by the number of a chunk behind @pages.start: what @depot has for its frames,
 *		or @no_slab; to be added to the number of a frame behind @pages.start
 * @no_slab: frames of a chunk that is not ours; no slab
 * @classes: the size classes
 * @class: a cache for each
 * @small: that for 8 * (i + 1) bytes, for the short way
 * @site: call site per frame, with track=1
 * @nr_reclaims: how often reclaim of the caches has begun, and ended
 */
struct kmemx_region {
	struct kmemx_origin origin;
	unsigned int magazine;
	struct kmemx_pages pages;
	struct kmemx_depot depot;
	unsigned long span;
	struct kmemx_slab **chunk_slab;
	struct kmemx_slab *no_slab;
	struct kmemx_classes classes;
	struct kmemx_cache *class[KMEMX_CLASSES_MAX];
	struct kmemx_cache *small[KMEMX_CLASS_TABLE_MAX / 8];
	unsigned long *site;
	unsigned int nr_reclaims;
};

int kmemx_region_init(struct kmemx_region *region, unsigned int nr_extents,
		      const struct kmemx_extent *extent, const struct kmemx_classes *classes,
		      bool track);
void kmemx_region_fini(struct kmemx_region *region);
void kmemx_region_reclaim(struct kmemx_region *region);
unsigned int kmemx_region_reclaim_some(struct kmemx_region *region);
void kmemx_region_empty(struct kmemx_region *region);
size_t kmemx_region_meta_bytes(const struct kmemx_region *region);

/*
 * Of many that reclaim at a time one is enough, if all of it comes after they have come.
 * @nr_reclaims is odd while one is at it; this is what it is when the next whole one has ended.
 */
static inline unsigned int kmemx_region_reclaim_wanted(unsigned int nr_reclaims)
{
	return (nr_reclaims + 3) & ~1U;
}

static inline bool kmemx_region_reclaim_is_done(unsigned int nr_reclaims, unsigned int wanted)
{
	return (int)(nr_reclaims - wanted) >= 0;
}

/* The first frame of the slab that @frame, whose info byte is @info, is in. */
static inline u32 kmemx_region_slab_id(u32 frame, u8 info)
{
	return round_down(frame, 1U << kmemx_info_order(info));
}

/* The cache for 1 to KMEMX_CLASS_TABLE_MAX bytes. */
static __always_inline struct kmemx_cache *kmemx_region_small(const struct kmemx_region *region,
							       size_t size)
{
	/* An addition, not a subscript, which some kernels have checked again. */
	return *(region->small + (size - 1) / 8);
}

/**
 * kmemx_region_slab_at() - what is known of the slab at an address
 * @region: the region
 * @addr: any value at all; it is not dereferenced
 *
 * Return: what the depot has for its frame; without a cache if no slab is there.
 */
static __always_inline struct kmemx_slab *
kmemx_region_slab_at(const struct kmemx_region *region, const void *addr)
{
	unsigned long offset = kmemx_pages_offset(&region->pages, addr), frame;

	/* Once, so that it is not read before it is known to be wanted. */
	if (unlikely(offset >= region->span))
		return READ_ONCE(region->no_slab);
	frame = offset / PAGE_SIZE;
	return region->chunk_slab[offset / (PAGE_SIZE * KMEMX_CHUNK_FRAMES)] + frame;
}

#endif /* KMEMX_REGION_H */
