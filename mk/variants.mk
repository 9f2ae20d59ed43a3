# SPDX-License-Identifier: Apache-2.0
# The same tests under sanitizers, and with coverage measured; each in its own build folder.

GCOVR ?= gcovr

# RapidJSON adds 1 to a null pointer in its stack, which is undefined and harmless.
build/asan/base/json.o: private CXXFLAGS += -fno-sanitize=pointer-overflow
# What is undefined is looked for in the code under test; tests compile in half the time without.
build/asan/tests/%.o: private CXXFLAGS += -fno-sanitize=undefined

.PHONY: asan tsan coverage
# A sanitizer needs more memory and descriptors than these limits leave, and its program is dynamic.
# It asks for memory by calls of its own, which none may make fail.
UNSANITIZED := --gtest_filter=-Process.ResourceLimits*:Sandbox.OwnProgram*:Injection.*
asan: ## unit and integration tests with address and undefined-behaviour sanitizers
tsan: ## unit and integration tests with the thread sanitizer
asan tsan:
	$(MAKE) integration-programs
	$(MAKE) VARIANT=$@ all unit
	$(MAKE) integration CRUN_LITE_TEST_PATIENCE=5 \
	  CRUN_LITE_RUNTIME=build/$@/crun-lite INTEGRATION_FLAGS=$(UNSANITIZED)
coverage: ## unit and integration tests, then build/cov/coverage.html
	find build/cov -name '*.gcda' -delete 2>/dev/null || true
	$(MAKE) integration-programs
	$(MAKE) VARIANT=cov all unit
	$(MAKE) integration CRUN_LITE_RUNTIME=build/cov/crun-lite INTEGRATION_FLAGS=$(UNSANITIZED)
	$(GCOVR) --root . --exclude 'tests/.*' --object-directory build/cov --print-summary \
	  --html-details build/cov/coverage.html
