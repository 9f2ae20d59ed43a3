// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/harness.h"

#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <ostream>

#include "base/limits.h"
#include "base/text.h"

namespace crunlite::integration {
namespace {

// Numbers of the tests' containers: a test process never uses one twice.
int next_number() {
  static int number = 0;
  return ++number;
}

UniqueFd new_memory_file(const char* name, std::string_view content = "") {
  Result<UniqueFd> file = sys::memfd_create(name, 0);
  if (!file.has_value()) {
    ADD_FAILURE() << "memfd: " << file.error().message;
    return UniqueFd();
  }
  EXPECT_TRUE(sys::write_all(file->get(), content).has_value());
  (void)::lseek(file->get(), 0, SEEK_SET);
  return std::move(*file);
}

std::string content_of(int fd) {
  std::string text;
  std::array<char, 16384> buffer;
  while (text.size() < 16 * limits::kMiB) {
    Result<size_t> length = sys::pread(fd, buffer, static_cast<off_t>(text.size()));
    if (!length.has_value() || *length == 0) break;
    text.append(buffer.data(), *length);
  }
  return text;
}

Result<std::optional<ExitStatus>> wait_patiently(Child& child, int timeout_ms) {
  return child.wait(timeout_ms * Host::get().patience());
}

constexpr std::string_view kPasswd =
    "root:x:0:0:root:/:/bin/probe\n"
    "daemon:x:1:1::/:/bin/probe\n"
    "alice:x:1000:1000:Alice:/home/alice:/bin/probe\n"
    "bob:x:1001:1001::/home/bob:/bin/probe\n";
constexpr std::string_view kGroup =
    "root:x:0:\n"
    "daemon:x:1:\n"
    "alice:x:1000:\n"
    "bob:x:1001:\n"
    "staff:x:50:alice\n"
    "video:x:44:alice,bob\n";

}  // namespace

void PrintTo(const Outcome& outcome, std::ostream* out) {
  *out << "status " << outcome.status << "\nstdout: " << outcome.out << "\nstderr: " << outcome.err;
}

Outcome Running::wait(int timeout_ms) {
  Outcome outcome;
  if (child_.pid() < 0) return outcome;  // it could not be started, which was reported
  Result<std::optional<ExitStatus>> ended = wait_patiently(child_, timeout_ms);
  if (!ended.has_value()) {
    ADD_FAILURE() << ended.error().message;
  } else if (ended->has_value()) {
    outcome.status = (*ended)->shell_status();
  } else {
    ADD_FAILURE() << "the runtime took longer than " << timeout_ms << " ms and was killed";
    child_.kill_and_reap();
  }
  outcome.out = content_of(out_.get());
  outcome.err = content_of(err_.get());
  return outcome;
}

std::string LineReader::next(int timeout_ms) {
  if (!fd_.is_open()) return "(end)";
  int64_t deadline = deadline_in(timeout_ms);
  for (;;) {
    size_t end = buffer_.find('\n');
    if (end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      if (line.ends_with('\r')) line.pop_back();
      return line;
    }
    int64_t left = std::max<int64_t>(0, deadline - sys::monotonic_ms());
    Result<bool> ready = sys::wait_ready(fd_.get(), POLLIN, static_cast<int>(left));
    if (!ready.has_value() || !*ready) return "(time-out)";
    std::array<char, 4096> chunk;
    // A pseudo-terminal whose other end is closed says EIO: that is its end.
    size_t length = sys::read(fd_.get(), chunk).value_or(0);
    if (length == 0) return "(end)";
    buffer_.append(chunk.data(), length);
  }
}

std::string LineReader::rest(int timeout_ms) {
  std::string text;
  for (std::string line = next(timeout_ms); line != "(end)"; line = next(timeout_ms)) {
    text += cat(line, "\n");
    if (line == "(time-out)") return text;
  }
  return text + std::exchange(buffer_, "");
}

bool differs(RuntimeKind kind, std::string_view reason) {
  if (Host::get().runtime().kind != kind) return false;
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  std::string line = cat("differs: ", std::string_view(test->test_suite_name()), ".",
                         std::string_view(test->name()), ": ", reason, "\n");
  (void)fputs(line.c_str(), stdout);
  return true;
}

void RuntimeTest::SetUp() {
  id_ = new_id();
  make_host_directory(directory());
  make_host_directory(bundle());
  make_host_directory(state_root(), 0700);
  make_rootfs();
  config.set("linux.cgroupsPath", cgroup_of(id_));
  before_ = take_snapshot();
}

void RuntimeTest::make_rootfs() {
  make_host_directory(rootfs());
  for (const char* name : {"bin", "dev", "etc", "home", "proc", "run", "sys", "tmp"}) {
    make_host_directory(rootfs(name));
  }
  Status linked =
      sys::linkat(AT_FDCWD, Host::get().probe().c_str(), AT_FDCWD, rootfs("bin/probe").c_str(), 0);
  EXPECT_TRUE(linked.has_value()) << linked.error().message;
  write_host_file(rootfs("etc/passwd"), kPasswd);
  write_host_file(rootfs("etc/group"), kGroup);
}

std::string RuntimeTest::leftovers() {
  output_ = LineReader();  // its descriptor is ours
  Strings left = reap_children(5000);
  Strings more = differences(before_, take_snapshot());
  left.insert(left.end(), more.begin(), more.end());
  for (const std::string& name : host_names_in(state_root())) {
    // Locks, and crun-lite's cache of compiled filters, belong to no container.
    if (!name.starts_with('.') && !name.starts_with("seccomp-")) {
      left.push_back(cat("state left: ", name));
    }
  }
  return join(left, "\n");
}

void RuntimeTest::TearDown() {
  for (const std::string& id : known_ids_) {
    EXPECT_OK(call({"delete", "--force", id}));
  }
  known_ids_.clear();
  // Waited for together with all others: a pid namespace ends only when each process that was
  // put into it from outside has been reaped.
  if (init_.pid() > 0) (void)sys::pidfd_send_signal(init_.pidfd(), SIGKILL);  // it may be gone
  (void)init_.release();
  std::string left = leftovers();
  EXPECT_EQ(left, "") << "left behind by " << id_;
  if (!left.empty()) remove_our_cgroups();
  Result<UniqueFd> parent = sys::open(Host::get().directory().c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(parent.has_value());
  Status removed = remove_tree(parent->get(), id_);
  EXPECT_TRUE(removed.has_value()) << removed.error().message;
}

std::string RuntimeTest::new_id() { return cat(Host::get().prefix(), "-", next_number()); }

std::string RuntimeTest::directory(std::string_view inner) const {
  std::string path = cat(Host::get().directory(), "/", id_);
  return inner.empty() ? path : cat(path, "/", inner);
}

std::string RuntimeTest::rootfs(std::string_view inner) const {
  std::string path = cat(bundle(), "/rootfs");
  return inner.empty() ? path : cat(path, "/", inner);
}

void RuntimeTest::write_config() { write_host_file(cat(bundle(), "/config.json"), config.text()); }

Running RuntimeTest::launch(const Strings& words, const CallOptions& options) {
  UniqueFd input;
  UniqueFd out = new_memory_file("stdout");
  UniqueFd err = new_memory_file("stderr");
  SpawnOptions spawn_options;
  spawn_options.args = options.wrapper;
  const Runtime& runtime = Host::get().runtime();
  auto add = [&](const Strings& more) {
    spawn_options.args.insert(spawn_options.args.end(), more.begin(), more.end());
  };
  add({options.program.empty() ? runtime.path : options.program, "--root", state_root()});
  add(options.global);
  add(words);
  spawn_options.env = options.env;
  spawn_options.stdin_fd = options.stdin_fd;
  if (!options.input.empty()) {
    input = new_memory_file("stdin", options.input);
    spawn_options.stdin_fd = input.get();
  }
  spawn_options.stdout_fd = options.stdout_fd >= 0 ? options.stdout_fd : out.get();
  spawn_options.stderr_fd = options.stderr_fd >= 0 ? options.stderr_fd : err.get();
  spawn_options.pass_fds = options.pass_fds;
  Result<Child> child = spawn(spawn_options);
  if (!child.has_value()) {
    ADD_FAILURE() << child.error().message;
    return {Child(), std::move(out), std::move(err)};
  }
  return {std::move(*child), std::move(out), std::move(err)};
}

Outcome RuntimeTest::call(const Strings& words, const CallOptions& options) {
  Running running = launch(words, options);
  return running.wait(options.timeout_ms);
}

Outcome RuntimeTest::run(const CallOptions& options) {
  write_config();
  return call({"run", "--bundle", bundle(), id_}, options);
}

Report RuntimeTest::run_probe(const Strings& words, const CallOptions& options) {
  config.probe(words);
  Outcome outcome = run(options);
  EXPECT_OK(outcome);
  return Report::parse(outcome.out);
}

Report RuntimeTest::run_probe_beside(const Strings& words) {
  std::string other = new_id();
  config.probe(words).set("linux.cgroupsPath", cgroup_of(other));
  write_config();
  Outcome outcome = call({"run", "--bundle", bundle(), other});
  EXPECT_OK(outcome);
  return Report::parse(outcome.out);
}

Outcome RuntimeTest::try_create(const Strings& extra, const CallOptions& options) {
  write_config();
  std::string pid_file = directory("pid");
  (void)::unlink(pid_file.c_str());  // of an earlier container of this test
  Strings words = {"create", "--bundle", bundle(), "--pid-file", pid_file};
  words.insert(words.end(), extra.begin(), extra.end());
  words.push_back(id_);
  Result<sys::Pipe> pipe = sys::pipe2();
  if (!pipe.has_value()) return {};
  CallOptions with_pipe = options;
  if (options.stdout_fd < 0) with_pipe.stdout_fd = pipe->write_end.get();
  Outcome outcome = call(words, with_pipe);
  if (!outcome.ok()) return outcome;
  output_ = LineReader(std::move(pipe->read_end));
  known_ids_.push_back(id_);
  auto pid = parse_number<pid_t>(trim(read_host_file(pid_file)));
  Result<UniqueFd> pidfd = sys::pidfd_open(pid.value_or(-1));
  if (!pidfd.has_value()) {
    ADD_FAILURE() << "the pid file of create names no process: " << read_host_file(pid_file);
    return outcome;
  }
  reaped_pid_ = *pid;
  init_ = Child(*pid, std::move(*pidfd));
  return outcome;
}

void RuntimeTest::create(const Strings& extra, const CallOptions& options) {
  Outcome outcome = try_create(extra, options);
  ASSERT_OK(outcome);
}

void RuntimeTest::start() {
  Outcome outcome = call({"start", id_});
  ASSERT_OK(outcome);
}

void RuntimeTest::launch_probe(const Strings& words, const Strings& extra,
                               const CallOptions& options) {
  config.probe(words);
  ASSERT_NO_FATAL_FAILURE(create(extra, options));
  start();
}

Outcome RuntimeTest::exec(const Strings& words, const Strings& options,
                          const CallOptions& call_options) {
  Strings all = {"exec"};
  all.insert(all.end(), options.begin(), options.end());
  all.push_back(id_);
  all.insert(all.end(), words.begin(), words.end());
  return call(all, call_options);
}

Report RuntimeTest::exec_probe(const Strings& words, const Strings& options) {
  Strings all = {"/bin/probe"};
  all.insert(all.end(), words.begin(), words.end());
  Outcome outcome = exec(all, options);
  EXPECT_OK(outcome);
  return Report::parse(outcome.out);
}

json::Value RuntimeTest::state() {
  Outcome outcome = call({"state", id_});
  EXPECT_OK(outcome);
  return json::parse(outcome.out).value_or(json::Value());
}

std::string RuntimeTest::status_of(const std::string& id) {
  Outcome outcome = call({"state", id});
  if (!outcome.ok()) return "";
  Result<json::Value> state = json::parse(outcome.out);
  EXPECT_TRUE(state.has_value()) << outcome.out;
  return state.has_value() ? text_at(*state, "status") : "(no JSON)";
}

void RuntimeTest::await_status(std::string_view wanted) {
  int64_t deadline = deadline_in(20'000);
  std::string seen = status();
  while (seen != wanted && sys::monotonic_ms() < deadline) {
    (void)::poll(nullptr, 0, 10);  // the runtime offers nothing to wait for
    seen = status();
  }
  EXPECT_EQ(seen, wanted);
}

std::optional<ExitStatus> RuntimeTest::wait_init(int timeout_ms) {
  if (init_.pid() < 0) return {};
  Result<std::optional<ExitStatus>> ended = wait_patiently(init_, timeout_ms);
  EXPECT_TRUE(ended.has_value()) << ended.error().message;
  return ended.value_or(std::nullopt);
}

Child RuntimeTest::adopt(const std::string& pid_file) {
  auto pid = parse_number<pid_t>(trim(read_host_file(pid_file)));
  Result<UniqueFd> pidfd = sys::pidfd_open(pid.value_or(-1));
  EXPECT_TRUE(pidfd.has_value()) << "the pid file names no process";
  return pidfd.has_value() ? Child(*pid, std::move(*pidfd)) : Child();
}

void RuntimeTest::kill_init() {
  EXPECT_OK(call({"kill", id_, "KILL"}));
  std::optional<ExitStatus> ended = wait_init();
  ASSERT_TRUE(ended.has_value()) << "the container survived KILL";
  EXPECT_EQ(ended->shell_status(), 128 + SIGKILL);
}

void RuntimeTest::remove() {
  EXPECT_OK(call({"delete", "--force", id_}));
  std::erase(known_ids_, id_);
}

::testing::AssertionResult ended_well(const char* expression, const Outcome& outcome) {
  if (outcome.ok()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << expression << ": " << ::testing::PrintToString(outcome);
}

bool contains(const Strings& all, std::string_view item) {
  return std::find(all.begin(), all.end(), item) != all.end();
}

int64_t deadline_in(int timeout_ms) {
  return sys::monotonic_ms() + int64_t{timeout_ms} * Host::get().patience();
}

std::string text_at(const json::Value& object, std::string_view name) {
  const json::Value* value = object.find(name);
  const auto* text = value == nullptr ? nullptr : value->get<std::string>();
  return text == nullptr ? std::string() : *text;
}

int64_t number_at(const json::Value& object, std::string_view name) {
  const json::Value* value = object.find(name);
  const auto* number = value == nullptr ? nullptr : value->get<int64_t>();
  return number == nullptr ? -1 : *number;
}

}  // namespace crunlite::integration
