#!/bin/bash
# usage: scripts/tests/mutants.sh [WORD...]
#
# scripts/check --mutants, a case per fault that must be found.
# shellcheck source=scripts/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

ready kunit
ready uml
scripts/check --mutants "$@"
