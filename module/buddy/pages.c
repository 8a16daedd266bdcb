// SPDX-License-Identifier: GPL-2.0
/*
 * Extents, addresses and struct pages of a region; see pages.h.
 */
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "buddy/pages.h"

#define CHUNK_BYTES	(PAGE_SIZE << KMEMX_CHUNK_ORDER)

static unsigned long chunk_address(unsigned long pfn)
{
	return round_down((unsigned long)kmemx_pfn_address(pfn), CHUNK_BYTES);
}

/* The linear addresses that the runs span, in whole chunks. */
static void set_span(struct kmemx_pages *pages, unsigned int nr_runs,
		     const struct kmemx_run *run)
{
	unsigned long lo = ULONG_MAX, hi = 0;
	unsigned int i;

	for (i = 0; i < nr_runs; i++) {
		lo = min(lo, chunk_address(run[i].pfn));
		hi = max(hi, chunk_address(run[i].pfn + run[i].nr_frames - 1) + CHUNK_BYTES);
	}
	pages->start = lo;
	pages->start_pfn = PHYS_PFN(__pa(lo));
	pages->bytes = hi - lo;
	pages->nr_leaves = DIV_ROUND_UP(pages->bytes / CHUNK_BYTES, KMEMX_LEAF_CHUNKS);
}

/* Let the table say that the chunks of @ext are its own. */
static int map_chunks(struct kmemx_pages *pages, struct kmemx_extent *ext)
{
	unsigned long first = (chunk_address(ext->base_pfn) - pages->start) / CHUNK_BYTES;
	unsigned long c;

	for (c = first; c < first + ext->nr_chunks; c++) {
		struct kmemx_extent ***leaf = &pages->leaf[c >> KMEMX_LEAF_SHIFT];

		if (!*leaf)
			*leaf = kcalloc(KMEMX_LEAF_CHUNKS, sizeof(**leaf), GFP_KERNEL);
		if (!*leaf)
			return -ENOMEM;
		/* A chunk has one state word, so it belongs to one extent. */
		if ((*leaf)[c % KMEMX_LEAF_CHUNKS])
			return -EINVAL;
		(*leaf)[c % KMEMX_LEAF_CHUNKS] = ext;
	}
	return 0;
}

static int add_extent(struct kmemx_pages *pages, const struct kmemx_run *run)
{
	struct kmemx_extent *ext = &pages->extent[pages->nr_extents++];
	int ret;

	/* Ids and frame numbers are 32 bits wide. */
	if (run->nr_frames + pages->nr_ids > U32_MAX / 2)
		return -EINVAL;
	ret = kmemx_extent_init(ext, run->pfn, run->nr_frames);
	if (ret)
		return ret;
	ext->first_id = pages->nr_ids;
	pages->nr_ids += ext->nr_chunks * KMEMX_CHUNK_FRAMES;
	pages->nr_frames += run->nr_frames;
	return map_chunks(pages, ext);
}

/**
 * kmemx_pages_init() - manage the frames of some runs, all of them free
 * @pages: to fill in
 * @nr_runs: number of runs, at least 1
 * @run: the runs; no two of them share a chunk. Every page has one reference.
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM, or -EINVAL if two runs share a chunk or they are more than
 * 2^31 frames.
 */
int kmemx_pages_init(struct kmemx_pages *pages, unsigned int nr_runs,
		     const struct kmemx_run *run)
{
	unsigned int i;
	int ret;

	memset(pages, 0, sizeof(*pages));
	set_span(pages, nr_runs, run);
	pages->leaf = kcalloc(pages->nr_leaves, sizeof(*pages->leaf), GFP_KERNEL);
	pages->extent = kcalloc(nr_runs, sizeof(*pages->extent), GFP_KERNEL);
	ret = pages->leaf && pages->extent ? 0 : -ENOMEM;
	for (i = 0; !ret && i < nr_runs; i++)
		ret = add_extent(pages, &run[i]);
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

	for (i = 0; i < pages->nr_extents; i++)
		kmemx_extent_fini(&pages->extent[i]);
	kfree(pages->extent);
	for (i = 0; pages->leaf && i < pages->nr_leaves; i++)
		kfree(pages->leaf[i]);
	kfree(pages->leaf);
	memset(pages, 0, sizeof(*pages));
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_fini);

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
		      enum kmemx_kind kind, struct kmemx_frame *frame)
{
	int ret = -ENOSPC;
	unsigned int i;

	for (i = 0; i < pages->nr_extents; i++) {
		struct kmemx_extent *ext = &pages->extent[i];
		long index;

		preempt_disable();
		index = kmemx_extent_alloc(ext, nr, align, kind);
		preempt_enable();
		if (index >= 0) {
			frame->ext = ext;
			frame->index = (unsigned int)index;
			if (kind == KMEMX_KIND_SLAB)
				kmemx_extent_mark_tails(ext, frame->index,
							order_base_2(nr), true);
			return 0;
		}
		if (index == -EAGAIN)
			ret = -EAGAIN;
	}
	return ret;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_alloc);

static struct page *frame_page(struct kmemx_frame frame)
{
	return pfn_to_page(frame.ext->base_pfn + frame.index);
}

/* Does anybody but us hold this frame? */
static bool is_held(struct kmemx_frame frame)
{
	return page_ref_count(frame_page(frame)) != 1;
}

static bool any_held(struct kmemx_frame frame, unsigned int nr)
{
	for (; nr; nr--, frame.index++)
		if (is_held(frame))
			return true;
	return false;
}

/*
 * Preemption is off while a chunk is changed and published, so that nobody is
 * held up by a task that does not run.
 */
static void give_frames(struct kmemx_frame frame, unsigned int order)
{
	if (want_init_on_free())
		memset(kmemx_frame_address(frame), 0, PAGE_SIZE << order);
	preempt_disable();
	kmemx_extent_give(frame.ext, frame.index, order);
	preempt_enable();
}

/* Give a quarantined frame back unless it is still held. */
static bool try_release(struct kmemx_pages *pages, struct kmemx_frame frame)
{
	u8 info;

	if (is_held(frame))
		return false;
	if (kmemx_extent_claim(frame.ext, frame.index, KMEMX_KIND_QUARANTINE, 1, &info))
		return false;
	give_frames(frame, 0);
	atomic64_add(-1, &pages->nr_quarantined);
	return true;
}

/* Returns the frames that were set aside. */
static unsigned int give_block(struct kmemx_pages *pages, struct kmemx_frame frame,
			       unsigned int order)
{
	unsigned int nr = 1U << order;
	unsigned int i, nr_held = 0;

	if (likely(!any_held(frame, nr))) {
		give_frames(frame, order);
		return 0;
	}
	kmemx_extent_quarantine(frame.ext, frame.index, order);
	atomic64_add(nr, &pages->nr_quarantined);
	for (i = 0; i < nr; i++, frame.index++)
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
enum kmemx_verdict kmemx_pages_free(struct kmemx_pages *pages, struct kmemx_frame frame,
				    enum kmemx_kind kind, unsigned long nr,
				    struct kmemx_freed *freed)
{
	enum kmemx_verdict verdict;
	u8 info;

	verdict = kmemx_extent_claim(frame.ext, frame.index, kind, nr, &info);
	if (verdict)
		return verdict;
	if (kind == KMEMX_KIND_SLAB)
		kmemx_extent_mark_tails(frame.ext, frame.index, kmemx_info_order(info),
					false);
	else if (!in_nmi())
		kmemleak_free(kmemx_frame_address(frame));
	*freed = (struct kmemx_freed){ 0 };
	for (;;) {
		struct kmemx_frame block = frame;
		unsigned int order = kmemx_info_order(info);
		bool more = info & KMEMX_INFO_MORE;

		if (more)
			frame.index = kmemx_extent_next(frame.ext, frame.index, &info);
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
	struct kmemx_frame frame;
	unsigned long nr = 0;
	unsigned int i;

	if (!atomic64_read(&pages->nr_quarantined))
		return 0;
	for (i = 0; i < pages->nr_extents; i++) {
		frame.ext = &pages->extent[i];
		for (frame.index = frame.ext->first; frame.index < frame.ext->end; frame.index++)
			if (kmemx_info_kind(kmemx_frame_info(frame)) == KMEMX_KIND_QUARANTINE)
				nr += try_release(pages, frame);
	}
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_sweep);

/**
 * kmemx_pages_nr_free() - frames that may be allocated
 * @pages: the region's frames
 *
 * Return: the sum over the extents; a snapshot.
 */
unsigned long kmemx_pages_nr_free(const struct kmemx_pages *pages)
{
	unsigned long nr = 0;
	unsigned int i;

	for (i = 0; i < pages->nr_extents; i++)
		nr += kmemx_extent_nr_free(&pages->extent[i]);
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_nr_free);

/**
 * kmemx_pages_largest() - the longest run that could be allocated
 * @pages: the region's frames
 *
 * Return: its frames; a snapshot.
 */
unsigned long kmemx_pages_largest(const struct kmemx_pages *pages)
{
	unsigned long nr = 0;
	unsigned int i;

	for (i = 0; i < pages->nr_extents; i++)
		nr = max(nr, kmemx_extent_largest(&pages->extent[i]));
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_largest);

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
	struct kmemx_frame frame;
	unsigned long used = 0;
	unsigned int i;

	memset(nr, 0, KMEMX_NR_KINDS * sizeof(*nr));
	for (i = 0; i < pages->nr_extents; i++) {
		enum kmemx_kind kind = KMEMX_KIND_NONE;

		frame.ext = &pages->extent[i];
		for (frame.index = frame.ext->first; frame.index < frame.ext->end; frame.index++) {
			u8 info = kmemx_frame_info(frame);

			if (!info || kmemx_info_kind(info) == KMEMX_KIND_SLAB_TAIL)
				continue;
			if (kmemx_info_kind(info) != KMEMX_KIND_MORE)
				kind = kmemx_info_kind(info);
			nr[kind] += 1UL << kmemx_info_order(info);
			used += 1UL << kmemx_info_order(info);
		}
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
	size_t bytes = pages->nr_leaves * sizeof(*pages->leaf);
	unsigned int i;

	for (i = 0; i < pages->nr_leaves; i++)
		if (pages->leaf[i])
			bytes += KMEMX_LEAF_CHUNKS * sizeof(**pages->leaf);
	for (i = 0; i < pages->nr_extents; i++)
		bytes += sizeof(pages->extent[i]) + pages->extent[i].meta_bytes;
	return bytes;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_meta_bytes);
