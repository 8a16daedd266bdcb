// SPDX-License-Identifier: GPL-2.0
/*
 * The exported check of copies to and from user space: what the kernel's hardened usercopy does for
 * its own slabs, to which memory of a region is pages without an owner.
 */
#include <linux/mm.h>
#include <linux/preempt.h>
#include <kmemx/compat.h>
#include <kmemx/kmemx.h>

#include "api.h"
#include "buddy/zone_info.h"
#include "observe/report.h"
#include "slab/usage.h"

/* What is wrong with a copy of @n bytes at @ptr, in a slab; @cache set to whose, if it is any's. */
static const char *judge_object(u32 id, const void *ptr, size_t n,
				const struct kmemx_cache **cache)
{
	const struct kmemx_slab *slab = &kmemx_live.depot.slab[id];
	const struct kmemx_cache *owner = kmemx_depot_owner(&kmemx_live.depot, id);
	u32 offset, i;

	if (!owner)
		return "it is in a slab that is gone";
	*cache = owner;
	offset = (u32)((const u8 *)ptr - (const u8 *)READ_ONCE(slab->base));
	i = kmemx_layout_index(&owner->layout, offset);
	if (!kmemx_cache_is_live(owner, id, kmemx_slab_object(slab, &owner->layout, i)))
		return "it is not allocated";
	/* From the start of the window, or far beyond its end. */
	offset -= i * owner->layout.stride + owner->useroffset;
	if (offset > owner->usersize || n > owner->usersize - offset)
		return "it is not all inside of useroffset and usersize of its cache";
	return NULL;
}

static const char *judge_pages(u32 frame, const void *ptr, size_t n)
{
	unsigned long end = PFN_UP(offset_in_page(ptr) + n);
	unsigned long nr = kmemx_zone_frames_from(&kmemx_live.pages.zone, frame, end);

	if (!nr)
		return "it is not allocated";
	return nr < end ? "it goes past the end of its allocation" : NULL;
}

/**
 * kmemx_check_usercopy() - may some bytes be copied to or from user space?
 * @ptr: the first of them, in what any function of kmemx.h gave, or elsewhere
 * @n: how many
 *
 * They may if all are in one allocation: of pages anywhere, of kmemx_alloc() likewise, in an
 * object of a cache between @useroffset and @useroffset + @usersize of struct kmemx_cache_args.
 * So in one of a cache that was made without them no copy may be, as with kmem_cache_create().
 * A copy that may not be is counted, and reported by a warning once.
 *
 * What is not in the region is left to the kernel's own checks, as is a copy of no bytes.
 *
 * Context: any.
 * Return: whether they may.
 */
bool kmemx_check_usercopy(const void *ptr, size_t n)
{
	const struct kmemx_cache *cache = NULL;
	const char *why;
	u32 frame;
	u8 info;

	if (!n || !kmemx_pages_find(&kmemx_live.pages, ptr, &frame))
		return true;
	info = kmemx_pages_info(&kmemx_live.pages, frame);
	/* So that the cache stays until it has been reported. */
	preempt_disable();
	switch (kmemx_info_kind(info)) {
	case KMEMX_KIND_SLAB:
	case KMEMX_KIND_SLAB_TAIL:
		why = judge_object(kmemx_region_slab_id(frame, info), ptr, n, &cache);
		break;
	default:
		why = n > SIZE_MAX - PAGE_SIZE ? "it goes past the end of memory" :
			judge_pages(frame, ptr, n);
	}
	if (unlikely(why))
		kmemx_report_bad_copy(why, ptr, n, cache ? cache->name : NULL, _RET_IP_);
	preempt_enable();
	return !why;
}
KMEMX_EXPORT(kmemx_check_usercopy);
