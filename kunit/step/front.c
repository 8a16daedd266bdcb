// SPDX-License-Identifier: GPL-2.0
/* Once more, with the points at which kunit/cachestep_kunit.c interrupts it. */
#define KMEMX_STEPS
#include "../../module/slab/front.c"
#include <linux/irqflags.h>
#include "step.h"

enum kmemx_emptied step_empty_objects(struct kmemx_cache *cache)
{
	struct drain drain = { .cache = cache, .cpu = nr_cpu_ids };
	enum kmemx_emptied emptied;
	unsigned long flags;

	local_irq_save(flags);
	emptied = empty_front(&drain);
	local_irq_restore(flags);
	return emptied;
}
