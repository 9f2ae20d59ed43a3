// SPDX-License-Identifier: Apache-2.0
#include "runtime/foreground.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/sys.h"
#include "runtime/console.h"
#include "runtime/reaper.h"

namespace crunlite::runtime {
namespace {

constexpr size_t kRelayBytes = 16384;

// Our own terminal in raw mode, put back at the end. Output processing stays on, since the
// container's terminal leaves newlines as they are.
class RawTerminal {
 public:
  RawTerminal() {
    const Result<struct termios> modes = sys::tcgetattr(STDIN_FILENO);
    if (!modes.has_value()) return;  // standard input is no terminal
    saved_ = *modes;
    struct termios raw = *modes;
    cfmakeraw(&raw);
    raw.c_oflag |= OPOST;
    (void)sys::tcsetattr(STDIN_FILENO, raw);  // else it is cooked, which still works
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  ~RawTerminal() {
    if (saved_.has_value()) (void)sys::tcsetattr(STDIN_FILENO, *saved_);  // nobody is left to tell
  }

 private:
  std::optional<struct termios> saved_;
};

// Bytes that one side gave and the other has not taken yet; never more than one buffer.
class Pump {
 public:
  [[nodiscard]] bool wants_input() const { return pending_.empty() && !is_over_; }
  [[nodiscard]] bool wants_output() const { return !pending_.empty(); }
  [[nodiscard]] bool is_over() const { return is_over_ && pending_.empty(); }
  void end() { is_over_ = true; }

  void take_from(int fd) {
    pending_.resize(kRelayBytes);
    const Result<size_t> length = sys::read(fd, pending_);
    const bool is_later = !length.has_value() && length.error().errnum == EAGAIN;
    if (!is_later && length.value_or(0) == 0) is_over_ = true;  // EIO: the terminal's end
    pending_.resize(length.value_or(0));
  }

  void give_to(int fd) {
    // What poll(2) promises room for: a pipe whose reader is slow must not keep us from the rest.
    const Result<size_t> length = sys::write(fd, std::string_view(pending_).substr(0, PIPE_BUF));
    if (length.has_value()) {
      pending_.erase(0, *length);
    } else if (length.error().errnum != EAGAIN) {
      pending_.clear();  // the reader is gone
      is_over_ = true;
    }
  }

 private:
  std::string pending_;
  bool is_over_ = false;
};

// The loop of one foreground.
class Loop {
 public:
  Loop(int signals, Child& child, UniqueFd master, const AttendOptions& options)
      : signals_(signals), child_(child), master_(std::move(master)), options_(options) {
    if (options.timeout_ms >= 0) timeout_at_ = sys::monotonic_ms() + options.timeout_ms;
    if (!master_.is_open()) return;
    // Else we would wait for a program to read that itself waits for us to read. Without it, large
    // amounts at once are at risk, and nothing else.
    (void)sys::set_nonblocking(master_.get());
    raw_.emplace();
    follow_window_size(master_.get());
  }

  Result<ForegroundEnd> run() {
    while (!has_ended_) {
      TRY(wait(time_left()));
      if (!has_ended_) enforce_deadlines();
    }
    drain();
    ForegroundEnd end;
    end.status = TRY(child_.wait()).value_or(ExitStatus());  // it has ended: there is one
    end.is_timed_out = is_timed_out_;
    return end;
  }

 private:
  // Until the next deadline; -1: there is none.
  [[nodiscard]] int time_left() const {
    int64_t next = timeout_at_;
    if (kill_at_ >= 0 && (next < 0 || kill_at_ < next)) next = kill_at_;
    if (next < 0) return -1;
    return static_cast<int>(std::max<int64_t>(0, next - sys::monotonic_ms()));
  }

  void enforce_deadlines() {
    const int64_t now = sys::monotonic_ms();
    if (kill_at_ >= 0 && now >= kill_at_) {
      kill_at_ = -1;
      send(SIGKILL);
    }
    if (timeout_at_ >= 0 && now >= timeout_at_) {
      timeout_at_ = -1;
      is_timed_out_ = true;
      send(SIGCONT);  // a stopped process takes no notice of SIGTERM
      if (kill_at_ < 0) ask_to_end(SIGTERM);
    }
  }

  // With an end to its patience; a second time there is none left.
  void ask_to_end(int number) {
    if (kill_at_ >= 0) {
      send(SIGKILL);
      return;
    }
    if (options_.grace_ms >= 0) kill_at_ = sys::monotonic_ms() + options_.grace_ms;
    send(number);
  }

  // The child may just have ended.
  void send(int number) { (void)sys::pidfd_send_signal(child_.pidfd(), number); }

  Status wait(int timeout_ms) {
    std::array<struct pollfd, 5> items = {{{signals_, POLLIN, 0},
                                           {child_.pidfd(), POLLIN, 0},
                                           {-1, 0, 0},    // the terminal of the container
                                           {-1, 0, 0},    // our standard input
                                           {-1, 0, 0}}};  // our standard output
    if (master_.is_open()) {
      items[2] = {master_.get(),
                  static_cast<short>((out_.wants_input() ? POLLIN : 0) |
                                     (in_.wants_output() ? POLLOUT : 0)),
                  0};
      if (items[2].events == 0) items[2].fd = -1;
      if (in_.wants_input()) items[3] = {STDIN_FILENO, POLLIN, 0};
      if (out_.wants_output()) items[4] = {STDOUT_FILENO, POLLOUT, 0};
    }
    if (::poll(items.data(), items.size(), timeout_ms) < 0) {
      Error error = sys::error_of(errno);
      if (error.errnum != EINTR) return std::unexpected(std::move(error));
    }
    if (items[0].revents != 0) pass_signals();
    has_ended_ = items[1].revents != 0;
    if (items[2].revents != 0) serve_master(items[2].revents);
    if (items[3].revents != 0) in_.take_from(STDIN_FILENO);
    if (items[4].revents != 0) out_.give_to(STDOUT_FILENO);
    // Without the program's side, or a reader of ours, there is nothing to wait for but its end.
    if (out_.is_over()) master_.reset();
    return {};
  }

  void serve_master(short events) {
    if ((events & POLLOUT) != 0 && in_.wants_output()) in_.give_to(master_.get());
    if ((events & (POLLIN | POLLHUP)) != 0 && out_.wants_input()) out_.take_from(master_.get());
  }

  // What the program wrote last is still to be shown.
  void drain() {
    constexpr int kDrainMs = 1000;
    while (master_.is_open() && !out_.is_over()) {
      if (out_.wants_output()) {
        if (!sys::wait_ready(STDOUT_FILENO, POLLOUT, kDrainMs).value_or(false)) return;
        out_.give_to(STDOUT_FILENO);
      } else {
        if (!sys::wait_ready(master_.get(), POLLIN, 0).value_or(false)) return;
        out_.take_from(master_.get());
      }
    }
    if (out_.wants_output()) out_.give_to(STDOUT_FILENO);
  }

  void pass_signals() {
    struct signalfd_siginfo info{};
    std::span<char> bytes(reinterpret_cast<char*>(&info), sizeof info);
    while (sys::read(signals_, bytes).value_or(0) == sizeof info) pass_signal(info);
  }

  void pass_signal(const struct signalfd_siginfo& info) {
    const auto number = static_cast<int>(info.ssi_signo);
    const bool is_typed = info.ssi_code == SI_KERNEL && number != SIGHUP;
    const bool is_our_own =
        info.ssi_code == SI_USER && info.ssi_pid == static_cast<uint32_t>(::getpid());
    if (number == SIGCHLD || number == SIGURG || is_our_own) return;  // a SIGPIPE for instance
    if (number == SIGWINCH && master_.is_open()) {
      follow_window_size(master_.get());
    } else if (is_typed && options_.has_reaper) {
      (void)sys::pidfd_queue_signal(child_.pidfd(), number, kFromTerminal);  // it may have ended
      if (number == SIGTSTP) (void)sys::kill(::getpid(), SIGSTOP);           // as the shell expects
    } else if (number == SIGTERM || number == SIGHUP || number == SIGINT) {
      ask_to_end(number);
    } else {
      send(number);
    }
  }

  int signals_;
  Child& child_;
  UniqueFd master_;
  AttendOptions options_;
  int64_t timeout_at_ = -1;  // monotonic; -1: not to come
  int64_t kill_at_ = -1;
  bool is_timed_out_ = false;
  std::optional<RawTerminal> raw_;
  Pump in_;   // our input to the container
  Pump out_;  // the container's output to ours
  bool has_ended_ = false;
};

}  // namespace

Result<Foreground> Foreground::prepare() {
  sigset_t all;
  sigfillset(&all);
  // What the kernel sends for faults of ours must not be held back.
  for (int fault : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS}) {
    sigdelset(&all, fault);
  }
  TRY(sys::sigprocmask(SIG_BLOCK, all));
  return Foreground(TRY(sys::signalfd(all)));
}

Result<ForegroundEnd> Foreground::attend(Child& child, UniqueFd console_master,
                                         const AttendOptions& options) {
  Loop loop(signals_.get(), child, std::move(console_master), options);
  return loop.run();
}

}  // namespace crunlite::runtime
