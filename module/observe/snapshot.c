// SPDX-License-Identifier: GPL-2.0
/*
 * Counting the bytes of a region; see snapshot.h.
 */
#include <linux/cpumask.h>

#include "buddy/pages_front.h"
#include "buddy/zone_census.h"
#include "observe/snapshot.h"
#include "slab/usage.h"

/*
 * Other CPUs may be in between; look again a few times before saying so, unless that takes long:
 * whoever makes a cache or reclaims waits meanwhile.
 */
#define TRIES		8
#define LOOKS_MAX	BIT_ULL(26)

static void add_cache(const struct kmemx_cache *cache, struct kmemx_snapshot *snap)
{
	const struct kmemx_layout *layout = &cache->layout;

	snap->front += (u64)cache->usage.nr_front * layout->stride;
	snap->slab_free += (u64)cache->usage.nr_free * layout->stride;
	snap->overhead += (u64)atomic64_read(&cache->nr_slabs) *
		kmemx_layout_waste(layout, PAGE_SIZE);
	snap->outside += kmemx_cache_meta_bytes(cache);
}

/* What a cache's objects come to in a counter. */
static s64 counted(const struct kmemx_cache *cache, enum kmemx_stat_item item)
{
	struct kmemx_cache_counts counts;

	kmemx_cache_counts(cache, &counts);
	switch (item) {
	case KMEMX_STAT_ALLOC:
		return (s64)counts.nr_alloc;
	case KMEMX_STAT_FREE:
		return (s64)counts.nr_free;
	case KMEMX_STAT_USED_BYTES:
		return (s64)(counts.nr_alloc - counts.nr_free) * cache->layout.stride;
	default:
		return 0;
	}
}

/* What the fronts of page blocks come to in one. */
static s64 counted_pages(const struct kmemx_pages *pages, enum kmemx_stat_item item)
{
	struct kmemx_pages_counts counts;

	kmemx_pages_counts(pages, &counts);
	switch (item) {
	case KMEMX_STAT_PAGE_ALLOC:
		return (s64)counts.nr_alloc;
	case KMEMX_STAT_PAGE_FREE:
		return (s64)counts.nr_free;
	case KMEMX_STAT_USED_BYTES:
		return counts.nr_used * (s64)PAGE_SIZE;
	default:
		return 0;
	}
}

/* With the depot's lock held. */
static s64 read_stat(const struct kmemx_region *region, enum kmemx_stat_item item)
{
	s64 sum = kmemx_stat_read(item) + counted_pages(&region->pages, item);
	struct kmemx_cache *cache;
	unsigned int i = 0;

	while ((cache = kmemx_depot_next(&region->depot, &i)))
		sum += counted(cache, item);
	return sum;
}

/**
 * kmemx_snapshot_stat() - the sum of a counter
 * @region: the region
 * @item: which
 *
 * Objects are counted with their caches, blocks of pages on the short way with their fronts, all
 * else in kmemx_stat.
 *
 * Context: may sleep.
 * Return: the sum.
 */
s64 kmemx_snapshot_stat(struct kmemx_region *region, enum kmemx_stat_item item)
{
	s64 sum;

	mutex_lock(&region->depot.lock);
	sum = read_stat(region, item);
	mutex_unlock(&region->depot.lock);
	return sum;
}
KMEMX_EXPORT_FOR_TEST(kmemx_snapshot_stat);

/* With the depot's lock held. */
static void count(struct kmemx_region *region, struct kmemx_snapshot *snap)
{
	struct kmemx_pages *pages = &region->pages;
	struct kmemx_cache *cache;
	unsigned int i = 0;

	memset(snap, 0, sizeof(*snap));
	snap->region = (u64)pages->nr_frames << PAGE_SHIFT;
	snap->free = (u64)(kmemx_pages_nr_free(pages) + kmemx_pages_nr_away(pages)) << PAGE_SHIFT;
	snap->page_front = (u64)kmemx_pages_nr_front(pages) << PAGE_SHIFT;
	snap->front = snap->page_front;
	snap->zeroed = kmemx_pages_free_is_zero() ? snap->free + snap->page_front :
		(u64)kmemx_zone_nr_zero(&pages->zone) << PAGE_SHIFT;
	/* Counted CPU by CPU: what one has allocated and another freed may be seen freed only. */
	snap->used = (u64)max(read_stat(region, KMEMX_STAT_USED_BYTES), 0LL);
	snap->quarantined = (u64)atomic64_read(&pages->nr_quarantined) << PAGE_SHIFT;
	snap->outside = kmemx_region_meta_bytes(region);
	kmemx_depot_usage(&region->depot);
	while ((cache = kmemx_depot_next(&region->depot, &i)))
		add_cache(cache, snap);
	snap->unsettled = (s64)(snap->region - snap->free - snap->front -
				snap->slab_free - snap->used - snap->overhead -
				snap->quarantined);
}

/**
 * kmemx_snapshot_take() - count the bytes of a region
 * @region: the region; of another than that of the exported functions, which count what is used,
 *	    @snap->used and with it @snap->unsettled mean nothing
 * @snap: set to the counts
 *
 * Context: may sleep.
 */
void kmemx_snapshot_take(struct kmemx_region *region, struct kmemx_snapshot *snap)
{
	unsigned int tries;
	u64 looks = 0;

	mutex_lock(&region->depot.lock);
	for (tries = 0; tries < TRIES && looks < LOOKS_MAX; tries++) {
		looks += region->depot.nr_ids;
		count(region, snap);
		if (!snap->unsettled)
			break;
	}
	mutex_unlock(&region->depot.lock);
}
KMEMX_EXPORT_FOR_TEST(kmemx_snapshot_take);
