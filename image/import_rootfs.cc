// SPDX-License-Identifier: Apache-2.0
// The tar of a plain root file system becomes an image of one layer; and what the kinds of sources
// share.
#include <algorithm>
#include <memory>

#include "base/limits.h"
#include "image/import_source.h"
#include "image/readers.h"
#include "image/tar_reader.h"

namespace crunlite::image {
namespace {

// Well below limits::kTarHeaderBytes, which counts whole pieces.
constexpr size_t kTarPieceBytes = size_t{128} << 10;

// Reads a tar to its end, so that no damaged one is imported; what it holds is looked at when it
// is unpacked.
Status check_tar(ByteReader& reader) {
  std::unique_ptr<TarReader> tar = TRY(TarReader::open(tar_source(reader)));
  uint64_t count = 0;
  while (std::optional<TarEntry> entry = TRY(tar->next())) {
    if (++count > limits::kLayerEntries) {
      return fail(Kind::kLimit, "more than ", limits::kLayerEntries, " entries");
    }
  }
  if (count == 0) return fail(Kind::kInvalid, "is an empty archive");
  return tar->drain();
}

bool is_hex_name(std::string_view name, std::string_view suffix) {
  constexpr size_t kDigits = 64;
  if (name.size() != kDigits + suffix.size() || !name.ends_with(suffix)) return false;
  return name.substr(0, kDigits).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The names with which archives of images begin: of skopeo, docker, podman, buildkit, kaniko.
bool begins_images(const std::string& path) {
  for (std::string_view name : {"oci-layout", "index.json", "manifest.json", "repositories"}) {
    if (path == name) return true;
  }
  std::string_view first = split(path, '/')[0];
  if (first == "blobs" || first.starts_with("sha256:")) return true;
  for (std::string_view suffix : {"", ".json", ".tar", ".tar.gz"}) {
    if (is_hex_name(first, suffix)) return true;
  }
  return false;
}

Result<SpooledBlob> spool_layer(ByteReader& archive, Spool& spool, oci::Digest& diff_id) {
  Spool::Writer writer = TRY(spool.start(oci::DigestAlgorithm::kSha256));
  uint64_t compressed_bytes = 0;
  TeeReader raw(archive, [&](std::string_view bytes) -> Status {
    compressed_bytes += bytes.size();
    if (compressed_bytes > limits::kBlobBytes) {
      return fail(Kind::kLimit, "is larger than ", limits::kBlobBytes, " bytes");
    }
    return writer.append(bytes);
  });
  std::unique_ptr<Decompressor> plain = TRY(Decompressor::create(raw));
  BoundedReader bounded(*plain, {limits::kLayerBytes, limits::kExpansion, limits::kExpansionFloor},
                        [&] { return compressed_bytes; });
  Digester digester = TRY(Digester::create());
  TeeReader hashed(bounded, [&](std::string_view bytes) -> Status {
    digester.update(bytes);
    return {};
  });
  TRY(check_tar(hashed));
  diff_id = TRY(oci::Digest::parse(digester.finish()));
  return writer.finish({});
}

}  // namespace

Result<SourceContent> read_rootfs(ByteReader& archive, const oci::Platform& platform,
                                  Spool& spool) {
  oci::ImageConfig config;
  oci::Digest diff_id;
  SpooledBlob layer = TRY(spool_layer(archive, spool, diff_id));
  config.os = platform.os;
  config.architecture = platform.architecture;
  config.variant = platform.variant;
  config.config.emplace();
  config.rootfs.diff_ids = {diff_id};
  // No times: the same tar gives the same image.
  oci::History history;
  history.created_by = "crun-lite image import";
  config.history.push_back(std::move(history));
  oci::Manifest manifest;
  manifest.config = TRY(spool_document(spool, oci::kMediaTypeConfig, json::encode(config)));
  manifest.layers.push_back(describe(layer, layer_media_type(layer.first_bytes)));
  SourceContent content;
  content.offers.emplace_back().manifests.push_back(
      TRY(spool_manifest(spool, std::move(manifest))));
  content.fetch = [&spool](const oci::Descriptor& descriptor, std::string_view what) -> Status {
    if (spool.has(descriptor.digest, descriptor.size)) return {};
    return fail(Kind::kBug, what, ": not spooled");
  };
  return content;
}

Result<SourceFormat> guess_format(std::string_view first_bytes) {
  for (auto& [magic, name] : {std::pair<std::string_view, std::string_view>{"\xfd"
                                                                            "7zXZ",
                                                                            "xz"},
                              {"BZh", "bzip2"},
                              {"LZIP", "lzip"},
                              {"PK\x03\x04", "zip"}}) {
    if (!first_bytes.starts_with(magic)) continue;
    return fail(Kind::kUnavailable, "is compressed with ", name, ": only gzip and zstd are known");
  }
  MemoryReader reader(first_bytes);
  std::unique_ptr<Decompressor> plain = TRY(Decompressor::create(reader));
  std::unique_ptr<TarReader> tar = TRY(TarReader::open(tar_source(*plain)));
  for (;;) {
    // The bytes may end before the first entry does: then it is no archive of images, whose first
    // names stand at its very beginning; if it is no tar at all, reading it will tell.
    std::optional<TarEntry> entry = tar->next().value_or(std::nullopt);
    if (!entry.has_value()) return SourceFormat::kRootfs;
    std::string path = clean_path(entry->path);
    if (path == ".") continue;
    return begins_images(path) ? SourceFormat::kOci : SourceFormat::kRootfs;
  }
}

std::string_view layer_media_type(std::string_view first_bytes) {
  switch (detect_compression(first_bytes)) {
    case Compression::kGzip: return oci::kMediaTypeLayerGzip;
    case Compression::kZstd: return oci::kMediaTypeLayerZstd;
    case Compression::kNone: break;
  }
  return oci::kMediaTypeLayer;
}

oci::Descriptor describe(const SpooledBlob& blob, std::string_view media_type) {
  oci::Descriptor descriptor;
  descriptor.media_type = media_type;
  descriptor.digest = blob.digest;
  descriptor.size = blob.size;
  return descriptor;
}

Result<oci::Descriptor> spool_document(Spool& spool, std::string_view media_type,
                                       const json::Value& document) {
  return describe(TRY(spool.write_text(json::write(document))), media_type);
}

Result<oci::Descriptor> spool_manifest(Spool& spool, oci::Manifest manifest) {
  manifest.media_type = std::string(oci::kMediaTypeManifest);
  return spool_document(spool, manifest.media_type, json::encode(manifest));
}

std::function<Result<std::string_view>()> tar_source(ByteReader& reader) {
  auto buffer = std::make_shared<std::vector<char>>(kTarPieceBytes);
  return [&reader, buffer]() -> Result<std::string_view> {
    size_t length = TRY(reader.read(*buffer));
    return std::string_view(buffer->data(), length);
  };
}

}  // namespace crunlite::image
