// SPDX-License-Identifier: GPL-2.0
/*
 * How the bins of a zone, its spare chunks and the note of the chunk that was emptied last
 * follow the states of the chunks; see zone_bins.h.
 */
#include "buddy/zone_bins.h"

/**
 * kmemx_zone_settle_bin() - let a chunk be in a bin if its state says so and not else
 * @zone: the zone
 * @c: the chunk
 * @bin: the bin; KMEMX_BIN_NONE: nothing is done
 *
 * Until that holds still: whoever changes the state after the last look comes here
 * itself. Both the change of a state and that of a bin are fully ordered, so one of two
 * CPUs sees the other's.
 *
 * Context: any, with preemption off.
 */
void kmemx_zone_settle_bin(struct kmemx_zone *zone, unsigned int c, unsigned int bin)
{
	bool belongs = kmemx_zone_bin_of(zone, c) == bin;
	bool seen;

	if (bin == KMEMX_BIN_NONE)
		return;
	do {
		seen = belongs;
		kmemx_step();
		if (seen)
			kmemx_bins_add(&zone->bins, bin, c);
		else
			kmemx_bins_remove(&zone->bins, bin, c);
		belongs = kmemx_zone_bin_of(zone, c) == bin;
	} while (belongs != seen);
}

/*
 * One chunk more, or less, is free as a whole. The least there were is for people: who
 * comes second of two that lower it writes the lower, and it orders nothing.
 */
static void add_whole(struct kmemx_zone *zone, int nr)
{
	s64 spare = atomic64_add_return(nr, &zone->spare);
	s64 least = atomic64_read(&zone->least_spare);

	while (unlikely(spare < least) &&
	       !atomic64_try_cmpxchg(&zone->least_spare, &least, spare))
		;
}

/**
 * kmemx_zone_settle_moved() - tell the bins that a chunk has moved
 * @zone: the zone
 * @c: the chunk
 * @moved: what its state has gone through
 *
 * If its state is in the end what this CPU has written, what it did to the bins is right;
 * else each is looked at again.
 *
 * Context: any, with preemption off.
 */
void kmemx_zone_settle_moved(struct kmemx_zone *zone, unsigned int c,
			     const struct kmemx_moved *moved)
{
	unsigned int to = kmemx_state_bin(moved->state);
	u64 bins = moved->bins & ~BIT_ULL(to) & ~BIT_ULL(KMEMX_BIN_NONE);

	if (moved->whole)
		add_whole(zone, moved->whole);
	/* In two bins for a moment, not in none. */
	if (to != KMEMX_BIN_NONE)
		kmemx_bins_add(&zone->bins, to, c);
	for (; bins; bins &= bins - 1) {
		kmemx_step();
		kmemx_bins_remove(&zone->bins, __ffs64(bins), c);
	}
	kmemx_step();
	if (likely((u64)atomic64_read(&zone->state[c]) == moved->state))
		return;
	for (bins = moved->bins; bins; bins &= bins - 1)
		kmemx_zone_settle_bin(zone, c, __ffs64(bins));
}

/*
 * Where something has been in the way, or bins are not flat. Called last, so that who calls it
 * has nothing to keep.
 */
static noinline void settle_both(struct kmemx_zone *zone, unsigned long c, unsigned int from,
				 unsigned int to)
{
	if (from != KMEMX_BIN_NONE)
		kmemx_bins_mend(&zone->bins, from, (unsigned int)c);
	kmemx_zone_settle_bin(zone, (unsigned int)c, to);
	kmemx_zone_settle_bin(zone, (unsigned int)c, from);
}

/**
 * kmemx_zone_settle_edge() - tell the bins of a chunk that has come, or gone
 * @zone: the zone
 * @c: the chunk
 * @from: its bin before
 * @to: and after; one of them is KMEMX_BIN_NONE, or bins are not flat
 * @new: its state after
 *
 * As kmemx_zone_settle_change().
 *
 * Context: any, with preemption off.
 */
void kmemx_zone_settle_edge(struct kmemx_zone *zone, unsigned long c, unsigned int from,
			    unsigned int to, u64 new)
{
	bool done = kmemx_bins_is_flat(&zone->bins);

	if (kmemx_bin_is_whole(from) || kmemx_bin_is_whole(to))
		add_whole(zone, kmemx_bin_is_whole(to) ? 1 : -1);
	if (unlikely(!done)) {
		settle_both(zone, c, from, to);
		return;
	}
	if (to != KMEMX_BIN_NONE)
		kmemx_bins_put(&zone->bins, to, c);
	else
		done = kmemx_bins_drop(&zone->bins, from, c);
	kmemx_step();
	if (unlikely(!done) || unlikely((u64)atomic64_read(zone->state + c) != new))
		settle_both(zone, c, from, to);
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_settle_edge);

/**
 * kmemx_zone_settle_change() - tell the bins of one change of a state that moved a chunk
 * @zone: the zone
 * @c: the chunk
 * @old: its state before
 * @new: and after
 *
 * It is in two bins for a moment, not in none.
 *
 * Context: any, with preemption off.
 */
void kmemx_zone_settle_change(struct kmemx_zone *zone, unsigned long c, u64 old, u64 new)
{
	unsigned int from = kmemx_state_bin(old), to = kmemx_state_bin(new);
	unsigned int last = max(from, to);
	bool done;

	if (unlikely(last >= zone->bins.nr_plain)) {
		if (last == KMEMX_BIN_NONE || unlikely(!kmemx_bins_is_flat(&zone->bins))) {
			kmemx_zone_settle_edge(zone, c, from, to, new);
			return;
		}
		/* One of them is of whole chunks; none moves from one such to the other. */
		add_whole(zone, to == last ? 1 : -1);
	}
	kmemx_bins_put(&zone->bins, to, c);
	kmemx_step();
	done = kmemx_bins_drop(&zone->bins, from, c);
	kmemx_step();
	if (unlikely(!done) || unlikely((u64)atomic64_read(zone->state + c) != new))
		settle_both(zone, c, from, to);
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_settle_change);

/**
 * kmemx_zone_settle_again() - the same, where more has changed meanwhile
 * @zone: the zone
 * @c: the chunk
 * @old: its state before
 * @new: and after
 * @i: which of its words, or of their ranks, has changed
 * @delta: what is to be given back to the counts
 *
 * Context: any, with preemption off.
 */
void kmemx_zone_settle_again(struct kmemx_zone *zone, unsigned int c, u64 old, u64 new,
			     int i, u64 delta)
{
	struct kmemx_change change = { .old = old, .new = new, .word = i, .delta = delta };
	struct kmemx_moved moved = { 0 };

	kmemx_chunk_settle(kmemx_zone_chunk(zone, c), &change, &moved);
	kmemx_zone_settle(zone, c, &moved);
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_settle_again);

/* Let chunk @c, if it is KMEMX_STATE_EMPTIED, be in the bin of those that are all free. */
static void make_whole(struct kmemx_zone *zone, unsigned int c)
{
	s64 old = (s64)KMEMX_STATE_EMPTIED;

	if (atomic64_read(&zone->state[c]) != old)
		return;
	kmemx_step();
	if (atomic64_try_cmpxchg(&zone->state[c], &old, (s64)KMEMX_STATE_ALL_FREE))
		kmemx_zone_settle_change(zone, c, KMEMX_STATE_EMPTIED, KMEMX_STATE_ALL_FREE);
}

/**
 * kmemx_zone_settle_emptied() - let no chunk be kept as it was emptied
 * @zone: the zone
 *
 * That of the note goes to the bin of those that are all free: for who looks for whole
 * chunks in their bins, or breaks one.
 *
 * Context: any, with preemption off.
 */
void kmemx_zone_settle_emptied(struct kmemx_zone *zone)
{
	make_whole(zone, (unsigned int)atomic64_read(&zone->emptied));
}

/*
 * Chunk @c has been emptied, so the one before it is not kept any longer. Who writes
 * KMEMX_STATE_EMPTIED looks at the note afterwards, and who takes a chunk off the note looks
 * at its state afterwards. The compare-and-exchange of the state and the exchange of the note
 * are fully ordered, so one of two CPUs sees the other's: no chunk stays so that is not noted.
 */
static void note_emptied(struct kmemx_zone *zone, unsigned int c)
{
	kmemx_step();
	if (likely(atomic64_read(&zone->emptied) == c))
		return;
	kmemx_step();
	make_whole(zone, (unsigned int)atomic64_xchg(&zone->emptied, c));
}

/*
 * Count the last block of its word. If it is the last of its chunk too, that is kept in its bin,
 * unless whole chunks are few: then a chunk is to be broken only if no other has such a block.
 * Returns false if that is not so.
 */
static __always_inline bool count_last(struct kmemx_zone *zone, unsigned int frame,
				       unsigned int order)
{
	unsigned int c = frame / KMEMX_CHUNK_FRAMES;
	bool keep = kmemx_zone_has_plenty(zone);

	if (!kmemx_chunk_empty(&zone->state[c], frame / KMEMX_WORD_BITS % KMEMX_CHUNK_WORDS, order,
			       keep ? KMEMX_STATE_EMPTIED : KMEMX_STATE_ALL_FREE))
		return false;
	if (keep)
		note_emptied(zone, c);
	else
		/* It was in the bin of one that is kept. */
		kmemx_zone_settle_change(zone, c, KMEMX_STATE_EMPTIED, KMEMX_STATE_ALL_FREE);
	return true;
}

/* Any other block. */
static noinline void count_any(struct kmemx_zone *zone, unsigned int frame, unsigned int order,
			       u64 word)
{
	unsigned int w = frame / KMEMX_WORD_BITS, c = frame / KMEMX_CHUNK_FRAMES;
	struct kmemx_change change;

	kmemx_chunk_count_back(&zone->map[w], &zone->state[c], w % KMEMX_CHUNK_WORDS, word,
			       frame % KMEMX_WORD_BITS, order, &change);
	kmemx_zone_settle_word(zone, c, &change);
}

/**
 * kmemx_zone_count_back() - count a block whose bits have been cleared
 * @zone: the zone
 * @frame: its first frame
 * @order: 0..6
 * @word: its word of the map, as it was then
 *
 * Context: any, with preemption off.
 */
void kmemx_zone_count_back(struct kmemx_zone *zone, unsigned int frame, unsigned int order,
			   u64 word)
{
	if (word || !count_last(zone, frame, order))
		count_any(zone, frame, order, word);
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_count_back);

/**
 * kmemx_zone_count_spare() - count the chunks that are free as a whole
 * @zone: the zone
 *
 * Looks at each chunk.
 *
 * Return: what @spare of the zone is to be, at rest.
 */
s64 kmemx_zone_count_spare(const struct kmemx_zone *zone)
{
	unsigned int c, nr = 0;

	for (c = 0; c < zone->nr_chunks; c++)
		nr += kmemx_bin_is_whole(kmemx_zone_bin_of(zone, c));
	return (s64)nr - kmemx_zone_reserve(zone);
}
