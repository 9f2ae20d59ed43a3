// SPDX-License-Identifier: Apache-2.0
#include "oci/seccomp_profile.h"

#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <initializer_list>

#include "oci/default_config.h"
#include "oci/names.h"

namespace crunlite::oci {
namespace {

using Arguments = std::array<uint64_t, 6>;

bool matches(const SeccompArg& wanted, const Arguments& arguments) {
  uint64_t value = arguments[wanted.index];
  if (wanted.op == "SCMP_CMP_EQ") return value == wanted.value;
  EXPECT_EQ(wanted.op, "SCMP_CMP_MASKED_EQ");
  return (value & wanted.value) == wanted.value_two;
}

// What a filter of this profile answers to one call: 0 where it is allowed, or the errno.
int answer(const Seccomp& profile, std::string_view name, const Arguments& arguments = {}) {
  for (const SeccompSyscall& rule : profile.syscalls) {
    if (std::ranges::find(rule.names, name) == rule.names.end()) continue;
    bool holds = std::ranges::all_of(
        rule.args, [&](const SeccompArg& wanted) { return matches(wanted, arguments); });
    if (!holds) continue;
    return rule.action == "SCMP_ACT_ALLOW" ? 0 : static_cast<int>(*rule.errno_ret);
  }
  return static_cast<int>(*profile.default_errno_ret);
}

Seccomp image_profile() { return default_seccomp(image_capabilities()); }

TEST(DefaultSeccomp, AllowsWhatProgramsLiveOn) {
  Seccomp profile = image_profile();
  for (std::string_view name : {"read",
                                "write",
                                "openat",
                                "execve",
                                "fork",
                                "vfork",
                                "exit_group",
                                "mmap",
                                "futex",
                                "rt_sigreturn",
                                "restart_syscall",
                                "connect",
                                "accept4",
                                "epoll_wait",
                                "getrandom",
                                "statx",
                                "rseq",
                                "prctl",
                                "seccomp",
                                "mknodat",
                                "chroot",
                                "ptrace",
                                "arch_prctl",
                                "futex_waitv",
                                "fchmodat2",
                                "close_range",
                                "landlock_create_ruleset"}) {
    EXPECT_EQ(answer(profile, name), 0) << name;
  }
}

TEST(DefaultSeccomp, RefusesWhatReachesTheKernelsDepths) {
  Seccomp profile = image_profile();
  for (std::string_view name : {"unshare",
                                "setns",
                                "mount",
                                "umount2",
                                "open_tree",
                                "fsopen",
                                "move_mount",
                                "bpf",
                                "perf_event_open",
                                "userfaultfd",
                                "io_uring_setup",
                                "io_uring_enter",
                                "io_uring_register",
                                "keyctl",
                                "add_key",
                                "request_key",
                                "kexec_load",
                                "kexec_file_load",
                                "init_module",
                                "finit_module",
                                "delete_module",
                                "open_by_handle_at",
                                "pidfd_getfd",
                                "kcmp",
                                "process_madvise",
                                "reboot",
                                "swapon",
                                "acct",
                                "settimeofday",
                                "clock_settime",
                                "iopl",
                                "ioperm",
                                "quotactl",
                                "syslog",
                                "sethostname",
                                "setdomainname",
                                "pivot_root",
                                "vmsplice",
                                "lookup_dcookie",
                                "uselib",
                                "nfsservctl",
                                "vhangup",
                                "mount_setattr",
                                "a_call_of_the_future"}) {
    EXPECT_EQ(answer(profile, name), EPERM) << name;
  }
}

TEST(DefaultSeccomp, LetsCapabilitiesOpenTheirCalls) {
  struct Row {
    std::string capability;
    std::string_view name;
  };
  for (const Row& row : std::vector<Row>{{"CAP_SYS_ADMIN", "mount"},
                                         {"CAP_SYS_ADMIN", "unshare"},
                                         {"CAP_SYS_ADMIN", "clone3"},
                                         {"CAP_BPF", "bpf"},
                                         {"CAP_PERFMON", "perf_event_open"},
                                         {"CAP_SYS_MODULE", "init_module"},
                                         {"CAP_SYS_PTRACE", "pidfd_getfd"},
                                         {"CAP_SYS_TIME", "clock_settime"},
                                         {"CAP_SYSLOG", "syslog"},
                                         {"CAP_SYS_BOOT", "reboot"},
                                         {"CAP_SYS_NICE", "mbind"},
                                         {"CAP_DAC_READ_SEARCH", "open_by_handle_at"},
                                         {"CAP_SYS_CHROOT", "chroot"}}) {
    EXPECT_EQ(answer(default_seccomp({row.capability}), row.name), 0) << row.name;
    EXPECT_NE(answer(default_seccomp({}), row.name), 0) << row.name;
  }
}

TEST(DefaultSeccomp, RefusesSomeCallsToAll) {
  Seccomp profile = default_seccomp({kCapabilities.begin(), kCapabilities.end()});
  for (std::string_view name :
       {"io_uring_setup", "userfaultfd", "keyctl", "add_key", "request_key", "swapon"}) {
    EXPECT_EQ(answer(profile, name), EPERM) << name;
  }
}

TEST(DefaultSeccomp, ClonesNoNamespaces) {
  Seccomp profile = image_profile();
  constexpr uint64_t kThread = 0x3d0f00;
  EXPECT_EQ(answer(profile, "clone", {kThread}), 0);
  EXPECT_EQ(answer(profile, "clone", {17}), 0);
  for (uint64_t flag : {0x20000ULL, 0x2000000ULL, 0x4000000ULL, 0x8000000ULL, 0x10000000ULL,
                        0x20000000ULL, 0x40000000ULL}) {
    EXPECT_EQ(answer(profile, "clone", {flag}), EPERM) << flag;
    EXPECT_EQ(answer(profile, "clone", {flag | kThread}), EPERM) << flag;
    EXPECT_EQ(answer(profile, "clone", {flag | uint64_t{1} << 32}), EPERM) << flag;
  }
  EXPECT_EQ(answer(profile, "clone3"), ENOSYS);
  EXPECT_EQ(answer(default_seccomp({"CAP_SYS_ADMIN"}), "clone", {0x10000000}), 0);
}

// The kernel takes the low 32 bits of a family, whatever stands above them.
TEST(DefaultSeccomp, MakesNoSocketsOfTwoFamilies) {
  Seccomp profile = image_profile();
  for (uint64_t family = 0; family < 64; family++) {
    int wanted = family == 38 || family == 40 ? EPERM : 0;
    for (uint64_t above : {0ULL, 1ULL, 0x80000000ULL, 0xffffffffULL}) {
      EXPECT_EQ(answer(profile, "socket", {family | above << 32}), wanted) << family << above;
    }
  }
  for (unsigned bit = 6; bit < 32; bit++) {
    EXPECT_EQ(answer(profile, "socket", {38 | uint64_t{1} << bit}), EPERM) << bit;
  }
#if defined(__x86_64__)
  EXPECT_EQ(answer(profile, "socketcall", {1}), ENOSYS);
  for (const SeccompSyscall& rule : profile.syscalls) {
    // A rule with arguments would not outweigh what libseccomp adds for socket().
    EXPECT_TRUE(rule.names != Strings{"socketcall"} || rule.args.empty());
  }
#endif
}

TEST(DefaultSeccomp, PutsNoInputIntoTerminals) {
  Seccomp profile = image_profile();
  for (uint64_t above : {0ULL, 1ULL, 0xffffffffULL}) {
    EXPECT_EQ(answer(profile, "ioctl", {0, uint64_t{TIOCSTI} | above << 32}), EPERM);
    EXPECT_EQ(answer(profile, "ioctl", {0, uint64_t{TIOCLINUX} | above << 32}), EPERM);
    EXPECT_EQ(answer(profile, "ioctl", {0, uint64_t{TCGETS} | above << 32}), 0);
  }
  for (uint64_t request = 0x5400; request < 0x5500; request++) {
    bool refused = request == TIOCSTI || request == TIOCLINUX;
    EXPECT_EQ(answer(profile, "ioctl", {0, request}), refused ? EPERM : 0) << request;
  }
  for (uint64_t refused : {uint64_t{TIOCSTI}, uint64_t{TIOCLINUX}}) {
    for (unsigned bit = 0; bit < 32; bit++) {
      EXPECT_EQ(answer(profile, "ioctl", {0, refused ^ uint64_t{1} << bit}), 0) << bit;
    }
  }
  EXPECT_EQ(answer(profile, "ioctl", {0, 0}), 0);
  EXPECT_EQ(answer(profile, "ioctl", {0, UINT32_MAX}), 0);
}

TEST(DefaultSeccomp, KnowsFewPersonalities) {
  Seccomp profile = image_profile();
  for (uint64_t value : {0x0ULL, 0x8ULL, 0x20000ULL, 0x20008ULL, 0xffffffffULL}) {
    EXPECT_EQ(answer(profile, "personality", {value}), 0) << value;
  }
  for (uint64_t value : {0x40000ULL, 0x400000ULL, 0x1ULL, 0x100000008ULL}) {
    EXPECT_EQ(answer(profile, "personality", {value}), EPERM) << value;
  }
}

TEST(DefaultSeccomp, SaysNothingTwice) {
  // libseccomp refuses a rule that equals the default action or contradicts an earlier one.
  Seccomp profile = default_seccomp({kCapabilities.begin(), kCapabilities.end()});
  Strings without_arguments;
  for (const SeccompSyscall& rule : profile.syscalls) {
    EXPECT_FALSE(rule.action == profile.default_action &&
                 rule.errno_ret == profile.default_errno_ret);
    if (!rule.args.empty()) continue;
    without_arguments.insert(without_arguments.end(), rule.names.begin(), rule.names.end());
  }
  for (const SeccompSyscall& rule : profile.syscalls) {
    if (rule.args.empty()) continue;
    EXPECT_THAT(without_arguments, ::testing::Not(::testing::Contains(rule.names.at(0))));
  }
  for (const std::string& name : without_arguments) {
    EXPECT_FALSE(name.empty() || name.contains(' ')) << name;
  }
}

}  // namespace
}  // namespace crunlite::oci
