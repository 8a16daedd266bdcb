/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /sys/kernel/debug/kmemx/allocinfo: who has how much; allocinfo_on: whether that is kept.
 */
#ifndef KMEMX_OBSERVE_DEBUGFS_SITES_H
#define KMEMX_OBSERVE_DEBUGFS_SITES_H

struct dentry;
struct kmemx_region;

void kmemx_debugfs_sites_init(struct dentry *dir, struct kmemx_region *region);
void kmemx_debugfs_sites_fini(void);

#endif /* KMEMX_OBSERVE_DEBUGFS_SITES_H */
