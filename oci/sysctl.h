// SPDX-License-Identifier: Apache-2.0
// Kernel parameters of config.json: their path below /proc/sys, and the namespace they belong to.
// Pure functions. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace crunlite::oci {

struct Sysctl {
  std::string path;                 // "net/ipv4/ip_forward": relative, and never with ".."
  std::string_view namespace_type;  // "ipc", "network" or "uts"
};

// Reads "net.ipv4.ip_forward" or "net/ipv4/conf/eth0.100/forwarding"; the first separator decides
// which one it is, as in sysctl(8). Parameters of the whole host are refused, and kernel.hostname
// too, which is the business of `hostname`.
[[nodiscard]] Result<Sysctl> parse_sysctl(std::string_view key);

}  // namespace crunlite::oci
