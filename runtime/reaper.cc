// SPDX-License-Identifier: Apache-2.0
#include "runtime/reaper.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "base/check.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"

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

// For SIGTSTP the kernel wants a shell above the group, and there is none: what stops is stopped.
void pass_on(const siginfo_t& info, int number, pid_t program) noexcept {
  constexpr pid_t kEverybody = -1;  // of our pid namespace, but ourselves
  constexpr pid_t kOurGroup = 0;
  const bool is_from_terminal =
      info.si_code == SI_QUEUE && info.si_value.sival_int == kFromTerminal;
  // Whoever is meant may just have ended.
  if (number == SIGCONT) {
    (void)sys::kill(kEverybody, SIGCONT);
  } else if (is_from_terminal && number == SIGTSTP) {
    (void)sys::kill(kEverybody, SIGSTOP);
  } else if (is_from_terminal) {
    (void)sys::kill(kOurGroup, number);
  } else {
    (void)sys::kill(program, number);
  }
}

// Whether the program is our own file, and not by a read-only mount, through which nobody can open
// it for writing. A file that cannot be looked at is not ours, which the caller can read.
bool is_own_file(pid_t program) {
  struct stat theirs{};
  struct stat ours{};
  struct statvfs mount{};
  const Result<UniqueFd> pidfd = sys::pidfd_open(program);
  if (!pidfd.has_value()) return false;
  const std::string path = cat("/proc/", pid_below_proc(pidfd->get()).value_or(0), "/exe");
  if (::stat(path.c_str(), &theirs) != 0 || ::stat("/proc/self/exe", &ours) != 0) return false;
  if (theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino) return false;
  return ::statvfs(path.c_str(), &mount) != 0 || (mount.f_flag & ST_RDONLY) == 0;
}

}  // namespace

bool admit_program(pid_t program) noexcept {
  int status = 0;
  if (::waitpid(program, &status, 0) != program) return true;  // nothing of ours: cannot be
  if (!WIFSTOPPED(status)) sys::exit_child(shell_status(status));
  if (is_own_file(program)) {
    (void)sys::kill(program, SIGKILL);
    (void)::waitpid(program, nullptr, 0);
    return false;
  }
  (void)::ptrace(PTRACE_DETACH, program, nullptr, nullptr);  // it may have been killed meanwhile
  return true;
}

void reap_until_end_of(pid_t program) noexcept {
  CHECK(::getpid() == 1);  // else "everybody" would be all of the host
  sigset_t all;
  sigfillset(&all);
  (void)sys::sigprocmask(SIG_BLOCK, all);  // cannot fail with these arguments
  // Whoever waits for the program's start waits for their end, and may then send signals.
  (void)sys::close_range(STDERR_FILENO + 1, ~0U, 0);
  reap_ended(program);  // it may have ended before the signals were blocked
  for (;;) {
    siginfo_t info{};
    const int number = ::sigwaitinfo(&all, &info);
    if (number == SIGCHLD) reap_ended(program);
    // The signals of the sandbox's own terminal (SI_KERNEL) go to the program's process group by
    // themselves; those we sent to the group came to us too.
    const bool is_ours = info.si_code == SI_USER && info.si_pid == ::getpid();
    const bool is_sent = number > 0 && number != SIGCHLD && info.si_code != SI_KERNEL && !is_ours;
    if (is_sent) pass_on(info, number, program);
  }
}

}  // namespace crunlite::runtime
