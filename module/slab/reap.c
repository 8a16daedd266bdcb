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
/* As long as a grace period takes, about. */
#define GRACE	(HZ / 20)

/* Give back what has waited long enough; with depot->lock held. Returns whether some waits yet. */
static bool give_ended(struct kmemx_depot *depot)
{
	struct kmemx_cache *cache;
	bool is_any_waiting = false;
	unsigned int i = 0;

	while ((cache = kmemx_depot_next(depot, &i))) {
		if (!cache->nr_waiting)
			continue;
		if (poll_state_synchronize_rcu(cache->ended_at))
			kmemx_cache_give_ended(cache);
		else
			is_any_waiting = true;
	}
	return is_any_waiting;
}

/* Nobody else gets at what waits, so this is not put off until the CPU has something to do. */
static void finish(struct work_struct *work)
{
	struct kmemx_reaper *reaper = container_of(to_delayed_work(work), struct kmemx_reaper,
						   finish);
	bool is_any_waiting;

	mutex_lock(&reaper->depot->lock);
	is_any_waiting = give_ended(reaper->depot);
	mutex_unlock(&reaper->depot->lock);
	if (is_any_waiting)
		schedule_delayed_work(&reaper->finish, GRACE);
}

/* Slabs of a typesafe cache that are empty: nobody waits for their grace period. */
static bool end_typesafe(struct kmemx_cache *cache)
{
	if (!cache->is_typesafe || cache->nr_waiting || !kmemx_cache_end_empty(cache, false))
		return false;
	cache->ended_at = start_poll_synchronize_rcu();
	return true;
}

static void reap(struct work_struct *work)
{
	struct kmemx_reaper *reaper = container_of(to_delayed_work(work), struct kmemx_reaper,
						   work);
	struct kmemx_depot *depot = reaper->depot;
	struct kmemx_cache *cache;
	bool is_any_waiting = false;
	unsigned int i = 0;

	/* Who adds up what caches have holds it. */
	mutex_lock(&depot->lock);
	while ((cache = kmemx_depot_next(depot, &i))) {
		kmemx_exchange_reap(cache);
		is_any_waiting |= end_typesafe(cache);
		cond_resched();
	}
	kmemx_cache_trim(depot);
	mutex_unlock(&depot->lock);
	if (is_any_waiting)
		schedule_delayed_work(&reaper->finish, GRACE);
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
	INIT_DELAYED_WORK(&reaper->finish, finish);
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
	cancel_delayed_work_sync(&reaper->finish);
}
KMEMX_EXPORT_FOR_TEST(kmemx_reaper_stop);
