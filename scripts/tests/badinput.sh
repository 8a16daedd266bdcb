#!/bin/bash
# usage: scripts/tests/badinput.sh
#
# Wrong parameters, missing CMA areas and wrong frees. A load that fails has the right
# errno and says which parameter, which value, and what would be right; it costs no memory,
# and a correct load right after it works. A wrong free is warned of once, counted each
# time, and changes nothing. On backports with a CMA area and without, and on stable.
#
# parts: backports stable misuse
# shellcheck source=scripts/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=scripts/lib/guest.sh
. "$(dirname "$TAP_SELF")/../lib/guest.sh"

# ---- In the guest. Shell functions travel there by declare -f.

# insmod's words for an errno.
words() {
	case $1 in
	EINVAL) echo "Invalid parameters" ;;
	EOPNOTSUPP) echo "Operation not supported" ;;
	ENOMEM) echo "Cannot allocate memory" ;;
	esac
}

# refused ERRNO MODULE ARGUMENTS REGEX...: the load fails so, and a line of the log matches
# each REGEX.
refused() {
	local errno=$1 module=$2 args=$3 out regex
	shift 3
	mark
	# shellcheck disable=SC2086 # one word a parameter
	out=$(insmod "$module.ko" $args 2>&1) && { echo "it loaded"; rmmod "$module"; return 1; }
	echo "$out"
	said
	[[ $out == *": $(words "$errno")" ]] || { echo "not $errno"; return 1; }
	[ ! -e "/sys/module/$module" ] || { echo "it is there"; return 1; }
	for regex; do
		said | grep -qE "^$module: $regex" || { echo "no line matches: $regex"; return 1; }
	done
}

loads() { insmod kmemx.ko && [ -e "$debug/region" ] && rmmod kmemx && [ ! -e "$debug" ]; }

# bad NAME ERRNO ARGUMENTS REGEX...: two cases, the second is that a good load follows.
bad() {
	local name=$1 errno=$2
	shift 2
	try "badinput/$name" refused "$errno" kmemx "$@"
	try "badinput/$name-then-loads" loads
}

# Why, and then what was asked for; the remedy is another one where no area can be made.
without_area() {
	bad "$1-no-cma-area" EOPNOTSUPP "backend=cma" "backend=cma by .*: -EOPNOTSUPP: .*; $2" \
		'backend=cma: no region of size=64M, .*: -EOPNOTSUPP'
}

area_off() { without_area "$1" 'boot with cma='; }
kernel_without() { without_area "$1" 'use backend=contig'; }

# Not wrong, but without effect: it says so, and has no thread.
zeroes_anyway() {
	mark
	insmod kmemx.ko zero_ahead=8M
	said
	said | grep 'kmemx: zero_ahead=8388608: nothing to do, with init_on_free' &&
		! pgrep kmemx_zero && equal zeroed_bytes "$(stat_of zeroed_bytes)" "$(stat_of free_bytes)" &&
		rmmod kmemx
}

zero_ahead() { try "badinput/$1-zero-ahead-and-init-on-free" zeroes_anyway; }

area_too_small() {
	bad "$1-area-too-small" ENOMEM "backend=cma size=512M" \
		'backend=cma by .*: -ENOMEM: .*; .*boot with cma=' 'backend=cma: no region of size=512M, .*: -ENOMEM'
}

parameters() {
	local size='.*: not a size; give bytes with an optional suffix K, M, G or T'
	bad "$1-size-0" EINVAL size=0 "size=0$size"
	bad "$1-size-banana" EINVAL size=banana "size=banana$size"
	bad "$1-size-64Q" EINVAL size=64Q "size=64Q$size"
	bad "$1-zero-ahead-some" EINVAL zero_ahead=some "zero_ahead=some$size"
	bad "$1-backend-foo" EINVAL backend=foo 'backend=foo: not a backend; give auto, cma, contig or pages'
	bad "$1-nid-7" EINVAL nid=7 'nid=7: not an online node; give one of 0, or -1'
	local classes='.*: not size classes; give pow2, half, quarter, or up to 40 rising multiples of 8 up to 8192'
	bad "$1-classes-fall" EINVAL size_classes=8,24,20 "size_classes=8,24,20$classes"
	bad "$1-classes-12" EINVAL size_classes=12 "size_classes=12$classes"
	bad "$1-classes-third" EINVAL size_classes=third "size_classes=third$classes"
	bad "$1-size-1T" ENOMEM size=1T 'size=1048576M: the machine has [0-9]+ MiB; load with a smaller size='
}

sample_parameters() {
	insmod kmemx.ko
	try "badinput/$1-sample-objects" refused EINVAL kmemx_sample objects=many 'objects=many: not a count; give a number'
	try "badinput/$1-sample-contig" refused EINVAL kmemx_sample contig=1E 'contig=1E: not a size; give 0 to 1G'
	try "badinput/$1-sample-too-much" refused ENOMEM kmemx_sample contig=65M 'FAIL .* kmemx has none'
	try "badinput/$1-sample-leaves-nothing" equal used_bytes "$(stat_of used_bytes)" 0
	rmmod kmemx
}

# ---- Wrong frees

# What nobody has, nobody holds, and nothing is amiss in: "0 0 0".
books() { sed -nE 's/^(used|quarantined|unsettled)_bytes //p' "$debug/stat" | paste -sd' '; }
bad_frees() { grep '^bad_free_.* [^0]' "$debug/stat" | sort | paste -sd' '; }

# Twice, each from another load of the driver that makes the mistake.
wrong_free() {
	local kind=$1 words=$2
	mark
	counted+=("bad_free_$kind 2")
	for _ in 1 2; do
		insmod kmemx_misuse.ko bug="$kind" && rmmod kmemx_misuse || return
	done
	said
	equal "warnings" "$(said | grep -c '^kmemx: bad free of .*: '"$words")" 1 &&
		equal "warnings of any kind" "$(said | grep -c '^kmemx: bad free')" 1 &&
		equal "counters" "$(bad_frees)" "$(printf '%s\n' "${counted[@]}" | sort | paste -sd' ')" &&
		equal "used, quarantined, unsettled" "$(books)" "0 0 0"
}

# Twice too. What user space then has is looked at by the driver.
wrong_copy() {
	mark
	for _ in 1 2; do
		insmod kmemx_misuse.ko bug=usercopy && rmmod kmemx_misuse || return
	done
	said
	equal "warnings" "$(said | grep -c '^kmemx: bad user copy of 64 bytes .* in cache misuse-window by wrong_copy.*: it is not all inside')" 1 &&
		equal bad_usercopy "$(stat_of bad_usercopy)" 2 &&
		equal "used, quarantined, unsettled" "$(books)" "0 0 0"
}

sample_goes_on() { insmod kmemx_sample.ko && rmmod kmemx_sample && equal books "$(books)" "0 0 0"; }
unloads() { mark && rmmod kmemx && said | grep 'gave back all memory'; }

wrong_frees() {
	counted=()
	insmod kmemx.ko
	try "badinput/$1-free-twice" wrong_free double 'double free'
	try "badinput/$1-free-wrong-order" wrong_free order 'allocated with another order'
	try "badinput/$1-free-misaligned" wrong_free misaligned 'inside an allocation'
	try "badinput/$1-free-foreign" wrong_free foreign 'not an address of the region'
	try "badinput/$1-free-wrong-cache" wrong_free cache 'an object of another cache'
	try "badinput/$1-free-wrong-function" wrong_free function 'allocated by another family'
	try "badinput/$1-user-copy-beyond-its-window" wrong_copy
	try "badinput/$1-sample-afterwards" sample_goes_on
	try "badinput/$1-unloads-afterwards" unloads
}

nofail_is_refused() {
	mark
	insmod kmemx_misuse.ko bug=nofail && rmmod kmemx_misuse
	said
	equal fail_refused "$(stat_of fail_refused)" 1 &&
		equal warnings "$(said | grep -c '^kmemx: __GFP_NOFAIL from .*handle NULL')" 1
}

nofail() {
	insmod kmemx.ko
	try "badinput/$1-nofail" nofail_is_refused
	rmmod kmemx
}

# The reaper and unload end the slabs of a cache whose destructor has gone with its module.
cache_outlives_its_driver() {
	insmod kmemx.ko && insmod kmemx_misuse.ko bug=dtor && rmmod kmemx_misuse && sleep 3 && unloads
}

left_cache() { try "badinput/$1-cache-outlives-its-driver" cache_outlives_its_driver; }

# guest NAME FUNCTION...: these, and then all memory must be there.
guest() {
	local name=$1 part
	shift
	measure
	for part; do "$part" "$name"; done
	try "badinput/$name-nothing-is-lost" memory_is_back 1024
}

# ---- On the host

on_backports() {
	in_guest backports backports -- guest backports parameters area_too_small sample_parameters
	in_guest no-area backports --append 'cma=0 init_on_free=1' -- guest no-area area_off zero_ahead
}
on_stable() { in_guest stable stable -- guest stable parameters kernel_without; }
on_misuse() {
	in_guest misuse backports --expect-report '^WARNING: .*kmemx_report_bad_(free|copy)' -- guest misuse wrong_frees left_cache
	in_guest nofail backports --expect-report '^WARNING: .*kmemx_request_refuse' -- guest nofail nofail
}

for part in $(parts "$@"); do "on_$part"; done
