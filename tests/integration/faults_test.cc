// SPDX-License-Identifier: Apache-2.0
// The runtime is killed in the middle: `delete --force` must then leave nothing.
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "tests/integration/harness.h"

namespace crunlite::integration {
namespace {

constexpr int kKills = 30;

class Faults : public RuntimeTest {
 protected:
  static int64_t now_us() {
    struct timespec now{};
    (void)::clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
  }
  static void wait_us(int64_t microseconds) {
    struct timespec time = {microseconds / 1'000'000, microseconds % 1'000'000 * 1000};
    (void)::ppoll(nullptr, 0, &time, nullptr);
  }
  // How long the verb takes when nobody disturbs it.
  int64_t measure(const Strings& words) {
    int64_t start = now_us();
    EXPECT_OK(call(words));
    int64_t used = now_us() - start;
    EXPECT_OK(call({"delete", "--force", id()}));
    EXPECT_EQ(leftovers(), "");
    return used;
  }
  // Runs the verb, kills it after a while, and returns its status.
  int kill_after(const Strings& words, int64_t microseconds) {
    Running running = launch(words);
    wait_us(microseconds);
    Status sent = sys::pidfd_send_signal(running.child().pidfd(), SIGKILL);
    EXPECT_TRUE(sent.has_value() || sent.error().errnum == ESRCH) << sent.error().message;
    return running.wait().status;
  }
  // Kills the verb at moments spread over its life.
  void kill_at_every_moment(const Strings& words) {
    int64_t life_us = measure(words);
    int killed = 0;
    for (int i = 0; i < kKills; i++) {
      if (kill_after(words, life_us * i / kKills) == 128 + SIGKILL) killed++;
      EXPECT_OK(call({"delete", "--force", id()})) << "kill " << i;
      ASSERT_EQ(leftovers(), "") << "kill " << i << " after " << life_us * i / kKills << " us";
    }
    EXPECT_GE(killed, kKills / 3) << "too few kills hit the runtime alive";
  }
};

#define NOT_PROMISED_BY_OTHERS() \
  ONLY_CRUN_LITE("only crun-lite promises that nothing is left after a kill and delete --force")

TEST_F(Faults, KilledInCreate) {
  NOT_PROMISED_BY_OTHERS();
  config.with_namespace("network").set_json("linux.resources.pids", R"({"limit": 50})");
  config.probe({"wait"});
  write_config();
  kill_at_every_moment({"create", "--bundle", bundle(), id()});
}

TEST_F(Faults, KilledInRun) {
  NOT_PROMISED_BY_OTHERS();
  config.with_namespace("network").set_json("linux.resources.memory", R"({"limit": 67108864})");
  config.probe({"sleep", "20"});
  write_config();
  kill_at_every_moment({"run", "--bundle", bundle(), id()});
}

TEST_F(Faults, KilledInRunDetached) {
  NOT_PROMISED_BY_OTHERS();
  config.probe({"wait"});
  write_config();
  kill_at_every_moment({"run", "--detach", "--bundle", bundle(), id()});
}

TEST_F(Faults, KilledInDelete) {
  NOT_PROMISED_BY_OTHERS();
  config.probe({"wait"}).set_json("linux.resources.pids", R"({"limit": 50})");
  write_config();
  for (int i = 0; i < 10; i++) {
    ASSERT_OK(call({"run", "--detach", "--bundle", bundle(), id()}));
    (void)kill_after({"delete", "--force", id()}, i * 500);
    EXPECT_OK(call({"delete", "--force", id()})) << "kill " << i;
    ASSERT_EQ(leftovers(), "") << "kill " << i;
  }
}

TEST_F(Faults, ANewContainerOfThatNameCanBeMadeAfterwards) {
  NOT_PROMISED_BY_OTHERS();
  config.probe({"exit", "5"});
  write_config();
  for (int i = 0; i < 5; i++) {
    (void)kill_after({"run", "--bundle", bundle(), id()}, 2000 + i * 1000);
    EXPECT_OK(call({"delete", "--force", id()}));
    EXPECT_EQ(call({"run", "--bundle", bundle(), id()}).status, 5);
  }
}

TEST_F(Faults, TheInitIsKilledWhileCreated) {
  config.probe({"wait"});
  create();
  ASSERT_TRUE(sys::kill(init_pid(), SIGKILL).has_value());
  ASSERT_TRUE(wait_init().has_value());
  EXPECT_EQ(status(), "stopped");
  EXPECT_NE(call({"start", id()}).status, 0);
  EXPECT_OK(call({"delete", id()}));
  forget();
  EXPECT_EQ(leftovers(), "");
}

}  // namespace
}  // namespace crunlite::integration
