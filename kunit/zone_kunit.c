// SPDX-License-Identifier: GPL-2.0
/*
 * A zone: allocations of any number of frames, refused frees, and the whole
 * against a byte per frame.
 */
#include "buddy/zone.h"
#include "buddy/zone_bins.h"
#include "buddy/zone_block.h"
#include "buddy/zone_census.h"
#include "buddy/zone_check.h"
#include "buddy/zone_info.h"
#include "buddy/zone_run.h"
#include "random.h"
#include "threads.h"

#define BASE_PFN	0x12300UL	/* In the middle of a chunk. */
#define NR_FRAMES	(7 * 512UL + 100)
/* Frame 0 of the zone is that of the chunk in which the extent starts. */
#define BASE		round_down(BASE_PFN, KMEMX_CHUNK_FRAMES)
#define FIRST		(BASE_PFN - BASE)
#define END		(FIRST + NR_FRAMES)
#define KIND		KMEMX_KIND_CONTIG

struct fixture {
	struct kmemx_extent ext;
	struct kmemx_zone zone;
	u8 *owner;	/* Per frame: 0 free, else a tag. */
};

static int zone_fixture_init(struct kunit *test)
{
	struct fixture *fx = kunit_kzalloc(test, sizeof(*fx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fx);
	test->priv = fx;
	fx->ext = (struct kmemx_extent){ .pfn = BASE_PFN, .nr_frames = NR_FRAMES };
	KUNIT_ASSERT_EQ(test, kmemx_zone_init(&fx->zone, 1, &fx->ext), 0);
	fx->owner = vzalloc(END);
	KUNIT_ASSERT_NOT_NULL(test, fx->owner);
	return 0;
}

static void zone_fixture_exit(struct kunit *test)
{
	struct fixture *fx = test->priv;

	if (!fx)
		return;
	kmemx_zone_fini(&fx->zone);
	vfree(fx->owner);
}

static void expect_sound(struct kunit *test, struct fixture *fx)
{
	const char *why = kmemx_zone_check(&fx->zone);

	KUNIT_ASSERT_TRUE_MSG(test, !why, "%s", why ? why : "");
}

static void expect_all_free(struct kunit *test, struct fixture *fx)
{
	expect_sound(test, fx);
	KUNIT_ASSERT_EQ(test, kmemx_zone_nr_free(&fx->zone), NR_FRAMES);
}

static enum kmemx_verdict free_all(struct kmemx_zone *zone, unsigned int frame,
				   enum kmemx_kind kind, unsigned long nr)
{
	enum kmemx_verdict verdict;
	u8 info;

	verdict = kmemx_zone_claim(zone, frame, kind, nr, &info);
	if (verdict)
		return verdict;
	for (;;) {
		unsigned int block = frame, order = kmemx_info_order(info);
		bool more = info & KMEMX_INFO_MORE;

		if (more)
			frame = kmemx_zone_next(zone, frame, &info);
		kmemx_zone_give(zone, block, order);
		if (!more)
			return KMEMX_FREE_OK;
	}
}

static void zone_starts_free(struct kunit *test)
{
	struct fixture *fx = test->priv;

	expect_all_free(test, fx);
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc(&fx->zone, 0, 1, KIND), (long)-ENOSPC);
	expect_all_free(test, fx);
	KUNIT_EXPECT_EQ(test, BASE % KMEMX_CHUNK_FRAMES, 0UL);
	KUNIT_EXPECT_EQ(test, BASE + FIRST, BASE_PFN);
	KUNIT_EXPECT_EQ(test, END - FIRST, (unsigned int)NR_FRAMES);
}

static void zone_blocks_are_naturally_aligned(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int order;

	for (order = 0; order <= 11; order++) {
		unsigned long nr = 1UL << order;
		long frame = kmemx_zone_alloc(&fx->zone, nr, nr, KIND);

		KUNIT_ASSERT_GE(test, frame, 0L);
		KUNIT_EXPECT_EQ(test, (BASE + frame) % nr, 0UL);
		expect_sound(test, fx);
		KUNIT_EXPECT_EQ(test, kmemx_zone_block_frames(&fx->zone, frame), nr);
		KUNIT_EXPECT_EQ(test, free_all(&fx->zone, frame, KIND, nr), KMEMX_FREE_OK);
		expect_all_free(test, fx);
	}
}

/* What is from each frame of an allocation on, of @nr frames with nothing beside it. */
static void expect_frames_from(struct kunit *test, struct fixture *fx, unsigned int frame,
			       unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		unsigned long some = kmemx_zone_frames_from(&fx->zone, frame + i, 1);

		KUNIT_ASSERT_EQ(test, kmemx_zone_frames_from(&fx->zone, frame + i, nr - i), nr - i);
		KUNIT_ASSERT_EQ(test, kmemx_zone_frames_from(&fx->zone, frame + i, ULONG_MAX),
				nr - i);
		KUNIT_ASSERT_GE(test, some, 1UL);
		KUNIT_ASSERT_LE(test, some, nr - i);
	}
	KUNIT_ASSERT_EQ(test, kmemx_zone_frames_from(&fx->zone, frame - 1, 1), 0UL);
	for (i = nr; i < nr + 20 && frame + i < kmemx_zone_end(&fx->zone); i++)
		KUNIT_ASSERT_EQ(test, kmemx_zone_frames_from(&fx->zone, frame + i, 1), 0UL);
}

static void zone_any_length_takes_no_more(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned long nr;

	for (nr = 1; nr < 1600; nr += nr < 70 ? 1 : 37) {
		long frame = kmemx_zone_alloc(&fx->zone, nr, 1, KIND);

		KUNIT_ASSERT_GE(test, frame, 0L);
		expect_sound(test, fx);
		KUNIT_ASSERT_EQ(test, kmemx_zone_nr_free(&fx->zone), NR_FRAMES - nr);
		KUNIT_ASSERT_EQ(test, kmemx_zone_block_frames(&fx->zone, frame), nr);
		expect_frames_from(test, fx, frame, nr);
		KUNIT_ASSERT_EQ(test, free_all(&fx->zone, frame, KIND, 0), KMEMX_FREE_OK);
		expect_all_free(test, fx);
	}
}

static void zone_honours_alignment(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned long align;

	for (align = 1; align <= 2048; align *= 2) {
		long first = kmemx_zone_alloc(&fx->zone, 3, align, KIND);
		long second = kmemx_zone_alloc(&fx->zone, 3, align, KIND);

		KUNIT_ASSERT_GE(test, first, 0L);
		KUNIT_EXPECT_EQ(test, (BASE + first) % align, 0UL);
		if (second >= 0) {
			KUNIT_EXPECT_EQ(test, (BASE + second) % align, 0UL);
			free_all(&fx->zone, second, KIND, 0);
		}
		free_all(&fx->zone, first, KIND, 0);
		expect_all_free(test, fx);
	}
}

/* No run crosses a multiple of the boundary, and all that fit beside each other are found. */
static void zone_keeps_within_boundaries(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned long nr, bound;

	for (bound = 1; bound <= 4096; bound *= 2) {
		for (nr = 1; nr <= bound; nr += nr < 9 ? 1 : nr / 3) {
			long frame[8];
			int i, n;

			for (n = 0; n < 8; n++) {
				unsigned long pfn;

				frame[n] = kmemx_zone_alloc_bound(&fx->zone, nr, 1, bound, KIND);
				if (frame[n] < 0)
					break;
				pfn = BASE + (unsigned long)frame[n];
				KUNIT_ASSERT_EQ(test, pfn / bound, (pfn + nr - 1) / bound);
			}
			expect_sound(test, fx);
			for (i = 0; i < n; i++)
				KUNIT_ASSERT_EQ(test, free_all(&fx->zone, (unsigned int)frame[i],
							       KIND, nr), KMEMX_FREE_OK);
		}
	}
	/* The first whole chunk is two before a multiple of four. */
	KUNIT_EXPECT_EQ(test, (BASE / 512 + 1) % 4, 2UL);
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc_bound(&fx->zone, 3 * 512, 1, 4 * 512, KIND),
			(long)(ALIGN(BASE / 512 + 1, 4) - BASE / 512) * 512);
}

static void zone_allocates_just_these_frames(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int frame, nr;

	for (frame = FIRST; frame < END; frame += frame < FIRST + 40 ? 1 : 171) {
		for (nr = 1; nr <= END - frame; nr += nr < 20 ? 3 : 300) {
			KUNIT_ASSERT_EQ(test, kmemx_zone_alloc_at(&fx->zone, frame, nr, KIND), 0);
			expect_sound(test, fx);
			KUNIT_ASSERT_EQ(test, kmemx_zone_block_frames(&fx->zone, frame),
					(unsigned long)nr);
			KUNIT_ASSERT_EQ(test, kmemx_zone_nr_free(&fx->zone), NR_FRAMES - nr);
			KUNIT_ASSERT_EQ(test, kmemx_zone_alloc_at(&fx->zone, frame + nr - 1, 1,
								  KIND), -ENOSPC);
			KUNIT_ASSERT_EQ(test, free_all(&fx->zone, frame, KIND, nr),
					KMEMX_FREE_OK);
		}
	}
	expect_all_free(test, fx);
	/* What is not there, or goes beyond. */
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc_at(&fx->zone, FIRST - 1, 2, KIND), -ENOSPC);
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc_at(&fx->zone, END - 1, 2, KIND), -ENOSPC);
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc_at(&fx->zone, FIRST, NR_FRAMES + 1, KIND), -ENOSPC);
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc_at(&fx->zone, FIRST, ~0UL, KIND), -ENOSPC);
	/* One in the last chunk, which has as many that are free: those before are given back. */
	KUNIT_ASSERT_EQ(test, kmemx_zone_alloc_at(&fx->zone, END - 2, 1, KIND), 0);
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc_at(&fx->zone, FIRST, NR_FRAMES - 1, KIND), -ENOSPC);
	KUNIT_ASSERT_EQ(test, free_all(&fx->zone, END - 2, KIND, 1), KMEMX_FREE_OK);
	expect_all_free(test, fx);
}

/* What is in the way is seen before anything is taken, if it is one of many chunks. */
static void zone_place_that_is_used_costs_nobody(struct kunit *test)
{
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_EQ(test, kmemx_zone_alloc_at(&fx->zone, 6 * 512 + 7, 1, KIND), 0);
	KUNIT_ASSERT_EQ(test, kmemx_zone_peak_chunks(&fx->zone), 3U);
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc_at(&fx->zone, FIRST, NR_FRAMES, KIND), -ENOSPC);
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc_at(&fx->zone, 512, 6 * 512, KIND), -ENOSPC);
	/* Which notes whatever is taken, for however short a time. */
	KUNIT_EXPECT_EQ(test, kmemx_zone_peak_chunks(&fx->zone), 3U);
	KUNIT_ASSERT_EQ(test, free_all(&fx->zone, 6 * 512 + 7, KIND, 1), KMEMX_FREE_OK);
	expect_all_free(test, fx);
}

static void zone_gives_every_frame_once(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int order;

	for (order = 0; order <= 3; order++) {
		unsigned long nr = 0;
		long frame;

		memset(fx->owner, 0, END);
		for (;;) {
			frame = kmemx_zone_alloc(&fx->zone, 1UL << order, 1UL << order, KIND);
			if (frame < 0)
				break;
			KUNIT_ASSERT_GE(test, frame, (long)FIRST);
			KUNIT_ASSERT_LE(test, frame + (1L << order), (long)END);
			KUNIT_ASSERT_EQ(test, fx->owner[frame], 0);
			fx->owner[frame] = 1;
			nr += 1UL << order;
		}
		KUNIT_EXPECT_EQ(test, frame, (long)-ENOSPC);
		KUNIT_EXPECT_EQ(test, nr + kmemx_zone_nr_free(&fx->zone), NR_FRAMES);
		KUNIT_EXPECT_LT(test, kmemx_zone_largest(&fx->zone, NULL), 1UL << order);
		for (frame = 0; frame < END; frame++)
			if (fx->owner[frame])
				free_all(&fx->zone, frame, KIND, 1UL << order);
		expect_all_free(test, fx);
	}
}

static void zone_run_needs_whole_chunks_in_a_row(struct kunit *test)
{
	struct fixture *fx = test->priv;
	long pin, run;

	/* The extent has whole chunks 1..6; a pin in chunk 3 leaves 3 in a row. */
	pin = kmemx_zone_alloc(&fx->zone, 3 * 512, 512, KIND);
	KUNIT_ASSERT_EQ(test, pin, 512L);
	run = kmemx_zone_alloc(&fx->zone, 512, 512, KIND);
	KUNIT_ASSERT_EQ(test, run, 4 * 512L);
	KUNIT_ASSERT_EQ(test, free_all(&fx->zone, pin, KIND, 0), KMEMX_FREE_OK);
	KUNIT_EXPECT_EQ(test, kmemx_zone_largest(&fx->zone, NULL), 3 * 512UL);
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc(&fx->zone, 3 * 512 + 1, 1, KIND), (long)-ENOSPC);
	expect_sound(test, fx);
	pin = kmemx_zone_alloc(&fx->zone, 3 * 512 - 5, 1, KIND);
	KUNIT_EXPECT_EQ(test, pin, 512L);
	expect_sound(test, fx);
	free_all(&fx->zone, pin, KIND, 0);
	free_all(&fx->zone, run, KIND, 0);
	expect_all_free(test, fx);
}

static void zone_remembers_its_peak(struct kunit *test)
{
	struct fixture *fx = test->priv;
	long one, three, run;

	/* Chunks 0 and 7 are not all the extent's. */
	KUNIT_EXPECT_EQ(test, kmemx_zone_peak_chunks(&fx->zone), 2U);
	one = kmemx_zone_alloc(&fx->zone, 1, 1, KIND);
	KUNIT_EXPECT_EQ(test, kmemx_zone_peak_chunks(&fx->zone), 2U);
	three = kmemx_zone_alloc(&fx->zone, 2 * 512 + 1, 1, KIND);
	KUNIT_EXPECT_EQ(test, kmemx_zone_peak_chunks(&fx->zone), 5U);
	free_all(&fx->zone, three, KIND, 0);
	KUNIT_EXPECT_EQ(test, kmemx_zone_peak_chunks(&fx->zone), 5U);
	/* No more than before at a time. */
	run = kmemx_zone_alloc(&fx->zone, 3 * 512, 512, KIND);
	KUNIT_EXPECT_EQ(test, kmemx_zone_peak_chunks(&fx->zone), 5U);
	three = kmemx_zone_alloc(&fx->zone, 3 * 512, 512, KIND);
	KUNIT_EXPECT_EQ(test, kmemx_zone_peak_chunks(&fx->zone), 8U);
	free_all(&fx->zone, three, KIND, 0);
	free_all(&fx->zone, run, KIND, 0);
	free_all(&fx->zone, one, KIND, 0);
	KUNIT_EXPECT_EQ(test, kmemx_zone_peak_chunks(&fx->zone), 8U);
	expect_all_free(test, fx);
}

/* Bins that are behind, as a race may leave them, offer a chunk that is taken. */
static void zone_mends_bins_that_are_wrong(struct kunit *test)
{
	struct fixture *fx = test->priv;
	long taken, run, block;

	taken = kmemx_zone_alloc(&fx->zone, 512, 512, KIND);
	KUNIT_ASSERT_EQ(test, taken, 512L);
	kmemx_bins_add(&fx->zone.bins, KMEMX_BIN_ALL_FREE, 1);
	run = kmemx_zone_alloc(&fx->zone, 2 * 512, 1, KIND);
	KUNIT_EXPECT_EQ(test, run, 2 * 512L);
	block = kmemx_zone_alloc(&fx->zone, 512, 512, KIND);
	KUNIT_EXPECT_EQ(test, block, 4 * 512L);
	expect_sound(test, fx);
	free_all(&fx->zone, run, KIND, 0);
	free_all(&fx->zone, block, KIND, 0);
	free_all(&fx->zone, taken, KIND, 0);
	expect_all_free(test, fx);
}

/* One chunk more than two levels of bins are enough for: what is not inline then. */
static void zone_with_bins_of_three_levels(struct kunit *test)
{
	const unsigned int last = 16384, first = last * 512;
	struct kmemx_extent ext = { .pfn = 1UL << 20, .nr_frames = first + 512 };
	struct kmemx_zone *zone = kunit_kzalloc(test, sizeof(*zone), GFP_KERNEL);
	long chunk;

	KUNIT_ASSERT_NOT_NULL(test, zone);
	KUNIT_ASSERT_EQ(test, kmemx_zone_init(zone, 1, &ext), 0);
	KUNIT_EXPECT_FALSE(test, kmemx_bins_is_flat(&zone->bins));
	/* What has live blocks is used first: the last frame of the last chunk. */
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc_at(zone, first, 511, KIND), 0);
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc_order(zone, 0, KIND), first + 511L);
	KUNIT_EXPECT_TRUE(test, kmemx_bins_check(&zone->bins));
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc_order(zone, 0, KIND), 0L);
	chunk = kmemx_zone_alloc_order(zone, 9, KIND);
	KUNIT_EXPECT_EQ(test, chunk, 512L);
	KUNIT_EXPECT_TRUE(test, kmemx_bins_check(&zone->bins));

	KUNIT_EXPECT_EQ(test, free_all(zone, first + 511, KIND, 1), KMEMX_FREE_OK);
	KUNIT_EXPECT_EQ(test, free_all(zone, first, KIND, 511), KMEMX_FREE_OK);
	KUNIT_EXPECT_EQ(test, free_all(zone, 0, KIND, 1), KMEMX_FREE_OK);
	KUNIT_EXPECT_EQ(test, free_all(zone, (unsigned int)chunk, KIND, 512), KMEMX_FREE_OK);
	KUNIT_EXPECT_TRUE(test, kmemx_bins_check(&zone->bins));
	KUNIT_EXPECT_EQ(test, kmemx_zone_nr_free(zone), ext.nr_frames);
	KUNIT_EXPECT_EQ(test, kmemx_zone_largest(zone, NULL), ext.nr_frames);
	kmemx_zone_fini(zone);
}

static void zone_knows_what_was_zeroed(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_zone *zone = &fx->zone;
	long zero = kmemx_zone_take_unzeroed(zone), other, part;

	KUNIT_ASSERT_GE(test, zero, 0L);
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc_zeroed(zone, 512, KIND), (long)-ENOSPC);
	kmemx_zone_give_zeroed(zone, zero);
	KUNIT_EXPECT_EQ(test, kmemx_zone_nr_zero(zone), 512UL);
	expect_sound(test, fx);

	/* Who does not care gets another, and for less than half a chunk it is too good. */
	other = kmemx_zone_alloc(zone, 512, 512, KIND);
	KUNIT_ASSERT_GE(test, other, 0L);
	KUNIT_EXPECT_NE(test, other, zero);
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc_zeroed(zone, 256, KIND), (long)-ENOSPC);
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc_zeroed(zone, 513, KIND), (long)-ENOSPC);
	KUNIT_EXPECT_EQ(test, kmemx_zone_nr_zero(zone), 512UL);

	part = kmemx_zone_alloc_zeroed(zone, 257, KIND);
	KUNIT_ASSERT_EQ(test, part, zero);
	expect_sound(test, fx);
	free_all(zone, part, KIND, 0);
	free_all(zone, other, KIND, 0);
	KUNIT_EXPECT_EQ(test, kmemx_zone_nr_zero(zone), 0UL);
	expect_all_free(test, fx);
}

/* Where there is nothing else they are used for anything, and nobody knows any more. */
static void zone_forgets_what_was_zeroed(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_zone *zone = &fx->zone;
	unsigned long nr_zero = 0;
	long zero, run, block[16];
	unsigned int nr = 0;

	while ((zero = kmemx_zone_take_unzeroed(zone)) >= 0) {
		kmemx_zone_give_zeroed(zone, zero);
		nr_zero += 512;
	}
	KUNIT_ASSERT_GT(test, nr_zero, 1024UL);
	KUNIT_EXPECT_EQ(test, kmemx_zone_nr_zero(zone), nr_zero);
	run = kmemx_zone_alloc(zone, 513, 1, KIND);
	KUNIT_ASSERT_GE(test, run, 0L);
	nr_zero -= 1024;
	KUNIT_EXPECT_EQ(test, kmemx_zone_nr_zero(zone), nr_zero);
	while (kmemx_zone_nr_zero(zone) == nr_zero && nr < ARRAY_SIZE(block)) {
		block[nr] = kmemx_zone_alloc(zone, 256, 256, KIND);
		KUNIT_ASSERT_GE(test, block[nr++], 0L);
	}
	KUNIT_EXPECT_EQ(test, kmemx_zone_nr_zero(zone), nr_zero - 512);
	expect_sound(test, fx);
	free_all(zone, run, KIND, 0);
	while (nr)
		free_all(zone, block[--nr], KIND, 0);
	KUNIT_EXPECT_EQ(test, kmemx_zone_nr_zero(zone), nr_zero - 512);
	expect_all_free(test, fx);
}

static void zone_refuses_bad_frees(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_zone *zone = &fx->zone;
	long frame = kmemx_zone_alloc(zone, 8, 8, KMEMX_KIND_PAGES);
	long odd = kmemx_zone_alloc(zone, 5, 1, KMEMX_KIND_CONTIG);
	long whole = kmemx_zone_alloc(zone, 512, 512, KMEMX_KIND_PAGES);
	unsigned long free = kmemx_zone_nr_free(zone);

	KUNIT_EXPECT_EQ(test, free_all(zone, frame, KMEMX_KIND_PAGES, 4), KMEMX_FREE_ORDER);
	KUNIT_EXPECT_EQ(test, free_all(zone, frame, KMEMX_KIND_PAGES, 16), KMEMX_FREE_ORDER);
	KUNIT_EXPECT_EQ(test, free_all(zone, whole, KMEMX_KIND_PAGES, 256), KMEMX_FREE_ORDER);
	KUNIT_EXPECT_EQ(test, free_all(zone, frame + 1, KMEMX_KIND_PAGES, 1),
			KMEMX_FREE_MISALIGNED);
	KUNIT_EXPECT_EQ(test, free_all(zone, whole + 7, KMEMX_KIND_PAGES, 1),
			KMEMX_FREE_MISALIGNED);
	KUNIT_EXPECT_EQ(test, free_all(zone, odd + 4, KMEMX_KIND_CONTIG, 0), KMEMX_FREE_MISALIGNED);
	KUNIT_EXPECT_EQ(test, free_all(zone, frame, KMEMX_KIND_CONTIG, 0), KMEMX_FREE_FUNCTION);
	KUNIT_EXPECT_EQ(test, free_all(zone, END - 1, KMEMX_KIND_PAGES, 1),
			KMEMX_FREE_DOUBLE);
	KUNIT_EXPECT_EQ(test, kmemx_zone_nr_free(zone), free);
	expect_sound(test, fx);

	KUNIT_EXPECT_EQ(test, free_all(zone, frame, KMEMX_KIND_PAGES, 8), KMEMX_FREE_OK);
	KUNIT_EXPECT_EQ(test, free_all(zone, frame, KMEMX_KIND_PAGES, 8), KMEMX_FREE_DOUBLE);
	KUNIT_EXPECT_EQ(test, free_all(zone, odd, KMEMX_KIND_CONTIG, 0), KMEMX_FREE_OK);
	KUNIT_EXPECT_EQ(test, free_all(zone, odd, KMEMX_KIND_CONTIG, 0), KMEMX_FREE_DOUBLE);
	KUNIT_EXPECT_EQ(test, free_all(zone, whole, KMEMX_KIND_PAGES, 512), KMEMX_FREE_OK);
	KUNIT_EXPECT_EQ(test, free_all(zone, whole, KMEMX_KIND_PAGES, 512), KMEMX_FREE_DOUBLE);
	expect_all_free(test, fx);
}

static void zone_quarantine_splits_a_block(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int order;

	for (order = 0; order <= KMEMX_CHUNK_ORDER; order++) {
		long frame = kmemx_zone_alloc(&fx->zone, 1UL << order, 1UL << order, KIND);
		unsigned int i;
		u8 info;

		KUNIT_ASSERT_EQ(test, kmemx_zone_claim(&fx->zone, frame, KIND, 0, &info),
				KMEMX_FREE_OK);
		kmemx_zone_divide(&fx->zone, frame, order, 1U << order);
		for (i = 0; i < 1U << order; i++)
			WRITE_ONCE(fx->zone.info[frame + i],
				   kmemx_info(KMEMX_KIND_QUARANTINE, 0));
		expect_sound(test, fx);
		KUNIT_ASSERT_EQ(test, kmemx_zone_nr_free(&fx->zone), NR_FRAMES - (1UL << order));
		KUNIT_ASSERT_EQ(test, free_all(&fx->zone, frame, KIND, 0), KMEMX_FREE_DOUBLE);
		for (i = 0; i < 1U << order; i++)
			KUNIT_ASSERT_EQ(test, KMEMX_FREE_OK,
					free_all(&fx->zone, frame + i, KMEMX_KIND_QUARANTINE, 1));
		expect_all_free(test, fx);
	}
}

static void zone_slab_frames_know_their_slab(struct kunit *test)
{
	struct fixture *fx = test->priv;
	long frame = kmemx_zone_alloc(&fx->zone, 8, 8, KMEMX_KIND_SLAB);
	unsigned int i;

	kmemx_zone_mark_tails(&fx->zone, frame, 3, true);
	expect_sound(test, fx);
	for (i = 1; i < 8; i++) {
		KUNIT_EXPECT_EQ(test, kmemx_info_kind(fx->zone.info[frame + i]),
				KMEMX_KIND_SLAB_TAIL);
		KUNIT_EXPECT_EQ(test, kmemx_info_order(fx->zone.info[frame + i]), 3U);
		KUNIT_EXPECT_EQ(test, free_all(&fx->zone, frame + i, KMEMX_KIND_PAGES, 1),
				KMEMX_FREE_FUNCTION);
	}
	kmemx_zone_mark_tails(&fx->zone, frame, 3, false);
	KUNIT_EXPECT_EQ(test, free_all(&fx->zone, frame, KMEMX_KIND_SLAB, 8), KMEMX_FREE_OK);
	expect_all_free(test, fx);
}

static void zone_counts_blocks_as_buddyinfo(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int nr[KMEMX_NR_ORDERS + 1] = { 0 };
	unsigned long sum = 0;
	unsigned int k;

	KUNIT_EXPECT_EQ(test, kmemx_zone_count(&fx->zone, nr), NR_FRAMES);
	for (k = 0; k <= KMEMX_NR_ORDERS; k++)
		sum += (unsigned long)nr[k] << k;
	KUNIT_EXPECT_EQ(test, sum, NR_FRAMES);
	/* Whole chunks 1..6 of a base that is an odd chunk: pairs 1-2, 3-4, 5-6. */
	KUNIT_EXPECT_EQ(test, BASE / KMEMX_CHUNK_FRAMES % 2, 1UL);
	KUNIT_EXPECT_EQ(test, nr[10], 3U);
	KUNIT_EXPECT_EQ(test, nr[9], 0U);
}

/* Two extents, with nothing between them or with a gap: no run is in both. */
static void zone_runs_stay_in_their_extent(struct kunit *test)
{
	struct kmemx_zone *zone = kunit_kzalloc(test, sizeof(*zone), GFP_KERNEL);
	unsigned long gap;

	KUNIT_ASSERT_NOT_NULL(test, zone);
	for (gap = 0; gap <= 1024; gap += 1024) {
		struct kmemx_extent ext[] = {
			{ .pfn = 0x40000, .nr_frames = 1024 },
			{ .pfn = 0x40000 + 1024 + gap, .nr_frames = 1024 },
		};
		unsigned int nr[KMEMX_NR_ORDERS + 1] = { 0 };
		long first, second;

		KUNIT_ASSERT_EQ(test, kmemx_zone_init(zone, 2, ext), 0);
		KUNIT_EXPECT_EQ(test, kmemx_zone_largest(zone, NULL), 1024UL);
		KUNIT_EXPECT_EQ(test, kmemx_zone_largest(zone, &ext[1]), 1024UL);
		KUNIT_EXPECT_EQ(test, kmemx_zone_count(zone, nr), 2048UL);
		KUNIT_EXPECT_EQ(test, nr[KMEMX_NR_ORDERS], 2U);
		KUNIT_EXPECT_EQ(test, kmemx_zone_alloc(zone, 1025, 1, KIND), (long)-ENOSPC);
		first = kmemx_zone_alloc(zone, 512, 1, KIND);
		KUNIT_EXPECT_EQ(test, first, 0L);
		second = kmemx_zone_alloc(zone, 600, 1024, KIND);
		KUNIT_EXPECT_EQ(test, second, 1024L);
		KUNIT_EXPECT_EQ(test, kmemx_zone_pfn(zone, second), ext[1].pfn);
		KUNIT_EXPECT_EQ(test, kmemx_zone_extent_nr_free(zone, &ext[0]), 512UL);
		KUNIT_EXPECT_EQ(test, kmemx_zone_extent_nr_free(zone, &ext[1]), 424UL);
		KUNIT_EXPECT_EQ(test, kmemx_zone_alloc(zone, 600, 1, KIND), (long)-ENOSPC);
		KUNIT_EXPECT_NULL(test, (void *)kmemx_zone_check(zone));
		kmemx_zone_fini(zone);
	}
}

/* ---- The chunk that was emptied last ------------------------------------ */

static u64 state_of(struct fixture *fx, unsigned int c)
{
	return (u64)atomic64_read(&fx->zone.state[c]);
}

/* Chunk @c gets a block, its only one, and loses it. */
static void fill_and_empty(struct kunit *test, struct fixture *fx, unsigned int c,
			   unsigned int order)
{
	unsigned int frame = c * KMEMX_CHUNK_FRAMES;

	KUNIT_ASSERT_EQ(test, kmemx_zone_alloc_at(&fx->zone, frame, 1U << order, KIND), 0);
	KUNIT_ASSERT_EQ(test, free_all(&fx->zone, frame, KIND, 1U << order), KMEMX_FREE_OK);
}

/* Several blocks at once, which make it a chunk of another class. */
static void expect_two_of_emptied(struct kunit *test, struct fixture *fx)
{
	struct kmemx_taken taken = kmemx_zone_take(&fx->zone, 0, 2);

	KUNIT_ASSERT_EQ(test, taken.base, 3 * 512);
	KUNIT_ASSERT_EQ(test, taken.heads, 3ULL);
	WRITE_ONCE(fx->zone.info[taken.base], kmemx_info(KIND, 0));
	WRITE_ONCE(fx->zone.info[taken.base + 1], kmemx_info(KIND, 0));
	expect_sound(test, fx);
	free_all(&fx->zone, 3 * 512, KIND, 1);
	free_all(&fx->zone, 3 * 512 + 1, KIND, 1);
}

/* It is where its last block has left it, and whoever asks is told that it is whole. */
static void zone_keeps_the_chunk_that_was_emptied_last(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int nr[KMEMX_NR_ORDERS + 1];
	unsigned int order;

	for (order = 0; order <= KMEMX_WORD_ORDER; order++) {
		u64 used;
		long frame;

		fill_and_empty(test, fx, 5, order);
		fill_and_empty(test, fx, 3, order);
		KUNIT_ASSERT_EQ(test, state_of(fx, 3), KMEMX_STATE_EMPTIED);
		KUNIT_ASSERT_EQ(test, state_of(fx, 5), KMEMX_STATE_ALL_FREE);
		KUNIT_EXPECT_EQ(test, kmemx_zone_emptied(&fx->zone), 3L);
		KUNIT_EXPECT_EQ(test, kmemx_zone_largest(&fx->zone, NULL), 6 * 512UL);
		memset(nr, 0, sizeof(nr));
		kmemx_zone_count(&fx->zone, nr);
		KUNIT_EXPECT_EQ(test, nr[KMEMX_NR_ORDERS], 3U);
		expect_all_free(test, fx);

		/* Which is where the next block is looked for. */
		used = (u64)atomic64_read(&fx->zone.bins.used);
		frame = kmemx_zone_alloc_order(&fx->zone, order, KIND);
		KUNIT_ASSERT_EQ(test, frame, 3 * 512L);
		KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&fx->zone.bins.used), used);
		expect_sound(test, fx);
		KUNIT_EXPECT_TRUE(test, kmemx_zone_free_block(&fx->zone, frame, order));
		KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&fx->zone.bins.used), used);
		KUNIT_ASSERT_EQ(test, state_of(fx, 3), KMEMX_STATE_EMPTIED);
		expect_all_free(test, fx);
	}
	expect_two_of_emptied(test, fx);
	KUNIT_EXPECT_EQ(test, state_of(fx, 3), KMEMX_STATE_EMPTIED);
}

/* Not where something else is live, nor where frames are not the extent's. */
static void zone_keeps_no_chunk_that_is_not_whole(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int pin = 3 * 512 + 77;

	KUNIT_ASSERT_EQ(test, kmemx_zone_alloc_at(&fx->zone, pin, 1, KIND), 0);
	fill_and_empty(test, fx, 3, 0);
	KUNIT_EXPECT_EQ(test, kmemx_zone_emptied(&fx->zone), -1L);
	KUNIT_ASSERT_EQ(test, free_all(&fx->zone, pin, KIND, 1), KMEMX_FREE_OK);
	KUNIT_EXPECT_EQ(test, kmemx_zone_emptied(&fx->zone), 3L);

	/* The last chunk ends before its end. */
	KUNIT_ASSERT_NE(test, END % 512, 0UL);
	fill_and_empty(test, fx, 7, 0);
	KUNIT_EXPECT_EQ(test, kmemx_zone_emptied(&fx->zone), -1L);
	expect_all_free(test, fx);
}

/* Who wants a whole chunk gets that one, so no other is broken, and the peak is what it was. */
static void zone_takes_the_emptied_chunk_whole_first(struct kunit *test)
{
	struct fixture *fx = test->priv;
	long frame;

	fill_and_empty(test, fx, 4, 2);
	frame = kmemx_zone_alloc_order(&fx->zone, KMEMX_CHUNK_ORDER, KIND);
	KUNIT_EXPECT_EQ(test, frame, 4 * 512L);
	KUNIT_EXPECT_EQ(test, kmemx_zone_emptied(&fx->zone), -1L);
	KUNIT_EXPECT_EQ(test, kmemx_zone_peak_chunks(&fx->zone), 3U);
	expect_sound(test, fx);
	KUNIT_EXPECT_TRUE(test, kmemx_zone_free_block(&fx->zone, frame, KMEMX_CHUNK_ORDER));

	fill_and_empty(test, fx, 4, 2);
	frame = kmemx_zone_alloc(&fx->zone, 200, 1, KIND);
	KUNIT_EXPECT_EQ(test, frame, 4 * 512L);
	KUNIT_EXPECT_EQ(test, kmemx_zone_peak_chunks(&fx->zone), 3U);
	KUNIT_EXPECT_EQ(test, free_all(&fx->zone, frame, KIND, 200), KMEMX_FREE_OK);
	expect_all_free(test, fx);
}

/* Nor is it what it was by who needs another: those frames, or zeroes. */
static void zone_counts_the_emptied_chunk_before_another_is_broken(struct kunit *test)
{
	struct fixture *fx = test->priv;
	long zero = kmemx_zone_take_unzeroed(&fx->zone), frame;

	KUNIT_ASSERT_GE(test, zero, 0L);
	kmemx_zone_give_zeroed(&fx->zone, (unsigned int)zero);
	KUNIT_EXPECT_EQ(test, kmemx_zone_peak_chunks(&fx->zone), 3U);

	fill_and_empty(test, fx, 4, 2);
	frame = kmemx_zone_alloc_zeroed(&fx->zone, 512, KIND);
	KUNIT_EXPECT_EQ(test, frame, zero);
	KUNIT_EXPECT_EQ(test, kmemx_zone_peak_chunks(&fx->zone), 3U);
	expect_sound(test, fx);
	KUNIT_EXPECT_EQ(test, free_all(&fx->zone, frame, KIND, 512), KMEMX_FREE_OK);

	fill_and_empty(test, fx, 4, 2);
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc_at(&fx->zone, 5 * 512, 1, KIND), 0);
	KUNIT_EXPECT_EQ(test, kmemx_zone_peak_chunks(&fx->zone), 3U);
	expect_sound(test, fx);
	KUNIT_EXPECT_EQ(test, free_all(&fx->zone, 5 * 512, KIND, 1), KMEMX_FREE_OK);
	expect_all_free(test, fx);
}

/* A run may need it, or just its frames, or all chunks that are not known to be zero. */
static void zone_finds_the_emptied_chunk_in_a_row(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int nr;
	long frame;

	fill_and_empty(test, fx, 3, 0);
	frame = kmemx_zone_alloc(&fx->zone, 6 * 512, 1, KIND);
	KUNIT_ASSERT_EQ(test, frame, 512L);
	expect_sound(test, fx);
	KUNIT_ASSERT_EQ(test, free_all(&fx->zone, frame, KIND, 0), KMEMX_FREE_OK);

	fill_and_empty(test, fx, 3, 0);
	KUNIT_ASSERT_EQ(test, kmemx_zone_alloc_at(&fx->zone, 3 * 512 - 1, 514, KIND), 0);
	expect_sound(test, fx);
	KUNIT_ASSERT_EQ(test, free_all(&fx->zone, 3 * 512 - 1, KIND, 0), KMEMX_FREE_OK);

	fill_and_empty(test, fx, 3, 0);
	for (nr = 0; kmemx_zone_take_unzeroed(&fx->zone) >= 0; nr++)
		;
	KUNIT_EXPECT_EQ(test, nr, 6U);
}

/* What is whole but for chunk 5 is taken, and that was emptied while there were plenty. */
static void leave_emptied_chunk_only(struct kunit *test, struct fixture *fx)
{
	KUNIT_ASSERT_EQ(test, kmemx_zone_alloc_at(&fx->zone, 512, 4 * 512, KIND), 0);
	KUNIT_ASSERT_EQ(test, kmemx_zone_alloc_at(&fx->zone, 6 * 512, 512, KIND), 0);
	atomic64_add(8, &fx->zone.spare);
	fill_and_empty(test, fx, 5, 0);
	atomic64_add(-8, &fx->zone.spare);
	KUNIT_ASSERT_EQ(test, kmemx_zone_emptied(&fx->zone), 5L);
	expect_sound(test, fx);
	KUNIT_EXPECT_TRUE(test, kmemx_zone_has_block(&fx->zone, KMEMX_CHUNK_ORDER));
	KUNIT_EXPECT_EQ(test, kmemx_zone_largest(&fx->zone, NULL), 512UL);
}

/* It is taken then, and all of them are given back. */
static void expect_only_chunk(struct kunit *test, struct fixture *fx, long frame)
{
	KUNIT_ASSERT_EQ(test, frame, 5 * 512L);
	KUNIT_EXPECT_FALSE(test, kmemx_zone_has_block(&fx->zone, KMEMX_CHUNK_ORDER));
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc_order(&fx->zone, KMEMX_CHUNK_ORDER, KIND),
			(long)-ENOSPC);
	kmemx_zone_write_info(&fx->zone, (unsigned int)frame, 512, KIND);
	expect_sound(test, fx);
	free_all(&fx->zone, frame, KIND, 512);
	free_all(&fx->zone, 6 * 512, KIND, 512);
	free_all(&fx->zone, 512, KIND, 4 * 512);
	expect_all_free(test, fx);
}

static void zone_fails_nothing_for_the_emptied_chunk(struct kunit *test)
{
	struct fixture *fx = test->priv;

	leave_emptied_chunk_only(test, fx);
	expect_only_chunk(test, fx, kmemx_zone_alloc_order(&fx->zone, KMEMX_CHUNK_ORDER, KIND));
	leave_emptied_chunk_only(test, fx);
	expect_only_chunk(test, fx, kmemx_zone_take_chunk(&fx->zone));
	leave_emptied_chunk_only(test, fx);
	expect_only_chunk(test, fx, kmemx_zone_take_slow(&fx->zone, KMEMX_CHUNK_ORDER, 1).base);
	/* With an alignment of more than a chunk it is a run of one. */
	leave_emptied_chunk_only(test, fx);
	expect_only_chunk(test, fx, kmemx_zone_alloc(&fx->zone, 512, 1024, KIND));
	leave_emptied_chunk_only(test, fx);
	expect_only_chunk(test, fx, kmemx_zone_take_unzeroed(&fx->zone));
	leave_emptied_chunk_only(test, fx);
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc_at(&fx->zone, 5 * 512, 512, KIND), 0);
	expect_only_chunk(test, fx, 5 * 512);
}

/* A quarter of 8 chunks is two: whole ones beside that which is emptied. */
static void zone_keeps_no_chunk_while_few_are_whole(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int taken;

	for (taken = 0; taken <= 5; taken++) {
		if (taken)
			KUNIT_ASSERT_EQ(test, 0, kmemx_zone_alloc_at(&fx->zone, 512, taken * 512,
								     KIND));
		fill_and_empty(test, fx, 6, 0);
		KUNIT_EXPECT_EQ(test, state_of(fx, 6), 5 - taken >= 2 ? KMEMX_STATE_EMPTIED :
				KMEMX_STATE_ALL_FREE);
		expect_sound(test, fx);
		if (taken)
			free_all(&fx->zone, 512, KIND, 0);
	}
	expect_all_free(test, fx);
}

/* ---- Against a byte per frame ------------------------------------------ */

#define WALK_LIVE	300

struct live {
	long frame;
	unsigned long nr;
	u8 tag;
};

static void walk_alloc(struct kunit *test, struct fixture *fx, struct rnd *rnd,
		       struct live *live, unsigned int *nr_live)
{
	struct live *new = &live[*nr_live];
	unsigned long i;

	new->nr = rnd_below(rnd, 10) ? 1 + rnd_below(rnd, 40) : 1 + rnd_below(rnd, 1200);
	new->tag = (u8)(1 + rnd_below(rnd, 255));
	new->frame = kmemx_zone_alloc(&fx->zone, new->nr, 1UL << rnd_below(rnd, 4), KIND);
	if (new->frame < 0)
		return;
	for (i = 0; i < new->nr; i++) {
		KUNIT_ASSERT_EQ(test, fx->owner[new->frame + i], 0);
		fx->owner[new->frame + i] = new->tag;
	}
	++*nr_live;
}

static void walk_free(struct kunit *test, struct fixture *fx, struct rnd *rnd,
		      struct live *live, unsigned int *nr_live)
{
	struct live *old = &live[rnd_below(rnd, *nr_live)];
	unsigned long i;

	for (i = 0; i < old->nr; i++)
		KUNIT_ASSERT_EQ(test, fx->owner[old->frame + i], old->tag);
	memset(fx->owner + old->frame, 0, old->nr);
	KUNIT_ASSERT_EQ(test, free_all(&fx->zone, old->frame, KIND, old->nr), KMEMX_FREE_OK);
	*old = live[--*nr_live];
}

/* What seems to be free: in a zone of a few chunks it is right, to the frame if it is less. */
static void expect_seem_free(struct kunit *test, struct fixture *fx)
{
	unsigned long nr_free = kmemx_zone_nr_free(&fx->zone), nr;

	for (nr = 1; nr <= NR_FRAMES + 1; nr = nr * 3 / 2 + 1)
		KUNIT_ASSERT_EQ(test, min(kmemx_zone_seem_free(&fx->zone, nr), nr),
				min(nr_free, nr));
	KUNIT_ASSERT_GE(test, kmemx_zone_seem_free(&fx->zone, nr_free), nr_free);
	KUNIT_ASSERT_EQ(test, kmemx_zone_seem_free(&fx->zone, nr_free + 1), nr_free);
}

/* Words of words of chunks. */
#define MANY_CHUNKS	(KMEMX_SUMMARY_FANOUT * KMEMX_SUMMARY_FANOUT + 100)

/* Take all of a zone; of each @step-th chunk, of @nr, but the last frame. */
static void leave_a_frame_in(struct kunit *test, struct kmemx_zone *zone, unsigned int nr,
			     unsigned int step)
{
	unsigned int c;

	while (kmemx_zone_alloc(zone, KMEMX_CHUNK_FRAMES, 1, KIND) >= 0)
		;
	for (c = 0; c < nr; c++) {
		long frame = (long)c * step * KMEMX_CHUNK_FRAMES;

		KUNIT_ASSERT_EQ(test, free_all(zone, (unsigned int)frame, KIND, KMEMX_CHUNK_FRAMES),
				KMEMX_FREE_OK);
		KUNIT_ASSERT_EQ(test, kmemx_zone_alloc(zone, KMEMX_CHUNK_FRAMES - 1, 1, KIND),
				frame);
	}
}

/* In a zone of many chunks too, what is said to be less is right; in doubt it is enough. */
static void zone_seems_to_have_no_less_than_it_has(struct kunit *test)
{
	static const struct {
		unsigned int nr_chunks;
		unsigned int nr;
		unsigned int step;
	} left[] = {
		{ 200, 0, 1 }, { 200, 1, 1 }, { 200, 3, 1 }, { 200, 7, 1 }, { 200, 8, 1 },
		{ 200, 9, 1 }, { 200, 64, 1 }, { 200, 65, 1 }, { 200, 200, 1 }, { 200, 2, 70 },
		{ 200, 3, 70 }, { MANY_CHUNKS, 0, 1 }, { MANY_CHUNKS, 1, 1 },
		{ MANY_CHUNKS, 2, MANY_CHUNKS - 1 }, { MANY_CHUNKS, 8, 599 },
		{ MANY_CHUNKS, 9, 500 }, { MANY_CHUNKS, 70, 1 },
	};
	struct kmemx_zone *zone = kunit_kzalloc(test, sizeof(*zone), GFP_KERNEL);
	unsigned long nr, seem;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, zone);
	for (i = 0; i < ARRAY_SIZE(left); i++) {
		struct kmemx_extent ext = {
			.pfn = BASE, .nr_frames = left[i].nr_chunks * KMEMX_CHUNK_FRAMES,
		};
		unsigned long nr_free = left[i].nr;

		KUNIT_ASSERT_EQ(test, kmemx_zone_init(zone, 1, &ext), 0);
		leave_a_frame_in(test, zone, left[i].nr, left[i].step);
		KUNIT_EXPECT_EQ(test, kmemx_zone_nr_free(zone), nr_free);
		for (nr = 1; nr <= KMEMX_CHUNK_FRAMES; nr *= 2) {
			seem = kmemx_zone_seem_free(zone, nr);
			KUNIT_EXPECT_TRUE(test, seem >= nr || seem == nr_free);
			/* No more need be looked at than these. */
			if (nr_free <= 8)
				KUNIT_EXPECT_EQ(test, min(seem, nr), min(nr_free, nr));
		}
		kmemx_zone_fini(zone);
		test_breathe();
	}
}

static void zone_random_walk(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct rnd rnd = rnd_start(test);
	struct live *live = kunit_kzalloc(test, WALK_LIVE * sizeof(*live), GFP_KERNEL);
	unsigned int nr_live = 0, step, i;

	KUNIT_ASSERT_NOT_NULL(test, live);
	for (step = 0; step < 20000; step++) {
		if (nr_live < WALK_LIVE && (!nr_live || rnd_below(&rnd, 2)))
			walk_alloc(test, fx, &rnd, live, &nr_live);
		else
			walk_free(test, fx, &rnd, live, &nr_live);
		if (step % 128)
			continue;
		expect_sound(test, fx);
		expect_seem_free(test, fx);
		for (i = FIRST; i < END; i++) {
			struct kmemx_chunk chunk = kmemx_zone_chunk(&fx->zone, i / 512);

			KUNIT_ASSERT_EQ(test, kmemx_chunk_is_taken(chunk, i % 512),
					(bool)fx->owner[i]);
		}
		test_breathe();
	}
	while (nr_live)
		walk_free(test, fx, &rnd, live, &nr_live);
	expect_all_free(test, fx);
}

/* ---- Several threads --------------------------------------------------- */

#define THREAD_LIVE	40
#define THREAD_STEPS	30000

struct shared {
	struct kmemx_zone *zone;
	u8 *owner;
	atomic64_t nr_wrong;
	atomic64_t nr_kept;	/* How often a thread has found that a chunk is kept. */
};

/* Marks frames that nobody else may have marked. */
static void mark(struct shared *shared, long frame, unsigned long nr, u8 from, u8 to)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		u8 old = from;

		if (!try_cmpxchg(&shared->owner[frame + i], &old, to))
			atomic64_add(1, &shared->nr_wrong);
	}
}

static void churn(void *arg, unsigned int thread)
{
	struct shared *shared = arg;
	struct live live[THREAD_LIVE];
	struct rnd rnd = { .state = TEST_SEED * (thread + 1) };
	u8 tag = (u8)(thread + 1);
	unsigned int nr_live = 0, step;

	for (step = 0; step < THREAD_STEPS || nr_live; step++) {
		unsigned int i = nr_live ? rnd_below(&rnd, nr_live) : 0;

		if (!(step % 1024))
			test_breathe();
		if (step < THREAD_STEPS && nr_live < THREAD_LIVE && rnd_below(&rnd, 2)) {
			struct live *new = &live[nr_live];

			new->nr = 1UL << rnd_below(&rnd, 10);
			if (!rnd_below(&rnd, 4))
				new->nr = 1 + rnd_below(&rnd, 700);
			new->frame = kmemx_zone_alloc(shared->zone, new->nr, 1, KIND);
			if (new->frame < 0)
				continue;
			mark(shared, new->frame, new->nr, 0, tag);
			nr_live++;
		} else if (nr_live) {
			mark(shared, live[i].frame, live[i].nr, tag, 0);
			if (free_all(shared->zone, live[i].frame, KIND, live[i].nr))
				atomic64_add(1, &shared->nr_wrong);
			live[i] = live[--nr_live];
		}
	}
}

static void zone_threads_never_share_a_frame(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct shared shared = { .zone = &fx->zone, .owner = fx->owner };

	test_run_threads(test, churn, &shared);
	KUNIT_EXPECT_EQ(test, atomic64_read(&shared.nr_wrong), 0LL);
	expect_all_free(test, fx);
}

/* Each thread has a chunk of its own, so whoever empties one finds another noted. */
static void empty_own_chunk(void *arg, unsigned int thread)
{
	struct shared *shared = arg;
	unsigned int frame = (1 + thread % 6) * KMEMX_CHUNK_FRAMES + thread / 6 * 64, step;
	unsigned long seen = 0;

	for (step = 0; step < THREAD_STEPS; step++) {
		if (!(step % 1024))
			test_breathe();
		if (kmemx_zone_alloc_at(shared->zone, frame, 1, KIND) ||
		    !kmemx_zone_free_block(shared->zone, frame, 0))
			atomic64_add(1, &shared->nr_wrong);
		seen += kmemx_zone_emptied(shared->zone) >= 0;
	}
	atomic64_add((s64)seen, &shared->nr_kept);
}

static void zone_threads_empty_chunks_of_their_own(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct shared shared = { .zone = &fx->zone };
	unsigned int c, nr = 0;

	test_run_threads(test, empty_own_chunk, &shared);
	KUNIT_EXPECT_EQ(test, atomic64_read(&shared.nr_wrong), 0LL);
	KUNIT_EXPECT_GT(test, atomic64_read(&shared.nr_kept), 0LL);
	expect_all_free(test, fx);
	for (c = 1; c <= 6; c++)
		nr += state_of(fx, c) == KMEMX_STATE_EMPTIED;
	KUNIT_EXPECT_LE(test, nr, 1U);
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc(&fx->zone, 6 * 512, 1, KIND), 512L);
	free_all(&fx->zone, 512, KIND, 0);
	expect_all_free(test, fx);
}

#define RACES		150
#define RACE_BLOCKS	2000
#define RACE_PATIENCE	100000

struct race {
	struct kmemx_zone *zone;
	bool claim;	/* By the info byte, or else by the bits. */
	atomic64_t nr_ready;
	atomic64_t frame[RACE_BLOCKS];
	atomic64_t nr_won;
};

/* Once they have started together, who is behind finds blocks that are free, and is quick. */
static void free_everything(void *arg, unsigned int thread)
{
	struct race *race = arg;
	unsigned int i;

	atomic64_add(1, &race->nr_ready);
	for (i = 0; i < RACE_PATIENCE && atomic64_read(&race->nr_ready) < TEST_THREADS; i++)
		test_breathe();
	for (i = 0; i < RACE_BLOCKS; i++) {
		unsigned int frame = (unsigned int)atomic64_read(&race->frame[i]);

		if (race->claim ? !free_all(race->zone, frame, KIND, 1) :
				  kmemx_zone_free_block(race->zone, frame, 0))
			atomic64_add(1, &race->nr_won);
	}
}

/* Every thread frees every block: each is freed by one of them. */
static void zone_racing_frees_have_one_winner(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	unsigned int n, i;

	KUNIT_ASSERT_NOT_NULL(test, race);
	race->zone = &fx->zone;
	for (n = 0; n < RACES; n++) {
		race->claim = n % 6;
		atomic64_set(&race->nr_ready, 0);
		atomic64_set(&race->nr_won, 0);
		for (i = 0; i < RACE_BLOCKS; i++)
			atomic64_set(&race->frame[i], kmemx_zone_alloc(&fx->zone, 1, 1, KIND));
		test_run_threads(test, free_everything, race);
		KUNIT_ASSERT_EQ(test, atomic64_read(&race->nr_won), (s64)RACE_BLOCKS);
		expect_all_free(test, fx);
	}
}

/* Without a claim: the bits say that it has been done. */
static void zone_frees_a_block_once(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int order;

	for (order = 0; order <= KMEMX_CHUNK_ORDER; order++) {
		long frame = kmemx_zone_alloc_order(&fx->zone, order, KIND);

		KUNIT_ASSERT_GE(test, frame, 0L);
		KUNIT_EXPECT_TRUE(test, kmemx_zone_free_block(&fx->zone, (unsigned int)frame,
							      order));
		expect_all_free(test, fx);
		KUNIT_EXPECT_FALSE(test, kmemx_zone_free_block(&fx->zone, (unsigned int)frame,
							       order));
		expect_all_free(test, fx);
	}
}

/* Maps, states, summaries and info bytes: at most five bytes for four frames. */
static void zone_costs_little(struct kunit *test)
{
	static const unsigned long sizes[] = { 64, 256, 1024 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct kmemx_extent ext = { .nr_frames = sizes[i] << (20 - 12) };
		struct kmemx_zone *zone = kunit_kzalloc(test, sizeof(*zone), GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, zone);
		KUNIT_ASSERT_EQ(test, kmemx_zone_init(zone, 1, &ext), 0);
		KUNIT_EXPECT_LE(test, 4 * zone->meta_bytes, 5 * ext.nr_frames);
		kmemx_zone_fini(zone);
	}
}

static struct kunit_case zone_cases[] = {
	KUNIT_CASE(zone_costs_little),
	KUNIT_CASE(zone_starts_free),
	KUNIT_CASE(zone_blocks_are_naturally_aligned),
	KUNIT_CASE(zone_any_length_takes_no_more),
	KUNIT_CASE(zone_honours_alignment),
	KUNIT_CASE(zone_keeps_within_boundaries),
	KUNIT_CASE(zone_allocates_just_these_frames),
	KUNIT_CASE(zone_place_that_is_used_costs_nobody),
	KUNIT_CASE(zone_gives_every_frame_once),
	KUNIT_CASE(zone_run_needs_whole_chunks_in_a_row),
	KUNIT_CASE(zone_remembers_its_peak),
	KUNIT_CASE(zone_mends_bins_that_are_wrong),
	KUNIT_CASE(zone_with_bins_of_three_levels),
	KUNIT_CASE(zone_knows_what_was_zeroed),
	KUNIT_CASE(zone_forgets_what_was_zeroed),
	KUNIT_CASE(zone_refuses_bad_frees),
	KUNIT_CASE(zone_quarantine_splits_a_block),
	KUNIT_CASE(zone_slab_frames_know_their_slab),
	KUNIT_CASE(zone_counts_blocks_as_buddyinfo),
	KUNIT_CASE(zone_runs_stay_in_their_extent),
	KUNIT_CASE(zone_keeps_the_chunk_that_was_emptied_last),
	KUNIT_CASE(zone_keeps_no_chunk_that_is_not_whole),
	KUNIT_CASE(zone_takes_the_emptied_chunk_whole_first),
	KUNIT_CASE(zone_counts_the_emptied_chunk_before_another_is_broken),
	KUNIT_CASE(zone_finds_the_emptied_chunk_in_a_row),
	KUNIT_CASE(zone_fails_nothing_for_the_emptied_chunk),
	KUNIT_CASE(zone_keeps_no_chunk_while_few_are_whole),
	KUNIT_CASE(zone_seems_to_have_no_less_than_it_has),
	KUNIT_CASE(zone_random_walk),
	KUNIT_CASE(zone_threads_never_share_a_frame),
	KUNIT_CASE(zone_threads_empty_chunks_of_their_own),
	KUNIT_CASE(zone_racing_frees_have_one_winner),
	KUNIT_CASE(zone_frees_a_block_once),
	{}
};

static struct kunit_suite zone_suite = {
	.name = "kmemx_zone",
	.init = zone_fixture_init,
	.exit = zone_fixture_exit,
	.test_cases = zone_cases,
};

kunit_test_suites(&zone_suite);
