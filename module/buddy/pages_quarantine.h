/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames that somebody still held when they were freed: each is set aside as an allocation of its
 * own, KMEMX_KIND_QUARANTINE, and given back when a sweep finds that the last of those references
 * has gone. The summary @held of struct kmemx_pages says which words of the map have such frames.
 *
 * Locking: none, as in chunk.h.
 */
#ifndef KMEMX_BUDDY_PAGES_QUARANTINE_H
#define KMEMX_BUDDY_PAGES_QUARANTINE_H

#include "buddy/pages.h"

void kmemx_pages_give_frames(struct kmemx_pages *pages, u32 frame, unsigned int order);
unsigned int kmemx_pages_give_block(struct kmemx_pages *pages, u32 frame, unsigned int order);
unsigned long kmemx_pages_sweep(struct kmemx_pages *pages);
unsigned int kmemx_pages_sweep_some(struct kmemx_pages *pages);

#endif /* KMEMX_BUDDY_PAGES_QUARANTINE_H */
