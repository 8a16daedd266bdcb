#!/bin/bash
# usage: scripts/tests/debug.sh
#
# The KUnit suites on the kernel with KASAN, lockdep and the other debug options, a case per
# KUnit case, then 10 reloads, and no report of the kernel's. init_on_alloc is on here, as on
# Debian's kernels.
# shellcheck source=scripts/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

ready debug
scripts/lib/kunit-vm --reload 10 --append init_on_alloc=1 debug
