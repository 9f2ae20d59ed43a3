// SPDX-License-Identifier: Apache-2.0
// What a layer takes away: whiteouts and opaque directories, and what it copies from below.
#include <errno.h>

#include <vector>

#include "base/sys.h"
#include "base/sys_files.h"
#include "image/attributes.h"
#include "image/layer_writer.h"
#include "image/remove.h"

namespace crunlite::image {
namespace {

constexpr mode_t kNewMode = 0600;
constexpr int kCreate = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
constexpr size_t kCopyBytes = size_t{1} << 16;
constexpr std::string_view kItself;  // the name of a directory in itself, to NameSet

}  // namespace

Status LayerWriter::white_out(const LayerName& name) {
  if (options_.fresh) return {};
  if (!is_overlay()) return delete_below(name);
  std::optional<Place> place = TRY(tree_.find_dir(name.parent));
  if (!place.has_value()) return {};
  // Nothing below, nothing to hide: what this layer has itself stays.
  if (!TRY(tree_.look_below(*place, name.name)).has_value()) return {};
  OpenDirPtr parent = TRY(tree_.make_dir(name.parent));
  return hide_name(*parent, name.name);
}

// Hides parent/name of the layers below: by what this layer itself has there, or by a whiteout.
Status LayerWriter::hide_name(OpenDir& parent, const std::string& name) {
  int dir = parent.fd.get();
  Result<struct stat> info = sys::fstatat(dir, name.c_str(), AT_SYMLINK_NOFOLLOW);
  if (!info.has_value() && info.error().errnum != ENOENT) return std::unexpected(info.error());
  TRY(check_tracked());
  bool implied = info.has_value() && implied_.contains(parent.inode, name);
  if (info.has_value() && S_ISDIR(info->st_mode)) {
    OpenDirPtr own = TRY(tree_.open_child(parent, name));
    TRY(prune_implied(own->fd.get()));
    TRY(mark_opaque(own->fd.get()));
    own->touched = true;
    if (!implied) return {};
    UniqueFd rest = TRY(sys::openat(own->fd.get(), ".", O_RDONLY | O_DIRECTORY));
    if (!TRY(sys::next_dir_entries(rest.get())).empty()) return {};
  } else if (info.has_value() && !implied) {
    return {};  // this layer's own, or a whiteout already
  }
  if (info.has_value()) TRY(tree_.remove(parent, name));
  TRY(budget_.take_inode());
  tree_.note_made(parent);
  return sys::mknodat(dir, name.c_str(), S_IFCHR, 0);
}

// Removes what is in this layer's directory only because of others: whiteouts, and directories
// and files brought up from below.
Status LayerWriter::prune_implied(int dir) {
  tree_.note_hidden(*tree_.root());
  return prune(dir, [&](const PruneEntry& entry) {
    if (is_whiteout(entry.info)) return Fate::kRemove;
    bool implied = implied_.contains(entry.holder, entry.name);
    if (!S_ISDIR(entry.info.st_mode)) return implied ? Fate::kRemove : Fate::kKeep;
    return implied ? Fate::kEnterThenRemoveIfEmpty : Fate::kEnter;
  });
}

Status LayerWriter::check_tracked() const {
  if (!own_.is_overflown() && !implied_.is_overflown()) return {};
  return fail(Kind::kLimit, "a whiteout behind more than ", limits::kTrackedNames, " entries");
}

Status LayerWriter::make_opaque(const std::string& path) {
  if (options_.fresh) return {};
  std::optional<Place> place = TRY(tree_.find_dir(path));
  if (!place.has_value()) return {};
  if (!is_overlay()) return prune_own(place->dir->fd.get());
  if (place->members.empty()) return {};
  // overlayfs merges the roots whatever their marks say.
  if (place->path.empty()) return hide_root();
  OpenDirPtr dir = TRY(tree_.make_dir(path));
  TRY(check_tracked());
  TRY(prune_implied(dir->fd.get()));
  dir->touched = true;
  return mark_opaque(dir->fd.get());
}

Status LayerWriter::hide_root() {
  OpenDirPtr root = tree_.root();
  for (uint16_t member : tree_.lowers().all_members()) {
    UniqueFd lower = TRY(tree_.lowers().open_read(member, "", O_RDONLY | O_DIRECTORY));
    for (;;) {
      std::vector<sys::DirEntry> entries = TRY(sys::next_dir_entries(lower.get()));
      if (entries.empty()) break;
      for (const sys::DirEntry& entry : entries) {
        LayerName name{.kind = NameKind::kWhiteout, .parent = {}, .name = entry.name};
        TRY(white_out(name), quote(entry.name));
      }
    }
  }
  return {};
}

// kPlain: removes what earlier layers wrote there.
Status LayerWriter::delete_below(const LayerName& name) {
  std::optional<Place> place = TRY(tree_.find_dir(name.parent));
  if (!place.has_value()) return {};
  OpenDir& parent = *place->dir;
  Result<struct stat> info = sys::fstatat(parent.fd.get(), name.name.c_str(), AT_SYMLINK_NOFOLLOW);
  if (!info.has_value() && info.error().errnum == ENOENT) return {};
  if (!info.has_value()) return std::unexpected(info.error());
  TRY(check_tracked());
  bool is_dir = S_ISDIR(info->st_mode);
  bool holds_own = is_dir && own_.contains(info->st_ino, kItself);
  bool own = own_.contains(parent.inode, name.name);
  if (!own && !holds_own) return tree_.remove(parent, name.name);
  if (!is_dir) return {};
  OpenDirPtr dir = TRY(tree_.open_child(parent, name.name));
  dir->touched = true;
  return prune_own(dir->fd.get());
}

// Leaves what this layer wrote, and the directories on the way to it.
Status LayerWriter::prune_own(int dir) {
  TRY(check_tracked());
  tree_.note_hidden(*tree_.root());
  return prune(dir, [&](const PruneEntry& entry) {
    bool own = own_.contains(entry.holder, entry.name);
    if (!S_ISDIR(entry.info.st_mode)) return own ? Fate::kKeep : Fate::kRemove;
    bool holds_own = own_.contains(entry.info.st_ino, kItself);
    return own || holds_own ? Fate::kEnter : Fate::kRemove;
  });
}

// Brings a file of the layers below into this one, so that it can be linked to.
Status LayerWriter::copy_up(const LayerName& source) {
  std::optional<Place> place = TRY(tree_.find_dir(source.parent));
  std::optional<LowerEntry> from;
  if (place.has_value()) from = TRY(tree_.look_below(*place, source.name));
  if (!from.has_value()) return fail(Kind::kInvalid, "does not exist");
  OpenDirPtr parent = TRY(tree_.make_dir(source.parent));
  TRY(note_implied(*parent, source.name));
  tree_.note_made(*parent);
  if (S_ISLNK(from->info.st_mode)) return copy_up_link(*parent, source.name, *from);
  if (!S_ISREG(from->info.st_mode)) return fail(Kind::kInvalid, "is no file of a lower layer");
  std::string path = place->path.empty() ? source.name : cat(place->path, "/", source.name);
  UniqueFd fd = TRY(tree_.lowers().open_read(from->layer, path, O_RDONLY | O_NOFOLLOW), "open");
  return copy_up_file(*parent, source.name, *from, fd.get());
}

Status LayerWriter::copy_up_link(OpenDir& parent, const std::string& name, const LowerEntry& from) {
  int dir = parent.fd.get();
  std::string target = TRY(sys::readlinkat(from.fd.get(), ""));
  TRY(sys::symlinkat(target.c_str(), dir, name.c_str()));
  if (options_.set_owner) {
    TRY(sys::fchownat(dir, name.c_str(), from.info.st_uid, from.info.st_gid, AT_SYMLINK_NOFOLLOW));
  }
  const struct timespec times[2] = {from.info.st_mtim, from.info.st_mtim};
  return sys::utimensat(dir, name.c_str(), times, AT_SYMLINK_NOFOLLOW);
}

Status LayerWriter::copy_up_file(OpenDir& parent, const std::string& name, const LowerEntry& from,
                                 int fd) {
  TRY(budget_.take_copied(static_cast<uint64_t>(from.info.st_size)));
  UniqueFd to = TRY(sys::openat(parent.fd.get(), name.c_str(), kCreate, kNewMode));
  std::vector<char> buffer(kCopyBytes);
  for (;;) {
    size_t length = TRY(sys::read(fd, buffer), "read");
    if (length == 0) break;
    TRY(sys::write_all(to.get(), {buffer.data(), length}), "write");
    TRY(budget_.check_interrupted());
  }
  if (options_.set_owner) TRY(sys::fchown(to.get(), from.info.st_uid, from.info.st_gid));
  uint64_t dropped = 0;  // none: those that are read are kept
  TRY(set_xattrs(to.get(), TRY(read_xattrs(fd, false, options_.set_owner)), false,
                 options_.set_owner, dropped));
  TRY(sys::fchmod(to.get(), from.info.st_mode & 07777));
  const struct timespec times[2] = {from.info.st_mtim, from.info.st_mtim};
  return sys::futimens(to.get(), times);
}

}  // namespace crunlite::image
