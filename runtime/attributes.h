// SPDX-License-Identifier: Apache-2.0
// Attributes of a container's process beyond its identity: scheduling, input and output priority,
// execution domain, memory policy, labels of security modules, Landlock, core scheduling
// (config.md#process, config-linux.md). Planned from config.json, set by the process on itself.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/sys_attributes.h"
#include "oci/config.h"
#include "runtime/landlock.h"

namespace crunlite::runtime {

struct IoPriorityPlan {
  int io_class = 0;
  int priority = 0;
};

struct MemoryPolicyPlan {
  int mode = 0;  // with its flags
  std::vector<uint32_t> nodes;
};

struct AttributePlan {
  // Of the process; exec has its own.
  std::optional<sys::SchedulerAttributes> scheduler;
  std::optional<IoPriorityPlan> io_priority;
  std::optional<std::vector<uint32_t>> initial_processors;  // of exec only, as the next
  std::optional<std::vector<uint32_t>> final_processors;
  std::string apparmor_profile;
  std::string selinux_label;
  // Of the container, for each of its processes.
  std::optional<unsigned long> personality;
  std::optional<MemoryPolicyPlan> memory_policy;
  std::optional<LandlockPlan> landlock;
  bool new_core_cookie = false;
  bool keeps_groups = false;  // the supplementary groups of the runtime's caller
};

using Annotations = std::map<std::string, std::string>;

// Annotations that ask for attributes; docs/annotations.md. "1" and "true" turn one on.
inline constexpr const char* kKeepGroupsAnnotation = "run.oci.keep_original_groups";
inline constexpr const char* kLandlockAnnotation = "io.crun-lite.landlock";
inline constexpr const char* kCoreAnnotation = "io.crun-lite.core-scheduling";

// A flag's value: "1", "true", "0", "false" or "" (off). Errors name the annotation.
[[nodiscard]] Result<bool> annotation_flag(const Annotations& annotations, const std::string& name);

// The process's part. Pure; `process` was checked.
void plan_process_attributes(const oci::Process& process, AttributePlan& plan);
// The container's part: what all of its processes have.
[[nodiscard]] Status plan_container_attributes(const oci::Linux& linux_config,
                                               const Annotations& annotations, AttributePlan& plan);

// Refuses what this kernel does not have, by its name in config.json: labels of modules that are
// not there, Landlock, core scheduling. By the parent, before anything is made.
[[nodiscard]] Status check_kernel_has(const AttributePlan& plan);

// Takes the core scheduling cookie of the process `pid`.
[[nodiscard]] Status share_core_cookie_of(pid_t pid);

// Sets all that needs rights which are dropped later, and the labels of the next execve; `proc` is
// the host's /proc. By the process itself, before it changes its ids.
[[nodiscard]] Status set_attributes(const AttributePlan& plan, int proc);

}  // namespace crunlite::runtime
