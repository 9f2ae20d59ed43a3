// SPDX-License-Identifier: Apache-2.0
// Reads a file of an image out of its unpacked layers, as overlayfs would show it, without a mount.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace crunlite::image {

// `layers` are directories in overlay form, topmost first. Whiteouts and opaque directories hide
// what is below them; symbolic links, also absolute ones, resolve inside. Kind::kNotFound when
// there is no such regular file. Any thread.
[[nodiscard]] Result<std::string> read_merged_file(const std::vector<int>& layers,
                                                   const std::string& path, size_t max_bytes);

}  // namespace crunlite::image
