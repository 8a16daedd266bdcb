// SPDX-License-Identifier: GPL-2.0
/*
 * Sets up what the measured loops work on.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "order.h"
#include "work.h"

/**
 * work_frames() - the size of a region
 * @peer: the allocator
 * @ctx: its state
 *
 * Return: frames; where it has none, of those that others have.
 */
unsigned long work_frames(const struct bench_peer *peer, void *ctx)
{
	return peer->blocks ? peer->blocks->capacity(ctx) : bench_params.region >> PAGE_SHIFT;
}

/**
 * work_live() - how many objects rand4096 and churn4096 keep alive
 * @peer: the allocator
 * @nr_frames: free frames of its region
 *
 * Return: 4096, or what takes half of the region, but at least 32.
 */
unsigned int work_live(const struct bench_peer *peer, unsigned long nr_frames)
{
	if (!peer->blocks && !peer->pages)
		return BENCH_LIVE;
	return clamp_t(unsigned long, nr_frames / 2 >> peer->order, BENCH_LIVE_MIN, BENCH_LIVE);
}

/**
 * work_init() - get ready to work with an empty region
 * @work: to be filled in
 * @peer: the allocator
 * @ctx: its state
 * @nr_objs: objects that there may be
 * @nr_at: places in the order in which they are freed
 *
 * Return: 0 or -ENOMEM; work_fini() in either case.
 */
int work_init(struct work *work, const struct bench_peer *peer, void *ctx, u32 nr_objs,
	      u32 nr_at)
{
	*work = (struct work) {
		.peer = peer,
		.ctx = ctx,
		.objs = vzalloc(nr_objs * sizeof(*work->objs)),
		.at = vmalloc(nr_at * sizeof(*work->at)),
		.live = work_live(peer, work_frames(peer, ctx)),
		.random = ORDER_SEED,
	};
	return work->objs && work->at ? 0 : -ENOMEM;
}

/**
 * work_fini() - undo work_init()
 * @work: whose objects have all been freed
 */
void work_fini(struct work *work)
{
	vfree(work->at);
	vfree(work->objs);
}

/**
 * work_give_rest() - free what a churn leaves behind, which has a hole if it failed
 * @work: where
 * @nr: of objs[]
 */
void work_give_rest(struct work *work, u32 nr)
{
	u64 ticks;
	u32 i;

	for (i = 0; i < nr; i++) {
		if (work->objs[i])
			work->peer->loops->give_one(work->ctx, work->objs[i], &ticks);
		work->objs[i] = NULL;
	}
}
