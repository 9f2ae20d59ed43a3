// SPDX-License-Identifier: Apache-2.0
// Hierarchy: which control group file systems are mounted where, and which cgroup is our own.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace crunlite::cgroups {

enum class Layout {
  kNone,     // no cgroup file system is mounted
  kUnified,  // cgroup2 alone
  kHybrid,   // cgroup2 beside v1 hierarchies
  kLegacy,   // v1 hierarchies alone
};
[[nodiscard]] std::string_view layout_name(Layout layout);

// One mounted hierarchy. Paths of cgroups are relative to `mount_point`: "" is the mount's root,
// others look like "a/b".
struct MountedHierarchy {
  bool unified = false;                       // cgroup2
  std::vector<std::string> controllers = {};  // of v1, "name=systemd" too; cgroup2: not known
  std::string mount_point = {};               // absolute
  std::string root = {};                      // mountinfo's root field: what of the tree it shows
  std::optional<std::string> own_path = {};   // our own cgroup; nullopt: not below this mount
  bool read_only = false;

  [[nodiscard]] bool has(std::string_view controller) const;
  [[nodiscard]] bool operator==(const MountedHierarchy&) const = default;
};

// A value: what parse() found. At most one entry for each hierarchy, cgroup2 first.
struct Hierarchy {
  Layout layout = Layout::kNone;
  std::vector<MountedHierarchy> mounts = {};

  [[nodiscard]] const MountedHierarchy* unified() const;
  // The v1 hierarchy of a controller, or nullptr.
  [[nodiscard]] const MountedHierarchy* legacy(std::string_view controller) const;
  [[nodiscard]] bool operator==(const Hierarchy&) const = default;
};

// Reads the texts of /proc/self/mountinfo and /proc/self/cgroup. Lines that are not understood are
// skipped: both files grow fields over time. Pure. Without the second text no own_path is set.
[[nodiscard]] Hierarchy parse(std::string_view mountinfo, std::string_view self_cgroup);

// The hierarchy of this process, by the fewest reads: /proc/self/mountinfo only where
// /sys/fs/cgroup is not simply cgroup2's root, /proc/self/cgroup only if own paths are wanted
// (it waits for the kernel's cgroup lock, which starts of other containers hold).
struct DiscoverOptions {
  bool own_paths = true;  // needed for a relative linux.cgroupsPath only
};
[[nodiscard]] Result<Hierarchy> discover(const DiscoverOptions& options = {});

}  // namespace crunlite::cgroups
