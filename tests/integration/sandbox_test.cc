// SPDX-License-Identifier: Apache-2.0
// `crun-lite sandbox` as CI jobs call it: what the command sees, how it ends, and that nothing is
// left.
#include <fcntl.h>
#include <signal.h>
#include <sys/statvfs.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "tests/integration/harness.h"
#include "tests/integration/image_support.h"

namespace crunlite::integration {
namespace {

constexpr char kProgram[] = "/run/program";  // the runtime, in a sandbox of this host
constexpr char kProbe[] = "/run/probe";
constexpr uid_t kNobody = 65534;

Strings joined(Strings first, const Strings& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

// What calls the sandbox in the ways that the tests need; mixed into two fixtures.
template <class Fixture>
class SandboxOf : public Fixture {
 protected:
  void SetUp() override {
    Fixture::SetUp();
    if (Host::get().runtime().kind != RuntimeKind::kCrunLite) {
      GTEST_SKIP() << "differs: the sandbox is a verb of crun-lite alone";
    }
  }

  [[nodiscard]] static Strings words(const Strings& options, const Strings& command) {
    return joined(joined({"sandbox"}, options), joined({"--"}, command));
  }
  [[nodiscard]] Outcome sandbox(const Strings& options, const Strings& command,
                                const CallOptions& call_options = {}) {
    return this->call(words(options, command), call_options);
  }
  [[nodiscard]] Outcome shell(const Strings& options, const std::string& script,
                              const CallOptions& call_options = {}) {
    return sandbox(options, {"sh", "-c", script}, call_options);
  }
  // The probe's report out of a sandbox of the bundle's root file system.
  [[nodiscard]] Report probe(const Strings& options, const Strings& verbs) {
    Outcome outcome =
        sandbox(joined({"--rootfs", this->rootfs()}, options), joined({"/bin/probe"}, verbs));
    EXPECT_OK(outcome);
    return Report::parse(outcome.out);
  }
  // The same out of a sandbox of this host.
  [[nodiscard]] Report probe_host(const Strings& options, const Strings& verbs) {
    Strings all = joined({"--ro", cat(Host::get().probe(), ":", kProbe)}, options);
    Outcome outcome = sandbox(all, joined({kProbe}, verbs));
    EXPECT_OK(outcome);
    return Report::parse(outcome.out);
  }
  // A script's loop in which traps are heard.
  [[nodiscard]] static std::string wait_for_signals() {
    return "echo ready; while :; do sleep 0.01; done";
  }
  // A sandbox of this host whose script has said that it is ready.
  [[nodiscard]] Running launch_ready(const std::string& script, const Strings& options = {}) {
    Result<sys::Pipe> pipe = sys::pipe2();
    CHECK(pipe.has_value());
    CallOptions call_options;
    call_options.stdout_fd = pipe->write_end.get();
    Running running = this->launch(words(options, {"sh", "-c", script}), call_options);
    EXPECT_EQ(LineReader(std::move(pipe->read_end)).next(), "ready");
    return running;
  }
  [[nodiscard]] Strings states() {
    Strings names = host_names_in(this->state_root());
    std::erase_if(names, [](const std::string& name) { return !name.starts_with("sandbox-"); });
    return names;
  }
};

using Sandbox = SandboxOf<RuntimeTest>;
using SandboxImage = SandboxOf<ImageTest>;

// An ordinary user, who has no rights at all on this host.
class SandboxUser : public Sandbox {
 protected:
  void SetUp() override {
    Sandbox::SetUp();
    make_host_directory(home(), 0700);
    ASSERT_EQ(::chown(home().c_str(), kNobody, kNobody), 0);
  }
  [[nodiscard]] std::string home() const { return directory("home"); }
  [[nodiscard]] CallOptions as_user() const {
    CallOptions options;
    options.wrapper = {"setpriv", cat("--reuid=", kNobody), cat("--regid=", kNobody),
                       "--clear-groups", "--"};
    options.global = {"--root", cat(home(), "/state")};
    options.env = {"PATH=/usr/bin:/bin", cat("HOME=", home())};
    return options;
  }
  void TearDown() override {
    for (const std::string& name : host_names_in(cat(home(), "/state"))) {
      EXPECT_FALSE(name.starts_with("sandbox-")) << name;
    }
    Sandbox::TearDown();
  }
};

// How a command ends.

TEST_F(Sandbox, EndsAsTheCommandEnds) {
  struct Case {
    std::string script;
    int status;
  };
  for (const Case& one : std::vector<Case>{{"exit 0", 0},
                                           {"exit 7", 7},
                                           {"exit 124", 124},
                                           {"kill -TERM $$", 128 + SIGTERM},
                                           {"kill -KILL $$", 128 + SIGKILL},
                                           {"kill -SEGV $$", 128 + SIGSEGV}}) {
    EXPECT_EQ(shell({}, one.script).status, one.status) << one.script;
  }
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Sandbox, TellsWhatCannotBeExecuted) {
  Outcome missing = sandbox({}, {"no-such-program"});
  EXPECT_EQ(missing.status, 127);
  EXPECT_TRUE(missing.err.contains("executable file not found in $PATH")) << missing.err;
  EXPECT_EQ(sandbox({}, {"/no/such/program"}).status, 127);
  EXPECT_EQ(sandbox({}, {"/etc/passwd"}).status, 126);
  EXPECT_EQ(sandbox({}, {"/etc"}).status, 126);
  write_host_file(rootfs("bin/text"), "neither a script nor a program", 0755);
  EXPECT_EQ(sandbox({"--rootfs", rootfs()}, {"/bin/text"}).status, 126);
  write_host_file(rootfs("bin/script"), "#!/no/interpreter\n", 0755);
  EXPECT_EQ(sandbox({"--rootfs", rootfs()}, {"/bin/script"}).status, 127);
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Sandbox, OwnFailuresHaveTheirStatus) {
  struct Case {
    Strings options;
    std::string_view message;
  };
  const std::vector<Case> cases = {
      {{"--wings"}, "option --wings: is unknown"},
      {{"--memory="}, "--memory: \"\" is not a size"},
      {{"--memory=much"}, "--memory: \"much\" is not a size"},
      {{"--cpus=0"}, "--cpus: \"0\" is not a number"},
      {{"--pids=0"}, "--pids: \"0\" is not a number"},
      {{"--net=bridge"}, "--net: \"bridge\" is not none or host"},
      {{"--timeout=soon"}, "--timeout: \"soon\" is not a time"},
      {{"--host", "--rootfs=/"}, "exclude each other"},
      {{"--rootfs=/no/such/directory"}, "/no/such/directory"},
      {{"--ro=/no/such/file"}, "/no/such/file"},
      {{"--ro=/etc:relative"}, "is not absolute"},
      {{"--rw=/etc:/"}, "would cover the whole sandbox"},
      {{"--user=no-such-user"}, "no-such-user"},
      {{"--image=no-such-image:1"}, "store"},
      {{"--workdir=relative"}, "is not absolute"},
      {{"--env==x"}, "has no name"},
  };
  CallOptions call_options;
  call_options.env = {"PATH=/usr/bin:/bin", cat("CRUN_LITE_STORE=", directory("store"))};
  for (const Case& one : cases) {
    Outcome outcome = sandbox(one.options, {"true"}, call_options);
    EXPECT_EQ(outcome.status, 125) << one.options[0];
    EXPECT_TRUE(outcome.err.contains(one.message)) << outcome.err;
  }
  EXPECT_EQ(call({"sandbox"}).status, 125);
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Sandbox, PassesTheStandardStreams) {
  CallOptions options;
  options.input = "through\n";
  Outcome outcome = shell({}, "cat; echo out; echo err >&2", options);
  EXPECT_OK(outcome);
  EXPECT_EQ(outcome.out, "through\nout\n");
  EXPECT_EQ(outcome.err, "err\n");
}

TEST_F(Sandbox, OptionsEndAtTheCommand) {
  Outcome outcome = call({"sandbox", "echo", "--memory", "-t", "--"});
  EXPECT_OK(outcome);
  EXPECT_EQ(outcome.out, "--memory -t --\n");
}

// Time and signals.

TEST_F(Sandbox, EndsACommandThatTakesTooLong) {
  int64_t start = sys::monotonic_ms();
  Outcome outcome = shell({"--timeout", "300ms"}, "sleep 100 & sleep 100");
  EXPECT_EQ(outcome.status, 124);
  EXPECT_GE(sys::monotonic_ms() - start, 300);
  EXPECT_TRUE(outcome.err.contains("took longer than 300 ms")) << outcome.err;
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Sandbox, ATimeOutAsksFirst) {
  Outcome outcome =
      shell({"--timeout", "300ms"}, "trap 'echo asked; exit 3' TERM; while :; do :; done");
  EXPECT_EQ(outcome.status, 124);
  EXPECT_EQ(outcome.out, "asked\n");
}

TEST_F(Sandbox, PassesSignalsOn) {
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) {
    std::string script = cat("trap 'exit 40' ", number, "; ", wait_for_signals());
    Running running = launch_ready(script);
    EXPECT_TRUE(sys::pidfd_send_signal(running.child().pidfd(), number).has_value());
    EXPECT_EQ(running.wait().status, 40) << number;
  }
}

TEST_F(Sandbox, ASecondSignalKills) {
  Running running = launch_ready(cat("trap '' TERM; ", wait_for_signals()));
  EXPECT_TRUE(sys::pidfd_send_signal(running.child().pidfd(), SIGTERM).has_value());
  EXPECT_FALSE(running.child().wait(200).value_or(ExitStatus()).has_value()) << "it was ignored";
  EXPECT_TRUE(sys::pidfd_send_signal(running.child().pidfd(), SIGTERM).has_value());
  EXPECT_EQ(running.wait().status, 128 + SIGKILL);
}

TEST_F(Sandbox, NothingOutlivesTheCommand) {
  Outcome outcome = shell({}, "(trap '' TERM HUP; sleep 100) & setsid sleep 100 & exit 5");
  EXPECT_EQ(outcome.status, 5);
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Sandbox, WhatAKilledOneLeavesCanBeDeleted) {
  Strings limits;
  if (has_controller("memory")) limits = {"--memory", "256m"};
  {
    Running running = launch_ready(wait_for_signals(), limits);
    running.child().kill_and_reap();
  }
  Strings left = states();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_OK(call({"delete", "--force", left[0]}));
  EXPECT_EQ(leftovers(), "");
  EXPECT_FALSE(host_path_exists(cgroup_file("memory", cat("/crun-lite-", left[0]), "")));
}

// At whatever moment it is killed: what it made dies with it or can be deleted.
TEST_F(Sandbox, AKillAtAnyMomentLeavesNothingForEver) {
  constexpr int kRounds = 30;
  for (int round = 0; round < kRounds; round++) {
    {
      Running running = launch(words({}, {"sleep", "100"}));
      (void)running.child().wait(round);  // it never ends by itself
      running.child().kill_and_reap();
    }
    for (const std::string& name : states()) EXPECT_OK(call({"delete", "--force", name}));
    ASSERT_EQ(leftovers(), "") << round;
  }
}

// What the command sees.

TEST_F(Sandbox, TheHostsFilesAreBelowAPrivateLayer) {
  std::string mark = cat("/etc/", id());
  Outcome outcome = shell({}, cat("echo inside > ", mark, " && cat ", mark,
                                  " && rm /etc/passwd && ! test -e /etc/passwd"
                                  " && mkdir /usr/",
                                  id(), " && cmp /etc/group /etc/group"));
  EXPECT_OK(outcome);
  EXPECT_EQ(outcome.out, "inside\n");
  EXPECT_FALSE(host_path_exists(mark));
  EXPECT_FALSE(host_path_exists(cat("/usr/", id())));
  EXPECT_TRUE(host_path_exists("/etc/passwd"));
}

TEST_F(Sandbox, PlacesForPassingThingsAreFresh) {
  std::string mark = cat("/var/tmp/", id());
  write_host_file(mark, "host");
  Report report =
      probe_host({}, {"list", "/tmp", ",", "list", "/var/tmp", ",", "stat", "/tmp", ",", "mounts"});
  EXPECT_EQ(report.texts("list /tmp", "list"), Strings{});
  EXPECT_EQ(report.texts("list /var/tmp", "list"), Strings{});
  for (const char* place : {"/tmp", "/var/tmp", "/run", "/dev/shm"}) {
    EXPECT_EQ(report.mount_at(place).type, "tmpfs") << place;
  }
  EXPECT_EQ(::unlink(mark.c_str()), 0);
}

TEST_F(Sandbox, IsKeptApart) {
  Report report = probe_host({}, {"namespaces", ",", "caps", ",", "processes", ",", "links"});
  for (const char* space : {"pid", "mnt", "ipc", "uts", "net", "cgroup"}) {
    EXPECT_NE(report.text("namespaces", space), host_namespace(space)) << space;
  }
  EXPECT_EQ(report.number("caps", "no_new_privs"), 1);
  EXPECT_EQ(report.text("caps", "seccomp"), "2");
}

TEST_F(Sandbox, NoDeviceNodeOfItsOwnWorks) {
  Outcome outcome = shell({},
                          "for d in /root /dev /tmp /run; do mknod $d/n c 1 3; cat $d/n && exit 1;"
                          " done; echo null > /dev/null && head -c1 /dev/zero | wc -c");
  EXPECT_OK(outcome);
  EXPECT_EQ(std::string(trim(outcome.out)), "1");
}

TEST_F(Sandbox, KernelSettingsCannotBeWritten) {
  for (const char* path : {"/proc/sys/kernel/hostname", "/proc/sysrq-trigger", "/sys/kernel/mm"}) {
    EXPECT_NE(shell({}, cat("test -w ", path, " && echo x > ", path)).status, 0) << path;
  }
}

TEST_F(Sandbox, HasALoopbackAndNothingElse) {
  Report report = probe({}, {"loopback", ",", "links"});
  EXPECT_EQ(report.error("loopback"), "");
  Report host = probe({"--net", "host"}, {"namespaces"});
  EXPECT_EQ(host.text("namespaces", "net"), host_namespace("net"));
}

TEST_F(Sandbox, ADirectoryIsItsRoot) {
  Outcome outcome = sandbox({"--rootfs", rootfs()}, {"/bin/probe", "create", "/mark", ",", "uts"});
  EXPECT_OK(outcome);
  Report report = Report::parse(outcome.out);
  EXPECT_EQ(report.error("create /mark"), "");
  EXPECT_EQ(report.text("uts", "hostname"), "sandbox");
  EXPECT_FALSE(host_path_exists(rootfs("mark")));
}

TEST_F(Sandbox, BindsReachTheHost) {
  make_host_directory(directory("in"));
  make_host_directory(directory("out"));
  write_host_file(directory("in/x"), "content");
  Strings binds = {"--ro", cat(directory("in"), ":/in"), "--rw",
                   cat(directory("out"), ":/deep/out")};
  Outcome outcome = shell(binds, "cat /in/x > /deep/out/y; ! touch /in/z 2>/dev/null");
  EXPECT_OK(outcome);
  EXPECT_EQ(read_host_file(directory("out/y")), "content");
  EXPECT_FALSE(host_path_exists(directory("in/z")));
}

TEST_F(Sandbox, HasAnEnvironmentOfItsOwn) {
  CallOptions options;
  options.env = {"PATH=/usr/bin:/bin", "HOME=/nowhere", "TERM=vt100", "SECRET=x", "TAKEN=taken"};
  Outcome outcome = sandbox({"--env", "A=b c", "--env=TAKEN", "-e", "MISSING"}, {"env"}, options);
  EXPECT_OK(outcome);
  Strings lines;
  for (std::string_view line : split(trim(outcome.out), '\n')) lines.emplace_back(line);
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(lines,
            (Strings{"A=b c", "HOME=/nowhere", "PATH=/usr/bin:/bin", "TAKEN=taken", "TERM=vt100"}));
}

TEST_F(Sandbox, RunsAsTheUserThatIsNamed) {
  Report report = probe({"--user", "alice"}, {"ids", ",", "env", ",", "caps"});
  EXPECT_EQ(report.numbers("ids", "uids")[0], 1000);
  EXPECT_EQ(report.numbers("ids", "gids")[0], 1000);
  EXPECT_TRUE(contains(report.texts("env", "list"), "HOME=/home/alice"));
  EXPECT_EQ(shell({"--user", "65534:65534"}, "id -u").out, "65534\n");
}

TEST_F(Sandbox, StartsWhereTheCallerIs) {
  CallOptions options;
  options.wrapper = {"env", "--chdir=/usr/bin", "--"};
  EXPECT_EQ(sandbox({}, {"pwd"}, options).out, "/usr/bin\n");
  options.wrapper = {"env", cat("--chdir=", directory()), "--"};
  EXPECT_EQ(sandbox({}, {"pwd"}, options).out, "/\n") << "/tmp is another one inside";
  EXPECT_EQ(sandbox({"--rw", directory()}, {"pwd"}, options).out, cat(directory(), "\n"));
  EXPECT_EQ(sandbox({"--workdir", "/new/place"}, {"pwd"}, options).out, "/new/place\n");
}

TEST_F(Sandbox, LimitsHold) {
  if (!has_controller("memory") || !has_controller("pids")) {
    GTEST_SKIP() << "no cgroup controller memory or pids";
  }
  Outcome eater = sandbox({"--rootfs", rootfs(), "--memory", "32m"}, {"/bin/probe", "eat", "256"});
  EXPECT_EQ(eater.status, 128 + SIGKILL);
  Report report = probe({"--pids", "4"}, {"bomb", "16"});
  EXPECT_EQ(report.number("bomb 16", "children"), 3) << "the probe itself is the fourth";
  EXPECT_EQ(leftovers(), "");
}

// By a descriptor of /proc/self/exe the command could overwrite the runtime's file later.
TEST_F(Sandbox, OwnProgramIsExecutedFromReadOnlyMountsAlone) {
  write_host_file(rootfs("bin/evil"), "#!/proc/self/exe\n", 0755);
  Outcome outcome = sandbox({"--rootfs", rootfs()}, {"/bin/evil"});
  EXPECT_EQ(outcome.status, 126);
  EXPECT_TRUE(outcome.err.contains("this runtime's own program")) << outcome.err;
  std::string place = cat(Host::get().runtime().path, ":", kProgram);
  EXPECT_EQ(sandbox({"--rw", place}, {kProgram, "--version"}).status, 126);
  EXPECT_EQ(sandbox({"--ro", place}, {kProgram, "--version"}).status, 0);
}

// A terminal of the caller's, and a runtime in its foreground.
class SandboxTerminal : public Sandbox {
 protected:
  struct Ends {
    UniqueFd master;
    Running running;
  };
  [[nodiscard]] Ends launch_on_terminal(const Strings& options, const std::string& script) {
    Result<UniqueFd> master = sys::open("/dev/ptmx", O_RDWR | O_NOCTTY);
    CHECK(master.has_value());
    CHECK(sys::unlock_pty(master->get()).has_value());
    Result<UniqueFd> slave = sys::pty_peer(master->get(), O_RDWR | O_NOCTTY);
    CHECK(slave.has_value());
    CallOptions call_options;
    call_options.wrapper = {Host::get().probe(), "ctty", "--"};
    call_options.stdin_fd = call_options.stdout_fd = call_options.stderr_fd = slave->get();
    Running running = launch(words(options, {"sh", "-c", script}), call_options);
    return {std::move(*master), std::move(running)};
  }
  // The lines up to one that contains the word.
  static void read_until(LineReader& lines, std::string_view word) {
    std::string line = lines.next();
    while (!line.contains(word) && line != "(end)" && line != "(time-out)") line = lines.next();
    EXPECT_TRUE(line.contains(word)) << line;
  }
  static LineReader lines_of(int master) {
    Result<UniqueFd> copy = sys::dup_cloexec(master);
    CHECK(copy.has_value());
    return LineReader(std::move(*copy));
  }
};

TEST_F(SandboxTerminal, OneOfItsOwnIsRelayed) {
  Ends ends = launch_on_terminal(
      {"--tty"}, "tty; echo > /dev/tty && echo ctty; echo ready; read word; echo got $word");
  LineReader lines = lines_of(ends.master.get());
  read_until(lines, "/dev/pts/0");
  read_until(lines, "ctty");
  read_until(lines, "ready");
  EXPECT_TRUE(sys::write_all(ends.master.get(), "typed\n").has_value());
  read_until(lines, "got typed");
  EXPECT_EQ(ends.running.wait().status, 0);
}

TEST_F(SandboxTerminal, ControlCReachesACommandOnOneOfItsOwn) {
  Ends ends = launch_on_terminal({"--tty"}, cat("trap 'exit 41' INT; ", wait_for_signals()));
  LineReader lines = lines_of(ends.master.get());
  read_until(lines, "ready");
  EXPECT_TRUE(sys::write_all(ends.master.get(), "\x03").has_value());
  EXPECT_EQ(ends.running.wait().status, 41);
}

// The shell hears of it only when its child has ended, which must have heard of it too.
TEST_F(SandboxTerminal, ControlCReachesTheWholeGroupOnTheCallers) {
  Ends ends =
      launch_on_terminal({}, "trap 'exit 42' INT; sh -c 'test -t 0 && echo ready; exec sleep 100'");
  LineReader lines = lines_of(ends.master.get());
  read_until(lines, "ready");
  EXPECT_TRUE(sys::write_all(ends.master.get(), "\x03").has_value());
  EXPECT_EQ(ends.running.wait().status, 42);
}

// Within another one, and for ordinary users.

TEST_F(Sandbox, WorksInsideAnother) {
  Strings outer = {"--ro", cat(Host::get().runtime().path, ":", kProgram)};
  Outcome outcome =
      shell(outer, cat("echo outer > /etc/mark; ", kProgram,
                       " sandbox -- sh -c 'cat /etc/mark; echo inner > /etc/mark; id -u; exit 7';"
                       " s=$?; cat /etc/mark; exit $s"));
  EXPECT_EQ(outcome.status, 7) << outcome.err;
  EXPECT_EQ(outcome.out, "outer\n0\nouter\n");
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Sandbox, LimitsInsideAnotherAreAnError) {
  Strings outer = {"--ro", cat(Host::get().runtime().path, ":", kProgram)};
  Outcome refused = shell(outer, cat(kProgram, " sandbox --memory 64m -- true"));
  EXPECT_EQ(refused.status, 125) << refused.err;
  EXPECT_TRUE(refused.err.contains("--best-effort")) << refused.err;
  Outcome outcome = shell(outer, cat(kProgram, " sandbox --memory 64m --best-effort -- true"));
  EXPECT_OK(outcome);
  EXPECT_TRUE(outcome.err.contains("limit")) << outcome.err;
}

TEST_F(SandboxUser, RunsAsHimself) {
  Outcome outcome = shell({}, "id -u; id -g; touch /tmp/x && cat /etc/passwd > /tmp/x", as_user());
  EXPECT_OK(outcome);
  EXPECT_EQ(outcome.out, "65534\n65534\n");
}

TEST_F(SandboxUser, CanBeRootOfHisOwn) {
  Outcome outcome = shell({"--user", "root"}, "id -u", as_user());
  EXPECT_OK(outcome);
  EXPECT_EQ(outcome.out, "0\n");
}

TEST_F(SandboxUser, CanChangeHisFilesInPrivate) {
  write_host_file(cat(home(), "/mine"), "old\n");
  ASSERT_EQ(::chown(cat(home(), "/mine").c_str(), kNobody, kNobody), 0);
  Strings binds = {"--rw", home()};
  EXPECT_OK(shell(binds, cat("echo new > ", home(), "/mine"), as_user()));
  EXPECT_EQ(read_host_file(cat(home(), "/mine")), "new\n");
}

TEST_F(SandboxUser, HasADirectoryAsRoot) {
  Outcome outcome =
      sandbox({"--rootfs", rootfs()}, {"/bin/probe", "ids", ",", "create", "/tmp/x"}, as_user());
  EXPECT_OK(outcome);
  EXPECT_EQ(Report::parse(outcome.out).numbers("ids", "uids"), (std::vector<int64_t>{0, 0, 0}));
}

TEST_F(SandboxUser, LimitsAreAnErrorThatSaysSo) {
  Outcome refused = shell({"--memory", "64m"}, "true", as_user());
  EXPECT_EQ(refused.status, 125);
  EXPECT_TRUE(refused.err.contains("--best-effort")) << refused.err;
  EXPECT_OK(shell({"--memory", "64m", "--best-effort"}, "true", as_user()));
}

TEST_F(Sandbox, WorksInsideOneThatIsInsideAnother) {
  Strings outer = {"--ro", cat(Host::get().runtime().path, ":", kProgram)};
  Outcome outcome = shell(outer, cat(kProgram, " sandbox --ro ", kProgram, " -- ", kProgram,
                                     " sandbox -- sh -c 'id -u; exit 9'"));
  EXPECT_EQ(outcome.status, 9) << outcome.err;
  EXPECT_EQ(outcome.out, "0\n");
}

// Images.

TEST_F(SandboxImage, RunsACommandOfAnImage) {
  ASSERT_OK(image({"import", source(), "app:1"}));
  CallOptions options;
  options.env = {"PATH=/usr/bin:/bin", cat("CRUN_LITE_STORE=", store())};
  Outcome outcome =
      sandbox({"--image", "app:1"}, {"/bin/probe", "create", "/mark", ",", "uts", ",", "exit", "7"},
              options);
  EXPECT_EQ(outcome.status, 7) << outcome.err;
  Outcome again = sandbox({"--image", "app:1"}, {"/bin/probe", "stat", "/mark"}, options);
  EXPECT_OK(again);
  EXPECT_EQ(Report::parse(again.out).error("stat /mark"), "ENOENT");
  EXPECT_EQ(leftovers(), "");
}

}  // namespace
}  // namespace crunlite::integration
