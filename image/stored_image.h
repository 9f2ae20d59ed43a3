// SPDX-License-Identifier: Apache-2.0
// Reads an image of the store: its manifest and its config, checked against their digests.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/platform.h"
#include "image/store.h"
#include "oci/image.h"

namespace crunlite::image {

struct StoredImage {
  oci::Descriptor descriptor;  // of the manifest
  oci::Manifest manifest;
  oci::ImageConfig config;
  std::vector<oci::Digest> chain_ids;  // one for each layer, lowest first
};

// Reads a document of the store and checks it.
[[nodiscard]] Result<std::string> read_document(const Store& store,
                                                const oci::Descriptor& descriptor);
[[nodiscard]] DocumentReader document_reader(const Store& store);

// The image of one manifest.
[[nodiscard]] Result<StoredImage> read_image(const Store& store, const oci::Descriptor& manifest);

// The image behind a name for a platform. Where none is asked for, it is the only one there is, or
// else the host's.
[[nodiscard]] Result<StoredImage> find_image(const Store& store, const RefRecord& ref,
                                             const std::optional<oci::Platform>& platform);

// image-spec config.md, "Layer ChainID".
[[nodiscard]] Result<std::vector<oci::Digest>> chain_ids_of(
    const std::vector<oci::Digest>& diff_ids);

}  // namespace crunlite::image
