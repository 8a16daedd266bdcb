// SPDX-License-Identifier: GPL-2.0
/*
 * mode=memory: bytes that are held for 10,000 live objects of a size.
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
#include <linux/vmalloc.h>
#include <kmemx/kmemx.h>

#include "bench.h"
#include "values.h"

#define NR_OBJECTS	10000UL
#define SIZE_FIRST	8
#define SIZE_LAST	8192
#define TOP_ORDER	9

/* ---- SLUB ------------------------------------------------------------- */

static_assert(sizeof(void *) == sizeof(u64));

/* Bytes of the folios that the objects are in, each counted once. */
static u64 folio_bytes(void **objs)
{
	struct folio *folio, *last = NULL;
	unsigned long i;
	u64 bytes = 0;

	values_sort((u64 *)objs, NR_OBJECTS);
	for (i = 0; i < NR_OBJECTS; i++) {
		folio = virt_to_folio(objs[i]);
		if (folio != last)
			bytes += folio_size(folio);
		last = folio;
	}
	return bytes;
}

static u64 slub_held(struct kmem_cache *cache, void **objs)
{
	unsigned long n = 0;
	u64 bytes = 0;

	while (n < NR_OBJECTS && (objs[n] = kmem_cache_alloc(cache, GFP_KERNEL)))
		n++;
	if (n == NR_OBJECTS)
		bytes = folio_bytes(objs);
	while (n)
		kmem_cache_free(cache, objs[--n]);
	return bytes;
}

static u64 measure_slub(unsigned int size, void **objs)
{
	struct kmem_cache *cache = kmem_cache_create("kmemx_bench_memory", size, 0, 0, NULL);
	u64 bytes = cache ? slub_held(cache, objs) : 0;

	kmem_cache_destroy(cache);
	return bytes;
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

static u64 measure_kmemx(unsigned int size, void **objs)
{
	struct kmemx_cache *cache = kmemx_cache_create("kmemx_bench_memory", size, NULL, 0);
	unsigned long before, n = 0;
	u64 bytes = 0;

	if (!cache)
		return 0;
	before = kmemx_frames();
	while (n < NR_OBJECTS && (objs[n] = kmemx_cache_alloc(cache, GFP_KERNEL)))
		n++;
	if (n == NR_OBJECTS)
		bytes = (u64)(before - kmemx_frames()) << PAGE_SHIFT;
	while (n)
		kmemx_cache_free(cache, objs[--n]);
	kmemx_cache_destroy(cache);
	return bytes;
}

/* ---- Sizes ------------------------------------------------------------ */

static void rows(const char *allocator, unsigned int size, u64 held)
{
	char workload[16];

	snprintf(workload, sizeof(workload), "size%u", size);
	if (held)
		bench_row(allocator, workload, "held_bytes", held * 10, "bytes");
	else
		bench_no_row(allocator, workload, "held_bytes", "an allocation failed");
	bench_row(allocator, workload, "requested_bytes", (u64)size * NR_OBJECTS * 10, "bytes");
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
	void **objs = vmalloc(NR_OBJECTS * sizeof(*objs));
	unsigned int size;

	if (!objs)
		return -ENOMEM;
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
