/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kmemx: memory of a driver's own, out of a physically contiguous region.
 *
 * A consumer includes this header, imports the symbol namespace
 * (MODULE_IMPORT_NS("KMEMX"), without the quotes before Linux 6.13), and builds
 * with KBUILD_EXTRA_SYMBOLS=<kmemx>/Module.symvers.
 *
 * Names, flags and return values are those of the kernel's own allocators.
 * What a call refuses (a double free, a wrong order, an address of somebody
 * else) is counted, reported once per kind with a warning, and changes nothing.
 */
#ifndef KMEMX_H
#define KMEMX_H

#include <linux/gfp.h>
#include <linux/slab.h>
#include <linux/types.h>

#define KMEMX_VERSION	"0.1.0"
#define KMEMX_ABI	1

struct page;
struct kmemx_cache;

/**
 * struct kmemx_cache_args - what else a cache is to be
 * @align: alignment of its objects in bytes, a power of two up to PAGE_SIZE, or
 *	   0 for that of a u64
 * @ctor: called once for each object when its slab is made, in the context of
 *	  the allocation that needed the slab, with preemption off; an object
 *	  keeps what the constructor wrote until the user changes it
 */
struct kmemx_cache_args {
	unsigned int align;
	void (*ctor)(void *obj);
};

void *kmemx_alloc(size_t size, gfp_t gfp);
void kmemx_free(const void *ptr);
size_t kmemx_size(const void *ptr);

/**
 * kmemx_zalloc() - allocate zeroed memory
 * @size: bytes wanted
 * @gfp: as for kmemx_alloc()
 *
 * Context: any that @gfp allows, NMI with GFP_NOWAIT or GFP_ATOMIC.
 * Return: the memory, or NULL.
 */
static inline void *kmemx_zalloc(size_t size, gfp_t gfp)
{
	return kmemx_alloc(size, gfp | __GFP_ZERO);
}

struct kmemx_cache *kmemx_cache_create(const char *name, unsigned int size,
				       const struct kmemx_cache_args *args,
				       slab_flags_t flags);
void kmemx_cache_destroy(struct kmemx_cache *cache);
void *kmemx_cache_alloc(struct kmemx_cache *cache, gfp_t gfp);
void kmemx_cache_free(struct kmemx_cache *cache, void *obj);

/**
 * kmemx_cache_zalloc() - allocate a zeroed object
 * @cache: a cache without a constructor
 * @gfp: as for kmemx_alloc()
 *
 * Context: as for kmemx_alloc().
 * Return: the object, or NULL.
 */
static inline void *kmemx_cache_zalloc(struct kmemx_cache *cache, gfp_t gfp)
{
	return kmemx_cache_alloc(cache, gfp | __GFP_ZERO);
}

struct page *kmemx_alloc_pages(gfp_t gfp, unsigned int order);
void kmemx_free_pages(struct page *page, unsigned int order);
unsigned long kmemx_alloc_pages_bulk(gfp_t gfp, unsigned long nr, struct page **pages);
void kmemx_free_pages_bulk(unsigned long nr, struct page **pages);

void *kmemx_alloc_contig(size_t size, size_t align, gfp_t gfp);
void *kmemx_alloc_contig_bound(size_t size, size_t align, size_t boundary, gfp_t gfp);
void *kmemx_alloc_contig_at(phys_addr_t phys, size_t size, gfp_t gfp);
bool kmemx_trim_contig(void *ptr, size_t size);
void kmemx_free_contig(void *ptr);

#endif /* KMEMX_H */
