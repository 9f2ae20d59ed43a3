// SPDX-License-Identifier: Apache-2.0
// Process 1 of a sandbox: reaps what is orphaned, passes signals on, and ends as the program ends.
#pragma once

#include <sys/types.h>

namespace crunlite::runtime {

// The value of a queued signal that a terminal has sent: it is for the program's process group, as
// terminals have it, and SIGTSTP stops all processes.
constexpr int kFromTerminal = 0x7465726d;

// Exits with the status of `program`, or 128 + the signal that ended it. Single-threaded.
[[noreturn]] void reap_until_end_of(pid_t program) noexcept;

}  // namespace crunlite::runtime
