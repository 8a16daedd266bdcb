/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Size classes: which object size serves a request of so many bytes.
 */
#ifndef KMEMX_SLAB_CLASSES_H
#define KMEMX_SLAB_CLASSES_H

#include <kmemx/platform.h>

#define KMEMX_CLASSES_MAX	32
#define KMEMX_CLASS_MAX_SIZE	8192
/* Requests up to here find their class in a table, one entry per 8 bytes. */
#define KMEMX_CLASS_TABLE_MAX	1024

/**
 * struct kmemx_classes - a set of size classes
 * @size: object sizes in bytes, rising
 * @nr: how many
 * @small: class of a request of 8 * (i + 1) bytes
 */
struct kmemx_classes {
	u16 size[KMEMX_CLASSES_MAX];
	unsigned int nr;
	u8 small[KMEMX_CLASS_TABLE_MAX / 8];
};

void kmemx_classes_init(struct kmemx_classes *classes);
unsigned int kmemx_classes_align(unsigned int size);

/**
 * kmemx_classes_find() - the class that serves a request
 * @classes: the set
 * @size: bytes wanted, 1..KMEMX_CLASS_MAX_SIZE
 *
 * Return: the index of the smallest class that is large enough.
 */
static inline unsigned int kmemx_classes_find(const struct kmemx_classes *classes,
					      size_t size)
{
	unsigned int i;

	if (size <= KMEMX_CLASS_TABLE_MAX)
		return classes->small[(size - 1) / 8];
	for (i = classes->small[KMEMX_CLASS_TABLE_MAX / 8 - 1]; classes->size[i] < size; i++)
		;
	return i;
}

#endif /* KMEMX_SLAB_CLASSES_H */
