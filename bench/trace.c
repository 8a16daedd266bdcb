// SPDX-License-Identifier: GPL-2.0
/*
 * The reference trace, bit for bit, and the proof that it is: every seed comes
 * with its first orders, the hash of all of them and a count. A generator that
 * is off by one draw fails that before anything is measured.
 *
 * Two more traces keep anyone from building an allocator for the first. Nobody else
 * has them, so the hashes of their requests are what this file brought forth when they were
 * made: they say that the traces are still the same, not that they are right. Those of
 * victims, of all traces, were worked out by another program, after the descriptions.
 */
#include "trace.h"

#define VICTIM_MASK	0x5555555555555555ULL
#define LIFE_MASK	0xccccccccccccccccULL

#define FNV_PRIME	0x100000001b3ULL

const struct trace_seed trace_seeds[TRACE_SEEDS] = {
	{
		.seed = 0x9E3779B97F4A7C15ULL,
		.first = { 0, 0, 0, 5, 0, 2, 0, 0, 2, 9, 0, 1, 5, 1, 0, 5 },
		.hash = {
			[TRACE_REFERENCE] = 0xedc9a0b811f7f051ULL,
			[TRACE_MIXED] = 0x5cf5df1670b09e51ULL,
			[TRACE_BIMODAL] = 0x9c473884180c4351ULL,
		},
		.victims = {
			[TRACE_REFERENCE] = 0x0f8321056d6a781eULL,
			[TRACE_MIXED] = 0xd218217518159061ULL,
			[TRACE_BIMODAL] = 0x16bf7180bef233c8ULL,
		},
		.nr_order9 = 2544,
	},
	{
		.seed = 0x1234567890ABCDEFULL,
		.first = { 5, 0, 0, 4, 0, 2, 3, 1, 0, 0, 5, 0, 5, 2, 0, 0 },
		.hash = {
			[TRACE_REFERENCE] = 0x302506b51776763aULL,
			[TRACE_MIXED] = 0x480614c9adf27c10ULL,
			[TRACE_BIMODAL] = 0x4cef6368416b493aULL,
		},
		.victims = {
			[TRACE_REFERENCE] = 0x207b4cb92476d449ULL,
			[TRACE_MIXED] = 0xd8a2281d58b13341ULL,
			[TRACE_BIMODAL] = 0x80dd5c696af496deULL,
		},
		.nr_order9 = 2535,
	},
	{
		.seed = 0xDEADBEEFCAFEBABEULL,
		.first = { 0, 5, 7, 0, 4, 6, 0, 4, 5, 1, 0, 2, 2, 2, 0, 0 },
		.hash = {
			[TRACE_REFERENCE] = 0x9d343e4f8ca286dcULL,
			[TRACE_MIXED] = 0xc1bf71cf94db0edfULL,
			[TRACE_BIMODAL] = 0x8394088756c9a5dcULL,
		},
		.victims = {
			[TRACE_REFERENCE] = 0xb121e9d5c05e33baULL,
			[TRACE_MIXED] = 0x235795954af7ae9aULL,
			[TRACE_BIMODAL] = 0xcffaf7968e5479fdULL,
		},
		.nr_order9 = 2503,
	},
	{
		.seed = 0xA5A5A5A55A5A5A5AULL,
		.first = { 0, 3, 0, 1, 0, 2, 0, 0, 0, 0, 0, 2, 9, 0, 5, 0 },
		.hash = {
			[TRACE_REFERENCE] = 0xb7e7facaa8614d8dULL,
			[TRACE_MIXED] = 0xf58c494c5aafb149ULL,
			[TRACE_BIMODAL] = 0x072beedb1b065a8dULL,
		},
		.victims = {
			[TRACE_REFERENCE] = 0x5d2a49089eb3c5cbULL,
			[TRACE_MIXED] = 0xb7c10f6db35bf94dULL,
			[TRACE_BIMODAL] = 0xce4a4e00f597c9dcULL,
		},
		.nr_order9 = 2476,
	},
};

/**
 * struct band - orders that are equally likely
 * @below: percent of the requests for these and all smaller ones
 * @order: the smallest
 * @nr: how many
 */
struct band {
	u32 below;
	u32 order;
	u32 nr;
};

/* Of all mixes, a block has 16 frames on average: traces differ in nothing but shape. */
static const struct band even[] = { { 60, 0, 1 }, { 80, 1, 2 }, { 95, 3, 3 }, { 100, 6, 4 } };
static const struct band driver[] = { { 70, 0, 2 }, { 98, 4, 1 }, { 100, 9, 1 } };

/**
 * struct model - what makes a trace
 * @bands: the mix of orders, up to the band that is below 100
 * @lasting: percent of the blocks of order 0 that last; half as many of each next order
 * @patience: how many times as long as others they live, on average
 */
struct model {
	const struct band *bands;
	u32 lasting;
	u32 patience;
};

/*
 * A lasting block of the bimodal trace lives for about 21,000 requests, another one for
 * 750, in a pool that is 80 % full. Once in 18 requests suffices for them to become
 * three in five of the blocks that are alive, with a ninth of the frames in use.
 */
static const struct model models[NR_TRACES] = {
	[TRACE_REFERENCE] = { .bands = even, .patience = 1 },
	[TRACE_MIXED] = { .bands = driver, .patience = 1 },
	[TRACE_BIMODAL] = { .bands = even, .lasting = 8, .patience = 32 },
};

/**
 * trace_random() - the next number of a stream
 * @state: where the stream is; moved on
 *
 * Return: 32 bits of xorshift64.
 */
u32 trace_random(u64 *state)
{
	u64 x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return (u32)(x >> 32);
}

/**
 * trace_start() - begin a pass
 * @trace: to be filled in
 * @kind: which trace
 * @seed: one of trace_seeds[], or any other number but 0
 */
void trace_start(struct trace *trace, enum trace_kind kind, u64 seed)
{
	trace->kind = kind;
	trace->requests = seed;
	trace->victims = seed ^ VICTIM_MASK;
	trace->lives = seed ^ LIFE_MASK;
}

/**
 * trace_order() - the next request
 * @trace: the pass
 *
 * Always two draws, whatever the first one says: what comes later does not
 * depend on how the orders are mixed.
 *
 * Return: an order, 0 to 9.
 */
unsigned int trace_order(struct trace *trace)
{
	const struct band *band = models[trace->kind].bands;
	u32 r = trace_random(&trace->requests) % 100;
	u32 q = trace_random(&trace->requests);

	while (r >= band->below)
		band++;
	return band->order + q % band->nr;
}

/**
 * trace_lasts() - whether the block of a request will be a lasting one
 * @trace: the pass
 * @order: what trace_order() returned
 *
 * To be called once a request, whether or not there is such a block.
 *
 * Return: true if it is one.
 */
bool trace_lasts(struct trace *trace, unsigned int order)
{
	return trace_random(&trace->lives) % 100 < models[trace->kind].lasting >> order;
}

/**
 * trace_victim() - which live block is freed next
 * @trace: the pass
 * @nr_lasting: how many lasting ones there are; they come first
 * @n: how many are alive, at least 1
 *
 * Two lasting blocks are equally likely to be chosen, and so are two others; one
 * of the others is so by the model's patience more than a lasting one.
 *
 * Return: an index below @n.
 */
u32 trace_victim(struct trace *trace, u32 nr_lasting, u32 n)
{
	u32 patience = models[trace->kind].patience;
	u32 ticket = trace_random(&trace->victims) % (nr_lasting + (n - nr_lasting) * patience);

	if (ticket < nr_lasting)
		return ticket;
	return nr_lasting + (ticket - nr_lasting) / patience;
}

/**
 * trace_hash_add() - FNV-1a
 * @hash: of what came before
 * @byte: what comes next
 *
 * Return: the hash of both.
 */
u64 trace_hash_add(u64 hash, u8 byte)
{
	return (hash ^ byte) * FNV_PRIME;
}

/**
 * trace_hash() - what a trace is recognised by
 * @kind: which trace
 * @seed: of the trace
 *
 * Return: what must be in trace_seeds[].
 */
u64 trace_hash(enum trace_kind kind, u64 seed)
{
	u64 hash = TRACE_HASH_START;
	struct trace trace;
	u32 i;

	trace_start(&trace, kind, seed);
	for (i = 0; i < TRACE_REQUESTS; i++) {
		unsigned int order = trace_order(&trace);
		unsigned int lasts = trace_lasts(&trace, order) ? TRACE_LASTS : 0;

		hash = trace_hash_add(hash, order | lasts);
	}
	return hash;
}

/**
 * trace_is_reference() - whether a seed brings forth what it must
 * @seed: with the expected values
 *
 * Return: true if the trace is the reference trace.
 */
bool trace_is_reference(const struct trace_seed *seed)
{
	struct trace trace;
	u32 nr_order9 = 0;
	u32 i;

	trace_start(&trace, TRACE_REFERENCE, seed->seed);
	for (i = 0; i < TRACE_REQUESTS; i++) {
		unsigned int order = trace_order(&trace);

		if (i < TRACE_FIRST && order != seed->first[i])
			return false;
		if (i >= TRACE_WARM_UP && order == 9)
			nr_order9++;
	}
	return nr_order9 == seed->nr_order9 &&
	       trace_hash(TRACE_REFERENCE, seed->seed) == seed->hash[TRACE_REFERENCE];
}
