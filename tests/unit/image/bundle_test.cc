// SPDX-License-Identifier: Apache-2.0
#include "image/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/config_check.h"

namespace crunlite::image {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

class BundleTest : public ::testing::Test {
 protected:
  BundleTest() {
    image_.os = "linux";
    image_.architecture = "amd64";
    image_.config.emplace();
  }
  Result<BundleConfig> make() {
    return make_bundle_config({name_, image_, user_, overlay_, rootless_});
  }
  oci::Config config() {
    Result<BundleConfig> made = make();
    EXPECT_TRUE(made.has_value()) << made.error().message;
    return made.has_value() ? made->config : oci::Config();
  }
  oci::ImageDefaults& defaults() { return *image_.config; }

  std::string name_ = "registry.example/team/my_app:1";
  oci::ImageConfig image_;
  oci::ResolvedUser user_;
  std::optional<OverlayRoot> overlay_;
  std::optional<RootlessIds> rootless_;
};

TEST_F(BundleTest, TakesEntrypointAndCommand) {
  struct Case {
    oci::Strings entrypoint;
    oci::Strings cmd;
    oci::Strings args;
  };
  const Case cases[] = {{{"/e", "a"}, {"b"}, {"/e", "a", "b"}},
                        {{"/e"}, {}, {"/e"}},
                        {{}, {"c", "d"}, {"c", "d"}},
                        {{}, {}, {"sh"}}};
  for (const Case& one : cases) {
    defaults().entrypoint = one.entrypoint;
    defaults().cmd = one.cmd;
    EXPECT_EQ(config().process->args, one.args);
  }
}

TEST_F(BundleTest, KeepsTheEnvironmentAndAddsWhatIsMissing) {
  user_.home = "/home/u";
  EXPECT_THAT(config().process->env,
              ElementsAre(HasSubstr("PATH=/usr/local/sbin"), "HOME=/home/u"));
  defaults().env = {"HOME=/h", "A=1", "A=2", "PATH=/p", "PATHS=x"};
  EXPECT_EQ(config().process->env, defaults().env);
}

TEST_F(BundleTest, RefusesWhatNoRuntimeTakes) {
  defaults().env = {"A=1", "NONSENSE"};
  EXPECT_THAT(make().error().message, HasSubstr("process.env[1]: \"NONSENSE\" is not NAME=VALUE"));
  defaults().env.clear();
  defaults().labels[""] = "x";
  EXPECT_THAT(make().error().message, HasSubstr("config.Labels: a name is empty"));
  defaults().labels.clear();
  defaults().entrypoint = {""};
  EXPECT_THAT(make().error().message, HasSubstr("process.args"));
}

TEST_F(BundleTest, MakesTheWorkingDirectoryAbsolute) {
  for (auto& [given, wanted] : std::vector<std::pair<std::string, std::string>>{
           {"", "/"}, {"/srv", "/srv"}, {"srv/", "/srv"}, {"/a/../../b", "/b"}}) {
    defaults().working_dir = given;
    EXPECT_EQ(config().process->cwd, wanted);
  }
}

TEST_F(BundleTest, GivesCapabilitiesToRootAlone) {
  oci::Capabilities root = *config().process->capabilities;
  EXPECT_EQ(root.bounding.size(), 14U);
  EXPECT_EQ(root.effective, root.bounding);
  EXPECT_THAT(root.inheritable, IsEmpty());
  user_.uid = 1000;
  oci::Capabilities other = *config().process->capabilities;
  EXPECT_EQ(other.bounding, root.bounding);
  EXPECT_THAT(other.effective, IsEmpty());
  EXPECT_THAT(other.permitted, IsEmpty());
  EXPECT_TRUE(config().process->no_new_privileges);
}

TEST_F(BundleTest, AnnotatesWhatTheImageSays) {
  image_.author = "me";
  image_.variant = "v2";
  image_.os_features = {"x", "y"};
  defaults().stop_signal = "SIGQUIT";
  defaults().exposed_ports = {{"80/tcp", {}}, {"53/udp", {}}};
  defaults().labels = {{"org.opencontainers.image.author", "label wins"}, {"a.b", "c"}};
  std::map<std::string, std::string> annotations = config().annotations;
  const std::string prefix = "org.opencontainers.image.";
  EXPECT_THAT(annotations, Contains(Pair(prefix + "os", "linux")));
  EXPECT_THAT(annotations, Contains(Pair(prefix + "architecture", "amd64")));
  EXPECT_THAT(annotations, Contains(Pair(prefix + "variant", "v2")));
  EXPECT_THAT(annotations, Contains(Pair(prefix + "os.features", "x,y")));
  EXPECT_THAT(annotations, Contains(Pair(prefix + "author", "label wins")));
  EXPECT_THAT(annotations, Contains(Pair(prefix + "stopSignal", "SIGQUIT")));
  EXPECT_THAT(annotations, Contains(Pair(prefix + "exposedPorts", "53/udp,80/tcp")));
  EXPECT_THAT(annotations, Contains(Pair("a.b", "c")));
  EXPECT_THAT(annotations, Not(Contains(Key(prefix + "created"))));
}

TEST_F(BundleTest, DropsLabelsThatSteerARuntime) {
  defaults().labels = {{"run.oci.handler", "krun"}, {"org.systemd.property.X", "1"}, {"a", "b"}};
  Result<BundleConfig> made = make();
  ASSERT_TRUE(made.has_value());
  EXPECT_THAT(made->dropped_labels, ElementsAre("org.systemd.property.X", "run.oci.handler"));
  EXPECT_THAT(made->config.annotations, Not(Contains(Key("run.oci.handler"))));
  EXPECT_THAT(made->config.annotations, Contains(Pair("a", "b")));
}

TEST_F(BundleTest, NamesTheHostAfterTheImage) {
  for (auto& [name, host] : std::vector<std::pair<std::string, std::string>>{
           {"registry.example/team/my_app:1", "my-app"},
           {"busybox:1", "busybox"},
           {std::string(100, 'a') + ":1", std::string(63, 'a')}}) {
    name_ = name;
    EXPECT_EQ(config().hostname, host);
  }
}

TEST_F(BundleTest, MountsTheOverlayFirst) {
  overlay_ = OverlayRoot{{"/s/b", "/s/a"}, "/bundle/upper", "/bundle/work", false};
  oci::Config made = config();
  ASSERT_FALSE(made.mounts.empty());
  EXPECT_EQ(made.mounts[0].destination, "/");
  EXPECT_EQ(made.mounts[0].type, "overlay");
  EXPECT_THAT(made.mounts[0].options,
              ElementsAre("lowerdir=/s/b:/s/a", "upperdir=/bundle/upper", "workdir=/bundle/work"));
  EXPECT_EQ(made.mounts[1].destination, "/proc");
  EXPECT_EQ(made.root->path, "rootfs");
  EXPECT_FALSE(made.root->readonly);
}

TEST(OverlayMount, EscapesTheStoreAndRefusesWhatCannotBe) {
  OverlayRoot root{{"/a:b,c\\d"}, "/u", "/w", true};
  EXPECT_THAT(overlay_mount(root)->options,
              ElementsAre("lowerdir=/a\\:b\\,c\\\\d", "upperdir=/u", "workdir=/w", "userxattr"));
  root.upper = "/u,1";
  EXPECT_THAT(overlay_mount(root).error().message, HasSubstr("a comma or a backslash"));
  root.upper = "/u";
  root.lowers.assign(500, "/l");
  EXPECT_TRUE(overlay_mount(root).has_value());
  root.lowers.emplace_back("/l");
  EXPECT_EQ(overlay_mount(root).error().kind, Kind::kLimit);
  root.lowers.clear();
  EXPECT_THAT(overlay_mount(root).error().message, HasSubstr("no layer to stack"));
}

TEST_F(BundleTest, MapsAnOrdinaryUserToTheImages) {
  rootless_ = RootlessIds{1000, 1001};
  user_.uid = 7;
  user_.gid = 8;
  user_.additional_gids = {9};
  oci::Config made = config();
  ASSERT_EQ(made.linux_->uid_mappings.size(), 1U);
  EXPECT_EQ(made.linux_->uid_mappings[0].container_id, 7U);
  EXPECT_EQ(made.linux_->uid_mappings[0].host_id, 1000U);
  EXPECT_EQ(made.linux_->gid_mappings[0].container_id, 8U);
  EXPECT_EQ(made.linux_->gid_mappings[0].host_id, 1001U);
  EXPECT_THAT(made.process->user.additional_gids, IsEmpty());
}

TEST_F(BundleTest, PassesTheRuntimesOwnChecks) {
  defaults().user = "app";
  user_ = {.uid = 1, .gid = 2, .additional_gids = {3}, .name = "app", .home = "/"};
  oci::Config made = config();
  EXPECT_TRUE(oci::check(made).has_value());
  EXPECT_EQ(made.process->user.additional_gids, user_.additional_gids);
  EXPECT_EQ(made.linux_->cgroups_path, "");
  EXPECT_TRUE(made.linux_->seccomp.has_value());
  EXPECT_FALSE(made.linux_->masked_paths.empty());
  // What was written is read back as the same.
  Result<oci::Config> read = oci::parse_config(oci::write_config(made));
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(oci::write_config(*read), oci::write_config(made));
}

TEST(UserOf, IsRootUnlessTheImageSaysOtherwise) {
  oci::ImageConfig config;
  EXPECT_EQ(user_of(config), "0");
  config.config.emplace();
  EXPECT_EQ(user_of(config), "0");
  config.config->user = "app:staff";
  EXPECT_EQ(user_of(config), "app:staff");
}

}  // namespace
}  // namespace crunlite::image
