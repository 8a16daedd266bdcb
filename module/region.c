// SPDX-License-Identifier: GPL-2.0
/*
 * Putting frames, depot and size classes together; see region.h.
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "buddy/pages_front.h"
#include "buddy/pages_quarantine.h"
#include "observe/report.h"
#include "region.h"
#include "slab/partial.h"

static void *slab_frames_alloc(void *ctx, unsigned int order, u32 *id)
{
	struct kmemx_region *region = ctx;
	unsigned int tries = 0;
	long frame;

	do {
		frame = kmemx_pages_take_slab(&region->pages, order);
	} while (unlikely(frame == -EAGAIN) && ++tries < KMEMX_PAGE_TRIES);
	if (frame < 0)
		return ERR_PTR(frame);
	*id = (u32)frame;
	return kmemx_pages_address(&region->pages, *id);
}

/* An id is the number of a frame. */
static void slab_frames_free(void *ctx, u32 id, void *addr, unsigned int order)
{
	struct kmemx_region *region = ctx;
	struct kmemx_freed freed;

	if (likely(kmemx_pages_put_slab(&region->pages, id, order)))
		return;
	if (WARN_ON_ONCE(kmemx_pages_free(&region->pages, id, KMEMX_KIND_SLAB,
					  1UL << order, &freed)))
		return;
	if (unlikely(freed.nr_held))
		kmemx_report_held(addr, freed.nr_held, _RET_IP_);
}

/* @addr is that of an object that has left its slab, so the slab stays. */
static u32 slab_frames_id(void *ctx, const void *addr)
{
	struct kmemx_region *region = ctx;
	u32 frame;

	if (WARN_ON_ONCE(!kmemx_pages_find(&region->pages, addr, &frame)))
		return 0;
	return kmemx_region_slab_id(frame, kmemx_pages_info(&region->pages, frame));
}

static const struct kmemx_page_ops slab_frames = {
	.alloc = slab_frames_alloc,
	.free = slab_frames_free,
	.id_of = slab_frames_id,
};

static unsigned long nr_span_chunks(const struct kmemx_region *region)
{
	return region->pages.span / KMEMX_CHUNK_FRAMES;
}

/* By chunk, what the depot has for its frames. */
static int make_table(struct kmemx_region *region)
{
	const struct kmemx_pages *pages = &region->pages;
	unsigned long nr = nr_span_chunks(region), i;

	region->no_slab = kvcalloc(KMEMX_CHUNK_FRAMES, sizeof(*region->no_slab), GFP_KERNEL);
	region->chunk_slab = kvcalloc(nr, sizeof(*region->chunk_slab), GFP_KERNEL);
	if (!region->no_slab || !region->chunk_slab)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		const u8 *info = pages->chunk_info[i];

		region->chunk_slab[i] = info == pages->nobody ? region->no_slab :
			region->depot.slab + kmemx_pages_number(pages, info);
		/* Who looks up a frame need not subtract those in front of its chunk. */
		region->chunk_slab[i] -= i * KMEMX_CHUNK_FRAMES;
	}
	region->span = pages->span * PAGE_SIZE;
	return 0;
}

static int make_class(struct kmemx_region *region, unsigned int i)
{
	struct kmemx_cache_spec spec = {
		.size = region->classes.size[i],
		.align = min_t(u32, kmemx_classes_align(region->classes.size[i]), PAGE_SIZE),
		.usersize = region->classes.size[i],
	};
	char name[KMEMX_CACHE_NAME];
	struct kmemx_cache *cache;

	snprintf(name, sizeof(name), "kmemx-%u", spec.size);
	spec.name = name;
	cache = kmemx_cache_new(&region->depot, &spec);
	if (IS_ERR(cache))
		return PTR_ERR(cache);
	region->class[i] = cache;
	return 0;
}

static int make_classes(struct kmemx_region *region, const struct kmemx_classes *classes)
{
	unsigned int i;
	int ret = 0;

	region->classes = *classes;
	for (i = 0; !ret && i < region->classes.nr; i++)
		ret = make_class(region, i);
	for (i = 0; !ret && i < ARRAY_SIZE(region->small); i++)
		region->small[i] = region->class[kmemx_classes_find(&region->classes, 8 * (i + 1))];
	return ret;
}

/**
 * kmemx_region_init() - make a region of some extents
 * @region: to fill in, but for @origin and @magazine
 * @nr_extents: number of extents
 * @extent: the extents, as for kmemx_pages_init()
 * @classes: the size classes, copied
 * @track: keep the call site of each live allocation
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM, or -EINVAL for extents that share a chunk.
 */
int kmemx_region_init(struct kmemx_region *region, unsigned int nr_extents,
		      const struct kmemx_extent *extent, const struct kmemx_classes *classes,
		      bool track)
{
	int ret;

	ret = kmemx_pages_init(&region->pages, nr_extents, extent);
	if (ret)
		return ret;
	ret = kmemx_depot_init(&region->depot, &slab_frames, region,
			       kmemx_pages_end(&region->pages), track);
	region->depot.magazine = region->magazine;
	if (!ret)
		ret = make_table(region);
	if (!ret && track) {
		/* The short way does not stop to note who asked. */
		kmemx_pages_no_fronts(&region->pages);
		region->site = vzalloc(kmemx_pages_end(&region->pages) * sizeof(*region->site));
		ret = region->site ? 0 : -ENOMEM;
	}
	if (!ret)
		ret = make_classes(region, classes);
	if (ret)
		kmemx_region_fini(region);
	return ret;
}
KMEMX_EXPORT_FOR_TEST(kmemx_region_init);

/**
 * kmemx_region_empty() - destroy every cache that has no live objects
 * @region: the region; nobody allocates any more
 *
 * What is live afterwards stays as it is: its slabs, and pages that users hold.
 *
 * Context: may sleep.
 */
void kmemx_region_empty(struct kmemx_region *region)
{
	DECLARE_BITMAP(is_closed, KMEMX_CACHES_MAX) = { 0 };
	unsigned int i;

	for (i = 1; i < KMEMX_CACHES_MAX; i++)
		if (region->depot.cache[i] && !kmemx_cache_close(region->depot.cache[i]))
			__set_bit(i, is_closed);
	/* One grace period for all of them: each takes about as long as all else here. */
	synchronize_rcu();
	for_each_set_bit(i, is_closed, KMEMX_CACHES_MAX)
		kmemx_cache_forget(region->depot.cache[i]);
	kmemx_pages_drain(&region->pages);
	kmemx_pages_sweep(&region->pages);
}
KMEMX_EXPORT_FOR_TEST(kmemx_region_empty);

/**
 * kmemx_region_fini() - free a region's metadata
 * @region: nobody uses it any more; may be half built. Frames that are live are
 *	    forgotten, not touched.
 *
 * Context: may sleep.
 */
void kmemx_region_fini(struct kmemx_region *region)
{
	unsigned int i;

	/* With its grace period, also for caches whose objects are forgotten. */
	kmemx_region_empty(region);
	for (i = 1; i < KMEMX_CACHES_MAX; i++)
		if (region->depot.cache[i])
			kmemx_cache_forget(region->depot.cache[i]);
	vfree(region->site);
	kvfree(region->chunk_slab);
	kvfree(region->no_slab);
	region->site = NULL;
	region->chunk_slab = NULL;
	region->no_slab = NULL;
	kmemx_depot_fini(&region->depot);
	kmemx_pages_fini(&region->pages);
}
KMEMX_EXPORT_FOR_TEST(kmemx_region_fini);

/*
 * Reclaim the caches, unless somebody else has done so from start to end since the caller came:
 * of many that fail together one is enough. What is counted is odd while one is at it.
 */
static void reclaim_caches(struct kmemx_region *region)
{
	unsigned int wanted;

	/*
	 * Between what is in this CPU's front and the look at the number. Pairs with that below:
	 * one that began and is not seen here has seen the front.
	 */
	smp_mb();
	wanted = kmemx_region_reclaim_wanted(READ_ONCE(region->nr_reclaims));
	mutex_lock(&region->depot.lock);
	if (!kmemx_region_reclaim_is_done(region->nr_reclaims, wanted)) {
		WRITE_ONCE(region->nr_reclaims, region->nr_reclaims + 1);
		/* As above, between the number and the looks at fronts. */
		smp_mb();
		kmemx_cache_reclaim(&region->depot);
		WRITE_ONCE(region->nr_reclaims, region->nr_reclaims + 1);
	}
	mutex_unlock(&region->depot.lock);
}

/**
 * kmemx_region_reclaim() - make free frames of what nobody uses
 * @region: the region
 *
 * Empties fronts, gives empty slabs back, takes frames out of quarantine that are no
 * longer held, and at last the chunk back that is just being zeroed ahead of need.
 *
 * Context: may sleep, for an RCU grace period too if slabs of typesafe caches are empty.
 */
void kmemx_region_reclaim(struct kmemx_region *region)
{
	reclaim_caches(region);
	kmemx_pages_drain_for(&region->pages);
	kmemx_pages_sweep(&region->pages);
	kmemx_pages_recall_chunk(&region->pages);
}
KMEMX_EXPORT_FOR_TEST(kmemx_region_reclaim);

/**
 * kmemx_region_reclaim_some() - as kmemx_region_reclaim(), for who may not wait
 * @region: the region
 *
 * Slabs that frees have left empty, and frames that were held and have been let go; a few. And
 * the chunk that is just being zeroed ahead of need.
 *
 * Context: any.
 * Return: frames made free.
 */
unsigned int kmemx_region_reclaim_some(struct kmemx_region *region)
{
	/* As a rule there is nothing, and who fails is told so soon. */
	if (likely(kmemx_summary_is_empty(&region->depot.empty) &&
		   kmemx_summary_is_empty(&region->pages.held) &&
		   !kmemx_pages_nr_away(&region->pages)))
		return 0;
	return kmemx_cache_trim_some(&region->depot) + kmemx_pages_sweep_some(&region->pages) +
		kmemx_pages_recall_chunk(&region->pages);
}
KMEMX_EXPORT_FOR_TEST(kmemx_region_reclaim_some);

/**
 * kmemx_region_meta_bytes() - memory outside the region that it costs
 * @region: the region
 *
 * Return: bytes of frames, depot and tables; caches have more of their own.
 */
size_t kmemx_region_meta_bytes(const struct kmemx_region *region)
{
	size_t site = region->site ? sizeof(*region->site) : 0;

	return kmemx_pages_meta_bytes(&region->pages) + kmemx_depot_meta_bytes(&region->depot) +
		KMEMX_CHUNK_FRAMES * sizeof(*region->no_slab) +
		nr_span_chunks(region) * sizeof(*region->chunk_slab) +
		kmemx_pages_end(&region->pages) * site;
}
