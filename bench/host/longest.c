// SPDX-License-Identifier: GPL-2.0
/*
 * The longest single allocation and free of a zone, in instructions, whatever its size:
 *
 *	kmemx_longest MIB ORDER
 *	kmemx_longest MIB run CHUNKS
 *
 * fills a zone of that size to nine tenths with blocks of all small orders, frees and
 * allocates them at random until it is fragmented, and then takes and gives blocks of ORDER,
 * each by itself, an instruction at a time: with the trap flag set, the CPU raises a signal
 * after each. Prints the longest allocation and the longest free. For x86-64.
 *
 * A run of CHUNKS chunks, less a frame, is the longest to find where it is the last thing free,
 * behind chunks every other one of which is taken.
 * scripts/lib/bench-host builds and runs it.
 */
#include <signal.h>
#include <stdio.h>

#include "buddy/zone.h"
#include "buddy/zone_block.h"
#include "buddy/zone_info.h"
#include "buddy/zone_run.h"

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

/* Take every chunk; give every other one back, and the last @nr. */
static void leave_a_run(unsigned int nr)
{
	unsigned int c;

	while (kmemx_zone_alloc_order(&zone, KMEMX_CHUNK_ORDER, KMEMX_KIND_PAGES) >= 0)
		;
	for (c = 0; c < zone.nr_chunks; c++)
		if ((c % 2 == 0 || c + nr >= zone.nr_chunks) &&
		    !kmemx_zone_free_block(&zone, c * KMEMX_CHUNK_FRAMES, KMEMX_CHUNK_ORDER))
			abort();
}

static void free_run(unsigned int frame, unsigned long nr_frames)
{
	u8 info;

	if (kmemx_zone_claim(&zone, frame, KMEMX_KIND_CONTIG, nr_frames, &info))
		abort();
	for (;;) {
		unsigned int block = frame, order = kmemx_info_order(info);
		bool more = info & KMEMX_INFO_MORE;

		if (more)
			frame = kmemx_zone_next(&zone, frame, &info);
		kmemx_zone_give(&zone, block, order);
		if (!more)
			break;
	}
}

static void measure_run(unsigned int nr, unsigned long *alloc_max, unsigned long *free_max)
{
	unsigned long nr_frames = (unsigned long)nr * KMEMX_CHUNK_FRAMES - 1;
	long frame;

	leave_a_run(nr);
	WRITE_ONCE(nr_steps, 0);
	trap_on();
	frame = kmemx_zone_alloc_bound(&zone, nr_frames, 1, 0, KMEMX_KIND_CONTIG);
	trap_off();
	*alloc_max = READ_ONCE(nr_steps);
	if (frame < 0)
		abort();
	WRITE_ONCE(nr_steps, 0);
	trap_on();
	free_run((unsigned int)frame, nr_frames);
	trap_off();
	*free_max = READ_ONCE(nr_steps);
}

static unsigned long number(int argc, char **argv, int i, unsigned long otherwise)
{
	return i < argc ? strtoul(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	bool is_run = argc == 4 && !strcmp(argv[2], "run");
	unsigned long mib = number(argc, argv, 1, 0);
	unsigned long nr = number(argc, argv, is_run ? 3 : 2, ULONG_MAX);
	struct kmemx_extent extent = { .pfn = BASE_PFN, .nr_frames = mib * FRAMES_PER_MIB };
	unsigned long alloc_max = 0, free_max = 0;

	if (!mib || argc != 3 + is_run ||
	    (is_run ? nr < 2 || nr > mib * FRAMES_PER_MIB / KMEMX_CHUNK_FRAMES :
		      nr > KMEMX_CHUNK_ORDER)) {
		fprintf(stderr, "usage: kmemx_longest MIB ORDER | MIB run CHUNKS\n");
		return 2;
	}
	if (kmemx_zone_init(&zone, 1, &extent) || (!is_run && !fill(extent.nr_frames))) {
		fprintf(stderr, "kmemx_longest: no memory\n");
		return 1;
	}
	signal(SIGTRAP, stepped);
	if (is_run)
		measure_run((unsigned int)nr, &alloc_max, &free_max);
	else
		measure((u32)nr, &alloc_max, &free_max);
	if (!alloc_max || !free_max) {
		fprintf(stderr, "kmemx_longest: no block of order %lu was to be had\n", nr);
		return 1;
	}
	printf("%lu %lu\n", alloc_max, free_max);
	return 0;
}
