# SPDX-License-Identifier: Apache-2.0
# What the tests consist of, and how they are run: one kind at a time, or all of them.
#
#   make integration INTEGRATION_FLAGS="--gtest_filter=Create.*"   some of them
#   make integration CRUN_LITE_RUNTIME=/usr/bin/runc               against another runtime

UNIT_TESTS        := $(TESTED:%=%_test) check_test
INTEGRATION_TESTS := integration_test
INTEGRATION_FLAGS ?=
CRUN_LITE_RUNTIME ?=
VM_SECONDS        ?= 900
export CRUN_LITE_RUNTIME

.PHONY: test unit-programs test-programs integration vm
unit-programs: all $(UNIT_TESTS:%=$(B)/%)
test-programs: unit-programs integration-programs

integration: all integration-programs ## run the real programs on this host, as root
	$(foreach t,$(INTEGRATION_TESTS),$(B)/$(t) --gtest_brief=1 $(INTEGRATION_FLAGS) &&) true

vm: all integration-programs ## the same in a virtual machine with cgroup v2 and systemd
	$(foreach t,$(INTEGRATION_TESTS),CRUN_LITE_TEST_PATIENCE=5 \
	  tests/vm/vm-run --systemd --timeout $(VM_SECONDS) -- \
	  tests/vm/run-suite $(B) $(t) --gtest_brief=1 $(INTEGRATION_FLAGS) &&) true

test: ## everything: packages, build, check, unit, integration, machine, sanitizers, fuzzing
	+@UNIT_TESTS="$(UNIT_TESTS)" INTEGRATION_TESTS="$(INTEGRATION_TESTS)" FUZZERS="$(FUZZERS)" \
	  tests/run-all
