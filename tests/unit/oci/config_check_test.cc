// SPDX-License-Identifier: Apache-2.0
#include "oci/config_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "base/limits.h"
#include "oci/default_config.h"

namespace crunlite::oci {
namespace {

using ::testing::StartsWith;
using Change = std::function<void(Config&)>;

Status check_changed(const Change& change) {
  Config config = default_config();
  config.linux_->namespaces.push_back({"user", ""});
  config.linux_->uid_mappings = {{.container_id = 0, .host_id = 1000, .size = 10}};
  config.linux_->gid_mappings = {{.container_id = 0, .host_id = 1000, .size = 10}};
  change(config);
  return check(config);
}

struct Bad {
  Change change;
  std::string error;
};

void expect_errors(const std::vector<Bad>& rows) {
  for (const Bad& row : rows) {
    Status status = check_changed(row.change);
    ASSERT_FALSE(status.has_value()) << row.error;
    EXPECT_THAT(status.error().message, StartsWith(row.error));
  }
}

void expect_fine(const std::vector<Change>& changes) {
  for (size_t i = 0; i < changes.size(); i++) {
    Status status = check_changed(changes[i]);
    EXPECT_TRUE(status.has_value()) << i << ": " << status.error().message;
  }
}

Process& process(Config& c) { return *c.process; }
Linux& os(Config& c) { return *c.linux_; }

TEST(Check, TakesVersionOne) {
  for (std::string_view version : {"1.0.0", "1.0.2-dev", "1.2.0", "1.99.0", "1.0.0-rc5+build"}) {
    EXPECT_TRUE(check_changed([&](Config& c) { c.oci_version = version; }).has_value()) << version;
  }
  for (std::string_view version : {"", "1", "1.0", "1.0.0.0", "0.9.0", "2.0.0", "10.0.0", "01.0.0",
                                   "1.x.0", "1.-1.0", "v1.0.0", " 1.0.0", "-1.0.0"}) {
    Status status = check_changed([&](Config& c) { c.oci_version = version; });
    ASSERT_FALSE(status.has_value()) << version;
    EXPECT_THAT(status.error().message, StartsWith("ociVersion: "));
  }
}

TEST(Check, WantsARoot) {
  expect_errors({{[](Config& c) { c.root.reset(); }, "root: missing"},
                 {[](Config& c) { c.root->path = ""; }, "root.path: is empty"}});
}

TEST(Check, WantsAProgramAndAPlace) {
  expect_errors({
      {[](Config& c) { process(c).args.clear(); }, "process.args: names no program"},
      {[](Config& c) { process(c).args = {""}; }, "process.args: names no program"},
      {[](Config& c) { process(c).args.resize(limits::kArguments + 1, "a"); },
       "process.args: more than"},
      {[](Config& c) { process(c).cwd = ""; }, "process.cwd: \"\" is not an absolute path"},
      {[](Config& c) { process(c).cwd = "w"; }, "process.cwd: \"w\" is not an absolute path"},
      {[](Config& c) { process(c).cwd = "/" + std::string(limits::kPathBytes - 1, 'a'); },
       "process.cwd: is too long"},
      {[](Config& c) { process(c).env = {"A=b", "X"}; }, "process.env[1]: \"X\" is not NAME=VALUE"},
      {[](Config& c) { process(c).env = {"=b"}; }, "process.env[0]: \"=b\" is not NAME=VALUE"},
      {[](Config& c) { process(c).env.resize(limits::kArguments + 1, "A=b"); },
       "process.env: more than"},
  });
  expect_fine({[](Config& c) { c.process.reset(); }, [](Config& c) { process(c).args = {"a", ""}; },
               [](Config& c) { process(c).env = {"A="}; },
               [](Config& c) { process(c).env.clear(); },
               [](Config& c) { process(c).cwd = "/" + std::string(limits::kPathBytes - 2, 'a'); },
               [](Config& c) { process(c).args.resize(limits::kArguments, "a"); }});
}

TEST(Check, BoundsTheUser) {
  expect_errors({
      {[](Config& c) { process(c).user.uid = UINT32_MAX; },
       "process.user.uid: 4294967295 is not from 0 to 4294967294"},
      {[](Config& c) { process(c).user.gid = UINT32_MAX; }, "process.user.gid: "},
      {[](Config& c) { process(c).user.additional_gids = {1, UINT32_MAX}; },
       "process.user.additionalGids[1]: "},
      {[](Config& c) { process(c).user.additional_gids.resize(65537); },
       "process.user.additionalGids: more than 65536"},
      {[](Config& c) { process(c).user.umask = 01000; }, "process.user.umask: 512"},
      {[](Config& c) { process(c).oom_score_adj = 1001; },
       "process.oomScoreAdj: 1001 is not from -1000 to 1000"},
      {[](Config& c) { process(c).oom_score_adj = -1001; }, "process.oomScoreAdj: "},
  });
  expect_fine({[](Config& c) { process(c).user.uid = UINT32_MAX - 1; },
               [](Config& c) { process(c).user.umask = 0777; },
               [](Config& c) { process(c).user.umask = 0; },
               [](Config& c) { process(c).oom_score_adj = -1000; },
               [](Config& c) { process(c).oom_score_adj = 1000; }});
}

TEST(Check, KnowsLimits) {
  expect_errors({
      {[](Config& c) { process(c).rlimits = {{"RLIMIT_CORE", 0, 0}, {"RLIMIT_X", 0, 0}}; },
       "process.rlimits[1].type: \"RLIMIT_X\" is unknown"},
      {[](Config& c) { process(c).rlimits = {{"RLIMIT_CORE", 0, 0}, {"RLIMIT_CORE", 0, 0}}; },
       "process.rlimits[1].type: RLIMIT_CORE stands twice"},
      {[](Config& c) { process(c).rlimits = {{"RLIMIT_CORE", 2, 1}}; },
       "process.rlimits[0].soft: 2 is above the hard limit 1"},
  });
  expect_fine({[](Config& c) { process(c).capabilities.reset(); },
               // Of what cannot be granted, config.md#linux-process wants a warning only.
               [](Config& c) { process(c).capabilities->bounding = {"CAP_KILL", "CAP_X"}; },
               [](Config& c) { process(c).rlimits = {{"RLIMIT_CORE", 1, 1}}; },
               [](Config& c) { process(c).rlimits = {{"RLIMIT_AS", UINT64_MAX, UINT64_MAX}}; }});
}

TEST(Check, WantsNamespacesForNames) {
  auto drop_uts = [](Config& c) {
    std::erase_if(os(c).namespaces, [](const Namespace& entry) { return entry.type == "uts"; });
  };
  expect_errors({
      {[&](Config& c) { drop_uts(c); }, "hostname: needs a namespace of type \"uts\""},
      {[&](Config& c) {
         drop_uts(c);
         c.hostname = "";
         c.domainname = "d";
       },
       "domainname: needs a namespace of type \"uts\""},
      {[](Config& c) { c.hostname = std::string(65, 'h'); }, "hostname: is longer than 64"},
      {[](Config& c) {
         c.linux_.reset();
         c.hostname = "h";
       },
       "hostname: needs"},
  });
  expect_fine({[](Config& c) { c.hostname = std::string(64, 'h'); },
               [&](Config& c) {
                 drop_uts(c);
                 c.hostname = "";
               },
               [](Config& c) {
                 c.linux_.reset();
                 c.hostname = "";
               }});
}

TEST(Check, KnowsNamespacesOnce) {
  expect_errors({
      {[](Config& c) { os(c).namespaces[2].type = "net"; },
       "linux.namespaces[2].type: \"net\" is unknown"},
      {[](Config& c) { os(c).namespaces[1].type = ""; }, "linux.namespaces[1].type: "},
      {[](Config& c) { os(c).namespaces.push_back({"pid", "/proc/1/ns/pid"}); },
       "linux.namespaces[7].type: \"pid\" stands twice"},
      {[](Config& c) { os(c).namespaces[0].path = "proc/1/ns/pid"; },
       "linux.namespaces[0].path: \"proc/1/ns/pid\" is not an absolute path"},
  });
  expect_fine({[](Config& c) { os(c).namespaces[0].path = "/proc/1/ns/pid"; },
               [](Config& c) { os(c).namespaces.push_back({"time", ""}); }});
}

TEST(Check, WantsMappingsThatFit) {
  constexpr uint32_t kMax = UINT32_MAX;
  expect_errors({
      {[](Config& c) { os(c).uid_mappings.clear(); },
       "linux.uidMappings: missing for the new user namespace"},
      {[](Config& c) { os(c).gid_mappings.clear(); },
       "linux.gidMappings: missing for the new user namespace"},
      {[](Config& c) { os(c).namespaces.pop_back(); },
       "linux.uidMappings: needs a namespace of type \"user\""},
      {[](Config& c) { os(c).uid_mappings[0].size = 0; }, "linux.uidMappings[0].size: 0"},
      {[](Config& c) { os(c).uid_mappings = {{kMax, 0, 1}}; }, "linux.uidMappings[0].size: 1"},
      {[](Config& c) { os(c).uid_mappings = {{0, kMax, 1}}; }, "linux.uidMappings[0].size: 1"},
      {[](Config& c) { os(c).uid_mappings = {{1, 1, kMax}}; },
       "linux.uidMappings[0].size: 4294967295"},
      {[](Config& c) { os(c).uid_mappings = {{0, 0, 10}, {9, 100, 1}}; },
       "linux.uidMappings[1].containerID: overlaps with entry 0"},
      {[](Config& c) { os(c).uid_mappings = {{10, 0, 10}, {0, 100, 11}}; },
       "linux.uidMappings[1].containerID: overlaps with entry 0"},
      {[](Config& c) { os(c).gid_mappings = {{0, 0, 10}, {10, 9, 1}}; },
       "linux.gidMappings[1].hostID: overlaps with entry 0"},
      {[](Config& c) { os(c).uid_mappings.resize(341); }, "linux.uidMappings: more than 340"},
  });
  expect_fine({[](Config& c) { os(c).uid_mappings = {{0, 0, 10}, {10, 10, 1}}; },
               [](Config& c) { os(c).uid_mappings = {{0, 0, UINT32_MAX}}; },
               [](Config& c) { os(c).uid_mappings = {{UINT32_MAX - 1, 0, 1}}; },
               [](Config& c) {
                 os(c).namespaces.back().path = "/proc/1/ns/user";
                 os(c).uid_mappings.clear();
                 os(c).gid_mappings.clear();
               }});
}

TEST(Check, WantsAbsolutePaths) {
  expect_errors({
      {[](Config& c) { c.mounts[1].destination = "dev"; },
       "mounts[1].destination: \"dev\" is not an absolute path"},
      {[](Config& c) { c.mounts.resize(limits::kMounts + 1, c.mounts[0]); }, "mounts: more than"},
      {[](Config& c) { c.mounts[0].options.resize(limits::kMountOptions + 1); },
       "mounts[0].options: more than"},
      {[](Config& c) { os(c).masked_paths = {"/a", "b"}; },
       "linux.maskedPaths[1]: \"b\" is not an absolute path"},
      {[](Config& c) { os(c).readonly_paths = {""}; }, "linux.readonlyPaths[0]: \"\" is not"},
      {[](Config& c) { os(c).cgroups_path = "/a/../b"; },
       "linux.cgroupsPath: \"/a/../b\" contains \"..\""},
      {[](Config& c) { os(c).rootfs_propagation = "hidden"; },
       "linux.rootfsPropagation: \"hidden\" is unknown"},
      {[](Config& c) { c.annotations[""] = "v"; }, "annotations: a name is empty"},
  });
  expect_fine({[](Config& c) { os(c).cgroups_path = "system.slice:a:b"; },
               [](Config& c) { os(c).cgroups_path = "/a..b/..."; },
               [](Config& c) { os(c).rootfs_propagation = "rslave"; },
               [](Config& c) { c.mounts.resize(limits::kMounts, c.mounts[0]); }});
}

TEST(Check, WantsHooksThatEnd) {
  auto hook = [](std::string path, std::optional<int> timeout) {
    return Hook{.path = std::move(path), .args = {}, .env = {}, .timeout = timeout};
  };
  expect_errors({
      {[&](Config& c) { c.hooks.emplace().prestart = {hook("h", {})}; },
       "hooks.prestart[0].path: \"h\" is not an absolute path"},
      {[&](Config& c) { c.hooks.emplace().create_runtime = {hook("/h", {}), hook("/h", 0)}; },
       "hooks.createRuntime[1].timeout: 0 is not above 0"},
      {[&](Config& c) { c.hooks.emplace().create_container = {hook("/h", -1)}; },
       "hooks.createContainer[0].timeout: "},
      {[&](Config& c) { c.hooks.emplace().start_container = {hook("", {})}; },
       "hooks.startContainer[0].path: "},
      {[&](Config& c) {
         c.hooks.emplace().poststart = {hook("/h", {})};
         c.hooks->poststart[0].env = {"A=b", "X"};
       },
       "hooks.poststart[0].env[1]: \"X\" is not NAME=VALUE"},
      {[&](Config& c) { c.hooks.emplace().poststop.resize(limits::kHooks + 1, hook("/h", {})); },
       "hooks.poststop: more than"},
  });
  expect_fine({[&](Config& c) { c.hooks.emplace().poststop = {hook("/h", 1)}; },
               [&](Config& c) { c.hooks.emplace(); }});
}

TEST(Check, BoundsDevices) {
  auto device = [](std::string type, std::string path, int64_t major, int64_t minor) {
    return Device{.type = std::move(type),
                  .path = std::move(path),
                  .major = major,
                  .minor = minor,
                  .file_mode = {},
                  .uid = {},
                  .gid = {}};
  };
  auto rule = [](std::string type, int64_t major, std::string access) {
    return DeviceRule{.allow = true,
                      .type = std::move(type),
                      .major = major,
                      .minor = {},
                      .access = std::move(access)};
  };
  expect_errors({
      {[&](Config& c) { os(c).devices = {device("x", "/dev/a", 1, 1)}; },
       "linux.devices[0].type: \"x\" is unknown"},
      {[&](Config& c) { os(c).devices = {device("a", "/dev/a", 1, 1)}; },
       "linux.devices[0].type: \"a\" is unknown"},
      {[&](Config& c) { os(c).devices = {device("c", "dev/a", 1, 1)}; }, "linux.devices[0].path: "},
      {[&](Config& c) { os(c).devices = {device("c", "/dev/a", 4096, 1)}; },
       "linux.devices[0].major: 4096 is not from 0 to 4095"},
      {[&](Config& c) { os(c).devices = {device("c", "/dev/a", -1, 1)}; },
       "linux.devices[0].major: "},
      {[&](Config& c) { os(c).devices = {device("b", "/dev/a", 1, 1048576)}; },
       "linux.devices[0].minor: "},
      {[&](Config& c) {
         os(c).devices = {device("c", "/dev/a", 1, 1)};
         os(c).devices[0].file_mode = 0200000;
       },
       "linux.devices[0].fileMode: "},
      {[&](Config& c) { os(c).resources->devices = {rule("p", 1, "r")}; },
       "linux.resources.devices[0].type: \"p\" is unknown"},
      {[&](Config& c) { os(c).resources->devices = {rule("c", -2, "r")}; },
       "linux.resources.devices[0].major: -2"},
      {[&](Config& c) { os(c).resources->devices = {rule("c", 1, "rx")}; },
       "linux.resources.devices[0].access: \"rx\""},
  });
  expect_fine({[&](Config& c) { os(c).devices = {device("u", "/dev/a", 4095, 1048575)}; },
               [&](Config& c) { os(c).devices = {device("p", "/dev/a", 0, 0)}; },
               [&](Config& c) { os(c).resources->devices = {rule("c", -1, "")}; },
               [&](Config& c) { os(c).resources.reset(); }});
}

TEST(Check, WantsNamespacesForSysctls) {
  auto drop = [](Config& c, std::string_view type) {
    std::erase_if(os(c).namespaces, [&](const Namespace& entry) { return entry.type == type; });
  };
  expect_errors({
      {[](Config& c) { os(c).sysctl = {{"kernel.core_pattern", "x"}}; },
       "linux.sysctl[\"kernel.core_pattern\"]: belongs to the whole host"},
      {[](Config& c) { os(c).sysctl = {{"net.a\nb", "x"}}; }, "linux.sysctl[\"net.a\\x0ab\"]: "},
      {[&](Config& c) {
         drop(c, "network");
         os(c).sysctl = {{"net.core.somaxconn", "1"}};
       },
       "linux.sysctl[\"net.core.somaxconn\"]: needs a namespace of type \"network\""},
      {[&](Config& c) {
         drop(c, "ipc");
         os(c).sysctl = {{"kernel.msgmax", "1"}};
       },
       "linux.sysctl[\"kernel.msgmax\"]: needs a namespace of type \"ipc\""},
      {[](Config& c) { os(c).sysctl = {{"kernel.msgmax", "1\n2"}}; },
       "linux.sysctl[\"kernel.msgmax\"]: value is not one short line"},
      {[](Config& c) { os(c).sysctl = {{"kernel.msgmax", std::string(1025, '1')}}; },
       "linux.sysctl[\"kernel.msgmax\"]: value"},
  });
  expect_fine({[](Config& c) { os(c).sysctl = {{"net.core.somaxconn", "1"}}; },
               [](Config& c) { os(c).sysctl = {{"kernel.sem", "250\t32000 32 128"}}; }});
}

TEST(Check, KnowsSeccompsWords) {
  auto with = [](auto change) {
    return [change](Config& c) {
      Seccomp& profile = os(c).seccomp.emplace();
      profile.default_action = "SCMP_ACT_ALLOW";
      profile.syscalls = {{{"read"}, "SCMP_ACT_ERRNO", 1, {{0, 1, 0, "SCMP_CMP_EQ"}}}};
      change(profile);
    };
  };
  expect_errors({
      {with([](Seccomp& s) { s.default_action = ""; }), "linux.seccomp.defaultAction: \"\""},
      {with([](Seccomp& s) { s.default_action = "SCMP_ACT_NOTIFY"; }),
       "linux.seccomp.listenerPath: missing for SCMP_ACT_NOTIFY"},
      {with([](Seccomp& s) { s.default_errno_ret = 1; }),
       "linux.seccomp.defaultErrnoRet: does not go with SCMP_ACT_ALLOW"},
      {with([](Seccomp& s) { s.architectures = {"SCMP_ARCH_X86", "X32"}; }),
       "linux.seccomp.architectures[1]: \"X32\" is unknown"},
      {with([](Seccomp& s) { s.flags = {"SECCOMP_FILTER_FLAG_NEW_LISTENER"}; }),
       "linux.seccomp.flags[0]: "},
      {with([](Seccomp& s) { s.syscalls[0].names.clear(); }),
       "linux.seccomp.syscalls[0].names: is empty"},
      {with([](Seccomp& s) { s.syscalls[0].action = "ALLOW"; }),
       "linux.seccomp.syscalls[0].action: \"ALLOW\" is unknown"},
      {with([](Seccomp& s) { s.syscalls[0].errno_ret = 4096; }),
       "linux.seccomp.syscalls[0].errnoRet: 4096 is above 4095"},
      {with([](Seccomp& s) { s.syscalls[0].args[0].op = "EQ"; }),
       "linux.seccomp.syscalls[0].args[0].op: \"EQ\" is unknown"},
      {with([](Seccomp& s) { s.syscalls[0].args[0].index = 6; }),
       "linux.seccomp.syscalls[0].args[0].index: 6 is not from 0 to 5"},
      {with([](Seccomp& s) { s.syscalls.resize(limits::kSeccompRules + 1, s.syscalls[0]); }),
       "linux.seccomp.syscalls: more than"},
  });
  expect_fine({with([](Seccomp&) {}), with([](Seccomp& s) { s.syscalls[0].errno_ret = 4095; }),
               with([](Seccomp& s) { s.syscalls[0].args[0].index = 5; }),
               with([](Seccomp& s) { s.syscalls.clear(); })});
}

TEST(CheckProcess, NamesPathsLikeAConfigs) {
  Process bad;
  bad.args = {"a"};
  EXPECT_THAT(check_process(bad).error().message, StartsWith("process.cwd: "));
  bad.cwd = "/";
  EXPECT_TRUE(check_process(bad).has_value());
}

}  // namespace
}  // namespace crunlite::oci
