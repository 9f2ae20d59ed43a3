// SPDX-License-Identifier: Apache-2.0
// seccomp(2) with a listener, as a Result; as base/sys.h.
#pragma once

#include <string_view>

#include "base/result.h"

namespace crunlite::sys {

// Installs a filter as seccomp_set_filter does, with SECCOMP_FILTER_FLAG_NEW_LISTENER, and sends
// `message` with the listener over the stream `socket`. The calling thread makes no system call
// between both, so the filter may ask about any: a thread outside of it sends. To be followed by
// execve or the process's end; what that thread used is not given back. Single-threaded programs.
[[nodiscard]] Status seccomp_set_notifying_filter(std::string_view program, unsigned flags,
                                                  int socket, std::string_view message);

// True when this kernel knows the flag of seccomp(2); nothing is installed.
[[nodiscard]] bool has_seccomp_flag(unsigned flag);

}  // namespace crunlite::sys
