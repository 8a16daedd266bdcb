#!/bin/bash
# usage: scripts/tests/kunit.sh [KERNEL]...
#
# The KUnit suites on the small test kernel, with four CPUs, on one with PREEMPT_RT and lockdep, and on
# User-Mode Linux, a case per KUnit case; that every suite of kunit/ ran; that the kernel's own
# kunit.py counts the same on the console log. On the test kernels, User-Mode Linux excepted,
# which have two nodes then, nothing may have leaked, by kmemleak, and init_on_alloc is on; on the
# small one init_on_free as well, with which no front of pages takes what is freed. In boots of their
# own, the suite of misuse and, but on PREEMPT_RT, to which they are the same, those that interrupt
# the cores.
#
# parts: kunit kunit-rt uml
# shellcheck source=scripts/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

failed=0
for kernel in $(parts "$@"); do
	ready "$kernel"
	more=()
	case $kernel in
	kunit) more=(--smp 4 --kmemleak --append 'numa=fake=2 init_on_alloc=1 init_on_free=1') ;;
	kunit-rt) more=(--kmemleak --append 'numa=fake=2 init_on_alloc=1') ;;
	esac
	scripts/lib/kunit-vm --kunit-py "${more[@]}" "$kernel" || failed=1
	scripts/lib/kunit-vm --misuse "$kernel" || failed=1
	[ "$kernel" = kunit-rt ] || scripts/lib/kunit-vm --step "$kernel" || failed=1
done
exit "$failed"
