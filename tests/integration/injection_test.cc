// SPDX-License-Identifier: Apache-2.0
// Each system call of a verb fails in turn, or is the last one: the verb ends, tells of an error
// without leaving anything half-made, and `delete --force` then leaves nothing.
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <algorithm>

#include "base/text.h"
#include "tests/integration/harness.h"

namespace crunlite::integration {
namespace {

struct Injected {
  Outcome outcome;
  int calls = 0;  // that were seen
  int hit = -1;   // the number of the call that was made to fail
};

class Injection : public RuntimeTest {
 protected:
  void SetUp() override {
    RuntimeTest::SetUp();
    ONLY_CRUN_LITE("only crun-lite promises that nothing is left after a kill and delete --force");
    config.set_json("linux.resources", R"({"memory": {"limit": 67108864}, "pids": {"limit": 50}})");
    config.probe({"wait"});
    write_config();
  }

  // Of all system calls this many are tried for each kind of failure, evenly spread.
  static int rounds() {
    const char* text = ::getenv("CRUN_LITE_INJECTIONS");
    return text != nullptr ? parse_number<int>(text).value_or(0) : 25;
  }

  Injected inject(int at, std::string_view kind, const Strings& words) {
    const std::string result = directory("injected");
    Injected injected;
    injected.outcome =
        call(words, {.wrapper = {Host::get().injector(), cat(at), std::string(kind), result}});
    if (injected.outcome.status < 0 || !host_path_exists(result)) return injected;
    const std::string text = read_host_file(result);
    const std::vector<std::string_view> numbers = split(trim(text), ' ');
    injected.calls = parse_number<int>(numbers.at(0)).value_or(0);
    injected.hit = parse_number<int>(numbers.at(1)).value_or(-1);
    return injected;
  }

  // What a killed exec leaves behind becomes a child of ours, and a pid namespace ends only when
  // all who lived in it are reaped: as an init of the host we do so while the verb is at work.
  Outcome delete_and_reap() {
    Running running = launch({"delete", "--force", id()});
    const pid_t verb = running.child().pid();
    while (!sys::wait_ready(running.child().pidfd(), POLLIN, 5).value_or(true)) {
      siginfo_t info{};
      const bool is_dead = ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
      if (is_dead && info.si_pid > 0 && info.si_pid != verb) ::waitpid(info.si_pid, nullptr, 0);
    }
    return running.wait();
  }

  // `prepare` are the verbs before; `is_birth` says that the verb makes the container.
  void fail_at_each_call(const std::vector<Strings>& prepare, const Strings& words, bool is_birth) {
    for (const Strings& before : prepare) ASSERT_OK(call(before));
    const Injected whole = inject(0, "NONE", words);
    ASSERT_OK(whole.outcome);
    ASSERT_GT(whole.calls, 20);
    ASSERT_OK(call({"delete", "--force", id()}));
    const int step = std::max(1, whole.calls / std::max(1, rounds()));
    int hits = 0;
    int offset = 0;  // so that the kinds do not all meet the same calls
    for (const char* kind : {"KILL", "ENOMEM", "EMFILE", "ENOSPC", "EINTR", "EIO"}) {
      for (int at = 1 + offset++ % step; at <= whole.calls; at += step) {
        SCOPED_TRACE(cat(kind, " at call ", at));
        for (const Strings& before : prepare) ASSERT_OK(call(before));
        const Injected injected = inject(at, kind, words);
        hits += injected.hit >= 0 ? 1 : 0;
        EXPECT_GE(injected.outcome.status, 0) << "it hangs at call " << injected.hit;
        const bool is_told = injected.outcome.status == 1 && !injected.outcome.err.empty();
        if (is_birth && is_told) {
          EXPECT_EQ(leftovers(), "") << injected.hit << ": " << injected.outcome.err;
        }
        EXPECT_OK(delete_and_reap());
        ASSERT_EQ(leftovers(), "") << injected.hit << ": " << injected.outcome.err;
      }
    }
    EXPECT_GT(hits, 0);
  }
};

TEST_F(Injection, IntoCreate) {
  fail_at_each_call({}, {"create", "--bundle", bundle(), id()}, true);
}

TEST_F(Injection, IntoRun) {
  fail_at_each_call({}, {"run", "--detach", "--bundle", bundle(), id()}, true);
}

TEST_F(Injection, IntoStart) {
  fail_at_each_call({{"create", "--bundle", bundle(), id()}}, {"start", id()}, false);
}

TEST_F(Injection, IntoExec) {
  fail_at_each_call({{"run", "--detach", "--bundle", bundle(), id()}},
                    {"exec", id(), "/bin/probe", "exit", "0"}, false);
}

TEST_F(Injection, IntoDelete) {
  fail_at_each_call({{"run", "--detach", "--bundle", bundle(), id()}}, {"delete", "--force", id()},
                    false);
}

}  // namespace
}  // namespace crunlite::integration
