/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Coroutines on one thread: each has a stack of its own, and runs until it switches to
 * another. The sanitizers are told, so that they know whose stack is whose.
 */
#ifndef KMEMX_HOST_COROUTINE_H
#define KMEMX_HOST_COROUTINE_H

#include <stdbool.h>
#include <stddef.h>
#include <ucontext.h>

/**
 * struct coroutine - one of them, or the thread that they run on
 * @context: where it goes on
 * @run: what it does; it does not return
 * @stack: where its stack begins
 * @stack_size: in bytes
 * @fake_stack: what the address sanitizer keeps for it while it does not run
 * @fiber: what it is to the thread sanitizer
 */
struct coroutine {
	ucontext_t context;
	void (*run)(void);
	void *stack;
	size_t stack_size;
	void *fake_stack;
	void *fiber;
};

struct coroutine *coroutine_of_thread(void);
bool coroutine_make(struct coroutine *co, void (*run)(void));
void coroutine_switch(struct coroutine *to);
void coroutine_free(struct coroutine *co);

#endif /* KMEMX_HOST_COROUTINE_H */
