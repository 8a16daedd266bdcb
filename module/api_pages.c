// SPDX-License-Identifier: GPL-2.0
/*
 * The exported functions for page blocks: kmemx_alloc_pages() and those beside it.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <kmemx/compat.h>
#include <kmemx/kmemx.h>

#include "api.h"
#include "buddy/pages_front.h"
#include "buddy/zone_bins.h"
#include "buddy/zone_block.h"
#include "observe/report.h"
#include "observe/stat.h"
#include "observe/trace.h"
#include "request.h"

/* An order that overflows is too large as well. */
static size_t order_bytes(unsigned int order)
{
	return order < BITS_PER_LONG - PAGE_SHIFT - 1 ? PAGE_SIZE << order : LONG_MAX;
}

/* What the short way does not do: large blocks, a front to fill, zeroes, reclaim. */
static noinline struct page *alloc_pages_slow(gfp_t gfp, unsigned int order,
					      unsigned long call_site)
{
	struct kmemx_request req = { .gfp = gfp, .call_site = call_site };
	void *addr;

	/* A whole chunk may be had that is zero. */
	if (order <= KMEMX_CHUNK_ORDER - kmemx_api_wants_zeroes(gfp) &&
	    !kmemx_request_is_refused(&req)) {
		struct page *page = kmemx_pages_take(&kmemx_live.pages, order);

		if (!IS_ERR(page)) {
			if (kmemx_api_wants_zeroes(gfp))
				kmemx_pages_clear(page_address(page), 1UL << order);
			kmemx_api_hand_out(page_address(page), 1UL << order, order,
					   KMEMX_KIND_PAGES, gfp, call_site);
			return page;
		}
	}
	req.size = order_bytes(order);
	req.align = req.size;
	addr = kmemx_api_alloc_frames(&req, KMEMX_KIND_PAGES);
	return addr ? virt_to_page(addr) : NULL;
}

/* Returns @page, so that nothing has to be kept for afterwards. */
static noinline struct page *trace_alloc(struct page *page, unsigned int order, gfp_t gfp,
					 unsigned long call_site)
{
	trace_kmemx_page_alloc(call_site, page_to_pfn(page), 1UL << order, order,
			       kmemx_kind_name[KMEMX_KIND_PAGES], gfp);
	return page;
}

/* What is done for a block of pages that a front has counted. */
static __always_inline struct page *tell_alloc(struct page *page, unsigned int order, gfp_t gfp,
					       unsigned long call_site)
{
	if (trace_kmemx_page_alloc_enabled())
		return trace_alloc(page, order, gfp, call_site);
	return page;
}

/* And for any other that nothing special was asked for. */
static __always_inline struct page *count_alloc(struct page *page, unsigned int order, gfp_t gfp,
						unsigned long call_site)
{
	kmemx_stat_block_alloc(order);
	return tell_alloc(page, order, gfp, call_site);
}

static noinline void tell_none(gfp_t gfp, unsigned int order, unsigned long call_site)
{
	struct kmemx_request req = {
		.size = PAGE_SIZE << order,
		.need = 1UL << order,
		.align = PAGE_SIZE << order,
		.gfp = gfp,
		.call_site = call_site,
	};

	kmemx_request_fail(&req, -ENOSPC);
}

/* The zone has no block, nor a front that may help. Who may not wait is told so at once. */
static noinline struct page *alloc_pages_none(gfp_t gfp, unsigned int order,
					      unsigned long call_site)
{
	if (gfpflags_allow_blocking(gfp) || kmemx_region_reclaim_some(&kmemx_live))
		return alloc_pages_slow(gfp, order, call_site);
	if (likely(!kmemx_request_is_told(gfp)))
		kmemx_request_count_none(1UL << order, PAGE_SIZE << order, NULL, gfp);
	else
		tell_none(gfp, order, call_site);
	return NULL;
}

static __always_inline struct page *alloc_pages_take(gfp_t gfp, unsigned int order,
						     unsigned long call_site)
{
	struct page *page = kmemx_pages_take(&kmemx_live.pages, order);

	if (IS_ERR(page))
		return PTR_ERR(page) == -ENOSPC ? alloc_pages_none(gfp, order, call_site) :
						  alloc_pages_slow(gfp, order, call_site);
	return count_alloc(page, order, gfp, call_site);
}

/* The zone has no block. */
static noinline struct page *alloc_pages_empty(gfp_t gfp, unsigned int order,
					       unsigned long call_site)
{
	if (kmemx_pages_front_may_help(&kmemx_live.pages, order))
		return alloc_pages_take(gfp, order, call_site);
	return alloc_pages_none(gfp, order, call_site);
}

/* As alloc_pages_slow(), but that nothing special is asked for; up to the order of a chunk. */
static noinline struct page *alloc_pages_past(gfp_t gfp, unsigned int order,
					      unsigned long call_site)
{
	/* Who keeps call sites does so in kmemx_api_hand_out(). */
	if (unlikely(kmemx_live.site))
		return alloc_pages_slow(gfp, order, call_site);
	if (unlikely(!kmemx_zone_has_block(&kmemx_live.pages.zone, order)))
		return alloc_pages_empty(gfp, order, call_site);
	return alloc_pages_take(gfp, order, call_site);
}

/* Has neither the zone a block, nor a front one that may help? Of more than a chunk who knows. */
static __always_inline bool has_none(unsigned int order)
{
	return order <= KMEMX_CHUNK_ORDER && !kmemx_live.site &&
		!kmemx_zone_has_block(&kmemx_live.pages.zone, order) &&
		!kmemx_pages_front_may_help(&kmemx_live.pages, order);
}

/* Zeroes are wanted, and nothing else that is special, or it is to be refused. */
static noinline struct page *alloc_pages_special(gfp_t gfp, unsigned int order,
						 unsigned long call_site)
{
	struct page *page;

	kmemx_debug_might_alloc(gfp);
	if (unlikely(gfp & __GFP_NOFAIL))
		return alloc_pages_slow(gfp, order, call_site);
	if (order >= KMEMX_PCP_ORDERS ||
	    !kmemx_pages_pop(&kmemx_live.pages, order, KMEMX_KIND_PAGES, &page))
		return has_none(order) ? alloc_pages_none(gfp, order, call_site) :
					 alloc_pages_slow(gfp, order, call_site);
	if (kmemx_api_wants_zeroes(gfp))
		kmemx_pages_clear(page_address(page), 1UL << order);
	return tell_alloc(page, order, gfp, call_site);
}

/* Inline for a constant order. */
static __always_inline struct page *alloc_pages_fast(gfp_t gfp, unsigned int order,
						     unsigned long call_site)
{
	struct page *page;

	if (unlikely(!kmemx_pages_pop(&kmemx_live.pages, order, KMEMX_KIND_PAGES, &page)))
		return alloc_pages_past(gfp, order, call_site);
	return tell_alloc(page, order, gfp, call_site);
}

/* Of the order of a chunk; the zone seems to have one. */
static noinline struct page *alloc_pages_chunk(gfp_t gfp, unsigned long call_site)
{
	struct page *page = NULL;

	if (likely(!kmemx_live.site))
		page = kmemx_pages_take_chunk(&kmemx_live.pages, KMEMX_KIND_PAGES);
	if (unlikely(!page))
		return alloc_pages_past(gfp, KMEMX_CHUNK_ORDER, call_site);
	return count_alloc(page, KMEMX_CHUNK_ORDER, gfp, call_site);
}

static noinline struct page *alloc_pages_order(gfp_t gfp, unsigned int order,
					       unsigned long call_site)
{
	if (likely(order < KMEMX_PCP_ORDERS))
		return alloc_pages_fast(gfp, order, call_site);
	if (unlikely(order > KMEMX_CHUNK_ORDER))
		return alloc_pages_slow(gfp, order, call_site);
	if (order < KMEMX_CHUNK_ORDER)
		return alloc_pages_past(gfp, order, call_site);
	if (unlikely(!kmemx_zone_has_block(&kmemx_live.pages.zone, KMEMX_CHUNK_ORDER)))
		return alloc_pages_none(gfp, order, call_site);
	return alloc_pages_chunk(gfp, call_site);
}

/**
 * kmemx_alloc_pages() - allocate 2^order page frames
 * @gfp: as for kmemx_alloc()
 * @order: 0 to that of the whole region
 *
 * The block is naturally aligned in physical memory; each page is an order-0
 * page with one reference, which is kmemx's own.
 *
 * Context: as for kmemx_alloc().
 * Return: the first page, or NULL.
 */
struct page *kmemx_alloc_pages(gfp_t gfp, unsigned int order)
{
	/* One test for both flags: want_init_on_alloc() of none is what was booted with. */
	if (unlikely(gfp & (__GFP_NOFAIL | __GFP_ZERO)) || want_init_on_alloc(0))
		return alloc_pages_special(gfp, order, _RET_IP_);
	kmemx_debug_might_alloc(gfp);
	if (!order)
		return alloc_pages_fast(gfp, 0, _RET_IP_);
	return alloc_pages_order(gfp, order, _RET_IP_);
}
KMEMX_EXPORT(kmemx_alloc_pages);

/**
 * kmemx_alloc_pages_node() - allocate 2^order page frames on a node
 * @nid: the node wanted, or NUMA_NO_NODE
 * @gfp: as for kmemx_alloc(); with __GFP_THISNODE another node than the region's fails
 * @order: as for kmemx_alloc_pages()
 *
 * A region is on one node, and without __GFP_THISNODE better than nothing.
 *
 * Context: as for kmemx_alloc().
 * Return: the first page, or NULL.
 */
struct page *kmemx_alloc_pages_node(int nid, gfp_t gfp, unsigned int order)
{
	if (kmemx_api_is_elsewhere(gfp, nid)) {
		kmemx_api_alloc_elsewhere(order_bytes(order), gfp, _RET_IP_);
		return NULL;
	}
	if (unlikely(gfp & (__GFP_NOFAIL | __GFP_ZERO)) || want_init_on_alloc(0))
		return alloc_pages_special(gfp, order, _RET_IP_);
	kmemx_debug_might_alloc(gfp);
	return alloc_pages_order(gfp, order, _RET_IP_);
}
KMEMX_EXPORT(kmemx_alloc_pages_node);

static noinline void trace_free(struct page *page, unsigned int order,
				unsigned long call_site)
{
	trace_kmemx_page_free(call_site, page_to_pfn(page), 1UL << order, order,
			      kmemx_kind_name[KMEMX_KIND_PAGES]);
}

static __always_inline void tell_free(struct page *page, unsigned int order,
				      unsigned long call_site)
{
	if (trace_kmemx_page_free_enabled())
		trace_free(page, order, call_site);
}

static __always_inline void count_free(struct page *page, unsigned int order,
				       unsigned long call_site)
{
	kmemx_stat_block_free(order);
	tell_free(page, order, call_site);
}

/* A large block, one that is held or to be zeroed, or a free that is to be refused. */
static noinline void free_pages_slow(struct page *page, u8 *info, unsigned int order,
				     unsigned long call_site)
{
	if (order <= KMEMX_CHUNK_ORDER &&
	    kmemx_pages_put(&kmemx_live.pages, page, info, order, KMEMX_KIND_PAGES)) {
		count_free(page, order, call_site);
		return;
	}
	if (!page)
		return;
	if (order >= BITS_PER_LONG - PAGE_SHIFT) {
		kmemx_bad_free(KMEMX_FREE_ORDER, page_address(page), NULL, call_site);
		return;
	}
	kmemx_api_free_frames(page_address(page), KMEMX_KIND_PAGES, 1UL << order, call_site);
}

/*
 * A free past the front, of orders 0 to KMEMX_PCP_ORDERS - 1. There is no call in it but at its
 * end, so nothing has to be kept meanwhile but the number of the frame.
 */

static noinline void trace_frame(u32 frame, unsigned int order, unsigned long call_site)
{
	trace_free(kmemx_pages_page(&kmemx_live.pages, frame), order, call_site);
}

static __always_inline void count_frame(u32 frame, unsigned int order, unsigned long call_site)
{
	kmemx_stat_block_free(order);
	if (trace_kmemx_page_free_enabled())
		trace_frame(frame, order, call_site);
}

/* Somebody else has freed it. */
static noinline void free_twice(u32 frame, unsigned long call_site)
{
	kmemx_bad_free(KMEMX_FREE_DOUBLE, kmemx_pages_address(&kmemx_live.pages, frame), NULL,
		       call_site);
}

/* Its bits are clear, and it has to be counted; preemption is off. */
static noinline void free_uncounted(u32 frame, unsigned int order, u64 word,
				    unsigned long call_site)
{
	kmemx_zone_count_back(&kmemx_live.pages.zone, frame, order, word);
	preempt_enable();
	count_frame(frame, order, call_site);
}

/* It is counted, and has moved its chunk to another bin; preemption is off. */
static noinline void free_moved(u32 frame, unsigned int order, u64 old, u64 new,
				unsigned long call_site)
{
	kmemx_zone_settle_change(&kmemx_live.pages.zone, frame / KMEMX_CHUNK_FRAMES, old, new);
	preempt_enable();
	count_frame(frame, order, call_site);
}

/* It is counted, and its word has changed since; preemption is off. */
static noinline void free_raced(u32 frame, unsigned int order, u64 old, u64 new,
				unsigned long call_site)
{
	kmemx_zone_settle_again(&kmemx_live.pages.zone, frame / KMEMX_CHUNK_FRAMES, old, new,
				(int)(frame / KMEMX_WORD_BITS % KMEMX_CHUNK_WORDS), 0);
	preempt_enable();
	count_frame(frame, order, call_site);
}

/* With preemption off since a look at its info byte has said that it is such a block. */
static __always_inline void free_past(u8 *info, unsigned int order, unsigned long call_site)
{
	u32 frame = kmemx_pages_number(&kmemx_live.pages, info);
	struct kmemx_change change;
	enum kmemx_given given;
	u64 word;

	/* As kmemx_zone_free_block(), inline. */
	WRITE_ONCE(*info, 0);
	given = kmemx_zone_give_once(&kmemx_live.pages.zone, frame, order, &word, &change);
	if (unlikely(given == KMEMX_GIVEN_TWICE)) {
		preempt_enable();
		free_twice(frame, call_site);
	} else if (unlikely(given == KMEMX_GIVEN_UNCOUNTED)) {
		free_uncounted(frame, order, word, call_site);
	} else if (unlikely(!change.settled)) {
		free_raced(frame, order, change.old, change.new, call_site);
	} else if ((change.old ^ change.new) & KMEMX_STATE_BIN_MASK) {
		free_moved(frame, order, change.old, change.new, call_site);
	} else {
		preempt_enable();
		count_frame(frame, order, call_site);
	}
}

/* What a front has not taken: it was busy, or the block was freed by somebody else meanwhile. */
static noinline void free_any_past(u8 *info, unsigned int order, unsigned long call_site)
{
	preempt_disable();
	if (likely(READ_ONCE(*info) == kmemx_info(KMEMX_KIND_PAGES, order))) {
		free_past(info, order, call_site);
		return;
	}
	preempt_enable();
	free_twice(kmemx_pages_number(&kmemx_live.pages, info), call_site);
}

/* The front takes it after all, unless it is busy or has changed meanwhile. Preemption is off. */
static noinline void free_to_more(struct page *page, u8 *info, unsigned int order,
				  unsigned long call_site)
{
	preempt_enable();
	if (kmemx_pages_put_more(&kmemx_live.pages, page, info, order, KMEMX_KIND_PAGES))
		count_free(page, order, call_site);
	else
		free_any_past(info, order, call_site);
}

/*
 * Counted before anything goes for it, so that nothing has to be kept meanwhile. Preemption is
 * off.
 */
static noinline void free_to_wait(u8 *info, unsigned int order, unsigned long call_site)
{
	struct kmemx_pages *pages = &kmemx_live.pages;
	struct kmemx_pcp_group group;

	if (unlikely(!kmemx_pages_wait(pages, info, order, KMEMX_KIND_PAGES, &group))) {
		preempt_enable();
		free_any_past(info, order, call_site);
		return;
	}
	count_frame(kmemx_pages_number(pages, info), order, call_site);
	if (group.heads)
		kmemx_pages_give_group(pages, group);
	preempt_enable();
}

/* No other CPU has made room for it; preemption is off. */
static __always_inline void free_here(struct page *page, u8 *info, unsigned int order,
				      enum kmemx_pages_way way, unsigned long call_site)
{
	if (way == KMEMX_WAY_PAST)
		free_past(info, order, call_site);
	else if (way == KMEMX_WAY_BY)
		free_to_wait(info, order, call_site);
	else
		free_to_more(page, info, order, call_site);
}

/* A CPU has wanted blocks of that order; preemption is off. */
static noinline void free_to_other(struct page *page, u8 *info, unsigned int order,
				   unsigned long call_site)
{
	struct kmemx_pages *pages = &kmemx_live.pages;

	if (!kmemx_pages_put_sent(pages, page, info, order, KMEMX_KIND_PAGES)) {
		if (likely(READ_ONCE(*info) == kmemx_info(KMEMX_KIND_PAGES, order))) {
			free_here(page, info, order, kmemx_pages_way_here(pages, order), call_site);
			return;
		}
		preempt_enable();
		free_twice(kmemx_pages_number(pages, info), call_site);
		return;
	}
	preempt_enable();
	count_free(page, order, call_site);
}

/* Its stack is full, or something else is in the way. */
static __always_inline void free_full(struct page *page, u8 *info, unsigned int order,
				      unsigned long call_site)
{
	enum kmemx_pages_way way;

	/* So that not much happens between the look at the info byte and what is done by it. */
	preempt_disable();
	if (unlikely(!kmemx_pages_is_block(page, info, order, KMEMX_KIND_PAGES))) {
		preempt_enable();
		free_pages_slow(page, info, order, call_site);
		return;
	}
	way = kmemx_pages_way(&kmemx_live.pages, order);
	if (unlikely(way == KMEMX_WAY_SENT))
		free_to_other(page, info, order, call_site);
	else
		free_here(page, info, order, way, call_site);
}

static noinline void free_full_0(struct page *page, u8 *info, unsigned long call_site)
{
	free_full(page, info, 0, call_site);
}

static noinline void free_full_2(struct page *page, u8 *info, unsigned long call_site)
{
	free_full(page, info, 2, call_site);
}

static noinline void free_full_4(struct page *page, u8 *info, unsigned long call_site)
{
	free_full(page, info, 4, call_site);
}

static noinline void free_full_any(struct page *page, u8 *info, unsigned int order,
				   unsigned long call_site)
{
	free_full(page, info, order, call_site);
}

/* Those that are asked for most have code of their own, with constants in it. */
static __always_inline void free_full_order(struct page *page, u8 *info, unsigned int order,
					    unsigned long call_site)
{
	if (!order)
		free_full_0(page, info, call_site);
	else if (order == 2)
		free_full_2(page, info, call_site);
	else if (order == 4)
		free_full_4(page, info, call_site);
	else
		free_full_any(page, info, order, call_site);
}

/* Of an order that has no front. */
static noinline void free_pages_large(struct page *page, u8 *info, unsigned int order,
				      unsigned long call_site)
{
	if (likely(order == KMEMX_CHUNK_ORDER &&
		   kmemx_pages_put_chunk(&kmemx_live.pages, page, info, KMEMX_KIND_PAGES)))
		count_free(page, order, call_site);
	else
		free_pages_slow(page, info, order, call_site);
}

/* Inline for a constant order. */
static __always_inline void free_pages_fast(struct page *page, unsigned int order,
					    unsigned long call_site)
{
	struct kmemx_pages *pages = &kmemx_live.pages;
	u8 *info;

	if (!kmemx_pages_has_place(page))
		return;
	info = kmemx_pages_place_of(pages, page);
	if (unlikely(order >= KMEMX_PCP_ORDERS))
		free_pages_large(page, info, order, call_site);
	else if (likely(kmemx_pages_push(pages, page, info, order, KMEMX_KIND_PAGES)))
		tell_free(page, order, call_site);
	else
		free_full_order(page, info, order, call_site);
}

static noinline void free_pages_order(struct page *page, unsigned int order,
				      unsigned long call_site)
{
	free_pages_fast(page, order, call_site);
}

/**
 * kmemx_free_pages() - free page frames
 * @page: what kmemx_alloc_pages() gave, or NULL
 * @order: the order it was given for, or that of what kmemx_page_trim() has left
 *
 * A frame that somebody else holds a reference to is set aside; whether they have let go is
 * looked at once a second, later on a CPU that sleeps, and when frames are short.
 *
 * Context: any.
 */
void kmemx_free_pages(struct page *page, unsigned int order)
{
	if (!order)
		free_pages_fast(page, 0, _RET_IP_);
	else
		free_pages_order(page, order, _RET_IP_);
}
KMEMX_EXPORT(kmemx_free_pages);

/**
 * kmemx_page_trim() - give the end of a block of page frames back
 * @page: what kmemx_alloc_pages() gave
 * @order: as for kmemx_free_pages()
 * @nr: frames to keep, from the start, at least 1; with all of them nothing happens
 *
 * What is kept stays where it is. kmemx_free_pages() frees it, with the least order that has so
 * many frames, get_order(nr * PAGE_SIZE).
 *
 * Context: any.
 * Return: false if it is refused, as kmemx_free_pages() would be; so is NULL.
 */
bool kmemx_page_trim(struct page *page, unsigned int order, unsigned long nr)
{
	const void *addr = page ? page_address(page) : NULL;
	unsigned long nr_freed;

	if (unlikely(order >= BITS_PER_LONG - PAGE_SHIFT)) {
		kmemx_bad_free(KMEMX_FREE_ORDER, addr, NULL, _RET_IP_);
		return false;
	}
	return kmemx_api_trim_frames(addr, KMEMX_KIND_PAGES, 1UL << order, nr, &nr_freed,
				     _RET_IP_);
}
KMEMX_EXPORT(kmemx_page_trim);

/**
 * kmemx_alloc_pages_bulk() - allocate many page frames
 * @gfp: as for kmemx_alloc(); each page that is not to be had reclaims once, as it allows
 * @nr: how many
 * @pages: where to put them; entries beyond those allocated are not written
 *
 * Each is as kmemx_alloc_pages() gives for order 0, and is freed like it. What is in @pages is
 * not looked at: unlike alloc_pages_bulk() of the kernel, this fills no gaps.
 *
 * Context: as for kmemx_alloc().
 * Return: how many; less than @nr if no more are free.
 */
unsigned long kmemx_alloc_pages_bulk(gfp_t gfp, unsigned long nr, struct page **pages)
{
	struct page *page;
	unsigned long i;

	if (unlikely(gfp & (__GFP_NOFAIL | __GFP_ZERO)) || want_init_on_alloc(0) ||
	    trace_kmemx_page_alloc_enabled()) {
		for (i = 0; i < nr; i++) {
			page = alloc_pages_special(gfp, 0, _RET_IP_);
			if (!page)
				break;
			pages[i] = page;
		}
		return i;
	}
	kmemx_debug_might_alloc(gfp);
	for (i = 0; i < nr; i++) {
		i += kmemx_pages_pop_bulk(&kmemx_live.pages, nr - i, KMEMX_KIND_PAGES, pages + i);
		if (i == nr)
			break;
		/* Which fills the front. */
		page = alloc_pages_past(gfp, 0, _RET_IP_);
		if (unlikely(!page))
			break;
		pages[i] = page;
	}
	return i;
}
KMEMX_EXPORT(kmemx_alloc_pages_bulk);

/* As long as it takes any; returns how many are left, the first of @pages. */
static __always_inline unsigned long free_to_front(unsigned long nr, struct page **pages)
{
	unsigned long left = nr;

	do {
		nr = left;
		left = kmemx_pages_push_bulk(&kmemx_live.pages, nr, KMEMX_KIND_PAGES, pages);
	} while (left && left < nr);
	return left;
}

/**
 * kmemx_free_pages_bulk() - free many page frames
 * @nr: how many
 * @pages: each as for kmemx_free_pages(), of order 0; NULL is passed over. The last is freed
 *	   first, so what kmemx_alloc_pages_bulk() gave is had in the same order again
 *
 * Context: any.
 */
void kmemx_free_pages_bulk(unsigned long nr, struct page **pages)
{
	if (!trace_kmemx_page_free_enabled())
		nr = free_to_front(nr, pages);
	for (; nr; nr--)
		free_pages_fast(pages[nr - 1], 0, _RET_IP_);
}
KMEMX_EXPORT(kmemx_free_pages_bulk);
