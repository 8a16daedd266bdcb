// SPDX-License-Identifier: GPL-2.0
/*
 * The shape of a slab; see layout.h.
 */
#include "slab/layout.h"

#define TRACK_BYTES	((u32)sizeof(u64))

/* Bonwick's bound: a slab may waste an eighth of itself. */
#define WASTE_SHIFT	3

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

/**
 * kmemx_layout_init() - choose the shape of a slab
 * @layout: to fill in
 * @size: object size, 1..KMEMX_OBJECT_MAX bytes
 * @align: power of two up to @page_size, or 0 for that of a u64; 1 and 2 are as 4, and with
 *	   @track 4 is as 8
 * @track: keep a word per object for its call site
 * @page_size: bytes in a page frame
 *
 * The smallest slab that wastes at most an eighth, or if there is none, the one
 * that wastes the least.
 *
 * Return: 0, or -EINVAL for a size or an alignment out of range.
 */
int kmemx_layout_init(struct kmemx_layout *layout, u32 size, u32 align, bool track,
		      u32 page_size)
{
	struct kmemx_layout best = { 0 };
	u32 order;

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
	for (order = 0; order <= KMEMX_SLAB_MAX_ORDER; order++) {
		u32 bytes = page_size << order;

		shape(layout, order, track, page_size);
		if (!layout->nr_objs || layout->nr_objs > KMEMX_SLAB_OBJS_MAX)
			continue;
		if (kmemx_layout_waste(layout, page_size) <= bytes >> WASTE_SHIFT)
			return 0;
		if (!best.nr_objs || wastes_less(layout, &best, page_size))
			best = *layout;
	}
	*layout = best;
	return 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_layout_init);
