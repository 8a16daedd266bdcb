/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A summary: a set of small integers with a fast "first one from here", as a
 * 64-ary tree of words. A bit of a level is a word of the level below that is
 * not zero; level 0 has a bit per leaf. The top is up to four words: so up to 16384 leaves
 * need two levels, which is what the inline functions have code for, without a loop; and
 * what is smaller has two as well, so that no operation is longer for there being more
 * leaves.
 *
 * It is a hint, not a ledger. A leaf that is set is found, once the CPU that set it has
 * returned, and any that was just setting or clearing a neighbour; a bit that is set without
 * cause may be met and is put right by whoever meets it. What a leaf stands for must be checked
 * at its own place.
 *
 * Locking: none. Every function may run on any number of CPUs at once, in any
 * context, nested in itself.
 */
#ifndef KMEMX_BUDDY_SUMMARY_H
#define KMEMX_BUDDY_SUMMARY_H

#include <kmemx/platform.h>

#define KMEMX_SUMMARY_LEVELS	5
#define KMEMX_SUMMARY_FANOUT	64
/* Words that the top has if it has more than one; those that are not needed stay zero. */
#define KMEMX_SUMMARY_TOP	4

struct kmemx_summary {
	atomic64_t *level[KMEMX_SUMMARY_LEVELS];	/* level[0]: the leaves */
	atomic64_t *top;				/* level[nr_levels - 1] */
	unsigned int nr_levels;				/* At least two. */
	unsigned int nr_leaves;
	unsigned int nr_top;				/* Words of the top that are needed. */
};

/* Has it no leaf? A moment ago, and as the top says. */
static __always_inline bool kmemx_summary_is_empty(const struct kmemx_summary *sum)
{
	const atomic64_t *top = sum->top;

	static_assert(KMEMX_SUMMARY_TOP == 4);
	if (sum->nr_top == 1)
		return !atomic64_read(top);
	return !(atomic64_read(top) | atomic64_read(top + 1) |
		 atomic64_read(top + 2) | atomic64_read(top + 3));
}

/* The words of a level, of 64 bits each as a long has, are one array of bits. */
static __always_inline unsigned long *kmemx_summary_bits(atomic64_t *level)
{
	static_assert(sizeof(unsigned long) == sizeof(*level));
	return (unsigned long *)level;
}

/* Are there no levels but that of the leaves and the top? */
static __always_inline bool kmemx_summary_is_flat(const struct kmemx_summary *sum)
{
	return sum->nr_levels == 2;
}

/**
 * kmemx_summary_lowest() - kmemx_summary_first(), inline, for what is flat
 * @sum: the summary
 *
 * Context: any.
 * Return: the leaf, or -1 if there is none, or kmemx_summary_first() is needed to tell.
 */
static __always_inline long kmemx_summary_lowest(const struct kmemx_summary *sum)
{
	const atomic64_t *top = sum->top;
	unsigned long index = 0;
	u64 bits;

	while (!(bits = (u64)atomic64_read(top + index)))
		if (unlikely(++index == sum->nr_top))
			return -1;
	index = index * KMEMX_SUMMARY_FANOUT + __ffs64(bits);
	bits = (u64)atomic64_read(*sum->level + index);
	if (unlikely(!bits))
		return -1;
	return (long)(index * KMEMX_SUMMARY_FANOUT + __ffs64(bits));
}

/**
 * kmemx_summary_raise() - set a leaf, and the bit above it
 * @sum: the summary
 * @leaf: 0..nr_leaves - 1
 *
 * Context: any. Fully ordered before what follows.
 * Return: whether the bit above was clear, so that kmemx_summary_raise_above() is left to be done
 * if there is another level above that.
 */
static __always_inline bool kmemx_summary_raise(struct kmemx_summary *sum, unsigned long leaf)
{
	unsigned long index = leaf / KMEMX_SUMMARY_FANOUT;

	set_bit(leaf, kmemx_summary_bits(*sum->level));
	/* Pairs with that in kmemx_summary_lower(). */
	smp_mb__after_atomic();
	kmemx_step();
	if (test_bit(index, kmemx_summary_bits(*(sum->level + 1))))
		return false;
	kmemx_step();
	set_bit(index, kmemx_summary_bits(*(sum->level + 1)));
	/* For who looks at what the leaf stands for next, or at what is above. */
	smp_mb__after_atomic();
	kmemx_step();
	return true;
}

/**
 * enum kmemx_summary_left - what is left where a leaf was cleared
 * @KMEMX_LEFT_SOME: its word has others, so nothing above has changed
 * @KMEMX_LEFT_NONE: its word has none, and the bit above says so
 * @KMEMX_LEFT_LATE: it had none, and has by now: kmemx_summary_mend() is left to be done
 */
enum kmemx_summary_left {
	KMEMX_LEFT_SOME,
	KMEMX_LEFT_NONE,
	KMEMX_LEFT_LATE,
};

/**
 * kmemx_summary_lower() - clear a leaf, and the bit above it if its word has none left
 * @sum: the summary
 * @leaf: 0..nr_leaves - 1
 *
 * Context: any. Fully ordered before what follows.
 * Return: see enum kmemx_summary_left.
 */
static __always_inline enum kmemx_summary_left kmemx_summary_lower(struct kmemx_summary *sum,
								   unsigned long leaf)
{
	unsigned long index = leaf / KMEMX_SUMMARY_FANOUT;
	const atomic64_t *word = *sum->level + index;

	clear_bit(leaf, kmemx_summary_bits(*sum->level));
	/* Pairs with that in kmemx_summary_raise(). */
	smp_mb__after_atomic();
	kmemx_step();
	if (atomic64_read(word))
		return KMEMX_LEFT_SOME;
	kmemx_step();
	clear_bit(index, kmemx_summary_bits(*(sum->level + 1)));
	/* Between that and the second look at the word; pairs with the first of a raise. */
	smp_mb__after_atomic();
	kmemx_step();
	return unlikely(atomic64_read(word)) ? KMEMX_LEFT_LATE : KMEMX_LEFT_NONE;
}

void kmemx_summary_raise_above(struct kmemx_summary *sum, unsigned int leaf);
void kmemx_summary_mend(struct kmemx_summary *sum, unsigned int leaf);

/**
 * kmemx_summary_add() - kmemx_summary_set(), inline
 * @sum: the summary
 * @leaf: 0..nr_leaves - 1
 *
 * Context: any. Fully ordered before what follows.
 */
static __always_inline void kmemx_summary_add(struct kmemx_summary *sum, unsigned int leaf)
{
	if (kmemx_summary_raise(sum, leaf) && unlikely(!kmemx_summary_is_flat(sum)))
		kmemx_summary_raise_above(sum, leaf);
}

/**
 * kmemx_summary_drop() - kmemx_summary_clear(), inline
 * @sum: the summary
 * @leaf: 0..nr_leaves - 1
 *
 * Context: any. Fully ordered before what follows.
 */
static __always_inline void kmemx_summary_drop(struct kmemx_summary *sum, unsigned int leaf)
{
	enum kmemx_summary_left left = kmemx_summary_lower(sum, leaf);

	if (unlikely(left == KMEMX_LEFT_LATE) ||
	    (left == KMEMX_LEFT_NONE && unlikely(!kmemx_summary_is_flat(sum))))
		kmemx_summary_mend(sum, leaf);
}

size_t kmemx_summary_bytes(unsigned int nr_leaves);
void kmemx_summary_init(struct kmemx_summary *sum, void *mem,
			unsigned int nr_leaves);
void kmemx_summary_set(struct kmemx_summary *sum, unsigned int leaf);
void kmemx_summary_clear(struct kmemx_summary *sum, unsigned int leaf);
bool kmemx_summary_test(const struct kmemx_summary *sum, unsigned int leaf);
bool kmemx_summary_has_other(const struct kmemx_summary *sum, unsigned int leaf);
long kmemx_summary_find(struct kmemx_summary *sum, unsigned int from);
long kmemx_summary_first(struct kmemx_summary *sum);
bool kmemx_summary_check(const struct kmemx_summary *sum);

#endif /* KMEMX_BUDDY_SUMMARY_H */
