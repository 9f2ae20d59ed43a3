// SPDX-License-Identifier: Apache-2.0
// The documents of images, of any bytes: indexes, manifests, configs, layouts, docker's manifests.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/limits.h"
#include "oci/image.h"

namespace oci = crunlite::oci;
namespace limits = crunlite::limits;
using crunlite::Result;

namespace {

// Reads, writes and reads again; the second reading must give the same.
template <class T, class Parse>
Result<T> parse_twice(std::string_view text, Parse parse) {
  Result<T> first = parse(text);
  if (!first.has_value()) {
    CHECK(!first.error().message.empty());
    return first;
  }
  std::string written = crunlite::json::write(crunlite::json::encode(*first));
  Result<T> second = parse(written);
  CHECK(second.has_value());
  CHECK(crunlite::json::write(crunlite::json::encode(*second)) == written);
  return first;
}

bool stays_in_archive(const std::string& path) {
  return !path.empty() && path[0] != '/' && !("/" + path + "/").contains("/../");
}

void check_manifest(std::string_view text) {
  auto manifest = parse_twice<oci::Manifest>(
      text, [](std::string_view part) { return oci::parse_manifest(part); });
  if (!manifest.has_value()) return;
  CHECK(manifest->schema_version == 2 && manifest->layers.size() <= limits::kLayers);
  for (const oci::Descriptor& layer : manifest->layers) {
    CHECK(oci::layer_compression(layer.media_type).has_value());
    CHECK(layer.size <= limits::kBlobBytes);
    CHECK(oci::Digest::parse(layer.digest.to_string()) == layer.digest);
  }
  // No text is two kinds of document (CVE-2021-41190).
  CHECK(!oci::parse_index(text).has_value());
}

void check_index(std::string_view text) {
  auto index =
      parse_twice<oci::Index>(text, [](std::string_view part) { return oci::parse_index(part); });
  if (!index.has_value()) return;
  const oci::Descriptor* found = oci::find_platform(*index, oci::host_platform());
  if (found == nullptr) return;
  CHECK(oci::is_manifest_type(found->media_type) || oci::is_index_type(found->media_type));
}

void check_docker_images(std::string_view text) {
  auto images = parse_twice<std::vector<oci::DockerImage>>(text, oci::parse_docker_images);
  if (!images.has_value()) return;
  for (const oci::DockerImage& image : *images) {
    CHECK(stays_in_archive(image.config));
    for (const std::string& layer : image.layers) CHECK(stays_in_archive(layer));
    for (const std::string& tag : image.repo_tags) {
      CHECK(oci::Reference::parse(tag).has_value());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  check_manifest(text);
  check_index(text);
  check_docker_images(text);
  (void)parse_twice<oci::ImageConfig>(text, oci::parse_image_config);
  (void)parse_twice<oci::ImageLayout>(text, oci::parse_image_layout);
  return 0;
}
