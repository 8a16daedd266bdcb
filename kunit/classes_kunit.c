// SPDX-License-Identifier: GPL-2.0
/*
 * Size classes, for every request.
 */
#include "slab/classes.h"
#include <kunit/test.h>

static const enum kmemx_class_steps all_steps[] = {
	KMEMX_CLASSES_POW2, KMEMX_CLASSES_HALF, KMEMX_CLASSES_QUARTER
};

/* Sizes of the table and above it, with and without the powers of two. */
static const u32 odd_list[] = { 8, 24, 40, 64, 1000, 1040, 3000, 5008 };

static void classes_rise(struct kunit *test)
{
	struct kmemx_classes classes;
	unsigned int i, k;

	for (k = 0; k < ARRAY_SIZE(all_steps); k++) {
		kmemx_classes_init(&classes, all_steps[k]);
		KUNIT_EXPECT_EQ(test, classes.size[0], 8);
		KUNIT_EXPECT_EQ(test, classes.size[classes.nr - 1], KMEMX_CLASS_MAX_SIZE);
		for (i = 1; i < classes.nr; i++)
			KUNIT_EXPECT_GT(test, classes.size[i], classes.size[i - 1]);
	}
}

static void classes_are_as_many_as_the_steps(struct kunit *test)
{
	static const u16 pow2[] = { 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192 };
	static const u16 half[] = { 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768,
		1024, 1536, 2048, 3072, 4096, 6144, 8192 };
	static const u16 quarter[] = { 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192,
		224, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792, 2048, 2560,
		3072, 3584, 4096, 5120, 6144, 7168, 8192 };
	struct kmemx_classes classes;

	kmemx_classes_init(&classes, KMEMX_CLASSES_POW2);
	KUNIT_ASSERT_EQ(test, classes.nr, (unsigned int)ARRAY_SIZE(pow2));
	KUNIT_EXPECT_MEMEQ(test, classes.size, pow2, sizeof(pow2));
	kmemx_classes_init(&classes, KMEMX_CLASSES_HALF);
	KUNIT_ASSERT_EQ(test, classes.nr, (unsigned int)ARRAY_SIZE(half));
	KUNIT_EXPECT_MEMEQ(test, classes.size, half, sizeof(half));
	kmemx_classes_init(&classes, KMEMX_CLASSES_QUARTER);
	KUNIT_ASSERT_EQ(test, classes.nr, (unsigned int)ARRAY_SIZE(quarter));
	KUNIT_EXPECT_MEMEQ(test, classes.size, quarter, sizeof(quarter));
}

/* What classes_find_the_smallest_that_fits() says of every size. */
static void expect_smallest(struct kunit *test, const struct kmemx_classes *classes)
{
	unsigned int size, i;

	for (size = 1; size <= KMEMX_CLASS_MAX_SIZE; size++) {
		/* The table has one entry for eight sizes. */
		unsigned int need = size <= KMEMX_CLASS_TABLE_MAX ? ALIGN(size, 8) : size;

		for (i = 0; classes->size[i] < need ||
		     (is_power_of_2(need) && classes->size[i] % need); i++)
			;
		KUNIT_ASSERT_EQ(test, kmemx_classes_find(classes, size), i);
	}
}

static void classes_find_the_smallest_that_fits(struct kunit *test)
{
	struct kmemx_classes classes;
	unsigned int k;

	for (k = 0; k < ARRAY_SIZE(all_steps); k++) {
		kmemx_classes_init(&classes, all_steps[k]);
		expect_smallest(test, &classes);
	}
	KUNIT_ASSERT_EQ(test, kmemx_classes_init_list(&classes, ARRAY_SIZE(odd_list), odd_list),
			0);
	expect_smallest(test, &classes);
}

/* Whoever asks for a power of two may rely on it, whatever the classes are. */
static void classes_align_powers_of_two_to_themselves(struct kunit *test)
{
	struct kmemx_classes classes;
	unsigned int size, class;

	KUNIT_EXPECT_EQ(test, kmemx_classes_align(8), 8U);
	KUNIT_EXPECT_EQ(test, kmemx_classes_align(4096), 4096U);
	KUNIT_EXPECT_EQ(test, kmemx_classes_align(96), 32U);
	KUNIT_EXPECT_EQ(test, kmemx_classes_align(24), 8U);
	KUNIT_ASSERT_EQ(test, kmemx_classes_init_list(&classes, ARRAY_SIZE(odd_list), odd_list),
			0);
	for (size = 8; size <= KMEMX_CLASS_MAX_SIZE; size *= 2) {
		class = classes.size[kmemx_classes_find(&classes, size)];
		KUNIT_EXPECT_GE(test, kmemx_classes_align(class), size);
	}
}

/* ---- Lists ------------------------------------------------------------- */

static void classes_list_goes_on_above_its_last(struct kunit *test)
{
	static const u32 list[] = { 8, 24, 40, 64 };
	static const u32 last[] = { KMEMX_CLASS_MAX_SIZE };
	struct kmemx_classes classes, half;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, kmemx_classes_init_list(&classes, ARRAY_SIZE(list), list), 0);
	kmemx_classes_init(&half, KMEMX_CLASSES_HALF);
	for (i = 0; i < ARRAY_SIZE(list); i++)
		KUNIT_EXPECT_EQ(test, (u32)classes.size[i], list[i]);
	/* Of `half` 8, 16, 24, 32, 48 and 64 are left out. */
	KUNIT_ASSERT_EQ(test, classes.nr, 4 + half.nr - 6);
	for (; i < classes.nr; i++)
		KUNIT_EXPECT_EQ(test, classes.size[i], half.size[i + 2]);
	KUNIT_ASSERT_EQ(test, kmemx_classes_init_list(&classes, 1, last), 0);
	KUNIT_EXPECT_EQ(test, classes.nr, 1U);
}

static void classes_list_of_nonsense_is_refused(struct kunit *test)
{
	static const struct {
		unsigned int nr;
		u32 size[3];
	} bad[] = {
		{ 0 }, { 1, { 0 } }, { 1, { 12 } }, { 2, { 16, 8 } }, { 2, { 16, 16 } },
		{ 1, { KMEMX_CLASS_MAX_SIZE + 8 } }, { 3, { 8, 16, 65536 } },
	};
	u32 many[KMEMX_CLASSES_LIST_MAX + 1];
	struct kmemx_classes classes;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ(test, kmemx_classes_init_list(&classes, bad[i].nr, bad[i].size),
				-EINVAL);
	/* As many as there may be, all of them small, so that most is added above. */
	for (i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = 8 * (i + 1);
	KUNIT_EXPECT_EQ(test, kmemx_classes_init_list(&classes, ARRAY_SIZE(many), many), -EINVAL);
	KUNIT_EXPECT_EQ(test, kmemx_classes_init_list(&classes, ARRAY_SIZE(many) - 1, many), 0);
	KUNIT_EXPECT_LE(test, classes.nr, (unsigned int)KMEMX_CLASSES_MAX);
	expect_smallest(test, &classes);
}

/* ---- Waste ------------------------------------------------------------- */

/* Thousandths of what is held, rounded to the next. */
static unsigned int wasted_part(const struct kmemx_waste *waste)
{
	return (unsigned int)(((waste->held - waste->asked) * 1000 + waste->held / 2) /
			      waste->held);
}

/* The numbers of the textbook: three sizes, and classes made for them. */
static void classes_made_for_a_demand_waste_less(struct kunit *test)
{
	static const struct kmemx_demand demand[] = { { 7, 1 }, { 18, 1 }, { 34, 1 } };
	static const u32 list[] = { 8, 24, 40, 64 };
	struct kmemx_classes classes;
	struct kmemx_waste waste;

	KUNIT_ASSERT_EQ(test, kmemx_classes_init_list(&classes, ARRAY_SIZE(list), list), 0);
	KUNIT_ASSERT_EQ(test, kmemx_classes_waste(&classes, 3, demand, &waste), 0);
	KUNIT_EXPECT_EQ(test, waste.held - waste.asked, 13ULL);
	KUNIT_EXPECT_EQ(test, wasted_part(&waste), 181U);
	KUNIT_EXPECT_EQ(test, kmemx_classes_expected_waste(&waste), 13000ULL / 3);
	kmemx_classes_init(&classes, KMEMX_CLASSES_POW2);
	KUNIT_ASSERT_EQ(test, kmemx_classes_waste(&classes, 3, demand, &waste), 0);
	KUNIT_EXPECT_EQ(test, waste.held - waste.asked, 45ULL);
	KUNIT_EXPECT_EQ(test, wasted_part(&waste), 433U);
	KUNIT_EXPECT_EQ(test, kmemx_classes_expected_waste(&waste), 15000ULL);
}

/* Every size once, or as often as Zipf has it: the k-th in proportion to 1 / k. */
static struct kmemx_demand *make_demand(struct kunit *test, bool is_zipf)
{
	struct kmemx_demand *demand = kunit_kzalloc(test, KMEMX_CLASS_MAX_SIZE * sizeof(*demand),
						    GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, demand);
	for (i = 0; i < KMEMX_CLASS_MAX_SIZE; i++)
		demand[i] = (struct kmemx_demand){ i + 1, is_zipf ? ~0U / (i + 1) : 1 };
	return demand;
}

/*
 * Every size from 1 to N is in the class above it, so class c serves c - (the one below) of
 * them: N E = sum c (c - the one below) - N (N + 1) / 2. With powers of two that is
 * 8 8 + (16^2 + 32^2 + ... + N^2) / 2 - N (N + 1) / 2 = (N^2 - 3 N + 128) / 6.
 */
static void classes_waste_of_a_uniform_demand_is_known(struct kunit *test)
{
	struct kmemx_demand *demand = make_demand(test, false);
	const u64 n = KMEMX_CLASS_MAX_SIZE;
	struct kmemx_classes classes;
	struct kmemx_waste waste;
	unsigned int i, k;

	for (k = 0; k < ARRAY_SIZE(all_steps); k++) {
		u64 held = 0;

		kmemx_classes_init(&classes, all_steps[k]);
		KUNIT_ASSERT_EQ(test, kmemx_classes_waste(&classes, n, demand, &waste), 0);
		for (i = 0; i < classes.nr; i++)
			held += classes.size[i] *
				(u64)(classes.size[i] - (i ? classes.size[i - 1] : 0));
		KUNIT_EXPECT_EQ(test, waste.weight, n);
		KUNIT_EXPECT_EQ(test, waste.asked, n * (n + 1) / 2);
		KUNIT_EXPECT_EQ(test, waste.held, held);
		if (all_steps[k] == KMEMX_CLASSES_POW2)
			KUNIT_EXPECT_EQ(test, kmemx_classes_expected_waste(&waste),
					(n * n - 3 * n + 128) * 1000 / 6 / n);
	}
}

/* Request by request, without the table and without sums. */
static u64 brute_force(const struct kmemx_classes *classes, const struct kmemx_demand *demand)
{
	u64 bytes = 0, weight = 0;
	unsigned int i, k;

	for (i = 0; i < KMEMX_CLASS_MAX_SIZE; i++) {
		for (k = 0; classes->size[k] < demand[i].size; k++)
			;
		bytes += (u64)(classes->size[k] - demand[i].size) * demand[i].weight;
		weight += demand[i].weight;
	}
	return bytes * 1000 / weight;
}

static void classes_waste_of_a_zipf_demand_is_the_sum(struct kunit *test)
{
	struct kmemx_demand *demand = make_demand(test, true);
	struct kmemx_classes classes;
	struct kmemx_waste waste;
	u64 less = ~0ULL;
	unsigned int k;

	for (k = 0; k < ARRAY_SIZE(all_steps); k++) {
		kmemx_classes_init(&classes, all_steps[k]);
		KUNIT_ASSERT_EQ(test, kmemx_classes_waste(&classes, KMEMX_CLASS_MAX_SIZE, demand,
							  &waste), 0);
		KUNIT_EXPECT_EQ(test, kmemx_classes_expected_waste(&waste),
				brute_force(&classes, demand));
		/* The finer the steps the less. */
		KUNIT_EXPECT_LT(test, kmemx_classes_expected_waste(&waste), less);
		less = kmemx_classes_expected_waste(&waste);
		kunit_info(test, "%u steps: %llu of 1000 bytes held are wasted", all_steps[k],
			   (unsigned long long)wasted_part(&waste));
	}
}

/* The largest weights there can be, in as many sizes as there may be. */
static void classes_waste_does_not_overflow(struct kunit *test)
{
	const unsigned int nr = 1 << 16;
	struct kmemx_demand *demand = vzalloc((nr + 1) * sizeof(*demand));
	struct kmemx_classes classes;
	struct kmemx_waste waste;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, demand);
	for (i = 0; i <= nr; i++)
		demand[i] = (struct kmemx_demand){ 4097, ~0U };
	kmemx_classes_init(&classes, KMEMX_CLASSES_POW2);
	KUNIT_EXPECT_EQ(test, kmemx_classes_waste(&classes, nr, demand, &waste), 0);
	KUNIT_EXPECT_EQ(test, kmemx_classes_expected_waste(&waste), 4095000ULL);
	KUNIT_EXPECT_EQ(test, kmemx_classes_waste(&classes, nr + 1, demand, &waste), -EINVAL);
	vfree(demand);
}

static void classes_waste_of_nonsense_is_refused(struct kunit *test)
{
	static const struct kmemx_demand bad[] = {
		{ 0, 1 }, { KMEMX_CLASS_MAX_SIZE + 1, 1 }, { 8, 0 },
	};
	struct kmemx_classes classes;
	struct kmemx_waste waste;
	unsigned int i;

	kmemx_classes_init(&classes, KMEMX_CLASSES_HALF);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ(test, kmemx_classes_waste(&classes, 1, &bad[i], &waste), -EINVAL);
	KUNIT_EXPECT_EQ(test, kmemx_classes_waste(&classes, 0, bad, &waste), -EINVAL);
}

static struct kunit_case classes_cases[] = {
	KUNIT_CASE(classes_rise),
	KUNIT_CASE(classes_are_as_many_as_the_steps),
	KUNIT_CASE(classes_find_the_smallest_that_fits),
	KUNIT_CASE(classes_align_powers_of_two_to_themselves),
	KUNIT_CASE(classes_list_goes_on_above_its_last),
	KUNIT_CASE(classes_list_of_nonsense_is_refused),
	KUNIT_CASE(classes_made_for_a_demand_waste_less),
	KUNIT_CASE(classes_waste_of_a_uniform_demand_is_known),
	KUNIT_CASE(classes_waste_of_a_zipf_demand_is_the_sum),
	KUNIT_CASE(classes_waste_does_not_overflow),
	KUNIT_CASE(classes_waste_of_nonsense_is_refused),
	{}
};

static struct kunit_suite classes_suite = {
	.name = "kmemx_classes",
	.test_cases = classes_cases,
};

kunit_test_suites(&classes_suite);
