// SPDX-License-Identifier: Apache-2.0
// The parts of an import: what a source offers, and how the blobs of an image are gathered from it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/import.h"
#include "image/import_names.h"
#include "image/progress.h"
#include "image/spool.h"
#include "oci/image.h"

namespace crunlite::image {

// Makes a blob of the source present in the spool, unless it is there or in the store.
using Fetch = std::function<Status(const oci::Descriptor&, std::string_view what)>;

// What a source holds, once it was looked into.
struct SourceContent {
  std::vector<Offer> offers;
  Fetch fetch;
};

// One image with all its blobs at hand.
struct Gathered {
  std::vector<oci::Reference> names;
  oci::Descriptor target;
  std::vector<oci::Digest> blobs;
  uint64_t bytes = 0;
  size_t layers = 0;
};

// Fetches and checks the chosen manifest of an offer, or all of them, its config and its layers.
[[nodiscard]] Result<Gathered> gather_image(const Offer& offer, const ImportOptions& options,
                                            const Fetch& fetch, Spool& spool);

// The three kinds of sources. The folder is borrowed until the last fetch.
[[nodiscard]] Result<SourceContent> read_layout_folder(int folder, Spool& spool,
                                                       const Observer& observer);
[[nodiscard]] Result<SourceContent> read_archive(ByteReader& archive, SourceFormat format,
                                                 Spool& spool);
[[nodiscard]] Result<SourceContent> read_rootfs(ByteReader& archive, const oci::Platform& platform,
                                                Spool& spool);

// What a tar is, by the names it begins with: kOci stands for any archive of images, kRootfs for
// all else.
[[nodiscard]] Result<SourceFormat> guess_format(std::string_view first_bytes);

// The media type of a layer by its first bytes.
[[nodiscard]] std::string_view layer_media_type(std::string_view first_bytes);
// Writes a document of our own, and describes it.
[[nodiscard]] Result<oci::Descriptor> spool_document(Spool& spool, std::string_view media_type,
                                                     const json::Value& document);
[[nodiscard]] Result<oci::Descriptor> spool_manifest(Spool& spool, oci::Manifest manifest);
[[nodiscard]] oci::Descriptor describe(const SpooledBlob& blob, std::string_view media_type);

// Feeds a TarReader from a reader.
[[nodiscard]] std::function<Result<std::string_view>()> tar_source(ByteReader& reader);

}  // namespace crunlite::image
