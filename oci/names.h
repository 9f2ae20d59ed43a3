// SPDX-License-Identifier: Apache-2.0
// The words that config.json may use and what they stand for, one table each. Any thread.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace crunlite::oci {

struct NamedNumber {
  std::string_view name;
  int number;
};

// <linux/capability.h>; a capability's number is its place.
constexpr std::array<std::string_view, 41> kCapabilities = {"CAP_CHOWN",
                                                            "CAP_DAC_OVERRIDE",
                                                            "CAP_DAC_READ_SEARCH",
                                                            "CAP_FOWNER",
                                                            "CAP_FSETID",
                                                            "CAP_KILL",
                                                            "CAP_SETGID",
                                                            "CAP_SETUID",
                                                            "CAP_SETPCAP",
                                                            "CAP_LINUX_IMMUTABLE",
                                                            "CAP_NET_BIND_SERVICE",
                                                            "CAP_NET_BROADCAST",
                                                            "CAP_NET_ADMIN",
                                                            "CAP_NET_RAW",
                                                            "CAP_IPC_LOCK",
                                                            "CAP_IPC_OWNER",
                                                            "CAP_SYS_MODULE",
                                                            "CAP_SYS_RAWIO",
                                                            "CAP_SYS_CHROOT",
                                                            "CAP_SYS_PTRACE",
                                                            "CAP_SYS_PACCT",
                                                            "CAP_SYS_ADMIN",
                                                            "CAP_SYS_BOOT",
                                                            "CAP_SYS_NICE",
                                                            "CAP_SYS_RESOURCE",
                                                            "CAP_SYS_TIME",
                                                            "CAP_SYS_TTY_CONFIG",
                                                            "CAP_MKNOD",
                                                            "CAP_LEASE",
                                                            "CAP_AUDIT_WRITE",
                                                            "CAP_AUDIT_CONTROL",
                                                            "CAP_SETFCAP",
                                                            "CAP_MAC_OVERRIDE",
                                                            "CAP_MAC_ADMIN",
                                                            "CAP_SYSLOG",
                                                            "CAP_WAKE_ALARM",
                                                            "CAP_BLOCK_SUSPEND",
                                                            "CAP_AUDIT_READ",
                                                            "CAP_PERFMON",
                                                            "CAP_BPF",
                                                            "CAP_CHECKPOINT_RESTORE"};
[[nodiscard]] constexpr std::optional<int> capability_number(std::string_view name) {
  const auto* found = std::ranges::find(kCapabilities, name);
  if (found == kCapabilities.end()) return {};
  return static_cast<int>(found - kCapabilities.begin());
}

// setrlimit(2)
constexpr std::array<NamedNumber, 16> kRlimits = {{{"RLIMIT_AS", RLIMIT_AS},
                                                   {"RLIMIT_CORE", RLIMIT_CORE},
                                                   {"RLIMIT_CPU", RLIMIT_CPU},
                                                   {"RLIMIT_DATA", RLIMIT_DATA},
                                                   {"RLIMIT_FSIZE", RLIMIT_FSIZE},
                                                   {"RLIMIT_LOCKS", RLIMIT_LOCKS},
                                                   {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
                                                   {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
                                                   {"RLIMIT_NICE", RLIMIT_NICE},
                                                   {"RLIMIT_NOFILE", RLIMIT_NOFILE},
                                                   {"RLIMIT_NPROC", RLIMIT_NPROC},
                                                   {"RLIMIT_RSS", RLIMIT_RSS},
                                                   {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
                                                   {"RLIMIT_RTTIME", RLIMIT_RTTIME},
                                                   {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
                                                   {"RLIMIT_STACK", RLIMIT_STACK}}};
[[nodiscard]] constexpr std::optional<int> rlimit_number(std::string_view name) {
  const auto* found = std::ranges::find(kRlimits, name, &NamedNumber::name);
  if (found == kRlimits.end()) return {};
  return found->number;
}

// config-linux.md#namespaces
constexpr std::array<std::string_view, 8> kNamespaceTypes = {"cgroup", "ipc",  "mount", "network",
                                                             "pid",    "time", "user",  "uts"};

// config.md#posix-platform-hooks
constexpr std::array<std::string_view, 6> kHookNames = {
    "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"};

// config-linux.md#rootfs-mount-propagation, and the recursive forms that callers write.
constexpr std::array<std::string_view, 8> kPropagations = {
    "private", "rprivate", "rshared", "rslave", "runbindable", "shared", "slave", "unbindable"};

// config-linux.md#seccomp
constexpr std::array<std::string_view, 9> kSeccompActions = {
    "SCMP_ACT_ALLOW",        "SCMP_ACT_ERRNO",       "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
    "SCMP_ACT_NOTIFY",       "SCMP_ACT_TRACE",       "SCMP_ACT_TRAP"};
constexpr std::array<std::string_view, 7> kSeccompOperators = {
    "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT",       "SCMP_CMP_LE",
    "SCMP_CMP_LT", "SCMP_CMP_NE", "SCMP_CMP_MASKED_EQ"};
constexpr std::array<std::string_view, 19> kSeccompArchitectures = {
    "SCMP_ARCH_AARCH64",   "SCMP_ARCH_ARM",      "SCMP_ARCH_MIPS",     "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL",   "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32",
    "SCMP_ARCH_PARISC",    "SCMP_ARCH_PARISC64", "SCMP_ARCH_PPC",      "SCMP_ARCH_PPC64",
    "SCMP_ARCH_PPC64LE",   "SCMP_ARCH_RISCV64",  "SCMP_ARCH_S390",     "SCMP_ARCH_S390X",
    "SCMP_ARCH_X32",       "SCMP_ARCH_X86",      "SCMP_ARCH_X86_64"};
constexpr std::array<std::string_view, 4> kSeccompFlags = {
    "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};

// <linux/sched.h>; config.md#linux-process
constexpr std::array<NamedNumber, 7> kSchedulerPolicies = {{{"SCHED_OTHER", 0},
                                                            {"SCHED_FIFO", 1},
                                                            {"SCHED_RR", 2},
                                                            {"SCHED_BATCH", 3},
                                                            {"SCHED_ISO", 4},
                                                            {"SCHED_IDLE", 5},
                                                            {"SCHED_DEADLINE", 6}}};
constexpr std::array<NamedNumber, 7> kSchedulerFlags = {{{"SCHED_FLAG_RESET_ON_FORK", 0x01},
                                                         {"SCHED_FLAG_RECLAIM", 0x02},
                                                         {"SCHED_FLAG_DL_OVERRUN", 0x04},
                                                         {"SCHED_FLAG_KEEP_POLICY", 0x08},
                                                         {"SCHED_FLAG_KEEP_PARAMS", 0x10},
                                                         {"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
                                                         {"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40}}};

// <linux/ioprio.h>
constexpr std::array<NamedNumber, 3> kIoClasses = {
    {{"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3}}};

// <linux/personality.h>
constexpr std::array<NamedNumber, 2> kPersonalityDomains = {{{"LINUX", 0x0}, {"LINUX32", 0x8}}};

// <linux/mempolicy.h>
constexpr std::array<NamedNumber, 7> kMemoryModes = {{{"MPOL_DEFAULT", 0},
                                                      {"MPOL_BIND", 2},
                                                      {"MPOL_INTERLEAVE", 3},
                                                      {"MPOL_WEIGHTED_INTERLEAVE", 6},
                                                      {"MPOL_PREFERRED", 1},
                                                      {"MPOL_PREFERRED_MANY", 5},
                                                      {"MPOL_LOCAL", 4}}};
constexpr std::array<NamedNumber, 3> kMemoryFlags = {{{"MPOL_F_NUMA_BALANCING", 1 << 13},
                                                      {"MPOL_F_RELATIVE_NODES", 1 << 14},
                                                      {"MPOL_F_STATIC_NODES", 1 << 15}}};

// time_namespaces(7)
constexpr std::array<std::string_view, 2> kOffsetClocks = {"boottime", "monotonic"};

template <size_t N>
[[nodiscard]] constexpr std::optional<int> number_of(const std::array<NamedNumber, N>& table,
                                                     std::string_view name) {
  const auto* found = std::ranges::find(table, name, &NamedNumber::name);
  if (found == table.end()) return {};
  return found->number;
}

// True when the table holds the word.
template <size_t N>
[[nodiscard]] constexpr bool is_known(const std::array<std::string_view, N>& table,
                                      std::string_view word) {
  return std::ranges::find(table, word) != table.end();
}

}  // namespace crunlite::oci
