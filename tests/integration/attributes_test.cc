// SPDX-License-Identifier: Apache-2.0
// What config.json may ask for beside namespaces, mounts and limits: clocks, id-mapped mounts,
// scheduling, execution domain, network devices, supervisors of system calls, Landlock.
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "base/text.h"
#include "tests/integration/harness.h"

namespace crunlite::integration {
namespace {

class Attributes : public RuntimeTest {
 protected:
  void SetUp() override {
    RuntimeTest::SetUp();
    if (!IsSkipped()) only_here();
  }
  void only_here() { ONLY_CRUN_LITE("1.3 of the specification and annotations of crun-lite"); }
};

// The tests' files lie in a tmpfs.
bool can_id_map_tmpfs() {
  const std::string release = read_host_file("/proc/sys/kernel/osrelease");
  const std::vector<std::string_view> numbers = split(release, '.');
  const int major = parse_number<int>(numbers.at(0)).value_or(0);
  const int minor = numbers.size() > 1 ? parse_number<int>(numbers[1]).value_or(0) : 0;
  return major > 6 || (major == 6 && minor >= 3);
}

TEST_F(Attributes, ANewTimeNamespaceHasItsOffsets) {
  config.with_namespace("time").set_json(
      "linux.timeOffsets",
      R"({"monotonic": {"secs": 7200, "nanosecs": 5}, "boottime": {"secs": -1}})");
  launch_probe({"read", "/proc/self/timens_offsets", ",", "wait"});
  const std::string line = output().next();
  EXPECT_TRUE(line.contains("7200")) << line;
  EXPECT_NE(host_namespace("time", cat(init_pid())), host_namespace("time"));
  Report joined = exec_probe({"read", "/proc/self/timens_offsets"});
  EXPECT_TRUE(joined.text("read /proc/self/timens_offsets", "data").contains("7200"));
}

TEST_F(Attributes, ATimeNamespaceBelowAUserNamespace) {
  constexpr const char* kMap = R"([{"containerID": 0, "hostID": 100000, "size": 65536}])";
  config.with_namespace("network").with_namespace("user").with_namespace("time");
  config.set_json("linux.uidMappings", kMap).set_json("linux.gidMappings", kMap);
  config.set_json("linux.timeOffsets", R"({"monotonic": {"secs": 7200}})");
  Report report = run_probe({"read", "/proc/self/timens_offsets"});
  EXPECT_TRUE(report.text("read /proc/self/timens_offsets", "data").contains("7200"));
}

TEST_F(Attributes, ATimeNamespaceIsJoinedByPath) {
  config.with_namespace("time").set_json("linux.timeOffsets", R"({"monotonic": {"secs": 7200}})");
  launch_probe({"wait"});
  config.remove("linux.timeOffsets").with_namespace("time", cat("/proc/", init_pid(), "/ns/time"));
  Report report = run_probe_beside({"read", "/proc/self/timens_offsets"});
  EXPECT_TRUE(report.text("read /proc/self/timens_offsets", "data").contains("7200"));
}

TEST_F(Attributes, AnIdMappedBindShowsOtherOwners) {
  make_host_directory(directory("data"));
  write_host_file(directory("data/file"), "x");
  const Config plain = config;
  config.bind(directory("data"), "/data", {"bind", "idmap"});
  Outcome refused = run();
  EXPECT_NE(refused.status, 0);
  EXPECT_TRUE(refused.err.contains("uidMappings")) << refused.err;
  if (!can_id_map_tmpfs()) GTEST_SKIP() << "no id-mapped tmpfs before Linux 6.3";
  config = plain;
  config.add_json("mounts", cat(R"({"destination": "/data", "type": "bind", "source": ")",
                                directory("data"), R"(", "options": ["bind", "idmap"],
      "uidMappings": [{"containerID": 0, "hostID": 4242, "size": 1}],
      "gidMappings": [{"containerID": 0, "hostID": 4343, "size": 1}]})"));
  Report report = run_probe({"stat", "/data/file"});
  EXPECT_EQ(report.number("stat /data/file", "uid"), 4242);
  EXPECT_EQ(report.number("stat /data/file", "gid"), 4343);
}

TEST_F(Attributes, AnOptionThatMeansNothingForABindIsRefused) {
  config.bind(directory(), "/data", {"bind", "size=1m"});
  Outcome outcome = run();
  EXPECT_NE(outcome.status, 0);
  EXPECT_TRUE(outcome.err.contains("size")) << outcome.err;
}

TEST_F(Attributes, LandlockAllowsWhatItLists) {
  config.set("process.noNewPrivileges", true);
  config.set_json("annotations", R"({"io.crun-lite.landlock": "rx /bin; r /proc; rw /tmp"})");
  write_host_file(rootfs("secret"), "x");
  Report report = run_probe({"read", "/secret", ",", "create", "/tmp/y"});
  EXPECT_EQ(report.error("read /secret"), "EACCES");
  EXPECT_EQ(report.error("create /tmp/y"), "");
}

TEST_F(Attributes, CoreSchedulingIsRefusedWhereTheKernelHasNone) {
  config.set_json("annotations", R"({"io.crun-lite.core-scheduling": "true"})");
  Outcome outcome = run();
  if (outcome.ok()) GTEST_SKIP() << "this kernel has core scheduling";
  EXPECT_TRUE(outcome.err.contains("io.crun-lite.core-scheduling")) << outcome.err;
}

TEST_F(Attributes, ThePersonalityIsThatOfAnother) {
  config.set_json("linux.personality", R"({"domain": "LINUX32"})");
  config.probe({"syscall", cat(SYS_personality), "4294967295"});
  Outcome outcome = run();
  EXPECT_OK(outcome);
  EXPECT_TRUE(outcome.out.contains("\"result\":8")) << outcome.out;
}

TEST_F(Attributes, SchedulerAndPriority) {
  config.set_json("process.scheduler", R"({"policy": "SCHED_BATCH", "nice": 5})");
  config.set_json("process.ioPriority", R"({"class": "IOPRIO_CLASS_BE", "priority": 6})");
  config.set_json("linux.memoryPolicy", R"({"mode": "MPOL_BIND", "nodes": "0"})");
  Report report = run_probe(
      {"syscall", cat(SYS_sched_getscheduler), ",", "syscall", cat(SYS_ioprio_get), "1", "0"});
  EXPECT_EQ(report.number(cat("syscall ", SYS_sched_getscheduler), "result"), 3);
  EXPECT_EQ(report.number(cat("syscall ", SYS_ioprio_get, " 1 0"), "result"), (2 << 13) | 6);
}

// A pair of virtual devices; what is left of it goes with the test.
TEST_F(Attributes, ANetworkDeviceIsMovedAndRenamed) {
  const auto ip = [](const Strings& words) {
    RunOptions options;
    options.spawn.args = {"ip"};
    options.spawn.args.insert(options.spawn.args.end(), words.begin(), words.end());
    return crunlite::run(options).value_or(RunOutput{.status = {.code = 1}, .out = {}, .err = {}});
  };
  if (ip({"link", "add", "cltest0", "type", "veth", "peer", "name", "cltest1"}).status.code != 0) {
    GTEST_SKIP() << "no virtual network devices here";
  }
  (void)ip({"addr", "add", "10.254.7.1/30", "dev", "cltest1"});
  config.with_namespace("network");
  config.set_json("linux.netDevices", R"({"cltest1": {"name": "inner0"}})");
  Report report = run_probe({"list", "/proc/sys/net/ipv4/conf", ",", "read", "/proc/net/fib_trie"});
  EXPECT_TRUE(report.text("read /proc/net/fib_trie", "data").contains("10.254.7.1"));
  (void)ip({"link", "del", "cltest0"});
  ASSERT_EQ(ip({"link", "add", "cltest0", "type", "veth", "peer", "name", "cltest1"}).status.code,
            0);
  config.args({"/bin/missing"});
  EXPECT_NE(run().status, 0);
  EXPECT_EQ(ip({"link", "show", "cltest1"}).status.code, 0);  // it is back
  (void)ip({"link", "del", "cltest0"});
}

TEST_F(Attributes, NewerSystemCallsAreUnknownAndNotRefused) {
  config.set_json("linux.seccomp", R"({"defaultAction": "SCMP_ACT_ERRNO",
      "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [{"action": "SCMP_ACT_ERRNO",
      "errnoRet": 99, "names": ["mkdir"]}, {"action": "SCMP_ACT_ALLOW", "names": ["read",
      "write", "writev", "execve", "execveat", "capset", "brk", "arch_prctl",
      "set_tid_address", "set_robust_list",
      "rseq", "prlimit64", "mprotect", "getrandom", "exit_group", "readlinkat",
      "readlink", "newfstatat", "fstat",
      "openat2", "faccessat2", "mmap", "munmap", "gettid", "getpid", "tgkill"]}]})");
  Report report = run_probe({"mkdir", "/tmp/x", ",", "syscall", "470", ",", "syscall", "165"});
  EXPECT_EQ(report.number("mkdir /tmp/x", "errno"), 99);
  EXPECT_EQ(report.error("syscall 470"), "ENOSYS");
  EXPECT_EQ(report.error("syscall 165"), "EPERM");
}

TEST_F(Attributes, ASupervisorGetsTheListener) {
  UniqueFd listener = *sys::socket(AF_UNIX, SOCK_STREAM, 0);
  const std::string path = directory("agent");
  struct sockaddr_un address{};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path.c_str(), path.size());
  ASSERT_TRUE(
      sys::bind(listener.get(), reinterpret_cast<struct sockaddr*>(&address), sizeof address)
          .has_value());
  ASSERT_TRUE(sys::listen(listener.get(), 4).has_value());
  config.set_json("linux.seccomp", cat(R"({"defaultAction": "SCMP_ACT_ALLOW",
      "listenerMetadata": "hello", "listenerPath": ")",
                                       path, R"(", "syscalls": [
      {"names": ["mkdir", "sendmsg"], "action": "SCMP_ACT_NOTIFY"}]})"));
  launch_probe({"wait"});
  UniqueFd peer = *sys::accept4(listener.get(), 0);
  std::string buffer(64 << 10, '\0');
  Result<sys::Received> received = sys::receive_with_fd(peer.get(), buffer);
  ASSERT_TRUE(received.has_value());
  EXPECT_TRUE(received->fd.is_open());
  buffer.resize(received->length);
  const json::Value message = parse_json(buffer);
  EXPECT_EQ(text_at(message, "metadata"), "hello");
  EXPECT_EQ(number_at(message, "pid"), init_pid());
  EXPECT_EQ(text_at(*message.find("state"), "id"), id());
}

}  // namespace
}  // namespace crunlite::integration
