// SPDX-License-Identifier: Apache-2.0
#include "namespaces/kinds.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <string>

#include "base/sys.h"

namespace crunlite::namespaces {
namespace {

TEST(NamespaceKinds, AreFoundByTheSpecificationsNames) {
  struct Row {
    const char* name;
    const char* proc_name;
    uint64_t flag;
  };
  for (const Row& row : std::initializer_list<Row>{{"pid", "pid", CLONE_NEWPID},
                                                   {"network", "net", CLONE_NEWNET},
                                                   {"mount", "mnt", CLONE_NEWNS},
                                                   {"ipc", "ipc", CLONE_NEWIPC},
                                                   {"uts", "uts", CLONE_NEWUTS},
                                                   {"user", "user", CLONE_NEWUSER},
                                                   {"cgroup", "cgroup", CLONE_NEWCGROUP}}) {
    const NamespaceKind* kind = find_kind(row.name);
    ASSERT_NE(kind, nullptr) << row.name;
    EXPECT_EQ(kind->proc_name, row.proc_name);
    EXPECT_EQ(kind->clone_flag, row.flag) << row.name;
  }
}

TEST(NamespaceKinds, AreNotFoundByOtherNames) {
  for (const char* name : {"", "net", "mnt", "clock", "Pid", "pid ", "network2"}) {
    EXPECT_EQ(find_kind(name), nullptr) << name;
  }
}

TEST(NamespaceKinds, HaveFilesInProc) {
  for (const NamespaceKind& kind : all_kinds()) {
    const std::string path = "/proc/self/ns/" + std::string(kind.proc_name);
    EXPECT_TRUE(sys::fstatat(AT_FDCWD, path.c_str(), 0).has_value()) << path;
  }
}

TEST(NamespaceKinds, StartWithTheUserNamespace) {
  EXPECT_EQ(all_kinds()[0].clone_flag, uint64_t{CLONE_NEWUSER});
}

}  // namespace
}  // namespace crunlite::namespaces
