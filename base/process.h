// SPDX-License-Identifier: Apache-2.0
// Starting other programs, and ending them by pidfd. Any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/sys.h"
#include "base/unique_fd.h"

namespace crunlite {

// How a process ended.
struct ExitStatus {
  int code = 0;    // the exit status when signal is 0
  int signal = 0;  // the signal that ended it
  // As a shell says it: the status, or 128 + signal.
  [[nodiscard]] int shell_status() const { return signal != 0 ? 128 + signal : code; }
};
[[nodiscard]] ExitStatus exit_status_of(const siginfo_t& info);

// A child we must reap. Kills and waits at its end unless it was waited for or released.
class Child {
 public:
  Child() = default;
  Child(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  // Waits for its end, at most timeout_ms (-1: for ever); nothing when it still runs then.
  [[nodiscard]] Result<std::optional<ExitStatus>> wait(int timeout_ms = -1);
  void kill_and_reap();
  // The process is no longer ours to reap; its pidfd is returned.
  [[nodiscard]] UniqueFd release();

 private:
  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

// The process's number below /proc, whose procfs may be that of an outer pid namespace.
[[nodiscard]] Result<pid_t> pid_below_proc(int pidfd);

struct SpawnOptions {
  std::vector<std::string> args;                // args[0] is the path or, found in PATH, the name
  std::string program;                          // the path where it is another than args[0]
  std::optional<std::vector<std::string>> env;  // unset: ours
  int stdin_fd = -1;                            // -1: /dev/null
  int stdout_fd = 1;
  int stderr_fd = 2;
  std::vector<int> pass_fds;  // kept open at the same number; all others are closed
};
// The program starts with no signals blocked. Its stdin, stdout and stderr are as said.
[[nodiscard]] Result<Child> spawn(const SpawnOptions& options);

// The environment of this process, for programs that inherit it.
[[nodiscard]] std::vector<std::string> own_environment();

struct RunOutput {
  ExitStatus status;
  std::string out;
  std::string err;
};
struct RunOptions {
  SpawnOptions spawn;
  std::string input;                  // given on standard input
  size_t max_output_bytes = 1 << 20;  // of each stream; more is an error
  int out_fd = -1;                    // where standard output goes; -1: RunOutput::out
  int err_fd = -1;
  int timeout_ms = -1;  // Kind::kLimit when it is over; the process is killed
};
// Runs a program to its end and returns what it wrote.
[[nodiscard]] Result<RunOutput> run(const RunOptions& options);

}  // namespace crunlite
