// SPDX-License-Identifier: GPL-2.0
/*
 * Size classes, for every request.
 */
#include "slab/classes.h"
#include <kunit/test.h>

static void classes_rise(struct kunit *test)
{
	struct kmemx_classes classes;
	unsigned int i;

	kmemx_classes_init(&classes);
	KUNIT_EXPECT_EQ(test, classes.size[0], 8);
	KUNIT_EXPECT_EQ(test, classes.size[classes.nr - 1], KMEMX_CLASS_MAX_SIZE);
	for (i = 1; i < classes.nr; i++)
		KUNIT_EXPECT_GT(test, classes.size[i], classes.size[i - 1]);
}

static void classes_find_the_smallest_that_fits(struct kunit *test)
{
	struct kmemx_classes classes;
	unsigned int size;

	kmemx_classes_init(&classes);
	for (size = 1; size <= KMEMX_CLASS_MAX_SIZE; size++) {
		unsigned int i = kmemx_classes_find(&classes, size);

		KUNIT_ASSERT_LT(test, i, classes.nr);
		KUNIT_ASSERT_GE(test, (unsigned int)classes.size[i], size);
		if (i)
			KUNIT_ASSERT_LT(test, (unsigned int)classes.size[i - 1], size);
	}
}

static void classes_align_powers_of_two_to_themselves(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, kmemx_classes_align(8), 8U);
	KUNIT_EXPECT_EQ(test, kmemx_classes_align(4096), 4096U);
	KUNIT_EXPECT_EQ(test, kmemx_classes_align(96), 32U);
	KUNIT_EXPECT_EQ(test, kmemx_classes_align(24), 8U);
}

static struct kunit_case classes_cases[] = {
	KUNIT_CASE(classes_rise),
	KUNIT_CASE(classes_find_the_smallest_that_fits),
	KUNIT_CASE(classes_align_powers_of_two_to_themselves),
	{}
};

static struct kunit_suite classes_suite = {
	.name = "kmemx_classes",
	.test_cases = classes_cases,
};

kunit_test_suites(&classes_suite);
