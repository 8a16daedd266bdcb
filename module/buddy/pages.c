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

#include "buddy/pages_front.h"
#include "buddy/pages_quarantine.h"
#include "buddy/zone_run.h"
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

/* Nobody knows the zone yet. */
static int make_held(struct kmemx_pages *pages)
{
	unsigned int nr_words = pages->zone.nr_chunks * KMEMX_CHUNK_WORDS;

	pages->held_mem = kvzalloc(kmemx_summary_bytes(nr_words), GFP_KERNEL);
	if (!pages->held_mem)
		return -ENOMEM;
	kmemx_summary_init(&pages->held, pages->held_mem, nr_words);
	return 0;
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
			clear_page(kmemx_pfn_address(ext->pfn + k));
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
	raw_spin_lock_init(&pages->zeroing);
	pages->away = -1;
	pages->drained_at = jiffies - KMEMX_DRAINED_TICKS;
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
		ret = kmemx_pages_make_fronts(pages);
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
	kmemx_pages_free_fronts(pages);
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

/* ---- Whole chunks, and what has to be zeroed ---------------------------- */

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
	bool freed = false;

	if (READ_ONCE(*info) != kmemx_info(kind, KMEMX_CHUNK_ORDER) || want_init_on_free() ||
	    kmemx_pages_any_held(page, KMEMX_CHUNK_ORDER))
		return false;
	preempt_disable();
	/* Once more, since the references of all its pages have come between. */
	if (likely(READ_ONCE(*info) == kmemx_info(kind, KMEMX_CHUNK_ORDER))) {
		/* As kmemx_zone_free_block(), inline. */
		WRITE_ONCE(*info, 0);
		freed = kmemx_zone_give_chunk(&pages->zone, kmemx_pages_number(pages, info) /
					      KMEMX_CHUNK_FRAMES, KMEMX_STATE_ALL_FREE);
	}
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
	u8 info = kmemx_info(kind, order);

	/* As kmemx_zone_claim(), of one block and nothing else. */
	if (!try_cmpxchg(&pages->zone.info[frame], &info, 0))
		return false;
	kmemx_pages_give_frames(pages, frame, order);
	return true;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_put_zeroed);

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
 * The memory is as its last user left it, unless kmemx_pages_free_is_zero().
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

/* Take a chunk to zero it; returns its first frame, or less than 0 if there is none now. */
static long take_away(struct kmemx_pages *pages)
{
	unsigned long flags;
	long frame = -1;

	raw_spin_lock_irqsave(&pages->zeroing, flags);
	if (pages->away < 0 && !READ_ONCE(pages->is_recalled)) {
		frame = kmemx_zone_take_unzeroed(&pages->zone);
		WRITE_ONCE(pages->away, max(frame, -1L));
	}
	WRITE_ONCE(pages->is_recalled, false);
	raw_spin_unlock_irqrestore(&pages->zeroing, flags);
	return frame;
}

/* Zero one page of the chunk that is away; returns false if it has been recalled. */
static bool zero_page(struct kmemx_pages *pages, long chunk, unsigned int i)
{
	unsigned long flags;
	bool is_away;

	raw_spin_lock_irqsave(&pages->zeroing, flags);
	is_away = pages->away == chunk;
	if (is_away)
		clear_page(kmemx_pages_address(pages, (u32)chunk + i));
	raw_spin_unlock_irqrestore(&pages->zeroing, flags);
	return is_away;
}

static bool bring_back(struct kmemx_pages *pages, long chunk)
{
	unsigned long flags;
	bool is_away;

	raw_spin_lock_irqsave(&pages->zeroing, flags);
	is_away = pages->away == chunk;
	if (is_away) {
		kmemx_zone_give_zeroed(&pages->zone, (u32)chunk);
		WRITE_ONCE(pages->away, -1);
	}
	raw_spin_unlock_irqrestore(&pages->zeroing, flags);
	return is_away;
}

/**
 * kmemx_pages_zero_chunk() - zero a free chunk, ahead of need
 * @pages: the region's frames
 *
 * It is allocated meanwhile, so that free memory is not written to.
 *
 * Context: may sleep. One caller at a time.
 * Return: false if there is none that is not known to be zero, or kmemx_pages_recall_chunk() was
 * called since the last time, or has taken this one back.
 */
bool kmemx_pages_zero_chunk(struct kmemx_pages *pages)
{
	long chunk = take_away(pages);
	unsigned int i;

	if (chunk < 0)
		return false;
	for (i = 0; i < KMEMX_CHUNK_FRAMES; i++) {
		if (!zero_page(pages, chunk, i))
			return false;
		cond_resched();
	}
	if (!bring_back(pages, chunk))
		return false;
	kmemx_stat_add(KMEMX_STAT_ZEROED_AHEAD, CHUNK_BYTES);
	return true;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_zero_chunk);

/**
 * kmemx_pages_recall_chunk() - take back the chunk that is away to be zeroed
 * @pages: the region's frames
 *
 * Waits for a page to be zeroed at most, not for who does it to run. The next chunk is not
 * taken but after a pause; see prezero.c.
 *
 * Context: any; in NMI it may do nothing.
 * Return: frames made free.
 */
unsigned int kmemx_pages_recall_chunk(struct kmemx_pages *pages)
{
	unsigned int nr = 0;
	unsigned long flags;

	/* As a rule none ever is, and many may come here at the same time. */
	if (!READ_ONCE(pages->zeroes_ahead) && READ_ONCE(pages->away) < 0) {
		WRITE_ONCE(pages->is_recalled, true);
		return 0;
	}
	if (!in_nmi())
		raw_spin_lock_irqsave(&pages->zeroing, flags);
	else if (!raw_spin_trylock_irqsave(&pages->zeroing, flags))
		return 0;
	WRITE_ONCE(pages->is_recalled, true);
	if (pages->away >= 0) {
		kmemx_zone_give(&pages->zone, (u32)pages->away, KMEMX_CHUNK_ORDER);
		WRITE_ONCE(pages->away, -1);
		nr = KMEMX_CHUNK_FRAMES;
	}
	raw_spin_unlock_irqrestore(&pages->zeroing, flags);
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_recall_chunk);

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

/**
 * kmemx_pages_free() - free an allocation
 * @pages: the region's frames
 * @frame: its first frame
 * @kind: what it was allocated for
 * @nr: its frames, as for kmemx_zone_claim()
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
	else if (kind != KMEMX_KIND_PAGES && !in_nmi())
		kmemleak_free(kmemx_pages_address(pages, frame));
	*freed = (struct kmemx_freed){ 0 };
	for (;;) {
		u32 block = frame;
		unsigned int order = kmemx_info_order(info);
		bool more = info & KMEMX_INFO_MORE;

		if (more)
			frame = kmemx_zone_next(&pages->zone, frame, &info);
		freed->nr_held += kmemx_pages_give_block(pages, block, order);
		freed->nr_frames += 1UL << order;
		if (!more)
			return KMEMX_FREE_OK;
	}
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_free);

static void split(struct kmemx_pages *pages, u32 frame, unsigned int order, unsigned int keep)
{
	preempt_disable();
	kmemx_zone_split(&pages->zone, frame, order, keep);
	preempt_enable();
}

/* Give back the blocks that frames @frame to @end - 1 are. */
static void give_range(struct kmemx_pages *pages, u32 frame, u32 end, struct kmemx_freed *freed)
{
	while (frame < end) {
		unsigned int order = kmemx_zone_first_order(frame, end - frame);

		freed->nr_held += kmemx_pages_give_block(pages, frame, order);
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
 * @nr: its frames, as for kmemx_zone_claim()
 * @keep: frames to keep, at least 1; if it has no more, nothing happens
 * @freed: set to what was freed
 *
 * As for kmemx_pages_free() with the frames that go. If some do, and not in NMI, kmemleak
 * knows nothing of the allocation any more.
 *
 * Context: any.
 * Return: the verdict; nothing has changed unless it is KMEMX_FREE_OK.
 */
enum kmemx_verdict kmemx_pages_trim(struct kmemx_pages *pages, u32 frame,
				    enum kmemx_kind kind, unsigned long nr, unsigned long keep,
				    struct kmemx_freed *freed)
{
	unsigned long left = keep;
	enum kmemx_verdict verdict;
	u32 block = frame;
	u8 info;

	*freed = (struct kmemx_freed){ 0 };
	/* Nobody frees it meanwhile. */
	verdict = kmemx_zone_claim(&pages->zone, frame, kind, nr, &info);
	if (verdict)
		return verdict;
	for (;;) {
		unsigned int order = kmemx_info_order(info);
		unsigned long stay = min(left, 1UL << order);
		bool more = info & KMEMX_INFO_MORE;
		u32 end = block + (1U << order), next = end;

		if (more)
			next = kmemx_zone_next(&pages->zone, block, &info);
		if (stay && block + stay < end)
			split(pages, block, order, (unsigned int)stay);
		/* Before anybody else has what goes; who calls tells kmemleak of the rest. */
		if (stay < 1UL << order && !freed->nr_frames && kind != KMEMX_KIND_PAGES &&
		    !in_nmi())
			kmemleak_free(kmemx_pages_address(pages, frame));
		give_range(pages, block + (u32)stay, end, freed);
		left -= stay;
		block = next;
		if (!more)
			break;
	}
	kmemx_zone_write_info(&pages->zone, frame, keep - left, kind);
	return KMEMX_FREE_OK;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_trim);

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
		kmemx_summary_bytes(pages->zone.nr_chunks * KMEMX_CHUNK_WORDS) +
		nr_span_chunks(pages) * sizeof(*pages->chunk_info) +
		pages->zone.nr_extents * sizeof(*pages->extent) +
		num_possible_cpus() *
		(sizeof(struct kmemx_pcp) + kmemx_parcel_bytes(pages) +
		 kmemx_pages_front_blocks(pages) * sizeof(struct kmemx_pcp_block));
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_meta_bytes);
