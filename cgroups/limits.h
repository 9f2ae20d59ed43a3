// SPDX-License-Identifier: Apache-2.0
// OCI resources as writes to the kernel's interface files: decisions only, pure.
// Errors name the field: "linux.resources.cpu.quota: ...". As in other runtimes a 0 in memory, cpu
// and blockIO limits means "not set". Device rules are in devices.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/config.h"

namespace crunlite::cgroups {

enum class IfMissing {
  kFail,    // the limit was asked for and cannot be had
  kIgnore,  // the value says "no limit", which holds without the file too
};

// One write to one interface file.
struct Write {
  bool unified = false;         // in cgroup2, else in the v1 hierarchy of `controller`
  std::string controller = {};  // "" for cgroup2's own files ("cgroup.max.depth")
  std::string file = {};
  std::string text = {};
  std::string field = {};  // the path in config.json, for messages
  IfMissing if_missing = IfMissing::kFail;
  // When the kernel answers EINVAL, try again after the other writes: a period may fit only the
  // new quota, shares are refused while the group is idle.
  bool retry_last = false;
  // The same limit elsewhere, for kernels without `file`.
  std::string other_file = {};
  std::string other_text = {};

  [[nodiscard]] bool operator==(const Write&) const = default;
};

// Which controllers the host has where.
struct Versions {
  bool unified = true;                   // there is a cgroup2
  std::vector<std::string> legacy = {};  // controllers mounted as v1; all others are cgroup2's

  [[nodiscard]] bool is_legacy(std::string_view controller) const;
};

// What a group has at present, for updates; a new group has nothing of it.
struct Present {
  std::optional<uint64_t> memory_usage = {};  // bytes
  std::optional<uint64_t> memory_limit = {};  // unset: unlimited
  std::optional<uint64_t> memsw_limit = {};   // v1 only; unset: unlimited
  std::string cpu_quota = {};                 // v2: the first word of cpu.max; "" is "max"
};

// The writes in their order. Wrong values, and limits that a version does not have, are refused.
[[nodiscard]] Result<std::vector<Write>> plan_writes(const oci::Resources& resources,
                                                     const Versions& versions,
                                                     const Present& present = {});

// cpu.shares (2..262144) -> cpu.weight (1..10000): the curve that runc and crun use since 2025, on
// which the defaults 1024 and 100 meet. 0 -> 0.
[[nodiscard]] uint64_t cpu_weight(uint64_t shares);
// blkio weight (10..1000) -> io.weight (1..10000). 0 -> 0.
[[nodiscard]] uint64_t io_weight(uint16_t weight);

}  // namespace crunlite::cgroups
