// SPDX-License-Identifier: Apache-2.0
#include "namespaces/kinds.h"

#include <sched.h>

namespace crunlite::namespaces {
namespace {

constexpr std::array<NamespaceKind, 8> kKinds = {{
    {"user", "user", CLONE_NEWUSER},
    {"mount", "mnt", CLONE_NEWNS},
    {"uts", "uts", CLONE_NEWUTS},
    {"ipc", "ipc", CLONE_NEWIPC},
    {"network", "net", CLONE_NEWNET},
    {"cgroup", "cgroup", CLONE_NEWCGROUP},
    {"time", "time", CLONE_NEWTIME},
    {"pid", "pid", CLONE_NEWPID},
}};

}  // namespace

const NamespaceKind* find_kind(std::string_view oci_name) {
  for (const NamespaceKind& kind : kKinds) {
    if (kind.oci_name == oci_name) return &kind;
  }
  return nullptr;
}

std::string_view proc_name(uint64_t clone_flag) {
  for (const NamespaceKind& kind : kKinds) {
    if (kind.clone_flag == clone_flag) return kind.proc_name;
  }
  return "";
}

const std::array<NamespaceKind, 8>& all_kinds() { return kKinds; }

}  // namespace crunlite::namespaces
