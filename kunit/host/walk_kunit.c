// SPDX-License-Identifier: GPL-2.0
/*
 * Several CPUs at work in one zone, in steps: each is a coroutine that allocates and frees
 * at random, and where the cores call kmemx_step() any other may go on. So more than two
 * CPUs can be between two steps at once, each for any time, which neither the suites that
 * nest operations nor threads on two CPUs have; and a seed plays the same steps again.
 *
 * Nobody's frames may be anybody else's meanwhile, and at rest the zone must be sound.
 */
#include <inttypes.h>

#include "buddy/zone.h"
#include "buddy/zone_bins.h"
#include "buddy/zone_block.h"
#include "buddy/zone_census.h"
#include "buddy/zone_check.h"
#include "buddy/zone_info.h"
#include "buddy/zone_run.h"
#include "host/coroutine.h"
#include "random.h"

#define CPUS		4
/* Walks of a case, if KMEMX_WALKS does not say; each has a seed of its own. */
#define NR_WALKS	4000
/* Of a walk; the zone is at rest between them. */
#define NR_ROUNDS	16
#define OPS_OF_ROUND	6
#define HELD_MAX	64
#define KIND		KMEMX_KIND_PAGES
#define BASE_PFN	0x40000UL
#define CHUNKS_MAX	8

/* Frames in a row that a CPU has. */
struct held {
	unsigned int frame;
	unsigned int nr;
};

struct cpu {
	struct coroutine co;
	struct held held[HELD_MAX];
	unsigned int nr_held;
	unsigned int ops_left;		/* Of this round. */
};

/* What the hook needs: one walk at a time, on one thread. */
static struct walk {
	struct rnd rnd;
	struct kmemx_zone zone;
	struct kmemx_extent extent[2];
	struct cpu cpu[CPUS];
	struct cpu *running;
	bool owned[CHUNKS_MAX * KMEMX_CHUNK_FRAMES];
	unsigned int steps_per_switch;	/* On average. */
	unsigned int held_max;		/* Who has more frees something. */
	unsigned int nr_allocs;		/* So many of allocs[] are done. */
	unsigned int nr_orders;		/* Of single blocks. */
	unsigned long nr_kept;		/* Rounds, of all walks, that left an emptied chunk. */
	void (*op)(struct cpu *cpu);	/* What CPUs do. */
	const char *why;		/* What was wrong first, or NULL. */
} walk;

static unsigned int below(unsigned int n)
{
	return rnd_below(&walk.rnd, n);
}

/* ---- Whose turn it is ---------------------------------------------------- */

/* One of those that are not at the end of the round; there is one. */
static struct cpu *any_cpu(void)
{
	struct cpu *cpu;

	do
		cpu = &walk.cpu[below(CPUS)];
	while (!cpu->ops_left);
	return cpu;
}

static void go_on_as(struct cpu *cpu)
{
	walk.running = cpu;
	coroutine_switch(&cpu->co);
}

static void let_others_go_on(void)
{
	if (!below(walk.steps_per_switch))
		go_on_as(any_cpu());
}

/* ---- Who has what ------------------------------------------------------- */

static void complain(const char *why)
{
	if (!walk.why)
		walk.why = why;
}

static void own(unsigned int frame, unsigned int nr)
{
	for (; nr--; frame++) {
		if (walk.owned[frame])
			complain("a frame was issued twice");
		walk.owned[frame] = true;
	}
}

static void disown(unsigned int frame, unsigned int nr)
{
	for (; nr--; frame++) {
		if (!walk.owned[frame])
			complain("a frame is freed twice");
		walk.owned[frame] = false;
	}
}

static void hold(struct cpu *cpu, long frame, unsigned int nr)
{
	if (frame < 0)
		return;
	own((unsigned int)frame, nr);
	cpu->held[cpu->nr_held++] = (struct held){ (unsigned int)frame, nr };
}

/* From now on the caller's to give back. */
static struct held let_go(struct cpu *cpu, unsigned int i)
{
	struct held held = cpu->held[i];

	cpu->held[i] = cpu->held[--cpu->nr_held];
	disown(held.frame, held.nr);
	return held;
}

/* ---- Allocating --------------------------------------------------------- */

/* Blocks of one word, as who fills a front. */
static void take_neighbours(struct cpu *cpu)
{
	unsigned int order = below(4) ? 0 : below(3);
	struct kmemx_taken taken = kmemx_zone_take(&walk.zone, order, 1 + below(8));

	for (; taken.base >= 0 && taken.heads; taken.heads &= taken.heads - 1) {
		unsigned int frame = (unsigned int)taken.base + __ffs64(taken.heads);

		hold(cpu, frame, 1U << order);
		WRITE_ONCE(walk.zone.info[frame], kmemx_info(KIND, order));
	}
}

/* All blocks of two words, as who fills a front with large ones. */
static void take_two(struct cpu *cpu)
{
	unsigned int order = 3 + below(2), words, i;
	long c = kmemx_bins_first(&walk.zone.bins, order);

	if (!kmemx_zone_has_two(&walk.zone, c, order)) {
		take_neighbours(cpu);
		return;
	}
	words = kmemx_zone_take_two(&walk.zone, (unsigned int)c, order);
	for (i = 0; i < KMEMX_CHUNK_FRAMES; i += 1U << order) {
		unsigned int frame = (unsigned int)c * KMEMX_CHUNK_FRAMES + i;

		if (!(words & BIT(i / KMEMX_WORD_BITS)))
			continue;
		hold(cpu, frame, 1U << order);
		WRITE_ONCE(walk.zone.info[frame], kmemx_info(KIND, order));
	}
}

static void alloc_block(struct cpu *cpu)
{
	unsigned int order = below(walk.nr_orders);

	hold(cpu, kmemx_zone_alloc_order(&walk.zone, order, KIND), 1U << order);
}

static void alloc_row(struct cpu *cpu)
{
	unsigned int nr = 1 + below(700);

	hold(cpu, kmemx_zone_alloc(&walk.zone, nr, 1UL << below(6), KIND), nr);
}

static void alloc_these(struct cpu *cpu)
{
	unsigned int end = kmemx_zone_end(&walk.zone), frame = below(end);
	unsigned int nr = 1 + below(below(2) ? 8 : 600);

	nr = min(nr, end - frame);
	if (!kmemx_zone_alloc_at(&walk.zone, frame, nr, KIND))
		hold(cpu, frame, nr);
}

/* As who does so ahead of need. */
static void zero_chunk(struct cpu *cpu)
{
	long frame = kmemx_zone_take_unzeroed(&walk.zone);

	if (frame < 0)
		return;
	own((unsigned int)frame, KMEMX_CHUNK_FRAMES);
	let_others_go_on();
	disown((unsigned int)frame, KMEMX_CHUNK_FRAMES);
	kmemx_zone_give_zeroed(&walk.zone, (unsigned int)frame);
}

static void alloc_zeroed(struct cpu *cpu)
{
	unsigned int nr = KMEMX_CHUNK_FRAMES / 2 + 1 + below(KMEMX_CHUNK_FRAMES / 2);

	hold(cpu, kmemx_zone_alloc_zeroed(&walk.zone, nr, KIND), nr);
}

/* Those that are here more often are done more often; some walks do the first few only. */
static void (* const allocs[])(struct cpu *cpu) = {
	take_neighbours, take_neighbours, take_neighbours, take_two,
	alloc_block, alloc_block, alloc_block, alloc_block,
	alloc_row, alloc_these, zero_chunk, alloc_zeroed,
};

/* ---- Freeing ------------------------------------------------------------ */

/* Are these frames one block, and not several in a row? */
static bool is_block(struct held held)
{
	return held.nr == 1U << kmemx_info_order(READ_ONCE(walk.zone.info[held.frame]));
}

static void give_blocks(struct held held)
{
	unsigned int frame = held.frame;
	bool more;
	u8 info;

	if (kmemx_zone_claim(&walk.zone, frame, KIND, held.nr, &info)) {
		complain("what is freed was not allocated");
		return;
	}
	do {
		unsigned int block = frame, order = kmemx_info_order(info);

		more = info & KMEMX_INFO_MORE;
		if (more)
			frame = kmemx_zone_next(&walk.zone, frame, &info);
		kmemx_zone_give(&walk.zone, block, order);
	} while (more);
}

/* As free_past() (module/api_pages.c). */
static void give_past(unsigned int frame, unsigned int order)
{
	struct kmemx_change change;
	u64 word;

	WRITE_ONCE(walk.zone.info[frame], 0);
	switch (kmemx_zone_give_once(&walk.zone, frame, order, &word, &change)) {
	case KMEMX_GIVEN:
		kmemx_zone_settle_word(&walk.zone, frame / KMEMX_CHUNK_FRAMES, &change);
		break;
	case KMEMX_GIVEN_UNCOUNTED:
		kmemx_zone_count_back(&walk.zone, frame, order, word);
		break;
	default:
		complain("a block that is freed past a front was free");
	}
}

static void free_one(struct cpu *cpu)
{
	struct held held = let_go(cpu, below(cpu->nr_held));

	if (!is_block(held) || below(2))
		give_blocks(held);
	else if (held.nr <= KMEMX_WORD_BITS && below(2))
		give_past(held.frame, ilog2(held.nr));
	else if (!kmemx_zone_free_block(&walk.zone, held.frame, ilog2(held.nr)))
		complain("a block that is freed was free");
}

/* All blocks of one frame that are in one word, as who empties a front. */
static void free_neighbours(struct cpu *cpu)
{
	unsigned int base = round_down(cpu->held[below(cpu->nr_held)].frame, KMEMX_WORD_BITS);
	unsigned int i = 0, nr = 0;
	u64 heads = 0;

	while (i < cpu->nr_held) {
		unsigned int frame = cpu->held[i].frame;

		if (cpu->held[i].nr != 1 || round_down(frame, KMEMX_WORD_BITS) != base) {
			i++;
			continue;
		}
		let_go(cpu, i);
		WRITE_ONCE(walk.zone.info[frame], 0);
		heads |= BIT_ULL(frame - base);
		nr++;
	}
	if (nr && !kmemx_zone_give_some(&walk.zone, base, heads, 0, nr))
		complain("of blocks that are freed together one was free");
}

/* Frames @from to @to - 1, which have no info bytes any more. */
static void give_frames(unsigned int from, unsigned int to)
{
	while (from < to) {
		unsigned int order = kmemx_zone_first_order(from, to - from);

		kmemx_zone_give(&walk.zone, from, order);
		from += 1U << order;
	}
}

/* Keep the first @keep frames of those that were claimed, as kmemx_pages_trim() does. */
static void cut(unsigned int block, u8 info, unsigned int keep)
{
	bool more;

	do {
		unsigned int order = kmemx_info_order(info), end = block + (1U << order);
		unsigned int kept = min(keep, 1U << order), next = end;

		more = info & KMEMX_INFO_MORE;
		if (more)
			next = kmemx_zone_next(&walk.zone, block, &info);
		if (kept && block + kept < end)
			kmemx_zone_split(&walk.zone, block, order, kept);
		give_frames(block + kept, end);
		keep -= kept;
		block = next;
	} while (more);
}

static void free_tail(struct cpu *cpu)
{
	unsigned int i = below(cpu->nr_held), keep;
	struct held held = cpu->held[i];
	u8 info;

	if (held.nr == 1)
		return;
	let_go(cpu, i);
	keep = 1 + below(held.nr - 1);
	own(held.frame, keep);
	if (kmemx_zone_claim(&walk.zone, held.frame, KIND, 0, &info)) {
		complain("what is cut was not allocated");
		return;
	}
	cut(held.frame, info, keep);
	kmemx_zone_write_info(&walk.zone, held.frame, keep, KIND);
	cpu->held[cpu->nr_held++] = (struct held){ held.frame, keep };
}

static void (* const frees[])(struct cpu *cpu) = {
	free_one, free_one, free_neighbours, free_tail,
};

/* ---- CPUs --------------------------------------------------------------- */

static void do_any(struct cpu *cpu)
{
	bool is_full = cpu->nr_held > walk.held_max;

	if (is_full || (cpu->nr_held && below(2)))
		frees[below(ARRAY_SIZE(frees))](cpu);
	else
		allocs[below(walk.nr_allocs)](cpu);
}

static bool all_are_done(void)
{
	unsigned int i;

	for (i = 0; i < CPUS; i++)
		if (walk.cpu[i].ops_left)
			return false;
	return true;
}

/* A CPU's life: rounds of operations. */
static void run_cpu(void)
{
	struct cpu *cpu = walk.running;

	for (;;) {
		while (cpu->ops_left) {
			walk.op(cpu);
			cpu->ops_left = walk.why ? 0 : cpu->ops_left - 1;
			if (cpu->ops_left)
				let_others_go_on();
		}
		if (all_are_done())
			coroutine_switch(coroutine_of_thread());
		else
			go_on_as(any_cpu());
	}
}

/* ---- Walks -------------------------------------------------------------- */

/* Two, the first of which may begin, and the second end, in the middle of a chunk. */
static unsigned int make_extents(void)
{
	unsigned long frames = (1 + below(3)) * KMEMX_CHUNK_FRAMES;
	unsigned long offset = below(2) ? below(500) : 0;
	unsigned long less = below(2) * 100;

	walk.extent[0] = (struct kmemx_extent){
		.pfn = BASE_PFN + offset, .nr_frames = frames,
	};
	walk.extent[1] = (struct kmemx_extent){
		.pfn = BASE_PFN + 32 * KMEMX_CHUNK_FRAMES,
		.nr_frames = 2 * KMEMX_CHUNK_FRAMES - less,
	};
	return 2;
}

static unsigned int make_extent(unsigned long nr_frames)
{
	walk.extent[0] = (struct kmemx_extent){ .pfn = BASE_PFN, .nr_frames = nr_frames };
	return 1;
}

/* Chunks in two extents; or one chunk; or a few words, where all meet. */
static bool make_zone(void)
{
	unsigned int nr_extents;

	if (!below(3))
		nr_extents = make_extents();
	else if (below(2))
		nr_extents = make_extent(KMEMX_CHUNK_FRAMES);
	else
		nr_extents = make_extent(64 + below(128));
	return !kmemx_zone_init(&walk.zone, nr_extents, walk.extent);
}

static void start_walk(struct kunit *test, u64 seed)
{
	unsigned int i;

	/* Seeds in a row are not to begin alike. */
	walk.rnd.state = seed * 0x9E3779B97F4A7C15ULL;
	rnd_next(&walk.rnd);
	walk.steps_per_switch = 2 + below(3);
	walk.op = do_any;
	walk.held_max = 1 + below(below(2) ? 3 : 20);
	walk.nr_allocs = below(2) ? ARRAY_SIZE(allocs) : 4 + below(3);
	walk.nr_orders = below(2) ? KMEMX_NR_ORDERS : 3;
	walk.why = NULL;
	for (i = 0; i < CPUS; i++)
		walk.cpu[i].nr_held = 0;
	memset(walk.owned, 0, sizeof(walk.owned));
	KUNIT_ASSERT_TRUE(test, make_zone());
}

/* Until all are done with it. */
static void run_cpus(void)
{
	unsigned int i;

	for (i = 0; i < CPUS; i++)
		walk.cpu[i].ops_left = OPS_OF_ROUND;
	kmemx_step_hook = let_others_go_on;
	go_on_as(any_cpu());
	kmemx_step_hook = NULL;
}

/* Returns what is wrong then, or NULL. */
static const char *run_round(void)
{
	run_cpus();
	walk.nr_kept += kmemx_zone_emptied(&walk.zone) >= 0;
	return walk.why ? walk.why : kmemx_zone_check(&walk.zone);
}

/* All that is free as a whole can be taken so, and is in one piece where it was. */
static void take_whole_chunks(void)
{
	unsigned long largest = kmemx_zone_largest(&walk.zone, NULL);
	unsigned int c, nr = 0;
	long frame;

	for (c = 0; c < walk.zone.nr_chunks; c++)
		nr += kmemx_state_free((u64)atomic64_read(&walk.zone.state[c])) ==
			KMEMX_CHUNK_FRAMES;
	if (largest >= KMEMX_CHUNK_FRAMES) {
		frame = kmemx_zone_alloc(&walk.zone, largest, 1, KIND);
		if (frame < 0)
			complain("the largest run is not to be had");
		else
			give_blocks((struct held){ (unsigned int)frame, (unsigned int)largest });
	}
	for (; nr; nr--)
		if (!kmemx_zone_has_block(&walk.zone, KMEMX_CHUNK_ORDER) ||
		    kmemx_zone_alloc_order(&walk.zone, KMEMX_CHUNK_ORDER, KIND) < 0)
			complain("a whole chunk is not to be had");
	if (kmemx_zone_has_block(&walk.zone, KMEMX_CHUNK_ORDER))
		complain("there are more whole chunks than are free");
}

/* What is in use goes, by whoever has it. */
static const char *free_all(void)
{
	unsigned long nr_frames = 0;
	unsigned int i;

	for (i = 0; i < CPUS; i++)
		while (walk.cpu[i].nr_held)
			free_one(&walk.cpu[i]);
	for (i = 0; i < walk.zone.nr_extents; i++)
		nr_frames += walk.extent[i].nr_frames;
	if (kmemx_zone_nr_free(&walk.zone) != nr_frames)
		complain("frames are lost");
	if (!walk.why)
		walk.why = kmemx_zone_check(&walk.zone);
	if (!walk.why)
		take_whole_chunks();
	return walk.why ? walk.why : kmemx_zone_check(&walk.zone);
}

static void log_chunks(struct kunit *test)
{
	unsigned int c;

	for (c = 0; c < walk.zone.nr_chunks; c++) {
		u64 state = (u64)atomic64_read(&walk.zone.state[c]);

		kunit_info(test, "chunk %u: %u free, %u live, bin %u, by its ranks %u\n", c,
			   kmemx_state_free(state), kmemx_state_live(state),
			   kmemx_state_bin(state), kmemx_state_find_bin(state));
	}
}

/* Returns whether all was well. */
static bool take_walk(struct kunit *test, u64 seed)
{
	const char *why = NULL;
	unsigned int round;

	start_walk(test, seed);
	for (round = 0; round < NR_ROUNDS && !why; round++)
		why = run_round();
	if (!why)
		why = free_all();
	if (why) {
		log_chunks(test);
		KUNIT_FAIL(test, "seed %#" PRIx64 ", round %u: %s", seed, round, why);
	}
	kmemx_zone_fini(&walk.zone);
	return !why;
}

static unsigned long nr_walks(void)
{
	const char *text = getenv("KMEMX_WALKS");

	return text ? strtoul(text, NULL, 0) : NR_WALKS;
}

static void walk_leaves_the_zone_sound(struct kunit *test)
{
	unsigned long nr = nr_walks(), i;
	u64 seed = test_seed();

	kunit_info(test, "seed=%#" PRIx64 " and what follows, %lu in all\n", seed, nr);
	KUNIT_ASSERT_GT(test, nr, 0UL);
	for (i = 0; i < nr; i++)
		if (!take_walk(test, seed + i))
			return;
	kunit_info(test, "an emptied chunk was kept at the end of %lu rounds\n", walk.nr_kept);
	KUNIT_EXPECT_TRUE(test, walk.nr_kept || nr < NR_WALKS);
}

/* ---- Bins of large zones ------------------------------------------------- */

/*
 * A zone of states and bins alone: some of its chunks, which share a word, or what is above
 * it, move from bin to bin. Chunk 16384 is one more than two levels are enough for.
 */
static const unsigned int far_chunk[] = { 0, 1, 63, 64, 4095, 4096, 8192, 16383, 16384 };
static const unsigned int far_size[] = { 64, 65, 4097, 8193, 16384, 16385 };
/* The first two, that of whole chunks, and none. */
static const unsigned int far_bin[] = { 0, 1, KMEMX_BIN_ALL_FREE, KMEMX_BIN_NONE };

static u64 state_in(unsigned int bin)
{
	return (u64)bin << KMEMX_STATE_BIN_SHIFT;
}

static unsigned int nr_far_chunks(void)
{
	unsigned int nr = 0;

	while (nr < ARRAY_SIZE(far_chunk) && far_chunk[nr] < walk.zone.nr_chunks)
		nr++;
	return nr;
}

/* Counts, so that no state is ever what it was before. */
static void move_any(struct cpu *cpu)
{
	unsigned int c = far_chunk[below(min(walk.held_max, nr_far_chunks()))];
	s64 old = atomic64_read(walk.zone.state + c);
	u64 bin = state_in(far_bin[below(ARRAY_SIZE(far_bin))]);
	u64 new = (((u64)old & ~KMEMX_STATE_BIN_MASK) + 1) | bin;

	if (!(((u64)old ^ new) & KMEMX_STATE_BIN_MASK))
		return;
	let_others_go_on();
	if (!atomic64_try_cmpxchg(walk.zone.state + c, &old, (s64)new))
		return;
	let_others_go_on();
	kmemx_zone_settle_change(&walk.zone, c, (u64)old, new);
}

/* The lowest chunk of a bin, by the states; -1 if there is none. */
static long first_in(unsigned int bin)
{
	unsigned int i;

	for (i = 0; i < nr_far_chunks(); i++)
		if (kmemx_state_bin((u64)atomic64_read(walk.zone.state + far_chunk[i])) == bin)
			return far_chunk[i];
	return -1;
}

/* Which chunk has a block of order 0: no search has met, and so mended, anything before. */
static const char *check_far_bins(void)
{
	struct kmemx_bins *bins = &walk.zone.bins;
	u64 used = (u64)atomic64_read(&bins->used);
	long first = -1, whole = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(far_bin) - 1; i++) {
		long c = first_in(far_bin[i]);
		bool has_any = c >= 0;

		first = first < 0 ? c : first;
		if (has_any != (used >> far_bin[i] & 1))
			return "a bin is not what the word of used bins says";
	}
	if (kmemx_bins_first(bins, 0) != first)
		return "not the first chunk is found";
	for (i = 0; i < nr_far_chunks(); i++) {
		unsigned int bin = kmemx_state_bin((u64)atomic64_read(walk.zone.state +
								      far_chunk[i]));
		unsigned int k;

		whole += bin == KMEMX_BIN_ALL_FREE;
		for (k = 0; k < ARRAY_SIZE(far_bin) - 1; k++) {
			bool belongs = bin == far_bin[k];

			if (kmemx_summary_test(&bins->chunks[far_bin[k]], far_chunk[i]) != belongs)
				return "a chunk is in a wrong bin";
		}
	}
	if (atomic64_read(&walk.zone.spare) != whole)
		return "whole chunks are miscounted";
	return kmemx_bins_check(bins) ? NULL : "bins disagree with their word";
}

static void start_far_walk(struct kunit *test, void *mem, u64 seed)
{
	unsigned int i;

	walk.rnd.state = seed * 0x9E3779B97F4A7C15ULL;
	rnd_next(&walk.rnd);
	walk.steps_per_switch = 2 + below(3);
	walk.op = move_any;
	walk.why = NULL;
	/* Of the chunks, the first two, or any. */
	walk.held_max = below(3) ? 1 + below(3) : ARRAY_SIZE(far_chunk);
	walk.zone.nr_chunks = far_size[below(ARRAY_SIZE(far_size))];
	memset(mem, 0, kmemx_bins_bytes(walk.zone.nr_chunks));
	kmemx_bins_init(&walk.zone.bins, mem, walk.zone.nr_chunks);
	atomic64_set(&walk.zone.spare, 0);
	atomic64_set(&walk.zone.least_spare, 0);
	for (i = 0; i < nr_far_chunks(); i++)
		atomic64_set(walk.zone.state + far_chunk[i], (s64)state_in(KMEMX_BIN_NONE));
}

/* A quarter as many as of the others, being shorter. */
static void walk_bins_follow_the_states(struct kunit *test)
{
	const unsigned int most = far_size[ARRAY_SIZE(far_size) - 1];
	void *mem = vzalloc(kmemx_bins_bytes(most));
	unsigned long nr = DIV_ROUND_UP(nr_walks(), 4), i;
	u64 seed = test_seed();

	KUNIT_ASSERT_NOT_NULL(test, mem);
	walk.zone.state = vzalloc(most * sizeof(*walk.zone.state));
	KUNIT_ASSERT_NOT_NULL(test, walk.zone.state);
	for (i = 0; i < nr; i++) {
		const char *why = NULL;
		unsigned int round;

		start_far_walk(test, mem, seed + i);
		for (round = 0; round < NR_ROUNDS && !why; round++) {
			run_cpus();
			why = check_far_bins();
		}
		if (why) {
			KUNIT_FAIL(test, "seed %#" PRIx64 ", %u chunks, round %u: %s", seed + i,
				   walk.zone.nr_chunks, round, why);
			break;
		}
	}
	vfree(walk.zone.state);
	vfree(mem);
}

static int walk_init(struct kunit *test)
{
	unsigned int i;

	coroutine_of_thread();
	for (i = 0; i < CPUS; i++)
		if (!coroutine_make(&walk.cpu[i].co, run_cpu))
			return -ENOMEM;
	return 0;
}

static void walk_exit(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < CPUS; i++)
		coroutine_free(&walk.cpu[i].co);
}

static struct kunit_case walk_cases[] = {
	KUNIT_CASE(walk_leaves_the_zone_sound),
	KUNIT_CASE(walk_bins_follow_the_states),
	{}
};

static struct kunit_suite walk_suite = {
	.name = "kmemx_walk",
	.init = walk_init,
	.exit = walk_exit,
	.test_cases = walk_cases,
};

kunit_test_suites(&walk_suite);
