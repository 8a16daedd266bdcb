/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A chunk, as module/buddy/chunk.c and module/buddy/chunk.h have it, with four frames: NW
 * words of W bits, and a state word. A statement, or a d_step, is one access to what others
 * may change; what is computed from it is in the same step, as nobody else can tell.
 *
 * inline here      in the module
 * note_move        note_move()
 * cas_state        replace_state(), change_state()
 * settle_word      settle_word()
 * settle_words     settle_words(), settle_frames()
 * take_whole       take_whole()
 * take_heads       the end of kmemx_chunk_take_bits()
 * pick             kmemx_word_pick()
 * take_some        kmemx_chunk_take_some()
 * take_words       kmemx_chunk_take_words(), fill_words(); kmemx_chunk_take_two() takes the
 *                  same steps
 * take_range       kmemx_chunk_take_range(), fill_bits()
 * empty_chunk      kmemx_chunk_empty()
 * add_to_word      kmemx_chunk_count_back(); kmemx_chunk_count_once() is one try of it
 * give_small       give_small() (module/buddy/chunk.c), and in the same steps kmemx_zone_give_small()
 * give_words       kmemx_chunk_give_words()
 */

#define FRAMES		4
#define CHUNK_ORDER	2
#define WORD_ORDER	(W - 1)
#define WORD_ALL	((1 << W) - 1)
#define RANK_FULL	W
#define TRIES		2

/* The state word: free frames, live blocks, taken whole, a rank per word. */
#define FREE(s)		((s) & 7)
#define LIVE(s)		((s) >> 3 & 7)
#define LIVE_ONE	8
#define WHOLE		64
#define RANK_SHIFT(i)	(7 + 2 * (i))
#define RANK(s, i)	((s) >> RANK_SHIFT(i) & 3)
#define RANK_MASK(i)	(3 << RANK_SHIFT(i))
#define WITH_RANK(s, i, r) (((s) & ~RANK_MASK(i)) | (r) << RANK_SHIFT(i))
#define RANK_OF(w)	((w) == WORD_ALL -> 0 : ((w) == 0 -> RANK_FULL : 1))
#if W == 2
#define RANKS_FULL	(2 << 7 | 2 << 9)
#else
#define RANKS_FULL	(1 << 7 | 1 << 9 | 1 << 11 | 1 << 13)
#endif
#define ALL_FREE	(FRAMES | RANKS_FULL)
#define ALL_TAKEN	(WHOLE | LIVE_ONE)
/* KMEMX_STATE_EMPTIED: ALL_FREE but for the bin, which is noted in the state word there. */
#define KEPT		(1 << 15)
#define EMPTIED		(ALL_FREE | KEPT)
#define WORTH(nr, blocks) ((nr) - (blocks) * LIVE_ONE)

/* kmemx_state_find_bin(): two classes of live counts, orders 0 to 2. */
#define IS_FULL(s, i)	(RANK(s, i) == RANK_FULL)
#define ANY_RANK(s)	(((s) >> 7) != 0)
#define ANY_FULL(s)	(IS_FULL(s, 0) || IS_FULL(s, 1) || (NW == 4 && (IS_FULL(s, 2) || IS_FULL(s, 3))))
#define ANY_PAIR(s)	(NW == 4 && ((IS_FULL(s, 0) && IS_FULL(s, 1)) || (IS_FULL(s, 2) && IS_FULL(s, 3))))
#define IS_WHOLE(s)	(FREE(s) == FRAMES && ((s) & RANKS_FULL) == RANKS_FULL)
#define MAX_ORDER(s)	(!ANY_FULL(s) -> 0 : (IS_WHOLE(s) -> CHUNK_ORDER : (ANY_PAIR(s) -> 1 : WORD_ORDER)))
#define NR_BINS		6
#define BIN_NONE	NR_BINS
#define BIN_ALL_FREE	(NR_BINS - 1)
#define BIN_ONE_LIVE	1
#define BIN(s)		((s) & KEPT -> BIN_ONE_LIVE : (!ANY_RANK(s) -> BIN_NONE : (LIVE(s) -> 0 : 3) + MAX_ORDER(s)))

int state[C];
byte map[C * NW];
/* Not in the module: who has what, to be compared with what it says. */
byte held[C];

/* What a process computes with; what is left over is cleared, as it would be a state. */
#define CHUNK_LOCALS \
	int old, new, moved_state; \
	short d; \
	byte moved_bins, word, mask, nr_bits, tries, res, i, j, from, to; \
	short moved_whole; \
	bool yes, by_bits, keep

#define NOSPC	254
#define AGAIN	255

inline clear_chunk_locals() {
	atomic {
		old = 0; new = 0; d = 0; word = 0; mask = 0; nr_bits = 0; tries = 0; i = 0; j = 0;
		yes = false
	}
}

/* Frames @m of chunk @c get an owner. */
inline own(c, m) { assert(!(held[c] & (m))); held[c] = held[c] | (m) }
inline disown(c, m) { assert((held[c] & (m)) == (m)); held[c] = held[c] & ~(m) }

inline note_move(was, be) {
	from = BIN(was);
	to = BIN(be);
	if
	:: from != to ->
		moved_bins = moved_bins | 1 << from | 1 << to;
		moved_state = be;
		moved_whole = moved_whole + (to == BIN_ALL_FREE) - (from == BIN_ALL_FREE)
	:: else
	fi;
	from = 0; to = 0
}

inline cas_state(c, was, be) {
	d_step {
		yes = (state[c] == was);
		if
		:: yes -> state[c] = be; note_move(was, be)
		:: else -> was = state[c]
		fi
	}
}

inline settle_word(c, w) {
	old = state[c];
	do
	:: d_step {
		word = map[c * NW + w];
		new = WITH_RANK(old + d, w, RANK_OF(word));
		new = (new == old -> old : new & ~KEPT)
	   }
	   if
	   :: !d && (old & WHOLE) -> break
	   :: else
	   fi;
	   yes = true;
	   if
	   :: new != old -> cas_state(c, old, new)
	   :: else
	   fi;
	   if
	   :: yes ->
		d = 0;
#ifdef MUTANT_SETTLE_ONCE
		break
#else
		if
		:: map[c * NW + w] == word -> break
		:: else -> old = state[c]
		fi
#endif
	   :: else
	   fi
	od;
	d = 0; yes = false
}

inline settle_words(c, first, nr) {
	j = first;
	do
	:: j < (first) + (nr) -> settle_word(c, j); j++
	:: else -> break
	od;
	j = 0
}

inline take_whole(c) {
	d_step {
#ifdef MUTANT_WHOLE_BY_RANKS
		yes = ((state[c] & RANKS_FULL) == RANKS_FULL);
#else
		yes = (state[c] == ALL_FREE || state[c] == EMPTIED);
#endif
		if
		:: yes ->
			old = (state[c] & KEPT -> EMPTIED : ALL_FREE);
			state[c] = ALL_TAKEN;
			note_move(old, ALL_TAKEN);
			own(c, 15);
			old = 0; res = 0
		:: else -> res = NOSPC
		fi
	}
}

/* Reserve the blocks of @mask in word @i, which was @word, then set their bits. */
inline take_heads(c) {
	d_step {
		d = WORTH(nr_bits, nr_bits >> order);
		new = WITH_RANK(old - d, i, RANK_OF(word | mask)) & ~KEPT
	}
#ifdef MUTANT_BITS_FIRST
	yes = true;
#else
	cas_state(c, old, new);
#endif
	if
	:: yes ->
		d_step {
			yes = (map[c * NW + i] == word);
			if
			:: yes -> map[c * NW + i] = word | mask; own(c, mask << (i * W))
			:: else
			fi
		}
		if
		:: !yes ->
#ifdef MUTANT_KEEP_RESERVATION
			d = 0;
#endif
#ifdef MUTANT_BITS_FIRST
			d = 0;
#endif
			settle_word(c, i); yes = false
		:: else ->
#ifdef MUTANT_BITS_FIRST
			d = -d; settle_word(c, i);
#endif
			d = 0;
#if !defined(MUTANT_NO_LOOK_AT_RANK) && !defined(MUTANT_BITS_FIRST)
			if
			:: (state[c] ^ new) & RANK_MASK(i) -> settle_word(c, i)
			:: else
			fi;
#endif
			yes = true
		fi
	:: else -> d = 0
	fi
}

/* kmemx_word_pick(), of order 0 and the order of a word. */
inline pick(c, most) {
	word = map[c * NW + i];
	if
	:: order == WORD_ORDER && word == 0 -> mask = WORD_ALL; nr_bits = W
	:: order == WORD_ORDER && word != 0 -> mask = 0
	:: order < WORD_ORDER && word == WORD_ALL -> mask = 0
	:: order < WORD_ORDER && word == 0 && most > 1 && FREE(old) > 1 -> mask = 3; nr_bits = 2
	:: else -> mask = (word & 1 -> 2 : 1); nr_bits = 1
	fi
}

/* The first frame goes to @res, those of all blocks to @mask. */
inline take_some(c, most) {
	tries = 0;
	do
	:: tries == TRIES -> res = AGAIN; break
	:: else ->
		tries++;
		d_step {
			/* kmemx_state_fit() */
			old = state[c]; i = 0;
			do
			:: i == NW || RANK(old, i) == order + 1 -> break
			:: else -> i++
			od;
			if
			:: i == NW && order < WORD_ORDER ->
				i = 0;
				do
				:: i == NW || RANK(old, i) > order -> break
				:: else -> i++
				od
			:: else
			fi
		}
		if
		:: i == NW || FREE(old) < 1 << order -> res = NOSPC; break
		:: else
		fi;
		d_step { pick(c, most) }
		if
		:: mask == 0 -> d = 0; settle_word(c, i)
		:: else ->
			take_heads(c);
			if
			:: yes -> res = i * W + (mask & 1 -> 0 : 1); break
			:: else
			fi
		fi
	od;
	atomic { mask = mask << (i * W); old = 0; new = 0; word = 0; nr_bits = 0; tries = 0; i = 0; yes = false }
}

#if NW == 4
/* Of order 1, two words. */
inline take_words(c) {
	tries = 0;
	do
	:: tries == TRIES -> res = AGAIN; break
	:: else ->
		tries++;
		d_step {
			old = state[c];
			i = (IS_FULL(old, 0) && IS_FULL(old, 1) -> 0 : (IS_FULL(old, 2) && IS_FULL(old, 3) -> 2 : NW));
			new = (old - WORTH(2, 1)) & ~RANK_MASK(i) & ~RANK_MASK(i + 1) & ~KEPT
		}
		if
		:: i == NW || FREE(old) < 2 -> res = NOSPC; break
		:: else
		fi;
		cas_state(c, old, new);
		if
		:: yes ->
			d_step {
				yes = (map[c * NW + i] == 0);
				if :: yes -> map[c * NW + i] = WORD_ALL; own(c, 1 << i) :: else fi
			}
			if
			:: yes ->
				d_step {
					yes = (map[c * NW + i + 1] == 0);
					if :: yes -> map[c * NW + i + 1] = WORD_ALL; own(c, 2 << i) :: else fi
				}
#ifndef MUTANT_LEAVE_FULL
				if
				:: !yes -> d_step { map[c * NW + i] = 0; disown(c, 1 << i) }
				:: else
				fi
#endif
			:: else
			fi;
			if
			:: !yes -> d = WORTH(2, 1); settle_words(c, i, 2)
			:: else ->
				if
				:: (state[c] ^ new) & (RANK_MASK(i) | RANK_MASK(i + 1)) -> settle_words(c, i, 2)
				:: else
				fi;
				res = i; break
			fi
		:: else
		fi
	od;
	clear_chunk_locals()
}
#endif

/* Frames 1 and 2, in two words, as two blocks. */
inline take_range(c) {
	old = state[c];
	res = 1;
	do
	:: FREE(old) < 2 -> res = NOSPC; break
	:: else ->
		new = (old - WORTH(2, 2)) & ~KEPT;
		cas_state(c, old, new);
		if :: yes -> break :: else fi
	od;
	if
	:: res == 1 ->
		i = 1;
		do
		:: i == 3 -> break
		:: else ->
			word = map[c * NW + i / W];
			do
			:: word & 1 << i % W -> res = NOSPC; break
			:: else -> d_step {
				yes = (map[c * NW + i / W] == word);
				if
				:: yes -> map[c * NW + i / W] = word | 1 << i % W; own(c, 1 << i)
				:: else -> word = map[c * NW + i / W]
				fi
				}
				if :: yes -> break :: else fi
			od;
			if :: res == NOSPC -> break :: else -> i++ fi
		od;
		if
		:: res == NOSPC && i == 2 ->
			d_step { map[c * NW + 1 / W] = map[c * NW + 1 / W] & ~(1 << 1 % W); disown(c, 2) }
		:: else
		fi;
		d = (res == NOSPC -> WORTH(2, 2) : 0);
		i = 0; word = 0;
		settle_words(c, 1 / W, 2 / W - 1 / W + 1)
	:: else
	fi;
	clear_chunk_locals()
}

/*
 * A block of @nr_bits from bit @mask has come back to word @i, which is now @word. Alone it
 * does not lower the rank, kmemx_state_raise(); of several, kmemx_state_raise_some() may.
 */
#define SEEN_RANK	(word == 0 -> RANK_FULL : 1)
inline add_to_word(c) {
	old = state[c];
	do
	:: if
	   :: d_step {
		new = old + WORTH(nr_bits, 1);
		j = SEEN_RANK;
		if
		:: j > RANK(old, i) -> new = WITH_RANK(new, i, j)
		:: else
		fi;
		j = 0
	      }
	   :: d_step { SEEN_RANK < RANK(old, i); new = WITH_RANK(old + WORTH(nr_bits, 1), i, SEEN_RANK) }
	   fi;
	   cas_state(c, old, new);
	   if :: yes -> break :: else fi
	od;
#ifndef MUTANT_NO_SECOND_LOOK
	if
	:: map[c * NW + i] != word -> d = 0; settle_word(c, i)
	:: else
	fi;
#endif
	skip
}

/*
 * As add_to_word(), of the chunk's last block, @yes if so, which may then be kept: @keep. Whether
 * there are plenty of whole chunks, so that it is, is chance.
 */
inline empty_chunk(c) {
	old = state[c];
	yes = false;
	if
	:: word == 0 && WITH_RANK(old + WORTH(nr_bits, 1), i, RANK_FULL) == ALL_FREE ->
		assert(BIN(old) == BIN_ONE_LIVE);
		if
		:: d_step { state[c] == old -> state[c] = EMPTIED; keep = true; yes = true }
		:: d_step { state[c] == old -> state[c] = ALL_FREE; note_move(old, ALL_FREE); yes = true }
		:: true
		fi
	:: true
	fi
}

/* @res: whether the block of @order from frame @f on was taken. */
inline give_small(c, f, order) {
	d_step {
		i = (f) / W;
		nr_bits = 1 << order;
		mask = ((1 << nr_bits) - 1) << (f) % W;
		word = map[c * NW + i];
		res = ((word & mask) == mask);
		j = word & mask;
		map[c * NW + i] = word & ~mask;
		disown(c, j << (i * W));
		word = word & ~mask;
		if
		:: res && by_bits -> withdraw(c * FRAMES + (f))
		:: else
		fi
	}
#ifdef MUTANT_TRUST_THE_CALLER
	res = true;
#endif
	if
	:: !res && j -> d_step { map[c * NW + i] = map[c * NW + i] | j; own(c, j << (i * W)) }
	:: else
	fi;
	j = 0;
	if
	:: res ->
		empty_chunk(c);
		if
		:: !yes -> add_to_word(c)
		:: else
		fi;
		res = true
	:: else
	fi;
	clear_chunk_locals()
}

#if NW == 4
inline give_words(c, f) {
	d_step { map[c * NW + f] = 0; disown(c, 1 << (f)) }
	d_step { map[c * NW + f + 1] = 0; disown(c, 2 << (f)) }
	old = state[c];
	do
	:: d_step {
		new = WITH_RANK(old + WORTH(2, 1), f, RANK_FULL);
		new = WITH_RANK(new, f + 1, RANK_FULL) & ~KEPT
	   }
	   cas_state(c, old, new);
	   if
	   :: yes -> break
	   :: else
	   fi
	od;
	yes = (map[c * NW + f] != 0);
	yes = yes || (map[c * NW + f + 1] != 0);
#ifndef MUTANT_GIVE_NO_LOOK
	if
	:: yes -> settle_words(c, f, 2)
	:: else
	fi;
#endif
	clear_chunk_locals();
	res = true
}
#endif

inline give_whole(c) {
	d_step {
		res = (state[c] == ALL_TAKEN);
		if
		:: res -> state[c] = ALL_FREE; note_move(ALL_TAKEN, ALL_FREE); disown(c, 15)
		:: else
		fi;
		if
		:: res && by_bits -> withdraw(c * FRAMES)
		:: else
		fi
	}
}

#define BITS(m)		(((m) & 1) + ((m) >> 1 & 1) + ((m) >> 2 & 1) + ((m) >> 3 & 1))
#if W == 2
#define MAP_BITS(c)	(map[c * NW] | map[c * NW + 1] << 2)
#else
#define MAP_BITS(c)	(map[c * NW] | map[c * NW + 1] << 1 | map[c * NW + 2] << 2 | map[c * NW + 3] << 3)
#endif

/* At rest: map, counts and ranks agree with each other and with who has what. */
inline check_chunk(c) {
	if
	:: state[c] & WHOLE ->
		assert(state[c] == ALL_TAKEN && held[c] == 15 && MAP_BITS(c) == 0)
	:: else ->
		assert(MAP_BITS(c) == held[c]);
		assert(FREE(state[c]) == FRAMES - BITS(held[c]));
		i = 0;
		do
		:: i < NW -> assert(RANK(state[c], i) == RANK_OF(map[c * NW + i])); i++
		:: else -> break
		od;
		i = 0
	fi
}
