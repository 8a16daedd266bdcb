// SPDX-License-Identifier: GPL-2.0
/*
 * The 64-ary tree of bits; see summary.h.
 *
 * Why no set leaf is lost: a setter sets its bit and then looks at the bit above, and
 * sets it if it is clear; a clearer that made a word zero clears the bit above and then
 * looks at the word again, and sets the bit above if it is not zero any more. There is
 * a full barrier between change and look on both sides, so if the setter found the bit
 * above still set, the clearer's second look finds the setter's bit. The inline functions do
 * so for the leaves; kmemx_summary_mend() does it for any level, as often as it takes.
 */
#include "buddy/summary.h"

#define SHIFT	6
#define FANOUT	KMEMX_SUMMARY_FANOUT

static unsigned int words_for(unsigned int nr)
{
	return DIV_ROUND_UP(nr, FANOUT);
}

/* The words of all levels. */
static size_t nr_words(unsigned int nr)
{
	size_t words = 0;

	do {
		nr = words_for(nr);
		words += nr;
	} while (nr > KMEMX_SUMMARY_TOP * FANOUT);
	return words + (words_for(nr) > 1 ? KMEMX_SUMMARY_TOP : 1);
}

/**
 * kmemx_summary_bytes() - memory that a summary needs
 * @nr_leaves: number of leaves, at least 1
 *
 * Return: the bytes to pass zeroed to kmemx_summary_init().
 */
size_t kmemx_summary_bytes(unsigned int nr_leaves)
{
	return nr_words(nr_leaves) * sizeof(atomic64_t);
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
		next += nr;
	} while (nr > KMEMX_SUMMARY_TOP * FANOUT);
	sum->level[sum->nr_levels++] = next;
	sum->top = next;
	sum->nr_top = words_for(nr);
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

/* Let a bit above the leaves say whether the word below it is empty, until that holds still. */
static void settle_bit(struct kmemx_summary *sum, unsigned int level, unsigned int index)
{
	for (;;) {
		bool empty = !atomic64_read(&sum->level[level - 1][index]);

		if (is_set(sum, level, index) != empty)
			return;
		kmemx_step();
		if (empty)
			clear_bit(index, kmemx_summary_bits(sum->level[level]));
		else
			set_bit(index, kmemx_summary_bits(sum->level[level]));
		/* Pairs with itself, and with those of the inline ways. */
		smp_mb__after_atomic();
		kmemx_step();
	}
}

/**
 * kmemx_summary_raise_above() - kmemx_summary_raise(), of the levels above its two
 * @sum: the summary
 * @leaf: 0..nr_leaves - 1; the bit above it has been set
 *
 * Level by level the same: who clears a bit looks at the word below it once more.
 *
 * Context: any. Fully ordered before what follows.
 */
void kmemx_summary_raise_above(struct kmemx_summary *sum, unsigned int leaf)
{
	unsigned int index = leaf >> 2 * SHIFT, level;

	for (level = 2; level < sum->nr_levels && !is_set(sum, level, index); level++) {
		kmemx_step();
		set_bit(index, kmemx_summary_bits(sum->level[level]));
		/* As in kmemx_summary_raise(). */
		smp_mb__after_atomic();
		kmemx_step();
		index >>= SHIFT;
	}
}
KMEMX_EXPORT_FOR_TEST(kmemx_summary_raise_above);

/**
 * kmemx_summary_mend() - bring what is above a leaf in line with its word
 * @sum: the summary
 * @leaf: 0..nr_leaves - 1; its word has changed
 *
 * What the inline ways leave to be done where a leaf was cleared: more than two levels, and a
 * word that was left empty and is not any more. And for who meets a bit that is wrong.
 *
 * Context: any. Fully ordered before what follows.
 */
void kmemx_summary_mend(struct kmemx_summary *sum, unsigned int leaf)
{
	unsigned int index = leaf, level;

	for (level = 1; level < sum->nr_levels; level++) {
		index >>= SHIFT;
		settle_bit(sum, level, index);
	}
}
KMEMX_EXPORT_FOR_TEST(kmemx_summary_mend);

/**
 * kmemx_summary_set() - set a leaf
 * @sum: the summary
 * @leaf: 0..nr_leaves - 1
 *
 * Context: any. Fully ordered before what follows.
 */
void kmemx_summary_set(struct kmemx_summary *sum, unsigned int leaf)
{
	kmemx_summary_add(sum, leaf);
}
KMEMX_EXPORT_FOR_TEST(kmemx_summary_set);

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
	kmemx_summary_drop(sum, leaf);
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
 * first leaf below it: at most two words a level, and those of the top, but for stale bits,
 * each of which is cleared when met.
 *
 * Context: any.
 * Return: the leaf, or -1 if there is none.
 */
long kmemx_summary_find(struct kmemx_summary *sum, unsigned int from)
{
	unsigned int index = from;
	unsigned int level = 0;

	for (;;) {
		bool is_inside = index < nr_bits(sum, level);
		u64 bits = is_inside ? bits_from(sum, level, index) : 0;

		if (bits) {
			index = round_down(index, FANOUT) + __ffs64(bits);
			if (!level)
				return index;
			if (likely(atomic64_read(&sum->level[level - 1][index]))) {
				level--;
				index <<= SHIFT;
				continue;
			}
			/* Stale: the word below is empty. */
			kmemx_summary_mend(sum, index << level * SHIFT);
			index++;
		} else if (level + 1 < sum->nr_levels) {
			index = (index >> SHIFT) + 1;
			level++;
		} else if (is_inside) {
			/* The next word of the top. */
			index = round_down(index, FANOUT) + FANOUT;
		} else {
			return -1;
		}
	}
}
KMEMX_EXPORT_FOR_TEST(kmemx_summary_find);

/**
 * kmemx_summary_first() - the first set leaf
 * @sum: the summary
 *
 * Straight down from the top, a word a level, where every bit on the way is as it should
 * be.
 *
 * Context: any.
 * Return: the leaf, or -1 if there is none.
 */
long kmemx_summary_first(struct kmemx_summary *sum)
{
	unsigned int level = sum->nr_levels - 1, index = 0;
	u64 bits;

	while (!(bits = (u64)atomic64_read(sum->top + index)))
		if (++index == sum->nr_top)
			return -1;
	for (;;) {
		/* The bit above was stale. */
		if (unlikely(!bits))
			return kmemx_summary_find(sum, 0);
		index = (index << SHIFT) + __ffs64(bits);
		if (!level)
			return index;
		bits = (u64)atomic64_read(&sum->level[--level][index]);
	}
}
KMEMX_EXPORT_FOR_TEST(kmemx_summary_first);

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
bool kmemx_summary_has_other(const struct kmemx_summary *sum, unsigned int leaf)
{
	unsigned int level = sum->nr_levels - 1, index = 0, i;
	u64 bits = 0;

	for (i = 0; i < sum->nr_top; i++) {
		u64 word = (u64)atomic64_read(sum->top + i);

		if (bits && word)
			return true;
		if (word)
			index = i;
		bits |= word;
	}
	for (;;) {
		if (!bits)
			return false;
		if (bits & (bits - 1))
			return true;
		index = index * FANOUT + __ffs64(bits);
		if (!level--)
			return index != leaf;
		bits = (u64)atomic64_read(&sum->level[level][index]);
	}
}
KMEMX_EXPORT_FOR_TEST(kmemx_summary_has_other);

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
