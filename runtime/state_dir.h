// SPDX-License-Identifier: Apache-2.0
// The containers' state on disk: one directory per container below the root directory, with
// state.json, the config it was created from, and, until it is started, start.sock.
#pragma once

#include <sys/types.h>

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/json_map.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "cgroups/group.h"
#include "oci/config.h"
#include "oci/state.h"

namespace crunlite::runtime {

// What state.json holds. Readable after a kill at any step: `pid` is 0 until there is an init.
struct ContainerState {
  std::string id;
  pid_t pid = 0;
  uint64_t start_ticks = 0;  // of the init, field 22 of /proc/PID/stat: tells a reused pid
  std::string bundle;
  std::string created;       // RFC 3339
  uint32_t owner = 0;        // uid
  uint64_t namespaces = 0;   // CLONE_NEW* that the init does not share with the runtime
  std::string cgroups_path;  // as wanted; the group may be half-made while there is no record
  std::optional<cgroups::GroupRecord> cgroup;
  std::map<std::string, std::string> annotations;
  oci::Hooks later_hooks;   // poststart and poststop
  bool has_reaper = false;  // the init stays a process of ours and executes nothing
  // The init executed its program before a checkpoint: for the kernel it never has.
  bool is_restored = false;
};
constexpr auto json_fields(std::same_as<ContainerState> auto*) {
  using json::field;
  return std::tuple(
      field("id", &ContainerState::id, json::kRequired), field("pid", &ContainerState::pid),
      field("startTicks", &ContainerState::start_ticks), field("bundle", &ContainerState::bundle),
      field("created", &ContainerState::created), field("owner", &ContainerState::owner),
      field("namespaces", &ContainerState::namespaces),
      field("cgroupsPath", &ContainerState::cgroups_path), field("cgroup", &ContainerState::cgroup),
      field("annotations", &ContainerState::annotations),
      field("laterHooks", &ContainerState::later_hooks),
      field("hasReaper", &ContainerState::has_reaper),
      field("isRestored", &ContainerState::is_restored));
}

using oci::ContainerStatus;

// What `state` prints and hooks are told.
[[nodiscard]] oci::State oci_state(const ContainerState& state, ContainerStatus status);

// Letters, digits, "_", "+", "-", ".", at most limits::kNameBytes, no "." or ".." alone.
[[nodiscard]] Status check_container_id(const std::string& id);

// The default root directory: /run/crun-lite, or below XDG_RUNTIME_DIR for an ordinary user.
[[nodiscard]] std::string default_root();

// The directory of one container, locked or not. Owned by one process and thread; at its end the
// lock is released and nothing is removed.
class StateDir {
 public:
  // Makes it, with a first state.json, and holds its lock. Kind::kExists when the id is taken.
  [[nodiscard]] static Result<StateDir> create(const std::string& root,
                                               const ContainerState& state);
  // Kind::kNotFound when there is no such container.
  [[nodiscard]] static Result<StateDir> open(const std::string& root, const std::string& id);

  // Waits for the lock that create, start and delete hold. Kind::kNotFound when the container was
  // deleted meanwhile, even if there is a new one of the same id.
  [[nodiscard]] Status lock(int timeout_ms);
  void unlock();
  [[nodiscard]] Result<ContainerState> read() const;
  [[nodiscard]] Status write(const ContainerState& state) const;
  [[nodiscard]] Status write_config(const std::string& text) const;
  [[nodiscard]] Status replace_config(const std::string& text) const;
  [[nodiscard]] Result<std::string> read_config() const;
  // Removes the directory; the id is free then. Does nothing when it has been removed already.
  [[nodiscard]] Status remove() const;

  [[nodiscard]] int fd() const { return dir_.get(); }
  [[nodiscard]] int root_fd() const { return root_.get(); }

 private:
  StateDir(DirFd root, DirFd dir, std::string id)
      : root_(std::move(root)), dir_(std::move(dir)), id_(std::move(id)) {}
  [[nodiscard]] bool is_current() const;

  DirFd root_;
  DirFd dir_;
  std::string id_;
};

// The ids below a root directory, sorted; none when there is no such directory.
[[nodiscard]] Result<std::vector<std::string>> list_containers(const std::string& root);

// Field 22 of /proc/PID/stat and the process's state letter; Kind::kNotFound when it is gone.
struct ProcessStat {
  char state = '?';
  uint64_t start_ticks = 0;
  uint64_t flags = 0;  // PF_*
  // Forked and has not executed a program since.
  [[nodiscard]] bool is_before_exec() const { return (flags & kForkNoExec) != 0; }
  static constexpr uint64_t kForkNoExec = 0x40;  // PF_FORKNOEXEC
};
[[nodiscard]] Result<ProcessStat> read_process_stat(pid_t pid);

// Whether the container's init lives: the same process, and no zombie.
[[nodiscard]] bool is_init_alive(const ContainerState& state);

// "creating" until the init waits for its start, "created" until it has executed its program, and
// "paused" whenever its cgroup is frozen.
[[nodiscard]] Result<ContainerStatus> status_of(const StateDir& dir, const ContainerState& state);

// A pidfd of the living init, proven to be the process of the state. Kind::kConflict when stopped.
[[nodiscard]] Result<UniqueFd> open_init(const ContainerState& state);

// Where `create` leaves the socket on which the init waits for `start`. It listens under another
// name until the container is created as a whole.
inline constexpr const char* kStartSocket = "start.sock";
[[nodiscard]] Result<UniqueFd> listen_for_start(const StateDir& dir);
[[nodiscard]] Status offer_start(const StateDir& dir);
[[nodiscard]] Result<UniqueFd> connect_for_start(const StateDir& dir);

}  // namespace crunlite::runtime
