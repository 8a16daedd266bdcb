#!/bin/bash
# usage: scripts/tests/kcsan.sh
#
# The KUnit suites, that of misuse too, on the kernel that reports data races, a case per
# KUnit case, and no report in which one side is in a module of ours. Then the torture suite
# alone, in a region of a few chunks and with many more accesses watched; and its first case
# with a plain read where an atomic one has to be, which must be reported, or else silence
# means nothing.
# shellcheck source=scripts/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

COPY=$PWD/$TAP_LOGS/plain

# copy_with_a_race: all that a module of suites needs, with a look at the state that is plain.
# It has no NMIs: who reports holds a spinlock of KCSAN's, which a report from an NMI there
# would wait for forever.
copy_with_a_race() {
	rm -rf "$COPY"
	scripts/lib/copy-tree "$COPY"
	rm -rf "$COPY/samples" "$COPY/bench/Kbuild"
	sed -i 's/atomic64_read(chunk.state)/chunk.state->counter/; s/atomic64_read(state)/state->counter/' \
		"$COPY/module/buddy/chunk.h"
	sed -i 's/^\(#define HAVE_NMI\t*\)1$/\10/' "$COPY/kunit/torture_kunit.c"
	! cmp -s module/buddy/chunk.h "$COPY/module/buddy/chunk.h" &&
		! cmp -s kunit/torture_kunit.c "$COPY/kunit/torture_kunit.c"
}

# torture TREE TIMES GLOB: what GLOB names of TREE's suite has to pass each time; no more after
# a report.
# shellcheck disable=SC2016 # for the guest's shell
torture() {
	"$1/scripts/vm/run" --kernel kcsan --append kcsan.skip_watch=100 --console "$TAP_LOGS/console" \
		--timeout 600 --expect-report '^BUG: KCSAN: ' -- sh -ec '
			results=/sys/kernel/debug/kunit/kmemx_torture/results
			echo on >/sys/kernel/debug/kcsan
			printf %s "$2" >/sys/module/kunit/parameters/filter_glob
			insmod /kmemx/kmemx.ko size=8M
			for n in $(seq "$1"); do
				insmod /kmemx/kmemx_kunit.ko
				cat "$results"
				grep -q "^ok 1 kmemx_torture" "$results"
				! dmesg | grep "KCSAN: data-race in .*\[kmemx" || break
				rmmod kmemx_kunit
			done' sh "$2" "$3"
}

# A function of a module has its name behind it, in brackets.
reports() { tr -d '\r' <"$TAP_LOGS/console" | grep -a 'BUG: KCSAN: data-race in .*\[kmemx'; }

no_reports() { ! reports; }

failed=0
ready kcsan
scripts/lib/kunit-vm --kcsan kcsan || failed=1
scripts/lib/kunit-vm --kcsan --misuse kcsan || failed=1
try kcsan/torture torture "$PWD" 2 kmemx_torture && try kcsan/no-race-in-torture no_reports || failed=1
try kcsan/copy-with-a-race copy_with_a_race &&
	try kcsan/torture-with-a-race torture "$COPY" 20 kmemx_torture.torture_from_every_context &&
	try kcsan/the-race-is-reported reports || failed=1
exit "$failed"
