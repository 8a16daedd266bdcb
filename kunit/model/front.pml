/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fronts of CPUS CPUs for order 0, as module/buddy/pages_front.h and pages_front.c beside it
 * have them. What only its own CPU touches, as it is busy there, is in the same step.
 *
 * inline here      in the module
 * enter            kmemx_busy_enter()
 * pop              kmemx_pages_pop()
 * refill           refill()
 * page_alloc       kmemx_pages_take(), after kmemx_pages_pop()
 * push             kmemx_pages_push()
 * page_free        kmemx_pages_push(), or kmemx_pages_put()
 * flush            flush(), in empty_front()
 */

#define CAP		2
#define BATCH		2

byte busy[CPUS];
byte top[CPUS];
byte stack[CPUS * CAP];
/* Blocks that turned out to be in a front twice. */
byte dropped;

#define FRONT_LOCALS \
	ZONE_LOCALS; \
	byte f; \
	bool in

/* @in: whether this context may touch the front. */
inline enter(cpu) {
	in = !busy[cpu];
#if defined(MUTANT_NO_BUSY)
	in = true;
#elif defined(MUTANT_WAIT)
	do
	:: !busy[cpu] -> in = true; break
	:: else -> in = false
	od;
#endif
	if
	:: in -> busy[cpu] = true
	:: else
	fi
}

inline leave(cpu) { busy[cpu] = false; in = false }

#define TOP(cpu)	stack[(cpu) * CAP + top[cpu] - 1]

/* A front that is touched by two at once may be found in any state. */
inline add(cpu, frame) {
	assert(top[cpu] < CAP);
	stack[(cpu) * CAP + top[cpu]] = frame;
	top[cpu]++
}

inline remove(cpu) { assert(top[cpu] > 0); top[cpu]--; stack[(cpu) * CAP + top[cpu]] = 0 }

/* @f: the frame, or NONE. */
inline pop(cpu) {
	f = NONE;
	enter(cpu);
	if
	:: in ->
		if
		:: d_step { top[cpu] -> f = TOP(cpu) }
		:: else
		fi;
		if
		:: f == NONE
		:: f != NONE && info[f] != FRONT -> f = NONE
		:: else ->
			issue(f, USED);
			d_step { remove(cpu) }
		fi;
		leave(cpu)
	:: else
	fi
}

inline drop(cpu) { d_step { dropped++; remove(cpu) } }

inline refill(cpu) {
	do
	:: top[cpu] && info[TOP(cpu)] != FRONT -> drop(cpu)
	:: else -> break
	od;
	if
	:: !top[cpu] ->
		order = 0;
		take_blocks(BATCH);
		if
		:: res < NOSPC ->
			b = FRAMES;
			do
			:: b == 0 -> break
			:: b > 0 && mask >> (b - 1) & 1 ->
				b--;
				info[c * FRAMES + b] = FRONT;
				d_step { add(cpu, c * FRAMES + b) }
			:: else -> b--
			od
		:: else
		fi;
		res = 0; mask = 0; c = 0
	:: else
	fi
}

inline page_alloc(cpu) {
	pop(cpu);
	if
	:: f == NONE ->
		enter(cpu);
		if
		:: in -> refill(cpu); leave(cpu); pop(cpu)
		:: else
		fi;
		if
		:: f == NONE -> zone_alloc(0)
		:: else
		fi
	:: else
	fi;
	f = 0
}

/* @yes: whether frame @f went into the front. That there are plenty of chunks is chance. */
inline push(cpu) {
	enter(cpu);
	if
	:: in ->
		if
		:: info[f] == USED && top[cpu] < CAP ->
			info[f] = FRONT;
			d_step { add(cpu, f); yes = true }
		:: else
		:: true
		fi;
		leave(cpu)
	:: else
	fi
}

inline page_free(cpu) {
	push(cpu);
	if
	:: !yes ->
		seen = info[f];
		if
		:: seen == USED -> info[f] = 0; give_block(f, 0); yes = res
		:: else
		fi
	:: else
	fi;
	seen = 0; res = 0
}

inline flush(cpu) {
	do
	:: !top[cpu] -> break
	:: else ->
		f = TOP(cpu);
		if
		:: info[f] == FRONT ->
			info[f] = 0;
			give_block(f, 0);
			if
			:: res -> d_step { remove(cpu) }
			:: else -> drop(cpu)
			fi
		:: else -> drop(cpu)
		fi;
		res = 0;
#ifdef MUTANT_FLUSH_ONE
		break
#endif
	od;
	f = 0
}

/* kmemx_empty_all_cpus() asks again where it finds the CPU busy. */
inline drain(cpu) {
	enter(cpu);
	if
	:: in -> flush(cpu); leave(cpu)
	:: else
	fi
}
