#!/bin/bash
# usage: scripts/tests/bench.sh
#
# scripts/bench measures: a quick run of cost, of the named workloads, of the list buddy's
# variants and of lists of free objects has a number from every allocator; what the variants
# fail is what others have found for them; and the judgement of two runs: rows of kmemx must be
# equal, those of peers within 1.5 %, and a comparison that did not take place is no verdict.
# No number of kmemx is compared with a bound.
# shellcheck source=scripts/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

OBJECTS="slub_64 slub_256 slub_1024 kmalloc_64 mempool_64 dmapool_64 zsmalloc_64
	kmemx_cache_64 kmemx_cache_256 kmemx_cache_1024 kmemx_alloc_64"
BLOCKS="pages_o0 pages_o9 genpool_4k_o0 gpubuddy_o0 listbuddy_o0 kmemx_pages_o0 kmemx_pages_o9"
MORE="null pages_o2 pages_o4 kmemx_pages_o2 kmemx_pages_o4"

POLICIES="policy_lifo policy_fifo policy_address policy_slack policy_deferred16 policy_deferred16384"

report() { scripts/vm/enter -- scripts/lib/bench-report "$@"; }

# has_number MODE ALLOCATOR WORKLOAD METRIC
has_number() {
	awk -F'\t' -v key="$1 $2 $3 $4" '$2 " " $3 " " $4 " " $5 == key && $6 > 0 { found = 1 } END { exit !found }' \
		"$TAP_LOGS/bench.tsv" || { echo "no number: $*"; return 1; }
}

# has_numbers MODE ALLOCATORS WORKLOAD...
has_numbers() {
	local name workload
	for name in $2; do
		for workload in "${@:3}"; do has_number "$1" "$name" "$workload" pair || return; done
	done
}

named_has_numbers() {
	has_numbers named "$OBJECTS" larson prodcons && has_numbers named "$BLOCKS" llfree_bulk llfree_repeat llfree_rand
}

policies_have_numbers() {
	local name
	for name in $POLICIES; do
		has_numbers policies "${name}_o0" hot batch128 rand4096 || return
		has_number policies "$name" fill80 splits && has_number policies "$name" fill90 free_max || return
	done
	has_number policies kmemx_pages fill90 alloc
}

lists_have_numbers() {
	local kind bytes
	for bytes in 32 256; do
		for kind in intrusive node16 index16 array; do
			has_number lists "list_${kind}_$bytes" walk_32768 d1 && has_number lists "list_${kind}_$bytes" pop_32768 ns || return
		done
		has_number lists "list_index8_$bytes" pop_64 insn || return
	done
}

# Of the first seed, which is the one that a quick run has.
fails_as_elsewhere() {
	awk -F'\t' '
		NR == FNR { if ($4 == "fail_o9") expected[$2 " " $3] = $5; next }
		$2 == "policies" && $5 == "fail_o9" && ($3 " " $4) in expected {
			seen++
			if ($6 + 0 != expected[$3 " " $4] + 0) { print $3, $4 ":", $6, "not", expected[$3 " " $4]; wrong++ }
		}
		END { print seen + 0, "compared"; exit wrong || seen != length(expected) || !seen }' \
		bench/baselines.tsv "$TAP_LOGS/bench.tsv"
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
	touch "$dir/bench.tsv"
	{ scripts/bench --again --out "$dir" cost cost_64m cost_init tail frag policies memory smp native host lists 2>&1 || [ $? = 2 ]; } |
		grep -F "no whole run has left backports.named in $dir/bench; name its mode too" || status=1
	rm -r "$dir"
	return "$status"
}

ready backports
try bench/two-runs-are-judged judges || true
try bench/compare compares || true
try bench/again repeats_what_there_is || true
try bench/quick scripts/bench --quick --out "$TAP_LOGS" cost named policies lists || exit 0
try bench/every-allocator-has-a-number has_numbers cost "$OBJECTS $BLOCKS $MORE" hot batch128 rand4096 churn4096 || true
try bench/named-workloads-have-numbers named_has_numbers || true
try bench/policies-have-numbers policies_have_numbers || true
try bench/policies-fail-as-elsewhere fails_as_elsewhere || true
try bench/lists-have-numbers lists_have_numbers || true
