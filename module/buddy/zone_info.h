/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Info bytes: what a block is used for, and how large it is.
 *
 * The info byte of a frame is zero unless a block starts there that is not in the
 * chunk's map as free; but for the further frames of a slab, and those that do not exist. A
 * free block has no bytes to clean, so a block that is taken anew has zeroes inside.
 *
 * Of any number of CPUs that free the same block, one succeeds, and the others have found a
 * double free. Which one that is, the bits of the block decide where it is at most a word,
 * and the state word where it is a chunk, kmemx_zone_free_block(); else the
 * compare-and-exchange that zeroes the byte, kmemx_zone_claim(): for a row of blocks, and what
 * has to be zeroed, to be set aside, or to be trimmed.
 *
 * Locking: none, as in chunk.h.
 */
#ifndef KMEMX_BUDDY_ZONE_INFO_H
#define KMEMX_BUDDY_ZONE_INFO_H

#include <kmemx/platform.h>
#include <kmemx/verdict.h>
#include "buddy/zone.h"

/* What a block that is not free is used for; bits 5-7 of an info byte. */
enum kmemx_kind {
	KMEMX_KIND_NONE,	/* Free, or inside a block. */
	KMEMX_KIND_PAGES,	/* kmemx_alloc_pages() */
	KMEMX_KIND_LARGE,	/* kmemx_alloc() beyond the size classes */
	KMEMX_KIND_CONTIG,	/* kmemx_alloc_contig() */
	KMEMX_KIND_SLAB,	/* First frame of a slab. */
	KMEMX_KIND_SLAB_TAIL,	/* Further frame of a slab. */
	KMEMX_KIND_MORE,	/* Continues the allocation before it. */
	KMEMX_KIND_QUARANTINE,	/* Freed, but somebody still holds the page. */
	KMEMX_NR_KINDS
};

#define KMEMX_INFO_ORDER_MASK	0x0f
#define KMEMX_INFO_MORE		0x10	/* The next block is part of this allocation. */
#define KMEMX_INFO_KIND_SHIFT	5

/* With no kind: a free block in some CPU's front; see pcp.h. */
#define KMEMX_INFO_FRONT	KMEMX_INFO_MORE
/* A frame before or behind its extent, in a chunk that is not all ours. */
#define KMEMX_INFO_ABSENT	KMEMX_INFO_ORDER_MASK

static inline u8 kmemx_info(enum kmemx_kind kind, unsigned int order)
{
	return (u8)((unsigned int)kind << KMEMX_INFO_KIND_SHIFT | order);
}

static inline enum kmemx_kind kmemx_info_kind(u8 info)
{
	return (enum kmemx_kind)(info >> KMEMX_INFO_KIND_SHIFT);
}

static inline unsigned int kmemx_info_order(u8 info)
{
	return info & KMEMX_INFO_ORDER_MASK;
}

/* The order of the first of the blocks that @nr frames from @frame on are. */
static inline unsigned int kmemx_zone_first_order(unsigned int frame, unsigned long nr)
{
	unsigned int order = min_t(unsigned int, ilog2(nr), KMEMX_CHUNK_ORDER);

	return frame ? min_t(unsigned int, order, __ffs64(frame)) : order;
}

void kmemx_zone_write_info(struct kmemx_zone *zone, unsigned int frame, unsigned long nr,
			   enum kmemx_kind kind);
unsigned int kmemx_zone_count_blocks(unsigned int frame, unsigned int nr);
void kmemx_zone_mark_tails(struct kmemx_zone *zone, unsigned int frame,
			   unsigned int order, bool is_slab);
unsigned long kmemx_zone_block_frames(const struct kmemx_zone *zone,
				      unsigned int frame);
unsigned long kmemx_zone_frames_from(const struct kmemx_zone *zone, unsigned int frame,
				     unsigned long enough);

enum kmemx_verdict kmemx_zone_judge(const struct kmemx_zone *zone,
				    unsigned int frame);
enum kmemx_verdict kmemx_zone_claim(struct kmemx_zone *zone, unsigned int frame,
				    enum kmemx_kind kind, unsigned long nr, u8 *info);
unsigned int kmemx_zone_next(struct kmemx_zone *zone, unsigned int frame, u8 *info);
void kmemx_zone_divide(struct kmemx_zone *zone, unsigned int frame, unsigned int order,
		       unsigned int nr_blocks);
void kmemx_zone_split(struct kmemx_zone *zone, unsigned int frame, unsigned int order,
		      unsigned int nr);

#endif /* KMEMX_BUDDY_ZONE_INFO_H */
