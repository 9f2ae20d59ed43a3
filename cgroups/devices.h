// SPDX-License-Identifier: Apache-2.0
// Device rules (linux.resources.devices) as an eBPF program for cgroup2, or as writes to the v1
// devices controller where there is no cgroup2.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "oci/config.h"

namespace crunlite::cgroups {

enum Access : uint32_t { kMknod = 1, kRead = 2, kWrite = 4, kAllAccess = 7 };  // as the kernel's

// One rule, checked. An unset number or type matches all.
struct DeviceFilterRule {
  bool allow = false;
  char type = 'a';  // 'a' any, 'b' block, 'c' character
  std::optional<uint32_t> major = {};
  std::optional<uint32_t> minor = {};
  uint32_t access = kAllAccess;

  [[nodiscard]] bool matches_all() const {
    return type == 'a' && !major.has_value() && !minor.has_value() && access == kAllAccess;
  }
  [[nodiscard]] bool operator==(const DeviceFilterRule&) const = default;
};

// The rules of config.json in their order, then the specification's default devices (null zero
// full random urandom tty console ptmx pts). For each kind of access the last rule that matches
// decides; what none matches is denied. Errors name linux.resources.devices[i].
[[nodiscard]] Result<std::vector<DeviceFilterRule>> device_rules(
    const std::vector<oci::DeviceRule>& rules);

// Assembles the program for BPF_PROG_TYPE_CGROUP_DEVICE: returns 1 to allow. Pure.
[[nodiscard]] std::vector<bpf_insn> assemble(const std::vector<DeviceFilterRule>& rules);

// Loads a program; its descriptor. Kind::kDenied without CAP_BPF or CAP_SYS_ADMIN.
[[nodiscard]] Result<UniqueFd> load_program(const std::vector<bpf_insn>& program);
// Attaches it to a cgroup2 directory beside those of others; `replaced` >= 0 is swapped out in the
// same step. Returns the program's id, by which it is found again.
[[nodiscard]] Result<uint32_t> attach_program(int cgroup, int program, int replaced = -1);
[[nodiscard]] Result<UniqueFd> open_program(uint32_t id);
[[nodiscard]] Status detach_program(int cgroup, int program);

// The writes to devices.allow and devices.deny that mean the same: the kernel's v1 list cannot
// say every order of rules, and such are refused by name. Pure.
struct LegacyDeviceWrite {
  bool allow = false;  // devices.allow, else devices.deny
  std::string text;
  [[nodiscard]] bool operator==(const LegacyDeviceWrite&) const = default;
};
[[nodiscard]] Result<std::vector<LegacyDeviceWrite>> legacy_device_writes(
    const std::vector<DeviceFilterRule>& rules);

}  // namespace crunlite::cgroups
