// SPDX-License-Identifier: Apache-2.0
#include "namespaces/place.h"

#include <errno.h>
#include <gtest/gtest.h>

#include <optional>

#include "base/path.h"
#include "base/sys.h"

namespace crunlite::namespaces {
namespace {

// A root file system with a directory beside it that nothing may reach.
class Places : public testing::Test {
 protected:
  void SetUp() override {
    Result<TempDir> made = TempDir::create("place_test");
    ASSERT_TRUE(made.has_value());
    temp_.emplace(std::move(*made));
    for (const char* name : {"root", "root/etc", "root/run", "outside"}) {
      ASSERT_TRUE(sys::mkdirat(temp_->fd(), name, 0755).has_value());
    }
    root_ = std::move(*sys::openat(temp_->fd(), "root", O_PATH | O_DIRECTORY));
  }
  void link(const std::string& path, const std::string& target) {
    ASSERT_TRUE(sys::symlinkat(target.c_str(), root_.get(), path.c_str()).has_value());
  }
  // The type of what lies there, links not followed; 0: nothing.
  [[nodiscard]] mode_t type_of(const std::string& path) const {
    const Result<struct stat> info = sys::fstatat(root_.get(), path.c_str(), AT_SYMLINK_NOFOLLOW);
    return info.has_value() ? info->st_mode & S_IFMT : 0;
  }
  [[nodiscard]] bool is_same(int fd, const std::string& path) const {
    const Result<struct stat> named = sys::fstatat(root_.get(), path.c_str(), 0);
    return named.has_value() && named->st_ino == sys::fstat(fd)->st_ino;
  }
  void expect_nothing_outside() const {
    const Result<UniqueFd> outside = sys::openat(temp_->fd(), "outside", O_RDONLY | O_DIRECTORY);
    EXPECT_TRUE(sys::list_dir(outside->get())->empty());
  }

  std::optional<TempDir> temp_;
  DirFd root_;
};

TEST_F(Places, AreMadeWithTheirParents) {
  const Result<UniqueFd> file = open_or_make_file(root_.get(), "/a/b/file");
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(type_of("a/b/file"), mode_t{S_IFREG});
  EXPECT_TRUE(is_same(file->get(), "a/b/file"));
  const Result<DirFd> dir = open_or_make_directory(root_.get(), "/a/c/dir");
  ASSERT_TRUE(dir.has_value());
  EXPECT_EQ(type_of("a/c/dir"), mode_t{S_IFDIR});
  EXPECT_TRUE(is_same(dir->get(), "a/c/dir"));
}

TEST_F(Places, ThatAreThereAreTaken) {
  ASSERT_TRUE(sys::openat(root_.get(), "etc/hosts", O_WRONLY | O_CREAT, 0600).has_value());
  EXPECT_TRUE(is_same(open_or_make_file(root_.get(), "/etc/hosts")->get(), "etc/hosts"));
  EXPECT_TRUE(is_same(open_or_make_directory(root_.get(), "/etc")->get(), "etc"));
  EXPECT_EQ(open_or_make_directory(root_.get(), "/etc/hosts").error().errnum, ENOTDIR);
}

TEST_F(Places, LieBehindLinks) {
  link("var_run", "run");
  link("abs", "/run");
  link("up", "../../../run");
  for (const char* way : {"/var_run", "/abs", "/up"}) {
    const std::string path = cat(std::string_view(way), "/x", std::string_view(way).size());
    const Result<UniqueFd> file = open_or_make_file(root_.get(), path);
    ASSERT_TRUE(file.has_value()) << path;
    EXPECT_TRUE(is_same(file->get(), "run" + split_path(path).name.insert(0, "/"))) << path;
  }
}

TEST_F(Places, LieBehindLinksThatDangle) {
  struct Row {
    const char* target;
    const char* made;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"../run/systemd/resolve/stub-resolv.conf", "run/systemd/resolve/stub-resolv.conf"},
           {"/run/other/resolv.conf", "run/other/resolv.conf"},
           {"third", "etc/third"},
           {"../../../../fourth", "fourth"}}) {
    (void)sys::unlinkat(root_.get(), "etc/resolv.conf", 0);  // of the row before
    link("etc/resolv.conf", row.target);
    const Result<UniqueFd> file = open_or_make_file(root_.get(), "/etc/resolv.conf");
    ASSERT_TRUE(file.has_value()) << file.error().message;
    EXPECT_EQ(type_of(row.made), mode_t{S_IFREG}) << row.target;
    EXPECT_TRUE(is_same(file->get(), row.made)) << row.target;
    EXPECT_EQ(type_of("etc/resolv.conf"), mode_t{S_IFLNK});
  }
  link("shm", "run/shm");
  const Result<DirFd> dir = open_or_make_directory(root_.get(), "/shm/deep");
  ASSERT_TRUE(dir.has_value()) << dir.error().message;
  EXPECT_TRUE(is_same(dir->get(), "run/shm/deep"));
  EXPECT_EQ(type_of("shm"), mode_t{S_IFLNK});
}

TEST_F(Places, LieBehindAChainOfLinks) {
  link("a", "b/x");
  link("b", "c");
  link("c", "/run/d");
  const Result<UniqueFd> file = open_or_make_file(root_.get(), "/a/file");
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_TRUE(is_same(file->get(), "run/d/x/file"));
}

TEST_F(Places, AreNotBehindLinksWithoutEnd) {
  link("loop", "loop");
  link("grow", "grow/x");
  for (const char* path : {"/loop", "/loop/x", "/grow", "/grow/y"}) {
    EXPECT_EQ(open_or_make_file(root_.get(), path).error().errnum, ELOOP) << path;
    EXPECT_EQ(open_or_make_directory(root_.get(), path).error().errnum, ELOOP) << path;
  }
}

TEST_F(Places, NeverLieOutside) {
  const std::string outside = temp_->path() + "/outside";
  link("abs", outside);
  link("rel", "../outside");
  link("file", outside + "/file");
  link("relfile", "../outside/file");
  for (const char* path : {"/abs/x", "/rel/x", "/file", "/relfile", "/../outside/x"}) {
    (void)open_or_make_file(root_.get(), path);       // contained or refused, both are right
    (void)open_or_make_directory(root_.get(), path);  // likewise
  }
  expect_nothing_outside();
}

}  // namespace
}  // namespace crunlite::namespaces
