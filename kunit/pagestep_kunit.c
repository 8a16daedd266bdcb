// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt points of the fronts of page blocks: every operation on a front is interrupted at
 * every step by every other that an interrupt could do on that CPU, with stacks empty, half
 * full, full, and so on. Afterwards each frame must be in one place, and the zone be sound.
 */
#define KMEMX_STEPS
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>

#include "buddy/pages_front.h"
#include "buddy/pages_quarantine.h"
#include "buddy/zone_check.h"
#include "fronts.h"
#include "nest.h"
#include "step.h"

#define NR_CHUNKS	4
#define NR_FRAMES	(NR_CHUNKS * KMEMX_CHUNK_FRAMES)
#define KIND		KMEMX_KIND_PAGES
#define ROOM_MAX	24
#define SPARE		16
#define WAIT_MAX	3
/* What each of two other CPUs has to leave. */
#define NR_OTHERS	2
#define OTHER_MAX	3
#define HELD_MAX	NR_FRAMES
#define ASIDE_MAX	16
/* In place of an order, of a frame that is in the front. */
#define IN_FRONT	0xff

/* What the stack of an order may hold at first, and at all. Sixteen: refilled out of two words. */
static const unsigned int caps[KMEMX_PCP_ORDERS] = { 4, 2, 2, 2, 16 };
static const unsigned int rooms[KMEMX_PCP_ORDERS] = { 12, 4, 4, 4, ROOM_MAX };

struct held {
	u32 frame;
	u8 order;
};

struct fixture {
	struct kmemx_pages pages;
	struct page *chunk[NR_CHUNKS];
	struct kmemx_extent extent[NR_CHUNKS];
	struct kmemx_pcp_block stack[KMEMX_PCP_ORDERS][ROOM_MAX + 1];
	struct kmemx_pcp *pcp;		/* Of the CPU on which the case runs. */
	struct kmemx_parcels parcels;
	struct kmemx_pcp_list other[NR_OTHERS];	/* Stacks of other CPUs, of order 0. */
	struct kmemx_pcp_block others[NR_OTHERS][OTHER_MAX + 1];
	u8 owner[NR_FRAMES];		/* 0, or one more than the order of the block. */
	struct held held[HELD_MAX];	/* Blocks to free. */
	unsigned int nr_held;
	struct held freed;		/* What was freed last. */
	struct page *aside[ASIDE_MAX];	/* Freed, while somebody holds them still. */
	unsigned int nr_aside;
	u32 let_go;			/* That was the last of these, and is not any more; or 0. */
	unsigned int nr_again;
	unsigned int nr_wrong;
	unsigned int nr_busy;		/* Who interrupted found the front busy, */
	unsigned int nr_idle;		/* or not. */
	unsigned int nr_twice;
	unsigned int nr_waits;
	unsigned int nr_sending;
	unsigned int nr_sent;
	unsigned int nr_received;
};

/* One test at a time, on one thread. */
static struct fixture *fx;

static struct kmemx_pcp *this_pcp(void)
{
	return raw_cpu_ptr(fx->pages.pcp);
}

/* ---- Operations --------------------------------------------------------- */

static u8 *info_at(u32 frame)
{
	return fx->pages.zone.info + frame;
}

static void mark(u32 frame, unsigned int order, u8 from, u8 to)
{
	unsigned int i;

	for (i = 0; i < 1U << order; i++) {
		fx->nr_wrong += fx->owner[frame + i] != from;
		fx->owner[frame + i] = to;
	}
}

static void own(struct page *page, unsigned int order)
{
	u8 *info;
	u32 frame;

	if (IS_ERR(page))
		return;
	info = kmemx_pages_place_of(&fx->pages, page);
	frame = kmemx_pages_number(&fx->pages, info);
	fx->nr_wrong += READ_ONCE(*info) != kmemx_info(KIND, order) ||
		page_ref_count(page) != 1;
	mark(frame, order, 0, (u8)(order + 1));
	fx->held[fx->nr_held++] = (struct held){ frame, (u8)order };
}

/* The one of @order that has been held for longest; false if there is none. */
static bool disown(unsigned int order, struct held *old)
{
	unsigned int i;

	for (i = 0; i < fx->nr_held; i++) {
		if (fx->held[i].order != order)
			continue;
		*old = fx->held[i];
		fx->nr_held--;
		memmove(fx->held + i, fx->held + i + 1, (fx->nr_held - i) * sizeof(*fx->held));
		mark(old->frame, order, (u8)(order + 1), 0);
		fx->freed = *old;
		return true;
	}
	return false;
}

static void op_alloc(unsigned int order)
{
	struct page *page;

	if (!kmemx_pages_pop(&fx->pages, order, KIND, &page))
		page = kmemx_pages_take(&fx->pages, order);
	own(page, order);
}

/* As who wants zeroes, and has not looked into the front. */
static void op_take(unsigned int order)
{
	own(kmemx_pages_take(&fx->pages, order), order);
}

/* As kmemx_free_pages(). */
static void op_free(unsigned int order)
{
	struct held old;
	struct page *page;
	u8 *info;

	if (!disown(order, &old))
		return;
	page = kmemx_pages_page(&fx->pages, old.frame);
	info = info_at(old.frame);
	fx->nr_wrong += !kmemx_pages_push(&fx->pages, page, info, order, KIND) &&
		!fronts_put(&fx->pages, page, info, order);
}

#define BULK_MAX	4

/*
 * As kmemx_alloc_pages_bulk() and kmemx_free_pages_bulk(): the latter finds the last ones where
 * they were, and must look the others up.
 */
static void op_bulk(unsigned int nr)
{
	unsigned int got = 0, i;
	struct page *page[BULK_MAX];
	struct held old;

	while (got < nr) {
		unsigned int n = kmemx_pages_pop_bulk(&fx->pages, nr - got, KIND, page);

		for (i = 0; i < n; i++)
			own(page[i], 0);
		got += n;
		if (n)
			continue;
		page[0] = kmemx_pages_take(&fx->pages, 0);
		if (IS_ERR(page[0]))
			break;
		own(page[0], 0);
		got++;
	}
	for (i = 0; i < got && disown(0, &old); i++)
		page[i] = kmemx_pages_page(&fx->pages, old.frame);
	got = i;
	if (got > 2)
		swap(page[0], page[1]);
	while (got) {
		got = (unsigned int)kmemx_pages_push_bulk(&fx->pages, got, KIND, page);
		if (got) {
			struct page *last = page[--got];
			u8 *info = kmemx_pages_place_of(&fx->pages, last);

			fx->nr_wrong += !kmemx_pages_push(&fx->pages, last, info, 0, KIND) &&
				!fronts_put(&fx->pages, last, info, 0);
		}
	}
}

/* Past the front. */
static void op_put(unsigned int order)
{
	struct held old;

	if (disown(order, &old))
		fx->nr_wrong += !kmemx_pages_put(&fx->pages,
						 kmemx_pages_page(&fx->pages, old.frame),
						 info_at(old.frame), order, KIND);
}

/* Past the front, by one who knows nothing of the block. */
static void op_claim(unsigned int order)
{
	struct kmemx_freed freed;
	struct held old;

	if (disown(order, &old))
		fx->nr_wrong += kmemx_pages_free(&fx->pages, old.frame, KIND, 0, &freed) ||
			freed.nr_frames != 1UL << order || freed.nr_held;
}

/* What was freed, and is not on its way to anybody. */
static void op_free_twice(unsigned int unused)
{
	struct held old = fx->freed;
	struct page *page = kmemx_pages_page(&fx->pages, old.frame);
	u8 *info = info_at(old.frame), was = READ_ONCE(*info);
	struct kmemx_freed freed;

	if (fx->owner[old.frame] || was == kmemx_info(KIND, old.order))
		return;
	fx->nr_wrong += kmemx_pages_push(&fx->pages, page, info, old.order, KIND) ||
		fronts_put(&fx->pages, page, info, old.order) ||
		!kmemx_pages_free(&fx->pages, old.frame, KIND, 0, &freed) ||
		READ_ONCE(*info) != was;
	fx->nr_twice++;
}

static void op_several(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		op_alloc(0);
	for (i = 0; i < nr; i++)
		op_free(0);
}

/* A whole chunk, if there is one. */
static void op_chunk(unsigned int order)
{
	struct page *page = kmemx_pages_take(&fx->pages, order);

	own(page, order);
	if (!IS_ERR(page))
		op_claim(order);
}

/* The first block of @order stays of one that is held; others may take the rest meanwhile. */
static void trim(unsigned int from, unsigned int order)
{
	struct kmemx_freed freed;
	struct held old;

	if (!disown(from, &old))
		return;
	mark(old.frame, order, 0, (u8)(order + 1));
	fx->nr_wrong += kmemx_pages_trim(&fx->pages, old.frame, KIND, 0, 1UL << order, &freed) ||
		freed.nr_frames != (1UL << from) - (1UL << order) || freed.nr_held ||
		READ_ONCE(*info_at(old.frame)) != kmemx_info(KIND, order);
	fx->held[fx->nr_held++] = (struct held){ old.frame, (u8)order };
}

static void op_trim(unsigned int order)
{
	trim(4, order);
}

/* As op_chunk(). */
static void op_trim_chunk(unsigned int order)
{
	struct page *page = kmemx_pages_take(&fx->pages, KMEMX_CHUNK_ORDER);

	own(page, KMEMX_CHUNK_ORDER);
	if (!IS_ERR(page))
		trim(KMEMX_CHUNK_ORDER, order);
}

static void op_drain(unsigned int unused)
{
	step_empty_pages(&fx->pages);
}

/* Freed while somebody holds it. */
static void set_aside(struct page *page)
{
	struct kmemx_freed freed;

	if (fx->nr_aside == ASIDE_MAX)
		return;
	get_page(page);
	fx->aside[fx->nr_aside++] = page;
	fx->nr_wrong += kmemx_pages_free(&fx->pages, kmemx_pages_number(&fx->pages,
					 kmemx_pages_place_of(&fx->pages, page)), KIND, 0,
					 &freed) || freed.nr_held != 1;
}

static void op_aside(unsigned int unused)
{
	struct held old;

	if (fx->nr_aside < ASIDE_MAX && disown(0, &old))
		set_aside(kmemx_pages_page(&fx->pages, old.frame));
}

static void op_let_go(unsigned int unused)
{
	struct page *page;

	if (!fx->nr_aside)
		return;
	page = fx->aside[--fx->nr_aside];
	fx->let_go = kmemx_pages_number(&fx->pages, kmemx_pages_place_of(&fx->pages, page));
	put_page(page);
}

/* The word of what was let go. */
static void op_sweep(unsigned int unused)
{
	WRITE_ONCE(fx->pages.sweep_from, round_down(fx->let_go, KMEMX_WORD_BITS));
	kmemx_pages_sweep_some(&fx->pages);
}

/* What was let go is given back, allocated, freed, and held again meanwhile. */
static void op_sweep_again(unsigned int unused)
{
	u32 frame = fx->let_go;

	/* So that the word is looked at, though who is interrupted does so. */
	op_aside(0);
	op_sweep(0);
	if (!frame || fx->nr_aside == ASIDE_MAX ||
	    kmemx_pages_alloc_at(&fx->pages, frame, 1, KIND))
		return;
	fx->let_go = 0;
	fx->nr_again++;
	fx->nr_wrong += page_ref_count(kmemx_pages_page(&fx->pages, frame)) != 1;
	set_aside(kmemx_pages_page(&fx->pages, frame));
}

/* Another CPU leaves something, if that is wanted; if one is at it, a third one does. */
static void op_send(unsigned int order)
{
	struct kmemx_pcp_list *list = &fx->other[fx->nr_sending++];

	if (kmemx_pcp_nr(list))
		fx->nr_sent += kmemx_parcel_fill(&fx->pages, &fx->parcels, list, order);
	fx->nr_sending--;
}

/* The first ones are those of which one also interrupts what interrupts another. */
#define NR_SHORT	3

static const struct nest_op ops[] = {
	{ "alloc 0", op_alloc, 0, NEST_TASK, NEST_NMI },
	{ "free 0", op_free, 0, NEST_TASK, NEST_NMI },
	{ "take 0", op_take, 0, NEST_TASK, NEST_NMI },
	{ "alloc 4", op_alloc, 4, NEST_TASK, NEST_NMI },
	{ "free 4", op_free, 4, NEST_TASK, NEST_NMI },
	{ "put 0", op_put, 0, NEST_TASK, NEST_NMI },
	{ "claim 0", op_claim, 0, NEST_TASK, NEST_NMI },
	{ "several 0", op_several, 3, NEST_TASK, NEST_NMI },
	{ "bulk 0", op_bulk, BULK_MAX, NEST_TASK, NEST_NMI },
	{ "chunk", op_chunk, KMEMX_CHUNK_ORDER, NEST_TASK, NEST_NMI },
	{ "trim 4", op_trim, 0, NEST_TASK, NEST_NMI },
	{ "trim chunk", op_trim_chunk, 4, NEST_TASK, NEST_NMI },
	/* With nobody in between who could be given the block: that would be freed. */
	{ "free twice", op_free_twice, 0, NEST_NMI, NEST_NMI },
	{ "drain", op_drain, 0, NEST_IRQ, NEST_IRQ },
	{ "send 0", op_send, 0, NEST_TASK, NEST_NMI },
	{ "aside", op_aside, 0, NEST_TASK, NEST_NMI },
	{ "let go", op_let_go, 0, NEST_TASK, NEST_NMI },
	{ "sweep", op_sweep, 0, NEST_TASK, NEST_NMI },
	{ "sweep again", op_sweep_again, 0, NEST_TASK, NEST_NMI },
};

/* ---- Fills: what the front looks like before ---------------------------- */

static void do_times(void (*op)(unsigned int order), unsigned int order, unsigned int nr)
{
	while (nr--)
		op(order);
}

static void fill_nothing(void)
{
}

static void fill_half(void)
{
	do_times(op_alloc, 0, 5);
	do_times(op_free, 0, 2);
	do_times(op_alloc, 4, 2);
}

/* The stack of order 0 may grow by what is spare. */
static void fill_full(void)
{
	do_times(op_alloc, 0, 8);
	do_times(op_alloc, 4, 1);
	do_times(op_free, 0, 4);
}

/* It may by what others do not use. */
static void fill_lent(void)
{
	fill_full();
	this_pcp()->spare = 0;
}

/* It may not. */
static void fill_short(void)
{
	fill_lent();
	this_pcp()->nr_refused = KMEMX_PCP_ORDERS;
}

/* Nor may it, and what is freed waits beside one of its word, */
static void fill_waiting(void)
{
	do_times(op_alloc, 0, 10);
	do_times(op_free, 0, 4);
	this_pcp()->spare = 0;
	this_pcp()->nr_refused = KMEMX_PCP_ORDERS;
	do_times(op_free, 0, 1);
}

/* or what has waited goes for it. */
static void fill_waiting_full(void)
{
	fill_waiting();
	do_times(op_free, 0, WAIT_MAX - 1);
}

/* Another stack has what this one has lent it, and does not use it. */
static void fill_idle_other(void)
{
	struct kmemx_pcp_list *list = &this_pcp()->list[4];

	fill_short();
	do_times(op_alloc, 4, 1);
	do_times(op_alloc, 0, 4);
	this_pcp()->victim = 4;
	list->seen = list->top;
}

/* Few chunks are whole, and the others have many live blocks. */
static void fill_few(void)
{
	do_times(op_take, KMEMX_CHUNK_ORDER, NR_CHUNKS - 1);
	do_times(op_alloc, 0, KMEMX_LIVE_DENSE + 4);
}

/* Nothing is left but what is in the front. */
static void fill_exhausted(void)
{
	fill_half();
	do_times(op_take, KMEMX_CHUNK_ORDER, NR_CHUNKS - 1);
	do_times(op_take, 8, 1);
	do_times(op_take, 7, 1);
	do_times(op_take, 6, 1);
	do_times(op_take, 5, 2);
	do_times(op_take, 4, 8);
	do_times(op_take, 3, 8);
	do_times(op_take, 2, 8);
	do_times(op_take, 1, 8);
}

/* A parcel, paid for by nobody else. */
static void want(unsigned int i, unsigned int order)
{
	fx->parcels.nr_paid[order]++;
	atomic_set(&fx->parcels.state[i], kmemx_parcel_wanted(order));
}

/* Other CPUs have blocks, and for the first parcel another stack must lend. */
static void fill_unpaid(void)
{
	do_times(op_take, 0, NR_OTHERS * OTHER_MAX);
	while (fx->nr_held) {
		struct held held = fx->held[--fx->nr_held];

		mark(held.frame, 0, 1, 0);
		WRITE_ONCE(*info_at(held.frame), KMEMX_INFO_FRONT);
		kmemx_pcp_add(&fx->other[fx->nr_held % NR_OTHERS],
			      kmemx_pages_page(&fx->pages, held.frame),
			      info_at(held.frame));
	}
	op_drain(0);
	this_pcp()->spare = 0;
	fx->parcels.lender = 4;
}

/* They have, and all parcels wait for such. */
static void fill_wanted(void)
{
	unsigned int i;

	fill_unpaid();
	this_pcp()->spare = SPARE;
	for (i = 0; i < KMEMX_PARCELS; i++)
		want(i, 0);
}

/* One has left some, and nothing is in the stack. */
static void fill_left(void)
{
	fill_wanted();
	fx->nr_sent += kmemx_parcel_fill(&fx->pages, &fx->parcels, &fx->other[NR_OTHERS - 1], 0);
}

/* It may not hold all of that. */
static void fill_left_more(void)
{
	struct kmemx_pcp_list *list = kmemx_pcp_list(this_pcp(), 0);

	fill_left();
	list->limit = list->bottom + min_t(long, list->limit - list->bottom, 1);
}

/* Another order was wanted. */
static void fill_wanted_other(void)
{
	unsigned int i;

	fill_wanted();
	fx->parcels.nr_paid[0] = 1;
	for (i = 1; i < KMEMX_PARCELS; i++)
		want(i, 4);
}

/* Of what is set aside one has been let go. */
static void fill_aside(void)
{
	do_times(op_alloc, 0, 6);
	do_times(op_aside, 0, 3);
	op_let_go(0);
}

static void (* const fills[])(void) = {
	fill_nothing, fill_half, fill_full, fill_lent, fill_short, fill_waiting,
	fill_waiting_full, fill_idle_other, fill_few, fill_exhausted, fill_unpaid, fill_wanted,
	fill_left, fill_left_more, fill_wanted_other, fill_aside,
};

/* ---- What must hold ----------------------------------------------------- */

static void (*fill_now)(void);
static unsigned int limits_now;

/* Of a front that somebody is at work in nothing changes but what is asked before. */
static void run_inside(const struct nest_op *op)
{
	struct kmemx_pcp before = *this_pcp(), after;

	op->run(op->arg);
	after = *this_pcp();
	fx->nr_wrong += after.busy != before.busy;
	fx->nr_busy += before.busy;
	fx->nr_idle += !before.busy;
	if (before.busy)
		fx->nr_wrong += memcmp(after.list, before.list, sizeof(after.list)) ||
			after.spare != before.spare || after.victim != before.victim ||
			after.group.heads != before.group.heads ||
			after.group.where != before.group.where ||
			after.group.nr != before.group.nr;
}

/* Is a block in the front as one there is, and nobody's? */
static const char *check_block(u32 frame, unsigned int order)
{
	unsigned int i;

	if (*info_at(frame) != (KMEMX_INFO_FRONT | order))
		return "a block in the front has a wrong info byte";
	for (i = 0; i < 1U << order; i++) {
		if (fx->owner[frame + i])
			return "a block in the front is somebody's, or there twice";
		fx->owner[frame + i] = IN_FRONT;
	}
	return NULL;
}

static const char *check_stack(const struct kmemx_pcp_list *list, unsigned int order)
{
	const struct kmemx_pcp_block *block;
	const char *why = NULL;

	if (list->top < list->bottom || kmemx_pcp_nr(list) > rooms[order])
		return "a stack has more blocks than there is room for";
	if (!want_init_on_free() && list->top > list->limit)
		return "a stack has more blocks than it may";
	for (block = list->top; block != list->bottom && !why; block--) {
		u32 frame = kmemx_pages_number(&fx->pages, block->info);

		why = block->page == kmemx_pages_page(&fx->pages, frame) ?
			check_block(frame, order) : "a block in the front has another's page";
	}
	return why;
}

static const char *check_group(const struct kmemx_pcp_group *group)
{
	u64 left;

	if (group->nr != hweight64(group->heads))
		return "not as many blocks wait as are counted";
	for (left = group->heads; left; left &= left - 1) {
		const char *why = check_block(kmemx_group_base(group->where) + (u32)__ffs64(left),
					      kmemx_group_order(group->where));

		if (why)
			return why;
	}
	return NULL;
}

/* What is in the stacks of other CPUs, and has come from there. */
static const char *check_others(void)
{
	u8 nr_paid[KMEMX_PCP_ORDERS] = { 0 };
	const char *why = NULL;
	unsigned int i, k;

	for (i = 0; i < NR_OTHERS; i++)
		for (k = 1; k <= kmemx_pcp_nr(&fx->other[i]) && !why; k++)
			why = check_block(kmemx_pages_number(&fx->pages, fx->others[i][k].info), 0);
	for (i = 0; i < KMEMX_PARCELS; i++) {
		int state = atomic_read(&fx->parcels.state[i]);

		if ((state & KMEMX_PARCEL_STATE) == KMEMX_PARCEL_BUSY)
			return "a parcel is busy";
		nr_paid[kmemx_parcel_order(state)] += state != KMEMX_PARCEL_NONE;
		if (!kmemx_parcel_is_full(state))
			continue;
		if (kmemx_parcel_order(state) || !kmemx_parcel_nr(state) ||
		    kmemx_parcel_nr(state) > OTHER_MAX)
			return "a parcel has what nobody has left";
		for (k = 0; k < kmemx_parcel_nr(state) && !why; k++)
			why = check_block(fx->parcels.frame[i][k], 0);
	}
	if (memcmp(nr_paid, fx->parcels.nr_paid, sizeof(nr_paid)))
		return "a parcel is not paid for, or one is that is none";
	return why;
}

static unsigned int nr_of_others(void)
{
	unsigned int nr = 0, i;

	for (i = 0; i < NR_OTHERS; i++)
		nr += kmemx_pcp_nr(&fx->other[i]);
	return nr;
}

static const char *check_front(void)
{
	const struct kmemx_pcp *pcp = this_pcp();
	const char *why = check_group(&pcp->group) ?: check_others();
	unsigned int k, i, nr_front = 0, nr_owned = 0;

	for (k = 0; k < KMEMX_PCP_ORDERS && !why; k++)
		why = check_stack(&pcp->list[k], k);
	if (why)
		return why;
	for (i = 0; i < NR_FRAMES; i++) {
		nr_front += fx->owner[i] == IN_FRONT;
		nr_owned += fx->owner[i] && fx->owner[i] != IN_FRONT;
		if (fx->owner[i] == IN_FRONT)
			fx->owner[i] = 0;
	}
	if (pcp->busy)
		return "the front is busy";
	if (fronts_limits(this_pcp()) != limits_now)
		return "what the stacks may hold has got lost";
	if (nr_front != kmemx_pages_nr_front(&fx->pages) + nr_of_others())
		return "the front has more frames than it counts, or less";
	if (nr_front + nr_owned + kmemx_pages_nr_free(&fx->pages) +
	    (unsigned long)atomic64_read(&fx->pages.nr_quarantined) != NR_FRAMES)
		return "frames are missing, or there twice";
	return NULL;
}

static const char *check_held(void)
{
	unsigned int i;

	for (i = 0; i < fx->nr_held; i++)
		if (*info_at(fx->held[i].frame) != kmemx_info(KIND, fx->held[i].order))
			return "a block that is held has a wrong info byte";
	return NULL;
}

static void expect_sound(struct kunit *test)
{
	const char *why = check_held();

	why = why ?: kmemx_zone_check(&fx->pages.zone);
	why = why ?: check_front();
	why = why ?: fx->nr_wrong ? "an operation found something wrong" : NULL;
	why = why ?: step_nr_reports ? "a double free was reported" : NULL;
	KUNIT_ASSERT_TRUE_MSG(test, !why, NEST_FMT ", %ps: %s", NEST_ARGS, fill_now, why ?: "");
}

/* As it is where the region is made, but with caps of its own. */
static void reset_front(void)
{
	struct kmemx_pcp *pcp = this_pcp();
	unsigned int k;

	pcp->victim = 0;
	pcp->nr_refused = 0;
	pcp->nr_alone = 0;
	pcp->wait_max = WAIT_MAX;
	pcp->spare = SPARE;
	memset(&fx->parcels, 0, sizeof(fx->parcels));
	for (k = 0; k < NR_OTHERS; k++)
		kmemx_pcp_open(&fx->other[k], fx->others[k], OTHER_MAX, OTHER_MAX, &pcp->none);
	for (k = 0; k < KMEMX_PCP_ORDERS; k++)
		kmemx_pcp_open(&pcp->list[k], fx->stack[k], caps[k], rooms[k], &pcp->none);
}

/* What other CPUs have is held, as if it had been allocated. */
static void own_others(void)
{
	unsigned int i;

	for (i = 0; i < NR_OTHERS; i++) {
		struct kmemx_pcp_list *list = &fx->other[i];

		for (; list->top != list->bottom; list->top--) {
			*list->top->info = kmemx_info(KIND, 0);
			own(list->top->page, 0);
		}
	}
}

static void once(struct kunit *test)
{
	unsigned int nr_left;

	reset_front();
	fill_now();
	limits_now = fronts_limits(this_pcp());
	nr_left = kmemx_parcel_blocks(this_pcp());
	nest_run_outer();
	fx->nr_waits += this_pcp()->group.nr > 0;
	fx->nr_received += kmemx_parcel_blocks(this_pcp()) < nr_left;
	expect_sound(test);
	for (; fx->nr_aside; op_let_go(0))
		fx->nr_wrong += *kmemx_pages_place_of(&fx->pages, fx->aside[fx->nr_aside - 1]) !=
			kmemx_info(KMEMX_KIND_QUARANTINE, 0);
	fx->let_go = 0;
	kmemx_pages_sweep(&fx->pages);
	own_others();
	while (fx->nr_held)
		op_put(fx->held[0].order);
	do
		op_drain(0);
	while (kmemx_pcp_blocks(this_pcp()) + kmemx_parcel_blocks(this_pcp()));
	KUNIT_ASSERT_EQ_MSG(test, kmemx_pages_nr_free(&fx->pages), (unsigned long)NR_FRAMES,
			    NEST_FMT ", %ps", NEST_ARGS, fill_now);
	KUNIT_ASSERT_EQ_MSG(test, fx->nr_wrong + step_nr_reports, 0U, NEST_FMT ", %ps", NEST_ARGS,
			    fill_now);
}

/* ---- Cases -------------------------------------------------------------- */

static int pagestep_init(struct kunit *test)
{
	unsigned int i;

	/* A case is a thread of its own, and has one front. */
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(raw_smp_processor_id())),
			0);
	fx = vzalloc(sizeof(*fx));
	KUNIT_ASSERT_NOT_NULL(test, fx);
	for (i = 0; i < NR_CHUNKS; i++) {
		fx->chunk[i] = alloc_pages(GFP_KERNEL, KMEMX_CHUNK_ORDER);
		KUNIT_ASSERT_NOT_NULL(test, fx->chunk[i]);
		split_page(fx->chunk[i], KMEMX_CHUNK_ORDER);
		fx->extent[i] = (struct kmemx_extent){ .pfn = page_to_pfn(fx->chunk[i]),
						       .nr_frames = KMEMX_CHUNK_FRAMES };
	}
	KUNIT_ASSERT_EQ(test, kmemx_pages_init(&fx->pages, NR_CHUNKS, fx->extent), 0);
	KUNIT_ASSERT_EQ(test, kmemx_pages_nr_free(&fx->pages), (unsigned long)NR_FRAMES);
	fx->pcp = this_pcp();
	fx->pcp->parcels = &fx->parcels;
	/* For all orders. */
	fx->pages.parcel_frames = KMEMX_PARCEL_BLOCKS << (KMEMX_PCP_ORDERS - 1);
	step_nr_reports = 0;
	nest_run = run_inside;
	return 0;
}

static void pagestep_exit(struct kunit *test)
{
	unsigned int i, k;

	nest_end();
	if (!fx)
		return;
	/* This may be another CPU. */
	if (fx->pcp)
		fx->pcp->parcels = NULL;
	if (fx->pages.extent)
		kmemx_pages_fini(&fx->pages);
	for (i = 0; i < NR_CHUNKS && fx->chunk[i]; i++)
		for (k = 0; k < KMEMX_CHUNK_FRAMES; k++)
			__free_page(fx->chunk[i] + k);
	vfree(fx);
	fx = NULL;
}

static void pagestep_any_operation_in_any_other(struct kunit *test)
{
	unsigned long nr = 0;
	unsigned int f, i;

	for (f = 0; f < ARRAY_SIZE(fills); f++) {
		fill_now = fills[f];
		for (i = 0; i < ARRAY_SIZE(ops); i++)
			nr += nest_by_each(test, &ops[i], ops, ARRAY_SIZE(ops), once);
	}
	kunit_info(test, "%lu interruptions, %u of them in a front\n", nr, fx->nr_busy);
	KUNIT_EXPECT_GT(test, fx->nr_busy, 5000U);
	KUNIT_EXPECT_GT(test, fx->nr_idle, 5000U);
	KUNIT_EXPECT_GT(test, fx->nr_twice, 0U);
	KUNIT_EXPECT_GT(test, fx->nr_sent, 100U);
	KUNIT_EXPECT_GT(test, fx->nr_received, 100U);
	KUNIT_EXPECT_GT(test, fx->nr_again, 100U);
	if (!want_init_on_free())
		KUNIT_EXPECT_GT(test, fx->nr_waits, 0U);
}

static void pagestep_two_in_one_another(struct kunit *test)
{
	static void (* const few[])(void) = {
		fill_nothing, fill_half, fill_full, fill_waiting,
	};
	unsigned long nr = 0;
	unsigned int f, i;

	for (f = 0; f < ARRAY_SIZE(few); f++) {
		fill_now = few[f];
		for (i = 0; i < NR_SHORT; i++)
			nr += nest_twice(test, &ops[i], ops, NR_SHORT, once);
	}
	kunit_info(test, "%lu interruptions, %u of them in a front\n", nr, fx->nr_busy);
	KUNIT_EXPECT_GT(test, fx->nr_busy, 1000U);
}

static struct kunit_case pagestep_cases[] = {
	KUNIT_CASE(pagestep_any_operation_in_any_other),
	KUNIT_CASE(pagestep_two_in_one_another),
	{}
};

static struct kunit_suite pagestep_suite = {
	.name = "kmemx_pagestep",
	.init = pagestep_init,
	.exit = pagestep_exit,
	.test_cases = pagestep_cases,
};

kunit_test_suites(&pagestep_suite);
