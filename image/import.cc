// SPDX-License-Identifier: Apache-2.0
#include "image/import.h"

#include <algorithm>

#include "base/limits.h"
#include "image/import_source.h"
#include "image/platform.h"
#include "image/readers.h"

namespace crunlite::image {
namespace {

// Enough for the first names of a tar, whatever stands before them.
constexpr size_t kAheadBytes = size_t{256} << 10;

// An image of one manifest, or of all in an index.
class Gatherer {
 public:
  Gatherer(const Fetch& fetch, Spool& spool) : fetch_(fetch), spool_(spool) {}

  Status add_document(const oci::Descriptor& descriptor, std::string_view what) {
    TRY(fetch_(descriptor, what));
    note(descriptor);
    return {};
  }
  Result<std::string> read(const oci::Descriptor& descriptor, std::string_view what) {
    TRY(fetch_(descriptor, what));
    return TRY(spool_.read(descriptor, limits::kImageConfigBytes), what, " ",
               descriptor.digest.to_string());
  }
  // `wanted` is left out where every platform is.
  Status add_image(const oci::Descriptor& descriptor, const oci::Platform* wanted);
  Gathered take() { return std::move(gathered_); }

 private:
  void note(const oci::Descriptor& descriptor) {
    gathered_.blobs.push_back(descriptor.digest);
    gathered_.bytes += descriptor.size;
  }
  Status add_layers(const oci::Manifest& manifest, const oci::ImageConfig& config);

  const Fetch& fetch_;
  Spool& spool_;
  Gathered gathered_;
};

// The digest of a layer that is not compressed is its diff ID; a liar is found without unpacking.
Status check_plain_layer(const Spool& spool, const oci::Descriptor& layer,
                         const oci::Digest& diff_id) {
  if (layer.digest == diff_id || layer.digest.algorithm != diff_id.algorithm) return {};
  std::string first = TRY(spool.read_first(layer.digest, 4));
  if (detect_compression(first) != Compression::kNone) return {};
  return fail(Kind::kInvalid, "layer ", layer.digest.to_string(),
              ": is not the one whose diff ID is ", diff_id.to_string());
}

Status Gatherer::add_layers(const oci::Manifest& manifest, const oci::ImageConfig& config) {
  size_t count = manifest.layers.size();
  for (size_t i = 0; i < count; i++) {
    const oci::Descriptor& layer = manifest.layers[i];
    TRY(fetch_(layer, cat("layer ", i + 1, " of ", count)));
    TRY(check_plain_layer(spool_, layer, config.rootfs.diff_ids[i]));
    note(layer);
  }
  gathered_.layers = std::max(gathered_.layers, count);
  return {};
}

Status Gatherer::add_image(const oci::Descriptor& descriptor, const oci::Platform* wanted) {
  std::string name = cat("manifest ", descriptor.digest.to_string());
  std::string text = TRY(read(descriptor, "manifest"));
  oci::Manifest manifest = TRY(oci::parse_manifest(text, descriptor.media_type), name);
  std::string config_text = TRY(read(manifest.config, "config"), name);
  oci::ImageConfig config =
      TRY(oci::parse_image_config(config_text), "config ", manifest.config.digest.to_string());
  TRY(oci::check_image(manifest, config), name);
  if (wanted != nullptr && !matches(platform_of(config), *wanted)) {
    return fail(Kind::kNotFound, "no image for ", to_text(*wanted), ", this one is for ",
                to_text(platform_of(config)), ": choose it by --platform");
  }
  note(descriptor);
  note(manifest.config);
  return add_layers(manifest, config);
}

// One descriptor for all manifests of an offer.
Result<oci::Descriptor> single_target(const Offer& offer, Spool& spool) {
  if (offer.manifests.size() == 1) return offer.manifests[0];
  oci::Index index;
  index.media_type = std::string(oci::kMediaTypeIndex);
  index.manifests = offer.manifests;
  return spool_document(spool, oci::kMediaTypeIndex, json::encode(index));
}

oci::Platform wanted_platform(const ImportOptions& options) {
  return options.platform.value_or(oci::host_platform());
}

Status open_source(const std::string& source, UniqueFd& owned, int& fd) {
  if (source == "-") {
    fd = 0;
    return {};
  }
  owned = TRY(sys::open(source.c_str(), O_RDONLY), source);
  fd = owned.get();
  return {};
}

// What a tar holds. Its beginning is looked at first, since what it is decides how it is read.
Result<SourceContent> read_tar(ByteReader& source, const ImportOptions& options, Spool& spool) {
  std::string ahead = TRY(read_ahead(source, kAheadBytes));
  SourceFormat format = options.format;
  if (format == SourceFormat::kAuto) format = TRY(guess_format(ahead));
  ReplayReader whole(std::move(ahead), source);
  if (format == SourceFormat::kRootfs) return read_rootfs(whole, wanted_platform(options), spool);
  return read_archive(whole, options.format, spool);
}

Result<std::vector<Gathered>> gather_all(const SourceContent& content, const ImportOptions& options,
                                         Spool& spool) {
  std::vector<Picked> picked = TRY(pick_images(content.offers, {options.name, options.ref}));
  std::vector<Gathered> all;
  for (Picked& pick : picked) {
    Gathered gathered =
        TRY(gather_image(content.offers[pick.offer], options, content.fetch, spool));
    gathered.names = std::move(pick.names);
    all.push_back(std::move(gathered));
  }
  return all;
}

// First all blobs, then the names: a name never leads nowhere.
Result<ImportResult> commit_all(Store& store, Spool& spool, const std::vector<Gathered>& all) {
  std::vector<oci::Digest> blobs;
  for (const Gathered& gathered : all) {
    blobs.insert(blobs.end(), gathered.blobs.begin(), gathered.blobs.end());
  }
  ImportResult result;
  result.added_bytes = TRY(spool.commit(blobs));
  for (const Gathered& gathered : all) {
    for (const oci::Reference& name : gathered.names) {
      ImportedImage image;
      image.record.name = name.to_string();
      image.record.target = gathered.target;
      image.record.imported = rfc3339(now_unix_ns());
      image.bytes = gathered.bytes;
      image.layers = gathered.layers;
      TRY(store.put_ref(image.record), "image ", image.record.name);
      result.images.push_back(std::move(image));
    }
  }
  return result;
}

}  // namespace

Result<SourceFormat> parse_source_format(std::string_view text) {
  if (text == "auto") return SourceFormat::kAuto;
  if (text == "oci") return SourceFormat::kOci;
  if (text == "docker") return SourceFormat::kDocker;
  if (text == "rootfs") return SourceFormat::kRootfs;
  return fail(Kind::kInvalid, "format ", quote(text), ": expected auto, oci, docker or rootfs");
}

Result<Gathered> gather_image(const Offer& offer, const ImportOptions& options, const Fetch& fetch,
                              Spool& spool) {
  Gatherer gatherer(fetch, spool);
  oci::Descriptor target = TRY(single_target(offer, spool));
  DocumentReader read = [&](const oci::Descriptor& descriptor) {
    return gatherer.read(descriptor, "index");
  };
  if (options.all_platforms) {
    AllManifests all = TRY(list_manifests(target, read));
    for (const oci::Descriptor& index : all.indexes) TRY(gatherer.add_document(index, "index"));
    for (const oci::Descriptor& one : all.manifests) TRY(gatherer.add_image(one, nullptr));
  } else {
    oci::Platform wanted = wanted_platform(options);
    target = TRY(choose_manifest(target, wanted, read));
    if (!oci::is_manifest_type(target.media_type)) {
      return fail(Kind::kInvalid, "mediaType ", quote(target.media_type), ": is no image");
    }
    TRY(gatherer.add_image(target, &wanted));
  }
  Gathered gathered = gatherer.take();
  // No more than that: the rest is the source's words, of any length.
  gathered.target.media_type = target.media_type;
  gathered.target.digest = target.digest;
  gathered.target.size = target.size;
  return gathered;
}

Result<ImportResult> import_images(Store& store, const ImportOptions& options,
                                   const Observer& observer) {
  if (!options.name.empty()) TRY(parse_name(options.name));
  Spool spool = TRY(Spool::create(store));
  UniqueFd owned;
  int fd = -1;
  TRY(open_source(options.source, owned, fd));
  struct stat info = TRY(sys::fstat(fd), options.source);
  std::string source = options.source == "-" ? "standard input" : options.source;
  SourceReader reader(fd, source, observer);
  SourceContent content;
  if (S_ISDIR(info.st_mode)) {
    bool layout = options.format == SourceFormat::kAuto || options.format == SourceFormat::kOci;
    if (!layout) return fail(Kind::kInvalid, source, ": is a directory, not a tar archive");
    content = TRY(read_layout_folder(fd, spool, observer), source);
  } else {
    content = TRY(read_tar(reader, options, spool), source);
  }
  std::vector<Gathered> all = TRY(gather_all(content, options, spool), source);
  TRY(observer.check());
  return commit_all(store, spool, all);
}

}  // namespace crunlite::image
