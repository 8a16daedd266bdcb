/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A load: requests for blocks and which of those alive go when too much is in use, played
 * on a zone or on a region. Sequential, and the same every time.
 */
#ifndef KMEMX_KUNIT_LOAD_H
#define KMEMX_KUNIT_LOAD_H

#include <kmemx/platform.h>
#include <kunit/test.h>

#include "../bench/trace.h"

/**
 * struct load_ops - what a load is played on; a block is a frame, or a struct page's address
 * @take: allocates a block; false if there is none
 * @give: frees one; false if that was refused
 * @max_order: the largest free block there is, -1 if none
 */
struct load_ops {
	bool (*take)(void *ctx, unsigned int order, unsigned long *block);
	bool (*give)(void *ctx, unsigned int order, unsigned long block);
	int (*max_order)(void *ctx);
};

struct load_block {
	unsigned long block;
	unsigned int order;
};

/**
 * struct load - blocks in use
 * @ops: what it is played on
 * @ctx: the same
 * @trace: where it gets its random numbers
 * @mark: frames that may be in use
 * @used: frames that are
 * @live: the blocks; those that last come first
 * @nr_live: how many
 * @nr_lasting: how many of them last
 * @asked: requests by order, since the last load_forget()
 * @failed: those that could not be had
 */
struct load {
	const struct load_ops *ops;
	void *ctx;
	struct trace trace;
	unsigned long mark;
	unsigned long used;
	struct load_block *live;
	u32 nr_live;
	u32 nr_lasting;
	unsigned int asked[TRACE_ORDERS];
	unsigned int failed[TRACE_ORDERS];
};

/*
 * Play the reference trace on 16,384 frames that are all free, at 80 and at 90 %, and
 * expect no more failures than there may be: by the first @nr_seeds of its seeds, which
 * the bars are the mean of.
 */
void load_expect_few_failures(struct kunit *test, const struct load_ops *ops, void *ctx,
			      unsigned int nr_seeds);

/**
 * enum load_mix - loads of single pages, some of which last, and buffers between them
 * @LOAD_SMALL: of 16 and 32 pages
 * @LOAD_BUFFERS: of 4, 16 and 64 pages: those who want the 64 are there themselves
 */
enum load_mix {
	LOAD_SMALL,
	LOAD_BUFFERS,
};

/*
 * Play @mix, by the first @nr_seeds seeds of the traces, with 1000 frames free or a few more,
 * and look after each request. Returns at how many looks of 1000, rounded up, there were no 64
 * in a row.
 */
unsigned int load_without_64_in_a_row(struct kunit *test, const struct load_ops *ops, void *ctx,
				      unsigned int nr_seeds, enum load_mix mix);

#endif /* KMEMX_KUNIT_LOAD_H */
