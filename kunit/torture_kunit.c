// SPDX-License-Identifier: GPL-2.0
/*
 * The loaded module under everything at once: threads on every CPU, and interrupts and NMIs
 * that they send each other, all allocate blocks and objects, one by one and many at once, and
 * free what others have allocated, while fronts are drained, caches shrunk, and CPUs go and
 * come. What is allocated is marked, and the mark is looked at when it is freed, so that what
 * is handed out twice is noticed.
 *
 * Nothing is shown if nobody was ever interrupted at work on a front, so the handlers look
 * for that, and a case in which it did not happen has failed.
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/pfn.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/string.h>
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
#include "fronts.h"
#include "observe/snapshot.h"
#include "random.h"
#include "slab/usage.h"

#define QUIET		(GFP_NOWAIT | __GFP_NOWARN)
#define WORKERS		2	/* Per CPU. */
#define NR_BLOCKS	1024
#define NR_OBJS		1024
#define NR_SHEAVES	64
#define SHEAF_MAX	40
#define BULK		16	/* At most at once. */
#define CONTIG_MAX	24	/* Pages, but for a few. */
#define SIZE_MIN	sizeof(u64)
#define SIZE_SHIFTS	12	/* Up to four pages. */
#define ROUNDS		4
#define ROUNDS_MAX	40	/* If nobody was met at work so far. */
#define ROUND_MS	400
#define MARK		0x6b6d656d78746f72ULL
#define TYPE		0x7465736e65706174ULL

/* In the low bits of a block, with the number of its pages; else it has an order there. */
#define CONTIG		0x800UL

/* In the low bits of an object: its cache, or that it is of kmemx_alloc(). */
enum kind { SMALL, MEDIUM, BUILT, TYPESAFE, NR_CACHES, ANY = NR_CACHES };
#define KIND_MASK	7UL

/* Who does something. */
enum context { TASK, IRQ, NMI, NR_CONTEXTS };

/* Places where one leaves what another frees: the address, and what it is in it. */
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

/**
 * struct turn - what somebody is about to do
 * @exchange: where
 * @rnd: chance
 * @context: of whom
 * @gfp: what that allows
 * @leaves: whether something is left there, not only freed
 * @makes_sheaves: whether kmalloc() and kfree() may be called
 */
struct turn {
	struct exchange *exchange;
	struct rnd *rnd;
	enum context context;
	gfp_t gfp;
	bool leaves;
	bool makes_sheaves;
};

/*
 * Objects that an NMI frees are of NMIs: kmemleak, which is told of objects of tasks,
 * cannot be told there.
 */
static struct exchange of_tasks, of_nmis;
/* Whoever takes one out has it alone, and leaves this there. */
#define TAKEN	((struct kmemx_sheaf *)1)
static struct kmemx_sheaf *sheaves[NR_SHEAVES];
static struct kmemx_cache *caches[NR_CACHES];
static DEFINE_PER_CPU(struct victim, victims);
static atomic_long_t nr_wrong, nr_failed, nr_built, nr_unbuilt;

/* ---- What is allocated ------------------------------------------------- */

static void expect(bool is_right)
{
	if (!is_right)
		atomic_long_inc(&nr_wrong);
}

static u64 mark_of(const void *addr)
{
	return MARK ^ (u64)(unsigned long)addr;
}

/* Of two who have it, one finds the mark of the other. */
static void mark(void *addr)
{
	expect(xchg((u64 *)addr, mark_of(addr)) != mark_of(addr));
}

static void unmark(void *addr)
{
	expect(xchg((u64 *)addr, ~mark_of(addr)) == mark_of(addr));
}

static void mark_pages(void *addr, unsigned long nr)
{
	for (; nr; nr--, addr += PAGE_SIZE)
		mark(addr);
}

static void unmark_pages(void *addr, unsigned long nr)
{
	for (; nr; nr--, addr += PAGE_SIZE)
		unmark(addr);
}

/* Behind the mark. */
static u64 *type_of(const void *obj)
{
	return (u64 *)obj + 1;
}

static bool is_built(const void *obj)
{
	return READ_ONCE(*type_of(obj)) == (TYPE ^ (u64)(unsigned long)obj);
}

static void build(void *obj)
{
	WRITE_ONCE(*type_of(obj), TYPE ^ (u64)(unsigned long)obj);
	atomic_long_inc(&nr_built);
}

static void unbuild(void *obj)
{
	expect(is_built(obj));
	WRITE_ONCE(*type_of(obj), 0);
	atomic_long_inc(&nr_unbuilt);
}

static const struct kmemx_cache_args of_built = { .ctor = build, .dtor = unbuild };

static const struct {
	const char *name;
	unsigned int size;
	const struct kmemx_cache_args *args;
	slab_flags_t flags;
} specs[NR_CACHES] = {
	[SMALL] = { "torture-64", 64, NULL, 0 },
	[MEDIUM] = { "torture-600", 600, NULL, 0 },
	[BUILT] = { "torture-built", 400, &of_built, 0 },
	/* One to a slab, so that slabs end while somebody looks at them. */
	[TYPESAFE] = { "torture-typesafe", 4000, &of_built, SLAB_TYPESAFE_BY_RCU },
};

static gfp_t some_gfp(const struct turn *turn)
{
	return turn->gfp | (rnd_below(turn->rnd, 8) ? 0 : __GFP_ZERO);
}

static void check_zeroes(const void *addr, size_t size, gfp_t gfp)
{
	if (gfp & __GFP_ZERO)
		expect(!memchr_inv(addr, 0, size));
}

/* ---- Blocks of pages --------------------------------------------------- */

/* Small ones often, where fronts are; large ones so that these run dry. */
static unsigned int some_order(const struct turn *turn)
{
	u32 x = rnd_next(turn->rnd);

	if (turn->context == TASK && x % 8 == 0)
		return (x >> 8) % KMEMX_NR_ORDERS;
	return x & 0x100 ? 0 : (x >> 16) % KMEMX_PCP_ORDERS;
}

static unsigned long alloc_block(const struct turn *turn)
{
	unsigned int order = some_order(turn);
	gfp_t gfp = some_gfp(turn);
	struct page *page = kmemx_alloc_pages(gfp, order);

	if (!page) {
		atomic_long_inc(&nr_failed);
		return 0;
	}
	check_zeroes(page_address(page), PAGE_SIZE << order, gfp);
	mark_pages(page_address(page), 1UL << order);
	return (unsigned long)page_address(page) | order;
}

static phys_addr_t phys_of(const void *page)
{
	return PFN_PHYS(page_to_pfn(virt_to_page(page)));
}

/* Somewhere; or at a place that may be free, but seldom is. */
static void *some_contig(const struct turn *turn, unsigned long *nr, gfp_t gfp)
{
	struct rnd *rnd = turn->rnd;
	size_t align = PAGE_SIZE << rnd_below(rnd, 4), size, bound;
	u32 frame = rnd_below(rnd, kmemx_pages_end(&kmemx_live.pages));
	bool is_large = turn->context == TASK && !rnd_below(rnd, 16);
	void *addr;

	*nr = 1 + rnd_below(rnd, is_large ? 3 * KMEMX_CHUNK_FRAMES / 2 : CONTIG_MAX);
	size = (*nr << PAGE_SHIFT) - rnd_below(rnd, PAGE_SIZE);
	bound = roundup_pow_of_two(*nr) << PAGE_SHIFT;
	switch (rnd_below(rnd, 4)) {
	case 0:
		return kmemx_alloc_contig_at(PFN_PHYS(kmemx_pages_pfn(&kmemx_live.pages, frame)),
					     size, gfp);
	case 1:
		addr = kmemx_alloc_contig_bound(size, 0, bound, gfp);
		expect(!addr || phys_of(addr) % bound + size <= bound);
		return addr;
	default:
		addr = kmemx_alloc_contig(size, align, gfp);
		expect(!addr || IS_ALIGNED(phys_of(addr), align));
		return addr;
	}
}

static unsigned long alloc_contig(const struct turn *turn)
{
	gfp_t gfp = some_gfp(turn);
	unsigned long nr;
	void *addr = some_contig(turn, &nr, gfp);

	if (!addr) {
		atomic_long_inc(&nr_failed);
		return 0;
	}
	check_zeroes(addr, nr << PAGE_SHIFT, gfp);
	mark_pages(addr, nr);
	return (unsigned long)addr | CONTIG | nr;
}

/* The end may go first. */
static void free_contig(struct rnd *rnd, void *addr, unsigned long nr)
{
	unsigned long keep = rnd_below(rnd, 2) ? nr : 1 + rnd_below(rnd, nr);

	unmark_pages(addr + (keep << PAGE_SHIFT), nr - keep);
	expect(kmemx_trim_contig(addr, keep << PAGE_SHIFT));
	expect(kmemx_size(addr) == keep << PAGE_SHIFT);
	unmark_pages(addr, keep);
	kmemx_free_contig(addr);
}

static void free_order(struct rnd *rnd, void *addr, unsigned int order)
{
	unsigned long all = 1UL << order;
	unsigned long keep = rnd_below(rnd, 4) ? all : 1 + rnd_below(rnd, all);

	if (keep < all) {
		unmark_pages(addr + (keep << PAGE_SHIFT), all - keep);
		expect(kmemx_page_trim(virt_to_page(addr), order, keep));
	}
	unmark_pages(addr, keep);
	kmemx_free_pages(virt_to_page(addr), (unsigned int)get_order(keep << PAGE_SHIFT));
}

static void free_block(struct rnd *rnd, unsigned long block)
{
	void *addr = (void *)(block & PAGE_MASK);
	unsigned long what = block & ~PAGE_MASK;

	if (!block)
		return;
	if (what & CONTIG) {
		free_contig(rnd, addr, what & ~CONTIG);
		return;
	}
	free_order(rnd, addr, (unsigned int)what);
}

static unsigned long swap_block(const struct turn *turn, unsigned long new)
{
	return xchg(&turn->exchange->block[rnd_below(turn->rnd, NR_BLOCKS)], new);
}

/* Many are allocated, and those of the same order that they replace are freed, in one call. */
static void trade_pages(const struct turn *turn)
{
	unsigned long nr = 1 + rnd_below(turn->rnd, BULK), nr_new = 0, nr_old = 0, i;
	struct page *new[BULK], *old[BULK];
	gfp_t gfp = some_gfp(turn);

	if (turn->leaves) {
		nr_new = kmemx_alloc_pages_bulk(gfp, nr, new);
		atomic_long_add((long)(nr - nr_new), &nr_failed);
	}
	for (i = 0; i < nr; i++) {
		void *addr = i < nr_new ? page_address(new[i]) : NULL;
		unsigned long block;

		if (addr) {
			check_zeroes(addr, PAGE_SIZE, gfp);
			mark(addr);
		}
		block = swap_block(turn, (unsigned long)addr);
		if (!block || block & ~PAGE_MASK) {
			free_block(turn->rnd, block);
		} else {
			unmark((void *)block);
			old[nr_old++] = virt_to_page((void *)block);
		}
	}
	kmemx_free_pages_bulk(nr_old, old);
}

/* ---- Objects ----------------------------------------------------------- */

static enum kind kind_of(unsigned long obj)
{
	return (enum kind)(obj & KIND_MASK);
}

static void *address_of(unsigned long obj)
{
	return (void *)(obj & ~KIND_MASK);
}

/* Zeroes have no effect where there is a constructor. */
static unsigned long mark_obj(void *addr, enum kind kind, gfp_t gfp)
{
	if (specs[kind].args)
		expect(is_built(addr));
	else
		check_zeroes(addr, specs[kind].size, gfp);
	mark(addr);
	return (unsigned long)addr | kind;
}

static void *unmark_obj(unsigned long obj)
{
	void *addr = address_of(obj);

	if (kind_of(obj) != ANY && specs[kind_of(obj)].args)
		expect(is_built(addr));
	unmark(addr);
	return addr;
}

static unsigned long alloc_obj(const struct turn *turn)
{
	enum kind kind = (enum kind)rnd_below(turn->rnd, NR_CACHES);
	gfp_t gfp = some_gfp(turn);
	void *addr = kmemx_cache_alloc(caches[kind], gfp);

	if (!addr) {
		atomic_long_inc(&nr_failed);
		return 0;
	}
	return mark_obj(addr, kind, gfp);
}

static size_t some_size(struct rnd *rnd)
{
	return SIZE_MIN + rnd_below(rnd, (u32)SIZE_MIN << rnd_below(rnd, SIZE_SHIFTS));
}

static unsigned long alloc_any(const struct turn *turn)
{
	size_t size = some_size(turn->rnd);
	gfp_t gfp = some_gfp(turn);
	void *addr = kmemx_alloc(size, gfp);

	if (!addr) {
		atomic_long_inc(&nr_failed);
		return 0;
	}
	expect(kmemx_size(addr) >= size);
	expect(!is_power_of_2(size) || IS_ALIGNED((unsigned long)addr, size));
	check_zeroes(addr, size, gfp);
	mark(addr);
	return (unsigned long)addr | ANY;
}

/* What is in it goes along; its mark does not, as others may have the old place at once. */
static unsigned long realloc_any(const struct turn *turn, unsigned long obj)
{
	void *old = unmark_obj(obj);
	void *new = kmemx_realloc(old, some_size(turn->rnd), turn->gfp);

	if (!new) {
		atomic_long_inc(&nr_failed);
		kmemx_free(old);
		return 0;
	}
	expect(xchg((u64 *)new, mark_of(new)) == ~mark_of(old));
	return (unsigned long)new | ANY;
}

static void free_obj(struct rnd *rnd, unsigned long obj)
{
	if (!obj)
		return;
	if (kind_of(obj) == ANY || !rnd_below(rnd, 4))
		kmemx_free(unmark_obj(obj));
	else
		kmemx_cache_free(caches[kind_of(obj)], unmark_obj(obj));
}

static unsigned long swap_obj(const struct turn *turn, unsigned long new)
{
	return xchg(&turn->exchange->obj[rnd_below(turn->rnd, NR_OBJS)], new);
}

static void trade_size(const struct turn *turn)
{
	unsigned long obj = swap_obj(turn, 0);

	if (obj && kind_of(obj) == ANY && turn->leaves)
		obj = swap_obj(turn, realloc_any(turn, obj));
	free_obj(turn->rnd, obj);
}

/* As trade_pages(). */
static void trade_objs(const struct turn *turn)
{
	enum kind kind = (enum kind)rnd_below(turn->rnd, NR_CACHES);
	unsigned int nr = 1 + rnd_below(turn->rnd, BULK), nr_new = 0, i;
	unsigned int nr_same = 0, nr_other = 0;
	void *new[BULK], *same[BULK], *other[BULK];
	gfp_t gfp = some_gfp(turn);

	if (turn->leaves) {
		nr_new = kmemx_cache_alloc_bulk(caches[kind], gfp, nr, new);
		expect(nr_new == nr || !nr_new);
		atomic_long_add(nr - nr_new, &nr_failed);
	}
	for (i = 0; i < nr; i++) {
		unsigned long obj = swap_obj(turn, i < nr_new ? mark_obj(new[i], kind, gfp) : 0);

		if (obj && kind_of(obj) == kind)
			same[nr_same++] = unmark_obj(obj);
		else if (obj)
			other[nr_other++] = unmark_obj(obj);
	}
	kmemx_cache_free_bulk(caches[kind], nr_same, same);
	kmemx_free_bulk(nr_other, other);
}

/* What a sheaf has it gives. */
static void use_sheaf(const struct turn *turn, struct kmemx_sheaf *sheaf, enum kind kind)
{
	unsigned int want = 1 + rnd_below(turn->rnd, SHEAF_MAX), nr;

	for (nr = rnd_below(turn->rnd, 8); nr; nr--) {
		unsigned int size = kmemx_sheaf_size(sheaf);
		gfp_t gfp = some_gfp(turn);
		void *addr = kmemx_alloc_from_sheaf(sheaf, gfp);

		expect(!addr == !size);
		if (!addr)
			break;
		free_obj(turn->rnd, swap_obj(turn, mark_obj(addr, kind, gfp)));
	}
	if (rnd_below(turn->rnd, 2) && kmemx_refill_sheaf(sheaf, turn->gfp, want))
		expect(kmemx_sheaf_size(sheaf) >= want);
}

/* It is passed on as objects are, by those too who may neither make one nor give it back. */
static void trade_sheaf(const struct turn *turn)
{
	unsigned int i = rnd_below(turn->rnd, NR_SHEAVES);
	enum kind kind = (enum kind)(i % NR_CACHES);
	struct kmemx_sheaf *sheaf = xchg(&sheaves[i], TAKEN);

	if (sheaf == TAKEN)
		return;
	if (!sheaf && turn->makes_sheaves)
		sheaf = kmemx_cache_prefill(caches[kind], turn->gfp,
					    1 + rnd_below(turn->rnd, SHEAF_MAX));
	if (sheaf && turn->leaves)
		use_sheaf(turn, sheaf, kind);
	if (turn->makes_sheaves && !rnd_below(turn->rnd, 4)) {
		kmemx_return_sheaf(sheaf);
		sheaf = NULL;
	}
	/* What was done to it comes first, for who takes it out next. */
	smp_store_release(&sheaves[i], sheaf);
}

/* ---- What each context does -------------------------------------------- */

/* By now it may be free, or somebody else's, but one of that cache it is, for a while. */
static void peek(const struct turn *turn)
{
	unsigned int nr = gfpflags_allow_blocking(turn->gfp) ? 4000 : 40;
	unsigned long obj;

	rcu_read_lock();
	obj = READ_ONCE(turn->exchange->obj[rnd_below(turn->rnd, NR_OBJS)]);
	if (obj && kind_of(obj) == TYPESAFE)
		for (; nr; nr--) {
			expect(is_built(address_of(obj)));
			cpu_relax();
		}
	rcu_read_unlock();
}

/* Allocate, leave it to somebody, and free what somebody has left; or only free. */
static void operate(const struct turn *turn)
{
	bool leaves = turn->leaves && rnd_below(turn->rnd, 4);

	switch (rnd_below(turn->rnd, 16)) {
	case 0:
		trade_pages(turn);
		break;
	case 1:
		trade_objs(turn);
		break;
	case 2:
		trade_size(turn);
		break;
	case 3:
		trade_sheaf(turn);
		break;
	case 4:
		peek(turn);
		break;
	case 5:
		free_block(turn->rnd, swap_block(turn, leaves ? alloc_contig(turn) : 0));
		break;
	case 6:
		free_obj(turn->rnd, swap_obj(turn, leaves ? alloc_any(turn) : 0));
		break;
	case 7 ... 11:
		free_block(turn->rnd, swap_block(turn, leaves ? alloc_block(turn) : 0));
		break;
	default:
		free_obj(turn->rnd, swap_obj(turn, leaves ? alloc_obj(turn) : 0));
	}
}

/* What is of NMIs others only free. These interrupts are none that PREEMPT_RT makes threads of. */
static struct turn take_turn(struct rnd *rnd, enum context context, gfp_t gfp)
{
	bool is_own = context == NMI || rnd_below(rnd, 4);

	return (struct turn){
		.exchange = context == NMI || !is_own ? &of_nmis : &of_tasks,
		.rnd = rnd,
		.context = context,
		.gfp = gfp,
		.leaves = is_own,
		.makes_sheaves = context == TASK &&
			(!IS_ENABLED(CONFIG_PREEMPT_RT) || gfpflags_allow_blocking(gfp)),
	};
}

static void operate_here(struct victim *victim, enum context context)
{
	struct turn turn = take_turn(&victim->rnd[context], context, QUIET);

	operate(&turn);
	victim->nr[context]++;
}

/* As tasks do that may sleep, which reclaims. */
static void operate_anywhere(struct rnd *rnd)
{
	struct turn turn = take_turn(rnd, TASK, GFP_KERNEL | __GFP_NOWARN);

	operate(&turn);
	peek(&turn);
	if (!rnd_below(rnd, 16))
		kmemx_cache_shrink(caches[rnd_below(rnd, NR_CACHES)]);
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
	operate_here(victim, context);
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

static int work(void *seed)
{
	struct rnd rnd = { .state = (unsigned long)seed };

	while (!kthread_should_stop()) {
		unsigned int i;

		for (i = 0; i < 64; i++) {
			/* What is counted is this CPU's, and so is what chance has. */
			preempt_disable();
			operate_here(this_cpu_ptr(&victims), TASK);
			preempt_enable();
		}
		operate_anywhere(&rnd);
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
	unsigned long seed = test_seed() + nr_cpu_ids * NR_CONTEXTS + crew->nr;
	struct task_struct *task = kthread_create(fn, (void *)seed, "kmemx_torture/%u", cpu);

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

static void empty(struct exchange *exchange, struct rnd *rnd)
{
	unsigned int i;

	for (i = 0; i < NR_BLOCKS; i++)
		free_block(rnd, xchg(&exchange->block[i], 0));
	for (i = 0; i < NR_OBJS; i++)
		free_obj(rnd, xchg(&exchange->obj[i], 0));
}

static void free_all(void)
{
	struct rnd rnd = { .state = test_seed() };
	unsigned int i;

	empty(&of_tasks, &rnd);
	empty(&of_nmis, &rnd);
	for (i = 0; i < NR_SHEAVES; i++)
		kmemx_return_sheaf(xchg(&sheaves[i], NULL));
}

/* What each front may hold in all. */
static DEFINE_PER_CPU(unsigned int, limits);

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

/* Of fronts that have been drained, and nobody uses. */
static void expect_limits(struct kunit *test)
{
	const struct kmemx_pcp *pcp;
	unsigned int cpu, i;

	for_each_possible_cpu(cpu) {
		pcp = per_cpu_ptr(kmemx_live.pages.pcp, cpu);
		KUNIT_EXPECT_EQ(test, fronts_limits(pcp), per_cpu(limits, cpu));
		for (i = 0; pcp->parcels && i < KMEMX_PARCELS; i++)
			KUNIT_EXPECT_EQ(test, atomic_read(&pcp->parcels->state[i]),
					KMEMX_PARCEL_NONE);
	}
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
	KUNIT_EXPECT_GT(test, atomic_long_read(&nr_built), 0L);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&nr_built), atomic_long_read(&nr_unbuilt));
	expect_limits(test);
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

/* Of the largest order that has parcels. */
#define PARCEL_FRAMES	(KMEMX_PARCEL_BLOCKS << 2)

/*
 * CPUs of so small a region have no parcels, or one order has, and cannot pay for more; from now
 * on these have, and can.
 */
static int make_parcels(void)
{
	struct kmemx_pages *pages = &kmemx_live.pages;
	int cpu, ret = 0;

	if (num_possible_cpus() == 1 || want_init_on_free() ||
	    pages->parcel_frames >= PARCEL_FRAMES)
		return 0;
	for_each_possible_cpu(cpu) {
		if (!pages->parcel_frames)
			ret = kmemx_parcel_make(per_cpu_ptr(pages->pcp, cpu), cpu);
		if (ret)
			return ret;
		per_cpu_ptr(pages->pcp, cpu)->spare += KMEMX_PARCELS * PARCEL_FRAMES;
	}
	pages->parcel_frames = PARCEL_FRAMES;
	return 0;
}

static int torture_init(struct kunit *test)
{
	struct rnd rnd = rnd_start(test);
	unsigned int cpu, i;


	atomic_long_set(&nr_wrong, 0);
	atomic_long_set(&nr_failed, 0);
	atomic_long_set(&nr_built, 0);
	atomic_long_set(&nr_unbuilt, 0);
	for_each_possible_cpu(cpu)
		reset(per_cpu_ptr(&victims, cpu), rnd, cpu);
	for (i = 0; i < NR_CACHES; i++) {
		caches[i] = kmemx_cache_create(specs[i].name, specs[i].size, specs[i].args,
					       specs[i].flags);
		if (!caches[i])
			return -ENOMEM;
	}
	if (make_parcels())
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		per_cpu(limits, cpu) = fronts_limits(per_cpu_ptr(kmemx_live.pages.pcp, cpu));
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
