/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the user asked for at load, checked as far as it can be without trying.
 */
#ifndef KMEMX_PARAMS_H
#define KMEMX_PARAMS_H

#include <linux/types.h>

#include "slab/classes.h"

/**
 * struct kmemx_params - the module parameters
 * @size: of the region, in bytes; whole chunks once kmemx_params_check() has run
 * @backend: where it comes from: one of KMEMX_BACKEND_NAMES
 * @nid: the node it must be on, or NUMA_NO_NODE
 * @classes: the size classes; the default ones once kmemx_params_check() has run
 * @magazine: objects that a CPU may keep of a cache at most; 0 is none
 * @zero_ahead: bytes of free memory to keep zeroed
 * @track: record the call site of each live allocation
 *
 * Written before init, constant afterwards.
 */
struct kmemx_params {
	unsigned long size;
	char backend[8];
	int nid;
	struct kmemx_classes classes;
	unsigned int magazine;
	unsigned long zero_ahead;
	bool track;
};

extern struct kmemx_params kmemx_params;

int kmemx_params_check(void);
int kmemx_params_parse_size(const char *text, unsigned long *size);
int kmemx_params_parse_classes(const char *text, struct kmemx_classes *classes);

#endif /* KMEMX_PARAMS_H */
