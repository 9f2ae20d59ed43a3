// SPDX-License-Identifier: Apache-2.0
// The default seccomp profile at work: what an ordinary container may not call, by every door.
#include <sys/syscall.h>

#include "base/json_map.h"
#include "base/text.h"
#include "oci/seccomp_profile.h"
#include "tests/integration/harness.h"

namespace crunlite::integration {
namespace {

const Strings kCapabilities = {
    "CAP_AUDIT_WRITE", "CAP_CHOWN",  "CAP_DAC_OVERRIDE", "CAP_FOWNER",
    "CAP_FSETID",      "CAP_KILL",   "CAP_MKNOD",        "CAP_NET_BIND_SERVICE",
    "CAP_SETGID",      "CAP_SETUID", "CAP_SYS_CHROOT"};

class DefaultProfile : public RuntimeTest {
 protected:
  void SetUp() override {
    RuntimeTest::SetUp();
    use_capabilities(kCapabilities);
  }
  void use_capabilities(const Strings& names) {
    for (const char* set : {"bounding", "effective", "permitted"}) {
      config.set(cat("process.capabilities.", set), names);
    }
    config.set("linux.seccomp", json::encode(oci::default_seccomp(names)));
  }
};

TEST_F(DefaultProfile, RefusesWhatContainersDoNotNeed) {
  const Strings refused = {"socket_alg",     "socket_vsock",   "mount",         "umount2",
                           "pivot_root",     "open_tree",      "move_mount",    "fsopen",
                           "fsmount",        "fspick",         "mount_setattr", "unshare_user",
                           "unshare_mount",  "unshare_pid",    "unshare_net",   "unshare_ipc",
                           "unshare_uts",    "unshare_cgroup", "setns",         "keyctl",
                           "add_key",        "request_key",    "bpf",           "perf_event_open",
                           "io_uring_setup", "userfaultfd",    "kexec_load",    "kexec_file_load",
                           "init_module",    "finit_module",   "delete_module", "open_by_handle_at",
                           "reboot",         "swapon",         "acct",          "settimeofday",
                           "clock_settime",  "iopl",           "ioperm",        "quotactl",
                           "lookup_dcookie", "kcmp",           "sethostname",   "setdomainname",
                           "vhangup",        "socket_packet"};
  Strings words = {"try"};
  words.insert(words.end(), refused.begin(), refused.end());
  Report report = run_probe(words);
  for (const std::string& name : refused) {
    std::string error = report.attempt(name);
    bool said = error == "EPERM" || error == "ENOSYS" || error == "EACCES" ||
                (name.starts_with("socket_") && error == "EAFNOSUPPORT");
    EXPECT_TRUE(said) << name << ": " << error;
  }
}

TEST_F(DefaultProfile, AllowsWhatProgramsNeed) {
  const Strings allowed = {"socket_inet", "socket_inet6", "socket_unix", "socket_netlink",
                           "getpid"};
  Strings words = {"try"};
  words.insert(words.end(), allowed.begin(), allowed.end());
  for (const char* word : {",", "loopback", ",", "children", "1", ",", "mkdir", "/tmp/x", ",",
                           "chown", "/tmp/x", "5", "6", ",", "mmap_exec", ",", "caps"}) {
    words.emplace_back(word);
  }
  Report report = run_probe(words);
  for (const std::string& name : allowed) EXPECT_EQ(report.attempt(name), "") << name;
  EXPECT_EQ(report.error("loopback"), "");
  EXPECT_EQ(report.error("mkdir /tmp/x"), "");
  EXPECT_EQ(report.error("chown /tmp/x 5 6"), "");
  EXPECT_EQ(report.error("mmap_exec"), "");
  EXPECT_EQ(report.text("caps", "seccomp"), "2");
}

TEST_F(DefaultProfile, MakesCloneFallBackFromItsNewForm) {
  EXPECT_EQ(run_probe({"try", "clone3"}).attempt("clone3"), "ENOSYS");
}

TEST_F(DefaultProfile, RefusesNewNamespacesByClone) {
  // CLONE_NEWUSER, NEWNS, NEWPID, NEWNET, NEWIPC, NEWUTS, NEWCGROUP, each alone and all.
  const char* flags[] = {"0x10000000", "0x00020000", "0x20000000", "0x40000000",
                         "0x08000000", "0x04000000", "0x02000000", "0x7e020000"};
  Strings words;
  for (const char* flag : flags) words.insert(words.end(), {"clone", flag, ","});
  words.insert(words.end(), {"clone", "0"});
  Report report = run_probe(words);
  for (const char* flag : flags) EXPECT_EQ(report.error(cat("clone ", flag)), "EPERM") << flag;
  EXPECT_EQ(report.error("clone 0"), "");
}

TEST_F(DefaultProfile, ComparesFamiliesAsTheKernelReadsThem) {
  // The kernel takes 32 bits of the family; a filter sees 64.
  Report report = run_probe({"syscall", cat(SYS_socket), "0x100000026", "5", "0", ",", "syscall",
                             cat(SYS_socket), "0x100000028", "1", "0"});
  EXPECT_NE(report.error(cat("syscall ", SYS_socket, " 0x100000026 5 0")), "");
  EXPECT_NE(report.error(cat("syscall ", SYS_socket, " 0x100000028 1 0")), "");
}

TEST_F(DefaultProfile, HoldsForTheGateOfI386) {
  // mount, unshare, keyctl, bpf, io_uring_setup, userfaultfd, init_module by i386's numbers.
  const int numbers[] = {21, 310, 288, 357, 425, 374, 128};
  Strings words;
  for (int number : numbers) words.insert(words.end(), {"int80", cat(number), ","});
  words.insert(words.end(), {"int80_socket", "38", "5", "0"});
  Report report = run_probe(words);
  for (int number : numbers) {
    std::string call = cat("int80 ", number);
    bool refused = report.number(call, "signal") != 0 || report.error(call) == "EPERM" ||
                   report.error(call) == "ENOSYS";
    EXPECT_TRUE(refused) << number << ": " << report.error(call);
  }
  EXPECT_TRUE(report.number("int80_socket 38 5 0", "signal") != 0 ||
              report.error("int80_socket 38 5 0") != "");
}

TEST_F(DefaultProfile, HoldsForTheNumbersOfX32) {
  for (long number : {SYS_mount, SYS_unshare, SYS_bpf, SYS_keyctl, SYS_userfaultfd}) {
    config.probe({"x32", cat(number)});
    Outcome outcome = run();
    if (outcome.status == 128 + 31) continue;  // killed by the filter
    EXPECT_OK(outcome);
    std::string error = Report::parse(outcome.out).error(cat("x32 ", number));
    EXPECT_TRUE(error == "EPERM" || error == "ENOSYS") << number << ": " << error;
  }
}

TEST_F(DefaultProfile, OpensCallsWithTheirCapability) {
  use_capabilities({"CAP_SYS_ADMIN", "CAP_SYS_CHROOT"});
  Report report = run_probe({"mount", "tmpfs", "/tmp", "tmpfs", "0", ",", "try", "unshare_uts"});
  EXPECT_EQ(report.error("mount tmpfs /tmp tmpfs 0"), "");
  EXPECT_EQ(report.attempt("unshare_uts"), "");
}

TEST_F(DefaultProfile, RefusesToTypeOnTheTerminal) {
  Report report = run_probe({"tiocsti", ",", "tioclinux"});
  EXPECT_NE(report.error("tiocsti"), "");
  EXPECT_NE(report.error("tioclinux"), "");
}

}  // namespace
}  // namespace crunlite::integration
