/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Size classes: which object size serves a request of so many bytes, and what that wastes.
 * Pure arithmetic.
 *
 * A request of a power of two is promised memory that is aligned to it, so it is served by
 * a class that is a multiple of it, were it not the smallest that is large enough.
 */
#ifndef KMEMX_SLAB_CLASSES_H
#define KMEMX_SLAB_CLASSES_H

#include <kmemx/platform.h>

#define KMEMX_CLASSES_MAX	64
#define KMEMX_CLASS_MAX_SIZE	8192
/* Requests up to here find their class in a table, one entry per 8 bytes. */
#define KMEMX_CLASS_TABLE_MAX	1024
/* Sizes that a list of one's own may have: the rest is room for what completes it. */
#define KMEMX_CLASSES_LIST_MAX	40

/*
 * Classes from one power of two to the next, at least 8 bytes apart: what a request of more
 * than 8, 16 and 32 bytes wastes is less than a half, a third and a fifth of its object.
 */
enum kmemx_class_steps {
	KMEMX_CLASSES_POW2 = 1,		/* 8, 16, 32, 64, ... */
	KMEMX_CLASSES_HALF = 2,		/* 8, 16, 24, 32, 48, 64, ... */
	KMEMX_CLASSES_QUARTER = 4,	/* 8, 16, 24, 32, 40, 48, 56, 64, 80, ... */
};

/**
 * struct kmemx_classes - a set of size classes
 * @size: object sizes in bytes, rising, the last is KMEMX_CLASS_MAX_SIZE
 * @nr: how many
 * @first_large: the first of more than KMEMX_CLASS_TABLE_MAX bytes
 * @small: class of a request of 8 * (i + 1) bytes, and of the seven sizes below
 */
struct kmemx_classes {
	u16 size[KMEMX_CLASSES_MAX];
	unsigned int nr;
	unsigned int first_large;
	u8 small[KMEMX_CLASS_TABLE_MAX / 8];
};

/**
 * struct kmemx_demand - how often a size is asked for
 * @size: bytes, 1..KMEMX_CLASS_MAX_SIZE
 * @weight: how often, as a count or in any other unit
 */
struct kmemx_demand {
	u32 size;
	u32 weight;
};

/**
 * struct kmemx_waste - what a set of classes makes of a demand
 * @weight: of all requests
 * @asked: bytes asked for
 * @held: bytes of the objects that serve them
 */
struct kmemx_waste {
	u64 weight;
	u64 asked;
	u64 held;
};

void kmemx_classes_init(struct kmemx_classes *classes, enum kmemx_class_steps steps);
int kmemx_classes_init_list(struct kmemx_classes *classes, unsigned int nr, const u32 *size);
unsigned int kmemx_classes_align(unsigned int size);
int kmemx_classes_waste(const struct kmemx_classes *classes, unsigned int nr,
			const struct kmemx_demand *demand, struct kmemx_waste *waste);
u64 kmemx_classes_expected_waste(const struct kmemx_waste *waste);

/* May an object of a class serve a request of @size bytes? */
static inline bool kmemx_classes_serves(unsigned int class_size, size_t size)
{
	return class_size >= size && !(is_power_of_2(size) && class_size & (size - 1));
}

/**
 * kmemx_classes_find() - the class that serves a request
 * @classes: the set
 * @size: bytes wanted, 1..KMEMX_CLASS_MAX_SIZE
 *
 * Return: the index of the smallest class that is large enough, and aligned if @size is a
 * power of two. The seven sizes below a power of two go with it, up to KMEMX_CLASS_TABLE_MAX.
 */
static inline unsigned int kmemx_classes_find(const struct kmemx_classes *classes,
					      size_t size)
{
	unsigned int i;

	if (size <= KMEMX_CLASS_TABLE_MAX)
		return classes->small[(size - 1) / 8];
	for (i = classes->first_large; !kmemx_classes_serves(classes->size[i], size); i++)
		;
	return i;
}

#endif /* KMEMX_SLAB_CLASSES_H */
