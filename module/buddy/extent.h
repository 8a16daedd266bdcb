/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An extent: a physically contiguous run of page frames under management, as
 * an array of chunks, a byte of information per frame, and a summary per order
 * that says which chunk has a free block of at least that order.
 *
 * Frames are counted from the extent's base rounded down to a chunk, so a block
 * of order k is naturally aligned in physical memory. Blocks never cross
 * extents. An allocation of any number of frames is a row of blocks, each
 * linked to the next by KMEMX_INFO_MORE in its info byte.
 *
 * The info byte of a frame is zero unless a block starts there that is not
 * free. It decides who frees: of any number of CPUs that free the same block,
 * one wins the compare-and-exchange that zeroes the byte, and the others have
 * found a double free. A free block has no bytes to clean, so a block that is
 * taken anew has zeroes inside.
 *
 * Locking: none, as in chunk.h.
 */
#ifndef KMEMX_BUDDY_EXTENT_H
#define KMEMX_BUDDY_EXTENT_H

#include <kmemx/platform.h>
#include <kmemx/verdict.h>
#include "buddy/chunk.h"
#include "buddy/summary.h"

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

struct kmemx_extent {
	unsigned long base_pfn;		/* Of frame 0; a multiple of a chunk. */
	unsigned int nr_chunks;
	unsigned int first;		/* Frames that exist: first..end - 1. */
	unsigned int end;
	u32 first_id;			/* Region-wide number of frame 0; see pages.h. */

	atomic64_t *map;		/* KMEMX_CHUNK_WORDS words per chunk. */
	atomic64_t *state;		/* One word per chunk. */
	u8 *info;			/* One byte per frame. */
	struct kmemx_summary free[KMEMX_NR_ORDERS];	/* Chunk has order >= k. */

	void *meta;			/* What all of the above lives in. */
	size_t meta_bytes;
};

static inline struct kmemx_chunk kmemx_extent_chunk(const struct kmemx_extent *ext,
						    unsigned int c)
{
	return (struct kmemx_chunk){
		.map = ext->map + (size_t)c * KMEMX_CHUNK_WORDS,
		.state = ext->state + c,
	};
}

int kmemx_extent_init(struct kmemx_extent *ext, unsigned long pfn,
		      unsigned long nr_frames);
void kmemx_extent_fini(struct kmemx_extent *ext);

long kmemx_extent_alloc(struct kmemx_extent *ext, unsigned long nr,
			unsigned long align, enum kmemx_kind kind);
void kmemx_extent_mark_tails(struct kmemx_extent *ext, unsigned int frame,
			     unsigned int order, bool is_slab);

enum kmemx_verdict kmemx_extent_claim(struct kmemx_extent *ext, unsigned int frame,
				      enum kmemx_kind kind, unsigned long nr, u8 *info);
unsigned int kmemx_extent_next(struct kmemx_extent *ext, unsigned int frame, u8 *info);
void kmemx_extent_give(struct kmemx_extent *ext, unsigned int frame,
		       unsigned int order);
void kmemx_extent_quarantine(struct kmemx_extent *ext, unsigned int frame,
			     unsigned int order);

unsigned long kmemx_extent_block_frames(const struct kmemx_extent *ext,
					unsigned int frame);
enum kmemx_verdict kmemx_extent_judge(const struct kmemx_extent *ext,
				      unsigned int frame);
unsigned long kmemx_extent_nr_free(const struct kmemx_extent *ext);
unsigned long kmemx_extent_largest(const struct kmemx_extent *ext);
unsigned long kmemx_extent_count(const struct kmemx_extent *ext,
				 unsigned int nr[KMEMX_NR_ORDERS + 1]);
const char *kmemx_extent_check(const struct kmemx_extent *ext);

#endif /* KMEMX_BUDDY_EXTENT_H */
