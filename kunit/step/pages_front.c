// SPDX-License-Identifier: GPL-2.0
/* Once more, with the points at which kunit/pagestep_kunit.c interrupts it. */
#define KMEMX_STEPS
#include "../../module/buddy/pages_front.c"
#include <linux/irqflags.h>
#include "step.h"

enum kmemx_emptied step_empty_pages(struct kmemx_pages *pages)
{
	struct drain drain = { .pages = pages, .cpu = nr_cpu_ids };
	enum kmemx_emptied emptied;
	unsigned long flags;

	local_irq_save(flags);
	emptied = empty_front(&drain);
	local_irq_restore(flags);
	return emptied;
}
