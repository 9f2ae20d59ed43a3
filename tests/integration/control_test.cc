// SPDX-License-Identifier: Apache-2.0
// pause, resume, update and events, which containerd, podman and docker call.
#include <poll.h>
#include <signal.h>

#include <algorithm>

#include "base/text.h"
#include "tests/integration/harness.h"

namespace crunlite::integration {
namespace {

class Control : public RuntimeTest {
 protected:
  [[nodiscard]] static bool is_unified() { return Host::get().cgroups() == CgroupLayout::kUnified; }
  void launch_waiting() { launch_probe({"wait"}); }
  void expect_error(const Outcome& outcome, std::string_view text) {
    EXPECT_EQ(outcome.status, 1);
    EXPECT_TRUE(outcome.err.contains(text)) << outcome.err;
  }
  [[nodiscard]] std::string value(std::string_view controller, std::string_view legacy,
                                  std::string_view unified) {
    std::string path = cgroup_file(controller, cgroup_of(id()), is_unified() ? unified : legacy);
    return std::string(trim(read_host_file(path)));
  }
  [[nodiscard]] std::string memory_limit() {
    return value("memory", "memory.limit_in_bytes", "memory.max");
  }
};

#define NEEDS_CONTROLLER(name)                                               \
  do {                                                                       \
    if (!has_controller(name)) GTEST_SKIP() << "no cgroup controller " name; \
  } while (false)

class Pause : public Control {};

TEST_F(Pause, FreezesUntilResume) {
  launch_waiting();
  EXPECT_OK(call({"pause", id()}));
  EXPECT_EQ(status(), "paused");
  EXPECT_TRUE(call({"list"}).out.contains("paused"));
  EXPECT_OK(call({"resume", id()}));
  EXPECT_EQ(status(), "running");
  EXPECT_OK(exec({"/bin/probe", "exit", "0"}));
}

TEST_F(Pause, NeedsARunningContainer) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 has other words for what is not running or paused");
  launch_waiting();
  expect_error(call({"resume", id()}), "container not paused");
  EXPECT_OK(call({"pause", id()}));
  expect_error(call({"pause", id()}), "container not running");
  EXPECT_OK(call({"resume", id()}));
  kill_init();
  expect_error(call({"pause", id()}), "container not running");
  expect_error(call({"resume", id()}), "container not paused");
}

TEST_F(Pause, OfACreatedContainerIsNotStarted) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 hangs when it starts a paused container");
  config.probe({"wait"});
  create();
  EXPECT_OK(call({"pause", id()}));
  EXPECT_EQ(status(), "paused");
  expect_error(call({"start", id()}), "cannot start a container in the paused state");
  EXPECT_OK(call({"resume", id()}));
  EXPECT_EQ(status(), "created");
  start();
  EXPECT_EQ(status(), "running");
}

TEST_F(Pause, EndsByKillAndByDelete) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 kill leaves a frozen container frozen");
  launch_waiting();
  EXPECT_OK(call({"pause", id()}));
  EXPECT_OK(call({"kill", id(), "KILL"}));
  EXPECT_TRUE(wait_init().has_value());
  remove();
  launch_waiting();
  EXPECT_OK(call({"pause", id()}));
  expect_error(call({"delete", id()}), "paused");
  EXPECT_OK(call({"delete", "--force", id()}));
  forget();
  EXPECT_TRUE(wait_init().has_value());
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Pause, RefusesExec) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 exec waits for a paused container");
  launch_waiting();
  EXPECT_OK(call({"pause", id()}));
  Outcome refused = exec({"/bin/probe", "exit", "0"});
  EXPECT_NE(refused.status, 0);
  EXPECT_TRUE(
      refused.err.contains("cannot exec in a paused container (use --ignore-paused to override)"))
      << refused.err;
  kill_init();
  EXPECT_TRUE(exec({"/bin/probe", "exit", "0"}).err.contains("cannot exec in a stopped container"));
}

TEST_F(Pause, AnExecThatIgnoresItRunsAfterResume) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 has no --ignore-paused");
  launch_waiting();
  EXPECT_OK(call({"pause", id()}));
  Running running = launch({"exec", "--ignore-paused", id(), "/bin/probe", "exit", "7"});
  EXPECT_FALSE(sys::wait_ready(running.child().pidfd(), POLLIN, 300).value_or(true));
  EXPECT_OK(call({"resume", id()}));
  EXPECT_EQ(running.wait().status, 7);
}

class Update : public Control {};

TEST_F(Update, SetsWhatTheOptionsSay) {
  NEEDS_CONTROLLER("memory");
  config.set_json("linux.resources.memory", R"({"limit": 67108864})");
  config.set_json("linux.resources.pids", R"({"limit": 50})");
  config.set_json("linux.resources.cpu", R"({"shares": 1024})");
  launch_waiting();
  ASSERT_OK(call({"update", "--memory", "128M", "--memory-reservation", "32M", "--memory-swap=-1",
                  "--pids-limit", "77", "--cpu-period", "50000", "--cpu-quota", "25000",
                  "--cpu-share", "512", "--cpuset-cpus", "0", "--cpuset-mems=0", id()}));
  EXPECT_EQ(memory_limit(), "134217728");
  EXPECT_EQ(value("memory", "memory.soft_limit_in_bytes", "memory.low"), "33554432");
  EXPECT_EQ(value("pids", "pids.max", "pids.max"), "77");
  EXPECT_EQ(value("cpuset", "cpuset.cpus", "cpuset.cpus"), "0");
  if (is_unified()) {
    EXPECT_EQ(value("cpu", "", "cpu.max"), "25000 50000");
    return;
  }
  EXPECT_EQ(value("cpu", "cpu.cfs_quota_us", ""), "25000");
  EXPECT_EQ(value("cpu", "cpu.cfs_period_us", ""), "50000");
  EXPECT_EQ(value("cpu", "cpu.shares", ""), "512");
}

TEST_F(Update, TakesResourcesAsJson) {
  NEEDS_CONTROLLER("memory");
  config.set_json("linux.resources.memory", R"({"limit": 67108864})");
  launch_waiting();
  // As dockerd and the shim of containerd send them: with zeroes for what is to stay.
  ASSERT_OK(call({"update", "--resources", "-", id()},
                 {.input = R"({"memory": {"limit": 134217728, "reservation": 0, "swap": 0,
                                "kernel": 0}, "cpu": {"shares": 0, "quota": 0, "period": 0,
                                "cpus": "", "mems": ""}, "blockIO": {"weight": 0}})"}));
  EXPECT_EQ(memory_limit(), "134217728");
  write_host_file(directory("resources.json"), R"({"memory": {"limit": 67108864}})");
  ASSERT_OK(call({"update", "-r", directory("resources.json"), id()}));
  EXPECT_EQ(memory_limit(), "67108864");
}

TEST_F(Update, ASecondOneKnowsTheFirst) {
  NEEDS_CONTROLLER("cpu");
  config.set_json("linux.resources.cpu", R"({"quota": 20000, "period": 100000})");
  launch_waiting();
  ASSERT_OK(call({"update", "--cpu-period", "50000", id()}));
  ASSERT_OK(call({"update", "--cpu-quota", "10000", id()}));
  if (is_unified()) {
    EXPECT_EQ(value("cpu", "", "cpu.max"), "10000 50000");
  } else {
    EXPECT_EQ(value("cpu", "cpu.cfs_quota_us", ""), "10000");
    EXPECT_EQ(value("cpu", "cpu.cfs_period_us", ""), "50000");
  }
  EXPECT_OK(exec({"/bin/probe", "exit", "0"}));
}

TEST_F(Update, OneThatFailsLeavesTheFormerLimits) {
  DIFFERS(RuntimeKind::kRunc, "a failed update of runc 1.1.5 leaves the limits before it");
  DIFFERS(RuntimeKind::kCrun, "a failed update of crun leaves the limits before it");
  NEEDS_CONTROLLER("cpuset");
  config.set_json("linux.resources.memory", R"({"limit": 67108864})");
  config.set_json("linux.resources.cpu", R"({"quota": 20000, "cpus": "0"})");
  launch_waiting();
  Outcome failed = call({"update", "--memory", "128M", "--cpu-quota", "30000", "--pids-limit", "9",
                         "--cpuset-cpus", "9999", id()});
  expect_error(failed, "linux.resources.cpu.cpus");
  EXPECT_EQ(memory_limit(), "67108864");
  EXPECT_EQ(value("cpu", "cpu.cfs_quota_us", "cpu.max"), is_unified() ? "20000 100000" : "20000");
  EXPECT_EQ(value("cpuset", "cpuset.cpus", "cpuset.cpus"), "0");
  EXPECT_OK(exec({"/bin/probe", "exit", "0"}));
}

TEST_F(Update, WrongValuesAreNamed) {
  launch_waiting();
  for (const char* option : {"--memory", "--cpu-period", "--cpu-quota", "--cpu-rt-runtime"}) {
    Outcome outcome = call({"update", option, "5x5", id()});
    EXPECT_NE(outcome.status, 0) << option;
    EXPECT_TRUE(outcome.err.contains(std::string_view(option).substr(2))) << outcome.err;
  }
  EXPECT_NE(call({"update", "--resources", directory("missing"), id()}).status, 0);
  EXPECT_NE(call({"update", "--resources", "-", id()}, {.input = "{"}).status, 0);
  EXPECT_NE(call({"update", "--memory", "64M", "nobody"}).status, 0);
}

TEST_F(Update, DeviceRulesOfTheConfigAreTakenAgain) {
  launch_waiting();
  // The kubelet sends all of the container's resources to change one of them.
  const json::Value sent = parse_json(config.text());
  const json::Value* resources = sent.find("linux")->find("resources");
  ASSERT_NE(resources, nullptr);
  EXPECT_OK(call({"update", "--resources", "-", id()}, {.input = json::write(*resources)}));
  EXPECT_EQ(exec_probe({"read", "/dev/null"}).error("read /dev/null"), "");
}

TEST_F(Update, OfAStoppedContainerFails) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 has other words for what is not running or paused");
  launch_waiting();
  kill_init();
  expect_error(call({"update", "--memory", "64M", id()}), "container not running");
}

class Events : public Control {
 protected:
  void SetUp() override {
    Control::SetUp();
    DIFFERS(RuntimeKind::kCrun, "crun has no events");
  }
  // The member by its path: "memory.usage.limit".
  static const json::Value* at(const json::Value& value, std::string_view path) {
    const json::Value* found = &value;
    for (std::string_view name : split(path, '.')) {
      if (found != nullptr) found = found->find(name);
    }
    return found;
  }
};

TEST_F(Events, StatisticsAreInTheShapeThatCallersParse) {
  config.set_json("linux.resources.memory", R"({"limit": 67108864})");
  config.set_json("linux.resources.pids", R"({"limit": 33})");
  launch_waiting();
  Outcome outcome = call({"events", "--stats", id()});
  ASSERT_OK(outcome);
  const json::Value event = parse_json(outcome.out);
  EXPECT_EQ(text_at(event, "type"), "stats");
  EXPECT_EQ(text_at(event, "id"), id());
  // What has no omitempty in runc's types/events.go.
  for (const char* path :
       {"cpu.usage.kernel", "cpu.usage.user", "cpu.throttling", "cpuset.cpu_exclusive",
        "cpuset.mem_hardwall", "cpuset.sched_relax_domain_level", "memory.usage.limit",
        "memory.usage.failcnt", "memory.swap.limit", "memory.kernel.failcnt",
        "memory.kernelTCP.limit", "pids", "blkio", "hugetlb", "intel_rdt", "network_interfaces"}) {
    EXPECT_NE(at(event, cat("data.", path)), nullptr) << path;
  }
  if (has_controller("memory")) {
    EXPECT_EQ(number_at(*at(event, "data.memory.usage"), "limit"), 67108864);
    EXPECT_GT(number_at(*at(event, "data.memory.usage"), "usage"), 0);
    EXPECT_NE(at(event, "data.memory.raw.pgfault"), nullptr);
  }
  if (has_controller("pids")) {
    EXPECT_EQ(number_at(*at(event, "data.pids"), "current"), 1);
    EXPECT_EQ(number_at(*at(event, "data.pids"), "limit"), 33);
  }
  EXPECT_GT(number_at(*at(event, "data.cpu.usage"), "total"), 0);
  EXPECT_TRUE(at(event, "data.network_interfaces")->is_null());
}

TEST_F(Events, AreTheSameAsThoseOfRuncOnThisHost) {
  ONLY_CRUN_LITE("it is compared with runc");
  const std::string runc = "/usr/sbin/runc";
  if (!host_path_exists(runc)) GTEST_SKIP() << "no runc to compare with";
  config.set_json("linux.resources.memory", R"({"limit": 67108864})");
  launch_waiting();
  const json::Value ours = parse_json(call({"events", "--stats", id()}).out);
  remove();
  write_config();
  ASSERT_OK(call({"create", "--bundle", bundle(), id()}, {.program = runc}));
  const Outcome outcome = call({"events", "--stats", id()}, {.program = runc});
  EXPECT_OK(call({"delete", "--force", id()}, {.program = runc}));
  ASSERT_OK(outcome);
  const json::Value theirs = parse_json(outcome.out);
  for (const char* path : {"data", "data.cpu", "data.memory", "data.memory.usage"}) {
    const auto* members = at(theirs, path)->get<json::Object>();
    ASSERT_NE(members, nullptr) << path;
    for (const json::Member& member : *members) {
      EXPECT_NE(at(ours, cat(path, ".", member.first)), nullptr) << path << "." << member.first;
    }
  }
}

TEST_F(Events, AStreamEndsWithTheContainer) {
  DIFFERS(RuntimeKind::kRunc, "events of runc 1.1.5 goes on until the cgroup is removed");
  launch_waiting();
  Running stream = launch({"events", "--interval", "50ms", id()});
  EXPECT_FALSE(sys::wait_ready(stream.child().pidfd(), POLLIN, 400).value_or(true));
  kill_init();
  Outcome outcome = stream.wait();
  EXPECT_OK(outcome);
  EXPECT_GT(std::ranges::count(outcome.out, '\n'), 1);
  EXPECT_TRUE(outcome.out.starts_with(R"({"type":"stats")")) << outcome.out;
  expect_error(call({"events", "--stats", id()}),
               cat("container with id ", id(), " is not running"));
}

TEST_F(Events, TellWhenMemoryRunsOut) {
  DIFFERS(RuntimeKind::kRunc, "events of runc 1.1.5 goes on until the cgroup is removed");
  NEEDS_CONTROLLER("memory");
  config.set_json("linux.resources.memory", R"({"limit": 33554432, "swap": 33554432})");
  launch_waiting();
  Running stream = launch({"events", "--interval", "1h", id()});
  // It listens when its descriptor of the group's memory is open; the first line would be late.
  const std::string fds = cat("/proc/", stream.child().pid(), "/fd");
  const int64_t deadline = deadline_in(10'000);
  const auto listens = [&] {
    for (const std::string& name : host_names_in(fds)) {
      const std::string target =
          sys::readlinkat(AT_FDCWD, cat(fds, "/", name).c_str()).value_or("");
      if (target.contains("memory.oom_control") || target.contains("memory.events") ||
          target.contains("inotify")) {
        return true;
      }
    }
    return false;
  };
  while (!listens() && sys::monotonic_ms() < deadline) (void)sys::wait_ready(-1, 0, 10);
  (void)sys::wait_ready(-1, 0, 200);  // until it has asked for the events too
  EXPECT_EQ(exec({"/bin/probe", "eat", "256"}).status, 128 + SIGKILL);
  (void)sys::wait_ready(-1, 0, 200);
  kill_init();
  Outcome outcome = stream.wait();
  EXPECT_TRUE(outcome.out.contains(cat(R"({"type":"oom","id":")", id(), "\"}"))) << outcome.out;
}

TEST_F(Events, AnIntervalIsAboveZero) {
  launch_waiting();
  expect_error(call({"events", "--interval", "0s", id()}),
               "duration interval must be greater than 0");
}

// A group that is only wished for may be anybody's.
TEST_F(Control, KillOfAllSparesWhoIsInAWishedPath) {
  ONLY_CRUN_LITE("the half-made state is written as crun-lite does");
  NEEDS_CONTROLLER("pids");
  launch_waiting();
  const std::string other = new_id();
  make_host_directory(cat(state_root(), "/", other), 0700);
  will_remove(other);
  write_host_file(cat(state_root(), "/", other, "/state.json"),
                  cat(R"({"id": ")", other, R"(", "cgroupsPath": ")", cgroup_of(id()), "\"}"));
  Outcome outcome = call({"kill", "--all", other, "KILL"});
  expect_error(outcome, "container not running");
  EXPECT_EQ(status(), "running");
  EXPECT_OK(call({"delete", "--force", other}));
  EXPECT_EQ(status(), "running");
}

}  // namespace
}  // namespace crunlite::integration
