# SPDX-License-Identifier: Apache-2.0
# clang-tidy over every source that changed, or whose headers did, since it was last found clean.

CLANG_TIDY ?= clang-tidy-19
TIDY_FLAGS := -std=c++2b -fno-exceptions -I.
TIDIED     := $(filter %.cc,$(FORMATTED:./%=%))

.PHONY: tidy tidy-files
tidy: ## clang-tidy over what changed since the last time; TIDIED="a.cc b.cc" for some
	+@$(MAKE) --no-print-directory -k \
	  $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc)) tidy-files
tidy-files: $(TIDIED:%=build/tidy/%.ok)
build/tidy/%.ok: % .clang-tidy
	@mkdir -p $(@D)
	@echo "tidy $<"
	@$(CLANG_TIDY) --quiet --warnings-as-errors='*' $< -- $(TIDY_FLAGS) 2>$@.log || \
	  { grep -v 'warnings generated' $@.log; exit 1; }
	@clang++-19 $(TIDY_FLAGS) -MM -MP -MT $@ -MF $@.d $<
	@touch $@
-include $(shell find build/tidy -name '*.d' 2>/dev/null)
