/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All a pure core may include. The host build puts a header of the same name
 * and guard first on its search path (kunit/host/include/kmemx/platform.h), so
 * the same .c files run in user space under sanitizers.
 *
 * Besides the obvious (fixed-size types, bit and min/max helpers, errno), a
 * core may rely on: atomic64_t with the kernel's ordering rules (operations
 * that return a value are fully ordered unless their name says otherwise),
 * try_cmpxchg() on a byte, READ_ONCE()/WRITE_ONCE(), vzalloc()/vfree().
 */
#ifndef KMEMX_PLATFORM_H
#define KMEMX_PLATFORM_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/types.h>
#include <linux/vmalloc.h>

#include <kmemx/compat.h>

/*
 * The low half of a product of 128 bits, with the high one in @high. On x86-64, GCC aligns the
 * stack of every function that has an __int128, which costs four instructions.
 */
static __always_inline u64 kmemx_mul(u64 a, const u64 *b, u64 *high)
{
#ifdef CONFIG_X86_64
	u64 low;

	asm("mulq %3" : "=a" (low), "=d" (*high) : "0" (a), "m" (*b) : "cc");
	return low;
#else
	*high = (u64)(((__uint128_t)a * *b) >> 64);
	return a * *b;
#endif
}

/*
 * Between two steps of a change that others may see half done. A test runs something here,
 * as an interrupt or another CPU would, on the host and where KMEMX_STEPS is defined, in a
 * module of suites (kunit/step); in kmemx.ko it is nothing.
 */
#ifdef KMEMX_STEPS
typedef void kmemx_step_fn(void);
extern kmemx_step_fn *kmemx_step_hook;
#endif

static inline void kmemx_step(void)
{
#ifdef KMEMX_STEPS
	if (kmemx_step_hook)
		kmemx_step_hook();
#endif
}

#endif /* KMEMX_PLATFORM_H */
