// SPDX-License-Identifier: GPL-2.0
/*
 * Giving back empty slabs; see reap.h.
 */
#include <linux/jiffies.h>

#include "slab/partial.h"
#include "slab/reap.h"

#define PERIOD	HZ

static void reap(struct work_struct *work)
{
	struct kmemx_reaper *reaper = container_of(to_delayed_work(work), struct kmemx_reaper,
						   work);

	/* Who adds up what caches have holds it. */
	mutex_lock(&reaper->depot->lock);
	kmemx_cache_trim(reaper->depot);
	mutex_unlock(&reaper->depot->lock);
	schedule_delayed_work(&reaper->work, PERIOD);
}

/**
 * kmemx_reaper_start() - begin to give back empty slabs
 * @reaper: to fill in
 * @depot: whose
 *
 * Context: may sleep.
 */
void kmemx_reaper_start(struct kmemx_reaper *reaper, struct kmemx_depot *depot)
{
	reaper->depot = depot;
	INIT_DEFERRABLE_WORK(&reaper->work, reap);
	schedule_delayed_work(&reaper->work, PERIOD);
}
KMEMX_EXPORT_FOR_TEST(kmemx_reaper_start);

/**
 * kmemx_reaper_stop() - end it
 * @reaper: started
 *
 * Context: may sleep.
 */
void kmemx_reaper_stop(struct kmemx_reaper *reaper)
{
	cancel_delayed_work_sync(&reaper->work);
}
KMEMX_EXPORT_FOR_TEST(kmemx_reaper_stop);
