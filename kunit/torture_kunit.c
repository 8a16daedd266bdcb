// SPDX-License-Identifier: GPL-2.0
/*
 * The loaded module under everything at once: threads on every CPU, and interrupts and NMIs
 * that they send each other, all allocate blocks and objects, and free what others have
 * allocated, while fronts are drained and CPUs go and come. What is allocated is marked,
 * and the mark is looked at when it is freed, so that what is handed out twice is noticed.
 *
 * Nothing is shown if nobody was ever interrupted at work on a front, so the handlers look
 * for that, and a case in which it did not happen has failed.
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <kmemx/kmemx.h>
#include <kunit/test.h>
#if defined(CONFIG_X86_LOCAL_APIC) && !defined(CONFIG_UML)
#include <asm/apic.h>
#include <asm/nmi.h>
#define HAVE_NMI	1
#else
#define HAVE_NMI	0
#endif

#include "api.h"
#include "buddy/pages_front.h"
#include "buddy/zone_check.h"
#include "observe/snapshot.h"
#include "random.h"
#include "slab/usage.h"

#define QUIET		(GFP_NOWAIT | __GFP_NOWARN)
#define WORKERS		2	/* Per CPU. */
#define NR_BLOCKS	1024
#define NR_OBJS		1024
#define NR_CACHES	2
#define ROUNDS		4
#define ROUNDS_MAX	40	/* If nobody was met at work so far. */
#define ROUND_MS	400
#define MARK		0x6b6d656d78746f72ULL

/* Who does something. */
enum context { TASK, IRQ, NMI, NR_CONTEXTS };

/* Places where one leaves what another frees: the address, and an order or a cache in it. */
struct exchange {
	unsigned long block[NR_BLOCKS];
	unsigned long obj[NR_OBJS];
};

/**
 * struct victim - what is done to, and seen on, a CPU
 * @csd: an interrupt from another CPU
 * @sent: of each context, whether what another CPU has sent is on its way, or at work
 * @rnd: of each context, as one interrupts another
 * @nr: operations
 * @hits: how often a front of pages, or of a cache, was found busy
 */
struct victim {
	call_single_data_t csd;
	atomic_t sent[NR_CONTEXTS];
	struct rnd rnd[NR_CONTEXTS];
	unsigned long nr[NR_CONTEXTS];
	unsigned long hits[NR_CONTEXTS];
};

/*
 * Objects that an NMI frees are of NMIs: kmemleak, which is told of objects of tasks,
 * cannot be told there.
 */
static struct exchange of_tasks, of_nmis;
static struct kmemx_cache *caches[NR_CACHES];
static DEFINE_PER_CPU(struct victim, victims);
static atomic_long_t nr_wrong, nr_failed;

/* ---- What is allocated ------------------------------------------------- */

static u64 mark_of(const void *addr)
{
	return MARK ^ (u64)(unsigned long)addr;
}

/* Of two who have it, one finds the mark of the other. */
static void mark(void *addr)
{
	if (xchg((u64 *)addr, mark_of(addr)) == mark_of(addr))
		atomic_long_inc(&nr_wrong);
}

static void unmark(void *addr)
{
	if (xchg((u64 *)addr, ~mark_of(addr)) != mark_of(addr))
		atomic_long_inc(&nr_wrong);
}

static void free_block(unsigned long block)
{
	unsigned int order = block & ~PAGE_MASK;
	void *addr = (void *)(block & PAGE_MASK);
	unsigned int i;

	if (!block)
		return;
	for (i = 0; i < 1U << order; i++)
		unmark(addr + i * PAGE_SIZE);
	kmemx_free_pages(virt_to_page(addr), order);
}

static unsigned long alloc_block(unsigned int order)
{
	struct page *page = kmemx_alloc_pages(QUIET, order);
	unsigned int i;

	if (!page) {
		atomic_long_inc(&nr_failed);
		return 0;
	}
	for (i = 0; i < 1U << order; i++)
		mark(page_address(page) + i * PAGE_SIZE);
	return (unsigned long)page_address(page) | order;
}

static void free_obj(unsigned long obj)
{
	void *addr = (void *)(obj & ~1UL);

	if (!obj)
		return;
	unmark(addr);
	kmemx_cache_free(caches[obj & 1], addr);
}

static unsigned long alloc_obj(unsigned int i)
{
	void *addr = kmemx_cache_alloc(caches[i], QUIET);

	if (!addr) {
		atomic_long_inc(&nr_failed);
		return 0;
	}
	mark(addr);
	return (unsigned long)addr | i;
}

/* ---- What each context does -------------------------------------------- */

/* Small ones often, where fronts are; large ones so that these run dry. */
static unsigned int some_order(struct rnd *rnd, enum context context)
{
	u32 x = rnd_next(rnd);

	if (context == TASK && x % 8 == 0)
		return (x >> 8) % KMEMX_NR_ORDERS;
	return x & 0x100 ? 0 : (x >> 16) % KMEMX_PCP_ORDERS;
}

/* Allocate, leave it to somebody, and free what somebody has left; or only free. */
static void operate(struct victim *victim, enum context context)
{
	struct exchange *exchange = context == NMI ? &of_nmis : &of_tasks;
	struct rnd *rnd = &victim->rnd[context];
	unsigned long new = 0;

	if (context != NMI && rnd_below(rnd, 4) == 0)
		exchange = &of_nmis;
	if (rnd_below(rnd, 2)) {
		if (exchange == &of_tasks || context == NMI)
			new = rnd_below(rnd, 4) ? alloc_block(some_order(rnd, context)) : 0;
		free_block(xchg(&exchange->block[rnd_below(rnd, NR_BLOCKS)], new));
	} else {
		if (exchange == &of_tasks || context == NMI)
			new = rnd_below(rnd, 4) ? alloc_obj(rnd_below(rnd, NR_CACHES)) : 0;
		free_obj(xchg(&exchange->obj[rnd_below(rnd, NR_OBJS)], new));
	}
	victim->nr[context]++;
}

/* What has been interrupted is at work on a front of this CPU. */
static bool is_busy_here(void)
{
	unsigned int i;

	if (READ_ONCE(this_cpu_ptr(kmemx_live.pages.pcp)->busy))
		return true;
	for (i = 0; i < NR_CACHES; i++)
		if (!kmemx_front_is_open(this_cpu_ptr(caches[i]->front)))
			return true;
	return false;
}

static void interrupt(enum context context)
{
	struct victim *victim = this_cpu_ptr(&victims);

	victim->hits[context] += is_busy_here();
	operate(victim, context);
	atomic_set(&victim->sent[context], 0);
}

static void on_irq(void *unused)
{
	interrupt(IRQ);
}

#if HAVE_NMI
static int on_nmi(unsigned int type, struct pt_regs *regs)
{
	if (!atomic_read(&this_cpu_ptr(&victims)->sent[NMI]))
		return NMI_DONE;
	interrupt(NMI);
	return NMI_HANDLED;
}

static void send_nmi(unsigned int cpu)
{
	apic->send_IPI_mask(cpumask_of(cpu), NMI_VECTOR);
}
#endif

/* Not one more while one is on its way. Preemption is off: who is online stays so. */
static void disturb(unsigned int cpu, enum context context)
{
	struct victim *victim = per_cpu_ptr(&victims, cpu);

	if (!cpu_online(cpu) || cpu == smp_processor_id() ||
	    atomic_xchg(&victim->sent[context], 1))
		return;
#if HAVE_NMI
	if (context == NMI) {
		send_nmi(cpu);
		return;
	}
#endif
	if (smp_call_function_single_async((int)cpu, &victim->csd))
		atomic_set(&victim->sent[context], 0);
}

static int work(void *unused)
{
	while (!kthread_should_stop()) {
		unsigned int i;

		for (i = 0; i < 64; i++) {
			/* What is counted is this CPU's, and so is what chance has. */
			preempt_disable();
			operate(this_cpu_ptr(&victims), TASK);
			preempt_enable();
		}
		cond_resched();
	}
	return 0;
}

static int pester(void *unused)
{
	unsigned int cpu, n;

	for (n = 0; !kthread_should_stop(); n++) {
		for_each_possible_cpu(cpu) {
			preempt_disable();
			disturb(cpu, HAVE_NMI && n % 2 ? NMI : IRQ);
			preempt_enable();
		}
		usleep_range(20, 200);
	}
	return 0;
}

/* ---- Cases ------------------------------------------------------------- */

struct crew {
	struct task_struct *task[NR_CPUS * (WORKERS + 1)];
	unsigned int nr;
};

/* Who pesters others is to run when it wants to. */
static void hire(struct kunit *test, struct crew *crew, int (*fn)(void *arg), unsigned int cpu)
{
	struct task_struct *task = kthread_create(fn, NULL, "kmemx_torture/%u", cpu);

	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	set_cpus_allowed_ptr(task, cpumask_of(cpu));
	if (fn == pester)
		sched_set_fifo_low(task);
	crew->task[crew->nr++] = task;
	wake_up_process(task);
}

static void hire_all(struct kunit *test, struct crew *crew)
{
	unsigned int cpu, i;

	crew->nr = 0;
	for_each_online_cpu(cpu) {
		for (i = 0; i < WORKERS; i++)
			hire(test, crew, work, cpu);
		hire(test, crew, pester, cpu);
	}
}

/* Also, no interrupt of theirs is on its way any more. */
static void dismiss_all(struct crew *crew)
{
	unsigned int cpu, context;

	while (crew->nr)
		kthread_stop(crew->task[--crew->nr]);
	for_each_possible_cpu(cpu)
		for (context = 0; context < NR_CONTEXTS; context++)
			while (atomic_read(&per_cpu(victims, cpu).sent[context]))
				usleep_range(100, 200);
}

static void empty(struct exchange *exchange)
{
	unsigned int i;

	for (i = 0; i < NR_BLOCKS; i++)
		free_block(xchg(&exchange->block[i], 0));
	for (i = 0; i < NR_OBJS; i++)
		free_obj(xchg(&exchange->obj[i], 0));
}

static void free_all(void)
{
	empty(&of_tasks);
	empty(&of_nmis);
}

static void expect_sound(struct kunit *test)
{
	const char *why;
	unsigned int i;

	/* The reaper gives empty slabs back with this held. */
	mutex_lock(&kmemx_live.depot.lock);
	why = kmemx_zone_check(&kmemx_live.pages.zone);
	KUNIT_EXPECT_TRUE_MSG(test, !why, "%s", why ?: "");
	for (i = 0; i < NR_CACHES; i++) {
		why = kmemx_cache_check(caches[i]);
		KUNIT_EXPECT_TRUE_MSG(test, !why, "%s", why ?: "");
	}
	mutex_unlock(&kmemx_live.depot.lock);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&nr_wrong), 0L);
}

static void drain_all(void)
{
	unsigned int i;

	kmemx_pages_drain(&kmemx_live.pages);
	for (i = 0; i < NR_CACHES; i++) {
		kmemx_cache_drain(caches[i]);
		kmemx_cache_shrink(caches[i]);
	}
}

/* The last CPU goes and comes; its threads, which were moved, follow. */
static void cycle_cpu(struct kunit *test, struct crew *crew)
{
	unsigned int cpu = cpumask_last(cpu_online_mask);
	unsigned int i;

	KUNIT_ASSERT_GT(test, cpu, 0U);
	KUNIT_EXPECT_EQ(test, remove_cpu(cpu), 0);
	/* An NMI that was on its way then does not come any more. */
	atomic_set(&per_cpu(victims, cpu).sent[NMI], 0);
	KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
	for (i = crew->nr - WORKERS - 1; i < crew->nr; i++)
		set_cpus_allowed_ptr(crew->task[i], cpumask_of(cpu));
}

static void run_round(struct kunit *test, bool hotplug)
{
	struct crew *crew = kunit_kzalloc(test, sizeof(*crew), GFP_KERNEL);
	unsigned long end = jiffies + msecs_to_jiffies(ROUND_MS);

	KUNIT_ASSERT_NOT_NULL(test, crew);
	hire_all(test, crew);
	do {
		if (hotplug)
			cycle_cpu(test, crew);
		msleep(20);
		drain_all();
	} while (time_before(jiffies, end));
	dismiss_all(crew);
	kunit_kfree(test, crew);
}

/* Of all CPUs. */
static void count(enum context context, unsigned long *nr, unsigned long *hits)
{
	unsigned int cpu;

	*nr = 0;
	*hits = 0;
	for_each_possible_cpu(cpu) {
		*nr += per_cpu(victims, cpu).nr[context];
		*hits += per_cpu(victims, cpu).hits[context];
	}
}

static bool has_hits(enum context context)
{
	unsigned long nr, hits;

	count(context, &nr, &hits);
	return hits;
}

static bool is_enough(void)
{
	return has_hits(IRQ) && (has_hits(NMI) || !HAVE_NMI);
}

static void expect_hits(struct kunit *test)
{
	static const char * const name[NR_CONTEXTS] = { "tasks", "interrupts", "NMIs" };
	unsigned long nr, hits;
	enum context context;

	for (context = TASK; context < NR_CONTEXTS; context++) {
		count(context, &nr, &hits);
		kunit_info(test, "%s: %lu operations, busy fronts met %lu times\n",
			   name[context], nr, hits);
	}
	KUNIT_EXPECT_TRUE(test, is_enough());
	kunit_info(test, "%ld allocations failed\n", atomic_long_read(&nr_failed));
}

static void torture(struct kunit *test, bool hotplug)
{
	struct kmemx_snapshot snap;
	unsigned int round;

	if (num_online_cpus() < 2)
		kunit_skip(test, "there is one CPU, and nobody to interrupt it");
	for (round = 0; round < ROUNDS || (round < ROUNDS_MAX && !is_enough()); round++) {
		run_round(test, hotplug);
		/* Every other round begins with what is left of the one before. */
		if (round & 1)
			free_all();
		expect_sound(test);
	}
	free_all();
	drain_all();
	expect_sound(test);
	kmemx_snapshot_take(&kmemx_live, &snap);
	KUNIT_EXPECT_EQ(test, snap.used, 0ULL);
	KUNIT_EXPECT_EQ(test, snap.unsettled, 0LL);
	expect_hits(test);
}

static void torture_from_every_context(struct kunit *test)
{
	torture(test, false);
}

#ifdef CONFIG_HOTPLUG_CPU
static void torture_while_cpus_go_and_come(struct kunit *test)
{
	torture(test, true);
}
#endif

static void reset(struct victim *victim, struct rnd rnd, unsigned int cpu)
{
	unsigned int context;

	memset(victim, 0, sizeof(*victim));
	INIT_CSD(&victim->csd, on_irq, NULL);
	for (context = 0; context < NR_CONTEXTS; context++)
		victim->rnd[context].state = rnd.state + cpu * NR_CONTEXTS + context;
}

static int torture_init(struct kunit *test)
{
	struct rnd rnd = rnd_start(test);
	unsigned int cpu;

	atomic_long_set(&nr_wrong, 0);
	atomic_long_set(&nr_failed, 0);
	for_each_possible_cpu(cpu)
		reset(per_cpu_ptr(&victims, cpu), rnd, cpu);
	caches[0] = kmemx_cache_create("torture-64", 64, NULL, 0);
	caches[1] = kmemx_cache_create("torture-600", 600, NULL, 0);
	if (!caches[0] || !caches[1])
		return -ENOMEM;
#if HAVE_NMI
	return register_nmi_handler(NMI_LOCAL, on_nmi, 0, "kmemx_torture");
#else
	return 0;
#endif
}

static void torture_exit(struct kunit *test)
{
	unsigned int i;

#if HAVE_NMI
	unregister_nmi_handler(NMI_LOCAL, "kmemx_torture");
#endif
	for (i = 0; i < NR_CACHES; i++)
		kmemx_cache_destroy(caches[i]);
}

static struct kunit_case torture_cases[] = {
	KUNIT_CASE(torture_from_every_context),
#ifdef CONFIG_HOTPLUG_CPU
	KUNIT_CASE(torture_while_cpus_go_and_come),
#endif
	{}
};

static struct kunit_suite torture_suite = {
	.name = "kmemx_torture",
	.init = torture_init,
	.exit = torture_exit,
	.test_cases = torture_cases,
};

kunit_test_suites(&torture_suite);
