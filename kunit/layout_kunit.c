// SPDX-License-Identifier: GPL-2.0
/*
 * The shape of slabs, for every size.
 */
#include "slab/layout.h"
#include <kunit/test.h>

#define PAGE	4096U

static void expect_find(struct kunit *test, const struct kmemx_layout *layout, u32 offset)
{
	u64 i;

	KUNIT_ASSERT_EQ(test, kmemx_layout_find(layout, offset, &i), !(offset % layout->stride));
	KUNIT_ASSERT_EQ(test, i, (u64)(offset / layout->stride));
}

/*
 * Every offset belongs to an object, a place that status bytes have, or the tail. That of
 * the first byte of an object, the second and the last say it for those between: both halves
 * of the product rise with the offset, as long as the high one is the same.
 */
static void expect_index(struct kunit *test, const struct kmemx_layout *layout)
{
	u32 bytes = PAGE << layout->order, offset;

	for (offset = 0; offset < bytes; offset += layout->stride) {
		expect_find(test, layout, offset);
		expect_find(test, layout, offset + 1);
		expect_find(test, layout, offset + layout->stride - 1);
	}
}

static void expect_shape(struct kunit *test, u32 size, u32 align, bool track)
{
	struct kmemx_layout layout;
	u32 bytes, nr_bytes;

	KUNIT_ASSERT_EQ(test, kmemx_layout_init(&layout, size, align, track, PAGE), 0);
	bytes = PAGE << layout.order;
	/* That of the highest address is looked at too, and they are read in words. */
	nr_bytes = ALIGN((bytes - 1) / layout.stride + 1, 8);
	KUNIT_ASSERT_GE(test, layout.stride, size);
	KUNIT_ASSERT_EQ(test, layout.stride % max_t(u32, align ? align : 8, track ? 8 : 4), 0U);
	KUNIT_ASSERT_GE(test, layout.stride, KMEMX_OBJECT_MIN);
	KUNIT_ASSERT_GE(test, layout.nr_objs, 1U);
	KUNIT_ASSERT_EQ(test, layout.nr_objs + layout.skip, layout.nr_slots);
	KUNIT_ASSERT_LE(test, nr_bytes, layout.skip ? layout.skip * layout.stride :
			(u32)KMEMX_STATUS_BYTES << layout.order);
	KUNIT_ASSERT_EQ(test, layout.track != 0, track);
	if (track) {
		KUNIT_ASSERT_GE(test, layout.track, layout.nr_slots * layout.stride);
		KUNIT_ASSERT_LE(test, layout.track + layout.nr_slots * 8, bytes);
	}
	KUNIT_ASSERT_LE(test, layout.nr_slots * layout.stride, bytes);
	KUNIT_ASSERT_EQ(test, kmemx_layout_waste(&layout, PAGE),
			bytes - layout.nr_objs * layout.stride);
	expect_index(test, &layout);
}

static void layout_every_size_fits(struct kunit *test)
{
	u32 size;

	for (size = 1; size <= KMEMX_OBJECT_MAX; size += size < 9000 ? 1 : 509) {
		expect_shape(test, size, 0, false);
		expect_shape(test, size, 0, true);
		expect_shape(test, size, 4, false);
		expect_shape(test, size, 4, true);
		expect_shape(test, size, 1, false);
		expect_shape(test, size, 64, false);
	}
	expect_shape(test, KMEMX_OBJECT_MAX, PAGE, false);
}

static void layout_finds_objects_of_every_stride(struct kunit *test)
{
	struct kmemx_layout layout;
	u32 stride;

	for (stride = KMEMX_OBJECT_MIN; stride <= KMEMX_OBJECT_MAX; stride += KMEMX_ALIGN_MIN) {
		KUNIT_ASSERT_EQ(test, kmemx_layout_init(&layout, stride, 4, false, PAGE), 0);
		KUNIT_ASSERT_EQ(test, layout.stride, stride);
		expect_index(test, &layout);
		/* In no slab, but an address that is looked up while a slab ends may be there. */
		expect_find(test, &layout, U32_MAX);
		expect_find(test, &layout, U32_MAX / stride * stride);
	}
}

static void layout_wastes_at_most_an_eighth(struct kunit *test)
{
	struct kmemx_layout layout;
	u32 size;

	for (size = 8; size <= 8192; size += 8) {
		KUNIT_ASSERT_EQ(test, kmemx_layout_init(&layout, size, 0, false, PAGE), 0);
		KUNIT_ASSERT_LE(test, kmemx_layout_waste(&layout, PAGE) * 8, PAGE << layout.order);
	}
}

/* The state word of a slab counts them. */
static void layout_can_be_counted_with_any_page(struct kunit *test)
{
	struct kmemx_layout layout;
	u32 size, page, align;

	for (page = 4096; page <= 65536; page *= 4) {
		for (size = 1; size <= KMEMX_OBJECT_MAX; size += size < 4096 ? 1 : 509) {
			for (align = 4; align <= 64; align *= 2) {
				kmemx_layout_init(&layout, size, align, true, page);
				KUNIT_ASSERT_GT(test, layout.nr_objs, 0U);
				KUNIT_ASSERT_LE(test, layout.nr_objs, KMEMX_SLAB_OBJS_MAX);
				kmemx_layout_init(&layout, size, align, false, page);
				KUNIT_ASSERT_GT(test, layout.nr_objs, 0U);
				KUNIT_ASSERT_LE(test, layout.nr_objs, KMEMX_SLAB_OBJS_MAX);
			}
		}
	}
}

static void layout_worked_examples(struct kunit *test)
{
	struct kmemx_layout layout;

	kmemx_layout_init(&layout, 100, 0, false, PAGE);
	KUNIT_EXPECT_EQ(test, layout.stride, 104U);
	KUNIT_EXPECT_EQ(test, layout.nr_objs, 39U);
	KUNIT_EXPECT_EQ(test, layout.order, 0U);
	kmemx_layout_init(&layout, 64, 0, false, PAGE);
	KUNIT_EXPECT_EQ(test, layout.nr_objs, 64U);
	KUNIT_EXPECT_EQ(test, layout.skip, 0U);
	/* Their status bytes just fit beside the slab; those of smaller ones do not. */
	kmemx_layout_init(&layout, 32, 0, false, PAGE);
	KUNIT_EXPECT_EQ(test, layout.nr_objs, 128U);
	KUNIT_EXPECT_EQ(test, layout.skip, 0U);
	kmemx_layout_init(&layout, 16, 0, false, PAGE);
	KUNIT_EXPECT_EQ(test, layout.nr_objs, 240U);
	KUNIT_EXPECT_EQ(test, layout.skip, 16U);
	/* Four in a page would waste an eighth. */
	kmemx_layout_init(&layout, 896, 0, false, PAGE);
	KUNIT_EXPECT_EQ(test, layout.order, 1U);
	KUNIT_EXPECT_EQ(test, layout.nr_objs, 9U);
	/* What would take 16 pages to waste less does waste that. */
	kmemx_layout_init(&layout, 7168, 0, false, PAGE);
	KUNIT_EXPECT_EQ(test, layout.order, 1U);
	KUNIT_EXPECT_EQ(test, layout.nr_objs, 1U);
	kmemx_layout_init(&layout, 3072, 0, false, PAGE);
	KUNIT_EXPECT_EQ(test, layout.order, 2U);
	KUNIT_EXPECT_EQ(test, layout.nr_objs, 5U);
	/* One in 64 KiB wastes as much as two in 128: the smaller slab. */
	kmemx_layout_init(&layout, 45000, 0, false, PAGE);
	KUNIT_EXPECT_EQ(test, layout.order, 4U);
	KUNIT_EXPECT_EQ(test, layout.nr_objs, 1U);
}

/* Frames that SLUB held for 10,000 objects in the bench, on Linux 7.2. */
static const struct {
	u32 size, frames;
} slub_held[] = {
	{ 32, 79 }, { 40, 99 }, { 48, 119 }, { 56, 139 }, { 64, 158 }, { 80, 197 },
	{ 96, 241 }, { 112, 279 }, { 128, 314 }, { 160, 401 }, { 192, 478 }, { 224, 557 },
	{ 256, 626 }, { 320, 834 }, { 384, 1001 }, { 448, 1112 }, { 512, 1251 }, { 640, 1668 },
	{ 768, 2002 }, { 896, 2224 }, { 1024, 2502 }, { 1280, 3336 }, { 1536, 4004 },
	{ 1792, 4448 }, { 2048, 5004 }, { 2560, 6672 }, { 3072, 8008 }, { 3584, 8896 },
	{ 4096, 10000 }, { 5120, 13336 }, { 6144, 16000 }, { 7168, 20000 }, { 8192, 20000 },
};

static void layout_holds_no_more_than_slub(struct kunit *test)
{
	struct kmemx_layout layout;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(slub_held); i++) {
		u32 frames;

		KUNIT_ASSERT_EQ(test, kmemx_layout_init(&layout, slub_held[i].size, 0, false, PAGE),
				0);
		frames = DIV_ROUND_UP(10000, layout.nr_objs) << layout.order;
		KUNIT_EXPECT_LE_MSG(test, frames, slub_held[i].frames, "size %u",
				    slub_held[i].size);
	}
}

/* Objects of 100 bytes: a page has no header, so it holds all that it could. */
static void layout_of_100_bytes_fills_a_page(struct kunit *test)
{
	struct kmemx_layout layout;

	KUNIT_ASSERT_EQ(test, kmemx_layout_init(&layout, 100, 4, false, PAGE), 0);
	KUNIT_EXPECT_EQ(test, layout.order, 0U);
	KUNIT_EXPECT_EQ(test, layout.nr_objs, 40U);
	KUNIT_EXPECT_EQ(test, kmemx_layout_waste(&layout, PAGE), 96U);
	/* Forty pages, one each, would waste that much of each. */
	KUNIT_EXPECT_EQ(test, PAGE - (PAGE - kmemx_layout_waste(&layout, PAGE)) / layout.nr_objs,
			3996U);
}

static void layout_refuses_nonsense(struct kunit *test)
{
	struct kmemx_layout layout;

	KUNIT_EXPECT_EQ(test, kmemx_layout_init(&layout, 0, 0, false, PAGE), -EINVAL);
	KUNIT_EXPECT_EQ(test, kmemx_layout_init(&layout, KMEMX_OBJECT_MAX + 1, 0, false, PAGE),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, kmemx_layout_init(&layout, 64, 48, false, PAGE), -EINVAL);
	KUNIT_EXPECT_EQ(test, kmemx_layout_init(&layout, 64, 3, false, PAGE), -EINVAL);
	KUNIT_EXPECT_EQ(test, kmemx_layout_init(&layout, 64, 2 * PAGE, false, PAGE), -EINVAL);
}

static struct kunit_case layout_cases[] = {
	KUNIT_CASE(layout_every_size_fits),
	KUNIT_CASE(layout_finds_objects_of_every_stride),
	KUNIT_CASE(layout_wastes_at_most_an_eighth),
	KUNIT_CASE(layout_can_be_counted_with_any_page),
	KUNIT_CASE(layout_holds_no_more_than_slub),
	KUNIT_CASE(layout_worked_examples),
	KUNIT_CASE(layout_of_100_bytes_fills_a_page),
	KUNIT_CASE(layout_refuses_nonsense),
	{}
};

static struct kunit_suite layout_suite = {
	.name = "kmemx_layout",
	.test_cases = layout_cases,
};

kunit_test_suites(&layout_suite);
