// SPDX-License-Identifier: Apache-2.0
// Makes a bundle's config.json out of an image's config (image-spec conversion.md). Pure values.
// Any thread.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/config.h"
#include "oci/image.h"
#include "oci/users.h"

namespace crunlite::image {

// The root file system as an overlay, which the runtime mounts inside the container's own mount
// namespace. Absolute paths.
struct OverlayRoot {
  std::vector<std::string> lowers;  // topmost first
  std::string upper;
  std::string work;
  bool user_xattrs = false;  // the layers were unpacked by an ordinary user
};

// An ordinary user, who becomes the image's user in a user namespace.
struct RootlessIds {
  uid_t uid = 0;
  gid_t gid = 0;
};

struct BundleInput {
  std::string image;               // its name
  const oci::ImageConfig& config;  // borrowed
  oci::ResolvedUser user;
  std::optional<OverlayRoot> overlay;   // unset: a plain tree in rootfs/
  std::optional<RootlessIds> rootless;  // unset: made by root
};

struct BundleConfig {
  oci::Config config;
  std::vector<std::string> dropped_labels;  // names of those that would steer a runtime
};
// The error names the field of the image's config that cannot be converted.
[[nodiscard]] Result<BundleConfig> make_bundle_config(const BundleInput& input);

// The mount of an overlay on "/". Refuses what overlayfs cannot stack.
[[nodiscard]] Result<oci::Mount> overlay_mount(const OverlayRoot& root);

// The user an image runs as: Config.User, or root.
[[nodiscard]] std::string user_of(const oci::ImageConfig& config);
// Config.WorkingDir as an absolute path.
[[nodiscard]] std::string working_dir_of(const oci::ImageConfig& config);

// Where the image's own programs find users; below the root, without a slash in front.
constexpr std::string_view kPasswdFile = "etc/passwd";
constexpr std::string_view kGroupFile = "etc/group";

}  // namespace crunlite::image
