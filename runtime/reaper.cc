// SPDX-License-Identifier: Apache-2.0
#include "runtime/reaper.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/sys.h"

namespace crunlite::runtime {
namespace {

constexpr int kSignalBase = 128;

int shell_status(int status) {
  return WIFSIGNALED(status) ? kSignalBase + WTERMSIG(status) : WEXITSTATUS(status);
}

// Reaps all that has ended; leaves when the program is among them.
void reap_ended(pid_t program) noexcept {
  for (;;) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return;
    if (pid == program) sys::exit_child(shell_status(status));
  }
}

}  // namespace

void reap_until_end_of(pid_t program) noexcept {
  sigset_t all;
  sigfillset(&all);
  (void)sys::sigprocmask(SIG_BLOCK, all);  // cannot fail with these arguments
  reap_ended(program);                     // it may have ended before the signals were blocked
  for (;;) {
    siginfo_t info{};
    const int number = ::sigwaitinfo(&all, &info);
    if (number == SIGCHLD) reap_ended(program);
    // The terminal's signals (SI_KERNEL) go to the program's process group by themselves.
    const bool is_sent = number > 0 && number != SIGCHLD && info.si_code != SI_KERNEL;
    if (is_sent) (void)sys::kill(program, number);  // it may just have ended
  }
}

}  // namespace crunlite::runtime
