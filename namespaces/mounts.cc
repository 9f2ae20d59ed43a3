// SPDX-License-Identifier: Apache-2.0
#include "namespaces/mounts.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/path.h"
#include "base/sys.h"
#include "base/sys_files.h"
#include "namespaces/copy_up.h"
#include "namespaces/overlay.h"
#include "namespaces/place.h"

namespace crunlite::namespaces {
namespace {

// What the kernel said about the file system, after its errno.
Error explain(Error error, int context) {
  const std::string text = sys::fs_log(context);
  if (!text.empty()) error.message = cat(error.message, " (", text, ")");
  return error;
}

Status configure(int context, const MountPlan& plan) {
  const std::string& source = plan.source.empty() ? plan.type : plan.source;
  // Some file systems take no source (EINVAL); all that matter here ignore it.
  (void)sys::fsconfig_string(context, "source", source.c_str());
  for (const std::string& flag : plan.options.flags) {
    TRY(sys::fsconfig_flag(context, flag.c_str()), "option ", quote(flag));
  }
  for (const auto& [key, value] : plan.options.values) {
    TRY(sys::fsconfig_string(context, key.c_str(), value.c_str()), "option ", quote(key));
  }
  return sys::fsconfig_create(context);
}

// procfs and sysfs are what masks and read-only paths rely on: their place must be what it seems.
bool must_be_real_directory(const MountPlan& plan) {
  return plan.type == "proc" || plan.type == "sysfs";
}

Result<UniqueFd> open_real_directory(int root, const MountPlan& plan) {
  Result<UniqueFd> fd = sys::openat2(root, plan.destination.c_str(), O_PATH | O_DIRECTORY,
                                     RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
  if (fd.has_value() || fd.error().errnum != ELOOP) return fd;
  return fail(Kind::kInvalid, "destination: ", quote(plan.destination),
              " has a symbolic link on its way");
}

Result<UniqueFd> open_target(int root, const MountPlan& plan, int tree) {
  const struct stat info = TRY(sys::fstat(tree));
  if (!S_ISDIR(info.st_mode)) return open_or_make_file(root, plan.destination);
  DirFd made = TRY(open_or_make_directory(root, plan.destination));
  if (must_be_real_directory(plan)) return open_real_directory(root, plan);
  return made;
}

Status apply_attributes(int tree, const MountOptions& options) {
  TRY(set_mount_attributes(tree, options.recursive_set, options.recursive_clear, true));
  return set_mount_attributes(tree, options.attributes_set, options.attributes_clear, false);
}

bool has_value(const MountOptions& options, std::string_view key) {
  return std::any_of(options.values.begin(), options.values.end(),
                     [&](const auto& value) { return value.first == key; });
}

// The root of the new file system looks like the directory it covers, where no option says how.
Status copy_root(const struct stat& covered, int tree, const MountOptions& options) {
  const uid_t uid = has_value(options, "uid") ? static_cast<uid_t>(-1) : covered.st_uid;
  const gid_t gid = has_value(options, "gid") ? static_cast<gid_t>(-1) : covered.st_gid;
  TRY(sys::fchown(tree, uid, gid));
  if (has_value(options, "mode")) return {};
  return sys::fchmod(tree, covered.st_mode & 07777U);
}

Status copy_up(int target, int tree, const MountOptions& options) {
  UniqueFd from = TRY(sys::openat(target, ".", O_RDONLY | O_DIRECTORY));
  UniqueFd to = TRY(sys::openat(tree, ".", O_RDONLY | O_DIRECTORY));
  const mode_t old_mask = ::umask(0);
  Status copied = copy_tree(from.get(), to.get());
  (void)::umask(old_mask);  // it never fails
  TRY(std::move(copied));
  TRY(copy_root(TRY(sys::fstat(from.get())), to.get(), options));
  return apply_attributes(tree, options);
}

}  // namespace

Status set_mount_attributes(int mount, uint64_t set, uint64_t clear, bool recursive) {
  if (set == 0 && clear == 0) return {};
  struct mount_attr attributes{};
  attributes.attr_set = set;
  attributes.attr_clr = clear;
  return sys::mount_setattr(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U), attributes);
}

Status set_mount_propagation(int mount, unsigned long flag, bool recursive) {
  struct mount_attr attributes{};
  attributes.propagation = flag;
  return sys::mount_setattr(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U), attributes);
}

Result<MountFd> clone_bind_source(const MountPlan& plan) {
  const unsigned recursive = plan.options.is_recursive ? AT_RECURSIVE : 0U;
  MountFd tree = TRY(sys::open_tree(AT_FDCWD, plan.source.c_str(), OPEN_TREE_CLONE | recursive),
                     plan.field, ".source: bind ", quote(plan.source));
  // A copy of a shared mount is its peer: what is mounted below it inside the container would
  // appear on the host. Only a mount whose options ask for that stays shared.
  const unsigned long wanted = plan.options.propagation;
  if (wanted != MS_SHARED) {
    const unsigned long flag = wanted == MS_SLAVE ? MS_SLAVE : MS_PRIVATE;
    TRY(set_mount_propagation(tree.get(), flag, true), plan.field, ": set propagation");
  }
  TRY(apply_attributes(tree.get(), plan.options), plan.field, ".options: bind ",
      quote(plan.source));
  return tree;
}

Result<MountFd> make_filesystem(const MountPlan& plan) {
  if (plan.type == "overlay") return make_overlay(plan);
  UniqueFd context = TRY(sys::fsopen(plan.type.c_str()), plan.field, ".type: ", quote(plan.type));
  Status created = configure(context.get(), plan);
  if (!created.has_value()) {
    return std::unexpected(with_context(explain(created.error(), context.get()), plan.field,
                                        ": mount ", plan.type, " on ", plan.destination));
  }
  uint64_t attributes = plan.options.attributes_set | plan.options.recursive_set;
  if (plan.options.copies_up) attributes &= ~uint64_t{MOUNT_ATTR_RDONLY};  // until it is filled
  return TRY(sys::fsmount(context.get(), static_cast<unsigned>(attributes)), plan.field, ": mount ",
             plan.type, " on ", plan.destination);
}

Status attach_on(int target, int tree) {
  return sys::move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

Status attach_mount(int root, const MountPlan& plan, MountFd tree) {
  UniqueFd target =
      TRY(open_target(root, plan, tree.get()), plan.field, ".destination: ", plan.destination);
  if (plan.options.copies_up) {
    TRY(copy_up(target.get(), tree.get(), plan.options), plan.field, ".options: tmpcopyup on ",
        plan.destination);
  }
  TRY(attach_on(target.get(), tree.get()), plan.field, ": mount on ", plan.destination);
  if (plan.options.propagation == 0) return {};
  return in_context(set_mount_propagation(tree.get(), plan.options.propagation,
                                          plan.options.is_propagation_recursive),
                    plan.field, ".options: set propagation of ", plan.destination);
}

Status change_mount(int root, const MountPlan& plan) {
  UniqueFd mounted = TRY(open_in_root(root, plan.destination, O_PATH), plan.field,
                         ".destination: ", plan.destination);
  return in_context(apply_attributes(mounted.get(), plan.options), plan.field, ": remount ",
                    plan.destination);
}

Status set_root_propagation(unsigned long flag) {
  return in_context(sys::mount(nullptr, "/", nullptr, MS_REC | flag, nullptr),
                    "make the host's mounts private");
}

}  // namespace crunlite::namespaces
