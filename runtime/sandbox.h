// SPDX-License-Identifier: Apache-2.0
// A command in a throw-away container, from its making to its last trace.
#pragma once

#include <string>

#include "base/result.h"
#include "runtime/sandbox_options.h"

namespace crunlite::runtime {

// Exit statuses of the sandbox itself; all others are the command's.
constexpr int kTimeOutStatus = 124;
constexpr int kSandboxFailure = 125;
constexpr int kNotExecutable = 126;
constexpr int kNotFound = 127;

struct SandboxSettings {
  std::string root;  // where the states lie
  bool use_cgroups = true;
};

// Runs the command to its end, passes signals on to it, and leaves nothing: no process, mount,
// cgroup or file. Returns the exit status. A command that could not be executed is told and has its
// status; an error is our own failure. Single-threaded programs only.
[[nodiscard]] Result<int> run_sandbox(const SandboxOptions& options,
                                      const SandboxSettings& settings);

}  // namespace crunlite::runtime
