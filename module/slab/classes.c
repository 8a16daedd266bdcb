// SPDX-License-Identifier: GPL-2.0
/*
 * The set of size classes; see classes.h.
 */
#include "slab/classes.h"

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

/**
 * kmemx_classes_init() - powers of two and what lies half-way between
 * @classes: to fill in
 *
 * 8, 16, 24, 32, 48, 64, 96, ... 8192: a request wastes less than a third.
 */
void kmemx_classes_init(struct kmemx_classes *classes)
{
	unsigned int pow, bytes, class = 0;

	classes->nr = 0;
	for (pow = 8; pow <= KMEMX_CLASS_MAX_SIZE; pow *= 2) {
		classes->size[classes->nr++] = (u16)pow;
		if (pow >= 16 && pow < KMEMX_CLASS_MAX_SIZE)
			classes->size[classes->nr++] = (u16)(pow + pow / 2);
	}
	for (bytes = 8; bytes <= KMEMX_CLASS_TABLE_MAX; bytes += 8) {
		while (classes->size[class] < bytes)
			class++;
		classes->small[bytes / 8 - 1] = (u8)class;
	}
}
KMEMX_EXPORT_FOR_TEST(kmemx_classes_init);
