#!/bin/bash
# usage: scripts/tests/kunit.sh
#
# The KUnit suites on the small test kernel, a case per KUnit case; that every suite
# of kunit/ ran; and that the kernel's own kunit.py counts the same on the console log.
# In a boot of its own, the suite of misuse.
# shellcheck source=scripts/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

ready kunit
failed=0
scripts/lib/kunit-vm --kunit-py kunit || failed=1
scripts/lib/kunit-vm --misuse kunit || failed=1
exit "$failed"
