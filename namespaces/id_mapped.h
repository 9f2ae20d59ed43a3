// SPDX-License-Identifier: Apache-2.0
// Mounts whose owners are shown through a map of ids (mount_setattr(2), config.md#mounts).
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "namespaces/id_map.h"

namespace crunlite::namespaces {

// A user namespace with these maps that nobody is in, which the kernel takes maps from.
// Single-threaded programs only.
[[nodiscard]] Result<UniqueFd> make_id_map_namespace(const IdMaps& maps);

// Maps the ids of a detached mount, and where `recursive` of those below it. Errors say what the
// file system lacks.
[[nodiscard]] Status map_mount_ids(int mount, int user_namespace, bool recursive);

}  // namespace crunlite::namespaces
