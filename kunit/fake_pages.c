// SPDX-License-Identifier: GPL-2.0
/*
 * Slabs out of memory that is there from the start, as slabs are made with preemption off,
 * where on PREEMPT_RT the kernel's allocators may not be called; see fake_pages.h.
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "fake_pages.h"

/* In what is free, which nobody writes to. */
#define FREE_BYTE	0x6b

/*
 * Ids are 2^KMEMX_SLAB_MAX_ORDER apart, since the descriptor of a slab runs on
 * into those of its further frames.
 */
static u32 id_at(unsigned int slot)
{
	return slot << KMEMX_SLAB_MAX_ORDER;
}

static void *address_of(const struct fake_pages *fake, unsigned long page)
{
	return fake->memory + (page << PAGE_SHIFT);
}

static unsigned long page_of(const struct fake_pages *fake, const void *addr)
{
	return (unsigned long)(addr - fake->memory) >> PAGE_SHIFT;
}

/* A slot and pages for a block, or FAKE_BLOCKS. */
static unsigned int take_slot(struct fake_pages *fake, unsigned int order)
{
	unsigned long page = bitmap_find_next_zero_area(fake->used, FAKE_PAGES, 0, 1U << order, 0);
	unsigned int slot, i;

	for (slot = 0; slot < FAKE_BLOCKS && fake->base[slot]; slot++)
		;
	if (slot == FAKE_BLOCKS || page >= FAKE_PAGES || !fake->nr_allowed)
		return FAKE_BLOCKS;
	bitmap_set(fake->used, (unsigned int)page, 1U << order);
	for (i = 0; i < 1U << order; i++)
		WRITE_ONCE(fake->slot[page + i], (u16)slot);
	fake->nr_allowed--;
	fake->nr_out++;
	fake->base[slot] = address_of(fake, page);
	fake->order[slot] = order;
	return slot;
}

static void *fake_alloc(void *ctx, unsigned int order, u32 *id)
{
	struct fake_pages *fake = ctx;
	unsigned long flags;
	unsigned int slot;

	if (fake->is_busy)
		return ERR_PTR(-EAGAIN);
	raw_spin_lock_irqsave(&fake->lock, flags);
	slot = take_slot(fake, order);
	raw_spin_unlock_irqrestore(&fake->lock, flags);
	if (slot == FAKE_BLOCKS)
		return ERR_PTR(-ENOSPC);
	WARN_ONCE(memchr_inv(fake->base[slot], FREE_BYTE, PAGE_SIZE << order),
		  "fake_pages: somebody wrote to %p, which was free\n", fake->base[slot]);
	*id = id_at(slot);
	return fake->base[slot];
}

/* Without a lock: whoever asks has something there. */
static unsigned int slot_of(struct fake_pages *fake, const void *addr)
{
	unsigned long page = page_of(fake, addr);

	if (WARN_ONCE(page >= FAKE_PAGES || !test_bit((int)page, fake->used),
		      "fake_pages: %p is not ours\n", addr))
		return 0;
	return READ_ONCE(fake->slot[page]);
}

static void fake_free(void *ctx, u32 id, void *addr, unsigned int order)
{
	struct fake_pages *fake = ctx;
	unsigned long flags;
	unsigned int slot;

	memset(addr, FREE_BYTE, PAGE_SIZE << order);
	raw_spin_lock_irqsave(&fake->lock, flags);
	slot = slot_of(fake, addr);
	WARN_ON_ONCE(fake->base[slot] != addr || fake->order[slot] != order || id_at(slot) != id);
	fake->base[slot] = NULL;
	fake->nr_out--;
	fake->nr_allowed++;
	bitmap_clear(fake->used, (unsigned int)page_of(fake, addr), 1U << order);
	raw_spin_unlock_irqrestore(&fake->lock, flags);
}

static u32 fake_id_of(void *ctx, const void *addr)
{
	return id_at(slot_of(ctx, addr));
}

const struct kmemx_page_ops fake_page_ops = {
	.alloc = fake_alloc,
	.free = fake_free,
	.id_of = fake_id_of,
};

/* A source that gives up to FAKE_BLOCKS blocks, of FAKE_PAGES pages in all; or -ENOMEM. */
int fake_pages_init(struct fake_pages *fake)
{
	memset(fake, 0, sizeof(*fake));
	raw_spin_lock_init(&fake->lock);
	fake->nr_allowed = FAKE_BLOCKS;
	fake->memory = vmalloc(FAKE_PAGES << PAGE_SHIFT);
	if (!fake->memory)
		return -ENOMEM;
	memset(fake->memory, FREE_BYTE, FAKE_PAGES << PAGE_SHIFT);
	return 0;
}

void fake_pages_fini(struct fake_pages *fake)
{
	vfree(fake->memory);
}
