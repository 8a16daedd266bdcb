/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A source of slabs for cache suites. It counts what is outstanding, remembers which blocks
 * are, notices who writes to one that is free, and fails on demand.
 */
#ifndef KMEMX_KUNIT_FAKE_PAGES_H
#define KMEMX_KUNIT_FAKE_PAGES_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include "slab/depot.h"

#define FAKE_BLOCKS	256
#define FAKE_PAGES	1024UL

struct fake_pages {
	raw_spinlock_t lock;		/* Protects all below. */
	void *base[FAKE_BLOCKS];	/* By id; a block of any order has one id. */
	unsigned int order[FAKE_BLOCKS];
	void *memory;
	DECLARE_BITMAP(used, FAKE_PAGES);	/* Pages of @memory. */
	u16 slot[FAKE_PAGES];		/* Of each that is used, where it is in @base. */
	unsigned int nr_out;
	unsigned int nr_allowed;	/* Blocks that alloc still gives. */
	bool is_busy;			/* Somebody else is always faster. */
};

extern const struct kmemx_page_ops fake_page_ops;

int fake_pages_init(struct fake_pages *fake);
void fake_pages_fini(struct fake_pages *fake);

#endif /* KMEMX_KUNIT_FAKE_PAGES_H */
