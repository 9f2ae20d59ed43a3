// SPDX-License-Identifier: Apache-2.0
#include "base/path.h"

#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "base/scope.h"

namespace crunlite {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PathTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<TempDir> made = TempDir::create("path-test");
    ASSERT_TRUE(made.has_value()) << made.error().message;
    dir_.emplace(std::move(*made));
  }
  [[nodiscard]] int fd() const { return dir_->fd(); }
  [[nodiscard]] const std::string& path() const { return dir_->path(); }
  void make_dir(const std::string& name, mode_t mode = 0700) {
    ASSERT_TRUE(sys::mkdirat(fd(), name.c_str(), mode).has_value()) << name;
  }
  void make_file(const std::string& name, std::string_view text = "x") {
    auto file = sys::openat(fd(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
    ASSERT_TRUE(file.has_value()) << name;
    ASSERT_TRUE(sys::write_all(file->get(), text).has_value()) << name;
  }
  void make_link(const std::string& target, const std::string& name) {
    ASSERT_TRUE(sys::symlinkat(target.c_str(), fd(), name.c_str()).has_value()) << name;
  }
  [[nodiscard]] bool exists(const std::string& name) const {
    return sys::fstatat(fd(), name.c_str(), AT_SYMLINK_NOFOLLOW).has_value();
  }
  [[nodiscard]] std::vector<std::string> entries() const {
    UniqueFd readable = *sys::openat(fd(), ".", O_RDONLY | O_DIRECTORY);
    std::vector<sys::DirEntry> found = *sys::list_dir(readable.get());
    std::vector<std::string> names;
    for (const sys::DirEntry& entry : found) names.push_back(entry.name);
    std::ranges::sort(names);
    return names;
  }

 private:
  std::optional<TempDir> dir_;
};

TEST(SplitPath, PartsTheLastName) {
  struct Row {
    std::string path;
    std::string parent;
    std::string name;
  };
  for (const Row& row : std::vector<Row>{{"", "", ""},
                                         {"/", "/", ""},
                                         {"//", "/", ""},
                                         {"a", "", "a"},
                                         {"a/", "", "a"},
                                         {"/a", "/", "a"},
                                         {"//a", "/", "a"},
                                         {"/a/b/", "/a", "b"},
                                         {"a//b", "a", "b"},
                                         {"a/..", "a", ".."},
                                         {".", "", "."}}) {
    SplitPath parts = split_path(row.path);
    EXPECT_EQ(parts.parent, row.parent) << row.path;
    EXPECT_EQ(parts.name, row.name) << row.path;
  }
}

TEST(CleanPath, GivesTheNormalForm) {
  struct Row {
    std::string path;
    std::string clean;
  };
  for (const Row& row : std::vector<Row>{{"", "."},
                                         {".", "."},
                                         {"/", "/"},
                                         {"//", "/"},
                                         {"/..", "/"},
                                         {"/../..", "/"},
                                         {"/a/../..", "/"},
                                         {"/a//b/./c/", "/a/b/c"},
                                         {"a/..", "."},
                                         {"a/../..", ".."},
                                         {"../a", "../a"},
                                         {"../../a/..", "../.."},
                                         {"a/b/../c", "a/c"},
                                         {"...", "..."},
                                         {"/a/..b", "/a/..b"}}) {
    EXPECT_EQ(clean_path(row.path), row.clean) << row.path;
  }
}

TEST_F(PathTest, OpensNothingOutside) {
  make_dir("root");
  make_dir("root/in");
  make_file("secret");
  make_file("root/in/file");
  make_link("../secret", "root/up");
  make_link(path() + "/secret", "root/absolute");
  make_link("/in/file", "root/inside");
  make_link("/proc/self/root", "root/magic");
  UniqueFd root = *sys::openat(fd(), "root", O_PATH | O_DIRECTORY);
  EXPECT_TRUE(open_beneath(root.get(), "in/file", O_RDONLY).has_value());
  for (const char* name : {"../secret", "up", "absolute", "inside", "magic", "/in/file"}) {
    EXPECT_FALSE(open_beneath(root.get(), name, O_RDONLY).has_value()) << name;
  }
  EXPECT_TRUE(open_in_root(root.get(), "inside", O_RDONLY).has_value());
  EXPECT_TRUE(open_in_root(root.get(), "/../in/../in/file", O_RDONLY).has_value());
  EXPECT_TRUE(open_in_root(root.get(), "", O_PATH).has_value());
  for (const char* name : {"../secret", "up", "absolute", "magic/etc"}) {
    EXPECT_FALSE(open_in_root(root.get(), name, O_RDONLY).has_value()) << name;
  }
}

TEST_F(PathTest, MakesDirectoriesInsideARootOnly) {
  make_dir("root");
  make_dir("root/real");
  make_dir("outside");
  make_link("/real", "root/link");
  make_link(path() + "/outside", "root/escape");
  make_link("../../outside/new", "root/dangling");
  UniqueFd root = *sys::openat(fd(), "root", O_PATH | O_DIRECTORY);
  EXPECT_TRUE(make_dirs_in_root(root.get(), "/a/b/c", 0755).has_value());
  EXPECT_TRUE(exists("root/a/b/c"));
  EXPECT_TRUE(make_dirs_in_root(root.get(), "a/b/c", 0755).has_value());
  EXPECT_TRUE(make_dirs_in_root(root.get(), "/link/x/./y//", 0755).has_value());
  EXPECT_TRUE(exists("root/real/x/y"));
  EXPECT_TRUE(make_dirs_in_root(root.get(), "/", 0755).has_value());
  for (const char* name : {"/escape/new", "/dangling", "/dangling/x", "/n/../m"}) {
    EXPECT_FALSE(make_dirs_in_root(root.get(), name, 0755).has_value()) << name;
  }
  EXPECT_FALSE(exists("outside/new"));
  make_file("root/file");
  EXPECT_FALSE(make_dirs_in_root(root.get(), "/file/x", 0755).has_value());
}

TEST_F(PathTest, MakesDirectoriesOfTheHost) {
  EXPECT_TRUE(make_host_dirs(path() + "/a/b//c/", 0700).has_value());
  EXPECT_TRUE(exists("a/b/c"));
  EXPECT_TRUE(make_host_dirs(path() + "/a/b", 0700).has_value());
  EXPECT_TRUE(make_host_dirs("/", 0700).has_value());
  make_file("file");
  Result<DirFd> below = make_host_dirs(path() + "/file/x", 0700);
  ASSERT_FALSE(below.has_value());
  EXPECT_EQ(below.error().errnum, ENOTDIR);
  EXPECT_FALSE(make_host_dirs("", 0700).has_value());
}

TEST_F(PathTest, SaysWhyADirectoryOfTheHostIsMissing) {
  Result<DirFd> dir = make_host_dirs("/proc/crun-lite-test/x", 0700);
  ASSERT_FALSE(dir.has_value());
  // procfs answers ENOENT to mkdir; sysfs has a reason.
  dir = make_host_dirs("/sys/crun-lite-test/x", 0700);
  ASSERT_FALSE(dir.has_value());
  EXPECT_NE(dir.error().errnum, ENOENT);
  EXPECT_THAT(dir.error().message, HasSubstr("directory \"/sys/crun-lite-test/x\": "));
}

TEST_F(PathTest, ReadsAtMostWhatIsAllowed) {
  make_file("five", "12345");
  make_file("empty", "");
  EXPECT_EQ(*read_file(fd(), "five", 5), "12345");
  EXPECT_EQ(*read_file(fd(), "empty", 0), "");
  Result<std::string> longer = read_file(fd(), "five", 4);
  ASSERT_FALSE(longer.has_value());
  EXPECT_EQ(longer.error().kind, Kind::kLimit);
  EXPECT_EQ(longer.error().message, "five: is larger than 4 bytes");
  EXPECT_EQ(read_file(fd(), "none", 4).error().kind, Kind::kNotFound);
  EXPECT_FALSE(read_file(fd(), ".", 4).has_value());
  std::string big(100'000, 'b');
  make_file("big", big);
  EXPECT_EQ(*read_file(fd(), "big", big.size()), big);
}

TEST_F(PathTest, ReplacesFilesAtOnce) {
  for (Durability durability : {Durability::kDurable, Durability::kVolatile}) {
    ASSERT_TRUE(write_atomic(fd(), "f", "one", 0640, durability).has_value());
    ASSERT_TRUE(write_atomic(fd(), "f", "two", 0644, durability).has_value());
    EXPECT_EQ(*read_file(fd(), "f", 10), "two");
    EXPECT_EQ(sys::fstatat(fd(), "f", 0)->st_mode & 07777, 0644U);
    EXPECT_THAT(entries(), ElementsAre("f"));
  }
}

TEST_F(PathTest, LeavesNothingWhenAFileCannotBeReplaced) {
  make_dir("d");
  make_file("d/x");
  EXPECT_FALSE(write_atomic(fd(), "d", "text", 0600, Durability::kDurable).has_value());
  EXPECT_FALSE(write_atomic(fd(), "none/f", "text", 0600, Durability::kDurable).has_value());
  EXPECT_THAT(entries(), ElementsAre("d"));
}

TEST_F(PathTest, ReplacesALinkAndNotItsTarget) {
  make_file("target", "old");
  make_link("target", "f");
  ASSERT_TRUE(write_atomic(fd(), "f", "new", 0600, Durability::kVolatile).has_value());
  EXPECT_EQ(*read_file(fd(), "target", 10), "old");
  EXPECT_EQ(*read_file(fd(), "f", 10), "new");
}

TEST_F(PathTest, WritesOnlyWhatExists) {
  make_file("f", "old");
  EXPECT_TRUE(write_existing(fd(), "f", "new").has_value());
  EXPECT_EQ(*read_file(fd(), "f", 10), "new");
  EXPECT_EQ(write_existing(fd(), "none", "x").error().kind, Kind::kNotFound);
  EXPECT_FALSE(exists("none"));
}

TEST_F(PathTest, RemovesTreesAndNothingElse) {
  make_dir("tree");
  make_dir("tree/sub");
  make_dir("tree/sub/empty");
  make_dir("kept");
  make_file("kept/file");
  make_file("tree/sub/file");
  make_link("../kept", "tree/to_dir");
  make_link("../../kept/file", "tree/sub/to_file");
  make_link("kept", "link");
  EXPECT_TRUE(remove_tree(fd(), "tree").has_value());
  EXPECT_TRUE(remove_tree(fd(), "link").has_value());
  EXPECT_THAT(entries(), ElementsAre("kept"));
  EXPECT_TRUE(exists("kept/file"));
  EXPECT_TRUE(remove_tree(fd(), "none").has_value());
  EXPECT_TRUE(remove_tree(fd(), "none/below").has_value());
  EXPECT_TRUE(remove_tree(fd(), "kept/file").has_value());
  EXPECT_FALSE(exists("kept/file"));
  for (const char* name : {"", ".", "..", "/", "kept/.."}) {
    EXPECT_FALSE(remove_tree(fd(), name).has_value()) << name;
  }
  EXPECT_TRUE(exists("kept"));
}

TEST_F(PathTest, RemovesTreesByAbsolutePath) {
  make_dir("tree");
  make_dir("tree/sub");
  make_file("tree/sub/file");
  EXPECT_TRUE(remove_tree(AT_FDCWD, path() + "/tree").has_value());
  EXPECT_TRUE(entries().empty());
}

TEST_F(PathTest, RemovesWhatDeniesAccess) {
  make_dir("tree");
  make_dir("tree/readonly");
  make_dir("tree/closed");
  make_file("tree/readonly/file");
  make_dir("tree/closed/sub");
  ASSERT_TRUE(sys::fchmodat(fd(), "tree/readonly", 0500).has_value());
  ASSERT_TRUE(sys::fchmodat(fd(), "tree/closed", 0000).has_value());
  ASSERT_TRUE(sys::fchmodat(fd(), "tree", 0500).has_value());
  Status removed = remove_tree(fd(), "tree");
  EXPECT_TRUE(removed.has_value()) << removed.error().message;
  EXPECT_TRUE(entries().empty());
}

TEST_F(PathTest, RemovesTreesDeeperThanTheOpenFiles) {
  constexpr int kDepth = 160;
  struct rlimit saved = *sys::getrlimit(RLIMIT_NOFILE);
  UniqueFd at = *sys::openat(fd(), ".", O_PATH | O_DIRECTORY);
  for (int i = 0; i < kDepth; i++) {
    // Two directories at each depth, and a name that the removal would like to use itself.
    ASSERT_TRUE(sys::mkdirat(at.get(), "deep.0", 0700).has_value());
    ASSERT_TRUE(sys::mkdirat(at.get(), "side", 0700).has_value());
    at = *sys::openat(at.get(), "deep.0", O_PATH | O_DIRECTORY);
  }
  struct rlimit few = saved;
  few.rlim_cur = 96;
  ASSERT_TRUE(sys::setrlimit(RLIMIT_NOFILE, few).has_value());
  Status removed = remove_tree(fd(), "deep.0");
  ASSERT_TRUE(sys::setrlimit(RLIMIT_NOFILE, saved).has_value());
  EXPECT_TRUE(removed.has_value()) << removed.error().message;
  EXPECT_THAT(entries(), ElementsAre("side"));
}

TEST(TempDir, GoesWithItsContent) {
  std::string path;
  {
    Result<TempDir> dir = TempDir::create("temp-test");
    ASSERT_TRUE(dir.has_value());
    path = dir->path();
    ASSERT_TRUE(sys::mkdirat(dir->fd(), "sub", 0700).has_value());
    ASSERT_TRUE(sys::mkdirat(dir->fd(), "sub/d", 0700).has_value());
    ASSERT_TRUE(write_atomic(dir->fd(), "f", "x", 0600, Durability::kVolatile).has_value());
    TempDir moved(std::move(*dir));
    EXPECT_EQ(moved.path(), path);
    EXPECT_EQ(sys::fstatat(AT_FDCWD, path.c_str(), 0)->st_mode & 07777, 0700U);
  }
  EXPECT_FALSE(sys::fstatat(AT_FDCWD, path.c_str(), 0).has_value());
  EXPECT_FALSE(TempDir::create("x", "/nowhere-at-all").has_value());
}

TEST_F(PathTest, LocksAgainstOthers) {
  using Mode = FileLock::Mode;
  {
    Result<FileLock> first = FileLock::acquire(fd(), "lock", Mode::kShared);
    ASSERT_TRUE(first.has_value());
    EXPECT_TRUE(FileLock::acquire(fd(), "lock", Mode::kShared, 0).has_value());
    Result<FileLock> second = FileLock::acquire(fd(), "lock", Mode::kExclusive, 0);
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().kind, Kind::kConflict);
    EXPECT_EQ(second.error().message, "lock lock: held by another process");
  }
  EXPECT_TRUE(FileLock::acquire(fd(), "lock", Mode::kExclusive, 0).has_value());
  make_link("elsewhere", "link");
  EXPECT_FALSE(FileLock::acquire(fd(), "link", Mode::kExclusive).has_value());
  EXPECT_FALSE(exists("elsewhere"));
}

}  // namespace
}  // namespace crunlite
