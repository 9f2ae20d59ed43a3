// SPDX-License-Identifier: Apache-2.0
// Names that are refused, hostile_names.cc and hostile_whiteouts.cc try; here is what they mean.
#include "image/layer_name.h"

#include <gtest/gtest.h>

namespace crunlite::image {
namespace {

TEST(LayerName, HasAKindAParentAndAName) {
  struct {
    std::string_view path;
    NameKind kind;
    std::string_view parent;
    std::string_view name;
  } const cases[] = {
      {"a", NameKind::kEntry, "", "a"},
      {"a/b/c", NameKind::kEntry, "a/b", "c"},
      {"./a/./b/", NameKind::kEntry, "a", "b"},
      {"//a//b", NameKind::kEntry, "a", "b"},
      {".", NameKind::kRoot, "", ""},
      {"./", NameKind::kRoot, "", ""},
      {"/", NameKind::kRoot, "", ""},
      {".wh.a", NameKind::kWhiteout, "", "a"},
      {"d/.wh.a", NameKind::kWhiteout, "d", "a"},
      {"d/.wh..a", NameKind::kWhiteout, "d", ".a"},
      {"d/.wh.a/", NameKind::kWhiteout, "d", "a"},
      {".wh.....", NameKind::kWhiteout, "", "...."},
      {".wh..wh..opq", NameKind::kOpaque, "", ""},
      {"d/.wh..wh..opq", NameKind::kOpaque, "d", ""},
      {".wh..wh.aufs", NameKind::kIgnored, "", ""},
      {".wh..wh.plnk/x", NameKind::kIgnored, "", ""},
      {".wh", NameKind::kEntry, "", ".wh"},
      {"x.wh.a", NameKind::kEntry, "", "x.wh.a"},
  };
  for (const auto& test : cases) {
    Result<LayerName> name = parse_layer_name(test.path);
    ASSERT_TRUE(name.has_value()) << test.path << ": " << name.error().message;
    EXPECT_EQ(name->kind, test.kind) << test.path;
    EXPECT_EQ(name->parent, test.parent) << test.path;
    EXPECT_EQ(name->name, test.name) << test.path;
  }
}

TEST(LayerName, JoinsItsPath) {
  EXPECT_EQ(parse_layer_name("./a/b").value().path(), "a/b");
  EXPECT_EQ(parse_layer_name("/b").value().path(), "b");
}

TEST(LayerName, RefusesNul) {
  using namespace std::string_view_literals;
  Result<LayerName> name = parse_layer_name("a\0b"sv);
  ASSERT_FALSE(name.has_value());
  EXPECT_EQ(name.error().message, "name: contains a NUL character");
}

TEST(LayerName, TakesWhiteoutsInHardLinkTargetsForFiles) {
  LayerName target = parse_hardlink_target("/d/.wh.a").value();
  EXPECT_EQ(target.parent, "d");
  EXPECT_EQ(target.name, ".wh.a");
}

}  // namespace
}  // namespace crunlite::image
