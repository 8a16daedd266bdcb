// SPDX-License-Identifier: GPL-2.0
/*
 * Every way to a region, one at a time, and the ladder.
 */
#include <linux/cpumask.h>
#include <linux/dma-mapping.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/numa.h>
#include <linux/platform_device.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/topology.h>
#include <linux/vmstat.h>
#include <linux/workqueue.h>
#include <kunit/test.h>
#include <kmemx/compat.h>

#include "cma/backend.h"

#define NR_PAGES	(8UL << (20 - PAGE_SHIFT))
#define TOO_MANY	(1UL << (40 - PAGE_SHIFT))
#define NR_TAKEN	64

static const struct kmemx_backend * const all[] = {
	&kmemx_backend_native, &kmemx_backend_dma, &kmemx_backend_contig, &kmemx_backend_pages,
};

static void describe(const struct kmemx_backend * const *backend, char *text)
{
	snprintf(text, KUNIT_PARAM_DESC_SIZE, "%s through %s", (*backend)->name, (*backend)->how);
}

KUNIT_ARRAY_PARAM(backend, all, describe);

static const struct kmemx_backend *backend_of(struct kunit *test)
{
	return *(const struct kmemx_backend * const *)test->param_value;
}

static void give_back(struct kmemx_grant *grant)
{
	unsigned int i;

	for (i = 0; i < grant->nr_spans; i++)
		kmemx_backend_release(grant, i);
	kmemx_backend_fini(grant);
}

/* Is there a CMA area at all? */
static bool has_cma(void)
{
	return IS_ENABLED(CONFIG_CMA) && global_zone_page_state(NR_FREE_CMA_PAGES) > 0;
}

static bool is_cma(const struct kmemx_backend *backend)
{
	return backend == &kmemx_backend_native || backend == &kmemx_backend_dma;
}

/* User-Mode Linux has no DMA, and so nothing that could make an area, or name one. */
static bool has_dma_cma(struct kunit *test)
{
	if (IS_ENABLED(CONFIG_DMA_CMA))
		KUNIT_ASSERT_TRUE(test, has_cma());
	return IS_ENABLED(CONFIG_DMA_CMA);
}

/* The backend does not exist here: it must say so, and give nothing. */
static void expect_no_backend(struct kunit *test, const struct kmemx_backend *backend)
{
	struct kmemx_grant grant = { 0 };

	KUNIT_EXPECT_EQ(test, kmemx_backend_try(&grant, backend, NR_PAGES, NUMA_NO_NODE),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, grant.nr_spans, 0U);
}

static void backend_gives_order_0_pages(struct kunit *test)
{
	const struct kmemx_backend *backend = backend_of(test);
	struct kmemx_grant grant = { 0 };
	unsigned long total = 0, pfn;
	unsigned int i;

	if (is_cma(backend) && !has_dma_cma(test)) {
		expect_no_backend(test, backend);
		return;
	}
	KUNIT_ASSERT_EQ_MSG(test, kmemx_backend_try(&grant, backend, NR_PAGES, NUMA_NO_NODE), 0,
			    "%s", grant.why);
	for (i = 0; i < grant.nr_spans; i++) {
		struct kmemx_span *span = &grant.span[i];

		total += span->nr_pages;
		for (pfn = span->pfn; pfn < span->pfn + span->nr_pages; pfn++) {
			struct page *page = pfn_to_page(pfn);

			KUNIT_ASSERT_EQ(test, page_ref_count(page), 1);
			KUNIT_ASSERT_FALSE(test, PageCompound(page));
			/* The memory is there. */
			*(unsigned long *)page_address(page) = pfn;
			KUNIT_ASSERT_EQ(test, *(unsigned long *)page_address(page), pfn);
		}
	}
	KUNIT_EXPECT_EQ(test, total, NR_PAGES);
	give_back(&grant);
}

static void backend_says_why_it_fails(struct kunit *test)
{
	const struct kmemx_backend *backend = backend_of(test);
	int error = is_cma(backend) && !IS_ENABLED(CONFIG_DMA_CMA) ? -EOPNOTSUPP : -ENOMEM;
	struct kmemx_grant grant = { 0 };

	KUNIT_EXPECT_EQ(test, kmemx_backend_try(&grant, backend, TOO_MANY, NUMA_NO_NODE), error);
	KUNIT_EXPECT_GT(test, strlen(grant.why), 20UL);
	KUNIT_EXPECT_EQ(test, grant.nr_spans, 0U);
}

static unsigned long nr_free_cma(void)
{
	return global_zone_page_state(NR_FREE_CMA_PAGES);
}

static void backend_cma_comes_out_of_cma(struct kunit *test)
{
	static const struct kmemx_backend * const cma[] = {
		&kmemx_backend_native, &kmemx_backend_dma,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cma); i++) {
		struct kmemx_grant grant = { 0 };
		unsigned long before = nr_free_cma();

		if (!has_dma_cma(test)) {
			expect_no_backend(test, cma[i]);
			continue;
		}
		KUNIT_ASSERT_EQ(test, kmemx_backend_try(&grant, cma[i], NR_PAGES, NUMA_NO_NODE), 0);
		KUNIT_EXPECT_EQ(test, grant.nr_spans, 1U);
		KUNIT_EXPECT_LE(test, nr_free_cma() + NR_PAGES, before + 512);
		give_back(&grant);
	}
}

/* NR_TAKEN grants, or as many as leave a backend less than a chunk of @nr_pages. */
static unsigned int take_all(struct kmemx_grant *grant, const struct kmemx_backend *backend,
			     unsigned long nr_pages, int nid)
{
	unsigned int nr = 0;

	nr_pages = rounddown_pow_of_two(nr_pages);
	while (nr < NR_TAKEN && nr_pages >= KMEMX_BACKEND_CHUNK)
		if (kmemx_backend_try(&grant[nr], backend, nr_pages, nid))
			nr_pages /= 2;
		else
			nr++;
	return nr;
}

/* The DMA API gives ordinary pages then, where there are so many in a row. */
static void backend_dma_without_cma_gives_nothing(struct kunit *test)
{
	struct kmemx_grant *taken, grant = { 0 };
	unsigned int nr, i;
	int ret;

	if (!has_dma_cma(test)) {
		expect_no_backend(test, &kmemx_backend_dma);
		return;
	}
	taken = kunit_kcalloc(test, NR_TAKEN, sizeof(*taken), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, taken);
	nr = take_all(taken, &kmemx_backend_native, nr_free_cma(), NUMA_NO_NODE);
	ret = kmemx_backend_try(&grant, &kmemx_backend_dma, KMEMX_BACKEND_CHUNK, NUMA_NO_NODE);
	if (!ret)
		give_back(&grant);
	for (i = 0; i < nr; i++)
		give_back(&taken[i]);
	KUNIT_EXPECT_GT(test, nr, 0U);
	KUNIT_EXPECT_LT(test, nr, (unsigned int)NR_TAKEN);
	KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
}

static int find_ours(struct device *dev, void *found)
{
	if (strstarts(dev_name(dev), "kmemx-cma"))
		*(struct device **)found = dev;
	return 0;
}

/* What the DMA API allocates for; the last, if kmemx itself has one. */
static struct device *last_device(void)
{
	struct device *dev = NULL;

	bus_for_each_dev(&platform_bus_type, NULL, &dev, find_ours);
	return dev;
}

/* Its memory can be given back then, which nothing but the test does. */
static void backend_dma_keeps_the_device_of_what_is_kept(struct kunit *test)
{
	size_t size = max(NR_PAGES, (1UL << MAX_PAGE_ORDER) + 1) << PAGE_SHIFT;
	struct kmemx_grant grant = { 0 };
	struct device *dev;
	struct page *page;

	if (!has_dma_cma(test)) {
		expect_no_backend(test, &kmemx_backend_dma);
		return;
	}
	KUNIT_ASSERT_EQ(test, kmemx_backend_try(&grant, &kmemx_backend_dma, NR_PAGES,
						NUMA_NO_NODE), 0);
	dev = last_device();
	page = pfn_to_page(grant.span[0].pfn);
	get_page(page);
	KUNIT_EXPECT_EQ(test, kmemx_backend_release(&grant, 0), -EBUSY);
	kmemx_backend_fini(&grant);
	put_page(page);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	KUNIT_ASSERT_PTR_EQ(test, last_device(), dev);
	dma_free_pages(dev, size, page, page_to_phys(page), DMA_BIDIRECTIONAL);
	platform_device_unregister(to_platform_device(dev));
}

static void backend_dma_keeps_no_device_but_that(struct kunit *test)
{
	struct kmemx_grant grant = { 0 };
	struct device *dev = last_device();

	if (!has_dma_cma(test)) {
		expect_no_backend(test, &kmemx_backend_dma);
		return;
	}
	KUNIT_ASSERT_EQ(test, kmemx_backend_try(&grant, &kmemx_backend_dma, NR_PAGES,
						NUMA_NO_NODE), 0);
	KUNIT_EXPECT_PTR_NE(test, last_device(), dev);
	give_back(&grant);
	KUNIT_EXPECT_EQ(test, kmemx_backend_try(&grant, &kmemx_backend_dma, nr_free_cma() + 1,
						NUMA_NO_NODE), -ENOMEM);
	KUNIT_EXPECT_PTR_EQ(test, last_device(), dev);
}

/* Where a node has some blocks left, but not enough, all are another's. */
static void backend_pages_are_of_one_node(struct kunit *test)
{
	struct kmemx_grant *taken, some = { 0 }, grant = { 0 };
	unsigned int nr, nr_elsewhere = 0, i;
	int home, ret;

	if (num_online_nodes() == 1)
		kunit_skip(test, "there is one node");
	taken = kunit_kcalloc(test, NR_TAKEN, sizeof(*taken), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, taken);
	set_cpus_allowed_ptr(current, cpumask_of(raw_smp_processor_id()));
	home = numa_mem_id();
	KUNIT_ASSERT_EQ(test, kmemx_backend_try(&some, &kmemx_backend_pages, NR_PAGES, home), 0);
	nr = take_all(taken, &kmemx_backend_pages, node_present_pages(home), home);
	give_back(&some);
	ret = kmemx_backend_try(&grant, &kmemx_backend_pages, 2 * NR_PAGES, NUMA_NO_NODE);
	for (i = 0; i < grant.nr_spans; i++)
		nr_elsewhere += page_to_nid(pfn_to_page(grant.span[i].pfn)) != home;
	KUNIT_EXPECT_EQ_MSG(test, ret, 0, "%s", grant.why);
	KUNIT_EXPECT_GT(test, nr, 0U);
	KUNIT_EXPECT_LT(test, nr, (unsigned int)NR_TAKEN);
	KUNIT_EXPECT_EQ(test, nr_elsewhere, grant.nr_spans);
	if (!ret)
		give_back(&grant);
	for (i = 0; i < nr; i++)
		give_back(&taken[i]);
}

/* ---- Rungs that do not keep their word --------------------------------- */

#define NR_FAKE		3

struct fake {
	unsigned int nr_given;
	bool is_looked_up;	/* Somebody else holds the last page for a moment. */
	int error;
	unsigned int nr_released;
};

static struct fake fake;
static struct page *looked_up;

static void let_go(struct work_struct *unused)
{
	put_page(looked_up);
}

static DECLARE_DELAYED_WORK(letting_go, let_go);

static void look_up(unsigned long pfn)
{
	looked_up = pfn_to_page(pfn);
	get_page(looked_up);
	schedule_delayed_work(&letting_go, msecs_to_jiffies(100));
}

/* Spans of a page each, whatever was asked for; then @error. */
static int fake_reserve(struct kmemx_grant *grant, unsigned long nr_pages, int nid)
{
	unsigned int i;

	grant->span = kvcalloc(NR_FAKE, sizeof(*grant->span), GFP_KERNEL);
	if (!grant->span)
		return -ENOMEM;
	grant->nr_spans = NR_FAKE;
	for (i = 0; i < fake.nr_given; i++) {
		struct page *page = alloc_page(GFP_KERNEL);

		if (!page)
			return -ENOMEM;
		grant->span[i] = (struct kmemx_span){ page_to_pfn(page), 1 };
	}
	if (fake.is_looked_up)
		look_up(grant->span[fake.nr_given - 1].pfn);
	return fake.error;
}

static void fake_release(struct kmemx_grant *grant, unsigned int i)
{
	fake.nr_released++;
	__free_page(pfn_to_page(grant->span[i].pfn));
}

static const struct kmemx_backend backend_fake = {
	.name = "fake",
	.how = "fake_reserve",
	.reserve = fake_reserve,
	.release = fake_release,
};

static void expect_refused(struct kunit *test, unsigned long nr_pages, int nid, int error)
{
	struct kmemx_grant grant;

	fake.nr_released = 0;
	KUNIT_EXPECT_EQ(test, kmemx_backend_try(&grant, &backend_fake, nr_pages, nid), error);
	KUNIT_EXPECT_EQ(test, fake.nr_released, fake.nr_given);
	KUNIT_EXPECT_EQ(test, grant.nr_spans, 0U);
	KUNIT_EXPECT_NULL(test, grant.span);
}

static void backend_that_fails_half_way_keeps_nothing(struct kunit *test)
{
	fake.error = -EBUSY;
	for (fake.nr_given = 0; fake.nr_given <= NR_FAKE; fake.nr_given++)
		expect_refused(test, NR_FAKE, NUMA_NO_NODE, -EBUSY);
}

static void backend_that_gives_less_or_more_is_not_believed(struct kunit *test)
{
	fake.error = 0;
	for (fake.nr_given = 0; fake.nr_given <= NR_FAKE; fake.nr_given++) {
		expect_refused(test, fake.nr_given + 1, NUMA_NO_NODE, -EIO);
		if (fake.nr_given)
			expect_refused(test, fake.nr_given - 1, NUMA_NO_NODE, -EIO);
	}
}

/* When it is given, and when it is given back. */
static void backend_waits_for_who_looks_a_page_up(struct kunit *test)
{
	struct kmemx_grant grant;
	unsigned int i;

	fake = (struct fake){ .nr_given = NR_FAKE, .is_looked_up = true };
	KUNIT_ASSERT_EQ(test, kmemx_backend_try(&grant, &backend_fake, NR_FAKE, NUMA_NO_NODE), 0);
	flush_delayed_work(&letting_go);
	look_up(grant.span[1].pfn);
	for (i = 0; i < NR_FAKE; i++)
		KUNIT_EXPECT_EQ(test, kmemx_backend_release(&grant, i), 0);
	flush_delayed_work(&letting_go);
	KUNIT_EXPECT_EQ(test, fake.nr_released, (unsigned int)NR_FAKE);
	kmemx_backend_fini(&grant);
}

static void backend_that_gives_another_node_is_not_believed(struct kunit *test)
{
	fake = (struct fake){ .nr_given = 1 };
	/* No page is there. */
	expect_refused(test, 1, MAX_NUMNODES, -ENOMEM);
}

static void backend_ladder_takes_the_first_that_works(struct kunit *test)
{
	struct kmemx_grant grant = { 0 };

	KUNIT_ASSERT_EQ(test, kmemx_backend_reserve(&grant, "auto", NR_PAGES, NUMA_NO_NODE), 0);
	KUNIT_EXPECT_STREQ(test, grant.backend->name, IS_ENABLED(CONFIG_DMA_CMA) ? "cma" : "contig");
	give_back(&grant);
}

static void backend_knows_its_names(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, kmemx_backend_known("auto"));
	KUNIT_EXPECT_TRUE(test, kmemx_backend_known("cma"));
	KUNIT_EXPECT_TRUE(test, kmemx_backend_known("contig"));
	KUNIT_EXPECT_TRUE(test, kmemx_backend_known("pages"));
	KUNIT_EXPECT_FALSE(test, kmemx_backend_known("foo"));
	KUNIT_EXPECT_FALSE(test, kmemx_backend_known(""));
}

static struct kunit_case backend_cases[] = {
	KUNIT_CASE_PARAM(backend_gives_order_0_pages, backend_gen_params),
	KUNIT_CASE_PARAM(backend_says_why_it_fails, backend_gen_params),
	KUNIT_CASE(backend_cma_comes_out_of_cma),
	KUNIT_CASE(backend_dma_without_cma_gives_nothing),
	KUNIT_CASE(backend_dma_keeps_the_device_of_what_is_kept),
	KUNIT_CASE(backend_dma_keeps_no_device_but_that),
	KUNIT_CASE(backend_pages_are_of_one_node),
	KUNIT_CASE(backend_that_fails_half_way_keeps_nothing),
	KUNIT_CASE(backend_that_gives_less_or_more_is_not_believed),
	KUNIT_CASE(backend_waits_for_who_looks_a_page_up),
	KUNIT_CASE(backend_that_gives_another_node_is_not_believed),
	KUNIT_CASE(backend_ladder_takes_the_first_that_works),
	KUNIT_CASE(backend_knows_its_names),
	{}
};

static void backend_exit(struct kunit *test)
{
	flush_delayed_work(&letting_go);
}

static struct kunit_suite backend_suite = {
	.name = "kmemx_backend",
	.exit = backend_exit,
	.test_cases = backend_cases,
};

kunit_test_suites(&backend_suite);
