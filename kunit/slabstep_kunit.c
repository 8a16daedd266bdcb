// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt points of a slab, as step_kunit.c has them for the zone: every operation is
 * interrupted at every step by every other, and that one at every step of its own by every
 * other again. Afterwards the slab must be sound, and nobody's object anybody else's.
 */
#define KMEMX_STEPS
#include "slab/slab.h"
#include <kunit/test.h>

#define PAGE		4096U
#define CACHE		7U
/* Twelve objects: two words of status bytes, of which the second is not full. */
#define SIZE		336U
#define NR		12U
#define DEPTH		2
/* No operation has as many; one that does not end is one that hangs. */
#define STEPS_MAX	500U

struct fixture {
	struct kmemx_layout layout;
	struct kmemx_slab slab;
	u64 status[2];
	struct kmemx_summary empty;
	u64 empty_mem[32];
	bool owned[NR];
	unsigned int held[NR];		/* Objects to free. */
	unsigned int nr_held;
	unsigned int nr_wrong;
	unsigned int nr_ended;
	unsigned int nr_together;	/* Gives of several objects at once, */
	unsigned int nr_disturbed;	/* and how often that did not work. */
	unsigned int nr_trimmed;
};

struct op {
	const char *name;
	void (*run)(unsigned int nr);
	unsigned int nr;
};

/* Who interrupts, at which step, and how many steps there have been. */
struct level {
	const struct op *by;
	unsigned int at;
	unsigned int nr;
};

/* What the hook needs: one test at a time, on one thread. */
static struct fixture *fx;
static struct level level[DEPTH];
static unsigned int depth;

static u8 *status_of(unsigned int i)
{
	return fx->slab.status + i;
}

/* ---- Operations -------------------------------------------------------- */

static void own(unsigned int i)
{
	fx->nr_wrong += fx->owned[i] || *status_of(i) != KMEMX_OBJECT_OUT;
	fx->owned[i] = true;
	fx->held[fx->nr_held++] = i;
}

static void op_take(unsigned int nr)
{
	unsigned int taken[NR], got, k;

	got = kmemx_slab_take(&fx->slab, &fx->layout, CACHE, taken, nr);
	for (k = 0; k < got; k++)
		own(taken[k]);
}

/* The slab has so many free objects now: as who frees leaves one that is empty. */
static void settle(int nr_free)
{
	fx->nr_wrong += nr_free < 0;
	if (nr_free == NR)
		kmemx_slab_note_empty(&fx->empty, 0);
}

/* Issue some objects, and free them past the front. */
static void op_free(unsigned int nr)
{
	for (; nr && fx->nr_held; nr--) {
		unsigned int i = fx->held[--fx->nr_held];

		*status_of(i) = KMEMX_OBJECT_LIVE;
		fx->nr_wrong += !kmemx_slab_withdraw(status_of(i));
		fx->nr_wrong += kmemx_slab_withdraw(status_of(i));
		fx->owned[i] = false;
		settle(kmemx_slab_give(&fx->slab, status_of(i)));
	}
}

/* The same at once, if that works, of those held whose status bytes are in one word. */
static void op_free_together(unsigned int nr)
{
	u8 which[8] __aligned(sizeof(u64)) = { 0 };
	unsigned int mate[8], k, nr_mates = 0;
	int nr_free;

	for (k = fx->nr_held; k-- > 0;) {
		unsigned int i = fx->held[k];

		if (nr_mates && i / 8 != mate[0] / 8)
			continue;
		fx->held[k] = fx->held[--fx->nr_held];
		which[i % 8] = 1;
		mate[nr_mates++] = i;
	}
	for (k = 0; k < nr_mates; k++) {
		*status_of(mate[k]) = KMEMX_OBJECT_LIVE;
		fx->nr_wrong += !kmemx_slab_withdraw(status_of(mate[k]));
		fx->owned[mate[k]] = false;
	}
	if (!nr_mates)
		return;
	nr_free = kmemx_slab_give_word(&fx->slab, (u64 *)fx->slab.status + mate[0] / 8,
				       *(u64 *)which);
	if (nr_free >= 0) {
		fx->nr_together += nr_mates > 1;
		settle(nr_free);
		return;
	}
	fx->nr_disturbed++;
	for (k = 0; k < nr_mates; k++)
		settle(kmemx_slab_give(&fx->slab, status_of(mate[k])));
}

/* Of each object that nobody has. */
static void op_free_twice(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < NR; i++)
		if (!fx->owned[i] && *status_of(i) == KMEMX_OBJECT_FREE)
			fx->nr_wrong += kmemx_slab_withdraw(status_of(i)) ||
				kmemx_slab_give(&fx->slab, status_of(i)) >= 0;
}

/* End the slab, and make another there. */
static void op_end(unsigned int nr)
{
	unsigned int i;
	int ended;

	ended = kmemx_slab_retire(&fx->slab, &fx->layout, CACHE);
	fx->nr_wrong += ended < 0;
	if (ended <= 0)
		return;
	for (i = 0; i < NR; i++)
		fx->nr_wrong += fx->owned[i] || *status_of(i) != KMEMX_OBJECT_FREE;
	kmemx_slab_init(&fx->slab, &fx->layout, CACHE, nr);
	for (i = 0; i < nr; i++)
		own(i);
	fx->nr_ended++;
}

/* End the slab if it is noted as empty, and is: as kmemx_cache_trim() does. */
static void op_trim(unsigned int nr)
{
	unsigned int nr_ended = fx->nr_ended;

	if (kmemx_summary_first(&fx->empty) < 0)
		return;
	kmemx_summary_clear(&fx->empty, 0);
	if (kmemx_slab_is_empty(&fx->slab, &fx->layout, CACHE))
		op_end(nr);
	fx->nr_trimmed += fx->nr_ended != nr_ended;
}

static const struct op ops[] = {
	{ "take 1", op_take, 1 }, { "take 8", op_take, 8 }, { "free 1", op_free, 1 },
	{ "drain", op_free, NR }, { "free together", op_free_together, 0 },
	{ "free twice", op_free_twice, 0 }, { "end", op_end, 2 }, { "trim", op_trim, 2 },
};

/* ---- The interruptions ------------------------------------------------- */

static void interrupt(void)
{
	struct level *l = &level[depth];

	if (l->nr++ != l->at)
		return;
	depth++;
	if (depth < DEPTH)
		level[depth].nr = 0;
	else
		kmemx_step_hook = NULL;
	l->by->run(l->by->nr);
	depth--;
	kmemx_step_hook = interrupt;
}

static void expect_sound(struct kunit *test, const struct op *outer)
{
	const char *why = kmemx_slab_check(&fx->slab, &fx->layout);

	KUNIT_ASSERT_TRUE_MSG(test, !why, "%s at step %u by %s, at %u by %s: %s", outer->name,
			      level[0].at, level[0].by->name, level[1].at, level[1].by->name,
			      why ? why : "");
	KUNIT_ASSERT_EQ_MSG(test, fx->nr_wrong, 0U, "%s at step %u by %s, at %u by %s",
			    outer->name, level[0].at, level[0].by->name, level[1].at,
			    level[1].by->name);
	/* None that is empty is forgotten. */
	KUNIT_ASSERT_TRUE_MSG(test, !kmemx_slab_is_empty(&fx->slab, &fx->layout, CACHE) ||
			      kmemx_summary_test(&fx->empty, 0),
			      "%s at step %u by %s, at %u by %s: nobody knows that it is empty",
			      outer->name, level[0].at, level[0].by->name, level[1].at,
			      level[1].by->name);
}

static void run_interrupted(struct kunit *test, const struct op *outer, unsigned int nr_held)
{
	*fx = (struct fixture){
		.layout = fx->layout, .nr_ended = fx->nr_ended,
		.nr_together = fx->nr_together, .nr_disturbed = fx->nr_disturbed,
		.nr_trimmed = fx->nr_trimmed,
	};
	fx->slab.status = (u8 *)fx->status;
	kmemx_summary_init(&fx->empty, fx->empty_mem, 1);
	kmemx_summary_set(&fx->empty, 0);
	kmemx_slab_init(&fx->slab, &fx->layout, CACHE, 0);
	if (nr_held)
		op_take(nr_held);
	level[0].nr = 0;
	level[1].nr = 0;
	kmemx_step_hook = interrupt;
	outer->run(outer->nr);
	kmemx_step_hook = NULL;
	expect_sound(test, outer);
	op_free(NR);
	expect_sound(test, outer);
	KUNIT_ASSERT_EQ(test, kmemx_slab_retire(&fx->slab, &fx->layout, CACHE), 1);
}

/* Returns how many runs it took. */
static unsigned long interrupt_everywhere(struct kunit *test, const struct op *outer,
					  unsigned int nr_held)
{
	unsigned long nr = 0;

	for (level[0].at = 0; level[0].at < STEPS_MAX; level[0].at++) {
		for (level[1].at = 0; level[1].at < STEPS_MAX; level[1].at++, nr++) {
			run_interrupted(test, outer, nr_held);
			if (level[1].nr <= level[1].at)
				break;
		}
		if (level[0].nr <= level[0].at)
			return nr;
	}
	KUNIT_FAIL(test, "%s does not end", outer->name);
	return nr;
}

static void slab_step_any_operation_at_any_point(struct kunit *test)
{
	static const unsigned int helds[] = { 0, 3, NR - 1, NR };
	unsigned int f, i, k, m;
	unsigned long nr = 0;

	fx = kunit_kzalloc(test, sizeof(*fx), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fx);
	KUNIT_ASSERT_EQ(test, kmemx_layout_init(&fx->layout, SIZE, 0, false, PAGE), 0);
	KUNIT_ASSERT_EQ(test, fx->layout.nr_objs, NR);
	KUNIT_ASSERT_LE(test, kmemx_summary_bytes(1), sizeof(fx->empty_mem));
	for (f = 0; f < ARRAY_SIZE(helds); f++)
		for (i = 0; i < ARRAY_SIZE(ops); i++)
			for (k = 0; k < ARRAY_SIZE(ops); k++)
				for (m = 0; m < ARRAY_SIZE(ops); m++) {
					level[0].by = &ops[k];
					level[1].by = &ops[m];
					nr += interrupt_everywhere(test, &ops[i], helds[f]);
				}
	kunit_info(test, "%lu interruptions\n", nr);
	KUNIT_EXPECT_GT(test, nr, 3000UL);
	KUNIT_EXPECT_GT(test, fx->nr_ended, 0U);
	KUNIT_EXPECT_GT(test, fx->nr_together, 0U);
	KUNIT_EXPECT_GT(test, fx->nr_disturbed, 0U);
	KUNIT_EXPECT_GT(test, fx->nr_trimmed, 0U);
}

static struct kunit_case slab_step_cases[] = {
	KUNIT_CASE(slab_step_any_operation_at_any_point),
	{}
};

static struct kunit_suite slab_step_suite = {
	.name = "kmemx_slabstep",
	.test_cases = slab_step_cases,
};

kunit_test_suites(&slab_step_suite);
