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
 * @nid: the node of its first frame
 * @load_ms: how long it took
 */
struct kmemx_origin {
	const char *backend;
	const char *how;
	int nid;
	unsigned int load_ms;
};

struct kmemx_region {
	struct kmemx_origin origin;
	struct kmemx_pages pages;
	struct kmemx_depot depot;
	struct kmemx_classes classes;
	struct kmemx_cache *class[KMEMX_CLASSES_MAX];
	unsigned long *site;		/* Call site per frame id, with track=1. */
};

int kmemx_region_init(struct kmemx_region *region, unsigned int nr_extents,
		      const struct kmemx_extent *extent, bool track);
void kmemx_region_fini(struct kmemx_region *region);
unsigned long kmemx_region_reclaim(struct kmemx_region *region);
void kmemx_region_empty(struct kmemx_region *region);

/* The first frame of the slab that @frame, whose info byte is @info, is in. */
static inline u32 kmemx_region_slab_id(u32 frame, u8 info)
{
	return round_down(frame, 1U << kmemx_info_order(info));
}

#endif /* KMEMX_REGION_H */
