// SPDX-License-Identifier: Apache-2.0
#include "namespaces/devices.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "base/path.h"
#include "base/sys.h"

namespace crunlite::namespaces {
namespace {

const DevicePlan* find(const std::vector<DevicePlan>& plans, const std::string& path) {
  auto found = std::find_if(plans.begin(), plans.end(),
                            [&](const DevicePlan& plan) { return plan.path == path; });
  return found == plans.end() ? nullptr : &*found;
}

oci::Device device_of(const char* type, const char* path, int64_t major, int64_t minor) {
  oci::Device device;
  device.type = type;
  device.path = path;
  device.major = major;
  device.minor = minor;
  return device;
}

TEST(DevicePlans, HoldTheDefaultDevices) {
  struct Row {
    const char* path;
    dev_t device;
  };
  const Result<std::vector<DevicePlan>> plans = plan_devices({});
  ASSERT_TRUE(plans.has_value());
  EXPECT_EQ(plans->size(), 6U);
  for (const Row& row : std::initializer_list<Row>{{"/dev/null", makedev(1, 3)},
                                                   {"/dev/zero", makedev(1, 5)},
                                                   {"/dev/full", makedev(1, 7)},
                                                   {"/dev/random", makedev(1, 8)},
                                                   {"/dev/urandom", makedev(1, 9)},
                                                   {"/dev/tty", makedev(5, 0)}}) {
    const DevicePlan* plan = find(*plans, row.path);
    ASSERT_NE(plan, nullptr) << row.path;
    EXPECT_EQ(plan->device, row.device) << row.path;
    EXPECT_EQ(plan->mode, mode_t{S_IFCHR | 0666}) << row.path;
    EXPECT_EQ(plan->uid + plan->gid, 0U);
  }
}

TEST(DevicePlans, TranslateEachType) {
  struct Row {
    const char* type;
    mode_t bits;
    dev_t device;
  };
  for (const Row& row : std::initializer_list<Row>{{"c", S_IFCHR, makedev(10, 229)},
                                                   {"u", S_IFCHR, makedev(10, 229)},
                                                   {"b", S_IFBLK, makedev(10, 229)},
                                                   {"p", S_IFIFO, 0}}) {
    oci::Device device;
    device.type = row.type;
    device.path = "/dev/x";
    device.major = 10;
    device.minor = 229;
    const Result<std::vector<DevicePlan>> plans = plan_devices({device});
    ASSERT_TRUE(plans.has_value()) << row.type;
    const DevicePlan& plan = plans->back();
    EXPECT_EQ(plan.field, "linux.devices[0]");
    EXPECT_EQ(plan.mode, row.bits | 0666U) << row.type;
    EXPECT_EQ(plan.device, row.device) << row.type;
  }
}

TEST(DevicePlans, KeepModeAndOwner) {
  oci::Device device = device_of("c", "/dev/kvm", 10, 232);
  device.file_mode = S_IFCHR | 04660;  // callers leave the type's bits in
  device.uid = 1000;
  device.gid = 36;
  const DevicePlan plan = plan_devices({device})->back();
  EXPECT_EQ(plan.mode, mode_t{S_IFCHR | 04660});
  EXPECT_EQ(plan.uid, 1000U);
  EXPECT_EQ(plan.gid, 36U);
}

TEST(DevicePlans, ReplaceTheDefaultOrAnEarlierOneOfTheirPath) {
  oci::Device first = device_of("c", "/dev/null", 1, 5);
  oci::Device second = first;
  second.minor = 7;
  const Result<std::vector<DevicePlan>> plans = plan_devices({first, second});
  ASSERT_TRUE(plans.has_value());
  EXPECT_EQ(plans->size(), 6U);
  EXPECT_EQ(find(*plans, "/dev/null")->device, makedev(1, 7));
  EXPECT_EQ(find(*plans, "/dev/null")->field, "linux.devices[1]");
}

TEST(DevicePlans, TakeTheLargestNumbers) {
  oci::Device device = device_of("b", "/dev/x", 4095, 1048575);
  EXPECT_EQ(plan_devices({device})->back().device, makedev(4095, 1048575));
}

TEST(DevicePlans, AreRefusedByTheirField) {
  struct Row {
    oci::Device device;
    std::string error;
  };
  const oci::Device good = device_of("c", "/dev/x", 1, 1);
  const auto with = [&](auto change) {
    oci::Device device = good;
    change(device);
    return device;
  };
  for (const Row& row : std::vector<Row>{
           {with([](oci::Device& d) { d.type = "x"; }), ".type: \"x\" is not one of c, u, b, p"},
           {with([](oci::Device& d) { d.type = ""; }), ".type: \"\" is not one of c, u, b, p"},
           {with([](oci::Device& d) { d.path = "dev/x"; }),
            ".path: \"dev/x\" is not absolute and clean"},
           {with([](oci::Device& d) { d.path = "/dev/../x"; }),
            ".path: \"/dev/../x\" is not absolute and clean"},
           {with([](oci::Device& d) { d.path = "/"; }), ".path: \"/\" is not absolute and clean"},
           {with([](oci::Device& d) { d.major = -1; }), ".major: -1 is not a device number"},
           {with([](oci::Device& d) { d.major = 4096; }), ".major: 4096 is not a device number"},
           {with([](oci::Device& d) { d.minor = -1; }), ".minor: -1 is not a device number"},
           {with([](oci::Device& d) { d.minor = 1048576; }),
            ".minor: 1048576 is not a device number"},
       }) {
    const Result<std::vector<DevicePlan>> plans = plan_devices({good, row.device});
    ASSERT_FALSE(plans.has_value()) << row.error;
    EXPECT_EQ(plans.error().message, "linux.devices[1]" + row.error);
    EXPECT_EQ(plans.error().kind, Kind::kInvalid);
  }
}

// A FIFO is the one node that needs no privilege.
class DeviceNodes : public testing::Test {
 protected:
  void SetUp() override {
    Result<TempDir> made = TempDir::create("devices_test");
    ASSERT_TRUE(made.has_value());
    root_.emplace(std::move(*made));
    old_mask_ = ::umask(0);
  }
  void TearDown() override { ::umask(old_mask_); }

  static DevicePlan fifo(std::string path) {
    return {.field = "linux.devices[0]", .path = std::move(path), .mode = S_IFIFO | 0640};
  }
  [[nodiscard]] mode_t mode_of(const std::string& path) const {
    Result<struct stat> info = sys::fstatat(root_->fd(), path.c_str(), AT_SYMLINK_NOFOLLOW);
    return info.has_value() ? info->st_mode : 0;
  }

  std::optional<TempDir> root_;
  mode_t old_mask_ = 0;
};

TEST_F(DeviceNodes, AreMadeWithTheirDirectories) {
  ASSERT_TRUE(make_device(root_->fd(), fifo("/dev/a/b"), -1).has_value());
  EXPECT_EQ(mode_of("dev/a/b"), mode_t{S_IFIFO | 0640});
  EXPECT_EQ(mode_of("dev/a"), mode_t{S_IFDIR | 0755});
}

TEST_F(DeviceNodes, ThatAreThereAlreadyMustBeTheSame) {
  ASSERT_TRUE(make_device(root_->fd(), fifo("/x"), -1).has_value());
  EXPECT_TRUE(make_device(root_->fd(), fifo("/x"), -1).has_value());
  DevicePlan other = fifo("/x");
  other.mode = S_IFCHR | 0666;
  other.device = makedev(1, 3);
  const Status refused = make_device(root_->fd(), other, -1);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, Kind::kExists);
  EXPECT_EQ(refused.error().message, "linux.devices[0]: /x exists and is another file");
}

TEST_F(DeviceNodes, DoNotFollowALinkInTheirPlace) {
  ASSERT_TRUE(sys::symlinkat("target", root_->fd(), "x").has_value());
  const Status refused = make_device(root_->fd(), fifo("/x"), -1);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message, "linux.devices[0]: /x exists and is another file");
  EXPECT_EQ(mode_of("target"), 0U);
}

TEST_F(DeviceNodes, StayInsideTheRootBehindLinks) {
  Result<TempDir> outside = TempDir::create("devices_test_outside");
  ASSERT_TRUE(outside.has_value());
  ASSERT_TRUE(sys::symlinkat(outside->path().c_str(), root_->fd(), "dev").has_value());
  (void)make_device(root_->fd(), fifo("/dev/x"), -1);  // refused or contained, both are right
  EXPECT_FALSE(sys::fstatat(outside->fd(), "x", AT_SYMLINK_NOFOLLOW).has_value());
}

TEST_F(DeviceNodes, AreAccompaniedByLinks) {
  ASSERT_TRUE(make_device_links(root_->fd()).has_value());
  ASSERT_TRUE(make_device_links(root_->fd()).has_value());  // they may be there
  struct Row {
    const char* path;
    const char* target;
  };
  for (const Row& row : std::initializer_list<Row>{{"dev/fd", "/proc/self/fd"},
                                                   {"dev/stdin", "/proc/self/fd/0"},
                                                   {"dev/stdout", "/proc/self/fd/1"},
                                                   {"dev/stderr", "/proc/self/fd/2"},
                                                   {"dev/ptmx", "pts/ptmx"}}) {
    EXPECT_EQ(sys::readlinkat(root_->fd(), row.path).value_or(""), row.target) << row.path;
  }
}

TEST_F(DeviceNodes, TakeThePlaceOfAnImagesPtmx) {
  ASSERT_TRUE(sys::mkdirat(root_->fd(), "dev", 0755).has_value());
  ASSERT_TRUE(sys::mknodat(root_->fd(), "dev/ptmx", S_IFREG | 0666, 0).has_value());
  ASSERT_TRUE(make_device_links(root_->fd()).has_value());
  EXPECT_EQ(sys::readlinkat(root_->fd(), "dev/ptmx").value_or(""), "pts/ptmx");
}

}  // namespace
}  // namespace crunlite::namespaces
