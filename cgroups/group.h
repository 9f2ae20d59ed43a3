// SPDX-License-Identifier: Apache-2.0
// Group: the cgroup directories of one container, in cgroup2 and in the v1 hierarchies it needs.
#pragma once

#include <sys/types.h>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/json_map.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "cgroups/devices.h"
#include "cgroups/hierarchy.h"
#include "cgroups/limits.h"
#include "oci/config.h"

namespace crunlite::cgroups {

// One directory of a group, as state.json keeps it.
struct GroupDir {
  bool unified = false;
  std::vector<std::string> controllers = {};  // v1: of the hierarchy
  std::string mount_point = {};
  std::string path = {};  // below mount_point
  uint32_t made = 0;      // how many last components of `path` we made, and so may remove
  uint64_t inode = 0;     // of the directory: another one of the same path is not ours
};
constexpr auto json_fields(std::same_as<GroupDir> auto*) {
  using json::field;
  return std::tuple(
      field("unified", &GroupDir::unified), field("controllers", &GroupDir::controllers),
      field("mountPoint", &GroupDir::mount_point, json::kRequired), field("path", &GroupDir::path),
      field("made", &GroupDir::made), field("inode", &GroupDir::inode));
}

// All that must be remembered of a group to act on it from another process.
struct GroupRecord {
  std::vector<GroupDir> dirs;      // cgroup2 first
  std::vector<GroupDir> unjoined;  // v1 hierarchies that were not needed; an update may need them
  uint32_t device_program = 0;     // id of the attached eBPF program, 0: none
  std::string reason;              // why there is no group although one was wanted
};
constexpr auto json_fields(std::same_as<GroupRecord> auto*) {
  using json::field;
  return std::tuple(field("dirs", &GroupRecord::dirs), field("unjoined", &GroupRecord::unjoined),
                    field("deviceProgram", &GroupRecord::device_program),
                    field("reason", &GroupRecord::reason));
}

struct GroupSpec {
  std::string path;                           // linux.cgroupsPath or the caller's default
  const oci::Resources* resources = nullptr;  // borrowed; nullptr: none
  // False when nobody asked for a group: then a host on which none can be made gives an empty
  // Group with a reason. Limits and device rules that were asked for are required all the same.
  bool required = true;
  // Also join the controllers whose statistics callers read below the cgroups path (memory, cpu,
  // cpuacct, pids, blkio), limits or not. Each costs some 50 us.
  bool statistics = true;
  // For containers in a user namespace, where mknod is impossible anyway: device rules that may
  // not be loaded are left out.
  bool devices_optional = false;
  // Leave the device rules to attach_devices(): loading them takes 0.1 to 0.2 ms, in which the
  // container's init can already be at work. Until then its own mknod is not subject to them.
  // Has no effect where a v1 hierarchy holds them.
  bool devices_later = false;
};

// Checks a linux.cgroupsPath: no "..", no control characters, no systemd form ("a:b:c").
[[nodiscard]] Status check_cgroups_path(std::string_view path);

// Owned by whoever runs the verb; single thread. Directories are made by create() and removed by
// remove() only, never by the destructor: they outlive this process. Every directory is held by
// one descriptor and all files are opened beneath it.
class Group {
 public:
  // Makes the directories, sets the limits, attaches the device rules. A directory that is there
  // already is shared, unless it is frozen (Kind::kConflict). A failure removes what was made.
  [[nodiscard]] static Result<Group> create(const Hierarchy& hierarchy, const GroupSpec& spec);
  // With GroupSpec::devices_later: to be called before the container's program runs. It changes
  // the record. Does nothing the second time.
  [[nodiscard]] Status attach_devices();
  // The group of a record; directories that are gone meanwhile are left out.
  [[nodiscard]] static Result<Group> open(const GroupRecord& record);

  [[nodiscard]] const GroupRecord& record() const { return record_; }
  // True when there is no directory: none was made, or all are gone.
  [[nodiscard]] bool is_empty() const;
  [[nodiscard]] const std::string& reason() const { return record_.reason; }
  // True when the directory was there before: the processes in it may be those of others, so
  // kill() may hit more than the container.
  [[nodiscard]] bool is_shared() const;

  // For CLONE_INTO_CGROUP: the cgroup2 directory, or -1. It fails with EBUSY when the container
  // manages cgroups itself below it; then that of its init serves (open_cgroup_of).
  [[nodiscard]] int unified_fd() const;
  [[nodiscard]] Result<UniqueFd> open_cgroup_of(pid_t pid) const;
  // The v1 `tasks` files, to each of which a single-threaded process writes "0" to join: no wait
  // for RCU, unlike the parent's write of cgroup.procs.
  [[nodiscard]] Result<std::vector<UniqueFd>> take_join_fds() const;
  // All of that for the calling process, which must be single-threaded.
  [[nodiscard]] Status join_self() const;
  // Puts another process into all of the group: slow (an RCU grace period for each hierarchy).
  [[nodiscard]] Status attach(pid_t pid) const;

  // Sets new limits and, if there are any, new device rules. The record may change, even if it
  // fails: keep it anew. After a failure the former limits hold.
  [[nodiscard]] Status update(const oci::Resources& resources);
  // Gives the cgroup2 directory to a container's user (config-linux.md#cgroup-ownership).
  [[nodiscard]] Status set_owner(uid_t uid, gid_t gid) const;

  [[nodiscard]] Status freeze();
  [[nodiscard]] Status thaw();
  // After thaw(): until it runs; false when it does not, since a cgroup above it is frozen.
  [[nodiscard]] Result<bool> wait_thawed(int timeout_ms) const;
  [[nodiscard]] Result<bool> is_frozen() const;
  // Signals every process, those of sub-cgroups too. SIGKILL reaches frozen ones as well.
  [[nodiscard]] Status kill(int signal);
  // Pids as this process's pid namespace numbers them.
  [[nodiscard]] Result<std::vector<pid_t>> processes() const;
  // Waits until no process is left, at most timeout_ms; false when some are left.
  [[nodiscard]] Result<bool> wait_empty(int timeout_ms) const;

  // Removes the directories we made, sub-cgroups first; waits at most limits::kKillWaitMs for
  // processes that are still ending. Those that we did not make, and parents of ours in which
  // others have settled, stay. Removing twice is no error.
  [[nodiscard]] Status remove();

  // The directory in the v1 hierarchy of a controller, -1: none.
  [[nodiscard]] int legacy_fd(std::string_view controller) const;

 private:
  friend class GroupBuilder;
  struct PendingDevices {
    std::vector<DeviceFilterRule> rules;
    bool optional = false;      // they may be left out where they cannot be loaded
    bool default_only = false;  // none were asked for: may be left out where there is no cgroup
  };
  Group() = default;

  [[nodiscard]] int main_fd() const;  // the directory whose processes count
  [[nodiscard]] Versions versions() const;
  [[nodiscard]] Result<Present> read_present(const oci::Resources& resources) const;
  [[nodiscard]] Status enable_unified(const std::vector<Write>& writes, bool statistics) const;
  [[nodiscard]] Status apply(const std::vector<Write>& writes) const;
  [[nodiscard]] Status set_device_rules(const std::vector<DeviceFilterRule>& rules);
  [[nodiscard]] Status update_device_rules(const std::vector<DeviceFilterRule>& rules);
  [[nodiscard]] std::vector<Write> undo_of(const std::vector<Write>& writes) const;
  void undo(std::vector<Write> writes) const;
  [[nodiscard]] Status join_late(const std::vector<Write>& writes);
  [[nodiscard]] Status adopt_processes(int cgroup) const;

  GroupRecord record_;
  std::optional<PendingDevices> pending_devices_;
  std::vector<DirFd> dirs_;  // of record_.dirs, in their order; -1 for those that are gone
};

// Whether the group of a record is frozen, by opening one directory only. False when it is gone.
[[nodiscard]] Result<bool> is_frozen(const GroupRecord& record);

// Inside this module only: removes what we made of one directory, and nothing that has taken its
// place.
[[nodiscard]] Status remove_recorded(const GroupDir& recorded);

}  // namespace crunlite::cgroups
