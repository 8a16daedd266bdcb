/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a region comes from: one table of backends, tried from the best to the
 * most modest, and a grant that remembers what one of them gave.
 *
 * Nothing here knows what the memory is for. All calls may sleep; calls on one
 * grant are serialised by its owner, and different grants share nothing.
 */
#ifndef KMEMX_CMA_BACKEND_H
#define KMEMX_CMA_BACKEND_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/types.h>

/* Frames of a chunk: sizes come in steps of it and, where we choose, bases too. */
#define KMEMX_BACKEND_CHUNK_ORDER	9
#define KMEMX_BACKEND_CHUNK		BIT(KMEMX_BACKEND_CHUNK_ORDER)

/* What backend= takes, as a sentence has it. */
#define KMEMX_BACKEND_NAMES		"auto, cma, contig or pages"

#define KMEMX_GRANT_WHY_LEN		192
#define KMEMX_GRANT_NR_BLOCKERS		4

struct kmemx_backend;

/**
 * struct kmemx_span - a physically contiguous run of page frames
 * @pfn: the first frame
 * @nr_pages: how many; 0 once the span has been given back
 *
 * A span never crosses a node or a zone.
 */
struct kmemx_span {
	unsigned long pfn;
	unsigned long nr_pages;
};

/**
 * struct kmemx_blocker - a frame that stood in the way, as it was when seen
 * @pfn: the frame
 * @flags: its struct page flags, for %pGp
 * @refcount: references to it
 * @mapcount: how many page tables map it
 * @run: frames that were free or movable just above it; the larger, the more it cost
 * @what: the kind of frame, in a word
 */
struct kmemx_blocker {
	unsigned long pfn;
	unsigned long flags;
	int refcount;
	int mapcount;
	unsigned long run;
	const char *what;
};

/**
 * struct kmemx_grant - what a backend gave, or why it gave nothing
 * @backend: who gave it, and takes it back; NULL if nobody did
 * @span: the runs, in ascending order of pfn
 * @nr_spans: how many, empty ones included
 * @priv: the backend's own
 * @nr_waits: how often others were waited for, who held a frame
 * @nr_tried: rungs tried by kmemx_backend_reserve(), the successful one included
 * @why: after a failure: the reason and the remedy, in words
 * @blocker: after a failure: the frames that cost most, worst first
 * @nr_blockers: how many of @blocker are valid
 */
struct kmemx_grant {
	const struct kmemx_backend *backend;
	struct kmemx_span *span;
	unsigned int nr_spans;
	void *priv;
	unsigned int nr_waits;

	unsigned int nr_tried;
	char why[KMEMX_GRANT_WHY_LEN];
	struct kmemx_blocker blocker[KMEMX_GRANT_NR_BLOCKERS];
	unsigned int nr_blockers;
};

/**
 * struct kmemx_backend - a source of physically contiguous memory
 * @name: the value of the backend parameter that selects it; two may share one,
 *	  and are then tried in the table's order
 * @how: the kernel interface it goes through; unique
 * @reserve: fill in spans of exactly @nr_pages frames in all, a multiple of
 *	     KMEMX_BACKEND_CHUNK, all on one node, @nid where that is not
 *	     NUMA_NO_NODE.
 *	     Each frame is an order-0 page in the linear map with one reference.
 *	     May sleep. Returns 0, -ENOMEM, -EBUSY (other frames are in the way),
 *	     -EINTR (a fatal signal), or -EOPNOTSUPP if this kernel, or the way
 *	     it was booted, cannot offer the backend at all; and on failure says
 *	     why with kmemx_grant_say(). It may fail half-way: the caller gives
 *	     back the spans that are not empty, then calls @fini.
 * @release: give back span @i, whole; each frame has exactly one reference.
 *	     May sleep, cannot fail.
 * @fini: free what @priv holds. May be NULL. Called once, whatever happened.
 *
 * The calls bracket the life of a region, so a backend needs no locking.
 */
struct kmemx_backend {
	const char *name;
	const char *how;
	int (*reserve)(struct kmemx_grant *grant, unsigned long nr_pages, int nid);
	void (*release)(struct kmemx_grant *grant, unsigned int i);
	void (*fini)(struct kmemx_grant *grant);
};

/* Frames in the unit that people type: MiB, rounded down. */
static inline unsigned long kmemx_mib(unsigned long nr_pages)
{
	return nr_pages >> (20 - PAGE_SHIFT);
}

/* The cma= to boot with, in MiB, for a region of @nr_pages and a quarter for others. */
static inline unsigned long kmemx_cma_advice(unsigned long nr_pages)
{
	return max(256UL, round_up(kmemx_mib(nr_pages + nr_pages / 4), 64UL));
}

/* For the owner of a region. */
int kmemx_backend_reserve(struct kmemx_grant *grant, const char *want,
			  unsigned long nr_pages, int nid);
int kmemx_backend_release(struct kmemx_grant *grant, unsigned int i);
void kmemx_backend_fini(struct kmemx_grant *grant);
bool kmemx_backend_known(const char *name);

/* One rung alone, for the ladder and for tests. */
const struct kmemx_backend *kmemx_backend_find(const char *name);
int kmemx_backend_try(struct kmemx_grant *grant, const struct kmemx_backend *backend,
		      unsigned long nr_pages, int nid);

/* For the ladder and the backends. */
extern const struct kmemx_backend kmemx_backend_native;
extern const struct kmemx_backend kmemx_backend_dma;
extern const struct kmemx_backend kmemx_backend_contig;
extern const struct kmemx_backend kmemx_backend_pages;

int kmemx_grant_init_spans(struct kmemx_grant *grant, unsigned int nr);
void kmemx_grant_block(struct kmemx_grant *grant, const struct kmemx_blocker *blocker);
int kmemx_grant_check_room(struct kmemx_grant *grant, unsigned long nr_pages, int nid);
int kmemx_grant_check_cma(struct kmemx_grant *grant, unsigned long nr_pages);
void kmemx_backend_settle(unsigned long pfn);
__printf(2, 3) void kmemx_grant_say(struct kmemx_grant *grant, const char *fmt, ...);

#endif /* KMEMX_CMA_BACKEND_H */
