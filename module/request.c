// SPDX-License-Identifier: GPL-2.0
/*
 * What becomes of a request that is not served at once; see request.h.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bug.h>
#include <linux/cpumask.h>
#include <linux/math.h>
#include <linux/printk.h>
#include <linux/sched/mm.h>
#include <linux/smp.h>

#include "api.h"
#include "buddy/pages_front.h"
#include "buddy/zone_census.h"
#include "observe/report.h"
#include "observe/stat.h"
#include "observe/trace.h"
#include "request.h"
#include "slab/usage.h"

/**
 * kmemx_request_is_too_large() - is it more than the region has?
 * @req: the request
 *
 * Return: whether it is; one that is must not be rounded up, which could wrap.
 */
bool kmemx_request_is_too_large(const struct kmemx_request *req)
{
	return req->size > (u64)kmemx_live.pages.nr_frames << PAGE_SHIFT;
}

/* Has a CPU's front what is asked for? Adds its frames to @nr, of which @missing would do. */
static __always_inline bool has_front(const struct kmemx_cache *cache, unsigned int cpu,
				      unsigned long missing, unsigned long *nr)
{
	*nr += kmemx_pages_nr_front_of(&kmemx_live.pages, cpu);
	return *nr >= missing || (cache && kmemx_cache_nr_front(cache, cpu));
}

static unsigned int next_cpu(unsigned int cpu)
{
	do
		cpu = cpu + 1 < nr_cpu_ids ? cpu + 1 : 0;
	while (!cpu_possible(cpu));
	return cpu;
}

/*
 * Would it be enough with what is in fronts, which only a caller that may wait gets? @missing
 * frames would. Looks at this CPU's, and another's: the same one as the last time, if that had it.
 */
static noinline bool seems_stranded(const struct kmemx_cache *cache, unsigned long missing)
{
	static unsigned int other;
	unsigned int this = raw_smp_processor_id(), cpu = READ_ONCE(other), next;
	unsigned long nr = 0;
	bool found;

	if (has_front(cache, this, missing, &nr))
		return true;
	if (cpu == this)
		cpu = next_cpu(cpu);
	if (cpu == this)
		return false;
	found = has_front(cache, cpu, missing, &nr);
	next = found ? cpu : next_cpu(cpu);
	/* As a rule it is what it was, and other CPUs fail too. */
	if (READ_ONCE(other) != next)
		WRITE_ONCE(other, next);
	return found;
}

/* As seems_stranded(), by all fronts. */
static bool is_stranded(const struct kmemx_cache *cache, unsigned long missing)
{
	unsigned long nr = 0;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		if (has_front(cache, cpu, missing, &nr))
			return true;
	return false;
}

/* Too little is free in whatever pieces: @missing more frames would do. */
static __always_inline enum kmemx_failure why_short(const struct kmemx_cache *cache, gfp_t gfp,
						    unsigned long missing, bool is_exact)
{
	if (gfpflags_allow_blocking(gfp))
		return KMEMX_FAIL_EXHAUSTED;
	if (is_exact ? is_stranded(cache, missing) : seems_stranded(cache, missing))
		return KMEMX_FAIL_STRANDED;
	return KMEMX_FAIL_EXHAUSTED;
}

/* Frames that are free; if need be no more than a guess that it is enough. */
static __always_inline unsigned long count_free(unsigned long need, bool is_exact)
{
	if (is_exact)
		return kmemx_pages_nr_free(&kmemx_live.pages);
	return kmemx_zone_seem_free(&kmemx_live.pages.zone, need);
}

/* No @need frames in a row were found. */
static __always_inline enum kmemx_failure why_none(unsigned long need, size_t align,
						   const struct kmemx_cache *cache, gfp_t gfp,
						   bool is_exact)
{
	unsigned long free = count_free(need, is_exact);

	if (free < need)
		return why_short(cache, gfp, need - free, is_exact);
	/* Enough in a row, but not where the alignment wants it, is no use either. */
	if (need > 1 || align > PAGE_SIZE)
		return KMEMX_FAIL_FRAGMENTATION;
	/* Any frame would have done, so it has come too late. */
	return KMEMX_FAIL_CONTENDED;
}

/* @err as for kmemx_request_fail(). */
static __always_inline enum kmemx_failure why(const struct kmemx_request *req, int err,
					      bool is_exact)
{
	/* Who has asked for more than a chunk has looked for a row at all of them. */
	if (err == -ENOSPC)
		return why_none(req->need, req->align, req->cache, req->gfp,
				is_exact || req->need > KMEMX_CHUNK_FRAMES);
	if (req->gfp & __GFP_NOFAIL)
		return KMEMX_FAIL_REFUSED;
	if (err == -EXDEV)
		return KMEMX_FAIL_NODE;
	if (kmemx_request_is_too_large(req))
		return KMEMX_FAIL_TOO_LARGE;
	if (err == -EINVAL)
		return KMEMX_FAIL_REFUSED;
	return err == -EADDRINUSE ? KMEMX_FAIL_PLACE : KMEMX_FAIL_CONTENDED;
}

/**
 * kmemx_request_count_none() - kmemx_request_fail(), where nothing was found and nobody is told
 * @need: frames in a row that it takes, no more than a chunk
 * @align: as in struct kmemx_request
 * @cache: likewise
 * @gfp: likewise; not kmemx_request_is_told()
 *
 * Context: any.
 */
void kmemx_request_count_none(unsigned long need, size_t align, const struct kmemx_cache *cache,
			      gfp_t gfp)
{
	kmemx_stat_fail(why_none(need, align, cache, gfp, false));
}

/* As kmemx_request_fail(), for who wants to know; but not too often for the log. */
static noinline void tell(const struct kmemx_request *req, int err)
{
	bool is_due = kmemx_report_is_due(req->gfp);
	struct kmemx_shortage shortage;

	if (!is_due && !trace_kmemx_fail_enabled()) {
		kmemx_stat_fail(why(req, err, false));
		return;
	}
	shortage = (struct kmemx_shortage){
		.size = req->size,
		.align = req->align,
		.gfp = req->gfp,
		.why = why(req, err, true),
		.free = (u64)kmemx_pages_nr_free(&kmemx_live.pages) << PAGE_SHIFT,
		.largest = (u64)kmemx_zone_largest(&kmemx_live.pages.zone, NULL) << PAGE_SHIFT,
		.call_site = req->call_site,
	};
	kmemx_stat_fail(shortage.why);
	trace_kmemx_fail(req->call_site, req->size, req->size ? get_order(req->size) : 0, req->gfp,
			 kmemx_report_reason(shortage.why), shortage.free,
			 shortage.largest);
	if (is_due)
		kmemx_report_shortage(&shortage);
}

/**
 * kmemx_request_fail() - count, trace and report an allocation that failed
 * @req: the request
 * @err: that of the last try: -ENOSPC if nothing was found, -EAGAIN if others were faster;
 *	 -EINVAL if none was made, as it is refused, or for more than the region has; -EXDEV
 *	 if it is for another node, -EADDRINUSE if it is for a place that cannot be had
 *
 * What is free is only counted for who wants to know. Else a short look must do, the same
 * however large the region is and however many CPUs there are: who fails has other plans, and
 * is to be told so soon.
 *
 * Context: any.
 */
void kmemx_request_fail(const struct kmemx_request *req, int err)
{
	if (kmemx_request_is_told(req->gfp))
		tell(req, err);
	else
		kmemx_stat_fail(why(req, err, false));
}

/**
 * kmemx_request_refuse() - warn, once, of __GFP_NOFAIL
 * @req: the request that has it
 *
 * Context: any.
 */
void kmemx_request_refuse(const struct kmemx_request *req)
{
	WARN_ONCE(1, KBUILD_MODNAME ": __GFP_NOFAIL from %pS: a region is finite; handle NULL\n",
		  (void *)req->call_site);
}

/**
 * kmemx_request_reclaim() - may an allocation that failed be tried once more?
 * @req: the request
 *
 * Empties fronts and ends empty slabs for a caller that may wait; for one that may not, some
 * of the slabs that frees have left empty.
 *
 * Context: what the request's flags allow.
 * Return: whether it may.
 */
bool kmemx_request_reclaim(const struct kmemx_request *req)
{
	if (!gfpflags_allow_blocking(req->gfp))
		return kmemx_region_reclaim_some(&kmemx_live);
	kmemx_stat_add(KMEMX_STAT_RECLAIM, 1);
	kmemx_region_reclaim(&kmemx_live);
	return true;
}

/**
 * kmemx_bad_free() - count and report a free that is refused
 * @verdict: what it is
 * @addr: what was to be freed
 * @cache: the cache it is about, or NULL
 * @call_site: who asked
 *
 * Context: any.
 */
void kmemx_bad_free(enum kmemx_verdict verdict, const void *addr, const char *cache,
		    unsigned long call_site)
{
	kmemx_stat_bad_free(verdict);
	kmemx_report_bad_free(verdict, addr, cache, call_site);
}
