# SPDX-License-Identifier: Apache-2.0
# The runtime under the programs that call runtimes, beside Debian's runc: see tests/callers/run.
#
#   make test-callers CALLERS="podman docker"   some of them

CALLERS ?=

.PHONY: test-callers test-callers-all
test-callers: all ## podman, containerd, dockerd and Slurm with crun-lite, compared with runc
	@packaging/deps callers
	RUNTIME=$(B)/crun-lite tests/callers/run $(CALLERS)
test-callers-all: all ## the same with the scenarios that take long
	@packaging/deps callers
	RUNTIME=$(B)/crun-lite tests/callers/run --all $(CALLERS)
