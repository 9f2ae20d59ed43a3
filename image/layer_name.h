// SPDX-License-Identifier: Apache-2.0
// What the name of a layer's entry means: a file, a whiteout, or something to refuse. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace crunlite::image {

enum class NameKind {
  kRoot,      // "./": the root directory itself
  kEntry,     // a file, directory, link, ...
  kWhiteout,  // ".wh.NAME": NAME of the layers below is gone
  kOpaque,    // ".wh..wh..opq": all that layers below hold in the parent is gone
  kIgnored,   // ".wh..wh.*": the bookkeeping of AUFS
};

// `parent` is in normal form: names without "." and "..", joined by single slashes, "" for the
// root.
struct LayerName {
  NameKind kind = NameKind::kEntry;
  std::string parent;
  std::string name;  // kWhiteout: of what is gone; else empty but for kEntry
  [[nodiscard]] std::string path() const { return parent.empty() ? name : parent + "/" + name; }
};

// Leading slashes are dropped, as every reader of tar does. Refused are the empty name, "..", names
// and paths beyond limits, whiteouts of "", "." and "..", and entries below a whiteout.
[[nodiscard]] Result<LayerName> parse_layer_name(std::string_view path);

// The target of a hard link, a path from the root, as parent and name.
[[nodiscard]] Result<LayerName> parse_hardlink_target(std::string_view path);

}  // namespace crunlite::image
