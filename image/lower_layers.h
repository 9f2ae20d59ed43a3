// SPDX-License-Identifier: Apache-2.0
// What shows through from the layers below, as overlayfs would show it, without a mount.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace crunlite::image {

// overlayfs's mark that a name of the layers below is gone: a character device 0:0.
[[nodiscard]] bool is_whiteout(const struct stat& info);

// True when the directory hides those of the layers below it.
[[nodiscard]] Result<bool> is_opaque(int dir);
// Marks it, for mounts with and without `userxattr`, as far as the caller is allowed to.
[[nodiscard]] Status mark_opaque(int dir);

// What a name is in the layers below.
struct LowerEntry {
  UniqueFd fd;  // O_PATH, of the topmost layer that has it
  struct stat info{};
  uint16_t layer = 0;             // that one
  std::vector<uint16_t> members;  // a directory's: the layers whose directories are merged
};

// Borrows the layers' descriptors. Read only. Any thread.
class LowerLayers {
 public:
  explicit LowerLayers(std::vector<int> layers) : layers_(std::move(layers)) {}

  [[nodiscard]] bool empty() const { return layers_.empty(); }
  [[nodiscard]] std::vector<uint16_t> all_members() const;
  // Looks up dir/name, where `members` are those of `dir`, a path without links from the root.
  [[nodiscard]] Result<std::optional<LowerEntry>> look_up(const std::string& dir,
                                                          const std::vector<uint16_t>& members,
                                                          const std::string& name) const;
  // The entry opened for reading: a file's content, a directory's attributes.
  [[nodiscard]] Result<UniqueFd> open_read(uint16_t member, const std::string& path,
                                           int flags) const;

 private:
  std::vector<int> layers_;  // topmost first
};

}  // namespace crunlite::image
