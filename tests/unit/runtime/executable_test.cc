// SPDX-License-Identifier: Apache-2.0
#include "runtime/executable.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>

#include "base/path.h"
#include "base/scope.h"
#include "base/sys.h"

namespace crunlite::runtime {
namespace {

class Lookup : public testing::Test {
 protected:
  void SetUp() override {
    Result<TempDir> made = TempDir::create("executable_test");
    ASSERT_TRUE(made.has_value());
    dir_.emplace(std::move(*made));
    for (const char* name : {"a", "b", "a/folder"}) {
      ASSERT_TRUE(sys::mkdirat(dir_->fd(), name, 0755).has_value());
    }
    put("a/plain", 0644);
    put("a/only_here", 0755);
    put("a/both", 0644);
    put("b/both", 0755);
    put("b/folder", 0755);
    ASSERT_TRUE(sys::symlinkat("only_here", dir_->fd(), "a/link").has_value());
    ASSERT_TRUE(sys::symlinkat("nowhere", dir_->fd(), "a/dangling").has_value());
    ASSERT_TRUE(sys::mknodat(dir_->fd(), "a/fifo", S_IFIFO | 0755, 0).has_value());
  }

  void put(const char* path, mode_t mode) {
    ASSERT_TRUE(sys::openat(dir_->fd(), path, O_WRONLY | O_CREAT, mode).has_value());
  }
  [[nodiscard]] std::string path(const std::string& below) const {
    return cat(dir_->path(), "/", below);
  }
  [[nodiscard]] oci::Strings env() const {
    return {"HOME=/", cat("PATH=", path("missing"), "::", path("a"), ":", path("b"))};
  }

  std::optional<TempDir> dir_;
};

TEST_F(Lookup, SearchesPathInOrder) {
  struct Row {
    const char* program;
    const char* found;
  };
  for (const Row& row : std::initializer_list<Row>{{"only_here", "a/only_here"},
                                                   {"link", "a/link"},
                                                   {"both", "b/both"},  // the first is no program
                                                   {"folder", "b/folder"}}) {  // nor is this
    const Result<Executable> found = find_executable(row.program, env());
    ASSERT_TRUE(found.has_value()) << found.error().message;
    EXPECT_EQ(found->path, path(row.found));
  }
}

TEST_F(Lookup, TakesAPathAsItIs) {
  EXPECT_EQ(find_executable(path("a/only_here"), {})->path, path("a/only_here"));
  const std::string before = sys::getcwd().value_or("/");
  ASSERT_TRUE(sys::chdir(dir_->path().c_str()).has_value());
  const Defer back([&] { EXPECT_TRUE(sys::chdir(before.c_str()).has_value()); });
  EXPECT_EQ(find_executable("a/only_here", {"PATH=/"})->path, "a/only_here");
  EXPECT_EQ(find_executable("./b/both", {})->path, "./b/both");
}

// Callers compare these words.
TEST_F(Lookup, FailsInTheWordsThatCallersKnow) {
  struct Row {
    std::string program;
    std::string error;
    Kind kind;
  };
  const auto quoted = [&](const char* below) { return quote(path(below)); };
  for (const Row& row : std::vector<Row>{
           {"nothing", "exec: \"nothing\": executable file not found in $PATH", Kind::kNotFound},
           {"dangling", "exec: \"dangling\": executable file not found in $PATH", Kind::kNotFound},
           {"", "exec: \"\": executable file not found in $PATH", Kind::kNotFound},
           {"plain", "exec: \"plain\": permission denied", Kind::kDenied},
           {"fifo", "exec: \"fifo\": permission denied", Kind::kDenied},
           {path("a/x"),
            cat("exec: ", quoted("a/x"), ": stat ", path("a/x"), ": no such file or directory"),
            Kind::kNotFound},
           {path("a/plain"), cat("exec: ", quoted("a/plain"), ": permission denied"),
            Kind::kDenied},
           {path("a/fifo"), cat("exec: ", quoted("a/fifo"), ": permission denied"), Kind::kDenied},
           {path("a"), cat("exec: ", quoted("a"), ": is a directory"), Kind::kSystem},
           {path("a/plain/x"), cat("exec: ", quoted("a/plain/x"), ": Not a directory"),
            Kind::kSystem},
       }) {
    const Result<Executable> found = find_executable(row.program, env());
    ASSERT_FALSE(found.has_value()) << row.program;
    EXPECT_EQ(found.error().message, row.error);
    EXPECT_EQ(found.error().kind, row.kind) << row.program;
  }
}

TEST_F(Lookup, WithoutPathSearchesTheUsualPlaces) {
  for (const oci::Strings& env : std::vector<oci::Strings>{{}, {"PATH="}, {"PATHS=/nowhere"}}) {
    const Result<Executable> found = find_executable("sh", env);
    ASSERT_TRUE(found.has_value());
    EXPECT_TRUE(found->path.ends_with("bin/sh")) << found->path;
  }
  EXPECT_FALSE(find_executable("sh", {"PATH=/nowhere"}).has_value());
}

TEST(ExecError, UsesTheWordsOfOtherRuntimes) {
  EXPECT_EQ(exec_error("x", ENOENT).message, "exec: \"x\": no such file or directory");
  EXPECT_EQ(exec_error("x", EACCES).message, "exec: \"x\": permission denied");
  EXPECT_EQ(exec_error("x", ENOEXEC).message, "exec: \"x\": Exec format error");
  EXPECT_EQ(exec_error("x", ENOEXEC).errnum, ENOEXEC);
}

}  // namespace
}  // namespace crunlite::runtime
