// SPDX-License-Identifier: GPL-2.0
/*
 * Objects on their way from one CPU to another; see exchange.h.
 */
#include <linux/cpumask.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/preempt.h>
#include <linux/slab.h>

#include "slab/cache.h"
#include "slab/exchange.h"
#include "slab/partial.h"

/* A batch that is in @state, which is the caller's then; or NULL. With preemption off. */
static struct kmemx_exchange_batch *claim(struct kmemx_exchange *exchange, int state)
{
	unsigned int i;

	for (i = 0; i < exchange->nr; i++) {
		struct kmemx_exchange_batch *batch = exchange->batch + i;

		if (atomic_read(&batch->state) != state)
			continue;
		kmemx_step();
		if (atomic_cmpxchg_acquire(&batch->state, state, KMEMX_BATCH_BUSY) == state)
			return batch;
	}
	return NULL;
}

static void release(struct kmemx_exchange_batch *batch, int state)
{
	kmemx_step();
	atomic_set_release(&batch->state, state);
	kmemx_step();
}

static s64 batch_bytes(const struct kmemx_cache *cache)
{
	return (s64)cache->exchange->size * cache->layout.stride;
}

/* May one batch more be held? It is then. */
static bool reserve(const struct kmemx_cache *cache)
{
	if (atomic64_sub_return(batch_bytes(cache), &cache->depot->exchange_room) >= 0)
		return true;
	kmemx_step();
	atomic64_add(batch_bytes(cache), &cache->depot->exchange_room);
	return false;
}

static void unreserve(const struct kmemx_cache *cache)
{
	kmemx_step();
	atomic64_add(batch_bytes(cache), &cache->depot->exchange_room);
}

/* One that has nothing, for which there is room, and which is the caller's then; or NULL. */
static struct kmemx_exchange_batch *claim_empty(struct kmemx_cache *cache)
{
	struct kmemx_exchange_batch *batch;

	if (atomic64_read(&cache->depot->exchange_room) < batch_bytes(cache))
		return NULL;
	batch = claim(cache->exchange, KMEMX_BATCH_NONE);
	if (!batch || reserve(cache))
		return batch;
	release(batch, KMEMX_BATCH_NONE);
	return NULL;
}

/**
 * kmemx_exchange_leave() - let others have what a front has on top
 * @cache: the cache, of which some is wanted
 * @front: the caller's
 *
 * Above the new top there are the objects and their status bytes still, as kmemx_cache_know()
 * wants it.
 *
 * Context: any, with the front entered.
 * Return: whether it has a batch less now.
 */
bool kmemx_exchange_leave(struct kmemx_cache *cache, struct kmemx_front *front)
{
	struct kmemx_exchange *exchange = cache->exchange;
	struct kmemx_exchange_batch *batch;
	struct kmemx_front_slot *top;
	unsigned int i;

	if (kmemx_front_nr(front) < exchange->size)
		return false;
	batch = claim_empty(cache);
	if (!batch) {
		/* Until somebody comes for what there is. */
		WRITE_ONCE(exchange->wanting, 0);
		return false;
	}
	kmemx_step();
	top = front->top - exchange->size;
	for (i = 0; i < exchange->size; i++)
		batch->at[i] = kmemx_exchange_number(cache, top + 1 + i);
	batch->nr = exchange->size;
	/* Who counts from another CPU sees one or the other. */
	data_race(front->top = top);
	release(batch, KMEMX_BATCH_FULL);
	return true;
}

/**
 * kmemx_exchange_take() - fill an empty front with what others have left
 * @cache: the cache
 * @front: the caller's; it may hold a batch
 *
 * Context: any, with the front entered.
 * Return: whether it has some objects now.
 */
bool kmemx_exchange_take(struct kmemx_cache *cache, struct kmemx_front *front)
{
	struct kmemx_exchange_batch *batch = claim(cache->exchange, KMEMX_BATCH_FULL);
	struct kmemx_front_slot *top = front->bottom;
	unsigned int left;

	if (!batch)
		return false;
	kmemx_step();
	/* What was freed first is to be on top. */
	for (left = batch->nr; left; left--) {
		struct kmemx_front_slot slot = kmemx_exchange_slot(cache, batch->at[left - 1]);

		/* Above the top there never is a slot without a status byte. */
		if (likely(slot.obj))
			*++top = slot;
		else
			kmemx_cache_drop_twice(cache, NULL);
	}
	/* As above. */
	data_race(front->top = top);
	release(batch, KMEMX_BATCH_NONE);
	unreserve(cache);
	return true;
}

/* The next object of a batch, if there is one. */
static bool take_next(struct kmemx_cache *cache, struct kmemx_front_slot *slot)
{
	struct kmemx_exchange_batch *batch = claim(cache->exchange, KMEMX_BATCH_FULL);
	bool is_last;

	if (!batch)
		return false;
	kmemx_step();
	*slot = kmemx_exchange_slot(cache, batch->at[--batch->nr]);
	is_last = !batch->nr;
	release(batch, is_last ? KMEMX_BATCH_NONE : KMEMX_BATCH_FULL);
	if (is_last)
		unreserve(cache);
	return true;
}

/**
 * kmemx_exchange_take_one() - take one object that others have left
 * @cache: the cache
 * @slot: set to the object, which is out
 *
 * For who has no front, or one that may not hold so many. While another is at a batch, what is in
 * it is not found.
 *
 * Context: any, with preemption off.
 * Return: false if there is none.
 */
bool kmemx_exchange_take_one(struct kmemx_cache *cache, struct kmemx_front_slot *slot)
{
	if (kmemx_exchange_is_empty(cache))
		return false;
	while (take_next(cache, slot)) {
		/* Else it was freed twice, and is in a front, or in use, too. */
		if (likely(slot->obj && READ_ONCE(*slot->status) == KMEMX_OBJECT_OUT))
			return true;
		kmemx_cache_drop_twice(cache, slot->obj);
	}
	return false;
}
KMEMX_EXPORT_FOR_TEST(kmemx_exchange_take_one);

/**
 * kmemx_exchange_nr() - objects in an exchange
 * @cache: the cache
 *
 * Return: how many; a snapshot.
 */
unsigned int kmemx_exchange_nr(const struct kmemx_cache *cache)
{
	const struct kmemx_exchange *exchange = cache->exchange;
	unsigned int nr = 0, i;

	for (i = 0; exchange && i < exchange->nr; i++)
		if (kmemx_exchange_has(exchange, i))
			/* Whose it is by now may change it. */
			nr += data_race(exchange->batch[i].nr);
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_exchange_nr);

/**
 * kmemx_exchange_drain() - give what others have left back to the slabs
 * @cache: the cache
 *
 * As much as there is now; others may leave more meanwhile.
 *
 * Context: any; it may take long.
 */
void kmemx_exchange_drain(struct kmemx_cache *cache)
{
	unsigned int left = kmemx_exchange_nr(cache);
	struct kmemx_front_slot slot;
	bool any;

	for (any = true; any && left; left--) {
		preempt_disable();
		any = kmemx_exchange_take_one(cache, &slot);
		if (any && !kmemx_cache_give_to_slab(cache, kmemx_cache_slab_of(cache, slot.obj),
						     slot.status, KMEMX_SLAB_ENDS))
			kmemx_cache_drop_twice(cache, slot.obj);
		preempt_enable();
	}
}

/**
 * kmemx_exchange_reap() - give back what nobody takes
 * @cache: the cache
 *
 * Called once in a while: what is there the second time after a CPU's front had nothing goes back
 * to the slabs.
 *
 * Context: may sleep.
 */
void kmemx_exchange_reap(struct kmemx_cache *cache)
{
	struct kmemx_exchange *exchange = cache->exchange;

	if (exchange && READ_ONCE(exchange->wanting))
		WRITE_ONCE(exchange->wanting, 0);
	else
		kmemx_exchange_drain(cache);
}
KMEMX_EXPORT_FOR_TEST(kmemx_exchange_reap);

static unsigned int nr_batches(void)
{
	return min(num_possible_cpus() * KMEMX_EXCHANGE_PER_CPU, KMEMX_EXCHANGE_MAX);
}

/**
 * kmemx_exchange_make() - give a cache an exchange
 * @cache: the cache, whose fronts are known
 *
 * None for a cache of which fronts hold next to nothing, nor where 32 bits have no number for each
 * object: with pages of 4 KiB, in a region of 128 GiB; for objects of 8 bytes, of 32 GiB.
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int kmemx_exchange_make(struct kmemx_cache *cache)
{
	unsigned int shift = ilog2(KMEMX_STATUS_BYTES);
	struct kmemx_exchange *exchange;

	if (cache->layout.skip)
		shift = order_base_2(cache->layout.nr_slots);
	if (cache->front_cap < KMEMX_EXCHANGE_CAP || cache->depot->nr_ids > U32_MAX >> shift)
		return 0;
	exchange = kvzalloc(struct_size(exchange, batch, nr_batches()), GFP_KERNEL);
	if (!exchange)
		return -ENOMEM;
	exchange->nr = nr_batches();
	exchange->shift = shift;
	exchange->size = min(cache->front_cap / 2, KMEMX_EXCHANGE_BATCH);
	cache->exchange = exchange;
	return 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_exchange_make);

/**
 * kmemx_exchange_free() - free what kmemx_exchange_make() has made
 * @cache: the cache; nothing is in its exchange, which may not be there
 */
void kmemx_exchange_free(struct kmemx_cache *cache)
{
	kvfree(cache->exchange);
	cache->exchange = NULL;
}
KMEMX_EXPORT_FOR_TEST(kmemx_exchange_free);

/**
 * kmemx_exchange_bytes() - memory outside the region that an exchange costs
 * @cache: the cache
 *
 * Return: bytes.
 */
size_t kmemx_exchange_bytes(const struct kmemx_cache *cache)
{
	return cache->exchange ? struct_size(cache->exchange, batch, cache->exchange->nr) : 0;
}
