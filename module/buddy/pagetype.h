/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What each chunk is used for, and what is free in chunks of each sort: the content of
 * pagetypeinfo. Nothing is kept: a chunk's type is what its info bytes say when it is
 * asked for.
 *
 * Locking: none. A block that is changing hands meanwhile may be missed.
 */
#ifndef KMEMX_BUDDY_PAGETYPE_H
#define KMEMX_BUDDY_PAGETYPE_H

#include <kmemx/platform.h>
#include "buddy/zone.h"

/* In the order in which they are shown: docs/abi.md. */
enum kmemx_pagetype {
	KMEMX_PAGETYPE_FREE,		/* No block is in use; fronts may have some. */
	KMEMX_PAGETYPE_PAGES,		/* All blocks in use are of that kind: zone_info.h. */
	KMEMX_PAGETYPE_LARGE,
	KMEMX_PAGETYPE_CONTIG,
	KMEMX_PAGETYPE_SLAB,
	KMEMX_PAGETYPE_QUARANTINE,
	KMEMX_PAGETYPE_MIXED,		/* Of more than one kind. */
	KMEMX_NR_PAGETYPES
};

/**
 * struct kmemx_pagetypes - chunks and free blocks by type
 * @chunks: how many chunks are of a type
 * @free: maximal free blocks of each order in them, as kmemx_zone_count() has them
 */
struct kmemx_pagetypes {
	unsigned int chunks[KMEMX_NR_PAGETYPES];
	unsigned int free[KMEMX_NR_PAGETYPES][KMEMX_NR_ORDERS + 1];
};

void kmemx_pagetype_count(const struct kmemx_zone *zone, struct kmemx_pagetypes *types);
const char *kmemx_pagetype_name(enum kmemx_pagetype type);

#endif /* KMEMX_BUDDY_PAGETYPE_H */
