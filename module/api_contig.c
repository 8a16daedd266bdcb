// SPDX-License-Identifier: GPL-2.0
/*
 * The exported functions for contiguous memory of any size: kmemx_alloc_contig() and those
 * beside it.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <kmemx/kmemx.h>

#include "api.h"
#include "observe/report.h"
#include "observe/stat.h"
#include "observe/trace.h"
#include "request.h"

/* What it asks for makes no sense. */
static void *refuse(const struct kmemx_request *req)
{
	kmemx_request_fail(req, -EINVAL);
	return NULL;
}

static void *alloc_contig(struct kmemx_request *req)
{
	void *ptr;

	if (!req->size || (req->align && !is_power_of_2(req->align)))
		return refuse(req);
	req->align = max(req->align, PAGE_SIZE);
	ptr = kmemx_api_alloc_frames(req, KMEMX_KIND_CONTIG);
	if (ptr)
		kmemx_tell_kmemleak(ptr, req->size, req->gfp);
	return ptr;
}

/**
 * kmemx_alloc_contig() - allocate physically contiguous memory of any size
 * @size: bytes wanted; whole pages are used, and no more
 * @align: physical alignment in bytes, a power of two; 0 or less than a page
 *	   means a page
 * @gfp: as for kmemx_alloc()
 *
 * More than 2 MiB, or such an alignment, is looked for chunk by chunk, with preemption off: up to
 * 155 instructions for each 2 MiB of the region.
 *
 * Context: as for kmemx_alloc().
 * Return: the memory, or NULL; also for @size 0 or an @align that is no power
 * of two.
 */
void *kmemx_alloc_contig(size_t size, size_t align, gfp_t gfp)
{
	struct kmemx_request req = {
		.size = size,
		.align = align,
		.gfp = gfp,
		.call_site = _RET_IP_,
	};

	return alloc_contig(&req);
}
KMEMX_EXPORT(kmemx_alloc_contig);

/**
 * kmemx_alloc_contig_bound() - the same, for a device that cannot cross a boundary
 * @size: bytes wanted
 * @align: as for kmemx_alloc_contig()
 * @boundary: bytes, a power of two, at least @size and a page: no multiple of it, as a
 *	      physical address, lies inside the memory; 0 is none, as
 *	      dma_get_seg_boundary() + 1 for a device without one
 * @gfp: as for kmemx_alloc()
 *
 * Context: as for kmemx_alloc().
 * Return: as for kmemx_alloc_contig(); NULL also for a @boundary that cannot be kept.
 */
void *kmemx_alloc_contig_bound(size_t size, size_t align, size_t boundary, gfp_t gfp)
{
	struct kmemx_request req = {
		.size = size,
		.align = align,
		.boundary = boundary,
		.gfp = gfp,
		.call_site = _RET_IP_,
	};

	if (boundary && (!is_power_of_2(boundary) || boundary < max(size, PAGE_SIZE)))
		return refuse(&req);
	return alloc_contig(&req);
}
KMEMX_EXPORT(kmemx_alloc_contig_bound);

/* Where frames of the region start at @phys and are not absent, if they do. */
static bool find_frame(phys_addr_t phys, u32 *frame)
{
	return pfn_valid(PHYS_PFN(phys)) &&
		kmemx_pages_find(&kmemx_live.pages, kmemx_pfn_address(PHYS_PFN(phys)), frame);
}

/**
 * kmemx_alloc_contig_at() - allocate the memory at a physical address
 * @phys: where, a multiple of the page size
 * @size: bytes wanted, from there on; whole pages are used
 * @gfp: as for kmemx_alloc()
 *
 * For what has to be at a place that the hardware or another party knows.
 *
 * Context: as for kmemx_alloc().
 * Return: the memory, to be freed with kmemx_free_contig(); NULL if it is not all free,
 * or not of one extent of the region.
 */
void *kmemx_alloc_contig_at(phys_addr_t phys, size_t size, gfp_t gfp)
{
	struct kmemx_request req = {
		.size = size,
		.need = DIV_ROUND_UP(size, PAGE_SIZE),
		.align = PAGE_SIZE,
		.gfp = gfp,
		.call_site = _RET_IP_,
	};
	unsigned long nr = DIV_ROUND_UP(size, PAGE_SIZE);
	int err = -EADDRINUSE;
	void *ptr;
	u32 frame;

	if (!size || offset_in_page(phys))
		return refuse(&req);
	if (!kmemx_request_is_refused(&req) && !kmemx_request_is_too_large(&req) &&
	    find_frame(phys, &frame)) {
		err = kmemx_pages_alloc_at(&kmemx_live.pages, frame, nr, KMEMX_KIND_CONTIG);
		if (err && kmemx_request_reclaim(&req))
			err = kmemx_pages_alloc_at(&kmemx_live.pages, frame, nr,
						   KMEMX_KIND_CONTIG);
	}
	if (err) {
		kmemx_request_fail(&req, err == -ENOSPC ? -EADDRINUSE : err);
		return NULL;
	}
	ptr = kmemx_pages_address(&kmemx_live.pages, frame);
	if (kmemx_api_wants_zeroes(gfp))
		kmemx_api_clear(ptr, nr, gfp);
	kmemx_api_hand_out(ptr, nr, get_order(size), KMEMX_KIND_CONTIG, gfp, req.call_site);
	kmemx_tell_kmemleak(ptr, size, gfp);
	return ptr;
}
KMEMX_EXPORT(kmemx_alloc_contig_at);

/**
 * kmemx_trim_contig() - give the end of contiguous memory back
 * @ptr: what one of the kmemx_alloc_contig() family gave
 * @size: bytes to keep, from the start, at least 1; whole pages are kept
 *
 * What is kept stays where it is, and is freed as before. With a @size that is no less
 * than what @ptr has, nothing happens.
 *
 * Context: any.
 * Return: false if it is refused, as a free of @ptr would be; so is NULL.
 */
bool kmemx_trim_contig(void *ptr, size_t size)
{
	unsigned long nr = size / PAGE_SIZE + !!offset_in_page(size), nr_freed;

	if (!kmemx_api_trim_frames(ptr, KMEMX_KIND_CONTIG, 0, nr, &nr_freed, _RET_IP_))
		return false;
	/* It has forgotten all of it, so that nobody else has what went before that. */
	if (nr_freed && !in_nmi())
		kmemx_tell_kmemleak(ptr, size, GFP_NOWAIT);
	return true;
}
KMEMX_EXPORT(kmemx_trim_contig);

/**
 * kmemx_free_contig() - free contiguous memory
 * @ptr: what one of the kmemx_alloc_contig() family gave, or NULL
 *
 * Context: any.
 */
void kmemx_free_contig(void *ptr)
{
	if (ptr)
		kmemx_api_free_frames(ptr, KMEMX_KIND_CONTIG, 0, _RET_IP_);
}
KMEMX_EXPORT(kmemx_free_contig);
