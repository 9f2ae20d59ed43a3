// SPDX-License-Identifier: Apache-2.0
// The annotation "run.oci.pidfd_receiver": a socket that gets a pidfd of the container's init
// (docs/annotations.md).
#pragma once

#include <map>
#include <string>

#include "base/result.h"

namespace crunlite::runtime {

inline constexpr const char* kPidfdAnnotation = "run.oci.pidfd_receiver";

// Sends it, with one byte of 0, to the unix stream socket that the annotation names, if there is
// one. A path of the host.
[[nodiscard]] Status send_pidfd(const std::map<std::string, std::string>& annotations, int pidfd);

}  // namespace crunlite::runtime
