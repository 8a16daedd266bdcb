/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How objects of one size lie in a slab, and how much waste that makes. Pure
 * arithmetic.
 *
 *   | object 0 | object 1 | ... | object nr_slots - 1 | track words | tail |
 *
 * A slab is 2^order page frames. A status byte per object (see slab.h) is kept outside
 * of the slab, where there is room for KMEMX_STATUS_BYTES per frame; if that is too
 * little, the bytes take the place of the first objects. Track words, one per object,
 * exist with track=1 only and hold call sites.
 */
#ifndef KMEMX_SLAB_LAYOUT_H
#define KMEMX_SLAB_LAYOUT_H

#include <kmemx/platform.h>

#define KMEMX_SLAB_MAX_ORDER	5
#define KMEMX_OBJECT_MIN	8
/* A slab of the largest order holds at least one object of any size. */
#define KMEMX_OBJECT_MAX	(64U << 10)

/* Status bytes that are set aside for each frame: enough for objects of 32 bytes in 4 KiB. */
#define KMEMX_STATUS_BYTES	128
/* An offset in a slab times the reciprocal of the stride is below 2^64. */
#define KMEMX_LAYOUT_SHIFT	40

/**
 * struct kmemx_layout - the shape of a slab
 * @recip: 2^KMEMX_LAYOUT_SHIFT / @stride, rounded up
 * @stride: from one object to the next, in bytes
 * @size: object size as asked for, in bytes
 * @align: of objects, in bytes
 * @order: of the slab
 * @nr_objs: objects in the slab
 * @nr_slots: places for objects, the first of which may be taken by status bytes
 * @skip: how many are
 * @track: offset of the track words in the slab, 0 if there are none
 */
struct kmemx_layout {
	u64 recip;
	u32 stride;
	u32 size;
	u32 align;
	u32 order;
	u32 nr_objs;
	u32 nr_slots;
	u32 skip;
	u32 track;
};

int kmemx_layout_init(struct kmemx_layout *layout, u32 size, u32 align, bool track,
		      u32 page_size);
u32 kmemx_layout_waste(const struct kmemx_layout *layout, u32 page_size);

/**
 * kmemx_layout_index() - in which object is an offset?
 * @layout: the shape
 * @offset: bytes from the start of the slab, below its size
 *
 * Multiplies by the reciprocal (Granlund and Montgomery, 1994). That is rounded up, by less
 * than 1, so the quotient is too large by less than @offset / 2^40; it is below the next
 * whole number by 1 / @stride at least, and @offset x @stride is less than 2^40.
 *
 * Return: @offset / @layout->stride.
 */
static __always_inline u32 kmemx_layout_index(const struct kmemx_layout *layout, u32 offset)
{
	return (u32)((offset * layout->recip) >> KMEMX_LAYOUT_SHIFT);
}

#endif /* KMEMX_SLAB_LAYOUT_H */
