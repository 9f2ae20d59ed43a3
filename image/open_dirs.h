// SPDX-License-Identifier: Apache-2.0
// The directories of a tree that is being written, open while they are in use.
//
// Writing into a directory changes its time, and may need a mode that it must not keep. So a
// directory is changed while it is open here, and gets its mode and time back when it leaves. No
// list of all directories is kept: memory is bounded whatever the layer.
#pragma once

#include <sys/stat.h>
#include <time.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace crunlite::image {

// One open directory. Owned by OpenDirs and by those who use it at the moment.
struct OpenDir {
  UniqueFd fd;
  dev_t device = 0;
  ino_t inode = 0;
  mode_t mode = 0;                       // it shall have at the end
  mode_t current_mode = 0;               // it has now: always u+rwx
  std::optional<struct timespec> mtime;  // it shall have at the end; unset: whatever it gets
  bool touched = false;                  // mode or time must be set at the end
  std::vector<std::string> paths;        // by which it was found
  uint64_t last_use = 0;
};
using OpenDirPtr = std::shared_ptr<OpenDir>;

// Keeps at most limits::kOpenDirs directories open, but for those in use. One thread.
class OpenDirs {
 public:
  // The directory known by this path, or null.
  [[nodiscard]] OpenDirPtr find(std::string_view path);
  // Takes a directory that was opened for reading; gives the one already open, if any.
  [[nodiscard]] Result<OpenDirPtr> adopt(UniqueFd fd);
  // Opens parent/name, no link, even if its mode forbids it to an ordinary user.
  [[nodiscard]] Result<OpenDirPtr> open_child(const OpenDir& parent, const std::string& name);
  void remember(const OpenDirPtr& dir, std::string_view path);
  // What paths mean has changed: forgets them all. The directories stay open.
  void forget_paths();
  // Sets modes and times of all and closes them.
  [[nodiscard]] Status close_all();

 private:
  Status close_one(OpenDir& dir);
  Status make_room();

  std::vector<OpenDirPtr> dirs_;
  uint64_t clock_ = 0;
};

}  // namespace crunlite::image
