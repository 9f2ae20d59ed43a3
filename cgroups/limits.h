// SPDX-License-Identifier: Apache-2.0
// OCI resources as writes to the kernel's interface files: decisions only, pure.
// Errors name the field: "linux.resources.cpu.quota: ...". As in other runtimes a 0 in memory and
// cpu limits means "not set".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/config.h"

namespace crunlite::cgroups {

// What to do when the kernel has no such file, or refuses a value at this moment.
enum class IfMissing {
  kFail,    // the limit was asked for and cannot be had
  kIgnore,  // the value says "no limit", which holds without the file
};

// One write to one interface file.
struct Write {
  std::string controller;  // v1: the hierarchy's; v2: the controller that must be enabled
  std::string file;
  std::string text;
  std::string field;  // the path in config.json, for messages
  IfMissing if_missing = IfMissing::kFail;
  // With EINVAL, try again after the other writes of this controller: a period that fits only the
  // new quota, for example.
  bool retry_last = false;
  // The same limit elsewhere, where `file` does not exist: "blkio.bfq.weight" for "blkio.weight".
  std::string other_file;
  std::string other_text;

  [[nodiscard]] bool operator==(const Write&) const = default;
};

// What is set at present. For a new cgroup: nothing.
struct Present {
  std::optional<uint64_t> memory_usage;  // bytes
  std::optional<uint64_t> memsw_limit;   // v1 memory.memsw.limit_in_bytes
  std::string cpu_quota;                 // v2 first word of cpu.max; "" is "max"
};

// Resources -> writes for v1 hierarchies. Devices are not among them (devices.h). The `unified`
// map is an error here, except for its controllers that `in_unified` names (hybrid).
[[nodiscard]] Result<std::vector<Write>> legacy_writes(const oci::Resources& resources,
                                                       const Present& present = {});

// Resources -> writes for cgroup2, the `unified` map last.
[[nodiscard]] Result<std::vector<Write>> unified_writes(const oci::Resources& resources,
                                                        const Present& present = {});

// The writes of the `unified` map alone, for a hybrid host's cgroup2.
[[nodiscard]] Result<std::vector<Write>> unified_map_writes(const oci::Resources& resources);

// True when no limit is asked for (devices aside).
[[nodiscard]] bool asks_nothing(const oci::Resources& resources);

// cpu.shares (2..262144) -> cpu.weight (1..10000): the curve of runc >= 1.3.2 and crun >= 1.23,
// on which the defaults 1024 and 100 meet. 0 -> 0.
[[nodiscard]] uint64_t cpu_weight(uint64_t shares);
// blkio weight (10..1000) -> io.weight (1..10000).
[[nodiscard]] uint64_t io_weight(uint16_t weight);

}  // namespace crunlite::cgroups
