// SPDX-License-Identifier: Apache-2.0
// Device nodes of a container: the default ones and those of linux.devices (config-linux.md).
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "oci/config.h"

namespace crunlite::namespaces {

// One node to make.
struct DevicePlan {
  std::string field;  // for messages: "linux.devices[0]"
  std::string path;   // absolute inside the container
  mode_t mode = 0;    // type and permissions
  dev_t device = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

// null, zero, full, random, urandom, tty: what the specification wants in every container.
[[nodiscard]] std::vector<DevicePlan> default_devices();

// linux.devices, checked; an entry replaces the default device of its path.
[[nodiscard]] Result<std::vector<DevicePlan>> plan_devices(const std::vector<oci::Device>& devices);

// A copy of the host's node of that path as a detached mount, for user namespaces, where mknod(2)
// is not allowed; fails unless it is the device it should be.
[[nodiscard]] Result<MountFd> clone_host_device(const DevicePlan& plan);

// Makes the node inside `root`, or attaches `host_copy` (-1: none) where one is given. A node that
// is there already must be the same device.
[[nodiscard]] Status make_device(int root, const DevicePlan& plan, int host_copy);

// /dev/fd, /dev/stdin, /dev/stdout, /dev/stderr, /dev/core (where the kernel has /proc/kcore) and
// /dev/ptmx.
[[nodiscard]] Status make_device_links(int root);

}  // namespace crunlite::namespaces
