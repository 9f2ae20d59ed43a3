// SPDX-License-Identifier: Apache-2.0
// Image references and digests of any bytes: what is accepted has one normal form that is safe in
// file names and URLs.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "oci/reference.h"

namespace oci = crunlite::oci;
using crunlite::Result;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  Result<oci::Digest> digest = oci::Digest::parse(text);
  if (digest.has_value()) CHECK(digest->to_string() == text);
  Result<oci::Reference> reference = oci::Reference::parse(text);
  if (!reference.has_value()) {
    CHECK(reference.error().message.starts_with("reference "));
    return 0;
  }
  std::string normal = reference->to_string();
  Result<oci::Reference> again = oci::Reference::parse(normal);
  CHECK(again.has_value());
  CHECK(*again == *reference && again->to_string() == normal);
  CHECK(!reference->tag.empty() || reference->digest.has_value());
  CHECK(std::ranges::all_of(normal, [](char c) { return c > ' ' && c < 0x7f; }));
  CHECK(!("/" + reference->name() + "/").contains("/../"));
  CHECK(!reference->name().contains("//"));
  CHECK(std::ranges::none_of(reference->name(), [](char c) { return c >= 'A' && c <= 'Z'; }));
  return 0;
}
