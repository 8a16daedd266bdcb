/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A region of which few chunks are whole: so fronts take no block of a chunk that could be
 * whole soon, and frees of such go to their chunk.
 */
#ifndef KMEMX_KUNIT_FEW_WHOLE_H
#define KMEMX_KUNIT_FEW_WHOLE_H

#include <kmemx/kmemx.h>
#include <kunit/test.h>

#include "api.h"
#include "buddy/zone_bins.h"

/* What is allocated for that. */
struct few_whole {
	struct page **page;
	unsigned int nr;
};

static inline void few_whole_begin(struct kunit *test, struct few_whole *few)
{
	unsigned int nr = kmemx_live.pages.zone.nr_chunks * 7 / 8;

	few->nr = 0;
	few->page = kunit_kcalloc(test, nr, sizeof(*few->page), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, few->page);
	kmemx_region_reclaim(&kmemx_live);
	for (; few->nr < nr; few->nr++) {
		few->page[few->nr] = kmemx_alloc_pages(GFP_KERNEL, KMEMX_CHUNK_ORDER);
		KUNIT_ASSERT_NOT_NULL(test, few->page[few->nr]);
	}
	KUNIT_EXPECT_FALSE(test, kmemx_zone_has_plenty(&kmemx_live.pages.zone));
}

static inline void few_whole_end(struct few_whole *few)
{
	while (few->nr--)
		kmemx_free_pages(few->page[few->nr], KMEMX_CHUNK_ORDER);
}

#endif /* KMEMX_KUNIT_FEW_WHOLE_H */
