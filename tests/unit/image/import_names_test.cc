// SPDX-License-Identifier: Apache-2.0
#include "image/import_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crunlite::image {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Offer offer(std::vector<std::string> names) {
  Offer made;
  made.names = std::move(names);
  made.manifests.emplace_back();
  return made;
}

// "0=a:1,b:1 1=c:1", or the error.
std::string picked(const std::vector<Offer>& offers, const NameChoice& choice) {
  Result<std::vector<Picked>> result = pick_images(offers, choice);
  if (!result.has_value()) return result.error().message;
  std::vector<std::string> parts;
  for (const Picked& pick : *result) {
    std::vector<std::string> names;
    for (const oci::Reference& name : pick.names) names.push_back(name.to_string());
    parts.push_back(cat(pick.offer, "=", join(names, ",")));
  }
  return join(parts, " ");
}

TEST(OffersOf, JoinsManifestsOfOneName) {
  oci::Index index;
  for (const char* name : {"a:1", "b:1", "a:1", "", ""}) {
    oci::Descriptor& manifest = index.manifests.emplace_back();
    if (*name != '\0') manifest.annotations[std::string(oci::kAnnotationRefName)] = name;
  }
  index.manifests[1].annotations[std::string(oci::kAnnotationContainerdName)] = "host.x/b:1";
  std::vector<Offer> offers = offers_of(index);
  ASSERT_EQ(offers.size(), 3U);
  EXPECT_THAT(offers[0].names, ElementsAre("a:1"));
  EXPECT_EQ(offers[0].manifests.size(), 2U);
  EXPECT_THAT(offers[1].names, ElementsAre("host.x/b:1"));
  EXPECT_TRUE(offers[2].names.empty());
  EXPECT_EQ(offers[2].manifests.size(), 2U);
}

TEST(PickImages, TakesTheSourcesOwnNames) {
  EXPECT_EQ(picked({offer({"a:1", "b"}), offer({"c:1"})}, {}), "0=a:1,b:latest 1=c:1");
  EXPECT_EQ(picked({offer({"app@sha256:" + std::string(64, 'a')})}, {}), "0=app:latest");
}

TEST(PickImages, SaysWhatIsMissing) {
  EXPECT_THAT(picked({}, {}), HasSubstr("holds no image"));
  EXPECT_THAT(picked({offer({})}, {}), HasSubstr("does not name its image: give NAME[:TAG]"));
  for (const char* tag : {"latest", "12.1", "v3"}) {
    EXPECT_THAT(picked({offer({tag})}, {}), HasSubstr(cat("give NAME:", tag)));
  }
  EXPECT_THAT(picked({offer({"Upper/Case"})}, {}), HasSubstr("the source's name \"Upper/Case\""));
  EXPECT_EQ(picked({offer({"vault"})}, {}), "0=vault:latest");
}

TEST(PickImages, TakesTheNameThatIsGiven) {
  EXPECT_EQ(picked({offer({"latest"})}, {"x:1", ""}), "0=x:1");
  EXPECT_EQ(picked({offer({})}, {"x", ""}), "0=x:latest");
  std::vector<Offer> two = {offer({"v1"}), offer({"app:2", "other:2"})};
  EXPECT_EQ(picked(two, {"app:v1", ""}), "0=app:v1");
  EXPECT_EQ(picked(two, {"other:2", ""}), "1=other:2");
  EXPECT_THAT(picked(two, {"app:3", ""}), HasSubstr("choose one by --ref, there are \"v1\", "));
  EXPECT_EQ(picked(two, {"app:3", "v1"}), "0=app:3");
  EXPECT_EQ(picked(two, {"", "other:2"}), "1=app:2,other:2");
  EXPECT_THAT(picked(two, {"app:3", "v9"}), HasSubstr("holds no image \"v9\""));
}

TEST(ParseName, TakesNoDigest) {
  EXPECT_EQ(parse_name("host:5000/a/b")->to_string(), "host:5000/a/b:latest");
  EXPECT_THAT(parse_name("a@sha256:" + std::string(64, '0')).error().message,
              HasSubstr("without a digest"));
  EXPECT_FALSE(parse_name("").has_value());
  EXPECT_FALSE(parse_name("a b").has_value());
}

}  // namespace
}  // namespace crunlite::image
