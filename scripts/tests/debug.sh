#!/bin/bash
# usage: scripts/tests/debug.sh
#
# The KUnit suites on the kernel with KASAN, lockdep, kmemleak and the other debug
# options, a case per KUnit case; no report of the kernel's, and nothing leaked.
# shellcheck source=scripts/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

scripts/lib/kunit-vm --kmemleak debug
