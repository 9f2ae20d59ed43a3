// SPDX-License-Identifier: Apache-2.0
#include "runtime/sysctl.h"

#include <gtest/gtest.h>
#include <string.h>

#include <optional>

#include "base/path.h"
#include "base/sys.h"

namespace crunlite::runtime {
namespace {

// A directory that stands for /proc.
class Sysctls : public testing::Test {
 protected:
  void SetUp() override {
    Result<TempDir> made = TempDir::create("sysctl_test");
    ASSERT_TRUE(made.has_value());
    dir_.emplace(std::move(*made));
    ASSERT_TRUE(make_host_dirs(dir_->path() + "/sys/net/ipv4/conf/eth0.1", 0755).has_value());
    put("sys/net/ipv4/ip_forward");
    put("sys/net/ipv4/conf/eth0.1/forwarding");
  }
  void put(const char* path) {
    ASSERT_TRUE(sys::openat(dir_->fd(), path, O_WRONLY | O_CREAT, 0644).has_value());
  }
  [[nodiscard]] std::string get(const std::string& path) const {
    return read_file(dir_->fd(), path, 4096).value_or("(missing)");
  }

  std::optional<TempDir> dir_;
};

TEST_F(Sysctls, AreWrittenBelowProcSys) {
  ASSERT_TRUE(write_sysctls({{"net.ipv4.ip_forward", "1"}}, dir_->fd()).has_value());
  EXPECT_EQ(get("sys/net/ipv4/ip_forward"), "1");
}

TEST_F(Sysctls, HaveTwoForms) {
  for (const char* name : {"net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding"}) {
    ASSERT_TRUE(write_sysctls({{name, name}}, dir_->fd()).has_value()) << name;
    EXPECT_EQ(get("sys/net/ipv4/conf/eth0.1/forwarding").substr(0, strlen(name)), name);
  }
}

TEST_F(Sysctls, AreMissedByTheirName) {
  const Status written = write_sysctls({{"net.ipv4.nothing", "1"}}, dir_->fd());
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().message,
            "linux.sysctl[\"net.ipv4.nothing\"]: No such file or directory");
}

TEST_F(Sysctls, NeverLeadOutOfProcSys) {
  put("sysrq-trigger");
  for (const char* name : {"net/../../sysrq-trigger", "../sysrq-trigger", "/sysrq-trigger",
                           "kernel.hostname", "vm.swappiness", ""}) {
    EXPECT_FALSE(write_sysctls({{name, "b"}}, dir_->fd()).has_value()) << name;
  }
  EXPECT_EQ(get("sysrq-trigger"), "");
}

// A container must not redirect the write by what it can mount or link (CVE-2025-52881).
TEST_F(Sysctls, FollowNoLinks) {
  put("victim");
  ASSERT_TRUE(sys::symlinkat("../../../victim", dir_->fd(), "sys/net/ipv4/link").has_value());
  ASSERT_TRUE(sys::symlinkat("ipv4", dir_->fd(), "sys/net/ipv5").has_value());
  for (const char* name : {"net.ipv4.link", "net.ipv5.ip_forward"}) {
    EXPECT_FALSE(write_sysctls({{name, "1"}}, dir_->fd()).has_value()) << name;
  }
  EXPECT_EQ(get("victim") + get("sys/net/ipv4/ip_forward"), "");
}

}  // namespace
}  // namespace crunlite::runtime
