// SPDX-License-Identifier: Apache-2.0
// A seccomp profile compiled to a filter program by libseccomp (config-linux.md#seccomp).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/config.h"

namespace crunlite::runtime {

struct SeccompFilter {
  std::string program;    // an array of struct sock_filter; empty: no filter
  unsigned flags = 0;     // SECCOMP_FILTER_FLAG_*
  bool notifies = false;  // a listener must be sent away: runtime/seccomp_notify.h
};

// Compiles the profile: the host's architecture and those listed. System calls that libseccomp does
// not know are passed over, as callers' profiles name newer ones. Takes some 20 ms for the usual
// profiles; compile_cached keeps the result.
[[nodiscard]] Result<SeccompFilter> compile_seccomp(const oci::Seccomp& profile);

// The same through a cache: files named by a hash in the directory `cache_dir` (-1: none), each of
// which holds the profile it was compiled from, so that a collision is seen. The oldest of more
// than limits::kSeccompCacheFiles are removed.
[[nodiscard]] Result<SeccompFilter> compile_cached(const oci::Seccomp& profile, int cache_dir);

// A profile that this program always makes alike.
struct NamedProfile {
  std::string_view name;
  oci::Seccomp (*make)() = nullptr;
};
// The same for such a profile: kept by its name and the build of this program, so that it is only
// made when there is nothing in the cache.
[[nodiscard]] Result<SeccompFilter> compile_cached(const NamedProfile& profile, int cache_dir);

// The flags that this kernel has too, and the architectures of libseccomp, for `features`.
[[nodiscard]] std::vector<std::string> seccomp_flags();
[[nodiscard]] std::vector<std::string> seccomp_architectures();

}  // namespace crunlite::runtime
