// SPDX-License-Identifier: GPL-2.0
/*
 * The set of size classes; see classes.h.
 */
#include "slab/classes.h"

/* The quarters of 8..8192 are 36 classes; a list is completed by 20 at most. */
static_assert(KMEMX_CLASSES_LIST_MAX + 20 <= KMEMX_CLASSES_MAX);

/**
 * kmemx_classes_align() - alignment of the objects of a class
 * @size: object size of the class
 *
 * Like kmalloc(): a power of two is aligned to itself, so that a caller who
 * asks for 512 bytes may put a disk sector there.
 *
 * Return: the largest power of two that divides @size.
 */
unsigned int kmemx_classes_align(unsigned int size)
{
	return size & -size;
}
KMEMX_EXPORT_FOR_TEST(kmemx_classes_align);

/* What follows the classes there are: all sizes of that many steps that are larger. */
static void add_steps(struct kmemx_classes *classes, enum kmemx_class_steps steps)
{
	unsigned int largest = classes->nr ? classes->size[classes->nr - 1] : 0;
	unsigned int pow, size;

	for (pow = 8; pow < KMEMX_CLASS_MAX_SIZE; pow *= 2)
		for (size = pow; size < 2 * pow; size += max(pow / steps, 8U))
			if (size > largest)
				classes->size[classes->nr++] = (u16)size;
	if (largest < KMEMX_CLASS_MAX_SIZE)
		classes->size[classes->nr++] = KMEMX_CLASS_MAX_SIZE;
}

static unsigned int smallest_that_serves(const struct kmemx_classes *classes, unsigned int size)
{
	unsigned int class = 0;

	while (!kmemx_classes_serves(classes->size[class], size))
		class++;
	return class;
}

/* The sizes are there. */
static void fill_table(struct kmemx_classes *classes)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(classes->small); i++)
		classes->small[i] = (u8)smallest_that_serves(classes, 8 * (i + 1));
	classes->first_large = smallest_that_serves(classes, KMEMX_CLASS_TABLE_MAX + 1);
}

/**
 * kmemx_classes_init() - size classes from 8 bytes to KMEMX_CLASS_MAX_SIZE
 * @classes: to fill in
 * @steps: how many there are from one power of two to the next
 */
void kmemx_classes_init(struct kmemx_classes *classes, enum kmemx_class_steps steps)
{
	classes->nr = 0;
	add_steps(classes, steps);
	fill_table(classes);
}
KMEMX_EXPORT_FOR_TEST(kmemx_classes_init);

/**
 * kmemx_classes_init_list() - size classes that somebody has chosen
 * @classes: to fill in; undefined on failure
 * @nr: how many sizes, 1..KMEMX_CLASSES_LIST_MAX
 * @size: in bytes, rising, multiples of 8, up to KMEMX_CLASS_MAX_SIZE
 *
 * Above the last of them it goes on as with KMEMX_CLASSES_HALF, so that every request up to
 * KMEMX_CLASS_MAX_SIZE has a class.
 *
 * Return: 0, or -EINVAL for a list that is not as above.
 */
int kmemx_classes_init_list(struct kmemx_classes *classes, unsigned int nr, const u32 *size)
{
	unsigned int i;

	if (!nr || nr > KMEMX_CLASSES_LIST_MAX)
		return -EINVAL;
	for (i = 0; i < nr; i++) {
		if (!size[i] || size[i] % 8 || size[i] > KMEMX_CLASS_MAX_SIZE ||
		    (i && size[i] <= size[i - 1]))
			return -EINVAL;
		classes->size[i] = (u16)size[i];
	}
	classes->nr = nr;
	add_steps(classes, KMEMX_CLASSES_HALF);
	fill_table(classes);
	return 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_classes_init_list);

/**
 * kmemx_classes_waste() - what a set of classes makes of a demand
 * @classes: the set
 * @nr: how many sizes are asked for, up to 65536 (so that the sums fit)
 * @demand: these sizes and how often, in any order
 * @waste: set to the sums
 *
 * Return: 0, or -EINVAL if a size is out of range, or nothing is asked for.
 */
int kmemx_classes_waste(const struct kmemx_classes *classes, unsigned int nr,
			const struct kmemx_demand *demand, struct kmemx_waste *waste)
{
	unsigned int i;

	*waste = (struct kmemx_waste){ 0 };
	if (nr > 1U << 16)
		return -EINVAL;
	for (i = 0; i < nr; i++) {
		u64 weight = demand[i].weight;
		u32 size = demand[i].size;

		if (!size || size > KMEMX_CLASS_MAX_SIZE)
			return -EINVAL;
		waste->weight += weight;
		waste->asked += weight * size;
		waste->held += weight * classes->size[kmemx_classes_find(classes, size)];
	}
	return waste->weight ? 0 : -EINVAL;
}
KMEMX_EXPORT_FOR_TEST(kmemx_classes_waste);

/**
 * kmemx_classes_expected_waste() - bytes that a request wastes inside its object, on average
 * @waste: what kmemx_classes_waste() made of the demand
 *
 * E = sum p(s) (c(s) - s), where p(s) is the part of all requests that are for s bytes and
 * c(s) the size of their class; with weights w it is sum w(s) (c(s) - s) / sum w(s).
 *
 * Return: E in thousandths of a byte, rounded down.
 */
u64 kmemx_classes_expected_waste(const struct kmemx_waste *waste)
{
	u64 bytes = waste->held - waste->asked;

	/* Not all bytes times 1000, which may not fit. */
	return bytes / waste->weight * 1000 + bytes % waste->weight * 1000 / waste->weight;
}
KMEMX_EXPORT_FOR_TEST(kmemx_classes_expected_waste);
