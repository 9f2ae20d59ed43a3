// SPDX-License-Identifier: Apache-2.0
// What happens to a container after its birth: start, kill, delete (runtime.md#operations).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/state_dir.h"

namespace crunlite::runtime {

// Lets a created container execute its program; Kind::kConflict unless it is created. An error of
// the program's execution is returned, and the container is stopped then.
[[nodiscard]] Status start_container(const std::string& root, const std::string& id);

// "9", "KILL", "SIGKILL", "SIGRTMIN+3" -> a signal number.
[[nodiscard]] Result<int> parse_signal(const std::string& text);

// Signals the init, or with `all` every process of the container. Kind::kConflict ("container not
// running") when there is none.
[[nodiscard]] Status kill_container(const std::string& root, const std::string& id, int signal,
                                    bool all);

struct DeleteOptions {
  bool force = false;  // kill it first; a missing container is no error
};
// Removes cgroups and state of a stopped container, also one that was left half-made, and runs its
// poststop hooks.
[[nodiscard]] Status delete_container(const std::string& root, const std::string& id,
                                      const DeleteOptions& options);

// The same for the process that holds the container's lock and knows that its init is gone.
[[nodiscard]] Status remove_remains(const StateDir& dir, const ContainerState& state);

// The same for whoever saw the container end: while it ran others could delete it, so the lock is
// taken anew. A failure is only told, since the end itself is what counts.
void remove_ended(StateDir& dir, const ContainerState& state);

// Pids of the container's processes in the caller's pid namespace.
[[nodiscard]] Result<std::vector<pid_t>> container_processes(const std::string& root,
                                                             const std::string& id);

}  // namespace crunlite::runtime
