// SPDX-License-Identifier: Apache-2.0
// Process 1 of a sandbox: reaps what is orphaned, passes signals on, and ends as the program ends.
#pragma once

#include <sys/types.h>

namespace crunlite::runtime {

// Exits with the status of `program`, or 128 + the signal that ended it. Single-threaded.
[[noreturn]] void reap_until_end_of(pid_t program) noexcept;

}  // namespace crunlite::runtime
