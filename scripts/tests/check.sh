#!/bin/bash
# usage: scripts/tests/check.sh [NAME...]
#
# scripts/check, a case per check.
# shellcheck source=scripts/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

scripts/check "$@" | sed -u -E 's,^(ok|not ok) - ,\1 check/,'
