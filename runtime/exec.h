// SPDX-License-Identifier: Apache-2.0
// A second process inside a running container.
#pragma once

#include <string>

#include "base/process.h"
#include "base/result.h"
#include "oci/config.h"
#include "runtime/state_dir.h"

namespace crunlite::runtime {

struct ExecOptions {
  std::string root;
  std::string id;
  std::string console_socket;
  std::string pid_file;
  int preserve_fds = 0;
  oci::Strings capabilities;   // added to those of the process
  bool ignores_pause = false;  // wait for a paused container to go on instead of failing
};

struct ExecProcess {
  Child child;              // executes the program when this is returned
  UniqueFd console_master;  // with a terminal and without console_socket
};

// The container's own process as `exec` starts from it: of the config it was created with.
[[nodiscard]] Result<oci::Process> process_template(const std::string& root, const std::string& id);

// Joins all namespaces and cgroups of the container's init and executes the program there, under
// the container's seccomp profile. Single-threaded programs only; the caller's own pid namespace
// for children changes, so it starts nothing else afterwards.
[[nodiscard]] Result<ExecProcess> exec_process(const oci::Process& process,
                                               const ExecOptions& options);

}  // namespace crunlite::runtime
