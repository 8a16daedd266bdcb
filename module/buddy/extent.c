// SPDX-License-Identifier: GPL-2.0
/*
 * The concurrent page-frame allocator over one extent; see extent.h.
 *
 * An allocation looks for a chunk in the summary of its order, takes a block
 * there, publishes what the chunk has left, and writes the block's info byte.
 * A free claims the info byte, gives the block back, and publishes.
 */
#include "buddy/extent.h"

static size_t summary_bytes(unsigned int nr_chunks)
{
	return kmemx_summary_bytes(nr_chunks) * KMEMX_NR_ORDERS;
}

/* Tell the summaries what the chunk can give, until that holds still. */
static void publish(struct kmemx_extent *ext, unsigned int c)
{
	struct kmemx_chunk chunk = kmemx_extent_chunk(ext, c);
	int max_order = kmemx_chunk_max_order(chunk);
	int seen;

	do {
		int k;

		seen = max_order;
		for (k = 0; k < KMEMX_NR_ORDERS; k++) {
			bool can = k <= seen;

			if (kmemx_summary_test(&ext->free[k], c) == can)
				continue;
			if (can)
				kmemx_summary_set(&ext->free[k], c);
			else
				kmemx_summary_clear(&ext->free[k], c);
		}
		/*
		 * Whoever changes the chunk after this look publishes it again,
		 * so the last to publish has seen the last change.
		 */
		max_order = kmemx_chunk_max_order(chunk);
	} while (max_order != seen);
}

/* Lay out one allocation: maps (whole cache lines) first, bytes last. */
static void place_meta(struct kmemx_extent *ext)
{
	unsigned int k;
	u8 *next = ext->meta;

	ext->map = (atomic64_t *)next;
	next += (size_t)ext->nr_chunks * KMEMX_CHUNK_WORDS * sizeof(atomic64_t);
	ext->state = (atomic64_t *)next;
	next += (size_t)ext->nr_chunks * sizeof(atomic64_t);
	for (k = 0; k < KMEMX_NR_ORDERS; k++) {
		kmemx_summary_init(&ext->free[k], next, ext->nr_chunks);
		next += kmemx_summary_bytes(ext->nr_chunks);
	}
	ext->info = next;
}

/**
 * kmemx_extent_init() - put a run of frames under management, all of them free
 * @ext: the extent to fill in
 * @pfn: first page frame
 * @nr_frames: how many, at least 1 and less than 2^31
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int kmemx_extent_init(struct kmemx_extent *ext, unsigned long pfn,
		      unsigned long nr_frames)
{
	unsigned int c;

	ext->base_pfn = round_down(pfn, KMEMX_CHUNK_FRAMES);
	ext->first = (unsigned int)(pfn - ext->base_pfn);
	ext->end = ext->first + (unsigned int)nr_frames;
	ext->nr_chunks = DIV_ROUND_UP(ext->end, KMEMX_CHUNK_FRAMES);
	ext->meta_bytes = (size_t)ext->nr_chunks *
		((KMEMX_CHUNK_WORDS + 1) * sizeof(atomic64_t) + KMEMX_CHUNK_FRAMES) +
		summary_bytes(ext->nr_chunks);
	ext->meta = vzalloc(ext->meta_bytes);
	if (!ext->meta)
		return -ENOMEM;
	place_meta(ext);
	for (c = 0; c < ext->nr_chunks; c++) {
		unsigned int base = c * KMEMX_CHUNK_FRAMES;

		kmemx_chunk_init(kmemx_extent_chunk(ext, c),
				 max(ext->first, base) - base,
				 min(ext->end - base, (unsigned int)KMEMX_CHUNK_FRAMES));
		publish(ext, c);
	}
	return 0;
}
KMEMX_EXPORT_FOR_TEST(kmemx_extent_init);

/**
 * kmemx_extent_fini() - free an extent's metadata
 * @ext: the extent; nobody uses it any more. May be half built.
 */
void kmemx_extent_fini(struct kmemx_extent *ext)
{
	vfree(ext->meta);
	ext->meta = NULL;
}
KMEMX_EXPORT_FOR_TEST(kmemx_extent_fini);

/* Write the info bytes of an allocation of @nr frames, the largest block first. */
static void write_info(struct kmemx_extent *ext, unsigned int frame,
		       unsigned long nr, enum kmemx_kind kind)
{
	while (nr) {
		unsigned int order = min_t(unsigned int, ilog2(nr), KMEMX_CHUNK_ORDER);
		u8 info = kmemx_info(kind, order);

		nr -= 1UL << order;
		if (nr)
			info |= KMEMX_INFO_MORE;
		WRITE_ONCE(ext->info[frame], info);
		frame += 1U << order;
		kind = KMEMX_KIND_MORE;
	}
}

/* Up to one chunk: a block of @order, of which @nr frames are kept. */
static long alloc_block(struct kmemx_extent *ext, unsigned int order,
			unsigned int nr)
{
	struct kmemx_summary *sum = &ext->free[order];
	int err = -ENOSPC;
	long c;

	for (c = kmemx_summary_find(sum, 0); c >= 0;
	     c = kmemx_summary_find(sum, (unsigned int)c + 1)) {
		struct kmemx_chunk chunk = kmemx_extent_chunk(ext, (unsigned int)c);
		int frame = kmemx_chunk_take(chunk, order);

		if (frame >= 0 && nr < 1U << order)
			kmemx_chunk_trim(chunk, (unsigned int)frame, order, nr);
		publish(ext, (unsigned int)c);
		if (frame >= 0)
			return c * KMEMX_CHUNK_FRAMES + frame;
		/* The summary promised a block, so somebody was faster. */
		err = -EAGAIN;
	}
	return err;
}

static void give_chunks(struct kmemx_extent *ext, unsigned int c, unsigned int nr)
{
	while (nr--) {
		kmemx_chunk_give(kmemx_extent_chunk(ext, c + nr), 0, KMEMX_CHUNK_ORDER);
		publish(ext, c + nr);
	}
}

/* Chunks from @c on that could be taken whole, @nr at most. */
static unsigned int count_whole(const struct kmemx_extent *ext, unsigned int c,
				unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (!kmemx_summary_test(&ext->free[KMEMX_CHUNK_ORDER], c + i))
			break;
	return i;
}

/* Take chunks @c to @c + @nr - 1 whole, or none of them. */
static bool take_chunks(struct kmemx_extent *ext, unsigned int c, unsigned int nr)
{
	unsigned int i;
	int got;

	for (i = 0; i < nr; i++) {
		got = kmemx_chunk_take(kmemx_extent_chunk(ext, c + i), KMEMX_CHUNK_ORDER);
		publish(ext, c + i);
		if (got < 0)
			break;
	}
	if (i < nr)
		give_chunks(ext, c, i);
	return i == nr;
}

/* The first chunk at or after @c whose physical number is a multiple of @align. */
static unsigned long align_chunk(const struct kmemx_extent *ext, unsigned long c,
				 unsigned long align)
{
	unsigned long base = ext->base_pfn / KMEMX_CHUNK_FRAMES;

	return ALIGN(base + c, align) - base;
}

/* More than one chunk: the first run of whole chunks that is long enough. */
static long alloc_run(struct kmemx_extent *ext, unsigned long nr, unsigned long align)
{
	unsigned long nr_chunks = DIV_ROUND_UP(nr, KMEMX_CHUNK_FRAMES);
	unsigned long step = max(align / KMEMX_CHUNK_FRAMES, 1UL);
	unsigned int rest = nr % KMEMX_CHUNK_FRAMES;
	unsigned long c = 0;
	int err = -ENOSPC;

	for (;;) {
		unsigned int whole;
		long found;

		found = kmemx_summary_find(&ext->free[KMEMX_CHUNK_ORDER], (unsigned int)c);
		if (found < 0)
			return err;
		c = align_chunk(ext, (unsigned long)found, step);
		if (c >= ext->nr_chunks || nr_chunks > ext->nr_chunks - c)
			return err;
		whole = count_whole(ext, (unsigned int)c, (unsigned int)nr_chunks);
		if (whole == nr_chunks) {
			if (take_chunks(ext, (unsigned int)c, (unsigned int)nr_chunks))
				break;
			/* They were whole a moment ago: somebody was faster. */
			err = -EAGAIN;
		}
		c += whole + (whole < nr_chunks);
	}
	if (rest) {
		unsigned int last = (unsigned int)(c + nr_chunks - 1);

		kmemx_chunk_trim(kmemx_extent_chunk(ext, last), 0, KMEMX_CHUNK_ORDER, rest);
		publish(ext, last);
	}
	return (long)(c * KMEMX_CHUNK_FRAMES);
}

/**
 * kmemx_extent_alloc() - allocate frames in a row
 * @ext: the extent
 * @nr: number of frames, at least 1
 * @align: a power of two; the physical frame number of the first is a multiple
 * @kind: what for
 *
 * The lowest chunk that has a block large enough is used, and in it the block
 * that breaks the least; what is more than @nr is freed at once. More than
 * KMEMX_CHUNK_FRAMES frames, or such an alignment, take whole chunks in a row.
 *
 * Context: any.
 * Return: the first frame; -ENOSPC if there is no such run, or @nr is 0; -EAGAIN
 * if there was one but other CPUs got there first.
 */
long kmemx_extent_alloc(struct kmemx_extent *ext, unsigned long nr,
			unsigned long align, enum kmemx_kind kind)
{
	long frame;

	if (!nr)
		return -ENOSPC;
	if (nr <= KMEMX_CHUNK_FRAMES && align <= KMEMX_CHUNK_FRAMES) {
		unsigned int order = max(order_base_2(nr), ilog2(align));

		frame = alloc_block(ext, order, (unsigned int)nr);
	} else {
		frame = alloc_run(ext, nr, align);
	}
	if (frame >= 0)
		write_info(ext, (unsigned int)frame, nr, kind);
	return frame;
}
KMEMX_EXPORT_FOR_TEST(kmemx_extent_alloc);

/**
 * kmemx_extent_mark_tails() - let every frame of a slab know its slab
 * @ext: the extent
 * @frame: first frame of a block of kind KMEMX_KIND_SLAB, the caller's own
 * @order: its order
 * @is_slab: true after it was allocated, false before it is given back
 *
 * The first frame is ALIGN_DOWN(frame, 1 << order) of any of them.
 */
void kmemx_extent_mark_tails(struct kmemx_extent *ext, unsigned int frame,
			     unsigned int order, bool is_slab)
{
	u8 info = is_slab ? kmemx_info(KMEMX_KIND_SLAB_TAIL, order) : 0;
	unsigned int i;

	for (i = 1; i < 1U << order; i++)
		WRITE_ONCE(ext->info[frame + i], info);
}
KMEMX_EXPORT_FOR_TEST(kmemx_extent_mark_tails);

/**
 * kmemx_extent_block_frames() - the length of an allocation
 * @ext: the extent
 * @frame: its first frame
 *
 * Return: the frames of all its blocks. Meaningless, but harmless, if the
 * allocation is freed meanwhile.
 */
unsigned long kmemx_extent_block_frames(const struct kmemx_extent *ext,
					unsigned int frame)
{
	unsigned long nr = 0;
	u8 info;

	do {
		info = READ_ONCE(ext->info[frame + nr]);
		nr += 1UL << kmemx_info_order(info);
	} while ((info & KMEMX_INFO_MORE) && frame + nr < ext->end);
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_extent_block_frames);

/**
 * kmemx_extent_judge() - what is wrong with freeing this frame?
 * @ext: the extent
 * @frame: a frame that is not the start of an allocation of the kind expected
 *
 * Return: a verdict other than KMEMX_FREE_OK. While another CPU is allocating
 * or freeing the same frame, DOUBLE and MISALIGNED may be confused.
 */
enum kmemx_verdict kmemx_extent_judge(const struct kmemx_extent *ext,
				      unsigned int frame)
{
	unsigned int c = frame / KMEMX_CHUNK_FRAMES;

	switch (kmemx_info_kind(READ_ONCE(ext->info[frame]))) {
	case KMEMX_KIND_NONE:
		if (kmemx_chunk_is_taken(kmemx_extent_chunk(ext, c),
					 frame % KMEMX_CHUNK_FRAMES))
			return KMEMX_FREE_MISALIGNED;
		return KMEMX_FREE_DOUBLE;
	case KMEMX_KIND_MORE:
		return KMEMX_FREE_MISALIGNED;
	case KMEMX_KIND_QUARANTINE:
		return KMEMX_FREE_DOUBLE;
	default:
		return KMEMX_FREE_FUNCTION;
	}
}
KMEMX_EXPORT_FOR_TEST(kmemx_extent_judge);

/**
 * kmemx_extent_claim() - win the right to free an allocation
 * @ext: the extent
 * @frame: its first frame
 * @kind: what it was allocated for
 * @nr: its frames, or 0 if the caller does not know
 * @info: set to the info byte of its first block
 *
 * This is where a free happens: of all who try, exactly one gets
 * KMEMX_FREE_OK, and it goes on with kmemx_extent_give() for the first block
 * and, while there are more, kmemx_extent_next().
 *
 * Context: any.
 * Return: the verdict; nothing has changed unless it is KMEMX_FREE_OK.
 */
enum kmemx_verdict kmemx_extent_claim(struct kmemx_extent *ext, unsigned int frame,
				      enum kmemx_kind kind, unsigned long nr, u8 *info)
{
	u8 seen = READ_ONCE(ext->info[frame]);

	if (kmemx_info_kind(seen) != kind)
		return kmemx_extent_judge(ext, frame);
	if (nr && kmemx_extent_block_frames(ext, frame) != nr)
		return READ_ONCE(ext->info[frame]) == seen ?
			KMEMX_FREE_ORDER : KMEMX_FREE_DOUBLE;
	*info = seen;
	if (!try_cmpxchg(&ext->info[frame], &seen, 0))
		return KMEMX_FREE_DOUBLE;
	return KMEMX_FREE_OK;
}
KMEMX_EXPORT_FOR_TEST(kmemx_extent_claim);

/**
 * kmemx_extent_next() - the next block of a claimed allocation
 * @ext: the extent
 * @frame: first frame of the current block
 * @info: the current block's info byte, with KMEMX_INFO_MORE set; replaced by
 *	  that of the next block
 *
 * To be called before the current block is given back.
 *
 * Return: the first frame of the next block.
 */
unsigned int kmemx_extent_next(struct kmemx_extent *ext, unsigned int frame, u8 *info)
{
	unsigned int next = frame + (1U << kmemx_info_order(*info));

	*info = READ_ONCE(ext->info[next]);
	WRITE_ONCE(ext->info[next], 0);
	return next;
}
KMEMX_EXPORT_FOR_TEST(kmemx_extent_next);

/**
 * kmemx_extent_give() - give back one block of a claimed allocation
 * @ext: the extent
 * @frame: its first frame
 * @order: its order, from its info byte
 *
 * Context: any.
 */
void kmemx_extent_give(struct kmemx_extent *ext, unsigned int frame,
		       unsigned int order)
{
	unsigned int c = frame / KMEMX_CHUNK_FRAMES;

	kmemx_chunk_give(kmemx_extent_chunk(ext, c), frame % KMEMX_CHUNK_FRAMES, order);
	publish(ext, c);
}
KMEMX_EXPORT_FOR_TEST(kmemx_extent_give);

/**
 * kmemx_extent_quarantine() - set a block of a claimed allocation aside
 * @ext: the extent
 * @frame: its first frame
 * @order: its order
 *
 * Turns it into allocations of one frame of kind KMEMX_KIND_QUARANTINE, each
 * of which can be claimed and given back on its own.
 *
 * Context: any.
 */
void kmemx_extent_quarantine(struct kmemx_extent *ext, unsigned int frame,
			     unsigned int order)
{
	unsigned int c = frame / KMEMX_CHUNK_FRAMES;
	unsigned int i;

	kmemx_chunk_shatter(kmemx_extent_chunk(ext, c), order);
	for (i = 0; i < 1U << order; i++)
		WRITE_ONCE(ext->info[frame + i], kmemx_info(KMEMX_KIND_QUARANTINE, 0));
}
KMEMX_EXPORT_FOR_TEST(kmemx_extent_quarantine);

/**
 * kmemx_extent_nr_free() - frames that may be allocated
 * @ext: the extent
 *
 * Return: the sum of the chunks' free counts.
 */
unsigned long kmemx_extent_nr_free(const struct kmemx_extent *ext)
{
	unsigned long nr = 0;
	unsigned int c;

	for (c = 0; c < ext->nr_chunks; c++)
		nr += kmemx_state_free((u64)atomic64_read(&ext->state[c]));
	return nr;
}
KMEMX_EXPORT_FOR_TEST(kmemx_extent_nr_free);

/**
 * kmemx_extent_largest() - the longest run that could be allocated
 * @ext: the extent
 *
 * Return: its frames; 0 if none is free.
 */
unsigned long kmemx_extent_largest(const struct kmemx_extent *ext)
{
	unsigned long run = 0, best = 0;
	int order = -1;
	unsigned int c;

	for (c = 0; c < ext->nr_chunks; c++) {
		int max_order = kmemx_chunk_max_order(kmemx_extent_chunk(ext, c));

		order = max(order, max_order);
		run = max_order == KMEMX_CHUNK_ORDER ? run + 1 : 0;
		best = max(best, run);
	}
	if (best)
		return best * KMEMX_CHUNK_FRAMES;
	return order < 0 ? 0 : 1UL << order;
}
KMEMX_EXPORT_FOR_TEST(kmemx_extent_largest);

/**
 * kmemx_extent_count() - count the free blocks by walking the maps
 * @ext: the extent
 * @nr: nr[k] is increased by the maximal free blocks of order k; a larger run
 *	counts as blocks of order 10, two whole chunks, where its alignment allows
 *
 * Return: the free frames counted, which at rest is kmemx_extent_nr_free().
 */
unsigned long kmemx_extent_count(const struct kmemx_extent *ext,
				 unsigned int nr[KMEMX_NR_ORDERS + 1])
{
	unsigned long base = ext->base_pfn / KMEMX_CHUNK_FRAMES;
	unsigned long frames = 0;
	bool even_is_free = false;
	unsigned int c;

	for (c = 0; c < ext->nr_chunks; c++) {
		unsigned int whole = nr[KMEMX_CHUNK_ORDER];
		bool is_even = !((base + c) & 1);
		bool is_free;

		frames += kmemx_chunk_count(kmemx_extent_chunk(ext, c), nr);
		is_free = nr[KMEMX_CHUNK_ORDER] != whole;
		if (is_free && even_is_free) {
			nr[KMEMX_CHUNK_ORDER] -= 2;
			nr[KMEMX_NR_ORDERS]++;
		}
		even_is_free = is_even && is_free;
	}
	return frames;
}
KMEMX_EXPORT_FOR_TEST(kmemx_extent_count);

/* Blocks that start at frames @pos.. must cover the taken bits and no others. */
static const char *check_chunk(const struct kmemx_extent *ext, unsigned int c,
			       unsigned int *tail)
{
	struct kmemx_chunk chunk = kmemx_extent_chunk(ext, c);
	u64 state = (u64)atomic64_read(chunk.state);
	unsigned int base = c * KMEMX_CHUNK_FRAMES;
	unsigned int nr_free = 0, nr_live = 0, i;

	for (i = 0; i < KMEMX_CHUNK_FRAMES; i++) {
		unsigned int frame = base + i;
		u8 info = ext->info[frame];
		bool taken = kmemx_chunk_is_taken(chunk, i);
		bool absent = frame < ext->first || frame >= ext->end;

		if (kmemx_info_kind(info) == KMEMX_KIND_SLAB_TAIL) {
			if (!*tail)
				return "slab tail without a slab";
		} else if (info) {
			if (*tail)
				return "block starts inside another";
			if (i & ((1U << kmemx_info_order(info)) - 1))
				return "block is not aligned";
			*tail = 1U << kmemx_info_order(info);
			nr_live++;
		}
		if (taken != (absent || *tail))
			return taken ? "taken frame belongs to no block" :
				"frame of a block is marked free";
		if (*tail)
			--*tail;
		nr_free += !taken;
	}
	if (state & ~(KMEMX_STATE_FREE_MASK | KMEMX_STATE_LIVE_MASK | KMEMX_STATE_WHOLE))
		return "state word has unknown bits";
	if (kmemx_state_free(state) != nr_free)
		return "free count is not the number of clear bits";
	if (kmemx_state_live(state) != nr_live)
		return "live count is not the number of blocks";
	return NULL;
}

/**
 * kmemx_extent_check() - do map, state, info bytes and summaries agree?
 * @ext: the extent, at rest
 *
 * This is the definition of a correct extent: the blocks that the info bytes
 * describe tile exactly the taken frames, the counts are right, and the
 * summary of order k has the bit of a chunk just when it could give order k.
 *
 * Return: NULL, or what is wrong.
 */
const char *kmemx_extent_check(const struct kmemx_extent *ext)
{
	unsigned int tail = 0;
	unsigned int c;
	int k;

	for (c = 0; c < ext->nr_chunks; c++) {
		int max_order = kmemx_chunk_max_order(kmemx_extent_chunk(ext, c));
		const char *why = check_chunk(ext, c, &tail);

		if (why)
			return why;
		for (k = 0; k < KMEMX_NR_ORDERS; k++) {
			bool can = k <= max_order;

			if (kmemx_summary_test(&ext->free[k], c) != can)
				return "summary disagrees with its chunk";
		}
	}
	for (k = 0; k < KMEMX_NR_ORDERS; k++)
		if (!kmemx_summary_check(&ext->free[k]))
			return "summary levels disagree";
	return NULL;
}
KMEMX_EXPORT_FOR_TEST(kmemx_extent_check);
