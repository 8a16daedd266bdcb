/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parcels: page blocks that other CPUs free and this one allocates. A CPU whose stack of an order
 * is empty says which one it wants; who frees blocks of that order to a full stack leaves what it
 * has on top there, and neither touches a chunk, which CPUs share. One read-modify-write brings
 * several blocks. Where few chunks are whole nobody leaves any. Of one CPU there are no parcels.
 *
 * The blocks are taken in their chunk, and their info bytes are as in a front (pcp.h), whose they
 * are once the parcel is full. They are part of what the front of the CPU may hold: a parcel is
 * paid for, before it is wanted, with limits that stacks do not use, and gives them back when it is
 * none any more. A CPU wants one of an order, and another each time that it has got one; if one of
 * its own stacks is full, those that do nothing for that order end.
 *
 * Locking: none. What a parcel is of, and in which state, is one word. Only the CPU whose parcel
 * it is, in its front (or who empties that of a dead CPU), changes what is none or full; another
 * may make what is wanted busy, and has it then, for a few instructions with preemption off, until
 * it is full. The order stays what it is until the parcel is none.
 */
#ifndef KMEMX_BUDDY_PARCEL_H
#define KMEMX_BUDDY_PARCEL_H

#include <linux/atomic.h>
#include <linux/cache.h>

#include "buddy/pages.h"
#include "buddy/pcp.h"

/*
 * State of a parcel, with its order in the second byte, and the blocks it has from the third on.
 * A release pairs with the acquire of who comes upon it: the one of what is wanted with the
 * compare-and-exchange of who makes it busy, that of who has filled it with the load of its owner.
 */
#define KMEMX_PARCEL_NONE	0
#define KMEMX_PARCEL_BUSY	1
#define KMEMX_PARCEL_WANTED	2
#define KMEMX_PARCEL_FULL	3
#define KMEMX_PARCEL_STATE	3

/**
 * struct kmemx_parcels - of a CPU
 * @state: of each
 * @next: the one that is asked for next; like the next two its CPU's own
 * @lender: the order whose stack is asked next for what a parcel costs
 * @nr_paid: how many of each order are not none
 * @frame: the first frames of the blocks in each, in the order of a stack: a line, which goes from
 *	   CPU to CPU; of who has made it busy, then of its CPU
 */
struct kmemx_parcels {
	atomic_t state[KMEMX_PARCELS];
	u8 next;
	u8 lender;
	u8 nr_paid[KMEMX_PCP_ORDERS];
	u32 frame[KMEMX_PARCELS][KMEMX_PARCEL_BLOCKS] ____cacheline_aligned;
};

static inline int kmemx_parcel_wanted(unsigned int order)
{
	return KMEMX_PARCEL_WANTED | (int)order << 8;
}

static inline int kmemx_parcel_busy(unsigned int order)
{
	return KMEMX_PARCEL_BUSY | (int)order << 8;
}

static inline int kmemx_parcel_full(unsigned int order, unsigned int nr)
{
	return KMEMX_PARCEL_FULL | (int)order << 8 | (int)nr << 16;
}

static inline bool kmemx_parcel_is_full(int state)
{
	return (state & KMEMX_PARCEL_STATE) == KMEMX_PARCEL_FULL;
}

static inline bool kmemx_parcel_is_wanted(int state)
{
	return (state & KMEMX_PARCEL_STATE) == KMEMX_PARCEL_WANTED;
}

/* Of one that is full. */
static inline unsigned int kmemx_parcel_nr(int state)
{
	return (unsigned int)state >> 16;
}

/* Of one that is not none. */
static inline unsigned int kmemx_parcel_order(int state)
{
	return (unsigned int)state >> 8 & 0xff;
}

/* Is an order one whose blocks go by parcels? Of larger ones too few would. */
static inline bool kmemx_parcel_is_for(const struct kmemx_pages *pages, unsigned int order)
{
	return pages->parcel_frames >> (order & 7) >= KMEMX_PARCEL_BLOCKS;
}

int kmemx_parcel_make(struct kmemx_pcp *pcp, int cpu);
void kmemx_parcel_free(struct kmemx_pcp *pcp);
bool kmemx_parcel_receive(struct kmemx_pages *pages, struct kmemx_pcp *pcp, unsigned int order);
bool kmemx_parcel_fill(const struct kmemx_pages *pages, struct kmemx_parcels *parcels,
		       struct kmemx_pcp_list *list, unsigned int order);
bool kmemx_parcel_send(struct kmemx_pages *pages, struct kmemx_pcp *pcp, unsigned int order);
bool kmemx_parcel_take_last(struct kmemx_pcp *pcp, u32 *frame, unsigned int *order);
bool kmemx_parcel_has_any(const struct kmemx_pcp *pcp, unsigned int order);
bool kmemx_parcel_has_idle(const struct kmemx_pcp *pcp, unsigned int order);
void kmemx_parcel_end_idle(const struct kmemx_pages *pages, struct kmemx_pcp *pcp,
			   unsigned int order);
bool kmemx_parcel_want_none(struct kmemx_pcp *pcp);
unsigned long kmemx_parcel_frames(const struct kmemx_pcp *pcp);
unsigned int kmemx_parcel_blocks(const struct kmemx_pcp *pcp);
size_t kmemx_parcel_bytes(const struct kmemx_pages *pages);

/* Would a stack that is full get room if a parcel less were paid for? Of another CPU's, a guess. */
static inline bool kmemx_parcel_could_help(struct kmemx_pcp *pcp, unsigned int order)
{
	const struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, order);

	return pcp->parcels && READ_ONCE(list->limit) - list->bottom < list->room &&
		kmemx_parcel_has_idle(pcp, order);
}

#endif /* KMEMX_BUDDY_PARCEL_H */
