// SPDX-License-Identifier: Apache-2.0
// Archives of images: an OCI image layout as a tar, and what `docker save` writes. They come as a
// stream whose list of contents may stand last, so every file is spooled under a number and its
// digest. No name of the archive ever becomes a name of a file of ours.
#include <map>
#include <memory>

#include "base/check.h"
#include "base/limits.h"
#include "image/import_source.h"
#include "image/readers.h"
#include "image/tar_reader.h"

namespace crunlite::image {
namespace {

constexpr int kMaxLinks = limits::kSymlinks;

// One name of the archive: a file, or a link to another name.
struct Node {
  std::optional<SpooledBlob> file;
  std::string link;
};

// The files of an archive by their names.
class ArchiveFiles {
 public:
  explicit ArchiveFiles(Spool& spool) : spool_(spool) {}

  Status read_all(ByteReader& reader);
  // Follows links inside the archive; nullptr when there is no such file.
  [[nodiscard]] const SpooledBlob* find(const std::string& path) const;
  [[nodiscard]] Result<std::string> read(const std::string& path) const;

 private:
  Status add(TarReader& tar, const TarEntry& entry);
  [[nodiscard]] std::optional<SpooledBlob> find_stored(const std::string& path,
                                                       uint64_t size) const;
  Result<SpooledBlob> spool_file(TarReader& tar, const TarEntry& entry, const std::string& path);

  Spool& spool_;
  std::map<std::string, Node> nodes_;
  uint64_t bytes_ = 0;
};

// The blob a name of the layout's form promises.
std::optional<oci::Digest> promised_digest(const std::string& path) {
  std::vector<std::string_view> parts = split(path, '/');
  if (parts.size() != 3 || parts[0] != "blobs") return {};
  Result<oci::Digest> digest = oci::Digest::parse(cat(parts[1], ":", parts[2]));
  if (!digest.has_value()) return {};
  return *digest;
}

Result<std::string> inner_path(const std::string& path) {
  std::string clean = clean_path(path);
  if (clean.starts_with('/') || clean == ".." || clean.starts_with("../")) {
    return fail(Kind::kInvalid, "archive entry ", quote(path), ": leads out of the archive");
  }
  return clean;
}

// What a symbolic link means inside the archive.
Result<std::string> link_target(const std::string& path, const std::string& link) {
  std::string parent = split_path(path).parent;
  bool relative = !parent.empty() && !link.starts_with('/');
  return inner_path(relative ? cat(parent, "/", link) : link);
}

// A blob of that name and size which we have needs not be written, nor even read.
std::optional<SpooledBlob> ArchiveFiles::find_stored(const std::string& path, uint64_t size) const {
  std::optional<oci::Digest> digest = promised_digest(path);
  if (!digest.has_value() || !spool_.has(*digest, size)) return {};
  Result<std::string> first = spool_.read_first(*digest, 16);
  if (!first.has_value()) return {};
  return SpooledBlob{*digest, size, std::move(*first)};
}

Result<SpooledBlob> ArchiveFiles::spool_file(TarReader& tar, const TarEntry& entry,
                                             const std::string& path) {
  Expected expected;
  expected.size = entry.size;
  expected.digest = promised_digest(path);
  Spool::Writer writer = TRY(spool_.start(
      expected.digest.has_value() ? expected.digest->algorithm : oci::DigestAlgorithm::kSha256));
  uint64_t written = 0;
  while (std::optional<TarBlock> block = TRY(tar.next_block())) {
    // A hole would let a short archive fill our disk, and no writer of images makes any.
    if (block->offset != written) return fail(Kind::kInvalid, "is a sparse file");
    TRY(writer.append(block->bytes));
    written += block->bytes.size();
  }
  return writer.finish(expected);
}

Status ArchiveFiles::add(TarReader& tar, const TarEntry& entry) {
  std::string path = TRY(inner_path(entry.path));
  Node node;
  switch (entry.type) {
    case EntryType::kDirectory: return {};
    case EntryType::kHardlink: node.link = TRY(inner_path(entry.link)); break;
    case EntryType::kSymlink: node.link = TRY(link_target(path, entry.link)); break;
    case EntryType::kFile:
      if (entry.size > limits::kBlobBytes) {
        return fail(Kind::kLimit, "archive entry ", quote(path), ": is larger than ",
                    limits::kBlobBytes, " bytes");
      }
      bytes_ += entry.size;
      node.file = find_stored(path, entry.size);
      if (!node.file.has_value()) {
        node.file = TRY(spool_file(tar, entry, path), "archive entry ", quote(path));
      }
      break;
    default:
      return fail(Kind::kInvalid, "archive entry ", quote(path),
                  ": is neither a file, a directory nor a link");
  }
  nodes_.insert_or_assign(path, std::move(node));
  return {};
}

Status ArchiveFiles::read_all(ByteReader& reader) {
  std::unique_ptr<TarReader> tar = TRY(TarReader::open(tar_source(reader)));
  size_t count = 0;
  while (std::optional<TarEntry> entry = TRY(tar->next())) {
    if (++count > limits::kArchiveEntries) {
      return fail(Kind::kLimit, "an archive of images with more than ", limits::kArchiveEntries,
                  " entries; is it a root file system (--format rootfs)?");
    }
    TRY(add(*tar, *entry));
    if (bytes_ > limits::kArchiveBytes) {
      return fail(Kind::kLimit, "is larger than ", limits::kArchiveBytes, " bytes");
    }
  }
  return tar->drain();
}

const SpooledBlob* ArchiveFiles::find(const std::string& path) const {
  std::string at = clean_path(path);
  for (int i = 0; i <= kMaxLinks; i++) {
    auto found = nodes_.find(at);
    if (found == nodes_.end()) return nullptr;
    const Node& node = found->second;
    if (node.file.has_value()) return &*node.file;
    at = node.link;
  }
  return nullptr;
}

Result<std::string> ArchiveFiles::read(const std::string& path) const {
  const SpooledBlob* file = find(path);
  if (file == nullptr) return fail(Kind::kNotFound, path, ": not in the archive");
  return TRY(spool_.read(describe(*file, ""), limits::kManifestBytes), path);
}

Status fetch_spooled(const Spool& spool, const oci::Descriptor& descriptor, std::string_view what) {
  if (spool.has(descriptor.digest, descriptor.size)) return {};
  return fail(Kind::kNotFound, what, ": blob ", descriptor.digest.to_string(), " of ",
              descriptor.size, " bytes: not in the archive");
}

Result<SourceContent> read_oci(const ArchiveFiles& files, Spool& spool) {
  TRY(oci::parse_image_layout(TRY(files.read("oci-layout"))), "oci-layout");
  SourceContent content;
  std::string text = TRY(files.read("index.json"));
  content.offers = offers_of(TRY(oci::parse_index(text), "index.json"));
  content.fetch = [&spool](const oci::Descriptor& descriptor, std::string_view what) {
    return fetch_spooled(spool, descriptor, what);
  };
  return content;
}

// One image of manifest.json as an OCI manifest. docker's config has the members of OCI's.
Result<Offer> convert_docker(const oci::DockerImage& image, const ArchiveFiles& files,
                             Spool& spool) {
  const SpooledBlob* config = files.find(image.config);
  if (config == nullptr) {
    return fail(Kind::kNotFound, "Config: ", quote(image.config), ": not in the archive");
  }
  oci::Manifest manifest;
  manifest.config = describe(*config, oci::kMediaTypeConfig);
  for (size_t i = 0; i < image.layers.size(); i++) {
    const SpooledBlob* layer = files.find(image.layers[i]);
    if (layer == nullptr) {
      return fail(Kind::kNotFound, "Layers[", i, "]: ", quote(image.layers[i]),
                  ": not in the archive");
    }
    manifest.layers.push_back(describe(*layer, layer_media_type(layer->first_bytes)));
  }
  Offer offer;
  offer.names = image.repo_tags;
  offer.manifests.push_back(TRY(spool_manifest(spool, std::move(manifest))));
  return offer;
}

Result<SourceContent> read_docker(const ArchiveFiles& files, Spool& spool) {
  auto images = TRY(oci::parse_docker_images(TRY(files.read("manifest.json"))), "manifest.json");
  SourceContent content;
  for (size_t i = 0; i < images.size(); i++) {
    content.offers.push_back(
        TRY(convert_docker(images[i], files, spool), "manifest.json[", i, "]"));
  }
  content.fetch = [&spool](const oci::Descriptor& descriptor, std::string_view what) {
    return fetch_spooled(spool, descriptor, what);
  };
  return content;
}

}  // namespace

Result<SourceContent> read_archive(ByteReader& archive, SourceFormat format, Spool& spool) {
  CHECK(format != SourceFormat::kRootfs);
  uint64_t compressed_bytes = 0;
  TeeReader counted(archive, [&](std::string_view bytes) -> Status {
    compressed_bytes += bytes.size();
    return {};
  });
  std::unique_ptr<Decompressor> plain = TRY(Decompressor::create(counted));
  BoundedReader bounded(*plain,
                        {limits::kArchiveBytes, limits::kExpansion, limits::kExpansionFloor},
                        [&] { return compressed_bytes; });
  ArchiveFiles files(spool);
  TRY(files.read_all(bounded));
  bool oci = files.find("oci-layout") != nullptr && files.find("index.json") != nullptr;
  bool docker = files.find("manifest.json") != nullptr;
  if (format == SourceFormat::kOci || (format == SourceFormat::kAuto && oci)) {
    return read_oci(files, spool);
  }
  if (format == SourceFormat::kDocker || docker) return read_docker(files, spool);
  return fail(Kind::kInvalid,
              "neither an OCI image layout nor an archive of `docker save`: it has "
              "no oci-layout and no manifest.json; is it a root file system (--format rootfs)?");
}

}  // namespace crunlite::image
