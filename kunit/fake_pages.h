/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A source of slabs for cache suites: the kernel's own pages. It counts what is
 * outstanding, remembers which blocks are, and fails on demand.
 */
#ifndef KMEMX_KUNIT_FAKE_PAGES_H
#define KMEMX_KUNIT_FAKE_PAGES_H

#include <linux/spinlock.h>
#include "slab/depot.h"

#define FAKE_BLOCKS	256

struct fake_pages {
	raw_spinlock_t lock;		/* Protects all below. */
	void *base[FAKE_BLOCKS];	/* By id; a block of any order has one id. */
	unsigned int order[FAKE_BLOCKS];
	unsigned int nr_out;
	unsigned int nr_allowed;	/* Blocks that alloc still gives. */
};

extern const struct kmemx_page_ops fake_page_ops;

void fake_pages_init(struct fake_pages *fake);

#endif /* KMEMX_KUNIT_FAKE_PAGES_H */
