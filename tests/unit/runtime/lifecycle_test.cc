// SPDX-License-Identifier: Apache-2.0
#include "runtime/lifecycle.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "base/path.h"
#include "base/sys.h"

namespace crunlite::runtime {
namespace {

TEST(Signals, AreNumbersOrNames) {
  struct Row {
    const char* text;
    int number;
  };
  for (const Row& row : std::vector<Row>{{"1", 1},
                                         {"9", SIGKILL},
                                         {"KILL", SIGKILL},
                                         {"SIGKILL", SIGKILL},
                                         {"kill", SIGKILL},
                                         {"sigterm", SIGTERM},
                                         {"TERM", SIGTERM},
                                         {"SIGWINCH", SIGWINCH},
                                         {"SYS", SIGSYS},
                                         {"32", 32},  // glibc's own, but a signal
                                         {"64", 64},
                                         {"RTMIN", SIGRTMIN},
                                         {"SIGRTMIN+0", SIGRTMIN},
                                         {"SIGRTMIN+3", SIGRTMIN + 3},
                                         {"RTMIN+30", SIGRTMAX},
                                         {"RTMAX", SIGRTMAX},
                                         {"RTMAX-30", SIGRTMIN}}) {
    const Result<int> number = parse_signal(row.text);
    ASSERT_TRUE(number.has_value()) << row.text;
    EXPECT_EQ(*number, row.number) << row.text;
  }
}

TEST(Signals, AreRefusedByName) {
  for (const char* text :
       {"", "0", "65", "-9", "4294967305", "9x", "x9", "SIG", "SIGSIGKILL", "SIG9", "NOTHING",
        "RTMIN+31", "RTMIN+-1", "RTMIN+", "RTMIN-1", "RTMAX+1", "RTMAX-31", " KILL", "KILL "}) {
    const Result<int> number = parse_signal(text);
    ASSERT_FALSE(number.has_value()) << text;
    EXPECT_EQ(number.error().kind, Kind::kInvalid) << text;
    EXPECT_TRUE(number.error().message.starts_with("signal ")) << number.error().message;
  }
}

class Containers : public testing::Test {
 protected:
  void SetUp() override {
    Result<TempDir> made = TempDir::create("lifecycle_test");
    ASSERT_TRUE(made.has_value());
    temp_.emplace(std::move(*made));
  }
  [[nodiscard]] const std::string& root() const { return temp_->path(); }
  [[nodiscard]] bool exists(const char* below) const {
    return sys::fstatat(temp_->fd(), below, AT_SYMLINK_NOFOLLOW).has_value();
  }
  // A container that has stopped, without a cgroup.
  static ContainerState state_of(const char* id) {
    ContainerState state;
    state.id = id;
    return state;
  }
  void make_stopped(const ContainerState& state) const {
    ASSERT_TRUE(StateDir::create(root(), state).has_value());
  }
  [[nodiscard]] oci::Hook hook(const std::string& script) const {
    oci::Hook hook;
    hook.path = "/bin/sh";
    hook.args = {"sh", "-c", script};
    return hook;
  }

  std::optional<TempDir> temp_;
};

TEST_F(Containers, ThatAreMissingAreDeletedByForceOnly) {
  EXPECT_TRUE(delete_container(root(), "web", {.force = true}).has_value());
  const Status deleted = delete_container(root(), "web", {});
  ASSERT_FALSE(deleted.has_value());
  EXPECT_EQ(deleted.error().kind, Kind::kNotFound);
  EXPECT_FALSE(delete_container(root(), "../web", {.force = true}).has_value());
}

// The creator was killed before its first state, or in the middle.
TEST_F(Containers, ThatAreHalfMadeCanBeDeleted) {
  ASSERT_TRUE(sys::mkdirat(temp_->fd(), "empty", 0700).has_value());
  EXPECT_TRUE(delete_container(root(), "empty", {}).has_value());
  EXPECT_FALSE(exists("empty"));
  make_stopped(state_of("half"));
  EXPECT_TRUE(delete_container(root(), "half", {}).has_value());
  EXPECT_FALSE(exists("half"));
}

TEST_F(Containers, ThatHaveStoppedTakeNoSignalsAndNoStart) {
  make_stopped(state_of("web"));
  for (bool all : {false, true}) {
    const Status killed = kill_container(root(), "web", SIGTERM, all);
    ASSERT_FALSE(killed.has_value());
    EXPECT_EQ(killed.error().kind, Kind::kConflict);
    EXPECT_EQ(killed.error().message, "container not running");
  }
  const Status started = start_container(root(), "web");
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().message, "cannot start a container in the stopped state");
  EXPECT_TRUE(container_processes(root(), "web")->empty());
}

// runtime.md#lifecycle: a failure is told, and the remaining hooks run all the same.
TEST_F(Containers, RunAllPoststopHooksWhenTheyAreDeleted) {
  ContainerState state = state_of("web");
  state.bundle = root();
  const std::string log = root() + "/log";
  state.later_hooks.poststop = {hook("echo first >> " + log + "; exit 3"),
                                hook("cat > " + root() + "/told; echo second >> " + log)};
  make_stopped(state);
  testing::internal::CaptureStderr();
  EXPECT_TRUE(delete_container(root(), "web", {}).has_value());
  const std::string shown = testing::internal::GetCapturedStderr();
  EXPECT_NE(shown.find("hooks.poststop[0] /bin/sh: exit status 3, ignoring"), std::string::npos)
      << shown;
  EXPECT_EQ(read_file(temp_->fd(), "log", 4096).value_or(""), "first\nsecond\n");
  const Result<oci::State> told =
      oci::parse_state(read_file(temp_->fd(), "told", 4096).value_or(""));
  ASSERT_TRUE(told.has_value()) << told.error().message;
  EXPECT_EQ(told->id, "web");
  EXPECT_EQ(told->status, ContainerStatus::kStopped);
  EXPECT_FALSE(exists("web"));
}

}  // namespace
}  // namespace crunlite::runtime
