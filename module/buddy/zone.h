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
 * The info byte of a frame is zero unless a block starts there that is not in the
 * chunk's map as free. A free block has no bytes to clean, so a block that is taken
 * anew has zeroes inside. Of any number of CPUs that free the same allocation, one
 * wins the compare-and-exchange that zeroes its byte, and the others have found a
 * double free.
 *
 * Locking: none, as in chunk.h.
 */
#ifndef KMEMX_BUDDY_ZONE_H
#define KMEMX_BUDDY_ZONE_H

#include <kmemx/platform.h>
#include <kmemx/verdict.h>
#include "buddy/bins.h"
#include "buddy/chunk.h"

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

/* A zone has fewer frames than this, so that a frame number fits in 31 bits. */
#define KMEMX_ZONE_FRAMES_MAX	BIT(31)
#define KMEMX_NO_FRAME		U32_MAX

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

/**
 * struct kmemx_taken - blocks that are neighbours
 * @base: the first frame of the word that they are in; or -ENOSPC if there is no such
 *	  block, -EAGAIN if other CPUs got there first
 * @nr: how many
 * @heads: the first bit of each in that word; above order 6 bit 0
 */
struct kmemx_taken {
	int base;
	unsigned int nr;
	u64 heads;
};

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

/* Are so many chunks free as a whole that one more or less does not matter? */
static __always_inline bool kmemx_zone_has_plenty(const struct kmemx_zone *zone)
{
	return atomic64_read(&zone->spare) >= 0;
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

/* The order of the first of the blocks that @nr frames from @frame on are. */
static inline unsigned int kmemx_zone_first_order(unsigned int frame, unsigned long nr)
{
	unsigned int order = min_t(unsigned int, ilog2(nr), KMEMX_CHUNK_ORDER);

	return frame ? min_t(unsigned int, order, __ffs64(frame)) : order;
}

int kmemx_zone_init(struct kmemx_zone *zone, unsigned int nr_extents,
		    struct kmemx_extent *extent);
void kmemx_zone_fini(struct kmemx_zone *zone);

long kmemx_zone_alloc_bound(struct kmemx_zone *zone, unsigned long nr, unsigned long align,
			    unsigned long boundary, enum kmemx_kind kind);
int kmemx_zone_alloc_at(struct kmemx_zone *zone, unsigned int frame, unsigned long nr,
			enum kmemx_kind kind);
long kmemx_zone_alloc_order(struct kmemx_zone *zone, unsigned int order,
			    enum kmemx_kind kind);
unsigned int kmemx_zone_take_two(struct kmemx_zone *zone, unsigned int c, unsigned int order);
struct kmemx_taken kmemx_zone_take_slow(struct kmemx_zone *zone, unsigned int order,
					unsigned int nr);
long kmemx_zone_take_unzeroed(struct kmemx_zone *zone);
void kmemx_zone_give_zeroed(struct kmemx_zone *zone, unsigned int frame);
long kmemx_zone_alloc_zeroed(struct kmemx_zone *zone, unsigned long nr, enum kmemx_kind kind);
unsigned long kmemx_zone_nr_zero(const struct kmemx_zone *zone);
bool kmemx_zone_free_block(struct kmemx_zone *zone, unsigned int frame,
			   unsigned int order);

/**
 * kmemx_zone_emptied() - the chunk that was emptied last, if it is kept as it was
 * @zone: the zone
 *
 * It is free as a whole, but in the bin of those with one live block: who wants whole chunks
 * does not find it among these.
 *
 * Context: any.
 * Return: the chunk; -1 if there is none. A snapshot.
 */
static __always_inline long kmemx_zone_emptied(const struct kmemx_zone *zone)
{
	long c = (long)atomic64_read(&zone->emptied);

	return unlikely((u64)atomic64_read(zone->state + c) == KMEMX_STATE_EMPTIED) ? c : -1;
}

/* Has any chunk a free block of @order, 0..9? At rest the truth. */
static inline bool kmemx_zone_has_block(const struct kmemx_zone *zone, unsigned int order)
{
	return (u64)atomic64_read(&zone->bins.used) & *(kmemx_bins_for + order) ||
		(order == KMEMX_CHUNK_ORDER && kmemx_zone_emptied(zone) >= 0);
}

void kmemx_zone_settle_change(struct kmemx_zone *zone, unsigned long c, u64 old, u64 new);
void kmemx_zone_settle_edge(struct kmemx_zone *zone, unsigned long c, unsigned int from,
			    unsigned int to, u64 new);
void kmemx_zone_settle_again(struct kmemx_zone *zone, unsigned int c, u64 old, u64 new, int i,
			     u64 delta);

/* Bring in line what one change of a word of chunk @c, and of its state, came to. */
static __always_inline void kmemx_zone_settle_word(struct kmemx_zone *zone, unsigned int c,
						   const struct kmemx_change *change)
{
	if (unlikely(!change->settled))
		kmemx_zone_settle_again(zone, c, change->old, change->new, change->word,
					change->delta);
	else if ((change->old ^ change->new) & KMEMX_STATE_BIN_MASK)
		kmemx_zone_settle_change(zone, c, change->old, change->new);
}

void kmemx_zone_count_back(struct kmemx_zone *zone, unsigned int frame, unsigned int order,
			   u64 word);

/**
 * kmemx_zone_take_of() - take blocks that are neighbours of a chunk, without info bytes
 * @zone: the zone
 * @c: the chunk; less than 0 if none is known
 * @order: 0..6
 * @nr: how many at most, 1..64
 *
 * As kmemx_zone_take(), for who knows the chunk that it would use.
 *
 * Context: any, with preemption off.
 * Return: see struct kmemx_taken.
 */
static __always_inline struct kmemx_taken kmemx_zone_take_of(struct kmemx_zone *zone, long c,
							     unsigned int order,
							     unsigned int nr)
{
	struct kmemx_change change;
	u64 heads;

	if (unlikely(c < 0))
		return kmemx_zone_take_slow(zone, order, nr);
	kmemx_step();
	heads = kmemx_chunk_take_bits(kmemx_zone_chunk(zone, (unsigned int)c), order, nr, &change);
	kmemx_step();
	kmemx_zone_settle_word(zone, (unsigned int)c, &change);
	if (unlikely(!heads))
		return kmemx_zone_take_slow(zone, order, nr);
	return (struct kmemx_taken){
		.base = (int)c * KMEMX_CHUNK_FRAMES + change.word * KMEMX_WORD_BITS,
		.nr = change.nr,
		.heads = heads,
	};
}

/**
 * kmemx_zone_take() - take blocks that are neighbours, without info bytes
 * @zone: the zone
 * @order: 0..6
 * @nr: how many at most, 1..64
 *
 * Out of the chunk that is to be used for @order, see state.h; they are what is best
 * placed in one word of it, so there may be less than @nr although the zone has more.
 *
 * Inline, for who fills a front.
 *
 * Context: any, with preemption off.
 * Return: see struct kmemx_taken.
 */
static __always_inline struct kmemx_taken kmemx_zone_take(struct kmemx_zone *zone,
							  unsigned int order,
							  unsigned int nr)
{
	return kmemx_zone_take_of(zone, kmemx_bins_first(&zone->bins, order), order, nr);
}

/* Has chunk @c two words for kmemx_zone_take_two(), and no other that will do? */
static __always_inline bool kmemx_zone_has_two(const struct kmemx_zone *zone, long c,
					       unsigned int order)
{
	return likely(c >= 0) && kmemx_state_fit_two((u64)atomic64_read(zone->state + c), order);
}

long kmemx_zone_take_emptied(struct kmemx_zone *zone);

/**
 * kmemx_zone_take_chunk() - take a chunk that is free as a whole, without its info byte
 * @zone: the zone
 *
 * Context: any, with preemption off.
 * Return: its first frame; -ENOSPC if there is none, or kmemx_zone_take_slow() is needed to
 * tell.
 */
static __always_inline long kmemx_zone_take_chunk(struct kmemx_zone *zone)
{
	long c;
	u64 old;

	if (unlikely(kmemx_zone_emptied(zone) >= 0))
		return kmemx_zone_take_emptied(zone);
	c = kmemx_bins_first(&zone->bins, KMEMX_CHUNK_ORDER);
	kmemx_step();
	if (unlikely(c < 0))
		return -ENOSPC;
	old = kmemx_chunk_take_whole(kmemx_zone_chunk(zone, (unsigned int)c));
	if (unlikely(!old))
		return -ENOSPC;
	kmemx_zone_settle_edge(zone, (unsigned long)c, kmemx_state_bin(old), KMEMX_BIN_NONE,
			       KMEMX_STATE_ALL_TAKEN);
	return c * KMEMX_CHUNK_FRAMES;
}

/**
 * kmemx_zone_give_chunk() - give the frames of a chunk back that was taken whole
 * @zone: the zone
 * @c: the chunk
 * @new: as for kmemx_chunk_give_whole()
 *
 * Context: any, with preemption off.
 * Return: false if it was not taken.
 */
static __always_inline bool kmemx_zone_give_chunk(struct kmemx_zone *zone, unsigned int c,
						  u64 new)
{
	if (unlikely(!kmemx_chunk_give_whole(kmemx_zone_chunk(zone, c), new)))
		return false;
	kmemx_zone_settle_edge(zone, c, KMEMX_BIN_NONE, kmemx_state_bin(new), new);
	return true;
}

/* What a try to give a block back has come to. */
enum kmemx_given {
	KMEMX_GIVEN,		/* It is free, and counted. */
	KMEMX_GIVEN_UNCOUNTED,	/* Its bits are clear: kmemx_zone_count_back() is due. */
	KMEMX_GIVEN_TWICE,	/* It was free already; nothing has changed. */
};

/**
 * kmemx_zone_give_try() - give the frames of a block back, as far as that takes no call
 * @zone: the zone
 * @frame: the first
 * @order: 0..6
 * @word: set to its word of the map, for kmemx_zone_count_back()
 *
 * Inline for who frees past a front. Counts what changes neither a rank nor a bin.
 *
 * Context: any, with preemption off until the block is counted.
 * Return: see enum kmemx_given.
 */
static __always_inline enum kmemx_given kmemx_zone_give_try(struct kmemx_zone *zone,
							    unsigned int frame,
							    unsigned int order, u64 *word)
{
	/* The maps of all chunks are one array. */
	atomic64_t *map = &zone->map[frame / KMEMX_WORD_BITS];
	unsigned int bit = frame % KMEMX_WORD_BITS;

	if (unlikely(!kmemx_chunk_clear_bits(map, kmemx_word_mask(bit, order), word)))
		return KMEMX_GIVEN_TWICE;
	kmemx_step();
	if (likely(*word) &&
	    kmemx_chunk_count_quietly(&zone->state[frame / KMEMX_CHUNK_FRAMES],
				      frame / KMEMX_WORD_BITS % KMEMX_CHUNK_WORDS, *word, bit,
				      order))
		return KMEMX_GIVEN;
	return KMEMX_GIVEN_UNCOUNTED;
}

/**
 * kmemx_zone_give_once() - as kmemx_zone_give_try(), and counts what changes a rank or a bin
 * @zone: the zone
 * @frame: the first
 * @order: 0..6
 * @word: set to its word of the map, for kmemx_zone_count_back()
 * @change: set to what it came to if it is counted, which is to be settled
 *
 * All but the last live block of a chunk, and where another CPU is faster.
 *
 * Context: any, with preemption off until the block is counted, and that settled.
 * Return: see enum kmemx_given.
 */
static __always_inline enum kmemx_given kmemx_zone_give_once(struct kmemx_zone *zone,
							     unsigned int frame,
							     unsigned int order, u64 *word,
							     struct kmemx_change *change)
{
	atomic64_t *map = &zone->map[frame / KMEMX_WORD_BITS];
	atomic64_t *state = &zone->state[frame / KMEMX_CHUNK_FRAMES];
	unsigned int bit = frame % KMEMX_WORD_BITS;

	if (unlikely(!kmemx_chunk_clear_bits(map, kmemx_word_mask(bit, order), word)))
		return KMEMX_GIVEN_TWICE;
	kmemx_step();
	if ((!*word && kmemx_state_live((u64)atomic64_read(state)) == 1) ||
	    unlikely(!kmemx_chunk_count_once(map, state, frame / KMEMX_WORD_BITS %
					     KMEMX_CHUNK_WORDS, *word, bit, order, change)))
		return KMEMX_GIVEN_UNCOUNTED;
	return KMEMX_GIVEN;
}

/**
 * kmemx_zone_give_small() - give the frames of a block back
 * @zone: the zone
 * @frame: the first
 * @order: 0..6
 *
 * Inline for who gives back many; kmemx_zone_give() and kmemx_zone_free_block() are what
 * it is for.
 *
 * Context: any, with preemption off.
 * Return: false if the block was free already.
 */
static __always_inline bool kmemx_zone_give_small(struct kmemx_zone *zone, unsigned int frame,
						  unsigned int order)
{
	u64 word;
	enum kmemx_given given = kmemx_zone_give_try(zone, frame, order, &word);

	if (unlikely(given == KMEMX_GIVEN_TWICE))
		return false;
	if (given == KMEMX_GIVEN_UNCOUNTED)
		kmemx_zone_count_back(zone, frame, order, word);
	return true;
}

/**
 * kmemx_zone_give_some() - as kmemx_zone_give_small(), blocks that are neighbours
 * @zone: the zone
 * @base: the first frame of the word that they are in
 * @heads: the first bit of each in that word
 * @order: 0..6, of all of them
 * @nr: how many, at least 1
 *
 * Context: any, with preemption off.
 * Return: false if one of them was free already; nothing has changed.
 */
static __always_inline bool kmemx_zone_give_some(struct kmemx_zone *zone, unsigned int base,
						 u64 heads, unsigned int order,
						 unsigned int nr)
{
	unsigned int word = base / KMEMX_WORD_BITS;
	struct kmemx_change change;

	if (unlikely(!kmemx_chunk_give_some(&zone->map[word],
					    &zone->state[base / KMEMX_CHUNK_FRAMES],
					    word % KMEMX_CHUNK_WORDS, heads, order, nr, &change)))
		return false;
	kmemx_zone_settle_word(zone, base / KMEMX_CHUNK_FRAMES, &change);
	return true;
}

void kmemx_zone_mark_tails(struct kmemx_zone *zone, unsigned int frame,
			   unsigned int order, bool is_slab);

enum kmemx_verdict kmemx_zone_claim(struct kmemx_zone *zone, unsigned int frame,
				    enum kmemx_kind kind, unsigned long nr, u8 *info);
unsigned int kmemx_zone_next(struct kmemx_zone *zone, unsigned int frame, u8 *info);
void kmemx_zone_give(struct kmemx_zone *zone, unsigned int frame,
		     unsigned int order);
void kmemx_zone_split(struct kmemx_zone *zone, unsigned int frame, unsigned int order,
		      unsigned int nr);
void kmemx_zone_write_info(struct kmemx_zone *zone, unsigned int frame, unsigned long nr,
			   enum kmemx_kind kind);
void kmemx_zone_quarantine(struct kmemx_zone *zone, unsigned int frame,
			   unsigned int order);

unsigned long kmemx_zone_block_frames(const struct kmemx_zone *zone,
				      unsigned int frame);
enum kmemx_verdict kmemx_zone_judge(const struct kmemx_zone *zone,
				    unsigned int frame);
unsigned long kmemx_zone_nr_free(const struct kmemx_zone *zone);
unsigned int kmemx_zone_peak_chunks(const struct kmemx_zone *zone);
bool kmemx_zone_has_free(struct kmemx_zone *zone, unsigned long nr);
unsigned long kmemx_zone_extent_nr_free(const struct kmemx_zone *zone,
					const struct kmemx_extent *ext);
unsigned long kmemx_zone_largest(const struct kmemx_zone *zone,
				 const struct kmemx_extent *ext);
unsigned long kmemx_zone_count_chunk(const struct kmemx_zone *zone, unsigned int c,
				     bool *even_is_free, unsigned int nr[KMEMX_NR_ORDERS + 1]);
unsigned long kmemx_zone_count(const struct kmemx_zone *zone,
			       unsigned int nr[KMEMX_NR_ORDERS + 1]);
const char *kmemx_zone_check(const struct kmemx_zone *zone);

/* As kmemx_zone_alloc_bound(), without a boundary. */
static inline long kmemx_zone_alloc(struct kmemx_zone *zone, unsigned long nr,
				    unsigned long align, enum kmemx_kind kind)
{
	return kmemx_zone_alloc_bound(zone, nr, align, 0, kind);
}

#endif /* KMEMX_BUDDY_ZONE_H */
