// SPDX-License-Identifier: Apache-2.0
#include "runtime/sandbox_layers.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>

namespace crunlite::runtime {
namespace {

constexpr uid_t kMe = 1000;

// A host's files as a map from paths; directories in between are made.
class FakeFiles {
 public:
  void add(const std::string& path, mode_t mode, uint64_t size = 0, uid_t owner = 0) {
    for (size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
      add_one(path.substr(0, end), {.name = "", .mode = S_IFDIR | 0755});
    }
    add_one(path, {.name = "", .mode = mode, .size = size, .owner = owner});
  }
  [[nodiscard]] FileView view() const {
    return {.list =
                [this](const std::string& path) {
                  std::vector<FileSeen> seen;
                  const auto found = children_.find(path);
                  if (found == children_.end()) return seen;
                  for (const std::string& child : found->second) seen.push_back(files_.at(child));
                  return seen;
                },
            .look =
                [this](const std::string& path) {
                  const auto found = files_.find(path);
                  return found == files_.end() ? FileSeen() : found->second;
                }};
  }

 private:
  void add_one(const std::string& path, FileSeen file) {
    const size_t slash = path.rfind('/');
    file.name = path.substr(slash + 1);
    if (!files_.emplace(path, file).second) return;
    children_[slash == 0 ? "/" : path.substr(0, slash)].push_back(path);
  }

  std::map<std::string, FileSeen> files_;
  std::map<std::string, std::vector<std::string>> children_;
};

constexpr mode_t kDir = S_IFDIR | 0755;

FakeFiles usual_files() {
  FakeFiles files;
  for (const char* path : {"/usr/bin", "/etc", "/home/me/work", "/var/lib", "/var/tmp", "/proc",
                           "/sys", "/dev", "/run", "/tmp", "/mnt/disk"}) {
    files.add(path, kDir);
  }
  files.add("/bin", S_IFLNK | 0777);
  files.add("/small", S_IFREG | 0644, 10);
  files.add("/large", S_IFREG | 0644, 100 << 20);
  files.add("/socket", S_IFSOCK | 0755);
  return files;
}

std::string shape(const SandboxLayers& layers) {
  std::string out;
  for (const oci::Mount& mount : layers.mounts) {
    out.append(mount.type).append(" ").append(mount.destination).append("\n");
  }
  for (const CopiedEntry& entry : layers.layer.entries) {
    constexpr std::string_view kNames[] = {"dir", "link", "file", "replaced"};
    out.append(kNames[static_cast<size_t>(entry.type)]).append(" ").append(entry.path).append("\n");
  }
  return out;
}

TEST(OverlayHost, EachFileSystemGetsAnOverlay) {
  FakeFiles files = usual_files();
  files.add("/etc/hosts", S_IFREG | 0644);
  SandboxHost host;
  host.mounts = {{"/", "ext4", false},          {"/dev", "devtmpfs", false},
                 {"/etc/hosts", "ext4", false}, {"/gone", "ext4", false},
                 {"/home", "xfs", false},       {"/mnt/disk", "squashfs", true},
                 {"/run/x", "tmpfs", false},    {"/sys", "sysfs", false}};
  const SandboxLayers layers = overlay_host(host, {.scratch = "/run/s"}, files.view());
  EXPECT_EQ(shape(layers), "overlay /\nbind /etc/hosts\noverlay /home\nbind /mnt/disk\n");
  ASSERT_EQ(layers.layer.uppers.size(), 2U);
  EXPECT_EQ(layers.layer.directory, "/run/s");
  EXPECT_EQ(layers.layer.uppers[1].like, "/home");
  EXPECT_EQ(layers.mounts[2].options, (oci::Strings{"lowerdir=/home", "upperdir=/run/s/1/upper",
                                                    "workdir=/run/s/1/work", "nodev"}));
}

TEST(OverlayHost, InAUserNamespaceNotesAreUserAttributes) {
  FakeFiles files = usual_files();
  SandboxHost host;
  const SandboxLayers layers =
      overlay_host(host, {.scratch = "/s", .user_namespace = true}, files.view());
  EXPECT_EQ(layers.mounts[0].options.back(), "userxattr");
}

TEST(PieceHostTogether, DirectoriesWithMountsAreMadeAnew) {
  FakeFiles files = usual_files();
  SandboxHost host;
  host.uid = kMe;
  host.mounts = {{"/", "ext4", false},
                 {"/mnt/disk", "xfs", false},
                 {"/proc", "proc", false},
                 {"/var/lib", "ext4", false},
                 {"/var/tmp", "tmpfs", false}};
  const SandboxLayers layers =
      piece_host_together(host, {.scratch = "/s", .user_namespace = true}, files.view(), {});
  EXPECT_EQ(shape(layers),
            "tmpfs /\noverlay /usr\noverlay /etc\noverlay /home\nbind /large\n"
            "overlay /var/lib\noverlay /mnt/disk\n"
            "link /bin\nfile /small\ndir /var\ndir /mnt\n");
}

TEST(PieceHostTogether, WhatIsTheKernelsIsAnEmptyDirectory) {
  FakeFiles files;
  files.add("/data/auto", kDir);
  SandboxHost host;
  host.mounts = {{"/data/auto", "autofs", false}};
  EXPECT_EQ(shape(piece_host_together(host, {}, files.view(), {})),
            "tmpfs /\ndir /data\ndir /data/auto\n");
}

TEST(PieceHostTogether, TheCallersPlacesGetOverlaysOfTheirOwn) {
  FakeFiles files;
  files.add("/srv/ci", kDir);
  files.add("/srv/ci/me", kDir, 0, kMe);
  files.add("/srv/ci/me/work", kDir, 0, kMe);
  SandboxHost host;
  host.uid = kMe;
  const std::vector<std::string> places = {"/srv/ci/me/work", "/srv/ci/me", "/no/where", "/tmp/x"};
  EXPECT_EQ(shape(piece_host_together(host, {}, files.view(), places)),
            "tmpfs /\noverlay /srv\noverlay /srv/ci/me\n");
}

TEST(PieceHostTogether, ALargeDirectoryIsBoundAsAWhole) {
  FakeFiles files;
  for (int i = 0; i < 3000; i++) files.add("/etc/" + std::to_string(i), S_IFREG | 0644);
  SandboxHost host;
  host.mounts = {{"/etc/1", "ext4", false}};
  EXPECT_EQ(shape(piece_host_together(host, {}, files.view(), {})), "tmpfs /\nbind /etc\n");
}

TEST(OverlayDirectory, EscapesWhatTheListSeparatesBy) {
  const SandboxLayers layers = overlay_directory("/a:b\\c", {.scratch = "/s"});
  EXPECT_EQ(layers.mounts[0].options[0], "lowerdir=/a\\:b\\\\c");
  EXPECT_EQ(layers.layer.uppers[0].like, "/a:b\\c");
}

TEST(OverlayLayersOf, KeepsTheLayersAndReplacesTheUpper) {
  oci::Mount root;
  root.destination = "/";
  root.type = "overlay";
  root.options = {"lowerdir=/l/2:/l/1", "upperdir=/disk/u", "workdir=/disk/w"};
  const Result<SandboxLayers> layers = overlay_layers_of(root, {.scratch = "/s"});
  ASSERT_TRUE(layers.has_value());
  EXPECT_EQ(layers->mounts[0].options, (oci::Strings{"lowerdir=/l/2:/l/1", "upperdir=/s/0/upper",
                                                     "workdir=/s/0/work", "nodev"}));
  EXPECT_EQ(layers->layer.uppers[0].like, "/l/2");
  EXPECT_FALSE(overlay_layers_of({}, {}).has_value());
}

TEST(IsFresh, CoversWhatLiesBelow) {
  EXPECT_TRUE(is_fresh("/tmp"));
  EXPECT_TRUE(is_fresh("/var/tmp/x"));
  EXPECT_FALSE(is_fresh("/var"));
  EXPECT_FALSE(is_fresh("/tmpfiles"));
}

}  // namespace
}  // namespace crunlite::runtime
