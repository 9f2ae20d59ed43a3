// SPDX-License-Identifier: Apache-2.0
// Hooks: order, state, namespaces, failures, deadlines (config.md#posix-platform-hooks).
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "tests/integration/harness.h"

namespace crunlite::integration {
namespace {

class Hooks : public RuntimeTest {
 protected:
  [[nodiscard]] std::string log() const { return directory("hooks.log"); }

  void add(std::string_view name, std::string_view path, const Strings& words,
           std::string_view more = "") {
    config.add_json(cat("hooks.", name),
                    cat(R"({"path": ")", path, R"(", "args": )", json::write(to_json(words)),
                        more.empty() ? "" : ", ", more, "}"));
  }
  // A hook that records what it sees, below its name and number.
  void add_recorder(std::string_view name, std::string_view label = "") {
    std::string said(label.empty() ? name : label);
    bool inside = name == "startContainer";
    add(name, inside ? "/bin/probe" : Host::get().probe(),
        {"probe", "hook", inside ? "/tmp/hooks.log" : log(), said});
  }
  void add_failing(std::string_view name) {
    bool inside = name == "startContainer";
    add(name, inside ? "/bin/probe" : Host::get().probe(),
        {"probe", "complain", "the hook is unhappy", ",", "exit", "7"});
  }

  // What was recorded, in order.
  [[nodiscard]] std::vector<json::Value> records(const std::string& file) {
    std::vector<json::Value> list;
    if (!host_path_exists(file)) return list;
    std::string text = read_host_file(file);
    for (std::string_view line : split(text, '\n')) {
      if (!line.empty()) list.push_back(parse_json(line));
    }
    return list;
  }
  [[nodiscard]] Strings recorded_names() {
    Strings names;
    for (const json::Value& record : records(log())) names.push_back(text_at(record, "name"));
    return names;
  }
  [[nodiscard]] json::Value record_of(std::string_view name, const std::string& file) {
    for (json::Value& record : records(file)) {
      if (text_at(record, "name") == name) return std::move(record);
    }
    ADD_FAILURE() << "the hook " << name << " did not run";
    return json::Value();
  }
  // The state that a hook was given on standard input.
  [[nodiscard]] json::Value state_given(std::string_view name) {
    std::string file = name == "startContainer" ? rootfs("tmp/hooks.log") : log();
    return json::parse(text_at(record_of(name, file), "state")).value_or(json::Value());
  }
  [[nodiscard]] std::string namespace_given(std::string_view name, std::string_view kind) {
    std::string file = name == "startContainer" ? rootfs("tmp/hooks.log") : log();
    const json::Value record = record_of(name, file);
    const json::Value* all = record.find("namespaces");
    return all == nullptr ? "" : text_at(*all, kind);
  }
};

constexpr const char* kAll[] = {"prestart",       "createRuntime", "createContainer",
                                "startContainer", "poststart",     "poststop"};

TEST_F(Hooks, RunInTheirOrderAtTheirTime) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 runs poststart hooks at create");
  for (const char* name : kAll) add_recorder(name);
  config.probe({"wait"});
  create();
  EXPECT_EQ(recorded_names(), (Strings{"prestart", "createRuntime", "createContainer"}));
  EXPECT_FALSE(host_path_exists(rootfs("tmp/hooks.log")));
  start();
  EXPECT_EQ(records(rootfs("tmp/hooks.log")).size(), 1u);
  EXPECT_EQ(recorded_names(),
            (Strings{"prestart", "createRuntime", "createContainer", "poststart"}));
  kill_init();
  EXPECT_FALSE(contains(recorded_names(), "poststop"));
  EXPECT_OK(call({"delete", id()}));
  forget();
  EXPECT_EQ(recorded_names().back(), "poststop");
}

TEST_F(Hooks, OfOneKindRunInTheOrderOfTheConfig) {
  for (const char* label : {"first", "second", "third"}) add_recorder("createRuntime", label);
  config.probe({"exit", "0"});
  EXPECT_OK(run());
  EXPECT_EQ(recorded_names(), (Strings{"first", "second", "third"}));
}

TEST_F(Hooks, AllRunInTheForeground) {
  for (const char* name : kAll) add_recorder(name);
  config.probe({"exit", "0"});
  EXPECT_OK(run());
  EXPECT_EQ(recorded_names(),
            (Strings{"prestart", "createRuntime", "createContainer", "poststart", "poststop"}));
}

TEST_F(Hooks, AreGivenTheState) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 gives hooks the state created instead of creating");
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 runs poststart hooks at create");
  for (const char* name : kAll) add_recorder(name);
  config.set_json("annotations", R"({"org.example": "yes"})");
  launch_probe({"wait"});
  pid_t pid = init_pid();
  kill_init();
  remove();
  for (const char* name : kAll) {
    json::Value given = state_given(name);
    EXPECT_EQ(text_at(given, "id"), id()) << name;
    EXPECT_EQ(text_at(given, "bundle"), bundle()) << name;
    EXPECT_FALSE(text_at(given, "ociVersion").empty()) << name;
    std::string_view kind = name;
    if (kind != "poststop" && kind != "startContainer" && kind != "createContainer") {
      EXPECT_EQ(number_at(given, "pid"), pid) << name;
    }
    const json::Value* annotations = given.find("annotations");
    ASSERT_NE(annotations, nullptr) << name;
    EXPECT_EQ(text_at(*annotations, "org.example"), "yes") << name;
  }
  for (const char* name : {"prestart", "createRuntime", "createContainer"}) {
    EXPECT_EQ(text_at(state_given(name), "status"), "creating") << name;
  }
  EXPECT_EQ(text_at(state_given("poststart"), "status"), "running");
  EXPECT_EQ(text_at(state_given("poststop"), "status"), "stopped");
}

TEST_F(Hooks, RunInTheNamespacesOfTheSpecification) {
  for (const char* name : kAll) add_recorder(name);
  config.with_namespace("network");
  launch_probe({"namespaces", ",", "wait"});
  Report inside = Report::parse(output().next());
  remove();
  for (const char* name : {"prestart", "createRuntime", "poststart", "poststop"}) {
    for (const char* kind : {"mnt", "net", "uts", "ipc"}) {
      EXPECT_EQ(namespace_given(name, kind), host_namespace(kind)) << name << " " << kind;
    }
  }
  for (const char* name : {"createContainer", "startContainer"}) {
    for (const char* kind : {"mnt", "net", "uts", "ipc"}) {
      EXPECT_EQ(namespace_given(name, kind), inside.text("namespaces", kind))
          << name << " " << kind;
    }
  }
}

TEST_F(Hooks, HaveTheirOwnArgumentsAndEnvironment) {
  add("createRuntime", Host::get().probe(), {"argv0", "hook", log(), "own"},
      R"("env": ["ONLY=this", "AND=that"])");
  config.probe({"exit", "0"});
  EXPECT_OK(run());
  json::Value record = record_of("own", log());
  const json::Value* env = record.find("env");
  ASSERT_NE(env, nullptr);
  EXPECT_EQ(json::write(*env), R"(["ONLY=this","AND=that"])");
}

TEST_F(Hooks, TheNetworkCanBePreparedByOne) {
  // What network plugins do: the namespace exists when createRuntime runs, named by the pid.
  config.with_namespace("network");
  write_host_file(directory("plugin"),
                  "#!/bin/sh\npid=$(tr -d '\\n' | sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/')\n"
                  "readlink /proc/$pid/ns/net > " +
                      directory("seen") + "\n",
                  0755);
  add("createRuntime", directory("plugin"), {"plugin"}, R"("env": ["PATH=/usr/bin:/bin"])");
  Report report = run_probe({"namespaces"});
  EXPECT_EQ(trim(read_host_file(directory("seen"))), report.text("namespaces", "net"));
}

TEST_F(Hooks, AFailureBeforeStartFailsCreate) {
  for (const char* name : {"prestart", "createRuntime", "createContainer"}) {
    config.remove("hooks");
    add_failing(name);
    Outcome outcome = try_create();
    EXPECT_NE(outcome.status, 0) << name;
    EXPECT_TRUE(outcome.err.contains("hook")) << name << ": " << outcome.err;
    EXPECT_EQ(leftovers(), "") << name;
    EXPECT_EQ(status(), "") << name;
  }
}

TEST_F(Hooks, WhatAFailingHookSaidIsPassedOn) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 does not repeat what a failing hook said");
  add_failing("createRuntime");
  Outcome outcome = run();
  EXPECT_NE(outcome.status, 0);
  EXPECT_TRUE(outcome.err.contains("unhappy")) << outcome.err;
}

TEST_F(Hooks, AfterAFailureLaterHooksDoNotRun) {
  add_failing("createRuntime");
  add_recorder("createRuntime", "second");
  add_recorder("poststart");
  EXPECT_NE(run().status, 0);
  EXPECT_FALSE(contains(recorded_names(), "second"));
  EXPECT_FALSE(contains(recorded_names(), "poststart"));
}

TEST_F(Hooks, AFailingStartContainerFailsStart) {
  add_failing("startContainer");
  config.probe({"mkdir", "/tmp/ran"});
  Outcome outcome = run();
  EXPECT_NE(outcome.status, 0);
  EXPECT_FALSE(host_path_exists(rootfs("tmp/ran")));
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Hooks, AFailingPoststartIsAWarning) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 ends the container for a failing poststart hook");
  add_failing("poststart");
  add_recorder("poststart", "next");
  launch_probe({"wait"});
  EXPECT_EQ(status(), "running");
  EXPECT_TRUE(contains(recorded_names(), "next"));
}

TEST_F(Hooks, AFailingPoststopIsAWarning) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 stops at the first failing poststop hook");
  add_failing("poststop");
  add_recorder("poststop", "next");
  launch_probe({"wait"});
  remove();
  EXPECT_EQ(status(), "");
  EXPECT_TRUE(contains(recorded_names(), "next"));
}

TEST_F(Hooks, EndAfterTheirTime) {
  add("createRuntime", Host::get().probe(), {"probe", "wait"}, R"("timeout": 1)");
  int64_t before = sys::monotonic_ms();
  Outcome outcome = run();
  EXPECT_NE(outcome.status, 0);
  EXPECT_LT(sys::monotonic_ms() - before, 10'000 * Host::get().patience());
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Hooks, ThatAreMissingFail) {
  add("createRuntime", directory("no-such-hook"), {"hook"});
  Outcome outcome = run();
  EXPECT_NE(outcome.status, 0);
  EXPECT_TRUE(outcome.err.contains("no-such-hook")) << outcome.err;
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Hooks, MayLeaveTheirInputUnread) {
  config.set_json("annotations", cat(R"({"big": ")", std::string(300'000, 'x'), R"("})"));
  add("createRuntime", Host::get().probe(), {"probe", "exit", "0"});
  config.probe({"exit", "4"});
  EXPECT_EQ(run().status, 4);
}

TEST_F(Hooks, InheritNoDescriptor) {
  add_recorder("createRuntime");
  add_recorder("poststop");
  std::vector<UniqueFd> opened;
  CallOptions options;
  for (int i = 0; i < 10; i++) {
    Result<UniqueFd> fd = sys::open("/", O_RDONLY | O_DIRECTORY);
    ASSERT_TRUE(fd.has_value());
    options.pass_fds.push_back(fd->get());
    opened.push_back(std::move(*fd));
  }
  config.probe({"exit", "0"});
  EXPECT_OK(run(options));
  opened.clear();
  for (const char* name : {"createRuntime", "poststop"}) {
    json::Value record = record_of(name, log());
    const json::Value* numbers = record.find("descriptors");
    ASSERT_NE(numbers, nullptr);
    EXPECT_EQ(json::write(*numbers), R"(["0","1","2"])") << name;
  }
}

}  // namespace
}  // namespace crunlite::integration
