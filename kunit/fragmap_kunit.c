// SPDX-License-Identifier: GPL-2.0
/*
 * Pictures of chunks: each thing that may be in one, and all of them at random
 * against a byte per frame.
 */
#include "buddy/fragmap.h"
#include "buddy/zone_info.h"
#include "buddy/zone_run.h"
#include "random.h"

struct fixture {
	struct kmemx_fragmap copy;
	char text[KMEMX_FRAGMAP_CHARS + 1];
	char want[KMEMX_FRAGMAP_CHARS + 1];
};

static int fragmap_fixture_init(struct kunit *test)
{
	struct fixture *fx = kunit_kzalloc(test, sizeof(*fx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fx);
	test->priv = fx;
	return 0;
}

static void set_taken(struct fixture *fx, unsigned int frame, unsigned int nr)
{
	for (; nr; nr--, frame++)
		atomic64_fetch_or((s64)BIT_ULL(frame % KMEMX_WORD_BITS),
				  &fx->copy.map[frame / KMEMX_WORD_BITS]);
}

/* A used block; the info bytes of a slab's further frames are set as well. */
static void put_block(struct fixture *fx, unsigned int frame, unsigned int order,
		      enum kmemx_kind kind)
{
	unsigned int i;

	set_taken(fx, frame, 1U << order);
	fx->copy.info[frame] = kmemx_info(kind, order);
	for (i = 1; kind == KMEMX_KIND_SLAB && i < 1U << order; i++)
		fx->copy.info[frame + i] = kmemx_info(KMEMX_KIND_SLAB_TAIL, order);
}

/* The characters from @from to @end - 1 are to be @look. */
static void want(struct fixture *fx, unsigned int from, unsigned int end, char look)
{
	memset(fx->want + from, look, end - from);
}

static void expect_picture(struct kunit *test, struct fixture *fx)
{
	kmemx_fragmap_draw(&fx->copy, fx->text);
	KUNIT_EXPECT_STREQ(test, (char *)fx->text, (char *)fx->want);
}

static void fragmap_of_a_free_chunk(struct kunit *test)
{
	struct fixture *fx = test->priv;

	want(fx, 0, KMEMX_FRAGMAP_CHARS, '.');
	expect_picture(test, fx);
}

static void fragmap_orders_are_digits(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int order, i;

	for (order = 0; order < KMEMX_CHUNK_ORDER; order++) {
		for (i = 0; i < KMEMX_CHUNK_FRAMES; i += 1U << order)
			put_block(fx, i, order, KMEMX_KIND_PAGES);
		want(fx, 0, KMEMX_FRAGMAP_CHARS, (char)('0' + order));
		expect_picture(test, fx);
		memset(fx->copy.info, 0, sizeof(fx->copy.info));
	}
}

/* No bit is set in the map of a chunk that is taken as one block. */
static void fragmap_of_a_whole_chunk(struct kunit *test)
{
	struct fixture *fx = test->priv;

	fx->copy.info[0] = kmemx_info(KMEMX_KIND_CONTIG, KMEMX_CHUNK_ORDER) | KMEMX_INFO_MORE;
	atomic64_set(&fx->copy.state, KMEMX_STATE_WHOLE | KMEMX_STATE_LIVE_ONE);
	want(fx, 0, KMEMX_FRAGMAP_CHARS, '9');
	expect_picture(test, fx);
	fx->copy.info[0] = 0;
	want(fx, 0, KMEMX_FRAGMAP_CHARS, '-');
	expect_picture(test, fx);
}

/* An allocation of 7 frames: blocks of 4, 2 and 1. The last of the group is free, then used. */
static void fragmap_of_an_odd_allocation(struct kunit *test)
{
	struct fixture *fx = test->priv;

	want(fx, 0, KMEMX_FRAGMAP_CHARS, '.');
	put_block(fx, 16, 2, KMEMX_KIND_LARGE);
	put_block(fx, 20, 1, KMEMX_KIND_MORE);
	put_block(fx, 22, 0, KMEMX_KIND_MORE);
	want(fx, 2, 3, ':');
	expect_picture(test, fx);
	put_block(fx, 23, 0, KMEMX_KIND_PAGES);
	want(fx, 2, 3, '+');
	expect_picture(test, fx);
}

static void fragmap_of_every_kind(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int i;

	want(fx, 0, KMEMX_FRAGMAP_CHARS, '.');
	put_block(fx, 0, 4, KMEMX_KIND_SLAB);
	want(fx, 0, 2, 's');
	for (i = 16; i < 32; i++)
		put_block(fx, i, 0, KMEMX_KIND_QUARANTINE);
	want(fx, 2, 4, 'q');
	put_block(fx, 32, 5, KMEMX_KIND_PAGES);
	want(fx, 4, 8, '5');
	put_block(fx, 64, 3, KMEMX_KIND_LARGE);
	want(fx, 8, 9, '3');
	put_block(fx, 128, 7, KMEMX_KIND_CONTIG);
	want(fx, 16, 32, '7');
	put_block(fx, 256, 8, KMEMX_KIND_MORE);
	want(fx, 32, 64, '8');
	expect_picture(test, fx);
}

/* Slabs smaller than a group side by side, and one beside something else. */
static void fragmap_small_slabs_are_one(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int i;

	want(fx, 0, KMEMX_FRAGMAP_CHARS, '.');
	for (i = 0; i < 16; i += 2)
		put_block(fx, i, 1, KMEMX_KIND_SLAB);
	want(fx, 0, 2, 's');
	put_block(fx, 16, 2, KMEMX_KIND_SLAB);
	put_block(fx, 20, 2, KMEMX_KIND_PAGES);
	want(fx, 2, 3, '+');
	expect_picture(test, fx);
}

static void fragmap_of_frames_that_are_absent(struct kunit *test)
{
	struct fixture *fx = test->priv;

	memset(fx->copy.info, KMEMX_INFO_ABSENT, 12);
	memset(fx->copy.info + 256, KMEMX_INFO_ABSENT, 256);
	set_taken(fx, 0, 12);
	set_taken(fx, 256, 256);
	want(fx, 0, 1, '#');
	want(fx, 1, 2, ':');
	want(fx, 2, 32, '.');
	want(fx, 32, 64, '#');
	expect_picture(test, fx);
}

static void fragmap_of_blocks_in_fronts(struct kunit *test)
{
	struct fixture *fx = test->priv;

	set_taken(fx, 64, 16);
	fx->copy.info[64] = KMEMX_INFO_FRONT | 4;
	want(fx, 0, KMEMX_FRAGMAP_CHARS, '.');
	want(fx, 8, 10, 'f');
	expect_picture(test, fx);
}

/* A bit that is set and an info byte that is not, and the other way round. */
static void fragmap_of_what_is_changing_hands(struct kunit *test)
{
	struct fixture *fx = test->priv;

	want(fx, 0, KMEMX_FRAGMAP_CHARS, '.');
	set_taken(fx, 8, 8);
	want(fx, 1, 2, '-');
	fx->copy.info[16] = kmemx_info(KMEMX_KIND_PAGES, 3);
	expect_picture(test, fx);
	/* Its neighbour is no part of a block that says where it ends. */
	put_block(fx, 64, 3, KMEMX_KIND_SLAB);
	set_taken(fx, 72, 8);
	want(fx, 8, 9, 's');
	want(fx, 9, 10, '-');
	expect_picture(test, fx);
}

/* A block that starts where another has not ended: the copy is of two moments. */
static void fragmap_of_two_moments_stays_in_bounds(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct rnd rnd = rnd_start(test);
	unsigned int step, i;

	for (step = 0; step < 300; step++) {
		for (i = 0; i < KMEMX_CHUNK_FRAMES; i++)
			fx->copy.info[i] = (u8)rnd_below(&rnd, 256);
		for (i = 0; i < KMEMX_CHUNK_WORDS; i++)
			atomic64_set(&fx->copy.map[i], (s64)rnd_next64(&rnd));
		kmemx_fragmap_draw(&fx->copy, fx->text);
		KUNIT_ASSERT_EQ(test, strlen(fx->text), (size_t)KMEMX_FRAGMAP_CHARS);
	}
}

static void fragmap_whole_is_what_would_be_drawn(struct kunit *test)
{
	u8 nine = kmemx_info(KMEMX_KIND_PAGES, KMEMX_CHUNK_ORDER);
	u64 taken = KMEMX_STATE_WHOLE | KMEMX_STATE_LIVE_ONE;

	KUNIT_EXPECT_EQ(test, kmemx_fragmap_whole(KMEMX_CHUNK_FRAMES, 0), '.');
	KUNIT_EXPECT_EQ(test, kmemx_fragmap_whole(taken, nine), '9');
	KUNIT_EXPECT_EQ(test, kmemx_fragmap_whole(taken, nine | KMEMX_INFO_MORE), '9');
	KUNIT_EXPECT_EQ(test, kmemx_fragmap_whole(taken, 0), '-');
	/* One frame is in use, or none is free: what the map holds decides. */
	KUNIT_EXPECT_EQ(test, kmemx_fragmap_whole(511 + KMEMX_STATE_LIVE_ONE, 0), 0);
	KUNIT_EXPECT_EQ(test, kmemx_fragmap_whole(511, 0), 0);
	KUNIT_EXPECT_EQ(test, kmemx_fragmap_whole(KMEMX_STATE_LIVE_ONE, nine), 0);
}

/* Fills @owner with what is in the chunk, a character for each frame. */
static void fill_at_random(struct fixture *fx, struct rnd *rnd, char *owner)
{
	static const enum kmemx_kind kinds[] = {
		KMEMX_KIND_PAGES, KMEMX_KIND_LARGE, KMEMX_KIND_CONTIG, KMEMX_KIND_SLAB,
	};
	unsigned int frame = 0;

	while (frame < KMEMX_CHUNK_FRAMES) {
		enum kmemx_kind kind = kinds[rnd_below(rnd, ARRAY_SIZE(kinds))];
		unsigned int order = rnd_below(rnd, 6);

		while (frame & ((1U << order) - 1))
			order--;
		memset(owner + frame, '.', 1U << order);
		if (rnd_below(rnd, 3)) {
			put_block(fx, frame, order, kind);
			memset(owner + frame, kind == KMEMX_KIND_SLAB ? 's' : (char)('0' + order),
			       1U << order);
		}
		frame += 1U << order;
	}
}

static char naive_group(const char *owner)
{
	unsigned int nr_alike = 0, nr_free = 0, i;

	for (i = 0; i < KMEMX_FRAGMAP_GROUP; i++) {
		nr_alike += owner[i] == owner[0];
		nr_free += owner[i] == '.';
	}
	if (nr_alike == KMEMX_FRAGMAP_GROUP)
		return owner[0];
	return nr_free ? ':' : '+';
}

static void fragmap_random_chunks(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct rnd rnd = rnd_start(test);
	char *owner = kunit_kzalloc(test, KMEMX_CHUNK_FRAMES, GFP_KERNEL);
	unsigned int step, i;

	KUNIT_ASSERT_NOT_NULL(test, owner);
	for (step = 0; step < 300; step++) {
		memset(&fx->copy, 0, sizeof(fx->copy));
			fill_at_random(fx, &rnd, owner);
		for (i = 0; i < KMEMX_FRAGMAP_CHARS; i++)
			fx->want[i] = naive_group(owner + i * KMEMX_FRAGMAP_GROUP);
		expect_picture(test, fx);
	}
}

/* From a chunk in use, by way of a copy. */
static void fragmap_copies_what_is_there(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_extent ext = { .pfn = 0x10000, .nr_frames = KMEMX_CHUNK_FRAMES };
	struct kmemx_zone *zone = kunit_kzalloc(test, sizeof(*zone), GFP_KERNEL);
	long first, second;

	KUNIT_ASSERT_EQ(test, kmemx_zone_init(zone, 1, &ext), 0);
	first = kmemx_zone_alloc(zone, 64, 64, KMEMX_KIND_PAGES);
	second = kmemx_zone_alloc(zone, 16, 16, KMEMX_KIND_CONTIG);
	kmemx_fragmap_copy(&fx->copy, kmemx_zone_chunk(zone, 0), zone->info);
	want(fx, 0, KMEMX_FRAGMAP_CHARS, '.');
	want(fx, (unsigned int)first / 8, (unsigned int)first / 8 + 8, '6');
	want(fx, (unsigned int)second / 8, (unsigned int)second / 8 + 2, '4');
	expect_picture(test, fx);
	KUNIT_EXPECT_EQ(test, kmemx_state_free((u64)atomic64_read(&fx->copy.state)), 512U - 80);
	KUNIT_EXPECT_EQ(test, kmemx_state_live((u64)atomic64_read(&fx->copy.state)), 2U);
	KUNIT_EXPECT_EQ(test, kmemx_state_max_order((u64)atomic64_read(&fx->copy.state)), 8);
	kmemx_zone_fini(zone);
}

static struct kunit_case fragmap_cases[] = {
	KUNIT_CASE(fragmap_of_a_free_chunk),
	KUNIT_CASE(fragmap_orders_are_digits),
	KUNIT_CASE(fragmap_of_a_whole_chunk),
	KUNIT_CASE(fragmap_of_an_odd_allocation),
	KUNIT_CASE(fragmap_of_every_kind),
	KUNIT_CASE(fragmap_small_slabs_are_one),
	KUNIT_CASE(fragmap_of_frames_that_are_absent),
	KUNIT_CASE(fragmap_of_blocks_in_fronts),
	KUNIT_CASE(fragmap_of_what_is_changing_hands),
	KUNIT_CASE(fragmap_of_two_moments_stays_in_bounds),
	KUNIT_CASE(fragmap_whole_is_what_would_be_drawn),
	KUNIT_CASE(fragmap_random_chunks),
	KUNIT_CASE(fragmap_copies_what_is_there),
	{}
};

static struct kunit_suite fragmap_suite = {
	.name = "kmemx_fragmap",
	.init = fragmap_fixture_init,
	.test_cases = fragmap_cases,
};

kunit_test_suites(&fragmap_suite);
