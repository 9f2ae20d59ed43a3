// SPDX-License-Identifier: Apache-2.0
#include "image/remove.h"

#include <errno.h>

#include <vector>

#include "base/sys.h"
#include "base/sys_files.h"

namespace crunlite::image {
namespace {

constexpr mode_t kOwnerAll = 0700;
constexpr int kOpenDir = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
constexpr uint64_t kResolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;

// Opens a directory so that it can be emptied.
Result<UniqueFd> enter(int dir, const std::string& name) {
  Result<UniqueFd> fd = sys::openat2(dir, name.c_str(), kOpenDir, kResolve);
  if (!fd.has_value() && fd.error().errnum == EACCES) {
    struct stat info = TRY(sys::fstatat(dir, name.c_str(), AT_SYMLINK_NOFOLLOW));
    if (!S_ISDIR(info.st_mode)) return fd;
    TRY(sys::fchmodat(dir, name.c_str(), kOwnerAll));
    fd = sys::openat2(dir, name.c_str(), kOpenDir, kResolve);
  }
  if (!fd.has_value()) return fd;
  struct stat info = TRY(sys::fstat(fd->get()));
  if ((info.st_mode & kOwnerAll) != kOwnerAll) TRY(sys::fchmod(fd->get(), kOwnerAll));
  return fd;
}

bool is_gone(const Status& status) { return status.has_value() || status.error().errnum == ENOENT; }

// Removes what is not a directory; gives the name of the first directory, or "" when none is left.
Result<std::string> remove_files(int dir) {
  for (;;) {
    std::vector<sys::DirEntry> entries = TRY(sys::next_dir_entries(dir));
    if (entries.empty()) return std::string();
    for (sys::DirEntry& entry : entries) {
      Status removed = sys::unlinkat(dir, entry.name.c_str(), 0);
      if (is_gone(removed)) continue;
      int errnum = removed.error().errnum;
      if (errnum != EISDIR && errnum != EPERM) {
        return std::unexpected(with_context(removed.error(), "remove ", quote(entry.name)));
      }
      Status emptied = sys::unlinkat(dir, entry.name.c_str(), AT_REMOVEDIR);
      if (!is_gone(emptied)) return std::move(entry.name);
    }
  }
}

// A directory on the way down, so that the way up can be proven to lead there.
struct Level {
  std::string name;
  dev_t device;
  ino_t inode;
};

Result<UniqueFd> parent_of(int dir, const Level& expected) {
  UniqueFd parent = TRY(sys::openat(dir, "..", O_RDONLY | O_DIRECTORY), "parent directory");
  struct stat info = TRY(sys::fstat(parent.get()));
  if (info.st_dev != expected.device || info.st_ino != expected.inode) {
    return fail(Kind::kConflict, "directory ", quote(expected.name), ": was moved");
  }
  return parent;
}

}  // namespace

Status remove_below(int dir, const std::string& name) {
  if (is_gone(sys::unlinkat(dir, name.c_str(), 0))) return {};
  Status emptied = sys::unlinkat(dir, name.c_str(), AT_REMOVEDIR);
  if (is_gone(emptied)) return {};
  if (emptied.error().errnum == ENOTDIR) return sys::unlinkat(dir, name.c_str(), 0);
  UniqueFd at = TRY(sys::openat(dir, ".", O_RDONLY | O_DIRECTORY));
  std::vector<Level> levels;  // that were entered; `at` is the last of them
  std::string next = name;
  do {
    struct stat info = TRY(sys::fstat(at.get()));
    UniqueFd inner = TRY(enter(at.get(), next), "remove ", quote(next));
    levels.push_back({std::move(next), info.st_dev, info.st_ino});
    at = std::move(inner);
    next = TRY(remove_files(at.get()));
    while (next.empty() && !levels.empty()) {
      at = TRY(parent_of(at.get(), levels.back()));
      TRY(sys::unlinkat(at.get(), levels.back().name.c_str(), AT_REMOVEDIR), "remove ",
          quote(levels.back().name));
      levels.pop_back();
      if (!levels.empty()) next = TRY(remove_files(at.get()));
    }
  } while (!next.empty());
  return {};
}

namespace {

// A directory that prune() is in.
struct Pruned {
  UniqueFd fd;
  ino_t inode = 0;
  struct stat before{};  // mode and time, to be kept
  std::string name;      // in the one above
  bool remove_if_empty = false;
  bool listed = false;
  std::vector<std::pair<std::string, bool>> inner;  // still to be entered; removed if empty?
};

Result<Pruned> open_pruned(int dir, std::string name, bool remove_if_empty) {
  Pruned level;
  level.before = TRY(sys::fstatat(dir, name.c_str(), AT_SYMLINK_NOFOLLOW));
  level.fd = TRY(enter(dir, name), quote(name));
  level.inode = TRY(sys::fstat(level.fd.get())).st_ino;
  level.name = std::move(name);
  level.remove_if_empty = remove_if_empty;
  return level;
}

// One batch of a directory's entries; false when there are no more.
Result<bool> prune_batch(Pruned& level, const std::function<Fate(const PruneEntry&)>& fate) {
  std::vector<sys::DirEntry> entries = TRY(sys::next_dir_entries(level.fd.get()));
  for (sys::DirEntry& entry : entries) {
    struct stat info = TRY(sys::fstatat(level.fd.get(), entry.name.c_str(), AT_SYMLINK_NOFOLLOW));
    Fate decided = fate({.holder = level.inode, .name = entry.name, .info = info});
    if (decided == Fate::kRemove) TRY(remove_below(level.fd.get(), entry.name));
    if (decided == Fate::kRemove || decided == Fate::kKeep) continue;
    bool remove_if_empty = decided == Fate::kEnterThenRemoveIfEmpty;
    level.inner.emplace_back(std::move(entry.name), remove_if_empty);
  }
  return !entries.empty();
}

}  // namespace

Status prune(int dir, const std::function<Fate(const PruneEntry&)>& fate) {
  std::vector<Pruned> levels;
  levels.push_back(TRY(open_pruned(dir, ".", false)));
  while (!levels.empty()) {
    Pruned& level = levels.back();
    if (!level.listed && TRY(prune_batch(level, fate))) continue;
    level.listed = true;
    if (!level.inner.empty()) {
      auto [name, remove_if_empty] = std::move(level.inner.back());
      level.inner.pop_back();
      levels.push_back(TRY(open_pruned(level.fd.get(), std::move(name), remove_if_empty)));
      continue;
    }
    Pruned done = std::move(level);
    levels.pop_back();
    TRY(sys::fchmod(done.fd.get(), done.before.st_mode & 07777));
    const struct timespec times[2] = {done.before.st_mtim, done.before.st_mtim};
    TRY(sys::futimens(done.fd.get(), times));
    if (!done.remove_if_empty) continue;
    Status removed = sys::unlinkat(levels.back().fd.get(), done.name.c_str(), AT_REMOVEDIR);
    bool is_full = !removed.has_value() &&
                   (removed.error().errnum == ENOTEMPTY || removed.error().errnum == EEXIST);
    if (!removed.has_value() && !is_full) return removed;
  }
  return {};
}

}  // namespace crunlite::image
