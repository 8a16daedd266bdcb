/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A chunk: 512 page frames (2 MiB with 4 KiB pages), eight words of bits, and
 * one state word beside them.
 *
 *   map    a set bit is a taken frame; eight words, one cache line
 *   state  how many frames may still be reserved, how many blocks are live,
 *	    and whether the chunk is taken as one block
 *
 * An allocation first reserves its frames in the state word, then finds and
 * sets bits; a free clears the bits, then gives the reservation back. So the
 * free count never exceeds the number of clear bits, and a free count of 512
 * says that every bit is clear and nobody is in between: a whole chunk is
 * taken in the state word alone and its map stays clear.
 *
 * Locking: none. Every function may run on any number of CPUs at once, in any
 * context, nested in itself. A take may fail with -EAGAIN where others keep
 * changing the words it looks at; a give never fails.
 */
#ifndef KMEMX_BUDDY_CHUNK_H
#define KMEMX_BUDDY_CHUNK_H

#include <kmemx/platform.h>
#include "buddy/word.h"

#define KMEMX_CHUNK_ORDER	9
#define KMEMX_CHUNK_FRAMES	512
#define KMEMX_CHUNK_WORDS	8
#define KMEMX_NR_ORDERS		(KMEMX_CHUNK_ORDER + 1)

/* State word: bits 0-9 free frames, 10-19 live blocks, 20 taken whole. */
#define KMEMX_STATE_FREE_MASK	0x3ffULL
#define KMEMX_STATE_LIVE_SHIFT	10
#define KMEMX_STATE_LIVE_ONE	BIT_ULL(KMEMX_STATE_LIVE_SHIFT)
#define KMEMX_STATE_LIVE_MASK	(0x3ffULL << KMEMX_STATE_LIVE_SHIFT)
#define KMEMX_STATE_WHOLE	BIT_ULL(20)

/**
 * struct kmemx_chunk - the bits of a chunk
 * @map: a set bit is a taken, or absent, frame
 * @state: see KMEMX_STATE_*
 *
 * The two live in arrays of their own (a chunk's map is one cache line), so
 * this is a view, passed by value.
 */
struct kmemx_chunk {
	atomic64_t *map;
	atomic64_t *state;
};

static inline unsigned int kmemx_state_free(u64 state)
{
	return state & KMEMX_STATE_FREE_MASK;
}

static inline unsigned int kmemx_state_live(u64 state)
{
	return (state & KMEMX_STATE_LIVE_MASK) >> KMEMX_STATE_LIVE_SHIFT;
}

void kmemx_chunk_init(struct kmemx_chunk chunk, unsigned int first,
		      unsigned int end);
int kmemx_chunk_take(struct kmemx_chunk chunk, unsigned int order);
void kmemx_chunk_give(struct kmemx_chunk chunk, unsigned int frame,
		      unsigned int order);
unsigned int kmemx_chunk_trim(struct kmemx_chunk chunk, unsigned int frame,
			      unsigned int order, unsigned int nr);
void kmemx_chunk_shatter(struct kmemx_chunk chunk, unsigned int order);
bool kmemx_chunk_is_taken(struct kmemx_chunk chunk, unsigned int frame);
int kmemx_chunk_max_order(struct kmemx_chunk chunk);
unsigned int kmemx_chunk_count(struct kmemx_chunk chunk,
			       unsigned int nr[KMEMX_NR_ORDERS]);

#endif /* KMEMX_BUDDY_CHUNK_H */
