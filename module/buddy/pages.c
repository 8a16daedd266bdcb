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
#include "observe/report.h"
#include "observe/stat.h"

#define CHUNK_BYTES	(PAGE_SIZE << KMEMX_CHUNK_ORDER)

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
	pages->span = (hi - lo) >> PAGE_SHIFT;
	pages->nr_leaves = DIV_ROUND_UP((hi - lo) / CHUNK_BYTES, KMEMX_LEAF_CHUNKS);
}

static u32 *new_leaf(void)
{
	u32 *leaf = kmalloc_array(KMEMX_LEAF_CHUNKS, sizeof(*leaf), GFP_KERNEL);

	if (leaf)
		memset32(leaf, KMEMX_NOT_OURS, KMEMX_LEAF_CHUNKS);
	return leaf;
}

static int make_table(struct kmemx_pages *pages)
{
	unsigned int i;

	pages->empty_leaf = new_leaf();
	pages->leaf = kvcalloc(pages->nr_leaves, sizeof(*pages->leaf), GFP_KERNEL);
	if (!pages->empty_leaf || !pages->leaf)
		return -ENOMEM;
	for (i = 0; i < pages->nr_leaves; i++)
		pages->leaf[i] = pages->empty_leaf;
	return 0;
}

/* Let the table say that the chunks of @ext are its own. */
static int map_chunks(struct kmemx_pages *pages, const struct kmemx_extent *ext)
{
	unsigned long i = (chunk_address(ext->pfn) - pages->start) / CHUNK_BYTES;
	unsigned long last = (last_chunk_address(ext) - pages->start) / CHUNK_BYTES;
	u32 c = ext->chunk;

	for (; i <= last; i++, c++) {
		u32 **leaf = &pages->leaf[i >> KMEMX_LEAF_SHIFT];

		if (*leaf == pages->empty_leaf) {
			u32 *new = new_leaf();

			if (!new)
				return -ENOMEM;
			*leaf = new;
		}
		/* A chunk has one state word, so it belongs to one extent. */
		if ((*leaf)[i % KMEMX_LEAF_CHUNKS] != KMEMX_NOT_OURS)
			return -EINVAL;
		(*leaf)[i % KMEMX_LEAF_CHUNKS] = c * KMEMX_CHUNK_FRAMES;
	}
	return 0;
}

static int make_fronts(struct kmemx_pages *pages)
{
	unsigned int cpu, k;

	pages->pcp = alloc_percpu(struct kmemx_pcp);
	if (!pages->pcp)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		for (k = 0; k < KMEMX_PCP_ORDERS; k++)
			per_cpu_ptr(pages->pcp, cpu)->list[k].cap =
				(u16)kmemx_pcp_cap(k, pages->nr_frames, num_possible_cpus());
	return 0;
}

/**
 * kmemx_pages_no_fronts() - let every allocation and free take the long way
 * @pages: the region's frames; nobody uses them yet
 */
void kmemx_pages_no_fronts(struct kmemx_pages *pages)
{
	unsigned int cpu, k;

	for_each_possible_cpu(cpu)
		for (k = 0; k < KMEMX_PCP_ORDERS; k++)
			per_cpu_ptr(pages->pcp, cpu)->list[k].cap = 0;
}

/**
 * kmemx_pages_init() - manage the frames of some extents, all of them free
 * @pages: to fill in
 * @nr_extents: number of extents, at least 1
 * @extent: the extents; no two of them share a chunk. Every page has one reference.
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
		ret = make_fronts(pages);
	if (ret)
		kmemx_pages_fini(pages);
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
	unsigned int i;

	free_percpu(pages->pcp);
	kmemx_zone_fini(&pages->zone);
	for (i = 0; pages->leaf && i < pages->nr_leaves; i++)
		if (pages->leaf[i] != pages->empty_leaf)
			kfree(pages->leaf[i]);
	kvfree(pages->leaf);
	kfree(pages->empty_leaf);
	kvfree(pages->extent);
	memset(pages, 0, sizeof(*pages));
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_fini);

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
static void drop_twice(struct kmemx_pages *pages, u32 frame, unsigned int order)
{
	/* Two frees have been counted, of which one was none. */
	kmemx_stat_add(KMEMX_STAT_PAGE_FREE, -1);
	kmemx_stat_add(KMEMX_STAT_USED_BYTES, PAGE_SIZE << order);
	kmemx_stat_bad_free(KMEMX_FREE_DOUBLE);
	kmemx_report_bad_free(KMEMX_FREE_DOUBLE, kmemx_pages_address(pages, frame), NULL,
			      _RET_IP_);
}

static bool is_front(const struct kmemx_pages *pages, u32 frame, unsigned int order)
{
	return kmemx_pages_info(pages, frame) == (KMEMX_INFO_FRONT | order);
}

/* Let there be a good block to go next: what one word has, if the stack is empty. */
static void refill(struct kmemx_pages *pages, struct kmemx_pcp_list *list, unsigned int order)
{
	unsigned int want = clamp(list->cap / 2, 1U, (u32)KMEMX_PCP_BATCH);

	while (list->nr && !is_front(pages, kmemx_pcp_next(list), order)) {
		drop_twice(pages, kmemx_pcp_next(list), order);
		list->nr--;
	}
	if (!list->nr)
		list->nr = kmemx_zone_take_some(&pages->zone, order, want, list->frame);
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
 * Return: the first frame, or KMEMX_NO_FRAME.
 */
u32 kmemx_pages_take(struct kmemx_pages *pages, unsigned int order, enum kmemx_kind kind)
{
	u32 frame = KMEMX_NO_FRAME;

	preempt_disable();
	if (order < KMEMX_PCP_ORDERS) {
		struct kmemx_pcp *pcp = this_cpu_ptr(pages->pcp);
		struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, order);

		if (list->cap && kmemx_busy_enter(&pcp->busy)) {
			refill(pages, list, order);
			kmemx_busy_leave(&pcp->busy);
			frame = kmemx_pages_pop(pages, order, kind);
		}
	}
	if (frame == KMEMX_NO_FRAME) {
		long past = kmemx_zone_alloc_order(&pages->zone, order, kind);

		if (past >= 0)
			frame = (u32)past;
	}
	preempt_enable();
	return frame;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_take);

/**
 * kmemx_pages_put() - free a block past the front
 * @pages: the region's frames
 * @page: its first page
 * @frame: its first frame, where @page is
 * @order: 0..6
 * @kind: what it was allocated for
 *
 * What is not such a block that nobody else holds is left to kmemx_pages_free(), which
 * says why.
 *
 * Context: any.
 * Return: false if the block was not freed.
 */
bool kmemx_pages_put(struct kmemx_pages *pages, struct page *page, u32 frame,
		     unsigned int order, enum kmemx_kind kind)
{
	u8 info = kmemx_info(kind, order);

	if (kmemx_pages_info(pages, frame) != info || kmemx_pages_any_held(page, order))
		return false;
	/* The claim, as in kmemx_zone_claim(): from here on nobody else frees it. */
	if (!try_cmpxchg(&pages->zone.info[frame], &info, 0))
		return false;
	give_frames(pages, frame, order);
	return true;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_put);

/* Give all that a front holds back to the zone; it is the caller's. */
static void flush(struct kmemx_pages *pages, struct kmemx_pcp *pcp)
{
	unsigned int k;

	for (k = 0; k < KMEMX_PCP_ORDERS; k++) {
		struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, k);

		for (; list->nr; list->nr--) {
			u32 frame = kmemx_pcp_next(list);

			if (!is_front(pages, frame, k) ||
			    !kmemx_zone_free_block(&pages->zone, frame, k))
				drop_twice(pages, frame, k);
		}
	}
}

/* On the CPU of the front. */
static bool empty_front(void *ctx)
{
	struct kmemx_pages *pages = ctx;
	struct kmemx_pcp *pcp = this_cpu_ptr(pages->pcp);

	if (!kmemx_busy_enter(&pcp->busy))
		return false;
	flush(pages, pcp);
	kmemx_busy_leave(&pcp->busy);
	return true;
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
	kmemx_empty_all_cpus(empty_front, pages);
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
	preempt_disable();
	flush(pages, per_cpu_ptr(pages->pcp, cpu));
	preempt_enable();
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
 * kmemx_pages_alloc() - allocate frames in a row
 * @pages: the region's frames
 * @nr: number of frames, at least 1
 * @align: power of two; the physical frame number of the first is a multiple
 * @kind: what for; of a slab, every frame knows its slab
 * @frame: set to the first
 *
 * The memory is as its last user left it.
 *
 * Context: any.
 * Return: 0; -ENOSPC if there is no such run; -EAGAIN if there was one but
 * other CPUs got there first.
 */
int kmemx_pages_alloc(struct kmemx_pages *pages, unsigned long nr, unsigned long align,
		      enum kmemx_kind kind, u32 *frame)
{
	long ret;

	preempt_disable();
	ret = kmemx_zone_alloc(&pages->zone, nr, align, kind);
	preempt_enable();
	if (ret < 0)
		return (int)ret;
	*frame = (u32)ret;
	if (kind == KMEMX_KIND_SLAB)
		kmemx_zone_mark_tails(&pages->zone, *frame, order_base_2(nr), true);
	return 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_alloc);

static struct page *frame_page(const struct kmemx_pages *pages, u32 frame)
{
	return pfn_to_page(kmemx_pages_pfn(pages, frame));
}

/* Does anybody but us hold this frame? */
static bool is_held(const struct kmemx_pages *pages, u32 frame)
{
	return page_ref_count(frame_page(pages, frame)) != 1;
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

/* Returns the frames that were set aside. */
static unsigned int give_block(struct kmemx_pages *pages, u32 frame,
			       unsigned int order)
{
	unsigned int nr = 1U << order;
	unsigned int i, nr_held = 0;

	if (likely(!kmemx_pages_any_held(frame_page(pages, frame), order))) {
		give_frames(pages, frame, order);
		return 0;
	}
	kmemx_zone_quarantine(&pages->zone, frame, order);
	atomic64_add(nr, &pages->nr_quarantined);
	for (i = 0; i < nr; i++, frame++)
		nr_held += !try_release(pages, frame);
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

/**
 * kmemx_pages_sweep() - give back quarantined frames that nobody holds any more
 * @pages: the region's frames
 *
 * Looks at every frame's info byte if there is anything to find.
 *
 * Context: any.
 * Return: the number of frames given back.
 */
unsigned long kmemx_pages_sweep(struct kmemx_pages *pages)
{
	unsigned long nr = 0;
	u32 frame;

	if (!atomic64_read(&pages->nr_quarantined))
		return 0;
	for (frame = 0; frame < kmemx_pages_end(pages); frame++)
		if (kmemx_info_kind(kmemx_pages_info(pages, frame)) == KMEMX_KIND_QUARANTINE)
			nr += try_release(pages, frame);
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_sweep);

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
	size_t leaf = KMEMX_LEAF_CHUNKS * sizeof(**pages->leaf);
	size_t bytes = pages->zone.meta_bytes + leaf;
	unsigned int i;

	bytes += pages->nr_leaves * sizeof(*pages->leaf);
	bytes += pages->zone.nr_extents * sizeof(*pages->extent);
	for (i = 0; i < pages->nr_leaves; i++)
		if (pages->leaf[i] != pages->empty_leaf)
			bytes += leaf;
	return bytes;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_meta_bytes);
