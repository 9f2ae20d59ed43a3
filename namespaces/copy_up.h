// SPDX-License-Identifier: Apache-2.0
// The option "tmpcopyup" of a mount: a new tmpfs begins with what the directory held that it
// covers.
#pragma once

#include "base/result.h"

namespace crunlite::namespaces {

// Copies all that lies below the directory `from` to the directory `to`, both readable, with
// owners, modes and extended attributes; links stay links, and no link is followed. Both are held
// by descriptor, so no path is resolved; what is mounted below `from` is not copied. kLimit below
// limits::kCopyDepth. May be called by any thread; the file creation mask must be 0.
[[nodiscard]] Status copy_tree(int from, int to);

}  // namespace crunlite::namespaces
