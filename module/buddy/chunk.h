/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A chunk: 512 page frames (2 MiB with 4 KiB pages), eight words of bits, and
 * one state word beside them (state.h).
 *
 *   map    a set bit is a taken frame; eight words, one cache line
 *   state  how many frames may still be reserved, how many blocks are live,
 *	    whether the chunk is taken as one block, and the rank of each word
 *
 * An allocation reads a word of the map, makes its reservation in the state word,
 * with the rank that the word is going to have, and then sets the bits; a free
 * clears bits, then gives the reservation back. So the free count never exceeds
 * the number of clear bits, and a free count of 512 says that every bit is clear
 * and nobody is in between: a whole chunk is taken in the state word alone and its
 * map stays clear. Ranks may be wrong while somebody is in between; whoever
 * changed a word looks at it once more after its rank is written.
 *
 * Locking: none. Every function may run on any number of CPUs at once, in any
 * context, nested in itself. A take may fail with -EAGAIN where others keep
 * changing the words it looks at; a give never fails for that.
 *
 * Each function that changes a state word adds to a struct kmemx_moved what the bins
 * (state.h) have to be told.
 */
#ifndef KMEMX_BUDDY_CHUNK_H
#define KMEMX_BUDDY_CHUNK_H

#include <kmemx/platform.h>
#include "buddy/state.h"

/**
 * struct kmemx_chunk - the bits of a chunk
 * @map: a set bit is a taken, or absent, frame
 * @state: see state.h
 *
 * The two live in arrays of their own (a chunk's map is one cache line), so
 * this is a view, passed by value.
 */
struct kmemx_chunk {
	atomic64_t *map;
	atomic64_t *state;
};

/**
 * struct kmemx_moved - where changes of its state have moved a chunk
 * @bins: bins that it has left or entered, a bit each, 0 at first; one may be
 *	  KMEMX_BIN_NONE
 * @state: if there are any, the last state that was written
 * @whole: 1 if the chunk has become free as a whole, -1 if it was that, 0 if neither or
 *	   both
 */
struct kmemx_moved {
	u64 bins;
	u64 state;
	int whole;
};

void kmemx_chunk_init(struct kmemx_chunk chunk, unsigned int first,
		      unsigned int end);
int kmemx_chunk_take(struct kmemx_chunk chunk, unsigned int order,
		     struct kmemx_moved *moved);
int kmemx_chunk_take_some(struct kmemx_chunk chunk, unsigned int order,
			  unsigned int nr, u64 *heads,
			  struct kmemx_moved *moved);
bool kmemx_chunk_give_small(struct kmemx_chunk chunk, unsigned int frame,
			    unsigned int order, struct kmemx_moved *moved);
bool kmemx_chunk_give(struct kmemx_chunk chunk, unsigned int frame,
		      unsigned int order, struct kmemx_moved *moved);
unsigned int kmemx_chunk_trim(struct kmemx_chunk chunk, unsigned int frame,
			      unsigned int order, unsigned int nr,
			      struct kmemx_moved *moved);
void kmemx_chunk_split(struct kmemx_chunk chunk, unsigned int order, unsigned int nr_blocks,
		       struct kmemx_moved *moved);
int kmemx_chunk_take_range(struct kmemx_chunk chunk, unsigned int first, unsigned int end,
			   unsigned int nr_blocks, struct kmemx_moved *moved);
bool kmemx_chunk_is_taken(struct kmemx_chunk chunk, unsigned int frame);
unsigned int kmemx_chunk_count(struct kmemx_chunk chunk,
			       unsigned int nr[KMEMX_NR_ORDERS]);
bool kmemx_chunk_check_ranks(struct kmemx_chunk chunk);

#endif /* KMEMX_BUDDY_CHUNK_H */
