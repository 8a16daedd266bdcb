// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses and struct pages of a region; see pages.h.
 */
#include <linux/cpumask.h>
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "buddy/pages.h"
#include "buddy/zone_run.h"
#include "observe/report.h"
#include "observe/stat.h"

#define CHUNK_BYTES	(PAGE_SIZE << KMEMX_CHUNK_ORDER)
/* How many blocks a CPU gives back from its front in a row. */
#define FLUSH_BLOCKS	64U
/* Chunks, and frames to give back, that a caller who may not wait looks for. */
#define SWEEP_CHUNKS	2
#define SWEEP_FRAMES	8U

static unsigned long chunk_address(unsigned long pfn)
{
	return round_down((unsigned long)kmemx_pfn_address(pfn), CHUNK_BYTES);
}

static unsigned long last_chunk_address(const struct kmemx_extent *ext)
{
	return chunk_address(ext->pfn + ext->nr_frames - 1);
}

/* The linear addresses that the extents span, in whole chunks. */
static void set_span(struct kmemx_pages *pages, unsigned int nr_extents)
{
	unsigned long lo = ULONG_MAX, hi = 0;
	unsigned int i;

	for (i = 0; i < nr_extents; i++) {
		lo = min(lo, chunk_address(pages->extent[i].pfn));
		hi = max(hi, last_chunk_address(&pages->extent[i]) + CHUNK_BYTES);
		pages->nr_frames += pages->extent[i].nr_frames;
	}
	pages->start = lo;
	pages->start_pfn = PHYS_PFN(__pa(lo));
	pages->start_page = pfn_to_page(pages->start_pfn);
	pages->span = (hi - lo) >> PAGE_SHIFT;
}

static unsigned long nr_span_chunks(const struct kmemx_pages *pages)
{
	return pages->span / KMEMX_CHUNK_FRAMES;
}

static int make_table(struct kmemx_pages *pages)
{
	unsigned long i;

	pages->nobody = kmalloc(KMEMX_CHUNK_FRAMES, GFP_KERNEL);
	pages->chunk_info = kvcalloc(nr_span_chunks(pages), sizeof(*pages->chunk_info),
				     GFP_KERNEL);
	if (!pages->nobody || !pages->chunk_info)
		return -ENOMEM;
	memset(pages->nobody, KMEMX_INFO_ABSENT, KMEMX_CHUNK_FRAMES);
	for (i = 0; i < nr_span_chunks(pages); i++)
		pages->chunk_info[i] = pages->nobody;
	return 0;
}

/* Let the table say that the chunks of @ext are its own. */
static int map_chunks(struct kmemx_pages *pages, const struct kmemx_extent *ext)
{
	unsigned long i = (chunk_address(ext->pfn) - pages->start) / CHUNK_BYTES;
	unsigned long last = (last_chunk_address(ext) - pages->start) / CHUNK_BYTES;
	u8 *info = pages->zone.info + (size_t)ext->chunk * KMEMX_CHUNK_FRAMES;

	for (; i <= last; i++, info += KMEMX_CHUNK_FRAMES) {
		/* A chunk has one state word, so it belongs to one extent. */
		if (pages->chunk_info[i] != pages->nobody)
			return -EINVAL;
		pages->chunk_info[i] = info;
	}
	return 0;
}

/* Blocks that the stacks of a front have room for, their bottoms included. */
static unsigned int front_blocks(const struct kmemx_pages *pages)
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

	pcp->blocks = kvmalloc_node(front_blocks(pages) * sizeof(*next), GFP_KERNEL,
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
	return 0;
}

/* Nobody knows the zone yet. */
static int make_held(struct kmemx_pages *pages)
{
	unsigned int nr_chunks = pages->zone.nr_chunks;

	pages->held_mem = kvzalloc(kmemx_summary_bytes(nr_chunks), GFP_KERNEL);
	if (!pages->held_mem)
		return -ENOMEM;
	kmemx_summary_init(&pages->held, pages->held_mem, nr_chunks);
	return 0;
}

static int make_fronts(struct kmemx_pages *pages)
{
	int cpu, ret = 0;

	pages->pcp = alloc_percpu(struct kmemx_pcp);
	if (!pages->pcp)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		ret = make_front(pages, cpu);
		if (ret)
			break;
	}
	return ret;
}

static void free_fronts(struct kmemx_pages *pages)
{
	int cpu;

	if (!pages->pcp)
		return;
	for_each_possible_cpu(cpu)
		kvfree(per_cpu_ptr(pages->pcp, cpu)->blocks);
	free_percpu(pages->pcp);
}

/**
 * kmemx_pages_no_fronts() - let every allocation and free take the long way
 * @pages: the region's frames; nobody uses them yet
 */
void kmemx_pages_no_fronts(struct kmemx_pages *pages)
{
	unsigned int cpu, k;

	for_each_possible_cpu(cpu) {
		struct kmemx_pcp *pcp = per_cpu_ptr(pages->pcp, cpu);

		pcp->wait_max = 0;
		for (k = 0; k < KMEMX_PCP_ORDERS; k++)
			kmemx_pcp_close(&pcp->list[k]);
	}
}

/*
 * What is handed out with init_on_free is not zeroed once more, as in the kernel's own page
 * allocator, so it has to be zero from the start.
 */
static void zero_frames(const struct kmemx_pages *pages)
{
	unsigned int i;

	for (i = 0; i < pages->zone.nr_extents; i++) {
		const struct kmemx_extent *ext = &pages->extent[i];
		unsigned long k;

		for (k = 0; k < ext->nr_frames; k++) {
			memset(kmemx_pfn_address(ext->pfn + k), 0, PAGE_SIZE);
			cond_resched();
		}
	}
}

/**
 * kmemx_pages_init() - manage the frames of some extents, all of them free
 * @pages: to fill in
 * @nr_extents: number of extents, at least 1
 * @extent: the extents; no two of them share a chunk. Every page has one reference.
 *
 * With init_on_free, all of them are zeroed; see kmemx_pages_free_is_zero().
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM, or -EINVAL if two extents share a chunk or they are more than
 * 2^31 frames.
 */
int kmemx_pages_init(struct kmemx_pages *pages, unsigned int nr_extents,
		     const struct kmemx_extent *extent)
{
	unsigned int i;
	int ret = -ENOMEM;

	memset(pages, 0, sizeof(*pages));
	pages->extent = kvcalloc(nr_extents, sizeof(*extent), GFP_KERNEL);
	if (!pages->extent)
		return ret;
	memcpy(pages->extent, extent, nr_extents * sizeof(*extent));
	set_span(pages, nr_extents);
	ret = make_table(pages);
	if (!ret)
		ret = kmemx_zone_init(&pages->zone, nr_extents, pages->extent);
	for (i = 0; !ret && i < nr_extents; i++)
		ret = map_chunks(pages, &pages->extent[i]);
	if (!ret)
		ret = make_held(pages);
	if (!ret)
		ret = make_fronts(pages);
	if (ret)
		kmemx_pages_fini(pages);
	else if (kmemx_pages_free_is_zero())
		zero_frames(pages);
	return ret;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_init);

/**
 * kmemx_pages_fini() - forget the frames
 * @pages: nobody uses it any more; may be half built
 *
 * Context: may sleep.
 */
void kmemx_pages_fini(struct kmemx_pages *pages)
{
	free_fronts(pages);
	kmemx_zone_fini(&pages->zone);
	kvfree(pages->held_mem);
	kvfree(pages->chunk_info);
	kfree(pages->nobody);
	kvfree(pages->extent);
	memset(pages, 0, sizeof(*pages));
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_fini);

static __always_inline int sum_64(const struct page *page)
{
	return kmemx_pages_sum_16(page) + kmemx_pages_sum_16(page + 16) +
		kmemx_pages_sum_16(page + 32) + kmemx_pages_sum_16(page + 48);
}

/**
 * kmemx_pages_sum_many() - the references to pages in a row
 * @page: the first
 * @nr: how many: 32, 64, or a multiple of 128
 *
 * An instruction a page, and hardly more.
 *
 * Return: their sum.
 */
int kmemx_pages_sum_many(const struct page *page, unsigned int nr)
{
	const struct page *end = page + nr;
	int sum = 0;

	if (nr == 32)
		return kmemx_pages_sum_16(page) + kmemx_pages_sum_16(page + 16);
	if (nr == 64)
		return sum_64(page);
	for (; page < end; page += 128)
		sum += sum_64(page) + sum_64(page + 64);
	return sum;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_sum_many);

/* ---- Fronts ------------------------------------------------------------ */

/*
 * Preemption is off while a chunk is changed and the bins are told, so that nobody is
 * held up by a task that does not run.
 */
static void give_frames(struct kmemx_pages *pages, u32 frame, unsigned int order)
{
	if (want_init_on_free())
		memset(kmemx_pages_address(pages, frame), 0, PAGE_SIZE << order);
	preempt_disable();
	kmemx_zone_give(&pages->zone, frame, order);
	preempt_enable();
}

/*
 * A racing double free left a block in two fronts, or in one and in use: its info byte
 * is not that of a block in a front any more, when who is behind comes to it.
 */
static void drop_twice(struct kmemx_pages *pages, const u8 *info, unsigned int order)
{
	u32 frame = kmemx_pages_number(pages, info);

	/* Two frees have been counted, of which one was none. */
	kmemx_stat_add(KMEMX_STAT_PAGE_FREE, -1);
	kmemx_stat_add(KMEMX_STAT_USED_BYTES, (s64)(PAGE_SIZE << order));
	kmemx_stat_bad_free(KMEMX_FREE_DOUBLE);
	kmemx_report_bad_free(KMEMX_FREE_DOUBLE, kmemx_pages_address(pages, frame), NULL,
			      _RET_IP_);
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
	if (group.nr == 1)
		give_alone(pages, kmemx_group_base(group.where) + (u32)__ffs64(group.heads),
			   kmemx_group_order(group.where));
	else
		give_some(pages, group);
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_give_group);

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
		list->top--;
		list->limit--;
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
		if (make_room(pages, pcp, order))
			return 1;
	}
	if (list->limit - list->bottom < nr - 1)
		kmemx_pcp_grow(pcp, order);
	return min(nr, (unsigned int)(list->limit - list->bottom) + 1);
}

/* How many blocks an empty stack is to be filled with, one for the caller included. */
static __always_inline unsigned int batch(struct kmemx_pages *pages, struct kmemx_pcp *pcp,
					  unsigned int order)
{
	struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, order);
	unsigned int nr = kmemx_zone_has_plenty(&pages->zone) ? list->batch : list->few;

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
		block->info = info + bit;
	}
	return block;
}

/*
 * As refill(), of an order of which a word has less than are wanted: all of two words of chunk
 * @c. Returns NULL if another CPU was faster.
 */
static noinline struct page *refill_two(struct kmemx_pages *pages, struct kmemx_pcp_list *list,
					unsigned int c, unsigned int order,
					enum kmemx_kind kind)
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
	WRITE_ONCE(info[one], kmemx_info(kind, order));
	return page + one;
}

/*
 * Take blocks out of the zone, what one word has: one for the caller, whose info byte is
 * written, and the others for an empty stack. Returns the page of that one, or NULL.
 */
static __always_inline struct page *refill(struct kmemx_pages *pages,
					   struct kmemx_pcp *pcp, unsigned int order,
					   enum kmemx_kind kind)
{
	struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, order);
	unsigned int nr = batch(pages, pcp, order);
	long c = kmemx_bins_first(&pages->zone.bins, order);
	struct kmemx_pcp_block *block;
	struct kmemx_taken taken;
	unsigned long left, bit;
	struct page *page;
	u8 *info;

	/* To break two words takes plenty of whole chunks. */
	if (nr >= 2 * KMEMX_WORD_BITS >> (order & 7) && kmemx_zone_has_plenty(&pages->zone) &&
	    kmemx_zone_has_two(&pages->zone, c, order)) {
		page = refill_two(pages, list, (unsigned int)c, order, kind);
		if (likely(page))
			return page;
	}
	taken = kmemx_zone_take_of(&pages->zone, c, order, nr);
	if (unlikely(taken.base < 0))
		return NULL;
	page = kmemx_pages_page(pages, (u32)taken.base);
	info = pages->zone.info + taken.base;
	/* The lowest is the caller's, the next one is to be on top. */
	block = list->top + taken.nr - 1;
	/* Who counts from another CPU sees none of them, or all. */
	WRITE_ONCE(list->top, block);
	for (left = taken.heads & (taken.heads - 1); left; left &= left - 1) {
		bit = __ffs(left);
		WRITE_ONCE(info[bit], KMEMX_INFO_FRONT | order);
		block->page = page + bit;
		block->info = info + bit;
		block--;
	}
	bit = __ffs((unsigned long)taken.heads);
	WRITE_ONCE(info[bit], kmemx_info(kind, order));
	return page + bit;
}

/* The next block of a stack that is not what it seems to be; NULL if there is none. */
static noinline struct page *take_next(struct kmemx_pages *pages, struct kmemx_pcp_list *list,
				       unsigned int order, enum kmemx_kind kind)
{
	for (; list->top != list->bottom; list->top--) {
		if (is_front(list->top, order)) {
			WRITE_ONCE(*list->top->info, kmemx_info(kind, order));
			return list->top--->page;
		}
		drop_twice(pages, list->top->info, order);
	}
	return NULL;
}

/* A block of an order that has a front, which may have been busy. */
static __always_inline struct page *take_small(struct kmemx_pages *pages, unsigned int order,
					       enum kmemx_kind kind)
{
	struct kmemx_pcp *pcp = this_cpu_ptr(pages->pcp);
	struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, order);
	struct page *page = NULL;

	if (unlikely(!list->cap || !kmemx_busy_enter(&pcp->busy)))
		return NULL;
	if (unlikely(list->top != list->bottom))
		page = take_next(pages, list, order, kind);
	if (likely(!page))
		page = refill(pages, pcp, order, kind);
	kmemx_busy_leave(&pcp->busy);
	return page;
}

/**
 * kmemx_pages_take() - allocate a block, filling the front if it is empty
 * @pages: the region's frames
 * @order: 0..KMEMX_CHUNK_ORDER
 * @kind: what for
 *
 * Large blocks have no front; one that is busy is gone past.
 *
 * Context: any.
 * Return: the first page, or NULL.
 */
struct page *kmemx_pages_take(struct kmemx_pages *pages, unsigned int order,
			      enum kmemx_kind kind)
{
	struct page *page = NULL;

	preempt_disable();
	if (order < KMEMX_PCP_ORDERS)
		page = take_small(pages, order, kind);
	if (!page) {
		long past = kmemx_zone_alloc_order(&pages->zone, order, kind);

		if (past >= 0)
			page = kmemx_pages_page(pages, (u32)past);
	}
	preempt_enable();
	return page;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_take);

/**
 * kmemx_pages_take_chunk() - allocate a whole chunk, for which there is no front
 * @pages: the region's frames
 * @kind: what for
 *
 * As kmemx_pages_take() of that order, which is next if it does not succeed.
 *
 * Context: any.
 * Return: the first page, or NULL.
 */
struct page *kmemx_pages_take_chunk(struct kmemx_pages *pages, enum kmemx_kind kind)
{
	struct page *page = NULL;
	long frame;

	preempt_disable();
	frame = kmemx_zone_take_chunk(&pages->zone);
	if (likely(frame >= 0)) {
		WRITE_ONCE(pages->zone.info[frame], kmemx_info(kind, KMEMX_CHUNK_ORDER));
		page = kmemx_pages_page(pages, (u32)frame);
	}
	preempt_enable();
	return page;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_take_chunk);

/**
 * kmemx_pages_put_few() - free a block to the front after all, as few chunks are whole
 * @pages: the region's frames
 * @page: the block's first page
 * @info: its info byte, where @page is
 * @order: 0..KMEMX_PCP_ORDERS - 1
 * @kind: what it was allocated for
 *
 * It still keeps a few blocks, of chunks that have many, as the caller has seen.
 *
 * Context: any.
 * Return: false if the block was not freed.
 */
bool kmemx_pages_put_few(struct kmemx_pages *pages, struct page *page, u8 *info,
			 unsigned int order, enum kmemx_kind kind)
{
	struct kmemx_pcp_list *list;
	struct kmemx_pcp *pcp;
	bool freed = false;

	preempt_disable();
	pcp = this_cpu_ptr(pages->pcp);
	list = kmemx_pcp_list(pcp, order);
	if (kmemx_busy_enter(&pcp->busy)) {
		if (READ_ONCE(*info) == kmemx_info(kind, order) && kmemx_pcp_keeps_few(list)) {
			WRITE_ONCE(*info, KMEMX_INFO_FRONT | order);
			kmemx_pcp_add(list, page, info);
			freed = true;
		}
		kmemx_busy_leave(&pcp->busy);
	}
	preempt_enable();
	return freed;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_put_few);

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
	struct kmemx_pcp *pcp;
	bool freed = false;

	preempt_disable();
	pcp = this_cpu_ptr(pages->pcp);
	if (kmemx_busy_enter(&pcp->busy)) {
		if (READ_ONCE(*info) == kmemx_info(kind, order) && kmemx_pcp_grow(pcp, order)) {
			WRITE_ONCE(*info, KMEMX_INFO_FRONT | order);
			kmemx_pcp_add(kmemx_pcp_list(pcp, order), page, info);
			freed = true;
		}
		kmemx_busy_leave(&pcp->busy);
	}
	preempt_enable();
	return freed;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_put_more);

/**
 * kmemx_pages_put_chunk() - free a whole chunk, for which there is no front
 * @pages: the region's frames
 * @page: its first page
 * @info: its info byte, where @page is
 * @kind: what it was allocated for
 *
 * As kmemx_pages_put() of that order, which is next if it does not succeed.
 *
 * Context: any.
 * Return: false if the chunk was not freed.
 */
bool kmemx_pages_put_chunk(struct kmemx_pages *pages, struct page *page, u8 *info,
			   enum kmemx_kind kind)
{
	bool freed;

	if (READ_ONCE(*info) != kmemx_info(kind, KMEMX_CHUNK_ORDER) || want_init_on_free() ||
	    kmemx_pages_any_held(page, KMEMX_CHUNK_ORDER))
		return false;
	preempt_disable();
	/* As kmemx_zone_free_block(), inline. */
	WRITE_ONCE(*info, 0);
	freed = kmemx_zone_give_chunk(&pages->zone,
				      kmemx_pages_number(pages, info) / KMEMX_CHUNK_FRAMES,
				      KMEMX_STATE_ALL_FREE);
	preempt_enable();
	return freed;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_put_chunk);

/**
 * kmemx_pages_put_zeroed() - free a block that is to be zeroed
 * @pages: the region's frames
 * @frame: its first frame
 * @order: 0..KMEMX_CHUNK_ORDER
 * @kind: what it was allocated for
 *
 * What is zeroed before it is free has to be claimed before that.
 *
 * Context: any.
 * Return: false if the block was not freed.
 */
bool kmemx_pages_put_zeroed(struct kmemx_pages *pages, u32 frame, unsigned int order,
			    enum kmemx_kind kind)
{
	u8 info;

	if (kmemx_zone_claim(&pages->zone, frame, kind, 1UL << order, &info))
		return false;
	give_frames(pages, frame, order);
	return true;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_put_zeroed);

/*
 * Give up to @nr blocks that the stacks of a front, the caller's, hold back to the zone, and
 * what waits there. Returns how many are left of @nr: not 0 means that the front is empty.
 */
static unsigned int flush(struct kmemx_pages *pages, struct kmemx_pcp *pcp, unsigned int nr)
{
	struct kmemx_pcp_group group;
	unsigned int k;

	for (k = 0; k < KMEMX_PCP_ORDERS; k++) {
		struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, k);

		for (; nr && list->top != list->bottom; nr--) {
			group = kmemx_pcp_let_wait(pcp, kmemx_pages_number(pages, list->top->info),
						   k);
			WRITE_ONCE(list->top, list->top - 1);
			if (group.heads)
				kmemx_pages_give_group(pages, group);
		}
	}
	if (pcp->group.heads)
		kmemx_pages_give_group(pages, pcp->group);
	pcp->group.heads = 0;
	WRITE_ONCE(pcp->group.nr, 0);
	return nr;
}

/**
 * struct drain - the fronts of all CPUs are being emptied
 * @pages: whose
 * @cpu: the CPU that is asked
 * @left: of the blocks that it had when it was asked first; more it need not give back
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

	if (!kmemx_busy_enter(&pcp->busy))
		return KMEMX_EMPTY_BUSY;
	if (drain->cpu != smp_processor_id()) {
		drain->cpu = smp_processor_id();
		drain->left = kmemx_pcp_blocks(pcp);
	}
	nr = min(drain->left, FLUSH_BLOCKS);
	left = flush(drain->pages, pcp, nr);
	drain->left -= nr - left;
	kmemx_busy_leave(&pcp->busy);
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

	kmemx_empty_all_cpus(empty_front, &drain);
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_drain);

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

	do {
		preempt_disable();
		left = flush(pages, per_cpu_ptr(pages->pcp, cpu), FLUSH_BLOCKS);
		preempt_enable();
	} while (!left);
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_drain_dead);

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
		nr += kmemx_pcp_frames(per_cpu_ptr(pages->pcp, cpu));
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_nr_front);

/* ---- Any number of frames ---------------------------------------------- */

/**
 * kmemx_pages_alloc_bound() - allocate frames in a row
 * @pages: the region's frames
 * @nr: number of frames, at least 1
 * @align: power of two; the physical frame number of the first is a multiple
 * @boundary: as for kmemx_zone_alloc_bound()
 * @kind: what for; not a slab
 * @frame: set to the first
 *
 * The memory is as its last user left it.
 *
 * Context: any.
 * Return: 0; -ENOSPC if there is no such run; -EAGAIN if there was one but
 * other CPUs got there first.
 */
int kmemx_pages_alloc_bound(struct kmemx_pages *pages, unsigned long nr, unsigned long align,
			    unsigned long boundary, enum kmemx_kind kind, u32 *frame)
{
	long ret;

	preempt_disable();
	ret = kmemx_zone_alloc_bound(&pages->zone, nr, align, boundary, kind);
	preempt_enable();
	if (ret < 0)
		return (int)ret;
	*frame = (u32)ret;
	return 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_alloc_bound);

/**
 * kmemx_pages_alloc_zeroed() - allocate frames in a row that are known to be zero
 * @pages: the region's frames
 * @nr: number of frames
 * @kind: what for; not a slab
 * @frame: set to the first
 *
 * Context: any.
 * Return: 0, or -ENOSPC as of kmemx_zone_alloc_zeroed().
 */
int kmemx_pages_alloc_zeroed(struct kmemx_pages *pages, unsigned long nr, enum kmemx_kind kind,
			     u32 *frame)
{
	long ret;

	preempt_disable();
	ret = kmemx_zone_alloc_zeroed(&pages->zone, nr, kind);
	preempt_enable();
	if (ret < 0)
		return (int)ret;
	*frame = (u32)ret;
	return 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_alloc_zeroed);

/**
 * kmemx_pages_zero_chunk() - zero a free chunk, ahead of need
 * @pages: the region's frames
 *
 * It is allocated meanwhile, so that free memory is not written to.
 *
 * Context: may sleep.
 * Return: false if there is none that is not known to be zero.
 */
bool kmemx_pages_zero_chunk(struct kmemx_pages *pages)
{
	unsigned int i;
	long frame;

	preempt_disable();
	frame = kmemx_zone_take_unzeroed(&pages->zone);
	preempt_enable();
	if (frame < 0)
		return false;
	for (i = 0; i < KMEMX_CHUNK_FRAMES; i++) {
		clear_page(kmemx_pages_address(pages, (u32)frame + i));
		cond_resched();
	}
	kmemx_stat_add(KMEMX_STAT_ZEROED_AHEAD, CHUNK_BYTES);
	preempt_disable();
	kmemx_zone_give_zeroed(&pages->zone, (u32)frame);
	preempt_enable();
	return true;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_zero_chunk);

/**
 * kmemx_pages_alloc_at() - allocate just these frames
 * @pages: the region's frames
 * @frame: the first
 * @nr: how many, at least 1
 * @kind: what for; not a slab
 *
 * Context: any.
 * Return: 0, or -ENOSPC as of kmemx_zone_alloc_at().
 */
int kmemx_pages_alloc_at(struct kmemx_pages *pages, u32 frame, unsigned long nr,
			 enum kmemx_kind kind)
{
	int ret;

	preempt_disable();
	ret = kmemx_zone_alloc_at(&pages->zone, frame, nr, kind);
	preempt_enable();
	return ret;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_alloc_at);

/* Does anybody but us hold this frame? */
static bool is_held(const struct kmemx_pages *pages, u32 frame)
{
	return page_ref_count(kmemx_pages_page(pages, frame)) != 1;
}

/* Give a quarantined frame back unless it is still held. */
static bool try_release(struct kmemx_pages *pages, u32 frame)
{
	u8 info;

	if (is_held(pages, frame))
		return false;
	if (kmemx_zone_claim(&pages->zone, frame, KMEMX_KIND_QUARANTINE, 1, &info))
		return false;
	give_frames(pages, frame, 0);
	atomic64_add(-1, &pages->nr_quarantined);
	return true;
}

/* Chunk @c has frames in quarantine. */
static void note_held(struct kmemx_pages *pages, unsigned int c)
{
	/*
	 * Between their info bytes and a look at the summary, which may have the chunk
	 * already. Pairs with that of kmemx_summary_clear() in sweep_chunk(): of two CPUs, one
	 * leaves the chunk in the summary or the other sees the frames.
	 */
	smp_mb();
	kmemx_summary_set(&pages->held, c);
}

/* Returns the frames that were set aside. */
static unsigned int give_block(struct kmemx_pages *pages, u32 frame,
			       unsigned int order)
{
	unsigned int nr = 1U << order;
	unsigned int i, nr_held = 0;

	if (likely(!kmemx_pages_any_held(kmemx_pages_page(pages, frame), order))) {
		give_frames(pages, frame, order);
		return 0;
	}
	kmemx_zone_quarantine(&pages->zone, frame, order);
	atomic64_add(nr, &pages->nr_quarantined);
	for (i = 0; i < nr; i++)
		nr_held += !try_release(pages, frame + i);
	if (nr_held)
		note_held(pages, frame / KMEMX_CHUNK_FRAMES);
	return nr_held;
}

/**
 * kmemx_pages_free() - free an allocation
 * @pages: the region's frames
 * @frame: its first frame
 * @kind: what it was allocated for
 * @nr: its frames, or 0 if the caller does not know
 * @freed: set to what it came to
 *
 * Frames that somebody else holds a reference to are set aside. With
 * init_on_free, frames are zeroed before they are free.
 *
 * Context: any.
 * Return: the verdict; nothing has changed unless it is KMEMX_FREE_OK.
 */
enum kmemx_verdict kmemx_pages_free(struct kmemx_pages *pages, u32 frame,
				    enum kmemx_kind kind, unsigned long nr,
				    struct kmemx_freed *freed)
{
	enum kmemx_verdict verdict;
	u8 info;

	verdict = kmemx_zone_claim(&pages->zone, frame, kind, nr, &info);
	if (verdict)
		return verdict;
	if (kind == KMEMX_KIND_SLAB)
		kmemx_zone_mark_tails(&pages->zone, frame, kmemx_info_order(info),
					false);
	else if (!in_nmi())
		kmemleak_free(kmemx_pages_address(pages, frame));
	*freed = (struct kmemx_freed){ 0 };
	for (;;) {
		u32 block = frame;
		unsigned int order = kmemx_info_order(info);
		bool more = info & KMEMX_INFO_MORE;

		if (more)
			frame = kmemx_zone_next(&pages->zone, frame, &info);
		freed->nr_held += give_block(pages, block, order);
		freed->nr_frames += 1UL << order;
		if (!more)
			return KMEMX_FREE_OK;
	}
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_free);

/* Give back the blocks that frames @frame to @end - 1 are. */
static void give_range(struct kmemx_pages *pages, u32 frame, u32 end, struct kmemx_freed *freed)
{
	while (frame < end) {
		unsigned int order = kmemx_zone_first_order(frame, end - frame);

		freed->nr_held += give_block(pages, frame, order);
		freed->nr_frames += 1UL << order;
		frame += 1U << order;
	}
}

/**
 * kmemx_pages_take_slab() - allocate the frames of a slab
 * @pages: the region's frames
 * @order: 0..KMEMX_WORD_ORDER
 *
 * As kmemx_pages_alloc_bound() with that many frames and that alignment, past the fronts:
 * what a slab takes it keeps for long, and no operation should be as long as filling a front
 * of pages and one of objects.
 *
 * Context: any.
 * Return: the first frame; each knows its slab. Or -ENOSPC, or -EAGAIN.
 */
long kmemx_pages_take_slab(struct kmemx_pages *pages, unsigned int order)
{
	struct kmemx_taken taken;
	long frame;

	preempt_disable();
	/* As kmemx_zone_alloc_order(), inline. */
	taken = kmemx_zone_take(&pages->zone, order, 1);
	frame = taken.base;
	if (likely(frame >= 0)) {
		frame += (long)__ffs64(taken.heads);
		WRITE_ONCE(pages->zone.info[frame], kmemx_info(KMEMX_KIND_SLAB, order));
	}
	preempt_enable();
	if (frame >= 0 && order)
		kmemx_zone_mark_tails(&pages->zone, (u32)frame, order, true);
	return frame;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_take_slab);

/**
 * kmemx_pages_put_slab() - free the frames of a slab
 * @pages: the region's frames
 * @frame: the first
 * @order: 0..KMEMX_WORD_ORDER
 *
 * For who ended the slab and so is alone with it. What has to be zeroed, or is held by
 * others, is left to kmemx_pages_free().
 *
 * Context: any.
 * Return: false if they were not freed.
 */
bool kmemx_pages_put_slab(struct kmemx_pages *pages, u32 frame, unsigned int order)
{
	u8 *info = &pages->zone.info[frame];
	bool freed;

	if (READ_ONCE(*info) != kmemx_info(KMEMX_KIND_SLAB, order) || want_init_on_free() ||
	    kmemx_pages_any_held(kmemx_pages_page(pages, frame), order))
		return false;
	if (order)
		kmemx_zone_mark_tails(&pages->zone, frame, order, false);
	preempt_disable();
	/* As kmemx_zone_free_block(), inline. */
	WRITE_ONCE(*info, 0);
	freed = kmemx_zone_give_small(&pages->zone, frame, order);
	preempt_enable();
	return freed;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_put_slab);

/**
 * kmemx_pages_trim() - give the end of an allocation back
 * @pages: the region's frames
 * @frame: its first frame
 * @kind: what it was allocated for; not a slab
 * @nr: frames to keep, at least 1; if it has no more, nothing happens
 * @freed: set to what was freed
 *
 * As for kmemx_pages_free() with the frames that go. If some do, and not in NMI, kmemleak
 * knows nothing of the allocation any more.
 *
 * Context: any.
 * Return: the verdict; nothing has changed unless it is KMEMX_FREE_OK.
 */
enum kmemx_verdict kmemx_pages_trim(struct kmemx_pages *pages, u32 frame,
				    enum kmemx_kind kind, unsigned long nr,
				    struct kmemx_freed *freed)
{
	unsigned long left = nr;
	enum kmemx_verdict verdict;
	u32 block = frame;
	u8 info;

	*freed = (struct kmemx_freed){ 0 };
	/* Nobody frees it meanwhile. */
	verdict = kmemx_zone_claim(&pages->zone, frame, kind, 0, &info);
	if (verdict)
		return verdict;
	for (;;) {
		unsigned int order = kmemx_info_order(info);
		unsigned long keep = min(left, 1UL << order);
		bool more = info & KMEMX_INFO_MORE;
		u32 end = block + (1U << order), next = end;

		if (more)
			next = kmemx_zone_next(&pages->zone, block, &info);
		if (keep && block + keep < end)
			kmemx_zone_split(&pages->zone, block, order, (unsigned int)keep);
		/* Before anybody else has what goes; who calls tells kmemleak of the rest. */
		if (keep < 1UL << order && !freed->nr_frames && !in_nmi())
			kmemleak_free(kmemx_pages_address(pages, frame));
		give_range(pages, block + (u32)keep, end, freed);
		left -= keep;
		block = next;
		if (!more)
			break;
	}
	kmemx_zone_write_info(&pages->zone, frame, nr - left, kind);
	return KMEMX_FREE_OK;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_trim);

/* Is one of eight bytes in a row that of a frame in quarantine? A byte that is none is 0. */
static bool any_quarantined(const u8 *info)
{
	const u64 ones = ~0ULL / 0xff;
	u64 bytes;

	/* Racy: who changes one of them now tells the summary later. */
	data_race(memcpy(&bytes, info, sizeof(bytes)));
	bytes ^= ones * kmemx_info(KMEMX_KIND_QUARANTINE, 0);
	return (bytes - ones) & ~bytes & ones << 7;
}

/*
 * Give back up to @max frames of chunk @c that nobody holds any more. The summary has the
 * chunk in the end if there is one left that is held, or that was not looked at.
 */
static unsigned int sweep_chunk(struct kmemx_pages *pages, unsigned int c, unsigned int max)
{
	u32 frame = c * KMEMX_CHUNK_FRAMES, end = frame + KMEMX_CHUNK_FRAMES;
	unsigned int nr = 0;
	bool left = false;

	kmemx_summary_clear(&pages->held, c);
	while (frame < end && nr < max) {
		if (frame % 8 == 0 && !any_quarantined(&pages->zone.info[frame])) {
			frame += 8;
			continue;
		}
		if (kmemx_info_kind(kmemx_pages_info(pages, frame)) == KMEMX_KIND_QUARANTINE) {
			if (try_release(pages, frame))
				nr++;
			else
				left = true;
		}
		frame++;
	}
	if (left || frame < end)
		note_held(pages, c);
	return nr;
}

/**
 * kmemx_pages_sweep() - give back quarantined frames that nobody holds any more
 * @pages: the region's frames
 *
 * Looks at every chunk that has such frames.
 *
 * Context: any.
 * Return: the number of frames given back.
 */
unsigned long kmemx_pages_sweep(struct kmemx_pages *pages)
{
	unsigned long nr = 0;
	long c = -1;

	while ((c = kmemx_summary_find(&pages->held, (unsigned int)(c + 1))) >= 0)
		nr += sweep_chunk(pages, (unsigned int)c, KMEMX_CHUNK_FRAMES);
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_sweep);

/**
 * kmemx_pages_sweep_some() - as kmemx_pages_sweep(), for who may not wait
 * @pages: the region's frames
 *
 * Looks at two chunks, and goes on behind them the next time, so that a frame that is held
 * for long costs no more than that and hides no other.
 *
 * Context: any.
 * Return: the number of frames given back, at most eight.
 */
unsigned int kmemx_pages_sweep_some(struct kmemx_pages *pages)
{
	unsigned int nr = 0, tries;
	long seen = -1;

	if (likely(kmemx_summary_is_empty(&pages->held)))
		return 0;
	for (tries = 0; tries < SWEEP_CHUNKS && nr < SWEEP_FRAMES; tries++) {
		long c = kmemx_summary_find(&pages->held, READ_ONCE(pages->sweep_from));

		if (c < 0)
			c = kmemx_summary_first(&pages->held);
		if (c < 0 || c == seen)
			break;
		seen = c;
		nr += sweep_chunk(pages, (unsigned int)c, SWEEP_FRAMES - nr);
		/* Racy: if one goes back, the next look is at the same chunks. */
		WRITE_ONCE(pages->sweep_from, (unsigned int)c + (nr < SWEEP_FRAMES));
	}
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_sweep_some);

/**
 * kmemx_pages_tally() - count the frames by what they are used for
 * @pages: the region's frames
 * @nr: set to the frames of each kind; those of KMEMX_KIND_MORE are counted
 *	with the allocation they continue, those of KMEMX_KIND_SLAB_TAIL with
 *	their slab, and the free ones under KMEMX_KIND_NONE
 *
 * Walks the info bytes: independent of every counter.
 */
void kmemx_pages_tally(const struct kmemx_pages *pages,
		       unsigned long nr[KMEMX_NR_KINDS])
{
	enum kmemx_kind kind = KMEMX_KIND_NONE;
	unsigned long used = 0;
	u32 frame;

	memset(nr, 0, KMEMX_NR_KINDS * sizeof(*nr));
	for (frame = 0; frame < kmemx_pages_end(pages); frame++) {
		u8 info = kmemx_pages_info(pages, frame);
		unsigned long frames = 1UL << kmemx_info_order(info);

		switch (kmemx_info_kind(info)) {
		case KMEMX_KIND_NONE:
		case KMEMX_KIND_SLAB_TAIL:
			continue;
		case KMEMX_KIND_MORE:
			break;
		default:
			kind = kmemx_info_kind(info);
		}
		nr[kind] += frames;
		used += frames;
	}
	nr[KMEMX_KIND_NONE] = pages->nr_frames - used;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_tally);

/**
 * kmemx_pages_meta_bytes() - memory outside the region that its frames cost
 * @pages: the region's frames
 *
 * Return: bytes of maps, info bytes, summaries and tables.
 */
size_t kmemx_pages_meta_bytes(const struct kmemx_pages *pages)
{
	return pages->zone.meta_bytes + KMEMX_CHUNK_FRAMES +
		kmemx_summary_bytes(pages->zone.nr_chunks) +
		nr_span_chunks(pages) * sizeof(*pages->chunk_info) +
		pages->zone.nr_extents * sizeof(*pages->extent) +
		num_possible_cpus() * (sizeof(struct kmemx_pcp) +
				       front_blocks(pages) * sizeof(struct kmemx_pcp_block));
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_meta_bytes);
