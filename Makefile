# SPDX-License-Identifier: GPL-2.0
#
# What a person types; what the kernel's build reads is in Kbuild.
# V=1, W=1 and C=1 mean what they mean there.

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build

# The module alone: what is installed, and what dkms builds, has no tests in it.
MODULE_ONLY := KMEMX_KUNIT=n

VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)
KBUILD = $(MAKE) -C $(KDIR) M=$(CURDIR)

# What the kernel's build leaves beside the sources.
DROPPINGS := *.o *.ko *.mod *.mod.c *.a *.symvers *.order .*.cmd .*.d .module-common.*

.DEFAULT_GOAL := all
.PHONY: all modules install dkms clean host-test check vm-test test bench demo vm help .headers

all: modules ## the module, against KDIR (default: the running kernel's headers)

modules: .headers ## the same
	+$(KBUILD) modules

install: .headers ## build the module and install it under /lib/modules/KVER/updates
	+$(KBUILD) $(MODULE_ONLY) modules
	+$(KBUILD) $(MODULE_ONLY) INSTALL_MOD_DIR=updates modules_install
	depmod $(KVER)

dkms: ## have DKMS build and install the module now, and again with every new kernel
	@command -v dkms >/dev/null || \
		{ echo 'dkms is missing: apt-get install dkms linux-headers-$(KVER)' >&2; exit 1; }
	@if [ -n "$$(dkms status -m kmemx -v $(VERSION))" ]; then \
		dkms remove -m kmemx -v $(VERSION) --all; fi
	rm -rf /usr/src/kmemx-$(VERSION)
	scripts/lib/copy-tree /usr/src/kmemx-$(VERSION)
	dkms install -m kmemx -v $(VERSION) -k $(KVER)

demo: ## the main job on a stock kernel in a VM, from a bare Debian machine; needs no headers
	scripts/demo

vm: ## a shell in the test VM with the modules at hand [VM=backports]
	scripts/vm/run --kernel $(or $(VM),backports)

test: ## everything that must pass; .ci/run calls it
	scripts/test

host-test: ## the pure cores' suites in user space, under sanitizers [T=pattern] [SEED=n] [WALKS=n]
	scripts/lib/host-test $(if $(SEED),--seed '$(SEED)') $(if $(WALKS),--walks '$(WALKS)') $(if $(T),'$(T)')

vm-test: ## the KUnit suites in the VM, or the sample on a stock kernel [VM=kunit]
	scripts/test $(if $(filter debug kcsan,$(VM)),$(VM),$(if $(filter kunit kunit-rt uml,$(or $(VM),kunit)),kunit,stock):$(or $(VM),kunit))

bench: ## kmemx beside its peers: tables, build/bench.tsv, docs/performance.md [QUICK=1]
	scripts/bench $(if $(QUICK),--quick)

check: ## layers, style, sparse, documents, configurations (scripts/check --help)
	scripts/check

clean: ## remove everything that was built (not the cached VM: scripts/vm/root --help)
	rm -rf build
	find . -path ./.git -prune -o -type f \( -false $(DROPPINGS:%=-o -name '%') \) -exec rm -f {} +

help: ## this list
	@echo 'kmemx $(VERSION). Targets:'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='	' read -r name text; do printf '  %-10s %s\n' "$$name" "$$text"; done
	@echo 'Variables: KVER or KDIR (which kernel), V=1 (commands), W=1 (warnings), C=1 (sparse).'

.headers:
	@[ -e $(KDIR)/Makefile ] || { \
		echo 'No kernel headers in $(KDIR).' >&2; \
		echo 'For the running kernel: apt-get install linux-headers-$(KVER); for another: make KDIR=...' >&2; \
		echo '"make demo" and "make test" need none: they build in a Debian root of their own.' >&2; \
		exit 1; }
