/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The measured loops, once for all peers. BENCH_LOOPS() makes functions of them
 * that call one peer's allocator directly: through a pointer, the retpoline
 * would cost more than some of the allocators. What a loop itself costs is seen
 * in the rows of the peer "null".
 *
 * Reading the clock is outside of a loop, so it counts once per call.
 */
#ifndef KMEMX_BENCH_LOOPS_H
#define KMEMX_BENCH_LOOPS_H

#include <asm/barrier.h>
#include <linux/compiler.h>
#include <linux/string.h>

#include "bench.h"
#include "clock.h"

typedef void *(*loop_alloc_t)(void *ctx, gfp_t gfp);
typedef void (*loop_free_t)(void *ctx, void *obj);

static __always_inline u64 loop_hot(void *ctx, unsigned long n,
				    loop_alloc_t alloc, loop_free_t free)
{
	u64 start = clock_read();

	do {
		void *obj = alloc(ctx, BENCH_GFP);

		if (unlikely(!obj))
			return 0;
		free(ctx, obj);
	} while (--n);
	return clock_read() - start;
}

static __always_inline void loop_free_all(void *ctx, void **objs, void **end,
					  loop_free_t free)
{
	while (objs < end)
		free(ctx, *objs++);
}

static __always_inline u64 loop_take(void *ctx, void **objs, unsigned long n,
				     loop_alloc_t alloc, loop_free_t free)
{
	void **end = objs + n, **next = objs;
	u64 start = clock_read();

	do {
		void *obj = alloc(ctx, BENCH_GFP);

		if (unlikely(!obj)) {
			loop_free_all(ctx, objs, next, free);
			memset(objs, 0, n * sizeof(*objs));
			return 0;
		}
		*next++ = obj;
	} while (next != end);
	return clock_read() - start;
}

static __always_inline u64 loop_give(void *ctx, void **objs, unsigned long n,
				     loop_free_t free)
{
	void **end = objs + n;
	u64 start = clock_read();

	do {
		free(ctx, *objs);
	} while (++objs != end);
	return clock_read() - start;
}

static __always_inline u64 loop_give_at(void *ctx, void **objs, const u32 *at,
					unsigned long n, loop_free_t free)
{
	const u32 *end = at + n;
	u64 start = clock_read();

	do {
		free(ctx, objs[*at]);
	} while (++at != end);
	return clock_read() - start;
}

/* An object that cannot be had again leaves a hole: the rest is not measured. */
static __always_inline u64 loop_churn(void *ctx, void **objs, const u32 *at,
				      unsigned long n, loop_alloc_t alloc,
				      loop_free_t free)
{
	const u32 *end = at + n;
	u64 start = clock_read();

	do {
		void **slot = objs + *at;

		free(ctx, *slot);
		*slot = alloc(ctx, BENCH_GFP);
		if (unlikely(!*slot))
			return 0;
	} while (++at != end);
	return clock_read() - start;
}

/*
 * One side of a ring each; an empty slot is NULL. The slots of n objects are the first
 * ones, again and again, so n is the ring's size, or a multiple of it.
 */
static __always_inline void ring_put(void **slot, void *obj)
{
	/* Pairs with the release of whoever emptied the slot. */
	smp_cond_load_acquire(slot, !VAL);
	/* Pairs with the acquire of whoever waits for an object. */
	smp_store_release(slot, obj);
}

static __always_inline void *ring_get(void **slot)
{
	/* Pairs with the release of whoever filled the slot. */
	void *obj = smp_cond_load_acquire(slot, VAL);

	/* Pairs with the acquire of whoever waits for room. */
	smp_store_release(slot, NULL);
	return obj;
}

/* Tells the consumer, who would wait for ever, when there are no more. */
static __always_inline u64 loop_produce(void *ctx, void **ring, unsigned long n,
					loop_alloc_t alloc)
{
	u64 start = clock_read();
	unsigned long i;

	for (i = 0; i < n; i++) {
		void *obj = alloc(ctx, BENCH_GFP);

		ring_put(&ring[i % BENCH_RING], likely(obj) ? obj : BENCH_RING_END);
		if (unlikely(!obj))
			return 0;
	}
	return clock_read() - start;
}

static __always_inline u64 loop_consume(void *ctx, void **ring, unsigned long n,
					loop_free_t free)
{
	u64 start = clock_read();
	unsigned long i;

	for (i = 0; i < n; i++) {
		void *obj = ring_get(&ring[i % BENCH_RING]);

		if (unlikely(obj == BENCH_RING_END))
			return 0;
		free(ctx, obj);
	}
	return clock_read() - start;
}

static __always_inline void *loop_try_one(void *ctx, u64 *ticks, loop_alloc_t alloc)
{
	u64 start = clock_read();
	void *obj = alloc(ctx, BENCH_GFP_TRY);

	*ticks = clock_read() - start;
	return obj;
}

static __always_inline void loop_give_one(void *ctx, void *obj, u64 *ticks,
					  loop_free_t free)
{
	u64 start = clock_read();

	free(ctx, obj);
	*ticks = clock_read() - start;
}

/*
 * BENCH_LOOPS() - the loops of a peer, as <prefix>_loops
 *
 * <prefix>_alloc() and <prefix>_free() are the peer's own, to be inlined.
 */
#define BENCH_LOOPS(prefix)								\
static noinline u64 prefix##_hot(void *ctx, unsigned long n)				\
{											\
	return loop_hot(ctx, n, prefix##_alloc, prefix##_free);				\
}											\
static noinline u64 prefix##_take(void *ctx, void **objs, unsigned long n)		\
{											\
	return loop_take(ctx, objs, n, prefix##_alloc, prefix##_free);			\
}											\
static noinline u64 prefix##_give(void *ctx, void **objs, unsigned long n)		\
{											\
	return loop_give(ctx, objs, n, prefix##_free);					\
}											\
static noinline u64 prefix##_give_at(void *ctx, void **objs, const u32 *at,		\
				     unsigned long n)					\
{											\
	return loop_give_at(ctx, objs, at, n, prefix##_free);				\
}											\
static noinline u64 prefix##_churn(void *ctx, void **objs, const u32 *at,		\
				   unsigned long n)					\
{											\
	return loop_churn(ctx, objs, at, n, prefix##_alloc, prefix##_free);		\
}											\
static noinline u64 prefix##_produce(void *ctx, void **ring, unsigned long n)		\
{											\
	return loop_produce(ctx, ring, n, prefix##_alloc);				\
}											\
static noinline u64 prefix##_consume(void *ctx, void **ring, unsigned long n)		\
{											\
	return loop_consume(ctx, ring, n, prefix##_free);				\
}											\
static noinline void *prefix##_try_one(void *ctx, u64 *ticks)				\
{											\
	return loop_try_one(ctx, ticks, prefix##_alloc);				\
}											\
static noinline void prefix##_give_one(void *ctx, void *obj, u64 *ticks)		\
{											\
	loop_give_one(ctx, obj, ticks, prefix##_free);					\
}											\
static const struct bench_loops prefix##_loops = {					\
	.hot = prefix##_hot,								\
	.take = prefix##_take,								\
	.give = prefix##_give,								\
	.give_at = prefix##_give_at,							\
	.churn = prefix##_churn,							\
	.produce = prefix##_produce,							\
	.consume = prefix##_consume,							\
	.try_one = prefix##_try_one,							\
	.give_one = prefix##_give_one,							\
}

#endif /* KMEMX_BENCH_LOOPS_H */
