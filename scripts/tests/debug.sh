#!/bin/bash
# usage: scripts/tests/debug.sh
#
# The KUnit suites on the kernel with KASAN, lockdep, kmemleak and the other debug
# options, a case per KUnit case; no report of the kernel's, and nothing leaked. Here
# init_on_alloc and init_on_free are on, on the kernel `kunit` they are off.
# shellcheck source=scripts/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

ready debug
scripts/lib/kunit-vm --kmemleak --append 'init_on_alloc=1 init_on_free=1' debug
