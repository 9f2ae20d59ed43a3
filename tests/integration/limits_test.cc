// SPDX-License-Identifier: Apache-2.0
// Limits beyond memory, processors and processes (config-linux.md): what the kernel's files say
// where it has the controller, and that the others are refused by name.
#include "base/text.h"
#include "tests/integration/harness.h"

namespace crunlite::integration {
namespace {

class Limits : public RuntimeTest {
 protected:
  [[nodiscard]] static bool is_unified() { return Host::get().cgroups() == CgroupLayout::kUnified; }
  // The directory of cgroup2 in which the container lies, "" without one.
  [[nodiscard]] std::string unified_directory() {
    if (is_unified()) return cat("/sys/fs/cgroup", cgroup_of(id()));
    if (Host::get().cgroups() != CgroupLayout::kHybrid) return "";
    return cat("/sys/fs/cgroup/unified", cgroup_of(id()));
  }
  [[nodiscard]] std::string unified_controllers() {
    if (Host::get().cgroups() == CgroupLayout::kLegacy) return "";
    return read_host_file(is_unified() ? "/sys/fs/cgroup/cgroup.controllers"
                                       : "/sys/fs/cgroup/unified/cgroup.controllers");
  }
  [[nodiscard]] static std::string value(const std::string& path) {
    return std::string(trim(read_host_file(path)));
  }
  void expect_refused(std::string_view name, std::string_view json, std::string_view field) {
    config.set_json(cat("linux.resources.", name), json);
    Outcome outcome = run();
    EXPECT_NE(outcome.status, 0) << json;
    EXPECT_NE(outcome.err.find(field), std::string::npos) << outcome.err;
    EXPECT_EQ(leftovers(), "") << json;
    config.remove(cat("linux.resources.", name));
  }
};

TEST_F(Limits, HugePages) {
  DIFFERS(RuntimeKind::kRunc, "runc does not look for hugetlb in cgroup2 of a hybrid host");
  if (!unified_controllers().contains("hugetlb")) GTEST_SKIP() << "no cgroup controller hugetlb";
  if (!host_path_exists("/sys/kernel/mm/hugepages/hugepages-2048kB")) {
    GTEST_SKIP() << "no huge pages of 2 MB";
  }
  config.set_json("linux.resources.hugepageLimits", R"([{"pageSize": "2MB", "limit": 4194304}])");
  launch_probe({"wait"});
  EXPECT_EQ(value(cat(unified_directory(), "/hugetlb.2MB.max")), "4194304");
  EXPECT_EQ(value(cat(unified_directory(), "/hugetlb.2MB.rsvd.max")), "4194304");
}

TEST_F(Limits, AFileOfCgroup2ByName) {
  DIFFERS(RuntimeKind::kRunc, "runc ignores unified on a hybrid host");
  if (!unified_controllers().contains("hugetlb")) GTEST_SKIP() << "no cgroup controller hugetlb";
  config.set_json("linux.resources.unified",
                  R"({"hugetlb.2MB.max": "8388608", "cgroup.max.descendants": "7"})");
  launch_probe({"wait"});
  EXPECT_EQ(value(cat(unified_directory(), "/hugetlb.2MB.max")), "8388608");
  EXPECT_EQ(value(cat(unified_directory(), "/cgroup.max.descendants")), "7");
}

TEST_F(Limits, OfProcessorsThatIdleOrBurst) {
  ONLY_CRUN_LITE("Debian's runc and crun are older than idle and burst");
  if (!has_controller("cpu")) GTEST_SKIP() << "no cgroup controller cpu";
  config.set_json("linux.resources.cpu", R"({"quota": 50000, "burst": 20000, "idle": 1})");
  launch_probe({"wait"});
  EXPECT_EQ(value(cgroup_file("cpu", cgroup_of(id()), "cpu.idle")), "1");
  const char* burst = is_unified() ? "cpu.max.burst" : "cpu.cfs_burst_us";
  EXPECT_EQ(value(cgroup_file("cpu", cgroup_of(id()), burst)), "20000");
}

TEST_F(Limits, OfRealtimeProcesses) {
  if (!has_controller("cpu")) GTEST_SKIP() << "no cgroup controller cpu";
  const char* json = R"({"realtimePeriod": 500000, "realtimeRuntime": 1000})";
  if (is_unified()) {
    expect_refused("cpu", json, "realtime");
    return;
  }
  if (!host_path_exists("/sys/fs/cgroup/cpu/cpu.rt_runtime_us")) {
    expect_refused("cpu", json, "cpu.rt_period_us");
    return;
  }
  config.set_json("linux.resources.cpu", json);
  launch_probe({"wait"});
  EXPECT_EQ(value(cgroup_file("cpu", cgroup_of(id()), "cpu.rt_period_us")), "500000");
  EXPECT_EQ(value(cgroup_file("cpu", cgroup_of(id()), "cpu.rt_runtime_us")), "1000");
}

TEST_F(Limits, OfMemoryThatOnlyV1Has) {
  ONLY_CRUN_LITE("the path of a refused field is named by crun-lite only");
  if (!has_controller("memory")) GTEST_SKIP() << "no cgroup controller memory";
  if (is_unified()) {
    expect_refused("memory", R"({"swappiness": 10})", "linux.resources.memory.swappiness");
    expect_refused("memory", R"({"disableOOMKiller": true})",
                   "linux.resources.memory.disableOOMKiller");
    expect_refused("memory", R"({"kernelTCP": 1048576})", "linux.resources.memory.kernelTCP");
    return;
  }
  config.set_json("linux.resources.memory",
                  R"({"limit": 67108864, "swappiness": 10, "kernelTCP": 1048576,
                      "disableOOMKiller": true, "useHierarchy": true})");
  launch_probe({"wait"});
  const auto file = [&](const char* name) { return cgroup_file("memory", cgroup_of(id()), name); };
  EXPECT_EQ(value(file("memory.swappiness")), "10");
  EXPECT_EQ(value(file("memory.kmem.tcp.limit_in_bytes")), "1048576");
  EXPECT_EQ(value(file("memory.use_hierarchy")), "1");
  EXPECT_TRUE(value(file("memory.oom_control")).starts_with("oom_kill_disable 1"));
}

TEST_F(Limits, NetworkClassAndPriorities) {
  ONLY_CRUN_LITE("the path of a refused field is named by crun-lite only");
  if (is_unified() || !has_controller("net_cls")) {
    expect_refused("network", R"({"classID": 1048577})", "linux.resources.network.classID");
  } else {
    config.set_json("linux.resources.network", R"({"classID": 1048577})");
    launch_probe({"wait"});
    EXPECT_EQ(value(cgroup_file("net_cls", cgroup_of(id()), "net_cls.classid")), "1048577");
    remove();
  }
  if (is_unified() || !has_controller("net_prio")) {
    expect_refused("network", R"({"priorities": [{"name": "lo", "priority": 5}]})",
                   "linux.resources.network.priorities[0]");
    return;
  }
  config.set_json("linux.resources.network", R"({"priorities": [{"name": "lo", "priority": 5}]})");
  launch_probe({"wait"});
  EXPECT_TRUE(
      value(cgroup_file("net_prio", cgroup_of(id()), "net_prio.ifpriomap")).contains("lo 5"));
}

TEST_F(Limits, WhatThisHostLacksIsRefusedByName) {
  ONLY_CRUN_LITE("the path of a refused field is named by crun-lite only");
  expect_refused("rdma", R"({"nodevice0": {"hcaHandles": 3}})", "linux.resources.rdma[");
  expect_refused("hugepageLimits", R"([{"pageSize": "3MB", "limit": 1}])",
                 "linux.resources.hugepageLimits[0].limit");
  expect_refused("unified", R"({"nocontroller.max": "1"})", "linux.resources.unified");
}

}  // namespace
}  // namespace crunlite::integration
