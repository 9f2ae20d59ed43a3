// SPDX-License-Identifier: Apache-2.0
// Unpacks the layers of a stored image: each once, kept in the store by chain ID to be stacked by
// overlayfs; or all of them into one plain tree.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "image/layer.h"
#include "image/progress.h"
#include "image/store.h"
#include "image/stored_image.h"

namespace crunlite::image {

// What unpacking could not keep, in numbers.
struct UnpackLosses {
  uint64_t xattrs = 0;
  uint64_t devices = 0;
};

// Makes all layers present in the store, unpacked; several processes may do so at once, and each
// layer is unpacked by one of them. The short names, lowest first.
[[nodiscard]] Result<std::vector<std::string>> unpack_layers(Store& store, const StoredImage& image,
                                                             Ownership ownership,
                                                             const Observer& observer,
                                                             UnpackLosses& losses);

// Applies all layers to the empty directory `root`. Nothing is synced.
[[nodiscard]] Status unpack_plain(const Store& store, const StoredImage& image, int root,
                                  Ownership ownership, const Observer& observer,
                                  UnpackLosses& losses);

// The trees of unpacked layers, opened. The same order as the names.
[[nodiscard]] Result<std::vector<UniqueFd>> open_layers(const Store& store,
                                                        const std::vector<std::string>& names);

// Whether this process may give files to others: root of a name space with more than itself.
[[nodiscard]] Ownership possible_ownership();

}  // namespace crunlite::image
