/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counting what is free in a zone: frames, blocks of each order, the longest run.
 * Nothing is kept for it; the states of the chunks are added up, or their maps walked,
 * when somebody asks.
 *
 * Locking: none. What changes meanwhile may be counted as it was or as it is.
 */
#ifndef KMEMX_BUDDY_ZONE_CENSUS_H
#define KMEMX_BUDDY_ZONE_CENSUS_H

#include <kmemx/platform.h>
#include "buddy/zone.h"

unsigned long kmemx_zone_nr_free(const struct kmemx_zone *zone);
unsigned long kmemx_zone_nr_zero(const struct kmemx_zone *zone);
unsigned int kmemx_zone_peak_chunks(const struct kmemx_zone *zone);
unsigned long kmemx_zone_seem_free(struct kmemx_zone *zone, unsigned long nr);
unsigned long kmemx_zone_extent_nr_free(const struct kmemx_zone *zone,
					const struct kmemx_extent *ext);
unsigned long kmemx_zone_largest(const struct kmemx_zone *zone,
				 const struct kmemx_extent *ext);
unsigned long kmemx_zone_count_chunk(const struct kmemx_zone *zone, unsigned int c,
				     bool *even_is_free, unsigned int nr[KMEMX_NR_ORDERS + 1]);
unsigned long kmemx_zone_count(const struct kmemx_zone *zone,
			       unsigned int nr[KMEMX_NR_ORDERS + 1]);

#endif /* KMEMX_BUDDY_ZONE_CENSUS_H */
