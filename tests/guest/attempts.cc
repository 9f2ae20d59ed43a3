// SPDX-License-Identifier: Apache-2.0
// Verbs that try system calls which a container should not have, by every door of the kernel.
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "base/unique_fd.h"
#include "tests/guest/verbs.h"

namespace crunlite::guest {
namespace {

// One call by its number with up to five arguments, of which the pointers are bad on purpose:
// EPERM, ENOSYS or EACCES say that it was refused, EFAULT, EINVAL or ESRCH that it was let in.
struct Attempt {
  std::string_view name;
  long number;
  long args[5];
};

constexpr long kBad = -1;
constexpr long kUser = CLONE_NEWUSER;

constexpr Attempt kAttempts[] = {
    {"socket_inet", SYS_socket, {AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0}},
    {"socket_inet6", SYS_socket, {AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0}},
    {"socket_unix", SYS_socket, {AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0}},
    {"socket_netlink", SYS_socket, {AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0}},
    {"socket_packet", SYS_socket, {AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0}},
    {"socket_raw", SYS_socket, {AF_INET, SOCK_RAW | SOCK_CLOEXEC, 1}},
    {"socket_alg", SYS_socket, {38, SOCK_SEQPACKET | SOCK_CLOEXEC, 0}},
    {"socket_vsock", SYS_socket, {40, SOCK_STREAM | SOCK_CLOEXEC, 0}},
    {"mount", SYS_mount, {kBad, kBad, kBad, 0, 0}},
    {"umount2", SYS_umount2, {kBad, 0}},
    {"pivot_root", SYS_pivot_root, {kBad, kBad}},
    {"open_tree", SYS_open_tree, {-100, kBad, 1}},
    {"move_mount", SYS_move_mount, {-1, kBad, -1, kBad, 0}},
    {"fsopen", SYS_fsopen, {kBad, 0}},
    {"fsmount", SYS_fsmount, {-1, 0, 0}},
    {"fspick", SYS_fspick, {-100, kBad, 0}},
    {"mount_setattr", SYS_mount_setattr, {-100, kBad, 0, kBad, 0}},
    {"unshare_user", SYS_unshare, {kUser}},
    {"unshare_mount", SYS_unshare, {CLONE_NEWNS}},
    {"unshare_pid", SYS_unshare, {CLONE_NEWPID}},
    {"unshare_net", SYS_unshare, {CLONE_NEWNET}},
    {"unshare_ipc", SYS_unshare, {CLONE_NEWIPC}},
    {"unshare_uts", SYS_unshare, {CLONE_NEWUTS}},
    {"unshare_cgroup", SYS_unshare, {CLONE_NEWCGROUP}},
    {"setns", SYS_setns, {-1, 0}},
    {"clone3", SYS_clone3, {kBad, 64}},
    {"keyctl", SYS_keyctl, {KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0}},
    {"add_key", SYS_add_key, {kBad, kBad, 0, 0, KEY_SPEC_PROCESS_KEYRING}},
    {"request_key", SYS_request_key, {kBad, kBad, 0, KEY_SPEC_PROCESS_KEYRING}},
    {"bpf", SYS_bpf, {0, kBad, 64}},
    {"perf_event_open", SYS_perf_event_open, {kBad, 0, -1, -1, 0}},
    {"io_uring_setup", SYS_io_uring_setup, {1, kBad}},
    {"userfaultfd", SYS_userfaultfd, {O_CLOEXEC}},
    {"kexec_load", SYS_kexec_load, {0, 100, kBad, 0}},
    {"kexec_file_load", SYS_kexec_file_load, {-1, -1, 0, 0, 0}},
    {"init_module", SYS_init_module, {kBad, 0, kBad}},
    {"finit_module", SYS_finit_module, {-1, kBad, 0}},
    {"delete_module", SYS_delete_module, {kBad, 0}},
    {"open_by_handle_at", SYS_open_by_handle_at, {-1, kBad, 0}},
    {"name_to_handle_at", SYS_name_to_handle_at, {-1, kBad, kBad, kBad, 0}},
    {"pidfd_getfd", SYS_pidfd_getfd, {-1, 0, 0}},
    {"ptrace_attach", SYS_ptrace, {PTRACE_SEIZE, 0x3ffffff, 0, 0}},
    {"process_vm_readv", SYS_process_vm_readv, {0x3ffffff, kBad, 0, kBad, 0}},
    {"kcmp", SYS_kcmp, {0x3ffffff, 0x3ffffff, 0, 0, 0}},
    {"reboot", SYS_reboot, {0, 0, 0, 0}},
    {"swapon", SYS_swapon, {kBad, 0}},
    {"acct", SYS_acct, {kBad}},
    {"settimeofday", SYS_settimeofday, {kBad, 0}},
    {"clock_settime", SYS_clock_settime, {0, kBad}},
    {"iopl", SYS_iopl, {3}},
    {"ioperm", SYS_ioperm, {0x70, 1, 1}},
    {"syslog", SYS_syslog, {10, 0, 0}},
    {"quotactl", SYS_quotactl, {0, kBad, 0, kBad}},
    {"vhangup", SYS_vhangup, {}},
    {"sethostname", SYS_sethostname, {kBad, 3}},
    {"setdomainname", SYS_setdomainname, {kBad, 3}},
    {"lookup_dcookie", SYS_lookup_dcookie, {0, kBad, 0}},
    {"personality", SYS_personality, {0xffffffff}},
    {"personality_compat", SYS_personality, {0x0400000}},
    {"modify_ldt", SYS_modify_ldt, {0, kBad, 0}},
    {"getpid", SYS_getpid, {}},
    {"mkdir", SYS_mkdir, {kBad, 0}},
    {"uname", SYS_uname, {kBad}},
};

void try_one(const Call& call, const Attempt& attempt) {
  const long* a = attempt.args;
  errno = 0;
  // vhangup and the like end this process's terminal, unshare changes it: so a child does it.
  int status = 0;
  pid_t pid = new_process();
  if (pid == 0) {
    long result = ::syscall(attempt.number, a[0], a[1], a[2], a[3], a[4]);
    ::_exit(result < 0 ? errno : 0);
  }
  if (pid > 0) (void)::waitpid(pid, &status, 0);
  errno = pid < 0 ? errno : WEXITSTATUS(status);
  Line line({call.verb, call.args.first(0)});
  line.text("name", attempt.name).outcome(errno != 0 ? -1 : 0);
  line.number("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  line.write();
}

// `try NAME...`, or all. Each writes a line of its own: {"call": "try", "name": NAME, ...}.
int try_calls(const Call& call) {
  for (const Attempt& attempt : kAttempts) {
    bool wanted = call.args.empty();
    for (const char* name : call.args) wanted = wanted || attempt.name == name;
    if (wanted) try_one(call, attempt);
  }
  return kGoOn;
}

// `syscall NUMBER A B C D E F`, in this process.
int raw_call(const Call& call) {
  long result = ::syscall(call.number(0), call.number(1), call.number(2), call.number(3),
                          call.number(4), call.number(5), call.number(6));
  Line(call).outcome(result).number("result", result).write();
  return kGoOn;
}

// How a child ended that tried something: its exit status is an errno, or a signal ended it.
int report_child(const Call& call, pid_t pid) {
  int status = 0;
  if (pid > 0) (void)::waitpid(pid, &status, 0);
  errno = pid < 0 ? errno : WEXITSTATUS(status);
  Line line(call);
  line.outcome(errno != 0 ? -1 : 0);
  line.number("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  line.write();
  return kGoOn;
}

// The 32-bit gate: numbers are those of i386. A kernel without it sends SIGSEGV.
long through_int80(long number, long first, long second, long third) {
  long result = 0;
  asm volatile("int $0x80"
               : "=a"(result)
               : "a"(number), "b"(first), "c"(second), "d"(third)
               : "memory", "r8", "r9", "r10", "r11");
  return static_cast<int32_t>(result);
}

int int80_call(const Call& call) {
  pid_t pid = new_process();
  if (pid != 0) return report_child(call, pid);
  long result = through_int80(call.number(0), call.number(1), call.number(2), call.number(3));
  ::_exit(result < 0 ? static_cast<int>(-result) : 0);
}

// i386's socketcall with its arguments in low memory, as the 32-bit gate wants them.
int int80_socket(const Call& call) {
  pid_t pid = new_process();
  if (pid != 0) return report_child(call, pid);
  void* low =
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (low == MAP_FAILED) ::_exit(ENOMEM);
  auto* words = static_cast<uint32_t*>(low);
  for (size_t i = 0; i < 3; i++) words[i] = static_cast<uint32_t>(call.number(i));
  constexpr long kSocketcall = 102, kSocket = 1;
  long result = through_int80(kSocketcall, kSocket, reinterpret_cast<long>(low), 0);
  ::_exit(result < 0 ? static_cast<int>(-result) : 0);
}

int x32_call(const Call& call) {
  constexpr long kX32 = 0x40000000;
  long result = ::syscall(kX32 | call.number(0), call.number(1), call.number(2), call.number(3));
  Line(call).outcome(result).number("result", result).write();
  return kGoOn;
}

// clone(2) with flags; the child ends at once.
int clone_call(const Call& call) {
  long result = ::syscall(SYS_clone, call.number(0) | SIGCHLD, 0, 0, 0, 0);
  if (result == 0) ::_exit(0);
  Line line(call);
  line.outcome(result).write();
  if (result > 0) (void)::waitpid(static_cast<pid_t>(result), nullptr, 0);
  return kGoOn;
}

// A character as if typed on the terminal; and the console's menu of powers.
int tiocsti(const Call& call) {
  Line(call).outcome(::ioctl(0, TIOCSTI, "x")).write();
  return kGoOn;
}
int tioclinux(const Call& call) {
  char argument = 3;  // paste the selection
  Line(call).outcome(::ioctl(0, TIOCLINUX, &argument)).write();
  return kGoOn;
}

// Memory that is writable and executable, as loaders of foreign code want it.
int map_executable(const Call& call) {
  void* memory =
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  Line(call).outcome(memory == MAP_FAILED ? -1 : 0).write();
  return kGoOn;
}

constexpr Verb kVerbs[] = {
    {"try", try_calls, "[NAME...]: system calls, each in a child"},
    {"syscall", raw_call, "NUMBER [A B C D E F]"},
    {"int80", int80_call, "NUMBER [A B C]: by i386's gate"},
    {"int80_socket", int80_socket, "FAMILY TYPE PROTOCOL: by i386's socketcall"},
    {"x32", x32_call, "NUMBER [A B C]: by x32's numbers"},
    {"clone", clone_call, "FLAGS"},
    {"tiocsti", tiocsti, "types a character"},
    {"tioclinux", tioclinux, "uses the console's menu"},
    {"mmap_exec", map_executable, "maps writable and executable memory"},
};

}  // namespace

std::span<const Verb> attempt_verbs() { return kVerbs; }

}  // namespace crunlite::guest
