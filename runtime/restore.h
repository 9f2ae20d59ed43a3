// SPDX-License-Identifier: Apache-2.0
// The way back from checkpoint.h: a new container whose processes come from an image directory.
// Limits, mounts of the host's files and hooks are those of the bundle's config.json.
#pragma once

#include <string>

#include "base/result.h"
#include "runtime/checkpoint.h"
#include "runtime/create.h"

namespace crunlite::runtime {

struct RestoreOptions {
  std::string root;  // where the states lie
  std::string id;
  std::string bundle;          // absolute
  std::string console_socket;  // "" unless the terminal goes to another process
  std::string pid_file;
  bool use_cgroups = true;
  CriuSettings criu;
};

// The container runs when this returns, and its init is our child; its lock is held. On failure
// nothing is left but CRIU's log. Our own standard streams take the place of those that the
// container had from outside.
[[nodiscard]] Result<NewContainer> restore_container(const ConfigFile& config,
                                                     const RestoreOptions& options);

}  // namespace crunlite::runtime
