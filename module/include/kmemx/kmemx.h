/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kmemx: memory of a driver's own, out of a physically contiguous region.
 *
 * A consumer includes this header, imports the symbol namespace
 * (MODULE_IMPORT_NS("KMEMX"), without the quotes before Linux 6.13), and builds
 * with KBUILD_EXTRA_SYMBOLS=<kmemx>/Module.symvers.
 *
 * Names, flags and return values are those of the kernel's own allocators, but where the
 * kernel-doc of a function says otherwise: functions of sheaves take no cache,
 * kmemx_refill_sheaf() returns true for success, and those for many pages have arguments and
 * an array of their own.
 * What a call refuses (a double free, a wrong order, an address of somebody
 * else) is counted, reported once per kind with a warning, and changes nothing.
 */
#ifndef KMEMX_H
#define KMEMX_H

#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/types.h>
#include <linux/uaccess.h>

#define KMEMX_VERSION	"0.1.0"
#define KMEMX_ABI	1

struct page;
struct kmemx_cache;

struct kmemx_sheaf;

/**
 * struct kmemx_cache_args - what else a cache is to be
 * @align: alignment of its objects in bytes, a power of two up to PAGE_SIZE, or
 *	   0 for that of a u64; 1 and 2 are as 4, which packs what needs no more
 * @ctor: called once for each object when its slab is made, in the context of
 *	  the allocation that needed the slab, with preemption off; an object
 *	  keeps what the constructor wrote until the user changes it
 * @dtor: called once for each object before its slab goes, with preemption off, in the
 *	  context of who allocates and is short, be it an NMI or of another driver, of who
 *	  reclaims or destroys, of a work item, of who takes a CPU offline, or in an interrupt on
 *	  the CPU whose front they empty: so it takes no lock, and does not sleep
 * @magazine: objects that each CPU may keep for itself at most; 0 for what the module's
 *	      parameter says, KMEMX_NO_MAGAZINE for none. With 24 and more, batches of half as
 *	      many, at most 62, may be on their way between CPUs too, two for each CPU, up to 16
 * @useroffset: with @usersize, the part of an object that may be copied to and from user space,
 * @usersize: by kmemx_copy_to_user() and kmemx_copy_from_user(). It has to lie inside the object.
 *	      The kernel's own functions do not ask, since to its hardened usercopy these are no
 *	      slab pages
 */
struct kmemx_cache_args {
	unsigned int align;
	unsigned int useroffset;
	unsigned int usersize;
	void (*ctor)(void *obj);
	void (*dtor)(void *obj);
	unsigned int magazine;
};

/* For a cache whose every free object is to be in its slab: slower, and nothing is held back. */
#define KMEMX_NO_MAGAZINE	(~0U)

/*
 * For a cache whose objects are mapped for DMA one by one, dma_map_single(): nothing else is in the
 * cache lines of an object, nor in what dma_get_cache_alignment() says. The memory is the
 * region's, wherever that is; a device with a narrow mask is served by the DMA API's bouncing. Of
 * what kmemx_alloc() gives, two may share a line.
 */
#define KMEMX_DMA		SLAB_CACHE_DMA

void *kmemx_alloc(size_t size, gfp_t gfp);
void *kmemx_alloc_node(size_t size, gfp_t gfp, int nid);
void *kmemx_realloc(const void *ptr, size_t size, gfp_t gfp);
void kmemx_free(const void *ptr);
void kmemx_free_bulk(size_t nr, void **ptrs);
void kmemx_free_sensitive(void *ptr);
size_t kmemx_size(const void *ptr);
bool kmemx_owns(const void *ptr);
void kmemx_dump_obj(const void *ptr);
bool kmemx_check_usercopy(const void *ptr, size_t n);

/**
 * kmemx_copy_to_user() - copy_to_user(), from what kmemx_check_usercopy() allows
 * @to: address in user space
 * @from: in the region, or elsewhere
 * @n: bytes
 *
 * Context: task, may sleep.
 * Return: how many bytes were not copied, all of them if they may not be.
 */
static inline unsigned long __must_check kmemx_copy_to_user(void __user *to, const void *from,
							    unsigned long n)
{
	return kmemx_check_usercopy(from, n) ? copy_to_user(to, from, n) : n;
}

/**
 * kmemx_copy_from_user() - copy_from_user(), to what kmemx_check_usercopy() allows
 * @to: in the region, or elsewhere
 * @from: address in user space
 * @n: bytes
 *
 * Context: task, may sleep.
 * Return: how many bytes were not copied, all of them if they may not be.
 */
static inline unsigned long __must_check kmemx_copy_from_user(void *to, const void __user *from,
							      unsigned long n)
{
	return kmemx_check_usercopy(to, n) ? copy_from_user(to, from, n) : n;
}

/* <linux/slab.h> brings it where the kernel has it. */
#ifdef DEFINE_FREE
/* void *p __free(kmemx_free) = kmemx_alloc(...) is freed where it goes out of scope. */
DEFINE_FREE(kmemx_free, void *, kmemx_free(IS_ERR(_T) ? NULL : _T))
#endif

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

/**
 * kmemx_alloc_array() - allocate an array
 * @n: elements
 * @size: bytes of each
 * @gfp: as for kmemx_alloc()
 *
 * Context: any that @gfp allows, NMI with GFP_NOWAIT or GFP_ATOMIC.
 * Return: the memory, or NULL; a product that does not fit into a size_t is too large.
 */
static inline void *kmemx_alloc_array(size_t n, size_t size, gfp_t gfp)
{
	return kmemx_alloc(size_mul(n, size), gfp);
}

/* As kmemx_alloc_array(), zeroed. */
static inline void *kmemx_calloc(size_t n, size_t size, gfp_t gfp)
{
	return kmemx_alloc_array(n, size, gfp | __GFP_ZERO);
}

/* A cache for a structure, by its name and alignment. */
#define KMEMX_CACHE(type, flags)							\
	kmemx_cache_create(#type, sizeof(struct type),					\
			   &(struct kmemx_cache_args){						\
				.align = max_t(unsigned int, __alignof__(struct type), 8) },	\
			   flags)

struct kmemx_cache *kmemx_cache_create(const char *name, unsigned int size,
				       const struct kmemx_cache_args *args,
				       slab_flags_t flags);
void kmemx_cache_destroy(struct kmemx_cache *cache);
unsigned long kmemx_cache_shrink(struct kmemx_cache *cache);
void *kmemx_cache_alloc(struct kmemx_cache *cache, gfp_t gfp);
void *kmemx_cache_alloc_node(struct kmemx_cache *cache, gfp_t gfp, int nid);
void kmemx_cache_free(struct kmemx_cache *cache, void *obj);
unsigned int kmemx_cache_alloc_bulk(struct kmemx_cache *cache, gfp_t gfp, unsigned int nr,
				    void **objs);
void kmemx_cache_free_bulk(struct kmemx_cache *cache, unsigned int nr, void **objs);

struct kmemx_sheaf *kmemx_cache_prefill(struct kmemx_cache *cache, gfp_t gfp, unsigned int nr);
bool kmemx_refill_sheaf(struct kmemx_sheaf *sheaf, gfp_t gfp, unsigned int nr);
void *kmemx_alloc_from_sheaf(struct kmemx_sheaf *sheaf, gfp_t gfp);
unsigned int kmemx_sheaf_size(const struct kmemx_sheaf *sheaf);
void kmemx_return_sheaf(struct kmemx_sheaf *sheaf);

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

struct kmemx_cache *kmemx_pktcache_create(unsigned int mtu, unsigned int headroom,
					  unsigned int tailroom, unsigned int align);

/**
 * kmemx_pktbuf_size() - the size of a buffer for one packet
 * @mtu: bytes of the largest packet
 * @headroom: bytes in front of it, for headers that are pushed
 * @tailroom: bytes behind it
 * @align: what its size is to be a multiple of, at least 1
 *
 * Return: the least number of bytes, or 0 for @align 0.
 */
static inline size_t kmemx_pktbuf_size(unsigned int mtu, unsigned int headroom,
				       unsigned int tailroom, unsigned int align)
{
	size_t bytes = (size_t)mtu + headroom + tailroom;

	return align ? (bytes + align - 1) / align * align : 0;
}

struct page *kmemx_alloc_pages(gfp_t gfp, unsigned int order);
struct page *kmemx_alloc_pages_node(int nid, gfp_t gfp, unsigned int order);
bool kmemx_page_trim(struct page *page, unsigned int order, unsigned long nr);
void kmemx_free_pages(struct page *page, unsigned int order);
unsigned long kmemx_alloc_pages_bulk(gfp_t gfp, unsigned long nr, struct page **pages);
void kmemx_free_pages_bulk(unsigned long nr, struct page **pages);

void *kmemx_alloc_contig(size_t size, size_t align, gfp_t gfp);
void *kmemx_alloc_contig_bound(size_t size, size_t align, size_t boundary, gfp_t gfp);
void *kmemx_alloc_contig_at(phys_addr_t phys, size_t size, gfp_t gfp);
bool kmemx_trim_contig(void *ptr, size_t size);
void kmemx_free_contig(void *ptr);

/**
 * kmemx_alloc_pages_exact() - allocate as many page frames as some bytes take
 * @size: bytes wanted
 * @gfp: as for kmemx_alloc()
 *
 * As kmemx_alloc_contig(), under the name that who comes from alloc_pages_exact() looks for.
 *
 * Context: as for kmemx_alloc().
 * Return: their address, or NULL.
 */
static inline void *kmemx_alloc_pages_exact(size_t size, gfp_t gfp)
{
	return kmemx_alloc_contig(size, 0, gfp);
}

/**
 * kmemx_free_pages_exact() - free what kmemx_alloc_pages_exact() gave
 * @ptr: its address, or NULL
 * @size: what it was asked for; need not be known
 *
 * Context: any.
 */
static inline void kmemx_free_pages_exact(void *ptr, size_t size)
{
	kmemx_free_contig(ptr);
}

#endif /* KMEMX_H */
