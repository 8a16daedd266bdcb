// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt points of the fronts of objects: every operation on a cache is interrupted at every
 * step by every other that an interrupt could do on that CPU, with the front empty, half full,
 * full, and so on. Afterwards each object must be in one place, and the cache be sound.
 */
#define KMEMX_STEPS
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>

#include "nest.h"
#include "slab/cache.h"
#include "slab/exchange.h"
#include "slab/partial.h"
#include "slab/sheaf.h"
#include "slab/usage.h"
#include "step.h"

#define NR_SLABS	8
/* Twelve objects in a page. */
#define SIZE		336
#define NR		12U
/* More than is granted at once. */
#define CAP		(KMEMX_FRONT_GRANT + 8)
#define ROOM		(2 * CAP * SIZE)
/* A batch is half of that; two do not quite fit into the exchange. */
#define BATCH		(CAP / 2)
#define EXCHANGE_ROOM	(2LL * BATCH * SIZE - 1)
#define BULK		5
#define HELD_MAX	(NR_SLABS * NR)

struct fixture {
	struct kmemx_depot depot;
	struct kmemx_cache *cache;
	u8 *pool;			/* NR_SLABS pages, */
	bool is_slab[NR_SLABS];		/* and which of them are slabs. */
	unsigned int nr_allowed;	/* That may be. */
	bool owned[NR_SLABS][NR];
	void *held[HELD_MAX];		/* Objects to free. */
	unsigned int nr_held;
	void *freed;			/* What was freed last. */
	unsigned int nr_wrong;
	unsigned int nr_closed;		/* Who interrupted found the front closed, */
	unsigned int nr_open;		/* or open. */
	unsigned int nr_twice;
	unsigned int nr_dry;
	unsigned int nr_left;		/* Who left a batch in the exchange, */
	unsigned int nr_taken;		/* or took of one. */
};

/* One test at a time, on one thread. */
static struct fixture *fx;

/* ---- The source of slabs ------------------------------------------------ */

static void *pool_alloc(void *ctx, unsigned int order, u32 *id)
{
	unsigned int i;

	for (i = 0; i < fx->nr_allowed; i++) {
		if (fx->is_slab[i])
			continue;
		fx->is_slab[i] = true;
		*id = i;
		return fx->pool + i * PAGE_SIZE;
	}
	fx->nr_dry++;
	return ERR_PTR(-ENOSPC);
}

static u32 pool_id_of(void *ctx, const void *addr)
{
	return (u32)(((const u8 *)addr - fx->pool) / PAGE_SIZE);
}

static void pool_free(void *ctx, u32 id, void *addr, unsigned int order)
{
	unsigned int i;

	fx->nr_wrong += !fx->is_slab[id] || pool_id_of(ctx, addr) != id;
	fx->is_slab[id] = false;
	for (i = 0; i < NR; i++)
		fx->nr_wrong += fx->owned[id][i];
}

static const struct kmemx_page_ops pool_ops = {
	.alloc = pool_alloc,
	.free = pool_free,
	.id_of = pool_id_of,
};

/* ---- Operations --------------------------------------------------------- */

static __always_inline const struct kmemx_slab *slab_at(const void *addr)
{
	return &fx->depot.slab[pool_id_of(NULL, addr)];
}

static u8 *status_of(const void *obj)
{
	u8 *status = NULL;

	fx->nr_wrong += !kmemx_slab_find(slab_at(obj), &fx->cache->layout, obj, &status);
	return status;
}

static bool *owned(const void *obj)
{
	u32 offset = (u32)((const u8 *)obj - fx->pool) % PAGE_SIZE;

	return &fx->owned[pool_id_of(NULL, obj)][kmemx_layout_index(&fx->cache->layout, offset)];
}

static void own(void *obj)
{
	if (IS_ERR(obj))
		return;
	fx->nr_wrong += *owned(obj) || READ_ONCE(*status_of(obj)) != KMEMX_OBJECT_LIVE;
	*owned(obj) = true;
	fx->held[fx->nr_held++] = obj;
}

/* The one held for longest, or NULL: those of a slab come back in the order they went. */
static void *disown(void)
{
	void *obj;

	if (!fx->nr_held)
		return NULL;
	obj = fx->held[0];
	fx->nr_held--;
	memmove(fx->held, fx->held + 1, fx->nr_held * sizeof(*fx->held));
	*owned(obj) = false;
	fx->freed = obj;
	return obj;
}

static void *alloc(void)
{
	void *obj;

	return kmemx_cache_pop(fx->cache, &obj) ? obj : kmemx_cache_take(fx->cache, 0);
}

static void put(const void *obj)
{
	struct kmemx_cache *cache;

	fx->nr_wrong += kmemx_cache_put(&fx->depot, pool_id_of(NULL, obj), obj, fx->cache,
					&cache) != KMEMX_FREE_OK;
}

static void op_alloc(unsigned int nr)
{
	while (nr--)
		own(alloc());
}

static void op_take(unsigned int unused)
{
	own(kmemx_cache_take(fx->cache, 0));
}

static void op_free(unsigned int nr)
{
	while (nr--) {
		void *obj = disown();

		if (obj && !kmemx_cache_push(fx->cache, slab_at(obj), obj))
			put(obj);
	}
}

static void op_free_any(unsigned int unused)
{
	void *obj = disown();

	if (obj && !kmemx_cache_push_any(slab_at(obj), obj))
		put(obj);
}

static void op_put(unsigned int unused)
{
	void *obj = disown();

	if (obj)
		put(obj);
}

/* As kmemx_cache_alloc_bulk() and kmemx_cache_free_bulk(). */
static void op_alloc_bulk(unsigned int nr)
{
	void *objs[BULK];
	unsigned int got = kmemx_cache_pop_bulk(fx->cache, nr, objs), i;

	for (; got < nr; got++) {
		objs[got] = alloc();
		if (IS_ERR(objs[got]))
			break;
	}
	for (i = 0; i < got; i++)
		own(objs[i]);
}

static void free_bulk(unsigned int nr, void **objs)
{
	while (nr) {
		nr = kmemx_cache_push_bulk(fx->cache, nr, objs, slab_at);
		if (nr && !kmemx_cache_push(fx->cache, slab_at(objs[nr - 1]), objs[nr - 1]))
			put(objs[nr - 1]);
		nr -= !!nr;
	}
}

static void op_free_bulk(unsigned int nr)
{
	void *objs[BULK];
	unsigned int got;

	for (got = 0; got < nr && fx->nr_held; got++)
		objs[got] = disown();
	free_bulk(got, objs);
}

/* What is taken now comes back at once. */
static void op_borrow(unsigned int nr)
{
	void *objs[BULK];
	unsigned int got;

	for (got = 0; got < nr; got++) {
		objs[got] = alloc();
		if (IS_ERR(objs[got]))
			break;
	}
	free_bulk(got, objs);
}

/* What was freed, and is not on its way to anybody. */
static void op_free_twice(unsigned int unused)
{
	struct kmemx_cache *cache;
	void *obj = fx->freed;

	if (!obj || *owned(obj) || READ_ONCE(*status_of(obj)) == KMEMX_OBJECT_LIVE)
		return;
	fx->nr_wrong += kmemx_cache_push(fx->cache, slab_at(obj), obj) ||
		!kmemx_cache_put(&fx->depot, pool_id_of(NULL, obj), obj, NULL, &cache) ||
		kmemx_cache_push_bulk(fx->cache, 1, &obj, slab_at) != 1;
	fx->nr_twice++;
}

static void op_sheaf(unsigned int nr)
{
	struct kmemx_sheaf *sheaf = kmemx_sheaf_new(fx->cache, nr, GFP_ATOMIC);

	if (!sheaf)
		return;
	if (!kmemx_sheaf_fill(sheaf, nr))
		own(kmemx_sheaf_pop(sheaf, 0));
	kmemx_sheaf_free(sheaf);
}

static void op_drain(unsigned int unused)
{
	step_empty_objects(fx->cache);
}

static void op_drain_exchange(unsigned int unused)
{
	kmemx_exchange_drain(fx->cache);
}

/* Twice: what is there then goes back. */
static void op_reap(unsigned int unused)
{
	kmemx_exchange_reap(fx->cache);
	kmemx_exchange_reap(fx->cache);
}

static void op_trim(unsigned int unused)
{
	kmemx_cache_trim_some(&fx->depot);
}

static void op_retire(unsigned int unused)
{
	kmemx_cache_retire(fx->cache);
}

/* The first ones are those of which one also interrupts what interrupts another. */
#define NR_SHORT	3

static const struct nest_op ops[] = {
	{ "alloc", op_alloc, 1, NEST_TASK, NEST_NMI },
	{ "free", op_free, 1, NEST_TASK, NEST_NMI },
	{ "take", op_take, 0, NEST_TASK, NEST_NMI },
	{ "put", op_put, 0, NEST_TASK, NEST_NMI },
	{ "free any", op_free_any, 0, NEST_TASK, NEST_NMI },
	{ "bulk alloc", op_alloc_bulk, BULK, NEST_TASK, NEST_NMI },
	{ "bulk free", op_free_bulk, BULK, NEST_TASK, NEST_NMI },
	/* With nobody in between who could be given the object: that would be freed. */
	{ "free twice", op_free_twice, 0, NEST_NMI, NEST_NMI },
	{ "borrow", op_borrow, 1, NEST_TASK, NEST_NMI },
	{ "borrow some", op_borrow, BULK, NEST_TASK, NEST_NMI },
	{ "trim", op_trim, 0, NEST_TASK, NEST_NMI },
	{ "drain exchange", op_drain_exchange, 0, NEST_TASK, NEST_NMI },
	{ "reap", op_reap, 0, NEST_TASK, NEST_TASK },
	{ "sheaf", op_sheaf, BULK, NEST_TASK, NEST_IRQ },
	{ "drain", op_drain, 0, NEST_IRQ, NEST_IRQ },
	{ "retire", op_retire, 0, NEST_TASK, NEST_TASK },
};

/* ---- Fills: what the front looks like before ---------------------------- */

static s64 exchange_now;

static void set_exchange_room(s64 room)
{
	exchange_now = room;
	fx->depot.exchange_all = room;
	atomic64_set(&fx->depot.exchange_room, room);
}

static struct kmemx_front *this_front(void)
{
	return raw_cpu_ptr(fx->cache->front);
}

static s64 *this_room(void)
{
	return raw_cpu_ptr(fx->depot.room);
}

static void fill_nothing(void)
{
}

static void fill_half(void)
{
	op_alloc(8);
	op_free(4);
}

/* The front may be granted more. */
static void fill_limit(void)
{
	op_alloc(KMEMX_FRONT_GRANT + 5);
	op_free(KMEMX_FRONT_GRANT);
}

/* The front has nothing, whatever that takes. */
static void empty_by_allocating(void)
{
	void *obj;

	while (kmemx_cache_pop(fx->cache, &obj))
		own(obj);
}

/* As if another CPU's front had nothing. */
static void want_as_another(void)
{
	fx->cache->exchange->wanting = raw_smp_processor_id() + 2;
}

/* @nr objects are free, which the front and the exchange have; BULK and a few are held. */
static void free_in_front(unsigned int nr)
{
	op_alloc(nr + BULK);
	empty_by_allocating();
	want_as_another();
	op_free(nr);
}

static void expect_filled(unsigned int nr_front, unsigned int nr_left)
{
	fx->nr_wrong += kmemx_front_nr(this_front()) != nr_front ||
		kmemx_exchange_nr(fx->cache) != nr_left;
}

/* It may not. */
static void fill_full(void)
{
	free_in_front(CAP);
	expect_filled(CAP, 0);
}

/* The front is full, and the exchange has a batch. */
static void fill_left(void)
{
	free_in_front(CAP + BATCH);
	expect_filled(CAP, BATCH);
}

/* The exchange has a batch, the front has nothing. */
static void fill_for_others(void)
{
	fill_left();
	empty_by_allocating();
	expect_filled(0, BATCH);
}

/* So it is, the front may not have that, and the slabs have nothing. */
static void fill_for_who_has_no_front(void)
{
	struct kmemx_front_slot slot;

	fill_for_others();
	op_drain(0);
	*this_room() = 0;
	fx->nr_allowed = 1;
	preempt_disable();
	while (kmemx_cache_take_from_slabs(fx->cache, &slot, 1) == 1) {
		WRITE_ONCE(*slot.status, KMEMX_OBJECT_LIVE);
		this_front()->nr_past_alloc++;
		own(slot.obj);
	}
	preempt_enable();
	expect_filled(0, BATCH);
}

/* The exchange may have two, and has. */
static void fill_all_left(void)
{
	set_exchange_room(EXCHANGE_ROOM + 1);
	free_in_front(CAP + 2 * BATCH);
	expect_filled(CAP, 2 * BATCH);
}

/* Neither the front nor a slab has an object. */
static void fill_none_left(void)
{
	op_alloc(8);
	op_alloc(4);
}

/* Nor is there a page for another slab. */
static void fill_dry(void)
{
	fill_none_left();
	fx->nr_allowed = 1;
}

/* Other fronts have been granted all there is. */
static void fill_no_room(void)
{
	*this_room() = 0;
	op_alloc(NR + 2);
	op_free(3);
}

/* What comes back is where it was before. */
static void fill_known(void)
{
	unsigned int i;

	op_alloc(NR);
	op_free(NR);
	op_alloc_bulk(BULK);
	/* The last one first, as a stack has it. */
	for (i = 0; i < fx->nr_held / 2; i++)
		swap(fx->held[i], fx->held[fx->nr_held - 1 - i]);
}

/* The front has the last object of one slab, another has free ones. */
static void fill_last(void)
{
	op_alloc(NR + 1);
	op_drain(0);
	op_free(NR - 1);
	op_drain(0);
	op_free(1);
}

/* A slab is empty, and noted as such; the front has nothing. */
static void fill_empty_slab(void)
{
	op_alloc(NR + 1);
	op_drain(0);
	*this_room() = 0;
	op_free(NR);
}

/* The front has eight neighbours, the slab they are of its other objects, another free ones. */
static void fill_word(void)
{
	s64 room = *this_room();
	unsigned int i;

	op_alloc(NR + 1);
	op_drain(0);
	for (i = 0; i < 8; i++) {
		void *obj = fx->held[0];

		memmove(fx->held, fx->held + 1, (fx->nr_held - 1) * sizeof(*fx->held));
		fx->held[fx->nr_held - 1] = obj;
	}
	*this_room() = 0;
	op_free(NR - 8);
	*this_room() = room;
	op_free(fx->nr_held);
}

static void (* const fills[])(void) = {
	fill_nothing, fill_half, fill_limit, fill_full, fill_left, fill_for_others,
	fill_for_who_has_no_front, fill_all_left, fill_none_left, fill_dry, fill_no_room,
	fill_known, fill_last, fill_empty_slab, fill_word,
};

/* ---- What must hold ----------------------------------------------------- */

static void (*fill_now)(void);
static s64 room_now;
static u64 counted;

/* Of a front that somebody is at work in nothing changes. */
static void run_inside(const struct nest_op *op)
{
	struct kmemx_front before = *this_front(), after;
	bool closed = kmemx_front_is_closed(before.open);

	op->run(op->arg);
	after = *this_front();
	fx->nr_wrong += after.open != before.open;
	fx->nr_closed += closed;
	fx->nr_open += !closed;
	if (closed)
		fx->nr_wrong += after.top != before.top || after.limit != before.limit ||
			after.known != before.known || after.granted != before.granted ||
			after.nr_alloc != before.nr_alloc || after.nr_free != before.nr_free;
}

/* What is there is out, is in its slab's place, and nobody has it. */
static const char *mark_slots(const struct kmemx_front_slot *slot, unsigned int nr)
{
	for (; nr; slot++, nr--) {
		if (status_of(slot->obj) != slot->status)
			return "an object has another's status byte";
		if (*slot->status != KMEMX_OBJECT_OUT)
			return "an object in the front, or the exchange, is not out";
		if (*owned(slot->obj))
			return "an object there is somebody's, or there twice";
		*owned(slot->obj) = true;
	}
	return NULL;
}

static void clear_slots(const struct kmemx_front_slot *slot, unsigned int nr)
{
	for (; nr; slot++, nr--)
		*owned(slot->obj) = false;
}

/* What a batch has, until the next one is asked for. */
static const struct kmemx_front_slot *slots_of(const struct kmemx_exchange_batch *batch)
{
	static struct kmemx_front_slot slot[KMEMX_EXCHANGE_BATCH];
	unsigned int i;

	for (i = 0; i < min(batch->nr, BATCH); i++)
		slot[i] = kmemx_exchange_slot(fx->cache, batch->at[i]);
	return slot;
}

static const char *check_batches(void)
{
	struct kmemx_exchange *exchange = fx->cache->exchange;
	s64 room = atomic64_read(&fx->depot.exchange_room);
	unsigned int i;

	for (i = 0; i < exchange->nr; i++) {
		if (!kmemx_exchange_has(exchange, i))
			continue;
		room += (s64)exchange->size * SIZE;
		if (!exchange->batch[i].nr || exchange->batch[i].nr > BATCH)
			return "a batch has nothing, or more than it may have";
	}
	if (atomic64_read(&fx->depot.exchange_room) < 0)
		return "the exchange has more than it may have";
	return room != exchange_now ? "what exchanges may hold has got lost" : NULL;
}

static const char *check_slots(const struct kmemx_front *front)
{
	struct kmemx_exchange *exchange = fx->cache->exchange;
	unsigned int nr = kmemx_front_nr(front), i;
	const char *why = check_batches() ?: mark_slots(front->bottom + 1, nr);

	for (i = 0; i < exchange->nr; i++)
		if (kmemx_exchange_has(exchange, i))
			why = why ?: mark_slots(slots_of(&exchange->batch[i]),
						exchange->batch[i].nr);
	/* Once something is wrong, that is the end. */
	if (why)
		return why;
	clear_slots(front->bottom + 1, nr);
	for (i = 0; i < exchange->nr; i++)
		if (kmemx_exchange_has(exchange, i))
			clear_slots(slots_of(&exchange->batch[i]), exchange->batch[i].nr);
	return NULL;
}

static const char *check_front(void)
{
	const struct kmemx_front *front = this_front();

	if (!kmemx_front_is_open(front))
		return "the front is closed";
	if (kmemx_front_nr(front) > front->granted || front->granted > CAP)
		return "the front has more than it may have";
	if (front->limit != front->bottom + (want_init_on_free() ? 0 : front->granted))
		return "the limit is not what was granted";
	if (*this_room() + (s64)front->granted * SIZE != room_now)
		return "what fronts may be granted has got lost";
	return check_slots(front);
}

static const char *check_counts(void)
{
	struct kmemx_cache_counts counts;
	struct kmemx_cache_usage usage;
	unsigned int nr = 0, i;

	kmemx_cache_usage(fx->cache, &usage);
	kmemx_cache_counts(fx->cache, &counts);
	for (i = 0; i < NR_SLABS; i++)
		nr += fx->is_slab[i];
	if (usage.nr_slabs != nr)
		return "a slab has got lost";
	if (usage.nr_live != fx->nr_held)
		return "more objects are live than are held, or less";
	if (usage.nr_front != kmemx_front_nr(this_front()) + kmemx_exchange_nr(fx->cache))
		return "more objects are out than are in the front and the exchange, or less";
	if (counts.nr_alloc - counts.nr_free - counted != fx->nr_held)
		return "allocations less frees is not what is held";
	return NULL;
}

static const char *check_held(void)
{
	unsigned int i;

	for (i = 0; i < fx->nr_held; i++)
		if (!*owned(fx->held[i]) || *status_of(fx->held[i]) != KMEMX_OBJECT_LIVE)
			return "what is held is not live";
	return NULL;
}

/* Nor is one looked for where there is no slab. */
static const char *check_hints(void)
{
	u32 id;

	for (id = 0; id < NR_SLABS; id++) {
		if (!kmemx_partial_check(fx->cache, id))
			return "a slab is not found where it belongs, or elsewhere";
		if (kmemx_slab_is_empty(&fx->depot.slab[id], &fx->cache->layout,
					fx->cache->number) &&
		    !kmemx_summary_test(&fx->depot.empty, id))
			return "an empty slab is noted nowhere";
	}
	return NULL;
}

static void expect_sound(struct kunit *test, const char *when)
{
	const char *why = check_front();

	why = why ?: check_held();
	why = why ?: kmemx_cache_check(fx->cache);
	why = why ?: check_hints();
	why = why ?: check_counts();
	why = why ?: fx->nr_wrong ? "an operation found something wrong" : NULL;
	why = why ?: step_nr_reports ? "a double free was reported" : NULL;
	KUNIT_ASSERT_TRUE_MSG(test, !why, NEST_FMT ", %ps, %s: %s", NEST_ARGS, fill_now, when,
			      why ?: "");
}

static void once(struct kunit *test)
{
	struct kmemx_front *front = this_front();
	unsigned int nr_left;

	fx->nr_allowed = NR_SLABS;
	fx->freed = NULL;
	*this_room() = ROOM;
	set_exchange_room(EXCHANGE_ROOM);
	fill_now();
	room_now = *this_room() + (s64)front->granted * SIZE;
	nr_left = kmemx_exchange_nr(fx->cache);
	nest_run_outer();
	fx->nr_left += kmemx_exchange_nr(fx->cache) > nr_left;
	fx->nr_taken += kmemx_exchange_nr(fx->cache) < nr_left;
	expect_sound(test, "then");
	fx->nr_allowed = NR_SLABS;
	while (fx->nr_held)
		op_put(0);
	while (front->top != front->bottom)
		op_drain(0);
	op_drain(0);
	op_drain_exchange(0);
	op_trim(0);
	op_retire(0);
	expect_sound(test, "all freed");
	KUNIT_ASSERT_EQ_MSG(test, atomic64_read(&fx->cache->nr_slabs), 0LL, NEST_FMT ", %ps",
			    NEST_ARGS, fill_now);
	KUNIT_ASSERT_EQ(test, *this_room(), room_now);
}

/* ---- Cases -------------------------------------------------------------- */

/* The front of this CPU may hold what the region is too small for. */
static void set_cap(struct kunit *test)
{
	struct kmemx_front *front = this_front();
	struct kmemx_front_slot *stack = kvzalloc(kmemx_front_bytes(CAP), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, stack);
	*stack = *front->bottom;
	kvfree(front->bottom);
	front->bottom = stack;
	front->top = stack;
	front->limit = stack;
	front->known = stack;
	fx->cache->front_cap = CAP;
	KUNIT_ASSERT_EQ(test, kmemx_exchange_make(fx->cache), 0);
	KUNIT_ASSERT_EQ(test, fx->cache->exchange->size, BATCH);
}

static int cachestep_init(struct kunit *test)
{
	struct kmemx_cache_spec spec = { .name = "cachestep", .size = SIZE };

	/* A case is a thread of its own, and has one front. */
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(raw_smp_processor_id())),
			0);
	fx = vzalloc(sizeof(*fx));
	KUNIT_ASSERT_NOT_NULL(test, fx);
	fx->pool = vmalloc(NR_SLABS * PAGE_SIZE);
	KUNIT_ASSERT_NOT_NULL(test, fx->pool);
	KUNIT_ASSERT_EQ(test, kmemx_depot_init(&fx->depot, &pool_ops, NULL, NR_SLABS, false), 0);
	fx->cache = kmemx_cache_new(&fx->depot, &spec);
	KUNIT_ASSERT_FALSE(test, IS_ERR(fx->cache));
	KUNIT_ASSERT_EQ(test, fx->cache->layout.order, 0U);
	KUNIT_ASSERT_EQ(test, fx->cache->layout.nr_objs, NR);
	KUNIT_ASSERT_EQ(test, fx->cache->layout.stride, (u32)SIZE);
	set_cap(test);
	step_nr_reports = 0;
	nest_run = run_inside;
	return 0;
}

static void cachestep_exit(struct kunit *test)
{
	nest_end();
	if (!fx)
		return;
	/* Where a case has failed, the cache stays as it is. */
	if (!IS_ERR_OR_NULL(fx->cache) && !atomic64_read(&fx->cache->nr_slabs))
		KUNIT_EXPECT_EQ(test, kmemx_cache_delete(fx->cache), 0);
	if (fx->depot.slab)
		kmemx_depot_fini(&fx->depot);
	vfree(fx->pool);
	vfree(fx);
	fx = NULL;
}

static void cachestep_any_operation_in_any_other(struct kunit *test)
{
	unsigned long nr = 0;
	unsigned int f, i;

	for (f = 0; f < ARRAY_SIZE(fills); f++) {
		fill_now = fills[f];
		for (i = 0; i < ARRAY_SIZE(ops); i++)
			nr += nest_by_each(test, &ops[i], ops, ARRAY_SIZE(ops), once);
	}
	kunit_info(test, "%lu interruptions, %u of them in a front\n", nr, fx->nr_closed);
	KUNIT_EXPECT_GT(test, fx->nr_closed, 5000U);
	KUNIT_EXPECT_GT(test, fx->nr_open, 5000U);
	KUNIT_EXPECT_GT(test, fx->nr_twice, 0U);
	KUNIT_EXPECT_GT(test, fx->nr_dry, 0U);
	KUNIT_EXPECT_GT(test, fx->nr_left, 100U);
	KUNIT_EXPECT_GT(test, fx->nr_taken, 100U);
}

static void cachestep_two_in_one_another(struct kunit *test)
{
	static void (* const few[])(void) = { fill_nothing, fill_half, fill_full };
	unsigned long nr = 0;
	unsigned int f, i;

	for (f = 0; f < ARRAY_SIZE(few); f++) {
		fill_now = few[f];
		for (i = 0; i < NR_SHORT; i++)
			nr += nest_twice(test, &ops[i], ops, NR_SHORT, once);
	}
	kunit_info(test, "%lu interruptions, %u of them in a front\n", nr, fx->nr_closed);
	KUNIT_EXPECT_GT(test, fx->nr_closed, 5000U);
}

static struct kunit_case cachestep_cases[] = {
	KUNIT_CASE(cachestep_any_operation_in_any_other),
	KUNIT_CASE(cachestep_two_in_one_another),
	{}
};

static struct kunit_suite cachestep_suite = {
	.name = "kmemx_cachestep",
	.init = cachestep_init,
	.exit = cachestep_exit,
	.test_cases = cachestep_cases,
};

kunit_test_suites(&cachestep_suite);
