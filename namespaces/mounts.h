// SPDX-License-Identifier: Apache-2.0
// Mounts as data, and their execution by descriptor: detached first, attached once, so that no path
// of the container is resolved twice (config.md#mounts, open_tree(2), fsopen(2), move_mount(2)).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "namespaces/id_map.h"
#include "namespaces/mount_options.h"

namespace crunlite::namespaces {

// One mount of the container, checked and with absolute clean paths.
struct MountPlan {
  std::string field;        // where it stands in config.json, for messages: "mounts[3]"
  std::string destination;  // inside the container, absolute
  std::string type;         // file system type; not used for binds
  std::string source;       // binds: absolute path on the host
  MountOptions options;
  IdMaps id_maps;  // of an id-mapped bind; none: those of the container
};

// The parent's side, before the clone: copies the source of a bind (with its sub-mounts where the
// options ask for it) into a detached tree with all attributes set and cut off from the host's
// propagation, so that the container needs no path of the host, nor the right to reach one.
[[nodiscard]] Result<MountFd> clone_bind_source(const MountPlan& plan);

// A new file system as a detached mount, in the namespaces of the caller.
[[nodiscard]] Result<MountFd> make_filesystem(const MountPlan& plan);

// Attaches a detached tree at its destination inside `root`, an O_PATH descriptor; a missing
// destination is made (a file for a file, else directories), never outside `root`.
[[nodiscard]] Status attach_mount(int root, const MountPlan& plan, MountFd tree);

// Sets the plan's attributes on what is mounted at its destination inside `root` already.
[[nodiscard]] Status change_mount(int root, const MountPlan& plan);

// Attaches a detached tree on exactly the file or directory of `target`.
[[nodiscard]] Status attach_on(int target, int tree);

// Makes all of the caller's mount namespace private or, for MS_SLAVE, one-way.
[[nodiscard]] Status set_root_propagation(unsigned long flag);

// Sets attributes on a mount descriptor, recursively where asked.
[[nodiscard]] Status set_mount_attributes(int mount, uint64_t set, uint64_t clear, bool recursive);
[[nodiscard]] Status set_mount_propagation(int mount, unsigned long flag, bool recursive);

}  // namespace crunlite::namespaces
