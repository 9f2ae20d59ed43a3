// SPDX-License-Identifier: Apache-2.0
#include "namespaces/place.h"

#include <errno.h>

#include <optional>

#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"

namespace crunlite::namespaces {
namespace {

constexpr mode_t kNewDirMode = 0755;
constexpr mode_t kNewFileMode = 0644;

// The path with its first dangling link replaced by what that points to; nothing where there is no
// such link.
Result<std::optional<std::string>> replace_dangling_link(int root, const std::string& path) {
  std::string prefix;
  std::string_view rest = path;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('/'), rest.size());
    const std::string parent = prefix;
    if (end > 0) prefix.append("/").append(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (end == 0 || open_in_root(root, prefix, O_PATH).has_value()) continue;
    const Result<UniqueFd> entry = open_in_root(root, prefix, O_PATH | O_NOFOLLOW);
    if (!entry.has_value() || !S_ISLNK(TRY(sys::fstat(entry->get())).st_mode)) break;
    const std::string target = TRY(sys::readlinkat(entry->get(), ""));
    return clean_path(cat(target.starts_with('/') ? "" : parent, "/", target, "/", rest));
  }
  return std::optional<std::string>();
}

Result<std::string> without_dangling_links(int root, std::string path) {
  for (int i = 0; i < limits::kSymlinks; i++) {
    std::optional<std::string> next = TRY(replace_dangling_link(root, path));
    if (!next.has_value()) return path;
    path = std::move(*next);
  }
  return std::unexpected(sys::error_of(ELOOP));
}

}  // namespace

Result<UniqueFd> open_or_make_file(int root, const std::string& path) {
  Result<UniqueFd> existing = open_in_root(root, path, O_PATH);
  if (existing.has_value() || existing.error().errnum != ENOENT) return existing;
  const SplitPath place = split_path(TRY(without_dangling_links(root, path)));
  DirFd parent = TRY(make_dirs_in_root(root, place.parent, kNewDirMode));
  TRY(sys::openat(parent.get(), place.name.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
                  kNewFileMode));
  return sys::openat(parent.get(), place.name.c_str(), O_PATH | O_NOFOLLOW);
}

Result<DirFd> open_or_make_directory(int root, const std::string& path) {
  Result<DirFd> existing = open_in_root(root, path, O_PATH | O_DIRECTORY);
  if (existing.has_value() || existing.error().errnum != ENOENT) return existing;
  return make_dirs_in_root(root, TRY(without_dangling_links(root, path)), kNewDirMode);
}

}  // namespace crunlite::namespaces
