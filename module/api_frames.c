// SPDX-License-Identifier: GPL-2.0
/*
 * Page frames in a row, for all exported functions that need more than one block of them, or
 * reclaim, zeroes or a report.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "api.h"
#include "observe/report.h"
#include "observe/stat.h"
#include "observe/trace.h"
#include "request.h"

const char * const kmemx_kind_name[KMEMX_NR_KINDS] = {
	[KMEMX_KIND_PAGES]	= "pages",
	[KMEMX_KIND_LARGE]	= "large",
	[KMEMX_KIND_CONTIG]	= "contig",
};

static int try_frames(const struct kmemx_request *req, enum kmemx_kind kind,
		      u32 *frame)
{
	unsigned long nr = DIV_ROUND_UP(req->size, PAGE_SIZE);
	unsigned long align = max(req->align >> PAGE_SHIFT, 1UL);
	unsigned int tries;
	int ret = -ENOSPC;

	for (tries = 0; tries < KMEMX_PAGE_TRIES; tries++) {
		ret = kmemx_pages_alloc_bound(&kmemx_live.pages, nr, align,
					      req->boundary >> PAGE_SHIFT, kind, frame);
		if (ret != -EAGAIN)
			break;
	}
	return ret;
}

/* Of a chunk that was zeroed ahead. */
static bool try_zeroed(const struct kmemx_request *req, enum kmemx_kind kind, u32 *frame)
{
	if (!kmemx_api_wants_zeroes(req->gfp) || req->align > PAGE_SIZE << KMEMX_CHUNK_ORDER ||
	    kmemx_pages_alloc_zeroed(&kmemx_live.pages, DIV_ROUND_UP(req->size, PAGE_SIZE), kind,
				     frame))
		return false;
	kmemx_stat_add(KMEMX_STAT_ZEROING_SAVED, (s64)PAGE_ALIGN(req->size));
	return true;
}

/**
 * kmemx_api_clear() - zero page frames, however many
 * @addr: their address
 * @nr: how many
 * @gfp: of who asked for them
 *
 * Context: what @gfp allows.
 */
void kmemx_api_clear(void *addr, unsigned long nr, gfp_t gfp)
{
	while (nr > KMEMX_CHUNK_FRAMES) {
		kmemx_pages_clear(addr, KMEMX_CHUNK_FRAMES);
		addr += PAGE_SIZE * KMEMX_CHUNK_FRAMES;
		nr -= KMEMX_CHUNK_FRAMES;
		/* Others wait no longer than for a page fault that zeroes a huge page. */
		if (gfpflags_allow_blocking(gfp))
			cond_resched();
	}
	kmemx_pages_clear(addr, nr);
}

/**
 * kmemx_api_hand_out() - what is done for every allocation of pages that has its frames
 * @addr: their address
 * @nr: how many
 * @order: of the request
 * @kind: as what
 * @gfp: of the request
 * @call_site: who asked
 *
 * Return: @addr.
 */
void *kmemx_api_hand_out(void *addr, unsigned long nr, unsigned int order, enum kmemx_kind kind,
			 gfp_t gfp, unsigned long call_site)
{
	u32 frame;

	if (unlikely(kmemx_live.site) && kmemx_pages_find(&kmemx_live.pages, addr, &frame))
		kmemx_live.site[frame] = call_site;
	kmemx_stat_add(KMEMX_STAT_PAGE_ALLOC, 1);
	kmemx_stat_add(KMEMX_STAT_USED_BYTES, nr << PAGE_SHIFT);
	trace_kmemx_page_alloc(call_site, page_to_pfn(virt_to_page(addr)), nr, order,
			       kmemx_kind_name[kind], gfp);
	return addr;
}

/**
 * kmemx_api_alloc_frames() - allocate pages in a row
 * @req: what for; @need is set
 * @kind: as what
 *
 * Context: what the request's flags allow.
 * Return: their address, or NULL, which has been reported.
 */
void *kmemx_api_alloc_frames(struct kmemx_request *req, enum kmemx_kind kind)
{
	size_t bytes = PAGE_ALIGN(req->size);
	bool is_zero = false;
	int err = -EINVAL;
	void *addr;
	u32 frame;

	req->need = bytes >> PAGE_SHIFT;
	/* The size goes first: one that is absurd would wrap when rounded. */
	if (!kmemx_request_is_refused(req) && !kmemx_request_is_too_large(req)) {
		is_zero = try_zeroed(req, kind, &frame);
		err = is_zero ? 0 : try_frames(req, kind, &frame);
		if (err && kmemx_request_reclaim(req))
			err = try_frames(req, kind, &frame);
	}
	if (err) {
		kmemx_request_fail(req, err);
		return NULL;
	}
	addr = kmemx_pages_address(&kmemx_live.pages, frame);
	if (kmemx_api_wants_zeroes(req->gfp) && !is_zero)
		kmemx_api_clear(addr, bytes >> PAGE_SHIFT, req->gfp);
	return kmemx_api_hand_out(addr, bytes >> PAGE_SHIFT, get_order(bytes), kind, req->gfp,
				  req->call_site);
}

/* What is done for every free of pages that was not refused. */
static __always_inline void take_back(unsigned long pfn, unsigned long nr, unsigned int order,
				      enum kmemx_kind kind, unsigned long call_site)
{
	kmemx_stat_add(KMEMX_STAT_PAGE_FREE, 1);
	kmemx_stat_add(KMEMX_STAT_USED_BYTES, -(s64)(nr << PAGE_SHIFT));
	trace_kmemx_page_free(call_site, pfn, nr, order, kmemx_kind_name[kind]);
}

/**
 * kmemx_api_free_frames() - free pages in a row
 * @addr: their address, which may be any value
 * @kind: as what they were allocated
 * @nr: how many, as for kmemx_zone_claim()
 * @call_site: who asks
 *
 * Context: any.
 * Return: how many were freed; 0 if it was refused, which has been reported.
 */
unsigned long kmemx_api_free_frames(const void *addr, enum kmemx_kind kind, unsigned long nr,
				    unsigned long call_site)
{
	enum kmemx_verdict verdict = KMEMX_FREE_FOREIGN;
	struct kmemx_freed freed;
	u32 frame;

	if (kmemx_pages_find(&kmemx_live.pages, addr, &frame)) {
		u8 info = kmemx_pages_info(&kmemx_live.pages, frame);

		if (offset_in_page(addr) && kmemx_info_kind(info) == kind)
			verdict = KMEMX_FREE_MISALIGNED;
		else
			verdict = kmemx_pages_free(&kmemx_live.pages, frame, kind, nr,
						   &freed);
	}
	if (unlikely(verdict)) {
		kmemx_bad_free(verdict, addr, NULL, call_site);
		return 0;
	}
	if (unlikely(freed.nr_held))
		kmemx_report_held(addr, freed.nr_held, call_site);
	take_back(page_to_pfn(virt_to_page(addr)), freed.nr_frames,
		  get_order(freed.nr_frames << PAGE_SHIFT), kind, call_site);
	return freed.nr_frames;
}

/**
 * kmemx_api_trim_frames() - give the end of pages in a row back
 * @addr: their address, which may be any value
 * @kind: as what they were allocated
 * @nr: how many, as for kmemx_zone_claim()
 * @keep: how many to keep; with as many as there are, or more, nothing happens
 * @nr_freed: set to how many went
 * @call_site: who asks
 *
 * Context: any.
 * Return: false if it was refused, which has been reported.
 */
bool kmemx_api_trim_frames(const void *addr, enum kmemx_kind kind, unsigned long nr,
			   unsigned long keep, unsigned long *nr_freed, unsigned long call_site)
{
	enum kmemx_verdict verdict = KMEMX_FREE_FOREIGN;
	struct kmemx_freed freed = { 0 };
	u32 frame;

	if (kmemx_pages_find(&kmemx_live.pages, addr, &frame))
		verdict = offset_in_page(addr) || !keep ? KMEMX_FREE_MISALIGNED :
			kmemx_pages_trim(&kmemx_live.pages, frame, kind, nr, keep, &freed);
	if (verdict) {
		kmemx_bad_free(verdict, addr, NULL, call_site);
		return false;
	}
	if (unlikely(freed.nr_held))
		kmemx_report_held(addr, freed.nr_held, call_site);
	*nr_freed = freed.nr_frames;
	if (!freed.nr_frames)
		return true;
	kmemx_stat_add(KMEMX_STAT_USED_BYTES, -(s64)(freed.nr_frames << PAGE_SHIFT));
	trace_kmemx_page_free(call_site, page_to_pfn(virt_to_page(addr)) + keep, freed.nr_frames,
			      get_order(freed.nr_frames << PAGE_SHIFT), kmemx_kind_name[kind]);
	return true;
}
