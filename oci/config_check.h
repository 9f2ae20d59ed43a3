// SPDX-License-Identifier: Apache-2.0
// What a config.json must say beyond its types: known words, numbers within their ranges, parts
// that fit each other. Pure functions; nothing of this host is looked at. Any thread.
#pragma once

#include "base/result.h"
#include "oci/config.h"

namespace crunlite::oci {

// The first thing that is wrong, by its path: "process.rlimits[1].type: "RLIMIT_X" is unknown".
// A config without `process` passes: it is needed by start only.
[[nodiscard]] Status check(const Config& config);

// The same of a process alone, as `exec --process FILE` gets it; paths start with "process".
[[nodiscard]] Status check_process(const Process& process);

}  // namespace crunlite::oci
