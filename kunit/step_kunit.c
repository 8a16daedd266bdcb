// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt points: the cores call kmemx_step() between any two steps of
 * a change that others may see half done. Here every operation is interrupted at every
 * such point by every other operation, once each, as by an interrupt or by another CPU
 * that runs while this one stands still; and the zone, or summary, must be sound
 * afterwards and nobody's frames anybody else's.
 */
#define KMEMX_STEPS
#include "buddy/zone.h"
#include "buddy/zone_bins.h"
#include "buddy/zone_block.h"
#include "buddy/zone_census.h"
#include "buddy/zone_check.h"
#include "buddy/zone_info.h"
#include "buddy/zone_run.h"
#include "random.h"

#define BASE_PFN	0x40000UL
#define NR_CHUNKS	3
#define NR_FRAMES	(NR_CHUNKS * 512UL)
#define KIND		KMEMX_KIND_PAGES
#define HELD_MAX	520
/* No operation has as many; one that does not end is one that hangs. */
#define STEPS_MAX	5000

struct held {
	long frame;
	unsigned int order;
};

struct fixture {
	struct kmemx_zone zone;
	struct kmemx_extent ext;
	u8 owner[NR_FRAMES];		/* 0, or a block's mark. */
	bool is_zero[NR_FRAMES];	/* What would be in it. */
	struct held held[HELD_MAX];	/* Blocks to free. */
	unsigned int nr_held;
	unsigned int nr_wrong;
	unsigned int nr_eagain;
	unsigned int nr_refused;
	unsigned int nr_zeroed;
	unsigned int nr_together;	/* Gives of several blocks at once. */
	unsigned int nr_two;		/* Takes of two words. */
	unsigned int nr_kept;		/* An emptied chunk was kept at the end. */
};

/* What the hook needs: one test at a time, on one thread. */
static struct fixture *fx;
static const struct op *nested;
static unsigned int at_step, nr_steps;

/* ---- Operations -------------------------------------------------------- */

struct op {
	const char *name;
	void (*run)(unsigned int order);
	unsigned int order;
};

static void mark(long frame, unsigned int order, u8 from, u8 to)
{
	unsigned int i;

	for (i = 0; i < 1U << order; i++) {
		if (fx->owner[frame + i] != from)
			fx->nr_wrong++;
		fx->owner[frame + i] = to;
	}
}

/* Who gets frames writes to them. */
static void soil(long frame, unsigned int nr)
{
	memset(fx->is_zero + frame, false, nr);
}

static void op_alloc(unsigned int order)
{
	long frame = kmemx_zone_alloc(&fx->zone, 1UL << order, 1UL << order, KIND);

	if (frame >= 0 && fx->nr_held < HELD_MAX) {
		mark(frame, order, 0, (u8)(order + 1));
		soil(frame, 1U << order);
		fx->held[fx->nr_held++] = (struct held){ frame, order };
	}
	fx->nr_eagain += frame == -EAGAIN;
}

static void free_held(unsigned int i)
{
	struct held old = fx->held[i];
	u8 info;

	fx->held[i] = fx->held[--fx->nr_held];
	mark(old.frame, old.order, (u8)(old.order + 1), 0);
	if (kmemx_zone_claim(&fx->zone, old.frame, KIND, 1UL << old.order, &info))
		fx->nr_wrong++;
	else
		kmemx_zone_give(&fx->zone, old.frame, old.order);
}

/* The first block held of that order goes. */
static void op_free(unsigned int order)
{
	unsigned int i;

	for (i = 0; i < fx->nr_held; i++) {
		if (fx->held[i].order == order) {
			free_held(i);
			return;
		}
	}
}

/* As free_past() (module/api_pages.c); the order is a constant in one of its forms. */
static __always_inline void give_past(unsigned int frame, unsigned int order)
{
	struct kmemx_change change;
	u64 word;

	WRITE_ONCE(fx->zone.info[frame], 0);
	switch (kmemx_zone_give_once(&fx->zone, frame, order, &word, &change)) {
	case KMEMX_GIVEN:
		kmemx_zone_settle_word(&fx->zone, frame / KMEMX_CHUNK_FRAMES, &change);
		break;
	case KMEMX_GIVEN_UNCOUNTED:
		kmemx_zone_count_back(&fx->zone, frame, order, word);
		break;
	default:
		fx->nr_wrong++;
	}
}

/* As op_free(), past a front. */
static void op_free_past(unsigned int order)
{
	unsigned int i;

	for (i = 0; i < fx->nr_held; i++) {
		struct held old = fx->held[i];

		if (old.order != order)
			continue;
		fx->held[i] = fx->held[--fx->nr_held];
		mark(old.frame, order, (u8)(order + 1), 0);
		if (order == 4)
			give_past((unsigned int)old.frame, 4);
		else
			give_past((unsigned int)old.frame, order);
		return;
	}
}

/* All blocks of two words, as who fills a front; or none. */
static void op_alloc_two(unsigned int order)
{
	long c = kmemx_bins_first(&fx->zone.bins, order);
	unsigned int words = 0, i;

	if (fx->nr_held + (2 * KMEMX_WORD_BITS >> order) > HELD_MAX)
		return;
	if (kmemx_zone_has_two(&fx->zone, c, order))
		words = kmemx_zone_take_two(&fx->zone, (unsigned int)c, order);
	for (i = 0; i < KMEMX_CHUNK_FRAMES; i += 1U << order) {
		unsigned int frame = (unsigned int)c * KMEMX_CHUNK_FRAMES + i;

		if (!(words & BIT(i / KMEMX_WORD_BITS)))
			continue;
		WRITE_ONCE(fx->zone.info[frame], kmemx_info(KIND, order));
		mark(frame, order, 0, (u8)(order + 1));
		soil(frame, 1U << order);
		fx->held[fx->nr_held++] = (struct held){ frame, order };
	}
	fx->nr_two += !!words;
}

/* Those held of that order that are in the word of the first one go at once. */
static void op_free_some(unsigned int order)
{
	unsigned int base = 0, nr = 0, i;
	u64 heads = 0;
	u8 info;

	for (i = 0; i < fx->nr_held;) {
		struct held old = fx->held[i];

		if (old.order != order || (nr && old.frame / KMEMX_WORD_BITS != base)) {
			i++;
			continue;
		}
		fx->held[i] = fx->held[--fx->nr_held];
		base = (unsigned int)old.frame / KMEMX_WORD_BITS;
		heads |= BIT_ULL(old.frame % KMEMX_WORD_BITS);
		nr++;
		mark(old.frame, order, (u8)(order + 1), 0);
		if (kmemx_zone_claim(&fx->zone, (unsigned int)old.frame, KIND, 1UL << order, &info))
			fx->nr_wrong++;
	}
	if (!nr)
		return;
	fx->nr_together += nr > 1;
	if (!kmemx_zone_give_some(&fx->zone, base * KMEMX_WORD_BITS, heads, order, nr))
		fx->nr_wrong++;
}

static void free_all(long frame)
{
	u8 info;

	if (kmemx_zone_claim(&fx->zone, frame, KIND, 0, &info)) {
		fx->nr_wrong++;
		return;
	}
	for (;;) {
		unsigned int block = frame, block_order = kmemx_info_order(info);
		bool more = info & KMEMX_INFO_MORE;

		if (more)
			frame = kmemx_zone_next(&fx->zone, frame, &info);
		kmemx_zone_give(&fx->zone, block, block_order);
		if (!more)
			return;
	}
}

/* Two chunks in a row, given back at once, or none. */
static void op_run(unsigned int order)
{
	long frame = kmemx_zone_alloc(&fx->zone, 1024 - order, 1, KIND);

	if (frame < 0) {
		fx->nr_eagain += frame == -EAGAIN;
		return;
	}
	soil(frame, 1024 - order);
	free_all(frame);
}

/* Zero a chunk, as who does so ahead of need. */
static void op_zero(unsigned int unused)
{
	long frame = kmemx_zone_take_unzeroed(&fx->zone);
	unsigned int i;

	if (frame < 0)
		return;
	for (i = 0; i < KMEMX_CHUNK_FRAMES; i++)
		fx->nr_wrong += fx->owner[frame + i] != 0;
	memset(fx->is_zero + frame, true, KMEMX_CHUNK_FRAMES);
	kmemx_zone_give_zeroed(&fx->zone, frame);
}

/* Most or all of a chunk that is zero, given back at once, or nothing. */
static void op_alloc_zeroed(unsigned int less)
{
	unsigned int nr = KMEMX_CHUNK_FRAMES - less, i;
	long frame = kmemx_zone_alloc_zeroed(&fx->zone, nr, KIND);

	if (frame < 0)
		return;
	for (i = 0; i < nr; i++)
		fx->nr_wrong += fx->owner[frame + i] || !fx->is_zero[frame + i];
	fx->nr_zeroed++;
	soil(frame, nr);
	free_all(frame);
}

/* Just these frames, which nobody else has then, or none. */
static void take_at(unsigned int frame, unsigned int nr)
{
	unsigned int i;

	if (kmemx_zone_alloc_at(&fx->zone, frame, nr, KIND))
		return;
	for (i = frame; i < frame + nr; i++)
		fx->nr_wrong += fx->owner[i] != 0;
	soil(frame, nr);
	free_all(frame);
}

static void op_range(unsigned int order)
{
	take_at(3, 5 + order);
}

static void op_far_range(unsigned int order)
{
	take_at(500, 40 + order);
}

static const struct op ops[] = {
	{ "alloc 0", op_alloc, 0 }, { "alloc 1", op_alloc, 1 }, { "alloc 3", op_alloc, 3 },
	{ "alloc 6", op_alloc, 6 }, { "alloc 7", op_alloc, 7 }, { "alloc 8", op_alloc, 8 },
	{ "alloc 9", op_alloc, 9 }, { "free 0", op_free, 0 }, { "free 1", op_free, 1 },
	{ "free 3", op_free, 3 }, { "free 6", op_free, 6 }, { "free 7", op_free, 7 },
	{ "free 8", op_free, 8 }, { "free 9", op_free, 9 }, { "run", op_run, 0 },
	{ "free some 1", op_free_some, 1 }, { "free some 3", op_free_some, 3 },
	{ "free past 1", op_free_past, 1 }, { "free past 4", op_free_past, 4 },
	{ "alloc two 4", op_alloc_two, 4 },
	{ "run with a tail", op_run, 100 }, { "range", op_range, 0 },
	{ "range of two words", op_range, 90 }, { "range of two chunks", op_far_range, 0 },
	{ "zero", op_zero, 0 }, { "alloc zeroed", op_alloc_zeroed, 0 },
	{ "alloc zeroed, with a tail", op_alloc_zeroed, 100 },
};

/* ---- Fills: what the zone looks like before ---------------------------- */

static void fill_nothing(void)
{
}

/* A block of each order, so that every free has something to free. */
static void fill_some(void)
{
	unsigned int order;

	for (order = 0; order <= 9; order++)
		op_alloc(order);
}

/* All but a few frames of one chunk: reservations and bits are scarce. */
static void fill_nearly(void)
{
	op_alloc(9);
	op_alloc(9);
	op_alloc(8);
	op_alloc(7);
	op_alloc(6);
	op_alloc(5);
	op_alloc(4);
	op_alloc(3);
	op_alloc(1);
	op_alloc(0);
}

/* One chunk is zero, one is not, and one is in use. */
static void fill_zeroed(void)
{
	op_zero(0);
	op_alloc(6);
	op_alloc(3);
}

/* Neighbours, which can go at once. */
static void fill_rows(void)
{
	unsigned int i;

	for (i = 0; i < 8; i++) {
		op_alloc(3);
		op_alloc(1);
	}
	op_alloc_two(4);
}

/* A block that is the only one of its chunk, unless the caller has made others there. */
static void hold_at(unsigned int frame, unsigned int order)
{
	if (kmemx_zone_alloc_at(&fx->zone, frame, 1UL << order, KIND)) {
		fx->nr_wrong++;
		return;
	}
	mark(frame, order, 0, (u8)(order + 1));
	soil(frame, 1U << order);
	fx->held[fx->nr_held++] = (struct held){ frame, order };
}

/* A chunk has one live block. */
static void fill_single(void)
{
	hold_at(7, 0);
}

/* Two chunks have one live block each. */
static void fill_singles(void)
{
	fill_single();
	hold_at(KMEMX_CHUNK_FRAMES + 64, 0);
}

/* One chunk has just been emptied, another is about to be. */
static void fill_emptied(void)
{
	hold_at(KMEMX_CHUNK_FRAMES + 64, 0);
	hold_at(0, 3);
	free_held(1);
}

static void (* const fills[])(void) = {
	fill_nothing, fill_some, fill_nearly, fill_zeroed, fill_rows, fill_singles, fill_emptied,
};

/*
 * What is made once is a copy for every time after: tens of thousands of zones are made, and the
 * memory of each is expensive on a kernel that watches over it.
 */
static struct {
	struct fixture *fx;
	void *meta;
	unsigned int fill;
} made;

static void zone_copy(struct fixture *to, void *to_meta, const struct fixture *from,
		      const void *from_meta)
{
	*to = *from;
	memcpy(to_meta, from_meta, from->zone.meta_bytes);
}

static void zone_make(struct kunit *test, unsigned int fill)
{
	if (fill == made.fill) {
		zone_copy(fx, fx->zone.meta, made.fx, made.meta);
		return;
	}
	kmemx_zone_fini(&fx->zone);
	memset(fx, 0, sizeof(*fx));
	fx->ext = (struct kmemx_extent){ .pfn = BASE_PFN, .nr_frames = NR_FRAMES };
	KUNIT_ASSERT_EQ(test, kmemx_zone_init(&fx->zone, 1, &fx->ext), 0);
	fills[fill]();
	if (!made.meta)
		made.meta = kunit_kzalloc(test, fx->zone.meta_bytes, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, made.meta);
	zone_copy(made.fx, made.meta, fx, fx->zone.meta);
	made.fill = fill;
}

/* What is all free can all be taken, whole. */
static void expect_all_whole(struct kunit *test, const char *what, const char *by)
{
	long frame[NR_CHUNKS];
	unsigned int c;

	KUNIT_ASSERT_EQ_MSG(test, kmemx_zone_largest(&fx->zone, NULL), NR_FRAMES,
			    "%s at step %u by %s", what, at_step, by);
	for (c = 0; c < NR_CHUNKS; c++) {
		KUNIT_ASSERT_TRUE(test, kmemx_zone_has_block(&fx->zone, 9));
		frame[c] = kmemx_zone_alloc_order(&fx->zone, 9, KIND);
		KUNIT_ASSERT_GE_MSG(test, frame[c], 0L, "%s at step %u by %s", what, at_step, by);
	}
	while (c--)
		kmemx_zone_free_block(&fx->zone, (unsigned int)frame[c], 9);
}

static void zone_end(struct kunit *test, const char *what, const char *by)
{
	const char *why = kmemx_zone_check(&fx->zone);

	fx->nr_kept += kmemx_zone_emptied(&fx->zone) >= 0;
	KUNIT_ASSERT_TRUE_MSG(test, !why, "%s at step %u by %s: %s", what, at_step, by,
			      why ? why : "");
	KUNIT_ASSERT_EQ_MSG(test, fx->nr_wrong, 0U, "%s at step %u by %s", what, at_step, by);
	while (fx->nr_held)
		op_free(fx->held[0].order);
	KUNIT_ASSERT_EQ_MSG(test, fx->nr_wrong, 0U, "%s at step %u by %s", what, at_step, by);
	KUNIT_ASSERT_EQ(test, kmemx_zone_nr_free(&fx->zone), NR_FRAMES);
	why = kmemx_zone_check(&fx->zone);
	KUNIT_ASSERT_TRUE_MSG(test, !why, "%s at step %u by %s, all freed: %s", what, at_step,
			      by, why ? why : "");
	expect_all_whole(test, what, by);
}

/* ---- The interruption -------------------------------------------------- */

static void interrupt_once(void)
{
	if (nr_steps++ != at_step)
		return;
	kmemx_step_hook = NULL;
	nested->run(nested->order);
	kmemx_step_hook = interrupt_once;
}

/* Run @outer and interrupt it at its step @at_step; false if it has not so many. */
static bool run_interrupted(const struct op *outer)
{
	nr_steps = 0;
	kmemx_step_hook = interrupt_once;
	outer->run(outer->order);
	kmemx_step_hook = NULL;
	return nr_steps > at_step;
}

static int step_init(struct kunit *test)
{
	fx = kunit_kzalloc(test, sizeof(*fx), GFP_KERNEL);
	made.fx = kunit_kzalloc(test, sizeof(*fx), GFP_KERNEL);
	made.meta = NULL;
	made.fill = UINT_MAX;
	return fx && made.fx ? 0 : -ENOMEM;
}

static void step_exit(struct kunit *test)
{
	kmemx_step_hook = NULL;
	if (fx)
		kmemx_zone_fini(&fx->zone);
}

static void step_interrupt(struct kunit *test, const struct op *outer, unsigned int fill,
			   unsigned long *nr)
{
	for (at_step = 0; at_step < STEPS_MAX; at_step++, ++*nr) {
		bool was;

		zone_make(test, fill);
		was = run_interrupted(outer);
		zone_end(test, outer->name, nested->name);
		if (!was)
			return;
	}
	KUNIT_FAIL(test, "%s does not end", outer->name);
}

static void step_any_operation_at_any_point(struct kunit *test)
{
	unsigned long nr = 0, nr_zeroed = 0, nr_together = 0, nr_kept = 0, nr_two = 0;
	unsigned int i, k, fill;

	for (fill = 0; fill < ARRAY_SIZE(fills); fill++)
		for (i = 0; i < ARRAY_SIZE(ops); i++)
			for (k = 0; k < ARRAY_SIZE(ops); k++) {
				nested = &ops[k];
				step_interrupt(test, &ops[i], fill, &nr);
				nr_zeroed += fx->nr_zeroed;
				nr_together += fx->nr_together;
				nr_kept += fx->nr_kept;
				nr_two += fx->nr_two;
			}
	kunit_info(test, "%lu interruptions\n", nr);
	KUNIT_EXPECT_GT(test, nr, 5000UL);
	KUNIT_EXPECT_GT(test, nr_zeroed, 0UL);
	KUNIT_EXPECT_GT(test, nr_together, 0UL);
	KUNIT_EXPECT_GT(test, nr_kept, 0UL);
	KUNIT_EXPECT_GT(test, nr_two, 0UL);
}

/*
 * Two CPUs empty a chunk each, and one stands still wherever it may be: of the two at most one
 * is kept, the other is in the bin of whole ones. So where the other comes to take a block of
 * the chunk that is being emptied, or all of it.
 */
static void step_one_chunk_that_was_emptied_is_kept(struct kunit *test)
{
	static const struct op empty = { "free 0", op_free, 0 };
	static const struct op others[] = {
		{ "free 0", op_free, 0 }, { "alloc 0", op_alloc, 0 }, { "alloc 9", op_alloc, 9 },
	};
	unsigned int nr_kept = 0, i;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		nested = &others[i];
		for (at_step = 0; at_step < STEPS_MAX; at_step++) {
			unsigned int c, nr = 0;
			bool was;

			zone_make(test, 0);
			fill_singles();
			was = run_interrupted(&empty);
			for (c = 0; c < NR_CHUNKS; c++)
				nr += (u64)atomic64_read(&fx->zone.state[c]) == KMEMX_STATE_EMPTIED;
			KUNIT_ASSERT_LE_MSG(test, nr, 1U, "step %u by %s", at_step, nested->name);
			nr_kept += nr;
			zone_end(test, empty.name, nested->name);
			if (!was)
				break;
		}
		KUNIT_EXPECT_GE(test, at_step, 3U);
	}
	KUNIT_EXPECT_GT(test, nr_kept, 2U);
}

/* Who is interrupted by an operation that takes what it is after says so. */
static void step_lost_races_are_told_from_shortage(struct kunit *test)
{
	static const struct op whole = { "alloc 9", op_alloc, 9 };
	static const struct op run = { "run", op_run, 0 };
	unsigned int nr_eagain = 0;

	nested = &whole;
	for (at_step = 0; at_step < STEPS_MAX; at_step++) {
		bool was;

		zone_make(test, 0);
		op_alloc(9);
		was = run_interrupted(&run);
		nr_eagain += fx->nr_eagain;
		zone_end(test, run.name, nested->name);
		if (!was)
			break;
	}
	KUNIT_EXPECT_GT(test, nr_eagain, 0U);
}

/* Whose first look at the best chunk was in vain. */
static void op_alloc_slow(unsigned int order)
{
	struct kmemx_taken taken = kmemx_zone_take_slow(&fx->zone, order, 1);

	fx->nr_eagain += taken.base == -EAGAIN;
	fx->nr_refused += taken.base == -ENOSPC;
	if (taken.base < 0)
		return;
	taken.base += (int)__ffs64(taken.heads);
	WRITE_ONCE(fx->zone.info[taken.base], kmemx_info(KIND, order));
	mark(taken.base, order, 0, (u8)(order + 1));
	fx->held[fx->nr_held++] = (struct held){ taken.base, order };
}

/* The only chunk with free frames moves to another bin while it is looked for. */
static void step_moved_chunk_is_no_shortage(struct kunit *test)
{
	static const struct op slow = { "alloc slow", op_alloc_slow, 0 };
	static const struct op pair = { "free 1", op_free, 1 };
	unsigned int nr_eagain = 0, i;

	nested = &pair;
	for (at_step = 0; at_step < STEPS_MAX; at_step++) {
		bool was;

		zone_make(test, 0);
		op_alloc(9);
		op_alloc(9);
		op_alloc(1);
		for (i = 2; i < KMEMX_CHUNK_FRAMES; i++)
			op_alloc(0);
		free_held(fx->nr_held - 1);
		was = run_interrupted(&slow);
		nr_eagain += fx->nr_eagain;
		KUNIT_EXPECT_EQ_MSG(test, fx->nr_refused, 0U, "step %u", at_step);
		zone_end(test, slow.name, nested->name);
		if (!was)
			break;
	}
	KUNIT_EXPECT_GT(test, nr_eagain, 0U);
}

/*
 * Of the first chunk two frames of one word are left, which are no pair, so that taking
 * one of them does not change its bin: one is for who is interrupted, one for who comes.
 */
static void fill_but_two(void)
{
	unsigned int i;

	for (i = 0; i < KMEMX_CHUNK_FRAMES; i++)
		op_alloc(0);
	free_held(510);
	free_held(508);
}

static void alloc_blocks(unsigned int order, unsigned int nr)
{
	long frame[4];
	unsigned int i;

	for (i = 0; i < nr; i++) {
		frame[i] = kmemx_zone_alloc(&fx->zone, 1UL << order, 1UL << order, KIND);
		fx->nr_refused += frame[i] < 0;
	}
	for (i = 0; i < nr; i++)
		if (frame[i] >= 0)
			free_all(frame[i]);
}

static void alloc_four(unsigned int order)
{
	alloc_blocks(order, 4);
}

static void alloc_one(unsigned int order)
{
	alloc_blocks(order, 1);
}

/*
 * Whatever stands still, and wherever: with most of the zone free others get what they
 * ask for.
 */
static void step_standstill_keeps_nobody_from_allocating(struct kunit *test)
{
	static const struct op wanted[] = {
		{ "four 0", alloc_four, 0 }, { "four 3", alloc_four, 3 },
		{ "four 6", alloc_four, 6 }, { "one 9", alloc_one, 9 },
	};
	static void (* const before[])(void) = { fill_nothing, fill_but_two, fill_single };
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		for (k = 0; k < ARRAY_SIZE(before) * ARRAY_SIZE(wanted); k++) {
			bool was = ops[i].run != op_run;

			nested = &wanted[k / ARRAY_SIZE(before)];
			for (at_step = 0; was && at_step < STEPS_MAX; at_step++) {
				zone_make(test, 0);
				before[k % ARRAY_SIZE(before)]();
				was = run_interrupted(&ops[i]);
				KUNIT_ASSERT_EQ_MSG(test, fx->nr_refused, 0U, "%s at step %u of %s",
						    nested->name, at_step, ops[i].name);
				zone_end(test, ops[i].name, nested->name);
			}
		}
}

/* ---- Many interruptions, one in another -------------------------------- */

#define DEPTH_MAX	3

static struct rnd rnd;
static unsigned int depth;

static void interrupt_often(void)
{
	const struct op *op;

	if (depth >= DEPTH_MAX || rnd_below(&rnd, 20))
		return;
	depth++;
	op = &ops[rnd_below(&rnd, ARRAY_SIZE(ops))];
	op->run(op->order);
	depth--;
}

static void step_random_storm(struct kunit *test)
{
	unsigned int step;

	rnd = rnd_start(test);
	at_step = 0;
	for (step = 0; step < 20000; step++) {
		const struct op *op = &ops[rnd_below(&rnd, ARRAY_SIZE(ops))];
		const char *why;

		if (!(step % 200))
			zone_make(test, step / 200 % ARRAY_SIZE(fills));
		kmemx_step_hook = interrupt_often;
		op->run(op->order);
		kmemx_step_hook = NULL;
		why = kmemx_zone_check(&fx->zone);
		KUNIT_ASSERT_TRUE_MSG(test, !why, "%s: %s", op->name, why ? why : "");
		KUNIT_ASSERT_EQ(test, fx->nr_wrong, 0U);
		if (step % 200 == 199)
			zone_end(test, "storm", "many");
	}
}

/* ---- A late writer ----------------------------------------------------- */

static atomic64_t late_map[KMEMX_CHUNK_WORDS], late_state;

/* As of a free that cleared its bits before the take looked, and was slow since. */
static void write_rank(void)
{
	u64 state = (u64)atomic64_read(&late_state);

	if (nr_steps++ == at_step)
		atomic64_set(&late_state, (s64)kmemx_state_set_rank(state, 0, KMEMX_RANK_FULL));
}

static void step_rank_written_late_is_mended(struct kunit *test)
{
	struct kmemx_chunk chunk = { .map = late_map, .state = &late_state };

	for (at_step = 0; at_step < STEPS_MAX; at_step++) {
		struct kmemx_moved moved = { 0 };
		int frame;

		kmemx_chunk_init(chunk, 0, KMEMX_CHUNK_FRAMES);
		nr_steps = 0;
		kmemx_step_hook = write_rank;
		frame = kmemx_chunk_take(chunk, 3, &moved);
		kmemx_step_hook = NULL;
		if (nr_steps <= at_step)
			return;
		KUNIT_ASSERT_EQ(test, frame, 0);
		/* At the very last step nobody can know. */
		if (nr_steps > at_step + 1)
			KUNIT_ASSERT_EQ_MSG(test,
					    kmemx_state_rank((u64)atomic64_read(&late_state), 0),
					    6U, "step %u", at_step);
	}
	KUNIT_FAIL(test, "a take does not end");
}

/* ---- A rank that is behind its word ------------------------------------- */

/* What the hooks below leave. */
static long behind_frame;
static unsigned int behind_rank;

static u64 first_state(void)
{
	return (u64)atomic64_read(&fx->zone.state[0]);
}

/* The chunk is where its ranks say, and these are right. */
static void expect_at_rest(struct kunit *test)
{
	const char *why = kmemx_zone_check(&fx->zone);

	KUNIT_EXPECT_EQ(test, kmemx_state_bin(first_state()), kmemx_state_find_bin(first_state()));
	KUNIT_EXPECT_TRUE_MSG(test, !why, "%s", why ? why : "");
}

/* The bits of what is freed are clear, and its word's rank is that of before. */
static void take_where_bits_are_clear(void)
{
	/* Not before those of the block are. */
	if ((u64)atomic64_read(&fx->zone.map[0]) >> 32)
		return;
	kmemx_step_hook = NULL;
	behind_rank = kmemx_state_rank(first_state(), 0);
	behind_frame = kmemx_zone_alloc_order(&fx->zone, 0, KIND);
}

/*
 * Free are frame 0 and a block of order 4 in the next word, and what is freed is one of
 * order 5 beside frame 0: who takes that is the first to write the word's new rank.
 */
static void step_block_is_found_whoever_writes_its_rank(struct kunit *test)
{
	unsigned int frame;
	int err = 0;

	zone_make(test, 0);
	err |= kmemx_zone_alloc_at(&fx->zone, 32, 32, KIND);
	/* One by one, so that there are so many live ones that their class stays. */
	for (frame = 1; frame < 32; frame++)
		err |= kmemx_zone_alloc_at(&fx->zone, frame, 1, KIND);
	err |= kmemx_zone_alloc_at(&fx->zone, 64 + 16, NR_FRAMES - 64 - 16, KIND);
	KUNIT_ASSERT_EQ(test, err, 0);

	kmemx_step_hook = take_where_bits_are_clear;
	KUNIT_EXPECT_TRUE(test, kmemx_zone_free_block(&fx->zone, 32, 5));
	KUNIT_EXPECT_EQ(test, behind_frame, 0L);
	KUNIT_EXPECT_EQ(test, behind_rank, 1U);

	expect_at_rest(test);
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc_order(&fx->zone, 5, KIND), 32L);
}

/*
 * The third frame of the word goes as soon as the bits of the other two are clear; who
 * cleared these has not seen it, and writes too low a rank beside the right count.
 */
static void free_third_then_take(void)
{
	u64 word = (u64)atomic64_read(&fx->zone.map[0]);

	kmemx_step_hook = NULL;
	if (word == BIT_ULL(2)) {
		op_free(0);
	} else if (kmemx_state_free(first_state()) == KMEMX_CHUNK_FRAMES) {
		/* The last to change a bit has not looked again. */
		behind_rank = kmemx_state_rank(first_state(), 0);
		behind_frame = kmemx_zone_alloc_order(&fx->zone, 0, KIND);
		return;
	}
	kmemx_step_hook = free_third_then_take;
}

/* That chunk is not whole any more, whatever it was between count and rank. */
static void step_chunk_with_a_live_block_is_not_offered_as_whole(struct kunit *test)
{
	struct kmemx_taken two;

	zone_make(test, 0);
	two = kmemx_zone_take(&fx->zone, 0, 2);
	KUNIT_ASSERT_EQ(test, two.base, 0L);
	op_alloc(0);
	KUNIT_ASSERT_EQ(test, fx->nr_held, 1U);

	nr_steps = 0;
	behind_frame = -1;
	kmemx_step_hook = free_third_then_take;
	KUNIT_EXPECT_TRUE(test, kmemx_zone_give_some(&fx->zone, 0, two.heads, 0, 2));
	kmemx_step_hook = NULL;
	KUNIT_EXPECT_EQ(test, fx->nr_wrong, 0U);
	KUNIT_EXPECT_GE(test, behind_frame, 0L);
	KUNIT_EXPECT_LT(test, behind_rank, KMEMX_RANK_FULL);

	expect_at_rest(test);
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc_order(&fx->zone, 9, KIND), 512L);
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc_order(&fx->zone, 9, KIND), 1024L);
	KUNIT_EXPECT_EQ(test, kmemx_zone_alloc_order(&fx->zone, 9, KIND), (long)-ENOSPC);
}

/* ---- A summary --------------------------------------------------------- */

static struct kmemx_summary sum;
static unsigned int toggled;
static bool toggle_to, toggle_inline;

/* One way or the other, which are to come to the same. */
static void let_leaf_be(unsigned int leaf, bool to)
{
	if (toggle_inline && to)
		kmemx_summary_add(&sum, leaf);
	else if (toggle_inline)
		kmemx_summary_drop(&sum, leaf);
	else if (to)
		kmemx_summary_set(&sum, leaf);
	else
		kmemx_summary_clear(&sum, leaf);
}

static void toggle(unsigned int unused)
{
	let_leaf_be(toggled, toggle_to);
}

/* Leaves that share a word, or a word one or two levels up, or are below words of the top. */
static const struct leaves {
	unsigned int nr;
	unsigned int leaf[5];
} leaves[] = {
	{ 64, { 0, 1, 2, 32, 63 } },
	{ 16384, { 0, 1, 64, 4096, 16383 } },
	{ 70000, { 0, 1, 64, 4096, 69999 } },
};

/* Returns whether there was such a step; in @way is what becomes of the two leaves, and how. */
static bool toggle_two(struct kunit *test, void *mem, const struct leaves *of,
		       unsigned int i, unsigned int k, unsigned int way)
{
	bool outer = way & 1, inner = way & 2;

	memset(mem, 0, kmemx_summary_bytes(of->nr));
	kmemx_summary_init(&sum, mem, of->nr);
	if (!outer)
		kmemx_summary_set(&sum, of->leaf[i]);
	if (!inner)
		kmemx_summary_set(&sum, of->leaf[k]);
	nr_steps = 0;
	toggled = of->leaf[k];
	toggle_to = inner;
	toggle_inline = way & 4;
	kmemx_step_hook = interrupt_once;
	let_leaf_be(of->leaf[i], outer);
	kmemx_step_hook = NULL;
	if (nr_steps <= at_step)
		return false;
	KUNIT_ASSERT_TRUE(test, kmemx_summary_check(&sum));
	KUNIT_ASSERT_EQ(test, kmemx_summary_is_empty(&sum), !outer && !inner);
	KUNIT_ASSERT_EQ(test, kmemx_summary_first(&sum),
			inner && of->leaf[k] < of->leaf[i] ? (long)of->leaf[k] :
			outer ? (long)of->leaf[i] : inner ? (long)of->leaf[k] : -1L);
	return true;
}

static void step_summary_loses_no_leaf(struct kunit *test)
{
	static const struct op op = { "toggle", toggle, 0 };
	const struct leaves *last = &leaves[ARRAY_SIZE(leaves) - 1], *of;
	void *mem = vzalloc(kmemx_summary_bytes(last->nr));
	unsigned int i, k, way;

	KUNIT_ASSERT_NOT_NULL(test, mem);
	nested = &op;
	for (of = leaves; of <= last; of++)
		for (way = 0; way < 8; way++)
			for (i = 0; i < ARRAY_SIZE(of->leaf); i++)
				for (k = 0; k < ARRAY_SIZE(of->leaf); k++) {
					at_step = 0;
					while (i != k && toggle_two(test, mem, of, i, k, way))
						at_step++;
				}
	vfree(mem);
}

/* ---- Bins -------------------------------------------------------------- */

static struct kmemx_bins *bins;
static unsigned int second_step, added_chunk;

/* Two others come by, at two places: one adds a chunk, one removes one that is not there. */
static void two_others(void)
{
	unsigned int step = nr_steps++;

	if (step != at_step && step != second_step)
		return;
	kmemx_step_hook = NULL;
	if (step == at_step)
		kmemx_bins_add(bins, 3, added_chunk);
	if (step == second_step)
		kmemx_bins_remove(bins, 3, 60);
	kmemx_step_hook = two_others;
}

/* The only chunk of a bin leaves it; returns how many steps that has. */
static unsigned int empty_bin(struct kunit *test, void *mem, unsigned int nr_chunks)
{
	unsigned int bin;

	memset(mem, 0, kmemx_bins_bytes(nr_chunks));
	kmemx_bins_init(bins, mem, nr_chunks);
	kmemx_bins_add(bins, 3, 0);
	nr_steps = 0;
	kmemx_step_hook = two_others;
	kmemx_bins_remove(bins, 3, 0);
	kmemx_step_hook = NULL;
	KUNIT_ASSERT_TRUE_MSG(test, kmemx_bins_check(bins), "steps %u, %u", at_step,
			      second_step);
	if (at_step < nr_steps)
		KUNIT_ASSERT_EQ_MSG(test, kmemx_bins_find(bins, 0, &bin), (long)added_chunk,
				    "steps %u, %u", at_step, second_step);
	else
		KUNIT_ASSERT_EQ(test, kmemx_bins_find(bins, 0, &bin), -1L);
	return nr_steps;
}

/* In the word that is emptied, in the next, below the next of the top; and a third level. */
static void step_bins_lose_no_chunk(struct kunit *test)
{
	static const struct {
		unsigned int nr_chunks, added;
	} as[] = { { 64, 1 }, { 130, 100 }, { 16384, 1 }, { 16384, 16383 }, { 16385, 16384 } };
	void *mem = vzalloc(kmemx_bins_bytes(16385));
	unsigned int steps, i;

	bins = kunit_kzalloc(test, sizeof(*bins), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, bins);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	for (i = 0; i < ARRAY_SIZE(as); i++) {
		added_chunk = as[i].added;
		at_step = UINT_MAX;
		second_step = UINT_MAX;
		steps = empty_bin(test, mem, as[i].nr_chunks);
		KUNIT_EXPECT_GT(test, steps, 3U);
		for (at_step = 0; at_step < steps; at_step++)
			for (second_step = 0; second_step < steps; second_step++)
				steps = max(steps, empty_bin(test, mem, as[i].nr_chunks));
	}
	vfree(mem);
}

static struct kunit_case step_cases[] = {
	KUNIT_CASE(step_any_operation_at_any_point),
	KUNIT_CASE(step_one_chunk_that_was_emptied_is_kept),
	KUNIT_CASE(step_lost_races_are_told_from_shortage),
	KUNIT_CASE(step_moved_chunk_is_no_shortage),
	KUNIT_CASE(step_standstill_keeps_nobody_from_allocating),
	KUNIT_CASE(step_random_storm),
	KUNIT_CASE(step_rank_written_late_is_mended),
	KUNIT_CASE(step_block_is_found_whoever_writes_its_rank),
	KUNIT_CASE(step_chunk_with_a_live_block_is_not_offered_as_whole),
	KUNIT_CASE(step_summary_loses_no_leaf),
	KUNIT_CASE(step_bins_lose_no_chunk),
	{}
};

static struct kunit_suite step_suite = {
	.name = "kmemx_step",
	.init = step_init,
	.exit = step_exit,
	.test_cases = step_cases,
};

kunit_test_suites(&step_suite);
