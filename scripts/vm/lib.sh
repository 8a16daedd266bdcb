# shellcheck shell=bash
# Shared by the scripts of scripts/vm: where things are, messages, locks, the matrix.
# Everything that is slow to make lives in $CACHE and is made under a lock, in a
# directory that gets its real name only when complete: an interrupted run leaves
# nothing that looks finished.

set -euo pipefail
umask 022

# shellcheck disable=SC2034 # used by the scripts that read this file
VM=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck disable=SC2034
TOP=${VM%/scripts/vm}
SELF=${0##*/}
CACHE=${KMEMX_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/kmemx}

# Raised when the way the root is made changes, so that old roots are not used.
ROOT_RECIPE=1
SUITES="trixie trixie-backports bookworm"
# Of these only stock kernels are taken, so what is built in the root does not depend on them.
KERNEL_SUITES="bookworm-backports"

say() { printf '%s: %s\n' "$SELF" "$*" >&2; }
die() { say "$*"; exit 1; }

# usage FILE: its leading comment, which is what --help prints.
usage() { sed -n '2,/^[^#]/ { s/^# \{0,1\}//p }' "$VM/$SELF"; }

need_superuser() {
	[ "$(id -u)" = 0 ] ||
		die "needs root, for chroot and mounts: run it under sudo (sudo make demo)"
}

# list_of FILE: its lines without comments.
list_of() { sed 's/#.*//; /^ *$/d' "$1"; }

hash_of() { sha256sum | cut -c1-12; }

root_key() {
	{
		echo "$ROOT_RECIPE" "$SUITES" "$KERNEL_SUITES"
		list_of "$VM/packages"
	} | hash_of
}

# The part of the root that built kernels depend on: the first list of packages.
builder_key() {
	{
		echo "$ROOT_RECIPE" "$SUITES"
		sed '/^# checks/,$d' "$VM/packages" | list_of /dev/stdin
	} | hash_of
}

root_dir() { echo "$CACHE/root-$(root_key)"; }

# The rest of the script runs inside the root, where every tool is.
continue_in_root() {
	[ -n "${KMEMX_IN_ROOT:-}" ] || exec "$VM/enter" -- "$VM/$SELF" "$@"
}

# In the root, the tree at a path that all trees share: what is compiled there is found again
# by ccache, whose keys have paths in them. The tree of who entered it, which may be another.
shared_top() { if [ /mnt -ef "$TOP" ]; then echo /mnt; else echo "$TOP"; fi; }

# lock NAME: until this script ends, no other holds NAME.
lock() {
	local fd
	mkdir -p "$CACHE/lock"
	exec {fd}>"$CACHE/lock/$1"
	flock -n "$fd" || {
		say "waiting for another run that holds $CACHE/lock/$1"
		flock "$fd"
	}
}

# watched WHAT LOG COMMAND...: runs COMMAND with its output in LOG; says each 20 s
# how far the log is, and shows the end of it on failure.
watched() {
	local what=$1 log=$2 start=$SECONDS next=20 pid status=0
	shift 2
	mkdir -p "$(dirname "$log")"
	say "$what ..."
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		if [ $((SECONDS - start)) -ge "$next" ]; then
			say "$what: $((SECONDS - start)) s, $(wc -l <"$log") lines of log"
			next=$((next + 20))
		fi
	done
	wait "$pid" || status=$?
	[ "$status" = 0 ] && return
	tail -n 30 "$log" >&2
	say "$what: failed (status $status); the log is $log"
	return "$status"
}

# retry COMMAND...: up to three times, for what goes over the network.
retry() {
	local n
	for n in 1 2 3; do
		"$@" && return
		[ "$n" = 3 ] || sleep $((n * 3))
	done
	return 1
}

# not_used DIR...: removes what no run has asked for in two weeks.
# By the time of the last change, which touch sets too: what is being unpacked at this
# moment may have an old mtime.
not_used() {
	local dir
	for dir; do
		[ -d "$dir" ] || continue
		[ -n "$(find "$dir" -maxdepth 0 -ctime +14)" ] || continue
		say "removing $dir, not used for two weeks"
		rm -rf --one-file-system "$dir"
	done
}

kernel_names() { list_of "$VM/matrix" | awk '{ print $1 }'; }

# matrix_row NAME: sets NAME, ARCH, ORIGIN, SUITE, FLAVOUR, KERNEL_CC, CMA, MEM, PATIENCE,
# and DEB_ARCH, whose packages the guest is made of.
# shellcheck disable=SC2034 # used by the scripts that read this file
matrix_row() {
	NAME=''
	read -r NAME ARCH ORIGIN SUITE FLAVOUR KERNEL_CC CMA MEM PATIENCE \
		< <(awk -v name="$1" '$1 == name' "$VM/matrix") || true
	[ -n "$NAME" ] ||
		die "no kernel is called '$1'; there are: $(kernel_names | tr '\n' ' ')"
	DEB_ARCH=${ARCH/#um/amd64}
}

# The lines of a kunit/*.config as kconfig reads them: each name of a renamed option.
kconfig_lines() { sed '/^CONFIG_/s/ | /\n/g'; }
