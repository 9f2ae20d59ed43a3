// SPDX-License-Identifier: Apache-2.0
// Terminals: over --console-socket, and in the foreground on the caller's own (runtime.md).
#include <fcntl.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/integration/console_socket.h"
#include "tests/integration/harness.h"

namespace crunlite::integration {
namespace {

UniqueFd copy_of(int fd) {
  Result<UniqueFd> copy = sys::dup_cloexec(fd);
  EXPECT_TRUE(copy.has_value());
  return copy.has_value() ? std::move(*copy) : UniqueFd();
}

// The next line that is a report; what the terminal echoes before it is passed over.
Report next_report(LineReader& lines) {
  for (int i = 0; i < 20; i++) {
    std::string line = lines.next();
    if (line.starts_with('{')) return Report::parse(line);
    if (line == "(end)" || line == "(time-out)") break;
  }
  return Report();
}

class Terminal : public RuntimeTest {
 protected:
  void SetUp() override {
    RuntimeTest::SetUp();
    config.set("process.terminal", true);
    // sun_path is short: relative to nothing, so right below the tests' directory.
    socket_.emplace(cat(Host::get().directory(), "/s", id().substr(id().rfind('-'))));
    take_for_granted();
  }
  void TearDown() override {
    master_.reset();
    (void)::unlink(socket_->path().c_str());
    socket_.reset();
    RuntimeTest::TearDown();
  }
  // create with the console socket, and start.
  void launch_on_console(const Strings& words) {
    config.probe(words);
    ASSERT_NO_FATAL_FAILURE(create({"--console-socket", socket_->path()}));
    master_ = socket_->receive();
    ASSERT_TRUE(master_.is_open());
    lines_ = LineReader(copy_of(master_.get()));
    start();
  }
  void finish() { lines_ = LineReader(); }

  std::optional<ConsoleSocket> socket_;
  UniqueFd master_;
  LineReader lines_;
};

TEST_F(Terminal, IsSentOverTheConsoleSocket) {
  config.set_json("process.consoleSize", R"({"height": 33, "width": 77})");
  launch_on_console({"tty", ",", "wait"});
  Report report = next_report(lines_);
  for (const char* fd : {"0", "1", "2"}) {
    const json::Value& seen = report.value("tty", fd);
    ASSERT_NE(seen.find("terminal"), nullptr) << fd;
    EXPECT_TRUE(*seen.find("terminal") == json::Value(true)) << fd;
  }
  EXPECT_TRUE(report.flag("tty", "controlling"));
  EXPECT_TRUE(report.flag("tty", "foreground"));
  EXPECT_EQ(report.number("tty", "rows"), 33);
  EXPECT_EQ(report.number("tty", "columns"), 77);
  Result<struct winsize> size = sys::window_size(master_.get());
  ASSERT_TRUE(size.has_value());
  EXPECT_EQ(size->ws_row, 33);
  EXPECT_EQ(size->ws_col, 77);
  finish();
}

// With it each line of the output would end in CR LF.
TEST_F(Terminal, DoesNotTranslateNewlines) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 leaves ONLCR to the owner of the console socket");
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 leaves ONLCR to the owner of the console socket");
  launch_on_console({"tty", ",", "wait"});
  Report report = next_report(lines_);
  const json::Value* onlcr = report.value("tty", "1").find("onlcr");
  ASSERT_NE(onlcr, nullptr);
  EXPECT_TRUE(*onlcr == json::Value(false));
  finish();
}

TEST_F(Terminal, HasADevConsole) {
  launch_on_console({"stat", "/dev/console", ",", "open", "/dev/console", "rw", ",", "wait"});
  Report stat = next_report(lines_);
  EXPECT_EQ(stat.text("stat /dev/console", "type"), "character");
  EXPECT_TRUE(stat.text("stat /dev/console", "device").starts_with("136:"));
  EXPECT_EQ(next_report(lines_).error("open /dev/console rw"), "");
  finish();
}

TEST_F(Terminal, BelongsToTheUser) {
  config.set_json("process.user", R"({"uid": 1000, "gid": 1000})");
  launch_on_console({"tty", ",", "open", "/dev/tty", "rw", ",", "wait"});
  Report report = next_report(lines_);
  const json::Value& seen = report.value("tty", "0");
  ASSERT_NE(seen.find("uid"), nullptr);
  EXPECT_EQ(number_at(seen, "uid"), 1000);
  EXPECT_EQ(next_report(lines_).error("open /dev/tty rw"), "");
  finish();
}

TEST_F(Terminal, TakesInputAndInterrupts) {
  launch_on_console({"line", ",", "print", "next", ",", "wait"});
  ASSERT_TRUE(sys::write_all(master_.get(), "typed\n").has_value());
  EXPECT_EQ(next_report(lines_).text("line", "data"), "typed\n");
  finish();
}

TEST_F(Terminal, ControlCInterruptsTheForeground) {
  config.without_namespace("pid");  // process 1 would not be ended by the default action
  launch_on_console({"print", "up", ",", "wait"});
  ASSERT_EQ(lines_.next(), "up");
  ASSERT_TRUE(sys::write_all(master_.get(), "\x03").has_value());
  std::optional<ExitStatus> ended = wait_init();
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->signal, SIGINT);
  finish();
}

TEST_F(Terminal, IsResizedThroughItsMaster) {
  launch_on_console({"winch", ",", "wait"});
  ASSERT_EQ(lines_.next(), "ready");
  struct winsize size{};
  size.ws_row = 11;
  size.ws_col = 22;
  ASSERT_TRUE(sys::set_window_size(master_.get(), size).has_value());
  Report report = next_report(lines_);
  EXPECT_TRUE(report.flag("winch", "signalled"));
  EXPECT_EQ(report.number("winch", "rows"), 11);
  EXPECT_EQ(report.number("winch", "columns"), 22);
  finish();
}

TEST_F(Terminal, IsPassedInBothForms) {
  config.probe({"exit", "0"});
  write_config();
  will_remove(id());
  ASSERT_OK(call(
      {"run", "--detach", cat("--console-socket=", socket_->path()), "--bundle", bundle(), id()}));
  EXPECT_TRUE(socket_->receive().is_open());
}

TEST_F(Terminal, CreateNeedsAConsoleSocket) {
  Outcome outcome = try_create();
  EXPECT_NE(outcome.status, 0);
  EXPECT_TRUE(outcome.err.contains("console")) << outcome.err;
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Terminal, AConsoleSocketNeedsATerminal) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 ignores a console socket without terminal");
  config.set("process.terminal", false);
  Outcome outcome = try_create({"--console-socket", socket_->path()});
  EXPECT_NE(outcome.status, 0);
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Terminal, AMissingConsoleSocketIsAnError) {
  Outcome outcome = try_create({"--console-socket", directory("nowhere")});
  EXPECT_NE(outcome.status, 0);
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Terminal, OfExecOverAConsoleSocket) {
  config.set("process.terminal", false);
  launch_probe({"wait"});
  std::string pid_file = directory("exec.pid");
  ASSERT_OK(exec({"/bin/probe", "tty", ",", "wait"}, {"--tty", "--detach", "--pid-file", pid_file,
                                                      "--console-socket", socket_->path()}));
  Child child = adopt(pid_file);
  master_ = socket_->receive();
  lines_ = LineReader(copy_of(master_.get()));
  EXPECT_TRUE(next_report(lines_).flag("tty", "controlling"));
  finish();
}

TEST_F(Terminal, OfExecByAProcessFile) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 ignores consoleSize in exec");
  config.set("process.terminal", false);
  launch_probe({"wait"});
  // podman says both --tty and "terminal": true.
  write_host_file(directory("process.json"),
                  R"({"terminal": true, "consoleSize": {"height": 12, "width": 34},
                      "user": {"uid": 0, "gid": 0}, "cwd": "/", "env": [],
                      "args": ["/bin/probe", "tty", ",", "wait"]})");
  ASSERT_OK(exec({}, {"--process", directory("process.json"), "--detach", "--tty",
                      "--console-socket", socket_->path(), "--pid-file", directory("exec.pid")}));
  Child child = adopt(directory("exec.pid"));
  master_ = socket_->receive();
  lines_ = LineReader(copy_of(master_.get()));
  Report report = next_report(lines_);
  EXPECT_TRUE(report.flag("tty", "controlling"));
  EXPECT_EQ(report.number("tty", "rows"), 12);
  EXPECT_EQ(report.number("tty", "columns"), 34);
  finish();
}

// The runtime itself on a terminal that the test has made.
class Foreground : public RuntimeTest {
 protected:
  void SetUp() override {
    RuntimeTest::SetUp();
    config.set("process.terminal", true);
    Result<UniqueFd> master = sys::open("/dev/ptmx", O_RDWR | O_NOCTTY);
    ASSERT_TRUE(master.has_value());
    master_ = std::move(*master);
    ASSERT_TRUE(sys::unlock_pty(master_.get()).has_value());
    Result<UniqueFd> slave = sys::pty_peer(master_.get(), O_RDWR | O_NOCTTY);
    ASSERT_TRUE(slave.has_value());
    slave_ = std::move(*slave);
    resize(44, 155);
    lines_ = LineReader(copy_of(master_.get()));
  }
  void TearDown() override {
    lines_ = LineReader();
    master_.reset();
    slave_.reset();
    RuntimeTest::TearDown();
  }
  void resize(unsigned short rows, unsigned short columns) {
    struct winsize size{};
    size.ws_row = rows;
    size.ws_col = columns;
    ASSERT_TRUE(sys::set_window_size(master_.get(), size).has_value());
  }
  [[nodiscard]] CallOptions on_terminal() {
    CallOptions options;
    options.wrapper = {Host::get().probe(), "ctty", "--"};
    options.stdin_fd = options.stdout_fd = options.stderr_fd = slave_.get();
    return options;
  }
  [[nodiscard]] bool is_raw() {
    Result<struct termios> modes = sys::tcgetattr(slave_.get());
    return modes.has_value() && (modes->c_lflag & (ICANON | ECHO | ISIG)) == 0;
  }

  UniqueFd master_;
  UniqueFd slave_;
  LineReader lines_;
};

TEST_F(Foreground, RunUsesTheCallersTerminal) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 sets the window size after the program has started");
  config.probe({"tty", ",", "line", ",", "exit", "5"});
  write_config();
  Running running = launch({"run", "--bundle", bundle(), id()}, on_terminal());
  Report report = next_report(lines_);
  EXPECT_TRUE(report.flag("tty", "controlling"));
  EXPECT_EQ(report.number("tty", "rows"), 44);
  EXPECT_EQ(report.number("tty", "columns"), 155);
  EXPECT_TRUE(is_raw()) << "the caller's terminal is not raw while the container runs";
  ASSERT_TRUE(sys::write_all(master_.get(), "hello\n").has_value());
  EXPECT_EQ(next_report(lines_).text("line", "data"), "hello\n");
  EXPECT_EQ(running.wait().status, 5);
  EXPECT_FALSE(is_raw()) << "the caller's terminal was not restored";
}

TEST_F(Foreground, ResizesReachTheContainer) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 sets the window size after the program has started");
  config.probe({"winch"});
  write_config();
  Running running = launch({"run", "--bundle", bundle(), id()}, on_terminal());
  ASSERT_EQ(lines_.next(), "ready");
  resize(12, 34);
  Report report = next_report(lines_);
  EXPECT_TRUE(report.flag("winch", "signalled"));
  EXPECT_EQ(report.number("winch", "rows"), 12);
  EXPECT_EQ(report.number("winch", "columns"), 34);
  EXPECT_EQ(running.wait().status, 0);
}

TEST_F(Foreground, AllOutputArrivesBeforeTheEnd) {
  config.probe({"lines", "2000", "64", ",", "print", "the last line"});
  write_config();
  Running running = launch({"run", "--bundle", bundle(), id()}, on_terminal());
  slave_.reset();  // so that the end is seen
  int count = 0;
  std::string last;
  for (std::string line = lines_.next(); line != "(end)" && line != "(time-out)";
       line = lines_.next()) {
    count++;
    last = line;
  }
  EXPECT_EQ(count, 2001);
  EXPECT_EQ(last, "the last line");
  EXPECT_EQ(running.wait().status, 0);
}

TEST_F(Foreground, ExecUsesTheCallersTerminal) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 sets the window size after the program has started");
  config.set("process.terminal", false);
  launch_probe({"wait"});
  for (const char* option : {"--tty", "-t"}) {
    Running running =
        launch({"exec", option, id(), "/bin/probe", "tty", ",", "exit", "6"}, on_terminal());
    Report report = next_report(lines_);
    EXPECT_TRUE(report.flag("tty", "controlling"));
    EXPECT_EQ(report.number("tty", "rows"), 44);
    EXPECT_EQ(running.wait().status, 6);
    EXPECT_FALSE(is_raw());
  }
}

TEST_F(Foreground, AFailedRunRestoresTheTerminal) {
  config.args({"/no/such/program"});
  write_config();
  Running running = launch({"run", "--bundle", bundle(), id()}, on_terminal());
  EXPECT_NE(running.wait().status, 0);
  EXPECT_FALSE(is_raw());
}

TEST_F(Foreground, ControlCGoesToTheContainer) {
  config.probe({"print", "up", ",", "trap", "2", "8"});
  write_config();
  Running running = launch({"run", "--bundle", bundle(), id()}, on_terminal());
  ASSERT_EQ(lines_.next(), "up");
  ASSERT_EQ(lines_.next(), "ready");
  ASSERT_TRUE(sys::write_all(master_.get(), "\x03").has_value());
  EXPECT_EQ(running.wait().status, 8);
}

}  // namespace
}  // namespace crunlite::integration
