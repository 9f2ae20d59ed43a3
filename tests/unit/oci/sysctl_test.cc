// SPDX-License-Identifier: Apache-2.0
#include "oci/sysctl.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace crunlite::oci {
namespace {

TEST(ParseSysctl, FindsPathAndNamespace) {
  struct Row {
    std::string key;
    std::string path;
    std::string type;
  };
  for (const Row& row : std::vector<Row>{
           {"net.ipv4.ip_forward", "net/ipv4/ip_forward", "network"},
           {"net/ipv4/ip_forward", "net/ipv4/ip_forward", "network"},
           {"net.ipv4.conf.eth0/100.forwarding", "net/ipv4/conf/eth0.100/forwarding", "network"},
           {"net/ipv4/conf/eth0.100/forwarding", "net/ipv4/conf/eth0.100/forwarding", "network"},
           {"kernel.msgmax", "kernel/msgmax", "ipc"},
           {"kernel.shm_rmid_forced", "kernel/shm_rmid_forced", "ipc"},
           {"kernel.sem", "kernel/sem", "ipc"},
           {"fs.mqueue.msg_max", "fs/mqueue/msg_max", "ipc"},
           {"kernel.domainname", "kernel/domainname", "uts"}}) {
    Result<Sysctl> sysctl = parse_sysctl(row.key);
    ASSERT_TRUE(sysctl.has_value()) << row.key << ": " << sysctl.error().message;
    EXPECT_EQ(sysctl->path, row.path);
    EXPECT_EQ(sysctl->namespace_type, row.type);
  }
}

TEST(ParseSysctl, RefusesTheHostsAndTheBroken) {
  for (const std::string& key : std::vector<std::string>{std::string(),
                                                         "kernel.core_pattern",
                                                         "kernel.hostname",
                                                         "kernel/hostname",
                                                         "kernel.msgmax2",
                                                         "kernel",
                                                         "kernel.semx",
                                                         "vm.overcommit_memory",
                                                         "net",
                                                         "net.",
                                                         "net..",
                                                         ".net.a",
                                                         "/net/a",
                                                         "net.//.kernel",
                                                         "net/../kernel/core_pattern",
                                                         "net/./a",
                                                         "net.a b",
                                                         "net.a\n",
                                                         std::string("net.\0", 5),
                                                         "fs.mqueue",
                                                         "fs.file-max",
                                                         "user.max_user_namespaces",
                                                         "net." + std::string(252, 'a')}) {
    EXPECT_FALSE(parse_sysctl(key).has_value()) << key;
  }
  EXPECT_TRUE(parse_sysctl("net." + std::string(251, 'a')).has_value());
}

TEST(ParseSysctl, NeverLeavesItsDirectory) {
  // A dot that stands for a slash in "eth0/100" must not make a "..".
  EXPECT_FALSE(parse_sysctl("net.//.core_pattern").has_value());
  EXPECT_FALSE(parse_sysctl("net.ipv4.//").has_value());
  EXPECT_FALSE(parse_sysctl("net./.a").has_value());
}

}  // namespace
}  // namespace crunlite::oci
