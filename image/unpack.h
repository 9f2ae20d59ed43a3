// SPDX-License-Identifier: Apache-2.0
// Makes a bundle out of a stored image: an overlay upon the store's unpacked layers, or a copy.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/progress.h"
#include "image/snapshot.h"
#include "image/store.h"
#include "oci/image.h"

namespace crunlite::image {

struct UnpackOptions {
  oci::Reference name;
  std::string bundle;
  bool copy = false;
  std::optional<oci::Platform> platform;  // unset: the only one, or the host's
};

struct UnpackedBundle {
  std::string bundle;  // absolute path
  std::string image;
  oci::Digest manifest;
  size_t layers = 0;
  UnpackLosses losses;
  std::vector<std::string> dropped_labels;
};

// The bundle is complete and on disk when this returns; after a failure nothing of it is left.
[[nodiscard]] Result<UnpackedBundle> unpack_bundle(Store& store, const UnpackOptions& options,
                                                   const Observer& observer);

}  // namespace crunlite::image
