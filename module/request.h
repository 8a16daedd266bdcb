/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A request for memory, from the exported function to the tracepoint: what
 * allocations of objects and of pages have in common. Fail, reclaim once, retry; and
 * when it is over, say why.
 */
#ifndef KMEMX_REQUEST_H
#define KMEMX_REQUEST_H

#include <linux/kmemleak.h>
#include <linux/preempt.h>
#include <linux/sched/mm.h>
#include <linux/timekeeping.h>
#include <linux/types.h>
#include <kmemx/verdict.h>

#include "observe/trace.h"

struct kmemx_cache;

/**
 * struct kmemx_request - what is asked for
 * @size: bytes
 * @need: frames in a row that it takes, if it takes any
 * @align: bytes
 * @boundary: bytes, no multiple of which may lie inside; 0: any may
 * @cache: of which one object is wanted, or NULL
 * @gfp: flags
 * @call_site: who asks
 */
struct kmemx_request {
	size_t size;
	size_t need;
	size_t align;
	size_t boundary;
	const struct kmemx_cache *cache;
	gfp_t gfp;
	unsigned long call_site;
};

bool kmemx_request_is_too_large(const struct kmemx_request *req);
void kmemx_request_refuse(const struct kmemx_request *req);
bool kmemx_request_reclaim(const struct kmemx_request *req);
void kmemx_request_fail(const struct kmemx_request *req, int err);
void kmemx_request_count_none(unsigned long need, size_t align, const struct kmemx_cache *cache,
			      gfp_t gfp);
void kmemx_bad_free(enum kmemx_verdict verdict, const void *addr, const char *cache,
		    unsigned long call_site);

/**
 * kmemx_request_is_refused() - does it ask for what no region can do?
 * @req: the request
 *
 * Context: what the request's flags allow.
 * Return: whether it does.
 */
static __always_inline bool kmemx_request_is_refused(const struct kmemx_request *req)
{
	might_alloc(req->gfp);
	if (likely(!(req->gfp & __GFP_NOFAIL)))
		return false;
	kmemx_request_refuse(req);
	return true;
}

/* Does anybody want to know why such a request failed? */
static __always_inline bool kmemx_request_is_told(gfp_t gfp)
{
	return !(gfp & __GFP_NOWARN) || trace_kmemx_fail_enabled();
}

/* Without those checks it would be no more than a place to reschedule. */
static __always_inline void kmemx_debug_might_alloc(gfp_t gfp)
{
	if (IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP) || IS_ENABLED(CONFIG_LOCKDEP))
		might_alloc(gfp);
}

static inline u64 kmemx_start_clock(void)
{
	return trace_kmemx_alloc_enabled() ? ktime_get_mono_fast_ns() : 0;
}

static inline u64 kmemx_stop_clock(u64 start)
{
	return start ? ktime_get_mono_fast_ns() - start : 0;
}

/*
 * kmemleak allocates a record of its own, which it cannot in an NMI, nor where a
 * lock that sleeps on PREEMPT_RT may not be taken. What it was not told of, it
 * does not miss. What was here before may have been freed in an NMI, without a word.
 */
static inline void kmemx_tell_kmemleak(const void *ptr, size_t size, gfp_t gfp)
{
	if (in_nmi() || in_hardirq() || (IS_ENABLED(CONFIG_PREEMPT_RT) && !preemptible()))
		return;
	kmemleak_free(ptr);
	kmemleak_alloc(ptr, size, 1, gfp);
}

#endif /* KMEMX_REQUEST_H */
