// SPDX-License-Identifier: Apache-2.0
#include "runtime/landlock.h"

#include <gtest/gtest.h>

namespace crunlite::runtime {
namespace {

TEST(LandlockRules, AreLettersAndAPath) {
  const Result<LandlockPlan> plan = parse_landlock("rx /usr ; rw  /tmp/a b\nr /etc;");
  ASSERT_TRUE(plan.has_value());
  ASSERT_EQ(plan->size(), 3U);
  EXPECT_TRUE((*plan)[0].reads && (*plan)[0].executes && !(*plan)[0].writes);
  EXPECT_EQ((*plan)[1].path, "/tmp/a b");
  EXPECT_EQ((*plan)[2].path, "/etc");
}

TEST(LandlockRules, AreRefusedWhenTheyAreNone) {
  for (const char* text : {"", ";", "/usr", "r", "rr /usr", "q /usr", "r usr", "r /a;x"}) {
    EXPECT_FALSE(parse_landlock(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace crunlite::runtime
