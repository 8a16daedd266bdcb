// SPDX-License-Identifier: GPL-2.0
/*
 * A look at a region from outside.
 */
#include <linux/bitmap.h>
#include <linux/math64.h>
#include <linux/string.h>

#include "view.h"

/**
 * view_look() - see what is free now
 * @view: filled in
 * @fill: a region of TRACE_FRAMES frames
 */
void view_look(struct view *view, const struct fill *fill)
{
	unsigned int order;
	u32 i;

	memset(view, 0, sizeof(*view));
	for (i = 0; i < fill->nr_live; i++) {
		const struct fill_block *live = &fill->live[i];

		bitmap_set(view->used[0], fill->peer->blocks->frame(fill->ctx, live->block),
			   1UL << live->order);
	}
	for (order = 1; order <= VIEW_ORDER; order++)
		for_each_set_bit(i, view->used[order - 1], TRACE_FRAMES >> (order - 1))
			__set_bit(i / 2, view->used[order]);
}

/* Frames in free blocks of @order, aligned as a buddy's are. */
static u32 usable(const struct view *view, unsigned int order)
{
	u32 nr_blocks = TRACE_FRAMES >> order;

	return (nr_blocks - bitmap_weight(view->used[order], nr_blocks)) << order;
}

/**
 * view_largest() - the largest free block, aligned as a buddy's are
 * @view: the region
 *
 * Return: its frames, or 0.
 */
u32 view_largest(const struct view *view)
{
	unsigned int order = VIEW_ORDER + 1;

	while (order--)
		if (usable(view, order))
			return 1U << order;
	return 0;
}

/**
 * view_unusable() - what is free in vain
 * @view: the region
 * @order: of a request
 *
 * Return: the share of free frames that the request cannot use, in units of 1/VIEW_ONE;
 * 0 if none are free.
 */
u64 view_unusable(const struct view *view, unsigned int order)
{
	u32 nr_free = usable(view, 0);

	return nr_free ? div_u64((nr_free - usable(view, order)) * VIEW_ONE, nr_free) : 0;
}

/* Free blocks that are not half of a larger one. */
static u32 free_blocks(const struct view *view)
{
	unsigned int order;
	u32 nr = 0;

	for (order = 0; order <= VIEW_ORDER; order++) {
		nr += usable(view, order) >> order;
		if (order)
			nr -= 2 * (usable(view, order) >> order);
	}
	return nr;
}

/**
 * view_extfrag() - the kernel's index of external fragmentation
 * @view: the region
 * @order: of a request
 *
 * As __fragmentation_index() of the kernel's vmstat.c has it.
 *
 * Return: in thousandths: -1000 if the request would not fail; else from 0, for want of memory, to
 * 1000, as it is in pieces.
 */
int view_extfrag(const struct view *view, unsigned int order)
{
	u32 nr_blocks = free_blocks(view);

	if (!nr_blocks)
		return 0;
	if (usable(view, order))
		return -1000;
	return 1000 - (int)((1000 + (usable(view, 0) * 1000 >> order)) / nr_blocks);
}
