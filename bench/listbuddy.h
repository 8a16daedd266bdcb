/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The textbook buddy: free blocks on a list per order, one spinlock.
 */
#ifndef KMEMX_BENCH_LISTBUDDY_H
#define KMEMX_BENCH_LISTBUDDY_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/* Up to 2^24 frames: 64 GiB. */
#define LISTBUDDY_ORDERS	25

/**
 * struct listbuddy_frame - what is known of a frame
 * @link: entry in the list of its order, if a free block starts here
 * @order: of the block that starts here
 * @free: whether that block is free
 */
struct listbuddy_frame {
	struct list_head link;
	u8 order;
	bool free;
};

/**
 * struct listbuddy - the allocator
 * @lock: taken by each operation
 * @top: order of the whole
 * @frames: one for each frame
 * @free: free blocks by order; what was freed last is first
 */
struct listbuddy {
	spinlock_t lock;	/* protects all below */
	unsigned int top;
	struct listbuddy_frame *frames;
	struct list_head free[LISTBUDDY_ORDERS];
};

struct listbuddy *listbuddy_create(unsigned long nr_frames);
void listbuddy_destroy(struct listbuddy *buddy);
struct listbuddy_frame *listbuddy_alloc(struct listbuddy *buddy, unsigned int order);
void listbuddy_free(struct listbuddy *buddy, struct listbuddy_frame *frame,
		    unsigned int order);

#endif /* KMEMX_BENCH_LISTBUDDY_H */
