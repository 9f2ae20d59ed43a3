// SPDX-License-Identifier: Apache-2.0
#include "oci/users.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace crunlite::oci {
namespace {

const UserDatabase kDatabase = {.passwd =
                                    "root:x:0:0:root:/root:/bin/sh\n"
                                    "# comment:x:7:7::/:\n"
                                    "\n"
                                    "+nis:x:8:8::/:\n"
                                    "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
                                    "web:x:1000:1001:Web,,,:/home/web:/bin/sh\n"
                                    "web:x:0:0:second of the name:/:/bin/sh\n"
                                    "huge:x:4294967296:4294967296::/:\n"
                                    "minus:x:-1:-1::/:\n"
                                    "last:x:4294967295:5::/:\n"
                                    "nogid:x:77::::\n"
                                    "short:x:5\n"
                                    "four:x:6:6\n"
                                    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin",
                                .group =
                                    "root:x:0:\n"
                                    "daemon:x:1:web\n"
                                    "web:x:1001:\n"
                                    "extra:x:50:root,web,other\n"
                                    "again:x:50:web\n"
                                    "almost:x:51:webx,xweb\n"
                                    "huge:x:4294967296:web\n"
                                    "minus:x:-1:web\n"
                                    "last:x:4294967295:\n"
                                    "short:x\n"
                                    "nogroup:x:65534:\n"};

struct Good {
  std::string text;
  uint32_t uid;
  uint32_t gid;
  std::vector<uint32_t> additional_gids;
  std::string home;
};

TEST(ResolveUser, GivesExactIds) {
  for (const Good& good : std::vector<Good>{
           {"0", 0, 0, {50}, "/root"},
           {"root", 0, 0, {50}, "/root"},
           {"1", 1, 1, {}, "/usr/sbin"},
           {"web", 1000, 1001, {1, 50}, "/home/web"},
           {"1000", 1000, 1001, {1, 50}, "/home/web"},
           {"web:web", 1000, 1001, {}, "/home/web"},
           {"web:0", 1000, 0, {}, "/home/web"},
           {"web:extra", 1000, 50, {}, "/home/web"},
           {"1:2", 1, 2, {}, "/usr/sbin"},
           {"12345", 12345, 0, {}, ""},
           {"12345:54321", 12345, 54321, {}, ""},
           {"12345:extra", 12345, 50, {}, ""},
           {"4294967294", 4294967294, 0, {}, ""},
           {"4294967294:4294967294", 4294967294, 4294967294, {}, ""},
           {"7", 7, 0, {}, ""},
           {"8", 8, 0, {}, ""},
           {"5", 5, 0, {}, ""},
           {"four", 6, 6, {}, ""},
           {"nobody", 65534, 65534, {}, "/nonexistent"},
           {"nobody:nogroup", 65534, 65534, {}, "/nonexistent"},
       }) {
    Result<ResolvedUser> user = resolve_user(good.text, kDatabase);
    ASSERT_TRUE(user.has_value()) << user.error().message;
    EXPECT_EQ(user->uid, good.uid) << good.text;
    EXPECT_EQ(user->gid, good.gid) << good.text;
    EXPECT_EQ(user->additional_gids, good.additional_gids) << good.text;
    EXPECT_EQ(user->home, good.home) << good.text;
  }
}

TEST(ResolveUser, RefusesWhatIsNoUser) {
  for (const std::string& text : std::vector<std::string>{std::string(),
                                                          ":",
                                                          "1:",
                                                          ":1",
                                                          "1:2:",
                                                          "1:2:3",
                                                          "01",
                                                          "00",
                                                          "1:01",
                                                          "+1",
                                                          "-1",
                                                          "1:-1",
                                                          "1:+1",
                                                          " 1",
                                                          "1 ",
                                                          "1x",
                                                          "0x1",
                                                          "1.0",
                                                          "1e3",
                                                          "4294967295",
                                                          "4294967296",
                                                          "4294967297",
                                                          "99999999999999999999",
                                                          "18446744073709551616",
                                                          "1:4294967295",
                                                          "1:4294967296",
                                                          "nosuch",
                                                          "web:nosuch",
                                                          "Root",
                                                          "huge",
                                                          "minus",
                                                          "last",
                                                          "nogid",
                                                          "77",
                                                          "short",
                                                          "1:huge",
                                                          "1:minus",
                                                          "1:last",
                                                          "+nis",
                                                          "# comment",
                                                          "\xd9\xa1",
                                                          std::string("1\0", 2),
                                                          "root\n",
                                                          std::string(256, 'a')}) {
    Result<ResolvedUser> user = resolve_user(text, kDatabase);
    EXPECT_FALSE(user.has_value()) << text << " became " << user->uid;
  }
}

TEST(ResolveUser, NeedsNoFilesForNumbers) {
  Result<ResolvedUser> user = resolve_user("1000:1000", {});
  ASSERT_TRUE(user.has_value());
  EXPECT_EQ(user->uid, 1000U);
  EXPECT_FALSE(resolve_user("root", {}).has_value());
}

TEST(ResolveUser, TellsNotFoundFromInvalid) {
  EXPECT_EQ(resolve_user("nosuch", kDatabase).error().kind, Kind::kNotFound);
  EXPECT_EQ(resolve_user("nosuch", kDatabase).error().message,
            "user \"nosuch\" is not in /etc/passwd");
  EXPECT_EQ(resolve_user("01", kDatabase).error().kind, Kind::kInvalid);
  EXPECT_EQ(resolve_user("4294967295", kDatabase).error().message,
            "user: \"4294967295\" is not from 0 to 4294967294");
  EXPECT_EQ(resolve_user("", kDatabase).error().message, "user: is empty");
  EXPECT_EQ(resolve_user("1:", kDatabase).error().message, "group: is empty");
  EXPECT_EQ(resolve_user("huge", kDatabase).error().message,
            "user \"huge\": /etc/passwd has no valid uid for it");
}

TEST(ResolveUser, BoundsTheGroups) {
  UserDatabase database{.passwd = "u:x:1:1::/:\n", .group = ""};
  constexpr size_t kGroups = 65536;
  for (size_t i = 0; i < kGroups; i++) database.group += "g:x:" + std::to_string(i) + ":u\n";
  Result<ResolvedUser> user = resolve_user("u", database);
  ASSERT_TRUE(user.has_value()) << user.error().message;
  EXPECT_EQ(user->additional_gids.size(), kGroups);
  database.group += "g:x:0:u\n";
  EXPECT_EQ(resolve_user("u", database).error().kind, Kind::kLimit);
}

TEST(ResolveGroup, GivesExactIds) {
  EXPECT_EQ(resolve_group("0", kDatabase), 0U);
  EXPECT_EQ(resolve_group("extra", kDatabase), 50U);
  EXPECT_EQ(resolve_group("4294967294", kDatabase), 4294967294U);
  for (std::string_view text : {"", "01", "-1", "+1", "4294967295", "nosuch", "huge", "short"}) {
    EXPECT_FALSE(resolve_group(text, kDatabase).has_value()) << text;
  }
}

}  // namespace
}  // namespace crunlite::oci
