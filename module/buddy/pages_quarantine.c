// SPDX-License-Identifier: GPL-2.0
/*
 * Frames in quarantine, and giving back blocks that may have to go there; see
 * pages_quarantine.h.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "buddy/pages_front.h"
#include "buddy/pages_quarantine.h"

/* Frames that are looked at together. */
#define GROUP		8U
/*
 * Frames in quarantine that a caller who may not wait looks at: who fails is to be told so soon,
 * and the reaper looks at all.
 */
#define SWEEP_FRAMES	GROUP

/**
 * kmemx_pages_give_frames() - give back a block that nobody else holds
 * @pages: the region's frames
 * @frame: its first frame, claimed
 * @order: 0..KMEMX_CHUNK_ORDER
 *
 * With init_on_free it is zeroed before.
 *
 * Context: any. Preemption is off while a chunk is changed and the bins are told, so that
 * nobody is held up by a task that does not run.
 */
void kmemx_pages_give_frames(struct kmemx_pages *pages, u32 frame, unsigned int order)
{
	bool given;

	if (want_init_on_free())
		kmemx_pages_clear(kmemx_pages_address(pages, frame), 1UL << order);
	preempt_disable();
	given = kmemx_zone_give(&pages->zone, frame, order);
	preempt_enable();
	if (unlikely(!given))
		kmemx_pages_drop_twice(pages, frame, order);
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_give_frames);

/* Does anybody but us hold this frame? */
static bool is_held(const struct kmemx_pages *pages, u32 frame)
{
	return page_ref_count(kmemx_pages_page(pages, frame)) != 1;
}

/* The word of the map that @frame is in has frames in quarantine. */
static void note_held(struct kmemx_pages *pages, u32 frame)
{
	/*
	 * Between their info bytes and a look at the summary, which may have the word
	 * already. Pairs with that of kmemx_summary_clear() in sweep_word(): of two CPUs, one
	 * leaves the word in the summary or the other sees the frames.
	 */
	smp_mb();
	/* A summary that somebody is just changing may hide what is in it: not for long. */
	preempt_disable();
	kmemx_summary_set(&pages->held, frame / KMEMX_WORD_BITS);
	preempt_enable();
}

/* Give a quarantined frame back unless it is still held. */
static bool try_release(struct kmemx_pages *pages, u32 frame)
{
	u8 info;

	if (is_held(pages, frame))
		return false;
	kmemx_step();
	if (kmemx_zone_claim(&pages->zone, frame, KMEMX_KIND_QUARANTINE, 1, &info))
		return false;
	/*
	 * Since that look another may have released it, and it be set aside anew: with a reference
	 * that is seen now, as the byte was written after who set it aside had seen it. From now on
	 * nobody but us has it, so references only go.
	 */
	if (unlikely(is_held(pages, frame))) {
		WRITE_ONCE(pages->zone.info[frame], info);
		/* Who looked in between has not seen it. */
		note_held(pages, frame);
		return false;
	}
	kmemx_pages_give_frames(pages, frame, 0);
	atomic64_add(-1, &pages->nr_quarantined);
	return true;
}

/* The order of the block that begins at @i, with a bit in @held for each frame that goes alone. */
static unsigned int piece_order(const unsigned long *held, unsigned int i, unsigned int nr)
{
	unsigned long end = find_next_bit(held, nr, i);

	return end > i ? kmemx_zone_first_order(i, end - i) : 0;
}

static unsigned int count_pieces(const unsigned long *held, unsigned int nr)
{
	unsigned int nr_pieces = 0, i;

	for (i = 0; i < nr; i += 1U << piece_order(held, i, nr))
		nr_pieces++;
	return nr_pieces;
}

/*
 * Of a block that is claimed, set those frames aside that somebody holds, and give the others back,
 * in blocks as large as may be. Returns how many are held.
 */
static noinline unsigned int set_aside(struct kmemx_pages *pages, u32 frame, unsigned int order)
{
	DECLARE_BITMAP(held, KMEMX_CHUNK_FRAMES) = { 0 };
	unsigned int nr = 1U << order, nr_held = 0, i, k;

	for (i = 0; i < nr; i++) {
		if (is_held(pages, frame + i)) {
			__set_bit(i, held);
			nr_held++;
		}
	}
	/* They have let go since. */
	if (!nr_held) {
		kmemx_pages_give_frames(pages, frame, order);
		return 0;
	}
	/* Before anybody can find them. */
	atomic64_add(nr_held, &pages->nr_quarantined);
	preempt_disable();
	kmemx_zone_divide(&pages->zone, frame, order, count_pieces(held, nr));
	preempt_enable();
	for (i = 0; i < nr; i += 1U << k) {
		k = piece_order(held, i, nr);
		if (test_bit(i, held)) {
			WRITE_ONCE(pages->zone.info[frame + i],
				   kmemx_info(KMEMX_KIND_QUARANTINE, 0));
			note_held(pages, frame + i);
		} else {
			kmemx_pages_give_frames(pages, frame + i, k);
		}
	}
	return nr_held;
}

/**
 * kmemx_pages_give_block() - give back a block, unless some of it has to be set aside
 * @pages: the region's frames
 * @frame: its first frame, claimed
 * @order: 0..KMEMX_CHUNK_ORDER
 *
 * If some has to, each frame is looked at, and what lies between those that are held is given
 * back in up to @order blocks for each of them.
 *
 * Context: any.
 * Return: how many frames were set aside, as somebody else holds them.
 */
unsigned int kmemx_pages_give_block(struct kmemx_pages *pages, u32 frame, unsigned int order)
{
	if (unlikely(kmemx_pages_any_held(kmemx_pages_page(pages, frame), order)))
		return set_aside(pages, frame, order);
	kmemx_pages_give_frames(pages, frame, order);
	return 0;
}

/* Is one of eight bytes in a row that of a frame in quarantine? A byte that is none is 0. */
static bool any_quarantined(const u8 *info)
{
	const u64 ones = ~0ULL / 0xff;
	u64 bytes;

	/* Racy: who changes one of them now tells the summary later. */
	data_race(memcpy(&bytes, info, sizeof(bytes)));
	bytes ^= ones * kmemx_info(KMEMX_KIND_QUARANTINE, 0);
	return (bytes - ones) & ~bytes & ones << 7;
}

/* Returns how many were given back; @left is set if one has to stay. */
static unsigned int sweep_group(struct kmemx_pages *pages, u32 frame, unsigned int *nr_looks,
				bool *left)
{
	u32 end = frame + GROUP;
	unsigned int nr = 0;

	for (; frame < end; frame++) {
		if (kmemx_info_kind(kmemx_pages_info(pages, frame)) != KMEMX_KIND_QUARANTINE)
			continue;
		++*nr_looks;
		if (try_release(pages, frame))
			nr++;
		else
			*left = true;
	}
	return nr;
}

/*
 * Give back what nobody holds any more of a word, from the group at *@frame on, after looks at
 * @max frames at most, unless that is less than a group. Sets *@frame to where to go on. The
 * summary has the word in the end if a frame may have to stay.
 */
static unsigned int sweep_word(struct kmemx_pages *pages, u32 *frame, unsigned int max)
{
	u32 first = *frame, end = round_down(first, KMEMX_WORD_BITS) + KMEMX_WORD_BITS;
	bool left = first % KMEMX_WORD_BITS;
	unsigned int nr = 0, nr_looks = 0;

	if (!left) {
		/* As in note_held(). */
		preempt_disable();
		kmemx_summary_clear(&pages->held, first / KMEMX_WORD_BITS);
		preempt_enable();
	}
	for (; *frame < end; *frame += GROUP) {
		if (!any_quarantined(&pages->zone.info[*frame]))
			continue;
		if (nr_looks + GROUP > max)
			break;
		nr += sweep_group(pages, *frame, &nr_looks, &left);
	}
	if (left || *frame < end)
		note_held(pages, first);
	return nr;
}

/**
 * kmemx_pages_sweep() - give back quarantined frames that nobody holds any more
 * @pages: the region's frames
 *
 * Looks at every word of the map that has such frames.
 *
 * Context: may sleep.
 * Return: the number of frames given back.
 */
unsigned long kmemx_pages_sweep(struct kmemx_pages *pages)
{
	unsigned long nr = 0;
	long word = -1;

	while ((word = kmemx_summary_find(&pages->held, (unsigned int)(word + 1))) >= 0) {
		u32 frame = (u32)word * KMEMX_WORD_BITS;

		nr += sweep_word(pages, &frame, KMEMX_WORD_BITS + GROUP);
		cond_resched();
	}
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_sweep);

/**
 * kmemx_pages_sweep_some() - as kmemx_pages_sweep(), for who may not wait
 * @pages: the region's frames
 *
 * Looks at one word, and up to eight frames in it that are in quarantine, and goes on behind them
 * the next time: so frames that are held for long cost no more than that and hide no other.
 *
 * Context: any.
 * Return: the number of frames given back, at most eight.
 */
unsigned int kmemx_pages_sweep_some(struct kmemx_pages *pages)
{
	u32 frame = READ_ONCE(pages->sweep_from);
	unsigned int nr;
	long word;

	if (likely(kmemx_summary_is_empty(&pages->held)))
		return 0;
	word = kmemx_summary_find(&pages->held, frame / KMEMX_WORD_BITS);
	if (word < 0)
		word = kmemx_summary_first(&pages->held);
	if (word < 0)
		return 0;
	if (frame / KMEMX_WORD_BITS != (u32)word)
		frame = (u32)word * KMEMX_WORD_BITS;
	nr = sweep_word(pages, &frame, SWEEP_FRAMES);
	/* Racy: if one goes back, the next look is at the same frames. */
	WRITE_ONCE(pages->sweep_from, frame);
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_sweep_some);
