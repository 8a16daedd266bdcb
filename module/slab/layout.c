// SPDX-License-Identifier: GPL-2.0
/*
 * The shape of a slab; see layout.h.
 */
#include "slab/layout.h"

#define TRACK_BYTES	((u32)sizeof(u64))

/* Bonwick's bound: a slab may waste an eighth of itself. */
#define WASTE_SHIFT	3
/* What one need not be large for, it should not waste: a sixteenth, in up to eight pages. */
#define LITTLE_SHIFT	4
#define LITTLE_ORDER	3

static void shape(struct kmemx_layout *layout, u32 order, bool track, u32 page_size)
{
	u32 per_obj = layout->stride + (track ? TRACK_BYTES : 0);
	u32 bytes = page_size << order;
	/* Who looks up an address in the tail finds a byte as well. */
	u32 nr_bytes = DIV_ROUND_UP(bytes, layout->stride);

	layout->order = order;
	layout->nr_slots = bytes / per_obj;
	layout->skip = 0;
	/* They are read in words. */
	if (nr_bytes > KMEMX_STATUS_BYTES << order)
		layout->skip = DIV_ROUND_UP(ALIGN(nr_bytes, (u32)sizeof(u64)), layout->stride);
	layout->nr_objs = layout->nr_slots - min(layout->skip, layout->nr_slots);
	layout->track = track ? layout->nr_slots * layout->stride : 0;
}

/**
 * kmemx_layout_waste() - bytes of a slab that are in no object
 * @layout: the shape
 * @page_size: bytes in a page frame
 *
 * Return: the tail and the track words.
 */
u32 kmemx_layout_waste(const struct kmemx_layout *layout, u32 page_size)
{
	return (page_size << layout->order) - layout->nr_objs * layout->stride;
}
KMEMX_EXPORT_FOR_TEST(kmemx_layout_waste);

static bool wastes_less(const struct kmemx_layout *a, const struct kmemx_layout *b,
			u32 page_size)
{
	return (u64)kmemx_layout_waste(a, page_size) << b->order <
		(u64)kmemx_layout_waste(b, page_size) << a->order;
}

/* Has the slab an object, and no more than its state word can count? */
static bool is_possible(const struct kmemx_layout *layout)
{
	return layout->nr_objs && layout->nr_objs <= KMEMX_SLAB_OBJS_MAX;
}

/* The smallest slab up to an order that wastes no more than 2^-@shift of itself, if any. */
static bool find_smallest(struct kmemx_layout *layout, bool track, u32 page_size, u32 max_order,
			  unsigned int shift)
{
	u32 order;

	for (order = 0; order <= max_order; order++) {
		shape(layout, order, track, page_size);
		if (is_possible(layout) &&
		    kmemx_layout_waste(layout, page_size) <= page_size << order >> shift)
			return true;
	}
	return false;
}

/* The slab, of any order, that wastes the least; of several the smallest. */
static void find_least(struct kmemx_layout *layout, bool track, u32 page_size)
{
	struct kmemx_layout best = { 0 };
	u32 order;

	for (order = 0; order <= KMEMX_SLAB_MAX_ORDER; order++) {
		shape(layout, order, track, page_size);
		if (is_possible(layout) && (!best.nr_objs || wastes_less(layout, &best, page_size)))
			best = *layout;
	}
	*layout = best;
}

/**
 * kmemx_layout_init() - choose the shape of a slab
 * @layout: to fill in
 * @size: object size, 1..KMEMX_OBJECT_MAX bytes
 * @align: power of two up to @page_size, or 0 for that of a u64; 1 and 2 are as 4, and with
 *	   @track 4 is as 8
 * @track: keep a word per object for its call site
 * @page_size: bytes in a page frame
 *
 * The smallest slab of up to eight pages that wastes at most a sixteenth; if there is none, the
 * smallest that wastes at most an eighth; or the one that wastes the least.
 *
 * Return: 0, or -EINVAL for a size or an alignment out of range.
 */
int kmemx_layout_init(struct kmemx_layout *layout, u32 size, u32 align, bool track,
		      u32 page_size)
{
	if (!align)
		align = KMEMX_OBJECT_MIN;
	if (!size || size > KMEMX_OBJECT_MAX || !is_power_of_2(align) || align > page_size)
		return -EINVAL;
	/* Track words are behind the objects, and 8 bytes each. */
	align = max_t(u32, align, track ? KMEMX_OBJECT_MIN : KMEMX_ALIGN_MIN);
	layout->size = size;
	layout->align = align;
	layout->stride = max_t(u32, ALIGN(size, align), KMEMX_OBJECT_MIN);
	layout->recip = U64_MAX / layout->stride + 1;
	if (!find_smallest(layout, track, page_size, LITTLE_ORDER, LITTLE_SHIFT) &&
	    !find_smallest(layout, track, page_size, KMEMX_SLAB_MAX_ORDER, WASTE_SHIFT))
		find_least(layout, track, page_size);
	return 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_layout_init);
