// SPDX-License-Identifier: Apache-2.0
#include "runtime/attributes.h"

#include <errno.h>
#include <sys/prctl.h>

#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"
#include "oci/names.h"
#include "runtime/security_modules.h"

namespace crunlite::runtime {
namespace {

#ifndef PR_SCHED_CORE
constexpr int PR_SCHED_CORE = 62;
constexpr unsigned long PR_SCHED_CORE_GET = 0;
constexpr unsigned long PR_SCHED_CORE_CREATE = 1;
#endif
constexpr unsigned long kThreadGroup = 1;  // PR_SCHED_CORE_SCOPE_THREAD_GROUP

sys::SchedulerAttributes scheduler_of(const oci::Scheduler& wanted) {
  sys::SchedulerAttributes out;
  out.policy = static_cast<uint32_t>(*oci::number_of(oci::kSchedulerPolicies, wanted.policy));
  for (const std::string& flag : wanted.flags) {
    out.flags |= static_cast<uint64_t>(*oci::number_of(oci::kSchedulerFlags, flag));
  }
  out.nice = wanted.nice.value_or(0);
  out.priority = static_cast<uint32_t>(wanted.priority.value_or(0));
  out.runtime = wanted.runtime.value_or(0);
  out.deadline = wanted.deadline.value_or(0);
  out.period = wanted.period.value_or(0);
  return out;
}

MemoryPolicyPlan memory_policy_of(const oci::MemoryPolicy& wanted) {
  MemoryPolicyPlan plan;
  plan.mode = *oci::number_of(oci::kMemoryModes, wanted.mode);
  for (const std::string& flag : wanted.flags) {
    plan.mode |= *oci::number_of(oci::kMemoryFlags, flag);
  }
  if (!wanted.nodes.empty()) {
    plan.nodes = *parse_number_list(wanted.nodes, limits::kMemoryNodes);
  }
  return plan;
}

// A kernel built without core scheduling says EINVAL to the question already, a processor without
// hyper-threads ENODEV.
Status check_core_scheduling() {
  unsigned long cookie = 0;
  Status known =
      sys::prctl(PR_SCHED_CORE, PR_SCHED_CORE_GET, 0, 0, reinterpret_cast<unsigned long>(&cookie));
  if (known.has_value()) return {};
  return fail(Kind::kUnavailable, "annotations[\"", kCoreAnnotation,
              "\"]: this kernel or processor has no core scheduling");
}

}  // namespace

Result<bool> annotation_flag(const Annotations& annotations, const std::string& name) {
  const auto found = annotations.find(name);
  if (found == annotations.end()) return false;
  const std::string& value = found->second;
  if (value == "1" || value == "true") return true;
  if (value.empty() || value == "0" || value == "false") return false;
  return fail(Kind::kInvalid, "annotations[\"", name, "\"]: ", quote(value),
              " is not 1, true, 0 or false");
}

void plan_process_attributes(const oci::Process& process, AttributePlan& plan) {
  if (process.scheduler.has_value()) plan.scheduler = scheduler_of(*process.scheduler);
  if (process.io_priority.has_value()) {
    plan.io_priority = {.io_class = *oci::number_of(oci::kIoClasses, process.io_priority->io_class),
                        .priority = process.io_priority->priority};
  }
  plan.apparmor_profile = process.apparmor_profile;
  plan.selinux_label = process.selinux_label;
  if (!process.exec_cpu_affinity.has_value()) return;
  const oci::CpuAffinity& affinity = *process.exec_cpu_affinity;
  if (!affinity.initial.empty()) {
    plan.initial_processors = parse_number_list(affinity.initial, limits::kProcessors);
  }
  if (!affinity.final.empty()) {
    plan.final_processors = parse_number_list(affinity.final, limits::kProcessors);
  }
}

Status plan_container_attributes(const oci::Linux& linux_config, const Annotations& annotations,
                                 AttributePlan& plan) {
  if (linux_config.personality.has_value()) {
    plan.personality = static_cast<unsigned long>(
        *oci::number_of(oci::kPersonalityDomains, linux_config.personality->domain));
  }
  if (linux_config.memory_policy.has_value()) {
    plan.memory_policy = memory_policy_of(*linux_config.memory_policy);
  }
  plan.keeps_groups = TRY(annotation_flag(annotations, kKeepGroupsAnnotation));
  plan.new_core_cookie = TRY(annotation_flag(annotations, kCoreAnnotation));
  const auto landlock = annotations.find(kLandlockAnnotation);
  if (landlock == annotations.end()) return {};
  plan.landlock =
      TRY(parse_landlock(landlock->second), "annotations[\"", kLandlockAnnotation, "\"]");
  return {};
}

Status check_kernel_has(const AttributePlan& plan) {
  if (!plan.apparmor_profile.empty() && !has_apparmor()) {
    return fail(Kind::kUnavailable, "process.apparmorProfile: this kernel has no AppArmor at work");
  }
  if (!plan.selinux_label.empty() && !has_selinux()) {
    return fail(Kind::kUnavailable, "process.selinuxLabel: this kernel has no SELinux at work");
  }
  if (plan.landlock.has_value()) {
    TRY(check_landlock(), "annotations[\"", kLandlockAnnotation, "\"]");
  }
  return plan.new_core_cookie ? check_core_scheduling() : Status();
}

Status share_core_cookie_of(pid_t pid) {
  constexpr unsigned long kShareFrom = 3;  // PR_SCHED_CORE_SHARE_FROM
  return in_context(sys::prctl(PR_SCHED_CORE, kShareFrom, static_cast<unsigned long>(pid), 0, 0),
                    "annotations[\"", kCoreAnnotation, "\"]");
}

Status set_attributes(const AttributePlan& plan, int proc) {
  if (plan.final_processors.has_value()) {
    TRY(sys::sched_setaffinity(*plan.final_processors), "process.execCPUAffinity.final");
  }
  if (plan.scheduler.has_value()) {
    TRY(sys::sched_setattr(*plan.scheduler), "process.scheduler");
  }
  if (plan.io_priority.has_value()) {
    TRY(sys::ioprio_set(plan.io_priority->io_class, plan.io_priority->priority),
        "process.ioPriority");
  }
  if (plan.memory_policy.has_value()) {
    TRY(sys::set_mempolicy(plan.memory_policy->mode, plan.memory_policy->nodes),
        "linux.memoryPolicy");
  }
  if (plan.personality.has_value()) {
    TRY(sys::personality(*plan.personality), "linux.personality");
  }
  if (plan.new_core_cookie) {
    TRY(sys::prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, kThreadGroup, 0), "annotations[\"",
        kCoreAnnotation, "\"]");
  }
  if (!plan.apparmor_profile.empty()) {
    TRY(set_apparmor_profile(proc, plan.apparmor_profile), "process.apparmorProfile");
  }
  if (plan.selinux_label.empty()) return {};
  return in_context(set_selinux_label(proc, plan.selinux_label), "process.selinuxLabel");
}

}  // namespace crunlite::runtime
