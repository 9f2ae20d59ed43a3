// SPDX-License-Identifier: Apache-2.0
#include "image/name_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

#include "base/limits.h"

namespace crunlite::image {
namespace {

TEST(NameSet, TellsNamesAndDirectoriesApart) {
  NameSet names;
  names.add(1, "a");
  EXPECT_TRUE(names.contains(1, "a"));
  EXPECT_FALSE(names.contains(1, "b"));
  EXPECT_FALSE(names.contains(2, "a"));
  EXPECT_FALSE(names.contains(1, ""));
  names.remove(1, "a");
  EXPECT_FALSE(names.contains(1, "a"));
  names.remove(1, "a");  // twice is no harm
}

TEST(NameSet, BehavesAsASetUnderRandomUse) {
  NameSet names;
  std::set<std::pair<uint64_t, std::string>> expected;
  std::mt19937 engine(1);
  for (int i = 0; i < 200'000; i++) {
    uint64_t directory = engine() % 20;
    std::string name = std::to_string(engine() % 500);
    if (engine() % 3 == 0) {
      names.remove(directory, name);
      expected.erase({directory, name});
    } else {
      names.add(directory, name);
      expected.insert({directory, name});
    }
  }
  for (uint64_t directory = 0; directory < 20; directory++) {
    for (int i = 0; i < 500; i++) {
      std::string name = std::to_string(i);
      EXPECT_EQ(names.contains(directory, name), expected.contains({directory, name}));
    }
  }
}

TEST(NameSet, SaysWhenItIsFull) {
  NameSet names;
  for (uint64_t i = 0; i < limits::kTrackedNames; i++) names.add(i, "n");
  EXPECT_FALSE(names.is_overflown());
  names.add(0, "n");
  EXPECT_FALSE(names.is_overflown());
  names.add(limits::kTrackedNames, "n");
  EXPECT_TRUE(names.is_overflown());
}

}  // namespace
}  // namespace crunlite::image
