// SPDX-License-Identifier: Apache-2.0
// Finds and removes what no name and no living bundle of a store needs: blobs, unpacked layers,
// records of bundles that are gone, and whatever dead processes left half-made.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "image/store.h"

namespace crunlite::image {

struct Garbage {
  uint64_t blobs = 0;
  uint64_t layers = 0;
  uint64_t bundles = 0;    // records whose bundle is gone, and half-made bundles
  uint64_t leftovers = 0;  // below tmp/, and half-written records
  uint64_t bytes = 0;      // of the blobs and of the layers
};

// The store must be locked exclusively. With `dry_run` it only counts, leftovers excepted. A
// document that cannot be read is no garbage, and stops the collection before anything is removed.
[[nodiscard]] Result<Garbage> collect_garbage(Store& store, bool dry_run);

}  // namespace crunlite::image
