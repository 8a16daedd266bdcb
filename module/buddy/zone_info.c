// SPDX-License-Identifier: GPL-2.0
/*
 * Writing the info bytes of an allocation, and claiming them to free it; see zone_info.h.
 */
#include "buddy/zone_bins.h"
#include "buddy/zone_info.h"

/**
 * kmemx_zone_write_info() - write the info bytes of an allocation
 * @zone: the zone
 * @frame: its first frame
 * @nr: how many it has; they are taken, as blocks of kmemx_zone_first_order()
 * @kind: what for
 */
void kmemx_zone_write_info(struct kmemx_zone *zone, unsigned int frame, unsigned long nr,
			   enum kmemx_kind kind)
{
	while (nr) {
		unsigned int order = kmemx_zone_first_order(frame, nr);
		u8 info = kmemx_info(kind, order);

		nr -= 1UL << order;
		if (nr)
			info |= KMEMX_INFO_MORE;
		WRITE_ONCE(zone->info[frame], info);
		frame += 1U << order;
		kind = KMEMX_KIND_MORE;
	}
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_write_info);

/**
 * kmemx_zone_count_blocks() - how many blocks frames in a row are
 * @frame: the first
 * @nr: how many frames
 *
 * Return: how many kmemx_zone_first_order() makes of them.
 */
unsigned int kmemx_zone_count_blocks(unsigned int frame, unsigned int nr)
{
	unsigned int nr_blocks = 0;

	while (nr) {
		unsigned int order = kmemx_zone_first_order(frame, nr);

		frame += 1U << order;
		nr -= 1U << order;
		nr_blocks++;
	}
	return nr_blocks;
}

/**
 * kmemx_zone_mark_tails() - let every frame of a slab know its slab
 * @zone: the zone
 * @frame: first frame of a block of kind KMEMX_KIND_SLAB, the caller's own
 * @order: its order
 * @is_slab: true after it was allocated, false before it is given back
 *
 * The first frame is ALIGN_DOWN(frame, 1 << order) of any of them.
 */
void kmemx_zone_mark_tails(struct kmemx_zone *zone, unsigned int frame,
			     unsigned int order, bool is_slab)
{
	u8 info = is_slab ? kmemx_info(KMEMX_KIND_SLAB_TAIL, order) : 0;
	unsigned int i;

	for (i = 1; i < 1U << order; i++)
		WRITE_ONCE(zone->info[frame + i], info);
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_mark_tails);

/**
 * kmemx_zone_block_frames() - the length of an allocation
 * @zone: the zone
 * @frame: its first frame
 *
 * Return: the frames of all its blocks. Meaningless, but harmless, if the
 * allocation is freed meanwhile.
 */
unsigned long kmemx_zone_block_frames(const struct kmemx_zone *zone,
					unsigned int frame)
{
	unsigned long nr = 0;
	u8 info;

	do {
		info = READ_ONCE(zone->info[frame + nr]);
		nr += 1UL << kmemx_info_order(info);
	} while ((info & KMEMX_INFO_MORE) && frame + nr < kmemx_zone_end(zone));
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_block_frames);

/**
 * kmemx_zone_frames_from() - how much of an allocation is there from one of its frames on?
 * @zone: the zone
 * @frame: any frame
 * @enough: so many will do, 1 and more
 *
 * Return: the frames from @frame to the end of the allocation that it is in, which is not a
 * slab, or some of them, but no fewer than @enough then; 0 if it is in none. Meaningless, but
 * harmless, if that is freed meanwhile.
 */
unsigned long kmemx_zone_frames_from(const struct kmemx_zone *zone, unsigned int frame,
				     unsigned long enough)
{
	unsigned int head = frame, order;
	unsigned long nr;
	u8 info;

	/* Blocks are aligned, so the first that begins on the way is the only one it can be in. */
	info = READ_ONCE(zone->info[head]);
	for (order = 1; !info && order <= KMEMX_CHUNK_ORDER; order++) {
		head = round_down(frame, 1U << order);
		info = READ_ONCE(zone->info[head]);
	}
	switch (kmemx_info_kind(info)) {
	case KMEMX_KIND_PAGES:
	case KMEMX_KIND_LARGE:
	case KMEMX_KIND_CONTIG:
	case KMEMX_KIND_MORE:
		break;
	default:
		return 0;
	}
	nr = 1UL << kmemx_info_order(info);
	if (nr <= frame - head)
		return 0;
	nr -= frame - head;
	while ((info & KMEMX_INFO_MORE) && nr < enough && frame + nr < kmemx_zone_end(zone)) {
		info = READ_ONCE(zone->info[frame + nr]);
		nr += 1UL << kmemx_info_order(info);
	}
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_frames_from);

/**
 * kmemx_zone_judge() - what is wrong with freeing this frame?
 * @zone: the zone
 * @frame: a frame that is not the start of an allocation of the kind expected
 *
 * Return: a verdict other than KMEMX_FREE_OK. While another CPU is allocating
 * or freeing the same frame, DOUBLE and MISALIGNED may be confused.
 */
enum kmemx_verdict kmemx_zone_judge(const struct kmemx_zone *zone,
				      unsigned int frame)
{
	unsigned int c = frame / KMEMX_CHUNK_FRAMES;
	u8 info = READ_ONCE(zone->info[frame]);

	if (info == KMEMX_INFO_ABSENT)
		return KMEMX_FREE_FOREIGN;
	switch (kmemx_info_kind(info)) {
	case KMEMX_KIND_NONE:
		if (info & KMEMX_INFO_FRONT)
			return KMEMX_FREE_DOUBLE;
		if (kmemx_chunk_is_taken(kmemx_zone_chunk(zone, c),
					 frame % KMEMX_CHUNK_FRAMES))
			return KMEMX_FREE_MISALIGNED;
		return KMEMX_FREE_DOUBLE;
	case KMEMX_KIND_MORE:
		return KMEMX_FREE_MISALIGNED;
	case KMEMX_KIND_QUARANTINE:
		return KMEMX_FREE_DOUBLE;
	default:
		return KMEMX_FREE_FUNCTION;
	}
}

/* Of what was a block of @nr frames some may have been given back. */
static bool fits(unsigned long frames, unsigned long nr)
{
	return frames == nr || (frames < nr && nr < 2 * frames && !(nr & (nr - 1)));
}

/**
 * kmemx_zone_claim() - win the right to free an allocation
 * @zone: the zone
 * @frame: its first frame
 * @kind: what it was allocated for
 * @nr: its frames, or as many rounded up to a power of two; or 0 if the caller does not know
 * @info: set to the info byte of its first block
 *
 * Of all who try, exactly one gets KMEMX_FREE_OK, and it goes on with kmemx_zone_give() for
 * the first block and, while there are more, kmemx_zone_next(). Who frees it meanwhile by
 * kmemx_zone_free_block() does not ask here, so kmemx_zone_give() may find it free.
 *
 * Context: any.
 * Return: the verdict; nothing has changed unless it is KMEMX_FREE_OK.
 */
enum kmemx_verdict kmemx_zone_claim(struct kmemx_zone *zone, unsigned int frame,
				      enum kmemx_kind kind, unsigned long nr, u8 *info)
{
	u8 seen = READ_ONCE(zone->info[frame]);

	if (kmemx_info_kind(seen) != kind)
		return kmemx_zone_judge(zone, frame);
	if (nr && !fits(kmemx_zone_block_frames(zone, frame), nr))
		return READ_ONCE(zone->info[frame]) == seen ?
			KMEMX_FREE_ORDER : KMEMX_FREE_DOUBLE;
	*info = seen;
	if (!try_cmpxchg(&zone->info[frame], &seen, 0))
		return KMEMX_FREE_DOUBLE;
	return KMEMX_FREE_OK;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_claim);

/**
 * kmemx_zone_next() - the next block of a claimed allocation
 * @zone: the zone
 * @frame: first frame of the current block
 * @info: the current block's info byte, with KMEMX_INFO_MORE set; replaced by
 *	  that of the next block
 *
 * To be called before the current block is given back.
 *
 * Return: the first frame of the next block.
 */
unsigned int kmemx_zone_next(struct kmemx_zone *zone, unsigned int frame, u8 *info)
{
	unsigned int next = frame + (1U << kmemx_info_order(*info));

	*info = READ_ONCE(zone->info[next]);
	WRITE_ONCE(zone->info[next], 0);
	return next;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_next);

/**
 * kmemx_zone_divide() - count a block of a claimed allocation as several
 * @zone: the zone
 * @frame: its first frame
 * @order: its order
 * @nr_blocks: 1..2^@order, how many it is from now on, each to be given back on its own
 *
 * Context: any.
 */
void kmemx_zone_divide(struct kmemx_zone *zone, unsigned int frame, unsigned int order,
		       unsigned int nr_blocks)
{
	unsigned int c = frame / KMEMX_CHUNK_FRAMES;
	struct kmemx_moved moved = { 0 };

	kmemx_chunk_split(kmemx_zone_chunk(zone, c), order, nr_blocks, &moved);
	kmemx_zone_settle(zone, c, &moved);
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_divide);

/**
 * kmemx_zone_split() - split a block of a claimed allocation
 * @zone: the zone
 * @frame: its first frame
 * @order: its order, at least 1
 * @nr: frames of the first part, 1..2^@order - 1
 *
 * Each part is from now on as many blocks as kmemx_zone_first_order() makes of it, to be
 * given back on their own.
 *
 * Context: any.
 */
void kmemx_zone_split(struct kmemx_zone *zone, unsigned int frame, unsigned int order,
		      unsigned int nr)
{
	kmemx_zone_divide(zone, frame, order, kmemx_zone_count_blocks(frame, nr) +
			  kmemx_zone_count_blocks(frame + nr, (1U << order) - nr));
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_split);
