// SPDX-License-Identifier: GPL-2.0
/*
 * Taking and giving blocks where that is more than a few instructions; see zone_block.h.
 */
#include "buddy/zone_block.h"

/*
 * How many chunks an allocation asks, one after the other, where those that the bins
 * name have been used up by others meanwhile.
 */
#define CHUNK_TRIES	8

/* As kmemx_chunk_take_some(), or kmemx_chunk_take(), and the bins are told. */
static noinline int take_from(struct kmemx_zone *zone, unsigned int c, unsigned int order,
			      unsigned int nr, u64 *heads)
{
	struct kmemx_chunk chunk = kmemx_zone_chunk(zone, c);
	struct kmemx_moved moved = { 0 };
	int frame;

	if (order <= KMEMX_WORD_ORDER) {
		frame = kmemx_chunk_take_some(chunk, order, nr, heads, &moved);
	} else {
		frame = kmemx_chunk_take(chunk, order, &moved);
		*heads = 1;
	}
	kmemx_step();
	kmemx_zone_settle(zone, c, &moved);
	return frame;
}

/* Where something has been in the way of kmemx_zone_take_two(). */
static noinline void settle_two(struct kmemx_zone *zone, unsigned int c,
				const struct kmemx_change *change)
{
	struct kmemx_moved moved = { 0 };

	kmemx_chunk_settle_two(kmemx_zone_chunk(zone, c), change, &moved);
	kmemx_zone_settle(zone, c, &moved);
}

/**
 * kmemx_zone_take_two() - take all blocks of two words that are free, without info bytes
 * @zone: the zone
 * @c: the chunk that is to be used for @order
 * @order: 0..6, of the blocks
 *
 * If no smaller hole of it will do.
 *
 * Context: any, with preemption off.
 * Return: which words of the chunk, a bit each; 0 if kmemx_zone_take() is to be asked.
 */
unsigned int kmemx_zone_take_two(struct kmemx_zone *zone, unsigned int c, unsigned int order)
{
	struct kmemx_change change;
	unsigned int words;

	words = kmemx_chunk_take_two(kmemx_zone_chunk(zone, c), order, &change);
	kmemx_step();
	if (unlikely(!change.settled))
		settle_two(zone, c, &change);
	else if ((change.old ^ change.new) & KMEMX_STATE_BIN_MASK)
		kmemx_zone_settle_change(zone, c, change.old, change.new);
	return words;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_take_two);

/* Where something has been in the way of a change of whole words. */
static noinline void settle_words(struct kmemx_zone *zone, unsigned int c, unsigned int order,
				  const struct kmemx_change *change)
{
	struct kmemx_moved moved = { 0 };

	kmemx_chunk_settle_words(kmemx_zone_chunk(zone, c), order, change, &moved);
	kmemx_zone_settle(zone, c, &moved);
}

static void words_changed(struct kmemx_zone *zone, unsigned int c, unsigned int order,
			  const struct kmemx_change *change)
{
	kmemx_step();
	if (unlikely(!change->settled))
		settle_words(zone, c, order, change);
	else if ((change->old ^ change->new) & KMEMX_STATE_BIN_MASK)
		kmemx_zone_settle_change(zone, c, change->old, change->new);
}

/**
 * kmemx_zone_take_words() - take a block of whole words, without its info byte
 * @zone: the zone
 * @order: 7 or 8
 *
 * Context: any, with preemption off.
 * Return: its first frame, or an error, if kmemx_zone_take_slow() is needed to tell.
 */
long kmemx_zone_take_words(struct kmemx_zone *zone, unsigned int order)
{
	long c = kmemx_bins_first(&zone->bins, order);
	struct kmemx_change change;
	int frame;

	kmemx_step();
	if (unlikely(c < 0))
		return -ENOSPC;
	frame = kmemx_chunk_take_words(kmemx_zone_chunk(zone, (unsigned int)c), order, &change);
	words_changed(zone, (unsigned int)c, order, &change);
	return likely(frame >= 0) ? c * KMEMX_CHUNK_FRAMES + frame : frame;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_take_words);

/**
 * kmemx_zone_take_slow() - kmemx_zone_take(), where something has been in the way
 * @zone: the zone
 * @order: 0..9
 * @nr: how many at most, 1..64; above order 6 it is always one
 *
 * One chunk after the other.
 *
 * Context: any, with preemption off.
 * Return: see struct kmemx_taken.
 */
struct kmemx_taken kmemx_zone_take_slow(struct kmemx_zone *zone, unsigned int order,
					unsigned int nr)
{
	struct kmemx_taken taken = { .base = -ENOSPC };
	unsigned int tries, bin;
	long found;

	if (unlikely(!kmemx_zone_has_block(zone, order)))
		return taken;
	if (order == KMEMX_CHUNK_ORDER)
		kmemx_zone_settle_emptied(zone);
	found = kmemx_bins_find(&zone->bins, order, &bin);
	for (tries = 0; tries < CHUNK_TRIES && found >= 0; tries++) {
		unsigned int c = (unsigned int)found;
		int frame;

		kmemx_step();
		frame = take_from(zone, c, order, nr, &taken.heads);
		if (frame >= 0) {
			taken.base = (int)found * KMEMX_CHUNK_FRAMES + frame;
			taken.nr = (unsigned int)hweight64(taken.heads);
			return taken;
		}
		taken.base = -EAGAIN;
		/* The bins promised a block, so somebody was faster, or is at it. */
		kmemx_zone_settle_bin(zone, c, bin);
		found = kmemx_bins_find_next(&zone->bins, order, &bin, c);
	}
	/* The last one that has any may move between the look at its bin and that at the next. */
	if (taken.base == -ENOSPC && kmemx_zone_has_block(zone, order))
		taken.base = -EAGAIN;
	return taken;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_take_slow);

/**
 * kmemx_zone_take_emptied() - kmemx_zone_take_chunk(), of the chunk that was emptied last
 * @zone: the zone
 *
 * Context: any, with preemption off.
 * Return: its first frame; -ENOSPC if another CPU was faster.
 */
long kmemx_zone_take_emptied(struct kmemx_zone *zone)
{
	unsigned int c = (unsigned int)atomic64_read(&zone->emptied);

	kmemx_step();
	if (!kmemx_chunk_take_known(kmemx_zone_chunk(zone, c), KMEMX_STATE_EMPTIED))
		return -ENOSPC;
	kmemx_step();
	kmemx_zone_settle_change(zone, c, KMEMX_STATE_EMPTIED, KMEMX_STATE_ALL_TAKEN);
	return (long)c * KMEMX_CHUNK_FRAMES;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_take_emptied);

/**
 * kmemx_zone_alloc_order() - allocate one block
 * @zone: the zone
 * @order: 0..9
 * @kind: what for
 *
 * As kmemx_zone_alloc(), which see, for that many frames with that alignment.
 *
 * Context: any.
 * Return: the first frame, or an error.
 */
long kmemx_zone_alloc_order(struct kmemx_zone *zone, unsigned int order,
			    enum kmemx_kind kind)
{
	long frame = kmemx_zone_take_block(zone, order);

	if (likely(frame >= 0))
		WRITE_ONCE(zone->info[frame], kmemx_info(kind, order));
	return frame;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_alloc_order);

static void give_words(struct kmemx_zone *zone, unsigned int c, unsigned int frame,
		       unsigned int order)
{
	struct kmemx_change change;

	kmemx_chunk_give_words(kmemx_zone_chunk(zone, c), frame, order, &change);
	words_changed(zone, c, order, &change);
}

/**
 * kmemx_zone_give_block() - give a block back, of whatever order
 * @zone: the zone
 * @c: its chunk
 * @frame: its first frame, in the chunk
 * @order: its order
 *
 * Context: any, with preemption off.
 */
void kmemx_zone_give_block(struct kmemx_zone *zone, unsigned int c, unsigned int frame,
			   unsigned int order)
{
	struct kmemx_moved moved = { 0 };

	if (order > KMEMX_WORD_ORDER && order < KMEMX_CHUNK_ORDER) {
		give_words(zone, c, frame, order);
		return;
	}
	kmemx_chunk_give(kmemx_zone_chunk(zone, c), frame, order, &moved);
	kmemx_zone_settle(zone, c, &moved);
}

/**
 * kmemx_zone_give() - give back one block of a claimed allocation
 * @zone: the zone
 * @frame: its first frame
 * @order: its order, from its info byte
 *
 * Context: any.
 * Return: false if it was free already, as somebody else has freed it by its bits, or by the state
 * of its chunk; see kmemx_zone_free_block().
 */
bool kmemx_zone_give(struct kmemx_zone *zone, unsigned int frame, unsigned int order)
{
	if (order <= KMEMX_WORD_ORDER)
		return kmemx_zone_give_small(zone, frame, order);
	if (order == KMEMX_CHUNK_ORDER)
		return kmemx_zone_give_chunk(zone, frame / KMEMX_CHUNK_FRAMES,
					     KMEMX_STATE_ALL_FREE);
	give_words(zone, frame / KMEMX_CHUNK_FRAMES, frame % KMEMX_CHUNK_FRAMES, order);
	return true;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_give);

/**
 * kmemx_zone_free_block() - give back a block that is nobody else's
 * @zone: the zone
 * @frame: its first frame
 * @order: 0..9, its order
 *
 * As kmemx_zone_claim() and kmemx_zone_give(), where a look at its info byte has said that
 * it is a block of that order in use, or in the caller's front. The byte is cleared with a
 * plain store: up to order 6 it is the bits that decide who frees, and for a whole chunk
 * its state word.
 *
 * Context: any.
 * Return: false if the block was free already.
 */
bool kmemx_zone_free_block(struct kmemx_zone *zone, unsigned int frame,
			   unsigned int order)
{
	u8 info = READ_ONCE(zone->info[frame]);

	if (likely(order <= KMEMX_WORD_ORDER)) {
		WRITE_ONCE(zone->info[frame], 0);
		return kmemx_zone_give_small(zone, frame, order);
	}
	if (order == KMEMX_CHUNK_ORDER) {
		WRITE_ONCE(zone->info[frame], 0);
		return kmemx_zone_give_chunk(zone, frame / KMEMX_CHUNK_FRAMES,
					     KMEMX_STATE_ALL_FREE);
	}
	/* Some of its words may be cleared, others not: its byte decides. */
	if (kmemx_info_order(info) != order || !try_cmpxchg(&zone->info[frame], &info, 0))
		return false;
	give_words(zone, frame / KMEMX_CHUNK_FRAMES, frame % KMEMX_CHUNK_FRAMES, order);
	return true;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_free_block);
