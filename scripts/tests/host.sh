#!/bin/bash
# usage: scripts/tests/host.sh
#
# The pure cores' suites in user space, under sanitizers, with gcc and clang; a case
# per KUnit case and flavour.
# shellcheck source=scripts/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

scripts/lib/host-test --tap
