// SPDX-License-Identifier: Apache-2.0
// A container's root: attached, masked, made read-only, and put in the place of the host's.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "oci/config.h"

namespace crunlite::namespaces {

// Copies the directory `path` of the host, with the mounts below it, into a detached private tree.
[[nodiscard]] Result<MountFd> clone_root(const std::string& path);

// The host's /dev/null as a detached mount, proven to be character device 1:3: what files are
// masked with must not come from the container (CVE-2025-31133).
[[nodiscard]] Result<MountFd> clone_host_null();

// Attaches a detached root on top of "/" of the caller's new mount namespace. Nothing resolves
// through it until enter_root, and no other directory of the host need be reachable for it.
[[nodiscard]] Status attach_root(int root);

// Covers each path inside `root`: a directory by an empty read-only tmpfs, another file by
// `host_null`, which is attached. A path that is not there is passed over.
[[nodiscard]] Status mask_paths(int root, const oci::Strings& paths, int host_null);

// Makes each path read-only by a mount upon itself. A path that is not there is passed over.
[[nodiscard]] Status make_paths_readonly(int root, const oci::Strings& paths);

// pivot_root(2) into `root` and out of the host's tree, which is detached. The working directory
// is then "/".
[[nodiscard]] Status enter_root(int root);

}  // namespace crunlite::namespaces
