// SPDX-License-Identifier: Apache-2.0
// What a container uses, as a stream of JSON lines in runc's shape.
#pragma once

#include <string>

#include "base/result.h"

namespace crunlite::runtime {

// One line {"type":"stats","id":...,"data":...} on standard output. Kind::kConflict unless the
// container runs.
[[nodiscard]] Status print_statistics(const std::string& root, const std::string& id);

// Such a line each `interval_ms`, and {"type":"oom","id":...} when a process is killed for want of
// memory, until the container ends.
[[nodiscard]] Status stream_events(const std::string& root, const std::string& id, int interval_ms);

}  // namespace crunlite::runtime
