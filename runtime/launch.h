// SPDX-License-Identifier: Apache-2.0
// From a process inside the container's namespaces and root to the user's program: session,
// identity, limits, capabilities, seccomp, execve. The same for `create`, `run` and `exec`.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "runtime/executable.h"
#include "runtime/plan.h"
#include "runtime/seccomp_notify.h"

namespace crunlite::runtime {

// All up to the point where the program may be started: working directory, limits, ids,
// capabilities, umask; finds the program. `proc` is the host's /proc, closed before that. Errors
// name the field, those about the program use the words that callers look for ("executable file not
// found in $PATH"). `slave`: the terminal to take, or -1.
[[nodiscard]] Result<Executable> become_user(const ProcessPlan& plan, UniqueFd proc, int slave);

// Closes all descriptors but `kept` and those that the program keeps, before a path of the
// container is used: one through /proc/self/fd would lead to the host's files (CVE-2024-21626),
// close-on-exec or not.
[[nodiscard]] Status close_all_but(const ProcessPlan& plan, std::vector<int> kept);

// Loads the filter and executes the program; returns only on failure. `listen_fds` environment is
// the caller's business. `agent` is there where the filter notifies.
[[nodiscard]] Error execute(const ProcessPlan& plan, const Executable& executable,
                            const SeccompAgent& agent);

}  // namespace crunlite::runtime
