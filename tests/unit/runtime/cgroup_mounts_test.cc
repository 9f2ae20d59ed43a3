// SPDX-License-Identifier: Apache-2.0
#include "runtime/cgroup_mounts.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

namespace crunlite::runtime {
namespace {

using cgroups::Hierarchy;
using cgroups::Layout;
using cgroups::MountedHierarchy;
using namespaces::MountPlan;

MountedHierarchy unified_at(std::string mount_point) {
  return {.unified = true, .mount_point = std::move(mount_point), .root = "/", .own_path = "our"};
}

MountedHierarchy legacy_of(std::vector<std::string> controllers) {
  std::string mount_point = "/sys/fs/cgroup/" + join(controllers, ",");
  return {.controllers = std::move(controllers),
          .mount_point = std::move(mount_point),
          .root = "/",
          .own_path = "our"};
}

const Hierarchy kUnifiedHost = {.layout = Layout::kUnified,
                                .mounts = {unified_at("/sys/fs/cgroup")}};
const Hierarchy kHybridHost = {
    .layout = Layout::kHybrid,
    .mounts = {unified_at("/sys/fs/cgroup/unified"), legacy_of({"cpu", "cpuacct"}),
               legacy_of({"name=systemd"})}};
const Hierarchy kLegacyHost = {.layout = Layout::kLegacy, .mounts = {legacy_of({"memory"})}};

// A plan with one mount before and one after that of the cgroups.
ContainerPlan plan_of(bool has_namespace, const oci::Strings& options = {"ro", "nosuid"}) {
  ContainerPlan plan;
  if (has_namespace) plan.namespaces.made |= CLONE_NEWCGROUP;
  MountPlan proc;
  proc.field = "mounts[0]";
  proc.destination = "/proc";
  proc.type = "proc";
  MountPlan cgroup;
  cgroup.field = "mounts[1]";
  cgroup.destination = "/sys/fs/cgroup";
  cgroup.type = "cgroup";
  cgroup.source = "cgroup";
  cgroup.options = *namespaces::parse_mount_options(options);
  MountPlan last;
  last.field = "mounts[2]";
  last.destination = "/tmp";
  last.type = "tmpfs";
  plan.mounts = {proc, cgroup, last};
  return plan;
}

std::vector<MountPlan> expand(const Hierarchy& hierarchy, ContainerPlan plan,
                              const cgroups::GroupRecord& group = {}) {
  const Status expanded = expand_cgroup_mounts(hierarchy, group, plan);
  EXPECT_TRUE(expanded.has_value());
  EXPECT_EQ(plan.mounts.front().destination, "/proc");
  EXPECT_EQ(plan.mounts.back().destination, "/tmp");
  return {plan.mounts.begin() + 1, plan.mounts.end() - 1};
}

cgroups::GroupRecord group_in(const MountedHierarchy& mounted, std::string path) {
  cgroups::GroupDir dir;
  dir.mount_point = mounted.mount_point;
  dir.path = std::move(path);
  cgroups::GroupRecord record;
  record.dirs = {dir};
  return record;
}

TEST(CgroupMounts, OfAUnifiedHostAreCgroup2) {
  const std::vector<MountPlan> mounts = expand(kUnifiedHost, plan_of(true));
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].type, "cgroup2");
  EXPECT_EQ(mounts[0].destination, "/sys/fs/cgroup");
  EXPECT_EQ(mounts[0].field, "mounts[1]");
  EXPECT_FALSE(mounts[0].options.is_bind);
  EXPECT_EQ(mounts[0].options.attributes_set, uint64_t{MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID});
}

TEST(CgroupMounts, WithoutANamespaceAreBindsOfTheContainersOwn) {
  const cgroups::GroupRecord group = group_in(kUnifiedHost.mounts[0], "pod/web");
  const std::vector<MountPlan> mounts = expand(kUnifiedHost, plan_of(false), group);
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_TRUE(mounts[0].options.is_bind);
  EXPECT_EQ(mounts[0].source, "/sys/fs/cgroup/pod/web");
  EXPECT_EQ(mounts[0].options.attributes_set, uint64_t{MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID});
}

TEST(CgroupMounts, WithoutAGroupAreBindsOfOurs) {
  const std::vector<MountPlan> mounts = expand(kUnifiedHost, plan_of(false));
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].source, "/sys/fs/cgroup/our");
}

// CVE-2023-25809 and its like: the whole hierarchy must not be reachable.
TEST(CgroupMounts, NeverShowAHierarchyInWhichOurPlaceIsUnknown) {
  Hierarchy host = kHybridHost;
  for (MountedHierarchy& mounted : host.mounts) mounted.own_path.reset();
  const std::vector<MountPlan> mounts =
      expand(host, plan_of(false), group_in(host.mounts[1], "web"));
  ASSERT_EQ(mounts.size(), 3U);  // the holder, the group's own, the holder again
  EXPECT_EQ(mounts[1].source, "/sys/fs/cgroup/cpu,cpuacct/web");
}

TEST(CgroupMounts, OfAHybridHostAreHeldByATmpfs) {
  const std::vector<MountPlan> mounts = expand(kHybridHost, plan_of(true));
  ASSERT_EQ(mounts.size(), 5U);
  // Places for the mounts have to be made in it, so that it is read-only at the end only.
  EXPECT_EQ(mounts[0].type, "tmpfs");
  EXPECT_EQ(mounts[0].options.attributes_set, uint64_t{MOUNT_ATTR_NOSUID});
  EXPECT_FALSE(mounts[0].options.values.empty());
  EXPECT_TRUE(mounts[4].options.is_remount);
  EXPECT_EQ(mounts[4].options.attributes_set, uint64_t{MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID});
  for (size_t end : {size_t{0}, size_t{4}}) EXPECT_EQ(mounts[end].destination, "/sys/fs/cgroup");

  EXPECT_EQ(mounts[1].type, "cgroup2");
  EXPECT_EQ(mounts[1].destination, "/sys/fs/cgroup/unified");
  EXPECT_EQ(mounts[2].type, "cgroup");
  EXPECT_EQ(mounts[2].destination, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(mounts[2].options.flags, (std::vector<std::string>{"cpu", "cpuacct"}));
  EXPECT_EQ(mounts[3].destination, "/sys/fs/cgroup/systemd");
  using Values = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(mounts[3].options.values, (Values{{"name", "systemd"}}));
  EXPECT_TRUE(mounts[3].options.flags.empty());
}

TEST(CgroupMounts, OfALegacyHostHaveNoUnifiedPart) {
  const std::vector<MountPlan> mounts =
      expand(kLegacyHost, plan_of(false), group_in(kLegacyHost.mounts[0], "web"));
  ASSERT_EQ(mounts.size(), 3U);
  EXPECT_EQ(mounts[1].destination, "/sys/fs/cgroup/memory");
  EXPECT_EQ(mounts[1].source, "/sys/fs/cgroup/memory/web");
  EXPECT_TRUE(mounts[1].options.flags.empty() && mounts[1].options.values.empty());
}

TEST(CgroupMounts, OfAHostWithoutCgroupsAreAnError) {
  ContainerPlan plan = plan_of(true);
  const Status expanded = expand_cgroup_mounts({}, {}, plan);
  ASSERT_FALSE(expanded.has_value());
  EXPECT_EQ(expanded.error().kind, Kind::kUnavailable);
}

TEST(CgroupMounts, ThatNobodyWantsNeedNoCgroups) {
  ContainerPlan plan = plan_of(true);
  plan.mounts.erase(plan.mounts.begin() + 1);
  EXPECT_FALSE(has_cgroup_mount(plan));
  EXPECT_TRUE(expand_cgroup_mounts({}, {}, plan).has_value());
  EXPECT_EQ(plan.mounts.size(), 2U);
}

TEST(CgroupMounts, AreNotBindsOfThatType) {
  ContainerPlan plan = plan_of(true);
  plan.mounts[1].options.is_bind = true;
  EXPECT_FALSE(has_cgroup_mount(plan));
  plan.mounts[1].options.is_bind = false;
  plan.mounts[1].type = "cgroup2";
  EXPECT_TRUE(has_cgroup_mount(plan));
}

}  // namespace
}  // namespace crunlite::runtime
