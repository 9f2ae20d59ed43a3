// SPDX-License-Identifier: Apache-2.0
#include "namespaces/overlay.h"

#include <gtest/gtest.h>

namespace crunlite::namespaces {
namespace {

MountPlan plan_of(std::vector<std::pair<std::string, std::string>> values) {
  MountPlan plan;
  plan.field = "mounts[0]";
  plan.destination = "/";
  plan.type = "overlay";
  plan.options.values = std::move(values);
  return plan;
}

TEST(OverlayLayers, AreSplitAtColons) {
  struct Row {
    std::string text;
    std::vector<std::string> layers;
  };
  for (const Row& row : std::vector<Row>{
           {"/a", {"/a"}},
           {"/a:/b", {"/a", "/b"}},
           {R"(/a\:b:/c)", {"/a:b", "/c"}},
           {R"(/a\\:/b)", {R"(/a\)", "/b"}},
           {R"(/a\,b)", {"/a,b"}},
           {R"(/a\)", {R"(/a\)"}},  // nothing follows the last backslash
       }) {
    const Result<OverlayLayers> layers = overlay_layers(plan_of({{"lowerdir", row.text}}));
    ASSERT_TRUE(layers.has_value()) << row.text;
    EXPECT_EQ(layers->lower, row.layers) << row.text;
    EXPECT_EQ(layers->upper + layers->work, "") << row.text;
  }
}

TEST(OverlayLayers, KeepUpperAndWork) {
  const Result<OverlayLayers> layers = overlay_layers(
      plan_of({{"userxattr", ""}, {"lowerdir", "/l"}, {"upperdir", "/u:1"}, {"workdir", "/w"}}));
  ASSERT_TRUE(layers.has_value());
  EXPECT_EQ(layers->upper, "/u:1");
  EXPECT_EQ(layers->work, "/w");
}

TEST(OverlayLayers, AreRefusedByTheirOption) {
  struct Row {
    std::vector<std::pair<std::string, std::string>> values;
    std::string error;
  };
  for (const Row& row : std::vector<Row>{
           {{}, "mounts[0].options: lowerdir: missing"},
           {{{"lowerdir", ""}}, "mounts[0].options: lowerdir: a layer has no name"},
           {{{"lowerdir", "/a::/b"}}, "mounts[0].options: lowerdir: a layer has no name"},
           {{{"lowerdir", "/a:"}}, "mounts[0].options: lowerdir: a layer has no name"},
           {{{"lowerdir", "/a"}, {"upperdir", "/u"}},
            "mounts[0].options: upperdir and workdir go together"},
           {{{"lowerdir", "/a"}, {"workdir", "/w"}},
            "mounts[0].options: upperdir and workdir go together"},
       }) {
    const Result<OverlayLayers> layers = overlay_layers(plan_of(row.values));
    ASSERT_FALSE(layers.has_value()) << row.error;
    EXPECT_EQ(layers.error().message, row.error);
    EXPECT_EQ(layers.error().kind, Kind::kInvalid);
  }
}

TEST(OverlayLayers, AreAtMostWhatTheKernelStacks) {
  std::string list = "/0";
  for (int i = 1; i < 500; i++) list.append(cat(":/", i));
  EXPECT_EQ(overlay_layers(plan_of({{"lowerdir", list}}))->lower.size(), 500U);
  const Result<OverlayLayers> over = overlay_layers(plan_of({{"lowerdir", list + ":/500"}}));
  ASSERT_FALSE(over.has_value());
  EXPECT_EQ(over.error().kind, Kind::kLimit);
}

TEST(OverlayLayers, HaveACommonParentOnlySideBySide) {
  struct Row {
    std::vector<std::string> paths;
    std::string parent;
  };
  for (const Row& row : std::vector<Row>{
           {{}, ""},
           {{"/a/b"}, "/a"},
           {{"/a/b", "/a/c"}, "/a"},
           {{"/a/b/", "/a//c"}, "/a"},
           {{"/a/b", "/a/c/d"}, ""},
           {{"/a/b", "/x/b"}, ""},
           {{"/a", "/b"}, ""},  // "/" makes no name shorter
           {{"/a/b", "/c"}, ""},
           {{"a", "b"}, ""},
           {{"/"}, ""},
       }) {
    EXPECT_EQ(common_parent(row.paths), row.parent) << join(row.paths, ":");
  }
}

TEST(OverlayLayers, GoIntoMountDataRelativeToTheirParent) {
  struct Row {
    std::vector<std::pair<std::string, std::string>> values;
    std::string data;
  };
  for (const Row& row : std::vector<Row>{
           {{{"lowerdir", "/s/a:/s/b"}}, "lowerdir=a:b"},
           // A name must never become an absolute one.
           {{{"lowerdir", "/s//a:/s/b/"}}, "lowerdir=a:b"},
           {{{"lowerdir", "/s/a:/t/b"}}, "lowerdir=/s/a:/t/b"},
           {{{"lowerdir", R"(/s/a\:1,2)"}}, R"(lowerdir=a\:1\,2)"},
           {{{"lowerdir", "/s/a"}, {"upperdir", "/u,x"}, {"workdir", R"(/w\:y)"}},
            R"(lowerdir=a,upperdir=/u\,x,workdir=/w\\\:y)"},
           {{{"metacopy", "on"}, {"lowerdir", "/s/a"}}, "lowerdir=a,metacopy=on"},
       }) {
    MountPlan plan = plan_of(row.values);
    const Result<std::string> data = overlay_data(plan);
    ASSERT_TRUE(data.has_value()) << row.data;
    EXPECT_EQ(*data, row.data);
  }
  MountPlan plan = plan_of({{"lowerdir", "/s/a"}});
  plan.options.flags = {"userxattr"};
  EXPECT_EQ(*overlay_data(plan), "lowerdir=a,userxattr");
}

TEST(OverlayLayers, ThatDoNotFitIntoMountDataAreRefused) {
  const std::string start = "lowerdir=";
  const auto data_of = [&](size_t length) {
    return overlay_data(plan_of({{"lowerdir", "/s/" + std::string(length - start.size(), 'x')}}));
  };
  EXPECT_EQ(data_of(4095)->size(), 4095U);
  ASSERT_FALSE(data_of(4096).has_value());
  EXPECT_EQ(data_of(4096).error().kind, Kind::kLimit);
}

}  // namespace
}  // namespace crunlite::namespaces
