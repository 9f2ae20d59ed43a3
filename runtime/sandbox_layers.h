// SPDX-License-Identifier: Apache-2.0
// The root file system of a sandbox as mounts: writable overlays above files of the host. Decides
// only; what it must see of the host comes through FileView.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/config.h"
#include "runtime/plan.h"
#include "runtime/sandbox_host.h"

namespace crunlite::runtime {

struct FileSeen {
  std::string name;
  mode_t mode = 0;
  uint64_t size = 0;
  uid_t owner = 0;
  dev_t device = 0;  // which one a device node stands for
};

// The host's files as the plan sees them. What cannot be read looks empty.
struct FileView {
  // The directory's entries, by name.
  std::function<std::vector<FileSeen>(const std::string& path)> list;
  // The file itself, links not followed; mode 0 when it is not there.
  std::function<FileSeen(const std::string& path)> look;
};
[[nodiscard]] FileView host_file_view();

struct SandboxLayers {
  std::vector<oci::Mount> mounts;  // the first one is the root
  PrivateLayer layer;
};

struct LayerOptions {
  std::string scratch;          // see PrivateLayer::directory
  bool user_namespace = false;  // overlays keep their notes in "user." attributes
};

// Directories of a sandbox that never are the host's.
[[nodiscard]] std::span<const std::string_view> fresh_directories();
[[nodiscard]] bool is_fresh(std::string_view path);

// One overlay above each of the host's file systems. Needs the right to look below mounts.
[[nodiscard]] SandboxLayers overlay_host(const SandboxHost& host, const LayerOptions& options,
                                         const FileView& files);

// The same for those who lack it, or whose root cannot be overlaid: a tmpfs in which each directory
// without mounts below it is an overlay, and the others are made anew the same way. `own_places`:
// directories of a caller to whom the directories above belong not, so that no file below them
// could be changed: each gets an overlay of its own.
[[nodiscard]] SandboxLayers piece_host_together(const SandboxHost& host,
                                                const LayerOptions& options, const FileView& files,
                                                const std::vector<std::string>& own_places);

// Above a directory.
[[nodiscard]] SandboxLayers overlay_directory(const std::string& directory,
                                              const LayerOptions& options);

// The layers of an overlay mount, as image bundles have it on "/", below a private writable layer
// in place of its own.
[[nodiscard]] Result<SandboxLayers> overlay_layers_of(const oci::Mount& root,
                                                      const LayerOptions& options);

// The lower directories of an overlay mount, topmost first.
[[nodiscard]] Result<std::vector<std::string>> lower_directories(const oci::Mount& overlay);

}  // namespace crunlite::runtime
