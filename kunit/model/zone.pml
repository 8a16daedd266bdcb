/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A zone of C chunks, as module/buddy/zone_*.c and module/buddy/bins.c have it: an info
 * byte per frame, bins, which say where to look, and who frees: decided by the bits, by
 * the state of a whole chunk, or, for a block over several words, by the info byte.
 *
 * inline here      in the module
 * settle_used      settle() (module/buddy/bins.c)
 * bins_add         kmemx_bins_add(), whose summary is one word here
 * bins_remove      kmemx_bins_remove()
 * first_of         first_of()
 * settle_bin       kmemx_zone_settle_bin()
 * settle           kmemx_zone_settle_moved()
 * make_whole       make_whole(); of the chunk that is noted, kmemx_zone_settle_emptied()
 * note_emptied     note_emptied()
 * take_blocks      kmemx_zone_take_slow()
 * give_block       kmemx_zone_give_small(), kmemx_zone_give_chunk(), kmemx_zone_give_block()
 * zone_alloc       kmemx_zone_alloc_order()
 * zone_range       kmemx_zone_alloc_at()
 * zone_free        a look at the info byte, then kmemx_zone_free_block()
 */

#define NR_FRAMES	(C * FRAMES)
#define CHUNK_TRIES	2
#define BINS_FOR(order)	((7 & 7 << (order)) * 9)
#define NONE		255

/* Info bytes: nothing starts here, in a front with order 0, in use with an order. */
#define FRONT		1
#define USED		4

byte info[NR_FRAMES];
byte bins[NR_BINS];
byte used;
short spare;
byte emptied;
/* Not in the module: frames at which a block starts that a user has. */
byte issued[C];

#define ZONE_LOCALS \
	CHUNK_LOCALS; \
	byte order, bin, b, c, e, k, left, chunk_tries, seen; \
	bool is_empty

inline settle_used(bin) {
	do
	:: is_empty = (bins[bin] == 0);
	   if
	   :: (used >> (bin) & 1) != is_empty -> break
	   :: else
	   fi;
	   if
	   :: is_empty -> used = used & ~(1 << (bin))
	   :: else -> used = used | 1 << (bin)
	   fi
	od;
	is_empty = false
}

/* The bin is not looked at again: see settle(), and settle_bin(). */
inline bins_add(bin, c) {
	bins[bin] = bins[bin] | 1 << (c);
	if
	:: !(used >> (bin) & 1) -> used = used | 1 << (bin)
	:: else
	fi
}

inline bins_remove(bin, c) {
	bins[bin] = bins[bin] & ~(1 << (c));
	if
	:: bins[bin] == 0 ->
		used = used & ~(1 << (bin));
#ifndef MUTANT_USED_ONCE
		if
		:: bins[bin] != 0 -> settle_used(bin)
		:: else
		fi
#endif
	:: else
	fi
}

inline settle_bin(c, at) {
	if
	:: at == BIN_NONE
	:: else ->
		yes = (BIN(state[c]) == at);
		do
		:: if
		   :: yes -> bins_add(at, c)
		   :: else -> bins_remove(at, c)
		   fi;
		   d_step {
			is_empty = (BIN(state[c]) == at);
			if
			:: is_empty == yes -> is_empty = true
			:: else -> yes = is_empty; is_empty = false
			fi
		   }
		   if
		   :: is_empty -> break
		   :: else
		   fi
		od;
		yes = false; is_empty = false
	fi
}

inline settle(c) {
	if
	:: moved_bins ->
		if
		:: moved_whole -> spare = spare + moved_whole
		:: else
		fi;
		to = BIN(moved_state);
		if
		:: to != BIN_NONE -> bins_add(to, c)
		:: else
		fi;
		b = 0;
		do
		:: b == NR_BINS -> break
		:: b < NR_BINS && (moved_bins >> b & 1) && b != to -> bins_remove(b, c); b++
		:: else -> b++
		od;
		b = 0; to = 0;
#ifndef MUTANT_MOVED_NO_LOOK
		if
		:: state[c] != moved_state ->
			do
			:: b == NR_BINS -> break
			:: b < NR_BINS && (moved_bins >> b & 1) -> settle_bin(c, b); b++
			:: else -> b++
			od
		:: else
		fi;
#endif
		atomic { b = 0; moved_bins = 0; moved_state = 0; moved_whole = 0 }
	:: else
	fi
}

/* Chunk @e, if it is EMPTIED, moves to the bin of whole chunks. */
inline make_whole() {
	d_step {
		if
		:: state[e] == EMPTIED -> state[e] = ALL_FREE; note_move(EMPTIED, ALL_FREE)
		:: else
		fi
	}
	settle(e);
	e = 0
}

inline note_emptied(c) {
#ifdef MUTANT_NOTE_LAST
	e = emptied;
	make_whole();
	emptied = c;
#else
	if
	:: emptied == c
	:: else ->
		d_step { e = emptied; emptied = c }
#ifdef MUTANT_FORGET_EMPTIED
		e = 0
#else
		make_whole()
#endif
	fi;
#endif
	keep = false
}

/* The first chunk of the bins @left goes to @c, its bin to @bin. */
inline first_of() {
	c = NONE;
	do
	:: left == 0 -> break
	:: else ->
		d_step {
			bin = 0;
			do
			:: left >> bin & 1 -> break
			:: else -> bin++
			od;
			left = left & ~(1 << bin)
		}
		d_step {
			if
			:: bins[bin] & 1 -> c = 0
			:: !(bins[bin] & 1) && bins[bin] -> c = 1
			:: else
			fi
		}
		if
		:: c != NONE -> break
		:: else -> settle_used(bin)
		fi
	od;
	left = 0
}

/* kmemx_bins_find_next(): behind chunk @c of bin @bin. */
inline find_next() {
	d_step {
		if
		:: c == 0 && bins[bin] & 2 -> c = 1; left = 1
		:: else
		fi
	}
	if
	:: left -> left = 0
	:: else ->
		settle_used(bin);
		left = used & BINS_FOR(order) & ~((2 << bin) - 1);
		first_of()
	fi
}

/* Take up to @most blocks of @order: @res is the first frame or an error, @mask all. */
inline take_blocks(most) {
	if
	:: order == CHUNK_ORDER -> e = emptied; make_whole()
	:: else
	fi;
	left = used & BINS_FOR(order);
	first_of();
	chunk_tries = 0;
	do
	:: chunk_tries == CHUNK_TRIES -> res = AGAIN; break
	:: c == NONE -> res = NOSPC; break
	:: else ->
		chunk_tries++;
		if
		:: order == CHUNK_ORDER -> take_whole(c)
#if NW == 4
		:: order == 1 -> take_words(c)
#endif
		:: order <= WORD_ORDER -> take_some(c, most)
		fi;
		settle(c);
		if
		:: res < NOSPC -> break
		:: else
		fi;
		settle_bin(c, bin);
		find_next()
	od;
	if
	:: res < NOSPC -> res = c * FRAMES + res
	:: else
	fi;
	chunk_tries = 0; bin = 0
}

inline issue(f, info_byte) {
	d_step {
		info[f] = info_byte;
		assert(!(issued[(f) / FRAMES] >> (f) % FRAMES & 1));
		issued[(f) / FRAMES] = issued[(f) / FRAMES] | 1 << (f) % FRAMES
	}
}

inline withdraw(f) {
	assert(issued[(f) / FRAMES] >> (f) % FRAMES & 1);
	issued[(f) / FRAMES] = issued[(f) / FRAMES] & ~(1 << (f) % FRAMES)
}

inline zone_alloc(k) {
	order = k;
	res = NOSPC;
	if
	:: order == CHUNK_ORDER ->
		/* kmemx_zone_take_emptied() */
		c = emptied;
		if
		:: state[c] == EMPTIED -> take_whole(c); settle(c)
		:: else
		fi;
		if
		:: res < NOSPC -> res = c * FRAMES + res
		:: else
		fi
	:: else
	fi;
	if
	:: res >= NOSPC -> take_blocks(1)
	:: else
	fi;
	if
	:: res < NOSPC -> issue(res, USED + order)
	:: else
	fi;
	res = 0; mask = 0; order = 0; c = 0
}

inline zone_range() {
	e = emptied;
	make_whole();
	take_range(0);
	settle(0);
	if
	:: res == 1 -> issue(1, USED); issue(2, USED)
	:: else
	fi;
	res = 0
}

inline give_block(f, k) {
	if
	:: k == CHUNK_ORDER -> give_whole((f) / FRAMES)
#if NW == 4
	:: k == 1 -> give_words((f) / FRAMES, (f) % FRAMES)
#endif
	:: k <= WORD_ORDER -> give_small((f) / FRAMES, (f) % FRAMES, k)
	fi;
	if
	:: keep -> note_emptied((f) / FRAMES)
	:: else -> settle((f) / FRAMES)
	fi
}

/*
 * The look at the info byte, then the bits, the state or the claim. Whoever comes second has
 * found a double free, or frees a block that has been issued again, which nobody can tell.
 */
inline zone_free(f) {
	seen = info[f];
	if
	:: seen >= USED && (seen - USED <= WORD_ORDER || seen - USED == CHUNK_ORDER) ->
		info[f] = 0;
		by_bits = true;
		give_block(f, seen - USED);
		by_bits = false
	:: seen >= USED && seen - USED > WORD_ORDER && seen - USED < CHUNK_ORDER ->
#ifdef MUTANT_CLAIM_BY_STORE
		info[f] = 0;
		d_step { yes = true; issued[(f) / FRAMES] = issued[(f) / FRAMES] & ~(1 << (f) % FRAMES) }
#else
		d_step {
			yes = (info[f] == seen);
			if
			:: yes -> info[f] = 0; withdraw(f)
			:: else
			fi
		}
#endif
		if
		:: yes -> yes = false; give_block(f, seen - USED); assert(res)
		:: else
		fi
	:: else
	fi;
	seen = 0; res = 0
}

/* kmemx_zone_check() */
inline check_zone() {
	c = 0;
	do
	:: c < C ->
		check_chunk(c);
		assert(state[c] != EMPTIED || emptied == c);
		b = 0; left = 0;
		do
		:: b < FRAMES ->
			left = left + (info[c * FRAMES + b] != 0);
			assert((info[c * FRAMES + b] >= USED) == (issued[c] >> b & 1));
			b++
		:: else -> break
		od;
		assert(LIVE(state[c]) == left);
		b = 0;
		do
		:: b < NR_BINS -> assert((bins[b] >> c & 1) == (BIN(state[c]) == b)); b++
		:: else -> break
		od;
		c++
	:: else -> break
	od;
	b = 0; left = 0;
	do
	:: b < NR_BINS -> assert((used >> b & 1) == (bins[b] != 0)); b++
	:: else -> break
	od;
	assert(spare == BITS(bins[BIN_ALL_FREE]));
	b = 0; c = 0
}
