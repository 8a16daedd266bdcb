// SPDX-License-Identifier: GPL-2.0
/*
 * The pure cores alone, as a program: allocate and free one block, or one object,
 * again and again, on one CPU or on two that share the zone or the slab. What is
 * around the cores in the module (fronts, counters, checks of the caller) is not here.
 *
 *	kmemx_cores NAME THREADS PAIRS
 *
 * prints the nanoseconds of a pair. scripts/lib/bench-host builds and runs it.
 */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "buddy/zone.h"
#include "buddy/zone_block.h"
#include "slab/slab.h"

#define THREADS_MAX	2
#define CACHE		1
#define PAGE		4096UL
/* 1 GiB, somewhere. */
#define BASE_PFN	0x100000UL
#define NR_FRAMES	BIT(18)

/**
 * struct work - what a thread does
 * @pair: allocates and frees once
 * @order: of the block
 * @nr_pairs: how often
 * @zone: where blocks come from
 * @slab: where objects come from
 * @layout: the slab's
 */
struct work {
	bool (*pair)(struct work *work);
	unsigned int order;
	unsigned long nr_pairs;
	struct kmemx_zone zone;
	struct kmemx_slab slab;
	struct kmemx_layout layout;
};

static bool block_pair(struct work *work)
{
	long frame;

	/* As kmemx does past its fronts, if the other thread was faster too often. */
	do
		frame = kmemx_zone_alloc_order(&work->zone, work->order, KMEMX_KIND_PAGES);
	while (frame == -EAGAIN);
	return frame >= 0 && kmemx_zone_free_block(&work->zone, (unsigned int)frame, work->order);
}

static bool object_pair(struct work *work)
{
	unsigned int i;
	u8 *status;

	if (!kmemx_slab_take(&work->slab, &work->layout, CACHE, &i, 1))
		return false;
	status = work->slab.status + i;
	WRITE_ONCE(*status, KMEMX_OBJECT_LIVE);
	return kmemx_slab_withdraw(status) && kmemx_slab_give(&work->slab, status) > 0;
}

static bool measured(struct work *work)
{
	unsigned long n;

	for (n = 0; n < work->nr_pairs; n++)
		if (!work->pair(work))
			return false;
	return true;
}

static void *thread(void *arg)
{
	return measured(arg) ? arg : NULL;
}

static bool set_up(struct work *work, const char *name)
{
	static struct kmemx_extent extent = { .pfn = BASE_PFN, .nr_frames = NR_FRAMES };
	static u8 status[KMEMX_STATUS_BYTES];

	if (sscanf(name, "core_zone_o%u", &work->order) == 1 && work->order <= 9) {
		work->pair = block_pair;
		return !kmemx_zone_init(&work->zone, 1, &extent);
	}
	if (strcmp(name, "core_slab_64"))
		return false;
	work->slab.base = aligned_alloc(PAGE, PAGE);
	if (!work->slab.base || kmemx_layout_init(&work->layout, 64, 0, false, PAGE))
		return false;
	work->pair = object_pair;
	work->slab.status = status;
	kmemx_slab_init(&work->slab, &work->layout, CACHE, 0);
	return true;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return 1e9 * (double)ts.tv_sec + (double)ts.tv_nsec;
}

static bool run(struct work *work, unsigned int nr_threads)
{
	pthread_t threads[THREADS_MAX];
	bool good = true;
	unsigned int i;
	void *result;

	for (i = 0; i < nr_threads; i++)
		if (pthread_create(&threads[i], NULL, thread, work))
			exit(1);
	for (i = 0; i < nr_threads; i++) {
		pthread_join(threads[i], &result);
		if (!result)
			good = false;
	}
	return good;
}

int main(int argc, char **argv)
{
	struct work work = { 0 };
	unsigned int nr_threads;
	double start;

	if (argc != 4) {
		fprintf(stderr, "usage: kmemx_cores NAME THREADS PAIRS\n");
		return 2;
	}
	nr_threads = (unsigned int)strtoul(argv[2], NULL, 10);
	work.nr_pairs = strtoul(argv[3], NULL, 10);
	if (!nr_threads || nr_threads > THREADS_MAX || !work.nr_pairs || !set_up(&work, argv[1])) {
		fprintf(stderr, "kmemx_cores: no core_zone_o0 to o9 or core_slab_64, not 1 or 2 threads, or no pairs\n");
		return 2;
	}
	start = now();
	if (!run(&work, nr_threads)) {
		fprintf(stderr, "kmemx_cores: %s: an allocation failed\n", argv[1]);
		return 1;
	}
	printf("%.1f\n", (now() - start) / (double)work.nr_pairs);
	return 0;
}
