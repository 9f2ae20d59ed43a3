// SPDX-License-Identifier: Apache-2.0
// Every failure names what is wrong and leaves nothing behind.
#include <unistd.h>

#include "base/text.h"
#include "tests/integration/harness.h"

namespace crunlite::integration {
namespace {

class Errors : public RuntimeTest {
 protected:
  // A run that must fail, with `words` in its message, and nothing left.
  void expect_failure(std::string_view what, std::string_view words) {
    Outcome outcome = run();
    EXPECT_NE(outcome.status, 0) << what;
    std::erase(outcome.err, '\\');  // runc's log escapes quotation marks
    EXPECT_TRUE(outcome.err.contains(words)) << what << ": " << outcome.err;
    EXPECT_EQ(leftovers(), "") << what;
  }
};

// What callers look for in a message decides about their own exit status: runc's words.
TEST_F(Errors, AProgramThatIsNotInThePath) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 has other words for a missing program");
  config.args({"no-such-program"});
  expect_failure("no-such-program",
                 R"(exec: "no-such-program": executable file not found in $PATH)");
}

TEST_F(Errors, AProgramThatDoesNotExist) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 has other words for a missing program");
  config.args({"/no/such/program"});
  expect_failure("/no/such/program", R"(exec: "/no/such/program")");
  expect_failure("/no/such/program", "no such file or directory");
}

TEST_F(Errors, AProgramThatMayNotBeExecuted) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 has other words for a program without permission");
  config.args({"/etc/passwd"});
  expect_failure("/etc/passwd", "permission denied");
  config.set_json("process.user", R"({"uid": 1000, "gid": 1000})");
  write_host_file(rootfs("bin/private"), "#!/bin/probe\n", 0700);
  config.args({"/bin/private"});
  expect_failure("/bin/private", "permission denied");
}

TEST_F(Errors, ADirectoryIsNoProgram) {
  config.args({"/etc"});
  Outcome outcome = run();
  EXPECT_NE(outcome.status, 0);
  EXPECT_NE(outcome.err, "");
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Errors, AProgramOfAnotherFormat) {
  write_host_file(rootfs("bin/text"), "no program at all\n", 0755);
  config.args({"/bin/text"});
  Outcome outcome = run();
  EXPECT_NE(outcome.status, 0);
  EXPECT_TRUE(outcome.err.contains("exec format error") ||
              outcome.err.contains("Exec format error"))
      << outcome.err;
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Errors, AnInterpreterThatIsMissing) {
  write_host_file(rootfs("bin/script"), "#!/no/such/shell\n", 0755);
  config.args({"/bin/script"});
  EXPECT_NE(run().status, 0);
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Errors, CreateFailsForAMissingProgramAlready) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 has other words for a missing program");
  config.args({"no-such-program"});
  Outcome created = try_create();
  Outcome outcome = created;
  if (created.ok()) outcome = call({"start", id()});
  EXPECT_NE(outcome.status, 0);
  EXPECT_TRUE(outcome.err.contains("executable file not found in $PATH")) << outcome.err;
}

TEST_F(Errors, AWorkingDirectoryThatIsAFile) {
  config.set("process.cwd", "/etc/passwd");
  Outcome outcome = run();
  EXPECT_NE(outcome.status, 0);
  EXPECT_NE(outcome.err, "");
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Errors, AMissingBundle) {
  Outcome outcome = call({"run", "--bundle", directory("nowhere"), id()});
  EXPECT_NE(outcome.status, 0);
  EXPECT_TRUE(outcome.err.contains("nowhere")) << outcome.err;
}

TEST_F(Errors, AMissingConfig) {
  Outcome outcome = call({"run", "--bundle", bundle(), id()});
  EXPECT_NE(outcome.status, 0);
  EXPECT_TRUE(outcome.err.contains("config.json")) << outcome.err;
}

TEST_F(Errors, ConfigsThatAreNoJson) {
  for (const char* text : {"", "{", "[]", "null", "{}", "\"x\"", "{\"ociVersion\": \"1.0.2\",}",
                           "{\"ociVersion\": \"1.0.2\"} trailing", "\xff\xfe"}) {
    write_host_file(cat(bundle(), "/config.json"), text);
    Outcome outcome = call({"run", "--bundle", bundle(), id()});
    EXPECT_NE(outcome.status, 0) << text;
    EXPECT_NE(outcome.err, "") << text;
    EXPECT_EQ(leftovers(), "") << text;
  }
}

TEST_F(Errors, AConfigThatIsTooDeep) {
  std::string deep = cat(std::string(100'000, '['), std::string(100'000, ']'));
  write_host_file(cat(bundle(), "/config.json"),
                  cat("{\"ociVersion\": \"1.0.2\", \"x\": ", deep, "}"));
  Outcome outcome = call({"run", "--bundle", bundle(), id()});
  EXPECT_NE(outcome.status, 0);
  EXPECT_LT(outcome.status, 128) << outcome.err;  // no crash
}

TEST_F(Errors, AnInterruptedCreateLeavesNothingAfterDelete) {
  config.bind(directory("missing"), "/data");
  EXPECT_NE(try_create().status, 0);
  EXPECT_EQ(leftovers(), "");
  EXPECT_OK(call({"delete", "--force", id()}));
}

// One field that is wrong, or that this runtime does not support: the message names its path.
struct WrongField {
  const char* set;   // path in the config
  const char* json;  // what is put there
  const char* named;
};

class NamedErrors : public Errors {
 protected:
  void expect_each(std::span<const WrongField> fields) {
    for (const WrongField& field : fields) {
      config = Config::base().set("linux.cgroupsPath", cgroup_of(id()));
      config.set_json(field.set, field.json);
      Outcome outcome = run();
      std::string what = cat(std::string_view(field.set), " = ", std::string_view(field.json));
      EXPECT_NE(outcome.status, 0) << what;
      EXPECT_TRUE(outcome.err.contains(field.named)) << what << ": " << outcome.err;
    }
    EXPECT_EQ(leftovers(), "");
  }
};

TEST_F(NamedErrors, WrongTypes) {
  ONLY_CRUN_LITE("the path of a wrong field is named by crun-lite only");
  const WrongField fields[] = {
      {"ociVersion", "1", "ociVersion"},
      {"process", "[]", "process"},
      {"process.terminal", "\"yes\"", "process.terminal"},
      {"process.args", "\"/bin/probe\"", "process.args"},
      {"process.args", "[1]", "process.args[0]"},
      {"process.env", "{}", "process.env"},
      {"process.env", "[\"A=1\", 2]", "process.env[1]"},
      {"process.cwd", "7", "process.cwd"},
      {"process.user.uid", "\"0\"", "process.user.uid"},
      {"process.user.uid", "-1", "process.user.uid"},
      {"process.user.uid", "4294967296", "process.user.uid"},
      {"process.user.uid", "1.5", "process.user.uid"},
      {"process.user.additionalGids", "[\"a\"]", "process.user.additionalGids[0]"},
      {"process.user.umask", "-1", "process.user.umask"},
      {"process.capabilities", "[]", "process.capabilities"},
      {"process.capabilities.bounding", "\"CAP_KILL\"", "process.capabilities.bounding"},
      {"process.rlimits", "{}", "process.rlimits"},
      {"process.rlimits", R"([{"type": "RLIMIT_CORE", "soft": "x", "hard": 1}])",
       "process.rlimits[0].soft"},
      {"process.rlimits", R"([{"type": "RLIMIT_CORE", "soft": 1}])", "process.rlimits[0].hard"},
      {"process.noNewPrivileges", "1", "process.noNewPrivileges"},
      {"process.oomScoreAdj", "\"1\"", "process.oomScoreAdj"},
      {"process.consoleSize", R"({"height": 1})", "process.consoleSize.width"},
      {"root", "\"rootfs\"", "root"},
      {"root", "{}", "root.path"},
      {"root.readonly", "\"true\"", "root.readonly"},
      {"hostname", "[]", "hostname"},
      {"mounts", "{}", "mounts"},
      {"mounts", R"([{"type": "tmpfs"}])", "mounts[0].destination"},
      {"mounts", R"([{"destination": "/x", "type": "tmpfs", "options": "ro"}])",
       "mounts[0].options"},
      {"hooks.prestart", R"([{"args": ["x"]}])", "hooks.prestart[0].path"},
      {"hooks.poststop", R"([{"path": "/x", "timeout": "1"}])", "hooks.poststop[0].timeout"},
      {"linux.namespaces", R"([{"path": "/x"}])", "linux.namespaces[0].type"},
      {"linux.uidMappings", R"([{"containerID": 0, "hostID": 0}])", "linux.uidMappings[0].size"},
      {"linux.devices", R"([{"type": "c", "major": 1}])", "linux.devices[0].path"},
      {"linux.sysctl", R"({"a.b": 1})", "linux.sysctl"},
      {"linux.resources.devices", R"([{"access": "r"}])", "linux.resources.devices[0].allow"},
      {"linux.resources.memory", R"({"limit": "64m"})", "linux.resources.memory.limit"},
      {"linux.resources.cpu", R"({"shares": -1})", "linux.resources.cpu.shares"},
      {"linux.resources.pids", "{}", "linux.resources.pids.limit"},
      {"linux.resources.pids", "5", "linux.resources.pids"},
      {"linux.seccomp", "{}", "linux.seccomp.defaultAction"},
      {"linux.seccomp", R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["x"]}]})",
       "linux.seccomp.syscalls[0].action"},
      {"linux.maskedPaths", "\"/x\"", "linux.maskedPaths"},
      {"annotations", R"({"a": 1})", "annotations"},
  };
  expect_each(fields);
}

TEST_F(NamedErrors, WrongValues) {
  ONLY_CRUN_LITE("the path of a wrong field is named by crun-lite only");
  const WrongField fields[] = {
      {"ociVersion", "\"2.0.0\"", "ociVersion"},
      {"ociVersion", "\"one\"", "ociVersion"},
      {"process.args", "[]", "process.args"},
      {"process.args", "[\"\"]", "process.args"},
      {"process.args", "[\"/bin/probe\", \"a\\u0000b\"]", "process.args[1]"},
      {"process.env", "[\"NO_VALUE\"]", "process.env[0]"},
      {"process.cwd", "\"relative\"", "process.cwd"},
      {"process.cwd", "\"\"", "process.cwd"},
      {"process.user.uid", "4294967295", "process.user.uid"},
      {"process.user.umask", "4096", "process.user.umask"},
      {"process.oomScoreAdj", "1001", "process.oomScoreAdj"},
      {"process.oomScoreAdj", "-1001", "process.oomScoreAdj"},
      {"process.rlimits", R"([{"type": "RLIMIT_FOO", "soft": 1, "hard": 1}])",
       "process.rlimits[0].type"},
      {"process.rlimits", R"([{"type": "RLIMIT_CORE", "soft": 2, "hard": 1}])",
       "process.rlimits[0].soft"},
      {"process.rlimits", R"([{"type": "RLIMIT_CORE", "soft": 1, "hard": 1},
                              {"type": "RLIMIT_CORE", "soft": 1, "hard": 1}])",
       "process.rlimits[1].type"},
      {"root.path", "\"\"", "root.path"},
      {"mounts", R"([{"destination": "", "type": "tmpfs"}])", "mounts[0].destination"},
      {"mounts", R"([{"destination": "/x"}])", "mounts[0].type"},
      {"mounts", R"([{"destination": "/x", "type": "bind", "options": ["bind"]}])",
       "mounts[0].source"},
      {"mounts", R"([{"destination": "/x", "type": "tmpfs", "options": ["ro", "copy-symlink"]}])",
       "mounts[0].options[1]"},
      {"mounts", R"([{"destination": "/x", "type": "proc", "options": ["tmpcopyup"]}])",
       "mounts[0].options"},
      {"mounts", R"([{"destination": "/x", "type": "tmpfs", "source": "tmpfs",
                      "options": ["size=many"]}])",
       "mounts[0]"},
      {"hooks.createRuntime", R"([{"path": "relative"}])", "hooks.createRuntime[0].path"},
      {"hooks.createRuntime", R"([{"path": "/x", "timeout": 0}])",
       "hooks.createRuntime[0].timeout"},
      {"hooks.createRuntime", R"([{"path": "/x", "env": ["X"]}])", "hooks.createRuntime[0].env[0]"},
      {"linux.namespaces", R"([{"type": "mount"}, {"type": "uts"}, {"type": "foo"}])",
       "linux.namespaces[2].type"},
      {"linux.namespaces", R"([{"type": "mount"}, {"type": "uts"}, {"type": "mount"}])",
       "linux.namespaces[2].type"},
      {"linux.namespaces", R"([{"type": "pid"}, {"type": "uts"}])", "linux.namespaces"},
      {"linux.devices", R"([{"type": "x", "path": "/dev/x"}])", "linux.devices[0].type"},
      {"linux.devices", R"([{"type": "c", "path": "dev/x", "major": 1, "minor": 3}])",
       "linux.devices[0].path"},
      {"linux.devices", R"([{"type": "c", "path": "/dev/x", "major": -1, "minor": 3}])",
       "linux.devices[0].major"},
      {"linux.resources.devices", R"([{"allow": true, "type": "z", "access": "r"}])",
       "linux.resources.devices[0].type"},
      {"linux.resources.devices", R"([{"allow": true, "access": "rx"}])",
       "linux.resources.devices[0].access"},
      {"linux.sysctl", R"({"kernel.pid_max": "1000"})", "linux.sysctl"},
      {"linux.sysctl", R"({"../etc/passwd": "1"})", "linux.sysctl"},
      {"linux.rootfsPropagation", "\"sideways\"", "linux.rootfsPropagation"},
      {"linux.cgroupsPath", "\"/../escape\"", "linux.cgroupsPath"},
      {"linux.seccomp", R"({"defaultAction": "SCMP_ACT_MAYBE"})", "linux.seccomp.defaultAction"},
      {"linux.seccomp", R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["Z80"]})",
       "linux.seccomp.architectures[0]"},
      {"linux.seccomp", R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getpid"],
          "action": "SCMP_ACT_ERRNO", "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]}]})",
       "linux.seccomp.syscalls[0].args[0].index"},
      {"linux.seccomp", R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getpid"],
          "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_XX"}]}]})",
       "linux.seccomp.syscalls[0].args[0].op"},
      {"linux.maskedPaths", "[\"relative\"]", "linux.maskedPaths[0]"},
      {"linux.readonlyPaths", "[\"relative\"]", "linux.readonlyPaths[0]"},
  };
  expect_each(fields);
}

TEST_F(NamedErrors, WhatIsNotSupportedYetIsRefused) {
  ONLY_CRUN_LITE("the path of a refused field is named by crun-lite only");
  const WrongField fields[] = {
      {"process.apparmorProfile", "\"x\"", "process.apparmorProfile"},
      {"process.selinuxLabel", "\"x\"", "process.selinuxLabel"},
      {"process.ioPriority", R"({"class": "IOPRIO_CLASS_IDLE", "priority": 9})",
       "process.ioPriority.priority"},
      {"process.scheduler", R"({"policy": "SCHED_BATCH", "priority": 3})",
       "process.scheduler.priority"},
      {"mounts.0.uidMappings", R"([{"containerID": 0, "hostID": 0, "size": 1}])",
       "mounts[0].gidMappings"},
      {"annotations", R"({"io.crun-lite.landlock": "q /"})", "io.crun-lite.landlock"},
      {"linux.mountLabel", "\"x\"", "linux.mountLabel"},
      {"linux.intelRdt", R"({"closID": "x"})", "linux.intelRdt"},
      {"linux.personality", R"({"domain": "BSD"})", "linux.personality.domain"},
      {"linux.memoryPolicy", R"({"mode": "MPOL_BIND"})", "linux.memoryPolicy.nodes"},
      {"linux.netDevices", R"({"eth0": {}})", "linux.netDevices"},
      {"linux.timeOffsets", R"({"monotonic": {"secs": 1}})", "linux.timeOffsets"},
      {"linux.seccomp", R"({"defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "x"})",
       "linux.seccomp.listenerMetadata"},
      {"linux.seccomp", R"({"defaultAction": "SCMP_ACT_NOTIFY"})", "linux.seccomp.listenerPath"},
  };
  expect_each(fields);
}

}  // namespace
}  // namespace crunlite::integration
