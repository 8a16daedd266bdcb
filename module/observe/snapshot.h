/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A snapshot: where every byte of a region is, counted where each of them is, and the sum of
 * what counters say.
 */
#ifndef KMEMX_OBSERVE_SNAPSHOT_H
#define KMEMX_OBSERVE_SNAPSHOT_H

#include "observe/stat.h"
#include "region.h"

/**
 * struct kmemx_snapshot - where every byte of a region is
 * @region: bytes in all
 * @free: in the chunks' free counts
 * @front: in objects and page blocks in per-CPU fronts, and in objects in sheaves
 * @page_front: of these, in page blocks
 * @slab_free: in free objects, by the slabs' free counts
 * @used: held by users, by what allocations and frees have counted
 * @overhead: of slabs, in no object
 * @quarantined: in frames set aside because somebody holds them
 * @unsettled: what is left; 0 at rest, and more or less than that while other
 *	       CPUs are moving bytes from one of the above to another
 * @outside: metadata outside the region
 * @zeroed: of @free and @page_front, known to be zero
 *
 * Each is counted at its own place and none as the difference of others, but
 * for @unsettled.
 */
struct kmemx_snapshot {
	u64 region;
	u64 free;
	u64 front;
	u64 page_front;
	u64 slab_free;
	u64 used;
	u64 overhead;
	u64 quarantined;
	s64 unsettled;
	u64 outside;
	u64 zeroed;
};

void kmemx_snapshot_take(struct kmemx_region *region, struct kmemx_snapshot *snap);
s64 kmemx_snapshot_stat(struct kmemx_region *region, enum kmemx_stat_item item);

#endif /* KMEMX_OBSERVE_SNAPSHOT_H */
