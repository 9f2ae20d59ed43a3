// SPDX-License-Identifier: Apache-2.0
// Ways out of a container that runtimes have left open, each written from its mechanism. Marker
// files in the test's directory stand for the host's. A refusal is as good as a contained run.
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/text.h"
#include "tests/integration/harness.h"

namespace crunlite::integration {
namespace {

class Security : public RuntimeTest {
 protected:
  void SetUp() override {
    RuntimeTest::SetUp();
    make_host_directory(victim());
    write_host_file(victim("file"), "untouched");
  }
  // A directory of the host that no container may reach.
  [[nodiscard]] std::string victim(std::string_view inner = "") const {
    return directory(inner.empty() ? "victim" : cat("victim/", inner));
  }
  void expect_untouched(std::string_view what) {
    EXPECT_EQ(host_names_in(victim()), Strings{"file"}) << what;
    EXPECT_EQ(read_host_file(victim("file")), "untouched") << what;
    std::string left = leftovers();
    EXPECT_FALSE(left.contains("mount")) << what << ": " << left;
  }
  void make_link(const std::string& target, const std::string& path) {
    (void)::unlink(path.c_str());
    (void)::rmdir(path.c_str());
    Status made = sys::symlinkat(target.c_str(), AT_FDCWD, path.c_str());
    EXPECT_TRUE(made.has_value()) << path;
  }
  // Ways to write a link to a directory of the host.
  [[nodiscard]] Strings forms_of(const std::string& target) {
    return {target, cat("../../../../../../../../../../../../../../../../../../../..", target),
            cat("/proc/1/root", target), cat("/proc/self/cwd/../..", target)};
  }
  void without_dev_mounts() {
    config.set_json("mounts", R"([{"destination": "/proc", "type": "proc", "source": "proc"}])");
  }
};

// CVE-2019-18837, CVE-2021-30465, CVE-2024-45310: a mount's destination that leads outside.
TEST_F(Security, DestinationsBelowALinkStayInside) {
  make_host_directory(directory("source"));
  write_host_file(directory("source/data"), "");
  for (const std::string& form : forms_of(victim())) {
    make_link(form, rootfs("evil"));
    for (const char* kind : {"tmpfs", "directory", "file", "mqueue", "cgroup"}) {
      config = Config::base().set("linux.cgroupsPath", cgroup_of(id()));
      std::string_view name = kind;
      if (name == "directory") {
        config.bind(directory("source"), "/evil/inner");
      } else if (name == "file") {
        config.bind(directory("source/data"), "/evil/inner");
      } else {
        config.mount(name, name, "/evil/inner");
      }
      (void)run();
      expect_untouched(cat(name, " through ", form));
    }
  }
}

TEST_F(Security, ADestinationThatIsALinkStaysInside) {
  for (const std::string& form : forms_of(victim())) {
    make_link(form, rootfs("evil"));
    config = Config::base().set("linux.cgroupsPath", cgroup_of(id()));
    config.mount("tmpfs", "tmpfs", "/evil");
    (void)run();
    expect_untouched(form);
  }
}

TEST_F(Security, DevicesBelowALinkStayInside) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 makes devices of linux.devices through links");
  for (const std::string& form : forms_of(victim())) {
    make_link(form, rootfs("evil"));
    config.set_json("linux.devices",
                    R"([{"type": "c", "path": "/evil/null", "major": 1, "minor": 3},
                        {"type": "p", "path": "/evil/deep/pipe"}])");
    (void)run();
    expect_untouched(form);
  }
}

TEST_F(Security, AWorkingDirectoryIsNotMadeOutside) {
  for (const std::string& form : forms_of(victim())) {
    make_link(form, rootfs("evil"));
    config.set("process.cwd", "/evil/made");
    (void)run();
    expect_untouched(form);
  }
}

// The second mount's source lies below the first one's target, which the container filled.
TEST_F(Security, ASourceIsNotResolvedInWhatTheContainerMade) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 resolves sources below mounts of the container");
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 resolves sources below mounts of the container");
  make_host_directory(directory("volume"));
  make_link(victim(), directory("volume/inner"));
  make_host_directory(rootfs("vol"));
  config.bind(directory("volume"), "/vol").bind(rootfs("vol/inner"), "/data");
  config.probe({"list", "/data"});
  Outcome outcome = run();
  if (outcome.ok()) {
    EXPECT_FALSE(contains(Report::parse(outcome.out).texts("list /data", "list"), "file"));
  }
  expect_untouched("source below a volume");
}

// CVE-2026-41579, CVE-2026-47766: devices and links below /dev, made before pivot_root.
TEST_F(Security, ADevThatIsALinkStaysInside) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 makes links of /dev through a link (CVE-2026-41579)");
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 makes devices through a link (CVE-2026-47766)");
  for (const std::string& form : forms_of(victim())) {
    without_dev_mounts();
    make_link(form, rootfs("dev"));
    (void)run();
    expect_untouched(cat("/dev -> ", form));
  }
}

TEST_F(Security, LinksBelowDevStayInside) {
  without_dev_mounts();
  for (const char* name :
       {"pts", "shm", "mqueue", "fd", "ptmx", "null", "tty", "stdin", "console"}) {
    make_link(victim(), rootfs(cat("dev/", name)));
  }
  config.mount("devpts", "devpts", "/dev/pts", {"newinstance", "ptmxmode=0666"});
  config.mount("tmpfs", "shm", "/dev/shm").mount("mqueue", "mqueue", "/dev/mqueue");
  (void)run();
  expect_untouched("links below /dev");
}

// CVE-2025-31133: files are masked with the container's own /dev/null.
class FakeNull : public Security {
 protected:
  void SetUp() override {
    Security::SetUp();
    without_dev_mounts();
    write_host_file(rootfs("etc/masked"), "secret");
    write_host_file(rootfs("etc/target"), "chosen by the container");
    config.add_json("linux.maskedPaths", R"("/etc/masked")");
    config.add_json("linux.maskedPaths", R"("/proc/sched_debug")");
  }
  void expect_masked(std::string_view what) {
    config.probe({"read", "/etc/masked", ",", "fds"});
    Outcome outcome = run();
    if (!outcome.ok()) return;  // refused
    Report report = Report::parse(outcome.out);
    EXPECT_EQ(report.text("read /etc/masked", "data"), "") << what;
    const json::Value& table = report.value("fds", "table");
    EXPECT_NE(text_at(table, "0"), "/etc/target") << what;
    EXPECT_EQ(read_host_file(rootfs("etc/target")), "chosen by the container") << what;
  }
};

TEST_F(FakeNull, ALinkIsNotUsed) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 opens the container's /dev/null as standard streams");
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 masks with the container's /dev/null (CVE-2025-31133)");
  make_link("/etc/target", rootfs("dev/null"));
  expect_masked("link");
}

TEST_F(FakeNull, AFileIsNotUsed) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 masks with the container's /dev/null (CVE-2025-31133)");
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 masks with the container's /dev/null");
  write_host_file(rootfs("dev/null"), "chosen by the container");
  expect_masked("file");
}

TEST_F(FakeNull, OneOnAVolumeIsNotUsed) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 masks with the container's /dev/null (CVE-2025-31133)");
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 masks with the container's /dev/null");
  make_host_directory(directory("dev"));
  write_host_file(directory("dev/null"), "chosen by the container");
  config.bind(directory("dev"), "/dev", {"rbind"});
  expect_masked("volume");
}

// CVE-2025-52565: /dev/console is bound from a /dev/pts that the container filled.
TEST_F(Security, AFakeConsoleIsNotUsed) {
  without_dev_mounts();
  make_host_directory(directory("pts"));
  for (int i = 0; i < 20; i++) make_link(victim("file"), directory(cat("pts/", i)));
  make_link("/dev/pts/ptmx", rootfs("dev/ptmx"));
  make_link(victim("file"), rootfs("dev/console"));
  config.bind(directory("pts"), "/dev/pts").set("process.terminal", true);
  make_link(victim("file"), directory("pts/ptmx"));
  will_remove(id());
  write_config();
  (void)call({"run", "-d", "--console-socket", directory("no-socket"), "--bundle", bundle(), id()});
  expect_untouched("console");
}

// CVE-2019-16884 and its kind: values of the kernel are written into a /proc of the container.
TEST_F(Security, AFakeProcIsNotWrittenTo) {
  make_host_directory(directory("fake"));
  for (const char* name : {"fake/sys", "fake/sys/net", "fake/sys/net/ipv4", "fake/self"}) {
    make_host_directory(directory(name));
  }
  for (const char* name : {"fake/sys/net/ipv4/ip_forward", "fake/self/oom_score_adj"}) {
    write_host_file(directory(name), "fake");
  }
  config.with_namespace("network").set_json("linux.sysctl", R"({"net.ipv4.ip_forward": "1"})");
  config.set("process.oomScoreAdj", 300);
  // In place of the real one, as an image or a volume would have it.
  config.set_json("mounts", "[]").bind(directory("fake"), "/proc");
  config.set_json("linux.maskedPaths", "[]").set_json("linux.readonlyPaths", "[]");
  (void)run();
  EXPECT_EQ(read_host_file(directory("fake/sys/net/ipv4/ip_forward")), "fake");
  EXPECT_EQ(read_host_file(directory("fake/self/oom_score_adj")), "fake");
}

TEST_F(Security, AProcThatIsALinkStaysInside) {
  for (const std::string& form : forms_of(victim())) {
    config = Config::base().set("linux.cgroupsPath", cgroup_of(id()));
    make_link(form, rootfs("proc"));
    (void)run();
    expect_untouched(cat("/proc -> ", form));
  }
}

// CVE-2024-21626: a working directory through a descriptor that was left open.
TEST_F(Security, NoWorkingDirectoryByALeakedDescriptor) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 enters a leaked directory (CVE-2024-21626)");
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 enters a leaked directory");
  for (int fd = 3; fd < 20; fd++) {
    for (const char* owner : {"self", "1", "thread-self"}) {
      config.set("process.cwd", cat("/proc/", std::string_view(owner), "/fd/", fd));
      config.probe({"cwd", ",", "list", ".", ",", "list", "../../../.."});
      Outcome outcome = run();
      if (!outcome.ok()) continue;
      Report report = Report::parse(outcome.out);
      EXPECT_TRUE(report.text("cwd", "path").starts_with('/')) << outcome.out;
      EXPECT_FALSE(contains(report.texts("list ../../../..", "list"), "usr")) << outcome.out;
    }
  }
}

TEST_F(Security, NoProgramByALeakedDescriptor) {
  for (int fd = 3; fd < 20; fd++) {
    config.args({cat("/proc/self/fd/", fd, "/bin/true")});
    EXPECT_NE(run().status, 0) << fd;
    config.args({cat("/proc/self/fd/", fd)});
    EXPECT_NE(run().status, 0) << fd;
  }
}

TEST_F(Security, NoWorkingDirectoryOfExecByALeakedDescriptor) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 enters a leaked directory");
  launch_probe({"wait"});
  for (int fd = 3; fd < 20; fd++) {
    Outcome outcome =
        exec({"/bin/probe", "cwd", ",", "list", "."}, {cat("--cwd=/proc/self/fd/", fd)});
    if (!outcome.ok()) continue;
    EXPECT_TRUE(Report::parse(outcome.out).text("cwd", "path").starts_with('/')) << outcome.out;
  }
}

// CVE-2022-29162, CVE-2022-24769, CVE-2022-27650.
TEST_F(Security, NoInheritableCapabilities) {
  // A program whose file hands out what the caller has inheritable.
  struct vfs_cap_data data{};
  data.magic_etc = VFS_CAP_REVISION_2;
  data.data[0].inheritable = ~0u;
  std::string path = rootfs("bin/gainer");
  Result<std::string> program = read_file(AT_FDCWD, Host::get().probe(), 64 * limits::kMiB);
  ASSERT_TRUE(program.has_value());
  write_host_file(path, *program, 0755);
  ASSERT_EQ(::setxattr(path.c_str(), "security.capability", &data, XATTR_CAPS_SZ_2, 0), 0);
  config.set("process.noNewPrivileges", false);
  launch_probe({"caps", ",", "wait"});
  EXPECT_EQ(Report::parse(output().next()).text("caps", "inheritable"), "0000000000000000");
  for (const Strings& options : std::vector<Strings>{{},
                                                     {"--user", "1000:1000"},
                                                     {"--cap", "CAP_CHOWN"},
                                                     {"--user=1000:1000", "--cap=CAP_CHOWN"}}) {
    Report report = exec_probe({"caps"}, options);
    EXPECT_EQ(report.text("caps", "inheritable"), "0000000000000000") << join(options, " ");
  }
  Outcome outcome = exec({"/bin/gainer", "caps"}, {"--user=1000:1000"});
  EXPECT_OK(outcome);
  EXPECT_EQ(Report::parse(outcome.out).text("caps", "effective"), "0000000000000000");
}

// CVE-2026-30892 and its kind: text that becomes the number of root.
TEST_F(Security, UsersOfExecAreExactOrRefused) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 takes user 4294967296 for 0");
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 takes user -1 and 4294967296 for 0");
  launch_probe({"wait"});
  struct Row {
    const char* user;
    int64_t uid;  // -1: refused
    int64_t gid;  // -1: any
  };
  const Row rows[] = {{"1", 1, -1},
                      {"1:2", 1, 2},
                      {"0", 0, -1},
                      {"65534:65534", 65534, 65534},
                      {"4294967294:7", 4294967294, 7},
                      {"-1", -1, -1},
                      {"4294967295", -1, -1},
                      {"4294967296", -1, -1},
                      {"4294967297", -1, -1},
                      {"18446744073709551616", -1, -1},
                      {"99999999999999999999", -1, -1},
                      {"1x", -1, -1},
                      {"0x1", -1, -1},
                      {" 1", -1, -1},
                      {"1 ", -1, -1},
                      {":", -1, -1},
                      {":1", -1, -1},
                      {"1:2:3", -1, -1},
                      {"no-such-user", -1, -1},
                      {"1:-1", -1, -1},
                      {"1:4294967295", -1, -1},
                      {"1:4294967296", -1, -1},
                      {"1:no-such-group", -1, -1},
                      {"1.0", -1, -1},
                      {"1e3", -1, -1}};
  for (const Row& row : rows) {
    Outcome outcome = exec({"/bin/probe", "ids"}, {"--user", row.user});
    if (row.uid < 0) {
      EXPECT_NE(outcome.status, 0) << row.user << ": " << outcome.out;
      continue;
    }
    EXPECT_OK(outcome) << row.user;
    Report report = Report::parse(outcome.out);
    EXPECT_EQ(report.numbers("ids", "uids"), std::vector<int64_t>(3, row.uid)) << row.user;
    if (row.gid >= 0) {
      EXPECT_EQ(report.numbers("ids", "gids"), std::vector<int64_t>(3, row.gid)) << row.user;
    }
  }
}

TEST_F(Security, AmbiguousUsersOfExecAreNeverRoot) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 takes odd user texts for 0");
  launch_probe({"wait"});
  for (const char* user : {"01", "+1", "1:", "001:002"}) {
    Outcome outcome = exec({"/bin/probe", "ids"}, {"--user", user});
    if (!outcome.ok()) continue;
    EXPECT_EQ(Report::parse(outcome.out).numbers("ids", "uids")[0], 1) << user;
  }
}

TEST_F(Security, ATamperedPasswordFileGivesNobodyRoot) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 takes no names for --user");
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 takes no names for --user");
  write_host_file(rootfs("etc/passwd"),
                  "a:x:4294967296:1::/:\nb:x:-1:1::/:\nc:x::1::/:\nd:x:1x:1::/:\n"
                  "e:x:0x5:1::/:\nf:x:1000:1001:name:/home/f:/bin/sh\n:x:0:0::/:\n");
  launch_probe({"wait"});
  for (const char* user : {"a", "b", "c", "d", "e"}) {
    EXPECT_NE(exec({"/bin/probe", "ids"}, {"--user", user}).status, 0) << user;
  }
  Outcome outcome = exec({"/bin/probe", "ids"}, {"--user", "f"});
  EXPECT_OK(outcome);
  Report report = Report::parse(outcome.out);
  EXPECT_EQ(report.numbers("ids", "uids")[0], 1000);
  EXPECT_EQ(report.numbers("ids", "gids")[0], 1001);
}

// CVE-2019-5736: the runtime's own program is overwritten from inside.
class Theft : public Security {
 protected:
  void SetUp() override {
    Security::SetUp();
    // A copy, so that a success harms nobody.
    copy_ = directory("runtime");
    Result<std::string> program =
        read_file(AT_FDCWD, Host::get().runtime().path, 256 * limits::kMiB);
    ASSERT_TRUE(program.has_value());
    content_ = std::move(*program);
    write_host_file(copy_, content_, 0755);
  }
  void expect_unchanged() {
    Result<std::string> now = read_file(AT_FDCWD, copy_, 256 * limits::kMiB);
    ASSERT_TRUE(now.has_value());
    EXPECT_TRUE(*now == content_) << "the runtime's program was overwritten";
  }

  std::string copy_;
  std::string content_;
};

TEST_F(Theft, OfTheProgramByProcSelfExe) {
  write_host_file(rootfs("bin/hostile"), "#!/proc/self/exe\n", 0755);
  config.set("process.noNewPrivileges", false);
  config.capabilities({"CAP_DAC_OVERRIDE", "CAP_SYS_PTRACE", "CAP_KILL"});
  launch_probe({"steal_exe", "3000"});
  ASSERT_EQ(output().next(), "ready");
  int64_t end = sys::monotonic_ms() + 2500;
  for (int i = 0; sys::monotonic_ms() < end; i++) {
    Strings command = i % 2 == 0 ? Strings{"/bin/hostile"} : Strings{"/proc/self/exe", "exit", "0"};
    Strings words = {"exec", id()};
    words.insert(words.end(), command.begin(), command.end());
    // Each attempt to open it makes the file busy for a moment, so not every start succeeds: with
    // env(1) between, that is a status and no failure of the harness.
    (void)call(words, {.wrapper = {"/usr/bin/env"}, .program = copy_});
  }
  Report report = Report::parse(output().next());
  EXPECT_FALSE(report.flag("steal_exe 3000", "writable"));
  expect_unchanged();
}

TEST_F(Theft, OfTheProgramByAnEntrypoint) {
  make_link("/proc/self/exe", rootfs("bin/entry"));
  for (const Strings& args : std::vector<Strings>{{"/proc/self/exe", "--version"},
                                                  {"/bin/entry", "--help"},
                                                  {"/proc/1/exe", "--version"}}) {
    config.args(args);
    write_config();
    (void)call({"run", "--bundle", bundle(), id()}, {.program = copy_});
    expect_unchanged();
  }
}

// What an ordinary container, without the capabilities for it, may not do.
TEST_F(Security, PrivilegedCallsAreRefused) {
  // Not among them: calls that read their arguments before they ask for a capability.
  const Strings calls = {"pivot_root",    "fsopen",         "open_tree",     "move_mount",
                         "unshare_mount", "unshare_pid",    "unshare_net",   "unshare_ipc",
                         "unshare_uts",   "unshare_cgroup", "socket_packet", "socket_raw",
                         "reboot",        "swapon",         "acct",          "sethostname",
                         "setdomainname", "init_module",    "finit_module",  "delete_module",
                         "kexec_load",    "iopl",           "ioperm"};
  Strings words = {"try"};
  words.insert(words.end(), calls.begin(), calls.end());
  Report report = run_probe(words);
  for (const std::string& name : calls) {
    std::string error = report.attempt(name);
    // ENOSYS: this kernel does not have it. EFAULT and EINVAL would say that it was let in.
    EXPECT_TRUE(error == "EPERM" || error == "ENOSYS" || error == "EACCES")
        << name << ": " << error;
  }
}

TEST_F(Security, KernelInterfacesAreMaskedOrReadOnly) {
  config.capabilities({"CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_SYS_RAWIO", "CAP_SYSLOG"});
  Report report = run_probe({"read", "/proc/kcore", ",", "read", "/proc/keys", ",", "write",
                             "/proc/sys/kernel/core_pattern", "|x", ",", "list", "/sys/firmware",
                             ",", "create", "/sys/x", ",", "write", "/sys/kernel/mm/ksm/run", "0"});
  EXPECT_EQ(report.text("read /proc/kcore", "data"), "");
  EXPECT_EQ(report.text("read /proc/keys", "data"), "");
  EXPECT_EQ(report.error("write /proc/sys/kernel/core_pattern |x"), "EROFS");
  EXPECT_EQ(report.texts("list /sys/firmware", "list"), Strings{});
  EXPECT_NE(report.error("create /sys/x"), "");
  EXPECT_NE(report.error("write /sys/kernel/mm/ksm/run 0"), "");
}

TEST_F(Security, AnotherCgroupMountIsRefused) {
  // CVE-2022-0492 needs a cgroup v1 mount and its release_agent.
  Report report = run_probe({"mount", "cgroup", "/tmp", "cgroup", "0", "memory", ",", "mount",
                             "cgroup2", "/tmp", "cgroup2", "0"});
  EXPECT_EQ(report.error("mount cgroup /tmp cgroup 0 memory"), "EPERM");
  EXPECT_EQ(report.error("mount cgroup2 /tmp cgroup2 0"), "EPERM");
}

TEST_F(Security, SharedMemoryIsBounded) {
  Report report = run_probe({"statfs", "/dev/shm", ",", "statfs", "/dev"});
  EXPECT_EQ(report.number("statfs /dev/shm", "bytes"), 65536 * 1024);
  EXPECT_EQ(report.number("statfs /dev", "bytes"), 65536 * 1024);
}

TEST_F(Security, OutputThatNobodyReadsHangsNoVerb) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 run waits for the reader of its output");
  Result<sys::Pipe> pipe = sys::pipe2();
  ASSERT_TRUE(pipe.has_value());
  config.probe({"lines", "100000", "64"});
  write_config();
  will_remove(id());
  {
    Running running =
        launch({"run", "--bundle", bundle(), id()}, {.stdout_fd = pipe->write_end.get()});
    pipe->write_end.reset();
    await_status("running");
    EXPECT_OK(call({"kill", id(), "KILL"}));
    EXPECT_EQ(running.wait().status, 128 + SIGKILL);
  }
  pipe->read_end.reset();
}

}  // namespace
}  // namespace crunlite::integration
