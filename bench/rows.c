// SPDX-License-Identifier: GPL-2.0
/*
 * The results: a list of lines, read from debugfs when all has been measured.
 *
 * Locking: none needed. Rows are added while the module is being loaded, and the
 * file appears after the last.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "bench.h"
#include "rows.h"

struct row {
	struct list_head link;
	char *text;
};

static LIST_HEAD(rows);
static struct dentry *dir;
static const char *mode;

/* Set once a row was lost for want of memory: the results are then not complete. */
static bool incomplete;

static void add_row(char *text)
{
	struct row *row = kmalloc(sizeof(*row), GFP_KERNEL);

	if (!row || !text) {
		incomplete = true;
		kfree(row);
		kfree(text);
		return;
	}
	row->text = text;
	list_add_tail(&row->link, &rows);
}

/**
 * bench_row() - note a result
 * @allocator: name of the peer
 * @workload: what it did
 * @metric: what was measured
 * @tenths: ten times the value
 * @unit: of the value
 */
void bench_row(const char *allocator, const char *workload, const char *metric,
	       u64 tenths, const char *unit)
{
	add_row(kasprintf(GFP_KERNEL, "%s\t%s\t%s\t%s\t%llu.%llu\t%s", mode, allocator,
			  workload, metric, tenths / 10, tenths % 10, unit));
}

/**
 * bench_fine_row() - note a result with three decimals
 * @allocator: name of the peer
 * @workload: what it did
 * @metric: what was measured
 * @thousandths: a thousand times the value
 * @unit: of the value
 */
void bench_fine_row(const char *allocator, const char *workload, const char *metric,
		    u64 thousandths, const char *unit)
{
	add_row(kasprintf(GFP_KERNEL, "%s\t%s\t%s\t%s\t%llu.%03llu\t%s", mode, allocator,
			  workload, metric, thousandths / 1000, thousandths % 1000, unit));
}

/**
 * bench_no_row() - note that there is no result
 * @allocator: name of the peer
 * @workload: what it would have done
 * @metric: what would have been measured
 * @why: takes the place of the unit
 */
void bench_no_row(const char *allocator, const char *workload, const char *metric,
		  const char *why)
{
	add_row(kasprintf(GFP_KERNEL, "%s\t%s\t%s\t%s\t-\t%s", mode, allocator, workload,
			  metric, why));
}

static int results_show(struct seq_file *seq, void *unused)
{
	struct row *row;

	list_for_each_entry(row, &rows, link)
		seq_printf(seq, "%s\n", row->text);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(results);

/**
 * rows_start() - begin to collect
 * @name: first field of each row
 */
void rows_start(const char *name)
{
	mode = name;
}

/**
 * rows_publish() - show what was collected
 *
 * Return: 0, or -ENOMEM if rows are missing.
 */
int rows_publish(void)
{
	if (incomplete) {
		pr_err("no memory for the results\n");
		return -ENOMEM;
	}
	dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("results", 0444, dir, NULL, &results_fops);
	return 0;
}

/**
 * rows_end() - forget everything
 */
void rows_end(void)
{
	struct row *row, *next;

	debugfs_remove(dir);
	list_for_each_entry_safe(row, next, &rows, link) {
		kfree(row->text);
		kfree(row);
	}
}
