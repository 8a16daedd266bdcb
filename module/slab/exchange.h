/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The exchange of a cache: objects on their way from a CPU that frees them to one that allocates,
 * a batch at a time. A front that has no room leaves what it has on top, if another CPU's has had
 * nothing; the next one to have nothing takes it, and neither touches a slab, whose count and
 * summary CPUs share.
 *
 * The objects are out, as in a front, and count as free in one. What all exchanges of a depot may
 * hold is a part of what its fronts may, reserved before a batch is full and given back when it is
 * not any more; so where all of that is there, no batch has anything. It stays until somebody
 * takes it, or who is short drains it, or nobody has wanted anything for a while.
 *
 * Locking: none. A batch is whose who has made it busy, for a few instructions, with preemption
 * off; others, who may have interrupted that one, go past it.
 */
#ifndef KMEMX_SLAB_EXCHANGE_H
#define KMEMX_SLAB_EXCHANGE_H

#include <linux/cache.h>
#include <linux/smp.h>
#include <linux/types.h>

#include "slab/cache.h"

/* Objects that a batch has, at most: four lines of 64 bytes go from CPU to CPU. */
#define KMEMX_EXCHANGE_BATCH	62U
/* Exchanges may hold this part of what fronts may. */
#define KMEMX_EXCHANGE_PART	8
/* A cache whose fronts hold less has no exchange. */
#define KMEMX_EXCHANGE_CAP	24U
/* Batches for each CPU, and at most. */
#define KMEMX_EXCHANGE_PER_CPU	2U
#define KMEMX_EXCHANGE_MAX	16U

/*
 * State of a batch. From none to busy to full, and back: whoever makes it busy has it until the
 * release store of what it is then, which pairs with the next one's compare-and-exchange.
 */
#define KMEMX_BATCH_NONE	0
#define KMEMX_BATCH_BUSY	1
#define KMEMX_BATCH_FULL	2

/**
 * struct kmemx_exchange_batch - objects that go together
 * @state: one of the above
 * @nr: how many; like @at of who has made it busy
 * @at: their numbers, as of kmemx_exchange_number(), in the order of a front
 */
struct kmemx_exchange_batch {
	atomic_t state;
	unsigned int nr;
	u32 at[KMEMX_EXCHANGE_BATCH];
} ____cacheline_aligned;

/**
 * struct kmemx_exchange - of a cache
 * @size: objects of a batch that a front leaves
 * @nr: how many batches
 * @shift: of the number of a frame, in that of an object
 * @wanting: 1 + the CPU whose front was the first to have nothing; 0 if none was since there was no
 *	     room here for a batch, or in the front of that CPU, or the reaper came by; a hint
 * @batch: all of them
 */
struct kmemx_exchange {
	unsigned int size;
	unsigned int nr;
	unsigned int shift;
	unsigned int wanting;
	struct kmemx_exchange_batch batch[];
};

/*
 * The number of an object in its depot: where its status byte is, or, if that is in the slab, the
 * frame and which one it is of the slab. It is a quarter of what a front has of it, which is a
 * quarter of the lines that go from CPU to CPU.
 */
static __always_inline u32 kmemx_exchange_number(const struct kmemx_cache *cache,
						 const struct kmemx_front_slot *slot)
{
	const struct kmemx_depot *depot = cache->depot;
	u32 id, i;

	if (likely(!cache->layout.skip))
		return (u32)(slot->status - depot->status);
	id = kmemx_cache_slab_of(cache, slot->obj);
	i = (u32)(slot->status - READ_ONCE(depot->slab[id].status));
	/* As below. */
	return id << cache->exchange->shift | (i & ((1U << cache->exchange->shift) - 1));
}

/*
 * The object of a number. There is none where it was freed twice in the same moment, and its slab
 * has gone since: what its frames are now is not looked at.
 */
static __always_inline struct kmemx_front_slot kmemx_exchange_slot(const struct kmemx_cache *cache,
								   u32 number)
{
	const struct kmemx_depot *depot = cache->depot;
	const struct kmemx_slab *slab = depot->slab + (number >> cache->exchange->shift);
	u8 *status = READ_ONCE(slab->status);
	u32 i = number & ((1U << cache->exchange->shift) - 1);

	if (likely(!cache->layout.skip))
		i = (u32)(depot->status + number - status);
	if (unlikely(READ_ONCE(slab->cache) != cache || i >= cache->layout.nr_slots))
		return (struct kmemx_front_slot){ .obj = NULL };
	return (struct kmemx_front_slot){
		.obj = (u8 *)READ_ONCE(slab->base) + (size_t)i * cache->layout.stride,
		.status = status + i,
	};
}

/* Is there something in a batch? A snapshot. */
static inline bool kmemx_exchange_has(const struct kmemx_exchange *exchange, unsigned int i)
{
	return atomic_read(&exchange->batch[i].state) == KMEMX_BATCH_FULL;
}

/* Is there nothing to take? A moment ago. */
static __always_inline bool kmemx_exchange_is_empty(const struct kmemx_cache *cache)
{
	const struct kmemx_exchange *exchange = cache->exchange;
	const struct kmemx_depot *depot = cache->depot;
	unsigned int i;

	/* As a rule no exchange of the depot has anything where somebody is short. */
	if (!exchange || atomic64_read(&depot->exchange_room) == depot->exchange_all)
		return true;
	for (i = 0; i < exchange->nr; i++)
		if (kmemx_exchange_has(exchange, i))
			return false;
	return true;
}

/* Let others leave something, as this CPU's front has nothing. With preemption off. */
static inline void kmemx_exchange_want(struct kmemx_exchange *exchange)
{
	/* As a rule somebody is known to, and the line stays where it is. */
	if (!READ_ONCE(exchange->wanting))
		WRITE_ONCE(exchange->wanting, smp_processor_id() + 1);
}

/* Has a front of another CPU had nothing? For who has a full one, with preemption off. */
static inline bool kmemx_exchange_is_wanted(const struct kmemx_cache *cache)
{
	struct kmemx_exchange *exchange = cache->exchange;
	unsigned int cpu = exchange ? READ_ONCE(exchange->wanting) : 0;

	if (likely(!cpu))
		return false;
	if (cpu != smp_processor_id() + 1)
		return true;
	/* It has some now. */
	WRITE_ONCE(exchange->wanting, 0);
	return false;
}

int kmemx_exchange_make(struct kmemx_cache *cache);
void kmemx_exchange_free(struct kmemx_cache *cache);
bool kmemx_exchange_leave(struct kmemx_cache *cache, struct kmemx_front *front);
bool kmemx_exchange_take(struct kmemx_cache *cache, struct kmemx_front *front);
bool kmemx_exchange_take_one(struct kmemx_cache *cache, struct kmemx_front_slot *slot);
void kmemx_exchange_drain(struct kmemx_cache *cache);
void kmemx_exchange_reap(struct kmemx_cache *cache);
unsigned int kmemx_exchange_nr(const struct kmemx_cache *cache);
size_t kmemx_exchange_bytes(const struct kmemx_cache *cache);

#endif /* KMEMX_SLAB_EXCHANGE_H */
