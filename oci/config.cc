// SPDX-License-Identifier: Apache-2.0
#include "oci/config.h"

#include <algorithm>

namespace crunlite::oci {

Result<Config> parse_config(std::string_view text) { return json::decode_text<Config>(text); }

Result<Process> parse_process(std::string_view text) { return json::decode_text<Process>(text); }

bool asks_listener(const Seccomp& seccomp) {
  constexpr std::string_view kNotify = "SCMP_ACT_NOTIFY";
  return seccomp.default_action == kNotify ||
         std::ranges::find(seccomp.syscalls, kNotify, &SeccompSyscall::action) !=
             seccomp.syscalls.end();
}

std::string write_config(const Config& config) {
  return json::write(json::encode(config), json::Style::kIndented) + "\n";
}

}  // namespace crunlite::oci
