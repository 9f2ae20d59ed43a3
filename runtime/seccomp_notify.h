// SPDX-License-Identifier: Apache-2.0
// SCMP_ACT_NOTIFY: the descriptor on which a supervisor answers for system calls, sent to its
// socket with the container process state (config-linux.md#seccomp, "listenerPath").
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "oci/config.h"
#include "oci/state.h"
#include "runtime/seccomp.h"

namespace crunlite::runtime {

// A connection to the supervisor, and what is sent over it beside the descriptor. Owned by the
// process that will load the filter.
struct SeccompAgent {
  UniqueFd socket;
  std::string message;

  [[nodiscard]] bool is_there() const { return socket.is_open(); }
};

// Connects to listenerPath, if the filter has use for it. By the parent: it is a path of the host.
[[nodiscard]] Result<UniqueFd> connect_to_agent(const oci::Seccomp& profile);

// The state to send, of the process that the host knows as `pid`.
[[nodiscard]] std::string agent_message(const oci::State& state, pid_t pid,
                                        const std::string& metadata);

// Loads the filter and hands its listener over. Whatever the filter says of sendmsg(2) and the
// like, nothing is asked of the supervisor before it has the descriptor: a thread that is outside
// of the filter sends it. To be followed by execve, which ends that thread for sure.
[[nodiscard]] Status load_notifying_filter(const SeccompFilter& filter, const SeccompAgent& agent);

}  // namespace crunlite::runtime
