// SPDX-License-Identifier: Apache-2.0
// The parent's side of a birth: a bundle becomes a container that waits to be started
// (docs/architecture.md, "A birth"; runtime.md#create).
#pragma once

#include <optional>
#include <string>
#include <string_view>

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
  bool use_cgroups = true;       // false: --cgroup-manager=disabled
  bool limits_optional = false;  // a cgroup that cannot be made is only told
  std::string_view limits_hint;  // else put behind that error
  // After `create` the init waits on start.sock for another process; in `run` for this one.
  bool starts_later = false;
  bool has_reaper = false;  // see ProcessPlan
  bool dies_with_parent = false;
  std::optional<namespaces::IdMaps> inner_ids;
  std::optional<PrivateLayer> private_layer;  // see ContainerPlan
  NamedProfile seccomp;                       // of a config that has none
  StateDir* claimed = nullptr;                // made and locked already; taken
};

// A container whose init waits, or whose program runs already where nobody was to be asked. At the
// end of this value the init is killed, unless it was released; state and cgroup stay until
// remove_remains.
struct NewContainer {
  StateDir dir;
  ContainerState state;
  Child init;
  Channel channel;          // to an init that waits for us
  UniqueFd console_master;  // with a terminal and without console_socket
};

// Reads BUNDLE/config.json. Without its text nothing can be executed in the container later.
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

// For `run`: lets an init that waits execute its program, runs the poststart hooks, and gives up
// the lock: from then on others may kill and delete the container.
[[nodiscard]] Status start_new(NewContainer& container);

// The channel of a start closes when the program is executed and also when init dies just before. A
// zombie that never executed tells the second.
[[nodiscard]] Status check_executed(const ContainerState& state);

// poststart and poststop hooks: a failure is only told, and the others run all the same, as the
// specification wants it.
void run_poststart(const ContainerState& state);
void run_poststop(const ContainerState& state);

// What is known of a container before anything of it is made.
struct ContainerIdentity {
  const std::string& id;
  const std::string& bundle;  // absolute
  bool use_cgroups = true;
};
[[nodiscard]] ContainerState new_state(const ContainerPlan& plan,
                                       const ContainerIdentity& identity);

// The cgroups path of a container that names none.
[[nodiscard]] std::string default_cgroups_path(const std::string& id);

[[nodiscard]] Status write_pid_file(const std::string& path, pid_t pid);

// Why a peer that closed its channel went away, for the message.
[[nodiscard]] Error explain_death(Child& child, Error error);

}  // namespace crunlite::runtime
