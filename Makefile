# SPDX-License-Identifier: Apache-2.0
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
VARIANT ?= release
CXX     := g++
CCACHE  := $(shell command -v ccache)
export CCACHE_NOHASHDIR := 1                # a clone in another directory finds what is compiled
B       := build/$(VARIANT)

MODULES          := base oci cgroups namespaces image runtime
LAYER_base       := base                     # what a module may include and link, highest first
LAYER_oci        := oci base
LAYER_cgroups    := cgroups oci base
LAYER_namespaces := namespaces oci base
LAYER_image      := image oci base
LAYER_runtime    := runtime namespaces cgroups oci base

ENTRY                := -Wl,-u,crunlite_entry -Wl,-e,crunlite_entry   # runtime/entry.cc
PROGRAMS             := crun-lite crun-lite-image
MAIN_crun-lite       := runtime/main.cc
PKGS_crun-lite       := libseccomp libcap
STATIC_crun-lite     := -static-pie $(if $(filter x86_64,$(shell uname -m)),$(ENTRY))
MAIN_crun-lite-image := image/main.cc
PKGS_crun-lite-image := libarchive libisal libzstd libcrypto

PKGS_runtime := libseccomp libcap            # what a module's unit tests link besides
PKGS_image   := libarchive libisal libzstd libcrypto

MODE_release := -O2 -g1 -D_FORTIFY_SOURCE=2 -D_GLIBCXX_ASSERTIONS -fstack-protector-strong
MODE_debug   := -O0 -g3 -D_GLIBCXX_ASSERTIONS
MODE_asan    := -O0 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined \
                -fno-sanitize-recover=all
MODE_tsan    := -O1 -g1 -fsanitize=thread
LINK_asan    := -no-pie  # its relocations would take half of the time of a short program
MODE_cov     := -O0 -g --coverage -DCRUNLITE_COVERAGE
MODE         := $(or $(MODE_$(VARIANT)),$(error VARIANT is release, debug, asan, tsan or cov))
WARNINGS     := -Wall -Wextra -Wshadow -Wold-style-cast -Wnon-virtual-dtor -Wcast-qual -Wformat=2 \
                -Wduplicated-cond -Wlogical-op -Wno-maybe-uninitialized $(if $(WERROR),-Werror)
CXXFLAGS     := -std=c++23 -fno-exceptions -fPIE $(WARNINGS) $(MODE) -I.

objects  = $(patsubst %.cc,$(B)/%.o,$(1))
sources  = $(wildcard $(1)/*.cc $(1)/*/*.cc)
archives = $(patsubst %,$(B)/lib%.a,$(LAYER_$(1)))
packages = $(if $(1),$(shell pkg-config --libs $(2) $(1)))
linkmode = $(MODE) $(LINK_$(VARIANT)) $(if $(filter release debug,$(VARIANT)),$(STATIC_$(1)))
static   = $(if $(filter release debug,$(VARIANT)),$(if $(STATIC_$(1)),--static))
MAINS   := $(foreach p,$(PROGRAMS),$(MAIN_$(p)))
TESTED  := $(foreach m,$(MODULES),$(if $(call sources,tests/unit/$(m)),$(m)))

define module_rules
$(B)/lib$(1).a: $(call objects,$(filter-out $(MAINS),$(call sources,$(1))))
	rm -f $$@ && $(AR) rcs $$@ $$^
$(B)/$(1)_test: $(call objects,$(call sources,tests/unit/$(1))) $(call archives,$(1))
	$(CXX) $(MODE) $$^ $$(call packages,gtest_main gmock $(PKGS_$(1))) -o $$@
endef
define program_rules
$(B)/$(1): $(call objects,$(MAIN_$(1))) $(call archives,$(firstword $(subst /, ,$(MAIN_$(1)))))
	$(CXX) $(call linkmode,$(1)) $$^ $$(call packages,$(PKGS_$(1)),$(call static,$(1))) -o $$@
endef
$(foreach m,$(MODULES),$(eval $(call module_rules,$(m))))
$(foreach p,$(PROGRAMS),$(eval $(call program_rules,$(p))))

$(B)/%.o: %.cc $(B)/.flags
	@mkdir -p $(@D)
	$(CCACHE) $(CXX) $(CXXFLAGS) -MMD -MP -c $< -o $@
$(B)/.flags: FORCE        # changes only when the flags do, and then everything is rebuilt
	@mkdir -p $(B) && echo '$(CXX) $(CXXFLAGS)' | cmp -s - $@ || echo '$(CXX) $(CXXFLAGS)' > $@
$(B)/%_test.passed: $(B)/%_test
	$< --gtest_brief=1 && touch $@
-include $(shell find $(B) -name '*.d' 2>/dev/null)

.PHONY: all unit FORCE
all: $(addprefix $(B)/,$(PROGRAMS))
unit: $(TESTED:%=$(B)/%_test.passed)

-include mk/*.mk
