// SPDX-License-Identifier: Apache-2.0
// User and group id maps of a user namespace (user_namespaces(7), config-linux.md).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "oci/config.h"

namespace crunlite::namespaces {

struct IdMaps {
  std::vector<oci::IdMapping> uids;
  std::vector<oci::IdMapping> gids;
};

// The text for /proc/PID/uid_map: one line a range.
[[nodiscard]] std::string id_map_text(const std::vector<oci::IdMapping>& maps);

[[nodiscard]] bool maps_container_id(const std::vector<oci::IdMapping>& maps, uint32_t id);

// Writes both maps of the process `pid`, whose user namespace is new. As root directly; an ordinary
// user's own single id directly too, other ranges by newuidmap(1) and newgidmap(1).
// Any single-threaded program.
[[nodiscard]] Status write_id_maps(pid_t pid, const IdMaps& maps);

}  // namespace crunlite::namespaces
