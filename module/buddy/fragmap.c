// SPDX-License-Identifier: GPL-2.0
/*
 * Drawing a chunk; see fragmap.h.
 */
#include "buddy/fragmap.h"
#include "buddy/zone_info.h"

/* How often a copy is made anew because the chunk changed meanwhile. */
#define COPY_TRIES	4

static void copy_words(struct kmemx_fragmap *copy, struct kmemx_chunk chunk, const u8 *info)
{
	unsigned int i;

	for (i = 0; i < KMEMX_CHUNK_WORDS; i++)
		atomic64_set(&copy->map[i], atomic64_read(&chunk.map[i]));
	for (i = 0; i < KMEMX_CHUNK_FRAMES; i++)
		copy->info[i] = READ_ONCE(info[i]);
}

/**
 * kmemx_fragmap_copy() - copy a chunk, of one moment if that can be had
 * @copy: set to the copy
 * @chunk: the chunk
 * @info: the info bytes of its frames
 *
 * Every allocation and free changes the state word, but for those of fronts, which change info
 * bytes only. So a copy during which it stayed the same is most likely of one moment; where
 * others are busy in the chunk, the last of a few is good enough to look at.
 *
 * Context: any.
 */
void kmemx_fragmap_copy(struct kmemx_fragmap *copy, struct kmemx_chunk chunk,
			const u8 *info)
{
	s64 state = atomic64_read(chunk.state);
	unsigned int tries;

	for (tries = 0; tries < COPY_TRIES; tries++) {
		s64 seen = state;

		copy_words(copy, chunk, info);
		state = atomic64_read(chunk.state);
		if (state == seen)
			break;
	}
	atomic64_set(&copy->state, state);
}
KMEMX_EXPORT_FOR_TEST(kmemx_fragmap_copy);

/* How a taken frame looks in whose block's first info byte is @info. */
static char draw_block(u8 info)
{
	switch (kmemx_info_kind(info)) {
	case KMEMX_KIND_NONE:
		return info & KMEMX_INFO_FRONT ? KMEMX_FRAGMAP_FRONT : KMEMX_FRAGMAP_BETWEEN;
	case KMEMX_KIND_SLAB:
	case KMEMX_KIND_SLAB_TAIL:
		return KMEMX_FRAGMAP_SLAB;
	case KMEMX_KIND_QUARANTINE:
		return KMEMX_FRAGMAP_QUARANTINED;
	default:
		return (char)('0' + kmemx_info_order(info));
	}
}

/* The block that the next frame may be in. */
struct block {
	char look;
	unsigned int left;	/* Its frames from this one on, 0: no block. */
};

/* Only slabs have info bytes other than the first. */
static void enter_frame(struct block *block, u8 info)
{
	if (!info || info == KMEMX_INFO_ABSENT)
		return;
	block->look = draw_block(info);
	if (kmemx_info_kind(info) != KMEMX_KIND_SLAB_TAIL)
		block->left = 1U << kmemx_info_order(info);
	else if (!block->left)
		block->left = 1;
}

static char draw_frame(struct kmemx_fragmap *copy, unsigned int i, struct block *block)
{
	char look = block->left ? block->look : KMEMX_FRAGMAP_BETWEEN;

	block->left -= !!block->left;
	if (copy->info[i] == KMEMX_INFO_ABSENT)
		return KMEMX_FRAGMAP_ABSENT;
	return kmemx_chunk_is_taken(kmemx_fragmap_chunk(copy), i) ? look : KMEMX_FRAGMAP_FREE;
}

/* What a group looks like that looked like @group before a frame was added to it. */
static char blend(char group, char look)
{
	if (group == look)
		return group;
	if (group == KMEMX_FRAGMAP_FREE || group == KMEMX_FRAGMAP_PARTLY_FREE ||
	    look == KMEMX_FRAGMAP_FREE)
		return KMEMX_FRAGMAP_PARTLY_FREE;
	return KMEMX_FRAGMAP_MIXED;
}

/**
 * kmemx_fragmap_draw() - one character for each eight frames of a chunk
 * @copy: a copy of the chunk
 * @text: set to KMEMX_FRAGMAP_CHARS characters, the lowest frames first, and 0
 *
 * A digit is the order of the blocks that its frames are in.
 *
 * Context: any.
 */
void kmemx_fragmap_draw(struct kmemx_fragmap *copy, char text[KMEMX_FRAGMAP_CHARS + 1])
{
	struct block block = { 0 };
	unsigned int i;

	for (i = 0; i < KMEMX_CHUNK_FRAMES; i++) {
		char *group = &text[i / KMEMX_FRAGMAP_GROUP];
		char look;

		enter_frame(&block, copy->info[i]);
		look = draw_frame(copy, i, &block);
		*group = i % KMEMX_FRAGMAP_GROUP ? blend(*group, look) : look;
	}
	text[KMEMX_FRAGMAP_CHARS] = '\0';
}
KMEMX_EXPORT_FOR_TEST(kmemx_fragmap_draw);

/**
 * kmemx_fragmap_whole() - is a chunk drawn in one and the same character?
 * @state: its state word
 * @info: its first info byte
 *
 * So that chunks that look the same need not be drawn one by one.
 *
 * Context: any.
 * Return: the character, if the state word alone says that all frames are free or
 * taken as one block; otherwise 0.
 */
char kmemx_fragmap_whole(u64 state, u8 info)
{
	if (kmemx_state_free(state) == KMEMX_CHUNK_FRAMES)
		return KMEMX_FRAGMAP_FREE;
	return state & KMEMX_STATE_WHOLE ? draw_block(info) : 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_fragmap_whole);
