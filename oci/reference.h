// SPDX-License-Identifier: Apache-2.0
// Digests and image references, NAME[:TAG][@DIGEST], as values (distribution-spec 1.1, "Pulling
// manifests"; image-spec descriptor.md, "Digests"). Any thread.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/json_map.h"
#include "base/result.h"

namespace crunlite::oci {

enum class DigestAlgorithm { kSha256, kSha512 };
[[nodiscard]] std::string_view to_text(DigestAlgorithm algorithm);  // "sha256"

// The digest of a blob. `hex` is lower case and as long as the algorithm wants, or empty in a
// default-made value, which stands for no blob.
struct Digest {
  DigestAlgorithm algorithm = DigestAlgorithm::kSha256;
  std::string hex;

  // Reads "sha256:<64 digits>" or "sha512:<128 digits>"; nothing else is accepted, since a digest
  // also becomes a file name.
  [[nodiscard]] static Result<Digest> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;  // "sha256:..."
  [[nodiscard]] auto operator<=>(const Digest& other) const = default;
};

// What names an image. No registry is invented: the host of "busybox" is empty and stays so.
struct Reference {
  std::string host;        // "registry.example:5000", lower case, or ""
  std::string repository;  // "library/busybox"
  std::string tag;         // "" only beside a digest
  std::optional<Digest> digest;

  // The first component is a host when it holds a '.' or a ':' or is "localhost" and another one
  // follows. A name without tag and digest gets the tag "latest".
  [[nodiscard]] static Result<Reference> parse(std::string_view text);
  [[nodiscard]] std::string name() const;  // host and repository
  // The normal form: parse() of it gives the same value.
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool operator==(const Reference& other) const = default;
};

// A tag alone, as in "image tag": [A-Za-z0-9_] and then up to 127 of [A-Za-z0-9_.-].
[[nodiscard]] Status check_tag(std::string_view tag);

}  // namespace crunlite::oci

template <>
struct crunlite::json::Codec<crunlite::oci::Digest> {
  static Result<oci::Digest> decode(const Value& value);
  static Value encode(const oci::Digest& digest);
};
