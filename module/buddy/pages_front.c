// SPDX-License-Identifier: GPL-2.0
/*
 * Filling and emptying the fronts of page blocks; see pages_front.h and pcp.h.
 */
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "buddy/pages_front.h"
#include "observe/report.h"
#include "observe/stat.h"

/* How many blocks a CPU gives back from its front in a row. */
#define FLUSH_BLOCKS	64U

/* ---- Making and ending them --------------------------------------------- */

/**
 * kmemx_pages_front_blocks() - what the stacks of a front have room for
 * @pages: the region's frames
 *
 * Return: blocks, the bottoms of the stacks included.
 */
unsigned int kmemx_pages_front_blocks(const struct kmemx_pages *pages)
{
	unsigned int nr = 0, k;

	for (k = 0; k < KMEMX_PCP_ORDERS; k++)
		nr += 1 + kmemx_pcp_room(k, pages->nr_frames, num_possible_cpus());
	return nr;
}

static int make_front(struct kmemx_pages *pages, int cpu)
{
	struct kmemx_pcp *pcp = per_cpu_ptr(pages->pcp, cpu);
	struct kmemx_pcp_block *next;
	unsigned int k;

	pcp->blocks = kvmalloc_node(kmemx_pages_front_blocks(pages) * sizeof(*next), GFP_KERNEL,
				    cpu_to_node(cpu));
	if (!pcp->blocks)
		return -ENOMEM;
	next = pcp->blocks;
	for (k = 0; k < KMEMX_PCP_ORDERS; k++) {
		unsigned int cap = kmemx_pcp_cap(k, pages->nr_frames, num_possible_cpus());
		unsigned int room = kmemx_pcp_room(k, pages->nr_frames, num_possible_cpus());

		kmemx_pcp_open(&pcp->list[k], next, cap, room, &pcp->none);
		next += room + 1;
	}
	pcp->spare = kmemx_pcp_spare(pages->nr_frames, num_possible_cpus());
	if (kmemx_pcp_lets_wait(pages->nr_frames, num_possible_cpus()))
		pcp->wait_max = KMEMX_PCP_GROUP;
	return pages->parcel_frames ? kmemx_parcel_make(pcp, cpu) : 0;
}

/**
 * kmemx_pages_make_fronts() - give each CPU a front, which is empty
 * @pages: the region's frames; nobody uses them yet
 *
 * Context: may sleep.
 * Return: 0, or -ENOMEM; kmemx_pages_free_fronts() in either case.
 */
int kmemx_pages_make_fronts(struct kmemx_pages *pages)
{
	int cpu, ret = 0;

	pages->pcp = alloc_percpu(struct kmemx_pcp);
	if (!pages->pcp)
		return -ENOMEM;
	pages->parcel_frames = kmemx_pcp_parcel(pages->nr_frames, num_possible_cpus());
	for_each_possible_cpu(cpu) {
		ret = make_front(pages, cpu);
		if (ret)
			break;
	}
	return ret;
}

/**
 * kmemx_pages_free_fronts() - end the fronts
 * @pages: the region's frames; nobody uses them any more, and there may be no front yet
 */
void kmemx_pages_free_fronts(struct kmemx_pages *pages)
{
	int cpu;

	if (!pages->pcp)
		return;
	for_each_possible_cpu(cpu) {
		kmemx_parcel_free(per_cpu_ptr(pages->pcp, cpu));
		kvfree(per_cpu_ptr(pages->pcp, cpu)->blocks);
	}
	free_percpu(pages->pcp);
}

/**
 * kmemx_pages_no_fronts() - let every allocation and free take the long way
 * @pages: the region's frames; nobody uses them yet
 */
void kmemx_pages_no_fronts(struct kmemx_pages *pages)
{
	unsigned int cpu, k;

	pages->parcel_frames = 0;
	for_each_possible_cpu(cpu) {
		struct kmemx_pcp *pcp = per_cpu_ptr(pages->pcp, cpu);

		pcp->wait_max = 0;
		kmemx_parcel_free(pcp);
		for (k = 0; k < KMEMX_PCP_ORDERS; k++)
			kmemx_pcp_close(&pcp->list[k]);
	}
}

/* ---- Counting ----------------------------------------------------------- */

/**
 * kmemx_pages_nr_front() - frames that are free in fronts
 * @pages: the region's frames
 *
 * Return: the sum over the CPUs; a snapshot.
 */
unsigned long kmemx_pages_nr_front(const struct kmemx_pages *pages)
{
	unsigned long nr = 0;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		nr += kmemx_pages_nr_front_of(pages, cpu);
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_nr_front);

/**
 * kmemx_pages_counts() - what fronts have given and taken on the short way
 * @pages: the region's frames
 * @counts: set to the sums over possible, not online, CPUs: one that went offline keeps what it
 *	    counted
 */
void kmemx_pages_counts(const struct kmemx_pages *pages, struct kmemx_pages_counts *counts)
{
	unsigned int cpu, k;

	*counts = (struct kmemx_pages_counts){ 0 };
	for_each_possible_cpu(cpu) {
		for (k = 0; k < KMEMX_PCP_ORDERS; k++) {
			struct kmemx_pcp_list *list = kmemx_pcp_list(per_cpu_ptr(pages->pcp, cpu),
								     k);
			u64 nr_alloc = READ_ONCE(list->nr_alloc);
			u64 nr_free = READ_ONCE(list->nr_free);

			counts->nr_alloc += nr_alloc;
			counts->nr_free += nr_free;
			counts->nr_used += (s64)(nr_alloc - nr_free) * (1 << k);
		}
	}
}

/* ---- Giving blocks back to the zone ------------------------------------- */

/**
 * kmemx_pages_drop_twice() - two frees of a block have been counted, of which one was none
 * @pages: the region's frames
 * @frame: its first frame
 * @order: its order
 *
 * A racing double free left it in two fronts, or in one and in use: its info byte is not that of
 * a block in a front any more, when who is behind comes to it. Or it is free when who has
 * claimed it gives it back.
 *
 * Context: any.
 */
void kmemx_pages_drop_twice(const struct kmemx_pages *pages, u32 frame, unsigned int order)
{
	kmemx_stat_add(KMEMX_STAT_PAGE_FREE, -1);
	kmemx_stat_add(KMEMX_STAT_USED_BYTES, (s64)(PAGE_SIZE << order));
	kmemx_stat_bad_free(KMEMX_FREE_DOUBLE);
	kmemx_report_bad_free(KMEMX_FREE_DOUBLE, kmemx_pages_address(pages, frame), NULL,
			      _RET_IP_);
}

static void drop_twice(struct kmemx_pages *pages, const u8 *info, unsigned int order)
{
	kmemx_pages_drop_twice(pages, kmemx_pages_number(pages, info), order);
}

static bool is_front(const struct kmemx_pcp_block *block, unsigned int order)
{
	return READ_ONCE(*block->info) == (KMEMX_INFO_FRONT | order);
}

/* Give a block of a front, the caller's, back to the zone. */
static __always_inline void give_one(struct kmemx_pages *pages, u32 frame, unsigned int order)
{
	u8 *info = pages->zone.info + frame;

	if (likely(READ_ONCE(*info) == (KMEMX_INFO_FRONT | order))) {
		WRITE_ONCE(*info, 0);
		kmemx_step();
		if (likely(kmemx_zone_give_small(&pages->zone, frame, order)))
			return;
	}
	drop_twice(pages, info, order);
}

/* A block that has waited in vain. Whatever it comes to, a call of it is the last one. */
static noinline void give_alone(struct kmemx_pages *pages, u32 frame, unsigned int order)
{
	struct kmemx_zone *zone = &pages->zone;
	u8 *info = zone->info + frame;
	enum kmemx_given given = KMEMX_GIVEN_TWICE;
	struct kmemx_change change;
	u64 word;

	if (likely(READ_ONCE(*info) == (KMEMX_INFO_FRONT | order))) {
		WRITE_ONCE(*info, 0);
		kmemx_step();
		given = kmemx_zone_give_once(zone, frame, order, &word, &change);
	}
	if (likely(given == KMEMX_GIVEN))
		kmemx_zone_settle_word(zone, frame / KMEMX_CHUNK_FRAMES, &change);
	else if (given == KMEMX_GIVEN_UNCOUNTED)
		kmemx_zone_count_back(zone, frame, order, word);
	else
		drop_twice(pages, info, order);
}

/*
 * Several, one by one, as one of them is free, or in use again. The info bytes of those in @ours
 * have been cleared.
 */
static noinline void give_each(struct kmemx_pages *pages, struct kmemx_pcp_group group, u64 ours)
{
	unsigned int order = kmemx_group_order(group.where);
	u64 left;

	for (left = group.heads; left; left &= left - 1) {
		u32 frame = kmemx_group_base(group.where) + (u32)__ffs64(left);

		if (!(left & -left & ours))
			give_one(pages, frame, order);
		else if (!kmemx_zone_give_small(&pages->zone, frame, order))
			drop_twice(pages, pages->zone.info + frame, order);
	}
}

/* Several, in one change. */
static noinline void give_some(struct kmemx_pages *pages, struct kmemx_pcp_group group)
{
	unsigned int order = kmemx_group_order(group.where);
	u32 base = kmemx_group_base(group.where);
	u8 *info = pages->zone.info + base;
	u64 left;

	for (left = group.heads; left; left &= left - 1) {
		if (unlikely(READ_ONCE(info[__ffs64(left)]) != (KMEMX_INFO_FRONT | order)))
			break;
		WRITE_ONCE(info[__ffs64(left)], 0);
		kmemx_step();
	}
	if (unlikely(left) ||
	    unlikely(!kmemx_zone_give_some(&pages->zone, base, group.heads, order, group.nr)))
		give_each(pages, group, group.heads & ~left);
}

/**
 * kmemx_pages_give_group() - give back to the zone what has waited in a front
 * @pages: the region's frames
 * @group: the blocks, of the caller's front; at least one
 *
 * Context: any, with preemption off.
 */
void kmemx_pages_give_group(struct kmemx_pages *pages, struct kmemx_pcp_group group)
{
	kmemx_step();
	if (group.nr == 1)
		give_alone(pages, kmemx_group_base(group.where) + (u32)__ffs64(group.heads),
			   kmemx_group_order(group.where));
	else
		give_some(pages, group);
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_give_group);

/* ---- Filling a stack ---------------------------------------------------- */

/*
 * Some order could not keep what was freed: have another that does not use its stack, or
 * holds more than its share, give a block back. One look, and one block at most. Returns
 * how many.
 */
static noinline unsigned int make_room(struct kmemx_pages *pages, struct kmemx_pcp *pcp,
			       unsigned int order)
{
	unsigned int k = pcp->victim;
	struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, k);

	if (k != order && list->top != list->bottom &&
	    (list->top == list->seen || kmemx_pcp_nr(list) > list->cap)) {
		give_one(pages, kmemx_pages_number(pages, list->top->info), k);
		kmemx_step();
		list->top--;
		kmemx_step();
		list->limit--;
		kmemx_step();
		list->seen = list->top;
		pcp->spare += 1U << k;
		return 1;
	}
	pcp->victim = (u8)((k + 1) % KMEMX_PCP_ORDERS);
	list->seen = list->top;
	return 0;
}

/* batch(), where an order is short of room, or this one has lent what it had. */
static noinline unsigned int batch_short(struct kmemx_pages *pages, struct kmemx_pcp *pcp,
					 unsigned int order, unsigned int nr)
{
	struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, order);

	if (want_init_on_free())
		return nr;
	/* No operation does both. */
	if (kmemx_pcp_is_short(pcp)) {
		WRITE_ONCE(pcp->nr_refused, 0);
		kmemx_step();
		if (make_room(pages, pcp, order))
			return 1;
	}
	if (list->limit - list->bottom < nr - 1)
		kmemx_pcp_grow(pcp, order);
	return min(nr, (unsigned int)(list->limit - list->bottom) + 1);
}

/* batch(), when few chunks are whole: no more than is wanted, while somebody is short. */
static __always_inline unsigned int batch_few(const struct kmemx_pages *pages,
					      const struct kmemx_pcp_list *list)
{
	if (unlikely(jiffies - READ_ONCE(pages->drained_at) < KMEMX_DRAINED_TICKS))
		return 1;
	return list->few;
}

/* How many blocks an empty stack is to be filled with, one for the caller included. */
static __always_inline unsigned int batch(struct kmemx_pages *pages, struct kmemx_pcp *pcp,
					  unsigned int order)
{
	struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, order);
	unsigned int nr = kmemx_zone_has_plenty(&pages->zone) ? list->batch :
								batch_few(pages, list);

	if (unlikely(kmemx_pcp_is_short(pcp) || list->limit - list->bottom < nr - 1))
		return batch_short(pages, pcp, order, nr);
	return nr;
}

/* Put the blocks of a word, the last one first, above @block, but for the first @but of them. */
static __always_inline struct kmemx_pcp_block *stack_word(struct kmemx_pcp_block *block,
							  struct page *page, u8 *info,
							  unsigned int order, unsigned int but)
{
	int step = 1 << (order & 7), bit;

	for (bit = KMEMX_WORD_BITS - step; bit >= (int)but * step; bit -= step) {
		WRITE_ONCE(info[bit], KMEMX_INFO_FRONT | order);
		block++;
		block->page = page + bit;
		kmemx_step();
		block->info = info + bit;
	}
	return block;
}

/*
 * As refill(), of an order of which a word has less than are wanted: all of two words of chunk
 * @c. Returns NULL if another CPU was faster.
 */
static noinline struct page *refill_two(struct kmemx_pages *pages, struct kmemx_pcp_list *list,
					unsigned int c, unsigned int order)
{
	unsigned int words = kmemx_zone_take_two(&pages->zone, c, order), one, other;
	struct kmemx_pcp_block *block = list->top;
	u32 frame = c * KMEMX_CHUNK_FRAMES;
	struct page *page;
	u8 *info;

	if (unlikely(!words))
		return NULL;
	one = (unsigned int)__ffs64(words) * KMEMX_WORD_BITS;
	other = (unsigned int)__ffs64(words & (words - 1)) * KMEMX_WORD_BITS;
	page = kmemx_pages_page(pages, frame);
	info = pages->zone.info + frame;
	/* The lowest is the caller's, the next one is to be on top. */
	block = stack_word(block, page + other, info + other, order, 0);
	block = stack_word(block, page + one, info + one, order, 1);
	/* Who counts from another CPU sees none of them, or all. */
	WRITE_ONCE(list->top, block);
	kmemx_step();
	WRITE_ONCE(info[one], kmemx_info(KMEMX_KIND_PAGES, order));
	return page + one;
}

/*
 * Take blocks out of the zone, what one word has: one for the caller, whose info byte is
 * written, and the others for an empty stack. Returns the page of that one; -ENOSPC, or NULL if
 * another CPU was faster.
 */
static __always_inline struct page *refill(struct kmemx_pages *pages,
					   struct kmemx_pcp *pcp, unsigned int order)
{
	struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, order);
	unsigned int nr = batch(pages, pcp, order);
	long c = kmemx_bins_first(&pages->zone.bins, order);
	struct kmemx_pcp_block *block;
	struct kmemx_taken taken;
	unsigned long left, bit;
	struct page *page;
	u8 *info;

	kmemx_step();
	/* To break two words takes plenty of whole chunks. */
	if (nr >= 2 * KMEMX_WORD_BITS >> (order & 7) && kmemx_zone_has_plenty(&pages->zone) &&
	    kmemx_zone_has_two(&pages->zone, c, order)) {
		page = refill_two(pages, list, (unsigned int)c, order);
		if (likely(page))
			return page;
	}
	taken = kmemx_zone_take_of(&pages->zone, c, order, nr);
	if (unlikely(taken.base < 0))
		return taken.base == -EAGAIN ? NULL : ERR_PTR(taken.base);
	page = kmemx_pages_page(pages, (u32)taken.base);
	info = pages->zone.info + taken.base;
	/* The lowest is the caller's, the next one is to be on top. */
	block = list->top + taken.nr - 1;
	/* Who counts from another CPU sees none of them, or all. */
	WRITE_ONCE(list->top, block);
	kmemx_step();
	for (left = taken.heads & (taken.heads - 1); left; left &= left - 1) {
		bit = __ffs(left);
		WRITE_ONCE(info[bit], KMEMX_INFO_FRONT | order);
		block->page = page + bit;
		kmemx_step();
		block->info = info + bit;
		block--;
	}
	kmemx_step();
	bit = __ffs((unsigned long)taken.heads);
	WRITE_ONCE(info[bit], kmemx_info(KMEMX_KIND_PAGES, order));
	return page + bit;
}

/*
 * The next block of a stack that is not empty: who wants zeroes has not looked there, nor has who
 * found what is not what it seems to be. NULL if there is none that is.
 */
static noinline struct page *take_next(struct kmemx_pages *pages, struct kmemx_pcp_list *list,
				       unsigned int order)
{
	for (; list->top != list->bottom; list->top--) {
		if (is_front(list->top, order)) {
			WRITE_ONCE(*list->top->info, kmemx_info(KMEMX_KIND_PAGES, order));
			kmemx_step();
			return list->top--->page;
		}
		drop_twice(pages, list->top->info, order);
	}
	return NULL;
}

/* A block of an order that has a front, which may have been busy: then NULL; or -ENOSPC. */
static __always_inline struct page *take_small(struct kmemx_pages *pages, unsigned int order)
{
	struct kmemx_pcp *pcp = this_cpu_ptr(pages->pcp);
	struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, order);
	struct page *page = NULL;

	if (unlikely(!list->cap || !kmemx_busy_enter(&pcp->busy)))
		return NULL;
	if (list->top != list->bottom ||
	    (pcp->parcels && kmemx_parcel_receive(pages, pcp, order)))
		page = take_next(pages, list, order);
	if (likely(!page))
		page = refill(pages, pcp, order);
	kmemx_busy_leave(&pcp->busy);
	return page;
}

/**
 * kmemx_pages_take() - allocate a block, filling the front if it is empty
 * @pages: the region's frames
 * @order: 0..KMEMX_CHUNK_ORDER
 *
 * For kmemx_alloc_pages(). Large blocks have no front; one that is busy is gone past.
 *
 * Context: any.
 * Return: the first page, or -ENOSPC or -EAGAIN as of kmemx_pages_alloc_bound().
 */
struct page *kmemx_pages_take(struct kmemx_pages *pages, unsigned int order)
{
	struct page *page = NULL;

	preempt_disable();
	if (order < KMEMX_PCP_ORDERS)
		page = take_small(pages, order);
	kmemx_step();
	if (!page) {
		long past = kmemx_zone_alloc_order(&pages->zone, order, KMEMX_KIND_PAGES);

		page = past >= 0 ? kmemx_pages_page(pages, (u32)past) : ERR_PTR(past);
	}
	preempt_enable();
	return page;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_take);

/* ---- Freeing to a stack that has no room at once ------------------------ */

/* Into this CPU's front, if @has_room says so when it has been entered. */
static __always_inline bool put_if(struct kmemx_pages *pages, struct page *page, u8 *info,
				   unsigned int order, enum kmemx_kind kind,
				   bool (*has_room)(struct kmemx_pages *pages,
						    struct kmemx_pcp *pcp, unsigned int order))
{
	struct kmemx_pcp *pcp;
	bool freed = false;

	preempt_disable();
	pcp = this_cpu_ptr(pages->pcp);
	kmemx_step();
	if (kmemx_busy_enter(&pcp->busy)) {
		/* That takes longest, so it is first. */
		if (has_room(pages, pcp, order) && READ_ONCE(*info) == kmemx_info(kind, order)) {
			kmemx_step();
			WRITE_ONCE(*info, KMEMX_INFO_FRONT | order);
			kmemx_step();
			kmemx_pcp_add(kmemx_pcp_list(pcp, order), page, info);
			freed = true;
		}
		kmemx_busy_leave(&pcp->busy);
	}
	preempt_enable();
	return freed;
}

static bool grows(struct kmemx_pages *pages, struct kmemx_pcp *pcp, unsigned int order)
{
	if (!(pcp->spare >> (order & 7)) && kmemx_parcel_could_help(pcp, order))
		kmemx_parcel_end_idle(pages, pcp, order);
	return kmemx_pcp_grow(pcp, order);
}

/**
 * kmemx_pages_put_more() - free a block to the front after all, whose stack is full
 * @pages: the region's frames
 * @page: the block's first page
 * @info: its info byte, where @page is
 * @order: 0..KMEMX_PCP_ORDERS - 1
 * @kind: what it was allocated for
 *
 * Another stack may not be, as the caller has seen. When each of them has been asked in vain,
 * none is again until a stack is filled.
 *
 * Context: any.
 * Return: false if the block was not freed.
 */
bool kmemx_pages_put_more(struct kmemx_pages *pages, struct page *page, u8 *info,
			  unsigned int order, enum kmemx_kind kind)
{
	return put_if(pages, page, info, order, kind, grows);
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_put_more);

static bool is_sent(struct kmemx_pages *pages, struct kmemx_pcp *pcp, unsigned int order)
{
	struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, order);

	if (!kmemx_zone_has_plenty(&pages->zone))
		return false;
	/* It may be that of another CPU now. A small stack is to have what makes a parcel. */
	if (list->top >= list->limit &&
	    (kmemx_pcp_nr(list) >= KMEMX_PARCEL_BLOCKS || !kmemx_pcp_could_grow(pcp, order) ||
	     !kmemx_pcp_grow(pcp, order)))
		kmemx_parcel_send(pages, pcp, order);
	return list->top < list->limit;
}

/**
 * kmemx_pages_put_sent() - free a block to the front after all, whose stack is full
 * @pages: the region's frames
 * @page: the block's first page
 * @info: its info byte, where @page is
 * @order: 0..KMEMX_PCP_ORDERS - 1
 * @kind: what it was allocated for
 *
 * Another CPU may want what is on top of it.
 *
 * Context: any.
 * Return: false if the block was not freed.
 */
bool kmemx_pages_put_sent(struct kmemx_pages *pages, struct page *page, u8 *info,
			  unsigned int order, enum kmemx_kind kind)
{
	return put_if(pages, page, info, order, kind, is_sent);
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_put_sent);

/* ---- Emptying ----------------------------------------------------------- */

/* Give a block of a front, the caller's, back to the zone, with others of its word. */
static void let_go(struct kmemx_pages *pages, struct kmemx_pcp *pcp, u32 frame,
		   unsigned int order)
{
	struct kmemx_pcp_group group = kmemx_pcp_let_wait(pcp, frame, order);

	kmemx_step();
	if (group.heads)
		kmemx_pages_give_group(pages, group);
}

/*
 * Give up to @nr blocks that a front, the caller's, has back to the zone: those in its stacks, the
 * largest first, what others have left for it, and what waits there. Returns how many are left of
 * @nr: not 0 means that the front is empty.
 */
static unsigned int flush(struct kmemx_pages *pages, struct kmemx_pcp *pcp, unsigned int nr)
{
	unsigned int k;
	u32 frame;

	for (k = KMEMX_PCP_ORDERS; k--; ) {
		struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, k);

		for (; nr && list->top != list->bottom; nr--) {
			WRITE_ONCE(list->top, list->top - 1);
			kmemx_step();
			let_go(pages, pcp, kmemx_pages_number(pages, list->top[1].info), k);
		}
	}
	for (; nr && kmemx_parcel_take_last(pcp, &frame, &k); nr--)
		let_go(pages, pcp, frame, k);
	if (pcp->group.heads)
		kmemx_pages_give_group(pages, pcp->group);
	kmemx_step();
	pcp->group.heads = 0;
	kmemx_step();
	WRITE_ONCE(pcp->group.nr, 0);
	return nr;
}

/**
 * struct drain - the fronts of all CPUs are being emptied
 * @pages: whose
 * @cpu: the CPU that is asked
 * @left: of as many blocks as it had when it was asked first; more it need not give back, even
 *	  if what its CPU has freed meanwhile has gone in place of some of these
 */
struct drain {
	struct kmemx_pages *pages;
	unsigned int cpu;
	unsigned int left;
};

/* On the CPU of the front: some of it, as interrupts are off. */
static enum kmemx_emptied empty_front(void *ctx)
{
	struct drain *drain = ctx;
	struct kmemx_pcp *pcp = this_cpu_ptr(drain->pages->pcp);
	unsigned int nr, left;
	bool is_busy;

	if (!kmemx_busy_enter(&pcp->busy))
		return KMEMX_EMPTY_BUSY;
	is_busy = kmemx_parcel_want_none(pcp);
	if (drain->cpu != smp_processor_id()) {
		drain->cpu = smp_processor_id();
		drain->left = kmemx_pcp_blocks(pcp) + kmemx_parcel_blocks(pcp);
	}
	nr = min(drain->left, FLUSH_BLOCKS);
	left = flush(drain->pages, pcp, nr);
	drain->left -= nr - left;
	/* No stack uses what it may hold now. */
	WRITE_ONCE(pcp->nr_refused, 0);
	kmemx_busy_leave(&pcp->busy);
	if (is_busy) {
		/* What is in that by then goes too. */
		drain->cpu = nr_cpu_ids;
		return KMEMX_EMPTY_BUSY;
	}
	return left || !drain->left ? KMEMX_EMPTY : KMEMX_EMPTY_MORE;
}

/**
 * kmemx_pages_drain() - empty the fronts of all CPUs
 * @pages: the region's frames
 *
 * Blocks freed meanwhile may be in a front again on return.
 *
 * Context: may sleep.
 */
void kmemx_pages_drain(struct kmemx_pages *pages)
{
	struct drain drain = { .pages = pages, .cpu = nr_cpu_ids };

	/* One that has nothing may be waiting for what others send. */
	kmemx_empty_all_cpus(empty_front, NULL, &drain);
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_drain);

/* Another CPU that is at work would take again what it gives back, before who wants it looks. */
static enum kmemx_emptied drain_front(void *ctx)
{
	struct drain *drain = ctx;

	if (num_online_cpus() > 1)
		WRITE_ONCE(drain->pages->drained_at, jiffies);
	return empty_front(ctx);
}

/**
 * kmemx_pages_drain_for() - as kmemx_pages_drain(), for somebody who is short of pages
 * @pages: the region's frames
 *
 * For a tick or two no front is filled with more than is wanted, if few chunks are whole.
 *
 * Context: may sleep.
 */
void kmemx_pages_drain_for(struct kmemx_pages *pages)
{
	struct drain drain = { .pages = pages, .cpu = nr_cpu_ids };

	kmemx_empty_all_cpus(drain_front, NULL, &drain);
}

/**
 * kmemx_pages_drain_dead() - empty the front of a CPU that has gone offline
 * @pages: the region's frames
 * @cpu: the CPU; it runs nothing any more
 *
 * Context: CPU hotplug's prepare stage.
 */
void kmemx_pages_drain_dead(struct kmemx_pages *pages, unsigned int cpu)
{
	unsigned int left;

	while (kmemx_parcel_want_none(per_cpu_ptr(pages->pcp, cpu)))
		cpu_relax();
	do {
		preempt_disable();
		left = flush(pages, per_cpu_ptr(pages->pcp, cpu), FLUSH_BLOCKS);
		preempt_enable();
	} while (!left);
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_drain_dead);
