# shellcheck shell=bash
# What the groups of scripts/tests do in a guest: after tap.sh,
#
#   . "$(dirname "$TAP_SELF")/../lib/guest.sh"
#
# Shell functions travel there by declare -f, these and the group's own.

debug=/sys/kernel/debug/kmemx

# ---- In the guest

meminfo() { sed -nE "s/^$1: +([0-9]+) kB/\1/p" /proc/meminfo; }
stat_of() { sed -n "s/^$1 //p" "$debug/stat"; }
# What the kernel said since mark.
mark() { mark="kmemx-test-$RANDOM$RANDOM" && echo "$mark" >/dev/kmsg; }
said() { dmesg -t | sed "1,/^$mark\$/d"; }

# equal WHAT A B: fails and says so unless A = B.
equal() { [ "$2" = "$3" ] || { echo "$1: $2, not $3"; return 1; }; }

# Free pages wait on lists of each CPU too, where MemFree does not see them.
free_kb() {
	echo 3 >/proc/sys/vm/drop_caches
	echo 1 >/proc/sys/vm/stat_refresh
	awk '$1 == "MemFree:" { kb += $2 } $1 == "count:" { kb += $2 * 4 } END { print kb }' /proc/meminfo /proc/zoneinfo
}

measure() { cma=$(meminfo CmaFree) free=$(free_kb); }

# memory_is_back KB: after at most 2 s, all of CmaFree since measure, and free pages but
# for KB that the kernel itself may take meanwhile, once for all calls.
memory_is_back() {
	local cma0=$cma free0=$free is_back=''
	for _ in {1..20}; do
		measure
		[ "$cma" != "$cma0" ] || [ $((free + $1)) -lt "$free0" ] || is_back=1
		[ -z "$is_back" ] || break
		sleep 0.1
	done
	[ -n "$is_back" ] || echo "CmaFree $cma0 -> $cma kB, free $free0 -> $free kB"
	cma=$cma0 free=$free0
	[ -n "$is_back" ]
}

# What is loaded once, and stays.
warm_up() { mkdir -p "$TAP_LOGS" && insmod kmemx.ko && rmmod kmemx; }

# ---- On the host

# in_guest NAME KERNEL OPTION... -- FUNCTION [ARGUMENT...]: boots KERNEL with scripts/vm/run's
# OPTIONs, runs FUNCTION and prints its cases; then one of its own: the guest lived to the
# end.
in_guest() {
	local name=$1 kernel=$2 options=() out=$TAP_LOGS/$1 status=0
	shift 2
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	shift
	ready "$kernel"
	progress "$TAP_GROUP: booting $name ..."
	# shellcheck disable=SC2016 # for the guest's shell
	scripts/vm/run --kernel "$kernel" --console "$out.console" "${options[@]}" -- \
		bash -c "debug=$debug TAP_LOGS=/tmp/tap; $(declare -f)"'; warm_up; "$@"; echo "# end"' bash "$@" \
		>"$out.guest" 2>"$out.err" || status=$?
	sed '/^# end$/d' "$out.guest"
	if [ "$status" = 0 ] && tail -n 1 "$out.guest" | grep -qx '# end'; then
		ok "$TAP_GROUP/$name-guest"
	else
		explain "$out.err" 30
		not_ok "$TAP_GROUP/$name-guest" "status $status; $out.console"
	fi
}
