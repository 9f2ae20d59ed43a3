// SPDX-License-Identifier: Apache-2.0
// Namespaces: new, shared with the host, joined by path; user namespaces with maps
// (config-linux.md#namespaces).
#include "base/text.h"
#include "tests/integration/harness.h"

namespace crunlite::integration {
namespace {

struct KindNames {
  const char* oci;
  const char* proc;
};
constexpr KindNames kKinds[] = {{"pid", "pid"},   {"ipc", "ipc"},     {"uts", "uts"},
                                {"mount", "mnt"}, {"network", "net"}, {"cgroup", "cgroup"},
                                {"user", "user"}};

constexpr const char* kMap = R"([{"containerID": 0, "hostID": 100000, "size": 65536}])";

class Namespaces : public RuntimeTest {
 protected:
  // A user namespace whose root is 100000 outside. A sysfs wants a network namespace of its own.
  void use_user_namespace() {
    config.with_namespace("network");
    config.with_namespace("user").set_json("linux.uidMappings", kMap);
    config.set_json("linux.gidMappings", kMap);
  }
  std::string path_of(std::string_view proc_name) {
    return cat("/proc/", init_pid(), "/ns/", proc_name);
  }
};

TEST_F(Namespaces, EachNamedOneIsNew) {
  config.with_namespace("network").with_namespace("cgroup");
  Report report = run_probe({"namespaces"});
  for (const KindNames& kind : kKinds) {
    if (std::string_view(kind.oci) == "user") continue;
    EXPECT_NE(report.text("namespaces", kind.proc), host_namespace(kind.proc)) << kind.oci;
  }
  EXPECT_EQ(report.text("namespaces", "user"), host_namespace("user"));
}

TEST_F(Namespaces, EachMissingOneIsTheHosts) {
  config.remove("hostname").set_json("linux.namespaces", R"([{"type": "mount"}])");
  Report report = run_probe({"namespaces"});
  for (const KindNames& kind : kKinds) {
    if (std::string_view(kind.oci) == "mount") continue;
    EXPECT_EQ(report.text("namespaces", kind.proc), host_namespace(kind.proc)) << kind.oci;
  }
}

TEST_F(Namespaces, AreJoinedByPath) {
  config.with_namespace("network");
  launch_probe({"wait"});
  for (const char* kind : {"network", "ipc", "uts"}) {
    std::string_view oci = kind;
    std::string proc = oci == "network" ? "net" : std::string(oci);
    config.with_namespace(kind, path_of(proc));
  }
  config.remove("hostname");
  Report report = run_probe_beside({"namespaces", ",", "uts"});
  for (const char* proc : {"net", "ipc", "uts"}) {
    EXPECT_EQ(report.text("namespaces", proc), host_namespace(proc, cat(init_pid()))) << proc;
  }
  EXPECT_NE(report.text("namespaces", "pid"), host_namespace("pid", cat(init_pid())));
  EXPECT_EQ(report.text("uts", "hostname"), "guest");
}

TEST_F(Namespaces, APidNamespaceIsJoinedByPath) {
  launch_probe({"wait"});
  config.with_namespace("pid", path_of("pid"));
  Report report = run_probe_beside({"namespaces", ",", "pids", ",", "processes"});
  EXPECT_EQ(report.text("namespaces", "pid"), host_namespace("pid", cat(init_pid())));
  EXPECT_GT(report.number("pids", "pid"), 1);
  EXPECT_TRUE(contains(report.texts("processes", "list"), "1 /bin/probe wait"));
  EXPECT_EQ(status(), "running");
}

TEST_F(Namespaces, AUserNamespaceIsJoinedByPath) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 wants maps even to join");
  use_user_namespace();
  launch_probe({"wait"});
  config.with_namespace("user", path_of("user")).with_namespace("network", path_of("net"));
  config.remove("linux.uidMappings").remove("linux.gidMappings");
  Report report = run_probe_beside({"namespaces", ",", "ids", ",", "read", "/proc/self/uid_map"});
  EXPECT_EQ(report.text("namespaces", "user"), host_namespace("user", cat(init_pid())));
  EXPECT_EQ(report.numbers("ids", "uids"), (std::vector<int64_t>{0, 0, 0}));
  EXPECT_TRUE(report.text("read /proc/self/uid_map", "data").contains("100000"));
}

// As podman gives a container with ids of its own the network that it has prepared.
TEST_F(Namespaces, OthersAreJoinedByANewUserNamespace) {
  config.with_namespace("network");
  launch_probe({"wait"});
  use_user_namespace();
  config.with_namespace("network", path_of("net")).with_namespace("ipc", path_of("ipc"));
  // No sysfs and no mqueue: they want rights over the namespaces that are joined.
  config.set_json("mounts", "[]").mount("proc", "proc", "/proc").mount("tmpfs", "tmpfs", "/dev");
  Report report = run_probe_beside({"namespaces", ",", "ids", ",", "read", "/proc/self/uid_map"});
  for (const char* proc : {"net", "ipc"}) {
    EXPECT_EQ(report.text("namespaces", proc), host_namespace(proc, cat(init_pid()))) << proc;
  }
  EXPECT_NE(report.text("namespaces", "user"), host_namespace("user"));
  EXPECT_TRUE(report.text("read /proc/self/uid_map", "data").contains("100000"));
}

TEST_F(Namespaces, OneNamespacePerKind) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 takes one kind of namespace twice");
  config.add_json("linux.namespaces", R"({"type": "uts"})");
  Outcome outcome = run();
  EXPECT_NE(outcome.status, 0);
  EXPECT_NE(outcome.err, "");
}

TEST_F(Namespaces, PathsThatAreNoneAreRefused) {
  write_host_file(directory("plain"), "");
  for (const std::string& path : Strings{"/proc/self/ns/net", directory("plain"),
                                         directory("missing"), "/proc/self/ns/mnt"}) {
    config.with_namespace("ipc", path);
    Outcome outcome = run();
    EXPECT_NE(outcome.status, 0) << path;
    EXPECT_NE(outcome.err, "") << path;
    EXPECT_EQ(leftovers(), "") << path;
  }
}

TEST_F(Namespaces, HostNameNeedsAUtsNamespace) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 ignores a host name without uts namespace");
  config.without_namespace("uts");
  Outcome outcome = run();
  EXPECT_NE(outcome.status, 0);
  EXPECT_TRUE(outcome.err.contains("hostname")) << outcome.err;
}

class UserNamespace : public Namespaces {
 protected:
  void SetUp() override {
    Namespaces::SetUp();
    use_user_namespace();
  }
};

TEST_F(UserNamespace, MapsRootToAnOrdinaryUser) {
  Report report = run_probe({"ids", ",", "read", "/proc/self/uid_map", ",", "read",
                             "/proc/self/gid_map", ",", "namespaces", ",", "caps"});
  EXPECT_EQ(report.numbers("ids", "uids"), (std::vector<int64_t>{0, 0, 0}));
  EXPECT_EQ(report.numbers("ids", "gids"), (std::vector<int64_t>{0, 0, 0}));
  for (const char* file : {"read /proc/self/uid_map", "read /proc/self/gid_map"}) {
    std::string words;
    std::string text = report.text(file, "data");
    for (std::string_view word : split(trim(text), ' ')) {
      if (!word.empty()) words += cat(words.empty() ? "" : " ", word);
    }
    EXPECT_EQ(words, "0 100000 65536") << file;
  }
  EXPECT_NE(report.text("namespaces", "user"), host_namespace("user"));
}

TEST_F(UserNamespace, FilesBelongToTheMappedUserOutside) {
  Status changed = sys::fchownat(AT_FDCWD, rootfs("tmp").c_str(), 100000, 100000, 0);
  ASSERT_TRUE(changed.has_value());
  (void)run_probe({"create", "/tmp/file"});
  Result<struct stat> info = sys::fstatat(AT_FDCWD, rootfs("tmp/file").c_str(), 0);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->st_uid, 100000u);
  EXPECT_EQ(info->st_gid, 100000u);
}

TEST_F(UserNamespace, HostFilesStayOutOfReach) {
  write_host_file(rootfs("etc/secret"), "secret", 0600);
  Report report = run_probe({"read", "/etc/secret", ",", "mknod", "/tmp/sda", "b", "8", "0"});
  EXPECT_EQ(report.error("read /etc/secret"), "EACCES");
  EXPECT_NE(report.error("mknod /tmp/sda b 8 0"), "");
}

TEST_F(UserNamespace, DevicesAreThere) {
  Report report = run_probe({"open", "/dev/null", "w", ",", "read", "/dev/zero", ",", "stat",
                             "/dev/null", ",", "open", "/dev/tty"});
  EXPECT_EQ(report.error("open /dev/null w"), "");
  EXPECT_EQ(report.text("stat /dev/null", "device"), "1:3");
}

TEST_F(UserNamespace, OrdinaryUserAndGroupsInside) {
  config.set_json("process.user", R"({"uid": 1000, "gid": 1001, "additionalGids": [44]})");
  Report report = run_probe({"ids"});
  EXPECT_EQ(report.numbers("ids", "uids"), (std::vector<int64_t>{1000, 1000, 1000}));
  EXPECT_EQ(report.numbers("ids", "gids"), (std::vector<int64_t>{1001, 1001, 1001}));
  EXPECT_EQ(report.numbers("ids", "groups"), (std::vector<int64_t>{44}));
}

TEST_F(UserNamespace, WithAllOtherNamespaces) {
  config.with_namespace("network").with_namespace("cgroup");
  Report report = run_probe({"loopback", ",", "uts", ",", "pids"});
  EXPECT_EQ(report.error("loopback"), "");
  EXPECT_EQ(report.text("uts", "hostname"), "guest");
  EXPECT_EQ(report.number("pids", "pid"), 1);
}

TEST_F(UserNamespace, SeveralRanges) {
  constexpr const char* kRanges = R"([{"containerID": 0, "hostID": 100000, "size": 1000},
                                      {"containerID": 1000, "hostID": 300000, "size": 10}])";
  config.set_json("linux.uidMappings", kRanges).set_json("linux.gidMappings", kRanges);
  config.set_json("process.user", R"({"uid": 1005, "gid": 1005})");
  Status changed = sys::fchownat(AT_FDCWD, rootfs("tmp").c_str(), 300005, 300005, 0);
  ASSERT_TRUE(changed.has_value());
  (void)run_probe({"create", "/tmp/file"});
  Result<struct stat> info = sys::fstatat(AT_FDCWD, rootfs("tmp/file").c_str(), 0);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->st_uid, 300005u);
}

TEST_F(UserNamespace, NeedsMaps) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 makes maps of its own where there are none");
  config.remove("linux.uidMappings");
  EXPECT_NE(run().status, 0);
  EXPECT_EQ(leftovers(), "");
}

TEST_F(UserNamespace, AnUnmappedUserIsRefused) {
  config.set_json("process.user", R"({"uid": 70000, "gid": 0})");
  Outcome outcome = run();
  EXPECT_NE(outcome.status, 0);
  EXPECT_NE(outcome.err, "");
}

TEST_F(Namespaces, MapsNeedAUserNamespace) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 ignores maps without user namespace");
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 ignores maps without user namespace");
  config.set_json("linux.uidMappings", kMap).set_json("linux.gidMappings", kMap);
  EXPECT_NE(run().status, 0);
}

class Network : public Namespaces {};

TEST_F(Network, LoopbackIsUpInANewNamespace) {
  config.with_namespace("network");
  Report report = run_probe({"links", ",", "loopback"});
  constexpr int64_t kUp = 1, kLoopback = 8, kRunning = 64;
  bool found = false;
  for (const std::string& link : report.texts("links", "list")) {
    if (!link.starts_with("lo ")) continue;
    found = true;
    EXPECT_EQ(link, cat("lo ", kUp | kLoopback | kRunning));
  }
  EXPECT_TRUE(found);
  EXPECT_EQ(report.error("loopback"), "");
}

TEST_F(Network, TheHostsInterfacesStayOutside) {
  config.with_namespace("network");
  for (const std::string& link : run_probe({"links"}).texts("links", "list")) {
    EXPECT_FALSE(link.starts_with("eth")) << link;
  }
}

TEST_F(Network, CgroupNamespaceHidesThePath) {
  config.with_namespace("cgroup");
  Report report = run_probe({"read", "/proc/self/cgroup"});
  std::string text = report.text("read /proc/self/cgroup", "data");
  EXPECT_FALSE(text.contains(id())) << text;
}

}  // namespace
}  // namespace crunlite::integration
