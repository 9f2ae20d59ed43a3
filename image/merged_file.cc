// SPDX-License-Identifier: Apache-2.0
#include "image/merged_file.h"

#include <errno.h>

#include <optional>

#include "base/limits.h"
#include "base/path.h"
#include "image/lower_layers.h"

namespace crunlite::image {
namespace {

// Walks one path, component by component; what links say is put before what is left.
class Walk {
 public:
  Walk(const LowerLayers& layers, const std::string& path) : layers_(layers) {
    dirs_.push_back({"", layers.all_members()});
    push(path);
  }

  // The regular file at the end.
  Result<UniqueFd> open();

 private:
  struct Dir {
    std::string path;
    std::vector<uint16_t> members;
  };

  void push(std::string_view path) {
    std::vector<std::string_view> names = split(path, '/');
    for (auto name = names.rbegin(); name != names.rend(); ++name) left_.emplace_back(*name);
  }
  Status follow(const LowerEntry& link);
  // The file, once it is reached.
  Result<std::optional<UniqueFd>> step(const std::string& name);

  const LowerLayers& layers_;
  std::vector<Dir> dirs_;          // from the root to where we are
  std::vector<std::string> left_;  // names to go, the next one last
  int links_ = 0;
};

std::unexpected<Error> missing() {
  return std::unexpected(Error{Kind::kNotFound, ENOENT, "no such file in the image"});
}

Status Walk::follow(const LowerEntry& link) {
  if (++links_ > limits::kSymlinks) return fail(Kind::kInvalid, "too many symbolic links");
  std::string target = TRY(sys::readlinkat(link.fd.get(), ""));
  if (target.starts_with('/')) dirs_.resize(1);
  push(target);
  if (left_.size() > limits::kPathBytes) return fail(Kind::kLimit, "path is too long");
  return {};
}

Result<std::optional<UniqueFd>> Walk::step(const std::string& name) {
  const Dir& dir = dirs_.back();
  std::optional<LowerEntry> entry = TRY(layers_.look_up(dir.path, dir.members, name));
  if (!entry.has_value()) return missing();
  std::string path = dir.path.empty() ? name : cat(dir.path, "/", name);
  switch (entry->info.st_mode & S_IFMT) {
    case S_IFDIR:
      dirs_.push_back({std::move(path), std::move(entry->members)});
      return std::optional<UniqueFd>();
    case S_IFLNK: TRY(follow(*entry)); return std::optional<UniqueFd>();
    case S_IFREG:
      if (!left_.empty()) return missing();
      return std::optional(TRY(layers_.open_read(entry->layer, path, O_RDONLY | O_NOFOLLOW)));
    default: return missing();
  }
}

Result<UniqueFd> Walk::open() {
  while (!left_.empty()) {
    std::string name = std::move(left_.back());
    left_.pop_back();
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      if (dirs_.size() > 1) dirs_.pop_back();
      continue;
    }
    std::optional<UniqueFd> file = TRY(step(name));
    if (file.has_value()) return std::move(*file);
  }
  return missing();
}

}  // namespace

Result<std::string> read_merged_file(const std::vector<int>& layers, const std::string& path,
                                     size_t max_bytes) {
  LowerLayers lower(layers);
  UniqueFd file = TRY(Walk(lower, path).open(), quote(path));
  return TRY(read_fd(file.get(), max_bytes), quote(path));
}

}  // namespace crunlite::image
