// SPDX-License-Identifier: Apache-2.0
#include "image/layer_writer.h"

#include <errno.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/sys.h"
#include "base/sys_files.h"
#include "image/attributes.h"

namespace crunlite::image {
namespace {

constexpr mode_t kNewMode = 0600;
constexpr int kCreate = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
constexpr std::string_view kItself;  // the name of a directory in itself, to NameSet

Status set_times(int fd, const struct timespec& mtime) {
  const struct timespec times[2] = {mtime, mtime};
  return sys::futimens(fd, times);
}

}  // namespace

Status WriteBudget::take_inode() {
  TRY(check_interrupted());
  if (++inodes_ > options_.max_inodes) {
    return fail(Kind::kLimit, "the layer has more than ", options_.max_inodes, " entries");
  }
  return {};
}

Status WriteBudget::take_bytes(uint64_t bytes) {
  uint64_t left = options_.max_bytes - bytes_ - copied_;
  if (bytes > left) {
    return fail(Kind::kLimit, "size: the layer's files hold more than ", options_.max_bytes,
                " bytes");
  }
  bytes_ += bytes;
  if (bytes_ <= options_.expanded_bytes()) return {};
  return fail(Kind::kLimit, "size: the layer's files hold too much for its compressed size");
}

Status WriteBudget::take_copied(uint64_t bytes) {
  uint64_t left = options_.max_bytes - bytes_ - copied_;
  if (bytes > left) {
    return fail(Kind::kLimit, "size: the layer's files hold more than ", options_.max_bytes,
                " bytes");
  }
  copied_ += bytes;
  return {};
}

Status WriteBudget::check_interrupted() const {
  if (options_.interrupted && options_.interrupted()) return fail(Kind::kConflict, "interrupted");
  return {};
}

LayerWriter::LayerWriter(LayerTree& tree, WriteBudget& budget, const Options& options)
    : tree_(tree),
      budget_(budget),
      options_(options),
      our_uid_(::geteuid()),
      our_gid_(::getegid()) {}

Status LayerWriter::note_implied(const OpenDir& parent, const std::string& name) {
  TRY(budget_.take_inode());
  if (tracks_own()) own_.remove(parent.inode, name);
  if (tracks_implied()) implied_.add(parent.inode, name);
  return {};
}

Status LayerWriter::write(const TarEntry& entry, TarReader& reader) {
  TRY(budget_.check_interrupted());
  LayerName name = TRY(parse_layer_name(entry.path));
  switch (name.kind) {
    case NameKind::kIgnored: return {};
    case NameKind::kRoot: return write_root(entry);
    case NameKind::kEntry: return write_named(entry, name, reader);
    case NameKind::kWhiteout: return white_out(name);
    case NameKind::kOpaque: return make_opaque(name.parent);
  }
  return fail(Kind::kBug, "an unknown kind of name");
}

Status LayerWriter::write_root(const TarEntry& entry) {
  if (entry.type != EntryType::kDirectory) {
    return fail(Kind::kInvalid, "type: the root is not a directory");
  }
  OpenDir& root = *tree_.root();
  if (options_.set_owner) TRY(sys::fchown(root.fd.get(), entry.uid, entry.gid), "set the owner");
  TRY(set_xattrs(root.fd.get(), entry.xattrs, true, options_.set_owner, dropped_xattrs_));
  root.mode = entry.mode;
  root.mtime = entry.mtime;
  root.touched = true;
  return {};
}

Status LayerWriter::write_named(const TarEntry& entry, const LayerName& name, TarReader& reader) {
  // Directories that are there already take none.
  if (entry.type != EntryType::kDirectory) TRY(budget_.take_inode());
  Target target{TRY(tree_.make_dir(name.parent)), name.name, name.path()};
  TRY(write_target(target, entry, reader));
  if (tracks_own()) return mark_own(*target.parent, target.name);
  if (tracks_implied()) implied_.remove(target.parent->inode, target.name);
  return {};
}

Status LayerWriter::write_target(const Target& target, const TarEntry& entry, TarReader& reader) {
  switch (entry.type) {
    case EntryType::kFile: return write_file(target, entry, reader);
    case EntryType::kDirectory: return write_directory(target, entry);
    case EntryType::kSymlink: return write_symlink(target, entry);
    case EntryType::kHardlink: return write_hardlink(target, entry);
    case EntryType::kCharDevice:
    case EntryType::kBlockDevice:
    case EntryType::kFifo: return write_node(target, entry);
    case EntryType::kOther: break;
  }
  return fail(Kind::kInvalid, "type: is none that a layer may hold");
}

// Makes the target; what stands in its place is removed first.
template <class Make>
auto LayerWriter::make(const Target& target, Make make_it) -> decltype(make_it()) {
  auto made = make_it();
  if (!made.has_value() && made.error().errnum == EEXIST) {
    TRY(tree_.remove(*target.parent, target.name));
    made = make_it();
  }
  if (made.has_value()) tree_.note_made(*target.parent);
  return made;
}

bool LayerWriter::needs_owner(uint32_t uid, uint32_t gid, const OpenDir& parent) const {
  if (!options_.set_owner) return false;
  // A directory with the set-group-ID bit gives its own group to what is made in it.
  return uid != our_uid_ || gid != our_gid_ || (parent.current_mode & S_ISGID) != 0;
}

Status LayerWriter::write_file(const Target& target, const TarEntry& entry, TarReader& reader) {
  int dir = target.parent->fd.get();
  UniqueFd fd =
      TRY(make(target, [&] { return sys::openat(dir, target.name.c_str(), kCreate, kNewMode); }));
  TRY(write_content(fd.get(), entry, reader));
  // In this order: a new owner clears capabilities and the set-user-ID bit, and writing the time.
  if (needs_owner(entry.uid, entry.gid, *target.parent)) {
    TRY(sys::fchown(fd.get(), entry.uid, entry.gid), "set the owner");
  }
  TRY(set_xattrs(fd.get(), entry.xattrs, false, options_.set_owner, dropped_xattrs_));
  TRY(sys::fchmod(fd.get(), entry.mode), "set the mode");
  TRY(set_times(fd.get(), entry.mtime), "set the time");
  return {};
}

Status LayerWriter::write_content(int fd, const TarEntry& entry, TarReader& reader) {
  uint64_t end = 0;  // of what was written
  while (std::optional<TarBlock> block = TRY(reader.next_block())) {
    uint64_t size = block->bytes.size();
    if (size == 0) continue;
    if (block->offset < end || block->offset > entry.size || size > entry.size - block->offset) {
      return fail(Kind::kInvalid, "size: the data lies outside of the file");
    }
    TRY(budget_.take_bytes(block->offset + size - end));
    TRY(sys::pwrite_all(fd, block->bytes, static_cast<off_t>(block->offset)), "write");
    end = block->offset + size;
  }
  if (end == entry.size) return {};
  TRY(budget_.take_bytes(entry.size - end));
  TRY(sys::ftruncate(fd, static_cast<off_t>(entry.size)), "set the size");
  return {};
}

// The directory in the target's place, kept if there is one already.
Result<OpenDirPtr> LayerWriter::open_directory(const Target& target) {
  Result<OpenDirPtr> made = tree_.make_child(*target.parent, target.name);
  if (made.has_value()) {
    tree_.note_made(*target.parent);
    TRY(budget_.take_inode());
    return made;
  }
  if (made.error().errnum != EEXIST) return made;
  int dir = target.parent->fd.get();
  struct stat info = TRY(sys::fstatat(dir, target.name.c_str(), AT_SYMLINK_NOFOLLOW));
  if (S_ISDIR(info.st_mode)) return tree_.open_child(*target.parent, target.name);
  TRY(tree_.remove(*target.parent, target.name));
  OpenDirPtr fresh = TRY(tree_.make_child(*target.parent, target.name));
  // What was here, a whiteout or a file, has hidden the layers below for good.
  if (is_overlay() && tree_.has_lowers()) TRY(mark_opaque(fresh->fd.get()));
  return fresh;
}

Status LayerWriter::write_directory(const Target& target, const TarEntry& entry) {
  OpenDirPtr dir = TRY(open_directory(target));
  tree_.remember(dir, target.path);
  // Not only where it differs from ours: the directory may be an earlier layer's.
  if (options_.set_owner) TRY(sys::fchown(dir->fd.get(), entry.uid, entry.gid), "set the owner");
  TRY(set_xattrs(dir->fd.get(), entry.xattrs, true, options_.set_owner, dropped_xattrs_));
  dir->mode = entry.mode;
  dir->mtime = entry.mtime;
  dir->touched = true;
  return {};
}

Status LayerWriter::write_symlink(const Target& target, const TarEntry& entry) {
  if (entry.link.empty()) return fail(Kind::kInvalid, "symbolic link: its target is empty");
  int dir = target.parent->fd.get();
  TRY(make(target, [&] { return sys::symlinkat(entry.link.c_str(), dir, target.name.c_str()); }));
  return set_name_attributes(target, entry);
}

// Of what is not opened: links and nodes.
Status LayerWriter::set_name_attributes(const Target& target, const TarEntry& entry) {
  int dir = target.parent->fd.get();
  const char* name = target.name.c_str();
  if (needs_owner(entry.uid, entry.gid, *target.parent)) {
    TRY(sys::fchownat(dir, name, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW), "set the owner");
  }
  if (entry.type != EntryType::kSymlink) TRY(sys::fchmodat(dir, name, entry.mode), "set the mode");
  const struct timespec times[2] = {entry.mtime, entry.mtime};
  TRY(sys::utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW), "set the time");
  dropped_xattrs_ += entry.xattrs.size();  // the kernel allows none here that we keep
  return {};
}

Status LayerWriter::write_node(const Target& target, const TarEntry& entry) {
  bool is_fifo = entry.type == EntryType::kFifo;
  dev_t device = is_fifo ? 0 : makedev(entry.device_major, entry.device_minor);
  mode_t type = S_IFIFO;
  if (entry.type == EntryType::kCharDevice) type = S_IFCHR;
  if (entry.type == EntryType::kBlockDevice) type = S_IFBLK;
  if (type == S_IFCHR && device == makedev(0, 0)) {
    return fail(Kind::kInvalid, "device: 0:0 is overlayfs's whiteout");
  }
  if (!is_fifo && !options_.set_owner) {
    skipped_devices_++;
    return {};
  }
  int dir = target.parent->fd.get();
  Status made =
      make(target, [&] { return sys::mknodat(dir, target.name.c_str(), type | kNewMode, device); });
  if (!made.has_value() && !is_fifo && made.error().errnum == EPERM) {
    skipped_devices_++;  // root in a user namespace
    return {};
  }
  if (!made.has_value()) return made;
  return set_name_attributes(target, entry);
}

// What a hard link names, as far as this tree holds it: its directory, and what it is there.
Result<std::optional<LayerWriter::Source>> LayerWriter::find_source(const LayerName& name) {
  OpenDirPtr dir = TRY(tree_.find_own_dir(name.parent));
  if (dir == nullptr) {
    std::optional<Place> place = TRY(tree_.find_dir(name.parent));
    if (place.has_value()) dir = place->dir;
  }
  if (dir == nullptr) return std::optional<Source>();
  Result<struct stat> info = sys::fstatat(dir->fd.get(), name.name.c_str(), AT_SYMLINK_NOFOLLOW);
  if (info.has_value()) return Source{std::move(dir), *info};
  if (info.error().errnum == ENOENT) return std::optional<Source>();
  return std::unexpected(info.error());
}

Status LayerWriter::write_hardlink(const Target& target, const TarEntry& entry) {
  LayerName name = TRY(parse_hardlink_target(entry.link));
  std::optional<Source> source = TRY(find_source(name), "hard link");
  if (!source.has_value() && tree_.has_lowers()) {
    TRY(copy_up(name), "hard link: ", quote(entry.link));
    source = TRY(find_source(name), "hard link");
  }
  if (!source.has_value() || (is_overlay() && is_whiteout(source->info))) {
    return fail(Kind::kInvalid, "hard link: ", quote(entry.link), ": does not exist");
  }
  if (S_ISDIR(source->info.st_mode)) {
    return fail(Kind::kInvalid, "hard link: ", quote(entry.link), ": is a directory");
  }
  int from = source->dir->fd.get();
  int dir = target.parent->fd.get();
  Result<struct stat> there = sys::fstatat(dir, target.name.c_str(), AT_SYMLINK_NOFOLLOW);
  bool same = there.has_value() && there->st_ino == source->info.st_ino &&
              there->st_dev == source->info.st_dev;
  if (same) return {};  // linked already, or to itself: removing it would lose the file
  TRY(make(target,
           [&] { return sys::linkat(from, name.name.c_str(), dir, target.name.c_str(), 0); }),
      "hard link: ", quote(entry.link));
  return {};
}

Status LayerWriter::mark_own(OpenDir& parent, const std::string& name) {
  own_.add(parent.inode, name);
  // The directories above are kept from whiteouts too: they hold what this layer wrote.
  ino_t inode = parent.inode;
  UniqueFd above;
  int at = parent.fd.get();
  while (!own_.contains(inode, kItself)) {
    own_.add(inode, kItself);
    if (inode == tree_.root()->inode || own_.is_overflown()) break;
    above = TRY(sys::openat(at, "..", O_PATH | O_DIRECTORY));
    at = above.get();
    inode = TRY(sys::fstat(at)).st_ino;
  }
  return {};
}

}  // namespace crunlite::image
