#!/bin/bash
# usage: scripts/tests/bench.sh
#
# scripts/bench measures: a quick run of cost and of the named workloads on backports, where
# the clock counts instructions, has a number from every allocator; and the judgement of two
# runs: rows of kmemx must be equal, those of peers within 1.5 %, and a comparison that did
# not take place is no verdict. No number is compared with a bound.
# shellcheck source=scripts/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

OBJECTS="slub_64 slub_256 slub_1024 kmalloc_64 mempool_64 dmapool_64 zsmalloc_64
	kmemx_cache_64 kmemx_cache_256 kmemx_cache_1024 kmemx_alloc_64"
BLOCKS="pages_o0 pages_o9 genpool_4k_o0 gpubuddy_o0 listbuddy_o0 kmemx_pages_o0 kmemx_pages_o9"
MORE="null pages_o2 pages_o4 kmemx_pages_o2 kmemx_pages_o4"

report() { scripts/vm/enter -- scripts/lib/bench-report "$@"; }

# has_numbers MODE ALLOCATORS WORKLOAD...
has_numbers() {
	local mode=$1 name workload
	for name in $2; do
		for workload in "${@:3}"; do
			awk -F'\t' -v mode="$mode" -v name="$name" -v workload="$workload" \
				'$2 == mode && $3 == name && $4 == workload && $5 == "pair" && $6 > 0 { found = 1 }
				END { exit !found }' "$TAP_LOGS/bench.tsv" || { echo "no number: $mode $name $workload"; return 1; }
		done
	done
}

named_has_numbers() {
	has_numbers named "$OBJECTS" larson prodcons && has_numbers named "$BLOCKS" llfree_bulk llfree_repeat llfree_rand
}

# table FILE KMEMX PEER: two rows.
table() {
	{
		printf 'kernel\tmode\tallocator\tworkload\tmetric\tvalue\tunit\n'
		printf 'k\tcost\tkmemx_cache_64\thot\tpair\t%s\tinstructions\n' "$2"
		printf 'k\tcost\tslub_64\thot\tpair\t%s\tinstructions\n' "$3"
	} >"$TAP_LOGS/$1"
}

# judged STATUS FILE: the comparison with "one" ends with it.
judged() {
	local status=0
	report --agree "$PWD/$TAP_LOGS/one" "$PWD/$TAP_LOGS/$2" || status=$?
	[ "$status" = "$1" ] || { echo "$2: status $status, not $1"; return 1; }
}

judges() {
	table one 500 1000
	table same 500 1000
	table near 500 1014
	table far 500 1017
	table ours 500.1 1000
	echo "no table" >"$TAP_LOGS/broken"
	judged 0 same && judged 0 near && judged 3 far && judged 3 ours && judged 1 broken
}

# From wherever the files are.
compares() {
	local dir status=0
	dir=$(mktemp -d)
	cp "$TAP_LOGS/one" "$TAP_LOGS/far" "$dir"
	scripts/bench --compare "$dir/one" "$dir/far" | tee /dev/stderr |
		grep -qx '1 of 2 rows changed by more than 1 %' || status=1
	rm -r "$dir"
	return "$status"
}

# What is to be repeated has to be there.
repeats_what_there_is() {
	local dir status=0
	dir=$(mktemp -d)
	{ scripts/bench --again --out "$dir" native 2>&1 || [ $? = 2 ]; } |
		grep -F "no whole run has left $dir/bench.tsv" || status=1
	rm -r "$dir"
	return "$status"
}

ready backports
try bench/two-runs-are-judged judges || true
try bench/compare compares || true
try bench/again repeats_what_there_is || true
try bench/quick scripts/bench --quick --out "$TAP_LOGS" cost named || exit 0
try bench/every-allocator-has-a-number has_numbers cost "$OBJECTS $BLOCKS $MORE" hot batch128 rand4096 churn4096 || true
try bench/named-workloads-have-numbers named_has_numbers || true
