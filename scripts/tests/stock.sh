#!/bin/bash
# usage: scripts/tests/stock.sh [KERNEL]...
#
# The module and the sample as their users have them, on each KERNEL (default: all): where
# the region comes from, the sample's verdict, the files and the tools that read them,
# unloading, and what is left behind by a driver that leaks; the same on every backend.
# On the kernels of our own (kunit, debug, uml), and on all others too: scripts/vm/run's exit
# status.
#
# parts: arm64 backports stable oldstable rt kunit debug uml
# shellcheck source=scripts/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=scripts/lib/guest.sh
. "$(dirname "$TAP_SELF")/../lib/guest.sh"

# ---- In the guest

load() { insmod kmemx.ko "$@" || { said; return 1; }; }

region_is() {
	cat "$debug/region"
	equal region "$(head -n 1 "$debug/region")" "backend: $1" &&
		said | grep -E "^kmemx: .* MiB at .* via $1 "
}

sample_passes() {
	insmod kmemx_sample.ko objects=1500 pages=333 contig=3M || { said; return 1; }
	said | grep -Fx "kmemx_sample: PASS objects=1500 pages=333 contig=3145728"
}

stat_adds_up() {
	cat "$debug/stat"
	awk '/^(free|front|slab_free|used|overhead|quarantined)_bytes / { sum += $2; kinds++ }
		{ n[$1] = $2 }
		END { exit kinds != 6 || sum != n["region_bytes"] || n["unsettled_bytes"] != "0" }' "$debug/stat"
}

buddyinfo_agrees() {
	local page sum
	page=$(sed -n 's/^page_size: //p' "$debug/region")
	sum=$(awk -v page="$page" '{ for (i = 5; i <= NF; i++) n += $i * 2 ^ (i - 5) }
		END { printf "%.0f", n * page }' "$debug/buddyinfo")
	cat "$debug/buddyinfo"
	equal "the sum of buddyinfo" "$sum" "$(stat_of free_bytes)" &&
		equal "columns of buddyinfo" "$(awk '{ print NF }' "$debug/buddyinfo")" 15 &&
		grep -qE '^Node [0-9]+, zone    KMemx ( *[0-9]+ ){11}$' "$debug/buddyinfo"
}

# What the kernel's formulas make of buddyinfo, line for line.
extfrag_of_buddyinfo() {
	awk '{
		zone = substr($0, 1, index($0, "KMemx") + 5)
		for (k = 0; k < 11; k++) { blocks += nr[k] = $(k + 5); free += nr[k] * 2 ^ k }
		extfrag = unusable = zone
		for (k = 10; k >= 0; k--) {
			usable += nr[k] * 2 ^ k
			index_of = 1000 - (blocks ? int((1000 + int(free * 1000 / 2 ^ k)) / blocks) : 1000)
			if (usable) index_of = -1000
			of_extfrag[k] = sprintf("%s%d.%03d ", index_of < 0 ? "-" : " ",
				int(index_of < 0 ? -index_of / 1000 : index_of / 1000),
				index_of < 0 ? -index_of % 1000 : index_of % 1000)
			index_of = free ? int((free - usable) * 1000 / free) : 1000
			of_unusable[k] = sprintf("%d.%03d ", int(index_of / 1000), index_of % 1000)
		}
		for (k = 0; k < 11; k++) { extfrag = extfrag of_extfrag[k]; unusable = unusable of_unusable[k] }
		printf "extfrag_index\n%s\nunusable_index\n%s\n", extfrag, unusable
	}' "$debug/buddyinfo"
}

extfrag_agrees() {
	cat "$debug/buddyinfo" "$debug/extfrag"
	extfrag_of_buddyinfo | diff - "$debug/extfrag"
}

# The highest order of which there are free blocks, by buddyinfo; 10 for all above it.
highest_order() { awk '{ for (k = NF; k >= 5 && !$k; k--); print k - 5 }' "$debug/buddyinfo"; }

largest_free_agrees() {
	local bytes order page
	page=$(sed -n 's/^page_size: //p' "$debug/region")
	read -r bytes order <"$debug/largest_free"
	echo "$bytes bytes, order $order"
	equal "the longest free run" "$bytes" \
		"$(sed -n 's/.*largest free //p' "$debug/region" | sort -n | tail -n 1 | awk -v page="$page" '{ printf "%.0f", $1 * page }')" &&
		equal "its order, 10 at most" "$((order > 10 ? 10 : order))" "$(highest_order)" &&
		equal "its order, 9 at most" "$((order > 9 ? 9 : order))" "$(stat_of highest_order)" &&
		[ $((page << order)) -le "$bytes" ]
}

# A file's kinds of lines: names and numbers, and how wide they are, do not matter, nor how
# many types there are.
pagetypeinfo_shape() {
	sed -E 's/zone +[[:alnum:]]+/zone Z/; s/type +[[:alpha:]]+ /type T /; s/[0-9]+/N/g; s/>N/N/g; s/ +/ /g
		/^Number of blocks type/ s/type .*/type/; /^Node N, zone Z N/ s/( N)+ $/ N/' "$1" | sort -u
}

# By order, the free blocks of all types are buddyinfo's; each chunk has one type.
pagetypeinfo_agrees() {
	cat "$debug/pagetypeinfo"
	pagetypeinfo_shape "$debug/pagetypeinfo" >/tmp/shape
	pagetypeinfo_shape /proc/pagetypeinfo | diff - /tmp/shape &&
		equal "free blocks by order" \
			"$(awk '$5 == "type" { for (k = 7; k <= NF; k++) n[k] += $k } END { for (k = 7; k < 18; k++) printf "%d ", n[k] }' "$debug/pagetypeinfo")" \
			"$(awk '{ for (k = 5; k <= NF; k++) printf "%d ", $k }' "$debug/buddyinfo")" &&
		equal "blocks of all types" \
			"$(tail -n 1 "$debug/pagetypeinfo" | awk '{ for (k = 5; k <= NF; k++) n += $k } END { print n }')" \
			"$(fragmap_lines | awk '{ n += $2 } END { print n }')"
}

# blocks_of TYPE: how many chunks are of that type.
blocks_of() {
	awk -v type="$1" '/^Number of blocks/ { for (k = 5; k <= NF; k++) if ($k == type) column = k; next }
		column { print $column }' "$debug/pagetypeinfo"
}

fragmap_lines() { grep '^0x' "$debug/fragmap"; }

# Each line is true to itself, and all of them together to stat and to buddyinfo.
fragmap_agrees() {
	local page highest
	page=$(sed -n 's/^page_size: //p' "$debug/region")
	highest=$(highest_order)
	cat "$debug/fragmap"
	equal "fragmap begins" "$(head -n 1 "$debug/fragmap")" "fragmap - version: 1.0" &&
		equal "lines that look odd" "$(fragmap_lines | awk '
			function count(c) { return gsub("[" c "]", "&", $7) * 8 * $2 }
			NF != 7 || length($7) != 64 || $7 !~ /^[0-9.:sqf+#-]+$/ { print }
			$3 == "free" && ($7 !~ /^\.+$/ || $4 != $2 * 512 || $5 != 0 || $6 != 9) { print }
			$3 == "taken" && ($7 !~ /^9+$/ || $4 != 0 || $5 != $2 || $6 != "-") { print }
			$3 == "partial" && ($2 != 1 || ($6 == "-") != ($4 == 0) || $6 == 9) { print }
			count(".") + count(":") / 8 > $4 || count(".") + count(":") * 7 / 8 < $4 { print }')" "" &&
		equal "free bytes of fragmap" "$(fragmap_lines | awk -v page="$page" '{ n += $4 } END { printf "%.0f", n * page }')" \
			"$(stat_of free_bytes)" &&
		equal "the largest max of fragmap" \
			"$(fragmap_lines | awk 'BEGIN { max = -1 } $6 != "-" && $6 > max { max = $6 } END { print max }')" \
			"$((highest > 9 ? 9 : highest))"
}

frag_files_agree() { extfrag_agrees && largest_free_agrees && fragmap_agrees && pagetypeinfo_agrees; }

# However little is read at a time, it begins where the last read ended.
fragmap_by_pieces() { dd if="$debug/fragmap" bs=61 2>/dev/null | cmp - "$debug/fragmap"; }

chars_of_fragmap() { fragmap_lines | awk '{ for (; $2; $2--) print $7 }' | tr -cd "$1" | wc -c; }

# 3 MiB are a block of a whole chunk and one of half a chunk, and nothing else is in use.
fragmap_shows_a_pattern() {
	local before status=0
	before=$(cat "$debug/largest_free")
	cat "$debug/fragmap"
	equal "used in a new region" "$(chars_of_fragmap '0-9sq+-')" 0 || return
	insmod kmemx_sample.ko objects=0 pages=0 contig=3M || { said; return 1; }
	cat "$debug/fragmap"
	equal "characters 9" "$(chars_of_fragmap 9)" 64 &&
		equal "characters 8" "$(chars_of_fragmap 8)" 32 &&
		equal "others in use" "$(chars_of_fragmap '0-7sq+-')" 0 &&
		equal "blocks of type Contig" "$(blocks_of Contig)" 2 &&
		equal "others that are not Free" "$(($(fragmap_lines | awk '{ n += $2 } END { print n }') - $(blocks_of Free)))" 2 &&
		frag_files_agree || status=1
	rmmod kmemx_sample && equal "largest_free" "$(cat "$debug/largest_free")" "$before" && return "$status"
}

# Where nothing large is free, the indices are more than -1 and 0.
files_of_a_full_region_agree() {
	local status=0
	load size=8M && insmod kmemx_sample.ko objects=300 pages=1900 contig=0 || { said; return 1; }
	buddyinfo_agrees && frag_files_agree && [ "$(highest_order)" -lt 9 ] || status=1
	rmmod kmemx_sample kmemx && return "$status"
}

with_slabinfo() {
	unshare -m sh -c "mount --bind $debug/slabinfo /proc/slabinfo && $1"
}

# The sample's cache, with as many live objects as it has: a quarter of 1500.
slabtop_reads() {
	with_slabinfo 'slabtop -o -s n' | tee /dev/stderr |
		awk '$NF == "kmemx_sample" && $2 == 375 && $4 == "0.12K" { found = 1 } END { exit !found }'
}

vmstat_reads() {
	with_slabinfo 'vmstat -m' | tee /dev/stderr |
		awk '$1 == "kmemx_sample" && $2 == 375 && $4 == 120 { found = 1 } END { exit !found }'
}

# On arm64 dma_get_cache_alignment() is more than 1.
buffers_are_mapped() {
	local status=0
	mark
	load && insmod kmemx_sample.ko objects=100 buffers=300 pages=0 contig=0 || { said; return 1; }
	buffers_agree || status=1
	sample_unloads && unloads && return "$status"
}

buffers_agree() {
	local dir
	said | grep -E '^kmemx_sample: packet buffers: 300 were mapped for DMA, with lines of (64|128|256) bytes$' || return
	dir=$(echo "$debug"/slab/pktbuf-1664-*)
	equal cache_dma "$(cat "$dir/cache_dma")" 1 && equal objects "$(cut -d' ' -f1 "$dir/objects")" 300 &&
		equal "remainder of align" $(($(cat "$dir/align") % 64)) 0
}

# Requests of up to 64 bytes have the classes of the list, larger ones the usual.
classes_of_a_list() {
	local classes=8,24,40,64,96,128,192,256,384,512,768,1024,1536,2048,3072,4096,6144,8192
	mark
	load size_classes=8,24,40,64 || return
	equal "the parameter" "$(cat /sys/module/kmemx/parameters/size_classes)" "$classes" &&
		equal "the caches" "$(sed -nE 's/^kmemx-([0-9]+) .*/\1/p' "$debug/slabinfo" | paste -sd,)" "$classes" &&
		sample_passes && sample_unloads && unloads
}

# No CPU keeps an object for itself.
magazines_off() {
	mark
	load magazine=0 && sample_passes || return
	equal "what a CPU may keep" "$(sort -u "$debug"/slab/*/front_capacity)" 0 &&
		equal "what CPUs keep" "$(awk '{ n += $1 } END { print n }' "$debug"/slab/*/front_objects)" 0 &&
		sample_unloads && unloads
}

# The thread zeroes as much as it is told to, and is gone when the module is.
zeroes_ahead() {
	mark
	load zero_ahead=6M || return
	for _ in $(seq 150); do
		[ "$(stat_of zeroed_bytes)" -lt 6291456 ] || break
		sleep 0.2
	done
	equal "zeroed" "$(stat_of zeroed_bytes)" 6291456 &&
		equal "zeroed ahead" "$(stat_of zeroed_ahead_bytes)" 6291456 &&
		sample_passes && sample_unloads && unloads && ! grep -x kmemx_zero /proc/[0-9]*/comm
}

# The same driver over the kernel's memory and over ours comes to the same.
port_agrees() {
	insmod kmem_port.ko && insmod kmemx_port.ko || { said; return 1; }
	said | grep -E '^kmemx?_port: '
	cat "$debug/slabinfo"
	equal "records" "$(said | sed -n 's/^kmemx_port: //p')" "$(said | sed -n 's/^kmem_port: //p')" &&
		said | grep -qE '^kmemx_port: [1-9][0-9]* records of [1-9][0-9]* bytes$' &&
		equal "live records" "$(awk '$1 == "record" { print $2 }' "$debug/slabinfo")" \
			"$(said | sed -nE 's/^kmemx_port: ([0-9]+) records.*/\1/p')" &&
		rmmod kmemx_port kmem_port && equal used_bytes "$(stat_of used_bytes)" 0
}

is_busy() {
	! rmmod kmemx 2>&1 | tee /dev/stderr | grep -v 'in use by: kmemx_sample' && [ -e "$debug/region" ]
}

sample_unloads() {
	rmmod kmemx_sample && said | grep "kmemx_sample: all patterns are as they were" &&
		equal used_bytes "$(stat_of used_bytes)" 0 && stat_adds_up
}

unloads() {
	rmmod kmemx && said | grep 'kmemx: gave back all memory, [0-9]* extents\?' || { said; return 1; }
	[ ! -e "$debug" ] || { ls "$debug"; return 1; }
}

auto_cases() {
	# What the kernel's caches take for its driver's objects stays in part.
	insmod kmem_port.ko && rmmod kmem_port
	mark
	measure
	try "stock/$1-auto-is-$2" eval "load && region_is $2" || return
	try "stock/$1-stat-of-nothing" stat_adds_up
	try "stock/$1-fragmap-of-a-pattern" fragmap_shows_a_pattern
	try "stock/$1-sample" sample_passes
	try "stock/$1-stat-adds-up" stat_adds_up
	try "stock/$1-buddyinfo-agrees" buddyinfo_agrees
	try "stock/$1-extfrag-agrees" extfrag_agrees
	try "stock/$1-largest-free-agrees" largest_free_agrees
	try "stock/$1-fragmap-agrees" fragmap_agrees
	try "stock/$1-pagetypeinfo-agrees" pagetypeinfo_agrees
	try "stock/$1-fragmap-by-pieces" fragmap_by_pieces
	try "stock/$1-slabtop" slabtop_reads
	try "stock/$1-vmstat" vmstat_reads
	try "stock/$1-busy-while-used" is_busy
	try "stock/$1-sample-unloads" sample_unloads
	try "stock/$1-ported-driver-agrees" port_agrees
	try "stock/$1-unloads" unloads
	try "stock/$1-memory-is-back" memory_is_back 2048
	try "stock/$1-buffers-are-mapped" buffers_are_mapped
	try "stock/$1-classes-of-a-list" classes_of_a_list
	try "stock/$1-zeroes-ahead" zeroes_ahead
	try "stock/$1-magazines-off" magazines_off
	try "stock/$1-files-of-a-full-region-agree" files_of_a_full_region_agree
}

backend_cases() {
	mark
	try "stock/$1-backend-$2" eval "load backend=$2 && region_is $2" || return
	try "stock/$1-backend-$2-sample" eval 'sample_passes && stat_adds_up && buddyinfo_agrees && frag_files_agree && sample_unloads'
	try "stock/$1-backend-$2-unloads" eval 'unloads && memory_is_back 2048'
}

# Three objects stay: each is listed by its caller while the caller has a name, and by its
# cache when kmemx goes.
leak_is_listed() {
	load backend="$1" track=1 && insmod kmemx_sample.ko leak=3 && rmmod kmemx_sample && rmmod kmemx
	said
	equal "objects listed by caller" "$(said | grep -cE '^kmemx: +kmemx-(8|16): live object .*allocated by [a-z_.0-9]+\+0x.*\[kmemx_sample\]')" 3 &&
		said | grep 'kmemx: kmemx_sample is unloaded and leaves 3 allocations behind' &&
		equal "objects listed by cache" "$(said | sed -nE 's/^kmemx: cache kmemx-(8|16): ([0-9]+) live objects?.*/\2/p' | awk '{ n += $1 } END { print n }')" 3
}

# Of `pages`' 16 extents of 4 MiB at most the three that the objects are in; elsewhere the
# region is one extent.
leak_keeps_little() {
	local kept all
	read -r kept all <<<"$(said | sed -nE 's/^kmemx: keeping ([0-9]+) of ([0-9]+) extents?.*/\1 \2/p')"
	echo "kept ${kept:-nothing} of ${all:-nothing}"
	[ "${kept:-0}" -ge 1 ] && [ "$kept" -le 3 ] &&
		if [ "$1" = pages ]; then [ "$all" -ge 16 ]; else [ "$all" = 1 ]; fi
}

leak_cases() {
	mark
	try "stock/$1-leak-$2-is-listed" leak_is_listed "$2"
	try "stock/$1-leak-$2-keeps-little" leak_keeps_little "$2"
	mark
	try "stock/$1-leak-$2-loads-again" eval "load && sample_passes && sample_unloads && unloads"
}

# Its first line is printed when all probes are attached.
trace_sample() {
	bpf/kmemxsnoop.bt >/tmp/trace 2>&1 &
	local tracer=$! objects=$1 pages=$2
	until grep -q '^Tracing' /tmp/trace; do
		kill -0 $tracer || return 1
		sleep 0.2
	done
	insmod kmemx_sample.ko objects="$objects" pages="$pages" contig=2M && rmmod kmemx_sample
	kill -INT $tracer && wait $tracer
	cat /tmp/trace
	said | grep kmemx_sample:
}

traced() { sed -nE "s/^@$1: //p" /tmp/trace; }
asked() { said | sed -nE "s/.* ([0-9]+) for $1.*/\1/p"; }

# Half of the objects, from the first, are freed and asked for again.
trace_counts() {
	mark
	trace_sample "$1" "$2"
	equal objects "$(traced objects)" $(($1 + ($1 + 1) / 2)) &&
		equal objects "$(traced objects)" "$(asked objects)" &&
		equal freed "$(traced objects_freed)" "$(traced objects)" &&
		equal blocks "$(sed -nE 's/^@blocks\[pages, .*: //p' /tmp/trace | awk '{ n += $1 } END { print n }')" "$(asked 'page blocks')" &&
		equal pages "$(traced 'pages\[pages\]')" "$(traced 'pages_freed\[pages\]')" &&
		equal contig "$(traced 'pages\[contig\]')" "$(traced 'pages_freed\[contig\]')"
}

trace_cases() {
	mark
	try "stock/$1-bpftrace-loads" load || return
	try "stock/$1-bpftrace-counts-700" trace_counts 700 30
	try "stock/$1-bpftrace-counts-1300" trace_counts 1300 300
	rmmod kmemx
}

guest() {
	local kernel=$1 backend
	shift
	auto_cases "$kernel" "$1"
	for backend; do backend_cases "$kernel" "$backend"; done
	[ "$kernel" != backports ] || trace_cases "$kernel"
	leak_cases "$kernel" pages
	leak_cases "$kernel" "$1"
}

# ---- On the host

# What auto takes first, and then what else there is.
module_cases() {
	local backends=(contig pages)
	case $1 in
	kunit | debug | uml) return ;;
	backports | rt | arm64) backends=(cma "${backends[@]}") ;;
	esac
	# So that a cache of the sample that has objects left when it goes is not another one's.
	in_guest "$1" "$1" --append slab_nomerge --timeout 600 -- guest "$1" "${backends[@]}"
}

# gives STATUS ARGUMENT...: scripts/vm/run has that exit status.
gives() {
	local want=$1 status=0
	shift
	scripts/vm/run --no-build --smp 1 --console "$TAP_LOGS/gives-$want.console" "$@" || status=$?
	[ "$status" = "$want" ] || { echo "status $status, not $want"; return 1; }
}

# That a guest ends with 0 is what all other groups stand on.
vm_cases() {
	try "stock/vm-$1-false" gives 1 --kernel "$1" -- false || true
	try "stock/vm-$1-panic" gives 125 --kernel "$1" -- sh -c 'echo c >/proc/sysrq-trigger; sleep 30' || true
	# A guest that lives on after one.
	[ "$1" != backports ] ||
		try "stock/vm-$1-report" gives 125 --kernel "$1" -- sh -c 'echo "WARNING: none, really" >/dev/kmsg' || true
	try "stock/vm-$1-timeout" gives 124 --kernel "$1" --timeout 2 -- sleep 60 || true
}

for kernel in $(parts "$@"); do
	ready "$kernel"
	module_cases "$kernel"
	vm_cases "$kernel"
done
