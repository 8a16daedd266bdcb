/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the measured loops work on.
 *
 * Locking: none; one CPU at a time.
 */
#ifndef KMEMX_BENCH_WORK_H
#define KMEMX_BENCH_WORK_H

#include <linux/types.h>

#include "bench.h"

/**
 * struct work - an allocator and its objects
 * @peer: the allocator
 * @ctx: its state
 * @objs: live objects; NULL: there is none
 * @at: the order in which they are freed
 * @live: how many are alive in rand4096 and churn4096
 * @random: where orders come from
 */
struct work {
	const struct bench_peer *peer;
	void *ctx;
	void **objs;
	u32 *at;
	u32 live;
	u64 random;
};

unsigned long work_frames(const struct bench_peer *peer, void *ctx);
unsigned int work_live(const struct bench_peer *peer, unsigned long nr_frames);
int work_init(struct work *work, const struct bench_peer *peer, void *ctx, u32 nr_objs,
	      u32 nr_at);
void work_fini(struct work *work);
void work_give_rest(struct work *work, u32 nr);

#endif /* KMEMX_BENCH_WORK_H */
