// SPDX-License-Identifier: Apache-2.0
#include "namespaces/rootfs.h"

#include <errno.h>
#include <sys/sysmacros.h>

#include <optional>

#include "base/path.h"
#include "base/sys.h"
#include "namespaces/mounts.h"

namespace crunlite::namespaces {
namespace {

// O_PATH descriptor of the path inside root, or nothing when it is not there.
Result<UniqueFd> find_in_root(int root, const std::string& path) {
  Result<UniqueFd> fd = open_in_root(root, path, O_PATH);
  if (fd.has_value()) return fd;
  if (fd.error().errnum == ENOENT || fd.error().errnum == ENOTDIR) return UniqueFd();
  return fd;
}

// The empty read-only directory all masked directories share.
Result<MountFd> make_empty_directory() {
  UniqueFd context = TRY(sys::fsopen("tmpfs"));
  TRY(sys::fsconfig_string(context.get(), "size", "0"));
  TRY(sys::fsconfig_string(context.get(), "nr_inodes", "1"));
  TRY(sys::fsconfig_string(context.get(), "mode", "0755"));
  TRY(sys::fsconfig_create(context.get()));
  return sys::fsmount(context.get(),
                      MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

// What masks are made of. The first use attaches the mount itself; a copy can be made only of an
// attached mount before Linux 6.15, so later uses attach copies of it.
class Cover {
 public:
  explicit Cover(int mount) : mount_(mount) {}

  Status put_on(int target) {
    if (!is_attached_) {
      is_attached_ = true;
      return attach_on(target, mount_);
    }
    MountFd copy = TRY(sys::open_tree(mount_, "", OPEN_TREE_CLONE | AT_EMPTY_PATH));
    return attach_on(target, copy.get());
  }

 private:
  int mount_;
  bool is_attached_ = false;
};

}  // namespace

Result<MountFd> clone_root(const std::string& path) {
  MountFd root = TRY(sys::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | AT_RECURSIVE),
                     "root.path: ", quote(path));
  const struct stat info = TRY(sys::fstat(root.get()));
  if (!S_ISDIR(info.st_mode)) {
    return fail(Kind::kInvalid, "root.path: ", quote(path), " is not a directory");
  }
  TRY(set_mount_propagation(root.get(), MS_PRIVATE, true), "root.path");
  return root;
}

Result<MountFd> clone_host_null() {
  MountFd null = TRY(sys::open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE), "/dev/null");
  const struct stat info = TRY(sys::fstat(null.get()));
  if (!S_ISCHR(info.st_mode) || info.st_rdev != makedev(1, 3)) {
    return fail(Kind::kUnavailable, "/dev/null of the host is not the null device");
  }
  TRY(set_mount_propagation(null.get(), MS_PRIVATE, false), "/dev/null");
  return null;
}

Status attach_root(int root) {
  return in_context(sys::move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH),
                    "attach the root file system");
}

Status mask_paths(int root, const oci::Strings& paths, int host_null) {
  Cover file_cover(host_null);
  MountFd empty;
  std::optional<Cover> directory_cover;
  for (size_t i = 0; i < paths.size(); i++) {
    UniqueFd target = TRY(find_in_root(root, paths[i]), "linux.maskedPaths[", i, "]");
    if (!target.is_open()) continue;
    const struct stat info = TRY(sys::fstat(target.get()));
    if (!S_ISDIR(info.st_mode)) {
      TRY(file_cover.put_on(target.get()), "linux.maskedPaths[", i, "]: mask ", paths[i]);
      continue;
    }
    if (!directory_cover.has_value()) {
      empty = TRY(make_empty_directory(), "linux.maskedPaths");
      directory_cover.emplace(empty.get());
    }
    TRY(directory_cover->put_on(target.get()), "linux.maskedPaths[", i, "]: mask ", paths[i]);
  }
  return {};
}

Status make_paths_readonly(int root, const oci::Strings& paths) {
  for (size_t i = 0; i < paths.size(); i++) {
    UniqueFd target = TRY(find_in_root(root, paths[i]), "linux.readonlyPaths[", i, "]");
    if (!target.is_open()) continue;
    MountFd copy =
        TRY(sys::open_tree(target.get(), "", OPEN_TREE_CLONE | AT_EMPTY_PATH | AT_RECURSIVE),
            "linux.readonlyPaths[", i, "]: ", paths[i]);
    TRY(set_mount_attributes(copy.get(), MOUNT_ATTR_RDONLY, 0, true), "linux.readonlyPaths[", i,
        "]: ", paths[i]);
    TRY(attach_on(target.get(), copy.get()), "linux.readonlyPaths[", i, "]: ", paths[i]);
  }
  return {};
}

Status enter_root(int root) {
  TRY(sys::fchdir(root), "enter the root file system");
  // The old root is put upon the new one, where "." still finds it: no directory is needed for it.
  TRY(sys::pivot_root(".", "."), "pivot_root");
  TRY(sys::umount2(".", MNT_DETACH), "detach the host's root");
  return in_context(sys::chdir("/"), "enter the root file system");
}

}  // namespace crunlite::namespaces
