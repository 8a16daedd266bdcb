/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A front: a CPU's own stack of objects that have left their slabs and are not
 * live. The hot path is here and has no atomic operation.
 *
 * Only its CPU touches a front, as <kmemx/busy.h> has it. An interrupt or NMI that
 * finds it busy leaves the front alone and works on the slabs.
 */
#ifndef KMEMX_SLAB_FRONT_H
#define KMEMX_SLAB_FRONT_H

#include <linux/types.h>
#include <kmemx/busy.h>

#define KMEMX_FRONT_MAX		64
#define KMEMX_FRONT_BYTES	(32U << 10)
/* All fronts together are to hold at most 1/32, with about as many caches as this. */
#define KMEMX_FRONT_SHARE	32
#define KMEMX_FRONT_CACHES	24

struct kmemx_front {
	u8 busy;	/* See <kmemx/busy.h>. */
	u16 nr;
	void *obj[KMEMX_FRONT_MAX];
};

/**
 * kmemx_front_budget() - bytes that a front may hold
 * @bytes: what there is for all of them
 * @nr_cpus: how many CPUs there may be
 *
 * Return: bytes, KMEMX_FRONT_BYTES at most.
 */
static inline unsigned int kmemx_front_budget(u64 bytes, unsigned int nr_cpus)
{
	bytes /= (u64)nr_cpus * KMEMX_FRONT_SHARE * KMEMX_FRONT_CACHES;
	return bytes < KMEMX_FRONT_BYTES ? bytes : KMEMX_FRONT_BYTES;
}

/* How many objects of this size a front may hold; 0 is no front at all. */
static inline unsigned int kmemx_front_cap(unsigned int stride, unsigned int budget)
{
	unsigned int cap = budget / stride;

	return cap < KMEMX_FRONT_MAX ? cap : KMEMX_FRONT_MAX;
}

#endif /* KMEMX_SLAB_FRONT_H */
