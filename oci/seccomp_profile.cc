// SPDX-License-Identifier: Apache-2.0
#include "oci/seccomp_profile.h"

#include <errno.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/text.h"

namespace crunlite::oci {
namespace {

constexpr std::string_view kAllow = "SCMP_ACT_ALLOW";
constexpr std::string_view kRefuse = "SCMP_ACT_ERRNO";
constexpr std::string_view kAdmin = "CAP_SYS_ADMIN";

// Files, by path and by descriptor.
constexpr std::string_view kFiles =
    "access arm_fadvise64_64 arm_sync_file_range chdir chmod chown chown32 close close_range "
    "copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64 fadvise64_64 fallocate "
    "fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 "
    "fdatasync file_getattr file_setattr flock fstat fstat64 fstatat64 fstatfs fstatfs64 fsync "
    "ftruncate ftruncate64 futimesat getcwd getdents getdents64 inotify_add_watch inotify_init "
    "inotify_init1 inotify_rm_watch lchown lchown32 link linkat _llseek lseek lstat lstat64 "
    "mkdir mkdirat mknod mknodat name_to_handle_at newfstatat oldfstat oldlstat oldstat open "
    "openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readdir "
    "readlink readlinkat readv rename renameat renameat2 rmdir sendfile sendfile64 splice stat "
    "stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range sync_file_range2 "
    "syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat utimensat_time64 "
    "utimes write writev";

// Extended attributes; the kernel guards trusted and security ones itself.
constexpr std::string_view kAttributes =
    "fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr "
    "listxattrat llistxattr lremovexattr lsetxattr removexattr removexattrat setxattr "
    "setxattrat";

// Waiting for descriptors, and asynchronous input and output of the old kind.
constexpr std::string_view kWaiting =
    "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait "
    "epoll_wait_old eventfd eventfd2 io_cancel io_destroy io_getevents io_pgetevents "
    "io_pgetevents_time64 io_setup io_submit _newselect pipe pipe2 poll ppoll ppoll_time64 "
    "pselect6 pselect6_time64 select signalfd signalfd4";

// Sockets that exist already; see add_socket_rules for making them.
constexpr std::string_view kSockets =
    "accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom "
    "recvmmsg recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown "
    "socketpair";

// A process's own memory.
constexpr std::string_view kMemory =
    "brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock "
    "mlock2 mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap "
    "pkey_alloc pkey_free pkey_mprotect remap_file_pages";

// Messages, semaphores and shared memory of the IPC namespace.
constexpr std::string_view kIpc =
    "ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend "
    "mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop "
    "semtimedop_time64 shmat shmctl shmdt shmget";

// Processes and threads, their identities and limits.
constexpr std::string_view kProcesses =
    "capget capset execve execveat exit exit_group fork get_robust_list get_thread_area getegid "
    "getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getpgid getpgrp getpid "
    "getppid getpriority getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid "
    "gettid getuid getuid32 ioprio_get ioprio_set kill nice pidfd_open pidfd_send_signal prctl "
    "prlimit64 process_mrelease process_vm_readv process_vm_writev ptrace rseq rseq_slice_yield "
    "sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr "
    "sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 "
    "sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield "
    "set_robust_list set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 "
    "setgid setgid32 setgroups setgroups32 setpgid setpriority setregid setregid32 setresgid "
    "setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid setuid setuid32 "
    "tgkill tkill ugetrlimit vfork wait4 waitid waitpid";

// Signals, futexes and what the kernel itself inserts.
constexpr std::string_view kSignals =
    "futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake pause restart_syscall "
    "rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend "
    "rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sgetmask sigaction sigaltstack "
    "signal sigpending sigprocmask sigreturn sigsuspend ssetmask uprobe uretprobe";

// Clocks and timers; the kernel lets only CAP_SYS_TIME set what adjtimex reads.
constexpr std::string_view kTime =
    "adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 "
    "clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer "
    "gettimeofday nanosleep setitimer time timer_create timer_delete timer_getoverrun "
    "timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime "
    "timerfd_gettime64 timerfd_settime timerfd_settime64 times";

// Facts about the system, and making oneself smaller.
constexpr std::string_view kSystem =
    "getcpu getrandom landlock_add_rule landlock_create_ruleset landlock_restrict_self "
    "lsm_get_self_attr lsm_list_modules oldolduname olduname seccomp sysinfo uname";

// What single architectures add: thread areas, caches, system call wrappers.
constexpr std::string_view kArchitecture =
    "arch_prctl breakpoint cacheflush get_tls modify_ldt riscv_flush_icache riscv_hwprobe "
    "s390_guarded_storage s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr s390_sthyi "
    "set_tls switch_endian syscall";

constexpr std::array kAlwaysAllowed = {kFiles,  kAttributes, kWaiting,     kSockets,
                                       kMemory, kIpc,        kProcesses,   kSignals,
                                       kTime,   kSystem,     kArchitecture};

struct CapabilityCalls {
  std::string_view capability;
  std::string_view names;
};
// Calls that the kernel itself grants to the holder of one capability only, or nearly so.
constexpr std::array kCapabilityCalls = std::to_array<CapabilityCalls>({
    {"CAP_BPF", "bpf"},
    {"CAP_DAC_READ_SEARCH", "open_by_handle_at"},
    {"CAP_PERFMON", "perf_event_open"},
    {"CAP_SYS_ADMIN",
     "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick listmount "
     "lookup_dcookie lsm_set_self_attr mount mount_setattr move_mount open_tree "
     "open_tree_attr perf_event_open pivot_root quotactl quotactl_fd setdomainname "
     "sethostname setns statmount syslog umount umount2 unshare"},
    {"CAP_SYS_BOOT", "kexec_file_load kexec_load reboot"},
    {"CAP_SYS_CHROOT", "chroot"},
    {"CAP_SYS_MODULE", "delete_module finit_module init_module"},
    {"CAP_SYS_NICE",
     "get_mempolicy mbind migrate_pages move_pages set_mempolicy set_mempolicy_home_node"},
    {"CAP_SYS_PACCT", "acct"},
    {"CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise"},
    {"CAP_SYS_RAWIO", "ioperm iopl"},
    {"CAP_SYS_TIME", "clock_settime clock_settime64 settimeofday stime"},
    {"CAP_SYS_TTY_CONFIG", "vhangup"},
    {"CAP_SYSLOG", "syslog"},
});

#if defined(__x86_64__)
constexpr std::array<std::string_view, 3> kArchitectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86",
                                                            "SCMP_ARCH_X32"};
#elif defined(__aarch64__)
constexpr std::array<std::string_view, 2> kArchitectures = {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"};
#elif defined(__s390x__)
constexpr std::array<std::string_view, 2> kArchitectures = {"SCMP_ARCH_S390X", "SCMP_ARCH_S390"};
#else
constexpr std::array<std::string_view, 0> kArchitectures = {};  // the loader's own
#endif

#if defined(__s390x__)
constexpr uint32_t kCloneFlagsArgument = 1;
#else
constexpr uint32_t kCloneFlagsArgument = 0;
#endif
// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET; NEWTIME is not clone's to ask.
constexpr uint64_t kCloneNamespaces = 0x7e020000;

// <linux/socket.h>; the highest family is below 64.
constexpr uint32_t kFamilyAlg = 38;
constexpr uint32_t kFamilyVsock = 40;
constexpr unsigned kFamilyBits = 6;
constexpr unsigned kAllBits = 32;

// PER_LINUX and PER_LINUX32, each with and without UNAME26, and the question for the present one.
constexpr std::array<uint64_t, 5> kPersonalities = {0x0, 0x8, 0x20000, 0x20008, 0xffffffff};

Strings words(std::string_view text) {
  Strings out;
  for (std::string_view word : split(text, ' ')) out.emplace_back(word);
  return out;
}

SeccompSyscall allow(Strings names) {
  return {.names = std::move(names), .action = std::string(kAllow), .errno_ret = {}, .args = {}};
}

SeccompSyscall allow_if(std::string_view name, SeccompArg argument) {
  SeccompSyscall rule = allow({std::string(name)});
  rule.args.push_back(std::move(argument));
  return rule;
}

SeccompSyscall refuse(std::string_view name, int errnum) {
  return {.names = {std::string(name)},
          .action = std::string(kRefuse),
          .errno_ret = static_cast<uint32_t>(errnum),
          .args = {}};
}

SeccompArg masked(uint32_t index, uint64_t mask, uint64_t wanted) {
  return {.index = index, .value = mask, .value_two = wanted, .op = "SCMP_CMP_MASKED_EQ"};
}

// Patterns of the low 32 bits of an argument that hold for every number below 2^bits but the
// refused ones, and for those alone: at each bit, the half that no refused number is in.
std::vector<SeccompArg> patterns_without(uint32_t index, unsigned bits,
                                         std::span<const uint32_t> refused) {
  std::vector<SeccompArg> patterns;
  for (unsigned bit = bits; bit-- > 0;) {
    std::vector<uint32_t> halves;  // numbers that part from a refused one at this bit
    for (uint32_t number : refused) {
      uint32_t half = (number >> bit) ^ 1;
      bool shared =
          std::ranges::any_of(refused, [&](uint32_t other) { return other >> bit == half; });
      if (!shared && std::ranges::find(halves, half) == halves.end()) halves.push_back(half);
    }
    uint32_t mask = UINT32_MAX << bit;
    for (uint32_t half : halves) patterns.push_back(masked(index, mask, half << bit));
  }
  return patterns;
}

void allow_all_but(std::vector<SeccompSyscall>& rules, std::string_view name, uint32_t index,
                   unsigned bits, std::span<const uint32_t> refused) {
  for (SeccompArg& pattern : patterns_without(index, bits, refused)) {
    rules.push_back(allow_if(name, std::move(pattern)));
  }
}

void add_socket_rules(std::vector<SeccompSyscall>& rules) {
  // AF_ALG reaches old kernel code that nobody needs (CVE-2026-31431), AF_VSOCK the host of a
  // virtual machine. AF_PACKET is the business of CAP_NET_RAW.
  constexpr std::array<uint32_t, 2> kRefusedFamilies = {kFamilyAlg, kFamilyVsock};
  allow_all_but(rules, "socket", 0, kFamilyBits, kRefusedFamilies);
#if defined(__x86_64__) || defined(__aarch64__)
  // Must come without arguments, so that it outweighs what socket() implies. Elsewhere native
  // programs need it.
  rules.push_back(refuse("socketcall", ENOSYS));
#else
  rules.push_back(allow({"socketcall"}));
#endif
}

void add_ioctl_rules(std::vector<SeccompSyscall>& rules) {
  // Both put input into a terminal, which may be the caller's own (CVE-2017-5226, CVE-2023-28100).
  constexpr std::array<uint32_t, 2> kRefusedRequests = {TIOCSTI, TIOCLINUX};
  allow_all_but(rules, "ioctl", 1, kAllBits, kRefusedRequests);
}

void add_personality_rules(std::vector<SeccompSyscall>& rules) {
  for (uint64_t personality : kPersonalities) {
    rules.push_back(allow_if(
        "personality", {.index = 0, .value = personality, .value_two = 0, .op = "SCMP_CMP_EQ"}));
  }
}

}  // namespace

Seccomp default_seccomp(const Strings& capabilities) {
  auto has = [&](std::string_view name) {
    return std::ranges::find(capabilities, name) != capabilities.end();
  };
  Seccomp profile;
  profile.default_action = kRefuse;
  profile.default_errno_ret = EPERM;
  profile.architectures.assign(kArchitectures.begin(), kArchitectures.end());
  std::vector<SeccompSyscall>& rules = profile.syscalls;
  for (std::string_view names : kAlwaysAllowed) rules.push_back(allow(words(names)));
  for (const CapabilityCalls& calls : kCapabilityCalls) {
    if (has(calls.capability)) rules.push_back(allow(words(calls.names)));
  }
  if (!has(kAdmin)) {
    rules.push_back(allow_if("clone", masked(kCloneFlagsArgument, kCloneNamespaces, 0)));
    rules.push_back(refuse("clone3", ENOSYS));
  }
  add_socket_rules(rules);
  add_ioctl_rules(rules);
  add_personality_rules(rules);
  return profile;
}

}  // namespace crunlite::oci
