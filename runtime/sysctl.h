// SPDX-License-Identifier: Apache-2.0
// Kernel parameters of a container's namespaces (config-linux.md#sysctl).
#pragma once

#include <map>
#include <string>

#include "base/result.h"

namespace crunlite::runtime {

// Writes them through `proc`, the host's own /proc: files there show the caller's namespaces, and
// none of the container's mounts can stand in their place (CVE-2025-52881).
[[nodiscard]] Status write_sysctls(const std::map<std::string, std::string>& values, int proc);

}  // namespace crunlite::runtime
