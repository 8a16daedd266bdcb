/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random numbers for tests: the seed is printed, and settable by the module
 * parameter seed= or, on the host, by KMEMX_SEED, so that a failure can be
 * played again.
 */
#ifndef KMEMX_KUNIT_RANDOM_H
#define KMEMX_KUNIT_RANDOM_H

#include <kmemx/platform.h>
#include <kunit/test.h>

#define TEST_SEED	0x9E3779B97F4A7C15ULL

/* TEST_SEED, or what the user asked for. */
u64 test_seed(void);

struct rnd {
	u64 state;
};

static inline struct rnd rnd_start(struct kunit *test)
{
	struct rnd rnd = { .state = test_seed() };

	kunit_info(test, "seed=%#llx\n", (unsigned long long)rnd.state);
	return rnd;
}

/* xorshift64, as in the reference trace. */
static inline u32 rnd_next(struct rnd *rnd)
{
	u64 x = rnd->state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	rnd->state = x;
	return (u32)(x >> 32);
}

static inline u64 rnd_next64(struct rnd *rnd)
{
	u64 high = rnd_next(rnd);

	return high << 32 | rnd_next(rnd);
}

/* 0..n - 1 */
static inline u32 rnd_below(struct rnd *rnd, u32 n)
{
	return rnd_next(rnd) % n;
}

#endif /* KMEMX_KUNIT_RANDOM_H */
