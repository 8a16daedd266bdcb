// SPDX-License-Identifier: GPL-2.0
/*
 * Where an allocator of objects may keep the list of its free ones, as a program: each kind in
 * as few lines as it takes, and nothing around it.
 *
 *   intrusive  in the free objects, a pointer in the first word, encoded as SLUB does
 *   node16     beside them, in a row of nodes of two pointers, one for each object
 *   index8     beside them, a row of numbers of one byte, for up to 255 objects
 *   index16    likewise of two bytes, for up to 65,535
 *   array      beside them, a stack of pointers
 *
 * The objects have been freed in random order, so the list goes to and fro among them.
 *
 *   walk  go over the list from end to end and count, as who looks for something does
 *   pop   take all, write the first word of each, and put them back in another random order
 *
 *	kmemx_lists KIND PATTERN OBJECTS BYTES ROUNDS
 *
 * prints nanoseconds per object; with PATTERN overhead, the bytes beside an object, in percent of
 * it. scripts/lib/bench-lists builds and runs it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <kmemx/platform.h>

#define KEY	0x9e3779b97f4a7c15ULL

/**
 * struct node - of a list beside the objects
 * @obj: what is free
 * @next: the next one, or NULL
 */
struct node {
	void *obj;
	struct node *next;
};

static_assert(sizeof(struct node) == 16, "half of an object of 32 bytes");

/**
 * struct pool - objects, and those that are free
 * @base: the objects
 * @bytes: of one
 * @recip: 2^64 / @bytes, rounded up
 * @nr: how many
 * @first: intrusive: the first free one
 * @nodes: node16: one for each object
 * @first_node: node16: of the first free one
 * @next8: index8: by object, number of the next free one
 * @next16: index16: likewise
 * @first_index: index8, index16: number of the first free one
 * @stack: array: free objects
 * @top: array: how many
 * @objs: those that are taken
 * @at: in which order they are freed
 */
struct pool {
	char *base;
	size_t bytes;
	u64 recip;
	u32 nr;
	void *first;
	struct node *nodes;
	struct node *first_node;
	u8 *next8;
	u16 *next16;
	u32 first_index;
	void **stack;
	u32 top;
	void **objs;
	u32 *at;
};

/* ---- The kinds -------------------------------------------------------- */

static inline void *encoded(const void *next, void *const *where)
{
	return (void *)((uintptr_t)next ^ KEY ^ __builtin_bswap64((uintptr_t)where));
}

static inline void *intrusive_pop(struct pool *pool)
{
	void **obj = pool->first;

	pool->first = encoded(*obj, obj);
	return obj;
}

static inline void intrusive_push(struct pool *pool, void *obj)
{
	*(void **)obj = encoded(pool->first, obj);
	pool->first = obj;
}

static inline u64 intrusive_walk(struct pool *pool)
{
	u64 n = 0;
	void **obj;

	for (obj = pool->first; obj; obj = encoded(*obj, obj))
		n++;
	return n;
}

static inline u32 number(const struct pool *pool, const void *obj)
{
	u64 i;

	kmemx_mul((u64)((const char *)obj - pool->base), &pool->recip, &i);
	return (u32)i;
}

static inline void *node16_pop(struct pool *pool)
{
	struct node *node = pool->first_node;

	pool->first_node = node->next;
	return node->obj;
}

static inline void node16_push(struct pool *pool, void *obj)
{
	struct node *node = &pool->nodes[number(pool, obj)];

	*node = (struct node) { obj, pool->first_node };
	pool->first_node = node;
}

static inline u64 node16_walk(struct pool *pool)
{
	const struct node *node;
	u64 n = 0;

	for (node = pool->first_node; node; node = node->next)
		n++;
	return n;
}

/* The number of no object ends the list. */
#define INDEX(bits)									\
static inline void *index##bits##_pop(struct pool *pool)				\
{											\
	u32 i = pool->first_index;							\
											\
	pool->first_index = pool->next##bits[i];					\
	return pool->base + i * pool->bytes;						\
}											\
static inline void index##bits##_push(struct pool *pool, void *obj)			\
{											\
	u32 i = number(pool, obj);							\
											\
	pool->next##bits[i] = (u##bits)pool->first_index;				\
	pool->first_index = i;								\
}											\
static inline u64 index##bits##_walk(struct pool *pool)					\
{											\
	u64 n = 0;									\
	u32 i;										\
											\
	for (i = pool->first_index; i != pool->nr; i = pool->next##bits[i])		\
		n++;									\
	return n;									\
}

INDEX(8)
INDEX(16)

static inline void *array_pop(struct pool *pool)
{
	return pool->stack[--pool->top];
}

static inline void array_push(struct pool *pool, void *obj)
{
	pool->stack[pool->top++] = obj;
}

static inline u64 array_walk(struct pool *pool)
{
	u64 n = 0;
	u32 i;

	for (i = pool->top; i--;)
		n += !!pool->stack[i];
	return n;
}

/* ---- The patterns ----------------------------------------------------- */

#define PATTERNS(kind)									\
static void kind##_free_all(struct pool *pool)						\
{											\
	u32 i;										\
											\
	for (i = 0; i < pool->nr; i++)							\
		kind##_push(pool, pool->objs[pool->at[i]]);				\
}											\
static void kind##_round_walk(struct pool *pool)					\
{											\
	if (kind##_walk(pool) != pool->nr)						\
		abort();								\
}											\
static void kind##_round_pop(struct pool *pool)						\
{											\
	u32 i;										\
											\
	for (i = 0; i < pool->nr; i++) {						\
		pool->objs[i] = kind##_pop(pool);					\
		*(u64 *)pool->objs[i] = i;						\
	}										\
	kind##_free_all(pool);								\
}

PATTERNS(intrusive)
PATTERNS(node16)
PATTERNS(index8)
PATTERNS(index16)
PATTERNS(array)

/**
 * struct kind - one of them
 * @name: on the command line
 * @overhead: bytes beside an object
 * @nr_max: objects, at most
 * @free_all: free those that are taken
 * @walk: a round of that pattern
 * @pop: likewise
 */
struct kind {
	const char *name;
	u32 overhead;
	u32 nr_max;
	void (*free_all)(struct pool *pool);
	void (*walk)(struct pool *pool);
	void (*pop)(struct pool *pool);
};

#define KIND(kind, overhead, nr_max)	\
	{ #kind, overhead, nr_max, kind##_free_all, kind##_round_walk, kind##_round_pop }

static const struct kind kinds[] = {
	KIND(intrusive, 0, U32_MAX),
	KIND(node16, sizeof(struct node), U32_MAX),
	KIND(index8, sizeof(u8), 255),
	KIND(index16, sizeof(u16), 65535),
	KIND(array, sizeof(void *), U32_MAX),
};

/* ---- The program ------------------------------------------------------ */

static void shuffle(struct pool *pool)
{
	u64 random = KEY;
	u32 i;

	for (i = 0; i < pool->nr; i++)
		pool->at[i] = i;
	for (i = pool->nr; i > 1; i--) {
		u32 j, other = pool->at[i - 1];

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		j = (u32)(((random >> 32) * i) >> 32);
		pool->at[i - 1] = pool->at[j];
		pool->at[j] = other;
	}
}

static bool set_up(struct pool *pool, const struct kind *kind)
{
	u32 i;

	*pool = (struct pool) {
		.base = aligned_alloc(4096, (pool->nr * pool->bytes + 4095) & ~4095UL),
		.bytes = pool->bytes,
		.recip = U64_MAX / pool->bytes + 1,
		.nr = pool->nr,
		.nodes = calloc(pool->nr, sizeof(*pool->nodes)),
		.next8 = calloc(pool->nr, sizeof(*pool->next8)),
		.next16 = calloc(pool->nr, sizeof(*pool->next16)),
		.first_index = pool->nr,
		.stack = calloc(pool->nr, sizeof(*pool->stack)),
		.objs = calloc(pool->nr, sizeof(*pool->objs)),
		.at = calloc(pool->nr, sizeof(*pool->at)),
	};
	if (!pool->base || !pool->nodes || !pool->next8 || !pool->next16 || !pool->stack ||
	    !pool->objs || !pool->at)
		return false;
	memset(pool->base, 0, pool->nr * pool->bytes);
	for (i = 0; i < pool->nr; i++)
		pool->objs[i] = pool->base + i * pool->bytes;
	shuffle(pool);
	kind->free_all(pool);
	return true;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return 1e9 * (double)ts.tv_sec + (double)ts.tv_nsec;
}

static const struct kind *find_kind(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

static int wrong(void)
{
	fprintf(stderr, "usage: kmemx_lists intrusive|node16|index8|index16|array walk|pop|overhead OBJECTS BYTES ROUNDS\n"
		"at least one object (index8: at most 255, index16: 65535), of 8 bytes or a multiple\n");
	return 2;
}

int main(int argc, char **argv)
{
	const struct kind *kind = argc == 6 ? find_kind(argv[1]) : NULL;
	void (*round)(struct pool *pool);
	struct pool pool = { 0 };
	unsigned long rounds, i;
	double start;

	if (!kind)
		return wrong();
	pool.nr = (u32)strtoul(argv[3], NULL, 10);
	pool.bytes = strtoul(argv[4], NULL, 10);
	rounds = strtoul(argv[5], NULL, 10);
	if (!pool.nr || pool.nr > kind->nr_max || !pool.bytes || pool.bytes % sizeof(void *))
		return wrong();
	if (!strcmp(argv[2], "overhead")) {
		printf("%.3f\n", 100.0 * kind->overhead / (double)pool.bytes);
		return 0;
	}
	if (!rounds || (strcmp(argv[2], "walk") && strcmp(argv[2], "pop")))
		return wrong();
	round = strcmp(argv[2], "walk") ? kind->pop : kind->walk;
	if (!set_up(&pool, kind)) {
		fprintf(stderr, "kmemx_lists: no memory\n");
		return 1;
	}
	start = now();
	for (i = 0; i < rounds; i++)
		round(&pool);
	printf("%.2f\n", (now() - start) / (double)rounds / pool.nr);
	return 0;
}
