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
 * Move what is in parcel @k, whose state is @state, onto the stack of its order, @more than that
 * may hold. Returns how many blocks are left.
 */
static unsigned int unload(struct kmemx_pcp *pcp, unsigned int k, int state, unsigned int more)
{
	struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, kmemx_parcel_order(state));
	unsigned int room = (unsigned int)(list->limit - list->top) + more;
	unsigned int nr = min(kmemx_parcel_nr(state), room);
	unsigned int left = kmemx_parcel_nr(state) - nr, i;
	const struct kmemx_pcp_block *from = pcp->parcels->block[k] + left;

	for (i = 0; i < nr; i++) {
		kmemx_step();
		list->top[i + 1] = from[i];
	}
	kmemx_step();
	/* Who counts from another CPU may see them twice. */
	WRITE_ONCE(list->top, list->top + nr);
	kmemx_step();
	return left;
}

/* A hint where to look: of several CPUs that want blocks, the first that has said so. */
static void be_named(struct kmemx_pages *pages, unsigned int order)
{
	if (!READ_ONCE(pages->wanting[order]))
		WRITE_ONCE(pages->wanting[order], smp_processor_id() + 1);
}

/*
 * Want blocks of @order: in one more parcel each time, so that orders that are asked for in turn
 * share them. What another order has left there goes on its stack.
 */
static void ask(struct kmemx_pages *pages, struct kmemx_pcp *pcp, unsigned int order)
{
	struct kmemx_parcels *parcels = pcp->parcels;
	unsigned int k = parcels->next, left = 0;
	atomic_t *state = &parcels->state[k];
	int was = atomic_read_acquire(state);

	parcels->next = (k + 1) % KMEMX_PARCELS;
	kmemx_step();
	if (kmemx_parcel_is_full(was))
		left = unload(pcp, k, was, 0);
	if (left)
		atomic_set_release(state, kmemx_parcel_full(kmemx_parcel_order(was), left));
	else if (was == KMEMX_PARCEL_NONE || kmemx_parcel_is_full(was))
		atomic_set_release(state, kmemx_parcel_wanted(order));
	else if (was != KMEMX_PARCEL_BUSY && was != kmemx_parcel_wanted(order))
		/* Who has made it busy meanwhile goes on with what it was. */
		atomic_cmpxchg_release(state, was, kmemx_parcel_wanted(order));
	kmemx_step();
	be_named(pages, order);
}

/**
 * kmemx_parcel_receive() - fill an empty stack with what others have left for this CPU
 * @pages: the region's frames
 * @pcp: the front, the caller's
 * @order: of the stack
 *
 * If there is nothing, others are asked. What the stack may not hold, but for the block that the
 * caller takes, stays in the parcel.
 *
 * Context: any, with the front entered.
 * Return: whether it has some blocks now.
 */
bool kmemx_parcel_receive(struct kmemx_pages *pages, struct kmemx_pcp *pcp, unsigned int order)
{
	struct kmemx_pcp_list *list = kmemx_pcp_list(pcp, order);
	struct kmemx_parcels *parcels = pcp->parcels;
	unsigned int left, k;
	int state;

	if (!parcels || !kmemx_parcel_is_for(pages, order))
		return false;
	k = find_full(parcels, order, &state);
	if (k == KMEMX_PARCELS) {
		ask(pages, pcp, order);
		return false;
	}
	/* As where a stack is filled by chunks. */
	if (kmemx_pcp_is_short(pcp))
		WRITE_ONCE(pcp->nr_refused, 0);
	if (list->limit - list->bottom + 1 < kmemx_parcel_nr(state))
		kmemx_pcp_grow(pcp, order);
	left = unload(pcp, k, state, 1);
	atomic_set_release(&parcels->state[k], left ? kmemx_parcel_full(order, left) :
						      kmemx_parcel_wanted(order));
	kmemx_step();
	be_named(pages, order);
	return true;
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
 * @block: set to it
 * @order: set to its order
 *
 * For who empties the front. A parcel that is being filled at this moment is gone past.
 *
 * Context: any, with the front entered, or its CPU dead.
 * Return: false if there is none.
 */
bool kmemx_parcel_take_last(struct kmemx_pcp *pcp, struct kmemx_pcp_block *block,
			    unsigned int *order)
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
		*block = parcels->block[i][left];
		kmemx_step();
		atomic_set_release(&parcels->state[i], left ? kmemx_parcel_full(*order, left) :
							      KMEMX_PARCEL_NONE);
		return true;
	}
	return false;
}

/**
 * kmemx_parcel_want_none() - want nothing any more, until a stack is empty again
 * @pcp: the front, the caller's
 *
 * What is full stays.
 *
 * Context: any, with the front entered, or its CPU dead.
 * Return: whether another CPU is filling one at this moment.
 */
bool kmemx_parcel_want_none(struct kmemx_pcp *pcp)
{
	struct kmemx_parcels *parcels = pcp->parcels;
	bool is_busy = false;
	unsigned int i;

	for (i = 0; parcels && i < KMEMX_PARCELS; i++) {
		int state = atomic_read(&parcels->state[i]);

		kmemx_step();
		if ((state & KMEMX_PARCEL_STATE) == KMEMX_PARCEL_WANTED)
			state = atomic_cmpxchg_relaxed(&parcels->state[i], state,
						       KMEMX_PARCEL_NONE);
		is_busy |= state == KMEMX_PARCEL_BUSY;
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
		if (atomic_cmpxchg_acquire(&parcels->state[i], wanted, KMEMX_PARCEL_BUSY) == wanted)
			break;
	}
	return i;
}

/**
 * kmemx_parcel_fill() - leave what is on top of a stack to the CPU that wants it
 * @parcels: that CPU's
 * @list: the stack, of the caller's front
 * @order: of the stack
 *
 * Context: any, with the front entered.
 * Return: whether the stack has some blocks less now.
 */
bool kmemx_parcel_fill(struct kmemx_parcels *parcels, struct kmemx_pcp_list *list,
		       unsigned int order)
{
	unsigned int nr = min(KMEMX_PARCEL_BLOCKS, kmemx_pcp_nr(list));
	struct kmemx_pcp_block *top;
	unsigned int i, k;

	if (!nr)
		return false;
	k = claim(parcels, order);
	if (k == KMEMX_PARCELS)
		return false;
	top = list->top - nr;
	for (i = 0; i < nr; i++) {
		kmemx_step();
		parcels->block[k][i] = top[i + 1];
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

	if (!cpu)
		return false;
	if (cpu != smp_processor_id() + 1 &&
	    kmemx_parcel_fill(per_cpu_ptr(pages->pcp, cpu - 1)->parcels,
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
