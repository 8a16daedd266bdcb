// SPDX-License-Identifier: GPL-2.0
/*
 * Notes of who allocated what; see callers.h.
 */
#include <linux/bits.h>
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "buddy/pages.h"
#include "observe/callers.h"
#include "observe/trace.h"
#include "slab/layout.h"

#define SITES_SHIFT	12
#define NR_SITES	BIT(SITES_SHIFT)
/* Of all call sites beyond that. */
#define OTHERS		(NR_SITES + 1)
/* No two objects begin within as many bytes. */
#define UNIT		KMEMX_OBJECT_MIN
#define UNITS_PER_PAGE	(PAGE_SIZE / UNIT)

/* The number of a call site; the first to ask for it takes one. */
static u16 number_of(struct kmemx_callers *callers, unsigned long call_site)
{
	unsigned int first = hash_long(call_site, SITES_SHIFT), i;

	for (i = 0; i < NR_SITES; i++) {
		unsigned int k = (first + i) % NR_SITES;
		unsigned long old = READ_ONCE(callers->address[k]);

		/* Of several who find it free one gets it. Nothing else depends on it. */
		if (!old)
			old = cmpxchg(&callers->address[k], 0, call_site);
		if (!old || old == call_site)
			return (u16)(k + 1);
	}
	return OTHERS;
}

/* Where the note of what begins at an address is; NULL for one that is not ours. */
static u16 *note_at(const struct kmemx_callers *callers, const void *addr)
{
	u32 frame;

	if (!kmemx_pages_find(callers->pages, addr, &frame))
		return NULL;
	return callers->number + frame * UNITS_PER_PAGE + offset_in_page(addr) / UNIT;
}

/* By who has just allocated it; who reads it meanwhile gets this or what was there. */
static void note(struct kmemx_callers *callers, const void *addr, unsigned long call_site)
{
	u16 *number = note_at(callers, addr);

	if (number)
		WRITE_ONCE(*number, number_of(callers, call_site));
}

static void note_object(void *callers, unsigned long call_site, const void *ptr,
			size_t bytes_req, size_t bytes_alloc, gfp_t gfp, int node,
			const char *cache, u64 ns)
{
	note(callers, ptr, call_site);
}

static void note_pages(void *callers, unsigned long call_site, unsigned long pfn,
		       unsigned long nr, unsigned int order, const char *type, gfp_t gfp)
{
	note(callers, kmemx_pfn_address(pfn), call_site);
}

static int make_notes(struct kmemx_callers *callers)
{
	size_t nr = kmemx_pages_end(callers->pages) * UNITS_PER_PAGE;

	static_assert(OTHERS <= U16_MAX);
	callers->number = vzalloc(nr * sizeof(*callers->number));
	callers->address = vzalloc(NR_SITES * sizeof(*callers->address));
	return callers->number && callers->address ? 0 : -ENOMEM;
}

/**
 * kmemx_callers_start() - begin to keep call sites
 * @callers: to fill in; nothing is kept
 * @pages: the region's frames
 *
 * Of all that is allocated from here on. What is in the middle of an allocation now is noted
 * or not, and should it get what another has allocated, noted and freed since, that one's
 * note stays.
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM, or -ENOSYS on a kernel without tracepoints.
 */
int kmemx_callers_start(struct kmemx_callers *callers, const struct kmemx_pages *pages)
{
	int ret;

	callers->pages = pages;
	ret = make_notes(callers);
	if (ret)
		goto err_notes;
	ret = register_trace_kmemx_alloc(note_object, callers);
	if (ret)
		goto err_notes;
	ret = register_trace_kmemx_page_alloc(note_pages, callers);
	if (!ret)
		return 0;
	unregister_trace_kmemx_alloc(note_object, callers);
	tracepoint_synchronize_unregister();
err_notes:
	vfree(callers->address);
	vfree(callers->number);
	callers->number = NULL;
	return ret;
}
KMEMX_EXPORT_FOR_TEST(kmemx_callers_start);

/**
 * kmemx_callers_stop() - keep them no longer
 * @callers: started
 *
 * What was noted is forgotten.
 *
 * Context: may sleep.
 */
void kmemx_callers_stop(struct kmemx_callers *callers)
{
	unregister_trace_kmemx_page_alloc(note_pages, callers);
	unregister_trace_kmemx_alloc(note_object, callers);
	/* No probe is at work any more. */
	tracepoint_synchronize_unregister();
	vfree(callers->address);
	vfree(callers->number);
	callers->number = NULL;
}
KMEMX_EXPORT_FOR_TEST(kmemx_callers_stop);

/**
 * kmemx_callers_find() - who allocated what begins at an address?
 * @callers: started
 * @addr: of something that is live
 * @call_site: set to who; 0 is one of those beyond the first 4,096
 *
 * Return: false if it was allocated before they were kept.
 */
bool kmemx_callers_find(const struct kmemx_callers *callers, const void *addr,
			unsigned long *call_site)
{
	const u16 *note = note_at(callers, addr);
	u16 number = note ? READ_ONCE(*note) : 0;

	if (!number)
		return false;
	*call_site = number == OTHERS ? 0 : READ_ONCE(callers->address[number - 1]);
	return true;
}
KMEMX_EXPORT_FOR_TEST(kmemx_callers_find);
