// SPDX-License-Identifier: Apache-2.0
// exec: a second process inside a container.
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "tests/integration/harness.h"

namespace crunlite::integration {
namespace {

class Exec : public RuntimeTest {
 protected:
  void launch_waiting() { launch_probe({"wait"}); }
  std::string write_process(const std::string& json) {
    write_host_file(directory("process.json"), json);
    return directory("process.json");
  }
};

TEST_F(Exec, ReturnsTheStatusOfTheCommand) {
  launch_waiting();
  for (int status : {0, 1, 7, 255}) {
    EXPECT_EQ(exec({"/bin/probe", "exit", cat(status)}).status, status);
  }
  EXPECT_EQ(exec({"/bin/probe", "signal", "15"}).status, 128 + SIGTERM);
  EXPECT_EQ(exec({"/bin/probe", "signal", "9"}).status, 128 + SIGKILL);
  EXPECT_EQ(status(), "running");
}

TEST_F(Exec, PassesOutputAndErrorAndInput) {
  launch_waiting();
  Outcome outcome = exec({"/bin/probe", "print", "out", ",", "complain", "err", ",", "stdin"}, {},
                         {.input = "in\n"});
  EXPECT_OK(outcome);
  EXPECT_EQ(outcome.out, "out\nin\n");
  EXPECT_EQ(outcome.err, "err\n");
}

TEST_F(Exec, IsInTheNamespacesAndCgroupsOfTheContainer) {
  config.with_namespace("network");
  launch_probe({"namespaces", ",", "read", "/proc/self/cgroup", ",", "wait"});
  Report init = Report::parse(cat(output().next(), "\n", output().next()));
  Report report = exec_probe({"namespaces", ",", "read", "/proc/self/cgroup", ",", "pids", ",",
                              "uts", ",", "read", "/etc/passwd"});
  for (const char* kind : {"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"}) {
    EXPECT_EQ(report.text("namespaces", kind), init.text("namespaces", kind)) << kind;
  }
  EXPECT_EQ(report.text("read /proc/self/cgroup", "data"),
            init.text("read /proc/self/cgroup", "data"));
  EXPECT_GT(report.number("pids", "pid"), 1);
  EXPECT_EQ(report.text("uts", "hostname"), "guest");
  EXPECT_TRUE(report.text("read /etc/passwd", "data").contains("alice"));
}

TEST_F(Exec, InheritsTheConfigsProcess) {
  DIFFERS(RuntimeKind::kCrun,
          "crun 1.8.1 exec takes neither cwd, rlimits nor no_new_privs from the config");
  config.set("process.env", Strings{"PATH=/bin", "HOME=/", "FROM=config"});
  config.set("process.cwd", "/tmp");
  config.set_json("process.rlimits", R"([{"type": "RLIMIT_CORE", "soft": 99, "hard": 100}])");
  launch_waiting();
  Report report = exec_probe({"env", ",", "cwd", ",", "caps", ",", "rlimits", ",", "ids"});
  EXPECT_TRUE(contains(report.texts("env", "list"), "FROM=config"));
  EXPECT_EQ(report.text("cwd", "path"), "/tmp");
  EXPECT_EQ(report.text("rlimits", "CORE"), "99 100");
  EXPECT_EQ(report.text("caps", "bounding"), "0000000020000420");
  EXPECT_EQ(report.text("caps", "effective"), "0000000020000420");
  EXPECT_EQ(report.number("caps", "no_new_privs"), 1);
  EXPECT_EQ(report.number("ids", "umask"), 0022);
}

TEST_F(Exec, OptionsInBothForms) {
  launch_waiting();
  Report report =
      exec_probe({"ids", ",", "env", ",", "cwd"},
                 {"--user", "1000:1001", "--cwd", "/tmp", "--env", "A=1", "--env", "B=2"});
  EXPECT_EQ(report.numbers("ids", "uids")[0], 1000);
  EXPECT_EQ(report.numbers("ids", "gids")[0], 1001);
  EXPECT_TRUE(contains(report.texts("env", "list"), "A=1"));
  EXPECT_TRUE(contains(report.texts("env", "list"), "B=2"));
  EXPECT_EQ(report.text("cwd", "path"), "/tmp");
  report =
      exec_probe({"ids", ",", "env", ",", "cwd"}, {"--user=1001:1000", "--cwd=/home", "--env=C=3"});
  EXPECT_EQ(report.numbers("ids", "uids")[0], 1001);
  EXPECT_EQ(report.numbers("ids", "gids")[0], 1000);
  EXPECT_TRUE(contains(report.texts("env", "list"), "C=3"));
  EXPECT_EQ(report.text("cwd", "path"), "/home");
  report = exec_probe({"ids", ",", "env"}, {"-u", "7:8", "-e", "D=4"});
  EXPECT_EQ(report.numbers("ids", "uids")[0], 7);
  EXPECT_TRUE(contains(report.texts("env", "list"), "D=4"));
}

TEST_F(Exec, WordsAfterTheNameBelongToTheCommand) {
  launch_waiting();
  Outcome outcome = exec({"/bin/probe", "args", "--", "--user", "x", "-e", "--help"});
  EXPECT_OK(outcome);
  EXPECT_EQ(Report::parse(outcome.out).texts("args", "list"),
            (Strings{"--", "--user", "x", "-e", "--help"}));
}

TEST_F(Exec, AdditionalGroups) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 takes --additional-gids once only");
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 has no --additional-gids");
  launch_waiting();
  Report report =
      exec_probe({"ids"}, {"--user", "1000:1000", "--additional-gids", "44", "-g", "50"});
  std::vector<int64_t> groups = report.numbers("ids", "groups");
  std::sort(groups.begin(), groups.end());
  EXPECT_EQ(groups, (std::vector<int64_t>{44, 50}));
}

TEST_F(Exec, FurtherCapabilities) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 exec --cap replaces the capabilities");
  launch_waiting();
  Report report = exec_probe({"caps"}, {"--cap", "CAP_CHOWN", "--cap=CAP_FOWNER"});
  EXPECT_EQ(report.text("caps", "effective"), "0000000020000429");
  EXPECT_EQ(report.text("caps", "inheritable"), "0000000000000000");
  EXPECT_EQ(exec_probe({"caps"}).text("caps", "effective"), "0000000020000420");
}

TEST_F(Exec, NoNewPrivilegesOnDemand) {
  config.set("process.noNewPrivileges", false);
  launch_waiting();
  EXPECT_EQ(exec_probe({"caps"}).number("caps", "no_new_privs"), 0);
  EXPECT_EQ(exec_probe({"caps"}, {"--no-new-privs"}).number("caps", "no_new_privs"), 1);
}

TEST_F(Exec, ProcessFromAFile) {
  launch_waiting();
  std::string file = write_process(R"({"args": ["/bin/probe", "ids", ",", "env", ",", "cwd", ",",
      "caps", ",", "rlimits"], "cwd": "/tmp", "env": ["ONLY=file"],
      "user": {"uid": 1000, "gid": 1001, "additionalGids": [44]},
      "capabilities": {"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"],
                       "effective": ["CAP_KILL"], "inheritable": ["CAP_KILL"],
                       "ambient": ["CAP_KILL"]},
      "rlimits": [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}],
      "noNewPrivileges": true})");
  for (const Strings& options :
       {Strings{"--process", file}, Strings{cat("--process=", file)}, Strings{"-p", file}}) {
    Outcome outcome = exec({}, options);
    EXPECT_OK(outcome);
    Report report = Report::parse(outcome.out);
    EXPECT_EQ(report.numbers("ids", "uids")[0], 1000);
    EXPECT_EQ(report.numbers("ids", "gids")[0], 1001);
    EXPECT_EQ(report.numbers("ids", "groups"), (std::vector<int64_t>{44}));
    EXPECT_TRUE(contains(report.texts("env", "list"), "ONLY=file"));
    EXPECT_FALSE(contains(report.texts("env", "list"), "PATH=/bin"));
    EXPECT_EQ(report.text("cwd", "path"), "/tmp");
    EXPECT_EQ(report.text("caps", "bounding"), "0000000000000020");
    EXPECT_EQ(report.text("caps", "ambient"), "0000000000000020");
    EXPECT_EQ(report.text("rlimits", "CORE"), "0 0");
  }
}

TEST_F(Exec, UmaskOfAProcessFile) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 ignores the umask of exec");
  launch_waiting();
  Outcome outcome = exec({}, {"--process", write_process(R"({"args": ["/bin/probe", "ids"],
      "cwd": "/", "user": {"uid": 0, "gid": 0, "umask": 63}})")});
  EXPECT_OK(outcome);
  EXPECT_EQ(Report::parse(outcome.out).number("ids", "umask"), 077);
}

TEST_F(Exec, WrongProcessFilesAreErrors) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 fails without a message on a wrong process.json");
  launch_waiting();
  for (const char* json : {"", "{", "[]", R"({"cwd": "/"})", R"({"args": [], "cwd": "/",
                           "user": {"uid": 0, "gid": 0}})",
                           R"({"args": "x", "cwd": "/", "user": {"uid": 0, "gid": 0}})"}) {
    Outcome outcome = exec({}, {"--process", write_process(json)});
    EXPECT_NE(outcome.status, 0) << json;
    EXPECT_NE(outcome.err, "") << json;
  }
  EXPECT_NE(exec({}, {"--process", directory("missing.json")}).status, 0);
  EXPECT_EQ(status(), "running");
}

TEST_F(Exec, DetachReturnsAtOnceAndWritesThePidFile) {
  launch_waiting();
  std::string pid_file = directory("exec.pid");
  for (const Strings& options :
       {Strings{"--detach", "--pid-file", pid_file}, Strings{"-d", cat("--pid-file=", pid_file)}}) {
    Outcome outcome = exec({"/bin/probe", "trap", "15", "9"}, options);
    ASSERT_OK(outcome);
    Child child = adopt(pid_file);
    EXPECT_EQ(host_namespace("mnt", cat(child.pid())), host_namespace("mnt", cat(init_pid())));
    // The process is not there yet when it has not blocked the signal: KILL is certain.
    ASSERT_TRUE(sys::pidfd_send_signal(child.pidfd(), SIGKILL).has_value());
    Result<std::optional<ExitStatus>> ended = child.wait(20'000);
    ASSERT_TRUE(ended.has_value() && ended->has_value());
    EXPECT_EQ((*ended)->signal, SIGKILL);
  }
}

TEST_F(Exec, PassesSignalsOn) {
  launch_waiting();
  Result<sys::Pipe> pipe = sys::pipe2();
  ASSERT_TRUE(pipe.has_value());
  Running running =
      launch({"exec", id(), "/bin/probe", "signals"}, {.stdout_fd = pipe->write_end.get()});
  pipe->write_end.reset();
  LineReader lines(std::move(pipe->read_end));
  ASSERT_EQ(lines.next(), "ready");
  for (int number : {SIGUSR2, SIGTERM}) {
    ASSERT_TRUE(sys::pidfd_send_signal(running.child().pidfd(), number).has_value());
    EXPECT_EQ(Report::parse(lines.next()).number("signals", "signal"), number);
  }
  EXPECT_EQ(running.wait().status, 0);
}

TEST_F(Exec, EndsWithTheContainer) {
  launch_waiting();
  Result<sys::Pipe> pipe = sys::pipe2();
  ASSERT_TRUE(pipe.has_value());
  Running running =
      launch({"exec", id(), "/bin/probe", "signals"}, {.stdout_fd = pipe->write_end.get()});
  pipe->write_end.reset();
  LineReader lines(std::move(pipe->read_end));
  ASSERT_EQ(lines.next(), "ready");
  remove();
  EXPECT_EQ(running.wait().status, 128 + SIGKILL);
  EXPECT_TRUE(wait_init().has_value());
}

TEST_F(Exec, NeedsALivingContainer) {
  launch_probe({"exit", "0"});
  ASSERT_TRUE(wait_init().has_value());
  Outcome outcome = exec({"/bin/probe", "exit", "0"});
  EXPECT_NE(outcome.status, 0);
  EXPECT_NE(outcome.err, "");
}

TEST_F(Exec, NeedsACommand) {
  launch_waiting();
  EXPECT_NE(exec({}).status, 0);
}

TEST_F(Exec, OfAMissingProgram) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 has other words for a missing program");
  launch_waiting();
  Outcome outcome = exec({"no-such-program"});
  EXPECT_NE(outcome.status, 0);
  EXPECT_TRUE(outcome.err.contains("executable file not found in $PATH")) << outcome.err;
  outcome = exec({"/no/such/program"});
  EXPECT_NE(outcome.status, 0);
  EXPECT_TRUE(outcome.err.contains("no such file or directory")) << outcome.err;
  outcome = exec({"/etc/passwd"});
  EXPECT_NE(outcome.status, 0);
  EXPECT_TRUE(outcome.err.contains("permission denied")) << outcome.err;
}

TEST_F(Exec, OnlyTheThreeStandardDescriptors) {
  launch_waiting();
  std::vector<UniqueFd> opened;
  CallOptions options;
  for (int i = 0; i < 20; i++) {
    Result<UniqueFd> fd = sys::open("/", O_RDONLY | O_DIRECTORY);
    ASSERT_TRUE(fd.has_value());
    options.pass_fds.push_back(fd->get());
    opened.push_back(std::move(*fd));
  }
  Outcome outcome = exec({"/bin/probe", "fds", ",", "leaks", "etc/hostname"}, {}, options);
  EXPECT_OK(outcome);
  Report report = Report::parse(outcome.out);
  const auto* table = report.value("fds", "table").get<json::Object>();
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->size(), 3u) << outcome.out;
}

TEST_F(Exec, PreservedDescriptorsPass) {
  launch_waiting();
  Strings shell = {"/bin/sh", "-c", "exec 3</dev/null 4</dev/zero 5</; exec \"$@\"", "sh"};
  Outcome outcome = exec({"/bin/probe", "fds"}, {"--preserve-fds", "2"}, {.wrapper = shell});
  EXPECT_OK(outcome);
  const auto* table = Report::parse(outcome.out).value("fds", "table").get<json::Object>();
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->size(), 5u) << outcome.out;
}

TEST_F(Exec, ManyAtOnce) {
  launch_waiting();
  std::vector<Running> running;
  for (int i = 0; i < 10; i++) {
    running.push_back(launch({"exec", id(), "/bin/probe", "exit", cat(i)}));
  }
  for (int i = 0; i < 10; i++) {
    EXPECT_EQ(running[static_cast<size_t>(i)].wait().status, i);
  }
}

TEST_F(Exec, IntoAUserNamespace) {
  constexpr const char* kMap = R"([{"containerID": 0, "hostID": 100000, "size": 65536}])";
  config.with_namespace("network").with_namespace("user");
  config.set_json("linux.uidMappings", kMap).set_json("linux.gidMappings", kMap);
  launch_waiting();
  Report report = exec_probe({"ids", ",", "namespaces"}, {"--user", "5:6"});
  EXPECT_EQ(report.numbers("ids", "uids")[0], 5);
  EXPECT_EQ(report.text("namespaces", "user"), host_namespace("user", cat(init_pid())));
}

}  // namespace
}  // namespace crunlite::integration
