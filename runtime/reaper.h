// SPDX-License-Identifier: Apache-2.0
// Process 1 of a sandbox: reaps what is orphaned, passes signals on, and ends as the program ends.
#pragma once

#include <sys/types.h>

namespace crunlite::runtime {

// The value of a queued signal that a terminal has sent: it is for the program's process group, as
// terminals have it, and SIGTSTP stops all processes.
constexpr int kFromTerminal = 0x7465726d;

// Waits until a program that asked to be traced stands before its first instruction, and lets it
// go. False, and the program is dead, when it is our own file by a writable mount: by a descriptor
// of /proc/self/exe it could overwrite that when we are gone, and would run as root on the host
// then (CVE-2019-5736). Leaves as the program does if it has ended already. Single-threaded.
[[nodiscard]] bool admit_program(pid_t program) noexcept;

// Closes all descriptors but the standard streams, and exits with the status of `program`, or 128 +
// the signal that ended it. Single-threaded.
[[noreturn]] void reap_until_end_of(pid_t program) noexcept;

}  // namespace crunlite::runtime
