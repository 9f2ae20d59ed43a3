// SPDX-License-Identifier: Apache-2.0
// The places inside a container's root that mounts are put on, found or made without ever leaving
// it.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace crunlite::namespaces {

// O_PATH descriptor of the file or directory `path` inside `root`, which is made when it is
// missing, with the directories on its way. Links are followed inside `root`, also where they point
// to what is missing: images have an /etc/resolv.conf that leads to a file below /run.
[[nodiscard]] Result<UniqueFd> open_or_make_file(int root, const std::string& path);
[[nodiscard]] Result<DirFd> open_or_make_directory(int root, const std::string& path);

}  // namespace crunlite::namespaces
