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

// remove_tree holds this many directories of a tree open at most, whatever its depth.
constexpr size_t kOpenLevels = 64;

// One directory on the way of remove_tree, and the directories that are left in it.
struct Level {
  DirFd dir;
  std::vector<std::string> names;
};

// Removes all but directories, whose names are returned.
Result<std::vector<std::string>> remove_files(int dir) {
  std::vector<std::string> directories;
  for (sys::DirEntry& entry : TRY(sys::list_dir(dir))) {
    bool is_dir = entry.type == DT_DIR;
    if (!is_dir) {
      Status removed = sys::unlinkat(dir, entry.name.c_str(), 0);
      if (removed.has_value() || removed.error().errnum == ENOENT) continue;
      // File systems that tell no types, and directories that took the place of a file.
      is_dir = removed.error().errnum == EISDIR;
      if (!is_dir) return std::unexpected(with_context(removed.error(), quote(entry.name)));
    }
    directories.push_back(std::move(entry.name));
  }
  return directories;
}

// Opens a directory to empty it. One that denies its owner access is opened up: images are full of
// read-only directories, and an ordinary user must be able to remove them, too.
Result<DirFd> open_to_empty(int parent, const std::string& name) {
  // RESOLVE_NO_XDEV: what is mounted here is not ours to empty.
  constexpr uint64_t kResolve = RESOLVE_NO_XDEV | RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  constexpr uint64_t kFlags = O_DIRECTORY | O_NOFOLLOW;
  Result<DirFd> dir = sys::openat2(parent, name.c_str(), O_RDONLY | kFlags, kResolve);
  if (!dir.has_value() && dir.error().errnum == EACCES) {
    DirFd handle = TRY(sys::openat2(parent, name.c_str(), O_PATH | kFlags, kResolve));
    TRY(sys::fchmodat(AT_FDCWD, cat("/proc/self/fd/", handle.get()).c_str(), S_IRWXU));
    dir = sys::openat2(parent, name.c_str(), O_RDONLY | kFlags, kResolve);
  }
  if (!dir.has_value()) return dir;
  if ((TRY(sys::fstat(dir->get())).st_mode & S_IRWXU) != S_IRWXU) {
    (void)sys::fchmod(dir->get(), S_IRWXU);  // where it is not ours, the removal says so
  }
  return dir;
}

// Moves a directory that lies too deep to the top of the tree, where its turn comes later.
Status move_up(std::vector<Level>& levels, const std::string& name) {
  Level& top = levels[1];
  int from = levels.back().dir.get();
  (void)TRY(open_to_empty(from, name));  // moving a directory writes its ".."
  for (size_t i = 0;; i++) {
    std::string fresh = cat("deep.", i);
    Status moved =
        sys::renameat2(from, name.c_str(), top.dir.get(), fresh.c_str(), RENAME_NOREPLACE);
    // At most as often as there are directories at the top.
    if (!moved.has_value() && moved.error().errnum == EEXIST) continue;
    if (!moved.has_value()) return moved;
    levels.back().names.pop_back();
    top.names.insert(top.names.begin(), std::move(fresh));  // its last one is being emptied
    return {};
  }
}

// Removes the last name of the last level when it is empty, or steps into it.
Status step_removal(std::vector<Level>& levels) {
  Level& level = levels.back();
  const std::string name = level.names.back();
  Status removed = sys::unlinkat(level.dir.get(), name.c_str(), AT_REMOVEDIR);
  if (removed.has_value() || removed.error().errnum == ENOENT) {
    level.names.pop_back();
    return {};
  }
  int errnum = removed.error().errnum;
  if (errnum != ENOTEMPTY && errnum != EEXIST) {
    return std::unexpected(with_context(removed.error(), quote(name)));
  }
  if (levels.size() > kOpenLevels) return move_up(levels, name);
  Level inner;
  inner.dir = TRY(open_to_empty(level.dir.get(), name), quote(name));
  inner.names = TRY(remove_files(inner.dir.get()), quote(name));
  if (!inner.names.empty()) levels.push_back(std::move(inner));
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
  if (path.empty()) return fail(Kind::kInvalid, "directory \"\": path is empty");
  std::string prefix;
  Status why_missing;
  for (std::string_view name : split(path, '/')) {
    prefix.append(name);
    Status made;
    if (!name.empty()) made = sys::mkdirat(AT_FDCWD, prefix.c_str(), mode);
    // A parent that exists may refuse with any error; what counts is that the last one opens.
    bool tells =
        !made.has_value() && made.error().errnum != EEXIST && made.error().errnum != ENOENT;
    if (tells) why_missing = std::move(made);
    prefix.push_back('/');
  }
  Result<DirFd> dir = sys::open(prefix.c_str(), O_PATH | O_DIRECTORY);
  if (dir.has_value()) return dir;
  bool not_made = dir.error().errnum == ENOENT && !why_missing.has_value();
  return std::unexpected(
      with_context(not_made ? why_missing.error() : dir.error(), "directory ", quote(path)));
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
    bool is_up = name == "..";
    bool has_parent = !kept.empty() && kept.back() != "..";
    if (is_up && has_parent) {
      kept.pop_back();
    } else if (!is_up || !absolute) {
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
  SplitPath parts = split_path(name);
  if (parts.name.empty() || parts.name == "." || parts.name == "..") {
    return fail(Kind::kInvalid, "remove ", quote(name), ": names no entry of a directory");
  }
  const std::string parent = parts.parent.empty() ? "." : parts.parent;
  Result<DirFd> holder = sys::openat(dir, parent.c_str(), O_PATH | O_DIRECTORY);
  if (!holder.has_value() && holder.error().errnum == ENOENT) return {};
  if (!holder.has_value()) {
    return std::unexpected(with_context(holder.error(), "remove ", quote(name)));
  }
  Status file = sys::unlinkat(holder->get(), parts.name.c_str(), 0);
  if (file.has_value() || file.error().errnum == ENOENT) return {};
  if (file.error().errnum != EISDIR) {
    return std::unexpected(with_context(file.error(), "remove ", quote(name)));
  }
  std::vector<Level> levels;
  levels.push_back({std::move(*holder), {std::move(parts.name)}});
  while (!levels.empty()) {
    if (levels.back().names.empty()) {
      levels.pop_back();
      continue;
    }
    TRY(step_removal(levels), "remove ", quote(name));
  }
  return {};
}

Result<TempDir> TempDir::create(std::string_view prefix, const std::string& parent) {
  std::string base = parent;
  if (base.empty()) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): no program of ours changes its environment.
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
