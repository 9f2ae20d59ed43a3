// SPDX-License-Identifier: Apache-2.0
#include "namespaces/devices.h"

#include <errno.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>

#include "base/path.h"
#include "base/sys.h"
#include "namespaces/mounts.h"

namespace crunlite::namespaces {
namespace {

constexpr mode_t kNewDirMode = 0755;
constexpr int64_t kMaxMajor = (1 << 12) - 1;
constexpr int64_t kMaxMinor = (1 << 20) - 1;

struct DefaultDevice {
  const char* path;
  unsigned major;
  unsigned minor;
};
constexpr std::array<DefaultDevice, 6> kDefaultDevices = {{
    {"/dev/null", 1, 3},
    {"/dev/zero", 1, 5},
    {"/dev/full", 1, 7},
    {"/dev/random", 1, 8},
    {"/dev/urandom", 1, 9},
    {"/dev/tty", 5, 0},
}};

struct Link {
  const char* target;
  const char* path;
};
constexpr std::array<Link, 4> kLinks = {{
    {"/proc/self/fd", "fd"},
    {"/proc/self/fd/0", "stdin"},
    {"/proc/self/fd/1", "stdout"},
    {"/proc/self/fd/2", "stderr"},
}};

Result<mode_t> type_bits(const std::string& type) {
  if (type == "c" || type == "u") return mode_t{S_IFCHR};
  if (type == "b") return mode_t{S_IFBLK};
  if (type == "p") return mode_t{S_IFIFO};
  return fail(Kind::kInvalid, quote(type), " is not one of c, u, b, p");
}

Result<DevicePlan> plan_device(const oci::Device& device, std::string field) {
  constexpr mode_t kDefaultMode = 0666;
  DevicePlan plan;
  const mode_t type = TRY(type_bits(device.type), field, ".type");
  const bool is_file = device.path.starts_with('/') && device.path != "/";
  if (!is_file || clean_path(device.path) != device.path) {
    return fail(Kind::kInvalid, field, ".path: ", quote(device.path), " is not absolute and clean");
  }
  if (type != S_IFIFO) {
    if (device.major < 0 || device.major > kMaxMajor) {
      return fail(Kind::kInvalid, field, ".major: ", device.major, " is not a device number");
    }
    if (device.minor < 0 || device.minor > kMaxMinor) {
      return fail(Kind::kInvalid, field, ".minor: ", device.minor, " is not a device number");
    }
    plan.device = makedev(static_cast<unsigned>(device.major), static_cast<unsigned>(device.minor));
  }
  plan.field = std::move(field);
  plan.path = device.path;
  plan.mode = type | (device.file_mode.value_or(kDefaultMode) & 07777U);
  plan.uid = device.uid.value_or(0);
  plan.gid = device.gid.value_or(0);
  return plan;
}

// What lies under the name, proven to be that device.
Result<UniqueFd> open_same_device(int dir, const std::string& name, const DevicePlan& plan) {
  UniqueFd node = TRY(sys::openat(dir, name.c_str(), O_PATH | O_NOFOLLOW), plan.field);
  const struct stat info = TRY(sys::fstat(node.get()));
  const bool same = (info.st_mode & S_IFMT) == (plan.mode & S_IFMT) && info.st_rdev == plan.device;
  if (same) return node;
  return fail(Kind::kExists, plan.field, ": ", plan.path, " exists and is another file");
}

Status bind_host_copy(int dir, const std::string& name, const DevicePlan& plan, int host_copy) {
  Result<UniqueFd> made =
      sys::openat(dir, name.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!made.has_value() && made.error().errnum != EEXIST) {
    return std::unexpected(with_context(made.error(), plan.field, ": create ", plan.path));
  }
  UniqueFd place = TRY(sys::openat(dir, name.c_str(), O_PATH | O_NOFOLLOW), plan.path);
  return in_context(attach_on(place.get(), host_copy), plan.field, ": bind ", plan.path);
}

Status make_node(int dir, const std::string& name, const DevicePlan& plan) {
  Status made = sys::mknodat(dir, name.c_str(), plan.mode, plan.device);
  const bool was_there = !made.has_value() && made.error().errnum == EEXIST;
  if (!made.has_value() && !was_there) {
    return std::unexpected(with_context(made.error(), plan.field, ": make ", plan.path));
  }
  if (!was_there && plan.uid == 0 && plan.gid == 0) return {};
  // On a volume, another container may have put a file of others under the name meanwhile.
  UniqueFd node = TRY(open_same_device(dir, name, plan));
  if (was_there) return {};
  return in_context(sys::fchownat(node.get(), "", plan.uid, plan.gid, AT_EMPTY_PATH), plan.field,
                    ": chown ", plan.path);
}

Status make_link(int dir, const char* target, const char* name) {
  Status made = sys::symlinkat(target, dir, name);
  if (made.has_value() || made.error().errnum == EEXIST) return {};
  return std::unexpected(with_context(made.error(), "link /dev/", name));
}

}  // namespace

std::vector<DevicePlan> default_devices() {
  std::vector<DevicePlan> plans;
  for (const DefaultDevice& device : kDefaultDevices) {
    plans.push_back({.field = "default device",
                     .path = device.path,
                     .mode = S_IFCHR | 0666,
                     .device = makedev(device.major, device.minor),
                     .uid = 0,
                     .gid = 0});
  }
  return plans;
}

Result<std::vector<DevicePlan>> plan_devices(const std::vector<oci::Device>& devices) {
  std::vector<DevicePlan> plans = default_devices();
  for (size_t i = 0; i < devices.size(); i++) {
    DevicePlan plan = TRY(plan_device(devices[i], cat("linux.devices[", i, "]")));
    std::erase_if(plans, [&](const DevicePlan& other) { return other.path == plan.path; });
    plans.push_back(std::move(plan));
  }
  return plans;
}

Result<MountFd> clone_host_device(const DevicePlan& plan) {
  MountFd copy = TRY(sys::open_tree(AT_FDCWD, plan.path.c_str(), OPEN_TREE_CLONE), plan.field,
                     ": the host's ", plan.path);
  const struct stat info = TRY(sys::fstat(copy.get()));
  if ((info.st_mode & S_IFMT) != (plan.mode & S_IFMT) || info.st_rdev != plan.device) {
    return fail(Kind::kUnavailable, plan.field, ": the host's ", plan.path, " is another device");
  }
  TRY(set_mount_propagation(copy.get(), MS_PRIVATE, false));
  return copy;
}

Status make_device(int root, const DevicePlan& plan, int host_copy) {
  const SplitPath path = split_path(plan.path);
  DirFd dir = TRY(make_dirs_in_root(root, path.parent, kNewDirMode), plan.field);
  if (host_copy >= 0) return bind_host_copy(dir.get(), path.name, plan, host_copy);
  return make_node(dir.get(), path.name, plan);
}

Status make_device_links(int root) {
  DirFd dev = TRY(make_dirs_in_root(root, "/dev", kNewDirMode));
  for (const Link& link : kLinks) TRY(make_link(dev.get(), link.target, link.path));
  if (sys::fstatat(AT_FDCWD, "/proc/kcore", AT_SYMLINK_NOFOLLOW).has_value()) {
    TRY(make_link(dev.get(), "/proc/kcore", "core"));
  }
  // The image's own /dev/ptmx would open a terminal of another devpts instance.
  (void)sys::unlinkat(dev.get(), "ptmx", 0);  // symlink() says whether it is gone
  return make_link(dev.get(), "pts/ptmx", "ptmx");
}

}  // namespace crunlite::namespaces
