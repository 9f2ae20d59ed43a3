// SPDX-License-Identifier: Apache-2.0
// All that a group has used, in the shape of runc's `events`, which callers parse. Members that
// hold nothing are left out of the JSON unless they are required there too.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/json_map.h"
#include "base/result.h"
#include "cgroups/group.h"

namespace crunlite::cgroups {

using json::field;
using json::kRequired;

// A line of a PSI file (docs.kernel.org/accounting/psi.html).
struct PressureLine {
  json::Value avg10;  // per cent, as decimals
  json::Value avg60;
  json::Value avg300;
  uint64_t total = 0;  // microseconds
};
constexpr auto json_fields(std::same_as<PressureLine> auto*) {
  return std::tuple(field("avg10", &PressureLine::avg10, kRequired),
                    field("avg60", &PressureLine::avg60, kRequired),
                    field("avg300", &PressureLine::avg300, kRequired),
                    field("total", &PressureLine::total, kRequired));
}
struct Pressure {
  PressureLine some;
  PressureLine full;
};
constexpr auto json_fields(std::same_as<Pressure> auto*) {
  return std::tuple(field("some", &Pressure::some, kRequired),
                    field("full", &Pressure::full, kRequired));
}

struct CpuTimes {  // nanoseconds
  uint64_t total = 0;
  std::vector<uint64_t> per_cpu;
  std::vector<uint64_t> per_cpu_kernel;
  std::vector<uint64_t> per_cpu_user;
  uint64_t kernel = 0;
  uint64_t user = 0;
};
constexpr auto json_fields(std::same_as<CpuTimes> auto*) {
  return std::tuple(field("total", &CpuTimes::total), field("percpu", &CpuTimes::per_cpu),
                    field("percpu_kernel", &CpuTimes::per_cpu_kernel),
                    field("percpu_user", &CpuTimes::per_cpu_user),
                    field("kernel", &CpuTimes::kernel, kRequired),
                    field("user", &CpuTimes::user, kRequired));
}
struct Throttling {
  uint64_t periods = 0;
  uint64_t throttled_periods = 0;
  uint64_t throttled_ns = 0;
};
constexpr auto json_fields(std::same_as<Throttling> auto*) {
  return std::tuple(field("periods", &Throttling::periods),
                    field("throttledPeriods", &Throttling::throttled_periods),
                    field("throttledTime", &Throttling::throttled_ns));
}
struct CpuUsage {
  CpuTimes usage;
  Throttling throttling;
  std::optional<Pressure> psi;
};
constexpr auto json_fields(std::same_as<CpuUsage> auto*) {
  return std::tuple(field("usage", &CpuUsage::usage, kRequired),
                    field("throttling", &CpuUsage::throttling, kRequired),
                    field("psi", &CpuUsage::psi));
}

// Of v1 only, and only where the group has a cpuset of its own.
struct CpusetState {
  std::vector<uint16_t> cpus;
  uint64_t cpu_exclusive = 0;
  std::vector<uint16_t> mems;
  uint64_t mem_hardwall = 0;
  uint64_t mem_exclusive = 0;
  uint64_t memory_migrate = 0;
  uint64_t memory_spread_page = 0;
  uint64_t memory_spread_slab = 0;
  uint64_t memory_pressure = 0;
  uint64_t sched_load_balance = 0;
  int64_t sched_relax_domain_level = 0;
};
constexpr auto json_fields(std::same_as<CpusetState> auto*) {
  return std::tuple(
      field("cpus", &CpusetState::cpus),
      field("cpu_exclusive", &CpusetState::cpu_exclusive, kRequired),
      field("mems", &CpusetState::mems),
      field("mem_hardwall", &CpusetState::mem_hardwall, kRequired),
      field("mem_exclusive", &CpusetState::mem_exclusive, kRequired),
      field("memory_migrate", &CpusetState::memory_migrate, kRequired),
      field("memory_spread_page", &CpusetState::memory_spread_page, kRequired),
      field("memory_spread_slab", &CpusetState::memory_spread_slab, kRequired),
      field("memory_pressure", &CpusetState::memory_pressure, kRequired),
      field("sched_load_balance", &CpusetState::sched_load_balance, kRequired),
      field("sched_relax_domain_level", &CpusetState::sched_relax_domain_level, kRequired));
}

struct MemoryAmount {  // bytes; a limit of 2^64-1 is none
  uint64_t limit = 0;
  uint64_t usage = 0;
  uint64_t max = 0;
  uint64_t failcnt = 0;
};
constexpr auto json_fields(std::same_as<MemoryAmount> auto*) {
  return std::tuple(field("limit", &MemoryAmount::limit, kRequired),
                    field("usage", &MemoryAmount::usage), field("max", &MemoryAmount::max),
                    field("failcnt", &MemoryAmount::failcnt, kRequired));
}
struct MemoryUsage {
  uint64_t cache = 0;
  MemoryAmount usage;
  MemoryAmount swap;  // memory and swap together, on cgroup2 too
  MemoryAmount kernel;
  MemoryAmount kernel_tcp;
  std::map<std::string, uint64_t> raw;  // memory.stat
  std::optional<Pressure> psi;
};
constexpr auto json_fields(std::same_as<MemoryUsage> auto*) {
  return std::tuple(field("cache", &MemoryUsage::cache),
                    field("usage", &MemoryUsage::usage, kRequired),
                    field("swap", &MemoryUsage::swap, kRequired),
                    field("kernel", &MemoryUsage::kernel, kRequired),
                    field("kernelTCP", &MemoryUsage::kernel_tcp, kRequired),
                    field("raw", &MemoryUsage::raw), field("psi", &MemoryUsage::psi));
}

struct PidsUsage {
  uint64_t current = 0;
  uint64_t limit = 0;  // 0: none
};
constexpr auto json_fields(std::same_as<PidsUsage> auto*) {
  return std::tuple(field("current", &PidsUsage::current), field("limit", &PidsUsage::limit));
}

struct BlockIoEntry {
  uint64_t major = 0;
  uint64_t minor = 0;
  std::string op;  // "Read", "Write", "Total", ...
  uint64_t value = 0;
};
constexpr auto json_fields(std::same_as<BlockIoEntry> auto*) {
  return std::tuple(field("major", &BlockIoEntry::major), field("minor", &BlockIoEntry::minor),
                    field("op", &BlockIoEntry::op), field("value", &BlockIoEntry::value));
}
using BlockIoEntries = std::vector<BlockIoEntry>;
struct BlockIoUsage {
  BlockIoEntries service_bytes;
  BlockIoEntries serviced;
  BlockIoEntries queued;
  BlockIoEntries service_time;
  BlockIoEntries wait_time;
  BlockIoEntries merged;
  BlockIoEntries time;
  BlockIoEntries sectors;
  std::optional<Pressure> psi;
};
constexpr auto json_fields(std::same_as<BlockIoUsage> auto*) {
  return std::tuple(field("ioServiceBytesRecursive", &BlockIoUsage::service_bytes),
                    field("ioServicedRecursive", &BlockIoUsage::serviced),
                    field("ioQueueRecursive", &BlockIoUsage::queued),
                    field("ioServiceTimeRecursive", &BlockIoUsage::service_time),
                    field("ioWaitTimeRecursive", &BlockIoUsage::wait_time),
                    field("ioMergedRecursive", &BlockIoUsage::merged),
                    field("ioTimeRecursive", &BlockIoUsage::time),
                    field("sectorsRecursive", &BlockIoUsage::sectors),
                    field("psi", &BlockIoUsage::psi));
}

struct HugepageUsage {  // bytes
  uint64_t usage = 0;
  uint64_t max = 0;
  uint64_t failcnt = 0;
};
constexpr auto json_fields(std::same_as<HugepageUsage> auto*) {
  return std::tuple(field("usage", &HugepageUsage::usage), field("max", &HugepageUsage::max),
                    field("failcnt", &HugepageUsage::failcnt, kRequired));
}

struct Nothing {};
constexpr auto json_fields(std::same_as<Nothing> auto*) { return std::tuple(); }

struct Usage {
  CpuUsage cpu;
  CpusetState cpuset;
  MemoryUsage memory;
  PidsUsage pids;
  BlockIoUsage block_io;
  std::map<std::string, HugepageUsage> hugetlb;  // by page size
  Nothing intel_rdt;                             // we set none
  json::Value network_interfaces;                // null: we make none
};
constexpr auto json_fields(std::same_as<Usage> auto*) {
  return std::tuple(
      field("cpu", &Usage::cpu, kRequired), field("cpuset", &Usage::cpuset, kRequired),
      field("memory", &Usage::memory, kRequired), field("pids", &Usage::pids, kRequired),
      field("blkio", &Usage::block_io, kRequired), field("hugetlb", &Usage::hugetlb, kRequired),
      field("intel_rdt", &Usage::intel_rdt, kRequired),
      field("network_interfaces", &Usage::network_interfaces, kRequired));
}

// Each controller from where it is: v1 hierarchies first, cgroup2 for the others. What the host
// does not count is 0 or missing; a file that is not understood is an error.
[[nodiscard]] Result<Usage> read_usage(const Group& group);

}  // namespace crunlite::cgroups
