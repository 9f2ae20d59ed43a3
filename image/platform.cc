// SPDX-License-Identifier: Apache-2.0
#include "image/platform.h"

#include <algorithm>

#include "base/limits.h"

namespace crunlite::image {
namespace {

Result<oci::Index> read_index(const oci::Descriptor& descriptor, const DocumentReader& read) {
  std::string text = TRY(read(descriptor), "index ", descriptor.digest.to_string());
  return TRY(oci::parse_index(text, descriptor.media_type), "index ",
             descriptor.digest.to_string());
}

// One index among those still to be looked into.
struct Pending {
  oci::Descriptor descriptor;
  size_t depth;
};

Status check_depth(const Pending& pending, size_t seen) {
  if (pending.depth > limits::kIndexDepth) {
    return fail(Kind::kLimit, "index ", pending.descriptor.digest.to_string(),
                ": nested deeper than ", limits::kIndexDepth);
  }
  if (seen > limits::kIndexes) {
    return fail(Kind::kLimit, "index ", pending.descriptor.digest.to_string(), ": more than ",
                limits::kIndexes, " indexes below one name");
  }
  return {};
}

// What an index offers, for a message.
void note_offered(const oci::Index& index, std::vector<std::string>& offered) {
  constexpr size_t kNamed = 12;
  for (const oci::Descriptor& manifest : index.manifests) {
    if (!manifest.platform.has_value() || is_attestation(manifest)) continue;
    if (offered.size() <= kNamed) offered.push_back(to_text(*manifest.platform));
  }
  if (offered.size() > kNamed) offered[kNamed] = "...";
}

std::unexpected<Error> not_offered(const oci::Platform& wanted,
                                   const std::vector<std::string>& offered) {
  std::string_view there = offered.empty() ? "" : ", there are ";
  return fail(Kind::kNotFound, "no image for ", to_text(wanted), there, join(offered, ", "));
}

}  // namespace

Result<oci::Platform> parse_platform(std::string_view text) {
  std::vector<std::string_view> parts = split(text, '/');
  bool empty = std::ranges::find(parts, "") != parts.end();
  if (parts.size() < 2 || parts.size() > 3 || empty) {
    return fail(Kind::kInvalid, "platform ", quote(text), ": expected OS/ARCHITECTURE[/VARIANT]");
  }
  oci::Platform platform;
  platform.os = parts[0];
  platform.architecture = parts[1];
  if (parts.size() == 3) platform.variant = parts[2];
  return platform;
}

std::string to_text(const oci::Platform& platform) {
  std::string text = cat(platform.os, "/", platform.architecture);
  if (!platform.variant.empty()) text += cat("/", platform.variant);
  return text;
}

bool matches(const oci::Platform& platform, const oci::Platform& wanted) {
  bool variant =
      platform.variant.empty() || wanted.variant.empty() || platform.variant == wanted.variant;
  return platform.os == wanted.os && platform.architecture == wanted.architecture && variant;
}

oci::Platform platform_of(const oci::ImageConfig& config) {
  oci::Platform platform;
  platform.os = config.os;
  platform.architecture = config.architecture;
  platform.variant = config.variant;
  return platform;
}

bool is_attestation(const oci::Descriptor& descriptor) {
  return descriptor.platform.has_value() && descriptor.platform->os == "unknown";
}

Result<oci::Descriptor> choose_manifest(const oci::Descriptor& descriptor,
                                        const oci::Platform& wanted, const DocumentReader& read) {
  std::vector<std::string> offered;
  std::vector<Pending> pending = {{descriptor, 0}};
  for (size_t seen = 0; !pending.empty(); seen++) {
    Pending next = std::move(pending.back());
    pending.pop_back();
    if (!oci::is_index_type(next.descriptor.media_type)) return next.descriptor;
    TRY(check_depth(next, seen));
    oci::Index index = TRY(read_index(next.descriptor, read));
    if (const oci::Descriptor* found = oci::find_platform(index, wanted)) {
      pending.push_back({*found, next.depth + 1});
      continue;
    }
    note_offered(index, offered);
    // Indexes that name no platform may hold it; the first of them is looked into first.
    for (auto entry = index.manifests.rbegin(); entry != index.manifests.rend(); ++entry) {
      if (entry->platform.has_value() || !oci::is_index_type(entry->media_type)) continue;
      pending.push_back({*entry, next.depth + 1});
    }
  }
  return not_offered(wanted, offered);
}

Result<AllManifests> list_manifests(const oci::Descriptor& descriptor, const DocumentReader& read) {
  AllManifests all;
  std::vector<Pending> pending = {{descriptor, 0}};
  while (!pending.empty()) {
    Pending next = std::move(pending.back());
    pending.pop_back();
    if (oci::is_manifest_type(next.descriptor.media_type)) {
      all.manifests.push_back(std::move(next.descriptor));
      if (all.manifests.size() > limits::kIndexes) {
        return fail(Kind::kLimit, "more than ", limits::kIndexes, " manifests below one name");
      }
      continue;
    }
    // Artifacts of other types are no images.
    if (!oci::is_index_type(next.descriptor.media_type)) continue;
    TRY(check_depth(next, all.indexes.size()));
    oci::Index index = TRY(read_index(next.descriptor, read));
    all.indexes.push_back(next.descriptor);
    for (auto entry = index.manifests.rbegin(); entry != index.manifests.rend(); ++entry) {
      if (!is_attestation(*entry)) pending.push_back({*entry, next.depth + 1});
    }
    if (pending.size() > limits::kPendingManifests) {
      return fail(Kind::kLimit, "more than ", limits::kPendingManifests,
                  " manifests in indexes below one name");
    }
  }
  return all;
}

}  // namespace crunlite::image
