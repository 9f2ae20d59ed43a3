// SPDX-License-Identifier: Apache-2.0
#include "cgroups/oom.h"

#include <gtest/gtest.h>

#include "tests/unit/cgroups/fake_tree.h"

namespace crunlite::cgroups {
namespace {

// Into the file that is there: another one of that name would not be the one that is watched.
void overwrite(const FakeTree& tree, const std::string& file, std::string_view text) {
  Result<UniqueFd> fd = sys::open(tree.path(file).c_str(), O_WRONLY);
  ASSERT_TRUE(fd.has_value());
  ASSERT_TRUE(sys::write_all(fd->get(), text).has_value());
}

TEST(OomWatch, CountsTheKillsOfUnified) {
  FakeTree tree;
  tree.make("unified/app", {{"cgroup.controllers", "memory"},
                            {"cgroup.events", "populated 0\nfrozen 0\n"},
                            {"cgroup.freeze", "0\n"},
                            {"memory.events", "low 0\nmax 9\noom 3\noom_kill 2\n"}});
  Group group = group_in({Layout::kUnified, {tree.unified()}});
  Result<std::optional<OomWatch>> watch = OomWatch::open(group);
  ASSERT_TRUE(watch.has_value() && watch->has_value());
  EXPECT_EQ((*watch)->take(), 0U);
  overwrite(tree, "unified/app/memory.events", "low 0\nmax 9\noom 3\noom_kill 5\n");
  EXPECT_EQ((*watch)->take(), 3U);
  EXPECT_EQ((*watch)->take(), 0U);
}

TEST(OomWatch, AsksForTheEventsOfLegacy) {
  FakeTree tree;
  tree.make("memory/app", {{"memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"},
                           {"cgroup.event_control", ""}});
  Group group = group_in({Layout::kLegacy, {tree.legacy("memory")}});
  Result<std::optional<OomWatch>> watch = OomWatch::open(group);
  ASSERT_TRUE(watch.has_value() && watch->has_value());
  const std::string asked = tree.get("memory/app/cgroup.event_control");
  EXPECT_TRUE(asked.starts_with(cat((*watch)->fd(), " "))) << asked;
  EXPECT_EQ((*watch)->take(), 0U);
  uint64_t twice = 2;
  ASSERT_TRUE(sys::write((*watch)->fd(),
                         std::string_view(reinterpret_cast<const char*>(&twice), sizeof twice))
                  .has_value());
  EXPECT_EQ((*watch)->take(), 2U);
  EXPECT_EQ((*watch)->take(), 0U);
}

TEST(OomWatch, IsNothingWhereMemoryIsNotCounted) {
  FakeTree tree;
  tree.make("unified/app", {{"cgroup.controllers", ""},
                            {"cgroup.events", "populated 0\nfrozen 0\n"},
                            {"cgroup.freeze", "0\n"},
                            {"cgroup.subtree_control", ""}});
  Group group = group_in({Layout::kUnified, {tree.unified()}});
  Result<std::optional<OomWatch>> watch = OomWatch::open(group);
  ASSERT_TRUE(watch.has_value());
  EXPECT_FALSE(watch->has_value());
}

}  // namespace
}  // namespace crunlite::cgroups
