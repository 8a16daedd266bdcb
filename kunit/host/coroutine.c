// SPDX-License-Identifier: GPL-2.0
/*
 * Coroutines; see coroutine.h.
 */
#include <pthread.h>
#include <stdlib.h>
#ifdef SANITIZER_asan
#include <sanitizer/asan_interface.h>
#endif
#ifdef SANITIZER_tsan
#include <sanitizer/tsan_interface.h>
#endif

#include "host/coroutine.h"

#define STACK_BYTES	(256UL * 1024)

static __thread struct coroutine thread;
static __thread struct coroutine *running;

/* ---- What the sanitizers are told --------------------------------------- */

#if defined(SANITIZER_asan)
static void tell_made(struct coroutine *co)
{
}

static void tell_leaves(struct coroutine *from, struct coroutine *to)
{
	__sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->stack_size);
}

static void tell_goes_on(struct coroutine *co)
{
	__sanitizer_finish_switch_fiber(co->fake_stack, NULL, NULL);
}

/* It stands in the middle of its functions: their frames are marked. */
static void tell_freed(struct coroutine *co)
{
	__asan_unpoison_memory_region(co->stack, co->stack_size);
}
#elif defined(SANITIZER_tsan)
static void tell_made(struct coroutine *co)
{
	co->fiber = co == &thread ? __tsan_get_current_fiber() : __tsan_create_fiber(0);
}

static void tell_leaves(struct coroutine *from, struct coroutine *to)
{
	__tsan_switch_to_fiber(to->fiber, 0);
}

static void tell_goes_on(struct coroutine *co)
{
}

static void tell_freed(struct coroutine *co)
{
	__tsan_destroy_fiber(co->fiber);
}
#endif

/* ---- Coroutines --------------------------------------------------------- */

static void find_stack(struct coroutine *co)
{
	pthread_attr_t attr;

	if (pthread_getattr_np(pthread_self(), &attr) ||
	    pthread_attr_getstack(&attr, &co->stack, &co->stack_size))
		abort();
	pthread_attr_destroy(&attr);
}

/**
 * coroutine_of_thread() - what a coroutine switches to for the thread to go on
 *
 * To be called by the thread before it switches to any.
 *
 * Return: the thread as a coroutine.
 */
struct coroutine *coroutine_of_thread(void)
{
	if (!thread.stack) {
		find_stack(&thread);
		tell_made(&thread);
		running = &thread;
	}
	return &thread;
}

static void enter(void)
{
	tell_goes_on(running);
	running->run();
	abort();
}

/**
 * coroutine_make() - make a coroutine; who switches to it starts it
 * @co: to be filled in
 * @run: what it is to do; it does not return
 *
 * Return: false if there is no memory.
 */
bool coroutine_make(struct coroutine *co, void (*run)(void))
{
	*co = (struct coroutine){ .run = run, .stack_size = STACK_BYTES };
	co->stack = malloc(co->stack_size);
	if (!co->stack || getcontext(&co->context))
		return false;
	co->context.uc_stack.ss_sp = co->stack;
	co->context.uc_stack.ss_size = co->stack_size;
	makecontext(&co->context, enter, 0);
	tell_made(co);
	return true;
}

/**
 * coroutine_switch() - let another run
 * @to: who
 *
 * Returns when somebody switches back.
 */
void coroutine_switch(struct coroutine *to)
{
	struct coroutine *from = running;

	if (to == from)
		return;
	running = to;
	tell_leaves(from, to);
	if (swapcontext(&from->context, &to->context))
		abort();
	tell_goes_on(from);
}

/**
 * coroutine_free() - forget a coroutine
 * @co: one that was made, and does not run
 */
void coroutine_free(struct coroutine *co)
{
	tell_freed(co);
	free(co->stack);
}
