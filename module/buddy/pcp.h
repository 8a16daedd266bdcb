/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A CPU's own page blocks: a front of the zone, a stack per small order. A block in it
 * is taken in its chunk, its info byte says KMEMX_INFO_FRONT and its order, and no
 * CPU but its own touches the stack, as <kmemx/busy.h> has it. So an allocation that
 * finds one, and a free that finds room, have no atomic operation.
 *
 * An empty stack is filled with a few of what is best placed in one word of one chunk; a
 * free that finds the stack full goes past it, or waits beside the stacks for others of its
 * word, to go back with them. All are bounded, whatever the state of the zone.
 *
 * What a front may hold is one number of frames. Each order has a share of it at first;
 * a stack that is full gets more from those that are not, step by step, so an order that
 * is alone in demand has nearly all. The short way knows nothing of that, but for the
 * limit of its own stack.
 *
 * A block in a front keeps its chunk from being whole. That does no harm while enough
 * chunks are whole; when they get few, fronts keep few blocks, and only of chunks that
 * have many live ones, which will not be whole soon anyway.
 */
#ifndef KMEMX_BUDDY_PCP_H
#define KMEMX_BUDDY_PCP_H

#include <linux/cache.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <kmemx/busy.h>

#include "buddy/zone_info.h"

/* Orders 0 to 4: up to 64 KiB with 4 KiB pages. */
#define KMEMX_PCP_ORDERS	5
#define KMEMX_PCP_MAX		4096
/* Frames by which a full stack grows, if it can. */
#define KMEMX_PCP_STEP		64
/* Blocks that an empty stack is filled with, at most. */
#define KMEMX_PCP_BATCH		8
/* Pages that go in or out while it is entered once: meanwhile interrupts go past it. */
#define KMEMX_PCP_BULK		128
/* All fronts together hold no more than this part of the zone. */
#define KMEMX_PCP_SHARE		32
/* Blocks of one word, so at most 64 frames, that wait in a front to go back together. */
#define KMEMX_PCP_GROUP		8
/* After so many in a row that went alone, others do not wait: see nr_alone. */
#define KMEMX_PCP_ALONE		16
/* Parcels of a CPU where there are others (parcel.h); blocks of each. */
#define KMEMX_PARCELS		8U
#define KMEMX_PARCEL_BLOCKS	16U
/* One has no more than this part of what the stacks may hold. */
#define KMEMX_PARCEL_PART	4U
/* When few chunks are whole, a stack keeps no more than this part of what it may. */
#define KMEMX_PCP_FEW		8

/* What is in a front: its first page, and its info byte. */
struct kmemx_pcp_block {
	struct page *page;
	u8 *info;
};

struct kmemx_parcels;

/**
 * struct kmemx_pcp_list - the free blocks of one order
 * @top: the next to go; @bottom if there is none
 * @limit: frees add no more when @top is here
 * @nr_alloc: blocks allocated out of it on the short way; with @nr_free counted while the front
 *	      is entered, so by plain stores
 * @nr_free: freed into it on that way
 * @few_limit: they add no more when @top is here, either, when few chunks are whole
 * @bottom: no block, and its info byte never that of one in a front, so that an empty
 *	    stack needs no test of its own
 * @seen: where @top was when it was last asked whether it is idle
 * @cap: how many blocks it may hold at first, its share; 0 is no front at all
 * @room: how many it could hold at all
 * @batch: how many blocks it is filled with, one for who asks included
 * @few: the same when few chunks are whole
 */
struct kmemx_pcp_list {
	struct kmemx_pcp_block *top;
	struct kmemx_pcp_block *limit;
	u64 nr_alloc;
	u64 nr_free;
	struct kmemx_pcp_block *few_limit;
	struct kmemx_pcp_block *bottom;
	struct kmemx_pcp_block *seen;
	u16 cap;
	u16 room;
	u8 batch;
	u8 few;
} ____cacheline_aligned;

/* A line each, so an operation needs no more than one, and which is found by a shift. */
static_assert(offsetofend(struct kmemx_pcp_list, few) <= 64);

/**
 * struct kmemx_pcp_group - free blocks of one order that wait for others of their word
 * @heads: the first bit of each in the word of the map
 * @where: the first frame of that word, and in its low bits, which are none of that, the order of
 *	   all of them: one value, as both have to be those of a block that joins
 * @nr: how many
 */
struct kmemx_pcp_group {
	u64 heads;
	u32 where;
	u32 nr;
};

static inline u32 kmemx_group_base(u32 where)
{
	return round_down(where, KMEMX_WORD_BITS);
}

static inline unsigned int kmemx_group_order(u32 where)
{
	return where % KMEMX_WORD_BITS;
}

/**
 * struct kmemx_pcp - the front of a CPU
 * @busy: see <kmemx/busy.h>
 * @none: the info byte of what is at the bottom
 * @victim: the order that is asked next whether it is idle
 * @nr_refused: how often a full stack got no room since one was filled last: the orders have been
 *		asked in turn, the largest first, for what they do not use, or it may hold no more
 *		anyway; after KMEMX_PCP_ORDERS times the front is short
 * @wait_max: blocks that may be in @group; 0 in a front that is too small for that, or none
 * @nr_alone: blocks in a row that found none of their word in @group; from KMEMX_PCP_ALONE on,
 *	      until it wraps around, blocks do not go there
 * @spare: frames that no stack has in its limit, and no parcel is paid for with
 * @group: what found its stack full
 * @list: of each order
 * @blocks: what the stacks are in
 * @parcels: what other CPUs leave for this one; NULL if they do not
 */
struct kmemx_pcp {
	u8 busy;
	u8 none;
	u8 victim;
	u8 nr_refused;
	u8 wait_max;
	u8 nr_alone;
	unsigned int spare;
	struct kmemx_pcp_group group;
	struct kmemx_pcp_list list[KMEMX_PCP_ORDERS];
	struct kmemx_pcp_block *blocks;
	struct kmemx_parcels *parcels;
};

/*
 * An addition, not a subscript, which some kernels have checked again: the callers have
 * done so.
 */
static __always_inline struct kmemx_pcp_list *kmemx_pcp_list(struct kmemx_pcp *pcp,
							     unsigned int order)
{
	return pcp->list + order;
}

/* There must be room. */
static __always_inline void kmemx_pcp_add(struct kmemx_pcp_list *list, struct page *page,
					  u8 *info)
{
	struct kmemx_pcp_block *top = list->top;

	top[1].page = page;
	kmemx_step();
	top[1].info = info;
	kmemx_step();
	/* Who counts from another CPU sees one or the other. */
	data_race(list->top++);
}

/**
 * kmemx_pcp_open() - make a stack of room for some blocks
 * @list: the stack
 * @blocks: @room + 1 of them
 * @cap: how many it may hold at first
 * @room: how many it may hold at all, at least @cap
 * @none: the info byte of what is at its bottom
 *
 * What has to be zeroed when it is freed is not freed on the short way, so with
 * init_on_free only refills come here.
 */
static inline void kmemx_pcp_open(struct kmemx_pcp_list *list, struct kmemx_pcp_block *blocks,
				  unsigned int cap, unsigned int room, u8 *none)
{
	unsigned int i;

	*none = KMEMX_INFO_ABSENT;
	/* Also of what never was in it. */
	for (i = 0; i <= room; i++)
		blocks[i] = (struct kmemx_pcp_block){ .info = none };
	list->bottom = blocks;
	list->top = blocks;
	list->limit = want_init_on_free() ? blocks : blocks + cap;
	list->few_limit = blocks + cap / KMEMX_PCP_FEW;
	list->seen = NULL;
	static_assert(KMEMX_PCP_MAX <= U16_MAX);
	list->cap = (u16)cap;
	list->room = (u16)room;
	list->batch = (u8)clamp(cap / 2, 1U, (unsigned int)KMEMX_PCP_BATCH);
	list->few = (u8)clamp(cap / KMEMX_PCP_FEW, 1U, (unsigned int)KMEMX_PCP_BATCH);
}

/* Let neither allocations nor frees use a stack, which is empty. */
static inline void kmemx_pcp_close(struct kmemx_pcp_list *list)
{
	list->cap = 0;
	list->room = 0;
	list->limit = list->bottom;
}

/* Blocks in a stack; of another CPU's, a snapshot. */
static inline unsigned int kmemx_pcp_nr(const struct kmemx_pcp_list *list)
{
	return (unsigned int)(READ_ONCE(list->top) - list->bottom);
}

/* Frames that a CPU has for its front. */
static inline unsigned long kmemx_pcp_part(unsigned long nr_frames, unsigned int nr_cpus)
{
	return nr_frames / KMEMX_PCP_SHARE / nr_cpus;
}

/* May blocks wait beside the stacks? These are of one word, and not much of the front. */
static inline bool kmemx_pcp_lets_wait(unsigned long nr_frames, unsigned int nr_cpus)
{
	return kmemx_pcp_part(nr_frames, nr_cpus) >= 4 * KMEMX_WORD_BITS;
}

/* Frames that its stacks may hold, with what they lend. */
static inline unsigned long kmemx_pcp_stacks(unsigned long nr_frames, unsigned int nr_cpus)
{
	unsigned long frames = kmemx_pcp_part(nr_frames, nr_cpus);

	return kmemx_pcp_lets_wait(nr_frames, nr_cpus) ? frames - KMEMX_WORD_BITS : frames;
}

/*
 * Frames that a parcel may have; 0 where there is none: of few blocks it is worth nothing. With
 * init_on_free no stack is ever full.
 */
static inline unsigned int kmemx_pcp_parcel(unsigned long nr_frames, unsigned int nr_cpus)
{
	unsigned long frames = kmemx_pcp_stacks(nr_frames, nr_cpus) / KMEMX_PARCEL_PART;

	if (nr_cpus == 1 || frames < KMEMX_PARCEL_BLOCKS || want_init_on_free())
		return 0;
	return (unsigned int)min_t(unsigned long, frames, UINT_MAX);
}

/**
 * kmemx_pcp_cap() - how many blocks of an order a front may hold
 * @order: 0..KMEMX_PCP_ORDERS - 1
 * @nr_frames: of the zone
 * @nr_cpus: how many CPUs there may be
 *
 * Half of a CPU's frames are for order 0; the others share the rest.
 *
 * Return: blocks; 0 in a zone that is too small.
 */
static inline unsigned int kmemx_pcp_cap(unsigned int order, unsigned long nr_frames,
					 unsigned int nr_cpus)
{
	static const u8 sixteenths[KMEMX_PCP_ORDERS] = { 8, 1, 2, 1, 4 };
	unsigned long frames = kmemx_pcp_stacks(nr_frames, nr_cpus) * sixteenths[order] / 16;

	return (unsigned int)min_t(unsigned long, frames >> order, KMEMX_PCP_MAX);
}

/* How many blocks of an order a front may hold if it has no others; see kmemx_pcp_cap(). */
static inline unsigned int kmemx_pcp_room(unsigned int order, unsigned long nr_frames,
					  unsigned int nr_cpus)
{
	unsigned long frames = kmemx_pcp_stacks(nr_frames, nr_cpus);

	if (!kmemx_pcp_cap(order, nr_frames, nr_cpus))
		return 0;
	return (unsigned int)min_t(unsigned long, frames >> order, KMEMX_PCP_MAX);
}

/* Frames that a front may hold beyond the shares of its stacks. */
static inline unsigned int kmemx_pcp_spare(unsigned long nr_frames, unsigned int nr_cpus)
{
	unsigned long frames = kmemx_pcp_stacks(nr_frames, nr_cpus);
	unsigned int k;

	for (k = 0; k < KMEMX_PCP_ORDERS; k++)
		frames -= (unsigned long)kmemx_pcp_cap(k, nr_frames, nr_cpus) << k;
	/* No more than stacks have room for. */
	return (unsigned int)min_t(unsigned long, frames,
				   (unsigned long)KMEMX_PCP_MAX << KMEMX_PCP_ORDERS);
}

/*
 * Let a stack give up to @frames frames of its limit that it does not use. Orders are masked,
 * as some kernels check shifts.
 */
static inline void kmemx_pcp_lend(struct kmemx_pcp *pcp, unsigned int order,
				  unsigned int frames)
{
	struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, order);
	unsigned int idle = (unsigned int)(list->limit - list->top);
	unsigned int nr = min(idle, (frames + (1U << (order & 7)) - 1) >> (order & 7));

	list->limit -= nr;
	kmemx_step();
	pcp->spare += nr << (order & 7);
}

/* The order that is asked next; less than 0 if each has been. */
static __always_inline int kmemx_pcp_lender(const struct kmemx_pcp *pcp)
{
	return KMEMX_PCP_ORDERS - 1 - READ_ONCE(pcp->nr_refused);
}

/* Has each order been asked in vain? */
static __always_inline bool kmemx_pcp_is_short(const struct kmemx_pcp *pcp)
{
	return kmemx_pcp_lender(pcp) < 0;
}

/* Would kmemx_pcp_grow() make room? Of another CPU's front, a guess. */
static inline bool kmemx_pcp_could_grow(struct kmemx_pcp *pcp, unsigned int order)
{
	const struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, order);
	unsigned int frames = READ_ONCE(pcp->spare);
	int k = kmemx_pcp_lender(pcp);

	if (READ_ONCE(list->limit) - list->bottom >= list->room)
		return false;
	if (k >= 0 && (unsigned int)k != order) {
		list = kmemx_pcp_list(pcp, (unsigned int)k);
		frames += (unsigned int)(READ_ONCE(list->limit) - READ_ONCE(list->top)) << (k & 7);
	}
	return frames >> (order & 7);
}

/**
 * kmemx_pcp_grow() - let a stack hold more, at the expense of what another does not use
 * @pcp: the front, the caller's
 * @order: of the stack
 *
 * Asks one other stack, the next one if it was no use: so it is bounded, and after
 * KMEMX_PCP_ORDERS such times there is none. Not with init_on_free, which leaves stacks no
 * limit.
 *
 * Return: whether there is room for a block now.
 */
static inline bool kmemx_pcp_grow(struct kmemx_pcp *pcp, unsigned int order)
{
	struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, order);
	unsigned int left = list->room - (unsigned int)(list->limit - list->bottom);
	int lender = kmemx_pcp_lender(pcp);
	unsigned int want, nr;

	static_assert(KMEMX_PCP_STEP >> (KMEMX_PCP_ORDERS - 1) > 0);
	want = min(left, (unsigned int)KMEMX_PCP_STEP >> (order & 7)) << (order & 7);
	if (pcp->spare < want && lender >= 0 && (unsigned int)lender != order)
		kmemx_pcp_lend(pcp, (unsigned int)lender, want - pcp->spare);
	nr = min(want, pcp->spare) >> (order & 7);
	kmemx_step();
	list->limit += nr;
	kmemx_step();
	pcp->spare -= nr << (order & 7);
	if (list->top < list->limit)
		return true;
	if (lender >= 0)
		WRITE_ONCE(pcp->nr_refused, pcp->nr_refused + 1);
	return false;
}

/*
 * Let a block wait in a front, the caller's. Returns what has to go for it, which is not of its
 * word, or leaves no room for it; no heads, if none.
 */
static __always_inline struct kmemx_pcp_group kmemx_pcp_let_wait(struct kmemx_pcp *pcp, u32 frame,
								 unsigned int order)
{
	struct kmemx_pcp_group group = pcp->group;
	u64 head = BIT_ULL(frame % KMEMX_WORD_BITS);
	u32 where = round_down(frame, KMEMX_WORD_BITS) | order;

	/* What is there already was freed twice. */
	if (group.where == where && !(group.heads & head) && group.nr < pcp->wait_max) {
		pcp->group.heads = group.heads | head;
		kmemx_step();
		WRITE_ONCE(pcp->group.nr, group.nr + 1);
		group.heads = 0;
		return group;
	}
	pcp->group.heads = head;
	kmemx_step();
	WRITE_ONCE(pcp->group.where, where);
	kmemx_step();
	WRITE_ONCE(pcp->group.nr, 1);
	return group;
}

/* Blocks in a front, which is the caller's. */
static inline unsigned int kmemx_pcp_blocks(const struct kmemx_pcp *pcp)
{
	unsigned int nr = pcp->group.nr, k;

	for (k = 0; k < KMEMX_PCP_ORDERS; k++)
		nr += kmemx_pcp_nr(&pcp->list[k]);
	return nr;
}

/* Frames of blocks that wait for others of their word; of another CPU's front, a snapshot. */
static inline unsigned long kmemx_pcp_waiting(const struct kmemx_pcp *pcp)
{
	return (unsigned long)READ_ONCE(pcp->group.nr) <<
		(kmemx_group_order(READ_ONCE(pcp->group.where)) & 7);
}

/* What the blocks of a stack take in it, in bytes; of another CPU's, a snapshot. */
static __always_inline unsigned long kmemx_pcp_bytes(const struct kmemx_pcp_list *list)
{
	return (unsigned long)READ_ONCE(list->top) - (unsigned long)list->bottom;
}

/* Frames in a front; of another CPU's, a snapshot. */
static inline unsigned long kmemx_pcp_frames(const struct kmemx_pcp *pcp)
{
	const struct kmemx_pcp_list *list = pcp->list;
	unsigned long bytes;

	/* No loop, as whoever fails comes here. */
	static_assert(KMEMX_PCP_ORDERS == 5);
	bytes = kmemx_pcp_bytes(list) + 2 * (kmemx_pcp_bytes(list + 1) +
		2 * (kmemx_pcp_bytes(list + 2) + 2 * (kmemx_pcp_bytes(list + 3) +
		2 * kmemx_pcp_bytes(list + 4))));
	return kmemx_pcp_waiting(pcp) + bytes / sizeof(struct kmemx_pcp_block);
}

#endif /* KMEMX_BUDDY_PCP_H */
