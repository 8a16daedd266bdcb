// SPDX-License-Identifier: GPL-2.0
/*
 * What holds of a zone at rest; see zone_check.h.
 */
#include "buddy/zone_bins.h"
#include "buddy/zone_census.h"
#include "buddy/zone_check.h"
#include "buddy/zone_info.h"

/* The blocks that info bytes describe must cover the taken bits and no others. */
static const char *check_blocks(const struct kmemx_zone *zone, unsigned int c, u64 *counts)
{
	struct kmemx_chunk chunk = kmemx_zone_chunk(zone, c);
	unsigned int tail = 0, i;

	for (i = 0; i < KMEMX_CHUNK_FRAMES; i++) {
		u8 info = zone->info[c * KMEMX_CHUNK_FRAMES + i];
		bool taken = kmemx_chunk_is_taken(chunk, i);

		if (kmemx_info_kind(info) == KMEMX_KIND_SLAB_TAIL) {
			if (!tail)
				return "slab tail without a slab";
		} else if (info && info != KMEMX_INFO_ABSENT) {
			if (tail)
				return "block starts inside another";
			if (i & ((1U << kmemx_info_order(info)) - 1))
				return "block is not aligned";
			tail = 1U << kmemx_info_order(info);
			*counts += KMEMX_STATE_LIVE_ONE;
		}
		if (taken != (tail || info == KMEMX_INFO_ABSENT))
			return taken ? "taken frame belongs to no block" :
				"frame of a block is marked free";
		if (tail)
			tail--;
		*counts += !taken;
	}
	return NULL;
}

static bool is_in(const struct kmemx_zone *zone, unsigned int c, unsigned int bin)
{
	return kmemx_zone_bin_of(zone, c) == bin;
}

static const char *check_bins(const struct kmemx_zone *zone, unsigned int c)
{
	unsigned int i;

	for (i = 0; i < KMEMX_NR_BINS; i++)
		if (kmemx_summary_test(&zone->bins.chunks[i], c) != is_in(zone, c, i))
			return "chunk is in a wrong bin";
	return NULL;
}

static const char *check_chunk(const struct kmemx_zone *zone, unsigned int c)
{
	u64 state = (u64)atomic64_read(&zone->state[c]);
	u64 counts = 0;
	const char *why = check_blocks(zone, c, &counts);

	if (why)
		return why;
	if (state & ~(KMEMX_STATE_FREE_MASK | KMEMX_STATE_LIVE_MASK | KMEMX_STATE_WHOLE |
		      KMEMX_STATE_RANKS | KMEMX_STATE_BIN_MASK))
		return "state word has unknown bits";
	if (kmemx_state_free(state) != kmemx_state_free(counts))
		return "free count is not the number of clear bits";
	if (kmemx_state_live(state) != kmemx_state_live(counts))
		return "live count is not the number of blocks";
	if (!kmemx_chunk_check_ranks(kmemx_zone_chunk(zone, c)))
		return "rank is not that of its word";
	if (state == KMEMX_STATE_EMPTIED && kmemx_zone_emptied(zone) != c)
		return "emptied chunk is not noted";
	return check_bins(zone, c);
}

/* The largest free block, by the maps alone. */
static int largest_order(const struct kmemx_zone *zone)
{
	unsigned int nr[KMEMX_NR_ORDERS] = { 0 }, c;
	int order = KMEMX_CHUNK_ORDER;

	for (c = 0; c < zone->nr_chunks; c++)
		kmemx_chunk_count(kmemx_zone_chunk(zone, c), nr);
	while (order >= 0 && !nr[order])
		order--;
	return order;
}

/**
 * kmemx_zone_check() - do map, state, info bytes and bins agree?
 * @zone: the zone, at rest
 *
 * This is the definition of a correct zone: the blocks that the info bytes
 * describe tile exactly the taken frames, counts and ranks are right, every chunk is
 * in the bin that its state says, and in no other, and what is told from the bins at a
 * glance is what the maps have.
 *
 * Return: NULL, or what is wrong.
 */
const char *kmemx_zone_check(const struct kmemx_zone *zone)
{
	unsigned int c;

	for (c = 0; c < zone->nr_chunks; c++) {
		const char *why = check_chunk(zone, c);

		if (why)
			return why;
	}
	if (atomic64_read(&zone->spare) != kmemx_zone_count_spare(zone))
		return "spare chunks are not those that are whole";
	if (kmemx_zone_highest_order(zone) != largest_order(zone))
		return "highest order is not that of the largest block";
	return kmemx_bins_check(&zone->bins) ? NULL : "bins disagree with their word";
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_check);
