// SPDX-License-Identifier: GPL-2.0
/*
 * Frames in quarantine, and giving back blocks that may have to go there; see
 * pages_quarantine.h.
 */
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/string.h>

#include "buddy/pages_front.h"
#include "buddy/pages_quarantine.h"

/* Chunks, and frames to give back, that a caller who may not wait looks for. */
#define SWEEP_CHUNKS	2
#define SWEEP_FRAMES	8U

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

/* Give a quarantined frame back unless it is still held. */
static bool try_release(struct kmemx_pages *pages, u32 frame)
{
	u8 info;

	if (is_held(pages, frame))
		return false;
	if (kmemx_zone_claim(&pages->zone, frame, KMEMX_KIND_QUARANTINE, 1, &info))
		return false;
	kmemx_pages_give_frames(pages, frame, 0);
	atomic64_add(-1, &pages->nr_quarantined);
	return true;
}

/* Chunk @c has frames in quarantine. */
static void note_held(struct kmemx_pages *pages, unsigned int c)
{
	/*
	 * Between their info bytes and a look at the summary, which may have the chunk
	 * already. Pairs with that of kmemx_summary_clear() in sweep_chunk(): of two CPUs, one
	 * leaves the chunk in the summary or the other sees the frames.
	 */
	smp_mb();
	/* A summary that somebody is just changing may hide what is in it: not for long. */
	preempt_disable();
	kmemx_summary_set(&pages->held, c);
	preempt_enable();
}

/**
 * kmemx_pages_give_block() - give back a block, unless it has to be set aside
 * @pages: the region's frames
 * @frame: its first frame, claimed
 * @order: 0..KMEMX_CHUNK_ORDER
 *
 * Context: any.
 * Return: how many frames were set aside, as somebody else holds them.
 */
unsigned int kmemx_pages_give_block(struct kmemx_pages *pages, u32 frame, unsigned int order)
{
	unsigned int nr = 1U << order;
	unsigned int i, nr_held = 0;

	if (likely(!kmemx_pages_any_held(kmemx_pages_page(pages, frame), order))) {
		kmemx_pages_give_frames(pages, frame, order);
		return 0;
	}
	preempt_disable();
	kmemx_zone_quarantine(&pages->zone, frame, order);
	preempt_enable();
	atomic64_add(nr, &pages->nr_quarantined);
	for (i = 0; i < nr; i++)
		nr_held += !try_release(pages, frame + i);
	if (nr_held)
		note_held(pages, frame / KMEMX_CHUNK_FRAMES);
	return nr_held;
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

/*
 * Give back up to @max frames of chunk @c that nobody holds any more. The summary has the
 * chunk in the end if there is one left that is held, or that was not looked at.
 */
static unsigned int sweep_chunk(struct kmemx_pages *pages, unsigned int c, unsigned int max)
{
	u32 frame = c * KMEMX_CHUNK_FRAMES, end = frame + KMEMX_CHUNK_FRAMES;
	unsigned int nr = 0;
	bool left = false;

	/* As in note_held(). */
	preempt_disable();
	kmemx_summary_clear(&pages->held, c);
	preempt_enable();
	while (frame < end && nr < max) {
		if (frame % 8 == 0 && !any_quarantined(&pages->zone.info[frame])) {
			frame += 8;
			continue;
		}
		if (kmemx_info_kind(kmemx_pages_info(pages, frame)) == KMEMX_KIND_QUARANTINE) {
			if (try_release(pages, frame))
				nr++;
			else
				left = true;
		}
		frame++;
	}
	if (left || frame < end)
		note_held(pages, c);
	return nr;
}

/**
 * kmemx_pages_sweep() - give back quarantined frames that nobody holds any more
 * @pages: the region's frames
 *
 * Looks at every chunk that has such frames.
 *
 * Context: any.
 * Return: the number of frames given back.
 */
unsigned long kmemx_pages_sweep(struct kmemx_pages *pages)
{
	unsigned long nr = 0;
	long c = -1;

	while ((c = kmemx_summary_find(&pages->held, (unsigned int)(c + 1))) >= 0)
		nr += sweep_chunk(pages, (unsigned int)c, KMEMX_CHUNK_FRAMES);
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_sweep);

/**
 * kmemx_pages_sweep_some() - as kmemx_pages_sweep(), for who may not wait
 * @pages: the region's frames
 *
 * Looks at two chunks, and goes on behind them the next time, so that a frame that is held
 * for long costs no more than that and hides no other.
 *
 * Context: any.
 * Return: the number of frames given back, at most eight.
 */
unsigned int kmemx_pages_sweep_some(struct kmemx_pages *pages)
{
	unsigned int nr = 0, tries;
	long seen = -1;

	if (likely(kmemx_summary_is_empty(&pages->held)))
		return 0;
	for (tries = 0; tries < SWEEP_CHUNKS && nr < SWEEP_FRAMES; tries++) {
		long c = kmemx_summary_find(&pages->held, READ_ONCE(pages->sweep_from));

		if (c < 0)
			c = kmemx_summary_first(&pages->held);
		if (c < 0 || c == seen)
			break;
		seen = c;
		nr += sweep_chunk(pages, (unsigned int)c, SWEEP_FRAMES - nr);
		/* Racy: if one goes back, the next look is at the same chunks. */
		WRITE_ONCE(pages->sweep_from, (unsigned int)c + (nr < SWEEP_FRAMES));
	}
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_pages_sweep_some);
