/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A front: a CPU's own stack of objects that have left their slabs and are not
 * live. The hot path is here and has no atomic operation.
 *
 * Only its CPU touches a front, with preemption off and @busy set. An interrupt
 * or NMI that finds @busy set leaves the front alone and works on the slabs.
 * Who wants a front empty sets @drain, and the owner empties it when it next
 * clears @busy, or an IPI does where nobody is busy.
 */
#ifndef KMEMX_SLAB_FRONT_H
#define KMEMX_SLAB_FRONT_H

#include <linux/compiler.h>
#include <linux/types.h>

#define KMEMX_FRONT_MAX		64
#define KMEMX_FRONT_BYTES	(32U << 10)
/* All fronts together are to hold at most 1/32, with about as many caches as this. */
#define KMEMX_FRONT_SHARE	32
#define KMEMX_FRONT_CACHES	24

struct kmemx_front {
	u8 busy;	/* Written by this CPU only. */
	u8 drain;	/* Set by a drain, cleared by the owner. */
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

/**
 * kmemx_front_enter() - begin to work on this CPU's front
 * @front: the front of the CPU that runs this, with preemption off
 *
 * An interrupt between the test and the store is harmless: it is over, and has
 * cleared @busy, before the store.
 *
 * Return: false if this context interrupted one that is at work there.
 */
static inline bool kmemx_front_enter(struct kmemx_front *front)
{
	if (READ_ONCE(front->busy))
		return false;
	WRITE_ONCE(front->busy, 1);
	/* What follows must not be moved before the store; same CPU. */
	barrier();
	return true;
}

/**
 * kmemx_front_leave() - end the work on this CPU's front
 * @front: the front entered
 *
 * Return: true if somebody wants it drained.
 */
static inline bool kmemx_front_leave(struct kmemx_front *front)
{
	/* What came before must not be moved after the store; same CPU. */
	barrier();
	WRITE_ONCE(front->busy, 0);
	return unlikely(READ_ONCE(front->drain));
}

#endif /* KMEMX_SLAB_FRONT_H */
