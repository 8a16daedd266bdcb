/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The region behind the exported functions.
 */
#ifndef KMEMX_API_H
#define KMEMX_API_H

#include <linux/mm.h>

#include "region.h"

struct kmemx_request;
struct module;

/*
 * Made before the module's init returns and gone after its exit: no consumer of
 * the exports is there earlier or later.
 */
extern struct kmemx_region kmemx_live;

/* Of the kinds that users allocate. */
extern const char * const kmemx_kind_name[KMEMX_NR_KINDS];

/* Zeroes are wanted, and who frees has not seen to that. */
static inline bool kmemx_api_wants_zeroes(gfp_t gfp)
{
	return want_init_on_alloc(gfp) && !kmemx_pages_free_is_zero();
}

/* Is it another node's memory that is wanted, and no other? */
static inline bool kmemx_api_is_elsewhere(gfp_t gfp, int nid)
{
	return (gfp & __GFP_THISNODE) && nid != NUMA_NO_NODE && nid != kmemx_live.origin.nid;
}

void *kmemx_api_alloc_elsewhere(size_t size, gfp_t gfp, unsigned long call_site);
void kmemx_api_clear(void *addr, unsigned long nr, gfp_t gfp);
void *kmemx_api_hand_out(void *addr, unsigned long nr, unsigned int order, enum kmemx_kind kind,
			 gfp_t gfp, unsigned long call_site);
void *kmemx_api_alloc_frames(struct kmemx_request *req, enum kmemx_kind kind);
unsigned long kmemx_api_free_frames(const void *addr, enum kmemx_kind kind, unsigned long nr,
				    unsigned long call_site);
bool kmemx_api_trim_frames(const void *addr, enum kmemx_kind kind, unsigned long nr,
			   unsigned long keep, unsigned long *nr_freed, unsigned long call_site);

unsigned long kmemx_api_list_live(struct kmemx_cache *cache);
void kmemx_api_list_pages(void);
void kmemx_api_list_module(const struct module *mod);

#endif /* KMEMX_API_H */
