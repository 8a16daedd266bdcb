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

#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/preempt.h>

#include <kmemx/compat.h>

#include "buddy/pcp.h"
#include "buddy/zone.h"

#define KMEMX_LEAF_SHIFT	9
#define KMEMX_LEAF_CHUNKS	BIT(KMEMX_LEAF_SHIFT)
/* What the table has for a chunk that is not ours: above all frames, and with any
 * place in it below KMEMX_NO_FRAME or equal to it.
 */
#define KMEMX_NOT_OURS		(KMEMX_NO_FRAME - (KMEMX_CHUNK_FRAMES - 1))

/**
 * struct kmemx_pages - the frames of a region
 * @zone: the frames
 * @extent: where they are
 * @pcp: what each CPU has for itself
 * @start: linear address of the lowest chunk with a frame of ours
 * @start_pfn: its page frame number
 * @span: frames from there to the end of the highest chunk
 * @leaf: two-level table, from the number of a chunk behind @start to its frame 0 in
 *	  the zone, or KMEMX_NOT_OURS
 * @nr_leaves: entries of @leaf
 * @empty_leaf: a leaf without chunks, for all such entries
 * @nr_frames: frames that exist
 * @nr_quarantined: frames set aside because somebody held them when they were
 *		    freed
 */
struct kmemx_pages {
	struct kmemx_zone zone;
	struct kmemx_extent *extent;
	struct kmemx_pcp __percpu *pcp;
	unsigned long start;
	unsigned long start_pfn;
	unsigned long span;
	u32 **leaf;
	unsigned int nr_leaves;
	u32 *empty_leaf;
	unsigned long nr_frames;
	atomic64_t nr_quarantined;
};

int kmemx_pages_init(struct kmemx_pages *pages, unsigned int nr_extents,
		     const struct kmemx_extent *extent);
void kmemx_pages_no_fronts(struct kmemx_pages *pages);
void kmemx_pages_fini(struct kmemx_pages *pages);

/* The info byte of a frame. */
static inline u8 kmemx_pages_info(const struct kmemx_pages *pages, u32 frame)
{
	return READ_ONCE(pages->zone.info[frame]);
}

/*
 * The number of the frame that is @i frames behind the start, which may be any value.
 * It may be absent, or, at or above KMEMX_NOT_OURS, none at all.
 */
static inline u32 kmemx_pages_number(const struct kmemx_pages *pages, unsigned long i)
{
	unsigned long chunk = i / KMEMX_CHUNK_FRAMES;
	u32 base;

	if (unlikely(i >= pages->span))
		return KMEMX_NO_FRAME;
	base = pages->leaf[chunk >> KMEMX_LEAF_SHIFT][chunk % KMEMX_LEAF_CHUNKS];
	return base | i % KMEMX_CHUNK_FRAMES;
}

/**
 * kmemx_pages_find() - which frame is at this address?
 * @pages: the region's frames
 * @addr: any value at all; it is not dereferenced
 * @frame: set to the frame's number
 *
 * Return: false if no frame of the region is at @addr.
 */
static inline bool kmemx_pages_find(const struct kmemx_pages *pages, const void *addr,
				    u32 *frame)
{
	*frame = kmemx_pages_number(pages, ((unsigned long)addr - pages->start) >> PAGE_SHIFT);
	return *frame < KMEMX_NOT_OURS &&
		kmemx_pages_info(pages, *frame) != KMEMX_INFO_ABSENT;
}

static inline unsigned long kmemx_pages_pfn(const struct kmemx_pages *pages, u32 frame)
{
	return kmemx_zone_pfn(&pages->zone, frame);
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

u32 kmemx_pages_take(struct kmemx_pages *pages, unsigned int order, enum kmemx_kind kind);
bool kmemx_pages_put(struct kmemx_pages *pages, struct page *page, u32 frame,
		     unsigned int order, enum kmemx_kind kind);

/* The references to @nr pages in a row, an even number. */
static __always_inline int kmemx_pages_sum_refs(const struct page *page, unsigned int nr)
{
	const struct page *end = page + nr;
	int sum = 0;

	for (; nr >= 8; nr -= 8, page += 8)
		sum += page_ref_count(page) + page_ref_count(page + 1) +
			page_ref_count(page + 2) + page_ref_count(page + 3) +
			page_ref_count(page + 4) + page_ref_count(page + 5) +
			page_ref_count(page + 6) + page_ref_count(page + 7);
	for (; page < end; page += 2)
		sum += page_ref_count(page) + page_ref_count(page + 1);
	return sum;
}

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
	if (likely(!order))
		return page_ref_count(page) != 1;
	return kmemx_pages_sum_refs(page, 1U << order) != 1 << order;
}

/**
 * kmemx_pages_pop() - allocate a block from this CPU's front, if it has one
 * @pages: the region's frames
 * @order: 0..KMEMX_PCP_ORDERS - 1
 * @kind: what for
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
 * Return: the first frame, or KMEMX_NO_FRAME.
 */
static __always_inline u32 kmemx_pages_pop(struct kmemx_pages *pages, unsigned int order,
					   enum kmemx_kind kind)
{
	u32 frame = KMEMX_NO_FRAME;
	struct kmemx_pcp *pcp;

	preempt_disable();
	pcp = this_cpu_ptr(pages->pcp);
	if (likely(kmemx_busy_enter(&pcp->busy))) {
		struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, order);

		if (likely(list->nr)) {
			u32 next = kmemx_pcp_next(list);
			u8 *info = &pages->zone.info[next];

			if (likely(READ_ONCE(*info) == (KMEMX_INFO_FRONT | order))) {
				WRITE_ONCE(*info, kmemx_info(kind, order));
				list->nr--;
				frame = next;
			}
		}
		kmemx_busy_leave(&pcp->busy);
	}
	preempt_enable();
	return frame;
}

/**
 * kmemx_pages_push() - free a block to this CPU's front, if there is room
 * @pages: the region's frames
 * @page: its first page
 * @frame: its first frame, where @page is
 * @order: 0..KMEMX_PCP_ORDERS - 1
 * @kind: what it was allocated for
 *
 * The hot path of frees, as kmemx_pages_pop(); kmemx_pages_put() is next.
 *
 * Context: any.
 * Return: false if the block was not freed.
 */
static __always_inline bool kmemx_pages_push(struct kmemx_pages *pages, struct page *page,
					     u32 frame, unsigned int order,
					     enum kmemx_kind kind)
{
	bool freed = false;
	struct kmemx_pcp *pcp;

	preempt_disable();
	pcp = this_cpu_ptr(pages->pcp);
	if (likely(kmemx_busy_enter(&pcp->busy))) {
		struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, order);

		if (likely(kmemx_pages_info(pages, frame) == kmemx_info(kind, order)) &&
		    likely(list->nr < list->cap) &&
		    likely(!kmemx_pages_any_held(page, order)) && !want_init_on_free()) {
			WRITE_ONCE(pages->zone.info[frame], KMEMX_INFO_FRONT | order);
			kmemx_pcp_add(list, frame);
			freed = true;
		}
		kmemx_busy_leave(&pcp->busy);
	}
	preempt_enable();
	return freed;
}

/* What a free came to, in frames: those that were allocated, those set aside. */
struct kmemx_freed {
	unsigned long nr_frames;
	unsigned long nr_held;
};

int kmemx_pages_alloc(struct kmemx_pages *pages, unsigned long nr, unsigned long align,
		      enum kmemx_kind kind, u32 *frame);
enum kmemx_verdict kmemx_pages_free(struct kmemx_pages *pages, u32 frame,
				    enum kmemx_kind kind, unsigned long nr,
				    struct kmemx_freed *freed);
unsigned long kmemx_pages_sweep(struct kmemx_pages *pages);
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

#endif /* KMEMX_BUDDY_PAGES_H */
