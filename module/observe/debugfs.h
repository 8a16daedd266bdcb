/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /sys/kernel/debug/kmemx: files about one region.
 */
#ifndef KMEMX_OBSERVE_DEBUGFS_H
#define KMEMX_OBSERVE_DEBUGFS_H

struct kmemx_region;

void kmemx_debugfs_init(struct kmemx_region *region);
void kmemx_debugfs_fini(struct kmemx_region *region);

#endif /* KMEMX_OBSERVE_DEBUGFS_H */
