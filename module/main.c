// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading: take a region, put it under management, and give back
 * on the way out what nobody holds any more.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpuhotplug.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <kmemx/compat.h>
#include <kmemx/kmemx.h>

#include "api.h"
#include "buddy/pages_front.h"
#include "buddy/pages_quarantine.h"
#include "buddy/prezero.h"
#include "buddy/zone_census.h"
#include "cma/backend.h"
#include "observe/debugfs.h"
#include "observe/stat.h"
#include "params.h"
#include "slab/reap.h"

static struct kmemx_grant grant;
static struct kmemx_prezero prezero;
static struct kmemx_reaper reaper;
static int hotplug_state;

/* Runs on another CPU, in the prepare stage: the dead one runs no more. */
static int drain_dead_cpu(unsigned int cpu)
{
	struct kmemx_cache *cache;
	unsigned int i = 0;

	mutex_lock(&kmemx_live.depot.lock);
	while ((cache = kmemx_depot_next(&kmemx_live.depot, &i)))
		kmemx_cache_drain_dead(cache, cpu);
	mutex_unlock(&kmemx_live.depot.lock);
	kmemx_pages_drain_dead(&kmemx_live.pages, cpu);
	return 0;
}

/* Called for every module that comes or goes; this one is past its exit. */
static int module_goes(struct notifier_block *nb, unsigned long action, void *mod)
{
	if (action == MODULE_STATE_GOING) {
		kmemx_api_list_module(mod);
		kmemx_cache_forget_code(&kmemx_live.depot, mod);
	}
	return NOTIFY_DONE;
}

static struct notifier_block module_notifier = { .notifier_call = module_goes };

static int make_region(void)
{
	struct kmemx_extent *extent;
	unsigned int i;
	int ret;

	extent = kvcalloc(grant.nr_spans, sizeof(*extent), GFP_KERNEL);
	if (!extent)
		return -ENOMEM;
	for (i = 0; i < grant.nr_spans; i++) {
		extent[i].pfn = grant.span[i].pfn;
		extent[i].nr_frames = grant.span[i].nr_pages;
	}
	/* The largest value says something else there. */
	kmemx_live.magazine = kmemx_params.magazine ?
		min(kmemx_params.magazine, KMEMX_FRONT_MAX) : KMEMX_FRONT_NONE;
	ret = kmemx_region_init(&kmemx_live, grant.nr_spans, extent, &kmemx_params.classes,
				kmemx_params.track);
	kvfree(extent);
	return ret;
}

static int reserve(void)
{
	ktime_t start = ktime_get();
	int ret;

	ret = kmemx_backend_reserve(&grant, kmemx_params.backend,
				    kmemx_params.size >> PAGE_SHIFT, kmemx_params.nid);
	if (ret)
		return ret;
	kmemx_live.origin = (struct kmemx_origin){
		.backend = grant.backend->name,
		.how = grant.backend->how,
		.nid = page_to_nid(pfn_to_page(grant.span[0].pfn)),
		.load_ms = (unsigned int)ktime_ms_delta(ktime_get(), start),
	};
	return 0;
}

/* Returns the spans that were not given back. */
static unsigned int release_spans(void)
{
	unsigned int i, nr_kept = 0;

	for (i = 0; i < grant.nr_spans; i++) {
		const struct kmemx_zone *zone = &kmemx_live.pages.zone;
		const struct kmemx_extent *ext = zone->meta ? &zone->extent[i] : NULL;
		bool is_live = ext && kmemx_zone_extent_nr_free(zone, ext) != ext->nr_frames;

		/* The backend keeps a span with a page that somebody still holds. */
		if (is_live || kmemx_backend_release(&grant, i))
			nr_kept++;
	}
	return nr_kept;
}

static int start_prezero(void)
{
	int ret = kmemx_prezero_start(&prezero, &kmemx_live.pages, kmemx_params.zero_ahead);

	if (ret)
		pr_err("zero_ahead=%lu: no thread: %pe; load without\n", kmemx_params.zero_ahead,
		       ERR_PTR(ret));
	else if (kmemx_params.zero_ahead && !prezero.task)
		pr_info("zero_ahead=%lu: nothing to do, with init_on_free all that is free is zero\n",
			kmemx_params.zero_ahead);
	return ret;
}

static void sweep_held(void *pages)
{
	kmemx_pages_sweep(pages);
}

static void say_hello(void)
{
	const struct kmemx_extent *first = &kmemx_live.pages.extent[0];
	phys_addr_t start = PFN_PHYS(first->pfn);
	phys_addr_t last = PFN_PHYS(first->pfn + first->nr_frames) - 1;

	pr_info("%s: %lu MiB at [mem %pa-%pa]%s node %d via %s (%s), %u extent%s, %u ms\n",
		KMEMX_VERSION, kmemx_params.size >> 20, &start, &last,
		grant.nr_spans > 1 ? " and more" : "", kmemx_live.origin.nid,
		kmemx_live.origin.backend, kmemx_live.origin.how, grant.nr_spans,
		grant.nr_spans > 1 ? "s" : "", kmemx_live.origin.load_ms);
}

static int __init kmemx_init(void)
{
	int ret;

	ret = kmemx_params_check();
	if (ret)
		return ret;
	ret = reserve();
	if (ret)
		return ret;
	ret = make_region();
	if (ret) {
		pr_err("%s a region of %lu MiB: %pe; load with a smaller size=\n",
		       ret == -ENOMEM ? "no memory for the metadata of" : "cannot make",
		       kmemx_params.size >> 20, ERR_PTR(ret));
		goto err_release;
	}
	ret = cpuhp_setup_state(CPUHP_BP_PREPARE_DYN, "kmemx:dead", NULL, drain_dead_cpu);
	if (ret < 0) {
		pr_err("no state of CPU hotplug is left: %pe; unload another module that has one\n",
		       ERR_PTR(ret));
		goto err_region;
	}
	hotplug_state = ret;
	ret = register_module_notifier(&module_notifier);
	if (ret) {
		pr_err("nothing would say which modules go: %pe\n", ERR_PTR(ret));
		goto err_hotplug;
	}
	ret = start_prezero();
	if (ret)
		goto err_notifier;
	kmemx_reaper_start(&reaper, &kmemx_live.depot, sweep_held, &kmemx_live.pages);
	kmemx_debugfs_init(&kmemx_live);
	say_hello();
	return 0;

err_notifier:
	unregister_module_notifier(&module_notifier);
err_hotplug:
	cpuhp_remove_state_nocalls(hotplug_state);
err_region:
	kmemx_region_fini(&kmemx_live);
err_release:
	release_spans();
	kmemx_backend_fini(&grant);
	return ret;
}

/* Say what users left behind; the last of them has been unloaded. */
static void list_leaks(void)
{
	unsigned long nr[KMEMX_NR_KINDS];
	struct kmemx_cache *cache;
	unsigned int i;

	for (i = 1; i < KMEMX_CACHES_MAX; i++) {
		cache = kmemx_live.depot.cache[i];
		if (cache)
			kmemx_api_list_live(cache);
	}
	kmemx_api_list_pages();
	kmemx_pages_tally(&kmemx_live.pages, nr);
	pr_warn("not freed: %lu pages of slabs, %lu of kmemx_alloc_pages(), %lu of kmemx_alloc(), %lu of kmemx_alloc_contig(), %lu still held by others\n",
		nr[KMEMX_KIND_SLAB], nr[KMEMX_KIND_PAGES], nr[KMEMX_KIND_LARGE],
		nr[KMEMX_KIND_CONTIG], nr[KMEMX_KIND_QUARANTINE]);
}

/* What others hold of pages that were freed, as an skb does, they may let go of soon. */
static void wait_for_held(void)
{
	unsigned int tries;

	for (tries = 0; tries < 50 && atomic64_read(&kmemx_live.pages.nr_quarantined); tries++) {
		msleep(20);
		kmemx_pages_sweep(&kmemx_live.pages);
	}
}

static void __exit kmemx_exit(void)
{
	unsigned int nr_kept;

	kmemx_debugfs_fini(&kmemx_live);
	unregister_module_notifier(&module_notifier);
	kmemx_prezero_stop(&prezero);
	kmemx_reaper_stop(&reaper);
	kmemx_region_empty(&kmemx_live);
	wait_for_held();
	/* Not before: a CPU that left would have kept what its fronts hold. */
	cpuhp_remove_state_nocalls(hotplug_state);
	if (kmemx_pages_nr_free(&kmemx_live.pages) != kmemx_live.pages.nr_frames)
		list_leaks();
	nr_kept = release_spans();
	if (nr_kept)
		pr_warn("keeping %u of %u extents, which hold what was not freed; a reboot gets them back\n",
			nr_kept, grant.nr_spans);
	else
		pr_info("gave back all memory, %u extent%s\n", grant.nr_spans,
			grant.nr_spans > 1 ? "s" : "");
	kmemx_region_fini(&kmemx_live);
	kmemx_backend_fini(&grant);
}

module_init(kmemx_init);
module_exit(kmemx_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The kmemx authors");
MODULE_DESCRIPTION("Memory of a driver's own: a contiguous region with buddy and slab allocators");
MODULE_VERSION(KMEMX_VERSION);
