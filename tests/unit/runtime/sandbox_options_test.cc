// SPDX-License-Identifier: Apache-2.0
#include "runtime/sandbox_options.h"

#include <gtest/gtest.h>

namespace crunlite::runtime {
namespace {

Result<SandboxOptions> read(const std::vector<std::string>& words) {
  Result<Options> options = Options::parse(sandbox_option_specs(), words, Positionals::kEndOptions);
  if (!options.has_value()) return std::unexpected(options.error());
  return read_sandbox_options(*options, "/home/me");
}

TEST(SandboxOptions, HaveDefaults) {
  const Result<SandboxOptions> options = read({"--", "true"});
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(options->source, SandboxSource::kHost);
  EXPECT_FALSE(options->limits.any());
  EXPECT_FALSE(options->host_network);
  EXPECT_EQ(options->timeout_ms, -1);
  EXPECT_EQ(options->args, std::vector<std::string>{"true"});
}

TEST(SandboxOptions, BecomeNumbers) {
  const Result<SandboxOptions> options =
      read({"--memory", "512m", "--cpus=1.5", "--pids=7", "--timeout", "5m", "--net=host", "x"});
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(options->limits.memory_bytes, int64_t{512} << 20);
  EXPECT_EQ(options->limits.cpu_millionths, 1'500'000U);
  EXPECT_EQ(options->limits.processes, 7);
  EXPECT_EQ(options->timeout_ms, 300'000);
  EXPECT_TRUE(options->host_network);
}

TEST(SandboxOptions, EndAtTheCommand) {
  const Result<SandboxOptions> options = read({"-t", "make", "--memory", "--", "-j2"});
  ASSERT_TRUE(options.has_value());
  EXPECT_TRUE(options->terminal);
  EXPECT_EQ(options->args, (std::vector<std::string>{"make", "--memory", "--", "-j2"}));
}

TEST(SandboxOptions, BindsAreAbsoluteAndParentsComeFirst) {
  const Result<SandboxOptions> options =
      read({"--ro", "a:/deep/er/x", "--rw=/deep//er/", "--ro=../b", "x"});
  ASSERT_TRUE(options.has_value());
  ASSERT_EQ(options->binds.size(), 3U);
  EXPECT_EQ(options->binds[0].destination, "/home/b");
  EXPECT_EQ(options->binds[1].destination, "/deep/er");
  EXPECT_TRUE(options->binds[1].is_writable);
  EXPECT_EQ(options->binds[2].source, "/home/me/a");
  EXPECT_EQ(options->binds[2].destination, "/deep/er/x");
}

TEST(SandboxOptions, ADirectoryIsCompleted) {
  const Result<SandboxOptions> options = read({"--rootfs", "tree", "x"});
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(options->source, SandboxSource::kDirectory);
  EXPECT_EQ(options->name, "/home/me/tree");
}

TEST(SandboxOptions, WrongOnesAreNamed) {
  struct Case {
    std::string word;
    std::string_view message;
  };
  const std::vector<Case> cases = {
      {"--memory=0", "--memory: \"0\""},
      {"--memory=9223372036854775808", "--memory"},
      {"--cpus=0.009", "--cpus"},
      {"--cpus=100001", "--cpus"},
      {"--pids=4194305", "--pids"},
      {"--pids=-1", "--pids"},
      {"--timeout=0", "--timeout"},
      {"--timeout=30000000", "--timeout"},
      {"--net=bridge", "--net"},
      {"--ro=", "--ro"},
      {"--ro=a:b:c", "--ro"},
      {"--ro=a:b", "is not absolute"},
      {"--rw=a:/", "cover the whole"},
      {"--env=", "--env"},
      {"--env==x", "--env"},
      {"--user=", "--user"},
      {"--workdir=x", "--workdir"},
      {"--image=", "--image"},
      {"--rootfs=", "--rootfs"},
  };
  for (const Case& one : cases) {
    const Result<SandboxOptions> options = read({one.word, "true"});
    ASSERT_FALSE(options.has_value()) << one.word;
    EXPECT_TRUE(options.error().message.contains(one.message)) << options.error().message;
  }
  EXPECT_FALSE(read({"--host", "--image=x", "true"}).has_value());
}

TEST(SandboxOptions, EdgesAreTaken) {
  for (const char* word : {"--cpus=0.01", "--cpus=100000", "--pids=1", "--pids=4194304",
                           "--timeout=1ms", "--memory=1", "--timeout=2000000"}) {
    EXPECT_TRUE(read({word, "true"}).has_value()) << word;
  }
}

}  // namespace
}  // namespace crunlite::runtime
