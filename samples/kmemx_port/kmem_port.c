// SPDX-License-Identifier: GPL-2.0
/*
 * kmem_port: a driver that knows nothing of kmemx, a store of records by number. Its
 * init puts, replaces and drops records in an order that is always the same, and says what
 * is left. kmemx_port is this driver after its calls were renamed.
 *
 * Nothing here runs more than once at a time: all is done by init and exit.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <linux/string.h>

#ifdef PORT_TO_KMEMX
#include "port.h"
#endif

#define NR_EVENTS	16U

struct record {
	struct rb_node node;
	u32 number;
	u32 len;
	u8 *value;
};

/* What happened last: made in one go, so that none is missing. */
struct event {
	u32 number;
	u32 len;
};

static unsigned int steps = 5000;
module_param(steps, uint, 0444);
MODULE_PARM_DESC(steps, "records put or dropped (default 5000)");

static struct kmem_cache *record_cache, *event_cache;
static struct rb_root records = RB_ROOT;
static void *events[NR_EVENTS];
static unsigned int nr_events;

static struct record *find(u32 number, struct rb_node ***link, struct rb_node **parent)
{
	*link = &records.rb_node;
	*parent = NULL;
	while (**link) {
		struct record *record = rb_entry(**link, struct record, node);

		if (record->number == number)
			return record;
		*parent = **link;
		*link = number < record->number ? &(*parent)->rb_left : &(*parent)->rb_right;
	}
	return NULL;
}

static int put(u32 number, u32 len)
{
	struct rb_node **link, *parent;
	struct record *record = find(number, &link, &parent);
	u8 *value;

	if (!record) {
		record = kmem_cache_zalloc(record_cache, GFP_KERNEL);
		if (!record)
			return -ENOMEM;
		record->number = number;
		rb_link_node(&record->node, parent, link);
		rb_insert_color(&record->node, &records);
	}
	/* What fits is kept. */
	value = krealloc(record->value, len, GFP_KERNEL);
	if (!value)
		return -ENOMEM;
	record->value = value;
	record->len = len;
	memset(value, (int)(number & 0xff), len);
	return 0;
}

static void drop(struct record *record)
{
	rb_erase(&record->node, &records);
	kfree(record->value);
	kmem_cache_free(record_cache, record);
}

/* The bytes of all records, each of which has to be as it was written, or -EIO. */
static long sum_up(unsigned int *nr)
{
	struct rb_node *node;
	long bytes = 0;

	for (node = rb_first(&records); node; node = rb_next(node)) {
		struct record *record = rb_entry(node, struct record, node);

		if (memchr_inv(record->value, (int)(record->number & 0xff), record->len))
			return -EIO;
		bytes += record->len;
		++*nr;
	}
	return bytes;
}

static int run(void)
{
	struct rb_node **link, *parent;
	u32 random = 1;
	unsigned int i;

	for (i = 0; i < steps; i++) {
		struct event *event = events[i % NR_EVENTS];
		struct record *record;
		int ret;

		random = random * 1664525 + 1013904223;
		event->number = random >> 8 & 0x3ff;
		event->len = 1 + (random >> 18) % 3000;
		record = find(event->number, &link, &parent);
		if (record && random & 0x80) {
			drop(record);
			continue;
		}
		ret = put(event->number, event->len);
		if (ret)
			return ret;
	}
	return 0;
}

static void clear(void)
{
	while (!RB_EMPTY_ROOT(&records))
		drop(rb_entry(records.rb_node, struct record, node));
	if (nr_events)
		kmem_cache_free_bulk(event_cache, nr_events, events);
	kmem_cache_destroy(event_cache);
	kmem_cache_destroy(record_cache);
}

static int __init port_init(void)
{
	unsigned int nr = 0;
	int ret = -ENOMEM;
	long bytes;

	record_cache = KMEM_CACHE(record, 0);
	event_cache = KMEM_CACHE(event, 0);
	if (!record_cache || !event_cache)
		goto err;
	/* All or none; some kernels return how many, others whether. */
	if (!kmem_cache_alloc_bulk(event_cache, GFP_KERNEL, NR_EVENTS, events))
		goto err;
	nr_events = NR_EVENTS;
	ret = run();
	if (ret)
		goto err;
	bytes = sum_up(&nr);
	ret = bytes < 0 ? (int)bytes : 0;
	if (ret)
		goto err;
	pr_info("%u records of %ld bytes\n", nr, bytes);
	return 0;

err:
	pr_err("FAIL: %pe\n", ERR_PTR(ret));
	clear();
	return ret;
}

static void __exit port_exit(void)
{
	clear();
}

module_init(port_init);
module_exit(port_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The kmemx authors");
MODULE_DESCRIPTION("A store of records over kmem_cache, or over kmemx_cache by renaming");
