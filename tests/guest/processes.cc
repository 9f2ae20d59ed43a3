// SPDX-License-Identifier: Apache-2.0
// Verbs that live, wait, end, multiply, eat, and start other programs.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "base/unique_fd.h"
#include "tests/guest/verbs.h"

namespace crunlite::guest {
namespace {

int print(const Call& call) {
  write_all(1, cat(std::string_view(call.text(0)), "\n"));
  return kGoOn;
}

int print_error(const Call& call) {
  write_all(2, cat(std::string_view(call.text(0)), "\n"));
  return kGoOn;
}

int end(const Call& call) { return static_cast<int>(call.number(0)); }

int signal_self(const Call& call) {
  auto number = static_cast<int>(call.number(0));
  (void)::signal(number, SIG_DFL);
  (void)::kill(::getpid(), number);
  return kGoOn;
}

int wait_a_while(const Call& call) {
  wait_ms(call.number(0));
  return kGoOn;
}

// For ever: until a signal ends it. As process 1 it is ended by SIGKILL only.
int wait_for_ever(const Call&) {
  for (;;) (void)::pause();
}

int wait_for_signal(const sigset_t& set) {
  int number = 0;
  (void)::sigwait(&set, &number);
  return number;
}

// `trap SIGNAL STATUS`: says "ready", waits for the signal and ends with the status.
int trap(const Call& call) {
  sigset_t set;
  (void)sigemptyset(&set);
  (void)sigaddset(&set, static_cast<int>(call.number(0)));
  (void)::sigprocmask(SIG_BLOCK, &set, nullptr);
  write_all(1, "ready\n");
  (void)wait_for_signal(set);
  return static_cast<int>(call.number(1));
}

// `count`: says "ready", then how often it got SIGUSR1, each time; ends at SIGTERM with that
// number.
int count_signals(const Call& call) {
  sigset_t set;
  (void)sigemptyset(&set);
  (void)sigaddset(&set, SIGUSR1);
  (void)sigaddset(&set, SIGTERM);
  (void)::sigprocmask(SIG_BLOCK, &set, nullptr);
  write_all(1, "ready\n");
  int count = 0;
  while (wait_for_signal(set) == SIGUSR1) Line(call).number("value", ++count).write();
  return count;
}

// `signals`: says "ready" and reports each catchable signal it gets; SIGTERM ends it.
int report_signals(const Call& call) {
  sigset_t set;
  (void)sigfillset(&set);
  (void)::sigprocmask(SIG_BLOCK, &set, nullptr);
  write_all(1, "ready\n");
  for (;;) {
    int number = wait_for_signal(set);
    Line(call).number("signal", number).write();
    if (number == SIGTERM) return 0;
  }
}

// Signals that were blocked or ignored when the program began.
int report_masks(const Call& call) {
  sigset_t set;
  (void)::sigprocmask(SIG_BLOCK, nullptr, &set);
  std::vector<std::string> blocked;
  std::vector<std::string> ignored;
  for (int number = 1; number < 65; number++) {
    if (sigismember(&set, number) == 1) blocked.push_back(cat(number));
    struct sigaction action{};
    if (::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) {
      ignored.push_back(cat(number));
    }
  }
  Line(call).texts("blocked", blocked).texts("ignored", ignored).write();
  return kGoOn;
}

int echo_stdin(const Call&) {
  for (;;) {
    char buffer[4096];
    ssize_t length = ::read(0, buffer, sizeof buffer);
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return kGoOn;
    write_all(1, {buffer, static_cast<size_t>(length)});
  }
}

int write_lines(const Call& call) {
  std::string line(static_cast<size_t>(std::max<int64_t>(1, call.number(1, 64))), 'x');
  line.back() = '\n';
  for (int64_t i = 0; i < call.number(0); i++) write_all(1, line);
  return kGoOn;
}

// `children N`: N children that wait for ever.
int make_children(const Call& call) {
  std::string pids = "[";
  for (int64_t i = 0; i < call.number(0); i++) {
    pid_t pid = new_process();
    if (pid == 0) return wait_for_ever(call);
    pids += cat(i > 0 ? "," : "", pid);
  }
  Line(call).raw("pids", pids + "]").write();
  return kGoOn;
}

// `orphan`: a grandchild in a session of its own, whose parent is gone.
int make_orphan(const Call& call) {
  pid_t pid = new_process();
  if (pid == 0) {
    (void)::setsid();
    if (new_process() == 0) return wait_for_ever(call);
    ::_exit(0);
  }
  (void)::waitpid(pid, nullptr, 0);
  Line(call).outcome(pid).write();
  return kGoOn;
}

// `bomb N`: children until the kernel refuses or N are there; all are ended again.
int fork_bomb(const Call& call) {
  std::vector<pid_t> children;
  int errnum = 0;
  while (static_cast<int64_t>(children.size()) < call.number(0)) {
    pid_t pid = new_process();
    if (pid == 0) return wait_for_ever(call);
    if (pid < 0) {
      errnum = errno;
      break;
    }
    children.push_back(pid);
  }
  for (pid_t pid : children) (void)::kill(pid, SIGKILL);
  for (pid_t pid : children) (void)::waitpid(pid, nullptr, 0);
  errno = errnum;
  Line line(call);
  line.outcome(errnum == 0 ? 0 : -1).number("children", static_cast<int64_t>(children.size()));
  line.write();
  return kGoOn;
}

// `eat MIB`: touches so much memory, then says so.
int eat_memory(const Call& call) {
  size_t bytes = static_cast<size_t>(call.number(0)) << 20;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  long result = memory == MAP_FAILED ? -1 : 0;
  auto* data = static_cast<volatile char*>(memory);
  for (size_t at = 0; result == 0 && at < bytes; at += 4096) data[at] = 1;
  Line(call).outcome(result).write();
  return kGoOn;
}

// `eat_in_child MIB`: as above in a child, so that it is the child that the kernel ends.
int eat_in_child(const Call& call) {
  pid_t pid = new_process();
  if (pid == 0) {
    (void)eat_memory(call);
    ::_exit(0);
  }
  int status = 0;
  (void)::waitpid(pid, &status, 0);
  Line(call).number("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0).write();
  return kGoOn;
}

int64_t clock_ms(clockid_t clock) {
  struct timespec now{};
  (void)::clock_gettime(clock, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

// `spin MS`: computes for so long and reports how much of a processor it got.
int spin(const Call& call) {
  int64_t start = clock_ms(CLOCK_MONOTONIC);
  int64_t used = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
  while (clock_ms(CLOCK_MONOTONIC) - start < call.number(0)) {
  }
  Line(call)
      .number("wall_ms", clock_ms(CLOCK_MONOTONIC) - start)
      .number("cpu_ms", clock_ms(CLOCK_PROCESS_CPUTIME_ID) - used)
      .write();
  return kGoOn;
}

std::vector<char*> words_after_dashes(const Call& call) {
  std::vector<char*> words;
  bool found = false;
  for (char* word : call.args) {
    if (found) words.push_back(word);
    found = found || std::string_view(word) == "--";
  }
  words.push_back(nullptr);
  return words;
}

int replace_by(const std::vector<char*>& words) {
  if (words[0] == nullptr) return 125;
  (void)::execvp(words[0], words.data());
  write_all(2, cat("probe: ", std::string_view(words[0]), ": errno ", errno, "\n"));
  return errno == ENOENT ? 127 : 126;
}

int execute(const Call& call) { return replace_by(words_after_dashes(call)); }

// `in DIR -- COMMAND...`: runs a command with that working directory.
int execute_in(const Call& call) {
  if (::chdir(call.text(0)) != 0) return 125;
  return execute(call);
}

// `as UID GID -- COMMAND...`: as an ordinary user without other groups.
int execute_as(const Call& call) {
  auto uid = static_cast<uid_t>(call.number(0));
  auto gid = static_cast<gid_t>(call.number(1));
  if (::setresgid(gid, gid, gid) != 0 || ::setresuid(uid, uid, uid) != 0) return 125;
  return execute(call);
}

// `ctty -- COMMAND...`: in a new session, whose terminal is standard input.
int execute_on_terminal(const Call& call) {
  if (::setsid() < 0 || ::ioctl(0, TIOCSCTTY, 0) != 0) return 125;
  return execute(call);
}

// `spawn -- COMMAND...`: in a child; reports how it ended.
int execute_in_child(const Call& call) {
  pid_t pid = new_process();
  if (pid == 0) ::_exit(execute(call));
  int status = 0;
  (void)::waitpid(pid, &status, 0);
  Call plain{call.verb, {}};
  Line(plain)
      .number("status", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status))
      .write();
  return kGoOn;
}

constexpr Verb kVerbs[] = {
    {"print", print, "TEXT"},
    {"complain", print_error, "TEXT: on standard error"},
    {"exit", end, "STATUS"},
    {"signal", signal_self, "NUMBER: to itself"},
    {"sleep", wait_a_while, "MS"},
    {"wait", wait_for_ever, "for ever"},
    {"trap", trap, "SIGNAL STATUS: ends with the status when the signal comes"},
    {"count", count_signals, "counts SIGUSR1 until SIGTERM, and ends with that number"},
    {"signals", report_signals, "reports signals until SIGTERM"},
    {"masks", report_masks, "blocked and ignored signals"},
    {"stdin", echo_stdin, "copies standard input to standard output"},
    {"lines", write_lines, "COUNT [LENGTH]"},
    {"children", make_children, "COUNT"},
    {"orphan", make_orphan, "a grandchild without parent"},
    {"bomb", fork_bomb, "COUNT: so many children at most"},
    {"eat", eat_memory, "MIB"},
    {"eat_in_child", eat_in_child, "MIB"},
    {"spin", spin, "MS"},
    {"exec", execute, "-- COMMAND..."},
    {"in", execute_in, "DIRECTORY -- COMMAND..."},
    {"as", execute_as, "UID GID -- COMMAND..."},
    {"ctty", execute_on_terminal, "-- COMMAND...: standard input becomes its terminal"},
    {"spawn", execute_in_child, "-- COMMAND..."},
};

}  // namespace

std::span<const Verb> process_verbs() { return kVerbs; }

}  // namespace crunlite::guest
