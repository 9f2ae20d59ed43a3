// SPDX-License-Identifier: Apache-2.0
// From a process inside the container's namespaces and root to the user's program: session,
// identity, limits, capabilities, seccomp, execve. The same for `create`, `run` and `exec`.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "runtime/plan.h"

namespace crunlite::runtime {

// A program that was found, ready to be executed.
struct Executable {
  std::string path;
};

// All up to the point where the program may be started: working directory, limits, ids,
// capabilities, umask; finds the program. `proc` is the host's /proc. Errors name the field, those
// about the program use the words that callers look for ("executable file not found in $PATH").
// `slave`: the terminal to take, or -1.
[[nodiscard]] Result<Executable> become_user(const ProcessPlan& plan, int proc, int slave);

// Loads the filter and executes the program; returns only on failure. `listen_fds` environment is
// the caller's business.
[[nodiscard]] Error execute(const ProcessPlan& plan, const Executable& executable);

}  // namespace crunlite::runtime
