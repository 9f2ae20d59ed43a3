// SPDX-License-Identifier: Apache-2.0
// What a group has used so far.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "cgroups/group.h"

namespace crunlite::cgroups {

// Unset: the host does not count it for this group.
struct Stats {
  std::optional<uint64_t> oom_kills;
  std::optional<uint64_t> memory_bytes;
  std::optional<uint64_t> memory_peak_bytes;
  std::optional<uint64_t> memory_limit_bytes;  // unset: unlimited
  std::optional<uint64_t> cpu_usec;
  std::optional<uint64_t> pids;
  std::optional<uint64_t> pids_limit;  // unset: unlimited
};

[[nodiscard]] Result<Stats> read_stats(const Group& group);
// Only the count of processes killed for want of memory: for "why did it end with SIGKILL".
[[nodiscard]] Result<uint64_t> read_oom_kills(const Group& group);

}  // namespace crunlite::cgroups
