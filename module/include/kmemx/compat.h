/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels kmemx builds on, one spelling per change.
 * Every kernel version test of the project is here.
 */
#ifndef KMEMX_COMPAT_H
#define KMEMX_COMPAT_H

#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/kconfig.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/module.h>
#include <linux/pfn.h>
#include <linux/slab.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "kmemx needs Linux 6.1 or newer"
#endif

#ifndef CONFIG_64BIT
#error "kmemx keeps its state in 64-bit words and needs a 64-bit kernel"
#endif

/* 6.13 turned symbol namespaces into string literals. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define KMEMX_EXPORT(sym)	EXPORT_SYMBOL_NS_GPL(sym, "KMEMX")
#define KMEMX_IMPORT_NS(ns)	MODULE_IMPORT_NS(#ns)
#define KMEMX_EXPORT_TEST(sym)	EXPORT_SYMBOL_NS_GPL(sym, "KMEMX_TEST")
#else
#define KMEMX_EXPORT(sym)	EXPORT_SYMBOL_NS_GPL(sym, KMEMX)
#define KMEMX_IMPORT_NS(ns)	MODULE_IMPORT_NS(ns)
#define KMEMX_EXPORT_TEST(sym)	EXPORT_SYMBOL_NS_GPL(sym, KMEMX_TEST)
#endif

/*
 * Inner functions are visible to the KUnit module and to nobody else, so they
 * are exported only where KUnit is configured, and of two copies (kunit/step) by one.
 */
#if IS_ENABLED(CONFIG_KUNIT) && !defined(KMEMX_STEPS)
#define KMEMX_EXPORT_FOR_TEST(sym)	KMEMX_EXPORT_TEST(sym)
#else
#define KMEMX_EXPORT_FOR_TEST(sym)
#endif

/* 6.8 renamed the page allocator's largest order; up to 6.3 the old name was one more. */
#ifndef MAX_PAGE_ORDER
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define MAX_PAGE_ORDER		MAX_ORDER
#else
#define MAX_PAGE_ORDER		(MAX_ORDER - 1)
#endif
#endif

/*
 * 6.16 turned the third argument from a migrate type into flags of their own,
 * where the old value, MIGRATE_MOVABLE, would have meant ACR_FLAGS_CMA.
 */
#ifdef ACR_FLAGS_NONE
#define kmemx_alloc_contig_range(start, end, gfp) \
	alloc_contig_range(start, end, ACR_FLAGS_NONE, gfp)
#else
#define kmemx_alloc_contig_range(start, end, gfp) \
	alloc_contig_range(start, end, MIGRATE_MOVABLE, gfp)
#endif

/* 6.17 renamed the test for pages that move without being on an LRU list. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define kmemx_page_has_movable_ops(page)	page_has_movable_ops(page)
#else
#define kmemx_page_has_movable_ops(page)	__folio_test_movable(page_folio(page))
#endif

/* 6.18 wrapped the flags word of struct page in a struct. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define kmemx_page_flags(page)	READ_ONCE((page)->flags.f)
#else
#define kmemx_page_flags(page)	READ_ONCE((page)->flags)
#endif

/*
 * 6.11 dropped page_mapcount(); before, folio_mapcount() was not exported. They
 * agree on small folios; 0 for pages that keep something else in that field.
 */
static inline int kmemx_page_mapcount(struct page *page)
{
	if (PageSlab(page) || page_has_type(page))
		return 0;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	return folio_mapcount(page_folio(page));
#else
	return page_mapcount(page);
#endif
}

/* 6.4 has a flag for what kmemx does anyway. */
#ifndef SLAB_NO_MERGE
#define SLAB_NO_MERGE	((slab_flags_t __force)0)
#endif

/* pfn_to_kaddr(), which User-Mode Linux does not have. */
static inline void *kmemx_pfn_address(unsigned long pfn)
{
	return __va(PFN_PHYS(pfn));
}

#endif /* KMEMX_COMPAT_H */
