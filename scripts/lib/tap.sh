# shellcheck shell=bash
# What the groups of scripts/tests share: . "$(dirname "$0")/../lib/tap.sh"
# Changes to the root of the tree. A group's --help is its leading comment, and a line
# "parts: NAME..." in there names what scripts/test may run at the same time, each with
# the part's name as its argument; without an argument a group runs all parts.
set -euo pipefail

TAP_SELF=$(realpath "$0")
cd "$(dirname "$TAP_SELF")/../.."
TAP_GROUP=$(basename "$TAP_SELF" .sh)
TAP_LOGS=build/test/$TAP_GROUP
mkdir -p "$TAP_LOGS"

ok() { echo "ok $1"; }
not_ok() { echo "not ok $1 # $2"; }
skip() { echo "skip $1 # $2"; }
progress() { echo "# $*"; }

# explain FILE [LINES]: its end, as an explanation of the case that follows.
explain() { tail -n "${2:-40}" "$1" | tr -d '\r' | sed 's/^/#   /'; }

# ready KERNEL: what may take minutes is made here, where its progress is seen. Why it
# cannot be made is said again by the case that needs it.
ready() { scripts/vm/root && scripts/vm/kernel "$1" || true; }

# log_of NAME: where try keeps what NAME's command says.
log_of() { echo "$TAP_LOGS/$(tr -c 'a-zA-Z0-9\n.-' _ <<<"${1#*/}").log"; }

# try NAME COMMAND...: a case that passes if COMMAND does; its output is shown if not.
# Returns COMMAND's status.
try() {
	local name=$1 log status=0
	shift
	log=$(log_of "$name")
	"$@" >"$log" 2>&1 </dev/null || status=$?
	if [ "$status" = 0 ]; then
		ok "$name"
	else
		explain "$log"
		not_ok "$name" "status $status; $log"
	fi
	return "$status"
}

header() { sed -n '2,/^[^#]/ { /^# shellcheck/d; s/^# \{0,1\}//p }' "$TAP_SELF"; }

# parts [PART]...: these, or else all that the group has, a line each.
parts() { [ $# = 0 ] || { printf '%s\n' "$@"; return; }; header | sed -n 's/^parts: //p' | tr ' ' '\n'; }

case ${1:-} in
--help) header; exit ;;
esac
