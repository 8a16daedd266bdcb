/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KUnit's interface as Linux 6.1 has it, for user space: what the suites of
 * kmemx use of <kunit/test.h>, no more. kunit/host/runner.c is the other half.
 *
 * The host build puts this directory first on the include path, so that one
 * and the same <area>_kunit.c is built here and into kmemx_kunit.ko.
 *
 * A failed assertion leaves the case with longjmp(); in a thread that a case
 * started it ends that thread. The gfp argument of the allocation calls is not
 * evaluated.
 */
#ifndef KMEMX_HOST_KUNIT_TEST_H
#define KMEMX_HOST_KUNIT_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define KUNIT_PARAM_DESC_SIZE	128

struct kunit {
	void *priv;			/* For the suite's init, cases and exit. */
	const char *name;
	const void *param_value;	/* Of this run of a KUNIT_CASE_PARAM. */
	int param_index;
	/* Below: kunit/host/runner.c only. */
	struct kunit_host_case *host;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
	const void *(*generate_params)(const void *prev, char *desc);
};

struct kunit_suite {
	const char name[256];
	int (*suite_init)(struct kunit_suite *suite);
	void (*suite_exit)(struct kunit_suite *suite);
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;	/* Ends with an empty element. */
};

#define KUNIT_CASE(fn)			{ .run_case = fn, .name = #fn }
#define KUNIT_CASE_SLOW(fn)		KUNIT_CASE(fn)
#define KUNIT_CASE_PARAM(fn, gen) \
	{ .run_case = fn, .name = #fn, .generate_params = gen }

/* Define name_gen_params(), which walks @array; @get_desc may be NULL. */
#define KUNIT_ARRAY_PARAM(name, array, get_desc)			\
	static const void *name##_gen_params(const void *prev, char *desc) \
	{								\
		typeof((array)[0]) *__next = prev ?			\
			((typeof(__next))prev) + 1 : (array);		\
		void (*__get_desc)(typeof(__next), char *) = get_desc;	\
									\
		if ((size_t)(__next - (array)) >=			\
		    sizeof(array) / sizeof((array)[0]))			\
			return NULL;					\
		if (__get_desc)						\
			__get_desc(__next, desc);			\
		return __next;						\
	}

/* Every file registers its own suites, before main() runs. */
#define kunit_test_suites(...)						\
	static void __attribute__((constructor))			\
	kunit_host_register_suites(void)				\
	{								\
		static struct kunit_suite *__suites[] = { __VA_ARGS__ };	\
									\
		kunit_host_register(__suites,				\
				    sizeof(__suites) / sizeof(__suites[0])); \
	}								\
	struct kunit_suite

#define kunit_test_suite(suite)		kunit_test_suites(&(suite))

/* Messages, in the log of the running case. */
#define kunit_info(test, ...)		kunit_host_log(test, __VA_ARGS__)
#define kunit_warn(test, ...)		kunit_host_log(test, __VA_ARGS__)
#define kunit_err(test, ...)		kunit_host_log(test, __VA_ARGS__)
#define kunit_log(level, test, ...)	kunit_host_log(test, __VA_ARGS__)

#define kunit_mark_skipped(test, ...)	kunit_host_skip(test, false, __VA_ARGS__)
#define kunit_skip(test, ...)		kunit_host_skip(test, true, __VA_ARGS__)

/* Memory that is freed when the case ends. */
#define kunit_kmalloc(test, size, gfp) \
	kunit_host_alloc(test, 1, size, false)
#define kunit_kzalloc(test, size, gfp) \
	kunit_host_alloc(test, 1, size, true)
#define kunit_kmalloc_array(test, n, size, gfp) \
	kunit_host_alloc(test, n, size, false)
#define kunit_kcalloc(test, n, size, gfp) \
	kunit_host_alloc(test, n, size, true)

typedef void (kunit_action_t)(void *ctx);

void kunit_kfree(struct kunit *test, const void *ptr);
int kunit_host_add_action(struct kunit *test, kunit_action_t *action,
			  void *ctx);
#define kunit_add_action(test, action, ctx) \
	kunit_host_add_action(test, action, ctx)
#define kunit_add_action_or_reset(test, action, ctx) \
	kunit_host_add_action(test, action, ctx)

/* The other half, in runner.c. */
void kunit_host_register(struct kunit_suite **suites, size_t nr);
void *kunit_host_alloc(struct kunit *test, size_t n, size_t size, bool zero);
void kunit_host_log(struct kunit *test, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void kunit_host_skip(struct kunit *test, bool leave, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Where a check stands and what it compares, as written in the source. */
struct kunit_host_check {
	const char *file;
	int line;
	bool fatal;			/* An assertion, not an expectation. */
	const char *left, *op, *right;	/* @op NULL: @left is the whole text. */
};

void kunit_host_fail(struct kunit *test, const struct kunit_host_check *check,
		     const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void kunit_host_fail_int(struct kunit *test,
			 const struct kunit_host_check *check,
			 long long left, long long right,
			 const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
void kunit_host_fail_ptr(struct kunit *test,
			 const struct kunit_host_check *check,
			 const void *left, const void *right,
			 const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
void kunit_host_fail_str(struct kunit *test,
			 const struct kunit_host_check *check,
			 const char *left, const char *right,
			 const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

#define KUNIT_HOST_CHECK(is_fatal, l, o, r)				\
	(&(const struct kunit_host_check) {				\
		.file = __FILE__, .line = __LINE__, .fatal = is_fatal,	\
		.left = l, .op = o, .right = r })

#define KUNIT_HOST_COND(test, fatal, cond, text, ...)			\
do {									\
	if (!(cond))							\
		kunit_host_fail(test,					\
				KUNIT_HOST_CHECK(fatal, text, NULL, NULL), \
				__VA_ARGS__);				\
} while (0)

#define KUNIT_HOST_INT(test, fatal, left, op, right, ...)		\
do {									\
	const typeof(left) __left = (left);				\
	const typeof(right) __right = (right);				\
									\
	if (!(__left op __right))					\
		kunit_host_fail_int(test,				\
			KUNIT_HOST_CHECK(fatal, #left, #op, #right),	\
			(long long)__left, (long long)__right,		\
			__VA_ARGS__);					\
} while (0)

#define KUNIT_HOST_PTR(test, fatal, left, op, right, ...)		\
do {									\
	const void *__left = (left);					\
	const void *__right = (right);					\
									\
	if (!(__left op __right))					\
		kunit_host_fail_ptr(test,				\
			KUNIT_HOST_CHECK(fatal, #left, #op, #right),	\
			__left, __right, __VA_ARGS__);			\
} while (0)

#define KUNIT_HOST_STR(test, fatal, left, op, right, ...)		\
do {									\
	const char *__left = (left);					\
	const char *__right = (right);					\
									\
	if (!(strcmp(__left, __right) op 0))				\
		kunit_host_fail_str(test,				\
			KUNIT_HOST_CHECK(fatal, #left, #op, #right),	\
			__left, __right, __VA_ARGS__);			\
} while (0)

#define KUNIT_HOST_MEM(test, fatal, left, op, right, size, ...)		\
do {									\
	const void *__left = (left);					\
	const void *__right = (right);					\
									\
	if (!(memcmp(__left, __right, size) op 0))			\
		kunit_host_fail(test,					\
			KUNIT_HOST_CHECK(fatal, #left, #op, #right),	\
			__VA_ARGS__);					\
} while (0)

#define KUNIT_HOST_VALID(ptr)						\
({									\
	const unsigned long __value = (unsigned long)(ptr);		\
									\
	__value && __value < (unsigned long)-4095;			\
})

#define KUNIT_SUCCEED(test)		do { } while (0)
#define KUNIT_FAIL(test, ...) \
	kunit_host_fail(test, KUNIT_HOST_CHECK(false, "fail", NULL, NULL), \
			__VA_ARGS__)
#define KUNIT_FAIL_AND_ABORT(test, ...) \
	kunit_host_fail(test, KUNIT_HOST_CHECK(true, "fail", NULL, NULL), \
			__VA_ARGS__)

#define KUNIT_EXPECT_TRUE_MSG(test, cond, ...) \
	KUNIT_HOST_COND(test, false, cond, #cond, __VA_ARGS__)
#define KUNIT_EXPECT_FALSE_MSG(test, cond, ...) \
	KUNIT_HOST_COND(test, false, !(cond), "!(" #cond ")", __VA_ARGS__)
#define KUNIT_EXPECT_EQ_MSG(test, l, r, ...) \
	KUNIT_HOST_INT(test, false, l, ==, r, __VA_ARGS__)
#define KUNIT_EXPECT_NE_MSG(test, l, r, ...) \
	KUNIT_HOST_INT(test, false, l, !=, r, __VA_ARGS__)
#define KUNIT_EXPECT_LT_MSG(test, l, r, ...) \
	KUNIT_HOST_INT(test, false, l, <, r, __VA_ARGS__)
#define KUNIT_EXPECT_LE_MSG(test, l, r, ...) \
	KUNIT_HOST_INT(test, false, l, <=, r, __VA_ARGS__)
#define KUNIT_EXPECT_GT_MSG(test, l, r, ...) \
	KUNIT_HOST_INT(test, false, l, >, r, __VA_ARGS__)
#define KUNIT_EXPECT_GE_MSG(test, l, r, ...) \
	KUNIT_HOST_INT(test, false, l, >=, r, __VA_ARGS__)
#define KUNIT_EXPECT_PTR_EQ_MSG(test, l, r, ...) \
	KUNIT_HOST_PTR(test, false, l, ==, r, __VA_ARGS__)
#define KUNIT_EXPECT_PTR_NE_MSG(test, l, r, ...) \
	KUNIT_HOST_PTR(test, false, l, !=, r, __VA_ARGS__)
#define KUNIT_EXPECT_NULL_MSG(test, ptr, ...) \
	KUNIT_HOST_PTR(test, false, ptr, ==, NULL, __VA_ARGS__)
#define KUNIT_EXPECT_NOT_NULL_MSG(test, ptr, ...) \
	KUNIT_HOST_PTR(test, false, ptr, !=, NULL, __VA_ARGS__)
#define KUNIT_EXPECT_STREQ_MSG(test, l, r, ...) \
	KUNIT_HOST_STR(test, false, l, ==, r, __VA_ARGS__)
#define KUNIT_EXPECT_STRNEQ_MSG(test, l, r, ...) \
	KUNIT_HOST_STR(test, false, l, !=, r, __VA_ARGS__)
#define KUNIT_EXPECT_MEMEQ_MSG(test, l, r, size, ...) \
	KUNIT_HOST_MEM(test, false, l, ==, r, size, __VA_ARGS__)
#define KUNIT_EXPECT_MEMNEQ_MSG(test, l, r, size, ...) \
	KUNIT_HOST_MEM(test, false, l, !=, r, size, __VA_ARGS__)
#define KUNIT_EXPECT_NOT_ERR_OR_NULL_MSG(test, ptr, ...) \
	KUNIT_HOST_COND(test, false, KUNIT_HOST_VALID(ptr), \
			#ptr " is valid", __VA_ARGS__)

#define KUNIT_ASSERT_TRUE_MSG(test, cond, ...) \
	KUNIT_HOST_COND(test, true, cond, #cond, __VA_ARGS__)
#define KUNIT_ASSERT_FALSE_MSG(test, cond, ...) \
	KUNIT_HOST_COND(test, true, !(cond), "!(" #cond ")", __VA_ARGS__)
#define KUNIT_ASSERT_EQ_MSG(test, l, r, ...) \
	KUNIT_HOST_INT(test, true, l, ==, r, __VA_ARGS__)
#define KUNIT_ASSERT_NE_MSG(test, l, r, ...) \
	KUNIT_HOST_INT(test, true, l, !=, r, __VA_ARGS__)
#define KUNIT_ASSERT_LT_MSG(test, l, r, ...) \
	KUNIT_HOST_INT(test, true, l, <, r, __VA_ARGS__)
#define KUNIT_ASSERT_LE_MSG(test, l, r, ...) \
	KUNIT_HOST_INT(test, true, l, <=, r, __VA_ARGS__)
#define KUNIT_ASSERT_GT_MSG(test, l, r, ...) \
	KUNIT_HOST_INT(test, true, l, >, r, __VA_ARGS__)
#define KUNIT_ASSERT_GE_MSG(test, l, r, ...) \
	KUNIT_HOST_INT(test, true, l, >=, r, __VA_ARGS__)
#define KUNIT_ASSERT_PTR_EQ_MSG(test, l, r, ...) \
	KUNIT_HOST_PTR(test, true, l, ==, r, __VA_ARGS__)
#define KUNIT_ASSERT_PTR_NE_MSG(test, l, r, ...) \
	KUNIT_HOST_PTR(test, true, l, !=, r, __VA_ARGS__)
#define KUNIT_ASSERT_NULL_MSG(test, ptr, ...) \
	KUNIT_HOST_PTR(test, true, ptr, ==, NULL, __VA_ARGS__)
#define KUNIT_ASSERT_NOT_NULL_MSG(test, ptr, ...) \
	KUNIT_HOST_PTR(test, true, ptr, !=, NULL, __VA_ARGS__)
#define KUNIT_ASSERT_STREQ_MSG(test, l, r, ...) \
	KUNIT_HOST_STR(test, true, l, ==, r, __VA_ARGS__)
#define KUNIT_ASSERT_STRNEQ_MSG(test, l, r, ...) \
	KUNIT_HOST_STR(test, true, l, !=, r, __VA_ARGS__)
#define KUNIT_ASSERT_MEMEQ_MSG(test, l, r, size, ...) \
	KUNIT_HOST_MEM(test, true, l, ==, r, size, __VA_ARGS__)
#define KUNIT_ASSERT_MEMNEQ_MSG(test, l, r, size, ...) \
	KUNIT_HOST_MEM(test, true, l, !=, r, size, __VA_ARGS__)
#define KUNIT_ASSERT_NOT_ERR_OR_NULL_MSG(test, ptr, ...) \
	KUNIT_HOST_COND(test, true, KUNIT_HOST_VALID(ptr), \
			#ptr " is valid", __VA_ARGS__)

#define KUNIT_EXPECT_TRUE(test, c)	KUNIT_HOST_COND(test, false, c, #c, NULL)
#define KUNIT_EXPECT_FALSE(test, c) \
	KUNIT_HOST_COND(test, false, !(c), "!(" #c ")", NULL)
#define KUNIT_EXPECT_EQ(test, l, r)	KUNIT_HOST_INT(test, false, l, ==, r, NULL)
#define KUNIT_EXPECT_NE(test, l, r)	KUNIT_HOST_INT(test, false, l, !=, r, NULL)
#define KUNIT_EXPECT_LT(test, l, r)	KUNIT_HOST_INT(test, false, l, <, r, NULL)
#define KUNIT_EXPECT_LE(test, l, r)	KUNIT_HOST_INT(test, false, l, <=, r, NULL)
#define KUNIT_EXPECT_GT(test, l, r)	KUNIT_HOST_INT(test, false, l, >, r, NULL)
#define KUNIT_EXPECT_GE(test, l, r)	KUNIT_HOST_INT(test, false, l, >=, r, NULL)
#define KUNIT_EXPECT_PTR_EQ(test, l, r)	KUNIT_HOST_PTR(test, false, l, ==, r, NULL)
#define KUNIT_EXPECT_PTR_NE(test, l, r)	KUNIT_HOST_PTR(test, false, l, !=, r, NULL)
#define KUNIT_EXPECT_NULL(test, p)	KUNIT_HOST_PTR(test, false, p, ==, NULL, NULL)
#define KUNIT_EXPECT_NOT_NULL(test, p)	KUNIT_HOST_PTR(test, false, p, !=, NULL, NULL)
#define KUNIT_EXPECT_STREQ(test, l, r)	KUNIT_HOST_STR(test, false, l, ==, r, NULL)
#define KUNIT_EXPECT_STRNEQ(test, l, r)	KUNIT_HOST_STR(test, false, l, !=, r, NULL)
#define KUNIT_EXPECT_MEMEQ(test, l, r, n) \
	KUNIT_HOST_MEM(test, false, l, ==, r, n, NULL)
#define KUNIT_EXPECT_MEMNEQ(test, l, r, n) \
	KUNIT_HOST_MEM(test, false, l, !=, r, n, NULL)
#define KUNIT_EXPECT_NOT_ERR_OR_NULL(test, p) \
	KUNIT_EXPECT_NOT_ERR_OR_NULL_MSG(test, p, NULL)

#define KUNIT_ASSERT_TRUE(test, c)	KUNIT_HOST_COND(test, true, c, #c, NULL)
#define KUNIT_ASSERT_FALSE(test, c) \
	KUNIT_HOST_COND(test, true, !(c), "!(" #c ")", NULL)
#define KUNIT_ASSERT_EQ(test, l, r)	KUNIT_HOST_INT(test, true, l, ==, r, NULL)
#define KUNIT_ASSERT_NE(test, l, r)	KUNIT_HOST_INT(test, true, l, !=, r, NULL)
#define KUNIT_ASSERT_LT(test, l, r)	KUNIT_HOST_INT(test, true, l, <, r, NULL)
#define KUNIT_ASSERT_LE(test, l, r)	KUNIT_HOST_INT(test, true, l, <=, r, NULL)
#define KUNIT_ASSERT_GT(test, l, r)	KUNIT_HOST_INT(test, true, l, >, r, NULL)
#define KUNIT_ASSERT_GE(test, l, r)	KUNIT_HOST_INT(test, true, l, >=, r, NULL)
#define KUNIT_ASSERT_PTR_EQ(test, l, r)	KUNIT_HOST_PTR(test, true, l, ==, r, NULL)
#define KUNIT_ASSERT_PTR_NE(test, l, r)	KUNIT_HOST_PTR(test, true, l, !=, r, NULL)
#define KUNIT_ASSERT_NULL(test, p)	KUNIT_HOST_PTR(test, true, p, ==, NULL, NULL)
#define KUNIT_ASSERT_NOT_NULL(test, p)	KUNIT_HOST_PTR(test, true, p, !=, NULL, NULL)
#define KUNIT_ASSERT_STREQ(test, l, r)	KUNIT_HOST_STR(test, true, l, ==, r, NULL)
#define KUNIT_ASSERT_STRNEQ(test, l, r)	KUNIT_HOST_STR(test, true, l, !=, r, NULL)
#define KUNIT_ASSERT_MEMEQ(test, l, r, n) \
	KUNIT_HOST_MEM(test, true, l, ==, r, n, NULL)
#define KUNIT_ASSERT_MEMNEQ(test, l, r, n) \
	KUNIT_HOST_MEM(test, true, l, !=, r, n, NULL)
#define KUNIT_ASSERT_NOT_ERR_OR_NULL(test, p) \
	KUNIT_ASSERT_NOT_ERR_OR_NULL_MSG(test, p, NULL)

#endif /* KMEMX_HOST_KUNIT_TEST_H */
