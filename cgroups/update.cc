// SPDX-License-Identifier: Apache-2.0
// Group::update: new limits for a group that has processes, all of them or none.
#include <errno.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/sys.h"
#include "base/text.h"
#include "cgroups/directory.h"
#include "cgroups/files.h"
#include "cgroups/group.h"
#include "cgroups/processes.h"
#include "cgroups/restore.h"

namespace crunlite::cgroups {
namespace {

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// Of a v1 devices controller: denies all, then allows what its list allowed.
Status restore_devices(int legacy, const std::string& list) {
  TRY(write_control(legacy, kDevicesDeny, "a"));
  for (std::string_view line : split(list, '\n')) {
    if (!line.empty()) TRY(write_control(legacy, kDevicesAllow, line));
  }
  return {};
}

}  // namespace

// Puts all processes of the group into one more v1 directory. New ones are born beside their
// parents until all of these have moved, so it goes on until a round finds none outside.
Status Group::adopt_processes(int cgroup) const {
  constexpr int kRounds = 100;
  for (int round = 0; round < kRounds; round++) {
    std::vector<pid_t> inside = TRY(list_processes(cgroup));
    std::ranges::sort(inside);
    bool all_inside = true;
    for (pid_t pid : TRY(processes())) {
      if (std::ranges::binary_search(inside, pid)) continue;
      all_inside = false;
      Status moved = write_control(cgroup, kProcs, cat(pid));
      if (!moved.has_value() && moved.error().errnum != ESRCH) return moved;
    }
    if (all_inside) return {};
  }
  return fail(Kind::kLimit, "processes are born faster than they can be moved");
}

// Makes the group's directory in v1 hierarchies that these writes need and create() did not.
Status Group::join_late(const std::vector<Write>& writes) {
  for (size_t i = 0; i < record_.unjoined.size();) {
    GroupDir late = record_.unjoined[i];
    bool needed = std::ranges::any_of(writes, [&](const Write& write) {
      return !write.unified && has(late.controllers, write.controller);
    });
    if (!needed) {
      i++;
      continue;
    }
    DirFd root = TRY(open_mount(late.mount_point));
    MadeCgroup made = TRY(make_cgroup(root.get(), late.path));
    late.made = made.made;
    const Result<struct stat> info = sys::fstat(made.dir.get());
    if (info.has_value()) late.inode = info->st_ino;
    Status done = info.has_value() ? Status() : Status(std::unexpected(info.error()));
    if (done.has_value() && has(late.controllers, "cpuset")) {
      done = inherit_cpuset(root.get(), late.path, made.made);
    }
    if (done.has_value()) done = adopt_processes(made.dir.get());
    if (!done.has_value()) {
      (void)remove_recorded(late);  // processes that moved already keep it; the error says why
      return std::unexpected(with_context(done.error(), "cgroup ", quote(late.path), " of ",
                                          join(late.controllers, ",")));
    }
    record_.unjoined.erase(record_.unjoined.begin() + static_cast<ptrdiff_t>(i));
    record_.dirs.push_back(std::move(late));
    dirs_.push_back(std::move(made.dir));
  }
  return {};
}

// The writes that take these back, in the order in which they have to be done. A file that cannot
// be read cannot be put back either, and is left out.
std::vector<Write> Group::undo_of(const std::vector<Write>& writes) const {
  std::vector<Write> undo;
  for (const Write& write : writes) {
    int dir = write.unified ? unified_fd() : legacy_fd(write.controller);
    if (dir < 0) continue;
    Write back = write;
    Result<std::string> before = read_control(dir, back.file.c_str());
    if (!before.has_value() && !write.other_file.empty()) {
      back.file = write.other_file;
      back.text = write.other_text;
      before = read_control(dir, back.file.c_str());
    }
    if (!before.has_value()) continue;
    std::optional<std::string> text = text_to_restore(back.file, back.text, *before);
    if (!text.has_value()) continue;
    back.text = std::move(*text);
    back.other_file.clear();
    undo.insert(undo.begin(), std::move(back));
  }
  return undo;
}

// One limit may be refused as long as another still is the new one: so it goes on while a round
// gets further.
void Group::undo(std::vector<Write> writes) const {
  for (size_t left = writes.size() + 1; !writes.empty() && writes.size() < left;) {
    left = writes.size();
    std::erase_if(writes, [&](const Write& write) { return apply({write}).has_value(); });
  }
}

Status Group::update(const oci::Resources& resources) {
  std::vector<Write> writes = TRY(plan_writes(resources, versions(), TRY(read_present(resources))));
  std::vector<DeviceFilterRule> rules = TRY(device_rules(resources.devices));
  if (is_empty()) {
    return fail(Kind::kUnavailable, "the container has no cgroup",
                reason().empty() ? "" : cat(": ", reason()));
  }
  TRY(enable_unified(writes, false));
  TRY(join_late(writes));
  std::vector<Write> former = undo_of(writes);
  Status done = apply(writes);
  if (done.has_value() && !resources.devices.empty()) {
    done = in_context(update_device_rules(rules), "linux.resources.devices");
  }
  if (!done.has_value()) undo(std::move(former));
  return done;
}

// An eBPF program replaces the former one at once; the rules of v1 are set one by one.
Status Group::update_device_rules(const std::vector<DeviceFilterRule>& rules) {
  int legacy = unified_fd() >= 0 ? -1 : legacy_fd("devices");
  if (legacy < 0) return set_device_rules(rules);
  std::string before = TRY(read_control(legacy, kDevicesList));
  Status done = set_device_rules(rules);
  if (!done.has_value()) (void)restore_devices(legacy, before);  // the first error is told
  return done;
}

}  // namespace crunlite::cgroups
