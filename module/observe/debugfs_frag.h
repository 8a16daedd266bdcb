/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The files about free memory and what breaks it: extfrag, largest_free, fragmap.
 */
#ifndef KMEMX_OBSERVE_DEBUGFS_FRAG_H
#define KMEMX_OBSERVE_DEBUGFS_FRAG_H

struct dentry;
struct kmemx_region;

void kmemx_debugfs_frag_init(struct dentry *dir, struct kmemx_region *region);

#endif /* KMEMX_OBSERVE_DEBUGFS_FRAG_H */
