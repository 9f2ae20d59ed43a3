// SPDX-License-Identifier: Apache-2.0
#include "image/open_dirs.h"

#include <errno.h>

#include <algorithm>

#include "base/limits.h"
#include "base/sys.h"
#include "base/sys_files.h"

namespace crunlite::image {
namespace {

constexpr mode_t kOwnerAll = 0700;
constexpr int kOpenFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

}  // namespace

OpenDirPtr OpenDirs::find(std::string_view path) {
  // Most recently used last: entries of one directory follow each other.
  for (auto dir = dirs_.rbegin(); dir != dirs_.rend(); ++dir) {
    const std::vector<std::string>& paths = (*dir)->paths;
    if (std::find(paths.begin(), paths.end(), path) == paths.end()) continue;
    (*dir)->last_use = ++clock_;
    OpenDirPtr found = *dir;
    std::rotate(std::prev(dir.base()), dir.base(), dirs_.end());
    return found;
  }
  return nullptr;
}

Result<OpenDirPtr> OpenDirs::adopt(UniqueFd fd) {
  struct stat info = TRY(sys::fstat(fd.get()));
  for (const OpenDirPtr& dir : dirs_) {
    if (dir->inode != info.st_ino || dir->device != info.st_dev) continue;
    dir->last_use = ++clock_;
    return dir;
  }
  TRY(make_room());
  auto dir = std::make_shared<OpenDir>();
  dir->fd = std::move(fd);
  dir->device = info.st_dev;
  dir->inode = info.st_ino;
  dir->mode = info.st_mode & 07777;
  dir->current_mode = dir->mode;
  dir->mtime = info.st_mtim;
  dir->last_use = ++clock_;
  if ((dir->mode & kOwnerAll) != kOwnerAll) {
    dir->current_mode = dir->mode | kOwnerAll;
    TRY(sys::fchmod(dir->fd.get(), dir->current_mode));
    dir->touched = true;
  }
  dirs_.push_back(dir);
  return dir;
}

Result<OpenDirPtr> OpenDirs::open_child(const OpenDir& parent, const std::string& name) {
  Result<UniqueFd> fd = sys::openat(parent.fd.get(), name.c_str(), kOpenFlags);
  if (fd.has_value()) return adopt(std::move(*fd));
  if (fd.error().errnum != EACCES) return std::unexpected(fd.error());
  // An ordinary user, and a directory that may not be read. Nobody else changes the tree, so it
  // is still no link when its mode is changed.
  struct stat info = TRY(sys::fstatat(parent.fd.get(), name.c_str(), AT_SYMLINK_NOFOLLOW));
  if (!S_ISDIR(info.st_mode)) return std::unexpected(fd.error());
  mode_t mode = info.st_mode & 07777;
  TRY(sys::fchmodat(parent.fd.get(), name.c_str(), mode | kOwnerAll));
  OpenDirPtr dir = TRY(adopt(TRY(sys::openat(parent.fd.get(), name.c_str(), kOpenFlags))));
  dir->mode = mode;
  dir->touched = true;
  return dir;
}

void OpenDirs::remember(const OpenDirPtr& dir, std::string_view path) {
  constexpr size_t kMaxPaths = 16;  // a directory may be found through any number of links
  std::vector<std::string>& paths = dir->paths;
  if (std::find(paths.begin(), paths.end(), path) != paths.end()) return;
  if (paths.size() >= kMaxPaths) paths.erase(paths.begin());
  paths.emplace_back(path);
}

void OpenDirs::forget_paths() {
  for (const OpenDirPtr& dir : dirs_) dir->paths.clear();
}

Status OpenDirs::close_one(OpenDir& dir) {
  if (!dir.touched) return {};
  if (dir.mode != dir.current_mode) TRY(sys::fchmod(dir.fd.get(), dir.mode), "set the mode");
  if (dir.mtime.has_value()) {
    const struct timespec times[2] = {*dir.mtime, *dir.mtime};
    TRY(sys::futimens(dir.fd.get(), times), "set the time");
  }
  dir.touched = false;
  return {};
}

Status OpenDirs::make_room() {
  while (dirs_.size() >= limits::kOpenDirs) {
    auto oldest = dirs_.end();
    for (auto dir = dirs_.begin(); dir != dirs_.end(); ++dir) {
      if (dir->use_count() > 1) continue;
      if (oldest == dirs_.end() || (*dir)->last_use < (*oldest)->last_use) oldest = dir;
    }
    if (oldest == dirs_.end()) return {};
    TRY(close_one(**oldest), "directory");
    dirs_.erase(oldest);
  }
  return {};
}

Status OpenDirs::close_all() {
  for (const OpenDirPtr& dir : dirs_) TRY(close_one(*dir), "directory");
  dirs_.clear();
  return {};
}

}  // namespace crunlite::image
