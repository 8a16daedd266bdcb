/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Allocating any number of frames in a row: up to a chunk they are one block, of which
 * what is too much goes back at once; more are chunks that are free as a whole, next to
 * each other. Or just these frames, or a chunk that is known to be zero.
 *
 * Locking: none. Chunks are taken one after the other, and given back if one of them has
 * gone meanwhile.
 */
#ifndef KMEMX_BUDDY_ZONE_RUN_H
#define KMEMX_BUDDY_ZONE_RUN_H

#include <kmemx/platform.h>
#include "buddy/zone.h"
#include "buddy/zone_info.h"

long kmemx_zone_alloc_bound(struct kmemx_zone *zone, unsigned long nr, unsigned long align,
			    unsigned long boundary, enum kmemx_kind kind);
int kmemx_zone_alloc_at(struct kmemx_zone *zone, unsigned int frame, unsigned long nr,
			enum kmemx_kind kind);
long kmemx_zone_take_unzeroed(struct kmemx_zone *zone);
void kmemx_zone_give_zeroed(struct kmemx_zone *zone, unsigned int frame);
long kmemx_zone_alloc_zeroed(struct kmemx_zone *zone, unsigned long nr, enum kmemx_kind kind);

/* As kmemx_zone_alloc_bound(), without a boundary. */
static inline long kmemx_zone_alloc(struct kmemx_zone *zone, unsigned long nr,
				    unsigned long align, enum kmemx_kind kind)
{
	return kmemx_zone_alloc_bound(zone, nr, align, 0, kind);
}

#endif /* KMEMX_BUDDY_ZONE_RUN_H */
