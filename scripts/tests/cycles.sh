#!/bin/bash
# usage: scripts/tests/cycles.sh [KERNEL...]
#
# 100 cycles of loading and unloading kmemx and the sample, on backports and on kunit with
# kmemleak: CmaFree is what it was, free memory and Slab stay, debugfs is empty, and kmemleak
# finds nothing. Then, on backports, 100 more with a driver that leaks a page each time,
# which the same judgement has to find. (On debug it is loaded 10 times: debug.sh.)
#
# Free memory is MemFree and what waits on the CPUs' own lists, some MiB that come and go.
# It may differ by 1 MiB between cycles 10 and 100, and so may Slab. One page a cycle would
# be lost in that. So the sum of what is free and what others are known to have (memory_kb)
# may not fall by half a page a cycle, as the median of the slopes over 50 cycles and more.
#
# parts: backports kunit
# shellcheck source=scripts/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=scripts/lib/guest.sh
. "$(dirname "$TAP_SELF")/../lib/guest.sh"

# ---- In the guest

# Free memory, Slab, and what others are known to have: Slab, the shell, files, page tables.
# Those of the linear map grow, a page for 2 MiB, where a module's text was made read-only,
# and are not in PageTables. The stack depot (kmemleak's; a pool is four pages) keeps every stack
# for good, and one through a module is another one at each address that it is loaded at.
# One program reads all of it, as it has memory of its own.
memory_kb() {
	local depot=()
	[ "$kernel" != kunit ] || depot=(/sys/kernel/debug/stackdepot/stats)
	awk '$1 == "MemFree:" { free += $2 }
		$1 == "count:" { free += $2 * 4 }
		$1 == "Slab:" { slab = $2 }
		$1 ~ /^(Slab|Cached|Buffers|AnonPages|PageTables|KernelStack):$/ { others += $2 }
		$1 == "DirectMap4k:" { others += $2 / 512 }
		$1 == "pools:" { others += $2 * 16 }
		END { print free, slab, others }' /proc/meminfo /proc/zoneinfo "${depot[@]}"
}

# A line: cycle, CmaFree after at most 2 s, free memory, Slab, what others have.
measure_cycle() {
	for _ in {1..20}; do
		[ "$(meminfo CmaFree)" != "$cma" ] || break
		sleep 0.1
	done
	echo 3 >/proc/sys/vm/drop_caches
	echo 1 >/proc/sys/vm/stat_refresh
	echo "$1 $(meminfo CmaFree) $(memory_kb)"
}

empty_debugfs() { [ ! -e "$debug" ] || { ls "$debug"; return 1; }; }

# cycle MODULE [ARGUMENT...]: with a consumer that comes and goes.
cycle() {
	insmod kmemx.ko && insmod "$@" && rmmod "$(basename "$1" .ko)" && rmmod kmemx && empty_debugfs
}

# cycles FILE EACH: 100 times EACH; FILE has a measurement every tenth time.
cycles() {
	local file=$1 n
	cma=$(meminfo CmaFree)
	echo "0 $cma 0 0 0" >"$file"
	for n in {1..100}; do
		$2 || return
		[ $((n % 10)) != 0 ] || measure_cycle "$n" >>"$file"
	done
}

each_with_sample() { cycle kmemx_sample.ko objects=100; }
each_with_leak() { cycle kmemx_misuse.ko bug=page; }

# judge FILE: says what has been lost; the judgement of both kinds of cycles.
judge() {
	cat "$1"
	awk '
		function abs(x) { return x < 0 ? -x : x }
		function lost(what) { print "lost: " what; status = 1 }
		{ cma[NR] = $2 }
		$1 >= 10 { n++; cycle[n] = $1; free[n] = $3; slab[n] = $4; sum[n] = $3 + $5 }
		END {
			if (n != 10)
				lost("measurements: there are " n)
			for (i = 2; i <= NR; i++)
				if (cma[i] != cma[1])
					lost("CmaFree was " cma[1] " kB and is " cma[i])
			if (abs(free[n] - free[1]) > 1024)
				lost("free memory went from " free[1] " to " free[n] " kB")
			if (abs(slab[n] - slab[1]) > 1024)
				lost("Slab went from " slab[1] " to " slab[n] " kB")
			for (i = 1; i <= n; i++)
				for (j = i + 5; j <= n; j++)
					slope[++m] = (sum[j] - sum[i]) / (cycle[j] - cycle[i])
			for (i = 2; i <= m; i++) {
				x = slope[i]
				for (j = i - 1; j >= 1 && slope[j] > x; j--)
					slope[j + 1] = slope[j]
				slope[j + 1] = x
			}
			median = slope[int((m + 1) / 2)]
			printf "%.2f kB a cycle\n", median
			if (median <= -2)
				lost("memory, cycle by cycle")
			exit status
		}' "$1"
}

finds_the_leak() {
	! judge "$1" >/tmp/judgement || { cat /tmp/judgement; return 1; }
	cat /tmp/judgement
	grep -qx 'lost: memory, cycle by cycle' /tmp/judgement
}

# What was there before we came is not ours. An object must be five seconds old, and be
# lost in two scans.
kmemleak_is_clean() {
	for _ in 1 2; do
		sleep 6
		echo scan >/sys/kernel/debug/kmemleak || return
	done
	cat /sys/kernel/debug/kmemleak
	[ -z "$(cat /sys/kernel/debug/kmemleak)" ]
}

guest_backports() {
	try "cycles/$1-100" cycles /tmp/cycles each_with_sample
	try "cycles/$1-nothing-lost" judge /tmp/cycles
	try "cycles/$1-100-with-a-leak" cycles /tmp/leaks each_with_leak
	try "cycles/$1-leak-found" finds_the_leak /tmp/leaks
}

guest_kunit() {
	echo clear >/sys/kernel/debug/kmemleak
	try "cycles/$1-100" cycles /tmp/cycles each_with_sample
	try "cycles/$1-nothing-lost" judge /tmp/cycles
	try "cycles/$1-kmemleak" kmemleak_is_clean
}

guest() {
	kernel=$1
	# What is made once, and stays.
	each_with_sample
	"guest_$1" "$1"
	sed 's/^/# /' /tmp/tap/*.log
}

# ---- On the host

for kernel in $(parts "$@"); do
	leaks=()
	[ "$kernel" != kunit ] || leaks=(--append kmemleak=on)
	in_guest "$kernel" "$kernel" "${leaks[@]}" --timeout 1500 -- guest "$kernel"
done
