// SPDX-License-Identifier: Apache-2.0
// The parent's side of a birth: a bundle becomes a container that waits to be started
// (docs/architecture.md, "A birth"; runtime.md#create).
#pragma once

#include <optional>
#include <string>

#include "base/process.h"
#include "base/result.h"
#include "cgroups/group.h"
#include "oci/config.h"
#include "runtime/plan.h"
#include "runtime/state_dir.h"
#include "runtime/sync.h"

namespace crunlite::runtime {

struct CreateOptions {
  std::string root;  // where the states lie
  std::string id;
  std::string bundle;          // absolute
  std::string console_socket;  // "" unless the terminal goes to another process
  std::string pid_file;
  int preserve_fds = 0;
  bool new_keyring = true;
  bool use_cgroups = true;  // false: --cgroup-manager=disabled
  // After `create` the init waits on start.sock for another process; in `run` for this one.
  bool starts_later = false;
  bool has_reaper = false;  // see ProcessPlan
  bool dies_with_parent = false;
  std::optional<namespaces::IdMaps> inner_ids;
  std::optional<PrivateLayer> private_layer;  // see ContainerPlan
};

// A container whose init waits. The process that made it may let it go by release(); at its end it
// is otherwise undone as a whole.
struct NewContainer {
  StateDir dir;
  ContainerState state;
  Child init;
  Channel channel;          // to init, unless it starts later
  UniqueFd console_master;  // with a terminal and without console_socket
};

// Reads BUNDLE/config.json.
struct ConfigFile {
  std::string text;
  oci::Config config;
};
[[nodiscard]] Result<ConfigFile> load_config(const std::string& bundle,
                                             const std::string& name = "config.json");

// On failure nothing is left: no process, cgroup, mount, state directory or pid file.
// Single-threaded programs only.
[[nodiscard]] Result<NewContainer> create_container(const ConfigFile& config,
                                                    const CreateOptions& options);

// For `run`: lets the init execute its program, and runs the poststart hooks.
[[nodiscard]] Status start_new(NewContainer& container);

// poststart hooks: a failure is only told, as the specification wants it.
void run_poststart(const ContainerState& state);

// The cgroups path of a container that names none.
[[nodiscard]] std::string default_cgroups_path(const std::string& id);

[[nodiscard]] Status write_pid_file(const std::string& path, pid_t pid);

// Why a peer that closed its channel went away, for the message.
[[nodiscard]] Error explain_death(Child& child, Error error);

}  // namespace crunlite::runtime
