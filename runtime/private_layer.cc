// SPDX-License-Identifier: Apache-2.0
#include "runtime/private_layer.h"

#include <errno.h>
#include <unistd.h>

#include <array>

#include "base/limits.h"
#include "base/log.h"
#include "base/path.h"
#include "base/sys.h"
#include "namespaces/overlay.h"

namespace crunlite::runtime {
namespace {

constexpr mode_t kModeBits = 07777;
constexpr mode_t kNewDirMode = 0755;
constexpr mode_t kWorkMode = 0700;

// An id that this user namespace does not have cannot be given: the file is then the caller's.
Status give_to_owner(int dir, const char* name, const struct stat& like) {
  if (like.st_uid == ::geteuid() && like.st_gid == ::getegid()) return {};
  Status given = sys::fchownat(dir, name, like.st_uid, like.st_gid, AT_SYMLINK_NOFOLLOW);
  const bool is_survived =
      !given.has_value() && (given.error().errnum == EINVAL || given.error().errnum == EPERM);
  return is_survived ? Status() : given;
}

// The overlay's own root shows the owner and mode of its upper directory.
Status make_upper(int tmpfs, const UpperPlan& upper) {
  const Result<struct stat> like = sys::fstatat(AT_FDCWD, upper.like.c_str(), 0);
  if (!like.has_value()) return {};  // the overlay will say what is wrong with it
  TRY(sys::mkdirat(tmpfs, upper.name.c_str(), kWorkMode));
  DirFd dir = TRY(sys::openat(tmpfs, upper.name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW));
  TRY(sys::mkdirat(dir.get(), "upper", like->st_mode & kModeBits));
  TRY(give_to_owner(dir.get(), "upper", *like));
  return sys::mkdirat(dir.get(), "work", kWorkMode);
}

Status copy_content(int from, int to) {
  std::array<char, 16384> buffer{};
  for (;;) {
    const size_t length = TRY(sys::read(from, buffer));
    if (length == 0) return {};
    TRY(sys::write_all(to, std::string_view(buffer.data(), length)));
  }
}

Status make_file(int parent, const std::string& name, const CopiedEntry& entry) {
  const bool is_replaced = entry.type == CopiedEntry::Type::kReplaced;
  Result<UniqueFd> from =
      sys::open(entry.path.c_str(), O_RDONLY | O_NONBLOCK | (is_replaced ? 0 : O_NOFOLLOW));
  if (!from.has_value()) return {};  // the caller may not read it, or it has just gone
  const struct stat like = TRY(sys::fstat(from->get()));
  if (!S_ISREG(like.st_mode)) return {};
  if (is_replaced) (void)sys::unlinkat(parent, name.c_str(), 0);  // mostly it is not there
  UniqueFd to = TRY(sys::openat(parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
                                like.st_mode & kModeBits));
  TRY(give_to_owner(parent, name.c_str(), like));
  return copy_content(from->get(), to.get());
}

Status make_link(int parent, const std::string& name, const CopiedEntry& entry) {
  const Result<std::string> target = sys::readlinkat(AT_FDCWD, entry.path.c_str());
  if (!target.has_value()) return {};  // it has just gone
  return sys::symlinkat(target->c_str(), parent, name.c_str());
}

Status make_directory(int parent, const std::string& name, const CopiedEntry& entry) {
  const Result<struct stat> like = sys::fstatat(AT_FDCWD, entry.path.c_str(), AT_SYMLINK_NOFOLLOW);
  if (!like.has_value()) return {};
  TRY(sys::mkdirat(parent, name.c_str(), like->st_mode & kModeBits));
  return give_to_owner(parent, name.c_str(), *like);
}

Status make_entry(int root, const CopiedEntry& entry) {
  const SplitPath path = split_path(entry.path);
  DirFd parent = TRY(make_dirs_in_root(root, path.parent, kNewDirMode));
  switch (entry.type) {
    case CopiedEntry::Type::kDirectory: return make_directory(parent.get(), path.name, entry);
    case CopiedEntry::Type::kLink: return make_link(parent.get(), path.name, entry);
    case CopiedEntry::Type::kFile:
    case CopiedEntry::Type::kReplaced: return make_file(parent.get(), path.name, entry);
  }
  return fail(Kind::kBug, "an entry of no type");
}

Result<MountFd> bind_instead(const namespaces::MountPlan& plan, const std::string& source,
                             namespaces::MountOptions options) {
  namespaces::MountPlan bind;
  bind.field = plan.field;
  bind.destination = plan.destination;
  bind.source = source;
  bind.options = std::move(options);
  bind.options.is_bind = true;
  bind.options.is_recursive = true;
  return namespaces::clone_bind_source(bind);
}

Result<MountFd> bind_lowest_layer(const namespaces::MountPlan& plan, const Error& error) {
  const namespaces::OverlayLayers layers = TRY(namespaces::overlay_layers(plan));
  namespaces::MountOptions options;
  options.recursive_set = plan.options.attributes_set | MOUNT_ATTR_RDONLY;
  MountFd tree = TRY(bind_instead(plan, layers.lower.back(), std::move(options)));
  log_warning(plan.destination,
              ": is read-only, since it cannot have a writable layer: ", error.message);
  return tree;
}

}  // namespace

Status make_private_layer(const PrivateLayer& layer) {
  if (layer.uppers.empty()) return {};
  UniqueFd context = TRY(sys::fsopen("tmpfs"), "private layer");
  TRY(sys::fsconfig_string(context.get(), "mode", "0700"), "private layer");
  TRY(sys::fsconfig_create(context.get()), "private layer");
  MountFd tmpfs = TRY(sys::fsmount(context.get(), 0), "private layer");
  TRY(sys::move_mount(tmpfs.get(), "", AT_FDCWD, layer.directory.c_str(), MOVE_MOUNT_F_EMPTY_PATH),
      "private layer: mount on ", layer.directory);
  const mode_t old_mask = ::umask(0);
  Status made;
  for (size_t i = 0; made.has_value() && i < layer.uppers.size(); i++) {
    made = in_context(make_upper(tmpfs.get(), layer.uppers[i]), "private layer of ",
                      layer.uppers[i].like);
  }
  ::umask(old_mask);
  return made;
}

Status make_entries(int root, const std::vector<CopiedEntry>& entries) {
  const mode_t old_mask = ::umask(0);
  Status made;
  for (size_t i = 0; made.has_value() && i < entries.size(); i++) {
    made = in_context(make_entry(root, entries[i]), "copy of ", entries[i].path);
  }
  ::umask(old_mask);
  return made;
}

Result<MountFd> make_substitute(const namespaces::MountPlan& plan, Error error) {
  if (plan.type == "overlay") return bind_lowest_layer(plan, error);
  const bool is_kernels_own = plan.type == "proc" || plan.type == "sysfs";
  if (!is_kernels_own || error.errnum != EPERM) return std::unexpected(std::move(error));
  // Something covers a part of the host's own, which a fresh one would uncover.
  namespaces::MountOptions options = plan.options;
  options.recursive_set |= options.attributes_set;
  return bind_instead(plan, plan.destination, std::move(options));
}

}  // namespace crunlite::runtime
