// SPDX-License-Identifier: Apache-2.0
#include "namespaces/id_map.h"

#include <gtest/gtest.h>

namespace crunlite::namespaces {
namespace {

TEST(IdMap, TextIsOneLineARange) {
  EXPECT_EQ(id_map_text({}), "");
  EXPECT_EQ(id_map_text({{.container_id = 0, .host_id = 1000, .size = 1}}), "0 1000 1\n");
  EXPECT_EQ(id_map_text({{0, 100000, 65536}, {65536, 4294901760, 65535}}),
            "0 100000 65536\n65536 4294901760 65535\n");
}

TEST(IdMap, KnowsWhichIdsOfTheContainerItMaps) {
  const std::vector<oci::IdMapping> maps = {{10, 100000, 5}, {0, 1000, 1}};
  for (uint32_t id : {0U, 10U, 14U}) EXPECT_TRUE(maps_container_id(maps, id)) << id;
  for (uint32_t id : {1U, 9U, 15U, 1000U, 100000U, UINT32_MAX}) {
    EXPECT_FALSE(maps_container_id(maps, id)) << id;
  }
  EXPECT_FALSE(maps_container_id({}, 0));
}

TEST(IdMap, KnowsTheLastIdWithoutOverflow) {
  const std::vector<oci::IdMapping> all = {{0, 0, UINT32_MAX}};
  EXPECT_TRUE(maps_container_id(all, UINT32_MAX - 1));
  EXPECT_FALSE(maps_container_id(all, UINT32_MAX));
  const std::vector<oci::IdMapping> wraps = {{UINT32_MAX - 1, 0, 4}};
  EXPECT_FALSE(maps_container_id(wraps, 0));
}

TEST(IdMap, OfAProcessThatIsGoneFailsByItsField) {
  // The largest pid that a kernel gives is 2^22.
  const Status written = write_id_maps((1 << 22) + 1, {.uids = {{0, 0, 1}}, .gids = {{0, 0, 1}}});
  ASSERT_FALSE(written.has_value());
  EXPECT_TRUE(written.error().message.starts_with("linux.uidMappings: "))
      << written.error().message;
}

}  // namespace
}  // namespace crunlite::namespaces
