// SPDX-License-Identifier: GPL-2.0
/*
 * The 64-ary tree of bits; see summary.h.
 *
 * Why no set leaf is lost: a setter sets its bit and then looks at the bit above, and
 * sets it if it is clear; a clearer that made a word zero clears the bit above and then
 * looks at the word again, and sets the bit above if it is not zero any more. There is
 * a full barrier between change and look on both sides, so if the setter found the bit
 * above still set, the clearer's second look finds the setter's bit.
 */
#include "buddy/summary.h"

#define SHIFT	6
#define FANOUT	KMEMX_SUMMARY_FANOUT

static unsigned int words_for(unsigned int nr)
{
	return DIV_ROUND_UP(nr, FANOUT);
}

/**
 * kmemx_summary_bytes() - memory that a summary needs
 * @nr_leaves: number of leaves, at least 1
 *
 * Return: the bytes to pass zeroed to kmemx_summary_init().
 */
size_t kmemx_summary_bytes(unsigned int nr_leaves)
{
	size_t words = 0;

	do {
		nr_leaves = words_for(nr_leaves);
		words += nr_leaves;
	} while (nr_leaves > 1);
	return words * sizeof(atomic64_t);
}
KMEMX_EXPORT_FOR_TEST(kmemx_summary_bytes);

/**
 * kmemx_summary_init() - make an empty summary
 * @sum: the summary
 * @mem: kmemx_summary_bytes() zeroed bytes, which stay the caller's
 * @nr_leaves: number of leaves, at least 1
 */
void kmemx_summary_init(struct kmemx_summary *sum, void *mem,
			unsigned int nr_leaves)
{
	unsigned int nr = nr_leaves;
	atomic64_t *next = mem;

	sum->nr_leaves = nr_leaves;
	sum->nr_levels = 0;
	do {
		nr = words_for(nr);
		sum->level[sum->nr_levels++] = next;
		sum->top = next;
		next += nr;
	} while (nr > 1);
}
KMEMX_EXPORT_FOR_TEST(kmemx_summary_init);

static s64 bit_of(unsigned int index)
{
	return (s64)BIT_ULL(index % FANOUT);
}

static bool is_set(const struct kmemx_summary *sum, unsigned int level,
		   unsigned int index)
{
	return atomic64_read(&sum->level[level][index >> SHIFT]) & bit_of(index);
}

/**
 * kmemx_summary_set() - set a leaf
 * @sum: the summary
 * @leaf: 0..nr_leaves - 1
 *
 * Context: any. Fully ordered before what follows.
 */
void kmemx_summary_set(struct kmemx_summary *sum, unsigned int leaf)
{
	kmemx_summary_raise(sum, 0, leaf);
}
KMEMX_EXPORT_FOR_TEST(kmemx_summary_set);

/**
 * kmemx_summary_set_above() - set a bit above the leaves
 * @sum: the summary
 * @level: of the bit, 1..nr_levels - 1
 * @index: the bit; the word that it is for is not empty any more
 *
 * What kmemx_summary_drop() leaves to be done.
 *
 * Context: any. Fully ordered before what follows.
 */
void kmemx_summary_set_above(struct kmemx_summary *sum, unsigned int level, unsigned int index)
{
	kmemx_summary_raise(sum, level, index);
}
KMEMX_EXPORT_FOR_TEST(kmemx_summary_set_above);

/**
 * kmemx_summary_clear() - clear a leaf
 * @sum: the summary
 * @leaf: 0..nr_leaves - 1
 *
 * The caller looks at what the leaf stands for once more afterwards, and sets
 * it again if it has changed meanwhile.
 *
 * Context: any. Fully ordered before what follows.
 */
void kmemx_summary_clear(struct kmemx_summary *sum, unsigned int leaf)
{
	kmemx_summary_lower(sum, 0, leaf);
}
KMEMX_EXPORT_FOR_TEST(kmemx_summary_clear);

/**
 * kmemx_summary_test() - is a leaf set?
 * @sum: the summary
 * @leaf: 0..nr_leaves - 1
 *
 * Return: whether it was, a moment ago.
 */
bool kmemx_summary_test(const struct kmemx_summary *sum, unsigned int leaf)
{
	return is_set(sum, 0, leaf);
}
KMEMX_EXPORT_FOR_TEST(kmemx_summary_test);

/* The bits of the word at @level that holds bit @index, from that bit on. */
static u64 bits_from(struct kmemx_summary *sum, unsigned int level,
		     unsigned int index)
{
	return (u64)atomic64_read(&sum->level[level][index >> SHIFT]) &
		(~0ULL << (index % FANOUT));
}

static unsigned int nr_bits(const struct kmemx_summary *sum, unsigned int level)
{
	unsigned int nr = sum->nr_leaves;

	while (level--)
		nr = words_for(nr);
	return nr;
}

/**
 * kmemx_summary_find() - the first set leaf at or after a place
 * @sum: the summary
 * @from: where to start, may be nr_leaves
 *
 * Climbs from @from until a word has a bit to the right, then goes down to the
 * first leaf below it: at most two words a level, but for stale bits, each of
 * which is cleared when met.
 *
 * Context: any.
 * Return: the leaf, or -1 if there is none.
 */
long kmemx_summary_find(struct kmemx_summary *sum, unsigned int from)
{
	unsigned int index = from;
	unsigned int level = 0;
	u64 bits;

	while (level < sum->nr_levels) {
		bits = index < nr_bits(sum, level) ? bits_from(sum, level, index) : 0;
		if (!bits) {
			index = (index >> SHIFT) + 1;
			level++;
			continue;
		}
		index = round_down(index, FANOUT) + __ffs64(bits);
		if (!level)
			return index;
		if (!atomic64_read(&sum->level[level - 1][index])) {
			/* Stale: the word below is empty. */
			kmemx_summary_lower(sum, level, index);
			index++;
			continue;
		}
		level--;
		index <<= SHIFT;
	}
	return -1;
}
KMEMX_EXPORT_FOR_TEST(kmemx_summary_find);

/**
 * kmemx_summary_first() - the first set leaf
 * @sum: the summary
 *
 * Straight down from the top, a word a level, where every bit on the way is as it
 * should be.
 *
 * Context: any.
 * Return: the leaf, or -1 if there is none.
 */
long kmemx_summary_first(struct kmemx_summary *sum)
{
	unsigned int level = sum->nr_levels;
	unsigned int index = 0;

	while (level--) {
		u64 bits = (u64)atomic64_read(&sum->level[level][index]);

		/* Nothing at the top is nothing at all; below, the bit above was stale. */
		if (unlikely(!bits))
			return level + 1 < sum->nr_levels ? kmemx_summary_find(sum, 0) : -1;
		index = (index << SHIFT) + __ffs64(bits);
	}
	return index;
}
KMEMX_EXPORT_FOR_TEST(kmemx_summary_first);

/**
 * kmemx_summary_check() - do the levels agree?
 * @sum: the summary, which nobody changes meanwhile
 *
 * Return: true if every non-empty word has its bit in the level above.
 */
bool kmemx_summary_check(const struct kmemx_summary *sum)
{
	unsigned int level, i;

	for (level = 1; level < sum->nr_levels; level++)
		for (i = 0; i < nr_bits(sum, level); i++)
			if (atomic64_read(&sum->level[level - 1][i]) && !is_set(sum, level, i))
				return false;
	return true;
}
KMEMX_EXPORT_FOR_TEST(kmemx_summary_check);
