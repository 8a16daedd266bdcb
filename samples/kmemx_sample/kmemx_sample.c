// SPDX-License-Identifier: GPL-2.0
/*
 * kmemx_sample: a driver that uses kmemx for everything, and checks what it gets.
 *
 * Allocates objects (of all size classes, some larger, some of a cache of its
 * own), packet buffers, which it maps for DMA, page blocks and one contiguous
 * block; writes a pattern of its own into each, so that two that overlap would
 * show; frees half of them in a scattered order and allocates those again. What
 * it says last is one line, PASS or FAIL with the reason. It then keeps the
 * memory until it is unloaded, so that there is something to see in
 * /sys/kernel/debug/kmemx, and checks all of it once more.
 *
 * Nothing here runs more than once at a time: all is done by init and exit.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cache.h>
#include <linux/ctype.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/platform_device.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <kmemx/kmemx.h>

/* More than any region holds; the table of them is then 0.4 GiB. */
#define COUNT_MAX	(16 * 1024 * 1024)

#define CONTIG_MAX	SZ_1G

/* The contiguous block's alignment: what a device with 64 KiB pages would ask for. */
#define CONTIG_ALIGN	SZ_64K

/* Packet buffers are for Ethernet, with room for a header before it and for what follows it. */
#define MTU		1500
#define HEADROOM	64
#define TAILROOM	64

/* Page blocks are of these orders in turn. */
#define NR_ORDERS	4

/* ---- Parameters -------------------------------------------------------- */

static unsigned int objects = 1000;
static unsigned int buffers;
static unsigned int pages = 64;
static unsigned long contig = SZ_1M;
static unsigned int leak;
static bool keep = true;

static int count_set(const char *val, const struct kernel_param *kp)
{
	unsigned int number;

	if (kstrtouint(val, 0, &number) || number > COUNT_MAX) {
		pr_err("%s=%s: not a count; give a number from 0 to %d\n", kp->name, val,
		       COUNT_MAX);
		return -EINVAL;
	}
	*(unsigned int *)kp->arg = number;
	return 0;
}

static const struct kernel_param_ops count_ops = {
	.set = count_set,
	.get = param_get_uint,
};

/* memparse() would wrap around, and ignore what follows the suffix. */
static int parse_bytes(const char *val, unsigned long *bytes)
{
	static const char suffixes[] = "KMG";
	const char *suffix;
	unsigned long number;
	char digits[16];
	size_t len;

	if (strscpy(digits, val, sizeof(digits)) < 0)
		return -EINVAL;
	len = strcspn(digits, "\n");
	suffix = len ? strchr(suffixes, toupper(digits[len - 1])) : NULL;
	if (suffix)
		digits[len - 1] = '\0';
	if (kstrtoul(digits, 0, &number) || number > CONTIG_MAX)
		return -EINVAL;
	*bytes = number << (suffix ? 10 * (suffix - suffixes + 1) : 0);
	return *bytes <= CONTIG_MAX ? 0 : -EINVAL;
}

static int bytes_set(const char *val, const struct kernel_param *kp)
{
	int ret = parse_bytes(val, kp->arg);

	if (ret)
		pr_err("%s=%s: not a size; give 0 to 1G, bytes with an optional suffix K, M or G\n",
		       kp->name, val);
	return ret;
}

static const struct kernel_param_ops bytes_ops = {
	.set = bytes_set,
	.get = param_get_ulong,
};

module_param_cb(objects, &count_ops, &objects, 0444);
MODULE_PARM_DESC(objects, "objects to allocate, 8 bytes to 40 KiB, one in four from a cache (default 1000)");
module_param_cb(buffers, &count_ops, &buffers, 0444);
MODULE_PARM_DESC(buffers, "packet buffers to allocate, and to map for DMA (default 0)");
module_param_cb(pages, &count_ops, &pages, 0444);
MODULE_PARM_DESC(pages, "pages to allocate, in blocks of orders 0 to 3 (default 64)");
module_param_cb(contig, &bytes_ops, &contig, 0444);
MODULE_PARM_DESC(contig, "bytes to allocate as one contiguous block, 0 for none (default 1M)");
module_param_named(keep, keep, bool, 0444);
MODULE_PARM_DESC(keep, "hold on to the memory until unloaded (default 1)");
module_param_cb(leak, &count_ops, &leak, 0444);
MODULE_PARM_DESC(leak, "objects to forget when unloaded, to see what kmemx says (default 0)");

/* ---- What is allocated ------------------------------------------------- */

enum source {
	FROM_ALLOC,		/* kmemx_alloc() */
	FROM_ZALLOC,		/* kmemx_zalloc(), to be found zeroed */
	FROM_CACHE,		/* kmemx_cache_alloc(), to be found constructed */
	FROM_PKTCACHE,		/* the same, of kmemx_pktcache_create() */
	FROM_PAGES,		/* kmemx_alloc_pages() */
	FROM_CONTIG,		/* kmemx_alloc_contig() */
};

/**
 * struct item - one allocation
 * @ptr: the memory, or NULL
 * @want: bytes to ask for
 * @size: bytes that may be used, all of which hold the pattern
 * @source: the function it is from
 */
struct item {
	u8 *ptr;
	size_t want;
	size_t size;
	enum source source;
};

/* An object of the cache: the constructor's part, then ours. */
struct record {
	u64 stamp;
	struct record *self;
	u8 data[104];
};

#define STAMP	0x6b6d656d785f6f6bULL

static struct kmemx_cache *cache;
static struct kmemx_cache *pktcache;		/* NULL without buffers, */
static struct platform_device *device;		/* and for what they are mapped. */
static struct item *items;
static unsigned long nr_items;

/* What was asked of kmemx, for comparison with what its tracepoints count. */
static unsigned long nr_object_calls, nr_page_calls, nr_contig_calls;

static void record_ctor(void *obj)
{
	struct record *record = obj;

	record->stamp = STAMP;
	record->self = record;
}

/* ---- Planning ---------------------------------------------------------- */

/*
 * Sizes go round all powers of two up to 8 KiB and what lies half-way between
 * them, less anything up to a quarter; each 97th object is larger than any class.
 */
static size_t object_size(unsigned long i)
{
	unsigned int shift = 3 + i / 2 % 11;
	size_t size = min_t(size_t, BIT(shift) + (i % 2 ? BIT(shift) / 2 : 0), SZ_8K);

	if (i % 97 == 96)
		return (3 + i % 8) * SZ_4K;
	return size - i * 37 % (size / 4);
}

static void plan_object(struct item *item, unsigned long i)
{
	static const enum source sources[] = { FROM_ALLOC, FROM_ZALLOC, FROM_ALLOC, FROM_CACHE };

	item->source = sources[i % ARRAY_SIZE(sources)];
	item->want = item->source == FROM_CACHE ? sizeof(struct record) : object_size(i);
}

/* The next block of @left pages: of the order whose turn it is, or what still fits. */
static unsigned int plan_order(unsigned long turn, unsigned int left)
{
	return min_t(unsigned int, turn % NR_ORDERS, ilog2(left));
}

static unsigned long count_blocks(void)
{
	unsigned int left = pages;
	unsigned long nr = 0;

	while (left)
		left -= 1U << plan_order(nr++, left);
	return nr;
}

static int plan(void)
{
	unsigned long nr_blocks = count_blocks();
	struct item *item;
	unsigned int left = pages;
	unsigned long i;

	nr_items = objects + buffers + nr_blocks + !!contig;
	items = kvcalloc(max(nr_items, 1UL), sizeof(*items), GFP_KERNEL);
	if (!items)
		return -ENOMEM;
	item = items;
	for (i = 0; i < objects; i++)
		plan_object(item++, i);
	for (i = 0; i < buffers; i++, item++) {
		item->source = FROM_PKTCACHE;
		item->want = MTU + HEADROOM + TAILROOM;
	}
	for (i = 0; i < nr_blocks; i++, item++) {
		unsigned int order = plan_order(i, left);

		left -= 1U << order;
		item->source = FROM_PAGES;
		item->want = PAGE_SIZE << order;
	}
	if (contig) {
		item->source = FROM_CONTIG;
		item->want = contig;
	}
	return 0;
}

/* ---- Checking ---------------------------------------------------------- */

static u8 *payload(const struct item *item, size_t *size)
{
	size_t skip = item->source == FROM_CACHE ? offsetof(struct record, data) : 0;

	*size = item->size - skip;
	return item->ptr + skip;
}

/* Neighbours in index and in memory differ. */
static u8 pattern(unsigned long i, size_t offset)
{
	return (u8)(i * 29 + (i >> 8) * 101 + offset * 7 + (offset >> 8) * 13 + 1);
}

static void fill(const struct item *item)
{
	unsigned long i = item - items;
	size_t offset, size;
	u8 *data = payload(item, &size);

	for (offset = 0; offset < size; offset++)
		data[offset] = pattern(i, offset);
}

static int fail(const struct item *item, const char *what, size_t offset)
{
	pr_err("FAIL item %td of %lu, %zu bytes: %s at offset %zu\n", item - items, nr_items,
	       item->want, what, offset);
	return -EIO;
}

static int check_pattern(const struct item *item)
{
	unsigned long i = item - items;
	size_t offset, size;
	u8 *data = payload(item, &size);

	for (offset = 0; offset < size; offset++)
		if (data[offset] != pattern(i, offset))
			return fail(item, "the pattern has changed", offset);
	return 0;
}

static int check_constructed(const struct item *item)
{
	const struct record *record = (const struct record *)item->ptr;

	if (record->stamp != STAMP || record->self != record)
		return fail(item, "not as the constructor left it", 0);
	return 0;
}

static int check_item(const struct item *item)
{
	int ret = item->source == FROM_CACHE ? check_constructed(item) : 0;

	return ret ?: check_pattern(item);
}

static int check_all(void)
{
	unsigned long i;
	int ret = 0;

	for (i = 0; i < nr_items && !ret; i++) {
		ret = items[i].ptr ? check_item(&items[i]) : 0;
		cond_resched();
	}
	return ret;
}

static int check_physical(const struct item *item)
{
	phys_addr_t start = virt_to_phys(item->ptr);
	size_t align = item->source == FROM_CONTIG ? CONTIG_ALIGN : item->want;
	size_t offset;

	if (!IS_ALIGNED(start, align))
		return fail(item, "not aligned", 0);
	for (offset = 0; offset < item->size; offset += PAGE_SIZE)
		if (page_to_phys(virt_to_page(item->ptr + offset)) != start + offset)
			return fail(item, "not contiguous", offset);
	return 0;
}

/* As a driver that hands it to its device, which writes into it, and gets it back. */
static int check_dma(const struct item *item)
{
	dma_addr_t addr;

	if (!IS_ALIGNED((uintptr_t)item->ptr, dma_get_cache_alignment()) ||
	    !IS_ALIGNED((uintptr_t)item->ptr, cache_line_size()))
		return fail(item, "it shares a cache line", 0);
	addr = dma_map_single(&device->dev, item->ptr, item->want, DMA_FROM_DEVICE);
	if (dma_mapping_error(&device->dev, addr))
		return fail(item, "it cannot be mapped for DMA", 0);
	dma_unmap_single(&device->dev, addr, item->want, DMA_FROM_DEVICE);
	return 0;
}

/* As it comes, before anything is written to it. */
static int check_new(const struct item *item)
{
	const void *odd;

	switch (item->source) {
	case FROM_PAGES:
	case FROM_CONTIG:
		return check_physical(item);
	case FROM_CACHE:
		return check_constructed(item);
	case FROM_PKTCACHE:
		return check_dma(item);
	case FROM_ZALLOC:
		odd = memchr_inv(item->ptr, 0, item->want);
		if (odd)
			return fail(item, "not zeroed", (u8 *)odd - item->ptr);
		fallthrough;
	case FROM_ALLOC:
		if (item->size < item->want)
			return fail(item, "kmemx_size() is less than was asked for", item->size);
		if (is_power_of_2(item->want) && !IS_ALIGNED((uintptr_t)item->ptr, item->want))
			return fail(item, "not aligned to its size", 0);
	}
	return 0;
}

/* ---- Allocating and freeing -------------------------------------------- */

static void *alloc_item(const struct item *item)
{
	struct page *page;

	switch (item->source) {
	case FROM_ALLOC:
		nr_object_calls++;
		return kmemx_alloc(item->want, GFP_KERNEL);
	case FROM_ZALLOC:
		nr_object_calls++;
		return kmemx_zalloc(item->want, GFP_KERNEL);
	case FROM_CACHE:
		nr_object_calls++;
		return kmemx_cache_alloc(cache, GFP_KERNEL);
	case FROM_PKTCACHE:
		nr_object_calls++;
		return kmemx_cache_alloc(pktcache, GFP_KERNEL);
	case FROM_PAGES:
		nr_page_calls++;
		page = kmemx_alloc_pages(GFP_KERNEL, get_order(item->want));
		return page ? page_address(page) : NULL;
	case FROM_CONTIG:
		nr_contig_calls++;
		return kmemx_alloc_contig(item->want, CONTIG_ALIGN, GFP_KERNEL);
	}
	return NULL;
}

static int take(struct item *item)
{
	int ret;

	item->ptr = alloc_item(item);
	if (!item->ptr) {
		pr_err("FAIL item %td of %lu, %zu bytes: kmemx has none; the line above says why\n",
		       item - items, nr_items, item->want);
		return -ENOMEM;
	}
	item->size = item->source == FROM_PAGES ? item->want : kmemx_size(item->ptr);
	ret = check_new(item);
	if (ret)
		return ret;
	fill(item);
	return 0;
}

static void give(struct item *item)
{
	if (!item->ptr)
		return;
	switch (item->source) {
	case FROM_ALLOC:
	case FROM_ZALLOC:
		kmemx_free(item->ptr);
		break;
	case FROM_CACHE:
		kmemx_cache_free(cache, item->ptr);
		break;
	case FROM_PKTCACHE:
		kmemx_cache_free(pktcache, item->ptr);
		break;
	case FROM_PAGES:
		kmemx_free_pages(virt_to_page(item->ptr), get_order(item->want));
		break;
	case FROM_CONTIG:
		/* As who needs no more of it: half of it goes first. */
		kmemx_trim_contig(item->ptr, DIV_ROUND_UP(item->want, 2));
		kmemx_free_contig(item->ptr);
		break;
	}
	item->ptr = NULL;
}

static int take_missing(void)
{
	unsigned long i;
	int ret = 0;

	for (i = 0; i < nr_items && !ret; i++) {
		ret = items[i].ptr ? 0 : take(&items[i]);
		cond_resched();
	}
	return ret;
}

/* Every second one, from a different place each time. */
static int give_half(void)
{
	/* A prime larger than COUNT_MAX, so that each item has its turn. */
	const u64 step = 2147483647;
	unsigned long i;

	for (i = 0; i < nr_items; i++) {
		struct item *item = &items[i * step % nr_items];
		int ret;

		if ((item - items) % 2)
			continue;
		ret = check_item(item);
		if (ret)
			return ret;
		give(item);
		cond_resched();
	}
	return 0;
}

static void give_all(void)
{
	unsigned long i;

	for (i = 0; i < nr_items; i++) {
		give(&items[i]);
		cond_resched();
	}
}

/* ---- The run ----------------------------------------------------------- */

static int run(void)
{
	int ret;

	ret = take_missing();
	if (!ret)
		ret = check_all();
	if (!ret)
		ret = give_half();
	if (!ret)
		ret = take_missing();
	if (!ret)
		ret = check_all();
	return ret;
}

/* What buffers are of, and for. What there is then tear_down() ends. */
static int make_buffers(void)
{
	struct platform_device *pdev;
	int ret;

	pktcache = kmemx_pktcache_create(MTU, HEADROOM, TAILROOM, SZ_128);
	if (!pktcache) {
		pr_err("FAIL no cache of packet buffers; the line above says why\n");
		return -ENOMEM;
	}
	pdev = platform_device_register_simple(KBUILD_MODNAME, PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(pdev)) {
		pr_err("FAIL no device to map for: %pe\n", pdev);
		return PTR_ERR(pdev);
	}
	device = pdev;
	ret = dma_coerce_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		pr_err("FAIL no DMA for the device: %pe\n", ERR_PTR(ret));
	return ret;
}

/* The half-built too. */
static void tear_down(void)
{
	give_all();
	kmemx_cache_destroy(cache);
	kmemx_cache_destroy(pktcache);
	platform_device_unregister(device);
	kvfree(items);
}

static int __init kmemx_sample_init(void)
{
	static const struct kmemx_cache_args args = { .ctor = record_ctor };
	int ret;

	ret = plan();
	if (ret) {
		pr_err("FAIL no memory for a table of %u objects; give a smaller objects=\n",
		       objects);
		return ret;
	}
	cache = kmemx_cache_create("kmemx_sample", sizeof(struct record), &args, 0);
	if (!cache) {
		pr_err("FAIL no cache; the line above says why\n");
		ret = -ENOMEM;
	}
	if (!ret && buffers)
		ret = make_buffers();
	if (!ret)
		ret = run();
	if (ret) {
		tear_down();
		return ret;
	}
	if (!keep)
		give_all();
	pr_info("calls: %lu for objects, %lu for page blocks, %lu for contiguous blocks\n",
		nr_object_calls, nr_page_calls, nr_contig_calls);
	if (buffers)
		pr_info("packet buffers: %u were mapped for DMA, with lines of %d bytes\n", buffers,
			max_t(int, dma_get_cache_alignment(), cache_line_size()));
	pr_info("PASS objects=%u pages=%u contig=%lu\n", objects, pages, contig);
	return 0;
}

static void __exit kmemx_sample_exit(void)
{
	unsigned int i;

	if (!check_all())
		pr_info("all patterns are as they were written\n");
	for (i = 0; i < min(leak, objects); i++)
		items[i].ptr = NULL;
	tear_down();
}

module_init(kmemx_sample_init);
module_exit(kmemx_sample_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The kmemx authors");
MODULE_DESCRIPTION("A driver that uses kmemx for everything and checks what it gets");
/* MODULE_IMPORT_NS() of any kernel: its argument became a string in Linux 6.13. */
MODULE_INFO(import_ns, "KMEMX");
