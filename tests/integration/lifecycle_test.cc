// SPDX-License-Identifier: Apache-2.0
// create, start, state, kill, delete, run: what may follow what.
#include <signal.h>

#include "tests/integration/harness.h"

namespace crunlite::integration {
namespace {

class Lifecycle : public RuntimeTest {};

TEST_F(Lifecycle, RunReturnsTheStatusOfTheCommand) {
  for (int status : {0, 1, 3, 125, 255}) {
    config.probe({"exit", cat(status)});
    EXPECT_EQ(run().status, status);
  }
}

TEST_F(Lifecycle, RunReturns128PlusTheSignal) {
  // Process 1 of a pid namespace ignores signals of its own: its child is killed instead.
  config.without_namespace("pid");
  for (int number : {SIGTERM, SIGKILL, SIGSEGV, SIGHUP}) {
    config.probe({"signal", cat(number)});
    EXPECT_EQ(run().status, 128 + number);
  }
}

TEST_F(Lifecycle, RunPassesOutputAndErrorAndInput) {
  config.probe({"print", "to stdout", ",", "complain", "to stderr", ",", "stdin"});
  Outcome outcome = run({.input = "from stdin\n"});
  EXPECT_OK(outcome);
  EXPECT_EQ(outcome.out, "to stdout\nfrom stdin\n");
  EXPECT_EQ(outcome.err, "to stderr\n");
}

TEST_F(Lifecycle, GoesFromCreatedToRunningToStopped) {
  config.probe({"trap", cat(SIGTERM), "7"});
  create();
  EXPECT_EQ(status(), "created");
  start();
  EXPECT_EQ(status(), "running");
  EXPECT_EQ(output().next(), "ready");
  EXPECT_OK(call({"kill", id(), "TERM"}));
  std::optional<ExitStatus> ended = wait_init();
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->shell_status(), 7);
  EXPECT_EQ(status(), "stopped");
  EXPECT_OK(call({"delete", id()}));
  EXPECT_EQ(status(), "");
  forget();
}

}  // namespace
}  // namespace crunlite::integration
