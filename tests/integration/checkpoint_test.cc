// SPDX-License-Identifier: Apache-2.0
// checkpoint and restore: what a container knows and has is the same afterwards.
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <optional>

#include "base/path.h"
#include "base/text.h"
#include "tests/integration/console_socket.h"
#include "tests/integration/harness.h"

namespace crunlite::integration {
namespace {

// The program that the build has made, "" where it could not.
std::string criu_program() {
  const char* given = ::getenv("CRUN_LITE_TEST_CRIU");
  const std::string path = given != nullptr ? given
                                            : cat(split_path(Host::get().runtime().path).parent,
                                                  "/../libexec/crun-lite/criu");
  return ::access(path.c_str(), X_OK) == 0 ? path : "";
}

class Checkpoint : public RuntimeTest {
 protected:
  void SetUp() override {
    RuntimeTest::SetUp();
    ONLY_CRUN_LITE("criu of Debian 12 does not run on this kernel");
    if (criu_program().empty()) GTEST_SKIP() << "criu is not built";
    options_.global = {"--criu", criu_program()};
  }
  [[nodiscard]] std::string images() const { return directory("images"); }
  [[nodiscard]] std::string pid_file() const { return directory("restored-pid"); }

  [[nodiscard]] Outcome try_checkpoint(const Strings& extra = {}) {
    Strings words = {"checkpoint", "--image-path", images()};
    words.insert(words.end(), extra.begin(), extra.end());
    words.push_back(id());
    return call(words, options_);
  }
  // As conmon and the shim do it: the container ends, is reaped, and is deleted.
  void checkpoint_to_end(const Strings& extra = {}) {
    ASSERT_OK(try_checkpoint(extra)) << read_log("dump.log");
    EXPECT_EQ(status(), "stopped");
    const std::optional<ExitStatus> end = wait_init();
    ASSERT_TRUE(end.has_value());
    EXPECT_EQ(end->signal, SIGKILL);
    EXPECT_OK(call({"delete", id()}));
    forget();
  }
  [[nodiscard]] Outcome try_restore(const std::string& id, const Strings& extra = {}) {
    write_config();
    (void)::unlink(pid_file().c_str());
    Strings words = {"restore",    "--bundle", bundle(),       "--detach",
                     "--pid-file", pid_file(), "--image-path", images()};
    words.insert(words.end(), extra.begin(), extra.end());
    words.push_back(id);
    Result<sys::Pipe> pipe = sys::pipe2();
    EXPECT_TRUE(pipe.has_value());
    CallOptions with_pipe = options_;
    with_pipe.stdout_fd = pipe->write_end.get();
    Outcome outcome = call(words, with_pipe);
    lines_ = LineReader(std::move(pipe->read_end));
    return outcome;
  }
  void restore(const std::string& id, const Strings& extra = {}) {
    ASSERT_OK(try_restore(id, extra)) << read_log("restore.log");
    will_remove(id);
    restored_ = adopt(pid_file());
    EXPECT_EQ(status_of(id), "running");
  }
  void TearDown() override {
    lines_ = LineReader();
    restored_.kill_and_reap();
    RuntimeTest::TearDown();
  }

  // One more signal to the counting program, which then tells its number.
  int64_t count_once(const std::string& id, LineReader& lines) {
    EXPECT_OK(call({"kill", id, "USR1"}));
    return Report::parse(lines.next()).number("count", "value");
  }
  void launch_counter() {
    launch_probe({"count"});
    ASSERT_EQ(output().next(), "ready");
  }
  [[nodiscard]] std::string read_log(std::string_view name) const {
    const std::string path = cat(images(), "/", name);
    if (!host_path_exists(path)) return cat("no ", path);
    std::string errors;
    const std::string log = read_host_file(path);
    for (std::string_view line : split(log, '\n')) {
      if (line.contains("Error") || line.contains("Warn")) errors.append(line).push_back('\n');
    }
    return errors;
  }
  // By hand, as an administrator would.
  [[nodiscard]] bool set_frozen(bool frozen) const {
    const std::string root = "/sys/fs/cgroup";
    bool is_done = false;
    const auto set = [&](const std::string& file, std::string_view text) {
      if (!host_path_exists(file)) return;
      const Result<UniqueFd> opened = sys::open(file.c_str(), O_WRONLY);
      is_done = opened.has_value() && sys::write(opened->get(), text).has_value();
    };
    set(cat(root, cgroup_of(id()), "/cgroup.freeze"), frozen ? "1" : "0");
    set(cat(root, "/unified", cgroup_of(id()), "/cgroup.freeze"), frozen ? "1" : "0");
    if (!is_done) {
      set(cat(root, "/freezer", cgroup_of(id()), "/freezer.state"), frozen ? "FROZEN" : "THAWED");
    }
    return is_done;
  }
  // The container's report of an exec'd probe.
  [[nodiscard]] Report report_of(const std::string& id, const Strings& words) {
    Strings all = {"exec", id, "/bin/probe"};
    all.insert(all.end(), words.begin(), words.end());
    Outcome outcome = call(all);
    EXPECT_OK(outcome);
    return Report::parse(outcome.out);
  }

  CallOptions options_;
  LineReader lines_;
  Child restored_;
};

TEST_F(Checkpoint, ARestoredProgramGoesOnWhereItWas) {
  launch_counter();
  EXPECT_EQ(count_once(id(), output()), 1);
  EXPECT_EQ(count_once(id(), output()), 2);
  checkpoint_to_end();
  restore(id());
  EXPECT_EQ(number_at(state(), "pid"), restored_.pid());
  EXPECT_EQ(count_once(id(), lines_), 3);
  EXPECT_EQ(report_of(id(), {"pids"}).number("pids", "ppid"), 0);  // exec works
  ASSERT_OK(call({"kill", id(), "TERM"}));
  const auto end = restored_.wait(20'000 * Host::get().patience());
  ASSERT_TRUE(end.has_value() && end->has_value());
  EXPECT_EQ((*end)->code, 3);
  EXPECT_EQ(status(), "stopped");
  EXPECT_OK(call({"delete", id()}));
  forget();
}

TEST_F(Checkpoint, LeftRunningTheContainerAndItsCopyBothGoOn) {
  launch_counter();
  EXPECT_EQ(count_once(id(), output()), 1);
  // podman gives the option twice.
  ASSERT_OK(try_checkpoint({"--leave-running", "--leave-running"})) << read_log("dump.log");
  EXPECT_EQ(status(), "running");
  EXPECT_EQ(count_once(id(), output()), 2);
  const std::string copy = new_id();
  config.set("linux.cgroupsPath", cgroup_of(copy));
  restore(copy);
  EXPECT_EQ(count_once(copy, lines_), 2);
  EXPECT_EQ(count_once(copy, lines_), 3);
  EXPECT_EQ(count_once(id(), output()), 3);
}

TEST_F(Checkpoint, APausedContainerStaysPaused) {
  launch_counter();
  EXPECT_EQ(count_once(id(), output()), 1);
  ASSERT_TRUE(set_frozen(true));
  await_status("paused");
  ASSERT_OK(try_checkpoint({"--leave-running"})) << read_log("dump.log");
  EXPECT_EQ(status(), "paused");
  ASSERT_TRUE(set_frozen(false));
  EXPECT_EQ(count_once(id(), output()), 2);
  ASSERT_TRUE(set_frozen(true));
  await_status("paused");
  checkpoint_to_end();
  restore(id());
  EXPECT_EQ(count_once(id(), lines_), 3);
}

TEST_F(Checkpoint, InTheForegroundTheExitStatusIsTheContainers) {
  launch_counter();
  EXPECT_EQ(count_once(id(), output()), 1);
  checkpoint_to_end();
  Result<sys::Pipe> pipe = sys::pipe2();
  ASSERT_TRUE(pipe.has_value());
  CallOptions options = options_;
  options.stdout_fd = pipe->write_end.get();
  Running running =
      launch({"restore", "--bundle", bundle(), "--image-path", images(), id()}, options);
  pipe->write_end.reset();
  LineReader lines(std::move(pipe->read_end));
  await_status("running");
  EXPECT_EQ(count_once(id(), lines), 2);
  ASSERT_TRUE(sys::pidfd_send_signal(running.child().pidfd(), SIGTERM).has_value());
  const Outcome outcome = running.wait();
  EXPECT_EQ(outcome.status, 2) << outcome.err;
  EXPECT_EQ(status(), "");
}

TEST_F(Checkpoint, MountsAreTheSameAfterwards) {
  make_host_directory(directory("volume"));
  make_host_directory(directory("volume/inner"));
  write_host_file(directory("volume/file"), "shared");
  config.bind(directory("volume"), "/volume", {"rbind", "rw"});
  config.bind(directory("volume/file"), "/file", {"bind", "ro", "noexec"});
  config.mount("tmpfs", "tmpfs", "/scratch", {"mode=700"});
  config.mount("cgroup", "cgroup", "/sys/fs/cgroup", {"ro", "nosuid"});
  config.with_namespace("cgroup").set("root.readonly", true);
  launch_counter();
  EXPECT_OK(
      exec({"/bin/probe", "create", "/scratch/kept", ",", "write", "/scratch/kept", "all of it"}));
  const auto before = exec_probe({"mounts"}).mounts();
  checkpoint_to_end();
  restore(id());
  const auto after = report_of(id(), {"mounts"}).mounts();
  ASSERT_EQ(before.size(), after.size());
  for (const MountSeen& mount : before) {
    const auto same = std::find_if(after.begin(), after.end(), [&](const MountSeen& other) {
      return other.destination == mount.destination && other.type == mount.type;
    });
    ASSERT_NE(same, after.end()) << mount.destination;
    EXPECT_EQ(same->options, mount.options) << mount.destination;
    EXPECT_EQ(same->propagation, mount.propagation) << mount.destination;
    EXPECT_EQ(same->root, mount.root) << mount.destination;
  }
  EXPECT_EQ(report_of(id(), {"read", "/scratch/kept"}).text("read /scratch/kept", "data"),
            "all of it");
  EXPECT_EQ(report_of(id(), {"read", "/file"}).text("read /file", "data"), "shared");
  EXPECT_EQ(report_of(id(), {"write", "/file", "x"}).error("write /file x"), "EROFS");
  EXPECT_EQ(count_once(id(), lines_), 1);
}

TEST_F(Checkpoint, LimitsAreThoseOfTheConfig) {
  if (!has_controller("memory")) GTEST_SKIP() << "no cgroup controller memory";
  config.set("linux.resources.memory.limit", int64_t{64} << 20);
  launch_counter();
  checkpoint_to_end();
  config.set("linux.resources.memory.limit", int64_t{96} << 20);
  restore(id());
  const bool is_unified = Host::get().cgroups() == CgroupLayout::kUnified;
  const char* limit = is_unified ? "memory.max" : "memory.limit_in_bytes";
  EXPECT_EQ(trim(read_host_file(cgroup_file("memory", cgroup_of(id()), limit))),
            cat(int64_t{96} << 20));
  EXPECT_EQ(trim(read_host_file(cgroup_file("memory", cgroup_of(id()), "cgroup.procs"))),
            cat(restored_.pid()));
}

TEST_F(Checkpoint, AFileOfTheHostAsAStreamIsReplacedToo) {
  write_host_file(directory("log"), "");
  Result<UniqueFd> log = sys::open(directory("log").c_str(), O_WRONLY | O_APPEND);
  ASSERT_TRUE(log.has_value());
  CallOptions options;
  options.stdout_fd = log->get();
  launch_probe({"count"}, {}, options);
  checkpoint_to_end();
  restore(id());
  EXPECT_EQ(count_once(id(), lines_), 1);
}

TEST_F(Checkpoint, ATerminalGoesToTheConsoleSocket) {
  config.set("process.terminal", true).probe({"count"});
  ConsoleSocket socket(cat(Host::get().directory(), "/s", id().substr(id().rfind('-'))));
  take_for_granted();
  create({"--console-socket", socket.path()});
  UniqueFd master = socket.receive();
  ASSERT_TRUE(master.is_open());
  LineReader lines(std::move(master));
  start();
  EXPECT_EQ(trim(lines.next()), "ready");
  EXPECT_EQ(count_once(id(), lines), 1);
  checkpoint_to_end();
  restore(id(), {"--console-socket", socket.path()});
  lines = LineReader(socket.receive());
  EXPECT_EQ(count_once(id(), lines), 2);
  lines = LineReader();
  (void)::unlink(socket.path().c_str());
}

TEST_F(Checkpoint, NamespacesThatAreJoinedByPathAreJoinedAgain) {
  config.with_namespace("network");
  launch_probe({"wait"});
  const std::string other = new_id();
  const auto path_of = [&](std::string_view kind) {
    return cat("/proc/", init_pid(), "/ns/", kind);
  };
  config.with_namespace("network", path_of("net")).with_namespace("ipc", path_of("ipc"));
  config.with_namespace("uts", path_of("uts")).remove("hostname");
  config.probe({"count"}).set("linux.cgroupsPath", cgroup_of(other));
  write_config();
  const std::string first_pid = directory("first-pid");
  Result<sys::Pipe> pipe = sys::pipe2();
  ASSERT_TRUE(pipe.has_value());
  CallOptions options;
  options.stdout_fd = pipe->write_end.get();
  ASSERT_OK(
      call({"run", "--detach", "--bundle", bundle(), "--pid-file", first_pid, other}, options));
  Child first = adopt(first_pid);
  const Outcome dumped = call({"checkpoint", "--image-path", images(), other}, options_);
  EXPECT_OK(dumped);
  EXPECT_TRUE(first.wait(20'000 * Host::get().patience()).has_value());
  EXPECT_OK(call({"delete", other}));
  ASSERT_TRUE(dumped.ok());
  restore(other);
  for (const char* kind : {"net", "ipc", "uts"}) {
    EXPECT_EQ(host_namespace(kind, cat(restored_.pid())), host_namespace(kind, cat(init_pid())))
        << kind;
  }
  EXPECT_EQ(count_once(other, lines_), 1);
}

TEST_F(Checkpoint, FeaturesTellWhetherThereIsCriu) {
  const auto told = [&] {
    const Outcome outcome = call({"features"}, options_);
    EXPECT_OK(outcome);
    const json::Value value = parse_json(outcome.out);
    const json::Value* annotations = value.find("annotations");
    return annotations == nullptr
               ? ""
               : text_at(*annotations, "org.opencontainers.runc.checkpoint.enabled");
  };
  EXPECT_EQ(told(), "true");
  options_.global = {"--criu", directory("nothing")};
  EXPECT_EQ(told(), "false");
}

class RefusedCheckpoint : public Checkpoint {};

TEST_F(RefusedCheckpoint, OfAContainerThatDoesNotRun) {
  EXPECT_EQ(try_checkpoint().status, 1);
  config.probe({"count"});
  create();
  const Outcome outcome = try_checkpoint();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.err.contains("not running")) << outcome.err;
  EXPECT_FALSE(host_path_exists(images()));
  EXPECT_EQ(status(), "created");
}

TEST_F(RefusedCheckpoint, WithoutCriu) {
  launch_counter();
  options_.global = {"--criu", directory("nothing")};
  const Outcome outcome = try_checkpoint();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.err.contains("is no program")) << outcome.err;
  EXPECT_FALSE(host_path_exists(images()));
  EXPECT_EQ(count_once(id(), output()), 1);
}

TEST_F(RefusedCheckpoint, ByAnotherProgram) {
  launch_counter();
  options_.global = {"--criu", "/bin/true"};
  const Outcome outcome = try_checkpoint();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.err.contains("criu ended with status 0")) << outcome.err;
  EXPECT_EQ(count_once(id(), output()), 1);
}

// A socket whose other end is outside: CRIU looks at it when all is frozen.
TEST_F(RefusedCheckpoint, AFailedOneLeavesTheContainerAndOnlyALog) {
  Result<sys::SocketPair> sockets = sys::socketpair(SOCK_STREAM);
  ASSERT_TRUE(sockets.has_value());
  CallOptions options;
  options.stdout_fd = sockets->second.get();
  launch_probe({"count"}, {}, options);
  LineReader lines(std::move(sockets->first));
  sockets->second.reset();
  ASSERT_EQ(lines.next(), "ready");
  const Outcome outcome = try_checkpoint();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.err.contains("criu failed: ")) << outcome.err;
  EXPECT_TRUE(outcome.err.contains(cat("log file: ", images(), "/dump.log"))) << outcome.err;
  EXPECT_EQ(host_names_in(images()), Strings{"dump.log"});
  EXPECT_EQ(status(), "running");
  EXPECT_EQ(count_once(id(), lines), 1);
}

TEST_F(RefusedCheckpoint, OptionsWithoutSupportAreNamed) {
  launch_counter();
  const std::pair<Strings, std::string_view> refused[] = {
      {{"--pre-dump"}, "--pre-dump: "},
      {{"--parent-path", "../pre"}, "--parent-path: "},
      {{"--lazy-pages"}, "--lazy-pages: is not supported"},
      {{"--page-server", "127.0.0.1:27"}, "--page-server: is not supported"},
      {{"--status-fd", "1"}, "--status-fd: "},
      {{"--manage-cgroups-mode", "full"}, "--manage-cgroups-mode: \"full\""},
      {{"--empty-ns", "user"}, "--empty-ns: \"user\""}};
  for (const auto& [words, message] : refused) {
    const Outcome outcome = try_checkpoint(words);
    EXPECT_EQ(outcome.status, 1) << words[0];
    EXPECT_TRUE(outcome.err.contains(message)) << outcome.err;
  }
  EXPECT_FALSE(host_path_exists(images()));
  EXPECT_EQ(count_once(id(), output()), 1);
}

class RefusedRestore : public Checkpoint {
 protected:
  void expect_refused(std::string_view message, const std::string& wanted_id) {
    const Outcome outcome = try_restore(wanted_id);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_TRUE(outcome.err.contains(message)) << outcome.err;
    EXPECT_FALSE(host_path_exists(pid_file()));
  }
  // Images of a counting container that has gone.
  void make_images() {
    launch_counter();
    checkpoint_to_end();
  }
};

TEST_F(RefusedRestore, OfADirectoryWithoutImages) {
  config.probe({"count"});
  expect_refused("--image-path", id());
  make_host_directory(images());
  expect_refused("criu failed: ", id());
  EXPECT_EQ(status(), "");
}

TEST_F(RefusedRestore, OfWhatOthersMayHaveWritten) {
  make_images();
  ASSERT_EQ(::chmod(images().c_str(), 0777), 0);
  expect_refused("others than the caller may write there", id());
  EXPECT_EQ(status(), "");
}

TEST_F(RefusedRestore, OfAnIdThatIsThere) {
  launch_counter();
  ASSERT_OK(try_checkpoint({"--leave-running"}));
  expect_refused("container with id exists", id());
  EXPECT_EQ(count_once(id(), output()), 1);
}

TEST_F(RefusedRestore, OfADamagedImage) {
  make_images();
  for (const std::string& name : host_names_in(images())) {
    if (name.starts_with("core-")) write_host_file(cat(images(), "/", name), "not an image");
  }
  expect_refused("criu failed: ", id());
  EXPECT_EQ(status(), "");
}

TEST_F(RefusedRestore, OfMountsThatTheConfigDoesNotHave) {
  make_images();
  write_host_file(cat(images(), "/mounts.json"), R"(["/etc"])");
  expect_refused("mounts.json: \"/etc\": config.json mounts nothing of the host there", id());
  write_host_file(cat(images(), "/mounts.json"), R"(["/proc/../etc"])");
  expect_refused("mounts.json: \"/proc/../etc\" is no absolute clean path", id());
  write_host_file(cat(images(), "/descriptors.json"), R"({"0": "pipe:[1]"})");
  expect_refused("descriptors.json: ", id());
  EXPECT_EQ(status(), "");
}

}  // namespace
}  // namespace crunlite::integration
