/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How fragmented free memory is, in numbers: the kernel's two indices and the
 * largest block, from the counts of free blocks that buddyinfo shows.
 *
 * Counts are of maximal free blocks: nr[k] is the number of those of order k,
 * 0..KMEMX_NR_ORDERS, where what is larger counts as several of the last.
 *
 * Locking: none, there is no state.
 */
#ifndef KMEMX_BUDDY_FRAGINDEX_H
#define KMEMX_BUDDY_FRAGINDEX_H

#include <kmemx/platform.h>
#include "buddy/chunk.h"

/* The orders that are counted. */
#define KMEMX_FRAGINDEX_ORDERS	(KMEMX_NR_ORDERS + 1)

int kmemx_fragindex_extfrag(const unsigned int nr[KMEMX_FRAGINDEX_ORDERS],
			    unsigned int order);
unsigned int kmemx_fragindex_unusable(const unsigned int nr[KMEMX_FRAGINDEX_ORDERS],
				      unsigned int order);
unsigned int kmemx_fragindex_orders(const unsigned int nr[KMEMX_FRAGINDEX_ORDERS]);
int kmemx_fragindex_max_order(unsigned int orders);
int kmemx_fragindex_run_order(unsigned long first, unsigned long nr_frames);

#endif /* KMEMX_BUDDY_FRAGINDEX_H */
