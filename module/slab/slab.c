// SPDX-License-Identifier: GPL-2.0
/*
 * The objects of one slab; see slab.h.
 */
#include "slab/slab.h"

#define WORD_BYTES	8
/* How often a search for what was reserved goes around in vain. */
#define TAKE_ROUNDS	8
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
	 * could become visible after publish()'s second look (partial.c).
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
static u64 free_bytes(u64 word, unsigned int nr)
{
	u64 zero = ~(((word & LOW_BITS) + LOW_BITS) | word | LOW_BITS);

	return nr < WORD_BYTES ? zero & (BIT_ULL(nr * 8) - 1) : zero;
}

/* Of @nr objects those that are still free. */
static unsigned int take_one_by_one(struct kmemx_slab *slab, unsigned int *taken,
				    unsigned int nr)
{
	unsigned int got = 0, k;

	for (k = 0; k < nr; k++) {
		u8 old = KMEMX_OBJECT_FREE;

		kmemx_step();
		/* Of several who see it free one gets it. Pairs with that in give. */
		if (try_cmpxchg(&slab->status[taken[k]], &old, KMEMX_OBJECT_OUT))
			taken[got++] = taken[k];
	}
	return got;
}

/*
 * Take up to @nr of the @left objects from @first on, eight at most: all at once, if none of
 * the eight bytes changes meanwhile. Each of them may, by a store of its own.
 */
static unsigned int take_in_word(struct kmemx_slab *slab, unsigned int first, unsigned int left,
				 unsigned int *taken, unsigned int nr)
{
	u64 *bytes = (u64 *)(slab->status + first);
	u64 old = READ_ONCE(*bytes);
	u64 bits = free_bytes(le64_to_cpu((__force __le64)old), left), rest = bits;
	unsigned int got = 0;

	static_assert(KMEMX_OBJECT_FREE == 0 && KMEMX_OBJECT_OUT == 1);
	for (; rest && got < nr; rest &= rest - 1)
		taken[got++] = first + __ffs64(rest) / 8;
	if (!got)
		return 0;
	kmemx_step();
	/* As one by one. */
	if (likely(try_cmpxchg(bytes, &old, old | (__force u64)cpu_to_le64((bits ^ rest) >> 7))))
		return got;
	return take_one_by_one(slab, taken, got);
}

/**
 * kmemx_slab_take() - take free objects
 * @slab: that of its first frame
 * @layout: its shape
 * @number: of the cache that takes
 * @taken: set to which objects
 * @nr: how many at most, at least 1
 *
 * A reservation stands for as many free objects, so the search finds them; it goes around again
 * only where other CPUs gave and took behind it. Where an object was freed twice the count may say
 * more than there is, so it does not go around for ever: what was not found is given back.
 *
 * Context: any.
 * Return: how many; 0 if none is free, or if it is not the cache's slab (any
 * more).
 */
unsigned int kmemx_slab_take(struct kmemx_slab *slab, const struct kmemx_layout *layout,
			     unsigned int number, unsigned int *taken, unsigned int nr)
{
	unsigned int want = reserve(slab, number, nr);
	unsigned int got = 0, rounds = 0;
	unsigned int first = 0;

	while (got < want) {
		got += take_in_word(slab, first, layout->nr_slots - first, taken + got, want - got);
		first += WORD_BYTES;
		if (first < layout->nr_slots)
			continue;
		first = 0;
		if (unlikely(++rounds == TAKE_ROUNDS) && got < want) {
			/* As in kmemx_slab_give(). */
			atomic64_add_return(want - got, &slab->state);
			break;
		}
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

/* Of bytes that are 0 or 1. */
static s64 sum_of_bytes(u64 bytes)
{
	return (s64)(bytes * 0x0101010101010101ULL >> 56);
}

/**
 * kmemx_slab_give_word() - put objects back that are out, and neighbours
 * @slab: that of its first frame
 * @bytes: eight status bytes in a row, the first of them that of an object whose number is a
 *	   multiple of eight
 * @which: of the first byte of each object the lowest bit
 *
 * As kmemx_slab_give() for each of them, in one change of the bytes and one of the count.
 *
 * Context: any. The slab may be retired by others at once.
 * Return: the free objects that the slab has now, or -1 if one of them was not out, or another
 * of the bytes was changed meanwhile; nothing has changed then.
 */
int kmemx_slab_give_word(struct kmemx_slab *slab, u64 *bytes, u64 which)
{
	u64 mask = which * 0xff, old = READ_ONCE(*bytes);

	static_assert(KMEMX_OBJECT_FREE == 0 && KMEMX_OBJECT_OUT == 1);
	kmemx_step();
	if ((old & mask) != which || !try_cmpxchg(bytes, &old, old & ~mask))
		return -1;
	kmemx_step();
	/* As in kmemx_slab_give(). */
	return (int)kmemx_slab_nr_free((u64)atomic64_add_return(sum_of_bytes(which), &slab->state));
}
KMEMX_EXPORT_FOR_TEST(kmemx_slab_give_word);

/**
 * kmemx_slab_is_empty() - could a slab be retired?
 * @slab: that of its first frame
 * @layout: its shape
 * @number: number of its cache
 *
 * Return: whether it is the cache's, and all its objects are free; a moment ago.
 */
bool kmemx_slab_is_empty(const struct kmemx_slab *slab, const struct kmemx_layout *layout,
			 unsigned int number)
{
	return atomic64_read(&slab->state) == make_state(layout->nr_objs, number);
}
KMEMX_EXPORT_FOR_TEST(kmemx_slab_is_empty);

/**
 * kmemx_slab_note_empty() - let who gives slabs back know of one that has become empty
 * @empty: slabs that may be, by their first frames
 * @id: the slab
 *
 * The count of its free objects was changed before, in full order: pairs with the clear of who
 * looks at it after that. So either this finds the note cleared, or that one the slab empty.
 *
 * Context: any.
 */
void kmemx_slab_note_empty(struct kmemx_summary *empty, u32 id)
{
	kmemx_step();
	if (!kmemx_summary_test(empty, id))
		kmemx_summary_set(empty, id);
}
KMEMX_EXPORT_FOR_TEST(kmemx_slab_note_empty);

/* The lowest bit of each of eight status bytes that is neither free nor none. */
static u64 used_bytes(u64 word, unsigned int nr)
{
	u64 used = (word ^ word >> 1) & ~0ULL / 0xff;

	static_assert((KMEMX_OBJECT_FREE ^ KMEMX_OBJECT_FREE >> 1) == 0);
	static_assert(((KMEMX_OBJECT_NONE ^ KMEMX_OBJECT_NONE >> 1) & 1) == 0);
	return nr < WORD_BYTES ? used & (BIT_ULL(nr * 8) - 1) : used;
}

/* How many objects are out or live; nobody takes any. */
static unsigned int count_used(const struct kmemx_slab *slab, const struct kmemx_layout *layout)
{
	unsigned int nr = 0, i;

	for (i = 0; i < layout->nr_slots; i += WORD_BYTES) {
		const u64 *bytes = (const u64 *)(slab->status + i);
		u64 used = used_bytes(le64_to_cpu((__force __le64)READ_ONCE(*bytes)),
				      layout->nr_slots - i);

		if (unlikely(used))
			nr += hweight64(used);
	}
	return nr;
}

/**
 * kmemx_slab_retire() - end a slab if it is empty
 * @slab: that of its first frame
 * @layout: its shape
 * @number: number of its cache
 *
 * An object that two have freed in the same moment may have been counted twice, so the status
 * bytes are asked, too. If one of them says otherwise it is not ended, and its count is put right.
 *
 * Context: any.
 * Return: 1 if it was empty, and its frames are the caller's to give back; 0 if it was not; -1 if
 * its count only said so.
 */
int kmemx_slab_retire(struct kmemx_slab *slab, const struct kmemx_layout *layout,
		      unsigned int number)
{
	s64 old = make_state(layout->nr_objs, number);
	unsigned int nr_used;

	if (!atomic64_try_cmpxchg(&slab->state, &old, 0))
		return 0;
	kmemx_step();
	/* After the count: who has one of them took it before that, and nobody takes more now. */
	nr_used = count_used(slab, layout);
	if (likely(!nr_used))
		return 1;
	/* An addition, as some of these may have come back since. Fully ordered, for publish(). */
	atomic64_add_return(make_state(layout->nr_objs - nr_used, number), &slab->state);
	return -1;
}
KMEMX_EXPORT_FOR_TEST(kmemx_slab_retire);

/**
 * kmemx_slab_mend() - take one off a count that says more than there are objects
 * @slab: that of its first frame
 * @layout: its shape
 * @number: number of its cache
 *
 * Where kmemx_slab_give() has said so, which it may have to several for one object too many.
 *
 * Context: any.
 * Return: false if the count does not say so any more, or it is not the cache's slab.
 */
bool kmemx_slab_mend(struct kmemx_slab *slab, const struct kmemx_layout *layout,
		     unsigned int number)
{
	s64 old = atomic64_read(&slab->state);

	do {
		if (kmemx_slab_cache((u64)old) != number ||
		    kmemx_slab_nr_free((u64)old) <= layout->nr_objs)
			return false;
		kmemx_step();
	} while (!atomic64_try_cmpxchg(&slab->state, &old, old - 1));
	return true;
}
KMEMX_EXPORT_FOR_TEST(kmemx_slab_mend);

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
