// SPDX-License-Identifier: Apache-2.0
#include "image/digest.h"

#include <gtest/gtest.h>

#include "base/path.h"
#include "base/sys.h"

namespace crunlite::image {
namespace {

// FIPS 180-4's examples for "abc" and the empty message.
constexpr std::string_view kEmpty256 =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view kAbc256 =
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr std::string_view kAbc512 =
    "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

TEST(Digest, MatchesTheStandardsExamples) {
  EXPECT_EQ(digest_of("").value(), kEmpty256);
  EXPECT_EQ(digest_of("abc").value(), kAbc256);
  EXPECT_EQ(digest_of("abc", DigestAlgorithm::kSha512).value(), kAbc512);
}

TEST(Digest, IsTheSameInPieces) {
  Digester digester = Digester::create().value();
  for (std::string_view piece : {"a", "", "b", "c"}) digester.update(piece);
  EXPECT_EQ(digester.finish(), kAbc256);
}

TEST(Digest, KnowsTheAlgorithmsItCanCompute) {
  EXPECT_EQ(digest_algorithm_of(kAbc256), DigestAlgorithm::kSha256);
  EXPECT_EQ(digest_algorithm_of(kAbc512), DigestAlgorithm::kSha512);
  for (std::string_view other : {"", "sha256", "sha384:00", "SHA256:00", "md5:00"}) {
    EXPECT_FALSE(digest_algorithm_of(other).has_value()) << other;
  }
}

TEST(Digest, ReadsADescriptorFromItsOffsetAndTellsProgress) {
  UniqueFd fd = sys::memfd_create("digest", 0).value();
  ASSERT_TRUE(sys::write_all(fd.get(), "xxabc").has_value());
  UniqueFd again = sys::open(cat("/proc/self/fd/", fd.get()).c_str(), O_RDONLY).value();
  std::string two(2, '\0');
  ASSERT_EQ(sys::read(again.get(), two).value(), 2U);
  uint64_t told = 0;
  Result<FdDigest> result =
      digest_fd(again.get(), DigestAlgorithm::kSha256, [&](uint64_t bytes) { told = bytes; });
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->digest, kAbc256);
  EXPECT_EQ(result->bytes, 3U);
  EXPECT_EQ(told, 3U);
}

TEST(Digest, FailsWhereTheDescriptorCannotBeRead) {
  UniqueFd dir = sys::open("/", O_RDONLY | O_DIRECTORY).value();
  Result<FdDigest> result = digest_fd(dir.get());
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().errnum, EISDIR);
}

}  // namespace
}  // namespace crunlite::image
