// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "oci/default_config.h"

namespace crunlite::runtime {
namespace {

// The smallest config that can be run.
constexpr std::string_view kBase = R"({
  "ociVersion": "1.2.0",
  "root": {"path": "rootfs"},
  "process": {"args": ["sh"], "cwd": "/", "user": {"uid": 0, "gid": 0}},
  "linux": {"namespaces": [{"type": "mount"}]}
})";

oci::Config base() { return *oci::parse_config(kBase); }

// The base with members set by their path, as JSON.
using Changes = std::vector<std::pair<std::string, std::string>>;

json::Value& at(json::Value& document, const std::string& path) {
  json::Value* value = &document;
  for (std::string_view name : split(path, '.')) {
    if (!std::holds_alternative<json::Object>(value->data)) value->data = json::Object();
    auto& object = std::get<json::Object>(value->data);
    auto found = std::find_if(object.begin(), object.end(),
                              [&](const json::Member& member) { return member.first == name; });
    if (found == object.end()) {
      object.emplace_back(std::string(name), json::Value());
      value = &object.back().second;
    } else {
      value = &found->second;
    }
  }
  return *value;
}

oci::Config with(const Changes& changes) {
  json::Value document = *json::parse(kBase);
  for (const auto& [path, text] : changes) {
    Result<json::Value> value = json::parse(text);
    EXPECT_TRUE(value.has_value()) << text;
    at(document, path) = std::move(*value);
  }
  Result<oci::Config> config = oci::parse_config(json::write(document));
  EXPECT_TRUE(config.has_value()) << (config.has_value() ? "" : config.error().message);
  return std::move(*config);
}

ContainerPlan plan(const Changes& changes = {}) {
  Result<ContainerPlan> made = plan_container(with(changes), "/bundle");
  EXPECT_TRUE(made.has_value()) << (made.has_value() ? "" : made.error().message);
  return made.value_or(ContainerPlan());
}

TEST(ContainerPlans, OfTheSmallestConfigHoldDefaults) {
  const ContainerPlan made = plan();
  EXPECT_EQ(made.bundle, "/bundle");
  EXPECT_EQ(made.root_path, "/bundle/rootfs");
  EXPECT_FALSE(made.root_readonly || made.root_mount.has_value());
  EXPECT_EQ(made.namespaces.made, uint64_t{CLONE_NEWNS});
  EXPECT_TRUE(made.namespaces.joined.empty());
  EXPECT_EQ(made.devices.size(), 6U);
  EXPECT_TRUE(made.has_default_dev);
  EXPECT_FALSE(made.has_resources);
  EXPECT_EQ(made.root_propagation.flag, 0U);
  EXPECT_EQ(made.process.args, (oci::Strings{"sh"}));
  EXPECT_FALSE(made.process.capabilities.has_value());
  EXPECT_TRUE(made.process.seccomp.program.empty());
}

TEST(ContainerPlans, OfTheDefaultConfigsCanBeMade) {
  EXPECT_TRUE(plan_container(oci::default_config(), "/bundle").has_value());
  EXPECT_TRUE(plan_container(oci::default_rootless_config(1000, 1000), "/bundle").has_value());
}

TEST(ContainerPlans, ResolvePathsAgainstTheBundle) {
  struct Row {
    const char* path;
    const char* resolved;
  };
  for (const Row& row : std::initializer_list<Row>{{"rootfs", "/bundle/rootfs"},
                                                   {"./rootfs/", "/bundle/rootfs"},
                                                   {"../other", "/other"},
                                                   {"/var//lib/./x", "/var/lib/x"}}) {
    const std::string text = cat("\"", std::string_view(row.path), "\"");
    EXPECT_EQ(plan({{"root.path", text}}).root_path, row.resolved);
    const ContainerPlan made = plan(
        {{"mounts", cat(R"([{"destination": "/d", "options": ["bind"], "source": )", text, "}]")}});
    EXPECT_EQ(made.mounts.at(0).source, row.resolved);
  }
}

TEST(ContainerPlans, HoldMountsInOrder) {
  const ContainerPlan made = plan({{"mounts", R"([
      {"destination": "/proc", "type": "proc", "source": "proc"},
      {"destination": "/data/../d//", "type": "bind", "source": "/s"},
      {"destination": "/r", "type": "rbind", "source": "/s", "options": ["ro"]},
      {"destination": "/o", "type": "none", "source": "/s", "options": ["rbind", "rro"]}])"}});
  ASSERT_EQ(made.mounts.size(), 4U);
  EXPECT_EQ(made.mounts[0].field, "mounts[0]");
  EXPECT_FALSE(made.mounts[0].options.is_bind);
  EXPECT_EQ(made.mounts[0].source, "proc");
  EXPECT_EQ(made.mounts[1].destination, "/d");
  EXPECT_TRUE(made.mounts[1].options.is_bind);
  EXPECT_FALSE(made.mounts[1].options.is_recursive);
  EXPECT_TRUE(made.mounts[2].options.is_bind && made.mounts[2].options.is_recursive);
  EXPECT_TRUE(made.mounts[3].options.is_bind && made.mounts[3].options.is_recursive);
  EXPECT_EQ(made.mounts[3].options.recursive_set, uint64_t{MOUNT_ATTR_RDONLY});
}

TEST(ContainerPlans, TakeTheRootFromAMountOnIt) {
  const ContainerPlan made = plan({{"mounts", R"([
      {"destination": "/", "type": "overlay", "source": "overlay", "options": ["lowerdir=/l"]},
      {"destination": "/proc", "type": "proc", "source": "proc"}])"}});
  ASSERT_TRUE(made.root_mount.has_value());
  EXPECT_EQ(made.root_mount->options.values.at(0).second, "/l");
  ASSERT_EQ(made.mounts.size(), 1U);
  EXPECT_EQ(made.mounts[0].destination, "/proc");
}

TEST(ContainerPlans, LeaveTheHostsDevicesAlone) {
  const ContainerPlan made = plan({{"mounts", R"([
      {"destination": "/dev", "type": "bind", "source": "/dev", "options": ["rbind"]}])"}});
  EXPECT_FALSE(made.has_default_dev);
  EXPECT_TRUE(made.devices.empty());
  EXPECT_TRUE(plan({{"mounts", R"([{"destination": "/dev", "type": "tmpfs"}])"}}).has_default_dev);
}

TEST(ContainerPlans, RemountWithoutASource) {
  const ContainerPlan made = plan({{"mounts", R"([
      {"destination": "/proc", "type": "proc"},
      {"destination": "/proc", "options": ["bind", "remount", "ro", "nosuid"]}])"}});
  ASSERT_EQ(made.mounts.size(), 2U);
  EXPECT_TRUE(made.mounts[1].options.is_remount);
  EXPECT_FALSE(made.mounts[1].options.is_bind);
  EXPECT_EQ(made.mounts[1].options.attributes_set, uint64_t{MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID});
}

TEST(ContainerPlans, TellNewNamespacesFromJoinedOnes) {
  const ContainerPlan made = plan({{"linux.namespaces", R"([
      {"type": "mount"}, {"type": "pid", "path": "/proc/1/ns/pid"}, {"type": "uts"},
      {"type": "network", "path": "/run/netns/x"}, {"type": "cgroup"}, {"type": "ipc"}])"}});
  const NamespacePlan& spaces = made.namespaces;
  EXPECT_EQ(spaces.made, uint64_t{CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWIPC});
  ASSERT_EQ(spaces.joined.size(), 2U);
  EXPECT_EQ(spaces.joined[0].field, "linux.namespaces[1].path");
  EXPECT_EQ(spaces.joined[0].path, "/proc/1/ns/pid");
  EXPECT_TRUE(spaces.joins(CLONE_NEWPID) && spaces.joins(CLONE_NEWNET));
  EXPECT_FALSE(spaces.makes(CLONE_NEWPID) || spaces.joins(CLONE_NEWUTS));
  EXPECT_TRUE(spaces.has(CLONE_NEWPID) && spaces.has(CLONE_NEWUTS));
  EXPECT_FALSE(spaces.has(CLONE_NEWUSER));
}

TEST(ContainerPlans, KnowWhatWasAskedOfResources) {
  EXPECT_FALSE(plan({{"linux.resources", R"({"devices": [{"allow": false}]})"}}).has_resources);
  for (const char* text : {R"({"memory": {"limit": 1048576}})", R"({"cpu": {"shares": 2}})",
                           R"({"pids": {"limit": 5}})", R"({"blockIO": {"weight": 100}})",
                           R"({"unified": {"memory.high": "1"}})"}) {
    EXPECT_TRUE(plan({{"linux.resources", text}}).has_resources) << text;
  }
}

TEST(ContainerPlans, HoldTheProcess) {
  const ContainerPlan made = plan({{"process", R"({
      "args": ["/bin/x", "y"], "env": ["A=b"], "cwd": "/tmp", "terminal": true,
      "consoleSize": {"height": 24, "width": 80}, "noNewPrivileges": true, "oomScoreAdj": -17,
      "user": {"uid": 1, "gid": 2, "umask": 18, "additionalGids": [3, 4]},
      "capabilities": {"permitted": ["CAP_KILL"]},
      "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 18446744073709551615}]})"}});
  const ProcessPlan& process = made.process;
  EXPECT_EQ(process.args, (oci::Strings{"/bin/x", "y"}));
  EXPECT_EQ(process.env, (oci::Strings{"A=b"}));
  EXPECT_EQ(process.cwd, "/tmp");
  EXPECT_EQ(process.user.additional_gids, (std::vector<uint32_t>{3, 4}));
  EXPECT_EQ(process.user.umask, 18U);
  EXPECT_TRUE(process.terminal && process.no_new_privileges);
  EXPECT_EQ(process.console_size->width, 80);
  EXPECT_EQ(process.oom_score_adj, -17);
  EXPECT_EQ(process.capabilities->permitted, uint64_t{1} << 5);
  ASSERT_EQ(process.rlimits.size(), 1U);
  EXPECT_EQ(process.rlimits[0].resource, RLIMIT_NOFILE);
  EXPECT_EQ(process.rlimits[0].value.rlim_cur, 1024U);
  EXPECT_EQ(process.rlimits[0].value.rlim_max, RLIM_INFINITY);
}

TEST(ContainerPlans, HoldTheRest) {
  const ContainerPlan made = plan({{"hostname", "\"web\""},
                                   {"domainname", "\"example\""},
                                   {"linux.namespaces", R"([{"type": "mount"}, {"type": "uts"},
                                                            {"type": "network"}])"},
                                   {"annotations", R"({"k": "v"})"},
                                   {"root.readonly", "true"},
                                   {"hooks", R"({"poststop": [{"path": "/h"}]})"},
                                   {"linux.sysctl", R"({"net.ipv4.ip_forward": "1"})"},
                                   {"linux.maskedPaths", R"(["/proc/kcore"])"},
                                   {"linux.readonlyPaths", R"(["/proc/sys"])"},
                                   {"linux.cgroupsPath", "\"/pod/web\""},
                                   {"linux.rootfsPropagation", "\"rslave\""}});
  EXPECT_EQ(made.hostname + made.domainname, "webexample");
  EXPECT_EQ(made.annotations.at("k"), "v");
  EXPECT_TRUE(made.root_readonly);
  EXPECT_EQ(made.hooks.poststop.at(0).path, "/h");
  EXPECT_EQ(made.sysctl.at("net.ipv4.ip_forward"), "1");
  EXPECT_EQ(made.masked_paths, (oci::Strings{"/proc/kcore"}));
  EXPECT_EQ(made.readonly_paths, (oci::Strings{"/proc/sys"}));
  EXPECT_EQ(made.cgroups_path, "/pod/web");
  EXPECT_EQ(made.root_propagation.flag, static_cast<unsigned long>(MS_SLAVE));
  EXPECT_TRUE(made.root_propagation.is_recursive);
}

TEST(ContainerPlans, AreRefusedByTheFieldInConfigJson) {
  struct Row {
    Changes changes;
    std::string error;
  };
  const std::string joined = R"([{"type": "mount", "path": "/m"}])";
  const std::string cannot = ": cannot be had in a mount namespace that is joined";
  for (const Row& row : std::vector<Row>{
           {{{"process", "null"}}, "process: missing"},
           {{{"linux", "null"}}, "linux: missing"},
           {{{"root", "null"}}, "root: missing"},
           {{{"root.path", "\"\""}}, "root.path: is empty"},
           {{{"process.args", "[]"}}, "process.args: names no program"},
           {{{"linux.namespaces", R"([{"type": "pid"}])"}},
            "linux.namespaces: a container without a mount namespace is not supported"},
           {{{"mounts", R"([{"destination": "/d"}])"}}, "mounts[0].type: missing"},
           {{{"mounts", R"([{"destination": "/d", "options": ["bind"]}])"}},
            "mounts[0].source: missing"},
           {{{"mounts", R"([{"destination": "/d", "type": "tmpfs", "options": ["ro", "idmap"]}])"}},
            "mounts[0].options: only a bind can be id-mapped"},
           {{{"mounts", R"([{"destination": "/d", "source": "/", "options": ["bind", "idmap"]}])"}},
            "mounts[0].options: idmap needs uidMappings and gidMappings, or a user namespace"},
           {{{"mounts", R"([{"destination": "/d", "source": "/", "options": ["bind", "foo"]}])"}},
            "mounts[0].options: \"foo\" has no meaning for a bind"},
           {{{"linux.timeOffsets", R"({"monotonic": {"secs": 1}})"}},
            "linux.timeOffsets: needs a new namespace of type \"time\" in linux.namespaces"},
           {{{"annotations", R"({"io.crun-lite.landlock": " ; "})"}},
            "annotations[\"io.crun-lite.landlock\"]: holds no rule"},
           {{{"mounts", R"([{"destination": "/d", "options": ["remount", "size=1k"]}])"}},
            "mounts[0].options: a remount can change the attributes of a mount only"},
           {{{"mounts", R"([{"destination": "/", "type": "ext4"}])"}},
            "mounts[0].destination: only an overlay or tmpfs that comes first may be mounted on /"},
           {{{"mounts", R"([{"destination": "/", "type": "overlay", "source": "/x",
                             "options": ["bind"]}])"}},
            "mounts[0].destination: only an overlay or tmpfs that comes first may be mounted on /"},
           {{{"mounts", R"([{"destination": "/proc", "type": "proc"},
                            {"destination": "/a/..", "type": "tmpfs"}])"}},
            "mounts[1].destination: only an overlay or tmpfs that comes first may be mounted on /"},
           {{{"linux.namespaces", R"([{"type": "mount"}, {"type": "user"}])"}},
            "linux.uidMappings: missing for the new user namespace"},
           {{{"linux.rootfsPropagation", "\"sideways\""}},
            "linux.rootfsPropagation: \"sideways\" is unknown"},
           {{{"linux.devices",
              R"([{"type": "c", "path": "/dev/a/../x", "major": 1, "minor": 1}])"}},
            "linux.devices[0].path: \"/dev/a/../x\" is not absolute and clean"},
           {{{"linux.namespaces", joined},
             {"mounts", R"([{"destination": "/p", "type": "proc"}])"}},
            "mounts" + cannot},
           {{{"linux.namespaces", joined}, {"root.readonly", "true"}}, "root.readonly" + cannot},
           {{{"linux.namespaces", joined}, {"linux.maskedPaths", R"(["/p"])"}},
            "linux.maskedPaths" + cannot},
           {{{"linux.namespaces", joined}, {"linux.readonlyPaths", R"(["/p"])"}},
            "linux.readonlyPaths" + cannot},
           {{{"linux.namespaces", joined}, {"linux.rootfsPropagation", "\"slave\""}},
            "linux.rootfsPropagation" + cannot},
           {{{"linux.namespaces", joined},
             {"linux.devices", R"([{"type": "c", "path": "/dev/x", "major": 1, "minor": 1}])"}},
            "linux.devices" + cannot},
       }) {
    const Result<ContainerPlan> made = plan_container(with(row.changes), "/bundle");
    ASSERT_FALSE(made.has_value()) << row.error;
    EXPECT_EQ(made.error().message, row.error);
  }
}

TEST(ContainerPlans, OfAJoinedMountNamespaceNeedNothingElse) {
  const ContainerPlan made = plan({{"linux.namespaces", R"([{"type": "mount", "path": "/m"}])"}});
  EXPECT_TRUE(made.namespaces.joins(CLONE_NEWNS));
}

TEST(ContainerPlans, HaveAsManyMountsAsTheLimit) {
  oci::Config config = base();
  oci::Mount mount;
  mount.destination = "/d";
  mount.type = "tmpfs";
  config.mounts.assign(4096, mount);
  EXPECT_TRUE(plan_container(config, "/bundle").has_value());
  config.mounts.push_back(mount);
  EXPECT_EQ(plan_container(config, "/bundle").error().kind, Kind::kLimit);
}

TEST(ProcessPlans, NameTheirFields) {
  oci::Process process;
  EXPECT_EQ(plan_process(process, "process").error().message, "process.args: is empty");
  process.args = {"x"};
  process.rlimits = {{.type = "RLIMIT_CPU", .soft = 1, .hard = 1}, {.type = "RLIMIT_X"}};
  EXPECT_EQ(plan_process(process, "p.json").error().message,
            "p.json.rlimits[1].type: \"RLIMIT_X\" is unknown");
  process.rlimits.clear();
  process.capabilities.emplace().effective = {"CAP_X"};
  EXPECT_TRUE(plan_process(process, "process").has_value());  // with a warning
}

}  // namespace
}  // namespace crunlite::runtime
