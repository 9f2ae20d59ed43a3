// SPDX-License-Identifier: Apache-2.0
#include "cgroups/stats.h"

#include <limits>

#include "cgroups/directory.h"
#include "cgroups/files.h"

namespace crunlite::cgroups {
namespace {

// A missing file means that the host does not count this; other failures are told.
Result<std::optional<uint64_t>> if_counted(Result<uint64_t> number) {
  if (number.has_value()) return *number;
  if (number.error().kind == Kind::kNotFound) return std::nullopt;
  return std::unexpected(std::move(number).error());
}

// The same for limits: v1 writes "unlimited" as a number just below 2^63.
Result<std::optional<uint64_t>> if_limited(Result<uint64_t> number) {
  constexpr uint64_t kUnlimited = uint64_t{1} << 62;
  std::optional<uint64_t> limit = TRY(if_counted(std::move(number)));
  return limit.value_or(0) >= kUnlimited ? std::nullopt : limit;
}

Status read_memory(const Group& group, Stats& stats) {
  int legacy = group.legacy_fd("memory");
  int dir = legacy >= 0 ? legacy : group.unified_fd();
  if (dir < 0) return {};
  bool v1 = legacy >= 0;
  stats.oom_kills =
      TRY(if_counted(read_key(dir, v1 ? kMemoryOomControl : kMemoryEvents, "oom_kill")));
  stats.memory_bytes = TRY(if_counted(read_number(dir, v1 ? kMemoryUsage : kMemoryCurrent)));
  stats.memory_peak_bytes = TRY(if_counted(read_number(dir, v1 ? kMemoryMaxUsage : kMemoryPeak)));
  stats.memory_limit_bytes = TRY(if_limited(read_number(dir, v1 ? kMemoryLimit : kMemoryMax)));
  return {};
}

Status read_cpu(const Group& group, Stats& stats) {
  int legacy = group.legacy_fd("cpuacct");
  if (legacy >= 0) {
    std::optional<uint64_t> nanoseconds = TRY(if_counted(read_number(legacy, kCpuacctUsage)));
    if (nanoseconds.has_value()) stats.cpu_usec = *nanoseconds / 1000;
    return {};
  }
  // cgroup2 counts it even where the cpu controller is not enabled.
  if (group.unified_fd() < 0) return {};
  stats.cpu_usec = TRY(if_counted(read_key(group.unified_fd(), kCpuStat, "usage_usec")));
  return {};
}

Status read_pids(const Group& group, Stats& stats) {
  int legacy = group.legacy_fd("pids");
  int dir = legacy >= 0 ? legacy : group.unified_fd();
  if (dir < 0) return {};
  stats.pids = TRY(if_counted(read_number(dir, kPidsCurrent)));
  stats.pids_limit = TRY(if_limited(read_number(dir, kPidsMax)));
  return {};
}

}  // namespace

Result<Stats> read_stats(const Group& group) {
  Stats stats;
  TRY(read_memory(group, stats));
  TRY(read_cpu(group, stats));
  TRY(read_pids(group, stats));
  return stats;
}

Result<uint64_t> read_oom_kills(const Group& group) {
  int legacy = group.legacy_fd("memory");
  if (legacy >= 0) return read_key(legacy, kMemoryOomControl, "oom_kill");
  if (group.unified_fd() < 0) return fail(Kind::kUnavailable, "the container has no cgroup");
  return read_key(group.unified_fd(), kMemoryEvents, "oom_kill");
}

}  // namespace crunlite::cgroups
