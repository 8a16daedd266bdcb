// SPDX-License-Identifier: GPL-2.0
/*
 * The exported functions for packet buffers.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <kmemx/compat.h>
#include <kmemx/kmemx.h>

#include "slab/cache.h"

/* So that drivers with buffers of the same size have a cache each. */
static atomic_t nr_made = ATOMIC_INIT(0);

/**
 * kmemx_pktcache_create() - make a cache of packet buffers
 * @mtu: as for kmemx_pktbuf_size(), which must be 1..65536 bytes
 * @headroom: as for kmemx_pktbuf_size()
 * @tailroom: as for kmemx_pktbuf_size()
 * @align: a power of two up to PAGE_SIZE: also where buffers begin
 *
 * A driver that has jumbo frames makes one for these and one for the others. The whole buffer
 * may be copied to and from user space. It is an ordinary cache with KMEMX_DMA, called
 * pktbuf-SIZE-NUMBER.
 *
 * Context: may sleep.
 * Return: the cache, or NULL with a line in the log that says why.
 */
struct kmemx_cache *kmemx_pktcache_create(unsigned int mtu, unsigned int headroom,
					  unsigned int tailroom, unsigned int align)
{
	size_t size = kmemx_pktbuf_size(mtu, headroom, tailroom, align);
	struct kmemx_cache_args args = { .align = align };
	char name[KMEMX_CACHE_NAME];

	if (!size || size > KMEMX_OBJECT_MAX) {
		pr_warn("%pS: no packet buffers of %u + %u + %u bytes, align %u\n",
			(void *)_RET_IP_, headroom, mtu, tailroom, align);
		return NULL;
	}
	args.usersize = (unsigned int)size;
	snprintf(name, sizeof(name), "pktbuf-%zu-%d", size, atomic_inc_return(&nr_made));
	return kmemx_cache_create(name, (unsigned int)size, &args, KMEMX_DMA);
}
KMEMX_EXPORT(kmemx_pktcache_create);
