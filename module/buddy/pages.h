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

#include <kmemx/compat.h>

#include "buddy/zone.h"

#define KMEMX_LEAF_SHIFT	9
#define KMEMX_LEAF_CHUNKS	BIT(KMEMX_LEAF_SHIFT)
#define KMEMX_NO_CHUNK		U32_MAX

/**
 * struct kmemx_pages - the frames of a region
 * @zone: the frames
 * @extent: where they are
 * @start: linear address of the lowest chunk with a frame of ours
 * @bytes: from @start to the end of the highest chunk
 * @leaf: two-level table, chunk number from @start to the zone's, or KMEMX_NO_CHUNK
 * @nr_leaves: entries of @leaf
 * @empty_leaf: a leaf without chunks, for all such entries
 * @nr_frames: frames that exist
 * @nr_quarantined: frames set aside because somebody held them when they were
 *		    freed
 */
struct kmemx_pages {
	struct kmemx_zone zone;
	struct kmemx_extent *extent;
	unsigned long start;
	unsigned long bytes;
	u32 **leaf;
	unsigned int nr_leaves;
	u32 *empty_leaf;
	unsigned long nr_frames;
	atomic64_t nr_quarantined;
};

int kmemx_pages_init(struct kmemx_pages *pages, unsigned int nr_extents,
		     const struct kmemx_extent *extent);
void kmemx_pages_fini(struct kmemx_pages *pages);

/* The info byte of a frame. */
static inline u8 kmemx_pages_info(const struct kmemx_pages *pages, u32 frame)
{
	return READ_ONCE(pages->zone.info[frame]);
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
	unsigned long offset = (unsigned long)addr - pages->start;
	unsigned long chunk = offset >> (PAGE_SHIFT + KMEMX_CHUNK_ORDER);
	u32 c;

	if (unlikely(offset >= pages->bytes))
		return false;
	c = pages->leaf[chunk >> KMEMX_LEAF_SHIFT][chunk % KMEMX_LEAF_CHUNKS];
	if (unlikely(c == KMEMX_NO_CHUNK))
		return false;
	*frame = c * KMEMX_CHUNK_FRAMES + (offset >> PAGE_SHIFT) % KMEMX_CHUNK_FRAMES;
	return kmemx_pages_info(pages, *frame) != KMEMX_INFO_ABSENT;
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

void kmemx_pages_tally(const struct kmemx_pages *pages,
		       unsigned long nr[KMEMX_NR_KINDS]);
size_t kmemx_pages_meta_bytes(const struct kmemx_pages *pages);

/* Frames that may be allocated; a snapshot. */
static inline unsigned long kmemx_pages_nr_free(const struct kmemx_pages *pages)
{
	return kmemx_zone_nr_free(&pages->zone);
}

#endif /* KMEMX_BUDDY_PAGES_H */
