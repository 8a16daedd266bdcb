#!/bin/bash
# usage: scripts/tests/slabfiles.sh [KERNEL]...
#
# The files of each cache under /sys/kernel/debug/kmemx/slab, on each KERNEL (default: all
# parts): what they say agrees with slabinfo and with each other, in the formats of SLUB's
# own files of that kernel; the kernel's own tool slabinfo, of its source, reads them; a
# cache gives memory back when told to; and the files go with their cache, open or not, while
# others read and write them. allocinfo has all that is used, or what was allocated while it
# was told to be kept. On debug, which is slow and has KASAN and failslab, only a cache that
# gives back, files that go, the latter, and that it is not less for want of memory.
#
# parts: backports oldstable debug
# shellcheck source=scripts/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=scripts/lib/guest.sh
. "$(dirname "$TAP_SELF")/../lib/guest.sh"

# ---- In the guest

of() { cat "$debug/slab/$1/$2"; }
# The number that a file begins with.
number() { local word _; read -r word _ <"$debug/slab/$1/$2" && echo "$word"; }

# A quarter of its objects is live.
loads() {
	insmod kmemx.ko && insmod kmemx_sample.ko objects=1500 pages=333 contig=3M &&
		equal "live objects" "$(number kmemx_sample objects)" 375
}

# Every cache, and every column of slabinfo that has a file.
agrees_with_slabinfo() {
	local name active num size per_slab pages slabs nr=0 rest
	tail -n +3 "$debug/slabinfo" >/tmp/caches
	while read -r name active num size per_slab pages _ _ _ _ _ _ _ slabs rest; do
		equal "$name" "$(number "$name" objects) $(number "$name" total_objects) $(number "$name" slab_size) $(number "$name" objs_per_slab) $((1 << $(number "$name" order))) $(number "$name" slabs)" \
			"$active $num $size $per_slab $pages $slabs" || return
		nr=$((nr + 1))
	done </tmp/caches
	equal "directories" "$(find "$debug/slab" -mindepth 1 -maxdepth 1 -type d | wc -l)" "$nr" &&
		[ "$nr" -ge 21 ]
}

# What SLUB has on that kernel has the same name and, but for the numbers, the same words.
shape() { sed -E 's/[0-9]+/n/g' "$1"; }
has_slubs_formats() {
	local slub=/sys/kernel/slab/dentry file
	for file in align object_size objs_per_slab order slab_size usersize hwcache_align destroy_by_rcu store_user objects total_objects slabs; do
		echo "$file: $(of kmemx_sample "$file")"
		equal "$file" "$(shape "$debug/slab/kmemx_sample/$file")" "$(shape "$slub/$file")" || return
	done
	for file in ctor objects_partial partial shrink; do
		[ -e "$slub/$file" ] && [ -e "$debug/slab/kmemx_sample/$file" ] || { echo "no $file"; return 1; }
	done
}

# TOTAL C0=N C1=N: the numbers of the CPUs make the total.
cpus_add_up() {
	of kmemx_sample "$1" | tee /dev/stderr |
		awk '{ for (k = 2; k <= NF; k++) { if ($k !~ /^C[0-9]+=[0-9]+$/) exit 1; sub(".*=", "", $k); n += $k } exit $1 != n }'
}

sum_of() { local file n=0; for file; do n=$((n + $(number kmemx_sample "$file"))); done; echo "$n"; }

counts_add_up() {
	local file
	for file in alloc_fastpath alloc_slowpath alloc_refill alloc_slab free_fastpath free_slowpath free_flush free_slab front_objects; do
		cpus_add_up "$file" || { echo "$file: the CPUs do not make the total"; return 1; }
	done
	equal "allocated and not freed" "$(($(sum_of alloc_fastpath alloc_slowpath) - $(sum_of free_fastpath free_slowpath)))" 375 &&
		equal "slabs made and not given back" "$(($(sum_of alloc_slab) - $(sum_of free_slab)))" "$(sum_of slabs)" &&
		[ "$(sum_of alloc_refill)" -gt 0 ] && [ "$(sum_of front_objects)" -le "$(($(nproc) * $(sum_of front_capacity)))" ]
}

shrinks() {
	local shrink=$debug/slab/kmemx_sample/shrink before
	before=$(number kmemx_sample front_objects)
	[ "$before" -gt 0 ] || { echo "nothing in fronts"; return 1; }
	for word in 0 2 banana ''; do
		! echo "$word" >"$shrink" || { echo "'$word' was taken"; return 1; }
	done
	equal "in fronts after what is not 1" "$(number kmemx_sample front_objects)" "$before" &&
		echo 1 >"$shrink" && equal "in fronts" "$(number kmemx_sample front_objects)" 0 &&
		equal live "$(number kmemx_sample objects)" 375
}

# Name, objects, object size: slabinfo's columns. It reads /sys/kernel/slab, so ours is put
# there.
slabinfo_reads() {
	unshare -m sh -c "mount --bind $debug/slab /sys/kernel/slab && ./slabinfo -l && ./slabinfo -D kmemx_sample && ./slabinfo -r kmemx_sample" >/tmp/slabinfo || return
	cat /tmp/slabinfo
	equal "objects and size by slabinfo" "$(awk '$1 == "kmemx_sample" { print $2, $3; exit }' /tmp/slabinfo)" "375 120" &&
		equal "caches by slabinfo" "$(grep -c '^kmemx-' /tmp/slabinfo)" "$(($(find "$debug/slab" -name 'kmemx-*' | while read -r dir; do [ "$(cat "$dir/slabs")" = 0 ] || echo; done | wc -l)))" &&
		grep -qE '^kmemx_sample .* 375 ' /tmp/slabinfo
}

# Who has a file open learns that it is gone.
files_go_with_the_cache() {
	local fd line
	exec {fd}<"$debug/slab/kmemx_sample/objects"
	rmmod kmemx_sample || return
	[ ! -e "$debug/slab/kmemx_sample" ] || { echo "its files are there"; return 1; }
	! read -r line <&"$fd" || { echo "read $line of a cache that is gone"; return 1; }
	exec {fd}<&-
	[ -e "$debug/slab/kmemx-64" ]
}

# Reads and writes all there is, as long as there is anything, until told to stop.
use_files() {
	until [ -e /tmp/stop ]; do
		cat "$debug"/slab/kmemx_sample/[a-r]* 2>/dev/null | wc -l
		echo 1 2>/dev/null >"$debug/slab/kmemx_sample/shrink" && echo shrunk
	done >"$1" 2>/dev/null
}

files_are_used_as_they_go() {
	local user _
	rm -f /tmp/stop
	for user in 1 2; do use_files /tmp/used.$user & done
	for _ in {1..5}; do
		insmod kmemx_sample.ko objects=300 pages=0 contig=0 && rmmod kmemx_sample || break
	done
	touch /tmp/stop
	wait
	equal "the sample at last" "$(lsmod | grep -c kmemx_sample)" 0 && sort /tmp/used.* | uniq -c &&
		cat /tmp/used.* | grep -qx shrunk && cat /tmp/used.* | grep -qE '^[1-9]'
}

# More slabs than now were there before half of the objects were freed, and never less.
peaks_stay() {
	local name peak slabs _
	while read -r name _; do
		peak=$(number "$name" peak_slabs) slabs=$(number "$name" slabs)
		[ "$peak" -ge "$slabs" ] || { echo "$name: $slabs slabs, at most $peak"; return 1; }
	done </tmp/caches
	equal "slabs at most" "$(number kmemx_sample peak_slabs)" "$(number kmemx_sample alloc_slab)" &&
		[ "$(stat_of peak_chunk_bytes)" -ge "$(stat_of used_bytes)" ] &&
		[ "$(stat_of peak_chunk_bytes)" -le "$(stat_of region_bytes)" ]
}

# is_all_known: by call site, all that is used.
is_all_known() {
	local info=$debug/allocinfo
	equal bytes "$(awk 'NR > 2 { n += $1 } END { printf "%.0f", n }' "$info")" "$(stat_of used_bytes)" &&
		equal "objects and blocks" "$(awk 'NR > 2 { n += $2 } END { print n }' "$info")" \
			"$(($(stat_of alloc) - $(stat_of free) + $(stat_of page_alloc) - $(stat_of page_free)))" &&
		[ "$(tail -n +3 "$info" | wc -l)" -ge 3 ]
}

# is_nothing_known WHEN
is_nothing_known() { equal "lines $1" "$(grep -vc '^#' "$debug/allocinfo")" 1; }

# What is allocated while they are kept, and nothing else.
call_sites_are_kept_when_told() {
	local on=$debug/allocinfo_on word
	insmod kmemx_sample.ko objects=1500 pages=333 contig=3M && equal on "$(cat "$on")" 0 &&
		is_nothing_known "before" || return
	for word in 2 banana; do
		! echo "$word" >"$on" || { echo "'$word' was taken"; return 1; }
	done
	echo 1 >"$on" && equal on "$(cat "$on")" 1 && is_nothing_known "of what was there" &&
		rmmod kmemx_sample && is_nothing_known "when that has been freed" &&
		insmod kmemx_sample.ko objects=1500 pages=333 contig=3M && cat "$debug/allocinfo" && is_all_known &&
		echo 0 >"$on" && is_nothing_known "while they are not kept" &&
		echo 1 >"$on" && is_nothing_known "of what was there when they were kept again" &&
		rmmod kmemx_sample && is_nothing_known "when that has been freed" &&
		insmod kmemx_sample.ko objects=1500 pages=333 contig=3M && is_all_known &&
		rmmod kmemx_sample && is_nothing_known "when nothing is live" && equal on "$(cat "$on")" 1
}

# Nothing that may wait fails, so it is refused only if it does not wait. No program is started
# where all else fails.
call_sites_are_refused_without_memory() {
	local fail=/sys/kernel/debug/failslab fd line
	insmod kmemx_sample.ko objects=100 pages=0 contig=0 && is_all_known || return
	echo Y >$fail/task-filter && echo Y >$fail/ignore-gfp-wait && echo 0 >$fail/verbose &&
		echo -1 >$fail/times && echo 100 >$fail/probability || return
	(
		exec {fd}<"$debug/allocinfo"
		echo 1 >/proc/self/make-it-fail
		read -r line <&"$fd" && echo "$line"
	) >/tmp/refused 2>&1
	echo 0 >$fail/probability
	cat /tmp/refused
	grep -q 'Cannot allocate memory' /tmp/refused && is_all_known && rmmod kmemx_sample
}

# Nothing is known without track=1, and with it, by call site, all that is used.
call_sites_have_all() {
	local info=$debug/allocinfo
	equal "lines without track=1" "$(grep -vc '^#' "$info")" 1 && equal version "$(head -n 1 "$info")" "allocinfo - version: 1.0" || return
	rmmod kmemx && insmod kmemx.ko track=1 && insmod kmemx_sample.ko objects=1500 pages=333 contig=3M || return
	cat "$info"
	equal "lines that look odd" "$(tail -n +3 "$info" | grep -vE '^ *[0-9]+ +[0-9]+ [a-z_.0-9]+\+0x[0-9a-f]+/0x[0-9a-f]+ \[kmemx_sample\]$')" "" &&
		is_all_known && equal on "$(cat "$debug/allocinfo_on")" 1 && ! echo 0 2>/dev/null >"$debug/allocinfo_on" &&
		rmmod kmemx_sample &&
		insmod kmemx_port.ko && equal "kmemx as its own caller" "$(grep -F '[kmemx]' "$info")" "" &&
		[ "$(awk 'NR > 2 { n += $2 } END { print n }' "$info")" -ge 100 ] && rmmod kmemx_port && is_nothing_known "when nothing is live"
}

unloads() { rmmod kmemx && [ ! -e "$debug" ]; }

guest() {
	try "slabfiles/$1-loads" loads || return
	if [ "$1" != debug ]; then
		try "slabfiles/$1-agrees-with-slabinfo" agrees_with_slabinfo
		try "slabfiles/$1-has-slubs-formats" has_slubs_formats
		try "slabfiles/$1-counts-add-up" counts_add_up
		try "slabfiles/$1-slabinfo-reads" slabinfo_reads
	fi
	[ "$1" = debug ] || try "slabfiles/$1-peaks-stay" peaks_stay
	try "slabfiles/$1-shrinks" shrinks
	try "slabfiles/$1-files-go-with-the-cache" files_go_with_the_cache
	try "slabfiles/$1-files-are-used-as-they-go" files_are_used_as_they_go
	try "slabfiles/$1-call-sites-are-kept-when-told" call_sites_are_kept_when_told
	[ "$1" != debug ] || try "slabfiles/$1-call-sites-are-refused-without-memory" call_sites_are_refused_without_memory
	[ "$1" = debug ] || try "slabfiles/$1-call-sites-have-all" call_sites_have_all
	try "slabfiles/$1-unloads" unloads
}

# ---- On the host

# The kernel's own tool, of the source that the test kernels are built from.
make_slabinfo() {
	# shellcheck disable=SC2016 # for the root's shell
	scripts/vm/enter -- sh -c 'gcc -O1 -w -o "$1" "$(scripts/lib/kernel-source)/tools/mm/slabinfo.c"' sh "$TAP_LOGS/slabinfo"
}

scripts/vm/root
try slabfiles/slabinfo-builds make_slabinfo || exit 0
for kernel in $(parts "$@"); do
	in_guest "$kernel" "$kernel" --timeout 300 --add "$TAP_LOGS/slabinfo" -- guest "$kernel"
done
