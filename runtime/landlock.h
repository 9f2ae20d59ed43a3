// SPDX-License-Identifier: Apache-2.0
// A Landlock domain for a container's processes, asked for by an annotation (landlock(7),
// docs/annotations.md): what is not listed cannot be reached, whatever the user's rights.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace crunlite::runtime {

struct LandlockRule {
  bool reads = false;     // files and lists of directories
  bool writes = false;    // files; makes, renames and removes names
  bool executes = false;  // programs
  std::string path;       // absolute, inside the container
};
using LandlockPlan = std::vector<LandlockRule>;

// "rx /usr; rwx /tmp": letters of r, w, x, blanks, an absolute path; rules end with ";" or a line's
// end. An empty text allows nothing, which is an error. Pure.
[[nodiscard]] Result<LandlockPlan> parse_landlock(std::string_view text);

// Kind::kUnavailable where the kernel has no Landlock at work.
[[nodiscard]] Status check_landlock();

// Restricts this process and what it executes. Its paths are those of its own root; a missing one
// is an error. Needs no_new_privs or CAP_SYS_ADMIN.
[[nodiscard]] Status enter_landlock(const LandlockPlan& plan);

}  // namespace crunlite::runtime
