// SPDX-License-Identifier: Apache-2.0
#include "cgroups/usage.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/unit/cgroups/fake_tree.h"

namespace crunlite::cgroups {
namespace {

std::string usage_in(const Hierarchy& hierarchy) {
  GroupSpec spec{.path = "/app"};
  spec.devices_optional = true;
  Result<Group> group = Group::create(hierarchy, spec);
  EXPECT_TRUE(group.has_value()) << group.error().message;
  Result<Usage> usage = read_usage(*group);
  EXPECT_TRUE(usage.has_value()) << usage.error().message;
  return json::write(json::encode(*usage));
}

constexpr char kNoCpuset[] =
    R"("cpuset":{"cpu_exclusive":0,"mem_hardwall":0,"mem_exclusive":0,"memory_migrate":0,)"
    R"("memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,)"
    R"("sched_load_balance":0,"sched_relax_domain_level":0})";

TEST(Usage, OfUnifiedIsInTheShapeOfRunc) {
  FakeTree tree;
  tree.make("unified/app", {{"cgroup.controllers", "cpu io memory pids hugetlb"},
                            {"cgroup.events", "populated 0\nfrozen 0\n"},
                            {"cgroup.freeze", "0\n"},
                            {"cpu.stat",
                             "usage_usec 3\nuser_usec 2\nsystem_usec 1\nnr_periods 7\n"
                             "nr_throttled 5\nthrottled_usec 4\n"},
                            {"cpu.pressure",
                             "some avg10=0.50 avg60=1.00 avg300=0.00 total=12\n"
                             "full avg10=0.00 avg60=0.00 avg300=0.25 total=3\n"},
                            {"memory.current", "4096\n"},
                            {"memory.peak", "8192\n"},
                            {"memory.max", "16384\n"},
                            {"memory.swap.current", "10\n"},
                            {"memory.swap.max", "max\n"},
                            {"memory.stat", "anon 1\nfile 2\nslab 3\n"},
                            {"pids.current", "2\n"},
                            {"pids.max", "max\n"},
                            {"io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n"},
                            {"hugetlb.2MB.current", "2097152\n"},
                            {"hugetlb.2MB.max", "max\n"},
                            {"hugetlb.2MB.rsvd.max", "max\n"},
                            {"hugetlb.2MB.events", "max 6\n"}});
  EXPECT_EQ(
      usage_in({Layout::kUnified, {tree.unified()}}),
      cat(R"({"cpu":{"usage":{"total":3000,"kernel":1000,"user":2000},"throttling":{"periods":7,)"
          R"("throttledPeriods":5,"throttledTime":4000},"psi":{"some":{"avg10":0.5,"avg60":1,)"
          R"("avg300":0,"total":12},"full":{"avg10":0,"avg60":0,"avg300":0.25,"total":3}}},)",
          kNoCpuset,
          R"(,"memory":{"cache":2,"usage":{"limit":16384,"usage":4096,"max":8192,"failcnt":0},)"
          R"("swap":{"limit":18446744073709551615,"usage":4106,"failcnt":0},)"
          R"("kernel":{"limit":0,"failcnt":0},"kernelTCP":{"limit":0,"failcnt":0},)"
          R"("raw":{"anon":1,"file":2,"slab":3}},"pids":{"current":2},)"
          R"("blkio":{"ioServiceBytesRecursive":[{"major":8,"op":"Read","value":1},)"
          R"({"major":8,"op":"Write","value":2}],"ioServicedRecursive":[{"major":8,"op":"Read",)"
          R"("value":3},{"major":8,"op":"Write","value":4}]},)"
          R"("hugetlb":{"2MB":{"usage":2097152,"failcnt":6}},"intel_rdt":{},)"
          R"("network_interfaces":null})"));
}

TEST(Usage, OfLegacyIsInTheShapeOfRunc) {
  FakeTree tree;
  tree.make("memory/app", {{"memory.limit_in_bytes", "9\n"},
                           {"memory.usage_in_bytes", "8\n"},
                           {"memory.max_usage_in_bytes", "7\n"},
                           {"memory.failcnt", "6\n"},
                           {"memory.stat", "cache 5\n"}});
  tree.make("cpu,cpuacct/app", {{"cpuacct.usage", "500\n"},
                                {"cpuacct.usage_percpu", "300 200 \n"},
                                {"cpuacct.usage_all", "cpu user system\n0 1 2\n1 3 4\n"},
                                {"cpuacct.stat", "user 2\nsystem 1\n"},
                                {"cpu.stat", "nr_periods 3\nnr_throttled 2\nthrottled_time 1\n"}});
  tree.make("blkio/app",
            {{"blkio.throttle.io_serviced_recursive", "8:16 Read 5\n8:16 Total 5\nTotal 5\n"},
             {"blkio.throttle.io_service_bytes_recursive", "8:16 Read 512\nTotal 512\n"}});
  tree.make("pids/app", {{"pids.current", "1\n"}, {"pids.max", "33\n"}});
  const auto tick = static_cast<uint64_t>(1'000'000'000 / ::sysconf(_SC_CLK_TCK));
  EXPECT_EQ(
      usage_in({Layout::kLegacy,
                {tree.legacy("memory"), tree.legacy("cpu,cpuacct"), tree.legacy("blkio"),
                 tree.legacy("pids")}}),
      cat(R"({"cpu":{"usage":{"total":500,"percpu":[300,200],"percpu_kernel":[2,4],)"
          R"("percpu_user":[1,3],"kernel":)",
          tick, R"(,"user":)", 2 * tick,
          R"(},"throttling":{"periods":3,"throttledPeriods":2,"throttledTime":1}},)", kNoCpuset,
          R"(,"memory":{"cache":5,"usage":{"limit":9,"usage":8,"max":7,"failcnt":6},)"
          R"("swap":{"limit":0,"failcnt":0},"kernel":{"limit":0,"failcnt":0},)"
          R"("kernelTCP":{"limit":0,"failcnt":0},"raw":{"cache":5}},)"
          R"("pids":{"current":1,"limit":33},)"
          R"("blkio":{"ioServiceBytesRecursive":[{"major":8,"minor":16,"op":"Read","value":512}],)"
          R"("ioServicedRecursive":[{"major":8,"minor":16,"op":"Read","value":5},)"
          R"({"major":8,"minor":16,"op":"Total","value":5}]},)"
          R"("hugetlb":{},"intel_rdt":{},"network_interfaces":null})"));
}

}  // namespace
}  // namespace crunlite::cgroups
