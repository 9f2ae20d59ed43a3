// SPDX-License-Identifier: Apache-2.0
#include "runtime/foreground.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "base/path.h"
#include "base/sys.h"

namespace crunlite::runtime {
namespace {

constexpr int kPatienceMs = 30'000;
constexpr int kTimedOutStatus = 124;
constexpr int kBrokenStatus = 99;

struct Pty {
  UniqueFd master;
  UniqueFd slave;
};

Result<Pty> open_pty() {
  Pty pty;
  pty.master = TRY(sys::open("/dev/ptmx", O_RDWR | O_NOCTTY));
  TRY(sys::unlock_pty(pty.master.get()));
  pty.slave = TRY(sys::pty_peer(pty.master.get(), O_RDWR | O_NOCTTY));
  return pty;
}

Status make_raw(int terminal) {
  struct termios modes = TRY(sys::tcgetattr(terminal));
  cfmakeraw(&modes);
  return sys::tcsetattr(terminal, modes);
}

// How the program below is run.
struct Setting {
  std::string script;
  bool has_terminal = false;  // of its own, in raw mode
  AttendOptions options = {};
};

// The life of a process like `crun-lite run`: standard input and output are taken over already.
Result<int> live_in_foreground(const Setting& setting) {
  Foreground foreground = TRY(Foreground::prepare());
  Pty pty;
  SpawnOptions spawned;
  spawned.args = {"/bin/sh", "-c", setting.script};
  spawned.stdin_fd = STDIN_FILENO;
  if (setting.has_terminal) {
    pty = TRY(open_pty());
    TRY(make_raw(pty.slave.get()));
    spawned.stdin_fd = spawned.stdout_fd = spawned.stderr_fd = pty.slave.get();
  }
  Child child = TRY(spawn(spawned));
  pty.slave.reset();
  const ForegroundEnd end = TRY(foreground.attend(child, std::move(pty.master), setting.options));
  return end.is_timed_out ? kTimedOutStatus : end.status.shell_status();
}

// A process in whose foreground a program runs, with the given standard input and output.
class Front {
 public:
  Front(const Setting& setting, int input, int output) {
    (void)::fflush(nullptr);  // some exits write out what a copy has inherited
    Result<sys::Cloned> cloned = sys::clone3({});
    EXPECT_TRUE(cloned.has_value());
    if (cloned->pid == 0) {
      const bool is_ready = sys::dup3(input, 0, 0).has_value() &&
                            sys::dup3(output, 1, 0).has_value() &&
                            sys::close_range(3, ~0U, 0).has_value();
      ::_exit(is_ready ? live_in_foreground(setting).value_or(kBrokenStatus) : kBrokenStatus);
    }
    child_ = Child(cloned->pid, std::move(cloned->pidfd));
  }
  void signal(int number) {
    ASSERT_TRUE(sys::pidfd_send_signal(child_.pidfd(), number).has_value());
  }
  int end() {
    const auto status = child_.wait(kPatienceMs);
    EXPECT_TRUE(status.has_value() && status->has_value()) << "it does not end";
    return status.has_value() && status->has_value() ? (*status)->shell_status() : -1;
  }

 private:
  Child child_;
};

// Reads until `wanted` has come, or the end.
std::string read_until(int fd, std::string_view wanted) {
  std::string text;
  std::array<char, 4096> buffer;
  while (text.find(wanted) == std::string::npos) {
    if (!sys::wait_ready(fd, POLLIN, kPatienceMs).value_or(false)) {
      ADD_FAILURE() << "nothing comes after " << quote(text);
      break;
    }
    const size_t length = sys::read(fd, buffer).value_or(0);
    if (length == 0) break;
    text.append(buffer.data(), length);
  }
  return text;
}

class InForeground : public testing::Test {
 protected:
  void SetUp() override {
    Result<sys::Pipe> input = sys::pipe2();
    Result<sys::Pipe> output = sys::pipe2();
    ASSERT_TRUE(input.has_value() && output.has_value());
    input_ = std::move(*input);
    output_ = std::move(*output);
  }
  Front start(const Setting& setting) {
    Front front(setting, input_.read_end.get(), output_.write_end.get());
    input_.read_end.reset();
    output_.write_end.reset();
    return front;
  }
  void write(std::string_view text) {
    ASSERT_TRUE(sys::write_all(input_.write_end.get(), text).has_value());
  }
  std::string read(std::string_view wanted = "\xff") {
    return read_until(output_.read_end.get(), wanted);
  }

  sys::Pipe input_;
  sys::Pipe output_;
};

TEST_F(InForeground, AProgramsStatusIsOurs) {
  struct Row {
    const char* script;
    int status;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"exit 0", 0}, {"exit 7", 7}, {"kill -9 $$", 137}, {"kill -TERM $$", 143}}) {
    for (bool has_terminal : {false, true}) {
      SetUp();
      EXPECT_EQ(start({.script = row.script, .has_terminal = has_terminal}).end(), row.status)
          << row.script;
    }
  }
}

TEST_F(InForeground, ATerminalCarriesBothWays) {
  Front front = start({.script = "read line; echo got $line", .has_terminal = true});
  write("hello\n");
  EXPECT_EQ(read(), "got hello\n");
  EXPECT_EQ(front.end(), 0);
}

TEST_F(InForeground, TheEndOfInputIsNotTheEnd) {
  Front front = start({.script = "echo ready; sleep 0.1; echo done", .has_terminal = true});
  input_.write_end.reset();
  EXPECT_EQ(read(), "ready\ndone\n");
  EXPECT_EQ(front.end(), 0);
}

TEST_F(InForeground, AllOutputIsShownBeforeTheEnd) {
  Front front =
      start({.script = "head -c 200000 /dev/zero | tr '\\0' x; echo end", .has_terminal = true});
  const std::string text = read();
  EXPECT_EQ(std::count(text.begin(), text.end(), 'x'), 200000);
  EXPECT_TRUE(text.ends_with("end\n"));
  EXPECT_EQ(front.end(), 0);
}

// The program reads nothing until its own output is read, and the other way round.
TEST_F(InForeground, ATerminalIsNeverWaitedForOnOneSideOnly) {
  Result<TempDir> dir = TempDir::create("foreground_test");
  ASSERT_TRUE(dir.has_value());
  ASSERT_TRUE(write_atomic(dir->fd(), "in", std::string(100000, 'i'), 0600, Durability::kVolatile)
                  .has_value());
  Result<UniqueFd> in = sys::openat(dir->fd(), "in", O_RDONLY);
  Result<UniqueFd> out = sys::openat(dir->fd(), "out", O_RDWR | O_CREAT, 0600);
  ASSERT_TRUE(in.has_value() && out.has_value());
  // First it gives our input the time to fill the terminal.
  Front front({.script = "sleep 0.2; head -c 300000 /dev/zero | tr '\\0' x; head -c 100000 | wc -c",
               .has_terminal = true,
               .options = {.timeout_ms = kPatienceMs / 2, .grace_ms = 0}},
              in->get(), out->get());
  EXPECT_EQ(front.end(), 0);
  const std::string text = read_file(dir->fd(), "out", 1 << 20).value_or("");
  EXPECT_EQ(std::count(text.begin(), text.end(), 'x'), 300000);
  EXPECT_TRUE(text.ends_with("100000\n")) << text.substr(std::min<size_t>(text.size(), 300000));
}

TEST_F(InForeground, SignalsAreThoseOfTheProgram) {
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGRTMIN + 1}) {
    SetUp();
    // The shell waits for its background process and can be interrupted there. That one ends with
    // our end of its input at the latest.
    Front front = start({.script = cat("trap 'echo caught; kill $!; exit 3' ", number,
                                       "; exec 3<&0; cat <&3 & echo ready; wait")});
    EXPECT_EQ(read("ready\n"), "ready\n");
    front.signal(number);
    EXPECT_EQ(read("caught\n"), "caught\n") << number;
    EXPECT_EQ(front.end(), 3) << number;
  }
}

TEST_F(InForeground, TimeEndsByTermAndThenByKill) {
  Front polite = start({.script = "exec cat", .options = {.timeout_ms = 50, .grace_ms = -1}});
  EXPECT_EQ(polite.end(), kTimedOutStatus);
  SetUp();
  Front rude = start({.script = "trap '' TERM; echo ready; while :; do sleep 0.05; done",
                      .options = {.timeout_ms = 200, .grace_ms = 50}});
  EXPECT_EQ(rude.end(), kTimedOutStatus);
}

TEST_F(InForeground, AReaderThatGoesAwayEndsTheProgramsTerminal) {
  Front front = start({.script = "while echo x; do :; done; exit 5", .has_terminal = true});
  EXPECT_FALSE(read("x").empty());
  output_.read_end.reset();
  EXPECT_EQ(front.end(), 5);
}

// Our own terminal is raw meanwhile, and its size is the program's.
TEST_F(InForeground, OurTerminalIsFollowedAndPutBack) {
  Result<Pty> ours = open_pty();
  ASSERT_TRUE(ours.has_value());
  const struct termios before = *sys::tcgetattr(ours->slave.get());
  ASSERT_NE(before.c_lflag & ICANON, 0U);
  ASSERT_TRUE(sys::set_window_size(ours->master.get(), {33, 101, 0, 0}).has_value());
  Front front({.script = "stty size; read x; stty size", .has_terminal = true}, ours->slave.get(),
              output_.write_end.get());
  output_.write_end.reset();
  EXPECT_EQ(read("\n"), "33 101\n");
  const struct termios meanwhile = *sys::tcgetattr(ours->slave.get());
  EXPECT_EQ(meanwhile.c_lflag & (ICANON | ECHO | ISIG), 0U);
  EXPECT_NE(meanwhile.c_oflag & OPOST, 0U);
  ASSERT_TRUE(sys::set_window_size(ours->master.get(), {50, 120, 0, 0}).has_value());
  front.signal(SIGWINCH);
  ASSERT_TRUE(sys::write_all(ours->master.get(), "\n").has_value());
  EXPECT_EQ(read("\n"), "50 120\n");
  EXPECT_EQ(front.end(), 0);
  const struct termios after = *sys::tcgetattr(ours->slave.get());
  EXPECT_EQ(after.c_lflag, before.c_lflag);
  EXPECT_EQ(after.c_iflag, before.c_iflag);
  EXPECT_EQ(after.c_oflag, before.c_oflag);
}

}  // namespace
}  // namespace crunlite::runtime
