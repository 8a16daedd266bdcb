// SPDX-License-Identifier: GPL-2.0
/*
 * kmemx backends: the ladder, and what it says when a rung does not hold.
 *
 * Tries the backends of one constant table in order, checks what each gives
 * frame by frame before anybody relies on it, and leaves nothing taken when it
 * fails. A rung's own reasons come from the rung (kmemx_grant_say()); the
 * lines in the log are written here, so that they all read alike.
 *
 * Locking: none. A grant belongs to its caller.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cc_platform.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <kmemx/compat.h>

#include "backend.h"

/* How often, and how long each time, others are waited for who hold a frame. */
#define HELD_WAITS	50
#define HELD_MS		20

/* From what promises most to what asks least. */
static const struct kmemx_backend *const ladder[] = {
	&kmemx_backend_native,
	&kmemx_backend_dma,
	&kmemx_backend_contig,
	&kmemx_backend_pages,
};

static bool is_auto(const char *want)
{
	return !strcmp(want, "auto");
}

/**
 * kmemx_backend_find() - the first backend of a name
 * @name: a value of the backend parameter, or the interface a backend goes
 *	  through ("dma_alloc_pages"), which tells two of one name apart
 *
 * Context: any.
 * Return: the backend, or NULL if there is none, as for "auto".
 */
const struct kmemx_backend *kmemx_backend_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ladder); i++)
		if (!strcmp(ladder[i]->name, name) || !strcmp(ladder[i]->how, name))
			return ladder[i];

	return NULL;
}
KMEMX_EXPORT_FOR_TEST(kmemx_backend_find);

/**
 * kmemx_backend_known() - whether the backend parameter may have a value
 * @name: the value
 *
 * Context: any.
 * Return: true for "auto" and for the name of every backend, false otherwise.
 */
bool kmemx_backend_known(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ladder); i++)
		if (!strcmp(ladder[i]->name, name))
			return true;

	return is_auto(name);
}
KMEMX_EXPORT_FOR_TEST(kmemx_backend_known);

/**
 * kmemx_grant_say() - record why a backend gives nothing
 * @grant: the grant that fails
 * @fmt: the reason, a semicolon, and what to do about it; no newline
 *
 * The last word counts: a later reason replaces an earlier one.
 *
 * Context: any.
 */
void kmemx_grant_say(struct kmemx_grant *grant, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vscnprintf(grant->why, sizeof(grant->why), fmt, args);
	va_end(args);
}

/**
 * kmemx_grant_block() - record a frame that stood in the way
 * @grant: the grant that may fail
 * @blocker: what was seen; copied
 *
 * A scan meets thousands; the few kept are those that ended the longest runs,
 * because moving one of them is what would have helped.
 *
 * Context: any.
 */
void kmemx_grant_block(struct kmemx_grant *grant, const struct kmemx_blocker *blocker)
{
	unsigned int i = grant->nr_blockers;

	if (i == KMEMX_GRANT_NR_BLOCKERS) {
		if (blocker->run <= grant->blocker[--i].run)
			return;
	} else {
		grant->nr_blockers++;
	}

	for (; i > 0 && grant->blocker[i - 1].run < blocker->run; i--)
		grant->blocker[i] = grant->blocker[i - 1];
	grant->blocker[i] = *blocker;
}

/**
 * kmemx_grant_init_spans() - make room for spans, all of them empty
 * @grant: a grant without spans
 * @nr: how many
 *
 * Called by a backend before it takes memory, so that what it takes can always
 * be written down. kmemx_backend_fini() frees them.
 *
 * Context: process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int kmemx_grant_init_spans(struct kmemx_grant *grant, unsigned int nr)
{
	grant->span = kvcalloc(nr, sizeof(*grant->span), GFP_KERNEL);
	if (!grant->span) {
		kmemx_grant_say(grant, "no memory for a list of %u spans; free some", nr);
		return -ENOMEM;
	}
	grant->nr_spans = nr;

	return 0;
}

static unsigned long node_managed_pages(int nid)
{
	unsigned long nr = 0;
	int z;

	for (z = 0; z < MAX_NR_ZONES; z++)
		nr += zone_managed_pages(&NODE_DATA(nid)->node_zones[z]);

	return nr;
}

/**
 * kmemx_grant_check_room() - refuse what ordinary memory cannot hold
 * @grant: says why, on failure
 * @nr_pages: frames wanted
 * @nid: the node they must be on, or NUMA_NO_NODE
 *
 * Without it, a size that is merely too large would push out every cache and
 * search the whole machine before it failed.
 *
 * Context: process context.
 * Return: 0 or -ENOMEM.
 */
int kmemx_grant_check_room(struct kmemx_grant *grant, unsigned long nr_pages, int nid)
{
	long available = si_mem_available();

	if (nid != NUMA_NO_NODE && nr_pages > node_managed_pages(nid)) {
		kmemx_grant_say(grant, "node %d has only %lu MiB; load with a smaller size= or another nid=",
				nid, kmemx_mib(node_managed_pages(nid)));
		return -ENOMEM;
	}
	if (available < 0 || nr_pages > available) {
		kmemx_grant_say(grant, "only %lu MiB are available; load with a smaller size=, or free memory",
				kmemx_mib(max(available, 0L)));
		return -ENOMEM;
	}

	return 0;
}

/* All CMA areas of the machine, whoever they are meant for. */
static unsigned long cma_pages(void)
{
	unsigned long nr = 0;
	int nid, z;

	for_each_online_node(nid)
		for (z = 0; z < MAX_NR_ZONES; z++)
			nr += zone_cma_pages(&NODE_DATA(nid)->node_zones[z]);

	return nr;
}

/*
 * Whether the DMA API would hand out memory that is shared with the host. On
 * arm64 the attribute means a realm, on x86 also a host that encrypts, which
 * does not matter: a device that reaches all memory gets it encrypted there.
 */
static bool guest_is_encrypted(void)
{
	return cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT) ||
	       (IS_ENABLED(CONFIG_ARM64) && cc_platform_has(CC_ATTR_MEM_ENCRYPT));
}

/**
 * kmemx_grant_check_cma() - refuse what no CMA area of this machine can hold
 * @grant: says why, on failure
 * @nr_pages: frames wanted
 *
 * Context: process context.
 * Return: 0, -EOPNOTSUPP if there is no area or it must not be used, -ENOMEM
 *	   if all areas together are too small.
 */
int kmemx_grant_check_cma(struct kmemx_grant *grant, unsigned long nr_pages)
{
	unsigned long nr_cma = cma_pages();

	if (guest_is_encrypted()) {
		kmemx_grant_say(grant, "guest memory is encrypted here, and memory for DMA may be shared with the host; use backend=contig");
		return -EOPNOTSUPP;
	}
	if (!nr_cma) {
		kmemx_grant_say(grant, "this machine has no CMA area; boot with cma=%luM",
				kmemx_cma_advice(nr_pages));
		return -EOPNOTSUPP;
	}
	if (nr_pages > nr_cma) {
		kmemx_grant_say(grant, "%lu MiB wanted, but the CMA areas hold %lu MiB in all; load with a smaller size= or boot with cma=%luM",
				kmemx_mib(nr_pages), kmemx_mib(nr_cma),
				kmemx_cma_advice(nr_pages));
		return -ENOMEM;
	}

	return 0;
}

/*
 * References to a frame, when others have had the time to let go of it. Who finds it by what it
 * was used for before, or by a page table, has one for a moment; all frames of a grant together
 * are waited for about a second, once when it is made and once when it is given back.
 */
static int count_settled(struct kmemx_grant *grant, struct page *page)
{
	for (; page_count(page) != 1 && grant->nr_waits < HELD_WAITS; grant->nr_waits++)
		msleep(HELD_MS);
	return page_count(page);
}

/* What a caller may take for granted of every frame it gets. */
static int check_span(struct kmemx_grant *grant, const struct kmemx_span *span, int nid)
{
	unsigned long pfn, end = span->pfn + span->nr_pages;

	for (pfn = span->pfn; pfn < end; pfn++) {
		struct page *page = pfn_to_online_page(pfn);

		if (!page || PageCompound(page) || !virt_addr_valid(page_address(page)) ||
		    count_settled(grant, page) != 1) {
			kmemx_grant_say(grant, "pfn 0x%lx is not a page of its own with one reference; load again, and if it stays so please report this kernel",
					pfn);
			return -EIO;
		}
		if (nid != NUMA_NO_NODE && page_to_nid(page) != nid) {
			kmemx_grant_say(grant, "the memory came from node %d, not %d; load with nid=%d, or boot with numa_cma=%d:%luM",
					page_to_nid(page), nid, page_to_nid(page), nid,
					kmemx_cma_advice(span->nr_pages));
			return -ENOMEM;
		}
		if (IS_ALIGNED(pfn, KMEMX_BACKEND_CHUNK))
			cond_resched();
	}

	return 0;
}

static int check_grant(struct kmemx_grant *grant, unsigned long nr_pages, int nid)
{
	unsigned long sum = 0;
	unsigned int i;
	int ret;

	for (i = 0; i < grant->nr_spans; i++) {
		ret = check_span(grant, &grant->span[i], nid);
		if (ret)
			return ret;
		sum += grant->span[i].nr_pages;
	}
	if (sum != nr_pages) {
		kmemx_grant_say(grant, "%lu pages wanted, %lu given; please report this kernel",
				nr_pages, sum);
		return -EIO;
	}

	return 0;
}

/**
 * kmemx_backend_try() - ask one backend, and nobody else
 * @grant: to be filled in; what it held before is overwritten
 * @backend: whom to ask
 * @nr_pages: frames wanted, a multiple of KMEMX_BACKEND_CHUNK
 * @nid: the node they must be on, or NUMA_NO_NODE
 *
 * After a failure @grant says why, and nothing is held but spans with a frame that others hold,
 * see kmemx_backend_release(). Nothing else is logged.
 *
 * Context: process context, may sleep for seconds.
 * Return: 0, -EINTR, or the reason as struct kmemx_backend has it; -EIO if the
 *	   memory was not what the kernel promises.
 */
int kmemx_backend_try(struct kmemx_grant *grant, const struct kmemx_backend *backend,
		      unsigned long nr_pages, int nid)
{
	unsigned int i;
	int ret;

	memset(grant, 0, sizeof(*grant));
	grant->backend = backend;
	ret = backend->reserve(grant, nr_pages, nid);
	if (!ret)
		ret = check_grant(grant, nr_pages, nid);
	grant->nr_waits = 0;
	if (!ret)
		return 0;

	for (i = 0; i < grant->nr_spans; i++)
		kmemx_backend_release(grant, i);
	kmemx_backend_fini(grant);

	return ret;
}
KMEMX_EXPORT_FOR_TEST(kmemx_backend_try);

static void log_rung(const struct kmemx_grant *grant, const struct kmemx_backend *backend,
		     int err)
{
	unsigned int i;

	pr_notice("backend=%s by %s(): %pe: %s\n", backend->name, backend->how,
		  ERR_PTR(err), grant->why);

	for (i = 0; i < grant->nr_blockers; i++) {
		const struct kmemx_blocker *b = &grant->blocker[i];

		pr_notice("  blocked at pfn 0x%lx, below %lu MiB that could move: %s, flags %pGp, refcount %d, mapcount %d\n",
			  b->pfn, kmemx_mib(b->run), b->what, &b->flags,
			  b->refcount, b->mapcount);
	}
}

/* Go down the rungs that @want selects until one holds. */
static int climb_down(struct kmemx_grant *grant, const char *want, unsigned long nr_pages,
		      int nid)
{
	unsigned int i, nr_tried = 0;
	int ret, verdict = -EOPNOTSUPP;

	for (i = 0; i < ARRAY_SIZE(ladder); i++) {
		if (!is_auto(want) && strcmp(want, ladder[i]->name))
			continue;

		ret = kmemx_backend_try(grant, ladder[i], nr_pages, nid);
		grant->nr_tried = ++nr_tried;
		if (!ret)
			return 0;

		log_rung(grant, ladder[i], ret);
		if (ret == -EINTR)
			return ret;
		/* "Not here" tells less than any reason of a rung that exists. */
		if (ret != -EOPNOTSUPP)
			verdict = ret;
	}

	return verdict;
}

/**
 * kmemx_backend_reserve() - get memory from the best backend that has it
 * @grant: to be filled in; what it held before is overwritten
 * @want: "auto" for the whole ladder, or the name of a backend
 * @nr_pages: frames wanted, a multiple of KMEMX_BACKEND_CHUNK
 * @nid: the node they must be on, or NUMA_NO_NODE
 *
 * Logs a line for each rung that failed, with the reason, the frames in its way
 * and the remedy, and one that sums up if none held. After a failure
 * kmemx_backend_fini() need not be called, and nothing is held but what
 * kmemx_backend_try() says.
 *
 * Context: process context, may sleep for seconds.
 * Return: 0, -EINVAL for arguments that make no sense, -EINTR for a fatal
 *	   signal, -EOPNOTSUPP if no rung exists here, otherwise the error of
 *	   the last rung that does exist, as -ENOMEM or -EBUSY.
 */
int kmemx_backend_reserve(struct kmemx_grant *grant, const char *want,
			  unsigned long nr_pages, int nid)
{
	unsigned long nr_total = totalram_pages();
	int ret;

	memset(grant, 0, sizeof(*grant));
	if (!kmemx_backend_known(want)) {
		pr_err("backend=%s: unknown; use " KMEMX_BACKEND_NAMES "\n", want);
		return -EINVAL;
	}
	if (!nr_pages || !IS_ALIGNED(nr_pages, KMEMX_BACKEND_CHUNK))
		return -EINVAL;
	if (nid != NUMA_NO_NODE && (nid < 0 || nid >= MAX_NUMNODES || !node_online(nid)))
		return -EINVAL;
	if (nr_pages > nr_total) {
		kmemx_grant_say(grant, "the machine has %lu MiB; load with a smaller size=",
				kmemx_mib(nr_total));
		pr_err("size=%luM: %s\n", kmemx_mib(nr_pages), grant->why);
		return -ENOMEM;
	}

	ret = climb_down(grant, want, nr_pages, nid);
	if (ret)
		pr_err("backend=%s: no region of size=%luM, nid=%d: %pe; the lines above say what was tried, why it failed and what to do\n",
		       want, kmemx_mib(nr_pages), nid, ERR_PTR(ret));

	return ret;
}
KMEMX_EXPORT_FOR_TEST(kmemx_backend_reserve);

/**
 * kmemx_backend_release() - give one span back to where it came from
 * @grant: a grant that holds it
 * @i: index of the span; an empty span is left alone
 *
 * A frame that somebody else still refers to would reach the page allocator
 * while in use, so it is waited for, about a second for all of @grant, and then a
 * span that has one stays as it is, for good if need be.
 *
 * Context: process context, may sleep.
 * Return: 0, and the span is empty; or -EBUSY, and nothing happened.
 */
int kmemx_backend_release(struct kmemx_grant *grant, unsigned int i)
{
	struct kmemx_span *span = &grant->span[i];
	unsigned long pfn;

	for (pfn = span->pfn; pfn < span->pfn + span->nr_pages; pfn++) {
		int count = count_settled(grant, pfn_to_page(pfn));

		if (count != 1) {
			pr_warn("pfn 0x%lx has refcount %d, not 1: keeping the %lu MiB it is part of\n",
				pfn, count, kmemx_mib(span->nr_pages));
			return -EBUSY;
		}
		if (IS_ALIGNED(pfn, KMEMX_BACKEND_CHUNK))
			cond_resched();
	}

	if (span->nr_pages)
		grant->backend->release(grant, i);
	span->nr_pages = 0;

	return 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_backend_release);

/* Each zone that got memory back, once; spans are in the order of their zones. */
static void settle_zones(const struct kmemx_grant *grant)
{
	const struct zone *last = NULL;
	unsigned int i;

	for (i = 0; i < grant->nr_spans; i++) {
		unsigned long pfn = grant->span[i].pfn;

		/* No backend gives frame 0: the slot was never filled. */
		if (!pfn || page_zone(pfn_to_page(pfn)) == last)
			continue;
		last = page_zone(pfn_to_page(pfn));
		kmemx_backend_settle(pfn);
	}
}

/**
 * kmemx_backend_fini() - forget a grant
 * @grant: the grant; zeroed ones and those already forgotten are fine
 *
 * Spans that were not given back stay taken until the next boot. The reason of
 * a failure stays readable.
 *
 * Context: process context, may sleep.
 */
void kmemx_backend_fini(struct kmemx_grant *grant)
{
	settle_zones(grant);
	if (grant->backend && grant->backend->fini)
		grant->backend->fini(grant);
	kvfree(grant->span);

	grant->backend = NULL;
	grant->span = NULL;
	grant->nr_spans = 0;
	grant->priv = NULL;
}
KMEMX_EXPORT_FOR_TEST(kmemx_backend_fini);
