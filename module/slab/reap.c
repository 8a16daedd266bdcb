// SPDX-License-Identifier: GPL-2.0
/*
 * Giving back what nobody uses; see reap.h.
 */
#include <linux/jiffies.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "slab/cache.h"
#include "slab/exchange.h"
#include "slab/partial.h"
#include "slab/reap.h"

#define PERIOD	HZ

/*
 * Slabs of a typesafe cache that are empty: nobody waits for their grace period, as it will have
 * passed the next time, or the one after that.
 */
static void reap_typesafe(struct kmemx_cache *cache)
{
	if (cache->nr_waiting && !poll_state_synchronize_rcu(cache->ended_at))
		return;
	kmemx_cache_give_ended(cache);
	if (kmemx_cache_end_empty(cache, false))
		cache->ended_at = start_poll_synchronize_rcu();
}

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
		if (cache->is_typesafe)
			reap_typesafe(cache);
		cond_resched();
	}
	kmemx_cache_trim(depot);
	mutex_unlock(&depot->lock);
	if (reaper->sweep)
		reaper->sweep(reaper->ctx);
	schedule_delayed_work(&reaper->work, PERIOD);
}

/**
 * kmemx_reaper_start() - begin to give back empty slabs
 * @reaper: to fill in
 * @depot: whose
 * @sweep: see struct kmemx_reaper
 * @ctx: likewise
 *
 * Context: may sleep.
 */
void kmemx_reaper_start(struct kmemx_reaper *reaper, struct kmemx_depot *depot,
			void (*sweep)(void *ctx), void *ctx)
{
	reaper->depot = depot;
	reaper->sweep = sweep;
	reaper->ctx = ctx;
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
