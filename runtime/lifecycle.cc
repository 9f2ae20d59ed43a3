// SPDX-License-Identifier: Apache-2.0
#include "runtime/lifecycle.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/path.h"
#include "base/sys.h"
#include "cgroups/hierarchy.h"
#include "runtime/create.h"
#include "runtime/sync.h"

namespace crunlite::runtime {
namespace {

Status start_over_socket(const StateDir& dir, const ContainerState& state) {
  Channel channel(TRY(connect_for_start(dir)));
  TRY(channel.send(Step::kStart));
  // startContainer hooks have deadlines of their own; a dead init closes the socket.
  TRY(channel.expect_end(-1));
  return check_executed(state);
}

// For who holds the lock: without a pid, the creator has died.
Result<ContainerStatus> status_with_lock(const StateDir& dir, const ContainerState& state) {
  if (state.pid == 0) return ContainerStatus::kStopped;
  return status_of(dir, state);
}

Status wait_until_dead(int pidfd, const std::string& id) {
  if (TRY(sys::wait_ready(pidfd, POLLIN, limits::kKillWaitMs))) return {};
  return fail(Kind::kLimit, "container ", quote(id), ": init does not end after SIGKILL");
}

// The directories of a group that nobody recorded. Only what is empty can be removed later, and of
// the path only the last directory.
cgroups::GroupRecord find_group(const cgroups::Hierarchy& hierarchy, const std::string& path) {
  cgroups::GroupRecord record;
  for (const cgroups::MountedHierarchy& mounted : hierarchy.mounts) {
    const std::string below = path.starts_with('/')
                                  ? path.substr(1)
                                  : clean_path(cat(mounted.own_path.value_or(""), "/", path));
    const std::string directory = cat(mounted.mount_point, "/", below);
    if (!sys::fstatat(AT_FDCWD, directory.c_str(), AT_SYMLINK_NOFOLLOW).has_value()) continue;
    cgroups::GroupDir dir;
    dir.unified = mounted.unified;
    dir.controllers = mounted.controllers;
    dir.mount_point = mounted.mount_point;
    dir.path = below;
    dir.made = 1;
    record.dirs.push_back(std::move(dir));
  }
  return record;
}

// The group of a container, also of one whose creator died before it could record it.
Result<std::optional<cgroups::Group>> group_of(const ContainerState& state) {
  if (state.cgroup.has_value()) {
    return std::optional(TRY(cgroups::Group::open(*state.cgroup), "container ", quote(state.id)));
  }
  if (state.cgroups_path.empty()) return std::optional<cgroups::Group>();
  const cgroups::Hierarchy hierarchy = TRY(cgroups::discover());
  const cgroups::GroupRecord found = find_group(hierarchy, state.cgroups_path);
  return std::optional(TRY(cgroups::Group::open(found), "container ", quote(state.id)));
}

// False when processes of others may be in the group: it was there before the container, or nobody
// knows since its creator died before it could record it.
bool is_own(const ContainerState& state, const cgroups::Group& group) {
  if (state.cgroup.has_value()) return !group.is_shared();
  return state.cgroups_path == default_cgroups_path(state.id);
}

// Ends what may live without a living init: processes in a pid namespace that is not their own.
Status clear_group(const ContainerState& state) {
  std::optional<cgroups::Group> group = TRY(group_of(state));
  if (!group.has_value() || group->is_empty()) return {};
  if (is_own(state, *group)) {
    TRY(group->kill(SIGKILL));
  } else if (!state.cgroup.has_value() && !TRY(group->wait_empty(limits::kKillWaitMs))) {
    return {};  // an init without its creator has ended by now: these are processes of others
  }
  return group->remove();
}

Status kill_init(const ContainerState& state) {
  Result<UniqueFd> init = open_init(state);
  if (!init.has_value()) return {};  // it is dead already
  std::optional<cgroups::Group> group = TRY(group_of(state));
  // The whole group, so that a frozen one is thawed and nothing survives its init.
  const bool has_group = group.has_value() && !group->is_empty();
  if (has_group && is_own(state, *group)) TRY(group->kill(SIGKILL));
  Status sent = sys::pidfd_send_signal(init->get(), SIGKILL);
  if (!sent.has_value() && sent.error().errnum != ESRCH) return sent;
  if (has_group && group->is_frozen().value_or(false)) TRY(group->thaw());
  return wait_until_dead(init->get(), state.id);
}

// "+3" behind RTMIN, "-3" behind RTMAX; nothing is 0.
std::optional<int> real_time_offset(std::string_view text, char sign) {
  if (text.empty()) return 0;
  if (text[0] != sign) return {};
  const auto offset = parse_number<unsigned>(text.substr(1));
  const int last = SIGRTMAX - SIGRTMIN;
  if (!offset.has_value() || *offset > static_cast<unsigned>(last)) return {};
  return static_cast<int>(*offset);
}

std::optional<int> real_time_signal(std::string_view name) {
  constexpr size_t kPrefix = 5;
  if (name.starts_with("RTMIN")) {
    const std::optional<int> offset = real_time_offset(name.substr(kPrefix), '+');
    return offset.has_value() ? std::optional(SIGRTMIN + *offset) : std::nullopt;
  }
  if (!name.starts_with("RTMAX")) return {};
  const std::optional<int> offset = real_time_offset(name.substr(kPrefix), '-');
  return offset.has_value() ? std::optional(SIGRTMAX - *offset) : std::nullopt;
}

Result<int> signal_by_name(const std::string& text) {
  std::string upper = text;
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  std::string_view name = upper;
  if (name.starts_with("SIG")) name.remove_prefix(3);
  if (const std::optional<int> number = real_time_signal(name)) return *number;
  for (int number = 1; number < SIGRTMIN; number++) {
    const char* known = sigabbrev_np(number);
    if (known != nullptr && name == known) return number;
  }
  return fail(Kind::kInvalid, "signal ", quote(text), ": is unknown");
}

}  // namespace

Status start_container(const std::string& root, const std::string& id) {
  StateDir dir = TRY(StateDir::open(root, id));
  TRY(dir.lock(limits::kStartTimeoutMs));
  const ContainerState state = TRY(dir.read());
  const ContainerStatus status = TRY(status_with_lock(dir, state));
  if (status != ContainerStatus::kCreated) {
    return fail(Kind::kConflict, "cannot start a container in the ", oci::to_text(status),
                " state");
  }
  Status started = start_over_socket(dir, state);
  // With the socket gone the container counts as started, or as stopped if that failed.
  (void)sys::unlinkat(dir.fd(), kStartSocket, 0);
  if (!started.has_value()) return started;
  run_poststart(state);
  return {};
}

Result<int> parse_signal(const std::string& text) {
  const auto number = parse_number<int>(text);
  if (!number.has_value()) return signal_by_name(text);
  if (*number > 0 && *number <= SIGRTMAX) return *number;
  return fail(Kind::kInvalid, "signal ", text, ": is not a signal");
}

Status kill_container(const std::string& root, const std::string& id, int signal, bool all) {
  const StateDir dir = TRY(StateDir::open(root, id));
  const ContainerState state = TRY(dir.read());
  // Who is in a path that the container only wished for is not known.
  if (all && state.cgroup.has_value()) {
    cgroups::Group group = TRY(cgroups::Group::open(*state.cgroup), "container ", quote(id));
    if (!group.is_empty()) return group.kill(signal);
  }
  Result<UniqueFd> init = open_init(state);
  if (!init.has_value()) return fail(Kind::kConflict, "container not running");
  Status sent = sys::pidfd_send_signal(init->get(), signal);
  if (!sent.has_value() && sent.error().errnum == ESRCH) {
    return fail(Kind::kConflict, "container not running");
  }
  TRY(std::move(sent));
  if (signal != SIGKILL) return {};
  // A frozen process of cgroup v1 dies only when it is thawed.
  if (!state.cgroup.has_value() || !cgroups::is_frozen(*state.cgroup).value_or(false)) return {};
  cgroups::Group group = TRY(cgroups::Group::open(*state.cgroup), "container ", quote(id));
  return group.thaw();
}

Status remove_remains(const StateDir& dir, const ContainerState& state) {
  TRY(clear_group(state), "container ", quote(state.id));
  run_poststop(state);
  return dir.remove();
}

void remove_ended(StateDir& dir, const ContainerState& state) {
  Status removed = dir.lock(limits::kStartTimeoutMs);
  if (removed.has_value()) removed = remove_remains(dir, state);
  const bool is_gone = !removed.has_value() && removed.error().kind == Kind::kNotFound;
  if (!removed.has_value() && !is_gone) log_warning(removed.error().message);
}

Status delete_container(const std::string& root, const std::string& id,
                        const DeleteOptions& options) {
  Result<StateDir> dir = StateDir::open(root, id);
  if (!dir.has_value()) {
    const bool is_gone = dir.error().kind == Kind::kNotFound && options.force;
    return is_gone ? Status() : Status(std::unexpected(std::move(dir).error()));
  }
  TRY(dir->lock(limits::kStartTimeoutMs));
  Result<ContainerState> state = dir->read();
  if (!state.has_value()) {
    // Killed between the making of the directory and its first state: there is nothing else.
    if (state.error().kind == Kind::kNotFound) return dir->remove();
    return std::unexpected(std::move(state).error());
  }
  const ContainerStatus status = TRY(status_with_lock(*dir, *state));
  if (status != ContainerStatus::kStopped) {
    if (!options.force) {
      return fail(Kind::kConflict, "cannot delete container ", quote(id),
                  " that is not stopped: ", oci::to_text(status));
    }
    TRY(kill_init(*state));
  }
  return remove_remains(*dir, *state);
}

Result<std::vector<pid_t>> container_processes(const std::string& root, const std::string& id) {
  const StateDir dir = TRY(StateDir::open(root, id));
  const ContainerState state = TRY(dir.read());
  std::optional<cgroups::Group> group = TRY(group_of(state));
  if (group.has_value() && !group->is_empty()) return group->processes();
  if (!is_init_alive(state)) return std::vector<pid_t>();
  return std::vector<pid_t>{state.pid};
}

}  // namespace crunlite::runtime
