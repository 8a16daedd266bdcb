// SPDX-License-Identifier: GPL-2.0
/*
 * The objects of one slab; see slab.h.
 */
#include "slab/slab.h"

#define WORD_BYTES	8
#define LOW_BITS	0x7f7f7f7f7f7f7f7fULL

static s64 make_state(unsigned int nr_free, unsigned int number)
{
	return (s64)(nr_free | (u64)number << KMEMX_SLAB_CACHE_SHIFT);
}

/**
 * kmemx_slab_init() - make a slab
 * @slab: that of its first frame; nobody else knows it yet. All is there but the state,
 *	  and the status bytes are 0.
 * @layout: its shape
 * @number: number of its cache, 1..65535
 * @nr_out: how many objects are the caller's, out, the first; the others are free
 *
 * The state comes last: with it, other CPUs may take from the slab.
 */
void kmemx_slab_init(struct kmemx_slab *slab, const struct kmemx_layout *layout,
		     unsigned int number, unsigned int nr_out)
{
	/* A free that is none may look at them: it believes none of it. */
	data_race(memset(slab->status + layout->skip, KMEMX_OBJECT_OUT, nr_out));
	/*
	 * Pairs with the cmpxchg in reserve(). An exchange, since a plain store
	 * could become visible after publish()'s second look (cache.c).
	 */
	atomic64_xchg(&slab->state, make_state(layout->nr_objs - nr_out, number));
}
KMEMX_EXPORT_FOR_TEST(kmemx_slab_init);

/*
 * Reserve up to @nr objects, if the slab is still the cache's own: it may have
 * been retired, and its frames may serve another cache by now.
 */
static unsigned int reserve(struct kmemx_slab *slab, unsigned int number, unsigned int nr)
{
	s64 old = atomic64_read(&slab->state);
	unsigned int got;

	do {
		if (kmemx_slab_cache((u64)old) != number)
			return 0;
		got = min(nr, kmemx_slab_nr_free((u64)old));
		if (!got)
			return 0;
		kmemx_step();
	} while (!atomic64_try_cmpxchg(&slab->state, &old, old - got));
	kmemx_step();
	return got;
}

/* The highest bit of each of eight status bytes that is 0, if it is one of the first @nr. */
static u64 free_bytes(const u8 *status, unsigned int nr)
{
	/* The bytes are written one by one, and each is looked at again by who takes it. */
	u64 word = le64_to_cpu(READ_ONCE(*(const __le64 *)status));
	u64 zero = ~(((word & LOW_BITS) + LOW_BITS) | word | LOW_BITS);

	return nr < WORD_BYTES ? zero & (BIT_ULL(nr * 8) - 1) : zero;
}

/* Take up to @nr of the @left objects from @first on, eight at most. */
static unsigned int take_in_word(struct kmemx_slab *slab, unsigned int first, unsigned int left,
				 unsigned int *taken, unsigned int nr)
{
	u64 bits = free_bytes(slab->status + first, left);
	unsigned int got = 0;

	for (; bits && got < nr; bits &= bits - 1) {
		unsigned int i = first + __ffs64(bits) / 8;
		u8 old = KMEMX_OBJECT_FREE;

		kmemx_step();
		/* Of several who see it free one gets it. Pairs with that in give. */
		if (try_cmpxchg(&slab->status[i], &old, KMEMX_OBJECT_OUT))
			taken[got++] = i;
	}
	return got;
}

/**
 * kmemx_slab_take() - take free objects
 * @slab: that of its first frame
 * @layout: its shape
 * @number: of the cache that takes
 * @taken: set to which objects
 * @nr: how many at most, at least 1
 *
 * A reservation stands for as many free objects, so the search ends; it goes
 * around again only where other CPUs gave and took behind it.
 *
 * Context: any.
 * Return: how many; 0 if none is free, or if it is not the cache's slab (any
 * more).
 */
unsigned int kmemx_slab_take(struct kmemx_slab *slab, const struct kmemx_layout *layout,
			     unsigned int number, unsigned int *taken, unsigned int nr)
{
	unsigned int want = reserve(slab, number, nr);
	unsigned int got = 0;
	unsigned int first = 0;

	while (got < want) {
		got += take_in_word(slab, first, layout->nr_slots - first, taken + got, want - got);
		first += WORD_BYTES;
		if (first >= layout->nr_slots)
			first = 0;
	}
	return got;
}
KMEMX_EXPORT_FOR_TEST(kmemx_slab_take);

/**
 * kmemx_slab_give() - put an object back that is out
 * @slab: that of its first frame
 * @status: the object's status byte
 *
 * Context: any. The slab may be retired by others at once.
 * Return: the free objects that the slab has now, or -1 if the object was not out, which
 * is so where it was freed twice; nothing has changed then.
 */
int kmemx_slab_give(struct kmemx_slab *slab, u8 *status)
{
	u8 old = KMEMX_OBJECT_OUT;

	if (!try_cmpxchg(status, &old, KMEMX_OBJECT_FREE))
		return -1;
	kmemx_step();
	/* Fully ordered: the free object before the count. Pairs with reserve(). */
	return (int)kmemx_slab_nr_free((u64)atomic64_add_return(1, &slab->state));
}
KMEMX_EXPORT_FOR_TEST(kmemx_slab_give);

/**
 * kmemx_slab_retire() - end a slab if it is empty
 * @slab: that of its first frame
 * @layout: its shape
 * @number: number of its cache
 *
 * Context: any.
 * Return: true if it was empty; its frames are then the caller's to give back.
 */
bool kmemx_slab_retire(struct kmemx_slab *slab, const struct kmemx_layout *layout,
		       unsigned int number)
{
	s64 old = make_state(layout->nr_objs, number);

	return atomic64_try_cmpxchg(&slab->state, &old, 0);
}
KMEMX_EXPORT_FOR_TEST(kmemx_slab_retire);

/**
 * kmemx_slab_withdraw() - an object stops being live
 * @status: its status byte
 *
 * Where a free happens that does not take the short way. Of all who try, one gets true,
 * and the object is then its own, to put into a front or to give back.
 *
 * Context: any.
 * Return: false if it was not live.
 */
bool kmemx_slab_withdraw(u8 *status)
{
	u8 old = KMEMX_OBJECT_LIVE;

	return try_cmpxchg(status, &old, KMEMX_OBJECT_OUT);
}
KMEMX_EXPORT_FOR_TEST(kmemx_slab_withdraw);

/* How many objects have this status; a snapshot. */
static unsigned int count(const struct kmemx_slab *slab, const struct kmemx_layout *layout,
			  u8 status)
{
	const u8 *first = READ_ONCE(slab->status);
	unsigned int nr = 0, i;

	for (i = layout->skip; i < layout->nr_slots; i++)
		nr += READ_ONCE(first[i]) == status;
	return nr;
}

/**
 * kmemx_slab_nr_live() - objects that users hold
 * @slab: the slab
 * @layout: its shape
 *
 * Return: how many; a snapshot.
 */
unsigned int kmemx_slab_nr_live(const struct kmemx_slab *slab,
				const struct kmemx_layout *layout)
{
	return count(slab, layout, KMEMX_OBJECT_LIVE);
}
KMEMX_EXPORT_FOR_TEST(kmemx_slab_nr_live);

/**
 * kmemx_slab_check() - do count and status bytes agree?
 * @slab: that of its first frame, at rest
 * @layout: its shape
 *
 * Return: NULL, or what is wrong.
 */
const char *kmemx_slab_check(const struct kmemx_slab *slab, const struct kmemx_layout *layout)
{
	unsigned int nr_free = count(slab, layout, KMEMX_OBJECT_FREE);

	if (nr_free + count(slab, layout, KMEMX_OBJECT_OUT) +
	    count(slab, layout, KMEMX_OBJECT_LIVE) != layout->nr_objs)
		return "an object has no status that there is";
	if (nr_free != kmemx_slab_nr_free((u64)atomic64_read(&slab->state)))
		return "free count is not the number of free objects";
	return NULL;
}
KMEMX_EXPORT_FOR_TEST(kmemx_slab_check);
