// SPDX-License-Identifier: Apache-2.0
#include "oci/config.h"

#include <gtest/gtest.h>

#include <string>

#include "oci/default_config.h"

namespace crunlite::oci {
namespace {

constexpr std::string_view kFull = R"({
  "ociVersion": "1.2.0",
  "process": {
    "terminal": true, "consoleSize": {"height": 24, "width": 80},
    "user": {"uid": 1, "gid": 2, "umask": 18, "additionalGids": [3, 4294967294]},
    "args": ["a", ""], "env": ["A=b"], "cwd": "/",
    "capabilities": {"bounding": ["CAP_KILL"], "ambient": ["CAP_CHOWN"]},
    "rlimits": [{"type": "RLIMIT_CORE", "soft": 0, "hard": 18446744073709551615}],
    "noNewPrivileges": true, "oomScoreAdj": -5
  },
  "root": {"path": "rootfs", "readonly": true},
  "hostname": "h", "domainname": "d",
  "mounts": [{"destination": "/proc", "type": "proc", "source": "proc", "options": ["ro"]}],
  "hooks": {"poststop": [{"path": "/h", "args": ["h"], "env": ["X=y"], "timeout": 5}]},
  "annotations": {"k": "v"},
  "linux": {
    "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}],
    "sysctl": {"net.core.somaxconn": "1"},
    "resources": {
      "devices": [{"allow": false, "access": "rwm"}],
      "memory": {"limit": -1, "swappiness": 0, "disableOOMKiller": false},
      "cpu": {"shares": 2, "quota": -1, "period": 100000, "cpus": "0-1"},
      "pids": {"limit": 0},
      "blockIO": {"weight": 10, "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1}]},
      "unified": {"memory.high": "max"}
    },
    "cgroupsPath": "/a/b",
    "namespaces": [{"type": "pid"}, {"type": "network", "path": "/proc/1/ns/net"}],
    "devices": [{"type": "c", "path": "/dev/x", "major": 1, "minor": 3, "fileMode": 438}],
    "seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
                "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW",
                              "args": [{"index": 0, "value": 18446744073709551615,
                                        "op": "SCMP_CMP_EQ"}]}]},
    "rootfsPropagation": "slave", "maskedPaths": ["/m"], "readonlyPaths": ["/r"]
  }
})";

TEST(ParseConfig, ReadsEveryKindOfField) {
  Result<Config> config = parse_config(kFull);
  ASSERT_TRUE(config.has_value()) << config.error().message;
  const Process& process = *config->process;
  EXPECT_EQ(process.console_size->width, 80);
  EXPECT_EQ(process.user.umask, 18U);
  EXPECT_EQ(process.user.additional_gids.at(1), 4294967294U);
  EXPECT_EQ(process.args, (Strings{"a", ""}));
  EXPECT_EQ(process.rlimits.at(0).hard, UINT64_MAX);
  EXPECT_EQ(process.oom_score_adj, -5);
  EXPECT_EQ(config->hooks->poststop.at(0).timeout, 5);
  const Linux& os = *config->linux_;
  EXPECT_EQ(os.resources->memory->limit, -1);
  EXPECT_EQ(os.resources->memory->swappiness, 0U);
  EXPECT_EQ(os.resources->memory->disable_oom_killer, false);
  EXPECT_EQ(os.resources->cpu->quota, -1);
  EXPECT_EQ(os.resources->unified.at("memory.high"), "max");
  EXPECT_EQ(os.namespaces.at(1).path, "/proc/1/ns/net");
  EXPECT_EQ(os.devices.at(0).file_mode, 438U);
  EXPECT_EQ(os.seccomp->syscalls.at(0).args.at(0).value, UINT64_MAX);
}

TEST(ParseConfig, WritesWhatItRead) {
  Result<Config> config = parse_config(kFull);
  ASSERT_TRUE(config.has_value());
  std::string text = write_config(*config);
  EXPECT_TRUE(text.ends_with("}\n"));
  Result<Config> again = parse_config(text);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(write_config(*again), text);
  // Nothing of the document was lost on the way: each member is there again.
  Result<json::Value> before = json::parse(kFull);
  Result<json::Value> after = json::parse(text);
  ASSERT_TRUE(before.has_value() && after.has_value());
  const json::Value* limits = after->find("linux")->find("resources");
  EXPECT_EQ(limits->find("memory")->find("limit")->data,
            before->find("linux")->find("resources")->find("memory")->find("limit")->data);
  EXPECT_NE(limits->find("memory")->find("disableOOMKiller"), nullptr);  // said, though false
  EXPECT_EQ(limits->find("cpu")->find("burst"), nullptr);
}

TEST(ParseConfig, RefusesByPath) {
  struct Row {
    std::string text;
    std::string error;
  };
  for (const Row& row : std::vector<Row>{
           {"{}", "ociVersion: missing"},
           {R"({"ociVersion":null})", "ociVersion: missing"},
           {R"({"ociVersion":1})", "ociVersion: expected a string"},
           {R"({"ociVersion":"1","root":{}})", "root.path: missing"},
           {R"({"ociVersion":"1","root":[]})", "root: expected an object"},
           {R"({"ociVersion":"1","root":{"path":"r","readonly":1}})",
            "root.readonly: expected true or false"},
           {R"({"ociVersion":"1","process":{"user":{"uid":0,"gid":0}}})", "process.cwd: missing"},
           {R"({"ociVersion":"1","process":{"cwd":"/","user":{"uid":-1,"gid":0}}})",
            "process.user.uid: expected an integer from 0 to 4294967295"},
           {R"({"ociVersion":"1","process":{"cwd":"/","user":{"uid":4294967296,"gid":0}}})",
            "process.user.uid: expected an integer from 0 to 4294967295"},
           {R"({"ociVersion":"1","process":{"cwd":"/","user":{"uid":0.5,"gid":0}}})",
            "process.user.uid: expected an integer"},
           {R"({"ociVersion":"1","process":{"cwd":"/","args":["a",1]}})",
            "process.args[1]: expected a string"},
           {R"({"ociVersion":"1","process":{"cwd":"/\u0000"}})",
            "process.cwd: contains a NUL character"},
           {R"({"ociVersion":"1","process":{"cwd":"/","rlimits":[{"type":"A","soft":1}]}})",
            "process.rlimits[0].hard: missing"},
           {R"({"ociVersion":"1","process":{"cwd":"/","apparmorProfile":1}})",
            "process.apparmorProfile: expected a string"},
           {R"({"ociVersion":"1","linux":{"intelRdt":{"closID":"x"}}})",
            "linux.intelRdt: is not supported: it needs a kernel with resctrl"},
           {R"({"ociVersion":"1","mounts":[{"destination":"/","uidMappings":[{}]}]})",
            "mounts[0].uidMappings[0].containerID: missing"},
           {R"({"ociVersion":"1","annotations":{"a b":1}})",
            "annotations[\"a b\"]: expected a string"},
           {R"({"ociVersion":"1","ociVersion":"2"})",
            "invalid JSON, line 1, column 35: member \"ociVersion\" stands twice"},
       }) {
    Result<Config> config = parse_config(row.text);
    ASSERT_FALSE(config.has_value()) << row.text;
    EXPECT_EQ(config.error().message, row.error) << row.text;
  }
}

TEST(ParseConfig, TakesUnsupportedMembersThatHoldNothing) {
  Result<Config> config = parse_config(
      R"({"ociVersion":"1.0.0","unknown":{"x":1},
          "process":{"cwd":"/","user":{"uid":0,"gid":0},"apparmorProfile":"","scheduler":null},
          "linux":{"intelRdt":{},"mountLabel":"","personality":null}})");
  EXPECT_TRUE(config.has_value()) << config.error().message;
}

TEST(ParseProcess, ReadsAProcessAlone) {
  Result<Process> process = parse_process(R"({"cwd":"/w","user":{"uid":5,"gid":6},"args":["x"]})");
  ASSERT_TRUE(process.has_value()) << process.error().message;
  EXPECT_EQ(process->user.uid, 5U);
  EXPECT_EQ(parse_process(R"({"cwd":1})").error().message, "cwd: expected a string");
}

}  // namespace
}  // namespace crunlite::oci
