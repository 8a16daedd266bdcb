// SPDX-License-Identifier: GPL-2.0
/*
 * extfrag, largest_free, pagetypeinfo and fragmap; docs/abi.md describes each line.
 *
 * All of them walk the chunks' own state, without a lock, when they are read, so
 * they cost nothing else anything; while others allocate and free, two lines need
 * not be of the same moment.
 */
#include <linux/debugfs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "buddy/fragindex.h"
#include "buddy/fragmap.h"
#include "buddy/pagetype.h"
#include "buddy/zone_census.h"
#include "observe/debugfs_frag.h"
#include "region.h"

/* ---- Walking the chunks ------------------------------------------------ */

/* A chunk of the region, and how many from it on, in a row in memory, look alike. */
struct cursor {
	const struct kmemx_zone *zone;
	unsigned int c;
	unsigned int nr;
};

static u64 state_of(const struct kmemx_zone *zone, unsigned int c)
{
	return (u64)atomic64_read(&zone->state[c]);
}

static bool go_to(struct cursor *at, u64 chunk)
{
	at->c = (unsigned int)chunk;
	return chunk < at->zone->nr_chunks;
}

static bool go_on(struct cursor *at)
{
	return go_to(at, (u64)at->c + at->nr);
}

/* Set how many chunks in a row look like the one at hand, whose look is given. */
static void count_alike(struct cursor *at, char whole)
{
	const struct kmemx_zone *zone = at->zone;
	unsigned int c = at->c;

	while (whole && kmemx_zone_joins_next(zone, c)) {
		u8 info = READ_ONCE(zone->info[(size_t)(c + 1) * KMEMX_CHUNK_FRAMES]);

		if (kmemx_fragmap_whole(state_of(zone, c + 1), info) != whole)
			break;
		c++;
	}
	at->nr = c - at->c + 1;
}

static void copy_chunk(const struct cursor *at, struct kmemx_fragmap *copy)
{
	kmemx_fragmap_copy(copy, kmemx_zone_chunk(at->zone, at->c),
			   at->zone->info + (size_t)at->c * KMEMX_CHUNK_FRAMES);
}

/* ---- extfrag ----------------------------------------------------------- */

static void show_zone(struct seq_file *m, const char *index,
		      const struct kmemx_region *region)
{
	seq_printf(m, "%s\nNode %d, zone %8s ", index, region->origin.nid, "KMemx");
}

/*
 * As extfrag_show_print() and unusable_show_print() of the kernel's vmstat.c, but
 * for what is between -1 and 0: the kernel has " 0.-500" for -0.500.
 */
static int extfrag_show(struct seq_file *m, void *unused)
{
	const struct kmemx_region *region = m->private;
	unsigned int nr[KMEMX_FRAGINDEX_ORDERS] = { 0 };
	unsigned int i;

	kmemx_zone_count(&region->pages.zone, nr);
	show_zone(m, "extfrag_index", region);
	for (i = 0; i < KMEMX_FRAGINDEX_ORDERS; i++) {
		int index = kmemx_fragindex_extfrag(nr, i);

		seq_printf(m, "%c%d.%03d ", index < 0 ? '-' : ' ', abs(index) / 1000,
			   abs(index) % 1000);
	}
	seq_putc(m, '\n');
	show_zone(m, "unusable_index", region);
	for (i = 0; i < KMEMX_FRAGINDEX_ORDERS; i++) {
		unsigned int index = kmemx_fragindex_unusable(nr, i);

		seq_printf(m, "%u.%03u ", index / 1000, index % 1000);
	}
	seq_putc(m, '\n');
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(extfrag);

/* ---- largest_free ------------------------------------------------------ */

/*
 * The longest run that kmemx_alloc_contig() could have, and the order of the
 * largest block that kmemx_alloc_pages() could: runs of whole chunks, or a block
 * in one.
 */
static int largest_free_show(struct seq_file *m, void *unused)
{
	const struct kmemx_region *region = m->private;
	struct cursor at = { .zone = &region->pages.zone, .nr = 1 };
	unsigned long frames = 0;
	int order = -1;
	bool more;

	for (more = go_to(&at, 0); more; more = go_on(&at)) {
		int max_order = kmemx_state_max_order(state_of(at.zone, at.c));

		count_alike(&at, max_order == KMEMX_CHUNK_ORDER ? KMEMX_FRAGMAP_FREE : 0);
		if (max_order == KMEMX_CHUNK_ORDER) {
			unsigned long run = (unsigned long)at.nr * KMEMX_CHUNK_FRAMES;

			frames = max(frames, run);
			max_order = kmemx_fragindex_run_order(at.zone->base_pfn[at.c], run);
		}
		order = max(order, max_order);
	}
	if (!frames && order >= 0)
		frames = 1UL << order;
	seq_printf(m, "%llu %d\n", (u64)frames << PAGE_SHIFT, order);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(largest_free);

/* ---- pagetypeinfo ------------------------------------------------------ */

/*
 * As pagetypeinfo_showfree() and pagetypeinfo_showblockcount() of the kernel's vmstat.c,
 * with types of ours.
 */
static void show_free(struct seq_file *m, int nid, const struct kmemx_pagetypes *types)
{
	unsigned int type, k;

	seq_printf(m, "%-43s ", "Free pages count per migrate type at order");
	for (k = 0; k <= KMEMX_NR_ORDERS; k++)
		seq_printf(m, "%6u ", k);
	seq_putc(m, '\n');
	for (type = 0; type < KMEMX_NR_PAGETYPES; type++) {
		seq_printf(m, "Node %4d, zone %8s, type %12s ", nid, "KMemx",
			   kmemx_pagetype_name(type));
		for (k = 0; k <= KMEMX_NR_ORDERS; k++)
			seq_printf(m, "%6u ", types->free[type][k]);
		seq_putc(m, '\n');
	}
}

static void show_chunks(struct seq_file *m, int nid, const struct kmemx_pagetypes *types)
{
	unsigned int type;

	seq_printf(m, "\n%-23s", "Number of blocks type ");
	for (type = 0; type < KMEMX_NR_PAGETYPES; type++)
		seq_printf(m, "%12s ", kmemx_pagetype_name(type));
	seq_printf(m, "\nNode %d, zone %8s ", nid, "KMemx");
	for (type = 0; type < KMEMX_NR_PAGETYPES; type++)
		seq_printf(m, "%12u ", types->chunks[type]);
	seq_putc(m, '\n');
}

static int pagetypeinfo_show(struct seq_file *m, void *unused)
{
	const struct kmemx_region *region = m->private;
	struct kmemx_pagetypes types;

	kmemx_pagetype_count(&region->pages.zone, &types);
	seq_printf(m, "Page block order: %d\n", KMEMX_CHUNK_ORDER);
	seq_printf(m, "Pages per block:  %d\n\n", KMEMX_CHUNK_FRAMES);
	show_free(m, region->origin.nid, &types);
	show_chunks(m, region->origin.nid, &types);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pagetypeinfo);

/* ---- fragmap ----------------------------------------------------------- */

/* What one open file is at: the chunks of a line, and a copy of the first. */
struct fragmap_line {
	struct cursor at;
	struct kmemx_fragmap copy;
	char text[KMEMX_FRAGMAP_CHARS + 1];
};

static struct fragmap_line *look_at_line(struct fragmap_line *line)
{
	copy_chunk(&line->at, &line->copy);
	count_alike(&line->at, kmemx_fragmap_whole((u64)atomic64_read(&line->copy.state),
						   line->copy.info[0]));
	return line;
}

/* Position 0 is the header, position n + 1 the line that starts with chunk n. */
static void *fragmap_start(struct seq_file *m, loff_t *pos)
{
	struct fragmap_line *line = m->private;

	if (!*pos)
		return SEQ_START_TOKEN;
	return go_to(&line->at, (u64)*pos - 1) ? look_at_line(line) : NULL;
}

static void *fragmap_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct fragmap_line *line = m->private;

	if (v == SEQ_START_TOKEN) {
		*pos = 1;
		return go_to(&line->at, 0) ? look_at_line(line) : NULL;
	}
	*pos += line->at.nr;
	return go_on(&line->at) ? look_at_line(line) : NULL;
}

static void fragmap_stop(struct seq_file *m, void *v)
{
}

static void show_header(struct seq_file *m)
{
	seq_puts(m, "fragmap - version: 1.0\n");
	seq_printf(m, "# A line is a chunk of %d pages (%lu KiB), or several that look the same;\n",
		   KMEMX_CHUNK_FRAMES, KMEMX_CHUNK_FRAMES * (PAGE_SIZE / 1024));
	seq_printf(m, "# a character is %d pages, the lowest first:\n", KMEMX_FRAGMAP_GROUP);
	seq_puts(m, "#   .  free    :  partly free    0-9  used, in blocks of that order    s  slab\n");
	seq_puts(m, "#   +  used, not all alike    q  quarantined    -  changing hands    #  absent\n");
	seq_puts(m, "#   f  free, in the front of a CPU\n");
	seq_puts(m, "# free: pages; live: blocks in use; max: order of the largest free block in a chunk\n");
	seq_printf(m, "# %-10s %6s %-7s %8s %6s %3s %s\n", "pfn", "chunks", "state", "free", "live",
		   "max", "map");
}

static const char *state_name(u64 state)
{
	if (kmemx_state_free(state) == KMEMX_CHUNK_FRAMES)
		return "free";
	return state & KMEMX_STATE_WHOLE ? "taken" : "partial";
}

static int fragmap_show(struct seq_file *m, void *v)
{
	struct fragmap_line *line = m->private;
	unsigned int nr = line->at.nr;
	int max_order;
	u64 state;

	if (v == SEQ_START_TOKEN) {
		show_header(m);
		return 0;
	}
	state = (u64)atomic64_read(&line->copy.state);
	max_order = kmemx_state_max_order(state);
	kmemx_fragmap_draw(&line->copy, line->text);
	seq_printf(m, "0x%010lx %6u %-7s %8u %6u", line->at.zone->base_pfn[line->at.c], nr,
		   state_name(state), nr * kmemx_state_free(state),
		   nr * kmemx_state_live(state));
	if (max_order < 0)
		seq_puts(m, "   -");
	else
		seq_printf(m, " %3d", max_order);
	seq_printf(m, " %s\n", line->text);
	return 0;
}

static const struct seq_operations fragmap_sops = {
	.start	= fragmap_start,
	.next	= fragmap_next,
	.stop	= fragmap_stop,
	.show	= fragmap_show,
};

static int fragmap_open(struct inode *inode, struct file *file)
{
	const struct kmemx_region *region = inode->i_private;
	struct fragmap_line *line;

	line = __seq_open_private(file, &fragmap_sops, sizeof(*line));
	if (!line)
		return -ENOMEM;
	line->at.zone = &region->pages.zone;
	return 0;
}

static const struct file_operations fragmap_fops = {
	.owner		= THIS_MODULE,
	.open		= fragmap_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= seq_release_private,
};

/**
 * kmemx_debugfs_frag_init() - make the files about free memory
 * @dir: where
 * @region: what they are about; it outlives them
 *
 * They go with @dir.
 *
 * Context: may sleep.
 */
void kmemx_debugfs_frag_init(struct dentry *dir, struct kmemx_region *region)
{
	debugfs_create_file("extfrag", 0444, dir, region, &extfrag_fops);
	debugfs_create_file("largest_free", 0444, dir, region, &largest_free_fops);
	debugfs_create_file("pagetypeinfo", 0444, dir, region, &pagetypeinfo_fops);
	debugfs_create_file("fragmap", 0444, dir, region, &fragmap_fops);
}
