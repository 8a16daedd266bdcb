/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The page frames of a region: one or several extents, the way from an address
 * to its extent, and what kmemx owes the kernel for using its struct pages.
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

#include <kmemx/compat.h>

#include "buddy/extent.h"

#define KMEMX_LEAF_SHIFT	9
#define KMEMX_LEAF_CHUNKS	BIT(KMEMX_LEAF_SHIFT)

/**
 * struct kmemx_pages - the frames of a region
 * @extent: the extents
 * @nr_extents: how many
 * @start: linear address of the lowest chunk with a frame of ours
 * @start_pfn: its page frame number
 * @bytes: from @start to the end of the highest chunk
 * @leaf: two-level table, chunk number from @start to its extent or NULL
 * @nr_leaves: entries of @leaf
 * @nr_ids: every frame has an id, 0..@nr_ids - 1, dense but for the frames that
 *	    are missing at the ends of extents
 * @nr_frames: frames that exist
 * @nr_quarantined: frames set aside because somebody held them when they were
 *		    freed
 */
struct kmemx_pages {
	struct kmemx_extent *extent;
	unsigned int nr_extents;
	unsigned long start;
	unsigned long start_pfn;
	unsigned long bytes;
	struct kmemx_extent ***leaf;
	unsigned int nr_leaves;
	u32 nr_ids;
	unsigned long nr_frames;
	atomic64_t nr_quarantined;
};

/* A place in the region. */
struct kmemx_frame {
	struct kmemx_extent *ext;
	unsigned int index;
};

/* A run of page frames as a backend gives it. */
struct kmemx_run {
	unsigned long pfn;
	unsigned long nr_frames;
};

int kmemx_pages_init(struct kmemx_pages *pages, unsigned int nr_runs,
		     const struct kmemx_run *run);
void kmemx_pages_fini(struct kmemx_pages *pages);

/**
 * kmemx_pages_find() - which frame is at this address?
 * @pages: the region's frames
 * @addr: any value at all; it is not dereferenced
 * @frame: set to the frame
 *
 * Return: false if no frame of the region is at @addr.
 */
static inline bool kmemx_pages_find(const struct kmemx_pages *pages, const void *addr,
				    struct kmemx_frame *frame)
{
	unsigned long offset = (unsigned long)addr - pages->start;
	unsigned long chunk = offset >> (PAGE_SHIFT + KMEMX_CHUNK_ORDER);
	struct kmemx_extent **leaf;

	if (offset >= pages->bytes)
		return false;
	leaf = pages->leaf[chunk >> KMEMX_LEAF_SHIFT];
	if (!leaf)
		return false;
	frame->ext = leaf[chunk % KMEMX_LEAF_CHUNKS];
	if (!frame->ext)
		return false;
	frame->index = (unsigned int)(pages->start_pfn + (offset >> PAGE_SHIFT) -
				      frame->ext->base_pfn);
	return frame->index >= frame->ext->first && frame->index < frame->ext->end;
}

static inline u8 kmemx_frame_info(struct kmemx_frame frame)
{
	return READ_ONCE(frame.ext->info[frame.index]);
}

static inline void *kmemx_frame_address(struct kmemx_frame frame)
{
	return kmemx_pfn_address(frame.ext->base_pfn + frame.index);
}

static inline u32 kmemx_frame_id(struct kmemx_frame frame)
{
	return frame.ext->first_id + frame.index;
}

/* What a free came to, in frames: those that were allocated, those set aside. */
struct kmemx_freed {
	unsigned long nr_frames;
	unsigned long nr_held;
};

int kmemx_pages_alloc(struct kmemx_pages *pages, unsigned long nr, unsigned long align,
		      enum kmemx_kind kind, struct kmemx_frame *frame);
enum kmemx_verdict kmemx_pages_free(struct kmemx_pages *pages, struct kmemx_frame frame,
				    enum kmemx_kind kind, unsigned long nr,
				    struct kmemx_freed *freed);
unsigned long kmemx_pages_sweep(struct kmemx_pages *pages);

unsigned long kmemx_pages_nr_free(const struct kmemx_pages *pages);
unsigned long kmemx_pages_largest(const struct kmemx_pages *pages);
void kmemx_pages_tally(const struct kmemx_pages *pages,
		       unsigned long nr[KMEMX_NR_KINDS]);
size_t kmemx_pages_meta_bytes(const struct kmemx_pages *pages);

#endif /* KMEMX_BUDDY_PAGES_H */
