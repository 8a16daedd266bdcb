// SPDX-License-Identifier: GPL-2.0
/*
 * What is known of each cache, in files with the names and formats of SLUB's in
 * /sys/kernel/slab/CACHE, where these have a meaning here.
 *
 * A directory is made with its cache and removed before the cache is freed. To remove it
 * waits for who is in one of its files, and who has one open later gets EIO, so the
 * functions here need no lock to keep a cache.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <kmemx/kmemx.h>

#include "observe/debugfs_slab.h"
#include "region.h"
#include "slab/usage.h"

static struct dentry *slab_dir;

/**
 * struct attr - a file of a cache
 * @name: its name
 * @show: writes it
 * @offset: where in what @show looks at the number is
 */
struct attr {
	const char *name;
	void (*show)(struct seq_file *m, const struct kmemx_cache *cache, size_t offset);
	size_t offset;
};

static void show_u32(struct seq_file *m, const struct kmemx_cache *cache, size_t offset)
{
	seq_printf(m, "%u\n", *(const u32 *)((const u8 *)cache + offset));
}

static void show_bool(struct seq_file *m, const struct kmemx_cache *cache, size_t offset)
{
	seq_printf(m, "%d\n", *(const bool *)((const u8 *)cache + offset));
}

static void show_peak(struct seq_file *m, const struct kmemx_cache *cache, size_t unused)
{
	seq_printf(m, "%lld\n", (s64)atomic64_read(&cache->peak_slabs));
}

static void show_ctor(struct seq_file *m, const struct kmemx_cache *cache, size_t unused)
{
	/* It is forgotten with the module that it is in. */
	void (*ctor)(void *obj) = READ_ONCE(cache->ctor);

	if (ctor)
		seq_printf(m, "%pS\n", ctor);
}

static void show_tracked(struct seq_file *m, const struct kmemx_cache *cache, size_t unused)
{
	seq_printf(m, "%d\n", cache->depot->track);
}

/* How many there are, and by node: a region is on one. */
static void show_usage(struct seq_file *m, const struct kmemx_cache *cache, size_t offset)
{
	const struct kmemx_region *region =
		container_of(cache->depot, struct kmemx_region, depot);
	struct kmemx_cache_usage usage;
	unsigned long nr;

	kmemx_cache_usage(cache, &usage);
	nr = *(unsigned long *)((u8 *)&usage + offset);
	seq_printf(m, "%lu", nr);
	if (IS_ENABLED(CONFIG_NUMA) && nr)
		seq_printf(m, " N%d=%lu", region->origin.nid, nr);
	seq_putc(m, '\n');
}

/* A number that each CPU has, the sum first. */
static void show_by_cpu(struct seq_file *m, const struct kmemx_cache *cache,
			u64 (*read)(const struct kmemx_front *front, size_t offset),
			size_t offset)
{
	unsigned int cpu;
	u64 sum = 0;

	for_each_possible_cpu(cpu)
		sum += read(per_cpu_ptr(cache->front, cpu), offset);
	seq_printf(m, "%llu", sum);
	for_each_possible_cpu(cpu) {
		u64 nr = read(per_cpu_ptr(cache->front, cpu), offset);

		if (nr)
			seq_printf(m, " C%u=%llu", cpu, nr);
	}
	seq_putc(m, '\n');
}

static u64 read_count(const struct kmemx_front *front, size_t offset)
{
	return READ_ONCE(*(const u64 *)((const u8 *)front + offset));
}

static void show_count(struct seq_file *m, const struct kmemx_cache *cache, size_t offset)
{
	show_by_cpu(m, cache, read_count, offset);
}

static u64 read_objects(const struct kmemx_front *front, size_t unused)
{
	return kmemx_front_nr(front);
}

static void show_front(struct seq_file *m, const struct kmemx_cache *cache, size_t unused)
{
	show_by_cpu(m, cache, read_objects, 0);
}

#define OF_CACHE(member)	offsetof(struct kmemx_cache, member)
#define OF_USAGE(member)	offsetof(struct kmemx_cache_usage, member)
#define OF_FRONT(member)	offsetof(struct kmemx_front, member)

static const struct attr attrs[] = {
	{ "align",		show_u32,	OF_CACHE(layout.align) },
	{ "object_size",	show_u32,	OF_CACHE(layout.size) },
	{ "objs_per_slab",	show_u32,	OF_CACHE(layout.nr_objs) },
	{ "order",		show_u32,	OF_CACHE(layout.order) },
	{ "slab_size",		show_u32,	OF_CACHE(layout.stride) },
	{ "usersize",		show_u32,	OF_CACHE(usersize) },
	{ "hwcache_align",	show_bool,	OF_CACHE(is_hwcache_aligned) },
	{ "cache_dma",		show_bool,	OF_CACHE(is_for_dma) },
	{ "destroy_by_rcu",	show_bool,	OF_CACHE(is_typesafe) },
	{ "ctor",		show_ctor },
	{ "store_user",		show_tracked },
	{ "objects",		show_usage,	OF_USAGE(nr_live) },
	{ "objects_partial",	show_usage,	OF_USAGE(nr_partial_live) },
	{ "total_objects",	show_usage,	OF_USAGE(nr_objs) },
	{ "slabs",		show_usage,	OF_USAGE(nr_slabs) },
	{ "partial",		show_usage,	OF_USAGE(nr_partial) },
	{ "alloc_fastpath",	show_count,	OF_FRONT(nr_alloc) },
	{ "alloc_slowpath",	show_count,	OF_FRONT(nr_past_alloc) },
	{ "alloc_refill",	show_count,	OF_FRONT(nr_refill) },
	{ "alloc_slab",		show_count,	OF_FRONT(nr_slabs_made) },
	{ "free_fastpath",	show_count,	OF_FRONT(nr_free) },
	{ "free_slowpath",	show_count,	OF_FRONT(nr_past_free) },
	{ "free_flush",		show_count,	OF_FRONT(nr_flush) },
	{ "free_slab",		show_count,	OF_FRONT(nr_slabs_ended) },
	{ "front_capacity",	show_u32,	OF_CACHE(front_cap) },
	{ "front_objects",	show_front },
	{ "peak_slabs",		show_peak },
};

/* One function for all files: which one it is, is its name. */
static int attr_show(struct seq_file *m, void *unused)
{
	const char *name = file_dentry(m->file)->d_name.name;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		if (strcmp(attrs[i].name, name))
			continue;
		attrs[i].show(m, m->private, attrs[i].offset);
		return 0;
	}
	return -ENOENT;
}
DEFINE_SHOW_ATTRIBUTE(attr);

/* A 1 has the cache give back what it does not need. */
static ssize_t shrink_write(struct file *file, const char __user *from, size_t len, loff_t *pos)
{
	bool is_wanted;
	int ret = kstrtobool_from_user(from, len, &is_wanted);

	if (ret)
		return ret;
	if (!is_wanted)
		return -EINVAL;
	kmemx_cache_shrink(file_inode(file)->i_private);
	return (ssize_t)len;
}

static const struct file_operations shrink_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = shrink_write,
};

static void make_files(struct kmemx_cache *cache)
{
	char name[KMEMX_CACHE_NAME];
	struct dentry *dir;
	unsigned int i;

	strscpy(name, cache->name, sizeof(name));
	/* As the names of kernel objects in sysfs. */
	strreplace(name, '/', '!');
	dir = debugfs_create_dir(name, slab_dir);
	for (i = 0; i < ARRAY_SIZE(attrs); i++)
		debugfs_create_file(attrs[i].name, 0444, dir, cache, &attr_fops);
	debugfs_create_file("shrink", 0200, dir, cache, &shrink_fops);
	cache->files = dir;
}

static void remove_files(struct kmemx_cache *cache)
{
	debugfs_remove(cache->files);
}

static const struct kmemx_depot_watch watch = {
	.made = make_files,
	.goes = remove_files,
};

/**
 * kmemx_debugfs_slab_init() - make a directory for each cache, now and later
 * @dir: in which they are, in slab/
 * @region: whose caches; nobody else makes or destroys any now
 */
void kmemx_debugfs_slab_init(struct dentry *dir, struct kmemx_region *region)
{
	unsigned int i;

	slab_dir = debugfs_create_dir("slab", dir);
	for (i = 1; i < KMEMX_CACHES_MAX; i++)
		if (region->depot.cache[i])
			make_files(region->depot.cache[i]);
	region->depot.watch = &watch;
}

/**
 * kmemx_debugfs_slab_fini() - make no more directories
 * @region: as for kmemx_debugfs_slab_init()
 *
 * Those that there are go with the one they are in.
 */
void kmemx_debugfs_slab_fini(struct kmemx_region *region)
{
	region->depot.watch = NULL;
}
