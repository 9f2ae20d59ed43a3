// SPDX-License-Identifier: Apache-2.0
// Imports images into the store: an OCI image layout as a folder or a tar, the tar of
// `docker save`, or the tar of a plain root file system. Tars may be compressed as a whole, and are
// read as a stream.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/progress.h"
#include "image/store.h"
#include "oci/image.h"

namespace crunlite::image {

enum class SourceFormat { kAuto, kOci, kDocker, kRootfs };
[[nodiscard]] Result<SourceFormat> parse_source_format(std::string_view text);

struct ImportOptions {
  std::string source;                     // a path, or "-" for standard input
  std::string name;                       // to import under; "": the source's own names
  std::string ref;                        // which image of the source; "": the only one, or all
  std::optional<oci::Platform> platform;  // unset: the host's
  bool all_platforms = false;
  SourceFormat format = SourceFormat::kAuto;
};

struct ImportedImage {
  RefRecord record;
  uint64_t bytes = 0;  // of all its blobs
  size_t layers = 0;
};
struct ImportResult {
  std::vector<ImportedImage> images;
  uint64_t added_bytes = 0;  // which the store did not have
};

// All images are on disk, under their names, when this returns; after a failure none of them is.
[[nodiscard]] Result<ImportResult> import_images(Store& store, const ImportOptions& options,
                                                 const Observer& observer);

}  // namespace crunlite::image
