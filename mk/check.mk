# SPDX-License-Identifier: Apache-2.0
# What a machine can say about the style of the tree, without running any of it.

CHECK_OBJECTS := $(call objects,$(call sources,tests/check))
FORMATTED     := $(shell find . -path ./build -prune -o \( -name '*.cc' -o -name '*.h' \) -print)
SCRIPTS       := $(shell grep -rlI --exclude-dir=build --exclude-dir=.git '^\#!/bin/bash' .)
CLANG_FORMAT  ?= $(shell command -v clang-format-19)
SHELLCHECK    ?= $(shell command -v shellcheck)

$(B)/style_check: $(CHECK_OBJECTS) $(B)/libbase.a
	$(CXX) $(MODE) $^ -o $@
$(B)/check_test: $(call objects,$(call sources,tests/unit/check)) \
    $(filter-out %/style_check.o,$(CHECK_OBJECTS)) $(B)/libbase.a
	$(CXX) $(MODE) $^ $(call packages,gtest_main gmock) -o $@
unit: $(B)/check_test.passed

.PHONY: check style-check results-check format-check script-check format
check: style-check results-check format-check script-check ## layers, bans, limits, links, format
style-check: $(B)/style_check
	@$<
# Who counts the tests is tested on a report of GoogleTest, and on one that was cut.
results-check:
	@awk -f tests/results.awk tests/check/sample.xml | diff - tests/check/sample.results
	@! head -n 20 tests/check/sample.xml | awk -f tests/results.awk >/dev/null

# The verdict on each file is kept, so that only changed files are looked at again.
format-check: $(if $(CLANG_FORMAT),$(FORMATTED:./%=build/format/%.ok))
	@$(if $(CLANG_FORMAT),,echo "format-check: no clang-format-19, nothing was checked" >&2)
script-check: $(if $(SHELLCHECK),$(SCRIPTS:./%=build/scripts/%.ok))
	@$(if $(SHELLCHECK),,echo "script-check: no shellcheck, nothing was checked" >&2)
build/format/%.ok: % .clang-format
	@mkdir -p $(@D)
	@$(CLANG_FORMAT) --dry-run --Werror $<
	@touch $@
build/scripts/%.ok: %
	@mkdir -p $(@D)
	@$(SHELLCHECK) --severity=warning $<
	@touch $@

format: ## write every file anew as clang-format wants it
	$(CLANG_FORMAT) -i $(FORMATTED)
