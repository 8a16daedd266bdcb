// SPDX-License-Identifier: GPL-2.0
/*
 * The textbook buddy, as the yardstick that everybody can read: split the first
 * block that is large enough, merge with the buddy while it is free.
 *
 * Locking: buddy->lock, with interrupts off, around each operation.
 */
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "listbuddy.h"

/**
 * listbuddy_create() - an allocator of free frames
 * @nr_frames: how many, a power of two
 *
 * Context: may sleep.
 * Return: the allocator, or an error pointer.
 */
struct listbuddy *listbuddy_create(unsigned long nr_frames)
{
	struct listbuddy *buddy;
	unsigned int order;

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
	for (order = 0; order < LISTBUDDY_ORDERS; order++)
		INIT_LIST_HEAD(&buddy->free[order]);
	buddy->frames[0].order = buddy->top;
	buddy->frames[0].free = true;
	list_add(&buddy->frames[0].link, &buddy->free[buddy->top]);
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

static void add_free(struct listbuddy *buddy, struct listbuddy_frame *frame,
		     unsigned int order)
{
	frame->order = order;
	frame->free = true;
	list_add(&frame->link, &buddy->free[order]);
}

static void del_free(struct listbuddy_frame *frame)
{
	frame->free = false;
	list_del(&frame->link);
}

static struct listbuddy_frame *take_block(struct listbuddy *buddy, unsigned int order)
{
	struct listbuddy_frame *frame;
	unsigned int from = order;

	while (from <= buddy->top && list_empty(&buddy->free[from]))
		from++;
	if (from > buddy->top)
		return NULL;
	frame = list_first_entry(&buddy->free[from], struct listbuddy_frame, link);
	del_free(frame);
	while (from > order) {
		from--;
		add_free(buddy, frame + (1UL << from), from);
	}
	frame->order = order;
	return frame;
}

/**
 * listbuddy_alloc() - allocate a block
 * @buddy: the allocator
 * @order: log2 of its frames
 *
 * Context: any but NMI.
 * Return: the first frame of the block, or NULL.
 */
struct listbuddy_frame *listbuddy_alloc(struct listbuddy *buddy, unsigned int order)
{
	struct listbuddy_frame *frame;
	unsigned long flags;

	spin_lock_irqsave(&buddy->lock, flags);
	frame = take_block(buddy, order);
	spin_unlock_irqrestore(&buddy->lock, flags);
	return frame;
}

static void give_block(struct listbuddy *buddy, unsigned long index, unsigned int order)
{
	for (; order < buddy->top; order++) {
		struct listbuddy_frame *other = &buddy->frames[index ^ (1UL << order)];

		if (!other->free || other->order != order)
			break;
		del_free(other);
		index &= ~(1UL << order);
	}
	add_free(buddy, &buddy->frames[index], order);
}

/**
 * listbuddy_free() - free a block
 * @buddy: the allocator
 * @frame: what listbuddy_alloc() gave
 * @order: the order it was given for
 *
 * Context: any but NMI.
 */
void listbuddy_free(struct listbuddy *buddy, struct listbuddy_frame *frame,
		    unsigned int order)
{
	unsigned long flags;

	spin_lock_irqsave(&buddy->lock, flags);
	give_block(buddy, frame - buddy->frames, order);
	spin_unlock_irqrestore(&buddy->lock, flags);
}
