// SPDX-License-Identifier: GPL-2.0
/*
 * Objects set aside; see sheaf.h.
 */
#include <linux/overflow.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/slab.h>

#include "slab/exchange.h"
#include "slab/partial.h"
#include "slab/sheaf.h"

/* Of the caller's flags, what the kernel's allocator is to know: zones and the like are not. */
#define WAIT_FLAGS	(GFP_KERNEL | __GFP_HIGH | __GFP_NOWARN | __GFP_NORETRY | \
			 __GFP_RETRY_MAYFAIL)

/**
 * kmemx_sheaf_new() - make a sheaf without objects
 * @cache: the cache
 * @cap: how many objects there is to be room for, 1..KMEMX_SHEAF_MAX
 * @gfp: flags for the sheaf itself, which is the kernel's memory
 *
 * Context: what @gfp allows.
 * Return: the sheaf, or NULL.
 */
struct kmemx_sheaf *kmemx_sheaf_new(struct kmemx_cache *cache, unsigned int cap, gfp_t gfp)
{
	struct kmemx_sheaf *sheaf = kmalloc(struct_size(sheaf, slot, cap), gfp & WAIT_FLAGS);

	if (!sheaf)
		return NULL;
	sheaf->cache = cache;
	sheaf->nr = 0;
	sheaf->cap = cap;
	return sheaf;
}
KMEMX_EXPORT_FOR_TEST(kmemx_sheaf_new);

/* Give back @nr objects that were taken out and have not been live. */
static void give_back(struct kmemx_cache *cache, unsigned int nr,
		      const struct kmemx_front_slot *slot, enum kmemx_empty_slab empty)
{
	unsigned int i;

	kmemx_step();
	/* Without an object in it, the cache may be gone. */
	if (!nr)
		return;
	for (i = 0; i < nr; i++) {
		preempt_disable();
		if (!kmemx_cache_give_to_slab(cache, kmemx_cache_slab_of(cache, slot[i].obj),
					      slot[i].status, empty))
			kmemx_cache_drop_twice(cache, slot[i].obj);
		preempt_enable();
		kmemx_step();
	}
	this_cpu_add(cache->front->nr_sheaved, -(s64)nr);
}

/* The next one of this CPU's front. */
static bool take_from_front(struct kmemx_cache *cache, struct kmemx_front_slot *slot)
{
	struct kmemx_front *front = kmemx_front_enter(cache->front);
	/* Racy only where an object is freed twice. */
	bool found = data_race(*front->top->status) == KMEMX_OBJECT_OUT;

	if (found) {
		*slot = *front->top;
		kmemx_step();
		/* Who counts from another CPU sees one or the other. */
		data_race(front->top--);
	}
	kmemx_front_leave(cache->front, front);
	return found;
}

/* One that a CPU has left for others, or that this one has for itself. */
static bool take_one(struct kmemx_cache *cache, struct kmemx_front_slot *slot)
{
	bool found;

	preempt_disable();
	found = kmemx_exchange_take_one(cache, slot) || take_from_front(cache, slot);
	preempt_enable();
	return found;
}

/*
 * Take @nr objects, at least 1, that are to be live later: they are out, as those in a front
 * are. All or none. Returns 0, or the error of the source of pages.
 */
static int take_out(struct kmemx_cache *cache, unsigned int nr, struct kmemx_front_slot *slot)
{
	unsigned int got = 0;
	int more;

	do {
		/* Not for all of them: a sheaf may be large. */
		preempt_disable();
		more = kmemx_cache_take_from_slabs(cache, slot + got,
						   min(nr - got, KMEMX_FRONT_BATCH));
		preempt_enable();
		kmemx_step();
		if (more < 0 && take_one(cache, slot + got))
			more = 1;
		if (more > 0)
			got += (unsigned int)more;
	} while (more > 0 && got < nr);
	this_cpu_add(cache->front->nr_sheaved, got);
	if (got == nr)
		return 0;
	/* Others are short of it, too. */
	give_back(cache, got, slot, KMEMX_SLAB_ENDS);
	return more;
}

/**
 * kmemx_sheaf_fill() - let a sheaf have as many objects
 * @sheaf: the sheaf
 * @nr: how many, at most its capacity; if it has more, nothing happens
 *
 * Context: any.
 * Return: 0; or the error of the source of pages, and the sheaf is as it was.
 */
int kmemx_sheaf_fill(struct kmemx_sheaf *sheaf, unsigned int nr)
{
	int err;

	if (sheaf->nr >= nr)
		return 0;
	err = take_out(sheaf->cache, nr - sheaf->nr, sheaf->slot + sheaf->nr);
	if (err)
		return err;
	sheaf->nr = nr;
	return 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_sheaf_fill);

/* What was taken out becomes live. */
static void issue(struct kmemx_cache *cache, const struct kmemx_front_slot *slot,
		  unsigned long call_site)
{
	/* It is nobody else's. */
	WRITE_ONCE(*slot->status, KMEMX_OBJECT_LIVE);
	kmemx_step();
	this_cpu_dec(cache->front->nr_sheaved);
	this_cpu_inc(cache->front->nr_past_alloc);
	if (cache->layout.track)
		kmemx_cache_note_call_site(cache, slot->obj, call_site);
}

/**
 * kmemx_sheaf_pop() - allocate an object out of a sheaf
 * @sheaf: the sheaf
 * @call_site: who asks
 *
 * Context: any.
 * Return: the object, live, or NULL if the sheaf is empty.
 */
void *kmemx_sheaf_pop(struct kmemx_sheaf *sheaf, unsigned long call_site)
{
	struct kmemx_front_slot *slot;

	if (!sheaf->nr)
		return NULL;
	slot = &sheaf->slot[--sheaf->nr];
	issue(sheaf->cache, slot, call_site);
	return slot->obj;
}
KMEMX_EXPORT_FOR_TEST(kmemx_sheaf_pop);

/**
 * kmemx_sheaf_free() - give back a sheaf and what is in it
 * @sheaf: the sheaf
 *
 * Context: where kfree() may be called: not in NMI, and on PREEMPT_RT only with preemption and
 * interrupts on.
 */
void kmemx_sheaf_free(struct kmemx_sheaf *sheaf)
{
	give_back(sheaf->cache, sheaf->nr, sheaf->slot, KMEMX_SLAB_STAYS);
	kfree(sheaf);
}
KMEMX_EXPORT_FOR_TEST(kmemx_sheaf_free);
