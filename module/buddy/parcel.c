// SPDX-License-Identifier: GPL-2.0
/*
 * Page blocks on their way from one CPU to another; see parcel.h.
 */
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "buddy/parcel.h"

/* ---- Making and ending them ---------------------------------------------- */

/**
 * kmemx_parcel_make() - let others leave blocks for a CPU, once it wants some
 * @pcp: its front, which nobody uses yet
 * @cpu: the CPU
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int kmemx_parcel_make(struct kmemx_pcp *pcp, int cpu)
{
	pcp->parcels = kzalloc_node(sizeof(*pcp->parcels), GFP_KERNEL, cpu_to_node(cpu));
	return pcp->parcels ? 0 : -ENOMEM;
}
KMEMX_EXPORT_FOR_TEST(kmemx_parcel_make);

/**
 * kmemx_parcel_free() - end that
 * @pcp: the front of a CPU, for which there is nothing; nobody uses it now
 */
void kmemx_parcel_free(struct kmemx_pcp *pcp)
{
	kfree(pcp->parcels);
	pcp->parcels = NULL;
}
KMEMX_EXPORT_FOR_TEST(kmemx_parcel_free);

/* ---- What they are paid with --------------------------------------------- */

/* Frames of what a front may hold, for each parcel that is not none. */
static unsigned int price(unsigned int order)
{
	return KMEMX_PARCEL_BLOCKS << (order & 7);
}

/* Frames that a stack does not use, but for what it is filled with. */
static unsigned int idle(struct kmemx_pcp *pcp, unsigned int order)
{
	const struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, order);
	unsigned int nr = (unsigned int)(list->limit - list->top);

	return nr > list->batch ? (nr - list->batch) << (order & 7) : 0;
}

/* Pay for a parcel: with what no stack has, what this one lends, then another, each in turn. */
static bool pay(struct kmemx_pcp *pcp, unsigned int order)
{
	unsigned int frames = price(order), own = idle(pcp, order);
	unsigned int other = pcp->parcels->lender;

	pcp->parcels->lender = (u8)((other + 1) % KMEMX_PCP_ORDERS);
	if (pcp->spare + own + (other == order ? 0 : idle(pcp, other)) < frames)
		return false;
	if (pcp->spare < frames)
		kmemx_pcp_lend(pcp, order, min(own, frames - pcp->spare));
	kmemx_step();
	if (pcp->spare < frames)
		kmemx_pcp_lend(pcp, other, frames - pcp->spare);
	kmemx_step();
	pcp->spare -= frames;
	pcp->parcels->nr_paid[order]++;
	return true;
}

/* One of @order is none now. */
static void pay_back(struct kmemx_pcp *pcp, unsigned int order)
{
	kmemx_step();
	pcp->spare += price(order);
	pcp->parcels->nr_paid[order]--;
}

/* ---- Of this CPU --------------------------------------------------------- */

/* The parcel with blocks of @order; or KMEMX_PARCELS. */
static unsigned int find_full(const struct kmemx_parcels *parcels, unsigned int order, int *state)
{
	unsigned int i;

	for (i = 0; i < KMEMX_PARCELS; i++) {
		*state = atomic_read_acquire(&parcels->state[i]);
		if (kmemx_parcel_is_full(*state) && kmemx_parcel_order(*state) == order)
			break;
	}
	return i;
}

/*
 * Move what is in parcel @k, whose state is @state, onto the stack of its order, which may hold
 * as much more as it takes. The parcel is none then. Returns false if the stack has no place.
 */
static bool unload(const struct kmemx_pages *pages, struct kmemx_pcp *pcp, unsigned int k,
		   int state)
{
	unsigned int order = kmemx_parcel_order(state), nr = kmemx_parcel_nr(state), i;
	const u32 *frame = pcp->parcels->frame[k];
	struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, order);
	unsigned int room = (unsigned int)(list->limit - list->top);
	unsigned int more = nr - min(nr, room);

	if (list->limit - list->bottom + more > list->room)
		return false;
	for (i = 0; i < nr; i++) {
		kmemx_step();
		list->top[nr - i].page = kmemx_pages_page(pages, frame[i]);
		list->top[nr - i].info = pages->zone.info + frame[i];
	}
	kmemx_step();
	list->limit += more;
	kmemx_step();
	/* Who counts from another CPU may see them twice. */
	WRITE_ONCE(list->top, list->top + nr);
	kmemx_step();
	/* Nobody else looks at what is none; that it is wanted again is a release. */
	atomic_set(&pcp->parcels->state[k], KMEMX_PARCEL_NONE);
	pay_back(pcp, order);
	pcp->spare -= more << (order & 7);
	return true;
}

/* Do not wait for @state of parcel @k any more. Returns false if another CPU is at it, or was. */
static bool want_not(struct kmemx_pcp *pcp, unsigned int k, int state)
{
	/* Orders nothing, as nothing was written. */
	if (atomic_cmpxchg_relaxed(&pcp->parcels->state[k], state, KMEMX_PARCEL_NONE) != state)
		return false;
	pay_back(pcp, kmemx_parcel_order(state));
	return true;
}

/* Want parcel @k, which is none, if it can be paid for. */
static void want(struct kmemx_pcp *pcp, unsigned int k, unsigned int order)
{
	if (!pay(pcp, order))
		return;
	kmemx_step();
	/* What was in it before has been read; pairs with claim() of who fills it. */
	atomic_set_release(&pcp->parcels->state[k], kmemx_parcel_wanted(order));
}

/*
 * Want one parcel more of @order. They are asked for in turn, so orders share them; what another
 * order has left there goes on its stack.
 */
static void want_more(const struct kmemx_pages *pages, struct kmemx_pcp *pcp, unsigned int order)
{
	struct kmemx_parcels *parcels = pcp->parcels;
	unsigned int k = parcels->next;
	int was = atomic_read_acquire(&parcels->state[k]);

	parcels->next = (u8)((k + 1) % KMEMX_PARCELS);
	kmemx_step();
	switch (was & KMEMX_PARCEL_STATE) {
	case KMEMX_PARCEL_BUSY:
		return;
	case KMEMX_PARCEL_WANTED:
		if (kmemx_parcel_order(was) == order || !want_not(pcp, k, was))
			return;
		break;
	case KMEMX_PARCEL_FULL:
		if (kmemx_parcel_order(was) == order || !unload(pages, pcp, k, was))
			return;
		break;
	}
	want(pcp, k, order);
}

/* A hint where to look: of several CPUs that want blocks, the first that has said so. */
static void be_named(struct kmemx_pages *pages, unsigned int order)
{
	if (!READ_ONCE(pages->wanting[order]))
		WRITE_ONCE(pages->wanting[order], smp_processor_id() + 1);
}

/**
 * kmemx_parcel_receive() - fill an empty stack with what others have left for this CPU
 * @pages: the region's frames
 * @pcp: the front, the caller's
 * @order: of the stack
 *
 * If there is nothing, others are asked.
 *
 * Context: any, with the front entered.
 * Return: whether it has some blocks now.
 */
bool kmemx_parcel_receive(struct kmemx_pages *pages, struct kmemx_pcp *pcp, unsigned int order)
{
	struct kmemx_parcels *parcels = pcp->parcels;
	bool has_some = false;
	unsigned int k;
	int state;

	if (!parcels || !kmemx_parcel_is_for(pages, order))
		return false;
	if (!parcels->nr_paid[order]) {
		want_more(pages, pcp, order);
	} else {
		k = find_full(parcels, order, &state);
		has_some = k < KMEMX_PARCELS && unload(pages, pcp, k, state);
	}
	kmemx_step();
	if (has_some) {
		/* As where a stack is filled by chunks. */
		if (kmemx_pcp_is_short(pcp))
			WRITE_ONCE(pcp->nr_refused, 0);
		want(pcp, k, order);
		want_more(pages, pcp, order);
	}
	kmemx_step();
	if (parcels->nr_paid[order])
		be_named(pages, order);
	return has_some;
}
KMEMX_EXPORT_FOR_TEST(kmemx_parcel_receive);

/**
 * kmemx_parcel_has_any() - has this CPU a parcel with blocks of an order?
 * @pcp: its front
 * @order: of the blocks
 *
 * Return: whether; of another CPU's, a guess.
 */
bool kmemx_parcel_has_any(const struct kmemx_pcp *pcp, unsigned int order)
{
	int state;

	return pcp->parcels && find_full(pcp->parcels, order, &state) < KMEMX_PARCELS;
}
KMEMX_EXPORT_FOR_TEST(kmemx_parcel_has_any);

/**
 * kmemx_parcel_take_last() - take one block out of what others have left
 * @pcp: the front, the caller's
 * @frame: set to its first frame
 * @order: set to its order
 *
 * For who empties the front. A parcel that is being filled at this moment is gone past.
 *
 * Context: any, with the front entered, or its CPU dead.
 * Return: false if there is none.
 */
bool kmemx_parcel_take_last(struct kmemx_pcp *pcp, u32 *frame, unsigned int *order)
{
	struct kmemx_parcels *parcels = pcp->parcels;
	unsigned int i;

	for (i = 0; parcels && i < KMEMX_PARCELS; i++) {
		int state = atomic_read_acquire(&parcels->state[i]);
		unsigned int left;

		if (!kmemx_parcel_is_full(state))
			continue;
		left = kmemx_parcel_nr(state) - 1;
		*order = kmemx_parcel_order(state);
		*frame = parcels->frame[i][left];
		kmemx_step();
		atomic_set(&parcels->state[i], left ? kmemx_parcel_full(*order, left) :
						      KMEMX_PARCEL_NONE);
		if (!left)
			pay_back(pcp, *order);
		return true;
	}
	return false;
}

/* Is it one that is wanted, or has blocks of another order than @order? */
static bool is_idle(int state, unsigned int order)
{
	return kmemx_parcel_is_full(state) ? kmemx_parcel_order(state) != order :
		kmemx_parcel_is_wanted(state);
}

/**
 * kmemx_parcel_has_idle() - has a CPU a parcel that does nothing for an order?
 * @pcp: its front, which has parcels
 * @order: of blocks that find their stack full
 *
 * Return: whether; of another CPU's, a guess.
 */
bool kmemx_parcel_has_idle(const struct kmemx_pcp *pcp, unsigned int order)
{
	unsigned int i;

	for (i = 0; i < KMEMX_PARCELS; i++)
		if (is_idle(atomic_read(&pcp->parcels->state[i]), order))
			return true;
	return false;
}
KMEMX_EXPORT_FOR_TEST(kmemx_parcel_has_idle);

/**
 * kmemx_parcel_end_idle() - end a parcel that does nothing for an order
 * @pages: the region's frames
 * @pcp: the front, the caller's, which has parcels
 * @order: of blocks that find their stack full
 *
 * What is in it goes on its stack, which gives it back once somebody is short of room.
 *
 * Context: any, with the front entered.
 */
void kmemx_parcel_end_idle(const struct kmemx_pages *pages, struct kmemx_pcp *pcp,
			   unsigned int order)
{
	unsigned int i;

	for (i = 0; i < KMEMX_PARCELS; i++) {
		int state = atomic_read_acquire(&pcp->parcels->state[i]);

		kmemx_step();
		if (is_idle(state, order) &&
		    (kmemx_parcel_is_full(state) ? unload(pages, pcp, i, state) :
						   want_not(pcp, i, state)))
			return;
	}
}

/**
 * kmemx_parcel_want_none() - want nothing any more, until a stack is empty again
 * @pcp: the front, the caller's
 *
 * What is full stays.
 *
 * Context: any, with the front entered, or its CPU dead.
 * Return: whether another CPU is filling one at this moment, or just has.
 */
bool kmemx_parcel_want_none(struct kmemx_pcp *pcp)
{
	struct kmemx_parcels *parcels = pcp->parcels;
	bool is_busy = false;
	unsigned int i;

	for (i = 0; parcels && i < KMEMX_PARCELS; i++) {
		int state = atomic_read(&parcels->state[i]);

		kmemx_step();
		if (kmemx_parcel_is_wanted(state))
			is_busy |= !want_not(pcp, i, state);
		else
			is_busy |= (state & KMEMX_PARCEL_STATE) == KMEMX_PARCEL_BUSY;
	}
	return is_busy;
}

/* ---- Of others ----------------------------------------------------------- */

/* One that is wanted, and is the caller's then; or KMEMX_PARCELS. */
static unsigned int claim(struct kmemx_parcels *parcels, unsigned int order)
{
	int wanted = kmemx_parcel_wanted(order);
	unsigned int i;

	for (i = 0; i < KMEMX_PARCELS; i++) {
		if (atomic_read(&parcels->state[i]) != wanted)
			continue;
		kmemx_step();
		if (atomic_cmpxchg_acquire(&parcels->state[i], wanted,
					   kmemx_parcel_busy(order)) == wanted)
			break;
	}
	return i;
}

/**
 * kmemx_parcel_fill() - leave what is on top of a stack to the CPU that wants it
 * @pages: the region's frames
 * @parcels: that CPU's
 * @list: the stack, of the caller's front, which is not empty
 * @order: of the stack
 *
 * Context: any, with the front entered.
 * Return: whether the stack has some blocks less now.
 */
bool kmemx_parcel_fill(const struct kmemx_pages *pages, struct kmemx_parcels *parcels,
		       struct kmemx_pcp_list *list, unsigned int order)
{
	unsigned int nr = min(KMEMX_PARCEL_BLOCKS, kmemx_pcp_nr(list));
	struct kmemx_pcp_block *top;
	unsigned int i, k;

	k = claim(parcels, order);
	if (k == KMEMX_PARCELS)
		return false;
	top = list->top - nr;
	for (i = 0; i < nr; i++) {
		kmemx_step();
		parcels->frame[k][i] = kmemx_pages_number(pages, top[i + 1].info);
	}
	kmemx_step();
	/* Who counts does not see them until the parcel is full. */
	WRITE_ONCE(list->top, top);
	kmemx_step();
	atomic_set_release(&parcels->state[k], kmemx_parcel_full(order, nr));
	kmemx_step();
	return true;
}
KMEMX_EXPORT_FOR_TEST(kmemx_parcel_fill);

/**
 * kmemx_parcel_send() - leave what is on top of a stack to another CPU, if one wants it
 * @pages: the region's frames
 * @pcp: the front, the caller's
 * @order: of the stack
 *
 * Context: any, with the front entered.
 * Return: whether the stack has some blocks less now.
 */
bool kmemx_parcel_send(struct kmemx_pages *pages, struct kmemx_pcp *pcp, unsigned int order)
{
	unsigned int cpu = READ_ONCE(pages->wanting[order]);

	if (!cpu || !kmemx_pcp_nr(kmemx_pcp_list(pcp, order)))
		return false;
	if (cpu != smp_processor_id() + 1 &&
	    kmemx_parcel_fill(pages, per_cpu_ptr(pages->pcp, cpu - 1)->parcels,
			      kmemx_pcp_list(pcp, order), order))
		return true;
	/* It wants nothing now; of this CPU the stack is full. */
	if (READ_ONCE(pages->wanting[order]) == cpu)
		WRITE_ONCE(pages->wanting[order], 0);
	return false;
}
KMEMX_EXPORT_FOR_TEST(kmemx_parcel_send);

/* ---- Counting ------------------------------------------------------------ */

/**
 * kmemx_parcel_frames() - frames that others have left for a CPU
 * @pcp: its front
 *
 * Return: how many; a snapshot.
 */
unsigned long kmemx_parcel_frames(const struct kmemx_pcp *pcp)
{
	unsigned long nr = 0;
	unsigned int i;

	for (i = 0; pcp->parcels && i < KMEMX_PARCELS; i++) {
		int state = atomic_read(&pcp->parcels->state[i]);

		if (kmemx_parcel_is_full(state))
			nr += (unsigned long)kmemx_parcel_nr(state) <<
				(kmemx_parcel_order(state) & 7);
	}
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_parcel_frames);

/**
 * kmemx_parcel_blocks() - blocks that others have left for a CPU
 * @pcp: its front
 *
 * Return: how many; a snapshot.
 */
unsigned int kmemx_parcel_blocks(const struct kmemx_pcp *pcp)
{
	unsigned int nr = 0, i;

	for (i = 0; pcp->parcels && i < KMEMX_PARCELS; i++) {
		int state = atomic_read(&pcp->parcels->state[i]);

		if (kmemx_parcel_is_full(state))
			nr += kmemx_parcel_nr(state);
	}
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_parcel_blocks);

/**
 * kmemx_parcel_bytes() - memory outside the region that the parcels of a CPU cost
 * @pages: the region's frames
 *
 * Return: bytes.
 */
size_t kmemx_parcel_bytes(const struct kmemx_pages *pages)
{
	return pages->parcel_frames ? kmalloc_size_roundup(sizeof(struct kmemx_parcels)) : 0;
}
