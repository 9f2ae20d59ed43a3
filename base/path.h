// SPDX-License-Identifier: Apache-2.0
// Files by directory descriptor and openat2, whole files, atomic replacement, temporary
// directories and locks. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sys.h"
#include "base/unique_fd.h"

namespace crunlite {

// Opens below `dir`; "..", absolute paths and symbolic links that leave it fail (EXDEV).
[[nodiscard]] Result<UniqueFd> open_beneath(int dir, const std::string& path, int flags,
                                            mode_t mode = 0);

// Opens as if `root` were "/": absolute links and ".." stay inside. Magic links are refused.
[[nodiscard]] Result<UniqueFd> open_in_root(int root, const std::string& path, int flags,
                                            mode_t mode = 0);

// Opens the directory `path` inside `root`, making missing components (mode, owner: the caller's).
// Existing symbolic links are followed inside root; a missing component is never made through one
// that dangles outside. Returns an O_PATH descriptor of the last directory.
[[nodiscard]] Result<DirFd> make_dirs_in_root(int root, std::string_view path, mode_t mode);

// mkdir -p of a trusted path of the host (a store, a state directory); O_PATH descriptor of it.
[[nodiscard]] Result<DirFd> make_host_dirs(const std::string& path, mode_t mode);

// Directory part and last name of a path, trailing slashes dropped: "/a/b/" -> {"/a", "b"}.
struct SplitPath {
  std::string parent;  // "" where there is none
  std::string name;    // "" for "/" and ""
};
[[nodiscard]] SplitPath split_path(std::string_view path);

// Lexical normal form: "//", "." gone, ".." applied; absolute stays absolute, never above "/".
[[nodiscard]] std::string clean_path(std::string_view path);

// The whole file, or Kind::kLimit when it is larger than `max_bytes`.
[[nodiscard]] Result<std::string> read_fd(int fd, size_t max_bytes);
[[nodiscard]] Result<std::string> read_file(int dir, const std::string& path, size_t max_bytes);

// Writes an existing file (a kernel interface) in one write(2).
[[nodiscard]] Status write_existing(int dir, const std::string& path, std::string_view text);

// Replaces dir/name: temporary file, write, (fsync of file and directory if durable), rename.
enum class Durability { kDurable, kVolatile };
[[nodiscard]] Status write_atomic(int dir, const std::string& name, std::string_view content,
                                  mode_t mode, Durability durability);

// Removes dir/name and all below it without following links or crossing into other mounts; links
// on the way to `name`, which may be a path of the host, are followed. A missing one is no error.
// Trees of any depth need few open files. Directories that deny their owner access are opened up.
[[nodiscard]] Status remove_tree(int dir, const std::string& name);

// A directory of its own below `parent` (or $TMPDIR, /tmp), removed with its content at the end.
class TempDir {
 public:
  [[nodiscard]] static Result<TempDir> create(std::string_view prefix,
                                              const std::string& parent = "");
  TempDir(TempDir&& other) noexcept;
  TempDir& operator=(TempDir&&) = delete;
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  TempDir(std::string path, DirFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  std::string path_;  // empty once moved from
  DirFd fd_;
};

// An advisory lock (flock) on a file that is made when missing; released at its end.
class FileLock {
 public:
  enum class Mode { kShared, kExclusive };
  // Waits for at most `timeout_ms` (-1: for ever); Kind::kConflict when it is still held then.
  [[nodiscard]] static Result<FileLock> acquire(int dir, const std::string& name, Mode mode,
                                                int timeout_ms = -1);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace crunlite
