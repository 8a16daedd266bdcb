// SPDX-License-Identifier: GPL-2.0
/*
 * The slabs of a cache that have free objects: found, taken from, given to, made and ended;
 * see partial.h.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "observe/report.h"
#include "observe/stat.h"
#include "slab/partial.h"

/* Which of its summaries is a slab in, with so many free objects? KMEMX_NR_PARTIAL: none. */
static enum kmemx_partial which(const struct kmemx_cache *cache, unsigned int nr_free)
{
	if (!nr_free)
		return KMEMX_NR_PARTIAL;
	return nr_free * 2 < cache->layout.nr_objs ? KMEMX_PARTIAL_FULLER : KMEMX_PARTIAL_EMPTIER;
}

static enum kmemx_partial which_at(const struct kmemx_cache *cache, u32 id)
{
	u64 state = kmemx_cache_state_at(cache, id);

	if (kmemx_slab_cache(state) != cache->number)
		return KMEMX_NR_PARTIAL;
	return which(cache, kmemx_slab_nr_free(state));
}

/*
 * Bring the summaries' bits for a slab in line with the slab: where it belongs first, so
 * that one that moves can be found all the time. Whoever changes the slab after the last
 * look here comes here itself.
 */
static void publish(struct kmemx_cache *cache, u32 id)
{
	unsigned int first = which_at(cache, id), i;

	for (i = 0; i < KMEMX_NR_PARTIAL; i++) {
		unsigned int k = (first + i) % KMEMX_NR_PARTIAL;
		bool belongs = which_at(cache, id) == k;
		bool seen;

		do {
			seen = belongs;
			kmemx_step();
			if (seen && !kmemx_summary_test(&cache->partial[k], id))
				kmemx_summary_set(&cache->partial[k], id);
			else if (!seen && kmemx_summary_test(&cache->partial[k], id))
				kmemx_summary_clear(&cache->partial[k], id);
			belongs = which_at(cache, id) == k;
		} while (belongs != seen);
	}
}

/*
 * As publish(), for who has just moved a slab from one of them to the other, KMEMX_NR_PARTIAL
 * being none.
 */
static __always_inline void move(struct kmemx_cache *cache, u32 id, enum kmemx_partial from,
				 enum kmemx_partial to)
{
	if (to < KMEMX_NR_PARTIAL)
		kmemx_summary_add(&cache->partial[to], id);
	kmemx_step();
	if (from < KMEMX_NR_PARTIAL)
		kmemx_summary_drop(&cache->partial[from], id);
	kmemx_step();
	if (unlikely(which_at(cache, id) != to))
		publish(cache, id);
}

/*
 * Call @fn, if there is one, for each object of a slab that is nobody else's. With
 * preemption off, as constructors and destructors are promised.
 */
static void call_for_each(const struct kmemx_cache *cache, u32 id, void (*fn)(void *obj))
{
	unsigned int i;

	for (i = cache->layout.skip; fn && i < cache->layout.nr_slots; i++)
		fn(kmemx_slab_object(kmemx_cache_slab_at(cache, id), &cache->layout, i));
}

/* For people: it orders nothing. */
static void count_slab(struct kmemx_cache *cache)
{
	s64 nr = atomic64_add_return(1, &cache->nr_slabs);
	s64 peak = atomic64_read(&cache->peak_slabs);

	kmemx_step();
	while (nr > peak && !atomic64_try_cmpxchg(&cache->peak_slabs, &peak, nr))
		;
	this_cpu_inc(cache->front->nr_slabs_made);
}

/* The first @nr objects of a slab; the very first is the last, and so the next to go. */
static void locate_first(const struct kmemx_cache *cache, const struct kmemx_slab *slab,
			 struct kmemx_front_slot *slot, unsigned int nr)
{
	const struct kmemx_layout *layout = &cache->layout;
	struct kmemx_front_slot *next = slot + nr;
	u8 *obj = kmemx_slab_object(slab, layout, layout->skip);
	u8 *status = slab->status + layout->skip;
	size_t stride = layout->stride;

	for (; next != slot; obj += stride)
		*--next = (struct kmemx_front_slot){ .obj = obj, .status = status++ };
}

/*
 * Make a slab, and take up to @nr of its objects: nobody else is there yet, so there is
 * nothing to search. Returns how many, or an error.
 */
static int grow(struct kmemx_cache *cache, struct kmemx_front_slot *slot, unsigned int nr)
{
	struct kmemx_depot *depot = cache->depot;
	void *base;
	u32 id;

	base = depot->ops->alloc(depot->ctx, cache->layout.order, &id);
	if (IS_ERR(base))
		return (int)PTR_ERR(base);
	/* What is not zeroed object by object must not be as another has left it. */
	if ((cache->ctor || cache->is_typesafe) && want_init_on_alloc(0))
		memset(base, 0, PAGE_SIZE << cache->layout.order);
	kmemx_depot_open(depot, id, base, &cache->layout, cache);
	kmemx_step();
	call_for_each(cache, id, READ_ONCE(cache->ctor));
	count_slab(cache);
	nr = min(nr, cache->layout.nr_objs);
	locate_first(cache, kmemx_cache_slab_at(cache, id), slot, nr);
	kmemx_slab_init(kmemx_cache_slab_at(cache, id), &cache->layout, cache->number, nr);
	kmemx_step();
	move(cache, id, KMEMX_NR_PARTIAL, which(cache, cache->layout.nr_objs - nr));
	return (int)nr;
}

/*
 * A slab is not empty any more, or has ended, and cannot be empty before the caller is through
 * with it: who would give it back need not look at it. So the notes are of slabs that are empty,
 * but for those of frees that were slower than who took from the slab again.
 */
static __always_inline void forget_empty(struct kmemx_cache *cache, u32 id)
{
	kmemx_step();
	if (unlikely(kmemx_summary_test(&cache->depot->empty, id))) {
		kmemx_step();
		kmemx_summary_clear(&cache->depot->empty, id);
	}
}

/* End a slab, if it is empty; it is the caller's then, and nobody finds it any more. */
static bool end(struct kmemx_cache *cache, u32 id)
{
	int ended = kmemx_slab_retire(kmemx_cache_slab_at(cache, id), &cache->layout,
				      cache->number);

	if (unlikely(ended < 0)) {
		kmemx_cache_drop_twice(cache, kmemx_cache_slab_at(cache, id)->base);
		publish(cache, id);
	}
	if (ended <= 0)
		return false;
	kmemx_step();
	/* Before the frames go: who frees many knows their status bytes while it is the same. */
	atomic64_add(1, &cache->nr_ended);
	kmemx_step();
	/*
	 * Likewise: they may become a slab of this cache again. Others may have moved it since it
	 * was found, or since its last object came back.
	 */
	publish(cache, id);
	forget_empty(cache, id);
	return true;
}

/* Give the frames of a slab that has ended back. */
static void give_frames(struct kmemx_cache *cache, u32 id)
{
	struct kmemx_depot *depot = cache->depot;
	void *base = kmemx_cache_slab_at(cache, id)->base;

	call_for_each(cache, id, READ_ONCE(cache->dtor));
	kmemx_depot_close(depot, id, &cache->layout);
	kmemx_step();
	atomic64_add(-1, &cache->nr_slabs);
	this_cpu_inc(cache->front->nr_slabs_ended);
	depot->ops->free(depot->ctx, id, base, cache->layout.order);
}

/**
 * kmemx_cache_drop_twice() - two frees of an object have been counted, of which one was none
 * @cache: the cache
 * @obj: the object, or its slab where that is all that is known
 *
 * A racing double free left it in two fronts, or in one and in use: its status is not that of an
 * object in a front any more, when who is behind comes to it. Or its slab has counted it twice.
 *
 * Context: any.
 */
void kmemx_cache_drop_twice(const struct kmemx_cache *cache, const void *obj)
{
	kmemx_stat_add(KMEMX_STAT_FREE, -1);
	kmemx_stat_add(KMEMX_STAT_USED_BYTES, cache->layout.stride);
	kmemx_stat_bad_free(KMEMX_FREE_DOUBLE);
	kmemx_report_bad_free(KMEMX_FREE_DOUBLE, obj, cache->name, _RET_IP_);
}

/* Does the cache have a slab with free objects other than this one? */
static bool has_other_partial(const struct kmemx_cache *cache, u32 id)
{
	/* It is not among the fuller ones, having no object that is not free. */
	return !kmemx_summary_is_empty(&cache->partial[KMEMX_PARTIAL_FULLER]) ||
	       kmemx_summary_has_other(&cache->partial[KMEMX_PARTIAL_EMPTIER], id);
}

/* The count of a slab says more than there are objects. */
static noinline void mend(struct kmemx_cache *cache, u32 id)
{
	struct kmemx_slab *slab = kmemx_cache_slab_at(cache, id);
	void *base = READ_ONCE(slab->base);

	if (kmemx_slab_mend(slab, &cache->layout, cache->number))
		kmemx_cache_drop_twice(cache, base);
}

/* Where the objects @taken of a slab are; the first is the last, and so the next to go. */
static void locate(const struct kmemx_cache *cache, const struct kmemx_slab *slab,
		   const unsigned int *taken, unsigned int nr, struct kmemx_front_slot *slot)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		slot[nr - 1 - i].obj = kmemx_slab_object(slab, &cache->layout, taken[i]);
		slot[nr - 1 - i].status = slab->status + taken[i];
	}
}

/* Take up to @nr objects out of a slab that was found in @from, if it still has any. */
static unsigned int take_from(struct kmemx_cache *cache, u32 id, enum kmemx_partial from,
			      struct kmemx_front_slot *slot, unsigned int nr)
{
	unsigned int taken[KMEMX_FRONT_BATCH];
	unsigned int got = kmemx_slab_take(kmemx_cache_slab_at(cache, id), &cache->layout,
					   cache->number, taken, nr);
	enum kmemx_partial to = which_at(cache, id);

	kmemx_step();
	/*
	 * What was reserved in vain has been given back, and others may have seen it gone; or they
	 * have moved it since it was found. If they are about to, they look once more themselves.
	 */
	if (unlikely(kmemx_summary_test(&cache->partial[KMEMX_PARTIAL_EMPTIER - from], id)) ||
	    !got || (got < nr && to != KMEMX_NR_PARTIAL))
		publish(cache, id);
	else if (to != from)
		move(cache, id, from, to);
	if (got && from == KMEMX_PARTIAL_EMPTIER)
		forget_empty(cache, id);
	locate(cache, kmemx_cache_slab_at(cache, id), taken, got, slot);
	return got;
}

/**
 * kmemx_cache_take_from_slabs() - take objects out of one slab
 * @cache: the cache
 * @slot: set to the objects, which are out
 * @nr: how many, KMEMX_FRONT_BATCH at most
 *
 * A new slab if need be, but of those there are the fuller ones first.
 *
 * Context: any, with preemption off.
 * Return: how many there were; or the error of the source of pages.
 */
int kmemx_cache_take_from_slabs(struct kmemx_cache *cache, struct kmemx_front_slot *slot,
				unsigned int nr)
{
	unsigned int k;

	for (k = 0; k < KMEMX_NR_PARTIAL; k++) {
		struct kmemx_summary *partial = &cache->partial[k];
		long id;

		/* Who makes a slab has nothing to spare for a search. */
		if (kmemx_summary_is_empty(partial))
			continue;
		for (id = kmemx_summary_first(partial); id >= 0;
		     id = kmemx_summary_find(partial, (unsigned int)id + 1)) {
			unsigned int got = take_from(cache, (u32)id, k, slot, nr);

			if (got)
				return (int)got;
		}
	}
	return grow(cache, slot, nr);
}

/**
 * kmemx_cache_settle() - put a slab that objects have come back to where it belongs
 * @cache: the cache
 * @id: the slab
 * @nr_free: how many free objects it has now
 * @nr: how many of these have come
 * @empty: what becomes of it if its objects are all free
 *
 * A cache keeps one slab with free objects, so that a pair of alloc and free does not make
 * and retire one.
 *
 * Context: any, with preemption off.
 */
void kmemx_cache_settle(struct kmemx_cache *cache, u32 id, unsigned int nr_free,
			unsigned int nr, enum kmemx_empty_slab empty)
{
	enum kmemx_partial from = which(cache, nr_free - nr), to = which(cache, nr_free);
	bool all_free = nr_free >= cache->layout.nr_objs;
	bool is_empty = all_free && !cache->is_typesafe;

	kmemx_step();
	/* More than there are: an object was freed twice, see slab.h. */
	if (all_free && unlikely(nr_free > cache->layout.nr_objs))
		mend(cache, id);
	if (is_empty && empty == KMEMX_SLAB_ENDS && has_other_partial(cache, id) &&
	    end(cache, id)) {
		give_frames(cache, id);
		return;
	}
	/* Before others find it: who takes from it then clears the note. */
	if (is_empty)
		kmemx_slab_note_empty(&cache->depot->empty, id);
	if (from != to)
		move(cache, id, from, to);
}

/* Its frames are given back in kmemx_cache_give_ended(), when a grace period has passed. */
static void let_wait(struct kmemx_cache *cache, u32 id)
{
	kmemx_summary_set(&cache->ended, id);
	/* Who counts its slabs holds the lock as well, but for who only shows them. */
	WRITE_ONCE(cache->nr_waiting, cache->nr_waiting + 1);
}

/**
 * kmemx_cache_end_empty() - end every slab that is empty
 * @cache: the cache; drain its fronts first to find more
 * @all: do not keep one that has free objects
 *
 * The frames go, or, if the cache is typesafe, wait for kmemx_cache_give_ended().
 *
 * Context: may sleep, with depot->lock held.
 * Return: how many slabs have ended.
 */
unsigned long kmemx_cache_end_empty(struct kmemx_cache *cache, bool all)
{
	unsigned long nr = 0;
	long id = -1;

	while ((id = kmemx_summary_find(&cache->partial[KMEMX_PARTIAL_EMPTIER],
					(unsigned int)(id + 1))) >= 0) {
		cond_resched();
		if (!kmemx_slab_is_empty(kmemx_cache_slab_at(cache, (u32)id), &cache->layout,
					 cache->number) ||
		    (!all && !has_other_partial(cache, (u32)id)))
			continue;
		preempt_disable();
		if (end(cache, (u32)id)) {
			nr++;
			if (cache->is_typesafe)
				let_wait(cache, (u32)id);
			else
				give_frames(cache, (u32)id);
		}
		preempt_enable();
	}
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_end_empty);

/**
 * kmemx_cache_give_ended() - give back the frames of slabs that have waited for a grace period
 * @cache: the cache, if it is typesafe; the grace period began after the last of them has ended
 *
 * Context: may sleep, with depot->lock held.
 */
void kmemx_cache_give_ended(struct kmemx_cache *cache)
{
	long id = -1;

	while (cache->nr_waiting &&
	       (id = kmemx_summary_find(&cache->ended, (unsigned int)(id + 1))) >= 0) {
		cond_resched();
		kmemx_summary_clear(&cache->ended, (u32)id);
		preempt_disable();
		give_frames(cache, (u32)id);
		preempt_enable();
		WRITE_ONCE(cache->nr_waiting, cache->nr_waiting - 1);
	}
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_give_ended);

/**
 * kmemx_cache_retire() - give back every slab that is empty
 * @cache: the cache; drain its fronts first to find more
 *
 * Context: may sleep, with depot->lock held; for one RCU grace period if the cache is typesafe.
 * Return: page frames given back.
 */
unsigned long kmemx_cache_retire(struct kmemx_cache *cache)
{
	unsigned long nr = kmemx_cache_end_empty(cache, true);

	if (cache->nr_waiting) {
		nr = cache->nr_waiting;
		synchronize_rcu();
		kmemx_cache_give_ended(cache);
	}
	return nr << cache->layout.order;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_retire);

/*
 * End a slab that was left empty, if it still is; not the only one of its cache with free
 * objects, unless @all. Returns the page frames given back. With preemption off.
 */
static unsigned int trim_slab(struct kmemx_depot *depot, u32 id, bool all)
{
	struct kmemx_cache *cache;

	/* Fully ordered before the looks that follow: pairs with kmemx_slab_note_empty(). */
	kmemx_summary_clear(&depot->empty, id);
	kmemx_step();
	cache = kmemx_depot_owner(depot, id);
	/*
	 * Another may begin at this frame by now, or the frame be in the middle of one; of a cache
	 * whose slabs end in kmemx_cache_end_empty() only, too.
	 */
	if (!cache || cache->is_typesafe ||
	    !kmemx_slab_is_empty(kmemx_cache_slab_at(cache, id), &cache->layout,
					   cache->number))
		return 0;
	if (!all && !has_other_partial(cache, id)) {
		kmemx_slab_note_empty(&depot->empty, id);
		return 0;
	}
	if (!end(cache, id))
		return 0;
	give_frames(cache, id);
	return 1U << cache->layout.order;
}

/**
 * kmemx_cache_trim() - give back slabs that frees have left empty
 * @depot: the depot
 *
 * Each cache keeps one that has free objects.
 *
 * Context: may sleep.
 * Return: page frames given back.
 */
unsigned long kmemx_cache_trim(struct kmemx_depot *depot)
{
	unsigned long nr = 0;
	long id = -1;

	while ((id = kmemx_summary_find(&depot->empty, (unsigned int)(id + 1))) >= 0) {
		preempt_disable();
		nr += trim_slab(depot, (u32)id, false);
		preempt_enable();
		cond_resched();
	}
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_trim);

/* For who may not wait: slabs at a time, and how many notes may have come late. */
#define TRIM_SLABS	8
#define TRIM_LOOKS	16

/**
 * kmemx_cache_trim_some() - as kmemx_cache_trim(), for who may not wait
 * @depot: the depot
 *
 * Slabs that caches would keep go too. Looks at 16 notes at most, of which some may be of slabs
 * that are empty no more.
 *
 * Context: any.
 * Return: page frames given back, of eight slabs at most.
 */
unsigned int kmemx_cache_trim_some(struct kmemx_depot *depot)
{
	unsigned int nr = 0, slabs = 0, looks = 0, got;
	long id = -1;

	while (slabs < TRIM_SLABS && looks++ < TRIM_LOOKS &&
	       (id = kmemx_summary_find(&depot->empty, (unsigned int)(id + 1))) >= 0) {
		preempt_disable();
		got = trim_slab(depot, (u32)id, true);
		preempt_enable();
		slabs += !!got;
		nr += got;
	}
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_trim_some);

/**
 * kmemx_partial_check() - is a slab found where it belongs, and nowhere else?
 * @cache: the cache, at rest
 * @id: a slab of it
 *
 * Return: false if a summary disagrees with the slab.
 */
bool kmemx_partial_check(const struct kmemx_cache *cache, u32 id)
{
	unsigned int k;

	for (k = 0; k < KMEMX_NR_PARTIAL; k++)
		if (kmemx_summary_test(&cache->partial[k], id) != (which_at(cache, id) == k))
			return false;
	return true;
}
