/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Taking and giving one block of a zone, of up to a chunk, or a few of one word.
 *
 * An allocation finds a chunk in the bins, takes a block there, brings the bins in
 * line, and writes the block's info byte. A free claims the info byte, gives the
 * block back, and brings the bins in line.
 *
 * Locking: none, as in chunk.h.
 */
#ifndef KMEMX_BUDDY_ZONE_BLOCK_H
#define KMEMX_BUDDY_ZONE_BLOCK_H

#include <kmemx/platform.h>
#include "buddy/zone.h"
#include "buddy/zone_bins.h"
#include "buddy/zone_info.h"

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

unsigned int kmemx_zone_take_two(struct kmemx_zone *zone, unsigned int c, unsigned int order);
struct kmemx_taken kmemx_zone_take_slow(struct kmemx_zone *zone, unsigned int order,
					unsigned int nr);
long kmemx_zone_take_words(struct kmemx_zone *zone, unsigned int order);
long kmemx_zone_take_emptied(struct kmemx_zone *zone);
long kmemx_zone_alloc_order(struct kmemx_zone *zone, unsigned int order,
			    enum kmemx_kind kind);

void kmemx_zone_give_block(struct kmemx_zone *zone, unsigned int c, unsigned int frame,
			   unsigned int order);
bool kmemx_zone_give(struct kmemx_zone *zone, unsigned int frame, unsigned int order);
bool kmemx_zone_free_block(struct kmemx_zone *zone, unsigned int frame,
			   unsigned int order);

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
 * kmemx_zone_take_block() - take one block, without its info byte
 * @zone: the zone
 * @order: 0..9
 *
 * Context: any, with preemption off.
 * Return: its first frame, or an error.
 */
static __always_inline long kmemx_zone_take_block(struct kmemx_zone *zone, unsigned int order)
{
	struct kmemx_taken taken;

	if (order > KMEMX_WORD_ORDER) {
		long frame = order == KMEMX_CHUNK_ORDER ? kmemx_zone_take_chunk(zone) :
							  kmemx_zone_take_words(zone, order);

		if (likely(frame >= 0))
			return frame;
	}
	taken = likely(order <= KMEMX_WORD_ORDER) ? kmemx_zone_take(zone, order, 1) :
						     kmemx_zone_take_slow(zone, order, 1);
	return likely(taken.base >= 0) ? taken.base + (int)__ffs64(taken.heads) : taken.base;
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

#endif /* KMEMX_BUDDY_ZONE_BLOCK_H */
