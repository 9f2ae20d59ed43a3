// SPDX-License-Identifier: Apache-2.0
// Removes trees that came from layers: of any depth and width, with any modes.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <string>

#include "base/result.h"

namespace crunlite::image {

// Removes dir/name and all below it; a missing one is no error. Links are not followed, other
// mounts not entered. Takes two descriptors and one batch of names, whatever the tree, and gives
// an ordinary user the modes it needs on the way. Nobody else may change the tree meanwhile.
[[nodiscard]] Status remove_below(int dir, const std::string& name);

// Empties `dir` but for what `fate` decides to keep; it is asked for each entry of each directory
// that is entered.
enum class Fate { kRemove, kKeep, kEnter, kEnterThenRemoveIfEmpty };
struct PruneEntry {
  ino_t holder;  // the directory it is in
  const std::string& name;
  const struct stat& info;
};
[[nodiscard]] Status prune(int dir, const std::function<Fate(const PruneEntry&)>& fate);

}  // namespace crunlite::image
