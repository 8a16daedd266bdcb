// SPDX-License-Identifier: GPL-2.0
/*
 * The fragmentation indices against worked examples, against another way of
 * writing them down, and against chunks.
 */
#include "buddy/fragindex.h"
#include "random.h"

#define NR	KMEMX_FRAGINDEX_ORDERS
#define LAST	(KMEMX_FRAGINDEX_ORDERS - 1)

/* ---- Worked examples: a frame is 1 KiB --------------------------------- */

struct example {
	unsigned int order;
	int extfrag;
	unsigned int unusable;
};

static void expect_examples(struct kunit *test, const unsigned int *nr,
			    const struct example *example, unsigned int nr_examples)
{
	unsigned int i;

	for (i = 0; i < nr_examples; i++) {
		KUNIT_EXPECT_EQ(test, kmemx_fragindex_extfrag(nr, example[i].order),
				example[i].extfrag);
		KUNIT_EXPECT_EQ(test, kmemx_fragindex_unusable(nr, example[i].order),
				example[i].unusable);
	}
}

/* X has 69 KiB in 64, 1, 1, 1, 1, 1: small pieces are no hindrance. */
static void fragindex_a04_x_serves_64_kib(struct kunit *test)
{
	static const unsigned int x[NR] = { [0] = 5, [6] = 1 };
	static const struct example examples[] = {
		{ 6, -1000, 72 }, { 5, -1000, 72 }, { 4, -1000, 72 }, { 0, -1000, 0 },
	};

	expect_examples(test, x, examples, ARRAY_SIZE(examples));
	KUNIT_EXPECT_EQ(test, kmemx_fragindex_max_order(kmemx_fragindex_orders(x)), 6);
}

/* Y has 64 KiB in 16, 16, 16, 16: a better average, and yet 64 KiB fail. */
static void fragindex_a04_y_does_not_serve_64_kib(struct kunit *test)
{
	static const unsigned int y[NR] = { [4] = 4 };
	static const struct example examples[] = {
		{ 6, 500, 1000 }, { 5, 250, 1000 }, { 4, -1000, 0 },
	};

	expect_examples(test, y, examples, ARRAY_SIZE(examples));
	KUNIT_EXPECT_EQ(test, kmemx_fragindex_max_order(kmemx_fragindex_orders(y)), 4);
}

/* ---- Edges ------------------------------------------------------------- */

static void fragindex_of_nothing(struct kunit *test)
{
	static const unsigned int none[NR] = { 0 };
	unsigned int k;

	for (k = 0; k < NR; k++) {
		KUNIT_EXPECT_EQ(test, kmemx_fragindex_extfrag(none, k), 0);
		KUNIT_EXPECT_EQ(test, kmemx_fragindex_unusable(none, k), 1000U);
	}
	KUNIT_EXPECT_EQ(test, kmemx_fragindex_orders(none), 0U);
	KUNIT_EXPECT_EQ(test, kmemx_fragindex_max_order(0), -1);
}

/* One block of order k: below it all is well; above it memory is what is short. */
static void fragindex_of_one_block(struct kunit *test)
{
	unsigned int k, order;

	for (k = 0; k < NR; k++) {
		unsigned int nr[NR] = { 0 };

		nr[k] = 1;
		KUNIT_EXPECT_EQ(test, kmemx_fragindex_max_order(kmemx_fragindex_orders(nr)),
				(int)k);
		for (order = 0; order < NR; order++) {
			int extfrag = order <= k ? -1000 : -(1000 >> (order - k));

			KUNIT_EXPECT_EQ(test, kmemx_fragindex_extfrag(nr, order), extfrag);
			KUNIT_EXPECT_EQ(test, kmemx_fragindex_unusable(nr, order),
					order <= k ? 0U : 1000U);
		}
	}
}

/* Sums are 64 bits wide: 16 TiB of the largest blocks, and as many of the smallest. */
static void fragindex_of_more_than_32_bits_hold(struct kunit *test)
{
	unsigned int nr[NR] = { [LAST] = UINT_MAX };

	KUNIT_EXPECT_EQ(test, kmemx_fragindex_extfrag(nr, LAST), -1000);
	KUNIT_EXPECT_EQ(test, kmemx_fragindex_unusable(nr, LAST), 0U);
	nr[0] = UINT_MAX;
	/* 1 part in 1025. */
	KUNIT_EXPECT_EQ(test, kmemx_fragindex_unusable(nr, 1), 0U);
	nr[LAST] = 0;
	KUNIT_EXPECT_EQ(test, kmemx_fragindex_extfrag(nr, LAST), 1000);
	KUNIT_EXPECT_EQ(test, kmemx_fragindex_unusable(nr, LAST), 1000U);
	KUNIT_EXPECT_EQ(test, kmemx_fragindex_extfrag(nr, 1), 500);
}

/* ---- All small cases --------------------------------------------------- */

/*
 * The same from a list of blocks. A quotient rounded down, divided and rounded
 * down again, is that of the two divisors' product, so the index needs only one.
 */
static int listed_extfrag(const unsigned int *block, unsigned int nr_blocks,
			  unsigned int order)
{
	unsigned int want = 1U << order, free = 0, i;

	for (i = 0; i < nr_blocks; i++) {
		if (block[i] >= want)
			return -1000;
		free += block[i];
	}
	return nr_blocks ? 1000 - (int)(1000 * (want + free) / (want * nr_blocks)) : 0;
}

static unsigned int listed_unusable(const unsigned int *block, unsigned int nr_blocks,
				    unsigned int order)
{
	unsigned int free = 0, small = 0, i;

	for (i = 0; i < nr_blocks; i++) {
		free += block[i];
		small += block[i] < 1U << order ? block[i] : 0;
	}
	return free ? 1000 * small / free : 1000;
}

static void expect_as_listed(struct kunit *test, const unsigned int nr[NR])
{
	unsigned int block[3 * NR];
	unsigned int nr_blocks = 0, k, i;
	int max_order = -1;

	for (k = 0; k < NR; k++) {
		for (i = 0; i < nr[k]; i++)
			block[nr_blocks++] = 1U << k;
		if (nr[k])
			max_order = (int)k;
	}
	for (k = 0; k < NR; k++) {
		KUNIT_ASSERT_EQ(test, kmemx_fragindex_extfrag(nr, k),
				listed_extfrag(block, nr_blocks, k));
		KUNIT_ASSERT_EQ(test, kmemx_fragindex_unusable(nr, k),
				listed_unusable(block, nr_blocks, k));
	}
	KUNIT_ASSERT_EQ(test, kmemx_fragindex_max_order(kmemx_fragindex_orders(nr)), max_order);
}

/* None to three blocks of each of the orders 0 to 3, 9 and 10. */
static void fragindex_small_cases_exhaustively(struct kunit *test)
{
	static const unsigned int orders[] = { 0, 1, 2, 3, LAST - 1, LAST };
	unsigned int code, i;

	for (code = 0; code < 1U << (2 * ARRAY_SIZE(orders)); code++) {
		unsigned int nr[NR] = { 0 };

		for (i = 0; i < ARRAY_SIZE(orders); i++)
			nr[orders[i]] = code >> (2 * i) & 3;
		expect_as_listed(test, nr);
	}
}

static bool has_block(unsigned long first, unsigned long nr_frames, unsigned int order)
{
	unsigned long start;

	for (start = first; start + (1UL << order) <= first + nr_frames; start++)
		if (!(start & ((1UL << order) - 1)))
			return true;
	return false;
}

static void fragindex_run_order_exhaustively(struct kunit *test)
{
	unsigned long first, nr_frames;

	for (first = 0; first < 70; first++) {
		for (nr_frames = 1; nr_frames < 140; nr_frames++) {
			int order = kmemx_fragindex_run_order(first, nr_frames);

			KUNIT_ASSERT_TRUE(test, has_block(first, nr_frames, order));
			KUNIT_ASSERT_FALSE(test, has_block(first, nr_frames, order + 1));
		}
	}
}

/* ---- Chunks ------------------------------------------------------------ */

struct fixture {
	atomic64_t map[KMEMX_CHUNK_WORDS];
	atomic64_t state;
	struct kmemx_chunk chunk;
	struct kmemx_moved moved;
};

static int fragindex_fixture_init(struct kunit *test)
{
	struct fixture *fx = kunit_kzalloc(test, sizeof(*fx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fx);
	fx->chunk = (struct kmemx_chunk){ .map = fx->map, .state = &fx->state };
	kmemx_chunk_init(fx->chunk, 0, KMEMX_CHUNK_FRAMES);
	test->priv = fx;
	return 0;
}

static void count(struct fixture *fx, unsigned int nr[NR])
{
	memset(nr, 0, NR * sizeof(*nr));
	kmemx_chunk_count(fx->chunk, nr);
}

/* Take every frame, one by one. */
static void fill(struct kunit *test, struct fixture *fx)
{
	unsigned int i;

	for (i = 0; i < KMEMX_CHUNK_FRAMES; i++)
		KUNIT_ASSERT_GE(test, kmemx_chunk_take(fx->chunk, 0, &fx->moved), 0);
}

static int max_order(struct fixture *fx)
{
	return kmemx_state_max_order((u64)atomic64_read(&fx->state));
}

static int counted_max_order(struct fixture *fx)
{
	unsigned int nr[NR];

	count(fx, nr);
	return kmemx_fragindex_max_order(kmemx_fragindex_orders(nr));
}

/* What is free by the counts is what can be taken; everything is given back. */
static void expect_takes(struct kunit *test, struct fixture *fx)
{
	unsigned int nr[NR];
	unsigned int order;

	count(fx, nr);
	for (order = 0; order < KMEMX_NR_ORDERS; order++) {
		int frame = kmemx_chunk_take(fx->chunk, order, &fx->moved);

		KUNIT_ASSERT_EQ(test, kmemx_fragindex_extfrag(nr, order) == -1000, frame >= 0);
		if (frame >= 0)
			kmemx_chunk_give(fx->chunk, (unsigned int)frame, order, &fx->moved);
	}
}

/* The highest order that is counted is the chunk's own word, and what can be taken. */
static void fragindex_a75_highest_order_is_the_truth(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct rnd rnd = rnd_start(test);
	unsigned int step;

	fill(test, fx);
	for (step = 0; step < 3000; step++) {
		unsigned int frame = rnd_below(&rnd, KMEMX_CHUNK_FRAMES);

		/* Mostly freed, so that it goes from full to whole. */
		if (kmemx_chunk_is_taken(fx->chunk, frame))
			kmemx_chunk_give(fx->chunk, frame, 0, &fx->moved);
		else if (!rnd_below(&rnd, 40))
			kmemx_chunk_take(fx->chunk, 0, &fx->moved);
		KUNIT_ASSERT_EQ(test, counted_max_order(fx), max_order(fx));
		expect_takes(test, fx);
	}
}

/*
 * The largest block of a chunk in which the @nr_pins frames 0, @stride, 2 @stride
 * ... are taken, at least one, the stride a power of two. From frame @nr_pins *
 * @stride on all is free, up to the chunk's end, where a block of any size may lie;
 * before it, there is half a stride between two pins.
 */
static int largest_with_pins(unsigned int nr_pins, unsigned int stride)
{
	unsigned int tail = KMEMX_CHUNK_FRAMES - nr_pins * stride;

	return (int)ilog2(tail ? tail : stride) - !tail;
}

/* Leave what is at a multiple of @stride. */
static void pin(struct kunit *test, struct fixture *fx, unsigned int stride)
{
	unsigned int i;

	fill(test, fx);
	for (i = 0; i < KMEMX_CHUNK_FRAMES; i++)
		if (i % stride)
			kmemx_chunk_give(fx->chunk, i, 0, &fx->moved);
}

/*
 * The Achilles heel: one frame in the wrong place keeps a whole chunk from merging.
 * One pin halves the largest block, two evenly apart quarter it, and 256 leave
 * half of the memory free and no two frames of it together.
 */
static void fragindex_a07_pins_at_a_stride(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int stride, nr_pins;
	unsigned int nr[NR];

	for (stride = 1; stride <= KMEMX_CHUNK_FRAMES; stride *= 2) {
		int order = (int)ilog2(stride);

		pin(test, fx, stride);
		count(fx, nr);
		KUNIT_EXPECT_EQ(test, max_order(fx), order - 1);
		KUNIT_EXPECT_EQ(test, kmemx_fragindex_unusable(nr, order), 1000U);
		for (nr_pins = KMEMX_CHUNK_FRAMES / stride; nr_pins; nr_pins--) {
			int largest = largest_with_pins(nr_pins, stride);

			KUNIT_ASSERT_EQ(test, max_order(fx), largest);
			KUNIT_ASSERT_EQ(test, counted_max_order(fx), largest);
			kmemx_chunk_give(fx->chunk, (nr_pins - 1) * stride, 0, &fx->moved);
		}
		KUNIT_ASSERT_EQ(test, max_order(fx), KMEMX_CHUNK_ORDER);
	}
}

static struct kunit_case fragindex_cases[] = {
	KUNIT_CASE(fragindex_a04_x_serves_64_kib),
	KUNIT_CASE(fragindex_a04_y_does_not_serve_64_kib),
	KUNIT_CASE(fragindex_of_nothing),
	KUNIT_CASE(fragindex_of_one_block),
	KUNIT_CASE(fragindex_of_more_than_32_bits_hold),
	KUNIT_CASE(fragindex_small_cases_exhaustively),
	KUNIT_CASE(fragindex_run_order_exhaustively),
	KUNIT_CASE(fragindex_a75_highest_order_is_the_truth),
	KUNIT_CASE(fragindex_a07_pins_at_a_stride),
	{}
};

static struct kunit_suite fragindex_suite = {
	.name = "kmemx_fragindex",
	.init = fragindex_fixture_init,
	.test_cases = fragindex_cases,
};

kunit_test_suites(&fragindex_suite);
