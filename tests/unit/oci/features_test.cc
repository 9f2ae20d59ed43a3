// SPDX-License-Identifier: Apache-2.0
#include "oci/features.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "oci/names.h"

namespace crunlite::oci {
namespace {

TEST(Features, NameWhatTheTablesHold) {
  Features features = specification_features();
  EXPECT_EQ(features.oci_version_min, "1.0.0");
  EXPECT_EQ(features.hooks.size(), 6U);
  EXPECT_EQ(features.linux_->capabilities.size(), 41U);
  EXPECT_EQ(features.linux_->namespaces.size(), 8U);
}

TEST(Features, WriteAFalseThatWasSaid) {
  Features features = specification_features();
  features.linux_->cgroup =
      CgroupFeatures{.v1 = true, .v2 = true, .systemd = false, .systemd_user = {}, .rdma = false};
  Result<json::Value> document = json::parse(write_features(features));
  ASSERT_TRUE(document.has_value());
  const json::Value* os = document->find("linux");
  ASSERT_NE(os, nullptr);
  EXPECT_EQ(*os->find("cgroup")->find("systemd"), json::Value(false));
  EXPECT_EQ(os->find("cgroup")->find("systemdUser"), nullptr);
  EXPECT_EQ(*os->find("intelRdt")->find("enabled"), json::Value(false));
  EXPECT_EQ(*os->find("seccomp")->find("enabled"), json::Value(true));
  EXPECT_EQ(*os->find("mountExtensions")->find("idmap")->find("enabled"), json::Value(true));
}

TEST(Names, HoldNothingTwice) {
  auto sorted_unique = [](auto table) {
    std::ranges::sort(table);
    return std::ranges::adjacent_find(table) == table.end();
  };
  EXPECT_TRUE(sorted_unique(kCapabilities));
  EXPECT_TRUE(sorted_unique(kNamespaceTypes));
  EXPECT_TRUE(sorted_unique(kSeccompActions));
  EXPECT_TRUE(sorted_unique(kSeccompArchitectures));
  EXPECT_TRUE(sorted_unique(kSeccompOperators));
  EXPECT_TRUE(sorted_unique(kPropagations));
}

TEST(Names, GiveTheKernelsNumbers) {
  EXPECT_EQ(capability_number("CAP_CHOWN"), 0);
  EXPECT_EQ(capability_number("CAP_SYS_ADMIN"), 21);
  EXPECT_EQ(capability_number("CAP_CHECKPOINT_RESTORE"), 40);
  EXPECT_FALSE(capability_number("cap_chown").has_value());
  EXPECT_EQ(rlimit_number("RLIMIT_NOFILE"), RLIMIT_NOFILE);
  EXPECT_FALSE(rlimit_number("NOFILE").has_value());
}

}  // namespace
}  // namespace crunlite::oci
