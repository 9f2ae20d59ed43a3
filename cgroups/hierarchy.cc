// SPDX-License-Identifier: Apache-2.0
#include "cgroups/hierarchy.h"

#include <linux/magic.h>

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"
#include "base/text.h"
#include "cgroups/files.h"

namespace crunlite::cgroups {
namespace {

// The parts of a line of /proc/self/mountinfo that matter here (proc_pid_mountinfo(5)).
struct MountLine {
  std::string_view id;
  std::string_view parent;
  std::string_view root;
  std::string_view point;
  std::string_view options;
  std::string_view type;
  std::string_view super_options;
};

// Cuts the first word off `rest`.
std::string_view next_word(std::string_view& rest) {
  size_t end = std::min(rest.find(' '), rest.size());
  std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

std::optional<MountLine> parse_mount_line(std::string_view line) {
  MountLine mount;
  mount.id = next_word(line);
  mount.parent = next_word(line);
  (void)next_word(line);  // major:minor
  mount.root = next_word(line);
  mount.point = next_word(line);
  mount.options = next_word(line);
  std::string_view word = next_word(line);
  while (!word.empty() && word != "-") word = next_word(line);  // optional fields
  mount.type = next_word(line);
  (void)next_word(line);  // source
  mount.super_options = next_word(line);
  if (!mount.root.starts_with('/') || !mount.point.starts_with('/') || mount.type.empty()) {
    return std::nullopt;
  }
  return mount;
}

bool is_octal(char c) { return c >= '0' && c <= '7'; }

// Undoes the kernel's "\040" for space, tab, newline and backslash.
std::string unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); i++) {
    bool escaped = text[i] == '\\' && i + 3 < text.size() && text[i + 1] <= '3' &&
                   is_octal(text[i + 1]) && is_octal(text[i + 2]) && is_octal(text[i + 3]);
    if (!escaped) {
      out.push_back(text[i]);
      continue;
    }
    int value = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0');
    out.push_back(static_cast<char>(value));
    i += 3;
  }
  return out;
}

bool has_option(std::string_view options, std::string_view wanted) {
  std::vector<std::string_view> all = split(options, ',');
  return std::ranges::find(all, wanted) != all.end();
}

// Options of a v1 superblock that name no controller.
constexpr std::array<std::string_view, 9> kFlags = {
    "rw",   "ro",         "xattr",          "noprefix",    "clone_children",
    "none", "nsdelegate", "cpuset_v2_mode", "favordynmods"};

std::vector<std::string> controllers_of(std::string_view super_options) {
  std::vector<std::string> found;
  for (std::string_view option : split(super_options, ',')) {
    bool flag = std::ranges::find(kFlags, option) != kFlags.end();
    bool named = option.starts_with("name=");
    if (option.empty() || flag || (!named && option.contains('='))) continue;
    found.push_back(unescape(option));
  }
  return found;
}

// A candidate, and what tells whether a later mount hides it.
struct Candidate {
  MountedHierarchy mount;
  std::string_view id;
  std::string_view point;
};

// Which of two mounts of one hierarchy serves better.
int rank(const MountedHierarchy& mount) {
  int rank = 0;
  if (!mount.read_only) rank += 4;
  if (mount.root == "/") rank += 2;
  if (mount.mount_point == kMountPoint || mount.mount_point.starts_with(cat(kMountPoint, "/"))) {
    rank += 1;
  }
  return rank;
}

bool same_hierarchy(const MountedHierarchy& a, const MountedHierarchy& b) {
  if (a.unified || b.unified) return a.unified == b.unified;
  return std::ranges::any_of(a.controllers, [&](const std::string& name) { return b.has(name); });
}

std::vector<Candidate> candidates_of(std::string_view mountinfo) {
  std::vector<Candidate> found;
  for (std::string_view line : split(mountinfo, '\n')) {
    std::optional<MountLine> mount = parse_mount_line(line);
    if (!mount.has_value()) continue;
    // Whatever is mounted on a mount's own point hides it.
    std::erase_if(found, [&](const Candidate& below) {
      return below.id == mount->parent && below.point == mount->point;
    });
    bool unified = mount->type == "cgroup2";
    if (!unified && mount->type != "cgroup") continue;
    MountedHierarchy entry;
    entry.unified = unified;
    if (!unified) entry.controllers = controllers_of(mount->super_options);
    if (!unified && entry.controllers.empty()) continue;
    entry.mount_point = unescape(mount->point);
    entry.root = unescape(mount->root);
    entry.read_only = has_option(mount->options, "ro") || has_option(mount->super_options, "ro");
    found.push_back({std::move(entry), mount->id, mount->point});
  }
  return found;
}

Layout layout_of(const Hierarchy& hierarchy) {
  bool unified = hierarchy.unified() != nullptr;
  // A named hierarchy holds no limits: "cgroup2 and name=systemd" still is a unified host.
  bool legacy = std::ranges::any_of(hierarchy.mounts, [](const MountedHierarchy& mount) {
    return std::ranges::any_of(mount.controllers, [](const std::string& controller) {
      return !controller.starts_with("name=");
    });
  });
  if (unified) return legacy ? Layout::kHybrid : Layout::kUnified;
  return legacy ? Layout::kLegacy : Layout::kNone;
}

// The part of a cgroup's path that lies below a mount of `root`. Both are relative to our cgroup
// namespace; with ".." in one of them the answer is not in the text.
std::optional<std::string> path_below(std::string_view root, std::string_view path) {
  if (!path.starts_with('/') || path.ends_with(" (deleted)")) return std::nullopt;
  if (path.starts_with("/..") || root.starts_with("/..")) return std::nullopt;
  if (root == "/") return std::string(path.substr(1));
  if (path == root) return "";
  if (!path.starts_with(root) || path[root.size()] != '/') return std::nullopt;
  return std::string(path.substr(root.size() + 1));
}

void set_own_paths(std::string_view self_cgroup, std::vector<MountedHierarchy>& mounts) {
  for (std::string_view line : split(self_cgroup, '\n')) {
    size_t first = line.find(':');
    size_t second = first == line.npos ? line.npos : line.find(':', first + 1);
    if (second == line.npos) continue;
    std::string_view controllers = line.substr(first + 1, second - first - 1);
    std::string_view path = line.substr(second + 1);
    bool unified = controllers.empty() && line.substr(0, first) == "0";
    for (MountedHierarchy& mount : mounts) {
      bool match =
          unified ? mount.unified : !mount.unified && mount.has(split(controllers, ',').front());
      if (match) mount.own_path = path_below(mount.root, path);
    }
  }
}

// True where /sys/fs/cgroup is the root of cgroup2 and nothing else has to be known. The root of
// its tree has inode 1; in another cgroup namespace the mount's root would need mountinfo.
bool is_plain_unified() {
  constexpr ino_t kTreeRoot = 1;
  constexpr ino_t kInitialCgroupNamespace = 0xEFFFFFFB;  // the kernel's PROC_CGROUP_INIT_INO
  Result<UniqueFd> dir = sys::open(kMountPoint, O_PATH | O_DIRECTORY);
  if (!dir.has_value()) return false;
  Result<uint32_t> magic = sys::file_system_magic(dir->get());
  Result<struct stat> status = sys::fstat(dir->get());
  Result<struct stat> space = sys::fstatat(AT_FDCWD, "/proc/self/ns/cgroup", 0);
  return magic.has_value() && *magic == CGROUP2_SUPER_MAGIC && status.has_value() &&
         status->st_ino == kTreeRoot && space.has_value() &&
         space->st_ino == kInitialCgroupNamespace;
}

}  // namespace

std::string_view layout_name(Layout layout) {
  switch (layout) {
    case Layout::kNone: return "none";
    case Layout::kUnified: return "unified";
    case Layout::kHybrid: return "hybrid";
    case Layout::kLegacy: return "legacy";
  }
  return "none";
}

bool MountedHierarchy::has(std::string_view controller) const {
  return std::ranges::find(controllers, controller) != controllers.end();
}

const MountedHierarchy* Hierarchy::unified() const {
  bool there = !mounts.empty() && mounts.front().unified;
  return there ? &mounts.front() : nullptr;
}

const MountedHierarchy* Hierarchy::legacy(std::string_view controller) const {
  for (const MountedHierarchy& mount : mounts) {
    if (!mount.unified && mount.has(controller)) return &mount;
  }
  return nullptr;
}

Hierarchy parse(std::string_view mountinfo, std::string_view self_cgroup) {
  Hierarchy hierarchy;
  for (Candidate& candidate : candidates_of(mountinfo)) {
    auto known = std::ranges::find_if(hierarchy.mounts, [&](const MountedHierarchy& mount) {
      return same_hierarchy(mount, candidate.mount);
    });
    if (known == hierarchy.mounts.end()) {
      hierarchy.mounts.push_back(std::move(candidate.mount));
    } else if (known->controllers == candidate.mount.controllers &&
               rank(candidate.mount) > rank(*known)) {
      // The kernel gives a controller to one hierarchy, so the others are the same or nonsense.
      *known = std::move(candidate.mount);
    }
  }
  auto unified = std::ranges::find_if(hierarchy.mounts, &MountedHierarchy::unified);
  if (unified != hierarchy.mounts.end()) {
    std::rotate(hierarchy.mounts.begin(), unified, unified + 1);
  }
  hierarchy.layout = layout_of(hierarchy);
  if (!self_cgroup.empty()) set_own_paths(self_cgroup, hierarchy.mounts);
  return hierarchy;
}

Result<Hierarchy> discover(const DiscoverOptions& options) {
  std::string self_cgroup;
  if (options.own_paths) {
    self_cgroup = TRY(read_file(AT_FDCWD, "/proc/self/cgroup", limits::kKernelFileBytes));
  }
  if (is_plain_unified()) {
    Hierarchy hierarchy{.layout = Layout::kUnified, .mounts = {}};
    hierarchy.mounts.push_back({.unified = true, .mount_point = kMountPoint, .root = "/"});
    set_own_paths(self_cgroup, hierarchy.mounts);
    return hierarchy;
  }
  std::string mountinfo =
      TRY(read_file(AT_FDCWD, "/proc/self/mountinfo", limits::kKernelFileBytes));
  return parse(mountinfo, self_cgroup);
}

}  // namespace crunlite::cgroups
