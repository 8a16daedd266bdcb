/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A CPU's own page blocks: a front of the zone, a stack per small order. A block in it
 * is taken in its chunk, its info byte says KMEMX_INFO_FRONT and its order, and no
 * CPU but its own touches the stack, as <kmemx/busy.h> has it. So an allocation that
 * finds one, and a free that finds room, have no atomic operation.
 *
 * An empty stack is filled with a few of what is best placed in one word of one chunk; a
 * free that finds the stack full goes past it. Both are bounded, whatever the state of
 * the zone.
 *
 * A block in a front keeps its chunk from being whole. That does no harm while enough
 * chunks are whole; when they get few, fronts keep few blocks, and only of chunks that
 * have many live ones, which will not be whole soon anyway.
 */
#ifndef KMEMX_BUDDY_PCP_H
#define KMEMX_BUDDY_PCP_H

#include <linux/minmax.h>
#include <linux/mm.h>
#include <kmemx/busy.h>

#include "buddy/zone.h"

/* Orders 0 to 4: up to 64 KiB with 4 KiB pages. */
#define KMEMX_PCP_ORDERS	5
#define KMEMX_PCP_MAX		4096
/* Blocks that an empty stack is filled with, at most. */
#define KMEMX_PCP_BATCH		8
/* All fronts together hold no more than this part of the zone. */
#define KMEMX_PCP_SHARE		32
/* When few chunks are whole, a stack keeps no more than this part of what it may. */
#define KMEMX_PCP_FEW		8

/* What is in a front: its first page, and its info byte. */
struct kmemx_pcp_block {
	struct page *page;
	u8 *info;
};

/**
 * struct kmemx_pcp_list - the free blocks of one order
 * @top: the next to go; @bottom if there is none
 * @limit: frees add no more when @top is here
 * @bottom: no block, and its info byte never that of one in a front, so that an empty
 *	    stack needs no test of its own
 * @cap: how many blocks there is room for; 0 is no front at all
 */
struct kmemx_pcp_list {
	struct kmemx_pcp_block *top;
	struct kmemx_pcp_block *limit;
	struct kmemx_pcp_block *bottom;
	unsigned int cap;
};

/**
 * struct kmemx_pcp - the front of a CPU
 * @busy: see <kmemx/busy.h>
 * @none: the info byte of what is at the bottom
 * @list: of each order
 * @blocks: what the stacks are in
 */
struct kmemx_pcp {
	u8 busy;
	u8 none;
	struct kmemx_pcp_list list[KMEMX_PCP_ORDERS];
	struct kmemx_pcp_block *blocks;
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
	top[1].info = info;
	/* Who counts from another CPU sees one or the other. */
	data_race(list->top++);
}

/**
 * kmemx_pcp_open() - make a stack of room for some blocks
 * @list: the stack
 * @blocks: @cap + 1 of them
 * @cap: how many it may hold
 * @none: the info byte of what is at its bottom
 *
 * What has to be zeroed when it is freed is not freed on the short way, so with
 * init_on_free only refills come here.
 */
static inline void kmemx_pcp_open(struct kmemx_pcp_list *list, struct kmemx_pcp_block *blocks,
				  unsigned int cap, u8 *none)
{
	*none = KMEMX_INFO_ABSENT;
	blocks->page = NULL;
	blocks->info = none;
	list->bottom = blocks;
	list->top = blocks;
	list->limit = want_init_on_free() ? blocks : blocks + cap;
	list->cap = cap;
}

/* Let neither allocations nor frees use a stack, which is empty. */
static inline void kmemx_pcp_close(struct kmemx_pcp_list *list)
{
	list->cap = 0;
	list->limit = list->bottom;
}

/* Blocks in a stack; of another CPU's, a snapshot. */
static inline unsigned int kmemx_pcp_nr(const struct kmemx_pcp_list *list)
{
	return (unsigned int)(READ_ONCE(list->top) - list->bottom);
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
	unsigned long frames = nr_frames / KMEMX_PCP_SHARE / nr_cpus * sixteenths[order] / 16;

	return (unsigned int)min_t(unsigned long, frames >> order, KMEMX_PCP_MAX);
}

/* Blocks in a front, which is the caller's. */
static inline unsigned int kmemx_pcp_blocks(const struct kmemx_pcp *pcp)
{
	unsigned int nr = 0, k;

	for (k = 0; k < KMEMX_PCP_ORDERS; k++)
		nr += kmemx_pcp_nr(&pcp->list[k]);
	return nr;
}

/* Frames in a front; of another CPU's, a snapshot. */
static inline unsigned long kmemx_pcp_frames(const struct kmemx_pcp *pcp)
{
	unsigned long nr = 0;
	unsigned int k;

	for (k = 0; k < KMEMX_PCP_ORDERS; k++)
		nr += (unsigned long)kmemx_pcp_nr(&pcp->list[k]) << k;
	return nr;
}

#endif /* KMEMX_BUDDY_PCP_H */
