// SPDX-License-Identifier: GPL-2.0
/*
 * Parameters as a user types them.
 */
#include <kunit/test.h>

#include "params.h"

static void params_read_sizes(struct kunit *test)
{
	static const char * const bad[] = {
		"", "0", "banana", "64Q", "1T1", "-1", "M", "16777217T",
	};
	unsigned long size;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, kmemx_params_parse_size("64M\n", &size), 0);
	KUNIT_EXPECT_EQ(test, size, 64UL << 20);
	KUNIT_EXPECT_EQ(test, kmemx_params_parse_size("0x10k", &size), 0);
	KUNIT_EXPECT_EQ(test, size, 16UL << 10);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, kmemx_params_parse_size(bad[i], &size), -EINVAL, "%s",
				    bad[i]);
}

static void params_read_size_classes(struct kunit *test)
{
	static const struct {
		const char *text;
		unsigned int nr;
		u16 second;
	} good[] = {
		{ "pow2", 11, 16 }, { "half\n", 20, 16 }, { "quarter", 36, 16 },
		{ "8,24,40,64", 18, 24 }, { "8,24,40,64\n", 18, 24 }, { "4096", 3, 6144 },
		{ "4096,8192", 2, 8192 },
	};
	struct kmemx_classes classes;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		KUNIT_EXPECT_EQ_MSG(test, kmemx_params_parse_classes(good[i].text, &classes), 0,
				    "%s", good[i].text);
		KUNIT_EXPECT_EQ_MSG(test, classes.nr, good[i].nr, "%s", good[i].text);
		KUNIT_EXPECT_EQ_MSG(test, classes.size[1], good[i].second, "%s", good[i].text);
	}
}

static void params_refuse_what_is_no_list(struct kunit *test)
{
	static const char * const bad[] = {
		"", ",", "8,", ",8", "8,,16", "8 16", "8,banana", "8,24,20", "8,8", "12", "0",
		"-8", "8200", "8,4294967304", "1000000000000", "fifth", "pow",
	};
	char many[4 * (KMEMX_CLASSES_LIST_MAX + 1)];
	struct kmemx_classes classes;
	unsigned int i;
	int len = 0;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, kmemx_params_parse_classes(bad[i], &classes), -EINVAL,
				    "%s", bad[i]);
	for (i = 1; i <= KMEMX_CLASSES_LIST_MAX; i++)
		len += scnprintf(many + len, sizeof(many) - len, "%s%u", len ? "," : "", 8 * i);
	KUNIT_EXPECT_EQ(test, kmemx_params_parse_classes(many, &classes), 0);
	scnprintf(many + len, sizeof(many) - len, ",%u", 8 * i);
	KUNIT_EXPECT_EQ(test, kmemx_params_parse_classes(many, &classes), -EINVAL);
}

static struct kunit_case params_cases[] = {
	KUNIT_CASE(params_read_sizes),
	KUNIT_CASE(params_read_size_classes),
	KUNIT_CASE(params_refuse_what_is_no_list),
	{}
};

static struct kunit_suite params_suite = {
	.name = "kmemx_params",
	.test_cases = params_cases,
};

kunit_test_suites(&params_suite);
