/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Zeroing ahead of need: a thread that keeps some of the chunks that are free as a whole
 * zeroed, so that who wants zeroes and takes a whole chunk need not write it.
 *
 * Free memory is not written to: a chunk is taken as by an allocation, zeroed, and given
 * back as one that is known to be zero; see state.h. That is known of it until the first
 * block is taken of it.
 */
#ifndef KMEMX_BUDDY_PREZERO_H
#define KMEMX_BUDDY_PREZERO_H

#include "buddy/pages.h"

/**
 * struct kmemx_prezero - who zeroes ahead
 * @pages: the region's frames
 * @nr_frames: how many are to be zero and free
 * @task: the thread; NULL if there is none
 */
struct kmemx_prezero {
	struct kmemx_pages *pages;
	unsigned long nr_frames;
	struct task_struct *task;
};

int kmemx_prezero_start(struct kmemx_prezero *prezero, struct kmemx_pages *pages,
			unsigned long bytes);
void kmemx_prezero_stop(struct kmemx_prezero *prezero);

#endif /* KMEMX_BUDDY_PREZERO_H */
