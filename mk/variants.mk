# SPDX-License-Identifier: Apache-2.0
# The same tests under sanitizers, and with coverage measured; each in its own build folder.

GCOVR ?= gcovr

# RapidJSON adds 1 to a null pointer in its stack, which is undefined and harmless.
build/asan/base/json.o: private CXXFLAGS += -fno-sanitize=pointer-overflow

.PHONY: asan tsan coverage
asan: ## unit and integration tests with address and undefined-behaviour sanitizers
tsan: ## unit and integration tests with the thread sanitizer
asan tsan:
	$(MAKE) integration-programs
	$(MAKE) VARIANT=$@ all unit
	$(MAKE) integration CRUN_LITE_RUNTIME=build/$@/crun-lite
coverage: ## unit and integration tests, then build/cov/coverage.html
	find build/cov -name '*.gcda' -delete 2>/dev/null || true
	$(MAKE) integration-programs
	$(MAKE) VARIANT=cov all unit
	$(MAKE) integration CRUN_LITE_RUNTIME=build/cov/crun-lite
	$(GCOVR) --root . --exclude 'tests/.*' --object-directory build/cov --print-summary \
	  --html-details build/cov/coverage.html
