// SPDX-License-Identifier: Apache-2.0
// Mounts of type "cgroup" in a container, as the host's hierarchies are (config-linux.md).
#pragma once

#include "base/result.h"
#include "cgroups/group.h"
#include "cgroups/hierarchy.h"
#include "runtime/plan.h"

namespace crunlite::runtime {

[[nodiscard]] bool has_cgroup_mount(const ContainerPlan& plan);

// Replaces each mount of type "cgroup" in the plan by what shows the container its own cgroups: on
// a unified host cgroup2; else a tmpfs with one mount for each hierarchy. In a new cgroup namespace
// they are file systems, else binds of the container's own directories, and where the group has
// none of the runtime's (`own_path` of the hierarchy). Pure.
[[nodiscard]] Status expand_cgroup_mounts(const cgroups::Hierarchy& hierarchy,
                                          const cgroups::GroupRecord& group, ContainerPlan& plan);

}  // namespace crunlite::runtime
