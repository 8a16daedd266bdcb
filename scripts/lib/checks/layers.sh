# shellcheck shell=bash
# Which way the includes point. Read by scripts/check.

# Layer, files, and what is more than "nothing above": "pure" files include
# <kmemx/platform.h> and other pure files only; !NAME may not be included, which is a
# directory, or files of one whose names begin so.
# The first line that matches a file counts.
layer_table() {
	cat <<-'END'
		0  module/include/kmemx/*
		1  module/buddy/@(word|state|chunk|summary|bins|fragindex).[ch] pure
		1  module/slab/@(layout|classes).[ch]                          pure
		1  module/cma/*                                                !buddy !slab
		1  module/observe/@(stat|trace|report).[ch]
		2  module/observe/callers.[ch]
		2  module/buddy/@(zone|zone_@(bins|info|block|run|census|check)).[ch] !slab !buddy/pages !buddy/pcp !buddy/parcel
		2  module/buddy/@(pcp|parcel|pages|pages_@(front|quarantine)|fragmap|pagetype|prezero).[ch] !slab
		3  module/slab/*                                               !buddy/zone !buddy/pages !buddy/pcp !buddy/parcel
		4  module/policy/*
		4  module/region.[ch]
		5  module/@(api|api_cache|api_frames|api_contig|api_object|api_pages|api_pktbuf|api_usercopy|request).[ch]
		5  module/observe/snapshot.[ch]
		6  module/observe/debugfs*.[ch]
		6  module/@(main|params).[ch]
	END
}

# layer_of FILE: prints "LAYER RULES" or fails.
layer_of() {
	local layer pattern rules
	shopt -s extglob
	while read -r layer pattern rules; do
		# shellcheck disable=SC2254 # a pattern is meant
		case $1 in
		$pattern) echo "$layer $rules"; return ;;
		esac
	done < <(layer_table)
	return 1
}

# included_by FILE: "quoted NAME" or "angle NAME" for each include.
included_by() {
	sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"([^"]*)".*/quoted \1/p
		s/^[[:space:]]*#[[:space:]]*include[[:space:]]*<([^>]*)>.*/angle \1/p' "$1"
}

# path_of FILE KIND NAME: what FILE includes, in this tree, or nothing for the kernel's.
path_of() {
	local beside
	beside=$(dirname "$1")/$3
	case $2:$3 in
	angle:kmemx/*) echo "module/include/$3" ;;
	quoted:*) if [ -e "$beside" ]; then echo "$beside"; else echo "module/$3"; fi ;;
	esac
}

# check_include FILE LAYER RULES KIND NAME: prints what is wrong with one include.
check_include() {
	local file=$1 layer=$2 rules=$3 kind=$4 name=$5 path other rule
	path=$(path_of "$file" "$kind" "$name")
	if [ -z "$path" ]; then
		case " $rules " in
		*" pure "*) echo "$file: a pure core includes <$name>; it may have <kmemx/platform.h> only" ;;
		esac
		return
	fi
	[ -e "$path" ] || {
		echo "$file: includes \"$name\", and there is no $path nor one beside it"
		return
	}
	other=$(layer_of "$path") || return 0 # reported for that file itself
	[ "${other%% *}" -le "$layer" ] ||
		echo "$file: layer $layer includes $path of layer ${other%% *}"
	for rule in $rules; do
		case $rule:$path in
		pure:module/include/kmemx/platform.h) ;;
		pure:*)
			[ "${other#* }" = pure ] || echo "$file: a pure core includes $path, which is not pure" ;;
		"!"*)
			case $path in
			"module/${rule#!}"/* | "module/${rule#!}"*.[ch]) echo "$file: may not know $path" ;;
			esac ;;
		esac
	done
}

check_module_file() {
	local file=$1 found kind name
	found=$(layer_of "$file") || {
		echo "$file: in no layer; give it one in layer_table (scripts/lib/checks/layers.sh)"
		return
	}
	while read -r kind name; do
		check_include "$file" "${found%% *}" "${found#* }" "$kind" "$name"
	done < <(included_by "$file")
}

# A consumer (a sample, the bench) has the public header and nothing else of ours.
check_consumer_file() {
	local file=$1 kind name path
	while read -r kind name; do
		path=$(path_of "$file" "$kind" "$name")
		case $path in
		'' | module/include/kmemx/kmemx.h) ;;
		module/include/*) echo "$file: a consumer of kmemx includes <$name>; <kmemx/kmemx.h> is the public header" ;;
		*) [ -e "$(dirname "$file")/$name" ] || echo "$file: a consumer of kmemx includes \"$name\"" ;;
		esac
	done < <(included_by "$file")
}

check_layers() {
	local dir file problems
	problems=$(
		find module -name '*.[ch]' ! -name '*.mod.c' | sort | while read -r file; do
			check_module_file "$file"
		done
		for dir in samples bench; do
			[ ! -d "$dir" ] || find "$dir" -name '*.[ch]' ! -name '*.mod.c' ! -path 'bench/host/*' | sort | while read -r file; do
				check_consumer_file "$file"
			done
		done
	)
	[ -z "$problems" ] || { echo "$problems"; return 1; }
}
