/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A picture of a chunk for people to read: one character for eight frames, what
 * they are used for, drawn from a copy of the chunk's bits and info bytes.
 *
 * Locking: none. The copy is made while others change the chunk: a block that is
 * changing hands then may be drawn as any of what it was, is and will be.
 */
#ifndef KMEMX_BUDDY_FRAGMAP_H
#define KMEMX_BUDDY_FRAGMAP_H

#include <kmemx/platform.h>
#include "buddy/zone.h"

/* The frames that one character stands for. */
#define KMEMX_FRAGMAP_GROUP	8
#define KMEMX_FRAGMAP_CHARS	(KMEMX_CHUNK_FRAMES / KMEMX_FRAGMAP_GROUP)

/* Part of an interface: docs/abi.md. '0' to '9' are the orders of used blocks. */
#define KMEMX_FRAGMAP_FREE		'.'
#define KMEMX_FRAGMAP_SLAB		's'
#define KMEMX_FRAGMAP_QUARANTINED	'q'
#define KMEMX_FRAGMAP_FRONT		'f'	/* Free, in the front of a CPU. */
#define KMEMX_FRAGMAP_BETWEEN		'-'	/* Taken, but not by a block yet, or no more. */
#define KMEMX_FRAGMAP_ABSENT		'#'
/* Where not all of a group are the same: some are free, or none is. */
#define KMEMX_FRAGMAP_PARTLY_FREE	':'
#define KMEMX_FRAGMAP_MIXED		'+'

/**
 * struct kmemx_fragmap - a chunk as it was at one moment
 * @map: its bits
 * @state: its state word
 * @info: its frames' info bytes
 */
struct kmemx_fragmap {
	atomic64_t map[KMEMX_CHUNK_WORDS];
	atomic64_t state;
	u8 info[KMEMX_CHUNK_FRAMES];
};

/* The copy as a chunk, for the functions of chunk.h that only read. */
static inline struct kmemx_chunk kmemx_fragmap_chunk(struct kmemx_fragmap *copy)
{
	return (struct kmemx_chunk){ .map = copy->map, .state = &copy->state };
}

void kmemx_fragmap_copy(struct kmemx_fragmap *copy, struct kmemx_chunk chunk,
			const u8 *info);
void kmemx_fragmap_draw(struct kmemx_fragmap *copy, char text[KMEMX_FRAGMAP_CHARS + 1]);
char kmemx_fragmap_whole(u64 state, u8 info);

#endif /* KMEMX_BUDDY_FRAGMAP_H */
