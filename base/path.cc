// SPDX-License-Identifier: Apache-2.0
#include "base/path.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/limits.h"

namespace crunlite {
namespace {


// "/proc/self/fd/N" names an O_PATH descriptor for calls that take a path only.
Result<DirFd> open_dir(int parent, const std::string& name) {
  return sys::openat(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

// Goes into one component, making it when missing.
Result<DirFd> enter_or_make(int root, const std::string& prefix, int parent,
                            const std::string& name, mode_t mode) {
  Result<DirFd> existing = open_in_root(root, prefix, O_PATH | O_DIRECTORY);
  if (existing.has_value()) return existing;
  if (existing.error().errnum != ENOENT) return existing;
  Status made = sys::mkdirat(parent, name.c_str(), mode);
  if (!made.has_value() && made.error().errnum != EEXIST) {
    return std::unexpected(made.error());
  }
  // A dangling link makes mkdir say EEXIST; opening without following links refuses it.
  return open_dir(parent, name);
}

// Where a deep tree is emptied step by step: each level is a path of names from the top.
Status remove_entries(int dir, std::vector<std::string>& stack) {
  for (const sys::DirEntry& entry : TRY(sys::list_dir(dir))) {
    bool maybe_dir = entry.type == DT_DIR || entry.type == DT_UNKNOWN;
    Status removed = sys::unlinkat(dir, entry.name.c_str(), 0);
    if (removed.has_value() || removed.error().errnum == ENOENT) continue;
    if (!maybe_dir && removed.error().errnum != EISDIR) {
      return std::unexpected(with_context(removed.error(), "remove ", quote(entry.name)));
    }
    stack.push_back(entry.name);
  }
  return {};
}

// One directory on the way of remove_tree: what is left to remove in it.
struct Level {
  DirFd dir;
  std::vector<std::string> names;
};

// Steps into the last name of the last level, or removes it when it is empty.
Status step_removal(std::vector<Level>& levels) {
  Level& level = levels.back();
  const std::string& name = level.names.back();
  Status removed = sys::unlinkat(level.dir.get(), name.c_str(), AT_REMOVEDIR);
  if (removed.has_value() || removed.error().errnum == ENOENT) {
    level.names.pop_back();
    return {};
  }
  int errnum = removed.error().errnum;
  if (errnum != ENOTEMPTY && errnum != EEXIST) {
    return std::unexpected(with_context(removed.error(), "remove ", quote(name)));
  }
  Level inner;
  // RESOLVE_NO_XDEV: what is mounted here is not ours to empty.
  inner.dir = TRY(sys::openat2(level.dir.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                               RESOLVE_NO_XDEV | RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS),
                  "open ", quote(name));
  TRY(remove_entries(inner.dir.get(), inner.names));
  if (inner.names.empty()) return {};
  levels.push_back(std::move(inner));
  return {};
}

}  // namespace

Result<UniqueFd> open_beneath(int dir, const std::string& path, int flags, mode_t mode) {
  return sys::openat2(dir, path.c_str(), static_cast<uint64_t>(flags),
                      RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS, mode);
}

Result<UniqueFd> open_in_root(int root, const std::string& path, int flags, mode_t mode) {
  const std::string& target = path.empty() ? "/" : path;
  return sys::openat2(root, target.c_str(), static_cast<uint64_t>(flags),
                      RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, mode);
}

Result<DirFd> make_dirs_in_root(int root, std::string_view path, mode_t mode) {
  Result<DirFd> whole = open_in_root(root, std::string(path), O_PATH | O_DIRECTORY);
  if (whole.has_value() || whole.error().errnum != ENOENT) return whole;
  DirFd at = TRY(sys::openat(root, ".", O_PATH | O_DIRECTORY));
  std::string prefix;
  for (std::string_view name : split(path, '/')) {
    if (name.empty() || name == ".") continue;
    if (name == "..") return fail(Kind::kInvalid, quote(path), ": contains \"..\"");
    prefix.append("/").append(name);
    at = TRY(enter_or_make(root, prefix, at.get(), std::string(name), mode), quote(prefix));
  }
  return at;
}

Result<DirFd> make_host_dirs(const std::string& path, mode_t mode) {
  std::string prefix;
  for (std::string_view name : split(path, '/')) {
    prefix.append(name);
    if (!prefix.empty()) {
      Status made = sys::mkdirat(AT_FDCWD, prefix.c_str(), mode);
      bool there = made.has_value() || made.error().errnum == EEXIST;
      // A read-only or foreign parent that exists answers otherwise; opening decides below.
      if (!there && made.error().errnum == ENOENT) return std::unexpected(made.error());
    }
    prefix.push_back('/');
  }
  return TRY(sys::open(prefix.c_str(), O_PATH | O_DIRECTORY), "directory ", quote(path));
}

SplitPath split_path(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  size_t at = path.rfind('/');
  if (at == std::string_view::npos) return {"", std::string(path)};
  std::string_view parent = path.substr(0, at == 0 ? 1 : at);
  while (parent.size() > 1 && parent.ends_with('/')) parent.remove_suffix(1);
  return {std::string(parent), std::string(path.substr(at + 1))};
}

std::string clean_path(std::string_view path) {
  bool absolute = path.starts_with('/');
  std::vector<std::string> kept;
  for (std::string_view name : split(path, '/')) {
    if (name.empty() || name == ".") continue;
    if (name != "..") {
      kept.emplace_back(name);
    } else if (!kept.empty() && kept.back() != "..") {
      kept.pop_back();
    } else if (!absolute) {
      kept.emplace_back(name);
    }
  }
  std::string joined = join(kept, "/");
  if (absolute) return "/" + joined;
  return joined.empty() ? "." : joined;
}

Result<std::string> read_fd(int fd, size_t max_bytes) {
  std::string content;
  size_t used = 0;
  for (;;) {
    if (content.size() - used < 4096) content.resize(std::max<size_t>(8192, content.size() * 2));
    size_t length = TRY(sys::read(fd, std::span(content).subspan(used)));
    if (length == 0) break;
    used += length;
    if (used > max_bytes) return fail(Kind::kLimit, "is larger than ", max_bytes, " bytes");
  }
  content.resize(used);
  return content;
}

Result<std::string> read_file(int dir, const std::string& path, size_t max_bytes) {
  UniqueFd fd = TRY(sys::openat(dir, path.c_str(), O_RDONLY), path);
  return TRY(read_fd(fd.get(), max_bytes), path);
}

Status write_existing(int dir, const std::string& path, std::string_view text) {
  UniqueFd fd = TRY(sys::openat(dir, path.c_str(), O_WRONLY), path);
  TRY(sys::write(fd.get(), text), "write ", quote(text), " to ", path);
  return {};
}

Status write_atomic(int dir, const std::string& name, std::string_view content, mode_t mode,
                    Durability durability) {
  std::string temporary = cat(".", name, ".", ::getpid(), ".new");
  (void)sys::unlinkat(dir, temporary.c_str(), 0);  // left by an earlier process with our pid
  UniqueFd fd =
      TRY(sys::openat(dir, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode),
          "create ", temporary);
  Status done = sys::write_all(fd.get(), content);
  if (done.has_value()) done = sys::fchmod(fd.get(), mode);  // whatever the umask is
  if (done.has_value() && durability == Durability::kDurable) done = sys::fsync(fd.get());
  if (done.has_value()) done = sys::renameat2(dir, temporary.c_str(), dir, name.c_str(), 0);
  if (!done.has_value()) {
    (void)sys::unlinkat(dir, temporary.c_str(), 0);  // the first error is the one to tell
    return std::unexpected(with_context(done.error(), "write ", name));
  }
  if (durability == Durability::kVolatile) return {};
  UniqueFd readable = TRY(sys::openat(dir, ".", O_RDONLY | O_DIRECTORY));
  return sys::fsync(readable.get());
}

Status remove_tree(int dir, const std::string& name) {
  Status file = sys::unlinkat(dir, name.c_str(), 0);
  if (file.has_value() || file.error().errnum == ENOENT) return {};
  if (file.error().errnum != EISDIR && file.error().errnum != EPERM) return file;
  std::vector<Level> levels;
  levels.push_back({TRY(sys::openat(dir, ".", O_RDONLY | O_DIRECTORY)), {name}});
  while (!levels.empty()) {
    if (levels.back().names.empty()) {
      levels.pop_back();
      continue;
    }
    // One descriptor a level: a tree nested beyond the limit of open files fails with EMFILE,
    // which limits::kPathDepth keeps out of reach for trees of ours.
    TRY(step_removal(levels), quote(name));
  }
  return {};
}

Result<TempDir> TempDir::create(std::string_view prefix, const std::string& parent) {
  std::string base = parent;
  if (base.empty()) {
    const char* set = ::getenv("TMPDIR");
    base = set != nullptr && set[0] == '/' ? set : "/tmp";
  }
  std::string path = cat(base, "/", prefix, ".XXXXXX");
  if (::mkdtemp(path.data()) == nullptr) {
    return std::unexpected(with_context(sys::error_of(errno), "make directory ", path));
  }
  DirFd fd = TRY(sys::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW), path);
  return TempDir(std::move(path), std::move(fd));
}

TempDir::TempDir(TempDir&& other) noexcept
    : path_(std::exchange(other.path_, "")), fd_(std::move(other.fd_)) {}

TempDir::~TempDir() {
  if (!path_.empty()) (void)remove_tree(AT_FDCWD, path_);  // nobody is left to be told
}

Result<FileLock> FileLock::acquire(int dir, const std::string& name, Mode mode, int timeout_ms) {
  UniqueFd fd =
      TRY(sys::openat(dir, name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW, 0600), "lock ", name);
  int operation = mode == Mode::kShared ? LOCK_SH : LOCK_EX;
  if (timeout_ms < 0) {
    TRY(sys::flock(fd.get(), operation), "lock ", name);
    return FileLock(std::move(fd));
  }
  int64_t deadline = sys::monotonic_ms() + timeout_ms;
  for (int pause_ms = 1;; pause_ms = std::min(pause_ms * 2, 50)) {
    Status locked = sys::flock(fd.get(), operation | LOCK_NB);
    if (locked.has_value()) return FileLock(std::move(fd));
    if (locked.error().errnum != EWOULDBLOCK) return std::unexpected(locked.error());
    if (sys::monotonic_ms() >= deadline) {
      return fail(Kind::kConflict, "lock ", name, ": held by another process");
    }
    (void)sys::wait_ready(-1, 0, pause_ms);  // flock has no waiting with a time limit
  }
}

}  // namespace crunlite
