// SPDX-License-Identifier: Apache-2.0
// The root file system: read-only, masked and read-only paths, devices, sysctl
// (config.md#root, config-linux.md).
#include <sys/sysmacros.h>

#include "base/text.h"
#include "tests/integration/harness.h"

namespace crunlite::integration {
namespace {

class Root : public RuntimeTest {};

TEST_F(Root, ReadOnly) {
  config.set("root.readonly", true).mount("tmpfs", "tmpfs", "/tmp");
  Report report = run_probe({"create", "/new", ",", "write", "/etc/passwd", "x", ",", "create",
                             "/tmp/new", ",", "mounts"});
  EXPECT_EQ(report.error("create /new"), "EROFS");
  EXPECT_EQ(report.error("write /etc/passwd x"), "EROFS");
  EXPECT_EQ(report.error("create /tmp/new"), "");
  EXPECT_TRUE(report.mount_at("/").has("ro"));
}

TEST_F(Root, WritableUnlessSaid) {
  (void)run_probe({"create", "/new"});
  EXPECT_TRUE(host_path_exists(rootfs("new")));
}

TEST_F(Root, PathForms) {
  config.probe({"exit", "3"});
  for (const std::string& path : Strings{rootfs(), "./rootfs", "rootfs/", "../bundle/rootfs"}) {
    config.set("root.path", path);
    EXPECT_EQ(run().status, 3) << path;
  }
}

TEST_F(Root, AMissingOneIsAnError) {
  config.set("root.path", "nowhere");
  Outcome outcome = run();
  EXPECT_NE(outcome.status, 0);
  EXPECT_TRUE(outcome.err.contains("nowhere")) << outcome.err;
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Root, AFileIsNoRoot) {
  write_host_file(cat(bundle(), "/plain"), "");
  config.set("root.path", "plain");
  EXPECT_NE(run().status, 0);
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Root, MaskedPaths) {
  make_host_directory(rootfs("secret"));
  write_host_file(rootfs("secret/file"), "secret");
  write_host_file(rootfs("etc/secret"), "secret");
  config.add_json("linux.maskedPaths", R"("/secret")");
  config.add_json("linux.maskedPaths", R"("/etc/secret")");
  config.add_json("linux.maskedPaths", R"("/missing/path")");
  Report report = run_probe({"list", "/secret", ",", "create", "/secret/x", ",", "read",
                             "/etc/secret", ",", "read", "/proc/kcore", ",", "read", "/proc/keys"});
  EXPECT_EQ(report.texts("list /secret", "list"), Strings{});
  EXPECT_EQ(report.error("create /secret/x"), "EROFS");
  EXPECT_EQ(report.text("read /etc/secret", "data"), "");
  EXPECT_EQ(report.text("read /proc/keys", "data"), "");
  EXPECT_EQ(report.text("read /proc/kcore", "data"), "");
}

TEST_F(Root, ReadonlyPaths) {
  make_host_directory(rootfs("frozen"));
  write_host_file(rootfs("frozen/file"), "before");
  config.add_json("linux.readonlyPaths", R"("/frozen")");
  config.add_json("linux.readonlyPaths", R"("/missing/path")");
  config.capabilities({"CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"});
  Report report = run_probe({"create", "/frozen/x", ",", "write", "/frozen/file", "x", ",", "read",
                             "/frozen/file", ",", "write", "/proc/sys/kernel/hostname", "x", ",",
                             "write", "/proc/sysrq-trigger", "?"});
  EXPECT_EQ(report.error("create /frozen/x"), "EROFS");
  EXPECT_EQ(report.error("write /frozen/file x"), "EROFS");
  EXPECT_EQ(report.text("read /frozen/file", "data"), "before");
  EXPECT_EQ(report.error("write /proc/sys/kernel/hostname x"), "EROFS");
  bool has_sysrq = host_path_exists("/proc/sysrq-trigger");
  EXPECT_EQ(report.error("write /proc/sysrq-trigger ?"), has_sysrq ? "EROFS" : "ENOENT");
}

TEST_F(Root, Sysctl) {
  config.with_namespace("network");
  config.set_json("linux.sysctl", R"({"net.ipv4.ip_forward": "1",
                                      "net.ipv4.ip_local_port_range": "2000 3000",
                                      "kernel.shm_rmid_forced": "1",
                                      "kernel.msgmax": "4096"})");
  Report report =
      run_probe({"read", "/proc/sys/net/ipv4/ip_forward", ",", "read",
                 "/proc/sys/net/ipv4/ip_local_port_range", ",", "read",
                 "/proc/sys/kernel/shm_rmid_forced", ",", "read", "/proc/sys/kernel/msgmax"});
  EXPECT_EQ(report.text("read /proc/sys/net/ipv4/ip_forward", "data"), "1\n");
  EXPECT_EQ(report.text("read /proc/sys/net/ipv4/ip_local_port_range", "data"), "2000\t3000\n");
  EXPECT_EQ(report.text("read /proc/sys/kernel/shm_rmid_forced", "data"), "1\n");
  EXPECT_EQ(report.text("read /proc/sys/kernel/msgmax", "data"), "4096\n");
}

TEST_F(Root, SysctlOfTheHostIsRefused) {
  struct Row {
    const char* json;
    const char* name;
  };
  const Row rows[] = {{R"({"kernel.pid_max": "100000"})", "kernel.pid_max"},
                      {R"({"vm.swappiness": "1"})", "vm.swappiness"},
                      {R"({"net.ipv4.ip_forward": "1"})", "net.ipv4.ip_forward"},
                      {R"({"kernel.hostname": "x"})", "kernel.hostname"}};
  for (const Row& row : rows) {
    if (std::string_view(row.name) == "kernel.hostname") continue;  // set by hostname
    config.set_json("linux.sysctl", row.json);
    Outcome outcome = run();
    EXPECT_NE(outcome.status, 0) << row.name;
    EXPECT_TRUE(outcome.err.contains(row.name)) << outcome.err;
    EXPECT_EQ(leftovers(), "") << row.name;
  }
}

TEST_F(Root, AWrongSysctlIsAnError) {
  config.with_namespace("network");
  for (const char* json : {R"({"net.ipv4.no_such_thing": "1"})",
                           R"({"net.ipv4.ip_local_port_range": "no numbers"})"}) {
    config.set_json("linux.sysctl", json);
    Outcome outcome = run();
    EXPECT_NE(outcome.status, 0) << json;
    EXPECT_NE(outcome.err, "") << json;
    EXPECT_EQ(leftovers(), "") << json;
  }
}

class Devices : public RuntimeTest {};

TEST_F(Devices, DefaultNodes) {
  const std::pair<const char*, const char*> nodes[] = {
      {"/dev/null", "1:3"},   {"/dev/zero", "1:5"},    {"/dev/full", "1:7"},
      {"/dev/random", "1:8"}, {"/dev/urandom", "1:9"}, {"/dev/tty", "5:0"}};
  Strings words;
  for (auto [path, device] : nodes) {
    for (const char* word : {"stat", path, ","}) words.emplace_back(word);
  }
  for (const char* word : {"open", "/dev/null", "rw", ",", "open", "/dev/zero", "r", ",", "open",
                           "/dev/urandom", "r"}) {
    words.emplace_back(word);
  }
  Report report = run_probe(words);
  for (auto [path, device] : nodes) {
    std::string call = cat("stat ", std::string_view(path));
    EXPECT_EQ(report.text(call, "type"), "character") << path;
    EXPECT_EQ(report.text(call, "device"), device) << path;
    EXPECT_EQ(report.number(call, "mode"), 0666) << path;
  }
  EXPECT_EQ(report.error("open /dev/null rw"), "");
  EXPECT_EQ(report.error("open /dev/zero r"), "");
  EXPECT_EQ(report.error("open /dev/urandom r"), "");
}

TEST_F(Devices, DefaultLinks) {
  Report report = run_probe({"stat", "/dev/fd", ",", "stat", "/dev/stdin", ",", "stat",
                             "/dev/stdout", ",", "stat", "/dev/stderr", ",", "stat", "/dev/ptmx"});
  EXPECT_EQ(report.text("stat /dev/fd", "link"), "/proc/self/fd");
  EXPECT_EQ(report.text("stat /dev/stdin", "link"), "/proc/self/fd/0");
  EXPECT_EQ(report.text("stat /dev/stdout", "link"), "/proc/self/fd/1");
  EXPECT_EQ(report.text("stat /dev/stderr", "link"), "/proc/self/fd/2");
  EXPECT_TRUE(report.text("stat /dev/ptmx", "link").ends_with("pts/ptmx"));
}

TEST_F(Devices, NoDeviceOfTheHostIsThere) {
  Report report = run_probe({"list", "/dev"});
  for (const std::string& name : report.texts("list /dev", "list")) {
    EXPECT_TRUE(contains({"console", "core", "fd", "full", "mqueue", "null", "ptmx", "pts",
                          "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero"},
                         name))
        << name;
  }
}

TEST_F(Devices, FurtherNodes) {
  config.set_json("linux.devices", R"([
    {"type": "c", "path": "/dev/extra", "major": 1, "minor": 5, "fileMode": 384,
     "uid": 7, "gid": 8},
    {"type": "b", "path": "/dev/deep/below/block", "major": 7, "minor": 200, "fileMode": 432},
    {"type": "p", "path": "/dev/pipe", "fileMode": 420},
    {"type": "u", "path": "/dev/unbuffered", "major": 1, "minor": 3},
    {"type": "c", "path": "/srv/null", "major": 1, "minor": 3, "fileMode": 438}])");
  Report report =
      run_probe({"stat", "/dev/extra", ",", "stat", "/dev/deep/below/block", ",", "stat",
                 "/dev/pipe", ",", "stat", "/dev/unbuffered", ",", "stat", "/srv/null"});
  EXPECT_EQ(report.text("stat /dev/extra", "device"), "1:5");
  EXPECT_EQ(report.number("stat /dev/extra", "mode"), 0600);
  EXPECT_EQ(report.number("stat /dev/extra", "uid"), 7);
  EXPECT_EQ(report.number("stat /dev/extra", "gid"), 8);
  EXPECT_EQ(report.text("stat /dev/deep/below/block", "type"), "block");
  EXPECT_EQ(report.text("stat /dev/deep/below/block", "device"), "7:200");
  EXPECT_EQ(report.number("stat /dev/deep/below/block", "mode"), 0660);
  EXPECT_EQ(report.text("stat /dev/pipe", "type"), "fifo");
  EXPECT_EQ(report.text("stat /dev/unbuffered", "device"), "1:3");
  EXPECT_EQ(report.text("stat /srv/null", "device"), "1:3");
}

TEST_F(Devices, FurtherNodesWithoutAnyRule) {
  config.remove("linux.resources").set_json("linux.devices", R"([
    {"type": "b", "path": "/dev/block", "major": 7, "minor": 200, "fileMode": 432}])");
  EXPECT_EQ(run_probe({"stat", "/dev/block"}).text("stat /dev/block", "device"), "7:200");
}

class DeviceRules : public RuntimeTest {
 protected:
  void SetUp() override {
    RuntimeTest::SetUp();
    config.capabilities({"CAP_MKNOD", "CAP_SYS_ADMIN", "CAP_SYSLOG", "CAP_DAC_OVERRIDE"});
  }
};

// kmsg (1:11) opens without any effect and is on every kernel.
constexpr const char* kKmsg = "mknod /tmp/kmsg c 1 11";
const Strings kTryKmsg = {"mknod",     "/tmp/kmsg", "c", "1",    "11",        ",", "open",
                          "/tmp/kmsg", "w",         ",", "open", "/tmp/kmsg", "r"};

TEST_F(DeviceRules, DeniedDevicesDoNotOpen) {
  Report report = run_probe(kTryKmsg);
  if (report.error(kKmsg).empty()) {
    EXPECT_EQ(report.error("open /tmp/kmsg w"), "EPERM");
    EXPECT_EQ(report.error("open /tmp/kmsg r"), "EPERM");
  } else {
    EXPECT_EQ(report.error(kKmsg), "EPERM");
  }
}

TEST_F(DeviceRules, AllowedDevicesOpen) {
  config.add_json("linux.resources.devices",
                  R"({"allow": true, "type": "c", "major": 1, "minor": 11, "access": "rwm"})");
  Report report = run_probe(kTryKmsg);
  EXPECT_EQ(report.error(kKmsg), "");
  EXPECT_EQ(report.error("open /tmp/kmsg w"), "");
  EXPECT_EQ(report.error("open /tmp/kmsg r"), "");
}

TEST_F(DeviceRules, AccessIsToldApart) {
  config.add_json("linux.resources.devices",
                  R"({"allow": true, "type": "c", "major": 1, "minor": 11, "access": "wm"})");
  Report report = run_probe(kTryKmsg);
  EXPECT_EQ(report.error(kKmsg), "");
  EXPECT_EQ(report.error("open /tmp/kmsg w"), "");
  EXPECT_EQ(report.error("open /tmp/kmsg r"), "EPERM");
}

TEST_F(DeviceRules, AWholeMajorNumber) {
  config.add_json("linux.resources.devices",
                  R"({"allow": true, "type": "c", "major": 1, "access": "rwm"})");
  EXPECT_EQ(run_probe(kTryKmsg).error("open /tmp/kmsg w"), "");
}

TEST_F(DeviceRules, LaterRulesWin) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 refuses a hole in a wide allow rule on cgroup v1");
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 lets a wide allow rule win on cgroup v1");
  config.set_json("linux.resources.devices", R"([
    {"allow": false, "access": "rwm"},
    {"allow": true, "type": "c", "major": 1, "access": "rwm"},
    {"allow": false, "type": "c", "major": 1, "minor": 11, "access": "rwm"}])");
  if (Host::get().cgroups() == CgroupLayout::kLegacy) {
    // The devices controller of v1 cannot say it: refused by its path, not ignored.
    Outcome outcome = run();
    EXPECT_NE(outcome.status, 0);
    EXPECT_TRUE(outcome.err.contains("linux.resources.devices[2]")) << outcome.err;
    return;
  }
  EXPECT_NE(run_probe(kTryKmsg).error("open /tmp/kmsg w"), "");
}

TEST_F(DeviceRules, EverythingAllowed) {
  config.set_json("linux.resources.devices", R"([{"allow": true, "access": "rwm"}])");
  Report report = run_probe(kTryKmsg);
  EXPECT_EQ(report.error("open /tmp/kmsg w"), "");
}

TEST_F(DeviceRules, DefaultDevicesAreAllowedUnderDenyAll) {
  Report report =
      run_probe({"open", "/dev/null", "rw", ",", "open", "/dev/zero", "r", ",", "open", "/dev/full",
                 "r", ",", "open", "/dev/random", "r", ",", "open", "/dev/ptmx", "rw"});
  for (const char* call : {"open /dev/null rw", "open /dev/zero r", "open /dev/full r",
                           "open /dev/random r", "open /dev/ptmx rw"}) {
    EXPECT_EQ(report.error(call), "") << call;
  }
}

TEST_F(DeviceRules, HoldForExecToo) {
  launch_probe({"wait"});
  Report report = exec_probe(kTryKmsg);
  EXPECT_NE(report.error("open /tmp/kmsg w"), "");
}

}  // namespace
}  // namespace crunlite::integration
