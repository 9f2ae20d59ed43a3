# SPDX-License-Identifier: Apache-2.0
# libFuzzer targets: tests/fuzz/<name>_fuzz.cc, each with a kept corpus tests/fuzz/corpus/<name>/.
#
#   make fuzz FUZZ_SECONDS=600 FUZZERS=json    one of them, for longer
#   make fuzz-merge                            keep of the new inputs those that reach new code

FUZZ_SECONDS ?= 60
FUZZERS      ?= $(patsubst tests/fuzz/%_fuzz.cc,%,$(wildcard tests/fuzz/*_fuzz.cc))
FUZZ_CXX     ?= clang++-19
FUZZ_SAN     := -O1 -g1 -fno-omit-frame-pointer -fno-sanitize-recover=all
FUZZ_SAN     += -fsanitize=fuzzer-no-link,address,undefined
FUZZ_FLAGS   := -std=c++2b -fno-exceptions -fPIE -Wall -Wextra -I. $(FUZZ_SAN)
FUZZ_OBJECTS  = $(patsubst %.cc,build/fuzz/%.o,$(1))
FUZZ_LIBS    := $(MODULES:%=build/fuzz/lib%.a)

define fuzz_archive
build/fuzz/lib$(1).a: $(call FUZZ_OBJECTS,$(filter-out $(MAINS),$(call sources,$(1))))
	rm -f $$@ && $(AR) rcs $$@ $$^
endef
$(foreach m,$(MODULES),$(eval $(call fuzz_archive,$(m))))
build/fuzz/%.o: %.cc build/fuzz/.flags
	@mkdir -p $(@D)
	$(CCACHE) $(FUZZ_CXX) $(FUZZ_FLAGS) -MMD -MP -c $< -o $@
# RapidJSON adds 1 to a null pointer in its stack, which is undefined and harmless.
build/fuzz/base/json.o: private FUZZ_FLAGS += -fno-sanitize=pointer-overflow
build/fuzz/.flags: FORCE
	@mkdir -p build/fuzz && echo '$(FUZZ_FLAGS)' | cmp -s - $@ || echo '$(FUZZ_FLAGS)' > $@
build/fuzz/%_fuzz: build/fuzz/tests/fuzz/%_fuzz.o $(FUZZ_LIBS)
	$(FUZZ_CXX) $(FUZZ_SAN) -fsanitize=fuzzer $< -Wl,--start-group $(FUZZ_LIBS) -Wl,--end-group \
	  $(call packages,$(PKGS_image) $(PKGS_runtime)) -o $@
-include $(shell find build/fuzz -name '*.d' 2>/dev/null)
.PRECIOUS: build/fuzz/tests/fuzz/%_fuzz.o

.PHONY: fuzz fuzz-build fuzz-merge
fuzz-build: $(FUZZERS:%=build/fuzz/%_fuzz)
fuzz: fuzz-build ## FUZZ_SECONDS=60 of every fuzzer together
	tests/fuzz/run $(FUZZ_SECONDS) $(FUZZERS)
fuzz-merge: fuzz-build ## keep in the tree those new inputs that reach new code
	tests/fuzz/run --merge $(FUZZERS)
