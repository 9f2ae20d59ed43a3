// SPDX-License-Identifier: Apache-2.0
#include "image/remove.h"

#include <gtest/gtest.h>

#include "base/path.h"
#include "base/sys.h"
#include "image/layer.h"
#include "tests/unit/image/tree_text.h"

namespace crunlite::image {
namespace {

class Remove : public testing::Test {
 protected:
  Remove() : dir_(TempDir::create("crun-lite-remove").value()) {}
  ~Remove() override { (void)remove_layer(AT_FDCWD, dir_.path() + "/t"); }

  void make_dir(const std::string& path) {
    ASSERT_TRUE(sys::mkdirat(dir_.fd(), path.c_str(), 0755).has_value()) << path;
  }
  void make_file(const std::string& path) {
    ASSERT_TRUE(
        sys::openat(dir_.fd(), path.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0644).has_value());
  }
  void set_mode(const std::string& path, mode_t mode) {
    ASSERT_TRUE(sys::fchmodat(dir_.fd(), path.c_str(), mode).has_value());
  }
  [[nodiscard]] std::vector<std::string> tree() const { return describe_tree(dir_.fd()); }
  TempDir dir_;
};

TEST_F(Remove, TakesFilesLinksAndMissingNames) {
  make_file("t");
  EXPECT_TRUE(remove_below(dir_.fd(), "t").has_value());
  ASSERT_TRUE(sys::symlinkat("keep", dir_.fd(), "t").has_value());
  make_dir("keep");
  make_file("keep/f");
  EXPECT_TRUE(remove_below(dir_.fd(), "t").has_value());
  EXPECT_TRUE(remove_below(dir_.fd(), "t").has_value());
  EXPECT_EQ(tree(), (std::vector<std::string>{"keep/", "keep/f"}));
}

TEST_F(Remove, TakesATreeAndNothingBehindItsLinks) {
  make_dir("keep");
  make_file("keep/f");
  for (const char* path : {"t", "t/a", "t/a/b", "t/c", "t/d"}) make_dir(path);
  for (const char* path : {"t/a/b/f", "t/a/g", "t/h"}) make_file(path);
  ASSERT_TRUE(sys::symlinkat("../../keep", dir_.fd(), "t/a/l").has_value());
  EXPECT_TRUE(remove_below(dir_.fd(), "t").has_value());
  EXPECT_EQ(tree(), (std::vector<std::string>{"keep/", "keep/f"}));
}

TEST_F(Remove, CopesWithDirectoriesWithoutPermissions) {
  for (const char* path : {"t", "t/a", "t/a/b", "t/c"}) make_dir(path);
  make_file("t/a/b/f");
  for (const char* path : {"t/a/b", "t/a", "t/c", "t"}) set_mode(path, 0);
  EXPECT_TRUE(remove_below(dir_.fd(), "t").has_value());
  EXPECT_TRUE(tree().empty());
}

// Deeper than there may be open files, and than a path may be long.
TEST_F(Remove, CopesWithAnyDepth) {
  constexpr int kDepth = 3000;
  make_dir("t");
  UniqueFd at = sys::openat(dir_.fd(), "t", O_PATH | O_DIRECTORY).value();
  for (int i = 0; i < kDepth; i++) {
    ASSERT_TRUE(sys::mkdirat(at.get(), "d", 0755).has_value());
    at = sys::openat(at.get(), "d", O_PATH | O_DIRECTORY).value();
  }
  EXPECT_TRUE(remove_below(dir_.fd(), "t").has_value());
  EXPECT_TRUE(tree().empty());
}

// More entries than one batch of names, files and directories mixed.
TEST_F(Remove, CopesWithManyEntries) {
  make_dir("t");
  for (int i = 0; i < 2000; i++) {
    if (i % 3 == 0) make_dir(cat("t/directory-with-a-long-name-", i));
    if (i % 3 == 1) make_file(cat("t/directory-with-a-long-name-", i - 1, "/f"));
    if (i % 3 == 2) make_file(cat("t/file-with-a-long-name-", i));
  }
  EXPECT_TRUE(remove_below(dir_.fd(), "t").has_value());
  EXPECT_TRUE(tree().empty());
}

TEST_F(Remove, TakesAPathWhoseParentMayBeMissing) {
  make_dir("t");
  make_dir("t/a");
  EXPECT_TRUE(remove_layer(dir_.fd(), "t/a").has_value());
  EXPECT_TRUE(remove_layer(dir_.fd(), "none/a").has_value());
  EXPECT_TRUE(remove_layer(AT_FDCWD, dir_.path() + "/t").has_value());
  EXPECT_TRUE(tree().empty());
}

TEST_F(Remove, PrunesWhatItIsToldTo) {
  for (const char* path : {"t", "t/keep", "t/enter", "t/gone", "t/enter/empty", "t/enter/full"}) {
    make_dir(path);
  }
  for (const char* path : {"t/keep/f", "t/enter/f", "t/enter/full/f", "t/gone/f"}) make_file(path);
  set_mode("t/enter/full", 0555);
  UniqueFd top = sys::openat(dir_.fd(), "t", O_PATH | O_DIRECTORY).value();
  Status pruned = prune(top.get(), [](const PruneEntry& entry) {
    if (entry.name == "keep") return Fate::kKeep;
    if (entry.name == "enter") return Fate::kEnter;
    if (entry.name == "empty" || entry.name == "full") return Fate::kEnterThenRemoveIfEmpty;
    return entry.name == "gone" ? Fate::kRemove : Fate::kKeep;
  });
  ASSERT_TRUE(pruned.has_value()) << pruned.error().message;
  EXPECT_EQ(describe_tree(top.get()),
            (std::vector<std::string>{"enter/", "enter/f", "enter/full/ 0555", "enter/full/f",
                                      "keep/", "keep/f"}));
}

}  // namespace
}  // namespace crunlite::image
