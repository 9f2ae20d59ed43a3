// SPDX-License-Identifier: Apache-2.0
#include "runtime/sandbox_host.h"

#include <gtest/gtest.h>

namespace crunlite::runtime {
namespace {

TEST(ParseMounts, FindsPlaceTypeAndMode) {
  const std::vector<HostMount> mounts = parse_mounts(
      "26 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
      "21 26 0:20 / /proc rw,relatime - proc proc rw\n"
      "30 26 7:1 / /snap/a\\040b ro,nodev shared:3 master:4 - squashfs /dev/loop1 ro\n");
  EXPECT_EQ(mounts,
            (std::vector<HostMount>{
                {"/", "ext4", false}, {"/proc", "proc", false}, {"/snap/a b", "squashfs", true}}));
}

TEST(ParseMounts, ParentsComeFirstAndTheLastOnAPlaceIsSeen) {
  const std::vector<HostMount> mounts = parse_mounts(
      "3 2 0:3 / /a/b rw - tmpfs t rw\n"
      "2 1 0:2 / /a rw - ext4 e rw\n"
      "4 2 0:4 / /a ro - xfs x rw\n"
      "1 0 0:1 / / rw - ext4 e rw\n");
  EXPECT_EQ(mounts, (std::vector<HostMount>{
                        {"/", "ext4", false}, {"/a", "xfs", true}, {"/a/b", "tmpfs", false}}));
}

TEST(ParseMounts, PassesOverWhatItDoesNotUnderstand) {
  for (const char* text : {"", "\n\n", "1 2 3\n", "1 2 0:1 / /x rw -\n", "1 2 0:1 / /x rw - ext4\n",
                           "- - - - - - - - -\n", "1 2 0:1 / relative rw - ext4 e rw\n"}) {
    EXPECT_TRUE(parse_mounts(text).empty()) << text;
  }
  // A backslash that escapes nothing stands for itself.
  EXPECT_EQ(parse_mounts("1 2 0:1 / /x\\9 rw - ext4 e rw\n")[0].path, "/x\\9");
  EXPECT_EQ(parse_mounts("1 2 0:1 / /x\\ rw - ext4 e rw\n")[0].path, "/x\\");
}

TEST(ParseIdRanges, ReadsTheKernelsTable) {
  EXPECT_EQ(parse_id_ranges("         0          0 4294967295\n"),
            (std::vector<IdRange>{{0, UINT32_MAX}}));
  EXPECT_EQ(parse_id_ranges("0 1000 1\n1 100000 65536\n"),
            (std::vector<IdRange>{{0, 1}, {1, 65536}}));
  EXPECT_TRUE(parse_id_ranges("x y z\n0 0\n").empty());
}

TEST(HoldsFiles, TellsFilesFromTheKernelsOwn) {
  for (const char* type : {"ext4", "xfs", "btrfs", "tmpfs", "overlay", "nfs4", "fuse.sshfs"}) {
    EXPECT_TRUE(holds_files(type)) << type;
  }
  for (const char* type : {"proc", "sysfs", "cgroup2", "devtmpfs", "autofs", "nsfs"}) {
    EXPECT_FALSE(holds_files(type)) << type;
  }
}

TEST(IsWithin, LooksAtWholeNames) {
  EXPECT_TRUE(is_within("/a", "/"));
  EXPECT_TRUE(is_within("/a", "/a"));
  EXPECT_TRUE(is_within("/a/b", "/a"));
  EXPECT_FALSE(is_within("/ab", "/a"));
  EXPECT_FALSE(is_within("/", "/a"));
}

TEST(FindVariable, TakesTheWholeName) {
  const std::vector<std::string> env = {"PATHS=x", "PATH=/bin", "EMPTY="};
  EXPECT_EQ(find_variable(env, "PATH"), "/bin");
  EXPECT_EQ(find_variable(env, "EMPTY"), "");
  EXPECT_FALSE(find_variable(env, "PAT").has_value());
}

}  // namespace
}  // namespace crunlite::runtime
