// SPDX-License-Identifier: Apache-2.0
// The container's side of a sandbox's private layer: the tmpfs below its overlays, root file
// systems that are made of pieces, and what stands in for mounts that the kernel refuses.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "namespaces/mounts.h"
#include "runtime/plan.h"

namespace crunlite::runtime {

// Mounts the tmpfs and makes the upper and work directories in it.
[[nodiscard]] Status make_private_layer(const PrivateLayer& layer);

// Makes the entries inside `root`, as the caller's "/" still has them. A file that the caller may
// not read is left out.
[[nodiscard]] Status make_entries(int root, const std::vector<CopiedEntry>& entries);

// The mount that takes the place of one which failed with `error`, or that error.
[[nodiscard]] Result<MountFd> make_substitute(const namespaces::MountPlan& plan, Error error);

}  // namespace crunlite::runtime
