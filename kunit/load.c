// SPDX-License-Identifier: GPL-2.0
/*
 * Playing loads; see load.h.
 */
#include "load.h"
#include "threads.h"

static void load_init(struct kunit *test, struct load *load, const struct load_ops *ops,
		      void *ctx, unsigned long mark)
{
	*load = (struct load){ .ops = ops, .ctx = ctx, .mark = mark };
	load->live = vzalloc((mark + 1) * sizeof(*load->live));
	KUNIT_ASSERT_NOT_NULL(test, load->live);
}

static void load_forget(struct load *load)
{
	memset(load->asked, 0, sizeof(load->asked));
	memset(load->failed, 0, sizeof(load->failed));
}

/* Lasting blocks come first in live[], the others after them, as trace_victim() wants it. */
static void add_live(struct load *load, struct load_block block, bool lasts)
{
	u32 i = load->nr_live++;

	if (lasts) {
		load->live[i] = load->live[load->nr_lasting];
		i = load->nr_lasting++;
	}
	load->live[i] = block;
	load->used += 1UL << block.order;
}

static void free_one(struct kunit *test, struct load *load, u32 i)
{
	struct load_block block = load->live[i];

	if (i < load->nr_lasting) {
		load->live[i] = load->live[--load->nr_lasting];
		i = load->nr_lasting;
	}
	load->live[i] = load->live[--load->nr_live];
	load->used -= 1UL << block.order;
	if (!load->ops->give(load->ctx, block.order, block.block))
		KUNIT_FAIL(test, "a free is refused");
}

static void request(struct kunit *test, struct load *load, unsigned int order, bool lasts)
{
	struct load_block block = { .order = order };

	while (load->used + (1UL << order) > load->mark && load->nr_live)
		free_one(test, load, trace_victim(&load->trace, load->nr_lasting, load->nr_live));
	load->asked[order]++;
	if (load->ops->take(load->ctx, order, &block.block))
		add_live(load, block, lasts);
	else
		load->failed[order]++;
}

static void load_fini(struct kunit *test, struct load *load)
{
	while (load->nr_live)
		free_one(test, load, load->nr_live - 1);
	vfree(load->live);
}

/* ---- The reference trace ----------------------------------------------- */

/* Of 1000 requests of an order so many may fail, from order 6 on; below, none. */
struct bar {
	unsigned int percent;
	unsigned int failed[4];
};

static const struct bar bars[] = {
	{ .percent = 80, .failed = { 0, 0, 0, 15 } },
	{ .percent = 90, .failed = { 0, 5, 80, 550 } },
};

static void play_trace(struct kunit *test, struct load *load, u64 seed)
{
	u32 i;

	trace_start(&load->trace, TRACE_REFERENCE, seed);
	for (i = 0; i < TRACE_REQUESTS; i++) {
		unsigned int order = trace_order(&load->trace);

		if (i == TRACE_WARM_UP)
			load_forget(load);
		request(test, load, order, trace_lasts(&load->trace, order));
		if (i % 64 == 0)
			test_breathe();
	}
}

static void expect_bar(struct kunit *test, const struct bar *bar, const unsigned int *asked,
		       const unsigned int *failed)
{
	unsigned int order;

	for (order = 0; order < TRACE_ORDERS; order++) {
		unsigned int may = order < 6 ? 0 : bar->failed[order - 6];

		if (failed[order])
			kunit_info(test, "%u %%: order %u: %u of %u failed\n", bar->percent, order,
				   failed[order], asked[order]);
		KUNIT_EXPECT_GT(test, asked[order], 0U);
		KUNIT_EXPECT_LE_MSG(test, failed[order] * 1000, may * asked[order],
				    "order %u at %u %%", order, bar->percent);
	}
}

static void try_bar(struct kunit *test, const struct load_ops *ops, void *ctx,
		    unsigned int nr_seeds, const struct bar *bar)
{
	unsigned int asked[TRACE_ORDERS] = { 0 }, failed[TRACE_ORDERS] = { 0 };
	unsigned int i, k;

	for (i = 0; i < nr_seeds; i++) {
		struct load load;

		KUNIT_ASSERT_TRUE(test, trace_is_reference(&trace_seeds[i]));
		load_init(test, &load, ops, ctx, TRACE_FRAMES * bar->percent / 100);
		play_trace(test, &load, trace_seeds[i].seed);
		for (k = 0; k < TRACE_ORDERS; k++) {
			asked[k] += load.asked[k];
			failed[k] += load.failed[k];
		}
		load_fini(test, &load);
	}
	expect_bar(test, bar, asked, failed);
}

void load_expect_few_failures(struct kunit *test, const struct load_ops *ops, void *ctx,
			      unsigned int nr_seeds)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bars); i++)
		try_bar(test, ops, ctx, nr_seeds, &bars[i]);
}

/* ---- 1000 free pages and no 64 in a row -------------------------------- */

#define ROW_REQUESTS	60000
#define ROW_FREE	1000
#define ROW_ORDER	6
/* Once in so many requests the 64 are really taken, if they are there. */
#define ROW_PROBE	100

/**
 * struct mix - what is asked for
 * @name: for people
 * @below: of 100 requests, those for the order beside it and for all before that
 * @order: the orders
 */
struct mix {
	const char *name;
	u32 below[4];
	unsigned int order[4];
};

static const struct mix mixes[] = {
	[LOAD_SMALL] = { "small", { 60, 80, 100 }, { 0, 4, 5 } },
	[LOAD_BUFFERS] = { "buffers", { 50, 70, 90, 100 }, { 0, 2, 4, 6 } },
};

/* One in ten of the single pages lasts. */
static void request_of(struct kunit *test, struct load *load, const struct mix *mix)
{
	u32 r = trace_random(&load->trace.requests) % 100, i = 0;
	bool lasts = trace_random(&load->trace.lives) % 10 == 0;

	while (r >= mix->below[i])
		i++;
	request(test, load, mix->order[i], lasts && !mix->order[i]);
}

/* Are there 64 in a row? They are there to be had then. */
static bool has_row(struct kunit *test, struct load *load, bool probe)
{
	unsigned long block;

	KUNIT_EXPECT_GE(test, TRACE_FRAMES - load->used, (unsigned long)ROW_FREE);
	if (load->ops->max_order(load->ctx) < ROW_ORDER)
		return false;
	if (probe) {
		KUNIT_EXPECT_TRUE(test, load->ops->take(load->ctx, ROW_ORDER, &block));
		KUNIT_EXPECT_TRUE(test, load->ops->give(load->ctx, ROW_ORDER, block));
	}
	return true;
}

/* Returns how often there were none. */
static unsigned int play_mix(struct kunit *test, struct load *load, const struct mix *mix, u64 seed)
{
	unsigned int nr_none = 0, k;

	/* Of its lifetimes, not of its requests. */
	trace_start(&load->trace, TRACE_BIMODAL, seed);
	for (k = 0; k < ROW_REQUESTS; k++) {
		request_of(test, load, mix);
		nr_none += !has_row(test, load, k % ROW_PROBE == 0);
		if (k % 64 == 0)
			test_breathe();
	}
	/* Full for most of the time, with pages of both lifetimes. */
	KUNIT_EXPECT_GT(test, load->used, load->mark - (2UL << ROW_ORDER));
	KUNIT_EXPECT_GT(test, load->nr_lasting, load->nr_live / 4);
	KUNIT_EXPECT_LT(test, load->nr_lasting, load->nr_live * 3 / 4);
	return nr_none;
}

unsigned int load_without_64_in_a_row(struct kunit *test, const struct load_ops *ops, void *ctx,
				      unsigned int nr_seeds, enum load_mix mix)
{
	unsigned int nr_looks = nr_seeds * ROW_REQUESTS, nr_none = 0, i;

	for (i = 0; i < nr_seeds; i++) {
		struct load load;

		load_init(test, &load, ops, ctx, TRACE_FRAMES - ROW_FREE);
		nr_none += play_mix(test, &load, &mixes[mix], trace_seeds[i].seed);
		load_fini(test, &load);
	}
	kunit_info(test, "%s: no 64 in a row at %u of %u looks, with %u pages free\n",
		   mixes[mix].name, nr_none, nr_looks, ROW_FREE);
	return DIV_ROUND_UP(nr_none * 1000, nr_looks);
}
