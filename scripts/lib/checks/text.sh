# shellcheck shell=bash
# What a search of the sources shows. Read by scripts/check.

# What is ours: no build products, nothing of git's.
our_files() {
	find . \( -path ./build -o -path ./.git -o -name __pycache__ \) -prune -o -type f \
		! -name '*.o' ! -name '*.ko' ! -name '*.mod' ! -name '*.mod.c' ! -name '*.cmd' ! -name '.*.d' \
		! -name '*.symvers' ! -name '*.order' -printf '%P\n' | sort
}

c_files() { our_files | grep -E '^(module|kunit|samples|bench|tools)/.*\.[ch]$' || true; }

# none_match MESSAGE PATTERN FILE...: fails and shows where, if any file does.
none_match() {
	local message=$1 pattern=$2 found
	shift 2
	[ $# -gt 0 ] || return 0
	found=$(grep -nHE -- "$pattern" "$@" || true)
	[ -n "$found" ] || return 0
	printf '%s:\n%s\n' "$message" "$found"
	return 1
}

check_drift() {
	local files status=0
	mapfile -t files < <(c_files | grep -vx 'module/include/kmemx/compat.h')
	none_match "a kernel version test outside compat.h" \
		'LINUX_VERSION_CODE|KERNEL_VERSION[[:space:]]*\(|UTS_RELEASE|<linux/version\.h>' "${files[@]}" || status=1
	none_match "kallsyms is not an interface" 'kallsyms' "${files[@]}" || status=1
	mapfile -t files < <(our_files | grep -E '(^|/)Kbuild$')
	none_match "a kernel version test in Kbuild" \
		'KERNELVERSION|PATCHLEVEL|KERNELRELEASE' "${files[@]}" || status=1
	return "$status"
}

# The patterns are written so that they do not match themselves.
check_paths() {
	local files scripts status=0
	mapfile -t files < <(our_files | grep -vx LICENSE)
	mapfile -t scripts < <(our_files | grep -E '^(scripts|\.ci|kunit|Makefile|Kbuild|dkms.conf)')
	none_match "a path of one machine" '(^|[^[:alnum:]_./$}-])/(wor[k]|hom[e]|roo[t]|mn[t])/[[:alnum:]]' "${files[@]}" || status=1
	none_match "a server's name (take it from the machine's configuration)" \
		'[[:alnum:]-]\.(or[g]|co[m]|ne[t]|interna[l]|loca[l])([/:" ]|$)' "${scripts[@]}" || status=1
	return "$status"
}

check_version() {
	local header=module/include/kmemx/kmemx.h in_header in_dkms
	[ -e "$header" ] || { echo "there is no $header"; return 1; }
	in_header=$(sed -nE 's/^#define[[:space:]]+KMEMX_VERSION[[:space:]]+"([^"]+)".*/\1/p' "$header")
	in_dkms=$(sed -nE 's/^PACKAGE_VERSION="([^"]+)".*/\1/p' dkms.conf)
	[ -n "$in_header" ] || { echo "$header defines no KMEMX_VERSION \"...\""; return 1; }
	[ "$in_header" = "$in_dkms" ] ||
		{ echo "$header says $in_header, dkms.conf says ${in_dkms:-nothing}"; return 1; }
}

check_docs() {
	local docs
	mapfile -t docs < <(our_files | grep -E '^(README|docs/.*)\.md$')
	[ ${#docs[@]} -gt 0 ] || { echo "there is neither README.md nor docs/*.md"; return 1; }
	scripts/lib/checks/docs "${docs[@]}"
}

# Targets that begin with a dot are for the Makefile itself.
check_help() {
	local listed targets target status=0
	listed=$(make -s help)
	read -ra targets < <(sed -n 's/^\.PHONY: *//p' Makefile)
	for target in "${targets[@]}"; do
		case $target in
		.*) ;;
		*)
			grep -qE "^ +$target " <<<"$listed" || {
				echo "make help does not list $target"
				status=1
			} ;;
		esac
	done
	return "$status"
}
