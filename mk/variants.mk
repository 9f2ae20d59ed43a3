# SPDX-License-Identifier: Apache-2.0
# The same tests under sanitizers, and with coverage measured; each in its own build folder.

GCOVR ?= gcovr

# RapidJSON adds 1 to a null pointer in its stack, which is undefined and harmless.
build/asan/base/json.o: private CXXFLAGS += -fno-sanitize=pointer-overflow
# What is undefined is looked for in the code under test; tests compile in half the time without.
build/asan/tests/%.o: private CXXFLAGS += -fno-sanitize=undefined

.PHONY: asan tsan coverage
# Its own program is executed from a read-only mount only where it is static.
STATIC_ONLY := --gtest_filter=-Sandbox.OwnProgramIsExecutedFromReadOnlyMountsAlone
asan: ## unit and integration tests with address and undefined-behaviour sanitizers
tsan: ## unit and integration tests with the thread sanitizer
asan tsan:
	$(MAKE) integration-programs
	$(MAKE) VARIANT=$@ all unit
	$(MAKE) integration CRUN_LITE_TEST_PATIENCE=5 \
	  CRUN_LITE_RUNTIME=build/$@/crun-lite INTEGRATION_FLAGS=$(STATIC_ONLY)
coverage: ## unit and integration tests, then build/cov/coverage.html
	find build/cov -name '*.gcda' -delete 2>/dev/null || true
	$(MAKE) integration-programs
	$(MAKE) VARIANT=cov all unit
	$(MAKE) integration CRUN_LITE_RUNTIME=build/cov/crun-lite INTEGRATION_FLAGS=$(STATIC_ONLY)
	$(GCOVR) --root . --exclude 'tests/.*' --object-directory build/cov --print-summary \
	  --html-details build/cov/coverage.html
