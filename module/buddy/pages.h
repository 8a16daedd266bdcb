/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The page frames of a region: a zone of one or several extents, the way from an
 * address to a frame's number and back, and what kmemx owes the kernel for using its
 * struct pages.
 *
 * Region frames are ordinary pages with one reference, which is ours. A
 * consumer may take more (an skb fragment, a pinned user page) and drop them
 * late; a frame that somebody still holds when it is freed is set aside, and
 * given back when the last of those references has gone.
 *
 * Locking: none, as in chunk.h, but for init and fini, which nothing overlaps.
 */
#ifndef KMEMX_BUDDY_PAGES_H
#define KMEMX_BUDDY_PAGES_H

#include <linux/kasan.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/preempt.h>

#include <kmemx/compat.h>

#include "buddy/pcp.h"
#include "buddy/zone.h"
#include "buddy/zone_bins.h"
#include "buddy/zone_block.h"
#include "buddy/zone_census.h"
#include "buddy/zone_info.h"

/**
 * struct kmemx_pages - the frames of a region
 * @zone: the frames
 * @extent: where they are
 * @pcp: what each CPU has for itself
 * @start: linear address of the lowest chunk with a frame of ours
 * @start_pfn: its page frame number
 * @start_page: its struct page, which need not exist
 * @span: frames from there to the end of the highest chunk
 * @chunk_info: by the number of a chunk behind @start: the info bytes of its frames,
 *		or @nobody
 * @nobody: the info bytes of a chunk that is not ours, all KMEMX_INFO_ABSENT
 * @nr_frames: frames that exist
 * @nr_quarantined: frames set aside because somebody held them when they were
 *		    freed
 * @held: which chunks such frames are in; @held_mem is what it lives in
 * @held_mem: see @held
 * @sweep_from: the chunk at which kmemx_pages_sweep_some() goes on
 */
struct kmemx_pages {
	struct kmemx_zone zone;
	struct kmemx_extent *extent;
	struct kmemx_pcp __percpu *pcp;
	unsigned long start;
	unsigned long start_pfn;
	struct page *start_page;
	unsigned long span;
	u8 **chunk_info;
	u8 *nobody;
	unsigned long nr_frames;
	atomic64_t nr_quarantined;
	struct kmemx_summary held;
	void *held_mem;
	unsigned int sweep_from;
};

int kmemx_pages_init(struct kmemx_pages *pages, unsigned int nr_extents,
		     const struct kmemx_extent *extent);
void kmemx_pages_no_fronts(struct kmemx_pages *pages);
void kmemx_pages_fini(struct kmemx_pages *pages);

/*
 * Is what is free known to be zero? With init_on_free it was when the region was made, is
 * when a block goes back to its chunk, and nothing writes to free memory in between: so no
 * allocation has to zero it.
 */
static __always_inline bool kmemx_pages_free_is_zero(void)
{
	return want_init_on_free();
}

/* The info byte of a frame. */
static inline u8 kmemx_pages_info(const struct kmemx_pages *pages, u32 frame)
{
	return READ_ONCE(pages->zone.info[frame]);
}

/*
 * The info byte of the frame that is @i frames behind the start, which may be any
 * value: KMEMX_INFO_ABSENT if it is not ours.
 */
static __always_inline u8 *kmemx_pages_place(const struct kmemx_pages *pages, unsigned long i)
{
	if (unlikely(i >= pages->span))
		return pages->nobody;
	return pages->chunk_info[i / KMEMX_CHUNK_FRAMES] + i % KMEMX_CHUNK_FRAMES;
}

/*
 * The bytes from the start to an address, which may be any value. Where KASAN tags
 * pointers, page_address() has the tag of the page, and what the region starts at has none.
 */
static __always_inline unsigned long kmemx_pages_offset(const struct kmemx_pages *pages,
							const void *addr)
{
	return (unsigned long)kasan_reset_tag(addr) - pages->start;
}

/* As that, in frames. */
static __always_inline unsigned long kmemx_pages_index(const struct kmemx_pages *pages,
						       const void *addr)
{
	return kmemx_pages_offset(pages, addr) >> PAGE_SHIFT;
}

/* As kmemx_pages_place(), by a struct page, which may be any value. */
static __always_inline u8 *kmemx_pages_place_of(const struct kmemx_pages *pages,
						const struct page *page)
{
	/* All struct pages are one array, unless they are where their section is. */
	if (IS_ENABLED(CONFIG_SPARSEMEM) && !IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP))
		return kmemx_pages_place(pages, page_to_pfn(page) - pages->start_pfn);
	return kmemx_pages_place(pages, (unsigned long)(page - pages->start_page));
}

/* The number of the frame that an info byte belongs to, which is one of the zone's. */
static inline u32 kmemx_pages_number(const struct kmemx_pages *pages, const u8 *info)
{
	return (u32)(info - pages->zone.info);
}

/**
 * kmemx_pages_find() - which frame is at this address?
 * @pages: the region's frames
 * @addr: any value at all; it is not dereferenced
 * @frame: set to the frame's number, if there is one
 *
 * Return: false if no frame of the region is at @addr.
 */
static inline bool kmemx_pages_find(const struct kmemx_pages *pages, const void *addr,
				    u32 *frame)
{
	const u8 *info = kmemx_pages_place(pages, kmemx_pages_index(pages, addr));

	if (unlikely(READ_ONCE(*info) == KMEMX_INFO_ABSENT))
		return false;
	*frame = kmemx_pages_number(pages, info);
	return true;
}

static inline unsigned long kmemx_pages_pfn(const struct kmemx_pages *pages, u32 frame)
{
	return kmemx_zone_pfn(&pages->zone, frame);
}

static inline struct page *kmemx_pages_page(const struct kmemx_pages *pages, u32 frame)
{
	return pfn_to_page(kmemx_pages_pfn(pages, frame));
}

static inline void *kmemx_pages_address(const struct kmemx_pages *pages, u32 frame)
{
	return kmemx_pfn_address(kmemx_pages_pfn(pages, frame));
}

/* Frame numbers are below this. */
static inline u32 kmemx_pages_end(const struct kmemx_pages *pages)
{
	return kmemx_zone_end(&pages->zone);
}

struct page *kmemx_pages_take(struct kmemx_pages *pages, unsigned int order,
			      enum kmemx_kind kind);
struct page *kmemx_pages_take_chunk(struct kmemx_pages *pages, enum kmemx_kind kind);
bool kmemx_pages_put_few(struct kmemx_pages *pages, struct page *page, u8 *info,
			 unsigned int order, enum kmemx_kind kind);
bool kmemx_pages_put_more(struct kmemx_pages *pages, struct page *page, u8 *info,
			  unsigned int order, enum kmemx_kind kind);
void kmemx_pages_give_group(struct kmemx_pages *pages, struct kmemx_pcp_group group);
bool kmemx_pages_put_zeroed(struct kmemx_pages *pages, u32 frame, unsigned int order,
			    enum kmemx_kind kind);
bool kmemx_pages_put_chunk(struct kmemx_pages *pages, struct page *page, u8 *info,
			   enum kmemx_kind kind);

/* As page_ref_count(), but plain, so that it may be the operand of an addition. */
static __always_inline int kmemx_page_refs(const struct page *page)
{
	/* Other references come and go meanwhile; ours stays. */
	return data_race(page->_refcount.counter);
}

/* The references to four pages in a row. */
static __always_inline int kmemx_pages_sum_4(const struct page *page)
{
	return kmemx_page_refs(page) + kmemx_page_refs(page + 1) +
		kmemx_page_refs(page + 2) + kmemx_page_refs(page + 3);
}

static __always_inline int kmemx_pages_sum_16(const struct page *page)
{
	return kmemx_pages_sum_4(page) + kmemx_pages_sum_4(page + 4) +
		kmemx_pages_sum_4(page + 8) + kmemx_pages_sum_4(page + 12);
}

/* The references to the pages of a block of @order, 0..4. */
static __always_inline int kmemx_pages_sum_few(const struct page *page, unsigned int order)
{
	static_assert(KMEMX_PCP_ORDERS == 5);
	if (!order)
		return kmemx_page_refs(page);
	if (order == 2)
		return kmemx_pages_sum_4(page);
	if (order == 4)
		return kmemx_pages_sum_16(page);
	if (order == 1)
		return kmemx_page_refs(page) + kmemx_page_refs(page + 1);
	return kmemx_pages_sum_4(page) + kmemx_pages_sum_4(page + 4);
}

int kmemx_pages_sum_many(const struct page *page, unsigned int nr);

/**
 * kmemx_pages_any_held() - does anybody but us hold a page of a block?
 * @page: its first page; the others follow in memory
 * @order: its order
 *
 * Adds the counts up, which takes one instruction a page: each is one, our own
 * reference, or more.
 *
 * Return: whether the sum is more than the pages.
 */
static __always_inline bool kmemx_pages_any_held(const struct page *page, unsigned int order)
{
	if (likely(order < KMEMX_PCP_ORDERS))
		return kmemx_pages_sum_few(page, order) != 1 << (order & 15);
	return kmemx_pages_sum_many(page, 1U << order) != 1 << (order & 15);
}

/**
 * kmemx_pages_pop() - allocate a block from this CPU's front, if it has one
 * @pages: the region's frames
 * @order: 0..KMEMX_PCP_ORDERS - 1
 * @kind: what for
 * @page: set to the first page
 *
 * The hot path of page allocation, inline and without a call. Where it does not
 * succeed kmemx_pages_take() is next.
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
	WRITE_ONCE(*block->info, kmemx_info(kind, order));
	*page = block->page;
	/* Who counts from another CPU sees one or the other. */
	data_race(list->top--);
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
 * kmemx_pages_push() - free a block to this CPU's front, if there is room
 * @pages: the region's frames
 * @page: its first page
 * @info: its info byte, where @page is
 * @order: 0..KMEMX_PCP_ORDERS - 1
 * @kind: what it was allocated for
 *
 * The hot path of frees, as kmemx_pages_pop(); kmemx_pages_put() is next.
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
		     !kmemx_zone_has_plenty(&pages->zone) ||
		     kmemx_pages_any_held(page, order)))
		goto leave;
	WRITE_ONCE(*info, KMEMX_INFO_FRONT | order);
	kmemx_pcp_add(list, page, info);
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
 * enum kmemx_pages_way - where a block goes that the short way of a free does not take
 * @KMEMX_WAY_PAST: past the front, to the zone
 * @KMEMX_WAY_FEW: kmemx_pages_put_few() may take it
 * @KMEMX_WAY_MORE: kmemx_pages_put_more() may
 * @KMEMX_WAY_BY: kmemx_pages_wait() may
 */
enum kmemx_pages_way {
	KMEMX_WAY_PAST,
	KMEMX_WAY_FEW,
	KMEMX_WAY_MORE,
	KMEMX_WAY_BY,
};

/* Of a block of @order, 0..KMEMX_PCP_ORDERS - 1, whose info byte is at @info. */
static __always_inline enum kmemx_pages_way kmemx_pages_way(const struct kmemx_pages *pages,
							    const u8 *info, unsigned int order)
{
	/* Any CPU's will do for the questions: if it is another then, no harm is done. */
	struct kmemx_pcp *pcp = raw_cpu_ptr(pages->pcp);

	if (!kmemx_zone_has_plenty(&pages->zone))
		return kmemx_zone_is_dense(&pages->zone, kmemx_pages_number(pages, info)) &&
			kmemx_pcp_keeps_few(kmemx_pcp_list(pcp, order)) ?
			KMEMX_WAY_FEW : KMEMX_WAY_PAST;
	if (unlikely(!kmemx_pcp_is_short(pcp))) {
		if (kmemx_pcp_could_grow(pcp, order))
			return KMEMX_WAY_MORE;
		this_cpu_inc(pages->pcp->nr_refused);
		return KMEMX_WAY_PAST;
	}
	if (READ_ONCE(pcp->nr_alone) < KMEMX_PCP_ALONE)
		return KMEMX_WAY_BY;
	this_cpu_inc(pages->pcp->nr_alone);
	return KMEMX_WAY_PAST;
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

	if (unlikely(!pcp->wait_max || !kmemx_busy_enter(&pcp->busy)))
		return false;
	if (likely(READ_ONCE(*info) == kmemx_info(kind, order))) {
		WRITE_ONCE(*info, KMEMX_INFO_FRONT | order);
		*group = kmemx_pcp_let_wait(pcp, kmemx_pages_number(pages, info), order);
		WRITE_ONCE(pcp->nr_alone, group->heads ? pcp->nr_alone + 1 : 0);
		freed = true;
	}
	kmemx_busy_leave(&pcp->busy);
	return freed;
}

/* As kmemx_pages_wait(), and gives what has to go. */
static inline bool kmemx_pages_put_by(struct kmemx_pages *pages, u8 *info, unsigned int order,
				      enum kmemx_kind kind)
{
	struct kmemx_pcp_group group;
	bool freed;

	preempt_disable();
	freed = kmemx_pages_wait(pages, info, order, kind, &group);
	if (freed && group.heads)
		kmemx_pages_give_group(pages, group);
	preempt_enable();
	return freed;
}

/* Into the front after all, if there is one that has room, or could have. */
static __always_inline bool kmemx_pages_put_small(struct kmemx_pages *pages, struct page *page,
						  u8 *info, unsigned int order,
						  enum kmemx_kind kind)
{
	switch (kmemx_pages_way(pages, info, order)) {
	case KMEMX_WAY_FEW:
		return kmemx_pages_put_few(pages, page, info, order, kind);
	case KMEMX_WAY_MORE:
		return kmemx_pages_put_more(pages, page, info, order, kind);
	case KMEMX_WAY_BY:
		return kmemx_pages_put_by(pages, info, order, kind);
	default:
		return false;
	}
}

/**
 * kmemx_pages_put() - free a block where the short way does not
 * @pages: the region's frames
 * @page: its first page
 * @info: its info byte, where @page is
 * @order: 0..KMEMX_CHUNK_ORDER
 * @kind: what it was allocated for
 *
 * What is not such a block that nobody else holds is left to kmemx_pages_free(), which
 * says why. Inline, for the one who frees past a front.
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
	if (order < KMEMX_PCP_ORDERS && kmemx_pages_put_small(pages, page, info, order, kind))
		return true;
	preempt_disable();
	if (likely(order <= KMEMX_WORD_ORDER)) {
		/* As kmemx_zone_free_block(), inline. */
		WRITE_ONCE(*info, 0);
		freed = kmemx_zone_give_small(&pages->zone, kmemx_pages_number(pages, info), order);
	} else {
		freed = kmemx_zone_free_block(&pages->zone, kmemx_pages_number(pages, info), order);
	}
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

/* What a free came to, in frames: those that were allocated, those set aside. */
struct kmemx_freed {
	unsigned long nr_frames;
	unsigned long nr_held;
};

int kmemx_pages_alloc_bound(struct kmemx_pages *pages, unsigned long nr, unsigned long align,
			    unsigned long boundary, enum kmemx_kind kind, u32 *frame);
int kmemx_pages_alloc_zeroed(struct kmemx_pages *pages, unsigned long nr, enum kmemx_kind kind,
			     u32 *frame);
bool kmemx_pages_zero_chunk(struct kmemx_pages *pages);
int kmemx_pages_alloc_at(struct kmemx_pages *pages, u32 frame, unsigned long nr,
			 enum kmemx_kind kind);
enum kmemx_verdict kmemx_pages_free(struct kmemx_pages *pages, u32 frame,
				    enum kmemx_kind kind, unsigned long nr,
				    struct kmemx_freed *freed);
long kmemx_pages_take_slab(struct kmemx_pages *pages, unsigned int order);
bool kmemx_pages_put_slab(struct kmemx_pages *pages, u32 frame, unsigned int order);
enum kmemx_verdict kmemx_pages_trim(struct kmemx_pages *pages, u32 frame,
				    enum kmemx_kind kind, unsigned long nr,
				    struct kmemx_freed *freed);
unsigned long kmemx_pages_sweep(struct kmemx_pages *pages);
unsigned int kmemx_pages_sweep_some(struct kmemx_pages *pages);
void kmemx_pages_drain(struct kmemx_pages *pages);
void kmemx_pages_drain_dead(struct kmemx_pages *pages, unsigned int cpu);
unsigned long kmemx_pages_nr_front(const struct kmemx_pages *pages);

void kmemx_pages_tally(const struct kmemx_pages *pages,
		       unsigned long nr[KMEMX_NR_KINDS]);
size_t kmemx_pages_meta_bytes(const struct kmemx_pages *pages);

/* Frames that may be allocated; a snapshot. */
static inline unsigned long kmemx_pages_nr_free(const struct kmemx_pages *pages)
{
	return kmemx_zone_nr_free(&pages->zone);
}

/* As kmemx_pages_alloc_bound(), without a boundary. */
static inline int kmemx_pages_alloc(struct kmemx_pages *pages, unsigned long nr,
				    unsigned long align, enum kmemx_kind kind, u32 *frame)
{
	return kmemx_pages_alloc_bound(pages, nr, align, 0, kind, frame);
}

#endif /* KMEMX_BUDDY_PAGES_H */
