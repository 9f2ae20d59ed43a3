# SPDX-License-Identifier: Apache-2.0
# The static guest program, the injector of failures and the integration tests: real programs on a
# real kernel, as root.

GUEST_FLAGS   := -std=c++23 -fno-exceptions -O2 -g1 $(WARNINGS) -I.
GUEST_SOURCES := $(wildcard tests/guest/*.cc) base/text.cc

# Never sanitized and always static: it must start from nothing, in any root file system.
$(B)/guest/%.o: %.cc $(B)/.flags
	@mkdir -p $(@D)
	$(CCACHE) $(CXX) $(GUEST_FLAGS) -MMD -MP -c $< -o $@
$(B)/probe: $(GUEST_SOURCES:%.cc=$(B)/guest/%.o)
	$(CXX) -static $^ -o $@
$(B)/inject: $(B)/tests/inject/inject.o $(B)/libbase.a
	$(CXX) $(MODE) $^ -o $@

$(B)/integration_test: $(call objects,$(wildcard tests/integration/*.cc)) \
    $(B)/liboci.a $(B)/libbase.a
	$(CXX) $(MODE) $^ $(call packages,gtest) -o $@

.PHONY: integration-programs
integration-programs: $(B)/probe $(B)/inject $(B)/integration_test
