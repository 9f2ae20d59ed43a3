// SPDX-License-Identifier: Apache-2.0
// What a container's init takes over from the host's files: its root, the sources of binds, device
// nodes and what covers masked paths.
#pragma once

#include "base/result.h"
#include "runtime/init.h"
#include "runtime/plan.h"

namespace crunlite::runtime {

// True when this process has no right to copy mounts, but the init of a new user namespace will.
[[nodiscard]] bool init_opens_sources(const ContainerPlan& plan);

// Opens all of it as detached mounts. By the parent, with the host's rights: the container's user
// need not reach the sources then. Or by init before it leaves the host's root.
[[nodiscard]] Status open_sources(const ContainerPlan& plan, InitResources& resources);

}  // namespace crunlite::runtime
