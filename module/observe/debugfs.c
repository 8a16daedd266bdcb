// SPDX-License-Identifier: GPL-2.0
/*
 * The files under /sys/kernel/debug/kmemx; docs/abi.md describes each line.
 *
 * They are 0444, but for what is written to, and have no ioctl or mmap, so that a
 * locked-down kernel still opens them. Errors of debugfs are ignored on purpose:
 * nothing depends on it.
 */
#include <linux/debugfs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <kmemx/kmemx.h>

#include "buddy/zone_census.h"
#include "observe/debugfs.h"
#include "observe/debugfs_frag.h"
#include "observe/debugfs_sites.h"
#include "observe/debugfs_slab.h"
#include "observe/snapshot.h"
#include "observe/stat.h"
#include "slab/usage.h"

static struct dentry *dir;

static void show_extent(struct seq_file *m, const struct kmemx_zone *zone, unsigned int i)
{
	const struct kmemx_extent *ext = &zone->extent[i];
	phys_addr_t start = PFN_PHYS(ext->pfn);
	phys_addr_t last = PFN_PHYS(ext->pfn + ext->nr_frames) - 1;

	seq_printf(m, "extent%u: [mem %pa-%pa] %lu pages, largest free %lu\n", i, &start,
		   &last, ext->nr_frames, kmemx_zone_largest(zone, ext));
}

static int region_show(struct seq_file *m, void *unused)
{
	const struct kmemx_region *region = m->private;
	const struct kmemx_pages *pages = &region->pages;
	unsigned int i;

	seq_printf(m, "backend: %s\n", region->origin.backend);
	seq_printf(m, "how: %s\n", region->origin.how);
	seq_printf(m, "version: %s\n", KMEMX_VERSION);
	seq_printf(m, "abi: %d\n", KMEMX_ABI);
	seq_printf(m, "node: %d\n", region->origin.nid);
	seq_printf(m, "bytes: %llu\n", (u64)pages->nr_frames << PAGE_SHIFT);
	seq_printf(m, "pages: %lu\n", pages->nr_frames);
	seq_printf(m, "page_size: %lu\n", PAGE_SIZE);
	seq_printf(m, "load_ms: %u\n", region->origin.load_ms);
	seq_printf(m, "track: %d\n", region->depot.track);
	seq_printf(m, "extents: %u\n", pages->zone.nr_extents);
	for (i = 0; i < pages->zone.nr_extents; i++)
		show_extent(m, &pages->zone, i);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(region);

/* The shape of /proc/buddyinfo; see frag_show_print() in the kernel's vmstat.c. */
static int buddyinfo_show(struct seq_file *m, void *unused)
{
	const struct kmemx_region *region = m->private;
	unsigned int nr[KMEMX_NR_ORDERS + 1] = { 0 };
	unsigned int i;

	kmemx_zone_count(&region->pages.zone, nr);
	seq_printf(m, "Node %d, zone %8s ", region->origin.nid, "KMemx");
	for (i = 0; i < ARRAY_SIZE(nr); i++)
		seq_printf(m, "%6u ", nr[i]);
	seq_putc(m, '\n');
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(buddyinfo);

/* The columns of /proc/slabinfo 2.1; see cache_show() in slab_common.c. */
static void show_cache(struct seq_file *m, const struct kmemx_cache *cache)
{
	const struct kmemx_cache_usage *usage = &cache->usage;
	const struct kmemx_layout *layout = &cache->layout;

	seq_printf(m, "%-17s %6lu %6lu %6u %4u %4d", cache->name, usage->nr_live,
		   usage->nr_objs, layout->stride, layout->nr_objs, 1 << layout->order);
	seq_printf(m, " : tunables %4u %4u %4u", cache->front_cap,
		   min(cache->front_cap, KMEMX_FRONT_BATCH), 0);
	seq_printf(m, " : slabdata %6lu %6lu %6lu\n", usage->nr_slabs, usage->nr_slabs, 0UL);
}

static int slabinfo_show(struct seq_file *m, void *unused)
{
	struct kmemx_region *region = m->private;
	struct kmemx_cache *cache;
	unsigned int i = 0;

	seq_puts(m, "slabinfo - version: 2.1\n");
	seq_puts(m, "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>");
	seq_puts(m, " : tunables <limit> <batchcount> <sharedfactor>");
	seq_puts(m, " : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
	mutex_lock(&region->depot.lock);
	kmemx_depot_usage(&region->depot);
	while ((cache = kmemx_depot_next(&region->depot, &i)))
		show_cache(m, cache);
	mutex_unlock(&region->depot.lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(slabinfo);

/* Chunks at the ends of extents may have less. */
static u64 peak_bytes(const struct kmemx_region *region)
{
	u64 nr = (u64)kmemx_zone_peak_chunks(&region->pages.zone) * KMEMX_CHUNK_FRAMES;

	return min_t(u64, nr, region->pages.nr_frames) << PAGE_SHIFT;
}

static int stat_show(struct seq_file *m, void *unused)
{
	const struct kmemx_region *region = m->private;
	struct kmemx_snapshot snap;
	int i;

	kmemx_snapshot_take(m->private, &snap);
	seq_printf(m, "region_bytes %llu\n", snap.region);
	seq_printf(m, "free_bytes %llu\n", snap.free);
	seq_printf(m, "front_bytes %llu\n", snap.front);
	seq_printf(m, "slab_free_bytes %llu\n", snap.slab_free);
	seq_printf(m, "used_bytes %llu\n", snap.used);
	seq_printf(m, "overhead_bytes %llu\n", snap.overhead);
	seq_printf(m, "quarantined_bytes %llu\n", snap.quarantined);
	seq_printf(m, "unsettled_bytes %lld\n", snap.unsettled);
	seq_printf(m, "outside_bytes %llu\n", snap.outside);
	seq_printf(m, "zeroed_bytes %llu\n", snap.zeroed);
	for (i = KMEMX_STAT_USED_BYTES + 1; i < KMEMX_NR_STATS; i++)
		seq_printf(m, "%s %lld\n", kmemx_stat_name(i),
			   kmemx_snapshot_stat(m->private, i));
	seq_printf(m, "peak_chunk_bytes %llu\n", peak_bytes(region));
	seq_printf(m, "highest_order %d\n", kmemx_zone_highest_order(&region->pages.zone));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stat);

/**
 * kmemx_debugfs_init() - make the files
 * @region: what they are about; it outlives them
 */
void kmemx_debugfs_init(struct kmemx_region *region)
{
	dir = debugfs_create_dir("kmemx", NULL);
	debugfs_create_file("region", 0444, dir, region, &region_fops);
	debugfs_create_file("buddyinfo", 0444, dir, region, &buddyinfo_fops);
	kmemx_debugfs_frag_init(dir, region);
	debugfs_create_file("slabinfo", 0444, dir, region, &slabinfo_fops);
	debugfs_create_file("stat", 0444, dir, region, &stat_fops);
	kmemx_debugfs_sites_init(dir, region);
	kmemx_debugfs_slab_init(dir, region);
}

/**
 * kmemx_debugfs_fini() - remove the files
 * @region: what they are about
 *
 * Waits for readers: nobody looks at the region on return.
 */
void kmemx_debugfs_fini(struct kmemx_region *region)
{
	kmemx_debugfs_slab_fini(region);
	debugfs_remove(dir);
	kmemx_debugfs_sites_fini();
}
