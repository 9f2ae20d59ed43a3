// SPDX-License-Identifier: Apache-2.0
// The parts of read_usage(). Inside this module only.
#pragma once

#include <optional>

#include "base/result.h"
#include "cgroups/usage.h"

namespace crunlite::cgroups {

[[nodiscard]] Status read_memory_usage(const Group& group, MemoryUsage& usage);
[[nodiscard]] Status read_block_io_usage(const Group& group, BlockIoUsage& usage);

// Nothing where the kernel has no such file or does not count ("cpu.pressure").
[[nodiscard]] std::optional<Pressure> read_pressure(int cgroup, const char* file);
// 0 where there is no such file.
[[nodiscard]] Result<uint64_t> number_or_zero(int cgroup, const char* file);

}  // namespace crunlite::cgroups
