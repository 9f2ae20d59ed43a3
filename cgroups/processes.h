// SPDX-License-Identifier: Apache-2.0
// The processes of a cgroup and all below it, by descriptor: listing, signalling, freezing,
// waiting. Inside this module only. Any thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace crunlite::cgroups {

// Those of sub-cgroups too. Processes of other pid namespaces, which have no pid here, are left
// out.
[[nodiscard]] Result<std::vector<pid_t>> list_processes(int cgroup);

// Signals every process that is there now. A pid that was used anew meanwhile is not hit.
[[nodiscard]] Status signal_processes(int cgroup, int signal);

// Kills until none is left, for kernels without cgroup.kill and for v1, where `freezer` (-1: none)
// is thawed on the way: a frozen process of v1 does not die.
[[nodiscard]] Status kill_until_empty(int cgroup, int freezer, int timeout_ms);

// True once no process is in it or below it; false when timeout_ms is over before.
[[nodiscard]] Result<bool> wait_until_empty(int cgroup, int timeout_ms);

// cgroup2's freezer, and v1's. Both wait until the state is reached.
[[nodiscard]] Status set_frozen_unified(int cgroup, bool frozen);
[[nodiscard]] Status set_frozen_legacy(int cgroup, bool frozen);
// False when it is frozen still, since a cgroup above it is.
[[nodiscard]] Result<bool> wait_thawed_unified(int cgroup, int timeout_ms);
[[nodiscard]] Result<bool> is_frozen_unified(int cgroup);
[[nodiscard]] Result<bool> is_frozen_legacy(int cgroup);

}  // namespace crunlite::cgroups
