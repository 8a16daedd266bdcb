// SPDX-License-Identifier: GPL-2.0
/*
 * Giving back what nobody uses; see reap.h.
 */
#include <linux/jiffies.h>
#include <linux/sched.h>

#include "slab/cache.h"
#include "slab/exchange.h"
#include "slab/partial.h"
#include "slab/reap.h"

#define PERIOD	HZ

static void reap(struct work_struct *work)
{
	struct kmemx_reaper *reaper = container_of(to_delayed_work(work), struct kmemx_reaper,
						   work);
	struct kmemx_depot *depot = reaper->depot;
	struct kmemx_cache *cache;
	unsigned int i = 0;

	/* Who adds up what caches have holds it. */
	mutex_lock(&depot->lock);
	while ((cache = kmemx_depot_next(depot, &i))) {
		kmemx_exchange_reap(cache);
		cond_resched();
	}
	kmemx_cache_trim(depot);
	mutex_unlock(&depot->lock);
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
