// SPDX-License-Identifier: Apache-2.0
// create, start, state, kill, delete, run: what may follow what (runtime.md).
#include <signal.h>

#include "base/text.h"
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
  // Process 1 of a pid namespace is immune to signals of its own.
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

TEST_F(Lifecycle, RunPassesAMegabyteOfOutput) {
  config.probe({"lines", "16384", "64"});
  Outcome outcome = run();
  EXPECT_OK(outcome);
  EXPECT_EQ(outcome.out.size(), 16384u * 64);
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
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Lifecycle, TheProgramDoesNotRunBeforeStart) {
  config.probe({"mkdir", "/tmp/started", ",", "wait"});
  create();
  EXPECT_EQ(host_names_in(rootfs("tmp")), Strings{});
  start();
  EXPECT_EQ(output().next().substr(0, 8), "{\"call\":");
  EXPECT_EQ(host_names_in(rootfs("tmp")), Strings{"started"});
}

TEST_F(Lifecycle, StateHoldsWhatTheSpecificationWants) {
  config.set_json("annotations", R"({"org.example.key": "value", "empty": ""})");
  launch_probe({"wait"});
  json::Value seen = state();
  EXPECT_FALSE(text_at(seen, "ociVersion").empty());
  EXPECT_EQ(text_at(seen, "id"), id());
  EXPECT_EQ(text_at(seen, "status"), "running");
  EXPECT_EQ(number_at(seen, "pid"), init_pid());
  EXPECT_EQ(text_at(seen, "bundle"), bundle());
  const json::Value* annotations = seen.find("annotations");
  ASSERT_NE(annotations, nullptr);
  EXPECT_EQ(text_at(*annotations, "org.example.key"), "value");
}

TEST_F(Lifecycle, StateOfAStoppedContainerHasNoPid) {
  launch_probe({"exit", "0"});
  ASSERT_TRUE(wait_init().has_value());
  json::Value seen = state();
  EXPECT_EQ(text_at(seen, "status"), "stopped");
  EXPECT_LE(number_at(seen, "pid"), 0);
}

TEST_F(Lifecycle, AZombieIsStopped) {
  launch_probe({"wait"});
  ASSERT_TRUE(sys::pidfd_send_signal(sys::pidfd_open(init_pid())->get(), SIGKILL).has_value());
  await_status("stopped");  // nobody has reaped it yet
  EXPECT_OK(call({"delete", id()}));
  forget();
}

TEST_F(Lifecycle, StartTwiceFailsAndHarmsNothing) {
  launch_probe({"wait"});
  Outcome again = call({"start", id()});
  EXPECT_NE(again.status, 0);
  EXPECT_NE(again.err, "");
  EXPECT_EQ(status(), "running");
}

TEST_F(Lifecycle, StartOfAStoppedContainerFails) {
  launch_probe({"exit", "0"});
  ASSERT_TRUE(wait_init().has_value());
  EXPECT_NE(call({"start", id()}).status, 0);
  EXPECT_EQ(status(), "stopped");
}

TEST_F(Lifecycle, ASecondContainerOfTheSameNameIsRefused) {
  launch_probe({"wait"});
  Outcome second = call({"create", "--bundle", bundle(), id()});
  EXPECT_NE(second.status, 0);
  EXPECT_TRUE(second.err.contains("exist")) << second.err;
  EXPECT_NE(call({"run", "--bundle", bundle(), id()}).status, 0);
  EXPECT_EQ(status(), "running");
}

TEST_F(Lifecycle, DeleteOfARunningContainerNeedsForce) {
  launch_probe({"wait"});
  Outcome refused = call({"delete", id()});
  EXPECT_NE(refused.status, 0);
  EXPECT_NE(refused.err, "");
  EXPECT_EQ(status(), "running");
  EXPECT_OK(call({"delete", "--force", id()}));
  forget();
  EXPECT_EQ(status(), "");
  std::optional<ExitStatus> ended = wait_init(0);
  ASSERT_TRUE(ended.has_value()) << "delete --force returned while the process lived";
  EXPECT_EQ(ended->signal, SIGKILL);
}

TEST_F(Lifecycle, ACreatedContainerIsDeletedByForce) {
  create();
  EXPECT_OK(call({"delete", "-f", id()}));
  forget();
  EXPECT_EQ(status(), "");
  EXPECT_TRUE(wait_init().has_value());
}

TEST_F(Lifecycle, ACreatedContainerCanBeKilled) {
  create();
  kill_init();
  EXPECT_EQ(status(), "stopped");
}

TEST_F(Lifecycle, DeleteOfAnUnknownContainer) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 has other words for an unknown container");
  Outcome outcome = call({"delete", id()});
  EXPECT_NE(outcome.status, 0);
  EXPECT_TRUE(outcome.err.contains("does not exist")) << outcome.err;
  EXPECT_OK(call({"delete", "--force", id()}));
  EXPECT_OK(call({"delete", "-f", id()}));
}

TEST_F(Lifecycle, VerbsOnAnUnknownContainerFail) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 has other words for an unknown container");
  for (const Strings& words : std::vector<Strings>{{"state", id()},
                                                   {"start", id()},
                                                   {"kill", id(), "KILL"},
                                                   {"ps", id()},
                                                   {"exec", id(), "/bin/probe"}}) {
    Outcome outcome = call(words);
    EXPECT_NE(outcome.status, 0) << words[0];
    EXPECT_TRUE(outcome.err.contains("does not exist")) << words[0] << ": " << outcome.err;
  }
}

TEST_F(Lifecycle, NamesThatCouldLeaveTheStateDirectoryAreRefused) {
  write_config();
  for (const std::string& bad : Strings{"", ".", "..", "a/b", "/a", "../a", "a b", "a\nb",
                                        "\xc3\xa4", "a:b", std::string(2000, 'a')}) {
    Outcome outcome = call({"run", "--bundle", bundle(), bad});
    EXPECT_NE(outcome.status, 0) << quote(bad);
    EXPECT_NE(outcome.err, "") << quote(bad);
    EXPECT_NE(call({"delete", bad}).status, 0) << quote(bad);
  }
}

TEST_F(Lifecycle, NamesOfCallersAreTaken) {
  std::string number = id().substr(id().rfind('-') + 1);
  for (const std::string& name :
       Strings{cat(id(), ".node1.root.5.4294967291.0"), cat(id(), "_under+plus-Minus.point"),
               cat(id(), "-", std::string(64, 'f'))}) {
    config.probe({"exit", "5"});
    write_config();
    EXPECT_EQ(call({"run", "--bundle", bundle(), name}).status, 5) << name;
  }
}

TEST_F(Lifecycle, RunDetachReturnsWhileItRuns) {
  config.probe({"wait"});
  write_config();
  std::string pid_file = directory("pid");
  will_remove(id());
  Outcome outcome = call({"run", "--detach", "--pid-file", pid_file, "--bundle", bundle(), id()});
  ASSERT_OK(outcome);
  EXPECT_EQ(status(), "running");
  EXPECT_EQ(trim(read_host_file(pid_file)), cat(number_at(state(), "pid")));
}

TEST_F(Lifecycle, RunInTheForegroundWritesThePidFile) {
  config.probe({"exit", "0"});
  write_config();
  ASSERT_OK(call({"run", "--pid-file", directory("pid"), "-b", bundle(), id()}));
  EXPECT_TRUE(parse_number<pid_t>(trim(read_host_file(directory("pid")))).has_value());
}

TEST_F(Lifecycle, RunPassesSignalsOn) {
  Result<sys::Pipe> pipe = sys::pipe2();
  ASSERT_TRUE(pipe.has_value());
  config.probe({"signals"});
  write_config();
  Running running =
      launch({"run", "--bundle", bundle(), id()}, {.stdout_fd = pipe->write_end.get()});
  pipe->write_end.reset();
  LineReader lines(std::move(pipe->read_end));
  ASSERT_EQ(lines.next(), "ready");
  for (int number : {SIGHUP, SIGUSR1, SIGTERM}) {
    ASSERT_TRUE(sys::pidfd_send_signal(running.child().pidfd(), number).has_value());
    EXPECT_EQ(Report::parse(lines.next()).number("signals", "signal"), number);
  }
  EXPECT_EQ(running.wait().status, 0);
}

TEST_F(Lifecycle, TheEndOfProcessOneEndsAllOthers) {
  Report report = run_probe({"children", "3", ",", "orphan"});
  EXPECT_EQ(report.numbers("children 3", "pids").size(), 3u);
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Lifecycle, BundleIsTheWorkingDirectoryUnlessSaid) {
  config.probe({"exit", "6"});
  write_config();
  EXPECT_EQ(call({"run", id()}, {.wrapper = {Host::get().probe(), "in", bundle(), "--"}}).status,
            6);
  Strings in_parent = {Host::get().probe(), "in", directory(), "--"};
  EXPECT_EQ(call({"run", "--bundle", "bundle", id()}, {.wrapper = in_parent}).status, 6);
  EXPECT_EQ(call({"run", "-b", "./bundle/", id()}, {.wrapper = in_parent}).status, 6);
  EXPECT_EQ(call({"run", cat("--bundle=", bundle(), "/"), id()}).status, 6);
}

TEST_F(Lifecycle, StateNamesTheBundleByItsAbsolutePath) {
  config.probe({"wait"});
  write_config();
  will_remove(id());
  ASSERT_OK(call({"run", "--detach", "--bundle", "bundle", id()},
                 {.wrapper = {Host::get().probe(), "in", directory(), "--"}}));
  EXPECT_EQ(text_at(state(), "bundle"), bundle());
}

TEST_F(Lifecycle, ContainersLiveSideBySide) {
  config.probe({"wait"});
  config.remove("linux.cgroupsPath");
  write_config();
  std::vector<Running> started;
  Strings ids;
  for (int i = 0; i < 6; i++) {
    ids.push_back(new_id());
    will_remove(ids.back());
    started.push_back(launch({"run", "--detach", "--bundle", bundle(), ids.back()}));
  }
  for (Running& running : started) EXPECT_OK(running.wait());
  for (const std::string& id : ids) EXPECT_EQ(status_of(id), "running");
}

TEST_F(Lifecycle, OfTwoOfOneNameAtOnceOneWins) {
  config.probe({"wait"});
  write_config();
  will_remove(id());
  std::vector<Running> started;
  for (int i = 0; i < 4; i++) {
    started.push_back(launch({"run", "--detach", "--bundle", bundle(), id()}));
  }
  int won = 0;
  for (Running& running : started) won += running.wait().status == 0 ? 1 : 0;
  EXPECT_EQ(won, 1);
  EXPECT_EQ(status(), "running");
}

class Kill : public RuntimeTest {};

TEST_F(Kill, TakesNamesAndNumbers) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 ends the container for a signal in lower case");
  launch_probe({"signals"});
  ASSERT_EQ(output().next(), "ready");
  for (const char* name : {"USR1", "SIGUSR1", "usr1", "sigusr1", "10"}) {
    EXPECT_OK(call({"kill", id(), name}));
    EXPECT_EQ(Report::parse(output().next()).number("signals", "signal"), SIGUSR1) << name;
  }
}

TEST_F(Kill, SendsTermUnlessSaid) {
  launch_probe({"trap", cat(SIGTERM), "9"});
  ASSERT_EQ(output().next(), "ready");
  EXPECT_OK(call({"kill", id()}));
  std::optional<ExitStatus> ended = wait_init();
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->code, 9);
}

TEST_F(Kill, RefusesWhatIsNoSignal) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 sends another signal for a name that is none");
  launch_probe({"wait"});
  for (const char* name : {"FOO", "SIGFOO", "9x", "0x9", "65", "-1", "SIG"}) {
    Outcome outcome = call({"kill", id(), name});
    EXPECT_NE(outcome.status, 0) << name;
    EXPECT_NE(outcome.err, "") << name;
  }
  EXPECT_EQ(status(), "running");
}

TEST_F(Kill, OfAStoppedContainerFails) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 says no such process instead of not running");
  launch_probe({"exit", "0"});
  ASSERT_TRUE(wait_init().has_value());
  Outcome outcome = call({"kill", id(), "KILL"});
  EXPECT_NE(outcome.status, 0);
  EXPECT_TRUE(outcome.err.contains("not running")) << outcome.err;
}

TEST_F(Kill, AllReachesProcessesWithoutAPidNamespace) {
  config.without_namespace("pid");
  launch_probe({"orphan", ",", "children", "2", ",", "print", "ready", ",", "wait"});
  for (std::string line = output().next(); line != "ready"; line = output().next()) {
    ASSERT_TRUE(line.starts_with('{')) << line;
  }
  EXPECT_OK(call({"kill", "--all", id(), "9"}));
  EXPECT_TRUE(wait_init().has_value());
  EXPECT_EQ(leftovers().find("process left"), std::string::npos) << leftovers();
}

TEST_F(Kill, AllOptionComesInEachForm) {
  for (const char* option : {"--all", "-a"}) {
    launch_probe({"wait"});
    EXPECT_OK(call({"kill", option, id(), "SIGKILL"})) << option;
    EXPECT_TRUE(wait_init().has_value());
    remove();
  }
}

TEST_F(Kill, AllAfterTheEndIsNoHardFailure) {
  launch_probe({"exit", "0"});
  ASSERT_TRUE(wait_init().has_value());
  Outcome outcome = call({"kill", "--all", id(), "9"});
  bool understood = outcome.status == 0 || outcome.err.contains("not running") ||
                    outcome.err.contains("no such process");
  EXPECT_TRUE(understood) << outcome.err;
}

TEST_F(Kill, DeleteByForceReachesProcessesWithoutAPidNamespace) {
  config.without_namespace("pid");
  launch_probe({"orphan", ",", "children", "2", ",", "print", "ready", ",", "wait"});
  for (std::string line = output().next(); line != "ready"; line = output().next()) {
    ASSERT_TRUE(line.starts_with('{')) << line;
  }
  remove();
  EXPECT_TRUE(wait_init().has_value());
  EXPECT_EQ(leftovers(), "");
}

}  // namespace
}  // namespace crunlite::integration
