#!/bin/bash
# usage: scripts/tests/dkms.sh [KERNEL...]
#
# dkms add, build, install and remove of the tree as it would be packaged, for each
# KERNEL of the matrix (default: backports and stable), in trees of its own: nothing of
# the machine's or the root's dkms is touched. A case per step.
# shellcheck source=scripts/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

kernels=("$@")
[ $# -gt 0 ] || kernels=(backports stable)
# As it is called here, and in the root.
trees=$PWD/$TAP_LOGS/trees
shared=$(scripts/vm/enter -- scripts/vm/build --shared-top)/$TAP_LOGS/trees
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)

# The kernels are unpacked where dkms does not look for sign-file, so it does not sign.
run_dkms() {
	mkdir -p "$trees/dkms" "$trees/install"
	scripts/vm/enter -- dkms "$@" --dkmstree "$shared/dkms" --sourcetree "$shared/source" --installtree "$shared/install"
}

for_kernel() {
	run_dkms "$1" -m kmemx -v "$version" -k "$(release_of "$2")" \
		--kernelsourcedir "$(scripts/vm/kernel --build-dir "$2")" "${@:3}"
}

release_of() { cat "$(scripts/vm/kernel --dir "$1")/release"; }
installed() { find "$trees/install" -name '*.ko*' -path "*/$(release_of "$1")/*" -printf '%f\n' | sort; }

# The module and nothing else, with the version that dkms.conf has.
is_installed() {
	local file
	[[ $(installed "$1") == kmemx.ko* && $(installed "$1" | wc -l) = 1 ]] ||
		{ echo "installed: $(installed "$1" | tr '\n' ' ')"; return 1; }
	file=$(find "$trees/install" -name 'kmemx.ko*' -path "*/$(release_of "$1")/*")
	scripts/vm/enter -- modinfo -F version "$file" | tee /dev/stderr | grep -qxF "$version"
}

is_gone() {
	! find "$trees/install" "$trees/dkms" -name '*.ko*' | grep . || return 1
	! run_dkms status | grep kmemx
}

test_kernel() {
	local kernel=$1
	ready "$kernel"
	try "dkms/$kernel-headers" scripts/vm/kernel "$kernel" || return 0
	mkdir -p "$trees/install/$(release_of "$kernel")"
	try "dkms/$kernel-build" for_kernel build "$kernel" || return 0
	try "dkms/$kernel-install" for_kernel install "$kernel" --no-depmod || return 0
	try "dkms/$kernel-is-installed" is_installed "$kernel" || true
	try "dkms/$kernel-uninstall" for_kernel uninstall "$kernel" --no-depmod || true
}

rm -rf "$trees"
mkdir -p "$trees"
try dkms/package scripts/lib/copy-tree "$trees/source/kmemx-$version"
try dkms/add run_dkms add -m kmemx -v "$version"
for kernel in "${kernels[@]}"; do
	test_kernel "$kernel"
done
try dkms/remove run_dkms remove -m kmemx -v "$version" --all --no-depmod
try dkms/nothing-left is_gone
