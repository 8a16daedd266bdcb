/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The textbook buddy: free blocks on a list per order, one spinlock. Which free block is
 * taken first, and when two buddies are merged, is a choice: of those who have written
 * such a thing each had reasons for another. mode=policies measures them all.
 */
#ifndef KMEMX_BENCH_LISTBUDDY_H
#define KMEMX_BENCH_LISTBUDDY_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/* Up to 2^24 frames: 64 GiB. */
#define LISTBUDDY_ORDERS	25

/**
 * enum listbuddy_list - which free block of an order is taken
 * @LISTBUDDY_LIFO: what was freed last
 * @LISTBUDDY_FIFO: what has been free for longest
 * @LISTBUDDY_ADDRESS: the one with the lowest address
 */
enum listbuddy_list {
	LISTBUDDY_LIFO,
	LISTBUDDY_FIFO,
	LISTBUDDY_ADDRESS,
};

/**
 * enum listbuddy_merge - when a freed block is merged with its buddy
 * @LISTBUDDY_EAGER: when it is freed
 * @LISTBUDDY_SLACK: as many blocks of an order wait unmerged as there are in use, at most; the
 *		     fewer more there may be, the more are merged (after Barkley and Lee, "A
 *		     lazy buddy system bounded by two coalescing delays per class", 1989; but
 *		     what is left of a block that is split does not wait)
 * @LISTBUDDY_DEFERRED: when more blocks wait than a watermark says: then all of them
 *
 * All that wait are merged before a request fails.
 */
enum listbuddy_merge {
	LISTBUDDY_EAGER,
	LISTBUDDY_SLACK,
	LISTBUDDY_DEFERRED,
};

/**
 * enum listbuddy_state - of the block that starts at a frame
 * @LISTBUDDY_TAKEN: allocated, or no block starts there
 * @LISTBUDDY_FREE: free, and its buddy is not, or waits
 * @LISTBUDDY_WAITING: free, and nobody has looked at its buddy
 */
enum listbuddy_state {
	LISTBUDDY_TAKEN,
	LISTBUDDY_FREE,
	LISTBUDDY_WAITING,
};

/**
 * struct listbuddy_frame - what is known of a frame
 * @link: entry in the list of its order, if a free block starts here
 * @node: in the tree, with LISTBUDDY_ADDRESS
 * @order: of the block that starts here
 * @state: of that block, an enum listbuddy_state
 */
struct listbuddy_frame {
	union {
		struct list_head link;
		struct rb_node node;
	};
	u8 order;
	u8 state;
};

/**
 * struct listbuddy - the allocator
 * @lock: taken by each operation
 * @top: order of the whole
 * @frames: one for each frame
 * @free: free blocks by order; what is taken next is first
 * @sorted: the same with LISTBUDDY_ADDRESS
 * @waiting: those that wait, by order
 * @slack: by order, blocks in use less those that wait
 * @nr_waiting: those that wait, of all orders
 * @watermark: how many may
 * @nr_splits: blocks that were halved; not counted by listbuddy_alloc()
 * @nr_merges: pairs of halves that were merged; not counted by listbuddy_free()
 */
struct listbuddy {
	spinlock_t lock;	/* protects all below */
	unsigned int top;
	struct listbuddy_frame *frames;
	struct list_head free[LISTBUDDY_ORDERS];
	struct rb_root_cached sorted[LISTBUDDY_ORDERS];
	struct list_head waiting[LISTBUDDY_ORDERS];
	long slack[LISTBUDDY_ORDERS];
	unsigned long nr_waiting;
	unsigned long watermark;
	u64 nr_splits;
	u64 nr_merges;
};

struct listbuddy *listbuddy_create(unsigned long nr_frames, enum listbuddy_list list);
void listbuddy_destroy(struct listbuddy *buddy);
unsigned int listbuddy_largest(struct listbuddy *buddy);

/*
 * <name>_alloc() gives the first frame of a block of 2^@order, or NULL; <name>_free() takes
 * it back, with the order it was given for. Both in any context but NMI.
 */
#define LISTBUDDY_DECLARE(name)									\
	struct listbuddy_frame *name##_alloc(struct listbuddy *buddy, unsigned int order);	\
	void name##_free(struct listbuddy *buddy, struct listbuddy_frame *frame, unsigned int order)

LISTBUDDY_DECLARE(listbuddy);
LISTBUDDY_DECLARE(listbuddy_lifo);
LISTBUDDY_DECLARE(listbuddy_fifo);
LISTBUDDY_DECLARE(listbuddy_address);
LISTBUDDY_DECLARE(listbuddy_slack);
LISTBUDDY_DECLARE(listbuddy_deferred);

#endif /* KMEMX_BENCH_LISTBUDDY_H */
