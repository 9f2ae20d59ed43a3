// SPDX-License-Identifier: Apache-2.0
// Hostile and odd layers, each with a name and with what must become of it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "image/layer.h"
#include "tests/unit/image/tar_builder.h"

namespace crunlite::image {

// Makes a blob. `top` is the directory that holds the root and, beside it, "sentinel/file".
using MakeBlob = std::function<std::string(const std::string& top)>;

enum class Needs { kNothing, kRoot };

// A layer that is unpacked in both forms. It is refused with `refused` in the error's text, or
// the root then holds `tree` (in the form kPlain: `plain`, unless that is empty). "{top}"
// stands for the path of `top`; where a line begins with it, that path is made inside the root.
struct HostileCase {
  std::string name;
  MakeBlob blob;
  std::string refused = {};
  std::vector<std::string> tree = {};
  std::vector<std::string> plain = {};
  std::string base = {};  // a layer below: tar
  std::function<void(LayerOptions&)> tune = {};
  Needs needs = Needs::kNothing;
  Kind kind = Kind::kInvalid;  // of the error
};
using HostileCases = std::vector<HostileCase>;

[[nodiscard]] inline MakeBlob of(std::string bytes) {
  return [bytes = std::move(bytes)](const std::string&) { return bytes; };
}
[[nodiscard]] inline MakeBlob of(const TarBuilder& tar) { return of(tar.str()); }

[[nodiscard]] HostileCases name_cases();
[[nodiscard]] HostileCases link_cases();
[[nodiscard]] HostileCases type_cases();
[[nodiscard]] HostileCases number_cases();
[[nodiscard]] HostileCases sparse_cases();
[[nodiscard]] HostileCases archive_cases();
[[nodiscard]] HostileCases bound_cases();
[[nodiscard]] HostileCases attribute_cases();
[[nodiscard]] HostileCases whiteout_cases();
[[nodiscard]] HostileCases below_cases();

}  // namespace crunlite::image
