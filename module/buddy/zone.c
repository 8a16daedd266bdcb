// SPDX-License-Identifier: GPL-2.0
/*
 * Making and ending a zone, which nothing overlaps; see zone.h.
 */
#include "buddy/zone.h"
#include "buddy/zone_bins.h"
#include "buddy/zone_info.h"

/* Lay out one allocation: maps (whole cache lines) first, bytes last. */
static void place_meta(struct kmemx_zone *zone)
{
	u8 *next = zone->meta;

	zone->map = (atomic64_t *)next;
	next += (size_t)zone->nr_chunks * KMEMX_CHUNK_WORDS * sizeof(*zone->map);
	zone->state = (atomic64_t *)next;
	next += (size_t)zone->nr_chunks * sizeof(*zone->state);
	zone->base_pfn = (unsigned long *)next;
	next += (size_t)zone->nr_chunks * sizeof(*zone->base_pfn);
	kmemx_bins_init(&zone->bins, next, zone->nr_chunks);
	next += kmemx_bins_bytes(zone->nr_chunks);
	zone->starts = (bool *)next;
	next += zone->nr_chunks * sizeof(*zone->starts);
	zone->info = next;
}

static size_t meta_bytes(unsigned int nr_chunks)
{
	size_t bytes = KMEMX_CHUNK_WORDS * sizeof(atomic64_t) + sizeof(atomic64_t) +
		sizeof(unsigned long) + sizeof(bool) + KMEMX_CHUNK_FRAMES;

	return nr_chunks * bytes + kmemx_bins_bytes(nr_chunks);
}

static void init_chunks(struct kmemx_zone *zone, const struct kmemx_extent *ext)
{
	unsigned long pfn = kmemx_extent_base(ext);
	unsigned int c = ext->chunk;

	zone->starts[c] = true;
	for (; pfn < ext->pfn + ext->nr_frames; pfn += KMEMX_CHUNK_FRAMES, c++) {
		unsigned long first = max(ext->pfn, pfn) - pfn;
		unsigned long left = ext->pfn + ext->nr_frames - pfn;

		unsigned long end = min_t(unsigned long, left, KMEMX_CHUNK_FRAMES);
		u8 *info = zone->info + (size_t)c * KMEMX_CHUNK_FRAMES;

		zone->base_pfn[c] = pfn;
		memset(info, KMEMX_INFO_ABSENT, first);
		memset(info + end, KMEMX_INFO_ABSENT, KMEMX_CHUNK_FRAMES - end);
		kmemx_chunk_init(kmemx_zone_chunk(zone, c), (unsigned int)first,
				 (unsigned int)end);
		kmemx_zone_settle_bin(zone, c, kmemx_zone_bin_of(zone, c));
	}
}

/**
 * kmemx_zone_init() - put frames under management, all of them free
 * @zone: the zone to fill in
 * @nr_extents: at least 1
 * @extent: where they are; no two share a chunk. Stays the caller's and must last
 *	    as long as the zone; the first chunk of each is noted in it.
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM, or -EINVAL for KMEMX_ZONE_FRAMES_MAX frames or more.
 */
int kmemx_zone_init(struct kmemx_zone *zone, unsigned int nr_extents,
		    struct kmemx_extent *extent)
{
	unsigned long nr_chunks = 0;
	unsigned int i;

	zone->meta = NULL;
	zone->nr_extents = nr_extents;
	zone->extent = extent;
	for (i = 0; i < nr_extents; i++) {
		if (extent[i].nr_frames >= KMEMX_ZONE_FRAMES_MAX)
			return -EINVAL;
		extent[i].chunk = (unsigned int)nr_chunks;
		nr_chunks += kmemx_extent_chunks(&extent[i]);
		if (nr_chunks >= KMEMX_ZONE_FRAMES_MAX / KMEMX_CHUNK_FRAMES)
			return -EINVAL;
	}
	zone->nr_chunks = (unsigned int)nr_chunks;
	zone->meta_bytes = meta_bytes(zone->nr_chunks);
	zone->meta = vzalloc(zone->meta_bytes);
	if (!zone->meta)
		return -ENOMEM;
	place_meta(zone);
	for (i = 0; i < nr_extents; i++)
		init_chunks(zone, &extent[i]);
	atomic64_set(&zone->spare, kmemx_zone_count_spare(zone));
	atomic64_set(&zone->least_spare, kmemx_zone_count_spare(zone));
	atomic64_set(&zone->emptied, 0);
	return 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_init);

/**
 * kmemx_zone_fini() - free a zone's metadata
 * @zone: the zone; nobody uses it any more. May be half built.
 */
void kmemx_zone_fini(struct kmemx_zone *zone)
{
	vfree(zone->meta);
	zone->meta = NULL;
}
KMEMX_EXPORT_FOR_TEST(kmemx_zone_fini);
