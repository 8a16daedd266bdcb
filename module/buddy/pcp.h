/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A CPU's own page blocks: a front of the zone, a stack per small order. A block in it
 * is taken in its chunk, its info byte says KMEMX_INFO_FRONT and its order, and no
 * CPU but its own touches the stack, as <kmemx/busy.h> has it. So an allocation that
 * finds one, and a free that finds room, have no atomic operation.
 *
 * An empty stack is filled with what is best placed in one word of one chunk; a free
 * that finds the stack full goes past it. Both are bounded, whatever the state of the
 * zone.
 */
#ifndef KMEMX_BUDDY_PCP_H
#define KMEMX_BUDDY_PCP_H

#include <linux/minmax.h>
#include <kmemx/busy.h>

#include "buddy/zone.h"

/* Orders 0 to 4: up to 64 KiB with 4 KiB pages. */
#define KMEMX_PCP_ORDERS	5
#define KMEMX_PCP_MAX		256
/* Blocks that an empty stack is filled with, at most. */
#define KMEMX_PCP_BATCH		32
/* All fronts together hold no more than this part of the zone. */
#define KMEMX_PCP_SHARE		64

/**
 * struct kmemx_pcp_list - the free blocks of one order
 * @nr: how many
 * @cap: how many there may be; 0 is none at all
 * @frame: first frame of each; the last is the next to go
 */
struct kmemx_pcp_list {
	u32 nr;
	u32 cap;
	u32 frame[KMEMX_PCP_MAX];
};

struct kmemx_pcp {
	u8 busy;	/* See <kmemx/busy.h>. */
	struct kmemx_pcp_list list[KMEMX_PCP_ORDERS];
};

/*
 * Additions, not subscripts, which some kernels have checked again: the callers have
 * done so.
 */
static __always_inline struct kmemx_pcp_list *kmemx_pcp_list(struct kmemx_pcp *pcp,
							     unsigned int order)
{
	return pcp->list + order;
}

static __always_inline void kmemx_pcp_add(struct kmemx_pcp_list *list, u32 frame)
{
	*(list->frame + list->nr++) = frame;
}

/* The block to go next; there is one. */
static __always_inline u32 kmemx_pcp_next(const struct kmemx_pcp_list *list)
{
	return *(list->frame + list->nr - 1);
}

/**
 * kmemx_pcp_cap() - how many blocks of an order a front may hold
 * @order: 0..KMEMX_PCP_ORDERS - 1
 * @nr_frames: of the zone
 * @nr_cpus: how many CPUs there may be
 *
 * Each order has as many blocks, order 0 twice as many, so that all of them together
 * are 32 frames for each one here.
 *
 * Return: blocks; 0 in a zone that is too small.
 */
static inline unsigned int kmemx_pcp_cap(unsigned int order, unsigned long nr_frames,
					 unsigned int nr_cpus)
{
	unsigned long cap = nr_frames / KMEMX_PCP_SHARE / nr_cpus / 32;

	if (!order)
		return (unsigned int)min_t(unsigned long, 2 * cap, KMEMX_PCP_MAX);
	return (unsigned int)min_t(unsigned long, cap, KMEMX_PCP_MAX / 2);
}

/* Frames in a front; of another CPU's, a snapshot. */
static inline unsigned long kmemx_pcp_frames(const struct kmemx_pcp *pcp)
{
	unsigned long nr = 0;
	unsigned int k;

	for (k = 0; k < KMEMX_PCP_ORDERS; k++)
		nr += (unsigned long)READ_ONCE(pcp->list[k].nr) << k;
	return nr;
}

#endif /* KMEMX_BUDDY_PCP_H */
