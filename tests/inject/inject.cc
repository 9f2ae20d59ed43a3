// SPDX-License-Identifier: Apache-2.0
// inject N KIND RESULT COMMAND...: runs the command and lets its N-th system call fail.
//
// KIND is the name of an errno, KILL (SIGKILL instead of the call) or NONE. Calls are counted from
// 1 over the command and its children, in the order in which they are made; a child counts until it
// executes another program, and then goes on untraced. RESULT is a file: the number of calls seen,
// and the number of the call that was hit, or -1. The exit status is that of the command, as a
// shell says it; what the command leaves running goes on when this program ends.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <map>

#include "base/sys.h"
#include "base/text.h"

namespace {

constexpr int kOwnFailure = 99;
constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                          PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;

[[noreturn]] void die(const char* what) {
  fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
  crunlite::sys::exit_child(kOwnFailure);
}

struct Kind {
  const char* name;
  int errnum;
};
constexpr int kKill = -1;
constexpr Kind kKinds[] = {{"NONE", 0},        {"KILL", kKill},    {"ENOMEM", ENOMEM},
                           {"EMFILE", EMFILE}, {"ENOSPC", ENOSPC}, {"EINTR", EINTR},
                           {"EIO", EIO},       {"EPERM", EPERM}};

int errnum_of(const char* name) {
  for (const Kind& kind : kKinds) {
    if (strcmp(kind.name, name) == 0) return kind.errnum;
  }
  errno = EINVAL;
  die(name);
}

// What never returns an errno.
bool is_out_of_reach(uint64_t number) {
  return number == SYS_exit || number == SYS_exit_group || number == SYS_rt_sigreturn ||
         number == SYS_brk;
}

class Injector {
 public:
  Injector(pid_t command, long at, int errnum) : command_(command), at_(at), errnum_(errnum) {}

  // Until the command has ended; returns its status.
  int run() {
    for (;;) {
      int status = 0;
      const pid_t pid = waitpid(-1, &status, __WALL);
      if (pid < 0) die("waitpid");
      if (WIFEXITED(status) || WIFSIGNALED(status)) {
        failing_.erase(pid);
        if (pid != command_) continue;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
      stopped(pid, status);
    }
  }
  [[nodiscard]] long calls() const { return calls_; }
  [[nodiscard]] long hit() const { return hit_; }

 private:
  void stopped(pid_t pid, int status) {
    const int event = status >> 16;
    const int signal = WSTOPSIG(status);
    if (event == PTRACE_EVENT_EXEC && pid != command_) {
      ptrace(PTRACE_DETACH, pid, 0, 0);
      return;
    }
    if (event == PTRACE_EVENT_EXEC) has_begun_ = true;
    if (signal == (SIGTRAP | 0x80) && has_begun_) at_call(pid);
    const bool is_stop = event == PTRACE_EVENT_STOP && signal != SIGTRAP;
    const bool is_signal = event == 0 && signal != (SIGTRAP | 0x80);
    if (is_stop) {
      ptrace(PTRACE_LISTEN, pid, 0, 0);
    } else {
      ptrace(PTRACE_SYSCALL, pid, 0, is_signal ? signal : 0);  // it may have been killed
    }
  }

  void at_call(pid_t pid) {
    struct __ptrace_syscall_info info{};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) < 0) return;
    if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
      if (failing_.erase(pid) > 0) set_register(pid, offsetof(user_regs_struct, rax), -errnum_);
    } else if (info.op == PTRACE_SYSCALL_INFO_ENTRY && !is_out_of_reach(info.entry.nr)) {
      if (++calls_ == at_ && errnum_ != 0) fail_call(pid, info.entry.nr);
    }
  }

  void fail_call(pid_t pid, uint64_t number) {
    hit_ = static_cast<long>(number);
    if (errnum_ == kKill) {
      kill(pid, SIGKILL);
      return;
    }
    set_register(pid, offsetof(user_regs_struct, orig_rax), -1);  // no such call: nothing is done
    failing_[pid] = true;
  }

  static void set_register(pid_t pid, size_t offset, long value) {
    if (ptrace(PTRACE_POKEUSER, pid, offset, value) < 0 && errno != ESRCH) die("registers");
  }

  pid_t command_;
  long at_;
  int errnum_;
  bool has_begun_ = false;  // by executing the command
  long calls_ = 0;
  long hit_ = -1;
  std::map<pid_t, bool> failing_;
};

pid_t start(char** command) {
  const crunlite::Result<crunlite::sys::Cloned> cloned = crunlite::sys::clone3({});
  if (!cloned.has_value()) die("clone");
  const pid_t pid = cloned->pid;
  if (pid == 0) {
    raise(SIGSTOP);
    execv(command[0], command);
    die(command[0]);
  }
  int status = 0;
  if (waitpid(pid, &status, WUNTRACED) < 0) die("waitpid");
  if (ptrace(PTRACE_SEIZE, pid, 0, kOptions) < 0) die("ptrace");
  if (kill(pid, SIGCONT) < 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0) die("continue");
  return pid;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: inject N KIND RESULT COMMAND...\n");
    return kOwnFailure;
  }
  const int errnum = errnum_of(argv[2]);
  Injector injector(start(argv + 4), crunlite::parse_number<long>(argv[1]).value_or(0), errnum);
  const int status = injector.run();
  FILE* result = fopen(argv[3], "we");
  if (result == nullptr) die(argv[3]);
  fprintf(result, "%ld %ld\n", injector.calls(), injector.hit());
  if (fclose(result) != 0) die(argv[3]);
  return status;
}
