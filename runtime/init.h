// SPDX-License-Identifier: Apache-2.0
// The container's side of a birth: from the clone to execve (docs/architecture.md, "A birth").
#pragma once

#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "oci/state.h"
#include "runtime/hooks.h"
#include "runtime/plan.h"
#include "runtime/seccomp_notify.h"
#include "runtime/sync.h"

namespace crunlite::runtime {

// What the parent made ready for init; descriptors are inherited by the clone.
struct InitResources {
  Channel channel;                     // init's end
  UniqueFd start_listener;             // start.sock after `create`; closed for `run`
  std::vector<UniqueFd> cgroup_tasks;  // v1 `tasks` files to join
  std::vector<UniqueFd> joined;        // beside plan.namespaces.joined
  bool opens_sources = false;          // init opens the next four, since the parent may not
  MountFd root;                        // detached; closed: plan.root_mount is made by init
  std::vector<MountFd> bind_sources;   // beside plan.mounts; closed where init makes the mount
  std::vector<MountFd> host_devices;   // beside plan.devices; closed or none: nodes are made
  MountFd host_null;                   // for masked files
  UniqueFd proc;                       // the host's /proc
  oci::State hook_state;               // what hooks are told; the pid is filled in by init
  HookFiles hook_files;                // where hooks write to
  UniqueFd seccomp_agent;              // where the filter notifies
  bool has_runtime_hooks = false;      // the parent runs hooks when the mounts are made
  bool new_keyring = true;

  // The same once more, for an init that shares our memory and has descriptors of its own by these
  // numbers. Our own are not closed by it, and its copy must not be destroyed here.
  [[nodiscard]] InitResources twin() const;
};

// Never returns; a failure is sent through the channel, or the started connection.
[[noreturn]] void run_init(const ContainerPlan& plan, InitResources& resources) noexcept;

// Without a channel, nobody is asked and nobody waited for. Returns only with an error.
[[nodiscard]] Error live_as_init(const ContainerPlan& plan, InitResources& resources);

}  // namespace crunlite::runtime
