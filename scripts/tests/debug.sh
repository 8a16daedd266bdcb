#!/bin/bash
# usage: scripts/tests/debug.sh [PART]...
#
# The KUnit suites on the kernel with KASAN, lockdep and the other debug options, a case per
# KUnit case, and no report of the kernel's: all but two modules of them, with init_on_alloc
# as on Debian's kernels, and then 10 reloads; the suite of misuse; and those that interrupt
# the cores.
#
# parts: suites misuse step
# shellcheck source=scripts/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

ready debug
failed=0
for part in $(parts "$@"); do
	case $part in
	suites) how=(--reload 10 --append init_on_alloc=1) ;;
	*) how=("--$part") ;;
	esac
	scripts/lib/kunit-vm "${how[@]}" debug || failed=1
done
exit "$failed"
