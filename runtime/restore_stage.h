// SPDX-License-Identifier: Apache-2.0
// What CRIU finds when it restores a container: a mount namespace that nobody else sees, in which
// the container's root and every mount of the host's files stand ready under names of ours.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cgroups/group.h"
#include "runtime/checkpoint_files.h"
#include "runtime/init.h"
#include "runtime/plan.h"

namespace crunlite::runtime {

struct StagedMount {
  std::string place;  // in the container
  OriginOfMount origin;
};

struct RestoreStage {
  const ContainerPlan* plan = nullptr;  // borrowed, as are the next two
  InitResources* resources = nullptr;
  const cgroups::Group* group = nullptr;  // nullptr: there is none
  std::vector<StagedMount> mounts;

  // Names below the stage, the same whoever asks.
  [[nodiscard]] static std::string root();
  [[nodiscard]] std::string source_of(size_t mount) const;
};

// The mounts of an image, each with its origin; what is no mount of config.json is refused.
[[nodiscard]] Result<std::vector<StagedMount>> plan_staged_mounts(
    const ContainerPlan& plan, const std::vector<std::string>& places);

// In the child that becomes CRIU: enters namespaces of its own and builds all of it there. A cgroup
// namespace is made in the container's cgroups and left to CRIU, which itself stays outside of
// them, so that it is not counted there.
[[nodiscard]] Status build_stage(RestoreStage& stage);

}  // namespace crunlite::runtime
