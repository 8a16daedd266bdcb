// SPDX-License-Identifier: GPL-2.0
/*
 * kmemx module parameters: size=, backend=, nid=, size_classes=, magazine=, zero_ahead= and
 * track=.
 *
 * Values are checked as they are set, so that insmod itself fails with EINVAL,
 * and every refusal says in the log what was wrong and what would be right.
 * All are read-only afterwards; nothing here needs a lock.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/align.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/nodemask.h>
#include <linux/numa.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include <kmemx/compat.h>

#include "cma/backend.h"
#include "params.h"
#include "slab/front.h"

#define CHUNK_BYTES	(KMEMX_BACKEND_CHUNK << PAGE_SHIFT)

struct kmemx_params kmemx_params = {
	.size = SZ_64M,
	.backend = "auto",
	.nid = NUMA_NO_NODE,
	.magazine = KMEMX_FRONT_MAX,
	.track = false,
};

/* How far a suffix of memparse()'s shifts; 0 for anything else. */
static unsigned int suffix_shift(char suffix)
{
	switch (suffix) {
	case 'K': case 'k':
		return 10;
	case 'M': case 'm':
		return 20;
	case 'G': case 'g':
		return 30;
	case 'T': case 't':
		return 40;
	default:
		return 0;
	}
}

/**
 * kmemx_params_parse_size() - read a size as a user types it
 * @text: a number as kstrtoull() takes it, with at most one suffix K, M, G or T
 *	  in either case; a final newline is fine
 * @size: the size in bytes; written on success only
 *
 * Stricter than memparse(), which stops at what it does not understand and
 * wraps around without a word.
 *
 * Context: any.
 * Return: 0, or -EINVAL for what is not a number, is 0, or does not fit even
 *	   after it has been rounded up to whole chunks.
 */
int kmemx_params_parse_size(const char *text, unsigned long *size)
{
	unsigned long long number;
	unsigned int shift;
	char buf[32];
	size_t len;

	if (strscpy(buf, text, sizeof(buf)) < 0)
		return -EINVAL;
	len = strcspn(buf, "\n");
	shift = len ? suffix_shift(buf[len - 1]) : 0;
	if (shift)
		buf[len - 1] = '\0';

	if (kstrtoull(buf, 0, &number))
		return -EINVAL;
	if (!number || number > (ULONG_MAX - CHUNK_BYTES) >> shift)
		return -EINVAL;
	*size = number << shift;

	return 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_params_parse_size);

static int size_set(const char *val, const struct kernel_param *kp)
{
	int ret = kmemx_params_parse_size(val, kp->arg);

	if (ret)
		pr_err("%s=%s: not a size; give bytes with an optional suffix K, M, G or T, e.g. size=64M\n",
		       kp->name, val);

	return ret;
}

static int size_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%lu\n", *(unsigned long *)kp->arg);
}

static const struct kernel_param_ops size_ops = {
	.set = size_set,
	.get = size_get,
};

/* As a size, and nothing is fine. */
static int zero_ahead_set(const char *val, const struct kernel_param *kp)
{
	unsigned long *bytes = kp->arg;

	if (sysfs_streq(val, "0")) {
		*bytes = 0;
		return 0;
	}
	return size_set(val, kp);
}

static const struct kernel_param_ops zero_ahead_ops = {
	.set = zero_ahead_set,
	.get = size_get,
};

static int backend_set(const char *val, const struct kernel_param *kp)
{
	if (!kmemx_backend_known(val)) {
		pr_err("%s=%s: not a backend; give " KMEMX_BACKEND_NAMES "\n",
		       kp->name, val);
		return -EINVAL;
	}
	strscpy(kmemx_params.backend, val, sizeof(kmemx_params.backend));

	return 0;
}

static int backend_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", kmemx_params.backend);
}

static const struct kernel_param_ops backend_ops = {
	.set = backend_set,
	.get = backend_get,
};

static bool is_nid(int nid)
{
	return nid == NUMA_NO_NODE || (nid >= 0 && nid < MAX_NUMNODES && node_online(nid));
}

static int nid_set(const char *val, const struct kernel_param *kp)
{
	int nid;

	if (kstrtoint(val, 0, &nid) || !is_nid(nid)) {
		pr_err("%s=%s: not an online node; give one of %*pbl, or -1 for any\n",
		       kp->name, val, nodemask_pr_args(&node_online_map));
		return -EINVAL;
	}
	*(int *)kp->arg = nid;

	return 0;
}

static const struct kernel_param_ops nid_ops = {
	.set = nid_set,
	.get = param_get_int,
};

/* A list of numbers with commas in between. */
static int parse_list(const char *text, unsigned int *nr, u32 *size)
{
	char number[8];
	size_t len;

	for (*nr = 0; ; text += len + 1) {
		len = strcspn(text, ",");
		if (*nr == KMEMX_CLASSES_LIST_MAX || len >= sizeof(number))
			return -EINVAL;
		memcpy(number, text, len);
		number[len] = '\0';
		if (kstrtou32(number, 0, &size[(*nr)++]))
			return -EINVAL;
		if (!text[len])
			return 0;
	}
}

/**
 * kmemx_params_parse_classes() - read size classes as a user types them
 * @text: pow2, half, quarter, or up to KMEMX_CLASSES_LIST_MAX rising sizes with commas in
 *	  between, as kmemx_classes_init_list() takes them; a final newline is fine
 * @classes: to fill in; undefined on failure
 *
 * Context: any.
 * Return: 0, or -EINVAL for anything else.
 */
int kmemx_params_parse_classes(const char *text, struct kmemx_classes *classes)
{
	u32 size[KMEMX_CLASSES_LIST_MAX];
	unsigned int nr;

	if (sysfs_streq(text, "pow2"))
		kmemx_classes_init(classes, KMEMX_CLASSES_POW2);
	else if (sysfs_streq(text, "half"))
		kmemx_classes_init(classes, KMEMX_CLASSES_HALF);
	else if (sysfs_streq(text, "quarter"))
		kmemx_classes_init(classes, KMEMX_CLASSES_QUARTER);
	else
		return parse_list(text, &nr, size) ?: kmemx_classes_init_list(classes, nr, size);
	return 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_params_parse_classes);

static int classes_set(const char *val, const struct kernel_param *kp)
{
	int ret = kmemx_params_parse_classes(val, kp->arg);

	if (ret)
		pr_err("%s=%s: not size classes; give pow2, half, quarter, or up to %d rising multiples of 8 up to %d, e.g. size_classes=8,24,40,64\n",
		       kp->name, val, KMEMX_CLASSES_LIST_MAX, KMEMX_CLASS_MAX_SIZE);

	return ret;
}

/* All of them, whatever they came from. */
static int classes_get(char *buffer, const struct kernel_param *kp)
{
	const struct kmemx_classes *classes = kp->arg;
	unsigned int i;
	int len = 0;

	for (i = 0; i < classes->nr; i++)
		len += sysfs_emit_at(buffer, len, "%s%u", i ? "," : "", classes->size[i]);

	return len + sysfs_emit_at(buffer, len, "\n");
}

static const struct kernel_param_ops classes_ops = {
	.set = classes_set,
	.get = classes_get,
};

module_param_cb(size, &size_ops, &kmemx_params.size, 0444);
MODULE_PARM_DESC(size, "size of the region in bytes, with an optional suffix K, M, G or T; rounded up to whole chunks of 512 pages (default 64M)");

module_param_cb(backend, &backend_ops, NULL, 0444);
MODULE_PARM_DESC(backend, "where the region comes from: " KMEMX_BACKEND_NAMES " (default auto: the first of them that succeeds)");

module_param_cb(nid, &nid_ops, &kmemx_params.nid, 0444);
MODULE_PARM_DESC(nid, "NUMA node the region must be on (default -1: any)");

module_param_cb(size_classes, &classes_ops, &kmemx_params.classes, 0444);
MODULE_PARM_DESC(size_classes, "object sizes of kmemx_alloc(): pow2, half, quarter, or a list such as 8,24,40,64 (default half: powers of two and what lies half-way)");

module_param_named(magazine, kmemx_params.magazine, uint, 0444);
MODULE_PARM_DESC(magazine, "objects that each CPU may keep of a cache at most, where the cache does not say; 0: none (default 4096)");

module_param_cb(zero_ahead, &zero_ahead_ops, &kmemx_params.zero_ahead, 0444);
MODULE_PARM_DESC(zero_ahead, "bytes of free memory, in whole chunks, that a thread keeps zeroed for large requests that want zeroes, with an optional suffix K, M, G or T (default 0)");

module_param_named(track, kmemx_params.track, bool, 0444);
MODULE_PARM_DESC(track, "record the call site of each live allocation (default 0)");

/**
 * kmemx_params_check() - make the parameters fit each other and the hardware
 *
 * Rounds the size up to whole chunks, and says so when that changes it; where no size
 * classes were given they are the default ones. Called once, by the module's init, before
 * anything uses the parameters.
 *
 * Context: process context.
 * Return: 0, or -EINVAL if the node has gone since the parameter was set.
 */
int kmemx_params_check(void)
{
	unsigned long size = ALIGN(kmemx_params.size, CHUNK_BYTES);

	if (!is_nid(kmemx_params.nid)) {
		pr_err("nid=%d: not an online node; give one of %*pbl, or -1 for any\n",
		       kmemx_params.nid, nodemask_pr_args(&node_online_map));
		return -EINVAL;
	}
	if (!kmemx_params.classes.nr)
		kmemx_classes_init(&kmemx_params.classes, KMEMX_CLASSES_HALF);
	if (size != kmemx_params.size) {
		pr_info("size=%lu: rounded up to %lu, whole chunks of %lu KiB\n",
			kmemx_params.size, size, CHUNK_BYTES >> 10);
		kmemx_params.size = size;
	}

	return 0;
}
