// SPDX-License-Identifier: Apache-2.0
// The fixture of all integration tests: a bundle, the runtime's verbs with time-outs, and a check
// after each test that nothing is left behind. Main thread only.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/process.h"
#include "base/sys.h"
#include "tests/integration/config.h"
#include "tests/integration/host.h"
#include "tests/integration/report.h"

namespace crunlite::integration {

// How one call of the runtime ended.
struct Outcome {
  int status = -1;  // as a shell says it; -1: it took too long and was killed
  std::string out;
  std::string err;

  [[nodiscard]] bool ok() const { return status == 0; }
};
void PrintTo(const Outcome& outcome, std::ostream* out);

struct CallOptions {
  std::string input{};  // on standard input
  int stdin_fd = -1;    // -1: `input`, or /dev/null
  int stdout_fd = -1;   // -1: into Outcome::out
  int stderr_fd = -1;   // -1: into Outcome::err
  std::vector<int> pass_fds{};
  std::optional<Strings> env{};  // instead of ours
  Strings wrapper{};             // words before the runtime's path, "--" included
  Strings global{};              // options before the verb, after --root
  std::string program{};         // another copy of the runtime
  int timeout_ms = 30'000;       // times Host::patience()
};

// A call that still runs. Killed at its end unless it was waited for.
class Running {
 public:
  Running(Child child, UniqueFd out, UniqueFd err)
      : child_(std::move(child)), out_(std::move(out)), err_(std::move(err)) {}
  [[nodiscard]] Child& child() { return child_; }
  // Waits for its end; it is killed after the time-out.
  [[nodiscard]] Outcome wait(int timeout_ms = 30'000);

 private:
  Child child_;
  UniqueFd out_;  // files in memory, since containers hold their ends open
  UniqueFd err_;
};

// Lines from a pipe, each awaited with a deadline.
class LineReader {
 public:
  LineReader() = default;  // at its end
  explicit LineReader(UniqueFd fd) : fd_(std::move(fd)) {}
  // "(end)" at the end, "(time-out)" after it.
  [[nodiscard]] std::string next(int timeout_ms = 20'000);
  // All that comes until the end.
  [[nodiscard]] std::string rest(int timeout_ms = 20'000);

 private:
  UniqueFd fd_;
  std::string buffer_;
};

// True where the runtime under test is `kind`, whose different behaviour is then printed, for the
// list in docs/conformance.md. Never true for crun-lite.
[[nodiscard]] bool differs(RuntimeKind kind, std::string_view reason);

// Leaves the test where another runtime is known to behave otherwise.
#define DIFFERS(kind, reason)                             \
  do {                                                    \
    if (::crunlite::integration::differs(kind, reason)) { \
      GTEST_SKIP() << "differs: " << (reason);            \
    }                                                     \
  } while (false)
// The same for what only crun-lite is meant to do.
#define ONLY_CRUN_LITE(reason)                                    \
  do {                                                            \
    DIFFERS(::crunlite::integration::RuntimeKind::kRunc, reason); \
    DIFFERS(::crunlite::integration::RuntimeKind::kCrun, reason); \
  } while (false)

class RuntimeTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Names and places. Each test has a directory with bundle/, bundle/rootfs/ and state/.
  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] std::string directory(std::string_view inner = "") const;
  [[nodiscard]] std::string bundle() const { return directory("bundle"); }
  [[nodiscard]] std::string rootfs(std::string_view inner = "") const;
  [[nodiscard]] std::string state_root() const { return directory("state"); }
  [[nodiscard]] std::string new_id();  // for a further container
  // The cgroup of a container, as linux.cgroupsPath has it.
  [[nodiscard]] std::string cgroup_of(const std::string& id) const { return cat("/", id); }

  // config.json of the bundle; written anew by whatever starts a container.
  Config config = Config::base();
  void write_config();

  // Any call: RUNTIME --root STATE [global] WORDS...
  [[nodiscard]] Outcome call(const Strings& words, const CallOptions& options = {});
  [[nodiscard]] Running launch(const Strings& words, const CallOptions& options = {});

  // `run --bundle BUNDLE ID`, to its end; nothing may be left then.
  [[nodiscard]] Outcome run(const CallOptions& options = {});
  // The probe's report from inside; the test fails unless it ends with 0.
  [[nodiscard]] Report run_probe(const Strings& words, const CallOptions& options = {});

  // The same beside the container that is there: another name, the same root file system.
  [[nodiscard]] Report run_probe_beside(const Strings& words);

  // `create`, with a pid file. Containers made so are deleted by force at the end of the test.
  // Their standard output is read by output().
  [[nodiscard]] Outcome try_create(const Strings& extra = {}, const CallOptions& options = {});
  void create(const Strings& extra = {}, const CallOptions& options = {});
  void start();
  // create and start of the probe with these verbs.
  void launch_probe(const Strings& words, const Strings& extra = {},
                    const CallOptions& options = {});
  [[nodiscard]] LineReader& output() { return output_; }
  // `exec ID /bin/probe WORDS`, which must end with 0.
  [[nodiscard]] Report exec_probe(const Strings& words, const Strings& options = {});
  [[nodiscard]] Outcome exec(const Strings& words, const Strings& options = {},
                             const CallOptions& call_options = {});

  // "created", "running", "stopped", or "" when the runtime does not know it.
  [[nodiscard]] std::string status_of(const std::string& id);
  [[nodiscard]] std::string status() { return status_of(id_); }
  [[nodiscard]] json::Value state();
  void await_status(std::string_view wanted);
  // The container's first process, from the pid file of create.
  [[nodiscard]] pid_t init_pid() const { return init_.pid() > 0 ? init_.pid() : reaped_pid_; }
  // Waits for its end and reaps it; nothing after the time-out.
  [[nodiscard]] std::optional<ExitStatus> wait_init(int timeout_ms = 20'000);
  void kill_init();                      // `kill ID KILL`, and waits
  void remove();                         // `delete --force ID`, must succeed
  void forget() { known_ids_.clear(); }  // the test has deleted them

  // For containers that the test makes by call() itself.
  void will_remove(const std::string& id) { known_ids_.push_back(id); }

  // The process of a detached exec, by its pid file: ours to end and to reap, as it is a caller's.
  [[nodiscard]] Child adopt(const std::string& pid_file);
  // What is there now is the test's own and not left behind.
  void take_for_granted() { before_ = take_snapshot(); }
  // What is left now, without waiting for the test's end; "" for nothing. Ends output().
  [[nodiscard]] std::string leftovers();

 private:
  void make_rootfs();

  std::string id_;
  int ids_ = 0;
  Snapshot before_;
  Strings known_ids_;
  Child init_;
  pid_t reaped_pid_ = -1;
  LineReader output_;
};

// Success of a call; what it wrote comes with the failure.
[[nodiscard]] ::testing::AssertionResult ended_well(const char* expression, const Outcome& outcome);
#define EXPECT_OK(outcome) EXPECT_PRED_FORMAT1(::crunlite::integration::ended_well, outcome)
#define ASSERT_OK(outcome) ASSERT_PRED_FORMAT1(::crunlite::integration::ended_well, outcome)

[[nodiscard]] bool contains(const Strings& all, std::string_view item);
[[nodiscard]] int64_t deadline_in(int timeout_ms);  // monotonic, patience applied
// A name or number of the state JSON, "" where it is missing.
[[nodiscard]] std::string text_at(const json::Value& object, std::string_view name);
[[nodiscard]] int64_t number_at(const json::Value& object, std::string_view name);

}  // namespace crunlite::integration
