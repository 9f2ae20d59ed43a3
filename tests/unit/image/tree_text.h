// SPDX-License-Identifier: Apache-2.0
// A tree of files as lines of text, so that tests can say in one glance what they expect.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "image/lower_layers.h"

namespace crunlite::image {

// One line for each path, sorted:
//   "a/"           a directory; " opaque" where marked so
//   "a/f = text"   a file; long content as "# size"; " x2" where it has two names
//   "l -> target"  "p fifo"  "c char 1:3"  "b block 8:0"  "w whiteout"
// Modes are told where they are not 0755 for directories and 0644 for others: "a/ 0700".
[[nodiscard]] std::vector<std::string> describe_tree(int dir);

// The same of what shows through these layers, topmost first, by LowerLayers alone.
[[nodiscard]] std::vector<std::string> describe_layers(const std::vector<int>& layers);

// What shall not change: every path with inode, mode, owner, times and content.
[[nodiscard]] std::vector<std::string> fingerprint_tree(int dir);

}  // namespace crunlite::image
