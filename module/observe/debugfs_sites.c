// SPDX-License-Identifier: GPL-2.0
/*
 * Live memory by call site, in the format of /proc/allocinfo.
 *
 * With track=1 each live allocation has its call site beside it; else those have one that
 * were made while 1 was written to allocinfo_on. They are added up when the file is read, by a
 * walk over all slabs and frames, so an allocation pays nothing for that.
 *
 * Locking: callers_lock while they are turned on or off, and while they are looked at.
 */
#include <linux/debugfs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "api.h"
#include "buddy/zone_info.h"
#include "observe/callers.h"
#include "observe/debugfs_sites.h"
#include "slab/usage.h"

/* How many frames a walk looks at before it lets others run. */
#define WALK_BATCH	4096

static struct kmemx_callers callers;
static DEFINE_MUTEX(callers_lock);	/* Protects callers. */

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

/* Without reclaim: a shrinker may be a driver's, and want the depot's lock. */
static struct site *new_site(struct sites *sites, unsigned long address)
{
	gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN;
	struct site *site = kzalloc(sizeof(*site), gfp);

	if (site && !xa_err(xa_store(&sites->by_address, address, site, gfp)))
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
	if (cache->layout.track || kmemx_callers_find(&callers, obj, &call_site))
		add_to(arg, call_site, cache->layout.stride);
}

static void add_objects(struct sites *sites, struct kmemx_region *region)
{
	mutex_lock(&region->depot.lock);
	kmemx_depot_visit_live(&region->depot, add_object, sites);
	mutex_unlock(&region->depot.lock);
}

static bool find_caller(const struct kmemx_region *region, u32 frame, unsigned long *call_site)
{
	if (!region->site)
		return kmemx_callers_find(&callers, kmemx_pages_address(&region->pages, frame),
					  call_site);
	*call_site = READ_ONCE(region->site[frame]);
	return true;
}

/* Without a lock: what comes or goes meanwhile is counted or not. */
static void add_frames(struct sites *sites, const struct kmemx_region *region)
{
	const struct kmemx_pages *pages = &region->pages;
	unsigned long call_site;
	u32 frame;

	for (frame = 0; frame < kmemx_pages_end(pages); frame++) {
		if (!(frame % WALK_BATCH))
			cond_resched();
		if (kmemx_kind_name[kmemx_info_kind(kmemx_pages_info(pages, frame))] &&
		    find_caller(region, frame, &call_site))
			add_to(sites, call_site,
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
	mutex_lock(&callers_lock);
	if (region->site || kmemx_callers_is_on(&callers)) {
		xa_init(&sites.by_address);
		add_objects(&sites, region);
		add_frames(&sites, region);
		print_and_free(m, &sites);
	} else {
		seq_puts(m, "# nothing is known: load kmemx with track=1, or write 1 to allocinfo_on\n");
	}
	mutex_unlock(&callers_lock);
	return sites.error;
}
DEFINE_SHOW_ATTRIBUTE(allocinfo);

static int get_on(void *region, u64 *on)
{
	mutex_lock(&callers_lock);
	*on = ((struct kmemx_region *)region)->site || kmemx_callers_is_on(&callers);
	mutex_unlock(&callers_lock);
	return 0;
}

static int turn(struct kmemx_region *region, bool on)
{
	if (on)
		return kmemx_callers_start(&callers, &region->pages);
	kmemx_callers_stop(&callers);
	return 0;
}

/* With track=1 all is known, and that does not change. */
static int set_on(void *data, u64 on)
{
	struct kmemx_region *region = data;
	int ret = 0;

	if (on > 1)
		return -EINVAL;
	if (region->site)
		return on ? 0 : -EBUSY;
	mutex_lock(&callers_lock);
	if (on != kmemx_callers_is_on(&callers))
		ret = turn(region, on);
	mutex_unlock(&callers_lock);
	return ret;
}
DEFINE_DEBUGFS_ATTRIBUTE(on_fops, get_on, set_on, "%llu\n");

/**
 * kmemx_debugfs_sites_init() - make the files
 * @dir: where
 * @region: what they are about; it outlives them
 */
void kmemx_debugfs_sites_init(struct dentry *dir, struct kmemx_region *region)
{
	debugfs_create_file("allocinfo", 0444, dir, region, &allocinfo_fops);
	debugfs_create_file("allocinfo_on", 0644, dir, region, &on_fops);
}

/**
 * kmemx_debugfs_sites_fini() - keep nothing any more
 *
 * When the files are gone.
 */
void kmemx_debugfs_sites_fini(void)
{
	if (kmemx_callers_is_on(&callers))
		kmemx_callers_stop(&callers);
}
