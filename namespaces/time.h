// SPDX-License-Identifier: Apache-2.0
// A new time namespace with offsets (time_namespaces(7), config-linux.md).
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "oci/config.h"

namespace crunlite::namespaces {

// The text for /proc/self/timens_offsets: a line for each clock.
[[nodiscard]] std::string time_offsets_text(const oci::TimeOffsets& offsets);

// Of the caller, for enter_new_time_namespace: opened before it changes its ids, which closes its
// own files below /proc to it. `proc` is the host's /proc.
[[nodiscard]] Result<UniqueFd> open_time_offsets(int proc);

// The calling process makes the namespace, sets its clocks, and moves into it; the kernel lets no
// one change them afterwards. Only where it is the one user of its memory: no thread, no vfork.
[[nodiscard]] Status enter_new_time_namespace(int proc, int offsets_file,
                                              const oci::TimeOffsets& offsets);

}  // namespace crunlite::namespaces
