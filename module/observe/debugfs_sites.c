// SPDX-License-Identifier: GPL-2.0
/*
 * Live memory by call site, in the format of /proc/allocinfo.
 *
 * With track=1 each live allocation has its call site beside it. They are added up when the
 * file is read, by a walk over all slabs and frames, so an allocation pays nothing for it.
 */
#include <linux/debugfs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "api.h"
#include "observe/debugfs_sites.h"

/* How many frames a walk looks at before it lets others run. */
#define WALK_BATCH	4096

/* What one call site has. */
struct site {
	u64 bytes;
	u64 nr;
};

/**
 * struct sites - what all call sites have
 * @by_address: a struct site for each
 * @error: 0, or -ENOMEM, and then something is missing
 */
struct sites {
	struct xarray by_address;
	int error;
};

static struct site *new_site(struct sites *sites, unsigned long address)
{
	struct site *site = kzalloc(sizeof(*site), GFP_KERNEL);

	if (site && !xa_err(xa_store(&sites->by_address, address, site, GFP_KERNEL)))
		return site;
	kfree(site);
	sites->error = -ENOMEM;
	return NULL;
}

static void add_to(struct sites *sites, unsigned long address, u64 bytes)
{
	struct site *site = xa_load(&sites->by_address, address);

	if (!site)
		site = new_site(sites, address);
	if (!site)
		return;
	site->bytes += bytes;
	site->nr++;
}

static void add_object(const struct kmemx_cache *cache, void *obj, unsigned long call_site,
		       void *arg)
{
	add_to(arg, call_site, cache->layout.stride);
}

static void add_objects(struct sites *sites, struct kmemx_region *region)
{
	struct kmemx_cache *cache;
	unsigned int i = 0, noio;

	/* Whoever writes pages out may be waiting for the lock, to reclaim. */
	noio = memalloc_noio_save();
	mutex_lock(&region->depot.lock);
	while ((cache = kmemx_depot_next(&region->depot, &i)))
		kmemx_cache_visit_live(cache, add_object, sites);
	mutex_unlock(&region->depot.lock);
	memalloc_noio_restore(noio);
}

/* Without a lock: what comes or goes meanwhile is counted or not. */
static void add_frames(struct sites *sites, const struct kmemx_region *region)
{
	const struct kmemx_pages *pages = &region->pages;
	u32 frame;

	for (frame = 0; frame < kmemx_pages_end(pages); frame++) {
		if (!(frame % WALK_BATCH))
			cond_resched();
		if (kmemx_kind_name[kmemx_info_kind(kmemx_pages_info(pages, frame))])
			add_to(sites, READ_ONCE(region->site[frame]),
			    (u64)kmemx_zone_block_frames(&pages->zone, frame) << PAGE_SHIFT);
	}
}

static void print_and_free(struct seq_file *m, struct sites *sites)
{
	unsigned long address;
	struct site *site;

	xa_for_each(&sites->by_address, address, site) {
		seq_printf(m, "%12llu %8llu %pS\n", site->bytes, site->nr, (void *)address);
		kfree(site);
	}
	xa_destroy(&sites->by_address);
}

static int allocinfo_show(struct seq_file *m, void *unused)
{
	struct kmemx_region *region = m->private;
	struct sites sites = { .error = 0 };

	seq_puts(m, "allocinfo - version: 1.0\n");
	seq_puts(m, "#     <size>  <calls> <tag info>\n");
	if (!region->site) {
		seq_puts(m, "# nothing is known: load kmemx with track=1\n");
		return 0;
	}
	xa_init(&sites.by_address);
	add_objects(&sites, region);
	add_frames(&sites, region);
	print_and_free(m, &sites);
	return sites.error;
}
DEFINE_SHOW_ATTRIBUTE(allocinfo);

/**
 * kmemx_debugfs_sites_init() - make the file
 * @dir: where
 * @region: what it is about; it outlives the file
 */
void kmemx_debugfs_sites_init(struct dentry *dir, struct kmemx_region *region)
{
	debugfs_create_file("allocinfo", 0444, dir, region, &allocinfo_fops);
}
