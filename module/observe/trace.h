/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints kmemx:*. Names and fields are an interface (docs/abi.md): plain
 * scalars and fixed arrays, so that any bpftrace reads them without BTF.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kmemx

#if !defined(KMEMX_OBSERVE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KMEMX_OBSERVE_TRACE_H

#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/types.h>
#include <trace/events/mmflags.h>

#define KMEMX_TRACE_NAME	32
#define KMEMX_TRACE_WORD	16

TRACE_EVENT(kmemx_alloc,
	TP_PROTO(unsigned long call_site, const void *ptr, size_t bytes_req,
		 size_t bytes_alloc, gfp_t gfp_flags, int node, const char *cache,
		 u64 ns),
	TP_ARGS(call_site, ptr, bytes_req, bytes_alloc, gfp_flags, node, cache, ns),
	TP_STRUCT__entry(
		__field(u64, call_site)
		__field(u64, ptr)
		__field(u64, bytes_req)
		__field(u64, bytes_alloc)
		__field(u64, ns)
		__field(u32, gfp_flags)
		__field(s32, node)
		__array(char, cache, KMEMX_TRACE_NAME)
	),
	TP_fast_assign(
		__entry->call_site = call_site;
		__entry->ptr = (u64)(unsigned long)ptr;
		__entry->bytes_req = bytes_req;
		__entry->bytes_alloc = bytes_alloc;
		__entry->ns = ns;
		__entry->gfp_flags = (__force u32)gfp_flags;
		__entry->node = node;
		strscpy_pad(__entry->cache, cache, KMEMX_TRACE_NAME);
	),
	TP_printk("call_site=%pS ptr=%p bytes_req=%llu bytes_alloc=%llu gfp_flags=%s node=%d cache=%s ns=%llu",
		  (void *)(unsigned long)__entry->call_site,
		  (void *)(unsigned long)__entry->ptr,
		  __entry->bytes_req, __entry->bytes_alloc,
		  show_gfp_flags(__entry->gfp_flags), __entry->node, __entry->cache,
		  __entry->ns)
);

TRACE_EVENT(kmemx_free,
	TP_PROTO(unsigned long call_site, const void *ptr, const char *cache),
	TP_ARGS(call_site, ptr, cache),
	TP_STRUCT__entry(
		__field(u64, call_site)
		__field(u64, ptr)
		__array(char, cache, KMEMX_TRACE_NAME)
	),
	TP_fast_assign(
		__entry->call_site = call_site;
		__entry->ptr = (u64)(unsigned long)ptr;
		strscpy_pad(__entry->cache, cache, KMEMX_TRACE_NAME);
	),
	TP_printk("call_site=%pS ptr=%p cache=%s",
		  (void *)(unsigned long)__entry->call_site,
		  (void *)(unsigned long)__entry->ptr, __entry->cache)
);

TRACE_EVENT(kmemx_page_alloc,
	TP_PROTO(unsigned long call_site, unsigned long pfn, unsigned long nr_pages,
		 unsigned int order, const char *type, gfp_t gfp_flags),
	TP_ARGS(call_site, pfn, nr_pages, order, type, gfp_flags),
	TP_STRUCT__entry(
		__field(u64, call_site)
		__field(u64, pfn)
		__field(u64, nr_pages)
		__field(u32, order)
		__field(u32, gfp_flags)
		__array(char, type, KMEMX_TRACE_WORD)
	),
	TP_fast_assign(
		__entry->call_site = call_site;
		__entry->pfn = pfn;
		__entry->nr_pages = nr_pages;
		__entry->order = order;
		__entry->gfp_flags = (__force u32)gfp_flags;
		strscpy_pad(__entry->type, type, KMEMX_TRACE_WORD);
	),
	TP_printk("call_site=%pS pfn=0x%llx nr_pages=%llu order=%u type=%s gfp_flags=%s",
		  (void *)(unsigned long)__entry->call_site, __entry->pfn,
		  __entry->nr_pages, __entry->order, __entry->type,
		  show_gfp_flags(__entry->gfp_flags))
);

TRACE_EVENT(kmemx_page_free,
	TP_PROTO(unsigned long call_site, unsigned long pfn, unsigned long nr_pages,
		 unsigned int order, const char *type),
	TP_ARGS(call_site, pfn, nr_pages, order, type),
	TP_STRUCT__entry(
		__field(u64, call_site)
		__field(u64, pfn)
		__field(u64, nr_pages)
		__field(u32, order)
		__array(char, type, KMEMX_TRACE_WORD)
	),
	TP_fast_assign(
		__entry->call_site = call_site;
		__entry->pfn = pfn;
		__entry->nr_pages = nr_pages;
		__entry->order = order;
		strscpy_pad(__entry->type, type, KMEMX_TRACE_WORD);
	),
	TP_printk("call_site=%pS pfn=0x%llx nr_pages=%llu order=%u type=%s",
		  (void *)(unsigned long)__entry->call_site, __entry->pfn,
		  __entry->nr_pages, __entry->order, __entry->type)
);

TRACE_EVENT(kmemx_fail,
	TP_PROTO(unsigned long call_site, size_t size, unsigned int order,
		 gfp_t gfp_flags, const char *reason, u64 free, u64 largest),
	TP_ARGS(call_site, size, order, gfp_flags, reason, free, largest),
	TP_STRUCT__entry(
		__field(u64, call_site)
		__field(u64, size)
		__field(u64, free)
		__field(u64, largest)
		__field(u32, order)
		__field(u32, gfp_flags)
		__array(char, reason, KMEMX_TRACE_WORD)
	),
	TP_fast_assign(
		__entry->call_site = call_site;
		__entry->size = size;
		__entry->free = free;
		__entry->largest = largest;
		__entry->order = order;
		__entry->gfp_flags = (__force u32)gfp_flags;
		strscpy_pad(__entry->reason, reason, KMEMX_TRACE_WORD);
	),
	TP_printk("call_site=%pS size=%llu order=%u gfp_flags=%s reason=%s free=%llu largest=%llu",
		  (void *)(unsigned long)__entry->call_site, __entry->size,
		  __entry->order, show_gfp_flags(__entry->gfp_flags),
		  __entry->reason, __entry->free, __entry->largest)
);

#endif /* KMEMX_OBSERVE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH observe
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
