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
#define KMEMX_ALIGN_MIN		4
/* A slab of the largest order holds at least one object of any size. */
#define KMEMX_OBJECT_MAX	(64U << 10)
/* What the state word of a slab can count, and one more. */
#define KMEMX_SLAB_OBJS_MAX	0xfffeU

/* Status bytes that are set aside for each frame: enough for objects of 32 bytes in 4 KiB. */
#define KMEMX_STATUS_BYTES	128

/**
 * struct kmemx_layout - the shape of a slab
 * @recip: 2^64 / @stride, rounded up
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
 * kmemx_layout_find() - does an object begin at an offset?
 * @layout: the shape
 * @offset: bytes from the start of the slab
 * @i: set to @offset / @layout->stride
 *
 * One multiplication (Lemire, Kaser and Kurz, "Faster remainder by direct computation",
 * 2019). With c the reciprocal, c x stride is 2^64 + e with e < stride; so of offset = q x
 * stride + r times c, the high half is q, and the low half q x e + r x c, which is less than c
 * for r = 0 only, as q x e <= offset is less than 2^32, and c no less than 2^47.
 *
 * Return: whether @offset is a multiple of @layout->stride.
 */
static __always_inline bool kmemx_layout_find(const struct kmemx_layout *layout, u32 offset,
					      u64 *i)
{
	return kmemx_mul(offset, &layout->recip, i) < layout->recip;
}

/**
 * kmemx_layout_index() - in which object is an offset?
 * @layout: the shape
 * @offset: bytes from the start of the slab
 *
 * Return: @offset / @layout->stride.
 */
static inline u32 kmemx_layout_index(const struct kmemx_layout *layout, u32 offset)
{
	u64 i;

	kmemx_layout_find(layout, offset, &i);
	return (u32)i;
}

#endif /* KMEMX_SLAB_LAYOUT_H */
