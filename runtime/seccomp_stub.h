// SPDX-License-Identifier: Apache-2.0
// What a filter begins with so that programs fall back to older system calls: those that are newer
// than everything a profile names get ENOSYS, as from a kernel without them, and not the profile's
// errno, which C libraries take for a refusal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "oci/config.h"

namespace crunlite::runtime {

// Instructions (struct sock_filter) to put before the compiled program; none where the profile lets
// unknown calls through, or asks somebody about them. `architectures` are libseccomp's tokens of
// all that the filter knows.
[[nodiscard]] std::string unknown_calls_stub(const oci::Seccomp& profile,
                                             const std::vector<uint32_t>& architectures);

}  // namespace crunlite::runtime
