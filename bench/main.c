// SPDX-License-Identifier: GPL-2.0
/*
 * kmemx_bench: kmemx and its peers on the same work.
 *
 *	insmod kmemx.ko size=1G
 *	insmod kmemx_bench.ko mode=cost
 *	cat /sys/kernel/debug/kmemx_bench/results
 *
 * All is measured while the module is loaded; a line of the result is mode,
 * allocator, workload, metric, value and unit, with a tab between them.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/glob.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "bench.h"
#include "rows.h"
#include "trace.h"

#define REGION_MIN	SZ_64M
#define REGION_MAX	(64UL * SZ_1G)

/* More would leave nothing to work with. */
#define FILL_MAX	95

/* ---- Parameters ------------------------------------------------------- */

struct bench_params bench_params = {
	.region = SZ_1G,
};

static char *only = "*";
static const struct mode *mode;

/**
 * struct mode - what can be measured
 * @name: value of mode=
 * @run: does it
 */
struct mode {
	const char *name;
	int (*run)(void);
};

static const struct mode modes[] = {
	{ "cost", bench_cost },
	{ "tail", bench_tail },
	{ "memory", bench_memory },
	{ "frag", bench_frag },
	{ "policies", bench_policies },
	{ "named", bench_named },
	{ "smp", bench_smp },
	{ "named_smp", bench_named_smp },
	{ "native", bench_native },
};

#define MODES "cost, tail, memory, frag, policies, named, smp, named_smp or native"

static int mode_set(const char *val, const struct kernel_param *kp)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		if (sysfs_streq(val, modes[i].name)) {
			mode = &modes[i];
			return 0;
		}
	}
	pr_err("mode=%s: not a mode; give " MODES "\n", val);
	return -EINVAL;
}

static int mode_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", mode ? mode->name : "");
}

static const struct kernel_param_ops mode_ops = { .set = mode_set, .get = mode_get };

/* A number of MiB or GiB; sizes that matter have such a suffix. */
static int region_set(const char *val, const struct kernel_param *kp)
{
	unsigned long long bytes;
	char *end;

	bytes = memparse(val, &end);
	if ((*end && *end != '\n') || !is_power_of_2(bytes) || bytes < REGION_MIN ||
	    bytes > REGION_MAX) {
		pr_err("region=%s: not a size; give a power of two from 64M to 64G\n", val);
		return -EINVAL;
	}
	bench_params.region = bytes;
	return 0;
}

static const struct kernel_param_ops region_ops = { .set = region_set, .get = param_get_ulong };

static int fill_set(const char *val, const struct kernel_param *kp)
{
	if (kstrtouint(val, 0, &bench_params.fill) || bench_params.fill > FILL_MAX) {
		pr_err("fill=%s: not a share; give a number of percent from 0 to %d\n", val,
		       FILL_MAX);
		return -EINVAL;
	}
	return 0;
}

static const struct kernel_param_ops fill_ops = { .set = fill_set, .get = param_get_uint };

module_param_cb(mode, &mode_ops, NULL, 0444);
MODULE_PARM_DESC(mode, "what to measure: " MODES);
module_param(only, charp, 0444);
MODULE_PARM_DESC(only, "allocators whose names match this pattern, e.g. kmemx_* (default: all)");
module_param_named(quick, bench_params.quick, bool, 0444);
MODULE_PARM_DESC(quick, "fewer rounds (default 0)");
module_param_cb(region, &region_ops, &bench_params.region, 0444);
MODULE_PARM_DESC(region, "size of the regions that peers get; kmemx's is that of its own size= (default 1G)");
module_param_cb(fill, &fill_ops, &bench_params.fill, 0444);
MODULE_PARM_DESC(fill, "mode=cost: percent of the region in use meanwhile (default 0)");

/* ---- Peers ------------------------------------------------------------ */

static const struct bench_peer *const families[] = {
	bench_null, bench_slub, bench_kmalloc, bench_pages, bench_genpool, bench_gpubuddy,
	bench_mempool, bench_dmapool, bench_zsmalloc, bench_listbuddy, bench_kmemx,
};

/**
 * bench_wanted() - whether only= lets an allocator through
 * @allocator: its name
 */
bool bench_wanted(const char *allocator)
{
	return glob_match(only, allocator);
}

/**
 * bench_measure_peer() - measure one
 * @peer: the allocator
 * @measure: called with it and what its create() returned
 *
 * Return: 0 or an error.
 */
int bench_measure_peer(const struct bench_peer *peer, bench_measure_t measure)
{
	void *ctx = peer->create(peer);
	int ret;

	if (IS_ERR(ctx)) {
		pr_err("%s: cannot be set up: %pe\n", peer->name, ctx);
		return PTR_ERR(ctx);
	}
	pr_info("%s\n", peer->name);
	ret = measure(peer, ctx);
	peer->destroy(ctx);
	return ret;
}

/**
 * bench_measure_family() - measure all of a family that are wanted
 * @peer: the first of them
 * @measure: called with each peer and what its create() returned
 * @missing: called with those that this kernel does not have
 *
 * Return: 0, or the first error.
 */
int bench_measure_family(const struct bench_peer *peer, bench_measure_t measure,
			 bench_missing_t missing)
{
	int ret = 0;

	for (; peer->name && !ret; peer++) {
		if (!bench_wanted(peer->name))
			continue;
		if (peer->missing)
			missing(peer);
		else
			ret = bench_measure_peer(peer, measure);
	}
	return ret;
}

/**
 * bench_measure_peers() - measure all that are wanted
 * @measure: as for bench_measure_family()
 * @missing: likewise
 *
 * Return: 0, or the first error.
 */
int bench_measure_peers(bench_measure_t measure, bench_missing_t missing)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(families) && !ret; i++)
		ret = bench_measure_family(families[i], measure, missing);
	return ret;
}

/* ---- Load and unload -------------------------------------------------- */

static int check_trace(void)
{
	unsigned int i;

	for (i = 0; i < TRACE_SEEDS; i++) {
		if (trace_is_reference(&trace_seeds[i]))
			continue;
		pr_err("seed %#llx does not bring forth the reference trace\n",
		       trace_seeds[i].seed);
		return -EIO;
	}
	return 0;
}

static int __init kmemx_bench_init(void)
{
	int ret;

	if (!mode) {
		pr_err("what to measure? Give mode=" MODES "\n");
		return -EINVAL;
	}
	ret = check_trace();
	if (ret)
		return ret;
	rows_start(mode->name);
	ret = mode->run() ?: rows_publish();
	if (ret)
		rows_end();
	else
		pr_info("mode=%s is done\n", mode->name);
	return ret;
}

static void __exit kmemx_bench_exit(void)
{
	rows_end();
}

module_init(kmemx_bench_init);
module_exit(kmemx_bench_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The kmemx authors");
MODULE_DESCRIPTION("kmemx and its peers, measured on the same work");
