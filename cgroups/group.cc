// SPDX-License-Identifier: Apache-2.0
#include "cgroups/group.h"

#include <errno.h>
#include <signal.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"
#include "base/text.h"
#include "cgroups/directory.h"
#include "cgroups/files.h"
#include "cgroups/processes.h"

namespace crunlite::cgroups {
namespace {

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// The directory of a record, or -1 when it is gone or another one stands there.
Result<DirFd> open_recorded(const GroupDir& recorded) {
  Result<DirFd> root = open_mount(recorded.mount_point);
  if (!root.has_value() && root.error().errnum == ENOENT) return DirFd();
  if (!root.has_value()) return root;
  Result<DirFd> dir = open_cgroup(root->get(), recorded.path);
  if (!dir.has_value() && dir.error().errnum == ENOENT) return DirFd();
  if (!dir.has_value()) return dir;
  struct stat status = TRY(sys::fstat(dir->get()));
  if (recorded.inode != 0 && status.st_ino != recorded.inode) return DirFd();
  return dir;
}

// The kernel's refusal of a value is the fault of the value.
Kind kind_of_refusal(const Error& error) {
  switch (error.errnum) {
    case EINVAL:
    case ERANGE:
    case ENODEV: return Kind::kInvalid;
    case EBUSY: return Kind::kConflict;
    default: return error.kind;
  }
}

Status apply_write(int dir, const Write& write) {
  Status done = write_control(dir, write.file.c_str(), write.text);
  bool missing = !done.has_value() && done.error().errnum == ENOENT;
  if (missing && !write.other_file.empty()) {
    done = write_control(dir, write.other_file.c_str(), write.other_text);
    missing = !done.has_value() && done.error().errnum == ENOENT;
  }
  if (done.has_value() || (missing && write.if_missing == IfMissing::kIgnore)) return {};
  if (missing) {
    return fail(Kind::kUnavailable, write.field, ": this kernel has no ", write.file);
  }
  Error error = with_context(done.error(), write.field);
  error.kind = kind_of_refusal(error);
  return std::unexpected(std::move(error));
}

std::optional<uint64_t> number_if_there(int dir, const char* file) {
  constexpr uint64_t kUnlimited = uint64_t{1} << 62;  // v1's "no limit" lies just below 2^63
  Result<uint64_t> number = read_number(dir, file);
  if (!number.has_value() || *number >= kUnlimited) return std::nullopt;
  return *number;
}

// Which files of a cgroup its user may write (config-linux.md#cgroup-ownership).
std::vector<std::string> delegated_files() {
  Result<std::string> listed = read_file(AT_FDCWD, "/sys/kernel/cgroup/delegate", limits::kMiB);
  if (listed.has_value()) return words_of(*listed);
  return {kProcs, kSubtreeControl, kThreads};
}

}  // namespace

// Removes what we made of one directory, and nothing that has taken its place.
Status remove_recorded(const GroupDir& recorded) {
  if (recorded.made == 0) return {};
  Result<DirFd> root = open_mount(recorded.mount_point);
  if (!root.has_value() && root.error().errnum == ENOENT) return {};
  if (!root.has_value()) return std::unexpected(root.error());
  Result<DirFd> dir = open_cgroup(root->get(), recorded.path);
  if (dir.has_value()) {
    struct stat status = TRY(sys::fstat(dir->get()));
    if (recorded.inode != 0 && status.st_ino != recorded.inode) return {};
  }
  return remove_cgroup(
      root->get(),
      {.path = recorded.path, .made = recorded.made, .timeout_ms = limits::kKillWaitMs});
}

Result<Group> Group::open(const GroupRecord& record) {
  Group group;
  group.record_ = record;
  for (const GroupDir& recorded : record.dirs) {
    group.dirs_.push_back(TRY(open_recorded(recorded), "cgroup ", quote(recorded.path)));
  }
  return group;
}

bool Group::is_empty() const { return std::ranges::none_of(dirs_, &DirFd::is_open); }

bool Group::is_shared() const {
  for (size_t i = 0; i < dirs_.size(); i++) {
    if (dirs_[i].is_open()) return record_.dirs[i].made == 0;
  }
  return false;
}

int Group::unified_fd() const {
  bool there = !record_.dirs.empty() && record_.dirs.front().unified;
  return there ? dirs_.front().get() : -1;
}

int Group::legacy_fd(std::string_view controller) const {
  for (size_t i = 0; i < dirs_.size(); i++) {
    if (has(record_.dirs[i].controllers, controller)) return dirs_[i].get();
  }
  return -1;
}

int Group::main_fd() const {
  for (const DirFd& dir : dirs_) {
    if (dir.is_open()) return dir.get();
  }
  return -1;
}

Result<UniqueFd> Group::open_cgroup_of(pid_t pid) const {
  if (unified_fd() < 0) return fail(Kind::kUnavailable, "the container has no cgroup v2");
  std::vector<DirFd> pending;
  pending.push_back(TRY(open_cgroup(unified_fd(), "")));
  for (size_t visited = 0; !pending.empty() && visited < limits::kCgroupProcesses; visited++) {
    DirFd dir = std::move(pending.back());
    pending.pop_back();
    Result<std::string> pids = read_control(dir.get(), kProcs);
    if (pids.has_value() && has(words_of(*pids), cat(pid))) return dir;
    for (const std::string& name : TRY(list_children(dir.get()))) {
      Result<DirFd> child = open_cgroup(dir.get(), name);
      if (child.has_value()) pending.push_back(std::move(*child));
    }
  }
  return fail(Kind::kNotFound, "process ", pid, " is in no cgroup of the container");
}

Result<std::vector<UniqueFd>> Group::take_join_fds() const {
  std::vector<UniqueFd> tasks;
  for (size_t i = 0; i < dirs_.size(); i++) {
    const GroupDir& recorded = record_.dirs[i];
    if (recorded.unified || !dirs_[i].is_open()) continue;
    tasks.push_back(TRY(sys::openat(dirs_[i].get(), kTasks, O_WRONLY | O_NOFOLLOW), "cgroup ",
                        quote(recorded.path), " of ", join(recorded.controllers, ",")));
  }
  return tasks;
}

Status Group::join_self() const {
  for (const UniqueFd& tasks : TRY(take_join_fds())) TRY(sys::write(tasks.get(), "0"));
  if (unified_fd() >= 0) TRY(write_control(unified_fd(), kProcs, "0"));
  return {};
}

Status Group::attach(pid_t pid) const {
  for (size_t i = 0; i < dirs_.size(); i++) {
    if (!dirs_[i].is_open()) continue;
    TRY(write_control(dirs_[i].get(), kProcs, cat(pid)), "cgroup ", quote(record_.dirs[i].path));
  }
  return {};
}

Versions Group::versions() const {
  Versions versions{.unified = unified_fd() >= 0};
  for (const auto* dirs : {&record_.dirs, &record_.unjoined}) {
    for (const GroupDir& dir : *dirs) {
      versions.legacy.insert(versions.legacy.end(), dir.controllers.begin(), dir.controllers.end());
    }
  }
  return versions;
}

Result<Present> Group::read_present(const oci::Resources& resources) const {
  Present present;
  int legacy_memory = legacy_fd("memory");
  int unified = unified_fd();
  if (resources.memory.has_value() && legacy_memory >= 0) {
    present.memory_usage = number_if_there(legacy_memory, kMemoryUsage);
    present.memory_limit = number_if_there(legacy_memory, kMemoryLimit);
    present.memsw_limit = number_if_there(legacy_memory, kMemoryMemsw);
  } else if (resources.memory.has_value() && unified >= 0) {
    present.memory_usage = number_if_there(unified, kMemoryCurrent);
    present.memory_limit = number_if_there(unified, kMemoryMax);
  }
  if (resources.cpu.has_value() && unified >= 0) {
    Result<std::string> cpu_max = read_control(unified, kCpuMax);
    if (cpu_max.has_value()) present.cpu_quota = split(*cpu_max, ' ').front();
  }
  return present;
}

Status Group::enable_unified(const std::vector<Write>& writes, bool statistics) const {
  if (unified_fd() < 0) return {};
  ControllerWish wish;
  for (const Write& write : writes) {
    bool needed = write.unified && !write.controller.empty();
    if (needed && !has(wish.required, write.controller)) wish.required.push_back(write.controller);
  }
  Versions host = versions();
  for (const char* name : {"memory", "pids", "cpu", "io"}) {
    bool legacy =
        host.is_legacy(name) || (name == std::string_view("io") && host.is_legacy("blkio"));
    if (statistics && !legacy) wish.wanted.emplace_back(name);
  }
  if (wish.required.empty() && wish.wanted.empty()) return {};
  const GroupDir& recorded = record_.dirs.front();
  DirFd root = TRY(open_mount(recorded.mount_point));
  Status enabled = enable_controllers(root.get(), recorded.path, unified_fd(), wish);
  // Statistics alone are no reason to fail.
  if (enabled.has_value() || wish.required.empty()) return {};
  // The limit is told that the host has no controller for.
  std::vector<std::string> there = words_of(TRY(read_control(root.get(), kControllers)));
  for (const Write& write : writes) {
    if (!write.unified || write.controller.empty() || has(there, write.controller)) continue;
    return fail(Kind::kUnavailable, write.field, ": this host has no ", write.controller,
                " controller");
  }
  return std::unexpected(with_context(enabled.error(), "linux.resources"));
}

Status Group::apply(const std::vector<Write>& writes) const {
  std::vector<const Write*> later;
  auto dir_of = [&](const Write& write) {
    return write.unified ? unified_fd() : legacy_fd(write.controller);
  };
  for (const Write& write : writes) {
    if (dir_of(write) < 0) {
      return fail(Kind::kUnavailable, write.field, ": this host has no ", write.controller,
                  " controller");
    }
    Status done = apply_write(dir_of(write), write);
    if (done.has_value()) continue;
    if (!write.retry_last || done.error().errnum != EINVAL) return done;
    later.push_back(&write);
  }
  for (const Write* write : later) TRY(apply_write(dir_of(*write), *write));
  return {};
}

Status Group::set_device_rules(const std::vector<DeviceFilterRule>& rules) {
  int unified = unified_fd();
  if (unified >= 0) {
    UniqueFd program = TRY(load_program(assemble(rules)));
    UniqueFd replaced;
    if (record_.device_program != 0) {
      Result<UniqueFd> old = open_program(record_.device_program);
      if (old.has_value()) replaced = std::move(*old);  // else it is gone with its cgroup
    }
    record_.device_program = TRY(attach_program(unified, program.get(), replaced.get()));
    return {};
  }
  int legacy = legacy_fd("devices");
  if (legacy < 0) return fail(Kind::kUnavailable, "there is no cgroup to apply them to");
  for (const LegacyDeviceWrite& write : TRY(legacy_device_writes(rules))) {
    TRY(write_control(legacy, write.allow ? kDevicesAllow : kDevicesDeny, write.text));
  }
  return {};
}

Status Group::attach_devices() {
  std::optional<PendingDevices> pending = std::exchange(pending_devices_, std::nullopt);
  if (!pending.has_value()) return {};
  Status set = set_device_rules(pending->rules);
  if (set.has_value() || pending->optional) return {};
  bool nowhere = unified_fd() < 0 && legacy_fd("devices") < 0;
  if (nowhere && pending->default_only) return {};
  return std::unexpected(with_context(std::move(set).error(), "linux.resources.devices"));
}

Status Group::set_owner(uid_t uid, gid_t gid) const {
  int unified = unified_fd();
  if (unified < 0) return {};  // v1 must not be delegated
  TRY(sys::fchownat(unified, "", uid, gid, AT_EMPTY_PATH), "own cgroup");
  for (const std::string& file : delegated_files()) {
    if (file.contains('/')) continue;
    Status owned = sys::fchownat(unified, file.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW);
    if (!owned.has_value() && owned.error().errnum != ENOENT) {
      return std::unexpected(with_context(owned.error(), "own ", file));
    }
  }
  return {};
}

Status Group::freeze() {
  if (unified_fd() >= 0) return set_frozen_unified(unified_fd(), true);
  int freezer = legacy_fd("freezer");
  if (freezer < 0) return fail(Kind::kUnavailable, "the container has no cgroup that freezes");
  return set_frozen_legacy(freezer, true);
}

Status Group::thaw() {
  if (unified_fd() >= 0) return set_frozen_unified(unified_fd(), false);
  int freezer = legacy_fd("freezer");
  if (freezer < 0) return fail(Kind::kUnavailable, "the container has no cgroup that freezes");
  return set_frozen_legacy(freezer, false);
}

Result<bool> is_frozen(const GroupRecord& record) {
  bool is_unified = !record.dirs.empty() && record.dirs.front().unified;
  for (const GroupDir& recorded : record.dirs) {
    if (!is_unified && !has(recorded.controllers, "freezer")) continue;
    DirFd dir = TRY(open_recorded(recorded), "cgroup ", quote(recorded.path));
    if (!dir.is_open()) return false;
    return is_unified ? is_frozen_unified(dir.get()) : is_frozen_legacy(dir.get());
  }
  return false;
}

Result<bool> Group::wait_thawed(int timeout_ms) const {
  if (unified_fd() >= 0) return wait_thawed_unified(unified_fd(), timeout_ms);
  return !TRY(is_frozen());  // v1 is thawed when the write returns, or else not at all
}

Result<bool> Group::is_frozen() const {
  if (unified_fd() >= 0) return is_frozen_unified(unified_fd());
  int freezer = legacy_fd("freezer");
  return freezer >= 0 ? is_frozen_legacy(freezer) : false;
}

Status Group::kill(int signal) {
  if (is_empty()) return {};
  if (signal != SIGKILL) return signal_processes(main_fd(), signal);
  if (unified_fd() >= 0) {
    Status killed = write_control(unified_fd(), kKill, "1");
    if (killed.has_value() || killed.error().errnum != ENOENT) return killed;  // before Linux 5.14
  }
  return kill_until_empty(main_fd(), legacy_fd("freezer"), limits::kKillWaitMs);
}

Result<std::vector<pid_t>> Group::processes() const {
  if (is_empty()) return std::vector<pid_t>();
  return list_processes(main_fd());
}

Result<bool> Group::wait_empty(int timeout_ms) const {
  if (is_empty()) return true;
  return wait_until_empty(main_fd(), timeout_ms);
}

Status Group::remove() {
  Status first_failure;
  // A directory that stays must not keep our rules.
  bool shared = !record_.dirs.empty() && record_.dirs.front().made == 0;
  if (shared && record_.device_program != 0 && unified_fd() >= 0) {
    Result<UniqueFd> program = open_program(record_.device_program);
    if (program.has_value()) first_failure = detach_program(unified_fd(), program->get());
    record_.device_program = 0;
  }
  for (const GroupDir& recorded : record_.dirs) {
    Status removed = remove_recorded(recorded);
    if (!removed.has_value() && first_failure.has_value()) first_failure = std::move(removed);
  }
  return first_failure;
}

}  // namespace crunlite::cgroups
