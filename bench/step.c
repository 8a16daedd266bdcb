// SPDX-License-Identifier: GPL-2.0
/*
 * Counts what code executes, one instruction at a time: with the trap flag set,
 * the CPU raises a debug exception after each, and the instruction that comes
 * next can be looked at.
 *
 * Locking: none. One piece of code at a time, on one CPU with interrupts off;
 * the notifier is called for nobody else's exceptions.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>

#include "step.h"

#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)

#include <asm/processor-flags.h>
#include <linux/irqflags.h>
#include <linux/kdebug.h>
#include <linux/preempt.h>
#include <linux/ptrace.h>
#include <linux/smp.h>
#include <linux/string.h>

/* A CPU takes no instruction that is longer. */
#define INSN_MAX	15

static struct step_counts counted;
static int stepping_cpu = -1;

/**
 * struct prefixes - what stands before an opcode
 * @lock: LOCK is among them
 * @own: so is %gs
 * @opcode: the first byte after them
 */
struct prefixes {
	bool lock;
	bool own;
	const u8 *opcode;
};

static struct prefixes read_prefixes(const u8 *insn)
{
	struct prefixes found = { };
	unsigned int i;

	for (i = 0; i < INSN_MAX; i++) {
		switch (insn[i]) {
		case 0xf0:
			found.lock = true;
			break;
		case 0x65:
			found.own = true;
			break;
		case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64:
		case 0x66: case 0x67: case 0xf2: case 0xf3:
		case 0x40 ... 0x4f:
			break;
		default:
			found.opcode = insn + i;
			return found;
		}
	}
	found.opcode = insn;
	return found;
}

/* xchg locks by itself, unless both operands are registers. */
static bool is_shared_rmw(const u8 *insn)
{
	struct prefixes prefixes = read_prefixes(insn);
	bool xchg = (prefixes.opcode[0] == 0x86 || prefixes.opcode[0] == 0x87) &&
		    prefixes.opcode[1] < 0xc0;

	return (prefixes.lock || xchg) && !prefixes.own;
}

static int stepped(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct die_args *args = data;

	if (event != DIE_DEBUG || READ_ONCE(stepping_cpu) != raw_smp_processor_id())
		return NOTIFY_DONE;
	counted.insns++;
	counted.rmw += is_shared_rmw((const u8 *)args->regs->ip);
	return NOTIFY_STOP;
}

static struct notifier_block notifier = { .notifier_call = stepped, .priority = INT_MAX };

static __always_inline void trap_on(void)
{
	asm volatile("pushfq\n\torq %0, (%%rsp)\n\tpopfq" : : "i" (X86_EFLAGS_TF) : "memory", "cc");
}

static __always_inline void trap_off(void)
{
	asm volatile("pushfq\n\tandq %0, (%%rsp)\n\tpopfq" : : "i" (~X86_EFLAGS_TF) : "memory", "cc");
}

/**
 * step_count() - run something an instruction at a time
 * @run: the code; it must not sleep, nor turn interrupts on
 * @arg: given to it
 * @counts: set to what it executed, and a few instructions around it
 *
 * Context: may sleep itself.
 * Return: 0, or -EOPNOTSUPP where instructions cannot be stepped through.
 */
int step_count(void (*run)(void *arg), void *arg, struct step_counts *counts)
{
	unsigned long flags;
	int ret = register_die_notifier(&notifier);

	if (ret)
		return ret;
	counted = (struct step_counts){ };
	preempt_disable();
	local_irq_save(flags);
	WRITE_ONCE(stepping_cpu, smp_processor_id());
	trap_on();
	run(arg);
	trap_off();
	WRITE_ONCE(stepping_cpu, -1);
	local_irq_restore(flags);
	preempt_enable();
	unregister_die_notifier(&notifier);
	*counts = counted;
	return 0;
}

#else

int step_count(void (*run)(void *arg), void *arg, struct step_counts *counts)
{
	return -EOPNOTSUPP;
}

#endif
