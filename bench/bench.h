/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kmemx_bench: what its files share: the rows of the result, the peers, and the
 * modes that measure them.
 *
 * Locking: none. Everything runs in the module's init, one thing at a time, and
 * nothing changes afterwards.
 */
#ifndef KMEMX_BENCH_H
#define KMEMX_BENCH_H

#include <linux/gfp.h>
#include <linux/types.h>

/*
 * Measured loops run with interrupts off. With GFP_KERNEL there, a kernel with voluntary
 * preemption, as Debian's 6.12, adds a look at whether to reschedule to each allocation
 * of some peers and not of others.
 */
#define BENCH_GFP	GFP_NOWAIT

/* For what may fail, with interrupts off. */
#define BENCH_GFP_TRY	(GFP_NOWAIT | __GFP_NOWARN)

/* Objects that a batch, and a bulk call, are for. */
#define BENCH_BATCH	128

/* Objects that are alive in the workloads rand4096 and churn4096, at most. */
#define BENCH_LIVE	4096

/* Of these, for blocks of pages: half of the region's worth, but no fewer than this. */
#define BENCH_LIVE_MIN	32

/* Slots of the ring between a producer and a consumer. */
#define BENCH_RING	256

/* In it: the producer cannot have any more. */
#define BENCH_RING_END	((void *)-1L)

/* Orders of the peers that give blocks of pages; names are made with the numbers. */
enum bench_order {
	BENCH_O0 = 0,
	BENCH_O1 = 1,
	BENCH_O2 = 2,
	BENCH_O3 = 3,
	BENCH_O4 = 4,
	BENCH_O5 = 5,
	BENCH_O6 = 6,
	BENCH_O7 = 7,
	BENCH_O8 = 8,
	BENCH_O9 = 9,
};

/* ---- Parameters, checked before anything runs ------------------------- */

/**
 * struct bench_params - what was asked for
 * @region: bytes that peers with a region of their own get
 * @fill: percent of it that is in use, and fragmented, while cost is measured
 * @quick: fewer rounds
 */
struct bench_params {
	unsigned long region;
	unsigned int fill;
	bool quick;
};

extern struct bench_params bench_params;

bool bench_wanted(const char *allocator);

/* ---- Rows ------------------------------------------------------------- */

void bench_row(const char *allocator, const char *workload, const char *metric,
	       u64 tenths, const char *unit);
void bench_fine_row(const char *allocator, const char *workload, const char *metric,
		    u64 thousandths, const char *unit);
void bench_no_row(const char *allocator, const char *workload, const char *metric,
		  const char *why);

/* ---- Peers ------------------------------------------------------------ */

/**
 * struct bench_loops - the measured loops of one peer (loops.h makes them)
 * @hot: allocate and free, @n times
 * @take: allocate @n
 * @give: free @n in the order they were allocated in
 * @give_at: free @n in the order that @at gives
 * @churn: @n times, free the object that @at names and allocate another
 * @produce: allocate @n and put them into @ring, where they may have to wait for room
 * @consume: take @n out of @ring, where they may have to be waited for, and free them
 * @try_one: one allocation with BENCH_GFP_TRY
 * @give_one: one free
 *
 * Each returns the ticks it took, or stores them; the loops return 0 as soon as
 * an allocation fails, @take with objs[] full of NULL. @n is at least 1; in a ring, it
 * is a multiple of BENCH_RING, and both sides return 0 after what there is.
 */
struct bench_loops {
	u64 (*hot)(void *ctx, unsigned long n);
	u64 (*take)(void *ctx, void **objs, unsigned long n);
	u64 (*give)(void *ctx, void **objs, unsigned long n);
	u64 (*give_at)(void *ctx, void **objs, const u32 *at, unsigned long n);
	u64 (*churn)(void *ctx, void **objs, const u32 *at, unsigned long n);
	u64 (*produce)(void *ctx, void **ring, unsigned long n);
	u64 (*consume)(void *ctx, void **ring, unsigned long n);
	void *(*try_one)(void *ctx, u64 *ticks);
	void (*give_one)(void *ctx, void *obj, u64 *ticks);
};

/**
 * struct bench_blocks - blocks of any order, for those that manage a region
 * @take: a block of 2^@order frames, or NULL; never sleeps
 * @give: free it
 * @frame: its first frame, counted from the region's start
 * @capacity: frames of the region, all of which must be free
 */
struct bench_blocks {
	void *(*take)(void *ctx, unsigned int order);
	void (*give)(void *ctx, void *block, unsigned int order);
	unsigned long (*frame)(void *ctx, void *block);
	unsigned long (*capacity)(void *ctx);
};

/**
 * struct bench_bulk - many objects in one call
 * @take: allocate @n into @objs; false if there are not so many
 * @give: free them
 */
struct bench_bulk {
	bool (*take)(void *ctx, void **objs, unsigned long n);
	void (*give)(void *ctx, void **objs, unsigned long n);
};

/**
 * struct bench_peer - one allocator, as the rows call it
 * @name: of the rows
 * @missing: why this kernel does not have it, or NULL
 * @size: bytes of an object, for those that give objects
 * @order: of a block, for those that give blocks
 * @pages: a block is of pages, so that fewer may be alive
 * @create: returns what the other functions get as @ctx, or an error pointer
 * @destroy: undoes @create; everything has been freed
 * @drain: ticks of an allocation that had to drain fronts, or 0 if none did
 * @loops: always there, unless @missing is set
 * @smp_loops: the same with the lock that users of two CPUs need; NULL: none
 * @blocks: NULL for those without a region of their own
 * @region: of those whose objects come out of a region all the same: who gives blocks of it
 * @bulk: NULL for those without a call for it
 */
struct bench_peer {
	const char *name;
	const char *missing;
	unsigned int size;
	unsigned int order;
	bool pages;
	void *(*create)(const struct bench_peer *peer);
	void (*destroy)(void *ctx);
	u64 (*drain)(void *ctx, unsigned int order);
	const struct bench_loops *loops;
	const struct bench_loops *smp_loops;
	const struct bench_blocks *blocks;
	const struct bench_peer *region;
	const struct bench_bulk *bulk;
};

/* Each ends with one that has no name. */
extern const struct bench_peer bench_null[], bench_null_percpu[];
extern const struct bench_peer bench_slub[], bench_kmalloc[];
extern const struct bench_peer bench_pages[], bench_genpool[], bench_gpubuddy[];
extern const struct bench_peer bench_mempool[], bench_dmapool[], bench_zsmalloc[];
extern const struct bench_peer bench_listbuddy[], bench_kmemx[];

/* kmemx's other orders, for what an operation of any order can cost. */
extern const struct bench_peer bench_kmemx_orders[];

/* Variants of the list buddy. */
extern const struct bench_peer bench_policy[];

bool bench_is_policy(const struct bench_peer *peer);

/* ---- Modes ------------------------------------------------------------ */

typedef int (*bench_measure_t)(const struct bench_peer *peer, void *ctx);
typedef void (*bench_missing_t)(const struct bench_peer *peer);

int bench_measure_peer(const struct bench_peer *peer, bench_measure_t measure);
int bench_measure_family(const struct bench_peer *peer, bench_measure_t measure,
			 bench_missing_t missing);
int bench_measure_peers(bench_measure_t measure, bench_missing_t missing);

int bench_cost(void);
int bench_tail(void);
int bench_memory(void);
int bench_frag(void);
int bench_policies(void);
int bench_named(void);
int bench_smp(void);
int bench_named_smp(void);
int bench_native(void);

#endif /* KMEMX_BENCH_H */
