// SPDX-License-Identifier: Apache-2.0
#include "base/process.h"

#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <string>

#include "base/scope.h"

namespace crunlite {
namespace {

using ::testing::HasSubstr;

RunOptions shell(std::string script) {
  RunOptions options;
  options.spawn.args = {"sh", "-c", std::move(script)};
  return options;
}

TEST(Run, ReturnsWhatTheProgramSaid) {
  Result<RunOutput> output = run(shell("echo out; echo err >&2; exit 3"));
  ASSERT_TRUE(output.has_value()) << output.error().message;
  EXPECT_EQ(output->out, "out\n");
  EXPECT_EQ(output->err, "err\n");
  EXPECT_EQ(output->status.code, 3);
  EXPECT_EQ(output->status.shell_status(), 3);
}

TEST(Run, TellsSignals) {
  Result<RunOutput> output = run(shell("kill -TERM $$"));
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->status.signal, SIGTERM);
  EXPECT_EQ(output->status.shell_status(), 128 + SIGTERM);
}

TEST(Run, GivesInput) {
  RunOptions options = shell("cat");
  options.input = std::string(300'000, 'i');
  Result<RunOutput> output = run(options);
  ASSERT_TRUE(output.has_value()) << output.error().message;
  EXPECT_EQ(output->out, options.input);
  EXPECT_EQ(run(shell("cat"))->out, "");  // /dev/null, never ours
}

TEST(Run, BoundsOutputAndTime) {
  RunOptions options = shell("echo 12345");
  options.max_output_bytes = 6;
  EXPECT_TRUE(run(options).has_value());
  options.max_output_bytes = 5;
  Result<RunOutput> output = run(options);
  ASSERT_FALSE(output.has_value());
  EXPECT_EQ(output.error().kind, Kind::kLimit);
  EXPECT_EQ(output.error().message, "sh: wrote more than 5 bytes");

  for (const char* script : {"exec cat <&8 8<&-", "exec >/dev/null 2>&1; exec cat <&8"}) {
    sys::Pipe never = *sys::pipe2();
    RunOptions waiting = shell(cat("exec 8<&", never.read_end.get(), "; ", script));
    waiting.spawn.pass_fds = {never.read_end.get()};
    waiting.timeout_ms = 50;
    output = run(waiting);
    ASSERT_FALSE(output.has_value()) << script;
    EXPECT_EQ(output.error().kind, Kind::kLimit) << output.error().message;
    EXPECT_THAT(output.error().message, HasSubstr("took too long"));
  }
}

TEST(Run, NamesAMissingProgram) {
  RunOptions options;
  options.spawn.args = {"/nowhere/program"};
  Result<RunOutput> output = run(options);
  ASSERT_FALSE(output.has_value());
  EXPECT_EQ(output.error().kind, Kind::kNotFound);
  EXPECT_EQ(output.error().message, "run /nowhere/program: No such file or directory");
  options.spawn.args = {"/etc/passwd"};
  EXPECT_EQ(run(options).error().errnum, EACCES);
  options.spawn.args = {};
  EXPECT_EQ(run(options).error().kind, Kind::kBug);
}

TEST(Run, TakesTheEnvironmentThatIsGiven) {
  RunOptions options;
  options.spawn.args = {"/usr/bin/env"};
  options.spawn.env = std::vector<std::string>{"A=b", "C="};
  EXPECT_EQ(run(options)->out, "A=b\nC=\n");
  options.spawn.env.emplace();
  EXPECT_EQ(run(options)->out, "");
}

TEST(Spawn, PassesOnlyTheDescriptorsThatAreNamed) {
  sys::Pipe passed = *sys::pipe2();
  sys::Pipe leaked = *sys::pipe2();
  ASSERT_TRUE(sys::set_cloexec(leaked.read_end.get(), false).has_value());
  ASSERT_TRUE(sys::set_cloexec(leaked.write_end.get(), false).has_value());
  auto open_fds = [](std::vector<int> pass_fds) {
    RunOptions options = shell("for i in $(seq 0 63); do [ -e /proc/self/fd/$i ] && echo $i; done");
    options.spawn.pass_fds = std::move(pass_fds);
    return run(options)->out;
  };
  int first = passed.read_end.get();
  int second = passed.write_end.get();
  ASSERT_LT(first, second);
  EXPECT_EQ(open_fds({}), "0\n1\n2\n");
  EXPECT_EQ(open_fds({second, first}), cat("0\n1\n2\n", first, '\n', second, '\n'));
  EXPECT_EQ(open_fds({second}), cat("0\n1\n2\n", second, '\n'));
  RunOptions options = shell("true");
  options.spawn.pass_fds = {-1};
  EXPECT_FALSE(run(options).has_value());
}

TEST(Spawn, SwapsOutputs) {
  // stdout_fd 2 and stderr_fd 1: neither may overwrite the other on the way.
  sys::Pipe out = *sys::pipe2();
  sys::Pipe err = *sys::pipe2();
  SpawnOptions options;
  options.args = {"sh", "-c", "echo o; echo e >&2"};
  options.stdout_fd = err.write_end.get();
  options.stderr_fd = out.write_end.get();
  Result<Child> child = spawn(options);
  ASSERT_TRUE(child.has_value());
  ASSERT_TRUE(child->wait().has_value());
  char buffer[8] = {};
  EXPECT_EQ(*sys::read(err.read_end.get(), buffer), 2U);
  EXPECT_EQ(buffer[0], 'o');
}

TEST(Spawn, BlocksNoSignals) {
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  ASSERT_TRUE(sys::sigprocmask(SIG_BLOCK, term).has_value());
  Result<RunOutput> output = run(shell("grep SigBlk /proc/self/status"));
  ASSERT_TRUE(sys::sigprocmask(SIG_UNBLOCK, term).has_value());
  EXPECT_EQ(output->out, "SigBlk:\t0000000000000000\n");
}

TEST(Child, IsKilledAtItsEnd) {
  pid_t pid = 0;
  sys::Pipe never = *sys::pipe2();
  {
    SpawnOptions options;
    options.args = {"cat"};
    options.stdin_fd = never.read_end.get();
    Result<Child> child = spawn(options);
    ASSERT_TRUE(child.has_value());
    pid = child->pid();
    Result<std::optional<ExitStatus>> status = child->wait(10);
    ASSERT_TRUE(status.has_value());
    EXPECT_FALSE(status->has_value());  // it still runs
    Child moved(std::move(*child));
    EXPECT_EQ(moved.pid(), pid);
    EXPECT_EQ(child->pid(), -1);
  }
  EXPECT_EQ(sys::kill(pid, 0).error().errnum, ESRCH);
}

TEST(Child, IsLeftAloneOnceReleased) {
  sys::Pipe never = *sys::pipe2();
  UniqueFd pidfd;
  {
    SpawnOptions options;
    options.args = {"cat"};
    options.stdin_fd = never.read_end.get();
    Result<Child> child = spawn(options);
    ASSERT_TRUE(child.has_value());
    pidfd = child->release();
  }
  EXPECT_FALSE(*sys::wait_ready(pidfd.get(), POLLIN, 10));
  never.write_end.reset();  // the end of its input
  Result<siginfo_t> info = sys::waitid(pidfd.get(), WEXITED);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(exit_status_of(*info).code, 0);
}

TEST(Child, KeepsItsStatusUntilItIsAsked) {
  SpawnOptions options;
  options.args = {"false"};
  Result<Child> child = spawn(options);
  ASSERT_TRUE(child.has_value());
  ASSERT_TRUE(*sys::wait_ready(child->pidfd(), POLLIN, 10'000));
  Result<std::optional<ExitStatus>> status = child->wait(0);
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ((*status)->code, 1);
  EXPECT_FALSE(child->wait().has_value());  // there is nothing more to wait for
}

}  // namespace
}  // namespace crunlite
