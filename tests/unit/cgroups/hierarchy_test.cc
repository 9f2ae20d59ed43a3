// SPDX-License-Identifier: Apache-2.0
#include "cgroups/hierarchy.h"

#include <gtest/gtest.h>

#include <string>

namespace crunlite::cgroups {
namespace {

constexpr char kHybridMounts[] =
    "30 22 0:27 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "31 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:5 - cgroup cgroup "
    "rw,cpu,cpuacct\n"
    "34 30 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    "39 30 0:36 / /sys/fs/cgroup/systemd rw shared:9 master:2 - cgroup cgroup "
    "rw,xattr,release_agent=/usr/lib/systemd/agent,name=systemd\n"
    "40 30 0:37 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
constexpr char kHybridSelf[] =
    "9:name=systemd:/user.slice\n"
    "4:memory:/jobs/a:b\n"
    "1:cpu,cpuacct:/\n"
    "0::/jobs\n";

TEST(HierarchyParse, FindsAHybridHost) {
  Hierarchy found = parse(kHybridMounts, kHybridSelf);
  EXPECT_EQ(found.layout, Layout::kHybrid);
  ASSERT_EQ(found.mounts.size(), 4U);
  ASSERT_NE(found.unified(), nullptr);
  EXPECT_EQ(found.unified()->mount_point, "/sys/fs/cgroup/unified");
  EXPECT_EQ(found.unified()->own_path, "jobs");
  const MountedHierarchy* cpu = found.legacy("cpu");
  ASSERT_NE(cpu, nullptr);
  EXPECT_EQ(cpu, found.legacy("cpuacct"));
  EXPECT_EQ(cpu->own_path, "");
  ASSERT_NE(found.legacy("memory"), nullptr);
  EXPECT_EQ(found.legacy("memory")->own_path, "jobs/a:b");
  const MountedHierarchy* named = found.legacy("name=systemd");
  ASSERT_NE(named, nullptr);
  EXPECT_EQ(named->controllers, std::vector<std::string>{"name=systemd"});
  EXPECT_EQ(found.legacy("pids"), nullptr);
}

TEST(HierarchyParse, TellsTheLayouts) {
  struct Case {
    const char* mounts;
    Layout layout;
  };
  const Case cases[] = {
      {"", Layout::kNone},
      {"1 0 8:1 / / rw - ext4 /dev/sda rw\n", Layout::kNone},
      {"30 22 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
       Layout::kUnified},
      {"30 22 0:26 / /sys/fs/cgroup rw - cgroup2 none rw\n"
       "31 30 0:27 / /run/systemd rw - cgroup none rw,none,name=systemd\n",
       Layout::kUnified},
      {"31 22 0:27 / /cg rw - cgroup none rw,name=systemd\n", Layout::kNone},
      {"31 22 0:27 / /cg/memory rw - cgroup none rw,memory\n", Layout::kLegacy},
      {kHybridMounts, Layout::kHybrid},
  };
  for (const Case& test : cases) {
    EXPECT_EQ(parse(test.mounts, "").layout, test.layout) << test.mounts;
  }
}

TEST(HierarchyParse, SubtractsTheMountsRootFromOwnPaths) {
  struct Case {
    const char* root = nullptr;
    const char* own = nullptr;
    std::optional<std::string> below;
  };
  const Case cases[] = {
      {"/", "/", ""},
      {"/", "/a/b", "a/b"},
      {"/a", "/a", ""},
      {"/a", "/a/b/c", "b/c"},
      {"/a", "/ab", std::nullopt},
      {"/a", "/", std::nullopt},
      {"/a", "/b", std::nullopt},
      {"/", "/../x", std::nullopt},  // outside of our cgroup namespace
      {"/..", "/", std::nullopt},    // the mount starts above it
      {"/", "/a (deleted)", std::nullopt},
      {"/", "a", std::nullopt},
  };
  for (const Case& test : cases) {
    std::string mounts = cat("30 22 0:26 ", test.root, " /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    Hierarchy found = parse(mounts, cat("0::", test.own, "\n"));
    ASSERT_EQ(found.mounts.size(), 1U);
    EXPECT_EQ(found.mounts[0].own_path, test.below) << test.root << " " << test.own;
  }
}

TEST(HierarchyParse, PrefersTheMountThatServesBest) {
  // A container's bind mount of a part, a read-only copy, and the real one.
  Hierarchy found = parse(
      "50 1 0:26 /pods/x /var/lib/x/cgroup rw - cgroup2 cgroup2 rw\n"
      "51 1 0:26 / /mnt/copy ro - cgroup2 cgroup2 rw\n"
      "52 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
      "53 1 0:26 / /mnt/other rw - cgroup2 cgroup2 rw\n",
      "");
  ASSERT_EQ(found.mounts.size(), 1U);
  EXPECT_EQ(found.mounts[0].mount_point, "/sys/fs/cgroup");
  EXPECT_FALSE(found.mounts[0].read_only);
}

TEST(HierarchyParse, GivesAControllerToOneHierarchy) {
  Hierarchy found = parse(
      "50 1 0:26 / /x/a ro - cgroup c rw,memory\n"
      "51 1 0:27 / /x/b ro - cgroup c rw,pids\n"
      "52 1 0:28 / /x/c rw - cgroup c rw,memory,pids\n",
      "");
  ASSERT_EQ(found.mounts.size(), 2U);
  EXPECT_EQ(found.legacy("memory")->mount_point, "/x/a");
  EXPECT_EQ(found.legacy("pids")->mount_point, "/x/b");
}

TEST(HierarchyParse, MarksReadOnlyMounts) {
  for (const char* line :
       {"1 0 0:1 / /c ro,nosuid - cgroup2 c rw\n", "1 0 0:1 / /c rw - cgroup2 c ro\n"}) {
    Hierarchy found = parse(line, "");
    ASSERT_EQ(found.mounts.size(), 1U);
    EXPECT_TRUE(found.mounts[0].read_only) << line;
  }
}

TEST(HierarchyParse, LeavesOutMountsHiddenByOthers) {
  Hierarchy found = parse(
      "30 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
      "31 30 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
      "32 31 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n",
      "");
  EXPECT_EQ(found.layout, Layout::kLegacy);
  ASSERT_EQ(found.mounts.size(), 1U);
  EXPECT_EQ(found.mounts[0].mount_point, "/sys/fs/cgroup/pids");
}

TEST(HierarchyParse, UndoesEscapes) {
  Hierarchy found =
      parse("30 22 0:26 /a\\040b /my\\011cg\\134x\\12 rw - cgroup2 cgroup2 rw\n", "0::/a b/c\n");
  ASSERT_EQ(found.mounts.size(), 1U);
  EXPECT_EQ(found.mounts[0].mount_point, "/my\tcg\\x\\12");
  EXPECT_EQ(found.mounts[0].root, "/a b");
  EXPECT_EQ(found.mounts[0].own_path, "c");
}

TEST(HierarchyParse, SkipsBrokenLines) {
  for (const char* text :
       {"30", "30 22 0:26 / /c rw - ", "30 22 0:26 / c rw - cgroup2 c rw", "30 22 0:26 / /c rw",
        "- - - - - - - -", " \n \n\n", "30 22 0:26 / /c rw - cgroup c rw"}) {
    EXPECT_EQ(parse(text, ":\n::\n0\n0:\n0::").layout, Layout::kNone) << text;
  }
}

TEST(HierarchyDiscover, AgreesWithItself) {
  // Whatever this machine has: without own paths the same mounts are found.
  Result<Hierarchy> all = discover();
  Result<Hierarchy> few = discover({.own_paths = false});
  ASSERT_TRUE(all.has_value());
  ASSERT_TRUE(few.has_value());
  EXPECT_EQ(all->layout, few->layout);
  ASSERT_EQ(all->mounts.size(), few->mounts.size());
  for (size_t i = 0; i < all->mounts.size(); i++) {
    EXPECT_EQ(all->mounts[i].mount_point, few->mounts[i].mount_point);
    EXPECT_EQ(few->mounts[i].own_path, std::nullopt);
  }
}

}  // namespace
}  // namespace crunlite::cgroups
