/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The host twin of module/include/kmemx/platform.h: the few kernel names that
 * the pure cores use, spelled with the compiler's atomic builtins.
 */
#ifndef KMEMX_PLATFORM_H
#define KMEMX_PLATFORM_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <linux/types.h>

typedef int8_t s8;
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;
typedef unsigned int gfp_t;

#define BITS_PER_LONG		64
#define U32_MAX			UINT32_MAX
#define U64_MAX			UINT64_MAX
#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define GENMASK_ULL(h, l)	((~0ULL << (l)) & (~0ULL >> (63 - (h))))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define ALIGN(x, a)		(((x) + (a) - 1) & ~((__typeof__(x))(a) - 1))
#define ALIGN_DOWN(x, a)	((x) & ~((__typeof__(x))(a) - 1))
#define IS_ALIGNED(x, a)	(((x) & ((__typeof__(x))(a) - 1)) == 0)
#define round_up(x, a)		ALIGN(x, a)
#define round_down(x, a)	ALIGN_DOWN(x, a)
#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define min_t(t, a, b)		((t)(a) < (t)(b) ? (t)(a) : (t)(b))
#define max_t(t, a, b)		((t)(a) > (t)(b) ? (t)(a) : (t)(b))
/* No data race is reported here but by TSan, which knows better. */
#define data_race(x)		(x)
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define static_assert(expr, ...)	_Static_assert(expr, #expr)
#define __aligned(x)		__attribute__((__aligned__(x)))
#define __must_check		__attribute__((__warn_unused_result__))
#define noinline		__attribute__((__noinline__))
#define __maybe_unused		__attribute__((__unused__))
#define fallthrough		__attribute__((__fallthrough__))

static inline unsigned int __ffs64(u64 x)
{
	return (unsigned int)__builtin_ctzll(x);
}

static inline int fls64(u64 x)
{
	return x ? 64 - __builtin_clzll(x) : 0;
}

static inline unsigned int hweight64(u64 x)
{
	return (unsigned int)__builtin_popcountll(x);
}

static inline unsigned int hweight32(u32 x)
{
	return (unsigned int)__builtin_popcount(x);
}

static inline unsigned int ilog2(u64 x)
{
	return (unsigned int)fls64(x) - 1;
}

static inline u64 kmemx_mul(u64 a, const u64 *b, u64 *high)
{
	*high = (u64)(((__uint128_t)a * *b) >> 64);
	return a * *b;
}

static inline bool is_power_of_2(u64 x)
{
	return x && !(x & (x - 1));
}

static inline unsigned int order_base_2(u64 x)
{
	return x > 1 ? ilog2(x - 1) + 1 : 0;
}

static inline u64 roundup_pow_of_two(u64 x)
{
	return 1ULL << order_base_2(x);
}

/* For sparse. */
#define __force

/* The host is of that order. */
#define le64_to_cpu(x)		(x)
#define cpu_to_le64(x)		(x)

#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), (v), __ATOMIC_RELAXED)

#define try_cmpxchg(p, oldp, v) \
	__atomic_compare_exchange_n((p), (oldp), (v), false, \
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

typedef struct {
	s64 counter;
} atomic64_t;

static inline s64 atomic64_read(const atomic64_t *v)
{
	return __atomic_load_n(&v->counter, __ATOMIC_RELAXED);
}

static inline s64 atomic64_read_acquire(const atomic64_t *v)
{
	return __atomic_load_n(&v->counter, __ATOMIC_ACQUIRE);
}

static inline void atomic64_set(atomic64_t *v, s64 i)
{
	__atomic_store_n(&v->counter, i, __ATOMIC_RELAXED);
}

static inline void atomic64_set_release(atomic64_t *v, s64 i)
{
	__atomic_store_n(&v->counter, i, __ATOMIC_RELEASE);
}

static inline s64 atomic64_xchg(atomic64_t *v, s64 i)
{
	return __atomic_exchange_n(&v->counter, i, __ATOMIC_SEQ_CST);
}

/* The kernel's have no order of their own; here they are fully ordered, as sanitizers
 * do not understand fences.
 */
static inline void atomic64_or(s64 i, atomic64_t *v)
{
	__atomic_fetch_or(&v->counter, i, __ATOMIC_SEQ_CST);
}

static inline void atomic64_andnot(s64 i, atomic64_t *v)
{
	__atomic_fetch_and(&v->counter, ~i, __ATOMIC_SEQ_CST);
}

static inline void set_bit(unsigned long nr, unsigned long *words)
{
	__atomic_fetch_or(&words[nr / BITS_PER_LONG], BIT(nr % BITS_PER_LONG), __ATOMIC_SEQ_CST);
}

static inline void clear_bit(unsigned long nr, unsigned long *words)
{
	__atomic_fetch_and(&words[nr / BITS_PER_LONG], ~BIT(nr % BITS_PER_LONG), __ATOMIC_SEQ_CST);
}

static inline bool test_bit(unsigned long nr, const unsigned long *words)
{
	return READ_ONCE(words[nr / BITS_PER_LONG]) >> nr % BITS_PER_LONG & 1;
}

/* The atomic operation before it was one already. */
#define smp_mb__after_atomic()	do { } while (0)

static inline s64 atomic64_fetch_or(s64 i, atomic64_t *v)
{
	return __atomic_fetch_or(&v->counter, i, __ATOMIC_SEQ_CST);
}

static inline s64 atomic64_fetch_andnot(s64 i, atomic64_t *v)
{
	return __atomic_fetch_and(&v->counter, ~i, __ATOMIC_SEQ_CST);
}

static inline s64 atomic64_add_return(s64 i, atomic64_t *v)
{
	return __atomic_add_fetch(&v->counter, i, __ATOMIC_SEQ_CST);
}

static inline s64 atomic64_fetch_add(s64 i, atomic64_t *v)
{
	return __atomic_fetch_add(&v->counter, i, __ATOMIC_SEQ_CST);
}

static inline void atomic64_add(s64 i, atomic64_t *v)
{
	__atomic_add_fetch(&v->counter, i, __ATOMIC_RELAXED);
}

static inline bool atomic64_try_cmpxchg(atomic64_t *v, s64 *old, s64 new)
{
	return __atomic_compare_exchange_n(&v->counter, old, new, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static inline void *vzalloc(size_t size)
{
	void *p = NULL;

	/* The kernel's is page aligned, and cores rely on cache-line alignment. */
	if (posix_memalign(&p, 4096, size))
		return NULL;
	return memset(p, 0, size);
}

static inline void vfree(const void *p)
{
	free((void *)p);
}

/*
 * Set by a test, on its own thread; see kunit/step_kunit.c. Programs that measure are built
 * without, as kmemx.ko is.
 */
#ifdef KMEMX_STEPS
typedef void kmemx_step_fn(void);
extern __thread kmemx_step_fn *kmemx_step_hook;
#endif

static inline void kmemx_step(void)
{
#ifdef KMEMX_STEPS
	if (kmemx_step_hook)
		kmemx_step_hook();
#endif
}

#define KMEMX_EXPORT_FOR_TEST(sym)

#endif /* KMEMX_PLATFORM_H */
