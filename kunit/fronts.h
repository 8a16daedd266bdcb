/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frees to the fronts of any region: what kmemx_free_pages() does to that of the module. And what
 * a front may hold.
 */
#ifndef KMEMX_KUNIT_FRONTS_H
#define KMEMX_KUNIT_FRONTS_H

#include <linux/preempt.h>

#include "buddy/pages_front.h"

/*
 * All that the front of a CPU may hold, or could yet, in frames: what its stacks may, what its
 * parcels are paid for with, and what is left. Nothing changes that, whoever lends to whom.
 */
static inline unsigned int fronts_limits(const struct kmemx_pcp *pcp)
{
	unsigned int sum = pcp->spare, k;

	for (k = 0; k < KMEMX_PCP_ORDERS; k++) {
		sum += (unsigned int)(pcp->list[k].limit - pcp->list[k].bottom) << k;
		if (pcp->parcels)
			sum += pcp->parcels->nr_paid[k] * KMEMX_PARCEL_BLOCKS << k;
	}
	return sum;
}

static inline bool fronts_wait(struct kmemx_pages *pages, u8 *info, unsigned int order)
{
	struct kmemx_pcp_group group;
	bool freed;

	preempt_disable();
	freed = kmemx_pages_wait(pages, info, order, KMEMX_KIND_PAGES, &group);
	if (freed && group.heads)
		kmemx_pages_give_group(pages, group);
	preempt_enable();
	return freed;
}

/* Into the front after all, if there is one that has room, or could have. */
static inline bool fronts_take_it(struct kmemx_pages *pages, struct page *page, u8 *info,
				  unsigned int order)
{
	enum kmemx_pages_way way = kmemx_pages_way(pages, order);

	if (way == KMEMX_WAY_SENT) {
		if (kmemx_pages_put_sent(pages, page, info, order, KMEMX_KIND_PAGES))
			return true;
		way = kmemx_pages_way_here(pages, order);
	}
	switch (way) {
	case KMEMX_WAY_MORE:
		return kmemx_pages_put_more(pages, page, info, order, KMEMX_KIND_PAGES);
	case KMEMX_WAY_BY:
		return fronts_wait(pages, info, order);
	default:
		return false;
	}
}

/**
 * fronts_put() - free a block that kmemx_pages_push() has not taken
 * @pages: the region's frames
 * @page: its first page
 * @info: its info byte
 * @order: 0..KMEMX_CHUNK_ORDER
 *
 * Return: false if it was not freed.
 */
static inline bool fronts_put(struct kmemx_pages *pages, struct page *page, u8 *info,
			      unsigned int order)
{
	if (order < KMEMX_PCP_ORDERS &&
	    kmemx_pages_is_block(page, info, order, KMEMX_KIND_PAGES) &&
	    fronts_take_it(pages, page, info, order))
		return true;
	return kmemx_pages_put(pages, page, info, order, KMEMX_KIND_PAGES);
}

#endif /* KMEMX_KUNIT_FRONTS_H */
