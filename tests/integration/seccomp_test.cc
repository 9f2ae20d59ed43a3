// SPDX-License-Identifier: Apache-2.0
// System call filters (config-linux.md#seccomp).
#include <signal.h>
#include <sys/syscall.h>

#include "base/text.h"
#include "tests/integration/harness.h"

namespace crunlite::integration {
namespace {

class Seccomp : public RuntimeTest {
 protected:
  void deny(std::string_view rules) {
    config.set_json("linux.seccomp", cat(R"({"defaultAction": "SCMP_ACT_ALLOW",
                            "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [)",
                                         rules, "]}"));
  }
};

TEST_F(Seccomp, IsOffUnlessSaid) { EXPECT_EQ(run_probe({"caps"}).text("caps", "seccomp"), "0"); }

TEST_F(Seccomp, ErrnoIsEpermUnlessSaid) {
  deny(R"({"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"})");
  Report report = run_probe({"caps", ",", "mkdir", "/tmp/x", ",", "try", "getpid"});
  EXPECT_EQ(report.text("caps", "seccomp"), "2");
  EXPECT_EQ(report.error("mkdir /tmp/x"), "EPERM");
  EXPECT_EQ(report.attempt("getpid"), "");
}

TEST_F(Seccomp, ErrnoOfTheRule) {
  deny(R"({"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
          {"names": ["uname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0},
          {"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 4000})");
  Report report = run_probe({"mkdir", "/tmp/x", ",", "syscall", cat(SYS_uname)});
  EXPECT_EQ(report.error("mkdir /tmp/x"), "ENOSYS");
  EXPECT_EQ(report.error(cat("syscall ", SYS_uname)), "");
}

TEST_F(Seccomp, DefaultActionWithItsErrno) {
  // All that a static program, and the last steps of a runtime, may want.
  config.set_json("linux.seccomp", R"({
    "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 95,
    "architectures": ["SCMP_ARCH_X86_64"],
    "syscalls": [{"action": "SCMP_ACT_ALLOW", "names": [
      "access", "arch_prctl", "brk", "capget", "capset", "chdir", "clock_gettime", "clone",
      "close", "close_range", "dup3", "epoll_ctl", "epoll_pwait", "execve", "execveat", "exit",
      "exit_group", "faccessat", "faccessat2", "fchdir", "fcntl", "fstat", "fstatfs", "futex",
      "getcwd", "getdents64", "getgid", "getpid", "getppid", "getrandom", "gettid", "getuid",
      "ioctl", "lseek", "lstat", "madvise", "mmap", "mprotect", "munmap", "nanosleep",
      "newfstatat", "open", "openat", "openat2", "pipe2", "poll", "prctl", "pread64",
      "prlimit64", "read", "readlink", "readlinkat", "recvfrom", "recvmsg", "rseq",
      "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_getaffinity", "sched_yield",
      "sendmsg", "sendto", "set_robust_list", "set_tid_address", "setgid", "setgroups",
      "setresgid", "setresuid", "setuid", "sigaltstack", "stat", "statx", "tgkill", "umask",
      "uname", "wait4", "waitid", "write", "writev"]}]})");
  Report report = run_probe({"mkdir", "/tmp/x", ",", "caps"});
  EXPECT_EQ(report.error("mkdir /tmp/x"), "EOPNOTSUPP");
  EXPECT_EQ(report.text("caps", "seccomp"), "2");
}

TEST_F(Seccomp, KillEndsTheProcess) {
  for (const char* action : {"SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD"}) {
    deny(cat(R"({"names": ["mkdir"], "action": ")", std::string_view(action), R"("})"));
    config.probe({"mkdir", "/tmp/x", ",", "print", "survived"});
    Outcome outcome = run();
    EXPECT_EQ(outcome.status, 128 + SIGSYS) << action;
    EXPECT_EQ(outcome.out, "") << action;
  }
}

TEST_F(Seccomp, TrapSendsASignal) {
  deny(R"({"names": ["setdomainname"], "action": "SCMP_ACT_TRAP"})");
  config.probe({"try", "setdomainname"});
  Outcome outcome = run();
  EXPECT_OK(outcome);
  EXPECT_TRUE(outcome.out.contains(cat("\"signal\":", SIGSYS))) << outcome.out;
}

TEST_F(Seccomp, LogAndTraceAreTaken) {
  deny(R"({"names": ["mkdir"], "action": "SCMP_ACT_LOG"},
          {"names": ["getppid"], "action": "SCMP_ACT_TRACE", "errnoRet": 1})");
  Report report = run_probe({"mkdir", "/tmp/x", ",", "syscall", cat(SYS_getppid)});
  EXPECT_EQ(report.error("mkdir /tmp/x"), "");
  EXPECT_EQ(report.error(cat("syscall ", SYS_getppid)), "ENOSYS");  // nobody traces
}

TEST_F(Seccomp, Operators) {
  struct Row {
    const char* op;
    uint64_t value;
    uint64_t value_two;
    std::vector<int> denied;
    std::vector<int> allowed;
  };
  const Row rows[] = {{"SCMP_CMP_EQ", 5, 0, {5}, {4, 6}},
                      {"SCMP_CMP_NE", 5, 0, {4, 6}, {5}},
                      {"SCMP_CMP_LT", 5, 0, {4, 0}, {5, 6}},
                      {"SCMP_CMP_LE", 5, 0, {4, 5}, {6}},
                      {"SCMP_CMP_GT", 5, 0, {6}, {4, 5}},
                      {"SCMP_CMP_GE", 5, 0, {5, 6}, {4}},
                      {"SCMP_CMP_MASKED_EQ", 6, 4, {4, 5, 13}, {2, 6, 0}}};
  for (const Row& row : rows) {
    deny(cat(R"({"names": ["umask"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99, "args": [
              {"index": 0, "value": )",
             row.value, R"(, "valueTwo": )", row.value_two, R"(, "op": ")",
             std::string_view(row.op), R"("}]})"));
    Strings words;
    for (int value : row.denied) words.insert(words.end(), {"syscall", "95", cat(value), ","});
    for (int value : row.allowed) words.insert(words.end(), {"syscall", "95", cat(value), ","});
    words.pop_back();
    Report report = run_probe(words);
    for (int value : row.denied) {
      EXPECT_EQ(report.number(cat("syscall 95 ", value), "errno"), 99) << row.op << " " << value;
    }
    for (int value : row.allowed) {
      EXPECT_EQ(report.number(cat("syscall 95 ", value), "errno"), 0) << row.op << " " << value;
    }
  }
}

TEST_F(Seccomp, ConditionsOfOneRuleMustAllHold) {
  deny(R"({"names": ["umask"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99, "args": [
            {"index": 0, "value": 7, "op": "SCMP_CMP_EQ"},
            {"index": 1, "value": 8, "op": "SCMP_CMP_EQ"}]})");
  Report report = run_probe({"syscall", "95", "7", "8", ",", "syscall", "95", "7", "9"});
  EXPECT_EQ(report.number("syscall 95 7 8", "errno"), 99);
  EXPECT_EQ(report.number("syscall 95 7 9", "errno"), 0);
}

TEST_F(Seccomp, RulesOfOneCallAddUp) {
  deny(R"({"names": ["umask"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99, "args": [
            {"index": 0, "value": 7, "op": "SCMP_CMP_EQ"}]},
          {"names": ["umask"], "action": "SCMP_ACT_ERRNO", "errnoRet": 98, "args": [
            {"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]})");
  Report report =
      run_probe({"syscall", "95", "7", ",", "syscall", "95", "8", ",", "syscall", "95", "9"});
  EXPECT_EQ(report.number("syscall 95 7", "errno"), 99);
  EXPECT_EQ(report.number("syscall 95 8", "errno"), 98);
  EXPECT_EQ(report.number("syscall 95 9", "errno"), 0);
}

TEST_F(Seccomp, AllSixtyFourBitsAreCompared) {
  deny(R"({"names": ["umask"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99, "args": [
            {"index": 0, "value": 4294967303, "op": "SCMP_CMP_EQ"}]})");
  Report report = run_probe({"syscall", "95", "0x100000007", ",", "syscall", "95", "7"});
  EXPECT_EQ(report.number("syscall 95 0x100000007", "errno"), 99);
  EXPECT_EQ(report.number("syscall 95 7", "errno"), 0);
}

TEST_F(Seccomp, AnUnknownCallIsPassedOver) {
  deny(R"({"names": ["call_of_the_future", "mkdir"], "action": "SCMP_ACT_ERRNO"})");
  EXPECT_EQ(run_probe({"mkdir", "/tmp/x"}).error("mkdir /tmp/x"), "EPERM");
}

TEST_F(Seccomp, WorksWithoutNoNewPrivileges) {
  config.set("process.noNewPrivileges", false);
  deny(R"({"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"})");
  Report report = run_probe({"mkdir", "/tmp/x", ",", "caps"});
  EXPECT_EQ(report.error("mkdir /tmp/x"), "EPERM");
  EXPECT_EQ(report.number("caps", "no_new_privs"), 0);
}

TEST_F(Seccomp, WorksForAnOrdinaryUserWithoutCapabilities) {
  config.set_json("process.user", R"({"uid": 1000, "gid": 1000})");
  config.set_json("process.capabilities", "{}");
  config.set("process.noNewPrivileges", false);
  deny(R"({"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"})");
  EXPECT_EQ(run_probe({"mkdir", "/tmp/x"}).error("mkdir /tmp/x"), "EPERM");
}

TEST_F(Seccomp, WorksBesideAUserNamespace) {
  constexpr const char* kMap = R"([{"containerID": 0, "hostID": 100000, "size": 65536}])";
  config.with_namespace("network").with_namespace("user");
  config.set_json("linux.uidMappings", kMap).set_json("linux.gidMappings", kMap);
  deny(R"({"names": ["uname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 98})");
  Report report = run_probe({"syscall", cat(SYS_uname)});
  EXPECT_EQ(report.number(cat("syscall ", SYS_uname), "errno"), 98);
}

TEST_F(Seccomp, HoldsForExecToo) {
  deny(R"({"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"})");
  launch_probe({"wait"});
  Report report = exec_probe({"mkdir", "/tmp/x", ",", "caps"});
  EXPECT_EQ(report.error("mkdir /tmp/x"), "EPERM");
  EXPECT_EQ(report.text("caps", "seccomp"), "2");
}

TEST_F(Seccomp, TheFilterOfALargeProfile) {
  // Every call of x86-64 by number would be too simple: names in many rules with arguments.
  std::string rules;
  for (int i = 0; i < 200; i++) {
    rules += cat(i > 0 ? "," : "", R"({"names": ["umask"], "action": "SCMP_ACT_ERRNO",
                 "errnoRet": )",
                 i % 100 + 1, R"(, "args": [{"index": 0, "value": )", i + 1000,
                 R"(, "op": "SCMP_CMP_EQ"}]})");
  }
  deny(rules);
  Report report = run_probe({"syscall", "95", "1042", ",", "syscall", "95", "1199"});
  EXPECT_EQ(report.number("syscall 95 1042", "errno"), 43);
  EXPECT_EQ(report.number("syscall 95 1199", "errno"), 100);
}

// What must not be reached by other doors of the kernel.
class OtherDoors : public Seccomp {};

TEST_F(OtherDoors, NumbersOfX32) {
  deny(R"({"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99})");
  // x86-64's filter kills or refuses what comes with x32's bit; a kernel without x32 says ENOSYS.
  config.probe({"x32", cat(SYS_getppid)});
  Outcome outcome = run();
  if (outcome.status == 128 + SIGSYS) return;
  EXPECT_OK(outcome);
  EXPECT_NE(Report::parse(outcome.out).error(cat("x32 ", SYS_getppid)), "");
}

TEST_F(OtherDoors, TheGateOfI386IsClosedUnlessNamed) {
  deny(R"({"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99})");
  Report report = run_probe({"int80", "64"});
  // Without the gate in the kernel it is SIGSEGV, by the filter SIGSYS.
  EXPECT_NE(report.number("int80 64", "signal"), 0);
}

TEST_F(OtherDoors, RulesHoldForI386WhereItIsNamed) {
  config.set_json("linux.seccomp", R"({"defaultAction": "SCMP_ACT_ALLOW",
      "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
      "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99},
                   {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 97, "args": [
                      {"index": 0, "value": 38, "op": "SCMP_CMP_EQ"}]},
                   {"names": ["socketcall"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]})");
  Report report = run_probe({"int80", "39", ",", "int80", "20", ",", "int80_socket", "38", "5", "0",
                             ",", "try", "socket_alg"});
  EXPECT_EQ(report.attempt("socket_alg"), "EAFNOSUPPORT");
  if (report.number("int80 20", "signal") == SIGSEGV) {
    GTEST_SKIP() << "the kernel has no gate for i386";
  }
  EXPECT_EQ(report.number("int80 39", "errno"), 99);
  EXPECT_EQ(report.error("int80 20"), "");
  EXPECT_EQ(report.error("int80_socket 38 5 0"), "ENOSYS");
}

}  // namespace
}  // namespace crunlite::integration
