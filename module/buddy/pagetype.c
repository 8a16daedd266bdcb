// SPDX-License-Identifier: GPL-2.0
/*
 * Chunks by what they are used for; see pagetype.h.
 */
#include "buddy/pagetype.h"
#include "buddy/zone_census.h"
#include "buddy/zone_info.h"

/*
 * The kinds of the blocks in use in a chunk, a bit each. @kind is that of the allocation
 * at hand, which may go on in the next chunk.
 */
static unsigned int kinds_in(const u8 *info, enum kmemx_kind *kind)
{
	unsigned int kinds = 0, i = 0;

	while (i < KMEMX_CHUNK_FRAMES) {
		u8 byte = READ_ONCE(info[i]);

		switch (kmemx_info_kind(byte)) {
		case KMEMX_KIND_NONE:
		case KMEMX_KIND_SLAB_TAIL:
			i++;
			continue;
		case KMEMX_KIND_MORE:
			break;
		default:
			*kind = kmemx_info_kind(byte);
		}
		kinds |= BIT(*kind);
		i += 1U << kmemx_info_order(byte);
	}
	/* What goes on and has no beginning was freed meanwhile. */
	return kinds & ~BIT(KMEMX_KIND_NONE);
}

static enum kmemx_pagetype type_of(unsigned int kinds)
{
	switch (kinds) {
	case 0:
		return KMEMX_PAGETYPE_FREE;
	case BIT(KMEMX_KIND_PAGES):
		return KMEMX_PAGETYPE_PAGES;
	case BIT(KMEMX_KIND_LARGE):
		return KMEMX_PAGETYPE_LARGE;
	case BIT(KMEMX_KIND_CONTIG):
		return KMEMX_PAGETYPE_CONTIG;
	case BIT(KMEMX_KIND_SLAB):
		return KMEMX_PAGETYPE_SLAB;
	case BIT(KMEMX_KIND_QUARANTINE):
		return KMEMX_PAGETYPE_QUARANTINE;
	}
	return KMEMX_PAGETYPE_MIXED;
}

/**
 * kmemx_pagetype_count() - sort the chunks and count what is free in them
 * @zone: the zone
 * @types: set to the counts
 *
 * Over all types, the free blocks of an order are those of kmemx_zone_count(), at rest.
 *
 * Context: any; takes as long as a walk over the info bytes.
 */
void kmemx_pagetype_count(const struct kmemx_zone *zone, struct kmemx_pagetypes *types)
{
	enum kmemx_kind kind = KMEMX_KIND_NONE;
	bool even_is_free = false;
	unsigned int c, k;

	memset(types, 0, sizeof(*types));
	for (c = 0; c < zone->nr_chunks; c++) {
		const u8 *info = zone->info + (size_t)c * KMEMX_CHUNK_FRAMES;
		unsigned int nr[KMEMX_NR_ORDERS + 1] = { 0 };
		unsigned long frames = kmemx_zone_count_chunk(zone, c, &even_is_free, nr);
		enum kmemx_pagetype type = KMEMX_PAGETYPE_FREE;

		/* So both halves of a block of order 10 are of the same type. */
		if (frames < KMEMX_CHUNK_FRAMES)
			type = type_of(kinds_in(info, &kind));
		types->chunks[type]++;
		/* The second half has the first one, of order 9, taken off: modulo 2^32. */
		for (k = 0; k <= KMEMX_NR_ORDERS; k++)
			types->free[type][k] += nr[k];
	}
}
KMEMX_EXPORT_FOR_TEST(kmemx_pagetype_count);

/**
 * kmemx_pagetype_name() - what a type is called in pagetypeinfo
 * @type: the type
 *
 * Return: a word of at most 12 characters.
 */
const char *kmemx_pagetype_name(enum kmemx_pagetype type)
{
	static const char * const names[KMEMX_NR_PAGETYPES] = {
		[KMEMX_PAGETYPE_FREE] = "Free",
		[KMEMX_PAGETYPE_PAGES] = "Pages",
		[KMEMX_PAGETYPE_LARGE] = "Large",
		[KMEMX_PAGETYPE_CONTIG] = "Contig",
		[KMEMX_PAGETYPE_SLAB] = "Slab",
		[KMEMX_PAGETYPE_QUARANTINE] = "Quarantined",
		[KMEMX_PAGETYPE_MIXED] = "Mixed",
	};

	return names[type];
}
KMEMX_EXPORT_FOR_TEST(kmemx_pagetype_name);
