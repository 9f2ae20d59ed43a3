// SPDX-License-Identifier: Apache-2.0
// AppArmor and SELinux: whether the kernel has them at work, and the labels of the next execve
// (config.md#linux-process).
#pragma once

#include <string>

#include "base/result.h"

namespace crunlite::runtime {

// Asked anew at each call, of this process's /sys and /proc.
[[nodiscard]] bool has_apparmor();
[[nodiscard]] bool has_selinux();

// Refuses linux.mountLabel where there is no SELinux.
[[nodiscard]] Status check_mount_label(const std::string& label);

// What this process becomes by its next execve. `proc` is the host's /proc, in which the file must
// be what it seems (CVE-2019-16884, CVE-2025-52881).
[[nodiscard]] Status set_apparmor_profile(int proc, const std::string& profile);
[[nodiscard]] Status set_selinux_label(int proc, const std::string& label);

}  // namespace crunlite::runtime
