// SPDX-License-Identifier: GPL-2.0
/*
 * Caches: the way of an object from its slab through a front to a user and
 * back; see cache.h, front.h and slab.h.
 *
 * Locking: none on the way of an object. depot->lock is held by those who make,
 * destroy or walk caches.
 */
#include <linux/cpu.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/topology.h>
#include <linux/vmalloc.h>

#include <kmemx/busy.h>

#include "observe/report.h"
#include "observe/stat.h"
#include "slab/cache.h"
#include "slab/partial.h"

/* ---- Fronts ------------------------------------------------------------ */

u8 kmemx_front_none __ro_after_init = KMEMX_OBJECT_NONE;

static struct kmemx_front_slot closed_bottom __ro_after_init = { .status = &kmemx_front_none };

struct kmemx_front kmemx_front_closed __ro_after_init = {
	.top = &closed_bottom,
	.limit = &closed_bottom,
	.bottom = &closed_bottom,
};
KMEMX_EXPORT_FOR_TEST(kmemx_front_closed);

/* How many objects a front is given back in a row. */
#define FLUSH_OBJECTS	64U
/* As many as have their status bytes in one word. */
#define GROUP_MAX	((unsigned int)sizeof(u64))

/*
 * A racing double free left an object in two fronts, or in one and in use: its status is
 * not that of an object in a front any more, when who is behind comes to it.
 */
static void drop_twice(const struct kmemx_cache *cache, const void *obj)
{
	/* Two frees have been counted, of which one was none. */
	kmemx_stat_add(KMEMX_STAT_FREE, -1);
	kmemx_stat_add(KMEMX_STAT_USED_BYTES, cache->layout.stride);
	kmemx_stat_bad_free(KMEMX_FREE_DOUBLE);
	kmemx_report_bad_free(KMEMX_FREE_DOUBLE, obj, cache->name, _RET_IP_);
}

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
		this_cpu_add(*cache->depot->room, bytes);
		return false;
	}
	front->granted += nr;
	set_limit(cache, front);
	return true;
}

/* An empty front is granted nothing. Returns the bytes that it was granted. */
static s64 revoke(const struct kmemx_cache *cache, struct kmemx_front *front)
{
	s64 bytes = (s64)front->granted * cache->layout.stride;

	front->granted = 0;
	set_limit(cache, front);
	return bytes;
}

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
		while (slot <= front->top)
			*++keep = *slot++;
	}
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
			drop_twice(cache, (u8 *)slot->obj +
				   (status - slot->status) * (long)cache->layout.stride);
	}
}

/* One by one where somebody else is at the word of their status bytes. */
static void give_group(struct kmemx_cache *cache, const struct group *group,
		       enum kmemx_empty_slab empty)
{
	u32 id = kmemx_cache_slab_of(cache, group->slot.obj);
	struct kmemx_slab *slab = kmemx_cache_slab_at(cache, id);
	int nr_free;

	if (group->nr == 1)
		nr_free = kmemx_slab_give(slab, group->slot.status);
	else
		nr_free = kmemx_slab_give_word(slab, word_of(group->slot.status), group->which);
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

/* Let there be a good object to go next. */
static void refill(struct kmemx_cache *cache, struct kmemx_front *front)
{
	unsigned int nr;

	while (front->top != front->bottom) {
		if (READ_ONCE(*front->top->status) == KMEMX_OBJECT_OUT)
			return;
		drop_twice(cache, front->top->obj);
		front->top--;
	}
	if (!front->granted && !grant(cache, front))
		return;
	nr = kmemx_cache_take_from_slabs(cache, front->bottom + 1,
					 min(front->granted, KMEMX_FRONT_BATCH));
	if (nr)
		this_cpu_inc(cache->front->nr_refill);
	/* Who counts from another CPU sees one or the other. */
	data_race(front->top += nr);
}

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

/**
 * kmemx_cache_drain() - empty the fronts of all CPUs
 * @cache: the cache
 *
 * Objects freed meanwhile may be in a front again on return.
 *
 * Context: may sleep.
 */
void kmemx_cache_drain(struct kmemx_cache *cache)
{
	struct drain drain = { .cache = cache, .cpu = nr_cpu_ids };

	kmemx_empty_all_cpus(empty_front, &drain);
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

static unsigned long *track_word(const struct kmemx_cache *cache, const struct kmemx_slab *slab,
				 unsigned int i)
{
	return (unsigned long *)((u8 *)READ_ONCE(slab->base) + cache->layout.track) + i;
}

/* Past the front: one out of a slab. */
static void *take_one(struct kmemx_cache *cache)
{
	struct kmemx_front_slot slot;

	if (!kmemx_cache_take_from_slabs(cache, &slot, 1))
		return NULL;
	/* It is nobody else's. */
	WRITE_ONCE(*slot.status, KMEMX_OBJECT_LIVE);
	return slot.obj;
}

static void note_call_site(const struct kmemx_cache *cache, const void *obj,
			   unsigned long call_site)
{
	const struct kmemx_slab *slab =
		kmemx_cache_slab_at(cache, kmemx_cache_slab_of(cache, obj));
	u32 offset = (u32)((const u8 *)obj - (const u8 *)slab->base);

	*track_word(cache, slab, kmemx_layout_index(&cache->layout, offset)) = call_site;
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
 * Return: the object, live, or NULL if the source of pages has none.
 */
void *kmemx_cache_take(struct kmemx_cache *cache, unsigned long call_site)
{
	struct kmemx_front *front;
	void *obj = NULL;
	bool has_front;

	preempt_disable();
	front = kmemx_front_enter(cache->front);
	has_front = cache->front_cap && !kmemx_front_is_closed(front);
	if (has_front)
		refill(cache, front);
	kmemx_front_leave(cache->front, front);
	if (has_front)
		kmemx_cache_pop(cache, &obj);
	if (!obj) {
		obj = take_one(cache);
		if (obj)
			this_cpu_inc(cache->front->nr_past_alloc);
	}
	preempt_enable();
	if (obj && cache->layout.track)
		note_call_site(cache, obj, call_site);
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

/**
 * kmemx_cache_take_out() - take objects that are to be live later
 * @cache: the cache
 * @nr: how many, at least 1
 * @slot: set to the objects
 *
 * They are out, as those in a front are. All or none.
 *
 * Context: any.
 * Return: false if the source of pages has not enough.
 */
bool kmemx_cache_take_out(struct kmemx_cache *cache, unsigned int nr,
			  struct kmemx_front_slot *slot)
{
	unsigned int got = 0, more;

	do {
		/* Not for all of them: a sheaf may be large. */
		preempt_disable();
		more = kmemx_cache_take_from_slabs(cache, slot + got,
						   min(nr - got, KMEMX_FRONT_BATCH));
		preempt_enable();
		got += more;
	} while (more && got < nr);
	this_cpu_add(cache->front->nr_sheaved, got);
	if (got == nr)
		return true;
	kmemx_cache_give_back(cache, got, slot);
	return false;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_take_out);

/**
 * kmemx_cache_give_back() - give back what was taken out and has not been live
 * @cache: the cache
 * @nr: how many objects
 * @slot: the objects
 *
 * Context: any.
 */
void kmemx_cache_give_back(struct kmemx_cache *cache, unsigned int nr,
			   const struct kmemx_front_slot *slot)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		preempt_disable();
		kmemx_cache_give_to_slab(cache, kmemx_cache_slab_of(cache, slot[i].obj),
					 slot[i].status, KMEMX_SLAB_ENDS);
		preempt_enable();
	}
	this_cpu_add(cache->front->nr_sheaved, -(s64)nr);
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_give_back);

/**
 * kmemx_cache_issue() - what was taken out becomes live
 * @cache: the cache
 * @slot: the object
 * @call_site: who asks, kept if the depot tracks
 *
 * Context: any.
 */
void kmemx_cache_issue(struct kmemx_cache *cache, const struct kmemx_front_slot *slot,
		       unsigned long call_site)
{
	/* It is nobody else's. */
	WRITE_ONCE(*slot->status, KMEMX_OBJECT_LIVE);
	this_cpu_dec(cache->front->nr_sheaved);
	this_cpu_inc(cache->front->nr_past_alloc);
	if (cache->layout.track)
		note_call_site(cache, slot->obj, call_site);
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_issue);

/*
 * Into a front, entered, that has no room for an object: some of it go back to their slab
 * instead, since what others have allocated is often freed in the order of that, and each
 * change of a slab is one of lines that CPUs share. The next frees have room then. Where there
 * is no front the object itself goes back. Leaves the front.
 */
static noinline void put_past(struct kmemx_cache *cache, struct kmemx_front *front,
			      const struct kmemx_front_slot *slot)
{
	struct group group;

	if (front->granted) {
		group = take_group(front);
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

/**
 * kmemx_cache_is_live() - does a user hold this object?
 * @cache: the cache that owns the slab
 * @id: a frame of the slab
 * @obj: an address in the slab
 *
 * Return: true if a live object starts there.
 */
bool kmemx_cache_is_live(const struct kmemx_cache *cache, u32 id, const void *obj)
{
	u8 *status;

	return kmemx_slab_find(kmemx_cache_slab_at(cache, id), &cache->layout, obj, &status) &&
		READ_ONCE(*status) == KMEMX_OBJECT_LIVE;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_is_live);

/* ---- Caches ------------------------------------------------------------ */

static int register_cache(struct kmemx_cache *cache)
{
	struct kmemx_depot *depot = cache->depot;
	struct kmemx_cache *other;
	unsigned int i = 0, slot = 0;
	int ret = -ENOSPC;

	mutex_lock(&depot->lock);
	while ((other = kmemx_depot_next(depot, &i))) {
		if (!strcmp(other->name, cache->name)) {
			ret = -EEXIST;
			goto out;
		}
	}
	for (i = 1; i < KMEMX_CACHES_MAX && !slot; i++)
		if (!depot->cache[i])
			slot = i;
	if (slot) {
		cache->number = slot;
		WRITE_ONCE(depot->cache[slot], cache);
		ret = 0;
	}
out:
	mutex_unlock(&depot->lock);
	return ret;
}

/* Accepts a half-built cache that is not registered (any more). */
static void free_cache(struct kmemx_cache *cache)
{
	unsigned int cpu;

	if (cache->front)
		for_each_possible_cpu(cpu)
			kvfree(per_cpu_ptr(cache->front, cpu)->bottom);
	free_percpu(cache->front);
	vfree(cache->partial_mem);
	kfree(cache);
}

/* Slots of a front, that at the bottom included. */
static size_t front_bytes(const struct kmemx_cache *cache)
{
	return (cache->front_cap + 1) * sizeof(struct kmemx_front_slot);
}

static int make_front(struct kmemx_cache *cache, unsigned int cpu)
{
	struct kmemx_front *front = per_cpu_ptr(cache->front, cpu);
	struct kmemx_front_slot *bottom;

	bottom = kvzalloc_node(front_bytes(cache), GFP_KERNEL, cpu_to_node((int)cpu));
	if (!bottom)
		return -ENOMEM;
	bottom->status = &kmemx_front_none;
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

static int make_fronts(struct kmemx_cache *cache, const struct kmemx_cache_spec *spec)
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

static int build(struct kmemx_cache *cache, const struct kmemx_cache_spec *spec)
{
	struct kmemx_depot *depot = cache->depot;
	size_t bytes = kmemx_summary_bytes(depot->nr_ids);
	unsigned int k;
	int ret;

	if (strscpy(cache->name, spec->name, sizeof(cache->name)) < 0)
		return -EINVAL;
	ret = kmemx_layout_init(&cache->layout, spec->size, spec->align, depot->track,
				PAGE_SIZE);
	if (ret)
		return ret;
	cache->ctor = spec->ctor;
	cache->dtor = spec->dtor;
	cache->is_typesafe = spec->is_typesafe;
	cache->is_hwcache_aligned = spec->is_hwcache_aligned;
	cache->usersize = spec->usersize;
	cache->partial_mem = vzalloc(KMEMX_NR_PARTIAL * bytes);
	if (!cache->partial_mem)
		return -ENOMEM;
	for (k = 0; k < KMEMX_NR_PARTIAL; k++)
		kmemx_summary_init(&cache->partial[k], cache->partial_mem + k * bytes,
				   depot->nr_ids);
	ret = make_fronts(cache, spec);
	if (ret)
		return ret;
	return register_cache(cache);
}

/**
 * kmemx_cache_new() - make a cache
 * @depot: the depot
 * @spec: what it is to be
 *
 * Context: may sleep.
 * Return: the cache, or an ERR_PTR: -EINVAL for a size, an alignment or a name
 * out of range, -EEXIST for a name that is taken, -ENOSPC if there are
 * KMEMX_CACHES_MAX - 1 caches, -ENOMEM.
 */
struct kmemx_cache *kmemx_cache_new(struct kmemx_depot *depot,
				    const struct kmemx_cache_spec *spec)
{
	struct kmemx_cache *cache;
	int ret;

	cache = kzalloc(sizeof(*cache), GFP_KERNEL);
	if (!cache)
		return ERR_PTR(-ENOMEM);
	cache->depot = depot;
	ret = build(cache, spec);
	if (ret) {
		free_cache(cache);
		return ERR_PTR(ret);
	}
	if (depot->watch)
		depot->watch->made(cache);
	return cache;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_new);

/**
 * kmemx_cache_forget() - free a cache's metadata, whatever is live
 * @cache: the cache; nobody will use it, or free an object of it, ever again, and
 *	   a grace period has passed since its last slab went
 *
 * No state word names the cache any more, but who read one before may still look at the
 * cache, or compare with its number, which is free for another only after that.
 *
 * Context: may sleep.
 */
void kmemx_cache_forget(struct kmemx_cache *cache)
{
	struct kmemx_depot *depot = cache->depot;
	struct kmemx_cache_counts counts;

	if (depot->watch)
		depot->watch->goes(cache);
	kmemx_cache_counts(cache, &counts);
	mutex_lock(&depot->lock);
	WRITE_ONCE(depot->cache[cache->number], NULL);
	/* Who sums up holds the lock: it is counted here or there. */
	kmemx_stat_add(KMEMX_STAT_ALLOC, (s64)counts.nr_alloc);
	kmemx_stat_add(KMEMX_STAT_FREE, (s64)counts.nr_free);
	kmemx_stat_add(KMEMX_STAT_USED_BYTES,
		       (s64)(counts.nr_alloc - counts.nr_free) * cache->layout.stride);
	mutex_unlock(&depot->lock);
	free_cache(cache);
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_forget);

/**
 * kmemx_cache_close() - let go of all that a cache holds
 * @cache: the cache; nobody allocates from it any more
 *
 * Empties its fronts, gives its slabs back, and marks it dying.
 *
 * Context: may sleep.
 * Return: 0, and kmemx_cache_forget() may follow after a grace period; or -EBUSY if
 * objects are live.
 */
int kmemx_cache_close(struct kmemx_cache *cache)
{
	bool is_busy;

	/* No CPU may leave with a full front, and no reclaim be half-way, meanwhile. */
	cpus_read_lock();
	mutex_lock(&cache->depot->lock);
	kmemx_cache_drain(cache);
	kmemx_cache_retire(cache);
	cache->is_dying = true;
	/* Somebody short of frames may be half-way with a slab of it, with preemption off. */
	if (atomic64_read(&cache->nr_slabs))
		synchronize_rcu();
	is_busy = atomic64_read(&cache->nr_slabs);
	mutex_unlock(&cache->depot->lock);
	cpus_read_unlock();
	return is_busy ? -EBUSY : 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_close);

/**
 * kmemx_cache_delete() - destroy a cache that has no live objects
 * @cache: the cache; nobody allocates from it any more
 *
 * Context: may sleep.
 * Return: 0, or -EBUSY if objects are live: the cache then stays, marked dying,
 * with its fronts empty.
 */
int kmemx_cache_delete(struct kmemx_cache *cache)
{
	int ret = kmemx_cache_close(cache);

	if (ret)
		return ret;
	synchronize_rcu();
	kmemx_cache_forget(cache);
	return 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_delete);

/* How many ids a walk looks at before it lets others run. */
#define WALK_BATCH	4096

/* From @id on, find the cache's next slab. May sleep. */
static bool next_slab(const struct kmemx_cache *cache, u32 *id)
{
	for (; *id < cache->depot->nr_ids; ++*id) {
		if (!(*id % WALK_BATCH))
			cond_resched();
		if (kmemx_slab_cache(kmemx_cache_state_at(cache, *id)) == cache->number)
			return true;
	}
	return false;
}

/**
 * kmemx_cache_usage() - where are its objects?
 * @cache: the cache; it is not destroyed meanwhile
 * @usage: set to what a walk over the depot's slabs and the fronts finds
 *
 * Each number is counted at its own place, so at rest
 * nr_live + nr_front + nr_free = nr_objs.
 */
void kmemx_cache_usage(const struct kmemx_cache *cache, struct kmemx_cache_usage *usage)
{
	unsigned int cpu;
	u32 id;

	memset(usage, 0, sizeof(*usage));
	for_each_possible_cpu(cpu)
		usage->nr_front += kmemx_front_nr(per_cpu_ptr(cache->front, cpu)) +
			READ_ONCE(per_cpu_ptr(cache->front, cpu)->nr_sheaved);
	for (id = 0; next_slab(cache, &id); id++) {
		unsigned int nr_free = kmemx_slab_nr_free(kmemx_cache_state_at(cache, id));
		unsigned int nr_live = kmemx_slab_nr_live(kmemx_cache_slab_at(cache, id),
							  &cache->layout);

		usage->nr_slabs++;
		usage->nr_objs += cache->layout.nr_objs;
		usage->nr_free += nr_free;
		usage->nr_live += nr_live;
		usage->nr_partial += !!nr_free;
		usage->nr_partial_live += nr_free ? nr_live : 0;
	}
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_usage);

static bool visit(const struct kmemx_cache *cache, u32 id, unsigned int i,
		  kmemx_visit_fn fn, void *arg)
{
	const struct kmemx_slab *slab = kmemx_cache_slab_at(cache, id);
	unsigned long *track = track_word(cache, slab, i);
	void *obj = kmemx_slab_object(slab, &cache->layout, i);

	if (READ_ONCE(READ_ONCE(slab->status)[i]) != KMEMX_OBJECT_LIVE)
		return false;
	/* As in kmemx_cache_still_has(). */
	smp_rmb();
	if (kmemx_slab_cache(kmemx_cache_state_at(cache, id)) != cache->number)
		return false;
	fn(cache, obj, cache->layout.track ? READ_ONCE(*track) : 0, arg);
	return true;
}

/**
 * kmemx_cache_visit_live() - visit the objects that users hold
 * @cache: the cache; it is not destroyed meanwhile
 * @fn: called for each
 * @arg: passed to @fn
 *
 * Return: how many there are.
 */
unsigned long kmemx_cache_visit_live(const struct kmemx_cache *cache,
					kmemx_visit_fn fn, void *arg)
{
	unsigned long nr = 0;
	unsigned int i;
	u32 id;

	for (id = 0; next_slab(cache, &id); id++) {
		for (i = cache->layout.skip; i < cache->layout.nr_slots; i++)
			nr += visit(cache, id, i, fn, arg);
	}
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_visit_live);

/**
 * kmemx_cache_counts() - what has been allocated and freed
 * @cache: the cache; it is not destroyed meanwhile
 * @counts: set to the sums over possible, not online, CPUs: one that went offline keeps
 *	    what it counted
 */
void kmemx_cache_counts(const struct kmemx_cache *cache, struct kmemx_cache_counts *counts)
{
	unsigned int cpu;

	*counts = (struct kmemx_cache_counts){ 0 };
	for_each_possible_cpu(cpu) {
		const struct kmemx_front *front = per_cpu_ptr(cache->front, cpu);

		counts->nr_alloc += READ_ONCE(front->nr_alloc) + READ_ONCE(front->nr_past_alloc);
		counts->nr_free += READ_ONCE(front->nr_free) + READ_ONCE(front->nr_past_free);
	}
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_counts);

/**
 * kmemx_cache_meta_bytes() - memory outside the region that a cache costs
 * @cache: the cache
 *
 * Return: bytes of itself, its summary and its fronts.
 */
size_t kmemx_cache_meta_bytes(const struct kmemx_cache *cache)
{
	return sizeof(*cache) + KMEMX_NR_PARTIAL * kmemx_summary_bytes(cache->depot->nr_ids) +
		num_possible_cpus() * (sizeof(struct kmemx_front) + front_bytes(cache));
}

/**
 * kmemx_cache_check() - do slabs, summary and counts agree?
 * @cache: the cache, at rest
 *
 * Return: NULL, or what is wrong.
 */
const char *kmemx_cache_check(const struct kmemx_cache *cache)
{
	struct kmemx_cache_usage usage;
	unsigned int k;
	u32 id;

	for (id = 0; next_slab(cache, &id); id++) {
		const char *why = kmemx_slab_check(kmemx_cache_slab_at(cache, id), &cache->layout);

		if (why)
			return why;
		if (!kmemx_partial_check(cache, id))
			return "summary disagrees with its slab";
	}
	kmemx_cache_usage(cache, &usage);
	if (usage.nr_slabs != (unsigned long)atomic64_read(&cache->nr_slabs))
		return "count of slabs is wrong";
	if (usage.nr_live + usage.nr_front + usage.nr_free != usage.nr_objs)
		return "objects are missing";
	for (k = 0; k < KMEMX_NR_PARTIAL; k++)
		if (!kmemx_summary_check(&cache->partial[k]))
			return "summary levels disagree";
	return NULL;
}
KMEMX_EXPORT_FOR_TEST(kmemx_cache_check);
