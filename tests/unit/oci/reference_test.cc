// SPDX-License-Identifier: Apache-2.0
#include "oci/reference.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace crunlite::oci {
namespace {

const std::string kSha256 = "sha256:" + std::string(64, 'a');
const std::string kSha512 = "sha512:" + std::string(128, '0');

TEST(Digest, TakesTheTwoAlgorithms) {
  Result<Digest> short_one = Digest::parse(kSha256);
  ASSERT_TRUE(short_one.has_value());
  EXPECT_EQ(short_one->algorithm, DigestAlgorithm::kSha256);
  EXPECT_EQ(short_one->hex, std::string(64, 'a'));
  EXPECT_EQ(short_one->to_string(), kSha256);
  Result<Digest> long_one = Digest::parse(kSha512);
  ASSERT_TRUE(long_one.has_value());
  EXPECT_EQ(long_one->algorithm, DigestAlgorithm::kSha512);
  EXPECT_EQ(long_one->to_string(), kSha512);
  EXPECT_NE(*short_one, *long_one);
}

TEST(Digest, RefusesAllElse) {
  const std::string digits(64, 'a');
  for (const std::string& text : std::vector<std::string>{
           std::string(), digits, ":" + digits, "sha256:", "sha256:" + digits + "a",
           "sha256:" + digits.substr(1), "sha256:" + digits.substr(1) + "A",
           "sha256:" + digits.substr(1) + "g", "sha256:" + digits.substr(2) + "..",
           "sha256:" + digits.substr(3) + "../", "SHA256:" + digits, "sha256:sha256:" + digits,
           "md5:" + digits.substr(32), "sha512:" + digits, " " + kSha256, kSha256 + " ",
           kSha256 + std::string(1, '\0'), "sha256+x:" + digits}) {
    Result<Digest> digest = Digest::parse(text);
    ASSERT_FALSE(digest.has_value()) << text;
    EXPECT_EQ(digest.error().kind, Kind::kInvalid);
    EXPECT_TRUE(digest.error().message.starts_with("digest \"")) << digest.error().message;
  }
}

TEST(Digest, ReadsAndWritesJson) {
  Result<Digest> digest = json::decode<Digest>(json::Value(kSha256));
  ASSERT_TRUE(digest.has_value());
  EXPECT_EQ(json::encode(*digest), json::Value(kSha256));
  EXPECT_FALSE(json::decode<Digest>(json::Value(int64_t{1})).has_value());
  EXPECT_EQ(json::encode(Digest()), json::Value(std::string()));
}

struct Good {
  std::string text;
  std::string host;
  std::string repository;
  std::string tag;
  std::string normal;
};

TEST(Reference, ReadsItsParts) {
  const std::string long_tag(128, 't');
  const std::string hex(64, 'b');
  for (const Good& good : std::vector<Good>{
           {"busybox", "", "busybox", "latest", "busybox:latest"},
           {"busybox:1.36", "", "busybox", "1.36", "busybox:1.36"},
           {"library/busybox", "", "library/busybox", "latest", "library/busybox:latest"},
           {"a", "", "a", "latest", "a:latest"},
           {"a:" + long_tag, "", "a", long_tag, "a:" + long_tag},
           {"a:_.-A", "", "a", "_.-A", "a:_.-A"},
           {"a.b_c__d---e", "", "a.b_c__d---e", "latest", "a.b_c__d---e:latest"},
           {"localhost", "", "localhost", "latest", "localhost:latest"},
           {"localhost:5000", "", "localhost", "5000", "localhost:5000"},
           {"localhost/a", "localhost", "a", "latest", "localhost/a:latest"},
           {"LocalHost/a", "localhost", "a", "latest", "localhost/a:latest"},
           {"localhost:5000/a:b", "localhost:5000", "a", "b", "localhost:5000/a:b"},
           {"Registry.Example:443/a/b", "registry.example:443", "a/b", "latest",
            "registry.example:443/a/b:latest"},
           {"r.example:65535/a", "r.example:65535", "a", "latest", "r.example:65535/a:latest"},
           {"r.example:0001/a", "r.example:1", "a", "latest", "r.example:1/a:latest"},
           {"[::1]/a", "[::1]", "a", "latest", "[::1]/a:latest"},
           {"[0::0:1]:5000/a:t", "[::1]:5000", "a", "t", "[::1]:5000/a:t"},
           {"127.0.0.1/a", "127.0.0.1", "a", "latest", "127.0.0.1/a:latest"},
           {"a@" + kSha256, "", "a", "", "a@" + kSha256},
           {"a:t@" + kSha512, "", "a", "t", "a:t@" + kSha512},
           {"localhost/" + hex, "localhost", hex, "latest", "localhost/" + hex + ":latest"},
           {hex + "c", "", hex + "c", "latest", hex + "c:latest"},
           {hex.substr(1), "", hex.substr(1), "latest", hex.substr(1) + ":latest"},
           {"a/sha256", "", "a/sha256", "latest", "a/sha256:latest"},
       }) {
    Result<Reference> reference = Reference::parse(good.text);
    ASSERT_TRUE(reference.has_value()) << reference.error().message;
    EXPECT_EQ(reference->host, good.host) << good.text;
    EXPECT_EQ(reference->repository, good.repository) << good.text;
    EXPECT_EQ(reference->tag, good.tag) << good.text;
    EXPECT_EQ(reference->to_string(), good.normal);
    Result<Reference> again = Reference::parse(reference->to_string());
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(*again, *reference);
  }
}

TEST(Reference, RefusesWhatTheGrammarDoesNotKnow) {
  const std::string hex(64, 'b');
  for (const std::string& text : std::vector<std::string>{std::string(),
                                                          "/",
                                                          "a/",
                                                          "/a",
                                                          "a//b",
                                                          ":",
                                                          ":t",
                                                          "a:",
                                                          "a:-t",
                                                          "a:.t",
                                                          "a:" + std::string(129, 't'),
                                                          "a:t:u",
                                                          "a:t/b",
                                                          "A",
                                                          "Foo/bar",
                                                          "a/B",
                                                          "-a",
                                                          "a-",
                                                          "a..",
                                                          "a..b",
                                                          "a___b",
                                                          "a_-b",
                                                          "a.-b",
                                                          ".",
                                                          "..",
                                                          "../a",
                                                          "a/../b",
                                                          "a/./b",
                                                          "a b",
                                                          "a\n",
                                                          std::string("a\0b", 3),
                                                          "\xc3\xa9",
                                                          "a@",
                                                          "@" + kSha256,
                                                          "a@" + kSha256 + "@" + kSha256,
                                                          "a@sha256:b",
                                                          "a@md5:b",
                                                          hex,
                                                          "r.example:0/a",
                                                          "r.example:65536/a",
                                                          "r.example:x/a",
                                                          "r.example:/a",
                                                          "r.example:+1/a",
                                                          "-r.example/a",
                                                          "r-.example/a",
                                                          "r..example/a",
                                                          ".example/a",
                                                          "r_x.example/a",
                                                          "[::1/a",
                                                          "[::1]x/a",
                                                          "[:::1]/a",
                                                          "[fe80::1%eth0]/a",
                                                          "[]/a",
                                                          "https://r.example/a",
                                                          "a/" + std::string(254, 'a')}) {
    Result<Reference> reference = Reference::parse(text);
    EXPECT_FALSE(reference.has_value()) << text;
  }
}

TEST(Reference, BoundsTheName) {
  EXPECT_TRUE(Reference::parse(std::string(255, 'a')).has_value());
  Result<Reference> longer = Reference::parse(std::string(256, 'a'));
  ASSERT_FALSE(longer.has_value());
  EXPECT_EQ(longer.error().kind, Kind::kLimit);
  EXPECT_TRUE(Reference::parse("r.example/" + std::string(245, 'a')).has_value());
  EXPECT_FALSE(Reference::parse("r.example/" + std::string(246, 'a')).has_value());
}

TEST(Reference, NamesTheWrongPart) {
  EXPECT_EQ(Reference::parse("a:-t").error().message,
            "reference \"a:-t\": tag \"-t\" is not of letters, digits and _ with inner . and -");
  EXPECT_EQ(Reference::parse("r.example:0/a").error().message,
            "reference \"r.example:0/a\": host: port \"0\" is not from 1 to 65535");
  EXPECT_EQ(Reference::parse("Foo/bar").error().message,
            "reference \"Foo/bar\": name: component \"Foo\" is not lower case");
}

}  // namespace
}  // namespace crunlite::oci
