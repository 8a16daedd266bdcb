// SPDX-License-Identifier: GPL-2.0
/*
 * The objects of one slab; see slab.h.
 */
#include "slab/slab.h"

#define WORD_BITS	64

static u64 bit_of(unsigned int i)
{
	return BIT_ULL(i % WORD_BITS);
}

/* The bits of map word @w that are objects. */
static u64 present(const struct kmemx_layout *layout, unsigned int w)
{
	unsigned int nr = layout->nr_objs - w * WORD_BITS;

	return nr >= WORD_BITS ? ~0ULL : BIT_ULL(nr) - 1;
}

static s64 make_state(unsigned int nr_free, unsigned int cache)
{
	return (s64)(nr_free | (u64)cache << KMEMX_SLAB_CACHE_SHIFT);
}

/**
 * kmemx_slab_init() - make a slab whose objects are all free
 * @slab: the slab; nobody else knows it yet
 * @layout: its shape
 * @cache: number of its cache, 1..65535
 *
 * The state comes last: with it, other CPUs may take from the slab.
 */
void kmemx_slab_init(struct kmemx_slab slab, const struct kmemx_layout *layout,
		     unsigned int cache)
{
	unsigned int w;

	for (w = 0; w < layout->nr_words; w++) {
		atomic64_set(&slab.taken[w], (s64)~present(layout, w));
		atomic64_set(&slab.live[w], 0);
	}
	/*
	 * Pairs with the cmpxchg in reserve(). An exchange, since a plain store
	 * could become visible after publish()'s second look (cache.c).
	 */
	atomic64_xchg(slab.state, make_state(layout->nr_objs, cache));
}
KMEMX_EXPORT_FOR_TEST(kmemx_slab_init);

/*
 * Reserve up to @nr objects, if the slab is still the cache's own: it may have
 * been retired, and its frames may serve another cache by now.
 */
static unsigned int reserve(struct kmemx_slab slab, unsigned int cache, unsigned int nr)
{
	s64 old = atomic64_read(slab.state);
	unsigned int got;

	do {
		if (kmemx_slab_cache((u64)old) != cache)
			return 0;
		got = min(nr, kmemx_slab_nr_free((u64)old));
		if (!got)
			return 0;
	} while (!atomic64_try_cmpxchg(slab.state, &old, old - got));
	return got;
}

/* Take the lowest @nr free objects of one map word, or as many as there are. */
static unsigned int take_in_word(struct kmemx_slab slab, const struct kmemx_layout *layout,
				 unsigned int w, void **obj, unsigned int nr)
{
	s64 old = atomic64_read(&slab.taken[w]);
	unsigned int got;
	u64 bits;

	do {
		u64 free = ~(u64)old;

		bits = 0;
		for (got = 0; free && got < nr; got++) {
			unsigned int bit = __ffs64(free);

			obj[got] = kmemx_slab_object(slab, layout, w * WORD_BITS + bit);
			bits |= BIT_ULL(bit);
			free &= free - 1;
		}
		if (!got)
			return 0;
	} while (!atomic64_try_cmpxchg(&slab.taken[w], &old, (s64)((u64)old | bits)));
	return got;
}

/**
 * kmemx_slab_take() - take free objects
 * @slab: the slab
 * @layout: its shape
 * @cache: number of the cache that takes
 * @obj: set to their addresses
 * @nr: how many at most, at least 1
 *
 * A reservation stands for as many clear bits, so the search ends; it goes
 * around again only where other CPUs gave and took behind it.
 *
 * Context: any.
 * Return: how many; 0 if none is free, or if it is not the cache's slab (any
 * more).
 */
unsigned int kmemx_slab_take(struct kmemx_slab slab, const struct kmemx_layout *layout,
			     unsigned int cache, void **obj, unsigned int nr)
{
	unsigned int want = reserve(slab, cache, nr);
	unsigned int got = 0;
	unsigned int w = 0;

	while (got < want) {
		got += take_in_word(slab, layout, w, obj + got, want - got);
		if (++w == layout->nr_words)
			w = 0;
	}
	return got;
}
KMEMX_EXPORT_FOR_TEST(kmemx_slab_take);

/**
 * kmemx_slab_give() - put an object back that is not live
 * @slab: the slab
 * @i: the object, taken and the caller's own
 *
 * Context: any. The slab may be retired by others at once.
 * Return: the free objects that the slab has now.
 */
unsigned int kmemx_slab_give(struct kmemx_slab slab, unsigned int i)
{
	atomic64_fetch_andnot((s64)bit_of(i), &slab.taken[i / WORD_BITS]);
	/* Fully ordered: the clear bit before the count. Pairs with reserve(). */
	return kmemx_slab_nr_free((u64)atomic64_add_return(1, slab.state));
}
KMEMX_EXPORT_FOR_TEST(kmemx_slab_give);

/**
 * kmemx_slab_retire() - end a slab if it is empty
 * @slab: the slab
 * @layout: its shape
 * @cache: number of its cache
 *
 * Context: any.
 * Return: true if it was empty; its frames are then the caller's to give back.
 */
bool kmemx_slab_retire(struct kmemx_slab slab, const struct kmemx_layout *layout,
		       unsigned int cache)
{
	s64 old = make_state(layout->nr_objs, cache);

	return atomic64_try_cmpxchg(slab.state, &old, 0);
}
KMEMX_EXPORT_FOR_TEST(kmemx_slab_retire);

/**
 * kmemx_slab_index() - which object is at this address?
 * @slab: the slab
 * @layout: its shape
 * @obj: an address in the slab
 * @i: set to the object's number
 *
 * Return: false if no object starts at @obj.
 */
bool kmemx_slab_index(struct kmemx_slab slab, const struct kmemx_layout *layout,
		      const void *obj, unsigned int *i)
{
	u32 offset = (u32)((const u8 *)obj - (const u8 *)kmemx_slab_base(slab));

	*i = offset / layout->stride;
	return *i < layout->nr_objs && *i * layout->stride == offset;
}
KMEMX_EXPORT_FOR_TEST(kmemx_slab_index);

/**
 * kmemx_slab_issue() - an object becomes live
 * @slab: the slab
 * @i: the object, taken and the caller's own
 *
 * Return: false if it was live already, which never happens.
 */
bool kmemx_slab_issue(struct kmemx_slab slab, unsigned int i)
{
	return !((u64)atomic64_fetch_or((s64)bit_of(i), &slab.live[i / WORD_BITS]) &
		 bit_of(i));
}
KMEMX_EXPORT_FOR_TEST(kmemx_slab_issue);

/**
 * kmemx_slab_withdraw() - an object stops being live
 * @slab: the slab
 * @i: the object
 *
 * The point where a free happens. Of all who try, one gets true, and the
 * object is then its own, to put into a front or to give back.
 *
 * Context: any.
 * Return: false if it was not live.
 */
bool kmemx_slab_withdraw(struct kmemx_slab slab, unsigned int i)
{
	return (u64)atomic64_fetch_andnot((s64)bit_of(i), &slab.live[i / WORD_BITS]) &
		bit_of(i);
}
KMEMX_EXPORT_FOR_TEST(kmemx_slab_withdraw);

/**
 * kmemx_slab_nr_live() - objects that users hold
 * @slab: the slab
 * @layout: its shape
 *
 * Return: the number of live bits; a snapshot.
 */
unsigned int kmemx_slab_nr_live(struct kmemx_slab slab, const struct kmemx_layout *layout)
{
	unsigned int w, nr = 0;

	for (w = 0; w < layout->nr_words; w++)
		nr += hweight64((u64)atomic64_read(&slab.live[w]));
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_slab_nr_live);

/**
 * kmemx_slab_check() - do count and maps agree?
 * @slab: the slab, at rest
 * @layout: its shape
 *
 * Return: NULL, or what is wrong.
 */
const char *kmemx_slab_check(struct kmemx_slab slab, const struct kmemx_layout *layout)
{
	unsigned int w, nr_free = 0;

	for (w = 0; w < layout->nr_words; w++) {
		u64 taken = (u64)atomic64_read(&slab.taken[w]);
		u64 live = (u64)atomic64_read(&slab.live[w]);

		if (~taken & ~present(layout, w))
			return "an object that does not exist is free";
		if (live & (~taken | ~present(layout, w)))
			return "a live object is not taken";
		nr_free += hweight64(~taken);
	}
	if (nr_free != kmemx_slab_nr_free((u64)atomic64_read(slab.state)))
		return "free count is not the number of clear bits";
	return NULL;
}
KMEMX_EXPORT_FOR_TEST(kmemx_slab_check);
