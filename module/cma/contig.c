// SPDX-License-Identifier: GPL-2.0
/*
 * kmemx backend "contig": one span anywhere in ordinary memory, made by moving
 * away what is in it.
 *
 * Looks for a run of chunks that hold only free and movable frames, from the
 * top of the highest zone downwards, and asks alloc_contig_range() for it. What
 * the look cannot see (a page pinned by its user, a write under way) makes the
 * kernel refuse the run; the search goes on below the frame that it blames.
 *
 * Reads struct pages without any lock: a page may change under the look, which
 * costs a wrong guess. Only alloc_contig_range() decides.
 *
 * Not searched: ZONE_MOVABLE, which must stay movable for memory hot-unplug,
 * and pageblocks of CMA areas, which the kernel refuses by itself.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/align.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/memory_hotplug.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/topology.h>

#include <kmemx/compat.h>

#include "backend.h"

#ifdef CONFIG_CONTIG_ALLOC

/**
 * struct scan - the search of one zone
 * @grant: where blockers are recorded
 * @zone: the zone
 * @nr_pages: frames wanted
 * @run: frames from the present chunk upwards that look free or movable
 * @longest: the longest run met so far, in all zones
 * @nr_zones: zones that were large enough to search
 * @nr_windows: how often the kernel was asked, in all zones
 * @nr_passing: blockers that will have gone the next time, in all zones
 */
struct scan {
	struct kmemx_grant *grant;
	struct zone *zone;
	unsigned long nr_pages;
	unsigned long run;
	unsigned long longest;
	unsigned int nr_zones;
	unsigned int nr_windows;
	unsigned int nr_passing;
};

/* User pages wait on per-CPU lists before they get onto an LRU list and can move. */
static const char passing[] = "page on its way to an LRU list";

static const char *kind_of(struct page *page)
{
	if (PageReserved(page))
		return "reserved";
	if (PageHWPoison(page))
		return "bad memory";
	if (PageSlab(page))
		return "slab";
	if (PageTable(page))
		return "page table";
	if (PageHuge(page))
		return "huge page";
	if (READ_ONCE(page_folio(page)->mapping))
		return passing;

	return "kernel memory";
}

/* Frames from @page to the end of the block of @order that holds it. */
static unsigned long to_block_end(struct page *page, unsigned int order)
{
	unsigned long nr = 1UL << order;

	return nr - (page_to_pfn(page) & (nr - 1));
}

/*
 * Why @page cannot be moved, or NULL if it probably can; then *@step frames
 * need no look of their own. What the kernel's own look (page_is_unmovable())
 * refuses is refused here; and huge pages, which an administrator set aside.
 */
static const char *obstacle(struct page *page, unsigned long *step)
{
	unsigned int order;

	if (PageBuddy(page)) {
		/* Read without zone->lock: it may be anything by now. */
		order = min_t(unsigned long, page_private(page), MAX_PAGE_ORDER);
		*step = to_block_end(page, order);
		return NULL;
	}
	if (PageReserved(page) || PageHWPoison(page) || PageSlab(page) ||
	    PageTable(page) || PageHuge(page))
		return kind_of(page);

	if (PageCompound(page)) {
		struct page *head = compound_head(page);

		if (!PageLRU(head) && !kmemx_page_has_movable_ops(head))
			return kind_of(head);
		order = min_t(unsigned int, compound_order(head), MAX_PAGE_ORDER);
		*step = to_block_end(page, order);
		return NULL;
	}
	/* On its way from or to a free list. */
	if (!page_ref_count(page))
		return NULL;

	return PageLRU(page) || kmemx_page_has_movable_ops(page) ? NULL : kind_of(page);
}

/*
 * Whether somebody holds references that migration cannot account for. Mapped
 * large folios are judged by their pins only: not every kernel has their
 * mapcount to compare with.
 */
static bool is_pinned(struct page *page)
{
	struct folio *folio = page_folio(page);
	int expected;

	if (!folio_test_lru(folio))
		return false;
	if (folio_test_large(folio))
		return folio_maybe_dma_pinned(folio);

	expected = kmemx_page_mapcount(page) + folio_test_private(folio);
	if (folio_test_anon(folio))
		expected += folio_test_swapcache(folio);
	else
		expected += !!READ_ONCE(folio->mapping);

	return folio_ref_count(folio) > expected;
}

/*
 * Whether every frame of the chunk at @pfn can probably be moved; if not, @found
 * is the first that cannot, or has no @what if the zone itself ends there. With
 * @pins, frames that could move but for somebody who holds on to them count too:
 * common and short-lived, so worth a look only where the kernel has refused.
 */
static bool can_move_chunk(struct zone *zone, unsigned long pfn, bool pins,
			   struct kmemx_blocker *found)
{
	unsigned long step, end = pfn + KMEMX_BACKEND_CHUNK;

	memset(found, 0, sizeof(*found));
	for (; pfn < end; pfn += step) {
		struct page *page = pfn_to_online_page(pfn);

		if (!page || page_zone(page) != zone)
			return false;

		step = 1;
		found->what = obstacle(page, &step);
		if (!found->what && pins && is_pinned(page))
			found->what = "held by a driver, I/O or a pin";
		if (found->what) {
			found->pfn = pfn;
			found->flags = kmemx_page_flags(page);
			found->refcount = page_ref_count(page);
			found->mapcount = kmemx_page_mapcount(page);
			return false;
		}
	}

	return true;
}

static void blame(struct scan *scan, struct kmemx_blocker *found, unsigned long run)
{
	if (!found->what)
		return;
	if (found->what == passing)
		scan->nr_passing++;
	found->run = run;
	kmemx_grant_block(scan->grant, found);
}

/*
 * Empty the per-CPU lists of free pages and of pages that wait for an LRU list.
 * Nothing that does it is exported, but taking a range does, even of one page.
 */
static void settle_zone(struct zone *zone)
{
	unsigned long start = ALIGN(zone->zone_start_pfn, KMEMX_BACKEND_CHUNK);
	unsigned long pfn = ALIGN_DOWN(zone_end_pfn(zone), KMEMX_BACKEND_CHUNK);
	struct kmemx_blocker found;

	while (pfn > start && !fatal_signal_pending(current)) {
		cond_resched();
		pfn -= KMEMX_BACKEND_CHUNK;
		if (!can_move_chunk(zone, pfn, false, &found) ||
		    kmemx_alloc_contig_range(pfn, pfn + 1, GFP_KERNEL | __GFP_NOWARN))
			continue;
		free_contig_range(pfn, 1);
		return;
	}
}

/**
 * kmemx_backend_settle() - make freed frames count as free
 * @pfn: a frame of the zone that they went back to
 *
 * Freed frames may stay on per-CPU lists for good, tens of MiB of them, missing
 * from MemFree and CmaFree and out of reach for other CPUs. A backend gives
 * back much at once, so it is worth telling the kernel to sort them in.
 *
 * Context: process context, may sleep.
 */
void kmemx_backend_settle(unsigned long pfn)
{
	settle_zone(page_zone(pfn_to_page(pfn)));
}

/*
 * After the kernel refused the window that starts at @pfn: how much of it may
 * be part of the next one. Everything below the lowest frame to blame; if none
 * is to be seen, whatever it was may be anywhere, and an eighth is given up.
 */
static unsigned long keep_of_window(struct scan *scan, unsigned long pfn)
{
	unsigned long chunk, end = pfn + scan->nr_pages;
	struct kmemx_blocker found;

	for (chunk = pfn; chunk < end; chunk += KMEMX_BACKEND_CHUNK) {
		if (!can_move_chunk(scan->zone, chunk, true, &found)) {
			blame(scan, &found, end - chunk - KMEMX_BACKEND_CHUNK);
			return chunk - pfn;
		}
		cond_resched();
	}

	return scan->nr_pages - ALIGN(scan->nr_pages / 8, KMEMX_BACKEND_CHUNK);
}

static int scan_zone(struct scan *scan)
{
	struct zone *zone = scan->zone;
	unsigned long start = ALIGN(zone->zone_start_pfn, KMEMX_BACKEND_CHUNK);
	unsigned long pfn = ALIGN_DOWN(zone_end_pfn(zone), KMEMX_BACKEND_CHUNK);
	struct kmemx_blocker found;
	int ret;

	settle_zone(zone);
	scan->run = 0;
	while (pfn > start) {
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();

		pfn -= KMEMX_BACKEND_CHUNK;
		if (!can_move_chunk(zone, pfn, false, &found)) {
			blame(scan, &found, scan->run);
			scan->run = 0;
			continue;
		}
		scan->run += KMEMX_BACKEND_CHUNK;
		scan->longest = max(scan->longest, scan->run);
		if (scan->run < scan->nr_pages)
			continue;

		scan->nr_windows++;
		ret = kmemx_alloc_contig_range(pfn, pfn + scan->nr_pages,
					       GFP_KERNEL | __GFP_NOWARN);
		if (!ret) {
			scan->grant->span[0].pfn = pfn;
			scan->grant->span[0].nr_pages = scan->nr_pages;
			return 0;
		}
		/* -ENOMEM: no room to move things to, here or anywhere. */
		if (ret != -EBUSY)
			return ret;
		scan->run = keep_of_window(scan, pfn);
	}

	return -EBUSY;
}

/* Zones from ZONE_NORMAL down: what only some devices can reach is taken last. */
static int scan_node(struct scan *scan, int nid)
{
	int z, ret;

	for (z = ZONE_NORMAL; z >= 0; z--) {
		scan->zone = &NODE_DATA(nid)->node_zones[z];
		if (zone_managed_pages(scan->zone) < scan->nr_pages)
			continue;
		scan->nr_zones++;
		ret = scan_zone(scan);
		if (ret != -EBUSY)
			return ret;
	}

	return -EBUSY;
}

/* One node if there is no choice, else the caller's own first. */
static int scan_nodes(struct scan *scan, int nid)
{
	int home = nid == NUMA_NO_NODE ? numa_mem_id() : nid;
	int other, ret;

	ret = scan_node(scan, home);
	if (ret != -EBUSY || nid != NUMA_NO_NODE)
		return ret;

	for_each_online_node(other) {
		if (other == home)
			continue;
		ret = scan_node(scan, other);
		if (ret != -EBUSY)
			return ret;
	}

	return -EBUSY;
}

static void say_why(struct scan *scan, int err)
{
	if (err == -EINTR)
		kmemx_grant_say(scan->grant, "killed while it searched; load again");
	else if (err == -ENOMEM)
		kmemx_grant_say(scan->grant, "no memory to move things to; load with a smaller size=, or free memory");
	else if (err == -EBUSY && !scan->nr_zones)
		kmemx_grant_say(scan->grant, "no zone is as large as %lu MiB; load with a smaller size=, or try backend=pages",
				kmemx_mib(scan->nr_pages));
	else if (err == -EBUSY)
		kmemx_grant_say(scan->grant, "no run of %lu MiB can be freed (longest candidate %lu MiB, %u windows tried); load with a smaller size= or sooner after boot, or boot with cma=%luM",
				kmemx_mib(scan->nr_pages), kmemx_mib(scan->longest),
				scan->nr_windows, kmemx_cma_advice(scan->nr_pages));
	else
		kmemx_grant_say(scan->grant, "alloc_contig_range() failed; please report this kernel");
}

static int contig_reserve(struct kmemx_grant *grant, unsigned long nr_pages, int nid)
{
	struct scan scan = { .grant = grant, .nr_pages = nr_pages };
	int ret;

	ret = kmemx_grant_check_room(grant, nr_pages, nid);
	if (ret)
		return ret;
	ret = kmemx_grant_init_spans(grant, 1);
	if (ret)
		return ret;

	ret = scan_nodes(&scan, nid);
	if (ret == -EBUSY && scan.nr_passing) {
		grant->nr_blockers = 0;
		ret = scan_nodes(&scan, nid);
	}
	if (ret)
		say_why(&scan, ret);

	return ret;
}

/* In blocks of the largest order: a large span takes long, and the kernel does not yield. */
static void contig_release(struct kmemx_grant *grant, unsigned int i)
{
	const struct kmemx_span *span = &grant->span[i];
	unsigned long end = span->pfn + span->nr_pages;
	unsigned long pfn, next;

	for (pfn = span->pfn; pfn < end; pfn = next) {
		next = min(end, ALIGN(pfn + 1, 1UL << MAX_PAGE_ORDER));
		free_contig_range(pfn, next - pfn);
		cond_resched();
	}
}

#else /* !CONFIG_CONTIG_ALLOC */

void kmemx_backend_settle(unsigned long pfn)
{
}

static int contig_reserve(struct kmemx_grant *grant, unsigned long nr_pages, int nid)
{
	kmemx_grant_say(grant, "this kernel has no CONFIG_CONTIG_ALLOC; use backend=pages, or a kernel that has it");
	return -EOPNOTSUPP;
}

static void contig_release(struct kmemx_grant *grant, unsigned int i)
{
}

#endif /* CONFIG_CONTIG_ALLOC */

const struct kmemx_backend kmemx_backend_contig = {
	.name = "contig",
	.how = "alloc_contig_range",
	.reserve = contig_reserve,
	.release = contig_release,
};
KMEMX_EXPORT_FOR_TEST(kmemx_backend_contig);
