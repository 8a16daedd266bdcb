// SPDX-License-Identifier: GPL-2.0
/*
 * The longest single allocation and free of a zone, in instructions, whatever its size:
 *
 *	kmemx_longest MIB ORDER
 *
 * fills a zone of that size to nine tenths with blocks of all small orders, frees and
 * allocates them at random until it is fragmented, and then takes and gives blocks of ORDER,
 * each by itself, an instruction at a time: with the trap flag set, the CPU raises a signal
 * after each. Prints the longest allocation and the longest free. For x86-64.
 * scripts/lib/bench-host builds and runs it.
 */
#include <signal.h>
#include <stdio.h>

#include "buddy/zone.h"
#include "buddy/zone_block.h"

#define FRAMES_PER_MIB	256UL
#define BASE_PFN	0x100000UL
#define SMALL_ORDERS	7
#define LIVE		64
#define ROUNDS		24

/**
 * struct block - what is allocated
 * @frame: its first frame
 * @order: its order
 */
struct block {
	u32 frame;
	u32 order;
};

static struct kmemx_zone zone;
static struct block *live;
static unsigned long nr_live, nr_used;
/* Written by a signal handler too. */
static unsigned long nr_steps;
static u64 random_state = 0x9E3779B97F4A7C15ULL;

/* xorshift64 */
static u32 draw(u32 below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (u32)(random_state >> 32) % below;
}

static void stepped(int sig)
{
	(void)sig;
	WRITE_ONCE(nr_steps, nr_steps + 1);
}

static __always_inline void trap_on(void)
{
	asm volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" : : : "memory", "cc");
}

static __always_inline void trap_off(void)
{
	asm volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" : : : "memory", "cc");
}

static bool take(u32 order)
{
	long frame = kmemx_zone_alloc_order(&zone, order, KMEMX_KIND_PAGES);

	if (frame < 0)
		return false;
	live[nr_live++] = (struct block){ .frame = (u32)frame, .order = order };
	nr_used += 1UL << order;
	return true;
}

/* The last of those that are live takes its place. */
static void give(unsigned long i)
{
	struct block block = live[i];

	live[i] = live[--nr_live];
	nr_used -= 1UL << block.order;
	if (!kmemx_zone_free_block(&zone, block.frame, block.order))
		abort();
}

static bool fill(unsigned long nr_frames)
{
	unsigned long mark = nr_frames / 10 * 9, n;

	live = calloc(nr_frames, sizeof(*live));
	if (!live)
		return false;
	for (n = 0; n < nr_frames / 2; n++) {
		while (nr_used < mark && take(draw(SMALL_ORDERS)))
			;
		give(draw((u32)nr_live));
	}
	return true;
}

/* Blocks that are not to be had are no allocation that has succeeded. */
static void measure(u32 order, unsigned long *alloc_max, unsigned long *free_max)
{
	unsigned long first = nr_live, empty;
	unsigned int round;

	trap_on();
	trap_off();
	empty = READ_ONCE(nr_steps);
	for (round = 0; round < ROUNDS; round++) {
		bool had = true;

		while (had && nr_live < first + LIVE) {
			WRITE_ONCE(nr_steps, 0);
			trap_on();
			had = take(order);
			trap_off();
			if (had)
				*alloc_max = max(*alloc_max, READ_ONCE(nr_steps) - empty);
		}
		while (nr_live > first) {
			unsigned long i = first + draw((u32)(nr_live - first));

			WRITE_ONCE(nr_steps, 0);
			trap_on();
			give(i);
			trap_off();
			*free_max = max(*free_max, READ_ONCE(nr_steps) - empty);
		}
		/* Another state the next time. */
		for (; first > 0 && nr_live > first - LIVE;)
			give(draw((u32)nr_live));
		while (nr_live < first && take(draw(SMALL_ORDERS)))
			;
		first = nr_live;
	}
}

int main(int argc, char **argv)
{
	unsigned long mib = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long order = argc == 3 ? strtoul(argv[2], NULL, 10) : ULONG_MAX;
	struct kmemx_extent extent = { .pfn = BASE_PFN, .nr_frames = mib * FRAMES_PER_MIB };
	unsigned long alloc_max = 0, free_max = 0;

	if (!mib || order > KMEMX_CHUNK_ORDER) {
		fprintf(stderr, "usage: kmemx_longest MIB ORDER\n");
		return 2;
	}
	if (kmemx_zone_init(&zone, 1, &extent) || !fill(extent.nr_frames)) {
		fprintf(stderr, "kmemx_longest: no memory\n");
		return 1;
	}
	signal(SIGTRAP, stepped);
	measure((u32)order, &alloc_max, &free_max);
	if (!alloc_max || !free_max) {
		fprintf(stderr, "kmemx_longest: no block of order %lu was to be had\n", order);
		return 1;
	}
	printf("%lu %lu\n", alloc_max, free_max);
	return 0;
}
