// SPDX-License-Identifier: GPL-2.0
/*
 * Counting the bytes of a region; see snapshot.h.
 */
#include <linux/cpumask.h>

#include "observe/snapshot.h"
#include "observe/stat.h"

/* Other CPUs may be in between; look again a few times before saying so. */
#define TRIES	8

static void add_cache(const struct kmemx_cache *cache, struct kmemx_snapshot *snap)
{
	const struct kmemx_layout *layout = &cache->layout;
	struct kmemx_cache_usage usage;

	kmemx_cache_usage(cache, &usage);
	snap->front += (u64)usage.nr_front * layout->stride;
	snap->slab_free += (u64)usage.nr_free * layout->stride;
	snap->overhead += (u64)atomic64_read(&cache->nr_slabs) *
		kmemx_layout_waste(layout, PAGE_SIZE);
	snap->outside += sizeof(*cache) + kmemx_summary_bytes(cache->depot->nr_ids) +
		num_possible_cpus() * sizeof(struct kmemx_front);
}

static void count(struct kmemx_region *region, struct kmemx_snapshot *snap)
{
	struct kmemx_pages *pages = &region->pages;
	struct kmemx_cache *cache;
	unsigned int i = 0;

	memset(snap, 0, sizeof(*snap));
	snap->region = (u64)pages->nr_frames << PAGE_SHIFT;
	snap->free = (u64)kmemx_pages_nr_free(pages) << PAGE_SHIFT;
	snap->page_front = (u64)kmemx_pages_nr_front(pages) << PAGE_SHIFT;
	snap->front = snap->page_front;
	snap->used = (u64)kmemx_stat_read(KMEMX_STAT_USED_BYTES);
	snap->quarantined = (u64)atomic64_read(&pages->nr_quarantined) << PAGE_SHIFT;
	snap->outside = kmemx_pages_meta_bytes(pages) +
		kmemx_depot_meta_bytes(&region->depot);
	if (region->site)
		snap->outside += kmemx_pages_end(pages) * sizeof(*region->site);
	while ((cache = kmemx_depot_next(&region->depot, &i)))
		add_cache(cache, snap);
	snap->unsettled = (s64)(snap->region - snap->free - snap->front -
				snap->slab_free - snap->used - snap->overhead -
				snap->quarantined);
}

/**
 * kmemx_snapshot_take() - count the bytes of a region
 * @region: the region
 * @snap: set to the counts
 *
 * Context: may sleep.
 */
void kmemx_snapshot_take(struct kmemx_region *region, struct kmemx_snapshot *snap)
{
	unsigned int tries;

	mutex_lock(&region->depot.lock);
	for (tries = 0; tries < TRIES; tries++) {
		count(region, snap);
		if (!snap->unsettled)
			break;
	}
	mutex_unlock(&region->depot.lock);
}
KMEMX_EXPORT_FOR_TEST(kmemx_snapshot_take);
