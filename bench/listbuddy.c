// SPDX-License-Identifier: GPL-2.0
/*
 * The textbook buddy, as the yardstick that everybody can read: split the first
 * block that is large enough, merge with the buddy while it is free. And its
 * variants; the choice is a constant wherever it is asked for, so that none pays
 * for another.
 *
 * Locking: buddy->lock, with interrupts off, around each operation.
 */
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "listbuddy.h"

/**
 * struct policy - a variant
 * @list: which free block is taken
 * @merge: when blocks are merged
 * @counts: splits and merges are counted
 */
struct policy {
	enum listbuddy_list list;
	enum listbuddy_merge merge;
	bool counts;
};

/* ---- The free blocks of an order -------------------------------------- */

static bool is_before(struct rb_node *a, const struct rb_node *b)
{
	return a < b;
}

static __always_inline void add_free(struct listbuddy *buddy, struct listbuddy_frame *frame,
				     unsigned int order, struct policy policy)
{
	frame->order = order;
	frame->state = LISTBUDDY_FREE;
	if (policy.list == LISTBUDDY_ADDRESS)
		rb_add_cached(&frame->node, &buddy->sorted[order], is_before);
	else if (policy.list == LISTBUDDY_FIFO)
		list_add_tail(&frame->link, &buddy->free[order]);
	else
		list_add(&frame->link, &buddy->free[order]);
}

static __always_inline void del_free(struct listbuddy *buddy, struct listbuddy_frame *frame,
				     struct policy policy)
{
	frame->state = LISTBUDDY_TAKEN;
	if (policy.list == LISTBUDDY_ADDRESS)
		rb_erase_cached(&frame->node, &buddy->sorted[frame->order]);
	else
		list_del(&frame->link);
}

static __always_inline struct listbuddy_frame *first_free(struct listbuddy *buddy,
							  unsigned int order, struct policy policy)
{
	if (policy.list == LISTBUDDY_ADDRESS)
		return rb_entry_safe(rb_first_cached(&buddy->sorted[order]),
				     struct listbuddy_frame, node);
	return list_first_entry_or_null(&buddy->free[order], struct listbuddy_frame, link);
}

/* ---- Blocks that wait to be merged ------------------------------------ */

static void add_waiting(struct listbuddy *buddy, struct listbuddy_frame *frame,
			unsigned int order)
{
	frame->order = order;
	frame->state = LISTBUDDY_WAITING;
	list_add(&frame->link, &buddy->waiting[order]);
	buddy->nr_waiting++;
	buddy->slack[order]--;
}

static struct listbuddy_frame *del_waiting(struct listbuddy *buddy, unsigned int order)
{
	struct listbuddy_frame *frame = list_first_entry_or_null(&buddy->waiting[order],
								 struct listbuddy_frame, link);

	if (!frame)
		return NULL;
	list_del(&frame->link);
	frame->state = LISTBUDDY_TAKEN;
	buddy->nr_waiting--;
	buddy->slack[order]++;
	return frame;
}

/* ---- Merging ---------------------------------------------------------- */

static __always_inline void merge(struct listbuddy *buddy, unsigned long index,
				  unsigned int order, struct policy policy)
{
	for (; order < buddy->top; order++) {
		struct listbuddy_frame *other = &buddy->frames[index ^ (1UL << order)];

		if (other->state != LISTBUDDY_FREE || other->order != order)
			break;
		del_free(buddy, other, policy);
		index &= ~(1UL << order);
		if (policy.counts)
			buddy->nr_merges++;
	}
	add_free(buddy, &buddy->frames[index], order, policy);
}

/* One of those that wait, if any does. */
static __always_inline bool merge_waiting(struct listbuddy *buddy, unsigned int order,
					  struct policy policy)
{
	struct listbuddy_frame *frame = del_waiting(buddy, order);

	if (frame)
		merge(buddy, frame - buddy->frames, order, policy);
	return frame;
}

/* Smaller ones first: what they become need not wait. */
static __always_inline void merge_all(struct listbuddy *buddy, struct policy policy)
{
	unsigned int order;

	for (order = 0; order <= buddy->top; order++)
		while (merge_waiting(buddy, order, policy))
			;
}

/* ---- Allocation ------------------------------------------------------- */

static __always_inline struct listbuddy_frame *take_first(struct listbuddy *buddy,
							  unsigned int order,
							  struct policy policy)
{
	struct listbuddy_frame *frame = NULL;

	if (policy.merge != LISTBUDDY_EAGER)
		frame = del_waiting(buddy, order);
	if (!frame) {
		frame = first_free(buddy, order, policy);
		if (frame)
			del_free(buddy, frame, policy);
	}
	return frame;
}

static __always_inline struct listbuddy_frame *take_block(struct listbuddy *buddy,
							  unsigned int order,
							  struct policy policy)
{
	struct listbuddy_frame *frame;
	unsigned int from = order;

	while (!(frame = take_first(buddy, from, policy)))
		if (++from > buddy->top)
			return NULL;
	while (from > order) {
		from--;
		add_free(buddy, frame + (1UL << from), from, policy);
		if (policy.counts)
			buddy->nr_splits++;
	}
	frame->order = order;
	return frame;
}

static __always_inline struct listbuddy_frame *alloc(struct listbuddy *buddy, unsigned int order,
						     struct policy policy)
{
	struct listbuddy_frame *frame;
	unsigned long flags;

	spin_lock_irqsave(&buddy->lock, flags);
	frame = take_block(buddy, order, policy);
	if (policy.merge != LISTBUDDY_EAGER) {
		if (unlikely(!frame) && buddy->nr_waiting) {
			merge_all(buddy, policy);
			frame = take_block(buddy, order, policy);
		}
		if (frame)
			buddy->slack[order]++;
	}
	spin_unlock_irqrestore(&buddy->lock, flags);
	return frame;
}

/* ---- Free ------------------------------------------------------------- */

static __always_inline void give_block(struct listbuddy *buddy, struct listbuddy_frame *frame,
				       unsigned int order, struct policy policy)
{
	switch (policy.merge) {
	case LISTBUDDY_EAGER:
		merge(buddy, frame - buddy->frames, order, policy);
		return;
	case LISTBUDDY_SLACK:
		/* Two blocks less between those in use and those that wait, or one, or none. */
		if (buddy->slack[order]-- >= 2) {
			add_waiting(buddy, frame, order);
			return;
		}
		merge(buddy, frame - buddy->frames, order, policy);
		if (buddy->slack[order] < 0)
			merge_waiting(buddy, order, policy);
		return;
	case LISTBUDDY_DEFERRED:
		buddy->slack[order]--;
		add_waiting(buddy, frame, order);
		if (buddy->nr_waiting > buddy->watermark)
			merge_all(buddy, policy);
		return;
	}
}

static __always_inline void give(struct listbuddy *buddy, struct listbuddy_frame *frame,
				 unsigned int order, struct policy policy)
{
	unsigned long flags;

	spin_lock_irqsave(&buddy->lock, flags);
	give_block(buddy, frame, order, policy);
	spin_unlock_irqrestore(&buddy->lock, flags);
}

/* ---- The variants ----------------------------------------------------- */

#define LISTBUDDY_DEFINE(name, ...)								\
struct listbuddy_frame *name##_alloc(struct listbuddy *buddy, unsigned int order)		\
{												\
	return alloc(buddy, order, (struct policy) { __VA_ARGS__ });				\
}												\
void name##_free(struct listbuddy *buddy, struct listbuddy_frame *frame, unsigned int order)	\
{												\
	give(buddy, frame, order, (struct policy) { __VA_ARGS__ });				\
}

LISTBUDDY_DEFINE(listbuddy, LISTBUDDY_LIFO, LISTBUDDY_EAGER, false)
LISTBUDDY_DEFINE(listbuddy_lifo, LISTBUDDY_LIFO, LISTBUDDY_EAGER, true)
LISTBUDDY_DEFINE(listbuddy_fifo, LISTBUDDY_FIFO, LISTBUDDY_EAGER, true)
LISTBUDDY_DEFINE(listbuddy_address, LISTBUDDY_ADDRESS, LISTBUDDY_EAGER, true)
LISTBUDDY_DEFINE(listbuddy_slack, LISTBUDDY_LIFO, LISTBUDDY_SLACK, true)
LISTBUDDY_DEFINE(listbuddy_deferred, LISTBUDDY_LIFO, LISTBUDDY_DEFERRED, true)

/* ---- Set up ----------------------------------------------------------- */

static void init_lists(struct listbuddy *buddy)
{
	unsigned int order;

	for (order = 0; order < LISTBUDDY_ORDERS; order++) {
		INIT_LIST_HEAD(&buddy->free[order]);
		INIT_LIST_HEAD(&buddy->waiting[order]);
		buddy->sorted[order] = RB_ROOT_CACHED;
	}
}

/**
 * listbuddy_create() - an allocator of free frames
 * @nr_frames: how many, a power of two
 * @list: what is going to be used with it
 *
 * Context: may sleep.
 * Return: the allocator, or an error pointer.
 */
struct listbuddy *listbuddy_create(unsigned long nr_frames, enum listbuddy_list list)
{
	struct listbuddy *buddy;

	if (!is_power_of_2(nr_frames) || ilog2(nr_frames) >= LISTBUDDY_ORDERS)
		return ERR_PTR(-EINVAL);
	buddy = kzalloc(sizeof(*buddy), GFP_KERNEL);
	if (!buddy)
		return ERR_PTR(-ENOMEM);
	buddy->frames = vcalloc(nr_frames, sizeof(*buddy->frames));
	if (!buddy->frames) {
		kfree(buddy);
		return ERR_PTR(-ENOMEM);
	}
	spin_lock_init(&buddy->lock);
	buddy->top = ilog2(nr_frames);
	init_lists(buddy);
	add_free(buddy, buddy->frames, buddy->top, (struct policy) { .list = list });
	return buddy;
}

/**
 * listbuddy_destroy() - undo listbuddy_create()
 * @buddy: the allocator
 *
 * Context: may sleep.
 */
void listbuddy_destroy(struct listbuddy *buddy)
{
	vfree(buddy->frames);
	kfree(buddy);
}

/**
 * listbuddy_largest() - what could be had without merging anything
 * @buddy: the allocator; nobody else is at work in it
 *
 * Return: frames of the largest block that is free or waits, or 0.
 */
unsigned int listbuddy_largest(struct listbuddy *buddy)
{
	int order = (int)buddy->top;

	while (order >= 0 && list_empty(&buddy->free[order]) &&
	       list_empty(&buddy->waiting[order]) &&
	       RB_EMPTY_ROOT(&buddy->sorted[order].rb_root))
		order--;
	return order < 0 ? 0 : 1U << order;
}
