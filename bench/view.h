/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A look at a region from outside, through the addresses of what is alive: the same
 * for every allocator, and what one keeps back counts as free, which is what its user
 * thinks it is.
 *
 * Locking: none; a struct view belongs to whoever made it.
 */
#ifndef KMEMX_BENCH_VIEW_H
#define KMEMX_BENCH_VIEW_H

#include <linux/bitmap.h>

#include "fill.h"
#include "trace.h"

/* The whole region. */
#define VIEW_ORDER	14
static_assert(1UL << VIEW_ORDER == TRACE_FRAMES);

/* Shares are in units of this. */
#define VIEW_ONE	1000000ULL

/**
 * struct view - which frames are free
 * @used: for each order, a bit per block that is not free as a whole
 */
struct view {
	unsigned long used[VIEW_ORDER + 1][BITS_TO_LONGS(TRACE_FRAMES)];
};

void view_look(struct view *view, const struct fill *fill);
u32 view_largest(const struct view *view);
u64 view_unusable(const struct view *view, unsigned int order);
int view_extfrag(const struct view *view, unsigned int order);

#endif /* KMEMX_BENCH_VIEW_H */
