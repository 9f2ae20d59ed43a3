// SPDX-License-Identifier: Apache-2.0
// Choosing the manifest of one platform, as --platform names it. Pure values. Any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/image.h"

namespace crunlite::image {

// Reads "os/architecture[/variant]".
[[nodiscard]] Result<oci::Platform> parse_platform(std::string_view text);
[[nodiscard]] std::string to_text(const oci::Platform& platform);

// Whether an image of this platform is what was asked for; a variant that one side leaves out
// matches any.
[[nodiscard]] bool matches(const oci::Platform& platform, const oci::Platform& wanted);
[[nodiscard]] oci::Platform platform_of(const oci::ImageConfig& config);

// Attestations of a build stand in an index as manifests of the platform "unknown/unknown".
[[nodiscard]] bool is_attestation(const oci::Descriptor& descriptor);

// Gives the document a descriptor stands for.
using DocumentReader = std::function<Result<std::string>(const oci::Descriptor&)>;

// The manifest for a platform below `descriptor`, which may be one itself, or an index, or an index
// of indexes within limits::kIndexDepth.
[[nodiscard]] Result<oci::Descriptor> choose_manifest(const oci::Descriptor& descriptor,
                                                      const oci::Platform& wanted,
                                                      const DocumentReader& read);

// Every manifest of an image below `descriptor`, and the indexes on the way.
struct AllManifests {
  std::vector<oci::Descriptor> indexes;
  std::vector<oci::Descriptor> manifests;
};
[[nodiscard]] Result<AllManifests> list_manifests(const oci::Descriptor& descriptor,
                                                  const DocumentReader& read);

}  // namespace crunlite::image
