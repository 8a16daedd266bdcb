/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who allocated what, for as long as somebody wants to know.
 *
 * While it is kept, the tracepoints of allocations have a probe that notes the call site of
 * what was allocated beside the region, by its address. So it is behind the static keys that
 * these have anyway: while it is not kept it costs nothing, and frees it costs nothing ever.
 * What is live is known by its own state; what somebody had allocated before has no note.
 */
#ifndef KMEMX_OBSERVE_CALLERS_H
#define KMEMX_OBSERVE_CALLERS_H

#include <linux/types.h>

struct kmemx_pages;

/**
 * struct kmemx_callers - the call sites of what was allocated since
 * @pages: where that is
 * @number: by where an allocation begins, the number of its call site; 0 is none
 * @address: call sites, each at its number less 1; 0 where there is none yet
 *
 * Locking: none for the notes, which are made in any context. Who starts, stops and reads is
 * one at a time.
 */
struct kmemx_callers {
	const struct kmemx_pages *pages;
	u16 *number;
	unsigned long *address;
};

int kmemx_callers_start(struct kmemx_callers *callers, const struct kmemx_pages *pages);
void kmemx_callers_stop(struct kmemx_callers *callers);
bool kmemx_callers_find(const struct kmemx_callers *callers, const void *addr,
			unsigned long *call_site);

/* Are they kept now? */
static inline bool kmemx_callers_is_on(const struct kmemx_callers *callers)
{
	return callers->number;
}

#endif /* KMEMX_OBSERVE_CALLERS_H */
