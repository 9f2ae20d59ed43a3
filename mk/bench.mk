# SPDX-License-Identifier: Apache-2.0
# Speed against other programs: see bench/run.

BENCH_TOOLS := $(B)/bench/measure $(B)/bench/report $(B)/bench/true

$(B)/bench/measure $(B)/bench/report: $(B)/bench/%: $(B)/bench/%.o $(B)/libbase.a
	$(CXX) $(MODE) $^ -o $@
$(B)/bench/true: bench/true.cc
	@mkdir -p $(@D)
	$(CXX) -O2 -static -s $< -o $@

.PHONY: bench
bench: all $(BENCH_TOOLS) ## speed against crun, runc, umoci, podman, bubblewrap: docs/benchmarks.md
	@packaging/deps build bench
	bench/run $(B) $(BENCH)
