// SPDX-License-Identifier: GPL-2.0
/*
 * A thread that zeroes chunks ahead of need; see prezero.h.
 */
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/sched.h>

#include "buddy/prezero.h"
#include "buddy/zone_bins.h"
#include "buddy/zone_census.h"

/* Between two looks at what there is to do. */
#define PAUSE	(HZ / 10)

static void pause(void)
{
	/* Before the question, or kthread_stop() could go unheard in between. */
	set_current_state(TASK_IDLE);
	if (!kthread_should_stop())
		schedule_timeout(PAUSE);
	__set_current_state(TASK_RUNNING);
}

/*
 * Only where there are still plenty of whole chunks without the one that is away for zeroing: it
 * could be the last, and who zeroes it yields to everybody.
 */
static bool zero_one(struct kmemx_prezero *prezero)
{
	const struct kmemx_zone *zone = &prezero->pages->zone;

	return atomic64_read(&zone->spare) > 0 && kmemx_zone_nr_zero(zone) < prezero->nr_frames &&
		kmemx_pages_zero_chunk(prezero->pages);
}

static int zero_ahead(void *arg)
{
	struct kmemx_prezero *prezero = arg;

	/* It has all the time that nobody else wants. */
	set_user_nice(current, MAX_NICE);
	while (!kthread_should_stop())
		if (!zero_one(prezero))
			pause();
	return 0;
}

/**
 * kmemx_prezero_start() - begin to zero ahead
 * @prezero: to fill in
 * @pages: the region's frames
 * @bytes: how much free memory is to be zero; 0 for none. In chunks: what is more than
 *	   some of them counts as one more. With init_on_free all of it is.
 *
 * Context: may sleep.
 * Return: 0, or the error that the thread could not be made for.
 */
int kmemx_prezero_start(struct kmemx_prezero *prezero, struct kmemx_pages *pages,
			unsigned long bytes)
{
	struct task_struct *task;

	*prezero = (struct kmemx_prezero){
		.pages = pages,
		.nr_frames = DIV_ROUND_UP(bytes, PAGE_SIZE),
	};
	if (!bytes || kmemx_pages_free_is_zero())
		return 0;
	/* From now on who is short waits for a page that is just being zeroed. */
	WRITE_ONCE(pages->zeroes_ahead, true);
	task = kthread_run(zero_ahead, prezero, "kmemx_zero");
	if (IS_ERR(task))
		return PTR_ERR(task);
	prezero->task = task;
	return 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_prezero_start);

/**
 * kmemx_prezero_stop() - end it
 * @prezero: started, perhaps without a thread
 *
 * Context: may sleep.
 */
void kmemx_prezero_stop(struct kmemx_prezero *prezero)
{
	if (prezero->task)
		kthread_stop(prezero->task);
	prezero->task = NULL;
}
KMEMX_EXPORT_FOR_TEST(kmemx_prezero_stop);
