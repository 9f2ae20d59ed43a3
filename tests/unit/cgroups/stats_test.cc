// SPDX-License-Identifier: Apache-2.0
#include "cgroups/stats.h"

#include <gtest/gtest.h>

#include "tests/unit/cgroups/fake_tree.h"

namespace crunlite::cgroups {
namespace {

TEST(Stats, AreReadFromUnified) {
  FakeTree tree;
  tree.make("unified/app", {{"cgroup.controllers", "cpu io memory pids"},
                            {"cgroup.events", "populated 0\nfrozen 0\n"},
                            {"cgroup.freeze", "0\n"},
                            {"memory.events", "low 0\noom 5\noom_kill 3\noom_group_kill 0\n"},
                            {"memory.current", "4096\n"},
                            {"memory.peak", "8192\n"},
                            {"memory.max", "max\n"},
                            {"cpu.stat", "usage_usec 1234\nuser_usec 1000\n"},
                            {"pids.current", "2\n"},
                            {"pids.max", "16\n"}});
  Group group = group_in({Layout::kUnified, {tree.unified()}});
  Stats stats = read_stats(group).value();
  EXPECT_EQ(stats.oom_kills, 3U);
  EXPECT_EQ(stats.memory_bytes, 4096U);
  EXPECT_EQ(stats.memory_peak_bytes, 8192U);
  EXPECT_EQ(stats.memory_limit_bytes, std::nullopt);
  EXPECT_EQ(stats.cpu_usec, 1234U);
  EXPECT_EQ(stats.pids, 2U);
  EXPECT_EQ(stats.pids_limit, 16U);
  EXPECT_EQ(read_oom_kills(group), 3U);
}

TEST(Stats, AreReadFromLegacy) {
  FakeTree tree;
  tree.make("memory/app", {{"memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"},
                           {"memory.usage_in_bytes", "1\n"},
                           {"memory.max_usage_in_bytes", "2\n"},
                           {"memory.limit_in_bytes", "9223372036854771712\n"}});
  tree.make("cpu,cpuacct/app", {{"cpuacct.usage", "5000999\n"}});
  tree.make("pids/app", {{"pids.current", "1\n"}, {"pids.max", "max\n"}});
  Group group = group_in(
      {Layout::kLegacy, {tree.legacy("memory"), tree.legacy("cpu,cpuacct"), tree.legacy("pids")}});
  Stats stats = read_stats(group).value();
  EXPECT_EQ(stats.oom_kills, 2U);
  EXPECT_EQ(stats.memory_peak_bytes, 2U);
  EXPECT_EQ(stats.memory_limit_bytes, std::nullopt);
  EXPECT_EQ(stats.cpu_usec, 5000U);
  EXPECT_EQ(stats.pids, 1U);
  EXPECT_EQ(stats.pids_limit, std::nullopt);
}

TEST(Stats, LeaveOutWhatTheHostDoesNotCount) {
  FakeTree tree;
  tree.make("unified/app", {{"cgroup.controllers", ""},
                            {"cgroup.events", "populated 0\nfrozen 0\n"},
                            {"cgroup.freeze", "0\n"},
                            {"cgroup.subtree_control", ""},
                            {"cpu.stat", "usage_usec 7\n"}});
  Group group = group_in({Layout::kUnified, {tree.unified()}});
  Stats stats = read_stats(group).value();
  EXPECT_EQ(stats.oom_kills, std::nullopt);
  EXPECT_EQ(stats.memory_bytes, std::nullopt);
  EXPECT_EQ(stats.cpu_usec, 7U);
  EXPECT_EQ(stats.pids, std::nullopt);
}

TEST(Stats, RefuseFilesThatAreNotUnderstood) {
  FakeTree tree;
  tree.make("unified/app", {{"cgroup.controllers", "memory"},
                            {"cgroup.events", "populated 0\nfrozen 0\n"},
                            {"cgroup.freeze", "0\n"},
                            {"memory.current", "many\n"}});
  Group group = group_in({Layout::kUnified, {tree.unified()}});
  EXPECT_EQ(read_stats(group).error().message, "memory.current: \"many\" is no number");
}

}  // namespace
}  // namespace crunlite::cgroups
