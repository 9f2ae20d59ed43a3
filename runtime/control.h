// SPDX-License-Identifier: Apache-2.0
// What is done to a container that runs: freezing, thawing, other limits.
#pragma once

#include <string>

#include "base/result.h"
#include "oci/config.h"

namespace crunlite::runtime {

// Freezes all processes; Kind::kConflict ("container not running") unless it is created or running.
[[nodiscard]] Status pause_container(const std::string& root, const std::string& id);
// Kind::kConflict ("container not paused") unless it is.
[[nodiscard]] Status resume_container(const std::string& root, const std::string& id);

// Sets other limits, all of them or none. As in other runtimes a 0 means "as it is", limits of
// kernel memory are told and ignored, and device rules that are those of config.json change
// nothing. What was set is noted in the saved config.
[[nodiscard]] Status update_container(const std::string& root, const std::string& id,
                                      oci::Resources resources);

// The members of `changes` in place of those of `base`, objects member by member.
[[nodiscard]] json::Value merge_json(json::Value base, const json::Value& changes);

}  // namespace crunlite::runtime
