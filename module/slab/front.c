// SPDX-License-Identifier: GPL-2.0
/*
 * Fronts: how they are filled and emptied, and the ways of an object that the short ones,
 * inline in cache.h, leave over; see front.h.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/topology.h>

#include <kmemx/busy.h>

#include "observe/report.h"
#include "observe/stat.h"
#include "slab/cache.h"
#include "slab/exchange.h"
#include "slab/front.h"
#include "slab/partial.h"

/* The status of what is at the bottom of a stack. */
static u8 no_object __ro_after_init = KMEMX_OBJECT_NONE;

static struct kmemx_front_slot closed_bottom __ro_after_init = { .status = &no_object };

struct kmemx_front kmemx_front_closed __ro_after_init = {
	.top = &closed_bottom,
	.limit = &closed_bottom,
	.bottom = &closed_bottom,
};
KMEMX_EXPORT_FOR_TEST(kmemx_front_closed);

/* ---- What a front may hold --------------------------------------------- */

/* When it is freed; what readers may still look at, or a constructor made, is not. */
static bool is_zeroed(const struct kmemx_cache *cache)
{
	return want_init_on_free() && !cache->ctor && !cache->is_typesafe;
}

/*
 * How far frees may fill a front on the short way. What has to be zeroed when it is freed
 * does not come that way.
 */
static void set_limit(const struct kmemx_cache *cache, struct kmemx_front *front)
{
	front->limit = front->bottom + (is_zeroed(cache) ? 0 : front->granted);
}

/* Let a front, the caller's on its CPU, hold some objects more, if there is room for them. */
static bool grant(const struct kmemx_cache *cache, struct kmemx_front *front)
{
	unsigned int nr = min(cache->front_cap - front->granted, KMEMX_FRONT_GRANT);
	s64 bytes = (s64)nr * cache->layout.stride;

	if (!nr)
		return false;
	/* Other fronts of this CPU, in interrupts, are granted meanwhile. */
	if (this_cpu_sub_return(*cache->depot->room, bytes) < 0) {
		kmemx_step();
		this_cpu_add(*cache->depot->room, bytes);
		return false;
	}
	kmemx_step();
	front->granted += nr;
	kmemx_step();
	set_limit(cache, front);
	return true;
}

/* An empty front is granted nothing. Returns the bytes that it was granted. */
static s64 revoke(const struct kmemx_cache *cache, struct kmemx_front *front)
{
	s64 bytes = (s64)front->granted * cache->layout.stride;

	front->granted = 0;
	kmemx_step();
	set_limit(cache, front);
	kmemx_step();
	return bytes;
}

/* ---- Between a front and slabs ----------------------------------------- */

/* How many objects a front is given back in a row. */
#define FLUSH_OBJECTS	64U
/* As many as have their status bytes in one word. */
#define GROUP_MAX	((unsigned int)sizeof(u64))

/**
 * struct group - objects that go back to their slab together
 * @slot: one of them; the status bytes of all are in one word
 * @which: as for kmemx_slab_give_word()
 * @nr: how many
 *
 * No more than that, since some kernels clear what is on the stack.
 */
struct group {
	struct kmemx_front_slot slot;
	u64 which;
	unsigned int nr;
};

static u64 *word_of(u8 *status)
{
	return PTR_ALIGN_DOWN((u64 *)status, sizeof(u64));
}

/* As in @which of a group. */
static u64 bit_of(const u8 *status)
{
	unsigned int shift = (unsigned long)status % sizeof(u64) * 8;

	return (__force u64)cpu_to_le64(BIT_ULL(shift));
}

static struct group group_of_one(const struct kmemx_front_slot *slot)
{
	return (struct group){ .slot = *slot, .which = bit_of(slot->status), .nr = 1 };
}

/*
 * Take some objects that may go back together out of a front, the caller's, which has one. Of
 * the few that came last the first and those behind it, as long as they are of its word: of
 * objects that come in the order of their slab that is a whole word, and what is left begins
 * with the next. Where there is no order it is the one on top, which is no work. Above the top
 * there are objects and their status bytes still, as kmemx_cache_know() wants it.
 */
static struct group take_group(struct kmemx_front *front)
{
	struct kmemx_front_slot *slot, *keep = front->top - min(kmemx_front_nr(front), GROUP_MAX);
	struct group group = group_of_one(keep + 1);
	const u64 *word = word_of(group.slot.status);

	if (keep + 1 == front->top || word_of(keep[2].status) != word) {
		group = group_of_one(front->top);
		keep = front->top - 1;
	} else {
		for (slot = keep + 2; slot <= front->top; slot++) {
			u64 bit = bit_of(slot->status);

			/* What is there already was freed twice. */
			if (word_of(slot->status) != word || group.which & bit)
				break;
			group.which |= bit;
			group.nr++;
		}
		while (slot <= front->top) {
			*++keep = *slot++;
			kmemx_step();
		}
	}
	kmemx_step();
	/* Who counts from another CPU sees one or the other. */
	data_race(front->top = keep);
	return group;
}

static noinline void give_one_by_one(struct kmemx_cache *cache, u32 id,
				     const struct group *group, enum kmemx_empty_slab empty)
{
	const struct kmemx_front_slot *slot = &group->slot;
	u8 *first = (u8 *)word_of(slot->status);
	u64 rest = le64_to_cpu((__force __le64)group->which);

	for (; rest; rest &= rest - 1) {
		u8 *status = first + __ffs64(rest) / 8;

		if (!kmemx_cache_give_to_slab(cache, id, status, empty))
			kmemx_cache_drop_twice(cache, (u8 *)slot->obj + (status - slot->status) *
					       (long)cache->layout.stride);
	}
}

/* One by one where somebody else is at the word of their status bytes. */
static void give_group(struct kmemx_cache *cache, const struct group *group,
		       enum kmemx_empty_slab empty)
{
	u32 id = kmemx_cache_slab_of(cache, group->slot.obj);
	struct kmemx_slab *slab = kmemx_cache_slab_at(cache, id);
	int nr_free;

	kmemx_step();
	if (group->nr == 1)
		nr_free = kmemx_slab_give(slab, group->slot.status);
	else
		nr_free = kmemx_slab_give_word(slab, word_of(group->slot.status), group->which);
	kmemx_step();
	if (likely(nr_free > 0))
		kmemx_cache_settle(cache, id, (unsigned int)nr_free, group->nr, empty);
	else
		give_one_by_one(cache, id, group, empty);
}

/*
 * Give about @nr objects that a front, the caller's, holds back to their slabs. Returns how
 * many are left of @nr: not 0 means that the front is empty.
 */
static unsigned int flush(struct kmemx_cache *cache, struct kmemx_front *front,
			  unsigned int nr)
{
	while (nr && front->top != front->bottom) {
		struct group group = take_group(front);

		give_group(cache, &group, KMEMX_SLAB_ENDS);
		nr -= min(nr, group.nr);
	}
	return nr;
}

/*
 * Fill a front, the caller's, that has nothing, with what others have left, if it may hold that.
 * From now on they leave some.
 */
static bool take_batch(struct kmemx_cache *cache, struct kmemx_front *front)
{
	if (!cache->exchange)
		return false;
	if (kmemx_exchange_is_empty(cache)) {
		kmemx_exchange_want(cache->exchange);
		return false;
	}
	while (front->granted < cache->exchange->size)
		if (!grant(cache, front))
			return false;
	kmemx_exchange_want(cache->exchange);
	if (!kmemx_exchange_take(cache, front))
		return false;
	this_cpu_inc(cache->front->nr_refill);
	return true;
}

/*
 * Let there be a good object to go next. Returns less than 0 if there is none: the error of the
 * slabs, or -EAGAIN if they were not asked.
 */
static int refill(struct kmemx_cache *cache, struct kmemx_front *front)
{
	int nr;

	do {
		while (front->top != front->bottom) {
			if (READ_ONCE(*front->top->status) == KMEMX_OBJECT_OUT)
				return 0;
			kmemx_cache_drop_twice(cache, front->top->obj);
			front->top--;
		}
	} while (take_batch(cache, front));
	if (!front->granted && !grant(cache, front))
		return -EAGAIN;
	nr = kmemx_cache_take_from_slabs(cache, front->bottom + 1,
					 min(front->granted, KMEMX_FRONT_BATCH));
	if (unlikely(nr < 0))
		return nr;
	this_cpu_inc(cache->front->nr_refill);
	kmemx_step();
	/* Who counts from another CPU sees one or the other. */
	data_race(front->top += nr);
	return 0;
}

/* ---- Emptying fronts --------------------------------------------------- */

/**
 * struct drain - the fronts of all CPUs are being emptied
 * @cache: whose
 * @cpu: the CPU that is asked
 * @left: of the objects that it had when it was asked first; more it need not give back
 */
struct drain {
	struct kmemx_cache *cache;
	unsigned int cpu;
	unsigned int left;
};

/* On the CPU of the front: some of it, as interrupts are off. */
static enum kmemx_emptied empty_front(void *ctx)
{
	struct drain *drain = ctx;
	struct kmemx_cache *cache = drain->cache;
	struct kmemx_front *front = kmemx_front_enter(cache->front);
	unsigned int nr, left;

	if (kmemx_front_is_closed(front))
		return KMEMX_EMPTY_BUSY;
	if (drain->cpu != smp_processor_id()) {
		drain->cpu = smp_processor_id();
		drain->left = kmemx_front_nr(front);
	}
	nr = min(drain->left, FLUSH_OBJECTS);
	left = flush(cache, front, nr);
	drain->left -= nr - left;
	if (front->top == front->bottom)
		this_cpu_add(*cache->depot->room, revoke(cache, front));
	kmemx_front_leave(cache->front, front);
	return left || !drain->left ? KMEMX_EMPTY : KMEMX_EMPTY_MORE;
}

/* What was freed, or granted, before the caller came is seen here. */
static bool has_any(const void *ctx, unsigned int cpu)
{
	const struct drain *drain = ctx;
	const struct kmemx_front *front = per_cpu_ptr(drain->cache->front, cpu);

	/* What its CPU does meanwhile may be seen or not. */
	return !kmemx_front_is_empty(front) || data_race(front->granted);
}

/**
 * kmemx_cache_drain() - empty the fronts of all CPUs, and the exchange
 * @cache: the cache
 *
 * Objects freed meanwhile may be in a front again on return.
 *
 * Context: may sleep.
 */
void kmemx_cache_drain(struct kmemx_cache *cache)
{
	struct drain drain = { .cache = cache, .cpu = nr_cpu_ids };

	kmemx_empty_all_cpus(empty_front, has_any, &drain);
	kmemx_exchange_drain(cache);
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_drain);

/**
 * kmemx_cache_drain_dead() - empty the front of a CPU that has gone offline
 * @cache: the cache
 * @cpu: the CPU; it runs nothing any more
 *
 * Context: may sleep, CPU hotplug's prepare stage.
 */
void kmemx_cache_drain_dead(struct kmemx_cache *cache, unsigned int cpu)
{
	struct kmemx_front *front = per_cpu_ptr(cache->front, cpu);
	unsigned int left;

	do {
		preempt_disable();
		left = flush(cache, front, FLUSH_OBJECTS);
		preempt_enable();
	} while (!left);
	*per_cpu_ptr(cache->depot->room, cpu) += revoke(cache, front);
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_drain_dead);

/* ---- Objects ----------------------------------------------------------- */

/* Past the front: one that others have left, or out of a slab. */
static void *take_one(struct kmemx_cache *cache)
{
	struct kmemx_front_slot slot;
	int nr = 0;

	if (!kmemx_exchange_take_one(cache, &slot))
		nr = kmemx_cache_take_from_slabs(cache, &slot, 1);
	if (nr < 0)
		return ERR_PTR(nr);
	/* It is nobody else's. */
	WRITE_ONCE(*slot.status, KMEMX_OBJECT_LIVE);
	return slot.obj;
}

/**
 * kmemx_cache_note_call_site() - keep who has asked for an object
 * @cache: the cache; its depot tracks
 * @obj: the object, which is out or live
 * @call_site: who
 *
 * Context: any.
 */
void kmemx_cache_note_call_site(const struct kmemx_cache *cache, const void *obj,
				unsigned long call_site)
{
	const struct kmemx_slab *slab =
		kmemx_cache_slab_at(cache, kmemx_cache_slab_of(cache, obj));
	u32 offset = (u32)((const u8 *)obj - (const u8 *)slab->base);
	unsigned int i = kmemx_layout_index(&cache->layout, offset);

	*kmemx_cache_track_word(cache, slab, i) = call_site;
}

/**
 * kmemx_cache_take() - allocate an object, filling the front if it is empty
 * @cache: the cache
 * @call_site: who asks, kept if the depot tracks
 *
 * The memory is as its last user left it (or its constructor made it). A front that is
 * busy is gone past.
 *
 * Context: any.
 * Return: the object, live, or the error of the source of pages, as in struct kmemx_page_ops.
 */
void *kmemx_cache_take(struct kmemx_cache *cache, unsigned long call_site)
{
	struct kmemx_front *front;
	int err = -EAGAIN;
	void *obj;
	bool has_front;

	preempt_disable();
	front = kmemx_front_enter(cache->front);
	has_front = cache->front_cap && !kmemx_front_is_closed(front);
	if (has_front)
		err = refill(cache, front);
	if (likely(!err))
		obj = kmemx_front_issue(front);
	kmemx_front_leave(cache->front, front);
	if (unlikely(err)) {
		/* It would be told the same once more, unless something has come back since. */
		bool has_none = err == -ENOSPC && !kmemx_cache_has_partial(cache) &&
			kmemx_exchange_is_empty(cache);

		obj = has_none ? ERR_PTR(err) : take_one(cache);
		if (!IS_ERR(obj))
			this_cpu_inc(cache->front->nr_past_alloc);
	}
	preempt_enable();
	if (cache->layout.track && !IS_ERR(obj))
		kmemx_cache_note_call_site(cache, obj, call_site);
	return obj;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_take);

/**
 * kmemx_cache_pop_bulk() - allocate what this CPU's front has
 * @cache: the cache
 * @nr: how many objects at most
 * @objs: where to put them
 *
 * As kmemx_cache_pop(), which see, for many.
 *
 * Context: any.
 * Return: how many there were.
 */
unsigned int kmemx_cache_pop_bulk(struct kmemx_cache *cache, unsigned int nr, void **objs)
{
	struct kmemx_front_slot *slot;
	struct kmemx_front *front;
	unsigned int left = nr;

	preempt_disable();
	front = kmemx_front_enter(cache->front);
	if (likely(!kmemx_front_is_closed(front))) {
		kmemx_cache_know(cache, front);
		for (slot = front->top; left; slot--, left--) {
			/* Racy only where an object is freed twice. */
			if (data_race(*slot->status) != KMEMX_OBJECT_OUT)
				break;
			WRITE_ONCE(*slot->status, KMEMX_OBJECT_LIVE);
			kmemx_step();
			*objs++ = slot->obj;
		}
		/* Who counts from another CPU sees one or the other. */
		data_race(front->top = slot);
		/* As before. */
		data_race(front->nr_alloc += nr - left);
	}
	kmemx_front_leave(cache->front, front);
	preempt_enable();
	return nr - left;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_pop_bulk);

/*
 * Into a front, entered, that has no room for an object: who wants it has what is on top. If
 * nobody does, some of it go back to their slab instead, together, since what others have allocated
 * is often freed in the order of that, and each change of a slab is one of lines that CPUs share.
 * The next frees have room then. Where there is no front the object itself goes back. Leaves the
 * front.
 */
static noinline void put_past(struct kmemx_cache *cache, struct kmemx_front *front,
			      const struct kmemx_front_slot *slot)
{
	struct group group;

	if (unlikely(kmemx_exchange_is_wanted(cache)) && kmemx_exchange_leave(cache, front)) {
		kmemx_front_add(front, front->top, slot->obj, slot->status);
		this_cpu_inc(cache->front->nr_flush);
		kmemx_front_leave(cache->front, front);
		return;
	}
	if (front->granted) {
		group = take_group(front);
		kmemx_step();
		kmemx_front_add(front, front->top, slot->obj, slot->status);
		this_cpu_inc(cache->front->nr_flush);
	} else {
		group = group_of_one(slot);
		this_cpu_inc(cache->front->nr_past_free);
	}
	kmemx_front_leave(cache->front, front);
	give_group(cache, &group, KMEMX_SLAB_STAYS);
}

/* With preemption off. */
static enum kmemx_verdict put(struct kmemx_cache *cache, u32 id, const void *obj)
{
	struct kmemx_front_slot slot = { .obj = (void *)obj };
	struct kmemx_front *front;

	if (!kmemx_slab_find(kmemx_cache_slab_at(cache, id), &cache->layout, obj, &slot.status) ||
	    READ_ONCE(*slot.status) == KMEMX_OBJECT_NONE)
		return KMEMX_FREE_MISALIGNED;
	if (kmemx_depot_owner(cache->depot, id) != cache || !kmemx_slab_withdraw(slot.status))
		return KMEMX_FREE_DOUBLE;
	kmemx_step();
	/*
	 * A free that is none, while a slab ends, may have found a byte of the next all the same.
	 * With an object that is out that one stays, and says whose it is: withdrawing is fully
	 * ordered, which is more than kmemx_cache_still_has() needs.
	 */
	if (unlikely(kmemx_depot_owner(cache->depot, id) != cache)) {
		WRITE_ONCE(*slot.status, KMEMX_OBJECT_LIVE);
		return KMEMX_FREE_DOUBLE;
	}
	kmemx_forget_leak(obj);
	if (is_zeroed(cache))
		memset((void *)obj, 0, cache->layout.size);
	front = kmemx_front_enter(cache->front);
	/* One that is closed is granted nothing. */
	if (kmemx_front_nr(front) < front->granted ||
	    (front->granted < cache->front_cap && !kmemx_front_is_closed(front) &&
	     grant(cache, front))) {
		kmemx_front_add(front, front->top, slot.obj, slot.status);
		kmemx_front_leave(cache->front, front);
	} else {
		put_past(cache, front, &slot);
	}
	return KMEMX_FREE_OK;
}

/**
 * kmemx_cache_put() - free an object where the short way does not
 * @depot: the depot
 * @id: a frame of the slab that holds @obj
 * @obj: the object
 * @want: the cache it must be of, or NULL for any
 * @cache: set to the cache it is of, or NULL; valid if the verdict is
 *	   KMEMX_FREE_OK or while preemption is off
 *
 * With init_on_free, an object without a constructor is zeroed.
 *
 * Context: any.
 * Return: the verdict; nothing has changed unless it is KMEMX_FREE_OK.
 */
enum kmemx_verdict kmemx_cache_put(struct kmemx_depot *depot, u32 id, const void *obj,
				   const struct kmemx_cache *want,
				   struct kmemx_cache **cache)
{
	enum kmemx_verdict verdict = KMEMX_FREE_DOUBLE;

	preempt_disable();
	*cache = kmemx_depot_owner(depot, id);
	if (*cache)
		verdict = want && *cache != want ? KMEMX_FREE_CACHE : put(*cache, id, obj);
	preempt_enable();
	return verdict;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_put);

/* ---- Making and ending ------------------------------------------------- */

static int make_front(struct kmemx_cache *cache, unsigned int cpu)
{
	struct kmemx_front *front = per_cpu_ptr(cache->front, cpu);
	struct kmemx_front_slot *bottom;

	bottom = kvzalloc_node(kmemx_front_bytes(cache->front_cap), GFP_KERNEL,
			       cpu_to_node((int)cpu));
	if (!bottom)
		return -ENOMEM;
	bottom->status = &no_object;
	front->open = front;
	front->bottom = bottom;
	front->top = bottom;
	front->limit = bottom;
	front->known = bottom;
	return 0;
}

static unsigned int front_cap(const struct kmemx_cache *cache, unsigned int magazine)
{
	u64 room = kmemx_front_room((u64)cache->depot->nr_ids << PAGE_SHIFT, num_possible_cpus());
	unsigned int cap = kmemx_front_cap(cache->layout.stride, room);

	/* The short way does not stop to note who asked. */
	if (cache->layout.track || magazine == KMEMX_FRONT_NONE)
		return 0;
	return magazine ? min(cap, magazine) : cap;
}

/**
 * kmemx_cache_make_fronts() - give a cache a front on each CPU
 * @cache: the cache, whose layout is known
 * @spec: what it is to be
 *
 * Context: may sleep.
 * Return: 0; or -ENOMEM, and kmemx_cache_free_fronts() has to follow all the same.
 */
int kmemx_cache_make_fronts(struct kmemx_cache *cache, const struct kmemx_cache_spec *spec)
{
	unsigned int cpu;
	int ret = 0;

	cache->front_cap = front_cap(cache, spec->magazine ?: cache->depot->magazine);
	cache->front = alloc_percpu(struct kmemx_front);
	if (!cache->front)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		ret = make_front(cache, cpu);
		if (ret)
			break;
	}
	return ret;
}

/**
 * kmemx_cache_free_fronts() - free what kmemx_cache_make_fronts() has made
 * @cache: the cache; its fronts are empty, half made or not there
 *
 * Context: may sleep.
 */
void kmemx_cache_free_fronts(struct kmemx_cache *cache)
{
	unsigned int cpu;

	if (cache->front)
		for_each_possible_cpu(cpu)
			kvfree(per_cpu_ptr(cache->front, cpu)->bottom);
	free_percpu(cache->front);
}
