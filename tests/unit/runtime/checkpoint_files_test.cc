// SPDX-License-Identifier: Apache-2.0
#include "runtime/checkpoint_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include "base/text.h"
#include "runtime/restore_stage.h"

using testing::ElementsAre;

namespace crunlite::runtime {
namespace {

TEST(CheckpointDescriptors, AreThreeTextsAtMost) {
  EXPECT_THAT(parse_descriptors(R"(["/dev/null", "pipe:[12]", "file[1a:2b]"])").value(),
              ElementsAre("/dev/null", "pipe:[12]", "file[1a:2b]"));
  for (const char* text : {"", "{}", "[1]", R"(["a", "b", "c", "d"])", R"(["a\u0000b"])", "[[]]"}) {
    EXPECT_FALSE(parse_descriptors(text).has_value()) << text;
  }
  EXPECT_FALSE(parse_descriptors(cat("[\"", std::string(5000, 'x'), "\"]")).has_value());
}

TEST(CheckpointDescriptors, TerminalsAndOwnFilesAreNotReplaced) {
  EXPECT_TRUE(is_replaceable("pipe:[12]"));
  EXPECT_TRUE(is_replaceable("file[1a:2b]"));
  for (const char* name : {"", "/dev/null", "/dev/pts/0", "socket:[3]", "pipe"}) {
    EXPECT_FALSE(is_replaceable(name)) << name;
  }
}

TEST(CheckpointMounts, PlacesAreAbsoluteAndClean) {
  EXPECT_THAT(parse_mount_places(R"(["/a", "/a/b c"])").value(), ElementsAre("/a", "/a/b c"));
  for (const char* text :
       {R"(["a"])", R"(["/"])", R"(["/a/"])", R"(["/a/../b"])", R"(["//a"])", R"(["/a", "/a"])",
        R"([""])", R"(["/a]:/etc"])", R"(["/a\u0000b"])", R"("/a")"}) {
    EXPECT_FALSE(parse_mount_places(text).has_value()) << text;
  }
}

TEST(CheckpointMounts, AreReadBackAsWritten) {
  const std::vector<std::string> places = {"/a", "/\"quoted\" \\ \n"};
  EXPECT_EQ(parse_mount_places(write_texts(places)).value(), places);
}

TEST(MountLines, OfTheKernel) {
  const std::vector<MountLine> lines = parse_mount_lines(
      "21 1 0:5 /null /proc/kcore rw,nosuid master:3 shared:4 - devtmpfs udev rw\n"
      "22 1 8:1 /a\\040b /with\\134slash\\012 rw - ext4 /dev/sda rw\n"
      "x 1 8:1 / /bad rw - ext4 /dev/sda rw\n"
      "23 1 8:1 / /cut rw\n"
      "24 1 8:1 / /end rw -\n");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].id, 21U);
  EXPECT_EQ(lines[0].root, "/null");
  EXPECT_EQ(lines[0].place, "/proc/kcore");
  EXPECT_EQ(lines[0].type, "devtmpfs");
  EXPECT_EQ(lines[1].root, "/a b");
  EXPECT_EQ(lines[1].place, "/with\\slash\n");
}

class MountOrigins : public testing::Test {
 protected:
  void add(const char* destination, const char* type, bool is_bind) {
    namespaces::MountPlan mount;
    mount.destination = destination;
    mount.type = type;
    mount.options.is_bind = is_bind;
    plan_.mounts.push_back(std::move(mount));
  }
  MountOrigin origin(const char* place, const char* type, const char* root = "/") {
    const MountLine line = {.id = 1, .root = root, .place = place, .type = type};
    return origin_of(plan_, place, &line).origin;
  }
  void SetUp() override {
    add("/proc", "proc", false);
    add("/dev", "tmpfs", false);
    add("/volume", "bind", true);
    add("/volume/tmp", "tmpfs", false);
    add("/sys/fs/cgroup", "cgroup", false);
    plan_.masked_paths = {"/proc/kcore", "/proc/acpi"};
    namespaces::DevicePlan null;
    null.path = "/dev/null";
    plan_.devices = {null};
  }
  ContainerPlan plan_;
};

TEST_F(MountOrigins, OfARunningContainer) {
  EXPECT_EQ(origin("/proc", "proc"), MountOrigin::kOwn);
  EXPECT_EQ(origin("/proc/sys", "proc", "/sys"), MountOrigin::kOwn);
  EXPECT_EQ(origin("/proc/kcore", "devtmpfs", "/null"), MountOrigin::kNull);
  EXPECT_EQ(origin("/proc/acpi", "tmpfs"), MountOrigin::kOwn);
  EXPECT_EQ(origin("/volume", "ext4", "/srv"), MountOrigin::kBind);
  EXPECT_EQ(origin("/volume/inner", "xfs"), MountOrigin::kBind);
  EXPECT_EQ(origin("/volumes", "tmpfs"), MountOrigin::kOwn);
  EXPECT_EQ(origin("/volume/tmp", "tmpfs"), MountOrigin::kOwn);
  EXPECT_EQ(origin("/dev/null", "devtmpfs", "/null"), MountOrigin::kDevice);
  EXPECT_EQ(origin("/sys/fs/cgroup", "tmpfs"), MountOrigin::kOwn);
  EXPECT_EQ(origin("/sys/fs/cgroup/memory", "cgroup"), MountOrigin::kCgroup);
  EXPECT_EQ(origin("/elsewhere", "tmpfs"), MountOrigin::kOwn);
}

TEST_F(MountOrigins, SayWhatIsBelowABind) {
  const OriginOfMount whole = origin_of(plan_, "/volume", nullptr);
  EXPECT_EQ(whole.index, 2U);
  EXPECT_EQ(whole.below, "");
  EXPECT_EQ(origin_of(plan_, "/volume/a/b", nullptr).below, "/a/b");
}

TEST_F(MountOrigins, OfAnImageMustStandInTheConfig) {
  EXPECT_TRUE(plan_staged_mounts(plan_, {"/volume", "/volume/x", "/proc/kcore"}).has_value());
  for (const char* place : {"/etc", "/proc", "/dev/null", "/volume/tmp/x"}) {
    EXPECT_FALSE(plan_staged_mounts(plan_, {place}).has_value()) << place;
  }
  plan_.namespaces.made = CLONE_NEWUSER;  // devices are copies of the host's there
  EXPECT_TRUE(plan_staged_mounts(plan_, {"/dev/null"}).has_value());
}

}  // namespace
}  // namespace crunlite::runtime
