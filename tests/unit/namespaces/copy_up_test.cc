// SPDX-License-Identifier: Apache-2.0
#include "namespaces/copy_up.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <optional>

#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"

namespace crunlite::namespaces {
namespace {

class CopyUp : public testing::Test {
 protected:
  void SetUp() override {
    old_mask_ = ::umask(0);
    Result<TempDir> made = TempDir::create("copy_up_test");
    ASSERT_TRUE(made.has_value());
    temp_.emplace(std::move(*made));
    from_ = make("from");
    to_ = make("to");
  }
  void TearDown() override { (void)::umask(old_mask_); }

  UniqueFd make(const char* name) {
    EXPECT_TRUE(sys::mkdirat(temp_->fd(), name, 0755).has_value());
    return std::move(*sys::openat(temp_->fd(), name, O_RDONLY | O_DIRECTORY));
  }
  void write(const std::string& path, std::string_view text, mode_t mode) {
    Result<UniqueFd> file =
        sys::openat(from_.get(), path.c_str(), O_WRONLY | O_CREAT | O_EXCL, mode);
    ASSERT_TRUE(file.has_value()) << path;
    ASSERT_TRUE(sys::write_all(file->get(), text).has_value());
  }
  void make_directory(const std::string& path, mode_t mode) {
    ASSERT_TRUE(sys::mkdirat(from_.get(), path.c_str(), mode).has_value()) << path;
  }
  Status copy() { return copy_tree(from_.get(), to_.get()); }
  [[nodiscard]] std::string text(const std::string& path) const {
    return read_file(to_.get(), path, 1 << 20).value_or("(none)");
  }
  [[nodiscard]] mode_t mode(const std::string& path) const {
    const Result<struct stat> info = sys::fstatat(to_.get(), path.c_str(), AT_SYMLINK_NOFOLLOW);
    return info.has_value() ? info->st_mode : 0;
  }

  std::optional<TempDir> temp_;
  UniqueFd from_;
  UniqueFd to_;
  mode_t old_mask_ = 0;
};

TEST_F(CopyUp, OfNothing) {
  EXPECT_TRUE(copy().has_value());
  EXPECT_TRUE(sys::list_dir(to_.get())->empty());
}

TEST_F(CopyUp, OfFilesAndDirectoriesWithTheirModes) {
  make_directory("a", 0711);
  make_directory("a/b", 01777);
  write("a/b/file", "content", 0640);
  write("program", "", 04755);
  const std::string large(200'000, 'x');
  write("large", large, 0600);
  ASSERT_TRUE(copy().has_value());
  EXPECT_EQ(mode("a"), mode_t{S_IFDIR | 0711});
  EXPECT_EQ(mode("a/b"), mode_t{S_IFDIR | 01777});
  EXPECT_EQ(mode("a/b/file"), mode_t{S_IFREG | 0640});
  EXPECT_EQ(mode("program"), mode_t{S_IFREG | 04755});
  EXPECT_EQ(text("a/b/file"), "content");
  EXPECT_EQ(text("large"), large);
}

TEST_F(CopyUp, DoesNotFollowLinks) {
  ASSERT_TRUE(sys::symlinkat("/etc", from_.get(), "directory").has_value());
  ASSERT_TRUE(sys::symlinkat("missing", from_.get(), "dangling").has_value());
  ASSERT_TRUE(copy().has_value());
  EXPECT_EQ(sys::readlinkat(to_.get(), "directory").value_or(""), "/etc");
  EXPECT_EQ(sys::readlinkat(to_.get(), "dangling").value_or(""), "missing");
}

TEST_F(CopyUp, DoesNotOpenPipes) {
  ASSERT_TRUE(sys::mknodat(from_.get(), "pipe", S_IFIFO | 0620, 0).has_value());
  ASSERT_TRUE(copy().has_value());
  EXPECT_EQ(mode("pipe"), mode_t{S_IFIFO | 0620});
}

TEST_F(CopyUp, NamesWhatItCouldNotCopy) {
  write("taken", "", 0600);
  ASSERT_TRUE(sys::mkdirat(to_.get(), "taken", 0700).has_value());
  const Status copied = copy();
  ASSERT_FALSE(copied.has_value());
  EXPECT_TRUE(copied.error().message.starts_with("copy \"taken\": ")) << copied.error().message;
}

TEST_F(CopyUp, GoesDownSoFarAndNoFurther) {
  std::string path = "d";
  for (size_t depth = 1; depth < limits::kCopyDepth; depth++) {
    make_directory(path, 0700);
    path += "/d";
  }
  ASSERT_TRUE(copy().has_value());
  EXPECT_EQ(mode(path.substr(0, path.size() - 2)), mode_t{S_IFDIR | 0700});
  make_directory(path, 0700);
  UniqueFd second = make("second");
  const Status copied = copy_tree(from_.get(), second.get());
  ASSERT_FALSE(copied.has_value());
  EXPECT_EQ(copied.error().kind, Kind::kLimit);
}

}  // namespace
}  // namespace crunlite::namespaces
