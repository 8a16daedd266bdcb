/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Giving back slabs that are empty, some time after they have become so.
 *
 * A free that finds its slab empty leaves it where it is, for the next allocation that needs
 * one: so no free is as long as one that ends a slab. What is still empty a moment later is
 * given back here, by a work item that keeps no CPU awake.
 */
#ifndef KMEMX_SLAB_REAP_H
#define KMEMX_SLAB_REAP_H

#include <linux/workqueue.h>

#include "slab/depot.h"

/**
 * struct kmemx_reaper - who gives back
 * @depot: whose slabs
 * @sweep: gives back what else has become free, or NULL; may sleep
 * @ctx: passed to it
 * @work: runs once a second, on a CPU that is awake anyway
 * @finish: runs soon, if slabs wait for a grace period
 */
struct kmemx_reaper {
	struct kmemx_depot *depot;
	void (*sweep)(void *ctx);
	void *ctx;
	struct delayed_work work;
	struct delayed_work finish;
};

void kmemx_reaper_start(struct kmemx_reaper *reaper, struct kmemx_depot *depot,
			void (*sweep)(void *ctx), void *ctx);
void kmemx_reaper_stop(struct kmemx_reaper *reaper);

#endif /* KMEMX_SLAB_REAP_H */
