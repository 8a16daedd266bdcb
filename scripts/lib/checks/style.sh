# shellcheck shell=bash
# Tools that know shell, and the kernel's style. Read by scripts/check.

# By their first line; files that are only read by others say "# shellcheck shell=".
shell_scripts() {
	our_files | while IFS= read -r file; do
		case $(head -c 60 "$file" | head -n 1) in
		'#!'*sh | '#!'*'sh '* | '# shellcheck shell='*) echo "$file" ;;
		esac
	done
}

check_shell() {
	local files
	mapfile -t files < <(shell_scripts)
	# Not asked: "A && B || die", which is meant as it stands (SC2015), and what it
	# holds to be unreachable when it is called through a trap or a variable (SC2317).
	shellcheck --external-sources --source-path=SCRIPTDIR --color=never \
		--exclude=SC2015,SC2317 "${files[@]}"
	echo "# ${#files[@]} scripts"
}

# stamp DIR FILE: where it is noted that checkpatch has nothing to say about it.
stamp() {
	echo "$KMEMX_CACHE/checkpatch/$(cd "$1" && cat "$2" .checkpatch.conf "$source/scripts/checkpatch.pl" |
		sha256sum | cut -c1-32)-${2//\//-}"
}

# run_checkpatch DIR FILE...: exceptions are in DIR/.checkpatch.conf. Files that it had
# nothing to say about, as they are now, it does not read again, as that takes a minute.
run_checkpatch() {
	local dir=$1 status=0 file new=() stamps=()
	shift
	[ $# -gt 0 ] || { echo "there are no C files in $dir"; return 1; }
	mkdir -p "$KMEMX_CACHE/checkpatch"
	find "$KMEMX_CACHE/checkpatch" -type f -mtime +30 -delete
	for file in "$@"; do
		stamps+=("$(stamp "$dir" "$file")")
		[ -e "${stamps[-1]}" ] || new+=("$file")
	done
	echo "# $dir: ${#new[@]} of $# files to look at"
	[ ${#new[@]} -gt 0 ] || return 0
	# It leaves a list of the names that it saw in the kernel's headers where it runs;
	# with git it would look for them in this repository.
	(cd "$dir" && GIT_DIR=/nonexistent perl "$source/scripts/checkpatch.pl" --root="$source" --strict \
		--show-types --color=never --terse --no-summary -f "${new[@]}") || status=1
	rm -f "$dir"/.checkpatch-camelcase.*
	[ "$status" != 0 ] || touch "${stamps[@]}"
	return "$status"
}

# kunit/host is user space and has exceptions of its own.
check_checkpatch() {
	local source files host status=0
	source=$(scripts/lib/kernel-source)
	mapfile -t host < <(c_files | grep '^kunit/host/' | sed 's|^kunit/host/||')
	mapfile -t files < <(c_files | grep -v '^kunit/host/')
	run_checkpatch . "${files[@]}" || status=1
	run_checkpatch kunit/host "${host[@]}" || status=1
	echo "# $((${#files[@]} + ${#host[@]})) files"
	return "$status"
}

check_kernel_doc() {
	local source headers
	source=$(scripts/lib/kernel-source)
	mapfile -t headers < <(c_files | grep -E '^module/.*\.h$')
	[ ${#headers[@]} -gt 0 ] || { echo "there are no headers"; return 1; }
	python3 "$source/tools/docs/kernel-doc" -none -Werror "${headers[@]}" || return 1
	echo "# ${#headers[@]} headers"
}

# Debian's header packages lack what the build needs for C=2, hence the prepared tree.
# Debian's sparse is behind the kernel's headers: it has no __typeof_unqual__, and holds
# the length of a literal, which MODULE_INFO() asserts, not to be a constant. After an
# error it keeps its warnings to itself, so an error anywhere counts.
SPARSE="sparse -D__typeof_unqual__=__typeof__ '-D__builtin_strlen(s)=(sizeof(s)-1)'"

check_sparse() {
	local dir log=build/check/sparse.make consumer
	dir=$(scripts/vm/build --shared-top)/build/check/sparse
	rm -rf "$dir"
	scripts/lib/copy-tree "$dir"
	: >"$log"
	run_sparse "$dir" "$log" || return 1
	for consumer in "$dir"/samples/*/ "$dir"/bench/; do
		run_sparse "${consumer%/}" "$log" KBUILD_EXTRA_SYMBOLS="$dir/Module.symvers" BENCH_ALL_PEERS=1 || return 1
	done
	# Names of ours are from the directory that was built; the kernel's have its tree in them.
	# In trace.c, show_gfp_flags() expands to more than sparse takes in one macro.
	! grep -E '(error|warning): ' "$log" | grep -vE '/observe/trace\.h:.* too long token expansion$' |
		grep -E "(^|/)(module|kunit|samples|bench)/|^[^/]+\.[ch]:|: error: " || return 1
	echo "# $(grep -c '^ *CHECK ' "$log") files"
}

# run_sparse DIR LOG MAKE-ARGUMENT...: builds DIR, and appends to LOG what is said meanwhile.
run_sparse() {
	local dir=$1 log=$2 tree args
	shift 2
	tree=$(scripts/vm/variants --tree)
	read -ra args < <(scripts/vm/kernel --make-args kunit)
	make -C "$tree" M="$dir" "${args[@]}" C=2 CHECK="$SPARSE" KBUILD_MODPOST_WARN=1 "$@" modules >"$log.part" 2>&1 ||
		{ tail -n 30 "$log.part"; return 1; }
	# Silence must not mean that it looked at nothing.
	grep -q '^ *CHECK ' "$log.part" || { echo "sparse did not run in $dir:"; head -n 5 "$log.part"; return 1; }
	cat "$log.part" >>"$log"
}

check_variants() { scripts/vm/variants; }
