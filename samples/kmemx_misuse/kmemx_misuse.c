// SPDX-License-Identifier: GPL-2.0
/*
 * kmemx_misuse: a driver with a bug of your choice, to see what kmemx does
 * about it. Init makes the mistake and then does what would have been right, so
 * nothing is left over unless the mistake is a leak.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mman.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <kmemx/kmemx.h>

static char *bug = "";
module_param(bug, charp, 0444);
MODULE_PARM_DESC(bug, "double, order, misaligned, foreign, cache or function: a free that kmemx is to refuse; usercopy: a copy to user space that it is to refuse; page: a page of the kernel's, never freed; nofail: a flag it is to refuse; dtor: a cache with a destructor, never destroyed");

static int double_free(void)
{
	void *ptr = kmemx_alloc(100, GFP_KERNEL);

	if (!ptr)
		return -ENOMEM;
	kmemx_free(ptr);
	kmemx_free(ptr);
	return 0;
}

static int wrong_order(void)
{
	struct page *page = kmemx_alloc_pages(GFP_KERNEL, 2);

	if (!page)
		return -ENOMEM;
	kmemx_free_pages(page, 1);
	kmemx_free_pages(page, 2);
	return 0;
}

static int misaligned(void)
{
	u8 *ptr = kmemx_alloc(100, GFP_KERNEL);

	if (!ptr)
		return -ENOMEM;
	kmemx_free(ptr + 8);
	kmemx_free(ptr);
	return 0;
}

static int foreign(void)
{
	void *ptr = kmalloc(100, GFP_KERNEL);

	if (!ptr)
		return -ENOMEM;
	kmemx_free(ptr);
	kfree(ptr);
	return 0;
}

static int wrong_cache(void)
{
	struct kmemx_cache *mine = kmemx_cache_create("misuse-mine", 100, NULL, 0);
	struct kmemx_cache *other = kmemx_cache_create("misuse-other", 100, NULL, 0);
	void *obj = mine && other ? kmemx_cache_alloc(mine, GFP_KERNEL) : NULL;

	if (obj) {
		kmemx_cache_free(other, obj);
		kmemx_cache_free(mine, obj);
	}
	kmemx_cache_destroy(other);
	kmemx_cache_destroy(mine);
	return obj ? 0 : -ENOMEM;
}

static int wrong_function(void)
{
	struct page *page = kmemx_alloc_pages(GFP_KERNEL, 0);

	if (!page)
		return -ENOMEM;
	kmemx_free(page_address(page));
	kmemx_free_pages(page, 0);
	return 0;
}

static int leak_page(void)
{
	return alloc_page(GFP_KERNEL) ? 0 : -ENOMEM;
}

/* A caller that relies on it would not look at NULL; this one frees whatever it got. */
static int nofail(void)
{
	kmemx_free(kmemx_alloc(100, GFP_KERNEL | __GFP_NOFAIL));
	return 0;
}

/* Copies all of an object to user space, and then what may be. */
static int wrong_copy(void)
{
	struct kmemx_cache_args args = { .useroffset = 8, .usersize = 16 };
	struct kmemx_cache *cache = kmemx_cache_create("misuse-window", 64, &args, 0);
	char *obj = cache ? kmemx_cache_zalloc(cache, GFP_KERNEL) : NULL;
	unsigned long addr = vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, 0);
	char __user *user = (char __user *)addr;
	int ret = -ENOMEM;

	if (obj && !IS_ERR_VALUE(addr)) {
		strscpy(obj + 8, "user", 16);
		ret = kmemx_copy_to_user(user, obj, 64) == 64 &&
			!kmemx_copy_to_user(user, obj + 8, 16) &&
			!kmemx_copy_from_user(obj + 16, user, 8) &&
			!strcmp(obj + 16, "user") ? 0 : -EFAULT;
	}
	if (!IS_ERR_VALUE(addr))
		vm_munmap(addr, PAGE_SIZE);
	if (obj)
		kmemx_cache_free(cache, obj);
	kmemx_cache_destroy(cache);
	return ret;
}

static unsigned int nr_destroyed;

static void destroy_object(void *obj)
{
	nr_destroyed++;
}

/* Never destroyed: so its destructor is not to be called when this module has gone. */
static int leak_cache(void)
{
	struct kmemx_cache_args args = { .dtor = destroy_object };
	struct kmemx_cache *cache = kmemx_cache_create("misuse-dtor", 1000, &args, 0);
	void *objs[64];
	unsigned int nr;

	if (!cache)
		return -ENOMEM;
	nr = kmemx_cache_alloc_bulk(cache, GFP_KERNEL, ARRAY_SIZE(objs), objs);
	kmemx_cache_free_bulk(cache, nr, objs);
	return nr ? 0 : -ENOMEM;
}

static const struct {
	const char *name;
	int (*make)(void);
} bugs[] = {
	{ "double", double_free },
	{ "order", wrong_order },
	{ "misaligned", misaligned },
	{ "foreign", foreign },
	{ "cache", wrong_cache },
	{ "function", wrong_function },
	{ "usercopy", wrong_copy },
	{ "page", leak_page },
	{ "nofail", nofail },
	{ "dtor", leak_cache },
};

static int __init kmemx_misuse_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bugs); i++)
		if (!strcmp(bugs[i].name, bug))
			return bugs[i].make();
	pr_err("bug=%s: give double, order, misaligned, foreign, cache, function, usercopy, page, nofail or dtor\n",
	       bug);
	return -EINVAL;
}

static void __exit kmemx_misuse_exit(void)
{
}

module_init(kmemx_misuse_init);
module_exit(kmemx_misuse_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The kmemx authors");
MODULE_DESCRIPTION("A driver with a bug of your choice, to see what kmemx does about it");
/* MODULE_IMPORT_NS() of any kernel: its argument became a string in Linux 6.13. */
MODULE_INFO(import_ns, "KMEMX");
