// SPDX-License-Identifier: Apache-2.0
#include "namespaces/time.h"

#include <gtest/gtest.h>

namespace crunlite::namespaces {
namespace {

TEST(TimeOffsets, AreALineForEachClock) {
  EXPECT_EQ(time_offsets_text({}), "");
  EXPECT_EQ(time_offsets_text({{"monotonic", {.secs = -2, .nanosecs = 3}}, {"boottime", {7, 0}}}),
            "boottime 7 0\nmonotonic -2 3\n");
}

}  // namespace
}  // namespace crunlite::namespaces
