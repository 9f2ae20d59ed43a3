// SPDX-License-Identifier: Apache-2.0
// Capability sets of a process (capabilities(7), config.md#linux-process), over libcap.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "oci/config.h"

namespace crunlite::runtime {

// Bit N stands for capability number N.
struct CapabilitySets {
  uint64_t bounding = 0;
  uint64_t effective = 0;
  uint64_t inheritable = 0;
  uint64_t permitted = 0;
  uint64_t ambient = 0;
};

struct ParsedCapabilities {
  CapabilitySets sets;
  std::vector<std::string> unknown;  // each once, for a warning: the specification wants no failure
};

// Names are the specification's ("CAP_CHOWN").
[[nodiscard]] ParsedCapabilities parse_capabilities(const oci::Capabilities& names);

// Adds one capability to all sets but the inheritable and ambient ones; for `exec --cap`.
[[nodiscard]] Status add_capability(CapabilitySets& sets, const std::string& name);

// The bounding set of the calling thread.
[[nodiscard]] uint64_t own_bounding_set();

// The effective set of the calling thread; empty where it cannot be read.
[[nodiscard]] uint64_t own_effective_set();

// What of the wish cannot be granted here, since it is not in the bounding set `available`: taken
// out of all sets, as the specification wants no failure; returns the names for a warning.
[[nodiscard]] std::vector<std::string> restrict_to(CapabilitySets& sets, uint64_t available);

// Drops what is not in the bounding set; needs CAP_SETPCAP, so before the ids change.
[[nodiscard]] Status drop_bounding(const CapabilitySets& sets);

// Sets the other four of the calling thread; after the ids have changed.
[[nodiscard]] Status apply_capabilities(const CapabilitySets& sets);

}  // namespace crunlite::runtime
