// SPDX-License-Identifier: Apache-2.0
// The command line: what podman, containerd, dockerd, CRI-O and Slurm say, word for word.
#include <unistd.h>

#include "base/text.h"
#include "tests/integration/harness.h"

namespace crunlite::integration {
namespace {

class CommandLine : public RuntimeTest {
 protected:
  // These words alone, without --root: a shell drops what call() puts behind.
  Outcome plain(const Strings& words) {
    CallOptions options;
    options.wrapper = {"/bin/sh", "-c", cat("exec \"$0\" ", quoted(words)),
                       Host::get().runtime().path};
    return call({}, options);
  }

 private:
  static std::string quoted(const Strings& words) {
    std::string text;
    for (const std::string& word : words) text += cat("'", word, "' ");
    return text;
  }
};

TEST_F(CommandLine, Version) {
  for (const char* option : {"--version", "-v"}) {
    Outcome outcome = plain({option});
    EXPECT_OK(outcome);
    EXPECT_TRUE(outcome.out.contains("version ")) << outcome.out;
    EXPECT_TRUE(outcome.out.contains("spec: 1.")) << outcome.out;
  }
}

TEST_F(CommandLine, Help) {
  Outcome outcome = plain({"--help"});
  EXPECT_OK(outcome);
  for (const char* verb :
       {"create", "start", "state", "kill", "delete", "exec", "run", "list", "ps", "spec"}) {
    EXPECT_TRUE(outcome.out.contains(verb)) << verb;
  }
  EXPECT_OK(plain({"run", "--help"}));
  EXPECT_OK(plain({"exec", "--help"}));
}

TEST_F(CommandLine, WhatIsUnknownIsAnError) {
  for (const Strings& words : std::vector<Strings>{{"no-such-verb"},
                                                   {"--no-such-option", "list"},
                                                   {"state"},
                                                   {"run", "--no-such-option", "x"},
                                                   {"run", "--bundle"},
                                                   {"kill"},
                                                   {"start"}}) {
    Outcome outcome = plain(words);
    EXPECT_NE(outcome.status, 0) << join(words, " ");
    EXPECT_NE(cat(outcome.err, outcome.out), "") << join(words, " ");
  }
}

TEST_F(CommandLine, TooManyWordsAreAnError) {
  launch_probe({"wait"});
  EXPECT_NE(call({"state", id(), "more"}).status, 0);
  EXPECT_NE(call({"start", id(), "more"}).status, 0);
}

TEST_F(CommandLine, RootInBothForms) {
  config.probe({"exit", "3"});
  write_config();
  for (const Strings& root :
       std::vector<Strings>{{"--root", state_root()}, {cat("--root=", state_root())}}) {
    Strings words = root;
    words.insert(words.end(), {"run", "--bundle", bundle(), id()});
    EXPECT_EQ(plain(words).status, 3) << root[0];
  }
}

TEST_F(CommandLine, AMissingRootIsMade) {
  config.probe({"exit", "3"});
  write_config();
  EXPECT_EQ(plain({"--root", directory("made/here"), "run", "--bundle", bundle(), id()}).status, 3);
}

TEST_F(CommandLine, OptionsOfCallersAreTaken) {
  config.probe({"exit", "3"});
  write_config();
  const std::vector<Strings> globals = {{"--debug"},
                                        {"--rootless=auto"},
                                        {"--rootless", "false"},
                                        {"--log", directory("log"), "--log-format", "json"},
                                        {cat("--log=", directory("log")), "--log-format=text"}};
  for (const Strings& global : globals) {
    EXPECT_EQ(call({"run", "--bundle", bundle(), id()}, {.global = global}).status, 3) << global[0];
  }
  EXPECT_EQ(call({"run", "--bundle", bundle(), "--no-new-keyring", id()}).status, 3);
  if (!differs(RuntimeKind::kCrun, "crun 1.8.1 has no --criu")) {
    EXPECT_EQ(
        call({"run", "--bundle", bundle(), id()}, {.global = {"--criu", "/usr/sbin/criu"}}).status,
        3);
  }
}

TEST_F(CommandLine, ContainerdsWords) {
  config.probe({"wait"});
  write_config();
  CallOptions options;
  options.global = {"--log", cat(bundle(), "/log.json"), "--log-format", "json"};
  will_remove(id());
  ASSERT_OK(call({"create", "--bundle", bundle(), "--pid-file", cat(bundle(), "/init.pid"), id()},
                 options));
  EXPECT_OK(call({"start", id()}, options));
  EXPECT_OK(call({"ps", "--format", "json", id()}, options));
  EXPECT_OK(call({"kill", "--all", id(), "9"}, options));
  await_status("stopped");
  EXPECT_OK(call({"delete", id()}, options));
  EXPECT_OK(call({"delete", "--force", id()}, options));
  forget();
}

TEST_F(CommandLine, SlurmsWords) {
  std::string name = cat(id(), ".node1.root.5.4294967291.0");
  std::string root = cat("--root=", state_root());
  config.probe({"exit", "6"});
  write_config();
  EXPECT_EQ(plain({root, "run", "--bundle", cat(bundle(), "/"), name}).status, 6);
  EXPECT_NE(plain({root, "state", name}).status, 0);
  config.probe({"wait"});
  write_config();
  will_remove(name);
  ASSERT_OK(plain({root, "run", "-d", "--bundle", cat(bundle(), "/"), name}));
  Outcome state = plain({root, "state", name});
  EXPECT_OK(state);
  EXPECT_TRUE(json::parse(state.out).has_value());
  EXPECT_OK(plain({root, "kill", "-a", name, "SIGKILL"}));
  EXPECT_OK(plain({root, "delete", "--force", name}));
}

TEST_F(CommandLine, ErrorsGoToTheLogAsJson) {
  std::string log = directory("log.json");
  Outcome outcome = call({"start", id()}, {.global = {"--log", log, "--log-format", "json"}});
  EXPECT_NE(outcome.status, 0);
  std::string text = read_host_file(log);
  std::vector<std::string_view> lines = split(trim(text), '\n');
  Result<json::Value> line = json::parse(lines.back());
  ASSERT_TRUE(line.has_value()) << text;
  EXPECT_EQ(text_at(*line, "level"), "error");
  EXPECT_NE(text_at(*line, "msg"), "");
  EXPECT_TRUE(text_at(*line, "time").starts_with("20")) << text;
}

TEST_F(CommandLine, TheErrorsOfTheContainersSideGoToTheLogToo) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 has other words for a missing program");
  std::string log = directory("log.json");
  config.args({"no-such-program"});
  write_config();
  Outcome outcome =
      call({"run", "--bundle", bundle(), id()}, {.global = {"--log", log, "--log-format", "json"}});
  EXPECT_NE(outcome.status, 0);
  EXPECT_TRUE(read_host_file(log).contains("executable file not found in $PATH"));
}

TEST_F(CommandLine, ALogGrowsAcrossCalls) {
  std::string log = directory("log");
  for (int i = 0; i < 2; i++) {
    EXPECT_NE(call({"start", id()}, {.global = {"--log", log}}).status, 0);
  }
  std::string text = read_host_file(log);
  EXPECT_GE(split(trim(text), '\n').size(), 2u) << text;
}

TEST_F(CommandLine, ErrorsGoToStandardError) {
  Outcome outcome = call({"start", id()});
  EXPECT_EQ(outcome.out, "");
  EXPECT_NE(outcome.err, "");
}

class Listing : public RuntimeTest {};

TEST_F(Listing, IsEmptyAtFirst) {
  EXPECT_OK(call({"list"}));
  Outcome quiet = call({"list", "--quiet"});
  EXPECT_OK(quiet);
  EXPECT_EQ(quiet.out, "");
}

TEST_F(Listing, Formats) {
  launch_probe({"wait"});
  Outcome table = call({"list"});
  EXPECT_OK(table);
  std::vector<std::string_view> lines = split(trim(table.out), '\n');
  ASSERT_EQ(lines.size(), 2u) << table.out;
  for (const char* column : {"PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}) {
    EXPECT_TRUE(lines[0].contains(column)) << lines[0];
  }
  EXPECT_TRUE(lines[1].contains(id()));
  EXPECT_TRUE(lines[1].contains("running"));
  EXPECT_TRUE(lines[1].contains(cat(init_pid())));
  for (const Strings& words : {Strings{"list", "--format", "json"}, Strings{"list", "-f", "json"},
                               Strings{"list", "--format=json"}}) {
    Outcome json = call(words);
    EXPECT_OK(json);
    Result<json::Value> value = json::parse(json.out);
    ASSERT_TRUE(value.has_value()) << json.out;
    const auto* array = value->get<json::Array>();
    ASSERT_NE(array, nullptr);
    ASSERT_EQ(array->size(), 1u);
    EXPECT_EQ(text_at((*array)[0], "id"), id());
    EXPECT_EQ(text_at((*array)[0], "status"), "running");
    EXPECT_EQ(number_at((*array)[0], "pid"), init_pid());
  }
  EXPECT_EQ(trim(call({"list", "-q"}).out), id());
  EXPECT_NE(call({"list", "--format", "xml"}).status, 0);
}

TEST_F(Listing, ShowsStoppedOnes) {
  launch_probe({"exit", "0"});
  ASSERT_TRUE(wait_init().has_value());
  EXPECT_TRUE(call({"list"}).out.contains("stopped"));
}

TEST_F(Listing, OfProcesses) {
  launch_probe({"children", "2", ",", "wait"});
  Report report = Report::parse(output().next());
  EXPECT_EQ(report.numbers("children 2", "pids").size(), 2u);
  Outcome json = call({"ps", "--format", "json", id()});
  EXPECT_OK(json);
  Result<json::Value> value = json::parse(json.out);
  ASSERT_TRUE(value.has_value()) << json.out;
  const auto* array = value->get<json::Array>();
  ASSERT_NE(array, nullptr);
  EXPECT_EQ(array->size(), 3u) << json.out;
  bool found = false;
  for (const json::Value& item : *array) found = found || item == json::Value(int64_t{init_pid()});
  EXPECT_TRUE(found) << json.out;
  if (differs(RuntimeKind::kCrun, "crun 1.8.1 lists pids only, without ps(1)")) return;
  Outcome table = call({"ps", id()});
  EXPECT_OK(table);
  EXPECT_TRUE(table.out.contains("PID")) << table.out;
  EXPECT_TRUE(table.out.contains(cat(init_pid()))) << table.out;
  EXPECT_EQ(split(trim(table.out), '\n').size(), 4u) << table.out;
}

class Specification : public RuntimeTest {};

TEST_F(Specification, IsAConfigThatRuns) {
  // A bundle of its own, beside the root file system of the test.
  make_host_directory(directory("fresh"));
  CallOptions inside;
  inside.wrapper = {Host::get().probe(), "in", directory("fresh"), "--"};
  ASSERT_OK(call({"spec"}, inside));
  std::string text = read_host_file(directory("fresh/config.json"));
  Result<json::Value> value = json::parse(text);
  ASSERT_TRUE(value.has_value()) << text;
  EXPECT_TRUE(text_at(*value, "ociVersion").starts_with("1."));
  EXPECT_NE(call({"spec"}, inside).status, 0) << "an existing config.json was overwritten";
  EXPECT_EQ(read_host_file(directory("fresh/config.json")), text);
  config = Config::from(std::move(*value));
  config.set("process.terminal", false).set("root.path", rootfs());
  config.set("linux.cgroupsPath", cgroup_of(id()));
  Report report = run_probe({"pids", ",", "caps"});
  EXPECT_EQ(report.number("pids", "pid"), 1);
  EXPECT_EQ(report.number("caps", "no_new_privs"), 1);
}

TEST_F(Specification, GoesIntoABundle) {
  make_host_directory(directory("fresh"));
  ASSERT_OK(call({"spec", "--bundle", directory("fresh")}));
  EXPECT_TRUE(host_path_exists(directory("fresh/config.json")));
}

TEST_F(Specification, Features) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 has no features verb");
  Outcome outcome = call({"features"});
  ASSERT_OK(outcome);
  Result<json::Value> value = json::parse(outcome.out);
  ASSERT_TRUE(value.has_value()) << outcome.out;
  EXPECT_TRUE(text_at(*value, "ociVersionMin").starts_with("1."));
  EXPECT_TRUE(text_at(*value, "ociVersionMax").starts_with("1."));
  for (const char* name : {"hooks", "mountOptions", "linux"}) {
    EXPECT_NE(value->find(name), nullptr) << name;
  }
}

}  // namespace
}  // namespace crunlite::integration
