// SPDX-License-Identifier: Apache-2.0
// The kinds of namespaces: OCI names, clone flags, files below /proc/PID/ns (namespaces(7)).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace crunlite::namespaces {

struct NamespaceKind {
  std::string_view oci_name;   // config-linux.md#namespaces
  std::string_view proc_name;  // below /proc/PID/ns
  uint64_t clone_flag;
};

// nullptr when there is no such kind.
[[nodiscard]] const NamespaceKind* find_kind(std::string_view oci_name);

// "net" for CLONE_NEWNET; "" when there is no such kind.
[[nodiscard]] std::string_view proc_name(uint64_t clone_flag);

// All kinds that we make or join, in the order in which they are joined: the user namespace first,
// since it gives the capabilities for the others.
[[nodiscard]] const std::array<NamespaceKind, 8>& all_kinds();

}  // namespace crunlite::namespaces
