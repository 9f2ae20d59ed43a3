// SPDX-License-Identifier: Apache-2.0
// The members of config.json that oci/config_attributes.h holds; see config_check.h.
#include "oci/internal_check.h"

namespace crunlite::oci::internal {
namespace {

constexpr size_t kDeviceNameBytes = 15;  // the kernel's IFNAMSIZ, without the NUL
constexpr uint32_t kNanosecondsPerSecond = 1'000'000'000;

template <size_t N>
Status check_name(const std::array<NamedNumber, N>& table, std::string_view name) {
  if (number_of(table, name).has_value()) return {};
  return fail(Kind::kInvalid, quote(name), " is unknown");
}

template <size_t N>
Status check_names(const std::array<NamedNumber, N>& table, const Strings& names,
                   std::string_view path) {
  for (size_t i = 0; i < names.size(); i++) {
    TRY(check_name(table, names[i]), path, "[", i, "]");
  }
  return {};
}

Status check_range(int64_t number, int64_t min, int64_t max) {
  if (number >= min && number <= max) return {};
  return fail(Kind::kInvalid, number, " is not from ", min, " to ", max);
}

// What each policy takes is said by sched(7): a nice value for the ordinary ones, a priority for
// the real-time ones, three times for deadlines.
Status check_scheduler(const Scheduler& scheduler) {
  const std::string& policy = scheduler.policy;
  TRY(check_name(kSchedulerPolicies, policy), "policy");
  TRY(check_names(kSchedulerFlags, scheduler.flags, "flags"));
  const bool is_real_time = policy == "SCHED_FIFO" || policy == "SCHED_RR";
  const bool is_deadline = policy == "SCHED_DEADLINE";
  if (scheduler.nice.has_value()) TRY(check_range(*scheduler.nice, -20, 19), "nice");
  if (scheduler.priority.value_or(0) != 0 && !is_real_time) {
    return fail(Kind::kInvalid, "priority: does not go with ", policy);
  }
  if (is_real_time) TRY(check_range(scheduler.priority.value_or(0), 1, 99), "priority");
  for (const auto& [name, value] :
       {std::pair("runtime", scheduler.runtime), std::pair("deadline", scheduler.deadline),
        std::pair("period", scheduler.period)}) {
    if (value.value_or(0) != 0 && !is_deadline) {
      return fail(Kind::kInvalid, name, ": does not go with ", policy);
    }
  }
  return {};
}

Status check_io_priority(const IoPriority& io) {
  TRY(check_name(kIoClasses, io.io_class), "class");
  return in_context(check_range(io.priority, 0, 7), "priority");
}

Status check_list(const std::string& text, uint32_t end) {
  if (parse_number_list(text, end).has_value()) return {};
  return fail(Kind::kInvalid, quote(text), " is no list of numbers below ", end,
              " as in \"0-3,7\"");
}

Status check_affinity(const CpuAffinity& affinity) {
  if (!affinity.initial.empty()) TRY(check_list(affinity.initial, limits::kProcessors), "initial");
  if (affinity.final.empty()) return {};
  return in_context(check_list(affinity.final, limits::kProcessors), "final");
}

Status check_label(const std::string& label) {
  if (label.size() <= limits::kLabelBytes && !label.contains('\n')) return {};
  return fail(Kind::kInvalid, "is not one short line");
}

Status check_time_offsets(const Linux& config) {
  if (config.time_offsets.empty()) return {};
  const auto time = std::ranges::find(config.namespaces, "time", &Namespace::type);
  if (time == config.namespaces.end() || !time->path.empty()) {
    return fail(Kind::kInvalid, "linux.timeOffsets: needs a new namespace of type \"time\" in ",
                "linux.namespaces");
  }
  for (const auto& [clock, offset] : config.time_offsets) {
    TRY(check_word(kOffsetClocks, clock), "linux.timeOffsets");
    if (offset.nanosecs < kNanosecondsPerSecond) continue;
    return fail(Kind::kInvalid, "linux.timeOffsets.", clock, ".nanosecs: ", offset.nanosecs,
                " is not below ", kNanosecondsPerSecond);
  }
  return {};
}

Status check_memory_policy(const MemoryPolicy& policy) {
  TRY(check_name(kMemoryModes, policy.mode), "mode");
  TRY(check_names(kMemoryFlags, policy.flags, "flags"));
  const bool takes_none = policy.mode == "MPOL_DEFAULT" || policy.mode == "MPOL_LOCAL";
  if (policy.nodes.empty()) {
    if (takes_none || policy.mode == "MPOL_PREFERRED") return {};
    return fail(Kind::kInvalid, "nodes: missing for ", policy.mode);
  }
  if (takes_none) return fail(Kind::kInvalid, "nodes: does not go with ", policy.mode);
  return in_context(check_list(policy.nodes, limits::kMemoryNodes), "nodes");
}

// What the kernel takes for a name of a device: dev_valid_name().
Status check_device_name(std::string_view name) {
  const bool valid = !name.empty() && name.size() <= kDeviceNameBytes && name != "." &&
                     name != ".." && name.find_first_of("/: \t\n\v\f\r") == name.npos;
  if (valid) return {};
  return fail(Kind::kInvalid, quote(name), " is no name of a network device");
}

Status check_new_device_name(std::string_view name) {
  TRY(check_device_name(name));
  const size_t percent = name.find('%');
  if (percent == name.npos || name.substr(percent) == "%d") return {};
  return fail(Kind::kInvalid, quote(name), " is a template other than NAME%d");
}

Status check_net_devices(const Linux& config) {
  if (config.net_devices.empty()) return {};
  if (config.net_devices.size() > limits::kNetDevices) {
    return fail(Kind::kLimit, "linux.netDevices: more than ", limits::kNetDevices, " entries");
  }
  if (!has_namespace(config, "network")) {
    return fail(Kind::kInvalid, "linux.netDevices: needs a namespace of type \"network\" in ",
                "linux.namespaces");
  }
  std::map<std::string_view, std::string_view> names;
  for (const auto& [host_name, device] : config.net_devices) {
    TRY(check_device_name(host_name), "linux.netDevices");
    const std::string_view name = device.name.empty() ? host_name : device.name;
    TRY(check_new_device_name(name), "linux.netDevices[", quote(host_name), "].name");
    const auto [other, is_new] = names.emplace(name, host_name);
    if (is_new || name.ends_with("%d")) continue;
    return fail(Kind::kInvalid, "linux.netDevices[", quote(host_name), "].name: ", quote(name),
                " is that of ", quote(other->second), " too");
  }
  return {};
}

}  // namespace

Status check_process_attributes(const Process& process) {
  const auto beneath_process = [](Status status, std::string_view name) {
    if (status.has_value()) return status;
    return Status(beneath(std::move(status).error(), cat("process.", name, ".")));
  };
  TRY(check_label(process.apparmor_profile), "process.apparmorProfile");
  TRY(check_label(process.selinux_label), "process.selinuxLabel");
  if (process.scheduler.has_value()) {
    TRY(beneath_process(check_scheduler(*process.scheduler), "scheduler"));
  }
  if (process.io_priority.has_value()) {
    TRY(beneath_process(check_io_priority(*process.io_priority), "ioPriority"));
  }
  if (!process.exec_cpu_affinity.has_value()) return {};
  return beneath_process(check_affinity(*process.exec_cpu_affinity), "execCPUAffinity");
}

Status check_linux_attributes(const Linux& config) {
  TRY(check_label(config.mount_label), "linux.mountLabel");
  if (config.personality.has_value()) {
    TRY(check_name(kPersonalityDomains, config.personality->domain), "linux.personality.domain");
    if (!config.personality->flags.empty()) {
      return fail(Kind::kInvalid,
                  "linux.personality.flags[0]: ", quote(config.personality->flags[0]),
                  " is unknown");
    }
  }
  TRY(check_time_offsets(config));
  TRY(check_net_devices(config));
  if (!config.memory_policy.has_value()) return {};
  Status policy = check_memory_policy(*config.memory_policy);
  if (policy.has_value()) return policy;
  return beneath(std::move(policy).error(), "linux.memoryPolicy.");
}

}  // namespace crunlite::oci::internal
