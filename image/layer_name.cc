// SPDX-License-Identifier: Apache-2.0
#include "image/layer_name.h"

#include <vector>

#include "base/limits.h"

namespace crunlite::image {
namespace {

constexpr std::string_view kWhiteoutPrefix = ".wh.";
constexpr std::string_view kAufsPrefix = ".wh..wh.";
constexpr std::string_view kOpaqueName = ".wh..wh..opq";

Result<std::vector<std::string_view>> components_of(std::string_view path) {
  if (path.empty()) return fail(Kind::kInvalid, "name: is empty");
  if (path.size() >= limits::kPathBytes) {
    return fail(Kind::kLimit, "name: is longer than ", limits::kPathBytes - 1, " bytes");
  }
  std::vector<std::string_view> names;
  for (std::string_view name : split(path, '/')) {
    if (name.empty() || name == ".") continue;
    if (name == "..") return fail(Kind::kInvalid, "name: contains \"..\"");
    if (name.find('\0') != std::string_view::npos) {
      return fail(Kind::kInvalid, "name: contains a NUL character");
    }
    if (name.size() > limits::kNameBytes) {
      return fail(Kind::kLimit, "name: a part is longer than ", limits::kNameBytes, " bytes");
    }
    names.push_back(name);
  }
  if (names.size() > limits::kPathDepth) {
    return fail(Kind::kLimit, "name: is deeper than ", limits::kPathDepth, " directories");
  }
  return names;
}

LayerName split_name(const std::vector<std::string_view>& names) {
  LayerName result;
  for (size_t i = 0; i + 1 < names.size(); i++) {
    if (i > 0) result.parent.push_back('/');
    result.parent.append(names[i]);
  }
  result.name = names.back();
  return result;
}

}  // namespace

Result<LayerName> parse_layer_name(std::string_view path) {
  std::vector<std::string_view> names = TRY(components_of(path));
  if (names.empty()) return LayerName{.kind = NameKind::kRoot, .parent = {}, .name = {}};
  for (size_t i = 0; i + 1 < names.size(); i++) {
    if (names[i].starts_with(kAufsPrefix)) return LayerName{NameKind::kIgnored, {}, {}};
    if (names[i].starts_with(kWhiteoutPrefix)) {
      return fail(Kind::kInvalid, "name: lies below a whiteout");
    }
  }
  LayerName result = split_name(names);
  std::string_view last = names.back();
  if (!last.starts_with(kWhiteoutPrefix)) return result;
  result.name.clear();
  if (last == kOpaqueName) {
    result.kind = NameKind::kOpaque;
  } else if (last.starts_with(kAufsPrefix)) {
    result.kind = NameKind::kIgnored;
  } else {
    result.kind = NameKind::kWhiteout;
    result.name = last.substr(kWhiteoutPrefix.size());
    if (result.name.empty() || result.name == "." || result.name == "..") {
      return fail(Kind::kInvalid, "name: a whiteout of ", quote(result.name));
    }
  }
  return result;
}

Result<LayerName> parse_hardlink_target(std::string_view path) {
  std::vector<std::string_view> names = TRY(components_of(path), "hard link");
  if (names.empty()) return fail(Kind::kInvalid, "hard link: to the root directory");
  return split_name(names);
}

}  // namespace crunlite::image
