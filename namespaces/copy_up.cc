// SPDX-License-Identifier: Apache-2.0
#include "namespaces/copy_up.h"

#include <errno.h>
#include <sys/stat.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/sys_files.h"

namespace crunlite::namespaces {
namespace {

// A directory that is being copied, and its entries that are left.
struct Level {
  UniqueFd from;
  UniqueFd to;
  std::vector<sys::DirEntry> entries;
};

constexpr uint64_t kWithin = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;

Status copy_attributes(int from, int to) {
  for (const std::string& name : TRY(sys::flistxattr(from))) {
    Status set = sys::fsetxattr(to, name.c_str(), TRY(sys::fgetxattr(from, name.c_str())));
    if (set.has_value()) continue;
    // A tmpfs holds not every kind, and a security module's own label is not for us to give.
    const int errnum = set.error().errnum;
    if (errnum != EOPNOTSUPP && errnum != EPERM) return set;
  }
  return {};
}

Status copy_bytes(int from, int to) {
  std::array<char, 65536> buffer;
  for (;;) {
    const size_t size = TRY(sys::read(from, buffer));
    if (size == 0) return {};
    TRY(sys::write_all(to, {buffer.data(), size}));
  }
}

// A change of the owner takes set-user-id away, so the mode comes after it.
Status copy_owner_and_mode(int to, const struct stat& info) {
  TRY(sys::fchown(to, info.st_uid, info.st_gid));
  return sys::fchmod(to, info.st_mode & 07777U);
}

Status copy_file(const Level& level, const char* name) {
  // It may have become a pipe since it was looked at, whose opening would wait.
  UniqueFd from = TRY(sys::openat2(level.from.get(), name, O_RDONLY | O_NONBLOCK, kWithin));
  const struct stat info = TRY(sys::fstat(from.get()));
  if (!S_ISREG(info.st_mode)) return fail(Kind::kConflict, "was replaced while it was copied");
  UniqueFd to = TRY(sys::openat(level.to.get(), name, O_WRONLY | O_CREAT | O_EXCL, S_IRUSR));
  TRY(copy_bytes(from.get(), to.get()));
  TRY(copy_owner_and_mode(to.get(), info));
  return copy_attributes(from.get(), to.get());
}

Status copy_link(const Level& level, const char* name) {
  const struct stat info = TRY(sys::fstatat(level.from.get(), name, AT_SYMLINK_NOFOLLOW));
  const std::string target = TRY(sys::readlinkat(level.from.get(), name));
  TRY(sys::symlinkat(target.c_str(), level.to.get(), name));
  return sys::fchownat(level.to.get(), name, info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW);
}

// Pipes, sockets and devices.
Status copy_node(const Level& level, const char* name, const struct stat& info) {
  TRY(sys::mknodat(level.to.get(), name, info.st_mode, info.st_rdev));
  TRY(sys::fchownat(level.to.get(), name, info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW));
  return sys::fchmodat(level.to.get(), name, info.st_mode & 07777U);
}

Result<Level> begin_directory(UniqueFd from, UniqueFd to) {
  TRY(copy_owner_and_mode(to.get(), TRY(sys::fstat(from.get()))));
  TRY(copy_attributes(from.get(), to.get()));
  std::vector<sys::DirEntry> entries = TRY(sys::list_dir(from.get()));
  return Level{std::move(from), std::move(to), std::move(entries)};
}

Status copy_directory(std::vector<Level>& levels, const char* name) {
  if (levels.size() >= limits::kCopyDepth) {
    return fail(Kind::kLimit, "lies below ", limits::kCopyDepth, " directories");
  }
  const Level& level = levels.back();
  UniqueFd from = TRY(sys::openat2(level.from.get(), name, O_RDONLY | O_DIRECTORY, kWithin));
  TRY(sys::mkdirat(level.to.get(), name, S_IRWXU));
  UniqueFd to = TRY(sys::openat2(level.to.get(), name, O_RDONLY | O_DIRECTORY, kWithin));
  levels.push_back(TRY(begin_directory(std::move(from), std::move(to))));
  return {};
}

Status copy_entry(std::vector<Level>& levels, const char* name) {
  const Level& level = levels.back();
  const struct stat info = TRY(sys::fstatat(level.from.get(), name, AT_SYMLINK_NOFOLLOW));
  if (S_ISDIR(info.st_mode)) return copy_directory(levels, name);
  if (S_ISREG(info.st_mode)) return copy_file(level, name);
  if (S_ISLNK(info.st_mode)) return copy_link(level, name);
  return copy_node(level, name, info);
}

}  // namespace

Status copy_tree(int from, int to) {
  std::vector<Level> levels;
  levels.push_back(
      {TRY(sys::dup_cloexec(from)), TRY(sys::dup_cloexec(to)), TRY(sys::list_dir(from))});
  while (!levels.empty()) {
    if (levels.back().entries.empty()) {
      levels.pop_back();
      continue;
    }
    const std::string name = std::move(levels.back().entries.back().name);
    levels.back().entries.pop_back();
    TRY(copy_entry(levels, name.c_str()), "copy ", quote(name));
  }
  return {};
}

}  // namespace crunlite::namespaces
