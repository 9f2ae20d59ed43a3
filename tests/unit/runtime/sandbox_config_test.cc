// SPDX-License-Identifier: Apache-2.0
#include "runtime/sandbox_config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "oci/config_check.h"

namespace crunlite::runtime {
namespace {

class SandboxConfig : public ::testing::Test {
 protected:
  SandboxConfig() {
    options.args = {"true"};
    host.may_mount = true;
    host.uids = host.gids = {{0, UINT32_MAX}};
    host.is_initial_user_namespace = true;
    host.cwd = "/home/me";
    host.env = {"HOME=/root", "PATH=/opt/bin", "TERM=vt100", "KEPT=kept"};
    files.list = [](const std::string&) { return std::vector<FileSeen>(); };
    files.look = [](const std::string& path) {
      FileSeen file;
      file.mode = path == "/dev/kvm" ? S_IFCHR | 0666 : S_IFDIR | 0755;
      file.device = makedev(10, 232);
      return file;
    };
  }
  // A caller without rights.
  void be_ordinary() {
    host.may_mount = false;
    host.uid = 1000;
    host.gid = 100;
  }
  Result<SandboxPlan> plan() {
    SandboxFacts facts{.options = options,
                       .host = host,
                       .files = files,
                       .layers = overlay_directory("/lower", {.scratch = "/s"}),
                       .users = users,
                       .image = image};
    return plan_sandbox(std::move(facts));
  }
  oci::Config config() {
    Result<SandboxPlan> made = plan();
    EXPECT_TRUE(made.has_value()) << (made.has_value() ? "" : made.error().message);
    return made.has_value() ? made->config : oci::Config();
  }
  oci::Mount mount_at(const std::string& destination) {
    for (const oci::Mount& mount : config().mounts) {
      if (mount.destination == destination) return mount;
    }
    return {};
  }
  static bool has(const oci::Strings& all, const std::string& item) {
    return std::find(all.begin(), all.end(), item) != all.end();
  }

  SandboxOptions options;
  SandboxHost host;
  FileView files;
  oci::UserDatabase users{.passwd = "me:x:7:8::/home/me:\n", .group = ""};
  std::optional<oci::Config> image;
};

TEST_F(SandboxConfig, IsValid) {
  const oci::Config made = config();
  EXPECT_TRUE(oci::check(made).has_value());
  EXPECT_EQ(made.mounts[0].destination, "/");
  EXPECT_EQ(made.process->args, oci::Strings{"true"});
  EXPECT_TRUE(made.process->no_new_privileges);
}

TEST_F(SandboxConfig, NeedsACommand) {
  options.args.clear();
  EXPECT_EQ(plan().error().message, "no command is given");
}

TEST_F(SandboxConfig, RootNeedsNoUserNamespace) {
  const oci::Config made = config();
  for (const oci::Namespace& space : made.linux_->namespaces) EXPECT_NE(space.type, "user");
}

TEST_F(SandboxConfig, AnOrdinaryUserIsHimselfInAnInnerNamespace) {
  be_ordinary();
  const Result<SandboxPlan> made = plan();
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->config.linux_->uid_mappings[0].container_id, 0U);
  EXPECT_EQ(made->config.linux_->uid_mappings[0].host_id, 1000U);
  ASSERT_TRUE(made->inner_ids.has_value());
  EXPECT_EQ(made->inner_ids->uids[0].container_id, 1000U);
  EXPECT_EQ(made->inner_ids->gids[0].container_id, 100U);
  EXPECT_EQ(made->config.process->user.uid, 1000U);
}

TEST_F(SandboxConfig, AsRootOfHisOwnHeNeedsNoInnerNamespace) {
  be_ordinary();
  options.user = "0";
  const Result<SandboxPlan> made = plan();
  ASSERT_TRUE(made.has_value());
  EXPECT_FALSE(made->inner_ids.has_value());
}

TEST_F(SandboxConfig, WhoMayMapAllIdsKeepsThemAll) {
  host.may_mount = false;
  host.may_map_all_ids = true;
  host.uids = {{0, 1}, {1, 65536}};
  const oci::Config made = config();
  ASSERT_EQ(made.linux_->uid_mappings.size(), 2U);
  EXPECT_EQ(made.linux_->uid_mappings[1].container_id, 1U);
  EXPECT_EQ(made.linux_->uid_mappings[1].host_id, 1U);
  EXPECT_EQ(made.linux_->uid_mappings[1].size, 65536U);
  options.user = "70000";
  EXPECT_TRUE(plan().error().message.contains("70000")) << plan().error().message;
}

TEST_F(SandboxConfig, OnlyATtyGroupThatIsThereIsNamed) {
  EXPECT_TRUE(has(mount_at("/dev/pts").options, "gid=5"));
  be_ordinary();
  EXPECT_FALSE(has(mount_at("/dev/pts").options, "gid=5"));
}

TEST_F(SandboxConfig, NoPlaceForNodesIsAlive) {
  for (const char* place : {"/dev", "/run", "/tmp", "/var/tmp", "/dev/shm", "/"}) {
    EXPECT_TRUE(has(mount_at(place).options, "nodev")) << place;
  }
}

TEST_F(SandboxConfig, LimitsBecomeResources) {
  options.limits = {.memory_bytes = 1 << 20, .cpu_millionths = 1'500'000, .processes = 7};
  const oci::Config made = config();
  const oci::Resources resources = *made.linux_->resources;
  EXPECT_EQ(resources.memory->limit, 1 << 20);
  EXPECT_EQ(resources.cpu->quota, 150'000);
  EXPECT_EQ(resources.cpu->period, 100'000U);
  EXPECT_EQ(resources.pids->limit, 8) << "process 1 is ours";
  EXPECT_EQ(mount_at("/sys/fs/cgroup").type, "cgroup");
  options.limits = {};
  EXPECT_EQ(mount_at("/sys/fs/cgroup").type, "");
}

TEST_F(SandboxConfig, EnvironmentIsMadeAnew) {
  options.env = {"A=1", "KEPT", "MISSING", "A=2", "HOME=/else"};
  EXPECT_EQ(config().process->env,
            (oci::Strings{"PATH=/opt/bin", "TERM=vt100", "KEPT=kept", "A=2", "HOME=/else"}));
}

TEST_F(SandboxConfig, AnImagesEnvironmentIsKept) {
  options.source = SandboxSource::kImage;
  options.args.clear();
  image.emplace().process.emplace();
  image->process->args = {"run"};
  image->process->env = {"PATH=/image", "X=y"};
  image->process->cwd = "/srv";
  image->process->user.uid = 7;
  image->root = oci::Root{.path = "rootfs"};
  const oci::Process process = *config().process;
  EXPECT_EQ(process.args, oci::Strings{"run"});
  EXPECT_EQ(process.cwd, "/srv");
  EXPECT_EQ(process.user.uid, 7U);
  EXPECT_EQ(process.env, (oci::Strings{"PATH=/image", "X=y", "HOME=/home/me", "TERM=vt100"}));
}

TEST_F(SandboxConfig, StartsInTheCallersDirectoryWhereItIsTheSame) {
  EXPECT_EQ(config().process->cwd, "/home/me");
  host.cwd = "/tmp/job/x";
  EXPECT_EQ(config().process->cwd, "/");
  options.binds = {{.source = "/tmp/job", .destination = "/tmp/job", .is_writable = true}};
  EXPECT_EQ(config().process->cwd, "/tmp/job/x");
  options.binds[0].source = "/other";
  EXPECT_EQ(config().process->cwd, "/");
  options.workdir = "/w";
  EXPECT_EQ(config().process->cwd, "/w");
}

TEST_F(SandboxConfig, ADeviceThatIsBoundIsAllowed) {
  options.binds = {{.source = "/dev/kvm", .destination = "/dev/kvm", .is_writable = true},
                   {.source = "/data", .destination = "/data"}};
  const oci::Config made = config();
  ASSERT_EQ(made.linux_->resources->devices.size(), 2U);
  EXPECT_EQ(made.linux_->resources->devices[1].major, 10);
  EXPECT_EQ(made.linux_->resources->devices[1].minor, 232);
  EXPECT_FALSE(has(mount_at("/dev/kvm").options, "rnodev"));
  EXPECT_FALSE(has(mount_at("/dev/kvm").options, "rro"));
  EXPECT_TRUE(has(mount_at("/data").options, "rnodev"));
  EXPECT_TRUE(has(mount_at("/data").options, "rro"));
}

TEST_F(SandboxConfig, NamesResolveAsOnTheHostWithItsNetwork) {
  options.host_network = true;
  host.resolv_conf = "/run/resolve/stub.conf";
  EXPECT_EQ(mount_at("/run/resolve/stub.conf").source, "/run/resolve/stub.conf");
  options.source = SandboxSource::kDirectory;
  const Result<SandboxPlan> made = plan();
  ASSERT_TRUE(made.has_value());
  ASSERT_EQ(made->layer.entries.size(), 2U);
  EXPECT_EQ(made->layer.entries[0].path, "/etc/resolv.conf");
}

TEST(SandboxSeccomp, AllowsWhatASandboxWithinNeeds) {
  const oci::Seccomp profile = sandbox_seccomp();
  size_t rules_of_clone = 0;
  for (const oci::SeccompSyscall& rule : profile.syscalls) {
    const bool is_of_clone =
        std::find(rule.names.begin(), rule.names.end(), "clone3") != rule.names.end();
    rules_of_clone += is_of_clone ? 1 : 0;
    if (is_of_clone) {
      EXPECT_EQ(rule.action, "SCMP_ACT_ALLOW");
    }
    EXPECT_EQ(std::find(rule.names.begin(), rule.names.end(), "bpf"), rule.names.end());
  }
  EXPECT_EQ(rules_of_clone, 1U);
  EXPECT_TRUE(profile.flags.empty());
}

}  // namespace
}  // namespace crunlite::runtime
