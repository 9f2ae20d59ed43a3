// SPDX-License-Identifier: Apache-2.0
#include "cgroups/group.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "tests/unit/cgroups/fake_tree.h"

namespace crunlite::cgroups {
namespace {

const std::map<std::string, std::string> kUnifiedFiles = {
    {"cgroup.controllers", "cpu io memory pids\n"},
    {"cgroup.events", "populated 0\nfrozen 0\n"},
    {"cgroup.freeze", "0\n"},
    {"memory.max", ""},
    {"memory.swap.max", ""},
    {"memory.current", "4096\n"},
    {"pids.max", ""},
    {"cpu.max", ""},
};

oci::Resources resources_of(const std::string& json) {
  Result<oci::Resources> resources = json::decode_text<oci::Resources>(json);
  EXPECT_TRUE(resources.has_value()) << json;
  return resources.value_or(oci::Resources());
}

// Device rules cannot be loaded onto a directory that is no cgroup, so they are optional here.
Result<Group> create(const Hierarchy& hierarchy, const std::string& path,
                     const std::string& json = "{}", bool required = true) {
  oci::Resources resources = resources_of(json);
  return Group::create(
      hierarchy,
      {.path = path, .resources = &resources, .required = required, .devices_optional = true});
}

std::string error_of(const Result<Group>& group) {
  return group.has_value() ? "(no error)" : group.error().message;
}

TEST(CgroupsPath, IsChecked) {
  struct Case {
    std::string path;
    const char* message;
  };
  const Case cases[] = {
      {"/a", nullptr},
      {"a/b", nullptr},
      {"//a/./b/", nullptr},
      {"/a:b:c/d", nullptr},
      {"a:b", nullptr},
      {"", "linux.cgroupsPath: \"\" is the root of the hierarchy"},
      {"/", "linux.cgroupsPath: \"/\" is the root of the hierarchy"},
      {"/./", "linux.cgroupsPath: \"/./\" is the root of the hierarchy"},
      {"/a/../b", "linux.cgroupsPath: contains \"..\""},
      {"..", "linux.cgroupsPath: contains \"..\""},
      {"/a\nb", "linux.cgroupsPath: contains a control character"},
      {std::string("/a\0b", 4), "linux.cgroupsPath: contains a control character"},
      {"system.slice:crio:abc",
       "linux.cgroupsPath: \"system.slice:crio:abc\" names a systemd slice, and the systemd "
       "driver is not supported"},
      {"/" + std::string(256, 'x'), "linux.cgroupsPath: a name in it is longer than 255 bytes"},
      {std::string(5000, '/'), "linux.cgroupsPath: longer than 4096 bytes"},
  };
  for (const Case& test : cases) {
    Status status = check_cgroups_path(test.path);
    if (test.message == nullptr) {
      EXPECT_TRUE(status.has_value()) << test.path;
    } else {
      ASSERT_FALSE(status.has_value()) << test.path;
      EXPECT_EQ(status.error().message, test.message);
    }
  }
}

TEST(GroupCreate, SetsLimitsInAnExistingUnifiedGroup) {
  FakeTree tree;
  tree.make("unified/app", kUnifiedFiles);
  Hierarchy hierarchy{Layout::kUnified, {tree.unified()}};
  Result<Group> group = create(hierarchy, "/app", R"({"memory":{"limit":1048576,"swap":1048576},
                                    "pids":{"limit":7},"cpu":{"quota":50000,"period":100000}})");
  ASSERT_TRUE(group.has_value()) << error_of(group);
  EXPECT_EQ(tree.get("unified/app/memory.max"), "1048576");
  EXPECT_EQ(tree.get("unified/app/memory.swap.max"), "0");
  EXPECT_EQ(tree.get("unified/app/pids.max"), "7");
  EXPECT_EQ(tree.get("unified/app/cpu.max"), "50000 100000");
  EXPECT_TRUE(group->is_shared());
  EXPECT_GE(group->unified_fd(), 0);
  ASSERT_TRUE(group->remove().has_value());
  EXPECT_TRUE(tree.exists("unified/app")) << "it was not made by us";
}

TEST(GroupCreate, GoesBelowOurOwnGroupWhenRelative) {
  FakeTree tree;
  tree.make("unified/own/app", kUnifiedFiles);
  Result<Group> group = create({Layout::kUnified, {tree.unified("own")}}, "app");
  ASSERT_TRUE(group.has_value()) << error_of(group);
  EXPECT_EQ(group->record().dirs.at(0).path, "own/app");
  Result<Group> unknown = create({Layout::kUnified, {tree.unified(std::nullopt)}}, "app");
  EXPECT_EQ(error_of(unknown),
            cat("linux.cgroupsPath: \"app\" is relative, and our own cgroup is not below ",
                tree.path("unified")));
}

TEST(GroupCreate, RefusesAFrozenGroup) {
  FakeTree tree;
  auto files = kUnifiedFiles;
  files["cgroup.events"] = "populated 1\nfrozen 1\n";
  tree.make("unified/app", files);
  Result<Group> group = create({Layout::kUnified, {tree.unified()}}, "/app");
  EXPECT_EQ(error_of(group), "linux.cgroupsPath: cgroup \"app\" is frozen");
  EXPECT_EQ(group.error().kind, Kind::kConflict);
  files["cgroup.events"] = "populated 1\nfrozen 0\n";
  files["cgroup.freeze"] = "1\n";  // still freezing
  tree.make("unified/app", files);
  EXPECT_EQ(error_of(create({Layout::kUnified, {tree.unified()}}, "/app")),
            "linux.cgroupsPath: cgroup \"app\" is frozen");
}

TEST(GroupCreate, RemovesWhatItMadeWhenItFails) {
  FakeTree tree;
  tree.make("unified/pod", {{"cgroup.controllers", ""}, {"cgroup.subtree_control", ""}});
  tree.make("memory");
  Hierarchy hierarchy{Layout::kHybrid, {tree.unified(), tree.legacy("memory")}};
  // A directory that is made in a plain file system has no interface files.
  Result<Group> group = create(hierarchy, "/pod/a/b", R"({"memory":{"limit":1}})");
  EXPECT_EQ(error_of(group),
            "linux.resources.memory.limit: this kernel has no memory.limit_in_bytes");
  EXPECT_TRUE(tree.exists("unified/pod"));
  EXPECT_FALSE(tree.exists("unified/pod/a"));
  EXPECT_FALSE(tree.exists("memory/pod"));
}

TEST(GroupCreate, IsEmptyWithAReasonWhereNoneCanBeMade) {
  FakeTree tree;
  for (const Hierarchy& hierarchy : {Hierarchy{}, Hierarchy{Layout::kUnified, {tree.unified()}}}) {
    Result<Group> group = create(hierarchy, "/app", "{}", false);
    ASSERT_TRUE(group.has_value()) << error_of(group);
    EXPECT_TRUE(group->is_empty());
    EXPECT_FALSE(group->reason().empty());
    EXPECT_EQ(group->unified_fd(), -1);
    EXPECT_EQ(group->take_join_fds()->size(), 0U);
    EXPECT_EQ(group->processes()->size(), 0U);
    EXPECT_TRUE(group->kill(SIGKILL).has_value());
    EXPECT_TRUE(group->remove().has_value());
    // What was asked for is required all the same.
    EXPECT_TRUE(error_of(create(hierarchy, "/app", R"({"pids":{"limit":1}})", false))
                    .starts_with("linux.resources.pids.limit: "));
    EXPECT_TRUE(error_of(create(hierarchy, "/app")).starts_with("linux.cgroupsPath: "));
  }
}

TEST(GroupCreate, NeedsTheDeviceRulesThatWereAskedFor) {
  oci::Resources resources = resources_of(R"({"devices":[{"allow":false}]})");
  Result<Group> group =
      Group::create(Hierarchy{}, {.path = "/app", .resources = &resources, .required = false});
  EXPECT_EQ(error_of(group), "linux.resources.devices: no cgroup file system is mounted");
}

TEST(GroupCreate, JoinsLegacyHierarchiesByNeed) {
  FakeTree tree;
  std::map<std::string, std::string> files = {{"tasks", ""}};
  for (const char* name : {"cpu,cpuacct", "memory", "pids", "blkio", "net_cls", "cpuset"}) {
    tree.make(std::string(name) + "/app", files);
  }
  tree.make("freezer/app", {{"tasks", ""}, {"freezer.state", "THAWED\n"}});
  tree.make("devices/app", {{"tasks", ""}, {"devices.allow", ""}, {"devices.deny", ""}});
  tree.make("systemd/app", files);
  MountedHierarchy named = tree.legacy("systemd");
  named.controllers = {"name=systemd"};
  Hierarchy hierarchy{Layout::kLegacy,
                      {tree.legacy("cpu,cpuacct"), tree.legacy("memory"), tree.legacy("pids"),
                       tree.legacy("blkio"), tree.legacy("net_cls"), tree.legacy("cpuset"),
                       tree.legacy("freezer"), tree.legacy("devices"), named}};
  Result<Group> group = create(hierarchy, "/app");
  ASSERT_TRUE(group.has_value()) << error_of(group);
  std::string joined;
  for (const GroupDir& dir : group->record().dirs) joined += join(dir.controllers, ",") + " ";
  EXPECT_EQ(joined, "cpu,cpuacct memory pids blkio freezer devices ");
  std::string unjoined;
  for (const GroupDir& dir : group->record().unjoined) unjoined += dir.controllers.at(0) + " ";
  EXPECT_EQ(unjoined, "net_cls cpuset ");
  EXPECT_EQ(group->unified_fd(), -1);
  EXPECT_EQ(tree.get("devices/app/devices.deny"), "a");
  EXPECT_EQ(tree.get("devices/app/devices.allow"), "c 136:* rwm") << "the last of the defaults";

  Result<std::vector<UniqueFd>> tasks = group->take_join_fds();
  ASSERT_TRUE(tasks.has_value());
  ASSERT_EQ(tasks->size(), 6U);
  for (const UniqueFd& fd : *tasks) ASSERT_TRUE(sys::write(fd.get(), "0").has_value());
  EXPECT_EQ(tree.get("cpu,cpuacct/app/tasks"), "0");
  EXPECT_EQ(tree.get("freezer/app/tasks"), "0");
  EXPECT_EQ(tree.get("cpuset/app/tasks"), "");
}

// The first rule of v1 denies all: an init at work would be refused its devices.
TEST(GroupCreate, LegacyDeviceRulesAreNeverLate) {
  FakeTree tree;
  tree.make("devices/app", {{"tasks", ""}, {"devices.allow", ""}, {"devices.deny", ""}});
  Hierarchy hierarchy{Layout::kLegacy, {tree.legacy("devices")}};
  Result<Group> group = Group::create(hierarchy, {.path = "/app", .devices_later = true});
  ASSERT_TRUE(group.has_value()) << error_of(group);
  EXPECT_EQ(tree.get("devices/app/devices.deny"), "a");
}

TEST(GroupCreate, LeavesStatisticsOutIfToldSo) {
  FakeTree tree;
  tree.make("unified/app", kUnifiedFiles);
  tree.make("memory/app", {{"tasks", ""}, {"memory.limit_in_bytes", ""}});
  tree.make("pids/app", {{"tasks", ""}});
  Hierarchy hierarchy{Layout::kHybrid,
                      {tree.unified(), tree.legacy("memory"), tree.legacy("pids")}};
  oci::Resources resources = resources_of(R"({"memory":{"limit":5}})");
  GroupSpec spec{.path = "/app", .resources = &resources};
  spec.devices_optional = true;
  spec.statistics = false;
  Result<Group> group = Group::create(hierarchy, spec);
  ASSERT_TRUE(group.has_value()) << error_of(group);
  ASSERT_EQ(group->record().dirs.size(), 2U);
  EXPECT_GE(group->legacy_fd("memory"), 0);
  EXPECT_EQ(group->legacy_fd("pids"), -1);
  EXPECT_EQ(tree.get("memory/app/memory.limit_in_bytes"), "5");
}

TEST(GroupCreate, InheritsProcessorsBeforeAnyoneJoins) {
  FakeTree tree;
  tree.make("cpuset", {{"cpuset.cpus", "0-1\n"}, {"cpuset.mems", "0\n"}});
  tree.make("cpuset/pod", {{"cpuset.cpus", "1\n"}, {"cpuset.mems", "\n"}});
  tree.make("cpuset/pod/app", {{"cpuset.cpus", ""}, {"cpuset.mems", ""}, {"tasks", ""}});
  tree.make("unified/pod/app", kUnifiedFiles);
  tree.put("cpuset/pod/cpuset.mems", "0");
  Hierarchy hierarchy{Layout::kHybrid, {tree.unified(), tree.legacy("cpuset")}};
  Result<Group> group = create(hierarchy, "/pod/app", R"({"cpu":{"mems":"0"}})");
  ASSERT_TRUE(group.has_value()) << error_of(group);
  EXPECT_EQ(tree.get("cpuset/pod/app/cpuset.cpus"), "1");
  EXPECT_EQ(tree.get("cpuset/pod/app/cpuset.mems"), "0");
}

TEST(GroupCreate, EnablesControllersFromTheRootDown) {
  FakeTree tree;
  std::map<std::string, std::string> parent = {{"cgroup.controllers", "cpu cpuset memory pids"},
                                               {"cgroup.subtree_control", ""}};
  tree.make("unified", parent);
  parent["cgroup.subtree_control"] = "memory";
  tree.make("unified/pod", parent);
  auto files = kUnifiedFiles;
  files["cgroup.controllers"] = "memory";
  files["cpuset.cpus"] = "";
  tree.make("unified/pod/app", files);
  Result<Group> group =
      create({Layout::kUnified, {tree.unified()}}, "/pod/app", R"({"cpu":{"cpus":"0"}})");
  ASSERT_TRUE(group.has_value()) << error_of(group);
  // cpuset is required, the others serve statistics; io is not available on this host
  EXPECT_EQ(tree.get("unified/cgroup.subtree_control"), "+cpuset +memory +pids +cpu");
  EXPECT_EQ(tree.get("unified/pod/cgroup.subtree_control"), "+cpuset +pids +cpu");
}

TEST(GroupCreate, SaysWhichLimitTheKernelRefuses) {
  FakeTree tree;
  auto files = kUnifiedFiles;
  files.erase("memory.swap.max");
  tree.make("unified/app", files);
  Hierarchy hierarchy{Layout::kUnified, {tree.unified()}};
  Result<Group> group = create(hierarchy, "/app", R"({"memory":{"limit":5,"swap":10}})");
  EXPECT_EQ(error_of(group), "linux.resources.memory.swap: this kernel has no memory.swap.max");
  EXPECT_EQ(group.error().kind, Kind::kUnavailable);
  // No swap at all is what a host without swap accounting gives anyway.
  EXPECT_TRUE(create(hierarchy, "/app", R"({"memory":{"limit":5,"swap":5}})").has_value());
}

TEST(GroupCreate, TakesTheOtherWeightFile) {
  FakeTree tree;
  auto files = kUnifiedFiles;
  files["io.weight"] = "";
  tree.make("unified/app", files);
  Result<Group> group =
      create({Layout::kUnified, {tree.unified()}}, "/app", R"({"blockIO":{"weight":1000}})");
  ASSERT_TRUE(group.has_value()) << error_of(group);
  EXPECT_EQ(tree.get("unified/app/io.weight"), "10000");
}

TEST(GroupUpdate, OrdersByWhatIsSet) {
  FakeTree tree;
  tree.make("memory/app", {{"tasks", ""},
                           {"memory.usage_in_bytes", "100\n"},
                           {"memory.limit_in_bytes", "200"},
                           {"memory.memsw.limit_in_bytes", "300"}});
  tree.make("unified/app", kUnifiedFiles);
  Hierarchy hierarchy{Layout::kHybrid, {tree.unified(), tree.legacy("memory")}};
  Result<Group> group = create(hierarchy, "/app");
  ASSERT_TRUE(group.has_value()) << error_of(group);
  Status checked =
      group->update(resources_of(R"({"memory":{"limit":50,"checkBeforeUpdate":true}})"));
  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(checked.error().message,
            "linux.resources.memory.limit: 50 is below the present usage of 100 bytes");
  EXPECT_EQ(tree.get("memory/app/memory.limit_in_bytes"), "200");
  ASSERT_TRUE(group->update(resources_of(R"({"memory":{"limit":400,"swap":500}})")).has_value());
  EXPECT_EQ(tree.get("memory/app/memory.limit_in_bytes"), "400");
  EXPECT_EQ(tree.get("memory/app/memory.memsw.limit_in_bytes"), "500");
}

TEST(GroupUpdate, LeavesTheFormerLimitsWhenOneIsRefused) {
  FakeTree tree;
  auto files = kUnifiedFiles;
  files["cgroup.controllers"] = "cpu hugetlb memory";
  files["memory.max"] = "8192\n";
  files["memory.low"] = "4096\n";
  files["cpu.max"] = "max 100000\n";
  tree.make("unified/app", files);
  Result<Group> group = create({Layout::kUnified, {tree.unified()}}, "/app");
  ASSERT_TRUE(group.has_value()) << error_of(group);
  // There is no hugetlb.2MB.max in this tree.
  Status updated = group->update(resources_of(
      R"({"memory":{"limit":4096,"reservation":1024},"cpu":{"quota":5000},
          "hugepageLimits":[{"pageSize":"2MB","limit":0}]})"));
  ASSERT_FALSE(updated.has_value());
  EXPECT_EQ(updated.error().message,
            "linux.resources.hugepageLimits[0].limit: this kernel has no hugetlb.2MB.max");
  EXPECT_EQ(trim(tree.get("unified/app/memory.max")), "8192");
  EXPECT_EQ(trim(tree.get("unified/app/memory.low")), "4096");
  EXPECT_EQ(trim(tree.get("unified/app/cpu.max")), "max 100000");
}

TEST(GroupUpdate, JoinsAHierarchyThatIsNeededOnlyNow) {
  FakeTree tree;
  auto files = kUnifiedFiles;
  files["cgroup.procs"] = "4711\n";
  tree.make("unified/app", files);
  tree.make("cpuset", {{"cpuset.cpus", "0-3"}, {"cpuset.mems", "0"}});
  tree.make("cpuset/app", {{"tasks", ""}, {"cpuset.cpus", "0-3"}, {"cpuset.mems", "0"}});
  Hierarchy hierarchy{Layout::kHybrid, {tree.unified(), tree.legacy("cpuset")}};
  Result<Group> group = create(hierarchy, "/app");
  ASSERT_TRUE(group.has_value()) << error_of(group);
  ASSERT_EQ(group->record().unjoined.size(), 1U);
  Status updated = group->update(resources_of(R"({"cpu":{"cpus":"1-2"}})"));
  ASSERT_TRUE(updated.has_value()) << updated.error().message;
  EXPECT_EQ(tree.get("cpuset/app/cgroup.procs"), "4711");
  EXPECT_EQ(tree.get("cpuset/app/cpuset.cpus"), "1-2");
  EXPECT_EQ(group->record().unjoined.size(), 0U);
  EXPECT_EQ(group->record().dirs.size(), 2U);
}

TEST(GroupUpdate, FailsForAnEmptyGroup) {
  Result<Group> group = create(Hierarchy{}, "/app", "{}", false);
  ASSERT_TRUE(group.has_value());
  Status updated = group->update(resources_of(R"({"pids":{"limit":1}})"));
  ASSERT_FALSE(updated.has_value());
  EXPECT_EQ(updated.error().message,
            "the container has no cgroup: no cgroup file system is mounted");
}

TEST(GroupRecord, SurvivesJson) {
  GroupRecord record;
  GroupDir dir{.unified = true, .mount_point = "/m", .path = "a/b"};
  dir.made = 2;
  dir.inode = 77;
  GroupDir legacy{.controllers = {"cpu", "cpuacct"}, .mount_point = "/c", .path = "a/b"};
  record.dirs = {dir, legacy};
  record.unjoined = {legacy};
  record.device_program = 5;
  std::string text = json::write(json::encode(record));
  Result<GroupRecord> read = json::decode_text<GroupRecord>(text);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(json::write(json::encode(*read)), text);
  EXPECT_EQ(read->dirs.at(0).inode, 77U);
  EXPECT_EQ(read->dirs.at(0).made, 2U);
  EXPECT_EQ(read->dirs.at(1).controllers.size(), 2U);
  EXPECT_EQ(read->device_program, 5U);
}

TEST(GroupOpen, LeavesOutWhatIsGoneOrReplaced) {
  FakeTree tree;
  tree.make("unified/app", kUnifiedFiles);
  Result<Group> group = create({Layout::kUnified, {tree.unified()}}, "/app");
  ASSERT_TRUE(group.has_value()) << error_of(group);
  GroupRecord record = group->record();
  EXPECT_FALSE(Group::open(record)->is_empty());
  record.dirs[0].inode++;
  EXPECT_TRUE(Group::open(record)->is_empty());
  record.dirs[0].inode = 0;
  record.dirs[0].path = "elsewhere";
  EXPECT_TRUE(Group::open(record)->is_empty());
  record.dirs[0].mount_point = tree.path("nowhere");
  EXPECT_TRUE(Group::open(record)->is_empty());
}

TEST(GroupRemove, TakesOnlyWhatWeMadeAndNobodyUses) {
  FakeTree tree;
  tree.make("unified/pod");
  ASSERT_TRUE(sys::mkdirat(AT_FDCWD, tree.path("unified/pod/mine").c_str(), 0755).has_value());
  ASSERT_TRUE(sys::mkdirat(AT_FDCWD, tree.path("unified/pod/mine/app").c_str(), 0755).has_value());
  ASSERT_TRUE(
      sys::mkdirat(AT_FDCWD, tree.path("unified/pod/mine/app/sub").c_str(), 0755).has_value());
  GroupRecord record;
  GroupDir dir{.unified = true, .mount_point = tree.path("unified"), .path = "pod/mine/app"};
  dir.made = 0;
  record.dirs = {dir};
  ASSERT_TRUE(Group::open(record)->remove().has_value());
  EXPECT_TRUE(tree.exists("unified/pod/mine/app"));
  record.dirs[0].made = 3;  // "pod" too, but others are in it
  record.dirs[0].inode = 1;
  ASSERT_TRUE(Group::open(record)->remove().has_value());
  EXPECT_TRUE(tree.exists("unified/pod/mine/app")) << "another directory of that name";
  record.dirs[0].inode = 0;
  Status removed = Group::open(record)->remove();
  ASSERT_TRUE(removed.has_value()) << removed.error().message;
  EXPECT_FALSE(tree.exists("unified/pod/mine"));
  EXPECT_TRUE(tree.exists("unified/pod"));
  EXPECT_TRUE(Group::open(record)->remove().has_value()) << "twice";
}

TEST(GroupFreeze, UsesTheLegacyFreezerWhereThereIsNoOther) {
  FakeTree tree;
  tree.make("freezer/app", {{"tasks", ""}, {"freezer.state", "THAWED"}});
  Result<Group> group = create({Layout::kLegacy, {tree.legacy("freezer")}}, "/app");
  ASSERT_TRUE(group.has_value()) << error_of(group);
  EXPECT_FALSE(group->is_frozen().value());
  ASSERT_TRUE(group->freeze().has_value());
  EXPECT_EQ(tree.get("freezer/app/freezer.state"), "FROZEN");
  EXPECT_TRUE(group->is_frozen().value());
  EXPECT_EQ(error_of(create({Layout::kLegacy, {tree.legacy("freezer")}}, "/app")),
            "linux.cgroupsPath: cgroup \"app\" is frozen");
  ASSERT_TRUE(group->thaw().has_value());
  EXPECT_FALSE(group->is_frozen().value());
}

TEST(GroupProcesses, AreThoseOfSubgroupsToo) {
  FakeTree tree;
  auto files = kUnifiedFiles;
  files["cgroup.procs"] = "12\n13\n0\n";  // 0: of another pid namespace
  tree.make("unified/app", files);
  tree.make("unified/app/a/b", {{"cgroup.procs", "14\n"}});
  tree.make("unified/app/c", {{"cgroup.procs", cat(::getpid(), "\n")}});
  Result<Group> group = create({Layout::kUnified, {tree.unified()}}, "/app");
  ASSERT_TRUE(group.has_value()) << error_of(group);
  std::vector<pid_t> pids = group->processes().value();
  std::ranges::sort(pids);
  std::vector<pid_t> expected = {12, 13, 14, ::getpid()};
  std::ranges::sort(expected);
  EXPECT_EQ(pids, expected);
  // The directory in which a process is: that of init, for an exec beside it.
  Result<UniqueFd> dir = group->open_cgroup_of(::getpid());
  ASSERT_TRUE(dir.has_value());
  EXPECT_EQ(sys::fstat(dir->get())->st_ino,
            sys::fstatat(AT_FDCWD, tree.path("unified/app/c").c_str(), 0)->st_ino);
  EXPECT_EQ(group->open_cgroup_of(99).error().kind, Kind::kNotFound);
}

TEST(GroupKill, SignalsThroughTheListOrAllAtOnce) {
  FakeTree tree;
  auto files = kUnifiedFiles;
  files["cgroup.procs"] = cat(::getpid(), "\n");
  files["cgroup.kill"] = "";
  tree.make("unified/app", files);
  Result<Group> group = create({Layout::kUnified, {tree.unified()}}, "/app");
  ASSERT_TRUE(group.has_value()) << error_of(group);
  sigset_t usr1;
  sigset_t before;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &usr1, &before);
  EXPECT_TRUE(group->kill(SIGUSR1).has_value());
  timespec no_time{};
  EXPECT_EQ(sigtimedwait(&usr1, nullptr, &no_time), SIGUSR1);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_TRUE(group->kill(SIGKILL).has_value());
  EXPECT_EQ(tree.get("unified/app/cgroup.kill"), "1");
}

TEST(GroupWaitEmpty, ReadsTheEvents) {
  FakeTree tree;
  tree.make("unified/app", kUnifiedFiles);
  Result<Group> group = create({Layout::kUnified, {tree.unified()}}, "/app");
  ASSERT_TRUE(group.has_value()) << error_of(group);
  EXPECT_TRUE(group->wait_empty(0).value());
  tree.put("unified/app/cgroup.events", "populated 1\nfrozen 0\n");
  EXPECT_FALSE(group->wait_empty(1).value());
}

}  // namespace
}  // namespace crunlite::cgroups
