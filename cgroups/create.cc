// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"
#include "base/text.h"
#include "cgroups/directory.h"
#include "cgroups/files.h"
#include "cgroups/group.h"
#include "cgroups/processes.h"

namespace crunlite::cgroups {
namespace {

constexpr char kPathField[] = "linux.cgroupsPath";

// What podman's and containerd's statistics read below the cgroups path of a v1 hierarchy.
constexpr std::array<const char*, 5> kStatistics = {"memory", "cpu", "cpuacct", "pids", "blkio"};
// What cgroup2 does by itself, and a v1 host by controllers.
constexpr std::array<const char*, 2> kCore = {"freezer", "devices"};

template <size_t N>
bool has_any(const MountedHierarchy& mount, const std::array<const char*, N>& controllers) {
  return std::ranges::any_of(controllers, [&](const char* name) { return mount.has(name); });
}

bool has_controllers(const MountedHierarchy& mount) {
  return std::ranges::any_of(mount.controllers,
                             [](const std::string& name) { return !name.starts_with("name="); });
}

// The host does not let us: no permission, a read-only mount, or no cgroup file system at all.
bool is_out_of_reach(const Error& error) {
  return error.kind == Kind::kDenied || error.kind == Kind::kUnavailable || error.errnum == EROFS ||
         error.errnum == ENOENT;
}

// The checked path without empty and "." components; relative ones still are.
std::string normal_path(std::string_view path) {
  std::string normal;
  for (std::string_view component : split(path, '/')) {
    if (component.empty() || component == ".") continue;
    normal += cat(normal.empty() ? "" : "/", component);
  }
  return normal;
}

}  // namespace

Status check_cgroups_path(std::string_view path) {
  if (path.size() > limits::kPathBytes) {
    return fail(Kind::kLimit, kPathField, ": longer than ", limits::kPathBytes, " bytes");
  }
  for (char c : path) {
    bool control = static_cast<unsigned char>(c) < ' ' || c == 0x7f;
    if (control) return fail(Kind::kInvalid, kPathField, ": contains a control character");
  }
  if (!path.contains('/') && std::ranges::count(path, ':') == 2) {
    return fail(Kind::kUnavailable, kPathField, ": ", quote(path),
                " names a systemd slice, and the systemd driver is not supported");
  }
  for (std::string_view component : split(path, '/')) {
    if (component == "..") return fail(Kind::kInvalid, kPathField, ": contains \"..\"");
    if (component.size() > limits::kNameBytes) {
      return fail(Kind::kInvalid, kPathField, ": a name in it is longer than ", limits::kNameBytes,
                  " bytes");
    }
  }
  if (normal_path(path).empty()) {
    return fail(Kind::kInvalid, kPathField, ": ", quote(path), " is the root of the hierarchy");
  }
  return {};
}

// The steps of Group::create, over the half-made group.
class GroupBuilder {
 public:
  GroupBuilder(const Hierarchy& hierarchy, const GroupSpec& spec)
      : hierarchy_(hierarchy),
        spec_(spec),
        resources_(spec.resources != nullptr ? *spec.resources : kNoResources) {}

  Result<Group> build() {
    TRY(check_cgroups_path(spec_.path));
    rules_ = TRY(device_rules(resources_.devices));
    writes_ = TRY(plan_writes(resources_, host_versions()));
    Status made = make();
    if (made.has_value()) return std::move(group_);
    (void)group_.remove();  // nobody is in it yet; the first error is the one to tell
    return std::unexpected(std::move(made).error());
  }

 private:
  static inline const oci::Resources kNoResources{};

  Versions host_versions() const {
    Versions versions{.unified = hierarchy_.unified() != nullptr};
    for (const MountedHierarchy& mount : hierarchy_.mounts) {
      versions.legacy.insert(versions.legacy.end(), mount.controllers.begin(),
                             mount.controllers.end());
    }
    return versions;
  }

  Status make() {
    for (const MountedHierarchy& mount : hierarchy_.mounts) {
      if (!mount.unified && !has_controllers(mount)) continue;  // named: holds no limits
      if (is_needed(mount)) {
        TRY(make_dir(mount));
      } else {
        note_unjoined(mount);
      }
    }
    if (group_.is_empty()) return accept_empty();
    TRY(refuse_frozen());
    TRY(group_.enable_unified(writes_, spec_.statistics));
    TRY(apply_limits());
    group_.pending_devices_ = {.rules = std::move(rules_),
                               .optional = spec_.devices_optional,
                               .default_only = resources_.devices.empty() && !spec_.required};
    return can_wait() ? Status() : group_.attach_devices();
  }

  // The rules of v1 take effect one by one, the first of them denies all: an init at work would
  // be refused its devices.
  bool can_wait() const { return spec_.devices_later && group_.unified_fd() >= 0; }

  // The first limit that this hierarchy has to hold, or nullptr.
  const Write* first_write(const MountedHierarchy& mount) const {
    auto it = std::ranges::find_if(writes_, [&](const Write& write) {
      return mount.unified ? write.unified : !write.unified && mount.has(write.controller);
    });
    return it == writes_.end() ? nullptr : &*it;
  }

  bool is_needed(const MountedHierarchy& mount) const {
    if (mount.unified || first_write(mount) != nullptr) return true;
    if (spec_.statistics && has_any(mount, kStatistics)) return true;
    return hierarchy_.unified() == nullptr && has_any(mount, kCore);
  }

  // Where the group lies below a mount.
  Result<std::string> path_in(const MountedHierarchy& mount) const {
    std::string path = normal_path(spec_.path);
    if (spec_.path.starts_with('/')) return path;
    if (!mount.own_path.has_value()) {
      return fail(Kind::kUnavailable, quote(spec_.path),
                  " is relative, and our own cgroup is not below ", mount.mount_point);
    }
    return mount.own_path->empty() ? path : cat(*mount.own_path, "/", path);
  }

  Status make_dir(const MountedHierarchy& mount) {
    const Write* write = first_write(mount);
    Status made = try_make_dir(mount);
    if (made.has_value()) return {};
    Error error = with_context(made.error(), write != nullptr ? write->field : kPathField);
    bool needed = spec_.required || write != nullptr || !is_out_of_reach(error);
    if (needed) return std::unexpected(std::move(error));
    if (reason_.empty()) reason_ = made.error().message;
    return {};
  }

  Status try_make_dir(const MountedHierarchy& mount) {
    GroupDir recorded{.unified = mount.unified, .controllers = mount.controllers};
    recorded.mount_point = mount.mount_point;
    recorded.path = TRY(path_in(mount));
    DirFd root = TRY(open_mount(mount.mount_point));
    MadeCgroup made = TRY(make_cgroup(root.get(), recorded.path), mount.mount_point);
    recorded.made = made.made;
    shared_ = shared_ || made.made == 0;
    group_.record_.dirs.push_back(recorded);
    group_.dirs_.push_back(std::move(made.dir));
    group_.record_.dirs.back().inode = TRY(sys::fstat(group_.dirs_.back().get())).st_ino;
    // Nobody can join a cpuset that has no processors.
    if (!mount.has("cpuset")) return {};
    return inherit_cpuset(root.get(), recorded.path, std::max<uint32_t>(recorded.made, 1));
  }

  void note_unjoined(const MountedHierarchy& mount) {
    Result<std::string> path = path_in(mount);
    if (!path.has_value()) return;  // it can never be joined
    GroupDir unjoined{.unified = false, .controllers = mount.controllers};
    unjoined.mount_point = mount.mount_point;
    unjoined.path = std::move(*path);
    group_.record_.unjoined.push_back(std::move(unjoined));
  }

  Status accept_empty() {
    if (reason_.empty()) reason_ = "no cgroup file system is mounted";
    if (!writes_.empty()) return fail(Kind::kUnavailable, writes_.front().field, ": ", reason_);
    if (spec_.required) return fail(Kind::kUnavailable, kPathField, ": ", reason_);
    if (!resources_.devices.empty() && !spec_.devices_optional) {
      return fail(Kind::kUnavailable, "linux.resources.devices: ", reason_);
    }
    group_.record_.unjoined.clear();
    group_.record_.reason = reason_;
    return {};
  }

  // A process born into a frozen cgroup would never run, and its parent would wait for it.
  Status refuse_frozen() const {
    Result<bool> frozen = group_.is_frozen();
    if (!frozen.has_value() && frozen.error().kind == Kind::kNotFound) return {};  // before 5.2
    if (!TRY(std::move(frozen))) return {};
    return fail(Kind::kConflict, kPathField, ": cgroup ", quote(group_.record_.dirs.front().path),
                " is frozen");
  }

  Status apply_limits() {
    if (!shared_) return group_.apply(writes_);
    // Others have set limits before: the order of the writes depends on them.
    Present present = TRY(group_.read_present(resources_));
    return group_.apply(TRY(plan_writes(resources_, host_versions(), present)));
  }

  const Hierarchy& hierarchy_;
  const GroupSpec& spec_;
  const oci::Resources& resources_;
  std::vector<DeviceFilterRule> rules_;
  std::vector<Write> writes_;
  Group group_;
  bool shared_ = false;  // one of the directories was there before
  std::string reason_;   // why a directory was left out
};

Result<Group> Group::create(const Hierarchy& hierarchy, const GroupSpec& spec) {
  return GroupBuilder(hierarchy, spec).build();
}

}  // namespace crunlite::cgroups
