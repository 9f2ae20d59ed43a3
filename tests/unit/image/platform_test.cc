// SPDX-License-Identifier: Apache-2.0
#include "image/platform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "tests/unit/image/image_builder.h"

namespace crunlite::image {
namespace {

using ::testing::HasSubstr;

oci::Platform platform(std::string_view text) { return *parse_platform(text); }

// Indexes in memory; a manifest is known by its digest alone.
class PlatformTest : public ::testing::Test {
 protected:
  oci::Descriptor manifest(const std::string& name, std::string_view on = "") {
    oci::Descriptor made;
    made.media_type = std::string(oci::kMediaTypeManifest);
    made.digest = digest_of_bytes(name);
    if (!on.empty()) made.platform = platform(on);
    return made;
  }
  oci::Descriptor index(std::vector<oci::Descriptor> manifests) {
    oci::Index made;
    made.manifests = std::move(manifests);
    return layout_.add_document(oci::kMediaTypeIndex, made);
  }
  DocumentReader reader() {
    return [this](const oci::Descriptor& descriptor) -> Result<std::string> {
      auto found = layout_.files.find("blobs/sha256/" + descriptor.digest.hex);
      if (found == layout_.files.end()) return fail(Kind::kNotFound, "no such document");
      return found->second;
    };
  }
  Result<oci::Descriptor> choose(const oci::Descriptor& from, std::string_view wanted) {
    return choose_manifest(from, platform(wanted), reader());
  }

  LayoutBuilder layout_;
};

TEST(ParsePlatform, TakesTwoOrThreeParts) {
  EXPECT_EQ(to_text(platform("linux/arm64/v8")), "linux/arm64/v8");
  EXPECT_EQ(to_text(platform("linux/amd64")), "linux/amd64");
  for (const char* text : {"", "linux", "linux/", "/amd64", "a/b/c/d", "linux//v8"}) {
    EXPECT_FALSE(parse_platform(text).has_value()) << text;
  }
}

TEST(Matches, LeavesOutAnUnknownVariant) {
  EXPECT_TRUE(matches(platform("linux/arm/v7"), platform("linux/arm")));
  EXPECT_TRUE(matches(platform("linux/arm"), platform("linux/arm/v7")));
  EXPECT_FALSE(matches(platform("linux/arm/v6"), platform("linux/arm/v7")));
  EXPECT_FALSE(matches(platform("linux/arm64"), platform("linux/arm")));
}

TEST_F(PlatformTest, ChoosesInNestedIndexes) {
  oci::Descriptor arm = manifest("arm", "linux/arm64");
  oci::Descriptor amd = manifest("amd", "linux/amd64");
  oci::Descriptor attestation = manifest("attestation", "unknown/unknown");
  oci::Descriptor top = index({index({attestation, arm}), index({amd})});
  EXPECT_EQ(choose(top, "linux/amd64")->digest, amd.digest);
  EXPECT_EQ(choose(top, "linux/arm64")->digest, arm.digest);
  EXPECT_THAT(choose(top, "linux/s390x").error().message,
              HasSubstr("no image for linux/s390x, there are linux/arm64, linux/amd64"));
  EXPECT_EQ(choose(amd, "linux/s390x")->digest, amd.digest);  // it is one already
}

TEST_F(PlatformTest, BoundsWhatItLooksInto) {
  oci::Descriptor at = manifest("m");
  for (size_t i = 0; i <= limits::kIndexDepth; i++) at = index({at});
  EXPECT_TRUE(choose(at, "linux/amd64").has_value());
  at = index({at});
  EXPECT_EQ(choose(at, "linux/amd64").error().kind, Kind::kLimit);
  EXPECT_EQ(list_manifests(at, reader()).error().kind, Kind::kLimit);
  std::vector<oci::Descriptor> many;
  for (size_t i = 0; i <= limits::kIndexes; i++) many.push_back(manifest(cat(i)));
  EXPECT_EQ(list_manifests(index(many), reader()).error().kind, Kind::kLimit);
  many.pop_back();
  EXPECT_TRUE(list_manifests(index(many), reader()).has_value());
}

// The same indexes named again and again: 8^5 ways through five documents.
TEST_F(PlatformTest, IsNotHeldByRepetition) {
  oci::Descriptor at = index({});
  for (int i = 0; i < 4; i++) at = index(std::vector<oci::Descriptor>(64, at));
  EXPECT_EQ(choose(at, "linux/amd64").error().kind, Kind::kLimit);
  EXPECT_EQ(list_manifests(at, reader()).error().kind, Kind::kLimit);
}

TEST_F(PlatformTest, ListsAllButAttestations) {
  oci::Descriptor artifact = manifest("artifact");
  artifact.media_type = "application/vnd.example+json";
  oci::Descriptor top = index({manifest("a", "linux/arm64"), manifest("x", "unknown/unknown"),
                               artifact, index({manifest("b")})});
  Result<AllManifests> all = list_manifests(top, reader());
  ASSERT_TRUE(all.has_value()) << all.error().message;
  EXPECT_EQ(all->manifests.size(), 2U);
  EXPECT_EQ(all->indexes.size(), 2U);
}

}  // namespace
}  // namespace crunlite::image
