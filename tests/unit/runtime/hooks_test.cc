// SPDX-License-Identifier: Apache-2.0
#include "runtime/hooks.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <optional>

#include "base/path.h"
#include "base/scope.h"
#include "base/sys.h"

namespace crunlite::runtime {
namespace {

class Hooks : public testing::Test {
 protected:
  void SetUp() override {
    Result<TempDir> made = TempDir::create("hooks_test");
    ASSERT_TRUE(made.has_value());
    dir_.emplace(std::move(*made));
    state_.oci_version = oci::kOciVersion;
    state_.id = "web";
    state_.status = oci::ContainerStatus::kCreating;
    state_.pid = 4711;
    state_.bundle = "/bundle";
  }
  // A hook that runs the text with $D standing for the test's directory.
  [[nodiscard]] oci::Hook shell(const std::string& text) const {
    oci::Hook hook;
    hook.path = "/bin/sh";
    hook.args = {"sh", "-c", text};
    hook.env = {"D=" + dir_->path()};
    return hook;
  }
  [[nodiscard]] std::string content(const std::string& name) const {
    return read_file(dir_->fd(), name, 65536).value_or("(missing)");
  }
  [[nodiscard]] Status run(const std::vector<oci::Hook>& hooks) const {
    return run_hooks(hooks, "prestart", state_);
  }
  [[nodiscard]] std::string error_of(const oci::Hook& hook) const {
    const Status ran = run({hook});
    return ran.has_value() ? "" : ran.error().message;
  }

  std::optional<TempDir> dir_;
  oci::State state_;
};

TEST_F(Hooks, OfNothingDoNothing) { EXPECT_TRUE(run({}).has_value()); }

TEST_F(Hooks, RunInTheirOrder) {
  ASSERT_TRUE(run({shell("echo 1 >> $D/log"), shell("echo 2 >> $D/log"), shell("echo 3 >> $D/log")})
                  .has_value());
  EXPECT_EQ(content("log"), "1\n2\n3\n");
}

TEST_F(Hooks, ReadTheStateOnStandardInput) {
  ASSERT_TRUE(run({shell("cat > $D/a"), shell("cat > $D/b")}).has_value());
  const Result<oci::State> told = oci::parse_state(content("a"));
  ASSERT_TRUE(told.has_value()) << told.error().message;
  EXPECT_EQ(told->id, "web");
  EXPECT_EQ(told->pid, 4711);
  EXPECT_EQ(told->status, oci::ContainerStatus::kCreating);
  EXPECT_EQ(told->bundle, "/bundle");
  EXPECT_EQ(content("a"), content("b"));  // each has it from its start
}

TEST_F(Hooks, HaveTheirOwnArgumentsAndEnvironmentOnly) {
  ASSERT_NE(::getenv("HOME"), nullptr);  // ours has it, the hook's must not
  oci::Hook hook = shell("echo $0 $1 ${HOME:-none} $X > $D/out");
  hook.args.insert(hook.args.end(), {"zero", "one"});
  hook.env.emplace_back("X=a b");
  ASSERT_TRUE(run({hook}).has_value());
  EXPECT_EQ(content("out"), "zero one none a b\n");
}

TEST_F(Hooks, WithoutArgumentsAreCalledByTheirPath) {
  Result<UniqueFd> script = sys::openat(dir_->fd(), "hook", O_WRONLY | O_CREAT, 0755);
  ASSERT_TRUE(sys::write_all(script->get(), "#!/bin/sh\necho \"$0 $#\" >&2; exit 1\n").has_value());
  script->reset();
  oci::Hook hook;
  hook.path = dir_->path() + "/hook";
  EXPECT_EQ(error_of(hook),
            cat("hooks.prestart[0] ", hook.path, ": exit status 1: ", hook.path, " 0"));
}

TEST_F(Hooks, EndWithTheFirstThatFails) {
  const Status ran = run({shell("true"), shell("echo why >&2; exit 3"), shell("echo x > $D/log")});
  ASSERT_FALSE(ran.has_value());
  EXPECT_EQ(ran.error().message, "hooks.prestart[1] /bin/sh: exit status 3: why");
  EXPECT_EQ(content("log"), "(missing)");
}

TEST_F(Hooks, ThatMayFailAllRun) {
  testing::internal::CaptureStderr();
  run_hooks_to_the_end({shell("exit 3"), shell("echo x > $D/log"), shell("exit 4")}, "poststop",
                       state_);
  const std::string shown = testing::internal::GetCapturedStderr();
  EXPECT_EQ(content("log"), "x\n");
  EXPECT_NE(shown.find("hooks.poststop[0] /bin/sh: exit status 3, ignoring\n"), std::string::npos);
  EXPECT_NE(shown.find("hooks.poststop[2] /bin/sh: exit status 4, ignoring\n"), std::string::npos);
}

TEST_F(Hooks, TellHowTheyEnded) {
  EXPECT_EQ(error_of(shell("exit 1")), "hooks.prestart[0] /bin/sh: exit status 1");
  EXPECT_EQ(error_of(shell("kill -9 $$")), "hooks.prestart[0] /bin/sh: signal 9");
  EXPECT_EQ(error_of(shell("echo out; exit 1")), "hooks.prestart[0] /bin/sh: exit status 1: out");
  EXPECT_EQ(error_of(shell("echo out; echo err >&2; exit 1")),
            "hooks.prestart[0] /bin/sh: exit status 1: err");
  EXPECT_EQ(error_of(shell("true")), "");
}

TEST_F(Hooks, TellTheEndOfALongStory) {
  const std::string error =
      error_of(shell("head -c 5000 /dev/zero | tr '\\0' x >&2; echo end >&2; exit 1"));
  EXPECT_TRUE(error.ends_with("xxxend")) << error;
  EXPECT_LT(error.size(), 1100U);
}

TEST_F(Hooks, ThatCannotBeStartedAreNamed) {
  oci::Hook hook;
  hook.path = dir_->path() + "/missing";
  EXPECT_TRUE(error_of(hook).starts_with("hooks.prestart[0] " + hook.path));
  EXPECT_TRUE(error_of(hook).ends_with("No such file or directory")) << error_of(hook);
}

TEST_F(Hooks, AreEndedWhenTheirTimeIsOver) {
  oci::Hook hook = shell("echo $$ > $D/pid; exec sleep 20");
  hook.timeout = 1;
  const int64_t before = sys::monotonic_ms();
  EXPECT_EQ(error_of(hook), "hooks.prestart[0] /bin/sh: sh: took too long");
  EXPECT_LT(sys::monotonic_ms() - before, 60'000);
  const auto pid = parse_number<pid_t>(trim(content("pid")));
  ASSERT_TRUE(pid.has_value());
  EXPECT_FALSE(sys::kill(*pid, 0).has_value());
}

// 2^31 ms are 24 days: a hook may be given more.
TEST_F(Hooks, MayHaveAnyAmountOfTime) {
  for (int seconds : {2'147'483, 2'147'484, INT32_MAX}) {
    oci::Hook hook = shell("exit 0");
    hook.timeout = seconds;
    EXPECT_EQ(error_of(hook), "") << seconds;
  }
}

TEST_F(Hooks, WriteNoMoreThanTheirLimit) {
  const std::string error = error_of(shell("head -c 2000000 /dev/zero; exit 0"));
  EXPECT_TRUE(error.contains("wrote more than")) << error;
}

// Whoever runs them in the foreground blocks signals for itself.
TEST_F(Hooks, StartWithoutBlockedSignals) {
  sigset_t all;
  sigfillset(&all);
  sigset_t before;
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &all, &before), 0);
  const std::string error = error_of(shell("kill -TERM $$; exit 0"));
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
  EXPECT_EQ(error, "hooks.prestart[0] /bin/sh: signal 15");
}

// Descriptors of the host are no business of a program of the container (CVE-2024-21626).
TEST_F(Hooks, InheritNoDescriptors) {
  Result<UniqueFd> open = sys::open("/", O_PATH | O_DIRECTORY);
  ASSERT_TRUE(open.has_value());
  ASSERT_TRUE(sys::set_cloexec(open->get(), false).has_value());
  ASSERT_TRUE(run({shell("ls -l /proc/self/fd > $D/fds; ls /proc/self/fd > $D/out")}).has_value());
  // The last one is the directory that `ls` reads.
  EXPECT_EQ(content("out"), "0\n1\n2\n3\n") << content("fds");
}

}  // namespace
}  // namespace crunlite::runtime
