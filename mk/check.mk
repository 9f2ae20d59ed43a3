# SPDX-License-Identifier: Apache-2.0
# What a machine can say about the style of the tree, without running any of it.

CHECK_OBJECTS   := $(call objects,$(call sources,tests/check))
FORMATTED       := $(shell find . -path ./build -prune -o \( -name '*.cc' -o -name '*.h' \) -print)
CLANG_FORMAT    ?= $(shell command -v clang-format-19)

$(B)/style_check: $(CHECK_OBJECTS) $(B)/libbase.a
	$(CXX) $(MODE) $^ -o $@
$(B)/check_test: $(call objects,$(call sources,tests/unit/check)) \
    $(filter-out %/style_check.o,$(CHECK_OBJECTS)) $(B)/libbase.a
	$(CXX) $(MODE) $^ $(call packages,gtest_main gmock) -o $@
unit: $(B)/check_test.passed

.PHONY: check style-check format-check format
check: style-check format-check ## layers, bans, limits, documents and format of every file
style-check: $(B)/style_check
	$<

# Each file's verdict is kept, so that only changed files are looked at again.
format-check: $(if $(CLANG_FORMAT),$(FORMATTED:./%=build/format/%.ok))
	@$(if $(CLANG_FORMAT),,echo "format-check: no clang-format-19, nothing was checked" >&2)
build/format/%.ok: % .clang-format
	@mkdir -p $(@D)
	@$(CLANG_FORMAT) --dry-run --Werror $<
	@touch $@

format: ## write every file anew as clang-format wants it
	$(CLANG_FORMAT) -i $(FORMATTED)
