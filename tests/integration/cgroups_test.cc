// SPDX-License-Identifier: Apache-2.0
// Control groups: membership, limits read back from the kernel's files, limits that hold
// (config-linux.md#control-groups), on legacy, hybrid and unified hosts.
#include <signal.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/integration/harness.h"

namespace crunlite::integration {
namespace {

class Cgroups : public RuntimeTest {
 protected:
  [[nodiscard]] static bool is_unified() { return Host::get().cgroups() == CgroupLayout::kUnified; }
  // A file of the container's cgroup: `legacy` on a v1 hierarchy, else `unified`.
  [[nodiscard]] std::string value(std::string_view controller, std::string_view legacy,
                                  std::string_view unified) {
    std::string path = cgroup_file(controller, cgroup_of(id()), is_unified() ? unified : legacy);
    return std::string(trim(read_host_file(path)));
  }
  void set_resources(std::string_view name, std::string_view json) {
    config.set_json(cat("linux.resources.", name), json);
  }
  void launch_waiting() { launch_probe({"wait"}); }
};

#define NEEDS_CONTROLLER(name)                                               \
  do {                                                                       \
    if (!has_controller(name)) GTEST_SKIP() << "no cgroup controller " name; \
  } while (false)

TEST_F(Cgroups, TheProcessIsInTheWantedGroup) {
  NEEDS_CONTROLLER("memory");
  set_resources("memory", R"({"limit": 67108864})");
  launch_waiting();
  std::string procs = read_host_file(cgroup_file("memory", cgroup_of(id()), "cgroup.procs"));
  EXPECT_EQ(trim(procs), cat(init_pid()));
}

TEST_F(Cgroups, MemoryLimit) {
  NEEDS_CONTROLLER("memory");
  set_resources("memory", R"({"limit": 67108864, "reservation": 33554432})");
  launch_waiting();
  EXPECT_EQ(value("memory", "memory.limit_in_bytes", "memory.max"), "67108864");
  EXPECT_EQ(value("memory", "memory.soft_limit_in_bytes", "memory.low"), "33554432");
}

TEST_F(Cgroups, SwapLimit) {
  NEEDS_CONTROLLER("memory");
  const char* file = is_unified() ? "memory.swap.max" : "memory.memsw.limit_in_bytes";
  set_resources("memory", R"({"limit": 67108864})");
  launch_waiting();
  bool has_swap = host_path_exists(cgroup_file("memory", cgroup_of(id()), file));
  remove();
  if (!has_swap) GTEST_SKIP() << "no accounting of swap";
  set_resources("memory", R"({"limit": 67108864, "swap": 100663296})");
  launch_waiting();
  EXPECT_EQ(value("memory", "memory.memsw.limit_in_bytes", "memory.swap.max"),
            is_unified() ? "33554432" : "100663296");
}

TEST_F(Cgroups, CpuShares) {
  NEEDS_CONTROLLER("cpu");
  set_resources("cpu", R"({"shares": 512})");
  launch_waiting();
  // The conversion that the default of 1,024 shares makes the default weight of 100; Debian's runc
  // and crun are older than it.
  const std::string weight = Host::get().runtime().kind == RuntimeKind::kCrunLite ? "59" : "20";
  EXPECT_EQ(value("cpu", "cpu.shares", "cpu.weight"), is_unified() ? weight : "512");
}

TEST_F(Cgroups, CpuQuotaAndPeriod) {
  NEEDS_CONTROLLER("cpu");
  set_resources("cpu", R"({"quota": 25000, "period": 50000})");
  launch_waiting();
  if (is_unified()) {
    EXPECT_EQ(value("cpu", "", "cpu.max"), "25000 50000");
    return;
  }
  EXPECT_EQ(value("cpu", "cpu.cfs_quota_us", ""), "25000");
  EXPECT_EQ(value("cpu", "cpu.cfs_period_us", ""), "50000");
}

TEST_F(Cgroups, CpuQuotaAlone) {
  NEEDS_CONTROLLER("cpu");
  set_resources("cpu", R"({"quota": 30000})");
  launch_waiting();
  EXPECT_EQ(value("cpu", "cpu.cfs_quota_us", "cpu.max"), is_unified() ? "30000 100000" : "30000");
}

TEST_F(Cgroups, CpuQuotaHolds) {
  NEEDS_CONTROLLER("cpu");
  set_resources("cpu", R"({"quota": 20000, "period": 100000})");
  Report report = run_probe({"spin", "1000"});
  EXPECT_GE(report.number("spin 1000", "wall_ms"), 1000);
  EXPECT_LT(report.number("spin 1000", "cpu_ms"), 450);
}

TEST_F(Cgroups, PidsLimit) {
  NEEDS_CONTROLLER("pids");
  set_resources("pids", R"({"limit": 77})");
  launch_waiting();
  EXPECT_EQ(value("pids", "pids.max", "pids.max"), "77");
}

TEST_F(Cgroups, UnlimitedPids) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 does not take -1 for unlimited pids on cgroup v1");
  NEEDS_CONTROLLER("pids");
  set_resources("pids", R"({"limit": -1})");
  launch_waiting();
  EXPECT_EQ(value("pids", "pids.max", "pids.max"), "max");
}

TEST_F(Cgroups, AForkBombIsStopped) {
  NEEDS_CONTROLLER("pids");
  set_resources("pids", R"({"limit": 20})");
  Report report = run_probe({"bomb", "200"});
  EXPECT_EQ(report.error("bomb 200"), "EAGAIN");
  EXPECT_LT(report.number("bomb 200", "children"), 20);
  EXPECT_GT(report.number("bomb 200", "children"), 3);
}

TEST_F(Cgroups, CpusetLimits) {
  NEEDS_CONTROLLER("cpuset");
  set_resources("cpu", R"({"cpus": "0", "mems": "0"})");
  launch_probe({"status", ",", "wait"});
  Report report = Report::parse(output().next());
  EXPECT_EQ(report.text("status", "Cpus_allowed_list"), "0");
  EXPECT_EQ(value("cpuset", "cpuset.cpus", "cpuset.cpus"), "0");
  EXPECT_EQ(value("cpuset", "cpuset.mems", "cpuset.mems"), "0");
}

// "major:minor" of a disk of this host, or "".
std::string some_disk() {
  for (const std::string& name : host_names_in("/sys/block")) {
    if (name.starts_with("loop") || name.starts_with("ram") || name.starts_with("zram")) continue;
    return std::string(trim(read_host_file(cat("/sys/block/", name, "/dev"))));
  }
  return "";
}

TEST_F(Cgroups, BlockThrottling) {
  if (!has_controller(is_unified() ? "io" : "blkio")) GTEST_SKIP() << "no cgroup controller io";
  std::string disk = some_disk();
  if (disk.empty()) GTEST_SKIP() << "no block device";
  std::string numbers = cat("\"major\": ", disk.substr(0, disk.find(':')),
                            ", \"minor\": ", disk.substr(disk.find(':') + 1));
  set_resources("blockIO", cat(R"({"throttleReadBpsDevice": [{)", numbers,
                               R"(, "rate": 1048576}], "throttleWriteIOPSDevice": [{)", numbers,
                               R"(, "rate": 100}]})"));
  launch_waiting();
  if (is_unified()) {
    EXPECT_EQ(value("", "", "io.max"), cat(disk, " rbps=1048576 wbps=max riops=max wiops=100"));
    return;
  }
  EXPECT_EQ(value("blkio", "blkio.throttle.read_bps_device", ""), cat(disk, " 1048576"));
  EXPECT_EQ(value("blkio", "blkio.throttle.write_iops_device", ""), cat(disk, " 100"));
}

TEST_F(Cgroups, UnifiedFilesByName) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 ignores unified on a legacy host");
  set_resources("unified", R"({"pids.max": "55"})");
  if (!is_unified()) {
    // Never ignored: a limit that cannot be set is an error.
    Outcome outcome = run();
    EXPECT_NE(outcome.status, 0);
    EXPECT_NE(outcome.err, "");
    return;
  }
  launch_waiting();
  EXPECT_EQ(value("pids", "", "pids.max"), "55");
}

TEST_F(Cgroups, AMemoryBombIsKilledAlone) {
  NEEDS_CONTROLLER("memory");
  set_resources("memory", R"({"limit": 33554432, "swap": 33554432})");
  config.probe({"eat", "256"});
  EXPECT_EQ(run().status, 128 + SIGKILL);
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Cgroups, OnlyTheHungryProcessIsKilled) {
  NEEDS_CONTROLLER("memory");
  set_resources("memory", R"({"limit": 33554432, "swap": 33554432})");
  Report report = run_probe({"eat_in_child", "256"});
  EXPECT_EQ(report.number("eat_in_child 256", "signal"), SIGKILL);
}

TEST_F(Cgroups, LimitsOfExecAreTheContainers) {
  NEEDS_CONTROLLER("pids");
  set_resources("pids", R"({"limit": 30})");
  launch_waiting();
  Report report = exec_probe({"bomb", "200"});
  EXPECT_EQ(report.error("bomb 200"), "EAGAIN");
  EXPECT_EQ(status(), "running");
}

TEST_F(Cgroups, APathOfTheRuntimesOwnChoice) {
  config.remove("linux.cgroupsPath");
  set_resources("pids", R"({"limit": 20})");
  EXPECT_EQ(run_probe({"bomb", "200"}).error("bomb 200"), "EAGAIN");
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Cgroups, ANestedPath) {
  NEEDS_CONTROLLER("pids");
  std::string path = cat("/", id(), "/inner");
  config.set("linux.cgroupsPath", path);
  set_resources("pids", R"({"limit": 66})");
  launch_waiting();
  EXPECT_EQ(trim(read_host_file(cgroup_file("pids", path, "pids.max"))), "66");
  remove();
  EXPECT_FALSE(host_path_exists(cgroup_file("pids", path, "pids.max")));
  // Parents that were made on the way may stay: others can have moved in.
  remove_our_cgroups();
}

TEST_F(Cgroups, AnExistingParentStays) {
  NEEDS_CONTROLLER("pids");
  std::string parent = cgroup_file("pids", cat("/", id()), "");
  make_host_directory(parent);
  config.set("linux.cgroupsPath", cat("/", id(), "/inner"));
  if (is_unified()) {
    std::string subtree = cat(parent, "cgroup.subtree_control");
    Result<UniqueFd> file = sys::open(subtree.c_str(), O_WRONLY);
    ASSERT_TRUE(file.has_value());
    EXPECT_TRUE(sys::write(file->get(), "+pids").has_value());
  }
  config.probe({"exit", "0"});
  EXPECT_OK(run());
  EXPECT_TRUE(host_path_exists(parent));
  EXPECT_FALSE(host_path_exists(cat(parent, "inner")));
  remove_our_cgroups();
}

TEST_F(Cgroups, WithoutResources) {
  config.remove("linux.resources").probe({"exit", "3"});
  EXPECT_EQ(run().status, 3);
}

TEST_F(Cgroups, WrongLimitsAreErrors) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 leaves cgroups behind after a failed limit");
  struct Row {
    const char* controller;
    const char* name;
    const char* json;
  };
  const Row rows[] = {
      {"cpuset", "cpu", R"({"cpus": "9999"})"},
      {"cpuset", "cpu", R"({"cpus": "zero"})"},
      {"cpu", "cpu", R"({"quota": 10, "period": 100000})"},
      {"cpu", "cpu", R"({"period": 100000000})"},
  };
  for (const Row& row : rows) {
    if (!has_controller(row.controller)) continue;
    config.set_json("linux.resources", R"({"devices": [{"allow": false, "access": "rwm"}]})");
    set_resources(row.name, row.json);
    Outcome outcome = run();
    EXPECT_NE(outcome.status, 0) << row.json;
    EXPECT_NE(outcome.err, "") << row.json;
    EXPECT_EQ(leftovers(), "") << row.json;
  }
}

TEST_F(Cgroups, TooLittleMemoryToStartIsAnError) {
  NEEDS_CONTROLLER("memory");
  set_resources("memory", R"({"limit": 4096, "swap": 4096})");
  Outcome outcome = run();
  EXPECT_NE(outcome.status, 0);
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Cgroups, MountOfTypeCgroupShowsTheOwnGroup) {
  config.mount("cgroup", "cgroup", "/sys/fs/cgroup", {"nosuid", "noexec", "nodev", "ro"});
  config.with_namespace("cgroup");
  set_resources("pids", R"({"limit": 44})");
  NEEDS_CONTROLLER("pids");
  std::string base = is_unified() ? "/sys/fs/cgroup" : "/sys/fs/cgroup/pids";
  std::string max = cat(base, "/pids.max");
  std::string procs = cat(base, "/cgroup.procs");
  std::string inner = cat(base, "/inner");
  Report report = run_probe({"read", max, ",", "read", procs, ",", "mkdir", inner, ",", "write",
                             max, "max", ",", "mounts"});
  EXPECT_EQ(report.text(cat("read ", max), "data"), "44\n");
  EXPECT_EQ(report.text(cat("read ", procs), "data"), "1\n");
  EXPECT_EQ(report.error(cat("mkdir ", inner)), "EROFS");
  EXPECT_EQ(report.error(cat("write ", max, " max")), "EROFS");
}

TEST_F(Cgroups, MountOfTypeCgroupWithoutACgroupNamespace) {
  NEEDS_CONTROLLER("pids");
  config.mount("cgroup", "cgroup", "/sys/fs/cgroup", {"nosuid", "noexec", "nodev", "ro"});
  set_resources("pids", R"({"limit": 44})");
  std::string base = is_unified() ? "/sys/fs/cgroup" : "/sys/fs/cgroup/pids";
  std::string inner = cat(base, "/inner");
  std::string procs = cat(base, "/cgroup.procs");
  Report report = run_probe({"read", procs, ",", "mkdir", inner});
  EXPECT_EQ(report.error(cat("mkdir ", inner)), "EROFS");
  if (!is_unified()) {
    EXPECT_EQ(report.text(cat("read ", procs), "data"), "1\n");
  }
}

// The freezers of this host: that of v1 and that of the unified hierarchy, of which a runtime uses
// one or both.
class FrozenCgroup : public Cgroups {
 protected:
  struct Freezer {
    std::string directory;
    std::string file;
    std::string frozen;
    std::string thawed;
  };

  void SetUp() override {
    Cgroups::SetUp();
    std::string root = "/sys/fs/cgroup";
    if (!is_unified() && host_path_exists(cat(root, "/freezer/cgroup.procs"))) {
      add(cat(root, "/freezer", cgroup_of(id())), "freezer.state", "FROZEN", "THAWED");
    }
    if (is_unified()) add(cat(root, cgroup_of(id())), "cgroup.freeze", "1", "0");
    if (Host::get().cgroups() == CgroupLayout::kHybrid) {
      add(cat(root, "/unified", cgroup_of(id())), "cgroup.freeze", "1", "0");
    }
  }
  void add(const std::string& directory, std::string_view file, std::string_view frozen,
           std::string_view thawed) {
    freezers_.push_back(
        {directory, cat(directory, "/", file), std::string(frozen), std::string(thawed)});
  }
  // How many were there to be written to.
  int write_all(std::string Freezer::* state) {
    int written = 0;
    for (const Freezer& freezer : freezers_) {
      Result<UniqueFd> file = sys::open(freezer.file.c_str(), O_WRONLY);
      if (!file.has_value()) continue;
      if (sys::write(file->get(), freezer.*state).has_value()) written++;
    }
    return written;
  }
  void expect_the_end() {
    if (wait_init(10'000).has_value()) return;
    ADD_FAILURE() << "the frozen process survived";
    (void)write_all(&Freezer::thawed);
  }

  std::vector<Freezer> freezers_;
};

TEST_F(FrozenCgroup, AStartIntoItFailsInsteadOfHanging) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 hangs when it starts into a frozen cgroup");
  for (const Freezer& freezer : freezers_) make_host_directory(freezer.directory);
  ASSERT_GT(write_all(&Freezer::frozen), 0);
  config.probe({"exit", "0"});
  Outcome outcome = run();
  EXPECT_NE(outcome.status, 0);
  EXPECT_NE(outcome.err, "");
  (void)write_all(&Freezer::thawed);  // the runtime may have removed them
  remove_our_cgroups();
  EXPECT_EQ(leftovers(), "");
}

TEST_F(FrozenCgroup, AFrozenContainerIsDeletedByForce) {
  launch_waiting();
  ASSERT_GT(write_all(&Freezer::frozen), 0);
  EXPECT_OK(call({"delete", "--force", id()}));
  forget();
  expect_the_end();
  EXPECT_EQ(leftovers(), "");
}

TEST_F(FrozenCgroup, AFrozenContainerIsKilled) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 kill leaves a frozen container frozen");
  launch_waiting();
  ASSERT_GT(write_all(&Freezer::frozen), 0);
  EXPECT_OK(call({"kill", id(), "KILL"}));
  expect_the_end();
}

TEST_F(Cgroups, WithoutAnyOnDemand) {
  DIFFERS(RuntimeKind::kRunc, "runc has no --cgroup-manager");
  config.probe({"exit", "4"});
  write_config();
  EXPECT_EQ(
      call({"run", "--bundle", bundle(), id()}, {.global = {"--cgroup-manager=disabled"}}).status,
      4);
  config.probe({"wait"});
  write_config();
  will_remove(id());
  ASSERT_OK(call({"run", "-d", "--bundle", bundle(), id()},
                 {.global = {"--cgroup-manager", "disabled"}}));
  EXPECT_FALSE(host_path_exists(cgroup_file("pids", cgroup_of(id()), "")));
  EXPECT_EQ(status(), "running");
}

}  // namespace
}  // namespace crunlite::integration
