// SPDX-License-Identifier: GPL-2.0
/*
 * mode=memory: bytes that are held for 10,000 live objects of a size, and for the 1,000 that are
 * left when the others have been freed, which are drawn at random, and the cache was shrunk.
 *
 * Both are seen from outside. SLUB: the slabs in which the objects lie. kmemx: the
 * frames that cannot be had while the objects are alive, which has everything in
 * it that the region gives for them.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <kmemx/kmemx.h>

#include "bench.h"
#include "order.h"
#include "values.h"

#define NR_OBJECTS	10000U
#define NR_LEFT		1000U
#define SIZE_FIRST	8
#define SIZE_LAST	8192
#define TOP_ORDER	9

/**
 * struct objects - what is alive
 * @obj: the objects
 * @shuffled: the same, on the way into another order
 * @at: 0..NR_OBJECTS - 1 in random order
 * @random: where that comes from
 */
struct objects {
	void *obj[NR_OBJECTS];
	void *shuffled[NR_OBJECTS];
	u32 at[NR_OBJECTS];
	u64 random;
};

/* Bytes that are held for all, and for those that are left; 0 if an allocation failed. */
struct held {
	u64 all;
	u64 left;
};

/* So the last ones are any. */
static void shuffle(struct objects *objs)
{
	unsigned int i;

	order_shuffle(objs->at, NR_OBJECTS, &objs->random);
	for (i = 0; i < NR_OBJECTS; i++)
		objs->shuffled[i] = objs->obj[objs->at[i]];
	memcpy(objs->obj, objs->shuffled, sizeof(objs->obj));
}

/* ---- SLUB ------------------------------------------------------------- */

static_assert(sizeof(void *) == sizeof(u64));

/* Bytes of the folios that the objects are in, each counted once. */
static u64 folio_bytes(void **objs, unsigned int nr)
{
	struct folio *folio, *last = NULL;
	unsigned int i;
	u64 bytes = 0;

	values_sort((u64 *)objs, nr);
	for (i = 0; i < nr; i++) {
		folio = virt_to_folio(objs[i]);
		if (folio != last)
			bytes += folio_size(folio);
		last = folio;
	}
	return bytes;
}

static struct held slub_held(struct kmem_cache *cache, struct objects *objs)
{
	struct held held = { };
	unsigned int n = 0;

	while (n < NR_OBJECTS && (objs->obj[n] = kmem_cache_alloc(cache, GFP_KERNEL)))
		n++;
	if (n == NR_OBJECTS) {
		held.all = folio_bytes(objs->obj, n);
		shuffle(objs);
		while (n > NR_LEFT)
			kmem_cache_free(cache, objs->obj[--n]);
		kmem_cache_shrink(cache);
		held.left = folio_bytes(objs->obj, n);
	}
	while (n)
		kmem_cache_free(cache, objs->obj[--n]);
	return held;
}

static struct held measure_slub(unsigned int size, struct objects *objs)
{
	struct kmem_cache *cache = kmem_cache_create("kmemx_bench_memory", size, 0, 0, NULL);
	struct held held = { };

	if (cache)
		held = slub_held(cache, objs);
	kmem_cache_destroy(cache);
	return held;
}

/* ---- kmemx ------------------------------------------------------------ */

/* Frames that can be had, largest blocks first; then they are given back. */
static unsigned long kmemx_frames(void)
{
	struct page *page, *first[TOP_ORDER + 1] = { };
	unsigned long nr = 0;
	int order;

	for (order = TOP_ORDER; order >= 0; order--)
		while ((page = kmemx_alloc_pages(BENCH_GFP_TRY, order))) {
			*(struct page **)page_address(page) = first[order];
			first[order] = page;
			nr += 1UL << order;
		}
	for (order = 0; order <= TOP_ORDER; order++)
		while ((page = first[order])) {
			first[order] = *(struct page **)page_address(page);
			kmemx_free_pages(page, order);
		}
	return nr;
}

static struct held kmemx_held(struct kmemx_cache *cache, struct objects *objs)
{
	unsigned long before = kmemx_frames();
	struct held held = { };
	unsigned int n = 0;

	while (n < NR_OBJECTS && (objs->obj[n] = kmemx_cache_alloc(cache, GFP_KERNEL)))
		n++;
	if (n == NR_OBJECTS) {
		held.all = (u64)(before - kmemx_frames()) << PAGE_SHIFT;
		shuffle(objs);
		while (n > NR_LEFT)
			kmemx_cache_free(cache, objs->obj[--n]);
		kmemx_cache_shrink(cache);
		held.left = (u64)(before - kmemx_frames()) << PAGE_SHIFT;
	}
	while (n)
		kmemx_cache_free(cache, objs->obj[--n]);
	return held;
}

static struct held measure_kmemx(unsigned int size, struct objects *objs)
{
	struct kmemx_cache *cache = kmemx_cache_create("kmemx_bench_memory", size, NULL, 0);
	struct held held = { };

	if (!cache)
		return held;
	held = kmemx_held(cache, objs);
	kmemx_cache_destroy(cache);
	return held;
}

/* ---- Sizes ------------------------------------------------------------ */

static void rows(const char *allocator, unsigned int size, struct held held)
{
	char workload[16];

	snprintf(workload, sizeof(workload), "size%u", size);
	if (held.all) {
		bench_row(allocator, workload, "held_bytes", held.all * 10, "bytes");
		bench_row(allocator, workload, "left_held_bytes", held.left * 10, "bytes");
	} else {
		bench_no_row(allocator, workload, "held_bytes", "an allocation failed");
		bench_no_row(allocator, workload, "left_held_bytes", "an allocation failed");
	}
	bench_row(allocator, workload, "requested_bytes", (u64)size * NR_OBJECTS * 10, "bytes");
	bench_row(allocator, workload, "left_bytes", (u64)size * NR_LEFT * 10, "bytes");
}

/* Powers of two and the quarters between them, in whole words. */
static unsigned int next_size(unsigned int size)
{
	return size + max(rounddown_pow_of_two(size) / 4, sizeof(u64));
}

/**
 * bench_memory() - mode=memory
 *
 * Return: 0 or an error.
 */
int bench_memory(void)
{
	struct objects *objs = vzalloc(sizeof(*objs));
	unsigned int size;

	if (!objs)
		return -ENOMEM;
	objs->random = ORDER_SEED;
	for (size = SIZE_FIRST; size <= SIZE_LAST; size = next_size(size)) {
		pr_info("size %u\n", size);
		if (bench_wanted("slub"))
			rows("slub", size, measure_slub(size, objs));
		if (bench_wanted("kmemx"))
			rows("kmemx", size, measure_kmemx(size, objs));
		cond_resched();
	}
	vfree(objs);
	return 0;
}
