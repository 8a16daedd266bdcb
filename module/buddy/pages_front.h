/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Page blocks on their way between users, the fronts of the CPUs (pcp.h) and the zone: the short
 * ways, which touch nothing but a front, and the longer ones, in the order in which they are
 * tried.
 *
 * Locking: a front is its CPU's, entered as <kmemx/busy.h> has it; behind it none, as in chunk.h.
 */
#ifndef KMEMX_BUDDY_PAGES_FRONT_H
#define KMEMX_BUDDY_PAGES_FRONT_H

#include <linux/preempt.h>

#include "buddy/pages.h"
#include "buddy/parcel.h"

int kmemx_pages_make_fronts(struct kmemx_pages *pages);
void kmemx_pages_free_fronts(struct kmemx_pages *pages);
void kmemx_pages_no_fronts(struct kmemx_pages *pages);
unsigned int kmemx_pages_front_blocks(const struct kmemx_pages *pages);

struct page *kmemx_pages_take(struct kmemx_pages *pages, unsigned int order);
bool kmemx_pages_put_more(struct kmemx_pages *pages, struct page *page, u8 *info,
			  unsigned int order, enum kmemx_kind kind);
bool kmemx_pages_put_sent(struct kmemx_pages *pages, struct page *page, u8 *info,
			  unsigned int order, enum kmemx_kind kind);
void kmemx_pages_drop_twice(const struct kmemx_pages *pages, u32 frame, unsigned int order);
void kmemx_pages_give_group(struct kmemx_pages *pages, struct kmemx_pcp_group group);
void kmemx_pages_drain(struct kmemx_pages *pages);
void kmemx_pages_drain_for(struct kmemx_pages *pages);
void kmemx_pages_drain_dead(struct kmemx_pages *pages, unsigned int cpu);
unsigned long kmemx_pages_nr_front(const struct kmemx_pages *pages);

/**
 * struct kmemx_pages_counts - what has gone the short way
 * @nr_alloc: blocks allocated
 * @nr_free: blocks freed
 * @nr_used: frames of the former, less those of the latter
 */
struct kmemx_pages_counts {
	u64 nr_alloc;
	u64 nr_free;
	s64 nr_used;
};

void kmemx_pages_counts(const struct kmemx_pages *pages, struct kmemx_pages_counts *counts);

/* Frames that are free in the front of one CPU; a snapshot. */
static inline unsigned long kmemx_pages_nr_front_of(const struct kmemx_pages *pages,
						    unsigned int cpu)
{
	const struct kmemx_pcp *pcp = per_cpu_ptr(pages->pcp, cpu);

	return kmemx_pcp_frames(pcp) + (pcp->parcels ? kmemx_parcel_frames(pcp) : 0);
}

/**
 * kmemx_pages_pop() - allocate a block from this CPU's front, if it has one
 * @pages: the region's frames
 * @order: 0..KMEMX_PCP_ORDERS - 1
 * @kind: what for
 * @page: set to the first page
 *
 * The hot path of page allocation, inline and without a call, and what is counted by
 * kmemx_pages_counts(). Where it does not succeed kmemx_pages_take() is next.
 *
 * What comes out of a front is looked at once more: two CPUs that free the same block
 * within the same few instructions may both find it in use. If one of them goes past
 * its front, that one finds out; if not, both have it, and who is about to take it
 * while the other has it out finds out here. Two that take it within the same few
 * instructions remain.
 *
 * Context: any.
 * Return: false if there was none.
 */
static __always_inline bool kmemx_pages_pop(struct kmemx_pages *pages, unsigned int order,
					    enum kmemx_kind kind, struct page **page)
{
	struct kmemx_pcp_block *block;
	struct kmemx_pcp_list *list;
	struct kmemx_pcp *pcp;

	preempt_disable();
	pcp = this_cpu_ptr(pages->pcp);
	if (unlikely(!kmemx_busy_enter(&pcp->busy)))
		goto none;
	list = kmemx_pcp_list(pcp, order);
	block = list->top;
	/* Racy only where a block is freed twice. */
	if (unlikely(data_race(*block->info) != (KMEMX_INFO_FRONT | order)))
		goto leave;
	kmemx_step();
	WRITE_ONCE(*block->info, kmemx_info(kind, order));
	kmemx_step();
	*page = block->page;
	/* Who counts from another CPU sees one or the other. */
	data_race(list->top--);
	/* As above. */
	data_race(list->nr_alloc++);
	kmemx_busy_leave(&pcp->busy);
	preempt_enable();
	return true;

leave:
	kmemx_busy_leave(&pcp->busy);
none:
	preempt_enable();
	return false;
}

/**
 * kmemx_pages_pop_bulk() - allocate single pages from this CPU's front, as long as it has any
 * @pages: the region's frames
 * @nr: how many
 * @kind: what for
 * @page: where to put them
 *
 * As kmemx_pages_pop(), for up to KMEMX_PCP_BULK at once.
 *
 * Context: any.
 * Return: how many there were.
 */
static __always_inline unsigned int kmemx_pages_pop_bulk(struct kmemx_pages *pages,
							 unsigned long nr, enum kmemx_kind kind,
							 struct page **page)
{
	unsigned int max = (unsigned int)min_t(unsigned long, nr, KMEMX_PCP_BULK), n = 0;
	struct kmemx_pcp_block *block;
	struct kmemx_pcp_list *list;
	struct kmemx_pcp *pcp;

	preempt_disable();
	pcp = this_cpu_ptr(pages->pcp);
	if (unlikely(!kmemx_busy_enter(&pcp->busy)))
		goto none;
	list = kmemx_pcp_list(pcp, 0);
	/* Racy only where a block is freed twice. */
	for (block = list->top; n < max && data_race(*block->info) == KMEMX_INFO_FRONT; block--) {
		kmemx_step();
		WRITE_ONCE(*block->info, kmemx_info(kind, 0));
		kmemx_step();
		page[n++] = block->page;
	}
	/* Who counts from another CPU sees one or the other. */
	data_race(list->top = block);
	/* As above. */
	data_race(list->nr_alloc += n);
	kmemx_busy_leave(&pcp->busy);
none:
	preempt_enable();
	return n;
}

/*
 * Could this CPU's front give a block of @order, 0..KMEMX_CHUNK_ORDER, where the zone has none?
 * Of whatever CPU, a guess.
 */
static inline bool kmemx_pages_front_may_help(const struct kmemx_pages *pages,
					      unsigned int order)
{
	struct kmemx_pcp *pcp = raw_cpu_ptr(pages->pcp);

	if (order >= KMEMX_PCP_ORDERS)
		return false;
	/* One that is short gives back what another order has. */
	return kmemx_pcp_is_short(pcp) || kmemx_pcp_bytes(kmemx_pcp_list(pcp, order)) ||
		(pcp->parcels && kmemx_parcel_has_any(pcp, order));
}

/*
 * When few chunks are whole: may a stack have the block whose info byte is at @info? It keeps few,
 * and those of chunks that have many.
 */
static __always_inline bool kmemx_pages_keeps_few(const struct kmemx_pages *pages,
						  const struct kmemx_pcp_list *list,
						  const u8 *info)
{
	return list->top < list->few_limit &&
		kmemx_zone_is_dense(&pages->zone, kmemx_pages_number(pages, info));
}

/**
 * kmemx_pages_push() - free a block to this CPU's front, if there is room
 * @pages: the region's frames
 * @page: its first page
 * @info: its info byte, where @page is
 * @order: 0..KMEMX_PCP_ORDERS - 1
 * @kind: what it was allocated for
 *
 * The hot path of frees, as kmemx_pages_pop(); kmemx_pages_way() says what is next.
 *
 * Context: any.
 * Return: false if the block was not freed.
 */
static __always_inline bool kmemx_pages_push(struct kmemx_pages *pages, struct page *page,
					     u8 *info, unsigned int order,
					     enum kmemx_kind kind)
{
	struct kmemx_pcp_list *list;
	struct kmemx_pcp *pcp;

	preempt_disable();
	pcp = this_cpu_ptr(pages->pcp);
	if (unlikely(!kmemx_busy_enter(&pcp->busy)))
		goto none;
	list = kmemx_pcp_list(pcp, order);
	/* Racy only where a block is freed twice. */
	if (unlikely(data_race(*info) != kmemx_info(kind, order) ||
		     list->top >= list->limit ||
		     (unlikely(!kmemx_zone_has_plenty(&pages->zone)) &&
		      !kmemx_pages_keeps_few(pages, list, info)) ||
		     kmemx_pages_any_held(page, order)))
		goto leave;
	kmemx_step();
	WRITE_ONCE(*info, KMEMX_INFO_FRONT | order);
	kmemx_step();
	kmemx_pcp_add(list, page, info);
	/* Who reads it from another CPU sees one or the other. */
	data_race(list->nr_free++);
	kmemx_busy_leave(&pcp->busy);
	preempt_enable();
	return true;

leave:
	kmemx_busy_leave(&pcp->busy);
none:
	preempt_enable();
	return false;
}

/**
 * kmemx_pages_push_bulk() - free single pages to this CPU's front, as long as there is room
 * @pages: the region's frames
 * @nr: how many
 * @kind: what they were allocated for
 * @page: the pages; the last is freed first
 *
 * As kmemx_pages_push(), for up to KMEMX_PCP_BULK at once; not when few chunks are whole. What is
 * above the top of a stack is what went out of it, so if they come back as they went, they need
 * not be looked up: where the info byte of a page is never changes.
 *
 * Context: any.
 * Return: how many are left, the first of @page; the last of those has to go alone.
 */
static __always_inline unsigned long kmemx_pages_push_bulk(struct kmemx_pages *pages,
							   unsigned long nr, enum kmemx_kind kind,
							   struct page **page)
{
	unsigned long end = nr - min_t(unsigned long, nr, KMEMX_PCP_BULK), left = nr;
	struct kmemx_pcp_block *block, *limit;
	struct kmemx_pcp_list *list;
	struct kmemx_pcp *pcp;

	preempt_disable();
	pcp = this_cpu_ptr(pages->pcp);
	if (unlikely(!kmemx_zone_has_plenty(&pages->zone) || !kmemx_busy_enter(&pcp->busy)))
		goto none;
	list = kmemx_pcp_list(pcp, 0);
	limit = list->limit;
	for (block = list->top; left > end && block < limit; left--) {
		struct page *next = page[left - 1];

		if (unlikely(block[1].page != next)) {
			if (!kmemx_pages_has_place(next))
				break;
			block[1].page = next;
			block[1].info = kmemx_pages_place_of(pages, next);
		}
		/* Racy only where a block is freed twice. */
		if (unlikely(data_race(*block[1].info) != kmemx_info(kind, 0) ||
			     kmemx_pages_any_held(next, 0)))
			break;
		kmemx_step();
		block++;
		WRITE_ONCE(*block->info, KMEMX_INFO_FRONT);
	}
	kmemx_step();
	/* Who counts from another CPU sees one or the other. */
	data_race(list->top = block);
	/* As above. */
	data_race(list->nr_free += nr - left);
	kmemx_busy_leave(&pcp->busy);
none:
	preempt_enable();
	return left;
}

/**
 * enum kmemx_pages_way - where a block goes that the short way of a free does not take
 * @KMEMX_WAY_PAST: past the front, to the zone
 * @KMEMX_WAY_MORE: kmemx_pages_put_more() may
 * @KMEMX_WAY_BY: kmemx_pages_wait() may
 * @KMEMX_WAY_SENT: kmemx_pages_put_sent() may; if it does not, kmemx_pages_way_here() says
 */
enum kmemx_pages_way {
	KMEMX_WAY_PAST,
	KMEMX_WAY_MORE,
	KMEMX_WAY_BY,
	KMEMX_WAY_SENT,
};

/* As kmemx_pages_way(), where no other CPU has taken blocks. */
static __always_inline enum kmemx_pages_way kmemx_pages_way_here(const struct kmemx_pages *pages,
								 unsigned int order)
{
	/* Any CPU's will do for the questions: if it is another then, no harm is done. */
	struct kmemx_pcp *pcp = raw_cpu_ptr(pages->pcp);

	if (!kmemx_zone_has_plenty(&pages->zone))
		return KMEMX_WAY_PAST;
	if (unlikely(!kmemx_pcp_is_short(pcp))) {
		if (kmemx_pcp_could_grow(pcp, order) || kmemx_parcel_could_help(pcp, order))
			return KMEMX_WAY_MORE;
		this_cpu_inc(pages->pcp->nr_refused);
		return KMEMX_WAY_PAST;
	}
	if (READ_ONCE(pcp->nr_alone) < KMEMX_PCP_ALONE)
		return KMEMX_WAY_BY;
	this_cpu_inc(pages->pcp->nr_alone);
	return KMEMX_WAY_PAST;
}

/* Of a block of @order, 0..KMEMX_PCP_ORDERS - 1. */
static __always_inline enum kmemx_pages_way kmemx_pages_way(const struct kmemx_pages *pages,
							    unsigned int order)
{
	/* Plain, as the operand of a comparison; if another does, and still, is seen later. */
	if (unlikely(data_race(pages->wanting[order])) && kmemx_zone_has_plenty(&pages->zone))
		return KMEMX_WAY_SENT;
	return kmemx_pages_way_here(pages, order);
}

/**
 * kmemx_pages_wait() - free a block to the front, to go back to the zone with others
 * @pages: the region's frames
 * @info: the info byte of its first frame
 * @order: 0..KMEMX_PCP_ORDERS - 1
 * @kind: what it was allocated for
 * @group: set to what has to go for it, to be given to kmemx_pages_give_group() if it has heads
 *
 * What others have allocated is often freed in the order of that, so the next blocks may be
 * of the same word; then all of them are one change of what CPUs share. Those that are of
 * another word go when it comes, or when they are KMEMX_PCP_GROUP.
 *
 * Context: any, with preemption off until @group has been given.
 * Return: false if the block was not freed.
 */
static __always_inline bool kmemx_pages_wait(struct kmemx_pages *pages, u8 *info,
					     unsigned int order, enum kmemx_kind kind,
					     struct kmemx_pcp_group *group)
{
	struct kmemx_pcp *pcp = this_cpu_ptr(pages->pcp);
	bool freed = false;

	if (unlikely(!pcp->wait_max)) {
		/* No block waits here, so the next ones need not ask. */
		WRITE_ONCE(pcp->nr_alone, KMEMX_PCP_ALONE);
		return false;
	}
	kmemx_step();
	if (unlikely(!kmemx_busy_enter(&pcp->busy)))
		return false;
	if (likely(READ_ONCE(*info) == kmemx_info(kind, order))) {
		WRITE_ONCE(*info, KMEMX_INFO_FRONT | order);
		kmemx_step();
		*group = kmemx_pcp_let_wait(pcp, kmemx_pages_number(pages, info), order);
		kmemx_step();
		WRITE_ONCE(pcp->nr_alone, group->heads ? pcp->nr_alone + 1 : 0);
		freed = true;
	}
	kmemx_busy_leave(&pcp->busy);
	return freed;
}

/**
 * kmemx_pages_put() - free a block past the front
 * @pages: the region's frames
 * @page: its first page
 * @info: its info byte, where @page is
 * @order: 0..KMEMX_CHUNK_ORDER
 * @kind: what it was allocated for
 *
 * What is not such a block that nobody else holds is left to kmemx_pages_free(), which
 * says why.
 *
 * Context: any.
 * Return: false if the block was not freed.
 */
static __always_inline bool kmemx_pages_put(struct kmemx_pages *pages, struct page *page,
					    u8 *info, unsigned int order,
					    enum kmemx_kind kind)
{
	bool freed;

	if (READ_ONCE(*info) != kmemx_info(kind, order) || kmemx_pages_any_held(page, order))
		return false;
	if (want_init_on_free())
		return kmemx_pages_put_zeroed(pages, kmemx_pages_number(pages, info), order, kind);
	preempt_disable();
	kmemx_step();
	/* Once more, since the references of all its pages have come between. */
	freed = READ_ONCE(*info) == kmemx_info(kind, order) &&
		kmemx_zone_free_block(&pages->zone, kmemx_pages_number(pages, info), order);
	preempt_enable();
	return freed;
}

/**
 * kmemx_pages_is_block() - may a block just be freed?
 * @page: its first page
 * @info: its info byte, where @page is
 * @order: 0..KMEMX_PCP_ORDERS - 1
 * @kind: what it was allocated for
 *
 * As kmemx_pages_any_held() says, but without its call for larger orders, for who has none.
 *
 * Context: any.
 * Return: whether it is one, that nobody else holds, and need not be zeroed.
 */
static __always_inline bool kmemx_pages_is_block(const struct page *page, const u8 *info,
						 unsigned int order, enum kmemx_kind kind)
{
	return READ_ONCE(*info) == kmemx_info(kind, order) &&
		kmemx_pages_sum_few(page, order) == 1 << (order & 7) && !want_init_on_free();
}

#endif /* KMEMX_BUDDY_PAGES_FRONT_H */
