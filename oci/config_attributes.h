// SPDX-License-Identifier: Apache-2.0
// Smaller members of config.json as plain values, of the runtime specification 1.2 and what 1.3
// adds: attributes of the process, clocks, memory policy, network devices. Part of oci/config.h.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/json_map.h"

namespace crunlite::oci {

// config.md#linux-process, scheduler (sched_setattr(2))
struct Scheduler {
  std::string policy;
  std::optional<int32_t> nice;
  std::optional<int32_t> priority;
  std::vector<std::string> flags;
  std::optional<uint64_t> runtime;  // nanoseconds, as the next two
  std::optional<uint64_t> deadline;
  std::optional<uint64_t> period;
};
constexpr auto json_fields(std::same_as<Scheduler> auto*) {
  using json::field;
  return std::tuple(field("policy", &Scheduler::policy, json::kRequired),
                    field("nice", &Scheduler::nice), field("priority", &Scheduler::priority),
                    field("flags", &Scheduler::flags), field("runtime", &Scheduler::runtime),
                    field("deadline", &Scheduler::deadline), field("period", &Scheduler::period));
}

// config.md#linux-process, ioPriority (ioprio_set(2))
struct IoPriority {
  std::string io_class;
  int32_t priority = 0;
};
constexpr auto json_fields(std::same_as<IoPriority> auto*) {
  using json::field;
  return std::tuple(field("class", &IoPriority::io_class, json::kRequired),
                    field("priority", &IoPriority::priority, json::kRequired));
}

// config.md#linux-process, execCPUAffinity: lists as in cpuset.cpus, "0-3,7"
struct CpuAffinity {
  std::string initial;  // before the process is in the container's cgroup
  std::string final;    // and in it
};
constexpr auto json_fields(std::same_as<CpuAffinity> auto*) {
  using json::field;
  return std::tuple(field("initial", &CpuAffinity::initial), field("final", &CpuAffinity::final));
}

// config-linux.md#personality
struct Personality {
  std::string domain;
  std::vector<std::string> flags;  // none is defined yet
};
constexpr auto json_fields(std::same_as<Personality> auto*) {
  using json::field;
  return std::tuple(field("domain", &Personality::domain, json::kRequired),
                    field("flags", &Personality::flags));
}

// config-linux.md#offset-for-time-namespace
struct TimeOffset {
  int64_t secs = 0;
  uint32_t nanosecs = 0;
};
constexpr auto json_fields(std::same_as<TimeOffset> auto*) {
  using json::field;
  return std::tuple(field("secs", &TimeOffset::secs), field("nanosecs", &TimeOffset::nanosecs));
}
using TimeOffsets = std::map<std::string, TimeOffset>;  // by clock: "monotonic", "boottime"

// config-linux.md#memory-policy (set_mempolicy(2))
struct MemoryPolicy {
  std::string mode;
  std::string nodes;  // "0-3,7"
  std::vector<std::string> flags;
};
constexpr auto json_fields(std::same_as<MemoryPolicy> auto*) {
  using json::field;
  return std::tuple(field("mode", &MemoryPolicy::mode, json::kRequired),
                    field("nodes", &MemoryPolicy::nodes), field("flags", &MemoryPolicy::flags));
}

// config-linux.md#network-devices
struct NetDevice {
  std::string name;  // inside the container; "" for the host's; may end in "%d"
};
constexpr auto json_fields(std::same_as<NetDevice> auto*) {
  return std::tuple(json::field("name", &NetDevice::name));
}
using NetDevices = std::map<std::string, NetDevice>;  // by their names on the host

}  // namespace crunlite::oci
