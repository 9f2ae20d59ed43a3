// SPDX-License-Identifier: Apache-2.0
#include "runtime/capabilities.h"

#include <gtest/gtest.h>
#include <linux/capability.h>

namespace crunlite::runtime {
namespace {

constexpr uint64_t bit(int number) { return uint64_t{1} << number; }
constexpr uint64_t kChown = bit(CAP_CHOWN);
constexpr uint64_t kKill = bit(CAP_KILL);
constexpr uint64_t kAdmin = bit(CAP_SYS_ADMIN);
constexpr uint64_t kRestore = bit(40);  // CAP_CHECKPOINT_RESTORE, the last one

TEST(CapabilitySets, AreReadFromNames) {
  oci::Capabilities names;
  names.bounding = {"CAP_CHOWN", "CAP_KILL"};
  names.effective = {"CAP_CHOWN", "CAP_CHOWN"};
  names.inheritable = {};
  names.permitted = {"CAP_CHECKPOINT_RESTORE"};
  names.ambient = {"CAP_SYS_ADMIN"};
  const auto [sets, unknown] = parse_capabilities(names);
  EXPECT_EQ(sets.bounding, kChown | kKill);
  EXPECT_EQ(sets.effective, kChown);
  EXPECT_EQ(sets.inheritable, 0U);
  EXPECT_EQ(sets.permitted, kRestore);
  EXPECT_EQ(sets.ambient, kAdmin);
  EXPECT_TRUE(unknown.empty());
}

TEST(CapabilitySets, SetUnknownNamesAside) {
  const std::vector<std::string> names = {"",           "CHOWN",      "CAP_",  "CAP_NOTHING",
                                          "CAP_CHOWN ", " CAP_CHOWN", "CAP_0", "CAP_64",
                                          "40",         "=ep",        "all"};
  oci::Capabilities wanted;
  wanted.bounding = names;
  wanted.ambient = names;
  wanted.ambient.emplace_back("CAP_KILL");
  const auto [sets, unknown] = parse_capabilities(wanted);
  EXPECT_EQ(sets.bounding, 0U);
  EXPECT_EQ(sets.ambient, kKill);
  EXPECT_EQ(unknown, names);
}

TEST(CapabilitySets, GrowByOneForExec) {
  CapabilitySets sets;
  ASSERT_TRUE(add_capability(sets, "CAP_KILL").has_value());
  EXPECT_EQ(sets.bounding & sets.effective & sets.permitted, kKill);
  EXPECT_EQ(sets.inheritable | sets.ambient, 0U);  // CVE-2022-29162
  EXPECT_FALSE(add_capability(sets, "CAP_NOTHING").has_value());
  EXPECT_EQ(sets.bounding, kKill);
}

TEST(CapabilitySets, LoseWhatCannotBeGranted) {
  CapabilitySets sets = {.bounding = kChown | kAdmin,
                         .effective = kChown | kAdmin,
                         .inheritable = kAdmin,
                         .permitted = kChown | kAdmin,
                         .ambient = kAdmin | kRestore};
  const std::vector<std::string> missing = restrict_to(sets, kChown | kKill);
  EXPECT_EQ(missing, (std::vector<std::string>{"CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE"}));
  EXPECT_EQ(sets.bounding, kChown);
  EXPECT_EQ(sets.effective, kChown);
  EXPECT_EQ(sets.permitted, kChown);
  EXPECT_EQ(sets.inheritable | sets.ambient, 0U);
}

TEST(CapabilitySets, AreLeftAloneWhenAllCanBeGranted) {
  CapabilitySets sets = {.bounding = kChown | kKill,
                         .effective = kChown,
                         .inheritable = kKill,
                         .permitted = kChown | kKill,
                         .ambient = kKill};
  EXPECT_TRUE(restrict_to(sets, UINT64_MAX).empty());
  EXPECT_EQ(sets.bounding, kChown | kKill);
  EXPECT_EQ(sets.effective, kChown);
  EXPECT_EQ(sets.inheritable, kKill);
  EXPECT_EQ(sets.permitted, kChown | kKill);
  EXPECT_EQ(sets.ambient, kKill);
}

TEST(CapabilitySets, NameNumbersThatTheLibraryDoesNotKnow) {
  CapabilitySets sets = {.bounding = bit(63)};
  const std::vector<std::string> missing = restrict_to(sets, 0);
  ASSERT_EQ(missing.size(), 1U);
  EXPECT_EQ(missing[0], "63");
  EXPECT_EQ(sets.bounding, 0U);
}

TEST(CapabilitySets, OfThisProcessLieWithinEachOther) {
  EXPECT_EQ(own_effective_set() & ~own_bounding_set() & ~kAdmin, 0U);
}

}  // namespace
}  // namespace crunlite::runtime
