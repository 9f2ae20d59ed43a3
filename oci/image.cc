// SPDX-License-Identifier: Apache-2.0
#include "oci/image.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/text.h"

namespace crunlite::oci {
namespace {

constexpr std::string_view kDockerIndex =
    "application/vnd.docker.distribution.manifest.list.v2+json";
constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";

struct LayerType {
  std::string_view media_type;
  Compression compression;
  bool nondistributable;
};
constexpr std::array<LayerType, 11> kLayerTypes = {{
    {kMediaTypeLayer, Compression::kNone, false},
    {kMediaTypeLayerGzip, Compression::kGzip, false},
    {kMediaTypeLayerZstd, Compression::kZstd, false},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar", Compression::kNone, true},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", Compression::kGzip, true},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", Compression::kZstd, true},
    {"application/vnd.docker.image.rootfs.diff.tar", Compression::kNone, false},
    {"application/vnd.docker.image.rootfs.diff.tar.gzip", Compression::kGzip, false},
    {"application/vnd.docker.image.rootfs.diff.tar.zstd", Compression::kZstd, false},
    {"application/vnd.docker.image.rootfs.foreign.diff.tar", Compression::kNone, true},
    {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Compression::kGzip, true},
}};

const LayerType* find_layer_type(std::string_view media_type) {
  const auto* found = std::ranges::find(kLayerTypes, media_type, &LayerType::media_type);
  return found == kLayerTypes.end() ? nullptr : found;
}

Status check_text_size(std::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return {};
  return fail(Kind::kLimit, "document is larger than ", max_bytes, " bytes");
}

// Reads an index or a manifest. The members of the other kind, and those of schema 1, must be
// absent, so that two readers cannot take one blob for two different images.
Result<json::Value> parse_schema2(std::string_view text,
                                  std::initializer_list<std::string_view> foreign) {
  TRY(check_text_size(text, limits::kManifestBytes));
  json::Value document = TRY(json::parse(text));
  const json::Value* version = document.find("schemaVersion");
  const auto* number = version == nullptr ? nullptr : version->get<int64_t>();
  if (number != nullptr && *number != 2) {
    return fail(Kind::kInvalid, "schemaVersion: ", *number, " is not supported, only 2 is");
  }
  for (std::string_view name : foreign) {
    if (document.find(name) == nullptr) continue;
    return fail(Kind::kInvalid, name, ": does not belong into this kind of document");
  }
  return document;
}

Status check_said_type(std::string_view own, std::string_view said) {
  if (said.empty() || own.empty() || own == said) return {};
  return fail(Kind::kInvalid, "mediaType: ", quote(own), " contradicts the descriptor's ",
              quote(said));
}

Status check_size(const Descriptor& descriptor, uint64_t max_bytes) {
  if (descriptor.size <= max_bytes) return {};
  return fail(Kind::kLimit, "size: ", descriptor.size, " is above ", max_bytes);
}

Status check_manifest_descriptor(const Descriptor& descriptor) {
  if (descriptor.media_type.empty()) return fail(Kind::kInvalid, "mediaType: is empty");
  bool ours = is_index_type(descriptor.media_type) || is_manifest_type(descriptor.media_type);
  return check_size(descriptor, ours ? limits::kManifestBytes : limits::kBlobBytes);
}

Status check_config_descriptor(const Descriptor& descriptor) {
  if (descriptor.media_type.empty()) return fail(Kind::kInvalid, "mediaType: is empty");
  return check_size(descriptor, limits::kImageConfigBytes);
}

Status check_layer_descriptor(const Descriptor& descriptor) {
  TRY(layer_compression(descriptor.media_type));
  return check_size(descriptor, limits::kBlobBytes);
}

Status check_layers(const Manifest& manifest) {
  if (manifest.layers.size() > limits::kLayers) {
    return fail(Kind::kLimit, "layers: more than ", limits::kLayers);
  }
  for (size_t i = 0; i < manifest.layers.size(); i++) {
    Status layer = check_layer_descriptor(manifest.layers[i]);
    if (layer.has_value()) continue;
    Error error = std::move(layer).error();
    error.message.insert(0, cat("layers[", i, "]."));
    return std::unexpected(std::move(error));
  }
  return {};
}

// A path inside an archive: relative, and not above it.
Status check_archive_path(std::string_view path) {
  if (path.empty()) return fail(Kind::kInvalid, "is empty");
  if (path.size() > limits::kPathBytes) return fail(Kind::kLimit, "is too long");
  if (path.starts_with('/')) return fail(Kind::kInvalid, quote(path), " is absolute");
  for (std::string_view name : split(path, '/')) {
    if (name == "..") return fail(Kind::kInvalid, quote(path), " contains \"..\"");
  }
  return {};
}

Status check_docker_image(const DockerImage& image, size_t at) {
  TRY(check_archive_path(image.config), "[", at, "].Config");
  if (image.layers.size() > limits::kLayers) {
    return fail(Kind::kLimit, "[", at, "].Layers: more than ", limits::kLayers);
  }
  for (size_t i = 0; i < image.layers.size(); i++) {
    TRY(check_archive_path(image.layers[i]), "[", at, "].Layers[", i, "]");
  }
  for (size_t i = 0; i < image.repo_tags.size(); i++) {
    TRY(Reference::parse(image.repo_tags[i]), "[", at, "].RepoTags[", i, "]");
  }
  return {};
}

}  // namespace

bool is_index_type(std::string_view media_type) {
  return media_type == kMediaTypeIndex || media_type == kDockerIndex;
}

bool is_manifest_type(std::string_view media_type) {
  return media_type == kMediaTypeManifest || media_type == kDockerManifest;
}

bool is_config_type(std::string_view media_type) {
  return media_type == kMediaTypeConfig || media_type == kDockerConfig;
}

std::string_view to_text(Compression compression) {
  switch (compression) {
    case Compression::kNone: return "none";
    case Compression::kGzip: return "gzip";
    case Compression::kZstd: return "zstd";
  }
  return "unknown";
}

Result<Compression> layer_compression(std::string_view media_type) {
  const LayerType* type = find_layer_type(media_type);
  if (type != nullptr) return type->compression;
  return fail(Kind::kInvalid, "mediaType: ", quote(media_type), " is not a known layer type");
}

bool is_nondistributable(std::string_view media_type) {
  const LayerType* type = find_layer_type(media_type);
  return type != nullptr && type->nondistributable;
}

Result<Index> parse_index(std::string_view text, std::string_view media_type) {
  json::Value document =
      TRY(parse_schema2(text, {"layers", "config", "fsLayers", "history", "signatures"}));
  Index index = TRY(json::decode<Index>(document));
  if (!index.media_type.empty() && !is_index_type(index.media_type)) {
    return fail(Kind::kInvalid, "mediaType: ", quote(index.media_type), " is not an index's");
  }
  TRY(check_said_type(index.media_type, media_type));
  for (size_t i = 0; i < index.manifests.size(); i++) {
    Status entry = check_manifest_descriptor(index.manifests[i]);
    if (entry.has_value()) continue;
    Error error = std::move(entry).error();
    error.message.insert(0, cat("manifests[", i, "]."));
    return std::unexpected(std::move(error));
  }
  return index;
}

Result<Manifest> parse_manifest(std::string_view text, std::string_view media_type) {
  json::Value document =
      TRY(parse_schema2(text, {"manifests", "fsLayers", "history", "signatures"}));
  Manifest manifest = TRY(json::decode<Manifest>(document));
  if (!manifest.media_type.empty() && !is_manifest_type(manifest.media_type)) {
    return fail(Kind::kInvalid, "mediaType: ", quote(manifest.media_type), " is not a manifest's");
  }
  TRY(check_said_type(manifest.media_type, media_type));
  Status config = check_config_descriptor(manifest.config);
  if (config.has_value() && !is_config_type(manifest.config.media_type)) {
    config = fail(Kind::kInvalid, "mediaType: ", quote(manifest.config.media_type),
                  " is not an image's configuration");
  }
  if (!config.has_value()) {
    config.error().message.insert(0, "config.");
    return std::unexpected(std::move(config).error());
  }
  TRY(check_layers(manifest));
  return manifest;
}

Result<ImageConfig> parse_image_config(std::string_view text) {
  TRY(check_text_size(text, limits::kImageConfigBytes));
  ImageConfig config = TRY(json::decode_text<ImageConfig>(text));
  if (config.architecture.empty()) return fail(Kind::kInvalid, "architecture: is empty");
  if (config.os.empty()) return fail(Kind::kInvalid, "os: is empty");
  if (config.rootfs.type != "layers") {
    return fail(Kind::kInvalid, "rootfs.type: ", quote(config.rootfs.type), " is not \"layers\"");
  }
  if (config.rootfs.diff_ids.size() > limits::kLayers) {
    return fail(Kind::kLimit, "rootfs.diff_ids: more than ", limits::kLayers);
  }
  return config;
}

Result<ImageLayout> parse_image_layout(std::string_view text) {
  TRY(check_text_size(text, limits::kManifestBytes));
  ImageLayout layout = TRY(json::decode_text<ImageLayout>(text));
  if (layout.image_layout_version.starts_with("1.")) return layout;
  return fail(Kind::kInvalid, "imageLayoutVersion: ", quote(layout.image_layout_version),
              " is not supported, only 1.x is");
}

Result<std::vector<DockerImage>> parse_docker_images(std::string_view text) {
  TRY(check_text_size(text, limits::kManifestBytes));
  auto images = TRY(json::decode_text<std::vector<DockerImage>>(text));
  for (size_t i = 0; i < images.size(); i++) TRY(check_docker_image(images[i], i));
  return images;
}

Status check_image(const Manifest& manifest, const ImageConfig& config) {
  if (manifest.layers.size() == config.rootfs.diff_ids.size()) return {};
  return fail(Kind::kInvalid, "rootfs.diff_ids: ", config.rootfs.diff_ids.size(),
              " entries for the ", manifest.layers.size(), " layers of the manifest");
}

Platform host_platform() {
  Platform platform;
  platform.os = "linux";
#if defined(__x86_64__)
  platform.architecture = "amd64";
#elif defined(__aarch64__)
  platform.architecture = "arm64";
#elif defined(__riscv)
  platform.architecture = "riscv64";
#elif defined(__powerpc64__)
  platform.architecture = "ppc64le";
#elif defined(__s390x__)
  platform.architecture = "s390x";
#elif defined(__i386__)
  platform.architecture = "386";
#elif defined(__arm__)
  platform.architecture = "arm";
#else
#error "the name of this architecture is missing"
#endif
  return platform;
}

const Descriptor* find_platform(const Index& index, const Platform& wanted) {
  const Descriptor* nameless = nullptr;
  size_t nameless_count = 0;
  for (const Descriptor& manifest : index.manifests) {
    if (!is_manifest_type(manifest.media_type) && !is_index_type(manifest.media_type)) continue;
    if (!manifest.platform.has_value()) {
      nameless = &manifest;
      nameless_count++;
      continue;
    }
    const Platform& platform = *manifest.platform;
    if (platform.os != wanted.os || platform.architecture != wanted.architecture) continue;
    if (wanted.variant.empty() || platform.variant.empty() || platform.variant == wanted.variant) {
      return &manifest;
    }
  }
  return nameless_count == 1 ? nameless : nullptr;
}

}  // namespace crunlite::oci
