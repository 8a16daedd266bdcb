/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A summary: a set of small integers with a fast "first one from here", as a
 * 64-ary tree of words. A bit of a level is a word of the level below that is
 * not zero; level 0 has a bit per leaf.
 *
 * It is a hint, not a ledger. A leaf that is set is found, once the CPU that
 * set it has returned; a bit that is set without cause may be met and is put
 * right by whoever meets it. What a leaf stands for must be checked at its
 * own place.
 *
 * Locking: none. Every function may run on any number of CPUs at once, in any
 * context, nested in itself.
 */
#ifndef KMEMX_BUDDY_SUMMARY_H
#define KMEMX_BUDDY_SUMMARY_H

#include <kmemx/platform.h>

#define KMEMX_SUMMARY_LEVELS	6
#define KMEMX_SUMMARY_FANOUT	64

struct kmemx_summary {
	atomic64_t *level[KMEMX_SUMMARY_LEVELS];	/* level[0]: the leaves */
	atomic64_t *top;				/* level[nr_levels - 1] */
	unsigned int nr_levels;
	unsigned int nr_leaves;
};

/* Has it no leaf? A moment ago, and as the top says. */
static inline bool kmemx_summary_is_empty(const struct kmemx_summary *sum)
{
	return !atomic64_read(sum->top);
}

/**
 * kmemx_summary_has_other() - has it a leaf other than this one?
 * @sum: the summary
 * @leaf: 0..nr_leaves - 1, set or not
 *
 * Down from the top, a word a level, to where there is more than one way to go.
 *
 * Context: any.
 * Return: whether it had, as far as a hint can tell.
 */
static __always_inline bool kmemx_summary_has_other(const struct kmemx_summary *sum,
						    unsigned int leaf)
{
	unsigned int level = sum->nr_levels, index = 0;

	do {
		u64 bits = (u64)atomic64_read(*(sum->level + --level) + index);

		if (!bits)
			return false;
		if (bits & (bits - 1))
			return true;
		index = (index * KMEMX_SUMMARY_FANOUT) + __ffs64(bits);
	} while (level);
	return index != leaf;
}

void kmemx_summary_set_above(struct kmemx_summary *sum, unsigned int level, unsigned int index);

/* The words of a level, of 64 bits each as a long has, are one array of bits. */
static __always_inline unsigned long *kmemx_summary_bits(atomic64_t *level)
{
	static_assert(sizeof(unsigned long) == sizeof(*level));
	return (unsigned long *)level;
}

/* Set bit @index of @level, and what is above it up to where it is set already. */
static __always_inline void kmemx_summary_raise(struct kmemx_summary *sum, unsigned int level,
						unsigned int index)
{
	for (;;) {
		set_bit(index, kmemx_summary_bits(*(sum->level + level)));
		/* Pairs with that in kmemx_summary_lower(). */
		smp_mb__after_atomic();
		kmemx_step();
		index /= KMEMX_SUMMARY_FANOUT;
		if (++level == sum->nr_levels ||
		    test_bit(index, kmemx_summary_bits(*(sum->level + level))))
			break;
	}
}

/*
 * Clear bit @index of @level, and above it what has become empty; look again each time, and
 * set what is not empty any more. Returns whether the first word was left with no bit.
 */
static __always_inline bool kmemx_summary_lower(struct kmemx_summary *sum, unsigned int level,
						unsigned int index)
{
	unsigned int first = level;

	for (;;) {
		atomic64_t **words = sum->level + level;

		clear_bit(index, kmemx_summary_bits(*words));
		/* Pairs with that in kmemx_summary_raise(). */
		smp_mb__after_atomic();
		kmemx_step();
		if (level && unlikely(atomic64_read(*(words - 1) + index))) {
			kmemx_summary_set_above(sum, level, index);
			break;
		}
		index /= KMEMX_SUMMARY_FANOUT;
		if (atomic64_read(*words + index))
			break;
		if (++level == sum->nr_levels)
			return true;
		kmemx_step();
	}
	return level > first;
}

/**
 * kmemx_summary_add() - kmemx_summary_set(), inline
 * @sum: the summary
 * @leaf: 0..nr_leaves - 1
 *
 * Context: any. Fully ordered before what follows.
 */
static __always_inline void kmemx_summary_add(struct kmemx_summary *sum, unsigned int leaf)
{
	kmemx_summary_raise(sum, 0, leaf);
}

/**
 * kmemx_summary_drop() - kmemx_summary_clear(), inline
 * @sum: the summary
 * @leaf: 0..nr_leaves - 1
 *
 * Context: any. Fully ordered before what follows.
 * Return: whether the word of the leaf was left with none, so that the top may have changed.
 */
static __always_inline bool kmemx_summary_drop(struct kmemx_summary *sum, unsigned int leaf)
{
	return kmemx_summary_lower(sum, 0, leaf);
}

size_t kmemx_summary_bytes(unsigned int nr_leaves);
void kmemx_summary_init(struct kmemx_summary *sum, void *mem,
			unsigned int nr_leaves);
void kmemx_summary_set(struct kmemx_summary *sum, unsigned int leaf);
void kmemx_summary_clear(struct kmemx_summary *sum, unsigned int leaf);
bool kmemx_summary_test(const struct kmemx_summary *sum, unsigned int leaf);
long kmemx_summary_find(struct kmemx_summary *sum, unsigned int from);
long kmemx_summary_first(struct kmemx_summary *sum);
bool kmemx_summary_check(const struct kmemx_summary *sum);

#endif /* KMEMX_BUDDY_SUMMARY_H */
