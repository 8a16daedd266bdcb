// SPDX-License-Identifier: GPL-2.0
/*
 * Slabs out of the kernel's own pages; see fake_pages.h.
 */
#include <linux/gfp.h>
#include <linux/mm.h>

#include "fake_pages.h"

/*
 * Ids are 2^KMEMX_SLAB_MAX_ORDER apart, since the descriptor of a slab runs on
 * into those of its further frames.
 */
static u32 id_at(unsigned int slot)
{
	return slot << KMEMX_SLAB_MAX_ORDER;
}

static void *fake_alloc(void *ctx, unsigned int order, u32 *id)
{
	struct fake_pages *fake = ctx;
	unsigned long flags;
	unsigned int slot;
	void *base;

	base = (void *)__get_free_pages(GFP_ATOMIC | __GFP_NOWARN, order);
	if (!base)
		return NULL;
	raw_spin_lock_irqsave(&fake->lock, flags);
	for (slot = 0; slot < FAKE_BLOCKS && fake->base[slot]; slot++)
		;
	if (slot < FAKE_BLOCKS && fake->nr_allowed) {
		fake->nr_allowed--;
		fake->nr_out++;
		fake->base[slot] = base;
		fake->order[slot] = order;
		*id = id_at(slot);
	} else {
		slot = FAKE_BLOCKS;
	}
	raw_spin_unlock_irqrestore(&fake->lock, flags);
	if (slot < FAKE_BLOCKS)
		return base;
	free_pages((unsigned long)base, order);
	return NULL;
}

static unsigned int slot_of(struct fake_pages *fake, const void *addr)
{
	unsigned int slot;

	for (slot = 0; slot < FAKE_BLOCKS; slot++) {
		void *base = fake->base[slot];

		if (base && addr >= base && addr < base + (PAGE_SIZE << fake->order[slot]))
			return slot;
	}
	WARN_ONCE(1, "fake_pages: %p is not ours\n", addr);
	return 0;
}

static void fake_free(void *ctx, u32 id, void *addr, unsigned int order)
{
	struct fake_pages *fake = ctx;
	unsigned long flags;
	unsigned int slot;

	raw_spin_lock_irqsave(&fake->lock, flags);
	slot = slot_of(fake, addr);
	WARN_ON_ONCE(fake->base[slot] != addr || fake->order[slot] != order || id_at(slot) != id);
	fake->base[slot] = NULL;
	fake->nr_out--;
	fake->nr_allowed++;
	raw_spin_unlock_irqrestore(&fake->lock, flags);
	free_pages((unsigned long)addr, order);
}

static u32 fake_id_of(void *ctx, const void *addr)
{
	struct fake_pages *fake = ctx;
	unsigned long flags;
	u32 id;

	raw_spin_lock_irqsave(&fake->lock, flags);
	id = id_at(slot_of(fake, addr));
	raw_spin_unlock_irqrestore(&fake->lock, flags);
	return id;
}

const struct kmemx_page_ops fake_page_ops = {
	.alloc = fake_alloc,
	.free = fake_free,
	.id_of = fake_id_of,
};

/* An empty source that gives up to FAKE_BLOCKS blocks. */
void fake_pages_init(struct fake_pages *fake)
{
	memset(fake, 0, sizeof(*fake));
	raw_spin_lock_init(&fake->lock);
	fake->nr_allowed = FAKE_BLOCKS;
}
