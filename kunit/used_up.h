/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All of the module's region taken, but for what is in fronts: as a caller that may not wait finds
 * it then.
 */
#ifndef KMEMX_KUNIT_USED_UP_H
#define KMEMX_KUNIT_USED_UP_H

#include <kmemx/kmemx.h>
#include <kunit/test.h>

#include "api.h"
#include "buddy/zone_census.h"

/* All that is to be had past the fronts, in a chain; the last try fails. */
static inline void *used_up_take(struct kunit *test)
{
	void *rest, *last;

	rest = kmemx_alloc_contig(kmemx_zone_largest(&kmemx_live.pages.zone, NULL) << PAGE_SHIFT,
				  0, GFP_NOWAIT);
	KUNIT_ASSERT_NOT_NULL(test, rest);
	*(void **)rest = NULL;
	while ((last = kmemx_alloc_contig(PAGE_SIZE, 0, GFP_NOWAIT | __GFP_NOWARN))) {
		*(void **)last = rest;
		rest = last;
	}
	return rest;
}

/* Give back what used_up_take() returned. */
static inline void used_up_give(void *rest)
{
	while (rest) {
		void *next = *(void **)rest;

		kmemx_free_contig(rest);
		rest = next;
	}
}

#endif /* KMEMX_KUNIT_USED_UP_H */
