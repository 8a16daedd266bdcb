// SPDX-License-Identifier: GPL-2.0
/*
 * One chunk: what can be taken, what comes back, what the counts say.
 */
#include "buddy/chunk.h"
#include "random.h"

struct fixture {
	atomic64_t map[KMEMX_CHUNK_WORDS];
	atomic64_t state;
	struct kmemx_chunk chunk;
	struct kmemx_moved moved;
};

static int chunk_fixture_init(struct kunit *test)
{
	struct fixture *fx = kunit_kzalloc(test, sizeof(*fx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fx);
	fx->chunk = (struct kmemx_chunk){ .map = fx->map, .state = &fx->state };
	kmemx_chunk_init(fx->chunk, 0, KMEMX_CHUNK_FRAMES);
	test->priv = fx;
	return 0;
}

static unsigned int nr_free(struct fixture *fx)
{
	return kmemx_state_free((u64)atomic64_read(&fx->state));
}

static unsigned int nr_live(struct fixture *fx)
{
	return kmemx_state_live((u64)atomic64_read(&fx->state));
}

static int max_order(struct fixture *fx)
{
	return kmemx_state_max_order((u64)atomic64_read(&fx->state));
}

static int take(struct fixture *fx, unsigned int order)
{
	return kmemx_chunk_take(fx->chunk, order, &fx->moved);
}

static void give(struct kunit *test, struct fixture *fx, unsigned int frame,
		 unsigned int order)
{
	KUNIT_ASSERT_TRUE(test, kmemx_chunk_give(fx->chunk, frame, order, &fx->moved));
}

/* At rest: the free count is the number of clear bits. */
static void expect_counts(struct kunit *test, struct fixture *fx, unsigned int free,
			  unsigned int live)
{
	unsigned int nr[KMEMX_NR_ORDERS] = { 0 };
	unsigned int sum = 0, k;

	KUNIT_EXPECT_EQ(test, nr_free(fx), free);
	KUNIT_EXPECT_EQ(test, nr_live(fx), live);
	KUNIT_EXPECT_TRUE(test, kmemx_chunk_check_ranks(fx->chunk));
	KUNIT_EXPECT_EQ(test, kmemx_chunk_count(fx->chunk, nr), free);
	for (k = 0; k < KMEMX_NR_ORDERS; k++)
		sum += nr[k] << k;
	KUNIT_EXPECT_EQ(test, sum, free);
}

static void chunk_every_order_fills_and_empties(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int order;

	for (order = 0; order < KMEMX_NR_ORDERS; order++) {
		unsigned int blocks = KMEMX_CHUNK_FRAMES >> order;
		unsigned int i;

		for (i = 0; i < blocks; i++)
			KUNIT_ASSERT_EQ(test, take(fx, order),
					(int)(i << order));
		KUNIT_ASSERT_EQ(test, take(fx, order), -ENOSPC);
		KUNIT_ASSERT_EQ(test, take(fx, 0), -ENOSPC);
		KUNIT_ASSERT_EQ(test, max_order(fx), -1);
		expect_counts(test, fx, 0, blocks);
		for (i = 0; i < blocks; i++)
			give(test, fx, i << order, order);
		expect_counts(test, fx, KMEMX_CHUNK_FRAMES, 0);
		KUNIT_ASSERT_EQ(test, max_order(fx), KMEMX_CHUNK_ORDER);
	}
}

static void chunk_one_frame_prevents_whole(struct kunit *test)
{
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_EQ(test, take(fx, 0), 0);
	KUNIT_EXPECT_EQ(test, take(fx, 9), -ENOSPC);
	KUNIT_EXPECT_EQ(test, max_order(fx), 8);
	KUNIT_EXPECT_EQ(test, take(fx, 8), 256);
	KUNIT_EXPECT_EQ(test, take(fx, 7), 128);
	KUNIT_EXPECT_EQ(test, take(fx, 7), -ENOSPC);
	expect_counts(test, fx, 127, 3);
}

static void chunk_whole_is_taken_in_the_state_alone(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, take(fx, 9), 0);
	for (i = 0; i < KMEMX_CHUNK_WORDS; i++)
		KUNIT_EXPECT_EQ(test, atomic64_read(&fx->map[i]), 0LL);
	KUNIT_EXPECT_TRUE(test, kmemx_chunk_is_taken(fx->chunk, 511));
	KUNIT_EXPECT_EQ(test, take(fx, 0), -ENOSPC);
	KUNIT_EXPECT_EQ(test, take(fx, 9), -ENOSPC);
}

/* The last of its blocks leaves it as it was, in the bin of one or not; none before does. */
static void chunk_is_emptied_by_its_last_block(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int order, i;

	for (order = 0; order <= KMEMX_WORD_ORDER; order++)
		for (i = 0; i < KMEMX_CHUNK_WORDS; i++) {
			u64 to = i & 1 ? KMEMX_STATE_ALL_FREE : KMEMX_STATE_EMPTIED;
			u64 mask = kmemx_word_mask(0, order), word = mask;
			unsigned int first = i * KMEMX_WORD_BITS, other = (first + 300) % 512;

			KUNIT_ASSERT_EQ(test, 0, kmemx_chunk_take_range(fx->chunk, other, other + 1,
									1, &fx->moved));
			KUNIT_ASSERT_EQ(test, 0, kmemx_chunk_take_range(fx->chunk, first,
									first + (1U << order), 1,
									&fx->moved));
			KUNIT_ASSERT_TRUE(test, kmemx_chunk_clear_bits(&fx->map[i], mask, &word));
			KUNIT_ASSERT_EQ(test, word, 0ULL);
			KUNIT_ASSERT_FALSE(test, kmemx_chunk_empty(&fx->state, i, order, to));
			give(test, fx, other, 0);
			KUNIT_ASSERT_FALSE(test, kmemx_chunk_empty(&fx->state, i, order ^ 1,
								  to));
			KUNIT_ASSERT_TRUE(test, kmemx_chunk_empty(&fx->state, i, order, to));
			KUNIT_ASSERT_EQ(test, (u64)atomic64_read(&fx->state), to);
			expect_counts(test, fx, KMEMX_CHUNK_FRAMES, 0);
			KUNIT_ASSERT_EQ(test, max_order(fx), KMEMX_CHUNK_ORDER);
			KUNIT_ASSERT_EQ(test, take(fx, 9), 0);
			give(test, fx, 0, 9);
		}
}

/* What is taken of it first is what would be taken of any chunk that is all free. */
static void chunk_that_was_emptied_is_used_as_others(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int order;

	for (order = 0; order <= KMEMX_WORD_ORDER; order++) {
		u64 state;

		KUNIT_ASSERT_EQ(test, take(fx, order), 0);
		state = (u64)atomic64_read(&fx->state);
		give(test, fx, 0, order);
		atomic64_set(&fx->state, (s64)KMEMX_STATE_EMPTIED);
		fx->moved.bins = 0;
		KUNIT_ASSERT_EQ(test, take(fx, order), 0);
		KUNIT_ASSERT_EQ(test, (u64)atomic64_read(&fx->state), state);
		KUNIT_ASSERT_EQ(test, fx->moved.bins, 0ULL);
		expect_counts(test, fx, KMEMX_CHUNK_FRAMES - (1U << order), 1);
		give(test, fx, 0, order);
	}
}

/* Every other frame taken: half is free, and no two in a row. */
static void chunk_failing_take_changes_nothing(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int i, order;

	for (i = 0; i < KMEMX_CHUNK_FRAMES; i++)
		KUNIT_ASSERT_GE(test, take(fx, 0), 0);
	for (i = 0; i < KMEMX_CHUNK_FRAMES; i += 2)
		give(test, fx, i, 0);
	for (order = 1; order < KMEMX_NR_ORDERS; order++)
		KUNIT_EXPECT_EQ(test, take(fx, order), -ENOSPC);
	expect_counts(test, fx, KMEMX_CHUNK_FRAMES / 2, KMEMX_CHUNK_FRAMES / 2);
	KUNIT_EXPECT_EQ(test, max_order(fx), 0);
}

/* Every other word taken: half is free, and no two words in a row. */
static void chunk_failing_take_of_words_changes_nothing(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int i, order;

	for (i = 0; i < KMEMX_CHUNK_WORDS; i++)
		KUNIT_ASSERT_EQ(test, take(fx, 6), (int)(i * 64));
	for (i = 0; i < KMEMX_CHUNK_WORDS; i += 2)
		give(test, fx, i * 64, 6);
	for (order = 7; order < KMEMX_NR_ORDERS; order++)
		KUNIT_EXPECT_EQ(test, take(fx, order), -ENOSPC);
	expect_counts(test, fx, KMEMX_CHUNK_FRAMES / 2, KMEMX_CHUNK_WORDS / 2);
	KUNIT_EXPECT_EQ(test, max_order(fx), 6);
}

/* Half a chunk is free in a row, but across the middle. */
static void chunk_half_starts_at_a_half(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int nr[KMEMX_NR_ORDERS] = { 0 };
	unsigned int i;

	for (i = 0; i < 4; i++)
		KUNIT_ASSERT_EQ(test, take(fx, 7), (int)(i * 128));
	give(test, fx, 128, 7);
	give(test, fx, 256, 7);
	KUNIT_EXPECT_EQ(test, max_order(fx), 7);
	KUNIT_EXPECT_EQ(test, take(fx, 8), -ENOSPC);
	KUNIT_EXPECT_EQ(test, kmemx_chunk_count(fx->chunk, nr), 256U);
	KUNIT_EXPECT_EQ(test, nr[7], 2U);
	KUNIT_EXPECT_EQ(test, nr[8], 0U);
}

static void chunk_absent_frames_are_never_taken(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int i;

	kmemx_chunk_init(fx->chunk, 70, 300);
	KUNIT_EXPECT_EQ(test, nr_free(fx), 230U);
	KUNIT_EXPECT_EQ(test, take(fx, 9), -ENOSPC);
	for (i = 0; i < 230; i++) {
		int frame = take(fx, 0);

		KUNIT_ASSERT_GE(test, frame, 70);
		KUNIT_ASSERT_LT(test, frame, 300);
	}
	KUNIT_EXPECT_EQ(test, take(fx, 0), -ENOSPC);
}

static void chunk_take_prefers_small_remains(struct kunit *test)
{
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_EQ(test, take(fx, 6), 0);
	KUNIT_ASSERT_EQ(test, take(fx, 6), 64);
	KUNIT_ASSERT_EQ(test, take(fx, 5), 128);
	/* The half word at 160 fits better than the empty words behind it. */
	KUNIT_EXPECT_EQ(test, take(fx, 2), 160);
	give(test, fx, 0, 6);
	/* 164 is the head of 4 + 8 + 16 free frames; word 0 is not touched. */
	KUNIT_EXPECT_EQ(test, take(fx, 2), 164);
}

static void expect_trimmed(struct kunit *test, struct fixture *fx, unsigned int order,
			   unsigned int nr)
{
	unsigned int pieces, at = 0, left = nr;
	int frame = take(fx, order);

	KUNIT_ASSERT_EQ(test, frame, 0);
	pieces = kmemx_chunk_trim(fx->chunk, 0, order, nr, &fx->moved);
	KUNIT_ASSERT_EQ(test, pieces, (unsigned int)hweight32(nr));
	expect_counts(test, fx, KMEMX_CHUNK_FRAMES - nr, pieces);
	KUNIT_ASSERT_TRUE(test, kmemx_chunk_is_taken(fx->chunk, nr - 1));
	KUNIT_ASSERT_FALSE(test, kmemx_chunk_is_taken(fx->chunk, nr));
	while (left) {
		unsigned int piece = (unsigned int)ilog2(left);

		give(test, fx, at, piece);
		at += 1U << piece;
		left -= 1U << piece;
	}
	expect_counts(test, fx, KMEMX_CHUNK_FRAMES, 0);
}

static void chunk_trim_keeps_exactly_what_is_asked(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int order, nr;

	for (order = 1; order < KMEMX_NR_ORDERS; order++)
		for (nr = 1; nr < 1U << order; nr++)
			expect_trimmed(test, fx, order, nr);
}

static void chunk_split_counts_what_it_is_told(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int order, nr, i;

	for (order = 0; order < KMEMX_NR_ORDERS; order++) {
		for (nr = 1; nr <= 1U << order; nr *= 2) {
			unsigned int part = order - (unsigned int)ilog2(nr);

			KUNIT_ASSERT_EQ(test, take(fx, order), 0);
			/* A chunk that is one block has no map to give parts of it from. */
			if (part < KMEMX_CHUNK_ORDER)
				kmemx_chunk_split(fx->chunk, order, nr, &fx->moved);
			expect_counts(test, fx, KMEMX_CHUNK_FRAMES - (1U << order), nr);
			for (i = 0; i < nr; i++)
				give(test, fx, i << part, part);
			expect_counts(test, fx, KMEMX_CHUNK_FRAMES, 0);
		}
	}
}

static int take_range(struct fixture *fx, unsigned int first, unsigned int end)
{
	return kmemx_chunk_take_range(fx->chunk, first, end, end - first, &fx->moved);
}

static void expect_range(struct kunit *test, struct fixture *fx, unsigned int first,
			 unsigned int end)
{
	unsigned int nr = end - first, i;

	KUNIT_ASSERT_EQ(test, take_range(fx, first, end), 0);
	expect_counts(test, fx, KMEMX_CHUNK_FRAMES - nr, nr);
	for (i = 0; i < KMEMX_CHUNK_FRAMES; i++)
		KUNIT_ASSERT_EQ(test, kmemx_chunk_is_taken(fx->chunk, i), i >= first && i < end);
	/* Not what touches it, at either end; and nothing is left of the try. */
	KUNIT_ASSERT_EQ(test, take_range(fx, first ? first - 1 : 0, first + 1), -ENOSPC);
	KUNIT_ASSERT_EQ(test, take_range(fx, end - 1, min(end + 70, 512U)), -ENOSPC);
	expect_counts(test, fx, KMEMX_CHUNK_FRAMES - nr, nr);
	for (i = first; i < end; i++)
		give(test, fx, i, 0);
	expect_counts(test, fx, KMEMX_CHUNK_FRAMES, 0);
}

static void chunk_takes_just_these_frames(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int first, end;

	for (first = 0; first < KMEMX_CHUNK_FRAMES; first += first < 66 ? 3 : 31)
		for (end = first + 1; end <= KMEMX_CHUNK_FRAMES; end += end - first < 66 ? 7 : 61)
			if (end - first < KMEMX_CHUNK_FRAMES)
				expect_range(test, fx, first, end);
	/* All of it is one block. */
	KUNIT_EXPECT_EQ(test, kmemx_chunk_take_range(fx->chunk, 0, 512, 1, &fx->moved), 0);
	KUNIT_EXPECT_EQ(test, take_range(fx, 5, 6), -ENOSPC);
	expect_counts(test, fx, 0, 1);
	give(test, fx, 0, KMEMX_CHUNK_ORDER);
	KUNIT_ASSERT_EQ(test, take(fx, 0), 0);
	KUNIT_EXPECT_EQ(test, kmemx_chunk_take_range(fx->chunk, 0, 512, 1, &fx->moved), -ENOSPC);
	give(test, fx, 0, 0);
	expect_counts(test, fx, KMEMX_CHUNK_FRAMES, 0);
}

/* A rank that somebody who was late has written: it is met, and put right. */
static void chunk_take_mends_ranks_that_are_wrong(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int order;

	for (order = 0; order < KMEMX_CHUNK_ORDER; order++) {
		u64 state;
		int full, frame;

		/* Word 0 has nothing, word 1 one frame less than it had; both say "all". */
		full = take(fx, 6);
		KUNIT_ASSERT_EQ(test, full, 0);
		KUNIT_ASSERT_EQ(test, take(fx, 0), 64);
		state = (u64)atomic64_read(&fx->state);
		state = kmemx_state_set_rank(state, 0, KMEMX_RANK_FULL);
		state = kmemx_state_set_rank(state, 1, KMEMX_RANK_FULL);
		atomic64_set(&fx->state, (s64)state);
		frame = take(fx, order);
		KUNIT_ASSERT_GT(test, frame, 64);
		/* Whoever comes to the others mends them as well. */
		while (take(fx, 0) >= 0)
			;
		expect_counts(test, fx, 0, 2 + 1 + 447 - (1 << order));
		kmemx_chunk_init(fx->chunk, 0, KMEMX_CHUNK_FRAMES);
	}
}

/* The same where a block of two words finds the second one in use. */
static void chunk_failing_take_gives_its_first_word_back(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int order;

	for (order = 7; order <= 8; order++) {
		KUNIT_ASSERT_EQ(test, take(fx, 6), 0);
		KUNIT_ASSERT_EQ(test, take(fx, 0), 64);
		give(test, fx, 0, 6);
		atomic64_set(&fx->state,
			     (s64)kmemx_state_set_rank((u64)atomic64_read(&fx->state), 1,
						       KMEMX_RANK_FULL));
		KUNIT_EXPECT_EQ(test, take(fx, order), 1 << order);
		expect_counts(test, fx, KMEMX_CHUNK_FRAMES - 1 - (1U << order), 2);
		kmemx_chunk_init(fx->chunk, 0, KMEMX_CHUNK_FRAMES);
	}
}

static void chunk_give_refuses_what_is_free(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int order;

	for (order = 0; order <= KMEMX_WORD_ORDER; order++) {
		int frame = take(fx, order);

		give(test, fx, frame, order);
		KUNIT_EXPECT_FALSE(test, kmemx_chunk_give(fx->chunk, frame, order, &fx->moved));
		expect_counts(test, fx, KMEMX_CHUNK_FRAMES, 0);
	}
	/* Half of it taken by somebody else: that stays. */
	KUNIT_ASSERT_EQ(test, take(fx, 2), 0);
	KUNIT_EXPECT_FALSE(test, kmemx_chunk_give(fx->chunk, 0, 3, &fx->moved));
	KUNIT_EXPECT_TRUE(test, kmemx_chunk_is_taken(fx->chunk, 3));
	expect_counts(test, fx, KMEMX_CHUNK_FRAMES - 4, 1);
}

/* Of the first blocks of word @i, those in @which; as kmemx_zone_give_some(). */
static bool give_some(struct fixture *fx, unsigned int i, unsigned int which,
		      unsigned int order)
{
	struct kmemx_change change = { 0 };
	unsigned int k, nr = 0;
	u64 heads = 0;

	for (k = 0; k < 8; k++)
		if (which & 1U << k) {
			heads |= BIT_ULL(k << order);
			nr++;
		}
	if (!kmemx_chunk_give_some(&fx->map[i], &fx->state, i, heads, order, nr, &change))
		return false;
	kmemx_chunk_settle(fx->chunk, &change, &fx->moved);
	return change.settled && change.new == (u64)atomic64_read(&fx->state);
}

/* All subsets of the blocks of a word, and then all others, some of which are free by then. */
static void expect_given(struct kunit *test, struct fixture *fx, unsigned int i,
			 unsigned int order)
{
	unsigned int all = min(64U >> order, 8U), given, more;
	unsigned int free = nr_free(fx), live = nr_live(fx);
	s64 map = atomic64_read(&fx->map[i]), state = atomic64_read(&fx->state);

	for (given = 1; given < 1U << all; given++) {
		unsigned int nr = hweight32(given);
		s64 left, left_state;

		KUNIT_ASSERT_TRUE(test, give_some(fx, i, given, order));
		expect_counts(test, fx, free + (nr << order), live - nr);
		left = atomic64_read(&fx->map[i]);
		left_state = atomic64_read(&fx->state);
		for (more = 1; more < 1U << all; more++) {
			if (!(more & given))
				continue;
			KUNIT_ASSERT_FALSE(test, give_some(fx, i, more, order));
			KUNIT_ASSERT_EQ(test, atomic64_read(&fx->map[i]), left);
			KUNIT_ASSERT_EQ(test, atomic64_read(&fx->state), left_state);
		}
		atomic64_set(&fx->map[i], map);
		atomic64_set(&fx->state, state);
	}
}

/* In a chunk that is full, and in one that has other words that are free. */
static void chunk_gives_several_blocks_at_once(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int order, i;

	for (order = 0; order <= KMEMX_WORD_ORDER; order++) {
		while (take(fx, order) >= 0)
			;
		expect_given(test, fx, 5, order);
		for (i = 0; i < 64; i += 1U << order)
			give(test, fx, 64 + i, order);
		expect_given(test, fx, 0, order);
		kmemx_chunk_init(fx->chunk, 0, KMEMX_CHUNK_FRAMES);
		/* The rest of the word is free. */
		for (i = 0; i < min(8U << order, 64U); i += 1U << order)
			KUNIT_ASSERT_EQ(test, take(fx, order), (int)i);
		expect_given(test, fx, 0, order);
		kmemx_chunk_init(fx->chunk, 0, KMEMX_CHUNK_FRAMES);
	}
}

/* Maximal blocks by halving: a block counts if it is clear and its parent is not. */
static unsigned int naive_max_order(struct fixture *fx)
{
	int order;

	for (order = KMEMX_CHUNK_ORDER; order >= 0; order--) {
		unsigned int at, i;

		for (at = 0; at < KMEMX_CHUNK_FRAMES; at += 1U << order) {
			for (i = 0; i < 1U << order; i++)
				if (kmemx_chunk_is_taken(fx->chunk, at + i))
					break;
			if (i == 1U << order)
				return (unsigned int)order;
		}
	}
	return ~0U;
}

/* Of any words that are free the lowest two, unless there is a smaller hole. */
static void chunk_takes_two_words_at_once(struct kunit *test)
{
	struct kmemx_change change;
	unsigned int taken, i;

	for (taken = 0; taken <= 0xff; taken++) {
		unsigned int left = ~taken & 0xff, want = left & -left, words;
		struct fixture *fx = test->priv;
		u64 state;

		want |= (left ^ want) & -(left ^ want);
		kmemx_chunk_init(fx->chunk, 0, KMEMX_CHUNK_FRAMES);
		for (i = 0; i < KMEMX_CHUNK_WORDS; i++)
			if (taken & BIT(i))
				KUNIT_ASSERT_EQ(test, 0, kmemx_chunk_take_range(fx->chunk, i * 64,
										i * 64 + 64, 1,
										&fx->moved));
		state = (u64)atomic64_read(&fx->state);
		words = kmemx_chunk_take_two(fx->chunk, 4, &change);
		KUNIT_ASSERT_EQ(test, words, hweight32(left) > 1 ? want : 0U);
		KUNIT_ASSERT_TRUE(test, change.settled);
		KUNIT_ASSERT_EQ(test, change.old, state);
		state = (u64)atomic64_read(&fx->state);
		KUNIT_ASSERT_EQ(test, change.new, state);
		KUNIT_ASSERT_EQ(test, kmemx_state_bin(state), kmemx_state_find_bin(state));
		expect_counts(test, fx, 64 * hweight32(left & ~words),
			      hweight32(taken) + (words ? 8 : 0));
		for (i = 0; i < KMEMX_CHUNK_WORDS; i++)
			KUNIT_ASSERT_EQ(test, (u64)atomic64_read(&fx->map[i]),
					(taken | words) & BIT(i) ? ~0ULL : 0ULL);
	}
}

static void chunk_takes_two_words_only_if_no_hole_will_do(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_change change;

	KUNIT_ASSERT_EQ(test, take(fx, 4), 0);
	KUNIT_EXPECT_EQ(test, kmemx_chunk_take_two(fx->chunk, 4, &change), 0U);
	KUNIT_EXPECT_TRUE(test, change.settled);
	expect_counts(test, fx, KMEMX_CHUNK_FRAMES - 16, 1);
	/* For which it is too small. */
	KUNIT_EXPECT_EQ(test, kmemx_chunk_take_two(fx->chunk, 6, &change), 6U);
	expect_counts(test, fx, KMEMX_CHUNK_FRAMES - 16 - 128, 3);
	/* Frames of others, who come to set their bits. */
	atomic64_add(-(KMEMX_CHUNK_FRAMES - 16 - 128 - 127), &fx->state);
	KUNIT_EXPECT_EQ(test, kmemx_chunk_take_two(fx->chunk, 6, &change), 0U);
	KUNIT_EXPECT_TRUE(test, change.settled);
}

/* One of them is not what its rank says: nothing is taken, and that is put right. */
static void chunk_takes_two_words_or_none(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct kmemx_change change;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct kmemx_moved moved = { 0 };

		kmemx_chunk_init(fx->chunk, 0, KMEMX_CHUNK_FRAMES);
		atomic64_set(&fx->map[i], 2);
		KUNIT_EXPECT_EQ(test, kmemx_chunk_take_two(fx->chunk, 4, &change), 0U);
		KUNIT_EXPECT_FALSE(test, change.settled);
		kmemx_chunk_settle_two(fx->chunk, &change, &moved);
		KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&fx->map[i]), 2ULL);
		KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&fx->map[!i]), 0ULL);
		KUNIT_EXPECT_EQ(test, nr_free(fx), KMEMX_CHUNK_FRAMES);
		KUNIT_EXPECT_EQ(test, nr_live(fx), 0U);
		KUNIT_EXPECT_TRUE(test, kmemx_chunk_check_ranks(fx->chunk));
	}
}

/* A word with holes, in which the block is taken. */
static u64 draw_word(struct rnd *rnd, unsigned int bit, unsigned int order)
{
	u64 word = rnd_next64(rnd);

	/* Few bits, in one half or both; or none. */
	if (rnd_below(rnd, 2))
		word &= word >> 7 & word >> 13;
	if (!rnd_below(rnd, 8))
		word = 0;
	return word | kmemx_word_mask(bit, order);
}

/* What is found out about a block that comes back is what its word and the others say. */
static void chunk_state_is_raised_to_what_it_would_be_counted(struct kunit *test)
{
	struct rnd rnd = rnd_start(test);
	unsigned int round, i, k;

	for (round = 0; round < 100000; round++) {
		unsigned int order = rnd_below(&rnd, KMEMX_WORD_ORDER + 1), at;
		unsigned int bit = rnd_below(&rnd, KMEMX_WORD_BITS >> order) << order;
		u64 word[KMEMX_CHUNK_WORDS], state = 0, new;

		at = rnd_below(&rnd, KMEMX_CHUNK_WORDS);
		for (i = 0; i < KMEMX_CHUNK_WORDS; i++) {
			word[i] = rnd_below(&rnd, 3) ? 0 : draw_word(&rnd, 0, 0);
			if (i == at)
				word[i] = draw_word(&rnd, bit, order);
			state += KMEMX_WORD_BITS - hweight64(word[i]);
			k = (unsigned int)kmemx_word_max_order(word[i]) + 1;
			state = kmemx_state_set_rank(state, i, k);
		}
		state += (1 + rnd_below(&rnd, 20)) * KMEMX_STATE_LIVE_ONE;
		state |= (u64)kmemx_state_find_bin(state) << KMEMX_STATE_BIN_SHIFT;
		word[at] &= ~kmemx_word_mask(bit, order);
		new = state + kmemx_chunk_worth(1U << order, 1);
		k = (unsigned int)kmemx_word_max_order(word[at]) + 1;
		new = kmemx_state_set_rank(new, at, k) & ~KMEMX_STATE_BIN_MASK;
		new |= (u64)kmemx_state_find_bin(new) << KMEMX_STATE_BIN_SHIFT;
		KUNIT_ASSERT_EQ(test, new, kmemx_state_raise(state, at, word[at], bit, order));
		if (order == 4)
			KUNIT_ASSERT_EQ(test, new, kmemx_state_raise(state, at, word[at], bit, 4));
	}
}

static void chunk_random_walk(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct rnd rnd = rnd_start(test);
	s8 *owner = kunit_kmalloc_array(test, KMEMX_CHUNK_FRAMES, 1, GFP_KERNEL);
	unsigned int step, i;

	KUNIT_ASSERT_NOT_NULL(test, owner);
	/* -1: free; -2: inside a block; else the order of the block that starts. */
	memset(owner, -1, KMEMX_CHUNK_FRAMES);
	for (step = 0; step < 20000; step++) {
		unsigned int order = rnd_below(&rnd, KMEMX_NR_ORDERS);
		unsigned int at = rnd_below(&rnd, KMEMX_CHUNK_FRAMES);

		if (rnd_below(&rnd, 2)) {
			int frame = take(fx, order);

			if (frame < 0)
				continue;
			for (i = 0; i < 1U << order; i++) {
				KUNIT_ASSERT_EQ(test, owner[frame + i], -1);
				owner[frame + i] = i ? -2 : (s8)order;
			}
		} else if (owner[at] != -1) {
			while (owner[at] == -2)
				at--;
			order = (unsigned int)owner[at];
			give(test, fx, at, order);
			memset(owner + at, -1, 1U << order);
		}
		for (i = 0; i < KMEMX_CHUNK_FRAMES && !(step % 16); i++)
			KUNIT_ASSERT_EQ(test, kmemx_chunk_is_taken(fx->chunk, i),
					owner[i] != -1);
		KUNIT_ASSERT_EQ(test, (unsigned int)max_order(fx),
				naive_max_order(fx));
	}
}

static struct kunit_case chunk_cases[] = {
	KUNIT_CASE(chunk_every_order_fills_and_empties),
	KUNIT_CASE(chunk_one_frame_prevents_whole),
	KUNIT_CASE(chunk_whole_is_taken_in_the_state_alone),
	KUNIT_CASE(chunk_is_emptied_by_its_last_block),
	KUNIT_CASE(chunk_that_was_emptied_is_used_as_others),
	KUNIT_CASE(chunk_failing_take_changes_nothing),
	KUNIT_CASE(chunk_failing_take_of_words_changes_nothing),
	KUNIT_CASE(chunk_half_starts_at_a_half),
	KUNIT_CASE(chunk_absent_frames_are_never_taken),
	KUNIT_CASE(chunk_take_prefers_small_remains),
	KUNIT_CASE(chunk_trim_keeps_exactly_what_is_asked),
	KUNIT_CASE(chunk_split_counts_what_it_is_told),
	KUNIT_CASE(chunk_takes_just_these_frames),
	KUNIT_CASE(chunk_take_mends_ranks_that_are_wrong),
	KUNIT_CASE(chunk_failing_take_gives_its_first_word_back),
	KUNIT_CASE(chunk_give_refuses_what_is_free),
	KUNIT_CASE(chunk_gives_several_blocks_at_once),
	KUNIT_CASE(chunk_takes_two_words_at_once),
	KUNIT_CASE(chunk_takes_two_words_only_if_no_hole_will_do),
	KUNIT_CASE(chunk_takes_two_words_or_none),
	KUNIT_CASE(chunk_state_is_raised_to_what_it_would_be_counted),
	KUNIT_CASE(chunk_random_walk),
	{}
};

static struct kunit_suite chunk_suite = {
	.name = "kmemx_chunk",
	.init = chunk_fixture_init,
	.test_cases = chunk_cases,
};

kunit_test_suites(&chunk_suite);
