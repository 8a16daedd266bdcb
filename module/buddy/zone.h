/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A zone: page frames under management, in one or several extents, each a
 * physically contiguous run. It is one array of chunks, a byte of information per
 * frame, and bins that say which chunk serves an order.
 *
 * A frame has a number: that of its chunk in the array times 512, and its place in
 * the chunk. Chunks are counted from an extent's base rounded down to a chunk, so a
 * block of order k is naturally aligned in physical memory, and no two extents
 * share a chunk. Blocks never cross extents. An allocation of any number of frames
 * is a row of blocks, each linked to the next by KMEMX_INFO_MORE in its info byte.
 *
 * Here is what a zone consists of. zone_bins.h keeps its bins in line, zone_info.h its
 * info bytes; zone_block.h takes and gives a block, zone_run.h frames of any number;
 * zone_census.h counts, and zone_check.h says whether all of it agrees.
 *
 * Locking: none, as in chunk.h.
 */
#ifndef KMEMX_BUDDY_ZONE_H
#define KMEMX_BUDDY_ZONE_H

#include <kmemx/platform.h>
#include "buddy/bins.h"
#include "buddy/chunk.h"

/* A zone has fewer frames than this, so that a frame number fits in 31 bits. */
#define KMEMX_ZONE_FRAMES_MAX	BIT(31)

/**
 * struct kmemx_extent - a contiguous run of page frames
 * @pfn: the first
 * @nr_frames: how many, at least 1
 * @chunk: the first of the chunks that it is in; set by kmemx_zone_init()
 */
struct kmemx_extent {
	unsigned long pfn;
	unsigned long nr_frames;
	unsigned int chunk;
};

/**
 * struct kmemx_zone - page frames under management
 * @nr_chunks: of all extents
 * @nr_extents: how many
 * @extent: the extents; the caller's, and stays so
 * @base_pfn: of each chunk, the page frame number of its frame 0
 * @starts: of each chunk, whether it is the first of an extent
 * @map: of each chunk, KMEMX_CHUNK_WORDS words
 * @state: of each chunk
 * @info: a byte per frame
 * @bins: which chunk to use
 * @spare: chunks that are free as a whole, less a quarter of all
 * @least_spare: the least that @spare has been
 * @emptied: the only chunk that may be KMEMX_STATE_EMPTIED, at rest: then it is kept in its
 *	     bin, and is none of those that @spare counts
 * @meta: what the arrays live in
 * @meta_bytes: its size
 */
struct kmemx_zone {
	unsigned int nr_chunks;
	unsigned int nr_extents;
	struct kmemx_extent *extent;
	unsigned long *base_pfn;
	bool *starts;
	atomic64_t *map;
	atomic64_t *state;
	u8 *info;
	struct kmemx_bins bins;
	atomic64_t spare;
	atomic64_t least_spare;
	atomic64_t emptied;
	void *meta;
	size_t meta_bytes;
};

/* Frame 0 of the first chunk of an extent. */
static inline unsigned long kmemx_extent_base(const struct kmemx_extent *ext)
{
	return round_down(ext->pfn, KMEMX_CHUNK_FRAMES);
}

/* The chunks that an extent is in. */
static inline unsigned int kmemx_extent_chunks(const struct kmemx_extent *ext)
{
	return DIV_ROUND_UP(ext->pfn - kmemx_extent_base(ext) + ext->nr_frames,
			    KMEMX_CHUNK_FRAMES);
}

static inline struct kmemx_chunk kmemx_zone_chunk(const struct kmemx_zone *zone,
						  unsigned int c)
{
	return (struct kmemx_chunk){
		.map = zone->map + (size_t)c * KMEMX_CHUNK_WORDS,
		.state = zone->state + c,
	};
}

static inline unsigned long kmemx_zone_pfn(const struct kmemx_zone *zone, unsigned int frame)
{
	return zone->base_pfn[frame / KMEMX_CHUNK_FRAMES] + frame % KMEMX_CHUNK_FRAMES;
}

/* Frame numbers are below this. */
static inline unsigned int kmemx_zone_end(const struct kmemx_zone *zone)
{
	return zone->nr_chunks * KMEMX_CHUNK_FRAMES;
}

/* Has the chunk of @frame so many live blocks that it will not be whole soon? */
static inline bool kmemx_zone_is_dense(const struct kmemx_zone *zone, unsigned int frame)
{
	u64 state = (u64)atomic64_read(&zone->state[frame / KMEMX_CHUNK_FRAMES]);

	return kmemx_state_live(state) >= KMEMX_LIVE_DENSE;
}

/* Chunk @c + 1 goes on, in the same extent, where @c ends. */
static inline bool kmemx_zone_joins_next(const struct kmemx_zone *zone, unsigned int c)
{
	return c + 1 < zone->nr_chunks && !zone->starts[c + 1];
}

int kmemx_zone_init(struct kmemx_zone *zone, unsigned int nr_extents,
		    struct kmemx_extent *extent);
void kmemx_zone_fini(struct kmemx_zone *zone);

#endif /* KMEMX_BUDDY_ZONE_H */
