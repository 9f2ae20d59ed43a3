// SPDX-License-Identifier: Apache-2.0
#include "image/stored_image.h"

#include "base/limits.h"
#include "image/spool.h"

namespace crunlite::image {

Result<std::string> read_document(const Store& store, const oci::Descriptor& descriptor) {
  std::string name = cat("blob ", descriptor.digest.to_string());
  UniqueFd fd = TRY(store.open_blob(descriptor.digest));
  std::string text = TRY(read_fd(fd.get(), limits::kImageConfigBytes), name);
  std::string digest = TRY(digest_of(text, digest_algorithm(descriptor.digest.algorithm)), name);
  if (text.size() == descriptor.size && digest == descriptor.digest.to_string()) return text;
  return fail(Kind::kInvalid, name, ": is damaged in the store ", store.path(), ": it has ",
              text.size(), " bytes and the digest ", digest);
}

DocumentReader document_reader(const Store& store) {
  return [&store](const oci::Descriptor& descriptor) { return read_document(store, descriptor); };
}

Result<StoredImage> read_image(const Store& store, const oci::Descriptor& manifest) {
  StoredImage image;
  std::string name = cat("manifest ", manifest.digest.to_string());
  image.descriptor = manifest;
  std::string text = TRY(read_document(store, manifest));
  image.manifest = TRY(oci::parse_manifest(text, manifest.media_type), name);
  std::string config = TRY(read_document(store, image.manifest.config), name);
  image.config =
      TRY(oci::parse_image_config(config), "config ", image.manifest.config.digest.to_string());
  TRY(oci::check_image(image.manifest, image.config), name);
  image.chain_ids = TRY(chain_ids_of(image.config.rootfs.diff_ids));
  return image;
}

Result<StoredImage> find_image(const Store& store, const RefRecord& ref,
                               const std::optional<oci::Platform>& platform) {
  std::string name = cat("image ", ref.name);
  oci::Descriptor manifest = TRY(
      choose_manifest(ref.target, platform.value_or(oci::host_platform()), document_reader(store)),
      name);
  StoredImage image = TRY(read_image(store, manifest), name);
  if (platform.has_value() && !matches(platform_of(image.config), *platform)) {
    return fail(Kind::kNotFound, name, ": is for ", to_text(platform_of(image.config)), ", not ",
                to_text(*platform));
  }
  return image;
}

Result<std::vector<oci::Digest>> chain_ids_of(const std::vector<oci::Digest>& diff_ids) {
  std::vector<oci::Digest> chain;
  for (const oci::Digest& diff_id : diff_ids) {
    if (chain.empty()) {
      chain.push_back(diff_id);
      continue;
    }
    std::string both = cat(chain.back().to_string(), " ", diff_id.to_string());
    chain.push_back(TRY(oci::Digest::parse(TRY(digest_of(both)))));
  }
  return chain;
}

}  // namespace crunlite::image
