// SPDX-License-Identifier: Apache-2.0
// Which extended attributes of a layer are kept, and how they are set.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/tar_reader.h"

namespace crunlite::image {

// Kept are security.capability and user.*, but for overlayfs's own: a layer must not decide what
// overlayfs hides. Others (trusted.*, system.*, labels of security modules) belong to the host.
enum class XattrUse { kSet, kDrop };
[[nodiscard]] XattrUse xattr_use(std::string_view name, bool is_dir, bool set_owner);

// Sets those that are kept; counts the others, and those the file system cannot hold, in `dropped`.
[[nodiscard]] Status set_xattrs(int fd, const std::vector<Xattr>& xattrs, bool is_dir,
                                bool set_owner, uint64_t& dropped);
// The kept ones of another file.
[[nodiscard]] Result<std::vector<Xattr>> read_xattrs(int fd, bool is_dir, bool set_owner);

}  // namespace crunlite::image
