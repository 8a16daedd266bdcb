// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the KUnit suites that are linked into this program and prints KTAP
 * version 1 as the kernel does: suites at the top, their cases below them.
 *
 * usage: kmemx_host [--list] [PATTERN]
 *
 * PATTERN chooses cases by "suite.case": a glob if it has one of *?[, else a
 * part of the name. Exit status: 0 all passed, 1 a case failed or nothing
 * matched, 2 wrong usage.
 */
#include <fnmatch.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <kunit/test.h>

#define MAX_SUITES	64

enum outcome { PASSED, FAILED, SKIPPED };

struct cleanup {
	struct cleanup *next;
	kunit_action_t *action;
	void *ctx;
};

/* One run of a case. Threads of the case may fail it, log and allocate. */
struct kunit_host_case {
	jmp_buf leave;
	pthread_t thread;		/* The one that may longjmp(). */
	pthread_mutex_t lock;		/* Protects all below. */
	enum outcome outcome;
	char why[256];			/* Why it was skipped. */
	struct cleanup *cleanups;	/* Last added first. */
};

struct tally {
	unsigned int nr[SKIPPED + 1];
};

static struct kunit_suite *suites[MAX_SUITES];
static size_t nr_suites;
static const char *pattern = "";

void kunit_host_register(struct kunit_suite **add, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		if (nr_suites == MAX_SUITES) {
			fprintf(stderr, "kmemx_host: raise MAX_SUITES\n");
			abort();
		}
		suites[nr_suites++] = add[i];
	}
}

/* Cleanups: what a case allocated or asked to have undone. */

int kunit_host_add_action(struct kunit *test, kunit_action_t *action,
			  void *ctx)
{
	struct cleanup *cleanup = malloc(sizeof(*cleanup));

	if (!cleanup)
		abort();
	cleanup->action = action;
	cleanup->ctx = ctx;
	pthread_mutex_lock(&test->host->lock);
	cleanup->next = test->host->cleanups;
	test->host->cleanups = cleanup;
	pthread_mutex_unlock(&test->host->lock);
	return 0;
}

void *kunit_host_alloc(struct kunit *test, size_t n, size_t size, bool zero)
{
	size_t bytes;
	void *ptr;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	ptr = malloc(bytes ? bytes : 1);
	if (!ptr)
		return NULL;
	/* Not zero otherwise: a suite must not pass because it happens to be. */
	memset(ptr, zero ? 0 : 0xa5, bytes);
	kunit_host_add_action(test, free, ptr);
	return ptr;
}

void kunit_kfree(struct kunit *test, const void *ptr)
{
	struct cleanup **link, *found = NULL;

	if (!ptr)
		return;
	pthread_mutex_lock(&test->host->lock);
	for (link = &test->host->cleanups; *link; link = &(*link)->next) {
		if ((*link)->action == free && (*link)->ctx == ptr) {
			found = *link;
			*link = found->next;
			break;
		}
	}
	pthread_mutex_unlock(&test->host->lock);
	if (!found) {
		KUNIT_FAIL(test, "freed what is not this case's");
		return;
	}
	free(found->ctx);
	free(found);
}

static void run_cleanups(struct kunit_host_case *host)
{
	while (host->cleanups) {
		struct cleanup *cleanup = host->cleanups;

		host->cleanups = cleanup->next;
		cleanup->action(cleanup->ctx);
		free(cleanup);
	}
}

/* Messages and verdicts of a running case. */

static void print_line(struct kunit *test, const char *fmt, va_list args)
{
	char text[1024];
	char *rest = text, *line;

	vsnprintf(text, sizeof(text), fmt, args);
	while ((line = strsep(&rest, "\n"))) {
		if (*line || line == text)
			printf("    # %s: %s\n", test->name, line);
	}
}

void kunit_host_log(struct kunit *test, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_line(test, fmt, args);
	va_end(args);
}

static void leave_case(struct kunit *test)
{
	if (!pthread_equal(pthread_self(), test->host->thread))
		pthread_exit(NULL);
	longjmp(test->host->leave, 1);
}

void kunit_host_skip(struct kunit *test, bool leave, const char *fmt, ...)
{
	va_list args;

	pthread_mutex_lock(&test->host->lock);
	if (test->host->outcome == PASSED)
		test->host->outcome = SKIPPED;
	va_start(args, fmt);
	vsnprintf(test->host->why, sizeof(test->host->why), fmt, args);
	va_end(args);
	pthread_mutex_unlock(&test->host->lock);
	if (leave)
		leave_case(test);
}

static void fail(struct kunit *test, const struct kunit_host_check *check,
		 const char *values, const char *fmt, va_list args)
{
	pthread_mutex_lock(&test->host->lock);
	test->host->outcome = FAILED;
	pthread_mutex_unlock(&test->host->lock);
	kunit_host_log(test, "%s FAILED at %s:%d",
		       check->fatal ? "ASSERTION" : "EXPECTATION",
		       check->file, check->line);
	if (check->op)
		kunit_host_log(test, "Expected %s %s %s%s", check->left,
			       check->op, check->right, values);
	else
		kunit_host_log(test, "Expected %s", check->left);
	if (fmt)
		print_line(test, fmt, args);
	if (check->fatal)
		leave_case(test);
}

void kunit_host_fail(struct kunit *test, const struct kunit_host_check *check,
		     const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fail(test, check, "", fmt, args);
	va_end(args);
}

void kunit_host_fail_int(struct kunit *test,
			 const struct kunit_host_check *check,
			 long long left, long long right, const char *fmt, ...)
{
	char values[128];
	va_list args;

	snprintf(values, sizeof(values),
		 ", but left is %lld (0x%llx), right %lld (0x%llx)",
		 left, (unsigned long long)left,
		 right, (unsigned long long)right);
	va_start(args, fmt);
	fail(test, check, values, fmt, args);
	va_end(args);
}

void kunit_host_fail_ptr(struct kunit *test,
			 const struct kunit_host_check *check,
			 const void *left, const void *right,
			 const char *fmt, ...)
{
	char values[128];
	va_list args;

	snprintf(values, sizeof(values), ", but left is %p, right %p",
		 left, right);
	va_start(args, fmt);
	fail(test, check, values, fmt, args);
	va_end(args);
}

void kunit_host_fail_str(struct kunit *test,
			 const struct kunit_host_check *check,
			 const char *left, const char *right,
			 const char *fmt, ...)
{
	char values[512];
	va_list args;

	snprintf(values, sizeof(values),
		 ", but left is \"%.200s\", right \"%.200s\"", left, right);
	va_start(args, fmt);
	fail(test, check, values, fmt, args);
	va_end(args);
}

/* Running. */

/* init, case and exit of one run; a failed assertion skips to the exit. */
static void run_once(struct kunit_suite *suite, struct kunit_case *kcase,
		     struct kunit *test)
{
	struct kunit_host_case *host = test->host;
	int ret;

	if (!setjmp(host->leave)) {
		ret = suite->init ? suite->init(test) : 0;
		if (ret)
			KUNIT_FAIL(test, "init returned %d", ret);
		else
			kcase->run_case(test);
	}
	if (!setjmp(host->leave) && suite->exit)
		suite->exit(test);
	run_cleanups(host);
}

static enum outcome run_with(struct kunit_suite *suite,
			     struct kunit_case *kcase, const void *param,
			     int index, char *why, size_t why_size)
{
	struct kunit_host_case host = { .thread = pthread_self() };
	struct kunit test = {
		.name = kcase->name,
		.param_value = param,
		.param_index = index,
		.host = &host,
	};

	pthread_mutex_init(&host.lock, NULL);
	run_once(suite, kcase, &test);
	pthread_mutex_destroy(&host.lock);
	snprintf(why, why_size, "%s", host.why);
	return host.outcome;
}

static void print_result(const char *indent, enum outcome outcome,
			 unsigned int nr, const char *name, const char *why)
{
	printf("%s%s %u %s", indent, outcome == FAILED ? "not ok" : "ok", nr,
	       name);
	if (outcome == SKIPPED)
		printf(" # SKIP %s", why);
	printf("\n");
}

/* A case with parameters fails if any run failed, passes if any passed. */
static enum outcome run_params(struct kunit_suite *suite,
			       struct kunit_case *kcase)
{
	struct tally runs = { 0 };
	enum outcome outcome;
	const void *param = NULL;
	char desc[KUNIT_PARAM_DESC_SIZE];
	char why[256];
	int i;

	printf("        KTAP version 1\n        # Subtest: %s\n", kcase->name);
	for (i = 0;; i++) {
		desc[0] = '\0';
		param = kcase->generate_params(param, desc);
		if (!param)
			break;
		if (!desc[0])
			snprintf(desc, sizeof(desc), "param-%d", i);
		outcome = run_with(suite, kcase, param, i, why, sizeof(why));
		runs.nr[outcome]++;
		print_result("        ", outcome, i + 1, desc, why);
	}
	if (runs.nr[FAILED] || !i)
		return FAILED;
	return runs.nr[PASSED] ? PASSED : SKIPPED;
}

static enum outcome run_case(struct kunit_suite *suite,
			     struct kunit_case *kcase, unsigned int nr)
{
	enum outcome outcome;
	char why[256] = "no parameter ran";

	if (kcase->generate_params)
		outcome = run_params(suite, kcase);
	else
		outcome = run_with(suite, kcase, NULL, 0, why, sizeof(why));
	print_result("    ", outcome, nr, kcase->name, why);
	return outcome;
}

static bool is_chosen(struct kunit_suite *suite, struct kunit_case *kcase)
{
	char name[512];

	snprintf(name, sizeof(name), "%s.%s", suite->name, kcase->name);
	if (strpbrk(pattern, "*?["))
		return !fnmatch(pattern, name, 0);
	return strstr(name, pattern);
}

static unsigned int nr_chosen(struct kunit_suite *suite)
{
	struct kunit_case *kcase;
	unsigned int nr = 0;

	for (kcase = suite->test_cases; kcase->run_case; kcase++)
		nr += is_chosen(suite, kcase);
	return nr;
}

static void run_cases(struct kunit_suite *suite, struct tally *tally)
{
	struct kunit_case *kcase;
	unsigned int nr = 0;
	int ret;

	ret = suite->suite_init ? suite->suite_init(suite) : 0;
	if (ret)
		printf("    # %s: suite_init returned %d\n", suite->name, ret);
	for (kcase = suite->test_cases; kcase->run_case; kcase++) {
		if (!is_chosen(suite, kcase))
			continue;
		nr++;
		if (ret) {
			print_result("    ", FAILED, nr, kcase->name, "");
			tally->nr[FAILED]++;
		} else {
			tally->nr[run_case(suite, kcase, nr)]++;
		}
	}
	if (suite->suite_exit)
		suite->suite_exit(suite);
}

static enum outcome run_suite(struct kunit_suite *suite, unsigned int nr,
			      struct tally *total)
{
	struct tally tally = { 0 };
	enum outcome outcome = PASSED;
	int i;

	printf("    KTAP version 1\n    # Subtest: %s\n    1..%u\n",
	       suite->name, nr_chosen(suite));
	run_cases(suite, &tally);
	for (i = PASSED; i <= SKIPPED; i++)
		total->nr[i] += tally.nr[i];
	printf("# %s: pass:%u fail:%u skip:%u total:%u\n", suite->name,
	       tally.nr[PASSED], tally.nr[FAILED], tally.nr[SKIPPED],
	       nr_chosen(suite));
	if (tally.nr[FAILED])
		outcome = FAILED;
	else if (!tally.nr[PASSED])
		outcome = SKIPPED;
	print_result("", outcome, nr, suite->name, "all cases were");
	return outcome;
}

static int run_suites(void)
{
	struct tally total = { 0 };
	unsigned int nr = 0;
	size_t i;

	for (i = 0; i < nr_suites; i++)
		nr += !!nr_chosen(suites[i]);
	printf("KTAP version 1\n1..%u\n", nr);
	if (!nr) {
		fprintf(stderr, "kmemx_host: no case matches \"%s\"\n",
			pattern);
		return 1;
	}
	for (nr = 0, i = 0; i < nr_suites; i++) {
		if (nr_chosen(suites[i]))
			run_suite(suites[i], ++nr, &total);
	}
	printf("# Totals: pass:%u fail:%u skip:%u total:%u\n",
	       total.nr[PASSED], total.nr[FAILED], total.nr[SKIPPED],
	       total.nr[PASSED] + total.nr[FAILED] + total.nr[SKIPPED]);
	return total.nr[FAILED] ? 1 : 0;
}

static int list_cases(void)
{
	struct kunit_case *kcase;
	size_t i;

	for (i = 0; i < nr_suites; i++) {
		for (kcase = suites[i]->test_cases; kcase->run_case; kcase++) {
			if (is_chosen(suites[i], kcase))
				printf("%s.%s\n", suites[i]->name,
				       kcase->name);
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	bool list = argc > 1 && !strcmp(argv[1], "--list");

	argc -= list;
	argv += list;
	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		fprintf(stderr, "usage: kmemx_host [--list] [PATTERN]\n");
		return 2;
	}
	if (argc == 2)
		pattern = argv[1];
	/* What was printed before a crash must not be lost with it. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	return list ? list_cases() : run_suites();
}
