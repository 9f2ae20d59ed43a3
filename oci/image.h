// SPDX-License-Identifier: Apache-2.0
// The OCI image specification 1.1 and the manifest.json of `docker save` as plain values, and the
// one table of media types. Member names are the specification's. Any thread.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/json_map.h"
#include "base/result.h"
#include "oci/reference.h"

namespace crunlite::oci {

using json::field;
using json::kRequired;
using Strings = std::vector<std::string>;

// media-types.md, and their twins of docker's image manifest V2, schema 2.
constexpr std::string_view kMediaTypeIndex = "application/vnd.oci.image.index.v1+json";
constexpr std::string_view kMediaTypeManifest = "application/vnd.oci.image.manifest.v1+json";
constexpr std::string_view kMediaTypeConfig = "application/vnd.oci.image.config.v1+json";
constexpr std::string_view kMediaTypeLayer = "application/vnd.oci.image.layer.v1.tar";
constexpr std::string_view kMediaTypeLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
constexpr std::string_view kMediaTypeLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
constexpr std::string_view kMediaTypeEmpty = "application/vnd.oci.empty.v1+json";

constexpr std::string_view kAnnotationRefName = "org.opencontainers.image.ref.name";
constexpr std::string_view kAnnotationContainerdName = "io.containerd.image.name";
constexpr std::string_view kAnnotationCreated = "org.opencontainers.image.created";

[[nodiscard]] bool is_index_type(std::string_view media_type);
[[nodiscard]] bool is_manifest_type(std::string_view media_type);
[[nodiscard]] bool is_config_type(std::string_view media_type);

enum class Compression { kNone, kGzip, kZstd };
[[nodiscard]] std::string_view to_text(Compression compression);  // "none", "gzip", "zstd"
// What a layer's media type says of its blob; types that are no layer's are refused. A type may
// lie, so the reader still looks at the first bytes.
[[nodiscard]] Result<Compression> layer_compression(std::string_view media_type);
[[nodiscard]] bool is_nondistributable(std::string_view media_type);

// An object whose members mean nothing: a value of ExposedPorts and Volumes.
struct EmptyObject {};
constexpr auto json_fields(std::same_as<EmptyObject> auto*) { return std::tuple(); }
using NameSet = std::map<std::string, EmptyObject>;
using Annotations = std::map<std::string, std::string>;

// image-index.md, "platform"
struct Platform {
  std::string architecture;
  std::string os;
  std::string os_version;
  Strings os_features;
  std::string variant;
};
constexpr auto json_fields(std::same_as<Platform> auto*) {
  return std::tuple(
      field("architecture", &Platform::architecture, kRequired),
      field("os", &Platform::os, kRequired), field("os.version", &Platform::os_version),
      field("os.features", &Platform::os_features), field("variant", &Platform::variant));
}

// descriptor.md
struct Descriptor {
  std::string media_type;
  Digest digest;
  uint64_t size = 0;
  Strings urls;
  Annotations annotations;
  std::optional<Platform> platform;
  std::string artifact_type;
};
constexpr auto json_fields(std::same_as<Descriptor> auto*) {
  return std::tuple(
      field("mediaType", &Descriptor::media_type, kRequired),
      field("digest", &Descriptor::digest, kRequired), field("size", &Descriptor::size, kRequired),
      field("urls", &Descriptor::urls), field("annotations", &Descriptor::annotations),
      field("platform", &Descriptor::platform), field("artifactType", &Descriptor::artifact_type));
}

// image-index.md
struct Index {
  uint32_t schema_version = 2;
  std::string media_type;
  std::string artifact_type;
  std::vector<Descriptor> manifests;
  std::optional<Descriptor> subject;
  Annotations annotations;
};
constexpr auto json_fields(std::same_as<Index> auto*) {
  return std::tuple(field("schemaVersion", &Index::schema_version, kRequired),
                    field("mediaType", &Index::media_type),
                    field("artifactType", &Index::artifact_type),
                    field("manifests", &Index::manifests, kRequired),
                    field("subject", &Index::subject), field("annotations", &Index::annotations));
}

// manifest.md
struct Manifest {
  uint32_t schema_version = 2;
  std::string media_type;
  std::string artifact_type;
  Descriptor config;
  std::vector<Descriptor> layers;
  std::optional<Descriptor> subject;
  Annotations annotations;
};
constexpr auto json_fields(std::same_as<Manifest> auto*) {
  return std::tuple(
      field("schemaVersion", &Manifest::schema_version, kRequired),
      field("mediaType", &Manifest::media_type), field("artifactType", &Manifest::artifact_type),
      field("config", &Manifest::config, kRequired), field("layers", &Manifest::layers, kRequired),
      field("subject", &Manifest::subject), field("annotations", &Manifest::annotations));
}

// config.md; Healthcheck is docker's. Times in nanoseconds.
struct Healthcheck {
  Strings test;
  int64_t interval = 0;
  int64_t timeout = 0;
  int64_t start_period = 0;
  int64_t start_interval = 0;
  int64_t retries = 0;
};
constexpr auto json_fields(std::same_as<Healthcheck> auto*) {
  return std::tuple(field("Test", &Healthcheck::test), field("Interval", &Healthcheck::interval),
                    field("Timeout", &Healthcheck::timeout),
                    field("StartPeriod", &Healthcheck::start_period),
                    field("StartInterval", &Healthcheck::start_interval),
                    field("Retries", &Healthcheck::retries));
}

// What a container of the image runs with by default.
struct ImageDefaults {
  std::string user;
  NameSet exposed_ports;
  Strings env;
  Strings entrypoint;
  Strings cmd;
  NameSet volumes;
  std::string working_dir;
  Annotations labels;
  std::string stop_signal;
  std::optional<Healthcheck> healthcheck;
  Strings shell;
  Strings on_build;
  bool args_escaped = false;
};
constexpr auto json_fields(std::same_as<ImageDefaults> auto*) {
  return std::tuple(
      field("User", &ImageDefaults::user), field("ExposedPorts", &ImageDefaults::exposed_ports),
      field("Env", &ImageDefaults::env), field("Entrypoint", &ImageDefaults::entrypoint),
      field("Cmd", &ImageDefaults::cmd), field("Volumes", &ImageDefaults::volumes),
      field("WorkingDir", &ImageDefaults::working_dir), field("Labels", &ImageDefaults::labels),
      field("StopSignal", &ImageDefaults::stop_signal),
      field("Healthcheck", &ImageDefaults::healthcheck), field("Shell", &ImageDefaults::shell),
      field("OnBuild", &ImageDefaults::on_build),
      field("ArgsEscaped", &ImageDefaults::args_escaped));
}

struct RootFs {
  std::string type = "layers";
  std::vector<Digest> diff_ids;  // of the unpacked layers, lowest first
};
constexpr auto json_fields(std::same_as<RootFs> auto*) {
  return std::tuple(field("type", &RootFs::type, kRequired),
                    field("diff_ids", &RootFs::diff_ids, kRequired));
}

struct History {
  std::string created;
  std::string author;
  std::string created_by;
  std::string comment;
  bool empty_layer = false;
};
constexpr auto json_fields(std::same_as<History> auto*) {
  return std::tuple(field("created", &History::created), field("author", &History::author),
                    field("created_by", &History::created_by), field("comment", &History::comment),
                    field("empty_layer", &History::empty_layer));
}

struct ImageConfig {
  std::string created;
  std::string author;
  std::string architecture;
  std::string os;
  std::string os_version;
  Strings os_features;
  std::string variant;
  std::optional<ImageDefaults> config;
  RootFs rootfs;
  std::vector<History> history;
};
constexpr auto json_fields(std::same_as<ImageConfig> auto*) {
  return std::tuple(
      field("created", &ImageConfig::created), field("author", &ImageConfig::author),
      field("architecture", &ImageConfig::architecture, kRequired),
      field("os", &ImageConfig::os, kRequired), field("os.version", &ImageConfig::os_version),
      field("os.features", &ImageConfig::os_features), field("variant", &ImageConfig::variant),
      field("config", &ImageConfig::config), field("rootfs", &ImageConfig::rootfs, kRequired),
      field("history", &ImageConfig::history));
}

// image-layout.md, the file "oci-layout"
struct ImageLayout {
  std::string image_layout_version;
};
constexpr auto json_fields(std::same_as<ImageLayout> auto*) {
  return std::tuple(field("imageLayoutVersion", &ImageLayout::image_layout_version, kRequired));
}

// One entry of the manifest.json of `docker save`: paths inside the archive, checked to stay there.
struct DockerImage {
  std::string config;
  Strings repo_tags;
  Strings layers;
};
constexpr auto json_fields(std::same_as<DockerImage> auto*) {
  return std::tuple(field("Config", &DockerImage::config, kRequired),
                    field("RepoTags", &DockerImage::repo_tags),
                    field("Layers", &DockerImage::layers, kRequired));
}

// Each reads one document and refuses what the specifications forbid or what nobody should mean:
// a schemaVersion other than 2, `layers` and `manifests` in one document (CVE-2021-41190), sizes
// out of bounds, unknown media types. `media_type`, where not empty, is what the descriptor that
// led here said; the document must not contradict it. Errors name the field.
[[nodiscard]] Result<Index> parse_index(std::string_view text, std::string_view media_type = "");
[[nodiscard]] Result<Manifest> parse_manifest(std::string_view text,
                                              std::string_view media_type = "");
[[nodiscard]] Result<ImageConfig> parse_image_config(std::string_view text);
[[nodiscard]] Result<ImageLayout> parse_image_layout(std::string_view text);
[[nodiscard]] Result<std::vector<DockerImage>> parse_docker_images(std::string_view text);

// That a manifest and its config belong together: one diff ID for each layer.
[[nodiscard]] Status check_image(const Manifest& manifest, const ImageConfig& config);

// Our platform in the specification's (Go's) words: {"amd64", "linux"}.
[[nodiscard]] Platform host_platform();

// The first manifest of the index for this platform, or the only one that names none; nullptr
// where there is none. Attestations ("unknown/unknown") are never chosen.
[[nodiscard]] const Descriptor* find_platform(const Index& index, const Platform& wanted);

}  // namespace crunlite::oci
