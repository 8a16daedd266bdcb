/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How objects of one size lie in a slab, and how much waste that makes. Pure
 * arithmetic.
 *
 *   | object 0 | object 1 | ... | object nr_objs - 1 | track words | tail |
 *
 * A slab is 2^order page frames. Nothing is kept in the objects: which of them
 * are taken and which are live is in two maps in the slab's descriptor (see
 * slab.h), and how many bits fit there bounds the number of objects. Track
 * words, one per object, exist with track=1 only and hold call sites.
 */
#ifndef KMEMX_SLAB_LAYOUT_H
#define KMEMX_SLAB_LAYOUT_H

#include <kmemx/platform.h>

#define KMEMX_SLAB_MAX_ORDER	5
#define KMEMX_OBJECT_MIN	8
/* A slab of the largest order holds at least one object of any size. */
#define KMEMX_OBJECT_MAX	(64U << 10)

/* Descriptor bytes per frame of a slab, and what of them is no map. */
#define KMEMX_DESC_BYTES	128
#define KMEMX_DESC_HEADER	16

/**
 * struct kmemx_layout - the shape of a slab
 * @size: object size as asked for, in bytes
 * @stride: from one object to the next, in bytes
 * @order: of the slab
 * @nr_objs: objects in the slab
 * @nr_words: words of each of the two maps
 * @track: offset of the track words in the slab, 0 if there are none
 */
struct kmemx_layout {
	u32 size;
	u32 stride;
	u32 order;
	u32 nr_objs;
	u32 nr_words;
	u32 track;
};

int kmemx_layout_init(struct kmemx_layout *layout, u32 size, u32 align, bool track,
		      u32 page_size);
u32 kmemx_layout_waste(const struct kmemx_layout *layout, u32 page_size);

#endif /* KMEMX_SLAB_LAYOUT_H */
