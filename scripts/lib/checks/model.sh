# shellcheck shell=bash
# The model of the page frames' protocol (kunit/model/protocol.pml), checked by spin in
# every order of steps. Read by scripts/check.
#
# A search that was complete need not be made again while model, table and tools are the same:
# what it came to is kept in the cache. KMEMX_FRESH=1 makes it all the same.

# A name, what must come of it, and what kunit/model/protocol.pml is built with. "holds": no
# property is violated. "ends": nor does anything go in circles. "fails": something was left
# out, or is known to be missing, and a property must be violated: else they are worth nothing.
model_table() {
	cat <<-'END'
		zone                    holds ZONE OPS_0=1 OPS_1=1
		zone-words              holds ZONE OPS_0=1 OPS_1=1 W=1 NW=4
		zone-chunks             holds ZONE OPS_0=1 OPS_1=1 C=2
		zone-ends               ends  ZONE OPS_0=1 OPS_1=1
		fronts                  holds SMP OPS_0=2 OPS_1=1
		interrupt               holds NMI OPS_0=2 OPS_1=1
		interrupt-ends          ends  NMI OPS_0=1 OPS_1=1
		double-free             holds DOUBLE OPS_0=1 OPS_1=1

		no-second-look          fails ZONE OPS_0=1 OPS_1=1 MUTANT_NO_SECOND_LOOK
		settle-once             fails ZONE OPS_0=1 OPS_1=1 MUTANT_SETTLE_ONCE
		no-look-at-rank         fails ZONE OPS_0=1 OPS_1=1 MUTANT_NO_LOOK_AT_RANK
		keep-reservation        fails ZONE OPS_0=1 OPS_1=1 MUTANT_KEEP_RESERVATION
		bits-first              fails ZONE OPS_0=1 OPS_1=1 MUTANT_BITS_FIRST
		whole-by-ranks          fails ZONE OPS_0=1 OPS_1=1 MUTANT_WHOLE_BY_RANKS
		leave-full              fails ZONE OPS_0=1 OPS_1=1 W=1 NW=4 MUTANT_LEAVE_FULL
		give-no-look            fails ZONE OPS_0=2 OPS_1=1 W=1 NW=4 MUTANT_GIVE_NO_LOOK
		used-once               fails ZONE OPS_0=1 OPS_1=1 C=2 MUTANT_USED_ONCE
		moved-no-look           fails ZONE OPS_0=1 OPS_1=1 MUTANT_MOVED_NO_LOOK
		note-last               fails ZONE OPS_0=1 OPS_1=1 C=2 MUTANT_NOTE_LAST
		forget-emptied          fails ZONE OPS_0=1 OPS_1=1 C=2 MUTANT_FORGET_EMPTIED
		claim-by-store          fails ZONE OPS_0=2 OPS_1=1 W=1 NW=4 MUTANT_CLAIM_BY_STORE
		trust-the-caller        fails ZONE OPS_0=1 OPS_1=1 MUTANT_TRUST_THE_CALLER
		no-busy                 fails NMI OPS_0=1 OPS_1=1 MUTANT_NO_BUSY
		wait                    fails NMI OPS_0=1 OPS_1=1 MUTANT_WAIT
		drain-others            fails SMP OPS_0=2 OPS_1=1 MUTANT_DRAIN_OTHERS
		flush-one               fails SMP OPS_0=2 OPS_1=1 MUTANT_FLUSH_ONE
		double-free-and-reuse   fails DOUBLE REUSE OPS_0=2 OPS_1=2
	END
}

# run_model DIR WANT DEFINE...: what spin's program says, in DIR/out.
run_model() {
	local dir=$1 want=$2 define args=(-DW=2 -DNW=2 -DC=1) build=(-DSAFETY) run=()
	shift 2
	for define; do
		# A later one is instead of an earlier one.
		mapfile -t args < <(printf '%s\n' "${args[@]}" | grep -v "^-D${define%%=*}=")
		args+=("-D$define")
	done
	case $want:$* in
	ends:* | *MUTANT_WAIT) build=(-DNP) run=(-l) ;;
	esac
	rm -rf "$dir"
	mkdir -p "$dir"
	cp kunit/model/*.pml "$dir/"
	cd "$dir" || return
	spin -a "${args[@]}" protocol.pml && gcc -O0 -w -DMEMLIM=4000 "${build[@]}" -o pan pan.c && ./pan -m100000 "${run[@]}" >out
}

# judge_model NAME WANT DIR: prints what is wrong.
judge_model() {
	local name=$1 want=$2 out=$3/out
	[ -s "$out" ] || { echo "$name: did not run:"; cat "$3.log"; return; }
	# A search that was cut off has shown nothing.
	! grep -qE 'max search depth too small|out of memory|reached -DMEMLIM' "$out" || echo "$name: the search is not complete"
	if [ "$want" = fails ]; then
		grep -qE '^pan:1: (assertion violated|non-progress cycle)' "$out" || echo "$name: no property is violated"
	else
		grep -q 'errors: 0$' "$out" || { echo "$name: a property is violated:"; grep '^pan:' "$out"; }
	fi
}

check_model() {
	local dir=build/check/model name want defines problems kept
	kept=$KMEMX_CACHE/model/$({ dpkg-query -W spin gcc-14 && cat kunit/model/*.pml scripts/lib/checks/model.sh; } | sha256sum | cut -c1-32)
	mkdir -p "$dir" "${kept%/*}"
	find "${kept%/*}" -type f -mtime +14 -delete
	if [ -z "${KMEMX_FRESH:-}" ] && [ -e "$kept" ]; then
		touch "$kept"
		echo "$(cat "$kept"), as is known"
		return
	fi
	while read -r name want defines; do
		[ -n "$name" ] || continue
		while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
			wait -n || true
		done
		# shellcheck disable=SC2086 # one word a definition
		(run_model "$dir/$name" "$want" $defines) >"$dir/$name.log" 2>&1 &
	done < <(model_table)
	wait
	problems=$(model_table | while read -r name want defines; do
		[ -z "$name" ] || judge_model "$name" "$want" "$dir/$name"
	done)
	[ -z "$problems" ] || { echo "$problems"; return 1; }
	echo "# $(cat "$dir"/*/out | awk '/states, stored/ { n += $1 } END { printf "%d", n }') states, $(model_table | grep -c ' fails ') faults found" | tee "$kept"
}
