/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A model of what docs/locking.md promises of page frames, for spin: two processes, which
 * do OPS_0 and OPS_1 operations of their choice, from several beginnings, in every
 * order of their steps. scripts/lib/checks/model.sh says what is run with what:
 *
 * W, NW	bits in a word and words in a chunk: 2 and 2, or 1 and 4, where a block of
 *		order 1 is in two words
 * C		chunks: 1 or 2
 * ZONE		two CPUs without fronts, which free whatever they like, twice too
 * SMP		two CPUs with fronts, which free each other's blocks
 * NMI		one CPU with a front, and what interrupts it there: it runs to its end
 * DOUBLE	two CPUs with fronts that free the same block; with REUSE, each allocates one then
 * MUTANT_...	something is left out, and spin must find what comes of it
 *
 * Properties: no frame is handed out twice (own(), issue()); at rest, map, counts, ranks,
 * info bytes and bins agree with each other and with who has what, so none is lost, and no
 * chunk is kept as it was emptied but that of the note (check_zone()); of those who free a block one succeeds (withdraw()); after a drain there
 * is nothing in a front; and every operation ends, whatever the other does (no cycles).
 *
 * The model is sequentially consistent. The module's operations on these words are fully
 * ordered (docs/locking.md, Ordering); its plain accesses are to what one CPU has.
 */
#if defined(NMI)
#define CPUS	1
#define CPU(pid) 0
/* Process 0 stands still while process 1 is at work. */
#define INTERRUPTIBLE provided (_pid != 0 || !interrupt)
#else
#define CPUS	2
#define CPU(pid) pid
#define INTERRUPTIBLE
#endif

#include "chunk.pml"
#include "zone.pml"
#include "front.pml"

bool done;
bool interrupt;
#ifdef DOUBLE
byte nr_freed;
#endif

inline begin() {
#ifdef NMI
	interrupt = (_pid == 1);
#endif
	skip
}

inline end() {
#ifdef NMI
	interrupt = false;
#endif
	skip
}

/* A block that somebody has is the caller's to free from now on. */
inline choose() {
	d_step {
		f = 0;
		do
		:: f == NR_FRAMES -> break
		:: f < NR_FRAMES && (issued[f / FRAMES] >> f % FRAMES & 1) && info[f] == USED -> break
		:: else -> f++
		od;
		if
		:: f < NR_FRAMES -> withdraw(f)
		:: else -> f = NONE
		fi
	}
}

inline operate(cpu) {
	if
#if defined(ZONE)
	:: if :: k = 0 :: k = 1 :: k = CHUNK_ORDER fi; zone_alloc(k); k = 0
	:: zone_range()
	:: if :: f = 0 :: f = 1 :: f = 2 :: f = NR_FRAMES - FRAMES fi; zone_free(f); f = 0
#elif defined(DOUBLE)
#ifdef REUSE
	:: n == 0 -> page_alloc(cpu)
#endif
	:: n == OPS_0 - 1 -> f = 0; page_free(cpu); nr_freed = nr_freed + yes; yes = false; f = 0
#else
	:: page_alloc(cpu)
	:: zone_alloc(CHUNK_ORDER)
	:: choose();
	   if
	   :: f != NONE -> page_free(cpu); assert(yes); yes = false
	   :: else
	   fi;
	   f = 0
#ifdef MUTANT_DRAIN_OTHERS
	:: true -> flush(1 - cpu)
#else
	:: drain(cpu)
#endif
#endif
	fi
}

/* Frame @f is in use. */
inline use() {
	word = map[f / W] | 1 << f % W;
	map[f / W] = word;
	state[f / FRAMES] = WITH_RANK(state[f / FRAMES] - WORTH(1, 1), f % FRAMES / W, RANK_OF(word));
	own(f / FRAMES, 1 << f % FRAMES);
	issue(f, USED)
}

/* Chunk @c, which is all free, gets a block, or has been emptied. */
inline use_last() {
	if
	:: true
	:: f = c * FRAMES; use(); f = 0
	:: state[c] = EMPTIED; emptied = c
	fi;
	if
	:: state[c] != ALL_FREE ->
		bins[BIN_ALL_FREE] = bins[BIN_ALL_FREE] & ~(1 << c);
		bins[BIN(state[c])] = bins[BIN(state[c])] | 1 << c;
		spare--
	:: else
	fi
}

/*
 * All free, or some frames of the first chunk in use, one by one; and the last chunk as it is,
 * or with a block, or emptied.
 */
inline set_up() {
	c = 0;
	do
	:: c < C -> state[c] = ALL_FREE; bins[BIN_ALL_FREE] = bins[BIN_ALL_FREE] | 1 << c; c++
	:: else -> break
	od;
	used = 1 << BIN_ALL_FREE;
	spare = C;
	c = 0;
	if
#ifndef DOUBLE
	:: mask = 0
#endif
	:: mask = 1
	:: mask = 5
	:: mask = 7
	:: mask = 15
	fi;
	f = 0;
	do
	:: f < FRAMES ->
		if
		:: mask >> f & 1 -> use()
		:: else
		fi;
		f++
	:: else -> break
	od;
	if
	:: mask ->
		bins[BIN_ALL_FREE] = bins[BIN_ALL_FREE] & ~1;
		spare--;
		if
		:: BIN(state[0]) != BIN_NONE -> bins[BIN(state[0])] = 1
		:: else
		fi
	:: else
	fi;
	c = C - 1;
	if
	:: state[c] == ALL_FREE -> use_last()
	:: else
	fi;
	used = 0;
	b = 0;
	do
	:: b < NR_BINS -> used = used | (bins[b] != 0) << b; b++
	:: else -> break
	od;
#ifdef DOUBLE
	withdraw(0);
#endif
	b = 0; f = 0; mask = 0; word = 0; c = 0
}

/* Each CPU drains what is its own, when nobody else runs. */
inline wind_up() {
#ifndef DOUBLE
	check_zone();
#endif
	n = 0;
	do
	:: n < CPUS -> flush(n); n++
	:: else -> break
	od;
	check_zone();
	assert(!top[0] && !top[CPUS - 1]);
	f = 0;
	do
	:: f < NR_FRAMES -> assert(info[f] == 0 || info[f] >= USED); f++
	:: else -> break
	od;
	f = 0;
#ifdef DOUBLE
	assert(nr_freed - dropped == 1);
#else
	assert(!dropped);
#endif
}

/* Process 0 begins and ends, and runs process 1. */
active proctype actor() INTERRUPTIBLE
{
	FRONT_LOCALS;
	byte n;

	if
	:: _pid == 0 -> atomic { set_up(); run actor(); n = OPS_0 }
	:: else -> n = OPS_1
	fi;
	do
	:: n == 0 -> break
	:: n > 0 ->
		begin();
		n--;
		operate(CPU(_pid));
		end()
	od;
	if
	:: _pid == 0 -> done; atomic { wind_up() }
	:: else -> done = true
	fi
}
