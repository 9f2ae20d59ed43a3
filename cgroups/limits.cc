// SPDX-License-Identifier: Apache-2.0
#include "cgroups/limits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "base/text.h"
#include "cgroups/files.h"
#include "cgroups/write_list.h"

namespace crunlite::cgroups {
namespace {

constexpr char kMemory[] = "memory";
constexpr char kCpu[] = "cpu";
constexpr char kCpuset[] = "cpuset";
constexpr char kPids[] = "pids";

std::string number_or_max(int64_t value) { return value < 0 ? "max" : cat(value); }

// Memory.

// The ways in which a value can be wrong for itself.
Status check_memory(const oci::Memory& memory, const WriteList& out) {
  const std::pair<std::string_view, const std::optional<int64_t>*> fields[] = {
      {"limit", &memory.limit},
      {"reservation", &memory.reservation},
      {"swap", &memory.swap},
      {"kernel", &memory.kernel},
      {"kernelTCP", &memory.kernel_tcp}};
  for (const auto& [name, value] : fields) {
    int64_t number = value->value_or(0);
    if (number < -1) {
      return out.invalid(name, number, " is neither positive nor -1 (unlimited)");
    }
  }
  uint64_t swappiness = memory.swappiness.value_or(0);
  if (swappiness > 100) return out.invalid("swappiness", swappiness, " is above 100");
  return {};
}

// The limits to set, with what follows from the present ones. 0: not to be set, -1: unlimited.
struct MemoryLimits {
  int64_t limit = 0;
  int64_t swap = 0;  // memory and swap together, as the specification has it
  int64_t base = 0;  // the memory limit that will hold
};

Result<MemoryLimits> memory_limits(const oci::Memory& memory, const Present& present,
                                   const WriteList& out) {
  MemoryLimits limits;
  limits.limit = memory.limit.value_or(0);
  limits.swap = memory.swap.value_or(0);
  // Unlimited memory below a limit of memory and swap would be no change at all.
  if (limits.limit == -1 && limits.swap == 0) limits.swap = -1;
  limits.base = limits.limit;
  if (limits.base == 0 && present.memory_limit.has_value()) {
    limits.base = static_cast<int64_t>(*present.memory_limit);
  }
  if (limits.swap > 0 && limits.base <= 0) {
    return out.invalid("swap", "needs a memory limit (linux.resources.memory.limit)");
  }
  if (limits.swap > 0 && limits.swap < limits.base) {
    return out.invalid("swap", limits.swap, " is below the memory limit of ", limits.base,
                       ": it counts memory and swap together");
  }
  uint64_t usage = present.memory_usage.value_or(0);
  bool checked = memory.check_before_update.value_or(false) && limits.limit > 0;
  if (checked && usage > static_cast<uint64_t>(limits.limit)) {
    return fail(Kind::kConflict, "linux.resources.memory.limit: ", limits.limit,
                " is below the present usage of ", usage, " bytes");
  }
  return limits;
}

void legacy_memory_limits(const MemoryLimits& limits, const Present& present, WriteList& out) {
  auto add_limit = [&] {
    if (limits.limit != 0) out.add("limit", kMemoryLimit, cat(limits.limit));
  };
  auto add_swap = [&] {
    if (limits.swap == 0) return;
    Write& write = out.add("swap", kMemoryMemsw, cat(limits.swap));
    if (limits.swap == -1) write.if_missing = IfMissing::kIgnore;  // no swap accounting
  };
  // The kernel wants limit <= memsw at every moment.
  bool unlimited = limits.limit == -1;
  bool raised = present.memsw_limit.has_value() && limits.limit != 0 &&
                (unlimited || static_cast<uint64_t>(limits.limit) > *present.memsw_limit);
  if (raised) add_swap();
  add_limit();
  if (!raised) add_swap();
}

Status plan_legacy_memory(const oci::Memory& memory, const Present& present, WriteList& out) {
  // `false` asks for nothing that a kernel since 5.11 could do: all accounting is hierarchical.
  if (memory.use_hierarchy.value_or(false)) out.add("useHierarchy", kMemoryUseHierarchy, "1");
  legacy_memory_limits(TRY(memory_limits(memory, present, out)), present, out);
  if (memory.reservation.value_or(0) != 0) {
    out.add("reservation", kMemorySoftLimit, cat(*memory.reservation));
  }
  const std::tuple<const char*, const char*, int64_t> kernel_limits[] = {
      {"kernel", kMemoryKernel, memory.kernel.value_or(0)},
      {"kernelTCP", kMemoryKernelTcp, memory.kernel_tcp.value_or(0)}};
  for (const auto& [field, file, value] : kernel_limits) {
    if (value == 0) continue;
    Write& write = out.add(field, file, cat(value));
    if (value == -1) write.if_missing = IfMissing::kIgnore;
  }
  if (memory.swappiness.has_value()) {
    out.add("swappiness", kMemorySwappiness, cat(*memory.swappiness));
  }
  if (memory.disable_oom_killer.has_value()) {
    out.add("disableOOMKiller", kMemoryOomControl, *memory.disable_oom_killer ? "1" : "0");
  }
  return {};
}

Status plan_unified_memory(const oci::Memory& memory, const Present& present, WriteList& out) {
  constexpr std::string_view kNone = "cgroup v2 has no such limit";
  if (memory.kernel.value_or(0) > 0) return out.unavailable("kernel", kNone);
  if (memory.kernel_tcp.value_or(0) > 0) return out.unavailable("kernelTCP", kNone);
  if (memory.swappiness.has_value()) return out.unavailable("swappiness", "cgroup v2 has none");
  if (memory.disable_oom_killer.value_or(false)) {
    return out.unavailable("disableOOMKiller", "cgroup v2 cannot disable it");
  }
  MemoryLimits limits = TRY(memory_limits(memory, present, out));
  if (limits.swap != 0) {
    int64_t swap_only = limits.swap == -1 ? -1 : limits.swap - limits.base;
    Write& write = out.add("swap", kMemorySwapMax, number_or_max(swap_only));
    // Without swap accounting the container has no swap of its own to limit.
    if (swap_only <= 0) write.if_missing = IfMissing::kIgnore;
  }
  if (limits.limit != 0) out.add("limit", kMemoryMax, number_or_max(limits.limit));
  if (memory.reservation.value_or(0) != 0) {
    out.add("reservation", kMemoryLow, number_or_max(*memory.reservation));
  }
  return {};
}

// Processors.

Status check_cpu(const oci::Cpu& cpu, const WriteList& out) {
  constexpr int64_t kShortest = 1'000;  // microseconds; the kernel's bounds
  constexpr uint64_t kLongest = 1'000'000;
  int64_t quota = cpu.quota.value_or(0);
  if (quota < -1 || (quota > 0 && quota < kShortest)) {
    return out.invalid("quota", quota, " is neither -1 (unlimited) nor at least ", kShortest,
                       " microseconds");
  }
  uint64_t period = cpu.period.value_or(0);
  if (period != 0 && (period < kShortest || period > kLongest)) {
    return out.invalid("period", period, " is not between ", kShortest, " and ", kLongest,
                       " microseconds");
  }
  uint64_t burst = cpu.burst.value_or(0);
  if (quota > 0 && burst > static_cast<uint64_t>(quota)) {
    return out.invalid("burst", burst, " is above the quota of ", quota);
  }
  int64_t idle = cpu.idle.value_or(0);
  if (idle != 0 && idle != 1) return out.invalid("idle", idle, " is not 0 or 1");
  int64_t realtime = cpu.realtime_runtime.value_or(0);
  if (realtime < -1) {
    return out.invalid("realtimeRuntime", realtime, " is below -1 (unlimited)");
  }
  return {};
}

void plan_legacy_cpu(const oci::Cpu& cpu, WriteList& out) {
  if (cpu.realtime_period.value_or(0) != 0) {
    out.add("realtimePeriod", kCpuRtPeriod, cat(*cpu.realtime_period)).retry_last = true;
  }
  if (cpu.realtime_runtime.value_or(0) != 0) {
    out.add("realtimeRuntime", kCpuRtRuntime, cat(*cpu.realtime_runtime));
  }
  if (cpu.shares.value_or(0) != 0) {
    out.add("shares", kCpuShares, cat(*cpu.shares)).retry_last = true;
  }
  if (cpu.period.value_or(0) != 0) {
    out.add("period", kCpuPeriod, cat(*cpu.period)).retry_last = true;
  }
  if (cpu.burst.has_value()) {
    Write& write = out.add("burst", kCpuBurst, cat(*cpu.burst));
    write.retry_last = true;
    if (*cpu.burst == 0) write.if_missing = IfMissing::kIgnore;
  }
  if (cpu.quota.value_or(0) != 0) out.add("quota", kCpuQuota, cat(*cpu.quota));
  if (cpu.idle.has_value()) {
    Write& write = out.add("idle", kCpuIdle, cat(*cpu.idle));
    if (*cpu.idle == 0) write.if_missing = IfMissing::kIgnore;
  }
}

Status plan_unified_cpu(const oci::Cpu& cpu, const Present& present, WriteList& out) {
  constexpr std::string_view kNone = "cgroup v2 has no such limit";
  if (cpu.realtime_runtime.value_or(0) != 0) return out.unavailable("realtimeRuntime", kNone);
  if (cpu.realtime_period.value_or(0) != 0) return out.unavailable("realtimePeriod", kNone);
  if (cpu.shares.value_or(0) != 0) {
    out.add("shares", kCpuWeight, cat(cpu_weight(*cpu.shares))).retry_last = true;
  }
  if (cpu.burst.has_value()) {
    Write& write = out.add("burst", kCpuMaxBurst, cat(*cpu.burst));
    write.retry_last = true;
    if (*cpu.burst == 0) write.if_missing = IfMissing::kIgnore;
  }
  int64_t quota = cpu.quota.value_or(0);
  uint64_t period = cpu.period.value_or(0);
  if (quota != 0 || period != 0) {
    std::string text = quota != 0 ? number_or_max(quota) : present.cpu_quota;
    if (text.empty()) text = "max";
    // A quota alone leaves the period as it is.
    if (period != 0) text = cat(text, " ", period);
    out.add(quota != 0 ? "quota" : "period", kCpuMax, std::move(text));
  }
  if (cpu.idle.has_value()) {
    Write& write = out.add("idle", kCpuIdle, cat(*cpu.idle));
    if (*cpu.idle == 0) write.if_missing = IfMissing::kIgnore;
  }
  return {};
}

Status plan_cpuset(const oci::Cpu& cpu, WriteList& out) {
  const std::tuple<const char*, const char*, const std::string*> lists[] = {
      {"cpus", kCpusetCpus, &cpu.cpus}, {"mems", kCpusetMems, &cpu.mems}};
  for (const auto& [field, file, list] : lists) {
    if (list->empty()) continue;
    if (list->find_first_not_of("0123456789,-:/") != std::string::npos || list->size() > 4000) {
      return out.invalid(field, quote(*list), " is no list of numbers and ranges like 0-3,5");
    }
    out.add(field, file, *list);
  }
  return {};
}

// The map of cgroup2 files.

// Files of cgroup2 itself that are limits, and not a way to move or kill processes.
constexpr std::array<std::string_view, 3> kCoreLimits = {
    "cgroup.max.depth", "cgroup.max.descendants", "cgroup.pressure"};

Status plan_unified_entry(const std::string& name, const std::string& value,
                          const Versions& versions, std::vector<Write>& out) {
  std::string field = cat("linux.resources.unified[", quote(name), "]");
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  size_t dot = name.find('.');
  bool shaped = dot != std::string::npos && dot != 0 && dot + 1 < name.size() &&
                name.find_first_not_of(kLetters) == std::string::npos;
  if (!shaped) {
    return fail(Kind::kInvalid, field, ": is not the name of a cgroup v2 file (controller.limit)");
  }
  std::string controller = name.substr(0, dot);
  if (controller == "cgroup") {
    if (std::ranges::find(kCoreLimits, name) == kCoreLimits.end()) {
      return fail(Kind::kInvalid, field, ": is not a limit");
    }
    controller.clear();
  }
  if (versions.is_legacy(controller)) {
    return fail(Kind::kUnavailable, field, ": the ", controller,
                " controller belongs to cgroup v1 on this host");
  }
  for (char c : value) {
    if (static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\t') {
      return fail(Kind::kInvalid, field, ": contains a control character");
    }
  }
  WriteList writes(true, controller, field, out);
  // The kernel takes one line at a time.
  for (std::string_view line : split(value, '\n')) {
    if (!line.empty()) writes.add("", name, std::string(line));
  }
  return {};
}

}  // namespace

bool Versions::is_legacy(std::string_view controller) const {
  return std::ranges::find(legacy, controller) != legacy.end();
}

Result<std::vector<Write>> plan_writes(const oci::Resources& resources, const Versions& versions,
                                       const Present& present) {
  std::vector<Write> writes;
  auto unified = [&](std::string_view name) {
    return versions.unified && !versions.is_legacy(name);
  };
  if (resources.memory.has_value()) {
    WriteList out(unified(kMemory), kMemory, "linux.resources.memory.", writes);
    TRY(check_memory(*resources.memory, out));
    TRY(unified(kMemory) ? plan_unified_memory(*resources.memory, present, out)
                         : plan_legacy_memory(*resources.memory, present, out));
  }
  if (resources.cpu.has_value()) {
    WriteList out(unified(kCpu), kCpu, "linux.resources.cpu.", writes);
    TRY(check_cpu(*resources.cpu, out));
    if (unified(kCpu)) {
      TRY(plan_unified_cpu(*resources.cpu, present, out));
    } else {
      plan_legacy_cpu(*resources.cpu, out);
    }
    WriteList sets(unified(kCpuset), kCpuset, "linux.resources.cpu.", writes);
    TRY(plan_cpuset(*resources.cpu, sets));
  }
  if (resources.pids.has_value()) {
    int64_t limit = resources.pids->limit;
    WriteList(unified(kPids), kPids, "linux.resources.pids.", writes)
        .add("limit", kPidsMax, limit > 0 ? cat(limit) : "max");
  }
  if (resources.block_io.has_value()) {
    bool io_unified = unified("blkio");
    WriteList out(io_unified, io_unified ? "io" : "blkio", "linux.resources.blockIO.", writes);
    TRY(plan_block_io(*resources.block_io, io_unified, out));
  }
  TRY(plan_other_limits(resources, versions, writes));
  if (!resources.unified.empty() && !versions.unified) {
    return fail(Kind::kUnavailable, "linux.resources.unified: this host has no cgroup v2");
  }
  for (const auto& [name, value] : resources.unified) {
    TRY(plan_unified_entry(name, value, versions, writes));
  }
  return writes;
}

uint64_t cpu_weight(uint64_t shares) {
  constexpr uint64_t kLeastShares = 2;
  constexpr uint64_t kMostShares = 262'144;
  if (shares == 0) return 0;
  if (shares <= kLeastShares) return 1;
  if (shares >= kMostShares) return 10'000;
  double log = std::log2(static_cast<double>(shares));
  double exponent = (log * log + 125 * log) / 612 - 7.0 / 34;
  return static_cast<uint64_t>(std::ceil(std::pow(10, exponent)));
}

}  // namespace crunlite::cgroups
