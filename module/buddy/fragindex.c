// SPDX-License-Identifier: GPL-2.0
/*
 * Fragmentation indices; see fragindex.h.
 */
#include "buddy/fragindex.h"

/* An index of one. */
#define ONE	1000

/**
 * struct supply - what is free, as seen by a request
 * @frames: free frames
 * @blocks: free blocks
 * @usable: frames in blocks that are large enough
 */
struct supply {
	u64 frames;
	u64 blocks;
	u64 usable;
};

static struct supply sum_up(const unsigned int nr[KMEMX_FRAGINDEX_ORDERS],
			    unsigned int order)
{
	struct supply sum = { 0 };
	unsigned int k;

	for (k = 0; k < KMEMX_FRAGINDEX_ORDERS; k++) {
		u64 frames = (u64)nr[k] << k;

		sum.blocks += nr[k];
		sum.frames += frames;
		if (k >= order)
			sum.usable += frames;
	}
	return sum;
}

/**
 * kmemx_fragindex_extfrag() - would a request fail, and is fragmentation to blame?
 * @nr: free blocks by order
 * @order: what is requested, 0..KMEMX_NR_ORDERS
 *
 * The fragmentation index of Gorman and Healy (Supporting superpage allocation
 * without additional hardware support, ISMM 2008), 1 - (frames / 2^order) /
 * blocks, with the rounding of the kernel's fragmentation_index() in mm/vmstat.c.
 * The nearer it is to 1, the more free memory there is in pieces that are too
 * small; near or below 0, there is too little memory.
 *
 * Context: any.
 * Return: in thousandths, -500..1000; -1000 if a block is free that is large
 * enough, so that the request would not fail; 0 if nothing is free at all.
 */
int kmemx_fragindex_extfrag(const unsigned int nr[KMEMX_FRAGINDEX_ORDERS],
			    unsigned int order)
{
	struct supply sum = sum_up(nr, order);

	if (!sum.blocks)
		return 0;
	if (sum.usable)
		return -ONE;
	return ONE - (int)((ONE + (sum.frames * ONE >> order)) / sum.blocks);
}
KMEMX_EXPORT_FOR_TEST(kmemx_fragindex_extfrag);

/**
 * kmemx_fragindex_unusable() - how much of free memory is in pieces too small?
 * @nr: free blocks by order
 * @order: what is requested, 0..KMEMX_NR_ORDERS
 *
 * The kernel's unusable_free_index() of mm/vmstat.c: the part of the free frames
 * that is in blocks of less than @order.
 *
 * Context: any.
 * Return: in thousandths, 0..1000; 1000 if nothing is free.
 */
unsigned int kmemx_fragindex_unusable(const unsigned int nr[KMEMX_FRAGINDEX_ORDERS],
				      unsigned int order)
{
	struct supply sum = sum_up(nr, order);

	if (!sum.frames)
		return ONE;
	return (unsigned int)((sum.frames - sum.usable) * ONE / sum.frames);
}
KMEMX_EXPORT_FOR_TEST(kmemx_fragindex_unusable);

/**
 * kmemx_fragindex_orders() - the orders of which there are free blocks
 * @nr: free blocks by order
 *
 * Return: bit k is set if nr[k] is not 0.
 */
unsigned int kmemx_fragindex_orders(const unsigned int nr[KMEMX_FRAGINDEX_ORDERS])
{
	unsigned int orders = 0;
	unsigned int k;

	for (k = 0; k < KMEMX_FRAGINDEX_ORDERS; k++)
		if (nr[k])
			orders |= 1U << k;
	return orders;
}
KMEMX_EXPORT_FOR_TEST(kmemx_fragindex_orders);

/**
 * kmemx_fragindex_max_order() - the order of the largest free block
 * @orders: as of kmemx_fragindex_orders()
 *
 * One instruction for who has the mask, and it decides whether a request can be
 * served at all; what the indices add is why not.
 *
 * Context: any.
 * Return: the highest bit that is set, 0..KMEMX_NR_ORDERS, or -1 if none is.
 */
int kmemx_fragindex_max_order(unsigned int orders)
{
	return fls64(orders) - 1;
}
KMEMX_EXPORT_FOR_TEST(kmemx_fragindex_max_order);

/**
 * kmemx_fragindex_run_order() - the largest block in a run of free frames
 * @first: page frame number of the first
 * @nr_frames: how many, at least 1
 *
 * A block starts at a multiple of its size, so a run of 2^k frames may have no
 * block of order k; it has one of order k - 1 then, wherever it starts.
 *
 * Context: any.
 * Return: the block's order.
 */
int kmemx_fragindex_run_order(unsigned long first, unsigned long nr_frames)
{
	unsigned int order = (unsigned int)ilog2(nr_frames);
	unsigned long start = round_up(first, 1UL << order);

	return (int)order - (start - first + (1UL << order) > nr_frames);
}
KMEMX_EXPORT_FOR_TEST(kmemx_fragindex_run_order);
