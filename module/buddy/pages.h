/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The page frames of a region: a zone of one or several extents, the way from an
 * address to a frame's number and back, and what kmemx owes the kernel for using its
 * struct pages.
 *
 * Region frames are ordinary pages with one reference, which is ours. A
 * consumer may take more (an skb fragment, a pinned user page) and drop them
 * late; a frame that somebody still holds when it is freed is set aside, and
 * given back when a sweep finds that the last of those references has gone.
 *
 * Locking: none, as in chunk.h, but for init and fini, which nothing overlaps.
 */
#ifndef KMEMX_BUDDY_PAGES_H
#define KMEMX_BUDDY_PAGES_H

#include <linux/jiffies.h>
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

/* For how many ticks after a front was emptied for somebody stacks are filled with less. */
#define KMEMX_DRAINED_TICKS	2

/**
 * struct kmemx_pages - the frames of a region
 * @zone: the frames
 * @extent: where they are
 * @pcp: what each CPU has for itself
 * @parcel_frames: orders of which a parcel would have more frames have none
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
 * @held: which words of the map such frames are in; @held_mem is what it lives in
 * @held_mem: see @held
 * @sweep_from: the frame at which kmemx_pages_sweep_some() goes on, a multiple of 8
 * @zeroing: held while a page is zeroed ahead of need, with interrupts off
 * @away: first frame of the chunk that is away to be zeroed, or -1
 * @zeroes_ahead: who does that may run
 * @is_recalled: somebody has needed every frame since one was last to be taken
 * @drained_at: when the front of one of several CPUs was last emptied for somebody, in jiffies
 * @wanting: for each order, one more than the number of a CPU that wants blocks others free, or
 *	     has; 0 if none does
 */
struct kmemx_pages {
	struct kmemx_zone zone;
	struct kmemx_extent *extent;
	struct kmemx_pcp __percpu *pcp;
	unsigned int parcel_frames;
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
	u32 sweep_from;
	raw_spinlock_t zeroing;		/* Protects @away. */
	long away;
	bool zeroes_ahead;
	bool is_recalled;
	unsigned long drained_at;
	unsigned int wanting[KMEMX_PCP_ORDERS] ____cacheline_aligned;
};

int kmemx_pages_init(struct kmemx_pages *pages, unsigned int nr_extents,
		     const struct kmemx_extent *extent);
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

/* Zero pages, which nobody else may use, the way that is made for pages. */
static inline void kmemx_pages_clear(void *addr, unsigned long nr)
{
	for (; nr; nr--, addr += PAGE_SIZE)
		clear_page(addr);
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

/* May that be asked of it, though it is NULL? Where it may, the number that comes of it is none. */
static __always_inline bool kmemx_pages_has_place(const struct page *page)
{
	return !IS_ENABLED(CONFIG_SPARSEMEM) || IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP) || page;
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

struct page *kmemx_pages_take_chunk(struct kmemx_pages *pages, enum kmemx_kind kind);
bool kmemx_pages_put_chunk(struct kmemx_pages *pages, struct page *page, u8 *info,
			   enum kmemx_kind kind);
bool kmemx_pages_put_zeroed(struct kmemx_pages *pages, u32 frame, unsigned int order,
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
unsigned int kmemx_pages_recall_chunk(struct kmemx_pages *pages);
int kmemx_pages_alloc_at(struct kmemx_pages *pages, u32 frame, unsigned long nr,
			 enum kmemx_kind kind);
enum kmemx_verdict kmemx_pages_free(struct kmemx_pages *pages, u32 frame,
				    enum kmemx_kind kind, unsigned long nr,
				    struct kmemx_freed *freed);
long kmemx_pages_take_slab(struct kmemx_pages *pages, unsigned int order);
bool kmemx_pages_put_slab(struct kmemx_pages *pages, u32 frame, unsigned int order);
enum kmemx_verdict kmemx_pages_trim(struct kmemx_pages *pages, u32 frame,
				    enum kmemx_kind kind, unsigned long nr, unsigned long keep,
				    struct kmemx_freed *freed);

void kmemx_pages_tally(const struct kmemx_pages *pages,
		       unsigned long nr[KMEMX_NR_KINDS]);
size_t kmemx_pages_meta_bytes(const struct kmemx_pages *pages);

/* Frames that are away to be zeroed, and free for who recalls them; a snapshot. */
static inline unsigned int kmemx_pages_nr_away(const struct kmemx_pages *pages)
{
	return READ_ONCE(pages->away) < 0 ? 0 : KMEMX_CHUNK_FRAMES;
}

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
