// SPDX-License-Identifier: Apache-2.0
#include "cgroups/limits.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace crunlite::cgroups {
namespace {

const Versions kUnified = {};
const Versions kLegacy = {.unified = false,
                          .legacy = {"memory", "cpu", "cpuacct", "cpuset", "pids", "blkio"}};

oci::Resources resources_of(const std::string& json) {
  Result<oci::Resources> resources = json::decode_text<oci::Resources>(json);
  EXPECT_TRUE(resources.has_value()) << json;
  return resources.value_or(oci::Resources());
}

// The writes as one readable line: "memory.max=1048576 pids.max=max", or the error.
std::string planned(const std::string& json, const Versions& versions,
                    const Present& present = {}) {
  Result<std::vector<Write>> writes = plan_writes(resources_of(json), versions, present);
  if (!writes.has_value()) return writes.error().message;
  std::string line;
  for (const Write& write : *writes) {
    if (!line.empty()) line += " ";
    line += cat(write.file, "=", write.text);
    if (write.if_missing == IfMissing::kIgnore) line += "?";
    if (write.retry_last) line += "~";
    if (!write.other_file.empty()) line += cat("|", write.other_file, "=", write.other_text);
  }
  return line;
}

struct Case {
  const char* json;
  const char* unified;
  const char* legacy;
};

void expect_all(const std::vector<Case>& cases) {
  for (const Case& test : cases) {
    EXPECT_EQ(planned(test.json, kUnified), test.unified) << test.json;
    EXPECT_EQ(planned(test.json, kLegacy), test.legacy) << test.json;
  }
}

TEST(PlanWrites, AsksNothingForNothing) {
  expect_all({
      {"{}", "", ""},
      {R"({"memory":{},"cpu":{},"blockIO":{}})", "", ""},
      {R"({"memory":{"limit":0,"swap":0,"reservation":0,"kernel":0}})", "", ""},
      {R"({"cpu":{"shares":0,"quota":0,"period":0,"cpus":"","realtimeRuntime":0}})", "", ""},
      {R"({"blockIO":{"weight":0,"leafWeight":0}})", "", ""},
  });
}

TEST(PlanMemory, SetsLimits) {
  expect_all({
      {R"({"memory":{"limit":67108864}})", "memory.max=67108864", "memory.limit_in_bytes=67108864"},
      // swap counts memory too in the specification and in v1, not in v2
      {R"({"memory":{"limit":100,"swap":150}})", "memory.swap.max=50 memory.max=100",
       "memory.limit_in_bytes=100 memory.memsw.limit_in_bytes=150"},
      {R"({"memory":{"limit":100,"swap":100}})", "memory.swap.max=0? memory.max=100",
       "memory.limit_in_bytes=100 memory.memsw.limit_in_bytes=100"},
      {R"({"memory":{"limit":100,"swap":-1}})", "memory.swap.max=max? memory.max=100",
       "memory.limit_in_bytes=100 memory.memsw.limit_in_bytes=-1?"},
      {R"({"memory":{"limit":-1}})", "memory.swap.max=max? memory.max=max",
       "memory.limit_in_bytes=-1 memory.memsw.limit_in_bytes=-1?"},
      {R"({"memory":{"swap":-1}})", "memory.swap.max=max?", "memory.memsw.limit_in_bytes=-1?"},
      {R"({"memory":{"reservation":5}})", "memory.low=5", "memory.soft_limit_in_bytes=5"},
      {R"({"memory":{"reservation":-1}})", "memory.low=max", "memory.soft_limit_in_bytes=-1"},
      {R"({"memory":{"limit":9223372036854775807}})", "memory.max=9223372036854775807",
       "memory.limit_in_bytes=9223372036854775807"},
      {R"({"memory":{"useHierarchy":true}})", "", "memory.use_hierarchy=1"},
      {R"({"memory":{"useHierarchy":false}})", "", ""},
      {R"({"memory":{"disableOOMKiller":false}})", "", "memory.oom_control=0"},
      {R"({"memory":{"kernel":-1,"kernelTCP":-1}})", "",
       "memory.kmem.limit_in_bytes=-1? memory.kmem.tcp.limit_in_bytes=-1?"},
  });
}

TEST(PlanMemory, RefusesWrongValues) {
  const char* no_limit =
      "linux.resources.memory.swap: needs a memory limit (linux.resources.memory.limit)";
  const char* below =
      "linux.resources.memory.swap: 99 is below the memory limit of 100: it counts memory and "
      "swap together";
  const char* negative = "linux.resources.memory.limit: -2 is neither positive nor -1 (unlimited)";
  const char* reservation =
      "linux.resources.memory.reservation: -9 is neither positive nor -1 (unlimited)";
  expect_all({
      {R"({"memory":{"swap":100}})", no_limit, no_limit},
      {R"({"memory":{"limit":-1,"swap":100}})", no_limit, no_limit},
      {R"({"memory":{"limit":100,"swap":99}})", below, below},
      {R"({"memory":{"limit":-2}})", negative, negative},
      {R"({"memory":{"reservation":-9}})", reservation, reservation},
      {R"({"memory":{"swappiness":101}})", "linux.resources.memory.swappiness: 101 is above 100",
       "linux.resources.memory.swappiness: 101 is above 100"},
  });
}

TEST(PlanMemory, RefusesWhatUnifiedDoesNotHave) {
  expect_all({
      {R"({"memory":{"swappiness":0}})", "linux.resources.memory.swappiness: cgroup v2 has none",
       "memory.swappiness=0"},
      {R"({"memory":{"disableOOMKiller":true}})",
       "linux.resources.memory.disableOOMKiller: cgroup v2 cannot disable it",
       "memory.oom_control=1"},
      {R"({"memory":{"kernel":7}})", "linux.resources.memory.kernel: cgroup v2 has no such limit",
       "memory.kmem.limit_in_bytes=7"},
      {R"({"memory":{"kernelTCP":7}})",
       "linux.resources.memory.kernelTCP: cgroup v2 has no such limit",
       "memory.kmem.tcp.limit_in_bytes=7"},
  });
}

TEST(PlanMemory, OrdersLegacyWritesByWhatIsSet) {
  const char* both = R"({"memory":{"limit":200,"swap":300}})";
  const char* limit_first = "memory.limit_in_bytes=200 memory.memsw.limit_in_bytes=300";
  const char* swap_first = "memory.memsw.limit_in_bytes=300 memory.limit_in_bytes=200";
  EXPECT_EQ(planned(both, kLegacy), limit_first);
  EXPECT_EQ(planned(both, kLegacy, {.memsw_limit = 1000}), limit_first);
  EXPECT_EQ(planned(both, kLegacy, {.memsw_limit = 200}), limit_first);
  EXPECT_EQ(planned(both, kLegacy, {.memsw_limit = 199}), swap_first);
  EXPECT_EQ(planned(R"({"memory":{"limit":-1}})", kLegacy, {.memsw_limit = 1000}),
            "memory.memsw.limit_in_bytes=-1? memory.limit_in_bytes=-1");
}

TEST(PlanMemory, UpdatesSwapAboveThePresentLimit) {
  const char* swap = R"({"memory":{"swap":300}})";
  EXPECT_EQ(planned(swap, kUnified, {.memory_limit = 200}), "memory.swap.max=100");
  EXPECT_EQ(planned(swap, kLegacy, {.memory_limit = 200}), "memory.memsw.limit_in_bytes=300");
  EXPECT_EQ(planned(swap, kUnified, {.memory_limit = 301}),
            "linux.resources.memory.swap: 300 is below the memory limit of 301: it counts memory "
            "and swap together");
}

TEST(PlanMemory, ChecksTheUsageBeforeAnUpdateIfAsked) {
  const char* checked = R"({"memory":{"limit":100,"checkBeforeUpdate":true}})";
  Present used = {.memory_usage = 101};
  const char* refused = "linux.resources.memory.limit: 100 is below the present usage of 101 bytes";
  EXPECT_EQ(planned(checked, kUnified, used), refused);
  EXPECT_EQ(planned(checked, kLegacy, used), refused);
  EXPECT_EQ(planned(checked, kUnified, {.memory_usage = 100}), "memory.max=100");
  EXPECT_EQ(planned(R"({"memory":{"limit":100}})", kUnified, used), "memory.max=100");
  EXPECT_EQ(planned(R"({"memory":{"limit":-1,"checkBeforeUpdate":true}})", kUnified, used),
            "memory.swap.max=max? memory.max=max");
}

TEST(PlanCpu, SetsBandwidth) {
  expect_all({
      {R"({"cpu":{"quota":50000,"period":100000}})", "cpu.max=50000 100000",
       "cpu.cfs_period_us=100000~ cpu.cfs_quota_us=50000"},
      {R"({"cpu":{"quota":50000}})", "cpu.max=50000", "cpu.cfs_quota_us=50000"},
      {R"({"cpu":{"quota":-1}})", "cpu.max=max", "cpu.cfs_quota_us=-1"},
      {R"({"cpu":{"quota":-1,"period":1000}})", "cpu.max=max 1000",
       "cpu.cfs_period_us=1000~ cpu.cfs_quota_us=-1"},
      {R"({"cpu":{"period":1000000}})", "cpu.max=max 1000000", "cpu.cfs_period_us=1000000~"},
      {R"({"cpu":{"quota":50000,"burst":50000}})", "cpu.max.burst=50000~ cpu.max=50000",
       "cpu.cfs_burst_us=50000~ cpu.cfs_quota_us=50000"},
      {R"({"cpu":{"burst":0}})", "cpu.max.burst=0?~", "cpu.cfs_burst_us=0?~"},
      {R"({"cpu":{"idle":1,"shares":1024}})", "cpu.weight=100~ cpu.idle=1",
       "cpu.shares=1024~ cpu.idle=1"},
      {R"({"cpu":{"idle":0}})", "cpu.idle=0?", "cpu.idle=0?"},
      {R"({"cpu":{"cpus":"0-1,3","mems":"0"}})", "cpuset.cpus=0-1,3 cpuset.mems=0",
       "cpuset.cpus=0-1,3 cpuset.mems=0"},
  });
  EXPECT_EQ(planned(R"({"cpu":{"period":50000}})", kUnified, {.cpu_quota = "25000"}),
            "cpu.max=25000 50000");
}

TEST(PlanCpu, RefusesWrongValues) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"cpu":{"quota":999}})",
       "linux.resources.cpu.quota: 999 is neither -1 (unlimited) nor at least 1000 microseconds"},
      {R"({"cpu":{"quota":-2}})",
       "linux.resources.cpu.quota: -2 is neither -1 (unlimited) nor at least 1000 microseconds"},
      {R"({"cpu":{"period":999}})",
       "linux.resources.cpu.period: 999 is not between 1000 and 1000000 microseconds"},
      {R"({"cpu":{"period":1000001}})",
       "linux.resources.cpu.period: 1000001 is not between 1000 and 1000000 microseconds"},
      {R"({"cpu":{"quota":1000,"burst":1001}})",
       "linux.resources.cpu.burst: 1001 is above the quota of 1000"},
      {R"({"cpu":{"idle":2}})", "linux.resources.cpu.idle: 2 is not 0 or 1"},
      {R"({"cpu":{"cpus":"0;1"}})",
       "linux.resources.cpu.cpus: \"0;1\" is no list of numbers and ranges like 0-3,5"},
      {R"({"cpu":{"mems":" 0"}})",
       "linux.resources.cpu.mems: \" 0\" is no list of numbers and ranges like 0-3,5"},
      {R"({"cpu":{"realtimeRuntime":-2}})",
       "linux.resources.cpu.realtimeRuntime: -2 is below -1 (unlimited)"},
  };
  for (const auto& [json, message] : cases) {
    EXPECT_EQ(planned(json, kUnified), message);
    EXPECT_EQ(planned(json, kLegacy), message);
  }
}

TEST(PlanCpu, HasRealtimeInLegacyOnly) {
  expect_all({
      {R"({"cpu":{"realtimeRuntime":950000,"realtimePeriod":1000000}})",
       "linux.resources.cpu.realtimeRuntime: cgroup v2 has no such limit",
       "cpu.rt_period_us=1000000~ cpu.rt_runtime_us=950000"},
      {R"({"cpu":{"realtimePeriod":1000000}})",
       "linux.resources.cpu.realtimePeriod: cgroup v2 has no such limit",
       "cpu.rt_period_us=1000000~"},
  });
}

TEST(PlanPids, TakesZeroAndBelowAsUnlimited) {
  expect_all({
      {R"({"pids":{"limit":64}})", "pids.max=64", "pids.max=64"},
      {R"({"pids":{"limit":1}})", "pids.max=1", "pids.max=1"},
      {R"({"pids":{"limit":0}})", "pids.max=max", "pids.max=max"},
      {R"({"pids":{"limit":-1}})", "pids.max=max", "pids.max=max"},
  });
}

TEST(PlanBlockIo, SetsWeightsAndThrottles) {
  expect_all({
      {R"({"blockIO":{"weight":500}})", "io.bfq.weight=500|io.weight=4950",
       "blkio.weight=500|blkio.bfq.weight=500"},
      {R"({"blockIO":{"weightDevice":[{"major":8,"minor":0,"weight":10}]}})",
       "io.bfq.weight=8:0 10|io.weight=8:0 1",
       "blkio.weight_device=8:0 10|blkio.bfq.weight_device=8:0 10"},
      {R"({"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":16,"rate":1000}]}})",
       "io.max=8:16 rbps=1000", "blkio.throttle.read_bps_device=8:16 1000"},
      {R"({"blockIO":{"throttleWriteBpsDevice":[{"major":8,"minor":16,"rate":0}]}})",
       "io.max=8:16 wbps=max", "blkio.throttle.write_bps_device=8:16 0"},
      {R"({"blockIO":{"throttleReadIOPSDevice":[{"major":8,"minor":0,"rate":1}],
                      "throttleWriteIOPSDevice":[{"major":8,"minor":0,"rate":2}]}})",
       "io.max=8:0 riops=1 io.max=8:0 wiops=2",
       "blkio.throttle.read_iops_device=8:0 1 blkio.throttle.write_iops_device=8:0 2"},
      {R"({"blockIO":{"leafWeight":10}})", "linux.resources.blockIO.leafWeight: cgroup v2 has none",
       "blkio.leaf_weight=10"},
      {R"({"blockIO":{"weightDevice":[{"major":8,"minor":0,"leafWeight":20}]}})",
       "linux.resources.blockIO.weightDevice[0].leafWeight: cgroup v2 has none",
       "blkio.leaf_weight_device=8:0 20"},
  });
}

TEST(PlanBlockIo, RefusesWrongValues) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"blockIO":{"weight":9}})",
       "linux.resources.blockIO.weight: 9 is not between 10 and 1000"},
      {R"({"blockIO":{"weight":1001}})",
       "linux.resources.blockIO.weight: 1001 is not between 10 and 1000"},
      {R"({"blockIO":{"weightDevice":[{"major":8,"minor":0}]}})",
       "linux.resources.blockIO.weightDevice[0]: has neither weight nor leafWeight"},
      {R"({"blockIO":{"weightDevice":[{"major":-1,"minor":0,"weight":10}]}})",
       "linux.resources.blockIO.weightDevice[0].major: -1 is no device number"},
      {R"({"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":1},
                                               {"major":8,"minor":4294967296,"rate":1}]}})",
       "linux.resources.blockIO.throttleReadBpsDevice[1].minor: 4294967296 is no device number"},
  };
  for (const auto& [json, message] : cases) {
    EXPECT_EQ(planned(json, kUnified), message);
    EXPECT_EQ(planned(json, kLegacy), message);
  }
}

TEST(PlanHugepages, LimitsUsedAndReservedPages) {
  expect_all({
      {R"({"hugepageLimits":[{"pageSize":"2MB","limit":4194304},{"pageSize":"1GB","limit":0}]})",
       "hugetlb.2MB.max=4194304 hugetlb.2MB.rsvd.max=4194304? hugetlb.1GB.max=0 "
       "hugetlb.1GB.rsvd.max=0?",
       "hugetlb.2MB.limit_in_bytes=4194304 hugetlb.2MB.rsvd.limit_in_bytes=4194304? "
       "hugetlb.1GB.limit_in_bytes=0 hugetlb.1GB.rsvd.limit_in_bytes=0?"},
  });
  for (const char* size : {"", "MB", "2", "2MiB", "02MB", "2mb", "../2MB", "123456MB", "2M"}) {
    std::string json = cat(R"({"hugepageLimits":[{"pageSize":")", size, R"(","limit":1}]})");
    EXPECT_EQ(
        planned(json, kUnified),
        cat("linux.resources.hugepageLimits[0].pageSize: ", quote(size), " is no size like 2MB"));
  }
}

TEST(PlanNetwork, ClassesAndPrioritiesAreOfV1) {
  const char* json = R"({"network":{"classID":1048577,"priorities":[{"name":"lo","priority":5}]}})";
  const Versions hybrid = {.unified = true, .legacy = {"net_cls", "net_prio"}};
  EXPECT_EQ(planned(json, hybrid), "net_cls.classid=1048577 net_prio.ifpriomap=lo 5");
  EXPECT_EQ(planned(json, kLegacy), "net_cls.classid=1048577 net_prio.ifpriomap=lo 5");
  EXPECT_EQ(planned(json, kUnified),
            "linux.resources.network.classID: cgroup v2 has none, and this host has no such v1 "
            "controller");
  EXPECT_EQ(planned(R"({"network":{"priorities":[{"name":"lo","priority":5}]}})", kUnified),
            "linux.resources.network.priorities[0]: cgroup v2 has none, and this host has no such "
            "v1 controller");
  EXPECT_EQ(
      planned(R"({"network":{"priorities":[{"name":"a b","priority":5}]}})", hybrid),
      "linux.resources.network.priorities[0].name: \"a b\" is no name of a network interface");
  EXPECT_EQ(planned(R"({"network":{}})", kUnified), "");
}

TEST(PlanRdma, NamesTheDevice) {
  expect_all({
      {R"({"rdma":{"mlx5_1":{"hcaHandles":3,"hcaObjects":10000},"mlx4_0":{"hcaObjects":0}}})",
       "rdma.max=mlx4_0 hca_object=0 rdma.max=mlx5_1 hca_handle=3 hca_object=10000",
       "rdma.max=mlx4_0 hca_object=0 rdma.max=mlx5_1 hca_handle=3 hca_object=10000"},
  });
  EXPECT_EQ(planned(R"({"rdma":{"mlx5_1":{}}})", kUnified),
            "linux.resources.rdma[\"mlx5_1\"]: has neither hcaHandles nor hcaObjects");
  EXPECT_EQ(planned(R"({"rdma":{"a b":{"hcaHandles":1}}})", kUnified),
            "linux.resources.rdma[\"a b\"]: is no name of a device");
}

TEST(PlanUnifiedMap, WritesLineByLine) {
  EXPECT_EQ(planned(R"({"unified":{"memory.high":"1024","cgroup.max.depth":"3",
                                   "io.max":"8:0 rbps=1\n8:16 rbps=2\n"}})",
                    kUnified),
            "cgroup.max.depth=3 io.max=8:0 rbps=1 io.max=8:16 rbps=2 memory.high=1024");
  Result<std::vector<Write>> writes =
      plan_writes(resources_of(R"({"unified":{"hugetlb.2MB.max":"0"}})"), kUnified);
  ASSERT_TRUE(writes.has_value());
  ASSERT_EQ(writes->size(), 1U);
  EXPECT_EQ(writes->front().controller, "hugetlb");
  EXPECT_EQ(writes->front().field, "linux.resources.unified[\"hugetlb.2MB.max\"]");
}

TEST(PlanUnifiedMap, RefusesWhatIsNoLimit) {
  for (const char* name : {"memory", ".max", "memory.", "a/b.max", "../x.max", "memory.max ", ""}) {
    oci::Resources resources;
    resources.unified[name] = "1";
    Result<std::vector<Write>> writes = plan_writes(resources, kUnified);
    ASSERT_FALSE(writes.has_value()) << name;
    EXPECT_EQ(writes.error().message,
              cat("linux.resources.unified[", quote(name),
                  "]: is not the name of a cgroup v2 file (controller.limit)"));
  }
  for (const char* name : {"cgroup.procs", "cgroup.kill", "cgroup.subtree_control"}) {
    oci::Resources resources;
    resources.unified[name] = "1";
    EXPECT_EQ(plan_writes(resources, kUnified).error().message,
              cat("linux.resources.unified[", quote(name), "]: is not a limit"));
  }
  oci::Resources control;
  control.unified["memory.high"] = "1\r";
  EXPECT_EQ(plan_writes(control, kUnified).error().message,
            "linux.resources.unified[\"memory.high\"]: contains a control character");
}

TEST(PlanUnifiedMap, NeedsTheControllerInUnified) {
  const char* json = R"({"unified":{"memory.high":"1"}})";
  EXPECT_EQ(planned(json, kLegacy), "linux.resources.unified: this host has no cgroup v2");
  EXPECT_EQ(planned(json, {.unified = true, .legacy = {"memory"}}),
            "linux.resources.unified[\"memory.high\"]: the memory controller belongs to cgroup v1 "
            "on this host");
  EXPECT_EQ(planned(json, {.unified = true, .legacy = {"cpu"}}), "memory.high=1");
}

TEST(PlanWrites, TakesEachControllerFromWhereItIs) {
  Result<std::vector<Write>> writes =
      plan_writes(resources_of(R"({"memory":{"limit":1},"pids":{"limit":2},
                                   "cpu":{"shares":2,"cpus":"0"},"blockIO":{"weight":10}})"),
                  {.unified = true, .legacy = {"memory", "cpuset"}});
  ASSERT_TRUE(writes.has_value());
  std::string line;
  for (const Write& write : *writes) {
    line += cat(write.unified ? "v2:" : "v1:", write.controller, " ", write.field, "; ");
  }
  EXPECT_EQ(line,
            "v1:memory linux.resources.memory.limit; v2:cpu linux.resources.cpu.shares; "
            "v1:cpuset linux.resources.cpu.cpus; v2:pids linux.resources.pids.limit; "
            "v2:io linux.resources.blockIO.weight; ");
}

TEST(CpuWeight, MapsEndsAndDefault) {
  const std::pair<uint64_t, uint64_t> cases[] = {
      {0, 0},
      {1, 1},
      {2, 1},
      {3, 2},
      {10, 4},
      {256, 35},
      {512, 59},
      {1024, 100},
      {2048, 174},
      {4096, 303},
      {262143, 10000},
      {262144, 10000},
      {~uint64_t{0}, 10000},
  };
  for (const auto& [shares, weight] : cases) EXPECT_EQ(cpu_weight(shares), weight) << shares;
}

TEST(CpuWeight, NeverFalls) {
  uint64_t last = 0;
  for (uint64_t shares = 0; shares <= 262145; shares += 7) {
    EXPECT_GE(cpu_weight(shares), last) << shares;
    last = cpu_weight(shares);
  }
}

TEST(IoWeight, MapsTheEndsOfTheRange) {
  EXPECT_EQ(io_weight(0), 0U);
  EXPECT_EQ(io_weight(10), 1U);
  EXPECT_EQ(io_weight(100), 910U);
  EXPECT_EQ(io_weight(1000), 10000U);
}

}  // namespace
}  // namespace crunlite::cgroups
