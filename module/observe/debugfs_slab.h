/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /sys/kernel/debug/kmemx/slab: a directory for each cache, as /sys/kernel/slab has.
 */
#ifndef KMEMX_OBSERVE_DEBUGFS_SLAB_H
#define KMEMX_OBSERVE_DEBUGFS_SLAB_H

struct dentry;
struct kmemx_region;

void kmemx_debugfs_slab_init(struct dentry *dir, struct kmemx_region *region);
void kmemx_debugfs_slab_fini(struct kmemx_region *region);

#endif /* KMEMX_OBSERVE_DEBUGFS_SLAB_H */
