/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A region in use: blocks of a trace's mix of orders, some of which have been freed
 * again, so that it is as fragmented as a region gets with time.
 */
#ifndef KMEMX_BENCH_FILL_H
#define KMEMX_BENCH_FILL_H

#include <linux/types.h>

#include "bench.h"
#include "trace.h"

/**
 * struct fill_block - a block that is alive
 * @block: the peer's handle
 * @order: of the block
 */
struct fill_block {
	void *block;
	unsigned int order;
};

/**
 * struct fill - the blocks of a region
 * @peer: the allocator
 * @ctx: its region
 * @is_made: the region is there for the fill only
 * @mark: frames that may be in use
 * @used: frames that are
 * @live: the blocks; those that last come first
 * @nr_live: how many
 * @nr_lasting: how many of them last
 * @trace: where requests and victims come from
 */
struct fill {
	const struct bench_peer *peer;
	void *ctx;
	bool is_made;
	unsigned long mark;
	unsigned long used;
	struct fill_block *live;
	u32 nr_live;
	u32 nr_lasting;
	struct trace trace;
};

bool fill_has_region(const struct bench_peer *peer);
int fill_region(struct fill *fill, const struct bench_peer *peer, void *ctx,
		unsigned int percent);
int fill_whole(struct fill *fill, const struct bench_peer *peer, void *ctx, u32 nr_single);
unsigned long fill_bytes(const struct fill *fill);
unsigned long fill_free(const struct fill *fill);

int fill_init(struct fill *fill, const struct bench_peer *peer, void *ctx,
	      unsigned int percent, enum trace_kind kind, u64 seed);
int fill_request(struct fill *fill);
void fill_fini(struct fill *fill);

#define FILL_FAILED	0x100	/* with the order, from fill_request() */

#endif /* KMEMX_BENCH_FILL_H */
