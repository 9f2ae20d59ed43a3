// SPDX-License-Identifier: Apache-2.0
#include "oci/default_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "oci/config_check.h"

namespace crunlite::oci {
namespace {

using ::testing::Contains;
using ::testing::IsSupersetOf;
using ::testing::Not;

Strings namespace_types(const Config& config) {
  Strings types;
  for (const Namespace& entry : config.linux_->namespaces) types.push_back(entry.type);
  return types;
}

const Mount& mount_at(const Config& config, std::string_view destination) {
  return *std::ranges::find(config.mounts, destination, &Mount::destination);
}

TEST(DefaultConfig, PassesItsOwnCheck) {
  Status status = check(default_config());
  EXPECT_TRUE(status.has_value()) << status.error().message;
  status = check(default_rootless_config(1000, 1000));
  EXPECT_TRUE(status.has_value()) << status.error().message;
}

TEST(DefaultConfig, IsReadBackAsWritten) {
  std::string text = write_config(default_config());
  Result<Config> read = parse_config(text);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(write_config(*read), text);
}

TEST(DefaultConfig, IsAShellWithLittlePower) {
  Config config = default_config();
  EXPECT_EQ(config.process->args, Strings{"sh"});
  EXPECT_TRUE(config.process->terminal);
  EXPECT_TRUE(config.process->no_new_privileges);
  EXPECT_TRUE(config.root->readonly);
  EXPECT_EQ(config.process->capabilities->bounding.size(), 3U);
  EXPECT_TRUE(config.process->capabilities->inheritable.empty());
  EXPECT_TRUE(config.process->capabilities->ambient.empty());
  EXPECT_THAT(namespace_types(config), Not(Contains("user")));
  EXPECT_THAT(namespace_types(config),
              IsSupersetOf({"pid", "network", "ipc", "uts", "mount", "cgroup"}));
  ASSERT_EQ(config.linux_->resources->devices.size(), 1U);
  EXPECT_FALSE(config.linux_->resources->devices[0].allow);
  EXPECT_THAT(mount_at(config, "/sys").options, Contains("ro"));
  EXPECT_THAT(mount_at(config, "/sys/fs/cgroup").options, Contains("ro"));
}

TEST(DefaultConfig, MasksWhatTellsOfTheHost) {
  EXPECT_THAT(default_masked_paths(),
              IsSupersetOf({"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug",
                            "/proc/interrupts", "/proc/scsi", "/sys/firmware",
                            "/sys/devices/virtual/powercap"}));
  EXPECT_THAT(default_readonly_paths(), IsSupersetOf({"/proc/sys", "/proc/sysrq-trigger"}));
}

TEST(DefaultRootlessConfig, MapsTheUserToRoot) {
  Config config = default_rootless_config(1000, 1001);
  ASSERT_EQ(config.linux_->uid_mappings.size(), 1U);
  EXPECT_EQ(config.linux_->uid_mappings[0].host_id, 1000U);
  EXPECT_EQ(config.linux_->uid_mappings[0].container_id, 0U);
  EXPECT_EQ(config.linux_->gid_mappings.at(0).host_id, 1001U);
  EXPECT_THAT(namespace_types(config), Contains("user"));
  EXPECT_THAT(namespace_types(config), Not(Contains("network")));
  EXPECT_FALSE(config.linux_->resources.has_value());
  EXPECT_THAT(mount_at(config, "/dev/pts").options, Not(Contains("gid=5")));
  EXPECT_THAT(mount_at(config, "/sys").options, IsSupersetOf({"rbind", "ro"}));
}

TEST(ImageCapabilities, AreTheFourteen) {
  Strings names = image_capabilities();
  EXPECT_EQ(names.size(), 14U);
  EXPECT_TRUE(std::ranges::is_sorted(names));
  EXPECT_THAT(names, Not(Contains("CAP_SYS_ADMIN")));
  Capabilities sets = capabilities_of(names);
  EXPECT_EQ(sets.effective, names);
  EXPECT_EQ(sets.permitted, names);
  EXPECT_EQ(sets.bounding, names);
  EXPECT_TRUE(sets.inheritable.empty());
  EXPECT_TRUE(sets.ambient.empty());
}

TEST(DefaultDeviceRules, OpenNoDisk) {
  for (const DeviceRule& rule : default_device_rules()) {
    if (rule.type == "b") {
      EXPECT_EQ(rule.access, "m");
    } else {
      EXPECT_TRUE(rule.access == "m" || rule.major.has_value());
    }
    EXPECT_TRUE(rule.allow);
  }
}

}  // namespace
}  // namespace crunlite::oci
