// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include "base/text.h"
#include "cgroups/directory.h"
#include "cgroups/files.h"
#include "cgroups/usage_parts.h"

namespace crunlite::cgroups {
namespace {

// memory.stat: lines of a name and a number.
std::map<std::string, uint64_t> read_statistics(int cgroup) {
  std::map<std::string, uint64_t> raw;
  const std::string text = read_control(cgroup, kMemoryStat).value_or("");
  for (std::string_view line : split(text, '\n')) {
    const size_t space = line.find(' ');
    if (space == std::string_view::npos) continue;
    const auto number = parse_number<uint64_t>(line.substr(space + 1));
    if (number.has_value()) raw[std::string(line.substr(0, space))] = *number;
  }
  return raw;
}

uint64_t count_of(const MemoryUsage& usage, const std::string& name) {
  const auto found = usage.raw.find(name);
  return found == usage.raw.end() ? 0 : found->second;
}

Result<MemoryAmount> read_legacy_amount(int cgroup, const std::string& prefix) {
  MemoryAmount amount;
  amount.limit = TRY(number_or_zero(cgroup, cat(prefix, ".limit_in_bytes").c_str()));
  amount.usage = TRY(number_or_zero(cgroup, cat(prefix, ".usage_in_bytes").c_str()));
  amount.max = TRY(number_or_zero(cgroup, cat(prefix, ".max_usage_in_bytes").c_str()));
  amount.failcnt = TRY(number_or_zero(cgroup, cat(prefix, ".failcnt").c_str()));
  return amount;
}

Status read_legacy(int cgroup, MemoryUsage& usage) {
  usage.raw = read_statistics(cgroup);
  usage.cache = count_of(usage, "cache");
  usage.usage = TRY(read_legacy_amount(cgroup, "memory"));
  usage.swap = TRY(read_legacy_amount(cgroup, "memory.memsw"));
  usage.kernel = TRY(read_legacy_amount(cgroup, "memory.kmem"));
  usage.kernel_tcp = TRY(read_legacy_amount(cgroup, "memory.kmem.tcp"));
  return {};
}

Result<MemoryAmount> read_unified_amount(int cgroup, const std::string& prefix) {
  MemoryAmount amount;
  amount.limit = TRY(number_or_zero(cgroup, cat(prefix, ".max").c_str()));
  amount.usage = TRY(number_or_zero(cgroup, cat(prefix, ".current").c_str()));
  amount.max = TRY(number_or_zero(cgroup, cat(prefix, ".peak").c_str()));
  return amount;
}

Status read_unified(int cgroup, MemoryUsage& usage) {
  usage.psi = read_pressure(cgroup, kMemoryPressure);
  usage.raw = read_statistics(cgroup);
  usage.cache = count_of(usage, "file");
  usage.usage = TRY(read_unified_amount(cgroup, "memory"));
  usage.swap = TRY(read_unified_amount(cgroup, "memory.swap"));
  // Callers know swap as v1 counts it: memory and swap together. The two peaks were not at the
  // same time, so there is no peak of both.
  usage.swap.max = 0;
  usage.swap.usage += usage.usage.usage;
  if (usage.swap.limit == UINT64_MAX || usage.usage.limit == UINT64_MAX) {
    usage.swap.limit = UINT64_MAX;
  } else if (usage.swap.limit != 0 || usage.usage.limit != 0) {
    usage.swap.limit += usage.usage.limit;
  }
  return {};
}

}  // namespace

Status read_memory_usage(const Group& group, MemoryUsage& usage) {
  const int legacy = group.legacy_fd("memory");
  if (legacy >= 0) return read_legacy(legacy, usage);
  return group.unified_fd() >= 0 ? read_unified(group.unified_fd(), usage) : Status();
}

}  // namespace crunlite::cgroups
