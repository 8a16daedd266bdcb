// SPDX-License-Identifier: GPL-2.0
/*
 * What becomes of a request that is not served at once; see request.h.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bug.h>
#include <linux/math.h>
#include <linux/printk.h>
#include <linux/sched/mm.h>

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

/*
 * Are @need bytes free, in whatever pieces? A look at the bins and a few chunks, unless
 * there is hardly anything left.
 */
static bool is_enough_free(size_t need)
{
	return kmemx_zone_has_free(&kmemx_live.pages.zone, DIV_ROUND_UP(need, PAGE_SIZE));
}

/* Would it be enough with what is in fronts, which only a caller that may wait gets? */
static bool is_stranded(const struct kmemx_request *req)
{
	unsigned long need = DIV_ROUND_UP(req->need, PAGE_SIZE);
	unsigned long front = kmemx_pages_nr_front(&kmemx_live.pages);

	if (gfpflags_allow_blocking(req->gfp))
		return false;
	return (req->cache && kmemx_cache_nr_front(req->cache)) ||
		kmemx_zone_has_free(&kmemx_live.pages.zone, need - min(need, front));
}

/*
 * @err is that of the last try, -EXDEV if it is for another node, -EADDRINUSE if it is for a
 * place that cannot be had, or 0 if all that is known is that it failed.
 */
static enum kmemx_failure why(const struct kmemx_request *req, int err)
{
	if (req->gfp & __GFP_NOFAIL)
		return KMEMX_FAIL_REFUSED;
	if (err == -EXDEV)
		return KMEMX_FAIL_NODE;
	if (kmemx_request_is_too_large(req))
		return KMEMX_FAIL_TOO_LARGE;
	if (err == -EADDRINUSE)
		return KMEMX_FAIL_PLACE;
	if (err == -EAGAIN)
		return KMEMX_FAIL_CONTENDED;
	if (!is_enough_free(req->need))
		return is_stranded(req) ? KMEMX_FAIL_STRANDED : KMEMX_FAIL_EXHAUSTED;
	/* Enough in a row, but not where the alignment wants it, is no use either. */
	if (err == -ENOSPC || req->need > PAGE_SIZE)
		return KMEMX_FAIL_FRAGMENTATION;
	return KMEMX_FAIL_CONTENDED;
}

/**
 * kmemx_request_fail() - count, trace and report an allocation that failed
 * @req: the request
 * @err: that of the last try, -EXDEV if it is for another node, -EADDRINUSE if it is for a
 *	 place that cannot be had, or 0 if all that is known is that it failed
 *
 * What is free is only counted for who wants to know.
 *
 * Context: any.
 */
void kmemx_request_fail(const struct kmemx_request *req, int err)
{
	struct kmemx_shortage shortage = {
		.size = req->size,
		.align = req->align,
		.gfp = req->gfp,
		.why = why(req, err),
		.call_site = req->call_site,
	};

	bool is_due = kmemx_report_is_due(req->gfp);

	kmemx_stat_fail(shortage.why);
	if (!is_due && !trace_kmemx_fail_enabled())
		return;
	shortage.free = (u64)kmemx_pages_nr_free(&kmemx_live.pages) << PAGE_SHIFT;
	shortage.largest = (u64)kmemx_zone_largest(&kmemx_live.pages.zone, NULL) << PAGE_SHIFT;
	trace_kmemx_fail(req->call_site, req->size, get_order(req->size), req->gfp,
			 kmemx_report_reason(shortage.why), shortage.free,
			 shortage.largest);
	if (is_due)
		kmemx_report_shortage(&shortage);
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
