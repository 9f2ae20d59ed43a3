# SPDX-License-Identifier: Apache-2.0
# CRIU, which checkpoint and restore need: built once by packaging/criu, kept outside of the tree.
# Without it everything else builds and runs.

CRIU_CACHE ?= /var/cache/crun-lite/criu
CRIU       := $(wildcard $(CRIU_CACHE))
export CRIU_CACHE

# Where a program of the build folder looks for it too.
build/libexec/crun-lite/criu: $(CRIU_CACHE)
	@mkdir -p $(@D)
	cp $< $@
integration-programs: $(if $(CRIU),build/libexec/crun-lite/criu)
