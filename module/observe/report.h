/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How kmemx says that something went wrong. Who calls decides that it did.
 */
#ifndef KMEMX_OBSERVE_REPORT_H
#define KMEMX_OBSERVE_REPORT_H

#include <linux/types.h>
#include <kmemx/verdict.h>
#include "observe/stat.h"

/**
 * struct kmemx_shortage - an allocation that failed
 * @size: bytes wanted
 * @align: alignment wanted, in bytes
 * @gfp: as given
 * @why: the reason
 * @free: bytes free in the region
 * @largest: bytes of the longest free run
 * @call_site: who asked
 */
struct kmemx_shortage {
	size_t size;
	size_t align;
	gfp_t gfp;
	enum kmemx_failure why;
	u64 free;
	u64 largest;
	unsigned long call_site;
};

const char *kmemx_report_reason(enum kmemx_failure why);
bool kmemx_report_is_due(gfp_t gfp);
void kmemx_report_shortage(const struct kmemx_shortage *shortage);
void kmemx_report_bad_free(enum kmemx_verdict verdict, const void *addr,
			   const char *cache, unsigned long call_site);
void kmemx_report_bad_copy(const char *why, const void *addr, size_t n, const char *cache,
			   unsigned long call_site);
void kmemx_report_held(const void *addr, unsigned long nr, unsigned long call_site);

#endif /* KMEMX_OBSERVE_REPORT_H */
