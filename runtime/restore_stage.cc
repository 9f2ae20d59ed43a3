// SPDX-License-Identifier: Apache-2.0
#include "runtime/restore_stage.h"

#include <sched.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/path.h"
#include "base/sys.h"
#include "cgroups/hierarchy.h"
#include "namespaces/mounts.h"
#include "namespaces/rootfs.h"

namespace crunlite::runtime {
namespace {

// A directory that every host has, where CRIU makes its own directories too: a file system of our
// own upon it takes all of them along when CRIU ends.
constexpr const char* kHolder = "/tmp";
constexpr const char* kStage = "/tmp/crun-lite";
constexpr mode_t kDirMode = 0755;  // the root of a user namespace must get through

Result<MountFd> make_tmpfs() {
  namespaces::MountPlan plan;
  plan.field = "restore";
  plan.type = "tmpfs";
  plan.source = "tmpfs";
  plan.destination = kHolder;
  plan.options.values = {{"mode", "755"}};
  return namespaces::make_filesystem(plan);
}

// Attaches a detached tree at a name of the stage, which is made as a directory or a file.
Status put(const std::string& path, int tree) {
  if (S_ISDIR(TRY(sys::fstat(tree)).st_mode)) {
    TRY(sys::mkdirat(AT_FDCWD, path.c_str(), kDirMode), path);
  } else {
    (void)TRY(sys::open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL, 0600), path);
  }
  return in_context(sys::move_mount(tree, "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH),
                    path);
}

// The `tasks` files, or cgroup.procs, of the cgroups that we are in.
Result<std::vector<UniqueFd>> own_cgroups() {
  std::vector<UniqueFd> files;
  const cgroups::Hierarchy hierarchy = TRY(cgroups::discover());
  for (const cgroups::MountedHierarchy& mounted : hierarchy.mounts) {
    if (!mounted.own_path.has_value()) continue;
    const std::string path = cat(mounted.mount_point, "/", *mounted.own_path, "/",
                                 mounted.unified ? "cgroup.procs" : "tasks");
    files.push_back(TRY(sys::open(path.c_str(), O_WRONLY), path));
  }
  return files;
}

class Builder {
 public:
  explicit Builder(RestoreStage& stage)
      : stage_(stage), plan_(*stage.plan), from_(*stage.resources) {}

  Status build() {
    if (plan_.namespaces.makes(CLONE_NEWCGROUP)) TRY(make_cgroup_namespace());
    TRY(sys::unshare(CLONE_NEWNS), "unshare the mount namespace");
    TRY(namespaces::set_root_propagation(MS_SLAVE));
    MountFd holder = TRY(make_tmpfs());
    TRY(sys::move_mount(holder.get(), "", AT_FDCWD, kHolder, MOVE_MOUNT_F_EMPTY_PATH), kHolder);
    TRY(sys::mkdirat(AT_FDCWD, kStage, kDirMode), kStage);
    TRY(put_root());
    for (size_t i = 0; i < plan_.mounts.size(); i++) TRY(put_bind(i), plan_.mounts[i].field);
    for (size_t i = 0; i < stage_.mounts.size(); i++) {
      TRY(put_mount(i), "mount ", quote(stage_.mounts[i].place));
    }
    return {};
  }

 private:
  Status make_cgroup_namespace() {
    const std::vector<UniqueFd> home = TRY(own_cgroups());
    if (stage_.group != nullptr) TRY(stage_.group->join_self(), "join cgroup");
    TRY(sys::unshare(CLONE_NEWCGROUP), "unshare the cgroup namespace");
    if (stage_.group == nullptr) return {};
    for (const UniqueFd& file : home) TRY(sys::write_all(file.get(), "0"), "leave cgroup");
    return {};
  }

  Status put_root() {
    if (!from_.root.is_open()) {
      from_.root = TRY(namespaces::make_filesystem(*plan_.root_mount), "root");
    }
    // CRIU leaves the host's root by this directory; a missing one it cannot make itself.
    if (plan_.root_readonly) (void)TRY(make_dirs_in_root(from_.root.get(), "/tmp", kDirMode));
    return put(RestoreStage::root(), from_.root.get());
  }

  // Also makes the place for it in the root, as a birth does. Places on other file systems are in
  // their images, or on a volume, where they still are.
  Status put_bind(size_t index) {
    const namespaces::MountPlan& mount = plan_.mounts[index];
    if (mount.options.is_remount) return {};
    const int tree = from_.bind_sources[index].get();
    const bool is_directory = tree < 0 || S_ISDIR(TRY(sys::fstat(tree)).st_mode);
    if (is_on_root(mount)) TRY(make_place(mount.destination, is_directory));
    return tree < 0 ? Status() : put(cat(kStage, "/b", index), tree);
  }

  [[nodiscard]] bool is_on_root(const namespaces::MountPlan& mount) const {
    return std::none_of(plan_.mounts.begin(), plan_.mounts.end(),
                        [&](const namespaces::MountPlan& other) {
                          return mount.destination.starts_with(cat(other.destination, "/"));
                        });
  }

  // CRIU mounts by path, and must not be led away by links.
  Status make_place(const std::string& path, bool is_directory) {
    const int root = from_.root.get();
    const SplitPath split = split_path(path);
    if (split.name.empty()) return {};
    DirFd parent = TRY(make_dirs_in_root(root, is_directory ? path : split.parent, kDirMode));
    if (!is_directory) {
      Result<UniqueFd> made =
          sys::openat(parent.get(), split.name.c_str(), O_RDONLY | O_CREAT | O_EXCL, kDirMode);
      if (!made.has_value() && made.error().kind != Kind::kExists) {
        return std::unexpected(std::move(made).error());
      }
    }
    (void)TRY(sys::openat2(root, path.c_str() + 1, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS),
              "its place in the root file system");
    return {};
  }

  Status put_mount(size_t index) {
    const OriginOfMount& origin = stage_.mounts[index].origin;
    MountFd tree;
    switch (origin.origin) {
      case MountOrigin::kBind:
        if (origin.below.empty()) return {};  // stands there already
        tree = TRY(clone_below(origin));
        break;
      case MountOrigin::kCgroup:
        tree = TRY(namespaces::make_filesystem(plan_.mounts[origin.index]));
        break;
      case MountOrigin::kNull: tree = TRY(namespaces::clone_host_null()); break;
      case MountOrigin::kDevice:
        return put(stage_.source_of(index), from_.host_devices[origin.index].get());
      case MountOrigin::kOwn: return fail(Kind::kBug, "is the container's own");
    }
    return put(stage_.source_of(index), tree.get());
  }

  // A volume may hold links that the container has made.
  Result<MountFd> clone_below(const OriginOfMount& origin) {
    const std::string bind = cat(kStage, "/b", origin.index);
    DirFd tree = TRY(sys::open(bind.c_str(), O_PATH));
    UniqueFd below = TRY(sys::openat2(tree.get(), origin.below.c_str() + 1, O_PATH,
                                      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
    return sys::open_tree(below.get(), "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
  }

  RestoreStage& stage_;
  const ContainerPlan& plan_;
  InitResources& from_;
};

}  // namespace

std::string RestoreStage::root() { return cat(kStage, "/root"); }

std::string RestoreStage::source_of(size_t mount) const {
  const OriginOfMount& origin = mounts[mount].origin;
  const bool is_whole_bind = origin.origin == MountOrigin::kBind && origin.below.empty();
  return is_whole_bind ? cat(kStage, "/b", origin.index) : cat(kStage, "/x", mount);
}

Result<std::vector<StagedMount>> plan_staged_mounts(const ContainerPlan& plan,
                                                    const std::vector<std::string>& places) {
  std::vector<StagedMount> mounts;
  for (const std::string& place : places) {
    OriginOfMount origin = origin_of(plan, place, nullptr);
    const bool has_copy =
        origin.origin != MountOrigin::kDevice || plan.namespaces.has(CLONE_NEWUSER);
    if (origin.origin == MountOrigin::kOwn || !has_copy) {
      return fail(Kind::kInvalid, kMountsFile, ": ", quote(place),
                  ": config.json mounts nothing of the host there");
    }
    mounts.push_back({.place = place, .origin = std::move(origin)});
  }
  return mounts;
}

Status build_stage(RestoreStage& stage) {
  Builder builder(stage);
  return in_context(builder.build(), "restore");
}

}  // namespace crunlite::runtime
