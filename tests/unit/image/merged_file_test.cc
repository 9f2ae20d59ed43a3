// SPDX-License-Identifier: Apache-2.0
#include "image/merged_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "image/lower_layers.h"
#include "tests/unit/image/image_builder.h"

namespace crunlite::image {
namespace {

using ::testing::HasSubstr;

// Layers are directories "0" (lowest), "1", ... of a temporary directory.
class MergedFileTest : public ::testing::Test {
 protected:
  MergedFileTest() : dir_(*TempDir::create("merged-file-test")) {
    for (int i = 0; i < 3; i++) {
      std::string name = cat(i);
      EXPECT_TRUE(sys::mkdirat(dir_.fd(), name.c_str(), 0755).has_value());
      layers_.insert(layers_.begin(),
                     *sys::openat(dir_.fd(), name.c_str(), O_RDONLY | O_DIRECTORY));
    }
  }
  std::string path(const std::string& name) { return dir_.path() + "/" + name; }
  void link(const std::string& name, const std::string& target) {
    (void)make_host_dirs(split_path(path(name)).parent, 0755);
    ASSERT_TRUE(sys::symlinkat(target.c_str(), AT_FDCWD, path(name).c_str()).has_value());
  }
  void whiteout(const std::string& name) {
    (void)make_host_dirs(split_path(path(name)).parent, 0755);
    ASSERT_TRUE(sys::mknodat(AT_FDCWD, path(name).c_str(), S_IFCHR, 0).has_value());
  }
  std::string read(const std::string& name) {
    std::vector<int> borrowed;
    for (const UniqueFd& layer : layers_) borrowed.push_back(layer.get());
    Result<std::string> text = read_merged_file(borrowed, name, 1000);
    if (text.has_value()) return *text;
    return text.error().kind == Kind::kNotFound ? "(none)" : text.error().message;
  }

  TempDir dir_;
  std::vector<UniqueFd> layers_;  // topmost first
};

TEST_F(MergedFileTest, FindsTheTopmost) {
  write_file(path("0/etc/passwd"), "low");
  write_file(path("0/etc/group"), "group");
  EXPECT_EQ(read("etc/passwd"), "low");
  write_file(path("2/etc/passwd"), "top");
  EXPECT_EQ(read("etc/passwd"), "top");
  EXPECT_EQ(read("/etc//./group"), "group");
  EXPECT_EQ(read("etc/shadow"), "(none)");
  EXPECT_EQ(read("etc"), "(none)");
  EXPECT_EQ(read("etc/passwd/x"), "(none)");
}

TEST_F(MergedFileTest, HonoursWhiteouts) {
  write_file(path("0/etc/passwd"), "low");
  whiteout("1/etc/passwd");
  EXPECT_EQ(read("etc/passwd"), "(none)");
  write_file(path("2/etc/passwd"), "again");
  EXPECT_EQ(read("etc/passwd"), "again");
}

TEST_F(MergedFileTest, HonoursWhiteoutsOfDirectories) {
  write_file(path("0/etc/passwd"), "low");
  whiteout("1/etc");
  EXPECT_EQ(read("etc/passwd"), "(none)");
  write_file(path("2/etc/group"), "g");
  EXPECT_EQ(read("etc/passwd"), "(none)");
  EXPECT_EQ(read("etc/group"), "g");
}

TEST_F(MergedFileTest, HonoursOpaqueDirectories) {
  write_file(path("0/etc/passwd"), "low");
  write_file(path("1/etc/group"), "g");
  UniqueFd etc = *sys::open(path("1/etc").c_str(), O_RDONLY | O_DIRECTORY);
  if (!mark_opaque(etc.get()).has_value()) GTEST_SKIP() << "this file system has no attributes";
  EXPECT_EQ(read("etc/passwd"), "(none)");
  EXPECT_EQ(read("etc/group"), "g");
}

TEST_F(MergedFileTest, ResolvesLinksInside) {
  write_file(path("0/usr/etc/passwd"), "moved");
  link("1/etc", "/usr/etc");
  EXPECT_EQ(read("etc/passwd"), "moved");
  link("2/srv/up", "../../../../usr/./etc/../etc");
  EXPECT_EQ(read("srv/up/passwd"), "moved");
  link("0/loop", "loop");
  EXPECT_THAT(read("loop"), HasSubstr("too many symbolic links"));
  link("0/out", "/etc/../../../../../../../../etc/hostname");
  EXPECT_EQ(read("out"), "(none)");
}

TEST_F(MergedFileTest, ReadsRegularFilesOfBoundedSize) {
  ASSERT_TRUE(sys::mknodat(AT_FDCWD, path("2/fifo").c_str(), S_IFIFO | 0600, 0).has_value());
  EXPECT_EQ(read("fifo"), "(none)");
  write_file(path("0/large"), std::string(1001, 'x'));
  EXPECT_THAT(read("large"), HasSubstr("is larger than 1000 bytes"));
}

}  // namespace
}  // namespace crunlite::image
