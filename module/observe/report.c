// SPDX-License-Identifier: GPL-2.0
/*
 * The wording of warnings; see report.h.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/gfp.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>

#include "observe/report.h"

static const char * const reasons[] = {
	[KMEMX_FAIL_EXHAUSTED]		= "exhausted",
	[KMEMX_FAIL_FRAGMENTATION]	= "fragmentation",
	[KMEMX_FAIL_STRANDED]		= "stranded",
	[KMEMX_FAIL_CONTENDED]		= "contended",
	[KMEMX_FAIL_TOO_LARGE]		= "too_large",
	[KMEMX_FAIL_REFUSED]		= "refused",
	[KMEMX_FAIL_NODE]		= "node",
	[KMEMX_FAIL_PLACE]		= "place",
};

static const char * const remedies[] = {
	[KMEMX_FAIL_EXHAUSTED]		= "load with a larger size=",
	[KMEMX_FAIL_FRAGMENTATION]	= "ask for no more than the largest block",
	[KMEMX_FAIL_STRANDED]		= "ask where it may wait, with GFP_KERNEL",
	[KMEMX_FAIL_CONTENDED]		= "try again",
	[KMEMX_FAIL_TOO_LARGE]		= "load with a larger size=",
	[KMEMX_FAIL_REFUSED]		= "mend the caller",
	[KMEMX_FAIL_NODE]		= "load with nid=, or ask without __GFP_THISNODE",
	[KMEMX_FAIL_PLACE]		= "debugfs kmemx/region says what there is, fragmap what is free",
};

/* Who may wait has fronts emptied first, so a block in one may have been in the way of others. */
static const char *remedy(const struct kmemx_shortage *shortage)
{
	if (shortage->why == KMEMX_FAIL_FRAGMENTATION && !gfpflags_allow_blocking(shortage->gfp))
		return "ask for no more than the largest block, or where it may wait";
	return remedies[shortage->why];
}

static const char * const verdicts[KMEMX_NR_VERDICTS] = {
	[KMEMX_FREE_DOUBLE]	= "double free, or never allocated",
	[KMEMX_FREE_ORDER]	= "allocated with another order",
	[KMEMX_FREE_MISALIGNED]	= "inside an allocation, not its start",
	[KMEMX_FREE_FOREIGN]	= "not an address of the region",
	[KMEMX_FREE_CACHE]	= "an object of another cache",
	[KMEMX_FREE_FUNCTION]	= "allocated by another family of functions",
};

/**
 * kmemx_report_reason() - a failure in one word
 * @why: the failure
 *
 * Return: as the tracepoint and the counters name it.
 */
const char *kmemx_report_reason(enum kmemx_failure why)
{
	return reasons[why];
}

/**
 * kmemx_report_is_due() - is a failure to be reported?
 * @gfp: as given
 *
 * So that nobody need find out what would not be said: not with __GFP_NOWARN, and
 * not too often.
 *
 * Context: any.
 * Return: whether kmemx_report_shortage() is to follow.
 */
bool kmemx_report_is_due(gfp_t gfp)
{
	static DEFINE_RATELIMIT_STATE(limit, 5 * HZ, 10);

	return !(gfp & __GFP_NOWARN) && __ratelimit(&limit);
}

/**
 * kmemx_report_shortage() - say that an allocation failed
 * @shortage: which
 *
 * Context: any.
 */
void kmemx_report_shortage(const struct kmemx_shortage *shortage)
{
	pr_warn("%pS: %zu bytes, align %zu, %pGg failed: %s: %llu bytes free, largest block %llu; %s\n",
		(void *)shortage->call_site, shortage->size, shortage->align,
		&shortage->gfp, reasons[shortage->why], shortage->free,
		shortage->largest, remedy(shortage));
}

/**
 * kmemx_report_bad_free() - warn of a free that was refused, once per kind
 * @verdict: what is wrong with it
 * @addr: what was to be freed
 * @cache: name of the cache that the caller or the address names, or NULL
 * @call_site: who freed
 *
 * Context: any.
 */
void kmemx_report_bad_free(enum kmemx_verdict verdict, const void *addr,
			   const char *cache, unsigned long call_site)
{
	static unsigned long reported;

	if (test_and_set_bit(verdict, &reported))
		return;
	WARN(1, KBUILD_MODNAME ": bad free of %p%s%s by %pS: %s; ignored, and further ones of this kind only counted\n",
	     addr, cache ? " in cache " : "", cache ?: "", (void *)call_site,
	     verdicts[verdict]);
}

/**
 * kmemx_report_bad_copy() - count a copy to or from user space that was refused, and warn once
 * @why: what is wrong with it
 * @addr: where in the region
 * @n: how many bytes
 * @cache: name of the cache whose object is there, or NULL
 * @call_site: who asked
 *
 * Context: any.
 */
void kmemx_report_bad_copy(const char *why, const void *addr, size_t n, const char *cache,
			   unsigned long call_site)
{
	kmemx_stat_add(KMEMX_STAT_BAD_USERCOPY, 1);
	WARN_ONCE(1, KBUILD_MODNAME ": bad user copy of %zu bytes at %p%s%s by %pS: %s; refused, and further ones only counted\n",
		  n, addr, cache ? " in cache " : "", cache ?: "", (void *)call_site, why);
}

/**
 * kmemx_report_held() - count, and say once, that freed pages are still held
 * @addr: the first page that was freed
 * @nr: how many of the pages freed with it somebody holds a reference to
 * @call_site: who freed
 *
 * Not a warning: an skb or a pinned buffer may outlive the driver's own use.
 *
 * Context: any.
 */
void kmemx_report_held(const void *addr, unsigned long nr, unsigned long call_site)
{
	kmemx_stat_add(KMEMX_STAT_HELD_ON_FREE, 1);
	pr_notice_once("%lu of the pages at %p, freed by %pS, are still referenced by others: set aside until they let go; further ones are only counted\n",
		       nr, addr, (void *)call_site);
}
