// SPDX-License-Identifier: Apache-2.0
// Under which names the images of a source are imported. Pure values. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/image.h"
#include "oci/reference.h"

namespace crunlite::image {

// One image that a source offers: several manifests where it has several platforms.
struct Offer {
  std::vector<std::string> names;  // as the source says them: RepoTags, or one of the annotations
  std::vector<oci::Descriptor> manifests;
};

// The offers of a layout's index.json: manifests that share a name are one image.
[[nodiscard]] std::vector<Offer> offers_of(const oci::Index& index);

struct NameChoice {
  std::string name;  // to import under, "" for the source's own names
  std::string ref;   // which of the source's images, by its name there; "" for any
};
struct Picked {
  size_t offer = 0;
  std::vector<oci::Reference> names;
};
// Errors say what the source offers, and what to do.
[[nodiscard]] Result<std::vector<Picked>> pick_images(const std::vector<Offer>& offers,
                                                      const NameChoice& choice);

// A NAME[:TAG] of the command line; a digest in it is refused.
[[nodiscard]] Result<oci::Reference> parse_name(std::string_view text);

}  // namespace crunlite::image
